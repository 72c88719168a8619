"""SEPL's messages."""

from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.bemcom_connectors.connector.devices import Device
from custom_components.bemcom_connectors.connector.messages import (
    Message,
    is_message,
    pack_device,
    unpack_device,
)
from custom_components.bemcom_connectors.connector.model import ParseError

texts = st.text(st.characters(exclude_categories=["Cs"]))
FIELDS: dict[str, Any] = {
    "device_id": "d",
    "endpoint": "e",
    "payload": "p",
    "payload_header": "h",
    "timestamp": 5,
}


def test_fields() -> None:
    message = Message.from_fields(FIELDS)
    assert message.fields == FIELDS
    message.device_id = "d2"
    message.payload = ""
    message.payload_header = "h2"
    changed = {"device_id": "d2", "payload": "", "payload_header": "h2"}
    assert message.fields == FIELDS | changed
    assert Message().fields == dict.fromkeys(FIELDS, "") | {"timestamp": 0}


@pytest.mark.parametrize("name", [*FIELDS, "other"])
@pytest.mark.parametrize("value", [None, 1.5, b"x", True, ["d"]])
def test_other_types_are_refused(name: str, value: object) -> None:
    with pytest.raises(TypeError, match=name):
        Message.from_fields({**FIELDS, name: value})


@pytest.mark.parametrize(
    "name", ["device_id", "payload", "payload_header", "timestamp"]
)
def test_setters_check_types(name: str) -> None:
    message = Message()
    with pytest.raises(TypeError, match=name):
        setattr(message, name, 1.5)
    assert message.fields == Message().fields


def test_the_endpoint_is_given() -> None:
    with pytest.raises(AttributeError):
        Message().endpoint = "e"  # type: ignore[misc]


@given(
    fields=st.fixed_dictionaries(
        {name: texts for name in FIELDS if name != "timestamp"}
        | {"timestamp": st.integers(1 - 2**63, 2**63 - 1)}
    )
)
def test_what_is_packed_is_unpacked(fields: dict[str, Any]) -> None:
    message = Message.from_fields(fields)
    assert Message.unpack(message.pack()).fields == message.fields


def test_empty_parts_are_left_out() -> None:
    assert Message("d", "e").pack() == {
        "device_url": "d",
        "service_url": "e",
        "time": "0",
        "protocol_parts": [],
    }
    assert Message("d", "e", "p").pack()["protocol_parts"] == [
        {"name": "body", "value": "p"}
    ]


BODY = {"name": "body", "value": "p"}


@pytest.mark.parametrize(
    ("packed", "fields"),
    [
        ({}, {}),
        ({"device_url": 1, "service_url": "e"}, {}),
        ({"device_url": "d", "service_url": None, "time": "5"}, {"device_id": "d"}),
        (
            {"device_url": "d", "service_url": "e", "time": "x"},
            {"device_id": "d", "endpoint": "e"},
        ),
        ({"device_url": "d", "time": True}, {"device_id": "d"}),
        # More than JSON takes where it is shown.
        ({"device_url": "d", "time": str(2**63)}, {"device_id": "d"}),
        ({"device_url": "d", "time": 1e300}, {"device_id": "d"}),
        (
            {"device_url": "d", "time": 5.0, "protocol_parts": [BODY]},
            {"device_id": "d", "timestamp": 5, "payload": "p"},
        ),
        (
            {"device_url": "d", "time": "5", "protocol_parts": "p"},
            {"device_id": "d", "timestamp": 5},
        ),
        (
            {
                "device_url": "d",
                "time": "5",
                "protocol_parts": [
                    {"name": "other", "value": 1},
                    BODY,
                    {"name": "header", "value": None},
                ],
            },
            {"device_id": "d", "timestamp": 5, "payload": "p"},
        ),
        (
            {"device_url": "d", "time": "5", "protocol_parts": [1, BODY]},
            {"device_id": "d", "timestamp": 5},
        ),
    ],
)
def test_fields_after_a_bad_one_stay_empty(
    packed: dict[str, Any], fields: dict[str, Any]
) -> None:
    assert Message.unpack(packed).fields == Message().fields | fields


def test_a_time_without_end() -> None:
    assert Message.unpack('{"device_url": "d", "time": 1e999}').timestamp == 0
    assert Message.unpack({"device_url": "d", "time": float("inf")}).timestamp == 0


@pytest.mark.parametrize("value", ["", "x", "[]", "1", b"\xff", None, 1, ["d"], "{}{}"])
def test_what_is_no_message(value: Any) -> None:
    assert not is_message(value)
    with pytest.raises(ParseError):
        Message.unpack(value)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"device_url": "d", "service_url": "e"}, True),
        ({"device_url": "d", "protocol_parts": []}, True),
        ({"device_url": "d"}, False),
        ({"device_url": "", "service_url": "e"}, False),
        ({"device_url": 1, "service_url": "e"}, False),
        ({"device_url": "d", "service_url": 1, "protocol_parts": {}}, False),
        ({"service_url": "e"}, False),
    ],
)
def test_messages_are_told_from_datapoints(value: Any, told: bool) -> None:
    assert is_message(value) is told


def test_devices() -> None:
    assert unpack_device({"id": "a"}) == Device("a", "default", "")
    device = Device("a", "t", "n")
    assert unpack_device(pack_device(device)) == device
    for value in (None, {}, {"id": 1}, {"id": ""}, {"id": "a", "title": 1}):
        with pytest.raises(ParseError, match="has an id"):
            unpack_device(value)  # type: ignore[arg-type]
