"""What the entry of Home Assistant's own MQTT integration says, whether it runs or not."""

import asyncio
from collections.abc import Mapping
import ipaddress
import socket
from typing import Any

from homeassistant.components.network import async_get_adapters
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_DISCOVERY, CONF_PORT
from homeassistant.core import HomeAssistant

from .bemcom.broker_options import DEFAULT_PORT
from .mirror_options import CONF_DISCOVERY_PREFIX, DEFAULT_DISCOVERY_PREFIX

MQTT = "mqtt"
_BROKER = "broker"

# What Home Assistant calls the broker that is its app. Others know it by the machine.
_APP = "core-mosquitto"
_HERE = "this machine"


def mqtt_entry(hass: HomeAssistant) -> ConfigEntry | None:
    """Return the entry of MQTT, of which there is one at most; None: none, or it is disabled.

    Whether its broker can be reached is another question.
    """
    entries = hass.config_entries.async_entries(
        MQTT, include_ignore=False, include_disabled=False
    )
    return entries[0] if entries else None


async def async_discovers(
    hass: HomeAssistant, host: str, port: int, prefix: str
) -> bool:
    """Tell whether Home Assistant itself takes up what is announced on a broker."""
    if (entry := mqtt_entry(hass)) is None:
        return False
    settings = {**entry.data, **entry.options}
    if not _listens(settings, port, prefix):
        return False
    here = await _own_addresses(hass)
    places = await _places(settings[_BROKER], here)
    return not places.isdisjoint(await _places(host, here))


def _listens(settings: Mapping[str, Any], port: int, prefix: str) -> bool:
    """Tell whether Home Assistant listens to announcements on such a port."""
    return (
        _BROKER in settings
        and settings.get(CONF_PORT, DEFAULT_PORT) == port
        and settings.get(CONF_DISCOVERY, True)
        and settings.get(CONF_DISCOVERY_PREFIX, DEFAULT_DISCOVERY_PREFIX) == prefix
    )


async def _own_addresses(hass: HomeAssistant) -> set[str]:
    """Return the addresses of this machine."""
    return {
        address["address"]
        for adapter in await async_get_adapters(hass)
        for address in (*adapter["ipv4"], *adapter["ipv6"])
    }


async def _places(host: str, here: set[str]) -> set[str]:
    """Return where a broker is: addresses, all of this machine as the same place."""
    if host == _APP:
        return {_HERE}
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError, UnicodeError:
        # It has a name at least.
        return {host.lower()}
    addresses = {str(address[0]) for *_, address in found}
    return {
        _HERE if it in here or ipaddress.ip_address(it).is_loopback else it
        for it in addresses
    }
