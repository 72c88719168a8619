"""Watches how long the event loop of a Home Assistant under load is busy at a stretch.

An integration of its own, for the time of a load test; it says so in a state.
"""

import asyncio
import heapq
import time
from typing import Any

from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import Event, HomeAssistant, ServiceCall

DOMAIN = "loop_watch"
ENTITY_ID = "loop_watch.pauses"
_INTERVAL = 0.005
_KEPT = 10


class _Watch:
    """Wakes up often, and notes by how much it came too late."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    async def run(self) -> None:
        """Watch."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _INTERVAL
            await asyncio.sleep(_INTERVAL)
            late = 1_000 * (loop.time() - due)
            if len(self.pauses) < _KEPT:
                heapq.heappush(self.pauses, late)
            elif late > self.pauses[0]:
                heapq.heapreplace(self.pauses, late)


async def async_setup(hass: HomeAssistant, config: dict[str, Any]) -> bool:
    """Watch from now on; the service `report` sets the state, and begins again."""
    watch = _Watch()
    task = hass.async_create_background_task(watch.run(), "loop watch")

    async def report(_: ServiceCall) -> None:
        longest = sorted(watch.pauses, reverse=True)
        watch.pauses.clear()
        attributes = {
            "longest_ms": [round(it, 1) for it in longest],
            "cpu_seconds": time.process_time(),
        }
        hass.states.async_set(
            ENTITY_ID, f"{longest[0] if longest else 0:.1f}", attributes
        )

    async def stop(_: Event) -> None:
        task.cancel()

    hass.services.async_register(DOMAIN, "report", report)
    hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, stop)
    return True
