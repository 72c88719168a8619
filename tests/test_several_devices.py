"""Several devices on one link, each a device of its own in Home Assistant."""

import json

import pytest
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.bemcom_connectors.const import DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
from tests.device import Device
from tests.hub import NAME, hub_entry, receive, set_up

pytestmark = pytest.mark.usefixtures("loopback")

OPTIONS = {"device_id_key": "id", "device_name": "Meter ${device_id} of ${hub}"}


async def test_each_device_appears_as_it_sends(
    hass: HomeAssistant, device: Device, device_registry: dr.DeviceRegistry
) -> None:
    """With its own name behind the hub, and its own entities."""
    entry = hub_entry(device.port, options=OPTIONS)
    connector = await set_up(hass, entry)
    await receive(
        hass,
        device,
        connector,
        b'{"id":"a","power_w":1}\n',
        b'{"id":"b","power_w":2}\n',
        b'{"uptime_s":3}\n',
    )
    hub = device_registry.async_get_device_by_identifier(
        (DOMAIN, entry.entry_id), entry.entry_id
    )
    assert hub is not None
    for device_id, power in (("a", "1"), ("b", "2")):
        found = device_registry.async_get_device_by_identifier(
            (DOMAIN, f"{entry.entry_id}_{device_id}"), entry.entry_id
        )
        assert found is not None
        assert found.name == f"Meter {device_id} of {NAME}"
        assert found.via_device_id == hub.id
        state = hass.states.get(f"sensor.meter_{device_id}_of_demo_meter_power")
        assert state.state == power
        assert state.attributes["device_class"] == "power"
    assert hass.states.get("sensor.demo_meter_uptime").state == "3"


async def test_a_device_can_be_deleted_and_comes_back_when_it_sends(
    hass: HomeAssistant,
    device: Device,
    device_registry: dr.DeviceRegistry,
    entity_registry: er.EntityRegistry,
    hass_ws_client: WebSocketGenerator,
) -> None:
    """With all that is its own; the hub and the others stay."""
    assert await async_setup_component(hass, "config", {})
    entry = hub_entry(device.port, options=OPTIONS)
    connector = await set_up(hass, entry)
    messages = (b'{"id":"a","power_w":1,"x":1}\n', b'{"id":"b","power_w":2}\n')
    await receive(hass, device, connector, *messages)
    client = await hass_ws_client(hass)

    async def delete(identifier: str) -> bool:
        found = device_registry.async_get_device_by_identifier(
            (DOMAIN, identifier), entry.entry_id
        )
        answer = await client.remove_device(found.id)
        await hass.async_block_till_done()
        return bool(answer["success"])

    assert not await delete(entry.entry_id)
    assert await delete(f"{entry.entry_id}_a")
    assert hass.states.get("sensor.meter_a_of_demo_meter_power") is None
    assert "a__power_w" not in connector.datapoints
    assert hass.states.get("sensor.meter_b_of_demo_meter_power").state == "2"
    await receive(hass, device, connector, messages[0])
    assert hass.states.get("sensor.meter_a_of_demo_meter_power").state == "1"


async def test_devices_are_known_after_a_restart(
    hass: HomeAssistant, device: Device, device_registry: dr.DeviceRegistry
) -> None:
    """Their entities come back on the same device."""
    entry = hub_entry(device.port, options=OPTIONS)
    connector = await set_up(hass, entry)
    message = b'{"id":"a","mode":"eco"}\n'
    await receive(hass, device, connector, message)
    before = {
        it.id
        for it in dr.async_entries_for_config_entry(device_registry, entry.entry_id)
    }
    assert await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    await receive(hass, device, entry.runtime_data.connector, message)
    assert hass.states.get("sensor.meter_a_of_demo_meter_mode").state == "eco"
    after = dr.async_entries_for_config_entry(device_registry, entry.entry_id)
    assert {it.id for it in after} == before


async def test_the_options_turn_it_on(hass: HomeAssistant, device: Device) -> None:
    """And off again; the hub reloads by itself."""
    entry = hub_entry(device.port)
    connector = await set_up(hass, entry)
    message = b'{"id":"a","power_w":1}\n'
    await receive(hass, device, connector, message)
    assert hass.states.get("sensor.demo_meter_power").state == "1"
    flow = hass.config_entries.options
    result = await flow.async_init(entry.entry_id)
    result = await flow.async_configure(result["flow_id"], {"next_step_id": "devices"})
    await flow.async_configure(result["flow_id"], dict(OPTIONS))
    await hass.async_block_till_done()
    await device.connected()
    await receive(hass, device, entry.runtime_data.connector, message)
    assert hass.states.get("sensor.meter_a_of_demo_meter_power").state == "1"
    result = await flow.async_init(entry.entry_id)
    result = await flow.async_configure(result["flow_id"], {"next_step_id": "devices"})
    result = await flow.async_configure(
        result["flow_id"], {"device_id_key": " id ", "device_name": "same"}
    )
    assert result["errors"] == {"device_name": "device_id_needed"}
    await flow.async_configure(result["flow_id"], {"device_name": "same"})
    await hass.async_block_till_done()
    assert entry.options["device_id_key"] == ""


async def test_turning_it_on_needs_no_room_for_what_was(
    hass: HomeAssistant, device: Device
) -> None:
    """The datapoints of the time before do not count; those of other devices do."""
    entry = hub_entry(device.port, options={"framing": "line"})
    connector = await set_up(hass, entry)
    values = {f"k{number}": number for number in range(300)}
    message = json.dumps({"id": "a", **values}).encode() + b"\n"
    await receive(hass, device, connector, message)
    options = {**entry.options, **OPTIONS}
    hass.config_entries.async_update_entry(entry, options=options)
    await hass.async_block_till_done()
    await device.connected()
    await receive(hass, device, entry.runtime_data.connector, message)
    assert hass.states.get("sensor.meter_a_of_demo_meter_k299").state == "299"


async def test_a_device_whose_id_cannot_be_read_is_not_the_hub(
    hass: HomeAssistant, device: Device
) -> None:
    """A broken message makes no entity on another device."""
    options = {
        "framing": "line",
        "format": "slices",
        "slices": [
            {"key": "id", "type": "int", "from_byte": 2, "to_byte": 4},
            {"key": "t", "type": "int", "to_byte": 2},
        ],
        **OPTIONS,
    }
    connector = await set_up(hass, hub_entry(device.port, options=options))
    await receive(hass, device, connector, b"2107\n", b"99xx\n")
    assert hass.states.get("sensor.meter_7_of_demo_meter_t").state == "21"
    assert hass.states.get("sensor.demo_meter_t") is None
    assert connector.statistics.parse_errors == 1


async def test_a_key_of_the_hub_can_become_a_devices(
    hass: HomeAssistant, device: Device, device_registry: dr.DeviceRegistry
) -> None:
    """When the devices of a link are told apart only later."""
    entry = hub_entry(device.port)
    connector = await set_up(hass, entry)
    await receive(hass, device, connector, b'{"a":{"power_w":5}}\n')
    hass.config_entries.async_update_entry(entry, options={**entry.options, **OPTIONS})
    await hass.async_block_till_done()
    await device.connected()
    connector = entry.runtime_data.connector
    await receive(hass, device, connector, b'{"id":"a","power_w":6}\n')
    found = device_registry.async_get_device_by_identifier(
        (DOMAIN, f"{entry.entry_id}_a"), entry.entry_id
    )
    assert found is not None
    entities = er.async_entries_for_device(er.async_get(hass), found.id)
    assert [hass.states.get(it.entity_id).state for it in entities] == ["6"]


async def test_room_that_is_made_is_taken(
    hass: HomeAssistant, device: Device, device_registry: dr.DeviceRegistry
) -> None:
    """A full hub takes a new device once an old one is deleted."""
    entry = hub_entry(device.port, options=OPTIONS)
    connector = await set_up(hass, entry)
    connector.max_datapoints = 2
    await receive(hass, device, connector, b'{"id":"old","x":1,"y":2}\n')
    assert await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    await device.connected()
    connector = entry.runtime_data.connector
    connector.max_datapoints = 2
    message = b'{"id":"new","x":1}\n'
    await receive(hass, device, connector, message)
    assert hass.states.get("sensor.meter_new_of_demo_meter_x") is None
    found = device_registry.async_get_device_by_identifier(
        (DOMAIN, f"{entry.entry_id}_old"), entry.entry_id
    )
    device_registry.async_remove_device(found.id)
    await hass.async_block_till_done()
    await receive(hass, device, connector, message)
    assert hass.states.get("sensor.meter_new_of_demo_meter_x").state == "1"
