"""SEPL's messages and devices, and how they are written as JSON."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from .devices import Device
from .json_format import parse_json
from .model import JsonValue, ParseError

_HEADER = "header"
_BODY = "body"
# What is told of it is written as JSON, where integers have no more.
_MAX_BITS = 64
_FIELDS = ("device_id", "endpoint", "payload", "payload_header", "timestamp")
# What a platform adds, and expects back in the answer.
_ADDED = ("service_name", "task_id", "device_instance_id", "worker_id", "output_name")


class Message:
    """A message from or to a device.

    `endpoint` is given by the platform and cannot be changed; `timestamp`, in seconds since
    the epoch, can be set once, zero being none. What is of another type is a TypeError.
    """

    def __init__(
        self,
        device_id: str = "",
        endpoint: str = "",
        payload: str = "",
        payload_header: str = "",
        timestamp: int = 0,
    ) -> None:
        """Take the fields; all may be set later, but for the endpoint."""
        self._device_id = _text("device_id", device_id)
        self._endpoint = _text("endpoint", endpoint)
        self._payload = _text("payload", payload)
        self._payload_header = _text("payload_header", payload_header)
        self._timestamp = _time(timestamp)
        self._added: dict[str, str] = {}

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Message:
        """Return the message with some fields; TypeError for one that it does not have."""
        return cls(**fields)

    @property
    def fields(self) -> dict[str, JsonValue]:
        """Return all fields by their names."""
        return {name: getattr(self, name) for name in _FIELDS}

    @property
    def device_id(self) -> str:
        """Return the device that it is from or for."""
        return self._device_id

    @device_id.setter
    def device_id(self, value: str) -> None:
        self._device_id = _text("device_id", value)

    @property
    def endpoint(self) -> str:
        """Return the service of the device that it is about."""
        return self._endpoint

    @property
    def payload(self) -> str:
        """Return what it says."""
        return self._payload

    @payload.setter
    def payload(self, value: str) -> None:
        self._payload = _text("payload", value)

    @property
    def payload_header(self) -> str:
        """Return what goes before the payload."""
        return self._payload_header

    @payload_header.setter
    def payload_header(self, value: str) -> None:
        self._payload_header = _text("payload_header", value)

    @property
    def timestamp(self) -> int:
        """Return when it was sent."""
        return self._timestamp

    @timestamp.setter
    def timestamp(self, value: int) -> None:
        value = _time(value)
        if self._timestamp:
            raise TypeError("attribute timestamp already set")
        self._timestamp = value

    @classmethod
    def unpack(cls, value: JsonValue | bytes) -> Message:
        """Return the message in a JSON object, be it a text; raises ParseError for none.

        As upstream, fields from the first one on that cannot be read stay empty.
        """
        if isinstance(value, str | bytes):
            data = value.encode(errors="replace") if isinstance(value, str) else value
            parsed = parse_json(data)
        else:
            parsed = value
        if not isinstance(parsed, dict):
            raise ParseError("A message is one JSON object")
        message = cls()
        with suppress(TypeError, ValueError):
            message._read(parsed)
        return message

    def _read(self, packed: Mapping[str, JsonValue]) -> None:
        """Take the fields in upstream's order; TypeError or ValueError at the first bad one."""
        for name in _ADDED:
            if isinstance(given := packed.get(name), str) and given:
                self._added[name] = given
        self._device_id = _text("device_url", packed.get("device_url"))
        self._endpoint = _text("service_url", packed.get("service_url", ""))
        self._timestamp = _packed_time(packed.get("time"))
        parts = packed.get("protocol_parts", [])
        if not isinstance(parts, list):
            raise TypeError("protocol_parts must be a list")
        for part in parts:
            self._read_part(part)

    def _read_part(self, part: JsonValue) -> None:
        """Take the header or the body; other parts are somebody else's."""
        if not isinstance(part, dict):
            raise TypeError("a part must be an object")
        match part.get("name"):
            case "header":
                self._payload_header = _text(_HEADER, part.get("value"))
            case "body":
                self._payload = _text(_BODY, part.get("value"))

    def pack(self) -> dict[str, JsonValue]:
        """Return it as a JSON object; empty parts are left out."""
        parts = {_HEADER: self._payload_header, _BODY: self._payload}
        return {
            "device_url": self._device_id,
            "service_url": self._endpoint,
            "time": str(self._timestamp),
            "protocol_parts": [
                {"name": name, "value": value} for name, value in parts.items() if value
            ],
            **self._added,
        }


def is_message(value: object) -> bool:
    """Tell whether a JSON value is a message: from a device, and of a service or with parts.

    Datapoints that only happen to have a `device_url` are none.
    """
    if not isinstance(value, dict):
        return False
    device = value.get("device_url")
    return (
        isinstance(device, str)
        and bool(device)
        and (
            isinstance(value.get("service_url"), str)
            or isinstance(value.get("protocol_parts"), list)
        )
    )


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a text, not {type(value).__name__}")
    return value


def _time(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"timestamp must be an integer, not {type(value).__name__}")
    return value


def _packed_time(value: JsonValue) -> int:
    """Return the time in a message, a text or a number."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TypeError("time must be a text")
    try:
        time = int(value)
    except OverflowError as err:
        raise ValueError("time is no number") from err
    if time.bit_length() >= _MAX_BITS:
        raise ValueError("time is too large")
    return time


# Devices


def pack_device(device: Device) -> dict[str, JsonValue]:
    """Return a device as SEPL registers it."""
    return {"id": device.id, "zway_type": device.type, "title": device.name}


def unpack_device(value: JsonValue) -> Device:
    """Return the device that is registered so; raises ParseError where none is."""
    packed = value if isinstance(value, dict) else {}
    names = ("id", "zway_type", "title")
    id_, type_, name = (packed.get(it, "") for it in names)
    texts = isinstance(id_, str) and isinstance(type_, str) and isinstance(name, str)
    if not texts or not id_:
        raise ParseError("A device has an id, a zway_type and a title, which are texts")
    return Device(str(id_), str(type_) or "default", str(name))
