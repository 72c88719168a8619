"""Maps: what is in them is used, whatever else is."""

import json
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.bemcom_connectors.bemcom.available import (
    MAX_KEYS,
    AvailableDatapoints,
    Batches,
)
from custom_components.bemcom_connectors.bemcom.datapoint_map import (
    MAX_ENTRIES,
    DatapointMap,
    map_of,
    newly_published,
    read_map,
    summary,
)
from custom_components.bemcom_connectors.bemcom.messages import MessageError
from custom_components.bemcom_connectors.bemcom.topics import (
    MAX_NAME,
    Topics,
    checked_name,
    sibling,
    topic_fault,
)
from custom_components.bemcom_connectors.connector.model import OptionsError

TOPICS = Topics("c")

ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
NAMES = st.sampled_from(
    [
        "c/messages/1/value",
        "c/messages/1/schedule",
        "c/x",
        "c/logs",
        "d/x",
        "c/#",
        "k",
        "",
    ]
)


@given(
    st.dictionaries(NAMES, NAMES | ODD, max_size=5),
    st.dictionaries(NAMES, NAMES | ODD, max_size=5),
)
def test_no_map_is_dangerous(sensor: dict[str, Any], actuator: dict[str, Any]) -> None:
    read = map_of({"sensor": sensor, "actuator": actuator}, TOPICS)
    found = read.datapoint_map
    assert len(found.sensors) + len(found.actuators) + len(read.left_out) == len(
        sensor
    ) + len(actuator)
    published = [*found.sensors.values()]
    assert len(published) == len(set(published))
    for topic in (*published, *found.actuators):
        assert topic_fault(topic) is None
        assert topic.startswith("c/")
        assert topic not in {"c/logs", "c/heartbeat", "c/available_datapoints"}
    for topic in found.actuators:
        assert topic not in published
        assert sibling(topic, "schedule") not in published
    assert map_of(found.as_json(), TOPICS).datapoint_map == found


@given(st.binary() | ODD.map(lambda it: json.dumps(it).encode()))
def test_any_bytes_are_a_map_or_none(payload: bytes) -> None:
    try:
        read_map(payload, TOPICS)
    except MessageError as err:
        assert str(err)


@pytest.mark.parametrize(
    ("topic", "text"),
    [
        ("c/+/value", "wildcard"),
        ("c/#", "wildcard"),
        ("$SYS/x", "belongs to the broker"),
        ("d/messages/1/value", "not below"),
        ("c/available_datapoints", "no topic of a datapoint"),
        ("c/messages/1/schedule", "no topic of a datapoint"),
        ("c/raw_message_reprocess", "no topic of a datapoint"),
        ("c/a\0", "characters"),
        ("c/\ud800", "characters"),
        ("c/" + "é" * 40_000, "too long"),
        ("", "is empty"),
        (5, "is no text"),
    ],
)
def test_each_fault_is_named(topic: Any, text: str) -> None:
    read = map_of(
        {"sensor": {"good": "c/1/value", "bad": topic}, "actuator": {}}, TOPICS
    )
    assert dict(read.datapoint_map.sensors) == {"good": "c/1/value"}
    assert [text in it for it in read.left_out] == [True]
    if isinstance(topic, str):
        read = map_of(
            {"sensor": {}, "actuator": {"c/2/value": "k", topic: "k"}}, TOPICS
        )
        assert dict(read.datapoint_map.actuators) == {"c/2/value": "k"}
        assert len(read.left_out) == 1


def test_a_topic_is_for_one_thing() -> None:
    read = map_of(
        {
            "sensor": {
                "a": "c/1/value",
                "b": "c/2/value",
                "d": "c/2/value",
                "e": "c/1/setpoint",
            },
            "actuator": {"c/1/value": "k"},
        },
        TOPICS,
    )
    assert dict(read.datapoint_map.sensors) == {"b": "c/2/value"}
    assert len(read.left_out) == 3


def test_a_map_is_bounded() -> None:
    sensors: dict[str, Any] = {str(it): f"c/{it}/value" for it in range(MAX_ENTRIES)}
    assert len(
        map_of({"sensor": sensors, "actuator": {}}, TOPICS).datapoint_map.sensors
    )
    with pytest.raises(MessageError, match="at most"):
        map_of({"sensor": sensors, "actuator": {"c/x": "k"}}, TOPICS)


def test_what_another_map_means() -> None:
    old = DatapointMap({"a": "c/1", "b": "c/2"}, {"c/3": "k", "c/4": "k"})
    new = DatapointMap({"a": "c/1", "b": "c/5", "d": "c/6"}, {"c/4": "l", "c/7": "m"})
    assert newly_published(old, new) == ("b", "d")
    assert new.unknown(["a", "b"], ["l"]) == ("d", "m")


def test_a_summary_is_short() -> None:
    assert summary(["a", "b"]) == "a; b"
    assert summary([*"abcdefg"]) == "a; b; c; d; e; and 2 more"


@pytest.mark.parametrize(
    ("given_name", "name"),
    [(" tpyco ", "tpyco"), ("", "unknown-connector"), ("é.1", "é.1")],
)
def test_names(given_name: str, name: str) -> None:
    assert checked_name(given_name) == name


@pytest.mark.parametrize(
    "name", ["a/b", "a+", "#", "$SYS", "a\nb", "x" * (MAX_NAME + 1)]
)
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(OptionsError) as error:
        checked_name(name)
    assert error.value.option == "connector_name"


def test_siblings_of_a_topic() -> None:
    assert sibling("c/messages/1/value", "schedule") == "c/messages/1/schedule"
    assert sibling("c/msgs/0001", "schedule") is None


def test_available_datapoints_are_bounded() -> None:
    available = AvailableDatapoints()
    assert not available
    assert available.update({str(it): it for it in range(MAX_KEYS + 5)}, {})
    assert len(available.sensors) == MAX_KEYS
    assert available.ignored == 5
    assert not available.update({"0": 7, "new": 1}, {})
    assert available.sensors["0"] == 7
    assert not AvailableDatapoints().update({"a\0": 1}, {"\ud800": 1})


def test_what_was_kept_stays() -> None:
    before = AvailableDatapoints()
    before.update({"a": float("nan"), "b": 2}, {"c": b"x"})
    kept = json.loads(json.dumps(before.as_json()))
    after = AvailableDatapoints()
    after.update({"b": 3, "d": 4}, {})
    after.restore(kept)
    assert after.as_json() == {
        "sensor": {"a": None, "b": 3, "d": 4},
        "actuator": {"c": "b'x'"},
    }
    after.refresh({"a": 1, "z": 9})
    assert after.sensors == {"a": 1, "b": 3, "d": 4}


def test_batches_grow_and_are_short_again() -> None:
    batches = Batches(1, 5)
    now, delays = 0.0, []
    for _ in range(5):
        delays.append(batches.next_delay(now))
        now += delays[-1]
    assert delays == [1, 2, 4, 5, 5]
    assert batches.next_delay(now + 10) == 1
