"""One connector of a charge point: its status, its meter, and what is shown of its session."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
import time
from typing import Any

from ..connector.model import JsonValue
from . import datapoints as names
from .clock import CLOCKS_SET, DeviceClock
from .datapoints import state_name
from .energy import EnergyCounter
from .enums import ChargePointErrorCode, ChargePointStatus
from .measurands import split_name
from .metering import Meter
from .transactions import Transaction

# A car is there in these.
PLUGGED_IN = frozenset(
    {
        ChargePointStatus.PREPARING,
        ChargePointStatus.CHARGING,
        ChargePointStatus.SUSPENDED_EV,
        ChargePointStatus.SUSPENDED_EVSE,
        ChargePointStatus.FINISHING,
    }
)
# And a transaction may be running in these.
IN_SESSION = PLUGGED_IN - {ChargePointStatus.FINISHING}

_FREE = frozenset({ChargePointStatus.AVAILABLE, ChargePointStatus.RESERVED})

# What vendors say where there is nothing to say.
_NOTHING = frozenset({"", "0", "null", "none", "noerror", "-"})

_NO_SESSION: Mapping[str, JsonValue] = {
    names.IN_SESSION: False,
    names.SESSION_ENERGY: None,
    names.SESSION_DURATION: None,
    names.SESSION_START: None,
    names.TRANSACTION_ID: None,
    names.ID_TAG: None,
}


class ConnectorState:
    """What is known of a connector; 0 is the charge point itself (OCPP)."""

    def __init__(self, connector_id: int, clock: DeviceClock | None = None) -> None:
        """Know nothing yet; the clock is that of its charge point."""
        self.connector_id = connector_id
        # Whether its status is worth anything.
        self.watches_status = True
        self.meter = Meter(clock)
        self.total = EnergyCounter()
        self.status: ChargePointStatus | None = None
        # The latest values, as they were published.
        self.values: dict[str, JsonValue] = {}
        # When it is free although nobody ended its transaction: since when.
        self.free_since: float | None = None
        # How often in a row its meter values were of a transaction that nobody knows.
        self.foreign: tuple[int, int] = (0, 0)
        self._status_at: float | None = None

    def reset_clock(self) -> None:
        """Trust whatever time comes next: the charge point may have lost its own."""
        self._status_at = None

    def take_status(
        self,
        payload: Mapping[str, Any],
        at: float | None,
        now: float,
        blank_texts: frozenset[str] = frozenset(),
    ) -> dict[str, JsonValue]:
        """Take a StatusNotification; return what it says, nothing if there is a newer one.

        Queued ones come late and in any order with StartTransaction (spec 3.1): the latest
        time counts, and one without a time is as new as it gets.
        """
        if not self.watches_status:
            return {}
        if at is not None and at >= CLOCKS_SET:
            at = min(at, now)  # a clock may be ahead, by years perhaps
            if self._status_at is not None and at < self._status_at:
                return {}
            self._status_at = at
        self.status = status = payload["status"]
        error = payload.get("errorCode", ChargePointErrorCode.NO_ERROR)
        faulted = status is ChargePointStatus.FAULTED
        values: dict[str, JsonValue] = {
            names.STATUS: state_name(status),
            names.ERROR_CODE: state_name(error),
            names.VENDOR_ERROR_CODE: _said(payload.get("vendorErrorCode"), blank_texts),
            names.ERROR_INFO: _said(payload.get("info"), blank_texts),
            names.VENDOR_ID: _said(payload.get("vendorId"), blank_texts),
            names.PROBLEM: faulted or error != ChargePointErrorCode.NO_ERROR,
        }
        if status is not ChargePointStatus.FAULTED:
            # A fault says nothing about that.
            operative = status is not ChargePointStatus.UNAVAILABLE
            values[names.OPERATIVE] = operative
        if self.connector_id:
            values[names.CHARGING] = status is ChargePointStatus.CHARGING
            if status in PLUGGED_IN:
                values[names.PLUGGED_IN] = True
            elif status in _FREE:
                values[names.PLUGGED_IN] = False
            # Faulted and Unavailable say nothing about the cable.
        if status in _FREE:
            self.free_since = self.free_since or now
        else:
            self.free_since = None
        return values

    def session_values(
        self, transaction: Transaction | None, tag: str, now: float
    ) -> dict[str, JsonValue]:
        """Return what is shown of a session; one that is over until the car is gone."""
        if transaction is None or (
            transaction.ended is not None and self.status in _FREE
        ):
            return dict(_NO_SESSION)
        return {
            names.IN_SESSION: transaction.ended is None,
            names.SESSION_ENERGY: round(transaction.energy_wh / 1000, 3),
            names.SESSION_DURATION: round(transaction.duration(now)),
            names.SESSION_START: iso(transaction.started),
            names.TRANSACTION_ID: None
            if transaction.ended is not None
            else transaction.id,
            names.ID_TAG: tag or None,
        }

    def to_dict(self) -> dict[str, Any]:
        """Return what is kept over restarts."""
        return {
            "status": self.status,
            "values": dict(self.values),
            "total": self.total.to_dict(),
        }

    def restore(self, data: object) -> None:
        """Take up what was kept, as far as there is sense in it."""
        if not isinstance(data, Mapping):
            return
        self.total = EnergyCounter.from_dict(data.get("total"))
        if (status := data.get("status")) in list(ChargePointStatus):
            self.status = ChargePointStatus(status)
        if isinstance(values := data.get("values"), Mapping):
            self.values = {
                key: value
                for key, value in values.items()
                if isinstance(key, str)
                and (key in _KEPT or split_name(key) is not None)
                and isinstance(value, str | int | float | bool | None)
            }
            self.meter.restore(self.values, time.time())


# The start of a session is shown with each of its messages.
@lru_cache(maxsize=256)
def iso(seconds: float) -> str:
    """Return a time as text, as datapoints have it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _said(text: object, blank_texts: frozenset[str]) -> str | None:
    """Return a vendor's own word on an error, None if it says nothing."""
    if not isinstance(text, str):
        return None
    text = text.strip()
    if text.lower() in _NOTHING or text.lower() in blank_texts:
        return None
    return text[:255]


_KEPT = frozenset(
    value
    for name, value in vars(names).items()
    if name.isupper() and type(value) is str
)
