"""BEMCom's API at a broker that is restarted in the middle: who knows what in the end."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import pairwise
import json
from pathlib import Path
from typing import Any

import pytest

from custom_components.bemcom_connectors.bemcom.broker_options import BrokerOptions
from custom_components.bemcom_connectors.bemcom.mirror import Mirror, wall_clock
from custom_components.bemcom_connectors.bemcom.model import MirrorOptions
from custom_components.bemcom_connectors.bemcom.outbox import Outgoing
from custom_components.bemcom_connectors.bemcom.own_broker import OwnBroker
from custom_components.bemcom_connectors.connector.backoff import Backoff
from tests.bemcom.listening import until
from tests.bemcom.mosquitto import Mosquitto, needs_mosquitto
from tests.bemcom.real_stack import Api
from tests.bemcom.relay import Relay
from tests.bemcom.stack import NAME, FakeConnector

pytestmark = [needs_mosquitto, pytest.mark.usefixtures("loopback")]

SENSORS = {key: f"{NAME}/messages/{it}/value" for it, key in enumerate("abc", 1)}
ACTUATORS = {f"{NAME}/messages/8/value": "heat", f"{NAME}/messages/9/value": "cool"}
MAP = json.dumps({"sensor": SENSORS, "actuator": ACTUATORS}).encode()


class Recorder(OwnBroker):
    """The mirror's connection, with notes of what the broker confirmed."""

    confirmed: list[bytes]

    def publish(
        self, topic: str, payload: bytes, qos: int, retain: bool
    ) -> asyncio.Future[None]:
        """Send a message, and note when it arrived."""
        future = asyncio.ensure_future(super().publish(topic, payload, qos, retain))

        def note(done: asyncio.Future[None]) -> None:
            if not done.cancelled() and done.exception() is None:
                self.confirmed.append(payload)

        future.add_done_callback(note)
        return future


class Story:
    """A house whose device speaks all the time, and a stack that wants something of it."""

    def __init__(self, port: int) -> None:
        """Connect nowhere yet."""
        its = MirrorOptions(
            connector_name=NAME, version="1", keep_all=True, raw_messages=True
        )
        at = BrokerOptions(host="127.0.0.1", port=port)
        self.api = Api()
        self.broker = Recorder(at, backoff=Backoff(0.02, 0.1))
        self.broker.confirmed = []
        self.connector = FakeConnector(*ACTUATORS.values())
        self.mirror = Mirror(self.connector, self.broker, its)
        self.said = 0
        self.sent: dict[str, int] = {}

    async def speak(self) -> None:
        """Say something new all the time."""
        while True:
            self.said += 1
            self.connector.run_sensor_flow(dict.fromkeys(SENSORS, self.said))
            await asyncio.sleep(0.001)

    async def command(self, topic: str, value: int) -> None:
        """Send a command as the API does, and remember it."""
        self.sent[topic] = value
        message = {"value": value, "timestamp": wall_clock()}
        await self.api.send(topic, json.dumps(message).encode(), 0, False)

    @asynccontextmanager
    async def with_api(self, port: int) -> AsyncGenerator[None]:
        """Do what the API does when it starts: listen, and send its map."""
        async with self.api.connected(port):
            await self.api.send(f"{NAME}/datapoint_map", MAP, 2, True)
            yield

    def commands(self, topic: str) -> list[Any]:
        """Return what the device was told."""
        key = ACTUATORS[topic]
        return [value for it, value, _ in self.connector.commands if it == key]

    def values(self, key: str, seen: list[Outgoing]) -> list[int]:
        """Return what the API saw of a sensor."""
        topic = SENSORS[key]
        return [json.loads(it.payload)["value"] for it in seen if it.topic == topic]


async def test_a_restart_in_the_middle(tmp_path: Path) -> None:
    asyncio.get_running_loop().set_debug(False)  # which takes its time
    async with Mosquitto(tmp_path) as server, Relay(server.port) as relay:
        story = Story(relay.port)
        mirror, api = story.mirror, story.api
        mirror.start()
        await story.connector.start()
        story.broker.start(mirror)
        heat, cool = ACTUATORS
        async with story.with_api(server.port):
            await until(lambda: heat in mirror.subscriptions.current)
            speaking = asyncio.create_task(story.speak())
            for value in range(10):
                await story.command(heat, value)
                await story.command(cool, -value)
            await until(lambda: story.values("c", api.seen)[-1:] > [100])
            # In the middle of everything, commands and values alike.
            await story.command(heat, 77)
            await server.stop(kill=True)
        lost_at = story.said
        await until(lambda: not mirror.is_connected)
        before = set(story.broker.confirmed)
        # The API is back first, as nobody could know what it does not listen to.
        await relay.cut()
        await until(lambda: story.said > lost_at + 200)
        await server.start()
        async with story.with_api(server.port):
            await relay.open()
            await until(lambda: mirror.is_connected)
            await until(lambda: cool in mirror.subscriptions.current)
            await story.command(heat, 20)
            await story.command(cool, 30)
            await until(lambda: story.commands(cool)[-1:] == [30])
            await until(lambda: story.commands(heat)[-1:] == [20])
            await until(lambda: story.values("c", api.seen)[-1:] > [lost_at + 300])
            speaking.cancel()
            await asyncio.gather(speaking, return_exceptions=True)
            assert await mirror.publisher.sender.drain(20)
            await api.catch_up(server.port)
        await story.connector.stop()
        await mirror.stop()
        await story.broker.stop()
    # What the broker confirmed and had no time to pass on was not the mirror's to keep.
    confirmed = {
        message["value"] for message in map(json.loads, before) if "value" in message
    }
    for key in SENSORS:
        got = story.values(key, api.seen)
        assert all(a <= b for a, b in pairwise(got))
        missing = set(range(1, story.said + 1)) - set(got)
        assert missing <= confirmed
        assert all(it <= lost_at for it in missing)
        assert got[-1] == story.said
    # Both sides know the same.
    assert mirror.inbox.datapoint_map.as_json() == json.loads(MAP)
    available = api.on(f"{NAME}/available_datapoints")[-1]
    assert available["sensor"].keys() == SENSORS.keys()
    assert available["actuator"].keys() == set(ACTUATORS.values())
    for topic, value in story.sent.items():
        assert story.commands(topic)[-1] == value
        assert [abs(it) for it in story.commands(topic)][:10] == [*range(10)]
    # The archive is as complete as the values are, one message for each.
    raw = [
        it["payload"]["raw_message"]["a"] for it in api.on(f"{NAME}/raw_message_to_db")
    ]
    assert set(range(lost_at + 1, story.said + 1)) <= set(raw)
    assert mirror.publisher.dropped == 0
