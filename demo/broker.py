"""The demo's MQTT broker: mosquitto where this machine has it, otherwise amqtt.

It listens on this machine only, takes everybody, and forgets everything when it ends.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
import shutil
import socket
import time
from typing import Self

REPOSITORY = Path(__file__).parent.parent
AMQTT = REPOSITORY / ".venv-broker/bin/amqtt"

_HOST = "127.0.0.1"
_MOSQUITTO = """\
listener {port} {host}
allow_anonymous true
persistence false
"""
_AMQTT = """\
listeners:
  default:
    type: tcp
    bind: {host}:{port}
plugins:
  amqtt.plugins.authentication.AnonymousAuthPlugin:
    allow_anonymous: true
"""


def find_mosquitto() -> Path | None:
    """Return where mosquitto is; Debian has it where only root looks."""
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    return Path(found) if found else None


def find_amqtt() -> Path | None:
    """Return where amqtt is; `scripts/setup` installs it where there is no mosquitto."""
    return AMQTT if AMQTT.exists() else None


class BrokerStartError(Exception):
    """There is no broker; the text says why."""


class DemoBroker:
    """A broker in a process of its own, with a folder for its configuration and its log."""

    def __init__(
        self, folder: Path, *, port: int = 1884, program: Path | None = None
    ) -> None:
        """Remember where it listens; without a program take what is there."""
        self.port = port
        self.log_path = folder.absolute() / "broker.log"
        self._folder = folder.absolute()
        self._program = program or find_mosquitto() or find_amqtt()
        self._process: asyncio.subprocess.Process | None = None

    @property
    def name(self) -> str:
        """Return which broker it is."""
        return "" if self._program is None else self._program.name

    async def start(self, within: float = 30) -> None:
        """Start, and return once somebody can connect."""
        if self._program is None:
            raise BrokerStartError(
                "There is no MQTT broker: install mosquitto, or run scripts/setup demo"
            )
        self._raise_if_port_taken()
        self._folder.mkdir(parents=True, exist_ok=True)
        # In a session of its own, so that Ctrl-C reaches it through `stop` only.
        with self.log_path.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command(self._program),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            await self._wait_answers(within)
        except BaseException:
            await self.stop()
            raise

    async def stop(self, within: float = 10) -> None:
        """Ask it to end, and wait until it has."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), within)
            except TimeoutError:
                process.kill()
        await process.wait()

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop()

    def _command(self, program: Path) -> Sequence[str | Path]:
        """Write the configuration, and return what is to be run."""
        if program.name == "amqtt":
            return program, "-c", self._write("amqtt.yaml", _AMQTT)
        return program, "-c", self._write("mosquitto.conf", _MOSQUITTO)

    def _write(self, name: str, content: str) -> Path:
        path = self._folder / name
        path.write_text(content.format(host=_HOST, port=self.port))
        return path

    def _raise_if_port_taken(self) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((_HOST, self.port))
            except OSError:
                raise BrokerStartError(
                    f"Port {self.port} is in use (by another broker?): "
                    "choose another one with --mqtt-port"
                ) from None

    async def _wait_answers(self, within: float) -> None:
        """Return once the broker takes a connection."""
        until = time.monotonic() + within
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_connection(_HOST, self.port)
                writer.close()
                return
            if self._process is None or self._process.returncode is not None:
                raise BrokerStartError(f"The broker ended: {self._last_words()}")
            if time.monotonic() > until:
                raise BrokerStartError(f"The broker did not answer in {within:.0f} s")
            await asyncio.sleep(0.05)

    def _last_words(self) -> str:
        return self.log_path.read_text(errors="replace")[-1000:].strip()
