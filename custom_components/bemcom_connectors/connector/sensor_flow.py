"""The sensor flow: one message after the other, raw, parsed, flattened, published.

The vocabulary is that of BEMCom's Python connector template (`parse_raw_msg`,
`run_sensor_flow`).
"""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
import time

from .devices import FOREIGN, Devices
from .flatten import Flattener
from .frame_messages import frame_message
from .listener import HistoryEntry
from .messages import Message, is_message
from .model import JsonValue, Messages, ParseError, PartialMessage, RawMessage, Reading
from .notifier import Notifier

DEFAULT_MAX_DATAPOINTS = 500
MAX_KEY_LENGTH = 255

# What diagnostics show: so many of the latest messages, and so much of each.
HISTORY_LENGTH = 50
HISTORY_PAYLOAD = 1024

# Of the fields of a message that could not be read, so many are named.
_SHOWN_ERRORS = 5


class SensorFlow(Notifier, ABC):
    """From a message to the datapoints that listeners hear of."""

    def __init__(
        self, name: str, lists: str, max_datapoints: int, device_id_key: str
    ) -> None:
        """Know no datapoint yet."""
        super().__init__(name)
        self.devices = Devices(device_id_key)
        self.max_datapoints = max_datapoints
        self.datapoints: dict[str, JsonValue] = {}
        self.history: deque[HistoryEntry] = deque(maxlen=HISTORY_LENGTH)
        self.online = False
        self._flatten = Flattener(lists)
        self._frames_wanted = 0

    @abstractmethod
    def _set_online(self) -> None:
        """Take the link for up: a message came."""

    def parse_raw_msg(self, raw_msg: RawMessage) -> JsonValue | Messages:
        """Return the nested message, `Messages` for several, None for nothing.

        Raises ParseError where there is no sense in it.
        """
        payload = raw_msg.payload
        if isinstance(payload, bytes):
            raise ParseError("This connector cannot parse bytes")
        return payload

    async def parse_archived(self, raw_msg: RawMessage) -> JsonValue | Messages:
        """Parse a message of the past, as `parse_raw_msg` does; it may take its time."""
        return self.parse_raw_msg(raw_msg)

    async def reprocess_raw_msg(self, raw_msg: RawMessage) -> list[Reading]:
        """Return the readings in a message of the past, with its own time.

        No listener is told, as they are none of now, and nothing is counted. Raises
        ParseError where there is no sense in it.
        """
        try:
            parsed = await self.parse_archived(raw_msg)
        except ParseError:
            raise
        except Exception as err:  # of a parser of the user's own
            raise ParseError(f"{type(err).__name__}: {err}") from err
        readings = []
        for part in self.devices.parts_of(parsed):
            if isinstance(part, dict) and is_message(part):
                continue
            values = self._flatten(part)
            if self.devices.id_key:
                complete = not isinstance(part, PartialMessage)
                _, values = self.devices.take(values, complete=complete)
            if values:
                readings.append(Reading(values, raw_msg.timestamp))
        return readings

    def want_frames(self) -> Callable[[], None]:
        """Tell of every frame as a message too, until what is returned is called.

        It takes time with every message, so only while somebody needs it.
        """
        self._frames_wanted += 1

        def want_no_more() -> None:
            self._frames_wanted -= 1

        return want_no_more

    def forget_datapoint(self, key: str) -> None:
        """Forget a datapoint, so that it is announced when it comes again."""
        self.datapoints.pop(key, None)
        self.devices.forget(key)

    def ignore_datapoint(self, key: str) -> None:
        """Count a datapoint that there is no room for, or no sense in."""
        self.statistics.ignored_datapoints += 1
        self.log_once(
            "ignored datapoint",
            "Ignoring datapoint %.60r and others like it: a hub takes %d, with keys of up "
            "to %d characters",
            key,
            self.max_datapoints,
            MAX_KEY_LENGTH,
        )

    def run_sensor_flow(self, raw_data: bytes | JsonValue) -> None:
        """Take one message all the way: raw, parsed, flattened, published.

        The time of its reception, now, is the timestamp of all it holds (spec 2.4).
        """
        if raw_data is None:
            return
        timestamp = round(time.time() * 1000)
        message = RawMessage(raw_data, timestamp)
        statistics = self.statistics
        statistics.messages += 1
        statistics.last_message = timestamp
        if not self.online:
            self._set_online()
        for listener in self._raw_listeners:
            try:
                listener.on_raw_message(message)
            except Exception as err:  # noqa: BLE001 - a listener never ends the connector
                self.count_listener_error(type(listener).__name__, err)
        outcome: int | str
        try:
            parsed = self.parse_raw_msg(message)
            if self.devices.id_key or type(parsed) is Messages:
                outcome = self._publish_parts(parsed, message)
            else:
                outcome = self._publish(parsed, message)
            if type(parsed) is PartialMessage:
                outcome = self._count_field_errors(parsed, raw_data)
        except ParseError as err:
            outcome = self._refuse(message, str(err))
        except Exception as err:  # noqa: BLE001 - nor does a parser of the user's own
            outcome = self._refuse(message, f"{type(err).__name__}: {err}")
        if type(raw_data) is bytes:
            size = len(raw_data)
            if size > HISTORY_PAYLOAD:
                raw_data = raw_data[:HISTORY_PAYLOAD]
            self.history.append((timestamp, raw_data, size, outcome))
        else:
            self.history.append((timestamp, raw_data, None, outcome))

    def _publish_parts(
        self, parsed: JsonValue | Messages, message: RawMessage
    ) -> int | str:
        """Publish each of several messages; one without sense does not cost the others."""
        count = 0
        reason = ""
        parts = list(self.devices.parts_of(parsed))
        for part in parts:
            raw = message
            if len(parts) > 1:
                raw = RawMessage(part, message.timestamp)
            try:
                count += self._publish(part, raw)
            except ParseError as err:
                reason = self._refuse(raw, str(err))
        return reason or count

    def _publish(self, parsed: JsonValue, message: RawMessage) -> int:
        """Flatten one message and tell the listeners; return the number of datapoints."""
        # Asking thoroughly costs on every message.
        if type(parsed) is dict and "device_url" in parsed and is_message(parsed):
            return self._hand_over(parsed)
        values = self._flatten(parsed)
        device_id = None
        if self.devices.id_key:
            complete = type(parsed) is not PartialMessage
            device_id, values = self.devices.take(values, complete=complete)
            for key in self.devices.foreign(values, device_id):
                del values[key]
                self.statistics.key_conflicts += 1
                self.log_once("foreign datapoint", FOREIGN, key)
        if not values:
            self.statistics.fruitless += device_id is None
            if self._frames_wanted:
                self._tell_frame(message, device_id)
            return 0
        self.statistics.fruitless = 0
        self.publish(values, message.timestamp, device_id)
        if self._frames_wanted:
            self._tell_frame(message, device_id)
        return len(values)

    def publish(
        self, values: dict[str, JsonValue], timestamp: int, device_id: str | None = None
    ) -> None:
        """Tell the listeners of datapoints, by their keys on the hub; new ones first.

        With a `device_id` they are all those of one device, and their keys begin with it.
        Those that there is no room for are taken out of `values`.
        """
        known = self.datapoints
        before = len(known)
        known.update(values)
        if len(known) != before:
            self._announce(values, before, device_id)
        reading = Reading(values, timestamp)
        for listener in self._listeners:
            try:
                listener.on_reading(reading)
            except Exception as err:  # noqa: BLE001 - a listener never ends the connector
                self.count_listener_error(type(listener).__name__, err)

    def _hand_over(self, parsed: dict[str, JsonValue]) -> int:
        """Tell of a message in SEPL's envelope, which has no datapoints."""
        self.statistics.fruitless = 0
        unpacked = Message.unpack(parsed)
        self._tell(lambda listener: listener.on_message(unpacked))
        return 0

    def _tell_frame(self, message: RawMessage, device_id: str | None) -> None:
        """Tell of a frame as a message of its device."""
        try:
            told = frame_message(message, device_id)
        except Exception as err:  # noqa: BLE001 - such as nested deeper than can be written
            self.count_listener_error("frames", err)
            return
        self._tell(lambda listener: listener.on_message(told))

    def _announce(
        self, values: dict[str, JsonValue], before: int, device_id: str | None
    ) -> None:
        """Tell of the new datapoints in `values`; take out those beyond the bounds.

        A dict keeps its order: the new ones are those after the first `before`.
        """
        added: dict[str, JsonValue] = {}
        for key in list(self.datapoints)[before:]:
            if len(key) > MAX_KEY_LENGTH or before + len(added) >= self.max_datapoints:
                self.ignore_datapoint(key)
                del values[key]
                del self.datapoints[key]
            else:
                added[key] = values[key]
        if self._flatten.collisions:
            self.log_once(
                "collision",
                "Two values of a message have one key once flattened; the deeper one wins",
            )
        if added:
            if self.devices.id_key:
                self.devices.claim(added, device_id)
            self._tell(lambda listener: listener.on_datapoints(added, device_id))

    def _refuse(self, message: RawMessage, reason: str) -> str:
        """Count a message that could not be parsed; return the reason."""
        raw_data = message.payload
        statistics = self.statistics
        statistics.parse_errors += 1
        statistics.fruitless += 1
        statistics.refusal = reason
        self.log_once(
            "parse",
            "A message could not be parsed, further ones are only counted: %s: %.100r",
            reason,
            raw_data,
        )
        if self._frames_wanted:
            self._tell_frame(message, None)
        return reason

    def _count_field_errors(
        self, parsed: PartialMessage, raw_data: bytes | JsonValue
    ) -> str:
        """Count the fields of a message that could not be read; return which and why."""
        self.statistics.field_errors += len(parsed.errors)
        reasons = "; ".join(parsed.errors[:_SHOWN_ERRORS])
        self.log_once(
            "fields",
            "Some fields of a message could not be read, further ones are only counted: "
            "%s: %.100r",
            reasons,
            raw_data,
        )
        return reasons
