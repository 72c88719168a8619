"""The requests of one link, one after the other, each with its reply."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from .framer import Framer
from .model import CommandError, CommandReason, LinkError, LinkReason
from .replies import Expectation
from .reply_framer import ReplyFramer
from .transport import DEFAULT_WRITE_TIMEOUT, Link

# So many requests may wait for their turn, or for their reply.
MAX_WAITING = 100

# What came before the time for a reply was over is still read for so many seconds.
_PATIENCE = 30.0

# A message that ends with a pause is given so many of them, of this length at most, to end.
_PAUSES = 3
_LONGEST_PAUSE = 1.0

_STUCK = "The device does not take what is sent"
_LOST = "The link was lost before its turn"


class Exchange:
    """All that is sent over a link goes through here.

    While a request waits for its reply nothing else is sent, nor while a reply that is
    overdue could be taken for that of the next request. That is as long again as the reply
    may take.
    """

    def __init__(
        self, link: Link, framer: Framer, on_reply: Callable[[bool], None]
    ) -> None:
        """Share `link` and the framer of what comes over it.

        `on_reply` is told of each reply, and whether it came too late for anybody.
        """
        # What the bytes of the link are to be fed to.
        self.framer = framer
        self._hub = framer
        self._link = link
        self._on_reply = on_reply
        self._lock = asyncio.Lock()
        self._waiting = 0
        # The reply that somebody waits for, or that is overdue; None: it does not come.
        self._reply: asyncio.Future[bytes | None] | None = None
        self._overdue = False
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def close(self) -> None:
        """Let everybody who waits know that the link is gone; nothing more is sent."""
        self._closed = True
        self._forget()

    async def send(self, data: bytes) -> None:
        """Send `data` when it is its turn. Raises CommandError."""
        async with self._turn_of_command():
            await self._write(data)

    async def ask(self, data: bytes, expectation: Expectation) -> bytes:
        """Send `data` when it is its turn and return the frame of the reply.

        Raises CommandError.
        """
        async with self._turn_of_command():
            await self._until_quiet()
            loop = asyncio.get_running_loop()
            began, timeout = loop.time(), expectation.timeout
            reply = loop.create_future()
            try:
                await self._write(data, lambda: self._expect(expectation, reply))
                return await self._wait_for(reply, timeout)
            finally:
                # Also of one that nobody waited for until the end.
                self._leave(max(began + timeout, loop.time()) + timeout)

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Have the link to oneself, for a write whose answer is a reading.

        Raises LinkError when it is gone.
        """
        async with self._lock:
            if self._overdue and self._reply is not None:
                await asyncio.wait({self._reply})
                self._overdue = False
            if self._closed:
                raise LinkError(LinkReason.CLOSED, _LOST)
            yield

    @asynccontextmanager
    async def _turn_of_command(self) -> AsyncGenerator[None]:
        """Have the link to oneself; raises CommandError."""
        if self._waiting >= MAX_WAITING:
            raise CommandError(
                CommandReason.BUSY,
                f"{MAX_WAITING} commands wait for their turn already",
            )
        self._waiting += 1
        try:
            async with self.turn():
                yield
        except LinkError as err:
            raise CommandError(CommandReason.NOT_CONNECTED, str(err)) from err
        finally:
            self._waiting -= 1

    async def _until_quiet(self) -> None:
        """Let in what has come, and let a message end whose end is a pause.

        What begins before a request is sent is not its reply.
        """
        for _ in range(2):  # the link is looked at between the two
            await asyncio.sleep(0)
        pause = self._hub.idle_timeout
        for _ in range(_PAUSES):
            if pause is None or not self._hub.pending:
                break
            await asyncio.sleep(min(pause, _LONGEST_PAUSE))

    # Writing

    async def _write(
        self, data: bytes, on_write: Callable[[], None] | None = None
    ) -> None:
        """Send `data`; what the device does not take in time is never sent later."""
        written = False

        def begin() -> None:
            nonlocal written
            if self._closed:
                raise LinkError(LinkReason.CLOSED, _LOST)
            written = True
            if on_write is not None:
                on_write()

        limit = DEFAULT_WRITE_TIMEOUT if self._link.write_timeout is None else None
        try:
            async with asyncio.timeout(limit):
                await self._link.write(data, begin)
        except asyncio.CancelledError:
            if written and self._link.unsent:
                self._give_up()
            raise
        except (LinkError, TimeoutError) as err:
            if isinstance(err, TimeoutError) or err.reason is LinkReason.TIMEOUT:
                if written:
                    self._give_up()
                raise CommandError(CommandReason.NOT_TAKEN, _STUCK) from err
            reason = CommandReason.NOT_TAKEN if written else CommandReason.NOT_CONNECTED
            raise CommandError(reason, str(err)) from err

    def _give_up(self) -> None:
        """Give the link up, and with it what it has not sent."""
        self._link.fail(LinkError(LinkReason.TIMEOUT, _STUCK))
        self._link.abort()

    # Waiting

    def _expect(
        self, expectation: Expectation, reply: asyncio.Future[bytes | None]
    ) -> None:
        """Look for the reply in what comes from now on."""
        self._reply = reply
        self.framer = ReplyFramer(self._hub, expectation, self._link.unread, self._take)

    def _take(self, frame: bytes | None) -> None:
        """Take the reply; None: it was not among what came in time."""
        if frame is not None:
            self._on_reply(self._overdue)
        if self._overdue:
            self._forget()
            return
        if frame is not None:
            self.framer = self._hub
        if self._reply is not None and not self._reply.done():
            self._reply.set_result(frame)

    async def _wait_for(
        self, reply: asyncio.Future[bytes | None], timeout: float
    ) -> bytes:
        """Return the reply that comes in time; CommandError if none does."""
        await asyncio.wait({reply}, timeout=timeout)
        if not reply.done() and self._expire_when_read():
            await asyncio.wait({reply}, timeout=_PATIENCE)
        frame = reply.result() if reply.done() else None
        if frame is not None:
            return frame
        if self._closed:
            raise CommandError(
                CommandReason.NO_REPLY, "The link was lost before the reply came"
            )
        raise CommandError(
            CommandReason.NO_REPLY, f"No reply within {timeout:g} seconds"
        )

    def _expire_when_read(self) -> bool:
        """Tell whether there are unread bytes, and look for the reply in those at most."""
        unread = self._link.unread
        if not unread or not isinstance(self.framer, ReplyFramer):
            return False
        self.framer.expire_after(unread)
        return True

    def _leave(self, grace_end: float) -> None:
        """Let nobody wait any more; a reply that did not come may until `grace_end`."""
        framer = self.framer
        if self._closed or not isinstance(framer, ReplyFramer):
            return
        loop = asyncio.get_running_loop()
        self._reply = loop.create_future()
        self._overdue = framer.overdue = True
        if not framer.specific:
            # It could be a reading, and none may be lost.
            self.framer = self._hub
        self._timer = loop.call_at(grace_end, self._end_grace)

    def _end_grace(self) -> None:
        """Expect the overdue reply no longer, unless it came and is not read yet."""
        if not self._expire_when_read():
            self._forget()

    def _forget(self) -> None:
        """Expect no reply."""
        self.framer = self._hub
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._reply is not None and not self._reply.done():
            self._reply.set_result(None)
