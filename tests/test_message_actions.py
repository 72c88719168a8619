"""Messages in SEPL's form, and waiting for what a device sends."""

import asyncio
from collections.abc import AsyncGenerator
import json
import time
from typing import Any, override

import pytest

from custom_components.bemcom_connectors import link_events
from custom_components.bemcom_connectors.connector.actuator_flow import ActuatorFlow
from custom_components.bemcom_connectors.connector.listener import Listener
from custom_components.bemcom_connectors.connector.messages import Message
from custom_components.bemcom_connectors.connector.model import LinkError, LinkReason
from custom_components.bemcom_connectors.const import DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import device_registry as dr
from tests.device import HOST, Device
from tests.hub import hub_entry, receive, set_up
from tests.test_device_actions import act

pytestmark = pytest.mark.usefixtures("loopback")

ENVELOPE = {
    "device_url": "pump-1",
    "service_url": "get",
    "time": "1500554317",
    "protocol_parts": [
        {"name": "header", "value": "h"},
        {"name": "body", "value": '{"on": true}'},
    ],
}


async def ask(hass: HomeAssistant, action: str, **data: Any) -> dict[str, Any]:
    """Carry out an action, and return its response."""
    answer = await hass.services.async_call(
        DOMAIN, action, data, blocking=True, return_response=True
    )
    return dict(answer or {})


class Reader:
    """A device that keeps the lines it is sent."""

    def __init__(self) -> None:
        """Have none yet."""
        self.lines: asyncio.Queue[bytes] = asyncio.Queue()
        self.port = 0

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Read to the end."""
        while line := await reader.readline():
            self.lines.put_nowait(line)
        writer.close()


@pytest.fixture
async def reader(loopback: str) -> AsyncGenerator[Reader]:
    """Return a device that reads."""
    device = Reader()
    server = await asyncio.start_server(device.serve, HOST, 0)
    device.port = server.sockets[0].getsockname()[1]
    yield device
    server.close()
    server.close_clients()
    await server.wait_closed()


async def waiting(hass: HomeAssistant, **data: Any) -> asyncio.Task[dict[str, Any]]:
    """Start waiting for a message."""
    task = asyncio.create_task(ask(hass, "wait_for_message", **data))
    await asyncio.sleep(0)
    return task


# Sending


async def test_a_message_is_sent(hass: HomeAssistant, reader: Reader) -> None:
    """In SEPL's envelope, framed, with the time that is returned."""
    entry = hub_entry(reader.port)
    await set_up(hass, entry)
    await act(hass, "register_device", id="pump-1")
    data = {"device_id": "pump-1", "endpoint": "set", "payload_header": "h"}
    answer = await ask(hass, "send_message", **data, payload={"on": False}, timestamp=7)
    assert answer == {"timestamp": 7}
    assert json.loads(await reader.lines.get()) == {
        "device_url": "pump-1",
        "service_url": "set",
        "time": "7",
        "protocol_parts": [
            {"name": "header", "value": "h"},
            {"name": "body", "value": '{"on":false}'},
        ],
    }


@pytest.mark.parametrize(
    ("payload", "text"), [("grün", "grün"), (0, "0"), (False, "false"), (None, "null")]
)
async def test_the_payload(
    hass: HomeAssistant, reader: Reader, payload: object, text: str
) -> None:
    """For the hub itself, and now."""
    await set_up(hass, hub_entry(reader.port))
    before = int(time.time())
    answer = await ask(hass, "send_message", endpoint="set", payload=payload)
    sent = json.loads(await reader.lines.get())
    assert sent["device_url"] == ""
    assert sent["protocol_parts"] == [{"name": "body", "value": text}]
    assert before <= int(sent["time"]) == answer["timestamp"] <= time.time()


async def test_a_device_can_be_chosen(
    hass: HomeAssistant, reader: Reader, device_registry: dr.DeviceRegistry
) -> None:
    """It says which hub is meant, too; and nothing need come back."""
    entry = hub_entry(reader.port)
    await set_up(hass, entry)
    hub_entry(reader.port, name="other").add_to_hass(hass)
    await act(hass, "register_device", id="pump-1", hub=entry.entry_id)
    for identifier, device_id in ((entry.entry_id, ""), (None, "pump-1")):
        found = device_registry.async_get_device_by_identifier(
            (DOMAIN, identifier or f"{entry.entry_id}_pump-1"), entry.entry_id
        )
        await act(hass, "send_message", device_id=found.id, endpoint="set")
        assert json.loads(await reader.lines.get())["device_url"] == device_id


@pytest.mark.parametrize(
    ("data", "key"),
    [
        ({"device_id": "nobody"}, "device_unknown"),
        ({"hub": "nobody"}, "hub_unknown"),
        ({"payload": object()}, "payload_invalid"),
        ({"payload": "x" * (1024 * 1024 + 1)}, "payload_invalid"),
    ],
)
async def test_what_cannot_be_sent(
    hass: HomeAssistant, reader: Reader, data: dict[str, Any], key: str
) -> None:
    await set_up(hass, hub_entry(reader.port))
    with pytest.raises(ServiceValidationError) as raised:
        await ask(hass, "send_message", endpoint="set", **data)
    assert raised.value.translation_key == key
    assert reader.lines.empty()


async def test_without_a_link(hass: HomeAssistant, device: Device) -> None:
    """It fails at once, or after the time that it may wait."""
    connector = await set_up(hass, hub_entry(device.port))
    await receive(hass, device, connector, b'{"a":1}\n')
    await device.go_away()
    while connector.online:
        await asyncio.sleep(0.001)
    for data, key in (({}, "not_connected"), ({"expires_after": 0.05}, "expired")):
        with pytest.raises(HomeAssistantError) as raised:
            await ask(hass, "send_message", endpoint="set", **data)
        assert raised.value.translation_key == f"command_{key}"


async def test_a_connector_that_sends_none(
    hass: HomeAssistant, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Says so; a link that breaks is told as every other error of a command."""
    connector = await set_up(hass, hub_entry(reader.port))
    monkeypatch.setattr(
        type(connector), "send_message", ActuatorFlow.send_message, raising=True
    )
    with pytest.raises(ServiceValidationError) as raised:
        await ask(hass, "send_message", endpoint="set")
    assert raised.value.translation_key == "command_not_supported"

    async def broken(_self: object, _message: Message) -> None:
        raise LinkError(LinkReason.RESET, "It broke")

    monkeypatch.setattr(type(connector), "send_message", broken)
    with pytest.raises(HomeAssistantError) as failed:
        await ask(hass, "send_message", endpoint="set")
    assert failed.value.translation_key == "command_not_taken"
    assert failed.value.translation_placeholders["detail"] == "It broke"


# Waiting


async def test_a_message_is_waited_for(hass: HomeAssistant, device: Device) -> None:
    """It is no reading."""
    connector = await set_up(hass, hub_entry(device.port))
    task = await waiting(hass, device_id="pump-1", endpoint="get", contains="on")
    others = [
        ENVELOPE | {"device_url": "other"},
        ENVELOPE | {"service_url": "other"},
        ENVELOPE | {"protocol_parts": []},
    ]
    messages = [f"{json.dumps(it)}\n".encode() for it in [*others, ENVELOPE]]
    await receive(hass, device, connector, *messages[:-1])
    assert not task.done()
    await receive(hass, device, connector, messages[-1])
    assert await task == {
        "device_id": "pump-1",
        "endpoint": "get",
        "payload": '{"on": true}',
        "payload_header": "h",
        "timestamp": 1500554317,
        "json": {"on": True},
    }
    assert not connector.datapoints
    assert connector.statistics.messages == 4
    assert connector.statistics.fruitless == 0


@pytest.mark.parametrize(
    ("options", "sent", "wanted"),
    [
        ({}, b'{"a":0}\n', ("", '{"a":0}')),
        ({}, b"[0, 1]\n", ("", "[0, 1]")),
        ({}, b"nonsense\n", ("", "nonsense")),
        ({"device_id_key": "id"}, b'{"id":"b","a":1}\n', ("b", '{"id":"b","a":1}')),
        (
            {"device_id_key": "id"},
            b'[{"id":"a","x":1},{"id":"b","y":"\xc3\xa4"}]\n',
            ("b", '{"id":"b","y":"ä"}'),
        ),
        (
            {"device_id_key": "id"},
            b'[{"id":"a","x":1},{"id":[],"b":1}]\n',
            ("", '{"id":[],"b":1}'),
        ),
        ({"device_id_key": "id"}, b'{"id":"b"}\n', ("b", '{"id":"b"}')),
        ({"format": "text", "framing": "line"}, b"\xff\n", ("", "ff")),
        ({"format": "text", "framing": "line"}, b"a\x02\n", ("", "6102")),
    ],
)
async def test_every_frame_is_a_message_for_those_who_wait(
    hass: HomeAssistant,
    device: Device,
    options: dict[str, Any],
    sent: bytes,
    wanted: tuple[str, str],
) -> None:
    """And a reading as ever; what is no message of anybody is the hub's own."""
    connector = await set_up(hass, hub_entry(device.port, options=options))
    before = int(time.time())
    task = await waiting(hass, device_id=wanted[0])
    await receive(hass, device, connector, sent)
    answer = await task
    assert (answer["device_id"], answer["payload"]) == wanted
    assert (answer["endpoint"], answer["payload_header"]) == ("", "")
    assert before <= answer["timestamp"] <= time.time()


@pytest.mark.parametrize(
    ("sent", "parsed"), [(b"0", 0), (b'{"a":null}', {"a": None}), (b"nonsense", None)]
)
async def test_a_payload_in_json_is_parsed(
    hass: HomeAssistant, device: Device, sent: bytes, parsed: object
) -> None:
    connector = await set_up(hass, hub_entry(device.port, options={"framing": "line"}))
    task = await waiting(hass)
    await receive(hass, device, connector, sent + b"\n")
    assert (await task)["json"] == parsed


async def test_the_hub_can_be_chosen(
    hass: HomeAssistant, device: Device, device_registry: dr.DeviceRegistry
) -> None:
    """Its device stands for what is no other device's."""
    entry = hub_entry(device.port, options={"device_id_key": "id"})
    connector = await set_up(hass, entry)
    hub = device_registry.async_get_device_by_identifier(
        (DOMAIN, entry.entry_id), entry.entry_id
    )
    task = await waiting(hass, device_id=hub.id)
    await receive(hass, device, connector, b'{"id":"a","x":1}\n', b'{"x":2}\n')
    assert (await task)["payload"] == '{"x":2}'


async def test_no_message(hass: HomeAssistant, device: Device) -> None:
    """Nothing is left of the wait."""
    connector = await set_up(hass, hub_entry(device.port))
    told = []

    class Heard(Listener):
        @override
        def on_message(self, message: Message) -> None:
            told.append(message)

    connector.add_listener(Heard())
    with pytest.raises(HomeAssistantError) as raised:
        await ask(hass, "wait_for_message", timeout=0.01)
    assert raised.value.translation_key == "no_message"
    await receive(hass, device, connector, b'{"a":1}\n')
    assert not told


async def test_waiting_ends_with_the_hub(hass: HomeAssistant, device: Device) -> None:
    entry = hub_entry(device.port)
    await set_up(hass, entry)
    task = await waiting(hass)
    assert await hass.config_entries.async_unload(entry.entry_id)
    with pytest.raises(HomeAssistantError) as raised:
        await task
    assert raised.value.translation_key == "hub_unloaded"


async def test_not_too_many_wait(
    hass: HomeAssistant, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_events, "MAX_WAITERS", 1)
    connector = await set_up(hass, hub_entry(device.port))
    task = await waiting(hass)
    with pytest.raises(HomeAssistantError) as raised:
        await ask(hass, "wait_for_message")
    assert raised.value.translation_key == "too_many_waiters"
    await receive(hass, device, connector, b"1\n")
    assert (await task)["json"] == 1


async def test_what_cannot_be_written_costs_nothing_else(
    hass: HomeAssistant, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connector may bring what is no JSON; it is no message then, and counted."""
    connector = await set_up(hass, hub_entry(device.port))
    monkeypatch.setattr(connector, "parse_raw_msg", lambda message: message.payload)
    task = await waiting(hass)
    no_json: Any = {"set": {1}}
    connector.run_sensor_flow(no_json)
    assert connector.statistics.listener_errors
    connector.run_sensor_flow({"after": 1})
    assert (await task)["json"] == {"after": 1}
