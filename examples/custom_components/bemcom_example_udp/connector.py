"""The connector: a UDP socket."""

import asyncio
from collections.abc import Mapping
import json
from typing import Any, override

from custom_components.bemcom_connectors.sdk import (
    Actuator,
    ActuatorKind,
    CommandError,
    CommandReason,
    Connector,
    JsonValue,
    LinkError,
    LinkReason,
    ParseError,
    RawMessage,
    StateSource,
)

# Datagrams that wait to be handled; when there are more, the oldest are dropped.
MAX_WAITING = 1000


class UdpConnector(Connector, asyncio.DatagramProtocol):
    """A device that pushes JSON objects, and takes its interval the same way."""

    def __init__(self, name: str, settings: Mapping[str, Any]) -> None:
        """Listen on the port of the settings."""
        super().__init__(name)
        self._port = int(settings["port"])
        self._datagrams: asyncio.Queue[bytes | Exception] = asyncio.Queue()
        self._transport: asyncio.DatagramTransport | None = None
        self._device: Any = None
        self.actuators = {
            "interval": Actuator(
                key="interval",
                kind=ActuatorKind.NUMBER,
                name="Interval",
                minimum=1,
                maximum=3600,
                unit="s",
                state_source=StateSource.DATAPOINT,
            )
        }

    @override
    async def connect(self) -> None:
        """Open the port."""
        loop = asyncio.get_running_loop()
        try:
            self._transport, _ = await loop.create_datagram_endpoint(
                lambda: self, local_addr=("0.0.0.0", self._port)
            )
        except OSError as err:
            raise LinkError(
                LinkReason.FAILED, f"Port {self._port} cannot be opened", err
            ) from err

    @override
    async def disconnect(self) -> None:
        """Close the port; it may never have been opened."""
        if self._transport is not None:
            self._transport.abort()
            self._transport = None
            # The socket itself is closed when the event loop comes round.
            await asyncio.sleep(0)

    @override
    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Keep a datagram, and remember where the device is."""
        self._device = addr
        if self._datagrams.qsize() >= MAX_WAITING:
            self._datagrams.get_nowait()
        self._datagrams.put_nowait(data)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """Pass on that the port failed; None: it was closed."""
        if exc is not None:
            self._datagrams.put_nowait(exc)

    @override
    async def receive_raw_msg(self) -> bytes:
        """Wait for the next datagram."""
        received = await self._datagrams.get()
        if isinstance(received, Exception):
            raise LinkError(LinkReason.FAILED, "The port failed", received)
        return received

    @override
    def parse_raw_msg(self, raw_msg: RawMessage) -> JsonValue:
        """Read a datagram: names and values."""
        payload: Any = raw_msg.payload
        try:
            parsed: JsonValue = json.loads(payload)
        except ValueError as err:
            raise ParseError(f"This is no JSON: {err}") from err
        return parsed

    @override
    async def send_command(
        self, datapoint_key: str, datapoint_value: JsonValue, datapoint_timestamp: int
    ) -> None:
        """Send a value to where the last datagram was from."""
        if self._transport is None or self._device is None:
            raise CommandError(
                CommandReason.NOT_CONNECTED, "The device has sent nothing yet"
            )
        message = json.dumps({datapoint_key: datapoint_value})
        self._transport.sendto(message.encode(), self._device)
