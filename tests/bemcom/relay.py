"""What is between a mirror and its broker, and does not always work."""

import asyncio
from contextlib import suppress
from typing import Self


class Relay:
    """A port that leads to another one, as long as a test lets it."""

    def __init__(self, port: int) -> None:
        """Lead to a port of this machine."""
        self.port = 0
        self.to = port
        # Nobody hears anything any more, though all connections stay.
        self.silent = False
        # So many bytes at a time go to the broker, each after a pause in seconds.
        self.pace: tuple[int, float] | None = None
        self.connections = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    async def open(self) -> None:
        """Take connections."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Break all connections off, and take no more."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.cut()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections += 1
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.to)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, back}
        for source, sink, slow in ((reader, back, True), (there, writer, False)):
            task = asyncio.create_task(self._pass(source, sink, slow=slow))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, slow: bool
    ) -> None:
        with suppress(OSError):
            while True:
                size, pause = (65_536, 0.0) if not slow else self.pace or (65_536, 0.0)
                if not (data := await source.read(size)):
                    break
                await asyncio.sleep(pause)
                if not self.silent:
                    sink.write(data)
                    await sink.drain()
        sink.close()
