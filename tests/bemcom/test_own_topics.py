"""Topics of our own beside BEMCom's: their names, what is published, and commands on them."""

import asyncio
from typing import Any
from urllib.parse import unquote

from hypothesis import given, strategies as st
import pytest

from custom_components.bemcom_connectors.bemcom.own_topics import OwnMap, OwnTopics
from custom_components.bemcom_connectors.bemcom.topics import Topics, topic_fault
from tests.bemcom.stack import NAME, NOW, Stack, play

OWN = OwnTopics(NAME)
ANY_TEXT = st.text(st.characters(exclude_categories=()))


def own_map(*sensors: str, **actuators: str) -> OwnMap:
    """Return a map of sensors as they are, and of actuators by key."""
    return OwnMap(
        {key: {OWN.value(key): lambda value: value} for key in sensors},
        {topic: key for key, topic in actuators.items()},
    )


def values(stack: Stack, key: str) -> list[Any]:
    """Return the values that arrived for a datapoint."""
    return [it["value"] for it in stack.broker.on(OWN.value(key))]


# Names


@given(ANY_TEXT, ANY_TEXT)
def test_any_key_has_topics_of_its_own(one: str, two: str) -> None:
    topics = Topics(NAME)
    mine = [OWN.value(one), OWN.state(one), OWN.set(one)]
    others = [OWN.value(two), OWN.state(two), OWN.set(two), OWN.online]
    for topic in mine:
        assert topic_fault(topic) is None
        assert topic.count("/") == 3
        assert topics.is_own(topic)
    assert len({*mine, *others}) == (4 if one == two else 7)
    assert unquote(mine[0].split("/")[2], errors="surrogatepass") == one


def test_the_topics_are_those_that_were_promised() -> None:
    assert OWN.value("a__b c/#") == f"{NAME}/datapoints/a__b%20c%2F%23/value"
    assert OWN.set("a") == f"{NAME}/datapoints/a/set"


# Out


def test_values_are_published_beside_those_of_the_map() -> None:
    async def story(stack: Stack) -> None:
        topic = f"{NAME}/messages/1/value"
        await stack.map({"a": topic})
        stack.mirror.set_own_map(
            OwnMap({"a": {OWN.value("a"): str, OWN.state("a"): lambda _: None}})
        )
        await stack.say(a=5, b=6)
        assert stack.broker.on(topic)[-1]["value"] == 5
        assert values(stack, "a") == ["5"]
        assert stack.broker.on(OWN.state("a"))[-1]["value"] is None
        assert values(stack, "b") == []
        (message,) = [it for it in stack.broker.arrived if it.topic == OWN.value("a")]
        assert message.retain

    play(story, retain=False)


def test_the_latest_value_comes_with_a_new_key_and_a_new_connection() -> None:
    async def story(stack: Stack) -> None:
        await stack.say(a=1, b=2)
        stack.mirror.set_own_map(own_map("a", "nothing_yet"))
        await stack.settle()
        assert values(stack, "a") == [1]
        stack.mirror.set_own_map(own_map("a", "b"))
        await stack.settle()
        assert (values(stack, "a"), values(stack, "b")) == ([1], [2])
        stack.mirror.lost()
        await stack.say(a=3)
        stack.mirror.connected()
        await stack.settle()
        assert values(stack, "a")[-1] == 3
        assert values(stack, "b") == [2, 2]
        stack.mirror.publish_own_latest(["b", "unknown"])
        await stack.settle()
        assert values(stack, "b") == [2, 2, 2]

    play(story)


def test_a_datapoint_that_goes_leaves_null_and_nothing_empty() -> None:
    async def story(stack: Stack) -> None:
        stack.mirror.set_own_map(own_map("a", set_a="x"))
        await stack.say(a=1)
        stack.mirror.set_own_map(None)
        await stack.say(a=2)
        assert values(stack, "a") == [1, None]
        assert all(it.payload for it in stack.broker.arrived)

    play(story)


def test_what_others_want_to_know_is_the_newest() -> None:
    async def story(stack: Stack) -> None:
        stack.mirror.lost()
        for number in range(300):
            stack.mirror.publish_discovery(f"ha/{number}", b"old")
        stack.mirror.publish_discovery("ha/7", b"")
        stack.mirror.beat()
        stack.mirror.connected()
        await asyncio.sleep(1)
        arrived = {it.topic: it for it in stack.broker.arrived if it.topic[:3] == "ha/"}
        assert len(arrived) == 300
        assert arrived["ha/7"].payload == b""
        assert all(it.retain for it in arrived.values())
        beats = len(stack.broker.on(f"{NAME}/heartbeat"))
        stack.mirror.beat()
        await stack.settle()
        assert len(stack.broker.on(f"{NAME}/heartbeat")) == beats + 1
        with pytest.raises(ValueError, match="empty"):
            stack.mirror.publish_discovery(f"{NAME}/anything", b"")

    play(story)


# In


def test_commands_are_carried_out_by_the_same_rules() -> None:
    async def story(stack: Stack) -> None:
        topic = OWN.set("lamp")
        stack.mirror.set_own_map(own_map(lamp=topic))
        await stack.settle()
        assert (topic, 2) in stack.broker.subscriptions
        await stack.receive(topic, {"value": True, "timestamp": NOW})
        await stack.receive(topic, {"value": True, "timestamp": NOW})
        await stack.receive(topic, {"value": 1, "timestamp": NOW - 60_000})
        await stack.receive(topic, {"value": 2, "timestamp": NOW}, retain=True)
        await stack.receive(topic, b"nonsense")
        assert stack.connector.commands == [("lamp", True, NOW)]
        lines = [it["msg"] for it in stack.logs]
        assert "lamp: Carried out" in lines
        assert len(stack.errors()) == 3
        # Another map of the stack does not touch it.
        await stack.map(actuator={f"{NAME}/messages/9/value": "lamp"})
        await stack.receive(topic, {"value": True, "timestamp": NOW})
        assert len(stack.connector.commands) == 1
        stack.mirror.set_own_map(None)
        await stack.settle()
        assert stack.broker.unsubscribed == [topic]
        await stack.receive(topic, {"value": False, "timestamp": NOW})
        assert len(stack.connector.commands) == 1

    play(story, "lamp", max_command_age=10.0)


def test_no_map_of_a_stack_may_name_them() -> None:
    async def story(stack: Stack) -> None:
        stack.mirror.set_own_map(own_map("a", lamp=OWN.set("lamp")))
        await stack.map(
            {"a": OWN.set("lamp"), "b": f"{NAME}/messages/1/value", "c": OWN.online},
            {OWN.value("a"): "lamp"},
        )
        assert stack.mirror.inbox.datapoint_map.sensors.keys() == {"b"}
        assert not stack.mirror.inbox.datapoint_map.actuators
        assert len(stack.mirror.map_faults.left_out) == 3
        assert "Left out" in stack.errors()[0]

    play(story, "lamp")
