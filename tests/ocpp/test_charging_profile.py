"""Charging profiles: what is sent, what is read, what is planned and what is refused."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
import json
import math
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, strategies as st
from jsonschema import Draft4Validator
import pytest

from custom_components.bemcom_connectors.ocpp.actions import check_request
from custom_components.bemcom_connectors.ocpp.charging_profile import (
    ChargingProfile,
    ChargingSchedule,
    Period,
    tenths,
)
from custom_components.bemcom_connectors.ocpp.enums import (
    ChargingProfileKind as Kind,
    ChargingProfilePurpose as Purpose,
    ChargingRateUnit as Unit,
    RecurrencyKind as Recurrency,
)
from custom_components.bemcom_connectors.ocpp.profile_planning import plan
from custom_components.bemcom_connectors.ocpp.profile_reading import (
    Defaults,
    read_connector_id,
    read_profile,
)
from custom_components.bemcom_connectors.ocpp.profile_rules import (
    MAX_PERIODS,
    Capabilities,
    ProfileError,
    ProfileRule as Rule,
    check_form,
    check_number,
    check_profile,
    check_start_profile,
    read_unit,
    rounded,
)
from tests.ocpp.official import SCHEMAS

A, W = Unit.AMPERES, Unit.WATTS
BERLIN = ZoneInfo("Europe/Berlin")
ANYTHING = Capabilities()
# Decimals, as a tenth is not quite a tenth in floats.
OFFICIAL = Draft4Validator(
    json.loads(
        (SCHEMAS / "SetChargingProfile.json").read_text("utf-8-sig"),
        parse_float=Decimal,
    )
)


def at(text: str, zone: Any = UTC) -> float:
    """Return a point in time."""
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


NOON = at("2026-03-10T12:00:00")
SCHEDULE = ChargingSchedule(unit=A, periods=(Period(start=0, limit=16),), start=NOON)
PROFILE = ChargingProfile(
    id=1,
    stack_level=0,
    purpose=Purpose.TX_DEFAULT_PROFILE,
    kind=Kind.ABSOLUTE,
    schedule=SCHEDULE,
)
JSON: dict[str, Any] = {
    "chargingProfileId": 8,
    "transactionId": 7,
    "stackLevel": 3,
    "chargingProfilePurpose": "TxProfile",
    "chargingProfileKind": "Recurring",
    "recurrencyKind": "Weekly",
    "validFrom": "2026-03-10T12:00:00Z",
    "validTo": "2026-03-17T12:00:00Z",
    "chargingSchedule": {
        "duration": 7200,
        "startSchedule": "2026-03-10T12:00:00Z",
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [
            {"startPeriod": 0, "limit": 16, "numberPhases": 3},
            {"startPeriod": 3600, "limit": 6.5, "numberPhases": 1},
        ],
        "minChargingRate": 6,
    },
}


def changed(**changes: Any) -> ChargingProfile:
    """Return a profile, some fields of it or of its schedule changed."""
    own = {name: changes.pop(name) for name in list(changes) if hasattr(PROFILE, name)}
    return replace(PROFILE, **{"schedule": replace(SCHEDULE, **changes), **own})


def check(profile: ChargingProfile, connector_id: int = 1, **others: Any) -> None:
    """Check a profile for a charge point that takes anything, unless it is said."""
    transaction_id = others.pop("transaction_id", None)
    capabilities = replace(ANYTHING, **others)
    check_profile(profile, connector_id, capabilities, transaction_id=transaction_id)


def is_official(payload: Any) -> bool:
    """Tell whether the official schema takes a profile as it goes over the wire."""
    request = {"connectorId": 1, "csChargingProfiles": payload}
    check_request("SetChargingProfile", request)
    wire = json.loads(json.dumps(request), parse_float=Decimal)
    valid: bool = OFFICIAL.is_valid(wire)
    return valid


# What is sent


def test_a_whole_profile_goes_there_and_back() -> None:
    profile = read_profile(JSON, now=0)
    assert profile.to_payload() == JSON
    assert is_official(JSON)
    assert list(profile.to_payload()) == list(JSON)


def test_what_is_not_there_is_not_sent() -> None:
    assert PROFILE.to_payload() == {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": {
            "startSchedule": "2026-03-10T12:00:00Z",
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16}],
        },
    }


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (16, "16"),
        (16.0, "16"),
        (16.1, "16.1"),
        (6.25, "6.2"),
        (6.29, "6.2"),
        (0.1 + 0.2, "0.3"),
        (0.05, "0"),
        (-0.0, "0"),
        (5000.1, "5000.1"),
        (1e-300, "0"),
        (1e20, "100000000000000000000"),
    ],
)
def test_one_decimal_rounded_down(value: float, expected: str) -> None:
    assert json.dumps(tenths(value)) == expected


def test_what_is_no_number_is_not_rounded() -> None:
    assert tenths(math.inf) == math.inf
    assert math.isnan(tenths(math.nan))


@given(st.integers(0, 10**7))
def test_a_tenth_stays_a_tenth(number: int) -> None:
    assert tenths(number / 10) == number / 10


def test_rounding_a_profile() -> None:
    profile = changed(
        periods=(Period(start=0, limit=6.25), Period(start=9, limit=16.1)),
        min_rate=6.99,
        start=NOON + 0.5,
        valid_from=NOON + 0.9,
    )
    assert rounded(profile) == changed(
        periods=(Period(start=0, limit=6.2), Period(start=9, limit=16.1)),
        min_rate=6.9,
        start=NOON,
        valid_from=NOON,
    )
    check(profile)


def test_rounding_leaves_what_will_be_refused() -> None:
    profile = rounded(changed(valid_to=math.nan))
    with pytest.raises(ProfileError):
        check(profile)


# What is read


def test_the_profile_of_bemcom() -> None:
    """Of which the start is to be filled in."""
    profile = read_profile(
        {
            "chargingProfileId": 0,
            "stackLevel": 5,
            "chargingProfileKind": "Absolute",
            "chargingProfilePurpose": "TxDefaultProfile",
            "chargingSchedule": {
                "startSchedule": "now",
                "chargingRateUnit": "W",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 5000.1}],
            },
        },
        now=NOON,
    )
    assert (profile.id, profile.stack_level) == (0, 5)
    assert profile.schedule == ChargingSchedule(
        unit=W, periods=(Period(start=0, limit=5000.1),), start=NOON
    )


def test_what_bemcom_sends() -> None:
    request: dict[str, Any] = {
        "connectorId": 1,
        "csChargingProfiles": {
            "chargingProfileId": 1773144000,
            "stackLevel": 0,
            "chargingProfilePurpose": "TxDefaultProfile",
            "chargingProfileKind": "Relative",
            "chargingSchedule": {
                "chargingRateUnit": "W",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 5000.0}],
            },
        },
    }
    profile = read_profile(request, now=0)
    assert profile.to_payload() == request["csChargingProfiles"]
    assert read_connector_id(request) == 1


def snake(data: Any) -> Any:
    """Return JSON with the names of fields as Python has them."""
    if isinstance(data, list):
        return [snake(it) for it in data]
    if not isinstance(data, dict):
        return data
    return {
        "".join(f"_{it.lower()}" if it.isupper() else it for it in name): snake(value)
        for name, value in data.items()
    }


def as_text(data: Any) -> Any:
    """Return JSON with its numbers as text."""
    if isinstance(data, list):
        return [as_text(it) for it in data]
    if isinstance(data, dict):
        return {name: as_text(value) for name, value in data.items()}
    return str(data)


WAYS: list[Any] = [
    snake(JSON),
    as_text(JSON),
    json.dumps(JSON),
    str(JSON),  # with Python's quotes
    [JSON],
    {"connectorId": 1, "csChargingProfiles": JSON},
    {"connector_id": 1, "cs_charging_profiles": [snake(JSON)]},
    {"connectorId": 1, "idTag": "tag", "chargingProfile": JSON},
    JSON
    | {
        "chargingProfilePurpose": " txprofile ",
        "chargingProfileKind": "RECURRING",
        "recurrencyKind": "weekly",
        "validFrom": NOON,
        "validTo": "2026-03-17T14:00:00+02:00",
    },
    JSON | {"chargingSchedule": [JSON["chargingSchedule"]]},
    JSON
    | {"chargingSchedule": JSON["chargingSchedule"] | {"chargingRateUnit": "amps"}},
]


@pytest.mark.parametrize("data", WAYS)
def test_each_way_to_write_a_profile(data: Any) -> None:
    assert read_profile(data, now=0) == read_profile(JSON, now=0)


def schedule(**others: Any) -> dict[str, Any]:
    """Return the JSON of a schedule."""
    return {
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16}],
    } | others


def test_what_is_left_out() -> None:
    data: dict[str, Any] = {
        "chargingSchedule": schedule(),
        "validTo": None,
        "validFrom": "",
    }
    profile = read_profile(data, now=0)
    assert (profile.id, profile.stack_level) == (1, 0)
    assert profile.purpose is Purpose.TX_DEFAULT_PROFILE
    assert profile.valid_from is profile.valid_to is None
    defaults = Defaults(id=5, stack_level=2, purpose=Purpose.TX_PROFILE, unit=W)
    del data["chargingSchedule"]["chargingRateUnit"]
    profile = read_profile(data, now=0, defaults=defaults)
    assert (profile.id, profile.stack_level) == (5, 2)
    assert profile.purpose is Purpose.TX_PROFILE
    assert profile.schedule.unit is W


@pytest.mark.parametrize(
    ("others", "kind"),
    [
        ({"chargingSchedule": schedule()}, Kind.RELATIVE),
        ({"chargingSchedule": schedule(startSchedule="now")}, Kind.ABSOLUTE),
        (
            {"chargingSchedule": schedule(), "recurrencyKind": "Daily"},
            Kind.RECURRING,
        ),
    ],
)
def test_the_kind_that_it_must_be(others: dict[str, Any], kind: Kind) -> None:
    assert read_profile(others, now=0).kind is kind


def test_one_period_alone() -> None:
    data: dict[str, Any] = {
        "chargingSchedule": schedule(chargingSchedulePeriod={"limit": "6,5"})
    }
    profile = read_profile(data, now=0)
    assert profile.schedule.periods == (Period(start=0, limit=6.5),)


def test_times_of_the_house() -> None:
    data: dict[str, Any] = {
        "chargingSchedule": schedule(startSchedule="2026-07-01T12:00:00"),
        "validFrom": "2026-07-01T12:00:00Z",
        "validTo": "1.7.2026",
    }
    with pytest.raises(ProfileError):
        read_profile(data, now=0, zone=BERLIN)
    del data["validTo"]
    profile = read_profile(data, now=0, zone=BERLIN)
    assert profile.schedule.start == at("2026-07-01T10:00:00")
    assert profile.valid_from == at("2026-07-01T12:00:00")
    assert read_profile(data, now=0).schedule.start == profile.valid_from


def test_no_connector_beside_it() -> None:
    assert read_connector_id(JSON) is None
    assert read_connector_id({"csChargingProfiles": JSON}) is None


PERIODS = "chargingSchedule.chargingSchedulePeriod"
UNREADABLE: list[tuple[Any, Rule, str]] = [
    (None, Rule.UNREADABLE, "profile"),
    (5, Rule.UNREADABLE, "profile"),
    ([], Rule.UNREADABLE, "profile"),
    ("{", Rule.UNREADABLE, "profile"),
    (" " * 300_000, Rule.UNREADABLE, "profile"),
    ({}, Rule.MISSING_FIELD, "chargingSchedule"),
    ({"csChargingProfiles": 5}, Rule.UNREADABLE, "profile"),
    (
        {"csChargingProfiles": JSON, "connectorID2": 1},
        Rule.UNKNOWN_FIELD,
        "connectorID2",
    ),
    (JSON | {"stackLevel": True}, Rule.UNREADABLE, "stackLevel"),
    (JSON | {"stackLevel": 0.5}, Rule.UNREADABLE, "stackLevel"),
    (JSON | {"stackLevel": "high"}, Rule.UNREADABLE, "stackLevel"),
    (JSON | {"stackLevel": []}, Rule.UNREADABLE, "stackLevel"),
    (JSON | {"stackLevel": {}}, Rule.UNREADABLE, "stackLevel"),
    (JSON | {"stackLevel": 10**5000}, Rule.OUT_OF_RANGE, "stackLevel"),
    (JSON | {"stackLevel": "1e99"}, Rule.OUT_OF_RANGE, "stackLevel"),
    (JSON | {"transactionId": "nan"}, Rule.NOT_FINITE, "transactionId"),
    (JSON | {"chargingProfileKind": 5}, Rule.UNREADABLE, "chargingProfileKind"),
    (JSON | {"recurrencyKind": "Monthly"}, Rule.UNREADABLE, "recurrencyKind"),
    (JSON | {"validTo": "tomorrow"}, Rule.UNREADABLE, "validTo"),
    (JSON | {"validTill": NOON}, Rule.UNKNOWN_FIELD, "validTill"),
    (JSON | {"chargingSchedule": 5}, Rule.UNREADABLE, "chargingSchedule"),
    (
        {"chargingSchedule": schedule(chargingRateUnit="kW")},
        Rule.UNREADABLE,
        "chargingSchedule.chargingRateUnit",
    ),
    (
        {"chargingSchedule": schedule(chargingRateUnit=None)},
        Rule.MISSING_FIELD,
        "chargingSchedule.chargingRateUnit",
    ),
    (
        {"chargingSchedule": schedule(durration=60)},
        Rule.UNKNOWN_FIELD,
        "chargingSchedule.durration",
    ),
    (
        {"chargingSchedule": schedule(chargingSchedulePeriod=None)},
        Rule.MISSING_FIELD,
        PERIODS,
    ),
    (
        {"chargingSchedule": schedule(chargingSchedulePeriod=16)},
        Rule.UNREADABLE,
        PERIODS,
    ),
    (
        {"chargingSchedule": schedule(chargingSchedulePeriod=[{"startPeriod": 0}])},
        Rule.MISSING_FIELD,
        f"{PERIODS}[0].limit",
    ),
    (
        {"chargingSchedule": schedule(chargingSchedulePeriod=[{"limit": 1}] * 2)},
        Rule.MISSING_FIELD,
        f"{PERIODS}[1].startPeriod",
    ),
]


@pytest.mark.parametrize(("data", "rule", "field"), UNREADABLE)
def test_what_cannot_be_read(data: Any, rule: Rule, field: str) -> None:
    with pytest.raises(ProfileError) as error:
        read_profile(data, now=0)
    assert error.value.rule is rule
    assert error.value.placeholders["field"] == field
    assert all(len(it) < 100 for it in error.value.placeholders.values())


def test_what_was_wrong_is_shown() -> None:
    periods = {"limit": "lots"}
    data: Any = {"chargingSchedule": schedule(chargingSchedulePeriod=periods)}
    with pytest.raises(ProfileError, match=r"unreadable .*limit, value: lots\)"):
        read_profile(data, now=0)


def test_too_many_periods_are_not_even_read() -> None:
    data: dict[str, Any] = {
        "chargingSchedule": schedule(chargingSchedulePeriod=[5] * 5000)
    }
    with pytest.raises(ProfileError) as error:
        read_profile(data, now=0)
    assert error.value.rule is Rule.TOO_MANY_PERIODS


def test_a_purpose_that_must_be_said() -> None:
    with pytest.raises(ProfileError) as error:
        read_profile(
            {"chargingSchedule": schedule()}, now=0, defaults=Defaults(purpose=None)
        )
    assert error.value.rule is Rule.MISSING_FIELD


NAMES = [
    "connectorId",
    "csChargingProfiles",
    *JSON,
    *JSON["chargingSchedule"],
    "startPeriod",
    "limit",
    "numberPhases",
]
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=20)
    | st.sampled_from(
        [
            "now",
            "A",
            "Daily",
            "Relative",
            "TxProfile",
            "2026-03-10T12:00:00",
            "9999-12-31T23:59:59",
            "0001-01-01T00:00:00",
            "1e400",
            "6,5",
            "9" * 5000,
        ]
    )
)
anything = st.recursive(
    scalars,
    lambda it: (
        st.lists(it, max_size=3)
        | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), it, max_size=9)
    ),
    max_leaves=25,
)
# Profiles of which a few fields are something else.
odd_periods = st.lists(
    st.fixed_dictionaries({"startPeriod": st.just(0) | scalars, "limit": scalars})
    | anything,
    max_size=3,
)
odd_schedules = st.dictionaries(
    st.sampled_from([*JSON["chargingSchedule"]]), scalars, max_size=2
).flatmap(
    lambda it: st.fixed_dictionaries(
        {}, optional={"chargingSchedulePeriod": odd_periods}
    ).map(lambda periods: JSON["chargingSchedule"] | it | periods)
)
odd_profiles = st.dictionaries(st.sampled_from([*JSON]), anything, max_size=2).flatmap(
    lambda it: odd_schedules.map(lambda inner: JSON | {"chargingSchedule": inner} | it)
)


@given(
    data=anything | odd_profiles | anything.map(json.dumps) | st.text(),
    connector_id=st.integers(0, 2),
    zone=st.sampled_from([UTC, BERLIN]),
)
def test_whatever_is_read_is_refused_or_sent_to_the_letter(
    data: Any, connector_id: int, zone: Any
) -> None:
    try:
        profile = rounded(read_profile(data, now=NOON, zone=zone))
        check(profile, connector_id, transaction_id=7)
    except ProfileError as err:
        assert isinstance(err.rule, Rule)
        return
    payload = profile.to_payload()
    assert is_official(payload)
    assert read_profile(payload, now=0) == profile


seconds = st.integers(0, 2**31).map(float)
tenth = st.integers(0, 10**6).map(tenths) | st.integers(0, 10**6).map(
    lambda it: tenths(it / 10)
)
schedules = st.builds(
    ChargingSchedule,
    unit=st.sampled_from(Unit),
    periods=st.lists(
        st.builds(
            Period,
            start=st.integers(0, 10**6),
            limit=tenth,
            phases=st.sampled_from([None, 1, 3]),
        ),
        max_size=5,
    ).map(tuple),
    start=st.none() | seconds,
    duration=st.none() | st.integers(),
    min_rate=st.none() | tenth,
)
profiles = st.builds(
    ChargingProfile,
    id=st.integers(-(2**31), 2**31 - 1),
    stack_level=st.integers(0, 99),
    purpose=st.sampled_from(Purpose),
    kind=st.sampled_from(Kind),
    schedule=schedules,
    recurrency=st.none() | st.sampled_from(Recurrency),
    valid_from=st.none() | seconds,
    valid_to=st.none() | seconds,
    transaction_id=st.none() | st.integers(-(2**31), 2**31),
)


@given(profiles)
def test_what_is_checked_goes_there_and_back(profile: ChargingProfile) -> None:
    try:
        check_form(profile)
    except ProfileError:
        return
    payload = profile.to_payload()
    assert is_official(payload)
    for way in (payload, snake(payload), as_text(payload), json.dumps(payload)):
        assert read_profile(way, now=0) == profile


# What is refused

TX = {"purpose": Purpose.TX_PROFILE}
STATION = {"purpose": Purpose.CHARGE_POINT_MAX_PROFILE}
RECURRING = {"kind": Kind.RECURRING}
RELATIVE = {"kind": Kind.RELATIVE}


def periods(*pairs: tuple[int, float]) -> dict[str, Any]:
    """Return periods to put into a schedule."""
    return {
        "periods": tuple(Period(start=start, limit=limit) for start, limit in pairs)
    }


BROKEN: list[tuple[Rule, dict[str, Any], dict[str, Any], dict[str, str]]] = [
    (Rule.MAX_PROFILE_ON_CONNECTOR, STATION, {}, {"connector": "1"}),
    (Rule.TX_PROFILE_ON_CHARGE_POINT, TX, {"connector_id": 0}, {}),
    (Rule.TX_PROFILE_WITHOUT_TRANSACTION, TX, {}, {"connector": "1"}),
    (
        Rule.OTHER_TRANSACTION,
        TX | {"transaction_id": 8},
        {"transaction_id": 7},
        {"transaction": "8", "running": "7"},
    ),
    (Rule.TRANSACTION_NOT_ALLOWED, {"transaction_id": 8}, {}, {"transaction": "8"}),
    (Rule.RELATIVE_MAX_PROFILE, STATION | RELATIVE, {"connector_id": 0}, {}),
    (Rule.RELATIVE_WITH_START, RELATIVE, {}, {}),
    (Rule.ABSOLUTE_WITHOUT_START, {"start": None}, {}, {}),
    (Rule.RECURRING_WITHOUT_KIND, RECURRING, {}, {}),
    (
        Rule.RECURRING_WITHOUT_START,
        RECURRING | {"recurrency": Recurrency.DAILY, "start": None},
        {},
        {},
    ),
    (
        Rule.VALIDITY_ENDS_BEFORE_START,
        {"valid_from": NOON, "valid_to": NOON},
        {},
        {},
    ),
    (Rule.DURATION_NOT_POSITIVE, {"duration": 0}, {}, {"duration": "0"}),
    (Rule.NO_PERIODS, {"periods": ()}, {}, {}),
    (Rule.FIRST_PERIOD_NOT_ZERO, periods((60, 6)), {}, {"start": "60"}),
    (
        Rule.PERIODS_NOT_ASCENDING,
        periods((0, 6), (60, 7), (60, 8)),
        {},
        {"start": "60", "before": "60"},
    ),
    (Rule.PHASES, {"periods": (Period(start=0, limit=6, phases=4),)}, {}, {}),
    (Rule.NEGATIVE_LIMIT, periods((0, -0.1)), {}, {"limit": "-0.1"}),
    (Rule.NEGATIVE_LIMIT, {"min_rate": -1.0}, {}, {"limit": "-1.0"}),
    (Rule.NOT_FINITE, periods((0, math.inf)), {}, {"field": "limit"}),
    (Rule.NOT_FINITE, {"start": math.nan}, {}, {"field": "startSchedule"}),
    (Rule.OUT_OF_RANGE, {"stack_level": -1}, {}, {"field": "stackLevel"}),
    (Rule.OUT_OF_RANGE, {"id": 2**31}, {}, {"field": "chargingProfileId"}),
    (Rule.OUT_OF_RANGE, {"valid_to": -1.0}, {}, {"field": "validTo"}),
    (
        Rule.UNIT_NOT_ALLOWED,
        {},
        {"units": frozenset({W})},
        {"unit": "A", "allowed": "W"},
    ),
    (
        Rule.TOO_MANY_PERIODS,
        periods((0, 6), (60, 7)),
        {"max_periods": 1},
        {"number": "2", "maximum": "1"},
    ),
    (
        Rule.TOO_MANY_PERIODS,
        periods(*((second, 6) for second in range(MAX_PERIODS + 1))),
        {},
        {"maximum": str(MAX_PERIODS)},
    ),
    (
        Rule.STACK_LEVEL_TOO_HIGH,
        {"stack_level": 4},
        {"max_stack_level": 3},
        {"level": "4", "maximum": "3"},
    ),
]


@pytest.mark.parametrize(("rule", "changes", "others", "placeholders"), BROKEN)
def test_each_rule(
    rule: Rule,
    changes: Mapping[str, Any],
    others: Mapping[str, Any],
    placeholders: Mapping[str, str],
) -> None:
    with pytest.raises(ProfileError) as error:
        check(changed(**changes), **others)
    assert error.value.rule is rule
    assert placeholders.items() <= error.value.placeholders.items()
    assert rule.value in str(error.value)


def test_each_rule_is_tested() -> None:
    elsewhere = {Rule.TX_PROFILE_NEEDED, Rule.TOO_MANY_PROFILES}
    tested = {it[0] for it in BROKEN} | {it[1] for it in UNREADABLE}
    assert tested | elsewhere == {*Rule}


@pytest.mark.parametrize(
    ("changes", "others"),
    [
        ({}, {}),
        ({}, {"connector_id": 0}),
        (STATION, {"connector_id": 0}),
        (TX, {"transaction_id": 7}),
        (TX | {"transaction_id": 7}, {"transaction_id": 7}),
        (RELATIVE | {"start": None}, {}),
        (RECURRING | {"recurrency": Recurrency.WEEKLY}, {}),
        (periods((0, 0), (1, 16.25)), {"max_periods": 2}),
        ({"stack_level": 3}, {"max_stack_level": 3}),
        ({"duration": 1, "valid_from": NOON, "valid_to": NOON + 1}, {}),
    ],
)
def test_what_is_allowed(changes: Mapping[str, Any], others: Mapping[str, Any]) -> None:
    check(changed(**changes), **others)


def test_a_profile_to_start_with() -> None:
    check_start_profile(changed(**TX), ANYTHING)
    with pytest.raises(ProfileError) as purpose:
        check_start_profile(PROFILE, ANYTHING)
    assert purpose.value.rule is Rule.TX_PROFILE_NEEDED
    with pytest.raises(ProfileError) as transaction:
        check_start_profile(changed(**TX, transaction_id=7), ANYTHING)
    assert transaction.value.rule is Rule.TRANSACTION_NOT_ALLOWED
    with pytest.raises(ProfileError) as unit:
        check_start_profile(changed(**TX), Capabilities(units=frozenset({W})))
    assert unit.value.rule is Rule.UNIT_NOT_ALLOWED


def test_no_more_profiles_than_fit() -> None:
    check_number(99, ANYTHING)
    check_number(4, Capabilities(max_profiles=4))
    with pytest.raises(ProfileError) as error:
        check_number(5, Capabilities(max_profiles=4))
    assert error.value.rule is Rule.TOO_MANY_PROFILES
    assert error.value.placeholders == {"number": "5", "maximum": "4"}


# What a charge point takes

UNITS_KEY = "ChargingScheduleAllowedChargingRateUnit"


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("Current", {A}),
        ("Power", {W}),
        ("A", {A}),
        ("w", {W}),
        (" power ", {W}),
        ("Current,Power", {A, W}),
        ("Power, current", {A, W}),
        ('["Current"]', {A}),
        ("Amps;Foo", {A}),
        ("both", {A, W}),
        ("", {A, W}),
        ("7", {A, W}),
    ],
)
def test_the_units_it_takes(text: str, units: set[Unit]) -> None:
    assert Capabilities.of({UNITS_KEY: text}).units == units


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("24", 24),
        (" 6 ", 6),
        ("6.0", 6),
        ("+8", 8),
        ("", None),
        ("-1", None),
        ("many", None),
        ("6.5", None),
        ("²", None),
        ("9" * 5000, None),
    ],
)
def test_the_numbers_it_takes(text: str, number: int | None) -> None:
    keys = {
        "ChargingScheduleMaxPeriods": text,
        "chargeprofilemaxstacklevel": text,
        "MaxChargingProfilesInstalled": text,
    }
    assert Capabilities.of(keys) == Capabilities(
        max_periods=number, max_stack_level=number, max_profiles=number
    )


def test_zero_is_a_stack_level_and_no_number_of_anything() -> None:
    keys = {
        "ChargingScheduleMaxPeriods": "0",
        "ChargeProfileMaxStackLevel": "0",
        "MaxChargingProfilesInstalled": "0",
    }
    assert Capabilities.of(keys) == Capabilities(max_stack_level=0)
    assert Capabilities.of({}) == ANYTHING


def test_names_of_units() -> None:
    assert read_unit("Amps") is A
    assert read_unit(" W ") is W
    assert read_unit("kW") is None


# What is planned


def test_a_plain_list() -> None:
    entries = [(NOON + 3600.9, 6.25), (NOON, 16.0), (NOON + 7200, 6.29)]
    made = plan(entries, A, end=NOON + 9000, phases=3, min_rate=6)
    assert made == ChargingSchedule(
        unit=A,
        periods=(
            Period(start=0, limit=16, phases=3),
            Period(start=3600, limit=6.2, phases=3),
        ),
        start=NOON,
        duration=9000,
        min_rate=6,
    )
    check(replace(PROFILE, schedule=made))


def test_a_plan_without_end() -> None:
    assert plan([(NOON, 6)], A).duration is None


def test_what_comes_after_the_end_is_no_plan() -> None:
    made = plan([(NOON, 6), (NOON + 60, 8)], A, end=NOON + 60)
    assert made.periods == (Period(start=0, limit=6),)
    assert made.duration == 60


def test_the_last_one_counts() -> None:
    made = plan([(NOON, 6), (NOON + 0.5, 8)], A)
    assert made.periods == (Period(start=0, limit=8),)


@pytest.mark.parametrize(
    ("entries", "end", "rule"),
    [
        ([], None, Rule.NO_PERIODS),
        ([(NOON, 6)], NOON, Rule.DURATION_NOT_POSITIVE),
        ([(math.nan, 6)], None, Rule.NOT_FINITE),
        ([(NOON, math.inf)], None, Rule.NOT_FINITE),
        ([(NOON, 6)], math.inf, Rule.NOT_FINITE),
    ],
)
def test_what_is_no_plan(entries: Any, end: float | None, rule: Rule) -> None:
    with pytest.raises(ProfileError) as error:
        plan(entries, A, end=end)
    assert error.value.rule is rule


@given(
    st.lists(st.tuples(st.floats(0, 2e9), st.floats(0, 1e5)), min_size=1, max_size=20),
    st.none() | st.floats(0, 2e9),
)
def test_a_plan_is_what_was_planned(
    entries: list[tuple[float, float]], end: float | None
) -> None:
    try:
        made = plan(entries, A, end=end)
        check(replace(PROFILE, schedule=made))
    except ProfileError as err:
        assert err.rule is Rule.DURATION_NOT_POSITIVE
        assert end is not None
        assert math.floor(end) <= min(math.floor(it[0]) for it in entries)
        return
    assert made.start is not None
    for moment, _ in entries:
        second = math.floor(moment)
        if made.duration is not None and second >= made.start + made.duration:
            continue
        wanted = [limit for start, limit in entries if math.floor(start) == second][-1]
        found = [it for it in made.periods if it.start <= second - made.start][-1]
        assert found.limit == tenths(wanted)
    limits = [it.limit for it in made.periods]
    assert all(a != b for a, b in pairwise(limits))
