"""A wallbox with two connectors that dials in to a central system (OCPP 1.6).

Run it with guests by `python -m demo.wallbox ws://127.0.0.1:9000`, or start it from a test:

    async with ChargePoint("ws://127.0.0.1:9000", "WALLBOX-1") as charge_point:
        charge_point.plug_in(1)
        await charge_point.swipe(1, "MY-TAG")

What it must tell waits in a queue, with its own time, until the central system has taken
it: over reconnects, and while the central system is away.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
import logging
from pathlib import Path
import time
from typing import Any, Self

from demo.charge_point_commands import Commands
from demo.charge_point_link import ChargePointLink, OfflineError, Payload, RefusedError
from demo.charge_point_memory import Memory
from demo.charge_point_settings import Settings
from demo.charge_point_talk import Identity, Message, Talk
from demo.charging import Car, Socket, Transaction
from demo.charging_profiles import ChargingProfiles, moment_of

_LOGGER = logging.getLogger(__name__)

RATED_CURRENT = 16.0
# Seconds into a session.
_FIRST_SAMPLE = 5

_CLOCK = "Sample.Clock"
_PERIODIC = "Sample.Periodic"


class ChargePoint:
    """A simulated wallbox."""

    def __init__(
        self,
        url: str,
        charge_point_id: str = "DEMO-1",
        *,
        password: str = "",
        connectors: int = 2,
        identity: Identity | None = None,
        memory: Path | None = None,
        tick: float = 1.0,
        reboot_time: float = 3.0,
        back_off: tuple[float, float] = (1.0, 30.0),
    ) -> None:
        """Be switched off; `memory` is the file that keeps what survives that."""
        self.id = charge_point_id
        self.settings = Settings(connectors)
        self.profiles = ChargingProfiles(RATED_CURRENT)
        self.sockets = {
            number: Socket(number, rated_current=RATED_CURRENT)
            for number in range(1, connectors + 1)
        }
        self.tick = tick
        self.reboot_time = reboot_time
        self.link = ChargePointLink(
            url,
            charge_point_id,
            Commands(self).answer,
            password=password,
            back_off=back_off,
        )
        self.talk = Talk(
            self.link, self.settings, identity or Identity(), self._report_all, tick
        )
        # Set while the central system has accepted it.
        self.registered = self.talk.registered
        self._memory = Memory(memory)
        self._operative = True
        self._reported: dict[int, str] = {}
        self._sampled: dict[int, float] = {}
        self._clock_aligned = time.time()
        self._arrivals = {number: asyncio.Event() for number in self.sockets}
        self._ends = {number: asyncio.Event() for number in self.sockets}
        self._begins: dict[int, dict[str, Any]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Switch it on."""
        for number in self._memory.recall(self.sockets):
            self.stop_transaction(number, "PowerLoss")
            self.sockets[number].finishing = False
        for loop in (self.link.run(), self.talk.run(), self._tick_forever()):
            self._run(loop)

    async def stop(self) -> None:
        """Cut its power."""
        self._memory.keep(self.sockets)
        for task in tuple(self._tasks):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        self.talk.forget()

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop()

    # What people do at the wallbox.

    def plug_in(self, number: int, car: Car | None = None) -> None:
        """Plug a car in."""
        self.sockets[number].car = car or Car()
        self._arrivals[number].set()
        self.report(number)

    def unplug(self, number: int) -> None:
        """Take the car away."""
        if self.sockets[number].transaction is not None:
            self.stop_transaction(number, "EVDisconnected")
        self.sockets[number].car = None
        self._arrivals[number].clear()
        self.sockets[number].finishing = False
        self.report(number)

    async def swipe(self, number: int, id_tag: str) -> bool:
        """Hold a card to the reader; return whether a session begins."""
        transaction = self.sockets[number].transaction
        if transaction is not None:
            if transaction.id_tag.casefold() == id_tag.casefold():
                self.stop_transaction(number, "Local")
            return False
        if not await self._authorize(id_tag):
            return False
        self.begin_transaction(number, id_tag)
        return True

    async def session_end(self, number: int) -> None:
        """Return once no session runs at a connector."""
        await self._ends[number].wait()

    # What the central system makes it do.

    def boot_again(self) -> None:
        """Say again who it is."""
        self.talk.boot_again()

    def set_operative(self, connector_id: int, *, operative: bool) -> None:
        """Take a connector in or out of service."""
        for number in (connector_id,) if connector_id else (0, *self.sockets):
            if number:
                self.sockets[number].operative = operative
            else:
                self._operative = operative
            self.report(number)

    def let_in(
        self, connector_id: int, id_tag: str, profile: Payload | None = None
    ) -> None:
        """Begin a session from afar, once a car is there."""
        self._run(self._begin_remotely(connector_id, id_tag, profile))

    def restart(self, kind: str) -> None:
        """Reboot: `Soft` after the sessions are over, `Hard` in the middle of them."""
        self._run(self._reboot(kind))

    def stop_transaction(self, connector_id: int, reason: str) -> None:
        """End a session."""
        socket = self.sockets[connector_id]
        transaction, socket.transaction = socket.transaction, None
        if transaction is None:
            return
        socket.current = 0.0
        socket.finishing = True
        ended, meter_stop = time.time(), round(socket.register_wh)
        data = self._transaction_data(socket, ended)

        def payload() -> Payload:
            return {
                "transactionId": transaction.known_as,
                "idTag": transaction.id_tag,
                "meterStop": meter_stop,
                "timestamp": moment_of(ended),
                "reason": reason,
                **({"transactionData": data} if data else {}),
            }

        self.talk.tell(Message("StopTransaction", payload))
        self.profiles.end_transaction(connector_id)
        self._ends[connector_id].set()
        self._memory.keep(self.sockets)
        self.report(connector_id)

    def begin_transaction(
        self, number: int, id_tag: str, profile: Payload | None = None
    ) -> None:
        """Begin a session."""
        socket = self.sockets[number]
        transaction = Transaction(
            id_tag, time.time(), round(socket.register_wh), profile=profile
        )
        socket.transaction, socket.finishing = transaction, False
        self._ends[number].clear()
        measurands = self.settings.items("StopTxnSampledData")
        self._begins[number] = {
            "timestamp": moment_of(transaction.started),
            "sampledValue": socket.samples(measurands, "Transaction.Begin"),
        }

        def payload() -> Payload:
            return {
                "connectorId": number,
                "idTag": id_tag,
                "meterStart": transaction.meter_start,
                "timestamp": moment_of(transaction.started),
            }

        def take(answer: Payload) -> None:
            transaction.id = answer["transactionId"]
            self._memory.keep(self.sockets)
            refused = answer["idTagInfo"]["status"] != "Accepted"
            if socket.transaction is not transaction:
                return
            if refused and self.settings.flag("StopTransactionOnInvalidId"):
                self.stop_transaction(number, "DeAuthorized")
            elif transaction.profile is not None:
                self.profiles.set(number, transaction.profile, transaction.id)

        self.talk.tell(Message("StartTransaction", payload, take))
        # The first values come soon.
        interval = self.settings.number("MeterValueSampleInterval")
        self._sampled[number] = time.monotonic() - max(0, interval - _FIRST_SAMPLE)
        self.report(number)

    # What it tells.

    def notify(self, action: str, payload: Payload) -> None:
        """Send something once that is possible."""
        self.talk.tell(Message(action, lambda: payload))

    def report(self, connector_id: int, *, changed_only: bool = True) -> None:
        """Send a connector's status; 0 is the charge point's own."""
        socket = self.sockets.get(connector_id)
        if socket is not None:
            status, error = socket.status, socket.error
        else:
            status, error = "Available" if self._operative else "Unavailable", "NoError"
        # Before it is accepted it has nothing to say; then it says everything.
        known = self._reported.get(connector_id) == status
        if changed_only and (known or not self.registered.is_set()):
            return
        self._reported[connector_id] = status
        self.notify(
            "StatusNotification",
            {
                "connectorId": connector_id,
                "errorCode": error,
                "status": status,
                "timestamp": moment_of(time.time()),
            },
        )

    def _report_all(self) -> None:
        for number in (0, *self.sockets):
            self.report(number)

    def sample(self, connector_id: int, context: str) -> None:
        """Send what a connector's meter shows."""
        key = (
            "MeterValuesAlignedData" if context == _CLOCK else "MeterValuesSampledData"
        )
        socket = self.sockets[connector_id]
        values = socket.samples(self.settings.items(key), context)
        if not values:
            return
        entry = {"timestamp": moment_of(time.time()), "sampledValue": values}
        transaction = socket.transaction

        def payload() -> Payload:
            whose = (
                {} if transaction is None else {"transactionId": transaction.known_as}
            )
            return {"connectorId": connector_id, **whose, "meterValue": [entry]}

        self.talk.tell(Message("MeterValues", payload))

    def _transaction_data(self, socket: Socket, ended: float) -> list[Payload]:
        """Return what the meter showed at the begin and shows at the end."""
        begin = self._begins.pop(socket.number, None)
        measurands = self.settings.items("StopTxnSampledData")
        values = socket.samples(measurands, "Transaction.End")
        if begin is None or not begin["sampledValue"] or not values:
            return []
        return [begin, {"timestamp": moment_of(ended), "sampledValue": values}]

    # How it lives.

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOGGER.error("%s: something ended", self.id, exc_info=error)

    async def _authorize(self, id_tag: str) -> bool:
        """Ask whether a tag may charge; everybody may while nobody can be asked."""
        try:
            answer = await self.link.call("Authorize", {"idTag": id_tag})
        except OfflineError:
            return self.settings.flag("LocalAuthorizeOffline")
        except RefusedError:
            return False
        return bool(answer["idTagInfo"]["status"] == "Accepted")

    async def _begin_remotely(
        self, number: int, id_tag: str, profile: Payload | None
    ) -> None:
        socket = self.sockets[number]
        if self.settings.flag("AuthorizeRemoteTxRequests") and not (
            await self._authorize(id_tag)
        ):
            return
        socket.awaited = True
        self.report(number)
        with suppress(TimeoutError):
            async with asyncio.timeout(self.settings.number("ConnectionTimeOut")):
                await self._arrivals[number].wait()
        socket.awaited = False
        if socket.car is not None and socket.transaction is None:
            self.begin_transaction(number, id_tag, profile)
        self.report(number)

    async def _reboot(self, kind: str) -> None:
        if kind == "Soft":
            for number in self.sockets:
                self.stop_transaction(number, "SoftReset")
            with suppress(TimeoutError):
                await asyncio.wait_for(self.talk.all_said.wait(), 10)
        # The answer to the request goes first.
        await asyncio.sleep(0.1)
        await self.link.pull_cable()
        self.registered.clear()
        self._reported.clear()
        for number in self.sockets:
            self.stop_transaction(number, "HardReset")
        await asyncio.sleep(self.reboot_time)
        self.link.plug_cable()

    async def _tick_forever(self) -> None:
        """Let time pass at the connectors."""
        before = time.monotonic()
        while True:
            await asyncio.sleep(self.tick)
            now, wall = time.monotonic(), time.time()
            for socket in self.sockets.values():
                started = socket.transaction.started if socket.transaction else wall
                limit = self.profiles.limit_at(socket.number, wall, started)
                socket.advance(now - before, limit)
                self.report(socket.number)
            before = now
            self._sample_where_due(now, wall)
            self.link.ping_interval = self.settings.number("WebSocketPingInterval")

    def _sample_where_due(self, now: float, wall: float) -> None:
        interval = self.settings.number("MeterValueSampleInterval")
        for number, socket in self.sockets.items():
            since = now - self._sampled.get(number, 0.0)
            # A tick is never late by a whole half.
            if interval and socket.transaction and since >= interval - self.tick / 2:
                self._sampled[number] = now
                self.sample(number, _PERIODIC)
        aligned = self.settings.number("ClockAlignedDataInterval")
        if aligned and wall // aligned != self._clock_aligned // aligned:
            for number in self.sockets:
                self.sample(number, _CLOCK)
            self._memory.keep(self.sockets)
        self._clock_aligned = wall
