"""Charging profiles that users set: sent, planned, kept, and sent again after a boot."""

import asyncio
from dataclasses import replace
import time
from typing import Any

import pytest

from custom_components.bemcom_connectors.ocpp.calls import CallFailed, CallReason
from custom_components.bemcom_connectors.ocpp.charging_profile import (
    ChargingProfile,
    ChargingSchedule,
    Period,
)
from custom_components.bemcom_connectors.ocpp.connector_state import iso
from custom_components.bemcom_connectors.ocpp.enums import (
    ChargingProfileKind,
    ChargingProfilePurpose,
    ChargingRateUnit,
)
from custom_components.bemcom_connectors.ocpp.profile_rules import (
    ProfileError,
    ProfileRule,
)
from custom_components.bemcom_connectors.ocpp.refusals import NotAccepted
from custom_components.bemcom_connectors.ocpp.retries import RETRY

from .limited_charger import Charger, LimitedChargePoint, error

A, W = ChargingRateUnit.AMPERES, ChargingRateUnit.WATTS
DEFAULT = ChargingProfilePurpose.TX_DEFAULT_PROFILE
TX = ChargingProfilePurpose.TX_PROFILE
NOW = 1_800_000_000.0


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let the time stand still, and be set."""
    now = [NOW]
    monkeypatch.setattr(time, "time", lambda: now[0])
    return now


def profile(*periods: tuple[int, float], **more: Any) -> ChargingProfile:
    """Return a profile that counts from now on."""
    values: dict[str, Any] = {
        "id": 1,
        "stack_level": 0,
        "purpose": DEFAULT,
        "kind": ChargingProfileKind.ABSOLUTE,
        "schedule": ChargingSchedule(
            unit=A,
            start=NOW,
            periods=tuple(Period(start=start, limit=it) for start, it in periods),
        ),
    }
    return ChargingProfile(**values | more)


RELATIVE = profile(
    id=2,
    stack_level=1,
    purpose=TX,
    kind=ChargingProfileKind.RELATIVE,
    schedule=ChargingSchedule(
        unit=A, periods=(Period(start=0, limit=16), Period(start=600, limit=8))
    ),
)


async def test_a_profile_is_sent_as_it_can_be() -> None:
    cp = LimitedChargePoint(Charger(2))
    transaction = cp.start()
    sent = await cp.profiles.set_profile(1, profile((0, 6.25), purpose=TX))
    assert sent.transaction_id == transaction
    assert sent.schedule.periods[0].limit == 6.2
    assert cp.charger.sent() == [sent.to_payload()]
    assert cp.profiles.installed.of(1) == [sent]
    assert cp.profiles.ever_taken
    assert cp.host.saves
    for task in cp.tasks:
        task.cancel()


@pytest.mark.parametrize(
    ("connector_id", "wrong", "rule"),
    [
        (0, profile((0, 6), purpose=TX), ProfileRule.TX_PROFILE_ON_CHARGE_POINT),
        (1, profile((0, 6), purpose=TX), ProfileRule.TX_PROFILE_WITHOUT_TRANSACTION),
        (1, profile((5, 6)), ProfileRule.FIRST_PERIOD_NOT_ZERO),
        (1, profile((0, 6), stack_level=9), ProfileRule.STACK_LEVEL_TOO_HIGH),
        (1, profile((0, 6), (9, 7), (10, 8)), ProfileRule.TOO_MANY_PERIODS),
    ],
)
async def test_what_breaks_a_rule_is_not_sent(
    connector_id: int, wrong: ChargingProfile, rule: ProfileRule
) -> None:
    keys = {"ChargeProfileMaxStackLevel": "3", "ChargingScheduleMaxPeriods": "2"}
    cp = LimitedChargePoint(Charger(1), keys)
    with pytest.raises(ProfileError) as caught:
        await cp.profiles.set_profile(connector_id, wrong)
    assert caught.value.rule is rule
    assert not cp.charger.heard


async def test_no_more_than_it_can_hold() -> None:
    cp = LimitedChargePoint(Charger(1), {"MaxChargingProfilesInstalled": "1"})
    await cp.profiles.set_profile(1, profile((0, 6)))
    await cp.profiles.set_profile(1, profile((0, 7)))
    with pytest.raises(ProfileError) as caught:
        await cp.profiles.set_profile(1, profile((0, 6), id=2, stack_level=1))
    assert caught.value.rule is ProfileRule.TOO_MANY_PROFILES


@pytest.mark.parametrize("status", ["Rejected", "NotSupported"])
async def test_what_is_refused_is_not_there(status: str) -> None:
    cp = LimitedChargePoint(Charger(1, refuses=lambda *_: status))
    with pytest.raises(NotAccepted) as caught:
        await cp.profiles.set_profile(1, profile((0, 6)))
    assert caught.value.status == status
    assert not len(cp.profiles.installed)
    assert not cp.profiles.ever_taken


async def test_clearing() -> None:
    cp = LimitedChargePoint(Charger(2))
    told: list[int] = []
    cp.profiles.listeners.append(lambda: told.append(len(cp.profiles.installed)))
    for number in (1, 2, 3):
        it = profile((0, 6), id=number, stack_level=number)
        await cp.profiles.set_profile(1 + (number == 3), it)
    assert await cp.profiles.clear(profile_id=1) == "Accepted"
    assert await cp.profiles.clear(profile_id=1) == "Unknown"
    assert (
        await cp.profiles.clear(connector_id=1, purpose=DEFAULT, stack_level=2)
        == "Accepted"
    )
    assert [it.profile.id for it in cp.profiles.installed] == [3]
    assert await cp.profiles.clear() == "Accepted"
    assert told == [1, 2, 3, 2, 2, 1, 0]
    assert [payload for _, payload in cp.charger.heard[3:]] == [
        {"id": 1},
        {"id": 1},
        {
            "connectorId": 1,
            "chargingProfilePurpose": "TxDefaultProfile",
            "stackLevel": 2,
        },
        {},
    ]


async def test_what_the_charge_point_says() -> None:
    cp = LimitedChargePoint(Charger(1))
    await cp.profiles.set_profile(1, profile((0, 6)))
    answer = await cp.profiles.get_composite_schedule(1, 600)
    assert answer["scheduleStart"] == "2026-03-10T12:00:00+00:00"
    assert answer["chargingSchedule"]["chargingSchedulePeriod"] == [
        {"startPeriod": 0, "limit": 6.0}
    ]
    answer = await cp.profiles.get_composite_schedule(1, 600, W)
    assert cp.charger.heard[-1][1]["chargingRateUnit"] == "W"
    cp.charger.report = {"status": "Rejected"}
    answer = await cp.profiles.get_composite_schedule(1, 600, W)
    assert answer == {"status": "Rejected"}


async def test_what_is_planned(clock: list[float]) -> None:
    cp = LimitedChargePoint(Charger(2))
    cp.profiles.refresh(NOW)
    assert "planned_limit" not in cp.connectors[1].values
    await cp.profiles.set_profile(1, profile((0, 16), (600, 6)))
    assert cp.profiles.planned(1, NOW, 900, A) == [(0, 16), (600, 6)]
    assert cp.profiles.planned(2, NOW, 900, A) == [(0, None)]
    assert cp.value("planned_limit") == 16
    assert cp.value("next_limit_change") == iso(NOW + 600)
    clock[0] += 700
    cp.profiles.refresh(clock[0])
    assert cp.value("planned_limit") == 6
    assert cp.value("next_limit_change") is None
    await cp.profiles.clear()
    assert cp.value("planned_limit") is None


async def test_a_plan_is_published_as_it_changes() -> None:
    cp = LimitedChargePoint(Charger(1))
    await cp.profiles.set_profile(1, profile((0, 16), (600, 6)))
    shown: list[Any] = []
    cp.show = lambda *it: shown.append(it)  # type: ignore[method-assign]
    cp.profiles.refresh(NOW + 1)
    cp.profiles.refresh(NOW + 2)
    assert not shown


async def test_a_plan_that_begins_with_the_session(clock: list[float]) -> None:
    """When it changes is not known before."""
    cp = LimitedChargePoint(Charger(1))
    cp.profiles.expect(1, RELATIVE)
    await cp.profiles.set_profile(1, replace(RELATIVE, id=7, purpose=DEFAULT))
    assert cp.value("planned_limit") == 16
    assert cp.value("next_limit_change") is None
    transaction = cp.start()
    assert cp.profiles.installed.of(1)[-1] == replace(
        RELATIVE, transaction_id=transaction
    )
    assert cp.value("next_limit_change") == iso(NOW + 600)
    cp.stop()
    assert [it.id for it in cp.profiles.installed.of(1)] == [7]
    cp.start()
    assert [it.id for it in cp.profiles.installed.of(1)] == [7]


async def test_a_session_that_was_asked_for_on_any_connector(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cp = LimitedChargePoint(Charger(2))
    cp.profiles.expect(0, RELATIVE)
    cp.start(2)
    assert [it.id for it in cp.profiles.installed.of(2)] == [2]
    # One that came too late was not that one.
    cp.profiles.expect(1, RELATIVE)
    later = time.monotonic() + 3600
    monkeypatch.setattr(time, "monotonic", lambda: later)
    cp.start(1)
    assert not cp.profiles.installed.of(1)


async def test_profiles_are_installed_again_after_a_boot(clock: list[float]) -> None:
    cp = LimitedChargePoint(Charger(2))
    assert await cp.profiles.reapply() == "none"
    transaction = cp.start(1)
    await cp.profiles.set_profile(1, profile((0, 6)))
    await cp.profiles.set_profile(1, profile((0, 7), id=2, valid_to=NOW + 60))
    await cp.profiles.set_profile(2, profile((0, 8), id=3, valid_to=NOW + 6000))
    await cp.profiles.set_profile(1, profile((0, 9), id=4, purpose=TX))
    clock[0] += 600
    cp.charger.heard.clear()
    # The first one was replaced by the second, which is over.
    assert await cp.profiles.reapply() == "2 installed"
    assert [it["chargingProfileId"] for it in cp.charger.sent()] == [3, 4]
    assert cp.charger.sent()[1]["transactionId"] == transaction
    cp.host.book.lose(cp.host.book.open_of("CP1", 1), clock[0])
    cp.charger.heard.clear()
    assert await cp.profiles.reapply() == "1 installed"
    cp.charger.refuses = lambda *_: "Rejected"
    assert await cp.profiles.reapply() == "0 installed, 1 refused"
    cp.charger.refuses = lambda *_: error()
    assert await cp.profiles.reapply() == "0 installed, 1 refused"
    cp.charger.refuses = lambda *_: CallFailed(CallReason.CLOSED, "SetChargingProfile")
    with pytest.raises(CallFailed):
        await cp.profiles.reapply()
    assert len(cp.profiles.installed) == 1
    for task in cp.tasks:
        task.cancel()


@pytest.fixture
def monotonic(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let nothing be due before it is said so."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


async def missing_two(refusal: Any) -> LimitedChargePoint:
    """Return a charge point that did not take two profiles, or one, after a boot."""
    cp = LimitedChargePoint(Charger(2))
    await cp.profiles.set_profile(1, profile((0, 6)))
    await cp.profiles.set_profile(2, profile((0, 8), id=2))
    cp.charger.held.clear()
    cp.charger.heard.clear()
    cp.charger.refuses = lambda *_: refusal
    cp.profiles.booted()
    return cp


async def look(cp: LimitedChargePoint) -> list[int]:
    """Let the clock strike, and return the profiles that were sent then."""
    cp.charger.heard.clear()
    cp.profiles.refresh(NOW)
    cp.profiles.refresh(NOW)
    await cp.idle()
    return [it["chargingProfileId"] for it in cp.charger.sent()]


TIMEOUT = CallFailed(CallReason.TIMEOUT, "SetChargingProfile")


async def test_what_had_no_answer_after_a_boot_is_tried_again(
    monotonic: list[float],
) -> None:
    """Ever less often, and it counts for nothing until then."""
    cp = await missing_two(TIMEOUT)
    assert cp.value("planned_limit") == 6
    with pytest.raises(CallFailed):
        await cp.profiles.reapply()
    # The second one was not even sent.
    assert len(cp.charger.sent()) == 1
    assert [cp.value("planned_limit", it) for it in (1, 2)] == [None, None]
    assert cp.profiles.planned(1, NOW, 900, A) == [(0, None)]
    assert not await look(cp)
    monotonic[0] += RETRY
    assert await look(cp) == [1]
    assert not cp.host.logged
    monotonic[0] += RETRY
    assert not await look(cp)
    monotonic[0] += RETRY
    cp.online = False
    assert not await look(cp)
    cp.online = True
    cp.charger.refuses = lambda *_: None
    assert await look(cp) == [1, 2]
    assert [cp.value("planned_limit", it) for it in (1, 2)] == [6, 8]
    monotonic[0] += 100 * RETRY
    assert not await look(cp)


@pytest.mark.parametrize("refusal", ["Rejected", error()])
async def test_what_was_refused_after_a_boot_is_tried_again(
    refusal: Any, monotonic: list[float]
) -> None:
    cp = await missing_two(None)
    cp.charger.refuses = lambda _, it: refusal if it["chargingProfileId"] == 2 else None
    assert await cp.profiles.reapply() == "1 installed, 1 refused"
    assert [cp.value("planned_limit", it) for it in (1, 2)] == [6, None]
    monotonic[0] += RETRY
    assert await look(cp) == [2]
    # All of them are sent at once when it boots again.
    cp.charger.refuses = lambda *_: None
    cp.charger.heard.clear()
    cp.profiles.booted()
    assert await cp.profiles.reapply() == "2 installed"
    assert cp.value("planned_limit", 2) == 8
    monotonic[0] += 100 * RETRY
    assert not await look(cp)
    # The waiting begins anew as well.
    cp.charger.refuses = lambda *_: refusal
    cp.profiles.booted()
    assert await cp.profiles.reapply() == "0 installed, 2 refused"
    assert not await look(cp)
    monotonic[0] += RETRY
    assert sorted(await look(cp)) == [1, 2]


async def test_profiles_that_the_start_up_left_out(monotonic: list[float]) -> None:
    """As when the connection is lost before, which is made again without a boot."""
    cp = await missing_two(None)
    assert not await look(cp)
    again = LimitedChargePoint(cp.charger)
    again.profiles.restore(cp.profiles.to_dict())
    assert not await look(again)
    monotonic[0] += RETRY
    assert await look(cp) == [1, 2]
    assert await look(again) == [1, 2]
    assert not await look(cp)


async def test_one_that_does_not_survive_its_profiles(monotonic: list[float]) -> None:
    """Each boot must not begin the waiting anew."""
    cp = await missing_two(TIMEOUT)
    waits = []
    for _ in range(4):
        begin = monotonic[0]
        while not await look(cp):
            monotonic[0] += RETRY / 4
        waits.append(monotonic[0] - begin)
        cp.profiles.booted()
    assert waits == [RETRY, 2 * RETRY, 4 * RETRY, 8 * RETRY]


async def test_what_cost_the_connection_twice_is_left_to_the_start_up(
    monotonic: list[float],
) -> None:
    cp = await missing_two(None)
    cp.configuration.losses["profiles"] = (2, NOW)
    monotonic[0] += RETRY
    assert not await look(cp)
    cp.configuration.losses["profiles"] = (1, NOW)
    assert await look(cp) == [1, 2]


async def test_what_is_missing_outlives_a_restart(monotonic: list[float]) -> None:
    cp = await missing_two(TIMEOUT)
    with pytest.raises(CallFailed):
        await cp.profiles.reapply()
    again = LimitedChargePoint(cp.charger)
    again.profiles.restore(cp.profiles.to_dict())
    assert again.profiles.to_dict() == cp.profiles.to_dict()
    cp.charger.refuses = lambda *_: None
    assert not await look(again)
    assert again.value("planned_limit") is None
    monotonic[0] += RETRY
    assert await look(again) == [1, 2]
    assert again.value("planned_limit") == 6


async def test_what_is_missing_and_wanted_no_more(
    monotonic: list[float], clock: list[float]
) -> None:
    cp = await missing_two("Rejected")
    await cp.profiles.reapply()
    await cp.profiles.clear(profile_id=1)
    assert cp.profiles.to_dict()["missing"] == [2]
    cp.charger.refuses = lambda *_: None
    # Somebody sets the second one anew.
    await cp.profiles.set_profile(2, profile((0, 9), id=2))
    assert cp.value("planned_limit", 2) == 9
    monotonic[0] += RETRY
    assert not await look(cp)
    # One that is over meanwhile.
    await cp.profiles.set_profile(2, profile((0, 9), id=2, valid_to=NOW + 60))
    cp.charger.refuses = lambda *_: "Rejected"
    assert await cp.profiles.reapply() == "0 installed, 1 refused"
    clock[0] += 61
    monotonic[0] += 2 * RETRY
    assert not await look(cp)
    assert not len(cp.profiles.installed)


async def test_what_is_replaced_while_it_is_refused(monotonic: list[float]) -> None:
    cp = await missing_two("Rejected")

    def replace_it(action: str, payload: dict[str, Any]) -> None:
        if payload["connectorId"] == 1:
            cp.profiles.take(1, profile((0, 7)))
        else:
            cp.profiles.drop(2)

    cp.intercept = replace_it
    assert await cp.profiles.reapply() == "0 installed, 2 refused"
    assert cp.value("planned_limit") == 7
    monotonic[0] += RETRY
    assert not await look(cp)


async def test_a_session_begins_with_what_was_missing() -> None:
    cp = await missing_two("Rejected")
    await cp.profiles.reapply()
    cp.profiles.expect(1, RELATIVE)
    cp.start(1)
    assert cp.value("planned_limit") == 16
    await cp.idle()


async def test_nothing_is_tried_again_while_it_starts_up(
    monotonic: list[float],
) -> None:
    cp = await missing_two("Rejected")
    hold = asyncio.Event()
    cp.intercept = lambda *_: hold.wait()
    reapplied = asyncio.create_task(cp.profiles.reapply())
    await asyncio.sleep(0)
    monotonic[0] += RETRY
    cp.profiles.refresh(NOW)
    hold.set()
    assert await reapplied == "0 installed, 2 refused"
    await cp.idle()
    assert len(cp.charger.sent()) == 2


async def test_what_was_a_limit_is_not_installed_again_as_a_profile() -> None:
    cp = LimitedChargePoint(Charger(1))
    await cp.limits.set_limit(1, 10, A)
    cp.charger.heard.clear()
    assert await cp.profiles.reapply() == "none"
    assert not cp.charger.heard


async def test_profiles_outlive_a_restart() -> None:
    cp = LimitedChargePoint(Charger(1))
    await cp.profiles.set_profile(1, profile((0, 6), (60, 7)))
    again = LimitedChargePoint(cp.charger)
    again.profiles.restore(cp.profiles.to_dict())
    assert again.profiles.to_dict() == cp.profiles.to_dict()
    assert again.profiles.ever_taken
    assert await again.profiles.reapply() == "1 installed"


@pytest.mark.parametrize(
    "stored",
    [
        None,
        1,
        {"installed": 1, "kept": 2, "taken": 3, "missing": 4, "unsure": 5},
        {"kept": [1, True, "x", None], "missing": [1], "unsure": [True, "x", None]},
    ],
)
def test_nonsense_is_not_restored(stored: Any) -> None:
    cp = LimitedChargePoint(Charger(1))
    cp.profiles.restore(stored)
    assert cp.profiles.to_dict() == LimitedChargePoint(Charger(1)).profiles.to_dict()
