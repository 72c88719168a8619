"""Setting up, unloading and removing a hub."""

import asyncio
from datetime import timedelta
import logging
from typing import Any
from unittest.mock import patch

import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.bemcom_connectors import issues
from custom_components.bemcom_connectors.connector.backoff import Backoff
from custom_components.bemcom_connectors.connector.transport import Link, TcpTransport
from custom_components.bemcom_connectors.const import DOMAIN
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import (
    EVENT_HOMEASSISTANT_STOP,
    EVENT_SERVICE_REGISTERED,
    STATE_UNAVAILABLE,
)
from homeassistant.core import CoreState, Event, HomeAssistant, callback
from homeassistant.helpers import (
    device_registry as dr,
    entity_registry as er,
    issue_registry as ir,
)
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from tests.device import Device
from tests.hub import NAME, hub_entry, receive, set_up

pytestmark = pytest.mark.usefixtures("loopback")


async def test_unloading_closes_the_link(hass: HomeAssistant, device: Device) -> None:
    """Unloading ends the connection; setting up again opens a new one."""
    entry = hub_entry(device.port)
    connector = await set_up(hass, entry)
    await receive(hass, device, connector, b'{"power_w":1}\n')
    assert hass.states.get("sensor.demo_meter_power").state == "1"

    assert await hass.config_entries.async_unload(entry.entry_id)
    assert entry.state is ConfigEntryState.NOT_LOADED
    assert not [t for t in asyncio.all_tasks() if "connector" in t.get_name()]
    assert hass.states.get("sensor.demo_meter_power").state == STATE_UNAVAILABLE

    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    await device.connected()
    assert device.connections == 2


async def test_a_device_that_is_away_is_tried_again(
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
    hass_storage: dict[str, Any],
) -> None:
    """Set-up waits for the device and says why."""
    async with Device() as device:
        port = device.port
    entry = hub_entry(port)
    entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert entry.error_reason_translation_key == "link_refused"
    assert "refuses" in caplog.text
    assert not [key for key in hass_storage if key.startswith(DOMAIN)]


async def test_options_that_cannot_work_are_an_error(
    hass: HomeAssistant, device: Device
) -> None:
    """A hub with impossible options says so and is not tried again and again."""
    entry = hub_entry(device.port, options={"framing": "fixed_size"})
    entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_ERROR
    assert entry.error_reason_translation_key == "options_invalid"


async def test_stopping_home_assistant_closes_the_link(
    hass: HomeAssistant, device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    """No task is left, and nothing is logged, when Home Assistant stops under load."""
    connector = await set_up(hass, hub_entry(device.port))
    await receive(hass, device, connector, *[b'{"power_w":1}\n'] * 50)
    caplog.clear()
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
    await hass.async_block_till_done()
    assert not [t for t in asyncio.all_tasks() if "connector" in t.get_name()]
    assert not [r for r in caplog.records if r.levelno >= logging.WARNING]


async def test_stopping_home_assistant_ends_connecting(
    hass: HomeAssistant, caplog: pytest.LogCaptureFixture
) -> None:
    """A device that does not answer does not hold up the stop, nor leave a task behind."""
    connecting = asyncio.Event()

    async def hang(_: TcpTransport) -> Link:
        connecting.set()
        await asyncio.Event().wait()
        raise AssertionError

    entry = hub_entry(1)
    entry.add_to_hass(hass)
    with patch.object(TcpTransport, "open", hang):
        setup = hass.async_create_task(hass.config_entries.async_setup(entry.entry_id))
        await connecting.wait()
        hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
        assert not await setup
    assert entry.state is ConfigEntryState.SETUP_RETRY
    warnings = [r for r in caplog.records if r.levelno >= logging.WARNING]
    assert not [record for record in warnings if record.exc_info]
    assert not [t for t in asyncio.all_tasks() if "connector" in t.get_name()]


async def test_a_hub_does_not_start_while_home_assistant_stops(
    hass: HomeAssistant, device: Device
) -> None:
    """A connection that opens too late is closed again."""
    entry = hub_entry(device.port)
    entry.add_to_hass(hass)
    hass.set_state(CoreState.stopping)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    hass.set_state(CoreState.running)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    await device.client_gone()
    assert not [t for t in asyncio.all_tasks() if "connector" in t.get_name()]


async def test_entities_follow_the_link(
    hass: HomeAssistant, device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    """They are unavailable while the link is down, and come back with it."""
    caplog.set_level(logging.INFO, "custom_components.bemcom_connectors")
    connector = await set_up(hass, hub_entry(device.port))
    assert hass.states.get("binary_sensor.demo_meter_connection").state == "off"
    await receive(hass, device, connector, b'{"power_w":1}\n')
    assert hass.states.get("binary_sensor.demo_meter_connection").state == "on"

    changed = asyncio.Event()

    @callback
    def note(_: Event) -> None:
        changed.set()

    hass.bus.async_listen("state_changed", note)
    connector.backoff = Backoff(0.01, 0.01)
    device.close()
    await changed.wait()
    await hass.async_block_till_done()
    assert hass.states.get("sensor.demo_meter_power").state == STATE_UNAVAILABLE
    assert hass.states.get("binary_sensor.demo_meter_connection").state == "off"

    await device.connected()
    await receive(hass, device, connector, b'{"power_w":2}\n')
    assert hass.states.get("sensor.demo_meter_power").state == "2"
    assert hass.states.get("binary_sensor.demo_meter_connection").state == "on"
    assert caplog.text.count("Connection lost") == 1
    assert caplog.text.count("Connection restored") == 1


async def test_a_datapoint_keeps_its_looks_over_a_restart(
    hass: HomeAssistant, device: Device, hass_storage: dict[str, Any]
) -> None:
    """What was first seen as a number is one again, whatever comes first next time."""
    entry = hub_entry(device.port)
    connector = await set_up(hass, entry)
    await receive(hass, device, connector, b'{"power_w":1.5,"open":true}\n')
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert f"{DOMAIN}.{entry.entry_id}.datapoints" in hass_storage

    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    connector = entry.runtime_data.connector
    await device.connected()
    await receive(hass, device, connector, b'{"power_w":"n/a","open":"maybe"}\n')
    assert hass.states.get("sensor.demo_meter_power").state == "unknown"
    assert hass.states.get("binary_sensor.demo_meter_open").state == "unknown"
    await receive(hass, device, connector, b'{"power_w":3,"open":false}\n')
    assert hass.states.get("sensor.demo_meter_power").state == "3"


async def test_removing_a_hub_removes_what_was_stored(
    hass: HomeAssistant, device: Device, hass_storage: dict[str, Any]
) -> None:
    """Nothing stays behind."""
    entry = hub_entry(device.port)
    connector = await set_up(hass, entry)
    await receive(hass, device, connector, b'{"power_w":1}\n')
    await hass.config_entries.async_remove(entry.entry_id)
    await hass.async_block_till_done()
    assert not [key for key in hass_storage if key.startswith(DOMAIN)]


@pytest.mark.parametrize("how", ["live", "disabled", "gone"])
async def test_a_deleted_entity_is_new_when_its_datapoint_comes_again(
    hass: HomeAssistant, device: Device, entity_registry: er.EntityRegistry, how: str
) -> None:
    """Deleting an entity forgets its datapoint, looks and all, whatever state it is in."""
    entry = hub_entry(device.port)
    connector = await set_up(hass, entry)
    await receive(hass, device, connector, b'{"flow":1,"other":2}\n')
    if how == "disabled":
        entity_registry.async_update_entity(
            "sensor.demo_meter_flow", disabled_by=er.RegistryEntryDisabler.USER
        )
        await hass.async_block_till_done()
    elif how == "gone":
        assert await hass.config_entries.async_unload(entry.entry_id)
        await device.client_gone()
        assert await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()
        connector = entry.runtime_data.connector
        await receive(hass, device, connector, b'{"other":2}\n')
        assert hass.states.get("sensor.demo_meter_flow").attributes["restored"]
    entity_registry.async_remove("sensor.demo_meter_flow")
    await hass.async_block_till_done()
    assert hass.states.get("sensor.demo_meter_flow") is None
    await receive(hass, device, connector, b'{"flow":true}\n')
    assert hass.states.get("binary_sensor.demo_meter_flow").state == "on"
    assert hass.states.get("sensor.demo_meter_other").state == "2"


async def test_a_refresh_does_not_revive_a_lost_hub(
    hass: HomeAssistant, device: Device
) -> None:
    """Asking an entity of a lost hub to update leaves it unavailable."""
    assert await async_setup_component(hass, "homeassistant", {})
    connector = await set_up(hass, hub_entry(device.port))
    await receive(hass, device, connector, b'{"power_w":1}\n')
    entity = {"entity_id": "sensor.demo_meter_power"}
    await hass.services.async_call("homeassistant", "update_entity", entity, True)
    assert hass.states.get("sensor.demo_meter_power").state == "1"
    await device.go_away()
    async with asyncio.timeout(5):
        while connector.online:
            await asyncio.sleep(0.001)
    await hass.services.async_call("homeassistant", "update_entity", entity, True)
    assert hass.states.get("sensor.demo_meter_power").state == STATE_UNAVAILABLE


async def test_unloading_under_load_leaves_no_entity(
    hass: HomeAssistant, device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    """A device that invents keys while the hub is unloaded leaves nothing behind."""
    entry = hub_entry(device.port)
    await set_up(hass, entry)
    number = 0

    async def invent() -> None:
        nonlocal number
        while True:
            number += 1
            await device.send(b'{"k%d":1}\n' % number)

    inventing = asyncio.create_task(invent())
    async with asyncio.timeout(10):
        while hass.states.async_entity_ids_count("sensor") < 20:
            await asyncio.sleep(0)
    assert await hass.config_entries.async_unload(entry.entry_id)
    inventing.cancel()
    await hass.async_block_till_done()
    assert {state.state for state in hass.states.async_all("sensor")} == {
        STATE_UNAVAILABLE
    }
    await device.client_gone()
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    connector = entry.runtime_data.connector
    await receive(hass, device, connector, *[b'{"k%d":2}\n' % n for n in range(1, 20)])
    assert hass.states.get("sensor.demo_meter_k1").state == "2"
    assert "already exists" not in caplog.text


async def test_only_what_is_gone_can_be_deleted(
    hass: HomeAssistant,
    device: Device,
    device_registry: dr.DeviceRegistry,
    hass_ws_client: WebSocketGenerator,
) -> None:
    """The hub's own device stays; one that is no longer there goes."""
    assert await async_setup_component(hass, "config", {})
    entry = hub_entry(device.port)
    await set_up(hass, entry)
    client = await hass_ws_client(hass)
    own = dr.async_entries_for_config_entry(device_registry, entry.entry_id)[0]
    response = await client.remove_device(own.id)
    assert not response["success"]

    old = device_registry.async_get_or_create(
        config_entry_id=entry.entry_id, identifiers={(DOMAIN, "old")}
    )
    response = await client.remove_device(old.id)
    assert response["success"]


async def test_the_registry_is_safe_from_a_device_that_invents_keys(
    hass: HomeAssistant,
    device: Device,
    entity_registry: er.EntityRegistry,
    issue_registry: ir.IssueRegistry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A hub takes so many datapoints and says once that it ignores the rest."""
    entry = hub_entry(device.port)
    connector = await set_up(hass, entry)
    connector.max_datapoints = 10
    await receive(
        hass,
        device,
        connector,
        *[f'{{"k{i}":1,"k{i}b":2}}\n'.encode() for i in range(30)],
    )
    entities = er.async_entries_for_config_entry(entity_registry, entry.entry_id)
    assert sum("_datapoint_" in entity.unique_id for entity in entities) == 10
    assert connector.statistics.ignored_datapoints == 50
    assert caplog.text.count("Ignoring datapoint") == 1
    # What is known goes on.
    await receive(hass, device, connector, b'{"k0":7}\n')
    assert hass.states.get("sensor.demo_meter_k0").state == "7"

    # The user is told, and the bound holds over restarts.
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=31))
    await hass.async_block_till_done()
    issue_id = f"too_many_datapoints_{entry.entry_id}"
    issue = issue_registry.async_get_issue(DOMAIN, issue_id)
    placeholders = issue.translation_placeholders
    assert {"name": NAME, "limit": "10"}.items() <= placeholders.items()
    assert await hass.config_entries.async_unload(entry.entry_id)
    await device.client_gone()
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    connector = entry.runtime_data.connector
    connector.max_datapoints = 10
    await receive(hass, device, connector, b'{"new":1,"k0":8}\n')
    assert hass.states.get("sensor.demo_meter_new") is None
    assert hass.states.get("sensor.demo_meter_k0").state == "8"

    # Once there is room, and has been for a while, the issue is over.
    assert await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    connector = entry.runtime_data.connector
    await receive(hass, device, connector, b'{"new":1,"k0":8}\n')
    assert hass.states.get("sensor.demo_meter_new").state == "1"
    assert issue_registry.async_get_issue(DOMAIN, issue_id) is not None
    for look in range(1, issues.LOOKS_WITH_ROOM + 1):
        await receive(hass, device, connector, b'{"k0":9}\n')
        now = dt_util.utcnow() + timedelta(seconds=31 * look)
        async_fire_time_changed(hass, now)
        await hass.async_block_till_done()
    assert issue_registry.async_get_issue(DOMAIN, issue_id) is None


async def test_each_action_is_registered_once(hass: HomeAssistant) -> None:
    registered: list[str] = []

    @callback
    def note(event: Event) -> None:
        registered.append(event.data["service"])

    hass.bus.async_listen(EVENT_SERVICE_REGISTERED, note)
    assert await async_setup_component(hass, DOMAIN, {})
    await hass.async_block_till_done()
    assert set(registered) >= {"send_command", "set_charging_limit"}
    assert len(registered) == len(set(registered))
