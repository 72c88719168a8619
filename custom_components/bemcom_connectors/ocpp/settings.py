"""Reading and changing the settings of a charge point, as somebody asks for it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..connector.model import JsonValue
from .configuration import ACCEPTED, TAKEN
from .configuration_reading import read_configuration
from .redaction import shown_setting
from .refusals import NotAccepted

if TYPE_CHECKING:
    from .charge_point import ChargePoint

_AUTHORIZATION_KEY = "authorizationkey"


async def read(cp: ChargePoint, keys: Sequence[str]) -> dict[str, Any]:
    """Read some settings by their names, or all; raises CallFailed.

    What is a secret is not shown. All are read as gently as the charge point needs.
    """
    answers: list[Mapping[str, Any]] = []

    async def call(action: str, payload: dict[str, JsonValue]) -> dict[str, Any]:
        answer = await cp.call(action, payload)
        answers.append(answer)
        return answer

    if keys:
        one_at_a_time = cp.adjustments.one_key_at_a_time
        await cp.configuration.read(call, keys, one_at_a_time=one_at_a_time)
    else:
        await read_configuration(call, cp.configuration, cp.adjustments)
    cp.changed()
    found = {
        entry["key"]: {
            "key": entry["key"],
            "value": shown_setting(entry["key"], entry.get("value")),
            "readonly": entry["readonly"],
        }
        for answer in answers
        for entry in answer.get("configurationKey", ())
    }
    told = {it.lower() for it in found}
    unknown = [name for it in answers for name in it.get("unknownKey", ())]
    named = {it.lower() for it in unknown}
    # Some just leave out what they do not know.
    unknown += [it for it in keys if it.lower() not in told | named]
    return {"configuration": list(found.values()), "unknown": unknown}


async def write(cp: ChargePoint, key: str, value: str) -> str:
    """Change a setting, and return the status; raises CallFailed or NotAccepted."""
    status = await cp.configuration.write(cp.call, key, value, even_so=True)
    cp.changed()
    if status not in TAKEN:
        raise NotAccepted("ChangeConfiguration", status)
    took(cp, key, value, status)
    return status


def took(cp: ChargePoint, key: str, value: str, status: str) -> None:
    """Know another password once the charge point took it (security whitepaper A01).

    One without a password does not prove who it is by the key either.
    """
    if (
        key.casefold() == _AUTHORIZATION_KEY
        and status == ACCEPTED
        and cp.config.password
    ):
        cp.host.tell(lambda it: it.on_password(cp.id, value))
