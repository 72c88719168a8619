"""Binary frames: fields at fixed places, and a checksum over them; both ways."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .binary_fields import Field, decode, encode, read_field
from .checksums import CHECKSUMS, Checksum
from .encoding import EncodingError
from .fields import message_of, read_rows, whole_number
from .model import JsonValue, OptionsError, ParseError
from .text_decoding import checked_encoding

type Options = Mapping[str, Any]

_MAX_SIZE = 1024 * 1024


def create_binary_parser(options: Options) -> Callable[[bytes], JsonValue]:
    """Return a parser for frames with fields at fixed places.

    `options`: `fields`, rows with `key`, `position` (negative: from the end), `type` (one of
    binary_fields.TYPES), `byte_order`, `length`, `bits`, `scale` and `offset`; `checksum` (a
    name of CHECKSUMS, or none), `checksum_position`, `checksum_byte_order`, `checksum_start`
    and `checksum_end`; `encoding` of texts.
    """
    fields = _read_fields(options)
    check = _read_check(options)

    def parse(frame: bytes) -> JsonValue:
        if not frame:
            return None
        until = len(frame)
        if check is not None:
            until = check.verify(frame)
        values: dict[str, JsonValue] = {}
        errors: list[str] = []
        for field in fields:
            try:
                start, end = _locate(field, len(frame), until)
                values[field.key] = decode(field, frame[start:end])
            except ParseError as err:
                errors.append(f"{field.key:.60}: {err}")
        return message_of(values, errors)

    return parse


def encode_binary(options: Options, values: Mapping[str, object], size: int) -> bytes:
    """Return a frame of `size` bytes that the parser with these options reads as `values`.

    What no value is given for is zero. Raises OptionsError, or EncodingError for a value
    that does not fit.
    """
    fields = {field.key: field for field in _read_fields(options)}
    check = _read_check(options)
    if not 0 < size <= _MAX_SIZE:
        raise EncodingError(f"A frame has 1 to {_MAX_SIZE:,} bytes, not {size}")
    frame = bytearray(size)
    try:
        until = size if check is None else check.range(size)[0]
    except ParseError as err:
        raise EncodingError(str(err)) from err
    for key, value in values.items():
        if key not in fields:
            raise EncodingError(f"There is no field {key!r:.60}")
        field = fields[key]
        try:
            start, end = _locate(field, size, until)
            present = bytes(frame[start:end])
            frame[start:end] = encode(field, value, end - start, present)
        except (ParseError, EncodingError) as err:
            raise EncodingError(f"{key:.60}: {err}") from err
    if check is not None:
        check.write(frame)
    return bytes(frame)


def _read_fields(options: Options) -> list[Field]:
    encoding = checked_encoding(options.get("encoding"))
    return [read_field(row, encoding) for row in read_rows(options, "fields")]


def _locate(field: Field, size: int, until: int) -> tuple[int, int]:
    """Return where a field begins and ends in a frame of `size` bytes.

    One without a length ends with the frame, or at `until` if it begins before.
    """
    start = field.position if field.position >= 0 else size + field.position
    if field.size is None:
        end = until if start < until else size
    else:
        end = start + field.size
    if start < 0 or start >= size or end > size:
        raise ParseError(f"The frame of {size} bytes does not reach it")
    return start, end


# Checksum


@dataclass(frozen=True, slots=True)
class _FrameCheck:
    """A checksum, where it is, and which bytes it is over; negative: from the end."""

    name: str
    checksum: Checksum
    order: Literal["big", "little"]
    position: int
    start: int
    end: int | None

    def range(self, size: int) -> tuple[int, int, int]:
        """Return where the checksum is in a frame, and where its bytes begin and end."""
        at = _from_end(self.position, size)
        start = _from_end(self.start, size)
        if self.end is not None:
            end = _from_end(self.end, size)
        else:
            end = at if start < at + self.checksum.size else size
        if at < 0 or at + self.checksum.size > size or not 0 <= start < end <= size:
            raise ParseError(f"A frame of {size} bytes is too short for its checksum")
        return at, start, end

    def verify(self, frame: bytes) -> int:
        """Return where the checksum is; raises ParseError if it does not match."""
        at, start, end = self.range(len(frame))
        found = int.from_bytes(frame[at : at + self.checksum.size], self.order)
        expected = self.checksum.compute(frame[start:end])
        if found != expected:
            digits = 2 * self.checksum.size
            raise ParseError(
                f"The frame has the checksum 0x{found:0{digits}X}, its bytes give "
                f"0x{expected:0{digits}X} ({self.name})"
            )
        return at

    def write(self, frame: bytearray) -> None:
        """Put the checksum into a frame."""
        at, start, end = self.range(len(frame))
        value = self.checksum.compute(bytes(frame[start:end]))
        size = self.checksum.size
        frame[at : at + size] = value.to_bytes(size, self.order)


def _from_end(position: int, size: int) -> int:
    return position if position >= 0 else size + position


def _read_check(options: Options) -> _FrameCheck | None:
    name = options.get("checksum") or "none"
    if name == "none":
        return None
    if not isinstance(name, str) or name not in CHECKSUMS:
        raise OptionsError(
            "checksum", f"{name!r:.60} is none of none, {', '.join(CHECKSUMS)}"
        )
    checksum = CHECKSUMS[name]
    order = options.get("checksum_byte_order") or "big"
    if order not in ("big", "little"):
        raise OptionsError("checksum_byte_order", "The byte order is big or little")
    position = _whole(options, "checksum_position")
    check = _FrameCheck(
        name=name,
        checksum=checksum,
        order="big" if order == "big" else "little",
        position=-checksum.size if position is None else position,
        start=_whole(options, "checksum_start") or 0,
        end=_whole(options, "checksum_end"),
    )
    if -checksum.size < check.position < 0:
        raise OptionsError(
            "checksum_position",
            f"The checksum has {checksum.size} bytes; at the end of the frame its "
            f"position is {-checksum.size}",
        )
    if check.end is None and 0 <= check.start - check.position < checksum.size:
        raise OptionsError(
            "checksum_start", "The bytes to check begin where the checksum is"
        )
    return check


def _whole(options: Options, name: str) -> int | None:
    try:
        return whole_number(options.get(name))
    except ValueError:
        raise OptionsError(
            name, f"{options.get(name)!r:.60} is no whole number"
        ) from None
