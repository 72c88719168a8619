"""A charge point made of `ocpp` and `websockets`: it validates all that it says and hears."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
import logging
from typing import Any

from ocpp.exceptions import NotImplementedError as NotImplementedByOcpp
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call
import websockets

from tests.ocpp.client import HOST
from tests.ocpp_hub import ago

_LOGGER = logging.getLogger(__name__)

# What a central system may ask of it.
ASKED = (
    "CertificateSigned",
    "ChangeAvailability",
    "ChangeConfiguration",
    "ClearCache",
    "ClearChargingProfile",
    "DataTransfer",
    "ExtendedTriggerMessage",
    "GetCompositeSchedule",
    "GetConfiguration",
    "GetDiagnostics",
    "GetLog",
    "InstallCertificate",
    "RemoteStartTransaction",
    "RemoteStopTransaction",
    "Reset",
    "SetChargingProfile",
    "SignedUpdateFirmware",
    "TriggerMessage",
    "UnlockConnector",
    "UpdateFirmware",
)


class StockWallbox(ChargePoint):
    """One connection; what is asked over it is kept in `heard`.

    It answers what `answers` says, and NotImplemented to all else.
    """

    def __init__(self, *args: Any, **answers: Any) -> None:
        """Begin with nothing heard."""
        super().__init__(*args, response_timeout=10, logger=_LOGGER)
        self.answers = answers
        self.heard: list[tuple[str, dict[str, Any]]] = []

    def asked(self, action: str, payload: dict[str, Any]) -> Any:
        """Keep it, and answer."""
        self.heard.append((action, payload))
        if action not in self.answers:
            raise NotImplementedByOcpp
        return self.answers[action]

    async def say(self, message: Any) -> Any:
        """Call the central system; raises what it refuses with."""
        return await self.call(message, suppress=False)

    async def boot(self, **more: Any) -> Any:
        """Boot."""
        message = call.BootNotification(
            charge_point_model="Stock", charge_point_vendor="Mobility House", **more
        )
        return await self.say(message)

    async def authorize(self, tag: str) -> dict[str, Any]:
        """Ask whether a tag may charge; return what is said of it."""
        info: dict[str, Any] = (await self.say(call.Authorize(id_tag=tag))).id_tag_info
        return info

    async def status(
        self,
        *statuses: str,
        connector_id: int = 1,
        error_code: str = "NoError",
        seconds_ago: float = 0,
    ) -> None:
        """Notify of one status after another."""
        for status in statuses:
            message = call.StatusNotification(
                connector_id=connector_id,
                error_code=error_code,
                status=status,
                timestamp=ago(seconds_ago),
            )
            await self.say(message)

    async def start_charging(
        self, tag: str, meter_start: int = 1000, seconds_ago: float = 0
    ) -> Any:
        """Start a transaction."""
        message = call.StartTransaction(
            connector_id=1,
            id_tag=tag,
            meter_start=meter_start,
            timestamp=ago(seconds_ago),
        )
        return await self.say(message)

    async def stop_charging(
        self,
        transaction_id: int,
        reason: str | None = None,
        meter_stop: int = 2000,
        seconds_ago: float = 0,
        **more: Any,
    ) -> Any:
        """End a transaction."""
        message = call.StopTransaction(
            transaction_id=transaction_id,
            meter_stop=meter_stop,
            timestamp=ago(seconds_ago),
            reason=reason,
            **more,
        )
        return await self.say(message)


def _answering(action: str) -> Any:
    def handler(self: StockWallbox, **payload: Any) -> Any:
        return self.asked(action, payload)

    handler.__name__ = f"asked_{action}"
    return on(action)(handler)


for _action in ASKED:
    setattr(StockWallbox, f"asked_{_action}", _answering(_action))


@asynccontextmanager
async def stock_wallbox(
    port: int, charge_point_id: str = "CP1", *, how: Any = None, **answers: Any
) -> AsyncGenerator[StockWallbox]:
    """Connect; `how` is what else the websocket is told."""
    options = {"subprotocols": ["ocpp1.6"], **(how or {})}
    scheme = "wss" if "ssl" in options else "ws"
    url = f"{scheme}://{HOST}:{port}/{charge_point_id}"
    async with websockets.connect(url, proxy=None, **options) as socket:
        wallbox = StockWallbox(charge_point_id, socket, **answers)
        reading = asyncio.create_task(wallbox.start())
        try:
            yield wallbox
        finally:
            reading.cancel()
            await asyncio.wait([reading])
