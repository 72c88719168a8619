"""Nested messages to keys and values."""

from collections import OrderedDict
from collections.abc import Iterator
import json
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.bemcom_connectors.connector.flatten import (
    MAX_VALUES,
    Flattener,
    Lists,
    flatten,
    key_text,
)
from custom_components.bemcom_connectors.connector.model import (
    JsonValue,
    OptionsError,
    ParseError,
)

both = pytest.mark.parametrize("lists", list(Lists))

# Names that meet each other once they are joined, and one that looks like an index.
names = st.text("ab_", max_size=3) | st.sampled_from(["0", "1", "é", "value"])
leaves = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4)
    ),
    max_leaves=20,
)
messages = st.dictionaries(names, values, max_size=5)


def leaves_by_depth(
    node: Any, *, index: bool, path: tuple[str, ...] = ()
) -> Iterator[tuple[int, str, Any]]:
    """Yield depth, key and value of each leaf, depth first: the plain way."""
    if isinstance(node, dict):
        entries = list(node.items())
    elif index and isinstance(node, list):
        entries = [(str(position), item) for position, item in enumerate(node)]
    else:
        yield len(path), "__".join(path), node
        return
    for name, item in entries:
        yield from leaves_by_depth(item, index=index, path=(*path, name))


def nested(depth: int, value: JsonValue = 1) -> JsonValue:
    """Return a value so deep in objects."""
    for _ in range(depth):
        value = {"k": value}
    return value


@both
@given(message=messages)
def test_like_the_plain_way(lists: Lists, message: dict[str, JsonValue]) -> None:
    found = list(leaves_by_depth(message, index=lists is Lists.INDEX))
    by_depth = sorted(found, key=lambda leaf: leaf[0])
    expected = {key: value for _, key, value in by_depth}
    flattener = Flattener(lists)
    flat = flattener(message)
    assert list(flat.items()) == list(expected.items())
    assert flattener.collisions == len(found) - len(expected)
    # Keys kept from before must not change what comes out.
    assert list(flattener(message).items()) == list(flat.items())


@given(first=messages, second=messages)
def test_a_message_leaves_no_trace(
    first: dict[str, JsonValue], second: dict[str, JsonValue]
) -> None:
    flattener = Flattener()
    flattener(first)
    assert flattener(second) == Flattener()(second)


@pytest.mark.parametrize(
    ("message", "index", "whole"),
    [
        (
            {"a": {"l": [1, {"x": 2}]}},
            {"a__l__0": 1, "a__l__1__x": 2},
            {"a__l": [1, {"x": 2}]},
        ),
        ({"l": [[1], [], {}]}, {"l__0__0": 1}, {"l": [[1], [], {}]}),
        ({"l": [], "o": {}}, {}, {"l": []}),
        ({"a": 0, "b": False, "c": ""}, {"a": 0, "b": False, "c": ""}, None),
        ({"a": {"b": None}}, {"a__b": None}, None),
        (None, {}, None),
    ],
)
def test_lists(message: Any, index: Any, whole: Any) -> None:
    """By default they are taken apart; the last rows have none."""
    assert flatten(message) == flatten(message, "index") == index
    assert flatten(message, "whole") == (index if whole is None else whole)


@pytest.mark.parametrize("value", [0, False, "", "text", 1.5])
def test_a_single_value(value: JsonValue) -> None:
    assert flatten(value) == {"value": value}
    with pytest.raises(ParseError, match='list option "index"'):
        flatten(value, "whole")


def test_a_list_at_the_top() -> None:
    assert flatten([5, {"a": 6}]) == {"0": 5, "1__a": 6}
    with pytest.raises(ParseError, match='list option "index"'):
        flatten([5], "whole")


def test_keys_that_are_no_text() -> None:
    message: Any = {1: {True: 1, None: 2}, 1.5: 3, b"x": 4, "l": [{2: 5}]}
    expected = {"1.5": 3, "x": 4, "1__true": 1, "1__null": 2, "l__0__2": 5}
    flattener = Flattener()
    assert flattener(message) == expected
    # 1 and True are one key to a dict: what was kept for one must not serve the other.
    true: Any = {True: {1: 1}}
    assert flattener(true) == {"true__1": 1}


@given(key=st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False))
def test_key_text_is_as_in_json(key: Any) -> None:
    if key in {float("inf"), float("-inf")}:
        return
    assert json.loads(json.dumps({key: 0})) == {key_text(key): 0}


def test_collisions_are_those_of_the_last_message() -> None:
    flattener = Flattener()
    assert flattener({"a__b": 1, "a": {"b": 2}}) == {"a__b": 2}
    assert flattener.collisions == 1
    flattener({"a": {"b": 2}})
    assert flattener.collisions == 0
    flattener({"a__b": 1, "a": {"b": 2}})
    flattener(5)
    assert flattener.collisions == 0


@both
def test_a_subclass_at_the_top(lists: Lists) -> None:
    assert flatten(OrderedDict(a={"b": 1}), lists) == {"a__b": 1}


def test_deep() -> None:
    assert flatten(nested(1000)) == {"__".join("k" * 1000): 1}


@both
@pytest.mark.parametrize(
    "message",
    [
        pytest.param(nested(100_000), id="deep"),
        pytest.param({"k" * 60_000: dict.fromkeys(map(str, range(9000)))}, id="name"),
        pytest.param({str(n): {} for n in range(60_000)}, id="empty"),
        pytest.param({"a": dict.fromkeys(map(str, range(60_000)))}, id="values"),
        pytest.param(dict.fromkeys(map(str, range(MAX_VALUES + 1))), id="one more"),
    ],
)
def test_too_much_is_refused(lists: Lists, message: dict[str, JsonValue]) -> None:
    flattener = Flattener(lists)
    with pytest.raises(ParseError, match="The message"):
        flattener(message)
    # What the refused one left behind takes no room away from the next.
    most = dict.fromkeys(map(str, range(MAX_VALUES)))
    assert flattener(most) == most


def test_containers_are_no_values() -> None:
    message: JsonValue = {str(n): {"a": n} for n in range(MAX_VALUES)}
    assert len(flatten(message)) == MAX_VALUES


def test_names_that_never_repeat() -> None:
    """What is kept is bounded, however many names a device thinks of."""
    flattener = Flattener()
    for start in range(0, 200_000, 1000):
        message: JsonValue = {"a": {str(n): n for n in range(start, start + 1000)}}
        assert len(flattener(message)) == 1000
    assert len(flattener._top.below["a"]) <= MAX_VALUES + 1000


def test_lists_option() -> None:
    for create in (Flattener, lambda lists: flatten({}, lists)):
        with pytest.raises(OptionsError) as caught:
            create("other")
        assert caught.value.option == "lists"
