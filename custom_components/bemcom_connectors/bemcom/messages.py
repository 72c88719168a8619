"""BEMCom's messages, both ways: payloads of MQTT as pure functions (spec 1)."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
import logging
import re

from ..connector.json_format import parse_json
from ..connector.model import ConnectorError, JsonValue, ParseError, RawMessage
from .json_writing import is_fit, write_json, write_json_for_archive

MAX_LOG_TEXT = 2000
_MAX_EXAMPLE = 500
# Of the payload of a message that we listen to, in bytes.
MAX_INCOMING = 1024 * 1024

# A timestamp beyond is no time: the year 9999, in milliseconds.
_MAX_TIMESTAMP = 253_402_300_799_999

_BYTES = re.compile(r"""b(['"]).*\1""", re.DOTALL)


class MessageError(ConnectorError):
    """A message that came has no sense in it; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class ActuatorValue:
    """What somebody wants an actuator to be; upstream sends fractions of time on as well."""

    value: JsonValue
    timestamp: int


# Out


def encode_value(value: object, timestamp: int) -> bytes:
    """Return the message of a datapoint's value; what JSON cannot say is null or text."""
    return b'{"value":%b,"timestamp":%d}' % (write_json(value), timestamp)


def encode_available_datapoints(
    sensors: Mapping[str, object], actuators: Mapping[str, object]
) -> bytes:
    """Return the message with an example for each datapoint.

    Keys that could not be written as they are, and so never be mapped, are left out. Examples
    are short, so that the message has room for many.
    """
    return write_json(
        {
            name: {key: _short(it) for key, it in examples.items() if is_fit(key)}
            for name, examples in (("sensor", sensors), ("actuator", actuators))
        }
    )


def encode_heartbeat(now: int, interval: float) -> bytes:
    """Return a heartbeat that is good for `interval` seconds.

    With 0 it is the last one, and the connector counts as gone at once.
    """
    return write_json(
        {
            "this_heartbeats_timestamp": now,
            "next_heartbeats_timestamp": round(now + interval * 1000),
        }
    )


def encode_log(text: str, emitter: str, level: int, now: int) -> bytes:
    """Return a line of the log; the emitter is a text, as the API loses lines without."""
    return write_json(
        {
            "timestamp": now,
            "msg": text[:MAX_LOG_TEXT],
            "emitter": emitter,
            "level": level,
        }
    )


def text_of(record: logging.LogRecord) -> str:
    """Return the text of a record of Python's logging, even of one that cannot be formatted."""
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - whatever the texts of its arguments raise
        return str(record.msg)


def encode_raw_message(message: RawMessage, version: str, *, flat: bool) -> bytes:
    """Return a raw message for the archive, bytes as Python writes them: b'...'.

    Nested with the version is what BEMCom's Python connectors send, flat what its Node-RED
    connectors do.
    """
    payload = message.payload
    raw = str(payload) if isinstance(payload, bytes) else payload
    inner = {"raw_message": raw, "timestamp": message.timestamp}
    if flat:
        return write_json_for_archive(inner)
    return write_json_for_archive({"payload": inner, "connector_version": version})


def _short(example: object) -> object:
    """Return an example of which there may be thousands in a message."""
    if isinstance(example, str):
        return example[:_MAX_EXAMPLE]
    if isinstance(example, bool | int | float) or example is None:
        return example
    return example if len(write_json(example)) <= _MAX_EXAMPLE else None


# In


def decode_object(payload: bytes) -> dict[str, JsonValue]:
    """Return the JSON object that a payload is, or raise MessageError."""
    if not payload:
        raise MessageError("The message is empty")
    if len(payload) > MAX_INCOMING:
        raise MessageError(f"The message has more than {MAX_INCOMING:,} bytes")
    try:
        value = parse_json(payload)
    except ParseError as err:
        raise MessageError(str(err)) from err
    if not isinstance(value, dict):
        raise MessageError("The message is no JSON object")
    return value


def decode_actuator_value(payload: bytes) -> ActuatorValue:
    """Return the value that an actuator is to have, or raise MessageError."""
    message = decode_object(payload)
    if "value" not in message:
        raise MessageError("The message has no value")
    return ActuatorValue(message["value"], timestamp_of(message))


def decode_raw_message(payload: bytes) -> RawMessage:
    """Return a raw message of the archive in either form, or raise MessageError."""
    message = decode_object(payload)
    inner = message.get("payload")
    if isinstance(inner, dict) and "raw_message" not in message:
        message = inner
    if "raw_message" not in message:
        raise MessageError("The message has no raw_message")
    return RawMessage(_raw_payload(message["raw_message"]), timestamp_of(message))


def timestamp_of(message: Mapping[str, JsonValue]) -> int:
    """Return the time in a message, or raise MessageError."""
    timestamp = message.get("timestamp")
    if timestamp is None:
        raise MessageError("The message has no timestamp")
    return checked_timestamp(timestamp)


def checked_timestamp(value: JsonValue) -> int:
    """Return a time in milliseconds, or raise MessageError."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise MessageError(f"{value!r:.60} is no timestamp")
    if not 0 <= value <= _MAX_TIMESTAMP:
        raise MessageError(f"{value!r:.60} is no time in milliseconds")
    # Fractions are no harm, and upstream passes them on as they are.
    return value  # type: ignore[return-value]


def _raw_payload(raw: JsonValue) -> bytes | JsonValue:
    """Return the bytes that a text of Python's stands for; anything else is itself."""
    if not isinstance(raw, str) or _BYTES.fullmatch(raw) is None:
        return raw
    try:
        value = ast.literal_eval(raw)
    except ValueError, SyntaxError, MemoryError, RecursionError:
        return raw
    return value if isinstance(value, bytes) else raw
