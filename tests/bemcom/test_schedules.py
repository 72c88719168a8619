"""The rules of BEMCom's controller, without its faults (spec 5.4)."""

import json
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.bemcom_connectors.bemcom.messages import MessageError
from custom_components.bemcom_connectors.bemcom.schedules import (
    MAX_ITEMS,
    NOTHING,
    RETRY_AFTER,
    Follower,
    Known,
    read_schedule,
    read_setpoint,
    wanted,
)

NOW = 1_000_000


def schedule(*items: tuple[int | None, int | None, Any]) -> bytes:
    """Return a message with a schedule."""
    return json.dumps(
        {
            "schedule": [
                {"from_timestamp": start, "to_timestamp": end, "value": value}
                for start, end, value in items
            ],
            "timestamp": 1,
        }
    ).encode()


def setpoint(preferred: Any, **more: Any) -> bytes:
    """Return a message with a setpoint of now."""
    item = {"from_timestamp": None, "to_timestamp": None, "preferred_value": preferred}
    return json.dumps({"setpoint": [item | more], "timestamp": 1}).encode()


def follow(
    *, plan: bytes | None = None, point: bytes | None = None, sensor: Known = NOTHING
) -> Known:
    """Return what is due at once."""
    follower = Follower()
    if plan is not None:
        follower.take_schedule(plan)
    if point is not None:
        follower.take_setpoint(point)
    follower.sensor = sensor
    return follower.due(NOW)


ALWAYS = schedule((None, None, "plan"))


@pytest.mark.parametrize(
    ("more", "sensor", "value"),
    [
        ({}, 20, "point"),  # no flexibility
        ({"acceptable_values": None}, 20, "plan"),  # full flexibility
        ({"acceptable_values": None, "min_value": None, "max_value": None}, 20, "plan"),
        ({"acceptable_values": ["20", "21"]}, NOTHING, "plan"),
        ({"acceptable_values": ["20", "21"]}, 20, "plan"),
        ({"acceptable_values": ["20", "21"]}, 20.0, "plan"),
        ({"acceptable_values": ["20", "21"]}, "20", "plan"),
        ({"acceptable_values": ["20", "21"]}, 22, "point"),
        ({"acceptable_values": [20, 21]}, 21, "plan"),
        ({"acceptable_values": []}, 21, "point"),
        ({"acceptable_values": ['"eco"']}, "eco", "plan"),
        ({"acceptable_values": ["eco"]}, "eco", "plan"),
        ({"acceptable_values": ["true"]}, True, "plan"),
        ({"acceptable_values": ["1"]}, True, "point"),
        ({"acceptable_values": ["null", ""]}, None, "plan"),
        ({"acceptable_values": [""]}, "", "plan"),
        ({"min_value": 19, "max_value": 23}, 19, "plan"),
        ({"min_value": 19, "max_value": 23}, 23, "plan"),
        ({"min_value": 19, "max_value": 23}, 18.9, "point"),
        ({"min_value": 19, "max_value": 23}, 23.1, "point"),
        ({"min_value": None, "max_value": 23}, -5, "plan"),
        ({"min_value": 19, "max_value": None}, 99, "plan"),
        ({"min_value": 19, "max_value": 23}, "21.5", "plan"),
        ({"min_value": 19, "max_value": 23}, "warm", "point"),
        ({"min_value": 19, "max_value": 23}, None, "point"),
        ({"min_value": 0, "max_value": 2}, True, "point"),
        ({"min_value": 0, "max_value": None}, 10**400, "point"),
        ({"min_value": 19, "max_value": 23}, NOTHING, "plan"),
        ({"acceptable_values": ["20"], "min_value": 19, "max_value": 23}, 20, "plan"),
        ({"acceptable_values": ["20"], "min_value": 19, "max_value": 23}, 21, "point"),
        ({"acceptable_values": None, "min_value": 19, "max_value": 23}, 25, "point"),
    ],
)
def test_flexibility(more: dict[str, Any], sensor: Known, value: str) -> None:
    assert follow(plan=ALWAYS, point=setpoint("point", **more), sensor=sensor) == value


def test_one_of_the_two_is_enough() -> None:
    assert follow() is NOTHING
    assert repr(NOTHING) == "NOTHING"
    assert follow(plan=ALWAYS) == "plan"
    assert follow(point=setpoint("point", min_value=5), sensor=1) == "point"
    assert follow(plan=schedule((None, None, None))) is None


@pytest.mark.parametrize(
    ("items", "value"),
    [
        ([(NOW, NOW + 1, "a")], "a"),
        ([(NOW - 1, NOW, "a")], NOTHING),  # its end is no part of it
        ([(NOW + 1, None, "a")], NOTHING),
        ([(None, NOW + 1, "a")], "a"),
        ([(NOW - 5, None, "b"), (None, None, "a")], "b"),  # whatever their order
        ([(NOW - 5, NOW + 5, "a"), (NOW - 2, NOW + 2, "b")], "b"),
        ([(NOW - 5, NOW + 5, "a"), (NOW - 2, NOW - 1, "b")], "a"),  # back to it
        ([(NOW - 5, None, "a"), (NOW - 5, None, "b")], "b"),
        ([], NOTHING),
    ],
)
def test_what_counts_now(items: list[Any], value: Known) -> None:
    assert follow(plan=schedule(*items)) == value


@given(
    st.lists(
        st.tuples(
            st.none() | st.integers(0, 20),
            st.none() | st.integers(21, 40),
            st.integers(),
        ),
        max_size=6,
    ),
    st.integers(0, 45),
)
def test_nothing_changes_between_changes(items: list[Any], now: int) -> None:
    plan = read_schedule(schedule(*items))
    until = plan.next_change(now)
    for time in range(now, min(until or 50, 50)):
        assert plan.active(time) == plan.active(now)
    assert until is None or until > now


def test_a_value_is_sent_once() -> None:
    follower = Follower()
    plan = schedule(
        (None, NOW + 10, 1), (NOW + 10, NOW + 20, 1.0), (NOW + 20, NOW + 30, True)
    )
    follower.take_schedule(plan)
    assert follower.due(NOW) == 1
    follower.told(1, NOW, done=True)
    follower.take_schedule(plan)  # again, as it is retained
    assert follower.due(NOW) is NOTHING
    assert follower.next_change(NOW) == NOW + 10
    assert follower.due(NOW + 10) is NOTHING  # the same
    assert follower.due(NOW + 20) is True  # not the same
    follower.told(True, NOW + 20, done=True)
    assert follower.due(NOW + 30) is NOTHING
    assert follower.next_change(NOW + 30) is None


def test_after_a_gap_a_value_is_sent_again() -> None:
    follower = Follower()
    follower.take_schedule(schedule((NOW, NOW + 10, 1), (NOW + 20, None, 1)))
    assert follower.due(NOW) == 1
    follower.told(1, NOW, done=True)
    assert follower.due(NOW + 10) is NOTHING
    assert follower.due(NOW + 20) == 1


def test_what_failed_is_tried_again_later() -> None:
    follower = Follower()
    follower.take_setpoint(setpoint(5))
    assert follower.due(NOW) == 5
    follower.told(5, NOW, done=False)
    assert follower.due(NOW + 1) is NOTHING
    assert follower.next_change(NOW) == NOW + RETRY_AFTER
    assert follower.due(NOW + RETRY_AFTER) == 5
    follower.told(5, NOW + RETRY_AFTER, done=True)
    assert follower.due(NOW + 2 * RETRY_AFTER) is NOTHING


def test_a_new_message_is_obeyed_at_once() -> None:
    follower = Follower()
    follower.take_setpoint(setpoint(5))
    follower.told(5, NOW, done=False)
    follower.take_setpoint(setpoint(5, min_value=1))
    assert follower.due(NOW) == 5
    follower.take_setpoint(b'{"setpoint": null, "timestamp": 1}')
    assert follower.due(NOW) is NOTHING
    follower.take_schedule(ALWAYS)
    assert follower.due(NOW) == "plan"
    follower.take_schedule(schedule())
    assert follower.due(NOW) is NOTHING


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (b"", "empty"),
        (b"{}", "no timestamp"),
        (b'{"timestamp": 1}', "no schedule"),
        (b'{"timestamp": 1, "schedule": {}}', "no list"),
        (b'{"timestamp": 1, "schedule": [1]}', "no object"),
        (b'{"timestamp": 1, "schedule": [{}]}', "no value"),
        (schedule((2, 1, 1)), "ends before"),
        (schedule((1, 1, 1)), "ends before"),
        (schedule(*[(None, None, 1)] * (MAX_ITEMS + 1)), "at most"),
        (
            json.dumps(
                {"timestamp": 1, "schedule": [{"from_timestamp": "x", "value": 1}]}
            ).encode(),
            "no timestamp",
        ),
    ],
)
def test_what_is_no_schedule_changes_nothing(payload: bytes, text: str) -> None:
    follower = Follower()
    follower.take_schedule(ALWAYS)
    with pytest.raises(MessageError, match=text):
        follower.take_schedule(payload)
    assert follower.due(NOW) == "plan"


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"acceptable_values": "20"}, "no list"),
        ({"min_value": "low"}, "min_value is no number"),
        ({"max_value": True}, "max_value is no number"),
    ],
)
def test_what_is_no_setpoint(more: dict[str, Any], text: str) -> None:
    with pytest.raises(MessageError, match=text):
        read_setpoint(setpoint(1, **more))


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_are_a_plan_or_none(payload: bytes) -> None:
    for read in (read_schedule, read_setpoint):
        try:
            plan = read(payload)
        except MessageError as err:
            assert str(err)
        else:
            assert wanted(plan.active(NOW), None, NOTHING) is NOTHING or plan.items
