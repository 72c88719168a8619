"""A charge point dials in to a running Home Assistant: its story from the first boot on."""

import asyncio
from typing import Any

import aiohttp
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.bemcom_connectors import ocpp_hub
from custom_components.bemcom_connectors.const import DOMAIN
from custom_components.bemcom_connectors.diagnostics import (
    async_get_config_entry_diagnostics,
)
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import device_registry as dr, issue_registry as ir
from tests.ocpp_hub import (
    CP,
    NAME,
    boot,
    charge_point_data,
    charge_point_of,
    connector_of,
    dialled_in,
    entity_id,
    id_tag_data,
    meter,
    ocpp_entry,
    result,
    sampled,
    sessions,
    set_up,
    settled,
    start,
    state,
    status,
    stop,
    subentry,
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


async def test_a_wrong_password_is_said_where_it_can_be_mended(
    hass: HomeAssistant, loopback: str, issue_registry: ir.IssueRegistry
) -> None:
    entry = ocpp_entry(charge_point_data(password="right"))
    await set_up(hass, entry)
    issue = f"charge_point_refused_{entry.entry_id}_{CP}"
    with pytest.raises(aiohttp.WSServerHandshakeError):
        async with dialled_in(entry, password="wrong"):
            pass
    assert issue_registry.async_get_issue(DOMAIN, issue)
    async with dialled_in(entry, password="right") as wallbox:
        await boot(wallbox)
        assert not issue_registry.async_get_issue(DOMAIN, issue)
        # Whoever tries while it is connected is no matter of the user's.
        with pytest.raises(aiohttp.WSServerHandshakeError):
            async with dialled_in(entry, password="wrong"):
                pass
        assert not issue_registry.async_get_issue(DOMAIN, issue)
    with pytest.raises(aiohttp.WSServerHandshakeError):
        async with dialled_in(entry):
            pass
    assert issue_registry.async_get_issue(DOMAIN, issue)
    assert await hass.config_entries.async_remove(entry.entry_id)
    assert not issue_registry.async_get_issue(DOMAIN, issue)


async def test_what_is_changed_leaves_charge_points_connected(
    hass: HomeAssistant, loopback: str
) -> None:
    entry = ocpp_entry(charge_point_data())
    await set_up(hass, entry)
    async with dialled_in(entry) as wallbox:
        await boot(wallbox)
        hass.config_entries.async_update_entry(
            entry, options={"unknown_charge_points": "refuse", "call_timeout": 7}
        )
        hass.config_entries.async_add_subentry(
            entry, subentry(charge_point_data("CP2"))
        )
        hass.config_entries.async_add_subentry(
            entry, subentry(id_tag_data("BADC0DE1", status="blocked"))
        )
        await settled(hass)
        answer = await result(wallbox, "Authorize", {"idTag": "badc0de1"})
        assert answer["idTagInfo"]["status"] == "Blocked"
        session = charge_point_of(entry).session
        assert session is not None
        assert session.call_timeout == 7
        with pytest.raises(aiohttp.WSServerHandshakeError) as err:
            async with dialled_in(entry, "CP3"):
                pass
        assert err.value.status == 404
        async with dialled_in(entry, "CP2") as other:
            await boot(other)


async def test_a_removed_charge_point_leaves_nothing_behind(
    hass: HomeAssistant, loopback: str, device_registry: dr.DeviceRegistry
) -> None:
    entry = ocpp_entry(charge_point_data(), charge_point_data("CP2"))
    await set_up(hass, entry)
    async with dialled_in(entry) as wallbox, dialled_in(entry, "CP2") as other:
        for each in (wallbox, other):
            await boot(each)
            await status(each, "Available")
        await settled(hass)
        before = dr.async_entries_for_config_entry(device_registry, entry.entry_id)
        # The hub and two charge points, beside their connectors.
        assert len(before) == 3
        (gone,) = [it for it in entry.subentries.values() if it.unique_id == CP]
        assert hass.config_entries.async_remove_subentry(entry, gone.subentry_id)
        await settled(hass)
        await wallbox.closed()
        left = dr.async_entries_for_config_entry(device_registry, entry.entry_id)
        assert len(left) == 2
        assert entity_id(hass, entry, "status") is None
        assert state(hass, entry, "status", charge_point_id="CP2") == "available"
        await boot(other)
        hub = entry.runtime_data.ocpp
        assert {device_id for device_id, _ in hub._updates} == {"CP2__0", "CP2__1"}


async def test_removed_while_the_hub_is_not_there(
    hass: HomeAssistant, loopback: str, hass_storage: dict[str, Any]
) -> None:
    entry = ocpp_entry(charge_point_data(), charge_point_data("CP2"))
    await set_up(hass, entry)
    async with dialled_in(entry) as wallbox:
        await boot(wallbox, firmwareVersion="1.2.3")
        answer = await start(wallbox)
        await stop(wallbox, answer["transactionId"])
    assert await hass.config_entries.async_unload(entry.entry_id)
    stored = hass_storage[f"{DOMAIN}.{entry.entry_id}.ocpp"]
    assert "CAFE0001" in str(stored)
    (gone,) = [it for it in entry.subentries.values() if it.unique_id == CP]
    assert hass.config_entries.async_remove_subentry(entry, gone.subentry_id)
    await set_up(hass, entry)
    hass.config_entries.async_add_subentry(entry, subentry(charge_point_data()))
    await settled(hass)
    assert await sessions(hass, entry) == []
    assert charge_point_of(entry).identity.firmware_version == ""


async def test_one_that_speaks_while_it_is_removed(
    hass: HomeAssistant, loopback: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Its subentry is gone already, and the hub was not told yet."""
    entry = ocpp_entry(charge_point_data())
    await set_up(hass, entry)
    (gone,) = entry.subentries.values()
    async with entry.runtime_data._showing:
        assert hass.config_entries.async_remove_subentry(entry, gone.subentry_id)
        connector_of(entry).show(CP, 1, {"status": "charging"})
        charge_point = charge_point_of(entry)
        charge_point.connector(2)
        charge_point.host.tell(lambda it: it.on_identity(CP))
        # Not until all is done: that the hub is told waits for what is held here.
        for _ in range(20):
            await asyncio.sleep(0)
    await settled(hass)
    assert entity_id(hass, entry, "status") is None
    assert "cannot take" not in caplog.text
    assert entry.runtime_data.connector.statistics.listener_errors == 0


async def test_sessions_can_be_asked_for(hass: HomeAssistant, loopback: str) -> None:
    entry = ocpp_entry(charge_point_data(), id_tag_data("CAFE0001", "Anna"))
    await set_up(hass, entry)
    async with dialled_in(entry) as wallbox:
        await boot(wallbox)
        for connector_id in (1, 2):
            answer = await start(wallbox, connector_id=connector_id)
            await stop(wallbox, answer["transactionId"], 3500, reason="EVDisconnected")
    found = await hass.services.async_call(
        DOMAIN,
        "get_sessions",
        {"device_id": CP},
        blocking=True,
        return_response=True,
    )
    sessions: Any = found["sessions"]
    assert [it["connector_id"] for it in sessions] == [2, 1]
    assert sessions[0]["id_tag"] == "Anna"
    assert sessions[0]["energy"] == 2.5
    assert sessions[0]["stop_reason"] == "ev_disconnected"
    with pytest.raises(ServiceValidationError) as err:
        await hass.services.async_call(
            DOMAIN,
            "get_sessions",
            {"hub": entry.entry_id, "device_id": NAME},
            blocking=True,
            return_response=True,
        )
    assert err.value.translation_key == "not_a_charge_point"


async def test_a_tag_that_is_valid_for_ever(hass: HomeAssistant, loopback: str) -> None:
    """The last day that there is has no day after it."""
    entry = ocpp_entry(
        charge_point_data(), id_tag_data("CAFE0001", expiry="9999-12-31")
    )
    await set_up(hass, entry)
    async with dialled_in(entry) as wallbox:
        await boot(wallbox)
        answer = await result(wallbox, "Authorize", {"idTag": "CAFE0001"})
    assert answer["idTagInfo"]["status"] == "Accepted"
    assert answer["idTagInfo"]["expiryDate"].startswith("9999-12-31")


async def test_a_tag_is_one_tag_however_it_is_written(
    hass: HomeAssistant, loopback: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Home Assistant tells the case of tags apart, charge points and OCPP do not."""
    monkeypatch.setattr(ocpp_hub, "MAX_UNKNOWN_TAGS", 2)
    entry = ocpp_entry(charge_point_data(), id_tag_data("Anna0001", "Anna"))
    await set_up(hass, entry)
    scanned = async_capture_events(hass, "tag_scanned")
    async with dialled_in(entry) as wallbox:
        await boot(wallbox)
        for tag in ("", "  ", "cafe01", "CAFE01", " Cafe02", "cafe03", "ANNA0001"):
            await result(wallbox, "Authorize", {"idTag": tag})
        await settled(hass)
    assert [it.data["tag_id"] for it in scanned] == [
        "cafe01",
        "cafe01",
        "Cafe02",
        "Anna0001",
    ]


async def test_nobody_is_named_in_diagnostics(
    hass: HomeAssistant, loopback: str
) -> None:
    entry = ocpp_entry(charge_point_data(), id_tag_data("CAFE0001", "Anna"))
    await set_up(hass, entry)
    async with dialled_in(entry) as wallbox:
        await boot(wallbox)
        await start(wallbox)
        await settled(hass)
        told = await async_get_config_entry_diagnostics(hass, entry)
    assert charge_point_of(entry).connectors[1].values["id_tag"] == "Anna"
    assert "Anna" not in str(told)
