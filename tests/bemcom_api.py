"""The part of a BEMCom API in a test: it registers what it hears of, and sends commands."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
import json
import time
from typing import Any

import aiomqtt

from tests.hub import NAME


class StackApi:
    """Listens to one connector, as django-api does; a map is sent when a test says so."""

    def __init__(self, client: aiomqtt.Client, connector: str) -> None:
        """Know nothing yet."""
        self.connector = connector
        self._client = client
        # By topic, every message that came: payload and whether it was retained.
        self.messages: dict[str, list[tuple[Any, bool]]] = {}
        self._changed = asyncio.Event()

    async def listen(self) -> None:
        """Take messages until the broker is lost."""
        async for message in self._client.messages:
            assert isinstance(message.payload, bytes)
            found = self.messages.setdefault(str(message.topic), [])
            found.append((json.loads(message.payload), message.retain))
            self._changed.set()

    def payloads(self, topic: str) -> list[Any]:
        """Return what came on a topic below the connector's."""
        return [it for it, _ in self.messages.get(f"{self.connector}/{topic}", ())]

    def values(self, number: int) -> list[Any]:
        """Return the values that came of a datapoint."""
        return [it["value"] for it in self.payloads(f"messages/{number}/value")]

    def logs(self) -> list[str]:
        """Return the lines of the log."""
        return [it["msg"] for it in self.payloads("logs")]

    async def until(self, is_so: Callable[[], object], seconds: float = 15) -> None:
        """Wait until what came is what a test waits for."""
        async with asyncio.timeout(seconds):
            while not is_so():
                self._changed.clear()
                await self._changed.wait()

    async def publish(
        self, topic: str, payload: object, *, retain: bool = False
    ) -> None:
        """Publish on a topic below the connector's; bytes as they are."""
        data = payload if isinstance(payload, bytes) else json.dumps(payload)
        await self._client.publish(f"{self.connector}/{topic}", data, 1, retain)

    async def send_map(
        self, sensors: dict[str, int], actuators: dict[str, int] | None = None
    ) -> None:
        """Say which datapoints have which number."""
        await self.publish(
            "datapoint_map",
            {
                "sensor": {key: self.topic(it) for key, it in sensors.items()},
                "actuator": {
                    self.topic(it): key for key, it in (actuators or {}).items()
                },
            },
            retain=True,
        )

    async def command(self, number: int, value: object) -> None:
        """Set an actuator."""
        now = round(time.time() * 1000)
        await self.publish(
            f"messages/{number}/value", {"value": value, "timestamp": now}
        )

    def topic(self, number: int) -> str:
        """Return the topic of the values of a datapoint."""
        return f"{self.connector}/messages/{number}/value"


@asynccontextmanager
async def bemcom_api(
    port: int, connector: str = NAME, **more: Any
) -> AsyncGenerator[StackApi]:
    """Yield an API that is connected to a broker."""
    async with aiomqtt.Client("127.0.0.1", port, **more) as client:
        api = StackApi(client, connector)
        await client.subscribe(f"{connector}/#", 1)
        listening = asyncio.create_task(api.listen())
        try:
            yield api
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
