"""The charging profiles that are installed on a charge point."""

from typing import Any

from hypothesis import given, strategies as st
import orjson
import pytest

from custom_components.bemcom_connectors.ocpp.charging_profile import (
    ChargingProfile,
    ChargingSchedule,
    Period,
)
from custom_components.bemcom_connectors.ocpp.enums import (
    ChargingProfileKind,
    ChargingProfilePurpose as Purpose,
    ChargingRateUnit,
)
from custom_components.bemcom_connectors.ocpp.installed_profiles import (
    MAX_INSTALLED,
    InstalledProfiles,
)
from tests.ocpp.official import is_request

MAX, DEFAULT, TX = (
    Purpose.CHARGE_POINT_MAX_PROFILE,
    Purpose.TX_DEFAULT_PROFILE,
    Purpose.TX_PROFILE,
)


def profile(
    profile_id: int,
    stack_level: int = 0,
    purpose: Purpose = DEFAULT,
    transaction_id: int | None = None,
) -> ChargingProfile:
    """Return a profile of one limit."""
    return ChargingProfile(
        id=profile_id,
        stack_level=stack_level,
        purpose=purpose,
        kind=ChargingProfileKind.ABSOLUTE,
        schedule=ChargingSchedule(
            unit=ChargingRateUnit.AMPERES,
            periods=(Period(start=0, limit=16),),
            start=1773144000.0,
        ),
        transaction_id=transaction_id,
    )


@pytest.fixture
def profiles() -> InstalledProfiles:
    """Return some profiles, their ids 1 to 5."""
    installed = InstalledProfiles()
    installed.install(0, profile(1, purpose=MAX))
    installed.install(0, profile(2))
    installed.install(1, profile(3))
    installed.install(1, profile(4, stack_level=1))
    installed.install(1, profile(5, purpose=TX, transaction_id=7))
    return installed


def ids(profiles: Any) -> list[int]:
    """Return the ids of what is installed, or of what was."""
    return sorted(it.profile.id for it in profiles)


def test_where_they_are(profiles: InstalledProfiles) -> None:
    assert [it.id for it in profiles.of(0)] == [1, 2]
    assert [it.id for it in profiles.of(1)] == [3, 4, 5]
    assert profiles.of(2) == []
    found = profiles.by_id(3)
    assert found is not None
    assert found.connector_id == 1
    assert profiles.by_id(9) is None
    assert len(profiles) == 5


def test_the_same_id_replaces_wherever_it_is(profiles: InstalledProfiles) -> None:
    moved = profile(1, stack_level=5)
    assert profiles.count_with(2, moved) == 5
    assert ids(profiles.install(2, moved)) == [1]
    assert profiles.of(2) == [moved]
    assert [it.id for it in profiles.of(0)] == [2]


def test_the_same_purpose_and_level_replaces_on_a_connector(
    profiles: InstalledProfiles,
) -> None:
    assert profiles.count_with(1, profile(6)) == 5
    assert ids(profiles.install(1, profile(6))) == [3]
    assert ids(profiles) == [1, 2, 4, 5, 6]


def test_one_may_replace_two(profiles: InstalledProfiles) -> None:
    assert profiles.count_with(1, profile(4)) == 4
    assert ids(profiles.install(1, profile(4))) == [3, 4]
    assert ids(profiles) == [1, 2, 4, 5]


def test_others_stay(profiles: InstalledProfiles) -> None:
    assert profiles.count_with(2, profile(6)) == 6
    assert profiles.install(2, profile(6)) == []
    assert profiles.install(0, profile(7, stack_level=1)) == []
    assert len(profiles) == 7


@pytest.mark.parametrize(
    ("given", "cleared"),
    [
        ({}, [1, 2, 3, 4, 5]),
        ({"profile_id": 3}, [3]),
        ({"profile_id": 3, "connector_id": 0, "purpose": MAX}, [3]),
        ({"profile_id": 9}, []),
        ({"connector_id": 0}, [1, 2]),
        ({"connector_id": 1, "purpose": DEFAULT}, [3, 4]),
        ({"connector_id": 1, "purpose": DEFAULT, "stack_level": 1}, [4]),
        ({"stack_level": 0}, [1, 2, 3, 5]),
        ({"purpose": TX}, [5]),
        ({"connector_id": 0, "purpose": TX}, []),
    ],
)
def test_clearing(
    profiles: InstalledProfiles, given: dict[str, Any], cleared: list[int]
) -> None:
    assert ids(profiles.clear(**given)) == cleared
    assert ids(profiles) == sorted({1, 2, 3, 4, 5} - {*cleared})


def test_a_transaction_takes_its_profiles_along(profiles: InstalledProfiles) -> None:
    profiles.install(1, profile(6, stack_level=1, purpose=TX))
    profiles.install(2, profile(7, purpose=TX))
    assert ids(profiles.transaction_ended(2, 7)) == [7]
    assert ids(profiles) == [1, 2, 3, 4, 5, 6]
    assert ids(profiles.transaction_ended(1, 8)) == [6]
    assert ids(profiles.transaction_ended(1, 7)) == [5]
    assert ids(profiles) == [1, 2, 3, 4]


def test_forgetting(profiles: InstalledProfiles) -> None:
    profiles.forget()
    assert len(profiles) == 0


def test_changes_while_going_through(profiles: InstalledProfiles) -> None:
    for it in profiles:
        profiles.clear(it.profile.id)
    assert len(profiles) == 0


def test_the_oldest_is_forgotten_when_there_are_too_many() -> None:
    profiles = InstalledProfiles()
    for number in range(MAX_INSTALLED + 5):
        profiles.install(1, profile(number, stack_level=number))
    assert ids(profiles) == list(range(5, MAX_INSTALLED + 5))


def test_what_is_stored_comes_back(profiles: InstalledProfiles) -> None:
    stored = orjson.loads(orjson.dumps(profiles.to_dict()))
    assert all(is_request("SetChargingProfile", it) for it in stored)
    restored = InstalledProfiles()
    restored.install(1, profile(99))
    restored.restore(stored)
    assert list(restored) == list(profiles)


def test_what_makes_no_sense_is_left_out(profiles: InstalledProfiles) -> None:
    stored = profiles.to_dict()
    good = stored[0]
    assert isinstance(good, dict)
    broken = [
        5,
        {},
        {"connectorId": 1},
        {"csChargingProfiles": good["csChargingProfiles"]},
        {**good, "connectorId": -1},
        {"connectorId": 0, "csChargingProfiles": {"chargingProfileId": 1}},
    ]
    restored = InstalledProfiles()
    restored.restore([*broken, good])
    assert ids(restored) == [1]


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda it: (
        st.lists(it, max_size=3)
        | st.dictionaries(
            st.sampled_from(["connectorId", "csChargingProfiles", "chargingSchedule"]),
            it,
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(json | st.lists(json))
def test_anything_may_have_been_stored(data: object) -> None:
    profiles = InstalledProfiles()
    profiles.restore(data)
    assert len(profiles) == 0
