"""Sequences that real charge points send, each numbered as the facts about OCPP 1.6 have it."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from copy import deepcopy
from datetime import timedelta
import json
import time
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from custom_components.bemcom_connectors.const import DOMAIN
from custom_components.bemcom_connectors.ocpp.calls import CallFailed, CallReason
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from tests.ocpp.client import SILENT, CallError, RawClient
from tests.ocpp_hub import (
    BOOT,
    CP,
    ago,
    boot,
    charge_point_data,
    charge_point_of,
    connector_of,
    dialled_in,
    error,
    listen,
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

# Nobody waits so long for anything that shall happen at once.
AT_ONCE = 3.0


@pytest.fixture
async def entry(hass: HomeAssistant) -> MockConfigEntry:
    """Return a hub with two charge points."""
    entry = ocpp_entry(charge_point_data(), charge_point_data("CP2"))
    await set_up(hass, entry)
    return entry


@pytest.fixture
async def wallbox(
    hass: HomeAssistant, entry: MockConfigEntry
) -> AsyncGenerator[RawClient]:
    """Return a charge point with one connector that is free."""
    async with dialled_in(entry) as client:
        await boot(client)
        await status(client, "Available", timestamp=ago(7200))
        await settled(hass)
        yield client


async def replay(
    client: RawClient, began: float, ended: float, wh: int, meter_start: int = 1000
) -> int:
    """Send the queue of a session that was offline, statuses first; return its id."""
    for name, at in (
        ("Preparing", began + 20),
        ("Charging", began),
        ("Finishing", ended),
        ("Available", ended - 20),
    ):
        await status(client, name, timestamp=ago(at))
    await result(client, "Heartbeat", {})
    answer = await start(client, meter_start=meter_start, timestamp=ago(began))
    transaction: int = answer["transactionId"]
    await stop(
        client, transaction, meter_start + wh, timestamp=ago(ended), reason="Local"
    )
    return transaction


# 1: what happened while the charge point was offline is told later


async def test_1_a_session_that_was_offline(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    wallbox.drop()
    began, ended = ago(3600), ago(1800)
    async with dialled_in(entry) as client:
        for name, at in (
            ("Preparing", ago(3620)),
            ("Charging", began),
            ("Finishing", ended),
            ("Available", ago(1780)),
        ):
            await status(client, name, timestamp=at)
        await result(client, "Heartbeat", {})
        answer = await start(client, meter_start=5000, timestamp=began)
        transaction = answer["transactionId"]
        await stop(client, transaction, 9000, timestamp=ended, reason="EVDisconnected")
        await settled(hass)
        assert state(hass, entry, "status") == "available"
        assert state(hass, entry, "plugged_in", platform="binary_sensor") == "off"
        for name in ("session_energy", "session_duration", "session_start"):
            assert state(hass, entry, name) == "unknown"
        assert value(entry, "transaction_id") is None
        assert state(hass, entry, "total_energy") == "4.0"
        (over,) = await sessions(hass, entry)
    assert over == {
        "transaction_id": transaction,
        "connector_id": 1,
        "id_tag": "…0001",
        "start": f"{began[:19]}+00:00",
        "end": f"{ended[:19]}+00:00",
        "duration": 1800,
        "energy": 4.0,
        "stop_reason": "ev_disconnected",
    }


async def test_1_several_sessions_that_were_offline(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    wallbox.drop()
    async with dialled_in(entry) as client:
        ids = [
            await replay(client, 9000, 8000, 1000, 0),
            await replay(client, 7000, 6000, 2000, 1000),
            await replay(client, 5000, 4000, 3000, 3000),
        ]
        await settled(hass)
        assert state(hass, entry, "status") == "available"
        assert state(hass, entry, "session_energy") == "unknown"
        assert state(hass, entry, "total_energy") == "6.0"
        found = await sessions(hass, entry)
    assert [it["transaction_id"] for it in found] == ids[::-1]
    assert [it["energy"] for it in found] == [3.0, 2.0, 1.0]


async def test_1_a_newer_status_outlives_the_queue(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    """The next car is there already when the charge point tells of the one before it."""
    await status(wallbox, "Preparing", timestamp=ago(5))
    await replay(wallbox, 3600, 1800, 4000)
    await settled(hass)
    assert state(hass, entry, "status") == "preparing"
    assert state(hass, entry, "plugged_in", platform="binary_sensor") == "on"
    assert value(entry, "transaction_id") is None
    transaction = (await start(wallbox, meter_start=5000))["transactionId"]
    await status(wallbox, "Charging")
    await settled(hass)
    assert value(entry, "transaction_id") == transaction
    assert state(hass, entry, "session_energy") == "0.0"


async def test_1_a_session_that_began_offline_goes_on(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    wallbox.drop()
    async with dialled_in(entry) as client:
        await status(client, "Charging", timestamp=ago(1800))
        began = ago(1800)
        answer = await start(client, meter_start=1000, timestamp=began)
        transaction = answer["transactionId"]
        power = sampled(7000, "Power.Active.Import", unit="W")
        await meter(
            client,
            sampled(2000),
            power,
            timestamp=ago(900),
            transactionId=transaction,
        )
        await settled(hass)
        assert state(hass, entry, "session_energy") == "1.0"
        # What it had a quarter of an hour ago is no news.
        assert state(hass, entry, "Power.Active.Import") in {None, "unknown"}
        await meter(client, sampled(3000), power, transactionId=transaction)
        await settled(hass)
        assert state(hass, entry, "session_energy") == "2.0"
        assert state(hass, entry, "Power.Active.Import") == "7000.0"
        assert state(hass, entry, "session_start") == f"{began[:19]}+00:00"
        assert 1800 <= value(entry, "session_duration") <= 1810


async def test_1_the_queue_of_a_charge_point_that_boots(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    """After a power failure, the session that it cut is closed by the charge point."""
    await status(wallbox, "Charging")
    transaction = (await start(wallbox, meter_start=0))["transactionId"]
    wallbox.drop()
    async with dialled_in(entry) as client:
        await boot(client)
        await status(client, "Available")
        await stop(client, transaction, 700, reason="PowerLoss")
        await settled(hass)
        assert state(hass, entry, "status") == "available"
        assert state(hass, entry, "session_energy") == "unknown"
        assert state(hass, entry, "stop_reason") == "power_loss"
        (over,) = await sessions(hass, entry)
        assert over["energy"] == 0.7


async def test_1_the_end_that_was_never_told(
    freezer: FrozenDateTimeFactory,
    hass: HomeAssistant,
    entry: MockConfigEntry,
    wallbox: RawClient,
) -> None:
    """A connector that stays free has no session; but only a moment says nothing."""
    told = listen(hass, entry, "session", 1)
    await pass_time(hass, freezer, wallbox, 600)
    await start(wallbox, meter_start=0)
    # Its status is to come.
    await pass_time(hass, freezer, wallbox, 120)
    assert value(entry, "transaction_id") is not None
    await status(wallbox, "Charging")
    await status(wallbox, "Available")
    await pass_time(hass, freezer, wallbox, 120)
    assert [kind for kind, _ in told] == ["started"]
    await pass_time(hass, freezer, wallbox, 300)
    assert [kind for kind, _ in told] == ["started", "ended"]
    assert value(entry, "transaction_id") is None
    assert state(hass, entry, "session_energy") == "unknown"
    (lost,) = await sessions(hass, entry)
    assert lost["stop_reason"] is None
    # It was over when its connector was free.
    assert 120 <= lost["duration"] <= 125


async def test_1_a_session_whose_status_says_free(
    freezer: FrozenDateTimeFactory,
    hass: HomeAssistant,
    entry: MockConfigEntry,
    wallbox: RawClient,
) -> None:
    """Meter values show that it goes on, whatever the status."""
    transaction = (await start(wallbox, meter_start=0))["transactionId"]
    for step in range(1, 10):
        await meter(wallbox, sampled(100 * step), transactionId=transaction)
        await pass_time(hass, freezer, wallbox, 60)
    assert value(entry, "transaction_id") == transaction
    assert state(hass, entry, "session_energy") == "0.9"
    assert 510 <= value(entry, "session_duration") <= 540


async def test_1_when_it_was_seen_last(
    freezer: FrozenDateTimeFactory,
    hass: HomeAssistant,
    entry: MockConfigEntry,
    wallbox: RawClient,
) -> None:
    """Any message is a sign of life; it is shown now and then, and stays when it is gone."""
    await pass_time(hass, freezer, wallbox, 120)
    seen = dt_util.parse_datetime(value(entry, "last_seen", 0))
    assert seen is not None
    assert 0 <= (dt_util.utcnow() - seen).total_seconds() <= 60
    wallbox.drop()
    await wallbox.closed()
    async with dialled_in(entry, "CP2") as other:
        await pass_time(hass, freezer, other, 600)
    later = dt_util.parse_datetime(value(entry, "last_seen", 0))
    assert later is not None
    assert 600 <= (dt_util.utcnow() - later).total_seconds() <= 660


async def pass_time(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    client: RawClient,
    seconds: float,
) -> None:
    """Let time go by, with a charge point that shows signs of life."""
    for _ in range(round(seconds / 20)):
        freezer.tick(20)
        await result(client, "Heartbeat", {})
    await settled(hass)


# 2: Home Assistant starts anew in the middle of a session

type Restart = Callable[[MockConfigEntry], Awaitable[MockConfigEntry]]


@pytest.fixture(params=["reload", "restart", "power cut"])
def restart(
    request: pytest.FixtureRequest, hass: HomeAssistant, hass_storage: dict[str, Any]
) -> Restart:
    """Return what starts a hub anew, in a way of its own, and returns its entry."""

    async def reload(entry: MockConfigEntry) -> MockConfigEntry:
        assert await hass.config_entries.async_reload(entry.entry_id)
        await hass.async_block_till_done()
        return entry

    async def anew(entry: MockConfigEntry) -> MockConfigEntry:
        """Start from nothing but the file, as it is when all was closed properly, or not."""
        key = f"{DOMAIN}.{entry.entry_id}.ocpp"
        if request.param == "restart":
            assert await hass.config_entries.async_unload(entry.entry_id)
            stored = deepcopy(hass_storage[key])
        else:
            async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=2))
            await hass.async_block_till_done()
            stored = deepcopy(hass_storage[key])
            assert await hass.config_entries.async_unload(entry.entry_id)
        new = ocpp_entry(charge_point_data(), charge_point_data("CP2"))
        hass_storage[key.replace(entry.entry_id, new.entry_id)] = json.loads(
            json.dumps(stored)
        )
        await hass.config_entries.async_remove(entry.entry_id)
        await set_up(hass, new)
        return new

    return reload if request.param == "reload" else anew


@pytest.mark.parametrize("reconnects", ["boot", "silently"])
async def test_2_a_session_survives_a_restart(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    wallbox: RawClient,
    restart: Restart,
    reconnects: str,
) -> None:
    """Its end is understood although nothing else was said since."""
    began = ago(1800)
    await status(wallbox, "Charging", timestamp=began)
    transaction = (await start(wallbox, meter_start=1000, timestamp=began))[
        "transactionId"
    ]
    power = sampled(3700, "Power.Active.Import", unit="W")
    await meter(wallbox, sampled(3000), power, transactionId=transaction)
    charge_point_of(entry).host.changed(urgent=True)
    entry = await restart(entry)

    async with dialled_in(entry) as client:
        if reconnects == "boot":
            await boot(client)
        await settled(hass)
        assert state(hass, entry, "status") == "charging"
        assert state(hass, entry, "session_energy") == "2.0"
        assert state(hass, entry, "total_energy") == "2.0"
        assert state(hass, entry, "session_start") == f"{began[:19]}+00:00"
        assert state(hass, entry, "id_tag") == "…0001"
        assert value(entry, "transaction_id") == transaction
        assert value(entry, "session_duration") >= 1800

        await stop(client, transaction, 3500)
        await status(client, "Finishing")
        await settled(hass)
        assert state(hass, entry, "session_energy") == "2.5"
        assert state(hass, entry, "total_energy") == "2.5"
        assert state(hass, entry, "Power.Active.Import") == "0.0"
        (over,) = await sessions(hass, entry)
        assert over["transaction_id"] == transaction
        assert over["energy"] == 2.5
        assert over["start"] == f"{began[:19]}+00:00"
        assert (await start(client))["transactionId"] != transaction


async def test_2_meter_values_go_on_after_a_restart(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient, restart: Restart
) -> None:
    await status(wallbox, "Charging")
    transaction = (await start(wallbox, meter_start=1000))["transactionId"]
    entry = await restart(entry)
    async with dialled_in(entry) as client:
        await settled(hass)
        told = listen(hass, entry, "session", 1)
        await meter(client, sampled(1700), transactionId=transaction)
        await settled(hass)
        assert told == []
        assert state(hass, entry, "session_energy") == "0.7"
        assert state(hass, entry, "total_energy") == "0.7"
        # The connection was lost before the answer to the start came, for all it knows.
        assert value(entry, "transaction_id") == transaction


async def test_2_a_start_is_retried_after_a_restart(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient, restart: Restart
) -> None:
    at = ago(30)
    answer = await start(wallbox, timestamp=at)
    entry = await restart(entry)
    async with dialled_in(entry) as client:
        assert await start(client, timestamp=at) == answer


async def test_2_a_session_ends_while_nobody_listens(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient, restart: Restart
) -> None:
    await status(wallbox, "Charging", timestamp=ago(1800))
    transaction = (await start(wallbox, timestamp=ago(1800)))["transactionId"]
    entry = await restart(entry)
    async with dialled_in(entry) as client:
        await status(client, "Available", timestamp=ago(600))
        await stop(client, transaction, 2000, timestamp=ago(660))
        await settled(hass)
        assert state(hass, entry, "status") == "available"
        assert state(hass, entry, "session_energy") == "unknown"
        (over,) = await sessions(hass, entry)
        assert 1138 <= over["duration"] <= 1142


async def test_2_ids_are_never_given_twice(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient, restart: Restart
) -> None:
    """Not after a restart within the same second either."""
    given = [(await start(wallbox, connector_id=it))["transactionId"] for it in (1, 2)]
    entry = await restart(entry)
    async with dialled_in(entry, "CP2") as client:
        given += [
            (await start(client, connector_id=it))["transactionId"] for it in (1, 2)
        ]
    assert len(set(given)) == 4
    assert all(0 < it < 2**31 for it in given)


async def test_2_the_id_of_another_system_is_adopted(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    """Nothing was stored: the charge point charged before there was this hub."""
    told = listen(hass, entry, "session", 1)
    await status(wallbox, "Charging")
    await meter(wallbox, sampled(90_000), transactionId=777)
    await meter(wallbox, sampled(90_400), transactionId=777)
    await settled(hass)
    assert value(entry, "transaction_id") == 777
    assert state(hass, entry, "session_energy") == "0.4"
    assert await stop(wallbox, 777, 90_600) == {}
    await settled(hass)
    (over,) = await sessions(hass, entry)
    assert (over["transaction_id"], over["energy"]) == (777, 0.6)
    assert over["id_tag"] == ""
    assert [kind for kind, _ in told] == ["started", "ended"]


async def test_2_an_adopted_id_is_not_given_again(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    """Even where it is the one that would be next, on whichever charge point."""
    upcoming = range(first := (await start(wallbox))["transactionId"] + 1, first + 5)
    for connector_id, transaction in enumerate(upcoming, 2):
        await status(wallbox, "Charging", connector_id)
        await meter(
            wallbox, sampled(1), connector_id=connector_id, transactionId=transaction
        )
        assert value(entry, "transaction_id", connector_id) == transaction
    async with dialled_in(entry, "CP2") as other:
        assert (await start(other))["transactionId"] not in upcoming
    assert (await start(wallbox, connector_id=9))["transactionId"] not in upcoming


async def test_2_ids_of_nothing_are_not_adopted(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    """Some send any number while nobody charges."""
    for transaction in (0, -1, 1936029036):
        await meter(wallbox, sampled(5000), transactionId=transaction)
    await settled(hass)
    assert value(entry, "transaction_id") is None
    assert state(hass, entry, "session_energy") in {None, "unknown"}
    assert await sessions(hass, entry) == []


async def test_2_another_transaction_runs_than_we_believe(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    """One message may be a mistake; three of them are a transaction."""
    await status(wallbox, "Charging")
    ours = (await start(wallbox, meter_start=0))["transactionId"]
    for count in range(3):
        await settled(hass)
        assert value(entry, "transaction_id") == ours, count
        await meter(wallbox, sampled(100 * count), transactionId=4711)
    await settled(hass)
    assert value(entry, "transaction_id") == 4711
    (over,) = await sessions(hass, entry)
    assert over["transaction_id"] == ours


async def test_2_a_file_of_nonsense_keeps_nobody_from_starting(
    hass: HomeAssistant, hass_storage: dict[str, Any]
) -> None:
    entry = ocpp_entry(charge_point_data())
    key = f"{DOMAIN}.{entry.entry_id}.ocpp"
    hass_storage[key] = {
        "version": 1,
        "minor_version": 1,
        "key": key,
        "data": {
            "book": {"next_id": "x", "transactions": [None, {"id": "1"}, 7]},
            "charge_points": {
                CP: {
                    "identity": 7,
                    "configuration": [],
                    "connectors": {"1": {"status": "Odd", "values": {"x": []}}, "²": 1},
                }
            },
        },
    }
    await set_up(hass, entry)
    async with dialled_in(entry) as client:
        await boot(client)
        assert (await start(client))["transactionId"] > 0


# 3: two sessions begin within one second


async def test_3_two_connectors_start_in_the_same_second(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    at = ago(60)
    first, second = [
        (await start(wallbox, connector_id=it, meter_start=0, timestamp=at))[
            "transactionId"
        ]
        for it in (1, 2)
    ]
    assert first != second
    await status(wallbox, "Charging", 1)
    await status(wallbox, "Charging", 2)
    await meter(wallbox, sampled(300), connector_id=1, transactionId=first)
    await meter(wallbox, sampled(500), connector_id=2, transactionId=second)
    await stop(wallbox, first, 400)
    await settled(hass)
    assert value(entry, "transaction_id", 1) is None
    assert value(entry, "transaction_id", 2) == second
    assert state(hass, entry, "session_energy", 1) == "0.4"
    assert state(hass, entry, "session_energy", 2) == "0.5"
    assert state(hass, entry, "total_energy", 1) == "0.4"
    assert state(hass, entry, "total_energy", 2) == "0.5"
    await stop(wallbox, second, 900)
    await settled(hass)
    assert state(hass, entry, "session_energy", 2) == "0.9"
    assert len(await sessions(hass, entry)) == 2


async def test_3_two_charge_points_start_at_once(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    at = ago()
    async with dialled_in(entry, "CP2") as other:
        answers = await asyncio.gather(
            start(wallbox, timestamp=at), start(other, timestamp=at)
        )
        mine, others = (it["transactionId"] for it in answers)
        assert mine != others
        # The transaction of another charge point is none of its business.
        assert await stop(wallbox, others) == {}
        assert charge_point_of(entry, "CP2").host.book.open_of("CP2", 1) is not None
        assert value(entry, "transaction_id") == mine


# 4: an answer comes when nobody waits for it any more


async def test_4_a_late_answer_is_taken_by_nobody(
    entry: MockConfigEntry, wallbox: RawClient
) -> None:
    charge_point = charge_point_of(entry)
    released = asyncio.Event()
    late: list[str] = []

    async def answer(payload: dict[str, Any]) -> dict[str, Any]:
        (key,) = payload["key"]
        if key == "Slow":
            await released.wait()
            late.append(key)
        else:
            # The late answer goes first.
            released.set()
            await wait_until(lambda: bool(late))
        return {"configurationKey": [{"key": key, "readonly": False, "value": key}]}

    wallbox.on_call["GetConfiguration"] = answer
    with pytest.raises(CallFailed) as failed:
        await charge_point.call("GetConfiguration", {"key": ["Slow"]}, 0.05)
    assert failed.value.reason is CallReason.TIMEOUT
    found = await charge_point.call("GetConfiguration", {"key": ["Quick"]})
    assert [it["key"] for it in found["configurationKey"]] == ["Quick"]
    assert charge_point.leniencies.counts["answer: nobody waits for it"] == 1
    assert charge_point.online


# 5: the connection is lost while an answer is awaited


@pytest.mark.parametrize("how", ["drop", "close", "replace"])
async def test_5_a_call_fails_with_its_connection(
    entry: MockConfigEntry, wallbox: RawClient, how: str
) -> None:
    """At once, and those behind it too."""
    charge_point = charge_point_of(entry)
    wallbox.on_call["GetConfiguration"] = SILENT
    calls = [
        asyncio.create_task(charge_point.call("GetConfiguration", {})) for _ in range(3)
    ]
    await wallbox.wait_for("GetConfiguration")
    began = time.monotonic()
    if how == "drop":
        wallbox.drop()
    elif how == "close":
        await wallbox.close()
    else:
        async with dialled_in(entry):
            await asyncio.wait(calls, timeout=AT_ONCE)
    failed = await asyncio.gather(*calls, return_exceptions=True)
    assert time.monotonic() - began < AT_ONCE
    for it in failed:
        assert isinstance(it, CallFailed)
        assert it.reason in {CallReason.CLOSED, CallReason.NOT_CONNECTED}
    await wait_until(lambda: not charge_point.online)
    with pytest.raises(CallFailed) as later:
        await charge_point.call("GetConfiguration", {})
    assert later.value.reason is CallReason.NOT_CONNECTED


async def test_5_a_former_connection_ends_later(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    """The end of the old one says nothing about the new one."""
    async with dialled_in(entry) as client:
        await wallbox.closed()
        await settled(hass)
        assert charge_point_of(entry).online
        await status(client, "Preparing")
        await settled(hass)
        assert state(hass, entry, "status") == "preparing"
        assert state(hass, entry, "connected", 0, platform="binary_sensor") == "on"


# 6: both sides ask at the same time


async def test_6_a_message_comes_before_the_answer(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    async def answer(_payload: Any) -> dict[str, Any]:
        await status(wallbox, "Unavailable")
        await result(wallbox, "Heartbeat", {})
        return {"status": "Accepted"}

    wallbox.on_call["ChangeAvailability"] = answer
    asked: dict[str, Any] = {"connectorId": 1, "type": "Inoperative"}
    found = await charge_point_of(entry).call("ChangeAvailability", asked)
    assert found["status"] == "Accepted"
    assert state(hass, entry, "status") == "unavailable"


async def test_6_the_same_message_id_on_both_sides(
    entry: MockConfigEntry, wallbox: RawClient
) -> None:
    """Each side has ids of its own."""
    ids: list[str] = []

    async def answer(_payload: Any) -> dict[str, Any]:
        (_, _, frame), *_ = [
            it for it in reversed(charge_point.history) if "ClearCache" in it[2]
        ]
        ids.append(json.loads(frame)[1])
        kind, payload = await wallbox.call("Heartbeat", {}, id=ids[0])
        assert (kind, list(payload)) == (3, ["currentTime"])
        return {"status": "Rejected"}

    charge_point = charge_point_of(entry)
    wallbox.on_call["ClearCache"] = answer
    assert (await charge_point.call("ClearCache", {}))["status"] == "Rejected"
    assert ids


# 7: a charge point boots over and over


async def test_7_a_storm_of_boots(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    wallbox: RawClient,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Each is accepted, but not followed by a start-up of its own."""
    wallbox.on_call["GetConfiguration"] = {"configurationKey": [], "unknownKey": []}
    caplog.clear()
    for _ in range(50):
        answer = await boot(wallbox)
        assert answer["status"] == "Accepted"
        assert type(answer["interval"]) is int
        assert answer["interval"] > 0
        assert answer["currentTime"].endswith("Z")
    await wait_until(lambda: not charge_point_of(entry).start_up.running)
    read = [it for it in wallbox.received if it[0] == "GetConfiguration"]
    assert 1 <= len(read) <= 10
    assert charge_point_of(entry).boots == 51
    assert [it for it in caplog.records if it.levelname in {"WARNING", "ERROR"}] == []
    assert not hass.states.async_entity_ids("persistent_notification")


async def test_7_a_boot_that_was_refused_is_no_bar(
    entry: MockConfigEntry, wallbox: RawClient
) -> None:
    """Whoever gets an error tries again, and is welcome."""
    code = await error(wallbox, "BootNotification", {"chargePointVendor": "Acme"})
    assert code == "OccurenceConstraintViolation"
    assert await error(wallbox, "BootNotification", 7) == "FormationViolation"
    assert (await boot(wallbox))["status"] == "Accepted"


async def test_7_calls_that_fail_do_not_make_it_boot_again(
    entry: MockConfigEntry, wallbox: RawClient
) -> None:
    """What the charge point does not know is not asked again with each boot in a row."""
    wallbox.on_call["GetConfiguration"] = CallError("InternalError")
    for _ in range(5):
        assert (await boot(wallbox))["status"] == "Accepted"
        await wait_until(lambda: not charge_point_of(entry).start_up.running)
    assert charge_point_of(entry).online


# 8: clocks that are wrong

CLOCKS = [
    "1970-01-01T00:00:07Z",
    "1999-12-31T23:59:59Z",
    "0001-01-01T00:00:00+14:00",
    "2062-01-01T00:00:00Z",
    "9999-12-31T23:59:59-14:00",
    "9999-12-31T23:59:59.999Z",
    "-1",
    "",
    0,
    1e300,
    "yesterday",
]


@pytest.mark.parametrize("clock", CLOCKS)
async def test_8_a_clock_that_is_wrong(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient, clock: Any
) -> None:
    """All is answered and shown as if it was said right now."""
    told = listen(hass, entry, "security")
    await status(wallbox, "Preparing", timestamp=clock)
    await settled(hass)
    assert state(hass, entry, "status") == "preparing"
    transaction = (await start(wallbox, meter_start=0, timestamp=clock))[
        "transactionId"
    ]
    await status(wallbox, "Charging", timestamp=clock)
    power = sampled(3600, "Power.Active.Import", unit="W")
    reading = {"timestamp": clock, "sampledValue": [sampled(400), power]}
    payload = {
        "connectorId": 1,
        "transactionId": transaction,
        "meterValue": [reading],
    }
    assert await result(wallbox, "MeterValues", payload) == {}
    event = {"type": "ResetOrReboot", "timestamp": clock}
    assert await result(wallbox, "SecurityEventNotification", event) == {}
    await settled(hass)
    assert state(hass, entry, "status") == "charging"
    assert state(hass, entry, "session_energy") == "0.4"
    assert 0 <= value(entry, "session_duration") <= 5
    assert [kind for kind, _ in told] == ["reset_or_reboot"]

    await stop(wallbox, transaction, 500, timestamp=clock)
    await status(wallbox, "Available", timestamp=clock)
    await settled(hass)
    assert state(hass, entry, "status") == "available"
    assert state(hass, entry, "session_energy") == "unknown"
    (over,) = await sessions(hass, entry)
    assert over["energy"] == 0.5
    assert 0 <= over["duration"] <= 5
    begun = dt_util.parse_datetime(over["start"])
    assert begun is not None
    assert abs((dt_util.utcnow() - begun).total_seconds()) < 10


async def test_8_a_clock_that_is_set_in_mid_session(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    """It counts from 1970 until the first answer that tells the time."""
    await status(wallbox, "Preparing", timestamp="1970-01-01T00:00:05Z")
    transaction = (
        await start(wallbox, meter_start=0, timestamp="1970-01-01T00:00:07Z")
    )["transactionId"]
    await status(wallbox, "Charging")
    await meter(wallbox, sampled(400), transactionId=transaction)
    await stop(wallbox, transaction, 500)
    await status(wallbox, "Available")
    await settled(hass)
    assert state(hass, entry, "status") == "available"
    (over,) = await sessions(hass, entry)
    assert over["energy"] == 0.5
    assert 0 <= over["duration"] <= 5


async def test_8_the_same_wrong_times_are_two_sessions(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    """A clock that starts anew with each power-up is no retry."""
    at = "1970-01-01T00:00:07Z"
    ids = []
    for _ in range(2):
        answer = await start(wallbox, meter_start=0, timestamp=at)
        ids.append(answer["transactionId"])
        await stop(wallbox, ids[-1], 500, timestamp="1970-01-01T00:10:07Z")
    assert ids[0] != ids[1]
    assert [it["duration"] for it in await sessions(hass, entry)] == [600, 600]


async def test_8_an_older_status_is_left_aside(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    """Among those with a time that can be."""
    await status(wallbox, "Charging", timestamp=ago(10))
    await status(wallbox, "Preparing", timestamp=ago(20))
    await settled(hass)
    assert state(hass, entry, "status") == "charging"
    await boot(wallbox)
    await status(wallbox, "Available", timestamp=ago(600))
    await settled(hass)
    assert state(hass, entry, "status") == "available"


# 9: the meter starts anew between sessions


async def test_9_the_meter_is_reset_between_sessions(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    """The total goes on, and never falls."""
    totals = []
    for begin in (100_000, 0, 0):
        await status(wallbox, "Charging")
        transaction = (await start(wallbox, meter_start=begin))["transactionId"]
        for wh in (0, 400, 800):
            await meter(wallbox, sampled(begin + wh), transactionId=transaction)
            await settled(hass)
            totals.append(float(state(hass, entry, "total_energy") or "nan"))
            assert state(hass, entry, "session_energy") == str(wh / 1000)
        await stop(wallbox, transaction, begin + 1000)
        await status(wallbox, "Available")
        await settled(hass)
        totals.append(float(state(hass, entry, "total_energy") or "nan"))
    expected = [0, 0.4, 0.8, 1.0, 1.0, 1.4, 1.8, 2.0, 2.0, 2.4, 2.8, 3.0]
    assert totals == pytest.approx(expected)


async def test_9_meter_values_count_from_the_session_the_end_from_ever(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    """Grizzl-E: the registers of MeterValues and of start and stop are two."""
    await status(wallbox, "Charging")
    transaction = (await start(wallbox, meter_start=80_000))["transactionId"]
    for wh in (0, 300, 600):
        await meter(wallbox, sampled(wh), transactionId=transaction)
        await settled(hass)
        assert state(hass, entry, "session_energy") == str(wh / 1000)
    await stop(wallbox, transaction, 80_700)
    await settled(hass)
    assert state(hass, entry, "session_energy") == "0.7"
    assert state(hass, entry, "total_energy") == "0.7"


# 10: what no schema allows


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("Heartbeat", None),
        ("Heartbeat", {"vendorField": [1, {"a": None}]}),
        (
            "BootNotification",
            {**BOOT, "chargePointSerialNumber": "S" * 60, "firmwareVersion": 1.2},
        ),
        ("BootNotification", {**BOOT, "imsi": None, "iccid": "", "extra": True}),
        ("BootNotification", {"chargePointVendor": "", "chargePointModel": 37}),
        (
            "StatusNotification",
            {"connectorId": "1", "status": "charging", "errorCode": "Error"},
        ),
        (
            "StatusNotification",
            {
                "connectorId": 1.0,
                "status": "Charging",
                "errorCode": "NoError",
                "info": None,
                "vendorErrorCode": 17,
                "vendorId": "V" * 300,
                "timestamp": "",
            },
        ),
        ("Authorize", {"idTag": 123456789}),
        ("Authorize", {"idTag": "A" * 22 + "\x10\x0e"}),
        (
            "StartTransaction",
            {
                "connectorId": "1",
                "idTag": 4711,
                "meterStart": "1000.0",
                "timestamp": "2026-01-01 12:00:00",
                "reservationId": None,
            },
        ),
        (
            "StopTransaction",
            {"transactionId": "17", "meterStop": "12", "timestamp": 0, "reason": ""},
        ),
        ("StopTransaction", {"transactionData": "nothing", "reason": "Odd"}),
        ("StopTransaction", {}),
        ("MeterValues", {}),
        ("MeterValues", {"connectorId": "1", "meterValue": None}),
        (
            "MeterValues",
            {
                "connectorId": 1,
                "transactionId": None,
                "meterValue": {
                    "timestamp": None,
                    "sampledValue": {"value": 230, "measurand": "Voltage", "phase": ""},
                },
            },
        ),
        ("DataTransfer", {"vendorId": 7, "data": {"a": 1}, "messageId": None}),
        ("FirmwareStatusNotification", {"status": "installed"}),
        ("DiagnosticsStatusNotification", {"status": "Idle", "x": None}),
    ],
)
async def test_10_what_a_strict_reader_would_refuse(
    entry: MockConfigEntry, wallbox: RawClient, action: str, payload: Any
) -> None:
    """An error would make the charge point say it again and again."""
    kind, *answer = await wallbox.call(action, payload)
    assert kind == 3, answer


async def test_10_numbers_as_texts_are_numbers(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    await status(wallbox, "Charging", connectorId="1", errorCode="noerror")
    transaction = (await start(wallbox, meterStart="2000", connectorId="1"))[
        "transactionId"
    ]
    await meter(
        wallbox,
        {"value": 2500, "phase": "", "location": "", "context": None, "unit": ""},
        {"value": "7,2", "measurand": "Power.Active.Import", "unit": "kW"},
        transactionId=str(transaction),
    )
    await settled(hass)
    assert state(hass, entry, "status") == "charging"
    assert state(hass, entry, "error_code") == "no_error"
    assert state(hass, entry, "session_energy") == "0.5"
    assert state(hass, entry, "Power.Active.Import") == "7200.0"
    await stop(wallbox, str(transaction), "2700")  # type: ignore[arg-type]
    await settled(hass)
    assert state(hass, entry, "session_energy") == "0.7"
    counted = charge_point_of(entry).leniencies.counts
    assert counted["MeterValues.value: comma"] == 1
    assert sum(counted.values()) >= 5
    assert connector_of(entry).diagnostics()["charge_points"][CP]["leniencies"]


async def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for something that no event tells of."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)
