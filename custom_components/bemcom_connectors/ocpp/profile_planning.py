"""Schedules from a list of points in time and limits, or from a plan for every day.

A Recurring profile repeats in UTC, so that a daily plan by the clock on the wall would be an
hour off for half of the year. Such a plan is an Absolute one for the days ahead, which
`clock_plan` makes; it is to be made anew before it ends.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, time, timedelta, tzinfo
import math

from .charging_profile import ChargingSchedule, Period, tenths
from .enums import ChargingRateUnit
from .profile_rules import ProfileError, ProfileRule, finite

_MINUTES_A_DAY = 24 * 60
_MAX_DAYS = 366


def plan(
    entries: Iterable[tuple[float, float]],
    unit: ChargingRateUnit,
    *,
    end: float | None = None,
    phases: int | None = None,
    min_rate: float | None = None,
) -> ChargingSchedule:
    """Return the schedule of points in time and the limits from then on, until `end`.

    Of two limits from the same second on, the last one counts. Raises ProfileError.
    """
    limits: dict[int, float] = {}
    for start, limit in entries:
        limits[_second(start, "start")] = finite(limit, "limit")
    if not limits:
        raise ProfileError(ProfileRule.NO_PERIODS)
    first = min(limits)
    duration = None if end is None else _second(end, "end") - first
    if duration is not None and duration <= 0:
        raise ProfileError(ProfileRule.DURATION_NOT_POSITIVE, duration=duration)
    periods: list[Period] = []
    for start in sorted(limits):
        limit = tenths(limits[start])
        if duration is not None and start - first >= duration:
            break
        if not periods or periods[-1].limit != limit:
            periods.append(Period(start=start - first, limit=limit, phases=phases))
    return ChargingSchedule(
        unit=unit,
        periods=tuple(periods),
        start=float(first),
        duration=duration,
        min_rate=min_rate,
    )


def clock_plan(
    entries: Sequence[tuple[int, float]],
    unit: ChargingRateUnit,
    *,
    start: float,
    zone: tzinfo,
    days: int = 7,
    phases: int | None = None,
    min_rate: float | None = None,
) -> ChargingSchedule:
    """Return the schedule of a plan for every day, from `start` on for so many days.

    Entries are minutes after midnight by the clock on the wall in `zone`, and the limit from
    then on; the last one of a day goes on until the first of the next. A time that the clock
    leaves out in spring comes up to an hour later, of one that it shows twice the first one
    counts.
    """
    if days > _MAX_DAYS:
        raise ProfileError(ProfileRule.OUT_OF_RANGE, field="days")
    if not all(0 <= minutes < _MINUTES_A_DAY for minutes, _ in entries):
        raise ProfileError(ProfileRule.OUT_OF_RANGE, field="start")
    first = _second(start, "start")
    try:
        today = datetime.fromtimestamp(first, zone).date()
        dates = [today + timedelta(days=day) for day in range(-1, days + 1)]
        moments = [
            (
                datetime.combine(date, time(*divmod(minutes, 60)), zone).timestamp(),
                limit,
            )
            for date in dates
            for minutes, limit in sorted(entries, key=lambda it: it[0])
        ]
        end = datetime.combine(dates[-1], time(), zone).timestamp()
    except (OverflowError, OSError, ValueError) as err:
        raise ProfileError(ProfileRule.OUT_OF_RANGE, field="start") from err
    # What the clock leaves out must not come after what follows it.
    for index in range(len(moments) - 2, -1, -1):
        moment, limit = moments[index]
        moments[index] = (min(moment, moments[index + 1][0]), limit)
    # What went before counts still when it begins.
    before = [limit for moment, limit in moments if moment <= first][-1:]
    later = [it for it in moments if it[0] > first]
    return plan(
        [*((float(first), limit) for limit in before), *later],
        unit,
        end=end,
        phases=phases,
        min_rate=min_rate,
    )


def _second(moment: float, field: str) -> int:
    """Return the second that a point in time is in."""
    return math.floor(finite(moment, field))
