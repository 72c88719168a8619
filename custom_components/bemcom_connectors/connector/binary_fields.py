"""Single fields of a binary frame: what a row asks for, bytes -> value, and back."""

import codecs
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from enum import Enum, auto
import math
import re
import struct
from typing import Any, Literal

from .encoding import EncodingError, encode_text, parse_hex
from .fields import Row
from .model import JsonValue, ParseError
from .text_formats import WHITE_SPACE

type _Order = Literal["big", "little"]


class Kind(Enum):
    """What bytes are taken for."""

    SIGNED = auto()
    UNSIGNED = auto()
    FLOAT = auto()
    BOOL = auto()
    TEXT = auto()
    HEX = auto()
    BCD = auto()


_FIXED: dict[str, tuple[Kind, int]] = {
    **{f"int{8 * size}": (Kind.SIGNED, size) for size in (1, 2, 3, 4, 8)},
    **{f"uint{8 * size}": (Kind.UNSIGNED, size) for size in (1, 2, 3, 4, 8)},
    **{f"float{8 * size}": (Kind.FLOAT, size) for size in (2, 4, 8)},
    "bool": (Kind.BOOL, 1),
}
_OF_ANY_LENGTH = {"text": Kind.TEXT, "hex": Kind.HEX, "bcd": Kind.BCD}
_STRUCT_LETTERS = {
    "b": "int8",
    "B": "uint8",
    "h": "int16",
    "H": "uint16",
    "i": "int32",
    "I": "uint32",
    "l": "int32",
    "L": "uint32",
    "q": "int64",
    "Q": "uint64",
    "e": "float16",
    "f": "float32",
    "d": "float64",
    "?": "bool",
    "s": "text",
}
TYPES = (*_FIXED, *_OF_ANY_LENGTH)

_FLOAT_LETTERS = {2: "e", 4: "f", 8: "d"}
_NUMBERS = {Kind.SIGNED, Kind.UNSIGNED, Kind.FLOAT, Kind.BCD}
_MAX_BCD = 32

# Enough for every digit that comes up, so that a product has no noise.
_EXACT = Context(prec=100, rounding=ROUND_HALF_EVEN)
_MAX_FACTOR = Decimal("1e15")
_MAX_FACTOR_LENGTH = 40
# More than any field holds, whatever its scale.
_MAX_BITS = 1024


@dataclass(frozen=True, slots=True)
class Field:
    """Where a value is in a frame, and what its bytes mean.

    `size` is None for what reaches to the end; `bits` are the lowest one and their number.
    """

    key: str
    position: int
    kind: Kind
    size: int | None
    order: _Order
    bits: tuple[int, int] | None
    scale: Decimal
    offset: Decimal
    encoding: str

    @property
    def scaled(self) -> bool:
        """Tell whether the number in the frame is not yet the value."""
        return self.scale != 1 or self.offset != 0

    @property
    def whole(self) -> bool:
        """Tell whether an integer stays one."""
        return self.scale % 1 == 0 and self.offset % 1 == 0


def read_field(row: Row, encoding: str) -> Field:
    """Return the field that a row asks for; raises OptionsError where it cannot be."""
    kind, size = _kind_and_size(row)
    position = row.whole("position")
    if position is None:
        raise row.error("has no position; 0 is the first byte, -1 the last")
    field = Field(
        key=row.key,
        position=position,
        kind=kind,
        size=size,
        order=_order(row),
        bits=_bits(row, kind, size),
        scale=_factor(row, "scale", Decimal(1)),
        offset=_factor(row, "offset", Decimal(0)),
        encoding=encoding,
    )
    if field.scaled and kind not in _NUMBERS:
        raise row.error("is no number, and takes neither scale nor offset")
    if abs(field.scale) < 1 / _MAX_FACTOR:
        raise row.error("has a scale that makes everything zero")
    return field


def _kind_and_size(row: Row) -> tuple[Kind, int | None]:
    given = row.text("type").strip()
    name = _STRUCT_LETTERS.get(given) or given.lower()
    if name in _FIXED:
        return _FIXED[name]
    if name not in _OF_ANY_LENGTH:
        raise row.error(f"has the type {given!r:.40}; take one of {', '.join(TYPES)}")
    kind = _OF_ANY_LENGTH[name]
    length = row.whole("length")
    if length is not None and length < 1:
        raise row.error("has a length below 1")
    if kind is Kind.BCD and not 1 <= (length or 0) <= _MAX_BCD:
        raise row.error(f"needs a length of 1 to {_MAX_BCD} bytes")
    return kind, length


def _order(row: Row) -> _Order:
    match row.text("byte_order").strip().lower():
        case "" | "big":
            return "big"
        case "little":
            return "little"
        case given:
            raise row.error(f"has the byte order {given!r:.40}; take big or little")


_BITS = re.compile(r"([0-9]{1,2})(?:\s*-\s*([0-9]{1,2}))?")


def _bits(row: Row, kind: Kind, size: int | None) -> tuple[int, int] | None:
    """Return the bits asked for, such as 3 or 4-7, by the lowest one and their number."""
    given = row.number("bits")
    if not given:
        return None
    if kind not in {Kind.SIGNED, Kind.UNSIGNED, Kind.BOOL} or size is None:
        raise row.error("is no integer, and has no bits to choose")
    match = _BITS.fullmatch(given.removesuffix(".0"))
    if match is None:
        raise row.error(f"has {given!r:.40} as bits; write 3 or 4-7")
    first = int(match[1])
    last = int(match[2] or first)
    first, last = min(first, last), max(first, last)
    if last >= 8 * size:
        raise row.error(f"has the bits 0 to {8 * size - 1}, and no bit {last}")
    if kind is Kind.BOOL and first != last:
        raise row.error("is true or false, which is one bit")
    return first, last - first + 1


def _factor(row: Row, name: str, default: Decimal) -> Decimal:
    given = row.number(name)
    if not given:
        return default
    try:
        value = Decimal(given)
    except InvalidOperation:
        value = Decimal("nan")
    if not value.is_finite() or len(given) > _MAX_FACTOR_LENGTH:
        raise row.error(f"has {given!r:.40} as {name}, which is no number")
    if abs(value) > _MAX_FACTOR:
        raise row.error(f"has a {name} beyond {_MAX_FACTOR}")
    return value


# Bytes -> value


def decode(field: Field, data: bytes) -> JsonValue:
    """Return what the bytes of a field stand for; raises ParseError where nothing."""
    match field.kind:
        case Kind.TEXT:
            text = data.decode(_codec_for(field, data), errors="replace")
            return text.split("\0", 1)[0].strip(WHITE_SPACE)
        case Kind.HEX:
            return data.hex()
        case Kind.BOOL:
            return _integer(field, data) != 0
        case Kind.FLOAT:
            return _scaled_float(field, _unpack(field, data))
        case Kind.BCD:
            return _scaled_integer(field, _bcd(field, data))
        case Kind.SIGNED | Kind.UNSIGNED:
            return _scaled_integer(field, _integer(field, data))


def _codec_for(field: Field, data: bytes) -> str:
    """Return the field's encoding; UTF-16 without a mark has the field's byte order."""
    if field.encoding == "utf-16" and data[:2] not in {
        codecs.BOM_UTF16_BE,
        codecs.BOM_UTF16_LE,
    }:
        return "utf-16-be" if field.order == "big" else "utf-16-le"
    return field.encoding


def _integer(field: Field, data: bytes) -> int:
    if field.bits is None:
        signed = field.kind is Kind.SIGNED
        return int.from_bytes(data, field.order, signed=signed)
    first, count = field.bits
    value = int.from_bytes(data, field.order) >> first & (1 << count) - 1
    if value >> count - 1 and _is_signed(field):
        value -= 1 << count
    return value


def _is_signed(field: Field) -> bool:
    """Tell whether the highest bit is a sign; of a single bit it is not."""
    single = field.bits is not None and field.bits[1] == 1
    return field.kind is Kind.SIGNED and not single


def _unpack(field: Field, data: bytes) -> float:
    value: float = struct.unpack(_float_format(field), data)[0]
    return value


def _float_format(field: Field) -> str:
    return (">" if field.order == "big" else "<") + _FLOAT_LETTERS[field.size or 0]


def _bcd(field: Field, data: bytes) -> int:
    digits = (data if field.order == "big" else data[::-1]).hex()
    if not digits.isdecimal():
        raise ParseError(f"{digits!r:.40} is no BCD")
    return int(digits)


def _scaled_integer(field: Field, number: int) -> JsonValue:
    if field.whole:
        return number * int(field.scale) + int(field.offset)
    return float(_EXACT.fma(Decimal(number), field.scale, field.offset))


def _scaled_float(field: Field, number: float) -> float | None:
    if not math.isfinite(number):
        return None
    if not field.scaled:
        return number
    exact = _EXACT.fma(Decimal(repr(number)), field.scale, field.offset)
    scaled = float(f"{exact:.12g}")
    return scaled if math.isfinite(scaled) else None


# Value -> bytes


def encode(field: Field, value: object, size: int, present: bytes) -> bytes:
    """Return `value` in `size` bytes; what is `present` there keeps its other bits.

    Raises EncodingError for a value that does not fit.
    """
    match field.kind:
        case Kind.TEXT:
            return _encode_text(field, value, size)
        case Kind.HEX:
            data = parse_hex(_text(value))
            if len(data) != size:
                raise EncodingError(f"It has {len(data)} bytes and takes {size}")
            return data
        case Kind.BOOL:
            if value not in (True, False):
                raise EncodingError(f"{value!r:.40} is neither true nor false")
            return _pack_integer(field, int(bool(value)), present)
        case Kind.FLOAT:
            return _pack_float(field, value)
        case Kind.BCD:
            return _encode_bcd(field, _unscaled_integer(field, value), size)
        case Kind.SIGNED | Kind.UNSIGNED:
            return _pack_integer(field, _unscaled_integer(field, value), present)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise EncodingError(f"{value!r:.40} is no text")
    return value


def _encode_text(field: Field, value: object, size: int) -> bytes:
    data = encode_text(_text(value), _codec_for(field, b""))
    if len(data) > size:
        raise EncodingError(f"It has {len(data)} bytes and takes {size}")
    return data.ljust(size, b"\0")


def _pack_integer(field: Field, number: int, present: bytes) -> bytes:
    first, count = field.bits or (0, 8 * len(present))
    signed = _is_signed(field)
    low, high = (-(1 << count - 1), 1 << count - 1) if signed else (0, 1 << count)
    if not low <= number < high:
        raise EncodingError(f"It takes {low} to {high - 1} there, not {number}")
    mask = (1 << count) - 1
    before = int.from_bytes(present, field.order) & ~(mask << first)
    return (before | (number & mask) << first).to_bytes(len(present), field.order)


def _pack_float(field: Field, value: object) -> bytes:
    number = math.nan if value is None else float(_unscaled(field, value))
    if math.isinf(number):
        raise EncodingError(f"{value!r:.40} is too large")
    try:
        return struct.pack(_float_format(field), number)
    except OverflowError:
        raise EncodingError(f"{value!r:.40} is too large") from None


def _encode_bcd(field: Field, number: int, size: int) -> bytes:
    digits = f"{number:0{2 * size}d}"
    if number < 0 or len(digits) > 2 * size:
        raise EncodingError(f"It takes {2 * size} digits without a sign")
    data = bytes.fromhex(digits)
    return data if field.order == "big" else data[::-1]


def _unscaled_integer(field: Field, value: object) -> int:
    """Return the nearest integer that stands for a value."""
    return int(_EXACT.to_integral_value(_unscaled(field, value)))


def _unscaled(field: Field, value: Any) -> Decimal:
    """Return the number in the frame that stands for a value."""
    if not isinstance(value, int | float):
        raise EncodingError(f"{value!r:.40} is no number")
    if isinstance(value, int) and value.bit_length() > _MAX_BITS:
        raise EncodingError("The number is too large")
    exact = Decimal(value) if isinstance(value, int) else Decimal(repr(value))
    if not exact.is_finite():
        raise EncodingError(f"{value!r:.40} is no number")
    return _EXACT.divide(_EXACT.subtract(exact, field.offset), field.scale)
