"""Noticing silence."""

import asyncio
from collections.abc import Callable


class Watchdog:
    """Calls when it was not fed for a while; feeding it costs next to nothing."""

    def __init__(self, timeout: float | None) -> None:
        """Bark after `timeout` seconds without food; None: never."""
        self._timeout = timeout
        self._loop: asyncio.AbstractEventLoop | None = None
        self._bark: Callable[[], None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._fed = 0.0

    def start(self, bark: Callable[[], None]) -> None:
        """Begin to watch; `bark` is called once, if at all."""
        self.stop()
        if self._timeout is None:
            return
        self._loop = asyncio.get_running_loop()
        self._bark = bark
        self.feed()
        self._timer = self._loop.call_later(self._timeout, self._check)

    def feed(self) -> None:
        """Show a sign of life."""
        if self._loop is not None:
            self._fed = self._loop.time()

    def stop(self) -> None:
        """Stop watching."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._bark = self._loop = None

    def _check(self) -> None:
        """Bark if nothing came since; else look again when it would be due."""
        if self._loop is None or self._bark is None or self._timeout is None:
            return
        due = self._fed + self._timeout
        if self._loop.time() >= due:
            bark = self._bark
            self.stop()
            bark()
        else:
            self._timer = self._loop.call_at(due, self._check)
