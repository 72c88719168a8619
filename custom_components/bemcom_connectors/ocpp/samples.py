"""Meter values as charge points send them, read whatever they look like."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from .leniencies import Leniencies
from .measurands import (
    CONTEXTS,
    DEFAULT_CONTEXT,
    DEFAULT_MEASURAND,
    LOCATIONS,
    MEASURANDS,
    PHASES,
    STANDARD_UNITS,
    Conversion,
)
from .timestamps import read_timestamp

# More in one message is none that anybody measured.
_MAX_SAMPLES = 10_000
# Numbers are no longer; beyond that there is no quantity.
_MAX_TEXT = 40
_MAX_VALUE = 1e12
# How many ways to describe a sample are kept, and up to which length.
_MAX_SHAPES = 2000
_MAX_SHAPE_TEXT = 150


class Sample(NamedTuple):
    """One value, in the unit of its measurand's datapoints; "" is no phase, or the outlet."""

    measurand: str
    phase: str
    location: str
    context: str
    value: float


class Kind(NamedTuple):
    """All of a sample but its value."""

    measurand: str
    phase: str
    location: str
    context: str


class MeterReading(NamedTuple):
    """What was measured at one time; None: not said when.

    What kinds of values there are is the same in one message after the other, so it is
    kept apart from the values.
    """

    timestamp: float | None
    kinds: tuple[Kind, ...]
    values: Sequence[float]

    @property
    def samples(self) -> list[Sample]:
        """Return the values with their kinds."""
        pairs = zip(self.kinds, self.values, strict=True)
        return [Sample(*kind, value) for kind, value in pairs]


class _Shape(NamedTuple):
    """What the words beside a value mean; `conversion` None: it is no number."""

    kind: Kind
    conversion: Conversion | None
    remarks: tuple[str, ...] = ()


def _by_lower(*words: str) -> Mapping[str, str]:
    return {word.lower(): word for word in words}


# What is written where there is nothing to say.
_NOTHING = frozenset({"", "-", "n/a", "none", "null"})
_MEASURANDS = _by_lower(*MEASURANDS)
_PHASES = {
    **{phase.replace("-", "").lower(): phase for phase in PHASES},
    **_by_lower(*PHASES),
}
_LOCATIONS = _by_lower(*LOCATIONS)
_CONTEXTS = _by_lower(*CONTEXTS)

# Charge points say the same words over and over.
_shapes: dict[tuple[object, ...], _Shape] = {}


def read_meter_values(meter_value: object, notes: Leniencies) -> list[MeterReading]:
    """Return what can be read of a meterValue or transactionData, whatever it is."""
    readings: list[MeterReading] = []
    room = _MAX_SAMPLES
    for entry in _objects(meter_value, "MeterValues.meterValue", notes):
        if not room:
            notes.note("MeterValues: too many values")
            break
        # Every sample passes here.
        kinds: list[Kind] = []
        values: list[float] = []
        for raw in _objects(
            entry.get("sampledValue"), "MeterValues.sampledValue", notes
        ):
            if not room:
                notes.note("MeterValues: too many values")
                break
            room -= 1
            get = raw.get
            words = (
                get("measurand"),
                get("phase"),
                get("location"),
                get("context"),
                get("unit"),
                get("format"),
            )
            try:
                shape = _shapes.get(words) or _shape_of(words)
            except TypeError:  # a list or an object where a word should be
                shape = _shape_of(
                    tuple(it if isinstance(it, str) else None for it in words)
                )
            kind, conversion, remarks = shape
            if remarks:
                for remark in remarks:
                    notes.note(remark)
            if conversion is None:
                continue
            if (value := _number(get("value"), notes)) is None:
                continue
            if conversion != 1.0:
                value = round(
                    value * conversion
                    if type(conversion) is float
                    else conversion(value),  # type: ignore[operator]
                    6,
                )
            kinds.append(kind)
            values.append(value)
        if values:
            timestamp = _time(entry.get("timestamp"), notes)
            readings.append(MeterReading(timestamp, tuple(kinds), values))
    return readings


def _objects(
    value: object, what: str, notes: Leniencies
) -> Iterable[Mapping[str, object]]:
    """Return the objects of a list, or the one that is there instead of it."""
    if type(value) is list:
        if len(value) > _MAX_SAMPLES:
            notes.note("MeterValues: too many values")
            value = value[:_MAX_SAMPLES]
        if set(map(type, value)) <= {dict}:
            return value
        notes.note(f"{what}: not only objects")
        return [it for it in value if isinstance(it, dict)]
    if isinstance(value, dict):
        notes.note(f"{what}: not an array")
        return (value,)
    notes.note(f"{what}: missing")
    return ()


def _time(value: object, notes: Leniencies) -> float | None:
    timestamp = read_timestamp(value)
    if timestamp is None:
        notes.note("MeterValues.timestamp: none")
    return timestamp


def _number(value: object, notes: Leniencies) -> float | None:
    """Return a number that can be a quantity, None if it is none."""
    number: float
    if type(value) is str and len(value) <= _MAX_TEXT:
        try:
            number = float(value)
        except ValueError:
            if value.count(",") != 1 or "." in value:
                notes.note("MeterValues.value: not a number")
                return None
            notes.note("MeterValues.value: comma")
            return _number(value.replace(",", "."), notes)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        notes.note("MeterValues.value: not a text")
        if not -_MAX_VALUE < value < _MAX_VALUE:
            notes.note("MeterValues.value: not a quantity")
            return None
        number = float(value)
    else:
        notes.note("MeterValues.value: not a number")
        return None
    # False for NaN as well.
    if -_MAX_VALUE < number < _MAX_VALUE:
        return number
    notes.note("MeterValues.value: not a quantity")
    return None


def _shape_of(words: tuple[object, ...]) -> _Shape:
    """Return what the words beside a value mean, and keep it for the next one."""
    texts = [it.strip() if isinstance(it, str) else "" for it in words]
    shape = _read_words(texts)
    if sum(map(len, texts)) <= _MAX_SHAPE_TEXT and all(
        it is None or (isinstance(it, str) and len(it) <= _MAX_SHAPE_TEXT)
        for it in words
    ):
        if len(_shapes) >= _MAX_SHAPES:
            _shapes.clear()
        _shapes[words] = shape
    return shape


def _read_words(texts: Sequence[str]) -> _Shape:
    """Return what words mean; what is no word of OCPP is as if it was not said."""
    measurand, phase, location, context, unit, form = (it.lower() for it in texts)
    remarks: list[str] = []

    def known(words: Mapping[str, str], word: str, default: str, what: str) -> str:
        if word in _NOTHING:
            return default
        if (found := words.get(word)) is None:
            remarks.append(f"MeterValues.{what}: unknown")
            return default
        if found not in texts:
            remarks.append(f"MeterValues.{what}: spelling")
        return found

    if form == "signeddata":
        return _nothing("MeterValues.format: SignedData")
    if measurand not in _NOTHING and measurand not in _MEASURANDS:
        return _nothing("MeterValues.measurand: unknown")
    if phase not in _NOTHING and phase not in _PHASES:
        # It is a part of something, and must not be taken for all of it.
        return _nothing("MeterValues.phase: unknown")
    name = known(_MEASURANDS, measurand, DEFAULT_MEASURAND, "measurand")
    table = MEASURANDS[name]
    conversion = table.units.get("" if unit in _NOTHING else unit)
    if conversion is None:
        remarks.append(f"MeterValues.unit: none of {name}")
    elif unit and unit not in STANDARD_UNITS:
        remarks.append("MeterValues.unit: not of OCPP")
    where = known(_LOCATIONS, location, "", "location")
    kind = Kind(
        name,
        known(_PHASES, phase, "", "phase"),
        "" if where in table.implied else where,
        known(_CONTEXTS, context, DEFAULT_CONTEXT, "context"),
    )
    return _Shape(kind, conversion, tuple(remarks))


def _nothing(remark: str) -> _Shape:
    """Return that a value means nothing to us."""
    return _Shape(Kind("", "", "", ""), None, (remark,))
