"""The subentry flow of an actuator: what can be set, how it is written, and its bytes."""

import json
from pathlib import Path
from typing import Any

from hypothesis import given, strategies as st
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bemcom_connectors.command_preview import bytes_as_text
from custom_components.bemcom_connectors.config_flow import BemcomConfigFlow
from custom_components.bemcom_connectors.connector.commands import create_command
from custom_components.bemcom_connectors.connector.devices import Device as SeplDevice
from custom_components.bemcom_connectors.connector.escapes import unescape
from custom_components.bemcom_connectors.const import DOMAIN, SUBENTRY_ACTUATOR
from custom_components.bemcom_connectors.datapoint_catalog import (
    STORAGE_VERSION,
    datapoint_store,
)
from custom_components.bemcom_connectors.descriptions import describe
from custom_components.bemcom_connectors.parsers import converters_folder
from custom_components.bemcom_connectors.stored_descriptions import to_dict
from homeassistant.config_entries import (
    SOURCE_USER,
    ConfigSubentryData,
    SubentryFlowResult,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from tests.device import Device
from tests.hub import NAME, OPTIONS, hub_entry, receive, set_up
from tests.subentries import choose, fields, shown, submit

CHECKED = 'def encode(key, value):\n    return f"{key}={value};".encode()\n'


def idle_hub(
    *actuators: dict[str, Any], options: dict[str, Any] | None = None
) -> MockConfigEntry:
    """Return a hub that is not loaded, with actuators."""
    return MockConfigEntry(
        domain=DOMAIN,
        title=NAME,
        data={"hub_kind": "tcp", "connector_name": NAME},
        options=OPTIONS | (options or {}),
        subentries_data=[
            ConfigSubentryData(
                data=actuator,
                subentry_type=SUBENTRY_ACTUATOR,
                title=actuator.get("name", actuator["key"]),
                unique_id=f"actuator {actuator['key']}",
            )
            for actuator in actuators
        ],
    )


@pytest.fixture
def entry(hass: HomeAssistant) -> MockConfigEntry:
    """Return a hub that is not loaded and has nothing."""
    entry = idle_hub()
    entry.add_to_hass(hass)
    return entry


@pytest.fixture
def folder(hass: HomeAssistant, tmp_path: Path) -> Path:
    """Return the empty folder of converters."""
    hass.config.config_dir = str(tmp_path)
    folder = converters_folder(hass)
    folder.mkdir(parents=True)
    return folder


async def start(
    hass: HomeAssistant, entry: MockConfigEntry, kind: str
) -> SubentryFlowResult:
    """Open the dialog that adds an actuator of a kind."""
    await hass.async_block_till_done()
    result = await hass.config_entries.subentries.async_init(
        (entry.entry_id, SUBENTRY_ACTUATOR), context={"source": SOURCE_USER}
    )
    assert (result["type"], result["step_id"]) == (FlowResultType.MENU, "user")
    result = await choose(hass, result, kind)
    assert result["type"] is FlowResultType.FORM
    return result


async def change(
    hass: HomeAssistant, entry: MockConfigEntry, key: str
) -> SubentryFlowResult:
    """Open the dialog that changes an actuator."""
    await hass.async_block_till_done()
    result: SubentryFlowResult = await entry.start_subentry_reconfigure_flow(
        hass, subentry_of(entry, key).subentry_id
    )
    return result


def subentry_of(entry: MockConfigEntry, key: str) -> Any:
    """Return the subentry of an actuator."""
    found = [
        it for it in entry.subentries.values() if it.unique_id == f"actuator {key}"
    ]
    assert len(found) == 1
    assert found[0].subentry_type == SUBENTRY_ACTUATOR
    return found[0]


def saved(entry: MockConfigEntry, key: str) -> dict[str, Any]:
    """Return what is kept of an actuator, which is one that works."""
    data = dict(subentry_of(entry, key).data)
    if data.get("encoding") != "converter":
        assert create_command(data).actuator.key == key
    return data


def said_in(result: SubentryFlowResult, name: str) -> str:
    """Return a text that a step puts into its description."""
    placeholders = result["description_placeholders"]
    assert placeholders is not None
    return placeholders[name]


def samples(result: SubentryFlowResult) -> list[list[str]]:
    """Return the table of a preview."""
    assert (result["type"], result["step_id"]) == (FlowResultType.MENU, "preview")
    rows = said_in(result, "samples").split("\n")
    return [[cell.strip() for cell in row[1:-1].split(" | ")] for row in rows]


async def to_preview(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    kind: str,
    template: str = "${value}",
    **described: Any,
) -> SubentryFlowResult:
    """Add an actuator that is written with a template, up to its preview."""
    result = await submit(hass, await start(hass, entry, kind), **described)
    assert result["step_id"] == f"encode_{described.get('encoding', 'template')}"
    return await submit(hass, result, template=template)


# From the first form to the last


@pytest.mark.usefixtures("loopback")
async def test_a_number_is_added(hass: HomeAssistant, device: Device) -> None:
    """What is known of its datapoint need not be said."""
    entry = hub_entry(device.port)
    connector = await set_up(hass, entry)
    await receive(hass, device, connector, b'{"temperature_C":21.5,"relay":true}\n')
    result = await start(hass, entry, "number")
    assert result["step_id"] == "describe_number"
    assert list(fields(result)) == [
        "key",
        "name",
        "minimum",
        "maximum",
        "step",
        "unit",
        "state_source",
        "state_key",
        "encoding",
        "reply_framing",
        "scaling",
    ]
    assert fields(result)["key"].config["options"] == [
        {"value": "temperature_C", "label": "Temperature (temperature_C): 21.5 °C"},
        {"value": "relay", "label": "Relay (relay): true"},
    ]
    result = await submit(
        hass, result, key="temperature_C", minimum=5, maximum=30, step=0.5
    )
    assert result["step_id"] == "encode_template"
    assert shown(result) == {"template": "${value}\\n"}
    result = await submit(hass, result, template="set ${attribute} ${value:.1f}\\r\\n")
    assert samples(result) == [
        [
            "`21.5`",
            "`set temperature_C 21.5\\r\\n`",
            "`73 65 74 20 74 65 6d 70 65 72 61 74 75 72 65 5f 43 20 32 31 2e 35 0d 0a`",
        ],
        [
            "`5`",
            "`set temperature_C 5.0\\r\\n`",
            "`73 65 74 20 74 65 6d 70 65 72 61 74 75 72 65 5f 43 20 35 2e 30 0d 0a`",
        ],
        [
            "`30`",
            "`set temperature_C 30.0\\r\\n`",
            "`73 65 74 20 74 65 6d 70 65 72 61 74 75 72 65 5f 43 20 33 30 2e 30 0d 0a`",
        ],
    ]
    assert said_in(result, "name") == "Temperature"
    assert said_in(result, "key") == "temperature_C"
    assert said_in(result, "reply") == "No reply"
    assert result["menu_options"] == ["save", "sample", "encode", "describe"]
    result = await choose(hass, result, "save")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == "Temperature"
    assert saved(entry, "temperature_C") == {
        "kind": "number",
        "key": "temperature_C",
        "name": "Temperature",
        "minimum": 5,
        "maximum": 30,
        "step": 0.5,
        "unit": "°C",
        "state_source": "datapoint",
        "encoding": "template",
        "reply_framing": "none",
        "template": "set ${attribute} ${value:.1f}\\r\\n",
    }
    await hass.async_block_till_done()


async def test_a_number_is_scaled(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    result = await to_preview(
        hass, entry, "number", key="level", scaling={"scale": 0.1, "offset": -5}
    )
    assert samples(result) == [
        ["`0`", "`50`", "`35 30`"],
        ["`100`", "`1050`", "`31 30 35 30`"],
    ]
    await choose(hass, result, "save")
    assert saved(entry, "level").items() >= {"scale": 0.1, "offset": -5}.items()
    result = await change(hass, entry, "level")
    assert not fields(result)["scaling"].options["collapsed"]
    assert shown(result).items() >= {"scale": 0.1, "offset": -5}.items()
    result = await submit(hass, result, key="level")
    assert result["step_id"] == "encode_template"
    result = await choose(hass, await submit(hass, result, template="x"), "save")
    assert result["reason"] == "reconfigure_successful"
    assert not {"scale", "offset"} & set(saved(entry, "level"))


async def test_a_switch(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """What it sends may be the empty text; nothing is known to show its state."""
    result = await to_preview(
        hass,
        entry,
        "switch",
        template="relay ${value}.",
        key="relay",
        payload_on="ON",
        payload_off="",
    )
    assert samples(result) == [
        ["`true`", "`relay ON.`", "`72 65 6c 61 79 20 4f 4e 2e`"],
        ["`false`", "`relay .`", "`72 65 6c 61 79 20 2e`"],
    ]
    await choose(hass, result, "save")
    assert saved(entry, "relay") == {
        "kind": "switch",
        "key": "relay",
        "name": "Relay",
        "payload_on": "ON",
        "payload_off": "",
        "state_source": "sent",
        "encoding": "template",
        "reply_framing": "none",
        "template": "relay ${value}.",
    }


async def test_a_choice(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """The first few choices are shown."""
    choices = [{"option": "Off", "payload": "0"}, {"option": "a|b`c"}]
    choices += [{"option": f"Level {number}"} for number in range(1, 6)]
    result = await to_preview(
        hass, entry, "select", key="mode", choices=choices, state_key="mode_now"
    )
    rows = samples(result)
    assert len(rows) == 5
    assert rows[0] == ["`Off`", "`0`", "`30`"]
    assert rows[1] == ["`a\\|b'c`", "`a\\|b'c`", "`61 7c 62 60 63`"]
    await choose(hass, result, "save")
    assert saved(entry, "mode")["choices"] == choices
    assert saved(entry, "mode")["state_source"] == "datapoint"
    assert saved(entry, "mode")["state_key"] == "mode_now"


@pytest.mark.parametrize(
    ("limits", "sample"),
    [
        ({}, "Hello"),
        ({"minimum": 8}, "Helloooo"),
        ({"minimum": 1, "maximum": 2}, "He"),
    ],
)
async def test_a_text(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    limits: dict[str, Any],
    sample: str,
) -> None:
    result = await to_preview(hass, entry, "text", key="label", **limits)
    assert samples(result)[0][:2] == [f"`{sample}`"] * 2
    await choose(hass, result, "save")
    assert saved(entry, "label").items() >= limits.items()


@pytest.mark.usefixtures("loopback")
async def test_the_present_text_is_shown(hass: HomeAssistant, device: Device) -> None:
    """If it is one that could be sent; a number of an actuator that is a text is not."""
    entry = hub_entry(device.port)
    connector = await set_up(hass, entry)
    await receive(
        hass, device, connector, b'{"label":"now","count":5,"other":"far too long"}\n'
    )
    for key, first in (("label", "`now`"), ("count", "`Hell`"), ("other", "`Hell`")):
        result = await to_preview(hass, entry, "text", key=key, maximum=4)
        assert samples(result)[0][0] == first
    await hass.async_block_till_done()


async def test_a_button(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """It has no value, and so none to try; what it sends is in the template."""
    result = await start(hass, entry, "button")
    assert list(fields(result)) == [
        "key",
        "name",
        "payload",
        "encoding",
        "reply_framing",
    ]
    result = await submit(hass, result, key="reset", name="Start anew")
    result = await submit(hass, result, template="reset\\0")
    assert samples(result) == [["–", "`reset\\0`", "`72 65 73 65 74 00`"]]
    assert result["menu_options"] == ["save", "encode", "describe"]
    result = await choose(hass, result, "save")
    assert result["title"] == "Start anew"
    assert saved(entry, "reset") == {
        "kind": "button",
        "key": "reset",
        "name": "Start anew",
        "encoding": "template",
        "reply_framing": "none",
        "template": "reset\\0",
    }


@pytest.mark.parametrize(
    ("template", "sample"),
    [
        ("${params.pin}=${value.on.now};${params.pin}", {"pin": 1, "on": {"now": 1}}),
        ("${params.a}${params.a.b:json}", {"a": {"b": 1}}),
        ("${params:json}", 1),
    ],
)
async def test_a_method(
    hass: HomeAssistant, entry: MockConfigEntry, template: str, sample: Any
) -> None:
    """It is shown with parameters that have what its template asks for."""
    result = await start(hass, entry, "method")
    assert list(fields(result)) == ["key", "encoding", "reply_framing"]
    result = await submit(hass, result, key="toggle_gpio")
    result = await submit(hass, result, template=template)
    assert samples(result)[0][0] == f"`{json.dumps(sample)}`"
    result = await choose(hass, result, "save")
    assert result["title"] == "toggle_gpio"
    assert saved(entry, "toggle_gpio") == {
        "kind": "method",
        "key": "toggle_gpio",
        "encoding": "template",
        "reply_framing": "none",
        "template": template,
    }


# How it is written


async def test_hexadecimal_bytes(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    result = await submit(
        hass, await start(hass, entry, "number"), key="level", maximum=3, encoding="hex"
    )
    assert shown(result) == {"template": "${value:02X}"}
    result = await submit(
        hass,
        result,
        template="01 06 00 01 ${value:04X}",
        advanced={
            "checksum": "crc16_modbus",
            "checksum_byte_order": "little",
            "text_encoding": "utf-8",
        },
    )
    assert samples(result)[1] == [
        "`3`",
        "`\\x01\\x06\\0\\x01\\0\\x03\\x98\\x0b`",
        "`01 06 00 01 00 03 98 0b`",
    ]
    await choose(hass, result, "save")
    data = saved(entry, "level")
    assert data["checksum"] == "crc16_modbus"
    assert data["checksum_byte_order"] == "little"
    assert "text_encoding" not in data  # it is what it would be anyway
    result = await submit(
        hass, await start(hass, entry, "switch"), key="relay", encoding="hex"
    )
    assert shown(result) == {}


async def test_a_binary_value(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    result = await submit(
        hass, await start(hass, entry, "number"), key="level", encoding="binary"
    )
    assert list(fields(result)) == [
        "binary_type",
        "byte_order",
        "prefix",
        "suffix",
        "advanced",
    ]
    result = await submit(
        hass,
        result,
        binary_type="float32",
        byte_order="little",
        prefix="02",
        suffix="03",
    )
    assert samples(result)[1] == [
        "`100`",
        "`\\x02\\0\\0\\xc8B\\x03`",
        "`02 00 00 c8 42 03`",
    ]
    await choose(hass, result, "save")
    assert saved(entry, "level")["binary_type"] == "float32"


async def test_a_converter(
    hass: HomeAssistant, entry: MockConfigEntry, folder: Path
) -> None:
    """It is chosen among those that are there."""
    (folder / "mine.py").write_text(CHECKED)
    result = await submit(
        hass, await start(hass, entry, "number"), key="level", encoding="converter"
    )
    assert result["step_id"] == "encode_converter"
    assert fields(result)["converter"].config["options"] == ["mine"]
    assert said_in(result, "folder") == str(folder)
    result = await submit(hass, result, converter="yours")
    assert result["errors"] == {"converter": "option_invalid"}
    assert "yours.py" in said_in(result, "reason")
    result = await submit(hass, result, converter="mine")
    assert [row[1] for row in samples(result)] == ["`level=0;`", "`level=100;`"]
    await choose(hass, result, "save")
    assert saved(entry, "level")["converter"] == "mine"


async def test_a_converter_that_fails(
    hass: HomeAssistant, entry: MockConfigEntry, folder: Path
) -> None:
    """The preview says why; one that was deleted meanwhile can be replaced."""
    (folder / "mine.py").write_text("def encode(key, value):\n    return 1 / value\n")
    result = await submit(
        hass, await start(hass, entry, "number"), key="level", encoding="converter"
    )
    result = await submit(hass, result, converter="mine")
    assert samples(result)[0][0] == "`0`"
    assert samples(result)[0][1].startswith("⚠️ ")
    assert "ZeroDivisionError" in samples(result)[0][1]
    (folder / "mine.py").unlink()
    result = await choose(hass, result, "sample")
    result = await submit(hass, result, value="1")
    assert result["errors"] == {"value": "cannot_be_sent"}
    assert "mine.py" in said_in(result, "reason")


async def test_what_can_send_nothing_is_not_saved(
    hass: HomeAssistant, entry: MockConfigEntry, folder: Path
) -> None:
    """Until it can."""
    (folder / "mine.py").write_text("def parse(frame):\n    return None\n")
    result = await submit(
        hass, await start(hass, entry, "switch"), key="level", encoding="converter"
    )
    result = await submit(hass, result, converter="mine")
    assert all(row[1].startswith("⚠️ ") for row in samples(result))
    assert "save" not in result["menu_options"]
    (folder / "mine.py").write_text(CHECKED)
    result = await choose(hass, result, "encode")
    result = await submit(hass, result, converter="mine")
    await choose(hass, result, "save")
    assert saved(entry, "level")["converter"] == "mine"


async def test_a_converter_that_goes_missing(
    hass: HomeAssistant, entry: MockConfigEntry, folder: Path
) -> None:
    """The form that comes next cannot mend that, but another one can."""
    (folder / "mine.py").write_text(CHECKED)
    result = await submit(
        hass,
        await start(hass, entry, "number"),
        key="level",
        encoding="converter",
        reply_framing="line",
    )
    result = await submit(hass, result, converter="mine")
    assert result["step_id"] == "reply"
    (folder / "mine.py").unlink()
    result = await submit(hass, result)
    assert result["step_id"] == "unusable"
    assert "mine.py" in said_in(result, "reason")
    assert result["menu_options"] == ["encode", "reply", "describe"]
    result = await choose(hass, result, "encode")
    assert result["step_id"] == "encode_converter"
    (folder / "yours.py").write_text(CHECKED)
    assert samples(await submit(hass, result, converter="yours"))


async def test_another_encoding_has_other_fields(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """What an earlier one wanted to know is gone."""
    result = await to_preview(hass, entry, "number", "v${value}", key="level")
    result = await choose(hass, result, "describe")
    result = await submit(hass, result, **shown(result) | {"encoding": "binary"})
    result = await submit(hass, result, binary_type="uint8", byte_order="big")
    result = await choose(hass, result, "describe")
    assert shown(result)["encoding"] == "binary"
    result = await submit(hass, result, **shown(result) | {"encoding": "template"})
    assert shown(result) == {"template": "${value}\\n"}
    result = await choose(
        hass, await submit(hass, result, template="w${value}"), "save"
    )
    assert not {"binary_type", "byte_order"} & set(saved(entry, "level"))


@pytest.mark.parametrize(
    ("encoding", "said", "errors"),
    [
        ("template", {"template": "${valeu}"}, {"template": "option_invalid"}),
        ("template", {"template": "\\q"}, {"template": "option_invalid"}),
        ("template", {"template": ""}, {"template": "template_needed"}),
        ("hex", {"template": "0x1"}, {"template": "option_invalid"}),
        ("binary", {"prefix": "xyz"}, {"prefix": "option_invalid"}),
        ("binary", {"binary_type": "bcd"}, {"advanced": "option_invalid"}),
    ],
)
async def test_what_cannot_be_written_is_an_error_beside_the_field(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    encoding: str,
    said: dict[str, Any],
    errors: dict[str, str],
) -> None:
    """What was entered is still there, and can be corrected."""
    result = await submit(
        hass, await start(hass, entry, "number"), key="level", encoding=encoding
    )
    result = await submit(hass, result, **said)
    assert result["step_id"] == f"encode_{encoding}"
    assert result["errors"] == errors
    assert shown(result).items() >= said.items()
    if errors != {"template": "template_needed"}:
        assert said_in(result, "reason")
    if "advanced" in errors:
        assert not fields(result)["advanced"].options["collapsed"]
    good = {"template": "41"} if "template" in said else {"binary_type": "uint8"}
    assert samples(await submit(hass, result, **good))


async def test_what_does_not_go_together_can_be_mended(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """In either place."""
    result = await submit(
        hass,
        await start(hass, entry, "number"),
        key="level",
        maximum=300,
        encoding="binary",
    )
    result = await submit(hass, result, binary_type="uint8")
    assert (result["type"], result["step_id"]) == (FlowResultType.MENU, "unusable")
    assert "300" in said_in(result, "reason")
    assert result["menu_options"] == ["encode", "describe"]
    result = await choose(hass, result, "encode")
    assert shown(result)["binary_type"] == "uint8"
    result = await submit(hass, result, binary_type="uint8")
    result = await choose(hass, result, "describe")
    result = await submit(hass, result, **shown(result) | {"maximum": 255})
    result = await submit(hass, result, **shown(result))
    assert samples(result)[1] == ["`255`", "`\\xff`", "`ff`"]


# What is shown of it


async def test_another_value_is_tried(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    result = await to_preview(hass, entry, "number", key="level")
    result = await choose(hass, result, "sample")
    for value, reason in (
        ("warm", "'warm' is no number"),
        ("101", "101 is more than 100"),
        ("", "'' is no number"),
    ):
        result = await submit(hass, result, value=value)
        assert result["errors"] == {"value": "cannot_be_sent"}
        assert said_in(result, "reason") == reason
        assert shown(result)["value"] == value
    result = await submit(hass, result, value="21.50")
    assert samples(result)[0] == ["`21.5`", "`21.5`", "`32 31 2e 35`"]
    assert len(samples(result)) == 3
    for value in ("1", "2", "3", "100.0"):
        result = await submit(hass, await choose(hass, result, "sample"), value=value)
    assert [row[0] for row in samples(result)] == ["`100`", "`3`", "`2`", "`0`"]


async def test_parameters_are_tried_as_json(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """What is none is a text."""
    result = await to_preview(hass, entry, "method", "${params.pin}!", key="toggle")
    for value, row in (
        ('{"pin": [0]}', None),
        ('{"pin": 0}', ['`{"pin": 0}`', "`0!`", "`30 21`"]),
        ("{pin", None),
        ("null", None),
    ):
        result = await choose(hass, result, "sample")
        result = await submit(hass, result, value=value)
        if row is None:
            assert result["errors"] == {"value": "cannot_be_sent"}
            result = await submit(hass, result, value='{"pin": false}')
        else:
            assert samples(result)[0] == row


async def test_what_is_long_is_cut(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    result = await to_preview(
        hass, entry, "text", "x" * 2000, key="k" * 255, name="n" * 60
    )
    row = samples(result)[0]
    assert row[1] == f"`{'x' * 1024}…`"
    assert row[2].endswith("…`")
    assert said_in(result, "key") == f"{'k' * 100}…"
    assert said_in(result, "name") == f"{'n' * 40}…"


async def test_a_sample_that_cannot_be_written(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """It is no reason not to save: a method takes what its caller gives."""
    result = await to_preview(
        hass, entry, "method", "${value:.1f}", key="call_me", encoding="template"
    )
    assert samples(result)[0][1] == "`1.0`"
    result = await choose(hass, result, "encode")
    result = await submit(hass, result, template="${params.a.b}${params.a:.1f}")
    assert samples(result)[0][1].startswith("⚠️ ")
    result = await choose(hass, result, "save")
    assert result["type"] is FlowResultType.CREATE_ENTRY


@given(st.binary(max_size=60) | st.text(max_size=30).map(str.encode))
def test_bytes_are_shown_exactly(data: bytes) -> None:
    text = bytes_as_text(data)
    assert unescape(text) == data
    assert "\n" not in text


# The reply


async def test_a_reply_is_waited_for(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """What tells it and what is read of it; all is shown again when it is changed."""
    result = await submit(
        hass,
        await start(hass, entry, "number"),
        key="level",
        state_source="reply",
        reply_framing="delimiter",
    )
    result = await submit(hass, result, template="set ${value}\\n")
    assert (result["type"], result["step_id"]) == (FlowResultType.FORM, "reply")
    assert list(fields(result)) == [
        "reply_delimiter",
        "reply_keep_delimiter",
        "reply_prefix",
        "reply_pattern",
        "reply_error_pattern",
        "reply_type",
        "reply_timeout",
        "part",
    ]
    assert fields(result)["part"].options["collapsed"]
    said = {
        "reply_delimiter": ";",
        "reply_prefix": "OK ${attribute}",
        "reply_error_pattern": "^ERR",
        "reply_type": "float",
        "reply_timeout": 0.5,
    }
    result = await submit(hass, result, **said, part={"reply_from_delimiter": " "})
    assert samples(result)
    assert said_in(result, "reply") == "Up to a delimiter"
    assert result["menu_options"] == ["save", "sample", "encode", "reply", "describe"]
    result = await choose(hass, result, "reply")
    assert shown(result).items() >= {**said, "reply_from_delimiter": " "}.items()
    assert not fields(result)["part"].options["collapsed"]
    result = await submit(hass, result, **said | {"reply_delimiter": "."})
    await choose(hass, result, "save")
    data = saved(entry, "level")
    assert data.items() >= (said | {"reply_delimiter": "."}).items()
    assert data["state_source"] == "reply"
    assert "reply_from_delimiter" not in data
    command = create_command(data)
    assert command.reply is not None


@pytest.mark.parametrize(
    ("framing", "own"),
    [
        ("hub", []),
        ("line", []),
        ("json", []),
        ("length_prefix", ["reply_prefix_size", "reply_byte_order"]),
        ("fixed_size", ["reply_size"]),
        ("idle", ["reply_pause"]),
    ],
)
async def test_each_framing_of_a_reply(
    hass: HomeAssistant, entry: MockConfigEntry, framing: str, own: list[str]
) -> None:
    result = await submit(
        hass, await start(hass, entry, "button"), key="ask", reply_framing=framing
    )
    result = await submit(hass, result, template="?")
    assert list(fields(result))[: len(own) + 1] == [*own, "reply_prefix"]
    said = {"reply_size": 4} if framing == "fixed_size" else {}
    result = await choose(hass, await submit(hass, result, **said), "save")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert {*own} <= set(saved(entry, "ask"))
    assert saved(entry, "ask")["reply_timeout"] == 2


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ({"reply_error_pattern": "("}, "reply_error_pattern"),
        ({"reply_pattern": "("}, "reply_pattern"),
        ({"reply_prefix": "${valeu}"}, "reply_prefix"),
        ({"part": {"reply_from_delimiter": "\\q"}}, "part"),
    ],
)
async def test_what_no_reply_can_be_is_an_error_beside_the_field(
    hass: HomeAssistant, entry: MockConfigEntry, said: dict[str, Any], place: str
) -> None:
    result = await submit(
        hass, await start(hass, entry, "button"), key="ask", reply_framing="fixed_size"
    )
    result = await submit(hass, result, template="?")
    result = await submit(hass, result, **{"reply_size": 4, **said})
    assert result["errors"] == {place: "option_invalid"}
    assert said_in(result, "reason")
    if place == "part":
        assert not fields(result)["part"].options["collapsed"]
        assert shown(result)["reply_from_delimiter"] == "\\q"
    assert samples(await submit(hass, result, reply_size=4))


async def test_another_framing_of_the_reply_has_other_fields(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """What they share stays; without a reply nothing of it is kept."""
    result = await submit(
        hass, await start(hass, entry, "button"), key="ask", reply_framing="fixed_size"
    )
    result = await submit(hass, result, template="?")
    result = await submit(hass, result, reply_size=4, reply_prefix="OK")
    result = await choose(hass, result, "describe")
    result = await submit(hass, result, **shown(result) | {"reply_framing": "idle"})
    assert shown(result) == {"template": "?"}
    result = await submit(hass, result, template="?")
    assert (result["type"], result["step_id"]) == (FlowResultType.FORM, "reply")
    assert shown(result)["reply_prefix"] == "OK"
    result = await submit(hass, result, reply_pause=20, reply_prefix="OK")
    result = await choose(hass, result, "save")
    assert saved(entry, "ask").items() >= {"reply_pause": 20}.items()
    assert "reply_size" not in saved(entry, "ask")
    result = await change(hass, entry, "ask")
    result = await submit(hass, result, **shown(result) | {"reply_framing": "none"})
    await choose(hass, await submit(hass, result, template="?"), "save")
    kept = [it for it in saved(entry, "ask") if it.startswith("reply_")]
    assert kept == ["reply_framing"]


async def test_a_state_that_no_reply_tells(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    result = await submit(
        hass, await start(hass, entry, "number"), key="level", state_source="reply"
    )
    assert result["errors"] == {"state_source": "option_invalid"}
    assert "reply" in said_in(result, "reason")
    assert shown(result).items() >= {"key": "level", "state_source": "reply"}.items()


# What it is


@pytest.mark.parametrize(
    ("kind", "said", "errors"),
    [
        ("number", {"key": "  "}, {"key": "key_needed"}),
        ("method", {"key": ""}, {"key": "key_needed"}),
        ("number", {"key": "k" * 256}, {"key": "key_too_long"}),
        ("number", {"key": "level"}, {"key": "key_taken"}),
        ("method", {"key": " level "}, {"key": "key_taken"}),
        ("number", {"minimum": 100}, {"maximum": "option_invalid"}),
        ("number", {"step": 0}, {"step": "option_invalid"}),
        ("number", {"scaling": {"scale": 0}}, {"scaling": "option_invalid"}),
        ("switch", {"payload_off": "1"}, {"payload_off": "option_invalid"}),
        ("select", {"choices": []}, {"choices": "option_invalid"}),
        ("text", {"maximum": 0}, {"maximum": "option_invalid"}),
    ],
)
async def test_what_cannot_be_set_is_an_error_beside_the_field(
    hass: HomeAssistant, kind: str, said: dict[str, Any], errors: dict[str, str]
) -> None:
    """What was entered is still there, and can be corrected."""
    entry = idle_hub({"key": "level", "kind": "number"})
    entry.add_to_hass(hass)
    good: dict[str, Any] = {"key": "other"}
    if kind == "select":
        good["choices"] = [{"option": "a"}]
    result = await start(hass, entry, kind)
    result = await submit(hass, result, **good | said)
    assert result["step_id"] == f"describe_{kind}"
    assert result["errors"] == errors
    if "scaling" in said:
        assert not fields(result)["scaling"].options["collapsed"]
        assert shown(result)["scale"] == 0
    result = await submit(hass, result, **good)
    assert result["step_id"] == "encode_template"


async def test_a_name_and_a_unit_are_what_the_user_says(
    hass: HomeAssistant, hass_storage: dict[str, Any], entry: MockConfigEntry
) -> None:
    """The unit of the datapoint is taken once; one that was emptied stays so."""
    hass_storage[datapoint_store(hass, entry.entry_id).key] = {
        "version": STORAGE_VERSION,
        "data": {"power_W": to_dict(describe("power_W", 412.5))},
    }
    result = await start(hass, entry, "number")
    assert fields(result)["key"].config["options"] == [
        {"value": "power_W", "label": "Power (power_W)"}
    ]
    # The unit is still taken after an error.
    result = await submit(hass, result, key="power_W", step=0)
    result = await submit(hass, result, key="power_W", name="Limit")
    result = await choose(hass, await submit(hass, result, template="x"), "describe")
    assert (
        shown(result).items()
        >= {
            "name": "Limit",
            "unit": "W",
            "state_source": "datapoint",
        }.items()
    )
    result = await submit(hass, result, key="power_W", state_source="sent")
    await choose(hass, await submit(hass, result, template="x"), "save")
    data = saved(entry, "power_W")
    assert (data["name"], data["state_source"]) == ("Power", "sent")
    assert "unit" not in data


async def test_titles_are_told_apart(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """The same name gets its key beside it; changing one, it is no stranger to itself."""
    for key in ("one", "two"):
        result = await to_preview(hass, entry, "text", key=key, name="Same")
        await choose(hass, result, "save")
    assert subentry_of(entry, "one").title == "Same"
    assert subentry_of(entry, "two").title == "Same (two)"
    for key in ("one", "two"):
        result = await change(hass, entry, key)
        result = await submit(hass, result, **shown(result))
        await choose(hass, await submit(hass, result, **shown(result)), "save")
    assert subentry_of(entry, "one").title == "Same"
    assert subentry_of(entry, "two").title == "Same (two)"


# Changing it


async def test_an_actuator_is_changed(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """Each form shows what is kept; its key may become another one that is free."""
    for key in ("level", "other"):
        result = await to_preview(hass, entry, "number", "v${value}", key=key)
        await choose(hass, result, "save")
    result = await change(hass, entry, "level")
    assert result["step_id"] == "describe_number"
    assert shown(result) == {
        "key": "level",
        "name": "Level",
        "minimum": 0,
        "maximum": 100,
        "step": 1,
        "state_source": "sent",
        "encoding": "template",
        "reply_framing": "none",
    }
    said = shown(result)
    result = await submit(hass, result, **said | {"key": "other"})
    assert result["errors"] == {"key": "key_taken"}
    result = await submit(hass, result, **said | {"key": "third", "minimum": -1})
    assert shown(result) == {"template": "v${value}"}
    result = await submit(hass, result, template="w${value}")
    result = await choose(hass, result, "save")
    assert result["reason"] == "reconfigure_successful"
    assert (
        saved(entry, "third").items()
        >= {"minimum": -1, "template": "w${value}"}.items()
    )
    assert [it.unique_id for it in entry.subentries.values()] == [
        "actuator third",
        "actuator other",
    ]


async def test_what_no_form_asks_for_is_kept(hass: HomeAssistant) -> None:
    """What a later version, or a pasted configuration, says."""
    options = {"key": "level", "kind": "text", "later": [1]}
    entry = idle_hub(options)
    entry.add_to_hass(hass)
    result = await change(hass, entry, "level")
    result = await submit(hass, result, **shown(result))
    assert shown(result) == {}
    result = await submit(hass, result)
    assert samples(result) == [["`Hello`", "`Hello`", "`48 65 6c 6c 6f`"]]
    await choose(hass, result, "save")
    assert saved(entry, "level")["later"] == [1]


async def test_an_actuator_is_written_in_another_way(hass: HomeAssistant) -> None:
    """Then there is something to begin with."""
    entry = idle_hub({"key": "level", "kind": "number", "template": "v${value}"})
    entry.add_to_hass(hass)
    result = await change(hass, entry, "level")
    result = await submit(hass, result, **shown(result) | {"encoding": "hex"})
    assert shown(result) == {"template": "${value:02X}"}
    await choose(hass, await submit(hass, result, **shown(result)), "save")
    assert saved(entry, "level")["template"] == "${value:02X}"


@pytest.mark.parametrize("changed", [False, True])
async def test_a_key_that_was_taken_meanwhile(
    hass: HomeAssistant, entry: MockConfigEntry, changed: bool
) -> None:
    if changed:
        result = await to_preview(hass, entry, "text", key="mine")
        await choose(hass, result, "save")
        result = await submit(hass, await change(hass, entry, "mine"), key="level")
        first = await submit(hass, result, template="x")
    else:
        first = await to_preview(hass, entry, "text", key="level")
    second = await to_preview(hass, entry, "text", key="level")
    await choose(hass, second, "save")
    result = await choose(hass, first, "save")
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"
    assert saved(entry, "level")


# Several devices on the link


async def several(hass: HomeAssistant, device: Device) -> MockConfigEntry:
    """Return a hub with values of its own, and of two devices."""
    entry = hub_entry(device.port, options={"device_id_key": "id"})
    connector = await set_up(hass, entry)
    await receive(
        hass,
        device,
        connector,
        b'{"id":"a7","power_W":5,"level":1}\n',
        b'{"id":"b8","power_W":6}\n',
    )
    return entry


@pytest.mark.usefixtures("loopback")
@pytest.mark.parametrize(
    ("said", "key", "device_id"),
    [
        ({"key": "a7__power_W"}, "a7__power_W", "a7"),
        ({"key": "power_W", "device_id": "b8"}, "b8__power_W", "b8"),
        ({"key": "b8__power_W", "device_id": "b8"}, "b8__power_W", "b8"),
        ({"key": "a7__new"}, "a7__new", "a7"),
        ({"key": "new", "device_id": "c9"}, "c9__new", "c9"),
        ({"key": "new"}, "new", None),
    ],
)
async def test_a_key_gets_the_prefix_of_its_device(
    hass: HomeAssistant,
    device: Device,
    said: dict[str, str],
    key: str,
    device_id: str | None,
) -> None:
    """Whether it is there already or not."""
    entry = await several(hass, device)
    result = await start(hass, entry, "number")
    assert fields(result)["device_id"].config["options"] == [
        {"value": "a7", "label": "a7"},
        {"value": "b8", "label": "b8"},
    ]
    result = await submit(hass, result, **said)
    result = await submit(hass, result, template="${attribute} ${device_id} ${value}")
    own = key.removeprefix(f"{device_id}__")
    assert samples(result)[-1][1] == f"`{own} {device_id or NAME} 100`"
    result = await choose(hass, result, "save")
    assert saved(entry, key).get("device_id") == device_id
    assert result["title"] == ("Power" if "power" in key else "New")
    result = await change(hass, entry, key)
    assert shown(result)["key"] == key
    assert shown(result).get("device_id") == device_id
    result = await submit(hass, result, **shown(result))
    await choose(hass, await submit(hass, result, **shown(result)), "save")
    assert saved(entry, key).get("device_id") == device_id
    await hass.async_block_till_done()


@pytest.mark.usefixtures("loopback")
async def test_a_key_of_another_device(hass: HomeAssistant, device: Device) -> None:
    entry = await several(hass, device)
    result = await start(hass, entry, "number")
    result = await submit(hass, result, key="a7__power_W", device_id="b8")
    assert result["errors"] == {"device_id": "other_device"}
    assert shown(result).items() >= {"key": "a7__power_W", "device_id": "b8"}.items()
    result = await submit(hass, result, key="", device_id="b8")
    assert result["errors"] == {"key": "key_needed"}


@pytest.mark.usefixtures("loopback")
@pytest.mark.parametrize(
    ("state_key", "found"),
    [("power_W", "a7__power_W"), ("a7__power_W", "a7__power_W"), ("new", "new")],
)
async def test_the_state_may_be_of_the_same_device(
    hass: HomeAssistant, device: Device, state_key: str, found: str
) -> None:
    entry = await several(hass, device)
    result = await to_preview(
        hass, entry, "number", key="level", device_id="a7", state_key=state_key
    )
    await choose(hass, result, "save")
    assert saved(entry, "a7__level")["state_key"] == found
    await hass.async_block_till_done()


@pytest.mark.usefixtures("loopback")
async def test_a_device_that_was_named(hass: HomeAssistant, device: Device) -> None:
    """It need not have sent anything; its name goes into what is sent."""
    entry = hub_entry(device.port)
    connector = await set_up(hass, entry)
    assert "device_id" not in fields(await start(hass, entry, "button"))
    connector.devices.named["p1"] = SeplDevice("p1", "pump", "Roof pump")
    result = await start(hass, entry, "button")
    assert fields(result)["device_id"].config["options"] == [
        {"value": "p1", "label": "Roof pump (p1)"}
    ]
    result = await submit(hass, result, key="stop", device_id="p1")
    result = await submit(hass, result, template="${device_type} ${device_name}")
    assert samples(result)[0][1] == "`pump Roof pump`"


async def test_devices_of_a_hub_that_is_not_loaded(hass: HomeAssistant) -> None:
    """What shares its link may still be to come."""
    entry = idle_hub(options={"device_id_key": "id"})
    entry.add_to_hass(hass)
    result = await start(hass, entry, "button")
    assert fields(result)["device_id"].config["options"] == []
    result = await submit(hass, result, key="stop", device_id="p1")
    result = await submit(hass, result, template="${device_id} ${device_name}")
    assert samples(result)[0][1] == "`p1 p1`"


# From ThingsBoard


PASTED = {
    "attributeUpdates": [
        {
            "attributeOnPlatform": "attr1",
            "encoding": "utf-8",
            "stringToDevice": "value = ${attr1}\n",
        }
    ],
    "serverSideRpc": [
        {
            "method": "setValue",
            "type": "int",
            "withResponse": True,
            "responseType": "string",
            "responseUntilDelimiter": "\r",
            "responseTimeoutSec": 5,
        },
        {"method": "reset", "type": "int", "withResponse": False},
    ],
}


async def test_a_thingsboard_configuration_is_pasted(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """Each of its commands is an actuator, which can be changed as any other."""
    result = await submit(
        hass, await start(hass, entry, "thingsboard"), thingsboard=json.dumps(PASTED)
    )
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "thingsboard_added"
    titles = [it.title for it in entry.subentries.values()]
    assert len(titles) == 3
    assert said_in(result, "count") == "3"
    assert said_in(result, "names") == ", ".join(titles)
    for subentry in entry.subentries.values():
        key = subentry.data["key"]
        data = saved(entry, key)
        result = await change(hass, entry, key)
        result = await submit(hass, result, **shown(result))
        result = await submit(hass, result, **shown(result))
        if (result["type"], result["step_id"]) == (FlowResultType.FORM, "reply"):
            result = await submit(hass, result, **shown(result))
        result = await choose(hass, result, "save")
        assert result["reason"] == "reconfigure_successful"
        assert saved(entry, key).items() >= data.items()
        ours, theirs = create_command(saved(entry, key)), create_command(data)
        assert ours.actuator.kind == theirs.actuator.kind
        assert (ours.reply is None) == (theirs.reply is None)
        device = SeplDevice("")
        assert ours.encode(25, device) == theirs.encode(25, device)


@pytest.mark.usefixtures("loopback")
async def test_a_pasted_attribute_shows_its_datapoint(
    hass: HomeAssistant, device: Device
) -> None:
    """If there is one; then its name is that of the datapoint, too."""
    entry = hub_entry(device.port)
    connector = await set_up(hass, entry)
    await receive(hass, device, connector, b'{"attr1":"a"}\n')
    await submit(
        hass, await start(hass, entry, "thingsboard"), thingsboard=json.dumps(PASTED)
    )
    await hass.async_block_till_done()
    data = saved(entry, "attr1")
    assert (data["state_source"], data["name"]) == ("datapoint", "Attr 1")
    assert set(entry.runtime_data.actuators.actuators) == {
        "attr1",
        "setValue",
        "reset",
    }


async def test_what_is_there_is_not_pasted_again(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    result = await start(hass, entry, "thingsboard")
    result = await submit(hass, result, thingsboard="{broken")
    assert result["errors"] == {"thingsboard": "option_invalid"}
    assert said_in(result, "reason")
    assert shown(result) == {"thingsboard": "{broken"}
    await submit(hass, result, thingsboard=json.dumps(PASTED))
    result = await start(hass, entry, "thingsboard")
    result = await submit(hass, result, thingsboard=json.dumps(PASTED))
    assert result["errors"] == {"thingsboard": "nothing_new"}
    more = {
        "serverSideRpc": [
            {"method": name, "type": "int"}
            for name in ("reset", *(f"method{number}" for number in range(12)))
        ]
    }
    result = await submit(hass, result, thingsboard=json.dumps(more))
    assert result["reason"] == "thingsboard_added"
    assert said_in(result, "count") == "12"
    assert said_in(result, "names").startswith("method0, method1, ")
    assert said_in(result, "names").endswith(", method9, …")
    assert len(entry.subentries) == 15


# Who has it


@pytest.mark.parametrize(
    ("kind", "offered"),
    [
        ("tcp", {"datapoint", "actuator"}),
        ("serial", {"datapoint", "actuator"}),
        ("custom", {"datapoint"}),
    ],
)
def test_only_links_of_bytes_have_actuators(kind: str, offered: set[str]) -> None:
    """Other connectors bring what can be set."""
    entry = MockConfigEntry(domain=DOMAIN, data={"hub_kind": kind})
    types = BemcomConfigFlow.async_get_supported_subentry_types(entry)
    assert set(types) == offered
