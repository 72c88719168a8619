"""Whether a limit is in effect, by what the charge point says is going to be."""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Any, NamedTuple, override

from .enums import ChargingRateUnit
from .limit_methods import VOLTS

# What a charge point may say more than it was told, as it counts in units of its own.
_AMPERES = 0.1
_WATTS_PER_WATT = 0.01
_WATTS = 1.0


class Verdict(Enum):
    """What is known of a limit after it was accepted."""

    EFFECTIVE = auto()
    # The charge point reports a higher limit, or none.
    INEFFECTIVE = auto()
    UNLIMITED = auto()
    # It says nothing.
    MUTE = auto()


class Report(NamedTuple):
    """What a charge point reports for now; None: it knows of no limit."""

    limit: float | None
    unit: ChargingRateUnit
    phases: int | None = None

    @override
    def __str__(self) -> str:
        return "-" if self.limit is None else f"{self.limit:g} {self.unit.value}"

    def in_unit(self, unit: ChargingRateUnit, phases: int) -> float | None:
        """Return the limit in another unit, not rounded."""
        if self.limit is None or self.unit is unit:
            return self.limit
        per_ampere = VOLTS * (self.phases or phases)
        if unit is ChargingRateUnit.AMPERES:
            return self.limit / per_ampere
        return self.limit * per_ampere


def read_report(answer: Mapping[str, Any], asked: ChargingRateUnit) -> Report | None:
    """Return what an answer to GetCompositeSchedule says of now; None: nothing."""
    if answer.get("status") != "Accepted":
        return None
    schedule = answer.get("chargingSchedule")
    periods = schedule.get("chargingSchedulePeriod") if schedule else None
    if not schedule or not periods:
        return None
    unit: ChargingRateUnit = schedule.get("chargingRateUnit", asked)
    begun = [it for it in periods if it["startPeriod"] <= 0]
    if not begun:
        return Report(None, unit)
    now = max(begun, key=lambda it: it["startPeriod"])
    phases = now.get("numberPhases")
    # Some say so that there is no limit.
    limit = None if now["limit"] < 0 else float(now["limit"])
    return Report(limit, unit, phases if phases in {1, 2, 3} else None)


def judge(
    report: Report | None, amount: float, unit: ChargingRateUnit, phases: int
) -> Verdict:
    """Return whether a limit that was sent as an amount is in effect."""
    if report is None:
        return Verdict.MUTE
    reported = report.in_unit(unit, phases)
    if reported is None:
        return Verdict.UNLIMITED
    if unit is ChargingRateUnit.AMPERES:
        slack = _AMPERES
    else:
        slack = max(amount * _WATTS_PER_WATT, _WATTS)
    # Floats, of which the last digit is not meant.
    is_met = reported <= amount + slack + 1e-6
    return Verdict.EFFECTIVE if is_met else Verdict.INEFFECTIVE
