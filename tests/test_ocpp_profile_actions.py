"""The actions of charging profiles, over real websockets."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
import json
from typing import Any

import pytest
import voluptuous as vol

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.util import dt as dt_util
from tests.hub import state_of
from tests.ocpp_hub import CP
from tests.ocpp_wallbox import ACCEPTED, Wallbox, wallbox

pytestmark = pytest.mark.usefixtures("loopback")

PLAN = [
    {"start": "2027-03-27 22:00", "limit": 16.29},
    {"start": "2027-03-28 06:00", "limit": 6},
]
# As BEMCom's documentation had it, and as others send it.
OCPP_PROFILE = {
    "connectorId": 1,
    "csChargingProfiles": {
        "chargingProfileId": 7,
        "stackLevel": 2,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": {
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10}],
        },
    },
}


@pytest.fixture
async def box(hass: HomeAssistant) -> AsyncGenerator[Wallbox]:
    """Return a wallbox with two connectors, where the clock is changed twice a year."""
    await hass.config.async_set_time_zone("Europe/Berlin")
    async with wallbox(hass, connectors=2) as found:
        # So that it is known what it takes.
        await found.act("get_configuration")
        yield found


# A plan


async def test_a_plan(box: Wallbox) -> None:
    """With local times; limits are rounded down, and the response is what was sent."""
    answer = await box.act("set_charging_profile", box.device(1), schedule=PLAN)
    (request,) = box.asked("SetChargingProfile")
    assert request == {
        "connectorId": 1,
        "csChargingProfiles": {
            "chargingProfileId": 20_100,
            "stackLevel": 0,
            "chargingProfilePurpose": "TxDefaultProfile",
            "chargingProfileKind": "Absolute",
            "chargingSchedule": {
                "startSchedule": "2027-03-27T21:00:00Z",
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [
                    {"startPeriod": 0, "limit": 16.2},
                    # A night of seven hours.
                    {"startPeriod": 7 * 3600, "limit": 6},
                ],
            },
        },
    }
    assert answer == {"connector_id": 1, "profile": request["csChargingProfiles"]}


async def test_everything_can_be_said(box: Wallbox) -> None:
    answer = await box.act(
        "set_charging_profile",
        schedule=[{"start": 0, "limit": 20}],
        purpose="ChargePointMaxProfile",
        kind="Absolute",
        stack_level=3,
        phases=3,
        duration={"hours": 2},
        valid_from="2027-01-01 00:00",
        valid_to=datetime(2027, 7, 1, tzinfo=UTC),
        id=99,
    )
    profile = answer["profile"]
    begin = datetime.fromisoformat(profile["chargingSchedule"].pop("startSchedule"))
    assert abs(begin - dt_util.utcnow()) < timedelta(seconds=61)
    assert answer == {
        "connector_id": 0,
        "profile": {
            "chargingProfileId": 99,
            "stackLevel": 3,
            "chargingProfilePurpose": "ChargePointMaxProfile",
            "chargingProfileKind": "Absolute",
            "validFrom": "2026-12-31T23:00:00Z",
            "validTo": "2027-07-01T00:00:00Z",
            "chargingSchedule": {
                "duration": 7200,
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [
                    {"startPeriod": 0, "limit": 20, "numberPhases": 3}
                ],
            },
        },
    }


async def test_a_profile_of_what_runs(box: Wallbox) -> None:
    """It gets the number of the transaction."""
    transaction_id = await box.charge(connector_id=2)
    answer = await box.act(
        "set_charging_profile",
        box.device(2),
        purpose="TxProfile",
        schedule=[{"start": 0, "limit": 8}],
    )
    assert answer["profile"]["transactionId"] == transaction_id
    assert answer["profile"]["chargingProfileId"] == 30_200
    with pytest.raises(ServiceValidationError) as caught:
        await box.act(
            "set_charging_profile",
            purpose="TxProfile",
            schedule=[{"start": 0, "limit": 8}],
        )
    assert caught.value.translation_key == "connector_needed"


# As JSON


@pytest.mark.parametrize("write", [dict, json.dumps, str])
async def test_json(box: Wallbox, write: Any) -> None:
    """As an object, as text, or as Python writes it; it may say where it goes."""
    answer = await box.act("set_charging_profile", profile=write(OCPP_PROFILE))
    assert answer["connector_id"] == 1
    assert box.asked("SetChargingProfile") == [OCPP_PROFILE]
    # Who chooses a connector means that.
    await box.act("set_charging_profile", connector_id=2, profile=write(OCPP_PROFILE))
    assert box.asked("SetChargingProfile")[1]["connectorId"] == 2


async def test_json_that_says_little(box: Wallbox) -> None:
    """The fields say the rest; a time without a zone is a local one."""
    answer = await box.act(
        "set_charging_profile",
        box.device(1),
        unit="A",
        stack_level=1,
        profile={
            "chargingSchedule": {
                "startSchedule": "2027-07-01T12:00:00",
                "chargingSchedulePeriod": {"limit": 10},
            }
        },
    )
    assert answer["profile"]["chargingProfileId"] == 20_101
    schedule = answer["profile"]["chargingSchedule"]
    assert schedule["startSchedule"] == "2027-07-01T10:00:00Z"


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"profile": OCPP_PROFILE, "schedule": PLAN},
        {"profile": OCPP_PROFILE, "kind": "Absolute"},
        {"schedule": []},
        {"schedule": [{"start": "soon", "limit": 6}]},
        {"schedule": [{"start": 0, "limit": -1}]},
        {"schedule": PLAN, "duration": 0},
        {"schedule": PLAN, "valid_to": "12:00"},
        {"schedule": PLAN, "purpose": "Nonsense"},
    ],
)
async def test_what_the_schema_refuses(box: Wallbox, data: dict[str, Any]) -> None:
    with pytest.raises(vol.Invalid):
        await box.act("set_charging_profile", **data)
    assert not box.asked("SetChargingProfile")


@pytest.mark.parametrize(
    ("device", "data", "rule"),
    [
        (
            0,
            {"purpose": "ChargePointMaxProfile", "kind": "Relative"},
            "relative_max_profile",
        ),
        (1, {"purpose": "ChargePointMaxProfile"}, "max_profile_on_connector"),
        (1, {"purpose": "TxProfile"}, "tx_profile_without_transaction"),
        (1, {"unit": "W"}, "unit_not_allowed"),
        (1, {"stack_level": 9}, "stack_level_too_high"),
        (1, {"schedule": [{"start": 60, "limit": 6}]}, "first_period_not_zero"),
        (
            1,
            {"schedule": [{"start": it, "limit": it} for it in range(25)]},
            "too_many_periods",
        ),
    ],
)
async def test_rules(
    box: Wallbox, device: int, data: dict[str, Any], rule: str
) -> None:
    """Nothing is sent, and the error names the rule."""
    said = {"schedule": [{"start": 0, "limit": 6}], **data}
    with pytest.raises(ServiceValidationError) as caught:
        await box.act("set_charging_profile", box.device(device), **said)
    assert caught.value.translation_key == f"profile_{rule}"
    assert caught.value.translation_placeholders
    assert caught.value.translation_placeholders["name"] == CP
    assert not box.asked("SetChargingProfile")


async def test_too_many_profiles(box: Wallbox) -> None:
    for level in range(5):
        await box.act("set_charging_profile", schedule=PLAN, stack_level=level)
    with pytest.raises(ServiceValidationError) as caught:
        await box.act("set_charging_profile", schedule=PLAN, stack_level=5)
    assert caught.value.translation_key == "profile_too_many_profiles"


async def test_a_charge_point_that_does_not_want_it(box: Wallbox) -> None:
    box.answer("SetChargingProfile", {"status": "Rejected"})
    with pytest.raises(HomeAssistantError) as caught:
        await box.act("set_charging_profile", schedule=PLAN)
    assert caught.value.translation_key == "not_accepted"


# Clearing


async def test_clear(box: Wallbox) -> None:
    """What is given must match; without a word it is all of them."""
    assert await box.act("clear_charging_profile") == ACCEPTED
    await box.act("clear_charging_profile", box.device(2), stack_level=1)
    box.answer("ClearChargingProfile", {"status": "Unknown"})
    assert await box.act(
        "clear_charging_profile", connector_id=0, purpose="TxDefaultProfile", id=4
    ) == {"status": "Unknown"}
    assert box.asked("ClearChargingProfile") == [
        {},
        {"connectorId": 2, "stackLevel": 1},
        {"connectorId": 0, "chargingProfilePurpose": "TxDefaultProfile", "id": 4},
    ]


# Starting with one


async def test_start_with_a_plan(box: Wallbox) -> None:
    schedule = [{"start": 0, "limit": 8}, {"start": 1800, "limit": 16}]
    await box.act(
        "remote_start_transaction", box.device(1), id_tag="ANNA", schedule=schedule
    )
    (request,) = box.asked("RemoteStartTransaction")
    assert request["idTag"] == "ANNA"
    profile = request["chargingProfile"]
    assert profile["chargingProfilePurpose"] == "TxProfile"
    assert profile["chargingProfileKind"] == "Relative"
    assert "transactionId" not in profile
    with pytest.raises(ServiceValidationError) as caught:
        await box.act(
            "remote_start_transaction",
            box.device(1),
            profile=OCPP_PROFILE["csChargingProfiles"],
        )
    assert caught.value.translation_key == "profile_tx_profile_needed"


# What is planned


async def test_the_plan_of_who_cannot_tell(box: Wallbox) -> None:
    """It follows from what was sent, in local time."""
    now = dt_util.now().replace(second=0, microsecond=0)
    later = now + timedelta(hours=1)
    schedule = [
        {"start": now.isoformat(), "limit": 16},
        {"start": later.isoformat(), "limit": 6},
    ]
    await box.act("set_charging_profile", box.device(1), schedule=schedule)
    answer = await box.act("get_composite_schedule", box.device(1), duration=7200)
    assert answer["reported"] == {"status": "NotImplemented"}
    first, second = answer["planned"]
    assert first["limit"] == 16
    assert second == {"start": later.isoformat(), "limit": 6}


async def test_the_plan_as_it_is_reported(box: Wallbox) -> None:
    reported = {
        "status": "Accepted",
        "connectorId": 0,
        "scheduleStart": "2027-01-01T00:00:00Z",
        "chargingSchedule": {
            "chargingRateUnit": "W",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 3680}],
        },
    }
    box.answer("GetCompositeSchedule", reported)
    answer = await box.act("get_composite_schedule", unit="W")
    assert answer["reported"]["status"] == "Accepted"
    assert answer["reported"]["chargingSchedule"]["chargingSchedulePeriod"] == [
        {"startPeriod": 0, "limit": 3680}
    ]
    assert answer["planned"] == [
        {"start": answer["planned"][0]["start"], "limit": None}
    ]
    assert box.asked("GetCompositeSchedule") == [
        {"connectorId": 0, "duration": 86400, "chargingRateUnit": "W"}
    ]


async def test_the_plan_of_who_is_away(box: Wallbox) -> None:
    box.client.drop()
    await state_of(box.hass, "binary_sensor.cp1_connection", "off")
    with pytest.raises(HomeAssistantError) as caught:
        await box.act("get_composite_schedule")
    assert caught.value.translation_key == "call_not_connected"


# When the clock is changed

SPRING = datetime(2027, 3, 28, 1, tzinfo=UTC)
AUTUMN = datetime(2027, 10, 31, 1, tzinfo=UTC)
DAILY = [{"start": "22:00", "limit": 16}, {"start": "06:00", "limit": 6}]


def begins(box: Wallbox) -> list[str]:
    """Return when the profiles begin that were sent, by the clock in UTC."""
    return [it["chargingSchedule"]["startSchedule"][11:16] for it in box.profiles()]


async def test_plans_that_repeat_follow_the_clock(box: Wallbox) -> None:
    """At both changes, also after a restart; once each."""
    plans = box.entry.runtime_data.ocpp.plans
    winter = (
        {"start": "2027-01-10 22:00", "limit": 16},
        {"start": "2027-01-11 06:00", "limit": 6},
    )
    await box.act(
        "set_charging_profile",
        box.device(1),
        schedule=list(winter),
        recurrency="Daily",
    )
    assert begins(box) == ["21:00"]
    await plans.async_look(SPRING - timedelta(minutes=15))
    assert begins(box) == ["21:00"]
    for _ in range(2):
        await plans.async_look(SPRING)
    assert begins(box) == ["21:00", "20:00"]

    await box.hass.config_entries.async_reload(box.entry.entry_id)
    await box.hass.async_block_till_done()
    plans = box.entry.runtime_data.ocpp.plans
    # It is not there yet.
    await plans.async_look(AUTUMN)
    assert plans.to_dict() == {CP: {"20100": 7200}}


async def test_who_does_not_take_it_is_asked_again(box: Wallbox) -> None:
    plans = box.entry.runtime_data.ocpp.plans
    await box.act(
        "set_charging_profile",
        box.device(1),
        schedule=[{"start": "2027-07-10 22:00", "limit": 16}],
        recurrency="Daily",
    )
    now = dt_util.as_local(dt_util.utcnow())
    await box.hass.async_block_till_done()
    sent = len(box.profiles())
    box.answer("SetChargingProfile", {"status": "Rejected"})
    change = AUTUMN if now.dst() else SPRING
    await plans.async_look(change)
    box.answer("SetChargingProfile", ACCEPTED)
    for _ in range(2):
        await plans.async_look(change)
    assert len(box.profiles()) == sent + 2
    assert begins(box)[-1] == ("21:00" if change is AUTUMN else "20:00")


async def test_what_is_gone_does_not_follow_the_clock(box: Wallbox) -> None:
    plans = box.entry.runtime_data.ocpp.plans
    await box.act(
        "set_charging_profile", box.device(1), schedule=DAILY, recurrency="Daily"
    )
    assert plans.to_dict()
    once = {"schedule": [{"start": "2027-01-10 22:00", "limit": 16}]}
    await box.act("set_charging_profile", box.device(1), **once)
    sent = len(box.profiles())
    await plans.async_look(SPRING)
    await plans.async_look(AUTUMN)
    assert len(box.profiles()) == sent

    await box.act(
        "set_charging_profile", box.device(1), schedule=DAILY, recurrency="Daily"
    )
    await box.act("clear_charging_profile")
    await plans.async_look(SPRING)
    assert plans.to_dict() == {}
    # What others send as JSON is theirs.
    await box.act(
        "set_charging_profile", box.device(1), schedule=DAILY, recurrency="Daily"
    )
    recurring = box.profiles()[-1]
    await box.act("set_charging_profile", box.device(1), profile=recurring)
    sent = len(box.profiles())
    await plans.async_look(SPRING)
    await plans.async_look(AUTUMN)
    assert len(box.profiles()) == sent


async def test_what_was_kept_may_be_nonsense(box: Wallbox) -> None:
    plans = box.entry.runtime_data.ocpp.plans
    kept: list[Any] = [None, [], {"CP1": 3}, {3: {}}, {"CP1": {"x": 1, "4": "y"}}]
    for nonsense in kept:
        plans.restore(nonsense)
    await plans.async_look(SPRING)
    assert plans.to_dict() == {}
