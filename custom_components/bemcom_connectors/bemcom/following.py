"""Actuators that follow the schedules and setpoints on their topics."""

import asyncio
from collections.abc import Callable, Iterable, Mapping

from ..connector.model import Command, CommandError, CommandReason, JsonValue
from .command_queue import Outcome
from .schedules import Follower, Known, Nothing
from .topics import sibling

_SCHEDULE = "schedule"
_SETPOINT = "setpoint"

# A clock may be set, so nobody sleeps for longer, in milliseconds.
_LONGEST_SLEEP = 600_000

# What is wrong with the value itself does not get better.
_FINAL = {
    CommandReason.INVALID_VALUE,
    CommandReason.UNKNOWN_KEY,
    CommandReason.NOT_SUPPORTED,
}


class Following:
    """Sends commands when schedules and setpoints ask for them."""

    def __init__(
        self,
        send: Callable[[Command, Outcome], None],
        latest: Callable[[str], Known],
        now: Callable[[], int],
    ) -> None:
        """Send commands with `send`; `latest` knows the latest value of a sensor."""
        self._send = send
        self._latest = latest
        self._now = now
        # By the topic of the values of an actuator: its key and what it follows.
        self._followers: dict[str, tuple[str, Follower]] = {}
        # By topic of schedules and setpoints: the actuator's topic, and which of the two.
        self._topics: dict[str, tuple[str, str]] = {}
        # By key of a sensor: the actuators that it is about.
        self._sensors: dict[str, list[str]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0

    @property
    def topics(self) -> Iterable[str]:
        """Return the topics that are to be listened to."""
        return self._topics.keys()

    def set_actuators(
        self, actuators: Mapping[str, str], sensor_of: Callable[[str], str]
    ) -> None:
        """Let actuators follow, by topic; those that are still there keep what they have.

        `sensor_of` tells which sensor an actuator is about.
        """
        former, self._followers = self._followers, {}
        self._topics.clear()
        self._sensors.clear()
        for topic, key in actuators.items():
            if (schedule := sibling(topic, _SCHEDULE)) is None:
                continue
            kept = former.get(topic)
            follower = kept[1] if kept is not None and kept[0] == key else Follower()
            self._followers[topic] = key, follower
            self._topics[schedule] = topic, _SCHEDULE
            self._topics[sibling(topic, _SETPOINT) or ""] = topic, _SETPOINT
            sensor = sensor_of(key)
            self._sensors.setdefault(sensor, []).append(topic)
            follower.sensor = self._latest(sensor)
        self._look(self._followers)

    def take(self, topic: str, payload: bytes) -> bool:
        """Take a message; tell whether it is one of ours. Raises MessageError."""
        if (found := self._topics.get(topic)) is None:
            return False
        of, kind = found
        _, follower = self._followers[of]
        if kind == _SCHEDULE:
            follower.take_schedule(payload)
        else:
            follower.take_setpoint(payload)
        self._look([of])
        return True

    def on_values(self, values: Mapping[str, JsonValue]) -> None:
        """Take what sensors say."""
        for sensor in self._sensors.keys() & values.keys():
            value, topics = values[sensor], self._sensors[sensor]
            before = self._followers[topics[0]][1].sensor
            if value == before and type(value) is type(before):
                continue
            for topic in topics:
                self._followers[topic][1].sensor = value
            self._tell_all(topics)

    def stop(self) -> None:
        """Follow nothing any more."""
        self._followers.clear()
        self._topics.clear()
        self._sensors.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self, topics: Iterable[str]) -> None:
        """Send what actuators are to have now, and look again when that may be others."""
        self._tell_all(topics)
        self._set_timer(topics)

    def _tell_all(self, topics: Iterable[str]) -> None:
        """Send what actuators are to have now."""
        now = self._now()
        for topic in topics:
            value = self._followers[topic][1].due(now)
            if not isinstance(value, Nothing):
                self._tell(topic, value, now)

    def _tell(self, topic: str, value: JsonValue, now: int) -> None:
        """Send a value, and take it for done until it is known not to be."""
        key, follower = self._followers[topic]
        follower.told(value, now, done=True)

        def outcome(error: CommandError | None) -> None:
            if error is not None and error.reason not in _FINAL:
                follower.told(value, self._now(), done=False)
                self._set_timer([topic])

        self._send(Command(key, value, now), outcome)

    def _set_timer(self, topics: Iterable[str]) -> None:
        """Look again at all when something of these may have changed, or before."""
        now = self._now()
        followers = [self._followers[it][1] for it in topics if it in self._followers]
        times = (it.next_change(now) for it in followers)
        if (at := min((it for it in times if it is not None), default=None)) is None:
            return
        at = min(at, now + _LONGEST_SLEEP)
        if self._timer is not None:
            if self._timer_at <= at:
                return
            self._timer.cancel()
        self._timer_at = at
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later((at - now) / 1000, self._wake)

    def _wake(self) -> None:
        self._timer = None
        self._look(self._followers)
