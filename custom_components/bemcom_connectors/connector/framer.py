"""What every framer has: a bounded buffer, and a count of what it dropped."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

DEFAULT_MAX_MESSAGE_SIZE = 64 * 1024

# So many bytes are looked at first for the end of a frame.
_WINDOW = 16

# What a framer goes back to.
type State = Mapping[str, object]


class Framer(ABC):
    """Cuts a stream into frames."""

    # Seconds of silence within a frame after which the stream should call `idle()`; None:
    # never.
    idle_timeout: float | None = None

    def __init__(self, max_size: int = DEFAULT_MAX_MESSAGE_SIZE) -> None:
        """Refuse frames longer than `max_size` bytes."""
        self.max_size = max_size
        self.dropped_frames = 0
        self._buffer = bytearray()
        # The rest of an over-long frame is still to come and must be skipped.
        self._discarding = False

    @abstractmethod
    def feed(self, data: bytes) -> list[bytes]:
        """Return the frames that `data` completes."""

    def wrap(self, data: bytes) -> bytes:
        """Return `data` as one frame, for what is sent to a device that reads frames too."""
        return data

    def feed_one(self, data: bytes) -> tuple[list[bytes], int]:
        """Feed no further than to the end of a frame; return it, and how far that is.

        Any split of the stream gives the same frames, so the place can be searched for.
        """
        low, size = 0, _WINDOW
        while low < len(data):
            before = self.state()
            piece = data[low : low + size]
            if frames := self.feed(piece):
                self.go_back(before)
                return self._feed_to_end(data, low, low + len(piece), len(frames[0]))
            low += len(piece)
            size *= 2
        return [], len(data)

    def _feed_to_end(
        self, data: bytes, low: int, high: int, length: int
    ) -> tuple[list[bytes], int]:
        """Do so where a frame of this length ends after `low`, but not after `high`."""
        # Mostly it ends with its last byte or with one delimiter after that.
        middle, step = low + length - len(self._buffer), 1
        while high - low > 1:
            if not low < middle < high:
                middle = (low + high) // 2
            before = self.state()
            if self.feed(data[low:middle]):
                self.go_back(before)
                high, middle = middle, 0
            else:
                low = middle
                middle += step
                step *= 2
        return self.feed(data[low:high]), high

    def state(self) -> State:
        """Return all that feeding changes, to go back to."""
        return _copied(vars(self))

    def go_back(self, state: State) -> None:
        """Be again as at the time of a `state`, as if nothing had been fed since."""
        vars(self).update(_copied(state))

    def end(self) -> list[bytes]:
        """Return what the peer's orderly close completes, and forget the rest."""
        self.reset()
        return []

    def idle(self) -> list[bytes]:
        """Return what a pause of `idle_timeout` completes.

        Nothing, mostly: it drops the frame that was begun, so that the next byte starts one.
        """
        if self.idle_timeout is not None:
            self.reset()
        return []

    @property
    def pending(self) -> bool:
        """Tell whether a pause would end anything, were it only the skipping."""
        return bool(self._buffer) or self._discarding

    @property
    def begun(self) -> bool:
        """Tell whether there are bytes of a frame that is still to come."""
        return bool(self._buffer) and not self._discarding

    @property
    def held(self) -> int:
        """Return how many bytes were fed and not used yet."""
        return len(self._buffer)

    def reset(self) -> None:
        """Forget a half-received frame, as after a lost connection; count it as dropped."""
        if self.pending and not self._discarding:
            self.dropped_frames += 1
        self._buffer.clear()
        self._discarding = False

    def _drop(self) -> None:
        """Skip the over-long frame that is being received, counting it once."""
        if not self._discarding:
            self.dropped_frames += 1
            self._discarding = True

    def _keep(self, frames: list[bytes]) -> list[bytes]:
        r"""Return `frames` without the empty and the over-long ones.

        The first one ends a frame that began earlier, perhaps one that is being skipped.
        """
        if self._discarding:
            self._discarding = False
            frames = frames[1:]
        kept = [frame for frame in frames if 0 < len(frame) <= self.max_size]
        if len(kept) != len(frames):
            self.dropped_frames += sum(len(frame) > self.max_size for frame in frames)
        return kept


def _copied(state: State) -> dict[str, object]:
    """Return a state that what is fed from now on does not change.

    Besides buffers it has only what is never changed in place, and what is just known.
    """
    return {
        name: value.copy() if type(value) is bytearray else value
        for name, value in state.items()
    }
