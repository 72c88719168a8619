"""Plans as people write them: limits from times on, by the clock on the wall where they are."""

from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any, NamedTuple

import voluptuous as vol

from homeassistant.exceptions import ServiceValidationError
from homeassistant.util import dt as dt_util

from .const import DOMAIN
from .ocpp.charging_profile import ChargingSchedule, Period
from .ocpp.enums import (
    ChargingProfileKind,
    ChargingProfilePurpose,
    ChargingRateUnit,
    RecurrencyKind,
)
from .ocpp.profile_planning import plan
from .ocpp.profile_rules import ProfileError, ProfileRule

type Start = float | time | datetime

_DAY = timedelta(days=1)
_LENGTH = {
    RecurrencyKind.DAILY: _DAY,
    RecurrencyKind.WEEKLY: timedelta(days=7),
}
# The longest that a plan may be counted in seconds.
_MAX_SECONDS = 366 * 86_400


class Plan(NamedTuple):
    """What becomes of the entries of a plan."""

    kind: ChargingProfileKind
    recurrency: RecurrencyKind | None
    schedule: ChargingSchedule


class Limits(NamedTuple):
    """What counts for all entries of a plan."""

    unit: ChargingRateUnit
    phases: int | None = None
    duration: int | None = None


def start(value: object) -> Start:
    """Return when an entry begins: seconds, a time of day, or a point in time."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not 0 <= value <= _MAX_SECONDS:
            raise vol.Invalid("seconds from 0 to a year are possible")
        return value
    if isinstance(value, time):
        return value
    if isinstance(value, datetime):
        return _in_zone(value)
    if isinstance(value, str):
        text = value.strip()
        if (moment := dt_util.parse_datetime(text)) is not None:
            return _in_zone(moment)
        if (of_day := dt_util.parse_time(text)) is not None:
            return of_day
    raise vol.Invalid(
        'a time of day such as "22:00", a date and time, or seconds are possible'
    )


def moment(value: object) -> datetime:
    """Return a point in time, by the clock here if it does not say."""
    if isinstance(found := start(value), datetime):
        return found
    raise vol.Invalid("a date and time is needed")


def make_plan(
    entries: Sequence[Mapping[str, Any]],
    limits: Limits,
    *,
    purpose: ChargingProfilePurpose,
    kind: ChargingProfileKind | None = None,
    recurrency: RecurrencyKind | None = None,
) -> Plan:
    """Return the plan of entries, each with its start and limit.

    Raises ProfileError, and translated errors of what does not go together.
    """
    starts = [it["start"] for it in entries]
    of_limits = [float(it["limit"]) for it in entries]
    if not starts:
        raise ProfileError(ProfileRule.NO_PERIODS)
    if recurrency is None and kind is ChargingProfileKind.RECURRING:
        recurrency = RecurrencyKind.DAILY
    now = dt_util.now()
    moments: list[datetime]
    if all(isinstance(it, int | float) for it in starts):
        counts_from_now = purpose is ChargingProfilePurpose.CHARGE_POINT_MAX_PROFILE
        if kind is None and recurrency is None and not counts_from_now:
            kind = ChargingProfileKind.RELATIVE
        if kind is ChargingProfileKind.RELATIVE and recurrency is None:
            return _relative(starts, of_limits, limits)
        whole = now.replace(second=0, microsecond=0)
        moments = [_later(whole, it) for it in starts]
    elif all(isinstance(it, time) for it in starts):
        moments = _moments(starts, now, recurring=recurrency is not None)
    elif all(isinstance(it, datetime) for it in starts):
        moments = starts
    else:
        raise _invalid("plan_mixed")
    if kind is ChargingProfileKind.RELATIVE or (
        kind is ChargingProfileKind.ABSOLUTE and recurrency is not None
    ):
        raise _invalid("plan_kind")
    if recurrency is not None:
        return _recurring(moments, of_limits, limits, recurrency)
    return _absolute(moments, of_limits, limits)


def _relative(starts: Sequence[float], of: Sequence[float], limits: Limits) -> Plan:
    """Return a plan that begins with charging."""
    return Plan(
        ChargingProfileKind.RELATIVE,
        None,
        ChargingSchedule(
            unit=limits.unit,
            periods=tuple(
                Period(start=int(begin), limit=limit, phases=limits.phases)
                for begin, limit in zip(starts, of, strict=True)
            ),
            duration=limits.duration,
        ),
    )


def _absolute(moments: Sequence[datetime], of: Sequence[float], limits: Limits) -> Plan:
    """Return a plan of points in time, each with the offset of its day."""
    times = [it.timestamp() for it in moments]
    end = None if limits.duration is None else min(times) + limits.duration
    schedule = plan(
        zip(times, of, strict=True), limits.unit, end=end, phases=limits.phases
    )
    return Plan(ChargingProfileKind.ABSOLUTE, None, schedule)


def _recurring(
    moments: Sequence[datetime],
    of: Sequence[float],
    limits: Limits,
    recurrency: RecurrencyKind,
) -> Plan:
    """Return a plan that repeats; its times are those of any day, whatever its offset."""
    length = _LENGTH[recurrency]
    walls = [dt_util.as_local(it).replace(tzinfo=None) for it in moments]
    first = min(walls)
    limited = dict(zip(((it - first) % length for it in walls), of, strict=True))
    schedule = ChargingSchedule(
        unit=limits.unit,
        periods=tuple(
            Period(
                start=round(after.total_seconds()),
                limit=limited[after],
                phases=limits.phases,
            )
            for after in sorted(limited)
        ),
        start=min(moments).timestamp(),
        duration=limits.duration or round(length.total_seconds()),
    )
    return Plan(ChargingProfileKind.RECURRING, recurrency, schedule)


def _moments(
    times: Sequence[time], now: datetime, *, recurring: bool
) -> list[datetime]:
    """Return times of day as points in time: the plan that is going on, or the next one.

    An earlier time than that of the entry before is one of the next day. One that repeats
    has begun already.
    """
    found: list[datetime] = []
    for day in (-1, 0, 1):
        date = now.date() + timedelta(days=day)
        found = []
        for index, of_day in enumerate(times):
            if index and of_day <= times[index - 1]:
                date += _DAY
            found.append(datetime.combine(date, of_day, now.tzinfo))
        # The last entry is what there is to come; of one that repeats the first has begun.
        if (recurring and found[0] + _DAY > now) or (not recurring and found[-1] > now):
            break
    return found


def _later(now: datetime, seconds: float) -> datetime:
    """Return the point in time so many seconds later."""
    return dt_util.as_local(dt_util.as_utc(now) + timedelta(seconds=seconds))


def _in_zone(value: datetime) -> datetime:
    """Return a point in time with a zone, that of Home Assistant if it has none."""
    if value.tzinfo is None:
        return value.replace(tzinfo=dt_util.get_default_time_zone())
    return value


def _invalid(key: str) -> ServiceValidationError:
    """Return the error of what does not go together in a plan."""
    if key == "plan_mixed":
        return ServiceValidationError(
            translation_domain=DOMAIN, translation_key="plan_mixed"
        )
    return ServiceValidationError(
        translation_domain=DOMAIN, translation_key="plan_kind"
    )
