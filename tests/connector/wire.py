"""Links without a system below them, and time that passes as fast as it can."""

import asyncio
from collections.abc import Callable, Coroutine
import selectors
from typing import Any, override

from custom_components.bemcom_connectors.connector.transport import Link, Transport


class Wire(asyncio.Transport):
    """The device's end of a link: it is told what is written, and sends when it likes."""

    def __init__(self, link: Link, on_write: Callable[[bytes], None]) -> None:
        """Call `on_write` for what is written."""
        super().__init__()
        self.link = link
        self.written: list[bytes] = []
        self.takes = True
        self.aborted = False
        self._on_write = on_write
        link.connection_made(self)

    def send(self, data: bytes) -> None:
        """Send from the device."""
        self.link.data_received(data)

    def take(self) -> None:
        """Take what is written, from now on."""
        self.takes = True
        self.link.resume_writing()

    @override
    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take what is written."""
        self.written.append(bytes(data))
        if not self.takes:
            self.link.pause_writing()
        self._on_write(bytes(data))

    @override
    def is_closing(self) -> bool:
        """Tell whether the link was given up."""
        return self.aborted

    @override
    def abort(self) -> None:
        """Close."""
        if not self.aborted:
            self.aborted = True
            asyncio.get_running_loop().call_soon(self.link.connection_lost, None)


class Wires(Transport):
    """A way to a device at the end of a wire; a new one each time."""

    def __init__(self, write_timeout: float | None = None) -> None:
        """Open links with a write timeout."""
        self.wires: list[Wire] = []
        self.on_write: Callable[[bytes], None] = lambda _: None
        self._write_timeout = write_timeout

    @property
    def last(self) -> Wire:
        """Return the wire in use."""
        return self.wires[-1]

    @override
    async def open(self) -> Link:
        """Open a link."""
        link = Link(write_timeout=self._write_timeout)
        self.wires.append(Wire(link, self._hear))
        return link

    def _hear(self, data: bytes) -> None:
        """Tell what is written; whom may change while a link is open."""
        self.on_write(data)


class _Clock(selectors.SelectSelector):
    """A selector that never waits: the time it would have waited has passed."""

    now = 0.0

    @override
    def select(self, timeout: float | None = None) -> list[Any]:
        """Let time pass."""
        ready = super().select(0)
        if not ready and timeout:
            self.now += timeout
        elif timeout is None and not ready:
            return super().select(5)  # a thread may have something to say
        return ready


def run[T](story: Coroutine[Any, Any, T]) -> T:
    """Run a story in which waiting takes no time."""
    clock = _Clock()

    def create_loop() -> asyncio.AbstractEventLoop:
        loop = asyncio.SelectorEventLoop(clock)
        loop.time = lambda: clock.now  # type: ignore[method-assign]
        return loop

    with asyncio.Runner(loop_factory=create_loop) as runner:
        return runner.run(story)
