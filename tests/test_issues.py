"""Repair issues and system health: what a person is told without looking for it."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from pytest_homeassistant_custom_component.common import (
    async_fire_time_changed,
    get_system_health_info,
)

from custom_components.bemcom_connectors.connector.backoff import Backoff
from custom_components.bemcom_connectors.const import DOMAIN
from homeassistant.config_entries import ConfigEntryDisabler, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from tests.device import Device
from tests.hub import hub_entry, receive, serial_entry, set_up, state_of
from tests.serial_device import SerialDevice

pytestmark = pytest.mark.usefixtures("loopback")

CONNECTION = "binary_sensor.demo_meter_connection"


async def _look(hass: HomeAssistant, looks: int) -> None:
    """Let the hub look at itself so many times."""
    now = dt_util.utcnow()
    for number in range(1, looks + 1):
        async_fire_time_changed(hass, now + timedelta(seconds=31 * number))
        await hass.async_block_till_done()


async def test_nothing_is_understood_for_a_while(
    hass: HomeAssistant, device: Device, issue_registry: ir.IssueRegistry
) -> None:
    """The issue shows what came; it goes when something is understood."""
    entry = hub_entry(device.port, options={"framing": "line"})
    connector = await set_up(hass, entry)
    issue_id = f"nothing_parsed_{entry.entry_id}"
    await receive(hass, device, connector, *[b"T=2`1.5\x07\n"] * 4)
    await _look(hass, 5)
    assert issue_registry.async_get_issue(DOMAIN, issue_id) is None
    await receive(hass, device, connector, b"T=2`1.5\x07\n")
    await _look(hass, 3)
    assert issue_registry.async_get_issue(DOMAIN, issue_id) is None
    await _look(hass, 1)
    issue = issue_registry.async_get_issue(DOMAIN, issue_id)
    assert issue is not None
    assert issue.translation_placeholders["received"] == "T=2'1.5\\x07"
    assert issue.translation_placeholders["count"] == "5"
    assert entry.entry_id in issue.translation_placeholders["hub_link"]
    await receive(hass, device, connector, b'{"t":1}\n')
    await _look(hass, 1)
    assert issue_registry.async_get_issue(DOMAIN, issue_id) is None


async def test_a_message_now_and_then_is_enough(
    hass: HomeAssistant, device: Device, issue_registry: ir.IssueRegistry
) -> None:
    """A device that prints much besides is no problem."""
    entry = hub_entry(device.port, options={"framing": "line"})
    connector = await set_up(hass, entry)
    for _ in range(6):
        await receive(hass, device, connector, *[b"debug\n"] * 9, b'{"t":1}\n')
        await _look(hass, 1)
    assert not issue_registry.issues


async def test_a_port_that_went_away(
    hass: HomeAssistant, tmp_path: Path, issue_registry: ir.IssueRegistry
) -> None:
    """Availability changes once, an issue comes, and both are over when it is back."""
    async with SerialDevice(tmp_path) as sensor:
        entry = serial_entry(sensor.path, options={"framing": "line"})
        connector = await set_up(hass, entry)
        connector.backoff = Backoff(0.001, 0.001)
        await sensor.send(b'{"t":21}\n')
        await state_of(hass, "sensor.demo_meter_t", "21")
        sensor.close()
        await state_of(hass, "sensor.demo_meter_t", "unavailable")
        await state_of(hass, CONNECTION, "off")
        issue_id = f"port_missing_{entry.entry_id}"
        async with asyncio.timeout(10):
            while connector.error is None or connector.error.reason != "port_missing":
                await asyncio.sleep(0.001)
        await _look(hass, 1)
        assert issue_registry.async_get_issue(DOMAIN, issue_id) is None
        await _look(hass, 2)
        issue = issue_registry.async_get_issue(DOMAIN, issue_id)
        assert issue is not None
        assert issue.translation_placeholders["port"] == sensor.path
        sensor.plug_in()
        async with asyncio.timeout(10):
            while connector.statistics.connections < 2:
                await asyncio.sleep(0.001)
        await sensor.send(b'{"t":22}\n' * 3)
        await state_of(hass, "sensor.demo_meter_t", "22")
        assert issue_registry.async_get_issue(DOMAIN, issue_id) is None
        assert await hass.config_entries.async_unload(entry.entry_id)


async def test_an_issue_that_was_ignored_stays_ignored(
    hass: HomeAssistant, device: Device, issue_registry: ir.IssueRegistry
) -> None:
    """A reload is no reason to bring it up again; disabling the hub ends it."""
    entry = hub_entry(device.port, options={"framing": "line"})
    connector = await set_up(hass, entry)
    issue_id = f"nothing_parsed_{entry.entry_id}"
    await receive(hass, device, connector, *[b"x\n"] * 5)
    await _look(hass, 4)
    issue_registry.async_ignore(DOMAIN, issue_id, ignore=True)
    assert await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    await device.connected()
    await receive(hass, device, entry.runtime_data.connector, *[b"x\n"] * 5)
    await _look(hass, 4)
    issue = issue_registry.async_get_issue(DOMAIN, issue_id)
    assert issue is not None
    assert issue.dismissed_version is not None
    await hass.config_entries.async_set_disabled_by(
        entry.entry_id, ConfigEntryDisabler.USER
    )
    assert issue_registry.async_get_issue(DOMAIN, issue_id) is None


async def test_a_port_that_is_missing_at_start(
    hass: HomeAssistant, tmp_path: Path, issue_registry: ir.IssueRegistry
) -> None:
    """The hub is tried again; the issue goes with the hub."""
    entry = serial_entry(str(tmp_path / "nothing"))
    entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert entry.error_reason_translation_key == "link_port_missing"
    issue_id = f"port_missing_{entry.entry_id}"
    assert issue_registry.async_get_issue(DOMAIN, issue_id) is not None
    # A port that is there, but no serial one, is another matter.
    (tmp_path / "nothing").write_text("a file")
    assert not await hass.config_entries.async_reload(entry.entry_id)
    assert entry.error_reason_translation_key == "link_setting"
    assert issue_registry.async_get_issue(DOMAIN, issue_id) is None
    (tmp_path / "nothing").unlink()
    assert not await hass.config_entries.async_reload(entry.entry_id)
    assert issue_registry.async_get_issue(DOMAIN, issue_id) is not None
    # The issue goes with the hub, be it disabled or removed.
    await hass.config_entries.async_set_disabled_by(
        entry.entry_id, ConfigEntryDisabler.USER
    )
    assert issue_registry.async_get_issue(DOMAIN, issue_id) is None
    await hass.config_entries.async_set_disabled_by(entry.entry_id, None)
    assert issue_registry.async_get_issue(DOMAIN, issue_id) is not None
    await hass.config_entries.async_remove(entry.entry_id)
    assert issue_registry.async_get_issue(DOMAIN, issue_id) is None


async def test_system_health(hass: HomeAssistant, device: Device) -> None:
    """All hubs at a glance."""
    assert await async_setup_component(hass, "system_health", {})
    entry = hub_entry(device.port, options={"framing": "line"})
    connector = await set_up(hass, entry)
    hub_entry(1, name="away").add_to_hass(hass)
    await receive(hass, device, connector, b'{"a":1,"b":2}\n', b"nonsense\n")
    with pytest.raises(ServiceValidationError):
        await entry.runtime_data.actuators.async_send("a", 1)
    assert await get_system_health_info(hass, DOMAIN) == {
        "hubs": 2,
        "connected": 1,
        "datapoints": 2,
        "messages": 2,
        "parse_errors": 1,
        "field_errors": 0,
        "dropped_frames": 0,
        "commands": 0,
        "command_errors": 1,
        "mirrors": 0,
        "mirrors_connected": 0,
        "mirror_dropped": 0,
    }
