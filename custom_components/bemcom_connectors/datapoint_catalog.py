"""How each datapoint of a hub looks: guessed once, kept over restarts, overridden by the user."""

from collections import ChainMap
from collections.abc import Callable, Mapping
from dataclasses import replace
import logging

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.storage import Store

from .connector.base import Connector
from .connector.devices import own_key
from .connector.model import JsonValue
from .connector.reporting import ReportRule
from .const import DOMAIN, SUBENTRY_DATAPOINT
from .descriptions import DatapointDescription, describe
from .overrides import (
    CONF_HIDDEN,
    CONF_KEY,
    CONF_OPTIONS,
    CONF_UNIT,
    Override,
    apply,
    check,
)
from .stored_descriptions import from_dict, learned, to_dict

_LOGGER = logging.getLogger(__name__)

STORAGE_VERSION = 1
_SAVE_DELAY = 10

# Returns how a datapoint looks, by its key and its device; None: it is to be guessed.
type Curated = Callable[[str, str | None], DatapointDescription | None]


def guess_all(_key: str, _device_id: str | None) -> None:
    """Know no datapoint that is described by hand."""


class DatapointCatalog:
    """The descriptions of a hub's datapoints.

    What was guessed is stored; the user's overrides live in the entry and come on top.
    What `curated` knows is neither guessed nor stored.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        connector: Connector,
        curated: Curated = guess_all,
    ) -> None:
        """Describe as many datapoints as the connector may have."""
        self._hass = hass
        self._entry = entry
        self._connector = connector
        self._store = datapoint_store(hass, entry.entry_id)
        self._unsaved = False
        self._find_curated = curated
        # Those that came, as they are described by hand.
        self._curated: dict[str, DatapointDescription] = {}
        # Those of earlier runs too: a datapoint keeps the looks it had.
        self._guessed: dict[str, DatapointDescription] = {}
        # Those that take room. Others are of a time when the link had one device, or several.
        self._counted: set[str] = set()
        # The datapoints that have an entity, and those entities.
        self._entity_ids: dict[str, str] = {}
        self._keys: dict[str, str] = {}
        self._overrides: dict[str, Override] = {}
        self.async_take_overrides()

    @callback
    def async_take_overrides(self) -> set[str]:
        """Take what the user says now; return of which datapoints it is anything new."""
        before = self._overrides
        self._overrides = {
            subentry.data[CONF_KEY]: subentry.data
            for subentry in self._entry.subentries.values()
            if subentry.subentry_type == SUBENTRY_DATAPOINT
        }
        now = self._overrides
        return {
            key for key in before.keys() | now.keys() if before.get(key) != now.get(key)
        }

    async def async_load(self) -> None:
        """Load the descriptions of an earlier run, but not those of deleted entities."""
        stored = await self._store.async_load() or {}
        registry = er.async_get(self._hass)
        for entity in er.async_entries_for_config_entry(registry, self._entry.entry_id):
            self._async_note(entity)
        several = bool(self._connector.devices.id_key)
        for key, data in stored.items():
            if key in self._entity_ids and (description := from_dict(data)) is not None:
                self._guessed[key] = description
                if (description.device_id is not None) == several:
                    self._counted.add(key)

    async def async_save(self) -> None:
        """Save what was learned since the last time."""
        # Not at every attempt to reach a device that is away: memory cards wear out.
        if self._unsaved:
            await self._store.async_save(self._data_to_save())

    @property
    def guesses(self) -> Mapping[str, DatapointDescription]:
        """Return the descriptions without the user's overrides."""
        return ChainMap(self._curated, self._guessed)

    def knows(self, key: str, device_id: str | None = None) -> bool:
        """Tell whether a datapoint needs no value to be described."""
        return key in self._guessed or self._find_curated(key, device_id) is not None

    @callback
    def async_describe(
        self, key: str, value: JsonValue, device_id: str | None
    ) -> DatapointDescription | None:
        """Return how a datapoint looks that came; None if there is no room for it."""
        known = self._guessed.get(key)
        has_room = (
            key in self._counted or len(self._counted) < self._connector.max_datapoints
        )
        if (curated := self._find_curated(key, device_id)) is not None:
            if not has_room:
                return None
            self._curated[key] = known = curated
        # A key may be another device's than at the time when there was one, or several.
        elif known is None or known.device_id != device_id:
            if not has_room:
                return None
            known = replace(
                describe(own_key(key, device_id), value), key=key, device_id=device_id
            )
            self._guessed[key] = known
            self._async_schedule_save()
        self._counted.add(key)
        description = self._override(known)
        self._async_adapt_registry(description)
        return description

    @callback
    def async_replace(self, description: DatapointDescription) -> None:
        """Keep what an entity learned about its datapoint, but not what the user said."""
        key = description.key
        if key in self._curated:
            return  # there is nothing to learn
        guess = self._guessed.get(key, description)
        override = self._overrides.get(key, {})
        self._guessed[key] = learned(guess, description, override)
        self._async_schedule_save()

    @callback
    def async_forget(self, key: str) -> None:
        """Forget a datapoint; it is guessed anew when it comes again."""
        self._curated.pop(key, None)
        self._guessed.pop(key, None)
        self._counted.discard(key)
        self._async_schedule_save()

    @callback
    def async_take_deleted(
        self, event: Event[er.EventEntityRegistryUpdatedData]
    ) -> str | None:
        """Return the datapoint whose entity, live, disabled or long gone, was deleted."""
        data = event.data
        entity_id = data["entity_id"]
        if data["action"] == "remove":
            if (key := self._keys.pop(entity_id, None)) is not None:
                del self._entity_ids[key]
            return key
        if data["action"] == "create" or data.get("old_entity_id") in self._keys:
            entity = er.async_get(self._hass).async_get(entity_id)
            if entity and entity.config_entry_id == self._entry.entry_id:
                self._async_note(entity)
        return None

    @callback
    def _async_note(self, entity: er.RegistryEntry) -> None:
        """Note which datapoint an entity shows, if it shows one."""
        prefix = datapoint_unique_id(self._entry, "")
        if entity.unique_id.startswith(prefix):
            key = entity.unique_id.removeprefix(prefix)
            self._keys.pop(self._entity_ids.get(key, ""), None)
            self._keys[entity.entity_id] = key
            self._entity_ids[key] = entity.entity_id

    def is_hidden(self, key: str) -> bool:
        """Tell whether the user wants a datapoint out of sight."""
        return bool(self._overrides.get(key, {}).get(CONF_HIDDEN))

    def named_options(self, key: str) -> int:
        """Return how many choices the user named for a datapoint."""
        return len(self._overrides.get(key, {}).get(CONF_OPTIONS, ()))

    def report_rule(self, key: str, default: ReportRule) -> ReportRule:
        """Return when the value of a datapoint is reported, by default as the hub says."""
        return ReportRule.of(self._overrides.get(key, {}), default)

    def _override(self, guessed: DatapointDescription) -> DatapointDescription:
        """Return a guess with the user's word before it."""
        if (override := self._overrides.get(guessed.key)) is None:
            return guessed
        if fault := check(override, guessed):
            _LOGGER.warning(
                "%s: The %s set for the datapoint %s does not suit it and is left out; "
                "edit the datapoint in the hub",
                self._entry.title,
                fault.field,
                guessed.key,
            )
        shown = apply(guessed, override)
        if guessed.translation_key is None:
            return shown
        if shown.platform is not guessed.platform:  # which has other texts
            return replace(shown, translation_key=None, translation_placeholders=())
        return replace(shown, is_renamed=shown.name != guessed.name)

    @callback
    def _async_adapt_registry(self, description: DatapointDescription) -> None:
        """Let the entity registry follow an override that came, changed or went."""
        registry = er.async_get(self._hass)
        entity_id = self._entity_ids.get(description.key, "")
        if (entity := registry.async_get(entity_id)) is None:
            return
        if entity.domain != description.platform:
            # It comes again on the other platform: no deletion by the user.
            del self._entity_ids[description.key], self._keys[entity_id]
            registry.async_remove(entity_id)
            return
        self._async_adapt_entity(entity, description)

    @callback
    def _async_adapt_entity(
        self, entity: er.RegistryEntry, description: DatapointDescription
    ) -> None:
        """Apply once what the user said of sight and unit, and undo it when that is over.

        What is set in the entity's settings afterwards stays. Home Assistant itself would go
        on converting to the unit that was shown first.
        """
        registry = er.async_get(self._hass)
        integration = er.RegistryEntryHider.INTEGRATION
        said = self._overrides.get(description.key, {})
        unit = description.native_unit_of_measurement
        wanted = {CONF_UNIT: unit} if CONF_UNIT in said else {}
        if said.get(CONF_HIDDEN):
            wanted[CONF_HIDDEN] = "yes"
        applied = dict(entity.options.get(DOMAIN, {}))
        if wanted != applied:
            options = wanted or None
            registry.async_update_entity_options(entity.entity_id, DOMAIN, options)
        if entity.hidden_by is integration:  # it was created so
            applied[CONF_HIDDEN] = "yes"
        if wanted.get(CONF_HIDDEN) != applied.get(CONF_HIDDEN):
            hide = integration if CONF_HIDDEN in wanted else None
            if entity.hidden_by in {None, integration}:
                registry.async_update_entity(entity.entity_id, hidden_by=hide)
        if wanted.get(CONF_UNIT) != applied.get(CONF_UNIT) and (
            CONF_UNIT not in entity.options.get(entity.domain, {})
        ):
            private = f"{entity.domain}.private"
            registry.async_update_entity_options(entity.entity_id, private, None)
            registry.async_update_entity(entity.entity_id, unit_of_measurement=unit)

    @callback
    def _async_schedule_save(self) -> None:
        """Save soon."""
        self._unsaved = True
        self._store.async_delay_save(self._data_to_save, _SAVE_DELAY)

    @callback
    def _data_to_save(self) -> dict[str, dict[str, object]]:
        """Return the descriptions to store."""
        self._unsaved = False
        return {key: to_dict(guessed) for key, guessed in self._guessed.items()}


def datapoint_store(
    hass: HomeAssistant, entry_id: str
) -> Store[dict[str, dict[str, object]]]:
    """Return where the datapoints of an entry are kept."""
    return Store(hass, STORAGE_VERSION, f"{DOMAIN}.{entry_id}.datapoints")


def datapoint_unique_id(entry: ConfigEntry, key: str) -> str:
    """Return the unique id of a datapoint's entity."""
    return f"{entry.entry_id}_datapoint_{key}"
