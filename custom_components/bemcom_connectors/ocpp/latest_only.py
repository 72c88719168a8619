"""Work of which only the latest counts, as when somebody moves a slider."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
import math
from typing import Any

from .calls import CallFailed, CallReason


class LatestOnly[T, R]:
    """One piece of work at a time; of those that wait, the latest is done, for all who wait.

    Between the starts of two there is a gap. `merge` makes one of a piece that waits and of
    the next one.
    """

    def __init__(
        self,
        work: Callable[[T], Awaitable[R]],
        merge: Callable[[T, T], T],
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        gap: float,
    ) -> None:
        """Have nothing to do yet."""
        self._work = work
        self._merge = merge
        self._spawn = spawn
        self._gap = gap
        self._waiting: tuple[T, asyncio.Future[R]] | None = None
        self._last = -math.inf
        self._task: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """Tell whether there is something to do."""
        return self._task is not None

    async def do(self, what: T) -> R:
        """Do it, or what comes after it, and return what came of that."""
        if self._waiting is None:
            future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
            # Whoever waits may have gone.
            future.add_done_callback(lambda it: it.cancelled() or it.exception())
            self._waiting = what, future
        else:
            before, future = self._waiting
            self._waiting = self._merge(before, what), future
        if self._task is None:
            self._task = self._spawn(self._run())
            self._task.add_done_callback(self._ended)
        return await asyncio.shield(future)

    async def _run(self) -> None:
        """Do what waits, until nothing does."""
        loop = asyncio.get_running_loop()
        current: asyncio.Future[R] | None = None
        try:
            while self._waiting is not None:
                wait = self._last + self._gap - loop.time()
                if wait > 0:
                    await asyncio.sleep(wait)
                what, current = self._waiting
                self._waiting = None
                self._last = loop.time()
                try:
                    current.set_result(await self._work(what))
                except Exception as err:  # noqa: BLE001 - who waits is told
                    current.set_exception(err)
        finally:
            self._end(current)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Leave nobody waiting for a task that was cancelled before it began."""
        if self._task is task:
            self._end()

    def _end(self, current: asyncio.Future[R] | None = None) -> None:
        """Have nothing to do any more; whoever waits does so in vain."""
        self._task = None
        waiting, self._waiting = self._waiting, None
        for future in (current, waiting and waiting[1]):
            if future is not None and not future.done():
                error = CallFailed(CallReason.CLOSED, "SetChargingProfile")
                future.set_exception(error)
