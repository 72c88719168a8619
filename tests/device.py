"""A device that does over TCP what a test tells it to."""

import asyncio
from contextlib import suppress
import socket
import ssl
import struct
from typing import Self

HOST = "127.0.0.1"


class Device:
    """A TCP server on loopback for one client after the other."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        """Serve plainly, or with TLS."""
        self.port = 0
        self.connections = 0
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._connected = asyncio.Event()
        self._gone = asyncio.Event()
        self._came = bytearray()
        self._more = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Listen."""
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Go away."""
        await self.go_away()

    async def listen(self) -> None:
        """Listen, on the port of before if there was one."""
        self._server = await asyncio.start_server(self._serve, HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def go_away(self) -> None:
        """Close everything; connecting is refused from now on."""
        if self._server is not None:
            self._server.close()
            self.break_off()
            await self._server.wait_closed()
            self._server = None

    async def connected(self) -> None:
        """Wait for a client."""
        await self._connected.wait()

    async def send(self, *parts: bytes) -> None:
        """Send each part in a segment of its own, as far as that can be told."""
        await self._connected.wait()
        assert self._writer is not None
        for part in parts:
            self._writer.write(part)
            await self._writer.drain()
            await asyncio.sleep(0)

    async def received(self, count: int) -> bytes:
        """Wait for `count` bytes from the hub, and return them."""
        async with asyncio.timeout(10):
            while len(self._came) < count:
                self._more.clear()
                await self._more.wait()
        data = bytes(self._came[:count])
        del self._came[:count]
        return data

    def close(self) -> None:
        """Close the connection in good order."""
        if self._writer is not None:
            self._connected.clear()
            self._writer.close()
            self._writer = None

    def break_off(self) -> None:
        """Reset the connection."""
        if self._writer is not None:
            self._connected.clear()
            sock = self._writer.get_extra_info("socket")
            with suppress(OSError):  # it may be closed already
                sock.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )
            self._writer.transport.abort()
            self._writer = None

    async def client_gone(self) -> bool:
        """Wait until there is no client."""
        await self._gone.wait()
        return True

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Take a client, and see it leave."""
        self.connections += 1
        if self._tls is not None:
            try:
                await writer.start_tls(self._tls)
            except OSError:  # the client did not like the certificate
                writer.close()
                return
        self._writer = writer
        self._gone.clear()
        self._connected.set()
        with suppress(OSError):
            while data := await reader.read(4096):
                self._came += data
                self._more.set()
        if self._writer is writer:
            self._connected.clear()
            self._gone.set()
            self._writer = None
        writer.close()
