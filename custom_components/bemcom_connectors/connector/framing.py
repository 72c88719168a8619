"""Bytes to frames: where one message ends and the next begins.

Every framer works on any split of the stream, gives any number of frames per chunk, never
buffers more than `max_size` (plus one chunk), and after a broken or over-long frame goes on
with the next good one, counting what it dropped.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Literal, override

from .escapes import EscapeError, unescape
from .framer import DEFAULT_MAX_MESSAGE_SIZE, Framer
from .json_framing import JsonFramer
from .model import CommandError, CommandReason, OptionsError


class Framing(StrEnum):
    """How frames are told apart."""

    AUTO = "auto"
    LINE = "line"
    DELIMITER = "delimiter"
    JSON = "json"
    LENGTH_PREFIX = "length_prefix"
    FIXED_SIZE = "fixed_size"
    IDLE = "idle"
    CHUNK = "chunk"


class LineFramer(Framer):
    r"""Lines ended by \n, \r\n or \r; empty ones are skipped."""

    @override
    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that `data` completes."""
        buffer = self._buffer
        if b"\n" not in data and b"\r" not in data:
            buffer += data
            if len(buffer) > self.max_size:
                self._drop()
            if self._discarding:
                buffer.clear()
            return []
        if buffer:
            data = bytes(buffer) + data
            buffer.clear()
        # A \r\n cut in two gives an empty line, which is skipped like any other.
        lines = data.splitlines()
        if not data.endswith((b"\n", b"\r")):
            buffer += lines.pop()
        frames = self._keep(lines)
        if len(buffer) > self.max_size:
            self._drop()
            buffer.clear()
        return frames

    @override
    def wrap(self, data: bytes) -> bytes:
        """Return a line."""
        return data + b"\n"

    @override
    def end(self) -> list[bytes]:
        """Return the last line: text files and many devices leave out its newline."""
        rest = [] if self._discarding else [bytes(self._buffer)]
        self._buffer.clear()
        self._discarding = False
        return self._keep(rest)


class DelimiterFramer(Framer):
    """Frames that end with any fixed bytes."""

    def __init__(
        self,
        delimiter: bytes,
        max_size: int = DEFAULT_MAX_MESSAGE_SIZE,
        *,
        keep: bool = False,
    ) -> None:
        """Cut after `delimiter`, which with `keep` stays at the end of the frame.

        Frames without it count as empty or over-long either way.
        """
        super().__init__(max_size)
        self.delimiter = delimiter
        self._tail = delimiter if keep else b""
        # A delimiter may be cut in two: so many bytes back the search starts again.
        self._overlap = len(delimiter) - 1

    @override
    def wrap(self, data: bytes) -> bytes:
        """Return the data with the delimiter after it."""
        return data + self.delimiter

    @property
    @override
    def begun(self) -> bool:
        r"""Tell whether a frame has begun; the \n that a \r\n leaves is none yet."""
        return bool(self._buffer.strip(b"\r\n")) and not self._discarding

    @override
    def feed(self, data: bytes) -> list[bytes]:
        """Return the frames that `data` completes."""
        buffer = self._buffer
        start = max(len(buffer) - self._overlap, 0)
        buffer += data
        frames: list[bytes] = []
        if buffer.find(self.delimiter, start) >= 0:
            *frames, rest = bytes(buffer).split(self.delimiter)
            frames = self._keep(frames)
            if self._tail:
                frames = [frame + self._tail for frame in frames]
            buffer[:] = rest
        if len(buffer) > self.max_size + self._overlap:
            self._drop()
        if self._discarding:
            del buffer[: max(len(buffer) - self._overlap, 0)]
        return frames


class LengthPrefixFramer(Framer):
    """Frames that follow their own length, a number of 1, 2 or 4 bytes."""

    # A length beyond this is no length: the stream is out of step, and skipping so many
    # bytes would mean losing everything for hours.
    _NONSENSE = 16 * 1024 * 1024

    def __init__(
        self,
        prefix_size: int,
        byte_order: Literal["big", "little"],
        max_size: int = DEFAULT_MAX_MESSAGE_SIZE,
    ) -> None:
        """Read the length from `prefix_size` bytes in `byte_order`."""
        super().__init__(max_size)
        self._prefix_size = prefix_size
        self._byte_order = byte_order
        self._skip = 0

    @override
    def wrap(self, data: bytes) -> bytes:
        """Return the data after its length; CommandError if it is too long for that."""
        try:
            prefix = len(data).to_bytes(self._prefix_size, self._byte_order)
        except OverflowError:
            raise CommandError(
                CommandReason.INVALID_VALUE,
                f"{len(data)} bytes are too long for a message whose length has "
                f"{self._prefix_size}",
            ) from None
        return prefix + data

    @override
    def feed(self, data: bytes) -> list[bytes]:
        """Return the frames that `data` completes."""
        buffer = self._buffer
        buffer += data
        frames: list[bytes] = []
        start = 0
        while True:
            if self._skip:
                skipped = min(self._skip, len(buffer) - start)
                self._skip -= skipped
                start += skipped
            body = start + self._prefix_size
            if self._skip or len(buffer) < body:
                break
            length = int.from_bytes(buffer[start:body], self._byte_order)
            if length > self._NONSENSE:
                self._drop()
                start += 1
            elif length > self.max_size:
                self.dropped_frames += 1
                self._skip = length
                start = body
            elif len(buffer) < body + length:
                break
            else:
                self._discarding = False
                start = body + length
                if length:
                    frames.append(bytes(buffer[body:start]))
        del buffer[:start]
        return frames

    @property
    @override
    def pending(self) -> bool:
        """Tell whether a frame has begun, or an over-long one is being skipped."""
        return self._skip > 0 or super().pending

    @override
    def reset(self) -> None:
        """Forget a half-received frame, and how much of an over-long one is to come."""
        # The one that is being skipped is counted already.
        self._skip = 0
        super().reset()


class FixedSizeFramer(Framer):
    """Frames of one length."""

    def __init__(self, size: int, max_size: int = DEFAULT_MAX_MESSAGE_SIZE) -> None:
        """Cut every `size` bytes."""
        super().__init__(max_size)
        self._size = size

    @override
    def feed(self, data: bytes) -> list[bytes]:
        """Return the frames that `data` completes."""
        buffer = self._buffer
        buffer += data
        size = self._size
        whole = len(buffer) - len(buffer) % size
        frames = [bytes(buffer[at : at + size]) for at in range(0, whole, size)]
        del buffer[:whole]
        return frames


class IdleFramer(Framer):
    """Frames that end with a pause."""

    def __init__(self, pause: float, max_size: int = DEFAULT_MAX_MESSAGE_SIZE) -> None:
        """End a frame after `pause` seconds of silence."""
        super().__init__(max_size)
        self.idle_timeout = pause

    @override
    def feed(self, data: bytes) -> list[bytes]:
        """Collect: only a pause completes a frame."""
        self._buffer += data
        if len(self._buffer) > self.max_size:
            self._drop()
        if self._discarding:
            self._buffer.clear()
        return []

    @override
    def idle(self) -> list[bytes]:
        """Return what came since the last pause."""
        frames = [] if self._discarding else self._keep([bytes(self._buffer)])
        self._buffer.clear()
        self._discarding = False
        return frames

    @override
    def end(self) -> list[bytes]:
        """Return what came since the last pause: a close is the longest pause of all."""
        return self.idle()


class ChunkFramer(Framer):
    """One read is one message: upstream BEMCom's way (spec 3, RECV_BUFSIZE)."""

    @override
    def feed(self, data: bytes) -> list[bytes]:
        """Return the chunk itself."""
        return self._keep([data])

    @override
    def feed_one(self, data: bytes) -> tuple[list[bytes], int]:
        """Take the chunk whole: it is a frame as it came."""
        return self.feed(data), len(data)


def create_framer(
    framing: str,
    options: Mapping[str, Any] | None = None,
    max_size: int | None = None,
) -> Framer:
    r"""Return the framer named `framing`.

    `options`: `max_message_size` (bytes), unless `max_size` is given; and, each used by one
    framing, `delimiter` (text with escapes such as `\x03`), `keep_delimiter` (bool),
    `prefix_size` (1, 2 or 4) and `byte_order` (big or little), `size` (bytes), `pause`
    (milliseconds). `inter_byte_timeout` (milliseconds; 0: never) is used by all but idle
    and chunk: bytes that come later after those before are no part of the same frame.
    Raises OptionsError for one that cannot work.
    """
    try:
        build = _BUILDERS[Framing(framing)]
    except ValueError:
        raise OptionsError("framing", f"There is no framing {framing!r}") from None
    options = options or {}
    if max_size is None:
        max_size = int(options.get("max_message_size", DEFAULT_MAX_MESSAGE_SIZE))
    framer = build(options, max_size)
    if framing not in {Framing.IDLE, Framing.CHUNK}:
        framer.idle_timeout = _inter_byte_timeout(options)
    return framer


def _inter_byte_timeout(options: Mapping[str, Any]) -> float | None:
    """Return the longest pause within a frame, in seconds; None: any."""
    if options.get("inter_byte_timeout") is None:
        return None
    timeout = _whole_number(options, "inter_byte_timeout", 0)
    if not 0 <= timeout <= 60_000:
        raise OptionsError(
            "inter_byte_timeout",
            "The pause within a message must be between 0 and 60000 ms",
        )
    return timeout / 1000 if timeout else None


def _build_delimiter(options: Mapping[str, Any], max_size: int) -> Framer:
    """Return a delimiter framer."""
    try:
        delimiter = unescape(str(options.get("delimiter", "\\n")))
    except EscapeError as err:
        raise OptionsError("delimiter", str(err)) from err
    if not delimiter:
        raise OptionsError("delimiter", "The delimiter is empty")
    keep = bool(options.get("keep_delimiter", False))
    return DelimiterFramer(delimiter, max_size, keep=keep)


def _build_length_prefix(options: Mapping[str, Any], max_size: int) -> Framer:
    """Return a length prefix framer."""
    size = _whole_number(options, "prefix_size", 2)
    if size not in {1, 2, 4}:
        raise OptionsError("prefix_size", "The length has 1, 2 or 4 bytes")
    order = options.get("byte_order", "big")
    if order not in {"big", "little"}:
        raise OptionsError("byte_order", "The byte order is big or little")
    return LengthPrefixFramer(size, order, max_size)


def _build_fixed_size(options: Mapping[str, Any], max_size: int) -> Framer:
    """Return a fixed size framer."""
    size = _whole_number(options, "size", 0)
    if not 0 < size <= max_size:
        raise OptionsError("size", f"The size must be between 1 and {max_size} bytes")
    return FixedSizeFramer(size, max_size)


def _build_idle(options: Mapping[str, Any], max_size: int) -> Framer:
    """Return an idle framer."""
    pause = _whole_number(options, "pause", 200)
    if not 1 <= pause <= 60_000:
        raise OptionsError("pause", "The pause must be between 1 and 60000 ms")
    return IdleFramer(pause / 1000, max_size)


def _whole_number(options: Mapping[str, Any], name: str, default: int) -> int:
    """Return a whole-number option; forms give 2.0 for 2."""
    value = options.get(name, default)
    try:
        return int(value)
    except TypeError, ValueError, OverflowError:
        raise OptionsError(name, f"{value!r} is no whole number") from None


_BUILDERS: dict[Framing, Callable[[Mapping[str, Any], int], Framer]] = {
    Framing.AUTO: lambda options, max_size: JsonFramer(max_size, lines=True),
    Framing.LINE: lambda options, max_size: LineFramer(max_size),
    Framing.DELIMITER: _build_delimiter,
    Framing.JSON: lambda options, max_size: JsonFramer(max_size),
    Framing.LENGTH_PREFIX: _build_length_prefix,
    Framing.FIXED_SIZE: _build_fixed_size,
    Framing.IDLE: _build_idle,
    Framing.CHUNK: lambda options, max_size: ChunkFramer(max_size),
}
