"""The connection to a broker of the user's own, against a real mosquitto."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
import json
import logging
from pathlib import Path
import socket
import time
from typing import Any, override

import aiomqtt
import pytest
import trustme

from custom_components.bemcom_connectors.bemcom import broker_client, own_broker
from custom_components.bemcom_connectors.bemcom.broker import (
    BrokerError,
    ConnectError,
    MessageRefusedError,
)
from custom_components.bemcom_connectors.bemcom.broker_options import (
    BrokerOptions,
    BrokerTls,
    create_tls,
)
from custom_components.bemcom_connectors.bemcom.mirror import (
    Mirror,
    last_will,
    wall_clock,
)
from custom_components.bemcom_connectors.bemcom.model import MirrorOptions
from custom_components.bemcom_connectors.bemcom.outbox import Outgoing
from custom_components.bemcom_connectors.bemcom.own_broker import (
    BrokerReason,
    OwnBroker,
    test as try_broker,
)
from custom_components.bemcom_connectors.connector.backoff import Backoff
from custom_components.bemcom_connectors.connector.model import LinkReason, OptionsError
from tests.bemcom.broker_access import files, passwords, readable
from tests.bemcom.listening import Listener, options, until
from tests.bemcom.mosquitto import Mosquitto, needs_mosquitto
from tests.bemcom.stack import NAME, FakeConnector
from tests.ports import free_port

pytestmark = [needs_mosquitto, pytest.mark.usefixtures("loopback")]

SECRET = "correct-horse-battery"
TOPIC = f"{NAME}/messages/1/value"


class Attempts(Backoff):
    """Counts how often something failed."""

    count = 0

    def __init__(self) -> None:
        """Wait but a moment after each."""
        super().__init__(0.01, 0.02)

    @override
    def next_delay(self) -> float:
        self.count += 1
        return super().next_delay()


@asynccontextmanager
async def connection(
    at: BrokerOptions, listener: Any = None, **more: Any
) -> AsyncGenerator[OwnBroker]:
    """Yield a connection that is open."""
    heard = Listener() if listener is None else listener
    broker = OwnBroker(at, backoff=Backoff(0.05, 0.2), **more)
    broker.start(heard)
    try:
        await until(lambda: broker._client is not None)
        yield broker
    finally:
        await broker.stop()


# Messages


@pytest.mark.parametrize("qos", [0, 1, 2])
async def test_messages_go_both_ways(mosquitto: Mosquitto, qos: int) -> None:
    heard = Listener()
    async with connection(options(mosquitto.port), heard) as broker:
        await broker.subscribe(TOPIC, qos)
        for number in range(300):
            future = broker.publish(TOPIC, b"%d" % number, qos, False)
            if number % 30 == 0:
                await future
        await until(lambda: len(heard.messages) == 300)
        assert heard.messages == [(TOPIC, b"%d" % it, False) for it in range(300)]
        await broker.unsubscribe(TOPIC)
        await broker.publish(TOPIC, b"more", qos, False)
        await broker.publish(TOPIC, b"more", 1, False)
        assert len(heard.messages) == 300
    assert heard.events == ["connected", "lost"]


async def test_the_qos_is_what_was_asked_for(mosquitto: Mosquitto) -> None:
    async with (
        aiomqtt.Client("127.0.0.1", mosquitto.port) as other,
        connection(options(mosquitto.port)) as broker,
    ):
        await other.subscribe("#", 2)
        for qos in (0, 1, 2):
            await broker.publish(f"a/{qos}", b"x", qos, False)
        seen: dict[str, int] = {}
        async for message in other.messages:
            seen[str(message.topic)] = message.qos
            if len(seen) == 3:
                break
        assert seen == {"a/0": 0, "a/1": 1, "a/2": 2}


async def test_a_retained_message_is_kept_and_marked(mosquitto: Mosquitto) -> None:
    heard = Listener()
    async with connection(options(mosquitto.port), heard) as broker:
        await broker.publish(TOPIC, b"kept", 1, True)
        await broker.subscribe(TOPIC, 1)
        await until(lambda: heard.messages)
        assert heard.messages == [(TOPIC, b"kept", True)]


async def test_who_waits_no_more_disturbs_nobody(mosquitto: Mosquitto) -> None:
    async with connection(options(mosquitto.port)) as broker:
        gone = asyncio.ensure_future(broker.publish(TOPIC, b"1", 2, False))
        gone.cancel()
        await broker.publish(TOPIC, b"2", 2, False)


async def test_nothing_is_sent_without_a_connection() -> None:
    broker = OwnBroker(options(1))
    with pytest.raises(BrokerError):
        broker.publish(TOPIC, b"", 1, False)
    with pytest.raises(BrokerError):
        broker.subscribe(TOPIC, 1)
    await broker.stop()


# A mirror over it


def mirrored(at: BrokerOptions) -> tuple[FakeConnector, Mirror, OwnBroker]:
    """Return a mirror with a connection that is not open yet."""
    its = MirrorOptions(connector_name=NAME, version="1", keep_all=True)
    broker = OwnBroker(
        at, will=lambda: last_will(its, wall_clock()), backoff=Backoff(0.05, 0.2)
    )
    connector = FakeConnector("set")
    return connector, Mirror(connector, broker, its), broker


@asynccontextmanager
async def api(port: int) -> AsyncGenerator[tuple[aiomqtt.Client, list[Any]]]:
    """Yield BEMCom's part, and the values that it sees."""
    values: list[Any] = []
    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.subscribe(TOPIC, 2)

        async def read() -> None:
            async for message in client.messages:
                assert isinstance(message.payload, bytes)
                values.append(json.loads(message.payload)["value"])

        task = asyncio.create_task(read())
        yield client, values
        task.cancel()


async def test_values_survive_a_broker_that_forgets(
    mosquitto: Mosquitto,
) -> None:
    """It is killed, and knows neither subscriptions nor the map when it is back."""
    connector, mirror, broker = mirrored(options(mosquitto.port))
    mirror.start()
    await connector.start()
    broker.start(mirror)
    datapoint_map = {"sensor": {"t": TOPIC}, "actuator": {f"{NAME}/set": "set"}}
    try:
        await until(lambda: mirror.is_connected)
        async with api(mosquitto.port) as (client, values):
            await until(lambda: len(mirror.subscriptions.current) == 2)
            payload = json.dumps(datapoint_map)
            await client.publish(f"{NAME}/datapoint_map", payload, 2, retain=True)
            await until(lambda: mirror.inbox.datapoint_map.sensors)
            connector.publish({"t": 1}, wall_clock())
            await until(lambda: values == [1])
            assert await mirror.publisher.sender.drain(5)
            await mosquitto.stop(kill=True)
            await until(lambda: not mirror.is_connected)
            for value in range(2, 50):
                connector.publish({"t": value}, wall_clock())
        await mosquitto.start()
        async with api(mosquitto.port) as (client, values):
            await until(lambda: 49 in values)
            # Of what the API missed between, the retained values tell the newest only.
            await until(lambda: f"{NAME}/set" in mirror.subscriptions.current)
            command = {"value": 5, "timestamp": wall_clock()}
            await client.publish(f"{NAME}/set", json.dumps(command), 1)
            await until(lambda: connector.commands)
            connector.publish({"t": 50}, wall_clock())
            await until(lambda: values[-1] == 50)
        assert await mirror.publisher.sender.drain(5)
        assert broker.error is None
    finally:
        await connector.stop()
        await mirror.stop()
        await broker.stop()


async def test_the_last_will_comes_when_the_connection_breaks(
    mosquitto: Mosquitto,
) -> None:
    will = Outgoing("a/will", b"gone", 1, retain=False)
    async with aiomqtt.Client("127.0.0.1", mosquitto.port) as other:
        await other.subscribe("a/#", 1)
        at = options(mosquitto.port)
        async with connection(at, will=lambda: will):
            pass
        # A goodbye has no will: what comes first is from the connection after it.
        async with connection(at, will=lambda: replace(will, payload=b"broke")) as own:
            assert own._client is not None
            own._client._client.socket().shutdown(socket.SHUT_RDWR)
            async with asyncio.timeout(10):
                message = await anext(other.messages)
            assert message.payload == b"broke"


# Why there is none


async def why(at: BrokerOptions) -> ConnectError:
    with pytest.raises(ConnectError) as caught:
        await try_broker(at)
    return caught.value


async def test_a_broker_that_can_be_used(mosquitto: Mosquitto) -> None:
    await try_broker(options(mosquitto.port))


async def test_nobody_there() -> None:
    assert (await why(options(free_port()))).reason is LinkReason.REFUSED


async def test_a_name_that_nobody_has(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    error = await why(BrokerOptions(host="nobody.example"))
    assert error.reason is LinkReason.UNKNOWN_HOST


async def test_somebody_who_hangs_up_is_no_broker() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1")
    async with server:
        error = await why(options(server.sockets[0].getsockname()[1]))
    assert error.reason is BrokerReason.NO_BROKER


@pytest.mark.parametrize(
    ("code", "versions", "reason"),
    [
        (1, [4, 5], BrokerReason.REFUSED),
        (3, [4], BrokerReason.UNAVAILABLE),
        (4, [4], BrokerReason.CREDENTIALS),
        (5, [4], BrokerReason.CREDENTIALS),
    ],
)
async def test_what_a_broker_answers(
    code: int, versions: list[int], reason: BrokerReason
) -> None:
    """One that does not know MQTT 3.1.1 is asked in MQTT 5."""
    asked: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readexactly(9))[8])
        writer.write(bytes((0x20, 2, 0, code)))
        await writer.drain()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1") as server:
        error = await why(options(server.sockets[0].getsockname()[1]))
    assert asked == versions
    assert error.reason is reason


async def test_a_wrong_password_is_told_and_never_shown(
    loopback: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    settings = passwords(tmp_path, me=SECRET)
    async with Mosquitto(tmp_path, *settings) as server:
        await try_broker(options(server.port, user="me", password=SECRET))
        wrong = options(server.port, user="me", password="wrong-" + SECRET)
        error = await why(wrong)
        assert error.reason is BrokerReason.CREDENTIALS
        changes: list[object] = []
        attempts = Attempts()
        broker = OwnBroker(
            wrong, on_changed=lambda: changes.append(1), backoff=attempts
        )
        broker.start(Listener())
        await until(lambda: attempts.count >= 5)
        assert changes == [1]
        assert getattr(broker.error, "reason", None) is BrokerReason.CREDENTIALS
        await broker.stop()
    warnings = [it for it in caplog.records if it.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert SECRET not in f"{caplog.text}{wrong!r}{error}{error!r}{error.__cause__!r}"


async def test_a_password_that_cannot_be_sent_is_not_shown() -> None:
    with pytest.raises(OptionsError) as caught:
        await try_broker(options(1, user="me", password=SECRET + "\ud800"))
    assert caught.value.option == "password"
    assert caught.value.__suppress_context__
    assert SECRET not in str(caught.value)


# What a broker refuses


@pytest.fixture
def mqtt_5(monkeypatch: pytest.MonkeyPatch) -> None:
    """Speak MQTT 5, in which a broker says what it refuses."""
    monkeypatch.setattr(own_broker, "_PROTOCOLS", (aiomqtt.ProtocolVersion.V5,))


async def test_topics_that_are_none(loopback: str, tmp_path: Path) -> None:
    settings = readable(tmp_path, "topic readwrite mine/#\n")
    async with (
        Mosquitto(tmp_path, *settings) as server,
        connection(options(server.port)) as broker,
    ):
        for topic in ("mine/#/no", "a" * 70_000):
            with pytest.raises(MessageRefusedError):
                await broker.subscribe(topic, 1)
        for topic in ("mine/#/no", "a" * 70_000):
            with pytest.raises(MessageRefusedError):
                broker.publish(topic, b"x", 1, False)
        await broker.subscribe("mine/1", 1)
        await broker.publish("mine/1", b"x", 1, False)


async def test_what_may_not_be_listened_to() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(bytes((0x20, 2, 0, 0)))
        number = (await reader.read(1000))[2:4]
        writer.write(bytes((0x90, 3, *number, 0x80)))
        await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1") as server:
        at = options(server.sockets[0].getsockname()[1])
        async with connection(at) as broker:
            with pytest.raises(MessageRefusedError):
                await broker.subscribe(TOPIC, 1)


@pytest.mark.usefixtures("mqtt_5")
async def test_what_may_not_be_published(loopback: str, tmp_path: Path) -> None:
    settings = readable(tmp_path, "topic readwrite mine/#\n")
    async with (
        Mosquitto(tmp_path, *settings) as server,
        connection(options(server.port)) as broker,
    ):
        await broker.publish("mine/1", b"x", 1, False)
        with pytest.raises(MessageRefusedError):
            await broker.publish("other/1", b"x", 1, False)


@pytest.mark.usefixtures("mqtt_5")
async def test_what_is_too_large_is_not_even_sent(
    loopback: str, tmp_path: Path
) -> None:
    settings = ("allow_anonymous true", "max_packet_size 1000")
    heard = Listener()
    async with (
        Mosquitto(tmp_path, *settings) as server,
        connection(options(server.port), heard) as broker,
    ):
        with pytest.raises(MessageRefusedError):
            broker.publish(TOPIC, bytes(1000), 1, False)
        await broker.publish(TOPIC, bytes(900), 1, False)
        assert heard.events == ["connected"]


@pytest.mark.usefixtures("mqtt_5")
async def test_what_is_refused_for_now_may_be_tried_again() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(bytes((0x20, 3, 0, 0, 0)))
        number = (await reader.read(1000))[-4:-2]
        writer.write(bytes((0x40, 3, *number, 0x97)))
        await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1") as server:
        at = options(server.sockets[0].getsockname()[1])
        async with connection(at) as broker:
            with pytest.raises(BrokerError) as caught:
                await broker.publish("a", b"x", 1, False)
            assert not isinstance(caught.value, MessageRefusedError)


async def test_a_connection_that_is_gone_says_so(mosquitto: Mosquitto) -> None:
    async with connection(options(mosquitto.port)) as broker:
        client = broker._client
        assert client is not None
        with pytest.raises(MessageRefusedError):
            await client.ignore("")
        client.close()
        with pytest.raises(BrokerError, match="lost"):
            client.send(TOPIC, b"", 1, False)
        for ask in (client.listen(TOPIC, 1), client.ignore(TOPIC)):
            with pytest.raises(BrokerError):
                await ask


async def test_nobody_waits_for_a_goodbye_that_nobody_reads() -> None:
    gone = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(bytes((0x20, 2, 0, 0)))
        await stopped.wait()
        while await reader.read(1_000_000):
            pass
        gone.set()
        writer.close()

    stopped = asyncio.Event()
    async with await asyncio.start_server(serve, "127.0.0.1") as server:
        at = options(server.sockets[0].getsockname()[1])
        async with connection(at) as broker:
            waiting = broker.publish(TOPIC, bytes(20_000_000), 1, False)
            await asyncio.sleep(0)
        with pytest.raises(BrokerError):
            await waiting
        stopped.set()
        async with asyncio.timeout(10):
            await gone.wait()


async def test_a_fault_while_it_connects_is_not_the_end(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = iter([RuntimeError("a fault")])
    connect = own_broker._connect

    async def once(*given: Any) -> Any:
        for fault in faults:
            raise fault
        return await connect(*given)

    monkeypatch.setattr(own_broker, "_connect", once)
    async with connection(options(mosquitto.port)) as broker:
        await broker.publish(TOPIC, b"x", 1, False)


@pytest.mark.parametrize("way", ["loop_read", "loop_write"])
async def test_a_fault_of_the_library_is_the_end_of_the_connection(
    way: str, mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("Something is wrong")

    heard = Listener()
    async with connection(options(mosquitto.port), heard) as broker:
        assert broker._client is not None
        monkeypatch.setattr(broker._client._client, way, fail)
        gone = broker.publish(TOPIC, b"x", 1, False)
        await until(lambda: heard.events[:3] == ["connected", "lost", "connected"])
        with pytest.raises(BrokerError):
            await gone


async def test_a_broker_that_takes_its_time_is_not_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As long as it confirms a message now and then."""
    monkeypatch.setattr(broker_client, "_PATIENCE", 0.2)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(bytes((0x20, 2, 0, 0)))
        for number in range(1, 11):
            await asyncio.sleep(0.06)
            writer.write(bytes((0x40, 2, 0, number)))
        await reader.read()
        writer.close()

    heard = Listener()
    async with await asyncio.start_server(serve, "127.0.0.1") as server:
        at = options(server.sockets[0].getsockname()[1])
        async with connection(at, heard) as broker:
            async with asyncio.timeout(10):
                await asyncio.gather(
                    *(broker.publish(TOPIC, b"x", 1, False) for _ in range(10))
                )
            await asyncio.sleep(0.3)  # with nothing under way
            assert heard.events == ["connected"]


# TLS


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


async def test_tls_with_certificates_of_both(
    loopback: str, tmp_path: Path, authority: trustme.CA
) -> None:
    theirs, ours = (files(authority, tmp_path, name) for name in ("broker", "hub"))
    strange = files(trustme.CA(), tmp_path, "strange")
    settings = (
        "allow_anonymous true",
        f"certfile {theirs['certificate']}",
        f"keyfile {theirs['key']}",
        f"cafile {theirs['ca']}",
        "require_certificate true",
    )
    async with Mosquitto(tmp_path, *settings) as server:
        mine = BrokerTls(**ours)
        heard = Listener()
        async with connection(options(server.port, tls=mine), heard) as broker:
            await broker.subscribe(TOPIC, 1)
            await broker.publish(TOPIC, b"secret", 1, False)
            await broker.publish(TOPIC, bytes(100_000), 1, False)
            await until(lambda: len(heard.messages) == 2)
            assert heard.messages[1][1] == bytes(100_000)
        careless = BrokerTls(**ours | {"ca": ""}, verify=False)
        await try_broker(options(server.port, tls=careless))
        doubting = BrokerTls(**ours | {"ca": strange["ca"]})
        error = await why(options(server.port, tls=doubting))
        assert error.reason is LinkReason.CERTIFICATE
        nameless = await why(options(server.port, tls=BrokerTls(ca=ours["ca"])))
        assert nameless.reason in {
            BrokerReason.NO_BROKER,
            LinkReason.TLS,
            LinkReason.RESET,
        }
        plain = await why(options(server.port))
        assert plain.reason is BrokerReason.NO_BROKER


async def test_tls_with_a_broker_that_has_none(mosquitto: Mosquitto) -> None:
    error = await why(options(mosquitto.port, tls=BrokerTls()))
    assert error.reason in {LinkReason.TLS, LinkReason.RESET, LinkReason.TIMEOUT}


def test_files_that_cannot_be_used(tmp_path: Path, authority: trustme.CA) -> None:
    ours, other = (files(authority, tmp_path, name) for name in ("hub", "other"))
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    missing = str(tmp_path / "missing.pem")
    for wrong, option in (
        ({"ca": missing}, "ca"),
        ({"ca": str(empty)}, "ca"),
        ({"certificate": missing}, "certificate"),
        ({"certificate": str(empty)}, "certificate"),
        ({"certificate": ""}, "certificate"),
        ({"key": other["key"]}, "key"),
    ):
        with pytest.raises(OptionsError) as caught:
            create_tls(BrokerTls(**ours | wrong))
        assert (caught.value.option, bool(str(caught.value))) == (option, True)


# The end


async def test_it_stops_while_it_connects(monkeypatch: pytest.MonkeyPatch) -> None:
    """What connects in a thread is closed when it is done."""
    monkeypatch.setattr(broker_client, "_TIMEOUT", 0.5)
    arrived = asyncio.Event()
    gone = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.set()
        while await reader.read(100):
            pass
        gone.set()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1") as server:
        broker = OwnBroker(options(server.sockets[0].getsockname()[1]))
        heard = Listener()
        broker.start(heard)
        async with asyncio.timeout(30):
            await arrived.wait()
            started = time.monotonic()
            await broker.stop()
            assert time.monotonic() - started < 1
            await gone.wait()
    assert heard.events == []
