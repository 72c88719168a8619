"""Commands as datapoints: which of the things a charge point can do each of them means."""

from collections.abc import Awaitable, Callable, Mapping
import time
from typing import TYPE_CHECKING

from ..connector.actuators import Actuator
from ..connector.command_template import shown
from ..connector.devices import device_key, own_key
from ..connector.model import CommandError, CommandReason, JsonValue
from . import actuators as keys
from .calls import CallFailed, CallReason
from .charging_profile import ChargingProfile, ChargingSchedule, Period
from .connector_state import IN_SESSION
from .control import OF_CONNECTORS
from .enums import (
    ChargePointStatus,
    ChargingProfileKind,
    ChargingProfilePurpose,
    ChargingRateUnit,
    MessageTrigger,
    ResetType,
)
from .model import device_id_of, split_device_id
from .profile_reading import read_connector_id, read_profile
from .profile_rules import ProfileError
from .refusals import Impossible, NotAccepted

if TYPE_CHECKING:
    from .charge_point import ChargePoint

type _Command = Callable[[ChargePoint, int, JsonValue], Awaitable[JsonValue]]

# As BEMCom numbers them.
_MESSAGES = (
    MessageTrigger.BOOT_NOTIFICATION,
    MessageTrigger.DIAGNOSTICS_STATUS_NOTIFICATION,
    MessageTrigger.FIRMWARE_STATUS_NOTIFICATION,
    MessageTrigger.HEARTBEAT,
    MessageTrigger.METER_VALUES,
    MessageTrigger.STATUS_NOTIFICATION,
)

# A car draws what nobody started, or what nobody knows of.
_CHARGING = IN_SESSION - {ChargePointStatus.PREPARING}

_REASONS = {
    CallReason.NOT_CONNECTED: CommandReason.NOT_CONNECTED,
    CallReason.BUSY: CommandReason.BUSY,
    CallReason.TIMEOUT: CommandReason.NO_REPLY,
    CallReason.CLOSED: CommandReason.NO_REPLY,
    CallReason.REFUSED: CommandReason.REFUSED,
    CallReason.INVALID: CommandReason.INVALID_REPLY,
}


async def carry_out(
    charge_points: Mapping[str, ChargePoint], actuator: Actuator, value: JsonValue
) -> JsonValue:
    """Do what a command means, and return what the charge point said; or CommandError."""
    name = own_key(actuator.key, actuator.device_id)
    if actuator.device_id is not None:
        charge_point_id, connector_id = split_device_id(actuator.device_id)
    else:
        charge_point_id, connector_id = _only_one(charge_points, name), 0
    try:
        return await _COMMANDS[name](
            charge_points[charge_point_id], connector_id, value
        )
    except CallFailed as err:
        raise CommandError(_REASONS[err.reason], str(err)) from err
    except NotAccepted as err:
        raise CommandError(CommandReason.REFUSED, str(err)) from err
    except Impossible as err:
        raise CommandError(CommandReason.NOT_TAKEN, str(err)) from err
    except (ProfileError, ValueError) as err:
        raise _invalid(str(err)) from err


def _only_one(charge_points: Mapping[str, ChargePoint], name: str) -> str:
    """Return the charge point that a command of the hub is for; or CommandError."""
    if len(charge_points) != 1:
        others = ", ".join(
            device_key(device_id_of(it), name) for it in sorted(charge_points)
        )
        raise CommandError(
            CommandReason.NOT_SUPPORTED,
            f"There are several charge points; use one of {others:.200}",
        )
    return next(iter(charge_points))


async def _charge(cp: ChargePoint, connector_id: int, value: JsonValue) -> JsonValue:
    """Start or stop a session; that it is so already is all right."""
    is_running = cp.host.book.open_of(cp.id, connector_id) is not None
    if value and not is_running:
        await cp.control.remote_start(connector_id)
    elif not value and (is_running or cp.connectors[connector_id].status in _CHARGING):
        await cp.control.remote_stop(connector_id)
    return None


async def _remote_start(
    cp: ChargePoint, connector_id: int, value: JsonValue
) -> JsonValue:
    """Start a session with a tag; null: with that of the charge point."""
    tag = None if value is None else _text(value, "id tag")
    await cp.control.remote_start(connector_id, tag)
    return None


async def _remote_stop(
    cp: ChargePoint, connector_id: int, _value: JsonValue
) -> JsonValue:
    """Stop what runs on a connector."""
    await cp.control.remote_stop(connector_id)
    return None


async def _set_availability(
    cp: ChargePoint, connector_id: int, value: JsonValue
) -> JsonValue:
    """Take a connector, or all, into service or out of it."""
    return await cp.control.change_availability(connector_id, bool(value))


async def _set_limit(cp: ChargePoint, connector_id: int, value: JsonValue) -> JsonValue:
    """Limit the current."""
    if not isinstance(value, int | float):
        raise _invalid(f"{shown(value)} is no number")
    done = await cp.limits.set_limit(
        connector_id, float(value), ChargingRateUnit.AMPERES
    )
    return done.to_dict()


async def _clear_limit(
    cp: ChargePoint, connector_id: int, _value: JsonValue
) -> JsonValue:
    """Limit the current no more."""
    await cp.limits.clear_limit(connector_id)
    return None


async def _unlock(cp: ChargePoint, connector_id: int, _value: JsonValue) -> JsonValue:
    """Release the cable."""
    return await cp.control.unlock(connector_id)


async def _set_profile(
    cp: ChargePoint, connector_id: int, value: JsonValue
) -> JsonValue:
    """Install a profile that is JSON; return it as it was sent."""
    profile = read_profile(value, now=time.time())
    return (await cp.profiles.set_profile(connector_id, profile)).to_payload()


async def _reset_soft(cp: ChargePoint, _id: int, _value: JsonValue) -> JsonValue:
    """Have it start anew, after what runs is ended properly."""
    await cp.control.reset(ResetType.SOFT)
    return None


async def _reset_hard(cp: ChargePoint, _id: int, _value: JsonValue) -> JsonValue:
    """Have it start anew at once."""
    await cp.control.reset(ResetType.HARD)
    return None


async def _refresh(cp: ChargePoint, _id: int, _value: JsonValue) -> JsonValue:
    """Have it tell everything again."""
    await cp.control.refresh()
    return None


async def _call(cp: ChargePoint, _id: int, value: JsonValue) -> JsonValue:
    """Ask anything that OCPP knows."""
    match value:
        case {"action": str(action), **more} if more.keys() <= {"payload"}:
            payload = more.get("payload") or {}
            if isinstance(payload, dict):
                return await cp.control.call(action, payload)
    raise _invalid('It is to be {"action": "…", "payload": {…}}')


async def _send_profile(cp: ChargePoint, _id: int, value: JsonValue) -> JsonValue:
    """Limit connector 1 to so many watts, as BEMCom does; or install a profile that is JSON.

    null: remove that limit.
    """
    if value is None:
        purpose = ChargingProfilePurpose.TX_DEFAULT_PROFILE
        return await cp.profiles.clear(None, 1, purpose, 0)
    now = time.time()
    if (watts := _as_number(value)) is not None:
        connector_id = 1
        profile = ChargingProfile(
            id=int(now),
            stack_level=0,
            purpose=ChargingProfilePurpose.TX_DEFAULT_PROFILE,
            kind=ChargingProfileKind.RELATIVE,
            schedule=ChargingSchedule(
                unit=ChargingRateUnit.WATTS, periods=(Period(start=0, limit=watts),)
            ),
        )
    else:
        found = read_connector_id(value)
        connector_id = 1 if found is None else found
        profile = read_profile(value, now=now)
    return (await cp.profiles.set_profile(connector_id, profile)).to_payload()


async def _trigger(cp: ChargePoint, _id: int, value: JsonValue) -> JsonValue:
    """Have it send a message, by its name or BEMCom's number."""
    number = _as_number(value)
    if number is None:
        message = _text(value, "message")
    elif number in range(len(_MESSAGES)):
        message = _MESSAGES[int(number)]
    else:
        raise _invalid(f"{shown(value)} is the number of no message")
    connector_id = 1 if message in OF_CONNECTORS else None
    return await cp.control.trigger_message(message, connector_id)


_COMMANDS: Mapping[str, _Command] = {
    keys.CHARGE_CONTROL: _charge,
    keys.AVAILABILITY: _set_availability,
    keys.CHARGING_LIMIT: _set_limit,
    keys.CLEAR_CHARGING_LIMIT: _clear_limit,
    keys.SET_CHARGING_PROFILE: _set_profile,
    keys.UNLOCK: _unlock,
    keys.REMOTE_START: _remote_start,
    keys.REMOTE_STOP: _remote_stop,
    keys.RESET_SOFT: _reset_soft,
    keys.RESET_HARD: _reset_hard,
    keys.REFRESH: _refresh,
    keys.CALL: _call,
    keys.SEND_CHARGING_PROFILE: _send_profile,
    keys.TRIGGER_MESSAGE: _trigger,
}


def _text(value: JsonValue, what: str) -> str:
    """Return a text; or CommandError."""
    if isinstance(value, str) and value:
        return value
    raise _invalid(f"{shown(value)} is no {what}")


def _as_number(value: JsonValue) -> float | None:
    """Return the number that a value is, be it written as text; None: it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except OverflowError, ValueError:
        return None


def _invalid(text: str) -> CommandError:
    return CommandError(CommandReason.INVALID_VALUE, text)
