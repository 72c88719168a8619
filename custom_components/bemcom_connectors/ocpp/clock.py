"""The clock of a charge point, that may be hours off."""

from datetime import UTC, datetime

# No charge point was made before: a clock that says so was never set.
CLOCKS_SET = datetime(2020, 1, 1, tzinfo=UTC).timestamp()

# What comes later than that is a replay of what was measured offline, or of a wrong clock.
REPLAY_AGE = 600.0
# A clock that is always as late as before, for so long and so often, is simply wrong.
_DRIFT = 60.0
_SPAN = 30.0
_ENOUGH = 3


class DeviceClock:
    """Tells replays, that are late each by its own time, from a clock that is wrong."""

    __slots__ = ("_count", "_lag", "_since", "_wrong_by")

    def __init__(self) -> None:
        self._wrong_by = self._lag = self._since = 0.0
        self._count = 0

    def read(self, timestamp: float | None, now: float) -> float:
        """Return when something was that was told now; what has no time, or one to come: now."""
        if timestamp is None or timestamp >= now:
            return now
        lag = now - timestamp
        if lag <= REPLAY_AGE:
            self._count = 0
            self._wrong_by = 0.0
            return timestamp
        if self._wrong_by and abs(lag - self._wrong_by) <= _DRIFT:
            return min(timestamp + self._wrong_by, now)
        if self._count and abs(lag - self._lag) <= _DRIFT:
            self._count += 1
            if self._count >= _ENOUGH and now - self._since >= _SPAN:
                self._wrong_by = self._lag
                return min(timestamp + self._wrong_by, now)
        else:
            self._count = 1
            self._lag = lag
            self._since = now
        return timestamp
