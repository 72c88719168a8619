"""The blueprints that control charging, run on a simulated charger behind a real hub."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import datetime, timedelta
from pathlib import Path
import shutil
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from tests.hub import state_of
from tests.ocpp_hub import status
from tests.ocpp_wallbox import Wallbox, wallbox
from tests.source import REPOSITORY

pytestmark = pytest.mark.usefixtures("loopback")

FOLDER = REPOSITORY / "blueprints" / "automation" / "bemcom_connectors"
GRID = "sensor.grid"
PRICES = "sensor.prices"
LIMIT = "number.cp1_connector_1_charging_limit"
CHARGE = "switch.cp1_connector_1_charge_control"
PLUGGED_IN = "binary_sensor.cp1_connector_1_plugged_in"


@pytest.fixture
async def box(hass: HomeAssistant, tmp_path: Path) -> AsyncGenerator[Wallbox]:
    """Return a wallbox with one connector, where the clock is changed twice a year."""
    hass.config.config_dir = str(tmp_path)
    shutil.copytree(FOLDER, tmp_path / "blueprints" / "automation" / FOLDER.name)
    await hass.config.async_set_time_zone("Europe/Berlin")
    async with wallbox(hass) as found:
        yield found
        for automation in hass.states.async_entity_ids("automation"):
            await hass.services.async_call(
                "automation", "turn_off", {"entity_id": automation}, blocking=True
            )


async def automate(hass: HomeAssistant, name: str, **inputs: Any) -> None:
    """Set an automation up from a blueprint, as it is saved by the dialog."""
    blueprint = {"path": f"bemcom_connectors/{name}.yaml", "input": inputs}
    assert await async_setup_component(
        hass, "automation", {"automation": {"id": "1", "use_blueprint": blueprint}}
    )
    await hass.async_block_till_done()
    states = hass.states.async_all("automation")
    assert [state.state for state in states] == ["on"]


# The surplus of the sun


async def sunshine(hass: HomeAssistant, **inputs: Any) -> None:
    """Let the car follow the sun, without much patience."""
    patience = {"seconds": 0}
    await automate(
        hass,
        "solar_surplus_charging",
        **{
            "grid": GRID,
            "limit": LIMIT,
            "charge": CHARGE,
            "start_after": {"milliseconds": 50},
            "stop_after": {"milliseconds": 50},
            "pause": patience,
            **inputs,
        },
    )


def show(hass: HomeAssistant, watts: float | str, unit: str = "W") -> None:
    """Let the meter show something."""
    hass.states.async_set(GRID, str(watts), {"unit_of_measurement": unit})


async def shine(hass: HomeAssistant, watts: float, limit: str, unit: str = "W") -> None:
    """Let the meter show something, again and again as meters do, until there is a limit."""
    async with asyncio.timeout(10):
        while not hass.states.is_state(LIMIT, limit):
            state = {"unit_of_measurement": unit}
            hass.states.async_set(GRID, str(watts), state, force_update=True)
            await asyncio.sleep(0.02)


async def test_the_sun_starts_and_pauses_charging(
    hass: HomeAssistant, box: Wallbox
) -> None:
    """From a car that waits to a full limit, less, and a pause."""
    show(hass, "unknown")
    await status(box.client, "Preparing")
    await sunshine(hass, plugged_in=PLUGGED_IN)
    show(hass, -3000)  # 4.3 A of 6 A
    await hass.async_block_till_done()
    assert not box.asked("RemoteStartTransaction")
    show(hass, -6000)
    await box.client.wait_for("RemoteStartTransaction")
    await state_of(hass, LIMIT, "8")
    await hass.async_block_till_done()
    await box.charge("HomeAssistant")
    await state_of(hass, CHARGE, "on")
    # The car takes its 8 A, and there is still something.
    await shine(hass, -2100, "11")
    await shine(hass, -9000, "16")
    # A cloud: less, the minimum, a pause.
    await shine(hass, 2100, "12")
    await shine(hass, 6000, "6")
    await shine(hass, 6000, "0")
    await hass.async_block_till_done()
    assert hass.states.is_state(CHARGE, "on")
    # It goes on with the sun, without another start.
    await shine(hass, -4500, "6")
    await hass.async_block_till_done()
    assert len(box.asked("RemoteStartTransaction")) == 1


async def test_the_sun_comes_back_in_time(hass: HomeAssistant, box: Wallbox) -> None:
    """The minimum is enough to get over a small cloud."""
    show(hass, 0)
    await box.charge()
    await box.act("set_charging_limit", box.device(1), limit=10)
    await sunshine(hass, stop_after={"minutes": 5})
    await shine(hass, 4000, "6")
    await shine(hass, -700, "7")
    assert hass.states.is_state(CHARGE, "on")


async def test_a_short_sunbeam_starts_nothing(
    hass: HomeAssistant, box: Wallbox
) -> None:
    show(hass, 0)
    await sunshine(hass, start_after={"minutes": 3})
    show(hass, -9000)
    show(hass, 0)
    await hass.async_block_till_done()
    assert not box.asked("RemoteStartTransaction")
    assert not box.profiles()


async def test_what_else_can_be_said_of_the_sun(
    hass: HomeAssistant, box: Wallbox
) -> None:
    """Export as a positive number, in kW, one phase, a reserve; and the session ends."""
    show(hass, 0, "kW")
    await box.charge()
    hass.states.async_set("sensor.car", "2.3", {"unit_of_measurement": "kW"})
    await sunshine(
        hass,
        import_positive=False,
        phases="1",
        reserve=230,
        power="sensor.car",
        ending="stop",
    )
    # 2300 + 700 - 230 W
    await shine(hass, 0.7, "12", "kW")
    # What the meter says while the limit is still being set is not heard.
    await hass.async_block_till_done()
    show(hass, -3, "kW")
    await box.client.wait_for("RemoteStopTransaction")
    await hass.async_block_till_done()


async def test_without_a_car_the_sun_starts_nothing(
    hass: HomeAssistant, box: Wallbox
) -> None:
    show(hass, 0)
    await sunshine(hass, plugged_in=PLUGGED_IN)
    show(hass, -9000)
    await hass.async_block_till_done()
    assert not box.asked("RemoteStartTransaction")
    # It starts when the car comes, although the meter stands still.
    await status(box.client, "Preparing")
    await hass.async_block_till_done()
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=1))
    await box.client.wait_for("RemoteStartTransaction")
    await hass.async_block_till_done()


# The cheapest hours


NOW = datetime.fromisoformat("2027-03-27T18:10:00+01:00")
START_OF_PRICES = datetime.fromisoformat("2027-03-27T00:00:00+01:00")
# The night in which the clock is changed: 02:00 is followed by 03:00.
CHEAP = {"2027-03-27T23:00:00+01:00": 1, "2027-03-28T01:00:00+01:00": 2}
CHEAP |= {"2027-03-28T03:00:00+02:00": 3, "2027-03-28T08:00:00+02:00": 0}


def hours(
    start_key: str = "start", price_key: str = "value", form: Any = datetime.isoformat
) -> list[dict[str, Any]]:
    """Return the prices of two days."""
    cheap = {datetime.fromisoformat(it): price for it, price in CHEAP.items()}
    listed = []
    for hour in range(47):
        begin = START_OF_PRICES + timedelta(hours=hour)
        local = dt_util.as_local(begin)
        listed.append({start_key: form(local), price_key: cheap.get(begin, 20 + hour)})
    return listed


def told(profile: dict[str, Any]) -> list[tuple[str, float]]:
    """Return the limits of a profile, by the clock here."""
    schedule = profile["chargingSchedule"]
    begin = datetime.fromisoformat(schedule["startSchedule"])
    return [
        (
            dt_util.as_local(begin + timedelta(seconds=it["startPeriod"])).strftime(
                "%H:%M"
            ),
            it["limit"],
        )
        for it in schedule["chargingSchedulePeriod"]
    ]


async def night(
    hass: HomeAssistant, box: Wallbox, attributes: dict[str, Any], **inputs: Any
) -> None:
    """Let the car charge in cheap hours; the prices come after that."""
    hass.states.async_set(PRICES, "1", {})
    await automate(
        hass,
        "cheapest_hours_charging",
        connector=box.device(1),
        prices=PRICES,
        ready_by="07:00:00",
        need=3,
        **inputs,
    )
    hass.states.async_set(PRICES, "1", attributes)
    if not isinstance(attributes.get("raw_today", [{}])[0], int):
        await box.client.wait_for("SetChargingProfile")
    await hass.async_block_till_done()


@pytest.fixture
def evening(freezer: FrozenDateTimeFactory) -> FrozenDateTimeFactory:
    """Have the evening before the clock is changed."""
    freezer.move_to(NOW)
    return freezer


EXPECTED = [("18:10", 0), ("23:00", 16), ("00:00", 0), ("01:00", 16), ("04:00", 0)]


@pytest.mark.parametrize(
    "attributes",
    [
        # Nord Pool, Tibber, EPEX Spot, aWATTar
        lambda: {
            "raw_today": hours()[:24],
            "raw_tomorrow": hours(form=lambda it: it)[24:],
        },
        lambda: {
            "today": hours("startsAt", "total")[:24],
            "tomorrow": hours("startsAt", "total")[24:],
        },
        lambda: {"data": hours("start_time", "price_per_kwh")},
        lambda: {"prices": [*hours("start", "marketprice"), "junk", {"start": "x"}]},
    ],
    ids=["nord_pool", "tibber", "epex", "awattar"],
)
@pytest.mark.usefixtures("evening")
async def test_the_cheapest_hours(
    hass: HomeAssistant, box: Wallbox, attributes: Any
) -> None:
    """Three of them, before seven, whatever the sensor is."""
    await night(hass, box, attributes())
    (profile,) = box.profiles()
    assert told(profile) == EXPECTED
    assert profile["chargingProfilePurpose"] == "TxDefaultProfile"
    # Until seven, in a night that is an hour shorter.
    assert profile["chargingSchedule"]["duration"] == (11 * 60 + 50) * 60
    assert profile["chargingSchedule"]["chargingSchedulePeriod"][1]["numberPhases"] == 3


@pytest.mark.usefixtures("evening")
async def test_without_a_pause(hass: HomeAssistant, box: Wallbox) -> None:
    await night(hass, box, {"raw_today": hours()}, one_block=True)
    expected = [("18:10", 0), ("23:00", 16), ("03:00", 0)]
    assert told(box.profiles()[0]) == expected


@pytest.mark.usefixtures("evening")
async def test_more_is_needed_than_there_is_time(
    hass: HomeAssistant, box: Wallbox
) -> None:
    """Then all of it is used, up to the end."""
    hass.states.async_set("input_number.need", "100")
    await night(hass, box, {"raw_today": hours()}, need_entity="input_number.need")
    assert told(box.profiles()[0]) == [("18:10", 16)]


@pytest.mark.usefixtures("evening")
async def test_energy_that_is_there_already_is_not_needed(
    hass: HomeAssistant, box: Wallbox
) -> None:
    """16 A on one phase are 3.68 kW."""
    hass.states.async_set("sensor.session", "6.0")
    await night(
        hass,
        box,
        {"raw_today": hours()},
        phases="1",
        need_entity="input_number.need",
        need_unit="kWh",
        session_energy="sensor.session",
    )
    hass.states.async_set("input_number.need", "9.6")
    await box.client.wait_for("SetChargingProfile", 2)
    await hass.async_block_till_done()
    first, second = box.profiles()
    assert told(first) == [("18:10", 0)]
    assert told(second) == [("18:10", 0), ("23:00", 16), ("00:00", 0)]
    assert first["chargingProfileId"] == second["chargingProfileId"]


async def test_it_is_planned_anew(
    hass: HomeAssistant, evening: FrozenDateTimeFactory, box: Wallbox
) -> None:
    """With other prices, when a car comes, and when it was to be ready; not each hour."""
    await night(hass, box, {"raw_today": hours()}, plugged_in=PLUGGED_IN, charge=CHARGE)
    assert len(box.profiles()) == 1
    assert not box.asked("RemoteStartTransaction")
    hass.states.async_set(PRICES, "2", {"raw_today": hours()})
    await hass.async_block_till_done()
    assert len(box.profiles()) == 1
    hass.states.async_set(PRICES, "2", {"raw_today": hours()[:-3]})
    await box.client.wait_for("SetChargingProfile", 2)
    await hass.async_block_till_done()
    await status(box.client, "Preparing")
    await box.client.wait_for("SetChargingProfile", 3)
    await box.client.wait_for("RemoteStartTransaction")
    await hass.async_block_till_done()


@pytest.mark.usefixtures("evening")
async def test_without_prices_nothing_is_planned(
    hass: HomeAssistant, box: Wallbox
) -> None:
    await night(hass, box, {"raw_today": [1, 2, 3], "raw_tomorrow": None})
    assert not box.profiles()
