"""Values to bytes: hexadecimal, ThingsBoard's numbers and texts, templates."""

import math
import struct

from hypothesis import given, strategies as st
import pytest

from custom_components.bemcom_connectors.connector.encoding import (
    EncodingError,
    encode_parts,
    encode_text,
    encode_typed,
    parse_hex,
    render_template,
)

orders = st.sampled_from(["big", "little", "BIG", "Little"])


# Hexadecimal


@given(data=st.binary(), between=st.sampled_from(["", " ", ":", ", ", "\n"]))
def test_hex_is_read_back(data: bytes, between: str) -> None:
    assert parse_hex(between.join(f"{byte:02x}" for byte in data)) == data
    assert parse_hex(data.hex().upper()) == data
    assert parse_hex(", ".join(f"0x{byte:02X}" for byte in data)) == data


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("01 03 0A", b"\x01\x03\x0a"),
        ("0x01030A", b"\x01\x03\x0a"),
        (" 01:03 0X0a\t", b"\x01\x03\x0a"),
        ("", b""),
        (" , ", b""),
    ],
)
def test_hex(text: str, data: bytes) -> None:
    assert parse_hex(text) == data


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("01 3 0A", "'3' has half a byte"),
        ("0x103", "'0x103' has half a byte"),
        ("01 xy", "'xy' is not hexadecimal"),
        ("0x", "'0x' is not hexadecimal"),
        ("01-03", "not hexadecimal"),
        ("\u0660\u0661", "not hexadecimal"),
        pytest.param("z" * 100_000, "not hexadecimal", id="long"),
    ],
)
def test_no_hex(text: str, reason: str) -> None:
    with pytest.raises(EncodingError, match=reason) as caught:
        parse_hex(text)
    assert len(str(caught.value)) < 200


@given(text=st.text())
def test_any_text_is_hex_or_refused(text: str) -> None:
    try:
        parse_hex(text)
    except EncodingError as err:
        assert str(err)


# ThingsBoard's values


@given(number=st.integers(0, 1 << 200), order=orders)
def test_int_is_unsigned_and_as_short_as_can_be(number: int, order: str) -> None:
    data = encode_typed(number, "int", order)
    assert int.from_bytes(data, "big" if order == "BIG" else order.lower()) == number  # type: ignore[arg-type]
    assert len(data) == 1 or number >= 1 << 8 * (len(data) - 1)


@given(number=st.floats(), order=orders, type=st.sampled_from(["float", "double"]))
def test_float_is_exact(number: float, order: str, type: str) -> None:
    data = encode_typed(number, type, order)
    mark = ">" if order.lower() == "big" else "<"
    read = struct.unpack(mark + {4: "f", 8: "d"}[len(data)], data)[0]
    assert read == number or (math.isnan(read) and math.isnan(number))


@given(number=st.floats(width=32, allow_nan=False))
def test_float_is_as_short_as_can_be(number: float) -> None:
    assert len(encode_typed(number, "float")) == 4


@pytest.mark.parametrize(
    ("value", "type", "data"),
    [
        (0, "int", "00"),
        (False, "int", "00"),
        (25, "int", "19"),
        (25.0, "int", "19"),
        (256, "int", "0100"),
        (1e300, "float", "7e37e43c8800759c"),
        (16777217, "float", "4170000010000000"),
        ("25", "string", "3235"),
        ("°", "", "c2b0"),
        ("", "string", ""),
    ],
)
def test_typed(value: object, type: str, data: str) -> None:
    assert encode_typed(value, type).hex() == data


@pytest.mark.parametrize(
    ("value", "type", "reason"),
    [
        (-1, "int", "negative"),
        (1.5, "int", "no integer"),
        (math.nan, "int", "no integer"),
        ("1", "int", "no integer"),
        (None, "int", "no integer"),
        ("1.5", "float", "no number"),
        (None, "double", "no number"),
        pytest.param(1 << 2000, "double", "too large", id="large"),
        ({"pin": 1}, "string", "no text"),
        (5, "", "no text"),
        ("\ud800", "string", "cannot be written in utf-8"),
    ],
)
def test_what_cannot_be_written(value: object, type: str, reason: str) -> None:
    with pytest.raises(EncodingError, match=reason):
        encode_typed(value, type)


def test_byte_order() -> None:
    assert encode_typed(256, "int", "LITTLE") == b"\x00\x01"
    with pytest.raises(EncodingError, match="neither big nor little"):
        encode_typed(256, "int", "middle")


def test_text_in_an_encoding() -> None:
    assert encode_text("°", "latin-1") == b"\xb0"
    with pytest.raises(EncodingError, match="'°' cannot be written in ascii"):
        encode_text("21 °C", "ascii")


def test_parts_are_texts_and_bytes() -> None:
    assert encode_parts(["°", b"\xff", "", "a"], "latin-1") == b"\xb0\xffa"
    assert encode_parts([]) == b""
    assert encode_parts([b"\x01", "a", "b"], "utf-16") == b"\x01" + "ab".encode(
        "utf-16"
    )
    with pytest.raises(EncodingError, match="'°' cannot be written in ascii"):
        encode_parts(["a", "b°"], "ascii")


def test_parts_are_bounded() -> None:
    assert encode_parts(["abc", b"d"], limit=4) == b"abcd"
    with pytest.raises(EncodingError, match="more than 3 bytes"):
        encode_parts(["abc", b"d"], limit=3)


# Templates


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("value = ${a}\n", "value = 25\n"),
        ("${a}${a}/${b}/${c}", "2525/True/None"),
        ("${d} ${unknown} $a ${} {a} $${a}", "{'x': 1} ${unknown} $a ${} {a} $25"),
        ("${e}", "${a}"),
        ("${f}", "1.5"),
        ("${${a}}", "${25}"),
        ("", ""),
    ],
)
def test_template(template: str, text: str) -> None:
    """What a value brings in is not replaced again."""
    values = {"a": 25, "b": True, "c": None, "d": {"x": 1}, "e": "${a}", "f": 1.5}
    assert render_template(template, values) == text


@given(template=st.text("${}ab\\"), value=st.text())
def test_template_replaces_each(template: str, value: str) -> None:
    assert render_template(template, {}) == template
    rendered = render_template(template, {"a": value})
    assert rendered == template.replace("${a}", value)


@pytest.mark.parametrize("piece", ["${", "$", "${a", "${a}", "{{"])
@pytest.mark.timeout(10)
def test_a_large_template_takes_little_time(piece: str) -> None:
    render_template(piece * 100_000, {"a": "b"})
