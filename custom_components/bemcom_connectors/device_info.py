"""Devices: the hub itself, and those that share its link."""

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import DeviceInfo

from .connector.encoding import render_template
from .const import CONF_DEVICE_NAME, CONF_HUB_KIND, DOMAIN, HUB_SERIAL, HUB_TCP

MANUFACTURER = "BEMCom Connectors"
DEFAULT_DEVICE_NAME = "${hub} ${device_id}"

_MODELS = {HUB_TCP: "TCP hub", HUB_SERIAL: "Serial hub"}


@callback
def register_hub(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Register the device of a hub, which those behind it refer to."""
    dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id,
        identifiers={(DOMAIN, entry.entry_id)},
        manufacturer=MANUFACTURER,
        model=_MODELS[entry.data[CONF_HUB_KIND]],
        name=entry.title,
    )


@callback
def device_info(
    hass: HomeAssistant, entry: ConfigEntry, device_id: str | None
) -> DeviceInfo:
    """Describe one of the devices that share the link of a hub; None: the hub itself."""
    hub = (DOMAIN, entry.entry_id)
    if device_id is None:
        return DeviceInfo(identifiers={hub})
    template = entry.options.get(CONF_DEVICE_NAME) or DEFAULT_DEVICE_NAME
    name = render_template(template, {"hub": entry.title, "device_id": device_id})
    return DeviceInfo(
        identifiers={(DOMAIN, f"{entry.entry_id}_{device_id}")},
        manufacturer=MANUFACTURER,
        name=name,
        via_device_id=dr.async_get_device_id_by_identifier(
            hass, hub, config_entry_id=entry.entry_id
        ),
    )
