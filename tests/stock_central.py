"""A central system made of the `ocpp` package: it validates all that a charge point says."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
import itertools
from typing import Any

from ocpp.routing import on
from ocpp.v16 import ChargePoint as StockChargePoint, call_result
import websockets

NOW = "2026-11-21T12:00:00Z"


class StockCentral(StockChargePoint):
    """One connection; what came over it is kept in `log`."""

    ids = itertools.count(700)

    def __init__(self, central: Central, *args: Any, **kwargs: Any) -> None:
        """Answer as the central system says."""
        super().__init__(*args, **kwargs)
        self.central = central

    async def _send(self, message: str) -> None:
        """Keep errors: an answer that is one says the charge point is wrong."""
        if message.startswith("[4"):
            self.central.errors.append(message)
        await super()._send(message)

    def _heard(self, action: str, payload: dict[str, Any]) -> None:
        self.central.hear(action, payload)

    @on("BootNotification")
    def on_boot(self, **payload: Any) -> Any:
        """Keep it, and answer."""
        self._heard("BootNotification", payload)
        return call_result.BootNotification(
            current_time=NOW, interval=self.central.interval, status=self.central.status
        )

    @on("Heartbeat")
    def on_heartbeat(self, **payload: Any) -> Any:
        """Keep it, and answer."""
        self._heard("Heartbeat", payload)
        return call_result.Heartbeat(current_time=NOW)

    @on("StatusNotification")
    def on_status(self, **payload: Any) -> Any:
        """Keep it, and answer."""
        self._heard("StatusNotification", payload)
        return call_result.StatusNotification()

    @on("Authorize")
    def on_authorize(self, **payload: Any) -> Any:
        """Keep it, and answer."""
        self._heard("Authorize", payload)
        return call_result.Authorize(id_tag_info={"status": self.central.tag_status})

    @on("StartTransaction")
    def on_start_transaction(self, **payload: Any) -> Any:
        """Keep it, and answer."""
        self._heard("StartTransaction", payload)
        return call_result.StartTransaction(
            transaction_id=next(self.ids),
            id_tag_info={"status": self.central.tag_status},
        )

    @on("StopTransaction")
    def on_stop_transaction(self, **payload: Any) -> Any:
        """Keep it, and answer."""
        self._heard("StopTransaction", payload)
        return call_result.StopTransaction()

    @on("MeterValues")
    def on_meter_values(self, **payload: Any) -> Any:
        """Keep it, and answer."""
        self._heard("MeterValues", payload)
        return call_result.MeterValues()


class Central:
    """A central system; what charge points say is in `heard`."""

    def __init__(self) -> None:
        """Accept whoever comes."""
        self.port = 0
        self.status = "Accepted"
        self.tag_status = "Accepted"
        self.interval = 300
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.errors: list[str] = []
        self.connections: list[StockCentral] = []
        self._changed = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Return where charge points dial."""
        return f"ws://127.0.0.1:{self.port}/ocpp"

    def hear(self, action: str, payload: dict[str, Any]) -> None:
        """Keep what was said."""
        self.heard.append((action, payload))
        task = asyncio.create_task(self._tell())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def wait_for(
        self,
        action: str,
        condition: Callable[[dict[str, Any]], bool] = lambda _: True,
        within: float = 15,
    ) -> dict[str, Any]:
        """Return the first such message not waited for before; forget those until it."""

        def found() -> bool:
            return any(name == action and condition(it) for name, it in self.heard)

        async with asyncio.timeout(within), self._changed:
            await self._changed.wait_for(found)
        while True:
            name, payload = self.heard.pop(0)
            if name == action and condition(payload):
                return payload

    async def call(self, request: Any) -> Any:
        """Ask the charge point that came last, and return its (valid) answer."""
        async with asyncio.timeout(15):
            return await self.connections[-1].call(request, suppress=False)

    async def serve(self, connection: Any) -> None:
        """Take a charge point."""
        name = connection.request.path.rsplit("/", 1)[-1]
        stock = StockCentral(self, name, connection)
        self.connections.append(stock)
        with suppress(websockets.ConnectionClosed):
            await stock.start()


@asynccontextmanager
async def stock_central(port: int = 0) -> AsyncGenerator[Central]:
    """Serve until left."""
    central = Central()
    async with websockets.serve(
        central.serve,
        "127.0.0.1",
        port,
        subprotocols=[websockets.Subprotocol("ocpp1.6")],
    ) as server:
        central.port = next(iter(server.sockets)).getsockname()[1]
        yield central
