"""How a datapoint looks in Home Assistant: guessed from its key and its first value.

The rightmost word that means something decides ("battery_temperature" is a temperature),
a unit in the key or in the value's text comes before any assumption, and where two
readings are possible nothing is guessed: a wrong unit is worse than none.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
import re
from typing import cast

from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.components.sensor.const import UNIT_CONVERTERS
from homeassistant.const import EntityCategory, Platform
from homeassistant.helpers.typing import StateType

from . import vocabulary as vocab
from .connector.model import JsonValue
from .guessing import (
    Guess,
    find_precision,
    find_state_class,
    guess_number,
    is_quantity,
    refine,
    written_units,
)
from .keys import Key, decide, meanings_in, name_of, read, spelled
from .values import (
    ON,
    OPEN,
    instant,
    iso_instant,
    parse_number,
    to_boolean,
    to_enum,
    to_text,
    to_timestamp,
)
from .vocabulary import Meaning

type NativeValue = StateType | datetime

# Larger numbers exist, but neither their digits nor their smaller units fit a state.
_MAX_NUMBER = 1e100
_SHORT = re.compile(r"[\w +./:-]{0,32}")


class ValueKind(StrEnum):
    """How a raw value becomes the entity's native value."""

    NUMBER = "number"
    TEXT = "text"
    TIMESTAMP = "timestamp"
    ENUM = "enum"
    BOOLEAN = "boolean"
    JSON = "json"


@dataclass(frozen=True, kw_only=True, slots=True)
class DatapointDescription:
    """How one datapoint is shown; `options` is what an ENUM's entity has seen so far."""

    key: str
    platform: Platform
    name: str
    kind: ValueKind
    device_class: SensorDeviceClass | BinarySensorDeviceClass | None = None
    native_unit_of_measurement: str | None = None
    state_class: SensorStateClass | None = None
    suggested_display_precision: int | None = None
    entity_category: EntityCategory | None = None
    enabled_default: bool = True
    options: tuple[str, ...] = ()
    # The device of the link that it belongs to; None: the hub itself.
    device_id: str | None = None
    # What the user has numbers multiplied with, then what is added; only overrides set them,
    # and always both.
    scale: float | None = None
    offset: float | None = None
    # Of those only that are described by hand: what names the entity and its states, with
    # placeholders, and whether the user's name comes before it.
    translation_key: str | None = None
    translation_placeholders: tuple[tuple[str, str], ...] = ()
    is_renamed: bool = False
    # What people read it in, if not in the unit it comes in.
    suggested_unit_of_measurement: str | None = None
    # Attributes, and the keys of the datapoints whose values they are.
    attributes: tuple[tuple[str, str], ...] = ()
    # Whether it is shown while its device cannot be reached, as it says just that.
    is_always_available: bool = False


def describe(key: str, value: JsonValue) -> DatapointDescription:
    """Guess how a datapoint looks from its key and a value it had.

    Device class, unit and state class are always a combination that Home Assistant
    accepts, whatever the key and the value are.
    """
    words = read(key)
    if isinstance(value, bool):
        return _binary(words)
    if isinstance(value, int | float):
        return _from_number(words, value)
    if isinstance(value, str):
        return _from_text(words, value)
    return _sensor(words, ValueKind.JSON)


def is_describable(value: JsonValue) -> bool:
    """Tell whether a value says enough to describe its datapoint; null does not."""
    return value is not None


def _from_number(key: Key, number: float) -> DatapointDescription:
    """Describe a JSON number, which may be a flag or an instant."""
    if isinstance(number, int) and number in (0, 1) and _is_flag(key):
        return _binary(key)
    if _is_instant(key, number):
        return _sensor(key, ValueKind.TIMESTAMP)
    return _number(key, number, guess_number(key, number))


def _from_text(key: Key, text: str) -> DatapointDescription:
    """Describe a JSON string: an instant, on or off, a number, a state or just text."""
    plain = text.strip()
    last = next(reversed(key.tail(vocab.VALUES)), "")
    if iso_instant(plain):
        return _sensor(key, ValueKind.TIMESTAMP)
    if plain.lower() in ON and last not in vocab.MODES:
        return _binary(key)
    if plain.lower() in OPEN and key.has(vocab.DOORS):
        return _binary(key, BinarySensorDeviceClass.OPENING)
    if parsed := parse_number(plain):
        number, unit = parsed
        if not unit and _is_instant(key, number):
            return _sensor(key, ValueKind.TIMESTAMP)
        guess = guess_number(key, number, written_units(unit) if unit else None)
        if is_quantity(guess, unit):
            return _number(key, number, guess)
    if last in vocab.STATES and _SHORT.fullmatch(plain):
        return _sensor(key, ValueKind.ENUM)
    return _sensor(key, ValueKind.TEXT)


def _number(key: Key, number: float, guess: Guess) -> DatapointDescription:
    """Describe a number."""
    guess = guess._replace(device_class=refine(key, guess, number))
    return replace(
        _sensor(key, ValueKind.NUMBER, guess.meaning),
        name=name_of(guess.named),
        device_class=guess.device_class,
        native_unit_of_measurement=guess.unit,
        state_class=find_state_class(key, guess),
        suggested_display_precision=find_precision(guess, number),
        enabled_default=not key.has(vocab.NOISY | vocab.TRAFFIC),
    )


def _sensor(
    key: Key, kind: ValueKind, meaning: Meaning | None = None
) -> DatapointDescription:
    """Describe a sensor without a unit."""
    meaning = meaning or decide(key, meanings_in(key))
    counts_traffic = kind is ValueKind.NUMBER and key.has(vocab.TRAFFIC)
    diagnostic = meaning is vocab.IDENTIFIER or key.has(vocab.DIAGNOSTIC)
    return DatapointDescription(
        key=key.key,
        platform=Platform.SENSOR,
        name=name_of(key),
        kind=kind,
        device_class=KIND_CLASSES.get(kind),
        entity_category=(
            EntityCategory.DIAGNOSTIC if diagnostic or counts_traffic else None
        ),
    )


def _binary(
    key: Key, usual: BinarySensorDeviceClass | None = None
) -> DatapointDescription:
    """Describe what is on or off."""
    last = [key.tail(frozenset()), key.tail(vocab.BINARY_TAIL)]
    phrases = (tuple(low[-size:]) for low in last for size in (3, 2, 1))
    inverted = key.has(vocab.INVERTED)
    found = None if inverted else next(filter(vocab.BINARY.get, phrases), None)
    device_class = vocab.BINARY[found] if found else usual
    link = device_class is BinarySensorDeviceClass.CONNECTIVITY
    return DatapointDescription(
        key=key.key,
        platform=Platform.BINARY_SENSOR,
        name=name_of(key),
        kind=ValueKind.BOOLEAN,
        device_class=device_class,
        entity_category=(
            EntityCategory.DIAGNOSTIC if link or key.has(vocab.DIAGNOSTIC) else None
        ),
    )


def _is_flag(key: Key) -> bool:
    """Tell whether a key is clearly that of something true or false."""
    first = key.low[key.part.index(key.part[-1])] if key.part else ""
    last = key.tail(vocab.VALUES | {"detected"})[-1:]
    return first in {"is", "has"} or not vocab.FLAGS.isdisjoint(last)


def _is_instant(key: Key, number: float) -> bool:
    """Tell whether a number is an instant; a clock that is not set yet sends zero."""
    end = len(key.tail(vocab.VALUES | vocab.SECONDS))
    bare = key.without(end, len(key.low))
    return decide(bare, meanings_in(bare)) is vocab.TIME and (
        instant(number) is not None or (number == 0 and key.has(vocab.CLOCKS))
    )


# Values

_NUMBER = ValueKind.NUMBER  # found faster than a member of its enumeration


def native_value(description: DatapointDescription, value: JsonValue) -> NativeValue:
    """Turn a raw value into the entity's; what does not fit the kind is unknown."""
    if description.kind is _NUMBER:
        if description.scale is not None:
            return _scaled(description, value)
        if type(value) is float or type(value) is int:  # the fast path
            return value if -_MAX_NUMBER < value < _MAX_NUMBER else None
        return _number_of(description, value) if isinstance(value, str) else None
    return None if value is None else _CONVERTERS[description.kind](value)


def _scaled(description: DatapointDescription, value: JsonValue) -> float | None:
    """Return a number as the user scaled it; what is on or off is 1 or 0."""
    if isinstance(value, str):
        number = _number_of(description, value)
        number = to_boolean(value) if number is None else number
    else:
        number = value if isinstance(value, int | float) else None
    if number is None or not -_MAX_NUMBER < number < _MAX_NUMBER:
        return None
    result = number * (description.scale or 1) + (description.offset or 0)
    if isinstance(result, float):  # 0.1 times 3 is 0.3, whatever binary fractions say
        result = float(f"{result:.12g}")
    return result if -_MAX_NUMBER < result < _MAX_NUMBER else None


def _number_of(description: DatapointDescription, text: str) -> float | None:
    """Parse a text's number; one with another unit is converted, if it can be.

    Where it cannot be, the user's scale says what the number means.
    """
    parsed = parse_number(text)
    if parsed is None or not -_MAX_NUMBER < parsed[0] < _MAX_NUMBER:
        return None
    number, written = parsed
    native = description.native_unit_of_measurement
    units = [it.unit for it in spelled(written)]
    if not written or native in units or native == written:
        return number
    device_class = cast("SensorDeviceClass | None", description.device_class)
    converter = UNIT_CONVERTERS.get(device_class)
    # "12:30" and "3 of 5" are no number with a unit.
    is_unit = not any(char.isdigit() for char in written) and written[0] not in ":-./,"
    unscaled = number if is_unit and description.scale is not None else None
    if converter is None or native not in converter.VALID_UNITS:
        return unscaled
    unit = next((it for it in units if it in converter.VALID_UNITS), None)
    try:
        return converter.convert(number, unit, native) if unit else unscaled
    except ZeroDivisionError:  # kWh/100km is the inverse of km/kWh
        return None


_CONVERTERS: dict[ValueKind, Callable[[JsonValue], NativeValue]] = {
    ValueKind.TEXT: to_text,
    ValueKind.JSON: to_text,
    ValueKind.ENUM: to_enum,
    ValueKind.BOOLEAN: to_boolean,
    ValueKind.TIMESTAMP: to_timestamp,
}

KIND_CLASSES = {
    ValueKind.ENUM: SensorDeviceClass.ENUM,
    ValueKind.TIMESTAMP: SensorDeviceClass.TIMESTAMP,
}
