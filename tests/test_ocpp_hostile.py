"""Charge points, networks and neighbours that mean no good, in a running Home Assistant."""

import asyncio
import json
import logging
from typing import Any
from unittest.mock import Mock

import aiohttp
import pytest

from custom_components.bemcom_connectors import ocpp_cards, ocpp_hub
from custom_components.bemcom_connectors.const import DOMAIN
from custom_components.bemcom_connectors.diagnostics import (
    async_get_config_entry_diagnostics,
)
from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import HomeAssistant, callback
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import discovery_flow
from tests.flows import submit
from tests.ocpp.client import dial
from tests.ocpp_hub import (
    BOOT,
    CP,
    ago,
    boot,
    charge_point_data,
    charge_point_of,
    connector_of,
    dialled_in,
    entity_id,
    meter,
    ocpp_entry,
    result,
    sampled,
    set_up,
    settled,
    start,
    state,
    status,
    stop,
    value,
)

pytestmark = pytest.mark.usefixtures("loopback")


def cards(hass: HomeAssistant) -> list[Any]:
    """Return the cards that are shown."""
    return list(hass.config_entries.flow.async_progress_by_handler(DOMAIN))


async def held(hass: HomeAssistant, port: int, charge_point_id: str) -> None:
    """Boot as somebody whom nobody added, and hang up."""
    async with dial(port, charge_point_id) as client:
        await client.call("BootNotification", BOOT)
        await settled(hass)


async def test_cards_that_nobody_wants_leave_room_for_others(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever shows up under many names must not keep the user's own one from being seen."""
    monkeypatch.setattr(ocpp_cards, "MAX_CARDS", 3)
    entry = ocpp_entry()
    await set_up(hass, entry)
    port = connector_of(entry).port
    for number in range(6):
        await held(hass, port, f"FAKE{number}")
    assert len(cards(hass)) == 3
    async with dial(port, "REAL") as wallbox:
        await wallbox.call("BootNotification", BOOT)
        await settled(hass)
        shown = {it["context"]["unique_id"] for it in cards(hass)}
        assert f"{entry.entry_id}_REAL" in shown
        assert len(shown) == 3


async def test_one_that_changes_its_name_all_the_time_is_one_card(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not a flow for each name, all of them at once."""
    entry = ocpp_entry()
    await set_up(hass, entry)
    create = Mock(wraps=discovery_flow.async_create_flow)
    monkeypatch.setattr(discovery_flow, "async_create_flow", create)
    async with dial(connector_of(entry).port, CP) as wallbox:
        for number in range(300):
            await wallbox.call(
                "BootNotification", BOOT | {"chargePointSerialNumber": str(number)}
            )
        await settled(hass)
        assert len(cards(hass)) == 1
        assert create.call_count < 20


async def test_one_that_has_a_new_id_all_the_time_keeps_nobody_busy(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = ocpp_entry()
    await set_up(hass, entry)
    create = Mock(wraps=discovery_flow.async_create_flow)
    monkeypatch.setattr(discovery_flow, "async_create_flow", create)
    for number in range(ocpp_cards.MAX_NEWS + 20):
        await held(hass, connector_of(entry).port, f"FAKE{number}")
    assert create.call_count == ocpp_cards.MAX_NEWS
    assert len(cards(hass)) == ocpp_cards.MAX_CARDS


async def test_added_after_it_hung_up(hass: HomeAssistant) -> None:
    entry = ocpp_entry()
    await set_up(hass, entry)
    port = connector_of(entry).port
    await held(hass, port, CP)
    (card,) = cards(hass)
    form = await hass.config_entries.flow.async_configure(card["flow_id"])
    done = await submit(hass, form, name="Garage")
    assert done["type"] is FlowResultType.ABORT
    assert done["reason"] == "charge_point_added"
    async with dial(port, CP) as wallbox:
        assert (await boot(wallbox))["status"] == "Accepted"


async def test_added_while_it_hangs_up(hass: HomeAssistant) -> None:
    """Its socket is gone, and nobody noticed yet."""
    entry = ocpp_entry()
    await set_up(hass, entry)
    port = connector_of(entry).port
    async with dial(port, CP) as wallbox:
        await wallbox.call("BootNotification", BOOT)
        await settled(hass)
        (card,) = cards(hass)
        form = await hass.config_entries.flow.async_configure(card["flow_id"])
        wallbox.drop()
        done = await submit(hass, form, name="Garage")
        assert done["reason"] == "charge_point_added"
    async with asyncio.timeout(5):
        while connector_of(entry).is_online(CP):
            await asyncio.sleep(0.01)
    async with dial(port, CP) as again:
        assert (await boot(again))["status"] == "Accepted"


async def test_reloaded_while_one_is_held(hass: HomeAssistant) -> None:
    entry = ocpp_entry()
    await set_up(hass, entry)
    port = connector_of(entry).port
    async with dial(port, CP) as wallbox:
        await wallbox.call("BootNotification", BOOT)
        await settled(hass)
        assert len(cards(hass)) == 1
        assert await hass.config_entries.async_reload(entry.entry_id)
        await wallbox.closed()
    assert not cards(hass)
    await held(hass, port, CP)
    assert len(cards(hass)) == 1


async def test_removed_and_reloaded_while_it_starts_up(hass: HomeAssistant) -> None:
    entry = ocpp_entry(charge_point_data(configure=True), charge_point_data("CP2"))
    await set_up(hass, entry)
    async with dialled_in(entry) as wallbox, dialled_in(entry, "CP2") as other:
        charge_point_of(entry)._adjust()
        await boot(wallbox)
        await boot(other)
        (gone,) = [it for it in entry.subentries.values() if it.unique_id == CP]
        hass.config_entries.async_remove_subentry(entry, gone.subentry_id)
        assert await hass.config_entries.async_reload(entry.entry_id)
        await wallbox.closed()
    assert entity_id(hass, entry, "status", 0) is None
    assert CP not in connector_of(entry).charge_points


# Memory cards wear out


async def test_transactions_without_end_do_not_wear_out_a_memory_card(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ocpp_hub, "_URGENT", 0.0)
    entry = ocpp_entry(charge_point_data())
    await set_up(hass, entry)
    hub = entry.runtime_data.ocpp
    assert hub is not None
    saves = 0
    save = hub._store.async_save

    async def count(data: Any) -> None:
        nonlocal saves
        saves += 1
        await save(data)

    monkeypatch.setattr(hub._store, "async_save", count)
    async with dialled_in(entry) as wallbox:
        await boot(wallbox)
        for number in range(150):
            await start(wallbox, f"TAG{number}", meter_start=number)
            await settled(hass)
    assert 1 < saves < 60


# Secrets


async def test_no_secret_is_in_the_diagnostics(hass: HomeAssistant) -> None:
    entry = ocpp_entry(charge_point_data(password="S3CRETword"))
    await set_up(hass, entry)
    async with dialled_in(entry, password="S3CRETword") as wallbox:
        wallbox.on_call["GetConfiguration"] = {
            "configurationKey": [
                {"key": "WifiPwd", "readonly": False, "value": "S3CRETwifi"},
                {"key": "AuthorizationKey", "readonly": False, "value": "S3CRETkey"},
                {"key": "FreevendIdTag", "readonly": False, "value": "S3CRETtag"},
            ]
        }
        await boot(
            wallbox,
            chargePointSerialNumber="S3CRETserial",
            iccid="S3CRETsim",
            imsi="S3CRETimsi",
        )
        await result(wallbox, "Authorize", {"idTag": "S3CRET0001"})
        answer = await start(wallbox, "S3CRET0001")
        await stop(wallbox, answer["transactionId"], idTag="S3CRET0001")
        await wallbox.wait_for("GetConfiguration")
        await status(wallbox, "Available")
        found = json.dumps(
            await async_get_config_entry_diagnostics(hass, entry), default=str
        )
        assert "S3CRET" not in found
        assert "BootNotification" in found


# Restart


@pytest.mark.parametrize(
    "values",
    [
        {"status": "bogus", "error_code": 5, "stop_reason": "x" * 300},
        {"status": ["x"], "session_start": "never", "session_energy": "much"},
        {"session_start": 5, "session_duration": "x", "total_energy": True},
        {"problem": "maybe", "plugged_in": 7, "charging": "on"},
        {"Voltage": "x" * 300, "Power.Active.Import": True, "connected": 5},
        {"Voltage": 1e308, "SoC": -1e308, "transaction_id": "?"},
    ],
)
async def test_rubbish_in_the_store_breaks_no_entity(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    values: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    entry = ocpp_entry(charge_point_data())
    key = f"{DOMAIN}.{entry.entry_id}.ocpp"
    stored = {
        "charge_points": {
            CP: {"connectors": {it: {"values": values} for it in ("0", "1")}}
        }
    }
    hass_storage[key] = {"version": 1, "key": key, "data": stored}
    await set_up(hass, entry)
    async with dialled_in(entry) as wallbox:
        await boot(wallbox)
        await status(wallbox, "Charging")
        await start(wallbox)
        await meter(wallbox, sampled(230, "Voltage"))
        await settled(hass)
        assert state(hass, entry, "status") == "charging"
        assert state(hass, entry, "Voltage") == "230.0"
        assert state(hass, entry, "session_energy") == "0.0"
        assert state(hass, entry, "problem", platform="binary_sensor") == "off"
    assert not [it for it in caplog.records if it.levelno >= logging.ERROR]
    assert not entry.runtime_data.connector.statistics.listener_errors


# Storms


async def test_a_reconnect_storm_leaves_nothing_behind(hass: HomeAssistant) -> None:
    entry = ocpp_entry(charge_point_data())
    await set_up(hass, entry)
    charge_point = charge_point_of(entry)
    for _ in range(60):
        try:
            async with dialled_in(entry) as wallbox:
                await wallbox.call("BootNotification", BOOT)
                wallbox.drop()
        except aiohttp.WSServerHandshakeError as err:
            assert err.status == 503
    async with asyncio.timeout(10):
        while charge_point.online or charge_point._tasks:
            await asyncio.sleep(0.01)
    server = connector_of(entry)._server
    assert server is not None
    assert not server.sessions
    async with dialled_in(entry) as wallbox:
        await boot(wallbox)


async def test_a_flood_of_statuses_stays_within_bounds(hass: HomeAssistant) -> None:
    entry = ocpp_entry(charge_point_data())
    await set_up(hass, entry)
    changes = 0

    @callback
    def count(_event: Any) -> None:
        nonlocal changes
        changes += 1

    hass.bus.async_listen(EVENT_STATE_CHANGED, count)
    async with dialled_in(entry) as wallbox:
        await boot(wallbox)
        for number in range(-3, 500):
            payload = {
                "connectorId": number,
                "status": "Faulted",
                "errorCode": "OtherError",
                "info": "x" * number,
                "timestamp": ago(),
            }
            await wallbox.call("StatusNotification", payload)
        await settled(hass)
        charge_point = charge_point_of(entry)
        assert len(charge_point.connectors) == 33
        assert sum(len(it.values) for it in charge_point.connectors.values()) <= 500
        assert value(entry, "status", 32) == "faulted"
        assert changes < 5000
