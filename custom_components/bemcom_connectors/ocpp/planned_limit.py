"""What is shown of the profiles of a connector: the limit that they have now, and until when."""

from collections.abc import Mapping, Sequence

from ..connector.model import JsonValue
from . import datapoints as names
from .connector_state import iso
from .enums import ChargingProfileKind, ChargingRateUnit
from .installed_profiles import InstalledProfile
from .smart_charging import RunningTransaction, outlook


def planned_limit(
    profiles: Sequence[InstalledProfile],
    connector_id: int,
    now: float,
    transactions: Mapping[int, RunningTransaction],
    phases: int,
) -> dict[str, JsonValue]:
    """Return the present limit of a connector, and when it changes."""

    def at(moment: float) -> tuple[float | None, float | None]:
        limit, changes_at, _ = outlook(
            profiles,
            connector_id,
            moment,
            ChargingRateUnit.AMPERES,
            transactions=transactions,
            phases=phases,
        )
        return limit, changes_at

    limit, changes_at = at(now)
    is_waiting = connector_id not in transactions and any(
        it.profile.kind is ChargingProfileKind.RELATIVE for it in profiles
    )
    if is_waiting and changes_at is not None and at(now + 1)[1] != changes_at:
        # So long after a transaction begins, whenever that is.
        changes_at = None
    return {
        names.PLANNED_LIMIT: limit,
        names.NEXT_LIMIT_CHANGE: None if changes_at is None else iso(changes_at),
    }
