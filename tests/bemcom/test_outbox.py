"""Bounded, in order, and nothing lost that there was room for."""

from collections import defaultdict

from hypothesis import given, strategies as st
import pytest

from custom_components.bemcom_connectors.bemcom.outbox import Lane, Outbox, Outgoing

TOPICS = ["a", "b", "c"]


def message(topic: str, number: int, size: int = 4) -> Outgoing:
    """Return a message with a number in it."""
    return Outgoing(topic, str(number).zfill(size).encode(), 1, retain=True)


def numbers(lane: Lane) -> list[int]:
    """Return what is in a lane, the oldest first."""
    return [int(it.payload) for it in lane.messages()]


def drain(lane: Lane) -> list[int]:
    """Send all there is."""
    sent = []
    while (it := lane.take()) is not None:
        sent.append(int(it.payload))
        lane.done(it)
    return sent


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "add", "take", "done", "fail", "refuse", "lose"]),
        st.integers(0, 2),
    ),
    max_size=60,
)


@given(STEPS, st.booleans(), st.integers(1, 8))
def test_order_and_bounds_hold_whatever_happens(
    steps: list[tuple[str, int]], newest_only: bool, room: int
) -> None:
    """Each message arrives, is dropped or is replaced; of a topic, in order."""
    lane = Lane(room, newest_only=newest_only)
    under_way: list[Outgoing] = []
    arrived: dict[str, list[int]] = defaultdict(list)
    count = 0
    for step, which in steps:
        if step == "add":
            count += 1
            lane.add(message(TOPICS[which], count))
        elif step == "take":
            if (taken := lane.take()) is not None:
                assert taken.topic not in [it.topic for it in under_way]
                under_way.append(taken)
        elif step == "lose":
            lane.take_back()
            under_way.clear()
        elif under_way:
            it = under_way.pop(which % len(under_way))
            if step == "done":
                lane.done(it)
                arrived[it.topic].append(int(it.payload))
            elif step == "fail":
                lane.failed(it)
            else:
                lane.refused(it)
        # What is under way cannot be dropped any more.
        assert len(lane) <= max(room, len(under_way))
        assert lane.size == sum(
            len(it.payload) for it in lane.messages() if it not in under_way
        )
        assert lane.holds("a") == any(it.topic == "a" for it in lane.messages())
    lane.take_back()
    rest = sorted(drain(lane))
    assert not len(lane)
    assert lane.size == 0
    counters = lane.counters
    assert counters.sent + counters.dropped + counters.replaced == count
    assert counters.sent == sum(map(len, arrived.values())) + len(rest)
    for sent in arrived.values():
        assert sent == sorted(set(sent))
    if count and not counters.dropped:
        newest = max([*rest, *(it for sent in arrived.values() for it in sent)])
        assert newest == count


def test_the_oldest_goes_where_there_is_no_room() -> None:
    lane = Lane(3)
    for number in range(5):
        lane.add(message(TOPICS[number % 2], number))
    assert numbers(lane) == [2, 3, 4]
    assert lane.counters.dropped == 2


def test_bytes_are_bounded_too() -> None:
    lane = Lane(100, 10)
    lane.add(message("a", 1, size=11))
    assert lane.counters.dropped == 1
    for number in range(4):
        lane.add(message("a", number))
    assert numbers(lane) == [2, 3]
    assert lane.size == 8


def test_one_of_a_topic_is_under_way() -> None:
    lane = Lane(10)
    for number, topic in enumerate("aabb"):
        lane.add(message(topic, number))
    first, second = lane.take(), lane.take()
    assert first is not None
    assert second is not None
    assert (first.topic, second.topic) == ("a", "b")
    assert lane.take() is None
    lane.done(first)
    lane.done(first)  # twice is no other message's turn
    third = lane.take()
    assert third is not None
    assert third.payload == b"0001"
    assert lane.take() is None
    lane.take_back()
    assert drain(lane) == [1, 2, 3]
    lane.failed(third)  # long gone
    assert len(lane) == 0


def test_only_the_newest_waits_when_asked() -> None:
    lane = Lane(10)
    for number in range(6):
        lane.add(message(TOPICS[number % 2], number))
    lane.keep_newest(True)
    assert numbers(lane) == [4, 5]
    assert lane.counters.replaced == 4
    lane.add(message("a", 6))
    assert numbers(lane) == [5, 6]
    lane.keep_newest(False)
    lane.add(message("a", 7))
    assert numbers(lane) == [5, 6, 7]


def test_what_was_under_way_gives_way_to_a_newer_one() -> None:
    lane = Lane(10, newest_only=True)
    lane.add(message("a", 1))
    old = lane.take()
    assert old is not None
    lane.add(message("a", 2))
    lane.failed(old)
    assert numbers(lane) == [2]


def test_what_was_kept_comes_first() -> None:
    lane = Lane(3)
    lane.add(message("a", 5))
    lane.restore([message("a", it) for it in (1, 2, 3)])
    assert numbers(lane) == [2, 3, 5]
    assert drain(lane) == [2, 3, 5]


@pytest.mark.parametrize("keep_all", [False, True])
def test_lanes_have_their_turns(keep_all: bool) -> None:
    outbox = Outbox(max_values=10, max_raw=10, max_raw_bytes=1000, keep_all=keep_all)
    for number in range(3):
        outbox.values.add(message("v", number))
        outbox.raw.add(message("r", number))
        outbox.state.add(message("s", number))
    kinds = []
    while (taken := outbox.take()) is not None:
        lane, it = taken
        kinds.append(it.topic)
        lane.done(it)
    assert kinds[:3] == ["s", "v", "r"]
    assert kinds.count("v") == (3 if keep_all else 1)
    assert kinds.count("r") == 3
    assert kinds.count("s") == 1
    assert outbox.sent == len(kinds)
    assert outbox.dropped == 0
    assert len(outbox) == 0


@pytest.mark.parametrize("keep_all", [False, True])
def test_each_value_counts_while_there_is_a_broker(keep_all: bool) -> None:
    outbox = Outbox(max_values=10, max_raw=1, max_raw_bytes=1, keep_all=keep_all)
    outbox.connected()
    for number in range(3):
        outbox.values.add(message("v", number))
    assert numbers(outbox.values) == [0, 1, 2]
    outbox.values.take()
    outbox.lost()
    assert numbers(outbox.values) == ([0, 1, 2] if keep_all else [2])
