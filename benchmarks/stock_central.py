"""A central system as the `ocpp` package's own example makes one: the baseline."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from itertools import count
from typing import Any

from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result
import websockets


def _boot(**_: Any) -> Any:
    now = datetime.now(UTC).isoformat()
    return call_result.BootNotification(
        current_time=now, interval=300, status="Accepted"
    )


def _start(**_: Any) -> Any:
    return call_result.StartTransaction(
        transaction_id=next(_NUMBERS), id_tag_info={"status": "Accepted"}
    )


_NUMBERS = count(1)
_ANSWERS: dict[str, Callable[..., Any]] = {
    "BootNotification": _boot,
    "StatusNotification": lambda **_: call_result.StatusNotification(),
    "StartTransaction": _start,
    "StopTransaction": lambda **_: call_result.StopTransaction(),
    "MeterValues": lambda **_: call_result.MeterValues(),
}


def _handler(action: str) -> Any:
    """Return what the package takes for a handler of an action."""

    def handle(_: Any, **payload: Any) -> Any:
        return _ANSWERS[action](**payload)

    # The package knows its handlers by their names.
    handle.__name__ = _name(action)
    return on(action)(handle)


def _name(action: str) -> str:
    return f"on_{action}"


StockChargePoint: Any = type(
    "StockChargePoint", (ChargePoint,), {_name(it): _handler(it) for it in _ANSWERS}
)


async def _serve(connection: Any) -> None:
    name = connection.request.path.rsplit("/", 1)[-1]
    with suppress(websockets.ConnectionClosed):
        await StockChargePoint(name, connection).start()


@asynccontextmanager
async def stock() -> AsyncGenerator[int]:
    """Serve on a free port, which is returned."""
    protocols = [websockets.Subprotocol("ocpp1.6")]
    async with websockets.serve(
        _serve, "127.0.0.1", 0, subprotocols=protocols
    ) as server:
        yield next(iter(server.sockets)).getsockname()[1]
