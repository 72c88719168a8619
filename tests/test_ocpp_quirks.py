"""What charge points of some vendors need, as they meet it over a real connection."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.core import HomeAssistant
from tests.ocpp.client import RawClient
from tests.ocpp_hub import (
    CP,
    ago,
    boot,
    charge_point_data,
    charge_point_of,
    connector_of,
    dialled_in,
    listen,
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

pytestmark = pytest.mark.usefixtures("loopback", "hass_storage")

type Served = tuple[MockConfigEntry, RawClient]


@asynccontextmanager
async def served(
    hass: HomeAssistant, *quirks: str, **how: Any
) -> AsyncGenerator[Served]:
    """Connect a charge point that needs this."""
    chosen: dict[str, Any] = {"quirks_mode": "chosen", "quirks": list(quirks)}
    entry = ocpp_entry(charge_point_data(**chosen))
    await set_up(hass, entry)
    async with dialled_in(entry, **how) as client:
        await boot(client)
        await settled(hass)
        yield entry, client


async def pass_time(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    seconds: int,
    says: Callable[[], Any],
) -> None:
    """Let time go by, with a charge point that says something now and then."""
    for _ in range(seconds // 20):
        freezer.tick(20)
        await says()
    await settled(hass)


def polls(client: RawClient) -> list[int]:
    """Return of which connectors meter values were asked for."""
    return [
        payload["connectorId"]
        for action, payload in client.received
        if action == "TriggerMessage"
        and payload["requestedMessage"] == "MeterValues"
        and "connectorId" in payload
    ]


@pytest.mark.parametrize("quirks", [[], ["poll_meter_values"]], ids=str)
async def test_meter_values_are_asked_for_where_none_come(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, quirks: list[str]
) -> None:
    """Of the connector that charges, and of no other, and as long as it charges."""
    accepted = {"TriggerMessage": {"status": "Accepted"}}
    async with served(hass, *quirks, on_call=accepted) as (entry, client):

        async def heartbeat() -> None:
            await result(client, "Heartbeat", {})

        await status(client, "Available", 1)
        transaction = (await start(client, connector_id=2, meter_start=0))[
            "transactionId"
        ]
        await status(client, "Charging", 2)
        await meter(client, sampled(0), connector_id=2, transactionId=transaction)
        await pass_time(hass, freezer, 300, heartbeat)
        asked = polls(client)
        if not quirks:
            assert asked == []
            return
        assert set(asked) == {2}
        assert 2 <= len(asked) <= 5

        # As long as it sends some by itself, it is left alone.
        async def meter_values() -> None:
            energy = sampled(100)
            await meter(client, energy, connector_id=2, transactionId=transaction)

        await meter_values()
        await pass_time(hass, freezer, 300, meter_values)
        assert len(polls(client)) == len(asked)

        await stop(client, transaction, 200)
        await pass_time(hass, freezer, 300, heartbeat)
        assert len(polls(client)) == len(asked)
        assert charge_point_of(entry).online


async def test_a_poll_that_is_refused_is_no_trouble(
    freezer: FrozenDateTimeFactory,
    hass: HomeAssistant,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with served(hass, "poll_meter_values") as (entry, client):
        await start(client)

        async def heartbeat() -> None:
            await result(client, "Heartbeat", {})

        await pass_time(hass, freezer, 300, heartbeat)
        assert polls(client)
        assert value(entry, "transaction_id") is not None
    ours = [it for it in caplog.records if it.name.startswith("custom_components")]
    assert not [it for it in ours if it.levelname in {"WARNING", "ERROR"}]


@pytest.mark.parametrize(
    ("quirks", "told"),
    [
        ([], ["setting_system_time", "reset_or_reboot"]),
        (["mute_time_events"], ["reset_or_reboot"]),
    ],
    ids=["as usual", "muted"],
)
async def test_changes_of_the_clock_are_muted(
    hass: HomeAssistant, quirks: list[str], told: list[str]
) -> None:
    async with served(hass, *quirks) as (entry, client):
        heard = listen(hass, entry, "security")
        for said in ("SettingSystemTime", "ResetOrReboot"):
            payload = {"type": said, "timestamp": ago()}
            assert await result(client, "SecurityEventNotification", payload) == {}
        await settled(hass)
        assert [kind for kind, _ in heard] == told


async def test_the_status_of_the_charge_point_is_ignored(hass: HomeAssistant) -> None:
    """It is answered; and what its connectors say counts."""
    async with served(hass, "ignore_charge_point_status") as (entry, client):
        await status(client, "Faulted", 0, "InternalError")
        await status(client, "Faulted", 1, "GroundFailure")
        await settled(hass)
        assert value(entry, "status", 0) is None
        assert value(entry, "problem", 0) in {None, False}
        assert state(hass, entry, "status") == "faulted"
        assert value(entry, "error_code") == "ground_failure"
        # It is heard again as soon as the user wants that.
        (subentry,) = entry.subentries.values()
        hass.config_entries.async_update_subentry(
            entry, subentry, data={**subentry.data, "quirks": []}
        )
        await settled(hass)
        await status(client, "Available", 0)
        await settled(hass)
        assert state(hass, entry, "status", 0) == "available"


@pytest.mark.parametrize(
    ("quirks", "transaction"),
    [([], 777), (["ignore_foreign_transactions"], None)],
    ids=["as usual", "ignored"],
)
async def test_transactions_that_did_not_start_here(
    hass: HomeAssistant, quirks: list[str], transaction: int | None
) -> None:
    async with served(hass, *quirks) as (entry, client):
        await status(client, "Charging")
        for wh in (5000, 5100, 5200, 5300):
            await meter(client, sampled(wh), transactionId=777)
        await settled(hass)
        assert value(entry, "transaction_id") == transaction
        assert value(entry, "session_energy") == (0.3 if transaction else None)
        # What it measures counts all the same.
        assert value(entry, "total_energy") == pytest.approx(0.3)
        assert await stop(client, 777, 5400) == {}
        assert len(connector_of(entry).sessions_of(CP)) == (1 if transaction else 0)


@pytest.mark.parametrize(
    ("quirks", "shown"),
    [([], "0x0000"), (["blank_error_codes"], None)],
    ids=["as usual", "blank"],
)
async def test_codes_that_say_nothing(
    hass: HomeAssistant, quirks: list[str], shown: str | None
) -> None:
    async with served(hass, *quirks) as (entry, client):
        await status(client, "Available", vendorErrorCode="0x0000", info="0x0017")
        assert value(entry, "vendor_error_code") == shown
        assert value(entry, "error_info") == "0x0017"


@pytest.mark.parametrize("quirks", [[], ["no_pong"]], ids=["as usual", "no pong"])
async def test_one_that_answers_no_pings_may_be_silent_for_longer(
    freezer: FrozenDateTimeFactory, hass: HomeAssistant, quirks: list[str]
) -> None:
    async with served(hass, *quirks, autoping=False) as (entry, client):
        # What it is asked after its start is answered by then.
        await pass_silence(hass, freezer, 300)
        await result(client, "Heartbeat", {})
        await pass_silence(hass, freezer, 880)
        assert charge_point_of(entry).online
        await pass_silence(hass, freezer, 60)
        assert charge_point_of(entry).online is bool(quirks)
        await pass_silence(hass, freezer, 1000)
        assert not charge_point_of(entry).online


async def pass_silence(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, seconds: int
) -> None:
    """Let time go by without a word."""
    for _ in range(seconds // 20):
        freezer.tick(20)
        await settled(hass)


async def test_quirks_are_found_by_what_it_says_of_itself(hass: HomeAssistant) -> None:
    """And by its id, as long as it says nothing; they are there before it boots again."""
    entry = ocpp_entry(charge_point_data("EVB-P1234567"), charge_point_data())
    await set_up(hass, entry)
    assert charge_point_of(entry, "EVB-P1234567").quirks == {
        "one_key_at_a_time",
        "no_max_profile",
    }
    assert charge_point_of(entry).quirks == frozenset()
    async with dialled_in(entry) as client:
        await boot(client, chargePointVendor="Sungrow", chargePointModel="AC011E")
        assert charge_point_of(entry).quirks == {"poll_meter_values"}
    assert await hass.config_entries.async_reload(entry.entry_id)
    await settled(hass)
    assert charge_point_of(entry).quirks == {"poll_meter_values"}
    found = connector_of(entry).diagnostics()["charge_points"][CP]["quirks"]
    assert found == ["poll_meter_values"]
