"""The connection of a mirror through Home Assistant's own MQTT integration, which is real."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from enum import StrEnum
from itertools import pairwise
import json
import logging
from pathlib import Path
from typing import Any, Self

import aiomqtt
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bemcom_connectors import home_assistant_client
from custom_components.bemcom_connectors.bemcom.broker import (
    BrokerError,
    MessageRefusedError,
)
from custom_components.bemcom_connectors.bemcom.mirror import Mirror, wall_clock
from custom_components.bemcom_connectors.bemcom.model import MirrorOptions
from custom_components.bemcom_connectors.home_assistant_broker import (
    HomeAssistantBroker,
    MqttReason,
)
from homeassistant.components.mqtt import (
    MQTT,
    async_subscribe,
    client as mqtt_client,
    is_connected,
)
from homeassistant.config_entries import ConfigEntryDisabler, ConfigEntryState
from homeassistant.core import CoreState, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from tests.bemcom.broker_access import passwords
from tests.bemcom.listening import Listener, until
from tests.bemcom.mosquitto import Mosquitto, needs_mosquitto
from tests.bemcom.stack import NAME, FakeConnector

pytestmark = [needs_mosquitto, pytest.mark.usefixtures("loopback")]

TOPIC = f"{NAME}/messages/1/value"
_LOGGER = "custom_components.bemcom_connectors"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Let the integration connect again soon, wait for no devices and say less."""
    caplog.set_level(logging.WARNING, "homeassistant.components.mqtt")
    monkeypatch.setattr(mqtt_client, "RECONNECT_INTERVAL_SECONDS", 0.1)
    monkeypatch.setattr(mqtt_client, "INITIAL_SUBSCRIBE_COOLDOWN", 0.02)
    monkeypatch.setattr(mqtt_client, "DISCOVERY_COOLDOWN", 0)
    # Which it looks into for entities.
    monkeypatch.setattr("homeassistant.config.load_yaml_config_file", lambda *_: {})


def mqtt_entry(hass: HomeAssistant, port: int, **more: Any) -> MockConfigEntry:
    """Return an entry of the integration that is not set up yet."""
    data = {"broker": "127.0.0.1", "port": port, "protocol": "5", **more}
    entry = MockConfigEntry(
        domain="mqtt", data=data, options={"discovery": False}, version=2
    )
    entry.add_to_hass(hass)
    return entry


async def set_up(hass: HomeAssistant, port: int, **more: Any) -> MockConfigEntry:
    """Return an entry of the integration that is set up, perhaps without a broker."""
    # It would listen when Home Assistant starts.
    hass.config.components |= {"http", "file_upload"}
    entry = mqtt_entry(hass, port, **more)
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    return entry


async def connect(hass: HomeAssistant, port: int, **more: Any) -> MockConfigEntry:
    """Return an entry of the integration that is connected."""
    entry = await set_up(hass, port, **more)
    await until(lambda: is_connected(hass))
    return entry


@asynccontextmanager
async def follow(
    hass: HomeAssistant, listener: Any = None
) -> AsyncGenerator[HomeAssistantBroker]:
    """Yield a connection that is followed."""
    changes: list[object] = []
    broker = HomeAssistantBroker(hass, lambda: changes.append(broker.error))
    broker.start(Listener() if listener is None else listener)
    try:
        yield broker
    finally:
        await broker.stop()
        # Each change was told, and none twice.
        assert all(a is not b for a, b in pairwise(changes))
        for entry in hass.config_entries.async_entries("mqtt"):
            if entry.state is ConfigEntryState.LOADED:
                await hass.config_entries.async_unload(entry.entry_id)


def reason(broker: HomeAssistantBroker) -> StrEnum | None:
    return None if broker.error is None else broker.error.reason


def subscribed(hass: HomeAssistant) -> list[str]:
    """Return what is subscribed in the integration, by whomever."""
    client: MQTT = hass.data["mqtt"].client
    return sorted(it.topic for it in client.subscriptions)


# Coming and going


async def test_without_mqtt(hass: HomeAssistant) -> None:
    """It costs nothing, and says so; the integration is not even loaded."""
    heard = Listener()
    async with follow(hass, heard) as broker:
        assert reason(broker) is MqttReason.MISSING
        assert "set up" in str(broker.error)
        with pytest.raises(BrokerError):
            broker.publish(TOPIC, b"1", 1, False)
        with pytest.raises(BrokerError):
            broker.subscribe(TOPIC, 1)
        with pytest.raises(BrokerError):
            broker.unsubscribe(TOPIC)
        entry = MockConfigEntry(domain="other")
        entry.add_to_hass(hass)
        await hass.config_entries.async_remove(entry.entry_id)
    assert heard.events == []
    assert "mqtt" not in hass.data


async def test_it_stops_before_it_started(hass: HomeAssistant) -> None:
    await HomeAssistantBroker(hass).stop()


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
async def test_a_connection_that_is_there_already(
    hass: HomeAssistant,
    mosquitto: Mosquitto,
    protocol: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Home Assistant would go on to version 5 by itself.
    monkeypatch.setattr("homeassistant.components.mqtt.try_connection", lambda _: False)
    await connect(hass, mosquitto.port, protocol=protocol)
    heard = Listener()
    async with follow(hass, heard) as broker:
        assert heard.events == ["connected"]
        assert broker.error is None
        await broker.subscribe(TOPIC, 2)
        assert subscribed(hass) == [TOPIC]
        for qos in (0, 1, 2):
            await broker.publish(TOPIC, b"%d" % qos, qos, False)
        await until(lambda: len(heard.messages) == 3)
        assert sorted(heard.messages) == [(TOPIC, b"%d" % it, False) for it in range(3)]
        await broker.unsubscribe(TOPIC)
        assert subscribed(hass) == []
        await broker.unsubscribe(TOPIC)
        await broker.publish(TOPIC, b"more", 1, False)
        await broker.subscribe(TOPIC, 1)
    assert heard.events == ["connected", "lost"]
    assert len(heard.messages) == 3


async def test_mqtt_comes_and_goes(hass: HomeAssistant, mosquitto: Mosquitto) -> None:
    heard = Listener()
    async with follow(hass, heard) as broker:
        entry = mqtt_entry(hass, mosquitto.port)
        # Which no entry says when it is added as tests do it.
        await hass.config_entries.async_setup(entry.entry_id)
        await until(lambda: heard.events == ["connected"])
        assert broker.error is None
        await broker.subscribe(TOPIC, 1)
        await hass.config_entries.async_set_disabled_by(
            entry.entry_id, ConfigEntryDisabler.USER
        )
        assert heard.events == ["connected", "lost"]
        assert reason(broker) is MqttReason.MISSING
        await hass.config_entries.async_set_disabled_by(entry.entry_id, None)
        await until(lambda: len(heard.events) == 3)
        assert subscribed(hass) == []
        assert broker.error is None
        await broker.publish(TOPIC, b"1", 1, False)
        await hass.config_entries.async_remove(entry.entry_id)
        assert heard.events == ["connected", "lost"] * 2
        assert reason(broker) is MqttReason.MISSING
        # And another one, after all.
        await set_up(hass, mosquitto.port)
        await until(lambda: len(heard.events) == 5)
        await broker.publish(TOPIC, b"1", 1, False)
    assert heard.events == ["connected", "lost"] * 3


async def test_it_stops_after_mqtt_was_removed(
    hass: HomeAssistant, mosquitto: Mosquitto
) -> None:
    entry = await connect(hass, mosquitto.port)
    heard = Listener()
    async with follow(hass, heard) as broker:
        await broker.subscribe(TOPIC, 1)
        await hass.config_entries.async_remove(entry.entry_id)
    assert heard.events == ["connected", "lost"]
    assert subscribed(hass) == []


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_a_reload_is_another_connection(
    hass: HomeAssistant, mosquitto: Mosquitto, tmp_path: Path, elsewhere: bool
) -> None:
    """And what was subscribed on the former one does not come twice."""
    folder = tmp_path / "other"
    folder.mkdir()
    async with Mosquitto(folder) as other:
        entry = await connect(hass, mosquitto.port)
        heard = Listener()
        async with follow(hass, heard) as broker:
            await broker.subscribe(TOPIC, 1)
            running = mosquitto
            if elsewhere:
                running = other
                data = {**entry.data, "port": other.port}
                hass.config_entries.async_update_entry(entry, data=data)
            else:
                hass.config_entries.async_schedule_reload(entry.entry_id)
            await until(lambda: len(heard.events) == 3)
            assert heard.events == ["connected", "lost", "connected"]
            assert subscribed(hass) == []
            await broker.subscribe(TOPIC, 1)
            assert subscribed(hass) == [TOPIC]
            async with aiomqtt.Client("127.0.0.1", running.port) as client:
                for number in range(3):
                    await client.publish(TOPIC, b"%d" % number, 1)
            await until(lambda: len(heard.messages) >= 3)
            await broker.publish(TOPIC, b"last", 1, False)
            await until(lambda: heard.messages[-1][1] == b"last")
            assert len(heard.messages) == 4
        assert subscribed(hass) == []


async def test_a_broker_that_is_not_there_yet(
    hass: HomeAssistant, mosquitto: Mosquitto
) -> None:
    await mosquitto.stop()
    await set_up(hass, mosquitto.port)
    heard = Listener()
    async with follow(hass, heard) as broker:
        assert reason(broker) is MqttReason.NOT_CONNECTED
        async with mosquitto:
            await until(lambda: heard.events == ["connected"])
            assert broker.error is None
            await broker.publish(TOPIC, b"1", 1, False)
        await until(lambda: heard.events == ["connected", "lost"])
        assert reason(broker) is MqttReason.NOT_CONNECTED


async def test_a_wrong_password(hass: HomeAssistant, tmp_path: Path) -> None:
    settings = passwords(tmp_path, somebody="right")
    async with Mosquitto(tmp_path, *settings) as running:
        credentials = {"username": "somebody", "password": "wrong"}
        entry = await set_up(hass, running.port, **credentials)
        heard = Listener()
        async with follow(hass, heard) as broker:
            await until(lambda: reason(broker) is MqttReason.NOT_CONNECTED)
            # As the integration asks the user for another one.
            await until(hass.config_entries.flow.async_progress)
            data = {**entry.data, "password": "right"}
            hass.config_entries.async_update_entry(entry, data=data)
            await until(lambda: heard.events == ["connected"])
            assert broker.error is None


async def test_a_broker_that_restarts(
    hass: HomeAssistant, mosquitto: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, _LOGGER)
    await connect(hass, mosquitto.port)
    heard = Listener()
    async with follow(hass, heard) as broker:
        for round_ in range(3):
            await broker.subscribe(TOPIC, 1)
            await mosquitto.stop(kill=True)
            await until(lambda: len(heard.events) == 2 * round_ + 2)  # noqa: B023
            assert reason(broker) is MqttReason.NOT_CONNECTED
            await mosquitto.start()
            await until(lambda: len(heard.events) == 2 * round_ + 3)  # noqa: B023
            assert broker.error is None
            assert subscribed(hass) == []
    assert heard.events == ["connected", "lost"] * 4
    ours = [it.getMessage() for it in caplog.records if it.name.startswith(_LOGGER)]
    lost = "Home Assistant's MQTT integration is not connected"
    again = "Connected through Home Assistant's MQTT integration"
    assert ours == [f"No connection to the broker: {lost}", again] * 3


async def test_home_assistant_starts(hass: HomeAssistant, mosquitto: Mosquitto) -> None:
    """Messages go both ways before it has started, too."""
    hass.set_state(CoreState.not_running)
    await connect(hass, mosquitto.port)
    heard = Listener()
    async with follow(hass, heard) as broker:
        await broker.subscribe(TOPIC, 1)
        await broker.publish(TOPIC, b"1", 1, False)
        await until(lambda: heard.messages)
        await hass.async_start()
        await broker.publish(TOPIC, b"2", 1, False)
        await until(lambda: len(heard.messages) == 2)


async def test_home_assistant_stops(hass: HomeAssistant, mosquitto: Mosquitto) -> None:
    """What is told at the last moment arrives, and nothing is in the way of the end."""
    await connect(hass, mosquitto.port)
    broker = HomeAssistantBroker(hass)
    broker.start(Listener())
    await broker.subscribe(TOPIC, 1)
    async with aiomqtt.Client("127.0.0.1", mosquitto.port) as client:
        await client.subscribe(TOPIC, 1)

        async def end(_event: Any) -> None:
            await broker.publish(TOPIC, b"goodbye", 1, False)
            await broker.stop()

        hass.bus.async_listen_once("homeassistant_stop", end)
        async with asyncio.timeout(5):
            await hass.async_stop(force=True)
            message = await anext(client.messages)
    assert message.payload == b"goodbye"
    with pytest.raises(BrokerError):
        broker.publish(TOPIC, b"1", 1, False)


# Messages


@pytest.mark.parametrize("encoding", ["utf-8", None])
async def test_retained_messages(
    hass: HomeAssistant, mosquitto: Mosquitto, encoding: str | None
) -> None:
    """One that is there, one that comes later, and one that others here know already."""
    await connect(hass, mosquitto.port)
    heard = Listener()
    others: list[Any] = []

    @callback
    def hear(message: Any) -> None:
        others.append(message)

    async with (
        aiomqtt.Client("127.0.0.1", mosquitto.port) as client,
        follow(hass, heard) as broker,
    ):
        await client.publish(TOPIC, b"first", 1, retain=True)
        stop = await async_subscribe(hass, TOPIC, hear, 0, encoding)
        await until(lambda: others)
        await broker.subscribe(TOPIC, 1)
        await until(lambda: heard.messages == [(TOPIC, b"first", True)])
        await client.publish(TOPIC, "zwölf".encode(), 1, retain=True)
        await until(lambda: len(heard.messages) == 2)
        assert heard.messages[-1] == (TOPIC, "zwölf".encode(), False)
        # Listened to anew, it is told again.
        await broker.subscribe(TOPIC, 1)
        await until(lambda: len(heard.messages) == 3)
        assert heard.messages[-1] == (TOPIC, "zwölf".encode(), True)
        stop()
        await client.publish(TOPIC, b"\xff", 1)
        await client.publish(TOPIC, b"last", 1)
        await until(lambda: heard.messages[-1] == (TOPIC, b"last", False))
    if encoding is not None:
        # What others expect is what they get, although we want bytes.
        assert {type(it.payload) for it in others} == {str}


async def test_others_here_listen_with_a_higher_qos(
    hass: HomeAssistant, mosquitto: Mosquitto
) -> None:
    await connect(hass, mosquitto.port)
    async with follow(hass) as broker:
        await async_subscribe(hass, TOPIC, lambda _: None, 2)
        async with asyncio.timeout(5):
            await broker.subscribe(TOPIC, 0)


@pytest.mark.parametrize(
    "topic",
    ["", "a/+", "#", "a\x00b", "a\ud800", "a" * 70_000],
    ids=["empty", "level", "all", "control", "surrogate", "long"],
)
async def test_topics_that_are_none(
    hass: HomeAssistant, mosquitto: Mosquitto, topic: str
) -> None:
    """They cost neither the connection nor what others subscribe."""
    await connect(hass, mosquitto.port)
    heard = Listener()
    async with follow(hass, heard) as broker:
        with pytest.raises(MessageRefusedError):
            broker.publish(topic, b"1", 1, False)
        with pytest.raises(MessageRefusedError):
            await broker.subscribe(topic, 1)
        await broker.subscribe(TOPIC, 1)
        assert heard.events == ["connected"]


async def test_what_no_broker_takes(hass: HomeAssistant, mosquitto: Mosquitto) -> None:
    await connect(hass, mosquitto.port)
    async with follow(hass) as broker:
        await broker.publish(TOPIC, bytes(1_000_000), 1, False)
        with pytest.raises(MessageRefusedError):
            broker.publish(TOPIC, bytes(1_000_001), 1, False)
        with pytest.raises(MessageRefusedError):
            await broker.publish(TOPIC, b"1", 3, False)


async def test_what_the_integration_refuses_is_tried_again_later(
    hass: HomeAssistant, mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which the error says, as it is of the kind that the mirror knows."""

    async def refuse(*_: Any) -> None:
        raise HomeAssistantError("Not now")

    await connect(hass, mosquitto.port)
    for name in ("async_publish", "async_subscribe"):
        monkeypatch.setattr(f"homeassistant.components.mqtt.{name}", refuse)
    async with follow(hass) as broker:
        for what in (broker.publish(TOPIC, b"1", 1, False), broker.subscribe(TOPIC, 1)):
            with pytest.raises(BrokerError, match="Not now") as caught:
                await what
            assert not isinstance(caught.value, MessageRefusedError)


async def test_who_waits_no_more_disturbs_nobody(
    hass: HomeAssistant, mosquitto: Mosquitto
) -> None:
    await connect(hass, mosquitto.port)
    async with follow(hass) as broker:
        futures = [
            asyncio.ensure_future(broker.publish(TOPIC, b"%d" % it, 1, False))
            for it in range(100)
        ]
        for future in futures[::2]:
            future.cancel()
        done = await asyncio.gather(*futures, return_exceptions=True)
        assert all(it is None for it in done[1::2])
        assert all(isinstance(it, asyncio.CancelledError) for it in done[::2])
        await broker.publish(TOPIC, b"1", 1, False)


# A broker that says nothing


@asynccontextmanager
async def silent_broker() -> AsyncGenerator[int]:
    """Yield the port of one that welcomes everybody and answers nothing after that."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x20\x03\x00\x00\x00")
        while await reader.read(4096):
            pass
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        server.close_clients()


async def test_no_answer_is_not_taken_for_one(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The integration returns as if there had been one, after a while."""
    monkeypatch.setattr(mqtt_client, "TIMEOUT_ACK", 0.2)
    monkeypatch.setattr(home_assistant_client, "_NO_ANSWER", 0.19)
    monkeypatch.setattr(home_assistant_client, "_SUBSCRIBING", 0.01)
    async with silent_broker() as port:
        await connect(hass, port)
        async with follow(hass) as broker:
            with pytest.raises(BrokerError, match="answer"):
                await broker.publish(TOPIC, b"1", 1, False)
            with pytest.raises(BrokerError, match="answer"):
                await broker.subscribe(TOPIC, 1)
            assert subscribed(hass) == []


async def test_what_waits_ends_with_the_connection(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    # That the end of a subscription is not answered.
    monkeypatch.setattr(mqtt_client, "TIMEOUT_ACK", 0.2)
    async with silent_broker() as port:
        entry = await connect(hass, port)
        async with follow(hass) as broker:
            waiting = [
                asyncio.ensure_future(broker.publish(TOPIC, b"%d" % it, 1, False))
                for it in range(100)
            ]
            waiting.append(asyncio.ensure_future(broker.subscribe(TOPIC, 1)))
            late = broker.subscribe("late", 1)
            await asyncio.sleep(0)
            assert subscribed(hass) == [TOPIC]
            await hass.config_entries.async_unload(entry.entry_id)
            done = await asyncio.gather(*waiting, late, return_exceptions=True)
            assert {type(it) for it in done} == {BrokerError}
            assert subscribed(hass) == []


async def test_stopping_lets_go_of_what_waits(hass: HomeAssistant) -> None:
    async with silent_broker() as port:
        await connect(hass, port)
        async with follow(hass) as broker:
            waiting = [broker.publish(TOPIC, b"1", 1, False) for _ in range(100)]
            async with asyncio.timeout(5):
                await broker.stop()
            assert all(it.done() for it in waiting if isinstance(it, asyncio.Task))


# With a mirror


class Proxy:
    """Between a client and its broker, where it can break the connection."""

    def __init__(self, port: int) -> None:
        """Pass on to a port."""
        self.port = 0
        self._to = port
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()

    def cut(self) -> None:
        """Break all connections, with whatever is on its way."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        there = await asyncio.open_connection("127.0.0.1", self._to)
        self._writers += writer, there[1]
        await asyncio.gather(
            self._pass_on(reader, there[1]), self._pass_on(there[0], writer)
        )

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
        writer.transport.abort()


class Api:
    """BEMCom's part: has a session at the broker, and sees what comes."""

    def __init__(self, port: int) -> None:
        """Listen to all values of the connector."""
        self.values: dict[str, list[Any]] = defaultdict(list)
        self._client = Client(CallbackAPIVersion.VERSION2, "api", clean_session=False)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = self._listen
        self._client.on_message = self._take
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def stop(self) -> None:
        """Go."""
        self._client.disconnect()
        self._client.loop_stop()

    def _listen(self, client: Client, *_: Any) -> None:
        client.subscribe(f"{NAME}/messages/+/value", 1)

    def _take(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        self.values[message.topic].append(json.loads(message.payload)["value"])


def in_order(values: list[Any]) -> list[Any]:
    """Return what came, without what came again before anything newer did."""
    return [it for at, it in enumerate(values) if it not in values[:at]]


async def mirror_values(
    hass: HomeAssistant,
    port: int,
    api_port: int,
    break_it: Callable[[], Awaitable[None]],
    qos: int,
) -> None:
    """Publish 5,000 values, break something three times meanwhile, and miss nothing."""
    topics = {f"d{it}": f"{NAME}/messages/{it}/value" for it in range(50)}
    await connect(hass, port)
    its = MirrorOptions(connector_name=NAME, version="1", keep_all=True, qos=qos)
    broker = HomeAssistantBroker(hass)
    connector = FakeConnector()
    mirror = Mirror(connector, broker, its)
    mirror.start()
    await connector.start()
    broker.start(mirror)
    api = Api(api_port)
    try:
        await until(lambda: len(mirror.subscriptions.current) == 2)
        async with aiomqtt.Client("127.0.0.1", api_port) as client:
            payload = json.dumps({"sensor": topics, "actuator": {}})
            await client.publish(f"{NAME}/datapoint_map", payload, 1, retain=True)
        await until(lambda: mirror.inbox.datapoint_map.sensors)
        for number in range(100):
            connector.publish(dict.fromkeys(topics, number), wall_clock())
            if number % 10 == 9:
                await asyncio.sleep(0.01)
            if number in {25, 50, 75}:
                await break_it()
        await until(lambda: mirror.is_connected)
        assert await mirror.publisher.sender.drain(30)
        await until(
            lambda: all(api.values[it][-1:] == [99] for it in topics.values()), 30
        )
        for topic in topics.values():
            values = api.values[topic]
            assert in_order(values) == list(range(100))
            # What came twice was sent anew after a loss, in its place.
            assert values == sorted(values)
        assert mirror.publisher.dropped == 0
    finally:
        await asyncio.to_thread(api.stop)
        await connector.stop()
        await mirror.stop()
        await broker.stop()
        for entry in hass.config_entries.async_entries("mqtt"):
            await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.parametrize("qos", [1, 2])
async def test_no_value_is_lost_when_the_connection_breaks(
    hass: HomeAssistant, mosquitto: Mosquitto, qos: int
) -> None:
    async with Proxy(mosquitto.port) as proxy:

        async def cut() -> None:
            proxy.cut()

        await mirror_values(hass, proxy.port, mosquitto.port, cut, qos)


async def test_no_value_is_lost_when_the_broker_restarts(
    hass: HomeAssistant, loopback: str, tmp_path: Path
) -> None:
    """It keeps what the API has not read yet, or that would be lost; not what we were."""
    settings = (
        "allow_anonymous true",
        "persistence true",
        f"persistence_location {tmp_path}/",
        "user root",
    )
    async with Mosquitto(tmp_path, *settings) as running:

        async def restart() -> None:
            await running.stop()
            await running.start()

        await mirror_values(hass, running.port, running.port, restart, 1)
