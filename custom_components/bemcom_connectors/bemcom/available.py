"""Which datapoints a connector has: all it ever had, announced in batches (spec 1.4)."""

from collections.abc import Mapping
from typing import Any

from .json_writing import fit, is_fit
from .messages import encode_available_datapoints

# A device that invents names must not fill the memory, over many restarts.
MAX_KEYS = 5_000

FIRST_DELAY = 0.2
LAST_DELAY = 10.0


class AvailableDatapoints:
    """The keys of sensors and actuators with an example for each; none is ever removed."""

    def __init__(self) -> None:
        """Know none yet."""
        self.sensors: dict[str, object] = {}
        self.actuators: dict[str, object] = {}
        # Those there was no room for, or that cannot be written.
        self.ignored = 0

    def __bool__(self) -> bool:
        return bool(self.sensors or self.actuators)

    def update(
        self, sensors: Mapping[str, object], actuators: Mapping[str, object]
    ) -> bool:
        """Take examples; tell whether there is a key among them that is new."""
        # Both, so no short circuit.
        return any(
            [_take(sensors, self.sensors, self), _take(actuators, self.actuators, self)]
        )

    def refresh(self, values: Mapping[str, object]) -> None:
        """Take the latest values of sensors for examples, without new ones."""
        self.sensors |= {key: values[key] for key in self.sensors.keys() & values}

    def encode(self) -> bytes:
        """Return the message with all of them."""
        return encode_available_datapoints(self.sensors, self.actuators)

    def as_json(self) -> dict[str, Any]:
        """Return what is kept over a restart."""
        return {"sensor": fit(self.sensors), "actuator": fit(self.actuators)}

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Take what was kept; what has been seen since comes after it."""
        seen = self.sensors, self.actuators
        self.sensors, self.actuators = {}, {}
        self.update(kept.get("sensor") or {}, kept.get("actuator") or {})
        self.update(*seen)


def _take(
    examples: Mapping[str, object], known: dict[str, object], of: AvailableDatapoints
) -> bool:
    """Put examples to those that are known, and tell whether there are more now."""
    before = len(known)
    for key, example in examples.items():
        if key in known or (len(known) < MAX_KEYS and is_fit(key)):
            known[key] = example
        else:
            of.ignored += 1
    return len(known) > before


class Batches:
    """How long to gather new keys before they are announced.

    A device that tells one key at a time would have all of them announced with each. So the
    wait doubles as long as there are more, and is short again after a quiet while.
    """

    def __init__(self, first: float = FIRST_DELAY, last: float = LAST_DELAY) -> None:
        """Wait `first` seconds, and never more than `last`."""
        self._first = first
        self._last = last
        self._delay = first
        self._quiet_at = 0.0

    def next_delay(self, now: float) -> float:
        """Return the seconds until what came first since the last time is announced."""
        if now >= self._quiet_at:
            self._delay = self._first
        delay = self._delay
        self._delay = min(delay * 2, self._last)
        self._quiet_at = now + delay + self._delay
        return delay
