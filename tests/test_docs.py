"""The documentation tells the truth: its examples are run, its links and names looked up.

An example is three paragraphs: the settings, as the dialog labels them, separated by " · " (a
table in a form is JSON here); a block with what the device sends; a table of the datapoints.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
import json
from pathlib import Path
import re
from typing import Any, override

import pytest

from custom_components.bemcom_connectors.connector.baud_rate import COMMON_BAUD_RATES
from custom_components.bemcom_connectors.connector.converters import Converter
from custom_components.bemcom_connectors.connector.devices import own_key
from custom_components.bemcom_connectors.connector.escapes import unescape
from custom_components.bemcom_connectors.connector.framing import create_framer
from custom_components.bemcom_connectors.connector.listener import Listener
from custom_components.bemcom_connectors.connector.model import Chunk, JsonValue
from custom_components.bemcom_connectors.connector.parsing import create_parser
from custom_components.bemcom_connectors.connector.recognition import Decoded, decode
from custom_components.bemcom_connectors.connector.reporting import (
    Reporter,
    ReportRule,
)
from custom_components.bemcom_connectors.connector.stream import StreamConnector
from custom_components.bemcom_connectors.connector.thingsboard import read_thingsboard
from custom_components.bemcom_connectors.connector.transport import TcpTransport
from custom_components.bemcom_connectors.descriptions import describe
from custom_components.bemcom_connectors.device_info import DEFAULT_DEVICE_NAME
from custom_components.bemcom_connectors.parsers import (
    converters_folder,
    create_hub_parser,
    parser_aside,
)
from homeassistant.core import HomeAssistant
from tests.source import PACKAGE, REPOSITORY, modules

DOCS = REPOSITORY / "docs"
PAGES = [REPOSITORY / "README.md", *sorted(DOCS.glob("*.md"))]
ENGLISH: dict[str, Any] = json.loads((PACKAGE / "translations/en.json").read_text())
STEPS = ENGLISH["config"]["step"]
SELECTORS = ENGLISH["selector"]
DATAPOINT = ENGLISH["config_subentries"]["datapoint"]

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def read(name: str) -> str:
    """Return a page."""
    return (DOCS / name).read_text()


def labels(*steps: Mapping[str, Any]) -> Iterator[str]:
    """Yield the labels of the fields of forms, and of their sections."""
    for step in steps:
        yield from step.get("data", {}).values()
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
    label: name
    for form in (
        STEPS["decode"],
        STEPS["parameters"],
        STEPS["tcp"]["sections"]["advanced"],
    )
    for name, label in form["data"].items()
}
_TABLES = {"slices", "fields"}
# Formats that are read with the help of Home Assistant.
_ASIDE = {"template", "converter"}


def examples(page: str) -> Iterator[Example]:
    """Read the examples of a page."""
    text = read(page)
    for match in _EXAMPLE.finditer(text):
        settings, sent, table = match.groups()
        line = text.count("\n", 0, match.start()) + 1
        yield Example(
            f"{page} line {line}",
            dict(map(_setting, settings.split(" · "))),
            list(_sample(sent)),
            dict(map(_row, table.splitlines()[2:])),
        )


def _setting(text: str) -> tuple[str, Any]:
    """Read a setting: a label and the label of a choice, or what is typed in."""
    label, value = text.split(": ", 1)
    name = _FIELDS[label]
    if code := _CODE.fullmatch(value):
        return name, json.loads(code[1]) if name in _TABLES else code[1]
    if value in {"on", "off"}:
        return name, value == "on"
    choices = SELECTORS["byte_order" if name.endswith("byte_order") else name]
    chosen = {label: choice for choice, label in choices["options"].items()}
    return name, chosen[value]


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


EXAMPLES = {
    page: list(examples(page))
    for page in ("formats.md", "serial.md")
}
ALL = [example for page in EXAMPLES.values() for example in page]


def each(examples: list[Example]) -> pytest.MarkDecorator:
    """Run a test for each of the examples."""
    return pytest.mark.parametrize(
        "example", examples, ids=lambda example: example.place
    )


each_plain = each([it for it in ALL if it.settings["format"] not in _ASIDE])
each_aside = each([it for it in ALL if it.settings["format"] in _ASIDE])


def check(decoded: Decoded, example: Example) -> None:
    """Compare what came of an example with what it says."""
    assert decoded.datapoints == example.datapoints
    # 1 and 1.0 and true are equal, and still not the same to read.
    assert list(map(repr, decoded.datapoints.values())) == list(
        map(repr, example.datapoints.values())
    )


@pytest.mark.parametrize("page", EXAMPLES)
def test_each_table_of_datapoints_belongs_to_an_example(page: str) -> None:
    assert len(EXAMPLES[page]) == read(page).count("| Datapoint | Value |")


@each_plain
def test_example(example: Example) -> None:
    check(decode(example.sample, example.settings), example)


@each_plain
def test_example_in_pieces(example: Example) -> None:
    if example.settings["framing"] == "chunk":
        return
    pieces = [
        Chunk(chunk.time, bytes([byte]))
        for chunk in example.sample
        for byte in chunk.data
    ]
    assert decode(pieces, example.settings).datapoints == example.datapoints


@pytest.fixture
def converters(hass: HomeAssistant, tmp_path: Path) -> None:
    """Put the converters of the page into Home Assistant's folder."""
    hass.config.config_dir = str(tmp_path)
    folder = converters_folder(hass)
    folder.mkdir(parents=True)
    for name, source in re.findall(
        r"file\s+`(\w+)\.py`[^`]*\n\n```python\n(.*?)```",
        read("formats.md"),
        re.DOTALL,
    ):
        (folder / f"{name}.py").write_text(source)


@each_aside
@pytest.mark.usefixtures("converters")
async def test_example_aside(hass: HomeAssistant, example: Example) -> None:
    """In a thread, as the preview does it."""

    def run() -> Decoded:
        with parser_aside(hass, example.settings) as parse:
            return decode(example.sample, example.settings, parse)

    check(await hass.async_add_executor_job(run), example)


@each_aside
@pytest.mark.usefixtures("converters")
async def test_example_of_a_hub(hass: HomeAssistant, example: Example) -> None:
    """In the event loop where the parser is one for it, as a hub does it."""
    parser = create_hub_parser(hass, example.settings)
    if not isinstance(parser, Converter):
        check(decode(example.sample, example.settings, parser), example)
        return
    try:
        decoded = await asyncio.to_thread(
            decode, example.sample, example.settings, parser.parse
        )
    finally:
        await asyncio.to_thread(parser.close)
    check(decoded, example)


def test_each_framing_and_format_has_an_example() -> None:
    for name in ("framing", "format", "lists"):
        shown = {it.settings.get(name) for it in EXAMPLES["formats.md"]} - {None}
        assert shown == set(SELECTORS[name]["options"])


@pytest.mark.parametrize("name", ["framing", "format", "lists", "slice_mode"])
def test_each_choice_is_explained(name: str) -> None:
    text = read("formats.md")
    for choice, label in SELECTORS[name]["options"].items():
        assert f"{label} (`{choice}`)" in text


@pytest.mark.parametrize("name", ["slice_type", "checksum"])
def test_each_choice_has_its_row(name: str) -> None:
    text = read("formats.md")
    for label in SELECTORS[name]["options"].values():
        assert f"| {label} |" in text


def test_each_parameter_is_explained() -> None:
    text = read("formats.md")
    for label in labels(STEPS["parameters"]):
        assert f"| {label} |" in text
    for table in _TABLES:
        for column in SELECTORS[table]["fields"].values():
            assert f"| {column['name']} |" in text


# How datapoints look

_LOOK = re.compile(
    r"^\| `(\S+)` \| `(.+?)` \| (.*?) \| (.*?) \| (.*?) \|$", re.MULTILINE
)


def looks() -> list[tuple[str, str, str, str, str]]:
    """Read the table of keys and how they are shown."""
    return _LOOK.findall(read("datapoints.md"))


def test_there_is_a_table_of_looks() -> None:
    assert len(looks()) > 10


@pytest.mark.parametrize(("key", "value", "name", "unit", "kind"), looks())
def test_look(key: str, value: str, name: str, unit: str, kind: str) -> None:
    description = describe(key, json.loads(value))
    assert description.name == name
    assert (description.native_unit_of_measurement or "") == unit
    assert str(description.device_class or "").replace("_", " ") == kind


# Adjusting datapoints


def test_each_field_of_a_datapoint_is_explained() -> None:
    text = read("datapoints.md")
    options = ENGLISH["options"]["step"]
    forms = (*DATAPOINT["step"].values(), options["devices"], options["reporting"])
    for label in labels(*forms):
        assert f"| {label} |" in text


def test_the_default_name_of_a_device_is_told() -> None:
    assert f"| Name of a device | `{DEFAULT_DEVICE_NAME}` |" in read("datapoints.md")


# Several devices on a link

_DEVICES = re.compile(
    r"^\*\*(A .+?)\.\*\*(.*?)\sKey of the device\s+id: `(\w+)`\n\n"
    r"```text\n(.*?)```\n\n\| Device .*\n.*\n((?:\|.*\n)+)",
    re.MULTILINE | re.DOTALL,
)


class Devices(Listener):
    """Remembers which datapoints are whose."""

    def __init__(self) -> None:
        """Begin with none."""
        self.found: list[tuple[str | None, str, JsonValue]] = []

    @override
    def on_datapoints(
        self, added: Mapping[str, JsonValue], device_id: str | None
    ) -> None:
        for key, value in added.items():
            self.found.append((device_id, own_key(key, device_id), value))


def test_there_are_examples_of_devices() -> None:
    text = read("datapoints.md")
    assert len(_DEVICES.findall(text)) == text.count("| Device | Datapoint |") > 4


@pytest.mark.parametrize("example", _DEVICES.findall(read("datapoints.md")))
def test_example_of_devices(example: tuple[str, ...]) -> None:
    _, words, id_key, sent, table = example
    settings: dict[str, Any] = {"framing": "auto", "format": "json"}
    if said := re.search(r"Framing: .*", words.replace("\n", " ")):
        settings |= map(_setting, said[0].rstrip(" .").split(" · "))
    connector = StreamConnector(
        "test",
        TcpTransport("127.0.0.1", 1),
        create_framer(settings["framing"], settings),
        create_parser(settings["format"], settings),
        device_id_key=id_key,
    )
    heard = Devices()
    connector.add_listener(heard)
    for chunk in _sample(sent):
        for frame in connector.framer.feed(chunk.data):
            connector.run_sensor_flow(frame)
    rows = [row.strip("|").split("|", 1) for row in table.splitlines()]
    assert heard.found == [(_code(device), *_row(rest)) for device, rest in rows]


# Report strategies


class Clock:
    """A clock that is set by hand, for one timer."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.now = 0.0
        self.due: tuple[float, Callable[[], None]] | None = None

    def time(self) -> float:
        """Return the time."""
        return self.now

    def call_at(self, when: float, callback: Callable[[], None], /) -> Any:
        """Remember the call."""
        self.due = when, callback

    def run_until(self, end: float) -> None:
        """Make the calls that are due until then."""
        while self.due and self.due[0] <= end:
            self.now, callback = self.due
            callback()
        self.now = end


def timelines() -> dict[str, list[str]]:
    """Read the table of what is reported when."""
    table = read("datapoints.md").split("| Second |")[1].split("\n\n")[0]
    rows = f"| Second |{table}".splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return {name: times for name, *times in cells if not name.startswith("-")}


REPORTS = timelines()
SECONDS = [float(second) for second in REPORTS.pop("Second")]
RECEIVED = REPORTS.pop("Received")


def test_each_report_strategy_has_its_timeline() -> None:
    rules = {name.split(", with")[0] for name in REPORTS}
    assert rules == set(SELECTORS["report_strategy"]["options"].values())
    for name in SELECTORS["report_strategy"]["options"]:
        assert f"| `{name.upper()}` |" in read("datapoints.md")


@pytest.mark.parametrize("name", REPORTS)
def test_timeline(name: str) -> None:
    label, _, tolerance = name.partition(", with a tolerance of ")
    chosen = {it: key for key, it in SELECTORS["report_strategy"]["options"].items()}
    options = {"report_strategy": chosen[label], "report_tolerance": tolerance or 0}
    clock = Clock()
    latest: list[str] = []
    reported: dict[float, str] = {}

    def report() -> None:
        reported[clock.now] = latest[-1]

    reporter = Reporter(ReportRule.of(options), report, clock)
    for second, value in zip(SECONDS, RECEIVED, strict=True):
        clock.run_until(second)
        if value:
            latest.append(value)
            reporter.receive(float(value))
    assert [reported.get(second, "") for second in SECONDS] == REPORTS[name]


# The kinds of hubs


@pytest.mark.parametrize("kind", ["tcp", "serial"])
def test_each_field_of_a_hub_is_explained(kind: str) -> None:
    text = read(f"{kind}.md")
    for label in labels(STEPS[kind]):
        assert f"| {label} |" in text


def test_each_field_of_a_request_is_explained() -> None:
    text = read("serial.md")
    for label in labels(STEPS["request"]):
        assert f"| {label} |" in text


def test_each_part_of_the_options_is_named() -> None:
    text = read("tcp.md")
    for label in ENGLISH["options"]["step"]["init"]["menu_options"].values():
        assert f"**{label}**" in text


def test_each_option_of_thingsboard_is_explained() -> None:
    text = read("serial.md")
    for name in (
        "port",
        "baudrate",
        "timeout",
        "bytesize",
        "parity",
        "stopbits",
        "xonxoff",
        "rtscts",
        "dsrdtr",
        "writeTimeout",
        "interByteTimeout",
        "exclusive",
        "delimiter",
        "byteorder",
        "telemetry",
        "attributes",
        "attributeUpdates",
        "serverSideRpc",
        "reportStrategy",
    ):
        assert f"| `{name}` |" in text


def test_the_pasted_configuration_gives_the_datapoints_of_the_example() -> None:
    text = read("serial.md")
    (pasted,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    example = EXAMPLES["serial.md"][-1]
    check(decode(example.sample, read_thingsboard(pasted)), example)


def test_the_common_baud_rates_are_listed() -> None:
    listed = re.search(r"text\s+comes in: ([\d,\sand]+)\.", read("serial.md"))
    assert listed
    assert re.findall(r"\d+", listed[1]) == [str(rate) for rate in COMMON_BAUD_RATES]


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
    text = read("datapoints.md")
    for platform in ENGLISH["entity"].values():
        for entity in platform.values():
            assert f"| {entity['name']} |" in text


# Troubleshooting


def first_sentence(text: str) -> str:
    """Return the beginning of a message as the tables show it."""
    return re.sub(r"{\w+}", "…", re.split(r"(?<=\.) ", text)[0])


@pytest.mark.parametrize("kind", ["config", "options", "datapoint"])
def test_each_message_of_the_dialog_is_explained(kind: str) -> None:
    text = read("troubleshooting.md")
    flow = DATAPOINT if kind == "datapoint" else ENGLISH[kind]
    for key, message in {**flow["error"], **flow.get("abort", {})}.items():
        if key.startswith("invalid_") and "{reason}" in message:
            continue  # explained as one
        assert f"| {first_sentence(message)}" in text, key


def test_each_dead_end_of_the_dialog_is_explained() -> None:
    text = read("troubleshooting.md")
    for step in ("no_data", "link_lost", "garbled", "no_baud_rate", "no_datapoints"):
        assert f"**{STEPS[step]['title']}.**" in text


def test_each_repair_issue_is_explained() -> None:
    text = read("troubleshooting.md")
    for issue in ENGLISH["issues"].values():
        assert f"| {re.sub(r'{name}', '…', issue['title'])} |" in text


def test_all_of_system_health_is_explained() -> None:
    text = read("troubleshooting.md")
    for label in ENGLISH["system_health"]["info"].values():
        assert f"| {label} |" in text


def test_each_action_is_explained() -> None:
    text = read("formats.md")
    for name, action in ENGLISH["services"].items():
        assert f"**{action['name']}** (`bemcom_connectors.{name}`)" in text


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
