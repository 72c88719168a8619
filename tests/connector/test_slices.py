"""Slices of frames: the rules of three connectors, and bytes that make no sense."""

import json
from typing import Any

from hypothesis import example, given, strategies as st
import pytest

from custom_components.bemcom_connectors.connector.flatten import Flattener
from custom_components.bemcom_connectors.connector.model import (
    JsonValue,
    OptionsError,
    ParseError,
    PartialMessage,
)
from custom_components.bemcom_connectors.connector.parsing import (
    ENCODINGS,
    Format,
    create_parser,
)
from custom_components.bemcom_connectors.connector.slices import (
    SliceMode,
    SliceType,
    create_slices_parser,
)


def read(frame: bytes, mode: str = "", encoding: str = "", **row: Any) -> JsonValue:
    """Return the value of one slice."""
    parse = create_slices_parser(
        {
            "slices": [{"key": "v", **row}],
            "slice_mode": mode,
            "encoding": encoding,
        }
    )
    message = parse(frame)
    assert isinstance(message, dict)
    assert list(message) == ["v"]
    return message["v"]


positions = st.none() | st.integers(-8, 8)
delimiters = st.sampled_from(["", "=", ";", "\\r\\n", "\\x00", "é", "\\xff"])
rows = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["", *SliceType]),
        "from_byte": positions,
        "to_byte": positions,
        "from_delimiter": delimiters,
        "until_delimiter": delimiters,
    }
)
PIECES = b'\0 \n=;+-_.019eEnaNtrue[]{}":,\xff\xc3\xa9'
frames = st.binary(max_size=300) | st.lists(st.sampled_from(PIECES), max_size=20).map(
    bytes
)


@given(
    frame=frames,
    table=st.lists(rows, min_size=1, max_size=6),
    mode=st.sampled_from(SliceMode),
    encoding=st.sampled_from(ENCODINGS),
)
@example(b"9" * 5000, [{"type": "int"}, {"type": "float"}], SliceMode.STRICT, "utf-8")
@example(b"1" * 400, [{"type": "json"}, {"type": "bool"}], SliceMode.STRICT, "utf-8")
@example(b"\xff\xfe\x00\xd8", [{"type": "json"}], SliceMode.SOCKET, "utf-16")
def test_any_bytes(
    frame: bytes, table: list[dict[str, Any]], mode: SliceMode, encoding: str
) -> None:
    slices = [{**row, "key": f"k{number}"} for number, row in enumerate(table)]
    parse = create_parser(
        "slices", {"slices": slices, "slice_mode": mode, "encoding": encoding}
    )
    try:
        message = parse(frame)
    except ParseError as err:
        assert str(err)
        assert len(str(err)) < 250
        return
    if message is None:
        return
    assert isinstance(message, dict)
    text = json.dumps(message, allow_nan=False, ensure_ascii=False)
    text.encode()
    errors = message.errors if isinstance(message, PartialMessage) else ()
    assert len(message) + len(errors) == len(slices)
    assert all(len(error) < 200 for error in errors)


@given(
    frame=st.binary(min_size=1, max_size=40).filter(bytes.strip),
    start=st.integers(0, 50),
    length=st.integers(1, 50),
    type=st.sampled_from(["hex", "string", "int", "bool", "json"]),
)
def test_a_half_open_slice(frame: bytes, start: int, length: int, type: str) -> None:
    """All of it or nothing; the socket's rules take what there is."""
    row: dict[str, Any] = {"from_byte": start, "to_byte": start + length}
    expected = frame[start : start + length].hex()
    assert read(frame, "socket", type="hex", **row) == expected
    if start + length <= len(frame):
        assert read(frame, type="hex", **row) == expected
    elif start or type != "string":
        with pytest.raises(ParseError, match=f"v: The frame has only {len(frame)} b"):
            read(frame, type=type, **row)


# Where a slice is


@pytest.mark.parametrize(
    ("frame", "row", "value"),
    [
        # Numbers come as they are, from forms as floats or text.
        (b"422498\n", {"from_byte": 2.0, "to_byte": "4"}, "24"),
        (b"422498\n", {"from_byte": "2.0", "to_byte": 4}, "24"),
        (b"422498\n", {"from_byte": 0, "to_byte": 0}, "422498"),
        (b"422498\n", {"from_byte": "", "to_byte": None}, "422498"),
        (b"422498\n", {"to_byte": -1}, "422498"),
        (b"422498\n", {"to_byte": -3}, "4224"),
        (b"422498\n", {"from_byte": -3}, "98"),
        (b"422498\n", {"from_byte": -3, "to_byte": -1}, "98"),
        (b"422498\n", {"from_byte": 2, "to_byte": -2}, "249"),
        (b"422498\n", {"from_byte": 4, "to_byte": 2}, "98"),
        (b"a=1;b=2", {"from_delimiter": "b=", "until_delimiter": ";"}, "b=2"),
        (b"a=1;b=2", {"from_delimiter": "=", "until_delimiter": ";"}, "=1"),
        (b"a=1;b=2", {"until_delimiter": ";", "from_byte": 2, "to_byte": 3}, "a=1"),
        (b";b", {"from_delimiter": "#", "until_delimiter": ";"}, ""),
        (b"a\x03b", {"until_delimiter": "\\x03"}, "a"),
        (b"a\r\nb", {"until_delimiter": "\\r\\n"}, "a"),
        ("21°C".encode(), {"until_delimiter": "°"}, "21"),
    ],
)
def test_strict(frame: bytes, row: dict[str, Any], value: JsonValue) -> None:
    assert read(frame, type="string", **row) == value


@pytest.mark.parametrize(
    ("frame", "row", "value"),
    [
        (b"422498\n", {"from_byte": 2, "to_byte": 4}, "24"),
        (b"422498\n", {"from_byte": 0, "to_byte": 0}, ""),
        (b"422498\n", {"type": "int", "to_byte": 2}, "42"),
        # The end is that of the frame, before the delimiter takes something off.
        (b"abc;de\n", {"until_delimiter": ";", "to_byte": -1}, "abc"),
        (b"ab;cde\n", {"from_delimiter": ";", "from_byte": 1, "to_byte": 3}, "de"),
        (b"=\n", {"from_delimiter": "="}, "\n"),
    ],
)
def test_legacy(frame: bytes, row: dict[str, Any], value: JsonValue) -> None:
    assert read(frame, "legacy", **row) == value


@pytest.mark.parametrize(
    ("frame", "row", "value"),
    [
        (b"422498", {"from_byte": 2, "to_byte": 4}, "24"),
        (b"422498", {"to_byte": 0}, ""),
        (b"422498", {"from_byte": -2}, "98"),
        (b"4\x002\n", {}, "42\n"),
        (b"\0\xff", {"to_byte": -1}, "b'\\x00\\xff'"),
        (b"\0", {"type": "string"}, ""),
        # A type of one's own choice is more than upstream has.
        (b"422498", {"type": "int", "to_byte": 2}, 42),
        (b"\n", {"from_byte": 1}, ""),
    ],
)
def test_socket(frame: bytes, row: dict[str, Any], value: JsonValue) -> None:
    assert read(frame, "socket", **row) == value


# What it is made into


@pytest.mark.parametrize(
    ("data", "type", "value"),
    [
        (b" 007\r\n", "int", 7),
        (b"+1_000", "int", 1000),
        (b"1_0.5", "float", 10.5),
        (b"-0", "double", 0.0),
        (b"inf", "float", None),
        (b"-1e999", "float", None),
        (b"nan", "double", None),
        (b" TRUE\n", "bool", True),
        (b"-2", "bool", True),
        (b"0", "bool", False),
        (b"yes", "bool", False),
        (b"null", "json", None),
        (b'{"a": [NaN, 1]}\n', "json", {"a": [None, 1]}),
        (b" \xc3\xa9\t", "string", "é"),
        (b"\x00\xff", "hex", "00ff"),
        (b"\x00\xff", "", "00ff"),
    ],
)
def test_types(data: bytes, type: str, value: JsonValue) -> None:
    read_value = read(data, type=type)
    assert read_value == value
    assert read_value.__class__ is value.__class__


@pytest.mark.parametrize(
    ("data", "type", "reason"),
    [
        (b"abc", "int", "v: 'abc' is no integer"),
        (b"1.5", "int", "no integer"),
        (b"\xd9\xa1", "int", "no integer"),
        (b"9" * 301, "int", "301 characters"),
        (b"9" * 70_000, "float", "70,000 characters"),
        (b"1,5", "float", "no number"),
        (b"\xff", "bool", "no utf-8"),
        (b"\xff", "string", r"'\\\\xff' is no utf-8"),
        (b"\xff", "json", "no utf-8"),
        (b"\0", "json", "no JSON in it"),
        (b'{"a": 1', "json", "Not valid JSON"),
        (b"{}{}", "json", "more than one JSON value"),
    ],
)
def test_what_cannot_be_read(data: bytes, type: str, reason: str) -> None:
    with pytest.raises(ParseError, match=reason):
        read(data, type=type)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("mode", SliceMode)
def test_encodings(mode: str, encoding: str) -> None:
    text = "ok" if encoding == "ascii" else "ö"
    frame = text.encode(encoding)
    assert read(frame, mode, encoding, type="string") == text
    if mode != "legacy":
        assert read("42".encode(encoding), mode, encoding, type="int") == 42
        assert read('{"a":1}'.encode(encoding), mode, encoding, type="json") == {"a": 1}


# Messages


def test_one_failing_field_does_not_stop_the_others() -> None:
    parse = create_slices_parser(
        {
            "slices": [
                {"key": "a", "type": "int", "until_delimiter": ","},
                {"key": "b", "type": "json"},
                {"key": "c", "type": "string", "from_byte": 2},
            ]
        }
    )
    message = parse(b"0,x\n")
    assert isinstance(message, PartialMessage)
    assert message == {"a": 0, "c": "x"}
    (error,) = message.errors
    assert error.startswith("b: Not valid JSON")
    assert Flattener()(message) == {"a": 0, "c": "x"}


def test_all_fields_fail() -> None:
    parse = create_slices_parser(
        {"slices": [{"key": f"key {number}", "type": "int"} for number in range(5)]}
    )
    with pytest.raises(ParseError, match=r"key 0: .*; key 2: .*; and 2 more"):
        parse(b"abc")


def test_nothing_in_a_frame() -> None:
    """A blank line is nothing, but not to those who look at its bytes."""
    table = [{"key": "a", "type": "string"}, {"key": "b", "type": "int"}]
    parse = create_slices_parser({"slices": table})
    assert parse(b"") is None
    assert parse(b"\r\n") is None
    assert read(b"\n", type="hex") == "0a"
    assert read(b"x\n", type="string", from_byte=1) == ""


@pytest.mark.parametrize("piece", [b" ", b"9", b"=", b"[", b"\xff", b'{"a":1}'])
@pytest.mark.parametrize("type", ["string", "json", "int", "float", "bool", "hex"])
@pytest.mark.timeout(10)
def test_a_large_frame_takes_little_time(type: str, piece: bytes) -> None:
    """As many slices as there may be, none of which ends early."""
    row = {"type": type, "until_delimiter": "=;"}
    table = [{**row, "key": f"k{number}"} for number in range(500)]
    parse = create_slices_parser({"slices": table})
    try:
        parse(piece * (16384 // len(piece)))
    except ParseError as err:
        assert len(str(err)) < 250


# Options


@pytest.mark.parametrize(
    ("options", "option", "reason"),
    [
        ({}, "slices", "There are no slices"),
        ({"slices": []}, "slices", "There are no slices"),
        ({"slices": "v"}, "slices", "There are no slices"),
        ({"slices": ["v"]}, "slices", "Row 1 is no set of settings"),
        ({"slices": [{}]}, "slices", "Row 1 has no key"),
        ({"slices": [{"key": 5}]}, "slices", "no text"),
        ({"slices": [{"key": "k" * 256}]}, "slices", "more than 255"),
        (
            {"slices": [{"key": "v"}, {"key": "v"}]},
            "slices",
            r"Row 2 \(v\) has the key",
        ),
        ({"slices": [{"key": f"{n}"} for n in range(501)]}, "slices", "more than 500"),
        ({"slices": [{"key": "v", "type": "text"}]}, "slices", "none of string, json"),
        ({"slices": [{"key": "v", "from_byte": 1.5}]}, "slices", "from_byte"),
        ({"slices": [{"key": "v", "to_byte": "x"}]}, "slices", "no whole number"),
        ({"slices": [{"key": "v", "to_byte": True}]}, "slices", "no whole number"),
        ({"slices": [{"key": "v", "to_byte": float("inf")}]}, "slices", "whole"),
        ({"slices": [{"key": "v", "to_byte": [1]}]}, "slices", "no whole number"),
        ({"slices": [{"key": "v", "from_delimiter": "\\q"}]}, "slices", "no escape"),
        ({"slices": [{"key": "v", "until_delimiter": "\ud800"}]}, "slices", "no text"),
        ({"slices": [{"key": "v"}], "slice_mode": "loose"}, "slice_mode", "none of"),
        ({"slices": [{"key": "v"}], "encoding": "utf-7"}, "encoding", "none of"),
    ],
)
def test_options(options: dict[str, Any], option: str, reason: str) -> None:
    with pytest.raises(OptionsError, match=reason) as caught:
        create_parser("slices", options)
    assert caught.value.option == option


@pytest.mark.parametrize("format", [Format.TEMPLATE, Format.CONVERTER])
def test_formats_that_are_made_elsewhere(format: str) -> None:
    with pytest.raises(OptionsError) as caught:
        create_parser(format, {"template": "{{ value }}", "converter": "name"})
    assert caught.value.option == "format"


# A frame that was cut short must not show another value


@pytest.mark.parametrize("frame", [b"42\n", b"4224\n", b"x", b"422498"])
def test_a_slice_behind_the_end_is_no_value(frame: bytes) -> None:
    parse = create_slices_parser(
        {
            "slices": [
                {"key": "temperature", "type": "string", "to_byte": 2},
                {"key": "battery", "type": "string", "from_byte": 5, "to_byte": 7},
            ]
        }
    )
    parsed = parse(frame)
    assert isinstance(parsed, PartialMessage)
    assert list(parsed) == ["temperature"]
    assert parsed.errors == (f"battery: The frame has only {len(frame)} bytes",)


@pytest.mark.parametrize("end", [b"\n", b""])
@pytest.mark.parametrize(
    ("row", "value"),
    [
        ({"to_byte": 6}, 422498),
        ({"from_byte": 4, "to_byte": 6}, 98),
        ({"from_byte": 4}, 98),
        ({"from_byte": 5, "to_byte": 1}, 8),
    ],
)
def test_a_slice_as_long_as_the_frame(
    end: bytes, row: dict[str, Any], value: int
) -> None:
    """Whether the delimiter is kept or not."""
    assert read(b"422498" + end, type="int", **row) == value


@pytest.mark.parametrize(
    "row",
    [
        {"type": "int", "to_byte": 4},
        {"type": "float", "from_byte": 3},
        {"type": "json", "to_byte": 40},
        {"type": "hex", "to_byte": 4},
        {"from_byte": 3},
        {"type": "string", "from_byte": 1, "to_byte": 4},
        {"type": "string", "from_byte": 3, "to_byte": -1},
        {"type": "string", "from_byte": 2, "to_byte": 2},
    ],
)
def test_what_a_short_frame_does_not_hold(row: dict[str, Any]) -> None:
    """With one position or two, whatever the type is."""
    with pytest.raises(ParseError, match="v: The frame has only 3 bytes"):
        read(b"422", **row)


def test_negative_positions_reach_any_frame() -> None:
    """There is as much as there is."""
    assert read(b"422", type="int", from_byte=-5) == 422
    assert read(b"422", type="int", from_byte=-2, to_byte=9) == 22
    assert read(b"422", type="int", from_byte=1, to_byte=-1) == 2
    assert read(b"422", type="hex", to_byte=-5) == ""


@pytest.mark.parametrize("row", [{"to_byte": 4}, {"from_byte": 3}, {"from_byte": 40}])
def test_a_text_with_one_position_is_what_there_is(row: dict[str, Any]) -> None:
    """As upstream does."""
    assert read(b"422", type="string", **row) == "422"
