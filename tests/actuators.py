"""A hub with the demo's serial sensor, and what can be set on it."""

from collections.abc import Sequence
from typing import Any

from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bemcom_connectors.const import SUBENTRY_ACTUATOR
from homeassistant.config_entries import ConfigSubentry
from tests.hub import serial_entry

SLICES = {
    "framing": "line",
    "format": "slices",
    "slice_mode": "strict",
    "slices": [
        {"key": "temperature", "type": "int", "from_byte": 0, "to_byte": 2},
        {"key": "humidity", "type": "int", "from_byte": 2, "to_byte": 4},
        {"key": "battery", "type": "int", "from_byte": 4, "to_byte": 6},
    ],
}

REFUSED = {"reply_framing": "hub", "reply_error_pattern": "^ERROR", "reply_timeout": 1}
TARGET = {
    "kind": "number",
    "key": "target",
    "name": "Target",
    "minimum": 0,
    "maximum": 100,
    "step": 0.5,
    "unit": "°C",
    "template": r"target = ${value}\n",
    "state_source": "reply",
    "reply_pattern": "^OK target",
    "reply_type": "float",
    "reply_from_byte": 12,
    **REFUSED,
}
HEATER = {
    "kind": "switch",
    "key": "heater",
    "name": "Heater",
    "template": r"heater = ${value}\n",
    "state_source": "sent",
    "reply_pattern": "^OK heater",
    **REFUSED,
}
RESET = {
    "kind": "button",
    "key": "reset",
    "name": "Reset",
    "template": r"RESET\n",
    "reply_prefix": "OK reset",
    **REFUSED,
}
TEMPERATURE = {
    "kind": "number",
    "key": "temperature",
    "name": "Temperature",
    "minimum": 0,
    "maximum": 99,
    "template": r"temperature = ${value}\n",
    "state_source": "datapoint",
    "reply_pattern": "^OK$",
    **REFUSED,
}
LEVEL = {
    "kind": "select",
    "key": "humidity",
    "name": "Humidity",
    "choices": [
        {"option": "Dry", "payload": "20"},
        {"option": "Wet", "payload": "90"},
    ],
    "template": r"humidity = ${value}\n",
    "state_source": "datapoint",
    "reply_pattern": "^OK$",
    **REFUSED,
}
COMMAND = {
    "kind": "text",
    "key": "command",
    "name": "Command",
    "template": r"${value}\n",
    "state_source": "sent",
}
READ = {
    "kind": "method",
    "key": "read",
    "template": r"READ\n",
    "reply_pattern": r"^\d{6}$",
    **REFUSED,
}


def actuator(options: dict[str, Any]) -> ConfigSubentry:
    """Return the subentry of an actuator."""
    return ConfigSubentry(
        data=options,  # type: ignore[arg-type]
        subentry_type=SUBENTRY_ACTUATOR,
        title=options.get("name", options["key"]),
        unique_id=f"actuator {options['key']}",
    )


def sensor_entry(
    path: object,
    actuators: Sequence[dict[str, Any]],
    *,
    options: dict[str, Any] | None = None,
) -> MockConfigEntry:
    """Return the entry of a hub with the serial sensor at `path`, and actuators."""
    entry = serial_entry(str(path), options={**SLICES, **(options or {})})
    subentries = [actuator(it) for it in actuators]
    object.__setattr__(entry, "subentries", {it.subentry_id: it for it in subentries})
    return entry
