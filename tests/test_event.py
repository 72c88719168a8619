"""Event entities: the link, and the messages of devices."""

import json
from types import MappingProxyType
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bemcom_connectors.connector.backoff import Backoff
from custom_components.bemcom_connectors.connector.model import LinkReason
from custom_components.bemcom_connectors.const import DOMAIN
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.event import async_track_state_change_event
from tests.device import Device
from tests.hub import hub_entry, receive, set_up, state_of
from tests.source import PACKAGE
from tests.test_device_actions import PUMP, act
from tests.test_message_actions import ENVELOPE

pytestmark = pytest.mark.usefixtures("loopback")

CONNECTION = "event.demo_meter_connection"
LINK = "binary_sensor.demo_meter_connection"
MESSAGE = "event.garden_pump_message"
SEVERAL = {"device_id_key": "id"}


def follow(hass: HomeAssistant, entity_id: str) -> list[dict[str, Any]]:
    """Return the attributes of the events that an entity will tell of."""
    told: list[dict[str, Any]] = []
    before = hass.states.get(entity_id)
    last = [before.state if before else None]

    @callback
    def take(event: Event[EventStateChangedData]) -> None:
        state = event.data["new_state"]
        if state is not None and state.state not in {*last, "unavailable", "unknown"}:
            last.append(state.state)
            told.append(
                {
                    key: value
                    for key, value in state.attributes.items()
                    if key not in {"event_types", "friendly_name"}
                }
            )

    async_track_state_change_event(hass, entity_id, take)
    return told


def unique_id_of(
    registry: er.EntityRegistry, entry: MockConfigEntry, what: str
) -> er.RegistryEntry | None:
    """Return the event entity with a unique id."""
    unique_id = f"{entry.entry_id}_{what}"
    entity_id = registry.async_get_entity_id("event", DOMAIN, unique_id)
    return None if entity_id is None else registry.async_get(entity_id)


async def test_the_link_comes_and_goes(hass: HomeAssistant, device: Device) -> None:
    """Each time an event, with the reason, also while the hub is down."""
    connector = await set_up(hass, hub_entry(device.port))
    connector.backoff = Backoff(0.001, 0.01)
    told = follow(hass, CONNECTION)
    assert hass.states.get(CONNECTION).state == "unknown"
    await receive(hass, device, connector, b'{"a":1}\n')
    assert told == [{"event_type": "connected"}]
    await device.go_away()
    await state_of(hass, LINK, "off")
    await hass.async_block_till_done()
    assert told[1]["event_type"] == "disconnected"
    assert told[1]["reason"] == "reset"
    assert told[1]["detail"]
    assert hass.states.get(CONNECTION).state != "unavailable"
    await device.listen()
    await device.connected()
    await receive(hass, device, connector, b'{"a":2}\n')
    assert [it["event_type"] for it in told] == [
        "connected",
        "disconnected",
        "connected",
    ]


async def test_showing_anew_is_no_event(hass: HomeAssistant, device: Device) -> None:
    """The link stays what it is while entities are added anew."""
    entry = hub_entry(device.port)
    connector = await set_up(hass, entry)
    await receive(hass, device, connector, b'{"a":1}\n')
    before = hass.states.get(CONNECTION)
    override = ConfigSubentry(
        data=MappingProxyType({"key": "a", "name": "Renamed"}),
        subentry_type="datapoint",
        title="a",
        unique_id="a",
    )
    hass.config_entries.async_add_subentry(entry, override)
    await hass.async_block_till_done()
    state = hass.states.get("sensor.demo_meter_a")
    assert state.attributes["friendly_name"] == "demo-meter Renamed"
    assert device.connections == 1
    after = hass.states.get(CONNECTION)
    assert (after.state, after.attributes) == (before.state, before.attributes)
    told = follow(hass, CONNECTION)
    await device.go_away()
    await state_of(hass, LINK, "off")
    assert [it["event_type"] for it in told] == ["disconnected"]


async def test_what_happened_before_the_entity_was_there_is_told(
    hass: HomeAssistant, device: Device
) -> None:
    """Whoever connects at once is as connected as others."""
    entry = hub_entry(device.port)
    connector = await set_up(hass, entry)
    events = entry.runtime_data.link_events
    told: list[str] = []
    unsubscribe = events.async_subscribe_connection(lambda kind, _: told.append(kind))
    unsubscribe()
    await receive(hass, device, connector, b'{"a":1}\n')
    events.async_subscribe_connection(lambda kind, _: told.append(kind))
    assert told == ["connected"]
    events.async_subscribe_connection(lambda kind, _: told.append(kind))
    assert told == ["connected"]


async def test_a_registered_device_tells_of_its_messages(
    hass: HomeAssistant, device: Device
) -> None:
    """Those in SEPL's envelope and others, long ones cut."""
    entry = hub_entry(device.port, options=SEVERAL)
    connector = await set_up(hass, entry)
    await act(hass, "register_device", **PUMP)
    told = follow(hass, MESSAGE)
    parts = [{"name": "body", "value": "x" * 5000}]
    frame = '{"id":"pump-1","a":0}'
    await receive(
        hass,
        device,
        connector,
        f"{json.dumps(ENVELOPE)}\n".encode(),
        f"{json.dumps(ENVELOPE | {'protocol_parts': parts})}\n".encode(),
        f"{frame}\n".encode(),
        b'{"id":"other","a":0}\n',
    )
    assert told[0] == {
        "event_type": "received",
        "device_id": "pump-1",
        "endpoint": "get",
        "payload": '{"on": true}',
        "payload_header": "h",
        "timestamp": 1500554317,
    }
    assert told[1]["payload"] == "x" * 4096
    assert told[2]["payload"] == frame
    assert len(told) == 3


async def test_long_texts_are_not_recorded(hass: HomeAssistant, device: Device) -> None:
    """The recorder would take up to 48 KiB with each message, and refuses so much."""
    await set_up(hass, hub_entry(device.port, options=SEVERAL))
    await act(hass, "register_device", **PUMP)
    state_info = hass.states.get(MESSAGE).state_info
    assert state_info is not None
    assert {"payload", "payload_header"} <= state_info["unrecorded_attributes"]


async def test_the_others_are_disabled(
    hass: HomeAssistant, device: Device, entity_registry: er.EntityRegistry
) -> None:
    """Those of devices that are only seen, and the hub's own."""
    entry = hub_entry(device.port, options=SEVERAL)
    connector = await set_up(hass, entry)
    await receive(hass, device, connector, b'{"id":"a","x":1}\n', b'{"id":"a","y":1}\n')
    for what in ("message_", "message_a"):
        entity = unique_id_of(entity_registry, entry, what)
        assert entity.disabled_by is er.RegistryEntryDisabler.INTEGRATION
    assert unique_id_of(entity_registry, entry, "hub_connection").disabled_by is None


async def test_the_hub_tells_of_what_nobody_else_does(
    hass: HomeAssistant, device: Device, entity_registry: er.EntityRegistry
) -> None:
    """Messages without a device, and of devices that nobody knows."""
    entry = hub_entry(device.port, options=SEVERAL)
    await set_up(hass, entry)
    entity = unique_id_of(entity_registry, entry, "message_")
    entity_registry.async_update_entity(entity.entity_id, disabled_by=None)
    assert await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    await act(hass, "register_device", **PUMP)
    told = follow(hass, entity.entity_id)
    connector = entry.runtime_data.connector
    unknown = ENVELOPE | {"device_url": "unknown"}
    await device.connected()
    await receive(
        hass,
        device,
        connector,
        b"nonsense\n",
        f"{json.dumps(ENVELOPE)}\n".encode(),
        f"{json.dumps(unknown)}\n".encode(),
    )
    assert [(it["device_id"], it["payload"]) for it in told] == [
        ("", "nonsense"),
        ("unknown", '{"on": true}'),
    ]


async def test_a_message_needs_a_link(hass: HomeAssistant, device: Device) -> None:
    """Its entity is not available without one."""
    connector = await set_up(hass, hub_entry(device.port))
    await act(hass, "register_device", **PUMP)
    assert hass.states.get(MESSAGE).state == "unavailable"
    await receive(hass, device, connector, b'{"a":1}\n')
    assert hass.states.get(MESSAGE).state == "unknown"
    await device.go_away()
    await state_of(hass, MESSAGE, "unavailable")


async def test_devices_that_are_invented_get_no_entity(
    hass: HomeAssistant,
    device: Device,
    entity_registry: er.EntityRegistry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where there is no room for their datapoints."""
    entry = hub_entry(device.port, options=SEVERAL)
    connector = await set_up(hass, entry)
    connector.max_datapoints = 2
    messages = [f'{{"id":"d{number}","x":1}}\n'.encode() for number in range(5)]
    await receive(hass, device, connector, *messages)
    entities = er.async_entries_for_config_entry(entity_registry, entry.entry_id)
    ids = {it.unique_id for it in entities if "_message_d" in it.unique_id}
    assert ids == {f"{entry.entry_id}_message_d{number}" for number in range(2)}


@pytest.mark.parametrize("language", ["en", "de"])
def test_each_reason_has_its_text(language: str) -> None:
    texts = json.loads((PACKAGE / f"translations/{language}.json").read_text())
    attributes = texts["entity"]["event"]["connection"]["state_attributes"]
    assert set(attributes["reason"]["state"]) == {it.value for it in LinkReason}
    assert set(attributes["event_type"]["state"]) == {"connected", "disconnected"}
