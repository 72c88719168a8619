"""What a number is: its unit, its device class and the statistics that make sense."""

from typing import NamedTuple

from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.components.sensor.const import (
    DEVICE_CLASS_STATE_CLASSES,
    DEVICE_CLASS_UNITS,
)
from homeassistant.const import DEGREE

from . import vocabulary as vocab
from .keys import Key, decide, meanings_in, spelled, units_in
from .vocabulary import Meaning, Spelling

_MEASUREMENT = SensorStateClass.MEASUREMENT
_ANGLE = SensorStateClass.MEASUREMENT_ANGLE


class Guess(NamedTuple):
    """What a number is, and the key's words without its unit's."""

    meaning: Meaning
    named: Key
    unit: str | None = None
    device_class: SensorDeviceClass | None = None


def guess_number(key: Key, number: float, units: list[Spelling] | None = None) -> Guess:
    """Guess what a number is; `units` are those its text may have named."""
    given = units_in(key) if units is None else iter([(0, 0, units)])
    for start, end, spellings in given:
        rest = key.without(start, end)
        found = meanings_in(rest)
        meaning = decide(rest, found)
        if not spellings:
            return Guess(vocab.UNKNOWN, key)
        if fit := _fit(key, [meaning, *(other for _, other in found)], spellings):
            return Guess(meaning, _named(key, rest, meaning, fit[1]), *fit)
    meaning = decide(key, meanings_in(key))
    return Guess(meaning, key, *_assume(meaning, number))


def _fit(
    key: Key, meanings: list[Meaning], units: list[Spelling]
) -> tuple[str, SensorDeviceClass | None] | None:
    """Find a unit that fits what is measured, or one that says it all by itself."""
    for rank, meaning in enumerate(meanings):
        for unit in units:
            for device_class in meaning.classes:
                # What is only mentioned in the key needs more than a single letter.
                if unit.unit in DEVICE_CLASS_UNITS[device_class] and (
                    rank == 0 or unit.strong
                ):
                    return unit.unit, device_class
            if meaning.unit == unit.unit and rank == 0:
                return unit.unit, None
    hinted = meanings[0] is vocab.UNKNOWN or meanings[0].weak
    for unit in units:
        if unit.strong or (
            hinted and key.has(vocab.CONTEXTS.get(unit.unit, frozenset()))
        ):
            return unit.unit, unit.device_class
    return None


def _assume(
    meaning: Meaning, number: float
) -> tuple[str | None, SensorDeviceClass | None]:
    """Take the usual unit if the number is in its usual range."""
    if not meaning.low <= number <= meaning.high or (
        abs(number) < meaning.whole_below and number % 1
    ):
        return None, None
    units = DEVICE_CLASS_UNITS[meaning.classes[0]] if meaning.classes else {None}
    if meaning.unit in units:
        return meaning.unit, meaning.device_class
    return (None if meaning.classes else meaning.unit), None


def _named(
    key: Key, rest: Key, meaning: Meaning, device_class: SensorDeviceClass | None
) -> Key:
    """Leave the unit out of the name, where the name tells what is measured without it."""
    if device_class in meaning.classes[:1] or (device_class is None and meaning.unit):
        return rest
    if device_class is None:
        return key if meaning is vocab.UNKNOWN else rest
    if meaning.classes and not meaning.weak:
        return rest if device_class in meaning.classes else key
    noun = vocab.NOUNS.get(device_class, device_class.replace("_", " ")).split()
    return rest._replace(text=[*rest.text, *(it for it in noun if it not in rest.low)])


def refine(key: Key, guess: Guess, number: float) -> SensorDeviceClass | None:
    """Return the device class that other words of the key, or the number, point at."""
    if guess.device_class is None:
        return None
    for words, device_class in vocab.REFINED.get(guess.device_class, ()):
        if key.has(words) and guess.unit in DEVICE_CLASS_UNITS[device_class]:
            return device_class
    if (
        guess.device_class is SensorDeviceClass.PRESSURE
        and guess.unit in {"hPa", "mbar"}
        and 870 <= number <= 1085
    ):
        return SensorDeviceClass.ATMOSPHERIC_PRESSURE
    return guess.device_class


def find_state_class(key: Key, guess: Guess) -> SensorStateClass | None:
    """Tell what statistics make sense, among those the device class allows."""
    device_class, wanted = guess.device_class, guess.meaning.state
    if device_class in vocab.COUNTED:
        return _counted(key, device_class)
    if device_class is None:
        if wanted is _ANGLE and guess.unit != DEGREE:
            return _MEASUREMENT
        return wanted or (_MEASUREMENT if guess.unit else None)
    if device_class is SensorDeviceClass.PRECIPITATION and key.has(vocab.GROWING):
        wanted = SensorStateClass.TOTAL_INCREASING
    allowed = DEVICE_CLASS_STATE_CLASSES[device_class]
    return next(it for it in (wanted, _MEASUREMENT, _ANGLE) if it in allowed)


def _counted(
    key: Key, device_class: SensorDeviceClass | None
) -> SensorStateClass | None:
    """Tell how energy, water or gas is counted.

    A total that shrinks without saying so would be taken for a meter that was replaced.
    """
    if key.has(vocab.UNCOUNTED):
        return None
    if key.has(vocab.SHRINKING):
        return SensorStateClass.TOTAL
    if key.has(vocab.GROWING):
        return SensorStateClass.TOTAL_INCREASING
    if device_class is SensorDeviceClass.VOLUME:
        return None  # a litre may be in a tank
    says_nothing = all(
        low.isdigit() or low in vocab.NEUTRAL or spelled(text)
        for text, low in zip(key.text, key.low, strict=True)
    )
    if says_nothing:
        return SensorStateClass.TOTAL_INCREASING
    return SensorStateClass.TOTAL


def find_precision(guess: Guess, number: float) -> int | None:
    """Return the decimals to show, where Home Assistant's own choice is a poor one."""
    if guess.device_class is SensorDeviceClass.VOLTAGE and abs(number) < 10:
        return 3 if guess.unit == "V" else None  # a cell, where millivolts count
    return vocab.PRECISIONS.get((guess.device_class, guess.unit))


def is_quantity(guess: Guess, unit: str) -> bool:
    """Tell whether a number in a text is one: its key or its unit says so."""
    if guess.meaning is vocab.IDENTIFIER:
        return False
    if unit or guess.meaning is vocab.TIME:
        return guess.unit is not None
    return bool(guess.unit or guess.meaning.classes)


def written_units(unit: str) -> list[Spelling]:
    """Return the units a value's text can mean; spelled exactly they need no quantity."""
    exact = unit in {"W", "V", "A"} or (len(unit) > 1 and unit not in {"in", "mb"})
    return [
        it._replace(strong=it.strong or (exact and it.unit == unit))
        for it in spelled(unit)
    ]
