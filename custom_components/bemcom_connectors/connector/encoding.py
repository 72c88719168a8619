"""Values -> bytes: what is sent to a device."""

import codecs
from collections.abc import Iterable, Mapping
import re
import struct

from .model import ConnectorError


class EncodingError(ConnectorError):
    """A value cannot be written the way it is asked for."""


_BETWEEN_BYTES = re.compile(r"[\s:,]+")
_HEX = re.compile(r"[0-9a-fA-F]+")


def parse_hex(text: str) -> bytes:
    """Return the bytes of `01 03 0A`, `01030a`, `01:03:0A` or `0x01, 0x03`.

    Raises EncodingError that names the part at fault.
    """
    parts: list[bytes] = []
    for part in _BETWEEN_BYTES.split(text):
        if not part:
            continue
        digits = part[2:] if part[:2] in {"0x", "0X"} else part
        if not _HEX.fullmatch(digits):
            raise EncodingError(
                f"{part!r:.60} is not hexadecimal; write each byte as two of 0-9 and A-F"
            )
        if len(digits) % 2:
            raise EncodingError(
                f"{part!r:.60} has half a byte; write each byte with two digits, such as 0A"
            )
        parts.append(bytes.fromhex(digits))
    return b"".join(parts)


def encode_text(text: str, encoding: str = "utf-8") -> bytes:
    """Return a text as the device's encoding has it."""
    try:
        return text.encode(encoding)
    except UnicodeEncodeError as err:
        raise _not_in(encoding, text, err) from None


def encode_parts(
    parts: Iterable[str | bytes], encoding: str = "utf-8", limit: int | None = None
) -> bytes:
    """Return texts as the device's encoding has them, and bytes as they are.

    A mark of the byte order, which UTF-16 has, is before the first text only. More than
    `limit` bytes are an EncodingError.
    """
    encoder = codecs.getincrementalencoder(encoding)()
    data = bytearray()
    for part in parts:
        if isinstance(part, bytes):
            data += part
        elif part:
            try:
                data += encoder.encode(part)
            except UnicodeEncodeError as err:
                raise _not_in(encoding, part, err) from None
        if limit is not None and len(data) > limit:
            raise EncodingError(f"It has more than {limit:,} bytes, which is too long")
    return bytes(data)


def _not_in(encoding: str, text: str, err: UnicodeEncodeError) -> EncodingError:
    shown = f"{text[err.start : err.end]!r:.60}"
    return EncodingError(f"{shown} cannot be written in {encoding}")


def encode_typed(value: object, type: str = "", byte_order: str = "big") -> bytes:  # noqa: A002 - the name of the setting
    """Return a value as ThingsBoard's serial connector sends it; spec 1.5.

    An `int` is unsigned, in as few bytes as hold it; a `float` or `double` has 4 bytes if
    they hold it exactly, otherwise 8; any other type is a text, in UTF-8.
    """
    order = byte_order.lower()
    if order not in {"big", "little"}:
        raise EncodingError(
            f"The byte order {byte_order!r:.60} is neither big nor little"
        )
    match type:
        case "int":
            number = _whole(value)
            size = max(1, (number.bit_length() + 7) // 8)
            return number.to_bytes(size, "big" if order == "big" else "little")
        case "float" | "double":
            return _encode_float(value, ">" if order == "big" else "<")
        case _:
            if not isinstance(value, str):
                raise EncodingError(f"{value!r:.60} is no text")
            return encode_text(value)


def _whole(value: object) -> int:
    """Return a number that is not negative and has no fraction, be it a float."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int):
        raise EncodingError(f"{value!r:.60} is no integer")
    if value < 0:
        raise EncodingError(f"{value!r:.60} is negative; an int is unsigned here")
    return value


def _encode_float(value: object, order: str) -> bytes:
    if not isinstance(value, int | float):
        raise EncodingError(f"{value!r:.60} is no number")
    try:
        number = float(value)
    except OverflowError:
        raise EncodingError("The number is too large for a float") from None
    try:
        single = struct.pack(f"{order}f", number)
    except OverflowError:
        return struct.pack(f"{order}d", number)
    if struct.unpack(f"{order}f", single)[0] == value:
        return single
    return struct.pack(f"{order}d", number)


_PLACEHOLDER = re.compile(r"\$\{([^{}$]*)\}")


def render_template(template: str, values: Mapping[str, object]) -> str:
    """Return `template` with each `${name}` replaced by Python's text of that value.

    A name that is not among `values` stays as it is. What a value brings in is not looked
    at again.
    """

    def replacement(match: re.Match[str]) -> str:
        name = match[1]
        return str(values[name]) if name in values else match[0]

    return _PLACEHOLDER.sub(replacement, template)
