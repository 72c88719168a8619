"""What an action is, and which hub, and which device on its link, it is for."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, NamedTuple

import voluptuous as vol

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import device_registry as dr

from .const import CONF_CONNECTOR_NAME, DOMAIN
from .coordinator import BemcomConfigEntry
from .device_info import device_id_of

ATTR_HUB = "hub"
ATTR_DEVICE = "device"
ATTR_DEVICE_ID = "device_id"
ATTR_EXPIRES_AFTER = "expires_after"

# What is sent later than this is a schedule.
MAX_EXPIRY = 86_400

EXPIRY = {
    vol.Optional(ATTR_EXPIRES_AFTER): vol.All(
        vol.Coerce(float), vol.Range(0, MAX_EXPIRY)
    )
}

# What a hub may be called by; the first that is one hub's alone counts.
_NAMES: tuple[Callable[[ConfigEntry], str | None], ...] = (
    lambda entry: entry.entry_id,
    lambda entry: entry.data.get(CONF_CONNECTOR_NAME),
    lambda entry: entry.title,
)


class Action(NamedTuple):
    """An action: its name, what carries it out, its fields, and whether it answers."""

    name: str
    handler: Callable[[ServiceCall], Coroutine[Any, Any, ServiceResponse]]
    schema: vol.Schema
    supports_response: SupportsResponse = SupportsResponse.NONE


@callback
def hub_entry(hass: HomeAssistant, data: Mapping[str, Any]) -> BemcomConfigEntry:
    """Return the hub that an action is for, which must be loaded.

    It is named by its entry, its connector or its title, or by a device of Home Assistant's
    that is on its link; where there is only one hub it need not be named.
    """
    if (hub := data.get(ATTR_HUB)) is not None:
        entry = _named_hub(hass, hub)
    elif (device := data.get(ATTR_DEVICE)) is not None:
        if (found := _hub_of(hass, device)) is None:
            raise _unknown_device("BEMCom Connectors", device)
        entry = found
    else:
        # What may be an id on the link as well says nothing where it is one.
        device = data.get(ATTR_DEVICE_ID, "")
        entry = _hub_of(hass, device) or _only_hub(hass)
    if entry.state is not ConfigEntryState.LOADED:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="hub_not_loaded",
            translation_placeholders={"name": entry.title},
        )
    return entry


@callback
def device_on_link(
    hass: HomeAssistant, entry: BemcomConfigEntry, text: str
) -> str | None:
    """Return the id on the link of a device, None being the hub itself.

    `text` is the id of a device of Home Assistant's, or the id on the link of one that is
    registered or was seen. The hub itself has the name of its connector there.
    """
    if (device := dr.async_get(hass).async_get(text)) is not None:
        return _id_on_link(entry, device)
    if text in {"", entry.data[CONF_CONNECTOR_NAME]}:
        return None
    if not entry.runtime_data.link_devices.knows(text):
        raise _unknown_device(entry.title, text)
    return text


def _id_on_link(entry: ConfigEntry, device: dr.AnyDeviceEntry) -> str | None:
    """Return the id on the link of a device of Home Assistant's; None: the hub itself."""
    if (DOMAIN, entry.entry_id) in device.identifiers:
        return None
    if (device_id := device_id_of(entry, device)) is not None:
        return device_id
    raise _unknown_device(entry.title, device.name_by_user or device.name or device.id)


def _named_hub(hass: HomeAssistant, name: str) -> BemcomConfigEntry:
    """Return the hub of a name."""
    entries = hass.config_entries.async_entries(DOMAIN, include_ignore=False)
    for name_of in _NAMES:
        found = [entry for entry in entries if name_of(entry) == name]
        if len(found) == 1:
            return found[0]
    raise ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key="hub_unknown",
        translation_placeholders={"hub": f"{name:.100}"},
    )


def _hub_of(hass: HomeAssistant, device_id: str) -> BemcomConfigEntry | None:
    """Return the hub of a device of Home Assistant's; None where it is no hub's."""
    return dr.async_get_device_and_config_entry_for_domain(
        hass, device_id, domain=DOMAIN
    )[1]


def _only_hub(hass: HomeAssistant) -> BemcomConfigEntry:
    """Return the hub where there is one only."""
    entries = hass.config_entries.async_entries(
        DOMAIN, include_ignore=False, include_disabled=False
    )
    if len(entries) != 1:
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="hub_missing"
        )
    return entries[0]


def _unknown_device(name: str, device: str) -> ServiceValidationError:
    """Return the error of a device that a hub does not have."""
    return ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key="device_unknown",
        translation_placeholders={"name": name, "device": f"{device:.100}"},
    )
