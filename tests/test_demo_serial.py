"""The simulated serial sensor, which other tests rely on."""

import asyncio
from collections.abc import AsyncGenerator
import os
from pathlib import Path
import signal
import sys

import pytest

from custom_components.bemcom_connectors.connector.model import LinkError
from custom_components.bemcom_connectors.connector.serial_transport import (
    SerialTransport,
)
from custom_components.bemcom_connectors.connector.transport import Link
from demo.serial_device import SerialSensor


@pytest.fixture
async def sensor(tmp_path: Path) -> AsyncGenerator[SerialSensor]:
    """Return a sensor that speaks only when asked."""
    async with SerialSensor(tmp_path / "demo" / "port", interval=3600) as running:
        yield running


async def plug(sensor: SerialSensor) -> Link:
    """Open the sensor's port."""
    return await SerialTransport(str(sensor.path)).open()


async def lines(link: Link, count: int) -> list[bytes]:
    """Return so many lines."""
    came = b""
    async with asyncio.timeout(10):
        while came.count(b"\n") < count:
            came += await link.read()
    return came.splitlines()


async def test_it_pushes_its_readings(tmp_path: Path) -> None:
    async with SerialSensor(tmp_path / "port", interval=0.01) as sensor:
        link = await plug(sensor)
        assert await lines(link, 3) == [b"422498"] * 3
        await link.close()


async def test_it_does_what_it_is_told(sensor: SerialSensor) -> None:
    link = await plug(sensor)
    for command, reply in (
        (b"READ\n", b"422498"),
        (b"temperature = 25\n", b"OK"),
        (b"humidity=7\r\n", b"OK"),
        (b"REA", None),
        (b"D\n", b"250798"),
        (b"battery = 100\n", b"ERROR"),
        (b"battery = -1\n", b"ERROR"),
        (b"pressure = 10\n", b"ERROR"),
        (b"\xff\xfe\n", b"ERROR"),
        (b"read\n", b"ERROR"),
    ):
        await link.write(command)
        if reply is not None:
            assert await lines(link, 1) == [reply]
    await link.write(b"\n\nbattery = 5\nREAD\n" + b"x" * 2000 + b"\nREAD\n")
    assert await lines(link, 4) == [b"OK", b"250705", b"ERROR", b"250705"]
    await link.close()


async def test_it_can_be_set(sensor: SerialSensor) -> None:
    link = await plug(sensor)
    for command, reply in (
        (b"target = 21.5\n", b"OK target = 21.5"),
        (b"target=5\n", b"OK target = 5"),
        (b"target = 30.0\n", b"OK target = 30"),
        (b"target = 4.9\n", b"ERROR"),
        (b"target = 30.1\n", b"ERROR"),
        (b"target = -10\n", b"ERROR"),
        (b"target = \n", b"ERROR"),
        (b"target = 21.25\n", b"ERROR"),
        (b"heater = 1\n", b"OK heater = 1"),
        (b"heater = 2\n", b"ERROR"),
        (b"heater = on\n", b"ERROR"),
    ):
        await link.write(command)
        assert await lines(link, 1) == [reply]
    assert sensor.target == 30
    assert sensor.heater
    await link.write(b"heater = 0\n")
    assert await lines(link, 1) == [b"OK heater = 0"]
    assert not sensor.heater
    await link.close()


async def test_a_reset_is_of_the_readings(sensor: SerialSensor) -> None:
    link = await plug(sensor)
    await link.write(b"temperature = 25\ntarget = 25\nheater = 1\nREAD\nRESET\nREAD\n")
    assert await lines(link, 6) == [
        b"OK", b"OK target = 25", b"OK heater = 1", b"252498", b"OK reset", b"422498",
    ]  # fmt: skip
    assert sensor.target == 25
    assert sensor.heater
    await link.close()


async def test_who_leaves_can_come_back(sensor: SerialSensor) -> None:
    for _ in range(3):
        link = await plug(sensor)
        await link.write(b"READ\n")
        assert await lines(link, 1) == [b"422498"]
        await link.close()


async def test_nobody_reading_neither_blocks_nor_breaks_lines(
    sensor: SerialSensor,
) -> None:
    link = await plug(sensor)
    assert link._transport is not None
    link._transport.pause_reading()
    for _ in range(100_000):
        sensor.send(sensor.frame)
    link._transport.resume_reading()
    sensor.values["temperature"] = 11
    came = b""
    async with asyncio.timeout(10):
        while not came.endswith(b"112498\n"):
            await link.write(b"READ\n")
            came += await link.read()
    assert set(came.splitlines()) == {b"422498", b"112498"}
    assert len(came) < 500_000
    await link.close()


async def test_the_path_survives_a_restart(sensor: SerialSensor) -> None:
    link = await plug(sensor)
    await sensor.stop()
    await sensor.stop()
    with pytest.raises(LinkError):
        await link.read()
    await link.close()
    assert not sensor.path.is_symlink()
    sensor.path.symlink_to("/nowhere")  # what a crash leaves
    await sensor.start()
    link = await plug(sensor)
    await link.write(b"READ\n")
    assert await lines(link, 1) == [b"422498"]
    await link.close()


async def test_it_runs_alone(tmp_path: Path) -> None:
    path = tmp_path / "port"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "demo.serial_device", "--link", str(path), "--interval",
        "0.01", stdout=asyncio.subprocess.PIPE, env={**os.environ},
    )  # fmt: skip
    assert process.stdout is not None
    async with asyncio.timeout(30):
        assert str(path).encode() in await process.stdout.readline()
        link = await SerialTransport(str(path)).open()
        assert await lines(link, 2) == [b"422498"] * 2
        await link.close()
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
    assert not path.is_symlink()
