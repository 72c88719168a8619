"""A real broker, for as long as a test takes."""

import asyncio
from pathlib import Path
import shutil
import socket
import time
from typing import Self

import pytest

# Where Debian has it, which is not on everybody's path.
PROGRAM = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")

needs_mosquitto = pytest.mark.skipif(
    PROGRAM is None, reason="mosquitto is not installed"
)


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as sock:
        sock.bind((host, 0))
        port: int = sock.getsockname()[1]
        return port


class Mosquitto:
    """A broker without persistence; a restart leaves nothing of what it knew."""

    def __init__(self, folder: Path, *settings: str, port: int | None = None) -> None:
        """Serve with lines of mosquitto.conf; without any, everybody."""
        self.port = port or free_port()
        self._config = folder / "mosquitto.conf"
        lines = [
            f"listener {self.port} 127.0.0.1",
            "persistence false",
            # It would drop what is above this; a mirror's test is not about that.
            "max_queued_messages 0",
            *(settings or ("allow_anonymous true",)),
        ]
        self._config.write_text("\n".join(lines) + "\n")
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Serve, and return when it does."""
        assert PROGRAM is not None
        self._process = await asyncio.create_subprocess_exec(
            PROGRAM,
            "-c",
            str(self._config),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        until = time.monotonic() + 10
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                assert self._process.returncode is None, self._config.read_text()
                assert time.monotonic() < until
                await asyncio.sleep(0.02)
                continue
            writer.close()
            return

    async def stop(self, *, kill: bool = False) -> None:
        """End it, with or without a goodbye to its clients."""
        process, self._process = self._process, None
        if process is None:
            return
        if kill:
            process.kill()
        else:
            process.terminate()
        await process.wait()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
