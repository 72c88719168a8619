"""Who hears what happens on a connection to a broker, in a test."""

import asyncio
from collections.abc import Callable
from typing import Any

from custom_components.bemcom_connectors.bemcom.broker_options import BrokerOptions


class Listener:
    """Remembers what it hears."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.messages: list[tuple[str, bytes, bool]] = []

    def connected(self) -> None:
        """Note it."""
        self.events.append("connected")

    def lost(self) -> None:
        """Note it."""
        self.events.append("lost")

    def received(self, topic: str, payload: bytes, retain: bool) -> None:
        """Keep it."""
        self.messages.append((topic, payload, retain))


async def until(is_so: Callable[[], object], seconds: float = 20) -> None:
    """Wait for something that happens elsewhere."""
    async with asyncio.timeout(seconds):
        while not is_so():
            await asyncio.sleep(0.002)


def options(port: int, **more: Any) -> BrokerOptions:
    return BrokerOptions(host="127.0.0.1", port=port, **more)
