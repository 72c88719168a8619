"""What charge points send, and what they are answered (OCPP 1.6 section 4)."""

from collections.abc import Callable, Mapping
import time
from typing import TYPE_CHECKING, Any

from ..connector.model import JsonValue
from . import charging, datapoints as names
from .datapoints import state_name
from .enums import DataTransferStatus, RegistrationStatus
from .listener import EventKind
from .model import Identity
from .timestamps import write_timestamp

if TYPE_CHECKING:
    from .charge_point import ChargePoint

type Payload = Mapping[str, Any]
type Answer = dict[str, JsonValue]

DEFAULT_HEARTBEAT = 300
# A text of this length is no name of anything.
_MAX_TEXT = 255

# Whitepaper "Improved security for OCPP 1.6-J", edition 3, section on security events.
SECURITY_EVENTS = {
    state_name(it): it
    for it in (
        "FirmwareUpdated",
        "FailedToAuthenticateAtCentralSystem",
        "CentralSystemFailedToAuthenticate",
        "SettingSystemTime",
        "StartupOfTheDevice",
        "ResetOrReboot",
        "SecurityLogWasCleared",
        "ReconfigurationOfSecurityParameters",
        "MemoryExhaustion",
        "InvalidMessages",
        "AttemptedReplayAttacks",
        "TamperDetectionActivated",
        "InvalidFirmwareSignature",
        "InvalidFirmwareSigningCertificate",
        "InvalidCentralSystemCertificate",
        "InvalidChargePointCertificate",
        "InvalidTLSVersion",
        "InvalidTLSCipherSuite",
    )
}
OTHER_EVENT = "other"


def identity_of(payload: Payload) -> Identity:
    """Return who a charge point says it is."""

    def text(name: str) -> str:
        value = payload.get(name, "")
        return value.strip()[:_MAX_TEXT] if isinstance(value, str) else ""

    return Identity(
        vendor=text("chargePointVendor"),
        model=text("chargePointModel"),
        serial_number=text("chargePointSerialNumber") or text("chargeBoxSerialNumber"),
        firmware_version=text("firmwareVersion"),
        meter_type=text("meterType"),
        meter_serial_number=text("meterSerialNumber"),
        iccid=text("iccid"),
        imsi=text("imsi"),
    )


def boot_answer(status: RegistrationStatus, interval: int) -> Answer:
    """Return the answer to a BootNotification; the interval is in seconds."""
    return {
        "status": status.value,
        "currentTime": write_timestamp(time.time()),
        "interval": interval,
    }


def _boot_notification(cp: ChargePoint, payload: Payload, now: float) -> Answer:
    """Welcome a charge point that started."""
    cp.booted(identity_of(payload), now)
    interval = cp.config.heartbeat_interval or DEFAULT_HEARTBEAT
    return boot_answer(RegistrationStatus.ACCEPTED, interval)


def _heartbeat(_cp: ChargePoint, _payload: Payload, now: float) -> Answer:
    """Say what time it is."""
    return {"currentTime": write_timestamp(now)}


def _status_notification(cp: ChargePoint, payload: Payload, now: float) -> Answer:
    """Take up how a connector is."""
    connector_id: int = payload["connectorId"]
    if (connector := cp.connector(connector_id)) is None:
        return {}
    cp.notified.add(connector_id)
    before = connector.status
    at = payload.get("timestamp")
    values = connector.take_status(payload, at, now, cp.adjustments.blank_texts)
    cp.show(connector_id, values)
    if connector_id and values.get(names.OPERATIVE):
        charging.show_in_service(cp)
    if connector.status != before:
        charging.status_changed(cp, connector, now)
        cp.host.changed()
    return {}


def _data_transfer(cp: ChargePoint, _payload: Payload, _now: float) -> Answer:
    """Know no vendor's own messages."""
    return {"status": DataTransferStatus.UNKNOWN_VENDOR_ID.value}


def _firmware_status(cp: ChargePoint, payload: Payload, _now: float) -> Answer:
    """Take up how a firmware update goes on, a signed one too."""
    cp.firmware.status = state_name(payload["status"])
    cp.show(0, {names.FIRMWARE_STATUS: cp.firmware.status})
    cp.host.tell(lambda it: it.on_firmware(cp.id))
    return {}


def _diagnostics_status(cp: ChargePoint, payload: Payload, _now: float) -> Answer:
    """Take up how an upload of diagnostics or of a log goes on."""
    cp.show(0, {names.DIAGNOSTICS_STATUS: state_name(payload["status"])})
    return {}


def _security_event(cp: ChargePoint, payload: Payload, now: float) -> Answer:
    """Tell of a security event; unknown ones are events too."""
    said = str(payload["type"])
    if said in cp.adjustments.muted_events:
        return {}
    event_type = state_name(said[:_MAX_TEXT])
    if event_type not in SECURITY_EVENTS:
        event_type = OTHER_EVENT
    at = payload.get("timestamp")
    attributes: dict[str, JsonValue] = {
        "event": said[:_MAX_TEXT],
        "info": str(payload.get("techInfo") or "")[:_MAX_TEXT],
        "timestamp": write_timestamp(at if at is not None else now),
    }
    cp.host.tell(
        lambda it: it.on_event(cp.id, 0, EventKind.SECURITY, event_type, attributes)
    )
    return {}


def _sign_certificate(cp: ChargePoint, _payload: Payload, _now: float) -> Answer:
    """Sign nothing: there is no certificate authority here."""
    return {"status": "Rejected"}


HANDLERS: Mapping[str, Callable[[ChargePoint, Payload, float], Answer]] = {
    "Authorize": charging.authorize,
    "BootNotification": _boot_notification,
    "DataTransfer": _data_transfer,
    "DiagnosticsStatusNotification": _diagnostics_status,
    "FirmwareStatusNotification": _firmware_status,
    "Heartbeat": _heartbeat,
    "LogStatusNotification": _diagnostics_status,
    "MeterValues": charging.meter_values,
    "SecurityEventNotification": _security_event,
    "SignCertificate": _sign_certificate,
    "SignedFirmwareStatusNotification": _firmware_status,
    "StartTransaction": charging.start_transaction,
    "StatusNotification": _status_notification,
    "StopTransaction": charging.stop_transaction,
}
