"""What can be set on charge points and connectors."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ..connector.actuators import Actuator, ActuatorKind, StateSource
from ..connector.devices import device_key
from . import datapoints as names
from .model import device_id_of

if TYPE_CHECKING:
    from .charge_point import ChargePoint

# Of a charge point and of a connector
AVAILABILITY = "availability"
CHARGING_LIMIT = names.CHARGING_LIMIT
CLEAR_CHARGING_LIMIT = "clear_charging_limit"
SET_CHARGING_PROFILE = "set_charging_profile"
# Of a connector
CHARGE_CONTROL = "charge_control"
UNLOCK = "unlock"
REMOTE_START = "remote_start"
REMOTE_STOP = "remote_stop"
# Of a charge point
RESET_SOFT = "reset_soft"
RESET_HARD = "reset_hard"
REFRESH = "refresh"
CALL = "call"
# As BEMCom's OCPP connector calls them; also of the hub, for its only charge point.
SEND_CHARGING_PROFILE = "execute_send_charging_profile__"
TRIGGER_MESSAGE = "execute_trigger_message__"
OF_BEMCOM = (SEND_CHARGING_PROFILE, TRIGGER_MESSAGE)

_BUTTONS = (RESET_SOFT, RESET_HARD, REFRESH)
_METHODS = (CALL, CLEAR_CHARGING_LIMIT, *OF_BEMCOM)
_METHODS_OF_CONNECTOR = (
    REMOTE_START,
    REMOTE_STOP,
    SET_CHARGING_PROFILE,
    CLEAR_CHARGING_LIMIT,
)


# What can be set on a hub that has charge points.
OF_HUB: Mapping[str, Actuator] = {
    key: Actuator(key=key, kind=ActuatorKind.METHOD) for key in OF_BEMCOM
}


def actuators_of(cp: ChargePoint) -> dict[str, Actuator]:
    """Return what can be set on a charge point now, by the keys on the hub."""
    return {it.key: it for it in _of_charge_point(cp)}


def _of_charge_point(cp: ChargePoint) -> Iterator[Actuator]:
    """Yield what can be set on a charge point, and on its connectors."""
    device_id = device_id_of(cp.id)
    yield from _of_both(cp, device_id)
    for name in _BUTTONS:
        yield _actuator(device_id, name, ActuatorKind.BUTTON)
    for name in _METHODS:
        yield _actuator(device_id, name, ActuatorKind.METHOD)
    for connector_id in cp.connector_ids:
        device_id = device_id_of(cp.id, connector_id)
        yield _switch(device_id, CHARGE_CONTROL, names.IN_SESSION)
        yield from _of_both(cp, device_id)
        yield _actuator(device_id, UNLOCK, ActuatorKind.BUTTON)
        for name in _METHODS_OF_CONNECTOR:
            yield _actuator(device_id, name, ActuatorKind.METHOD)


def _of_both(cp: ChargePoint, device_id: str) -> Iterator[Actuator]:
    """Yield what can be set on a charge point as well as on a connector."""
    yield _switch(device_id, AVAILABILITY, names.OPERATIVE)
    yield Actuator(
        key=device_key(device_id, CHARGING_LIMIT),
        kind=ActuatorKind.NUMBER,
        device_id=device_id,
        minimum=0,
        maximum=cp.config.max_current,
        step=1,
        unit="A",
        state_source=StateSource.DATAPOINT,
    )


def _switch(device_id: str, name: str, state: str) -> Actuator:
    """Return a switch that shows what the charge point says."""
    return Actuator(
        key=device_key(device_id, name),
        kind=ActuatorKind.SWITCH,
        device_id=device_id,
        state_source=StateSource.DATAPOINT,
        state_key=device_key(device_id, state),
    )


def _actuator(device_id: str, name: str, kind: ActuatorKind) -> Actuator:
    """Return what has no state."""
    return Actuator(key=device_key(device_id, name), kind=kind, device_id=device_id)
