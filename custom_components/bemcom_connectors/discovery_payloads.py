"""What Home Assistant's MQTT discovery is told: payloads and topics, and values to go with them."""

from collections.abc import Mapping
from datetime import datetime
import hashlib
import re
from typing import Any, cast

from homeassistant.components.number.const import NumberMode
from homeassistant.components.sensor.const import UNIT_CONVERTERS, SensorDeviceClass
from homeassistant.const import MAX_LENGTH_STATE_STATE, Platform

from .bemcom.json_writing import write_json
from .connector.actuators import Actuator, ActuatorKind
from .connector.model import JsonValue
from .descriptions import DatapointDescription, native_value

_UNSAFE = re.compile(r"[^a-zA-Z0-9_-]+")
_MAX_SLUG = 40
_HASH_SIZE = 16

# What JSON parsers take for an integer without doubt.
_INTEGERS = range(-(2**63), 2**63)

# As the number entities have it, and the least step that discovery takes.
_LIMIT = 1e9
_LEAST_STEP = 0.001

ONLINE = "{{ 'online' if value_json.value else 'offline' }}"
# A heartbeat that ends at once is the last one.
ALIVE = (
    "{{ 'online' if value_json.next_heartbeats_timestamp"
    " > value_json.this_heartbeats_timestamp else 'offline' }}"
)
_VALUE = "{{ value_json.value }}"
_ON_OFF = (
    "{% set on = value_json.value %}"
    "{{ 'None' if on is none else 'ON' if on else 'OFF' }}"
)

# What those have that can be set, and what of `value` is sent.
_COMPONENTS = {
    ActuatorKind.NUMBER: (Platform.NUMBER, "value"),
    ActuatorKind.SWITCH: (Platform.SWITCH, "value == 'ON'"),
    ActuatorKind.SELECT: (Platform.SELECT, "value"),
    ActuatorKind.TEXT: (Platform.TEXT, "value"),
    ActuatorKind.BUTTON: (Platform.BUTTON, "none"),
}


def safe_id(*parts: str) -> str:
    """Return a name that any topic may have: readable, and another one for other parts."""
    digest = hashlib.blake2b(digest_size=_HASH_SIZE)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8))
        digest.update(data)
    return f"{slug(parts[-1])}_{digest.hexdigest()}"


def object_id(entry_id: str, unique_id: str) -> str:
    """Return the name of an entity of a hub, as it is called in topics and registries."""
    return safe_id(entry_id, unique_id.removeprefix(f"{entry_id}_"))


def slug(text: str) -> str:
    """Return what is left of a text when it is to be part of a topic of discovery."""
    return _UNSAFE.sub("_", text[:_MAX_SLUG]) or "_"


def encode(config: Mapping[str, Any]) -> bytes:
    """Return a payload; what is None is not said, but that an entity has no name of its own."""
    return write_json(
        {key: it for key, it in config.items() if it is not None or key == "name"}
    )


# Datapoints


def datapoint_config(
    description: DatapointDescription, state_topic: str, unit: str | None
) -> dict[str, Any]:
    """Return what is said of a datapoint that is shown in a unit."""
    config: dict[str, Any] = {
        "state_topic": state_topic,
        "device_class": description.device_class,
    }
    if description.platform is Platform.BINARY_SENSOR:
        return config | {"value_template": _ON_OFF}
    config["value_template"] = _VALUE
    if description.device_class is SensorDeviceClass.ENUM:
        config["options"] = list(description.options) or None
        return config
    meant = {
        description.native_unit_of_measurement,
        description.suggested_unit_of_measurement,
    }
    return config | {
        "unit_of_measurement": unit,
        "state_class": description.state_class,
        "suggested_display_precision": (
            description.suggested_display_precision if unit in meant else None
        ),
    }


def shown_unit(description: DatapointDescription, unit: str | None) -> str | None:
    """Return the unit that a datapoint is shown in, where that is one it can be shown in."""
    native = description.native_unit_of_measurement
    converter = UNIT_CONVERTERS.get(_sensor_class(description))
    if unit is None or converter is None or not {native, unit} <= converter.VALID_UNITS:
        return native
    return unit


def shown_value(
    description: DatapointDescription, unit: str | None, value: JsonValue
) -> JsonValue:
    """Return a value as it is shown in a unit, of a type that any template can show."""
    native = native_value(description, value)
    if isinstance(native, datetime):
        return native.isoformat()
    if isinstance(native, int | float) and not isinstance(native, bool):
        return _number(description, unit, native)
    return cast("JsonValue", native)


def _number(
    description: DatapointDescription, unit: str | None, number: float
) -> JsonValue:
    """Return a number in a unit, as text where readers of JSON would make another one of it."""
    native = description.native_unit_of_measurement
    if unit != native:
        converter = UNIT_CONVERTERS[_sensor_class(description)]
        try:
            number = converter.convert(number, native, unit)
        except ZeroDivisionError:  # kWh/100km is the inverse of km/kWh
            return None
    if isinstance(number, int) and number not in _INTEGERS:
        return str(number)
    return number


def _sensor_class(description: DatapointDescription) -> SensorDeviceClass | None:
    return cast("SensorDeviceClass | None", description.device_class)


# Actuators


def component_of(kind: ActuatorKind) -> Platform | None:
    """Return what shows an actuator; None: nothing does."""
    found = _COMPONENTS.get(kind)
    return None if found is None else found[0]


def actuator_config(
    actuator: Actuator,
    device_class: str | None,
    command_topic: str,
    state_topic: str | None,
) -> dict[str, Any]:
    """Return what is said of an actuator; without a topic its state is what was sent."""
    _, sent = _COMPONENTS[actuator.kind]
    config: dict[str, Any] = {
        "command_topic": command_topic,
        "command_template": (
            f'{{{{ {{"value": {sent}, '
            '"timestamp": (now().timestamp() * 1000) | int} | to_json }}'
        ),
        "device_class": device_class,
    }
    is_switch = actuator.kind is ActuatorKind.SWITCH
    if state_topic is not None:
        config["state_topic"] = state_topic
        config["value_template"] = _ON_OFF if is_switch else _VALUE
    match actuator.kind:
        case ActuatorKind.NUMBER:
            low, high = _number_limits(actuator)
            config |= {
                "min": low,
                "max": high,
                "step": max(actuator.step or 1, _LEAST_STEP),
                "mode": NumberMode.BOX,
                "unit_of_measurement": actuator.unit,
            }
        case ActuatorKind.SELECT:
            config["options"] = list(actuator.options)
        case ActuatorKind.TEXT:
            config["min"], config["max"] = _text_limits(actuator)
    return config


def shown_state(actuator: Actuator, value: JsonValue) -> JsonValue:
    """Return the state of an actuator as its entity shows it; None: unknown."""
    if isinstance(value, str) and actuator.kind is ActuatorKind.TEXT:
        low, high = _text_limits(actuator)
        return value if low <= len(value) <= high else None
    if isinstance(value, str) and actuator.kind is ActuatorKind.SELECT:
        return value if value in actuator.options else None
    if isinstance(value, bool):
        return value if actuator.kind is ActuatorKind.SWITCH else None
    if isinstance(value, int | float) and actuator.kind is ActuatorKind.NUMBER:
        # What is beyond the limits is an error to the number entities of MQTT.
        lowest, highest = _number_limits(actuator)
        return value if lowest <= value <= highest else None
    return None


def _number_limits(actuator: Actuator) -> tuple[float, float]:
    low, high = actuator.minimum, actuator.maximum
    return -_LIMIT if low is None else low, _LIMIT if high is None else high


def _text_limits(actuator: Actuator) -> tuple[int, int]:
    longest = MAX_LENGTH_STATE_STATE if actuator.maximum is None else actuator.maximum
    return (
        int(min(actuator.minimum or 0, MAX_LENGTH_STATE_STATE)),
        int(min(longest, MAX_LENGTH_STATE_STATE)),
    )
