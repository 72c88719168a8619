"""The way out: readings, raw messages and heartbeats to the outbox, and on to the broker."""

from collections.abc import Callable, Iterable
import logging
from typing import override

from ..connector.listener import Listener
from ..connector.model import JsonValue, RawMessage, Reading
from .available import AvailableDatapoints
from .broker import Broker
from .datapoint_map import DatapointMap
from .journal import Journal
from .json_writing import JSON_TYPES, write_json
from .messages import encode_heartbeat, encode_raw_message, encode_value
from .model import MirrorOptions
from .outbox import Lane, Outbox, Outgoing
from .own_topics import NO_OWN_MAP
from .sender import Sender
from .topics import Topics

_LOGGER = logging.getLogger(__name__)

_MAX_LATEST = 20_000
_MAX_WARNED = 1_000


class Publisher:
    """Publishes what a connector publishes; nothing in it waits for anything."""

    def __init__(
        self, options: MirrorOptions, broker: Broker, now: Callable[[], int]
    ) -> None:
        """Publish on the topics of the connector, as the options say."""
        self.topics = Topics(options.connector_name)
        self.outbox = Outbox(
            max_values=options.max_values,
            max_raw=options.max_raw,
            max_raw_bytes=options.max_raw_bytes,
            keep_all=options.keep_all,
        )
        self.journal = Journal(self._line, now)
        self.sender = Sender(self.outbox, broker, self._report_refused)
        # Which value was the latest of a datapoint; a reading knows its time.
        self.latest: dict[str, Reading] = {}
        # What is published beside what the datapoint map says.
        self.own = NO_OWN_MAP
        self._options = options
        self._now = now
        self._warned: set[str] = set()
        # Counts messages that are larger than the options allow.
        self.too_large = 0

    def publish_reading(self, reading: Reading, sensors: DatapointMap) -> None:
        """Publish the values that have a topic."""
        values = reading.values
        self.latest.update(dict.fromkeys(values, reading))
        if len(self.latest) > _MAX_LATEST:  # of a device that invents keys
            self.latest = dict.fromkeys(values, reading)
        self._mapped(self.outbox.values, reading, sensors, self._options.retain)
        if own := self.own.sensors:
            for key in values.keys() & own.keys():
                self._own_values(key, reading)
        self.sender.wake()

    def publish_archived(self, reading: Reading, sensors: DatapointMap) -> None:
        """Publish values of the past; they are not what whoever comes later shall find."""
        self._mapped(self.outbox.replays, reading, sensors, False)
        self.sender.wake()

    def publish_latest(self, key: str, topic: str) -> None:
        """Publish the latest value of a datapoint, unless it is about to be."""
        reading = self.latest.get(key)
        if reading is None or self.outbox.values.holds(topic):
            return
        lane, retain = self.outbox.values, self._options.retain
        self._value(lane, topic, reading.values[key], reading.timestamp, retain)
        self.sender.wake()

    def publish_own_latest(self, keys: Iterable[str]) -> None:
        """Publish the latest values of datapoints on the topics of our own."""
        for key in keys:
            if key in self.own.sensors and (reading := self.latest.get(key)):
                self._own_values(key, reading)
        self.sender.wake()

    def retire_own(self, topics: Iterable[str]) -> None:
        """Let whoever comes later find nothing on topics that are none any more.

        Nothing empty, though: what is below the name of a connector is never that.
        """
        for topic in topics:
            self._value(self.outbox.values, topic, None, self._now(), True)
        self.sender.wake()

    def publish_discovery(self, topic: str, payload: bytes) -> None:
        """Publish what another system wants to know; empty: nothing is there any more."""
        self._put(self.outbox.discovery, topic, payload, self._options.qos, True)
        self.sender.wake()

    def publish_raw(self, message: RawMessage) -> None:
        """Publish a raw message for the archive."""
        options = self._options
        payload = encode_raw_message(message, options.version, flat=options.raw_flat)
        topic = self.topics.raw_message_to_db
        self._put(self.outbox.raw, topic, payload, options.raw_qos, False)
        self.sender.wake()

    def publish_available(self, available: AvailableDatapoints) -> None:
        """Publish which datapoints there are."""
        topic = self.topics.available_datapoints
        self._put(self.outbox.state, topic, available.encode(), self._options.qos, True)
        self.sender.wake()

    def publish_heartbeat(self, interval: float) -> None:
        """Publish that the connector lives, and for how long at least."""
        payload = encode_heartbeat(self._now(), interval)
        topic = self.topics.heartbeat
        self._put(self.outbox.state, topic, payload, self._options.qos, False)
        self.sender.wake()

    def restore_raw(self, kept: Iterable[str]) -> None:
        """Take raw messages that were kept."""
        topic, qos = self.topics.raw_message_to_db, self._options.raw_qos
        self.outbox.raw.restore(
            Outgoing(topic, it.encode(), qos, retain=False) for it in kept
        )

    @property
    def dropped(self) -> int:
        """Count the messages that were lost."""
        return self.outbox.dropped + self.too_large

    def _mapped(
        self, lane: Lane, reading: Reading, sensors: DatapointMap, retain: bool
    ) -> None:
        """Publish the values that have a topic of BEMCom's."""
        topics = sensors.sensors
        for key, value in reading.values.items():
            if (topic := topics.get(key)) is not None:
                self._value(lane, topic, value, reading.timestamp, retain)

    def _own_values(self, key: str, reading: Reading) -> None:
        """Publish a value on the topics of our own."""
        value = reading.values[key]
        for topic, convert in self.own.sensors[key].items():
            shown = convert(value)
            self._value(self.outbox.values, topic, shown, reading.timestamp, True)

    def _value(
        self, lane: Lane, topic: str, value: JsonValue, timestamp: int, retain: bool
    ) -> None:
        """Publish a value."""
        kind = type(value)
        if kind not in JSON_TYPES:
            self._warn_of_type(topic, value)
        if self._options.lists_as_text and (kind is list or kind is dict):
            value = write_json(value).decode()
        payload = encode_value(value, timestamp)
        self._put(lane, topic, payload, self._options.qos, retain)

    def _put(
        self, lane: Lane, topic: str, payload: bytes, qos: int, retain: bool
    ) -> None:
        """Put a message into the outbox, unless a broker would hang up because of it."""
        if len(payload) > self._options.max_payload:
            self.too_large += 1
            if self._is_first(topic):
                self.journal.error(
                    "publish",
                    f"A message for {topic:.200} has {len(payload):,} bytes and is left out",
                )
            return
        lane.add(Outgoing(topic, payload, qos, retain))

    def _line(self, payload: bytes) -> None:
        """Publish a line of the log."""
        topic = self.topics.logs
        self.outbox.logs.add(Outgoing(topic, payload, self._options.qos, True))
        self.sender.wake()

    def _warn_of_type(self, topic: str, value: object) -> None:
        """Tell once per topic of a value that JSON does not know."""
        if self._is_first(topic):
            self.journal.warning(
                "publish",
                f"A value for {topic:.200} is no JSON but {type(value).__name__}, and is "
                "sent as text",
            )

    def _report_refused(self, what: str) -> None:
        """Tell once per topic what the broker would not have."""
        if self._is_first(what):
            text = f"The broker refuses a message: {what}"
            _LOGGER.warning("%s: %s", self.topics.connector, text)
            if not what.startswith(f"{self.topics.logs}:"):
                self.journal.error("publish", text)

    def _is_first(self, what: str) -> bool:
        """Tell whether something is to be told of, which it is once."""
        if what in self._warned or len(self._warned) >= _MAX_WARNED:
            return False
        self._warned.add(what)
        return True


class RawListener(Listener):
    """Hears raw messages; a listener of its own, as they cost who wants none."""

    def __init__(self, publisher: Publisher) -> None:
        """Publish them."""
        self._publisher = publisher

    @override
    def on_raw_message(self, message: RawMessage) -> None:
        """Publish a message before it is parsed, so that no broken one is missing."""
        self._publisher.publish_raw(message)


type Translate = Callable[[RawMessage], dict[str, JsonValue]]


class TranslatingListener(Listener):
    """Hears raw messages, and makes readings of them that the connector itself does not."""

    def __init__(
        self, translate: Translate, publish: Callable[[Reading], None]
    ) -> None:
        """Publish what `translate` makes of a message."""
        self._translate = translate
        self._publish = publish

    @override
    def on_raw_message(self, message: RawMessage) -> None:
        """Publish what is in a message."""
        if values := self._translate(message):
            self._publish(Reading(values, message.timestamp))
