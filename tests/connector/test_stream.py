"""The stream connector on real sockets: what arrives, and what happens when a link fails."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
import gc
import logging
from pathlib import Path
import time
from typing import Any

import pytest

from custom_components.bemcom_connectors.connector import base
from custom_components.bemcom_connectors.connector.backoff import Backoff
from custom_components.bemcom_connectors.connector.framing import create_framer
from custom_components.bemcom_connectors.connector.model import LinkError, LinkReason
from custom_components.bemcom_connectors.connector.parsing import create_parser
from custom_components.bemcom_connectors.connector.requests import Request
from custom_components.bemcom_connectors.connector.serial_transport import (
    SerialTransport,
)
from custom_components.bemcom_connectors.connector.stream import StreamConnector
from custom_components.bemcom_connectors.connector.transport import TcpTransport
from tests.connector.recorder import Recorder, started
from tests.device import HOST, Device
from tests.serial_device import SerialDevice

pytestmark = pytest.mark.usefixtures("loopback")

Connect = Callable[..., Any]


@asynccontextmanager
async def connected(
    device: Device, *, framing: str = "auto", format: str = "json", **options: Any
) -> AsyncGenerator[tuple[StreamConnector, Recorder]]:
    """Start a connector to the device, and stop it in the end."""
    connector = StreamConnector(
        "test",
        TcpTransport(HOST, device.port),
        create_framer(framing, options.pop("framing_options", {})),
        create_parser(format),
        **options,
    )
    async with started(connector) as (_, recorder):
        yield connector, recorder


async def test_messages_become_readings(device: Device) -> None:
    """Nested values come out flat, with one timestamp, and the raw message before them."""
    async with connected(device) as (connector, heard):
        await device.send(b'{"meter":{"power":12.5,"ok":true},"phases":[1,0]}\n')
        await heard.until(lambda: heard.readings)
        assert heard.values == [
            {"meter__power": 12.5, "meter__ok": True, "phases__0": 1, "phases__1": 0}
        ]
        assert heard.added == heard.values
        assert heard.raw[0].timestamp == heard.readings[0].timestamp
        assert connector.datapoints == heard.values[0]
        assert heard.connection == [(True, None)]


async def test_messages_are_found_whatever_the_segments(device: Device) -> None:
    """Halves are put together, and two in one segment are told apart."""
    async with connected(device) as (_, heard):
        await device.send(b'{"a"', b':1}\n{"a":2}\n{"a":3', b"}\n")
        await heard.until(lambda: len(heard.readings) == 3)
        assert heard.values == [{"a": 1}, {"a": 2}, {"a": 3}]


async def test_garbage_is_counted_logged_once_and_costs_nothing_else(
    device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    """Bad messages between good ones leave the link and the good ones alone."""
    async with connected(device, framing="line") as (connector, heard):
        await device.send(b'{"a":1}\n', b"\xff\xfe{\n" * 10, b'{"a":2}\n')
        await heard.until(lambda: len(heard.readings) == 2)
        assert connector.statistics.parse_errors == 10
        assert heard.connection == [(True, None)]
    complaints = [r for r in caplog.records if r.levelno >= logging.WARNING]
    encoding, parsing = (complaint.getMessage() for complaint in complaints)
    assert "no utf-8" in encoding
    assert "could not be parsed" in parsing
    # The latest messages are kept with what became of them.
    outcomes = [outcome for _, _, _, outcome in connector.history]
    assert outcomes[0] == outcomes[-1] == 1
    assert isinstance(outcomes[1], str)


async def test_a_wrong_encoding_is_counted_and_said_once(
    device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    """What is no text is marked; the other values of the message are kept."""
    async with connected(device) as (connector, heard):
        await device.send(b'{"name":"K\xfcche","t":21}\n' * 2, '{"n":"°"}\n'.encode())
        await heard.until(lambda: len(heard.readings) == 3)
        assert heard.values[0] == {"name": "K\ufffdche", "t": 21}
        assert connector.statistics.undecodable == 2
        assert connector.statistics.parse_errors == 0
    assert caplog.text.count("choose another character encoding") == 1


async def test_what_is_too_long_is_dropped_and_the_next_is_found(
    device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    """An over-long message is counted, and said once."""
    async with connected(device) as (connector, heard):
        long = b'{"a":"' + b"x" * 100_000 + b'"}\n'
        await device.send(long, long, b'{"a":2}\n')
        await heard.until(lambda: heard.readings)
        assert heard.values == [{"a": 2}]
        assert connector.dropped_frames == 2
    assert caplog.text.count("Data was dropped") == 1


@pytest.mark.parametrize("how", ["close", "break_off"])
async def test_a_lost_link_comes_back_by_itself(
    device: Device, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Down is told once with its reason, up once, and each is logged once."""
    caplog.set_level(logging.INFO)
    async with connected(device) as (connector, heard):
        await device.send(b'{"a":1}\n')
        await heard.until(lambda: heard.readings)
        getattr(device, how)()
        await heard.until(lambda: len(heard.connection) == 2)
        await device.connected()
        await device.send(b'{"a":2}\n')
        await heard.until(lambda: len(heard.readings) == 2)
        reason = "closed" if how == "close" else "reset"
        assert heard.connection == [(True, None), (False, reason), (True, None)]
        assert connector.statistics.connections == 2
    assert caplog.text.count("Connection lost") == 1
    assert caplog.text.count("Connection restored") == 1


async def test_a_device_that_is_away_is_waited_for(device: Device) -> None:
    """However often connecting fails, down is told once."""
    async with connected(device) as (connector, heard):
        await device.send(b'{"a":1}\n')
        await heard.until(lambda: heard.readings)
        await device.go_away()
        await heard.until(lambda: len(heard.connection) == 2)
        async with asyncio.timeout(10):
            while connector.error is None or connector.error.reason != "refused":
                await asyncio.sleep(0.001)
        await device.listen()
        await device.send(b'{"a":2}\n')
        await heard.until(lambda: len(heard.readings) == 2)
        assert [online for online, _ in heard.connection] == [True, False, True]


async def test_silence_is_a_dead_link(device: Device) -> None:
    """No message in time ends the link once; an open connection proves nothing after that."""
    async with connected(device, receive_timeout=0.05) as (_, heard):
        await device.send(b'{"a":1}\n')
        await heard.until(lambda: len(heard.connection) == 2)
        async with asyncio.timeout(10):
            while device.connections < 4:
                await asyncio.sleep(0.01)
        assert heard.connection == [(True, None), (False, "silent")]
        await device.send(b'{"a":2}\n')
        await heard.until(lambda: len(heard.connection) == 3)


async def test_bytes_that_never_make_a_message_are_silence(device: Device) -> None:
    """A device that trickles one byte after the other says nothing."""
    async with connected(device, receive_timeout=0.1) as (_, heard):

        async def trickle() -> None:
            while True:
                await device.send(b" ")
                await asyncio.sleep(0.01)

        trickling = asyncio.create_task(trickle())
        await heard.until(lambda: heard.connection)
        trickling.cancel()
        assert heard.connection == [(False, "silent")]


@pytest.mark.no_fail_on_log_exception
async def test_a_flood_that_never_makes_a_message_is_silence(device: Device) -> None:
    """However much garbage waits to be read, the dead link is noticed."""
    async with connected(device, framing="json", receive_timeout=0.2) as (_, heard):

        async def flood() -> None:
            while True:
                with suppress(OSError):
                    await device.send(b"[1\n{" * 16384)

        flooding = asyncio.create_task(flood())
        await heard.until(lambda: heard.connection)
        flooding.cancel()
        assert heard.connection == [(False, "silent")]


async def test_an_open_link_counts_as_up_after_a_while(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device that speaks rarely is not down for that."""
    monkeypatch.setattr(base, "SETTLE_TIME", 0.01)
    async with connected(device, receive_timeout=-1) as (connector, heard):
        await heard.until(lambda: heard.connection)
        assert connector.online
        assert not heard.readings


async def test_a_device_that_hangs_up_at_once_is_never_up(device: Device) -> None:
    """A device that accepts and closes, being busy, is down: told once."""
    async with connected(device) as (connector, heard):
        for _ in range(5):
            await device.connected()
            device.close()
            seen = device.connections
            async with asyncio.timeout(10):
                while device.connections == seen:
                    await asyncio.sleep(0.001)
        assert heard.connection == [(False, "closed")]
        assert not connector.online


async def test_the_last_line_needs_no_newline(device: Device) -> None:
    """What a device sends before it closes is a message (vector socket-040)."""
    async with connected(device, format="text") as (_, heard):
        await device.send(b"test message")
        device.close()
        await heard.until(lambda: heard.readings)
        assert heard.raw[0].payload == b"test message"


async def test_half_a_message_dies_with_its_link(device: Device) -> None:
    """What was half received is not put before what comes over the next connection."""
    async with connected(device, framing="line", format="text") as (connector, heard):
        await device.send(b"one\nha")
        await heard.until(lambda: heard.readings)
        device.break_off()
        await heard.until(lambda: len(heard.connection) == 2)
        await device.send(b"two\n")
        await heard.until(lambda: len(heard.readings) == 2)
        assert heard.values == [{"value": "one"}, {"value": "two"}]
        assert connector.dropped_frames == 1


async def test_a_pause_ends_a_message(device: Device) -> None:
    """Messages without any mark between them are told apart by the silence between them."""
    async with connected(
        device, framing="idle", framing_options={"pause": 30}, format="yaml"
    ) as (_, heard):
        await device.send(b"dev:\n  t: 21.5\n")
        await heard.until(lambda: len(heard.readings) == 1)
        await device.send(b"dev:\n", b"  t: 22\n")
        await heard.until(lambda: len(heard.readings) == 2)
        assert heard.values == [{"dev__t": 21.5}, {"dev__t": 22}]


@pytest.mark.parametrize(
    ("framing", "options", "half", "frame"),
    [
        ("fixed_size", {"size": 3}, b"ha", b"422"),
        ("length_prefix", {"prefix_size": 1}, b"\x09hal", b"\x03422"),
        ("length_prefix", {"prefix_size": 1}, b"\xffskipped", b"\x03422"),
        ("line", {}, b"hal", b"422\n"),
        ("delimiter", {"delimiter": ";"}, b"hal", b"422;"),
    ],
)
async def test_a_pause_brings_framings_back_into_step(
    device: Device, framing: str, options: dict[str, Any], half: bytes, frame: bytes
) -> None:
    """What comes after a pause is no part of the half message before it."""
    options = {**options, "inter_byte_timeout": 20, "max_message_size": 200}
    async with connected(
        device, framing=framing, framing_options=options, format="text"
    ) as (connector, heard):
        await device.send(half)
        async with asyncio.timeout(10):
            while not connector.dropped_frames or connector.framer.pending:
                await asyncio.sleep(0.001)
        await device.send(frame)
        await heard.until(lambda: heard.readings)
        assert heard.values == [{"value": "422"}]
        assert connector.dropped_frames == 1


async def test_bytes_that_came_while_the_program_was_busy_came_in_time(
    device: Device,
) -> None:
    """A pause of our own making drops nothing."""
    options = {"size": 6, "inter_byte_timeout": 100}
    async with connected(
        device, framing="fixed_size", framing_options=options, format="text"
    ) as (connector, heard):
        await device.send(b"422")
        async with asyncio.timeout(10):
            while not connector.framer.pending:
                await asyncio.sleep(0)
        await asyncio.sleep(0.01)  # now it waits for the rest
        assert device._writer is not None
        device._writer.write(b"498")
        time.sleep(0.2)  # noqa: ASYNC251 - to be busy is the point
        await heard.until(lambda: heard.readings)
        assert heard.values == [{"value": "422498"}]
        assert connector.dropped_frames == 0


async def test_a_device_that_speaks_when_asked_is_asked(tmp_path: Path) -> None:
    """At once, again and again, and anew over every new link."""
    async with SerialDevice(tmp_path) as port:
        connector = StreamConnector(
            "test",
            SerialTransport(port.path),
            create_framer("line"),
            create_parser("text"),
            request=Request(b"READ\n", 0.01),
        )
        connector.backoff = Backoff(0.001, 0.01)
        heard = Recorder()
        connector.add_listener(heard)
        await connector.start()
        for number in range(1, 4):
            assert await port.received(15) == b"READ\n" * 3
            await port.send(b"42\n")
            await heard.until(lambda: len(heard.readings) == number)  # noqa: B023
            port.close()
            await heard.until(lambda: not connector.online)
            port.forget()
            port.plug_in()
        await port.received(5)
        await connector.stop()
        running = [task.get_coro().__name__ for task in asyncio.all_tasks()]
        assert "_ask" not in running


async def test_a_device_that_takes_no_request_is_told_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is heard all the same, and the link is left alone."""
    async with SerialDevice(tmp_path) as port:
        port.take_nothing()
        connector = StreamConnector(
            "test",
            SerialTransport(port.path, write_timeout=0.01),
            create_framer("line"),
            create_parser("text"),
            request=Request(b"x" * 60_000, 0.02),
        )
        heard = Recorder()
        connector.add_listener(heard)
        await connector.start()
        async with asyncio.timeout(10):
            while "take the request" not in caplog.text:
                await asyncio.sleep(0.001)
        await asyncio.sleep(0.05)
        await port.send(b"42\n")
        await heard.until(lambda: heard.readings)
        assert heard.connection == [(True, None)]
        await connector.stop()
    assert caplog.text.count("take the request") == 1
    assert connector.statistics.parse_errors == connector.dropped_frames == 0


async def test_starting_fails_with_the_reason() -> None:
    """Whoever starts a connector learns why it cannot connect."""
    async with Device() as device:
        port = device.port
    connector = StreamConnector(
        "test", TcpTransport(HOST, port), create_framer("line"), create_parser("json")
    )
    with pytest.raises(LinkError) as caught:
        await connector.start()
    assert caught.value.reason is LinkReason.REFUSED
    await connector.stop()


async def test_nothing_is_left_when_it_stops_in_the_middle(device: Device) -> None:
    """Stopping under load ends every task at once."""
    tasks = asyncio.all_tasks()
    async with connected(device) as (_, heard):

        async def flood() -> None:
            while True:
                await device.send(b'{"a":1}\n' * 100)

        flooding = asyncio.create_task(flood())
        await heard.until(lambda: len(heard.readings) > 1000)
    flooding.cancel()
    await asyncio.gather(flooding, return_exceptions=True)
    left = asyncio.all_tasks() - tasks
    assert [task for task in left if "Device" not in repr(task.get_coro())] == []


async def test_a_flood_lets_others_have_their_turn(device: Device) -> None:
    """While thousands of messages wait, other tasks go on."""
    async with connected(device, framing="line") as (_, heard):
        heard.raw = _Forgetful()
        turns = 0

        async def others() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += bool(heard.readings) and len(heard.readings) < 50_000

        other = asyncio.create_task(others())
        await device.send(b'{"a":1}\n' * 50_000)
        await heard.until(lambda: len(heard.readings) == 50_000, timeout=60)
        other.cancel()
        assert turns > 20


class _Forgetful(list[Any]):
    """A list that keeps nothing."""

    def append(self, _: Any) -> None:
        """Forget."""


async def test_a_hundred_drops_lose_nothing_that_arrived(device: Device) -> None:
    """10,000 numbered messages over a link that drops 100 times: all arrive, in order."""
    async with connected(device) as (connector, heard):
        await device.connected()
        warm = 0
        for drop in range(100):
            numbers = range(drop * 100, drop * 100 + 100)
            lines = [f'{{"n":{number}}}\n'.encode() for number in numbers]
            await device.send(b"".join(lines[:50]), *lines[50:])
            if drop % 2:
                # A reset may overtake what is on its way; a close may not.
                await heard.until(lambda: len(heard.readings) == numbers.stop)  # noqa: B023
                device.break_off()
            else:
                device.close()
            if drop == 20:
                gc.collect()
                warm = len(gc.get_objects()) - 20 * len(heard.readings)
        await heard.until(lambda: len(heard.readings) == 10_000)
        assert [reading.values["n"] for reading in heard.readings] == list(
            range(10_000)
        )
        assert connector.dropped_frames == connector.statistics.parse_errors == 0
        running = [t for t in asyncio.all_tasks() if t.get_name() == "connector test"]
        assert len(running) == 1
        gc.collect()
        assert len(gc.get_objects()) - 20 * len(heard.readings) < warm + 5_000
