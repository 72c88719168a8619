"""A value as it goes to the device -> bytes, one function for each encoding."""

from collections.abc import Callable, Mapping
import math
from typing import Any

from .actuators import ActuatorKind
from .binary_fields import TYPES, Field, Kind, encode, read_field
from .checksums import CHECKSUMS
from .command_options import choice_option, read_scale, size_option, text_option
from .command_template import CommandTemplate, plain_text, shown
from .encoding import EncodingError, encode_text, encode_typed, parse_hex
from .fields import Row
from .model import JsonValue, OptionsError
from .parsing import auto_type
from .text_decoding import ENCODINGS

type Options = Mapping[str, Any]
# Of what is sent, and of the variables that templates have.
type Encoder = Callable[[JsonValue, Mapping[str, object]], bytes]

MAX_BINARY_SIZE = 4096
_MAX_BCD = 32
_MAX_BITS = 1024
# ThingsBoard's, whose size depends on the value.
_OPEN_TYPES = ("int", "float")
_BYTE_ORDERS = {"big": "big", "little": "little"}


def create_template_encoder(
    options: Options, kind: ActuatorKind, variables: Mapping[str, object]
) -> Encoder:
    """Return what fills in a template; `variables` are an example of those it has."""
    encoding = choice_option(
        options, "text_encoding", {it: it for it in ENCODINGS}, "utf-8"
    )
    template = _template(options, kind, variables)
    template.check_text(encoding)
    return lambda _, variables: template.render(variables, encoding)


def create_hex_encoder(
    options: Options, kind: ActuatorKind, variables: Mapping[str, object]
) -> Encoder:
    """Return what fills in a template of hexadecimal bytes."""
    template = _template(options, kind, variables)
    template.check_hex()
    return lambda _, variables: template.render_hex(variables)


def _template(
    options: Options, kind: ActuatorKind, variables: Mapping[str, object]
) -> CommandTemplate:
    text = text_option(options, "template", "${value}")
    # Only a method is called with objects.
    values = [name for name, value in variables.items() if value is VALUE]
    parted = values if kind is ActuatorKind.METHOD else ()
    return CommandTemplate("template", text, list(variables), parted)


# Stands for the value in an example of variables.
VALUE = object()


def create_binary_encoder(options: Options) -> Encoder:
    """Return what writes a value in a binary type, with bytes before and after it."""
    prefix = _hex(options, "prefix")
    suffix = _hex(options, "suffix")
    write = _create_binary_writer(options)
    return lambda value, _: prefix + write(value) + suffix


def _hex(options: Options, name: str) -> bytes:
    try:
        return parse_hex(text_option(options, name))
    except EncodingError as err:
        raise OptionsError(name, str(err)) from err


def _create_binary_writer(options: Options) -> Callable[[JsonValue], bytes]:
    types = {it: it for it in (*_OPEN_TYPES, *TYPES)}
    type_ = choice_option(options, "binary_type", types, "")
    order = choice_option(options, "byte_order", _BYTE_ORDERS, "big")
    if type_ in _OPEN_TYPES:
        return lambda value: encode_typed(_number(value), type_, order)
    field = _field(options, type_, order)
    if field.kind in {Kind.TEXT, Kind.HEX}:
        return lambda value: _write_text(field, value)
    # What was scaled may have to be rounded; what somebody asked for is sent, or refused.
    scale, offset = read_scale(options)
    exact = scale == 1 and offset == 0 and field.kind not in {Kind.FLOAT, Kind.BOOL}

    def write(value: JsonValue) -> bytes:
        number = _number(value)
        if exact and isinstance(number, float) and not number.is_integer():
            raise EncodingError(
                f"{number} is no whole number, as {type_} needs; take another type, or a "
                "scale"
            )
        return encode(field, number, field.size or 1, _empty(field))

    return write


def _field(options: Options, type_: str, order: str) -> Field:
    """Return the field that a value is written in."""
    size = size_option(options, "binary_size", MAX_BINARY_SIZE)
    if type_ == "bcd" and not 1 <= (size or 0) <= _MAX_BCD:
        raise OptionsError("binary_size", f"BCD needs a size of 1 to {_MAX_BCD} bytes")
    encoding = choice_option(
        options, "text_encoding", {it: it for it in ENCODINGS}, "utf-8"
    )
    row = {"key": "value", "type": type_, "position": 0, "byte_order": order}
    return read_field(Row("binary_type", 1, row | {"length": size}), encoding)


def _empty(field: Field) -> bytes:
    return bytes(field.size or 0)


def _number(value: JsonValue) -> bool | float:
    """Return the number that a value is, or that a text stands for."""
    found = auto_type(value) if isinstance(value, str) else value
    if not isinstance(found, bool | int | float) or not _is_usable(found):
        raise EncodingError(f"{shown(value)} is no number")
    return found


def _is_usable(number: float) -> bool:
    """Tell whether a number is one that bytes can be made of."""
    if isinstance(number, int):
        return number.bit_length() <= _MAX_BITS
    return math.isfinite(number)


def _write_text(field: Field, value: JsonValue) -> bytes:
    """Return a text in its size, or in as many bytes as it takes."""
    if isinstance(value, bool | list | dict) or value is None:
        raise EncodingError(f"{shown(value)} is no text")
    text = plain_text(value)
    size = field.size
    if size is None and field.kind is Kind.HEX:
        return parse_hex(text)
    if size is None:
        return encode_text(text, _codec(field))
    return encode(field, text, size, bytes(size))


def _codec(field: Field) -> str:
    """Return the encoding of a text without a size; UTF-16 has the order of the field."""
    if field.encoding != "utf-16":
        return field.encoding
    return "utf-16-be" if field.order == "big" else "utf-16-le"


def create_checksum(options: Options) -> Callable[[bytes], bytes]:
    """Return what puts the checksum, if there is one, after some bytes."""
    name = choice_option(
        options, "checksum", {it: it for it in ("none", *CHECKSUMS)}, "none"
    )
    order = choice_option(options, "checksum_byte_order", _BYTE_ORDERS, "big")
    checksum = CHECKSUMS.get(name)
    if checksum is None:
        return lambda data: data
    size, compute = checksum.size, checksum.compute
    little = order == "little"
    return lambda data: (
        data + compute(data).to_bytes(size, "little" if little else "big")
    )
