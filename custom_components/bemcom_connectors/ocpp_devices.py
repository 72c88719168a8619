"""Devices of an OCPP hub: its charge points, and their connectors as parts of those."""

from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_ID
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import ChildDeviceInfo, DeviceInfo
from homeassistant.helpers.storage import Store

from .const import DOMAIN
from .device_info import device_identifier, hub_device_id
from .ocpp.model import Identity, device_id_of
from .values import printable

STORAGE_VERSION = 1

_NOBODY = Identity()


@callback
def charge_point_info(
    hass: HomeAssistant, entry: ConfigEntry, subentry_id: str, identity: Identity
) -> DeviceInfo:
    """Describe a charge point; before it ever booted, only its name is known."""
    subentry = entry.subentries[subentry_id]
    identifiers = {_identifier(entry, subentry_id)}
    hub = hub_device_id(hass, entry)
    if identity == _NOBODY:
        return DeviceInfo(
            identifiers=identifiers, name=subentry.title, via_device_id=hub
        )
    return DeviceInfo(
        identifiers=identifiers,
        name=subentry.title,
        manufacturer=_said(identity.vendor),
        model=_said(identity.model),
        serial_number=_said(identity.serial_number),
        sw_version=_said(identity.firmware_version),
        via_device_id=hub,
    )


@callback
def connector_info(
    hass: HomeAssistant, entry: ConfigEntry, subentry_id: str, connector_id: int
) -> ChildDeviceInfo:
    """Describe a connector of a charge point that is registered."""
    return ChildDeviceInfo(
        identifiers={_identifier(entry, subentry_id, connector_id)},
        parent_device_id=dr.async_get_device_id_by_identifier(
            hass, _identifier(entry, subentry_id), config_entry_id=entry.entry_id
        ),
        translation_key="connector",
        translation_placeholders={"number": str(connector_id)},
    )


@callback
def register_charge_point(
    hass: HomeAssistant, entry: ConfigEntry, subentry_id: str, identity: Identity
) -> None:
    """Register a charge point of a hub, or tell the registry what it is now."""
    dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id,
        config_subentry_id=subentry_id,
        **charge_point_info(hass, entry, subentry_id, identity),
    )


@callback
def register_connector(
    hass: HomeAssistant, entry: ConfigEntry, subentry_id: str, connector_id: int
) -> None:
    """Register a connector of a charge point that is registered."""
    dr.async_get(hass).async_get_or_create_child(
        config_entry_id=entry.entry_id,
        config_subentry_id=subentry_id,
        **connector_info(hass, entry, subentry_id, connector_id),
    )


def _identifier(
    entry: ConfigEntry, subentry_id: str, connector_id: int = 0
) -> tuple[str, str]:
    """Return what a connector, or with 0 its charge point, is known by in the registry."""
    charge_point_id: str = entry.subentries[subentry_id].data[CONF_ID]
    return device_identifier(entry, device_id_of(charge_point_id, connector_id))


def _said(text: str) -> str | None:
    """Return what a charge point said of itself, which may be anything."""
    return printable(text).strip() or None


def ocpp_store(hass: HomeAssistant, entry_id: str) -> Store[dict[str, Any]]:
    """Return where the transactions and more of an entry are kept; it has id tags in it."""
    return Store(
        hass,
        STORAGE_VERSION,
        f"{DOMAIN}.{entry_id}.ocpp",
        private=True,
        # A snapshot is nobody else's, and that of many charge points is long.
        serialize_in_event_loop=False,
    )
