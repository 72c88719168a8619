"""Plain text, numbers, columns, key-value pairs and patterns."""

from collections.abc import Mapping
from decimal import Decimal
import re
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.bemcom_connectors.connector.model import (
    JsonValue,
    Messages,
    OptionsError,
    ParseError,
)
from custom_components.bemcom_connectors.connector.parsing import (
    auto_type,
    create_parser,
)


def parse(
    format: str, frame: str, options: Mapping[str, Any] | None = None
) -> JsonValue | Messages:
    """Parse a text."""
    return create_parser(format, options)(frame.encode())


def check_same(value: object, expected: object) -> None:
    """Assert equality that tells 1, 1.0 and True apart."""
    assert repr(value) == repr(expected)


# Values


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("0", 0), ("-5", -5), ("+5", 5), ("42", 42), ("-0", 0)),
        *(("007", "007"), ("00", "00"), ("-01", "-01")),
        *(("21.50", 21.5), ("007.5", 7.5), ("0.0", 0.0), (".5", 0.5), ("1.", 1.0)),
        *(("1e3", 1000.0), ("-.5E-3", -0.0005), ("1e999", None)),
        *(("true", True), ("FALSE", False), ("True", True)),
        *(("", None), (" \t", None), ("null", None), ("None", None)),
        *(("nan", None), ("-NaN", None), ("inf", None), ("-Infinity", None)),
        *(("9" * 19, int("9" * 19)), ("9" * 64, int("9" * 64)), ("9" * 65, "9" * 65)),
        *((" on ", "on"), ("x\0", "x"), ("infinite", "infinite")),
        *(("1_000", "1_000"), ("0x1F", "0x1F"), ("٣", "٣"), ("1e", "1e"), (".", ".")),
        *(("1.2.3", "1.2.3"), ("12:30", "12:30"), ("1,5", "1,5"), ("--1", "--1")),
    ],
)
def test_auto_type(text: str, value: JsonValue) -> None:
    check_same(auto_type(text), value)


@given(number=st.integers(-(10**63), 10**63) | st.floats(-1e300, 1e300))
def test_numbers_keep_their_value(number: float) -> None:
    check_same(auto_type(f" {number!r} "), number)


# Text


@pytest.mark.parametrize(
    ("frame", "value"),
    [
        ("  on \0\r\n", {"value": "on"}),
        ("0", {"value": "0"}),
        ("a\nb", {"value": "a\nb"}),
    ],
)
def test_text(frame: str, value: JsonValue) -> None:
    assert parse("text", frame) == value


# Number


@pytest.mark.parametrize(
    ("frame", "number"),
    [
        ("  +0021.50 kWh\r", 21.5),
        *(("0", 0), ("-5", -5), ("007", 7), ("5.", 5.0), (".5", 0.5), ("-.5", -0.5)),
        *(("1e3", 1000.0), ("2.5E-1V", 0.25), ("5e", 5), ("5 E3", 5)),
        *(("21.5C", 21.5), ("T=21.5", 21.5), ("T21.5", 21.5), ("A-5", -5)),
        *(("12 of 30", 12), ("10-5", 10), ("T1: 21.5", 21.5), ("PM2.5 = 12", 12)),
        *(("- 12.5 g", -12.5), ("\u22125", -5), ("+\t3", 3), ("- - 5", -5)),
        *(("nan", None), ("-inf W", None), ("Infinity", None), ("1e999", None)),
        *(("0x1F then 3", 3), ("0" * 70 + "5", 5), ("9" * 64, int("9" * 64))),
        ("1,234", 1),
    ],
)
def test_number(frame: str, number: JsonValue) -> None:
    check_same(parse("number", frame), {"value": number})


@pytest.mark.parametrize(
    ("frame", "number"),
    [
        *(("21,5 °C", 21.5), ("-0,5", -0.5), (",5", 0.5), ("5,", 5.0), ("5", 5)),
        *(("1.234,5", 1234.5), ("1.234.567,8", 1234567.8), ("1.234", 1234)),
        *(("21.5", 21.5), ("1.2345", 1.2345), ("1,5e3", 1500.0)),
    ],
)
def test_number_with_decimal_comma(frame: str, number: JsonValue) -> None:
    check_same(parse("number", frame, {"decimal_comma": True}), {"value": number})


@pytest.mark.parametrize("frame", ["abc", "0x1F", "---", "9" * 65, "nano", "٣", "."])
def test_no_number(frame: str) -> None:
    with pytest.raises(ParseError, match="number"):
        parse("number", frame)


@given(
    number=st.decimals(allow_nan=False, allow_infinity=False, places=3)
    .filter(lambda number: abs(number) < 10**12)
    .map(lambda number: f"{number:f}"),
    unit=st.sampled_from(["", " kWh", "W", "%", " °C\r"]),
    comma=st.booleans(),
)
def test_number_with_unit(number: str, unit: str, comma: bool) -> None:
    frame = number.replace(".", ",") if comma else number
    value: Any = parse("number", f" {frame}{unit}", {"decimal_comma": comma})
    assert value == {"value": float(Decimal(number))}


# Columns


@pytest.mark.parametrize(
    ("options", "frame", "value"),
    [
        ({}, "1,2.5,on", {"column_1": 1, "column_2": 2.5, "column_3": "on"}),
        ({}, "0,false,", {"column_1": 0, "column_2": False, "column_3": None}),
        ({}, ",", {"column_1": None, "column_2": None}),
        ({}, '"a,b", "c ""d"""', {"column_1": "a,b", "column_2": 'c "d"'}),
        ({}, '5" pipe,1', {"column_1": '5" pipe', "column_2": 1}),
        ({}, '"open,1', {"column_1": "open,1"}),
        ({"columns": "t, h"}, "21,40", {"t": 21, "h": 40}),
        ({"columns": ["t", "h"]}, "21", {"t": 21}),
        ({"columns": "t,,h"}, "21,x,40", {"t": 21, "h": 40}),
        ({"columns": "t"}, "21,40,50", {"t": 21, "column_2": 40, "column_3": 50}),
        ({"columns": "column_1,b"}, "1,2", {"column_1": 1, "b": 2}),
        ({"columns": "", "separator": ""}, "1,2", {"column_1": 1, "column_2": 2}),
        ({"separator": ";"}, "1,5;2", {"column_1": "1,5", "column_2": 2}),
        (
            {"separator": "\\t"},
            "1\t\t2",
            {"column_1": 1, "column_2": None, "column_3": 2},
        ),
        (
            {"separator": " "},
            "  1   2\t3 ",
            {"column_1": 1, "column_2": 2, "column_3": 3},
        ),
        ({"separator": "||"}, "1||2|3", {"column_1": 1, "column_2": "2|3"}),
        ({"separator": '"'}, '1"2', {"column_1": 1, "column_2": 2}),
        ({"separator": "\\x1e"}, "1\x1e2", {"column_1": 1, "column_2": 2}),
        ({"separator": "°"}, "1°2", {"column_1": 1, "column_2": 2}),
        ({"separator": "\\n"}, "1\r\n2\r\n", {"column_1": 1, "column_2": 2}),
    ],
)
def test_delimited(options: dict[str, Any], frame: str, value: JsonValue) -> None:
    check_same(parse("delimited", frame, options), value)
    if options.get("separator") != "\\n":
        check_same(parse("delimited", f"\r\n{frame}\r\n\r\n", options), value)


def test_each_line_is_a_message() -> None:
    parsed = parse("delimited", "1;2\r\n\r\n3;4", {"columns": "a,b", "separator": ";"})
    assert parsed == Messages([{"a": 1, "b": 2}, {"a": 3, "b": 4}])
    assert isinstance(parsed, Messages)


@pytest.mark.parametrize("frame", ["," * 20_000, "1\n" * 20_000, "x" * 200_000 + ",1"])
def test_too_many_columns(frame: str) -> None:
    with pytest.raises(ParseError):
        parse("delimited", frame)


# Key-value pairs


@pytest.mark.parametrize(
    ("frame", "value"),
    [
        ("a=1;b=2", {"a": 1, "b": 2}),
        ("a=1;b=2;", {"a": 1, "b": 2}),
        ("a: 1.5, b: off", {"a": 1.5, "b": "off"}),
        ("a=1&b=false", {"a": 1, "b": False}),
        ("a=0 b=2\tc=3", {"a": 0, "b": 2, "c": 3}),
        ("a = 1 b :2 c: 3", {"a": 1, "b": 2, "c": 3}),
        ("a=1\nb=2\r\nc=3,d=4", {"a": 1, "b": 2, "c": 3, "d": 4}),
        ("name=front door;x=1", {"name": "front door", "x": 1}),
        ("a=1,5;b=2,5", {"a": "1,5", "b": "2,5"}),
        ("a=1,5 b=2,5", {"a": "1,5", "b": "2,5"}),
        ("T: 21.5 C H: 40 %", {"T": 21.5, "H": 40}),
        ("GPS,lat=1,lon=2", {"lat": 1, "lon": 2}),
        ("at=12:30:00;x=1", {"at": "12:30:00", "x": 1}),
        ("a:b=1;c=2", {"a": "b=1", "c": 2}),
        ("a=;b=null", {"a": None, "b": None}),
        ("=5;a=1", {"a": 1}),
        ("a=1;a=2", {"a": 2}),
        ("a.b.c=1;d__e=007", {"a.b.c": 1, "d__e": "007"}),
        ('n="a; b";x="1"', {"n": "a; b", "x": 1}),
        ('n="a  b" m="c=d"', {"n": "a  b", "m": "c=d"}),
        ('"a"="1";"b"=2', {"a": 1, "b": 2}),
        ('size=5";x=6"', {"size": '5"', "x": '6"'}),
        ('a=";b=1', {"a": '"', "b": 1}),
    ],
)
def test_key_value(frame: str, value: JsonValue) -> None:
    check_same(parse("key_value", frame), value)


@pytest.mark.parametrize(
    ("pair", "key", "frame", "value"),
    [
        ("|", "->", 'a->1|b->"x|y"|c', {"a": 1, "b": "x|y"}),
        ("\\n", "", "a b: 1\r\nc=2", {"a b": 1, "c": 2}),
        (" ", "", "a:1,5   c=2", {"a": "1,5", "c": 2}),
        ("", " ", "a 1;b 2", {"a": 1, "b": 2}),
        (")", "(", "1.8.0(5)2.8.0(6)", {"1.8.0": 5, "2.8.0": 6}),
        (";", None, "a=1,5;b=2", {"a": "1,5", "b": 2}),
        (".", "+", "a+1.b+2", {"a": 1, "b": 2}),
    ],
)
def test_key_value_with_separators(
    pair: str, key: str | None, frame: str, value: JsonValue
) -> None:
    options = {"pair_separator": pair, "key_separator": key}
    check_same(parse("key_value", frame, options), value)


@pytest.mark.parametrize(
    "frame",
    [
        "hello",
        "=5",
        "a b c",
        ";".join(f"k{n}=1" for n in range(10_001)),
        "a\n" * 20_000,
    ],
)
def test_no_key_value(frame: str) -> None:
    with pytest.raises(ParseError):
        parse("key_value", frame)


words = st.text("abcXYZ._-", min_size=1, max_size=8)


@given(
    pairs=st.dictionaries(words, st.integers() | st.booleans(), min_size=1, max_size=6),
    pair=st.sampled_from([";", "; ", "&", ",", ", ", " ", "\n", "\r\n"]),
    key=st.sampled_from(["=", ":", " = ", ": "]),
)
def test_key_value_of_any_style(pairs: dict[str, Any], pair: str, key: str) -> None:
    frame = pair.join(f"{name}{key}{value}" for name, value in pairs.items())
    assert parse("key_value", frame) == pairs


# Patterns


@pytest.mark.parametrize(
    ("pattern", "frame", "value"),
    [
        (r"T=(?P<t>[\d.]+);H=(?P<h>\d+)", "xx T=21.5;H=40 yy", {"t": 21.5, "h": 40}),
        (r"(?P<t>\d+)(?P<unit>C)?", "21", {"t": 21}),
        (r"(?P<t>\d+)(?P<unit>C?)", "21", {"t": 21, "unit": None}),
        (r"(?i)temp (?P<t>\S+)", "TEMP off", {"t": "off"}),
        (r"^(?P<a>.)(?P<b>.)$", " 0x\r\n\0", {"a": 0, "b": "x"}),
        (r"(?s)a(?P<b>.)c", "a\nc", {"b": None}),
    ],
)
def test_regex(pattern: str, frame: str, value: JsonValue) -> None:
    check_same(parse("regex", frame, {"pattern": pattern}), value)


def test_regex_finds_nothing() -> None:
    with pytest.raises(ParseError, match="does not match 'abc'"):
        parse("regex", "abc", {"pattern": r"(?P<n>\d)"})
    with pytest.raises(ParseError, match="5,000 characters"):
        parse("regex", "1" * 5000, {"pattern": r"(?P<n>\d)"})


# Options


@pytest.mark.parametrize(
    ("format", "option", "value", "reason"),
    [
        ("delimited", "columns", "a,b,a", "twice"),
        ("delimited", "columns", ["a", 5], "no list of names"),
        ("delimited", "columns", 5, "no list of names"),
        ("delimited", "columns", "column_2,a", "another column"),
        ("delimited", "separator", "\\q", "no escape"),
        ("delimited", "separator", "\\xff", "no text"),
        ("delimited", "separator", 5, "no text"),
        ("key_value", "pair_separator", "\\", "no escape"),
        ("key_value", "key_separator", ["="], "no text"),
        ("regex", "pattern", None, "no pattern"),
        ("regex", "pattern", 5, "no pattern"),
        ("regex", "pattern", r"(\d+)", "no named group"),
        ("regex", "pattern", r"(?P<a>", "not valid"),
        ("regex", "pattern", r"(?P<a>(x+)+)y", "too slow"),
    ],
)
def test_options_that_cannot_work(
    format: str, option: str, value: Any, reason: str
) -> None:
    with pytest.raises(OptionsError, match=re.escape(reason)) as caught:
        create_parser(format, {option: value})
    assert caught.value.option == option


def test_equal_separators() -> None:
    with pytest.raises(OptionsError) as caught:
        create_parser("key_value", {"pair_separator": "\\t", "key_separator": "\t"})
    assert caught.value.option == "key_separator"
