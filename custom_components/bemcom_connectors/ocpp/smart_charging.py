"""What charging profiles amount to: the limit of a connector, now and later.

Many charge points do not report their composite schedule, or report a wrong one. So it is
worked out here, by the rules of OCPP 1.6: of each purpose the profile with the highest stack
level counts that is in force, even if its limit is the higher one; a TxProfile counts instead
of a TxDefaultProfile; what is left is bounded by the ChargePointMaxProfile.

Where OCPP 1.6 can be read in several ways, this is how it is read:

- A TxDefaultProfile of a connector replaces the one of the charge point with the same stack
  level for this connector, also while it is not in force itself. Those with other levels
  stay, and the highest level counts, wherever it is.
- When no TxProfile is in force, because its duration is over for instance, TxDefaultProfiles
  count again.
- Without a transaction, TxDefaultProfiles count as if one began at the start of what is
  asked for. TxProfiles do not count then.
- Before a transaction began, by its own clock, Relative profiles are at their beginning.
- A Relative ChargePointMaxProfile, which OCPP forbids and some charge points accept, begins
  with the transaction as the others do.
- Recurring profiles begin with their startSchedule, not before; a duration that is longer
  than the recurrence ends with it.
- What a ChargePointMaxProfile leaves for other connectors is not subtracted.
- A profile is in force in the second of validFrom, and not in that of validTo. Fractions of
  a second do not count.
- A conversion needs a number of phases: that of the period, else the one that is given.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import islice
import math
from typing import NamedTuple

from .charging_profile import ChargingProfile, Period, tenths
from .enums import (
    ChargingProfileKind,
    ChargingProfilePurpose,
    ChargingRateUnit,
    RecurrencyKind,
)
from .installed_profiles import InstalledProfile

_DAY = 24 * 3600
_RECURRENCES: Mapping[RecurrencyKind, int] = {
    RecurrencyKind.DAILY: _DAY,
    RecurrencyKind.WEEKLY: 7 * _DAY,
}
# So far ahead the next change is looked for.
HORIZON = 7 * _DAY
# So often it is looked whether a limit changes; a schedule ends there.
MAX_STEPS = 10_000


class RunningTransaction(NamedTuple):
    """A transaction that runs, and when it began."""

    id: int
    started: float


class Planned(NamedTuple):
    """A limit from so many seconds on; None: there is none."""

    start: int
    limit: float | None


class Outlook(NamedTuple):
    """The limit, when it changes, and to what; `changes_at` is None: not that soon."""

    limit: float | None
    changes_at: float | None
    next_limit: float | None


class _Asked(NamedTuple):
    """What is asked for, in whole seconds since 1970."""

    start: int
    end: int
    unit: ChargingRateUnit
    volts: float
    phases: int


class _Group(NamedTuple):
    """Profiles of which the first one that is in force counts."""

    profiles: Sequence[ChargingProfile]
    # When Relative ones begin.
    begin: int


def composite_schedule(
    installed: Iterable[InstalledProfile],
    connector_id: int,
    start: float,
    duration: int,
    unit: ChargingRateUnit,
    *,
    transactions: Mapping[int, RunningTransaction],
    volts: float = 230.0,
    phases: int = 3,
) -> list[Planned]:
    """Return the limits of a connector from `start` on, the first one at 0.

    `transactions` are those that run, by their connectors. Connector 0 is the charge point
    as a whole, which only a ChargePointMaxProfile limits. Neighbours differ. Whoever asks for
    more than MAX_STEPS changes does not get the last of them.
    """
    begin = math.floor(start)
    asked = _Asked(begin, begin + duration, unit, volts, phases)
    running = transactions.get(connector_id)
    return list(_changes(_groups(installed, connector_id, begin, running), asked))


def outlook(
    installed: Iterable[InstalledProfile],
    connector_id: int,
    now: float,
    unit: ChargingRateUnit,
    *,
    transactions: Mapping[int, RunningTransaction],
    volts: float = 230.0,
    phases: int = 3,
    horizon: int = HORIZON,
) -> Outlook:
    """Return the limit of a connector now, and the next one within the horizon."""
    begin = math.floor(now)
    asked = _Asked(begin, begin + max(horizon, 1), unit, volts, phases)
    running = transactions.get(connector_id)
    changes = _changes(_groups(installed, connector_id, begin, running), asked)
    first, *later = islice(changes, 2)
    if not later:
        return Outlook(first.limit, None, None)
    return Outlook(first.limit, float(begin + later[0].start), later[0].limit)


def converted(
    limit: float,
    unit: ChargingRateUnit,
    wanted: ChargingRateUnit,
    *,
    volts: float = 230.0,
    phases: int = 3,
) -> float:
    """Return a limit in another unit, rounded down: amperes per phase, watts in all."""
    if unit is wanted:
        return tenths(limit)
    # Decimals, so that what is exact on paper is not rounded down by a tenth.
    per_ampere = Decimal(repr(volts)) * phases
    if wanted is ChargingRateUnit.AMPERES:
        return tenths(float(Decimal(repr(limit)) / per_ampere))
    return tenths(float(Decimal(repr(limit)) * per_ampere))


def _groups(
    installed: Iterable[InstalledProfile],
    connector_id: int,
    start: int,
    running: RunningTransaction | None,
) -> tuple[_Group, list[_Group]]:
    """Return the profiles that bound, and those of which the first in force counts."""
    purposes = ChargingProfilePurpose
    bounds: list[ChargingProfile] = []
    own: list[ChargingProfile] = []
    defaults: dict[int, InstalledProfile] = {}
    for it in installed:
        profile, level = it.profile, it.profile.stack_level
        if profile.purpose is purposes.CHARGE_POINT_MAX_PROFILE:
            if it.connector_id == 0:
                bounds.append(profile)
        elif connector_id == 0 or it.connector_id not in {0, connector_id}:
            continue
        elif profile.purpose is purposes.TX_DEFAULT_PROFILE:
            if level not in defaults or it.connector_id == connector_id:
                defaults[level] = it
        elif (
            running is not None
            and it.connector_id == connector_id
            and profile.transaction_id in {None, running.id}
        ):
            own.append(profile)
    begin = start if running is None else math.floor(running.started)
    usual = [it.profile for it in defaults.values()]
    return _group(bounds, begin), [_group(own, begin), _group(usual, begin)]


def _group(profiles: list[ChargingProfile], begin: int) -> _Group:
    return _Group(sorted(profiles, key=lambda it: it.stack_level, reverse=True), begin)


def _changes(groups: tuple[_Group, list[_Group]], asked: _Asked) -> Iterator[Planned]:
    """Yield the limits that follow one another, going from one possible change to the next."""
    bounds, charging = groups
    moment, steps = asked.start, 0
    last: Planned | None = None
    while moment < asked.end and steps < MAX_STEPS:
        steps += 1
        limit, until = _counts([bounds], moment, asked)
        other, other_until = _counts(charging, moment, asked)
        if limit is None or (other is not None and other < limit):
            limit = other
        if last is None or last.limit != limit:
            last = Planned(moment - asked.start, limit)
            yield last
        moment = min(until, other_until)


def _counts(
    groups: Iterable[_Group], moment: int, asked: _Asked
) -> tuple[float | None, int]:
    """Return the limit of the first profile in force, and until when that is so."""
    until = asked.end
    for group in groups:
        for profile in group.profiles:
            period, change = _period_at(profile, moment, group.begin)
            if change is not None:
                until = min(until, max(change, moment + 1))
            if period is not None:
                limit = converted(
                    period.limit,
                    profile.schedule.unit,
                    asked.unit,
                    volts=asked.volts,
                    phases=period.phases or asked.phases,
                )
                return limit, until
    return None, until


def _period_at(
    profile: ChargingProfile, moment: int, begin: int
) -> tuple[Period | None, int | None]:
    """Return the period of a profile that counts, and until when that is so.

    The period is None: the profile is not in force; the time is None: that stays so.
    """
    if profile.valid_from is not None and moment < math.floor(profile.valid_from):
        return None, math.floor(profile.valid_from)
    if profile.valid_to is None:
        return _scheduled_at(profile, moment, begin)
    valid_to = math.floor(profile.valid_to)
    if moment >= valid_to:
        return None, None
    period, change = _scheduled_at(profile, moment, begin)
    return period, valid_to if change is None else min(change, valid_to)


def _scheduled_at(
    profile: ChargingProfile, moment: int, begin: int
) -> tuple[Period | None, int | None]:
    """Return the same as `_period_at` for a profile that is valid for ever."""
    schedule = profile.schedule
    length, recurrence = schedule.duration, None
    if profile.kind is ChargingProfileKind.RELATIVE or schedule.start is None:
        elapsed = max(moment - begin, 0)
    else:
        begin = math.floor(schedule.start)
        elapsed = moment - begin
        if elapsed < 0:
            return None, begin
        if profile.kind is ChargingProfileKind.RECURRING and profile.recurrency:
            recurrence = _RECURRENCES[profile.recurrency]
            length = min(recurrence, length or recurrence)
            elapsed %= recurrence
            begin = moment - elapsed
    if length is not None and elapsed >= length:
        return None, None if recurrence is None else begin + recurrence
    periods = schedule.periods
    index = bisect_right(periods, elapsed, key=lambda it: it.start)
    ends = [it.start for it in periods[index : index + 1]]
    if length is not None:
        ends.append(length)
    return periods[index - 1] if index else None, begin + min(ends) if ends else None
