"""Diagnostics: what came in lately, and what became of it."""

from dataclasses import asdict
from typing import Any

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.const import CONF_HOST
from homeassistant.core import HomeAssistant

from .connector.base import HistoryEntry
from .coordinator import BemcomConfigEntry
from .descriptions import to_dict

TO_REDACT = {CONF_HOST}


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: BemcomConfigEntry
) -> dict[str, Any]:
    """Return diagnostics for a hub."""
    coordinator = entry.runtime_data
    connector = coordinator.connector
    return {
        "entry": {
            "data": async_redact_data(entry.data, TO_REDACT),
            "options": dict(entry.options),
        },
        "link": {
            "online": connector.online,
            "reason": connector.error.reason if connector.error else None,
        },
        "statistics": {
            **asdict(connector.statistics),
            "dropped_frames": connector.dropped_frames,
        },
        "datapoints": {
            key: {**to_dict(description), "value": coordinator.data.get(key)}
            for key, description in coordinator.descriptions.items()
        },
        "messages": [_message(entry) for entry in connector.history],
    }


def _message(entry: HistoryEntry) -> dict[str, Any]:
    """Show a message in hex and in text, and what became of it."""
    timestamp, payload, size, outcome = entry
    shown: dict[str, Any] = {"timestamp": timestamp, "outcome": outcome}
    if isinstance(payload, bytes):
        return {
            **shown,
            "size": size,
            "hex": payload.hex(),
            "text": payload.decode("utf-8", "backslashreplace"),
        }
    return {**shown, "payload": payload}
