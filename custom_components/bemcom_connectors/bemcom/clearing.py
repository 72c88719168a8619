"""Taking back what is retained at a broker, when there is no mirror any more."""

import asyncio
from collections.abc import Iterable

from .broker import BrokerError
from .broker_options import BrokerOptions
from .own_broker import OwnBroker


class _Waiting:
    """Waits for a connection."""

    def __init__(self) -> None:
        self.is_there = asyncio.Event()

    def connected(self) -> None:
        """Note that there is one."""
        self.is_there.set()

    def lost(self) -> None:
        """Note that there is none."""
        self.is_there.clear()

    def received(self, topic: str, payload: bytes, retain: bool) -> None:
        """Take nothing: nothing is listened to."""


async def clear(
    options: BrokerOptions, topics: Iterable[str], timeout: float = 10.0
) -> bool:
    """Let a broker forget what it retains on topics of discovery; tell whether it did.

    Never for topics of a BEMCom stack, which takes no empty messages.
    """
    waiting = _Waiting()
    broker = OwnBroker(options)
    broker.start(waiting)
    try:
        async with asyncio.timeout(timeout):
            await waiting.is_there.wait()
            for topic in topics:
                await broker.publish(topic, b"", 1, True)
    except TimeoutError, BrokerError:
        return False
    finally:
        await broker.stop()
    return True
