"""JSON -> values: exact, bounded, and forgiving about what devices send."""

import json
import re
from typing import Any

import orjson

from .model import JsonValue, Messages, ParseError
from .text_decoding import REPLACEMENT, decode_utf8
from .text_formats import WHITE_SPACE, excerpt, finite
from .yaml_format import MAX_DEPTH, MAX_DIGITS

_MAX_MESSAGES = 1_000

_loads = orjson.loads
# Every digit as 0: the cheapest way found to notice an integer that orjson, having 64 bits,
# would make a float. A walk through the result or a regular expression take longer. Every
# sixth byte is enough for a first look: of 19 digits in a row it meets three.
_DIGITS_TO_ZERO = bytes(48 if 48 <= byte <= 57 else byte for byte in range(256))
_LONG_INTEGER = b"0" * 19
_LONG_INTEGER_SIXTH = b"0" * 3


def parse_json(frame: bytes) -> JsonValue | Messages:
    """Return the value, or the objects and lists, that the frame holds.

    NaN, infinity and floats beyond 64 bits become None, integers are exact, bytes that are
    no UTF-8 and lone surrogates become REPLACEMENT, a byte order mark, white space and NULs
    around it are ignored. Of equal names the last one counts.
    """
    try:
        value: JsonValue = _loads(frame)
    except orjson.JSONDecodeError:
        return _parse_odd_json(frame)
    if _LONG_INTEGER_SIXTH in frame[::6].translate(_DIGITS_TO_ZERO) and (
        _LONG_INTEGER in frame.translate(_DIGITS_TO_ZERO)
    ):
        return _parse_odd_json(frame)
    deep = len(frame) > 2 * MAX_DEPTH
    if deep and frame.count(b"{") + frame.count(b"[") > MAX_DEPTH:
        _check_depth(value)
    return value


def _parse_odd_json(frame: bytes) -> JsonValue | Messages:
    """Return what orjson cannot, or not exactly."""
    text = decode_utf8(frame).strip(WHITE_SPACE)
    values: Messages = Messages()
    end = 0
    while end < len(text):
        start = end
        try:
            value, end = _DECODER.raw_decode(text, start)
        except json.JSONDecodeError as err:
            raise ParseError(
                f"Not valid JSON at line {err.lineno}, column {err.colno}: "
                f"{err.msg}: {excerpt(text, err.pos)}"
            ) from err
        except RecursionError:
            raise ParseError("The JSON is nested too deeply") from None
        values.append(value)
        if len(values) > _MAX_MESSAGES:
            raise ParseError(f"More than {_MAX_MESSAGES:,} JSON values in one frame")
        end = _SPACE.match(text, end).end()  # type: ignore[union-attr]
    _check_depth(values)
    if "\\u" in text:
        values = Messages(without_surrogates(value) for value in values)
    if len(values) > 1:
        if not all(isinstance(value, dict | list) for value in values):
            raise ParseError(f"Several JSON values in one frame: {excerpt(text)}")
        return values
    return values[0] if values else None


_SPACE = re.compile(r"[ \t\r\n]*")


def _integer(text: str) -> int:
    digits = len(text.removeprefix("-"))
    if digits > MAX_DIGITS:
        raise ParseError(f"The JSON has an integer of {digits:,} digits")
    return int(text)


_DECODER = json.JSONDecoder(
    parse_int=_integer,
    parse_float=finite,
    parse_constant=lambda _: None,
    strict=False,  # control characters in texts are kept
)


def _check_depth(value: JsonValue) -> None:
    """Raise ParseError for more than MAX_DEPTH lists and objects in one another."""
    level: list[Any] = [value]
    depth = -1 if isinstance(value, Messages) else 0
    while level:
        level = [
            item
            for container in level
            if isinstance(container, dict | list)
            for item in (
                container.values() if isinstance(container, dict) else container
            )
            if isinstance(item, dict | list)
        ]
        depth += 1
        if depth > MAX_DEPTH:
            raise ParseError("The JSON is nested too deeply")


_SURROGATE = re.compile("[\ud800-\udfff]")


def without_surrogates(value: JsonValue) -> JsonValue:
    """Return `value`, not nested deeper than MAX_DEPTH, with what UTF-8 can encode."""
    match value:
        case str():
            return _SURROGATE.sub(REPLACEMENT, value)
        case list():
            return [without_surrogates(item) for item in value]
        case dict():
            return {
                _SURROGATE.sub(REPLACEMENT, name): without_surrogates(item)
                for name, item in value.items()
            }
        case _:
            return value
