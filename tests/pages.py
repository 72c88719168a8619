"""The pages of the documentation, and the examples in them.

An example is three paragraphs: the settings, as the dialog labels them, separated by " · " (a
table in a form is JSON here); a block with what the device sends; a table of the datapoints.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
import json
import re
from typing import Any

from custom_components.bemcom_connectors.connector.escapes import unescape
from custom_components.bemcom_connectors.connector.model import Chunk, JsonValue
from custom_components.bemcom_connectors.connector.recognition import Decoded
from tests.source import PACKAGE, REPOSITORY

DOCS = REPOSITORY / "docs"
PAGES = [REPOSITORY / "README.md", *sorted(DOCS.glob("*.md"))]
ENGLISH: dict[str, Any] = json.loads((PACKAGE / "translations/en.json").read_text())
STEPS = ENGLISH["config"]["step"]
SELECTORS = ENGLISH["selector"]
DATAPOINT = ENGLISH["config_subentries"]["datapoint"]


def read(name: str) -> str:
    """Return a page."""
    return (DOCS / name).read_text()


def plain(label: str) -> str:
    """Return a label without the words that explain it: "Slices: where each value is"."""
    return label.partition(":")[0]


def labels(*steps: Mapping[str, Any]) -> Iterator[str]:
    """Yield the labels of the fields of forms, and of their sections."""
    for step in steps:
        yield from map(plain, step.get("data", {}).values())
        yield from labels(*step.get("sections", {}).values())


# The examples


@dataclass
class Example:
    """Settings, what a device sends with them, and the datapoints that result."""

    place: str
    settings: dict[str, Any]
    sample: list[Chunk]
    datapoints: dict[str, JsonValue]


_EXAMPLE = re.compile(
    r"^(Framing: .+)\n\n```text\n([^`]*)```\n\n((?:\|.*\n)+)", re.MULTILINE
)
_CODE = re.compile(r"`(.*)`")
_FIELDS = {
    plain(label): name
    for form in (
        STEPS["decode"],
        STEPS["parameters"],
        STEPS["tcp"]["sections"]["advanced"],
    )
    for name, label in form["data"].items()
}
TABLES = {"slices", "fields"}


def examples(page: str) -> Iterator[Example]:
    """Read the examples of a page."""
    text = read(page)
    for match in _EXAMPLE.finditer(text):
        settings, sent, table = match.groups()
        line = text.count("\n", 0, match.start()) + 1
        yield Example(
            f"{page} line {line}",
            dict(map(setting, settings.split(" · "))),
            list(sample(sent)),
            dict(map(row, table.splitlines()[2:])),
        )


def setting(text: str) -> tuple[str, Any]:
    """Read a setting: a label and the label of a choice, or what is typed in."""
    label, value = text.split(": ", 1)
    name = _FIELDS[label]
    if code := _CODE.fullmatch(value):
        return name, json.loads(code[1]) if name in TABLES else code[1]
    if value in {"on", "off"}:
        return name, value == "on"
    choices = SELECTORS["byte_order" if name.endswith("byte_order") else name]
    chosen = {label: choice for choice, label in choices["options"].items()}
    return name, chosen[value]


def sample(block: str) -> Iterator[Chunk]:
    """Read what a device sends, in the pieces that are told."""
    now = 0.0
    for piece in re.split(r"^(\(pause\)|\(next read\))\n", block, flags=re.MULTILINE):
        if piece == "(pause)":
            now += 1
        elif piece != "(next read)":
            yield Chunk(now, unescape(piece.replace("\n", "")))


def row(text: str) -> tuple[str, JsonValue]:
    """Read a row: a key and a value."""
    key, value = text.strip("|").split("|")
    if value.strip() == "unknown":
        return code(key), None
    parsed: JsonValue = json.loads(code(value))
    return code(key), parsed


def code(cell: str) -> str:
    """Return what is written as code."""
    match = _CODE.fullmatch(cell.strip())
    assert match, cell
    return match[1]


EXAMPLES = {page: list(examples(page)) for page in ("formats.md", "serial.md")}
ALL = [example for page in EXAMPLES.values() for example in page]


def check(decoded: Decoded, example: Example) -> None:
    """Compare what came of an example with what it says."""
    assert decoded.datapoints == example.datapoints
    # 1 and 1.0 and true are equal, and still not the same to read.
    assert list(map(repr, decoded.datapoints.values())) == list(
        map(repr, example.datapoints.values())
    )
