"""The rules of charging profiles: what no charge point takes, and what this one does not."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
import math
import re
from typing import Self

from ..connector.model import ConnectorError
from .charging_profile import ChargingProfile, ChargingSchedule, tenths
from .enums import ChargingProfileKind, ChargingProfilePurpose, ChargingRateUnit
from .field_parsers import MAX_INTEGER

# More than any charge point takes; what it takes is in its configuration.
MAX_PERIODS = 1000
# What every charge point can hold.
_MAX_NUMBER = 2**31 - 1
# Until the end of the year 9999.
_MAX_TIME = 253402300799

_UNITS: Mapping[str, ChargingRateUnit] = {
    **dict.fromkeys(
        ("a", "amp", "amps", "ampere", "amperes", "current"), ChargingRateUnit.AMPERES
    ),
    **dict.fromkeys(("w", "watt", "watts", "power"), ChargingRateUnit.WATTS),
}
_ALL_UNITS = frozenset(ChargingRateUnit)


class ProfileRule(StrEnum):
    """What a charging profile breaks."""

    # What was read is no profile.
    UNREADABLE = "unreadable"
    MISSING_FIELD = "missing_field"
    UNKNOWN_FIELD = "unknown_field"
    # Where it goes.
    MAX_PROFILE_ON_CONNECTOR = "max_profile_on_connector"
    TX_PROFILE_ON_CHARGE_POINT = "tx_profile_on_charge_point"
    TX_PROFILE_WITHOUT_TRANSACTION = "tx_profile_without_transaction"
    OTHER_TRANSACTION = "other_transaction"
    TRANSACTION_NOT_ALLOWED = "transaction_not_allowed"
    TX_PROFILE_NEEDED = "tx_profile_needed"
    # When it counts.
    RELATIVE_MAX_PROFILE = "relative_max_profile"
    RELATIVE_WITH_START = "relative_with_start"
    ABSOLUTE_WITHOUT_START = "absolute_without_start"
    RECURRING_WITHOUT_KIND = "recurring_without_kind"
    RECURRING_WITHOUT_START = "recurring_without_start"
    VALIDITY_ENDS_BEFORE_START = "validity_ends_before_start"
    DURATION_NOT_POSITIVE = "duration_not_positive"
    # What is in it.
    NO_PERIODS = "no_periods"
    FIRST_PERIOD_NOT_ZERO = "first_period_not_zero"
    PERIODS_NOT_ASCENDING = "periods_not_ascending"
    PHASES = "phases"
    NEGATIVE_LIMIT = "negative_limit"
    NOT_FINITE = "not_finite"
    OUT_OF_RANGE = "out_of_range"
    # What this charge point does not take.
    UNIT_NOT_ALLOWED = "unit_not_allowed"
    TOO_MANY_PERIODS = "too_many_periods"
    STACK_LEVEL_TOO_HIGH = "stack_level_too_high"
    TOO_MANY_PROFILES = "too_many_profiles"


class ProfileError(ConnectorError):
    """A charging profile that breaks a rule, with what is to be named of it."""

    def __init__(self, rule: ProfileRule, **placeholders: object) -> None:
        """Keep the rule, and the numbers and words that go with it."""
        self.rule = rule
        self.placeholders = {name: str(value) for name, value in placeholders.items()}
        named = ", ".join(f"{it[0]}: {it[1]}" for it in self.placeholders.items())
        super().__init__(f"{rule.value} ({named})" if named else rule.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What charging profiles a charge point takes; None: it does not say."""

    units: frozenset[ChargingRateUnit] = _ALL_UNITS
    max_periods: int | None = None
    max_stack_level: int | None = None
    max_profiles: int | None = None

    @classmethod
    def of(cls, values: Mapping[str, str]) -> Self:
        """Read them from configuration keys, which count whatever their case."""
        folded = {key.casefold(): value for key, value in values.items()}
        return cls(
            units=_units(folded.get("chargingscheduleallowedchargingrateunit", "")),
            max_periods=_number(folded.get("chargingschedulemaxperiods")) or None,
            # The only one of which zero makes sense: levels begin there.
            max_stack_level=_number(folded.get("chargeprofilemaxstacklevel")),
            max_profiles=_number(folded.get("maxchargingprofilesinstalled")) or None,
        )


def read_unit(text: str) -> ChargingRateUnit | None:
    """Return the unit that a word stands for."""
    return _UNITS.get(text.strip().casefold())


def finite(number: float, field: str) -> float:
    """Return a number; raises ProfileError if it is infinite, or none."""
    if isinstance(number, float) and not math.isfinite(number):
        raise ProfileError(ProfileRule.NOT_FINITE, field=field)
    return number


def rounded(profile: ChargingProfile) -> ChargingProfile:
    """Return a profile as it can be sent: one decimal, rounded down, and whole seconds."""
    schedule = profile.schedule
    min_rate = schedule.min_rate
    return replace(
        profile,
        valid_from=_whole(profile.valid_from),
        valid_to=_whole(profile.valid_to),
        schedule=replace(
            schedule,
            start=_whole(schedule.start),
            min_rate=None if min_rate is None else tenths(min_rate),
            periods=tuple(
                replace(it, limit=tenths(it.limit)) for it in schedule.periods
            ),
        ),
    )


def check_profile(
    profile: ChargingProfile,
    connector_id: int,
    capabilities: Capabilities,
    *,
    transaction_id: int | None,
) -> None:
    """Raise ProfileError if it cannot be set; `transaction_id` runs on the connector."""
    purpose = profile.purpose
    if purpose is ChargingProfilePurpose.TX_PROFILE:
        if connector_id == 0:
            raise ProfileError(ProfileRule.TX_PROFILE_ON_CHARGE_POINT)
        if transaction_id is None:
            raise ProfileError(
                ProfileRule.TX_PROFILE_WITHOUT_TRANSACTION, connector=connector_id
            )
        if profile.transaction_id not in {None, transaction_id}:
            raise ProfileError(
                ProfileRule.OTHER_TRANSACTION,
                transaction=profile.transaction_id,
                running=transaction_id,
            )
    elif purpose is ChargingProfilePurpose.CHARGE_POINT_MAX_PROFILE and connector_id:
        raise ProfileError(ProfileRule.MAX_PROFILE_ON_CONNECTOR, connector=connector_id)
    check_form(profile)
    check_capabilities(profile, capabilities)


def check_start_profile(profile: ChargingProfile, capabilities: Capabilities) -> None:
    """Raise ProfileError if a transaction cannot be started with the profile."""
    if profile.purpose is not ChargingProfilePurpose.TX_PROFILE:
        raise ProfileError(ProfileRule.TX_PROFILE_NEEDED, purpose=profile.purpose.value)
    if profile.transaction_id is not None:
        raise ProfileError(
            ProfileRule.TRANSACTION_NOT_ALLOWED, transaction=profile.transaction_id
        )
    check_form(profile)
    check_capabilities(profile, capabilities)


def check_form(profile: ChargingProfile) -> None:
    """Raise ProfileError if no charge point can take a profile, wherever it goes."""
    _check_numbers(profile)
    _check_kind(profile)
    if (
        profile.transaction_id is not None
        and profile.purpose is not ChargingProfilePurpose.TX_PROFILE
    ):
        raise ProfileError(
            ProfileRule.TRANSACTION_NOT_ALLOWED, transaction=profile.transaction_id
        )
    if (
        profile.valid_from is not None
        and profile.valid_to is not None
        and profile.valid_to <= profile.valid_from
    ):
        raise ProfileError(ProfileRule.VALIDITY_ENDS_BEFORE_START)
    duration = profile.schedule.duration
    if duration is not None and duration <= 0:
        raise ProfileError(ProfileRule.DURATION_NOT_POSITIVE, duration=duration)
    _check_periods(profile.schedule)


def check_capabilities(profile: ChargingProfile, capabilities: Capabilities) -> None:
    """Raise ProfileError if this charge point does not take a profile."""
    unit, highest = profile.schedule.unit, capabilities.max_stack_level
    if unit not in capabilities.units:
        allowed = ", ".join(sorted(capabilities.units))
        raise ProfileError(
            ProfileRule.UNIT_NOT_ALLOWED, unit=unit.value, allowed=allowed
        )
    _check_count(len(profile.schedule.periods), capabilities.max_periods)
    if highest is not None and profile.stack_level > highest:
        raise ProfileError(
            ProfileRule.STACK_LEVEL_TOO_HIGH,
            level=profile.stack_level,
            maximum=highest,
        )


def check_number(count: int, capabilities: Capabilities) -> None:
    """Raise ProfileError if a charge point cannot hold so many profiles."""
    maximum = capabilities.max_profiles
    if maximum is not None and count > maximum:
        raise ProfileError(ProfileRule.TOO_MANY_PROFILES, number=count, maximum=maximum)


def _check_kind(profile: ChargingProfile) -> None:
    """Raise ProfileError if the kind of a profile does not go with the rest."""
    start = profile.schedule.start
    match profile.kind:
        case ChargingProfileKind.RELATIVE:
            if profile.purpose is ChargingProfilePurpose.CHARGE_POINT_MAX_PROFILE:
                raise ProfileError(ProfileRule.RELATIVE_MAX_PROFILE)
            if start is not None:
                raise ProfileError(ProfileRule.RELATIVE_WITH_START)
        case ChargingProfileKind.ABSOLUTE:
            if start is None:
                raise ProfileError(ProfileRule.ABSOLUTE_WITHOUT_START)
        case ChargingProfileKind.RECURRING:
            if profile.recurrency is None:
                raise ProfileError(ProfileRule.RECURRING_WITHOUT_KIND)
            if start is None:
                raise ProfileError(ProfileRule.RECURRING_WITHOUT_START)


def _check_periods(schedule: ChargingSchedule) -> None:
    """Raise ProfileError if periods do not follow one another from the beginning."""
    periods = schedule.periods
    if not periods:
        raise ProfileError(ProfileRule.NO_PERIODS)
    _check_count(len(periods), MAX_PERIODS)
    if periods[0].start != 0:
        raise ProfileError(ProfileRule.FIRST_PERIOD_NOT_ZERO, start=periods[0].start)
    for before, period in pairwise(periods):
        if period.start <= before.start:
            raise ProfileError(
                ProfileRule.PERIODS_NOT_ASCENDING,
                start=period.start,
                before=before.start,
            )
    for period in periods:
        if period.phases not in {None, 1, 2, 3}:
            raise ProfileError(ProfileRule.PHASES, phases=period.phases)


def _check_count(count: int, maximum: int | None) -> None:
    if maximum is not None and count > maximum:
        raise ProfileError(ProfileRule.TOO_MANY_PERIODS, number=count, maximum=maximum)


def _check_numbers(profile: ChargingProfile) -> None:
    """Raise ProfileError if a number is none, or one that nobody can send."""
    for name, value, least, most in _numbers(profile):
        if value is None:
            continue
        finite(value, name)
        if name in {"limit", "minChargingRate"} and value < 0:
            raise ProfileError(ProfileRule.NEGATIVE_LIMIT, limit=value)
        if not least <= value <= most:
            raise ProfileError(ProfileRule.OUT_OF_RANGE, field=name)


def _numbers(
    profile: ChargingProfile,
) -> Iterator[tuple[str, float | None, int, int]]:
    """Yield the numbers of a profile: name, value, and the least and the most it can be."""
    schedule, most = profile.schedule, _MAX_NUMBER
    yield "chargingProfileId", profile.id, -most - 1, most
    yield "stackLevel", profile.stack_level, 0, most
    # Some charge points make up longer ones.
    yield "transactionId", profile.transaction_id, -MAX_INTEGER, MAX_INTEGER - 1
    yield "validFrom", profile.valid_from, 0, _MAX_TIME
    yield "validTo", profile.valid_to, 0, _MAX_TIME
    yield "startSchedule", schedule.start, 0, _MAX_TIME
    yield "duration", schedule.duration, -most - 1, most
    yield "minChargingRate", schedule.min_rate, 0, most
    for period in schedule.periods[: MAX_PERIODS + 1]:
        yield "startPeriod", period.start, 0, most
        yield "limit", period.limit, 0, most


def _whole(seconds: float | None) -> float | None:
    """Return a point in time without the fraction of its second."""
    if seconds is None or not math.isfinite(seconds):
        return seconds
    return float(math.floor(seconds))


def _units(text: str) -> frozenset[ChargingRateUnit]:
    """Return the units that a charge point names; all if none of them makes sense."""
    words = re.findall(r"[a-z]+", text.casefold())
    return frozenset(_UNITS[it] for it in words if it in _UNITS) or _ALL_UNITS


def _number(text: str | None) -> int | None:
    """Return a whole number that is not negative; None if that is not what it says."""
    found = re.fullmatch(r"\s*\+?(\d{1,9})(?:[.,]0*)?\s*", text or "", re.ASCII)
    return None if found is None else int(found[1])
