"""What the actions of charge points have in common: fields, and how they are handled."""

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

import voluptuous as vol

from homeassistant.core import ServiceCall, ServiceResponse
from homeassistant.helpers import config_validation as cv

from .ocpp.model import MAX_CONNECTORS
from .ocpp_errors import translating
from .ocpp_targets import ATTR_CONNECTOR_ID, ChargePointTarget, charge_point_target
from .targets import ATTR_DEVICE_ID, ATTR_HUB

ATTR_TRANSACTION_ID = "transaction_id"

_MAX_TRANSACTION_ID = 2**31 - 1
# Some wallboxes make up numbers that are negative.
TRANSACTION_ID = vol.All(
    vol.Coerce(int), vol.Range(-_MAX_TRANSACTION_ID, _MAX_TRANSACTION_ID)
)

CHARGE_POINT = {
    vol.Optional(ATTR_HUB): cv.string,
    vol.Required(ATTR_DEVICE_ID): cv.string,
}
CONNECTOR = CHARGE_POINT | {
    vol.Optional(ATTR_CONNECTOR_ID): vol.All(
        vol.Coerce(int), vol.Range(0, MAX_CONNECTORS)
    )
}

type Handler = Callable[[ServiceCall], Coroutine[Any, Any, ServiceResponse]]
type Act = Callable[[ChargePointTarget, dict[str, Any]], Coroutine[Any, Any, Any]]


def of_charge_point(act: Act) -> Handler:
    """Return the handler of an action: what it is for is found, and what fails translated."""

    @wraps(act)
    async def handle(call: ServiceCall) -> ServiceResponse:
        target = charge_point_target(call.hass, call.data)
        with translating(target.name):
            response: ServiceResponse = await act(target, call.data)
        return response if call.return_response else None

    return handle


def text(limit: int, minimum: int = 1) -> vol.All:
    """Return what takes a text of a length."""
    return vol.All(cv.string, vol.Length(minimum, limit))


def one_of(*words: str) -> vol.In:
    """Return what takes one of OCPP's words."""
    return vol.In([str(word) for word in words])
