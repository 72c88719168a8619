"""The connector for links that carry a stream of bytes."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
import time
from typing import override

from .base import DEFAULT_MAX_DATAPOINTS, Connector
from .flatten import Lists
from .framer import Framer
from .model import Chunk, JsonValue, LinkError, LinkReason, Messages, RawMessage
from .parsing import Parser
from .transport import Link, Transport
from .watchdog import Watchdog

DEFAULT_RECEIVE_TIMEOUT = 60.0

# Messages are handled for so long at a stretch, in seconds; then others have their turn.
_SLICE = 0.005


class StreamConnector(Connector):
    """Transport, framer and parser put together."""

    def __init__(
        self,
        name: str,
        transport: Transport,
        framer: Framer,
        parser: Parser,
        *,
        encoding: str = "utf-8",
        lists: str = Lists.INDEX,
        receive_timeout: float = DEFAULT_RECEIVE_TIMEOUT,
        max_datapoints: int = DEFAULT_MAX_DATAPOINTS,
    ) -> None:
        """Take a link for dead after `receive_timeout` seconds without a message.

        That is upstream's RECV_TIMEOUT; zero or less: never. `encoding` is the one that
        the parser reads text with.
        """
        super().__init__(name, lists=lists, max_datapoints=max_datapoints)
        self.framer = framer
        self._transport = transport
        self._parse = parser
        self._encoding = encoding
        # Seconds; None: never.
        self.receive_timeout = receive_timeout if receive_timeout > 0 else None
        self._watchdog = Watchdog(self.receive_timeout)
        self._link: Link | None = None
        self._gave_way = 0.0

    @property
    @override
    def dropped_frames(self) -> int:
        """Count the frames that were over-long, broken or never finished."""
        return self.framer.dropped_frames

    @override
    async def connect(self) -> None:
        """Open the link."""
        self._link = await self._transport.open()

    @override
    async def disconnect(self) -> None:
        """Close the link; what it left half received is dropped."""
        link, self._link = self._link, None
        self.framer.reset()
        if link is not None:
            await link.close()

    @override
    async def receive_raw_msg(self) -> bytes | JsonValue:
        """Streams are pushed through `receive`: a read may hold many messages or none."""
        raise NotImplementedError

    @override
    def parse_raw_msg(self, raw_msg: RawMessage) -> JsonValue | Messages:
        """Parse a frame in the format of the hub."""
        # A stream's payload is always bytes; asking costs on every message.
        frame: bytes = raw_msg.payload  # type: ignore[assignment]
        if not frame.isascii():
            self._check_encoding(frame)
        return self._parse(frame)

    def _check_encoding(self, frame: bytes) -> None:
        """Count a message with bytes that are no text; the parser marks their place."""
        try:
            frame.decode(self._encoding)
        except UnicodeDecodeError:
            self.statistics.undecodable += 1
            self.log_once(
                "encoding",
                "A message has bytes that are no %s, which become \ufffd; choose another "
                "character encoding: %.100r",
                self._encoding,
                frame,
            )

    @override
    async def receive(self) -> None:
        """Read, cut and handle until the link is lost."""
        link = self._link
        if link is None:
            raise LinkError(LinkReason.CLOSED, "The link is not open")
        self._watchdog.start(lambda: link.fail(self._silence()))
        try:
            while True:
                await self._handle(await self._next_frames(link))
                await self._give_way()
        except LinkError as err:
            if err.reason is LinkReason.CLOSED:
                await self._handle(self.framer.end())
            raise
        finally:
            self._watchdog.stop()

    def _silence(self) -> LinkError:
        """Say that no message came in time."""
        return LinkError(
            LinkReason.SILENT, f"No data received in {self.receive_timeout:g} seconds"
        )

    async def _next_frames(self, link: Link) -> list[bytes]:
        """Return the frames that the next read, or a pause, completes."""
        framer = self.framer
        if framer.idle_timeout is not None and framer.pending:
            with suppress(TimeoutError):
                async with asyncio.timeout(framer.idle_timeout):
                    return framer.feed(await self._read(link))
            return framer.idle()
        return framer.feed(await self._read(link))

    async def _read(self, link: Link) -> bytes:
        """Read, keeping the latest pieces to try other settings on."""
        data = await link.read()
        self.sample.append(Chunk(time.monotonic(), data))
        return data

    async def _handle(self, frames: Iterable[bytes]) -> None:
        """Run the sensor flow for each frame."""
        if self.framer.dropped_frames:
            self.log_once(
                "dropped frames",
                "Data was dropped, being over-long, broken or incomplete; check the "
                "framing and the maximum message size",
            )
        for frame in frames:
            self._watchdog.feed()
            self.run_sensor_flow(frame)
            await self._give_way()

    async def _give_way(self) -> None:
        """Let others have their turn when we have had ours."""
        if time.monotonic() - self._gave_way > _SLICE:
            await asyncio.sleep(0)
            self._gave_way = time.monotonic()
