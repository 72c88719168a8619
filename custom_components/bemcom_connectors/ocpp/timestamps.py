"""Points in time as charge points write them, and as we do."""

from datetime import UTC, datetime, timedelta
import re

# The last second that a datetime can hold.
_LATEST = 253402300799
# Numbers above are milliseconds: in seconds they would be of the year 5138.
_MILLISECONDS = 100_000_000_000
# Nobody needs more to write a point in time.
_MAX_LENGTH = 64

# What `datetime.fromisoformat` does not take: one-digit numbers, slashes, names of zones...
_LOOSE = re.compile(
    r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})"
    r"(?:(?:T|\s)\s*(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,:](\d{1,9})\d*)?)?)?"
    r"\s*(?:Z|UTC|GMT|([+-])(\d{1,2}):?(\d{2})?)?",
    re.ASCII | re.IGNORECASE,
)


def read_timestamp(value: object) -> float | None:
    """Return the seconds since the epoch; None if it is no point in time since then.

    A time without zone is taken as UTC. Years before 1970 are what clocks say that were
    never set: no point in time.
    """
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            seconds = _read_loosely(value)
        else:
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=UTC)
            seconds = moment.timestamp()
    elif isinstance(value, bool) or not isinstance(value, int | float):
        return None
    elif _MILLISECONDS < value <= _LATEST * 1000:
        seconds = value / 1000
    else:
        seconds = value
    if seconds is None or not 0 <= seconds <= _LATEST:
        return None
    return float(seconds)


def write_timestamp(seconds: float) -> str:
    """Return a point in time as OCPP wants it: UTC, in whole seconds."""
    moment = datetime.fromtimestamp(int(min(max(seconds, 0), _LATEST)), UTC)
    return moment.replace(tzinfo=None).isoformat() + "Z"


def _read_loosely(text: str) -> float | None:
    """Return the seconds since the epoch of what is nearly ISO 8601."""
    if len(text) > _MAX_LENGTH:
        return None
    text = text.strip(" \t\r\n\0")
    if text.isascii() and text.isdecimal() and len(text) in {10, 13}:
        return int(text) / (1000 if len(text) == 13 else 1)
    if (found := _LOOSE.fullmatch(text)) is None:
        return None
    year, month, day, hour, minute, second, fraction, sign, hours, minutes = (
        found.groups()
    )
    if int(hour or 0) > 24 or int(minute or 0) > 59 or int(second or 0) > 60:
        return None
    try:
        midnight = datetime(int(year), int(month), int(day), tzinfo=UTC)
    except ValueError:
        return None
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    into_day = timedelta(
        hours=int(hour or 0), minutes=int(minute or 0), seconds=int(second or 0)
    )
    into_day += offset if sign == "-" else -offset
    rest = float(f"0.{fraction}") if fraction else 0.0
    return midnight.timestamp() + into_day.total_seconds() + rest
