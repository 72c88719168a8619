"""How a datapoint looks in Home Assistant: guessed from its key and its first value.

The rightmost word that means something decides ("battery_temperature" is a temperature),
a unit in the key or in the value's text comes before any assumption, and where two
readings are possible nothing is guessed: a wrong unit is worse than none.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from enum import Enum, StrEnum
import json
import re
from typing import Any, NamedTuple

from homeassistant.components.binary_sensor import BinarySensorDeviceClass
from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.components.sensor.const import (
    DEVICE_CLASS_STATE_CLASSES,
    DEVICE_CLASS_UNITS,
    STATE_CLASS_UNITS,
    UNIT_CONVERTERS,
)
from homeassistant.const import MAX_LENGTH_STATE_STATE, EntityCategory, Platform
from homeassistant.helpers.typing import StateType

from . import vocabulary as words
from .connector.model import JsonValue

type NativeValue = StateType | datetime

MAX_NAME = 100
# A float can be larger, its digits or its conversion to a smaller unit cannot be a state.
_MAX_NUMBER = 1e100
# Plausible instants, 2001 to 2100, in seconds and milliseconds since the epoch.
_EPOCH = (978_307_200, 4_102_444_800)
_EPOCH_MS = (_EPOCH[0] * 1000, _EPOCH[1] * 1000)


class ValueKind(StrEnum):
    """How a raw value becomes the entity's native value."""

    NUMBER = "number"
    TEXT = "text"
    TIMESTAMP = "timestamp"
    ENUM = "enum"
    BOOLEAN = "boolean"
    JSON = "json"
    UNKNOWN = "unknown"  # only null was seen so far


@dataclass(frozen=True, kw_only=True, slots=True)
class DatapointDescription:
    """How one datapoint is shown. A kind of ENUM leaves its options to the entity."""

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


# ------------------------------------------------------------------ the words of a key

_FIXES = (
    (re.compile(r"(?i)pm_?2[._]5"), "pm25"),
    (re.compile(r"(?i)pm_?1[._]0(?!\d)"), "pm1"),
    (re.compile(r"Wi-?Fi|WIFI"), "Wifi"),
)
_PARTS = re.compile(r"__|[./:]")
_CHUNKS = re.compile(r"(?:[^\W_]|°)+|[%€]")
# "meterPower", "ACPower", "l1Voltage", "temp1" but not "co2", "TempC°"
_CAMEL = re.compile(
    r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[0-9])(?=[A-Z][a-z])"
    r"|(?<=[A-Za-z]{4})(?=[0-9])|(?<=[^\W_])(?=°)"
)


class _Word(NamedTuple):
    """A word of a key: as written, in lower case, and the part of the key it is from."""

    text: str
    low: str
    part: int


def _split(key: str) -> list[_Word]:
    """Split a key into words; a unit such as kWh stays one."""
    for pattern, replacement in _FIXES:
        key = pattern.sub(replacement, key)
    return [
        _Word(text, text.lower(), part)
        for part, piece in enumerate(_PARTS.split(key))
        for chunk in _CHUNKS.findall(piece)
        for text in _split_chunk(chunk)
    ]


def _split_chunk(chunk: str) -> list[str]:
    """Split camel case, and join what is a unit or a word we know."""
    if (chunk.lower(),) in words.MEANINGS or _spelled(chunk):
        return [chunk]
    result: list[str] = []
    for piece in _CAMEL.split(chunk):
        if result and _spelled(joined := result[-1] + piece):
            result[-1] = joined
        else:
            result.append(piece)
    return result


def _spelled(text: str, *, any_case: bool = True) -> list[words.Spelling]:
    """Give the units a text stands for, without regard to what is measured."""
    text = words.spelling(text)
    exact = words.UNITS_EXACT.get(text) if any_case else None
    return exact or words.UNITS_CASELESS.get(text.lower(), [])


def _is_qualifier(word: str) -> bool:
    """Tell whether a word may stand behind a quantity without changing it."""
    return word in words.QUALIFIERS or word.isdigit()


class _Unit(NamedTuple):
    """Units that the words from `start` to `end` may be."""

    start: int
    end: int
    spellings: list[words.Spelling]


def _units_in(key: list[_Word], *, shouting: bool) -> Iterator[_Unit]:
    """Find units at the end of a key, qualifiers apart; the last and longest come first.

    Case tells nothing in a key that is all capitals: its "MW" is no unit.
    """
    low = [word.low for word in key]
    for end in range(len(key), 0, -1):
        for start in range(max(0, end - 4), end):
            text = "_".join(word.text for word in key[start:end] if word.low != "per")
            if low[start] != "per" and (found := _spelled(text, any_case=not shouting)):
                halved = start > 0 and low[start - 1] in words.NUMERATORS
                yield _Unit(start, end, [] if halved else found)
        if not _is_qualifier(low[end - 1]):
            return


def _meanings_in(low: list[str], parts: list[int]) -> list[tuple[int, words.Meaning]]:
    """Find the words that mean something, from the right; the longest phrases win."""
    found: list[tuple[int, words.Meaning]] = []
    end = len(low)
    while end:
        for start in range(max(0, end - 3), end):
            meaning = words.MEANINGS.get(tuple(low[start:end]))
            if meaning and _stands(meaning, low[start:end], low[end:]):
                found.append((start, meaning))
                end = start + 1
                break
        end -= 1
    return found


def _stands(meaning: words.Meaning, phrase: list[str], tail: list[str]) -> bool:
    """Tell whether a phrase has its meaning with these words behind it."""
    if meaning is words.CURRENT:
        tail_fits = all(word in words.CURRENT_TAIL or word.isdigit() for word in tail)
        return tail_fits and tail[-1:] != ["phase"]
    if meaning is words.IDENTIFIER:  # "port_1_power", "power_port_1": a place
        return not any(word.isdigit() for word in tail) or not phrase == ["port"]
    return phrase != ["ph"] or not tail


def _choose(
    found: list[tuple[int, words.Meaning]], low: list[str], parts: list[int]
) -> words.Meaning:
    """Give the meaning of a key: its rightmost, unless that is a mere hint."""
    if not found:
        return words.UNKNOWN
    at, first = found[0]
    if not first.weak:
        return first
    for start, other in found[1:]:
        if other.weak or not other.classes or other is words.TIME:
            continue
        if first.unit is None:
            return other
        # "temperature_battery" is the battery's temperature, "temperature_sensor_battery"
        # the sensor's battery, "temperature__battery" either of them.
        if parts[start] != parts[at]:
            return words.UNKNOWN
        return first if words.DEVICES & set(low[start:at]) else other
    return first
