"""Charging sessions and id tags of a running hub: what is answered, shown, told and kept."""

import asyncio
from collections.abc import AsyncGenerator
import json
import logging
import time
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)

from custom_components.bemcom_connectors.const import DOMAIN
from custom_components.bemcom_connectors.diagnostics import (
    async_get_config_entry_diagnostics,
)
from custom_components.bemcom_connectors.ocpp.charging import refresh
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import device_registry as dr, entity_registry as er
from tests.ocpp.client import RawClient
from tests.ocpp_hub import (
    CP,
    ago,
    boot,
    charge_point_data,
    charge_point_of,
    connector_of,
    dialled_in,
    entity_id,
    id_tag_data,
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

TAG = "0475AE2A416F81"
ACCEPTED = {"status": "Accepted"}


@pytest.fixture
async def entry(hass: HomeAssistant) -> MockConfigEntry:
    """Return a hub with a charge point, and with tags of all kinds."""
    entry = ocpp_entry(
        charge_point_data(),
        charge_point_data("STRICT", unknown_tags="refuse"),
        id_tag_data("Family-Card-1", "Ann", parent="FAMILY"),
        id_tag_data("Stolen-Card-1", "Bob", status="blocked"),
        id_tag_data("Former-Card-1", "Cid", expiry="2020-01-31"),
    )
    await set_up(hass, entry)
    return entry


@pytest.fixture
async def wallbox(
    hass: HomeAssistant, entry: MockConfigEntry
) -> AsyncGenerator[RawClient]:
    """Return a charge point with one connector that is free."""
    async with dialled_in(entry) as client:
        await boot(client)
        await status(client, "Available")
        await settled(hass)
        yield client


# Retries


async def test_a_retried_start_is_the_same_transaction(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    told = listen(hass, entry, "session", 1)
    swiped = listen(hass, entry, "id_tag")
    at = ago(5)
    first = await start(wallbox, TAG, timestamp=at)
    # Each with a new message id, the tag in another case, the number as a text.
    again = await start(wallbox, TAG.lower(), timestamp=at)
    third = await start(wallbox, TAG, timestamp=at, meterStart="1000")
    assert first == again == third
    assert first["idTagInfo"] == ACCEPTED
    await settled(hass)
    assert [kind for kind, _ in told] == ["started"]
    assert [kind for kind, _ in swiped] == ["accepted"]
    assert await sessions(hass, entry) == []


async def test_a_start_is_retried_when_it_is_over(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    """The queue of a charge point may hold both, and be sent twice."""
    began, ended = ago(60), ago(10)
    first = await start(wallbox, TAG, timestamp=began)
    await stop(wallbox, first["transactionId"], timestamp=ended)
    again = await start(wallbox, TAG, timestamp=began)
    assert again == first
    await stop(wallbox, again["transactionId"], timestamp=ended)
    await settled(hass)
    assert len(await sessions(hass, entry)) == 1
    assert value(entry, "transaction_id") is None
    assert state(hass, entry, "total_energy") == "1.0"


async def test_a_retry_on_another_connection(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    at = ago(5)
    first = await start(wallbox, timestamp=at)
    wallbox.drop()
    async with dialled_in(entry) as client:
        assert await start(client, timestamp=at) == first


async def test_another_start_ends_the_one_before_it(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    told = listen(hass, entry, "session", 1)
    first = await start(wallbox, meter_start=1000, timestamp=ago(30))
    second = await start(wallbox, meter_start=1500, timestamp=ago(1))
    assert first["transactionId"] != second["transactionId"]
    await settled(hass)
    assert [kind for kind, _ in told] == ["started", "ended", "started"]
    (lost,) = await sessions(hass, entry)
    assert lost["transaction_id"] == first["transactionId"]
    assert lost["stop_reason"] is None
    assert value(entry, "transaction_id") == second["transactionId"]


async def test_a_retried_stop_changes_nothing(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    told = listen(hass, entry, "session", 1)
    transaction = (await start(wallbox, timestamp=ago(60)))["transactionId"]
    assert await stop(wallbox, transaction, 1600, reason="EVDisconnected") == {}
    before = await sessions(hass, entry)
    assert await stop(wallbox, transaction, 1600, reason="EVDisconnected") == {}
    assert await stop(wallbox, transaction, 9_000_000, reason="Other") == {}
    await settled(hass)
    assert await sessions(hass, entry) == before
    assert before[0]["energy"] == 0.6
    assert before[0]["stop_reason"] == "ev_disconnected"
    assert state(hass, entry, "total_energy") == "0.6"
    assert [kind for kind, _ in told] == ["started", "ended"]


@pytest.mark.parametrize("transaction_id", [-1, 0, 4711, 2**40, "4711", None])
async def test_a_stop_of_what_nobody_knows(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    wallbox: RawClient,
    transaction_id: Any,
) -> None:
    """It is answered, and is not taken for the end of what runs."""
    running = (await start(wallbox))["transactionId"]
    assert await stop(wallbox, transaction_id) == {}
    answer = await stop(wallbox, transaction_id, idTag=TAG)
    assert answer == {"idTagInfo": ACCEPTED}
    await settled(hass)
    assert value(entry, "transaction_id") == running
    assert await sessions(hass, entry) == []


async def test_a_stop_with_the_tag_of_somebody_else(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    transaction = (await start(wallbox, "Family-Card-1"))["transactionId"]
    answer = await stop(wallbox, transaction, idTag="Stolen-Card-1")
    assert answer == {"idTagInfo": {"status": "Blocked"}}
    (ended,) = await sessions(hass, entry)
    assert ended["id_tag"] == "Ann"


async def test_the_meter_ends_a_little_lower_than_it_started(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    transaction = (await start(wallbox, meter_start=5000))["transactionId"]
    assert await stop(wallbox, transaction, 4999) == {}
    (ended,) = await sessions(hass, entry)
    assert ended["energy"] == 0
    assert state(hass, entry, "total_energy") == "0.0"


async def test_meter_values_after_the_end(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    """They neither revive the session nor its power."""
    transaction = (await start(wallbox))["transactionId"]
    await status(wallbox, "Charging")
    power = sampled(3600, "Power.Active.Import", unit="W")
    await meter(wallbox, sampled(1500), power, transactionId=transaction)
    await stop(wallbox, transaction, 1700)
    await status(wallbox, "Finishing")
    await meter(wallbox, sampled(1700), power, transactionId=transaction)
    await settled(hass)
    assert value(entry, "transaction_id") is None
    assert state(hass, entry, "session_energy") == "0.7"
    assert state(hass, entry, "Power.Active.Import") == "0.0"
    assert state(hass, entry, "total_energy") == "0.7"
    assert len(await sessions(hass, entry)) == 1


async def test_late_meter_values_while_the_next_session_runs(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    """Their energy is not counted twice, nor is the power of now taken away."""
    former = (await start(wallbox, meter_start=1000, timestamp=ago(60)))[
        "transactionId"
    ]
    await stop(wallbox, former, 1400, timestamp=ago(30))
    running = (await start(wallbox, meter_start=1400))["transactionId"]
    await status(wallbox, "Charging")
    power = sampled(3600, "Power.Active.Import", unit="W")
    await meter(wallbox, sampled(1500), power, transactionId=running)
    await meter(wallbox, sampled(1600), transactionId=former)
    await meter(wallbox, sampled(1600), power, transactionId=running)
    await settled(hass)
    assert state(hass, entry, "total_energy") == "0.6"
    assert state(hass, entry, "session_energy") == "0.2"
    assert state(hass, entry, "Power.Active.Import") == "3600.0"
    (over,) = await sessions(hass, entry)
    assert over["energy"] == 0.4


async def test_values_of_the_transaction_may_come_with_its_end(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    """And there only."""
    transaction = (await start(wallbox, meter_start=0, timestamp=ago(3600)))[
        "transactionId"
    ]
    data = [
        {
            "timestamp": ago(3600 - 600 * step),
            "sampledValue": [sampled(1000 * step, context="Sample.Periodic")],
        }
        for step in range(6)
    ]
    await stop(wallbox, transaction, 5500, transactionData=data)
    (ended,) = await sessions(hass, entry)
    assert ended["energy"] == 5.5
    assert state(hass, entry, "total_energy") == "5.5"


async def test_connectors_that_are_none_get_a_transaction_too(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    """Each is answered, but they do not pile up."""
    ids = {
        (await start(wallbox, connector_id=it, meterStart=it))["transactionId"]
        for it in range(1000, 1300)
    }
    assert len(ids) == 300
    assert not [it for it in connector_of(entry).datapoints if f"{CP}__1000" in it]
    kept = connector_of(entry).book.to_dict()["transactions"]
    assert len(kept) <= 101
    assert await stop(wallbox, max(ids)) == {}
    assert await start(wallbox, connector_id=0)


async def test_a_start_on_the_charge_point_is_of_its_only_connector(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    await status(wallbox, "Charging")
    began = ago(60)
    first = await start(wallbox, connector_id=0, timestamp=began)
    assert await start(wallbox, connector_id=0, timestamp=began) == first
    transaction = first["transactionId"]
    await meter(wallbox, sampled(1600), connector_id=0, transactionId=transaction)
    await settled(hass)
    assert value(entry, "transaction_id") == transaction
    assert state(hass, entry, "session_energy") == "0.6"
    await stop(wallbox, transaction, 1800)
    await settled(hass)
    assert state(hass, entry, "session_energy") == "0.8"
    (over,) = await sessions(hass, entry)
    assert over["connector_id"] == 1
    assert not [it for it in connector_of(entry).datapoints if "0__session" in it]


async def test_a_start_on_a_charge_point_with_several_connectors_is_shown_nowhere(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    """Nobody knows on which of them; it is answered, and kept."""
    await status(wallbox, "Charging")
    await status(wallbox, "Available", connector_id=2)
    await status(wallbox, "Available", connector_id=0)
    transaction = (await start(wallbox, connector_id=0))["transactionId"]
    for connector_id in (0, 1):
        await meter(
            wallbox,
            sampled(1600),
            connector_id=connector_id,
            transactionId=transaction,
        )
    refresh(charge_point_of(entry), time.time() + 3600)
    await stop(wallbox, transaction, 1800)
    await settled(hass)
    names = ("session_energy", "session_duration", "stop_reason")
    values = connector_of(entry).datapoints
    assert not [it for it in values if it.startswith(f"{CP}__0") and it.endswith(names)]
    assert not [it for key, it in values.items() if key.endswith(names) and it]
    (over,) = await sessions(hass, entry)
    assert (over["connector_id"], over["energy"]) == (0, 0.8)


async def test_meter_values_of_a_transaction_of_another_connector(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    """The main meter may count what a connector gives, and say for whom."""
    await status(wallbox, "Charging")
    transaction = (await start(wallbox, meter_start=0))["transactionId"]
    await meter(wallbox, sampled(600), connector_id=0, transactionId=transaction)
    await settled(hass)
    assert state(hass, entry, "session_energy") == "0.6"
    assert state(hass, entry, "total_energy") == "0.6"
    await stop(wallbox, transaction, 800)
    await settled(hass)
    assert state(hass, entry, "session_energy") == "0.8"
    assert state(hass, entry, "total_energy") == "0.8"


async def test_meter_values_that_name_no_transaction(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    """They are of the one that runs, unless they were measured before it."""
    await status(wallbox, "Charging")
    await start(wallbox, meter_start=1000, timestamp=ago(300))
    await meter(wallbox, sampled(1400), timestamp=ago(200))
    await meter(wallbox, sampled(1500), transactionId=-1)
    await settled(hass)
    assert state(hass, entry, "session_energy") == "0.5"
    await meter(wallbox, sampled(1900), timestamp=ago(500))
    await meter(wallbox, sampled(7000), connector_id=99)
    await settled(hass)
    assert state(hass, entry, "session_energy") == "0.5"


async def test_an_end_that_says_its_energy_in_its_values_only(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    transaction = (await start(wallbox, meter_start=0, timestamp=ago(1800)))[
        "transactionId"
    ]
    end = {
        "timestamp": ago(),
        "sampledValue": [sampled(900, context="Transaction.End")],
    }
    payload = {"transactionId": transaction, "transactionData": [end]}
    assert await result(wallbox, "StopTransaction", payload) == {}
    (ended,) = await sessions(hass, entry)
    assert ended["energy"] == 0.9
    assert state(hass, entry, "total_energy") == "0.9"


# Events


async def test_what_is_told_of_a_session(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    told = listen(hass, entry, "session", 1)
    began, ended = ago(600), ago(0)
    transaction = (
        await start(wallbox, "Family-Card-1", meter_start=0, timestamp=began)
    )["transactionId"]
    await stop(wallbox, transaction, 7400, timestamp=ended, reason="Remote")
    await settled(hass)
    (_, started), (_, over) = told
    assert started["transaction_id"] == over["transaction_id"] == transaction
    assert started["connector_id"] == over["connector_id"] == 1
    assert started["id_tag"] == over["id_tag"] == "Ann"
    assert started["start"] == over["start"] == f"{began[:19]}+00:00"
    assert (started["end"], started["energy"]) == (None, 0)
    assert over["end"] == f"{ended[:19]}+00:00"
    assert (over["energy"], over["duration"]) == (7.4, 600)
    assert over["stop_reason"] == "remote"


@pytest.mark.parametrize(
    ("tag", "charge_point", "event", "info"),
    [
        (
            "FAMILY-card-1",
            CP,
            "accepted",
            {"status": "Accepted", "parentIdTag": "FAMILY"},
        ),
        (TAG, CP, "accepted", {"status": "Accepted"}),
        ("Stolen-Card-1", CP, "blocked", {"status": "Blocked"}),
        ("Former-Card-1", CP, "expired", {"status": "Expired"}),
        (
            "Family-Card-1",
            "STRICT",
            "accepted",
            {"status": "Accepted", "parentIdTag": "FAMILY"},
        ),
        (TAG, "STRICT", "invalid", {"status": "Invalid"}),
        ("Stolen-Card-1", "STRICT", "blocked", {"status": "Blocked"}),
    ],
)
async def test_a_tag_is_swiped(  # noqa: PLR0917
    hass: HomeAssistant,
    entry: MockConfigEntry,
    tag: str,
    charge_point: str,
    event: str,
    info: dict[str, str],
) -> None:
    """Known tags as the user said, unknown ones as the charge point's policy says."""
    scanned = async_capture_events(hass, "tag_scanned")
    async with dialled_in(entry, charge_point) as client:
        await boot(client)
        await settled(hass)
        told = listen(hass, entry, "id_tag", 0, charge_point)
        answer = (await result(client, "Authorize", {"idTag": tag}))["idTagInfo"]
        if event == "expired":
            assert answer.pop("expiryDate").startswith("2020-0")
        assert answer == info
        # A start is decided upon in the same way, and has an id whatever the decision.
        started = await start(client, tag)
        started["idTagInfo"].pop("expiryDate", None)
        assert started["idTagInfo"] == info
        assert started["transactionId"] > 0
        await settled(hass)
    ((kind, attributes),) = told
    assert kind == event
    assert attributes["id_tag"] == f"…{tag[-4:]}"
    assert attributes["known"] is (tag != TAG)
    (scan,) = scanned
    assert scan.data["tag_id"].casefold() == tag.casefold()
    assert scan.data["device_id"]


async def test_a_start_without_a_swipe_tells_of_the_tag(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    """The charge point decided by itself, by its list perhaps."""
    told = listen(hass, entry, "id_tag")
    await start(wallbox, TAG)
    await settled(hass)
    assert [kind for kind, _ in told] == ["accepted"]


async def test_a_start_of_hours_ago_is_no_swipe_now(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    """Or whoever has a door opened by a tag has it opened once the line is back."""
    told = listen(hass, entry, "id_tag")
    scanned = async_capture_events(hass, "tag_scanned")
    await start(wallbox, TAG, timestamp=ago(7200))
    await settled(hass)
    assert not told
    assert not scanned
    await result(wallbox, "Authorize", {"idTag": TAG})
    await settled(hass)
    assert len(scanned) == len(told) == 1


async def test_tags_are_never_shown_in_full(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    wallbox: RawClient,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Neither those that somebody added nor others: whoever knows one can write a card."""
    caplog.set_level(logging.DEBUG)
    for tag in ("Family-Card-1", TAG):
        await result(wallbox, "Authorize", {"idTag": tag})
        transaction = (await start(wallbox, tag))["transactionId"]
        await status(wallbox, "Charging")
        await meter(wallbox, sampled(1100), transactionId=transaction)
        await wallbox.call("StartTransaction", {"idTag": tag})
        await wallbox.send_text(f'[2,"x","Authorize",{{"idTag":"{tag}"')
        await stop(wallbox, transaction, idTag=tag)
    await settled(hass)
    log = "\n".join(
        it.getMessage() + str(it.exc_text or "")
        for it in caplog.records
        # The core logs every event there is, and its tag registry is made of tags.
        if it.name.startswith("custom_components.bemcom_connectors")
    )
    states = json.dumps(
        [
            it.as_dict()
            for it in hass.states.async_all()
            # The tag registry's own.
            if not it.entity_id.startswith("tag.")
        ],
        default=str,
        ensure_ascii=False,
    )
    told = json.dumps(
        [
            connector_of(entry).diagnostics(),
            await async_get_config_entry_diagnostics(hass, entry),
        ],
        default=str,
    )
    actions = json.dumps(await sessions(hass, entry))
    objects = repr(connector_of(entry).book.finished(CP))
    for text in (log, states, told, actions, objects):
        for tag in (TAG, "Family-Card-1"):
            assert tag.lower() not in text.lower()
    assert "…6F81" in states
    assert "Ann" in actions


async def test_the_tag_of_a_session(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    await start(wallbox, "Family-Card-1")
    await settled(hass)
    assert state(hass, entry, "id_tag") == "Ann"
    await start(wallbox, TAG, timestamp=ago(-1))
    await settled(hass)
    assert state(hass, entry, "id_tag") == "…6F81"


# Energy and the list of sessions


async def test_the_total_goes_on_over_sessions(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    """Whether the meter's register goes on, or starts anew with each."""
    total = 0.0
    hours = 9
    for begin, end in ((1000, 3000), (3000, 3500), (0, 2000), (0, 1000), (1000, 1500)):
        began, ended = ago(3600 * hours), ago(3600 * hours - 1800)
        hours -= 1
        transaction = (await start(wallbox, meter_start=begin, timestamp=began))[
            "transactionId"
        ]
        await stop(wallbox, transaction, end, timestamp=ended)
        await settled(hass)
        shown = float(state(hass, entry, "total_energy") or "nan")
        assert shown == pytest.approx(total + (end - begin) / 1000), (begin, end)
        total = shown


async def test_sessions_are_asked_for_by_devices_of_home_assistant(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    """A charge point has those of all its connectors, a connector its own."""
    ids = {}
    await status(wallbox, "Available", 0)
    for connector_id in (1, 2):
        await status(wallbox, "Preparing", connector_id)
        answer = await start(wallbox, connector_id=connector_id)
        ids[connector_id] = answer["transactionId"]
        await stop(wallbox, ids[connector_id])
    await settled(hass)
    for connector_id, expected in ((0, [*ids.values()]), (1, [ids[1]]), (2, [ids[2]])):
        shown = entity_id(hass, entry, "status", connector_id)
        assert shown is not None
        entity = er.async_get(hass).async_get(shown)
        assert entity is not None
        assert entity.device_id is not None
        found = await sessions(hass, entry, entity.device_id)
        assert sorted(it["transaction_id"] for it in found) == sorted(expected)


@pytest.mark.parametrize("device", ["NOBODY", "", "x" * 500])
async def test_sessions_of_nobody_are_no_sessions(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient, device: str
) -> None:
    with pytest.raises(ServiceValidationError) as err:
        await sessions(hass, entry, device)
    assert err.value.translation_key in {"not_a_charge_point", "device_unknown"}


async def test_the_last_hundred_sessions_are_kept(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    ids = []
    for number in range(103):
        began = ago(20_000 - 100 * number)
        connector_id = 1 + number % 2
        answer = await start(
            wallbox, connector_id=connector_id, meter_start=0, timestamp=began
        )
        ids.append(answer["transactionId"])
        ended = ago(20_000 - 100 * number - 50)
        await stop(wallbox, ids[-1], 100 + number, timestamp=ended)
    await settled(hass)
    found = await sessions(hass, entry)
    assert [it["transaction_id"] for it in found] == ids[:2:-1]
    assert {it["duration"] for it in found} == {50}
    device = f"{CP}__2"
    of_second = await sessions(hass, entry, device)
    assert {it["connector_id"] for it in of_second} == {2}
    assert await sessions(hass, entry, limit=3) == found[:3]


# Entities


async def test_values_of_phases_are_disabled_by_default(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    await meter(
        wallbox,
        *(sampled(10, "Current.Import", phase=it, unit="A") for it in ("L1", "L2")),
        sampled(230, "Voltage", phase="L1-N", unit="V"),
    )
    await settled(hass)
    registry = er.async_get(hass)
    for name in ("Current.Import__L1", "Current.Import__L2", "Voltage__L1-N"):
        found = registry.async_get(entity_id(hass, entry, name) or "")
        assert found is not None
        assert found.disabled_by is er.RegistryEntryDisabler.INTEGRATION
    assert state(hass, entry, "Current.Import") == "10.0"
    assert state(hass, entry, "Voltage") == "230.0"


async def test_a_fault_of_one_connector_stays_visible(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    """Whatever the other one and the charge point itself say after it."""
    await status(
        wallbox,
        "Faulted",
        2,
        "OtherError",
        vendorErrorCode="NoPPDetected",
        info="No cable",
        vendorId="ctek",
    )
    for connector_id in (0, 1):
        await status(wallbox, "Available", connector_id)
    await settled(hass)
    assert state(hass, entry, "status", 2) == "faulted"
    assert state(hass, entry, "problem", 2, platform="binary_sensor") == "on"
    assert state(hass, entry, "error_code", 2) == "other_error"
    assert state(hass, entry, "status", 1) == "available"
    assert state(hass, entry, "problem", 1, platform="binary_sensor") == "off"
    shown = hass.states.get(entity_id(hass, entry, "status", 2) or "")
    assert shown is not None
    assert shown.attributes["vendor_error_code"] == "NoPPDetected"
    assert shown.attributes["error_info"] == "No cable"
    assert shown.attributes["vendor_id"] == "ctek"
    await status(wallbox, "Available", 2)
    await settled(hass)
    assert state(hass, entry, "problem", 2, platform="binary_sensor") == "off"
    shown = hass.states.get(entity_id(hass, entry, "status", 2) or "")
    assert shown is not None
    assert not shown.attributes.get("vendor_error_code")


async def test_an_error_without_a_fault_is_a_problem(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    await status(wallbox, "Charging", 1, "WeakSignal")
    await settled(hass)
    assert state(hass, entry, "status") == "charging"
    assert state(hass, entry, "problem", platform="binary_sensor") == "on"


async def test_a_fault_says_nothing_about_the_cable(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    await status(wallbox, "Charging")
    await status(wallbox, "Faulted", 1, "GroundFailure")
    await settled(hass)
    assert state(hass, entry, "plugged_in", platform="binary_sensor") == "on"
    assert state(hass, entry, "charging", platform="binary_sensor") == "off"


async def test_connectors_appear_as_they_report(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    """With whatever message, each as a device under that of the charge point."""
    assert state(hass, entry, "status", 2) is None
    await status(wallbox, "Charging", 2)
    await start(wallbox, connector_id=3)
    await meter(wallbox, sampled(5, "Current.Import"), connector_id=4)
    # 33 connectors has nobody.
    await status(wallbox, "Available", 33)
    await settled(hass)
    assert state(hass, entry, "status", 2) == "charging"
    assert state(hass, entry, "session_energy", 3) == "0.0"
    assert state(hass, entry, "Current.Import", 4) == "5.0"
    assert state(hass, entry, "status", 33) is None

    registry = dr.async_get(hass)
    hub = registry.async_get_device_by_identifier(
        (DOMAIN, entry.entry_id), entry.entry_id
    )
    device = registry.async_get_device_by_identifier(
        (DOMAIN, f"{entry.entry_id}_{CP}__0"), entry.entry_id
    )
    assert hub is not None
    assert device is not None
    assert device.via_device_id == hub.id
    for connector_id in (1, 2, 3, 4):
        part = registry.async_get_child_device_by_identifier(
            (DOMAIN, f"{entry.entry_id}_{CP}__{connector_id}"), entry.entry_id
        )
        assert part is not None
        assert part.parent_device_id == device.id
        assert part.config_subentry_id == device.config_subentry_id


async def test_offline_entities_are_unavailable_but_one(
    hass: HomeAssistant, entry: MockConfigEntry, wallbox: RawClient
) -> None:
    """Whether it is connected is known when it is not."""
    await status(wallbox, "Available", 0)
    await start(wallbox)
    await settled(hass)
    assert state(hass, entry, "connected", 0, platform="binary_sensor") == "on"
    wallbox.drop()
    async with asyncio.timeout(10):
        while charge_point_of(entry).online:
            await asyncio.sleep(0.01)
    await settled(hass)
    assert state(hass, entry, "connected", 0, platform="binary_sensor") == "off"
    registry = er.async_get(hass)
    prefixes = (f"{entry.entry_id}_datapoint_{CP}__", f"{entry.entry_id}_ocpp_{CP}__")
    seen = 0
    for it in er.async_entries_for_config_entry(registry, entry.entry_id):
        if it.unique_id.startswith(prefixes) and not it.disabled:
            if it.unique_id.endswith("__connected"):
                continue
            shown = hass.states.get(it.entity_id)
            assert shown is not None
            assert shown.state == STATE_UNAVAILABLE, it.entity_id
            seen += 1
    assert seen > 10
    async with dialled_in(entry):
        await settled(hass)
        # As they were: nothing was said meanwhile.
        assert state(hass, entry, "status") == "available"
        assert state(hass, entry, "session_energy") == "0.0"
