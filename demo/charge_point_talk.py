"""What the simulated wallbox has to tell: in order, until the central system took it."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
import logging
from typing import NamedTuple

from demo.charge_point_link import ChargePointLink, OfflineError, Payload, RefusedError
from demo.charge_point_settings import Settings

_LOGGER = logging.getLogger(__name__)

# What was not sent beyond is forgotten, the oldest first; sessions are not.
MAX_UNSENT = 1_000


class Identity(NamedTuple):
    """What it says of itself in its BootNotification."""

    vendor: str = "BEMCom"
    model: str = "Demo wallbox"
    serial_number: str = "DEMO-0001"
    firmware_version: str = "1.4.2"


@dataclass(eq=False)
class Message:
    """Something to tell; its payload is made when it is sent."""

    action: str
    payload: Callable[[], Payload]
    # What becomes of the answer.
    take: Callable[[Payload], None] | None = None
    attempts: int = 0

    @property
    def precious(self) -> bool:
        """Tell whether it must not be forgotten."""
        return self.action in ("StartTransaction", "StopTransaction")


class Talk:
    """Registers, tells what there is to tell, and gives signs of life."""

    def __init__(
        self,
        link: ChargePointLink,
        settings: Settings,
        identity: Identity,
        accepted: Callable[[], None],
        retry: float,
    ) -> None:
        """Talk over a link; `retry` is how soon after a failure, in seconds."""
        # Set while the central system has accepted it.
        self.registered = asyncio.Event()
        # Set while there is nothing left to tell.
        self.all_said = asyncio.Event()
        self.all_said.set()
        self._link = link
        self._settings = settings
        self._identity = identity
        self._accepted = accepted
        self._retry = retry
        self._unsent: deque[Message] = deque()
        self._news = asyncio.Event()
        self._boot_wanted = False
        link.on_online = self._news.set

    def forget(self) -> None:
        """Be as if just switched on."""
        self.registered.clear()
        self._unsent.clear()
        self.all_said.set()

    def boot_again(self) -> None:
        """Say again who it is."""
        self._boot_wanted = True
        self._news.set()

    def tell(self, message: Message) -> None:
        """Queue a message; forget the oldest that may be forgotten where there are many."""
        if len(self._unsent) >= MAX_UNSENT:
            # The first one may be on its way.
            for old in list(self._unsent)[1:]:
                if not old.precious:
                    self._unsent.remove(old)
                    break
        self._unsent.append(message)
        self.all_said.clear()
        self._news.set()

    async def run(self) -> None:
        """Register, tell what there is to tell, and give a sign of life now and then."""
        while True:
            await self._link.online.wait()
            self._news.clear()
            try:
                if self._boot_wanted or not self.registered.is_set():
                    await self._boot()
                elif self._unsent:
                    await self._deliver(self._unsent[0])
                else:
                    await self._idle()
            except OfflineError:
                await asyncio.sleep(self._retry)

    async def _idle(self) -> None:
        """Wait for something to tell, at most until the next heartbeat."""
        try:
            interval = self._settings.number("HeartbeatInterval") or 86_400
            await asyncio.wait_for(self._news.wait(), interval)
        except TimeoutError:
            with suppress(RefusedError):
                await self._link.call("Heartbeat", {})

    async def _boot(self) -> None:
        """Say who it is; where it has to wait, wait."""
        self._boot_wanted = False
        vendor, model, serial_number, firmware_version = self._identity
        try:
            answer = await self._link.call(
                "BootNotification",
                {
                    "chargePointVendor": vendor,
                    "chargePointModel": model,
                    "chargePointSerialNumber": serial_number,
                    "firmwareVersion": firmware_version,
                },
            )
        except RefusedError:
            answer = {"status": "Rejected", "interval": 10}
        if answer["status"] == "Accepted":
            if answer["interval"] > 0:
                self._settings.values["HeartbeatInterval"] = str(answer["interval"])
            if not self.registered.is_set():
                self.registered.set()
                self._accepted()
            return
        self.registered.clear()
        dialled = self._link.dialled
        with suppress(TimeoutError):
            async with asyncio.timeout(answer["interval"] or 60):
                while not self._boot_wanted and self._link.dialled == dialled:
                    await self._news.wait()
                    self._news.clear()

    async def _deliver(self, message: Message) -> None:
        """Send a message; it is done with when it was answered."""
        message.attempts += 1
        answer: Payload | None = None
        try:
            answer = await self._link.call(message.action, message.payload())
        except RefusedError as error:
            _LOGGER.warning("%s: %s: %s", self._link.address, message.action, error)
            attempts = self._settings.number("TransactionMessageAttempts")
            if message.precious and message.attempts < attempts:
                await asyncio.sleep(
                    self._settings.number("TransactionMessageRetryInterval")
                )
                return
        with suppress(ValueError):
            self._unsent.remove(message)
        if not self._unsent:
            self.all_said.set()
        if answer is not None and message.take is not None:
            message.take(answer)
