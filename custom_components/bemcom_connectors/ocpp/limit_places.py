"""Where the limits of one charge point are, how they share its places, and what is sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from .enums import ChargingProfilePurpose, ChargingRateUnit
from .limit_methods import Abilities, Limit, Method, Place, places, read_method
from .model import MAX_CONNECTORS
from .profiles import Profiles, Target as ProfilesTarget
from .quirks import Adjustments

_LATEST = 1e12
_UNITS_KEY = "ChargingScheduleAllowedChargingRateUnit"
_TX = ChargingProfilePurpose.TX_PROFILE
_DEFAULT = ChargingProfilePurpose.TX_DEFAULT_PROFILE


class Target(ProfilesTarget, Protocol):
    """The charge point, as its limits see it."""

    adjustments: Adjustments
    profiles: Profiles
    boots: int


@dataclass(slots=True, kw_only=True)
class InEffect:
    """A limit that a charge point accepted: as it was wished, and as it was sent."""

    limit: Limit
    place: Place
    method: Method
    amount: float
    # How often the charge point had booted by then.
    boots: int
    # Whether the charge point reports it.
    verified: bool = False
    # Whether nothing happened since that may have ended it.
    certain: bool = True

    def is_installed(self, profiles: Profiles) -> bool:
        """Tell whether its profile is still what is installed in its place."""
        found = profiles.installed.by_id(self.place.profile_id)
        return (
            found is not None
            and found.connector_id == self.place.connector_id
            and found.profile.purpose is self.place.purpose
            and found.profile.schedule.unit is self.method.unit
            and [it.limit for it in found.profile.schedule.periods] == [self.amount]
        )

    def to_dict(self) -> dict[str, Any]:
        """Return what is kept over restarts."""
        return {
            "limit": list(self.limit),
            "connector": self.place.connector_id,
            "method": list(self.method),
            "amount": self.amount,
            "verified": self.verified,
            "certain": self.certain,
        }


def read_in_effect(stored: object) -> InEffect | None:
    """Return what was in effect as it was stored; None: that is nothing."""
    match stored:
        case {
            "limit": [int() | float() as value, ("A" | "W") as unit],
            "connector": int() as connector_id,
            "amount": int() | float() as amount,
            "method": method_data,
            "verified": bool() as verified,
            "certain": bool() as certain,
        } if 0 <= value < _LATEST and 0 <= connector_id <= MAX_CONNECTORS:
            if (method := read_method(method_data)) is None:
                return None
            return InEffect(
                limit=Limit(value, ChargingRateUnit(unit)),
                place=Place(method.purpose, connector_id),
                method=method,
                amount=amount,
                boots=0,
                verified=verified,
                certain=certain,
            )
    return None


class Layout:
    """The places of all limits; 0 is that of the charge point.

    Where there is one connector only, its limit and that of the charge point may have to
    share places.
    """

    def __init__(self, target: Target, in_effect: Mapping[int, InEffect]) -> None:
        """Follow what is in effect."""
        self._target = target
        self._in_effect = in_effect

    @property
    def only(self) -> int | None:
        """Return the only connector; None: there are several, or may be."""
        ids = self._target.connector_ids
        count = self._target.configuration.number("NumberOfConnectors")
        return ids[0] if len(ids) == 1 and count in {None, 1} else None

    def measured(self, connector_id: int) -> int:
        """Return the connector whose current a limit is about; 0: of all together."""
        return connector_id or self.only or 0

    def other(self, connector_id: int) -> int | None:
        """Return whose limit may share places with this one."""
        if (only := self.only) is None:
            return None
        return 0 if connector_id == only else only

    def now(self, connector_id: int) -> list[Place]:
        """Return where a limit can be now."""
        measured = self.measured(connector_id)
        running = self._target.profiles.transaction_id(measured)
        return self._places(
            connector_id,
            in_session=running is not None,
            use_maximum=self._target.adjustments.use_max_profile,
        )

    def mine(self, connector_id: int) -> list[Place]:
        """Return where there may be profiles for this limit, and not for the other one."""
        taken = self._beside(connector_id)
        found = [
            it
            for it in self._places(connector_id, in_session=True, use_maximum=True)
            if taken is None or it != taken.place
        ]
        # What counts without a transaction is the most likely to be there.
        return sorted(found, key=lambda it: it.purpose is _TX)

    def leftovers(self, connector_id: int, place: Place) -> list[Place]:
        """Return our profiles that must not stay when the limit is in another place."""
        installed = self._target.profiles.installed
        return [
            it
            for it in self.mine(connector_id)
            if it != place
            and installed.by_id(it.profile_id) is not None
            # A default counts again when the transaction is over.
            and not (place.purpose is _TX and it.purpose is _DEFAULT)
        ]

    def amount(self, connector_id: int, found: InEffect) -> float:
        """Return what should have been sent for a limit."""
        unit = found.method.unit
        return self.amount_at(connector_id, found.limit, found.place, unit)

    def amount_at(
        self, connector_id: int, limit: Limit, place: Place, unit: ChargingRateUnit
    ) -> float:
        """Return what is sent to a place: never more than both limits that share it."""
        phases = self._target.profiles.phases(connector_id)
        amount = limit.in_unit(unit, phases)
        beside = self._beside(connector_id)
        if beside is not None and beside.place.is_maximum is place.is_maximum:
            amount = min(amount, beside.limit.in_unit(unit, phases))
        return amount

    def default(self, connector_id: int, former: InEffect) -> InEffect | None:
        """Return the same limit by what outlasts a transaction, if that is there."""
        profiles = self._target.profiles
        for place in self.now(connector_id):
            if (it := profiles.installed.by_id(place.profile_id)) is None:
                continue
            unit = it.profile.schedule.unit
            found = InEffect(
                limit=former.limit,
                place=place,
                method=Method.of(it.profile, place.connector_id),
                amount=self.amount_at(connector_id, former.limit, place, unit),
                boots=former.boots,
            )
            if found.is_installed(profiles):
                return found
        return None

    def abilities(self) -> Abilities:
        """Return what the charge point takes, as far as it says so."""
        target = self._target
        capabilities = target.profiles.capabilities
        levels = [it.profile.stack_level for it in target.profiles.installed]
        return Abilities(
            adjustments=target.adjustments,
            units=capabilities.units,
            names_units=target.configuration.text(_UNITS_KEY) is not None,
            max_level=capabilities.max_stack_level,
            usual_level=max([1, *levels]),
        )

    def _beside(self, connector_id: int) -> InEffect | None:
        """Return the limit that may share places with this one, if it is in effect."""
        other = self.other(connector_id)
        return None if other is None else self._in_effect.get(other)

    def _places(
        self, connector_id: int, *, in_session: bool, use_maximum: bool
    ) -> list[Place]:
        # If there may be more connectors than are known, it is not the only one.
        only = self.only
        known: Sequence[int] = [] if only is None else [only]
        return places(
            connector_id, known, in_session=in_session, use_maximum=use_maximum
        )
