"""Calls in OCPP's own words: what is known follows them, and secrets are not shown."""

from collections.abc import Mapping
import time
from typing import TYPE_CHECKING, Any

from ..connector.model import JsonValue
from . import settings
from .configuration import ACCEPTED, TAKEN
from .enums import AvailabilityStatus, AvailabilityType, ChargingProfilePurpose
from .profile_reading import read_profile
from .profile_rules import ProfileError
from .redaction import shown_setting

if TYPE_CHECKING:
    from .charge_point import ChargePoint

_KEYS = "configurationKey"


def follow(
    cp: ChargePoint,
    action: str,
    payload: Mapping[str, JsonValue],
    answer: Mapping[str, Any],
) -> None:
    """Let what is known of a charge point follow what it was asked, and did."""
    status = answer.get("status")
    match action, dict(payload):
        case "SetChargingProfile", {"connectorId": int() as connector_id} if (
            status == ACCEPTED
        ):
            try:
                profile = read_profile(dict(payload), now=time.time())
            except ProfileError:
                cp.leniencies.note("profile that breaks a rule, and was accepted")
            else:
                cp.profiles.take(connector_id, profile)
                cp.profiles.keep(profile.id)
        case "ClearChargingProfile", asked:
            _cleared(cp, asked)
        case "ChangeAvailability", {"connectorId": int() as connector_id, "type": kind}:
            operative = kind == AvailabilityType.OPERATIVE
            if status == ACCEPTED:
                cp.control.availability.show(connector_id, operative)
            if status in {ACCEPTED, AvailabilityStatus.SCHEDULED}:
                cp.control.availability.heard(connector_id, operative)
        case "ChangeConfiguration", {"key": str() as key, "value": str() as value} if (
            status in TAKEN
        ):
            cp.configuration.took(key, value, str(status))
            cp.changed()
            settings.took(cp, key, value, str(status))


def _cleared(cp: ChargePoint, asked: Mapping[str, Any]) -> None:
    """Know that profiles were removed; what is not known is not there either."""
    purpose = asked.get("chargingProfilePurpose")
    cp.profiles.drop(
        asked.get("id"),
        asked.get("connectorId"),
        None if purpose is None else ChargingProfilePurpose(purpose),
        asked.get("stackLevel"),
    )
    cp.limits.review()


def without_secrets(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer as it came, but for the values of settings that nobody may see."""
    if not isinstance(entries := answer.get(_KEYS), list):
        return answer
    return {**answer, _KEYS: [_shown(it) for it in entries]}


def _shown(entry: Any) -> Any:
    """Return a setting without its value, if that is a secret."""
    if not isinstance(entry, dict) or "value" not in entry:
        return entry
    return {**entry, "value": shown_setting(str(entry.get("key", "")), entry["value"])}
