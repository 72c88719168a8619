"""The meter of a connector: what is read of meter values, made into datapoints."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import NamedTuple

from ..connector.model import JsonValue
from .clock import REPLAY_AGE, DeviceClock
from .energy import Register
from .measurands import (
    CONTEXTS,
    IMPORT_REGISTER,
    LINES,
    LINES_TO_LINES,
    LINES_TO_NEUTRAL,
    MEASURANDS,
    NAMES,
    TRANSACTION_BEGIN,
    Combine,
    split_name,
)
from .samples import Kind, MeterReading, Sample, read_meter_values

__all__ = ["Meter", "MeterReading", "Sample", "read_meter_values", "registers"]

# Samples that still come when a session ended a moment ago belong to it.
_AFTERMATH = 5.0
# Of two values of one time, the one counts that ranks higher.
_RANKS = {context: -rank for rank, context in enumerate(CONTEXTS)}
# How many layouts are kept, and of how many values at most.
_MAX_LAYOUTS = 500
_MAX_LAYOUT = 100


def registers(
    readings: Iterable[MeterReading],
) -> list[tuple[float | None, str, float]]:
    """Return when, in which context and at how many Wh the import register was, in order.

    That of the outlet, or of whatever location there is one. What has no time comes last.
    """
    found: list[tuple[float | None, str, float]] = []
    for timestamp, kinds, values in readings:
        for context, indexes, combine in _layout_of(kinds).registers:
            total = combine([values[it] for it in indexes])
            found.append((timestamp, context, round(total * 1000, 3)))
    if len(found) > 1:
        found.sort(key=_order)
    return found


# The location whose register is the connector's, the last one most.
_PLACES = {"Inlet": 1, "Body": 2, "EV": 3, "Cable": 4, "": 5}


def _order(register: tuple[float | None, str, float]) -> tuple[float, int]:
    """Return what sorts by time, and the begin of a transaction before the rest of it."""
    timestamp, context, _ = register
    return (
        float("inf") if timestamp is None else timestamp,
        context != TRANSACTION_BEGIN,
    )


class Meter:
    """The meter of a connector: the latest value of each datapoint."""

    __slots__ = ("_clock", "_live", "_newest", "_registers")

    def __init__(self, clock: DeviceClock | None = None) -> None:
        """Share the clock of the charge point, if there is one."""
        self._clock = clock or DeviceClock()
        # When each datapoint was measured last, and which go with a session.
        self._newest: dict[str, float] = {}
        self._live: set[str] = set()
        self._registers: dict[str, Register] = {}

    registers = staticmethod(registers)

    def restore(self, values: Mapping[str, JsonValue], at: float) -> None:
        """Take up the values that were shown last, so that registers go on from there."""
        for name, value in values.items():
            if (parts := split_name(name)) is None or value is None:
                continue
            if MEASURANDS[parts[0]].live:
                self._live.add(name)
            if parts[0] in _REGISTERS and isinstance(value, int | float):
                self._registers[name] = Register(round(value * 1000, 3), at)

    def take(
        self, readings: Sequence[MeterReading], now: float
    ) -> dict[str, JsonValue]:
        """Return the datapoints that are news, by their own names.

        Of each the latest counts. What a charge point measured while it was offline is no
        news any more.
        """
        values: dict[str, JsonValue] = {}
        newest = self._newest
        for at, reading in self._in_order(readings, now):
            points = self._points(reading)
            for name, value in points.items():
                if at < newest.get(name, at) <= now + _AFTERMATH:
                    continue
                if name in _REGISTER_NAMES and not self._believes(name, value, at):
                    continue
                newest[name] = at
                values[name] = value
                if name in _LIVE_NAMES:
                    self._live.add(name)
        return values

    def clear_live(self, at: float | None = None) -> dict[str, None]:
        """Return what is gone with a session that ended, `at`: what is older stays gone."""
        gone = dict.fromkeys(sorted(self._live))
        self._live.clear()
        if at is not None:
            for name in gone:
                self._newest[name] = at + _AFTERMATH
        return gone

    def _in_order(
        self, readings: Sequence[MeterReading], now: float
    ) -> list[tuple[float, MeterReading]]:
        """Return the readings that are no replays, the oldest first, with their times."""
        read = self._clock.read
        if len(readings) == 1:
            (reading,) = readings
            at = read(reading.timestamp, now)
            return [(at, reading)] if at >= now - REPLAY_AGE else []
        if not readings:
            return []
        # The latest of a message tells its age.
        latest = max(now if it.timestamp is None else it.timestamp for it in readings)
        shift = read(latest, now) - min(latest, now)
        timed = [
            (now if it.timestamp is None else min(it.timestamp + shift, now), it)
            for it in readings
        ]
        timed.sort(key=itemgetter(0))
        return [it for it in timed if it[0] >= now - REPLAY_AGE]

    def _points(self, reading: MeterReading) -> dict[str, float]:
        """Return the datapoints of one reading, the totals of phases with them."""
        _, kinds, values = reading
        layout = _layout_of(kinds)
        if layout.has_begin:
            # Growatt repeats in each message what the register was at first.
            kept = [
                (kind, value)
                for kind, value in zip(kinds, values, strict=True)
                if kind.context != TRANSACTION_BEGIN
                or NAMES[kind[:3]] not in self._registers
            ]
            layout = _layout_of(tuple(kind for kind, _ in kept))
            values = [value for _, value in kept]
        points = {name: values[index] for name, index in layout.points}
        for name, indexes, combine in layout.totals:
            points[name] = combine([values[it] for it in indexes])
        return points

    def _believes(self, name: str, kwh: float, at: float) -> bool:
        """Return whether a register can be there; nonsense is never shown."""
        register = self._registers.get(name)
        if register is None:
            register = self._registers[name] = Register()
        return register.take(round(kwh * 1000, 3), at) is not None


_REGISTERS = frozenset(it for it in MEASURANDS if it.endswith(".Register"))
_REGISTER_NAMES = frozenset(
    name for (measurand, *_), name in NAMES.items() if measurand in _REGISTERS
)
_LIVE_NAMES = frozenset(
    name for (measurand, *_), name in NAMES.items() if MEASURANDS[measurand].live
)


type _Combine = Callable[[Sequence[float]], float]


class _Layout(NamedTuple):
    """What becomes of readings of the same kinds: which value makes what.

    By the places of the values in the reading.
    """

    points: tuple[tuple[str, int], ...]
    totals: tuple[tuple[str, tuple[int, ...], _Combine], ...]
    # By context, those of the import register.
    registers: tuple[tuple[str, tuple[int, ...], _Combine], ...]
    has_begin: bool


# Charge points send the same kinds over and over.
_layouts: dict[tuple[Kind, ...], _Layout] = {}


def _layout_of(kinds: tuple[Kind, ...]) -> _Layout:
    """Return what becomes of readings of these kinds, and keep it for the next one."""
    if (known := _layouts.get(kinds)) is not None:
        return known
    layout = _lay_out(kinds)
    if len(kinds) <= _MAX_LAYOUT:
        if len(_layouts) >= _MAX_LAYOUTS:
            _layouts.clear()
        _layouts[kinds] = layout
    return layout


def _lay_out(kinds: tuple[Kind, ...]) -> _Layout:
    """Find the values that count, and those of phases that make a total."""
    points: dict[str, int] = {}
    contexts: dict[str, str] = {}
    phases: dict[tuple[str, str], dict[str, int]] = {}
    for index, (measurand, phase, location, context) in enumerate(kinds):
        name = NAMES[measurand, phase, location]
        if _RANKS[context] < _RANKS[contexts.get(name, TRANSACTION_BEGIN)]:
            continue
        contexts[name] = context
        points[name] = index
        if phase:
            phases.setdefault((measurand, location), {})[phase] = index
    totals = []
    for (measurand, location), by_phase in phases.items():
        name = NAMES[measurand, "", location]
        if name not in points and (total := _total(measurand, by_phase)) is not None:
            totals.append((name, *total))
    return _Layout(
        tuple(points.items()),
        tuple(totals),
        tuple(_import_registers(kinds)),
        any(kind.context == TRANSACTION_BEGIN for kind in kinds),
    )


def _import_registers(
    kinds: tuple[Kind, ...],
) -> Iterable[tuple[str, tuple[int, ...], _Combine]]:
    """Find the import register in each context, at the best place it has one."""
    places: dict[tuple[int, str], dict[str, int]] = {}
    for index, (measurand, phase, location, context) in enumerate(kinds):
        if measurand == IMPORT_REGISTER:
            place = _PLACES.get(location, 0), context
            places.setdefault(place, {})[phase] = index
    best = {context: places[place, context] for place, context in sorted(places)}
    for context, phases in best.items():
        if "" in phases:
            yield context, (phases[""],), max
        elif (total := _total(IMPORT_REGISTER, phases)) is not None:
            yield context, *total


def _total(
    measurand: str, phases: Mapping[str, int]
) -> tuple[tuple[int, ...], _Combine] | None:
    """Return which values of phases make a total, and how; None if they make none.

    The neutral alone says nothing, and a phase counts once, by whichever name.
    """
    table = MEASURANDS[measurand]
    combine = table.combine
    if combine is Combine.NONE:
        return None
    parts = [
        phases.get(line, phases.get(to_neutral))
        for line, to_neutral in zip(LINES, LINES_TO_NEUTRAL, strict=True)
    ]
    indexes = [index for index in parts if index is not None]
    if not indexes and combine is Combine.MEAN:
        indexes = [phases[it] for it in LINES_TO_LINES if it in phases]
    if not indexes:
        return None
    if len(indexes) == 1 or combine is Combine.MAX:
        return tuple(indexes), max
    if combine is Combine.SUM:
        return tuple(indexes), _sum
    return tuple(indexes), partial(_mean, table.least)


def _sum(values: Sequence[float]) -> float:
    return round(sum(values), 6)


def _mean(least: float, values: Sequence[float]) -> float:
    values = [value for value in values if value >= least] or values
    return round(sum(values) / len(values), 6)
