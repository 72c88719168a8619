"""Concatenated JSON values, whatever the white space between and inside them."""

import re
from typing import override

from .framer import DEFAULT_MAX_MESSAGE_SIZE, Framer

_CLOSER = {ord("{"): ord("}"), ord("["): ord("]")}
_CLOSERS = frozenset(_CLOSER.values())
_QUOTE = ord('"')
_BACKSLASH = ord("\\")
_BOM = b"\xef\xbb\xbf"
_WHITESPACE = b" \t\r\n"
_NEWLINES = re.compile(rb"[\r\n]")

# NUL ends a value on some serial devices, the record separator in JSON text sequences
# (RFC 7464), a comma in a list that somebody forgot to bracket.
_SEPARATORS = re.compile(rb"[ \t\r\n\0\x1e,]*")
_LINE_SEPARATORS = re.compile(rb"[ \t\r\n\0]*")
_RUN_END = re.compile(rb'[ \t\r\n\0\x1e,{\["]')
_SCALAR = re.compile(rb"-?\d[\d.eE+-]*|true|false|null|NaN|-?Infinity")

# All that lies before the next bracket or unfinished string, and all that lies before the
# end of a string or a raw line break, which no JSON string holds.
_OUTSIDE = re.compile(rb'(?:[^{}\[\]"]++|"(?:[^"\\\r\n]++|\\[^\r\n])*+")*+')
_STRING_REST = re.compile(rb'(?:[^"\\\r\n]++|\\[^\r\n])*+')

_NOT_STRUCTURE = bytes(set(range(256)) - set(b'{}[]"\\,:\r'))
_MAX_STRUCTURES = 32
_MAX_STRUCTURE = 4096
# A bracket that opens right after one of these opens where no value can begin.
_NO_PLACE = (b"}{", b"]{", b"}[", b"][", b"{{", b"{[")
_QUICK_DEPTH = 8


def is_one_value(structure: bytes) -> bool:
    """Tell quickly whether a line is surely one whole object or array.

    `structure` is the line without all but brackets, quotes, backslashes, commas, colons and
    carriage returns. It is judged with the speed of C: replace and compare. False means
    "have a closer look"; the closer look would cut every line that is True just the same.
    """
    if b"\\" in structure or b"\r" in structure:
        return False
    # Strings without brackets are nothing but a pair of quotes by now; a quote that is
    # left over belongs to one that holds a bracket.
    structure = structure.replace(b'""', b"")
    if b'"' in structure:
        return False
    if structure[:1] + structure[-1:] not in {b"{}", b"[]"}:
        return False
    if any(pair in structure for pair in _NO_PLACE):
        return False
    structure = structure[1:-1].translate(None, b",:")
    for _ in range(_QUICK_DEPTH):
        if not structure:
            return True
        structure = structure.replace(b"{}", b"").replace(b"[]", b"")
    return not structure


class JsonFramer(Framer):
    """JSON values, told apart by their brackets; with `lines` also lines of other text.

    A value is broken where its brackets do not match, where a string holds a line break, or
    where a bracket opens in a place no value can begin: there the next one starts.
    """

    def __init__(
        self, max_size: int = DEFAULT_MAX_MESSAGE_SIZE, *, lines: bool = False
    ) -> None:
        """Cut values only, or with `lines` whatever else stands on a line too."""
        super().__init__(max_size)
        self.lines = lines
        self._separators = _LINE_SEPARATORS if lines else _SEPARATORS
        self._run_end = _NEWLINES if lines else _RUN_END
        # Structures of lines that are one value each.
        self._structures: set[bytes] = set()
        # The closing brackets to come; empty between values. A lone quote: a string.
        self._stack = bytearray()
        self._in_string = False
        # The buffer is scanned up to here.
        self._position = 0

    @override
    def feed(self, data: bytes) -> list[bytes]:
        """Return the values that `data` completes."""
        frames: list[bytes] = []
        buffer = self._buffer
        if buffer or self._discarding:
            # The end of what had begun; then there may be whole lines again.
            if (end := self._ends_line(data, frames)) is None:
                buffer += data
                if not (self._begin(frames) and self._advance(frames)):
                    return frames
                data = bytes(buffer)
                buffer.clear()
            else:
                data = data[end:]
        if data := self._take_whole_lines(data, frames):
            buffer += data
            # Half a line without a closing bracket ends nothing: it need not be scanned, as
            # the rest of it will most likely make it a whole one.
            if (
                data[0] not in _CLOSER
                or b"}" in data
                or b"]" in data
                or len(data) > self.max_size
            ):
                self._scan(frames)
        return frames

    def _scan(self, frames: list[bytes]) -> None:
        """Take all values that are complete."""
        while self._begin(frames) and self._advance(frames):
            pass

    @override
    def wrap(self, data: bytes) -> bytes:
        """Return a value on a line of its own."""
        return data + b"\n"

    @override
    def end(self) -> list[bytes]:
        """Return a last line or number that only the close has ended."""
        frames: list[bytes] = []
        self._scan(frames)
        if self._buffer and not self._stack and not self._discarding:
            self._end_run(frames, len(self._buffer))
        self.reset()
        return frames

    @property
    @override
    def pending(self) -> bool:
        """Tell whether a value has begun and not ended."""
        return bool(self._buffer) or self._discarding

    @override
    def reset(self) -> None:
        """Forget a half-received value."""
        super().reset()
        self._restart()

    def _take_whole_lines(self, data: bytes, frames: list[bytes]) -> bytes:
        """Take the lines that are one value each, the usual case; return the rest.

        A device's messages have one structure, or a few, so that a line is mostly judged
        by having been seen.
        """
        seen = self._structures
        max_size = self.max_size
        start = 0
        for part in data.split(b"\n"):
            if line := part.strip(_WHITESPACE):
                # The same as _is_one_line_value, without a call for every message.
                structure = line.translate(None, _NOT_STRUCTURE)
                if (
                    (structure not in seen and not self._is_one_value(structure))
                    or line[0] not in _CLOSER
                    or line[-1] not in _CLOSERS
                ):
                    return data[start:] if start else data
                if len(line) <= max_size:
                    frames.append(line)
                else:
                    self.dropped_frames += 1
            start += len(part) + 1
        return b""

    def _ends_line(self, data: bytes, frames: list[bytes]) -> int | None:
        """Take the line that was begun, if `data` ends it and it is one value; its end."""
        if (end := data.find(b"\n")) < 0 or self._discarding or b"\n" in self._buffer:
            return None
        line = (bytes(self._buffer) + data[:end]).strip(_WHITESPACE)
        if not self._is_one_line_value(line):
            return None
        self._buffer.clear()
        self._restart()
        self._keep_frame(frames, line)
        return end

    def _is_one_line_value(self, line: bytes) -> bool:
        """Tell whether a line is one value, as far as that can be told quickly."""
        structure = line.translate(None, _NOT_STRUCTURE)
        return (
            (structure in self._structures or self._is_one_value(structure))
            # Of these two nothing is to be seen in the structure.
            and line[0] in _CLOSER
            and line[-1] in _CLOSERS
        )

    def _is_one_value(self, structure: bytes) -> bool:
        """Judge a structure, and know it by sight from now on if it is good."""
        if not is_one_value(structure):
            return False
        if len(self._structures) >= _MAX_STRUCTURES:
            self._structures.clear()
        if len(structure) <= _MAX_STRUCTURE:
            self._structures.add(structure)
        return True

    def _keep_frame(self, frames: list[bytes], frame: bytes) -> None:
        """Add a frame, unless it is over-long."""
        if len(frame) > self.max_size:
            self.dropped_frames += 1
        else:
            frames.append(frame)

    def _begin(self, frames: list[bytes]) -> bool:
        """Go to the beginning of a value; False: it has not come yet."""
        buffer = self._buffer
        while not self._stack:
            if not self._discarding and not self._position:
                del buffer[: self._separators.match(buffer).end()]  # type: ignore[union-attr]
                if buffer.startswith(_BOM):
                    del buffer[: len(_BOM)]
                    continue
                if _BOM.startswith(buffer):
                    return False
                if closer := self._closer(buffer[0]):
                    self._stack.append(closer)
                    self._in_string = closer == _QUOTE
                    self._position = 1
                    break
            if not self._skip_run(frames):
                return False
        return True

    def _closer(self, first: int) -> int | None:
        """Return what ends a value that begins with `first`."""
        if first == _QUOTE and not self.lines:
            return _QUOTE
        return _CLOSER.get(first)

    def _skip_run(self, frames: list[bytes]) -> bool:
        """Go past what is no object, array or string; False: its end has not come yet."""
        buffer = self._buffer
        if (match := self._run_end.search(buffer, self._position)) is None:
            self._position = len(buffer)
            if len(buffer) > self.max_size:
                self._drop()
            if self._discarding:
                buffer.clear()
                self._position = 0
            return False
        self._end_run(frames, match.start())
        return True

    def _end_run(self, frames: list[bytes], end: int) -> None:
        """Take a line, or a number and the like; drop other junk."""
        run = bytes(self._buffer[:end])
        del self._buffer[:end]
        self._position = 0
        if self._discarding:
            self._discarding = False
        elif self.lines:
            self._keep_frame(frames, run.strip(_WHITESPACE + b"\0"))
        elif _SCALAR.fullmatch(run):
            self._keep_frame(frames, run)
        else:
            self.dropped_frames += 1

    def _advance(self, frames: list[bytes]) -> bool:
        """Scan to the end of the value; False: it has not come yet."""
        buffer = self._buffer
        while True:
            if self._in_string:
                if (ended := self._scan_string()) is not None:
                    return ended or self._finish(frames)
                if self._in_string:
                    break
            position = _OUTSIDE.match(buffer, self._position).end()  # type: ignore[union-attr]
            self._position = position
            if position == len(buffer):
                break
            char = buffer[position]
            if char == _QUOTE:
                self._in_string = True
                self._position += 1
            elif closer := _CLOSER.get(char):
                if not self._may_open(position):
                    return self._break(position)
                self._stack.append(closer)
                self._position += 1
                if len(self._stack) > self.max_size:
                    return self._break(self._position)
            elif self._stack.pop() != char:
                return self._break(position + 1)
            else:
                self._position += 1
                if not self._stack:
                    return self._finish(frames)
        self._bound()
        return False

    def _scan_string(self) -> bool | None:
        """Scan a string; True: the value broke, False: it ended, None: go on."""
        buffer = self._buffer
        position = _STRING_REST.match(buffer, self._position).end()  # type: ignore[union-attr]
        self._position = position
        if position == len(buffer):
            return None
        char = buffer[position]
        if char == _QUOTE:
            self._in_string = False
            self._position += 1
            return None if self._stack[-1] != _QUOTE else False
        if char == _BACKSLASH and position + 1 == len(buffer):
            return None
        return self._break(position)

    def _may_open(self, position: int) -> bool:
        """Tell whether an object or array can begin here, inside another."""
        buffer = self._buffer
        before = position - 1
        while buffer[before] in _WHITESPACE:
            before -= 1
        if buffer[before] in b":,[":
            return True
        if buffer[before] in b"}]{":
            return False
        # Not quite JSON, but a device's own dialect may be; a new line is a new message.
        return _NEWLINES.search(buffer, before + 1, position) is None

    def _finish(self, frames: list[bytes]) -> bool:
        """Take the value that ends here."""
        frame = bytes(self._buffer[: self._position])
        del self._buffer[: self._position]
        if not self._discarding:
            self._keep_frame(frames, frame)
        self._restart()
        return True

    def _break(self, end: int) -> bool:
        """Drop a broken value up to `end` and look for the next."""
        self._drop()
        del self._buffer[:end]
        self._restart()
        return True

    def _restart(self) -> None:
        """Stand between two values again."""
        self._stack.clear()
        self._in_string = False
        self._discarding = False
        self._position = 0

    def _bound(self) -> None:
        """Let go of what was scanned of an over-long value, but not of its structure."""
        buffer = self._buffer
        if len(buffer) > self.max_size:
            self._drop()
        if not self._discarding:
            return
        if self._in_string:
            del buffer[: self._position]
            self._position = 0
            return
        # What stands before the next bracket tells whether it may open there.
        before = self._position - 1
        while buffer[before] in _WHITESPACE:
            before -= 1
        gap = b"\n" if _NEWLINES.search(buffer, before) else b" "
        buffer[:] = buffer[before : before + 1] + gap
        self._position = len(buffer)
