"""Telling from what comes in whether a serial port has the right baud rate."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from enum import IntEnum
import re
from typing import NamedTuple

from .listening import listen
from .model import Chunk, LinkError, LinkReason
from .parsing import Format
from .recognition import recognise
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

# So much of a sample at the right rate is text; at a wrong one that happens, but hardly ever
# with line ends where they belong, or with frames.
_CLEAR = 0.95
_CERTAIN = 0.99
_FRAME = re.compile(
    rb"\x02[\t\n\r -~\x80-\xff]++\x03"
    # Bounded, as it is tried from each byte on.
    rb"|(?:[\t -:<-~]|[\xc2\xc3][\x80-\xbf]){2,255}+[;\0]"
)
# Text without any end: less than this is a pattern of bits.
_DISTINCT = 3
# Beyond doubt is a sample of so many lines, one of them so long; or so long with structure.
_MANY = 3
_LONG = 7


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


class _Kind(IntEnum):
    """What a sample looks like; text with ends is hardly ever seen at a wrong rate."""

    CLEAR_TEXT = 0
    LINES = 1
    FRAMES = 2
    CLEAR_LINES = 3


class _Evidence(NamedTuple):
    """What speaks for the baud rate of a sample; the greater one is the likelier."""

    kind: _Kind
    is_structured: bool
    readable: float
    is_beyond_doubt: bool


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

    Listens `wait` seconds at each of the `rates`, as what comes at a wrong one may look like
    text as well; ends early only at what no wrong one gives. Raises LinkError when the port
    cannot be opened; `on_progress` is told how much is done, from 0 to 1.
    """
    rates = tuple(rates)
    best: tuple[_Evidence, int, list[Chunk]] | None = None
    unknown: LinkError | None = None
    heard = False
    for number, rate in enumerate(rates):
        on_progress(number / len(rates))
        try:
            link = await open_link(rate)
        except LinkError as err:
            if err.reason is not LinkReason.SETTING:
                raise
            unknown = err
            continue
        heard = True
        sample = await _listen(link, wait, gather, request)
        # Not in the event loop: recognising tries many formats.
        evidence = await asyncio.to_thread(_weigh, sample)
        if evidence and (best is None or evidence > best[0]):
            best = evidence, rate, sample
        if evidence and evidence.is_beyond_doubt:
            break
    if unknown and not heard:
        raise unknown
    return best and (best[1], best[2])


async def _listen(
    link: Link, wait: float, gather: float, request: Request | None
) -> list[Chunk]:
    """Return what comes in at one baud rate, and close the link."""
    try:
        return await listen(
            link, wait=wait, gather=gather, on_wait=lambda _: None, request=request
        )
    except LinkError:
        # Some ports break at a speed that is not theirs, and are well at the next.
        return []
    finally:
        await link.close()


def _weigh(sample: Sequence[Chunk]) -> _Evidence | None:
    """Return what speaks for the baud rate of a sample; None: nothing."""
    data = b"".join(chunk.data for chunk in sample)
    readable = readability(sample) * len(data)
    if len(data) < _ENOUGH or looks_garbled(sample):
        return None
    # We may have begun to listen in the middle of a byte, and so of the first line.
    _, end, rest = data.partition(b"\n" if b"\n" in data else b"\r")
    if end and len(rest) >= _ENOUGH and _lines(rest):
        data = rest
    share = readability([Chunk(0.0, data)])
    lines = _lines(data)
    format_ = recognise(sample)["format"] if share >= _CLEAR else Format.TEXT
    kind = _kind(data, share, bool(lines) or format_ == Format.JSON)
    if kind is None:
        return None
    is_structured = format_ != Format.TEXT
    is_prose = len(lines) >= _MANY and max(map(len, lines)) >= _LONG
    is_certain = (
        kind is _Kind.CLEAR_LINES
        and share >= _CERTAIN
        and len(data) >= _LONG
        and (is_structured or is_prose)
    )
    return _Evidence(kind, is_structured, readable, is_certain)


def _lines(data: bytes) -> list[bytes]:
    """Return the lines that have something in them, and an end."""
    *ended, _ = data.replace(b"\r", b"\n").split(b"\n")
    return [line for line in ended if line]


def _kind(data: bytes, share: float, has_ends: bool) -> _Kind | None:
    """Return what bytes look like of which a `share` is text; None: like nothing."""
    if has_ends and share >= _CLEAR:
        return _Kind.CLEAR_LINES
    if sum(map(len, _FRAME.findall(data))) >= _CLEAR * len(data):
        return _Kind.FRAMES
    if has_ends:
        return _Kind.LINES
    if share >= _CLEAR and len(set(data)) >= _DISTINCT:
        return _Kind.CLEAR_TEXT
    return None
