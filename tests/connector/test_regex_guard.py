"""Patterns that are safe to search, and those that no device may be given power over."""

import random
import re
import time

from hypothesis import given, strategies as st
import pytest

from custom_components.bemcom_connectors.connector.model import OptionsError
from custom_components.bemcom_connectors.connector.regex_guard import (
    MAX_INPUT,
    compile_pattern,
)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        # Exponential, each for a reason of its own.
        (r"(a+)+b", "too slow"),
        (r"(a*)*b", "can be empty"),
        (r"(a|a)*b", "too slow"),
        (r"(a|aa)+b", "too slow"),
        (r"(a|\wb?)*c", "too slow"),
        (r"(?:a?){40}a{40}", "too slow"),
        (r"(.*a){20}", "too slow"),
        ("(?:" * 5 + "a?" + "){60}" * 5, "too slow"),
        (r"(\w+\s?)*$", "too slow"),
        (r"(x+x+)+y", "too slow"),
        (r"(?i:(a+A)+)b", "too slow"),
        (r"((a|b)(c|d)*?c?)+e", "too slow"),
        (r"(?=(a+)+b)", "too slow"),
        (r"(?!(.*),(.*);)x", "too slow"),
        (r"(?>(a+)+b)c", "too slow"),
        (r"(?:(a+)+b)++c", "too slow"),
        (r"(?:\u20ac+[\u20ab-\u20ad])+b", "too slow"),
        (r"(?a:(?:\D*\u0661)+)b", "too slow"),
        # Polynomial, but of too high a degree.
        (r"(.*),(.*),(.*),(.*),(.*);", "too slow"),
        (r"\s*\s*\s*\s*x", "too slow"),
        # What cannot be told.
        (r"(a)?(?(1)b|c)", "cannot be checked"),
        (r"(a)(?:\1)*b", "can be empty"),
        ("x" * 2000, "longer than"),
        ("(" * 499 + "a" + ")" * 499, "nested"),
        ("(?:" * 8 + "a" + "b)+" * 8, "nested"),
        ("x{99999999999999}", "too large"),
        ("(", "not valid"),
        ("[a", "not valid"),
    ],
)
def test_refused(pattern: str, reason: str) -> None:
    with pytest.raises(OptionsError, match=reason) as caught:
        compile_pattern(pattern)
    assert caught.value.option == "pattern"


@pytest.mark.parametrize(
    "pattern",
    [
        r"T=(?P<t>[\d.]+)",
        r"T=(?P<t>[\d.]+);H=(?P<h>[\d.]+);P=(?P<p>\d+)",
        r"T=(?P<t>[\d.]+).*H=(?P<h>[\d.]+)",
        r"(?P<t>-?\d+(?:\.\d+)?)\s*C",
        r"^\s*(?P<k>\w+)\s*[:=]\s*(?P<v>\S+)\s*$",
        r"(?:[^,]*,){3}(?P<v>[^,]*)",
        r"(?i)temp(?:erature)?[ :=]+(?P<t>[-+]?\d+(?:[.,]\d+)?) *°?(?P<u>[CF])",
        r"1-0:1\.8\.0\*255\((?P<v>\d+\.\d+)\*kWh\)",
        r"(?P<a>.*)",
        r"(?P<a>.+),(?P<b>.+)",
        r"(?<=T=)(?P<t>\d+)",
        r"\b(?P<v>\d+)\b",
        r'"(?P<s>(?:[^"\\]|\\.)*)"',
        r"(?P<v>\S+)\s+(?P<w>\S+)\s+(?P<x>\S+)",
        r"(?P<a>a++)b",
        r"(?>(?P<a>a|b)+)c",
        r"(?P<a>x)\Z|$",
        r"(?!)|(?P<a>x+)",
        r"^T=(?P<t>[0-9]+).*x",
        # Alarming, but no search of them takes long.
        r"(?P<a>a|\w)*b",
        r"(?>(?P<a>a+)+)b",
    ],
)
def test_a_whole_line_may_be_searched(pattern: str) -> None:
    compiled, limit = compile_pattern(pattern)
    assert compiled.pattern == pattern
    assert limit == MAX_INPUT


def test_less_may_be_searched_the_more_it_costs() -> None:
    limits = [
        compile_pattern(pattern)[1]
        for pattern in (r".*;", r".*,.*;", r".*,.*,.*;", r".*[0-9]+;")
    ]
    assert limits[0] > limits[1] > limits[2] >= 60
    assert limits[3] == limits[1]


def test_a_loop_that_starts_in_one_place_costs_nothing_more() -> None:
    """Digits after `T=` are gone through once in all searches; after `;*T=` they are not."""
    assert compile_pattern(r"T=[0-9]+.*x")[1] == MAX_INPUT
    assert compile_pattern(r".*T=[0-9]+.*x")[1] == compile_pattern(r".*T.*x")[1]
    for pattern in (r"[0-9]+.*x", r"[0-9T]=[0-9]?[0-9]+.*x", r";*T=[0-9]+.*x"):
        assert compile_pattern(pattern)[1] < MAX_INPUT


atoms = st.sampled_from([*"abc", ".", "[ab]", "[^a]", r"\w", "ab", r"[\s\S]", "(?:ab)"])
patterns = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.tuples(
            atoms,
            st.sampled_from(["*", "+", "?", "*?", "+?", "??", "{2,5}", "*+", "{1,80}"]),
        ).map("".join),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{0,3}", "*?"])).map(
            lambda parts: f"(?:{parts[0]}){parts[1]}"
        ),
        st.tuples(inner, inner).map("|".join).map("(?:{})".format),
        st.tuples(st.sampled_from(["(?=", "(?!", "(?>", "("]), inner).map(
            lambda parts: f"{parts[0]}{parts[1]})"
        ),
        st.lists(inner, min_size=2, max_size=4).map("".join),
    ),
    max_leaves=6,
)


@given(
    pattern=st.tuples(patterns, st.sampled_from(["", "!", "$", r"\b!", "[xy]"])).map(
        "".join
    ),
    pieces=st.lists(st.text("aaabc\n", min_size=1, max_size=4), min_size=1, max_size=3),
    seed=st.randoms(use_true_random=False),
)
def test_what_is_accepted_is_quick(
    pattern: str, pieces: list[str], seed: random.Random
) -> None:
    """Repeated pieces with a misfit at the end are what makes a search try everything."""
    try:
        compiled, limit = compile_pattern(pattern)
    except OptionsError:
        return
    share = limit // len(pieces)
    text = "".join((piece * share)[:share] for piece in pieces)[:-1] + seed.choice(
        "?a\n"
    )
    start = time.process_time()
    compiled.search(text)
    # A search that gets out of hand does not end at all: the time is generous.
    assert time.process_time() - start < 5


@given(text=st.text(max_size=30))
def test_any_text_as_a_pattern(text: str) -> None:
    """It is refused, or it is what `re` makes of it."""
    try:
        compiled, limit = compile_pattern(text)
    except OptionsError:
        return
    assert compiled == re.compile(text)
    assert 100 <= limit <= MAX_INPUT
