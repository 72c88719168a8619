"""Frame to nested value, one function per format.

A parser returns the message, usually an object; None if there is nothing in the frame; and
`Messages` if it holds several. Whatever the bytes are, it raises nothing but ParseError.
"""

import codecs
from collections.abc import Callable, Mapping
from enum import StrEnum
import json
import re
from typing import Any

import orjson

from .model import JsonValue, Messages, OptionsError, ParseError
from .text_formats import (
    WHITE_SPACE,
    TextParser,
    auto_type,
    create_delimited_parser,
    create_key_value_parser,
    create_number_parser,
    create_regex_parser,
    excerpt,
    finite,
)
from .yaml_format import MAX_DEPTH, MAX_DIGITS, parse_yaml_documents

type Parser = Callable[[bytes], JsonValue | Messages]

__all__ = [
    "ENCODINGS",
    "REPLACEMENT",
    "Format",
    "Parser",
    "auto_type",
    "create_parser",
    "parse_json",
]

# What stands for bytes that are no text in the encoding of the device.
REPLACEMENT = "\ufffd"
ENCODINGS = ("utf-8", "ascii", "latin-1", "cp1252", "utf-16")

_MAX_MESSAGES = 1_000


class Format(StrEnum):
    """How a frame is written."""

    JSON = "json"
    YAML = "yaml"
    TEXT = "text"
    NUMBER = "number"
    DELIMITED = "delimited"
    KEY_VALUE = "key_value"
    REGEX = "regex"


def create_parser(format: str, options: Mapping[str, Any] | None = None) -> Parser:  # noqa: A002 - the name of the option
    """Return the parser for `format`, one of `Format`, with the options of that format.

    All have `encoding` (one of ENCODINGS); number has `decimal_comma`, delimited `columns`
    and `separator`, key_value `pair_separator` and `key_separator`, regex `pattern`. Others
    are ignored. Raises OptionsError for a format or an option that cannot work.
    """
    options = options or {}
    decode = _create_decoder(options.get("encoding"))
    if format == Format.JSON:
        if decode is _decode_utf8:
            return parse_json
        return lambda frame: parse_json(decode(frame).encode())
    create = _TEXT_PARSERS.get(format)
    if create is None:
        raise OptionsError("format", f"{format!r} is no format")
    parse = create(options)
    return lambda frame: parse(decode(frame))


# Text


def _decode_utf8(frame: bytes) -> str:
    return frame.removeprefix(codecs.BOM_UTF8).decode(errors="replace")


def _create_decoder(encoding: object) -> Callable[[bytes], str]:
    """Return what makes text of any bytes; what cannot be read becomes REPLACEMENT."""
    if not encoding or encoding == "utf-8":
        return _decode_utf8
    if not isinstance(encoding, str) or encoding not in ENCODINGS:
        raise OptionsError(
            "encoding", f"{encoding!r} is none of {', '.join(ENCODINGS)}"
        )

    def decode(frame: bytes) -> str:
        if encoding != "utf-16":
            frame = frame.removeprefix(codecs.BOM_UTF8)
        return frame.decode(encoding, errors="replace")

    return decode


def _parse_text(text: str) -> JsonValue:
    value = text.strip(WHITE_SPACE)
    return {"value": value} if value else None


# JSON

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
    text = _decode_utf8(frame).strip(WHITE_SPACE)
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
        values = Messages(_without_surrogates(value) for value in values)
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


def _without_surrogates(value: JsonValue) -> JsonValue:
    """Return `value`, not nested deeper than MAX_DEPTH, with what UTF-8 can encode."""
    match value:
        case str():
            return _SURROGATE.sub(REPLACEMENT, value)
        case list():
            return [_without_surrogates(item) for item in value]
        case dict():
            return {
                _SURROGATE.sub(REPLACEMENT, name): _without_surrogates(item)
                for name, item in value.items()
            }
        case _:
            return value


# YAML


def _parse_yaml(text: str) -> JsonValue | Messages:
    """Return the document, or all that are not empty; NULs at the end are ignored."""
    documents = parse_yaml_documents(text.rstrip("\0"))
    if "\\u" in text or "\\U" in text:
        documents = [_without_surrogates(document) for document in documents]
    if len(documents) > 1:
        return Messages(documents)
    return documents[0] if documents else None


_TEXT_PARSERS: dict[str, Callable[[Mapping[str, Any]], TextParser]] = {
    Format.YAML: lambda _: _parse_yaml,
    Format.TEXT: lambda _: _parse_text,
    Format.NUMBER: create_number_parser,
    Format.DELIMITED: create_delimited_parser,
    Format.KEY_VALUE: create_key_value_parser,
    Format.REGEX: create_regex_parser,
}
