"""A broker that is none, a connector that says what it is told, and a mirror between them."""

import asyncio
from collections.abc import Awaitable, Callable
import json
from typing import Any, override

from custom_components.bemcom_connectors.bemcom.broker import MessageRefusedError
from custom_components.bemcom_connectors.bemcom.mirror import Mirror
from custom_components.bemcom_connectors.bemcom.model import MirrorOptions
from custom_components.bemcom_connectors.bemcom.outbox import Outgoing
from custom_components.bemcom_connectors.connector.actuators import (
    Actuator,
    ActuatorKind,
)
from custom_components.bemcom_connectors.connector.base import Connector
from custom_components.bemcom_connectors.connector.model import (
    CommandError,
    CommandReason,
    JsonValue,
    RawMessage,
)
from tests.ocpp.virtual_time import run_virtually

NOW = 1_573_680_749_000
NAME = "example-connector"

type Settle = Callable[[], Awaitable[None]]
# What runs a story of a stack (`play`).
type Play = Callable[..., None]


class FakeBroker:
    """Remembers what it is told; a test decides what arrives."""

    def __init__(self) -> None:
        """Take everything at once."""
        self.published: list[Outgoing] = []
        self.arrived: list[Outgoing] = []
        self.subscriptions: list[tuple[str, int]] = []
        self.unsubscribed: list[str] = []
        self.error: Exception | None = None
        # Topics that are not for us.
        self.forbidden: set[str] = set()
        self.subscribe_error: Exception | None = None
        # What was sent and is not confirmed yet, if this broker takes its time.
        self.pending: list[tuple[Outgoing, asyncio.Future[None]]] | None = None

    def publish(
        self, topic: str, payload: bytes, qos: int, retain: bool
    ) -> Awaitable[None]:
        """Take a message."""
        message = Outgoing(topic, payload, qos, retain)
        self.published.append(message)
        if self.error is not None:
            raise self.error
        if topic in self.forbidden:
            raise MessageRefusedError("Not authorized")
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.pending is None:
            self.arrived.append(message)
            future.set_result(None)
        else:
            self.pending.append((message, future))
        return future

    def confirm(self, count: int | None = None) -> None:
        """Let the first messages that are under way arrive."""
        assert self.pending is not None
        done, self.pending = (
            self.pending[:count],
            self.pending[len(self.pending[:count]) :],
        )
        for message, future in done:
            if not future.cancelled():
                self.arrived.append(message)
                future.set_result(None)

    async def subscribe(self, topic: str, qos: int) -> None:
        """Note a subscription."""
        if self.subscribe_error is not None:
            raise self.subscribe_error
        self.subscriptions.append((topic, qos))

    async def unsubscribe(self, topic: str) -> None:
        """Note the end of one."""
        self.unsubscribed.append(topic)

    def on(self, topic: str) -> list[Any]:
        """Return the payloads that arrived on a topic."""
        return [json.loads(it.payload) for it in self.arrived if it.topic == topic]


class FakeConnector(Connector):
    """A connector that says what a test wants, and remembers commands."""

    def __init__(self, *actuators: str) -> None:
        """Take anything for some keys."""
        super().__init__("fake")
        self.actuators = {
            key: Actuator(key=key, kind=ActuatorKind.METHOD) for key in actuators
        }
        self.commands: list[tuple[str, JsonValue, float]] = []
        self.refuse: CommandReason | None = None
        self.go_on = asyncio.Event()
        self.go_on.set()

    @override
    async def receive_raw_msg(self) -> JsonValue:
        """Say nothing by itself."""
        await asyncio.Event().wait()
        return None

    @override
    def parse_raw_msg(self, raw_msg: RawMessage) -> JsonValue:
        """Read JSON."""
        if isinstance(raw_msg.payload, bytes):
            value: JsonValue = json.loads(raw_msg.payload)
            return value
        return raw_msg.payload

    @override
    async def send_command(
        self, datapoint_key: str, datapoint_value: JsonValue, datapoint_timestamp: int
    ) -> JsonValue:
        """Remember a command."""
        await self.go_on.wait()
        self.commands.append((datapoint_key, datapoint_value, datapoint_timestamp))
        if self.refuse is not None:
            raise CommandError(self.refuse, "It is refused")
        return None


class Stack:
    """All of it, with a clock that a test sets going."""

    def __init__(
        self,
        *actuators: str,
        broker: Any = None,
        connector: Connector | None = None,
        **options: Any,
    ) -> None:
        """Put it together."""
        self.broker: FakeBroker = FakeBroker() if broker is None else broker
        # Most tests have none of their own.
        self.connector: FakeConnector = connector or FakeConnector(*actuators)  # type: ignore[assignment]
        self.changes = 0
        options.setdefault("connector_name", NAME)
        translate = options.pop("translate", None)
        self.mirror = Mirror(
            self.connector,
            self.broker,
            MirrorOptions(version="1.0", **options),
            translate=translate,
            on_changed=self._changed,
            now=self.now,
        )

    def now(self) -> int:
        """Return the time, as the loop has it."""
        try:
            return NOW + round(asyncio.get_running_loop().time() * 1000)
        except RuntimeError:
            return NOW

    def _changed(self) -> None:
        self.changes += 1

    async def start(self) -> None:
        """Start it, with a broker."""
        self.mirror.start()
        await self.connector.start()
        self.mirror.connected()
        await self.settle()

    async def stop(self) -> None:
        """End it."""
        await self.connector.stop()
        await self.mirror.stop()

    async def settle(self) -> None:
        """Let everything happen that happens at once."""
        for _ in range(20):
            await asyncio.sleep(0)

    async def wait(self, seconds: float) -> None:
        """Let so much time pass."""
        await asyncio.sleep(seconds)
        await self.settle()

    async def say(self, **values: JsonValue) -> None:
        """Let the device say something."""
        self.connector.publish(dict(values), self.now())
        await self.settle()

    async def receive(self, topic: str, message: Any, *, retain: bool = False) -> None:
        """Let a message come from the broker, as JSON unless it is bytes."""
        payload = (
            message if isinstance(message, bytes) else json.dumps(message).encode()
        )
        self.mirror.received(topic, payload, retain)
        await self.settle()

    async def map(
        self,
        sensor: dict[str, str] | None = None,
        actuator: dict[str, str] | None = None,
    ) -> None:
        """Let a map come."""
        message = {"sensor": sensor or {}, "actuator": actuator or {}}
        await self.receive(f"{NAME}/datapoint_map", message, retain=True)

    @property
    def logs(self) -> list[Any]:
        """Return the lines of the log."""
        return self.broker.on(f"{NAME}/logs")

    def errors(self) -> list[str]:
        """Return what was logged as an error."""
        return [line["msg"] for line in self.logs if line["level"] == 40]


def play(
    story: Callable[[Stack], Awaitable[None]], *actuators: str, **options: Any
) -> None:
    """Run a test's story on a started stack, in no time."""

    async def run() -> None:
        stack = Stack(*actuators, **options)
        await stack.start()
        try:
            await story(stack)
        finally:
            await stack.stop()

    run_virtually(run())
