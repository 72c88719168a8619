"""The actions that limit charging: at once, until further notice."""

from typing import Any

import voluptuous as vol

from homeassistant.core import SupportsResponse

from .ocpp.enums import ChargingRateUnit
from .ocpp_action import CONNECTOR, of_charge_point, one_of
from .ocpp_targets import ChargePointTarget
from .targets import Action

ATTR_LIMIT = "limit"
ATTR_UNIT = "unit"

# More than any charge point has.
MAX_LIMIT = 1_000_000

LIMIT = vol.All(vol.Coerce(float), vol.Range(0, MAX_LIMIT))


@of_charge_point
async def _async_set_limit(
    target: ChargePointTarget, data: dict[str, Any]
) -> dict[str, Any]:
    """Limit a connector, or the charge point as a whole."""
    result = await target.charge_point.limits.set_limit(
        target.connector_id, data[ATTR_LIMIT], ChargingRateUnit(data[ATTR_UNIT])
    )
    return result.to_dict()


@of_charge_point
async def _async_clear_limit(
    target: ChargePointTarget, _data: dict[str, Any]
) -> dict[str, Any]:
    """Have no limit of ours any more."""
    await target.charge_point.limits.clear_limit(target.connector_id)
    return {"success": True}


ACTIONS = (
    Action(
        "set_charging_limit",
        _async_set_limit,
        vol.Schema(
            CONNECTOR
            | {
                vol.Required(ATTR_LIMIT): LIMIT,
                vol.Optional(ATTR_UNIT, default=ChargingRateUnit.AMPERES.value): one_of(
                    *ChargingRateUnit
                ),
            }
        ),
        SupportsResponse.OPTIONAL,
    ),
    Action(
        "clear_charging_limit",
        _async_clear_limit,
        vol.Schema(dict(CONNECTOR)),
        SupportsResponse.OPTIONAL,
    ),
)
