"""A real broker, for as long as a test takes."""

import asyncio
from pathlib import Path
import signal
import subprocess
import time
from typing import Self

import pytest

from demo.broker import find_mosquitto
from tests.ports import free_port

PROGRAM = find_mosquitto()

needs_mosquitto = pytest.mark.skipif(
    PROGRAM is None, reason="mosquitto is not installed"
)


def _run(config: Path) -> subprocess.Popen[bytes]:
    assert PROGRAM is not None
    nothing = subprocess.DEVNULL
    return subprocess.Popen(
        [PROGRAM, "-c", str(config)], stdout=nothing, stderr=nothing
    )


class Mosquitto:
    """A broker without persistence; a restart leaves nothing of what it knew."""

    def __init__(self, folder: Path, *settings: str) -> None:
        """Serve with lines of mosquitto.conf; without any, everybody."""
        # Another one for each broker, and the same after a restart; 0: never started.
        self.port = 0
        self._config = folder / "mosquitto.conf"
        self._settings = settings or ("allow_anonymous true",)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        """Tell whether it was started, and not stopped since."""
        return self._process is not None

    @property
    def pid(self) -> int:
        """Return its process."""
        assert self._process is not None
        return self._process.pid

    def configure(self, *settings: str) -> None:
        """Serve with other lines from the next start on."""
        self._settings = settings

    async def start(self) -> None:
        """Serve, and return when it does."""
        self.port = self.port or free_port()
        lines = [
            f"listener {self.port} 127.0.0.1",
            "persistence false",
            # It would drop what is above this; a mirror's test is not about that.
            "max_queued_messages 1000000",
            "set_tcp_nodelay true",
            *self._settings,
        ]
        self._config.write_text("\n".join(lines) + "\n")
        self._process = _run(self._config)
        until = time.monotonic() + 10
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                assert self._process.poll() is None, self._config.read_text()
                assert time.monotonic() < until
                await asyncio.sleep(0.02)
                continue
            writer.close()
            return

    async def stop(self, *, kill: bool = False) -> None:
        """End it, with or without a goodbye to its clients."""
        await asyncio.to_thread(self.end, kill=kill)

    def end(self, *, kill: bool = False) -> None:
        """Do so, and block until it is done."""
        process, self._process = self._process, None
        if process is None:
            return
        if kill:
            process.kill()
        else:
            process.terminate()
        process.wait()

    def reload(self) -> None:
        """Let it read its files again: passwords, access rights and certificates."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
