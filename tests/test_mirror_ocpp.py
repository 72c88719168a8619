"""An OCPP hub that is mirrored: wallboxes as datapoints of a BEMCom stack."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from homeassistant.core import HomeAssistant
from tests.bemcom.mosquitto import Mosquitto, needs_mosquitto
from tests.bemcom_api import StackApi, bemcom_api
from tests.mirrored_hub import change, mirrored, subscribed
from tests.ocpp_hub import (
    NAME,
    charge_point_data,
    dialled_in,
    meter,
    ocpp_entry,
    result,
    sampled,
    set_up,
    status,
)
from tests.ocpp_wallbox import Wallbox, wallbox

pytestmark = [needs_mosquitto, pytest.mark.usefixtures("loopback")]


@asynccontextmanager
async def stack(
    hass: HomeAssistant, mosquitto: Mosquitto
) -> AsyncGenerator[tuple[Wallbox, StackApi]]:
    """Yield a wallbox whose hub is mirrored, and the API of the stack."""
    async with (
        bemcom_api(mosquitto.port, NAME) as api,
        wallbox(hass) as box,
    ):
        await change(hass, box.entry, **mirrored(mosquitto.port)["mirror"])
        await api.until(lambda: api.payloads("available_datapoints"))
        yield box, api


async def test_what_a_wallbox_says_is_published(
    hass: HomeAssistant, mosquitto: Mosquitto
) -> None:
    """Under keys that tell charge points apart, and under those of BEMCom's connector."""
    async with stack(hass, mosquitto) as (box, api):
        await status(box.client, "Preparing")
        reading = sampled("16.5", "Current.Import", phase="L1", unit="A")
        await meter(box.client, reading)
        legacy = {"StatusNotification__status", "Current.Import__L1__A"}
        await api.until(
            lambda: legacy <= api.payloads("available_datapoints")[-1]["sensor"].keys()
        )
        known = api.payloads("available_datapoints")[-1]
        assert known["sensor"]["StatusNotification__status"] == "Preparing"
        assert known["sensor"]["Current.Import__L1__A"] == "16.5"
        assert known["sensor"]["CP1__1__status"] == "preparing"
        assert {
            "CP1__1__charging_limit",
            "CP1__1__charge_control",
            "CP1__0__execute_send_charging_profile__",
            "execute_send_charging_profile__",
            "execute_trigger_message__",
        } <= known["actuator"].keys()
        await api.send_map({"CP1__1__status": 1, "StatusNotification__status": 2})
        await api.until(lambda: api.values(1) and api.values(2))
        await status(box.client, "Charging")
        await api.until(lambda: api.values(2)[-1] == "Charging")
        await api.until(lambda: api.values(1)[-1] == "charging")


async def test_a_stack_controls_a_wallbox(
    hass: HomeAssistant, mosquitto: Mosquitto
) -> None:
    """Start, limit and stop, and with BEMCom's own two commands."""
    actuators = {
        "CP1__1__charge_control": 1,
        "CP1__1__charging_limit": 2,
        "execute_send_charging_profile__": 3,
        "execute_trigger_message__": 4,
    }
    async with stack(hass, mosquitto) as (box, api):
        await status(box.client, "Preparing")
        await api.send_map({}, actuators)
        for number in actuators.values():
            await subscribed(box.entry, api.topic(number))
        await api.command(1, value=True)
        assert (await box.client.wait_for("RemoteStartTransaction"))["connectorId"] == 1
        await box.charge()
        await api.command(2, 10)
        await api.until(lambda: "CP1__1__charging_limit: Carried out" in api.logs())
        assert box.profiles()[-1]["chargingSchedule"]["chargingSchedulePeriod"] == [
            {"startPeriod": 0, "limit": 10.0}
        ]
        await api.command(3, "5000")
        await api.until(
            lambda: "execute_send_charging_profile__: Carried out" in api.logs()
        )
        assert box.profiles()[-1]["chargingSchedule"] == {
            "chargingRateUnit": "W",
            "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 5000.0}],
        }
        await api.command(4, 4)
        asked = await box.client.wait_for("TriggerMessage", 1)
        await api.until(lambda: "execute_trigger_message__: Carried out" in api.logs())
        asked = box.asked("TriggerMessage")[-1]
        assert asked == {"requestedMessage": "MeterValues", "connectorId": 1}
        await api.command(1, value=False)
        await box.client.wait_for("RemoteStopTransaction")
        # What no charge point can do is told, and costs nothing.
        await api.command(2, "fast")
        await api.until(lambda: any("Not carried out" in it for it in api.logs()))


async def test_the_keys_of_bemcom_are_for_one_charge_point(
    hass: HomeAssistant, mosquitto: Mosquitto
) -> None:
    """Those of several would be mixed up; nobody has to have them at all."""
    entry = ocpp_entry(
        charge_point_data("CP1"),
        charge_point_data("CP2"),
        options=mirrored(mosquitto.port),
    )
    async with bemcom_api(mosquitto.port, NAME) as api:
        await set_up(hass, entry)
        async with dialled_in(entry, "CP1") as client:
            await status(client, "Available")
            await result(client, "Heartbeat", {})
            await api.until(
                lambda: (
                    (known := api.payloads("available_datapoints"))
                    and "CP1__1__status" in known[-1]["sensor"]
                )
            )
        await hass.config_entries.async_unload(entry.entry_id)
        known = api.payloads("available_datapoints")[-1]["sensor"]
    assert not any(key.startswith(("Status", "Heartbeat")) for key in known)
