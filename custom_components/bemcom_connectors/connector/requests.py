"""What a device is asked again and again, for one that says nothing by itself."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any, NamedTuple

from .encoding import EncodingError, parse_hex
from .escapes import EscapeError, unescape
from .model import LinkError, OptionsError
from .transport import DEFAULT_WRITE_TIMEOUT, Link

# Gives one the link to oneself, for as long as it is entered.
type Turn = Callable[[], AbstractAsyncContextManager[None]]

DEFAULT_REQUEST_INTERVAL = 10.0
MIN_REQUEST_INTERVAL = 0.01
MAX_REQUEST_INTERVAL = 86_400.0
MAX_REQUEST_SIZE = 4096


class Request(NamedTuple):
    """Bytes to send when the link opens and every `interval` seconds; 0: only then."""

    data: bytes
    interval: float


def create_request(options: Mapping[str, Any]) -> Request | None:
    r"""Return what is to be sent cyclically; None: nothing.

    `options`: `request` (text with escapes such as `\r`; empty: nothing), `request_hex`
    (the text is hex, such as `01 03 00 0A`), `request_interval` (seconds; 0: only once after
    connecting). Raises OptionsError for one that cannot work.
    """
    text = str(options.get("request") or "")
    try:
        data = parse_hex(text) if options.get("request_hex") else unescape(text)
    except (EncodingError, EscapeError) as err:
        raise OptionsError("request", str(err)) from err
    if len(data) > MAX_REQUEST_SIZE:
        raise OptionsError(
            "request", f"The request must not be longer than {MAX_REQUEST_SIZE} bytes"
        )
    interval = _interval(options.get("request_interval"))
    return Request(data, interval) if data else None


def _interval(value: object) -> float:
    """Return the seconds between two requests."""
    if value is None:
        return DEFAULT_REQUEST_INTERVAL
    try:
        interval = float(str(value))
    except ValueError:
        raise OptionsError("request_interval", f"{value!r} is no number") from None
    if interval and not MIN_REQUEST_INTERVAL <= interval <= MAX_REQUEST_INTERVAL:
        raise OptionsError(
            "request_interval",
            f"The interval must be 0 or between {MIN_REQUEST_INTERVAL:g} and "
            f"{MAX_REQUEST_INTERVAL:g} seconds",
        )
    return interval


@asynccontextmanager
async def asking(
    link: Link,
    request: Request | None,
    on_stuck: Callable[[], None],
    turn: Turn = nullcontext,
) -> AsyncGenerator[None]:
    """Send `request` in the background; `on_stuck` is called when it is not taken.

    Each is sent within a `turn`, for which it waits.
    """
    if request is None:
        yield
        return
    task = asyncio.create_task(_ask(link, request, on_stuck, turn))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled():
            task.result()


async def _ask(
    link: Link, request: Request, on_stuck: Callable[[], None], turn: Turn
) -> None:
    """Send at once and then in step, leaving out what falls due while one is written.

    A lost link ends it without a word: whoever reads the link hears of that.
    """
    loop = asyncio.get_running_loop()
    due = loop.time()
    while not link.lost:
        if not await _is_taken(link, request, turn):
            on_stuck()
        if not request.interval:
            return
        due += request.interval
        if (late := loop.time() - due) > 0:
            due += request.interval * (late // request.interval + 1)
        await asyncio.sleep(due - loop.time())


async def _is_taken(link: Link, request: Request, turn: Turn) -> bool:
    """Send once; tell whether the device took it before the next is due."""
    loop = asyncio.get_running_loop()
    began: float | None = None
    limit = DEFAULT_WRITE_TIMEOUT if link.write_timeout is None else None
    try:
        async with turn(), asyncio.timeout(limit):
            began = loop.time()
            await link.write(request.data)
    except LinkError, TimeoutError:
        # Where there is no turn the link is gone.
        return link.lost or began is None
    return not request.interval or loop.time() - began <= request.interval
