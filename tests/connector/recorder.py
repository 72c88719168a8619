"""A listener that remembers what it was told."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, override

from custom_components.bemcom_connectors.connector.backoff import Backoff
from custom_components.bemcom_connectors.connector.listener import Listener
from custom_components.bemcom_connectors.connector.model import (
    JsonValue,
    LinkError,
    RawMessage,
    Reading,
)
from custom_components.bemcom_connectors.connector.stream import StreamConnector


class Recorder(Listener):
    """Everything a connector told, and a way to wait for it."""

    def __init__(self) -> None:
        """Begin empty."""
        self.readings: list[Reading] = []
        self.raw: list[RawMessage] = []
        self.connection: list[tuple[bool, str | None]] = []
        self.added: list[dict[str, JsonValue]] = []
        self.devices: list[str | None] = []
        self._changed = asyncio.Event()

    @property
    def values(self) -> list[Mapping[str, JsonValue]]:
        """Return the values of the readings."""
        return [reading.values for reading in self.readings]

    async def until(self, condition: Callable[[], Any], timeout: float = 10) -> None:
        """Wait until `condition` holds; it is looked at whenever something was told."""
        async with asyncio.timeout(timeout):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    @override
    def on_reading(self, reading: Reading) -> None:
        """Remember a reading."""
        self.readings.append(reading)
        self._changed.set()

    @override
    def on_raw_message(self, message: RawMessage) -> None:
        """Remember a raw message."""
        self.raw.append(message)
        self._changed.set()

    @override
    def on_connection(self, online: bool, error: LinkError | None) -> None:
        """Remember a change of the link."""
        self.connection.append((online, error.reason.value if error else None))
        self._changed.set()

    @override
    def on_datapoints(
        self, added: Mapping[str, JsonValue], device_id: str | None
    ) -> None:
        """Remember new datapoints."""
        self.added.append(dict(added))
        self.devices.append(device_id)
        self._changed.set()


@asynccontextmanager
async def started(
    connector: StreamConnector,
) -> AsyncGenerator[tuple[StreamConnector, Recorder]]:
    """Start a connector that soon tries again, hear what it tells, and stop it in the end."""
    connector.backoff = Backoff(0.001, 0.01)
    recorder = Recorder()
    connector.add_listener(recorder)
    await connector.start()
    try:
        yield connector, recorder
    finally:
        await connector.stop()
