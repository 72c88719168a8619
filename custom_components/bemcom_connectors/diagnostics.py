"""Diagnostics: what came in lately, and what became of it."""

from dataclasses import asdict
from typing import Any

from homeassistant.components.diagnostics import REDACTED, async_redact_data
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import (
    CONF_DEVICE,
    CONF_HOST,
    CONF_NAME,
    CONF_PASSWORD,
    CONF_USERNAME,
)
from homeassistant.core import HomeAssistant

from .connector.model import JsonValue
from .const import (
    CONF_ID_TAG,
    CONF_PARENT,
    CONF_REQUEST,
    CONF_SETTINGS,
    SUBENTRY_ACTUATOR,
    SUBENTRY_CHARGE_POINT,
    SUBENTRY_DATAPOINT,
    SUBENTRY_ID_TAG,
)
from .coordinator import BemcomConfigEntry, ConnectorCoordinator
from .serial_ports import is_url
from .stored_descriptions import to_dict

# What is sent to a device, and the replies to it, may have a password in them.
_SENT = {
    "template",
    "payload",
    "payload_on",
    "payload_off",
    "choices",
    "prefix",
    "suffix",
    "reply_prefix",
    "reply_pattern",
    "reply_error_pattern",
}
# Of what is sent to a device again and again, and of the broker of a mirror.
_OPTIONS = {CONF_REQUEST, CONF_HOST, CONF_USERNAME, CONF_PASSWORD}
# Of charge points and id tags.
_CREDENTIALS = {CONF_PASSWORD, CONF_ID_TAG, CONF_PARENT}


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
            "options": async_redact_data(entry.options, _OPTIONS),
            "overrides": _subentries(entry, SUBENTRY_DATAPOINT),
            "actuators": async_redact_data(
                _subentries(entry, SUBENTRY_ACTUATOR), _SENT
            ),
            "charge_points": async_redact_data(
                _subentries(entry, SUBENTRY_CHARGE_POINT), _CREDENTIALS
            ),
            "id_tags": async_redact_data(
                _subentries(entry, SUBENTRY_ID_TAG), _CREDENTIALS | {CONF_NAME}
            ),
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
        "datapoints": _datapoints(coordinator),
        "unusable_actuators": sorted(coordinator.actuators.commands.unusable),
        "converter_output": _converter_output(coordinator),
        "messages": [_message(*message) for message in connector.history],
        "mirror": coordinator.mirror.diagnostics(),
        "ocpp": coordinator.ocpp and coordinator.ocpp.diagnostics(),
    }


def _datapoints(coordinator: ConnectorCoordinator) -> dict[str, Any]:
    """Return how the datapoints look, and their values but for those that name somebody."""
    ocpp = coordinator.ocpp
    return {
        key: {
            **to_dict(description),
            "value": REDACTED
            if ocpp is not None and ocpp.is_private(key)
            else coordinator.data.get(key),
        }
        for key, description in coordinator.descriptions.items()
    }


def _subentries(entry: BemcomConfigEntry, kind: str) -> list[dict[str, Any]]:
    """Return what the user said in the subentries of a kind."""
    return [
        dict(it.data) for it in entry.subentries.values() if it.subentry_type == kind
    ]


def _converter_output(coordinator: ConnectorCoordinator) -> list[str]:
    """Return what the user's converters have printed lately."""
    return [line for it in coordinator.converters for line in it.output]


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
