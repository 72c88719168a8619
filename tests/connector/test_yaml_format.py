"""YAML: what BEMCom's own parser makes of it, and what it must not do."""

from datetime import date
import math
import re

from hypothesis import given, strategies as st
import pytest
import yaml

from custom_components.bemcom_connectors.connector.model import (
    JsonValue,
    Messages,
    ParseError,
)
from custom_components.bemcom_connectors.connector.parsing import create_parser

parse_yaml = create_parser("yaml")

# PyYAML takes 1e3 for text and writes it without quotes.
texts = st.text().filter(lambda text: not re.fullmatch(r"[-+.\d_]+[eE][-+\d]+", text))
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4)
    ),
    max_leaves=20,
)


@given(value=values, flow=st.booleans())
def test_round_trip(value: JsonValue, flow: bool) -> None:
    text = yaml.safe_dump(value, default_flow_style=flow, sort_keys=False)
    assert repr(parse_yaml(text.encode())) == repr(value)


@given(text=st.text("0123456789_.+-xobeEnaiflytrusNAF~", min_size=1, max_size=8))
def test_plain_scalars_as_pyyaml(text: str) -> None:
    """But for dates, floats such as 1e3 and -.5, and what is no number in JSON."""
    try:
        (expected,) = yaml.safe_load(f"[{text}]")
    except yaml.YAMLError, ValueError:
        return
    float_of_yaml_1_2 = "e" in text.lower() or text[1:2] == "."
    if isinstance(expected, date) or (isinstance(expected, str) and float_of_yaml_1_2):
        return
    if isinstance(expected, float) and not math.isfinite(expected):
        expected = None
    assert repr(parse_yaml(f"[{text}]".encode())) == repr([expected])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 0\nb: false\nc: ''\nd:", {"a": 0, "b": False, "c": "", "d": None}),
        ("a: {b: [1, 2.5, x]}", {"a": {"b": [1, 2.5, "x"]}}),
        ("d: 2024-01-02", {"d": "2024-01-02"}),
        ("t: 2024-01-02 12:00:00Z", {"t": "2024-01-02 12:00:00Z"}),
        ("a: 12:30\nb: 1:02:03.5", {"a": "12:30", "b": "1:02:03.5"}),
        ("a: 0x1F\nb: 0777\nc: 0b11\nd: 1_000", {"a": 31, "b": 511, "c": 3, "d": 1000}),
        (
            "a: 089\nb: 1.2.3\nc: 0b_\nd: 0x_",
            {"a": "089", "b": "1.2.3", "c": "0b_", "d": "0x_"},
        ),
        ("a: 1e3\nb: -1.5E-1\nc: .5", {"a": 1000.0, "b": -0.15, "c": 0.5}),
        ("a: .inf\nb: -.INF\nc: .NaN\nd: 1e999", dict.fromkeys("abcd")),
        ("1: {a: 2}", {"1": {"a": 2}}),
        ("dev: {on: 1}", {"dev": {"true": 1}}),
        ("null: 1\n2.5: 2\n2024-01-02: 3", {"null": 1, "2.5": 2, "2024-01-02": 3}),
        ("a: 1\na: 2", {"a": 2}),
        ("a: !!binary aGVsbG8=", {"a": "aGVsbG8="}),
        ("!!set {a, b}", ["a", "b"]),
        ("!!omap [a: 1, b: 2]", {"a": 1, "b": 2}),
        ("!!pairs [a: 1, a: 2]", [{"a": 1}, {"a": 2}]),
        ("[!!str 5, !!int '5', !!float 5, !!bool 'on', ! 5]", ["5", 5, 5.0, True, "5"]),
        (
            "[!!null '', !!timestamp 2024-01-02, !!float .nan]",
            [None, "2024-01-02", None],
        ),
        ("!!map {a: !!seq [1]}", {"a": [1]}),
        (
            "a: &x {b: 1}\nc: *x\nd: [*x]",
            {"a": {"b": 1}, "c": {"b": 1}, "d": [{"b": 1}]},
        ),
        ("&k a: 1\nb: *k", {"a": 1, "b": "a"}),
        ("a: &a 1\nb: &a 2\nc: *a", {"a": 1, "b": 2, "c": 2}),
        ("[&a {x: 1, y: 1}, {<<: *a, x: 2}]", [{"x": 1, "y": 1}, {"x": 2, "y": 1}]),
        ("<<: [{a: 1}, {a: 2, b: 2}]\nc: 3", {"a": 1, "b": 2, "c": 3}),
        ("'<<': 1", {"<<": 1}),
        ("- <<", ["<<"]),
        ("hello", "hello"),
        ("- 1", [1]),
        ("a: |\n  x\n  y\n", {"a": "x\ny\n"}),
        ("# only a comment", None),
        ("---\n...\n", None),
        ("~", None),
    ],
)
def test_yaml(text: str, value: JsonValue) -> None:
    assert repr(parse_yaml(text.encode())) == repr(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1\n---\na: 2\n", Messages([{"a": 1}, {"a": 2}])),
        ("---\n---\na: 1\n---\n", {"a": 1}),
        ("a: &x 1\n...\n---\nb: 2\n", Messages([{"a": 1}, {"b": 2}])),
        ("%YAML 1.1\n---\n[1]\n", [1]),
    ],
)
def test_documents(text: str, value: JsonValue | Messages) -> None:
    parsed = parse_yaml(text.encode())
    assert parsed == value
    assert type(parsed) is type(value)


LAUGHS = "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGED_LAUGHS = "".join(
    f"{name}: &{name} {{<<: [{','.join([f'*{before}'] * 9)}]}}\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: !!python/object/apply:os.system [id]", "line 1, column 4.*python/object"),
        ("!!python/name:os.system ''", "tag"),
        ("!own 5", "tag"),
        ("!!map [1]", "tag"),
        ("!!seq {a: 1}", "tag"),
        ("!!int x", "no int"),
        ("!!int 'true'", "no int"),
        ("!!bool 1", "no bool"),
        ("!!float x", "no float"),
        ("!!omap [1]", "omap"),
        ("a: [1", "line"),
        ("a: 1\n\tb: 2", "line 2, column 1.*tab"),
        ("a: b: c", "column 5"),
        ("a: \x01", "at character 3"),
        ("? [a]\n: 1", "as a key"),
        ("? {a: 1}\n: 1", "as a key"),
        ("a: &x [1]\n*x : 2", "as a key"),
        ("a: *b", "without its anchor"),
        ("a: &x 1\n---\nb: *x", "without its anchor"),
        ("&a [*a]", "inside its own anchor"),
        ("&a {b: *a}", "inside its own anchor"),
        ("<<: 1", "without a mapping"),
        ("<<: [1]", "without a mapping"),
        ("a: " + "9" * 301, "301 digits"),
        ("a: 0x" + "f" * 10_000, "10,000 digits"),
        ("a: &a [x, x]\n" + LAUGHS, "too large"),
        ("a: &a {x: 1}\n" + MERGED_LAUGHS, "too large"),
        (f"- &a {'x' * 10_000}\n" + "- *a\n" * 10_000, "too large"),
        ("- 1\n" * 100_001, "too large"),
        ("[" * 100_000, "too deeply"),
        ("- " * 100_000, "too deeply"),
        ("%TAG !a! b\n" * 200, "TAG"),
    ],
)
def test_refused(text: str, reason: str) -> None:
    with pytest.raises(ParseError, match=reason) as caught:
        parse_yaml(text.encode())
    assert len(str(caught.value)) < 150


@pytest.mark.parametrize("depth", [101, 102])
def test_aliases_add_to_the_depth(depth: int) -> None:
    anchored = f"- &a {'[' * depth}{']' * depth}\n"
    text = anchored + "- " + "[" * 98 + "*a" + "]" * 98
    if depth > 101:
        with pytest.raises(ParseError, match="too deeply"):
            parse_yaml(text.encode())
    else:
        assert isinstance(parse_yaml(text.encode()), list)


@pytest.mark.parametrize("depth", [199, 200, 201])
def test_depth(depth: int) -> None:
    text = ("{a: " * depth + "1" + "}" * depth).encode()
    if depth > 200:
        with pytest.raises(ParseError, match="too deeply"):
            parse_yaml(text)
    else:
        assert isinstance(parse_yaml(text), dict)
