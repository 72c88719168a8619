"""The requests of OCPP 1.6 that charge points send."""

from collections.abc import Mapping

from .enums import (
    ChargePointErrorCode,
    ChargePointStatus,
    DiagnosticsStatus,
    FirmwareStatus,
    LogStatus,
    SignedFirmwareStatus,
    StopReason,
)
from .fields import ABSENT, Field, Kind, integer, text, timestamp, word

# A vendor's own message; both sides may send one.
DATA_TRANSFER: tuple[Field, ...] = (
    text("vendorId", 255, required=True),
    text("messageId", 50),
    text("data", kind=Kind.DATA),
)

FROM_CHARGE_POINT: Mapping[str, tuple[Field, ...]] = {
    "Authorize": (text("idTag", 20, required=True),),
    "BootNotification": (
        text("chargePointVendor", 20, required=True),
        text("chargePointModel", 20, required=True),
        text("chargePointSerialNumber", 25),
        text("chargeBoxSerialNumber", 25),
        text("firmwareVersion", 50),
        text("iccid", 20),
        text("imsi", 20),
        text("meterType", 25),
        text("meterSerialNumber", 25),
    ),
    "DataTransfer": DATA_TRANSFER,
    "DiagnosticsStatusNotification": (
        word("status", DiagnosticsStatus, required=True),
    ),
    "FirmwareStatusNotification": (word("status", FirmwareStatus, required=True),),
    "Heartbeat": (),
    "LogStatusNotification": (
        word("status", LogStatus, required=True),
        integer("requestId"),
    ),
    # A charge point repeats what was refused for ever: this one and StopTransaction never
    # are.
    "MeterValues": (
        integer("connectorId", required=True, fallback=0),
        integer("transactionId"),
        Field(name="meterValue", kind=Kind.RAW, required=True, fallback=ABSENT),
    ),
    "SecurityEventNotification": (
        text("type", 50, required=True),
        timestamp("timestamp", required=True),
        text("techInfo", 255),
    ),
    "SignCertificate": (text("csr", 5500, required=True),),
    "SignedFirmwareStatusNotification": (
        word("status", SignedFirmwareStatus, required=True),
        integer("requestId"),
    ),
    "StartTransaction": (
        integer("connectorId", required=True),
        text("idTag", 20, required=True),
        Field(name="meterStart", kind=Kind.REGISTER, required=True),
        integer("reservationId"),
        timestamp("timestamp", required=True),
    ),
    "StatusNotification": (
        integer("connectorId", required=True),
        Field(
            name="errorCode",
            kind=Kind.WORD,
            required=True,
            values=ChargePointErrorCode,
            other=ChargePointErrorCode.OTHER_ERROR,
            empty=ChargePointErrorCode.NO_ERROR,
        ),
        text("info", 50),
        word("status", ChargePointStatus, required=True),
        timestamp("timestamp"),
        text("vendorId", 255),
        text("vendorErrorCode", 50),
    ),
    "StopTransaction": (
        text("idTag", 20),
        Field(name="meterStop", kind=Kind.REGISTER, required=True, fallback=ABSENT),
        timestamp("timestamp", required=True, fallback=ABSENT),
        integer("transactionId", required=True, fallback=0),
        word("reason", StopReason),
        Field(name="transactionData", kind=Kind.RAW),
    ),
}
