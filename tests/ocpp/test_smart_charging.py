"""What charging profiles amount to: worked examples, and the rules second by second."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise
import math
from time import perf_counter
from typing import Any

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.bemcom_connectors.ocpp.charging_profile import (
    ChargingProfile,
    ChargingSchedule,
    Period,
)
from custom_components.bemcom_connectors.ocpp.enums import (
    ChargingProfileKind as Kind,
    ChargingProfilePurpose as Purpose,
    ChargingRateUnit as Unit,
    RecurrencyKind as Recurrency,
)
from custom_components.bemcom_connectors.ocpp.installed_profiles import (
    InstalledProfile,
    InstalledProfiles,
)
from custom_components.bemcom_connectors.ocpp.profile_rules import (
    Capabilities,
    ProfileError,
    ProfileRule,
    check_profile,
)
from custom_components.bemcom_connectors.ocpp.smart_charging import (
    MAX_STEPS,
    Outlook,
    Planned,
    RunningTransaction,
    composite_schedule,
    converted,
    outlook,
)

A, W = Unit.AMPERES, Unit.WATTS
MAX, DEFAULT, TX = (
    Purpose.CHARGE_POINT_MAX_PROFILE,
    Purpose.TX_DEFAULT_PROFILE,
    Purpose.TX_PROFILE,
)
DAY = 86400


def utc(text: str) -> float:
    """Return a point in time."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


T = utc("2026-03-10T12:00:00")
RUNNING = {1: RunningTransaction(7, T)}

_last_id = iter(range(1, 10**9))


def profile(
    purpose: Purpose,
    limits: Mapping[int, float],
    *,
    start: float | None = None,
    duration: int | None = None,
    unit: Unit = A,
    phases: int | None = None,
    **others: Any,
) -> ChargingProfile:
    """Return a profile; Relative unless it has a start."""
    kind = Kind.RELATIVE if start is None else Kind.ABSOLUTE
    if others.get("recurrency") is not None:
        kind = Kind.RECURRING
    return ChargingProfile(
        **{"id": next(_last_id), "stack_level": 0, "kind": kind, **others},
        purpose=purpose,
        schedule=ChargingSchedule(
            unit=unit,
            periods=tuple(
                Period(start=at, limit=limit, phases=phases)
                for at, limit in limits.items()
            ),
            start=start,
            duration=duration,
        ),
    )


def installed(*placed: tuple[int, ChargingProfile]) -> InstalledProfiles:
    """Return what is installed: connectors and profiles."""
    profiles = InstalledProfiles()
    for connector_id, each in placed:
        profiles.install(connector_id, each)
    return profiles


def plan(  # noqa: PLR0917
    profiles: InstalledProfiles,
    connector_id: int = 1,
    start: float = T,
    duration: int = 1500,
    unit: Unit = A,
    transactions: Mapping[int, RunningTransaction] = RUNNING,
) -> list[tuple[int, float | None]]:
    """Return a composite schedule as plain pairs."""
    return [
        (it.start, it.limit)
        for it in composite_schedule(
            profiles, connector_id, start, duration, unit, transactions=transactions
        )
    ]


# The worked examples


def test_e1_the_least_of_the_purposes() -> None:
    profiles = installed(
        (0, profile(MAX, {0: 20, 600: 10}, start=T)),
        (0, profile(DEFAULT, {0: 16, 300: 6, 900: 32}, start=T, duration=1200)),
    )
    assert plan(profiles) == [(0, 16), (300, 6), (900, 10)]


def test_e2_the_highest_level_and_what_is_below() -> None:
    profiles = installed(
        (0, profile(DEFAULT, {0: 10}, start=T)),
        (0, profile(DEFAULT, {0: 32}, start=T + 300, duration=600, stack_level=1)),
    )
    assert plan(profiles) == [(0, 10), (300, 32), (900, 10)]


def test_e3_every_day() -> None:
    profiles = installed(
        (
            0,
            profile(
                DEFAULT,
                {0: 11000, 28800: 6000, 72000: 11000},
                start=utc("2013-01-01T00:00:00"),
                duration=DAY,
                unit=W,
                phases=3,
                recurrency=Recurrency.DAILY,
            ),
        )
    )
    morning, evening = utc("2026-03-10T07:59:00"), utc("2026-03-10T19:59:30")
    assert plan(profiles, start=morning, duration=120, unit=W) == [
        (0, 11000),
        (60, 6000),
    ]
    assert plan(profiles, start=morning, duration=120) == [(0, 15.9), (60, 8.6)]
    assert plan(profiles, start=evening, duration=60, unit=W) == [
        (0, 6000),
        (30, 11000),
    ]


def test_e4_a_relative_tx_profile_instead_of_the_default() -> None:
    profiles = installed(
        (0, profile(DEFAULT, {0: 6})),
        (1, profile(TX, {0: 16, 1800: 8}, duration=3600, transaction_id=7)),
    )
    expected = [(0, 16), (50, 8), (1850, 6)]
    assert plan(profiles, start=T + 1750, duration=3600) == expected


def test_e5_validity() -> None:
    valid: dict[str, Any] = {"valid_from": T + 600, "valid_to": T + 1200}
    profiles = installed(
        (0, profile(DEFAULT, {0: 6})),
        (0, profile(DEFAULT, {0: 32}, start=T, stack_level=5, **valid)),
    )
    assert plan(profiles, duration=1800) == [(0, 6), (600, 32), (1200, 6)]


def test_e6_a_duration_cuts() -> None:
    profiles = installed(
        (0, profile(DEFAULT, {0: 16, 100: 10, 400: 6}, start=T, duration=300))
    )
    assert plan(profiles, duration=600) == [(0, 16), (100, 10), (300, None)]


def test_e7_watts_against_amperes() -> None:
    profiles = installed(
        (0, profile(MAX, {0: 7360}, start=T, unit=W, phases=3)),
        (1, profile(TX, {0: 16}, transaction_id=7)),
    )
    assert plan(profiles, duration=60) == [(0, 10.6)]


def test_e8_weekly_at_night() -> None:
    profiles = installed(
        (
            0,
            profile(
                DEFAULT,
                {0: 16, 18000: 6},
                start=utc("2026-03-09T23:00:00"),
                duration=25200,
                recurrency=Recurrency.WEEKLY,
            ),
        )
    )
    evening = utc("2026-03-16T22:59:00")
    assert plan(profiles, start=evening, duration=120) == [(0, None), (60, 16)]
    night = utc("2026-03-17T03:59:50")
    assert plan(profiles, start=night, duration=60) == [(0, 16), (10, 6)]
    morning = utc("2026-03-17T05:59:50")
    assert plan(profiles, start=morning, duration=60) == [(0, 6), (10, None)]


def test_e9_a_connector_of_its_own() -> None:
    profiles = installed((0, profile(DEFAULT, {0: 16})), (1, profile(DEFAULT, {0: 8})))
    assert plan(profiles, 1) == [(0, 8)]
    assert plan(profiles, 2) == [(0, 16)]


def test_e10_what_is_rejected() -> None:
    anything = Capabilities()
    with pytest.raises(ProfileError) as without:
        check_profile(profile(TX, {0: 6}), 1, anything, transaction_id=None)
    assert without.value.rule is ProfileRule.TX_PROFILE_WITHOUT_TRANSACTION
    with pytest.raises(ProfileError) as elsewhere:
        check_profile(profile(MAX, {0: 6}, start=T), 1, anything, transaction_id=None)
    assert elsewhere.value.rule is ProfileRule.MAX_PROFILE_ON_CONNECTOR
    old, new = profile(DEFAULT, {0: 6}), profile(DEFAULT, {0: 8})
    profiles = installed((1, old), (1, new))
    assert profiles.clear(old.id) == []
    assert plan(profiles) == [(0, 8)]


# What the examples leave open


def test_nothing_installed() -> None:
    assert plan(installed()) == [(0, None)]
    assert plan(installed(), duration=0) == []


def test_connector_zero_is_the_charge_point_as_a_whole() -> None:
    profiles = installed(
        (0, profile(MAX, {0: 32}, start=T)),
        (0, profile(DEFAULT, {0: 6})),
        (1, profile(TX, {0: 8})),
    )
    assert plan(profiles, 0) == [(0, 32)]


def test_a_max_profile_of_a_connector_does_not_count() -> None:
    assert plan(installed((1, profile(MAX, {0: 6}, start=T)))) == [(0, None)]


def test_a_tx_profile_is_of_its_transaction() -> None:
    profiles = installed(
        (0, profile(DEFAULT, {0: 6})), (1, profile(TX, {0: 16}, transaction_id=7))
    )
    assert plan(profiles) == [(0, 16)]
    assert plan(profiles, 2, transactions={2: RunningTransaction(7, T)}) == [(0, 6)]
    assert plan(profiles, transactions={1: RunningTransaction(8, T)}) == [(0, 6)]
    assert plan(profiles, transactions={}) == [(0, 6)]


def test_a_default_is_known_before_a_transaction() -> None:
    profiles = installed((1, profile(DEFAULT, {0: 16, 60: 6})))
    assert plan(profiles, transactions={}) == [(0, 16), (60, 6)]


def test_a_transaction_whose_clock_is_ahead() -> None:
    profiles = installed((1, profile(TX, {0: 16, 60: 6})))
    ahead = {1: RunningTransaction(7, T + 30)}
    assert plan(profiles, transactions=ahead) == [(0, 16), (90, 6)]


def test_a_default_of_a_connector_replaces_only_its_level() -> None:
    profiles = installed(
        (0, profile(DEFAULT, {0: 32}, stack_level=2)),
        (0, profile(DEFAULT, {0: 16}, stack_level=1)),
        (1, profile(DEFAULT, {0: 8}, stack_level=1)),
    )
    assert plan(profiles) == [(0, 32)]
    profiles.clear(stack_level=2)
    assert plan(profiles) == [(0, 8)]


def test_whichever_of_two_defaults_was_installed_first() -> None:
    own, common = (1, profile(DEFAULT, {0: 8})), (0, profile(DEFAULT, {0: 16}))
    assert plan(installed(own, common)) == plan(installed(common, own)) == [(0, 8)]


def test_nothing_before_the_first_start_of_a_recurring_profile() -> None:
    profiles = installed(
        (0, profile(DEFAULT, {0: 6}, start=T + 60, recurrency=Recurrency.DAILY))
    )
    assert plan(profiles) == [(0, None), (60, 6)]


def test_a_recurrence_without_duration_goes_on_to_the_next() -> None:
    profiles = installed(
        (
            0,
            profile(DEFAULT, {0: 6, 3600: 8}, start=T, recurrency=Recurrency.DAILY),
        )
    )
    expected = [(0, 6), (3600, 8), (DAY, 6), (DAY + 3600, 8)]
    assert plan(profiles, duration=2 * DAY) == expected


def test_a_duration_ends_with_its_recurrence() -> None:
    """And what comes later in it never comes."""
    profiles = installed(
        (
            0,
            profile(
                DEFAULT,
                {0: 6, 3600: 8, DAY + 60: 10},
                start=T,
                duration=2 * DAY,
                recurrency=Recurrency.DAILY,
            ),
        )
    )
    expected = [(0, 6), (3600, 8), (DAY, 6), (DAY + 3600, 8)]
    assert plan(profiles, duration=2 * DAY) == expected


def test_what_should_not_be_installed_does_no_harm() -> None:
    """Such as what a charge point accepted although OCPP does not allow it."""
    profiles = installed(
        (0, profile(MAX, {0: 20, 60: 10})),
        (0, profile(DEFAULT, {60: 6, 30: 8}, start=T, kind=Kind.RECURRING)),
        (1, profile(DEFAULT, {}, start=T, stack_level=1)),
    )
    assert plan(profiles, transactions={})[0] == (0, 20)


def test_fractions_of_seconds_do_not_count() -> None:
    profiles = installed((1, profile(DEFAULT, {0: 6}, start=T + 10.9, duration=5)))
    assert plan(profiles, start=T + 0.5) == [(0, None), (10, 6), (15, None)]


@pytest.mark.parametrize(
    ("limit", "phases", "expected"),
    [(3680, 1, 16), (11040, 3, 16), (11109, 3, 16.1), (11108.9, 3, 16), (0, 3, 0)],
)
def test_watts_as_amperes(limit: float, phases: int, expected: float) -> None:
    assert converted(limit, W, A, phases=phases) == expected


def test_amperes_as_watts() -> None:
    assert converted(16, A, W, phases=1) == 3680
    assert converted(16.1, A, W) == 11109
    assert converted(6, A, W, volts=229.97) == 4139.4
    assert converted(6.25, A, A) == 6.2


# The next change


def test_the_next_change() -> None:
    profiles = installed((1, profile(DEFAULT, {0: 16, 60: 6}, start=T)))
    now = outlook(profiles, 1, T + 0.7, A, transactions={})
    assert now == Outlook(16, T + 60, 6)
    later = outlook(profiles, 1, T + 60, A, transactions={})
    assert later == Outlook(6, None, None)


def test_no_change_within_the_horizon() -> None:
    profiles = installed((1, profile(DEFAULT, {0: 16, 61: 6}, start=T)))
    assert outlook(profiles, 1, T, A, transactions={}, horizon=61).changes_at is None
    assert outlook(profiles, 1, T, A, transactions={}, horizon=62).next_limit == 6
    assert outlook(profiles, 1, T, A, transactions={}, horizon=0).limit == 16


def test_a_year_of_many_changes_is_bounded() -> None:
    """Neither endless nor slow, whatever is installed."""
    often = {at: float(at % 7) for at in range(0, DAY, 87)}
    profiles = installed(
        (0, profile(DEFAULT, often, start=T, recurrency=Recurrency.DAILY))
    )
    began = perf_counter()
    planned = plan(profiles, duration=365 * DAY)
    assert perf_counter() - began < 5
    assert len(planned) <= MAX_STEPS


# The rules, second by second


def naive_profile(it: ChargingProfile, now: int, anchor: int) -> Period | None:
    """Return the period of a profile that counts in a second, by the book."""
    if it.valid_from is not None and now < it.valid_from:
        return None
    if it.valid_to is not None and now >= it.valid_to:
        return None
    duration = math.inf if it.schedule.duration is None else it.schedule.duration
    if it.kind is Kind.RELATIVE:
        since = now - anchor if now > anchor else 0
    else:
        assert it.schedule.start is not None
        since = now - int(it.schedule.start)
        if since < 0:
            return None
        if it.kind is Kind.RECURRING:
            step = DAY if it.recurrency is Recurrency.DAILY else 7 * DAY
            while since >= step:
                since -= step
    if since >= duration:
        return None
    current = None
    for period in it.schedule.periods:
        if period.start <= since:
            current = period
    return current


def naive_limit(  # noqa: PLR0917
    profiles: Sequence[InstalledProfile],
    connector_id: int,
    now: int,
    begin: int,
    unit: Unit,
    running: RunningTransaction | None,
) -> Fraction | None:
    """Return the limit of one second; `begin` is the one that was asked for."""
    anchor = begin if running is None else int(running.started)

    def winner(candidates: list[ChargingProfile]) -> Fraction | None:
        for each in sorted(candidates, key=lambda it: -it.stack_level):
            if (period := naive_profile(each, now, anchor)) is not None:
                limit = Fraction(str(period.limit))
                factor = 230 * (period.phases or 3)
                if each.schedule.unit is W and unit is A:
                    limit /= factor
                elif each.schedule.unit is A and unit is W:
                    limit *= factor
                return Fraction(math.floor(limit * 10), 10)
        return None

    bound = winner([it.profile for it in profiles if it.profile.purpose is MAX])
    if connector_id == 0:
        return bound
    mine = [it for it in profiles if it.connector_id == connector_id]
    levels = {it.profile.stack_level for it in mine if it.profile.purpose is DEFAULT}
    defaults = [it.profile for it in mine if it.profile.purpose is DEFAULT] + [
        it.profile
        for it in profiles
        if it.connector_id == 0
        and it.profile.purpose is DEFAULT
        and it.profile.stack_level not in levels
    ]
    of_transaction = [
        it.profile
        for it in mine
        if it.profile.purpose is TX
        and running is not None
        and it.profile.transaction_id in {None, running.id}
    ]
    charging = winner(of_transaction)
    if charging is None:
        charging = winner(defaults)
    limits = [it for it in (bound, charging) if it is not None]
    return min(limits) if limits else None


near = st.integers(-90, 150).map(lambda it: T + it)
limits_of_periods = st.dictionaries(
    st.integers(1, 120), st.sampled_from([0, 6, 8.5, 16, 32, 3000, 7360.4]), max_size=4
).flatmap(
    lambda rest: st.sampled_from([0, 6, 10, 16.3, 4140]).map(
        lambda first: {0: first, **dict(sorted(rest.items()))}
    )
)


@st.composite
def placed_profiles(draw: st.DrawFn) -> tuple[int, ChargingProfile]:
    """Return a profile near the time T that keeps the rules, and its connector."""
    purpose = draw(st.sampled_from(Purpose))
    kinds = [it for it in Kind if purpose is not MAX or it is not Kind.RELATIVE]
    kind = draw(st.sampled_from(kinds))
    # Starts of recurrences some days ago, so that they turn over while we look.
    ago = draw(st.sampled_from([0, DAY, 7 * DAY, 8 * DAY]))
    valid_from = draw(st.none() | near)
    valid_to = draw(st.none() | near)
    if valid_from is not None and valid_to is not None and valid_to <= valid_from:
        valid_to = None
    connector_id = 0
    if purpose is TX or (purpose is DEFAULT and draw(st.booleans())):
        connector_id = draw(st.sampled_from([1, 2]))
    return connector_id, profile(
        purpose,
        draw(limits_of_periods),
        id=draw(st.integers(1, 50)),
        stack_level=draw(st.integers(0, 3)),
        kind=kind,
        start=None if kind is Kind.RELATIVE else draw(near) - ago,
        duration=draw(st.none() | st.integers(1, 150) | st.just(DAY)),
        unit=draw(st.sampled_from(Unit)),
        phases=draw(st.sampled_from([None, 1, 3])),
        recurrency=draw(st.sampled_from(Recurrency))
        if kind is Kind.RECURRING
        else None,
        valid_from=valid_from,
        valid_to=valid_to,
        transaction_id=draw(st.sampled_from([None, 7, 8])) if purpose is TX else None,
    )


@given(
    placed=st.lists(placed_profiles(), max_size=7),
    connector_id=st.sampled_from([0, 1, 1, 1, 2]),
    unit=st.sampled_from(Unit),
    duration=st.integers(1, 200),
    running=st.none() | st.builds(RunningTransaction, st.sampled_from([7, 8]), near),
)
@settings(max_examples=300, deadline=None)
def test_a_composite_schedule_is_that_of_each_second(
    placed: list[tuple[int, ChargingProfile]],
    connector_id: int,
    unit: Unit,
    duration: int,
    running: RunningTransaction | None,
) -> None:
    profiles = installed(*placed)
    planned = composite_schedule(
        profiles,
        connector_id,
        T,
        duration,
        unit,
        transactions={} if running is None else {connector_id: running},
    )
    assert planned[0].start == 0
    assert all(0 <= it.start < duration for it in planned)
    limits: dict[int, float | None] = {}
    for it in planned:
        limits |= dict.fromkeys(range(it.start, duration), it.limit)
    for second in range(duration):
        expected = naive_limit(
            list(profiles), connector_id, int(T) + second, int(T), unit, running
        )
        found = limits[second]
        assert (None if found is None else Fraction(str(found))) == expected, second
    for before, after in pairwise(planned):
        assert before.start < after.start
        assert before.limit != after.limit


@given(placed=st.lists(placed_profiles(), max_size=5), horizon=st.integers(1, 300))
@settings(deadline=None)
def test_the_outlook_is_the_beginning_of_the_schedule(
    placed: list[tuple[int, ChargingProfile]], horizon: int
) -> None:
    profiles = installed(*placed)
    planned: list[Planned] = composite_schedule(
        profiles, 1, T, horizon, A, transactions=RUNNING
    )
    found = outlook(profiles, 1, T, A, transactions=RUNNING, horizon=horizon)
    assert found.limit == planned[0].limit
    if len(planned) == 1:
        assert found.changes_at is None
    else:
        assert (found.changes_at, found.next_limit) == (
            T + planned[1].start,
            planned[1].limit,
        )
