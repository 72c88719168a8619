"""The page about datapoints tells the truth: looks, adjusting, devices and reports."""

from collections.abc import Callable, Mapping
import json
import re
from typing import Any, override

import pytest

from custom_components.bemcom_connectors.connector.devices import own_key
from custom_components.bemcom_connectors.connector.framing import create_framer
from custom_components.bemcom_connectors.connector.listener import Listener
from custom_components.bemcom_connectors.connector.model import JsonValue
from custom_components.bemcom_connectors.connector.parsing import create_parser
from custom_components.bemcom_connectors.connector.reporting import Reporter, ReportRule
from custom_components.bemcom_connectors.connector.stream import StreamConnector
from custom_components.bemcom_connectors.connector.transport import TcpTransport
from custom_components.bemcom_connectors.descriptions import describe
from custom_components.bemcom_connectors.device_info import DEFAULT_DEVICE_NAME
from tests.pages import (
    DATAPOINT,
    ENGLISH,
    SELECTORS,
    code,
    labels,
    read,
    row,
    sample,
    setting,
)

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
    r"^\*\*(A .+?)\.\*\*([^*]*?)\sKey of the device\s+id: `(\w+)`\n\n"
    r"```text\n([^`]*)```\n\n\| Device .*\n.*\n((?:\|.*\n)+)",
    re.MULTILINE,
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
        settings |= map(setting, said[0].rstrip(" .").split(" · "))
    connector = StreamConnector(
        "test",
        TcpTransport("127.0.0.1", 1),
        create_framer(settings["framing"], settings),
        create_parser(settings["format"], settings),
        device_id_key=id_key,
    )
    heard = Devices()
    connector.add_listener(heard)
    for chunk in sample(sent):
        for frame in connector.framer.feed(chunk.data):
            connector.run_sensor_flow(frame)
    rows = [line.strip("|").split("|", 1) for line in table.splitlines()]
    assert heard.found == [(code(device), *row(rest)) for device, rest in rows]


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
