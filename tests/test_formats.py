"""Formats of the Home Assistant side: templates, and the user's own code."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.bemcom_connectors.connector.model import (
    JsonValue,
    OptionsError,
    ParseError,
)
from custom_components.bemcom_connectors.const import DOMAIN
from custom_components.bemcom_connectors.template_format import create_template_parser
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util
from tests.device import Device
from tests.hub import hub_entry, receive, set_up

pytestmark = pytest.mark.usefixtures("loopback")


@pytest.mark.parametrize(
    ("template", "frame", "message"),
    [
        (
            "{{ {'t': value[:2] | int, 'h': value[2:4] | int} }}",
            b"422498",
            {"t": 42, "h": 24},
        ),
        ("{{ frame | unpack('>h', offset=1) }}", b"\x01\x00\x7b", 123),
        ("{{ value_json.a + 1 }}", b'{"a": 1}', 2),
        ("{% if value.startswith('#') %}{% else %}{{ value }}{% endif %}", b"#c", None),
        ("{{ (1, 2.5, none) }}", b"", [1, 2.5, None]),
        ("{{ {'x': value_json is defined} }}", b"no json", {"x": False}),
        ("{{ {1: 'a'} }}", b"", {"1": "a"}),
        (" {{ value }} \n", b" text ", "text"),
    ],
)
async def test_a_template_reads_a_frame(
    hass: HomeAssistant, template: str, frame: bytes, message: JsonValue
) -> None:
    """In the event loop, and in a thread for the preview."""
    options = {"template": template}
    assert create_template_parser(hass, options)(frame) == message
    aside = create_template_parser(hass, options, aside=True)
    assert await hass.async_add_executor_job(aside, frame) == message


@pytest.mark.parametrize(
    ("template", "frame"),
    [
        ("{{ value | int }}", b"x"),
        ("{{ 1 / 0 }}", b""),
        ("{{ frame.nothing.more }}", b""),
        ("{{ frame }}", b"bytes"),
        ("{{ 10 ** 30 }}", b""),
        ("{{ ['x' * 1000] * 2000 }}", b""),
    ],
)
async def test_a_template_that_fails_is_a_parse_error(
    hass: HomeAssistant, template: str, frame: bytes
) -> None:
    """It costs this message, and no other."""
    with pytest.raises(ParseError):
        create_template_parser(hass, {"template": template})(frame)


@pytest.mark.parametrize("template", [None, "", "  ", "{{ open", "{% for %}", 5])
async def test_what_is_no_template_is_refused(
    hass: HomeAssistant, template: Any
) -> None:
    """The form says so."""
    with pytest.raises(OptionsError) as caught:
        create_template_parser(hass, {"template": template})
    assert caught.value.option == "template"


async def test_a_hub_with_a_template(hass: HomeAssistant, device: Device) -> None:
    """What cannot be rendered is counted, and the next message is read."""
    options = {
        "framing": "line",
        "format": "template",
        "template": "{{ {'t': value | float} }}",
    }
    connector = await set_up(hass, hub_entry(device.port, options=options))
    await receive(hass, device, connector, b"21.5\n", b"x\n", b"22.5\n")
    assert hass.states.get("sensor.demo_meter_t").state == "22.5"
    assert connector.statistics.parse_errors == 1


@pytest.fixture
def converters(hass: HomeAssistant, tmp_path: Path) -> Path:
    """Return the folder for converters, in a configuration folder of its own."""
    hass.config.config_dir = str(tmp_path)
    folder = tmp_path / DOMAIN / "converters"
    folder.mkdir(parents=True)
    return folder


def _converter(expression: str) -> str:
    return f"def parse(frame):\n    return {expression}\n"


async def test_a_hub_with_a_converter(
    hass: HomeAssistant, device: Device, converters: Path
) -> None:
    """It is loaded, fails on a message without harm, and is loaded anew by the action."""
    file = converters / "meter.py"
    file.write_text(_converter("{'t': int(frame)}"))
    options = {"framing": "line", "format": "converter", "converter": "meter"}
    entry = hub_entry(device.port, options=options)
    connector = await set_up(hass, entry)
    await receive(hass, device, connector, b"21\n", b"x\n", b"22\n")
    assert hass.states.get("sensor.demo_meter_t").state == "22"
    assert connector.statistics.parse_errors == 1
    assert "meter.py line 2" in str(connector.history[1][3])

    file.write_text(_converter("{'t': int(frame) * 10}"))
    await hass.services.async_call(DOMAIN, "reload_converters", blocking=True)
    await receive(hass, device, connector, b"23\n")
    assert hass.states.get("sensor.demo_meter_t").state == "230"
    assert connector.statistics.connections == 1

    file.write_text("def parse(frame)\n")
    with pytest.raises(HomeAssistantError, match=r"demo-meter: meter.py line 1"):
        await hass.services.async_call(DOMAIN, "reload_converters", blocking=True)
    assert await hass.config_entries.async_unload(entry.entry_id)


async def test_a_converter_that_hangs_does_not_hold_up_home_assistant(
    hass: HomeAssistant, device: Device, converters: Path
) -> None:
    """Its message is lost, the link and the hub go on."""
    (converters / "slow.py").write_text(
        "def parse(frame):\n    while frame == b'hang': pass\n    return {'t': 1}\n"
    )
    options = {"framing": "line", "format": "converter", "converter": "slow"}
    entry = hub_entry(device.port, options=options)
    connector = await set_up(hass, entry)
    sending = asyncio.create_task(
        receive(hass, device, connector, b"hang\n", b"good\n")
    )
    loop = asyncio.get_running_loop()
    longest = 0.0
    while not sending.done():
        before = loop.time()
        await asyncio.sleep(0.01)
        longest = max(longest, loop.time() - before)
    await sending
    assert longest < 1
    assert hass.states.get("sensor.demo_meter_t").state == "1"
    assert connector.statistics.parse_errors == 1
    assert connector.online
    assert await hass.config_entries.async_unload(entry.entry_id)


async def test_a_slow_converter_is_no_silent_device(
    hass: HomeAssistant, device: Device, converters: Path
) -> None:
    """The link is not given up because we take long."""
    (converters / "slow.py").write_text(
        "import time\ndef parse(frame):\n    time.sleep(0.4)\n    return {'t': 1}\n"
    )
    options = {
        "framing": "line",
        "format": "converter",
        "converter": "slow",
        "receive_timeout": 0.2,
    }
    entry = hub_entry(device.port, options=options)
    connector = await set_up(hass, entry)
    await receive(hass, device, connector, b"x\n")
    assert connector.statistics.connections == 1
    assert connector.online
    assert await hass.config_entries.async_unload(entry.entry_id)


async def test_a_hub_without_its_converter_starts_all_the_same(
    hass: HomeAssistant, device: Device, converters: Path
) -> None:
    """The messages say what is missing, and are read once it is there."""
    options = {"framing": "line", "format": "converter", "converter": "late"}
    entry = hub_entry(device.port, options=options)
    connector = await set_up(hass, entry)
    assert entry.state is ConfigEntryState.LOADED
    await receive(hass, device, connector, b"1\n")
    assert "late.py" in str(connector.history[0][3])
    (converters / "late.py").write_text(_converter("{'t': 5}"))
    await hass.services.async_call(DOMAIN, "reload_converters", blocking=True)
    await receive(hass, device, connector, b"1\n")
    assert hass.states.get("sensor.demo_meter_t").state == "5"
    assert await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.parametrize(
    ("options", "frames", "shown"),
    [
        (  # a checksum that does not match costs the message
            {
                "format": "binary",
                "fields": [{"key": "t", "position": 0, "type": "uint8"}],
                "checksum": "sum8",
            },
            (b"\x15\x15", b"\x16\x00"),
            {"parse_errors": 1, "field_errors": 0},
        ),
        (  # a struct that is too short costs its field
            {
                "format": "binary",
                "fields": [
                    {"key": "t", "position": 0, "type": "uint8"},
                    {"key": "long", "position": 1, "type": "uint32"},
                ],
            },
            (b"\x15\x00\x00\x00\x01", b"\x15\x00"),
            {"parse_errors": 0, "field_errors": 1},
        ),
        (  # and so does a slice past the end
            {
                "format": "slices",
                "slices": [
                    {"key": "t", "type": "int", "to_byte": 2},
                    {"key": "h", "type": "int", "from_byte": 2, "to_byte": 4},
                ],
            },
            (b"2142", b"21"),
            {"parse_errors": 0, "field_errors": 1},
        ),
    ],
)
async def test_a_damaged_frame_is_counted_and_the_rest_is_kept(
    hass: HomeAssistant,
    device: Device,
    options: dict[str, Any],
    frames: tuple[bytes, bytes],
    shown: dict[str, int],
) -> None:
    """Diagnostic sensors and the history say what was lost."""
    good, bad = frames
    framing = {"framing": "delimiter", "delimiter": "\\n"}
    connector = await set_up(hass, hub_entry(device.port, options=framing | options))
    await receive(hass, device, connector, good + b"\n", bad + b"\n", good + b"\n")
    assert hass.states.get("sensor.demo_meter_t").state == "21"
    assert {name: getattr(connector.statistics, name) for name in shown} == shown
    assert isinstance(connector.history[1][3], str)
    assert connector.history[2][3] == len(options.get("fields") or options["slices"])
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=31))
    await hass.async_block_till_done()
    assert hass.states.get("sensor.demo_meter_unreadable_fields").state == str(
        shown["field_errors"]
    )
