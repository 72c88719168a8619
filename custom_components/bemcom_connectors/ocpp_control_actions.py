"""The actions that control charge points: start and stop, availability, settings, anything else."""

from typing import Any

import voluptuous as vol

from homeassistant.core import SupportsResponse
from homeassistant.helpers import config_validation as cv

from .ocpp.control import OF_CONNECTORS
from .ocpp.enums import ExtendedMessageTrigger, MessageTrigger, ResetType
from .ocpp_action import (
    ATTR_TRANSACTION_ID,
    CHARGE_POINT,
    CONNECTOR,
    TRANSACTION_ID,
    Handler,
    of_charge_point,
    one_of,
    text,
)
from .ocpp_errors import invalid_payload
from .ocpp_targets import ATTR_CONNECTOR_ID, ChargePointTarget
from .targets import Action

ATTR_ACTION = "action"
ATTR_AVAILABLE = "available"
ATTR_DATA = "data"
ATTR_KEY = "key"
ATTR_KEYS = "keys"
ATTR_MESSAGE = "message"
ATTR_MESSAGE_ID = "message_id"
ATTR_PAYLOAD = "payload"
ATTR_TYPE = "type"
ATTR_VALUE = "value"
ATTR_VENDOR_ID = "vendor_id"

_MAX_KEYS = 100


@of_charge_point
async def _async_remote_stop(
    target: ChargePointTarget, data: dict[str, Any]
) -> dict[str, Any]:
    """End what runs at a connector, or a transaction by its number."""
    transaction_id = data.get(ATTR_TRANSACTION_ID)
    connector_id = target.connector_id
    if transaction_id is None:
        connector_id = target.one_connector
    await target.charge_point.control.remote_stop(connector_id, transaction_id)
    return {"status": "Accepted"}


@of_charge_point
async def _async_change_availability(
    target: ChargePointTarget, data: dict[str, Any]
) -> dict[str, Any]:
    """Take a charge point or a connector into service, or out of it."""
    status = await target.charge_point.control.change_availability(
        target.connector_id, data[ATTR_AVAILABLE]
    )
    return {"status": status}


@of_charge_point
async def _async_reset(
    target: ChargePointTarget, data: dict[str, Any]
) -> dict[str, Any]:
    """Let a charge point start anew."""
    await target.charge_point.control.reset(ResetType(data[ATTR_TYPE]))
    return {"status": "Accepted"}


@of_charge_point
async def _async_unlock(
    target: ChargePointTarget, _data: dict[str, Any]
) -> dict[str, Any]:
    """Let go of the cable at a connector."""
    status = await target.charge_point.control.unlock(target.one_connector)
    return {"status": status}


@of_charge_point
async def _async_trigger_message(
    target: ChargePointTarget, data: dict[str, Any]
) -> dict[str, Any]:
    """Ask for a message."""
    message, connector_id = data[ATTR_MESSAGE], target.connector_id
    # A device that is a connector means something only for some messages.
    is_meant = ATTR_CONNECTOR_ID in data or message in OF_CONNECTORS
    status = await target.charge_point.control.trigger_message(
        message, connector_id if connector_id and is_meant else None
    )
    return {"status": status}


@of_charge_point
async def _async_get_configuration(
    target: ChargePointTarget, data: dict[str, Any]
) -> dict[str, Any]:
    """Read settings from a charge point."""
    keys: list[str] = data.get(ATTR_KEYS, [])
    return dict(await target.charge_point.control.get_configuration(keys))


@of_charge_point
async def _async_change_configuration(
    target: ChargePointTarget, data: dict[str, Any]
) -> dict[str, Any]:
    """Change a setting of a charge point."""
    status = await target.charge_point.control.change_configuration(
        data[ATTR_KEY], data[ATTR_VALUE]
    )
    return {"status": status}


@of_charge_point
async def _async_clear_cache(
    target: ChargePointTarget, _data: dict[str, Any]
) -> dict[str, Any]:
    """Let a charge point forget the id tags that it let charge."""
    await target.charge_point.control.clear_cache()
    return {"status": "Accepted"}


@of_charge_point
async def _async_data_transfer(
    target: ChargePointTarget, data: dict[str, Any]
) -> dict[str, Any]:
    """Send something of the maker's own."""
    return dict(
        await target.charge_point.control.data_transfer(
            data[ATTR_VENDOR_ID], data.get(ATTR_MESSAGE_ID), data.get(ATTR_DATA)
        )
    )


@of_charge_point
async def _async_call(target: ChargePointTarget, data: dict[str, Any]) -> Any:
    """Send any action of OCPP, and return the answer as it came."""
    action = data[ATTR_ACTION]
    try:
        return await target.charge_point.control.call(action, data[ATTR_PAYLOAD])
    except ValueError as err:
        raise invalid_payload(action, err) from err


def _action(
    name: str,
    handler: Handler,
    fields: dict[vol.Marker, Any],
    supports_response: SupportsResponse = SupportsResponse.OPTIONAL,
) -> Action:
    """Return an action with its fields."""
    return Action(name, handler, vol.Schema(fields), supports_response)


ACTIONS = (
    _action(
        "remote_stop_transaction",
        _async_remote_stop,
        CONNECTOR | {vol.Optional(ATTR_TRANSACTION_ID): TRANSACTION_ID},
    ),
    _action(
        "change_availability",
        _async_change_availability,
        CONNECTOR | {vol.Required(ATTR_AVAILABLE): cv.boolean},
    ),
    _action(
        "reset",
        _async_reset,
        CHARGE_POINT
        | {vol.Optional(ATTR_TYPE, default=ResetType.SOFT.value): one_of(*ResetType)},
    ),
    _action("unlock_connector", _async_unlock, CONNECTOR),
    _action(
        "trigger_message",
        _async_trigger_message,
        CONNECTOR
        | {
            vol.Required(ATTR_MESSAGE): one_of(*MessageTrigger, *ExtendedMessageTrigger)
        },
    ),
    _action(
        "get_configuration",
        _async_get_configuration,
        CHARGE_POINT
        | {
            vol.Optional(ATTR_KEYS): vol.All(
                cv.ensure_list, [text(50)], vol.Length(max=_MAX_KEYS)
            )
        },
        SupportsResponse.ONLY,
    ),
    _action(
        "change_configuration",
        _async_change_configuration,
        CHARGE_POINT
        | {
            vol.Required(ATTR_KEY): text(50),
            vol.Required(ATTR_VALUE): text(500, minimum=0),
        },
    ),
    _action("clear_cache", _async_clear_cache, dict(CHARGE_POINT)),
    _action(
        "data_transfer",
        _async_data_transfer,
        CHARGE_POINT
        | {
            vol.Required(ATTR_VENDOR_ID): text(255),
            vol.Optional(ATTR_MESSAGE_ID): text(50),
            vol.Optional(ATTR_DATA): cv.string,
        },
    ),
    _action(
        "call",
        _async_call,
        CHARGE_POINT
        | {
            vol.Required(ATTR_ACTION): cv.string,
            vol.Optional(ATTR_PAYLOAD, default=dict): dict,
        },
    ),
)
