"""A stand-in for BEMCom's API: what a connector meets in an existing stack.

It gives each datapoint that a connector announces an id, and tells the connector by a map
which topic each of them has. In BEMCom a person ticks the datapoints; here all are active.

It forgets what it knows when it ends. People use it through `bemcom_api.py`.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
import json
import time
from typing import Any, Self

import aiomqtt

HOST = "127.0.0.1"
DEFAULT_PORT = 1884

_RETRY = 1.0
# As BEMCom's API does: the map must arrive, a command is on its way or it is not.
_QOS = 2
_QOS_COMMAND = 0

type _Watch = Callable[[str, Any], None]


def now() -> int:
    """Return the time as BEMCom has it."""
    return round(time.time() * 1000)


class BemcomApi:
    """The API for one connector, and what that has told."""

    def __init__(
        self,
        connector: str,
        *,
        port: int = DEFAULT_PORT,
        serves: bool = True,
        on_message: _Watch = lambda _topic, _message: None,
    ) -> None:
        """Be connected to nothing yet; one that does not serve reads the map of another."""
        self.connector = connector
        self.port = port
        self.available: dict[str, dict[str, Any]] = {"sensor": {}, "actuator": {}}
        self.map: dict[str, dict[str, str]] = {"sensor": {}, "actuator": {}}
        self.heartbeat: dict[str, int] = {}
        self.logs: deque[dict[str, Any]] = deque(maxlen=1000)
        self.is_listening = False
        self._serves = serves
        self._on_message = on_message
        self._ids: dict[tuple[str, str], int] = {}
        # By topic, as a value may overtake the map that says whose it is.
        self._latest: dict[str, dict[str, Any]] = {}
        self._client: aiomqtt.Client | None = None
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def values(self) -> dict[str, dict[str, Any]]:
        """Return the latest message of each sensor, by its key."""
        return {
            key: self._latest[topic]
            for key, topic in self.map["sensor"].items()
            if topic in self._latest
        }

    @property
    def is_alive(self) -> bool:
        """Tell whether the connector is, as BEMCom's pages show it."""
        return now() <= self.heartbeat.get("next_heartbeats_timestamp", 0)

    async def __aenter__(self) -> Self:
        """Connect soon, and again whenever the broker was away."""
        self._task = asyncio.create_task(self._run(), name="BEMCom API")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Listen no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def wait(self, is_so: Callable[[], object], within: float = 30) -> None:
        """Return once something is so, which is looked at with each message."""
        async with asyncio.timeout(within):
            while not is_so():
                self._changed.clear()
                await self._changed.wait()

    def topic_of(self, key: str) -> str:
        """Return the topic of an actuator, or raise KeyError."""
        for topic, mapped in self.map["actuator"].items():
            if mapped == key:
                return topic
        raise KeyError(key)

    async def send(self, key: str, value: Any, timestamp: int | None = None) -> None:
        """Give an actuator a value; what comes of it is in the logs."""
        message = {"value": value, "timestamp": timestamp or now()}
        await self.publish(self.topic_of(key), message, qos=_QOS_COMMAND)

    async def publish(
        self, topic: str, message: Any, *, qos: int = _QOS, retain: bool = False
    ) -> None:
        """Publish a message, or raise aiomqtt.MqttError."""
        if self._client is None:
            raise aiomqtt.MqttError("There is no broker")
        await self._client.publish(topic, json.dumps(message), qos=qos, retain=retain)

    async def command(
        self,
        key: str,
        value: Any,
        within: float = 60,
        *,
        repeat_after: float | None = None,
    ) -> dict[str, Any]:
        """Give an actuator a value, and return the line of the log about it.

        A command that nobody listens to is gone; `repeat_after` seconds it is given again.
        """
        began = now()

        def lines() -> list[dict[str, Any]]:
            return [
                it
                for it in self.logs
                if it["timestamp"] >= began and is_outcome(it, key)
            ]

        async with asyncio.timeout(within):
            while not lines():
                await self.send(key, value)
                with suppress(TimeoutError):
                    await self.wait(lines, repeat_after or within)
        return lines()[0]

    # Listening

    async def _run(self) -> None:
        while True:
            # A broker that is away is not the end of an API, or it should not be.
            with suppress(aiomqtt.MqttError):
                await self._listen()
            self._client, self.is_listening = None, False
            await asyncio.sleep(_RETRY)

    async def _listen(self) -> None:
        """Be connected until the broker is lost."""
        async with aiomqtt.Client(HOST, self.port) as client:
            self._client = client
            if self._serves and self._ids:
                await self._publish_map()
            # The map first, so that what comes then has a key.
            topics = ["datapoint_map"] if not self._serves else []
            topics += ["available_datapoints", "heartbeat", "logs", "messages/+/value"]
            for topic in topics:
                await client.subscribe(f"{self.connector}/{topic}", qos=_QOS)
            self.is_listening = True
            self._changed.set()
            async for message in client.messages:
                payload = message.payload
                if isinstance(payload, bytes):
                    await self._take(message.topic.value, payload, message.retain)

    async def _take(self, topic: str, payload: bytes, retain: bool) -> None:
        """Remember what a message says."""
        try:
            message = json.loads(payload)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            return  # BEMCom's own API would store nothing from here on
        match topic.removeprefix(f"{self.connector}/"):
            case "available_datapoints":
                self.available = message
                if self._serves and self._give_ids():
                    await self._publish_map()
            case "datapoint_map":
                self.map = message
            case "heartbeat":
                self.heartbeat = message
            case "logs" if retain:
                pass  # the last line of an earlier time
            case "logs":
                self.logs.append(message)
            case _:
                self._latest[topic] = message
        self._on_message(topic, message)
        self._changed.set()

    # The map

    def _give_ids(self) -> bool:
        """Give ids to datapoints that are new, as a database does; tell whether there are any."""
        known = len(self._ids)
        for kind, examples in self.available.items():
            for key in examples:
                self._ids.setdefault((kind, key), len(self._ids) + 1)
        return len(self._ids) > known

    async def _publish_map(self) -> None:
        self.map = map_of(self.connector, self._ids)
        topic = f"{self.connector}/datapoint_map"
        await self.publish(topic, self.map, retain=True)


def map_of(
    connector: str, ids: Mapping[tuple[str, str], int]
) -> dict[str, dict[str, str]]:
    """Return the map of a connector; its two halves have keys and topics the other way round."""
    topics = {it: f"{connector}/messages/{number}/value" for it, number in ids.items()}
    return {
        "sensor": {key: it for (kind, key), it in topics.items() if kind == "sensor"},
        "actuator": {
            it: key for (kind, key), it in topics.items() if kind == "actuator"
        },
    }


def is_outcome(line: Mapping[str, Any], key: str) -> bool:
    """Tell whether a line of the log is about a command for an actuator."""
    text = str(line.get("msg"))
    return line.get("emitter") == "run_actuator_flow" and text.startswith(f"{key}: ")
