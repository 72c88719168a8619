"""The actions of charge points."""

import voluptuous as vol

from homeassistant.core import ServiceCall, ServiceResponse, SupportsResponse
from homeassistant.util.json import JsonValueType

from .ocpp.transactions import MAX_FINISHED
from .ocpp_action import CHARGE_POINT
from .ocpp_targets import charge_point_target
from .targets import Action

ATTR_LIMIT = "limit"

GET_SESSIONS_SCHEMA = vol.Schema(
    {
        **CHARGE_POINT,
        vol.Optional(ATTR_LIMIT, default=MAX_FINISHED): vol.All(
            vol.Coerce(int), vol.Range(1, MAX_FINISHED)
        ),
    }
)


async def _async_get_sessions(call: ServiceCall) -> ServiceResponse:
    """Return the sessions of a charge point or connector that are over, the latest first."""
    target = charge_point_target(call.hass, call.data)
    sessions: list[JsonValueType] = [
        it
        for it in target.hub.sessions_of(target.charge_point_id)
        if target.connector_id in {0, it["connector_id"]}
    ]
    return {"sessions": sessions[: call.data[ATTR_LIMIT]]}


ACTIONS = (
    Action(
        "get_sessions",
        _async_get_sessions,
        GET_SESSIONS_SCHEMA,
        SupportsResponse.ONLY,
    ),
)
