"""Serial ports, on real pseudo terminals: what arrives, and what happens when one fails."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
import errno
import gc
import logging
import os
from pathlib import Path
import socket
from typing import Any
from unittest.mock import patch

import pytest
import serialx

from custom_components.bemcom_connectors.connector.framing import create_framer
from custom_components.bemcom_connectors.connector.model import LinkError, LinkReason
from custom_components.bemcom_connectors.connector.parsing import create_parser
from custom_components.bemcom_connectors.connector.serial_transport import (
    SerialTransport,
)
from custom_components.bemcom_connectors.connector.stream import StreamConnector
from tests.connector.recorder import Recorder, started
from tests.device import HOST, Device
from tests.serial_device import SerialDevice, garbled

pytestmark = pytest.mark.usefixtures("loopback")

OPENING = "serialx.create_serial_connection"
URL = "esphome://kitchen.local:6053/?key=c2VjcmV0%3D&port_name=uart&password=hidden"


@pytest.fixture
async def port(tmp_path: Path) -> AsyncGenerator[SerialDevice]:
    """Return a device on a serial port."""
    async with SerialDevice(tmp_path) as device:
        yield device


@asynccontextmanager
async def connected(
    transport: SerialTransport, **options: Any
) -> AsyncGenerator[tuple[StreamConnector, Recorder]]:
    """Start a connector for lines of text, and stop it in the end."""
    connector = StreamConnector(
        "test", transport, create_framer("line"), create_parser("text"), **options
    )
    async with started(connector) as (_, recorder):
        yield connector, recorder


async def until(condition: Callable[[], Any]) -> None:
    """Wait for something that nobody tells."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


async def refused(transport: SerialTransport) -> LinkError:
    """Return why a port cannot be opened."""
    with pytest.raises(LinkError) as caught:
        await transport.open()
    return caught.value


def open_files() -> int:
    """Count this program's open files."""
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_lines_become_readings(port: SerialDevice) -> None:
    """What the device sends arrives, and what is written goes to it."""
    async with connected(SerialTransport(port.path)) as (_, heard):
        await port.send(b"422", b"498\n423", b"197\n")
        await heard.until(lambda: len(heard.readings) == 2)
        assert heard.values == [{"value": "422498"}, {"value": "423197"}]


async def test_bytes_go_both_ways(port: SerialDevice) -> None:
    """All 256 bytes pass as they are."""
    every = bytes(range(256))
    link = await SerialTransport(port.path).open()
    await link.write(every)
    assert await port.received(256) == every
    await port.send(every)
    came = b""
    while len(came) < 256:
        came += await link.read()
    assert came == every
    await link.close()


async def test_at_another_speed_there_is_only_garbage(port: SerialDevice) -> None:
    """The speed of the options is that of the port."""
    port.baudrate = 115_200
    link = await SerialTransport(port.path).open()
    await port.send(b"422498\n")
    assert await link.read() == garbled(b"422498\n")
    await link.close()
    link = await SerialTransport(port.path, baudrate=115_200).open()
    await port.send(b"422498\n")
    assert await link.read() == b"422498\n"
    await link.close()


async def test_every_setting_reaches_the_port(port: SerialDevice) -> None:
    """What is set is what the library is told, under its own names."""
    link = await SerialTransport(
        port.path, baudrate=250_000, bytesize=7, parity="E", stopbits=2.0, xonxoff=True,
        rtscts=True, exclusive=False,
    ).open()  # fmt: skip
    assert link._transport is not None
    told = link._transport.get_extra_info("serial")
    assert (told.baudrate, told.byte_size) == (250_000, 7)
    assert (told.parity, told.stopbits) == ("E", 2)
    assert told._xonxoff
    assert told._rtscts
    assert not told.exclusive
    other = await SerialTransport(port.path, exclusive=False).open()
    await other.close()
    await link.close()


async def test_a_port_in_use_is_busy(port: SerialDevice) -> None:
    """Two hubs cannot share a port; the first one keeps it."""
    link = await SerialTransport(port.path).open()
    files = open_files()
    error = await refused(SerialTransport(port.path))
    assert error.reason is LinkReason.PORT_BUSY
    assert port.path in str(error)
    assert open_files() == files
    await port.send(b"mine")
    assert await link.read() == b"mine"
    await link.close()
    link = await SerialTransport(port.path).open()
    await link.close()


async def test_a_port_that_is_not_there_is_missing(tmp_path: Path) -> None:
    """An adapter that is unplugged leaves nothing at its path."""
    error = await refused(SerialTransport(str(tmp_path / "ttyUSB0")))
    assert error.reason is LinkReason.PORT_MISSING
    assert "plugged in" in str(error)


@pytest.mark.parametrize("kind", ["file", "folder", "null"])
async def test_what_is_no_serial_port_is_said_to_be_none(
    tmp_path: Path, kind: str
) -> None:
    """Neither a file nor another device is taken for a port, or left open."""
    path = tmp_path / "file"
    if kind == "file":
        path.write_text("kept")
    elif kind == "folder":
        path = tmp_path
    else:
        path = Path("/dev/null")
    files = open_files()
    error = await refused(SerialTransport(str(path)))
    assert error.reason is LinkReason.SETTING
    assert "is no serial port" in str(error)
    assert open_files() == files
    assert kind != "file" or path.read_text() == "kept"


@pytest.mark.parametrize(
    "settings",
    [
        {"stopbits": 1.5},
        {"stopbits": 3},
        {"parity": "X"},
        {"bytesize": 9},
        {"baudrate": 0},
        {"baudrate": -9600},
    ],
)
async def test_settings_that_cannot_work_are_told(
    port: SerialDevice, settings: dict[str, Any]
) -> None:
    """The port is there, but not like that; nothing of the attempt is left."""
    await (await SerialTransport(port.path).open()).close()
    files = open_files()
    error = await refused(SerialTransport(port.path, **settings))
    assert error.reason is LinkReason.SETTING
    assert error.detail
    assert open_files() == files


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ENXIO, LinkReason.PORT_MISSING),
        (errno.ENODEV, LinkReason.PORT_MISSING),
        (errno.EAGAIN, LinkReason.PORT_BUSY),
        (errno.EACCES, LinkReason.PERMISSION),
        (errno.EPERM, LinkReason.PERMISSION),
        (errno.ENOTTY, LinkReason.SETTING),
        (errno.EMFILE, LinkReason.FAILED),
        (None, LinkReason.FAILED),
    ],
)
async def test_why_opening_failed_is_told(
    number: int | None, reason: LinkReason
) -> None:
    """Each cause has its own word, and a sentence with the port in it."""
    error = OSError(number, os.strerror(number)) if number else OSError()
    with patch(OPENING, side_effect=error):
        told = await refused(SerialTransport("/dev/ttyUSB7"))
    assert told.reason is reason
    assert "/dev/ttyUSB7" in str(told)


async def test_a_missing_library_is_told() -> None:
    """Without the library there is a reason instead of a crash."""
    with patch.dict("sys.modules", {"serialx": None}):
        error = await refused(SerialTransport("/dev/ttyUSB0"))
    assert error.reason is LinkReason.FAILED
    assert "serialx" in str(error)


@pytest.mark.parametrize(
    "url", ["morse://radio:1", "socket://host", "tcp://:5", "socket://[::1"]
)
async def test_urls_that_mean_nothing_are_settings(url: str) -> None:
    """A URL without a place, or of an unknown kind, is a mistake of whoever wrote it."""
    error = await refused(SerialTransport(url))
    assert error.reason is LinkReason.SETTING


@pytest.mark.parametrize("scheme", ["socket", "tcp", "SOCKET"])
async def test_a_device_server_is_as_good_as_a_port(
    device: Device, scheme: str
) -> None:
    """Bytes over TCP arrive as from the port they come from, and a loss has its reason."""
    url = f"{scheme}://{HOST}:{device.port}"
    async with connected(SerialTransport(url)) as (_, heard):
        await device.send(b"one\ntw", b"o\n")
        await heard.until(lambda: len(heard.raw) == 2)
        device.break_off()
        await heard.until(lambda: len(heard.connection) == 2)
        assert heard.connection[1] == (False, "reset")
        await device.send(b"three\n")
        await heard.until(lambda: len(heard.raw) == 3)
    assert [message.payload for message in heard.raw] == [b"one", b"two", b"three"]


@pytest.mark.parametrize("scheme", ["socket", "rfc2217"])
async def test_a_device_server_that_is_off_refuses(scheme: str) -> None:
    """The reason is the one that TCP has for it, and nothing of the URL's secrets is in it."""
    async with Device() as device:
        url = f"{scheme}://user:hidden@{HOST}:{device.port}"
    error = await refused(SerialTransport(url))
    assert error.reason is LinkReason.REFUSED
    assert "hidden" not in str(error)
    assert f"{scheme}://{HOST}:{device.port}" in str(error) or scheme == "socket"


async def test_a_device_server_that_says_nothing_is_given_up(device: Device) -> None:
    """RFC 2217 begins with questions; without answers there is no link, nor is one left."""
    transport = SerialTransport(f"rfc2217://{HOST}:{device.port}", connect_timeout=0.05)
    assert (await refused(transport)).reason is LinkReason.TIMEOUT
    async with asyncio.timeout(5):
        await device.client_gone()


async def test_nobody_waits_for_a_device_server_after_giving_up(device: Device) -> None:
    """A cancelled attempt hangs up at once, not when its time is over."""
    opening = asyncio.create_task(
        SerialTransport(f"rfc2217://{HOST}:{device.port}").open()
    )
    await device.connected()
    opening.cancel()
    await asyncio.wait({opening}, timeout=0.9)
    assert opening.cancelled()
    async with asyncio.timeout(1):
        await device.client_gone()


async def test_a_device_server_that_hangs_up_broke_off(device: Device) -> None:
    """Hanging up in the middle of the first questions is no crash."""
    opening = asyncio.create_task(
        refused(SerialTransport(f"rfc2217://{HOST}:{device.port}"))
    )
    await device.connected()
    device.break_off()
    assert (await opening).reason is LinkReason.RESET


async def test_esphome_needs_what_speaks_its_language() -> None:
    """Without the library for it, the text says what is missing and hides the key."""
    with patch(
        OPENING, side_effect=serialx.common.UnknownUriScheme(f"No handler: {URL}")
    ):
        error = await refused(SerialTransport(URL))
    assert error.reason is LinkReason.SETTING
    assert "esphome://kitchen.local:6053/" in str(error)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (serialx.SerialException(f"bad key c2VjcmV0= in {URL}"), LinkReason.FAILED),
        (ValueError("c2VjcmV0%3D is no key, nor is hidden"), LinkReason.SETTING),
        (OSError(113, "No route for hidden"), LinkReason.UNREACHABLE),
        (socket.gaierror(), LinkReason.UNKNOWN_HOST),
        (ConnectionResetError("hidden"), LinkReason.RESET),
    ],
)
async def test_secrets_of_a_url_are_never_shown(
    error: Exception, reason: LinkReason
) -> None:
    """Neither a text nor its detail nor the traceback's cause has a password."""
    with patch(OPENING, side_effect=error):
        told = await refused(SerialTransport(URL))
    assert told.reason is reason
    assert "kitchen.local" in str(told)
    for secret in ("c2VjcmV0", "hidden"):
        assert secret not in str(told) + told.detail
    assert told.__cause__ is None
    assert told.__suppress_context__


async def test_opening_takes_no_longer_than_allowed(port: SerialDevice) -> None:
    """A driver that hangs is given up, not called again, and closed when it answers."""
    go_on = asyncio.Event()
    opened = []

    async def hang(*args: Any, **options: Any) -> Any:
        await go_on.wait()
        opened.append(await connect(*args, **options))
        return opened[0]

    connect = serialx.create_serial_connection
    transport = SerialTransport(port.path, connect_timeout=0.01)
    with (
        patch(OPENING, side_effect=hang) as called,
        patch(f"{SerialTransport.__module__}._GRACE", 0.01),
    ):
        assert (await refused(transport)).reason is LinkReason.TIMEOUT
        assert (await refused(transport)).reason is LinkReason.TIMEOUT
        assert called.call_count == 1
        go_on.set()
        await until(lambda: opened)
        await opened[0][0].wait_closed()
    transport = SerialTransport(port.path)
    await (await transport.open()).close()


@pytest.mark.parametrize("moment", range(0, 40, 4))
async def test_a_cancelled_attempt_leaves_nothing(
    port: SerialDevice, moment: int
) -> None:
    """Whenever it is cancelled, the port is closed and free soon."""
    await (await SerialTransport(port.path).open()).close()
    files, tasks = open_files(), len(asyncio.all_tasks())
    opening = asyncio.create_task(SerialTransport(port.path).open())
    await asyncio.sleep(moment / 1000)
    if opening.cancel():
        with pytest.raises(asyncio.CancelledError):
            await opening
    else:
        await (await opening).close()
    await until(lambda: (open_files(), len(asyncio.all_tasks())) == (files, tasks))
    await (await SerialTransport(port.path).open()).close()


async def test_unplugging_in_the_middle_of_a_message_drops_it(
    port: SerialDevice, caplog: pytest.LogCaptureFixture
) -> None:
    """Half a line is no line, and its rest no beginning; one line is logged."""
    caplog.set_level(logging.INFO)
    async with connected(SerialTransport(port.path)) as (connector, heard):
        await port.send(b"one\nha")
        await heard.until(lambda: heard.raw)
        await until(lambda: connector.framer.pending)
        port.close()
        await heard.until(lambda: len(heard.connection) == 2)
        assert heard.connection[1] == (False, "reset")
        await until(lambda: connector.error.reason is LinkReason.PORT_MISSING)
        port.plug_in()
        await until(lambda: connector.statistics.connections == 2)
        await port.send(b"two\n")
        await heard.until(lambda: len(heard.raw) == 2)
        assert [message.payload for message in heard.raw] == [b"one", b"two"]
        assert connector.dropped_frames == 1
    said = [r.getMessage() for r in caplog.records if r.name != "asyncio"]
    assert sum("Connection lost" in text for text in said) == 1
    assert not [r for r in caplog.records if r.levelno >= logging.ERROR]


async def test_a_port_that_vanishes_fails_what_is_written(port: SerialDevice) -> None:
    """A write to a port that is gone, or waits for a device that is, ends with the reason."""
    link = await SerialTransport(port.path).open()
    port.take_nothing()
    writing = asyncio.create_task(link.write(b"x" * 60_000))
    await until(lambda: not link._writable.is_set())
    port.close()
    with pytest.raises(LinkError) as caught:
        await writing
    assert caught.value.reason is LinkReason.RESET
    with pytest.raises(LinkError):
        await link.write(b"more")
    await link.close()


async def test_a_device_that_takes_nothing_times_out(port: SerialDevice) -> None:
    """Once it takes what was sent, writing works again, in order."""
    link = await SerialTransport(port.path, write_timeout=0.02).open()
    port.take_nothing()
    with pytest.raises(LinkError) as caught:
        await link.write(b"a" * 60_000)
    assert caught.value.reason is LinkReason.TIMEOUT
    assert not link.lost
    with pytest.raises(LinkError):
        await link.write(b"never sent")
    port.take()
    assert await port.received(60_000) == b"a" * 60_000
    await link.write(b"b")
    assert await port.received(1) == b"b"
    await link.close()


async def test_closing_does_not_wait_for_a_device_that_takes_nothing(
    port: SerialDevice,
) -> None:
    """What it has not taken is given up."""
    link = await SerialTransport(port.path).open()
    port.take_nothing()
    writing = asyncio.create_task(link.write(b"x" * 60_000))
    await until(lambda: not link._writable.is_set())
    async with asyncio.timeout(0.9):
        await link.close()
    with pytest.raises(LinkError):
        await writing


async def test_fifty_unpluggings_lose_no_line_that_arrived(port: SerialDevice) -> None:
    """Numbered lines over a port that vanishes 50 times: in order, and nothing is left."""
    async with connected(SerialTransport(port.path)) as (connector, heard):
        counts: list[tuple[int, int, int]] = []
        for drop in range(50):
            await until(lambda: connector.statistics.connections == drop + 1)  # noqa: B023
            numbers = range(drop * 20, drop * 20 + 20)
            await port.send(b"".join(b"line %d\n" % number for number in numbers))
            await heard.until(lambda: len(heard.raw) == numbers.stop)  # noqa: B023
            await port.send(b"half a li")
            await until(lambda: connector.framer.pending)
            if drop in {10, 49}:
                gc.collect()
                objects = len(gc.get_objects()) - 20 * len(heard.raw)
                counts.append((open_files(), len(asyncio.all_tasks()), objects))
            port.close()
            await until(lambda: not connector.online)
            port.plug_in()
        await until(lambda: connector.statistics.connections == 51)
        assert [message.payload for message in heard.raw] == [
            b"line %d" % number for number in range(1000)
        ]
        assert connector.dropped_frames == 50
        early, late = counts
        assert late[:2] == early[:2]
        assert late[2] < early[2] + 5_000
