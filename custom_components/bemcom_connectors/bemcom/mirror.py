"""The mirror: a hub as a BEMCom connector on MQTT, whatever connection it has to the broker."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
import logging
import time
from typing import Any, override

from ..connector.actuators import Actuator, ActuatorKind
from ..connector.base import Connector
from ..connector.listener import Listener
from ..connector.model import JsonValue, LinkError, Reading
from .available import AvailableDatapoints, Batches
from .broker import Broker
from .datapoint_map import ReadMap, map_of, newly_published, read_map, summary
from .inbox import UPDATE_MAP, Inbox
from .journal import JournalHandler
from .messages import MessageError, encode_heartbeat
from .model import MirrorOptions
from .outbox import Outgoing
from .own_topics import NO_OWN_MAP, OwnMap
from .publisher import Publisher, RawListener, Translate, TranslatingListener
from .subscriptions import Subscriptions
from .topics import Topics

_LOGGER = logging.getLogger(__name__)

# A heartbeat comes so much earlier than it was announced, so that none seems to be missing.
_SLACK = 2 / 3

# BEMCom's connectors give this for what takes anything.
_ANYTHING = "0"


@dataclass(frozen=True, slots=True)
class MapFaults:
    """What is wrong with the last map that came."""

    # Why it could not be used, and the former one stays; empty: it could.
    refused: str = ""
    left_out: tuple[str, ...] = ()


def wall_clock() -> int:
    """Return the time in milliseconds, as BEMCom has it."""
    return round(time.time() * 1000)


def last_will(options: MirrorOptions, now: int) -> Outgoing:
    """Return what the broker is to publish when it loses the connection.

    It is a heartbeat that ends at once, which the API takes for a connector that is gone.
    """
    topic = Topics(options.connector_name).heartbeat
    return Outgoing(topic, encode_heartbeat(now, 0), options.qos, retain=False)


class Mirror(Listener):
    """Publishes what a connector tells, and gives it commands that come over MQTT.

    Whoever has the broker calls `connected`, `lost` and `received`; none of it waits.
    """

    def __init__(
        self,
        connector: Connector,
        broker: Broker,
        options: MirrorOptions,
        *,
        translate: Translate | None = None,
        on_changed: Callable[[], None] = lambda: None,
        now: Callable[[], int] = wall_clock,
    ) -> None:
        """Mirror a connector; `on_changed` is called when there is something to keep.

        `translate` makes datapoints of raw messages, beside those of the connector.
        """
        self.available = AvailableDatapoints()
        self.map_faults = MapFaults()
        self.publisher = Publisher(options, broker, now)
        self.inbox = Inbox(connector, options, self.publisher, self._take_map, now)
        self.subscriptions = Subscriptions(
            broker, self._report_subscription, on_refused=on_changed
        )
        self.is_connected = False
        self._connector = connector
        self._options = options
        self._on_changed = on_changed
        self._translate = translate
        self._batches = Batches()
        self._announcing: asyncio.TimerHandle | None = None
        self._beating: asyncio.TimerHandle | None = None
        # Another mapping each time that it changes.
        self._actuators: Mapping[str, Actuator] | None = None
        self._remove: list[Callable[[], None]] = []

    @property
    def unknown_keys(self) -> tuple[str, ...]:
        """Return the keys of the map that this connector never had."""
        return self.inbox.datapoint_map.unknown(
            self.available.sensors, self.available.actuators
        )

    # Lifecycle

    def start(self) -> None:
        """Listen to the connector from now on; before it starts, nothing is missed."""
        self._remove.append(self._connector.add_listener(self))
        if self._options.raw_messages:
            raw = RawListener(self.publisher)
            self._remove.append(self._connector.add_listener(raw))
        if self._translate is not None:
            translated = TranslatingListener(self._translate, self._take_translated)
            self._remove.append(self._connector.add_listener(translated))
        self._listen_to_log()
        self.available.update(self._connector.datapoints, {})
        self.refresh_actuators()
        self.publisher.journal.info("run", "Connector online. Entering main loop.")

    def _listen_to_log(self) -> None:
        """Have what the connector logs on the topic of logs, as upstream's connectors do."""
        logger = self._connector.logger
        # A connector of somebody else's may have another kind of its own.
        if isinstance(logger, logging.Logger):
            loop = asyncio.get_running_loop()
            journal = self.publisher.journal
            handler = JournalHandler(journal, loop.call_soon_threadsafe)
            logger.addHandler(handler)
            self._remove.append(lambda: logger.removeHandler(handler))

    def detach(self) -> None:
        """Hear the connector no more."""
        for remove in self._remove:
            remove()
        self._remove.clear()

    async def stop(self, timeout: float = 5.0, *, listens: bool = False) -> None:
        """Publish what is queued, for so many seconds, and end all that runs.

        Where it `listens` further on, until `detach`, what the connector says meanwhile waits
        in the outbox for whoever takes that over.
        """
        if not listens:
            self.detach()
        if self._announcing is not None:
            self._announce()
        await self.inbox.stop()
        if self.is_connected:
            self.publisher.journal.info("run", "Connector stopped.")
            self.publisher.publish_heartbeat(0)
            if not await self.publisher.sender.drain(timeout):
                _LOGGER.info(
                    "%s: %d messages were not published before the end",
                    self._options.connector_name,
                    len(self.publisher.outbox),
                )
        self.lost()

    # What is kept

    def as_json(self) -> dict[str, Any]:
        """Return what is to be kept over a restart."""
        return {
            "available_datapoints": self.available.as_json(),
            "datapoint_map": self.inbox.datapoint_map.as_json(),
        }

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Take what was kept, before `start`."""
        self.available.restore(kept.get("available_datapoints") or {})
        try:
            read = map_of(kept.get("datapoint_map") or {}, self.publisher.topics)
        except MessageError:  # none was kept
            return
        self._use(read)

    # What whoever has the broker tells

    def connected(self) -> None:
        """Subscribe, announce and publish the latest values: the broker may know nothing."""
        if self.is_connected:  # and nobody noticed that it was not
            self.lost()
        self.is_connected = True
        self.refresh_actuators()
        self._want_topics()
        self.subscriptions.connected()
        self._announce()
        self._beat()
        for key, topic in self.inbox.datapoint_map.sensors.items():
            self.publisher.publish_latest(key, topic)
        self.publisher.publish_own_latest(self.publisher.own.sensors)
        self.publisher.sender.connected()

    def lost(self) -> None:
        """Keep what is to be published until there is a broker again."""
        self.is_connected = False
        if self._announcing is not None:
            self._announcing.cancel()
            self._announcing = None
        self.subscriptions.lost()
        self.publisher.sender.lost()
        if self._beating is not None:
            self._beating.cancel()
            self._beating = None

    def received(self, topic: str, payload: bytes, retain: bool) -> None:
        """Take a message that came."""
        self.inbox.received(topic, payload, retain)

    # What is published for others than a BEMCom stack

    def set_own_map(self, own: OwnMap | None) -> None:
        """Publish and listen on topics of our own besides; None: on none."""
        former, new = self.publisher.own, own or NO_OWN_MAP
        self.publisher.own = self.inbox.own = new
        self.inbox.forget_topics()
        self.publisher.retire_own(former.topics - new.topics)
        self.publisher.publish_own_latest(new.new_sensors(former))
        self._want_topics()

    def publish_own_latest(self, keys: Iterable[str]) -> None:
        """Publish the latest values on the topics of our own, as they are another thing now."""
        self.publisher.publish_own_latest(keys)

    def publish_discovery(self, topic: str, payload: bytes) -> None:
        """Publish what another system wants to know of a datapoint; it is retained.

        An empty message takes it back. Below the name of the connector there must be none.
        """
        if not payload and self.publisher.topics.is_below(topic):
            raise ValueError("Nothing empty is published for a BEMCom stack")
        self.publisher.publish_discovery(topic, payload)

    def beat(self) -> None:
        """Publish a heartbeat now, for those who have not heard any."""
        if self.is_connected:
            self._beat()

    # What the connector tells

    @override
    def on_reading(self, reading: Reading) -> None:
        """Publish the values that have a topic."""
        self.publisher.publish_reading(reading, self.inbox.datapoint_map)
        self.inbox.following.on_values(reading.values)

    @override
    def on_datapoints(
        self, added: Mapping[str, JsonValue], device_id: str | None
    ) -> None:
        """Announce new datapoints, soon."""
        self.refresh_actuators()
        if self.available.update(added, {}):
            self._announce_soon()

    @override
    def on_connection(self, online: bool, error: LinkError | None) -> None:
        """Log what the link does."""
        journal = self.publisher.journal
        if online:
            journal.info("on_connection", "Connected to the device.")
        elif error is not None:
            journal.error("on_connection", f"Connection to device lost. {error}")

    def refresh_actuators(self) -> None:
        """Announce what can be set now; called by itself with every heartbeat."""
        actuators = self._connector.actuators
        if actuators is self._actuators:
            return
        self._actuators = actuators
        examples = {key: _example(it) for key, it in actuators.items()}
        known = self.available.actuators.keys()
        if self.available.update({}, {k: examples[k] for k in examples.keys() - known}):
            self._announce_soon()
        self._follow()

    def _take_translated(self, reading: Reading) -> None:
        """Publish datapoints that the connector itself does not have."""
        if self.available.update(reading.values, {}):
            self._announce_soon()
        self.on_reading(reading)

    # Announcing

    def _announce_soon(self) -> None:
        """Announce what is new, after a moment in which there may be more."""
        self._on_changed()
        if self._announcing is None and self.is_connected:
            loop = asyncio.get_running_loop()
            delay = self._batches.next_delay(loop.time())
            self._announcing = loop.call_later(delay, self._announce)

    def _announce(self) -> None:
        """Publish which datapoints there are, if there are any."""
        if self._announcing is not None:
            self._announcing.cancel()
            self._announcing = None
        self.available.refresh(self._connector.datapoints)
        if self.available:
            self.publisher.publish_available(self.available)

    def _beat(self) -> None:
        """Publish a heartbeat, again and again."""
        interval = self._options.heartbeat_interval
        self.refresh_actuators()
        self.publisher.publish_heartbeat(interval)
        loop = asyncio.get_running_loop()
        if self._beating is not None:
            self._beating.cancel()
        self._beating = loop.call_later(interval * _SLACK, self._beat)

    # The map

    def _take_map(self, payload: bytes) -> None:
        """Use a map that came instead of the former one, or raise MessageError."""
        try:
            read = read_map(payload, self.publisher.topics)
        except MessageError as err:
            self.map_faults = MapFaults(refused=str(err))
            self._on_changed()
            raise
        published = newly_published(self.inbox.datapoint_map, read.datapoint_map)
        self._use(read)
        journal = self.publisher.journal
        if left_out := read.left_out:
            journal.error(UPDATE_MAP, f"Left out: {summary(left_out)}")
        if unknown := self.unknown_keys:
            journal.warning(UPDATE_MAP, f"Not known here: {summary(unknown)}")
        for key in published:
            self.publisher.publish_latest(key, read.datapoint_map.sensors[key])
        self._on_changed()

    def _use(self, read: ReadMap) -> None:
        """Publish and listen as a map says."""
        new = read.datapoint_map
        self.inbox.datapoint_map = new
        self.inbox.forget_topics()
        self.publisher.outbox.discard(new.actuators.keys())
        self.map_faults = MapFaults(left_out=read.left_out)
        self._follow()

    def _follow(self) -> None:
        """Let actuators follow their schedules, and listen to what is to be listened to."""
        if self._options.follow_schedules:
            self.inbox.following.set_actuators(
                self.inbox.datapoint_map.actuators, self._sensor_of
            )
        self._want_topics()

    def _sensor_of(self, key: str) -> str:
        """Return the datapoint that shows what an actuator is about."""
        actuator = self._connector.actuators.get(key)
        return (actuator and actuator.state_key) or key

    def _want_topics(self) -> None:
        """Listen to the topics of the connector and of its actuators."""
        topics = self.publisher.topics
        wanted = {topics.datapoint_map: 1, topics.raw_message_reprocess: 1}
        wanted |= dict.fromkeys(self.inbox.datapoint_map.actuators, 2)
        wanted |= dict.fromkeys(self.inbox.own.actuators, 2)
        wanted |= dict.fromkeys(self.inbox.following.topics, 2)
        self.subscriptions.want(wanted)

    def _report_subscription(self, what: str) -> None:
        """Tell that the broker does not let us listen."""
        text = f"The broker does not take a subscription: {what}"
        _LOGGER.warning("%s: %s", self._options.connector_name, text)
        self.publisher.journal.error("subscribe", text)


def _example(actuator: Actuator) -> JsonValue:
    """Return a value that an actuator takes."""
    match actuator.kind:
        case ActuatorKind.NUMBER:
            return actuator.minimum or 0
        case ActuatorKind.SWITCH:
            return False
        case ActuatorKind.SELECT:
            return actuator.options[0] if actuator.options else ""
        case ActuatorKind.TEXT:
            return ""
    return _ANYTHING
