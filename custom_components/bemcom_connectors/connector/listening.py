"""Listening to a device for a while, to see what it sends."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
import time

from .model import Chunk, LinkError
from .requests import Request, asking
from .transport import Link

# A device that pushes every half minute is heard; one that pushes often shows a few messages.
WAIT_TIME = 30.0
GATHER_TIME = 3.0

# As much as anybody wants to look at.
ENOUGH = 16 * 1024


async def listen(
    link: Link,
    *,
    wait: float,
    gather: float,
    on_wait: Callable[[float], None],
    request: Request | None = None,
) -> list[Chunk]:
    """Return what comes within `gather` seconds of the first byte; maybe nothing.

    The first byte may take `wait` seconds; `on_wait` is told once a second how much of that,
    from 0 to 1, is over. `request` is sent meanwhile, to a device that speaks when asked.
    Raises LinkError when the link is lost before anything came.
    """
    async with asking(link, request, _not_taken):
        return await _listen(link, wait, gather, on_wait)


def _not_taken() -> None:
    """Wait on: that a device takes nothing shows in its silence."""


async def _listen(
    link: Link, wait: float, gather: float, on_wait: Callable[[float], None]
) -> list[Chunk]:
    """Return what comes, as `listen` says."""
    sample: list[Chunk] = []
    size = 0
    began = time.monotonic()
    end = began + wait
    while size < ENOUGH and (rest := end - time.monotonic()) > 0:
        data = b""
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(min(rest, 1.0)):
                    data = await link.read()
        except LinkError:
            if not sample:
                raise
            break
        now = time.monotonic()
        if not sample:
            on_wait(min((now - began) / wait, 1.0))
        if data:
            if not sample:
                end = now + gather
            sample.append(Chunk(now, data))
            size += len(data)
    return sample
