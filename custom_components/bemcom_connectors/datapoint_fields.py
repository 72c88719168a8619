"""The fields in which a datapoint is overridden: tables, and nothing else."""

from collections.abc import Container, Iterable, Sequence
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
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
)

from .connector.reporting import MAX_PERIOD, ReportStrategy
from .const import (
    CONF_REPORT_PERIOD,
    CONF_REPORT_STRATEGY,
    CONF_REPORT_TOLERANCE,
    PLATFORMS,
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

SECTION_NUMBER = "number"
SECTION_REPORTING = "reporting"

type Fields = dict[vol.Marker, Any]


def _select(
    options: Iterable[str],
    translation_key: str | None = None,
    *,
    custom_value: bool = False,
    multiple: bool = False,
    sort: bool = False,
) -> SelectSelector:
    """Return a drop-down."""
    config = SelectSelectorConfig(
        options=list(options),
        mode=SelectSelectorMode.DROPDOWN,
        custom_value=custom_value,
        multiple=multiple,
        sort=sort,
    )
    if translation_key:
        config["translation_key"] = translation_key
    return SelectSelector(config)


def _number(
    minimum: float | None, maximum: float | None = None, unit: str | None = None
) -> NumberSelector:
    """Return a box for a number with any decimals."""
    config = NumberSelectorConfig(step="any", mode=NumberSelectorMode.BOX)
    if minimum is not None:
        config["min"] = minimum
    if maximum is not None:
        config["max"] = maximum
    if unit:
        config["unit_of_measurement"] = unit
    return NumberSelector(config)


def key_fields(datapoints: Sequence[SelectOptionDict]) -> Fields:
    """Return the field to choose a datapoint in, one not seen yet too."""
    return {
        vol.Required(CONF_KEY): SelectSelector(
            SelectSelectorConfig(
                options=datapoints,
                mode=SelectSelectorMode.DROPDOWN,
                custom_value=True,
            )
        )
    }


_DEVICE_CLASSES = {
    Platform.SENSOR: _select(
        [NONE, TEXT, *SENSOR_CLASSES], "sensor_device_class", sort=True
    ),
    Platform.BINARY_SENSOR: _select(
        [NONE, *BinarySensorDeviceClass], "binary_sensor_device_class", sort=True
    ),
}


def datapoint_fields(platform: str) -> Fields:
    """Return the fields that say what a datapoint of a platform is."""
    return {
        vol.Optional(CONF_NAME): TextSelector(),
        vol.Required(CONF_PLATFORM): _select(PLATFORMS, "platform"),
        vol.Optional(CONF_DEVICE_CLASS): _DEVICE_CLASSES[Platform(platform)],
        vol.Required(CONF_HIDDEN, default=False): BooleanSelector(),
    }


_NUMBER_FIELDS: Fields = {
    vol.Optional(CONF_SCALE): _number(None),
    vol.Optional(CONF_OFFSET): _number(None),
    vol.Optional(CONF_PRECISION): NumberSelector(
        NumberSelectorConfig(
            min=0, max=MAX_PRECISION, step=1, mode=NumberSelectorMode.BOX
        )
    ),
}
_REPORTING_FIELDS: Fields = {
    vol.Optional(CONF_REPORT_STRATEGY): _select(ReportStrategy, "report_strategy"),
    vol.Optional(CONF_REPORT_PERIOD): _number(0.1, MAX_PERIOD, "s"),
    vol.Optional(CONF_REPORT_TOLERANCE): _number(0),
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
            fields[vol.Optional(CONF_OPTIONS)] = _select(
                options, custom_value=True, multiple=True
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
        vol.Optional(CONF_UNIT): _select(
            [*nothing, *named], "unit_of_measurement", custom_value=True
        ),
        vol.Optional(CONF_STATE_CLASS): _select([NONE, *states], "state_class"),
    }


_ALL_UNITS: set[Any] = {None}.union(*DEVICE_CLASS_UNITS.values())
