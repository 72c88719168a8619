"""Binary frames: every type, both ways, their checksums, and bytes that make no sense."""

import json
import math
import struct
from typing import Any

from hypothesis import example, given, strategies as st
import pytest

from custom_components.bemcom_connectors.connector.binary import (
    create_binary_parser,
    encode_binary,
)
from custom_components.bemcom_connectors.connector.binary_fields import TYPES
from custom_components.bemcom_connectors.connector.checksums import CHECKSUMS
from custom_components.bemcom_connectors.connector.encoding import EncodingError
from custom_components.bemcom_connectors.connector.model import (
    JsonValue,
    OptionsError,
    ParseError,
    PartialMessage,
)
from custom_components.bemcom_connectors.connector.parsing import (
    ENCODINGS,
    create_parser,
)

ORDERS = ("big", "little")
orders = st.sampled_from(ORDERS)
ALL_TYPES = (*TYPES, *"bBhHiIlLqQefd?s")


def field(type: str, **row: Any) -> dict[str, Any]:
    """Return the options of a frame with one field."""
    return {"fields": [{"key": "v", "position": 0, "type": type, **row}]}


def read(frame: bytes, type: str, **row: Any) -> JsonValue:
    """Return the value of one field."""
    message = create_binary_parser(field(type, **row))(frame)
    assert isinstance(message, dict)
    return message["v"]


def write(value: object, type: str, size: int, **row: Any) -> bytes:
    """Return the frame of one field."""
    return encode_binary(field(type, **row), {"v": value}, size)


# Any bytes

rows = st.fixed_dictionaries(
    {
        "position": st.integers(-12, 12),
        "type": st.sampled_from(ALL_TYPES),
        "byte_order": orders,
        "length": st.integers(1, 12),
        "scale": st.sampled_from([None, 1, 0.1, -3, "1e-15", "2.5"]),
        "offset": st.sampled_from([None, 0, -40, 0.25]),
        "bits": st.sampled_from([None, "", "0", "1-3", "7"]),
    }
)


@given(
    frame=st.binary(max_size=40),
    table=st.lists(rows, min_size=1, max_size=5),
    checksum=st.sampled_from(["none", *CHECKSUMS]),
    encoding=st.sampled_from(ENCODINGS),
    check=st.fixed_dictionaries(
        {
            name: st.none() | st.integers(-9, 9)
            for name in ("checksum_position", "checksum_start", "checksum_end")
        }
    ),
)
def test_any_bytes(
    frame: bytes,
    table: list[dict[str, Any]],
    checksum: str,
    encoding: str,
    check: dict[str, Any],
) -> None:
    fields = [{**row, "key": f"k{number}"} for number, row in enumerate(table)]
    try:
        parse = create_parser(
            "binary",
            {"fields": fields, "checksum": checksum, "encoding": encoding, **check},
        )
    except OptionsError as err:
        assert err.option in {"fields", "checksum_position", "checksum_start"}
        return
    try:
        message = parse(frame)
    except ParseError as err:
        assert str(err)
        assert len(str(err)) < 250
        return
    assert message is None or isinstance(message, dict)
    json.dumps(message, allow_nan=False, ensure_ascii=False).encode()
    errors = message.errors if isinstance(message, PartialMessage) else ()
    assert not frame or len(message or ()) + len(errors) == len(fields)


# Types, against the standard library's


STRUCT = {
    **{f"int{8 << at}": letter for at, letter in enumerate("bhiq")},
    **{f"uint{8 << at}": letter for at, letter in enumerate("BHIQ")},
    **{f"float{16 << at}": letter for at, letter in enumerate("efd")},
    "bool": "?",
}


@pytest.mark.parametrize(("type", "letter"), STRUCT.items())
@given(data=st.binary(min_size=8, max_size=8), order=orders)
def test_types_are_those_of_struct(
    type: str, letter: str, data: bytes, order: str
) -> None:
    mark = ">" if order == "big" else "<"
    (expected,) = struct.unpack_from(mark + letter, data)
    if letter in "efd" and not math.isfinite(expected):
        expected = None
    for name in (type, letter, type.upper()):
        value = read(data, name, byte_order=order)
        assert value == expected
        assert value.__class__ is expected.__class__


@given(data=st.binary(min_size=3, max_size=3), order=orders)
def test_three_bytes(data: bytes, order: str) -> None:
    wide = data + b"\0" if order == "little" else b"\0" + data
    unsigned = read(wide, "uint32", byte_order=order)
    assert read(data, "uint24", byte_order=order) == unsigned
    assert isinstance(unsigned, int)
    signed = unsigned - (1 << 24 if unsigned >> 23 else 0)
    assert read(data, "int24", byte_order=order) == signed


@pytest.mark.parametrize(
    ("frame", "row", "value"),
    [
        (b"\x12\x34", {"type": "bcd", "length": 2}, 1234),
        (b"\x12\x34", {"type": "bcd", "length": 2, "byte_order": "little"}, 3412),
        (b"\x00\x07", {"type": "bcd", "length": 2.0, "scale": 0.1}, 0.7),
        (b"ab\0\xffcd", {"type": "text"}, "ab"),
        (b"  ab  cd", {"type": "s", "length": "4"}, "ab"),
        (b"\xffb", {"type": "text", "length": 2}, "\ufffdb"),
        (b"\x00\xff", {"type": "hex", "length": 1, "position": -1}, "ff"),
        (b"\x00\xff", {"type": "hex"}, "00ff"),
        (b"\x02", {"type": "bool"}, True),
        (b"\x02", {"type": "bool", "bits": "0"}, False),
        (b"\x02", {"type": "bool", "bits": 1}, True),
        (b"\xa5", {"type": "uint8", "bits": "4-7"}, 10),
        (b"\xa5", {"type": "uint8", "bits": "7 - 4"}, 10),
        (b"\xa5", {"type": "uint8", "bits": "0-7"}, 0xA5),
        (b"\xa5", {"type": "int8", "bits": "4-7"}, -6),
        (b"\xa5", {"type": "int8", "bits": 7.0}, 1),
        (b"\x0f\xff", {"type": "int16", "bits": "0-11"}, -1),
        (b"\x01\x80", {"type": "uint16", "bits": "7-8"}, 3),
        (b"\x01\x80", {"type": "uint16", "bits": "7-8", "byte_order": "Little"}, 0),
        (b"\xff\xfe", {"type": "int8", "position": "-2"}, -1),
    ],
)
def test_values(frame: bytes, row: dict[str, Any], value: JsonValue) -> None:
    parsed = read(frame, **row)
    assert parsed == value
    assert parsed.__class__ is value.__class__


@pytest.mark.parametrize(
    ("data", "order", "encoding"),
    [
        ("ö".encode("utf-16-be"), "big", "utf-16"),
        ("ö".encode("utf-16-le"), "little", "utf-16"),
        ("ö".encode("utf-16"), "big", "utf-16"),
        ("ö".encode("cp1252"), "big", "cp1252"),
        ("ö".encode(), "little", "utf-8"),
    ],
)
def test_texts(data: bytes, order: str, encoding: str) -> None:
    options = {**field("text", byte_order=order), "encoding": encoding}
    assert create_binary_parser(options)(data) == {"v": "ö"}


# Scale and offset


@pytest.mark.parametrize(
    ("number", "scale", "offset", "value"),
    [
        (215, 0.1, 0, 21.5),
        (3, "0.1", None, 0.3),
        (1, 0.1, 0.2, 0.3),
        (65, 1, -40, 25),
        (7, 2.0, 1.0, 15),
        (7, -1, 0, -7),
        ((1 << 63) - 1, 1000, 0, ((1 << 63) - 1) * 1000),
        (1, "1e-3", "", 0.001),
    ],
)
def test_scale(number: int, scale: Any, offset: Any, value: float) -> None:
    frame = struct.pack(">q", number)
    parsed = read(frame, "int64", scale=scale, offset=offset)
    assert parsed == value
    assert parsed.__class__ is value.__class__
    assert write(value, "int64", 8, scale=scale, offset=offset) == frame


@given(number=st.integers(-(10**9), 10**9), places=st.integers(1, 6))
def test_a_decimal_scale_makes_no_noise(number: int, places: int) -> None:
    frame = struct.pack(">i", number)
    scale = float(f"1e-{places}")
    assert read(frame, "int32", scale=scale) == float(f"{number}e-{places}")


@pytest.mark.parametrize(
    ("number", "value"),
    [(21.5, 2.15), (0.1, 0.01), (math.nan, None), (-math.inf, None), (3e299, 3e298)],
)
def test_scale_of_a_float(number: float, value: float | None) -> None:
    assert read(struct.pack(">d", number), "float64", scale=0.1) == value


def test_a_float_beyond_64_bits_is_nothing() -> None:
    assert read(struct.pack(">d", 1.7e308), "float64", scale=10) is None


# There and back


def _integers(bits: int, *, signed: bool) -> st.SearchStrategy[int]:
    low = -(1 << bits - 1) if signed else 0
    return st.integers(low, low + (1 << bits) - 1)


VALUES: dict[str, st.SearchStrategy[Any]] = {
    **{
        f"{prefix}int{bits}": _integers(bits, signed=not prefix)
        for prefix in ("", "u")
        for bits in (8, 16, 24, 32, 64)
    },
    "float16": st.none() | st.floats(width=16, allow_nan=False, allow_infinity=False),
    "float32": st.none() | st.floats(width=32, allow_nan=False, allow_infinity=False),
    "float64": st.none() | st.floats(allow_nan=False, allow_infinity=False),
    "bool": st.booleans(),
    "text": st.text(max_size=5).filter(
        lambda text: text == text.strip(" \t\n\r\x0b\x0c\0") and "\0" not in text
    ),
    "hex": st.binary(min_size=20, max_size=20).map(bytes.hex),
    "bcd": st.integers(0, 10**40 - 1),
}


def test_every_type_goes_there_and_back() -> None:
    assert set(VALUES) == set(TYPES)


@pytest.mark.parametrize("type", VALUES)
@given(data=st.data(), order=orders, position=st.integers(0, 5) | st.integers(-29, -24))
def test_there_and_back(
    type: str, data: st.DataObject, order: str, position: int
) -> None:
    value = data.draw(VALUES[type])
    checksum = data.draw(st.sampled_from(["none", *CHECKSUMS]))
    options = {
        **field(type, byte_order=order, position=position, length=20),
        "checksum": checksum,
        "checksum_byte_order": data.draw(orders),
    }
    frame = encode_binary(options, {"v": value}, 29)
    assert len(frame) == 29
    assert create_binary_parser(options)(frame) == {"v": value}


@given(
    size=st.sampled_from([8, 16, 24, 32, 64]),
    ends=st.tuples(st.integers(0, 63), st.integers(0, 63)),
    signed=st.booleans(),
    order=orders,
    before=st.integers(0, (1 << 64) - 1),
    data=st.data(),
)
def test_bits_there_and_back(
    *,
    size: int,
    ends: tuple[int, int],
    signed: bool,
    order: str,
    before: int,
    data: st.DataObject,
) -> None:
    """Only the chosen bits change."""
    first, last = sorted(end % size for end in ends)
    count = last - first + 1
    value = data.draw(_integers(count, signed=signed and count > 1))
    type = f"{'' if signed else 'u'}int{size}"
    whole = {"position": 0, "type": f"uint{size}", "byte_order": order}
    part = {**whole, "type": type, "bits": f"{first}-{last}"}
    options = {"fields": [{"key": "all", **whole}, {"key": "v", **part}]}
    before %= 1 << size
    frame = encode_binary(options, {"all": before, "v": value}, size // 8)
    mask = (1 << count) - 1 << first
    after = (before & ~mask) | (value << first & mask)
    assert create_binary_parser(options)(frame) == {"all": after, "v": value}


@given(number=_integers(32, signed=True), scale=st.sampled_from([0.1, 0.001, 2, -0.5]))
def test_scale_there_and_back(number: int, scale: float) -> None:
    frame = struct.pack(">i", number)
    value = read(frame, "int32", scale=scale, offset=-40)
    assert write(value, "int32", 4, scale=scale, offset=-40) == frame


def test_the_nearest_number_is_taken() -> None:
    assert write(21.56, "int16", 2, scale=0.1) == b"\x00\xd8"


def test_what_is_not_given_is_zero() -> None:
    fields = [
        {"key": key, "position": at, "type": "uint8"} for at, key in enumerate("ab")
    ]
    assert encode_binary({"fields": fields}, {"b": 5}, 4) == b"\x00\x05\x00\x00"


@pytest.mark.parametrize(
    ("value", "type", "row", "reason"),
    [
        (256, "uint8", {}, "v: It takes 0 to 255 there, not 256"),
        (-1, "uint8", {}, "0 to 255"),
        (128, "int8", {}, "-128 to 127"),
        (16, "uint8", {"bits": "4-7"}, "0 to 15"),
        (300, "uint8", {"scale": 10, "offset": 600}, "0 to 255"),
        (1e300, "uint8", {}, "0 to 255"),
        pytest.param(1 << 5000, "uint8", {}, "too large", id="huge"),
        (math.nan, "uint8", {}, "no number"),
        (math.inf, "float32", {}, "no number"),
        ("5", "uint8", {}, "no number"),
        (None, "uint8", {}, "no number"),
        (70000, "float16", {}, "too large"),
        (1e39, "float32", {}, "too large"),
        (1e300, "float64", {"scale": 1e-15}, "too large"),
        (2, "bool", {}, "neither true nor false"),
        ([], "bool", {}, "neither true nor false"),
        ("abc", "text", {"length": 2}, "It has 3 bytes and takes 2"),
        (5, "text", {"length": 2}, "no text"),
        ("\ud800", "text", {}, "cannot be written"),
        ("01", "hex", {"length": 2}, "It has 1 bytes and takes 2"),
        ("xx", "hex", {"length": 1}, "not hexadecimal"),
        (100, "bcd", {"length": 1}, "2 digits"),
        (-1, "bcd", {"length": 1}, "without a sign"),
        (1, "uint32", {"position": 6}, "The frame of 8 bytes does not reach it"),
    ],
)
def test_what_does_not_fit(
    value: object, type: str, row: dict[str, Any], reason: str
) -> None:
    with pytest.raises(EncodingError, match=reason):
        write(value, type, 8, **row)


def test_frames_that_cannot_be() -> None:
    options = field("uint8")
    with pytest.raises(EncodingError, match="There is no field 'w'"):
        encode_binary(options, {"w": 1}, 4)
    for size in (0, -1, 1 << 30):
        with pytest.raises(EncodingError, match="A frame has 1 to"):
            encode_binary(options, {"v": 1}, size)
    with pytest.raises(EncodingError, match="too short for its checksum"):
        encode_binary({**options, "checksum": "crc32"}, {"v": 1}, 4)


# Fields that are not there


@pytest.mark.parametrize(
    ("frame", "position"), [(b"\x01", 0), (b"\x01\x02", 1), (b"\x01\x02", -3)]
)
def test_a_field_beyond_the_frame(frame: bytes, position: int) -> None:
    fields = [
        {"key": "a", "position": 0, "type": "uint8"},
        {"key": "b", "position": position, "type": "uint16"},
    ]
    message = create_binary_parser({"fields": fields})(frame)
    assert isinstance(message, PartialMessage)
    assert message == {"a": 1}
    assert message.errors == (f"b: The frame of {len(frame)} bytes does not reach it",)


def test_no_field_is_there() -> None:
    with pytest.raises(ParseError, match="v: The frame of 1 bytes"):
        read(b"\0", "uint16")
    with pytest.raises(ParseError, match="v: 'a1' is no BCD"):
        read(b"\xa1", "bcd", length=1)
    with pytest.raises(ParseError, match="does not reach"):
        read(b"ab", "text", position=2)
    assert create_binary_parser(field("uint8"))(b"") is None


# Checksums


def modbus(**options: Any) -> dict[str, Any]:
    """Return the options of a Modbus frame."""
    return {
        "fields": [{"key": "v", "position": 3, "type": "uint16"}],
        "checksum": "crc16_modbus",
        "checksum_byte_order": "little",
        **options,
    }


def test_a_frame_of_modbus() -> None:
    frame = bytes.fromhex("01 03 02 00 D7 F8 1A")
    assert create_binary_parser(modbus())(frame) == {"v": 215}
    with pytest.raises(
        ParseError,
        match=r"has the checksum 0x1AF8, its bytes give 0x[0-9A-F]{4} \(crc16_modbus\)",
    ):
        create_binary_parser(modbus())(frame.replace(b"\xd7", b"\xd8"))
    with pytest.raises(ParseError, match=r"checksum 0xF81A, .* 0x1AF8"):
        create_binary_parser(modbus(checksum_byte_order="big"))(frame)
    for short in (b"\x01", b"\x01\x03"):
        with pytest.raises(ParseError, match="too short"):
            create_binary_parser(modbus())(short)


@given(frame=st.binary(min_size=3, max_size=30), name=st.sampled_from(list(CHECKSUMS)))
@example(frame=b"\0\0\0", name="crc32")
def test_one_wrong_bit_is_noticed(frame: bytes, name: str) -> None:
    options = {**field("hex"), "checksum": name}
    size = CHECKSUMS[name].size
    sent = encode_binary(options, {"v": frame.hex()}, len(frame) + size)
    parse = create_binary_parser(options)
    # A text without a length ends before the checksum.
    assert parse(sent) == {"v": frame.hex()}
    for bit in range(0, 8 * len(sent), 5):
        wrong = bytearray(sent)
        wrong[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ParseError, match="checksum"):
            parse(bytes(wrong))


@pytest.mark.parametrize(
    ("options", "checked"),
    [
        ({}, slice(0, 7)),
        ({"checksum_start": 1}, slice(1, 7)),
        ({"checksum_start": 1.0, "checksum_end": "-2"}, slice(1, 6)),
        ({"checksum_position": 4}, slice(0, 4)),
        ({"checksum_position": -3, "checksum_start": -7}, slice(1, 5)),
        ({"checksum_position": 0, "checksum_start": 1}, slice(1, 8)),
        ({"checksum_position": 0, "checksum_start": 1, "checksum_end": 5}, slice(1, 5)),
    ],
)
def test_where_a_checksum_is(options: dict[str, Any], checked: slice) -> None:
    options = {**field("uint8", position=2), "checksum": "sum8", **options}
    frame = bytearray(b"\x11\x12\x13\x14\x15\x16\x17\x18")
    at = int(options.get("checksum_position", -1))
    frame[at] = sum(frame[checked]) & 0xFF
    assert create_binary_parser(options)(bytes(frame)) == {"v": 0x13}
    frame[at] ^= 1
    with pytest.raises(ParseError, match="checksum"):
        create_binary_parser(options)(bytes(frame))


# Options


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"type": "int12"}, r"Row 1 \(v\) has the type 'int12'; take one of int8"),
        ({"type": ""}, "has the type ''"),
        ({"type": 5}, "no text"),
        ({"position": None}, "has no position"),
        ({"position": "x"}, "no whole number"),
        ({"byte_order": "middle"}, "take big or little"),
        ({"type": "bcd"}, "needs a length of 1 to 32"),
        ({"type": "bcd", "length": 33}, "needs a length"),
        ({"type": "text", "length": 0}, "length below 1"),
        ({"bits": "8"}, "the bits 0 to 7, and no bit 8"),
        ({"bits": "a"}, "write 3 or 4-7"),
        ({"bits": "-1"}, "write 3 or 4-7"),
        ({"bits": [1]}, "no number"),
        ({"type": "bool", "bits": "1-2"}, "one bit"),
        ({"type": "float32", "bits": "1"}, "no bits to choose"),
        ({"type": "hex", "bits": "1"}, "no bits to choose"),
        ({"scale": 0}, "makes everything zero"),
        ({"scale": "1e-400"}, "makes everything zero"),
        ({"scale": "0,1"}, "'0,1' as scale, which is no number"),
        ({"scale": math.nan}, "no number"),
        ({"offset": math.inf}, "no number"),
        ({"offset": "1e16"}, "offset beyond"),
        ({"offset": "0." + "1" * 50}, "no number"),
        ({"offset": True}, "no number"),
        ({"type": "text", "scale": 2}, "neither scale nor offset"),
        ({"type": "bool", "offset": 2}, "neither scale nor offset"),
    ],
)
def test_fields(row: dict[str, Any], reason: str) -> None:
    given_row = {"key": "v", "position": 0, "type": "uint8", **row}
    with pytest.raises(OptionsError, match=reason) as caught:
        create_binary_parser({"fields": [given_row]})
    assert caught.value.option == "fields"


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"fields": []}, "fields"),
        ({"checksum": "crc12"}, "checksum"),
        ({"checksum": ["crc8"]}, "checksum"),
        ({"checksum": "crc8", "checksum_byte_order": "middle"}, "checksum_byte_order"),
        ({"checksum": "crc8", "checksum_position": "x"}, "checksum_position"),
        ({"checksum": "crc32", "checksum_position": -3}, "checksum_position"),
        ({"checksum": "crc8", "checksum_start": 1.5}, "checksum_start"),
        ({"checksum": "crc8", "checksum_position": 0}, "checksum_start"),
        ({"checksum": "crc8", "checksum_end": []}, "checksum_end"),
        ({"encoding": "rot13"}, "encoding"),
    ],
)
def test_options(options: dict[str, Any], option: str) -> None:
    with pytest.raises(OptionsError) as caught:
        create_binary_parser({**field("uint8"), **options})
    assert caught.value.option == option
    assert str(caught.value)


@pytest.mark.timeout(10)
def test_a_large_frame_takes_little_time() -> None:
    rows = [
        {
            "key": f"k{number}",
            "position": number,
            "type": "text" if number % 2 else "hex",
        }
        for number in range(500)
    ]
    parse = create_binary_parser({"fields": rows, "checksum": "crc32"})
    with pytest.raises(ParseError, match="checksum"):
        parse(b"\0" * 65536)
    assert create_binary_parser({"fields": rows})(b" " * 65536)
