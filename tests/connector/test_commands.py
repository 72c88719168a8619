"""Commands: the options of an actuator, and the bytes that its values become."""

import struct
from typing import Any

from hypothesis import example, given, strategies as st
import pytest

from custom_components.bemcom_connectors.connector.actuators import (
    MAX_TEXT,
    ActuatorKind,
    StateSource,
)
from custom_components.bemcom_connectors.connector.binary import create_binary_parser
from custom_components.bemcom_connectors.connector.binary_fields import TYPES
from custom_components.bemcom_connectors.connector.checksums import CHECKSUMS
from custom_components.bemcom_connectors.connector.command_options import MAX_CHOICES
from custom_components.bemcom_connectors.connector.commands import (
    StreamCommand,
    create_command,
)
from custom_components.bemcom_connectors.connector.devices import Device
from custom_components.bemcom_connectors.connector.model import (
    CommandError,
    CommandReason,
    JsonValue,
    OptionsError,
    ParseError,
)
from custom_components.bemcom_connectors.connector.transport import MAX_UNSENT

DEVICE = Device("d1", "meter", "Meter")
CHOICES = [{"option": "eco", "payload": "E"}, {"option": "comfort"}]


def command(kind: str = "number", **options: Any) -> StreamCommand:
    return create_command({"key": "sp", "kind": kind, **options})


def sent(made: StreamCommand, value: JsonValue = None) -> bytes:
    """Return the bytes of a value that somebody sets."""
    return made.encode(made.actuator.accept(value), DEVICE)


def refused(made: StreamCommand, value: JsonValue = None) -> str:
    """Return why a value cannot be written."""
    with pytest.raises(CommandError) as caught:
        made.encode(value, DEVICE)
    assert caught.value.reason is CommandReason.INVALID_VALUE
    return str(caught.value)


def fault(options: dict[str, Any]) -> tuple[str, str]:
    """Return the option at fault, and what is wrong with it."""
    with pytest.raises(OptionsError) as caught:
        create_command(options)
    assert len(str(caught.value)) < 600
    return caught.value.option, str(caught.value)


# The actuator


def test_the_least_there_can_be() -> None:
    made = command()
    actuator = made.actuator
    assert (actuator.key, actuator.kind) == ("sp", ActuatorKind.NUMBER)
    assert (actuator.state_source, actuator.state_key) == (StateSource.SENT, "sp")
    assert (actuator.device_id, actuator.unit, actuator.options) == (None, None, ())
    assert (made.slow, made.reply) == (False, None)
    assert sent(made, 21.5) == b"21.5"


def test_all_that_a_number_has() -> None:
    actuator = command(
        key="d1__sp",
        device_id="d1",
        name=" Set point ",
        minimum=-5.0,
        maximum=5.5,
        step=0.5,
        unit="°C",
        state_source="datapoint",
        state_key="d1__is",
    ).actuator
    assert (actuator.minimum, actuator.maximum, actuator.step) == (-5, 5.5, 0.5)
    assert (actuator.name, actuator.unit) == ("Set point", "°C")
    assert (actuator.device_id, actuator.state_key) == ("d1", "d1__is")
    assert actuator.state_source is StateSource.DATAPOINT


@pytest.mark.parametrize(
    ("options", "option", "reason"),
    [
        ({"key": ""}, "key", "Give the key"),
        ({"key": " "}, "key", "Give the key"),
        ({"key": None}, "key", "Give the key"),
        ({"key": 5}, "key", "5 is no text"),
        ({"key": "x" * 256}, "key", "at most 255"),
        ({"device_id": "d1"}, "key", "begins with its id: d1__"),
        ({"device_id": "d1", "key": "d1__"}, "key", "begins with its id"),
        ({"kind": "light"}, "kind", "'light' is none of number, switch"),
        ({"kind": None}, "kind", "is none of number, switch"),
        ({"kind": ["number"]}, "kind", "is none of"),
        ({"minimum": 5, "maximum": 5}, "maximum", "more than the minimum"),
        ({"minimum": "5"}, "minimum", "'5' is no number"),
        ({"maximum": True}, "maximum", "True is no number"),
        ({"maximum": float("inf")}, "maximum", "inf is no number"),
        ({"step": 0}, "step", "more than 0"),
        ({"step": -1}, "step", "more than 0"),
        ({"scale": 0}, "scale", "divided by 0"),
        ({"scale": 1e-300}, "scale", "Take a scale"),
        ({"scale": 1e300}, "scale", "Take a scale"),
        ({"offset": -1e300}, "offset", "Take an offset"),
        ({"scale": float("nan")}, "scale", "no number"),
        ({"state_source": "guess"}, "state_source", "none of datapoint, sent, reply"),
        ({"state_source": "reply"}, "state_source", "say how replies are framed"),
        ({"name": 1}, "name", "no text"),
        ({"encoding": "morse"}, "encoding", "none of template, hex"),
        ({"kind": "text", "minimum": -1}, "minimum", "0 to 4096"),
        ({"kind": "text", "minimum": 1.5}, "minimum", "0 to 4096"),
        ({"kind": "text", "maximum": MAX_TEXT + 1}, "maximum", "0 to 4096"),
        ({"kind": "text", "maximum": 0}, "maximum", "larger length"),
        ({"kind": "text", "minimum": 5, "maximum": 4}, "maximum", "larger length"),
        ({"kind": "switch", "payload_on": "0"}, "payload_off", "is the same"),
        ({"kind": "switch", "payload_off": ""}, "payload_off", "nothing to send"),
        ({"kind": "switch", "payload_on": 1}, "payload_on", "no text"),
        ({"kind": "button"}, "payload", "nothing to send"),
        ({"kind": "select"}, "choices", "There are no choices"),
        ({"kind": "select", "choices": []}, "choices", "There are no choices"),
        ({"kind": "select", "choices": "a"}, "choices", "There are no choices"),
        ({"kind": "select", "choices": ["a"]}, "choices", "Choice 1 has no name"),
        ({"kind": "select", "choices": [{"option": ""}]}, "choices", "1 has no name"),
        (
            {"kind": "select", "choices": [*CHOICES, {"option": "eco"}]},
            "choices",
            "'eco' is there twice",
        ),
        (
            {"kind": "select", "choices": [{"option": "a", "payload": 1}]},
            "choices",
            "payload of 'a' is no text",
        ),
        (
            {"kind": "select", "choices": CHOICES * MAX_CHOICES},
            "choices",
            "more than 500",
        ),
    ],
)
def test_what_no_actuator_can_be(
    options: dict[str, Any], option: str, reason: str
) -> None:
    assert fault({"key": "sp", "kind": "number", **options})[0] == option
    assert reason in fault({"key": "sp", "kind": "number", **options})[1]


# What is sent for a value


@pytest.mark.parametrize(
    ("options", "value", "data"),
    [
        ({}, 25.0, b"25"),
        ({}, -0.0, b"0"),
        ({}, 0, b"0"),
        ({}, -3, b"-3"),
        ({}, 1e-7, b"0.0000001"),
        ({}, 10**20, b"100000000000000000000"),
        ({}, "21.5", b"21.5"),
        ({"scale": 0.1}, 21.5, b"215"),
        ({"scale": 0.1}, 0.1 + 0.2, b"3"),
        ({"scale": 0.3}, 20.1, b"67"),
        ({"scale": 0.1, "offset": 0.1}, 0.3, b"2"),
        ({"scale": 2, "offset": -40}, 0, b"20"),
        ({"scale": -1}, 5, b"-5"),
        ({"scale": 3}, 10, b"3.33333333333333"),
        ({"scale": 2}, 2 * 10**30 + 2, b"1" + 29 * b"0" + b"1"),
        ({"scale": 4}, 1, b"0.25"),
    ],
)
def test_numbers(options: dict[str, Any], value: JsonValue, data: bytes) -> None:
    assert sent(command(**options), value) == data


@given(
    steps=st.integers(-(10**6), 10**6),
    scale=st.sampled_from([0.001, 0.01, 0.1, 0.5, 2, 10, 0.3, 7]),
    offset=st.sampled_from([0, 0.1, -40, 273.15]),
)
def test_a_scaled_number_is_the_whole_one_it_came_from(
    steps: int, scale: float, offset: float
) -> None:
    """As the values of a device with this scale and offset are all of them."""
    value = round(steps * scale + offset, 6)
    assert sent(command(scale=scale, offset=offset), value) == str(steps).encode()


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("x", "'x' is no number"),
        (True, "True is no number"),
        (None, "None is no number"),
        (float("nan"), "nan is no number"),
        pytest.param(10**400, "cannot be written as '.1f'", id="large"),
    ],
)
def test_what_is_no_number(value: JsonValue, reason: str) -> None:
    """Also of a caller that let nothing accept it."""
    text = refused(command(scale=0.3, template="${value:.1f}"), value)
    assert reason in text


def test_a_quotient_too_large() -> None:
    assert "too large" in refused(command(scale=3e-15), 10**308 + 1)
    assert "too large" in refused(command(scale=2), 10**5000)


def test_payloads() -> None:
    switch = command("switch", payload_on="ON", template="${value}\\n")
    assert [sent(switch, it) for it in ("on", False)] == [b"ON\n", b"0\n"]
    select = command("select", choices=CHOICES)
    assert [sent(select, it) for it in ("eco", "comfort")] == [b"E", b"comfort"]
    assert "no choice" in refused(select, "boost")
    button = command("button", payload="reset\\n", template="!${value};\\n")
    # A payload is a value: what looks like an escape in it is none.
    assert sent(button) == b"!reset\\n;\n"
    text = command("text")
    assert [sent(text, it) for it in ("", "a", 0)] == [b"", b"a", b"0"]


def test_what_a_payload_shows() -> None:
    switch = command("switch", payload_on="0", payload_off="AUS")
    assert switch.state_of("0") is switch.state_of(0) is switch.state_of(0.0) is True
    assert switch.state_of(" AUS ") is False
    assert (switch.state_of(True), switch.state_of("off")) == (True, False)
    assert switch.state_of("EIN") is None
    select = command("select", choices=[*CHOICES, {"option": "e2", "payload": "E"}])
    assert [select.state_of(it) for it in ("E", "eco", "x")] == ["eco", "eco", None]
    number = command(scale=0.1, maximum=50)
    assert (number.state_of("21.5"), number.state_of(60)) == (21.5, 60)
    assert number.state_of("warm") is None


def test_a_reply_shows_what_the_device_has() -> None:
    number = command(scale=0.1, offset=-5, maximum=50)
    assert [number.state_of_reply(it) for it in ("265", 265, "x", None)] == [
        21.5,
        21.5,
        None,
        None,
    ]
    assert command("switch").state_of_reply("1") is True


# Templates


def test_the_variables_of_a_template() -> None:
    template = (
        "${attribute} ${sp} ${value} ${params} ${device_name} ${deviceName} "
        "${device_type} ${deviceType} ${device_id} $${x} ${d1__sp}"
    )
    made = command(key="d1__sp", device_id="d1", template=template)
    assert sent(made, 5) == b"sp 5 5 5 Meter Meter meter meter d1 ${x} 5"
    variables = made.variables(5.0, DEVICE)
    assert (variables["value"], variables["attribute"]) == (5, "sp")
    switch = command("switch", payload_on="AN")
    assert switch.variables(True, DEVICE)["params"] == "AN"


def test_a_method_takes_any_params() -> None:
    made = command("method", template="gpio ${params.pin} ${value.on:d}\\n")
    assert sent(made, {"pin": 0, "on": True}) == b"gpio 0 1\n"
    assert "has no 'on'" in refused(made, {"pin": 0})
    assert sent(command("method", template="${params:json}\\n"), None) == b"null\n"


@pytest.mark.parametrize(
    ("options", "option", "reason"),
    [
        ({"template": "${valu}"}, "template", "${valu} is unknown; take one of ${sp}"),
        ({"template": "${value.pin}"}, "template", "value has no parts"),
        ({"template": "\\q"}, "template", "is no escape"),
        ({"template": "${value:.1k}"}, "template", "is no format"),
        ({"template": 5}, "template", "5 is no text"),
        ({"template": ""}, "template", "nothing to send"),
        ({"template": "°", "text_encoding": "ascii"}, "template", "written in ascii"),
        ({"text_encoding": "klingon"}, "text_encoding", "none of utf-8"),
        ({"template": "${value:d}", "minimum": 0.5}, "minimum", "0.5 cannot be sent"),
        ({"template": "${value:d}", "scale": 0.3}, "template", "1 cannot be sent"),
        ({"checksum": "crc64"}, "checksum", "none of none, sum8"),
        ({"checksum_byte_order": "up"}, "checksum_byte_order", "none of big, little"),
        ({"encoding": "hex", "template": "01 zz"}, "template", "'zz' is not hex"),
        (
            {"encoding": "hex", "template": "01 ${value:X}"},
            "template",
            "1 cannot be sent: '1' has half a byte",
        ),
        (
            {"encoding": "hex", "template": "${value:04X}", "minimum": -1},
            "minimum",
            "-1 cannot be sent",
        ),
        ({"kind": "switch", "encoding": "hex"}, "payload_on", "half a byte"),
        (
            {"kind": "select", "choices": CHOICES, "encoding": "hex"},
            "choices",
            "'eco' cannot be sent: 'E' has half",
        ),
        ({"kind": "text", "encoding": "hex", "template": "0 1"}, "template", "'0'"),
        ({"reply_framing": "morse"}, "reply_framing", "none of none, hub"),
        (
            {"reply_framing": "line", "reply_prefix": "${valu}"},
            "reply_prefix",
            "unknown",
        ),
    ],
)
def test_templates_that_cannot_work(
    options: dict[str, Any], option: str, reason: str
) -> None:
    found, text = fault({"key": "sp", "kind": "number", **options})
    assert (found, reason in text) == (option, True), text


def test_hexadecimal() -> None:
    made = command(
        encoding="hex",
        template="01 06 00 10 ${value:04X}",
        checksum="crc16_modbus",
        checksum_byte_order="little",
        minimum=0,
        maximum=65535,
    )
    data = sent(made, 258)
    assert data[:-2] == bytes.fromhex("010600100102")
    check = CHECKSUMS["crc16_modbus"].compute(data[:-2])
    assert int.from_bytes(data[-2:], "little") == check
    assert "'zz'" in refused(command("text", encoding="hex"), "zz")


def test_nothing_is_half_written() -> None:
    """What is too long is refused as a whole."""
    made = command("method")
    assert len(sent(made, "x" * MAX_UNSENT)) == MAX_UNSENT
    assert "more than 65,536 bytes" in refused(made, "x" * (MAX_UNSENT + 1))
    made = command("method", encoding="hex")
    assert len(sent(made, "0x00, " * MAX_UNSENT)) == MAX_UNSENT
    assert "at most 65,536" in refused(made, "00" * (MAX_UNSENT + 1))
    assert "too long" in refused(made, "00" * (4 * MAX_UNSENT))
    made = command("method", checksum="sum8")
    assert "at most 65,536" in refused(made, "x" * MAX_UNSENT)
    made = command("method")
    assert "cannot be written in utf-8" in refused(made, "ab\ud800")


@given(value=st.text(st.characters(exclude_categories=["Cs"]), max_size=100))
@example(value="${value}\\n")
def test_a_text_is_sent_as_it_is(value: str) -> None:
    assert sent(command("text", template="<${value}>\\r"), value) == (
        f"<{value}>\r".encode()
    )


# Binary


def parsed(type_: str, data: bytes, **row: Any) -> JsonValue:
    """Return what our own parser reads in the bytes."""
    fields = [{"key": "v", "type": type_, "position": 0, **row}]
    message = create_binary_parser({"fields": fields})(data)
    assert isinstance(message, dict)
    return message["v"]


def limits(type_: str) -> tuple[int, int]:
    bits = int(type_.lstrip("uint"))
    unsigned = type_.startswith("u")
    return (0, (1 << bits) - 1) if unsigned else (-(1 << bits - 1), (1 << bits - 1) - 1)


INTEGERS = [it for it in TYPES if "int" in it]
orders = st.sampled_from(["big", "little"])


@given(data=st.data(), type_=st.sampled_from(INTEGERS), order=orders)
def test_integers_are_read_back(data: st.DataObject, type_: str, order: str) -> None:
    number = data.draw(st.integers(*limits(type_)))
    made = command(encoding="binary", binary_type=type_, byte_order=order)
    assert parsed(type_, sent(made, number), byte_order=order) == number


@given(number=st.floats(allow_nan=False, allow_infinity=False), order=orders)
def test_floats_are_read_back(number: float, order: str) -> None:
    made = command(encoding="binary", binary_type="float64", byte_order=order)
    assert parsed("float64", sent(made, number), byte_order=order) == number


@given(number=st.integers(0, 10**8 - 1), order=orders)
def test_bcd_is_read_back(number: int, order: str) -> None:
    made = command(
        encoding="binary", binary_type="bcd", binary_size=4, byte_order=order
    )
    assert parsed("bcd", sent(made, number), byte_order=order, length=4) == number


@given(number=st.integers(-32768, 32767))
def test_a_scaled_value_is_read_back(number: int) -> None:
    made = command(encoding="binary", binary_type="int16", scale=0.1, offset=-20)
    value = parsed("int16", struct.pack(">h", number), scale=0.1, offset=-20)
    assert sent(made, value) == struct.pack(">h", number)


@pytest.mark.parametrize(
    ("kind", "options", "value", "data"),
    [
        ("number", {"binary_type": "int16"}, -2, "fffe"),
        ("number", {"binary_type": "uint16", "byte_order": "little"}, 258, "0201"),
        ("number", {"binary_type": "int16", "scale": 0.1}, 21.57, "00d8"),
        ("number", {"binary_type": "float32"}, 1.5, "3fc00000"),
        ("number", {"binary_type": "int"}, 256, "0100"),
        ("number", {"binary_type": "int"}, 0, "00"),
        ("number", {"binary_type": "float"}, 0.5, "3f000000"),
        ("number", {"binary_type": "text"}, 21.5, "32312e35"),
        ("number", {"binary_type": "text", "binary_size": 4}, 5, "35000000"),
        (
            "number",
            {"binary_type": "uint8", "prefix": "02", "suffix": "0x03 0D"},
            9,
            "0209030d",
        ),
        (
            "number",
            {"binary_type": "uint8", "prefix": "02", "checksum": "sum8"},
            9,
            "02090b",
        ),
        ("switch", {"binary_type": "bool"}, True, "01"),
        ("switch", {"binary_type": "uint16", "payload_on": "256"}, True, "0100"),
        ("switch", {"binary_type": "bool", "payload_on": "true"}, False, "00"),
        (
            "select",
            {
                "binary_type": "uint8",
                "choices": [{"option": "a", "payload": "7"}, {"option": "8"}],
            },
            "8",
            "08",
        ),
        ("button", {"binary_type": "hex", "payload": "0A:0B"}, None, "0a0b"),
        ("text", {"binary_type": "int32"}, "-1", "ffffffff"),
        ("text", {"binary_type": "text", "text_encoding": "latin-1"}, "°", "b0"),
        ("text", {"binary_type": "text", "text_encoding": "utf-16"}, "a", "0061"),
        (
            "text",
            {
                "binary_type": "text",
                "text_encoding": "utf-16",
                "byte_order": "little",
            },
            "a",
            "6100",
        ),
        ("text", {"binary_type": "hex", "binary_size": 2}, "0102", "0102"),
        ("method", {"binary_type": "uint8"}, True, "01"),
        ("method", {"binary_type": "uint8"}, "12", "0c"),
    ],
)
def test_binary(
    kind: str, options: dict[str, Any], value: JsonValue, data: str
) -> None:
    assert sent(command(kind, encoding="binary", **options), value).hex() == data


@pytest.mark.parametrize(
    ("options", "option", "reason"),
    [
        ({}, "binary_type", "none of int, float, int8"),
        ({"binary_type": "int12"}, "binary_type", "'int12' is none of"),
        ({"binary_type": "bcd"}, "binary_size", "1 to 32 bytes"),
        ({"binary_type": "bcd", "binary_size": 33}, "binary_size", "1 to 32 bytes"),
        ({"binary_type": "text", "binary_size": 0}, "binary_size", "from 1 to 4096"),
        ({"binary_type": "text", "binary_size": 1.5}, "binary_size", "from 1 to 4096"),
        ({"binary_type": "int8", "byte_order": "up"}, "byte_order", "none of big"),
        ({"binary_type": "int8", "prefix": "0"}, "prefix", "half a byte"),
        ({"binary_type": "int8", "suffix": "x"}, "suffix", "not hexadecimal"),
        ({"binary_type": "text", "text_encoding": "x"}, "text_encoding", "none of utf"),
        ({"binary_type": "int8", "maximum": 128}, "maximum", "-128 to 127"),
        ({"binary_type": "int", "minimum": -1}, "minimum", "unsigned"),
        ({"binary_type": "hex"}, "binary_type", "half a byte"),
        (
            {"kind": "switch", "binary_type": "bool", "payload_on": "AN"},
            "payload_on",
            "'AN' is no number",
        ),
    ],
)
def test_binary_that_cannot_work(
    options: dict[str, Any], option: str, reason: str
) -> None:
    given = {"key": "sp", "kind": "number", "encoding": "binary", **options}
    found, text = fault(given)
    assert (found, reason in text) == (option, True), text


@pytest.mark.parametrize(
    ("type_", "value", "reason"),
    [
        ("int16", 32768, "-32768 to 32767"),
        ("uint8", -1, "0 to 255"),
        ("int16", "abc", "'abc' is no number"),
        ("int16", None, "None is no number"),
        ("int16", {"a": 1}, "{'a': 1} is no number"),
        ("float64", "nan", "'nan' is no number"),
        ("float64", float("inf"), "inf is no number"),
        ("float32", 1e300, "too large"),
        ("int", 1.5, "no integer"),
        ("int", -1, "unsigned"),
        pytest.param("int", 10**400, "is no number", id="large"),
        ("bool", 2, "neither true nor false"),
        ("text", None, "None is no text"),
        ("text", True, "True is no text"),
        ("text", ["a"], "['a'] is no text"),
        ("hex", "0", "half a byte"),
        ("text", "\ud800", "cannot be written"),
    ],
)
def test_what_cannot_be_binary(type_: str, value: JsonValue, reason: str) -> None:
    made = command("method", encoding="binary", binary_type=type_)
    assert reason in refused(made, value)


# Converters


def encoder(name: str) -> Any:
    """Return the encoder of the only converter there is."""
    if name != "mine":
        raise OptionsError("converter", f"there is no {name}.py")

    def encode(key: str, value: JsonValue) -> bytes:
        if value == "bad":
            raise ParseError("mine.py, line 3: ValueError: bad")
        return f"{key}={value!r}".encode()

    return encode


def converted(kind: str, **options: Any) -> StreamCommand:
    given = {"key": "sp", "kind": kind, "encoding": "converter", "converter": "mine"}
    return create_command({**given, **options}, encoder)


def test_converters() -> None:
    """A payload is taken as JSON is; a text stays one."""
    assert converted("number").slow
    assert sent(converted("number", scale=0.1), 21.5) == b"sp=215"
    assert sent(converted("switch", payload_on="true"), True) == b"sp=True"
    assert sent(converted("switch"), False) == b"sp=0"
    assert sent(converted("button")) == b"sp=None"
    assert sent(converted("select", choices=CHOICES), "eco") == b"sp='E'"
    assert sent(converted("text"), "5") == b"sp='5'"
    assert sent(converted("method"), {"a": [1]}) == b"sp={'a': [1]}"
    assert sent(converted("number", checksum="xor8"), 1)[:-1] == b"sp=1"
    assert refused(converted("text"), "bad") == "mine.py, line 3: ValueError: bad"


def test_a_converter_is_not_called_before_it_is_needed() -> None:
    def never(_: str, __: JsonValue) -> bytes:
        raise AssertionError

    options = {"key": "sp", "kind": "button", "encoding": "converter"}
    assert create_command({**options, "converter": "a"}, lambda _: never).slow


def test_converters_that_are_missing() -> None:
    options = {"key": "sp", "kind": "number", "encoding": "converter"}
    assert fault(options) == ("converter", "Choose the converter that writes it")
    options["converter"] = "mine"
    assert fault(options) == ("converter", "There are no converters here")
    with pytest.raises(OptionsError, match=r"no other\.py"):
        create_command({**options, "converter": "other"}, encoder)


# Replies


def test_the_reply_has_the_variables_of_the_template() -> None:
    made = command(
        state_source="reply", reply_framing="line", reply_prefix="${attribute}=${value}"
    )
    assert made.actuator.state_source is StateSource.REPLY
    assert made.reply is not None
    expected = made.reply.expect(made.variables(5.0, DEVICE))
    assert expected.is_reply(b"sp=5 ok")
    assert not expected.is_reply(b"sp=6 ok")


@pytest.mark.parametrize("binary_type", ["uint8", "int16", "int"])
def test_a_whole_number_is_not_made_of_another(binary_type: str) -> None:
    """What was asked for is sent or refused, unless a scale says that it is rounded."""
    exact = command(encoding="binary", binary_type=binary_type, maximum=100)
    assert exact.encode(2.0, Device("")) == exact.encode(2, Device(""))
    with pytest.raises(CommandError, match=r"2\.5 is no") as error:
        exact.encode(2.5, Device(""))
    assert error.value.reason is CommandReason.INVALID_VALUE


def test_a_scaled_number_is_rounded() -> None:
    scaled = command(encoding="binary", binary_type="int16", scale=0.1, maximum=50)
    assert scaled.encode(21.57, Device("")) == (216).to_bytes(2)
