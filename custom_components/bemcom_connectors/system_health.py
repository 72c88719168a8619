"""System health: the hubs at a glance."""

from typing import Any

from homeassistant.components.system_health import SystemHealthRegistration
from homeassistant.core import HomeAssistant, callback

from .const import DOMAIN


@callback
def async_register(hass: HomeAssistant, register: SystemHealthRegistration) -> None:
    """Register what system health shows of the integration."""
    register.async_register_info(async_info)


async def async_info(hass: HomeAssistant) -> dict[str, Any]:
    """Return how many hubs there are, how they are, and what they count."""
    hubs = [
        entry.runtime_data for entry in hass.config_entries.async_loaded_entries(DOMAIN)
    ]
    connectors = [hub.connector for hub in hubs]
    mirrors = [hub.mirror for hub in hubs if hub.mirror.is_on]
    statistics = [connector.statistics for connector in connectors]
    entries = hass.config_entries.async_entries(
        DOMAIN, include_ignore=False, include_disabled=False
    )
    return {
        "hubs": len(entries),
        "connected": sum(connector.online for connector in connectors),
        "datapoints": sum(len(connector.datapoints) for connector in connectors),
        "messages": sum(it.messages for it in statistics),
        "parse_errors": sum(it.parse_errors for it in statistics),
        "field_errors": sum(it.field_errors for it in statistics),
        "dropped_frames": sum(connector.dropped_frames for connector in connectors),
        "commands": sum(it.commands for it in statistics),
        "command_errors": sum(it.command_errors for it in statistics),
        "mirrors": len(mirrors),
        "mirrors_connected": sum(it.is_connected for it in mirrors),
        "mirror_dropped": sum(it.dropped for it in mirrors),
    }
