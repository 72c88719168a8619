"""The charging blueprints where sensors are away: the car is full in the morning nevertheless."""

import pytest

from homeassistant.core import HomeAssistant
from tests.ocpp_wallbox import Wallbox
from tests.test_charging_blueprints import (
    LIMIT,
    box,  # noqa: F401
    evening,  # noqa: F401
    hours,
    night,
    show,
    sunshine,
    told,
)

pytestmark = pytest.mark.usefixtures("loopback")

POWER = "sensor.car_power"


@pytest.mark.usefixtures("evening")
async def test_a_need_that_is_unknown_is_no_need_of_nothing(
    hass: HomeAssistant,
    box: Wallbox,  # noqa: F811
) -> None:
    hass.states.async_set("sensor.need", "unavailable")
    await night(hass, box, {"raw_today": hours()}, need_entity="sensor.need")
    limits = [limit for _, limit in told(box.profiles()[0])]
    assert 16 in limits


@pytest.mark.usefixtures("evening")
async def test_hours_without_prices_are_used_if_the_others_are_not_enough(
    hass: HomeAssistant,
    box: Wallbox,  # noqa: F811
) -> None:
    """The prices of tomorrow may never come; these end at midnight."""
    hass.states.async_set("input_number.need", "9")
    prices = {"raw_today": hours()[:24]}
    await night(hass, box, prices, need_entity="input_number.need")
    # Four hours of a night in which the clock is changed.
    assert told(box.profiles()[0]) == [("18:10", 16), ("05:00", 0)]


async def test_a_power_sensor_in_kilowatts_that_is_away(
    hass: HomeAssistant,
    box: Wallbox,  # noqa: F811
) -> None:
    """What the car is believed to take is in watts."""
    await box.charge()
    hass.states.async_set(POWER, "unavailable", {"unit_of_measurement": "kW"})
    await box.act("set_charging_limit", box.device(1), limit=10)
    await hass.async_block_till_done()
    assert float(box.state(LIMIT).state) == 10
    await sunshine(hass, power=POWER)
    show(hass, 690)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert float(box.state(LIMIT).state) == 9
