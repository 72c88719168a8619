"""The limit against charge points that each refuse, or ignore, something: it holds or raises."""

from collections.abc import Callable, Iterator, Mapping
from itertools import chain, combinations, product
from typing import Any, NamedTuple

import pytest

from custom_components.bemcom_connectors.connector.model import ConnectorError
from custom_components.bemcom_connectors.ocpp.enums import ChargingRateUnit
from custom_components.bemcom_connectors.ocpp.limit_walk import MAX_CALLS
from custom_components.bemcom_connectors.ocpp.limits import LimitResult

from .limited_charger import (
    DEFAULT,
    MAX,
    TX,
    Charger,
    LimitedChargePoint,
    Refuses,
    error,
)

PURPOSES = (MAX, DEFAULT, TX)
UNITS = ("A", "W")
KINDS = ("Absolute", "Relative", "Recurring")
LEVELS = (3, 1, 0)
WISH = 10.0
KEYS = {"ChargeProfileMaxStackLevel": "3", "SupportedFeatureProfiles": "SmartCharging"}


class Disliked(NamedTuple):
    """What a charge point does not like."""

    purposes: tuple[str, ...]
    units: tuple[str, ...]
    kinds: tuple[str, ...]
    levels: tuple[int, ...]

    def meets(self, profile: Mapping[str, Any]) -> bool:
        """Tell whether a profile has anything of that."""
        return (
            profile["chargingProfilePurpose"] in self.purposes
            or profile["chargingSchedule"]["chargingRateUnit"] in self.units
            or profile["chargingProfileKind"] in self.kinds
            or profile["stackLevel"] in self.levels
        )


def subsets[T](values: tuple[T, ...]) -> Iterator[tuple[T, ...]]:
    """Return all subsets."""
    return chain.from_iterable(
        combinations(values, it) for it in range(len(values) + 1)
    )


ALL = [
    Disliked(*it)
    for it in product(
        subsets(PURPOSES), subsets(UNITS), subsets(KINDS), subsets(LEVELS)
    )
]

# What charge points answer to what they dislike.
HOW: dict[str, Any] = {
    "rejected": "Rejected",
    "not_supported": "NotSupported",
    "error": error(text="I do not like that"),
}


def charger_of(connectors: int) -> Charger:
    """Return a charge point on which somebody else left profiles."""
    charger = Charger(connectors)
    left = [(0, 16.0, 900, DEFAULT)]
    if connectors > 1:
        left += [(2, 13.0, 901, DEFAULT)]
    for connector_id, limit, profile_id, purpose in left:
        charger.answer(
            "SetChargingProfile",
            {
                "connectorId": connector_id,
                "csChargingProfiles": {
                    "chargingProfileId": profile_id,
                    "stackLevel": 0,
                    "chargingProfilePurpose": purpose,
                    "chargingProfileKind": "Absolute",
                    "chargingSchedule": {
                        "startSchedule": "2026-01-01T00:00:00Z",
                        "chargingRateUnit": "A",
                        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}],
                    },
                },
            },
        )
    charger.heard.clear()
    return charger


def possible(
    disliked: Disliked, connector_id: int, connectors: int, session: bool
) -> bool:
    """Tell whether there is any way, by the rules of where a limit may be."""
    purposes = {MAX} if connector_id == 0 or connectors == 1 else set()
    if connector_id or connectors == 1:
        purposes |= {DEFAULT, TX} if session else {DEFAULT}
    kinds = set(KINDS) - set(disliked.kinds)
    if set(UNITS) <= set(disliked.units) or set(LEVELS) <= set(disliked.levels):
        return False
    return any(
        kinds - ({"Relative"} if purpose == MAX else set())
        for purpose in purposes - set(disliked.purposes)
    )


def refusing(disliked: Disliked, answer: Any) -> Refuses:
    """Return a rule that refuses what is disliked."""
    return lambda _, it: answer if disliked.meets(it) else None


def ignoring(disliked: Disliked) -> Callable[[int, Mapping[str, Any]], bool]:
    """Return a rule that takes what is disliked without doing anything about it."""
    return lambda _, it: it["chargingProfileId"] >= 1000 and disliked.meets(it)


async def limited(
    cp: LimitedChargePoint, connector_id: int
) -> LimitResult | ConnectorError:
    """Limit, and return what came of it."""
    try:
        return await cp.limits.set_limit(connector_id, WISH, ChargingRateUnit.AMPERES)
    except ConnectorError as err:
        return err


@pytest.mark.parametrize("session", [False, True], ids=["idle", "session"])
@pytest.mark.parametrize("connectors", [1, 2])
@pytest.mark.parametrize("connector_id", [0, 1], ids=["station", "connector"])
@pytest.mark.parametrize("how", HOW)
async def test_what_is_refused(
    how: str, connector_id: int, connectors: int, session: bool
) -> None:
    # All of them for a connector where that is told by a status, and some otherwise.
    step = 37 if how != "rejected" else 1 if connector_id else 5
    for disliked in ALL[::step]:
        charger = charger_of(connectors)
        cp = LimitedChargePoint(charger, KEYS)
        if session:
            cp.start()
        before = charger.current(2)
        charger.refuses = refusing(disliked, HOW[how])
        result = await limited(cp, connector_id)
        calls = len(charger.heard)
        assert calls <= MAX_CALLS, disliked
        in_effect = charger.current(connector_id or (connectors == 1))
        if isinstance(result, LimitResult):
            assert in_effect is not None, (disliked, result)
            assert in_effect <= WISH + 0.1, (disliked, result)
            assert cp.limits.limit_of(connector_id) == (WISH, "A")
        else:
            is_cut_short = calls > MAX_CALLS - 4
            is_possible = possible(disliked, connector_id, connectors, session)
            assert is_cut_short or not is_possible, disliked
            assert cp.limits.limit_of(connector_id) is None
        if connector_id and connectors > 1:
            assert charger.current(2) == before, disliked
        for task in cp.tasks:
            task.cancel()


@pytest.mark.parametrize("session", [False, True], ids=["idle", "session"])
@pytest.mark.parametrize("connectors", [1, 2])
@pytest.mark.parametrize("connector_id", [0, 1], ids=["station", "connector"])
@pytest.mark.parametrize("reports", [True, False], ids=["reports", "mute"])
async def test_what_is_accepted_and_ignored(
    connector_id: int, connectors: int, session: bool, reports: bool
) -> None:
    for disliked in ALL[::7]:
        charger = charger_of(connectors)
        cp = LimitedChargePoint(charger, KEYS)
        if session:
            cp.start()
        before = charger.current(2)
        charger.ignores = ignoring(disliked)
        if not reports:
            charger.report = error("NotImplemented")
        result = await limited(cp, connector_id)
        assert len(charger.heard) <= MAX_CALLS, disliked
        in_effect = charger.current(connector_id or (connectors == 1))
        holds = in_effect is not None and in_effect <= WISH + 0.1
        if isinstance(result, LimitResult):
            # What nobody reports cannot be known; it is said so.
            assert holds or not result.verified, (disliked, result)
            if reports and (session or in_effect is not None):
                assert holds, (disliked, result)
        if connector_id and connectors > 1:
            assert charger.current(2) == before, disliked
        for task in cp.tasks:
            task.cancel()
