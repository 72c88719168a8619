"""Coordinator: from what a connector receives to the entities that show it."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
import logging
from typing import override

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import EVENT_HOMEASSISTANT_STOP, Platform
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryNotReady
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.helpers.storage import Store
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed

from .connector.base import Connector, Listener
from .connector.model import JsonValue, LinkError, Reading
from .const import DOMAIN
from .descriptions import DatapointDescription, describe, is_describable
from .issues import create_too_many_datapoints, delete_issues
from .stored_descriptions import from_dict, to_dict

_LOGGER = logging.getLogger(__name__)

STORAGE_VERSION = 1
_SAVE_DELAY = 10

# Counters change with every message; so often their entities look at them.
STATISTICS_INTERVAL = timedelta(seconds=30)

type BemcomConfigEntry = ConfigEntry[ConnectorCoordinator]


class ConnectorCoordinator(DataUpdateCoordinator[dict[str, JsonValue]], Listener):
    """Wake the entities whose datapoint changed, and only those.

    `data` are the latest values. A change of the link wakes all entities.
    """

    config_entry: BemcomConfigEntry

    def __init__(
        self, hass: HomeAssistant, entry: BemcomConfigEntry, connector: Connector
    ) -> None:
        """Listen to the connector of an entry."""
        super().__init__(hass, _LOGGER, config_entry=entry, name=entry.title)
        self.connector = connector
        self.data = connector.datapoints
        self.descriptions: dict[str, DatapointDescription] = {}
        # Until the link proves to be up.
        self.last_update_success = False
        self._store = datapoint_store(hass, entry.entry_id)
        self._unsaved = False
        # Those of earlier runs too: a datapoint keeps the looks it had.
        self._stored: dict[str, DatapointDescription] = {}
        # Unique ids that are, or were in this run, in the entity registry.
        self._registered: set[str] = set()
        self._shown: dict[str, JsonValue] = {}
        # Datapoints that had no value yet which tells what they are.
        self._undescribed: set[str] = set()
        self._entities: dict[str, CALLBACK_TYPE] = {}
        self._statistics: list[CALLBACK_TYPE] = []
        self._platforms: dict[
            Platform, Callable[[list[DatapointDescription]], None]
        ] = {}

    async def async_start(self) -> None:
        """Load what is known and connect; ConfigEntryNotReady with the reason."""
        delete_issues(self.hass, self.config_entry)
        await self._async_load()
        self.connector.add_listener(self)
        await self._async_connect()
        self.config_entry.async_on_unload(
            self.hass.bus.async_listen(
                er.EVENT_ENTITY_REGISTRY_UPDATED, self._async_registry_updated
            )
        )
        self.config_entry.async_on_unload(
            async_track_time_interval(
                self.hass,
                self._async_statistics,
                STATISTICS_INTERVAL,
                name=f"{DOMAIN} {self.name} statistics",
                cancel_on_shutdown=True,
            )
        )

    async def _async_connect(self) -> None:
        """Connect, unless Home Assistant stops meanwhile."""
        opening = asyncio.create_task(self.connector.start())

        async def stop(_event: Event) -> None:
            """Close the link, or stop opening it, as Home Assistant stops."""
            opening.cancel()
            await self.async_shutdown()

        self.config_entry.async_on_unload(
            self.hass.bus.async_listen(EVENT_HOMEASSISTANT_STOP, stop)
        )
        try:
            await opening
        except LinkError as err:
            raise ConfigEntryNotReady(
                translation_domain=DOMAIN,
                translation_key=f"link_{err.reason}",
                translation_placeholders={"name": self.name, "detail": err.detail},
            ) from err
        except asyncio.CancelledError:
            if (task := asyncio.current_task()) and task.cancelling():
                raise
        if opening.cancelled() or self.hass.is_stopping:
            raise ConfigEntryNotReady(
                translation_domain=DOMAIN,
                translation_key="not_connected",
                translation_placeholders={"name": self.name},
            )

    @override
    async def async_shutdown(self) -> None:
        """Close the link and keep what was learned."""
        await super().async_shutdown()
        await self.connector.stop()
        # Not at every attempt to reach a device that is away: memory cards wear out.
        if self._unsaved:
            await self._store.async_save(self._data_to_save())

    @override
    async def _async_update_data(self) -> dict[str, JsonValue]:
        """Return the latest values: a device that pushes cannot be asked."""
        if not self.connector.online:
            raise UpdateFailed(
                translation_domain=DOMAIN,
                translation_key="not_connected",
                translation_placeholders={"name": self.name},
            )
        return self.data

    # The connector's listener

    @override
    @callback
    def on_reading(self, reading: Reading) -> None:
        """Wake the entities whose value is another one than they show."""
        shown = self._shown
        entities = self._entities
        for key, value in reading.values.items():
            if (update := entities.get(key)) is None:
                if key in self._undescribed and is_describable(value):
                    self._describe({key: value})
                continue
            before = shown.get(key)
            # 1 and True are equal, and still two different things to say.
            if value != before or type(value) is not type(before):
                shown[key] = value
                try:
                    update()
                except Exception as err:  # noqa: BLE001 - the others have theirs to show
                    self.connector.count_listener_error(key, err)

    @override
    @callback
    def on_datapoints(self, added: Mapping[str, JsonValue]) -> None:
        """Show new datapoints."""
        self._describe(added)

    @override
    @callback
    def on_connection(self, online: bool, error: LinkError | None) -> None:
        """Let the entities follow the link."""
        self.last_update_success = online
        self.last_exception = error
        self.async_update_listeners()

    # The entities

    @callback
    def async_add_platform(
        self,
        platform: Platform,
        add_entities: Callable[[list[DatapointDescription]], None],
    ) -> None:
        """Give `add_entities` the datapoints of a platform: those there are, and new ones."""
        self._platforms[platform] = add_entities
        self._async_add_entities(list(self.descriptions.values()), platform)

    @callback
    def async_subscribe(self, key: str, update: CALLBACK_TYPE) -> CALLBACK_TYPE:
        """Call `update` whenever the value of a datapoint changes; return how to end it."""
        self._entities[key] = update
        self._shown[key] = self.data.get(key)

        @callback
        def unsubscribe() -> None:
            del self._entities[key]

        return unsubscribe

    @callback
    def async_subscribe_statistics(self, update: CALLBACK_TYPE) -> CALLBACK_TYPE:
        """Call `update` now and then to look at the counters; return how to end it."""
        self._statistics.append(update)
        return lambda: self._statistics.remove(update)

    @callback
    def _async_registry_updated(
        self, event: Event[er.EventEntityRegistryUpdatedData]
    ) -> None:
        """Forget the datapoints of deleted entities: live, disabled or long gone."""
        registry = er.async_get(self.hass)
        if event.data["action"] == "create":
            entity = registry.async_get(event.data["entity_id"])
            if entity and entity.config_entry_id == self.config_entry.entry_id:
                self._registered.add(entity.unique_id)
        elif event.data["action"] == "remove":
            for key, description in list(self._stored.items()):
                unique_id = datapoint_unique_id(self.config_entry, key)
                if unique_id in self._registered and not registry.async_get_entity_id(
                    description.platform, DOMAIN, unique_id
                ):
                    self._registered.discard(unique_id)
                    self._async_forget(key)

    @callback
    def _async_forget(self, key: str) -> None:
        """Forget a datapoint; it is new when it comes again."""
        self.descriptions.pop(key, None)
        self._stored.pop(key, None)
        self._undescribed.discard(key)
        self.connector.forget_datapoint(key)
        self._async_schedule_save()

    @callback
    def async_replace(self, description: DatapointDescription) -> None:
        """Keep what an entity learned about its datapoint."""
        self.descriptions[description.key] = description
        self._stored[description.key] = description
        self._async_schedule_save()

    def _describe(self, values: Mapping[str, JsonValue]) -> None:
        """Decide how datapoints look, and add their entities."""
        added: list[DatapointDescription] = []
        for key, value in values.items():
            if (description := self._stored.get(key)) is None:
                if not is_describable(value):
                    self._undescribed.add(key)
                    continue
                if len(self._stored) >= self.connector.max_datapoints:
                    self.connector.ignore_datapoint(key)
                    continue
                description = describe(key, value)
                self._stored[key] = description
                self._async_schedule_save()
            self._undescribed.discard(key)
            self.descriptions[key] = description
            added.append(description)
        if added:
            for platform in self._platforms:
                self._async_add_entities(added, platform)

    @callback
    def _async_add_entities(
        self, descriptions: list[DatapointDescription], platform: Platform
    ) -> None:
        """Hand a platform its share of the datapoints."""
        if mine := [item for item in descriptions if item.platform is platform]:
            self._platforms[platform](mine)

    @callback
    def _async_statistics(self, _now: datetime) -> None:
        """Let the entities of the counters look at them."""
        for update in self._statistics:
            update()
        if self.connector.statistics.ignored_datapoints:
            create_too_many_datapoints(
                self.hass, self.config_entry, self.connector.max_datapoints
            )

    # Storage

    async def _async_load(self) -> None:
        """Load the descriptions of an earlier run, but not those of deleted entities."""
        stored = await self._store.async_load() or {}
        registry = er.async_get(self.hass)
        self._registered = {
            entity.unique_id
            for entity in er.async_entries_for_config_entry(
                registry, self.config_entry.entry_id
            )
        }
        for key, data in stored.items():
            if (
                datapoint_unique_id(self.config_entry, key) in self._registered
                and (description := from_dict(data)) is not None
            ):
                self._stored[key] = description

    @callback
    def _async_schedule_save(self) -> None:
        """Save soon."""
        self._unsaved = True
        self._store.async_delay_save(self._data_to_save, _SAVE_DELAY)

    @callback
    def _data_to_save(self) -> dict[str, dict[str, object]]:
        """Return the descriptions to store."""
        self._unsaved = False
        return {key: to_dict(description) for key, description in self._stored.items()}


def datapoint_store(
    hass: HomeAssistant, entry_id: str
) -> Store[dict[str, dict[str, object]]]:
    """Return where the datapoints of an entry are kept."""
    return Store(hass, STORAGE_VERSION, f"{DOMAIN}.{entry_id}.datapoints")


def datapoint_unique_id(entry: BemcomConfigEntry, key: str) -> str:
    """Return the unique id of a datapoint's entity."""
    return f"{entry.entry_id}_datapoint_{key}"
