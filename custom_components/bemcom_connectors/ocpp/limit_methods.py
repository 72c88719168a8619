"""Ways to limit a charge point: which there are, in what order, and which of them worked."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
import math
from typing import Any, NamedTuple, Self, override

from .charging_profile import ChargingProfile, ChargingSchedule, Period, tenths
from .enums import (
    ChargingProfileKind,
    ChargingProfilePurpose,
    ChargingRateUnit,
    RecurrencyKind,
)
from .quirks import Adjustments
from .smart_charging import converted

VOLTS = 230.0
# No car charges with less, per phase.
MIN_CURRENT = 6.0

_MAX = ChargingProfilePurpose.CHARGE_POINT_MAX_PROFILE
_DEFAULT = ChargingProfilePurpose.TX_DEFAULT_PROFILE
_TX = ChargingProfilePurpose.TX_PROFILE
_IDS = {_MAX: 1000, _DEFAULT: 2000, _TX: 3000}

_MINUTE = 60
_MAX_LEVEL = 2**31 - 1
_MAX_TEXT = 255
_MAX_SITUATIONS = 16


class Limit(NamedTuple):
    """What somebody wants: 0 is a pause."""

    value: float
    unit: ChargingRateUnit

    @override
    def __str__(self) -> str:
        return f"{self.value:g} {self.unit.value}"

    def normal(self) -> Limit:
        """Return what can be had of it: never more, and a pause where no car can charge."""
        least = MIN_CURRENT
        if self.unit is ChargingRateUnit.WATTS:
            # Of a single phase, as that may be all that the car uses.
            least *= VOLTS
        value = tenths(self.value)
        return Limit(value if value >= least else 0, self.unit)

    def in_unit(self, unit: ChargingRateUnit, phases: int) -> float:
        """Return it as it is sent."""
        value, own_unit = self.normal()
        value = converted(value, own_unit, unit, volts=VOLTS, phases=phases)
        is_amperes = unit is ChargingRateUnit.AMPERES
        return 0 if is_amperes and value < MIN_CURRENT else value


class Place(NamedTuple):
    """Where a limit can be: a purpose on a connector, 0 is the charge point as a whole."""

    purpose: ChargingProfilePurpose
    connector_id: int

    @property
    def profile_id(self) -> int:
        """Return the id of the only profile that we have there."""
        return _IDS[self.purpose] + self.connector_id

    @property
    def is_maximum(self) -> bool:
        """Tell whether it bounds whatever else is there."""
        return self.purpose is _MAX


class Method(NamedTuple):
    """How a limit is written: `whole` on connector 0, whichever connector it is for."""

    purpose: ChargingProfilePurpose
    whole: bool
    unit: ChargingRateUnit
    kind: ChargingProfileKind
    stack_level: int

    @override
    def __str__(self) -> str:
        where = "0" if self.whole else "connector"
        words = self.purpose, where, self.kind, self.unit, self.stack_level
        return " ".join(map(str, words))

    @classmethod
    def of(cls, profile: ChargingProfile, connector_id: int) -> Self:
        """Return how a limit is written that is there."""
        unit = profile.schedule.unit
        whole = connector_id == 0
        return cls(profile.purpose, whole, unit, profile.kind, profile.stack_level)

    def profile(
        self, place: Place, amount: float, now: float, transaction_id: int | None
    ) -> ChargingProfile:
        """Return the profile that limits to an amount from now on."""
        start = None
        if self.kind is not ChargingProfileKind.RELATIVE:
            # A bit in the past, as clocks differ.
            start = float(math.floor(now / _MINUTE) * _MINUTE)
        recurs = self.kind is ChargingProfileKind.RECURRING
        return ChargingProfile(
            id=place.profile_id,
            stack_level=self.stack_level,
            purpose=self.purpose,
            kind=self.kind,
            recurrency=RecurrencyKind.DAILY if recurs else None,
            schedule=ChargingSchedule(
                unit=self.unit, start=start, periods=(Period(start=0, limit=amount),)
            ),
            transaction_id=transaction_id if self.purpose is _TX else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What a charge point takes, as far as it says so."""

    adjustments: Adjustments
    units: frozenset[ChargingRateUnit] = frozenset(ChargingRateUnit)
    # Whether it says which units it takes.
    names_units: bool = False
    max_level: int | None = None
    # Where it does not say how high stack levels go: one that is high enough.
    usual_level: int = 1


def places(
    connector_id: int,
    connectors: Sequence[int],
    *,
    in_session: bool,
    use_maximum: bool,
) -> list[Place]:
    """Return where a limit of a connector, 0: of the charge point, can be.

    What is on connector 0 concerns all connectors, so that it is for the charge point, or
    for the only connector that there is. The memory of charge points wears out less by what
    is gone after a transaction.
    """
    only = connectors[0] if len(connectors) == 1 else None
    maximum = [Place(_MAX, 0)] if use_maximum else []
    if connector_id == 0 and only is None:
        return maximum
    own = only if connector_id == 0 and only is not None else connector_id
    transaction = [Place(_TX, own)] if in_session else []
    if connector_id == 0:
        return [*maximum, *transaction, Place(_DEFAULT, 0), Place(_DEFAULT, own)]
    if only is None:
        return [*transaction, Place(_DEFAULT, own)]
    return [*transaction, Place(_DEFAULT, own), Place(_DEFAULT, 0), *maximum]


def methods(place: Place, limit: Limit, abilities: Abilities) -> list[Method]:
    """Return the ways to write a limit for a place, the most promising first.

    Those that differ in one thing from the best one come before those that differ in two,
    as charge points mostly dislike one thing.
    """
    units = _units(limit, abilities)
    kinds = [ChargingProfileKind.ABSOLUTE]
    if not place.is_maximum:
        kinds.append(ChargingProfileKind.RELATIVE)
    kinds.append(ChargingProfileKind.RECURRING)
    found = [
        (
            (unit not in abilities.units, (u > 0) + (k > 0) + (s > 0), u, k, s),
            unit,
            kind,
            level,
        )
        for u, unit in enumerate(units)
        for k, kind in enumerate(kinds)
        for s, level in enumerate(_levels(abilities))
    ]
    found.sort(key=lambda it: it[0])
    whole = place.connector_id == 0
    return [
        Method(place.purpose, whole, unit, kind, level)
        for _, unit, kind, level in found
    ]


def _units(limit: Limit, abilities: Abilities) -> list[ChargingRateUnit]:
    """Return the units to try: amperes first, unless watts are wanted and taken for sure."""
    amperes, watts = ChargingRateUnit.AMPERES, ChargingRateUnit.WATTS
    if abilities.adjustments.watts_only:
        return [watts]
    if abilities.adjustments.amperes_only:
        return [amperes]
    is_exact = limit.unit is watts and abilities.names_units
    units = [watts, amperes] if is_exact else [amperes, watts]
    return sorted(units, key=lambda it: it not in abilities.units)


def _levels(abilities: Abilities) -> list[int]:
    """Return the stack levels to try: the highest one counts, some take low ones only."""
    if abilities.adjustments.max_stack_level_zero:
        return [0]
    highest = abilities.max_level
    first = abilities.usual_level if highest is None else highest
    levels = dict.fromkeys((first, 1, 0))
    return [it for it in levels if highest is None or it <= highest]


class Memory:
    """What worked, by situations; with another firmware all that may be different."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self.firmware = ""
        self.worked: dict[str, Method] = {}
        # Where it says nothing of what is in effect.
        self.mute: set[str] = set()

    def check_firmware(self, firmware: str) -> None:
        """Forget what was known of another firmware."""
        firmware = firmware[:_MAX_TEXT]
        if firmware and firmware != self.firmware:
            if self.firmware:
                self.worked.clear()
                self.mute.clear()
            self.firmware = firmware

    def order(
        self,
        situation: str,
        all_places: Sequence[Place],
        limit: Limit,
        abilities: Abilities,
    ) -> Iterator[tuple[Place, list[Method]]]:
        """Yield where and how to try: what worked first, then all else by its place."""
        best = self.worked.get(situation)
        known = {(it.kind, it.stack_level) for it in self.worked.values()}
        found = [(place, methods(place, limit, abilities)) for place in all_places]
        for place, ways in found:
            if best in ways and _is_at(best, place):
                yield place, [best]
        for place, ways in found:
            rest = [way for way in ways if way != best]
            # What worked elsewhere is likely to work here.
            yield (
                place,
                sorted(rest, key=lambda way: (way.kind, way.stack_level) not in known),
            )

    def to_dict(self) -> dict[str, Any]:
        """Return what is kept over restarts."""
        return {
            "firmware": self.firmware,
            "worked": {key: list(it) for key, it in self.worked.items()},
            "mute": sorted(self.mute),
        }

    def restore(self, data: object) -> None:
        """Take up what was kept, as far as there is sense in it."""
        if not isinstance(data, Mapping):
            return
        if isinstance(firmware := data.get("firmware"), str):
            self.firmware = firmware[:_MAX_TEXT]
        worked = data.get("worked")
        items = worked.items() if isinstance(worked, Mapping) else ()
        for key, stored in list(items)[:_MAX_SITUATIONS]:
            if isinstance(key, str) and (method := read_method(stored)) is not None:
                self.worked[key] = method
        mute = data.get("mute")
        if isinstance(mute, list):
            self.mute = {it for it in mute[:_MAX_SITUATIONS] if isinstance(it, str)}


def situation_of(limit: Limit, *, whole: bool, in_session: bool) -> str:
    """Return a name for what decides which way works."""
    what = "charge point" if whole else "connector"
    return f"{what}, {'session' if in_session else 'idle'}, {limit.unit.value}"


def read_method(stored: object) -> Method | None:
    """Return a method as it was stored; None: that is none."""
    match stored:
        case [
            str() as purpose,
            bool() as whole,
            str() as unit,
            str() as kind,
            int() as level,
        ]:
            try:
                return Method(
                    ChargingProfilePurpose(purpose),
                    whole,
                    ChargingRateUnit(unit),
                    ChargingProfileKind(kind),
                    max(0, min(level, _MAX_LEVEL)),
                )
            except ValueError:
                return None
    return None


def _is_at(method: Method | None, place: Place) -> bool:
    """Tell whether a method is one for a place."""
    return (
        method is not None
        and method.purpose is place.purpose
        and method.whole is (place.connector_id == 0)
    )
