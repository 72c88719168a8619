"""The user's word on how a datapoint looks, before the guess.

Where a word and a guess do not fit together, the guess gives way.
"""

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Any, Final, NamedTuple, NoReturn, cast

from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.components.sensor.const import (
    AMBIGUOUS_UNITS,
    DEVICE_CLASS_STATE_CLASSES,
    DEVICE_CLASS_UNITS,
    STATE_CLASS_UNITS,
)
from homeassistant.const import Platform

from .connector.model import OptionsError
from .connector.reporting import ReportRule
from .const import CONF_REPORT_PERIOD, CONF_REPORT_STRATEGY, CONF_REPORT_TOLERANCE
from .descriptions import KIND_CLASSES, DatapointDescription, ValueKind
from .keys import MAX_NAME
from .values import printable

CONF_KEY: Final = "key"
CONF_NAME: Final = "name"
CONF_PLATFORM: Final = "platform"
CONF_DEVICE_CLASS: Final = "device_class"
CONF_UNIT: Final = "unit_of_measurement"
CONF_STATE_CLASS: Final = "state_class"
CONF_SCALE: Final = "scale"
CONF_OFFSET: Final = "offset"
CONF_PRECISION: Final = "suggested_display_precision"
CONF_OPTIONS: Final = "options"
CONF_HIDDEN: Final = "hidden"

# The user's word that there is no device class, unit or state class. A field that is
# missing is as guessed.
NONE: Final = "none"
# Stands for a device class: a text, even where it looks like a number.
TEXT: Final = "text"

MAX_OPTIONS = 100
MAX_PRECISION = 10
_MAX_UNIT = 40
# A scaled number is an exact integer at most so large, and never infinite.
_MAX_FACTOR = 1e15

_OF_NUMBERS = (CONF_SCALE, CONF_OFFSET, CONF_PRECISION, CONF_UNIT, CONF_STATE_CLASS)
# In the order in which what is as guessed is left out.
_LOOKS = (CONF_NAME, CONF_OPTIONS, *_OF_NUMBERS, CONF_DEVICE_CLASS, CONF_PLATFORM)
_KINDS = {
    NONE: ValueKind.TEXT,
    TEXT: ValueKind.TEXT,
    SensorDeviceClass.ENUM: ValueKind.ENUM,
    SensorDeviceClass.TIMESTAMP: ValueKind.TIMESTAMP,
    SensorDeviceClass.UPTIME: ValueKind.TIMESTAMP,
}
# A date without a time is nothing that any kind of value becomes.
SENSOR_CLASSES = [it for it in SensorDeviceClass if it is not SensorDeviceClass.DATE]

type Override = Mapping[str, Any]


class OverrideReason(StrEnum):
    """Why an override cannot be used."""

    INVALID_NAME = "invalid_name"
    INVALID_PLATFORM = "invalid_platform"
    INVALID_DEVICE_CLASS = "invalid_device_class"
    INVALID_UNIT = "invalid_unit"
    INVALID_STATE_CLASS = "invalid_state_class"
    INVALID_NUMBER = "invalid_number"
    INVALID_PRECISION = "invalid_precision"
    INVALID_OPTIONS = "invalid_options"
    INVALID_REPORT = "invalid_report"
    NEEDS_NUMBER = "needs_number"
    OPTIONS_NEED_SENSOR = "options_need_sensor"
    OPTIONS_NEED_ENUM = "options_need_enum"
    REPORT_NEEDS_STRATEGY = "report_needs_strategy"


class OverrideFault(NamedTuple):
    """The field of an override that cannot be used, and why."""

    field: str
    reason: OverrideReason


class _RefusedError(Exception):
    """An override that cannot be used."""

    def __init__(self, field: str, reason: OverrideReason) -> None:
        """Name the field at fault."""
        super().__init__(f"{field}: {reason}")
        self.fault = OverrideFault(field, reason)


def check(
    override: Override, description: DatapointDescription
) -> OverrideFault | None:
    """Return what Home Assistant would refuse of an override of a guess, if anything."""
    try:
        _overridden(description, override)
    except _RefusedError as err:
        return err.fault
    return None


def apply(
    description: DatapointDescription, override: Override
) -> DatapointDescription:
    """Return a guessed description as the user wants it.

    Only what is usable counts: the guess may be another one than when the user said it.
    """
    return _overridden(description, usable(override, description))


def usable(override: Override, description: DatapointDescription) -> dict[str, Any]:
    """Return an override without what `check` finds fault with."""
    words = dict(override)
    while fault := check(words, description):
        # A unit that is missing is the fault of the device class that needs it.
        del words[fault.field if fault.field in words else CONF_DEVICE_CLASS]
    return words


def differences(
    override: Override, description: DatapointDescription
) -> dict[str, Any]:
    """Return of an override only what is not as guessed anyway."""
    wanted = apply(description, override)
    kept = dict(override)
    for field in _LOOKS:
        rest = {name: value for name, value in kept.items() if name != field}
        if check(rest, description) is None and apply(description, rest) == wanted:
            kept = rest
    if CONF_DEVICE_CLASS in kept:  # it means nothing without its platform
        kept[CONF_PLATFORM] = wanted.platform.value
    if not kept.get(CONF_HIDDEN):
        kept.pop(CONF_HIDDEN, None)
    return kept


def _refuse(field: str, reason: OverrideReason) -> NoReturn:
    """Find fault with a field."""
    raise _RefusedError(field, reason)


def _overridden(guess: DatapointDescription, words: Override) -> DatapointDescription:
    """Return a description as the user wants it, if Home Assistant accepts it."""
    _check_reporting(words)
    guess = replace(guess, name=_name(guess, words))
    platform = words.get(CONF_PLATFORM, guess.platform)
    if platform not in _BUILDERS:
        _refuse(CONF_PLATFORM, OverrideReason.INVALID_PLATFORM)
    return _BUILDERS[platform](guess, words)


def _name(guess: DatapointDescription, words: Override) -> str:
    """Return the name."""
    name = printable(words.get(CONF_NAME, guess.name)).strip()
    if not 0 < len(name) <= MAX_NAME:
        _refuse(CONF_NAME, OverrideReason.INVALID_NAME)
    return name


def _check_reporting(words: Override) -> None:
    """Refuse what cannot work when values are reported."""
    try:
        ReportRule.of(words)
    except OptionsError as err:
        _refuse(err.option, OverrideReason.INVALID_REPORT)
    if CONF_REPORT_STRATEGY not in words:
        for field in (CONF_REPORT_PERIOD, CONF_REPORT_TOLERANCE):
            if field in words:
                _refuse(field, OverrideReason.REPORT_NEEDS_STRATEGY)


def _numeric(words: Override) -> list[str]:
    """Return the fields that make a datapoint a number."""
    return [it for it in _OF_NUMBERS if words.get(it, NONE) != NONE]


def _binary_sensor(
    guess: DatapointDescription, words: Override
) -> DatapointDescription:
    """Describe what is on or off."""
    if CONF_OPTIONS in words:
        _refuse(CONF_OPTIONS, OverrideReason.OPTIONS_NEED_SENSOR)
    said = words.get(CONF_DEVICE_CLASS)
    if said is None and guess.kind is ValueKind.BOOLEAN:
        device_class = cast("BinarySensorDeviceClass | None", guess.device_class)
    elif said is None or said == NONE:
        device_class = None
    elif said in set(BinarySensorDeviceClass):
        device_class = BinarySensorDeviceClass(said)
    else:
        _refuse(CONF_DEVICE_CLASS, OverrideReason.INVALID_DEVICE_CLASS)
    plain = _plain(guess, words, ValueKind.BOOLEAN)
    return replace(plain, platform=Platform.BINARY_SENSOR, device_class=device_class)


def _sensor(guess: DatapointDescription, words: Override) -> DatapointDescription:
    """Describe a number, a text, a time or a choice."""
    said = words.get(CONF_DEVICE_CLASS)
    if said not in {None, NONE, TEXT, *SENSOR_CLASSES}:
        _refuse(CONF_DEVICE_CLASS, OverrideReason.INVALID_DEVICE_CLASS)
    kind = _kind(guess, words)
    if CONF_OPTIONS in words and kind is not ValueKind.ENUM:
        _refuse(CONF_OPTIONS, OverrideReason.OPTIONS_NEED_ENUM)
    if kind is ValueKind.NUMBER:
        return _number(guess, words)
    plain = _plain(guess, words, kind)
    if kind is ValueKind.ENUM:
        plain = replace(plain, options=_options(words) or guess.options)
    is_uptime = said == SensorDeviceClass.UPTIME
    return replace(
        plain,
        platform=Platform.SENSOR,
        device_class=SensorDeviceClass.UPTIME if is_uptime else KIND_CLASSES.get(kind),
    )


def _kind(guess: DatapointDescription, words: Override) -> ValueKind:
    """Tell what a sensor's values are."""
    said = words.get(CONF_DEVICE_CLASS)
    if said in {None, NONE}:
        if CONF_OPTIONS in words:
            return ValueKind.ENUM
        if _numeric(words) or (said == NONE and guess.kind is ValueKind.NUMBER):
            return ValueKind.NUMBER
        if said is None and guess.kind is not ValueKind.BOOLEAN:
            return guess.kind
    kind = _KINDS.get(said or NONE, ValueKind.NUMBER)
    # What is shown as JSON is a text already.
    is_json = guess.kind is ValueKind.JSON and kind is ValueKind.TEXT
    return guess.kind if is_json else kind


def _plain(
    guess: DatapointDescription, words: Override, kind: ValueKind
) -> DatapointDescription:
    """Describe what is no number."""
    for field in _numeric(words):
        _refuse(field, OverrideReason.NEEDS_NUMBER)
    return replace(
        guess,
        kind=kind,
        native_unit_of_measurement=None,
        state_class=None,
        suggested_display_precision=None,
        options=(),
    )


def _options(words: Override) -> tuple[str, ...]:
    """Return the choices, each once."""
    options = tuple(dict.fromkeys(it.strip() for it in words.get(CONF_OPTIONS, ())))
    if CONF_OPTIONS in words and not (
        0 < len(options) <= MAX_OPTIONS
        and all(it and it == printable(it) for it in options)  # which fit a state
    ):
        _refuse(CONF_OPTIONS, OverrideReason.INVALID_OPTIONS)
    return options


# Numbers


def _number(guess: DatapointDescription, words: Override) -> DatapointDescription:
    """Describe a number; what was guessed of something else says nothing about it."""
    is_number = guess.kind is ValueKind.NUMBER
    before = guess if is_number else replace(guess, device_class=None)
    device_class = _device_class(before, words)
    unit = _unit(before, words, device_class)
    scale, offset = _scale(guess, words)
    same = is_number and scale is None and unit == guess.native_unit_of_measurement
    return replace(
        guess,
        platform=Platform.SENSOR,
        kind=ValueKind.NUMBER,
        device_class=device_class,
        native_unit_of_measurement=unit,
        state_class=_state_class(before, words, device_class, unit),
        suggested_display_precision=_precision(
            words, guess.suggested_display_precision if same else None
        ),
        options=(),
        scale=scale,
        offset=offset,
    )


def _device_class(
    before: DatapointDescription, words: Override
) -> SensorDeviceClass | None:
    """Return the user's device class, or the guessed one where it fits the user's words."""
    said = words.get(CONF_DEVICE_CLASS)
    if said is not None:
        return None if said == NONE else SensorDeviceClass(said)
    guessed = cast("SensorDeviceClass | None", before.device_class)
    if guessed is None:
        return None
    units = DEVICE_CLASS_UNITS.get(guessed)
    state_class = words.get(CONF_STATE_CLASS, NONE)
    if CONF_UNIT in words and units and _said_unit(words) not in units:
        return None
    if state_class != NONE and state_class not in DEVICE_CLASS_STATE_CLASSES[guessed]:
        return None
    return guessed


def _said_unit(words: Override) -> str | None:
    """Return the user's unit as Home Assistant spells it."""
    said: str = words[CONF_UNIT]
    unit = said.strip()
    if not 0 < len(unit) <= _MAX_UNIT or unit != printable(unit):
        _refuse(CONF_UNIT, OverrideReason.INVALID_UNIT)
    return None if unit == NONE else AMBIGUOUS_UNITS.get(unit, unit)


def _unit(
    before: DatapointDescription,
    words: Override,
    device_class: SensorDeviceClass | None,
) -> str | None:
    """Return the unit; the only one that a device class has needs no word."""
    is_said = CONF_UNIT in words
    unit = _said_unit(words) if is_said else before.native_unit_of_measurement
    units = DEVICE_CLASS_UNITS.get(device_class) if device_class else None
    if units is None or unit in units:
        return unit
    if not is_said and (None in units or len(units) == 1):
        return None if None in units else str(next(iter(units)))
    return _refuse(CONF_UNIT, OverrideReason.INVALID_UNIT)


def _state_class(
    before: DatapointDescription,
    words: Override,
    device_class: SensorDeviceClass | None,
    unit: str | None,
) -> SensorStateClass | None:
    """Return the state class; the only one that a device class has needs no word."""
    said = words.get(CONF_STATE_CLASS)
    if said == NONE:
        return None
    allowed = set(SensorStateClass)
    if device_class is not None:
        allowed = DEVICE_CLASS_STATE_CLASSES[device_class]
    allowed = {it for it in allowed if unit in STATE_CLASS_UNITS.get(it, {unit})}
    if said is not None:
        if said not in allowed:
            _refuse(CONF_STATE_CLASS, OverrideReason.INVALID_STATE_CLASS)
        return SensorStateClass(said)
    if before.state_class in allowed or device_class is before.device_class:
        return before.state_class if before.state_class in allowed else None
    return next(iter(allowed)) if len(allowed) == 1 else None


def _scale(
    guess: DatapointDescription, words: Override
) -> tuple[float, float] | tuple[None, None]:
    """Return what to multiply with and what to add; on and off are made numbers so."""
    scale, offset = words.get(CONF_SCALE), words.get(CONF_OFFSET)
    if scale is None and offset is None and guess.kind is not ValueKind.BOOLEAN:
        return None, None
    scale = 1 if scale is None else scale
    offset = 0 if offset is None else offset
    if not 0 < abs(scale) <= _MAX_FACTOR:
        _refuse(CONF_SCALE, OverrideReason.INVALID_NUMBER)
    if not abs(offset) <= _MAX_FACTOR:
        _refuse(CONF_OFFSET, OverrideReason.INVALID_NUMBER)
    return _whole(scale), _whole(offset)


def _whole(number: float) -> float:
    """Return a whole number as an integer, which leaves integers what they are."""
    return int(number) if number == int(number) else number


def _precision(words: Override, guessed: int | None) -> int | None:
    """Return how many decimals to show."""
    precision = words.get(CONF_PRECISION)
    if precision is None:
        return guessed
    if precision not in range(MAX_PRECISION + 1):
        _refuse(CONF_PRECISION, OverrideReason.INVALID_PRECISION)
    return int(precision)


_BUILDERS = {
    Platform.SENSOR: _sensor,
    Platform.BINARY_SENSOR: _binary_sensor,
}
