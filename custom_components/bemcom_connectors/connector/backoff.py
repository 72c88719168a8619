"""How long to wait before the next attempt."""

import random

FIRST_DELAY = 1.0
LAST_DELAY = 60.0


class Backoff:
    """Delays that double from 1 s to 60 s, with jitter.

    The jitter keeps many hubs that lost one access point from coming back in step.
    """

    def __init__(self, first: float = FIRST_DELAY, last: float = LAST_DELAY) -> None:
        """Start at `first` seconds and stay at `last`."""
        self._first = first
        self._last = last
        self._delay = first

    def next_delay(self) -> float:
        """Return the seconds to wait now; the next time it is longer."""
        delay = self._delay
        self._delay = min(delay * 2, self._last)
        return delay * random.uniform(0.8, 1.2)  # noqa: S311 - no secret

    def reset(self) -> None:
        """Begin anew, after a success."""
        self._delay = self._first
