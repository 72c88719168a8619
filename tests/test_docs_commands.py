"""The page about commands tells the truth: its examples are run, and no field is left out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
import json
from pathlib import Path
import re
from typing import Any

import pytest
import voluptuous as vol

from custom_components.bemcom_connectors.command_fields import reply_fields
from custom_components.bemcom_connectors.command_preview import (
    bytes_as_text,
    command_aside,
)
from custom_components.bemcom_connectors.connector.commands import (
    StreamCommand,
    create_command,
)
from custom_components.bemcom_connectors.connector.devices import Device
from custom_components.bemcom_connectors.connector.escapes import unescape
from custom_components.bemcom_connectors.connector.model import (
    CommandError,
    CommandReason,
    JsonValue,
)
from custom_components.bemcom_connectors.connector.replies import ReplyFraming
from custom_components.bemcom_connectors.connector.thingsboard_commands import (
    read_thingsboard_commands,
)
from custom_components.bemcom_connectors.parsers import converters_folder
from homeassistant.core import HomeAssistant
from tests.pages import ENGLISH, SELECTORS, code, labels, plain, read

PAGE = read("commands.md")
ACTUATOR = ENGLISH["config_subentries"]["actuator"]
STEPS = ACTUATOR["step"]
KINDS = {label: kind for kind, label in STEPS["user"]["menu_options"].items()} | {
    "A method": "method"
}
HUB = Device("", name="demo-serial-sensor")

# The choices of a field, where they are not called like it.
_CHOICES = {
    "encoding": "command_encoding",
    "binary_type": "value_type",
    "checksum_byte_order": "byte_order",
    "reply_byte_order": "byte_order",
    "reply_type": "slice_type",
}
_NUMBERS = {
    "minimum",
    "maximum",
    "step",
    "scale",
    "offset",
    "reply_size",
    "reply_from_byte",
    "reply_to_byte",
    "reply_timeout",
}


# Reading the page


@dataclass
class Example:
    """An actuator, what some values become, and what becomes of some replies."""

    place: str
    options: dict[str, Any]
    samples: list[list[str]]
    replies: list[list[str]]


_EXAMPLE = re.compile(
    r"^(What can be set: [^|]+?)\n\n(\| Value \|.*\n(?:\|.*\n)+)"
    r"(?:\n(\| Reply \| What becomes of it \|.*\n(?:\|.*\n)+))?",
    re.MULTILINE,
)


def examples() -> Iterator[Example]:
    """Read the examples."""
    for match in _EXAMPLE.finditer(PAGE):
        line = PAGE.count("\n", 0, match.start()) + 1
        words = match[1].replace("\n", " ").split(" · ")
        yield Example(
            f"line {line}", options_of(words), cells(match[2]), cells(match[3])
        )


def cells(table: str | None) -> list[list[str]]:
    """Return the cells of the rows of a table."""
    rows = (table or "").splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def options_of(words: list[str]) -> dict[str, Any]:
    """Return the options that a line of settings says, in the order of the forms."""
    settings = [word.strip().split(": ", 1) for word in words]
    assert settings[0][0] == "What can be set"
    options: dict[str, Any] = {"kind": KINDS[settings[0][1]]}
    names = dict(named(STEPS[f"describe_{options['kind']}"]))
    for label, text in settings[1:]:
        option = names[label]
        options[option] = value_of(option, text)
        if option == "encoding":
            names |= dict(named(STEPS[f"encode_{options[option]}"]))
        elif option == "reply_framing":
            names = dict(named(STEPS["reply"]))
    return options


def named(step: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the labels of a form with the options they are for."""
    for name, label in step.get("data", {}).items():
        yield plain(label), name
    for inner in step.get("sections", {}).values():
        yield from named(inner)


def value_of(option: str, text: str) -> Any:
    """Return what was entered, or the choice that has a label."""
    if text.startswith("`"):
        entered = code(text)
        is_json = option in _NUMBERS or option == "choices"
        return json.loads(entered) if is_json else entered
    choices = SELECTORS[_CHOICES.get(option, option)]["options"]
    return {label: choice for choice, label in choices.items()}[text]


EXAMPLES = list(examples())
each_example = pytest.mark.parametrize(
    "example", EXAMPLES, ids=lambda example: example.place
)


# Running it


@pytest.fixture
def converters(hass: HomeAssistant, tmp_path: Path) -> None:
    """Put the converters of the page into Home Assistant's folder."""
    hass.config.config_dir = str(tmp_path)
    folder = converters_folder(hass)
    folder.mkdir(parents=True)
    for name, source in re.findall(
        r"file\s+`(\w+)\.py`[^`]*\n\n```python\n(.*?)```", PAGE, re.DOTALL
    ):
        (folder / f"{name}.py").write_text(source)


def check_sample(command: StreamCommand, device: Device, row: list[str]) -> None:
    """Compare the bytes of a value with what the page says."""
    shown, text, data = row
    value: JsonValue = None if shown == "–" else json.loads(code(shown))
    sent = command.encode(command.actuator.accept(value), device)
    assert [bytes_as_text(sent), sent.hex(" ")] == [code(text), code(data)]


@each_example
@pytest.mark.usefixtures("converters")
async def test_example(hass: HomeAssistant, example: Example) -> None:
    """The bytes of its values, as the preview makes them, and what replies are."""

    def run() -> None:
        with command_aside(hass, example.options) as command:
            for row in example.samples:
                check_sample(command, HUB, row)
            value = sample_of(example.samples[0])
            for reply, outcome in example.replies:
                assert outcome_of(command, value, code(reply)) == outcome

    await hass.async_add_executor_job(run)


def sample_of(row: list[str]) -> JsonValue:
    """Return the value in a row."""
    found: JsonValue = None if row[0] == "–" else json.loads(code(row[0]))
    return found


def outcome_of(command: StreamCommand, value: JsonValue, reply: str) -> str:
    """Return what becomes of a message that comes after a command."""
    assert command.reply is not None
    expectation = command.reply.expect(command.variables(value, HUB))
    frame = unescape(reply)
    if not expectation.is_reply(frame):
        return "a reading"
    try:
        return f"`{json.dumps(expectation.decode(frame))}`"
    except CommandError as err:
        assert err.reason is CommandReason.REFUSED
        return "a refusal"


def test_each_kind_and_way_of_writing_has_an_example() -> None:
    assert PAGE.count("\n| Value | As text | As bytes |") == len(EXAMPLES)
    assert {it.options["kind"] for it in EXAMPLES} == set(KINDS.values()) - {
        "thingsboard"
    }
    encodings = {it.options["encoding"] for it in EXAMPLES}
    assert encodings == set(SELECTORS["command_encoding"]["options"])


_RENDERED = re.compile(r"^\| `(.*\$.*)` \| `(.*)` \| `(.*)` \|$", re.MULTILINE)


def test_there_is_a_table_of_templates() -> None:
    assert len(_RENDERED.findall(PAGE)) > 8


@pytest.mark.parametrize("row", _RENDERED.findall(PAGE))
def test_template(row: tuple[str, str, str]) -> None:
    template, value, sent = row
    options = {"key": "a7__target", "device_id": "a7", "kind": "method"}
    command = create_command({**options, "template": template})
    device = Device("a7", "pump", "Garden pump")
    assert bytes_as_text(command.encode(json.loads(value), device)) == sent


def test_the_pasted_configuration_gives_the_actuators_of_the_table() -> None:
    (pasted,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    found = [create_command(it) for it in read_thingsboard_commands(pasted)]
    table = re.search(r"^\| Actuator \|.*\n(?:\|.*\n)+", PAGE, re.MULTILINE)
    assert table
    rows = cells(table[0])
    assert len(rows) == len(found)
    for command, (key, kind, *row) in zip(found, rows, strict=True):
        assert (code(key), KINDS[kind]) == (command.actuator.key, command.actuator.kind)
        check_sample(command, HUB, row)


# Nothing is left out


def test_each_default_of_a_reply_is_told() -> None:
    """In the form that has the fields of every framing."""
    table = PAGE.partition("## The reply")[2]
    fields = {str(it): it for framing in ReplyFraming for it in reply_fields(framing)}
    for name, label in STEPS["reply"]["data"].items():
        if isinstance(default := fields[name].default, vol.Undefined):
            continue
        (told,) = re.findall(rf"^\| {label} \| (.*?) \|", table, re.MULTILINE)[:1]
        key = _CHOICES.get(name, name.removeprefix("reply_"))
        choices = SELECTORS.get(key, {}).get("options", {})
        shown = {True: "on", False: "off"}.get(default(), default())
        assert told.strip("`") in {
            str(choices.get(default(), shown)),
            f"{default()} ms",
            f"{default():g} s" if isinstance(default(), float) else "",
        }


def test_each_field_is_explained() -> None:
    for label in labels(*STEPS.values()):
        if label == plain(STEPS["thingsboard"]["data"]["thingsboard"]):
            assert f"called **{label}**" in PAGE
        elif label != STEPS["sample"]["data"]["value"]:
            assert f"| {label} |" in PAGE


def test_each_menu_is_explained() -> None:
    text = PAGE.replace("\n   ", " ").replace("\n", " ")
    for step in STEPS.values():
        for label in step.get("menu_options", {}).values():
            assert f"**{label}**" in text
    for label in ACTUATOR["initiate_flow"].values():
        assert f"**{label}**" in text
    for step in ("user", "unusable"):
        assert f"**{STEPS[step]['title']}**" in text


@pytest.mark.parametrize("name", ["state_source", "reply_framing"])
def test_each_choice_has_its_row(name: str) -> None:
    for label in SELECTORS[name]["options"].values():
        assert f"| {label} |" in PAGE


def test_each_setting_of_thingsboard_is_explained() -> None:
    named = re.findall(
        r"^\| (`.*?) \|", PAGE.partition("## From ThingsBoard")[2], re.MULTILINE
    )
    settings = {name for row in named for name in re.findall(r"`(\w+)`", row)}
    assert {
        "attributeUpdates",
        "attributeOnPlatform",
        "attributeOnThingsBoard",
        "stringToDevice",
        "serverSideRpc",
        "method",
        "methodRPC",
        "type",
        "byteorder",
        "encoding",
        "methodProcessing",
        "withResponse",
        "responseType",
        "responseFromByte",
        "responseToByte",
        "responseFromDelimiter",
        "responseUntilDelimiter",
        "responseTimeoutSec",
    } <= settings
