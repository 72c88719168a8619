"""Serial ports: their lasting names, and who uses them."""

import os

from homeassistant.components.usb import get_serial_by_id
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant

from .const import DOMAIN

# Where integrations keep the path of the port they use.
_PORT_KEYS = ("device", "serial_port", "port", "usb_path", "device_path")
# A hub that cannot open its port right now still claims it.
_CLAIMING = {
    ConfigEntryState.LOADED,
    ConfigEntryState.SETUP_RETRY,
    ConfigEntryState.SETUP_IN_PROGRESS,
    ConfigEntryState.UNLOAD_IN_PROGRESS,
    ConfigEntryState.FAILED_UNLOAD,
}


def is_url(device: str) -> bool:
    """Tell a port on the network from one of this machine."""
    return "://" in device


async def async_lasting_path(hass: HomeAssistant, device: str) -> str:
    """Return a path that stays the same when the device is plugged in elsewhere."""
    if is_url(device):
        return device
    return await hass.async_add_executor_job(get_serial_by_id, device)


async def async_find_owner(
    hass: HomeAssistant, device: str, besides: str | None = None
) -> ConfigEntry | None:
    """Return the entry that uses a port, `besides` the one with this entry id."""
    claims: list[tuple[ConfigEntry, str]] = []
    for entry in hass.config_entries.async_entries(include_ignore=False):
        if entry.entry_id == besides:
            continue
        if entry.domain == DOMAIN or entry.state in _CLAIMING:
            paths = (_path(entry.data.get(key)) for key in _PORT_KEYS)
            claims.extend((entry, path) for path in paths if path)
    return await hass.async_add_executor_job(_find, claims, device)


def _path(value: object) -> str | None:
    """Return the path of a port; zha keeps it one level deeper."""
    if isinstance(value, dict):
        value = value.get("path")
    return value if isinstance(value, str) and "/" in value else None


def _find(claims: list[tuple[ConfigEntry, str]], device: str) -> ConfigEntry | None:
    """Return the first that claims a port under any of its names."""
    wanted = _resolve(device)
    return next((entry for entry, path in claims if _resolve(path) == wanted), None)


def _resolve(device: str) -> str:
    """Return the one name that all names of a port lead to."""
    return device if is_url(device) else os.path.realpath(device)
