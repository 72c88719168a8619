"""The mirror of a hub in Home Assistant: on or off, what is kept for it, what it shows."""

import asyncio
from collections.abc import Callable, Iterable
import logging
from typing import TYPE_CHECKING, Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.importlib import async_import_module
from homeassistant.loader import async_get_integration

from .connector.base import Connector
from .connector.model import OptionsError
from .const import DOMAIN
from .descriptions import DatapointDescription
from .issues import OF_HOME_ASSISTANT, HubIssues, MirrorFault
from .mirror_options import HubMirrorOptions, mirror_options
from .mirror_storage import DISCOVERY, MirrorStorage

if TYPE_CHECKING:
    from .bemcom.mirror import MapFaults
    from .mirror_run import MirrorRun

_LOGGER = logging.getLogger(__name__)

# With every such look raw messages that wait are saved; a look is taken every half minute.
_RAW_LOOKS = 10
# Brokers start slowly too, so that only what lasts is worth a word.
_FAULT_LOOKS = 2

# What is queued may take so many seconds at the end; less where it can wait for the mirror that
# follows.
_PATIENCE = 5.0
_HANDOVER = 1.0

# Nobody waits longer for a broker to forget what was announced, in seconds.
_CLEARING = 5.0

# The unique ids of its entities have this in them.
_OF_MIRROR = "_hub_mirror_"


class HubMirror:
    """Runs the mirror that the options of a hub ask for; what is not mirrored costs nothing."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        connector: Connector,
        issues: HubIssues,
        describe: Callable[[str], DatapointDescription | None],
    ) -> None:
        """Run nothing yet; `describe` returns how a datapoint looks."""
        self._hass = hass
        self._entry = entry
        self._connector = connector
        self._issues = issues
        self._describe = describe
        self._storage = MirrorStorage(hass, entry)
        self._options: HubMirrorOptions | None = None
        self._run: MirrorRun | None = None
        self._kept: dict[str, Any] = {}
        # Other options and the end may come at the same time.
        self._changing = asyncio.Lock()
        self._over = asyncio.Event()
        # What runs before this one lost.
        self._dropped = 0
        self._looks = self._fault_looks = 0
        self._fault: MirrorFault | None = None
        self._map_faults: MapFaults | None = None
        self._refused: tuple[str, ...] = ()
        self._add: list[CALLBACK_TYPE] = []
        self._updates: list[CALLBACK_TYPE] = []

    async def async_load(self) -> None:
        """Take up what was kept, and hear the connector before it says anything."""
        self._kept = await self._storage.async_load()
        self._entry.async_on_unload(
            # Before the event that ends Home Assistant's own connection to a broker.
            self._hass.async_add_shutdown_job(
                HassJob(self.async_stop, f"{DOMAIN} mirror", cancel_on_shutdown=False)
            )
        )
        async with self._changing:
            if not self._over.is_set():
                await self._async_begin(await _async_options(self._hass, self._entry))

    @callback
    def async_connect(self) -> None:
        """Connect to the broker, as the link is up."""
        if self._run is not None:
            self._run.async_connect()

    async def async_take(self) -> None:
        """Take up what the options say now; the link of the hub stays open."""
        async with self._changing:
            options = await _async_options(self._hass, self._entry)
            if options == self._options or self._over.is_set():
                if self._run is not None:
                    self._run.mirror.refresh_actuators()
                    self.async_announce(self._connector.actuators)
                return
            former = await self._async_end(options, goes_on=options is not None)
            if self._over.is_set():
                if former is not None:
                    former.mirror.detach()
                await self._async_keep_raw(former)
                return
            # They may be right now; if not, that is said again.
            self._issues.async_mirror_off()
            await self._async_begin(options, former)
            self.async_connect()
        if self._run is not None and former is None:
            for add in self._add:
                add()
        self._async_changed()

    @callback
    def async_close(self) -> None:
        """Begin nothing any more, whatever the options say: all is about to stop."""
        self._over.set()

    async def async_stop(self) -> None:
        """Publish what is queued, and keep the rest."""
        self.async_close()
        async with self._changing:
            await self._async_keep_raw(await self._async_end(self._options))

    async def _async_end(
        self, other: HubMirrorOptions | None, *, goes_on: bool = False
    ) -> MirrorRun | None:
        """End the mirror there is, as these options follow, and return it.

        Where it `goes_on` with them, it hears the connector until the next one does.
        """
        if (run := self._run) is None:
            return None
        self._run = None
        try:
            patience = _HANDOVER if goes_on else _PATIENCE
            await run.async_stop(other, patience, listens=goes_on)
        finally:
            self._kept = run.as_json()
            await self._storage.async_save(self._kept)
        return run

    async def _async_keep_raw(self, run: MirrorRun | None) -> None:
        """Keep the raw messages of a run that has ended, over a restart."""
        if run is not None and run.options.raw_on_disk:
            await self._storage.async_save_raw(run.mirror.publisher)

    # What others ask

    @property
    def is_on(self) -> bool:
        """Tell whether the hub is mirrored."""
        return self._run is not None

    @property
    def is_connected(self) -> bool:
        """Tell whether there is a broker."""
        return self._run is not None and self._run.mirror.is_connected

    @property
    def dropped(self) -> int:
        """Count the messages that were lost."""
        now = 0 if self._run is None else self._run.mirror.publisher.dropped
        return self._dropped + now

    @property
    def waiting(self) -> int:
        """Count the messages that wait for the broker."""
        return 0 if self._run is None else len(self._run.mirror.publisher.outbox)

    def diagnostics(self) -> dict[str, Any] | None:
        """Return how it is; None: it is off."""
        if (run := self._run) is None:
            return None
        mirror = run.mirror
        datapoint_map = mirror.inbox.datapoint_map
        return {
            "connected": mirror.is_connected,
            "fault": self._fault_of(run),
            "sent": mirror.publisher.outbox.sent,
            "waiting": self.waiting,
            "dropped": self.dropped,
            "available_sensors": len(mirror.available.sensors),
            "available_actuators": len(mirror.available.actuators),
            "datapoint_map": datapoint_map.as_json(),
            "map_refused": mirror.map_faults.refused,
            "map_left_out": list(mirror.map_faults.left_out),
            "map_unknown_keys": list(mirror.unknown_keys),
            "left_out_datapoints": mirror.available.ignored,
            "subscribed": sorted(mirror.subscriptions.current),
            "not_subscribed": sorted(
                mirror.subscriptions.wanted - mirror.subscriptions.current
            ),
        }

    @callback
    def async_add_platform(self, add: CALLBACK_TYPE) -> None:
        """Call `add` to add the entities of the mirror, once there is one."""
        self._add.append(add)
        if self.is_on:
            add()

    @callback
    def async_subscribe(self, update: CALLBACK_TYPE) -> CALLBACK_TYPE:
        """Call `update` when the broker is there or gone; return how to end it."""
        self._updates.append(update)
        return lambda: self._updates.remove(update)

    @callback
    def async_announce(self, keys: Iterable[str]) -> None:
        """Announce datapoints and actuators that are new, or look another way now."""
        if self._run is not None and self._run.discovery is not None:
            self._run.discovery.async_update(keys)

    @callback
    def async_look(self) -> None:
        """Look now and then at what lasts, and at what waits."""
        if (run := self._run) is None:
            return
        fault = self._fault_of(run)
        self._fault_looks = self._fault_looks + 1 if fault == self._fault else 1
        self._fault = fault
        if fault is not None and self._fault_looks == _FAULT_LOOKS:
            self._issues.async_mirror_broker(fault, **self._words(run))
        self._looks += 1
        is_empty = not len(run.mirror.publisher.outbox.raw)
        if run.options.raw_on_disk and (is_empty or self._looks % _RAW_LOOKS == 0):
            self._entry.async_create_task(
                self._hass,
                self._storage.async_save_raw(run.mirror.publisher),
                f"{DOMAIN} raw messages",
            )

    # Little helpers

    async def _async_begin(
        self, options: HubMirrorOptions | None, former: MirrorRun | None = None
    ) -> None:
        """Hear the connector, if the options ask for a mirror; it goes on from `former`."""
        self._options = options
        self._fault, self._fault_looks = None, 0
        if options is None or not options.raw_on_disk:
            await self._storage.async_remove_raw()
        if options is None:
            self._dropped = 0
            self._issues.async_mirror_off()
            self._async_clear_registry()
            return
        raw: list[str] = []
        if former is not None:
            self._dropped += former.mirror.publisher.dropped
            self._storage.async_note_other_run()
        elif options.raw_on_disk:
            raw = await self._storage.async_load_raw()
        # It brings clients of MQTT with it, which nobody else needs.
        await async_import_module(self._hass, f"{__package__}.mirror_run")
        from .mirror_run import MirrorRun  # noqa: PLC0415

        run = MirrorRun(
            self._hass,
            self._entry,
            self._connector,
            options,
            describe=self._describe,
            on_changed=self._async_changed,
            on_learned=self._async_learned,
        )
        run.async_listen(self._kept, raw, former)
        self._map_faults = run.mirror.map_faults
        self._refused = ()
        self._run = run
        if run.as_json() != self._kept:
            self._async_learned()

    @callback
    def _async_changed(self) -> None:
        """Show whether there is a broker, and take back what is mended."""
        if (run := self._run) is not None:
            if run.mirror.is_connected:
                self._fault, self._fault_looks = None, 0
                self._issues.async_mirror_mended(*MirrorFault)
            elif run.broker.error is not None and self._fault_of(run) is None:
                # A broker that cannot be reached may still refuse us.
                self._issues.async_mirror_mended(*OF_HOME_ASSISTANT)
        for update in tuple(self._updates):
            update()

    @callback
    def _async_learned(self) -> None:
        """Save what was learned, soon, and say what is wrong with a map, or with topics."""
        if (run := self._run) is None:
            return
        if (faults := run.mirror.map_faults) is not self._map_faults:
            self._map_faults = faults
            self._issues.async_mirror_map(faults.refused, faults.left_out)
        if (refused := run.mirror.subscriptions.refused) != self._refused:
            self._refused = refused
            self._issues.async_mirror_topics(refused)
        self._storage.async_save_soon(run.as_json)

    def _fault_of(self, run: MirrorRun) -> MirrorFault | None:
        """Return what the user has to mend; None: nothing."""
        if (error := run.broker.error) is None:
            return None
        if isinstance(error, OptionsError):
            return MirrorFault.FILES
        return MirrorFault.of(error.reason)

    def _words(self, run: MirrorRun) -> dict[str, str]:
        """Return what texts say of the broker."""
        broker = run.options.broker
        return {
            "broker": "" if broker is None else broker.where,
            "detail": str(run.broker.error or ""),
        }

    @callback
    def _async_clear_registry(self) -> None:
        """Remove the entities of a mirror that is off."""
        registry = er.async_get(self._hass)
        prefix = f"{self._entry.entry_id}{_OF_MIRROR}"
        for entity in er.async_entries_for_config_entry(registry, self._entry.entry_id):
            if entity.unique_id.startswith(prefix):
                registry.async_remove(entity.entity_id)


async def async_forget_mirror(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Remove what was kept for a mirror, and what it announced to others."""
    storage = MirrorStorage(hass, entry)
    options = await _async_options(hass, entry)
    if options is not None and options.broker is not None:
        kept = await storage.async_load()
        if announced := kept.get(DISCOVERY):
            await async_import_module(hass, f"{__package__}.bemcom.clearing")
            from .bemcom.clearing import clear  # noqa: PLC0415

            await clear(options.broker, announced, _CLEARING)
    await storage.async_remove()


async def _async_options(
    hass: HomeAssistant, entry: ConfigEntry
) -> HubMirrorOptions | None:
    """Return what an entry says of its mirror; None: there is none, or can be none."""
    integration = await async_get_integration(hass, DOMAIN)
    try:
        return mirror_options(entry.data, entry.options, str(integration.version))
    except OptionsError as err:
        _LOGGER.error("%s cannot be mirrored: %s", entry.title, err)
        return None
