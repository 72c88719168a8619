"""One connection of a charge point: what comes is answered, CALLs wait for their answers."""

import asyncio
from collections import deque
from collections.abc import Callable
import logging
import sys
import time
from typing import Any, Literal, override
import uuid

from aiohttp import WSCloseCode, WSMsgType, web

from ..connector.model import JsonValue
from .actions import InvalidConfirmation, check_request, read_confirmation
from .calls import CallFailed, CallReason
from .frames import (
    BrokenFrame,
    Call,
    ErrorCode,
    Failure,
    Refused,
    Result,
    read_frame,
    write_call,
    write_error,
    write_result,
)
from .handshake import Arrival
from .leniencies import Leniencies
from .log import LogOnce
from .redaction import redact_frame

_LOGGER = logging.getLogger(__name__)

MAX_WAITING_CALLS = 50
# Frames of one charge point that are kept for the diagnostics.
MAX_HISTORY = 200
# So long a charge point may take nothing of what it is sent.
WRITE_TIMEOUT = 30.0
# A charge point that never answers a ping is given up after that.
SILENCE_LIMIT = 900.0
# However seldom it says that it is there.
MAX_SILENCE = 2 * 86400.0
# So long is waited for a charge point to say goodbye.
CLOSE_TIMEOUT = 3.0
# Others get their turn after so many frames of one charge point.
_FRAMES_PER_TURN = 32
# Or after so many seconds.
_TURN = 0.005
# What may wait to be sent before nothing more is read.
_MAX_UNSENT = 1 << 16
_POLL_INTERVAL = 0.02
# Limits that are changed count after that.
_LONGEST_SLEEP = 30.0
# No text of a charge point is longer than that in an error.
_MAX_TEXT = 255

type Handler = Callable[[Session, Call], JsonValue]
type History = deque[tuple[int, Literal["in", "out"], str]]
type Socket = web.WebSocketResponse[Literal[False]]


def new_history() -> History:
    """Return room for the last frames of a charge point."""
    return deque(maxlen=MAX_HISTORY)


def _refuse(_session: Session, _call: Call) -> JsonValue:
    raise Refused(ErrorCode.INTERNAL_ERROR, "Not ready")


class Session:
    """One connection of one charge point, until it closes."""

    def __init__(
        self,
        arrival: Arrival,
        socket: Socket,
        transport: asyncio.Transport,
        *,
        log: LogOnce,
        subprotocol: str = "",
        ping_interval: float = 30.0,
        call_timeout: float = 30.0,
    ) -> None:
        """Take an open websocket; nothing is read before `run`."""
        self.arrival = arrival
        self.charge_point_id = arrival.charge_point_id
        self.remote = arrival.remote
        self.subprotocol = subprotocol
        # For whoever owns the charge point to set.
        self.handler: Handler = _refuse
        self.history: History | None = None
        self.notes = Leniencies()
        self.log = log
        self.ping_interval = ping_interval
        self.call_timeout = call_timeout
        self.write_timeout = WRITE_TIMEOUT
        self.silence_limit = SILENCE_LIMIT
        # Who sends a longer frame is hung up on: nothing of it is read.
        self.frame_limit = sys.maxsize
        self.opened = self.last_received = time.monotonic()
        self.ponged = False
        self.closed = False
        self._socket = socket
        self._transport = transport
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._pending: tuple[str, asyncio.Future[Result | Failure | None]] | None = None

    @override
    def __repr__(self) -> str:
        return f"<Session {self.charge_point_id!r} of {self.remote}>"

    async def run(self) -> None:
        """Receive and answer, in order, until the connection is closed."""
        watch = asyncio.create_task(self._watch())
        try:
            await self._receive()
        except ConnectionError as err:
            _LOGGER.debug("%s: Connection lost: %s", self.charge_point_id, err)
        except TimeoutError:
            _LOGGER.debug("%s: It takes nothing", self.charge_point_id)
        finally:
            watch.cancel()
            self._end()
            self._hang_up()

    async def call(
        self,
        action: str,
        payload: dict[str, Any],
        timeout: float | None = None,
        *,
        raw: bool = False,
    ) -> dict[str, Any]:
        """Ask the charge point, after all who asked before; return its answer.

        The timeout counts from when it is sent. `raw` leaves the answer as it came. Raises
        CallFailed, and ValueError for a payload that OCPP does not allow.
        """
        check_request(action, payload)
        if self._waiting >= MAX_WAITING_CALLS:
            raise CallFailed(CallReason.BUSY, action)
        self._waiting += 1
        try:
            async with self._turn:
                answer = await self._ask(action, payload, timeout or self.call_timeout)
        finally:
            self._waiting -= 1
        if isinstance(answer, Failure):
            text = answer.description[:_MAX_TEXT]
            raise CallFailed(CallReason.REFUSED, action, text, answer.code[:_MAX_TEXT])
        try:
            confirmation = read_confirmation(action, answer.payload, self.notes)
        except InvalidConfirmation as err:
            raise CallFailed(CallReason.INVALID, action, str(err)[:_MAX_TEXT]) from err
        if raw and isinstance(answer.payload, dict):
            return answer.payload
        return confirmation

    async def close(self, code: int = WSCloseCode.OK, reason: str = "") -> None:
        """Say goodbye, and hang up on who does not answer that."""
        if self.closed:
            return
        self._end()
        # What a close frame has room for, and no half of a character.
        text = reason.encode()[:123].decode(errors="ignore")
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._socket.close(code=code, message=text.encode())
        except TimeoutError:
            _LOGGER.debug("%s: No goodbye", self.charge_point_id)
        finally:
            self._hang_up()

    async def is_alive(self, timeout: float) -> bool:
        """Return whether anything comes within `timeout`; a ping asks for it."""
        asked = self.last_received
        try:
            await self._socket.ping()
        except ConnectionError:
            return False
        for _ in range(round(timeout / _POLL_INTERVAL)):
            if self.last_received != asked or self.closed:
                break
            await asyncio.sleep(_POLL_INTERVAL)
        return self.last_received != asked and not self.closed

    def _end(self) -> None:
        """Let nobody wait for answers any more."""
        self.closed = True
        if self._pending and not self._pending[1].done():
            self._pending[1].set_result(None)

    def _hang_up(self) -> None:
        """Drop what nobody takes: it would keep the connection open for ever."""
        self._transport.abort()

    async def _receive(self) -> None:
        received = 0
        receive = self._socket.receive
        unsent = self._unsent
        while True:
            message = await receive()
            self.last_received = time.monotonic()
            kind = message.type
            if kind is WSMsgType.TEXT or kind is WSMsgType.BINARY:
                if len(message.data) > self.frame_limit:
                    await self.close(WSCloseCode.MESSAGE_TOO_BIG)
                    return
                answer = self._take(message.data)
                if answer is not None:
                    await self._socket.send_str(answer)
                    if unsent() > _MAX_UNSENT:
                        await self._drain()
            elif kind is WSMsgType.PING:
                await self._socket.pong(message.data)
                if unsent() > _MAX_UNSENT:
                    await self._drain()
            elif kind is WSMsgType.PONG:
                self.ponged = True
            else:
                return
            received += 1
            if (
                not received % _FRAMES_PER_TURN
                or time.monotonic() - self.last_received > _TURN
            ):
                await asyncio.sleep(0)

    def _unsent(self) -> int:
        # A TLS transport that is closed cannot be asked any more.
        if self._transport.is_closing():
            return 0
        return self._transport.get_write_buffer_size()

    async def _drain(self) -> None:
        """Wait for a charge point to take what it was sent; raises TimeoutError.

        Ours instead of aiohttp's, where the timeout of one who waits ends all who do.
        """
        deadline = time.monotonic() + self.write_timeout
        while self._unsent() > _MAX_UNSENT:
            if time.monotonic() > deadline:
                raise TimeoutError
            await asyncio.sleep(_POLL_INTERVAL)

    def _take(self, data: bytes) -> str | None:
        """Return the answer to a frame; None: there is none."""
        self._remember("in", data)
        answer = None
        try:
            frame = read_frame(data, self.notes)
        except BrokenFrame as err:
            answer = self._answer_broken(err)
        else:
            if isinstance(frame, Call):
                answer = self._answer(frame)
            elif frame is None:
                self.notes.note("frame: unknown message type")
            else:
                self._settle(frame)
        if answer is not None:
            self._remember("out", answer)
        return answer

    def _answer(self, call: Call) -> str:
        try:
            return write_result(call.id, self.handler(self, call))
        except Refused as err:
            return write_error(call.id, err.code, err.description)
        except Exception as err:
            kind = type(err).__name__
            _LOGGER.debug("%s: %s", self.charge_point_id, kind, exc_info=err)
            self.log(
                f"handler {kind}",
                "A message of %s could not be handled: %s; log at debug level for more",
                self.charge_point_id,
                kind,
            )
            return write_error(call.id, ErrorCode.INTERNAL_ERROR)

    def _answer_broken(self, error: BrokenFrame) -> str | None:
        self.notes.note("frame: broken")
        self.log(
            "broken frame",
            "%s sends what is no OCPP message: %s",
            self.charge_point_id,
            error.text,
        )
        if error.id is None:
            return None
        return write_error(error.id, error.code, error.text)

    def _settle(self, frame: Result | Failure) -> None:
        """Give an answer to whoever waits for it."""
        if self._pending and self._pending[0] == str(frame.id):
            if not self._pending[1].done():
                self._pending[1].set_result(frame)
            return
        self.notes.note("answer: nobody waits for it")

    async def _ask(
        self, action: str, payload: dict[str, Any], timeout: float
    ) -> Result | Failure:
        """Send a CALL and wait for its answer; the turn is ours."""
        if self.closed:
            raise CallFailed(CallReason.CLOSED, action)
        message_id = uuid.uuid4().hex
        frame = write_call(message_id, action, payload)
        self._remember("out", frame)
        waiter: asyncio.Future[Result | Failure | None]
        waiter = asyncio.get_running_loop().create_future()
        self._pending = message_id, waiter
        try:
            async with asyncio.timeout(timeout):
                await self._socket.send_str(frame)
                answer = await waiter
        except TimeoutError as err:
            raise CallFailed(CallReason.TIMEOUT, action) from err
        except ConnectionError as err:
            raise CallFailed(CallReason.CLOSED, action) from err
        finally:
            self._pending = None
        if answer is None:
            raise CallFailed(CallReason.CLOSED, action)
        return answer

    async def _watch(self) -> None:
        """Ping a quiet charge point, and hang up when it is gone."""
        pinged = 0.0
        try:
            while not self._is_lost(now := time.monotonic(), pinged):
                wait = _LONGEST_SLEEP
                if interval := self.ping_interval:
                    due = max(self.last_received, pinged) + interval
                    if due <= now:
                        await self._socket.ping()
                        pinged, due = now, now + interval
                    wait = min(wait, due - now)
                await asyncio.sleep(wait)
            _LOGGER.debug("%s: Silent", self.charge_point_id)
        except ConnectionError as err:
            _LOGGER.debug("%s: Connection lost: %s", self.charge_point_id, err)
        self._hang_up()

    def _is_lost(self, now: float, pinged: float) -> bool:
        """Return whether a ping, or nothing at all, was answered for too long."""
        if self.ponged and self.ping_interval:
            unanswered = pinged > self.last_received
            return unanswered and now >= pinged + self.ping_interval
        return now >= self.last_received + self.silence_limit

    def _remember(self, direction: Literal["in", "out"], frame: str | bytes) -> None:
        if self.history is not None:
            now = int(time.time() * 1000)
            self.history.append((now, direction, redact_frame(frame)))
