"""Frames to values: encodings, JSON, plain text formats, and bytes that make no sense."""

import json
import math
from typing import Any

from hypothesis import example, given, strategies as st
import pytest

from custom_components.bemcom_connectors.connector.model import (
    JsonValue,
    Messages,
    OptionsError,
    ParseError,
)
from custom_components.bemcom_connectors.connector.parsing import (
    ENCODINGS,
    REPLACEMENT,
    Format,
    Parser,
    create_parser,
)

parse_json = create_parser("json")

# Every format, with options that take different ways through it.
PARSERS: dict[str, Parser] = {
    "json": parse_json,
    "json_utf16": create_parser("json", {"encoding": "utf-16"}),
    "yaml": create_parser("yaml"),
    "text": create_parser("text", {"encoding": "cp1252"}),
    "number": create_parser("number"),
    "number_comma": create_parser("number", {"decimal_comma": True}),
    "delimited": create_parser("delimited", {"columns": "a,,b"}),
    "delimited_space": create_parser("delimited", {"separator": " "}),
    "delimited_lines": create_parser("delimited", {"separator": "\\n"}),
    "delimited_long": create_parser("delimited", {"separator": "||"}),
    "delimited_nul": create_parser("delimited", {"separator": "\\0"}),
    "key_value": create_parser("key_value"),
    "key_value_ascii": create_parser("key_value", {"encoding": "ascii"}),
    "key_value_space": create_parser("key_value", {"pair_separator": " "}),
    "key_value_own": create_parser(
        "key_value", {"pair_separator": "\\r\\n", "key_separator": "->"}
    ),
    "regex": create_parser("regex", {"pattern": r"(?P<k>\w+)[:=](?P<v>[^;]*)"}),
}
each_parser = pytest.mark.parametrize("parse", PARSERS.values(), ids=PARSERS)

# Bytes that mean something to one of the formats, often enough to be nearly a message.
PIECES = [
    *b" \t\r\n\0\"'\\#&*!|>%@`$~^-+.,:;=?<[]{}()/_019eE",
    *(b"null", b"true", b"NaN", b"Infinity", b"1e999", b"1.5", b"-7", b"a", b"key"),
    *(b"\\u00e9", b"\\ud800", b"\\x41", b'"a": ', b'"b"', b"- ", b"? ", b": ", b"<<: "),
    *(b"---\n", b"...\n", b"&a ", b"*a", b"!!set ", b"!!int ", b"!!binary ", b"!!str "),
    *(
        b"\xef\xbb\xbf",
        b"\xff\xfe",
        b"\xc3\xa9",
        b"\xed\xa0\x80",
        b"\x80",
        b"0x",
        b"1_0",
    ),
    *(
        b"9" * 19,
        b"2024-01-02",
        b"12:30",
        b"||",
        b"->",
        b".inf",
        b"0777",
        b"\xe2\x88\x92",
    ),
]
near_valid = st.lists(
    st.sampled_from(
        [bytes([piece]) if isinstance(piece, int) else piece for piece in PIECES]
    ),
    max_size=40,
).map(b"".join)

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**25), 10**25)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
    ),
    max_leaves=20,
)


def check_serialisable(value: JsonValue | Messages) -> None:
    """Assert that JSON and UTF-8 can write a value, and that objects have text keys."""
    text = json.dumps(value, allow_nan=False, ensure_ascii=False)
    text.encode()
    assert json.loads(text) == value


@each_parser
@given(frame=st.binary(max_size=4096) | near_valid)
@example(frame=b"\xff\xfe\x00\xd8")
def test_any_bytes(parse: Parser, frame: bytes) -> None:
    try:
        value = parse(frame)
    except ParseError as err:
        assert str(err)
        assert len(str(err)) < 200
    else:
        check_serialisable(value)


# Frames larger than the default limit allows, each a trap of some kind.
SIZE = 1 << 18
TRAPS = {
    piece: (piece * SIZE)[:SIZE].encode()
    for piece in (
        *(" ", "\n", "\0", "[", "{", '"', "[[],", '{"a":', "- ", "? ", "&a ", "!a "),
        *("-", "+ ", "1.", "1.234.", "0x", "9", "e9", ",", ";", "=", "a=", '="', "a;"),
        *("a=1,", "a: ", "- &a a\n- *a\n", "\\", "{}", "1,2\n", "|\n", "%TAG !a! b\n"),
        *("%YAML 1.1\n", "---\n", "é", " \t", "a\n", "a= ", "<<: ", "a|", "->"),
    )
}


@each_parser
@pytest.mark.parametrize("trap", TRAPS.values(), ids=map(ascii, TRAPS))
@pytest.mark.timeout(20)
def test_a_large_frame_takes_little_time(parse: Parser, trap: bytes) -> None:
    """Where something grows faster than the frame, these take minutes."""
    try:
        parse(trap)
    except ParseError as err:
        assert len(str(err)) < 200


# Encodings


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_encodings(encoding: str) -> None:
    text = "abc" if encoding == "ascii" else "Küche"
    for format, frame in {
        "text": text,
        "json": json.dumps({"value": text}, ensure_ascii=False),
        "yaml": f"value: {text}",
        "key_value": f"value={text}",
    }.items():
        parse = create_parser(format, {"encoding": encoding})
        assert parse(frame.encode(encoding)) == {"value": text}


@pytest.mark.parametrize("encoding", [None, "utf-8", "ascii"])
def test_what_is_no_text_is_replaced(encoding: str | None) -> None:
    """The rest of the frame is not lost."""
    for format, frame in {
        "json": b'{"a": 1, "b": "x\xff"}',
        "yaml": b"a: 1\nb: x\xff",
        "key_value": b"a=1;b=x\xff",
    }.items():
        parse = create_parser(format, {"encoding": encoding})
        assert parse(frame) == {"a": 1, "b": "x" + REPLACEMENT}


@pytest.mark.parametrize(
    ("format", "frame", "value"),
    [
        ("json", b'{"a": 1}', {"a": 1}),
        ("yaml", b"a: 1", {"a": 1}),
        ("text", b"a", {"value": "a"}),
        ("number", b"1", {"value": 1}),
        ("delimited", b"1,2", {"column_1": 1, "column_2": 2}),
        ("key_value", b"a=1", {"a": 1}),
    ],
)
def test_a_byte_order_mark_and_nothing(
    format: str, frame: bytes, value: JsonValue
) -> None:
    parse = create_parser(format)
    assert parse(b"\xef\xbb\xbf" + frame) == value
    assert parse(frame + b"\0") == value
    for nothing in (b"", b" \r\n", b"\xef\xbb\xbf", b"\0"):
        assert parse(nothing) is None


# JSON


@given(value=json_values, indent=st.none() | st.just(1), ascii_only=st.booleans())
def test_json_round_trip(value: Any, indent: int | None, ascii_only: bool) -> None:
    """Integers keep all their digits, unlike with orjson alone."""
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert repr(parse_json(text.encode())) == repr(value)


@pytest.mark.parametrize(
    ("frame", "value"),
    [
        (b'{"t": "22.5"}\r\n\r\n  ', {"t": "22.5"}),
        (b'{"a": 0, "b": false, "c": null}', {"a": 0, "b": False, "c": None}),
        (b"[1, 2]", [1, 2]),
        (b"5", 5),
        (b"null", None),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b'{"a": NaN, "b": -Infinity}', {"a": None, "b": None}),
        (b'{"a": 1e999, "b": -1e999}', {"a": None, "b": None}),
        (b'{"a": 18446744073709551616}', {"a": 18446744073709551616}),
        (b'{"a": -9223372036854775809}', {"a": -9223372036854775809}),
        (b'{"id": "8949020000012345678901"}', {"id": "8949020000012345678901"}),
        (b'{"a": 0.12345678901234567890123}', {"a": 0.12345678901234568}),
        (b'{"a": "\\ud800", "\\udfff": 1}', {"a": REPLACEMENT, REPLACEMENT: 1}),
        (b'["\\ud83d\\ude00 \\ud83d"]', ["😀 " + REPLACEMENT]),
        (b'{"a": "x\ty"}', {"a": "x\ty"}),
        (b'{"a": 1}\n{"a": 2}\n', Messages([{"a": 1}, {"a": 2}])),
        (b'{"a": 1}[2]', Messages([{"a": 1}, [2]])),
    ],
)
def test_json(frame: bytes, value: JsonValue | Messages) -> None:
    parsed = parse_json(frame)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b'{"dev": {"t": 2', r"line 1, column 16.*'\{\"dev\": \{\"t\": 2'"),
        (b'{"a": 1} trash', "column 10"),
        (b"1 2", "Several"),
        (b"{}" * 20_000, "More than"),
        (b'{"a": ' + b"9" * 10_000 + b"}", "10,000 digits"),
        (b"[" * 100_000, "too deeply"),
        (b"[" * 100_000 + b"]" * 100_000, "too deeply"),
        (b'{"a":' * 1500 + b"1" + b"}" * 1500, "too deeply"),
    ],
)
def test_no_json(frame: bytes, reason: str) -> None:
    with pytest.raises(ParseError, match=reason):
        parse_json(frame)


@pytest.mark.parametrize("value", [b"1", b"NaN", b"9" * 30])
def test_json_depth(value: bytes) -> None:
    """The same for what orjson reads and what it does not."""
    deep = value
    for level in range(200):
        deep = b"[" + deep + b"]" if level % 2 else b'{"a":' + deep + b"}"
    assert isinstance(parse_json(deep), list)
    with pytest.raises(ParseError, match="too deeply"):
        parse_json(b"[" + deep + b"]")


def test_many_json_objects_are_not_deep() -> None:
    frame = b"[" + b",".join([b'{"a":[]}'] * 500) + b"]"
    assert parse_json(frame) == [{"a": []}] * 500


@given(number=st.integers(-(10**299), 10**299))
def test_an_integer_can_become_a_float(number: int) -> None:
    parsed = parse_json(str(number).encode())
    assert parsed == number
    assert isinstance(parsed, int)
    assert math.isfinite(float(parsed))


# Options


@pytest.mark.parametrize("format", Format)
def test_an_unknown_encoding(format: Format) -> None:
    for encoding in ("rot13", "utf-7", 5, ["utf-8"]):
        with pytest.raises(OptionsError) as caught:
            create_parser(format, {"encoding": encoding, "pattern": "(?P<a>b)"})
        assert caught.value.option == "encoding"


def test_an_unknown_format() -> None:
    with pytest.raises(OptionsError) as caught:
        create_parser("xml")
    assert caught.value.option == "format"


def test_options_of_others_are_ignored() -> None:
    parse = create_parser("json", {"framing": "line", "separator": "", "size": 5})
    assert parse(b"{}") == {}


def test_json_takes_no_detour() -> None:
    """It is the hot path: the function itself, not one that calls it."""
    assert create_parser("json", {"encoding": "utf-8"}) is parse_json
