"""A sensor on a serial port: it pushes its readings and takes commands.

Run it with `python -m demo.serial_device`, or start it from a test:

    async with SerialSensor(path) as sensor:
        open the port `path`

Every line is six digits: temperature, humidity and battery, two each, as `422498`. A
command is a line, and is answered with one:

    READ                the line of readings
    temperature = 25    OK                  also humidity and battery
    target = 21.5       OK target = 21.5    from 5 to 30
    heater = 1          OK heater = 1       or 0
    RESET               OK reset            the readings are those of its start
    anything else       ERROR
"""

import argparse
import asyncio
from contextlib import suppress
import os
from pathlib import Path
import re
import tty
from typing import Self

from demo.meter import on_stop_signal

# Nobody types longer commands.
MAX_COMMAND = 256

_READINGS = {"temperature": 42, "humidity": 24, "battery": 98}
_ASSIGNMENT = re.compile(r"(temperature|humidity|battery)\s*=\s*(\d{1,2})", re.ASCII)
_TARGET = re.compile(r"target\s*=\s*(\d{1,2}(?:\.\d)?)", re.ASCII)
_HEATER = re.compile(r"heater\s*=\s*([01])", re.ASCII)
_LOWEST, _HIGHEST = 5, 30


class SerialSensor:
    """A simulated sensor behind a pseudo terminal with a link to it at `path`."""

    def __init__(self, path: Path, *, interval: float = 1.0) -> None:
        """Push every `interval` seconds, once started."""
        self.path = path
        self.interval = interval
        self.values = dict(_READINGS)
        self.target = 20.0
        self.heater = False
        self._master = -1
        self._slave = -1
        self._command = bytearray()
        # The rest of a line that the port took in part.
        self._unsent = b""
        self._pusher: asyncio.Task[None] | None = None

    @property
    def frame(self) -> bytes:
        """Return the readings as they go over the wire."""
        return b"%02d%02d%02d\n" % tuple(self.values.values())

    async def start(self) -> None:
        """Be there and push; at the path of before, whatever a crash has left there."""
        self._master, self._slave = os.openpty()
        # Without echo; and kept open, as a master without slave reads only errors.
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_name(f"{self.path.name}.new")
        new.unlink(missing_ok=True)
        new.symlink_to(os.ttyname(self._slave))
        new.replace(self.path)
        asyncio.get_running_loop().add_reader(self._master, self._read)
        self._pusher = asyncio.create_task(self._push_forever())

    async def stop(self) -> None:
        """Be gone, as if unplugged."""
        if self._pusher is None:
            return
        self._pusher.cancel()
        with suppress(asyncio.CancelledError):
            await self._pusher
        self._pusher = None
        asyncio.get_running_loop().remove_reader(self._master)
        self.path.unlink(missing_ok=True)
        os.close(self._master)
        os.close(self._slave)
        self._command.clear()
        self._unsent = b""

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop()

    def send(self, line: bytes) -> None:
        """Send a line; drop it where nobody reads and the port is full."""
        with suppress(BlockingIOError):
            if self._unsent:
                sent = os.write(self._master, self._unsent)
                self._unsent = self._unsent[sent:]
            if not self._unsent:
                sent = os.write(self._master, line)
                self._unsent = line[sent:]

    def answer(self, command: str) -> bytes:
        """Do what a line says, and return what to say to it."""
        if command == "READ":
            return self.frame
        if match := _ASSIGNMENT.fullmatch(command):
            self.values[match[1]] = int(match[2])
            return b"OK\n"
        return f"{self._set(command)}\n".encode()

    def _set(self, command: str) -> str:
        """Do what a line says that is not about the readings alone."""
        if (match := _TARGET.fullmatch(command)) and (
            _LOWEST <= float(match[1]) <= _HIGHEST
        ):
            self.target = float(match[1])
            return f"OK target = {self.target:g}"
        if match := _HEATER.fullmatch(command):
            self.heater = match[1] == "1"
            return f"OK heater = {self.heater:d}"
        if command == "RESET":
            self.values = dict(_READINGS)
            return "OK reset"
        return "ERROR"

    def _read(self) -> None:
        """Answer every line that has come."""
        with suppress(BlockingIOError):
            self._command += os.read(self._master, 4096)
        *lines, rest = self._command.replace(b"\r", b"\n").split(b"\n")
        self._command = rest[:MAX_COMMAND]
        for line in lines:
            if command := line.decode("ascii", "replace").strip():
                self.send(self.answer(command))

    async def _push_forever(self) -> None:
        while True:
            self.send(self.frame)
            await asyncio.sleep(self.interval)


async def main() -> None:
    """Be a sensor until told to stop."""
    parser = argparse.ArgumentParser(
        prog="python -m demo.serial_device", description=__doc__
    )
    parser.add_argument("--link", type=Path, default=Path(".demo/serial-port"))
    parser.add_argument("--interval", type=float, default=1.0, help="seconds")
    options = parser.parse_args()

    stop = asyncio.Event()
    on_stop_signal(stop.set)
    async with SerialSensor(options.link, interval=options.interval) as sensor:
        print(f"Serial sensor: {sensor.path.absolute()}", flush=True)
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(main())
