"""Bytes on a socket to states in Home Assistant."""

import asyncio
from collections.abc import Iterator
from statistics import median
import time

import orjson
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    MockEntityPlatform,
    async_test_home_assistant,
)

from benchmarks.measure import Row
from custom_components.bemcom_connectors.const import DOMAIN
from homeassistant.components.sensor import SensorEntity
from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import HomeAssistant, callback
from homeassistant.loader import DATA_CUSTOM_COMPONENTS

VALUES = 20
MESSAGES = 300
ROUNDS = 7


def _message(number: int) -> bytes:
    """Return a message whose values are all new."""
    return orjson.dumps({f"value_{i}": number + i / 100 for i in range(VALUES)}) + b"\n"


class _Bare(SensorEntity):
    """As little as an entity can be."""

    _attr_should_poll = False

    def __init__(self, number: int) -> None:
        self._attr_name = f"Bare {number}"
        self._attr_unique_id = f"bare_{number}"


async def _hub(hass: HomeAssistant, port: int) -> None:
    """Set up a hub on the port."""
    hass.data.pop(DATA_CUSTOM_COMPONENTS, None)
    entry = MockConfigEntry(
        domain=DOMAIN,
        title="benchmark",
        unique_id="benchmark",
        data={
            "hub_kind": "tcp",
            "connector_name": "benchmark",
            "host": "127.0.0.1",
            "port": port,
        },
        options={"framing": "auto", "format": "json"},
    )
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()


class _Source:
    """The device: sends as fast as it is read."""

    def __init__(self) -> None:
        self.writer: asyncio.StreamWriter | None = None
        self.number = 0

    async def serve(
        self, _: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Take the hub."""
        self.writer = writer

    async def send(self, count: int) -> None:
        """Send so many messages."""
        assert self.writer is not None
        for _ in range(count):
            self.number += 1
            self.writer.write(_message(self.number))
            if self.number % 50 == 0:
                await self.writer.drain()


async def _measure() -> tuple[float, float]:
    """Return states per second: of the hub, and of the bare loop."""
    async with async_test_home_assistant() as hass:
        source = _Source()
        server = await asyncio.start_server(source.serve, "127.0.0.1", 0)
        await _hub(hass, server.sockets[0].getsockname()[1])
        await source.send(1)
        while hass.states.async_entity_ids_count("sensor") < VALUES:
            await asyncio.sleep(0.01)
        await hass.async_block_till_done()

        bare = [_Bare(number) for number in range(VALUES)]
        await MockEntityPlatform(hass, domain="sensor").async_add_entities(bare)
        changes = 0
        finished = asyncio.Event()

        @callback
        def count(_: object) -> None:
            nonlocal changes
            changes += 1
            if changes == MESSAGES * VALUES:
                finished.set()

        hass.bus.async_listen(EVENT_STATE_CHANGED, count)
        ours: list[float] = []
        theirs: list[float] = []
        for _ in range(ROUNDS):
            changes = 0
            finished.clear()
            began = time.perf_counter()
            await source.send(MESSAGES)
            await finished.wait()
            ours.append(changes / (time.perf_counter() - began))

            changes = 0
            began = time.perf_counter()
            for number in range(MESSAGES):
                for i, entity in enumerate(bare):
                    entity._attr_native_value = source.number + number + i / 100
                    entity.async_write_ha_state()
            theirs.append(changes / (time.perf_counter() - began))
        server.close()
        if source.writer is not None:
            source.writer.close()
        await hass.async_stop(force=True)
    return median(ours), median(theirs)


def rows() -> Iterator[Row]:
    """Measure."""
    ours, theirs = asyncio.run(_measure())
    yield Row(
        "bytes on a socket → states written",
        "plain loop of async_write_ha_state() over bare sensors",
        ours,
        theirs,
        0.7,
        "states/s",
    )
