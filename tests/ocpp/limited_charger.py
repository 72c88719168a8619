"""A charge point that refuses, or ignores, what a test says; it obeys the rules otherwise.

What limit is in effect is worked out here anew, moment by moment, and not as the hub does.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
import time
from typing import Any

from custom_components.bemcom_connectors.connector.model import JsonValue
from custom_components.bemcom_connectors.ocpp.actions import (
    check_request,
    read_confirmation,
)
from custom_components.bemcom_connectors.ocpp.calls import CallFailed, CallReason
from custom_components.bemcom_connectors.ocpp.configuration import Configuration
from custom_components.bemcom_connectors.ocpp.connector_state import ConnectorState
from custom_components.bemcom_connectors.ocpp.leniencies import Leniencies
from custom_components.bemcom_connectors.ocpp.limits import Limits
from custom_components.bemcom_connectors.ocpp.model import Identity
from custom_components.bemcom_connectors.ocpp.profiles import Profiles
from custom_components.bemcom_connectors.ocpp.quirks import Adjustments
from custom_components.bemcom_connectors.ocpp.transactions import TransactionBook

MAX, DEFAULT, TX = "ChargePointMaxProfile", "TxDefaultProfile", "TxProfile"
CHARGE_POINT = "CP1"

# Of a profile and its connector: a status, an exception to raise, or None to take it.
type Refuses = Callable[[int, Mapping[str, Any]], Any]


@dataclass(slots=True)
class Charger:
    """The charge point itself: what it holds, and what it does about that."""

    connectors: int = 1
    refuses: Refuses = lambda connector_id, profile: None
    # What it takes without doing anything about it.
    ignores: Callable[[int, Mapping[str, Any]], bool] = lambda connector_id, it: False
    # How it answers GetCompositeSchedule: a status, an exception, or None to report.
    report: Any = None
    clears: bool = True
    phases: int = 3
    running: dict[int, int] = field(default_factory=dict)
    held: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    heard: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def answer(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Answer a CALL; an exception is a CALLERROR."""
        self.heard.append((action, payload))
        match action:
            case "SetChargingProfile":
                return self._set(payload["connectorId"], payload["csChargingProfiles"])
            case "ClearChargingProfile":
                return self._clear(payload)
            case "GetCompositeSchedule":
                return self._composite(payload)
        raise CallFailed(CallReason.REFUSED, action, code="NotImplemented")

    def _set(self, connector_id: int, profile: dict[str, Any]) -> dict[str, Any]:
        purpose = profile["chargingProfilePurpose"]
        if purpose == TX and (
            self.running.get(connector_id) is None
            or profile.get("transactionId") != self.running[connector_id]
        ):
            return {"status": "Rejected"}
        if purpose == MAX and (
            connector_id or profile["chargingProfileKind"] == "Relative"
        ):
            return {"status": "Rejected"}
        if connector_id > self.connectors:
            return {"status": "Rejected"}
        refusal = self.refuses(connector_id, profile)
        if isinstance(refusal, Exception):
            raise refusal
        if refusal is not None:
            return {"status": refusal}
        place = (connector_id, purpose, profile["stackLevel"])
        self.held = [
            (where, it)
            for where, it in self.held
            if it["chargingProfileId"] != profile["chargingProfileId"]
            and (where, it["chargingProfilePurpose"], it["stackLevel"]) != place
        ]
        self.held.append((connector_id, profile))
        return {"status": "Accepted"}

    def _clear(self, payload: dict[str, Any]) -> dict[str, Any]:
        if not self.clears:
            raise CallFailed(
                CallReason.REFUSED, "ClearChargingProfile", code="NotImplemented"
            )

        def matches(connector_id: int, it: dict[str, Any]) -> bool:
            if "id" in payload:
                return bool(it["chargingProfileId"] == payload["id"])
            wanted = {
                "connectorId": connector_id,
                "chargingProfilePurpose": it["chargingProfilePurpose"],
                "stackLevel": it["stackLevel"],
            }
            return all(
                payload.get(key, value) == value for key, value in wanted.items()
            )

        kept = [(where, it) for where, it in self.held if not matches(where, it)]
        gone = len(kept) < len(self.held)
        self.held = kept
        return {"status": "Accepted" if gone else "Unknown"}

    def _composite(self, payload: dict[str, Any]) -> dict[str, Any]:
        if isinstance(self.report, Exception):
            raise self.report
        if self.report is not None:
            return dict(self.report)
        limit = self.current(payload["connectorId"])
        unit = payload.get("chargingRateUnit", "A")
        if limit is None:
            limit = -1.0
        elif unit == "W":
            limit *= 230 * self.phases
        return {
            "status": "Accepted",
            "connectorId": payload["connectorId"],
            "scheduleStart": "2026-03-10T12:00:00Z",
            "chargingSchedule": {
                "chargingRateUnit": unit,
                "duration": payload["duration"],
                "chargingSchedulePeriod": [
                    {"startPeriod": 0, "limit": round(limit, 1)}
                ],
            },
        }

    # What is really in effect

    def current(self, connector_id: int, at: float | None = None) -> float | None:
        """Return the current that a connector, 0: all, may take; None: any."""
        now = time.time() if at is None else at
        best: dict[tuple[str, bool], tuple[int, bool, float]] = {}
        for where, it in self.held:
            purpose = it["chargingProfilePurpose"]
            if self.ignores(where, it) or where not in {0, connector_id}:
                continue
            if (connector_id == 0) != (purpose == MAX) and connector_id == 0:
                continue
            if purpose == TX and self.running.get(where) != it.get("transactionId"):
                continue
            if (limit := self._limit(it, now)) is None:
                continue
            rank = it["stackLevel"], where == connector_id, limit
            key = purpose, False
            if key not in best or best[key][:2] < rank[:2]:
                best[key] = rank
        limits = []
        if (found := best.get((MAX, False))) is not None:
            limits.append(found[2])
        usual = best.get((TX, False)) or best.get((DEFAULT, False))
        if usual is not None:
            limits.append(usual[2])
        return min(limits, default=None)

    def _limit(self, profile: Mapping[str, Any], now: float) -> float | None:
        schedule = profile["chargingSchedule"]
        for name, sign in (("validFrom", 1), ("validTo", -1)):
            if name in profile and sign * (now - seconds(profile[name])) < 0:
                return None
        elapsed = 0.0
        if "startSchedule" in schedule:
            elapsed = now - seconds(schedule["startSchedule"])
        if elapsed < 0:
            return None
        if profile["chargingProfileKind"] == "Recurring":
            days = {"Daily": 1, "Weekly": 7}[profile["recurrencyKind"]]
            elapsed %= days * 86400
        if elapsed >= schedule.get("duration", float("inf")):
            return None
        limit = None
        for period in schedule["chargingSchedulePeriod"]:
            if period["startPeriod"] <= elapsed:
                limit = period["limit"]
        if limit is not None and schedule["chargingRateUnit"] == "W":
            return float(limit) / (230 * self.phases)
        return None if limit is None else float(limit)

    # What happens to it

    def ended(self, connector_id: int) -> None:
        """Forget the transaction, and its profiles."""
        self.running.pop(connector_id, None)
        self.held = [
            (where, it)
            for where, it in self.held
            if where != connector_id or it["chargingProfilePurpose"] != TX
        ]

    def sent(self) -> list[dict[str, Any]]:
        """Return the profiles that it was sent, taken or not."""
        return [
            it["csChargingProfiles"]
            for action, it in self.heard
            if action == "SetChargingProfile"
        ]

    def limits_sent(self) -> list[float]:
        """Return the limits of the profiles that it was sent."""
        return [
            it["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"]
            for it in self.sent()
        ]


class Book(TransactionBook):
    """The transactions of the charge point."""


class FakeHost:
    """A hub without anything but what limits need."""

    def __init__(self) -> None:
        """Have no transactions."""
        self.book = Book()
        self.saves = 0
        self.logged: list[str] = []

    def changed(self, *, urgent: bool = False) -> None:
        """Count what is worth keeping."""
        self.saves += urgent

    def log_once(self, topic: str, message: str, *args: object) -> None:
        """Keep what was logged."""
        self.logged.append(message % args)


class LimitedChargePoint:
    """What the hub has of such a charge point, without a socket between."""

    def __init__(
        self,
        charger: Charger,
        keys: Mapping[str, str] | None = None,
        *,
        adjustments: Adjustments | None = None,
    ) -> None:
        """Know its connectors, and its keys."""
        self.id = CHARGE_POINT
        self.charger = charger
        self.adjustments = adjustments or Adjustments()
        self.identity = Identity(firmware_version="1.0")
        self.configuration = Configuration.from_dict(
            {"keys": {key: [value, True] for key, value in (keys or {}).items()}}
        )
        self.connectors = {
            it: ConnectorState(it) for it in range(charger.connectors + 1)
        }
        self.host: Any = FakeHost()
        self.online = True
        self.boots = 1
        # What stands before all else: raises, or returns None.
        self.intercept: Callable[[str, dict[str, Any]], Any] = lambda action, it: None
        self.tasks: set[asyncio.Task[None]] = set()
        self.shown: dict[int, dict[str, JsonValue]] = {}
        self.profiles = Profiles(self)
        self.limits = Limits(self)

    @property
    def connector_ids(self) -> list[int]:
        """Return the connectors."""
        return [it for it in self.connectors if it]

    async def call(self, action: str, payload: dict[str, JsonValue]) -> dict[str, Any]:
        """Ask the charge point, as it would be over a socket."""
        check_request(action, payload)
        await asyncio.sleep(0)
        if not self.online:
            raise CallFailed(CallReason.NOT_CONNECTED, action)
        intercepted = self.intercept(action, payload)
        if asyncio.iscoroutine(intercepted):
            await intercepted
        return read_confirmation(
            action, self.charger.answer(action, payload), Leniencies()
        )

    def show(self, connector_id: int, values: Mapping[str, JsonValue]) -> None:
        """Keep what is shown."""
        self.connectors[connector_id].values.update(values)

    def spawn(self, work: Any) -> asyncio.Task[None]:
        """Run something beside."""
        task: asyncio.Task[None] = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    def value(self, name: str, connector_id: int = 1) -> Any:
        """Return what is shown."""
        return self.connectors[connector_id].values.get(name)

    def start(self, connector_id: int = 1) -> int:
        """Begin a transaction, and tell of it."""
        now = time.time()
        started, _ = self.host.book.start(
            CHARGE_POINT, connector_id, "TAG", now, 0, now
        )
        self.charger.running[connector_id] = started.id
        self.profiles.transaction_started(connector_id)
        self.limits.transaction_started(connector_id)
        return int(started.id)

    def stop(self, connector_id: int = 1) -> None:
        """End a transaction, and tell of it."""
        now = time.time()
        self.host.book.lose(self.host.book.open_of(CHARGE_POINT, connector_id), now)
        self.charger.ended(connector_id)
        self.profiles.transaction_ended(connector_id)
        self.limits.transaction_ended(connector_id)

    async def idle(self) -> None:
        """Wait until nothing runs beside any more."""
        while self.tasks:
            await asyncio.gather(*self.tasks)


def seconds(text: str) -> float:
    """Return a time as it is on the wire."""
    return datetime.fromisoformat(text).astimezone(UTC).timestamp()


def error(code: str = "PropertyConstraintViolation", text: str = "") -> CallFailed:
    """Return a CALLERROR."""
    return CallFailed(CallReason.REFUSED, "SetChargingProfile", text, code)
