"""Plans by the clock on the wall, in a zone where that clock is changed twice a year."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from freezegun.api import FrozenDateTimeFactory
from hypothesis import given, strategies as st
import pytest
import voluptuous as vol

from custom_components.bemcom_connectors.ocpp.enums import (
    ChargingProfileKind,
    ChargingProfilePurpose,
    ChargingRateUnit,
    RecurrencyKind,
)
from custom_components.bemcom_connectors.ocpp.profile_rules import (
    ProfileError,
    ProfileRule,
)
from custom_components.bemcom_connectors.ocpp_plans import (
    Limits,
    Plan,
    make_plan,
    moment,
    start,
)
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.util import dt as dt_util

BERLIN = ZoneInfo("Europe/Berlin")
# By the clock on the wall.
_FIRST = datetime.fromisoformat("2026-01-01")
_LAST = datetime.fromisoformat("2027-12-31")
AMPERES = Limits(ChargingRateUnit.AMPERES)
TX_DEFAULT = ChargingProfilePurpose.TX_DEFAULT_PROFILE
MAX_PROFILE = ChargingProfilePurpose.CHARGE_POINT_MAX_PROFILE
ABSOLUTE, RELATIVE, RECURRING = (
    ChargingProfileKind.ABSOLUTE,
    ChargingProfileKind.RELATIVE,
    ChargingProfileKind.RECURRING,
)


@pytest.fixture(autouse=True)
async def in_berlin(hass: HomeAssistant) -> None:
    """Be where the clock is changed."""
    await hass.config.async_set_time_zone("Europe/Berlin")


def planned(
    *entries: tuple[Any, float],
    purpose: ChargingProfilePurpose = TX_DEFAULT,
    limits: Limits = AMPERES,
    **how: Any,
) -> Plan:
    """Return the plan of entries as an action has them."""
    return make_plan(
        [{"start": start(it), "limit": limit} for it, limit in entries],
        limits,
        purpose=purpose,
        **how,
    )


def told(plan: Plan) -> list[tuple[str, float]]:
    """Return the limits of a plan with their points in time here."""
    schedule = plan.schedule
    assert schedule.start is not None
    return [
        (
            datetime.fromtimestamp(schedule.start + it.start, BERLIN).strftime(
                "%m-%d %H:%M %Z"
            ),
            it.limit,
        )
        for it in schedule.periods
    ]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        # Long before, while it runs, after midnight, and when it is over.
        ("2026-06-10 12:00", ["06-10 22:00 CEST", "06-11 06:00 CEST"]),
        ("2026-06-10 23:00", ["06-10 22:00 CEST", "06-11 06:00 CEST"]),
        ("2026-06-11 05:59", ["06-10 22:00 CEST", "06-11 06:00 CEST"]),
        ("2026-06-11 06:00", ["06-11 22:00 CEST", "06-12 06:00 CEST"]),
        # A night of 7 hours, and one of 9.
        ("2026-03-28 20:00", ["03-28 22:00 CET", "03-29 06:00 CEST"]),
        ("2026-10-24 20:00", ["10-24 22:00 CEST", "10-25 06:00 CET"]),
    ],
)
def test_times_of_day(
    freezer: FrozenDateTimeFactory, now: str, expected: list[str]
) -> None:
    """The plan that is going on, or the next one; by the clock on the wall."""
    freezer.move_to(datetime.fromisoformat(now).replace(tzinfo=BERLIN))
    plan = planned(("22:00", 16), ("06:00", 6))
    assert plan.kind is ABSOLUTE
    assert plan.recurrency is None
    assert told(plan) == list(zip(expected, [16, 6], strict=True))
    assert plan.schedule.duration is None


def test_one_time_of_day(freezer: FrozenDateTimeFactory) -> None:
    freezer.move_to(datetime(2026, 6, 10, 12, tzinfo=BERLIN))
    assert told(planned(("13:30:30", 16))) == [("06-10 13:30 CEST", 16)]
    assert told(planned(("11:00", 16))) == [("06-11 11:00 CEST", 16)]


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        # The hour that is left out in spring, and the one that comes twice in autumn.
        (
            ["2026-03-29 01:30", "2026-03-29 02:30", "2026-03-29 04:00"],
            ["03-29 01:30 CET", "03-29 03:30 CEST", "03-29 04:00 CEST"],
        ),
        (
            ["2026-10-25T01:30", "2026-10-25T02:30", "2026-10-25T03:30"],
            ["10-25 01:30 CEST", "10-25 02:30 CEST", "10-25 03:30 CET"],
        ),
        # Who says how far from UTC it is, gets just that.
        (
            ["2026-10-25T00:30:00Z", "2026-10-25T02:30:00+01:00"],
            ["10-25 02:30 CEST", "10-25 02:30 CET"],
        ),
    ],
)
def test_points_in_time(entries: list[str], expected: list[str]) -> None:
    plan = planned(*((it, 6 + at) for at, it in enumerate(entries)))
    assert plan.kind is ABSOLUTE
    assert [moment for moment, _ in told(plan)] == expected


@given(
    st.lists(
        st.datetimes(_FIRST, _LAST),
        min_size=1,
        max_size=20,
        unique_by=lambda it: it.replace(microsecond=0),
    )
)
def test_any_points_in_time(moments: list[datetime]) -> None:
    """Each limit begins where the clock on the wall says so."""
    moments = [it.replace(microsecond=0) for it in moments]
    dt_util.set_default_time_zone(BERLIN)
    plan = planned(*((it, 6 + at % 2) for at, it in enumerate(moments)))
    assert plan.schedule.start is not None
    begins = {plan.schedule.start + it.start for it in plan.schedule.periods}
    expected = [it.replace(tzinfo=BERLIN).timestamp() for it in moments]
    assert begins <= set(expected)
    assert min(begins) == min(expected)


@pytest.mark.parametrize(
    ("now", "begin"),
    [
        ("2026-01-10 21:00", "01-09 22:00 CET"),
        ("2026-01-10 22:00", "01-10 22:00 CET"),
        ("2026-07-10 12:00", "07-09 22:00 CEST"),
    ],
)
def test_every_day(freezer: FrozenDateTimeFactory, now: str, begin: str) -> None:
    """It has begun already, and is as long as a day."""
    freezer.move_to(datetime.fromisoformat(now).replace(tzinfo=BERLIN))
    plan = planned(("22:00", 16), ("06:00", 6), recurrency=RecurrencyKind.DAILY)
    assert plan[:2] == (RECURRING, RecurrencyKind.DAILY)
    assert told(plan)[0] == (begin, 16)
    assert [it.start for it in plan.schedule.periods] == [0, 8 * 3600]
    assert plan.schedule.duration == 24 * 3600
    same = planned(("22:00", 16), ("06:00", 6), kind=RECURRING)
    assert same == plan


def test_every_day_across_a_change(freezer: FrozenDateTimeFactory) -> None:
    """What repeats is by the clock on the wall of any day, not of the day of a change."""
    freezer.move_to(datetime(2026, 3, 28, 23, tzinfo=BERLIN))
    plan = planned(("22:00", 16), ("06:00", 6), recurrency=RecurrencyKind.DAILY)
    assert told(plan)[0] == ("03-28 22:00 CET", 16)
    assert plan.schedule.periods[1].start == 8 * 3600


def test_every_week() -> None:
    plan = planned(
        ("2026-10-24 22:00", 16),
        ("2026-10-25 06:00", 6),
        recurrency=RecurrencyKind.WEEKLY,
        limits=Limits(ChargingRateUnit.WATTS, 3, 3600),
    )
    assert plan[:2] == (RECURRING, RecurrencyKind.WEEKLY)
    assert [(it.start, it.phases) for it in plan.schedule.periods] == [
        (0, 3),
        (8 * 3600, 3),
    ]
    assert plan.schedule.duration == 3600
    assert plan.schedule.unit is ChargingRateUnit.WATTS


def test_seconds(freezer: FrozenDateTimeFactory) -> None:
    """Since charging began, or since now for what knows no charging."""
    plan = planned((0, 16), (3600, 8), limits=Limits(ChargingRateUnit.AMPERES, 1, 7200))
    assert plan.kind is RELATIVE
    assert plan.schedule.start is None
    assert [(it.start, it.limit, it.phases) for it in plan.schedule.periods] == [
        (0, 16, 1),
        (3600, 8, 1),
    ]
    assert plan.schedule.duration == 7200
    freezer.move_to(datetime(2026, 3, 29, 0, 59, 30, tzinfo=UTC))
    expected = [("03-29 01:59 CET", 16), ("03-29 03:59 CEST", 8)]
    entries: list[tuple[int, float]] = [(0, 16), (3600, 8)]
    assert told(planned(*entries, purpose=MAX_PROFILE)) == expected
    assert told(planned(*entries, kind=ABSOLUTE)) == expected
    daily = planned(*entries, recurrency=RecurrencyKind.DAILY)
    assert daily.kind is RECURRING


def test_duration_of_points_in_time() -> None:
    """It ends the plan, and what would come later is left out."""
    plan = planned(
        ("2026-06-01 10:00", 16),
        ("2026-06-01 12:00", 8),
        limits=Limits(ChargingRateUnit.AMPERES, None, 3600),
    )
    assert plan.schedule.duration == 3600
    assert [it.limit for it in plan.schedule.periods] == [16]


@pytest.mark.parametrize(
    ("entries", "how", "key"),
    [
        # 22:00 without quotes is a number in YAML.
        ([(1320, 16), ("06:00", 6)], {}, "plan_mixed"),
        ([("22:00", 16), ("2026-01-01 06:00", 6)], {}, "plan_mixed"),
        ([("22:00", 16)], {"kind": RELATIVE}, "plan_kind"),
        (
            [("22:00", 16)],
            {"kind": ABSOLUTE, "recurrency": RecurrencyKind.DAILY},
            "plan_kind",
        ),
        (
            [(0, 16)],
            {"kind": RELATIVE, "recurrency": RecurrencyKind.DAILY},
            "plan_kind",
        ),
    ],
)
def test_what_does_not_go_together(
    entries: list[tuple[Any, float]], how: dict[str, Any], key: str
) -> None:
    with pytest.raises(ServiceValidationError) as caught:
        planned(*entries, **how)
    assert caught.value.translation_key == key


def test_nothing_is_no_plan() -> None:
    with pytest.raises(ProfileError) as caught:
        planned()
    assert caught.value.rule is ProfileRule.NO_PERIODS


@pytest.mark.parametrize(
    "value", [True, None, -1, 366 * 86_400 + 1, "", "noon", "25:00", [], "1h"]
)
def test_what_is_no_start(value: object) -> None:
    with pytest.raises(vol.Invalid):
        start(value)


def test_a_point_in_time_is_asked_for() -> None:
    assert moment("2026-06-01 10:00").utcoffset() == timedelta(hours=2)
    with pytest.raises(vol.Invalid):
        moment("10:00")


def test_starts_may_be_what_templates_make() -> None:
    now = dt_util.now()
    assert start(now) is now
    assert start(now.time()) == now.time()
    assert start(now.replace(tzinfo=None)) == now
