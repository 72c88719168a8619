"""aiomqtt's client, which tells also what a broker answers to messages."""

import asyncio
from contextlib import suppress
import socket
import ssl
from typing import Any, override

import aiomqtt

from .broker import BrokerError, MessageRefusedError
from .broker_options import BrokerOptions
from .incoming import MAX_BYTES, IncomingQueue
from .outbox import Outgoing

# Seconds until a connection that says nothing is probed, and until an answer is missed.
_KEEP_ALIVE = 30
_TIMEOUT = 10.0
# Seconds in which a broker confirms at least one of the messages that are under way.
_PATIENCE = 60.0
# As many subscriptions may wait for an answer without a word in the log.
_MAX_CALLS = 1_000
# What a message has beside topic and payload, at most.
_HEADER = 16

# For each message of QoS 2 that comes, paho sends one more than it may at a time, until the
# broker breaks off the connection. So none comes.
_LISTENING = 1

# Refused now, and perhaps not the next time: the packet's number is taken, a quota.
_FOR_NOW = {0x91, 0x97}
_FAILED = 0x80


class ClosedError(aiomqtt.MqttError):
    """The broker closed the connection before it said anything."""


class Client(aiomqtt.Client):
    """One connection; for the next one there is another.

    aiomqtt's own `publish` is a task for each message and throws away whether it was refused.
    """

    def __init__(
        self,
        options: BrokerOptions,
        protocol: aiomqtt.ProtocolVersion,
        *,
        identifier: str,
        tls: ssl.SSLContext | None = None,
        will: Outgoing | None = None,
    ) -> None:
        """Connect nowhere yet; ValueError for what no broker can be told."""
        super().__init__(
            options.host,
            options.port,
            username=options.user if options.user or options.password else None,
            password=options.password or None,
            identifier=identifier,
            protocol=protocol,
            tls_context=tls,
            timeout=_TIMEOUT,
            keepalive=_KEEP_ALIVE,
            queue_type=IncomingQueue,
            # Small messages and answers to them are not gathered.
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
            will=None
            if will is None
            else aiomqtt.Will(will.topic, will.payload, will.qos, will.retain),
        )
        # By the number that paho gives a message.
        self._under_way: dict[int, asyncio.Future[None]] = {}
        self._watch: asyncio.TimerHandle | None = None
        self._answered = False
        self.pending_calls_threshold = _MAX_CALLS
        # What this broker takes, as far as it says so.
        self._max_size: int | None = None
        self._max_qos = 2
        self._retains = True

    @property
    def dropped(self) -> int:
        """Count the messages that came and had no room."""
        queue = self._queue
        return queue.dropped if isinstance(queue, IncomingQueue) else 0

    def send(
        self, topic: str, payload: bytes, qos: int, retain: bool
    ) -> asyncio.Future[None]:
        """Publish a message; done when the broker has it."""
        if self._max_size is not None:
            size = len(topic.encode()) + len(payload) + _HEADER
            if size > self._max_size:
                text = f"The broker takes {self._max_size:,} bytes at most"
                raise MessageRefusedError(text)
        try:
            info = self._client.publish(
                topic, payload, min(qos, self._max_qos), retain and self._retains
            )
        except ValueError as err:
            raise MessageRefusedError(str(err)) from err
        if info.rc:
            raise BrokerError("The broker was lost")
        future: asyncio.Future[None] = self._loop.create_future()
        if info.is_published():
            future.set_result(None)
        else:
            self._under_way[info.mid] = future
            if self._watch is None:
                self._answered = False
                self._watch = self._loop.call_later(_PATIENCE, self._look)
        return future

    async def listen(self, topic: str, qos: int) -> None:
        """Subscribe to a topic."""
        try:
            codes = await self.subscribe(topic, min(qos, _LISTENING, self._max_qos))
        except ValueError as err:
            raise MessageRefusedError(str(err)) from err
        except aiomqtt.MqttError as err:
            raise BrokerError(str(err)) from err
        for code in codes:
            if (value := code if isinstance(code, int) else code.value) >= _FAILED:
                text = f"The broker refuses it (code {value})"
                raise MessageRefusedError(text)

    async def ignore(self, topic: str) -> None:
        """Unsubscribe from a topic."""
        try:
            await self.unsubscribe(topic)
        except ValueError as err:
            raise MessageRefusedError(str(err)) from err
        except aiomqtt.MqttError as err:
            raise BrokerError(str(err)) from err

    def close(self) -> None:
        """Say goodbye, as far as there is anybody, and let go of what is under way."""
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        under_way, self._under_way = self._under_way, {}
        for future in under_way.values():
            if not future.done():
                future.set_exception(BrokerError("The broker was lost"))
                future.exception()  # where nobody waits any more that is no fault
        # Whatever paho raises: it is over, and nobody waits for a broker that takes no goodbye.
        with suppress(Exception):
            self._client.disconnect()
            self._client.loop_write()
        if isinstance(sock := self._client.socket(), socket.socket):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _look(self) -> None:
        """Break off when a broker confirms nothing for too long, though it is there."""
        self._watch = None
        if not self._under_way:
            return
        if not self._answered:
            self._break_off(BrokerError("The broker confirms no message any more"))
            return
        self._answered = False
        self._watch = self._loop.call_later(_PATIENCE, self._look)

    def _break_off(self, reason: Exception) -> None:
        """Let whoever waits for messages hear that there will be none."""
        if not self._disconnected.done():
            self._disconnected.set_exception(reason)
            self._disconnected.exception()  # nobody may have waited yet

    @override
    def _on_connect(
        self,
        client: Any,
        userdata: Any,
        flags: Any,
        reason_code: Any,
        properties: Any = None,
    ) -> None:
        """Note what the broker takes."""
        self._max_size = getattr(properties, "MaximumPacketSize", None)
        self._max_qos = getattr(properties, "MaximumQoS", 2)
        self._retains = bool(getattr(properties, "RetainAvailable", 1))
        super()._on_connect(client, userdata, flags, reason_code, properties)

    @override
    def _on_disconnect(
        self,
        client: Any,
        userdata: Any,
        flags: Any,
        reason_code: Any,
        properties: Any = None,
    ) -> None:
        """Wait no longer for a welcome."""
        if not self._connected.done():
            self._connected.set_exception(ClosedError("The broker hung up"))
            self._connected.exception()  # after a timeout nobody waits
        super()._on_disconnect(client, userdata, flags, reason_code, properties)

    @override
    def _on_publish(
        self, client: Any, userdata: Any, mid: int, reason_code: Any, properties: Any
    ) -> None:
        """Tell whoever waits what became of a message."""
        self._answered = True
        future = self._under_way.pop(mid, None)
        if future is None or future.done():
            return
        code = reason_code.value
        if code < _FAILED:
            future.set_result(None)
        elif code in _FOR_NOW:
            future.set_exception(BrokerError(f"Not now: {reason_code}"))
        else:
            future.set_exception(
                MessageRefusedError(f"The broker refuses it: {reason_code}")
            )

    @override
    def _on_socket_open(self, client: Any, userdata: Any, sock: Any) -> None:
        """Read what comes, but no message that would fill the memory."""

        def read() -> None:
            try:
                client.loop_read()
                if (its := client.socket()) and _has_more(its):
                    self._loop.call_soon(read)
            except Exception as err:  # noqa: BLE001 - whatever paho raises, it is over
                self._break_off(err)
            # paho would take 256 MiB, ever more slowly, and nobody else would have a turn.
            size = client._in_packet["remaining_length"]  # noqa: SLF001 - it tells nobody
            if size > MAX_BYTES:
                self._break_off(BrokerError(f"A message has {size:,} bytes"))

        def register() -> None:
            if sock.fileno() >= 0:
                self._loop.add_reader(sock.fileno(), read)
                self._misc_task = self._loop.create_task(self._misc_loop())

        # paho calls this in the thread that connects.
        self._loop.call_soon_threadsafe(register)

    @override
    def _on_socket_register_write(self, client: Any, userdata: Any, sock: Any) -> None:
        """Write as soon as the socket can, unless it was closed until then."""

        def write() -> None:
            try:
                client.loop_write()
            except Exception as err:  # noqa: BLE001 - whatever paho raises, it is over
                self._break_off(err)

        def register() -> None:
            if sock.fileno() >= 0:
                self._loop.add_writer(sock.fileno(), write)

        # paho calls this in the thread that connects, too.
        self._loop.call_soon_threadsafe(register)


def _has_more(sock: Any) -> bool:
    """Tell whether TLS has read more than was taken; no event would tell."""
    return isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
