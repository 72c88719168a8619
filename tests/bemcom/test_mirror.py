"""The mirror between a connector and a broker that is none."""

import asyncio
from collections.abc import Mapping
import json
import logging
from typing import Any

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.bemcom_connectors.bemcom.broker import BrokerError
from custom_components.bemcom_connectors.bemcom.command_queue import MAX_WAITING_FOR_ONE
from custom_components.bemcom_connectors.bemcom.mirror import wall_clock
from custom_components.bemcom_connectors.connector.actuators import (
    Actuator,
    ActuatorKind,
)
from custom_components.bemcom_connectors.connector.framing import create_framer
from custom_components.bemcom_connectors.connector.json_format import parse_json
from custom_components.bemcom_connectors.connector.model import (
    CommandReason,
    JsonValue,
    ParseError,
    RawMessage,
    Reading,
)
from custom_components.bemcom_connectors.connector.stream import StreamConnector
from custom_components.bemcom_connectors.connector.transport import TcpTransport
from tests.bemcom.stack import NAME, NOW, Stack, play
from tests.bemcom.test_messages import JSON, VALUES
from tests.bemcom.test_vectors import check
from tests.ocpp.virtual_time import run_virtually

ONE, TWO = f"{NAME}/messages/1/value", f"{NAME}/messages/2/value"
SET = f"{NAME}/messages/9/value"
AVAILABLE = f"{NAME}/available_datapoints"
REPROCESS = f"{NAME}/raw_message_reprocess"


def values(stack: Stack, topic: str) -> list[Any]:
    """Return the values that arrived on a topic."""
    return [it["value"] for it in stack.broker.on(topic)]


def command(value: Any, timestamp: int = NOW) -> dict[str, Any]:
    """Return a message for an actuator."""
    return {"value": value, "timestamp": timestamp}


# Out


def test_it_starts_as_upstream_does() -> None:
    async def story(stack: Stack) -> None:
        broker = stack.broker
        assert set(broker.subscriptions) == {
            (f"{NAME}/datapoint_map", 1),
            (REPROCESS, 1),
        }
        assert len(broker.on(f"{NAME}/heartbeat")) == 1
        assert stack.logs[0]["msg"] == "Connector online. Entering main loop."
        assert broker.on(AVAILABLE) == []  # nothing to announce
        (line,) = [it for it in broker.arrived if it.topic == f"{NAME}/logs"]
        assert (line.qos, line.retain) == (1, True)

    play(story)


def test_new_datapoints_are_announced_in_batches() -> None:
    async def story(stack: Stack) -> None:
        for number in range(100):
            await stack.say(**{f"key_{number}": number})
            await asyncio.sleep(0.1)
        await asyncio.sleep(60)
        announced = stack.broker.on(AVAILABLE)
        assert len(announced) < 10
        assert len(announced[-1]["sensor"]) == 100
        await stack.say(key_1=5)
        await asyncio.sleep(60)
        assert len(stack.broker.on(AVAILABLE)) == len(announced)
        assert stack.changes >= 1

    play(story)


def test_examples_are_short() -> None:
    async def story(stack: Stack) -> None:
        await stack.say(text="x" * 5000, list=[*range(5000)], pair=[1, 2])
        await asyncio.sleep(60)
        examples = stack.broker.on(AVAILABLE)[-1]["sensor"]
        assert examples == {"text": "x" * 500, "list": None, "pair": [1, 2]}

    play(story)


def test_what_was_about_to_be_announced_is_so_in_the_end() -> None:
    stacks: list[Stack] = []

    async def story(stack: Stack) -> None:
        stacks.append(stack)
        await stack.say(a=1)
        assert stack.broker.on(AVAILABLE) == []

    play(story)
    assert stacks[0].broker.on(AVAILABLE)[-1]["sensor"] == {"a": 1}


def test_a_broker_that_is_back_before_it_was_missed() -> None:
    async def story(stack: Stack) -> None:
        await stack.map({"a": ONE})
        stack.broker.pending = []
        await stack.say(a=1)
        stack.broker.pending = None
        stack.mirror.connected()
        await stack.settle()
        assert values(stack, ONE) == [1]

    play(story)


def test_actuators_are_announced_with_what_they_take() -> None:
    kinds = {
        "number": Actuator(key="number", kind=ActuatorKind.NUMBER, minimum=6),
        "zero": Actuator(key="zero", kind=ActuatorKind.NUMBER),
        "switch": Actuator(key="switch", kind=ActuatorKind.SWITCH),
        "select": Actuator(key="select", kind=ActuatorKind.SELECT, options=("a", "b")),
        "none": Actuator(key="none", kind=ActuatorKind.SELECT),
        "text": Actuator(key="text", kind=ActuatorKind.TEXT),
        "button": Actuator(key="button", kind=ActuatorKind.BUTTON),
    }

    async def story(stack: Stack) -> None:
        stack.connector.actuators = kinds
        await asyncio.sleep(60)  # noticed with a heartbeat
        assert stack.broker.on(AVAILABLE)[-1]["actuator"] == {
            "number": 6,
            "zero": 0,
            "switch": False,
            "select": "a",
            "none": "",
            "text": "",
            "button": "0",
        }

    play(story)


def test_the_latest_value_is_published_once_it_is_mapped() -> None:
    async def story(stack: Stack) -> None:
        await stack.say(a=1, b=2)
        assert values(stack, ONE) == []
        await stack.map({"a": ONE})
        assert values(stack, ONE) == [1]
        await stack.map({"a": ONE, "b": TWO})
        assert values(stack, ONE) == [1]
        assert values(stack, TWO) == [2]
        (message,) = [it for it in stack.broker.arrived if it.topic == TWO]
        assert (message.qos, message.retain) == (1, True)
        await stack.map({})
        await stack.say(a=3)
        assert values(stack, ONE) == [1]

    play(story)


def test_values_too_large_and_of_no_type_are_told_of_once() -> None:
    async def story(stack: Stack) -> None:
        await stack.map({"a": ONE, "b": TWO})
        for _ in range(3):
            await stack.say(a="x" * 2000, b=[1])
        assert values(stack, ONE) == []
        assert values(stack, TWO) == ["[1]"] * 3
        assert len(stack.errors()) == 1
        assert stack.mirror.publisher.dropped == 3

    play(story, max_payload=1000, lists_as_text=True)


def test_raw_messages_are_archived_before_they_are_parsed() -> None:
    async def story(stack: Stack) -> None:
        stack.connector.run_sensor_flow(b"{broken")
        await stack.settle()
        (message,) = stack.broker.on(f"{NAME}/raw_message_to_db")
        assert message["raw_message"] == "b'{broken'"
        (sent,) = [it for it in stack.broker.arrived if it.topic.endswith("to_db")]
        assert (sent.qos, sent.retain) == (2, False)

    play(story, raw_messages=True, raw_flat=True)


def test_raw_messages_are_kept_over_a_restart() -> None:
    kept: list[str] = []

    async def before(stack: Stack) -> None:
        stack.mirror.lost()
        for payload in (b"1", b"2"):
            stack.connector.run_sensor_flow(payload)
        waiting = stack.mirror.publisher.outbox.raw.messages()
        kept.extend(it.payload.decode() for it in waiting)

    async def after(stack: Stack) -> None:
        stack.mirror.publisher.restore_raw(kept)
        stack.connector.run_sensor_flow(b"3")
        await stack.settle()
        raw = [
            it["payload"]["raw_message"]
            for it in stack.broker.on(f"{NAME}/raw_message_to_db")
        ]
        assert raw == ["b'1'", "b'2'", "b'3'"]

    play(before, raw_messages=True)
    play(after, raw_messages=True)


def test_the_end_is_told_and_what_is_queued_arrives() -> None:
    stacks: list[Stack] = []

    async def story(stack: Stack) -> None:
        stacks.append(stack)
        await stack.map({"a": ONE})
        stack.connector.publish({"a": 1}, NOW)  # and no time to send it

    play(story)
    (stack,) = stacks
    assert values(stack, ONE) == [1]
    beat = stack.broker.on(f"{NAME}/heartbeat")[-1]
    assert beat["this_heartbeats_timestamp"] == beat["next_heartbeats_timestamp"]
    assert stack.logs[-1]["msg"] == "Connector stopped."


def test_the_end_is_not_waited_for_too_long() -> None:
    async def story(stack: Stack) -> None:
        stack.broker.pending = []
        await stack.map({"a": ONE})
        await stack.say(a=1)
        begin = asyncio.get_running_loop().time()
        await stack.mirror.stop(3)
        assert asyncio.get_running_loop().time() - begin == pytest.approx(3)
        assert len(stack.mirror.publisher.outbox.values) == 1

    play(story)


def test_a_broker_that_is_lost_at_the_end_is_not_waited_for() -> None:
    async def story(stack: Stack) -> None:
        stack.broker.pending = []
        await stack.say(a=1)
        stopping = asyncio.create_task(stack.mirror.stop(1000))
        await stack.settle()
        stack.mirror.lost()
        await stopping
        assert asyncio.get_running_loop().time() < 10

    play(story)


# A broker that comes and goes


def test_a_broker_that_forgot_everything_is_told_again() -> None:
    async def story(stack: Stack) -> None:
        await stack.map({"a": ONE}, {SET: "set"})
        await stack.say(a=1)
        await asyncio.sleep(60)
        stack.mirror.lost()
        broker = stack.broker
        broker.arrived.clear()
        broker.subscriptions.clear()
        await asyncio.sleep(60)
        assert broker.arrived == []
        stack.mirror.connected()
        await stack.settle()
        assert {topic for topic, _ in broker.subscriptions} == {
            f"{NAME}/datapoint_map",
            REPROCESS,
            SET,
        }
        assert broker.on(AVAILABLE) == [{"sensor": {"a": 1}, "actuator": {"set": "0"}}]
        assert values(stack, ONE) == [1]
        assert len(broker.on(f"{NAME}/heartbeat")) == 1
        await stack.receive(SET, command(5))
        assert stack.connector.commands == [("set", 5, NOW)]

    play(story, "set")


@pytest.mark.parametrize("keep_all", [False, True])
def test_what_waits_for_the_broker(keep_all: bool) -> None:
    async def story(stack: Stack) -> None:
        await stack.map({"a": ONE, "b": TWO})
        await stack.say(a=0, b=0)
        stack.mirror.lost()
        for number in range(1, 5):
            await stack.say(a=number)
        stack.mirror.connected()
        await stack.settle()
        assert values(stack, ONE) == ([0, 1, 2, 3, 4] if keep_all else [0, 4])
        assert values(stack, TWO) == [0, 0]  # the latest one, again

    play(story, keep_all=keep_all)


def test_what_is_mapped_while_the_broker_is_away_is_in_order() -> None:
    async def story(stack: Stack) -> None:
        await stack.map({"a": ONE})
        stack.mirror.lost()
        for number in range(10):
            await stack.say(a=number)
        assert len(stack.mirror.publisher.outbox.values) == 5
        stack.mirror.connected()
        await stack.settle()
        assert values(stack, ONE) == [5, 6, 7, 8, 9]
        assert stack.mirror.publisher.dropped == 5

    play(story, keep_all=True, max_values=5)


@given(
    st.lists(st.sampled_from(["say", "say", "one", "all", "lose", "fail"]), max_size=40)
)
@settings(max_examples=60)
def test_nothing_is_lost_or_out_of_order(steps: list[str]) -> None:
    """Whatever the broker does: it arrives, at most twice, and never after a newer one."""

    async def story(stack: Stack) -> None:
        broker = stack.broker
        await stack.map({"a": ONE, "b": TWO})
        broker.pending = []
        said = 0
        for step in steps:
            if step == "say":
                said += 1
                await stack.say(a=said, b=said)
            elif step == "one":
                broker.confirm(1)
            elif step == "all":
                broker.confirm()
            elif step == "lose":
                # The first of those that are under way arrive, and nobody hears of it.
                for message, _ in broker.pending[: len(broker.pending) // 2]:
                    broker.arrived.append(message)
                broker.pending = []
                stack.mirror.lost()
                await stack.settle()
                stack.mirror.connected()
                # Or one that was there each time would be what breaks the connection.
                await asyncio.sleep(20)
            elif broker.pending:
                broker.pending.pop(0)[1].set_exception(BrokerError("No answer"))
                await asyncio.sleep(120)
            await stack.settle()
        while broker.pending:
            broker.confirm()
            await stack.settle()
            await asyncio.sleep(120)
        broker.pending = None
        for topic in (ONE, TWO):
            got = values(stack, topic)
            assert got == sorted(got)
            assert set(got) == set(range(1, said + 1))

    play(story, keep_all=True, heartbeat_interval=1e6)


def test_a_broker_that_answers_nothing_is_asked_ever_less_often() -> None:
    async def story(stack: Stack) -> None:
        await stack.map({"a": ONE})
        stack.broker.error = BrokerError("Not now")
        stack.broker.published.clear()
        await stack.say(a=1)
        await asyncio.sleep(600)
        assert 5 < len(stack.broker.published) < 40
        stack.broker.error = None
        await asyncio.sleep(120)
        assert values(stack, ONE) == [1]
        assert stack.mirror.publisher.dropped == 0

    play(story, heartbeat_interval=10_000)


def test_what_a_broker_refuses_is_not_sent_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story(stack: Stack) -> None:
        await stack.map({"a": ONE})
        stack.broker.forbidden = {ONE}
        await stack.say(a=1)
        stack.broker.forbidden.clear()
        await stack.say(a=2)
        assert values(stack, ONE) == [2]
        assert stack.mirror.publisher.dropped == 1
        refused = f"The broker refuses a message: {ONE}: Not authorized"
        assert stack.errors() == [refused]
        # Where the log itself is forbidden, nothing is said of it there.
        stack.broker.forbidden = {f"{NAME}/logs"}
        await stack.map({"a": "else/where"})
        assert stack.mirror.publisher.dropped == 2

    play(story)
    assert caplog.text.count("The broker refuses a message") == 2


def test_a_subscription_that_is_refused_is_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story(stack: Stack) -> None:
        stack.broker.subscribe_error = BrokerError("Not authorized")
        await stack.map({}, {SET: "set"})
        await asyncio.sleep(300)
        assert [it for it in stack.errors() if "subscription" in it] != []
        stack.broker.subscribe_error = None
        await asyncio.sleep(120)
        assert (SET, 2) in stack.broker.subscriptions
        assert stack.mirror.subscriptions.current == {
            f"{NAME}/datapoint_map",
            REPROCESS,
            SET,
        }

    play(story, "set")
    assert caplog.text.count("does not take a subscription") == 1


# Maps


def test_a_value_that_waits_never_becomes_a_command() -> None:
    """The map may say meanwhile that its topic is the one of an actuator."""

    async def story(stack: Stack) -> None:
        await stack.map({"a": ONE, "b": TWO})
        stack.broker.pending = []
        for number in range(5):
            await stack.say(a=number, b=number)
        await stack.map({"b": TWO}, {ONE: "set"})
        while stack.broker.pending:
            stack.broker.confirm()
            await stack.settle()
        # But the one that was under way.
        assert values(stack, ONE) == [0]
        assert values(stack, TWO) == [*range(5)]
        assert stack.mirror.publisher.dropped == 4
        assert stack.mirror.publisher.outbox.values.size == 0

    play(story, "set")


def test_a_bad_map_costs_nothing() -> None:
    async def story(stack: Stack) -> None:
        await stack.map({"a": ONE})
        await stack.receive(f"{NAME}/datapoint_map", b"{")
        assert stack.mirror.map_faults.refused
        await stack.say(a=1)
        assert values(stack, ONE) == [1]
        await stack.map(
            {"a": f"{NAME}/+/value", "b": "other/x", "unheard": TWO, "c": TWO}
        )
        assert len(stack.mirror.map_faults.left_out) == 3
        assert not stack.mirror.map_faults.refused
        assert list(stack.mirror.unknown_keys) == ["unheard"]
        assert len(stack.errors()) == 2
        await stack.say(unheard=7)
        assert values(stack, TWO) == [7]
        assert not stack.mirror.unknown_keys

    play(story)


def test_what_is_known_is_kept_over_a_restart() -> None:
    kept: list[Mapping[str, Any]] = []

    async def before(stack: Stack) -> None:
        await stack.say(a=1)
        await stack.map({"a": ONE}, {SET: "set"})
        kept.append(json.loads(json.dumps(stack.mirror.as_json())))

    async def after(stack: Stack) -> None:
        stack.mirror.restore(kept[0])
        stack.mirror.connected()
        await stack.settle()
        assert stack.broker.on(AVAILABLE)[-1]["sensor"] == {"a": 1}
        await stack.say(a=2)
        assert values(stack, ONE) == [2]
        await stack.receive(SET, command(5))
        assert len(stack.connector.commands) == 1

    async def anew(stack: Stack) -> None:
        stack.mirror.restore({})
        assert stack.mirror.inbox.datapoint_map.as_json() == {
            "sensor": {},
            "actuator": {},
        }

    play(before, "set")
    play(after, "set")
    play(anew)


# In


def test_a_command_and_its_outcome() -> None:
    async def story(stack: Stack) -> None:
        await stack.map({}, {SET: "set", ONE: "unknown"})
        await stack.receive(SET, command("secret"))
        assert stack.logs[-1]["msg"] == "set: Carried out"
        assert stack.logs[-1]["emitter"] == "run_actuator_flow"
        stack.connector.refuse = CommandReason.REFUSED
        await stack.receive(SET, command(2))
        assert stack.logs[-1]["msg"] == "set: Not carried out: refused: It is refused"
        await stack.receive(ONE, command(1))
        assert "unknown_key" in stack.logs[-1]["msg"]
        assert not any("secret" in it["msg"] for it in stack.logs)

    play(story, "set")


def test_commands_that_are_none() -> None:
    async def story(stack: Stack) -> None:
        await stack.map({}, {SET: "set"})
        await stack.receive(SET, command(1), retain=True)
        assert "retained" in stack.errors()[-1]
        await stack.receive(SET, command(1, NOW - 60_000))
        assert "seconds old" in stack.errors()[-1]
        await stack.receive(SET, {"value": 1})
        assert "no timestamp" in stack.errors()[-1]
        assert stack.connector.commands == []
        for _ in range(3):
            await stack.receive(SET, command(1))
        assert stack.connector.commands == [("set", 1, NOW)]
        assert "came twice" in stack.logs[-1]["msg"]

    play(story, "set", max_command_age=30)


def test_a_flood_of_commands_is_bounded() -> None:
    async def story(stack: Stack) -> None:
        topics = {f"{NAME}/messages/{it}/value": f"set_{it}" for it in range(20)}
        await stack.map({}, topics)
        stack.connector.go_on.clear()
        for number in range(50):
            for topic in topics:
                stack.mirror.received(
                    topic, json.dumps(command(number)).encode(), False
                )
        await stack.settle()
        assert len(asyncio.all_tasks()) < 40
        assert len(stack.logs) < 40
        stack.connector.go_on.set()
        await asyncio.sleep(60)
        done = stack.connector.commands
        assert len(done) == 100
        for key in topics.values():
            numbers = [value for name, value, _ in done if name == key]
            assert numbers == list(range(len(numbers)))
        await stack.receive(next(iter(topics)), command("x"))
        assert stack.connector.commands[-1][1] == "x"
        assert any(
            "lines before this one were left out" in it["msg"] for it in stack.logs
        )

    play(story, *[f"set_{it}" for it in range(20)])


def test_one_actuator_does_not_take_all_the_room() -> None:
    async def story(stack: Stack) -> None:
        await stack.map({}, {SET: "set", ONE: "other"})
        stack.connector.go_on.clear()
        for number in range(MAX_WAITING_FOR_ONE + 5):
            await stack.receive(SET, command(number))
        await stack.receive(ONE, command(1))
        assert len([it for it in stack.errors() if "busy" in it]) == 4
        stack.connector.go_on.set()
        await stack.settle()
        assert ("other", 1, NOW) in stack.connector.commands
        stack.connector.go_on.clear()
        await stack.receive(SET, command("never"))  # and stop

    play(story, "set", "other")


def test_an_archived_message_is_processed_with_its_own_time() -> None:
    async def story(stack: Stack) -> None:
        await stack.map({"a": ONE})
        await stack.say(a=1)
        nested = {
            "payload": {"raw_message": "b'{\"a\": 5}'", "timestamp": 7},
            "connector_version": "0.5.0",
        }
        await stack.receive(REPROCESS, nested)
        await stack.receive(REPROCESS, {"raw_message": {"a": 6}, "timestamp": 8})
        assert stack.broker.on(ONE)[-2:] == [
            {"value": 5, "timestamp": 7},
            {"value": 6, "timestamp": 8},
        ]
        assert [it.retain for it in stack.broker.arrived if it.topic == ONE] == [
            True,
            False,
            False,
        ]
        assert stack.connector.datapoints == {"a": 1}  # what is now stays
        await stack.receive(REPROCESS, {"raw_message": "b'{'", "timestamp": 8})
        await stack.receive(REPROCESS, {"raw_message": {}, "timestamp": 8}, retain=True)
        await stack.receive(REPROCESS, {})
        assert len(stack.errors()) == 3

    play(story)


def test_a_flood_of_archived_messages_is_bounded() -> None:
    async def story(stack: Stack) -> None:
        message = json.dumps({"raw_message": {"a": 1}, "timestamp": 1}).encode()
        for _ in range(1500):
            stack.mirror.received(REPROCESS, message, False)
        await stack.settle()
        assert any("Too many archived" in it for it in stack.errors())

    play(story)


# Schedules


def test_an_actuator_follows_its_schedule_and_its_setpoint() -> None:
    async def story(stack: Stack) -> None:
        await stack.map({"set": ONE}, {SET: "set"})
        subscribed = {topic for topic, _ in stack.broker.subscriptions}
        beside = SET.removesuffix("value")
        assert {f"{beside}schedule", f"{beside}setpoint"} <= subscribed
        now = stack.now()
        plan = [
            {"from_timestamp": now + 60_000, "to_timestamp": now + 120_000, "value": 1},
            {"from_timestamp": now + 120_000, "to_timestamp": None, "value": 2},
        ]
        await stack.receive(
            f"{beside}schedule", {"schedule": plan, "timestamp": now}, retain=True
        )
        assert stack.connector.commands == []
        await asyncio.sleep(61)
        assert [it[1] for it in stack.connector.commands] == [1]
        await asyncio.sleep(3600)
        assert [it[1] for it in stack.connector.commands] == [1, 2]
        item = {"preferred_value": 9, "acceptable_values": ["20", "21"]}
        await stack.receive(f"{beside}setpoint", {"setpoint": [item], "timestamp": now})
        await stack.say(set=22)
        await stack.say(set=22)
        await stack.say(set=20)
        assert [it[1] for it in stack.connector.commands] == [1, 2, 2, 9, 2]
        await stack.receive(f"{beside}setpoint", b"nonsense")
        assert f"{beside}setpoint" in stack.errors()[-1]
        await stack.map({}, {})
        assert set(stack.broker.unsubscribed) == {
            SET,
            f"{beside}schedule",
            f"{beside}setpoint",
        }

    play(story, "set", follow_schedules=True)


def test_a_scheduled_value_that_fails_is_tried_again() -> None:
    async def story(stack: Stack) -> None:
        await stack.map({}, {SET: "set", f"{NAME}/odd": "set"})
        stack.connector.refuse = CommandReason.NOT_CONNECTED
        plan = {"schedule": [{"value": 1}], "timestamp": 1}
        await stack.receive(SET.replace("value", "schedule"), plan)
        await asyncio.sleep(90)
        assert len(stack.connector.commands) == 2
        stack.connector.refuse = CommandReason.INVALID_VALUE  # which no time heals
        await asyncio.sleep(3600)
        assert len(stack.connector.commands) == 3

    play(story, "set", follow_schedules=True)


def test_the_sensor_of_an_actuator_may_have_another_key() -> None:
    async def story(stack: Stack) -> None:
        stack.connector.actuators = {
            "set": Actuator(
                key="set", kind=ActuatorKind.NUMBER, state_key="temperature"
            )
        }
        await stack.say(temperature=20)
        await stack.map({}, {SET: "set"})
        beside = SET.removesuffix("value")
        await stack.receive(
            f"{beside}setpoint",
            {"setpoint": [{"preferred_value": 9, "min_value": 19}], "timestamp": 1},
        )
        await stack.receive(
            f"{beside}schedule", {"schedule": [{"value": 3}], "timestamp": 1}
        )
        assert [it[1] for it in stack.connector.commands] == [9, 3]
        await stack.say(temperature=18)
        assert [it[1] for it in stack.connector.commands] == [9, 3, 9]

    play(story, "set", follow_schedules=True)


# All of it

TOPICS = st.sampled_from(
    [ONE, TWO, SET, f"{NAME}/datapoint_map", REPROCESS, f"{NAME}/logs", "elsewhere"]
    + [SET.replace("value", it) for it in ("schedule", "setpoint")]
)
KEYS = st.sampled_from(["a", "b", "set", "x\0", "\ud800", ""])
STEPS = st.one_of(
    st.tuples(st.just("say"), st.dictionaries(KEYS, VALUES, max_size=4)),
    st.tuples(
        st.just("map"),
        st.tuples(
            st.dictionaries(KEYS, TOPICS, max_size=3),
            st.dictionaries(TOPICS, KEYS, max_size=3),
        ),
    ),
    st.tuples(st.just("raw"), VALUES),
    st.tuples(st.just("receive"), st.tuples(TOPICS, st.binary() | JSON)),
    st.tuples(st.just("command"), st.tuples(TOPICS, JSON)),
    st.tuples(st.just("broker"), st.booleans()),
)


@given(st.lists(STEPS, max_size=12))
@settings(max_examples=150)
def test_no_reading_and_no_command_poisons_the_stack(steps: list[Any]) -> None:
    """Each message that is sent can be read as upstream's API reads it."""

    async def story(stack: Stack) -> None:
        await stack.map({"a": ONE, "b": TWO}, {SET: "set"})
        for step, what in steps:
            if step == "say":
                stack.connector.publish(dict(what), NOW)
            elif step == "map":
                await stack.map(*what)
            elif step == "raw":
                stack.connector.run_sensor_flow(what)
            elif step == "receive":
                topic, message = what
                await stack.receive(topic, message)
            elif step == "command":
                topic, value = what
                await stack.receive(topic, command(value))
            elif what:
                stack.mirror.connected()
            else:
                stack.mirror.lost()
            await stack.settle()
        stack.mirror.connected()
        await asyncio.sleep(30)
        for message in stack.broker.arrived:
            check(message)
        assert stack.connector.statistics.listener_errors == 0

    play(story, "set", raw_messages=True, follow_schedules=True)


def test_the_clock_on_the_wall_is_in_milliseconds() -> None:
    assert 1_700_000_000_000 < wall_clock() < 10_000_000_000_000


def test_messages_of_the_past_are_those_of_several_devices() -> None:

    async def story(stack: Stack) -> None:
        read = await stack.connector.reprocess_raw_msg(RawMessage(None, 1))
        assert read == []
        stack.connector.devices.id_key = "id"
        both: list[JsonValue] = [{"id": 1, "t": 5}, {"id": 2, "t": 6}]
        assert await stack.connector.reprocess_raw_msg(RawMessage(both, 3)) == [
            Reading({"1__t": 5}, 3),
            Reading({"2__t": 6}, 3),
        ]

    play(story)


async def test_frames_of_the_past_are_parsed_as_those_of_now() -> None:
    class Slow:
        """A parser that takes its time."""

        def parse(self, frame: bytes) -> JsonValue:
            """Read JSON."""
            if frame == b"bug":
                raise RuntimeError("Oh")
            return parse_json(frame)

        def close(self) -> None:
            """Have nothing to close."""

    for parser in (parse_json, Slow()):
        transport = TcpTransport("127.0.0.1", 1)
        stream = StreamConnector("it", transport, create_framer("line", {}), parser)
        for payload in (b'{"a": 1}', '{"a": 1}'):
            raw = RawMessage(payload, 5)
            assert await stream.reprocess_raw_msg(raw) == [Reading({"a": 1}, 5)]
        with pytest.raises(ParseError, match="neither bytes nor text"):
            await stream.reprocess_raw_msg(RawMessage({"a": 1}, 5))
        envelope = {"device_url": "a", "message": "b"}
        raw = RawMessage(json.dumps(envelope).encode(), 5)
        assert isinstance(await stream.reprocess_raw_msg(raw), list)
        with pytest.raises(ParseError):
            await stream.reprocess_raw_msg(RawMessage(b"bug", 5))


def test_a_failure_while_it_pauses_is_one_pause() -> None:
    async def story(stack: Stack) -> None:
        stack.broker.pending = []
        await stack.map({"a": ONE, "b": TWO})
        await stack.say(a=1, b=1)
        for _, future in stack.broker.pending:
            future.set_exception(BrokerError("No answer"))
        stack.broker.pending = None
        await stack.settle()
        await asyncio.sleep(2)
        assert values(stack, ONE) == values(stack, TWO) == [1]
        stack.broker.pending = []
        await stack.say(a=2, b=2)
        stack.broker.pending[0][1].cancel()
        await stack.settle()
        stack.mirror.lost()  # in the middle of the pause
        stack.broker.pending = None
        stack.mirror.connected()
        await stack.settle()
        assert values(stack, ONE) == values(stack, TWO) == [1, 2]

    play(story)


def test_what_the_connector_logs_is_on_the_topic() -> None:
    """That of its own code too; and of no other connector."""

    async def story(stack: Stack) -> None:
        stack.connector.log_once("it", "Not %s", "so")
        stack.connector.logger.info("A line of its own")
        logging.getLogger("tests").warning("Of somebody else")
        await stack.settle()
        lines = [it["msg"] for it in stack.broker.on(f"{NAME}/logs")]
        assert lines[-2:] == ["fake: Not so", "A line of its own"]
        await stack.mirror.stop()
        stack.connector.logger.warning("Too late")
        await stack.settle()
        assert "Too late" not in str(stack.broker.on(f"{NAME}/logs"))

    logger = logging.getLogger("custom_components.bemcom_connectors")
    logger.setLevel(logging.INFO)
    try:
        play(story)
    finally:
        logger.setLevel(logging.NOTSET)


def test_a_connector_may_log_elsewhere() -> None:
    """Its mirror knows nothing of that, and minds nothing."""

    async def story() -> None:
        stack = Stack()
        adapter: Any = logging.LoggerAdapter(logging.getLogger("tests"), {})
        stack.connector.logger = adapter
        await stack.start()
        assert stack.mirror.is_connected
        await stack.stop()

    run_virtually(story())
