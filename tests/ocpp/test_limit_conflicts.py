"""Limits and profiles where much goes wrong at once: nothing hammers, nothing is forgotten."""

import asyncio
import time
from typing import Any

import pytest

from custom_components.bemcom_connectors.ocpp import limits as limits_module
from custom_components.bemcom_connectors.ocpp.calls import CallFailed, CallReason
from custom_components.bemcom_connectors.ocpp.enums import ChargingRateUnit
from custom_components.bemcom_connectors.ocpp.refusals import Impossible
from custom_components.bemcom_connectors.ocpp.retries import RETRY

from .limited_charger import MAX, Charger, LimitedChargePoint

A, W = ChargingRateUnit.AMPERES, ChargingRateUnit.WATTS
BOTH_UNITS = {"ChargingScheduleAllowedChargingRateUnit": "Current,Power"}


@pytest.fixture(autouse=True)
def _no_gaps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the tests wait for nothing."""
    monkeypatch.setattr(limits_module, "GAP", 0.0)
    monkeypatch.setattr(limits_module, "SETTLING", 0.0)


async def test_limits_in_two_units_that_share_a_place_do_not_fight() -> None:
    """Each would replace the other for ever."""
    charger = Charger(
        1,
        refuses=lambda _, it: (
            "Rejected" if it["chargingProfilePurpose"] == MAX else None
        ),
    )
    cp = LimitedChargePoint(charger, BOTH_UNITS)
    cp.start()
    await cp.idle()
    await cp.limits.set_limit(1, 10, A)
    await cp.limits.set_limit(0, 13800, W)
    await cp.idle()
    before = len(charger.sent())
    assert before <= 10
    for _ in range(5):
        cp.limits.refresh(0)
        await cp.idle()
    assert len(charger.sent()) == before
    assert charger.current(1) == 10
    assert cp.limits.limit_of(1) == (10, A)
    assert cp.limits.limit_of(0) == (13800, W)
    await cp.limits.set_limit(1, 32, A)
    await cp.idle()
    assert charger.current(1) == 20


async def test_what_is_refused_is_not_asked_for_again_at_each_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The car uses one phase, but the charge point takes no other number of watts now."""
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    charger = Charger(1)
    cp = LimitedChargePoint(
        charger, {"ChargingScheduleAllowedChargingRateUnit": "Power"}
    )
    cp.start()
    await cp.idle()
    await cp.limits.set_limit(1, 10, A)
    charger.refuses = lambda *_: "Rejected"
    cp.profiles._phases[1] = 1
    cp.limits.refresh(0)
    await cp.idle()
    count = len(charger.sent())
    for _ in range(5):
        cp.limits.refresh(0)
        await cp.idle()
    assert len(charger.sent()) == count
    now += RETRY + 1
    charger.refuses = lambda *_: None
    cp.limits.refresh(0)
    await cp.idle()
    assert charger.sent()[-1]["chargingSchedule"]["chargingSchedulePeriod"] == [
        {"startPeriod": 0, "limit": 2300}
    ]


@pytest.mark.parametrize("restart", [True, False])
@pytest.mark.parametrize("session", [True, False])
async def test_a_pause_that_was_accepted_too_late_can_be_taken_back(
    session: bool, restart: bool
) -> None:
    """The answer did not come, but the charge point did it."""
    charger = Charger(1)
    cp = LimitedChargePoint(charger, {})
    if session:
        cp.start()
        await cp.idle()

    def late(action: str, payload: dict[str, Any]) -> None:
        if action == "SetChargingProfile":
            charger.answer(action, payload)
            raise CallFailed(CallReason.TIMEOUT, action)

    cp.intercept = late
    saves = cp.host.saves
    with pytest.raises(CallFailed):
        await cp.limits.set_limit(1, 0, A)
    assert charger.current(1) == 0
    cp.intercept = lambda *_: None
    if restart:
        assert cp.host.saves > saves
        former, cp = cp, LimitedChargePoint(charger, {})
        cp.host.book = former.host.book
        cp.profiles.restore(former.profiles.to_dict())
        cp.limits.restore(former.limits.to_dict())
    await cp.limits.clear_limit(1)
    assert charger.current(1) is None


async def test_a_limit_that_was_cleared_meanwhile_is_no_success() -> None:
    cp = LimitedChargePoint(Charger(1), {})
    first = cp.spawn(cp.limits.set_limit(1, 10, A))
    waiting = cp.spawn(cp.limits.set_limit(1, 8, A))
    await asyncio.sleep(0)
    await cp.limits.clear_limit(1)
    await asyncio.wait([first, waiting])
    assert isinstance(waiting.exception(), Impossible)
    assert first.exception() is None or isinstance(first.exception(), Impossible)
    assert cp.limits.limit_of(1) is None
