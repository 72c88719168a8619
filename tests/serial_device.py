"""A device on a serial port that does what a test tells it to."""

import asyncio
from contextlib import suppress
import os
from pathlib import Path
import termios
import tty
from typing import Self

_SPEEDS = {
    value: int(name[1:])
    for name, value in vars(termios).items()
    if name[0] == "B" and name[1:].isdigit()
}
_DATA_BITS = range(8)


class SerialDevice:
    """A device on a pseudo terminal, which a hub opens at `path`."""

    def __init__(self, folder: Path, baudrate: int | None = None) -> None:
        """Speak at `baudrate`; None: at whatever speed the hub has set."""
        self.path = str(folder / "port")
        self.baudrate = baudrate
        self._master: int | None = None
        self._slave: int | None = None
        self._came = bytearray()
        self._more = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Plug in."""
        self.plug_in()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Unplug."""
        self.close()

    def plug_in(self) -> None:
        """Be there, on a new port under the old path."""
        self._master, self._slave = os.openpty()
        # Without echo; and kept open, as a master without slave reads only errors.
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        Path(self.path).symlink_to(os.ttyname(self._slave))
        self.take()

    def close(self) -> None:
        """Be unplugged."""
        if self._master is not None and self._slave is not None:
            self.take_nothing()
            Path(self.path).unlink()
            os.close(self._master)
            os.close(self._slave)
            self._master = self._slave = None

    def take(self) -> None:
        """Take what the hub writes, as from the beginning."""
        asyncio.get_running_loop().add_reader(self._open_master(), self._read)

    def take_nothing(self) -> None:
        """Leave what the hub writes where it is."""
        asyncio.get_running_loop().remove_reader(self._open_master())

    async def send(self, *parts: bytes) -> None:
        """Send each part in a write of its own; at the wrong speed it arrives as garbage."""
        for part in parts:
            await self._send(self._as_received(part))
            await asyncio.sleep(0)

    async def received(self, count: int, timeout: float = 10) -> bytes:
        """Wait for `count` bytes from the hub, and return them."""
        async with asyncio.timeout(timeout):
            while len(self._came) < count:
                self._more.clear()
                await self._more.wait()
        data = bytes(self._came[:count])
        del self._came[:count]
        return data

    def forget(self) -> None:
        """Forget what the hub wrote."""
        self._came.clear()

    def _open_master(self) -> int:
        """Return the device's end of the line."""
        assert self._master is not None, "The device is unplugged"
        return self._master

    def _as_received(self, data: bytes) -> bytes:
        """Return what the hub gets at the speed it has set: both ends share the settings."""
        if self.baudrate is None:
            return data
        speed = termios.tcgetattr(self._open_master())[5]
        return garbled(data, self.baudrate, _SPEEDS[speed])

    async def _send(self, data: bytes) -> None:
        """Send all of `data`, waiting for the hub where it must."""
        while data:
            try:
                data = data[os.write(self._open_master(), data) :]
            except BlockingIOError:
                await asyncio.sleep(0.001)

    def _read(self) -> None:
        """Take what came."""
        with suppress(BlockingIOError):
            self._came += os.read(self._open_master(), 65536)
        self._more.set()


def garbled(
    data: bytes,
    sent_at: int = 115_200,
    read_at: int = 9600,
    *,
    pause: int = 0,
    cut: int = 0,
) -> bytes:
    """Return what a UART that reads at one speed makes of what is sent at another.

    The line rests for `pause` bits after each byte. Reading begins after `cut` bits. A byte
    whose stop bit is wrong is read all the same.
    """
    line = [1]
    for byte in data:
        bits = [byte >> place & 1 for place in _DATA_BITS]
        line += [0, *bits, 1, *[1] * pause]
    del line[1 : 1 + cut]

    # Time is counted in parts of which both the sent and half of the read bit are whole.
    def level(time: int) -> int:
        place = time // (2 * read_at)
        return line[place] if place < len(line) else 1

    came = bytearray()
    place = 1
    while place < len(line):
        middle = place * 2 * read_at + sent_at
        if line[place - 1] and not line[place] and not level(middle):
            bits = [level(middle + 2 * sent_at * (bit + 1)) for bit in _DATA_BITS]
            came.append(sum(value << bit for bit, value in enumerate(bits)))
            place = (middle + 2 * sent_at * 9) // (2 * read_at)
        place += 1
    return bytes(came)
