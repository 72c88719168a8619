"""Runs what waits for minutes in no time: the clock jumps to whatever is due next."""

import asyncio
from collections.abc import Coroutine
import selectors
from typing import Any, override


class _Selector(selectors.DefaultSelector):
    """A selector that never waits, but lets the time pass."""

    now = 0.0

    @override
    def select(self, timeout: float | None = None) -> Any:
        if timeout and timeout > 0:
            self.now += timeout
        return super().select(0)


class _Loop(asyncio.SelectorEventLoop):
    """An event loop with a clock of its own."""

    def __init__(self) -> None:
        """Begin at 0."""
        self._virtual = _Selector()
        super().__init__(self._virtual)

    @override
    def time(self) -> float:
        return self._virtual.now


def run_virtually[T](work: Coroutine[Any, Any, T]) -> T:
    """Run to the end, however long that takes by its own clock."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(work)
