"""What charge points send by OCPP 1.6, message by message, and what they are answered.

Every answer is held against the official schemas; every message with its edges.
"""

from collections.abc import AsyncGenerator
import itertools
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)

from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from tests.ocpp.client import RawClient
from tests.ocpp.official import check_answer, is_request, validator
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
    id_tag_data,
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

TAG = "CAFE0001"
TAGS = (
    id_tag_data(TAG),
    id_tag_data("B10CCED1", status="blocked"),
    id_tag_data("E8P18ED1", expiry="2020-01-01"),
    id_tag_data("CHILD001", parent="FAMILY"),
    id_tag_data("T" * 20),
)
OUTCOMES = {
    TAG: "Accepted",
    TAG.lower(): "Accepted",
    "T" * 20: "Accepted",
    "B10CCED1": "Blocked",
    "b10cced1": "Blocked",
    "E8P18ED1": "Expired",
    "UNKNOWN1": "Invalid",
}


@pytest.fixture
async def hub(hass: HomeAssistant) -> MockConfigEntry:
    """Return a hub that runs, with one charge point that takes known tags only."""
    entry = ocpp_entry(charge_point_data(unknown_tags="refuse"), *TAGS)
    await set_up(hass, entry)
    return entry


@pytest.fixture
async def wallbox(hub: MockConfigEntry) -> AsyncGenerator[RawClient]:
    """Return the charge point, connected and booted."""
    async with dialled_in(hub) as client:
        await boot(client)
        yield client


async def answered(wallbox: RawClient, action: str, payload: Any) -> Any:
    """Call; return the answer, which is a valid one."""
    answer = await result(wallbox, action, payload)
    check_answer(action, answer)
    return answer


# Every message, as small and as large as it may be

SAMPLE = {
    "value": "123.4",
    "context": "Sample.Clock",
    "format": "Raw",
    "measurand": "Power.Active.Import",
    "phase": "L1-N",
    "location": "Cable",
    "unit": "kW",
}
READING = {"timestamp": "2026-03-10T12:00:00.123+01:00", "sampledValue": [SAMPLE]}

VALID: dict[str, list[dict[str, Any]]] = {
    "Authorize": [{"idTag": "T"}, {"idTag": "T" * 20}, {"idTag": ""}],
    "BootNotification": [
        BOOT,
        {"chargePointVendor": "", "chargePointModel": ""},
        BOOT
        | {
            "chargePointSerialNumber": "s" * 25,
            "chargeBoxSerialNumber": "b" * 25,
            "firmwareVersion": "f" * 50,
            "iccid": "8" * 20,
            "imsi": "9" * 20,
            "meterType": "t" * 25,
            "meterSerialNumber": "m" * 25,
        },
    ],
    "DataTransfer": [
        {"vendorId": "Acme"},
        {"vendorId": "v" * 255, "messageId": "m" * 50, "data": "d" * 10_000},
    ],
    "DiagnosticsStatusNotification": [
        {"status": it} for it in ("Idle", "Uploaded", "UploadFailed", "Uploading")
    ],
    "FirmwareStatusNotification": [
        {"status": it}
        for it in (
            "Downloaded",
            "DownloadFailed",
            "Downloading",
            "Idle",
            "InstallationFailed",
            "Installing",
            "Installed",
        )
    ],
    "Heartbeat": [{}],
    "LogStatusNotification": [
        {"status": it, "requestId": 1}
        for it in (
            "BadMessage",
            "Idle",
            "NotSupportedOperation",
            "PermissionDenied",
            "Uploaded",
            "UploadFailure",
            "Uploading",
        )
    ]
    + [{"status": "Idle"}],
    "MeterValues": [
        {"connectorId": 0, "meterValue": [READING]},
        {"connectorId": 1, "meterValue": [READING], "transactionId": -1},
        {"connectorId": 2, "meterValue": [READING] * 50},
    ],
    "SecurityEventNotification": [
        {"type": "FirmwareUpdated", "timestamp": "2026-03-10T12:00:00Z"},
        {"type": "t" * 50, "timestamp": "2026-03-10T12:00:00Z", "techInfo": "i" * 255},
    ],
    "SignCertificate": [{"csr": "c"}, {"csr": "c" * 5500}],
    "SignedFirmwareStatusNotification": [
        {"status": it, "requestId": 2**31 - 1}
        for it in (
            "Downloaded",
            "DownloadFailed",
            "Downloading",
            "DownloadScheduled",
            "DownloadPaused",
            "Idle",
            "InstallationFailed",
            "Installing",
            "Installed",
            "InstallRebooting",
            "InstallScheduled",
            "InstallVerificationFailed",
            "InvalidSignature",
            "SignatureVerified",
        )
    ],
    "StartTransaction": [
        {
            "connectorId": 1,
            "idTag": it,
            "meterStart": 0,
            "timestamp": "2026-03-10T12:00Z",
        }
        for it in ("", "T" * 20)
    ]
    + [
        {
            "connectorId": 2,
            "idTag": "T",
            "meterStart": 2**31 - 1,
            "reservationId": 1,
            "timestamp": "1970-01-01T00:00:00.000Z",
        }
    ],
    "StatusNotification": [
        {"connectorId": 0, "errorCode": "NoError", "status": "Available"},
        {
            "connectorId": 1,
            "errorCode": "OtherError",
            "status": "Faulted",
            "info": "i" * 50,
            "timestamp": "2026-03-10T12:00:00Z",
            "vendorId": "v" * 255,
            "vendorErrorCode": "e" * 50,
        },
    ],
    "StopTransaction": [
        {"transactionId": 0, "meterStop": 0, "timestamp": "2026-03-10T12:00:00Z"},
        {
            "transactionId": 1,
            "meterStop": 2**31 - 1,
            "timestamp": "2026-03-10T12:00:00Z",
            "idTag": "T" * 20,
            "reason": "SoftReset",
            "transactionData": [READING],
        },
    ],
}


@pytest.mark.parametrize("action", VALID)
async def test_whatever_is_valid_is_answered(
    hass: HomeAssistant, wallbox: RawClient, action: str
) -> None:
    """With what is valid, and never an error."""
    for payload in VALID[action]:
        assert is_request(action, payload)
        await answered(wallbox, action, payload)
    await settled(hass)


@pytest.mark.parametrize(
    "action", [it for it in VALID if "status" in validator(it).schema["properties"]]
)
async def test_every_status_there_is_counts(wallbox: RawClient, action: str) -> None:
    """Those of the official schema, so that none is missing in ours."""
    schema = validator(action).schema
    field = schema["properties"]["status"]
    if "$ref" in field:
        field = schema["definitions"][field["$ref"].rpartition("/")[2]]
    words = field["enum"]
    assert len(words) > 3
    for word in words:
        payload = VALID[action][0] | {"status": word}
        await answered(wallbox, action, payload)


@pytest.mark.parametrize(
    ("action", "field"),
    [
        (action, field)
        for action in VALID
        if action not in {"MeterValues", "StopTransaction"}
        for field in validator(action).schema.get("required", ())
    ],
)
async def test_every_required_field_is_required(
    wallbox: RawClient, action: str, field: str
) -> None:
    payload = {key: it for key, it in VALID[action][0].items() if key != field}
    kind, code, *_ = await wallbox.call(action, payload)
    assert (kind, code) == (4, "OccurenceConstraintViolation")


# Authorize


@pytest.mark.parametrize(("tag", "outcome"), OUTCOMES.items())
async def test_authorize(wallbox: RawClient, tag: str, outcome: str) -> None:
    answer = await answered(wallbox, "Authorize", {"idTag": tag})
    assert answer["idTagInfo"]["status"] == outcome


async def test_authorize_tells_of_expiry_and_parent(wallbox: RawClient) -> None:
    answer = await answered(wallbox, "Authorize", {"idTag": "E8P18ED1"})
    expiry = dt_util.parse_datetime(answer["idTagInfo"]["expiryDate"])
    assert expiry is not None
    assert expiry < dt_util.utcnow()
    answer = await answered(wallbox, "Authorize", {"idTag": "child001"})
    assert answer["idTagInfo"] == {"status": "Accepted", "parentIdTag": "FAMILY"}


async def test_authorize_takes_any_tag_where_the_user_says_so(
    hass: HomeAssistant,
) -> None:
    entry = ocpp_entry(charge_point_data(unknown_tags="accept"), *TAGS)
    await set_up(hass, entry)
    async with dialled_in(entry) as client:
        answer = await answered(client, "Authorize", {"idTag": "UNKNOWN1"})
        assert answer["idTagInfo"]["status"] == "Accepted"
        answer = await answered(client, "Authorize", {"idTag": "B10CCED1"})
        assert answer["idTagInfo"]["status"] == "Blocked"


async def test_authorize_says_nothing_of_other_transactions(
    hub: MockConfigEntry, wallbox: RawClient
) -> None:
    """ConcurrentTx belongs to StartTransaction only."""
    await start(wallbox, TAG)
    answer = await answered(wallbox, "Authorize", {"idTag": TAG})
    assert answer["idTagInfo"]["status"] == "Accepted"


# BootNotification


@pytest.mark.parametrize("interval", [0, 60, 86_400])
async def test_boot_is_accepted(hass: HomeAssistant, interval: int) -> None:
    entry = ocpp_entry(charge_point_data(heartbeat_interval=interval))
    await set_up(hass, entry)
    async with dialled_in(entry) as client:
        before = dt_util.utcnow().replace(microsecond=0)
        answer = await answered(client, "BootNotification", BOOT)
        assert answer["status"] == "Accepted"
        assert type(answer["interval"]) is int
        assert answer["interval"] == (interval or 300)
        assert answer["currentTime"].endswith("Z")
        current = dt_util.parse_datetime(answer["currentTime"])
        assert current is not None
        assert before <= current <= dt_util.utcnow()


async def test_boot_pending_allows_nothing_but_boot(hub: MockConfigEntry) -> None:
    async with dialled_in(hub, "CP2") as client:
        for _ in range(3):
            answer = await answered(client, "BootNotification", BOOT)
            assert answer["status"] == "Pending"
            kind, code, *_ = await client.call("Authorize", {"idTag": TAG})
            assert (kind, code) == (4, "SecurityError")
        assert not client.socket.closed
        # No RemoteStart and the like.
        assert {action for action, _ in client.received} <= {"TriggerMessage"}


@pytest.mark.parametrize("reason", ["PowerLoss", "Reboot", "HardReset", "SoftReset"])
async def test_boot_leaves_transactions_to_be_closed_later(
    hass: HomeAssistant, hub: MockConfigEntry, reason: str
) -> None:
    async with dialled_in(hub) as client:
        await boot(client)
        transaction = (await start(client, TAG))["transactionId"]
    async with dialled_in(hub) as client:
        await boot(client)
        await settled(hass)
        assert state(hass, hub, "session_energy") == "0.0"
        await answered(
            client,
            "StopTransaction",
            {
                "transactionId": transaction,
                "meterStop": 1500,
                "timestamp": ago(),
                "reason": reason,
            },
        )
    (session,) = connector_of(hub).sessions_of(CP)
    assert session["transaction_id"] == transaction
    assert session["energy"] == 0.5


@pytest.mark.parametrize(
    "payload",
    [
        BOOT | {"chargePointSerialNumber": "S" * 40, "iccid": None, "imsi": ""},
        BOOT | {"firmwareVersion": 1.5, "vendorOnly": {"a": [1, 2]}},
        {"chargePointVendor": "", "chargePointModel": "M" * 60},
        {"chargePointVendor": 7, "chargePointModel": "\x00"},
    ],
)
async def test_boot_that_is_odd_is_accepted(wallbox: RawClient, payload: Any) -> None:
    """Else the charge point boots again and again."""
    answer = await answered(wallbox, "BootNotification", payload)
    assert answer["status"] == "Accepted"


# DataTransfer


@pytest.mark.parametrize(
    "payload",
    [
        {"vendorId": "Acme"},
        {"vendorId": "Acme", "messageId": "setMeter", "data": "x" * 500_000},
        {"vendorId": "Acme", "data": {"an": ["object"]}},
        {"vendorId": "Acme", "messageId": None, "data": ""},
    ],
)
async def test_data_transfer_knows_no_vendor(wallbox: RawClient, payload: Any) -> None:
    answer = await answered(wallbox, "DataTransfer", payload)
    assert answer == {"status": "UnknownVendorId"}


# Heartbeat


async def test_heartbeat_tells_the_time(wallbox: RawClient) -> None:
    before = dt_util.utcnow().replace(microsecond=0)
    answer = await answered(wallbox, "Heartbeat", {})
    current = dt_util.parse_datetime(answer["currentTime"])
    assert current is not None
    assert before <= current <= dt_util.utcnow()
    await answered(wallbox, "Heartbeat", {"extra": 1})


async def test_heartbeats_may_be_left_out(
    hass: HomeAssistant, hub: MockConfigEntry, wallbox: RawClient
) -> None:
    """Any message is a sign of life."""
    charge_point = charge_point_of(hub)
    charge_point.last_seen = None
    await meter(wallbox, sampled(1))
    assert charge_point.last_seen is not None


# MeterValues


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        "nonsense",
        {},
        {"connectorId": None, "meterValue": None},
        {"connectorId": "x", "transactionId": {}, "meterValue": "x"},
        {"connectorId": -1, "meterValue": []},
        {"connectorId": 10**12, "meterValue": [READING]},
        {"connectorId": 10**40, "meterValue": [READING]},
        {"connectorId": 1, "meterValue": {"timestamp": "x"}},
        {"connectorId": 1, "meterValue": [None, 1, "x", [], {}]},
        {"connectorId": 1, "meterValue": [{"timestamp": "x", "sampledValue": {}}]},
        {
            "connectorId": 1,
            "meterValue": [
                {
                    "timestamp": "9999-12-31T23:59:59-14:00",
                    "sampledValue": [
                        {"value": value}
                        for value in ("n/a", "", None, "1e999", "NaN", "DEADBEEF")
                    ],
                }
            ],
        },
    ],
)
async def test_meter_values_are_always_confirmed(
    hass: HomeAssistant, hub: MockConfigEntry, wallbox: RawClient, payload: Any
) -> None:
    """Else they are sent again for ever."""
    assert await answered(wallbox, "MeterValues", payload) == {}
    await settled(hass)
    assert not connector_of(hub).sessions_of(CP)


async def test_meter_values_without_a_transaction_are_of_the_running_one(
    hass: HomeAssistant, hub: MockConfigEntry, wallbox: RawClient
) -> None:
    await start(wallbox, TAG, meter_start=1000)
    await meter(wallbox, sampled(1250))
    await settled(hass)
    assert state(hass, hub, "session_energy") == "0.25"
    await meter(wallbox, sampled(9000), timestamp=ago(86_400))
    await settled(hass)
    assert state(hass, hub, "session_energy") == "0.25"


@pytest.mark.parametrize("transaction_id", [-1, 0])
async def test_meter_values_of_a_start_that_was_never_confirmed(
    hass: HomeAssistant, hub: MockConfigEntry, wallbox: RawClient, transaction_id: int
) -> None:
    await status(wallbox, "Charging")
    await meter(wallbox, sampled(1250), transactionId=transaction_id)
    await settled(hass)
    assert state(hass, hub, "session_energy") in {None, "unknown"}
    assert hub.runtime_data.connector.book.open_of(CP, 1) is None


async def test_meter_values_of_an_unknown_transaction_while_nobody_charges(
    hass: HomeAssistant, hub: MockConfigEntry, wallbox: RawClient
) -> None:
    await status(wallbox, "Available")
    for _ in range(5):
        await meter(wallbox, sampled(1250), transactionId=4711)
    await settled(hass)
    assert connector_of(hub).book.open_of(CP, 1) is None
    assert state(hass, hub, "session_energy") in {None, "unknown"}


async def test_meter_values_of_the_main_meter(
    hass: HomeAssistant, hub: MockConfigEntry, wallbox: RawClient
) -> None:
    power = sampled(5, "Power.Active.Import", unit="kW")
    await meter(wallbox, power, connector_id=0)
    await settled(hass)
    assert state(hass, hub, "Power.Active.Import", 0) == "5000.0"
    assert 1 not in charge_point_of(hub).connectors


@pytest.mark.parametrize(
    ("samples", "name", "expected"),
    [
        pytest.param(
            [sampled(1500)], "Energy.Active.Import.Register", "1.5", id="defaults"
        ),
        pytest.param(
            [sampled("1.5", "Energy.Active.Import.Register", unit="kWh")],
            "Energy.Active.Import.Register",
            "1.5",
            id="kWh",
        ),
        pytest.param(
            [sampled(21, "Temperature", unit="Celsius")], "Temperature", "21.0"
        ),
        pytest.param(
            [sampled(21, "Temperature", unit="Celcius")], "Temperature", "21.0"
        ),
        pytest.param([sampled(21, "Temperature")], "Temperature", "21.0"),
        pytest.param([sampled(55, "SoC")], "SoC", "55.0"),
        pytest.param([sampled("50.01", "Frequency")], "Frequency", "50.01"),
        pytest.param(
            [sampled("1,5", "Current.Import", unit="A")], "Current.Import", "1.5"
        ),
        pytest.param(
            [sampled("1.6E1", "Current.Import", unit="A")], "Current.Import", "16.0"
        ),
        pytest.param(
            [
                sampled(value, "Power.Active.Import", unit="W", phase=phase)
                for phase, value in (("L1", 10), ("L2", 20), ("L3", 30))
            ],
            "Power.Active.Import",
            "60.0",
            id="sum of phases",
        ),
        pytest.param(
            [sampled(59, "Power.Active.Import", unit="W")]
            + [
                sampled(20, "Power.Active.Import", unit="W", phase=phase)
                for phase in ("L1", "L2", "L3")
            ],
            "Power.Active.Import",
            "59.0",
            id="total beside phases",
        ),
        pytest.param(
            [
                sampled(5, "Current.Import", unit="A"),
                sampled("DEADBEEF", "Current.Import", format="SignedData"),
                sampled("n/a", "Current.Import", unit="A"),
            ],
            "Current.Import",
            "5.0",
            id="what is no number",
        ),
    ],
)
async def test_meter_values_are_read(
    hub: MockConfigEntry,
    wallbox: RawClient,
    samples: list[dict[str, Any]],
    name: str,
    expected: str,
) -> None:
    await meter(wallbox, *samples)
    assert value(hub, name) == pytest.approx(float(expected))


async def test_meter_values_of_one_message_count_by_their_time(
    hass: HomeAssistant, hub: MockConfigEntry, wallbox: RawClient
) -> None:
    readings = [
        {
            "timestamp": timestamp,
            "sampledValue": [sampled(value, "Power.Active.Import", unit="W")],
        }
        for timestamp, value in ((ago(20), 20), (ago(1), 1), (ago(300), 300))
    ]
    payload = {"connectorId": 1, "meterValue": readings}
    assert await answered(wallbox, "MeterValues", payload) == {}
    await settled(hass)
    assert state(hass, hub, "Power.Active.Import") == "1.0"
    # An older message says nothing new.
    power = sampled(40, "Power.Active.Import", unit="W")
    await meter(wallbox, power, timestamp=ago(40))
    await settled(hass)
    assert state(hass, hub, "Power.Active.Import") == "1.0"


@pytest.mark.parametrize("zone", ["+14:00", "-11:30", "Z", ""])
async def test_meter_values_with_other_zones(
    hass: HomeAssistant, hub: MockConfigEntry, wallbox: RawClient, zone: str
) -> None:
    now = dt_util.utcnow()
    local = now
    if zone and zone != "Z":
        parsed = dt_util.parse_datetime(f"2026-01-01T00:00:00{zone}")
        assert parsed is not None
        local = now.astimezone(parsed.tzinfo)
    power = sampled(70, "Power.Active.Import", unit="W")
    await meter(wallbox, power, timestamp=ago(5))
    power = sampled(71, "Power.Active.Import", unit="W")
    await meter(wallbox, power, timestamp=f"{local:%Y-%m-%dT%H:%M:%S.%f}{zone}")
    await settled(hass)
    assert state(hass, hub, "Power.Active.Import") == "71.0"


# StartTransaction


@pytest.mark.parametrize(("tag", "outcome"), OUTCOMES.items())
async def test_start_checks_the_tag_again_and_gives_an_id_always(
    wallbox: RawClient, tag: str, outcome: str
) -> None:
    payload = {"connectorId": 1, "idTag": tag, "meterStart": 0, "timestamp": ago()}
    answer = await answered(wallbox, "StartTransaction", payload)
    assert answer["idTagInfo"]["status"] == outcome
    assert 0 < answer["transactionId"] < 2**31


async def test_start_gives_ids_of_its_own_to_all(hass: HomeAssistant) -> None:
    entry = ocpp_entry(charge_point_data(), charge_point_data("CP2"))
    await set_up(hass, entry)
    ids = []
    async with dialled_in(entry) as one, dialled_in(entry, "CP2") as other:
        for seconds, client, connector_id in itertools.product(
            (9, 6, 3), (one, other), (1, 2)
        ):
            answer = await start(client, "T", connector_id, timestamp=ago(seconds))
            ids.append(answer["transactionId"])
    assert await hass.config_entries.async_reload(entry.entry_id)
    async with dialled_in(entry) as client:
        ids.append((await start(client, "T"))["transactionId"])
    assert len(set(ids)) == len(ids) == 13


@pytest.mark.parametrize("tag", [TAG, "UNKNOWN1"])
async def test_start_again_is_the_same_start(
    hass: HomeAssistant, hub: MockConfigEntry, wallbox: RawClient, tag: str
) -> None:
    payload = {"connectorId": 1, "idTag": tag, "meterStart": 5, "timestamp": ago(9)}
    first = await answered(wallbox, "StartTransaction", payload)
    again = await answered(wallbox, "StartTransaction", payload)
    assert again == first
    async with dialled_in(hub) as client:  # or after it lost the connection
        assert await answered(client, "StartTransaction", payload) == first
        await stop(client, first["transactionId"], 10)
        assert await answered(client, "StartTransaction", payload) == first
    assert len(connector_of(hub).sessions_of(CP)) == 1
    assert connector_of(hub).book.open_of(CP, 1) is None


async def test_start_of_long_ago_is_a_start(
    hass: HomeAssistant, hub: MockConfigEntry, wallbox: RawClient
) -> None:
    answer = await start(wallbox, TAG, timestamp=ago(86_400))
    assert answer["idTagInfo"]["status"] == "Accepted"
    await stop(wallbox, answer["transactionId"], timestamp=ago(82_800))
    (session,) = connector_of(hub).sessions_of(CP)
    assert session["duration"] == 3600
    # Nothing is asked of it for such a start.
    assert "SetChargingProfile" not in {action for action, _ in wallbox.received}


async def test_start_on_connectors_that_there_cannot_be(
    hub: MockConfigEntry, wallbox: RawClient
) -> None:
    """Each gets its id, and yet there is an end of what is kept of them."""
    first = (await start(wallbox, TAG))["transactionId"]
    ids = {
        (await start(wallbox, TAG, number, meter_start=number))["transactionId"]
        for number in range(1000, 1300)
    }
    assert len(ids) == 300
    kept = connector_of(hub).book.to_dict()["transactions"]
    assert len(kept) < 150
    running = connector_of(hub).book.open_of(CP, 1)
    assert running is not None
    assert running.id == first


async def test_start_closes_what_was_lost(
    hass: HomeAssistant, hub: MockConfigEntry, wallbox: RawClient
) -> None:
    first = await start(wallbox, TAG, meter_start=1000, timestamp=ago(60))
    second = await start(wallbox, "CHILD001", meter_start=1500, reservationId=3)
    assert second["transactionId"] != first["transactionId"]
    (session,) = connector_of(hub).sessions_of(CP)
    assert session["transaction_id"] == first["transactionId"]
    running = connector_of(hub).book.open_of(CP, 1)
    assert running is not None
    assert running.id == second["transactionId"]


# StatusNotification


async def test_status_of_the_charge_point_is_its_own(
    hass: HomeAssistant, hub: MockConfigEntry, wallbox: RawClient
) -> None:
    await status(wallbox, "Charging")
    await status(wallbox, "Faulted", 0, "InternalError")
    await settled(hass)
    assert state(hass, hub, "status", 0) == "faulted"
    assert state(hass, hub, "problem", 0, platform=Platform.BINARY_SENSOR) == "on"
    assert state(hass, hub, "status") == "charging"
    assert state(hass, hub, "problem", platform=Platform.BINARY_SENSOR) == "off"


async def test_status_of_a_connector_that_was_not_heard_of(
    hass: HomeAssistant, hub: MockConfigEntry, wallbox: RawClient
) -> None:
    assert entity_id(hass, hub, "status", 7) is None
    await status(wallbox, "Available", 7)
    await settled(hass)
    assert state(hass, hub, "status", 7) == "available"


@pytest.mark.parametrize("connector_id", [-1, 33, 10**9])
async def test_status_of_no_connector_is_confirmed(
    hass: HomeAssistant, hub: MockConfigEntry, wallbox: RawClient, connector_id: int
) -> None:
    await status(wallbox, "Available", connector_id)
    await settled(hass)
    assert connector_id not in charge_point_of(hub).connectors


async def test_status_is_the_one_of_the_latest_time(
    hass: HomeAssistant, hub: MockConfigEntry, wallbox: RawClient
) -> None:
    await status(wallbox, "Available", timestamp=ago(10))
    await status(wallbox, "Charging", timestamp=ago(20))
    await settled(hass)
    assert state(hass, hub, "status") == "available"
    await status(wallbox, "Preparing")  # of now
    await settled(hass)
    assert state(hass, hub, "status") == "preparing"


async def test_status_is_not_changed_by_late_transactions(
    hass: HomeAssistant, hub: MockConfigEntry, wallbox: RawClient
) -> None:
    for word, seconds in (("Charging", 60), ("Finishing", 30), ("Available", 20)):
        await status(wallbox, word, timestamp=ago(seconds))
    answer = await start(wallbox, TAG, timestamp=ago(60))
    await stop(wallbox, answer["transactionId"], timestamp=ago(30))
    await settled(hass)
    assert state(hass, hub, "status") == "available"
    assert state(hass, hub, "charging", platform=Platform.BINARY_SENSOR) == "off"
    assert state(hass, hub, "session_energy") in {None, "unknown"}


async def test_status_with_a_warning(
    hass: HomeAssistant, hub: MockConfigEntry, wallbox: RawClient
) -> None:
    await status(wallbox, "Charging", error_code="WeakSignal", info="-95 dBm")
    await settled(hass)
    assert state(hass, hub, "status") == "charging"
    assert state(hass, hub, "problem", platform=Platform.BINARY_SENSOR) == "on"
    assert value(hub, "error_code") == "weak_signal"
    assert value(hub, "error_info") == "-95 dBm"
    await status(wallbox, "Charging")
    await settled(hass)
    assert state(hass, hub, "problem", platform=Platform.BINARY_SENSOR) == "off"


# StopTransaction


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        {},
        {"transactionId": -1, "meterStop": 0, "timestamp": "x"},
        {"transactionId": 0, "meterStop": None},
        {"transactionId": 4711, "meterStop": 10**40, "timestamp": 5},
        {"transactionId": "x", "meterStop": "y", "reason": "Bored"},
        {"transactionId": 4711, "transactionData": {}, "idTag": None},
        {"transactionId": 4711, "transactionData": [1, None, {}], "reason": ""},
    ],
)
async def test_stop_is_always_confirmed(
    hass: HomeAssistant, hub: MockConfigEntry, wallbox: RawClient, payload: Any
) -> None:
    """And whatever it is of, it is not of the transaction that runs."""
    running = (await start(wallbox, TAG))["transactionId"]
    assert await answered(wallbox, "StopTransaction", payload) == {}
    assert not connector_of(hub).sessions_of(CP)
    found = connector_of(hub).book.open_of(CP, 1)
    assert found is not None
    assert found.id == running


@pytest.mark.parametrize(("tag", "outcome"), OUTCOMES.items())
async def test_stop_checks_a_tag_and_stops_all_the_same(
    hub: MockConfigEntry, wallbox: RawClient, tag: str, outcome: str
) -> None:
    running = (await start(wallbox, TAG))["transactionId"]
    answer = await stop(wallbox, running, idTag=tag)
    check_answer("StopTransaction", answer)
    assert answer["idTagInfo"]["status"] == outcome
    assert len(connector_of(hub).sessions_of(CP)) == 1


async def test_stop_again_is_the_same_stop(
    hub: MockConfigEntry, wallbox: RawClient
) -> None:
    running = (await start(wallbox, TAG, meter_start=0))["transactionId"]
    assert await stop(wallbox, running, 1000) == {}
    (session,) = connector_of(hub).sessions_of(CP)
    assert await stop(wallbox, running, 5000, reason="Remote") == {}
    assert connector_of(hub).sessions_of(CP) == [session]


@pytest.mark.parametrize("meter_stop", [999, 0, -5])
async def test_stop_below_the_start_is_no_energy(
    hass: HomeAssistant, hub: MockConfigEntry, wallbox: RawClient, meter_stop: int
) -> None:
    running = (await start(wallbox, TAG, meter_start=1000))["transactionId"]
    assert await stop(wallbox, running, meter_stop) == {}
    (session,) = connector_of(hub).sessions_of(CP)
    assert session["energy"] == 0


@pytest.mark.parametrize(
    ("reason", "shown"),
    [({}, "local"), ({"reason": "EVDisconnected"}, "ev_disconnected")],
)
async def test_stop_reason(
    hass: HomeAssistant,
    hub: MockConfigEntry,
    wallbox: RawClient,
    reason: dict[str, Any],
    shown: str,
) -> None:
    running = (await start(wallbox, TAG))["transactionId"]
    await stop(wallbox, running, **reason)
    await settled(hass)
    assert state(hass, hub, "stop_reason") == shown


async def test_stop_with_the_values_of_the_transaction(
    hub: MockConfigEntry, wallbox: RawClient
) -> None:
    answer = await start(wallbox, TAG, meter_start=0, timestamp=ago(3600))
    data = [
        {
            "timestamp": ago(3600),
            "sampledValue": [sampled(0, context="Transaction.Begin")],
        },
        {
            "timestamp": ago(),
            "sampledValue": [sampled(7000, context="Transaction.End")],
        },
    ]
    await answered(
        wallbox,
        "StopTransaction",
        {
            "transactionId": answer["transactionId"],
            "meterStop": 7000,
            "timestamp": ago(),
            "transactionData": data,
        },
    )
    (session,) = connector_of(hub).sessions_of(CP)
    assert session["energy"] == 7


async def test_stop_is_not_undone_by_values_that_follow(
    hass: HomeAssistant, hub: MockConfigEntry, wallbox: RawClient
) -> None:
    running = (await start(wallbox, TAG, meter_start=0))["transactionId"]
    await status(wallbox, "Charging")
    await stop(wallbox, running, 1000)
    await status(wallbox, "Finishing")
    power = sampled(7000, "Power.Active.Import", unit="W")
    for _ in range(5):
        await meter(wallbox, sampled(1200), power, transactionId=running)
    await settled(hass)
    assert connector_of(hub).book.open_of(CP, 1) is None
    assert len(connector_of(hub).sessions_of(CP)) == 1
    assert state(hass, hub, "Power.Active.Import") in {None, "unknown", "0.0"}


# FirmwareManagement


async def test_firmware_and_diagnostics_statuses_are_shown(
    hass: HomeAssistant, hub: MockConfigEntry, wallbox: RawClient
) -> None:
    """However they are mixed with others, over a restart of the charge point."""
    for word in ("Downloading", "Downloaded", "Installing"):
        await answered(wallbox, "FirmwareStatusNotification", {"status": word})
        await status(wallbox, "Unavailable", 0)
    assert value(hub, "firmware_status", 0) == "installing"
    async with dialled_in(hub) as client:
        await boot(client, firmwareVersion="2.0")
        await answered(client, "FirmwareStatusNotification", {"status": "Installed"})
        await answered(client, "DiagnosticsStatusNotification", {"status": "Uploading"})
    assert value(hub, "firmware_status", 0) == "installed"
    assert value(hub, "diagnostics_status", 0) == "uploading"
    assert charge_point_of(hub).identity.firmware_version == "2.0"


# Security


@pytest.mark.parametrize(
    ("said", "event_type"),
    [
        ("FirmwareUpdated", "firmware_updated"),
        ("TamperDetectionActivated", "tamper_detection_activated"),
        ("InvalidTLSVersion", "invalid_tls_version"),
        ("InvalidTLSCipherSuite", "invalid_tls_cipher_suite"),
        ("NeverHeardOf", "other"),
        ("", "other"),
    ],
)
async def test_security_events_are_events(
    hass: HomeAssistant,
    hub: MockConfigEntry,
    wallbox: RawClient,
    said: str,
    event_type: str,
) -> None:
    changes = async_capture_events(hass, "state_changed")
    payload = {"type": said, "timestamp": ago(), "techInfo": "door"}
    assert await answered(wallbox, "SecurityEventNotification", payload) == {}
    await settled(hass)
    told = [
        it.data["new_state"].attributes
        for it in changes
        if it.data["entity_id"].startswith("event.") and it.data["new_state"]
    ]
    assert [it["event_type"] for it in told] == [event_type]
    assert told[0]["event"] == said
    assert told[0]["info"] == "door"


async def test_no_certificate_is_signed(wallbox: RawClient) -> None:
    """There is no authority for that here."""
    answer = await answered(wallbox, "SignCertificate", {"csr": "-----BEGIN"})
    assert answer == {"status": "Rejected"}
    assert not wallbox.received


async def test_log_and_signed_firmware_statuses_are_shown(
    hub: MockConfigEntry, wallbox: RawClient
) -> None:
    log = {"status": "PermissionDenied"}
    assert await answered(wallbox, "LogStatusNotification", log) == {}
    firmware = {"status": "InvalidSignature"}
    assert await answered(wallbox, "SignedFirmwareStatusNotification", firmware) == {}
    assert value(hub, "diagnostics_status", 0) == "permission_denied"
    assert value(hub, "firmware_status", 0) == "invalid_signature"
