"""Reads and checks the payloads of all actions of OCPP 1.6."""

from typing import Any

from ..connector.model import JsonValue
from .actions_received import FROM_CHARGE_POINT
from .actions_sent import TO_CHARGE_POINT, Exchange
from .enums import ChargePointErrorCode
from .field_checks import check_fields
from .field_reader import FieldReader
from .frames import ErrorCode, Refused
from .leniencies import Leniencies

__all__ = [
    "FROM_CHARGE_POINT",
    "TO_CHARGE_POINT",
    "Exchange",
    "InvalidConfirmation",
    "check_request",
    "read_confirmation",
    "read_request",
]

# What a charge point repeats for ever unless it is confirmed, whatever is in it.
_NEVER_REFUSED = frozenset({"MeterValues", "StopTransaction"})
_MAX_VENDOR_ERROR_CODE = 50

_REQUESTS = {
    action: FieldReader(action, fields) for action, fields in FROM_CHARGE_POINT.items()
}
_CONFIRMATIONS = {
    action: FieldReader(f"{action}.conf", exchange.confirmation)
    for action, exchange in TO_CHARGE_POINT.items()
}


class InvalidConfirmation(ValueError):  # noqa: N818 - what it is about
    """What a charge point confirmed a call with makes no sense."""


def read_request(action: str, payload: JsonValue, notes: Leniencies) -> dict[str, Any]:
    """Return the fields of a call of a charge point; raises Refused."""
    if (reader := _REQUESTS.get(action)) is None:
        if action in TO_CHARGE_POINT:
            raise Refused(
                ErrorCode.NOT_SUPPORTED, "only charge points take this action"
            )
        raise Refused(ErrorCode.NOT_IMPLEMENTED, "unknown action")
    if type(payload) is not dict:
        payload = _as_object(action, payload, notes)
    result = reader.read(payload, notes)
    if result.get("errorCode") is ChargePointErrorCode.OTHER_ERROR:
        _keep_unknown_error(payload, result)
    return result


def check_request(action: str, payload: object) -> None:
    """Raise ValueError, naming the field, if a call of ours is not as OCPP wants it."""
    if (exchange := TO_CHARGE_POINT.get(action)) is None:
        raise ValueError(f"{action}: no action of charge points")
    check_fields(action, exchange.request, payload)


def read_confirmation(
    action: str, payload: JsonValue, notes: Leniencies
) -> dict[str, Any]:
    """Return the fields of what confirms a call of ours.

    Raises InvalidConfirmation if it makes no sense.
    """
    if (reader := _CONFIRMATIONS.get(action)) is None:
        raise InvalidConfirmation(f"{action}: no action of charge points")
    try:
        return reader.read({} if payload is None else payload, notes)
    except Refused as refused:
        raise InvalidConfirmation(refused.description) from refused


def _as_object(
    action: str, payload: JsonValue, notes: Leniencies
) -> dict[str, JsonValue]:
    """Return what stands for a payload that is no object; null is an empty one."""
    if payload is not None:
        if action not in _NEVER_REFUSED:
            raise Refused(ErrorCode.FORMATION_VIOLATION, f"{action}: not an object")
        notes.note(f"{action}: not an object")
    return {}


def _keep_unknown_error(payload: dict[str, JsonValue], result: dict[str, Any]) -> None:
    """Keep the word for an error that OCPP has none for, beside "OtherError"."""
    given = str(payload["errorCode"]).strip()
    if given.casefold() != ChargePointErrorCode.OTHER_ERROR.casefold():
        result.setdefault("vendorErrorCode", given[:_MAX_VENDOR_ERROR_CODE])
