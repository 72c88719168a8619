"""Discovery of a mirrored hub: a real broker, and Home Assistant's own MQTT on the other side."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
import json
import re
from typing import Any

import aiomqtt
from hypothesis import HealthCheck, given, settings, strategies as st
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bemcom_connectors.bemcom.clearing import clear
from custom_components.bemcom_connectors.bemcom.json_writing import fit
from custom_components.bemcom_connectors.bemcom.messages import (
    decode_actuator_value,
    encode_value,
)
from custom_components.bemcom_connectors.bemcom.mirror import (
    Mirror,
    last_will,
    wall_clock,
)
from custom_components.bemcom_connectors.bemcom.model import MirrorOptions
from custom_components.bemcom_connectors.bemcom.own_broker import OwnBroker
from custom_components.bemcom_connectors.bemcom.own_topics import OwnTopics
from custom_components.bemcom_connectors.connector.actuators import (
    Actuator,
    ActuatorKind,
)
from custom_components.bemcom_connectors.connector.base import Connector
from custom_components.bemcom_connectors.connector.model import Reading
from custom_components.bemcom_connectors.const import SUBENTRY_ACTUATOR
from custom_components.bemcom_connectors.descriptions import (
    ValueKind,
    describe,
    native_value,
)
from custom_components.bemcom_connectors.discovery_payloads import (
    actuator_config,
    component_of,
    datapoint_config,
    encode,
    object_id,
    safe_id,
    shown_state,
    shown_unit,
    shown_value,
)
from custom_components.bemcom_connectors.mirror_discovery import MirrorDiscovery
from homeassistant.components.mqtt import (
    binary_sensor,
    button,
    client as mqtt_client,
    is_connected,
    number,
    select,
    sensor,
    switch,
    text,
)
from homeassistant.components.mqtt.models import MqttCommandTemplate, MqttValueTemplate
from homeassistant.components.sensor import SensorDeviceClass
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.template import Template
from homeassistant.util import dt as dt_util
from tests.bemcom.listening import options as broker_options, until
from tests.bemcom.mosquitto import Mosquitto, needs_mosquitto
from tests.bemcom.test_messages import JSON
from tests.device import Device
from tests.hub import NAME, hub_entry, receive
from tests.ocpp_wallbox import wallbox

pytestmark = [needs_mosquitto, pytest.mark.usefixtures("loopback")]

PREFIX = "ha2"
OWN = OwnTopics(NAME)
MESSAGE = {
    "room_temperature": 21.5,
    "energy_kwh": 1234,
    "door_open": True,
    "last_seen": "2026-05-01T10:00:00Z",
    "operating_state": "heating",
    "serial": "A-17",
    "switched": True,
    "level": 5,
}
ACTUATORS = (
    {
        "kind": "number",
        "key": "level",
        "name": "Level",
        "minimum": 0,
        "maximum": 50,
        "step": 0.5,
        "unit": "%",
        "template": r"level=${value}\n",
        "state_source": "datapoint",
        "state_key": "level",
    },
    {
        "kind": "switch",
        "key": "switched",
        "name": "Pump",
        "template": r"pump=${value}\n",
        "state_source": "datapoint",
        "state_key": "switched",
    },
    {
        "kind": "select",
        "key": "mode",
        "name": "Mode",
        "choices": [{"option": "eco"}, {"option": "full"}],
        "template": r"mode=${value}\n",
        "state_source": "sent",
    },
    {
        "kind": "text",
        "key": "label",
        "name": "Label",
        "template": r"label=${value}\n",
        "state_source": "sent",
    },
    {"kind": "button", "key": "reset", "name": "Reset", "template": r"reset\n"},
)


class Hub:
    """A hub with its mirror and what announces it, as a run of the mirror has them."""

    def __init__(self, hass: HomeAssistant, entry: MockConfigEntry, port: int) -> None:
        """Put it together."""
        self.hass = hass
        self.entry = entry
        self.connector: Connector = entry.runtime_data.connector
        self.changes = 0
        mirror_options = MirrorOptions(
            connector_name=entry.data["connector_name"],
            version="1",
            heartbeat_interval=1,
        )
        self.broker = OwnBroker(
            broker_options(port), will=lambda: last_will(mirror_options, wall_clock())
        )
        self.mirror = Mirror(self.connector, self.broker, mirror_options)
        self.descriptions = entry.runtime_data.descriptions
        self.discovery = self.make(PREFIX)

    def make(self, prefix: str) -> MirrorDiscovery:
        """Return what announces."""
        return MirrorDiscovery(
            self.hass,
            self.entry,
            self.connector,
            self.mirror,
            prefix=prefix,
            describe=self.descriptions.get,
            on_changed=self._changed,
        )

    def _changed(self) -> None:
        self.changes += 1

    def start(self, kept: dict[str, str] | None = None) -> None:
        """Begin, before anything is received."""
        self.mirror.start()
        if values := self.connector.datapoints:
            self.mirror.on_reading(Reading(dict(values), wall_clock()))
        self.discovery.async_start(kept or {})
        self.broker.start(self)

    async def stop(self, *, remove: bool = False) -> None:
        """End."""
        self.discovery.async_stop(remove=remove)
        await self.mirror.stop()
        await self.broker.stop()

    def connected(self) -> None:
        """Hear of a connection."""
        self.mirror.connected()
        self.discovery.async_connected()

    def lost(self) -> None:
        """Hear of the end of one."""
        self.mirror.lost()

    def received(self, topic: str, payload: bytes, retain: bool) -> None:
        """Take a message."""
        self.mirror.received(topic, payload, retain)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the other side connect soon, and look for nothing in the configuration."""
    monkeypatch.setattr(mqtt_client, "RECONNECT_INTERVAL_SECONDS", 0.1)
    monkeypatch.setattr(mqtt_client, "INITIAL_SUBSCRIBE_COOLDOWN", 0.02)
    monkeypatch.setattr(mqtt_client, "DISCOVERY_COOLDOWN", 0)
    monkeypatch.setattr("homeassistant.config.load_yaml_config_file", lambda *_: {})
    monkeypatch.setattr(
        "custom_components.bemcom_connectors.mirror_discovery._SETTLED", 0.1
    )


@pytest.fixture
async def entry(hass: HomeAssistant, device: Device) -> MockConfigEntry:
    """Return a hub that has received a message."""
    made = hub_entry(device.port, options={"framing": "line"})
    made.add_to_hass(hass)
    for actuator in ACTUATORS:
        hass.config_entries.async_add_subentry(
            made,
            ConfigSubentry(
                data=actuator,  # type: ignore[arg-type]
                subentry_type=SUBENTRY_ACTUATOR,
                title=str(actuator["name"]),
                unique_id=None,
            ),
        )
    assert await hass.config_entries.async_setup(made.entry_id)
    await hass.async_block_till_done()
    return made


@pytest.fixture
async def hub(
    hass: HomeAssistant, entry: MockConfigEntry, mosquitto: Mosquitto
) -> AsyncGenerator[Hub]:
    """Return a hub that is announced on a broker."""
    made = Hub(hass, entry, mosquitto.port)
    made.start()
    await until(lambda: made.mirror.is_connected)
    yield made
    await made.stop()


@pytest.fixture
async def other(
    hass: HomeAssistant, mosquitto: Mosquitto
) -> AsyncGenerator[MockConfigEntry]:
    """Return the other Home Assistant's MQTT, which happens to be in this one."""
    mqtt = MockConfigEntry(
        domain="mqtt",
        data={"broker": "127.0.0.1", "port": mosquitto.port, "protocol": "5"},
        options={"discovery": True, "discovery_prefix": PREFIX},
        version=2,
    )
    mqtt.add_to_hass(hass)
    assert await hass.config_entries.async_setup(mqtt.entry_id)
    await until(lambda: is_connected(hass))
    yield mqtt
    await hass.config_entries.async_unload(mqtt.entry_id)


def seen(hass: HomeAssistant, unique_id: str) -> State | None:
    """Return what the other side shows of an entity here, by the end of its unique id."""
    registry = er.async_get(hass)
    mine = [
        it
        for it in registry.entities.values()
        if it.platform == "bemcom_connectors"
        and it.unique_id.endswith(unique_id)
        and it.domain != "event"
    ]
    assert len(mine) == 1, unique_id
    name = object_id(str(mine[0].config_entry_id), mine[0].unique_id)
    found = registry.async_get_entity_id(mine[0].domain, "mqtt", name)
    return hass.states.get(found) if found else None


def shows(hass: HomeAssistant, unique_id: str, state: str) -> Callable[[], bool]:
    """Return what tells whether the other side shows a state."""

    def look() -> bool:
        found = seen(hass, unique_id)
        return found is not None and found.state == state

    return look


async def say(hub: Hub, device: Device, **values: Any) -> None:
    """Let the device say something."""
    line = json.dumps(values).encode() + b"\n"
    await receive(hub.hass, device, hub.connector, line)
    hub.discovery.async_update(values)


async def topics(port: int, pattern: str) -> dict[str, bytes]:
    """Return what a broker has retained below a topic."""
    kept: dict[str, bytes] = {}
    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.subscribe(pattern)
        await client.publish("end-of-it", b"x", retain=True)
        await client.subscribe("end-of-it")
        async for message in client.messages:
            if str(message.topic) == "end-of-it":
                return kept
            assert isinstance(message.payload, bytes)
            kept[str(message.topic)] = message.payload
    return kept


async def test_the_other_side_shows_what_this_one_does(
    hass: HomeAssistant, hub: Hub, device: Device, other: MockConfigEntry
) -> None:
    await say(hub, device, **MESSAGE)
    await until(shows(hass, "_actuator_level", "5"))
    registry = er.async_get(hass)
    for key in MESSAGE:
        (first,) = [
            it
            for it in registry.entities.values()
            if it.unique_id == f"{hub.entry.entry_id}_datapoint_{key}"
        ]
        here = hass.states.get(first.entity_id)
        await until(shows(hass, f"_datapoint_{key}", here.state if here else ""))
        there = seen(hass, f"_datapoint_{key}")
        assert here is not None
        assert there is not None
        for attribute in (
            "friendly_name",
            "unit_of_measurement",
            "device_class",
            "state_class",
            "options",
        ):
            wanted = here.attributes.get(attribute)
            assert there.attributes.get(attribute) == wanted, (key, attribute)
    level = seen(hass, "_actuator_level")
    assert level is not None
    assert (level.attributes["min"], level.attributes["max"]) == (0, 50)
    assert level.attributes["step"] == 0.5
    await until(shows(hass, "_actuator_switched", "on"))
    await until(shows(hass, "_hub_connection", "on"))


async def test_one_device_for_each_of_this_side(
    hass: HomeAssistant, hub: Hub, device: Device, other: MockConfigEntry
) -> None:
    await say(hub, device, serial="x")
    await until(lambda: seen(hass, "_datapoint_serial") is not None)
    (found,) = dr.async_entries_for_config_entry(dr.async_get(hass), other.entry_id)
    assert (found.name, found.model) == (NAME, "TCP hub")
    assert found.manufacturer == "BEMCom Connectors"


@pytest.mark.parametrize(
    ("end", "service", "data", "sent"),
    [
        ("level", "set_value", {"value": 12.5}, b"level=12.5\n"),
        ("switched", "turn_off", {}, b"pump=0\n"),
        ("mode", "select_option", {"option": "full"}, b"mode=full\n"),
        ("label", "set_value", {"value": 'a "b" {{ c }}'}, b'label=a "b" {{ c }}\n'),
        ("reset", "press", {}, b"reset\n"),
    ],
)
async def test_commands_of_the_other_side_arrive(  # noqa: PLR0917
    hass: HomeAssistant,
    hub: Hub,
    device: Device,
    other: MockConfigEntry,
    end: str,
    service: str,
    data: dict[str, Any],
    sent: bytes,
) -> None:
    await say(hub, device, **MESSAGE)
    topic = f"{NAME}/datapoints/{end}/set"
    await until(lambda: topic in hub.mirror.subscriptions.current)

    def is_there() -> bool:
        state = seen(hass, f"_actuator_{end}")
        return state is not None and state.state != "unavailable"

    await until(is_there)
    entity = seen(hass, f"_actuator_{end}")
    assert entity is not None
    await hass.services.async_call(
        entity.domain, service, {"entity_id": entity.entity_id} | data, blocking=True
    )
    async with asyncio.timeout(10):
        assert await device.received(len(sent)) == sent


async def test_it_is_unavailable_without_the_link_and_without_us(
    hass: HomeAssistant, hub: Hub, device: Device, other: MockConfigEntry
) -> None:
    await say(hub, device, level=5)
    await until(shows(hass, "_datapoint_level", "5"))
    await device.go_away()
    await until(shows(hass, "_datapoint_level", "unavailable"))
    await until(shows(hass, "_hub_connection", "off"))
    await device.listen()
    await device.connected()
    await device.send(b'{"level": 6}\n')
    await until(shows(hass, "_datapoint_level", "6"))
    await hub.stop()
    await until(shows(hass, "_datapoint_level", "unavailable"))
    await until(shows(hass, "_hub_connection", "unavailable"))


async def test_what_goes_here_goes_there(
    hass: HomeAssistant,
    hub: Hub,
    device: Device,
    other: MockConfigEntry,
    mosquitto: Mosquitto,
) -> None:
    registry = er.async_get(hass)
    await say(hub, device, a=1, b=2, c=3)
    await until(lambda: all(seen(hass, f"_datapoint_{it}") for it in "abc"))
    ids = {key: _entity_id(hass, hub, key) for key in "abc"}
    registry.async_update_entity(ids["a"], name="Another name")
    registry.async_update_entity(ids["b"], hidden_by=er.RegistryEntryHider.USER)
    await until(lambda: seen(hass, "_datapoint_b") is None)

    def is_renamed() -> bool:
        state = seen(hass, "_datapoint_a")
        return state is not None and "Another name" in state.name

    await until(is_renamed)
    configs = await topics(mosquitto.port, f"{PREFIX}/#")
    registry.async_remove(ids["c"])

    async def is_gone() -> bool:
        return len(await topics(mosquitto.port, f"{PREFIX}/#")) == len(configs) - 1

    async with asyncio.timeout(10):
        while not await is_gone():
            await asyncio.sleep(0.02)
    # Nothing empty where a BEMCom stack may listen.
    kept = await topics(mosquitto.port, f"{NAME}/datapoints/#")
    assert json.loads(kept[f"{NAME}/datapoints/c/value"])["value"] is None
    assert all(kept.values())
    await hub.stop(remove=True)
    assert await topics(mosquitto.port, f"{PREFIX}/#") == {}
    assert hub.discovery.as_json() == {}


def _entity_id(hass: HomeAssistant, hub: Hub, key: str) -> str:
    registry = er.async_get(hass)
    unique_id = f"{hub.entry.entry_id}_datapoint_{key}"
    domain = hub.descriptions[key].platform
    found = registry.async_get_entity_id(domain, "bemcom_connectors", unique_id)
    assert found is not None
    return found


async def test_a_datapoint_that_is_another_thing_now(
    hass: HomeAssistant, hub: Hub, device: Device, other: MockConfigEntry
) -> None:
    await say(hub, device, operating_state="heating")
    await until(shows(hass, "_datapoint_operating_state", "heating"))
    await say(hub, device, operating_state="cooling")
    await until(shows(hass, "_datapoint_operating_state", "cooling"))
    state = seen(hass, "_datapoint_operating_state")
    assert state is not None
    assert state.attributes["options"] == ["heating", "cooling"]


async def test_a_unit_that_the_user_chose(
    hass: HomeAssistant, hub: Hub, device: Device, other: MockConfigEntry
) -> None:
    await say(hub, device, room_temperature=10)
    await until(shows(hass, "_datapoint_room_temperature", "10"))
    er.async_get(hass).async_update_entity_options(
        _entity_id(hass, hub, "room_temperature"),
        "sensor",
        {"unit_of_measurement": "K"},
    )

    def is_kelvin() -> bool:
        state = seen(hass, "_datapoint_room_temperature")
        return state is not None and state.state == "283.15"

    await until(is_kelvin)


async def test_a_class_that_the_user_chose(
    hass: HomeAssistant, hub: Hub, device: Device, other: MockConfigEntry
) -> None:
    await say(hub, device, switched=True)
    await until(shows(hass, "_datapoint_switched", "on"))
    er.async_get(hass).async_update_entity(
        _entity_id(hass, hub, "switched"), device_class="running"
    )

    def is_running() -> bool:
        state = seen(hass, "_datapoint_switched")
        return state is not None and state.attributes.get("device_class") == "running"

    await until(is_running)


async def test_a_hub_that_is_removed(
    hub: Hub, device: Device, mosquitto: Mosquitto
) -> None:
    await say(hub, device, a=1)
    await until(lambda: "a" in hub.mirror.publisher.own.sensors)
    await hub.stop()
    told = hub.discovery.as_json()
    assert (await topics(mosquitto.port, f"{PREFIX}/#")).keys() == told.keys()
    assert await clear(broker_options(mosquitto.port), told)
    assert await topics(mosquitto.port, f"{PREFIX}/#") == {}
    await mosquitto.stop()
    assert not await clear(broker_options(mosquitto.port), told, timeout=0.2)


async def test_an_earlier_run(
    hass: HomeAssistant, entry: MockConfigEntry, device: Device, mosquitto: Mosquitto
) -> None:
    first = Hub(hass, entry, mosquitto.port)
    first.start()
    await until(lambda: first.mirror.is_connected)
    await say(first, device, stays=1, goes=2)
    await until(lambda: len(first.discovery.as_json()) == 3 + len(ACTUATORS))
    await first.stop()
    kept = first.discovery.as_json()
    assert (await topics(mosquitto.port, f"{PREFIX}/#")).keys() == kept.keys()
    assert first.changes
    er.async_get(hass).async_remove(_entity_id(hass, first, "goes"))
    second = Hub(hass, entry, mosquitto.port)
    # As if nothing had been received yet.
    second.connector.datapoints.clear()
    second.descriptions = {}
    second.discovery = second.make(PREFIX)
    second.start(kept | {"nonsense": "x", "old/sensor/n/o/config": "y"})
    second.discovery.async_update(["stays"])
    await until(lambda: second.mirror.is_connected)
    await until(lambda: len(second.discovery.as_json()) == len(kept) - 1)
    now = await topics(mosquitto.port, f"{PREFIX}/#")
    assert now.keys() == second.discovery.as_json().keys()
    assert len(now) == len(kept) - 1
    await second.stop()


async def test_a_broker_that_forgets_everything(
    hass: HomeAssistant, hub: Hub, device: Device, mosquitto: Mosquitto
) -> None:
    await say(hub, device, **MESSAGE)
    wanted = 1 + len(MESSAGE) + len(ACTUATORS)
    await until(lambda: len(hub.discovery.as_json()) == wanted)
    await mosquitto.stop()
    await until(lambda: not hub.mirror.is_connected)
    er.async_get(hass).async_remove(_entity_id(hass, hub, "serial"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    # Until a broker knows, it is not forgotten.
    assert len(hub.discovery.as_json()) == wanted
    await mosquitto.start()
    await until(lambda: hub.mirror.is_connected)
    await until(lambda: not len(hub.mirror.publisher.outbox))
    assert len(await topics(mosquitto.port, f"{PREFIX}/#")) == wanted - 1
    values = await topics(mosquitto.port, f"{NAME}/datapoints/#")
    assert json.loads(values[f"{NAME}/datapoints/level/value"])["value"] == 5
    assert len(hub.discovery.as_json()) == wanted - 1


async def test_no_more_than_a_hub_may_have(
    hass: HomeAssistant, entry: MockConfigEntry, device: Device, mosquitto: Mosquitto
) -> None:
    """Of each kind; the hub itself is none of them."""
    first = Hub(hass, entry, mosquitto.port)
    first.start()
    await until(lambda: first.mirror.is_connected)
    await say(first, device, **MESSAGE)
    await until(lambda: len(first.discovery.as_json()) > len(MESSAGE))
    await first.stop(remove=True)
    first.connector.max_datapoints = 2
    second = Hub(hass, entry, mosquitto.port)
    second.start()
    await until(lambda: second.mirror.is_connected)
    await until(lambda: len(second.discovery.as_json()) >= 5)
    second.discovery.async_update([*MESSAGE, "and more"])
    await until(lambda: not len(second.mirror.publisher.outbox))
    announced = (await topics(mosquitto.port, f"{PREFIX}/#")).keys()
    assert announced == second.discovery.as_json().keys()
    ids = [*second.discovery.as_json().values()]
    kinds = ("_datapoint_", "_actuator_", "_hub_")
    assert [sum(kind in it for it in ids) for kind in kinds] == [2, 2, 1]
    await second.stop()


async def test_state_of_a_connector_that_fails(
    hub: Hub, device: Device, mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    await say(hub, device, level=5)
    await until(lambda: "level" in hub.mirror.publisher.own.sensors)

    def fail(*_: object) -> None:
        raise ValueError("no")

    monkeypatch.setattr(hub.connector, "actuator_state", fail)
    await say(hub, device, level=6)
    await until(lambda: not len(hub.mirror.publisher.outbox))
    values = await topics(mosquitto.port, f"{NAME}/datapoints/#")
    assert json.loads(values[f"{NAME}/datapoints/level/state"])["value"] is None
    assert json.loads(values[f"{NAME}/datapoints/level/value"])["value"] == 6


async def test_charge_points(
    hass: HomeAssistant, mosquitto: Mosquitto, other: MockConfigEntry
) -> None:
    async with wallbox(hass, max_current=20) as box:
        hub = Hub(hass, box.entry, mosquitto.port)
        hub.start()
        await until(lambda: len(hub.discovery.as_json()) > 10)
        registry = er.async_get(hass)
        first = registry.async_get("number.cp1_connector_1_charging_limit")
        assert first is not None

        def limit() -> State | None:
            return seen(hass, first.unique_id)

        await until(lambda: (it := limit()) and it.state != "unavailable")
        there = limit()
        assert there is not None
        assert there.name == "CP1 Connector 1 Charging limit"
        assert (there.attributes["min"], there.attributes["max"]) == (0, 20)
        devices = dr.async_get(hass)
        entity = registry.async_get(there.entity_id)
        assert entity is not None
        assert entity.device_id is not None
        part = devices.async_get(entity.device_id, include_child_devices=False)
        assert part is not None
        assert part.via_device_id is not None
        whole = devices.async_get(part.via_device_id, include_child_devices=False)
        assert whole is not None
        assert (whole.name, whole.manufacturer) == ("CP1", "Acme")
        # The cable is pulled, and that is what is shown.
        await box.client.close()
        await until(lambda: (it := limit()) and it.state == "unavailable")
        await until(shows(hass, "_connected", "off"))
        await hub.stop(remove=True)


async def test_what_nobody_knows_and_what_has_no_entity(
    hass: HomeAssistant, hub: Hub, device: Device
) -> None:
    await say(hub, device, a=1, b=2)
    await until(lambda: "a" in hub.mirror.publisher.own.sensors)
    ids = hub.discovery.as_json()
    # Disabled it has no entity there, and none it gets again when it is enabled.
    registry = er.async_get(hass)
    mine = _entity_id(hass, hub, "a")
    registry.async_update_entity(mine, disabled_by=er.RegistryEntryDisabler.USER)
    await until(lambda: len(hub.discovery.as_json()) == len(ids) - 1)
    assert "a" not in hub.mirror.publisher.own.sensors
    hub.discovery.async_update(["a", "unknown"])
    registry.async_update_entity(_entity_id(hass, hub, "b"), icon="mdi:tree")
    button_id = "button.demo_meter_reset"
    registry.async_update_entity(button_id, hidden_by=er.RegistryEntryHider.USER)
    await until(lambda: len(hub.discovery.as_json()) == len(ids) - 2)
    hidden = er.RegistryEntryHider.USER
    registry.async_update_entity(
        "binary_sensor.demo_meter_connection", hidden_by=hidden
    )
    await until(lambda: len(hub.discovery.as_json()) == len(ids) - 3)


async def test_a_device_gets_another_name(
    hass: HomeAssistant, hub: Hub, device: Device, other: MockConfigEntry
) -> None:
    await say(hub, device, serial="x")
    await until(lambda: seen(hass, "_datapoint_serial") is not None)
    devices = dr.async_get(hass)
    (mine,) = dr.async_entries_for_config_entry(devices, hub.entry.entry_id)
    devices.async_update_device(mine.id, name_by_user="Cellar")

    def is_renamed() -> bool:
        (found,) = dr.async_entries_for_config_entry(devices, other.entry_id)
        return found.name == "Cellar"

    await until(is_renamed)


# Whatever there may be

ANY_TEXT = st.text(st.characters(exclude_categories=()))
IDS = re.compile(r"[a-zA-Z0-9_-]+")


@given(ANY_TEXT, ANY_TEXT)
def test_ids_are_safe_and_each_its_own(one: str, two: str) -> None:
    assert IDS.fullmatch(safe_id(one))
    assert (safe_id(one) == safe_id(two)) == (one == two)
    assert safe_id(one, two) != safe_id(one + two)


SHAPES = {
    "binary_sensor": binary_sensor,
    "button": button,
    "number": number,
    "select": select,
    "sensor": sensor,
    "switch": switch,
    "text": text,
}


def checked(component: str, config: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration as Home Assistant reads it, or fail."""
    said = json.loads(encode(config))
    result: dict[str, Any] = SHAPES[component].DISCOVERY_SCHEMA(said)
    return result


def rendered(hass: HomeAssistant, template: str, value: Any) -> Any:
    """Return what a template makes of a message with a value."""
    payload = encode_value(value, 1).decode()
    made = MqttValueTemplate(Template(template, hass))
    return made.async_render_with_possible_json_value(payload)


@given(st.text(min_size=1), JSON.filter(lambda it: it is not None), JSON)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_value_can_be_shown(
    hass: HomeAssistant, key: str, first: Any, value: Any
) -> None:
    looks = describe(key, first)
    unit = shown_unit(looks, None)
    config = datapoint_config(looks, OWN.value(key), unit)
    checked(looks.platform, config)
    for it in (first, value):
        shown = shown_value(looks, unit, it)
        text = rendered(hass, config["value_template"], shown)
        assert len(text) <= 255
        if shown is None:
            assert text == "None"
        elif looks.platform == "binary_sensor":
            assert text in {"ON", "OFF"}
        elif looks.kind is ValueKind.NUMBER:
            assert float(text) == float(str(native_value(looks, it)))
        elif looks.kind is ValueKind.TIMESTAMP:
            assert dt_util.parse_datetime(text) == native_value(looks, it)
        else:
            assert text == fit(native_value(looks, it))


NUMBERS = st.none() | st.floats(-1e6, 1e6)
ANY_ACTUATOR = st.builds(
    Actuator,
    key=ANY_TEXT,
    kind=st.sampled_from([it for it in ActuatorKind if it is not ActuatorKind.METHOD]),
    minimum=st.none() | st.floats(0, 100),
    maximum=st.none() | st.floats(100, 1e6),
    step=st.none() | st.floats(1e-9, 1e3),
    unit=st.none() | st.text(),
    options=st.lists(st.text(min_size=1), min_size=1).map(tuple),
)


@given(ANY_ACTUATOR, JSON, st.text())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_actuator_can_be_set(
    hass: HomeAssistant, actuator: Actuator, value: Any, given_text: str
) -> None:
    component = component_of(actuator.kind)
    assert component is not None
    topic, state_topic = OWN.set(actuator.key), OWN.state(actuator.key)
    checked(component, actuator_config(actuator, None, topic, None))
    config = actuator_config(actuator, None, topic, state_topic)
    checked(component, config)
    if actuator.kind is not ActuatorKind.BUTTON:
        state = shown_state(actuator, actuator.read(value))
        text = rendered(hass, config["value_template"], state)
        assert isinstance(text, str)
        assert len(text) <= 255 or actuator.kind is ActuatorKind.SELECT
    template = MqttCommandTemplate(Template(config["command_template"], hass))
    wanted: dict[ActuatorKind, tuple[Any, Any]] = {
        ActuatorKind.NUMBER: (12.5, 12.5),
        ActuatorKind.SWITCH: ("ON", True),
        ActuatorKind.SELECT: (given_text, given_text),
        ActuatorKind.TEXT: (given_text, given_text),
        ActuatorKind.BUTTON: ("PRESS", None),
    }
    sent, arrives = wanted[actuator.kind]
    payload = template.async_render(sent)
    assert isinstance(payload, str)
    command = decode_actuator_value(payload.encode())
    assert command.value == arrives
    assert abs(command.timestamp - wall_clock()) < 60_000


def test_units() -> None:
    duration = replace(
        describe("session_duration_s", 60.5), suggested_unit_of_measurement="h"
    )
    assert duration.native_unit_of_measurement == "s"
    assert shown_unit(duration, "h") == "h"
    assert shown_unit(duration, "kWh") == "s"
    assert shown_unit(duration, None) == "s"
    assert shown_value(duration, "h", 7200) == 2
    assert shown_value(duration, "s", 2**70) == str(2**70)
    rate = replace(
        describe("energy", 1.5),
        device_class=SensorDeviceClass.ENERGY_DISTANCE,
        native_unit_of_measurement="kWh/100km",
    )
    assert shown_value(rate, "km/kWh", 0) is None


def test_what_discovery_shows_nothing_of() -> None:
    assert component_of(ActuatorKind.METHOD) is None
    switch_it = Actuator(key="a", kind=ActuatorKind.SWITCH)
    assert shown_state(switch_it, 5) is None
    level = Actuator(key="a", kind=ActuatorKind.NUMBER, maximum=10)
    assert shown_state(level, 11) is None
    assert shown_state(level, True) is None
