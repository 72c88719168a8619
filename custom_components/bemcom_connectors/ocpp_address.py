"""The URL at which charge points reach a hub."""

from collections.abc import Mapping
from typing import Any

from homeassistant.components.network import async_get_source_ip
from homeassistant.const import CONF_HOST, CONF_PORT
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError

from .const import CONF_CERTIFICATE

# Where this machine has no address that it knows of.
_NAME = "homeassistant.local"


async def async_url(hass: HomeAssistant, data: Mapping[str, Any]) -> str:
    """Return what is entered in a wallbox; it appends its id."""
    host = data.get(CONF_HOST)
    if not host:
        try:
            host = await async_get_source_ip(hass)
        except HomeAssistantError:
            host = _NAME
    if ":" in host:
        host = f"[{host}]"
    scheme = "wss" if data.get(CONF_CERTIFICATE) else "ws"
    return f"{scheme}://{host}:{data[CONF_PORT]}/"
