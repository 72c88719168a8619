"""Slices of a frame as values, the way ThingsBoard's serial and socket connectors cut them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
import math
from typing import Any

from .escapes import EscapeError, unescape
from .fields import Row, message_of, read_rows
from .json_format import parse_json
from .model import JsonValue, Messages, OptionsError, ParseError
from .text_decoding import checked_encoding
from .text_formats import excerpt
from .yaml_format import MAX_DIGITS


class SliceMode(StrEnum):
    """Whose rules: ThingsBoard's serial ones, those before version 3.6.3, its socket's."""

    STRICT = "strict"
    LEGACY = "legacy"
    SOCKET = "socket"


class SliceType(StrEnum):
    """What a slice is made into."""

    STRING = "string"
    JSON = "json"
    INT = "int"
    FLOAT = "float"
    DOUBLE = "double"
    BOOL = "bool"
    HEX = "hex"


@dataclass(frozen=True, slots=True)
class _Slice:
    """A row of the table: where a value is, and what it is made into."""

    key: str
    type: SliceType | None
    from_byte: int | None
    to_byte: int | None
    from_delimiter: bytes
    until_delimiter: bytes


type _Reader = Callable[[_Slice, bytes, str], JsonValue]


def create_slices_parser(
    options: Mapping[str, Any],
) -> Callable[[bytes], JsonValue | Messages]:
    """Return a parser for values at fixed places, or between delimiters.

    `options`: `slices`, rows with `key`, `type` (one of SliceType), `from_byte`, `to_byte`,
    `from_delimiter` and `until_delimiter` (with escapes); `slice_mode` (one of SliceMode);
    `encoding`. A slice that cannot be read is told as an error of its own.
    """
    encoding = checked_encoding(options.get("encoding"))
    mode = _mode(options)
    slices = [_read_slice(row) for row in read_rows(options, "slices")]
    read = _READERS[mode]

    def parse(frame: bytes) -> JsonValue:
        if not frame:
            return None
        values: dict[str, JsonValue] = {}
        errors: list[str] = []
        for slice_ in slices:
            try:
                values[slice_.key] = read(slice_, frame, encoding)
            except ParseError as err:
                errors.append(f"{slice_.key:.60}: {err}")
        # A blank line between two messages is no message, nor a broken one.
        blank = mode is SliceMode.STRICT and not frame.strip()
        if blank and all(value in ("", None) for value in values.values()):
            return None
        return message_of(values, errors)

    return parse


def _mode(options: Mapping[str, Any]) -> SliceMode:
    given = options.get("slice_mode") or SliceMode.STRICT
    try:
        return SliceMode(given)
    except ValueError:
        raise OptionsError(
            "slice_mode", f"{given!r:.60} is none of {', '.join(SliceMode)}"
        ) from None


def _read_slice(row: Row) -> _Slice:
    """Return the slice of a row."""
    given = row.text("type")
    try:
        type_ = SliceType(given) if given else None
    except ValueError:
        raise row.error(
            f"has the type {given!r:.60}, which is none of {', '.join(SliceType)}"
        ) from None
    return _Slice(
        key=row.key,
        type=type_,
        from_byte=row.whole("from_byte"),
        to_byte=row.whole("to_byte"),
        from_delimiter=_delimiter(row, "from_delimiter"),
        until_delimiter=_delimiter(row, "until_delimiter"),
    )


def _delimiter(row: Row, name: str) -> bytes:
    try:
        return unescape(row.text(name))
    except EscapeError as err:
        raise row.error(f"has a wrong {name}: {err}") from err
    except UnicodeEncodeError:
        raise row.error(f"has a {name} that is no text") from None


# Where a slice is


def _read_strict(slice_: _Slice, frame: bytes, encoding: str) -> JsonValue:
    """Return a value by the rules of the serial connector since 3.6.3; spec 1.3."""
    if slice_.from_delimiter or slice_.until_delimiter:
        data = _between_delimiters(slice_, frame)
    else:
        _check_reach(slice_, len(frame))
        data = _between_bytes(slice_, frame)
    return _convert(data, slice_.type or SliceType.HEX, encoding)


def _between_delimiters(slice_: _Slice, frame: bytes) -> bytes:
    """Return what begins with the first delimiter and ends before the other.

    One that is missing in the frame is ignored.
    """
    start = frame.find(slice_.from_delimiter)
    end = frame.find(slice_.until_delimiter) if slice_.until_delimiter else -1
    if start < 0:
        return frame[:end] if end >= 0 else frame
    return frame[start:end] if start < end else frame[start:]


def _check_reach(slice_: _Slice, size: int) -> None:
    """Raise ParseError for a slice that a frame of `size` bytes does not hold.

    A frame that was cut short must not show another value. Of a text with a single position
    upstream takes what there is. Where it begins at a negative one, it is in any frame.
    """
    start, end = slice_.from_byte or 0, slice_.to_byte or 0
    is_lenient = slice_.type is SliceType.STRING and not (start and end)
    if start < 0 or is_lenient:
        return
    # Where the second position comes first, it counts from the first.
    last = start + end if 0 < end <= start else end
    if start >= size or last > size:
        raise ParseError(f"The frame has only {size} bytes")


def _between_bytes(slice_: _Slice, frame: bytes) -> bytes:
    """Return the bytes from one position to before the other; zero is none.

    A single position that the frame does not reach is ignored, as upstream does. Where the
    second comes first, it counts from the first.
    """
    start, end = slice_.from_byte or 0, slice_.to_byte or 0
    if start and end and start < end < len(frame):
        return frame[start:end]
    if start < len(frame):
        frame = frame[start:]
    if end and (end < len(frame) or end == -1):
        frame = frame[:end]
    return frame


def _read_legacy(slice_: _Slice, frame: bytes, encoding: str) -> JsonValue:
    """Return a text by the rules of the serial connector before 3.6.3; spec 1.3."""
    data = frame
    if slice_.until_delimiter:
        data = frame.split(slice_.until_delimiter, 1)[0]
    if slice_.from_delimiter:
        parts = frame.split(slice_.from_delimiter, 2)
        if len(parts) < 2:
            raise ParseError("The delimiter before it is missing")
        data = parts[1]
    if slice_.to_byte is not None:
        data = data[: len(frame) - 1 if slice_.to_byte == -1 else slice_.to_byte]
    if slice_.from_byte is not None:
        data = data[slice_.from_byte :]
    return _decode(data, encoding)


def _read_socket(slice_: _Slice, frame: bytes, encoding: str) -> JsonValue:
    """Return a value by the rules of the socket connector; spec 2."""
    end = None if slice_.to_byte == -1 else slice_.to_byte
    data = frame[slice_.from_byte : end]
    if slice_.type is not None and slice_.type is not SliceType.STRING:
        return _convert(data, slice_.type, encoding)
    try:
        # In UTF-16 every second byte of plain text is zero.
        text = data if encoding == "utf-16" else data.replace(b"\0", b"")
        return text.decode(encoding)
    except UnicodeDecodeError:
        return repr(data)


_READERS: dict[SliceMode, _Reader] = {
    SliceMode.STRICT: _read_strict,
    SliceMode.LEGACY: _read_legacy,
    SliceMode.SOCKET: _read_socket,
}


# What it is made into


def _convert(data: bytes, type_: SliceType, encoding: str) -> JsonValue:
    """Return the value that the bytes stand for, with Python's own rules for numbers."""
    match type_:
        case SliceType.HEX:
            return data.hex()
        case SliceType.STRING:
            return _decode(data, encoding).strip()
        case SliceType.JSON:
            return _to_json(_decode(data, encoding))
        case SliceType.BOOL:
            return _to_bool(data, encoding)
        case SliceType.INT:
            return _to_int(data, encoding)
        case SliceType.FLOAT | SliceType.DOUBLE:
            return _to_float(data, encoding)


def _decode(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        raise ParseError(f"{_excerpt(data)} is no {encoding}") from None


def _to_json(text: str) -> JsonValue:
    value = parse_json(text.encode())
    if isinstance(value, Messages):
        raise ParseError(f"{excerpt(text)} is more than one JSON value")
    if value is None and not text.strip("\0 \t\r\n\ufeff"):
        raise ParseError("There is no JSON in it")
    return value


def _to_int(data: bytes, encoding: str) -> int:
    digits = _digits(data, encoding)
    try:
        return int(digits)
    except ValueError:
        raise ParseError(f"{_excerpt(data)} is no integer") from None


def _to_float(data: bytes, encoding: str) -> float | None:
    digits = _digits(data, encoding)
    try:
        value = float(digits)
    except ValueError:
        raise ParseError(f"{_excerpt(data)} is no number") from None
    return value if math.isfinite(value) else None


def _to_bool(data: bytes, encoding: str) -> bool:
    """Return whether a number is not zero, or a text is true."""
    try:
        return _to_int(data, encoding) != 0
    except ParseError:
        return _decode(data, encoding).strip().lower() == "true"


def _digits(data: bytes, encoding: str) -> bytes:
    """Return the ASCII, bounded, that a number may be written in."""
    if encoding == "utf-16":
        data = _decode(data, encoding).encode()
    digits = data.strip()
    if len(digits) > MAX_DIGITS:
        raise ParseError(f"It has {len(digits):,} characters, too many for a number")
    return digits


def _excerpt(data: bytes) -> str:
    """Return a bounded part of some bytes."""
    return excerpt(data[:40].decode("ascii", errors="backslashreplace"))
