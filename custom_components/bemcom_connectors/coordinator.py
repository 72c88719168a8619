"""Coordinator: from what a connector receives to the entities that show it."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
import logging
from typing import cast, override

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import Platform
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed

from .connector.base import Connector
from .connector.converters import Converter
from .connector.listener import Listener
from .connector.model import JsonValue, LinkError, Reading
from .connector.reporting import Reporter, ReportRule, ReportStrategy
from .connector.stream import StreamConnector
from .const import CONF_MIRROR, DOMAIN
from .datapoint_catalog import Curated, DatapointCatalog, datapoint_unique_id, guess_all
from .descriptions import DatapointDescription, is_describable, native_value
from .followers import Followers
from .hub_actuators import HubActuators
from .hub_mirror import HubMirror
from .issues import HubIssues
from .link_devices import LinkDevices
from .link_events import LinkEvents
from .link_opening import async_open_link
from .live_entities import async_take_away
from .ocpp.connector import OcppConnector
from .ocpp_config import LIVE_OPTIONS
from .ocpp_descriptions import describe_ocpp
from .ocpp_hub import OcppHub

_LOGGER = logging.getLogger(__name__)

# Counters change with every message; so often their entities look at them.
STATISTICS_INTERVAL = timedelta(seconds=30)

# Options that the hub takes up while its link stays open.
_LIVE = LIVE_OPTIONS | {CONF_MIRROR}

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
        self.actuators = HubActuators(
            hass, entry, connector, self.value_of, self.async_show_anew
        )
        self.link_devices = LinkDevices(hass, entry, connector)
        self.link_events = LinkEvents(self.name, connector, self.link_devices)
        self._issues = HubIssues(hass, entry)
        self.mirror = HubMirror(
            hass, entry, connector, self._issues, self.descriptions.get
        )
        self.ocpp: OcppHub | None = None
        curated: Curated = guess_all
        if isinstance(connector, OcppConnector):
            self.ocpp = OcppHub(hass, entry, connector, self._issues)
            curated = describe_ocpp
        self._catalog = DatapointCatalog(hass, entry, connector, curated)
        self._report_rule = ReportRule.of(entry.options)
        self._made_of = _made_of(entry)
        self._showing = asyncio.Lock()
        self._shown: dict[str, JsonValue] = {}
        # Datapoints that had no value yet which tells what they are, with their device.
        self._undescribed: dict[str, str | None] = {}
        self._entities: dict[str, CALLBACK_TYPE] = {}
        self.followers = Followers()
        # Of the datapoints that are not simply shown whenever they change.
        self._reporters: dict[str, tuple[Reporter, DatapointDescription]] = {}
        self._statistics: list[CALLBACK_TYPE] = []
        self._platforms: dict[
            Platform, Callable[[list[DatapointDescription]], None]
        ] = {}

    async def async_start(self) -> None:
        """Load what is known and connect; ConfigEntryNotReady with the reason."""
        await self._catalog.async_load()
        self.actuators.async_clear_registry()
        self.connector.add_listener(self)
        await self.link_devices.async_load()
        if self.ocpp is not None:
            await self.ocpp.async_load()
        try:
            await self.mirror.async_load()
            await async_open_link(
                self.hass,
                self.config_entry,
                self.connector,
                issues=self._issues,
                shut_down=self.async_shutdown,
            )
        except BaseException:
            await self.mirror.async_stop()
            raise
        self.mirror.async_connect()
        self.actuators.async_listen()
        self._issues.async_actuators(self.actuators.commands.unusable)
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

    @override
    async def async_shutdown(self) -> None:
        """Close the link and keep what was learned."""
        await super().async_shutdown()
        self.mirror.async_close()
        async with self._showing:  # no entity is added after this
            await self.connector.stop()
        self.link_events.async_close()
        if self.ocpp is not None:
            await self.ocpp.async_close()
        await self.mirror.async_stop()
        await self.actuators.commands.async_close()
        await self._catalog.async_save()

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
        reporters = self._reporters
        for key, value in reading.values.items():
            if (update := entities.get(key)) is None:
                if key in self._undescribed and is_describable(value):
                    self._describe({key: value}, self._undescribed[key])
                continue
            if reporters and (found := reporters.get(key)) is not None:
                reporter, description = found
                reporter.receive(native_value(description, value))
                continue
            before = shown.get(key)
            # 1 and True are equal, and still two different things to say.
            if value != before or type(value) is not type(before):
                shown[key] = value
                self._report(key, update)
        if self.followers:
            self.followers.async_tell(reading, self._report)

    @override
    @callback
    def on_datapoints(
        self, added: Mapping[str, JsonValue], device_id: str | None
    ) -> None:
        """Show new datapoints."""
        self._describe(added, device_id)

    @override
    @callback
    def on_connection(self, online: bool, error: LinkError | None) -> None:
        """Let the entities follow the link."""
        self.last_update_success = online
        self.last_exception = error
        if online:
            self._issues.async_connected()
        self.async_update_listeners()

    # The entities

    def value_of(self, key: str) -> JsonValue:
        """Return the latest value of a datapoint, a number as the user scaled it."""
        value, description = self.data.get(key), self.descriptions.get(key)
        if description is None or description.scale is None:
            return value
        return cast("float | None", native_value(description, value))

    @property
    def converters(self) -> list[Converter]:
        """Return the user's converters: that which reads, and those that write commands."""
        found = self.actuators.commands.converters
        if isinstance(self.connector, StreamConnector) and isinstance(
            parser := self.connector.slow_parser, Converter
        ):
            found.append(parser)
        return found

    @property
    def is_up_to_date(self) -> bool:
        """Tell whether the hub is what its entry says, its subentries aside."""
        return self._made_of == _made_of(self.config_entry)

    async def async_show_anew(self) -> None:
        """Show what is said now of datapoints and actuators; the link stays open.

        Some devices start anew whenever their port is opened. Only the entities of what
        changed are added anew: others would be unavailable for a moment, for nothing.
        """
        async with self._showing:
            # Its link is closed before its entities go.
            if self.config_entry.state is not ConfigEntryState.LOADED:
                return
            if self.ocpp is not None:
                self.ocpp.async_take()
            for key in self._catalog.async_take_overrides():
                await self._async_show_datapoint(key)
            await self.actuators.async_show()
            await self.mirror.async_take()
            self._issues.async_actuators(self.actuators.commands.unusable)

    async def _async_show_datapoint(self, key: str) -> None:
        """Add the entity of a datapoint anew, as the user's word on it is another one."""
        if (shown := self.descriptions.get(key)) is None:
            return  # it is still to come
        entry = self.config_entry
        unique_id = datapoint_unique_id(entry, key)
        await async_take_away(self.hass, entry, shown.platform, unique_id)
        value = self.data.get(key)
        looks = self._catalog.async_describe(key, value, shown.device_id) or shown
        self.descriptions[key] = looks
        for platform in self._platforms:
            self._async_add_entities([looks], platform)
        self.mirror.async_announce([key])

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
        self._stop_reporting(key)
        self._entities[key] = update
        self._shown[key] = value = self.data.get(key)
        rule = self._catalog.report_rule(key, self._report_rule)
        if not rule.is_plain:

            @callback
            def report() -> None:
                self._report(key, update)

            description = self.descriptions[key]
            reporter = Reporter(rule, report, self.hass.loop)
            reporter.start(native_value(description, value))
            self._reporters[key] = (reporter, description)

        @callback
        def unsubscribe() -> None:
            if self._entities.get(key) is update:
                del self._entities[key]
                self._stop_reporting(key)

        return unsubscribe

    @callback
    def _stop_reporting(self, key: str) -> None:
        """End what decides when a datapoint is reported, if anything does."""
        if (found := self._reporters.pop(key, None)) is not None:
            found[0].stop()

    @callback
    def _report(self, key: str, update: CALLBACK_TYPE) -> None:
        """Let an entity show the latest value of its datapoint."""
        try:
            update()
        except Exception as err:  # noqa: BLE001 - the others have theirs to show
            self.connector.count_listener_error(key, err)

    @callback
    def async_subscribe_statistics(self, update: CALLBACK_TYPE) -> CALLBACK_TYPE:
        """Call `update` now and then to look at the counters; return how to end it."""
        self._statistics.append(update)
        return lambda: self._statistics.remove(update)

    @callback
    def _async_registry_updated(
        self, event: Event[er.EventEntityRegistryUpdatedData]
    ) -> None:
        """Forget the datapoints of deleted entities; they are new when they come again."""
        if (key := self._catalog.async_take_deleted(event)) is not None:
            self.descriptions.pop(key, None)
            self._undescribed.pop(key, None)
            self._catalog.async_forget(key)
            self.connector.forget_datapoint(key)

    @property
    def guesses(self) -> Mapping[str, DatapointDescription]:
        """Return how the datapoints would look without a word of the user's."""
        return self._catalog.guesses

    def is_hidden(self, key: str) -> bool:
        """Tell whether the user wants a datapoint out of sight."""
        return self._catalog.is_hidden(key)

    def named_options(self, key: str) -> int:
        """Return how many choices the user named for a datapoint."""
        return self._catalog.named_options(key)

    def reports_all(self, key: str) -> bool:
        """Tell whether every value of a datapoint is a state, though nothing changed."""
        rule = self._catalog.report_rule(key, self._report_rule)
        return rule.strategy is ReportStrategy.ON_RECEIVED

    @callback
    def async_replace(self, description: DatapointDescription) -> None:
        """Keep what an entity learned about its datapoint."""
        self.descriptions[description.key] = description
        self._catalog.async_replace(description)
        self.mirror.async_announce([description.key])

    def _describe(self, values: Mapping[str, JsonValue], device_id: str | None) -> None:
        """Decide how datapoints look, and add their entities."""
        added: list[DatapointDescription] = []
        for key, value in values.items():
            if not is_describable(value) and not self._catalog.knows(key, device_id):
                self._undescribed[key] = device_id
                continue
            self._undescribed.pop(key, None)
            description = self._catalog.async_describe(key, value, device_id)
            if description is None:
                self.connector.ignore_datapoint(key)
                # It is new again with each message, for when there is room.
                self.connector.forget_datapoint(key)
                continue
            self.descriptions[key] = description
            added.append(description)
        if added:
            for platform in self._platforms:
                self._async_add_entities(added, platform)
            self.mirror.async_announce([it.key for it in added])

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
        self._issues.async_look_at(self.connector)
        self.mirror.async_look()


def _made_of(entry: ConfigEntry) -> tuple[object, ...]:
    """Return what a hub must be set up anew for when it changes."""
    options = {key: value for key, value in entry.options.items() if key not in _LIVE}
    return entry.title, entry.data, options
