"""What users of OCPP hubs suffer from elsewhere, by the numbers of our acceptance checks."""

import asyncio
from collections.abc import AsyncGenerator
import logging
from typing import Any

import aiohttp
from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bemcom_connectors.const import DOMAIN
from custom_components.bemcom_connectors.ocpp import pairing
from custom_components.bemcom_connectors.ocpp.session import MAX_HISTORY
from homeassistant.config_entries import ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, issue_registry as ir
from tests.flows import submit
from tests.ocpp.client import HOST, RawClient, dial
from tests.ocpp_hub import (
    CP,
    ago,
    boot,
    charge_point_data,
    charge_point_of,
    connector_of,
    dialled_in,
    error,
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
    value,
)

pytestmark = pytest.mark.usefixtures("loopback")


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was logged that somebody should read."""
    return [
        it.getMessage()
        for it in caplog.records
        # asyncio itself wonders where the time went when a test lets it jump.
        if it.levelno >= logging.WARNING and it.name != "asyncio"
    ]


# 3: an unknown charge point dials in


async def card_of(hass: HomeAssistant, charge_point_id: str) -> ConfigFlowResult:
    """Wait for the card of a charge point; return its flow."""
    async with asyncio.timeout(10):
        while True:
            for flow in hass.config_entries.flow.async_progress_by_handler(DOMAIN):
                title = flow["context"].get("title_placeholders", {}).get("name", "")
                if charge_point_id in title:
                    return flow
            await asyncio.sleep(0.01)


async def test_3_an_unknown_charge_point_is_paired(hass: HomeAssistant) -> None:
    """Its card tells it from others, and once confirmed it is live on the same socket."""
    entry = ocpp_entry()
    await set_up(hass, entry)
    async with dialled_in(entry, "GARAGE-7") as left, dialled_in(entry, "GARAGE-8"):
        said = {"chargePointSerialNumber": "SN-0007", "firmwareVersion": "1.2.3"}
        assert (await boot(left, **said))["status"] == "Pending"
        # It may do nothing before somebody said yes.
        assert await error(left, "Authorize", {"idTag": "X"}) == "SecurityError"
        flow = await card_of(hass, "GARAGE-7")
        title = flow["context"]["title_placeholders"]["name"]
        for word in ("Acme", "Wall 11", "GARAGE-7"):
            assert word in title
        shown = await hass.config_entries.flow.async_configure(flow["flow_id"])
        assert "SN-0007" in str(shown["description_placeholders"]) + title

        done = await submit(hass, shown, name="Carport")
        assert done["reason"] == "charge_point_added"
        await settled(hass)
        assert charge_point_of(entry, "GARAGE-7").online
        # It is asked to boot again, as the first time was not accepted.
        asked = await left.wait_for("TriggerMessage")
        assert asked == {"requestedMessage": "BootNotification"}
        assert (await boot(left, **said))["status"] == "Accepted"
        await status(left, "Available")
        await settled(hass)
        assert state(hass, entry, "status", 1, "GARAGE-7") == "available"
        device = dr.async_get(hass).async_get_device_by_identifier(
            (DOMAIN, f"{entry.entry_id}_GARAGE-7__0"), entry.entry_id
        )
        assert device is not None
        assert (device.name, device.manufacturer) == ("Carport", "Acme")
        assert (device.model, device.serial_number) == ("Wall 11", "SN-0007")
        assert not left.socket.closed
        # The other one still waits.
        assert list(connector_of(entry).pending) == ["GARAGE-8"]


async def test_3_the_card_of_one_that_does_not_boot(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that only lost its connection has no reason to; it is shown by its id."""
    monkeypatch.setattr(pairing, "_PATIENCE", 0.01)
    entry = ocpp_entry()
    await set_up(hass, entry)
    async with dialled_in(entry, "SILENT-1") as client:
        assert await client.wait_for("TriggerMessage") == {
            "requestedMessage": "BootNotification"
        }
        flow = await card_of(hass, "SILENT-1")
        shown = await hass.config_entries.flow.async_configure(flow["flow_id"])
        await submit(hass, shown, name="Carport")
        await settled(hass)
        assert charge_point_of(entry, "SILENT-1").online
        await status(client, "Charging")
        await settled(hass)
        assert state(hass, entry, "status", 1, "SILENT-1") == "charging"


# 5: nonsense that real charge points send


@pytest.fixture
async def entry(hass: HomeAssistant) -> MockConfigEntry:
    """Return a hub with a charge point."""
    entry = ocpp_entry(charge_point_data())
    await set_up(hass, entry)
    return entry


@pytest.fixture
async def charging(
    hass: HomeAssistant, entry: MockConfigEntry, caplog: pytest.LogCaptureFixture
) -> AsyncGenerator[tuple[RawClient, int]]:
    """Return a charge point that charges, and its transaction; all goes well until the end."""
    async with dialled_in(entry) as client:
        await boot(client)
        answer = await start(client, meter_start=1_000_000, timestamp=ago(600))
        transaction: int = answer["transactionId"]
        await status(client, "Charging", timestamp=ago(600))
        await meter(client, sampled(1_002_000), transactionId=transaction)
        await settled(hass)
        assert state(hass, entry, "session_energy") == "2.0"
        caplog.clear()

        yield client, transaction

        await settled(hass)
        assert float(state(hass, entry, "session_energy") or "nan") == 2.0
        assert float(state(hass, entry, "total_energy") or "nan") == 2.0
        assert await stop(client, transaction, 1_002_500) == {}
        await settled(hass)
        assert state(hass, entry, "session_energy") == "2.5"
        assert state(hass, entry, "total_energy") == "2.5"
        (over,) = await sessions(hass, entry)
        assert over["energy"] == 2.5
        assert complaints(caplog) == []
        assert connector_of(entry).statistics.listener_errors == 0


@pytest.mark.parametrize(
    "sample",
    [
        {"value": ""},
        {"value": "n/a"},
        {"value": None},
        {},
        {"value": "0"},
        {"value": "0.000", "unit": "kWh"},
        {"value": "-5"},
        {"value": "NaN"},
        {"value": "1e400"},
        {"value": "999999999999"},
        # A dip, as Alfa and Wallbox have them.
        {"value": "1001900"},
        {"value": "3082014406", "format": "SignedData"},
        {"value": "OCMF|{}|{}", "format": "SignedData", "unit": "kWh"},
        {"value": [1, 2]},
    ],
    ids=str,
)
async def test_5_a_register_that_lies(
    charging: tuple[RawClient, int], sample: dict[str, Any]
) -> None:
    client, transaction = charging
    await meter(client, sample, transactionId=transaction)


async def test_5_a_frequency_in_hz(
    hass: HomeAssistant, entry: MockConfigEntry, charging: tuple[RawClient, int]
) -> None:
    client, transaction = charging
    hertz = sampled("49.98", "Frequency", unit="Hz")
    await meter(client, hertz, transactionId=transaction)
    assert value(entry, "Frequency") == 49.98


async def test_5_an_object_instead_of_meter_values(
    hass: HomeAssistant, entry: MockConfigEntry, charging: tuple[RawClient, int]
) -> None:
    client, transaction = charging
    payload = {
        "connectorId": 1,
        "transactionId": transaction,
        "meterValue": {
            "timestamp": ago(),
            "sampledValue": {"value": "2000", "measurand": "Power.Active.Import"},
        },
    }
    assert await result(client, "MeterValues", payload) == {}
    await settled(hass)
    assert state(hass, entry, "Power.Active.Import") == "2000.0"


async def test_5_a_status_with_words_of_its_own(
    hass: HomeAssistant, entry: MockConfigEntry, charging: tuple[RawClient, int]
) -> None:
    client, _ = charging
    await status(client, "Charging", 1, "Error", info="x" * 200, vendorId="V" * 300)
    await settled(hass)
    assert state(hass, entry, "status") == "charging"
    assert state(hass, entry, "error_code") == "other_error"
    assert state(hass, entry, "problem", platform="binary_sensor") == "on"


async def test_5_an_id_tag_that_is_too_long(charging: tuple[RawClient, int]) -> None:
    """One of 20 characters comes back as one of 22."""
    client, _ = charging
    tag = "A" * 20 + "\x10\x0e"
    answer = await result(client, "Authorize", {"idTag": tag})
    assert answer == {"idTagInfo": {"status": "Accepted"}}


@pytest.mark.parametrize(
    "answer",
    [
        {"configurationKey": None, "unknownKey": None},
        {"configurationKey": [{"key": "HeartbeatInterval", "readonly": False}]},
        {"configurationKey": [{}, None, {"key": 7}]},
        {"configurationKey": {"key": "X", "value": "1", "readonly": True}},
        {},
        None,
    ],
    ids=str,
)
async def test_5_a_configuration_that_is_none(
    entry: MockConfigEntry, charging: tuple[RawClient, int], answer: Any
) -> None:
    """The steps after it are done nevertheless."""
    client, _ = charging
    client.on_call["GetConfiguration"] = answer
    client.on_call["TriggerMessage"] = {"status": "Rejected"}
    await boot(client)
    await client.wait_for("GetConfiguration")
    await client.wait_for("TriggerMessage")
    async with asyncio.timeout(10):
        while charge_point_of(entry).start_up.running:
            await asyncio.sleep(0.01)


async def test_5_all_of_it_at_once(
    hass: HomeAssistant, entry: MockConfigEntry, charging: tuple[RawClient, int]
) -> None:
    """Over and over, as it comes in life."""
    client, transaction = charging
    for _ in range(20):
        await meter(
            client,
            sampled(""),
            sampled(0),
            {"value": "30820144", "format": "SignedData"},
            sampled("3,5", "Power.Active.Import", unit="kW"),
            {},
            transactionId=transaction,
        )
    await settled(hass)
    assert state(hass, entry, "Power.Active.Import") == "3500.0"


# 8: whoever does not know the password


@pytest.mark.parametrize("password", [None, "", "wrong", "SECRET", "secret\n"])
async def test_8_the_wrong_password(hass: HomeAssistant, password: str | None) -> None:
    """It gets 401, and the one that is connected hears nothing of it."""
    entry = ocpp_entry(charge_point_data(password="secret"))
    await set_up(hass, entry)
    async with dialled_in(entry, password="secret") as client:
        await boot(client)
        await status(client, "Charging")
        await settled(hass)
        session = charge_point_of(entry).session
        for _ in range(3):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                async with dial(connector_of(entry).port, CP, password=password):
                    pass
            assert refused.value.status == 401
            assert refused.value.headers is not None
            assert refused.value.headers["WWW-Authenticate"].startswith("Basic")
        await settled(hass)
        assert charge_point_of(entry).session is session
        assert "currentTime" in await result(client, "Heartbeat", {})
        assert state(hass, entry, "status") == "charging"
        assert state(hass, entry, "connected", 0, platform="binary_sensor") == "on"
        # Nor is it held as one that is new.
        assert not connector_of(entry).pending
        assert not hass.config_entries.flow.async_progress()


async def test_8_the_right_password_may_come_again(hass: HomeAssistant) -> None:
    """After a connection that was lost without a word."""
    entry = ocpp_entry(charge_point_data(password="secret"))
    await set_up(hass, entry)
    async with (
        dialled_in(entry, password="secret") as former,
        dialled_in(entry, password="secret") as client,
    ):
        await former.closed()
        assert "currentTime" in await result(client, "Heartbeat", {})


# 9: a day on which nothing happens

TICK = 30
DAY = 24 * 3600


async def test_9_an_idle_day(
    freezer: FrozenDateTimeFactory,
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nobody is told anything, and nothing grows."""
    entry = ocpp_entry(charge_point_data(), charge_point_data("LOST"))
    await set_up(hass, entry)
    caplog.set_level(logging.INFO)
    async with dialled_in(entry) as client:
        await boot(client)
        for connector_id in (0, 1, 2):
            await status(client, "Available", connector_id)
        await settled(hass)
        tasks = 0
        caplog.clear()
        for second in range(0, DAY, TICK):
            freezer.tick(TICK)
            await idle(client, second)
            if second == DAY // 8:
                tasks = len(asyncio.all_tasks())
        await settled(hass)
        assert charge_point_of(entry).online
        assert state(hass, entry, "status") == "available"
        assert state(hass, entry, "status", 2) == "available"
        assert not hass.states.async_entity_ids("persistent_notification")
        assert not ir.async_get(hass).issues
        assert complaints(caplog) == []
        ours = [
            it.getMessage()
            for it in caplog.records
            if it.name.startswith("custom_components")
        ]
        assert len(ours) <= 5, ours
        assert len(asyncio.all_tasks()) <= tasks + 2
        assert len(charge_point_of(entry).history) <= MAX_HISTORY
        assert await sessions(hass, entry) == []
        # Nor does the charge point get to hear more than it did on the first hour.
        assert len(client.received) < 50


async def idle(client: RawClient, second: int) -> None:
    """Send what a charge point sends at this second of a day on which nothing happens."""
    await result(client, "Heartbeat", {})
    if not second % 900:
        register = sampled(123_456, context="Sample.Clock")
        await meter(client, register, sampled(231, "Voltage", phase="L1-N"))
    if not second % 3600:
        for connector_id in (0, 1, 2):
            await status(client, "Available", connector_id)
        event = {"type": "SettingSystemTime", "timestamp": ago()}
        assert await result(client, "SecurityEventNotification", event) == {}
        answer = await result(client, "DataTransfer", {"vendorId": "x", "data": "y"})
        assert answer["status"] == "UnknownVendorId"


async def test_9_a_day_of_lost_connections(
    freezer: FrozenDateTimeFactory,
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A weak signal is no news either."""
    entry = ocpp_entry(charge_point_data())
    await set_up(hass, entry)
    caplog.set_level(logging.INFO)
    caplog.clear()
    for _ in range(144):
        async with dialled_in(entry) as client:
            await boot(client)
            await status(client, "Available")
            await status(client, "Faulted", 0, "WeakSignal")
            await status(client, "Available", 0)
            if charge_point_of(entry).connections % 2:
                client.drop()
        freezer.tick(600)
        await settled(hass)
    assert charge_point_of(entry).connections == 144
    assert not hass.states.async_entity_ids("persistent_notification")
    assert complaints(caplog) == []
    ours = [
        it.getMessage()
        for it in caplog.records
        if it.name.startswith("custom_components")
    ]
    assert len(ours) <= 5, ours


async def test_9_a_day_of_refused_attempts(
    freezer: FrozenDateTimeFactory,
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whoever is unwelcome, and comes again each minute, fills no log."""
    entry = ocpp_entry(
        charge_point_data(password="secret"),
        options={"unknown_charge_points": "refuse"},
    )
    await set_up(hass, entry)
    port = connector_of(entry).port
    caplog.set_level(logging.INFO)
    caplog.clear()
    async with aiohttp.ClientSession() as session:
        for number in range(300):
            freezer.tick(60)
            name = CP if number % 2 else f"NOBODY{number}"
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await session.ws_connect(
                    f"ws://{HOST}:{port}/{name}", protocols=("ocpp1.6",)
                )
    ours = [
        it.getMessage()
        for it in caplog.records
        if it.name.startswith("custom_components")
    ]
    assert len(ours) <= 5, ours
    assert not hass.states.async_entity_ids("persistent_notification")
    assert not hass.config_entries.flow.async_progress()
