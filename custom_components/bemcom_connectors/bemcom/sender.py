"""From the outbox to the broker."""

import asyncio
from collections.abc import Callable

from ..connector.backoff import Backoff
from .broker import Broker, MessageRefusedError
from .outbox import Lane, Outbox, Outgoing
from .suspects import AT_ONCE, Suspects

# So many messages are under way at a time.
MAX_UNDER_WAY = 256

# So long is a new connection left alone with what may have broken the last one, in seconds:
# if it breaks before, that was something else.
_CALM = 1.0
# After so many connections in a row that broke soon each message is to be confirmed.
_DOUBTFUL = 2


class Sender:
    """Sends what is in the outbox as long as there is a broker; nobody waits for it."""

    def __init__(
        self, outbox: Outbox, broker: Broker, report: Callable[[str], None]
    ) -> None:
        """Send nothing yet; `report` is told of messages that the broker refuses."""
        self._outbox = outbox
        self._broker = broker
        self._report = report
        self._under_way: dict[asyncio.Future[None], tuple[Lane, Outgoing]] = {}
        self._is_connected = False
        # What sends soon, or after a pause.
        self._handle: asyncio.Handle | None = None
        self._pausing = False
        self._backoff = Backoff()
        self._empty = asyncio.Event()
        self._suspects = Suspects()
        # A suspect that waits until nothing else is under way.
        self._held: tuple[Lane, Outgoing] | None = None
        # When the one that is under way alone was sent.
        self._alone_since: float | None = None
        self._connected_at = 0.0
        self._short_connections = 0

    def connected(self) -> None:
        """Send."""
        self._is_connected = True
        self._connected_at = asyncio.get_running_loop().time()
        self._outbox.connected()
        self._backoff.reset()
        self.wake()

    def lost(self) -> None:
        """Send no more, and take back what is under way."""
        if self._is_connected:
            self._suspect()
        self._is_connected = False
        self._held = None
        self._alone_since = None
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        self._pausing = False
        under_way, self._under_way = self._under_way, {}
        self._outbox.lost()
        self._empty.set()
        for future in under_way:
            future.cancel()

    def wake(self) -> None:
        """Send what has been added, in a moment."""
        if self._is_connected and self._handle is None:
            self._handle = asyncio.get_running_loop().call_soon(self._send_all)

    async def drain(self, timeout: float) -> bool:
        """Wait until everything arrived, for so many seconds; tell whether it did."""
        try:
            async with asyncio.timeout(timeout):
                while self._is_connected and len(self._outbox):
                    self._empty.clear()
                    await self._empty.wait()
        except TimeoutError:
            return False
        return not len(self._outbox)

    def _send_all(self) -> None:
        """Send as much as may be under way at a time."""
        self._handle = None
        now = asyncio.get_running_loop().time()
        while (
            len(self._under_way) < MAX_UNDER_WAY
            and self._alone_since is None
            and not self._pausing
        ):
            taken, self._held = self._held or self._outbox.take(), None
            if taken is None:
                break
            lane, message = taken
            if self._suspects.is_counted(message, now):
                lane.forget(message)
            elif self._suspects.is_given_up(message, now):
                lane.refused(message)
            elif message.topic not in self._suspects:
                self._send(lane, message)
            elif not self._send_alone(lane, message):
                break
        if not len(self._outbox):
            self._empty.set()

    def _send_alone(self, lane: Lane, message: Outgoing) -> bool:
        """Send a message that may be why the connection broke, if it can be now."""
        loop = asyncio.get_running_loop()
        calm_at = self._connected_at + _CALM
        if self._under_way or loop.time() < calm_at:
            self._held = lane, message
            if not self._under_way:
                self._handle = loop.call_at(calm_at, self._send_all)
            return False
        self._alone_since = loop.time()
        self._send(lane, message)
        return True

    def _suspect(self) -> None:
        """Note what may be why the connection broke."""
        now = asyncio.get_running_loop().time()
        is_short = now - self._connected_at < AT_ONCE
        self._short_connections = self._short_connections + 1 if is_short else 0
        entries = list(self._under_way.values())
        if self._alone_since is None:
            self._suspects.lost_with(message for _, message in entries)
        elif now - self._alone_since < AT_ONCE:
            ((lane, message),) = entries
            if self._suspects.lost_alone_with(message, now):
                lane.refused(message)
                size = len(message.payload)
                self._report(
                    f"{message.topic:.200}: It hangs up whenever it gets this one, which "
                    f"has {size:,} bytes"
                )

    def _send(self, lane: Lane, message: Outgoing) -> None:
        """Send a message."""
        qos = message.qos
        if self._short_connections >= _DOUBTFUL:
            # Or nobody would know what it was.
            qos = max(qos, 1)
        try:
            future = asyncio.ensure_future(
                self._broker.publish(
                    message.topic, message.payload, qos, message.retain
                )
            )
        except Exception as err:  # noqa: BLE001 - whatever a client of MQTT raises
            self._settle(lane, message, err)
            return
        self._under_way[future] = lane, message
        future.add_done_callback(self._done)

    def _done(self, future: asyncio.Future[None]) -> None:
        """Take what became of a message."""
        error = asyncio.CancelledError() if future.cancelled() else future.exception()
        # It may have been taken back, as the broker was lost.
        if (entry := self._under_way.pop(future, None)) is not None:
            self._settle(*entry, error)

    def _settle(
        self, lane: Lane, message: Outgoing, error: BaseException | None
    ) -> None:
        """Go on after a message that arrived, or after a pause with one that did not."""
        self._alone_since = None
        if error is None:
            self._suspects.arrived(message)
            lane.done(message)
            self._backoff.reset()
            self.wake()
        elif isinstance(error, MessageRefusedError):
            lane.refused(message)
            self._report(f"{message.topic:.200}: {error}")
            self.wake()
        else:
            lane.failed(message)
            self._pause()
        if not len(self._outbox):
            self._empty.set()

    def _pause(self) -> None:
        """Send nothing for a while."""
        if self._pausing or not self._is_connected:
            return
        self._pausing = True
        if self._handle is not None:
            self._handle.cancel()

        def go_on() -> None:
            self._pausing = False
            self._send_all()

        loop = asyncio.get_running_loop()
        self._handle = loop.call_later(self._backoff.next_delay(), go_on)
