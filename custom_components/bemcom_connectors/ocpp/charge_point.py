"""One charge point: who it is, its connection, and what is kept of it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
import logging
import sys
import time
from typing import Any

from ..connector.model import JsonValue
from ..connector.sensor_flow import DEFAULT_MAX_DATAPOINTS
from . import datapoints as names
from .actions import read_request
from .calls import CallFailed, CallReason
from .clock import DeviceClock
from .configuration import Configuration
from .connector_state import ConnectorState, iso
from .control import Control
from .frames import Call, ErrorCode, Refused
from .handshake import Arrival, proves
from .host import Host
from .incoming import HANDLERS
from .leniencies import Leniencies
from .limits import Limits
from .model import MAX_CONNECTORS, ChargePointConfig, Identity, by_connector
from .profiles import Profiles
from .quirks import Adjustments, Quirk, adjustments, quirks_of
from .session import MAX_SILENCE, SILENCE_LIMIT, Session, new_history
from .startup import StartUp

_LOGGER = logging.getLogger(__name__)

# A charge point that only lost its connection need not boot (OCPP-J 5.4); so long it may.
BOOT_GRACE = 10.0
# A charge point may have so many datapoints, which is more than any needs.
MAX_DATAPOINTS = DEFAULT_MAX_DATAPOINTS


@dataclass(slots=True)
class FirmwareState:
    """How a firmware update goes on, in OCPP's words as states; empty: nothing was said."""

    status: str = ""


class ChargePoint:
    """A charge point that the user added, on line or not."""

    def __init__(self, config: ChargePointConfig, host: Host) -> None:
        """Know nothing but what the user said."""
        self.config = config
        self.host = host
        self.identity = Identity()
        self.quirks: frozenset[Quirk] = frozenset()
        self.adjustments: Adjustments = adjustments(self.quirks)
        self.configuration = Configuration()
        self.connectors: dict[int, ConnectorState] = {}
        self.firmware = FirmwareState()
        self.leniencies = Leniencies()
        self.history = new_history()
        self.session: Session | None = None
        self.start_up = StartUp(self)
        self.control = Control(self)
        self.profiles = Profiles(self)
        self.limits = Limits(self)
        # How often anything was asked of it.
        self.asked = 0
        self.connections = 0
        self.boots = 0
        self.last_seen: float | None = None
        # When it last sent meter values.
        self.metered = 0.0
        # The latest swipe, so that a start that follows is not one more.
        self.last_swipe: tuple[str, float] = ("", 0.0)
        # The connectors that said how they are since the connection was made.
        self.notified: set[int] = set()
        self._clock = DeviceClock()
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: asyncio.Task[None] | None = None
        self._adjust()

    @property
    def id(self) -> str:
        """Return its id, the last segment of the URL that it dials."""
        return self.config.id

    @property
    def online(self) -> bool:
        """Tell whether it is connected."""
        return self.session is not None

    @property
    def connector_ids(self) -> Sequence[int]:
        """Return its connectors as far as they are known, without 0."""
        return sorted(it for it in self.connectors if it)

    @property
    def has_statuses(self) -> bool:
        """Tell whether every connector said how it is since the connection was made."""
        return bool(self.connector_ids) and self.notified.issuperset(self.connector_ids)

    # Connection

    def is_shown_by(self, arrival: Arrival) -> bool:
        """Tell whether who comes proves to be it, as far as that is asked for."""
        return proves(arrival, self.config, self.identity.serial_number)

    def attach(self, session: Session, *, invite: bool = False) -> None:
        """Take a connection for that of this charge point, instead of a former one.

        `invite` asks it to boot, as its earlier attempts were not accepted.
        """
        former, self.session = self.session, session
        session.handler = self.handle
        session.history = self.history
        session.notes = self.leniencies
        session.frame_limit = sys.maxsize
        self._be_patient()
        self.connections += 1
        self.notified.clear()
        if former is not None and former is not session:
            self.start_up.cancel()
            self.spawn(former.close(reason="Replaced by a new connection"))
        self.show(0, {names.CONNECTED: True})
        self.host.tell(lambda it: it.on_availability(self.id))
        if invite:
            self.spawn(self.trigger("BootNotification"))
        self._cancel_waiting()
        self._waiting = self.spawn(self._start_without_boot())

    def detach(self, session: Session) -> None:
        """Let go of a connection that is closed; that of a former one changes nothing."""
        if self.session is not session:
            return
        self.session = None
        self._cancel_waiting()
        self.start_up.cancel(lost=True)
        self.show(0, {names.CONNECTED: False})
        self.host.tell(lambda it: it.on_availability(self.id))
        self.host.changed()

    async def call(
        self,
        action: str,
        payload: dict[str, JsonValue],
        timeout: float | None = None,
        *,
        raw: bool = False,
    ) -> dict[str, Any]:
        """Ask something of the charge point; raises CallFailed with the reason.

        `raw` leaves the answer as it came.
        """
        if self.session is None:
            raise CallFailed(CallReason.NOT_CONNECTED, action)
        session = self.session
        timeout = (timeout or session.call_timeout) * self.adjustments.patience
        self.asked += 1
        return await session.call(action, payload, timeout, raw=raw)

    async def trigger(self, message: str, connector_id: int = 0) -> None:
        """Ask for a message, if the charge point knows how to be asked."""
        payload: dict[str, JsonValue] = {"requestedMessage": message}
        if connector_id:
            payload["connectorId"] = connector_id
        try:
            await self.call("TriggerMessage", payload)
        except CallFailed as err:
            _LOGGER.debug("%s: %s", self.id, err)

    async def close(self, reason: str = "") -> None:
        """Hang up and end what runs."""
        session, self.session = self.session, None
        self.start_up.cancel()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if session is not None:
            await session.close(reason=reason)

    def spawn(self, work: Any) -> asyncio.Task[None]:
        """Run something beside, until the charge point is closed."""
        task: asyncio.Task[None] = asyncio.create_task(
            work, name=f"charge point {self.id}"
        )
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        """Forget a task; what went wrong in it is said once."""
        self._tasks.discard(task)
        if not task.cancelled() and (err := task.exception()) is not None:
            self.host.log_once(
                f"{self.id} {type(err).__name__}",
                "Charge point %s: %s: %s",
                self.id,
                type(err).__name__,
                err,
            )

    async def _start_without_boot(self) -> None:
        """Start up although it did not boot, which it need not after a mere reconnect."""
        await asyncio.sleep(BOOT_GRACE)
        self._waiting = None
        await self.start_up.run(booted=False)

    def _cancel_waiting(self) -> None:
        """Wait no longer for a BootNotification."""
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    # What it sends

    def handle(self, session: Session, call: Call) -> JsonValue:
        """Answer a CALL; raises Refused where that is an error."""
        if session is not self.session:
            # It is about to be hung up on.
            raise Refused(ErrorCode.SECURITY_ERROR, "This connection is over")
        now = time.time()
        self.last_seen = now
        self.host.received(self.id, call.action, call.payload)
        payload = read_request(call.action, call.payload, self.leniencies)
        return HANDLERS[call.action](self, payload, now)

    def introduce(self, identity: Identity) -> None:
        """Take up who it said it was before it was added, if nothing else is known."""
        if self.identity == Identity() != identity:
            self._identified(identity)

    def booted(self, identity: Identity, now: float) -> None:
        """Take up who it is, and start it up."""
        self.boots += 1
        self.profiles.booted()
        self._cancel_waiting()
        for connector in self.connectors.values():
            connector.reset_clock()
        if identity.firmware_version != self.identity.firmware_version:
            # Not all say that an update is over, which this shows.
            self.firmware.status = ""
        if identity != self.identity:
            self._identified(identity)
        self.show(0, {names.LAST_BOOT: iso(now)})
        self.spawn(self.start_up.run(booted=True))

    def _identified(self, identity: Identity) -> None:
        """Know who it is, and what it needs."""
        self.identity = identity
        self._adjust()
        self.host.tell(lambda it: it.on_identity(self.id))
        self.host.changed(urgent=True)

    # Start-up's target

    def connectors_reported(self, count: int) -> None:
        """Have as many connectors as the charge point says it has."""
        for connector_id in range(1, min(count, MAX_CONNECTORS) + 1):
            self.connector(connector_id)

    def changed(self) -> None:
        """Note that something is worth keeping, its configuration perhaps."""
        self._be_patient()
        self.host.changed()

    def wishes(self, booted: bool) -> Mapping[str, Callable[[], Awaitable[str]]]:
        """Return the steps that have it be as the user left it, by their names."""
        steps = {"availability": self.control.reapply_availability}
        if booted:
            steps |= {"profiles": self.profiles.reapply, "limits": self.limits.reapply}
        return steps

    # Sessions

    def transaction_started(self, connector_id: int) -> None:
        """Take that a transaction began on a connector."""
        if connector_id in self.connectors:
            self.profiles.transaction_started(connector_id)
            self.limits.transaction_started(connector_id)

    def transaction_ended(self, connector_id: int) -> None:
        """Take that a transaction on a connector is over."""
        if connector_id in self.connectors:
            self.profiles.transaction_ended(connector_id)
            self.limits.transaction_ended(connector_id)

    # What is known of it

    def connector(self, connector_id: int) -> ConnectorState | None:
        """Return a connector, a new one if need be; None: there is none of such a number."""
        if (found := self.connectors.get(connector_id)) is not None:
            return found
        if not 0 <= connector_id <= MAX_CONNECTORS:
            self.leniencies.note("connector number out of range")
            return None
        found = ConnectorState(connector_id, self._clock)
        self.connectors[connector_id] = found
        self._watch_statuses()
        self.host.connectors_changed(self.id)
        self.host.tell(lambda it: it.on_connector(self.id, connector_id))
        if connector_id:
            self.show(connector_id, {names.IN_SESSION: self._is_in_use(connector_id)})
        return found

    def _is_in_use(self, connector_id: int) -> bool:
        """Tell whether a transaction runs on a connector."""
        return self.host.book.open_of(self.id, connector_id) is not None

    def show(self, connector_id: int, values: Mapping[str, JsonValue]) -> None:
        """Publish values of a connector; 0: of the charge point."""
        if not values or (connector := self.connector(connector_id)) is None:
            return
        before = len(connector.values)
        connector.values.update(values)
        if len(connector.values) != before and not self._has_room():
            for name in list(connector.values)[before:]:
                del connector.values[name]
            self.leniencies.note("more datapoints than there is room for")
            values = {key: it for key, it in values.items() if key in connector.values}
        self.host.show(self.id, connector_id, values)

    def _has_room(self) -> bool:
        """Tell whether its datapoints are no more than the share of one charge point."""
        count = sum(len(it.values) for it in self.connectors.values())
        return count <= MAX_DATAPOINTS

    def set_config(self, config: ChargePointConfig) -> None:
        """Take up what the user says now; it hangs up if that is another password."""
        former, self.config = self.config, config
        self._adjust()
        if config.password != former.password or (
            config.certificate_name != former.certificate_name
        ):
            if (session := self.session) is not None:
                self.start_up.cancel()
                self.detach(session)
                self.spawn(session.close(reason="Its credentials changed"))
        elif self.online and config != former:
            self.spawn(self.start_up.run(booted=False))

    def _adjust(self) -> None:
        """Find the quirks, the user's choice before what is known of its model."""
        if self.config.quirks is None:
            self.quirks = quirks_of(self.identity, self.id)
        else:
            self.quirks = frozenset(it for it in Quirk if it in self.config.quirks)
        self.adjustments = adjustments(self.quirks)
        self._watch_statuses()
        self._be_patient()

    def _be_patient(self) -> None:
        """Wait as long for a sign of life as the charge point needs."""
        if self.session is not None:
            known = self.configuration.number("HeartbeatInterval") or 0
            beats = max(known, self.config.heartbeat_interval or 0)
            self.session.silence_limit = max(
                self.adjustments.silence_limit or SILENCE_LIMIT,
                min(2.0 * beats, MAX_SILENCE),
            )

    def _watch_statuses(self) -> None:
        """Leave the charge point's own status aside where it is known to be noise."""
        if (connector := self.connectors.get(0)) is not None:
            ignored = self.adjustments.ignore_status_of_charge_point
            connector.watches_status = not ignored

    # What is kept

    def to_dict(self) -> dict[str, Any]:
        """Return what is kept over restarts."""
        return {
            "identity": self.identity.to_dict(),
            "configuration": self.configuration.to_dict(),
            "connectors": {
                str(key): it.to_dict() for key, it in self.connectors.items()
            },
            "control": self.control.to_dict(),
            "profiles": self.profiles.to_dict(),
            "limits": self.limits.to_dict(),
        }

    def restore(self, data: object) -> None:
        """Take up what was kept, as far as there is sense in it."""
        if not isinstance(data, Mapping):
            return
        self.identity = Identity.from_dict(data.get("identity"))
        self.configuration = Configuration.from_dict(data.get("configuration"))
        for connector_id, value in by_connector(data.get("connectors")):
            if (connector := self.connector(connector_id)) is not None:
                connector.restore(value)
                if connector_id:
                    is_in_use = self._is_in_use(connector_id)
                    connector.values[names.IN_SESSION] = is_in_use
        self._adjust()
        self.control.restore(data.get("control"))
        self.profiles.restore(data.get("profiles"))
        self.limits.restore(data.get("limits"))
