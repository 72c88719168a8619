"""Pasted attribute updates and remote calls of ThingsBoard's connectors."""

import json
from typing import Any

from hypothesis import example, given, strategies as st
import pytest

from custom_components.bemcom_connectors.connector.commands import (
    StreamCommand,
    create_command,
)
from custom_components.bemcom_connectors.connector.devices import Device
from custom_components.bemcom_connectors.connector.model import JsonValue, OptionsError
from custom_components.bemcom_connectors.connector.thingsboard_commands import (
    read_thingsboard_commands,
)

DEVICE = Device("", "meter", "Meter 1")
UPDATE = {"attributeOnPlatform": "attr1", "stringToDevice": "value = ${attr1}\n"}
CALL = {
    "method": "setValue",
    "type": "int",
    "withResponse": True,
    "responseType": "string",
    "responseUntilDelimiter": "\r",
    "responseTimeoutSec": 2,
}
SERIAL = {
    "name": "SerialDevice1",
    "port": "/dev/ttyUSB0",
    "byteorder": "LITTLE",
    "telemetry": [{"key": "humidity", "type": "float"}],
    "attributeUpdates": [UPDATE],
    "serverSideRpc": [CALL],
}
SOCKET = {
    "address": "*:*",
    "deviceName": "Device Example",
    "encoding": "latin-1",
    "attributeUpdates": [{"encoding": "utf-16", "attributeOnThingsBoard": "shared"}],
    "serverSideRpc": [{"methodRPC": "write", "withResponse": True}],
}


def paste(config: Any, *taken: str) -> list[dict[str, Any]]:
    """Return the options for a configuration."""
    return read_thingsboard_commands(json.dumps(config), taken)


def commands(config: Any) -> dict[str, StreamCommand]:
    """Return the commands of a configuration by their keys."""
    made = [create_command(options) for options in paste(config)]
    return {it.actuator.key: it for it in made}


def sent(config: Any, key: str, value: JsonValue) -> bytes:
    command = commands(config)[key]
    return command.encode(command.actuator.accept(value), DEVICE)


def test_a_serial_device() -> None:
    assert paste(SERIAL) == [
        {
            "key": "attr1",
            "kind": "text",
            "encoding": "template",
            "template": "value = ${value}\\n",
        },
        {
            "key": "setValue",
            "kind": "method",
            "encoding": "binary",
            "binary_type": "int",
            "byte_order": "little",
            "reply_framing": "delimiter",
            "reply_type": "string",
            "reply_timeout": 2.0,
            "reply_delimiter": "\\r",
            "reply_keep_delimiter": True,
            "reply_until_delimiter": "\\r",
        },
    ]
    assert sent(SERIAL, "attr1", 25) == b"value = 25\n"
    assert sent(SERIAL, "setValue", 258) == b"\x02\x01"


def test_a_socket_device() -> None:
    """Texts have the encoding of the device; the entry's own counts for nothing."""
    text = {"encoding": "template", "text_encoding": "latin-1", "template": "${value}"}
    assert paste(SOCKET) == [
        {"key": "shared", "kind": "text", **text},
        {
            "key": "write",
            "kind": "method",
            **text,
            "reply_framing": "hub",
            "reply_type": "string",
        },
    ]
    assert sent(SOCKET, "shared", "°") == b"\xb0"
    assert sent(SOCKET, "write", "80") == b"80"
    assert sent(SOCKET, "write", 80) == b"80"


def test_a_socket_device_with_bytes() -> None:
    device = {**SOCKET, "encoding": "hex"}
    assert sent(device, "shared", "0a 0B") == b"\x0a\x0b"
    assert paste(device)[1]["reply_type"] == "hex"


def test_any_part_of_a_connector() -> None:
    """The whole, its devices, one of them, its sections, or only their entries."""
    sections = {name: SERIAL[name] for name in ("attributeUpdates", "serverSideRpc")}
    whole = paste({"name": "Serial", "devices": [{"name": "other"}, None, SERIAL]})
    assert paste([SERIAL]) == paste(SERIAL) == whole
    alone = paste({**sections, "byteorder": "little"})
    assert alone == whole
    update, call = paste([UPDATE, CALL])
    assert (update, call["byte_order"]) == (whole[0], "big")
    assert paste(UPDATE) == paste([UPDATE]) == [whole[0]]
    cut_out = json.dumps(sections)[1:-1]
    assert len(read_thingsboard_commands(f" {cut_out},\n")) == 2


def test_both_spellings() -> None:
    old = {**UPDATE, "attributeOnThingsBoard": "attr1"}
    del old["attributeOnPlatform"]
    assert paste(old) == paste(UPDATE)
    # The socket connector's, even without the device around it
    (options,) = paste([{"methodRPC": "m", "methodProcessing": "write"}])
    assert (options["key"], options["text_encoding"]) == ("m", "utf-8")


def test_keys_are_told_apart() -> None:
    """Each matching entry is sent upstream; of one key there is one actuator here."""
    config = {
        "attributeUpdates": [UPDATE, {**UPDATE, "stringToDevice": "B=${attr1}"}],
        "serverSideRpc": [{"method": "attr1"}],
    }
    found = {it["key"]: it for it in paste(config, "attr1", "attr1___")}
    assert list(found) == ["attr1_", "attr1__", "attr1____"]
    assert sent(config, "attr1_", 5) == b"B=5"


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("${attr1}${attr1}", "xx"),
        ("${deviceName}/${deviceType}/${attr1}", "Meter 1/meter/x"),
        ("${attr2} ${value} ${device_id} ${", "${attr2} ${value} ${device_id} ${"),
        ("$${attr1} $$${attr1}", "$x $$x"),
        ("$${attr2} $$${attr2} $", "$${attr2} $$${attr2} $"),
        ("\\n \\q \\\\ \\", "\\n \\q \\\\ \\"),
        ("\t\x02°€\U0001f600\x7f\r\n", "\t\x02°€\U0001f600\x7f\r\n"),
        ("${attr1:json}", "${attr1:json}"),
    ],
)
def test_texts_are_what_they_are_upstream(written: str, text: str) -> None:
    config = {**UPDATE, "stringToDevice": written}
    assert sent(config, "attr1", "x").decode() == text


@given(
    written=st.lists(
        st.sampled_from(["$", "${", "}", "\\", "${attr1}", "${deviceName}", "n", "\n"])
        | st.text(st.characters(exclude_categories=["Cs"]), max_size=3),
        max_size=8,
    ).map("".join)
)
@example(written="$${attr1}")
def test_any_text_is_what_it_is_upstream(written: str) -> None:
    config = {**UPDATE, "stringToDevice": written}
    expected = written.replace("${attr1}", "<1>").replace("${deviceName}", "Meter 1")
    assert sent(config, "attr1", "<1>").decode() == expected


def test_an_attribute_with_any_name() -> None:
    for name in ("a b", "a.b", "a:b", "(x", "deviceName", "ä", "value", "${x"):
        config = {"attributeOnPlatform": name, "stringToDevice": f"1 ${{{name}}}"}
        assert sent(config, name, 2) == b"1 2"


def test_an_attribute_without_text() -> None:
    assert sent({"attributeOnPlatform": "a"}, "a", "on") == b"on"


@pytest.mark.parametrize(
    ("call", "options"),
    [
        ({}, {"encoding": "template", "template": "${value}"}),
        ({"type": "string"}, {"encoding": "template", "template": "${value}"}),
        ({"type": "double"}, {"encoding": "binary", "binary_type": "float"}),
        ({"withResponse": False, "responseType": "int"}, {}),
        (
            {"withResponse": True},
            {"reply_framing": "hub", "reply_type": "hex", "reply_timeout": 5.0},
        ),
        (
            {
                "withResponse": True,
                "responseType": "float",
                "responseFromByte": 0,
                "responseToByte": -1,
                "responseFromDelimiter": "\x02",
            },
            {
                "reply_framing": "hub",
                "reply_type": "float",
                "reply_from_byte": 0,
                "reply_to_byte": -1,
                "reply_from_delimiter": "\\x02",
            },
        ),
    ],
)
def test_calls(call: dict[str, Any], options: dict[str, Any]) -> None:
    (found,) = paste({"serverSideRpc": [{"method": "m", **call}]})
    assert options.items() <= found.items()
    assert ("reply_framing" in options) == ("reply_framing" in found)


def test_a_reply_with_its_own_delimiter() -> None:
    """It is read when the delimiter is there, which upstream does not look for."""
    reply = commands(SERIAL)["setValue"].reply
    assert reply is not None
    expected = reply.expect({})
    assert expected.create_framer is not None
    (frame,) = expected.create_framer().feed(b"OK\r")
    assert expected.decode(frame) == "OK"


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({}, "There is no command in it"),
        ([], "There is no command in it"),
        ({"telemetry": [{"key": "a"}]}, "There is no command in it"),
        ({"attributeUpdates": []}, "There is no command in it"),
        ({"devices": "x"}, "no list"),
        ({"devices": [SERIAL, SOCKET]}, "2 devices in it; paste one"),
        ({"attributeUpdates": "x"}, "attributeUpdates is no list"),
        ({"serverSideRpc": {"method": "m"}}, "serverSideRpc is no list"),
        ({"serverSideRpc": ["m"]}, "Entry 1 of serverSideRpc is no set"),
        ({"attributeUpdates": [UPDATE, {}]}, "Entry 2 of attributeUpdates names no"),
        ({"serverSideRpc": [{"method": 1}]}, "Entry 1 of serverSideRpc names no"),
        ([{**UPDATE, "stringToDevice": 1}], "stringToDevice of 'attr1' is no text"),
        ({"serverSideRpc": [CALL], "byteorder": "up"}, "byteorder 'up' is neither"),
        ({"serverSideRpc": [CALL], "byteorder": 1}, "byteorder 1 is neither"),
        ({**SOCKET, "encoding": "klingon"}, "'klingon' is not supported"),
        ([{**CALL, "responseTimeoutSec": 0}], "responseTimeoutSec 0 is no time"),
        ([{**CALL, "responseTimeoutSec": "2"}], "'2' is no time"),
        ([{**CALL, "responseTimeoutSec": 1e9}], "setValue cannot be used: The time"),
        (
            [{**CALL, "responseUntilDelimiter": 1}],
            "responseUntilDelimiter 1 is no text",
        ),
        ([{**CALL, "responseToByte": "x"}], "setValue cannot be used: 'x' is no whole"),
        ([{"method": "m" * 300}], "at most 255"),
        ([{**UPDATE, "stringToDevice": "x" * 5000}], "too long"),
    ],
)
def test_what_cannot_be_taken_over(config: Any, reason: str) -> None:
    with pytest.raises(OptionsError, match=reason) as caught:
        paste(config)
    assert caught.value.option == "thingsboard"


@given(
    config=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text("ab${}\\", max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from([*SERIAL, *SOCKET, *CALL, *UPDATE, "devices"]), inner
            )
        ),
        max_leaves=20,
    )
)
def test_anything_is_taken_over_or_refused(config: Any) -> None:
    try:
        found = paste(config)
    except OptionsError as err:
        assert err.option == "thingsboard"
    else:
        assert [create_command(options) for options in found]
