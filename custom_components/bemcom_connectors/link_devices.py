"""The devices on the link of a hub: those that were registered, and those that were seen."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import Platform
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.device_registry import ChildDeviceInfo, DeviceInfo
from homeassistant.helpers.storage import Store

from .connector.base import Connector
from .connector.devices import Device
from .connector.listener import Listener
from .connector.model import JsonValue
from .const import CONF_HUB_KIND, DOMAIN, HUB_OCPP
from .device_info import device_identifier, device_info, register_device

STORAGE_VERSION = 1

# A hub takes so many registered devices.
MAX_DEVICES = 500

_FIELDS = set(Device._fields)

type AddDevices = Callable[[Iterable[str | None]], None]


class LinkDevices(Listener):
    """Which devices a hub has, over restarts, and who shows their messages.

    A registered device has a kind and a name, and is there before it says anything.
    """

    def __init__(
        self, hass: HomeAssistant, entry: ConfigEntry, connector: Connector
    ) -> None:
        """Know the hub itself."""
        self._hass = hass
        self._entry = entry
        self._connector = connector
        # Whose devices are charge points, and tell what happens in events of their own.
        self._is_ocpp = entry.data.get(CONF_HUB_KIND) == HUB_OCPP
        self._store = device_store(hass, entry.entry_id)
        self._named = connector.devices.named
        self._named[None] = Device(connector.name, name=entry.title)
        # Those that an entity shows the messages of, and those that came before the platform.
        self._shown: set[str | None] = set() if self._is_ocpp else {None}
        self._add: AddDevices | None = None

    async def async_load(self) -> None:
        """Load the registered devices, and listen; the coordinator must listen already."""
        stored = await self._store.async_load() or {}
        for device in _devices_in(stored):
            self._named[device.id] = device
            self._shown.add(device.id)
        self._entry.async_on_unload(self._connector.add_listener(self))
        self._entry.async_on_unload(
            self._hass.bus.async_listen(
                dr.EVENT_DEVICE_REGISTRY_UPDATED, self._async_registry_updated
            )
        )

    # What others ask

    def is_registered(self, device_id: str | None) -> bool:
        """Tell whether somebody registered a device; the hub itself nobody needs to."""
        return device_id is not None and device_id in self._named

    def knows(self, device_id: str) -> bool:
        """Tell whether a device is registered, or was seen in this run or an earlier one."""
        return device_id in self._named or self._entry_of(device_id) is not None

    def has_entity(self, device_id: str) -> bool:
        """Tell whether there is an entity for the messages of a device, enabled or not."""
        return device_id in self._shown

    def device_info(self, device_id: str | None) -> DeviceInfo | ChildDeviceInfo:
        """Describe a device for its entities."""
        return device_info(self._hass, self._entry, device_id)

    def message_unique_id(self, device_id: str | None) -> str:
        """Return the unique id of the entity for the messages of a device."""
        return f"{self._entry.entry_id}_message_{device_id or ''}"

    @callback
    def async_add_platform(self, add: AddDevices) -> None:
        """Give `add` the devices: those there are, and new ones."""
        self._add = add
        add(self._shown)

    # Registering

    async def async_register(self, device: Device) -> None:
        """Have a device, or know another kind or name of it, from now on."""
        self._check_registrable()
        if device.id not in self._named and len(self._named) > MAX_DEVICES:
            raise ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="too_many_devices",
                translation_placeholders={
                    "name": self._entry.title,
                    "limit": str(MAX_DEVICES),
                },
            )
        is_new = self._named.get(device.id) != device
        self._named[device.id] = device
        register_device(self._hass, self._entry, device.id)
        self._async_forget_disabled(device.id)
        self._async_show(device.id)
        if is_new:
            await self._async_save()

    async def async_unregister(self, device_id: str) -> None:
        """Have a device no more; one that was only seen comes again when it speaks."""
        self._check_registrable()
        self._named.pop(device_id, None)
        if (device := self._entry_of(device_id)) is not None:
            dr.async_get(self._hass).async_remove_device(device.id)
        self._shown.discard(device_id)
        await self._async_save()

    def _check_registrable(self) -> None:
        """Refuse to add or remove devices where they are charge points."""
        if self._is_ocpp:
            raise ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="device_registration_unsupported",
                translation_placeholders={"name": self._entry.title},
            )

    # What happens

    @override
    @callback
    def on_datapoints(
        self, added: Mapping[str, JsonValue], device_id: str | None
    ) -> None:
        """Show a device that has datapoints; those there is no room for were forgotten."""
        if any(key in self._connector.datapoints for key in added):
            self._async_show(device_id)

    @callback
    def _async_show(self, device_id: str | None) -> None:
        """Have an entity for the messages of a device."""
        if device_id not in self._shown and not self._is_ocpp:
            self._shown.add(device_id)
            if self._add is not None:
                self._add([device_id])

    @callback
    def _async_registry_updated(
        self, event: Event[dr.EventDeviceRegistryUpdatedData]
    ) -> None:
        """Let go of a device that was deleted, whoever did it."""
        if event.data["action"] != "remove":
            return
        removed = event.data["device"]
        if removed.get("config_entry_id") != self._entry.entry_id:
            return
        gone = {it[1] for it in removed["identifiers"] if it[0] == DOMAIN}
        for device_id in [it for it in self._shown if it is not None]:
            if device_identifier(self._entry, device_id)[1] in gone:
                self._shown.discard(device_id)
                if self._named.pop(device_id, None) is not None:
                    self._entry.async_create_task(self._hass, self._async_save())

    @callback
    def _async_forget_disabled(self, device_id: str) -> None:
        """Let the entity of a device that was only seen be enabled, unless the user said no.

        It is made anew, as enabling it would have Home Assistant set up the hub again.
        """
        registry = er.async_get(self._hass)
        key = (Platform.EVENT.value, DOMAIN, self.message_unique_id(device_id))
        by_integration = er.RegistryEntryDisabler.INTEGRATION
        entity_id = registry.async_get_entity_id(*key)
        if entity_id is not None and (entity := registry.async_get(entity_id)):
            if entity.disabled_by is not by_integration:
                return
            registry.async_remove(entity_id)
            self._shown.discard(device_id)
        # What was deleted would be as disabled as it was.
        deleted = registry.deleted_entities.get(key)
        if deleted is not None and deleted.disabled_by is by_integration:
            del registry.deleted_entities[key]

    def _entry_of(self, device_id: str) -> dr.AnyDeviceEntry | None:
        """Return the device in Home Assistant's registry."""
        registry = dr.async_get(self._hass)
        found = (device_identifier(self._entry, device_id), self._entry.entry_id)
        return registry.async_get_device_by_identifier(
            *found
        ) or registry.async_get_child_device_by_identifier(*found)

    async def _async_save(self) -> None:
        """Keep the registered devices."""
        await self._store.async_save(
            {"devices": [it._asdict() for key, it in self._named.items() if key]}
        )


def device_store(hass: HomeAssistant, entry_id: str) -> Store[dict[str, Any]]:
    """Return where the registered devices of an entry are kept."""
    return Store(hass, STORAGE_VERSION, f"{DOMAIN}.{entry_id}.devices")


async def async_forget_device(
    hass: HomeAssistant, entry: ConfigEntry, device: dr.AnyDeviceEntry
) -> None:
    """Keep a device no longer that the user deletes while its hub is not loaded."""
    store = device_store(hass, entry.entry_id)
    if (stored := await store.async_load()) is None:
        return
    kept = [
        it._asdict()
        for it in _devices_in(stored)
        if device_identifier(entry, it.id) not in device.identifiers
    ]
    await store.async_save({"devices": kept})


def _devices_in(stored: Mapping[str, Any]) -> list[Device]:
    """Return the devices that were kept, and nothing else that is there."""
    found = stored.get("devices")
    return [
        Device(**it)
        for it in (found if isinstance(found, list) else [])
        if isinstance(it, dict)
        and set(it) == _FIELDS
        and all(isinstance(value, str) for value in it.values())
        and it["id"]
    ]
