"""Devices: the hub itself, and those that share its link."""

from collections.abc import Mapping

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import ChildDeviceInfo, DeviceInfo

from .connector.devices import Device
from .connector.encoding import render_template
from .connector_types import offered_connectors
from .const import (
    CONF_CONNECTOR_TYPE,
    CONF_DEVICE_NAME,
    CONF_HUB_KIND,
    DOMAIN,
    HUB_OCPP,
    HUB_SERIAL,
    HUB_TCP,
)

MANUFACTURER = "BEMCom Connectors"
DEFAULT_DEVICE_NAME = "${hub} ${device_id}"

_MODELS = {
    HUB_TCP: "TCP hub",
    HUB_SERIAL: "Serial hub",
    HUB_OCPP: "OCPP central system",
}


@callback
def register_hub(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Register the device of a hub, which those behind it refer to."""
    kind = entry.data.get(CONF_CONNECTOR_TYPE, "")
    offered = offered_connectors(hass).get(kind)
    dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id,
        identifiers={(DOMAIN, entry.entry_id)},
        manufacturer=(offered and offered.manufacturer) or MANUFACTURER,
        model=offered.name if offered else _MODELS[entry.data[CONF_HUB_KIND]],
        name=entry.title,
    )


@callback
def register_device(hass: HomeAssistant, entry: ConfigEntry, device_id: str) -> None:
    """Register a device on the link of a hub, or tell the registry what it is now."""
    dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id,
        identifiers={device_identifier(entry, device_id)},
        manufacturer=MANUFACTURER,
        model=_kind_of(entry, device_id),
        name=_name_of(entry, device_id),
        via_device_id=hub_device_id(hass, entry),
    )


@callback
def device_info(
    hass: HomeAssistant, entry: ConfigEntry, device_id: str | None
) -> DeviceInfo | ChildDeviceInfo:
    """Describe one of the devices that share the link of a hub; None: the hub itself."""
    if device_id is None:
        return DeviceInfo(identifiers={(DOMAIN, entry.entry_id)})
    if entry.data.get(CONF_HUB_KIND) == HUB_OCPP:
        info: DeviceInfo | ChildDeviceInfo = entry.runtime_data.ocpp.device_info(
            device_id
        )
        return info
    return DeviceInfo(
        identifiers={device_identifier(entry, device_id)},
        manufacturer=MANUFACTURER,
        model=_kind_of(entry, device_id),
        name=_name_of(entry, device_id),
        via_device_id=hub_device_id(hass, entry),
    )


def device_identifier(entry: ConfigEntry, device_id: str) -> tuple[str, str]:
    """Return what a device on the link of a hub is known by in the registry."""
    return (DOMAIN, f"{entry.entry_id}_{device_id}")


def device_id_of(entry: ConfigEntry, device: dr.AnyDeviceEntry) -> str | None:
    """Return the id on the link of a device of a hub; None: it is no device on its link."""
    prefix = device_identifier(entry, "")[1]
    for domain, identifier in device.identifiers:
        if domain == DOMAIN and identifier.startswith(prefix):
            return identifier.removeprefix(prefix)
    return None


def _registered(entry: ConfigEntry, device_id: str) -> Device | None:
    """Return a device that somebody registered."""
    named: Mapping[str | None, Device] = entry.runtime_data.connector.devices.named
    return named.get(device_id)


def _kind_of(entry: ConfigEntry, device_id: str) -> str | None:
    """Return what kind of device it is, as far as somebody said."""
    device = _registered(entry, device_id)
    return None if device is None else device.type


def _name_of(entry: ConfigEntry, device_id: str) -> str:
    """Return the name that somebody gave a device, or the one it has from its hub."""
    device = _registered(entry, device_id)
    if device is not None and device.name:
        return device.name
    template = entry.options.get(CONF_DEVICE_NAME) or DEFAULT_DEVICE_NAME
    return render_template(template, {"hub": entry.title, "device_id": device_id})


def hub_device_id(hass: HomeAssistant, entry: ConfigEntry) -> str:
    """Return the device of the hub, which those behind it refer to."""
    return dr.async_get_device_id_by_identifier(
        hass, (DOMAIN, entry.entry_id), config_entry_id=entry.entry_id
    )
