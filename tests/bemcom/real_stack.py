"""The same stack as in `stack`, with a real broker and what BEMCom would see of it.

The clock is a real one that a test can put forward, so nobody waits for heartbeats.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
import itertools
import json
import socket
from typing import Any, override

import aiomqtt
from paho.mqtt.subscribeoptions import SubscribeOptions

from custom_components.bemcom_connectors.bemcom.broker_options import BrokerOptions
from custom_components.bemcom_connectors.bemcom.mirror import Mirror
from custom_components.bemcom_connectors.bemcom.outbox import Outgoing
from custom_components.bemcom_connectors.bemcom.own_broker import OwnBroker
from custom_components.bemcom_connectors.connector.backoff import Backoff
from tests.bemcom.listening import until
from tests.bemcom.mosquitto import Mosquitto
from tests.bemcom.stack import NOW, Stack

_BARRIER = "barrier"


class Loop(asyncio.SelectorEventLoop):
    """An event loop whose clock can be put forward."""

    skipped = 0.0

    @override
    def time(self) -> float:
        return super().time() + self.skipped


class Api:
    """Somebody else at the broker, who sees everything and sends what BEMCom's API sends."""

    def __init__(self) -> None:
        """See nothing yet."""
        self.seen: list[Outgoing] = []
        self.changed = asyncio.Event()
        self._client: aiomqtt.Client | None = None
        self._numbers = itertools.count()

    @asynccontextmanager
    async def connected(self, port: int) -> AsyncGenerator[None]:
        """See what is published, each message with its QoS and whether it is retained."""
        protocol = aiomqtt.ProtocolVersion.V5
        at_once = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        async with aiomqtt.Client(
            "127.0.0.1", port, protocol=protocol, socket_options=[at_once]
        ) as client:
            how = SubscribeOptions(qos=2, noLocal=True, retainAsPublished=True)
            await client.subscribe("#", options=how)
            self._client = client
            reading = asyncio.create_task(self._read(client))
            try:
                yield
            finally:
                reading.cancel()
                # A broker that is killed is no fault here.
                with suppress(asyncio.CancelledError, aiomqtt.MqttError):
                    await reading

    async def send(self, topic: str, payload: bytes, qos: int, retain: bool) -> None:
        """Publish a message."""
        assert self._client is not None
        await self._client.publish(topic, payload, qos, retain)

    def on(self, topic: str) -> list[Any]:
        """Return the payloads that were seen on a topic."""
        return [json.loads(it.payload) for it in self.seen if it.topic == topic]

    def mark(self) -> tuple[str, bytes]:
        """Return a message that nobody published before."""
        return _BARRIER, b"%d" % next(self._numbers)

    async def wait_for(self, topic: str, payload: bytes) -> None:
        """Wait until a message was seen, and so all that came before it."""
        await until(
            lambda: any(
                (it.topic, it.payload) == (topic, payload) for it in self.seen[-50:]
            )
        )
        self.seen = [it for it in self.seen if it.topic != _BARRIER]

    async def catch_up(self, port: int) -> None:
        """Wait until all was seen that the broker has taken until now."""
        mark = self.mark()
        async with aiomqtt.Client("127.0.0.1", port) as other:
            await other.publish(*mark, 2)
        await self.wait_for(*mark)

    async def _read(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            payload = message.payload
            assert isinstance(payload, bytes)
            it = Outgoing(str(message.topic), payload, message.qos, message.retain)
            self.seen.append(it)
            self.changed.set()


class RealBroker:
    """The mirror's connection, with notes of what it subscribes."""

    def __init__(self, options: BrokerOptions, api: Api) -> None:
        """Connect nowhere yet."""
        self.own = OwnBroker(options, backoff=Backoff(0.02, 0.2))
        self.api = api
        self.subscriptions: list[tuple[str, int]] = []
        self.unsubscribed: list[str] = []
        # Counts what came, by topic and payload.
        self.heard: list[tuple[str, bytes]] = []
        self._mirror: Mirror | None = None

    def start(self, mirror: Mirror) -> None:
        """Connect, and tell a mirror what comes."""
        self._mirror = mirror
        self.own.start(self)

    @property
    def arrived(self) -> list[Outgoing]:
        """Return what the API saw of the mirror."""
        return self.api.seen

    def on(self, topic: str) -> list[Any]:
        """Return the payloads that the API saw on a topic."""
        return self.api.on(topic)

    def publish(
        self, topic: str, payload: bytes, qos: int, retain: bool
    ) -> Awaitable[None]:
        """Send a message."""
        return self.own.publish(topic, payload, qos, retain)

    async def subscribe(self, topic: str, qos: int) -> None:
        """Listen to a topic, and note it."""
        await self.own.subscribe(topic, qos)
        self.subscriptions.append((topic, qos))

    async def unsubscribe(self, topic: str) -> None:
        """Listen no more, and note it."""
        await self.own.unsubscribe(topic)
        self.unsubscribed.append(topic)

    def connected(self) -> None:
        """Tell the mirror."""
        assert self._mirror is not None
        self._mirror.connected()

    def lost(self) -> None:
        """Tell the mirror."""
        assert self._mirror is not None
        self._mirror.lost()

    def received(self, topic: str, payload: bytes, retain: bool) -> None:
        """Tell the mirror, and note it."""
        assert self._mirror is not None
        self._mirror.received(topic, payload, retain)
        self.heard.append((topic, payload))


class RealStack(Stack):
    """A mirror, a real broker, and BEMCom's API on its other side."""

    def __init__(self, port: int, *actuators: str, **options: Any) -> None:
        """Put it together."""
        self.api = Api()
        at = BrokerOptions(host="127.0.0.1", port=port)
        self.wire = RealBroker(at, self.api)
        self._began = asyncio.get_running_loop().time()
        super().__init__(*actuators, broker=self.wire, **options)

    @override
    def now(self) -> int:
        passed = asyncio.get_running_loop().time() - self._began
        return NOW + round(passed * 1000)

    @override
    async def start(self) -> None:
        await self.connector.start()
        await self.attach()

    @override
    async def stop(self) -> None:
        await self.connector.stop()
        await self.detach()

    async def attach(self) -> None:
        """Start the mirror of a connector that runs."""
        self.mirror.start()
        self.wire.start(self.mirror)
        await until(lambda: self.mirror.is_connected)
        await self.settle()

    async def detach(self) -> None:
        """End it, in the order in which a hub does."""
        await self.mirror.stop()
        await self.wire.own.stop()

    async def clean(self) -> None:
        """Leave nothing retained for the next one."""
        topics = {it.topic for it in self.api.seen if it.retain}
        for topic in topics | {topic for topic, _ in self.wire.heard}:
            await self.api.send(topic, b"", 1, True)

    @override
    async def settle(self) -> None:
        """Let everything happen that happens at once, on both sides of the broker."""
        await super().settle()
        mirror = self.mirror
        wanted = mirror.subscriptions.wanted
        await until(lambda: mirror.subscriptions.current == wanted)
        assert await mirror.publisher.sender.drain(10)
        mark = self.api.mark()
        await self.wire.own.publish(*mark, 2, False)
        await self.api.wait_for(*mark)

    @override
    async def wait(self, seconds: float) -> None:
        """Put the clock forward by so much."""
        await self.settle()
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Loop)
        while seconds > 0:
            loop.skipped += min(seconds, 1)
            seconds -= 1
            await super().settle()
            assert await self.mirror.publisher.sender.drain(10)
        await self.settle()

    @override
    async def receive(self, topic: str, message: Any, *, retain: bool = False) -> None:
        """Let the API send a message.

        One on a topic that the mirror does not listen to is one that was on its way when it
        ceased to.
        """
        payload = (
            message if isinstance(message, bytes) else json.dumps(message).encode()
        )
        late = topic not in self.mirror.subscriptions.current
        if late:
            await self.wire.own.subscribe(topic, 1)
        count = len(self.wire.heard)
        await self.api.send(topic, payload, 2, retain)
        await until(lambda: (topic, payload) in self.wire.heard[count:])
        if late:
            await self.wire.own.unsubscribe(topic)
        await self.settle()


def play_for_real(
    server: Mosquitto,
    story: Callable[[Stack], Awaitable[None]],
    *actuators: str,
    **options: Any,
) -> None:
    """Run a test's story on a started stack with a real broker, and leave that clean."""

    async def run() -> None:
        if not server.is_running:
            await server.start()
        stack = RealStack(server.port, *actuators, **options)
        async with stack.api.connected(server.port):
            await stack.start()
            try:
                await story(stack)
            finally:
                await stack.stop()
                await stack.clean()

    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(run())
