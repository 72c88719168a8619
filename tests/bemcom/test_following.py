"""Schedules of many actuators, with many entries."""

import asyncio
import json
import time

from custom_components.bemcom_connectors.bemcom.schedules import (
    MAX_ITEMS,
    read_schedule,
)
from tests.bemcom.stack import NAME, NOW, Stack, play

HOUR = 3_600_000


def schedule(*times: int, first: int = 0) -> bytes:
    """Return a message with a value from each of some hours on."""
    items = [
        {
            "from_timestamp": NOW + hour * HOUR,
            "to_timestamp": NOW + (hour + 1) * HOUR,
            "value": first + index,
        }
        for index, hour in enumerate(times)
    ]
    return json.dumps({"schedule": items, "timestamp": NOW}).encode()


def topics(number: int) -> tuple[str, str]:
    """Return the topics of the values and the schedule of an actuator."""
    stem = f"{NAME}/messages/{number}"
    return f"{stem}/value", f"{stem}/schedule"


def test_an_earlier_time_is_not_missed() -> None:
    """Whatever the next time was before: each of them has its own."""

    async def story(stack: Stack) -> None:
        await stack.map({}, {topics(1)[0]: "a", topics(2)[0]: "b"})
        await stack.receive(topics(1)[1], schedule(10))
        await stack.receive(topics(2)[1], schedule(5, 7, first=100))
        await stack.wait(4.5 * 3600)
        assert stack.connector.commands == []
        # Another one in its place, and then none at all.
        await stack.receive(topics(1)[1], schedule(6))
        await stack.wait(1 * 3600)
        assert [it[:2] for it in stack.connector.commands] == [("b", 100)]
        await stack.receive(topics(2)[1], schedule())
        await stack.wait(10 * 3600)
        assert [it[:2] for it in stack.connector.commands] == [("b", 100), ("a", 0)]

    play(story, "a", "b", follow_schedules=True)


def test_thousands_of_entries_for_each_of_many() -> None:
    """It takes no time to look at them, however many there are."""
    many = 200

    async def story(stack: Stack) -> None:
        await stack.map({}, {topics(it)[0]: f"k{it}" for it in range(many)})
        payload = schedule(*range(1, 501))
        began = time.perf_counter()
        for number in range(many):
            stack.mirror.received(topics(number)[1], payload, True)
            if number % 50 == 0:
                await asyncio.sleep(0)
        reading = time.perf_counter() - began
        began = time.perf_counter()
        await stack.wait(24 * 3600)
        looking = time.perf_counter() - began
        done = [value for key, value, _ in stack.connector.commands if key == "k7"]
        assert done == [*range(24)]
        assert len(stack.connector.commands) >= 24 * 90
        assert (reading, looking) < (20, 20)

    play(story, *(f"k{it}" for it in range(many)), follow_schedules=True)


def test_as_many_entries_as_there_may_be() -> None:
    plan = read_schedule(schedule(*range(MAX_ITEMS)))
    began = time.perf_counter()
    for number in range(MAX_ITEMS):
        now = NOW + number * HOUR
        item = plan.active(now)
        assert item is not None
        assert item.value == number
        assert plan.active(now + 1) is item
        assert plan.next_change(now) == now + HOUR
    assert plan.active(NOW + MAX_ITEMS * HOUR) is None
    assert plan.next_change(NOW + MAX_ITEMS * HOUR) is None
    assert time.perf_counter() - began < 30
