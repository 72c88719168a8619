"""Diagnostics: enough to help from afar, and nothing private."""

import json

import pytest
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.bemcom_connectors.connector.sensor_flow import HISTORY_LENGTH
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from tests.device import HOST, Device
from tests.hub import hub_entry, receive, set_up

pytestmark = pytest.mark.usefixtures("loopback")


async def test_diagnostics_show_what_came_in(
    hass: HomeAssistant, device: Device, hass_client: ClientSessionGenerator
) -> None:
    """Messages in hex and text with what became of them; counters; the link; no address."""
    assert await async_setup_component(hass, "diagnostics", {})
    entry = hub_entry(device.port, options={"framing": "line"})
    connector = await set_up(hass, entry)
    await receive(hass, device, connector, b'{"power_w":1}\n', b"\xff\x01\n")
    shown = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    good, bad = shown["messages"]
    assert good["text"] == '{"power_w":1}'
    assert good["outcome"] == 1
    assert bad["hex"] == "ff01"
    assert bad["text"] == "\\xff\x01"
    assert bad["size"] == 2
    assert isinstance(bad["outcome"], str)
    assert shown["statistics"]["parse_errors"] == 1
    assert shown["statistics"]["dropped_frames"] == 0
    assert shown["link"] == {"online": True, "reason": None}
    assert shown["datapoints"]["power_w"]["value"] == 1
    assert shown["datapoints"]["power_w"]["device_class"] == "power"
    assert shown["entry"]["data"]["host"] == "**REDACTED**"
    assert HOST not in json.dumps(shown)


async def test_diagnostics_of_a_hub_that_cannot_connect(
    hass: HomeAssistant, hass_client: ClientSessionGenerator
) -> None:
    """That is when they are wanted most: settings, and why it does not work."""
    assert await async_setup_component(hass, "diagnostics", {})
    entry = hub_entry(1)
    entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    shown = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert shown["entry"]["state"] == "setup_retry"
    assert shown["entry"]["reason"] == "link_refused"
    assert "messages" not in shown


async def test_diagnostics_are_bounded(
    hass: HomeAssistant, device: Device, hass_client: ClientSessionGenerator
) -> None:
    """The latest messages only."""
    assert await async_setup_component(hass, "diagnostics", {})
    entry = hub_entry(device.port)
    connector = await set_up(hass, entry)
    await receive(hass, device, connector, *[b'{"a":%d}\n' % i for i in range(60)])
    shown = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert len(shown["messages"]) == HISTORY_LENGTH
    assert shown["messages"][-1]["text"] == '{"a":59}'
