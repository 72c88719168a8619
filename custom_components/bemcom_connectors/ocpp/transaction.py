"""One transaction: from when to when, whose, and above all how much energy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Self, TypeIs

from .clock import CLOCKS_SET
from .energy import (
    MAX_POWER,
    SLACK,
    USUAL_POWER,
    Suspects,
    is_dip,
    is_energy,
    is_growth,
)
from .measurands import TRANSACTION_BEGIN

# The last second that a datetime can hold.
_LATEST = 253402300799
# For so long a register may have grown of which it is not known yet where it started.
_AT_ONCE = 60.0
# What goes with the start is believed sooner, be it told late or by a clock that is off; and
# what a charge point bills is believed up to what a battery holds.
_TRUSTED = 20_000
_BILLED = 200_000
# How long before it was heard of a transaction may have begun.
_LONGEST = 48 * 3600.0


@dataclass(slots=True, kw_only=True)
class Transaction:
    """A charging session; energies in Wh, times in seconds since the epoch.

    A register may be one of the charge point's whole life or of the session, and need not
    be the same in MeterValues as at the start and the end. So there are several `bases`
    from which its readings may count, and the one counts that makes sense of them.
    """

    id: int
    charge_point_id: str
    connector_id: int
    # In full, which is nobody's business.
    id_tag: str = field(default="", repr=False)
    started: float
    meter_start: float | None = None
    energy_wh: float = 0.0
    ended: float | None = None
    reason: str | None = None
    meter_stop: float | None = None
    # Begun under somebody else's eyes: its id is not one of ours.
    foreign: bool = False
    # Its end was never told.
    lost: bool = False
    # What was answered when it started.
    remembered_status: str = ""
    # The start as the charge point said it.
    said_start: float | None = None
    # What the register showed before it began, as far as known.
    before: float | None = None
    # From where readings count; when the last good one was, and the last that was higher.
    base: float | None = None
    heard: bool = False
    heard_at: float = 0.0
    grown_at: float = 0.0
    _suspects: Suspects = field(default_factory=Suspects, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Count from the start."""
        self.heard_at = self.heard_at or self.started
        self.grown_at = self.grown_at or self.started

    @classmethod
    def begin(
        cls,
        charge_point_id: str,
        connector_id: int,
        *,
        id_tag: str,
        said_start: float | None,
        meter_start: float | None,
        now: float,
    ) -> Self:
        """Return one that starts, at the time that was said if that can be; without id."""
        if said_start is not None and not isfinite(said_start):
            said_start = None
        sane = said_start is not None and CLOCKS_SET <= said_start <= now
        started = said_start if sane and said_start is not None else now
        return cls(
            id=0,
            charge_point_id=charge_point_id,
            connector_id=connector_id,
            id_tag=id_tag,
            started=started,
            meter_start=meter_start if is_energy(meter_start) else None,
            said_start=said_start,
            base=meter_start if is_energy(meter_start) else None,
        )

    def is_retry_of(self, other: Transaction) -> bool:
        """Return whether the charge point only did not get the answer to `other`."""
        return (
            not other.foreign
            and self.connector_id == other.connector_id
            and self.said_start == other.said_start
            and self.meter_start == other.meter_start
            and self.id_tag.lower() == other.id_tag.lower()
        )

    def duration(self, now: float) -> float:
        """Return how long it took, or takes so far."""
        end = now if self.ended is None else self.ended
        return max(end - self.started, 0.0)

    def take_register(self, wh: float, at: float, context: str = "") -> float:
        """Take what the register showed; return how much energy is new.

        What comes when it is over changes nothing.
        """
        if self.ended is not None or not is_energy(wh):
            return 0.0
        if context == TRANSACTION_BEGIN:
            self._take_begin(wh, at)
            return 0.0
        before = self.energy_wh
        self._take(wh, at)
        return self.energy_wh - before

    def lose(self, at: float) -> None:
        """End it although nobody said when: it was still on when last heard of."""
        self.lost = True
        self.ended = max(self.started, self.heard_at if self.heard else at)

    def finish(
        self,
        said_end: float | None,
        meter_stop: float | None,
        reason: str | None,
        *,
        now: float,
        registers: Sequence[tuple[float | None, str, float]] = (),
    ) -> None:
        """End it, with all that is known of its energy at the end."""
        self.ended = None
        self.lost = False
        ended = self._end_of(said_end, now)
        for at, context, wh in registers:
            self.take_register(wh, ended if at is None else min(at, ended), context)
        if meter_stop is not None and is_energy(meter_stop):
            self.meter_stop = meter_stop
            self._finish_with(meter_stop, ended)
        self.ended = ended
        self.reason = reason

    def to_dict(self) -> dict[str, Any]:
        """Return what is kept over restarts."""
        return {name: getattr(self, name) for name in _KINDS}

    @classmethod
    def from_dict(cls, data: object) -> Self | None:
        """Return a stored one, None if there is no sense in it."""
        if not isinstance(data, Mapping):
            return None
        values = {
            name: data[name]
            for name, fits in _KINDS.items()
            if name in data and fits(data[name])
        }
        if not values.keys() >= _NEEDED:
            return None
        return cls(**values)

    def _end_of(self, said_end: float | None, now: float) -> float:
        """Return when it ended, as far as the charge point's clock can be believed."""
        if said_end is None or not isfinite(said_end):
            return max(now, self.started)
        if said_end >= CLOCKS_SET:
            return max(min(said_end, now), self.started)
        # The clock was never set, but it told the time that went by.
        if self.said_start is None or not self.said_start <= said_end:
            return max(now, self.started)
        took = said_end - self.said_start
        if self.started + took > now:
            self.started = now - took
        return self.started + took

    def _take_begin(self, wh: float, at: float) -> None:
        """Take what the register showed when it began.

        It may be another one than that of the start: there is a base for each.
        """
        if self.heard:
            return
        if self.foreign and self.started - _LONGEST <= at < self.started:
            self.started = self.heard_at = self.grown_at = at
        start = self.meter_start
        if start is None or not (is_growth(wh - start, 0.0) or is_dip(wh, start)):
            self.base = wh

    def _take(self, wh: float, at: float) -> None:
        """Take a reading, from the base that makes sense of it."""
        at = max(at, self.started)
        if self.base is None:
            self._accept(wh, wh, at)
            return
        if (base := self._base_of(wh, at)) is not None:
            self._accept(base, wh, at)
            return
        if at < self.heard_at or self._dipped(wh):
            # It is an older one, or will soon be what it was.
            return
        if (believed := self._suspects.take(wh, at)) is None:
            return
        first, first_at = believed
        # How fast it grows now says how fast it may have grown before.
        power = 3600 * 2 * (wh - first) / max(at - first_at, 1.0)
        power = min(max(power, USUAL_POWER), MAX_POWER)
        for base in self._bases():
            since = self.heard_at if base == self.base and self.heard else self.grown_at
            if is_growth(wh - base - self.energy_wh, at - since, power):
                self._accept(base, wh, at)
                return
        # A register that was reset, or one that never had to do with the start: nobody
        # knows what went by, but what comes is the session's.
        self._accept(min(first, wh) - self.energy_wh, wh, at)

    def _bases(self) -> list[float]:
        """Return from where readings may count, the most likely one first.

        One that is of this session only shows that before there was energy, or never.
        """
        bases = [self.base, self.meter_start]
        if not self.energy_wh:
            bases += [0.0, self.before]
        return list(dict.fromkeys(it for it in bases if it is not None))

    def _base_of(self, wh: float, at: float) -> float | None:
        """Return the base that goes with a reading without asking others."""
        found = [base for base in self._bases() if self._fits(base, wh, at)]
        if not found or self.energy_wh:
            return found[0] if found else None
        # Nothing shows yet which one it is: a little less does less harm than too much.
        return max(
            (base for base in found if base != self.before or base == self.meter_start),
            default=found[0],
        )

    def _fits(self, base: float, wh: float, at: float) -> bool:
        """Return whether a reading goes with a base."""
        seconds = at - self.heard_at
        growth = wh - base - self.energy_wh
        if base == self.base:
            power = MAX_POWER if self.heard else USUAL_POWER
            slack = _TRUSTED if base == self.meter_start else SLACK
            return is_growth(growth, seconds, power, slack)
        return seconds >= 0 and is_growth(growth, min(seconds, _AT_ONCE), USUAL_POWER)

    def _accept(self, base: float, wh: float, at: float) -> None:
        """Count a reading from a base."""
        energy = max(wh - base, self.energy_wh)
        if energy > self.energy_wh or not self.heard:
            self.grown_at = at
        self.energy_wh = energy
        self.base = base
        self.heard = True
        self.heard_at = at
        self._suspects.clear()

    def _finish_with(self, wh: float, ended: float) -> None:
        """Take the register at the end, which goes with that of the start, if possible."""
        energy, start, duration = self.energy_wh, self.meter_start, self.duration(ended)
        options = []
        if (
            self.base is not None
            and self.heard
            and is_growth(
                wh - self.base - energy,
                ended - self.heard_at,
                slack=_BILLED if self.base == start else SLACK,
            )
        ):
            options.append(wh - self.base)
        # Readings say more than the start, but not while they say nothing.
        told = energy > 0 and self.base == start
        if (
            start is not None
            and not told
            and is_growth(wh - start - energy, duration, slack=_BILLED)
        ):
            options.append(wh - start)
        if (
            start == 0
            and self.before
            and not self.heard
            and not is_growth(wh, duration, USUAL_POWER)
            and is_growth(wh - self.before, duration, USUAL_POWER)
        ):
            # A start that was not told, of a register that was known.
            options = [wh - self.before]
        if (
            not options
            and start
            and wh < start
            and not self._dipped(wh)
            and is_growth(wh - energy, duration, USUAL_POWER)
        ):
            # It is of this session only, although the start was not.
            options = [wh]
        if options:
            self.energy_wh = min(options)

    def _dipped(self, wh: float) -> bool:
        """Return whether a reading is a little less than it was, and nothing else."""
        return any(
            base is not None and is_dip(wh, base + self.energy_wh)
            for base in (self.base, self.meter_start)
        )


def _number(value: object) -> TypeIs[float]:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and isfinite(value)
    )


def _time(value: object) -> bool:
    return _number(value) and 0 <= value <= _LATEST


def _time_or_none(value: object) -> bool:
    return value is None or _time(value)


def _number_or_none(value: object) -> bool:
    return value is None or _number(value)


def _text(value: object) -> bool:
    return isinstance(value, str)


def _text_or_none(value: object) -> bool:
    return value is None or isinstance(value, str)


def _flag(value: object) -> bool:
    return isinstance(value, bool)


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_KINDS = {
    "id": _whole,
    "charge_point_id": _text,
    "connector_id": _whole,
    "id_tag": _text,
    "started": _time,
    "meter_start": _number_or_none,
    "energy_wh": is_energy,
    "ended": _time_or_none,
    "reason": _text_or_none,
    "meter_stop": _number_or_none,
    "foreign": _flag,
    "lost": _flag,
    "remembered_status": _text,
    "said_start": _number_or_none,
    "before": _number_or_none,
    "base": _number_or_none,
    "heard": _flag,
    "heard_at": _time,
    "grown_at": _time,
}
_NEEDED = frozenset({"id", "charge_point_id", "connector_id", "started"})
