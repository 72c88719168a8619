"""The SmartCharging test cases of the OCPP Compliance Testing Tool, as charge points.

Named by their numbers; told by a charge point of the `ocpp` package, which validates all that
it hears.
"""

import time
from typing import Any

from ocpp import messages
from ocpp.v16 import call_result
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

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
from custom_components.bemcom_connectors.ocpp.profiles import Profiles
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from tests.ocpp_hub import (
    CP,
    charge_point_data,
    charge_point_of,
    connector_of,
    ocpp_entry,
    set_up,
    settled,
    state,
)
from tests.stock_charge_point import StockWallbox, stock_wallbox

TAG = "CAFE0001"
A, W = ChargingRateUnit.AMPERES, ChargingRateUnit.WATTS
ACCEPTED = call_result.SetChargingProfile(status="Accepted")

pytestmark = pytest.mark.usefixtures("loopback", "hass_storage")


@pytest.fixture(autouse=True)
def _no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the package validate where it is."""
    monkeypatch.setattr(messages, "ASYNC_VALIDATION", False)


@pytest.fixture
async def hub(hass: HomeAssistant) -> MockConfigEntry:
    """Return a hub that runs, with one charge point."""
    entry = ocpp_entry(charge_point_data())
    await set_up(hass, entry)
    return entry


def dialled(entry: MockConfigEntry, **answers: Any) -> Any:
    """Dial in."""
    return stock_wallbox(connector_of(entry).port, CP, **answers)


def profiles(hub: MockConfigEntry) -> Profiles:
    """Return what is installed, and what can be."""
    return charge_point_of(hub).profiles


def heard(wallbox: StockWallbox, action: str) -> list[dict[str, Any]]:
    """Return what was asked."""
    return [payload for name, payload in wallbox.heard if name == action]


def profile(limit: float = 6.0, unit: ChargingRateUnit = A, **more: Any) -> Any:
    """Return a profile that counts for an hour."""
    now = float(int(time.time()))
    values: dict[str, Any] = {
        "id": 1,
        "stack_level": 0,
        "purpose": ChargingProfilePurpose.TX_DEFAULT_PROFILE,
        "kind": ChargingProfileKind.ABSOLUTE,
        "valid_from": now - 60,
        "valid_to": now + 3600,
        "schedule": ChargingSchedule(
            unit=unit,
            start=now - 60,
            duration=3600,
            periods=(Period(start=0, limit=limit, phases=3),),
        ),
    }
    return ChargingProfile(**values | more)


@pytest.mark.parametrize(("limit", "unit"), [(6.0, A), (6000.0, W)])
async def test_tc_056_csms_tx_default_profile(
    hass: HomeAssistant, hub: MockConfigEntry, limit: float, unit: ChargingRateUnit
) -> None:
    async with dialled(hub, SetChargingProfile=ACCEPTED) as wallbox:
        await wallbox.boot()
        await wallbox.status("Available")
        await profiles(hub).set_profile(1, profile(limit, unit))
        (asked,) = heard(wallbox, "SetChargingProfile")
        assert asked["connector_id"] == 1
        sent = asked["cs_charging_profiles"]
        assert sent["charging_profile_purpose"] == "TxDefaultProfile"
        assert sent["charging_profile_kind"] == "Absolute"
        assert "transaction_id" not in sent
        schedule = sent["charging_schedule"]
        assert schedule["charging_rate_unit"] == unit
        assert schedule["duration"] == 3600
        times = sent["valid_from"], sent["valid_to"], schedule["start_schedule"]
        assert all(dt_util.parse_datetime(it) is not None for it in times)
        assert schedule["charging_schedule_period"] == [
            {"start_period": 0, "limit": limit, "number_phases": 3}
        ]
        await settled(hass)
        shown = state(hass, hub, "planned_limit")
        assert shown is None or float(shown) == (6.0 if unit is A else 8.6)
        plan = profiles(hub).planned(1, time.time(), 60, A)
        assert plan[0].limit == (6 if unit is A else 8.6)


async def test_tc_057_csms_tx_profile(hub: MockConfigEntry) -> None:
    async with dialled(hub, SetChargingProfile=ACCEPTED) as wallbox:
        await wallbox.boot()
        await wallbox.status("Preparing")
        started = await wallbox.start_charging(TAG)
        await wallbox.status("Charging")
        purpose = ChargingProfilePurpose.TX_PROFILE
        await profiles(hub).set_profile(1, profile(purpose=purpose))
        (asked,) = heard(wallbox, "SetChargingProfile")
        sent = asked["cs_charging_profiles"]
        assert sent["charging_profile_purpose"] == "TxProfile"
        assert sent["transaction_id"] == started.transaction_id
        assert sent["charging_schedule"]["charging_schedule_period"][0]["limit"] == 6
        await wallbox.stop_charging(started.transaction_id, "Local")
        assert not profiles(hub).installed.of(1)


async def test_tc_059_csms_remote_start_with_a_profile(hub: MockConfigEntry) -> None:
    accepted = call_result.RemoteStartTransaction(status="Accepted")
    async with dialled(hub, RemoteStartTransaction=accepted) as wallbox:
        await wallbox.boot()
        await wallbox.status("Preparing")
        wanted = profile(
            purpose=ChargingProfilePurpose.TX_PROFILE,
            kind=ChargingProfileKind.RELATIVE,
            valid_from=None,
            valid_to=None,
            schedule=ChargingSchedule(unit=A, periods=(Period(start=0, limit=6.0),)),
        )
        await charge_point_of(hub).control.remote_start(1, TAG, wanted)
        (asked,) = heard(wallbox, "RemoteStartTransaction")
        assert (asked["connector_id"], asked["id_tag"]) == (1, TAG)
        sent = asked["charging_profile"]
        assert sent["charging_profile_purpose"] == "TxProfile"
        assert sent["charging_profile_kind"] == "Relative"
        assert "transaction_id" not in sent
        periods = sent["charging_schedule"]["charging_schedule_period"]
        assert periods == [{"start_period": 0, "limit": 6.0}]
        assert (await wallbox.authorize(TAG))["status"] == "Accepted"
        started = await wallbox.start_charging(TAG)
        assert started.id_tag_info["status"] == "Accepted"
        await wallbox.status("Charging")
        (installed,) = profiles(hub).installed.of(1)
        assert installed.transaction_id == started.transaction_id


async def test_tc_066_csms_get_composite_schedule(hub: MockConfigEntry) -> None:
    schedule = {
        "duration": 300,
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6.0}],
    }
    answer = call_result.GetCompositeSchedule(
        status="Accepted",
        connector_id=1,
        schedule_start="2026-03-10T12:00:00Z",
        charging_schedule=schedule,
    )
    async with dialled(
        hub, SetChargingProfile=ACCEPTED, GetCompositeSchedule=answer
    ) as wallbox:
        await wallbox.boot()
        await wallbox.status("Available")
        await profiles(hub).set_profile(1, profile())
        said = await profiles(hub).get_composite_schedule(1, 300, A)
        assert heard(wallbox, "GetCompositeSchedule") == [
            {"connector_id": 1, "duration": 300, "charging_rate_unit": "A"}
        ]
        assert said["status"] == "Accepted"
        assert said["scheduleStart"] == "2026-03-10T12:00:00+00:00"
        periods = said["chargingSchedule"]["chargingSchedulePeriod"]
        assert periods == [{"startPeriod": 0, "limit": 6.0}]


async def test_tc_067_csms_clear_charging_profile(hub: MockConfigEntry) -> None:
    cleared = call_result.ClearChargingProfile(status="Accepted")
    async with dialled(
        hub, SetChargingProfile=ACCEPTED, ClearChargingProfile=cleared
    ) as wallbox:
        await wallbox.boot()
        await wallbox.status("Available")
        for number in range(3):
            await profiles(hub).set_profile(
                1, profile(id=10 + number, stack_level=number)
            )
        levels = [
            it["cs_charging_profiles"]["stack_level"]
            for it in heard(wallbox, "SetChargingProfile")
        ]
        assert levels == [0, 1, 2]
        assert await profiles(hub).clear(profile_id=10) == "Accepted"
        purpose = ChargingProfilePurpose.TX_DEFAULT_PROFILE
        await profiles(hub).clear(connector_id=1, purpose=purpose, stack_level=1)
        assert [it.profile.id for it in profiles(hub).installed] == [12]
        await profiles(hub).clear()
        assert heard(wallbox, "ClearChargingProfile") == [
            {"id": 10},
            {
                "connector_id": 1,
                "charging_profile_purpose": "TxDefaultProfile",
                "stack_level": 1,
            },
            {},
        ]
        assert not len(profiles(hub).installed)
