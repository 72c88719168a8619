"""Limits as they are set, changed quickly, kept over sessions, boots and restarts, and lost."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
import time
from typing import Any

import pytest

from custom_components.bemcom_connectors.connector.model import ConnectorError
from custom_components.bemcom_connectors.ocpp import limits as limits_module
from custom_components.bemcom_connectors.ocpp.calls import CallFailed, CallReason
from custom_components.bemcom_connectors.ocpp.charging_profile import (
    ChargingProfile,
    ChargingSchedule,
    Period,
)
from custom_components.bemcom_connectors.ocpp.enums import (
    ChargingProfileKind,
    ChargingProfilePurpose,
    ChargingRateUnit,
)
from custom_components.bemcom_connectors.ocpp.limits import LimitResult
from custom_components.bemcom_connectors.ocpp.model import Identity
from custom_components.bemcom_connectors.ocpp.quirks import Quirk, adjustments
from custom_components.bemcom_connectors.ocpp.refusals import (
    Impossible,
    ImpossibleReason,
    NotAccepted,
)
from custom_components.bemcom_connectors.ocpp.retries import RETRY

from .limited_charger import DEFAULT, MAX, TX, Charger, LimitedChargePoint, error
from .virtual_time import run_virtually

A, W = ChargingRateUnit.AMPERES, ChargingRateUnit.WATTS
KEYS = {"ChargeProfileMaxStackLevel": "3"}


@pytest.fixture(autouse=True)
def _no_gaps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the tests wait for nothing; those that do have a clock of their own."""
    monkeypatch.setattr(limits_module, "GAP", 0.0)
    monkeypatch.setattr(limits_module, "SETTLING", 0.0)


def charge_point(
    connectors: int = 1,
    *quirks: Quirk,
    keys: Mapping[str, str] | None = None,
    **more: Any,
) -> LimitedChargePoint:
    """Return a charge point."""
    return LimitedChargePoint(
        Charger(connectors, **more),
        KEYS if keys is None else keys,
        adjustments=adjustments(quirks),
    )


def places(cp: LimitedChargePoint) -> list[tuple[int, str]]:
    """Return where profiles were sent."""
    return [
        (it["connectorId"], it["csChargingProfiles"]["chargingProfilePurpose"])
        for action, it in cp.charger.heard
        if action == "SetChargingProfile"
    ]


def actions(cp: LimitedChargePoint) -> list[str]:
    """Return what was asked."""
    return [action for action, _ in cp.charger.heard]


# How it is written


async def test_a_limit_without_a_session() -> None:
    cp = charge_point(2)
    result = await cp.limits.set_limit(1, 10, A)
    assert result == LimitResult(10, A, True, "TxDefaultProfile connector Absolute A 3")
    assert places(cp) == [(1, DEFAULT)]
    assert cp.charger.current(1) == 10
    assert cp.charger.current(2) is None
    assert cp.value("charging_limit") == 10
    assert cp.limits.limit_of(1) == (10, A)
    assert cp.limits.limit_of(2) is None
    assert cp.charger.sent()[0]["chargingProfileId"] == 2001
    assert cp.charger.sent()[0]["chargingSchedule"]["startSchedule"].endswith(":00Z")


async def test_a_limit_in_a_session_spares_the_memory() -> None:
    cp = charge_point(2)
    transaction = cp.start()
    for limit in (10, 12, 8):
        assert (await cp.limits.set_limit(1, limit, A)).verified
    assert places(cp) == [(1, TX)] * 3
    assert cp.charger.sent()[0]["transactionId"] == transaction
    assert {it["chargingProfileId"] for it in cp.charger.sent()} == {3001}
    cp.stop()
    await cp.idle()
    # So that it counts for the next session as well.
    assert places(cp) == [(1, TX)] * 3 + [(1, DEFAULT)]
    assert cp.charger.current(1) == 8
    assert cp.limits.limit_of(1) == (8, A)
    cp.start()
    await cp.idle()
    cp.stop()
    await cp.idle()
    assert len(places(cp)) == 4


async def test_the_default_is_written_only_if_it_differs() -> None:
    cp = charge_point(2)
    await cp.limits.set_limit(1, 10, A)
    cp.start()
    await cp.limits.set_limit(1, 16, A)
    await cp.limits.set_limit(1, 10, A)
    cp.stop()
    await cp.idle()
    assert places(cp) == [(1, DEFAULT), (1, TX), (1, TX)]
    assert cp.limits.limit_of(1) == (10, A)


async def test_a_limit_of_the_charge_point() -> None:
    cp = charge_point(2)
    result = await cp.limits.set_limit(0, 20, A)
    assert result.verified
    assert places(cp) == [(0, MAX)]
    assert cp.charger.current(1) == cp.charger.current(2) == 20
    assert cp.value("charging_limit", 0) == 20


@pytest.mark.parametrize(
    ("limit", "unit", "sent"),
    [
        (10.27, A, 10.2),
        (16.0, A, 16),
        (5.9, A, 0),
        (0, A, 0),
        (6900, W, 10),
        (7000, W, 10.1),
        (4000, W, 0),
        (300, W, 0),
    ],
)
async def test_what_is_sent_in_amperes(
    limit: float, unit: ChargingRateUnit, sent: float
) -> None:
    cp = charge_point(1, Quirk.AMPERES_ONLY)
    await cp.limits.set_limit(1, limit, unit)
    assert cp.charger.limits_sent() == [sent]
    assert isinstance(cp.charger.limits_sent()[0], int) is (sent == int(sent))


@pytest.mark.parametrize(
    ("limit", "unit", "sent"),
    [(10, A, 6900), (5.9, A, 0), (4000, W, 4000), (1379, W, 0), (1380.55, W, 1380.5)],
)
async def test_what_is_sent_in_watts(
    limit: float, unit: ChargingRateUnit, sent: float
) -> None:
    cp = charge_point(1, Quirk.WATTS_ONLY)
    result = await cp.limits.set_limit(1, limit, unit)
    assert cp.charger.limits_sent() == [sent]
    assert result.verified


async def test_watts_are_sent_as_watts_where_they_are_named() -> None:
    keys = {"ChargingScheduleAllowedChargingRateUnit": "Current,Power"}
    cp = charge_point(1, keys=keys)
    await cp.limits.set_limit(1, 3680, W)
    assert cp.charger.limits_sent() == [3680]
    assert cp.value("charging_limit") == 5.3
    await cp.limits.set_limit(1, 10, A)
    assert cp.charger.limits_sent()[-1] == 10


async def test_the_phases_that_the_car_uses() -> None:
    cp = charge_point(1, Quirk.WATTS_ONLY, phases=1)
    cp.start()
    await cp.idle()
    await cp.limits.set_limit(1, 10, A)
    assert cp.charger.limits_sent() == [6900]
    cp.show(1, {"Current.Import__L1": 9.8, "Current.Import__L2": 0.05})
    cp.limits.refresh(0)
    await cp.idle()
    assert cp.charger.limits_sent() == [6900, 2300]
    # It is so still when nothing flows.
    cp.show(1, {"Current.Import__L1": 0.0})
    cp.limits.refresh(0)
    await cp.idle()
    assert len(cp.charger.limits_sent()) == 2
    assert cp.limits.limit_of(1) == (10, A)


@pytest.mark.parametrize(
    ("quirk", "key", "values"),
    [
        (Quirk.STACK_LEVEL_ZERO, "stackLevel", {0}),
        (Quirk.NO_MAX_PROFILE, "chargingProfilePurpose", {DEFAULT, TX}),
    ],
)
async def test_quirks_are_never_tried_otherwise(
    quirk: Quirk, key: str, values: set[Any]
) -> None:
    cp = charge_point(1, quirk, refuses=lambda *_: "Rejected")
    cp.start()
    with pytest.raises(NotAccepted):
        await cp.limits.set_limit(1, 10, A)
    assert {it[key] for it in cp.charger.sent()} == values


async def test_several_connectors_and_no_profile_for_all_of_them() -> None:
    cp = charge_point(2, Quirk.NO_MAX_PROFILE)
    with pytest.raises(Impossible) as caught:
        await cp.limits.set_limit(0, 10, A)
    assert caught.value.reason is ImpossibleReason.NO_WAY
    assert not cp.charger.heard


async def test_connectors_that_are_not_known_yet_are_not_touched() -> None:
    """It says that it has two, and only one was seen."""
    keys = {"NumberOfConnectors": "2"}
    cp = charge_point(1, keys=keys, refuses=lambda *_: "Rejected")
    with pytest.raises(NotAccepted):
        await cp.limits.set_limit(1, 10, A)
    assert {it[0] for it in places(cp)} == {1}


# What is impossible


@pytest.mark.parametrize("limit", [0, 4, 5.99])
async def test_no_pause_where_that_ends_the_session(limit: float) -> None:
    cp = charge_point(1, Quirk.NO_ZERO_LIMIT)
    with pytest.raises(Impossible) as caught:
        await cp.limits.set_limit(1, limit, A)
    assert caught.value.reason is ImpossibleReason.ZERO_LIMIT
    cp.adjustments = replace(cp.adjustments, amperes_only=True)
    with pytest.raises(Impossible) as caught:
        await cp.limits.set_limit(1, 2000, W)
    assert caught.value.reason is ImpossibleReason.ZERO_LIMIT
    assert not cp.charger.heard


async def test_no_such_connector() -> None:
    cp = charge_point(1)
    for work in (cp.limits.set_limit(2, 10, A), cp.limits.clear_limit(2)):
        with pytest.raises(Impossible) as caught:
            await work
        assert caught.value.reason is ImpossibleReason.NO_SUCH_CONNECTOR


async def test_no_smart_charging_unless_it_is_known_better() -> None:
    keys = {"SupportedFeatureProfiles": "Core,RemoteTrigger"}
    cp = charge_point(1, keys=keys)
    with pytest.raises(Impossible) as caught:
        await cp.limits.set_limit(1, 10, A)
    assert caught.value.reason is ImpossibleReason.NO_SMART_CHARGING
    cp.adjustments = adjustments({Quirk.ASSUME_SMART_CHARGING})
    await cp.limits.set_limit(1, 10, A)
    cp.adjustments = adjustments(())
    await cp.limits.set_limit(1, 12, A)


@pytest.mark.parametrize("limit", [-1.0, float("nan"), float("inf")])
async def test_no_limit_at_all(limit: float) -> None:
    with pytest.raises(ValueError, match="limit"):
        await charge_point(1).limits.set_limit(1, limit, A)


async def test_the_reason_of_the_charge_point() -> None:
    """It says it once, and then nothing but no."""
    answers = iter([error(text="Load balancer is disabled")])
    cp = charge_point(1, refuses=lambda *_: next(answers, "Rejected"))
    with pytest.raises(CallFailed, match="Load balancer is disabled"):
        await cp.limits.set_limit(1, 10, A)
    assert cp.limits.limit_of(1) is None
    assert cp.value("charging_limit") is None


# What holds, and what does not


async def test_what_it_ignores_is_cleared_and_something_else_tried() -> None:
    cp = charge_point(1, ignores=lambda _, it: it["chargingProfilePurpose"] == TX)
    cp.start()
    await cp.idle()
    result = await cp.limits.set_limit(1, 10, A)
    assert result.verified
    assert cp.charger.current(1) == 10
    assert all(it["chargingProfilePurpose"] != TX for _, it in cp.charger.held)
    heard = len(cp.charger.heard)
    # That is remembered.
    await cp.limits.set_limit(1, 12, A)
    assert actions(cp)[heard:] == ["SetChargingProfile", "GetCompositeSchedule"]


async def test_a_limit_that_has_no_effect_is_an_error() -> None:
    cp = charge_point(2, ignores=lambda _, it: it["chargingProfileId"] > 100)
    cp.charger.answer(
        "SetChargingProfile",
        {
            "connectorId": 0,
            "csChargingProfiles": {
                "chargingProfileId": 7,
                "stackLevel": 0,
                "chargingProfilePurpose": DEFAULT,
                "chargingProfileKind": "Relative",
                "chargingSchedule": {
                    "chargingRateUnit": "A",
                    "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16}],
                },
            },
        },
    )
    with pytest.raises(Impossible) as caught:
        await cp.limits.set_limit(1, 10, A)
    assert caught.value.reason is ImpossibleReason.NOT_EFFECTIVE
    assert caught.value.placeholders["reported"].startswith("16 A")
    assert [it["chargingProfileId"] for _, it in cp.charger.held] == [7]


async def test_the_former_limit_stays_when_the_next_is_refused() -> None:
    cp = charge_point(2)
    await cp.limits.set_limit(1, 16, A)
    cp.charger.refuses = lambda _, it: (
        "Rejected"
        if it["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"] not in {0, 16}
        else None
    )
    with pytest.raises(NotAccepted):
        await cp.limits.set_limit(1, 10, A)
    assert cp.charger.current(1) == 16
    assert cp.limits.limit_of(1) == (16, A)
    assert cp.value("charging_limit") == 16


async def test_the_former_limit_is_brought_back_when_the_next_has_no_effect() -> None:
    cp = charge_point(2)
    cp.start()
    await cp.limits.set_limit(1, 16, A)
    cp.charger.ignores = lambda _, it: (
        it["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"] in {10, 6900}
    )
    with pytest.raises(Impossible):
        await cp.limits.set_limit(1, 10, A)
    assert cp.charger.current(1) == 16
    assert cp.limits.limit_of(1) == (16, A)


@pytest.mark.parametrize(
    "err", [error(), CallFailed(CallReason.INVALID, "X"), "Rejected"]
)
async def test_the_former_limit_cannot_be_brought_back(err: Any) -> None:
    cp = charge_point(2)
    cp.start()
    await cp.limits.set_limit(1, 16, A)
    cp.charger.ignores = lambda *_: True
    seen = []

    def refuses(_: int, it: Mapping[str, Any]) -> Any:
        seen.append(it["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"])
        return None if len(seen) == 1 else err

    cp.charger.refuses = refuses
    with pytest.raises(ConnectorError):
        await cp.limits.set_limit(1, 10, A)
    assert seen[-1] == 16
    assert cp.limits.limit_of(1) is None
    assert cp.value("charging_limit") is None


@pytest.mark.parametrize(
    "report",
    [
        {"status": "Rejected"},
        {"status": "Accepted"},
        {
            "status": "Accepted",
            "chargingSchedule": {
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [],
            },
        },
        error("NotImplemented"),
        error("NotSupported"),
        CallFailed(CallReason.INVALID, "GetCompositeSchedule"),
        CallFailed(CallReason.TIMEOUT, "GetCompositeSchedule"),
    ],
)
async def test_a_charge_point_that_does_not_report_is_asked_once(report: Any) -> None:
    cp = charge_point(1, report=report)
    assert not (await cp.limits.set_limit(1, 10, A)).verified
    assert not (await cp.limits.set_limit(1, 12, A)).verified
    assert actions(cp).count("GetCompositeSchedule") == 1
    # With another firmware it may.
    cp.identity = Identity(firmware_version="2.0")
    cp.charger.report = None
    assert (await cp.limits.set_limit(1, 14, A)).verified


async def test_a_report_in_another_unit_and_from_later_on() -> None:
    cp = charge_point(1)
    period: list[dict[str, Any]] = [
        {"startPeriod": 0, "limit": 6900, "numberPhases": 3}
    ]
    cp.charger.report = {
        "status": "Accepted",
        "chargingSchedule": {"chargingRateUnit": "W", "chargingSchedulePeriod": period},
    }
    assert (await cp.limits.set_limit(1, 10, A)).verified
    period[0]["limit"] = 7100
    with pytest.raises(Impossible):
        await cp.limits.set_limit(1, 10.1, A)
    # Without a session it may know of nothing before one begins.
    period[0]["startPeriod"] = 5
    assert not (await cp.limits.set_limit(1, 11, A)).verified
    cp.start()
    with pytest.raises(Impossible) as caught:
        await cp.limits.set_limit(1, 12, A)
    assert caught.value.placeholders["reported"] == "-"
    await cp.idle()


async def test_a_limit_that_was_not_reported_is_looked_at_in_the_session() -> None:
    """It takes a default while nobody charges, and forgets about it."""
    cp = charge_point(1, ignores=lambda _, it: it["chargingProfilePurpose"] != TX)
    assert not (await cp.limits.set_limit(1, 10, A)).verified
    cp.start()
    await cp.idle()
    assert cp.charger.current(1) == 10
    assert places(cp)[-1] == (1, TX)
    heard = len(cp.charger.heard)
    cp.stop()
    await cp.idle()
    assert len(cp.charger.heard) >= heard


async def test_profiles_of_others_that_count_more() -> None:
    """What is known to have no effect is not even tried."""
    cp = charge_point(2, keys={"ChargeProfileMaxStackLevel": "0"})
    profile = ChargingProfile(
        id=5,
        stack_level=0,
        purpose=ChargingProfilePurpose.TX_DEFAULT_PROFILE,
        kind=ChargingProfileKind.RELATIVE,
        schedule=ChargingSchedule(unit=A, periods=(Period(start=0, limit=16),)),
    )
    await cp.profiles.set_profile(1, profile)
    await cp.limits.set_limit(1, 10, A)
    assert cp.charger.current(1) == 10
    assert cp.profiles.installed.by_id(5) is None
    # Without a word on its levels, the limit goes above all others.
    cp = charge_point(2, keys={})
    await cp.profiles.set_profile(1, replace(profile, stack_level=8))
    await cp.limits.set_limit(1, 10, A)
    assert cp.charger.current(1) == 10
    # One above what it says there is, left by somebody.
    cp = charge_point(2)
    cp.profiles.installed.install(1, replace(profile, stack_level=8))
    with pytest.raises(Impossible) as caught:
        await cp.limits.set_limit(1, 10, A)
    assert caught.value.placeholders == {"limit": "10 A", "reported": "16 A"}
    assert not cp.charger.heard


async def test_somebody_removes_the_profile_of_a_limit() -> None:
    cp = charge_point(1)
    await cp.limits.set_limit(1, 10, A)
    await cp.profiles.clear(connector_id=2)
    assert cp.limits.limit_of(1) == (10, A)
    await cp.profiles.clear()
    assert cp.limits.limit_of(1) is None
    assert cp.value("charging_limit") is None
    await cp.limits.set_limit(1, 10, A)
    assert cp.charger.current(1) == 10


async def test_clearing() -> None:
    cp = charge_point(2)
    await cp.limits.set_limit(1, 10, A)
    cp.start()
    await cp.limits.set_limit(1, 12, A)
    await cp.limits.clear_limit(1)
    assert cp.charger.held == []
    assert cp.limits.limit_of(1) is None
    assert cp.value("charging_limit") is None
    cp.stop()
    await cp.idle()
    assert cp.charger.held == []
    # What we do not know of may be there all the same.
    await cp.limits.clear_limit(1)
    assert cp.charger.heard[-1] == ("ClearChargingProfile", {"id": 2001})
    cp.charger.clears = False
    with pytest.raises(CallFailed):
        await cp.limits.clear_limit(1)


async def test_it_cannot_clear_what_has_no_effect() -> None:
    cp = charge_point(1, clears=False, ignores=lambda _, it: it["stackLevel"] == 3)
    cp.start()
    await cp.idle()
    cp.charger.clears = False
    try:
        await cp.limits.set_limit(1, 10, A)
    except Impossible:
        pass
    else:
        assert cp.charger.current(1) == 10


# One connector: its limit, and that of the charge point


def only(*purposes: str) -> Any:
    """Return a rule that takes nothing but some purposes."""
    return lambda _, it: (
        None if it["chargingProfilePurpose"] in purposes else "Rejected"
    )


@pytest.mark.parametrize(
    "purposes", [(MAX,), (DEFAULT,), (MAX, DEFAULT), (TX, DEFAULT)]
)
@pytest.mark.parametrize("session", [True, False])
async def test_both_limits_hold_where_they_share_a_place(
    purposes: tuple[str, ...], session: bool
) -> None:
    cp = charge_point(1, refuses=only(*purposes))
    if session:
        cp.start()
        await cp.idle()

    async def settled(expected: float | None) -> None:
        await cp.idle()
        assert cp.charger.current(1) == expected, cp.charger.held

    await cp.limits.set_limit(1, 10, A)
    await settled(10)
    await cp.limits.set_limit(0, 16, A)
    await settled(10)
    await cp.limits.set_limit(1, 20, A)
    await settled(16)
    await cp.limits.set_limit(0, 8, A)
    await settled(8)
    await cp.limits.set_limit(0, 32, A)
    await settled(20)
    assert cp.limits.limit_of(0) == (32, A)
    assert cp.limits.limit_of(1) == (20, A)
    await cp.limits.clear_limit(1)
    await settled(32)
    await cp.limits.set_limit(1, 6, A)
    await settled(6)
    await cp.limits.clear_limit(0)
    await settled(6)
    await cp.limits.clear_limit(1)
    await settled(None)
    assert cp.charger.held == []


async def test_what_is_elsewhere_goes_when_another_way_is_found() -> None:
    """Only one purpose was accepted, and then only the other."""
    cp = charge_point(1, refuses=only(MAX))
    await cp.limits.set_limit(1, 6, A)
    cp.charger.refuses = only(DEFAULT)
    await cp.limits.set_limit(1, 16, A)
    assert cp.charger.current(1) == 16


# Quick changes


async def moved(cp: LimitedChargePoint, count: int, pause: float) -> list[LimitResult]:
    """Move a slider."""
    waiting = []
    for limit in range(count):
        waiting.append(asyncio.create_task(cp.limits.set_limit(1, 6 + limit % 27, A)))
        await asyncio.sleep(pause)
    return await asyncio.gather(*waiting)


@pytest.mark.parametrize("session", [True, False])
def test_a_slider_that_is_moved(monkeypatch: pytest.MonkeyPatch, session: bool) -> None:
    monkeypatch.setattr(limits_module, "GAP", 2.0)

    async def slide() -> None:
        cp = charge_point(1)
        if session:
            cp.start()
        results = await moved(cp, 50, 0.1)
        last = 6 + 49 % 27
        assert len(cp.charger.sent()) <= 5
        assert cp.charger.limits_sent()[-1] == last
        assert cp.charger.current(1) == last
        assert results[-1].limit == last
        # Each knows what came of it, or of what came after.
        assert {it.limit for it in results} == set(cp.charger.limits_sent())

    run_virtually(slide())


def test_a_slider_at_a_charge_point_that_takes_its_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits_module, "GAP", 2.0)

    async def slide() -> None:
        cp = charge_point(1)
        cp.intercept = lambda *_: asyncio.sleep(4)
        results = await moved(cp, 50, 0.1)
        assert len(cp.charger.sent()) == 2
        assert [it.limit for it in results] == [6] + [6 + 49 % 27] * 49

    run_virtually(slide())


async def test_the_same_again_sends_nothing() -> None:
    cp = charge_point(1)
    for _ in range(3):
        assert (await cp.limits.set_limit(1, 4.5, A)).limit == 0
    await cp.limits.set_limit(1, 0, A)
    assert len(cp.charger.sent()) == 1
    cp.boots += 1
    await cp.limits.set_limit(1, 0, A)
    assert len(cp.charger.sent()) == 2


async def test_whoever_waits_may_go() -> None:
    cp = charge_point(1)
    hold = asyncio.Event()
    cp.intercept = lambda *_: hold.wait()
    first = asyncio.create_task(cp.limits.set_limit(1, 10, A))
    await asyncio.sleep(0.01)
    second = asyncio.create_task(cp.limits.set_limit(1, 12, A))
    await asyncio.sleep(0)
    third = asyncio.create_task(cp.limits.clear_limit(1))
    await asyncio.sleep(0)
    first.cancel()
    hold.set()
    # It was cleared meanwhile.
    with pytest.raises(Impossible):
        await second
    await third
    assert cp.charger.held == []
    assert cp.charger.limits_sent() == [10]


@pytest.mark.parametrize("steps", [0, 3])
async def test_nobody_waits_for_ever(steps: int) -> None:
    cp = charge_point(1)
    cp.intercept = lambda *_: asyncio.sleep(60)
    waiting = asyncio.create_task(cp.limits.set_limit(1, 10, A))
    await asyncio.sleep(0)
    for _ in range(steps):
        await asyncio.sleep(0)
    late = asyncio.create_task(cp.limits.set_limit(1, 12, A))
    await asyncio.sleep(0)
    for task in list(cp.tasks):
        task.cancel()
    for it in (waiting, late):
        with pytest.raises(CallFailed) as caught:
            await it
        assert caught.value.reason is CallReason.CLOSED
    cp.intercept = lambda *_: None
    await cp.limits.set_limit(1, 10, A)


# Connections that are lost, boots and restarts


@pytest.mark.parametrize(
    "reason", [CallReason.TIMEOUT, CallReason.CLOSED, CallReason.BUSY]
)
@pytest.mark.parametrize(
    "action", ["SetChargingProfile", "GetCompositeSchedule", "ClearChargingProfile"]
)
async def test_no_answer_ends_it_and_the_next_one_works(
    reason: CallReason, action: str
) -> None:
    cp = charge_point(1)
    await cp.limits.set_limit(1, 16, A)
    if action == "ClearChargingProfile":
        cp.start()
        await cp.idle()
        cp.charger.ignores = lambda _, it: it["chargingProfilePurpose"] == TX

    def lose(asked: str, _: Any) -> None:
        if asked == action:
            raise CallFailed(reason, asked)

    cp.intercept = lose
    if (action, reason) == ("GetCompositeSchedule", CallReason.TIMEOUT):
        assert not (await cp.limits.set_limit(1, 20, A)).verified
    else:
        limit = 20 if action != "ClearChargingProfile" else 10
        with pytest.raises(CallFailed) as caught:
            await cp.limits.set_limit(1, limit, A)
        assert caught.value.reason is reason
        assert cp.limits.limit_of(1) is None
        assert cp.value("charging_limit") is None
    cp.intercept = lambda *_: None
    # Even the one that was before: nobody knows.
    await cp.limits.set_limit(1, 16, A)
    assert cp.charger.current(1) == 16


async def test_what_is_not_certain_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    cp = charge_point(1)
    await cp.limits.set_limit(1, 10, A)
    cp.charger.held.clear()
    cp.boots += 1
    cp.limits.refresh(0)
    await cp.idle()
    assert cp.charger.current(1) is None
    now += RETRY
    cp.charger.refuses = lambda *_: "Rejected"
    cp.limits.refresh(0)
    await cp.idle()
    assert cp.value("charging_limit") is None
    assert len(cp.host.logged) == 1
    cp.charger.refuses = lambda *_: None
    now += RETRY
    cp.limits.refresh(0)
    await cp.idle()
    assert cp.charger.current(1) is None
    now += RETRY
    cp.online = False
    cp.limits.refresh(0)
    await cp.idle()
    cp.online = True
    cp.intercept = lambda *_: asyncio.sleep(0)
    cp.limits.refresh(0)
    cp.limits.refresh(0)
    await cp.idle()
    assert cp.charger.current(1) == 10
    assert cp.value("charging_limit") == 10


async def test_nothing_is_sent_while_it_is_away() -> None:
    cp = charge_point(1)
    await cp.limits.set_limit(1, 10, A)
    cp.online = False
    with pytest.raises(CallFailed) as caught:
        await cp.limits.set_limit(1, 12, A)
    assert caught.value.reason is CallReason.NOT_CONNECTED
    with pytest.raises(CallFailed):
        await cp.limits.clear_limit(1)
    cp.start()
    cp.stop()
    await cp.idle()
    assert cp.limits.limit_of(1) == (10, A)


async def test_limits_are_in_effect_again_after_a_boot() -> None:
    cp = charge_point(2)
    assert await cp.limits.reapply() == "none"
    await cp.limits.set_limit(0, 20, A)
    cp.start()
    await cp.limits.set_limit(1, 10, A)
    cp.charger.held.clear()
    cp.charger.ended(1)
    cp.boots += 1
    assert cp.limits.limit_of(1) is None
    cp.host.book.lose(cp.host.book.open_of("CP1", 1), 0.0)
    assert await cp.limits.reapply() == "2 in effect"
    assert cp.charger.current(1) == 10
    assert cp.charger.current(2) == 20
    assert cp.limits.limit_of(1) == (10, A)
    cp.boots += 1
    cp.charger.refuses = only(DEFAULT)
    assert await cp.limits.reapply() == "1 in effect, 1 refused"
    assert cp.limits.limit_of(0) is None
    cp.boots += 1
    cp.charger.refuses = lambda *_: error()
    assert await cp.limits.reapply() == "0 in effect, 2 refused"
    cp.intercept = lambda action, _: (_ for _ in ()).throw(
        CallFailed(CallReason.TIMEOUT, action)
    )
    with pytest.raises(CallFailed):
        await cp.limits.reapply()


async def test_limits_outlive_a_restart() -> None:
    cp = charge_point(2, Quirk.WATTS_ONLY)
    cp.start()
    await cp.limits.set_limit(1, 10, A)
    await cp.limits.set_limit(0, 20, A)
    again = LimitedChargePoint(cp.charger, KEYS, adjustments=cp.adjustments)
    again.host.book = cp.host.book
    again.profiles.restore(cp.profiles.to_dict())
    again.limits.restore(cp.limits.to_dict())
    assert again.limits.to_dict() == cp.limits.to_dict()
    assert again.profiles.to_dict() == cp.profiles.to_dict()
    assert again.limits.limit_of(1) == (10, A)
    heard = len(cp.charger.heard)
    await again.limits.set_limit(1, 10, A)
    assert len(cp.charger.heard) == heard
    again.stop()
    await again.idle()
    assert again.charger.current(1) == 10


@pytest.mark.parametrize(
    "stored",
    [
        None,
        [],
        {"memory": 1, "in_effect": 2},
        {"memory": {"firmware": 1, "worked": [], "mute": {}}, "in_effect": {"1": 3}},
        {
            "memory": {
                "worked": {"x": ["TxProfile", False, "A", "Sideways", 0], "y": []},
                "mute": [1],
            },
            "in_effect": {
                "99": {},
                "1": {
                    "limit": [10, "A"],
                    "connector": 1,
                    "method": ["TxProfile", False, "V", "Absolute", 0],
                    "amount": 10,
                    "verified": True,
                    "certain": True,
                },
            },
        },
    ],
)
async def test_nonsense_is_not_restored(stored: Any) -> None:
    cp = charge_point(1)
    empty = cp.limits.to_dict()
    cp.limits.restore(stored)
    assert cp.limits.to_dict() == empty
    await cp.limits.set_limit(1, 10, A)


async def test_two_connectors_of_which_one_is_refused_after_a_boot() -> None:
    """It is tried again, ever less often, and the others are in effect meanwhile."""
    cp = charge_point(2)
    await cp.limits.set_limit(1, 10, A)
    await cp.limits.set_limit(2, 12, A)
    cp.charger.held.clear()
    cp.boots += 1
    cp.charger.refuses = lambda connector_id, _: (
        "Rejected" if connector_id == 1 else None
    )
    assert await cp.limits.reapply() == "1 in effect, 1 refused"
    assert cp.charger.current(1) is None
    assert cp.charger.current(2) == 12
    assert cp.value("charging_limit", 1) is None
    assert cp.value("charging_limit", 2) == 12
    # Somebody asks for it again.
    cp.charger.refuses = lambda *_: None
    await cp.limits.set_limit(1, 10, A)
    assert cp.charger.current(1) == 10


async def test_a_connection_that_is_lost_when_a_session_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    cp = charge_point(2)
    cp.start()
    await cp.limits.set_limit(1, 10, A)

    def lose(action: str, _: Any) -> None:
        raise CallFailed(CallReason.CLOSED, action)

    cp.intercept = lose
    cp.stop()
    await cp.idle()
    assert cp.limits.limit_of(1) is None
    cp.intercept = lambda *_: None
    cp.limits.refresh(0)
    await cp.idle()
    assert cp.charger.current(1) is None
    now += RETRY
    cp.limits.refresh(0)
    await cp.idle()
    assert cp.charger.current(1) == 10


async def test_a_limit_that_is_being_changed_is_left_alone() -> None:
    cp = charge_point(1)
    await cp.limits.set_limit(1, 10, A)
    hold = asyncio.Event()
    cp.intercept = lambda *_: hold.wait()
    waiting = asyncio.create_task(cp.limits.set_limit(1, 12, A))
    await asyncio.sleep(0.01)
    cp.boots += 1
    cp.limits.refresh(0)
    hold.set()
    await waiting
    await cp.idle()
    # It booted meanwhile, so that nobody knows.
    assert cp.limits.limit_of(1) is None


async def test_nothing_else_is_tried_where_a_pause_is_no_way() -> None:
    """What is left of the power is less than a car needs, by the only unit that is taken."""
    cp = charge_point(1, Quirk.NO_ZERO_LIMIT, Quirk.AMPERES_ONLY)
    await cp.limits.set_limit(1, 10, A)
    with pytest.raises(Impossible) as caught:
        await cp.limits.set_limit(1, 3000, W)
    assert caught.value.reason is ImpossibleReason.ZERO_LIMIT
    assert cp.charger.current(1) == 10
    assert cp.limits.limit_of(1) == (10, A)


async def test_a_session_ends_while_nothing_takes_its_limit_any_more() -> None:
    cp = charge_point(2)
    cp.start()
    await cp.limits.set_limit(1, 16, A)
    cp.charger.ignores = lambda *_: True

    def refuses(_: int, profile: Mapping[str, Any]) -> Any:
        cp.host.book.lose(cp.host.book.open_of("CP1", 1), 0.0)
        cp.charger.refuses = lambda *_: "Rejected"

    cp.charger.refuses = refuses
    with pytest.raises(ConnectorError):
        await cp.limits.set_limit(1, 10, A)
    assert cp.limits.limit_of(1) is None
