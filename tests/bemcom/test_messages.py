"""What is written can be read, whatever it is made of."""

import enum
import json
import logging
import math
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.bemcom_connectors.bemcom.json_writing import (
    write_json,
    write_json_for_archive,
)
from custom_components.bemcom_connectors.bemcom.messages import (
    MAX_INCOMING,
    MAX_LOG_TEXT,
    MessageError,
    decode_actuator_value,
    decode_object,
    decode_raw_message,
    encode_available_datapoints,
    encode_heartbeat,
    encode_log,
    encode_raw_message,
    encode_value,
    text_of,
)
from custom_components.bemcom_connectors.connector.model import RawMessage

NOW = 1_573_680_749_000

# Surrogates and all.
TEXTS = st.text(st.characters(codec=None, exclude_categories=()), max_size=20)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**200), 2**200),
    st.floats(),
    TEXTS,
    st.binary(max_size=20),
    st.dates(),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(TEXTS | st.integers(), inner, max_size=5)
    ),
    max_leaves=10,
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(
            st.text(st.characters(codec="utf-8", exclude_characters="\0")),
            inner,
            max_size=5,
        )
    ),
    max_leaves=10,
)


def strictly(payload: bytes) -> Any:
    """Read a payload as the strictest reader of the stack does."""

    def refuse(name: str) -> None:
        raise AssertionError(name)

    text = payload.decode()
    assert text
    assert "\\u0000" not in text.replace("\\\\", "")
    value = json.loads(text, parse_constant=refuse)
    json.dumps(value, ensure_ascii=False).encode()  # no lone surrogates
    return value


@given(VALUES, st.integers(0, 2**53))
def test_any_value_can_be_read(value: object, timestamp: int) -> None:
    message = strictly(encode_value(value, timestamp))
    assert set(message) == {"value", "timestamp"}
    assert message["timestamp"] == timestamp


@given(
    st.dictionaries(TEXTS, VALUES, max_size=5),
    st.dictionaries(TEXTS, VALUES, max_size=5),
)
def test_any_datapoints_can_be_read(
    sensors: dict[str, object], actuators: dict[str, object]
) -> None:
    message = strictly(encode_available_datapoints(sensors, actuators))
    assert list(message) == ["sensor", "actuator"]
    # What is announced is a key, letter for letter.
    assert set(message["sensor"]) <= set(sensors)
    assert set(message["actuator"]) <= set(actuators)


@given(VALUES | st.binary(), st.booleans())
def test_any_raw_message_can_be_read(payload: Any, flat: bool) -> None:
    message = strictly(encode_raw_message(RawMessage(payload, NOW), "1", flat=flat))
    inner = message if flat else message["payload"]
    assert set(inner) == {"raw_message", "timestamp"}
    assert flat or message["connector_version"] == "1"


@given(TEXTS, TEXTS)
def test_any_line_of_the_log_can_be_read(text: str, emitter: str) -> None:
    message = strictly(encode_log(text, emitter, 20, NOW))
    assert set(message) == {"timestamp", "msg", "emitter", "level"}
    assert isinstance(message["emitter"], str)


@given(JSON)
def test_values_come_back(value: Any) -> None:
    assert decode_actuator_value(encode_value(value, NOW)).value == value


@given(st.binary(), st.booleans())
def test_bytes_come_back_from_the_archive(payload: bytes, flat: bool) -> None:
    message = RawMessage(payload, NOW)
    assert decode_raw_message(encode_raw_message(message, "1", flat=flat)) == message


@given(JSON.filter(lambda it: not isinstance(it, str)), st.booleans())
def test_values_come_back_from_the_archive(payload: Any, flat: bool) -> None:
    message = RawMessage(payload, NOW)
    assert decode_raw_message(encode_raw_message(message, "1", flat=flat)) == message


@given(st.binary() | JSON.map(lambda it: json.dumps(it).encode()))
def test_any_bytes_are_a_message_or_none(payload: bytes) -> None:
    for decode in (decode_object, decode_actuator_value, decode_raw_message):
        try:
            decode(payload)
        except MessageError as err:
            assert str(err)


@pytest.mark.parametrize(
    ("raw", "payload"),
    [
        ("b'\\x00a'", b"\0a"),
        ('b"it\'s"', b"it's"),
        ("b'", "b'"),
        ("b'a' + b'b'", "b'a' + b'b'"),
        ("b'\\xg'", "b'\\xg'"),
        ("b'é'", "b'é'"),
        ("text", "text"),
    ],
)
def test_only_bytes_are_bytes(raw: str, payload: object) -> None:
    message = json.dumps({"raw_message": raw, "timestamp": NOW}).encode()
    assert decode_raw_message(message).payload == payload


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (b"", "empty"),
        (b"21.5x", "Not valid JSON"),
        (b"21.5", "no JSON object"),
        (b"[]", "no JSON object"),
        (b"{}{}", "no JSON object"),
        (b"{}", "no value"),
        (b'{"value": 1}', "no timestamp"),
        (b'{"value": 1, "timestamp": null}', "no timestamp"),
        (b'{"value": 1, "timestamp": "2021"}', "is no timestamp"),
        (b'{"value": 1, "timestamp": true}', "is no timestamp"),
        (b'{"value": 1, "timestamp": NaN}', "no timestamp"),
        (b'{"value": 1, "timestamp": -1}', "no time in milliseconds"),
        (b'{"value": 1, "timestamp": 1e300}', "no time in milliseconds"),
        (b'"' + b"x" * MAX_INCOMING + b'"', "more than"),
    ],
)
def test_what_is_no_command(payload: bytes, text: str) -> None:
    with pytest.raises(MessageError, match=text):
        decode_actuator_value(payload)


def test_what_is_no_raw_message() -> None:
    with pytest.raises(MessageError, match="no raw_message"):
        decode_raw_message(b'{"payload": {}, "timestamp": 1}')


def test_too_deep_or_too_long_becomes_null() -> None:
    deep: Any = 1
    for _ in range(5000):
        deep = [deep]
    assert strictly(write_json(deep))
    assert strictly(write_json([10**5000, 1])) == [None, 1]


def test_the_archive_has_64_bits() -> None:
    assert strictly(write_json_for_archive([2**63 - 1, 2**63, -(2**63) - 1])) == [
        2**63 - 1,
        str(2**63),
        str(-(2**63) - 1),
    ]
    assert strictly(write_json([2**63, 2**64])) == [2**63, 2**64]


class _Odd(enum.Enum):
    ONE = b"1"


def test_the_value_of_an_enum_counts() -> None:
    assert strictly(write_json({_Odd.ONE: [_Odd.ONE], "nul": "\0"}))["nul"] == "\ufffd"
    assert strictly(write_json([_Odd.ONE])) == ["b'1'"]
    assert strictly(write_json_for_archive("\0")) == "\ufffd"


def test_no_number_is_null() -> None:
    for value in (math.nan, math.inf, -math.inf):
        assert strictly(encode_value(value, 1)) == {"value": None, "timestamp": 1}
        assert strictly(encode_value({"a": [value, b""]}, 1))["value"] == {
            "a": [None, "b''"]
        }


def test_a_last_heartbeat_ends_at_once() -> None:
    assert strictly(encode_heartbeat(NOW, 0)) == {
        "this_heartbeats_timestamp": NOW,
        "next_heartbeats_timestamp": NOW,
    }


def test_a_record_that_cannot_be_formatted_is_a_line_too() -> None:
    record = logging.LogRecord("name", 30, "", 1, "%d of %s", ("x",), None)
    assert text_of(record) == "%d of %s"
    assert len(strictly(encode_log("x" * 9999, "e", 10, 1))["msg"]) == MAX_LOG_TEXT
