"""Fifty thousand values, a broker that is killed three times, and not one of them missing."""

import asyncio
from collections import defaultdict
from itertools import pairwise
import json
from pathlib import Path
import tracemalloc

import pytest

from custom_components.bemcom_connectors.bemcom.broker_options import BrokerOptions
from custom_components.bemcom_connectors.bemcom.mirror import Mirror, wall_clock
from custom_components.bemcom_connectors.bemcom.model import MirrorOptions
from custom_components.bemcom_connectors.bemcom.own_broker import OwnBroker
from custom_components.bemcom_connectors.connector.backoff import Backoff
from tests.bemcom.listening import until
from tests.bemcom.mosquitto import Mosquitto, needs_mosquitto
from tests.bemcom.real_stack import Api
from tests.bemcom.relay import Relay
from tests.bemcom.stack import NAME, FakeConnector, Stack, play

pytestmark = [needs_mosquitto, pytest.mark.usefixtures("loopback")]

VALUES = 50_000
TOPICS = 100
RESTARTS = 3
# Of memory, all in all, for one that waits: some 60 are its payload.
BYTES_PER_VALUE = 600


def test_what_waits_does_not_fill_the_memory() -> None:
    """Ten times what there is room for: the newest stay, and the rest is counted."""
    room = VALUES // 5

    async def story(stack: Stack) -> None:
        await stack.map({f"k{it}": topic(it) for it in range(TOPICS)})
        stack.mirror.lost()
        outbox = stack.mirror.publisher.outbox
        tracemalloc.start()
        for number in range(10 * room // TOPICS):
            stack.connector.publish(
                {f"k{it}": number for it in range(TOPICS)}, stack.now()
            )
        size, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert len(outbox.values) == room
        assert stack.mirror.publisher.dropped == 9 * room
        assert size < room * BYTES_PER_VALUE

    play(story, keep_all=True, max_values=room)


def topic(number: int) -> str:
    return f"{NAME}/messages/{number}/value"


def test_nothing_is_lost_and_nothing_is_out_of_order(tmp_path: Path) -> None:
    """The link breaks in the middle of messages, and the broker forgets everything."""
    # In a loop of its own: the one of other tests notes where everything comes from.
    with asyncio.Runner() as runner:
        runner.run(_many_values(tmp_path))


async def _many_values(tmp_path: Path) -> None:
    per_topic = VALUES // TOPICS
    topics = {f"k{it}": topic(it) for it in range(TOPICS)}
    payload = json.dumps({"sensor": topics, "actuator": {}}).encode()
    its = MirrorOptions(
        connector_name=NAME, version="1", keep_all=True, max_values=VALUES
    )
    connector = FakeConnector()
    api = Api()
    async with Mosquitto(tmp_path) as server, Relay(server.port) as relay:
        broker = OwnBroker(
            BrokerOptions(host="127.0.0.1", port=relay.port), backoff=Backoff(0.02, 0.1)
        )
        mirror = Mirror(connector, broker, its)
        outbox = mirror.publisher.outbox
        mirror.start()
        broker.start(mirror)
        most = said = 0
        for part in range(RESTARTS + 1):
            async with api.connected(server.port):
                if part:
                    await relay.open()
                await api.send(f"{NAME}/datapoint_map", payload, 2, True)
                await until(
                    lambda: mirror.is_connected and mirror.inbox.datapoint_map.sensors
                )
                until_here = per_topic * (part + 1) // (RESTARTS + 1)
                while said < until_here:
                    connector.publish(dict.fromkeys(topics, said), wall_clock())
                    said += 1
                    most = max(most, len(outbox))
                    await asyncio.sleep(0)
                if part == RESTARTS:
                    assert await mirror.publisher.sender.drain(60)
                assert len(outbox) or part == RESTARTS
                # With messages under way, of which nobody knows what became.
                await relay.cut()
                await until(lambda: not mirror.is_connected)
                # What the broker took before the end is the API's, or it would be its loss.
                await api.catch_up(server.port)
            await server.stop(kill=True)
            for _ in range(per_topic // 50):  # while there is no broker at all
                if said < per_topic:
                    connector.publish(dict.fromkeys(topics, said), wall_clock())
                    said += 1
            most = max(most, len(outbox))
            if part < RESTARTS:
                await server.start()
        await mirror.stop()
        await broker.stop()
    got: dict[str, list[int]] = defaultdict(list)
    for it in api.seen:
        if it.topic.endswith("/value"):
            got[it.topic].append(json.loads(it.payload)["value"])
    assert got.keys() == set(topics.values())
    twice = 0
    for numbers in got.values():
        # Some came twice, but never after a newer one.
        assert all(a <= b for a, b in pairwise(numbers))
        assert set(numbers) == set(range(per_topic))
        twice += len(numbers) - per_topic
    assert most <= VALUES + 200
    assert mirror.publisher.dropped == 0
    assert twice < VALUES // 10
