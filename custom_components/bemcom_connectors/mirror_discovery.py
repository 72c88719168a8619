"""MQTT discovery of what is mirrored, so that another Home Assistant on the broker has it too."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er

from .bemcom.messages import encode_value
from .bemcom.mirror import Mirror, wall_clock
from .bemcom.own_topics import Convert, OwnMap
from .connector.actuators import StateSource
from .connector.base import Connector
from .connector.listener import Listener
from .connector.model import LinkError
from .datapoint_catalog import datapoint_unique_id
from .discovery_announcer import Announcement, Announcer, Describe
from .hub_actuators import actuator_unique_id

# So many are described at a stretch; then others have their turn.
_SLICE = 20

# Others take what they are told of a moment later. What was a value of something else to them
# before is told once more then, in seconds.
_SETTLED = 2.0


class MirrorDiscovery(Listener):
    """Announces the entities of a hub below a prefix, and takes back what is gone.

    What is announced is what the registries say: what the user hid, disabled or deleted is not.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        connector: Connector,
        mirror: Mirror,
        *,
        prefix: str,
        describe: Describe,
        on_changed: Callable[[], None],
    ) -> None:
        """Announce nothing yet; `on_changed` is called when there is something to keep."""
        self._hass = hass
        self._entry = entry
        self._connector = connector
        self._mirror = mirror
        self._on_changed = on_changed
        self._announcer = Announcer(
            hass,
            entry,
            connector,
            topics=mirror.publisher.topics,
            prefix=prefix,
            describe=describe,
        )
        self._datapoints = datapoint_unique_id(entry, "")
        self._actuators = actuator_unique_id(entry, "")
        self._hub = f"{entry.entry_id}_hub_connection"
        # By the unique id of the entity here: what is announced, and the topics of all that
        # is, of an earlier run too.
        self._announced: dict[str, Announcement] = {}
        self._topics: dict[str, str] = {}
        # What could not be taken back, as there was no broker.
        self._gone: dict[str, str] = {}
        # What is to be looked at, and whether it is to be announced in any case.
        self._waiting: dict[str, bool] = {}
        self._changed: set[str] = set()
        self._working: asyncio.Handle | None = None
        self._settling: asyncio.TimerHandle | None = None
        self._remove: list[CALLBACK_TYPE] = []

    # Lifecycle

    @callback
    def async_start(self, kept: Mapping[str, str]) -> None:
        """Take what `as_json` returned in an earlier run, and announce what there is."""
        for topic, unique_id in kept.items():
            component = topic.split("/")[-4] if topic.count("/") >= 3 else ""
            entity = self._announcer.entity(component, unique_id)
            if entity and topic == self._announcer.topic(component, unique_id):
                self._topics[unique_id] = topic
            else:
                self._take_back(topic, unique_id)
        self._remove = [
            self._connector.add_listener(self),
            self._hass.bus.async_listen(
                er.EVENT_ENTITY_REGISTRY_UPDATED, self._async_entity_updated
            ),
            self._hass.bus.async_listen(
                dr.EVENT_DEVICE_REGISTRY_UPDATED, self._async_device_updated
            ),
        ]
        self._publish_online()
        self._look([self._hub])
        self.async_update([*self._connector.datapoints, *self._connector.actuators])

    @callback
    def async_stop(self, *, remove: bool) -> None:
        """End it; with `remove` others have none of the entities any more.

        The mirror goes on for a moment: it publishes what is queued as it stops.
        """
        for end in self._remove:
            end()
        self._remove.clear()
        for handle in (self._working, self._settling):
            if handle is not None:
                handle.cancel()
        self._working = self._settling = None
        self._waiting.clear()
        if not remove:
            return
        for unique_id, topic in self._topics.items():
            self._take_back(topic, unique_id)
        self._topics.clear()
        self._announced.clear()
        self._mirror.set_own_map(None)
        self._on_changed()

    @callback
    def as_json(self) -> dict[str, str]:
        """Return what is announced, to be kept: topics of discovery, and entities here."""
        return {topic: it for it, topic in self._topics.items()} | self._gone

    # What is to be announced

    @callback
    def async_update(self, keys: Iterable[str]) -> None:
        """Look at datapoints and actuators that are new, gone or another thing now."""
        following: dict[str, list[str]] = {}
        for key, actuator in self._connector.actuators.items():
            if actuator.state_source is StateSource.DATAPOINT and actuator.state_key:
                following.setdefault(actuator.state_key, []).append(key)
        for key in keys:
            self._look([f"{self._datapoints}{key}", f"{self._actuators}{key}"])
            self._look(f"{self._actuators}{it}" for it in following.get(key, ()))

    @callback
    def async_connected(self) -> None:
        """Announce everything on a connection to a broker that may know nothing."""
        gone, self._gone = self._gone, {}
        for topic, unique_id in gone.items():
            self._take_back(topic, unique_id)
        self._publish_online()
        self._look(list(self._announced), anyway=True)

    @override
    @callback
    def on_connection(self, online: bool, error: LinkError | None) -> None:
        """Tell whether the link is up."""
        self._publish_online()

    @callback
    def _publish_online(self) -> None:
        """Publish whether the link is up."""
        payload = encode_value(self._connector.online, wall_clock())
        self._mirror.publish_discovery(self._announcer.own.online, payload)

    @callback
    def _async_entity_updated(
        self, event: Event[er.EventEntityRegistryUpdatedData]
    ) -> None:
        """Look at an entity that came, went, or is called something else."""
        entity = er.async_get(self._hass).async_get(event.data["entity_id"])
        if entity is not None and entity.config_entry_id == self._entry.entry_id:
            self._look([entity.unique_id])
            return
        entity_id = event.data["entity_id"]
        for unique_id in self._topics:
            # Those of an earlier run may be of any entity.
            announced = self._announced.get(unique_id)
            if announced is None or announced.entity_id == entity_id:
                self._look([unique_id])

    @callback
    def _async_device_updated(
        self, event: Event[dr.EventDeviceRegistryUpdatedData]
    ) -> None:
        """Look at everything, as a device may be called something else."""
        device = dr.async_get(self._hass).async_get(event.data["device_id"])
        if device is not None and device.config_entry_id == self._entry.entry_id:
            self._look(list(self._announced))

    @callback
    def _look(self, unique_ids: Iterable[str], *, anyway: bool = False) -> None:
        """Look at entities in a moment."""
        for unique_id in unique_ids:
            self._waiting[unique_id] = self._waiting.get(unique_id, False) or anyway
        if self._waiting and self._working is None:
            self._working = self._hass.loop.call_soon(self._work)

    # Announcing

    @callback
    def _work(self) -> None:
        """Look at some of those that wait."""
        self._working = None
        kept, former = len(self._gone), dict(self._announced)
        topics = dict(self._topics)
        for unique_id in list(self._waiting)[:_SLICE]:
            self._announce(unique_id, self._waiting.pop(unique_id))
        if former != self._announced:
            self._mirror.set_own_map(self._own_map())
            self._settle()
        if topics != self._topics or kept != len(self._gone):
            self._on_changed()
        self._look(())

    @callback
    def _announce(self, unique_id: str, anyway: bool) -> None:
        """Announce an entity, or take it back."""
        now, before = self._describe(unique_id), self._announced.get(unique_id)
        topic = None if now is None else now.topic
        if (told := self._topics.get(unique_id)) is not None and told != topic:
            if now is None and before is None and self._may_come(unique_id, told):
                return  # it was announced in an earlier run
            self._take_back(self._topics.pop(unique_id), unique_id)
        if now is None:
            self._announced.pop(unique_id, None)
            return
        if now == before and not anyway:
            return
        if before is None and self._is_full(unique_id):
            return
        self._announced[unique_id] = now
        self._topics[unique_id] = now.topic
        self._gone.pop(now.topic, None)
        self._mirror.publish_discovery(now.topic, now.payload)
        if now != before:
            self._changed.update(now.sensors)

    def _describe(self, unique_id: str) -> Announcement | None:
        """Return what is to be announced of an entity; None: nothing."""
        announcer = self._announcer
        if unique_id.startswith(self._datapoints):
            return announcer.of_datapoint(unique_id.removeprefix(self._datapoints))
        if unique_id.startswith(self._actuators):
            return announcer.of_actuator(unique_id.removeprefix(self._actuators))
        return announcer.of_hub(unique_id) if unique_id == self._hub else None

    def _may_come(self, unique_id: str, topic: str) -> bool:
        """Tell whether the entity of an earlier run is still one here."""
        component = topic.split("/")[-4]
        return self._announcer.entity(component, unique_id) is not None

    def _is_full(self, unique_id: str) -> bool:
        """Tell whether there are as many of a kind as a hub may have."""
        if unique_id == self._hub:
            return False
        is_actuator = unique_id.startswith(self._actuators)
        kind = self._actuators if is_actuator else self._datapoints
        count = sum(it.startswith(kind) for it in self._announced)
        return count >= self._connector.max_datapoints

    def _take_back(self, topic: str, unique_id: str) -> None:
        """Let others forget an entity."""
        self._mirror.publish_discovery(topic, b"")
        if not self._mirror.is_connected:
            self._gone[topic] = unique_id

    def _own_map(self) -> OwnMap:
        """Return what is published and listened to for all that is announced."""
        sensors: dict[str, dict[str, Convert]] = {}
        actuators: dict[str, str] = {}
        for unique_id, it in self._announced.items():
            for key, topics in it.sensors.items():
                sensors.setdefault(key, {}).update(topics)
            if it.command_topic:
                key = unique_id.removeprefix(self._actuators)
                actuators[it.command_topic] = key
        return OwnMap(sensors, actuators)

    @callback
    def _settle(self) -> None:
        """Tell values once more when others know what they are of, and that we live."""
        if self._settling is not None:
            self._settling.cancel()
        self._settling = self._hass.loop.call_later(_SETTLED, self._async_settled)

    @callback
    def _async_settled(self) -> None:
        """Do so."""
        self._settling = None
        changed, self._changed = self._changed, set()
        self._mirror.publish_own_latest(changed)
        self._mirror.beat()
