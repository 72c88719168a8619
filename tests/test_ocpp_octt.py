"""The test cases of the OCPP Compliance Testing Tool for central systems, as charge points.

Named by their numbers; told by a charge point of the `ocpp` package, which validates all that
it hears. Where the central system asks something first, it is asked for in here.
"""

import asyncio
import base64
from collections.abc import Mapping
import ssl
from typing import Any

from ocpp import messages
from ocpp.v16 import call, call_result
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import trustme
from websockets.exceptions import InvalidStatus

from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
from tests.ocpp_hub import (
    CP,
    ago,
    charge_point_data,
    charge_point_of,
    connector_of,
    id_tag_data,
    ocpp_entry,
    set_up,
    settled,
    state,
    value,
)
from tests.ocpp_tls import SUITES, hub_certificates, trusting
from tests.stock_charge_point import StockWallbox, stock_wallbox

TAG = "CAFE0001"
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"

pytestmark = pytest.mark.usefixtures("loopback", "hass_storage")


@pytest.fixture(autouse=True)
def _no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the package validate where it is."""
    monkeypatch.setattr(messages, "ASYNC_VALIDATION", False)


@pytest.fixture
async def hub(hass: HomeAssistant) -> MockConfigEntry:
    """Return a hub that runs, with one charge point that takes known tags only."""
    entry = ocpp_entry(
        charge_point_data(unknown_tags="refuse", heartbeat_interval=60),
        id_tag_data(TAG, parent="FAMILY"),
        id_tag_data("B10CCED1", status="blocked"),
        id_tag_data("E8P18ED1", expiry="2020-01-01"),
    )
    await set_up(hass, entry)
    return entry


def dialled(entry: MockConfigEntry, **how: Any) -> Any:
    """Dial in."""
    return stock_wallbox(connector_of(entry).port, CP, **how)


def on(hass: HomeAssistant, hub: MockConfigEntry, name: str) -> bool:
    """Tell whether a binary sensor of the connector is on."""
    return state(hass, hub, name, platform=Platform.BINARY_SENSOR) == "on"


async def accepted_start(wallbox: StockWallbox, **more: Any) -> int:
    """Start a transaction that is accepted; return its id."""
    answer = await wallbox.start_charging(TAG, **more)
    assert answer.id_tag_info["status"] == "Accepted"
    assert answer.transaction_id > 0
    return int(answer.transaction_id)


def no_transaction(hub: MockConfigEntry) -> bool:
    """Tell whether nothing runs on the connector."""
    return connector_of(hub).book.open_of(CP, 1) is None


# Cold boot


async def test_tc_001_csms_cold_boot(hass: HomeAssistant, hub: MockConfigEntry) -> None:
    async with dialled(hub) as wallbox:
        answer = await wallbox.boot()
        assert answer.status == "Accepted"
        assert answer.interval == 60
        for connector_id in (0, 1, 2):
            await wallbox.status("Available", connector_id=connector_id)
        for _ in range(3):
            heartbeat = await wallbox.say(call.Heartbeat())
            assert dt_util.parse_datetime(heartbeat.current_time) is not None
        await settled(hass)
        for connector_id in (0, 1, 2):
            assert state(hass, hub, "status", connector_id) == "available"


# Start of a session


async def test_tc_003_csms_plug_in_first(
    hass: HomeAssistant, hub: MockConfigEntry
) -> None:
    async with dialled(hub) as wallbox:
        await wallbox.boot()
        await wallbox.status("Preparing")
        assert (await wallbox.authorize(TAG))["status"] == "Accepted"
        transaction = await accepted_start(wallbox)
        await wallbox.status("Charging")
        await settled(hass)
        assert state(hass, hub, "status") == "charging"
        assert on(hass, hub, "charging")
        assert on(hass, hub, "plugged_in")
        await wallbox.stop_charging(transaction, "Local", id_tag=TAG)
        await wallbox.status("Finishing", "Available")
        assert no_transaction(hub)


async def test_tc_004_1_csms_identification_first(
    hass: HomeAssistant, hub: MockConfigEntry
) -> None:
    async with dialled(hub) as wallbox:
        await wallbox.boot()
        assert (await wallbox.authorize(TAG))["status"] == "Accepted"
        await wallbox.status("Preparing")
        await accepted_start(wallbox)
        await wallbox.status("Charging")
        await settled(hass)
        assert state(hass, hub, "status") == "charging"
        assert state(hass, hub, "session_energy") == "0.0"


async def test_tc_004_2_csms_connection_timeout(
    hass: HomeAssistant, hub: MockConfigEntry
) -> None:
    async with dialled(hub) as wallbox:
        await wallbox.boot()
        assert (await wallbox.authorize(TAG))["status"] == "Accepted"
        await wallbox.status("Preparing", "Available")
        await settled(hass)
        assert state(hass, hub, "status") == "available"
        assert no_transaction(hub)
        assert not connector_of(hub).sessions_of(CP)


async def test_tc_005_1_csms_ev_side_disconnected(
    hass: HomeAssistant, hub: MockConfigEntry
) -> None:
    async with dialled(hub) as wallbox:
        await wallbox.boot()
        await wallbox.status("Preparing")
        transaction = await accepted_start(wallbox)
        await wallbox.status("Charging", "SuspendedEV")
        await settled(hass)
        assert state(hass, hub, "status") == "suspended_ev"
        await wallbox.stop_charging(transaction, "EVDisconnected")
        await wallbox.status("Finishing", "Available")
        await settled(hass)
        assert state(hass, hub, "status") == "available"
        assert state(hass, hub, "stop_reason") == "ev_disconnected"
        assert not on(hass, hub, "plugged_in")


async def test_tc_007_csms_cached_id(hass: HomeAssistant, hub: MockConfigEntry) -> None:
    async with dialled(hub) as wallbox:
        await wallbox.boot()
        await wallbox.status("Preparing")
        await accepted_start(wallbox)
        await wallbox.status("Charging")
        await settled(hass)
        assert state(hass, hub, "status") == "charging"


# Resets


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        pytest.param("Hard", "HardReset", id="tc_013_csms_hard_reset"),
        pytest.param("Soft", "SoftReset", id="tc_014_csms_soft_reset"),
    ],
)
async def test_reset(
    hass: HomeAssistant, hub: MockConfigEntry, kind: str, reason: str
) -> None:
    async with dialled(hub, Reset=call_result.Reset(status="Accepted")) as wallbox:
        await wallbox.boot()
        transaction = await accepted_start(wallbox)
        await wallbox.status("Charging")
        answer = await charge_point_of(hub).call("Reset", {"type": kind}, 5)
        assert answer == {"status": "Accepted"}
        assert wallbox.heard[-1] == ("Reset", {"type": kind})
        if kind == "Soft":
            await wallbox.stop_charging(transaction, reason)
    async with dialled(hub) as wallbox:
        assert (await wallbox.boot()).status == "Accepted"
        if kind == "Hard":
            await wallbox.stop_charging(transaction, reason)
        await wallbox.status("Available", connector_id=0)
        await wallbox.status("Available")
        (session,) = connector_of(hub).sessions_of(CP)
        assert session["transaction_id"] == transaction
        await settled(hass)
        assert state(hass, hub, "status") == "available"
        assert charge_point_of(hub).boots == 2


# Configuration


@pytest.fixture
async def configured(hass: HomeAssistant) -> MockConfigEntry:
    """Return a hub that sets its charge point up by itself."""
    entry = ocpp_entry(charge_point_data(configure=True, sample_interval=60))
    await set_up(hass, entry)
    return entry


def keys(**values: str) -> Any:
    """Return the answer to GetConfiguration."""
    listed = [
        {"key": key, "readonly": False, "value": value} for key, value in values.items()
    ]
    return call_result.GetConfiguration(configuration_key=listed)


async def started_up(wallbox: StockWallbox, entry: MockConfigEntry) -> dict[str, str]:
    """Boot, and wait until it was asked all that it is asked then; return the outcomes."""
    await wallbox.boot()
    start_up = charge_point_of(entry).start_up
    async with asyncio.timeout(20):
        while start_up.running or "meter_values" not in start_up.report:
            await asyncio.sleep(0.01)
    return start_up.report


async def test_tc_019_1_csms_all_configuration_keys(
    configured: MockConfigEntry,
) -> None:
    listed = keys(NumberOfConnectors="2", HeartbeatInterval="300")
    async with dialled(configured, GetConfiguration=listed) as wallbox:
        await started_up(wallbox, configured)
        assert ("GetConfiguration", {}) in wallbox.heard
        configuration = charge_point_of(configured).configuration
        assert configuration.number("HeartbeatInterval") == 300
        assert sorted(charge_point_of(configured).connectors) == [0, 1, 2]


@pytest.mark.parametrize(
    "outcome",
    [
        pytest.param("Accepted", id="tc_021_csms_accepted"),
        pytest.param("NotSupported", id="tc_040_1_csms_not_supported"),
        pytest.param("Rejected", id="tc_040_2_csms_rejected"),
    ],
)
async def test_change_configuration(configured: MockConfigEntry, outcome: str) -> None:
    answers = {
        "GetConfiguration": keys(MeterValueSampleInterval="30"),
        "ChangeConfiguration": call_result.ChangeConfiguration(status=outcome),
    }
    async with dialled(configured, **answers) as wallbox:
        report = await started_up(wallbox, configured)
        asked = {"key": "MeterValueSampleInterval", "value": "60"}
        assert wallbox.heard.count(("ChangeConfiguration", asked)) == 1
        assert report["sample_interval"] == outcome.lower()
        configuration = charge_point_of(configured).configuration
        known = 60 if outcome == "Accepted" else 30
        assert configuration.number("MeterValueSampleInterval") == known
        # It is in service whatever it answered.
        assert await accepted_start(wallbox)


@pytest.mark.parametrize(
    "outcome",
    [
        pytest.param("Accepted", id="tc_054_csms_trigger_message"),
        pytest.param("Rejected", id="tc_055_csms_trigger_message_rejected"),
    ],
)
async def test_trigger_message(configured: MockConfigEntry, outcome: str) -> None:
    answers = {
        "GetConfiguration": keys(NumberOfConnectors="1"),
        "TriggerMessage": call_result.TriggerMessage(status=outcome),
    }
    async with dialled(configured, **answers) as wallbox:
        await started_up(wallbox, configured)
        asked = {
            payload["requested_message"]
            for action, payload in wallbox.heard
            if action == "TriggerMessage"
        }
        assert asked == {"StatusNotification", "MeterValues"}
        assert charge_point_of(configured).online


# Who may not


@pytest.mark.parametrize(
    ("tag", "outcome"),
    [
        pytest.param("UNKNOWN1", "Invalid", id="tc_023_1_csms_invalid"),
        pytest.param("E8P18ED1", "Expired", id="tc_023_2_csms_expired"),
        pytest.param("B10CCED1", "Blocked", id="tc_023_3_csms_blocked"),
    ],
)
async def test_authorize_is_refused(
    hass: HomeAssistant, hub: MockConfigEntry, tag: str, outcome: str
) -> None:
    async with dialled(hub) as wallbox:
        await wallbox.boot()
        await wallbox.status("Preparing")
        assert (await wallbox.authorize(tag))["status"] == outcome
        await wallbox.status("Available")
        assert no_transaction(hub)


async def test_tc_024_csms_lock_failure(
    hass: HomeAssistant, hub: MockConfigEntry
) -> None:
    async with dialled(hub) as wallbox:
        await wallbox.boot()
        assert (await wallbox.authorize(TAG))["status"] == "Accepted"
        await wallbox.status("Preparing")
        await wallbox.status("Faulted", error_code="ConnectorLockFailure")
        await settled(hass)
        assert state(hass, hub, "status") == "faulted"
        assert value(hub, "error_code") == "connector_lock_failure"
        assert on(hass, hub, "problem")
        assert no_transaction(hub)


# Power failure, and times without a connection


async def test_tc_032_1_csms_power_failure(
    hass: HomeAssistant, hub: MockConfigEntry
) -> None:
    async with dialled(hub) as wallbox:
        await wallbox.boot()
        await wallbox.status("Preparing")
        transaction = await accepted_start(wallbox)
        await wallbox.status("Charging")
    async with dialled(hub) as wallbox:
        assert (await wallbox.boot()).status == "Accepted"
        await wallbox.status("Available", connector_id=0)
        await wallbox.stop_charging(transaction, "PowerLoss")
        await wallbox.status("Available")
        await settled(hass)
        assert state(hass, hub, "stop_reason") == "power_loss"
        assert no_transaction(hub)
        (session,) = connector_of(hub).sessions_of(CP)
        assert session["energy"] == 1


async def test_tc_037_1_csms_offline_start_valid(
    hass: HomeAssistant, hub: MockConfigEntry
) -> None:
    async with dialled(hub) as wallbox:
        await wallbox.boot()
        await wallbox.status("Available", seconds_ago=900)
    async with dialled(hub) as wallbox:
        await wallbox.status("Charging", seconds_ago=600)
        await accepted_start(wallbox, seconds_ago=600)
        await settled(hass)
        assert state(hass, hub, "status") == "charging"
        duration = value(hub, "session_duration")
        assert 595 <= duration <= 660


async def test_tc_037_3_csms_offline_start_invalid(
    hass: HomeAssistant, hub: MockConfigEntry
) -> None:
    async with dialled(hub) as wallbox:
        await wallbox.boot()
    async with dialled(hub) as wallbox:
        await wallbox.status("Charging", seconds_ago=600)
        answer = await wallbox.start_charging("UNKNOWN1", seconds_ago=600)
        assert answer.id_tag_info["status"] == "Invalid"
        assert answer.transaction_id > 0
        await wallbox.stop_charging(answer.transaction_id, "DeAuthorized")
        await wallbox.status("Finishing", "Available")
        await settled(hass)
        assert state(hass, hub, "stop_reason") == "de_authorized"
        assert state(hass, hub, "status") == "available"
        assert no_transaction(hub)


async def test_tc_039_csms_offline_transaction(
    hass: HomeAssistant, hub: MockConfigEntry
) -> None:
    async with dialled(hub) as wallbox:
        await wallbox.boot()
        await wallbox.status("Available")
    async with dialled(hub) as wallbox:
        await wallbox.status("Available")
        transaction = await accepted_start(wallbox, seconds_ago=3600)
        answer = await wallbox.stop_charging(
            transaction, "Local", meter_stop=8000, seconds_ago=1800, id_tag=TAG
        )
        assert answer.id_tag_info["status"] == "Accepted"
        await settled(hass)
        assert state(hass, hub, "status") == "available"
    (session,) = connector_of(hub).sessions_of(CP)
    assert session["duration"] == 1800
    assert session["energy"] == 7


# Firmware and diagnostics


@pytest.mark.parametrize(
    "statuses",
    [
        pytest.param(
            ("Downloading", "Downloaded", "Installing", "Installed"),
            id="tc_044_1_csms_download_and_install",
        ),
        pytest.param(
            ("Downloading", "DownloadFailed"), id="tc_044_2_csms_download_failed"
        ),
        pytest.param(
            ("Downloading", "Downloaded", "Installing", "InstallationFailed"),
            id="tc_044_3_csms_installation_failed",
        ),
    ],
)
async def test_firmware_update(
    hass: HomeAssistant, hub: MockConfigEntry, statuses: tuple[str, ...]
) -> None:
    answers = {"UpdateFirmware": call_result.UpdateFirmware()}
    async with dialled(hub, **answers) as wallbox:
        await wallbox.boot(firmware_version="1.0")
        location = "ftp://example.org/firmware.bin"
        request: dict[str, Any] = {"location": location, "retrieveDate": ago()}
        assert await charge_point_of(hub).call("UpdateFirmware", request, 5) == {}
        assert wallbox.heard[-1][1]["location"] == location
        for status in statuses:
            await wallbox.say(call.FirmwareStatusNotification(status=status))
            if status == "Downloaded":
                await wallbox.status("Unavailable", connector_id=0)
                await wallbox.status("Unavailable")
    installed = statuses[-1] == "Installed"
    async with dialled(hub) as wallbox:
        answer = await wallbox.boot(firmware_version="2.0" if installed else "1.0")
        assert answer.status == "Accepted"
        for connector_id in (0, 1):
            await wallbox.status("Available", connector_id=connector_id)
        await settled(hass)
        assert state(hass, hub, "status") == "available"
    firmware = charge_point_of(hub).identity.firmware_version
    assert firmware == ("2.0" if installed else "1.0")
    shown = {
        "Installed": "installed",
        "DownloadFailed": "download_failed",
        "InstallationFailed": "installation_failed",
    }
    assert value(hub, "firmware_status", 0) == shown[statuses[-1]]


@pytest.mark.parametrize(
    ("last", "shown"),
    [
        pytest.param("Uploaded", "uploaded", id="tc_045_1_csms_get_diagnostics"),
        pytest.param("UploadFailed", "upload_failed", id="tc_045_2_csms_upload_failed"),
    ],
)
async def test_diagnostics(hub: MockConfigEntry, last: str, shown: str) -> None:
    answer = call_result.GetDiagnostics(file_name="diagnostics.zip")
    async with dialled(hub, GetDiagnostics=answer) as wallbox:
        await wallbox.boot()
        request: dict[str, Any] = {"location": "ftp://example.org/"}
        got = await charge_point_of(hub).call("GetDiagnostics", request, 5)
        assert got == {"fileName": "diagnostics.zip"}
        for status in ("Uploading", last):
            await wallbox.say(call.DiagnosticsStatusNotification(status=status))
        assert value(hub, "diagnostics_status", 0) == shown


# A tag of a family, and what vendors say


async def test_tc_053_csms_parent_id_tag(hub: MockConfigEntry) -> None:
    async with dialled(hub) as wallbox:
        await wallbox.boot()
        await wallbox.status("Reserved")
        info = await wallbox.authorize(TAG)
        assert info == {"status": "Accepted", "parent_id_tag": "FAMILY"}
        answer = await wallbox.start_charging(TAG)
        assert answer.id_tag_info["parent_id_tag"] == "FAMILY"


async def test_tc_064_csms_data_transfer(hub: MockConfigEntry) -> None:
    async with dialled(hub) as wallbox:
        await wallbox.boot()
        for message in (
            call.DataTransfer(vendor_id="org.example"),
            call.DataTransfer(vendor_id="org.example", message_id="m", data="d"),
        ):
            answer = await wallbox.say(message)
            assert answer.status == "UnknownVendorId"
            assert answer.data is None


# Security


@pytest.mark.parametrize(
    ("action", "request_", "event"),
    [
        pytest.param(
            "CertificateSigned",
            {"certificateChain": CERTIFICATE},
            "InvalidChargePointCertificate",
            id="tc_077_csms_invalid_charge_point_certificate",
        ),
        pytest.param(
            "InstallCertificate",
            {
                "certificateType": "CentralSystemRootCertificate",
                "certificate": CERTIFICATE,
            },
            "InvalidCentralSystemCertificate",
            id="tc_078_csms_invalid_central_system_certificate",
        ),
    ],
)
async def test_certificate_is_rejected(
    hub: MockConfigEntry, action: str, request_: dict[str, Any], event: str
) -> None:
    rejected = getattr(call_result, action)(status="Rejected")
    async with dialled(hub, **{action: rejected}) as wallbox:
        await wallbox.boot()
        answer = await charge_point_of(hub).call(action, request_, 5)
        assert answer == {"status": "Rejected"}
        await wallbox.say(security_event(event))


async def test_tc_079_csms_security_log(hub: MockConfigEntry) -> None:
    accepted = call_result.GetLog(status="Accepted", filename="log")
    async with dialled(hub, GetLog=accepted) as wallbox:
        await wallbox.boot()
        request: dict[str, Any] = {
            "logType": "SecurityLog",
            "requestId": 1,
            "log": {"remoteLocation": "ftp://example.org/"},
        }
        answer = await charge_point_of(hub).call("GetLog", request, 5)
        assert answer == {"status": "Accepted", "filename": "log"}
        for status in ("Uploading", "Uploaded"):
            message = call.LogStatusNotification(status=status, request_id=1)
            await wallbox.say(message)
        assert value(hub, "diagnostics_status", 0) == "uploaded"


@pytest.mark.parametrize(
    ("statuses", "event"),
    [
        pytest.param(
            (
                "Downloading",
                "Downloaded",
                "SignatureVerified",
                "Installing",
                "InstallRebooting",
                "Installed",
            ),
            "FirmwareUpdated",
            id="tc_080_csms_secure_firmware_update",
        ),
        pytest.param(
            ("Downloading", "Downloaded", "InvalidSignature"),
            "InvalidFirmwareSignature",
            id="tc_081_csms_invalid_signature",
        ),
    ],
)
async def test_secure_firmware_update(
    hub: MockConfigEntry, statuses: tuple[str, ...], event: str
) -> None:
    accepted = call_result.SignedUpdateFirmware(status="Accepted")
    async with dialled(hub, SignedUpdateFirmware=accepted) as wallbox:
        await wallbox.boot()
        request: dict[str, Any] = {
            "requestId": 7,
            "firmware": {
                "location": "https://example.org/firmware.bin",
                "retrieveDateTime": ago(),
                "signingCertificate": CERTIFICATE,
                "signature": "c2lnbmF0dXJl",
            },
        }
        answer = await charge_point_of(hub).call("SignedUpdateFirmware", request, 5)
        assert answer == {"status": "Accepted"}
        for status in statuses:
            message = call.SignedFirmwareStatusNotification(status=status, request_id=7)
            await wallbox.say(message)
        await wallbox.say(security_event(event))
        shown = {
            "Installed": "installed",
            "InvalidSignature": "invalid_signature",
        }
        assert value(hub, "firmware_status", 0) == shown[statuses[-1]]


def security_event(event: str) -> Any:
    """Return the notification of a security event."""
    return call.SecurityEventNotification(type=event, timestamp=ago(), tech_info="x")


@pytest.mark.parametrize(
    ("password", "served"),
    [
        pytest.param("0123456789abcdef", True, id="valid"),
        pytest.param("0123456789abcdee", False, id="invalid"),
        pytest.param(None, False, id="missing"),
    ],
)
async def test_tc_085_csms_basic_authentication(
    hass: HomeAssistant, password: str | None, served: bool
) -> None:
    entry = ocpp_entry(charge_point_data(password="0123456789abcdef"))
    await set_up(hass, entry)
    headers = {}
    if password is not None:
        credentials = base64.b64encode(f"{CP}:{password}".encode()).decode()
        headers["Authorization"] = f"Basic {credentials}"
    dial = dialled(entry, how={"additional_headers": headers})
    if served:
        async with dial as wallbox:
            assert (await wallbox.boot()).status == "Accepted"
        return
    with pytest.raises(InvalidStatus) as refused:
        async with dial:
            pass
    assert refused.value.response.status_code == 401


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Return who vouches for both sides."""
    return trustme.CA()


@pytest.fixture(scope="module")
def certificates(
    authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, str]:
    """Return the files of a hub."""
    return hub_certificates(authority, tmp_path_factory.mktemp("tls"))


@pytest.mark.parametrize("suite", SUITES)
async def test_tc_086_csms_server_side_certificate(
    hass: HomeAssistant,
    authority: trustme.CA,
    certificates: Mapping[str, str],
    suite: str,
) -> None:
    files = {key: it for key, it in certificates.items() if key != "client_ca"}
    entry = ocpp_entry(charge_point_data(), data=files)
    await set_up(hass, entry)
    context = trusting(authority)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(suite)
    how = {"ssl": context, "server_hostname": "hub.example.org"}
    async with dialled(entry, how=how) as wallbox:
        used = wallbox._connection.transport.get_extra_info("ssl_object")
        assert used.cipher()[0] == suite
        assert used.getpeercert()["serialNumber"]
        assert (await wallbox.boot()).status == "Accepted"


async def test_tc_087_csms_client_side_certificate(
    hass: HomeAssistant, authority: trustme.CA, certificates: Mapping[str, str]
) -> None:
    entry = ocpp_entry(charge_point_data(certificate_name="SN-0815"), data=certificates)
    await set_up(hass, entry)
    async with dialled(entry, how={"ssl": trusting(authority, "SN-0815")}) as wallbox:
        assert (await wallbox.boot()).status == "Accepted"
        assert charge_point_of(entry).session is not None
    with pytest.raises(InvalidStatus) as refused:
        async with dialled(entry, how={"ssl": trusting(authority, "SN-0816")}):
            pass
    assert refused.value.response.status_code == 401


async def test_tc_088_csms_subprotocol_negotiation(hub: MockConfigEntry) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with dialled(hub, how={"subprotocols": ["ocpp0.1"]}):
            pass
    assert refused.value.response.status_code == 400
    async with dialled(hub, how={"subprotocols": ["ocpp0.1", "ocpp1.6"]}) as wallbox:
        assert wallbox._connection.subprotocol == "ocpp1.6"
        assert (await wallbox.boot()).status == "Accepted"
