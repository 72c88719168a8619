"""The connector for links that carry a stream of bytes."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
import time
from typing import override

from .base import Connector
from .flatten import Lists
from .framer import Framer
from .model import (
    Chunk,
    JsonValue,
    LinkError,
    LinkReason,
    Messages,
    ParseError,
    RawMessage,
)
from .parsing import Parser, SlowParser
from .requests import Request, asking
from .sensor_flow import DEFAULT_MAX_DATAPOINTS
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
        parser: Parser | SlowParser,
        *,
        encoding: str | None = "utf-8",
        lists: str = Lists.INDEX,
        receive_timeout: float = DEFAULT_RECEIVE_TIMEOUT,
        max_datapoints: int = DEFAULT_MAX_DATAPOINTS,
        device_id_key: str = "",
        request: Request | None = None,
    ) -> None:
        """Take a link for dead after `receive_timeout` seconds without a message.

        That is upstream's RECV_TIMEOUT; zero or less: never. `encoding` is the one that
        the parser reads text with; None: not all is text. `request` is for a device that
        speaks when asked.
        """
        super().__init__(
            name,
            lists=lists,
            max_datapoints=max_datapoints,
            device_id_key=device_id_key,
        )
        self.framer = framer
        self._transport = transport
        if callable(parser):
            self._parse: Parser = parser
            self.slow_parser: SlowParser | None = None
        else:
            self._parse = self._take_parsed
            self.slow_parser = parser
        self._parsed: JsonValue | Messages | ParseError = None
        self._parsing = False
        self._encoding = encoding
        self._request = request
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
    async def stop(self) -> None:
        """Close the link, and let go of a slow parser."""
        await super().stop()
        if self.slow_parser is not None:
            await asyncio.to_thread(self.slow_parser.close)

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
        if self._encoding is not None and not frame.isascii():
            self._check_encoding(frame, self._encoding)
        return self._parse(frame)

    async def _parse_aside(self, parser: SlowParser, frame: bytes) -> None:
        """Let a slow parser work in a thread, before the sensor flow takes the result."""
        self._parsing = True
        try:
            self._parsed = await asyncio.to_thread(parser.parse, frame)
        except ParseError as err:
            self._parsed = err
        finally:
            self._parsing = False

    def _take_parsed(self, _frame: bytes) -> JsonValue | Messages:
        """Return, or raise, what the slow parser made of the frame."""
        parsed, self._parsed = self._parsed, None
        if isinstance(parsed, ParseError):
            raise parsed
        return parsed

    def _check_encoding(self, frame: bytes, encoding: str) -> None:
        """Count a message with bytes that are no text; the parser marks their place."""
        try:
            frame.decode(encoding)
        except UnicodeDecodeError:
            self.statistics.undecodable += 1
            self.log_once(
                "encoding",
                "A message has bytes that are no %s, which become \ufffd; choose another "
                "character encoding: %.100r",
                encoding,
                frame,
            )

    @override
    async def receive(self) -> None:
        """Read, cut and handle until the link is lost."""
        link = self._link
        if link is None:
            raise LinkError(LinkReason.CLOSED, "The link is not open")
        self._watchdog.start(lambda: self._notice_silence(link))
        try:
            async with asking(link, self._request, self._not_taken):
                while True:
                    await self._handle(await self._next_frames(link))
                    await self._give_way()
        except LinkError as err:
            if err.reason is LinkReason.CLOSED:
                await self._handle(self.framer.end())
            raise
        finally:
            self._watchdog.stop()

    def _notice_silence(self, link: Link) -> None:
        """Take the link for dead, unless it is us who take long."""
        if self._parsing:
            self._watchdog.start(lambda: self._notice_silence(link))
            return
        text = f"No data received in {self.receive_timeout:g} seconds"
        link.fail(LinkError(LinkReason.SILENT, text))

    def _not_taken(self) -> None:
        """Say once that requests do not reach the device."""
        self.log_once(
            "request",
            "The device does not take the request in time; check its flow control and the "
            "interval of the request",
        )

    async def _next_frames(self, link: Link) -> list[bytes]:
        """Return the frames that the next read, or a pause, completes."""
        framer = self.framer
        if framer.idle_timeout is not None and framer.pending:
            with suppress(TimeoutError):
                async with asyncio.timeout(framer.idle_timeout):
                    return framer.feed(await self._read(link))
            # Bytes that came while this program was busy came in time, for all we know.
            if not link.waiting:
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
            if self.slow_parser is not None:
                await self._parse_aside(self.slow_parser, frame)
                self._watchdog.feed()
            self.run_sensor_flow(frame)
            await self._give_way()

    async def _give_way(self) -> None:
        """Let others have their turn when we have had ours."""
        if time.monotonic() - self._gave_way > _SLICE:
            await asyncio.sleep(0)
            self._gave_way = time.monotonic()
