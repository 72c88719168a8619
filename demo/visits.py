"""Cars that come to the simulated wallbox, charge for a while, and leave."""

import asyncio
import random
from typing import TYPE_CHECKING, Self

from demo.charging import Car

if TYPE_CHECKING:
    from demo.charge_point import ChargePoint

# Two regular guests and one that comes with an app.
TAGS = ("04A1B2C3D4E5F6", "0477AA11BB22", "DEMO-APP")

_CARS = ((3, 16.0, 58_000.0), (1, 16.0, 38_000.0), (3, 10.0, 77_000.0))


class Visits:
    """One guest after the other at each connector."""

    def __init__(self, charge_point: ChargePoint, *, slowness: float = 1.0) -> None:
        """Send guests; everything takes so many times as long."""
        self._charge_point = charge_point
        self._slowness = slowness
        self._random = random.Random(4)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Send guests from now on."""
        self._task = asyncio.create_task(self.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Send no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def run(self) -> None:
        """Send guests for ever: soon to the first connector, later to the others."""
        async with asyncio.TaskGroup() as group:
            for number in self._charge_point.sockets:
                group.create_task(self._guests(number, 1.0 + 10.0 * (number - 1)))

    async def _guests(self, number: int, first_after: float) -> None:
        await self._charge_point.registered.wait()
        await self._wait(first_after)
        while True:
            await self._guest(number)
            await self._pause(number, self._random.uniform(60, 180))

    async def _guest(self, number: int) -> None:
        """Come, charge, and leave."""
        charge_point = self._charge_point
        socket = charge_point.sockets[number]
        if socket.status != "Available" and not socket.awaited:
            return
        phases, current, capacity = self._random.choice(_CARS)
        charge_point.plug_in(
            number,
            Car(
                phases=phases,
                max_current=current,
                capacity_wh=capacity,
                soc=self._random.uniform(20, 75),
            ),
        )
        await self._wait(3)
        if socket.transaction is None:
            await charge_point.swipe(number, self._random.choice(TAGS))
        # Who is let in again from afar goes on charging.
        while socket.transaction is not None:
            stay = self._slowness * self._random.uniform(600, 1_500)
            try:
                await asyncio.wait_for(charge_point.session_end(number), stay)
            except TimeoutError:
                charge_point.stop_transaction(number, "Local")
            # Time to put the cable away.
            await self._wait(8)
        charge_point.unplug(number)

    async def _pause(self, number: int, seconds: float) -> None:
        """Wait for the next guest, who hurries when let in from afar."""
        socket = self._charge_point.sockets[number]
        while seconds > 0 and not socket.awaited:
            await self._wait(1)
            seconds -= 1
        await self._wait(3)

    async def _wait(self, seconds: float) -> None:
        await asyncio.sleep(self._slowness * seconds)
