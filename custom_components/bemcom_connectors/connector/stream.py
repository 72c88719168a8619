"""The connector for links that carry a stream of bytes."""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
import json
import time
from typing import override

from .base import Connector
from .commands import StreamCommand
from .devices import Device
from .exchange import MAX_WAITING, Exchange
from .flatten import Lists
from .framer import Framer
from .messages import Message
from .model import (
    Chunk,
    CommandError,
    CommandReason,
    JsonValue,
    LinkError,
    LinkReason,
    Messages,
    ParseError,
    RawMessage,
)
from .parsing import Parser, SlowParser
from .replies import Expectation
from .requests import Request, asking
from .sensor_flow import DEFAULT_MAX_DATAPOINTS
from .transport import MAX_UNSENT, Link, Transport
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
        # What is sent over the link goes through it, and what comes goes through its framer.
        self._exchange: Exchange | None = None
        self._commands: Mapping[str, StreamCommand] = {}
        # Slow encoders take one thread of those that all of the program shares.
        self._encoding_turn = asyncio.Lock()
        self._encoders = 0
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
        self._link = link = await self._transport.open()
        self._exchange = Exchange(link, self.framer, self._note_reply)

    @override
    async def disconnect(self) -> None:
        """Close the link; what it left half received is dropped."""
        link, self._link = self._link, None
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.close()
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

    async def parse_frame(self, frame: bytes) -> JsonValue:
        """Return what the hub's parser makes of a frame that is to be no reading.

        None: there is no sense in it.
        """
        try:
            if self.slow_parser is not None:
                return await asyncio.to_thread(self.slow_parser.parse, frame)
            return self._parse(frame)
        except Exception:  # noqa: BLE001 - whatever a parser of the user's own raises
            return None

    @override
    async def parse_archived(self, raw_msg: RawMessage) -> JsonValue | Messages:
        """Parse a frame of the past; an archive may have text instead of its bytes."""
        frame = raw_msg.payload
        if isinstance(frame, str):
            frame = frame.encode(self._encoding or "utf-8", errors="replace")
        if not isinstance(frame, bytes):
            raise ParseError("It is no frame of this hub: neither bytes nor text")
        if self.slow_parser is not None:
            return await asyncio.to_thread(self.slow_parser.parse, frame)
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

    # Down

    def set_commands(self, commands: Mapping[str, StreamCommand]) -> None:
        """Say what can be set, by key; also while the link is open."""
        self._commands = commands
        self.actuators = {key: it.actuator for key, it in commands.items()}

    @override
    def actuator_state(self, key: str, value: JsonValue) -> JsonValue:
        """Return what the value of a datapoint means for an actuator; None: nothing."""
        command = self._commands.get(key)
        return None if command is None else command.state_of(value)

    @override
    def reply_state(self, key: str, reply: JsonValue) -> JsonValue:
        """Return what a reply means for an actuator; None: nothing."""
        command = self._commands.get(key)
        return None if command is None else command.state_of_reply(reply)

    @override
    async def send_command(
        self, datapoint_key: str, datapoint_value: JsonValue, datapoint_timestamp: int
    ) -> JsonValue:
        """Write a value as its command says, and return the reply if there is to be one."""
        if (command := self._commands.get(datapoint_key)) is None:
            raise CommandError(
                CommandReason.UNKNOWN_KEY, f"{datapoint_key:.100} cannot be set"
            )
        device = self.devices.get(command.actuator.device_id)
        if command.slow:
            data = await self._encode_aside(command, datapoint_value, device)
        else:
            data = command.encode(datapoint_value, device)
        if command.reply is None:
            await self.send_raw(data)
            return None
        variables = command.variables(datapoint_value, device)
        expectation = command.reply.expect(variables)
        reply = await self.send_raw(data, expectation)
        return None if reply is None else expectation.decode(reply)

    async def _encode_aside(
        self, command: StreamCommand, value: JsonValue, device: Device
    ) -> bytes:
        """Let a slow encoder work in a thread, one at a time.

        What it wrote is not for the next link, should this one be lost meanwhile.
        """
        exchange = self._exchange
        if self._encoders >= MAX_WAITING:
            raise CommandError(
                CommandReason.BUSY,
                f"{MAX_WAITING} commands wait for their converter already",
            )
        self._encoders += 1
        try:
            async with self._encoding_turn:
                data = await asyncio.to_thread(command.encode, value, device)
        finally:
            self._encoders -= 1
        if self._exchange is not exchange:
            raise CommandError(
                CommandReason.NOT_CONNECTED, "The link was lost before its turn"
            )
        return data

    async def send_raw(
        self, data: bytes, expectation: Expectation | None = None
    ) -> bytes | None:
        """Send bytes as they are, and return the reply if there is to be one.

        Raises CommandError, at once where there is no link.
        """
        if not data:
            raise CommandError(CommandReason.INVALID_VALUE, "There is nothing to send")
        if len(data) > MAX_UNSENT:
            raise CommandError(
                CommandReason.INVALID_VALUE,
                f"It has {len(data):,} bytes; at most {MAX_UNSENT:,} are sent at once",
            )
        if (exchange := self._exchange) is None:
            raise CommandError(CommandReason.NOT_CONNECTED)
        if expectation is None:
            await exchange.send(data)
            return None
        return await exchange.ask(data, expectation)

    @override
    async def send_message(self, message: Message) -> None:
        """Send a message in SEPL's envelope, framed as everything on the link is."""
        packed = json.dumps(message.pack(), ensure_ascii=False)
        await self.send_raw(self.framer.wrap(packed.encode(errors="replace")))

    def _note_reply(self, late: bool) -> None:
        """Take a reply for a sign of life, as a message is one."""
        self.statistics.late_replies += late
        self._watchdog.feed()
        if not self.online:
            self._set_online()

    # Up

    @override
    async def receive(self) -> None:
        """Read, cut and handle until the link is lost."""
        link, exchange = self._link, self._exchange
        if link is None or exchange is None:
            raise LinkError(LinkReason.CLOSED, "The link is not open")
        self._watchdog.start(lambda: self._notice_silence(link))
        turn = exchange.turn
        try:
            async with asking(link, self._request, self._not_taken, turn):
                await self._receive(link, exchange)
        finally:
            self._watchdog.stop()

    async def _receive(self, link: Link, exchange: Exchange) -> None:
        """Do so, and let nothing be sent any more in the end."""
        try:
            while True:
                await self._handle(await self._next_frames(link, exchange))
                await self._give_way()
        except LinkError as err:
            if err.reason is LinkReason.CLOSED:
                await self._handle(exchange.framer.end())
            raise
        finally:
            exchange.close()

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

    async def _next_frames(self, link: Link, exchange: Exchange) -> list[bytes]:
        """Return the frames that the next read, or a pause, completes.

        While that is waited for a request may be sent, and another framer take over.
        """
        framer = exchange.framer
        if framer.idle_timeout is not None and framer.pending:
            with suppress(TimeoutError):
                async with asyncio.timeout(framer.idle_timeout):
                    data = await self._read(link)
                    return exchange.framer.feed(data)
            if exchange.framer is not framer:
                return []
            # Bytes that came while this program was busy came in time, for all we know.
            if not link.waiting:
                return framer.idle()
        data = await self._read(link)
        return exchange.framer.feed(data)

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
