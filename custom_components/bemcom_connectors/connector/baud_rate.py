"""Telling from what comes in whether a serial port has the right baud rate."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress

from .listening import listen
from .model import Chunk, LinkError
from .requests import Request
from .transport import Link

# The usual ones, roughly by how often devices have them.
COMMON_BAUD_RATES = (
    9600,
    115200,
    19200,
    38400,
    57600,
    4800,
    2400,
    1200,
    230400,
    460800,
    921600,
    300,
)

# A device that speaks every few seconds is heard at each rate.
WAIT_TIME = 4.0
GATHER_TIME = 1.0

# Fewer bytes than this say nothing.
_ENOUGH = 4
# Text has hardly any other bytes; at a wrong baud rate most bytes are others.
_GARBLED = 0.3
_TEXT = frozenset([*range(0x20, 0x7F), 0x09, 0x0A, 0x0D, 0x02, 0x03])


def readability(sample: Sequence[Chunk]) -> float:
    """Return how much of a sample is text, from 0 to 1; UTF-8 counts."""
    data = b"".join(chunk.data for chunk in sample)
    if not data:
        return 0.0
    with suppress(UnicodeDecodeError):
        text = data.decode()
        plain = sum(char.isprintable() or ord(char) in _TEXT for char in text)
        return plain / len(text)
    return sum(byte in _TEXT for byte in data) / len(data)


def looks_garbled(sample: Sequence[Chunk]) -> bool:
    """Tell whether a sample looks like text at a wrong baud rate, or like binary data."""
    size = sum(len(chunk.data) for chunk in sample)
    return size >= _ENOUGH and readability(sample) < 1 - _GARBLED


async def find_baud_rate(
    open_link: Callable[[int], Awaitable[Link]],
    on_progress: Callable[[float], None],
    *,
    rates: Iterable[int] = COMMON_BAUD_RATES,
    wait: float = WAIT_TIME,
    gather: float = GATHER_TIME,
    request: Request | None = None,
) -> tuple[int, list[Chunk]] | None:
    """Return the baud rate at which text comes in, and that; None if there is none.

    Listens `wait` seconds at each of the `rates`. Raises LinkError when the port cannot be
    opened; `on_progress` is told how much is done, from 0 to 1.
    """
    rates = tuple(rates)
    for number, rate in enumerate(rates):
        on_progress(number / len(rates))
        link = await open_link(rate)
        try:
            sample = await listen(
                link,
                wait=wait,
                gather=gather,
                on_wait=lambda _: None,
                request=request,
            )
        except LinkError:
            sample = []
        finally:
            await link.close()
        size = sum(len(chunk.data) for chunk in sample)
        if size >= _ENOUGH and not looks_garbled(sample):
            return rate, sample
    return None
