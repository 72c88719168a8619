"""The requests of OCPP 1.6 that we send, and what charge points confirm them with."""

from collections.abc import Mapping
from typing import NamedTuple

from .actions_received import DATA_TRANSFER
from .enums import (
    AcceptedStatus,
    AuthorizationStatus,
    AvailabilityStatus,
    AvailabilityType,
    CertificateUse,
    ChargingProfileKind,
    ChargingProfilePurpose,
    ChargingProfileStatus,
    ChargingRateUnit,
    ClearChargingProfileStatus,
    ConfigurationStatus,
    DataTransferStatus,
    DeleteCertificateStatus,
    ExtendedMessageTrigger,
    GetLogStatus,
    HashAlgorithm,
    InstallCertificateStatus,
    InstalledCertificatesStatus,
    LogType,
    MessageTrigger,
    RecurrencyKind,
    ReservationStatus,
    ResetType,
    SignedUpdateStatus,
    TriggerStatus,
    UnlockStatus,
    UpdateStatus,
    UpdateType,
)
from .fields import Field, Kind, group, integer, text, timestamp, word


class Exchange(NamedTuple):
    """What we send, and what comes back."""

    request: tuple[Field, ...]
    confirmation: tuple[Field, ...] = ()


_ACCEPTED = (word("status", AcceptedStatus, required=True),)

_SCHEDULE: tuple[Field, ...] = (
    integer("duration", minimum=0),
    timestamp("startSchedule"),
    word("chargingRateUnit", ChargingRateUnit, required=True),
    group(
        "chargingSchedulePeriod",
        integer("startPeriod", required=True, minimum=0),
        Field(name="limit", kind=Kind.DECIMAL, required=True),
        integer("numberPhases", minimum=1),
        required=True,
        kind=Kind.OBJECTS,
    ),
    Field(name="minChargingRate", kind=Kind.DECIMAL),
)

_PROFILE: tuple[Field, ...] = (
    integer("chargingProfileId", required=True),
    integer("transactionId"),
    integer("stackLevel", required=True, minimum=0),
    word("chargingProfilePurpose", ChargingProfilePurpose, required=True),
    word("chargingProfileKind", ChargingProfileKind, required=True),
    word("recurrencyKind", RecurrencyKind),
    timestamp("validFrom"),
    timestamp("validTo"),
    group("chargingSchedule", *_SCHEDULE, required=True),
)

_ID_TAG_INFO: tuple[Field, ...] = (
    timestamp("expiryDate"),
    text("parentIdTag", 20),
    word("status", AuthorizationStatus, required=True),
)

_CERTIFICATE_HASH: tuple[Field, ...] = (
    word("hashAlgorithm", HashAlgorithm, required=True),
    text("issuerNameHash", 128, required=True),
    text("issuerKeyHash", 128, required=True),
    text("serialNumber", 40, required=True),
)

_CORE: Mapping[str, Exchange] = {
    "ChangeAvailability": Exchange(
        (
            integer("connectorId", required=True, minimum=0),
            word("type", AvailabilityType, required=True),
        ),
        (word("status", AvailabilityStatus, required=True),),
    ),
    "ChangeConfiguration": Exchange(
        (text("key", 50, required=True), text("value", 500, required=True)),
        (word("status", ConfigurationStatus, required=True),),
    ),
    "ClearCache": Exchange((), _ACCEPTED),
    "DataTransfer": Exchange(
        DATA_TRANSFER,
        (
            word("status", DataTransferStatus, required=True),
            text("data", kind=Kind.DATA),
        ),
    ),
    "GetConfiguration": Exchange(
        (Field(name="key", kind=Kind.TEXTS, max_length=50),),
        (
            group(
                "configurationKey",
                text("key", 50, required=True),
                Field(
                    name="readonly", kind=Kind.BOOLEAN, required=True, fallback=False
                ),
                text("value", 500, kind=Kind.DATA),
                kind=Kind.OBJECTS,
            ),
            Field(name="unknownKey", kind=Kind.TEXTS, max_length=50),
        ),
    ),
    "RemoteStartTransaction": Exchange(
        (
            integer("connectorId", minimum=1),
            text("idTag", 20, required=True),
            group("chargingProfile", *_PROFILE),
        ),
        _ACCEPTED,
    ),
    "RemoteStopTransaction": Exchange(
        (integer("transactionId", required=True),), _ACCEPTED
    ),
    "Reset": Exchange((word("type", ResetType, required=True),), _ACCEPTED),
    "UnlockConnector": Exchange(
        (integer("connectorId", required=True, minimum=1),),
        (word("status", UnlockStatus, required=True),),
    ),
}

_FIRMWARE_MANAGEMENT: Mapping[str, Exchange] = {
    "GetDiagnostics": Exchange(
        (
            text("location", required=True),
            integer("retries", minimum=0),
            integer("retryInterval", minimum=0),
            timestamp("startTime"),
            timestamp("stopTime"),
        ),
        (text("fileName", 255),),
    ),
    "UpdateFirmware": Exchange(
        (
            text("location", required=True),
            integer("retries", minimum=0),
            timestamp("retrieveDate", required=True),
            integer("retryInterval", minimum=0),
        ),
    ),
}

_LOCAL_AUTH_LIST_MANAGEMENT: Mapping[str, Exchange] = {
    "GetLocalListVersion": Exchange((), (integer("listVersion", required=True),)),
    "SendLocalList": Exchange(
        (
            # 0 is no list at all, and -1 none that is supported.
            integer("listVersion", required=True, minimum=1),
            group(
                "localAuthorizationList",
                text("idTag", 20, required=True),
                group("idTagInfo", *_ID_TAG_INFO),
                kind=Kind.OBJECTS,
            ),
            word("updateType", UpdateType, required=True),
        ),
        (word("status", UpdateStatus, required=True),),
    ),
}

_RESERVATION: Mapping[str, Exchange] = {
    "CancelReservation": Exchange(
        (integer("reservationId", required=True),), _ACCEPTED
    ),
    "ReserveNow": Exchange(
        (
            integer("connectorId", required=True, minimum=0),
            timestamp("expiryDate", required=True),
            text("idTag", 20, required=True),
            text("parentIdTag", 20),
            integer("reservationId", required=True),
        ),
        (word("status", ReservationStatus, required=True),),
    ),
}

_SMART_CHARGING: Mapping[str, Exchange] = {
    "ClearChargingProfile": Exchange(
        (
            integer("id"),
            integer("connectorId", minimum=0),
            word("chargingProfilePurpose", ChargingProfilePurpose),
            integer("stackLevel", minimum=0),
        ),
        (word("status", ClearChargingProfileStatus, required=True),),
    ),
    "GetCompositeSchedule": Exchange(
        (
            integer("connectorId", required=True, minimum=0),
            integer("duration", required=True, minimum=0),
            word("chargingRateUnit", ChargingRateUnit),
        ),
        (
            word("status", AcceptedStatus, required=True),
            integer("connectorId"),
            timestamp("scheduleStart"),
            group("chargingSchedule", *_SCHEDULE),
        ),
    ),
    "SetChargingProfile": Exchange(
        (
            integer("connectorId", required=True, minimum=0),
            group("csChargingProfiles", *_PROFILE, required=True),
        ),
        (word("status", ChargingProfileStatus, required=True),),
    ),
}

_REMOTE_TRIGGER: Mapping[str, Exchange] = {
    "TriggerMessage": Exchange(
        (
            word("requestedMessage", MessageTrigger, required=True),
            integer("connectorId", minimum=1),
        ),
        (word("status", TriggerStatus, required=True),),
    ),
}

_SECURITY: Mapping[str, Exchange] = {
    "CertificateSigned": Exchange(
        (text("certificateChain", 10000, required=True),), _ACCEPTED
    ),
    "DeleteCertificate": Exchange(
        (group("certificateHashData", *_CERTIFICATE_HASH, required=True),),
        (word("status", DeleteCertificateStatus, required=True),),
    ),
    "ExtendedTriggerMessage": Exchange(
        (
            word("requestedMessage", ExtendedMessageTrigger, required=True),
            integer("connectorId", minimum=1),
        ),
        (word("status", TriggerStatus, required=True),),
    ),
    "GetInstalledCertificateIds": Exchange(
        (word("certificateType", CertificateUse, required=True),),
        (
            group("certificateHashData", *_CERTIFICATE_HASH, kind=Kind.OBJECTS),
            word("status", InstalledCertificatesStatus, required=True),
        ),
    ),
    "GetLog": Exchange(
        (
            group(
                "log",
                text("remoteLocation", 512, required=True),
                timestamp("oldestTimestamp"),
                timestamp("latestTimestamp"),
                required=True,
            ),
            word("logType", LogType, required=True),
            integer("requestId", required=True),
            integer("retries", minimum=0),
            integer("retryInterval", minimum=0),
        ),
        (
            word("status", GetLogStatus, required=True),
            text("filename", 255),
        ),
    ),
    "InstallCertificate": Exchange(
        (
            word("certificateType", CertificateUse, required=True),
            text("certificate", 5500, required=True),
        ),
        (word("status", InstallCertificateStatus, required=True),),
    ),
    "SignedUpdateFirmware": Exchange(
        (
            integer("retries", minimum=0),
            integer("retryInterval", minimum=0),
            integer("requestId", required=True),
            group(
                "firmware",
                text("location", 512, required=True),
                timestamp("retrieveDateTime", required=True),
                timestamp("installDateTime"),
                text("signingCertificate", 5500, required=True),
                text("signature", 800, required=True),
                required=True,
            ),
        ),
        (word("status", SignedUpdateStatus, required=True),),
    ),
}

TO_CHARGE_POINT: Mapping[str, Exchange] = {
    **_CORE,
    **_FIRMWARE_MANAGEMENT,
    **_LOCAL_AUTH_LIST_MANAGEMENT,
    **_RESERVATION,
    **_SMART_CHARGING,
    **_REMOTE_TRIGGER,
    **_SECURITY,
}
