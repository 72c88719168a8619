"""A hub of a test that is mirrored."""

import asyncio
from datetime import timedelta
from typing import Any

from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

BROKER = "binary_sensor.demo_meter_mqtt_broker"
LOST = "sensor.demo_meter_mqtt_messages_lost"


def mirrored(port: int, **more: Any) -> dict[str, Any]:
    """Return options with a mirror."""
    own = {"connection": "own", "host": "127.0.0.1", "port": port}
    return {"framing": "line", "mirror": own | more}


async def subscribed(entry: MockConfigEntry, topic: str) -> None:
    """Wait until the mirror hears of a topic."""
    async with asyncio.timeout(10):
        while topic not in entry.runtime_data.mirror.diagnostics()["subscribed"]:
            await asyncio.sleep(0.01)


async def look(hass: HomeAssistant, looks: int) -> None:
    """Let the hub look at itself so many times."""
    now = dt_util.utcnow()
    for number in range(1, looks + 1):
        async_fire_time_changed(hass, now + timedelta(seconds=31 * number))
        await hass.async_block_till_done()


async def change(hass: HomeAssistant, entry: MockConfigEntry, **mirror: Any) -> None:
    """Let a user change the options of the mirror; without any it is off."""
    options = {**entry.options, "mirror": mirror}
    hass.config_entries.async_update_entry(entry, options=options)
    await hass.async_block_till_done()
