"""The fields in which a datapoint is overridden: tables, and nothing else."""

from collections.abc import Container, Sequence
from typing import Any

import voluptuous as vol

from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.components.sensor.const import (
    DEVICE_CLASS_STATE_CLASSES,
    DEVICE_CLASS_UNITS,
)
from homeassistant.const import Platform
from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    BooleanSelector,
    SelectOptionDict,
    TextSelector,
)

from .connector.reporting import MAX_PERIOD, ReportStrategy
from .const import (
    CONF_REPORT_PERIOD,
    CONF_REPORT_STRATEGY,
    CONF_REPORT_TOLERANCE,
    DATAPOINT_PLATFORMS,
)
from .overrides import (
    CONF_DEVICE_CLASS,
    CONF_HIDDEN,
    CONF_KEY,
    CONF_NAME,
    CONF_OFFSET,
    CONF_OPTIONS,
    CONF_PLATFORM,
    CONF_PRECISION,
    CONF_SCALE,
    CONF_STATE_CLASS,
    CONF_UNIT,
    MAX_PRECISION,
    NONE,
    SENSOR_CLASSES,
    TEXT,
)
from .selectors import Fields, number, select

SECTION_NUMBER = "number"
SECTION_REPORTING = "reporting"


def key_fields(datapoints: Sequence[SelectOptionDict]) -> Fields:
    """Return the field to choose a datapoint in, one not seen yet too."""
    return {vol.Required(CONF_KEY): select(datapoints, custom=True)}


_DEVICE_CLASSES = {
    Platform.SENSOR: select(
        [NONE, TEXT, *SENSOR_CLASSES], "sensor_device_class", sort=True
    ),
    Platform.BINARY_SENSOR: select(
        [NONE, *BinarySensorDeviceClass], "binary_sensor_device_class", sort=True
    ),
}


def datapoint_fields(platform: str) -> Fields:
    """Return the fields that say what a datapoint of a platform is."""
    return {
        vol.Optional(CONF_NAME): TextSelector(),
        vol.Required(CONF_PLATFORM): select(DATAPOINT_PLATFORMS, "platform"),
        vol.Optional(CONF_DEVICE_CLASS): _DEVICE_CLASSES[Platform(platform)],
        vol.Required(CONF_HIDDEN, default=False): BooleanSelector(),
    }


_NUMBER_FIELDS: Fields = {
    vol.Optional(CONF_SCALE): number(step="any"),
    vol.Optional(CONF_OFFSET): number(step="any"),
    vol.Optional(CONF_PRECISION): number(0, MAX_PRECISION),
}
_REPORTING_FIELDS: Fields = {
    vol.Optional(CONF_REPORT_STRATEGY): select(list(ReportStrategy), "report_strategy"),
    vol.Optional(CONF_REPORT_PERIOD): number(0.1, MAX_PERIOD, unit="s", step="any"),
    vol.Optional(CONF_REPORT_TOLERANCE): number(0, step="any"),
}


def details_fields(
    platform: str,
    device_class: str,
    options: Sequence[str] = (),
    opened: Container[str] = (),
) -> Fields:
    """Return the fields that suit a platform and a device class, or what stands for one.

    `options` are the choices that are known; `opened` are sections that are not collapsed.
    """
    fields: Fields = {}
    if platform == Platform.SENSOR:
        is_number = device_class not in _NO_NUMBERS
        if is_number:
            fields |= _unit_fields(device_class)
        if device_class in {NONE, SensorDeviceClass.ENUM}:
            fields[vol.Optional(CONF_OPTIONS)] = select(
                options, custom=True, multiple=True
            )
        if is_number:
            fields[vol.Optional(SECTION_NUMBER)] = section(
                vol.Schema(_NUMBER_FIELDS), {"collapsed": SECTION_NUMBER not in opened}
            )
    fields[vol.Optional(SECTION_REPORTING)] = section(
        vol.Schema(_REPORTING_FIELDS), {"collapsed": SECTION_REPORTING not in opened}
    )
    return fields


_NO_NUMBERS = {
    TEXT,
    SensorDeviceClass.ENUM,
    SensorDeviceClass.TIMESTAMP,
    SensorDeviceClass.UPTIME,
}


def _unit_fields(device_class: str) -> Fields:
    """Return the fields of unit and state class, with what a device class allows."""
    units, states = _ALL_UNITS, list(SensorStateClass)
    if device_class != NONE:
        known = SensorDeviceClass(device_class)
        units = DEVICE_CLASS_UNITS.get(known, units)
        states = [it for it in states if it in DEVICE_CLASS_STATE_CLASSES[known]]
    named = sorted(str(it) for it in units if it is not None)
    nothing = [NONE] if None in units else []
    return {
        vol.Optional(CONF_UNIT): select(
            [*nothing, *named], "unit_of_measurement", custom=True
        ),
        vol.Optional(CONF_STATE_CLASS): select([NONE, *states], "state_class"),
    }


_ALL_UNITS: set[Any] = {None}.union(*DEVICE_CLASS_UNITS.values())
