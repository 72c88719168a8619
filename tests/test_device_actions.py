"""Registering and unregistering the devices on a link."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.bemcom_connectors import link_devices
from custom_components.bemcom_connectors.connector.devices import Device as LinkDevice
from custom_components.bemcom_connectors.const import DOMAIN
from custom_components.bemcom_connectors.targets import hub_entry as hub_entry_of
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
from tests.actuators import actuator
from tests.device import Device
from tests.hub import NAME, hub_entry, receive, set_up

pytestmark = pytest.mark.usefixtures("loopback")

SEVERAL = {"device_id_key": "id"}
PUMP = {"id": "pump-1", "type": "pump", "name": "Garden pump"}
ENTITY = "event.garden_pump_message"


async def act(hass: HomeAssistant, action: str, **data: Any) -> None:
    """Carry out an action."""
    await hass.services.async_call(DOMAIN, action, data, blocking=True)
    await hass.async_block_till_done()


def found(
    registry: dr.DeviceRegistry, entry: MockConfigEntry, device_id: str = "pump-1"
) -> dr.DeviceEntry | None:
    """Return a device on the link of a hub."""
    identifier = (DOMAIN, f"{entry.entry_id}_{device_id}")
    return registry.async_get_device_by_identifier(identifier, entry.entry_id)


@pytest.fixture
async def entry(hass: HomeAssistant, device: Device) -> MockConfigEntry:
    """Return a hub that is set up."""
    entry = hub_entry(device.port, options=SEVERAL)
    await set_up(hass, entry)
    return entry


async def test_a_registered_device_is_there(
    hass: HomeAssistant, device_registry: dr.DeviceRegistry, entry: MockConfigEntry
) -> None:
    """Behind its hub, with its type and name, and an event entity."""
    await act(hass, "register_device", hub=entry.entry_id, **PUMP)
    device = found(device_registry, entry)
    hub = device_registry.async_get_device_by_identifier(
        (DOMAIN, entry.entry_id), entry.entry_id
    )
    assert device is not None
    assert (device.model, device.name) == ("pump", "Garden pump")
    assert hub is not None
    assert device.via_device_id == hub.id
    assert hass.states.get(ENTITY) is not None
    devices = entry.runtime_data.connector.devices
    assert devices.get("pump-1") == LinkDevice("pump-1", "pump", "Garden pump")
    assert devices.get(None) == LinkDevice(NAME, "default", NAME)


async def test_registering_again_changes_type_and_name(
    hass: HomeAssistant, device_registry: dr.DeviceRegistry, entry: MockConfigEntry
) -> None:
    await act(hass, "register_device", **PUMP)
    before = found(device_registry, entry)
    await act(hass, "register_device", id="pump-1", name="Well")
    device = found(device_registry, entry)
    assert device.id == before.id
    assert (device.model, device.name) == ("default", "Well")
    await act(hass, "register_device", id="pump-1")
    assert found(device_registry, entry).name == f"{NAME} pump-1"
    assert len(hass.states.async_entity_ids("event")) == 2


async def test_registering_what_is_registered_writes_nothing(
    hass: HomeAssistant, entry: MockConfigEntry, hass_storage: dict[str, Any]
) -> None:
    """An automation may do it with each message; memory cards wear out."""
    await act(hass, "register_device", **PUMP)
    stored = f"{DOMAIN}.{entry.entry_id}.devices"
    assert hass_storage.pop(stored)["data"] == {"devices": [PUMP]}
    await act(hass, "register_device", **PUMP)
    assert stored not in hass_storage
    await act(hass, "register_device", **PUMP | {"name": "Well"})
    assert hass_storage[stored]["data"] == {"devices": [PUMP | {"name": "Well"}]}


async def test_a_device_with_actuators_stays(
    hass: HomeAssistant,
    device_registry: dr.DeviceRegistry,
    hass_ws_client: WebSocketGenerator,
    entry: MockConfigEntry,
) -> None:
    """They would bring it back; a method has no entity and would not."""
    assert await async_setup_component(hass, "config", {})
    client = await hass_ws_client(hass)
    await act(hass, "register_device", **PUMP)
    speed = {"kind": "number", "key": "pump-1__speed", "device_id": "pump-1"}
    hass.config_entries.async_add_subentry(entry, actuator(speed))
    method = {**speed, "kind": "method", "key": "pump-1__stop"}
    hass.config_entries.async_add_subentry(entry, actuator(method))
    await hass.async_block_till_done()
    device = found(device_registry, entry)
    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, "unregister_device", id="pump-1")
    assert raised.value.translation_key == "device_has_actuators"
    assert raised.value.translation_placeholders["actuators"] == "pump-1__speed"
    assert not (await client.remove_device(device.id))["success"]
    subentry = next(
        it for it in entry.subentries.values() if it.data["key"] == speed["key"]
    )
    hass.config_entries.async_remove_subentry(entry, subentry.subentry_id)
    await hass.async_block_till_done()
    await act(hass, "unregister_device", id="pump-1")
    assert found(device_registry, entry) is None
    assert await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert found(device_registry, entry) is None


async def test_it_survives_a_restart(
    hass: HomeAssistant, device_registry: dr.DeviceRegistry, entry: MockConfigEntry
) -> None:
    await act(hass, "register_device", **PUMP)
    before = found(device_registry, entry)
    assert await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert found(device_registry, entry).id == before.id
    assert found(device_registry, entry).name == "Garden pump"
    assert hass.states.get(ENTITY).attributes["event_types"] == ["received"]
    named = entry.runtime_data.connector.devices.named
    assert named["pump-1"] == LinkDevice("pump-1", "pump", "Garden pump")


async def test_its_datapoints_are_its_own(
    hass: HomeAssistant,
    device: Device,
    device_registry: dr.DeviceRegistry,
    entry: MockConfigEntry,
) -> None:
    """They come on the registered device, whose name stays."""
    await act(hass, "register_device", **PUMP)
    connector = entry.runtime_data.connector
    await receive(hass, device, connector, b'{"id":"pump-1","power_w":0}\n')
    assert hass.states.get("sensor.garden_pump_power").state == "0"
    assert found(device_registry, entry).name == "Garden pump"


async def test_a_device_that_was_seen_can_be_registered(
    hass: HomeAssistant,
    device: Device,
    device_registry: dr.DeviceRegistry,
    entity_registry: er.EntityRegistry,
    entry: MockConfigEntry,
) -> None:
    """Its event entity, disabled before, is enabled then, unless the user disabled it."""
    connector = entry.runtime_data.connector
    messages = [f'{{"id":"{name}","x":1}}\n'.encode() for name in ("pump-1", "b")]
    await receive(hass, device, connector, *messages)

    def entity_of(name: str) -> er.RegistryEntry:
        unique_id = f"{entry.entry_id}_message_{name}"
        return next(
            it for it in entity_registry.entities.values() if it.unique_id == unique_id
        )

    assert entity_of("pump-1").disabled_by is er.RegistryEntryDisabler.INTEGRATION
    entity_registry.async_update_entity(
        entity_of("b").entity_id, disabled_by=er.RegistryEntryDisabler.USER
    )
    await act(hass, "register_device", **PUMP)
    await act(hass, "register_device", id="b")
    assert entity_of("pump-1").disabled_by is None
    assert hass.states.get(entity_of("pump-1").entity_id) is not None
    assert entity_of("b").disabled_by is er.RegistryEntryDisabler.USER
    assert found(device_registry, entry).model == "pump"
    # Also where it was deleted meanwhile.
    await act(hass, "unregister_device", id="pump-1")
    await receive(hass, device, connector, messages[0])
    await act(hass, "unregister_device", id="pump-1")
    await act(hass, "register_device", **PUMP)
    assert entity_of("pump-1").disabled_by is None


@pytest.mark.parametrize("way", ["id", "device", "ui", "registry"])
async def test_an_unregistered_device_is_gone(
    hass: HomeAssistant,
    device_registry: dr.DeviceRegistry,
    hass_ws_client: WebSocketGenerator,
    entry: MockConfigEntry,
    way: str,
) -> None:
    """With its entities, also after a restart, whoever removed it."""
    assert await async_setup_component(hass, "config", {})
    await act(hass, "register_device", **PUMP)
    await act(hass, "register_device", id="other", name="Other")
    device = found(device_registry, entry)
    ways = {"id": "pump-1", "device": device.id}
    if way == "ui":
        client = await hass_ws_client(hass)
        assert (await client.remove_device(device.id))["success"]
        await hass.async_block_till_done()
    elif way == "registry":
        device_registry.async_remove_device(device.id)
        await hass.async_block_till_done()
    else:
        await act(hass, "unregister_device", id=ways[way])
    for _ in range(2):
        assert found(device_registry, entry) is None
        assert er.async_get(hass).async_get(ENTITY) is None
        assert hass.states.get(ENTITY) is None
        named = entry.runtime_data.connector.devices.named
        assert set(named) == {None, "other"}
        assert await hass.config_entries.async_reload(entry.entry_id)
        await hass.async_block_till_done()
    await act(hass, "register_device", **PUMP)
    assert hass.states.get(ENTITY) is not None


async def test_a_device_can_be_deleted_while_its_hub_is_not_loaded(
    hass: HomeAssistant,
    device_registry: dr.DeviceRegistry,
    hass_ws_client: WebSocketGenerator,
    entry: MockConfigEntry,
) -> None:
    assert await async_setup_component(hass, "config", {})
    await act(hass, "register_device", **PUMP)
    await act(hass, "register_device", id="other")
    assert await hass.config_entries.async_unload(entry.entry_id)
    client = await hass_ws_client(hass)
    answer = await client.remove_device(found(device_registry, entry).id)
    assert answer["success"]
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert found(device_registry, entry) is None
    assert found(device_registry, entry, "other") is not None


async def test_deleting_while_nothing_is_kept(
    hass: HomeAssistant, device_registry: dr.DeviceRegistry, entry: MockConfigEntry
) -> None:
    """As for a device that was only seen."""
    device = device_registry.async_get_or_create(
        config_entry_id=entry.entry_id, identifiers={(DOMAIN, f"{entry.entry_id}_a")}
    )
    await link_devices.async_forget_device(hass, entry, device)
    store = link_devices.device_store(hass, entry.entry_id)
    assert await store.async_load() is None


async def test_a_device_that_was_seen_can_be_removed(
    hass: HomeAssistant,
    device: Device,
    device_registry: dr.DeviceRegistry,
    entry: MockConfigEntry,
) -> None:
    """It comes again when it speaks."""
    connector = entry.runtime_data.connector
    message = b'{"id":"pump-1","power_w":1}\n'
    await receive(hass, device, connector, message)
    await act(hass, "unregister_device", id="pump-1")
    assert found(device_registry, entry) is None
    assert "pump-1__power_w" not in connector.datapoints
    await receive(hass, device, connector, message)
    assert found(device_registry, entry) is not None
    assert hass.states.get("sensor.demo_meter_pump_1_power").state == "1"


@pytest.mark.parametrize(
    ("action", "data", "key"),
    [
        ("register_device", {"id": " "}, "device_id_invalid"),
        ("register_device", {"id": "a\x00"}, "device_id_invalid"),
        ("register_device", {"id": "x" * 256}, "device_id_invalid"),
        ("register_device", {"id": NAME}, "device_id_invalid"),
        ("unregister_device", {"id": "nobody"}, "device_unknown"),
        ("unregister_device", {"id": NAME}, "device_is_hub"),
        ("register_device", {"id": "a", "hub": "nobody"}, "hub_unknown"),
    ],
)
@pytest.mark.usefixtures("entry")
async def test_what_cannot_be_done(
    hass: HomeAssistant, action: str, data: dict[str, Any], key: str
) -> None:
    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, action, **data)
    assert raised.value.translation_key == key
    assert raised.value.translation_domain == DOMAIN


@pytest.mark.usefixtures("entry")
async def test_there_is_a_bound(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is registered can be changed still."""
    monkeypatch.setattr(link_devices, "MAX_DEVICES", 1)
    await act(hass, "register_device", id="a")
    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, "register_device", id="b")
    assert raised.value.translation_key == "too_many_devices"
    await act(hass, "register_device", id="a", name="A")


@pytest.mark.parametrize(
    "stored",
    [
        {"devices": 5},
        {},
        {"devices": [5, {"id": "a"}, {"id": 1, "type": "", "name": ""}]},
        {"devices": [{"id": "", "type": "", "name": ""}]},
    ],
)
async def test_a_broken_storage_does_no_harm(
    hass: HomeAssistant,
    device: Device,
    hass_storage: dict[str, Any],
    stored: dict[str, Any],
) -> None:
    entry = hub_entry(device.port)
    key = f"{DOMAIN}.{entry.entry_id}.devices"
    hass_storage[key] = {"version": 1, "key": key, "data": stored}
    connector = await set_up(hass, entry)
    assert set(connector.devices.named) == {None}


async def test_removing_the_hub_removes_what_was_kept(
    hass: HomeAssistant, hass_storage: dict[str, Any], entry: MockConfigEntry
) -> None:
    await act(hass, "register_device", **PUMP)
    key = f"{DOMAIN}.{entry.entry_id}.devices"
    assert hass_storage[key]["data"] == {"devices": [PUMP]}
    await hass.config_entries.async_remove(entry.entry_id)
    assert key not in hass_storage


async def test_the_hub_may_be_named_in_several_ways(
    hass: HomeAssistant,
    device: Device,
    device_registry: dr.DeviceRegistry,
    entry: MockConfigEntry,
) -> None:
    """By its entry, its connector or its title, if that is its own; it must be loaded."""
    other = hub_entry(device.port, name="other")
    other.add_to_hass(hass)
    hass.config_entries.async_update_entry(other, title="Cellar")
    for number, hub in enumerate((entry.entry_id, NAME)):
        await act(hass, "register_device", id=f"a{number}", hub=hub)
        assert found(device_registry, entry, f"a{number}") is not None
    errors = {"hub_not_loaded": {"hub": "Cellar"}, "hub_missing": {}}
    for key, data in errors.items():
        with pytest.raises(ServiceValidationError) as raised:
            await act(hass, "register_device", id="a", **data)
        assert raised.value.translation_key == key
    hass.config_entries.async_update_entry(entry, title="Cellar")
    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, "register_device", id="a", hub="Cellar")
    assert raised.value.translation_key == "hub_unknown"
    # A device says which hub is meant.
    await hass.async_block_till_done()
    await act(hass, "unregister_device", id=found(device_registry, entry, "a0").id)
    assert found(device_registry, entry, "a0") is None


async def test_a_device_of_somebody_else(
    hass: HomeAssistant, device_registry: dr.DeviceRegistry, entry: MockConfigEntry
) -> None:
    """Is unknown to the hub."""
    elsewhere = MockConfigEntry(domain="elsewhere")
    elsewhere.add_to_hass(hass)
    device = device_registry.async_get_or_create(
        config_entry_id=elsewhere.entry_id, identifiers={("elsewhere", "a")}, name="A"
    )
    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, "unregister_device", hub=entry.entry_id, id=device.id)
    assert raised.value.translation_key == "device_unknown"


async def test_a_device_names_its_hub(
    hass: HomeAssistant,
    device: Device,
    device_registry: dr.DeviceRegistry,
    entry: MockConfigEntry,
) -> None:
    """For actions that are about a device; another device is no hub's."""
    hub_entry(device.port, name="other").add_to_hass(hass)
    await act(hass, "register_device", hub=NAME, **PUMP)
    pump = found(device_registry, entry)
    assert hub_entry_of(hass, {"device": pump.id}) is entry
    for unknown in ("pump-1", "nobody"):
        with pytest.raises(ServiceValidationError) as raised:
            hub_entry_of(hass, {"device": unknown})
        assert raised.value.translation_key == "device_unknown"
