"""What every framer has: a bounded buffer, and a count of what it dropped."""

from abc import ABC, abstractmethod

DEFAULT_MAX_MESSAGE_SIZE = 64 * 1024


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
