"""The meter of a connector: what is read of meter values, made into datapoints."""

from collections.abc import Iterable, Mapping, Sequence

from ..connector.model import JsonValue
from .clock import REPLAY_AGE, DeviceClock
from .energy import Register
from .measurands import (
    CONTEXTS,
    DEFAULT_CONTEXT,
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
from .samples import MeterReading, Sample, read_meter_values

__all__ = ["Meter", "MeterReading", "Sample", "read_meter_values", "registers"]

# Samples that still come when a session ended a moment ago belong to it.
_AFTERMATH = 5.0
# Of two values of one time, the one counts that ranks higher.
_RANKS = {context: -rank for rank, context in enumerate(CONTEXTS)}


def registers(
    readings: Iterable[MeterReading],
) -> list[tuple[float | None, str, float]]:
    """Return when, in which context and at how many Wh the import register was, in order.

    That of the outlet, or of whatever location there is one. What has no time comes last.
    """
    found: list[tuple[float | None, str, float]] = []
    for reading in readings:
        places: dict[tuple[int, str], dict[str, float]] = {}
        for measurand, phase, location, context, value in reading.samples:
            if measurand == IMPORT_REGISTER:
                place = _PLACES.get(location, 0), context
                places.setdefault(place, {})[phase] = value
        best = {context: (place, context) for place, context in sorted(places)}
        for context, key in best.items():
            phases = places[key]
            total = phases.get("", _total(IMPORT_REGISTER, phases))
            if total is not None:
                found.append((reading.timestamp, context, round(total * 1000, 3)))
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
        for at, samples in self._in_order(readings, now):
            points = self._points(samples)
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
    ) -> list[tuple[float, list[Sample]]]:
        """Return the readings that are no replays, the oldest first, with their times."""
        read = self._clock.read
        if len(readings) == 1:
            ((timestamp, samples),) = readings
            at = read(timestamp, now)
            return [(at, samples)] if at >= now - REPLAY_AGE else []
        if not readings:
            return []
        # The latest of a message tells its age.
        latest = max(now if it.timestamp is None else it.timestamp for it in readings)
        shift = read(latest, now) - min(latest, now)
        timed = [
            (
                now if it.timestamp is None else min(it.timestamp + shift, now),
                it.samples,
            )
            for it in readings
        ]
        timed.sort(key=_first)
        return [it for it in timed if it[0] >= now - REPLAY_AGE]

    def _points(self, samples: list[Sample]) -> dict[str, float]:
        """Return the datapoints of one reading, the totals of phases with them."""
        points: dict[str, float] = {}
        contexts: dict[str, str] = {}
        phases: dict[tuple[str, str], dict[str, float]] = {}
        for measurand, phase, location, context, value in samples:
            name = NAMES[measurand, phase, location]
            if context != DEFAULT_CONTEXT or name in contexts:
                if context == TRANSACTION_BEGIN and name in self._registers:
                    # Growatt repeats in each message what the register was at first.
                    continue
                if _RANKS[context] < _RANKS[contexts.get(name, TRANSACTION_BEGIN)]:
                    continue
            contexts[name] = context
            points[name] = value
            if phase:
                phases.setdefault((measurand, location), {})[phase] = value
        for (measurand, location), by_phase in phases.items():
            name = NAMES[measurand, "", location]
            if name not in points:
                total = _total(measurand, by_phase)
                if total is not None:
                    points[name] = total
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


def _first(pair: tuple[float, list[Sample]]) -> float:
    return pair[0]


def _total(measurand: str, phases: Mapping[str, float]) -> float | None:
    """Return the total of the phases of one measurand, None if they make none.

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
    values = [value for value in parts if value is not None]
    if not values and combine is Combine.MEAN:
        values = [phases[it] for it in LINES_TO_LINES if it in phases]
    if not values:
        return None
    if len(values) == 1:
        return values[0]
    if combine is Combine.SUM:
        return round(sum(values), 6)
    if combine is Combine.MAX:
        return max(values)
    values = [value for value in values if value >= table.least] or values
    return round(sum(values) / len(values), 6)
