"""A charge point for tests of what is asked of it: it answers by rules, without a socket."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from custom_components.bemcom_connectors.connector.model import JsonValue
from custom_components.bemcom_connectors.ocpp.actions import check_request
from custom_components.bemcom_connectors.ocpp.calls import CallFailed, CallReason
from custom_components.bemcom_connectors.ocpp.configuration import Configuration
from custom_components.bemcom_connectors.ocpp.model import ChargePointConfig, Identity
from custom_components.bemcom_connectors.ocpp.quirks import Adjustments

MEASURANDS = "MeterValuesSampledData"

DEFAULTS = {
    "SupportedFeatureProfiles": "Core, RemoteTrigger,SmartCharging",
    "NumberOfConnectors": "2",
    "HeartbeatInterval": "3600",
    "MeterValueSampleInterval": "60",
    "ClockAlignedDataInterval": "0",
    MEASURANDS: "Energy.Active.Import.Register",
}
READ_ONLY = {"SupportedFeatureProfiles", "NumberOfConnectors"}


class ScriptedChargePoint:
    """A charge point's keys and rules, and the target of a start-up sequence as well."""

    def __init__(self, values: dict[str, str] | None = None) -> None:
        """Behave as OCPP says."""
        self.values = dict(DEFAULTS if values is None else values)
        self.read_only = set(READ_ONLY)
        self.max_keys = 0
        self.accepts: Callable[[list[str]], bool] = lambda measurands: True
        self.write_status: dict[str, str] = {}
        # What stands before all else: by action or key, raises or returns an answer.
        self.intercept: Callable[[str, dict[str, Any]], Any] = lambda action, it: None
        self.trigger_status = "Accepted"
        self.statuses_come = True
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.concurrent = self.most_concurrent = 0
        self.changes = 0
        # What was written although it was known to be so.
        self.needless: list[str] = []
        # The target
        self.config = ChargePointConfig(id="CP1")
        self.adjustments = Adjustments(boot_delay=0.0)
        self.configuration = Configuration()
        self.identity = Identity(vendor="Acme", model="Box", firmware_version="1.0")
        self.connector_ids: list[int] = []
        self.has_statuses = False
        self.asked = 0
        # What the user left, by the names of its steps.
        self.further: dict[str, Callable[[], Awaitable[str]]] = {}

    # The target

    def connectors_reported(self, count: int) -> None:
        """Have connectors."""
        self.connector_ids = list(range(1, count + 1))

    def wishes(self, booted: bool) -> Mapping[str, Callable[[], Awaitable[str]]]:
        """Return further steps."""
        return self.further

    def changed(self) -> None:
        """Count that something changed."""
        self.changes += 1

    async def call(self, action: str, payload: dict[str, JsonValue]) -> dict[str, Any]:
        """Answer as a charge point would."""
        check_request(action, payload)
        self.asked += 1
        self.calls.append((action, payload))
        self.concurrent += 1
        self.most_concurrent = max(self.most_concurrent, self.concurrent)
        try:
            await asyncio.sleep(0)
            answer = self.intercept(action, payload)
            if asyncio.iscoroutine(answer):
                answer = await answer
            if answer is not None:
                return dict(answer)
            return self._answer(action, payload)
        finally:
            self.concurrent -= 1

    def _answer(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Answer as OCPP says."""
        match action:
            case "GetConfiguration":
                return self._get(payload.get("key"))
            case "ChangeConfiguration":
                return {"status": self._set(payload["key"], payload["value"])}
            case "TriggerMessage":
                if payload["requestedMessage"] == "StatusNotification":
                    self.has_statuses |= self.statuses_come
                return {"status": self.trigger_status}
        raise CallFailed(CallReason.REFUSED, action, code="NotImplemented")

    def _get(self, keys: list[str] | None) -> dict[str, Any]:
        if keys and self.max_keys and len(keys) > self.max_keys:
            raise refused("GetConfiguration")
        return {
            "configurationKey": [
                {"key": key, "readonly": key in self.read_only, "value": value}
                for key, value in self.values.items()
                if keys is None or key in keys
            ],
            "unknownKey": [key for key in keys or [] if key not in self.values],
        }

    def _set(self, key: str, value: str) -> str:
        if key not in self.values:
            return "NotSupported"
        if key in self.read_only or (
            key == MEASURANDS and not self.accepts(value.split(","))
        ):
            return "Rejected"
        if self.values[key] == value and self.configuration.key(key):
            self.needless.append(key)
        status = self.write_status.get(key, "Accepted")
        if status in {"Accepted", "RebootRequired"}:
            self.values[key] = value
        return status

    # What was asked

    def writes(self) -> list[tuple[str, str]]:
        """Return what was written, or tried to be."""
        return [
            (it["key"], it["value"])
            for action, it in self.calls
            if action == "ChangeConfiguration"
        ]

    def reads(self) -> list[list[str] | None]:
        """Return the lists of keys that were read; None: all."""
        return [
            it.get("key") for action, it in self.calls if action == "GetConfiguration"
        ]

    def triggers(self) -> list[tuple[str, int]]:
        """Return the messages that were asked for, with their connectors."""
        return [
            (it["requestedMessage"], it.get("connectorId", 0))
            for action, it in self.calls
            if action == "TriggerMessage"
        ]


def refused(action: str, code: str = "PropertyConstraintViolation") -> CallFailed:
    """Return what a CALLERROR is for who called."""
    return CallFailed(CallReason.REFUSED, action, code=code)


def failed(reason: CallReason, action: str = "") -> CallFailed:
    """Return a call that failed otherwise."""
    return CallFailed(reason, action)
