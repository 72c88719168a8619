"""The framer of a link while a reply is expected: it tells the reply from the readings."""

from collections.abc import Callable
from typing import override

from .framer import Framer, State
from .framing import DelimiterFramer, LineFramer
from .json_framing import JsonFramer
from .replies import Expectation

# Pauses are compared with this in mind, in seconds.
_NOTHING = 1e-6


class ReplyFramer(Framer):
    """The hub's framer, with what takes the reply out of the bytes that it is fed.

    Nothing is kept from the hub's framer. Where a reply is framed in its own way, the bytes
    go through both, and what completes a frame first decides. Once it is the reply, the
    hub's framer goes back to where the reply began.
    """

    def __init__(
        self,
        hub: Framer,
        expectation: Expectation,
        unread: int,
        on_end: Callable[[bytes | None], None],
    ) -> None:
        """Expect a reply after the `unread` bytes that came before the request.

        `on_end` is called once with the reply, or with None when `expire_after` says so.
        """
        super().__init__()
        self._hub = hub
        self._is_reply = expectation.is_reply
        self._marked = expectation.marked
        own = expectation.create_framer() if expectation.create_framer else None
        self._own = None if own is None or _cuts_alike(hub, own) else own
        self._clean = own.state() if own else {}
        self._on_end = on_end
        self._listening = True
        # Nobody waits for the reply any more, but it may still come.
        self.overdue = False
        self._unread = unread
        self._left: int | None = None
        # So long there was silence, as far as `idle` was told of it.
        self._rested = 0.0
        # The hub's framer as it was before the bytes that may be the reply.
        self._mark = hub.state()
        # The next frame of the hub began before the request: it cannot be the reply.
        self._begun = hub.begun
        self._set_pause()

    @property
    def specific(self) -> bool:
        """Tell whether there is anything that tells the reply from a reading."""
        return self._marked or self._own is not None

    def expire_after(self, unread: int) -> None:
        """End once so many bytes more have been fed, if the reply is not among them."""
        self._left = unread

    @override
    def feed(self, data: bytes) -> list[bytes]:
        """Return the readings that `data` completes."""
        self._rested = 0.0
        if self._unread:
            # No read goes beyond what had come at a time.
            self._unread -= len(data)
            readings = self._hub.feed(data)
            self._renew(begun=self._hub.begun)
        elif self._own is None:
            readings = self._feed_hub(data)
        else:
            readings = self._feed_both(self._own, data)
        if self._left is not None and self._listening:
            self._left -= len(data)
            if self._left <= 0:
                self._left = None
                self._on_end(None)
        self._set_pause()
        return readings

    @override
    def idle(self) -> list[bytes]:
        """Return the readings that a pause completes, in whichever framer it is due."""
        self._rested += self.idle_timeout or 0.0
        own, hub = self._own, self._hub
        readings: list[bytes] = []
        ends = self._is_due(hub)
        if own is not None and self._is_due(own):
            if self._find(own.idle(), tied=ends):
                hub.go_back(self._mark)
                ends = self._is_due(hub)
            else:
                self._renew(begun=self._begun)
        if ends:
            readings = self._sift(hub.idle())
            self._mark = hub.state()
            if not hub.begun:
                self._begun = False
            if readings:
                self._renew(begun=False)
        self._set_pause()
        return readings

    @override
    def end(self) -> list[bytes]:
        """Return the readings that the peer's orderly close completes."""
        if self._own is not None and self._find(self._own.end(), tied=True):
            self._hub.go_back(self._mark)
        return self._sift(self._hub.end())

    @property
    @override
    def pending(self) -> bool:
        """Tell whether a pause would end anything."""
        return self.idle_timeout is not None

    # Framed as everything on the link

    def _feed_hub(self, data: bytes) -> list[bytes]:
        """Feed the hub's framer, and take the reply out of its frames."""
        readings: list[bytes] = []
        if self._begun:
            dropped = self._hub.dropped_frames
            frames, end = self._hub.feed_one(data)
            if self._hub.dropped_frames != dropped:
                self._begun = False
            readings = self._sift(frames)
            data = data[end:]
        return readings + self._sift(self._hub.feed(data)) if data else readings

    def _sift(self, frames: list[bytes]) -> list[bytes]:
        """Take the reply out of frames of the hub."""
        if self._own is not None and not self._marked:
            if frames:
                self._begun = False
            return frames
        readings: list[bytes] = []
        for frame in frames:
            begun, self._begun = self._begun, False
            if begun or not self._find([frame], tied=False):
                readings.append(frame)
        return readings

    # Framed in its own way

    def _feed_both(self, own: Framer, data: bytes) -> list[bytes]:
        """Feed both framers in step for as long as the reply has not come."""
        readings: list[bytes] = []
        at = 0
        while at < len(data) and self._listening:
            at += self._step(own, data[at:], readings)
        if at < len(data):
            readings += self._hub.feed(data[at:])
        return readings

    def _step(self, own: Framer, data: bytes, readings: list[bytes]) -> int:
        """Go on to the end of a frame of the hub, or of the reply; return how far that is."""
        hub = self._hub
        before = hub.state()
        frames, end = hub.feed_one(data)
        begin = at = 0
        while at < end:
            found, used = own.feed_one(data[at:end])
            at += used
            if not found:
                break
            # What ended a value of JSON may be the beginning of the next.
            at -= own.held
            if self._find(found, tied=bool(frames) and at == end):
                self._take_back(before, data[:begin], readings)
                return at
            own.go_back(self._clean)
            begin = at
        if frames:
            readings += self._sift(frames)
            self._renew(begun=False)
        elif begin:
            # No reply yet, but it may have begun within this step.
            self._take_back(before, data[:begin], readings)
            self._mark = hub.state()
            readings += hub.feed(data[begin:])
        return end

    def _take_back(self, before: State, data: bytes, readings: list[bytes]) -> None:
        """Let the hub's framer be as it was when the reply began.

        That was after `data` of this step, if there is any, else where the mark is.
        """
        self._hub.go_back(before if data else self._mark)
        if data:
            readings += self._hub.feed(data)

    def _find(self, frames: list[bytes], *, tied: bool) -> bool:
        """Tell whether the reply is in some frames, and end if it is.

        Where a frame of the hub ends with it, it may be that one: begun before the request,
        or a reading that nobody may lose to a reply that is overdue.
        """
        if not frames or not self._listening:
            return False
        if tied and (self._begun or (self.overdue and not self._marked)):
            return False
        if not self._is_reply(frames[0]):
            return False
        self._listening = False
        self._on_end(frames[0])
        return True

    def _renew(self, *, begun: bool) -> None:
        """Begin anew to look for a reply, here."""
        self._mark = self._hub.state()
        self._begun = begun
        if self._own is not None:
            self._own.go_back(self._clean)

    # Pauses

    def _resting(self) -> list[float]:
        """Return the pauses that would end something."""
        return [
            framer.idle_timeout
            for framer in (self._hub, self._own)
            if framer is not None and framer.idle_timeout is not None and framer.pending
        ]

    def _set_pause(self) -> None:
        """Say how long the next pause is that would end something."""
        pauses = self._resting()
        self.idle_timeout = max(min(pauses) - self._rested, 0.0) if pauses else None

    def _is_due(self, framer: Framer) -> bool:
        """Tell whether a framer's pause is over."""
        pause = framer.idle_timeout
        return pause is not None and framer.pending and pause <= self._rested + _NOTHING


def _cuts_alike(hub: Framer, own: Framer) -> bool:
    r"""Tell whether a framer for replies ends no frame before, or unlike, the hub's.

    Lines end with \n, \r\n or \r, so that one of the first two would come too late; a lone
    \r may well tell the reply from lines that end otherwise.
    """
    lines = isinstance(hub, LineFramer) or (isinstance(hub, JsonFramer) and hub.lines)
    match own:
        case LineFramer():
            return lines
        case DelimiterFramer():
            return lines and own.delimiter != b"\r" and not own.delimiter.strip(b"\r\n")
        case JsonFramer():
            return isinstance(hub, JsonFramer) and not hub.lines
    return False
