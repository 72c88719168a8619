"""Brokers and links that do not do what they should, against a whole mirror."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial
import json
import logging
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
import trustme

from custom_components.bemcom_connectors.bemcom import broker_client, incoming, sender
from custom_components.bemcom_connectors.bemcom.broker_options import (
    BrokerOptions,
    BrokerTls,
)
from custom_components.bemcom_connectors.bemcom.mirror import Mirror, wall_clock
from custom_components.bemcom_connectors.bemcom.model import MirrorOptions
from custom_components.bemcom_connectors.bemcom.own_broker import (
    BrokerReason,
    OwnBroker,
)
from custom_components.bemcom_connectors.connector.backoff import Backoff
from custom_components.bemcom_connectors.connector.model import LinkReason, Reading
from tests.bemcom.broker_access import files, passwords, readable
from tests.bemcom.listening import until
from tests.bemcom.mosquitto import Mosquitto, needs_mosquitto
from tests.bemcom.real_stack import Api
from tests.bemcom.relay import Relay
from tests.bemcom.stack import NAME, FakeConnector
from tests.ports import free_port

pytestmark = [needs_mosquitto, pytest.mark.usefixtures("loopback")]

ONE, TWO, SET = (f"{NAME}/messages/{it}/value" for it in (1, 2, 9))
MAP = f"{NAME}/datapoint_map"


class Mirrored:
    """A mirror with a connection of its own."""

    def __init__(self, at: BrokerOptions, *actuators: str, **options: Any) -> None:
        """Connect nowhere yet."""
        its = MirrorOptions(
            connector_name=NAME, version="1", **{"keep_all": True} | options
        )
        self.errors: list[object] = []
        self.broker = OwnBroker(
            at, backoff=Backoff(0.02, 0.05), on_changed=self._changed
        )
        self.connector = FakeConnector(*actuators)
        self.mirror = Mirror(self.connector, self.broker, its)
        self.losses = 0

    def _changed(self) -> None:
        self.errors.append(getattr(self.broker.error, "reason", None))

    def is_now(self, reason: object) -> bool:
        """Tell whether this is why there is no connection; None: there is one."""
        return self.errors[-1:] == [reason]

    def map(self, **sensors: str) -> None:
        """Use a map that nobody sent."""
        actuators = dict.fromkeys([SET], "set") if self.connector.actuators else {}
        payload = json.dumps({"sensor": sensors, "actuator": actuators})
        self.mirror.received(MAP, payload.encode(), True)

    def say(self, **values: Any) -> None:
        """Let the device say something."""
        self.connector.publish(values, wall_clock())

    async def empty(self) -> None:
        """Wait until everything arrived."""
        await until(lambda: not len(self.mirror.publisher.outbox), 30)

    # As a listener of the connection

    def connected(self) -> None:
        """Tell the mirror."""
        self.mirror.connected()

    def lost(self) -> None:
        """Tell the mirror, and count."""
        self.losses += 1
        self.mirror.lost()

    def received(self, topic: str, payload: bytes, retain: bool) -> None:
        """Tell the mirror."""
        self.mirror.received(topic, payload, retain)


@asynccontextmanager
async def mirrored(
    at: BrokerOptions, *actuators: str, **options: Any
) -> AsyncGenerator[Mirrored]:
    """Yield a mirror that connects by and by."""
    it = Mirrored(at, *actuators, **options)
    it.mirror.start()
    await it.connector.start()
    it.broker.start(it)
    try:
        yield it
    finally:
        await it.connector.stop()
        await it.mirror.stop(1)
        await it.broker.stop()


def at(port: int, **more: Any) -> BrokerOptions:
    return BrokerOptions(host="127.0.0.1", port=port, **more)


def values(api: Api, topic: str) -> list[Any]:
    return [it["value"] for it in api.on(topic)]


# Messages that the broker does not want


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for a connection to be calm."""
    monkeypatch.setattr(sender, "_CALM", 0.02)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("qos", [0, 1, 2])
async def test_a_message_that_costs_the_connection_is_given_up(
    qos: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One that is too large breaks the connection each time; all others arrive."""
    api = Api()
    settings = ("allow_anonymous true", "max_packet_size 4000")
    async with (
        Mosquitto(tmp_path, *settings) as server,
        api.connected(server.port),
        mirrored(at(server.port), qos=qos) as it,
    ):
        await until(lambda: it.mirror.is_connected)
        it.map(a=ONE, b=TWO)
        for number in range(20):
            it.say(a=number, b="x" * 5000 if number == 19 else number)
        await until(lambda: it.mirror.publisher.dropped == 1)
        await it.empty()
        await api.catch_up(server.port)
        if qos:
            assert sorted(set(values(api, ONE))) == [*range(20)]
            assert sorted(set(values(api, TWO)) | {19}) == [*range(20)]
        losses = it.losses
        # Neither the same nor its like is tried again, and smaller ones are.
        it.say(b="y" * 6000)
        it.say(b="small")
        await until(lambda: "small" in values(api, TWO))
        assert it.losses == losses <= 8
        assert it.mirror.publisher.dropped == 2
    told = [it for it in caplog.messages if "hangs up whenever it gets this one" in it]
    assert len(told) == 1
    assert f"{TWO}: " in told[0]


@pytest.mark.usefixtures("quick")
async def test_an_announcement_that_costs_the_connection_is_given_up(
    tmp_path: Path,
) -> None:
    """It is another message on each connection, and the same again."""
    api = Api()
    settings = ("allow_anonymous true", "max_packet_size 4000")
    async with (
        Mosquitto(tmp_path, *settings) as server,
        api.connected(server.port),
        mirrored(at(server.port), qos=0) as it,
    ):
        it.map(a=ONE)
        it.say(**{f"a_long_name_for_a_datapoint_{n}": n for n in range(300)}, a=1)
        await until(lambda: it.mirror.publisher.dropped)
        it.say(a=2)
        await until(lambda: 2 in values(api, ONE))
        assert it.mirror.is_connected


@pytest.mark.usefixtures("quick")
async def test_who_was_just_there_is_not_at_fault(tmp_path: Path) -> None:
    """A broker that is killed again and again costs no message."""
    api = Api()
    async with (
        Mosquitto(tmp_path) as server,
        Relay(server.port) as relay,
        mirrored(at(relay.port)) as it,
        api.connected(server.port),
    ):
        it.map(a=ONE)
        for number in range(60):
            it.say(a=number)
            if number % 6 == 5:
                await until(lambda: it.mirror.is_connected)
                await relay.cut()
                await relay.open()
        await until(lambda: it.mirror.is_connected)
        await it.empty()
        await api.catch_up(server.port)
        got = values(api, ONE)
        assert got == sorted(got)
        assert set(got) == set(range(60))
        assert it.mirror.publisher.dropped == 0


async def test_a_broker_that_is_away_at_once_blames_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It breaks off each connection before anything of doubt was sent."""
    monkeypatch.setattr(sender, "_CALM", 0.2)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(bytes((0x20, 2, 0, 0)))
        await reader.read(1000)
        writer.close()

    async with (
        await asyncio.start_server(serve, "127.0.0.1") as server,
        mirrored(at(server.sockets[0].getsockname()[1])) as it,
    ):
        it.map(a=ONE)
        it.say(a=1)
        await until(lambda: it.losses > 12)
        assert it.mirror.publisher.dropped == 0
        assert len(it.mirror.publisher.outbox.values) == 1


async def test_what_may_not_be_published_is_taken_and_thrown_away(
    tmp_path: Path,
) -> None:
    """MQTT 3.1.1 has no word for it, so nobody can tell; the rest goes on."""
    api = Api()
    settings = readable(tmp_path, f"topic readwrite {NAME}/#\ntopic deny {ONE}\n")
    async with (
        Mosquitto(tmp_path, *settings) as server,
        api.connected(server.port),
        mirrored(at(server.port)) as it,
    ):
        it.map(a=ONE, b=TWO)
        it.say(a=1, b=1)
        await until(lambda: values(api, TWO) == [1])
        await it.empty()
        assert it.losses == 0


# Links and brokers that are there, and of no use


async def test_a_link_that_is_half_dead_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker_client, "_KEEP_ALIVE", 1)
    api = Api()
    async with (
        Mosquitto(tmp_path) as server,
        Relay(server.port) as relay,
        mirrored(at(relay.port)) as it,
        api.connected(server.port),
    ):
        it.map(a=ONE)
        await until(lambda: it.mirror.is_connected)
        relay.silent = True
        it.say(a=1)
        await until(lambda: it.losses == 1)
        relay.silent = False
        await until(lambda: values(api, ONE) == [1])


async def test_a_broker_that_confirms_nothing_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It lives, says its pings; what it got is kept and sent again."""
    monkeypatch.setattr(broker_client, "_PATIENCE", 0.1)
    confirms = False
    got: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.read(2):
            length = head[1] & 127
            if head[1] & 128:
                length += (await reader.readexactly(1))[0] * 128
            body = await reader.readexactly(length)
            match head[0] >> 4:
                case 1:
                    writer.write(bytes((0x20, 2, 0, 0)))
                case 3:
                    size = 2 + int.from_bytes(body[:2])
                    got.append(body[size + 2 :])
                    if confirms:
                        writer.write(bytes((0x40, 2)) + body[size : size + 2])
                case 8:
                    writer.write(bytes((0x90, 3)) + body[:2] + b"\1")
        writer.close()

    async with (
        await asyncio.start_server(serve, "127.0.0.1") as server,
        mirrored(at(server.sockets[0].getsockname()[1])) as it,
    ):
        it.map(a=ONE)
        it.say(a="kept")
        await until(lambda: it.losses >= 2)
        assert it.broker.error is None or "confirms no message" in str(it.broker.error)
        confirms = True
        await until(lambda: not len(it.mirror.publisher.outbox))
        assert sum(b"kept" in one for one in got) >= 2
        assert it.mirror.publisher.dropped == 0


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
async def test_a_port_that_is_no_broker(
    answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says nothing, or something else; it is tried again, and told of once."""
    monkeypatch.setattr(broker_client, "_TIMEOUT", 0.1)
    tries = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal tries
        tries += 1
        await reader.read(1000)
        writer.write(answer)
        await reader.read()
        writer.close()

    async with (
        await asyncio.start_server(serve, "127.0.0.1") as server,
        mirrored(at(server.sockets[0].getsockname()[1])) as it,
    ):
        await until(lambda: tries > 3)
        assert it.errors == [BrokerReason.NO_BROKER]


async def test_a_broker_that_comes_later(tmp_path: Path) -> None:
    api = Api()
    server = Mosquitto(tmp_path)
    server.port = free_port()
    async with mirrored(at(server.port)) as it:
        it.map(a=ONE)
        for number in range(10):
            it.say(a=number)
        await until(lambda: it.errors == [LinkReason.REFUSED])
        async with server, api.connected(server.port):
            await until(lambda: it.errors == [LinkReason.REFUSED, None])
            await until(lambda: values(api, ONE)[-1:] == [9])
            await it.empty()


async def test_a_slow_broker_gets_all_in_the_end(tmp_path: Path) -> None:
    api = Api()
    async with (
        Mosquitto(tmp_path) as server,
        Relay(server.port) as relay,
        mirrored(at(relay.port)) as it,
        api.connected(server.port),
    ):
        it.map(a=ONE)
        await until(lambda: it.mirror.is_connected)
        relay.pace = 500, 0.002
        for number in range(300):
            it.say(a=number)
        await it.empty()
        await api.catch_up(server.port)
        assert values(api, ONE) == [*range(300)]
        assert it.losses == 0


async def test_a_password_that_changes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The broker comes back with another one, and later with the one that is known."""
    right = passwords(tmp_path, me="right")
    file = tmp_path / "passwords"
    known = file.read_bytes()
    passwords(tmp_path, me="another")
    changed = file.read_bytes()
    file.write_bytes(known)
    async with Mosquitto(tmp_path, *right) as server:
        user = at(server.port, user="me", password="right")
        async with mirrored(user) as it:
            it.map(a=ONE)
            await until(lambda: it.mirror.is_connected)
            file.write_bytes(changed)
            await server.stop()
            await server.start()
            await until(lambda: it.is_now(BrokerReason.CREDENTIALS))
            it.say(a=1)
            file.write_bytes(known)
            server.reload()
            await until(lambda: it.mirror.is_connected)
            assert it.errors[-1] is None
            await it.empty()
    told = [it for it in caplog.records if it.levelno >= logging.WARNING]
    assert len([it for it in told if "user or the password" in it.message]) == 1


async def test_a_certificate_that_is_replaced(tmp_path: Path) -> None:
    """The same authority is fine, another one is not, until we are told of it too."""
    first, second = trustme.CA(), trustme.CA()
    old = files(first, tmp_path, "broker")
    settings = (
        "allow_anonymous true",
        f"certfile {old['certificate']}",
        f"keyfile {old['key']}",
    )
    ours = tmp_path / "trusted.pem"
    first.cert_pem.write_to_path(str(ours))
    async with Mosquitto(tmp_path, *settings) as server:
        tls = at(server.port, tls=BrokerTls(ca=str(ours)))
        async with mirrored(tls) as it:
            await until(lambda: it.mirror.is_connected)
            for authority, reason in (
                (first, None),
                (second, LinkReason.CERTIFICATE),
            ):
                files(authority, tmp_path, "broker")
                await server.stop()
                await until(lambda: it.losses)
                it.losses = 0
                await server.start()
                await until(partial(it.is_now, reason))
            second.cert_pem.write_to_path(str(ours))
            await until(lambda: it.mirror.is_connected)


# Floods


async def responsive(work: Callable[[], object], seconds: float = 30) -> float:
    """Wait for something, and return the longest time that nobody else had a turn."""
    loop = asyncio.get_running_loop()
    longest, before = 0.0, loop.time()
    async with asyncio.timeout(seconds):
        while not work():
            await asyncio.sleep(0)
            now = loop.time()
            longest, before = max(longest, now - before), now
    return longest


async def test_a_flood_of_commands(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Few are carried out, few lines are logged, and a map still gets through."""
    asyncio.get_running_loop().set_debug(False)  # which takes its time
    api = Api()
    flood = 6_000
    async with (
        Mosquitto(tmp_path) as server,
        api.connected(server.port),
        mirrored(at(server.port), "set") as it,
    ):
        it.map(a=ONE)
        await until(lambda: SET in it.mirror.subscriptions.current)
        it.connector.go_on.clear()
        for number in range(flood):
            message = json.dumps({"value": number, "timestamp": wall_clock()})
            await api.send(SET, message.encode(), 0, False)
        datapoint_map = {"sensor": {"b": TWO}, "actuator": {SET: "set"}}
        await api.send(MAP, json.dumps(datapoint_map).encode(), 2, True)
        longest = await responsive(lambda: "b" in it.mirror.inbox.datapoint_map.sensors)
        assert longest < 2  # on a machine that has much else to do
        it.connector.go_on.set()
        it.say(b=1)
        await until(lambda: values(api, TWO) == [1])
        await it.empty()
        assert 1 <= len(it.connector.commands) <= 30
        assert len(api.on(f"{NAME}/logs")) < 100
        assert it.mirror.is_connected
    assert len([it for it in caplog.messages if "more than can be taken" in it]) <= 1


async def test_what_waits_to_be_taken_has_a_bound(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    monkeypatch.setattr(incoming, "MAX_WAITING_FOR_ONE", 3)
    heard: list[bytes] = []

    class Listener(Mirrored):
        def received(self, topic: str, payload: bytes, retain: bool) -> None:
            heard.append(payload)

    api = Api()
    async with Mosquitto(tmp_path) as server, api.connected(server.port):
        it = Listener(at(server.port))
        it.broker.start(it)
        await until(lambda: it.mirror.is_connected)
        client = it.broker._client
        assert client is not None
        await client.listen(ONE, 1)
        # Nobody takes anything while these come, as all of it is one turn.
        for number in range(10):
            message = aiomqtt.Message(
                ONE, b"%d" % number, qos=0, retain=False, mid=1, properties=None
            )
            client._queue.put_nowait(message)
        await api.send(ONE, b"last", 1, False)
        await until(lambda: heard[-1:] == [b"last"])
        assert heard == [b"0", b"1", b"2", b"last"]
        assert client.dropped == 7
        it.mirror.lost()
        await it.broker.stop()
    assert len([it for it in caplog.messages if "more than can be taken" in it]) == 1


def test_bytes_that_wait_have_a_bound_too() -> None:
    queue = incoming.IncomingQueue()

    def message(size: int, topic: str) -> aiomqtt.Message:
        payload = bytes(size)
        return aiomqtt.Message(topic, payload, 0, False, 1, None)

    queue.put_nowait(message(2 * incoming.MAX_BYTES, "a"))
    queue.put_nowait(message(1, "b"))
    assert (queue.qsize(), queue.dropped) == (1, 1)
    queue.get_nowait()
    for topic in "bcde":
        queue.put_nowait(message(incoming.MAX_BYTES // 2 - 1, topic))
    assert (queue.qsize(), queue.dropped) == (2, 3)


async def test_a_message_that_would_fill_the_memory() -> None:
    """MQTT allows 256 MiB; whoever sends that costs a connection, and no more."""
    gone = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(bytes((0x20, 2, 0, 0)))
        writer.write(b"\x30\xff\xff\xff\x7f" + bytes(1000))
        while await reader.read(1000):
            pass
        gone.set()
        writer.close()

    async with (
        await asyncio.start_server(serve, "127.0.0.1") as server,
        mirrored(at(server.sockets[0].getsockname()[1])) as it,
    ):
        await until(lambda: it.losses)
        assert "A message has 268,435,455 bytes" in str(it.broker.error)
        await gone.wait()


async def test_a_fault_of_ours_does_not_cost_the_connection(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Listener(Mirrored):
        def received(self, topic: str, payload: bytes, retain: bool) -> None:
            raise RuntimeError("a fault")

    api = Api()
    async with Mosquitto(tmp_path) as server, api.connected(server.port):
        it = Listener(at(server.port))
        it.broker.start(it)
        await until(lambda: it.mirror.is_connected)
        await it.broker.subscribe(ONE, 1)
        await api.send(ONE, b"1", 1, False)
        await until(lambda: "a fault" in caplog.text)
        assert it.mirror.is_connected
        it.mirror.lost()
        await it.broker.stop()


# Maps


async def test_a_map_of_ten_thousand(tmp_path: Path) -> None:
    asyncio.get_running_loop().set_debug(False)  # which takes its time
    api = Api()
    half = 5_000
    sensors = {f"s{it}": f"{NAME}/messages/{it}/value" for it in range(half)}
    actuators = {
        f"{NAME}/messages/{it}/value": f"a{it}" for it in range(half, 2 * half)
    }
    async with (
        Mosquitto(tmp_path) as server,
        api.connected(server.port),
        mirrored(at(server.port), *actuators.values()) as it,
    ):
        await until(lambda: it.mirror.is_connected)
        it.mirror.on_reading(Reading(dict.fromkeys(sensors, 1), wall_clock()))
        message = {"sensor": sensors, "actuator": actuators}
        await api.send(MAP, json.dumps(message).encode(), 2, True)
        longest = await responsive(lambda: it.mirror.inbox.datapoint_map.sensors)
        assert longest < 5
        wanted = it.mirror.subscriptions
        await until(lambda: len(wanted.current) == half + 2, 60)
        await it.empty()
        last = [*actuators][-1]
        command = {"value": 5, "timestamp": wall_clock()}
        await api.send(last, json.dumps(command).encode(), 1, False)
        await until(lambda: it.connector.commands)
        assert it.connector.commands[0][:2] == (actuators[last], 5)
        await api.catch_up(server.port)
        seen = {it.topic for it in api.seen}
        assert seen >= set(sensors.values())


async def test_a_map_that_flaps(tmp_path: Path) -> None:
    """Only the last one counts in the end, and each of them is taken."""
    asyncio.get_running_loop().set_debug(False)  # which takes its time
    api = Api()
    async with (
        Mosquitto(tmp_path) as server,
        api.connected(server.port),
        mirrored(at(server.port), "set") as it,
    ):
        await until(lambda: MAP in it.mirror.subscriptions.current)
        it.say(a=1, b=2)
        for number in range(301):
            odd = number % 2
            message = {
                "sensor": {"b": TWO} if odd else {"a": ONE},
                "actuator": {} if odd else {SET: "set"},
            }
            await api.send(MAP, json.dumps(message).encode(), 1, True)
        message = {"sensor": {"last": TWO}, "actuator": {SET: "set"}}
        await api.send(MAP, json.dumps(message).encode(), 1, True)
        await until(lambda: "last" in it.mirror.inbox.datapoint_map.sensors)
        wanted = it.mirror.subscriptions
        await until(lambda: wanted.current == wanted.wanted)
        assert SET in wanted.current
        await it.empty()
        command = {"value": 5, "timestamp": wall_clock()}
        await api.send(SET, json.dumps(command).encode(), 1, False)
        await until(lambda: it.connector.commands)
        assert len(api.on(f"{NAME}/logs")) < 100
        assert it.losses == 0
