"""Finding a baud rate: devices at every speed, heard at every speed."""

import asyncio
from collections.abc import Callable
from typing import Any, override

from hypothesis import example, given, strategies as st
import pytest

from custom_components.bemcom_connectors.connector.baud_rate import (
    COMMON_BAUD_RATES,
    find_baud_rate,
    looks_garbled,
    readability,
)
from custom_components.bemcom_connectors.connector.model import (
    Chunk,
    LinkError,
    LinkReason,
)
from custom_components.bemcom_connectors.connector.requests import Request
from custom_components.bemcom_connectors.connector.transport import Link
from tests.serial_device import garbled

LINES = {
    "number": b"21.5\r\n",
    "negative": b"-7.25\n",
    "digits": b"422498\n",
    "zeros": b"0.0\r\n",
    "eights": b"88888888\r\n",
    "unit": b"+0021.50 kWh\r\n",
    "one word": b"OK\r\n",
    "prose": b"hello there\n",
    "json": b'{"temperature": 21.5, "humidity": 48}\n',
    "nmea": b"$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47\r\n",
    "csv": b"12:00:01;21.5;48\n",
    "carriage return": b"#A1,23.4,55,1013.2\r",
    "pairs": b"T=21.5;H=48\r\n",
    "pair": b"power: 1234.5 W\n",
    "obis": b"1-0:1.8.0*255(000123.456*kWh)\r\n",
    "german": "Außentemperatur: 21,5 °C\r\n".encode(),
    "german latin-1": "Außentemperatur: 21,5 °C\r\n".encode("latin-1"),
    "umlauts latin-1": "Kühlgerät: gestört\r\n".encode("latin-1"),
}
FRAMES = {
    "stx": b"\x02ST,GS,+  12.34kg\x03",
    "stx latin-1": "\x02Kühlgerät\x03".encode("latin-1"),
    "semicolon": b"power=412.5;",
    "degrees": "21,5 °C;".encode(),
    "nul": b"power 412.5\0",
    "json": b'{"a":21.5}',
    "nothing": b"T21.5 H48",
}
MESSAGES = [*LINES.values(), *FRAMES.values()]


class Port:
    """A serial port with a device that has something to say whenever it is opened."""

    def __init__(self, *messages: bytes, baudrate: int, **line: int) -> None:
        """Say `messages` at `baudrate`, one after the other."""
        self.opened: list[int] = []
        self.links: list[FakeLink] = []
        self.progress: list[float] = []
        self.fails: dict[int, LinkReason] = {}
        self._hear: Callable[[int], list[bytes]] = lambda rate: [
            garbled(message, baudrate, rate, **line) for message in messages
        ]

    async def open(self, rate: int) -> Link:
        """Open the port; what there is to hear is there, and then the link ends."""
        if rate in self.fails:
            raise LinkError(self.fails[rate], f"No {rate}")
        self.opened.append(rate)
        link = FakeLink()
        self.links.append(link)
        for data in self._hear(rate):
            if data:
                link.data_received(data)
        link.fail(LinkError(LinkReason.CLOSED, "That was all"))
        return link

    async def find(self, **more: Any) -> tuple[int, list[Chunk]] | None:
        """Search; nobody waits, as every link ends."""
        return await find_baud_rate(
            self.open, self.progress.append, wait=0.05, gather=0.05, **more
        )


class FakeLink(Link):
    """A link that knows whether it was closed."""

    is_closed = False

    @override
    async def close(self) -> None:
        """Note it."""
        self.is_closed = True


def text(sample: list[Chunk]) -> bytes:
    """Return all of a sample."""
    return b"".join(chunk.data for chunk in sample)


def test_the_simulation_is_that_of_a_line() -> None:
    """Checked by hand against the bits on a line."""
    every = bytes(range(256))
    assert garbled(every, 9600, 9600) == every
    assert garbled(every, 300, 300, pause=3) == every
    # Each bit is read twice: 0 00 11 00 11 00 11 00 11 0 -> the first ten make a byte.
    assert garbled(b"\x55", 9600, 19200)[0] == 0b01100110
    # A start bit and eight zeros last as long as one bit, and half of the next.
    assert garbled(b"\0", 9600, 1200) == b"\xff"
    assert garbled(b"\xff", 9600, 4800) == b""
    # From the middle of the first byte on.
    assert garbled(b"AB", 9600, 9600, pause=9, cut=9).endswith(b"B")


@pytest.mark.parametrize("rate", COMMON_BAUD_RATES)
@pytest.mark.parametrize("count", [2, 5])
@pytest.mark.parametrize("name", LINES)
async def test_every_device_is_found(name: str, count: int, rate: int) -> None:
    """At its own rate, whatever it says at the others."""
    port = Port(*[LINES[name]] * count, baudrate=rate)
    found = await port.find()
    assert found is not None
    assert found[0] == rate
    assert text(found[1]) == LINES[name] * count
    assert all(link.is_closed for link in port.links)


@pytest.mark.parametrize("rate", COMMON_BAUD_RATES)
@pytest.mark.parametrize("name", FRAMES)
async def test_frames_without_lines_are_found(name: str, rate: int) -> None:
    """Where nothing looks better."""
    found = await Port(*[FRAMES[name]] * 4, baudrate=rate).find()
    assert found is not None
    assert found[0] == rate


numbers = st.decimals(-1000, 100_000, places=2).map(str) | st.integers(0).map(
    lambda value: str(value)[:12]
)
names = st.text("abcdefghijklmnopqrstuvwxyzTHPäöüß_ ", min_size=1, max_size=12)
lines = st.one_of(
    numbers,
    st.lists(numbers, min_size=2, max_size=6).map(",".join),
    st.lists(numbers, min_size=2, max_size=6).map(";".join),
    st.dictionaries(names, numbers, min_size=1, max_size=4).map(
        lambda pairs: ";".join(f"{name}={value}" for name, value in pairs.items())
    ),
    st.dictionaries(names, numbers, min_size=1, max_size=4).map(
        lambda pairs: f"{{{', '.join(f'"{it}": {pairs[it]}' for it in pairs)}}}"
    ),
)


@given(
    messages=st.lists(lines, min_size=2, max_size=5),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    rate=st.sampled_from(COMMON_BAUD_RATES),
    pause=st.integers(0, 30),
)
@example(["0.00,0", "0.00"], "\n", 9600, 0)
@example(["door:915;volt°C:3729"] * 5, "\n", 115_200, 0)
def test_no_wrong_rate_is_found(
    messages: list[str], end: str, rate: int, pause: int
) -> None:
    """Whatever lines a device sends, with pauses between them or without."""
    sent = [f"{message}{end}".encode() for message in messages]
    for pieces in (sent, [b"".join(sent)]):
        found = asyncio.run(Port(*pieces, baudrate=rate, pause=pause).find())
        assert found is not None
        assert found[0] == rate


@pytest.mark.parametrize("cut", range(1, 100, 7))
async def test_we_begin_to_listen_anywhere(cut: int) -> None:
    """In the middle of a line, and even of a byte."""
    for message in (LINES["json"], LINES["csv"], LINES["prose"], LINES["obis"]):
        found = await Port(message * 4, baudrate=19200, cut=cut).find()
        assert found is not None
        assert found[0] == 19200


@given(data=st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    """No bytes end the search, and what is found is one of the rates."""
    port = Port(data, baudrate=19200)
    found = asyncio.run(port.find(rates=(9600, 19200)))
    assert found is None or (found[0] in port.opened and not looks_garbled(found[1]))


@pytest.mark.parametrize(
    "piece", [b"a", b"a=", b"\x02", b"\x02a", b";", b"\xc3\xa4", b"1,"]
)
@pytest.mark.timeout(10)
async def test_a_large_sample_takes_little_time(piece: bytes) -> None:
    """As much as is listened to, without any end."""
    await Port(piece * (16384 // len(piece)), baudrate=9600).find(rates=(9600,))


# How long it takes


async def test_the_search_ends_early_where_there_is_no_doubt() -> None:
    """Structure with line ends is nowhere but at the right rate."""
    port = Port(*[LINES["json"]] * 3, baudrate=9600)
    assert await port.find() is not None
    assert port.opened == [9600]
    assert port.progress == [0]
    port = Port(*[LINES["prose"]] * 4, baudrate=115_200)
    assert await port.find() is not None
    assert port.opened == [9600, 115_200]


async def test_what_may_be_chance_does_not_end_it() -> None:
    """All the rates are tried, and how much of them is told."""
    port = Port(b"OK\r\n", b"OK\r\n", baudrate=9600)
    found = await port.find()
    assert found is not None
    assert found[0] == 9600
    assert port.opened == list(COMMON_BAUD_RATES)
    assert port.progress == [number / 12 for number in range(12)]


async def test_the_first_of_equals_is_taken() -> None:
    """A pseudo terminal gives the same at every rate."""
    port = Port(b"21\n", b"22\n", baudrate=9600)
    found = await port.find(rates=(9600, 9600))
    assert found is not None
    assert port.opened == [9600, 9600]
    assert found[1][0].time <= found[1][-1].time


@pytest.mark.parametrize(
    "message",
    [b"", b"3\n", bytes(range(0, 256, 5)), b"\0\xff\x10\x27" * 9, b"\xe0" * 9],
)
async def test_no_text_has_no_rate(message: bytes) -> None:
    """Neither silence, nor too little, nor binary data."""
    assert await Port(message, baudrate=9600).find() is None


# What goes wrong


async def test_a_rate_that_the_port_does_not_know_is_left_out() -> None:
    """The next ones are tried."""
    port = Port(*[LINES["json"]] * 3, baudrate=19200)
    port.fails = {9600: LinkReason.SETTING, 115_200: LinkReason.SETTING}
    found = await port.find()
    assert found is not None
    assert found[0] == 19200
    assert port.opened == [19200]


async def test_a_port_that_knows_no_rate_is_an_error() -> None:
    """That is not silence of the device."""
    port = Port(b"", baudrate=9600)
    port.fails = dict.fromkeys(COMMON_BAUD_RATES, LinkReason.SETTING)
    with pytest.raises(LinkError, match="No 300"):
        await port.find()


async def test_a_port_that_is_gone_ends_the_search() -> None:
    """Other rates would not bring it back."""
    port = Port(b"OK\r\n", baudrate=9600)
    port.fails = {19200: LinkReason.PORT_MISSING}
    with pytest.raises(LinkError, match="No 19200"):
        await port.find()
    assert port.opened == [9600, 115_200]


async def test_the_device_is_asked_at_each_rate() -> None:
    """One that speaks when asked is found as well."""
    asked: list[tuple[int, bytes]] = []

    class Answering(FakeLink):
        def __init__(self, rate: int) -> None:
            super().__init__()
            self.rate = rate

        @override
        async def write(self, data: bytes, on_write: Any = None) -> None:
            asked.append((self.rate, data))
            if self.rate == 19200:
                self.data_received(LINES["number"] * 2)
            self.fail(LinkError(LinkReason.CLOSED, "That was all"))

    async def open_link(rate: int) -> Link:
        return Answering(rate)

    found = await find_baud_rate(
        open_link,
        lambda _: None,
        rates=(9600, 19200),
        wait=0.05,
        gather=0.05,
        request=Request(b"READ\r", 10),
    )
    assert found is not None
    assert found[0] == 19200
    assert asked == [(9600, b"READ\r"), (19200, b"READ\r")]


# Whether a sample is garbled


@pytest.mark.parametrize("name", LINES)
def test_text_is_not_garbled_at_its_own_rate(name: str) -> None:
    assert not looks_garbled([Chunk(0, LINES[name])])


def test_most_of_what_comes_at_a_wrong_rate_is_noticed() -> None:
    """Not all of it: some looks like text, such as 21.5 at a sixth of its rate: 33333."""
    noticed = []
    for message in LINES.values():
        for sent_at in COMMON_BAUD_RATES:
            for read_at in COMMON_BAUD_RATES:
                sample = [Chunk(0, garbled(message, sent_at, read_at))] * 5
                if sent_at != read_at and len(text(sample)) >= 4:
                    noticed.append(looks_garbled(sample))
    assert sum(noticed) / len(noticed) > 0.97
    assert garbled(LINES["number"], 57600, 9600) == b"3"


def test_how_readable_a_sample_is() -> None:
    assert readability([]) == 0
    assert readability([Chunk(0, b"21.5\r"), Chunk(1, b"\n")]) == 1
    assert readability([Chunk(0, b"\x02a\x03\0")]) == 0.75
    assert readability([Chunk(0, "°°".encode())]) == 1
    assert readability([Chunk(0, b"\xb0abc")]) == 0.75
