"""The actions that send something, and what they return or raise."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from custom_components.bemcom_connectors.connector import actuator_flow
from custom_components.bemcom_connectors.connector.backoff import Backoff
from custom_components.bemcom_connectors.connector.base import Connector
from custom_components.bemcom_connectors.const import DOMAIN
from demo.serial_device import SerialSensor
from homeassistant.core import HomeAssistant, ServiceResponse
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import device_registry as dr
from tests.actuators import COMMAND, HEATER, READ, RESET, TARGET, actuator, sensor_entry
from tests.device import HOST, Device
from tests.hub import NAME, hub_entry, receive, set_up, state_of
from tests.serial_device import SerialDevice
from tests.vectors import Row, area

ANY = {"kind": "method", "key": "any", "template": r"${params.pin}=${value:json}\n"}
SLOW = {**READ, "key": "slow", "template": r"\x00", "reply_timeout": 0.1}


@pytest.fixture
async def sensor(tmp_path: Path) -> AsyncGenerator[SerialSensor]:
    """Return a sensor that pushes often."""
    async with SerialSensor(tmp_path / "port", interval=0.02) as running:
        yield running


@pytest.fixture
async def wire(tmp_path: Path) -> AsyncGenerator[SerialDevice]:
    """Return a device that only listens."""
    async with SerialDevice(tmp_path) as device:
        yield device


async def act(hass: HomeAssistant, action: str, **data: Any) -> ServiceResponse:
    """Carry out an action and return its response."""
    return await hass.services.async_call(
        DOMAIN, action, data, blocking=True, return_response=True
    )


# send_command


async def test_a_command_is_sent_and_its_reply_returned(
    hass: HomeAssistant, sensor: SerialSensor
) -> None:
    entry = sensor_entry(sensor.path, [TARGET, HEATER, RESET, COMMAND])
    await set_up(hass, entry)
    for hub in (entry.entry_id, NAME):
        assert await act(hass, "send_command", hub=hub, key="target", value=21.5) == {
            "result": 21.5
        }
    assert await act(hass, "send_command", key="heater", value="on") == {
        "result": "OK heater = 1"
    }
    assert sensor.heater
    # An entity shows what an action sent.
    await state_of(hass, "switch.demo_meter_heater", "on")
    assert await act(hass, "send_command", key="reset") == {"result": "OK reset"}
    assert await act(hass, "send_command", key="command", value="x") == {
        "success": True
    }


@pytest.mark.parametrize(
    ("data", "key", "text"),
    [
        ({"key": "nothing", "value": 1}, "command_unknown_key", "nothing cannot be"),
        ({"key": "target", "value": 101}, "command_invalid_value", "more than 100"),
        ({"key": "target", "value": -1}, "command_invalid_value", "less than 0"),
        ({"key": "target", "value": "hot"}, "command_invalid_value", "is no number"),
        ({"key": "target"}, "command_invalid_value", "None is no number"),
        ({"key": "heater", "value": 2}, "command_invalid_value", "neither on nor off"),
        ({"key": "command", "value": {"a": 1}}, "command_invalid_value", "is no text"),
        ({"key": "any", "value": 5}, "command_invalid_value", "pin"),
    ],
)
async def test_what_cannot_be_sent_is_the_callers_fault(
    hass: HomeAssistant,
    wire: SerialDevice,
    data: dict[str, Any],
    key: str,
    text: str,
) -> None:
    """It is said what is wrong, and nothing is sent, not even in part."""
    connector = await set_up(
        hass, sensor_entry(wire.path, [TARGET, HEATER, COMMAND, ANY])
    )
    with pytest.raises(ServiceValidationError) as error:
        await act(hass, "send_command", **data)
    assert (error.value.translation_domain, error.value.translation_key) == (
        DOMAIN,
        key,
    )
    assert text in str(error.value)
    assert NAME in str(error.value)
    await act(hass, "send_raw", text="end")
    assert await wire.received(3) == b"end"
    assert connector.statistics.connections == 1


@pytest.mark.parametrize(
    ("value", "sent"),
    [(0, b"0"), (False, b"False"), (-1.5, b"-1.5"), ("", b""), ("ä", "ä".encode())],
)
async def test_every_value_is_one(
    hass: HomeAssistant, wire: SerialDevice, value: Any, sent: bytes
) -> None:
    await set_up(hass, sensor_entry(wire.path, [{**COMMAND, "template": "[${value}]"}]))
    await act(hass, "send_command", key="command", value=value)
    assert await wire.received(len(sent) + 2) == b"[" + sent + b"]"


async def test_a_reply_that_does_not_come_or_is_wrong(
    hass: HomeAssistant, wire: SerialDevice
) -> None:
    """The link stays up, and what comes late is no reading."""
    connector = await set_up(
        hass, sensor_entry(wire.path, [SLOW, {**TARGET, "reply_pattern": "target"}])
    )
    with pytest.raises(HomeAssistantError, match="did not reply") as error:
        await act(hass, "send_command", key="slow", value=None)
    assert error.value.translation_key == "command_no_reply"
    wire.forget()
    asking = asyncio.create_task(act(hass, "send_command", key="target", value=3))
    assert await wire.received(11) == b"target = 3\n"
    await wire.send(b"OK target = hot\n")
    with pytest.raises(HomeAssistantError, match="could not be read") as error:
        await asking
    assert error.value.translation_key == "command_invalid_reply"
    assert connector.online
    assert connector.statistics.connections == 1
    assert connector.datapoints == {}


async def test_a_command_may_wait_for_the_link(
    hass: HomeAssistant, device: Device
) -> None:
    """If its caller says how long; otherwise it fails at once, and is not sent later."""
    connector = await away(hass, device)
    for action, data in (
        ("send_command", {"key": "command", "value": "never"}),
        ("send_command", {"key": "command", "value": "never", "expires_after": 0}),
        ("send_raw", {"text": "never"}),
        ("call_method", {"method": "any", "params": {"pin": 1}}),
    ):
        with pytest.raises(HomeAssistantError) as error:
            await act(hass, action, **data)
        assert error.value.translation_key == "command_not_connected"
    with pytest.raises(HomeAssistantError) as error:
        await act(
            hass, "send_command", key="command", value="never", expires_after=0.01
        )
    assert error.value.translation_key == "command_expired"
    later = [
        asyncio.create_task(act(hass, action, **data, expires_after=60))
        for action, data in (
            ("send_command", {"key": "command", "value": "later"}),
            ("call_method", {"method": "any", "params": {"pin": 1}}),
        )
    ]
    with pytest.raises(ServiceValidationError, match="nothing cannot be set"):
        await act(hass, "send_command", key="nothing", expires_after=60)
    await device.listen()
    assert await asyncio.gather(*later) == [{"success": True}, {"success": True}]
    sent = b'later\n1={"pin":1}\n'
    assert await device.received(len(sent)) == sent
    assert connector.statistics.commands == 2


async def test_only_so_many_commands_wait_for_the_link(
    hass: HomeAssistant, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actuator_flow, "MAX_WAITING", 1)
    await away(hass, device)
    first = asyncio.create_task(
        act(hass, "send_command", key="command", value="x", expires_after=60)
    )
    await asyncio.sleep(0)
    with pytest.raises(HomeAssistantError) as error:
        await act(hass, "send_command", key="command", value="x", expires_after=60)
    assert error.value.translation_key == "command_busy"
    first.cancel()
    await asyncio.wait({first})


async def away(hass: HomeAssistant, device: Device) -> Connector:
    """Set a hub up whose device goes away, and return its connector."""
    entry = hub_entry(device.port)
    connector = await set_up(hass, entry)
    for options in (COMMAND, ANY):
        hass.config_entries.async_add_subentry(entry, actuator(options))
    await hass.async_block_till_done()
    connector.backoff = Backoff(0.001, 0.01)
    await receive(hass, device, connector, b'{"a":1}\n')
    await device.go_away()
    await state_of(hass, "binary_sensor.demo_meter_connection", "off")
    return connector


# send_raw


async def test_bytes_are_sent_as_they_are(
    hass: HomeAssistant, wire: SerialDevice
) -> None:
    await set_up(hass, sensor_entry(wire.path, []))
    for data, sent in (
        ({"text": r"a\x03\r"}, b"a\x03\r"),
        ({"hex": "01 03 0A"}, b"\x01\x03\n"),
        ({"json": {"a": [1, None]}}, b'{"a":[1,null]}\n'),
        ({"json": False, "whole_message": False}, b"false"),
        ({"text": "ä", "whole_message": True}, "ä\n".encode()),
    ):
        assert await act(hass, "send_raw", **data) == {"success": True}
        assert await wire.received(len(sent)) == sent


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"text": r"\q"}, "is no escape"),
        ({"hex": "0G"}, "not hexadecimal"),
        ({"text": ""}, "nothing to send"),
        ({"text": "x", "wait_for_reply": True, "reply_pattern": "("}, "reply_pattern"),
    ],
)
async def test_raw_data_that_cannot_be_sent(
    hass: HomeAssistant, wire: SerialDevice, data: dict[str, Any], reason: str
) -> None:
    await set_up(hass, sensor_entry(wire.path, []))
    with pytest.raises(ServiceValidationError, match=reason) as error:
        await act(hass, "send_raw", **data)
    assert error.value.translation_key == "command_invalid_value"


@pytest.mark.parametrize("data", [{}, {"text": "a", "hex": "01"}])
async def test_raw_data_is_one_of_three(
    hass: HomeAssistant, wire: SerialDevice, data: dict[str, Any]
) -> None:
    await set_up(hass, sensor_entry(wire.path, []))
    with pytest.raises(ServiceValidationError, match="one of text, hex and json"):
        await act(hass, "send_raw", **data)


async def test_who_describes_a_reply_waits_for_it(
    hass: HomeAssistant, sensor: SerialSensor
) -> None:
    """Unless it is said otherwise."""
    await set_up(hass, sensor_entry(sensor.path, []))
    data = {"text": r"heater = 1\n", "reply_prefix": "OK"}
    assert (await act(hass, "send_raw", **data))["text"] == "OK heater = 1"
    assert await act(hass, "send_raw", **data, wait_for_reply=False) == {
        "success": True
    }


async def test_the_reply_comes_as_text_as_hex_and_parsed(
    hass: HomeAssistant, sensor: SerialSensor
) -> None:
    connector = await set_up(hass, sensor_entry(sensor.path, []))
    wanted = {"wait_for_reply": True, "reply_pattern": "^(OK|ERROR)"}
    assert await act(hass, "send_raw", text=r"heater = 1\n", **wanted) == {
        "text": "OK heater = 1",
        "hex": b"OK heater = 1".hex(" "),
        "parsed": None,  # it is no line of readings
    }
    assert (await act(hass, "send_raw", text=r"x\n", **wanted))["text"] == "ERROR"
    reply = await act(
        hass, "send_raw", text=r"READ\n", wait_for_reply=True, reply_prefix="4"
    )
    assert reply["parsed"] == {"temperature": 42, "humidity": 24, "battery": 98}
    assert set(connector.datapoints) == {"temperature", "humidity", "battery"}


async def test_a_reply_with_an_end_of_its_own(
    hass: HomeAssistant, wire: SerialDevice
) -> None:
    await set_up(hass, sensor_entry(wire.path, []))
    asking = asyncio.create_task(
        act(
            hass,
            "send_raw",
            hex="05",
            wait_for_reply=True,
            reply_framing="delimiter",
            reply_delimiter=r"\x03",
        )
    )
    assert await wire.received(1) == b"\x05"
    await wire.send(b"\x02\xff", b"1\x03")
    reply = await asking
    assert reply == {"text": "\x02\\xff1", "hex": "02 ff 31", "parsed": None}


# call_method


async def test_a_method_is_called_on_a_device(
    hass: HomeAssistant,
    sensor: SerialSensor,
    device_registry: dr.DeviceRegistry,
) -> None:
    entry = sensor_entry(sensor.path, [READ, ANY])
    await set_up(hass, entry)
    hub = device_registry.async_get_device_by_identifier(
        (DOMAIN, entry.entry_id), entry.entry_id
    )
    assert hub is not None
    assert await act(hass, "call_method", device=hub.id, method="read") == {
        "result": "422498"
    }
    assert await act(hass, "call_method", method="any", params={"pin": 0}) == {
        "success": True
    }
    with pytest.raises(ServiceValidationError, match="has no method fly") as error:
        await act(hass, "call_method", hub=NAME, method="fly")
    assert error.value.translation_key == "method_unknown"


async def test_a_method_of_one_of_several_devices(
    hass: HomeAssistant, wire: SerialDevice, device_registry: dr.DeviceRegistry
) -> None:
    method = {
        "kind": "method",
        "key": "a7__open",
        "device_id": "a7",
        "template": r"${device_name}/${device_type}/${attribute}/${value}\n",
    }
    entry = sensor_entry(wire.path, [method])
    await set_up(hass, entry)
    await hass.services.async_call(
        DOMAIN,
        "register_device",
        {"id": "a7", "type": "gate", "name": "Yard"},
        blocking=True,
    )
    device = device_registry.async_get_device_by_identifier(
        (DOMAIN, f"{entry.entry_id}_a7"), entry.entry_id
    )
    assert device is not None
    for target in ({"device": device.id}, {"hub": NAME, "device": "a7"}):
        await act(hass, "call_method", **target, method="open", params=0)
        assert await wire.received(17) == b"Yard/gate/open/0\n"
    with pytest.raises(ServiceValidationError, match="has no device b8"):
        await act(hass, "call_method", hub=NAME, device="b8", method="open")


@area("socket", "thingsboard.json")
async def test_remote_calls_of_sockets(
    hass: HomeAssistant, device: Device, row: Row
) -> None:
    """ThingsBoard's sockets all have the method `set`, which names the device."""
    call = row.get("platform_message", {}).get("data", {})
    if "method" not in call:
        pytest.skip("no remote call")
    entry = hub_entry(device.port)
    await set_up(hass, entry)
    await device.connected()
    params = call["params"].replace("<client port>", str(device.port))
    expected = row["upstream_actual"]
    if "bytes_hex" in expected:
        reply = await act(hass, "call_method", method=call["method"], params=params)
        assert reply == expected["reply_content"]
        sent = bytes.fromhex(expected["bytes_hex"])
        assert await device.received(len(sent)) == sent
        return
    # Upstream was broken here, or spoke to whoever had the port then.
    method = {"kind": "method", "key": call["method"], "reply_framing": "hub"}
    hass.config_entries.async_add_subentry(entry, actuator(method))
    await hass.async_block_till_done()
    asking = asyncio.create_task(
        act(hass, "call_method", method=call["method"], params=params)
    )
    assert await device.received(len(params)) == params.encode()
    if "config" in row:
        await device.send(b"[1]\n")
        assert await asking == {"result": "[1]"}
    else:
        await device.go_away()
        with pytest.raises(HomeAssistantError, match="lost before the reply came"):
            await asking


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        (f"address={HOST};port=1;value=80;", "127.0.0.1:1 is not the address"),
        ("80", "is not of the form"),
    ],
)
async def test_a_value_for_another_socket_is_refused(
    hass: HomeAssistant, device: Device, params: str, reason: str
) -> None:
    await set_up(hass, hub_entry(device.port))
    with pytest.raises(ServiceValidationError, match=reason):
        await act(hass, "call_method", method="set", params=params)


async def test_other_links_have_no_such_method(
    hass: HomeAssistant, wire: SerialDevice
) -> None:
    await set_up(hass, sensor_entry(wire.path, []))
    with pytest.raises(ServiceValidationError, match="has no method set"):
        await act(hass, "call_method", method="set", params="value=80;")
