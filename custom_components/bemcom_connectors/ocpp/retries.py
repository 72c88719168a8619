"""When to try again what did not work: not at once, and ever less often."""

import time

# The first time; then twice as long each time.
RETRY = 300.0
_MAX_DOUBLINGS = 8


class Retries:
    """What is to be tried again, by the connectors that it is about."""

    def __init__(self) -> None:
        """Know of nothing."""
        # How often it was put off, and until when.
        self._waiting: dict[int, tuple[int, float]] = {}

    def put_off(self, connector_id: int) -> None:
        """Wait for longer than the last time."""
        count, _ = self._waiting.get(connector_id, (0, 0.0))
        wait = RETRY * (1 << min(count, _MAX_DOUBLINGS))
        self._waiting[connector_id] = (count + 1, time.monotonic() + wait)

    def is_due(self, connector_id: int) -> bool:
        """Tell whether it is time; what is new is put off first."""
        if connector_id not in self._waiting:
            self.put_off(connector_id)
        return time.monotonic() >= self._waiting[connector_id][1]

    def is_waiting(self, connector_id: int) -> bool:
        """Tell whether it went wrong, and not long enough ago."""
        _, until = self._waiting.get(connector_id, (0, 0.0))
        return time.monotonic() < until

    def done(self, connector_id: int) -> None:
        """Begin anew the next time."""
        self._waiting.pop(connector_id, None)
