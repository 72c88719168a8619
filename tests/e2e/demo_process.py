"""The demo, started as a user starts it."""

import asyncio
from contextlib import suppress
from pathlib import Path
import sys
import time

import aiohttp

from demo.home_assistant import REPOSITORY, HomeAssistantApi
from demo.start import PASSWORD, USERNAME, serial_port_beside
from tests.ports import free_port

READY = "Ready."


class DemoProcess:
    """`demo.start` as a process, with a configuration folder and ports of its own."""

    def __init__(self, folder: Path) -> None:
        """Choose ports that are free."""
        self.config_dir = folder / "config"
        self.port = free_port()
        self.json_port = free_port()
        self.yaml_port = free_port()
        self.ocpp_port = free_port()
        self.mqtt_port = free_port()
        self.serial_port = serial_port_beside(self.config_dir)
        self.url = f"http://127.0.0.1:{self.port}"
        self.api = HomeAssistantApi(self.url)
        self.said: list[str] = []
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()

    async def start(self, within: float = 500) -> None:
        """Start, and return once everything is set up; nobody has paired the wallbox."""
        self.said.clear()
        self._ready.clear()
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "demo.start", "--config", self.config_dir),
            *("--port", str(self.port)),
            *("--json-port", str(self.json_port), "--yaml-port", str(self.yaml_port)),
            *("--ocpp-port", str(self.ocpp_port), "--unpaired"),
            *("--mqtt-port", str(self.mqtt_port)),
            cwd=REPOSITORY,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        self._reader = asyncio.create_task(self._read())
        await self._sign_in(within)

    async def restart_home_assistant(self, within: float = 120) -> str:
        """Let Home Assistant restart as its settings do; the devices go on meanwhile.

        Return the whole log of the one that ended.
        """
        self._ready.clear()
        self.said.clear()
        with self._log_path.open(errors="replace") as log:
            with suppress(aiohttp.WSMessageTypeError):  # it hangs up, or answers
                await self.api.act("homeassistant.restart")
            await self.api.__aexit__()
            await self._sign_in(within)
            return log.read()

    async def _sign_in(self, within: float) -> None:
        """Return once everything is set up, and the API can be used."""
        await asyncio.wait_for(self._ready.wait(), within)
        said = "".join(self.said)
        assert READY in said, said
        self.api = await HomeAssistantApi(self.url).__aenter__()
        await self.api.sign_in(USERNAME, PASSWORD)

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.said.append(line.decode())
            if line.decode().startswith(READY):
                self._ready.set()
        self._ready.set()

    async def stop(self) -> float:
        """End it as Ctrl-C would; return how many seconds that took."""
        await self.api.__aexit__()
        if self._process is None or self._reader is None:
            return 0
        began = time.monotonic()
        if self._process.returncode is None:
            self._process.terminate()
        try:
            code = await asyncio.wait_for(self._process.wait(), 150)
        except TimeoutError:
            self._process.kill()
            raise
        await self._reader
        self._process = None
        assert code == 0, "".join(self.said)
        return time.monotonic() - began

    def log(self) -> str:
        """Return what Home Assistant has written since its start."""
        return self._log_path.read_text(errors="replace")

    @property
    def _log_path(self) -> Path:
        return self.config_dir / "output.log"
