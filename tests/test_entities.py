"""Entities: how datapoints look, and when their states are written."""

from datetime import timedelta

import pytest
from pytest_homeassistant_custom_component.common import (
    async_capture_events,
    async_fire_time_changed,
)

from custom_components.bemcom_connectors.coordinator import STATISTICS_INTERVAL
from custom_components.bemcom_connectors.sensor import MAX_OPTIONS
from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
from tests.device import Device
from tests.hub import hub_entry, receive, set_up

pytestmark = pytest.mark.usefixtures("loopback")


async def test_datapoints_become_entities(hass: HomeAssistant, device: Device) -> None:
    """Unit, class and platform are guessed from key and value."""
    connector = await set_up(hass, hub_entry(device.port))
    await receive(
        hass,
        device,
        connector,
        b'{"meter":{"power_w":412.5,"energy_kwh":1234.5,"online":true},'
        b'"status":"running","last_seen":"2026-11-21T08:00:00+00:00","note":"a b c d"}\n',
    )
    power = hass.states.get("sensor.demo_meter_meter_power")
    assert power.state == "412.5"
    assert power.attributes["device_class"] == "power"
    assert power.attributes["unit_of_measurement"] == "W"
    assert power.attributes["state_class"] == "measurement"
    energy = hass.states.get("sensor.demo_meter_meter_energy")
    assert energy.attributes["state_class"] == "total_increasing"
    online = hass.states.get("binary_sensor.demo_meter_meter_online")
    assert online.state == "on"
    assert online.attributes["device_class"] == "connectivity"
    status = hass.states.get("sensor.demo_meter_status")
    assert status.state == "running"
    assert status.attributes["options"] == ["running"]
    assert hass.states.get("sensor.demo_meter_last_seen").attributes[
        "device_class"
    ] == ("timestamp")
    assert hass.states.get("sensor.demo_meter_note").state == "a b c d"


async def test_new_datapoints_appear_while_running(
    hass: HomeAssistant, device: Device
) -> None:
    """A key that was never seen gets an entity, once it has a value that tells what it is."""
    connector = await set_up(hass, hub_entry(device.port))
    await receive(hass, device, connector, b'{"power_w":1}\n')
    await receive(hass, device, connector, b'{"power_w":1,"late":null}\n')
    assert hass.states.get("sensor.demo_meter_late") is None
    await receive(hass, device, connector, b'{"late":5}\n')
    assert hass.states.get("sensor.demo_meter_late").state == "5"


async def test_only_what_changed_is_written(
    hass: HomeAssistant, device: Device
) -> None:
    """On a hub of 500 datapoints a message that changes 5 writes 5 states."""
    connector = await set_up(hass, hub_entry(device.port))
    values = {f"v{i}": i for i in range(500)}
    await receive(hass, device, connector, _json(values))
    assert hass.states.async_entity_ids_count("sensor") >= 500
    changes = async_capture_events(hass, EVENT_STATE_CHANGED)
    changed = {f"v{i}": -i - 1 for i in range(0, 500, 100)}
    await receive(hass, device, connector, _json(values | changed))
    assert len(changes) == 5
    assert {event.data["new_state"].state for event in changes} == {
        str(value) for value in changed.values()
    }


def _json(values: dict[str, int]) -> bytes:
    """Return a message."""
    return ("{" + ",".join(f'"{k}":{v}' for k, v in values.items()) + "}\n").encode()


async def test_zero_false_and_null_are_values(
    hass: HomeAssistant, device: Device
) -> None:
    """Zero is zero, false is off, null is unknown."""
    connector = await set_up(hass, hub_entry(device.port))
    await receive(hass, device, connector, b'{"a":5,"b":true,"c":1}\n')
    await receive(hass, device, connector, b'{"a":0,"b":false,"c":null}\n')
    assert hass.states.get("sensor.demo_meter_a").state == "0"
    assert hass.states.get("binary_sensor.demo_meter_b").state == "off"
    assert hass.states.get("sensor.demo_meter_c").state == "unknown"
    await receive(hass, device, connector, b'{"a":NaN,"b":1,"c":true}\n')
    assert hass.states.get("sensor.demo_meter_a").state == "unknown"
    # A boolean is no number, though Python counts it as one.
    assert hass.states.get("sensor.demo_meter_c").state == "unknown"


async def test_a_choice_learns_its_options(hass: HomeAssistant, device: Device) -> None:
    """A state that takes a few values is a choice; one that takes many is a text."""
    entry = hub_entry(device.port)
    connector = await set_up(hass, entry)
    await receive(hass, device, connector, b'{"status":"idle"}\n')
    await receive(hass, device, connector, b'{"status":"heating"}\n')
    status = hass.states.get("sensor.demo_meter_status")
    assert status.attributes["device_class"] == "enum"
    assert status.attributes["options"] == ["idle", "heating"]

    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    connector = entry.runtime_data.connector
    await device.connected()
    await receive(hass, device, connector, b'{"status":"idle"}\n')
    status = hass.states.get("sensor.demo_meter_status")
    assert status.attributes["options"] == ["idle", "heating"]

    for number in range(MAX_OPTIONS):
        await receive(hass, device, connector, b'{"status":"s%d"}\n' % number)
    status = hass.states.get("sensor.demo_meter_status")
    assert status.state == f"s{MAX_OPTIONS - 1}"
    assert "options" not in status.attributes


async def test_a_value_that_cannot_be_shown_is_unknown(
    hass: HomeAssistant,
    device: Device,
    entity_registry: er.EntityRegistry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is said once, and costs the other values of the message nothing."""
    connector = await set_up(hass, hub_entry(device.port))
    await receive(hass, device, connector, b'{"range_km_per_kwh":5,"z":1}\n')
    entity_registry.async_update_entity_options(
        "sensor.demo_meter_range_km_per_kwh",
        "sensor",
        {"unit_of_measurement": "kWh/100km"},
    )
    await hass.async_block_till_done()
    assert hass.states.get("sensor.demo_meter_range_km_per_kwh").state == "20.0"
    # Zero kilometres per kilowatt-hour are infinitely many kilowatt-hours.
    for z in (2, 3):
        await receive(
            hass, device, connector, b'{"range_km_per_kwh":%d,"z":%d}\n' % (0, z)
        )
        assert hass.states.get("sensor.demo_meter_range_km_per_kwh").state == "unknown"
        assert hass.states.get("sensor.demo_meter_z").state == str(z)
        await receive(hass, device, connector, b'{"range_km_per_kwh":4}\n')
        assert hass.states.get("sensor.demo_meter_range_km_per_kwh").state == "25.0"
    assert connector.statistics.listener_errors == 2
    assert caplog.text.count("Error in range_km_per_kwh") == 1


async def test_a_meter_below_zero_counts_both_ways(
    hass: HomeAssistant, device: Device
) -> None:
    """Energy that falls below zero is a total, not one that only increases."""
    connector = await set_up(hass, hub_entry(device.port))
    await receive(hass, device, connector, b'{"energy_kwh":5}\n')
    energy = hass.states.get("sensor.demo_meter_energy")
    assert energy.attributes["state_class"] == "total_increasing"
    await receive(hass, device, connector, b'{"energy_kwh":-1.5}\n')
    energy = hass.states.get("sensor.demo_meter_energy")
    assert energy.attributes["state_class"] == "total"
    assert energy.state == "-1.5"


async def test_the_hub_shows_what_it_counts(
    hass: HomeAssistant,
    device: Device,
    entity_registry: er.EntityRegistry,
) -> None:
    """Counters are looked at now and then, not with each message; noisy ones are off."""
    entry = hub_entry(device.port, options={"framing": "line"})
    connector = await set_up(hass, entry)
    await receive(hass, device, connector, b'{"a":1}\n', b"garbage\n")
    assert hass.states.get("sensor.demo_meter_parse_errors").state == "0"
    later = dt_util.utcnow() + STATISTICS_INTERVAL + timedelta(seconds=1)
    async_fire_time_changed(hass, later)
    await hass.async_block_till_done()
    assert hass.states.get("sensor.demo_meter_parse_errors").state == "1"
    assert hass.states.get("sensor.demo_meter_dropped_frames").state == "0"
    for noisy in ("messages", "last_message"):
        registered = entity_registry.async_get(f"sensor.demo_meter_{noisy}")
        assert registered.disabled_by is er.RegistryEntryDisabler.INTEGRATION


async def test_noisy_counters_can_be_enabled(
    hass: HomeAssistant, device: Device, entity_registry: er.EntityRegistry
) -> None:
    """Messages and the time of the last one, for whoever wants them."""
    entry = hub_entry(device.port)
    await set_up(hass, entry)
    for noisy in ("messages", "last_message"):
        entity_registry.async_update_entity(
            f"sensor.demo_meter_{noisy}", disabled_by=None
        )
    # Home Assistant reloads an entry some time after an entity was enabled.
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=31))
    await hass.async_block_till_done()
    connector = entry.runtime_data.connector
    await device.connected()
    assert hass.states.get("sensor.demo_meter_last_message").state == "unknown"
    await receive(hass, device, connector, b'{"a":1}\n')
    later = dt_util.utcnow() + STATISTICS_INTERVAL + timedelta(seconds=1)
    async_fire_time_changed(hass, later)
    await hass.async_block_till_done()
    assert hass.states.get("sensor.demo_meter_messages").state == "1"
    assert hass.states.get("sensor.demo_meter_last_message").state.startswith("20")
