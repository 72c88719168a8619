"""An OCPP hub in Home Assistant: its charge points, their devices, and what is kept."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, override

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.components.tag import async_scan_tag
from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    ConfigEntry,
    ConfigEntryChange,
)
from homeassistant.const import CONF_PASSWORD
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import ChildDeviceInfo, DeviceInfo
from homeassistant.helpers.dispatcher import async_dispatcher_connect

from .connector.flatten import SEPARATOR
from .connector.model import JsonValue
from .const import DOMAIN
from .device_info import device_identifier, register_hub
from .issues import HubIssues
from .ocpp import datapoints as names
from .ocpp.charge_point import ChargePoint, FirmwareState
from .ocpp.connector import OcppConnector
from .ocpp.listener import EventKind, OcppListener
from .ocpp.model import Identity, PendingChargePoint, device_id_of, split_device_id
from .ocpp_cards import ChargePointCards
from .ocpp_config import (
    charge_point_config,
    charge_point_subentries,
    discovery_unique_id,
    hub_options,
    id_tags,
    ignored_ids,
)
from .ocpp_devices import (
    charge_point_info,
    connector_info,
    ocpp_store,
    register_charge_point,
    register_connector,
)
from .ocpp_local_plans import LocalPlans

# What must not be lost is saved so soon, everything else not more often than this (seconds):
# memory cards wear out.
_URGENT = 1.0
_LAZY = 300.0
# Who has so much that must not be lost, in so many seconds, means no good: it waits longer.
_MANY = 20
_WHILE = 600.0
_PATIENT = 30.0

# Tags that nobody added, and that Home Assistant is told of: so many of them in a run.
MAX_UNKNOWN_TAGS = 100

# Numbers that tell one charge point, or one SIM card, from all others, and whose card it was.
_PRIVATE = {"serial_number", "meter_serial_number", "iccid", "imsi", names.ID_TAG}

_PLANS = "local_plans"

AVAILABILITY = "availability"
FIRMWARE = "firmware"

# Takes what happened, and more about it.
type Update = Callable[[str, dict[str, Any]], None]


class OcppHub(OcppListener):
    """Between the central system and Home Assistant."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        connector: OcppConnector,
        issues: HubIssues,
    ) -> None:
        """Know what the entry says."""
        self._issues = issues
        self._hass = hass
        self._entry = entry
        self._connector = connector
        self._store = ocpp_store(hass, entry.entry_id)
        self._saving: asyncio.TimerHandle | None = None
        self._saved: deque[float] = deque(maxlen=_MANY)
        self._subentry_ids: dict[str, str] = {}
        self._devices: dict[str, None] = {}
        self._add: list[Callable[[list[str]], None]] = []
        self._updates: dict[tuple[str, str], list[Update]] = {}
        self._cards = ChargePointCards(hass, entry, connector)
        self.plans = LocalPlans(hass, connector)
        # As they were first written, by what they are compared by.
        self._unknown_tags: dict[str, str] = {}

    async def async_load(self) -> None:
        """Take up what was kept and what the user says; the coordinator listens already."""
        register_hub(self._hass, self._entry)
        kept = await self._store.async_load() or {}
        self._connector.restore(kept)
        self.plans.restore(kept.get(_PLANS))
        self._entry.async_on_unload(self.plans.async_start())
        self._entry.async_on_unload(self._connector.add_ocpp_listener(self))
        self._entry.async_on_unload(
            async_dispatcher_connect(
                self._hass, SIGNAL_CONFIG_ENTRY_CHANGED, self._async_entry_changed
            )
        )
        self.async_take()
        if self._connector.book.needs_saving:
            await self._async_save()

    @callback
    def async_take(self) -> None:
        """Take what the entry says now; charge points stay connected."""
        connector = self._connector
        self._async_take_options()
        connector.set_id_tags(id_tags(self._entry))
        subentries = charge_point_subentries(self._entry)
        self._subentry_ids = {key: it.subentry_id for key, it in subentries.items()}
        configs = {key: charge_point_config(it.data) for key, it in subentries.items()}
        known = list(self._devices)
        for gone in [it for it in known if split_device_id(it)[0] not in configs]:
            del self._devices[gone]
            self._issues.async_charge_point_connected(split_device_id(gone)[0])
        for charge_point_id in configs:
            if charge_point_id not in connector.charge_points:
                self._async_register(charge_point_id, Identity())
        connector.set_charge_points(configs)
        for charge_point_id in configs:
            self.on_identity(charge_point_id)
            self.on_connector(charge_point_id, 0)

    async def async_close(self) -> None:
        """Keep what was learned, and take back the cards."""
        self._cards.async_take_all_back()
        await self._async_save()

    # What others ask

    def subentry_id(self, device_id: str | None) -> str | None:
        """Return which subentry a device belongs to; None: the hub itself."""
        if device_id is None:
            return None
        found = self._subentry_ids.get(split_device_id(device_id)[0])
        # What was removed is heard of a moment later.
        return found if found in self._entry.subentries else None

    def is_available(self, device_id: str) -> bool:
        """Tell whether the charge point of a device is connected."""
        return self._connector.is_online(split_device_id(device_id)[0])

    def device_info(self, device_id: str) -> DeviceInfo | ChildDeviceInfo:
        """Describe a charge point or a connector for its entities."""
        charge_point_id, connector_id = split_device_id(device_id)
        subentry_id = self._subentry_ids[charge_point_id]
        if connector_id:
            return connector_info(self._hass, self._entry, subentry_id, connector_id)
        identity = self.identity(charge_point_id)
        return charge_point_info(self._hass, self._entry, subentry_id, identity)

    def charge_point(self, charge_point_id: str) -> ChargePoint:
        """Return a charge point that the user added."""
        return self._connector.charge_points[charge_point_id]

    def title_of(self, charge_point_id: str) -> str:
        """Return what the user calls a charge point."""
        found = self.subentry_id(device_id_of(charge_point_id))
        return charge_point_id if found is None else self._entry.subentries[found].title

    def identity(self, charge_point_id: str) -> Identity:
        """Return who a charge point said it is."""
        found = self._connector.charge_points.get(charge_point_id)
        return Identity() if found is None else found.identity

    def firmware(self, device_id: str) -> FirmwareState:
        """Return how the firmware update of a charge point goes on."""
        return self._connector.charge_points[split_device_id(device_id)[0]].firmware

    def sessions_of(self, charge_point_id: str) -> list[dict[str, JsonValue]]:
        """Return the sessions of a charge point that are over, the latest first."""
        return self._connector.sessions_of(charge_point_id)

    def diagnostics(self) -> dict[str, Any]:
        """Return what helps to find out what goes wrong, without what is private."""
        return async_redact_data(self._connector.diagnostics(), _PRIVATE)

    def is_private(self, key: str) -> bool:
        """Tell whether a datapoint says who somebody is."""
        return key.rpartition(SEPARATOR)[2] in _PRIVATE

    @callback
    def async_add_devices(self, add: Callable[[list[str]], None]) -> None:
        """Give `add` the charge points and connectors: those there are, and new ones."""
        self._add.append(add)
        add(list(self._devices))

    @callback
    def async_subscribe(
        self, device_id: str, kind: str, update: Update
    ) -> CALLBACK_TYPE:
        """Call `update` with what happens of a kind at a device; return how to end it."""
        updates = self._updates.setdefault((device_id, kind), [])
        updates.append(update)

        @callback
        def unsubscribe() -> None:
            updates.remove(update)
            if not updates:
                self._updates.pop((device_id, kind), None)

        return unsubscribe

    @callback
    def async_forget_connector(self, device_id: str) -> bool:
        """Forget a connector that is not there; return whether that was done."""
        if not self._connector.forget_connector(*split_device_id(device_id)):
            return False
        self._devices.pop(device_id, None)
        return True

    # The central system's listener

    @override
    @callback
    def on_pending(self, pending: PendingChargePoint) -> None:
        """Show a card of a charge point that nobody added."""
        self._cards.async_show(pending)

    @override
    @callback
    def on_pending_gone(self, charge_point_id: str) -> None:
        """Keep the card of one that hung up: it may be back by the time it is added."""
        if charge_point_id in self._subentry_ids or (
            charge_point_id in self._connector.options.ignored
        ):
            self._cards.async_take_back(charge_point_id)

    @override
    @callback
    def on_refused(self, charge_point_id: str) -> None:
        """Say so where the user can mend it."""
        if not self._connector.is_online(charge_point_id):
            self._issues.async_charge_point_refused(charge_point_id)

    @override
    @callback
    def on_identity(self, charge_point_id: str) -> None:
        """Let the device registry know who a charge point is."""
        self._async_register(charge_point_id, self.identity(charge_point_id))
        self._async_update(device_id_of(charge_point_id), FIRMWARE, "", {})

    @override
    @callback
    def on_availability(self, charge_point_id: str) -> None:
        """Let the entities of a charge point follow its connection."""
        charge_point = self._connector.charge_points.get(charge_point_id)
        if charge_point is None:
            return
        if charge_point.online:
            self._issues.async_charge_point_connected(charge_point_id)
        for connector_id in list(charge_point.connectors):
            device_id = device_id_of(charge_point_id, connector_id)
            self._async_update(device_id, AVAILABILITY, "", {})

    @override
    @callback
    def on_connector(self, charge_point_id: str, connector_id: int) -> None:
        """Have entities for a connector that was not heard of before."""
        device_id = device_id_of(charge_point_id, connector_id)
        if device_id not in self._devices:
            self._devices[device_id] = None
            if connector_id and (subentry_id := self.subentry_id(device_id)):
                register_connector(self._hass, self._entry, subentry_id, connector_id)
            for add in self._add:
                add([device_id])

    @override
    @callback
    def on_firmware(self, charge_point_id: str) -> None:
        """Let the update entity follow."""
        self._async_update(device_id_of(charge_point_id), FIRMWARE, "", {})

    @override
    @callback
    def on_event(
        self,
        charge_point_id: str,
        connector_id: int,
        kind: EventKind,
        event_type: str,
        attributes: Mapping[str, JsonValue],
    ) -> None:
        """Let an event entity tell what happened."""
        device_id = device_id_of(charge_point_id, connector_id)
        self._async_update(device_id, kind, event_type, dict(attributes))

    @override
    @callback
    def on_password(self, charge_point_id: str, password: str) -> None:
        """Keep another password with the charge point; it has to come again with it."""
        if (found := self.subentry_id(device_id_of(charge_point_id))) is not None:
            subentry = self._entry.subentries[found]
            self._hass.config_entries.async_update_subentry(
                self._entry, subentry, data={**subentry.data, CONF_PASSWORD: password}
            )

    @override
    @callback
    def on_tag(self, charge_point_id: str, id_tag: str) -> None:
        """Tell Home Assistant's tags of one that was swiped."""
        if (tag := self._spelled(id_tag.strip())) is None:
            return
        device = dr.async_get(self._hass).async_get_device_by_identifier(
            device_identifier(self._entry, device_id_of(charge_point_id)),
            self._entry.entry_id,
        )
        self._entry.async_create_task(
            self._hass,
            async_scan_tag(self._hass, tag, device.id if device else None),
            f"{DOMAIN} tag",
        )

    @override
    @callback
    def on_changed(self, *, urgent: bool) -> None:
        """Save soon, or at the latest after a while."""
        loop = self._hass.loop
        delay = _URGENT if urgent else _LAZY
        if len(self._saved) == _MANY and loop.time() - self._saved[0] < _WHILE:
            delay = max(delay, _PATIENT)
        if self._saving is not None:
            if self._saving.when() <= loop.time() + delay:
                return
            self._saving.cancel()
        self._saving = loop.call_later(delay, self._async_save_beside)

    # Little helpers

    def _spelled(self, id_tag: str) -> str | None:
        """Return a tag as Home Assistant is told of it, whatever its case; None: not at all."""
        if not id_tag:
            return None  # which would be another tag each time
        if (known := self._connector.tags.find(id_tag)) is not None:
            return known.tag
        folded = id_tag.casefold()
        if len(self._unknown_tags) < MAX_UNKNOWN_TAGS:
            return self._unknown_tags.setdefault(folded, id_tag)
        return self._unknown_tags.get(folded)

    @callback
    def _async_update(
        self, device_id: str, kind: str, event_type: str, attributes: dict[str, Any]
    ) -> None:
        """Call those who want to know what happens of a kind at a device."""
        for update in tuple(self._updates.get((device_id, kind), ())):
            update(event_type, attributes)

    @callback
    def _async_register(self, charge_point_id: str, identity: Identity) -> None:
        """Have a device for a charge point, or know more of it."""
        if (found := self.subentry_id(device_id_of(charge_point_id))) is not None:
            register_charge_point(self._hass, self._entry, found, identity)

    @callback
    def _async_take_options(self) -> None:
        """Take up what counts for all charge points."""
        ignored = ignored_ids(self._hass, self._entry)
        self._connector.set_options(hub_options(self._entry.options, ignored))

    @callback
    def _async_entry_changed(
        self, _change: ConfigEntryChange, entry: ConfigEntry
    ) -> None:
        """Take up that a charge point is ignored, or is no more."""
        unique_id = entry.unique_id or ""
        if entry.domain == DOMAIN and unique_id.startswith(
            discovery_unique_id(self._entry.entry_id, "")
        ):
            self._async_take_options()

    @callback
    def _async_save_beside(self) -> None:
        """Save, without anybody waiting for it."""
        self._saving = None
        self._entry.async_create_task(
            self._hass, self._async_save(), f"{DOMAIN} save", eager_start=True
        )

    async def _async_save(self) -> None:
        """Save now."""
        if self._saving is not None:
            self._saving.cancel()
            self._saving = None
        self._saved.append(self._hass.loop.time())
        await self._store.async_save(
            {**self._connector.snapshot(), _PLANS: self.plans.to_dict()}
        )
