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
    connectors = [
        entry.runtime_data.connector
        for entry in hass.config_entries.async_loaded_entries(DOMAIN)
    ]
    return {
        "hubs": len(hass.config_entries.async_entries(DOMAIN, include_disabled=False)),
        "connected": sum(connector.online for connector in connectors),
        "datapoints": sum(len(connector.datapoints) for connector in connectors),
        "messages": sum(connector.statistics.messages for connector in connectors),
        "parse_errors": sum(
            connector.statistics.parse_errors for connector in connectors
        ),
        "field_errors": sum(
            connector.statistics.field_errors for connector in connectors
        ),
        "dropped_frames": sum(connector.dropped_frames for connector in connectors),
    }
