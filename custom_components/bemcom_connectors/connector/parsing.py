"""Frame to nested value, one function per format.

A parser returns the message, usually an object; None if there is nothing in the frame; and
`Messages` if it holds several. Whatever the bytes are, it raises nothing but ParseError.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Protocol

from .binary import create_binary_parser
from .json_format import parse_json, without_surrogates
from .model import JsonValue, Messages, OptionsError
from .slices import create_slices_parser
from .text_decoding import ENCODINGS, REPLACEMENT, create_decoder, decode_utf8
from .text_formats import (
    WHITE_SPACE,
    TextParser,
    auto_type,
    create_delimited_parser,
    create_key_value_parser,
    create_number_parser,
    create_regex_parser,
)
from .yaml_format import parse_yaml_documents

type Parser = Callable[[bytes], JsonValue | Messages]


class SlowParser(Protocol):
    """A parser that takes its time: it is called in a thread, one frame at a time."""

    def parse(self, frame: bytes) -> JsonValue | Messages:
        """Do what a Parser does."""

    def close(self) -> None:
        """Let go of what it holds; a call that is running ends soon."""


__all__ = [
    "ENCODINGS",
    "REPLACEMENT",
    "TEXT_FORMATS",
    "Format",
    "Parser",
    "SlowParser",
    "auto_type",
    "create_parser",
    "parse_json",
]


class Format(StrEnum):
    """How a frame is written."""

    JSON = "json"
    YAML = "yaml"
    TEXT = "text"
    NUMBER = "number"
    DELIMITED = "delimited"
    KEY_VALUE = "key_value"
    REGEX = "regex"
    SLICES = "slices"
    BINARY = "binary"
    TEMPLATE = "template"
    CONVERTER = "converter"


# Those whose frames are text from end to end.
TEXT_FORMATS = {
    Format.JSON,
    Format.YAML,
    Format.TEXT,
    Format.NUMBER,
    Format.DELIMITED,
    Format.KEY_VALUE,
    Format.REGEX,
}


def create_parser(format: str, options: Mapping[str, Any] | None = None) -> Parser:  # noqa: A002 - the name of the option
    """Return the parser for `format`, one of `Format`, with the options of that format.

    All have `encoding` (one of ENCODINGS); number has `decimal_comma`, delimited `columns`
    and `separator`, key_value `pair_separator` and `key_separator`, regex `pattern`, slices
    and binary those that their modules name. Others are ignored. Raises OptionsError for a
    format or an option that cannot work; templates and converters are not made here.
    """
    options = options or {}
    decode = create_decoder(options.get("encoding"))
    if format == Format.JSON:
        if decode is decode_utf8:
            return parse_json
        return lambda frame: parse_json(decode(frame).encode())
    if create_from_bytes := _BYTES_PARSERS.get(format):
        return create_from_bytes(options)
    create = _TEXT_PARSERS.get(format)
    if create is None:
        raise OptionsError("format", f"{format!r} is no format that the engine parses")
    parse = create(options)
    return lambda frame: parse(decode(frame))


def _parse_text(text: str) -> JsonValue:
    value = text.strip(WHITE_SPACE)
    return {"value": value} if value else None


def _parse_yaml(text: str) -> JsonValue | Messages:
    """Return the document, or all that are not empty; NULs at the end are ignored."""
    documents = parse_yaml_documents(text.rstrip("\0"))
    if "\\u" in text or "\\U" in text:
        documents = [without_surrogates(document) for document in documents]
    if len(documents) > 1:
        return Messages(documents)
    return documents[0] if documents else None


_BYTES_PARSERS: dict[str, Callable[[Mapping[str, Any]], Parser]] = {
    Format.SLICES: create_slices_parser,
    Format.BINARY: create_binary_parser,
}
_TEXT_PARSERS: dict[str, Callable[[Mapping[str, Any]], TextParser]] = {
    Format.YAML: lambda _: _parse_yaml,
    Format.TEXT: lambda _: _parse_text,
    Format.NUMBER: create_number_parser,
    Format.DELIMITED: create_delimited_parser,
    Format.KEY_VALUE: create_key_value_parser,
    Format.REGEX: create_regex_parser,
}
