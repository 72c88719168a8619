"""Setting up a charge point that is connected: once per start, gently, step by step."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
import time
from typing import Any, Protocol

from ..connector.model import ConnectorError, JsonValue
from .calls import CallFailed, CallReason
from .configuration import ACCEPTED, NOT_THERE, Configuration, is_refusal
from .configuration_reading import read_configuration
from .key_writing import KeyWriter
from .model import MAX_CONNECTORS, ChargePointConfig, Identity
from .quirks import Adjustments

# So long a BootNotification that was asked for may take, and statuses.
BOOT_WAIT = 10.0
STATUS_WAIT = 2.0

# A charge point that leaves so many calls of one run without an answer is left in peace.
MAX_TIMEOUTS = 3
# Who refuses a trigger for so many connectors refuses it for the others as well.
_MAX_REFUSALS = 2

# A step in which the connection was lost so often in a row is left out for a day, and
# for twice as long each time it is lost again.
_MAX_LOSSES = 2
_DAY = 86400.0
_MAX_DOUBLINGS = 5

# One that starts so often within so long is asked nothing that it told already, as that may
# be what it does not survive.
_MAX_BOOTS = 3
_RESTLESS = 900.0

_READING = "configuration"
_LEFT_OUT = "left out"
# No outcome is longer.
_MAX_TEXT = 100

# No answer can be hoped for.
_GONE = frozenset({CallReason.CLOSED, CallReason.NOT_CONNECTED})


class Target(Protocol):
    """The charge point, as its start-up sequence sees it."""

    config: ChargePointConfig
    adjustments: Adjustments
    configuration: Configuration
    identity: Identity
    # How often anything was asked of it.
    asked: int

    @property
    def connector_ids(self) -> Sequence[int]:
        """Return its connectors as far as they are known, without 0."""

    @property
    def has_statuses(self) -> bool:
        """Tell whether every connector said how it is since the connection was made."""

    async def call(self, action: str, payload: dict[str, JsonValue]) -> dict[str, Any]:
        """Ask something of the charge point; raises CallFailed."""

    def connectors_reported(self, count: int) -> None:
        """Take how many connectors the charge point says it has."""

    def changed(self) -> None:
        """Take that something is worth keeping."""

    def wishes(self, booted: bool) -> Mapping[str, Callable[[], Awaitable[str]]]:
        """Return the steps that have it be as the user left it, by their names."""


class StartUp:
    """The sequence of steps; each may fail, and the others are done nevertheless.

    What came of each is in `report`. A run that is asked for meanwhile follows, once.
    """

    def __init__(
        self,
        target: Target,
        *,
        boot_wait: float = BOOT_WAIT,
        status_wait: float = STATUS_WAIT,
    ) -> None:
        """Do nothing yet."""
        self.report: dict[str, str] = {}
        self._target = target
        self._boot_wait = boot_wait
        self._status_wait = status_wait
        self._writer = KeyWriter(target, self._call)
        self._task: asyncio.Task[Any] | None = None
        self._requested = asyncio.Event()
        self._booted = False
        self._boot_asked = False
        self._broken_off = 0
        self._boots: deque[float] = deque(maxlen=_MAX_BOOTS)
        self._step = ""
        # The step of the first call that has no answer, nor any after it.
        self._suspect = ""
        self._calls = 0
        self._timeouts = 0
        self._disconnected = False

    @property
    def running(self) -> bool:
        """Tell whether the sequence is under way."""
        return self._task is not None

    async def run(self, *, booted: bool) -> None:
        """Do all steps; `booted`: after a BootNotification, so that nothing is certain.

        Returns at once if the sequence is under way, which is then done again.
        """
        if booted and self._timeouts:
            # What had no answer was the last thing it heard before it started anew.
            self._blame()
        self._booted |= booted
        self._requested.set()
        if self._task is not None:
            return
        self._task = task = asyncio.current_task()
        self._boot_asked = False
        self._broken_off = 0
        try:
            while self._requested.is_set():
                await self._run_once()
        finally:
            if self._task is task:
                self._task = None

    def cancel(self, *, lost: bool = False) -> None:
        """End the sequence; `lost`: because the connection is, perhaps by what was asked."""
        task, self._task = self._task, None
        self._requested.clear()
        self._booted = False
        if lost:
            self._blame()
        self._suspect = ""
        if task is not None:
            task.cancel()

    async def _run_once(self) -> None:
        """Do all steps, until they shall be done anew."""
        if self._booted:
            await asyncio.sleep(self._target.adjustments.boot_delay)
        booted, self._booted = self._booted and not self._is_restless(), False
        self._requested.clear()
        self._calls = self._timeouts = 0
        self._suspect = ""
        self._disconnected = False
        configuration = self._target.configuration
        before = configuration.to_dict()
        self._prepare(booted)
        self.report = {}
        try:
            for name, step in self._steps(booted).items():
                self.report[name] = await self._try(name, step)
                if self._booted and self._broken_off < _MAX_BOOTS:
                    # What was found may be no longer so, or who it is known by now.
                    self._broken_off += 1
                    break
        finally:
            if configuration.to_dict() != before:
                self._target.changed()

    def _steps(self, booted: bool) -> Mapping[str, Callable[[], Awaitable[str]]]:
        """Return the steps by their names, in their order."""
        writer = self._writer
        config = self._target.config
        return {
            "identity": self._identify,
            _READING: lambda: self._read(booted),
            "connectors": self._count_connectors,
            "measurands": lambda: writer.choose_measurands(booted),
            "sample_interval": lambda: writer.set_interval(
                "MeterValueSampleInterval", config.sample_interval
            ),
            "clock_aligned_interval": lambda: writer.set_interval(
                "ClockAlignedDataInterval", config.clock_aligned_interval
            ),
            "heartbeat_interval": lambda: writer.set_heartbeat(booted),
            "websocket_ping_interval": lambda: writer.set_interval(
                "WebSocketPingInterval",
                config.websocket_ping_interval,
                known_only=True,
            ),
            "statuses": self._ask_statuses,
            **{
                name: partial(self._watch_whole, step)
                for name, step in self._target.wishes(booted).items()
            },
            "meter_values": lambda: self._trigger("MeterValues", lambda: True),
        }

    def _prepare(self, booted: bool) -> None:
        """Forget what may no longer be so."""
        configuration = self._target.configuration
        firmware = self._target.identity.firmware_version
        if firmware and configuration.read_with not in {None, firmware}:
            configuration.forget()
        if booted:
            # It may have been busy.
            configuration.refused.clear()
            configuration.reboot_required.clear()

    async def _try(self, name: str, step: Callable[[], Awaitable[str]]) -> str:
        """Do a step, and return what came of it."""
        if self._disconnected or self._timeouts >= MAX_TIMEOUTS:
            return _LEFT_OUT
        if self._is_dangerous(name):
            return "left out, the connection was lost in it"
        self._step = name
        calls = self._calls
        losses = self._target.configuration.losses
        try:
            outcome = await step()
        except CallFailed as err:
            self._timeouts += err.reason is CallReason.TIMEOUT
            self._disconnected = err.reason in _GONE
            return f"{err.reason} {err.code[:40]}".strip()
        except ConnectorError as err:
            # It does not want that, whatever the user wants.
            return str(err)[:_MAX_TEXT]
        if self._calls > calls and name in losses:
            _, at = losses.pop(name)
            if name == _READING:
                # It goes well because it is done gently since then.
                losses[name] = (1, at)
        return outcome

    async def _call(self, action: str, payload: dict[str, JsonValue]) -> dict[str, Any]:
        """Ask something of the charge point, with a pause where it needs that."""
        if self._calls and (pause := self._target.adjustments.call_pause):
            await asyncio.sleep(pause)
        self._calls += 1
        return await self._watch(self._target.call(action, payload))

    async def _watch_whole(self, step: Callable[[], Awaitable[str]]) -> str:
        """Do a step of others, that asks what it wants in its own way."""
        asked, suspect = self._target.asked, self._suspect
        outcome = await self._watch(step())
        if self._target.asked == asked:
            # There was nothing to ask, which says nothing of the connection.
            self._suspect = suspect
        self._calls += self._target.asked - asked
        return outcome

    async def _watch[T](self, work: Awaitable[T]) -> T:
        """Wait for what asks something, and note if that costs the connection."""
        self._suspect = self._suspect or self._step
        try:
            result = await work
        except CallFailed as err:
            if err.reason is CallReason.CLOSED:
                self._blame()
            elif err.reason is not CallReason.TIMEOUT:
                self._suspect = ""
            raise
        except ConnectorError:
            self._suspect = ""
            raise
        self._suspect = ""
        return result

    # Steps that cost the connection

    def _blame(self) -> None:
        """Note in which step the connection was lost, if in any."""
        step, self._suspect = self._suspect, ""
        if step:
            losses = self._target.configuration.losses
            count, _ = losses.get(step, (0, 0.0))
            losses[step] = (count + 1, time.time())
            self._target.changed()

    def _is_restless(self) -> bool:
        """Tell whether it starts again and again; call that once for each start."""
        now = time.monotonic()
        is_often = len(self._boots) == _MAX_BOOTS and now - self._boots[0] < _RESTLESS
        self._boots.append(now)
        return is_often

    def _is_dangerous(self, step: str) -> bool:
        """Tell whether a step is better left out."""
        count, at = self._target.configuration.losses.get(step, (0, 0.0))
        if count < _MAX_LOSSES:
            return False
        rest = _DAY * (1 << min(count - _MAX_LOSSES, _MAX_DOUBLINGS))
        return 0 <= time.time() - at < rest

    # The steps

    async def _identify(self) -> str:
        """Have it say who it is, if that is not known: what it needs depends on that."""
        if self._target.identity != Identity() or self._boot_asked:
            return "known"
        if (reason := self._why_no_trigger()) is not None:
            return reason
        self._boot_asked = True
        status = await self._ask("BootNotification")
        if status == ACCEPTED:
            try:
                async with asyncio.timeout(self._boot_wait):
                    await self._requested.wait()
            except TimeoutError:
                return "accepted, but it did not come"
        return status.lower()

    async def _read(self, booted: bool) -> str:
        """Read the configuration, unless it is known."""
        adjustments = self._target.adjustments
        configuration = self._target.configuration
        if not adjustments.read_configuration:
            return _LEFT_OUT
        if not booted and configuration.read_with is not None:
            return "known"
        await read_configuration(
            self._call,
            configuration,
            adjustments,
            one_at_a_time=_READING in configuration.losses,
        )
        configuration.read_with = self._target.identity.firmware_version
        return f"{len(configuration.keys)} keys"

    async def _count_connectors(self) -> str:
        """Tell how many connectors there are."""
        count = self._target.configuration.number("NumberOfConnectors")
        if count is None or not 1 <= count <= MAX_CONNECTORS:
            return "unknown"
        self._target.connectors_reported(count)
        return str(count)

    async def _ask_statuses(self) -> str:
        """Have it say how its connectors are, unless it did."""
        if self._target.has_statuses:
            return "known"
        return await self._trigger(
            "StatusNotification", lambda: self._target.has_statuses
        )

    async def _trigger(self, message: str, arrived: Callable[[], bool]) -> str:
        """Have it send messages: at once, or else for each connector."""
        if (reason := self._why_no_trigger()) is not None:
            return reason
        status = await self._ask(message)
        if status == ACCEPTED and not arrived():
            await asyncio.sleep(self._status_wait)
        if status == "NotImplemented" or (status == ACCEPTED and arrived()):
            return status.lower()
        refusals = 0
        for connector_id in self._target.connector_ids[:MAX_CONNECTORS]:
            status = await self._ask(message, connector_id)
            refusals += status != ACCEPTED
            if refusals >= _MAX_REFUSALS:
                break
        return status.lower()

    def _why_no_trigger(self) -> str | None:
        """Return why it cannot be asked to send messages; None: it can."""
        profiles = self._target.configuration.profiles
        if not self._target.adjustments.triggers:
            return _LEFT_OUT
        return "not supported" if profiles and "remotetrigger" not in profiles else None

    async def _ask(self, message: str, connector_id: int = 0) -> str:
        """Have it send a message, and return whether it will; raises CallFailed."""
        payload: dict[str, JsonValue] = {"requestedMessage": message}
        if connector_id:
            payload["connectorId"] = connector_id
        try:
            answer = await self._call("TriggerMessage", payload)
        except CallFailed as err:
            # Some want a connector to be named, and have an error otherwise.
            if is_refusal(err):
                return "Rejected"
            if err.code in NOT_THERE:
                return "NotImplemented"
            raise
        return str(answer.get("status", ""))
