"""Diagnostics: what came in lately, and what became of it."""

from dataclasses import asdict
from typing import Any

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_DEVICE, CONF_HOST
from homeassistant.core import HomeAssistant

from .connector.base import Connector
from .connector.converters import Converter
from .connector.model import JsonValue
from .connector.stream import StreamConnector
from .const import CONF_REQUEST, CONF_SETTINGS
from .coordinator import BemcomConfigEntry
from .serial_ports import is_url
from .stored_descriptions import to_dict


def _to_redact(entry: BemcomConfigEntry) -> set[str]:
    """Return what is private: an address, with a password perhaps, but no local path."""
    # Nobody but another integration knows what is private among its settings.
    private = {CONF_HOST, CONF_SETTINGS}
    return (
        private | {CONF_DEVICE} if is_url(entry.data.get(CONF_DEVICE, "")) else private
    )


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: BemcomConfigEntry
) -> dict[str, Any]:
    """Return diagnostics for a hub."""
    shown = {
        "entry": {
            "data": async_redact_data(entry.data, _to_redact(entry)),
            "options": async_redact_data(entry.options, {CONF_REQUEST}),
            "overrides": [dict(it.data) for it in entry.subentries.values()],
            "state": entry.state.value,
            "reason": entry.error_reason_translation_key,
        },
    }
    if entry.state is not ConfigEntryState.LOADED:
        return shown
    coordinator = entry.runtime_data
    connector = coordinator.connector
    return {
        **shown,
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
        "converter_output": _converter_output(connector),
        "messages": [_message(*message) for message in connector.history],
    }


def _converter_output(connector: Connector) -> list[str]:
    """Return what the user's converter has printed lately."""
    parser = connector.slow_parser if isinstance(connector, StreamConnector) else None
    return parser.output if isinstance(parser, Converter) else []


def _message(
    timestamp: int,
    payload: bytes | JsonValue,
    size: int | None,
    outcome: int | str,
) -> dict[str, Any]:
    """Show a message in hex and in text, and what became of it."""
    shown: dict[str, Any] = {"timestamp": timestamp, "outcome": outcome}
    if isinstance(payload, bytes):
        return {
            **shown,
            "size": size,
            "hex": payload.hex(),
            "text": payload.decode("utf-8", "backslashreplace"),
        }
    return {**shown, "payload": payload}
