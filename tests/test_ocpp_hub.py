"""A charge point dials in to a running Home Assistant: its story from the first boot on."""

from homeassistant.core import HomeAssistant
from tests.ocpp_hub import (
    CP,
    boot,
    charge_point_data,
    charge_point_of,
    dialled_in,
    meter,
    ocpp_entry,
    sampled,
    set_up,
    settled,
    start,
    state,
    status,
    stop,
)


async def test_a_session_from_plugging_in_to_driving_off(
    hass: HomeAssistant, loopback: str
) -> None:
    entry = ocpp_entry(charge_point_data())
    await set_up(hass, entry)
    async with dialled_in(entry) as wallbox:
        answer = await boot(wallbox)
        assert answer["status"] == "Accepted"
        await status(wallbox, "Available", 0)
        await status(wallbox, "Preparing")
        await settled(hass)
        assert state(hass, entry, "status") == "preparing"
        assert state(hass, entry, "plugged_in", platform="binary_sensor") == "on"
        assert state(hass, entry, "charging", platform="binary_sensor") == "off"

        answer = await start(wallbox, meter_start=1_000_000)
        assert answer["idTagInfo"] == {"status": "Accepted"}
        transaction = answer["transactionId"]
        await status(wallbox, "Charging")
        await meter(
            wallbox,
            sampled(1_000_500),
            sampled(7400, "Power.Active.Import", unit="W"),
            transactionId=transaction,
        )
        await settled(hass)
        assert state(hass, entry, "session_energy") == "0.5"
        assert state(hass, entry, "total_energy") == "0.5"
        assert state(hass, entry, "Power.Active.Import") == "7400.0"

        assert await stop(wallbox, transaction, 1_000_800) == {}
        await status(wallbox, "Finishing")
        await settled(hass)
        assert state(hass, entry, "session_energy") == "0.8"
        assert state(hass, entry, "stop_reason") == "local"
        assert state(hass, entry, "Power.Active.Import") == "0.0"
        await status(wallbox, "Available")
        await settled(hass)
        assert state(hass, entry, "session_energy") == "unknown"
        assert state(hass, entry, "total_energy") == "0.8"
    await settled(hass)
    assert state(hass, entry, "status") == "unavailable"
    assert charge_point_of(entry, CP).online is False
