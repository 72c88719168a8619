"""What is told of a charge point to those who look for what goes wrong."""

import time
from typing import TYPE_CHECKING, Any

from .connector_state import iso

if TYPE_CHECKING:
    from .charge_point import ChargePoint
    from .charging_profile import ChargingProfile


def diagnostics(cp: ChargePoint) -> dict[str, Any]:
    """Return what helps to find out what goes wrong; no tags, and no secrets."""
    return {
        "online": cp.online,
        "identity": cp.identity.to_dict(),
        "connections": cp.connections,
        "boots": cp.boots,
        "last_seen": cp.last_seen and iso(cp.last_seen),
        "quirks": sorted(cp.quirks),
        "leniencies": dict(cp.leniencies.counts.most_common()),
        "start_up": dict(cp.start_up.report),
        "configuration": cp.configuration.diagnostics(),
        "availability": cp.control.availability.to_dict(),
        "profiles": cp.profiles.to_dict(),
        "attempted_profiles": list(cp.profiles.attempts),
        "limits": cp.limits.to_dict(),
        "connectors": {
            key: {"status": it.status, "values": it.values}
            for key, it in cp.connectors.items()
        },
        "frames": list(cp.history),
    }


def attempt(
    connector_id: int, profile: ChargingProfile, outcome: str
) -> dict[str, Any]:
    """Return what became of a profile that was sent."""
    return {
        "at": iso(time.time()),
        "connector_id": connector_id,
        "id": profile.id,
        "purpose": profile.purpose,
        "kind": profile.kind,
        "stack_level": profile.stack_level,
        "unit": profile.schedule.unit,
        "limit": profile.schedule.periods[0].limit,
        "outcome": f"{outcome:.200}",
    }
