"""Watches how long the event loop of a Home Assistant under load is busy at a stretch.

An integration of its own, for the time of a load test; it says so in a state.
"""

import asyncio
import gc
import heapq
import logging
import sys
import threading
import time
import traceback
from typing import Any

from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import Event, HomeAssistant, ServiceCall

DOMAIN = "loop_watch"
ENTITY_ID = "loop_watch.pauses"
_INTERVAL = 0.005
_KEPT = 10
# A pause that lasts so long, in seconds, is looked at while it lasts.
_LONG = 0.1
_LOGGER = logging.getLogger(__name__)


class _Watch:
    """Wakes up often, and notes by how much it came too late."""

    def __init__(self) -> None:
        self.pauses: list[float] = []
        self._awake = time.monotonic()
        self._collection = 0.0
        self._loop_thread = threading.get_ident()
        gc.callbacks.append(self._note_collection)
        threading.Thread(target=self._look, daemon=True).start()

    def _note_collection(self, phase: str, info: dict[str, Any]) -> None:
        """Log a garbage collection that took long."""
        if phase == "start":
            self._collection = time.monotonic()
        elif (took := time.monotonic() - self._collection) > _LONG / 2:
            _LOGGER.warning("Collecting garbage took %.0f ms: %s", 1_000 * took, info)

    def _look(self) -> None:
        """Log what the event loop does while it is busy for long."""
        looked_at = 0.0
        while True:
            time.sleep(_LONG / 4)
            since = self._awake
            if time.monotonic() - since > _LONG and since != looked_at:
                looked_at = since
                frame = sys._current_frames()[self._loop_thread]
                stack = "".join(traceback.format_stack(frame)[-8:])
                _LOGGER.warning("The event loop is busy:\n%s", stack)

    async def run(self) -> None:
        """Watch."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _INTERVAL
            await asyncio.sleep(_INTERVAL)
            self._awake = time.monotonic()
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
