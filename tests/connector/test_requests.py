"""Cyclic requests: sent at once and in step, whatever the device takes."""

import asyncio
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.bemcom_connectors.connector.listening import listen
from custom_components.bemcom_connectors.connector.model import (
    LinkError,
    LinkReason,
    OptionsError,
)
from custom_components.bemcom_connectors.connector.requests import (
    Request,
    asking,
    create_request,
)
from custom_components.bemcom_connectors.connector.transport import Link

LOST = LinkError(LinkReason.RESET, "gone")


class Wire(asyncio.Transport):
    """A transport that notes when it was written to, and fills up when told to."""

    def __init__(self, link: Link) -> None:
        """Carry the link's bytes nowhere."""
        super().__init__()
        self.link = link
        self.written: list[tuple[float, bytes]] = []
        self.takes = True
        self.more = asyncio.Event()
        link.connection_made(self)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Note what is written."""
        self.written.append((asyncio.get_running_loop().time(), bytes(data)))
        self.more.set()
        if not self.takes:
            self.link.pause_writing()

    def is_closing(self) -> bool:
        """Stay open."""
        return False

    async def times(self, count: int) -> list[float]:
        """Wait for so many writes, and return when they were."""
        async with asyncio.timeout(10):
            while len(self.written) < count:
                self.more.clear()
                await self.more.wait()
        return [time for time, _ in self.written]


@pytest.mark.parametrize(
    ("options", "request_"),
    [
        ({}, None),
        ({"request": ""}, None),
        ({"request": None, "request_hex": True}, None),
        ({"request": "  ", "request_hex": True}, None),
        ({"request": "READ\\r\\n"}, Request(b"READ\r\n", 10.0)),
        ({"request": "\\x02?", "request_interval": 2}, Request(b"\x02?", 2.0)),
        ({"request": "?", "request_interval": 0}, Request(b"?", 0.0)),
        ({"request": "?", "request_interval": None}, Request(b"?", 10.0)),
        ({"request": "?", "request_interval": "0.5"}, Request(b"?", 0.5)),
        (
            {"request": "01 03 00 00 00 02 C4 0B", "request_hex": True},
            Request(b"\x01\x03\0\0\0\x02\xc4\x0b", 10.0),
        ),
        ({"request": "0x01", "request_hex": True}, Request(b"\1", 10.0)),
        ({"request": "01:0a:FF", "request_hex": True}, Request(b"\1\n\xff", 10.0)),
        ({"request": "0102", "request_hex": False}, Request(b"0102", 10.0)),
    ],
)
def test_options_become_a_request(
    options: dict[str, Any], request_: Request | None
) -> None:
    """A text with escapes, or hex; every 10 seconds unless another time is given."""
    assert create_request(options) == request_


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"request": "\\q"}, "request"),
        ({"request": "01 0", "request_hex": True}, "request"),
        ({"request": "READ", "request_hex": True}, "request"),
        ({"request": "x" * 4097}, "request"),
        ({"request": "?", "request_interval": -1}, "request_interval"),
        ({"request": "?", "request_interval": 0.001}, "request_interval"),
        ({"request": "?", "request_interval": 86_401}, "request_interval"),
        ({"request": "?", "request_interval": float("nan")}, "request_interval"),
        ({"request": "?", "request_interval": float("inf")}, "request_interval"),
        ({"request": "?", "request_interval": "soon"}, "request_interval"),
    ],
)
def test_options_that_cannot_work_are_named(
    options: dict[str, Any], option: str
) -> None:
    """The error names the option, so that a form can show it beside the field."""
    with pytest.raises(OptionsError) as caught:
        create_request(options)
    assert caught.value.option == option


@given(st.binary(min_size=1, max_size=64), st.sampled_from(["", " ", ":", " 0x"]))
def test_any_bytes_can_be_written_as_hex(data: bytes, between: str) -> None:
    """However the digits are grouped."""
    text = between.join(f"{byte:02X}" for byte in data)
    request = create_request({"request": text, "request_hex": True})
    assert request is not None
    assert request.data == data


async def test_nothing_is_asked_without_a_request() -> None:
    """No task, no byte."""
    wire = Wire(Link())
    tasks = asyncio.all_tasks()
    async with asking(wire.link, None, pytest.fail):
        assert asyncio.all_tasks() == tasks
    assert not wire.written


async def test_it_is_sent_at_once_and_in_step() -> None:
    """The time of each is counted from the first, not from the one before."""
    wire = Wire(Link())
    async with asking(wire.link, Request(b"?", 0.02), pytest.fail):
        times = await wire.times(6)
    assert [data for _, data in wire.written] == [b"?"] * len(wire.written)
    assert times[5] - times[0] >= 0.099
    count = len(wire.written)
    await asyncio.sleep(0.05)
    assert len(wire.written) == count


async def test_an_interval_of_zero_is_once() -> None:
    """For a device that wants to be started."""
    wire = Wire(Link())
    async with asking(wire.link, Request(b"GO", 0), pytest.fail):
        await wire.times(1)
        await asyncio.sleep(0.03)
    assert len(wire.written) == 1


async def test_what_falls_due_while_one_is_written_is_left_out() -> None:
    """A device that takes nothing for a while is not flooded when it does again."""
    wire = Wire(Link())
    stuck: list[None] = []
    wire.takes = False
    async with asking(wire.link, Request(b"?", 0.02), lambda: stuck.append(None)):
        await wire.times(1)
        await asyncio.sleep(0.11)
        assert len(wire.written) == 1
        assert not stuck
        wire.takes = True
        wire.link.resume_writing()
        times = await wire.times(3)
    assert stuck == [None]
    assert times[1] - times[0] >= 0.11
    # In step still: on a multiple of the interval, the next one an interval later.
    assert times[2] - times[0] >= 0.139


async def test_a_device_that_takes_nothing_is_told_of() -> None:
    """A timeout ends nothing; the next one is tried when it is due."""
    wire = Wire(Link(write_timeout=0.01))
    stuck = asyncio.Event()
    wire.takes = False
    async with asking(wire.link, Request(b"?", 0.02), stuck.set):
        async with asyncio.timeout(5):
            await stuck.wait()
        assert len(wire.written) == 1
        wire.takes = True
        wire.link.resume_writing()
        await wire.times(2)


async def test_a_lost_link_ends_it_without_a_word() -> None:
    """Whoever reads hears of the loss."""
    wire = Wire(Link())
    tasks = asyncio.all_tasks()
    wire.takes = False
    async with asking(wire.link, Request(b"?", 0.01), pytest.fail):
        await wire.times(1)
        wire.link.fail(LOST)
        async with asyncio.timeout(5):
            while asyncio.all_tasks() != tasks:
                await asyncio.sleep(0)
    assert len(wire.written) == 1


async def test_a_silent_device_is_asked_while_listening() -> None:
    """At once, so that the answer is part of the sample, and again."""
    wire = Wire(Link())

    async def device() -> None:
        await wire.times(2)
        wire.link.data_received(b"42\n")

    answering = asyncio.create_task(device())
    sample = await listen(
        wire.link,
        wait=5,
        gather=0.02,
        on_wait=lambda _: None,
        request=Request(b"READ\n", 0.02),
    )
    await answering
    assert [chunk.data for chunk in sample] == [b"42\n"]
    assert wire.written[0][1] == b"READ\n"


async def test_listening_to_a_device_that_takes_nothing_goes_on() -> None:
    """It may speak all the same."""
    wire = Wire(Link(write_timeout=0.001))
    wire.takes = False

    def speak(_: float) -> None:
        if not wire.link.waiting and wire.written:
            wire.link.data_received(b"1\n")

    sample = await listen(
        wire.link, wait=3, gather=0.05, on_wait=speak, request=Request(b"?", 0.01)
    )
    assert sample[0].data == b"1\n"
