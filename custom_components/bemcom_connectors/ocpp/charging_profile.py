"""Charging profiles: what limits charging, and when.

Points in time are seconds since 1970, everything else counts in seconds from one of them.
"""

from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
import math

from ..connector.model import JsonValue
from .enums import (
    ChargingProfileKind,
    ChargingProfilePurpose,
    ChargingRateUnit,
    RecurrencyKind,
)
from .timestamps import write_timestamp

_TENTH = Decimal("0.1")
# Floats this large have no decimals.
_WHOLE = 2**53


def tenths(value: float) -> float:
    """Return a number rounded down to one decimal; an int if that is a whole number."""
    if not math.isfinite(value):
        return value
    if abs(value) >= _WHOLE:
        return int(value)
    # The shortest way to write a float is what was meant: 16.1 is not a bit less than that.
    rounded = Decimal(repr(value)).quantize(_TENTH, ROUND_FLOOR)
    return int(rounded) if rounded == rounded.to_integral_value() else float(rounded)


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A limit that counts from so many seconds after its schedule's start."""

    start: int
    limit: float
    phases: int | None = None

    def to_payload(self) -> dict[str, JsonValue]:
        """Return the period as OCPP writes it."""
        payload: dict[str, JsonValue] = {
            "startPeriod": self.start,
            "limit": tenths(self.limit),
        }
        if self.phases is not None:
            payload["numberPhases"] = self.phases
        return payload


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargingSchedule:
    """Limits one after the other; without `duration` the last one never ends."""

    unit: ChargingRateUnit
    periods: tuple[Period, ...]
    start: float | None = None
    duration: int | None = None
    min_rate: float | None = None

    def to_payload(self) -> dict[str, JsonValue]:
        """Return the schedule as OCPP writes it."""
        payload: dict[str, JsonValue] = {}
        if self.duration is not None:
            payload["duration"] = self.duration
        if self.start is not None:
            payload["startSchedule"] = write_timestamp(self.start)
        payload["chargingRateUnit"] = self.unit.value
        payload["chargingSchedulePeriod"] = [it.to_payload() for it in self.periods]
        if self.min_rate is not None:
            payload["minChargingRate"] = tenths(self.min_rate)
        return payload


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargingProfile:
    """A schedule with its place among the others: purpose, level and validity."""

    id: int
    stack_level: int
    purpose: ChargingProfilePurpose
    kind: ChargingProfileKind
    schedule: ChargingSchedule
    recurrency: RecurrencyKind | None = None
    valid_from: float | None = None
    valid_to: float | None = None
    transaction_id: int | None = None

    def to_payload(self) -> dict[str, JsonValue]:
        """Return the profile as OCPP writes it, csChargingProfiles."""
        payload: dict[str, JsonValue] = {"chargingProfileId": self.id}
        if self.transaction_id is not None:
            payload["transactionId"] = self.transaction_id
        payload["stackLevel"] = self.stack_level
        payload["chargingProfilePurpose"] = self.purpose.value
        payload["chargingProfileKind"] = self.kind.value
        if self.recurrency is not None:
            payload["recurrencyKind"] = self.recurrency.value
        if self.valid_from is not None:
            payload["validFrom"] = write_timestamp(self.valid_from)
        if self.valid_to is not None:
            payload["validTo"] = write_timestamp(self.valid_to)
        payload["chargingSchedule"] = self.schedule.to_payload()
        return payload
