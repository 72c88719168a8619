"""The actions of charging profiles: plans of limits, and charging that begins with one."""

from datetime import timedelta
from enum import StrEnum
import time
from typing import Any

import voluptuous as vol

from homeassistant.core import ServiceResponse, SupportsResponse
from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util

from .ocpp.calls import REFUSALS, CallFailed
from .ocpp.charging_profile import ChargingProfile
from .ocpp.enums import (
    ChargingProfileKind,
    ChargingProfilePurpose,
    ChargingRateUnit,
    RecurrencyKind,
)
from .ocpp.profile_reading import Defaults, read_connector_id, read_profile
from .ocpp_action import (
    ATTR_TRANSACTION_ID,
    CONNECTOR,
    TRANSACTION_ID,
    of_charge_point,
    one_of,
    text,
)
from .ocpp_limit_actions import ATTR_LIMIT, ATTR_UNIT, LIMIT
from .ocpp_plans import Limits, make_plan, moment, start
from .ocpp_targets import ATTR_CONNECTOR_ID, ChargePointTarget
from .targets import Action

ATTR_DURATION = "duration"
ATTR_ID = "id"
ATTR_ID_TAG = "id_tag"
ATTR_KIND = "kind"
ATTR_PHASES = "phases"
ATTR_PROFILE = "profile"
ATTR_PURPOSE = "purpose"
ATTR_RECURRENCY = "recurrency"
ATTR_SCHEDULE = "schedule"
ATTR_STACK_LEVEL = "stack_level"
ATTR_START = "start"
ATTR_VALID_FROM = "valid_from"
ATTR_VALID_TO = "valid_to"

_MAX_ENTRIES = 1000
_MAX_NUMBER = 2**31 - 1
_MAX_SECONDS = 366 * 86_400
_MAX_ID_TAG = 20
_DAY = 86_400
# So that a profile replaces the one that was sent for the same before: a range for each
# purpose, and in it a hundred levels for each connector.
_FIRST_ID = {
    ChargingProfilePurpose.CHARGE_POINT_MAX_PROFILE: 10_000,
    ChargingProfilePurpose.TX_DEFAULT_PROFILE: 20_000,
    ChargingProfilePurpose.TX_PROFILE: 30_000,
}
_LEVELS = 100

_NUMBER = vol.All(vol.Coerce(int), vol.Range(0, _MAX_NUMBER))
_SECONDS = vol.All(
    vol.Any(
        vol.All(vol.Coerce(int), vol.Range(1, _MAX_SECONDS)),
        vol.All(
            cv.positive_time_period,
            vol.Range(timedelta(seconds=1), timedelta(seconds=_MAX_SECONDS)),
            lambda period: round(period.total_seconds()),
        ),
    )
)
_ENTRIES = vol.All(
    cv.ensure_list,
    [{vol.Required(ATTR_START): start, vol.Required(ATTR_LIMIT): LIMIT}],
    vol.Length(1, _MAX_ENTRIES),
)
_PLAN = {
    vol.Exclusive(ATTR_PROFILE, "plan"): vol.Any(dict, list, cv.string),
    vol.Exclusive(ATTR_SCHEDULE, "plan"): _ENTRIES,
    vol.Optional(ATTR_UNIT): one_of(*ChargingRateUnit),
    vol.Optional(ATTR_PHASES): vol.All(vol.Coerce(int), vol.Range(1, 3)),
    vol.Optional(ATTR_DURATION): _SECONDS,
}

# What a profile in JSON says itself.
_OF_PLANS = (
    ATTR_PHASES,
    ATTR_DURATION,
    ATTR_KIND,
    ATTR_RECURRENCY,
    ATTR_VALID_FROM,
    ATTR_VALID_TO,
    ATTR_TRANSACTION_ID,
)


def _unambiguous(data: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of an action, unless they say more than a profile that is complete."""
    if ATTR_PROFILE in data:
        for name in _OF_PLANS:
            if name in data:
                raise vol.Invalid("belongs into the profile here", [name])
    return data


def profile_of(
    data: dict[str, Any], connector_id: int, purpose: ChargingProfilePurpose | None
) -> ChargingProfile:
    """Return the profile that an action says: JSON, or a plan; raises ProfileError."""
    said = purpose or ChargingProfilePurpose.TX_DEFAULT_PROFILE
    stack_level = data.get(ATTR_STACK_LEVEL, 0)
    profile_id = data.get(ATTR_ID, _id_of(said, connector_id, stack_level))
    unit = data.get(ATTR_UNIT)
    if ATTR_PROFILE in data:
        return read_profile(
            data[ATTR_PROFILE],
            now=time.time(),
            zone=dt_util.get_default_time_zone(),
            defaults=Defaults(
                id=profile_id,
                stack_level=stack_level,
                purpose=said,
                unit=None if unit is None else ChargingRateUnit(unit),
            ),
        )
    made = make_plan(
        data[ATTR_SCHEDULE],
        Limits(
            ChargingRateUnit(unit or ChargingRateUnit.AMPERES),
            data.get(ATTR_PHASES),
            data.get(ATTR_DURATION),
        ),
        purpose=said,
        kind=_word(ChargingProfileKind, data.get(ATTR_KIND)),
        recurrency=_word(RecurrencyKind, data.get(ATTR_RECURRENCY)),
    )
    return ChargingProfile(
        id=profile_id,
        stack_level=stack_level,
        purpose=said,
        kind=made.kind,
        recurrency=made.recurrency,
        schedule=made.schedule,
        valid_from=_timestamp(data, ATTR_VALID_FROM),
        valid_to=_timestamp(data, ATTR_VALID_TO),
        transaction_id=data.get(ATTR_TRANSACTION_ID),
    )


@of_charge_point
async def _async_remote_start(
    target: ChargePointTarget, data: dict[str, Any]
) -> dict[str, Any]:
    """Start charging, maybe with a plan."""
    profile = None
    if data.keys() & {ATTR_PROFILE, ATTR_SCHEDULE}:
        purpose = ChargingProfilePurpose.TX_PROFILE
        profile = profile_of(data, target.connector_id, purpose)
    await target.charge_point.control.remote_start(
        target.connector_id, data.get(ATTR_ID_TAG), profile
    )
    return {"status": "Accepted"}


@of_charge_point
async def _async_set_profile(
    target: ChargePointTarget, data: dict[str, Any]
) -> dict[str, Any]:
    """Install a profile."""
    connector_id = target.connector_id
    if not connector_id and ATTR_CONNECTOR_ID not in data and ATTR_PROFILE in data:
        # It may say where it goes.
        connector_id = read_connector_id(data[ATTR_PROFILE]) or 0
    purpose = _word(ChargingProfilePurpose, data.get(ATTR_PURPOSE))
    profile = profile_of(data, connector_id, purpose)
    if profile.purpose is ChargingProfilePurpose.TX_PROFILE and (
        not connector_id and ATTR_CONNECTOR_ID not in data
    ):
        connector_id = target.one_connector
    sent = await target.charge_point.profiles.set_profile(connector_id, profile)
    if ATTR_SCHEDULE in data:
        target.hub.plans.async_note(target.charge_point_id, sent)
    else:
        target.hub.plans.async_forget(target.charge_point_id, sent.id)
    return {"connector_id": connector_id, "profile": sent.to_payload()}


@of_charge_point
async def _async_clear_profile(
    target: ChargePointTarget, data: dict[str, Any]
) -> dict[str, Any]:
    """Remove the profiles that are as the action says; without a word, all of them."""
    is_said = target.connector_id or ATTR_CONNECTOR_ID in data
    status = await target.charge_point.profiles.clear(
        profile_id=data.get(ATTR_ID),
        connector_id=target.connector_id if is_said else None,
        purpose=_word(ChargingProfilePurpose, data.get(ATTR_PURPOSE)),
        stack_level=data.get(ATTR_STACK_LEVEL),
    )
    return {"status": status}


@of_charge_point
async def _async_get_composite_schedule(
    target: ChargePointTarget, data: dict[str, Any]
) -> ServiceResponse:
    """Return the plan as the charge point says it, and as it follows from the profiles."""
    profiles = target.charge_point.profiles
    connector_id, duration = target.connector_id, data[ATTR_DURATION]
    unit = _word(ChargingRateUnit, data.get(ATTR_UNIT))
    reported: dict[str, Any]
    try:
        reported = await profiles.get_composite_schedule(connector_id, duration, unit)
    except CallFailed as err:
        # Many cannot tell; the plan is known all the same.
        if err.reason not in REFUSALS:
            raise
        reported = {"status": err.code or err.reason.value}
    now = float(int(time.time()))
    planned = profiles.planned(
        connector_id, now, duration, unit or ChargingRateUnit.AMPERES
    )
    return {
        "reported": reported,
        "planned": [
            {
                "start": dt_util.as_local(
                    dt_util.utc_from_timestamp(now + it.start)
                ).isoformat(),
                "limit": it.limit,
            }
            for it in planned
        ],
    }


def _id_of(purpose: ChargingProfilePurpose, connector_id: int, stack_level: int) -> int:
    """Return the id of the profile of a purpose, connector and level."""
    return (
        _FIRST_ID[purpose]
        + connector_id * _LEVELS
        + max(0, min(stack_level, _LEVELS - 1))
    )


def _timestamp(data: dict[str, Any], name: str) -> float | None:
    """Return a point in time as the engine has it."""
    return None if name not in data else float(data[name].timestamp())


def _word[T: StrEnum](words: type[T], value: str | None) -> T | None:
    """Return one of OCPP's words; None: nothing was said."""
    return None if value is None else words(value)


ACTIONS = (
    Action(
        "remote_start_transaction",
        _async_remote_start,
        vol.Schema(CONNECTOR | _PLAN | {vol.Optional(ATTR_ID_TAG): text(_MAX_ID_TAG)}),
        SupportsResponse.OPTIONAL,
    ),
    Action(
        "set_charging_profile",
        _async_set_profile,
        vol.Schema(
            vol.All(
                CONNECTOR
                | _PLAN
                | {
                    vol.Optional(ATTR_PURPOSE): one_of(*ChargingProfilePurpose),
                    vol.Optional(ATTR_KIND): one_of(*ChargingProfileKind),
                    vol.Optional(ATTR_RECURRENCY): one_of(*RecurrencyKind),
                    vol.Optional(ATTR_STACK_LEVEL): _NUMBER,
                    vol.Optional(ATTR_VALID_FROM): moment,
                    vol.Optional(ATTR_VALID_TO): moment,
                    vol.Optional(ATTR_TRANSACTION_ID): TRANSACTION_ID,
                    vol.Optional(ATTR_ID): _NUMBER,
                },
                cv.has_at_least_one_key(ATTR_PROFILE, ATTR_SCHEDULE),
                _unambiguous,
            )
        ),
        SupportsResponse.OPTIONAL,
    ),
    Action(
        "clear_charging_profile",
        _async_clear_profile,
        vol.Schema(
            CONNECTOR
            | {
                vol.Optional(ATTR_ID): _NUMBER,
                vol.Optional(ATTR_PURPOSE): one_of(*ChargingProfilePurpose),
                vol.Optional(ATTR_STACK_LEVEL): _NUMBER,
            }
        ),
        SupportsResponse.OPTIONAL,
    ),
    Action(
        "get_composite_schedule",
        _async_get_composite_schedule,
        vol.Schema(
            CONNECTOR
            | {
                vol.Optional(ATTR_DURATION, default=_DAY): _SECONDS,
                vol.Optional(ATTR_UNIT): one_of(*ChargingRateUnit),
            }
        ),
        SupportsResponse.ONLY,
    ),
)
