"""Whatever comes in, nothing goes out that would end a thread of BEMCom's API (spec 1.10)."""

import logging
import math
from typing import Any

from hypothesis import given, settings, strategies as st

from custom_components.bemcom_connectors.bemcom.broker import MessageRefusedError
from custom_components.bemcom_connectors.bemcom.journal import JournalHandler
from custom_components.bemcom_connectors.bemcom.mirror import last_will
from custom_components.bemcom_connectors.bemcom.model import MirrorOptions
from custom_components.bemcom_connectors.bemcom.outbox import Outgoing
from custom_components.bemcom_connectors.bemcom.own_topics import OwnMap, OwnTopics
from custom_components.bemcom_connectors.connector.actuators import (
    Actuator,
    ActuatorKind,
)
from custom_components.bemcom_connectors.connector.model import (
    CommandReason,
    LinkError,
    LinkReason,
    RawMessage,
    Reading,
)
from tests.bemcom.stack import NAME, NOW, Stack, play
from tests.bemcom.test_messages import JSON, TEXTS, VALUES, strictly

VALUE_TOPICS = [f"{NAME}/messages/{it}/value" for it in range(6)]
SET = VALUE_TOPICS[4]
LISTENED = [f"{NAME}/datapoint_map", f"{NAME}/raw_message_reprocess"]
ODD = st.sampled_from(
    [math.nan, math.inf, -math.inf, 10**400, -(10**4000), b"\xff\0", "\ud800", "\0"]
)
ANYTHING = VALUES | ODD | st.dictionaries(TEXTS, ODD) | st.lists(ODD)
# Some that the map has, and any others.
KEYS = st.sampled_from(["a", "b", "c", "d"]) | TEXTS
TIMES = st.integers(0, 2**48)
MAPS = st.fixed_dictionaries(
    {
        "sensor": st.dictionaries(KEYS, st.sampled_from(VALUE_TOPICS[:3] + LISTENED)),
        "actuator": st.dictionaries(st.sampled_from(VALUE_TOPICS[2:] + LISTENED), KEYS),
    }
)
COMMANDS = st.one_of(
    st.binary(),
    JSON,
    st.builds(lambda value, at: {"value": value, "timestamp": at}, JSON, TIMES),
    st.builds(
        lambda value, at: {
            "schedule": [{"from_timestamp": None, "to_timestamp": at, "value": value}],
            "timestamp": at,
        },
        JSON,
        TIMES,
    ),
)
INCOMING = st.tuples(
    st.sampled_from(
        VALUE_TOPICS + LISTENED + [f"{NAME}/messages/4/schedule", f"{NAME}/logs"]
    ),
    COMMANDS,
)


class Steps:
    """What may happen to a mirror."""

    ALL = st.one_of(
        st.tuples(st.just("reading"), st.dictionaries(KEYS, ANYTHING), TIMES),
        st.tuples(st.just("raw"), ANYTHING | st.binary(), TIMES),
        st.tuples(st.just("map"), MAPS | JSON | st.binary()),
        st.tuples(st.just("incoming"), INCOMING),
        st.tuples(st.just("link"), st.booleans(), TEXTS),
        st.tuples(st.just("log"), TEXTS, st.lists(ANYTHING, max_size=2), TEXTS),
        st.tuples(st.just("actuators"), st.dictionaries(KEYS, ANYTHING, max_size=3)),
        st.tuples(st.just("own"), st.dictionaries(KEYS, ANYTHING, max_size=3)),
        st.tuples(st.just("refuse"), st.sampled_from(CommandReason)),
        st.tuples(st.just("broker"), st.sampled_from(["gone", "back", "refuses"])),
        st.tuples(st.just("later"), st.floats(0, 100)),
    )

    def __init__(self, stack: Stack) -> None:
        """Let it happen to this one."""
        self.stack = stack

    async def take(self, kind: str, *what: Any) -> None:
        """Let one thing happen."""
        await getattr(self, kind)(*what)
        await self.stack.settle()

    async def reading(self, values: Any, time: int) -> None:
        """Hear of values from the connector, and from whoever goes round it."""
        self.stack.connector.publish(values, time)
        self.stack.mirror.on_reading(Reading(values, time))

    async def raw(self, payload: Any, time: int) -> None:
        """Hear of a raw message."""
        self.stack.connector.run_sensor_flow(payload)
        self.stack.mirror.publisher.publish_raw(RawMessage(payload, time))

    async def map(self, message: Any) -> None:
        """Get a map, or something that is none."""
        await self.stack.receive(f"{NAME}/datapoint_map", message)

    async def incoming(self, it: Any) -> None:
        """Get any message."""
        await self.stack.receive(*it)

    async def link(self, online: bool, text: str) -> None:
        """Hear what the link does."""
        error = None if online else LinkError(LinkReason.CLOSED, text)
        self.stack.mirror.on_connection(online, error)

    async def log(self, text: str, args: list[Any], name: str) -> None:
        """Hear of a line of Python's log."""
        record = logging.LogRecord(name, 30, "", 1, text, tuple(args), None, name)
        JournalHandler(self.stack.mirror.publisher.journal, lambda it: it()).handle(
            record
        )

    async def actuators(self, keys: Any) -> None:
        """Have other things that can be set."""
        self.stack.connector.actuators = {
            key: Actuator(key=key, kind=ActuatorKind.SELECT, options=(f"{value}",))
            for key, value in keys.items()
        }
        self.stack.mirror.refresh_actuators()

    async def own(self, keys: Any) -> None:
        """Publish on topics of our own besides."""
        topics = OwnTopics(NAME)
        sensors = {
            key: {topics.value(key): lambda _, its=value: its}
            for key, value in keys.items()
        }
        actuators = {topics.set(key): key for key in keys}
        self.stack.mirror.set_own_map(OwnMap(sensors, actuators))

    async def refuse(self, reason: CommandReason) -> None:
        """Refuse commands from now on."""
        self.stack.connector.refuse = reason

    async def broker(self, what: str) -> None:
        """Lose the broker, or have one again."""
        self.stack.broker.error = (
            MessageRefusedError("No") if what == "refuses" else None
        )
        if what == "gone":
            self.stack.mirror.lost()
        else:
            self.stack.mirror.connected()

    async def later(self, seconds: float) -> None:
        """Let time pass."""
        await self.stack.wait(seconds)


@given(
    st.lists(Steps.ALL, max_size=15),
    st.floats(0.5, 1e6),
    st.booleans(),
    st.fixed_dictionaries(
        {},
        optional={
            "available_datapoints": st.fixed_dictionaries(
                {"sensor": st.dictionaries(TEXTS, ANYTHING)}
            ),
            "datapoint_map": MAPS,
        },
    ),
)
@settings(max_examples=200)
def test_nothing_that_is_published_poisons_a_stack(
    steps: list[Any], interval: float, flag: bool, kept: Any
) -> None:
    """What was kept, said, sent, refused and lost: each message is as the API reads it."""

    async def story(stack: Stack) -> None:
        stack.mirror.lost()
        stack.mirror.restore(kept)
        stack.mirror.connected()
        await stack.map(dict(zip("abc", VALUE_TOPICS, strict=False)), {SET: "a"})
        taken = Steps(stack)
        for step in steps:
            await taken.take(*step)
        stack.broker.error = None
        stack.mirror.connected()
        await stack.wait(60)
        # In the end nobody listens where we published.
        listened = {*LISTENED, *stack.mirror.inbox.datapoint_map.actuators}
        stack.broker.arrived.clear()
        stack.mirror.on_reading(Reading(dict.fromkeys("abcd", flag), NOW))
        await stack.settle()
        assert not listened & {it.topic for it in stack.broker.arrived}
        stack.broker.arrived.extend(stack.broker.published)
        assert stack.connector.statistics.listener_errors == 0
        options = MirrorOptions(connector_name=NAME, version="1")
        for message in (*stack.broker.arrived, last_will(options, stack.now())):
            check(message)

    play(
        story,
        "a",
        raw_messages=True,
        raw_flat=flag,
        lists_as_text=flag,
        follow_schedules=True,
        heartbeat_interval=interval,
    )


def check(message: Outgoing) -> None:
    """Read a message more strictly than any part of a BEMCom stack does."""
    assert message.topic.startswith(f"{NAME}/")
    assert message.topic not in LISTENED
    assert message.payload
    content = strictly(message.payload)
    assert isinstance(content, dict)
    match message.topic.removeprefix(f"{NAME}/"):
        case "logs":
            assert content.keys() == {"timestamp", "msg", "emitter", "level"}
            assert isinstance(content["msg"], str)
            assert isinstance(content["emitter"], str)
            assert type(content["level"]) is int
            is_time(content["timestamp"])
        case "heartbeat":
            assert content.keys() == {
                "this_heartbeats_timestamp",
                "next_heartbeats_timestamp",
            }
            for time in content.values():
                is_time(time)
        case "available_datapoints":
            assert content.keys() == {"sensor", "actuator"}
            assert all(isinstance(it, dict) for it in content.values())
        case "raw_message_to_db":
            inner = content.get("payload", content)
            assert inner.keys() == {"raw_message", "timestamp"}
            is_time(inner["timestamp"])
        case other:
            assert other.endswith("/value")
            assert content.keys() == {"value", "timestamp"}
            is_time(content["timestamp"])


def is_time(value: Any) -> None:
    assert type(value) is int
    assert value >= 0
