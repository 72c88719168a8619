"""Schedules from a list of points in time and limits."""

from collections.abc import Iterable
import math

from .charging_profile import ChargingSchedule, Period, tenths
from .enums import ChargingRateUnit
from .profile_rules import ProfileError, ProfileRule, finite


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


def _second(moment: float, field: str) -> int:
    """Return the second that a point in time is in."""
    return math.floor(finite(moment, field))
