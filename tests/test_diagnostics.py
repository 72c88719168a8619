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
from tests.actuators import COMMAND, HEATER, LEVEL, RESET, TARGET, actuator
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


async def test_diagnostics_show_what_can_be_set_but_not_what_is_sent(
    hass: HomeAssistant, device: Device, hass_client: ClientSessionGenerator
) -> None:
    """There may be a password in it, as in a request."""
    assert await async_setup_component(hass, "diagnostics", {})
    entry = hub_entry(device.port, overrides=[{"key": "a", "name": "Renamed"}])
    await set_up(hass, entry)
    for options in (
        {**COMMAND, "template": "secret ${value}", "prefix": "5E C2"},
        {**HEATER, "payload_on": "secret", "payload_off": "secret 0"},
        {**RESET, "payload": "secret", "reply_prefix": "secret"},
        {**LEVEL, "choices": [{"option": "Dry", "payload": "secret"}]},
        {**TARGET, "reply_pattern": "secret", "reply_error_pattern": "^secret"},
    ):
        hass.config_entries.async_add_subentry(entry, actuator(options))
    await hass.async_block_till_done()
    shown = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert shown["entry"]["overrides"] == [{"key": "a", "name": "Renamed"}]
    command, *_, target = shown["entry"]["actuators"]
    assert (command["key"], command["kind"]) == ("command", "text")
    assert (target["maximum"], target["reply_framing"]) == (100, "hub")
    assert shown["unusable_actuators"] == []
    assert {"commands", "command_errors", "late_replies"} <= set(shown["statistics"])
    assert "secret" not in json.dumps(shown)
    assert "5E C2" not in json.dumps(shown)
