"""Setting a hub up in a test's Home Assistant."""

import asyncio
from collections.abc import Sequence
from typing import Any

from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bemcom_connectors.connector.base import Connector
from custom_components.bemcom_connectors.const import DOMAIN
from homeassistant.config_entries import ConfigSubentryData
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers.event import (
    EventStateChangedData,
    async_track_state_change_event,
)
from tests.device import HOST, Device

NAME = "demo-meter"

OPTIONS = {
    "framing": "auto",
    "format": "json",
    "lists": "index",
    "connect_timeout": 5,
    "receive_timeout": 60,
    "recv_bufsize": 4096,
    "max_message_size": 65536,
}


def hub_entry(
    port: int,
    *,
    options: dict[str, Any] | None = None,
    name: str = NAME,
    overrides: Sequence[dict[str, Any]] = (),
) -> MockConfigEntry:
    """Return the entry of a TCP hub, with the user's word on some datapoints."""
    return MockConfigEntry(
        domain=DOMAIN,
        title=name,
        unique_id=name,
        data={
            "hub_kind": "tcp",
            "connector_name": name,
            "host": HOST,
            "port": port,
            "tls": False,
            "verify_ssl": True,
        },
        options=OPTIONS | (options or {}),
        subentries_data=[
            ConfigSubentryData(
                data=override,
                subentry_type="datapoint",
                title=override["key"],
                unique_id=override["key"],
            )
            for override in overrides
        ],
    )


def serial_entry(
    path: str, *, options: dict[str, Any] | None = None, name: str = NAME
) -> MockConfigEntry:
    """Return the entry of a serial hub."""
    return MockConfigEntry(
        domain=DOMAIN,
        title=name,
        unique_id=name,
        data={
            "hub_kind": "serial",
            "connector_name": name,
            "device": path,
            "baudrate": 9600,
            "bytesize": "8",
            "parity": "none",
            "stopbits": "1",
            "xonxoff": False,
            "rtscts": False,
            "dsrdtr": False,
            "exclusive": True,
        },
        options=OPTIONS | (options or {}),
    )


async def set_up(hass: HomeAssistant, entry: MockConfigEntry) -> Connector:
    """Set the hub up and return its connector."""
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    connector: Connector = entry.runtime_data.connector
    return connector


async def receive(
    hass: HomeAssistant, device: Device, connector: Connector, *messages: bytes
) -> None:
    """Let the device send messages, and wait until the hub has handled them all."""
    handled = connector.statistics.messages + len(messages)
    await device.send(*messages)
    await heard(hass, connector, handled)


async def heard(hass: HomeAssistant, connector: Connector, count: int) -> None:
    """Wait until the hub has handled so many messages, and its entities are up to date."""
    async with asyncio.timeout(10):
        while connector.statistics.messages < count:
            await asyncio.sleep(0.001)
    await hass.async_block_till_done()


async def state_of(hass: HomeAssistant, entity_id: str, wanted: str) -> None:
    """Wait until an entity has a state."""
    there = asyncio.Event()

    @callback
    def look(event: Event[EventStateChangedData]) -> None:
        state = event.data["new_state"]
        if state is not None and state.state == wanted:
            there.set()

    remove = async_track_state_change_event(hass, entity_id, look)
    state = hass.states.get(entity_id)
    if state is None or state.state != wanted:
        async with asyncio.timeout(10):
            await there.wait()
    remove()
