"""The documentation tells the truth: its examples are run, its links and names looked up.

An example in docs/formats.md is three paragraphs: the settings, as the dialog labels them,
separated by " · "; a block with what the device sends; a table of the datapoints.
"""

from collections.abc import Iterator
from dataclasses import dataclass
import json
from pathlib import Path
import re
from typing import Any

import pytest

from custom_components.bemcom_connectors.connector.escapes import unescape
from custom_components.bemcom_connectors.connector.model import Chunk, JsonValue
from custom_components.bemcom_connectors.connector.recognition import decode
from custom_components.bemcom_connectors.descriptions import describe
from tests.source import PACKAGE, REPOSITORY, modules

DOCS = REPOSITORY / "docs"
PAGES = [REPOSITORY / "README.md", *sorted(DOCS.glob("*.md"))]
ENGLISH: dict[str, Any] = json.loads((PACKAGE / "translations/en.json").read_text())
STEPS = ENGLISH["config"]["step"]

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def read(name: str) -> str:
    """Return a page."""
    return (DOCS / name).read_text()


# The examples of formats


@dataclass
class Example:
    """Settings, what a device sends with them, and the datapoints that result."""

    line: int
    settings: dict[str, Any]
    sample: list[Chunk]
    datapoints: dict[str, JsonValue]


_EXAMPLE = re.compile(
    r"^(Framing: .+)\n\n```text\n([^`]*)```\n\n((?:\|.*\n)+)", re.MULTILINE
)
_CODE = re.compile(r"`(.*)`")
_FIELDS = {
    label: name
    for step in ("decode", "parameters")
    for name, label in STEPS[step]["data"].items()
}


def examples() -> Iterator[Example]:
    """Read the examples."""
    text = read("formats.md")
    for match in _EXAMPLE.finditer(text):
        settings, sent, table = match.groups()
        yield Example(
            text.count("\n", 0, match.start()) + 1,
            dict(map(_setting, settings.split(" · "))),
            list(_sample(sent)),
            dict(map(_row, table.splitlines()[2:])),
        )


def _setting(text: str) -> tuple[str, Any]:
    """Read a setting: a label and the label of a choice, or what is typed in."""
    label, value = text.split(": ", 1)
    name = _FIELDS[label]
    if code := _CODE.fullmatch(value):
        return name, code[1]
    if value in {"on", "off"}:
        return name, value == "on"
    choices = ENGLISH["selector"][name]["options"]
    return name, {label: choice for choice, label in choices.items()}[value]


def _sample(block: str) -> Iterator[Chunk]:
    """Read what a device sends, in the pieces that are told."""
    now = 0.0
    for piece in re.split(r"^(\(pause\)|\(next read\))\n", block, flags=re.MULTILINE):
        if piece == "(pause)":
            now += 1
        elif piece != "(next read)":
            yield Chunk(now, unescape(piece.replace("\n", "")))


def _row(text: str) -> tuple[str, JsonValue]:
    """Read a row: a key and a value."""
    key, value = text.strip("|").split("|")
    if value.strip() == "unknown":
        return _code(key), None
    parsed: JsonValue = json.loads(_code(value))
    return _code(key), parsed


def _code(cell: str) -> str:
    """Return what is written as code."""
    match = _CODE.fullmatch(cell.strip())
    assert match, cell
    return match[1]


EXAMPLES = list(examples())
each_example = pytest.mark.parametrize(
    "example", EXAMPLES, ids=lambda example: f"line {example.line}"
)


def test_each_table_of_datapoints_belongs_to_an_example() -> None:
    assert len(EXAMPLES) == read("formats.md").count("| Datapoint | Value |")


@each_example
def test_example(example: Example) -> None:
    decoded = decode(example.sample, example.settings)
    assert decoded.datapoints == example.datapoints
    # 1 and 1.0 and true are equal, and still not the same to read.
    assert list(map(repr, decoded.datapoints.values())) == list(
        map(repr, example.datapoints.values())
    )


@each_example
def test_example_in_pieces(example: Example) -> None:
    if example.settings["framing"] == "chunk":
        return
    pieces = [
        Chunk(chunk.time, bytes([byte]))
        for chunk in example.sample
        for byte in chunk.data
    ]
    assert decode(pieces, example.settings).datapoints == example.datapoints


def test_each_framing_and_format_has_an_example() -> None:
    for name in ("framing", "format", "lists"):
        shown = {example.settings.get(name) for example in EXAMPLES} - {None}
        assert shown == set(ENGLISH["selector"][name]["options"])


@pytest.mark.parametrize("name", ["framing", "format", "lists"])
def test_each_choice_is_explained(name: str) -> None:
    text = read("formats.md")
    for choice, label in ENGLISH["selector"][name]["options"].items():
        assert f"{label} (`{choice}`)" in text


def test_each_parameter_is_explained() -> None:
    text = read("formats.md")
    for label in STEPS["parameters"]["data"].values():
        assert f"| {label} |" in text


# How datapoints look

_LOOK = re.compile(
    r"^\| `(\S+)` \| `(.+?)` \| (.*?) \| (.*?) \| (.*?) \|$", re.MULTILINE
)


def looks() -> list[tuple[str, str, str, str, str]]:
    """Read the table of keys and how they are shown."""
    return _LOOK.findall(read("formats.md"))


def test_there_is_a_table_of_looks() -> None:
    assert len(looks()) > 10


@pytest.mark.parametrize(("key", "value", "name", "unit", "kind"), looks())
def test_look(key: str, value: str, name: str, unit: str, kind: str) -> None:
    description = describe(key, json.loads(value))
    assert description.name == name
    assert (description.native_unit_of_measurement or "") == unit
    assert str(description.device_class or "").replace("_", " ") == kind


# The TCP hub


def test_each_field_of_a_tcp_hub_is_explained() -> None:
    text = read("tcp.md")
    step = STEPS["tcp"]
    labels = [
        *step["data"].values(),
        *(label for it in step["sections"].values() for label in it["data"].values()),
    ]
    for label in labels:
        assert f"| {label} |" in text


def test_each_variable_of_bemcom_is_explained() -> None:
    text = read("tcp.md")
    for name in (
        "CONNECTOR_NAME",
        "SERVER_IP",
        "SERVER_PORT",
        "RECV_BUFSIZE",
        "RECV_TIMEOUT",
        "PARSE_AS",
    ):
        assert f"| `{name}` |" in text


def test_each_entity_of_a_hub_is_explained() -> None:
    text = read("tcp.md")
    for platform in ENGLISH["entity"].values():
        for entity in platform.values():
            assert f"| {entity['name']} |" in text


# Troubleshooting


def test_each_message_of_the_dialog_is_explained() -> None:
    text = read("troubleshooting.md")
    config = ENGLISH["config"]
    for key, message in {**config["error"], **config["abort"]}.items():
        if key.startswith("invalid_") and "{reason}" in message:
            continue  # explained as one
        first = re.split(r"(?<=\.) ", message)[0]
        assert f"| {re.sub(r'{\w+}', '…', first)}" in text, key
    for step in ("no_data", "link_lost"):
        assert f"**{STEPS[step]['title']}.**" in text


# Architecture


def test_each_module_has_its_line() -> None:
    listed: set[Path] = set()
    folder = REPOSITORY
    for line in read("architecture.md").splitlines():
        if re.fullmatch(r"custom_components/\S+/", line):
            folder = REPOSITORY / line
        elif module := re.match(r"  (\w+\.py) ", line):
            listed.add(folder / module[1])
    assert listed == set(modules())


def test_scripts_exist() -> None:
    for page in PAGES:
        for name in re.findall(r"\bscripts/([\w-]+)", page.read_text()):
            assert (REPOSITORY / "scripts" / name).is_file(), f"{page.name}: {name}"


# Links


def slugs(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    found: set[str] = set()
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for heading in re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        count = 0
        while (numbered := f"{slug}-{count}" if count else slug) in found:
            count += 1
        found.add(numbered)
    return found


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if re.match(r"https?://", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), target
        if anchor:
            assert anchor in slugs(path), target


def test_each_page_is_linked_from_the_readme() -> None:
    text = PAGES[0].read_text()
    for page in PAGES[1:]:
        assert f"(docs/{page.name})" in text


@each_page
def test_pages_are_plain(page: Path) -> None:
    """No emojis, no images from elsewhere."""
    text = page.read_text()
    assert not re.search("[\u2600-\u27bf\U0001f300-\U0001faff]", text)
    assert not re.search(r"!\[[^\]]*\]\(https?:", text)
