"""How the datapoints of an OCPP hub look in Home Assistant: the one table of them all."""

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Any, NamedTuple

from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.const import (
    EntityCategory,
    Platform,
    UnitOfElectricCurrent,
    UnitOfEnergy,
    UnitOfTime,
)

from .connector.devices import device_key, own_key
from .descriptions import KIND_CLASSES, DatapointDescription, ValueKind
from .keys import name_of, read
from .ocpp import datapoints as names
from .ocpp.datapoints import state_name
from .ocpp.enums import (
    ChargePointErrorCode,
    ChargePointStatus,
    DiagnosticsStatus,
    FirmwareStatus,
    LogStatus,
    SignedFirmwareStatus,
    StopReason,
)
from .ocpp.measurands import IMPORT_REGISTER, MEASURANDS, split_name
from .ocpp.model import split_device_id

_DIAGNOSTIC = EntityCategory.DIAGNOSTIC

# What a charge point says of its state besides.
_VENDOR_WORDS = (
    ("vendor_error_code", names.VENDOR_ERROR_CODE),
    ("error_info", names.ERROR_INFO),
    ("vendor_id", names.VENDOR_ID),
)


def describe_ocpp(key: str, device_id: str | None) -> DatapointDescription | None:
    """Return how a datapoint of an OCPP hub looks, if it is one of those we know."""
    if device_id is None:
        return None
    name = own_key(key, device_id)
    is_connector = split_device_id(device_id)[1] != 0
    looks = _of_connector(name) if is_connector else _of_charge_point(name)
    if looks is None:
        return None
    return replace(
        looks,
        key=key,
        device_id=device_id,
        attributes=tuple(
            (attribute, device_key(device_id, other))
            for attribute, other in looks.attributes
        ),
    )


def _of_charge_point(name: str) -> DatapointDescription | None:
    """Return how a datapoint of a charge point looks; it may have a main meter."""
    return CHARGE_POINT.get(name) or _measured(name)


def _of_connector(name: str) -> DatapointDescription | None:
    """Return how a datapoint of a connector looks."""
    if (looks := CONNECTOR.get(name)) is not None:
        return looks
    looks = _measured(name)
    if looks is not None and name == IMPORT_REGISTER:
        # The total energy is the same without the faults of meters.
        return replace(looks, enabled_default=False)
    return looks


# What is no measurand


def _sensor(name: str, kind: ValueKind, **more: Any) -> DatapointDescription:
    """Describe a sensor."""
    looks: dict[str, Any] = {
        "device_class": KIND_CLASSES.get(kind),
        "translation_key": name,
    }
    return DatapointDescription(
        key=name,
        platform=Platform.SENSOR,
        name=name_of(read(name)),
        kind=kind,
        **looks | more,
    )


def _enum(name: str, *enums: type[StrEnum], **more: Any) -> DatapointDescription:
    """Describe a sensor that has one of OCPP's words."""
    words = dict.fromkeys(state_name(it) for enum in enums for it in enum)
    return _sensor(name, ValueKind.ENUM, options=tuple(words), **more)


def _binary(
    name: str, device_class: BinarySensorDeviceClass | None, **more: Any
) -> DatapointDescription:
    """Describe what is on or off."""
    return DatapointDescription(
        key=name,
        platform=Platform.BINARY_SENSOR,
        name=name_of(read(name)),
        kind=ValueKind.BOOLEAN,
        device_class=device_class,
        translation_key=name,
        **more,
    )


def _energy(name: str) -> DatapointDescription:
    """Describe energy that is counted up, which the energy dashboard takes."""
    return _sensor(
        name,
        ValueKind.NUMBER,
        device_class=SensorDeviceClass.ENERGY,
        native_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
        state_class=SensorStateClass.TOTAL_INCREASING,
        suggested_display_precision=2,
    )


def _limit(name: str, **more: Any) -> DatapointDescription:
    """Describe a current that charging is limited to."""
    return _sensor(
        name,
        ValueKind.NUMBER,
        device_class=SensorDeviceClass.CURRENT,
        native_unit_of_measurement=UnitOfElectricCurrent.AMPERE,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=1,
        **more,
    )


def _noisy(name: str, kind: ValueKind = ValueKind.TEXT) -> DatapointDescription:
    """Describe what few want to see."""
    return _sensor(name, kind, entity_category=_DIAGNOSTIC, enabled_default=False)


def _by_name(*looks: DatapointDescription) -> Mapping[str, DatapointDescription]:
    """Return descriptions by what they describe."""
    return {it.key: it for it in looks}


_BOTH = (
    _enum(names.STATUS, ChargePointStatus, attributes=_VENDOR_WORDS),
    _enum(
        names.ERROR_CODE,
        ChargePointErrorCode,
        attributes=_VENDOR_WORDS,
        entity_category=_DIAGNOSTIC,
    ),
    _binary(
        names.PROBLEM, BinarySensorDeviceClass.PROBLEM, entity_category=_DIAGNOSTIC
    ),
    _noisy(names.VENDOR_ERROR_CODE),
    _noisy(names.ERROR_INFO),
    _noisy(names.VENDOR_ID),
    # What a switch and a number show as well.
    _binary(names.OPERATIVE, None, entity_category=_DIAGNOSTIC, enabled_default=False),
    _limit(names.CHARGING_LIMIT, entity_category=_DIAGNOSTIC, enabled_default=False),
)
CHARGE_POINT = _by_name(
    *_BOTH,
    _binary(
        names.CONNECTED,
        BinarySensorDeviceClass.CONNECTIVITY,
        entity_category=_DIAGNOSTIC,
        is_always_available=True,
    ),
    _noisy(names.LAST_SEEN, ValueKind.TIMESTAMP),
    _sensor(names.LAST_BOOT, ValueKind.TIMESTAMP, entity_category=_DIAGNOSTIC),
    _noisy(names.ID_TAG),
    _enum(
        names.FIRMWARE_STATUS,
        FirmwareStatus,
        SignedFirmwareStatus,
        entity_category=_DIAGNOSTIC,
    ),
    _enum(
        names.DIAGNOSTICS_STATUS,
        DiagnosticsStatus,
        LogStatus,
        entity_category=_DIAGNOSTIC,
        enabled_default=False,
    ),
)
CONNECTOR = _by_name(
    *_BOTH,
    _binary(names.PLUGGED_IN, BinarySensorDeviceClass.PLUG),
    _binary(names.CHARGING, BinarySensorDeviceClass.BATTERY_CHARGING),
    _binary(names.IN_SESSION, None, entity_category=_DIAGNOSTIC, enabled_default=False),
    _limit(names.PLANNED_LIMIT),
    _sensor(names.NEXT_LIMIT_CHANGE, ValueKind.TIMESTAMP),
    _energy(names.TOTAL_ENERGY),
    _energy(names.SESSION_ENERGY),
    _sensor(
        names.SESSION_DURATION,
        ValueKind.NUMBER,
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.SECONDS,
        suggested_unit_of_measurement=UnitOfTime.HOURS,  # shown as 2h 35m
        suggested_display_precision=3,
    ),
    _sensor(names.SESSION_START, ValueKind.TIMESTAMP),
    _enum(names.STOP_REASON, StopReason, entity_category=_DIAGNOSTIC),
    _noisy(names.TRANSACTION_ID),
    _sensor(names.ID_TAG, ValueKind.TEXT, entity_category=_DIAGNOSTIC),
)


# Measurands


class _Show(NamedTuple):
    """What the engine's table does not say of a measurand."""

    precision: int
    is_diagnostic: bool = False
    is_enabled: bool = True


_SHOWN: Mapping[str, _Show] = {
    "Current.Export": _Show(1, is_enabled=False),
    "Current.Import": _Show(1),
    "Current.Offered": _Show(1, is_diagnostic=True),
    "Energy.Active.Export.Interval": _Show(3, is_enabled=False),
    "Energy.Active.Export.Register": _Show(2, is_enabled=False),
    "Energy.Active.Import.Interval": _Show(3, is_enabled=False),
    IMPORT_REGISTER: _Show(2),
    "Energy.Reactive.Export.Interval": _Show(3, is_enabled=False),
    "Energy.Reactive.Export.Register": _Show(2, is_enabled=False),
    "Energy.Reactive.Import.Interval": _Show(3, is_enabled=False),
    "Energy.Reactive.Import.Register": _Show(2, is_enabled=False),
    "Frequency": _Show(2, is_diagnostic=True, is_enabled=False),
    "Power.Active.Export": _Show(0, is_enabled=False),
    "Power.Active.Import": _Show(0),
    "Power.Factor": _Show(2, is_diagnostic=True, is_enabled=False),
    "Power.Offered": _Show(0, is_diagnostic=True, is_enabled=False),
    "Power.Reactive.Export": _Show(0, is_enabled=False),
    "Power.Reactive.Import": _Show(0, is_enabled=False),
    "RPM": _Show(0, is_diagnostic=True, is_enabled=False),
    "SoC": _Show(0),
    "Temperature": _Show(1, is_diagnostic=True),
    "Voltage": _Show(0, is_diagnostic=True),
}
# Where it is usually measured, which has a text of its own.
_NAMED_PLACES = {"Temperature": {"Body", "Cable", "EV", "Inlet"}}


def _measured(name: str) -> DatapointDescription | None:
    """Describe a measurand, in all or of one phase or place."""
    if (parts := split_name(name)) is None:
        return None
    measurand, phase, place = parts
    looks, show = MEASURANDS[measurand], _SHOWN[measurand]
    key = measurand.replace(".", "_").lower()
    variant: tuple[tuple[str, str], ...] = ()
    is_named = not phase and place in _NAMED_PLACES.get(measurand, ())
    if is_named:
        key = f"{key}_{place.lower()}"
    elif phase or place:
        key = f"{key}_variant"
        variant = (("variant", f"{phase} {place}".strip()),)
    return _sensor(
        name,
        ValueKind.NUMBER,
        device_class=looks.device_class and SensorDeviceClass(looks.device_class),
        native_unit_of_measurement=looks.unit,
        state_class=looks.state_class and SensorStateClass(looks.state_class),
        suggested_display_precision=show.precision,
        entity_category=_DIAGNOSTIC if show.is_diagnostic else None,
        enabled_default=show.is_enabled and not variant,
        translation_key=key,
        translation_placeholders=variant,
    )
