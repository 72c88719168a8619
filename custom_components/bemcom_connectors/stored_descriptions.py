"""Descriptions of datapoints as they are kept over restarts."""

from collections.abc import Mapping
from dataclasses import fields, replace
from enum import Enum
from typing import Any, cast

from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.components.sensor.const import (
    DEVICE_CLASS_STATE_CLASSES,
    DEVICE_CLASS_UNITS,
    NON_NUMERIC_DEVICE_CLASSES,
    STATE_CLASS_UNITS,
)
from homeassistant.const import EntityCategory, Platform

from .descriptions import KIND_CLASSES, DatapointDescription, ValueKind
from .overrides import Override, apply


def to_dict(description: DatapointDescription) -> dict[str, object]:
    """Return a description for storage: JSON, and only what was set.

    What only those have that are described by hand is said in the program.
    """
    values = (
        (it.name, getattr(description, it.name))
        for it in fields(description)
        if it.name not in _BY_HAND
    )
    return {
        name: _plain(value)
        for name, value in values
        if value is not None and value != ()
    }


def _plain(value: object) -> object:
    """Return a field as JSON knows it."""
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, Enum) else value


def from_dict(data: object) -> DatapointDescription | None:
    """Return a stored description; None if it cannot be used (any more)."""
    if not isinstance(data, Mapping):
        return None
    try:
        description = _restore(data)
    except KeyError, TypeError, ValueError:
        return None
    return description if is_valid(description) else None


def learned(
    guess: DatapointDescription, shown: DatapointDescription, override: Override
) -> DatapointDescription:
    """Return a guess with what an entity learned that showed it under an override.

    What only came about by the user's word is not learned: it goes with that word.
    """
    known = guess
    if guess.kind is shown.kind and shown.scale is None:
        known = replace(guess, state_class=shown.state_class, options=shown.options)
    elif (guess.kind, shown.kind) == (ValueKind.ENUM, ValueKind.TEXT):
        known = replace(guess, kind=shown.kind, device_class=None, options=())
    return known if is_valid(known) and apply(known, override) == shown else guess


def is_valid(description: DatapointDescription) -> bool:
    """Tell whether Home Assistant accepts the combination a description makes."""
    device_class, state_class = description.device_class, description.state_class
    unit = description.native_unit_of_measurement
    if description.kind is not ValueKind.NUMBER:
        binary = description.kind is ValueKind.BOOLEAN
        expected = {KIND_CLASSES.get(description.kind)}
        if description.kind is ValueKind.TIMESTAMP:
            expected.add(SensorDeviceClass.UPTIME)
        return (
            (description.platform is Platform.BINARY_SENSOR) == binary
            and (binary or device_class in expected)
            and unit is None
            and state_class is None
            and description.suggested_display_precision is None
            and description.scale is None
            and description.offset is None
        )
    if description.platform is not Platform.SENSOR:
        return False
    if device_class is None:
        allowed = True
    else:
        numeric = cast("SensorDeviceClass", device_class)
        allowed = (
            numeric not in NON_NUMERIC_DEVICE_CLASSES
            and unit in DEVICE_CLASS_UNITS.get(numeric, {unit})
            and state_class in {None, *DEVICE_CLASS_STATE_CLASSES[numeric]}
        )
    units = STATE_CLASS_UNITS.get(state_class) if state_class else None
    return allowed and (units is None or unit in units)


def _restore(data: Mapping[str, Any]) -> DatapointDescription:
    """Read the fields of a stored description, and nothing else that is there."""
    classes = _DEVICE_CLASSES[data["platform"]]
    types = _STORED | {"device_class": classes}
    values = {
        name: _as(kind, data[name])
        for name, kind in types.items()
        if data.get(name) is not None
    }
    if options := data.get("options"):
        values["options"] = tuple(_as(str, it) for it in _as(list, options))
    return DatapointDescription(**values)


def _as(kind: type, value: object) -> Any:
    """Return a stored value as its type, which must be the right one already."""
    if issubclass(kind, Enum):
        return kind(value)
    if type(value) is not kind:
        raise TypeError(f"{value!r} is not {kind}")
    return value


_BY_HAND = {
    "translation_key",
    "translation_placeholders",
    "is_renamed",
    "suggested_unit_of_measurement",
    "attributes",
    "is_always_available",
}
_DEVICE_CLASSES = {
    Platform.SENSOR: SensorDeviceClass,
    Platform.BINARY_SENSOR: BinarySensorDeviceClass,
}
_STORED: dict[str, type] = {
    "key": str,
    "platform": Platform,
    "name": str,
    "kind": ValueKind,
    "native_unit_of_measurement": str,
    "state_class": SensorStateClass,
    "suggested_display_precision": int,
    "entity_category": EntityCategory,
    "enabled_default": bool,
    "device_id": str,
}
