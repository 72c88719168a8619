"""The template of a command: placeholders, escapes, formats."""

import json
import math
from typing import Any

from hypothesis import example, given, strategies as st
import pytest

from custom_components.bemcom_connectors.connector.command_template import (
    MAX_TEMPLATE,
    CommandTemplate,
    plain_text,
)
from custom_components.bemcom_connectors.connector.encoding import EncodingError
from custom_components.bemcom_connectors.connector.model import OptionsError

NAMES = ("value", "params", "attribute", "a__b", "a", "x:y")


def template(text: str) -> CommandTemplate:
    return CommandTemplate("template", text, NAMES, ("value", "params"))


def render(text: str, encoding: str = "utf-8", **values: Any) -> bytes:
    """Return what a template is with some values; those that are not given are 1."""
    return template(text).render(dict.fromkeys(NAMES, 1) | values, encoding)


@pytest.mark.parametrize(
    ("text", "rendered"),
    [
        ("", b""),
        ("value = ${value}\\n", b"value = 25\n"),
        ("${value}${value}", b"2525"),
        ("$value {value} $ {} }", b"$value {value} $ {} }"),
        # Each escape, and what is none: a byte is sent as it is.
        ("\\r\\t\\0\\\\n\\x02\\xff\\u00b0", b"\r\t\0\\n\x02\xff\xc2\xb0"),
        # The text of a placeholder itself, and a dollar before one
        ("$${value} $${nobody} $${", b"${value} ${nobody} ${"),
        ("$$${value}", b"$${value}"),
        ("\\x24${value}", b"$25"),
        # Names that begin alike, and one with a colon
        ("${a}/${a__b}/${x:y}/${x:y:>2}", b"A/B/C/ C"),
    ],
)
def test_render(text: str, rendered: bytes) -> None:
    values: dict[str, Any] = {"value": 25, "a": "A", "a__b": "B", "x:y": "C"}
    assert render(text, **values) == rendered


@pytest.mark.parametrize(
    ("text", "value", "rendered"),
    [
        ("${value:.1f}", 21.55, "21.6"),
        ("${value:.0f}", 21.5, "22"),
        ("${value:04X}", 255, "00FF"),
        ("${value:04x}", 0, "0000"),
        ("${value:+05d}", 7, "+0007"),
        ("${value:,}", 1234567, "1,234,567"),
        ("${value:*>6}", "ab", "****ab"),
        ("${value:d}", True, "1"),
        ("${value:json}", True, "true"),
        ("${value:json}", None, "null"),
        ("${value:json}", 'ä"', '"ä\\""'),
        ("${params:json}", {"a": [1, 2.5]}, '{"a":[1,2.5]}'),
        ("${value}", True, "True"),
        ("${value}", None, "None"),
        ("${value}", 0, "0"),
        ("${value}", False, "False"),
        ("${value}", "", ""),
        ("${params.pin}", {"pin": 0}, "0"),
        ("${value.a.b:02X}", {"a": {"b": 10}}, "0A"),
        ("${params.1}", ["x", "y"], "y"),
        ("${params.a:json}", {"a": {"b": None}}, '{"b":null}'),
    ],
)
def test_values(text: str, value: object, rendered: str) -> None:
    assert render(text, value=value, params=value).decode() == rendered


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (25, "25"),
        (-0.0, "0.0"),
        (-3.5, "-3.5"),
        (1e-7, "0.0000001"),
        (1.5e20, "150000000000000000000"),
        (0.1 + 0.2, "0.3"),
        (-(0.1 + 0.2), "-0.3"),
        (33.333333333333336, "33.3333333333333"),
        (10**30, "1" + 30 * "0"),
    ],
)
def test_numbers_have_neither_exponent_nor_dust(number: float, text: str) -> None:
    assert plain_text(number) == text


@given(number=st.floats(-1e300, 1e300))
def test_a_float_is_what_it_was(number: float) -> None:
    """In plain digits, to as many of them as mean something."""
    text = plain_text(number)
    assert "e" not in text.lower()
    assert math.isclose(float(text), number, rel_tol=1e-14, abs_tol=1e-320)


@given(
    value=st.text(st.characters(exclude_categories=["Cs"])),
    other=st.text(st.characters(exclude_categories=["Cs"])),
)
@example(value="${a}", other="x")
@example(value="\\n$${value}", other="")
def test_what_a_value_brings_in_is_not_looked_at_again(value: str, other: str) -> None:
    rendered = render("<${value}|${a}>\\n", value=value, a=other)
    assert rendered.decode() == f"<{value}|{other}>\n"


@given(
    value=st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.text(st.characters(exclude_categories=["Cs"])),
        st.lists,
        max_leaves=5,
    )
)
def test_json_is_read_back(value: object) -> None:
    assert json.loads(render("${value:json}", value=value)) == value


@given(text=st.text("${}ab\\vx0n:.value"))
def test_any_template_is_taken_or_refused(text: str) -> None:
    try:
        made = template(text)
    except OptionsError as err:
        assert (err.option, bool(str(err))) == ("template", True)
    else:
        assert isinstance(made.render(dict.fromkeys(NAMES, 1)), bytes)


@pytest.mark.parametrize("piece", ["${", "$", "${a", "${a}", "{{", "\\", "$${"])
@pytest.mark.timeout(5)
def test_a_large_template_takes_little_time(piece: str) -> None:
    text = (piece * MAX_TEMPLATE)[:MAX_TEMPLATE]
    try:
        template(text).render(dict.fromkeys(NAMES, "b"))
    except OptionsError as err:
        assert len(str(err)) < 500


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("${valu}", r"\$\{valu\} is unknown; take one of \$\{value\}, \$\{params\}"),
        ("${valu}", r"or write \$\$\{valu\} for the text"),
        ("${}", "unknown"),
        ("${ value }", "unknown"),
        ("${values}", "unknown"),
        ("${value", r"has no \}"),
        ("${${value}}", r"has no \}"),
        ("${a.pin}", "a has no parts"),
        ("\\q", "is no escape"),
        ("end\\", "is no escape"),
        ("\\ud800", "is no escape"),
        ("\\\ud800", "is no"),
        ("\ud800", "cannot be written in utf-8"),
        ("${value:.1q}", "is no format"),
        ("${value:s.}", "is no format"),
        ("${value:1000000d}", "is no format"),
        ("${value:n}", "is no format"),
        ("${value:=5s}", "is no format"),
        pytest.param("x" * (MAX_TEMPLATE + 1), "too long", id="long"),
    ],
)
def test_what_cannot_work(text: str, reason: str) -> None:
    with pytest.raises(OptionsError, match=reason) as caught:
        template(text).check_text("utf-8")
    assert caught.value.option == "template"


@pytest.mark.parametrize(
    ("text", "value", "reason"),
    [
        ("${value:04X}", 1.5, "1.5 cannot be written as '04X'"),
        ("${value:.1f}", "a", "'a' cannot be written as '.1f'"),
        ("${value:.1f}", None, "None cannot be written"),
        ("${value:.1f}", 10**400, "cannot be written"),
        pytest.param(
            "${value:d}", 10**5000, "The value cannot be written", id="digits"
        ),
        ("${params.pin}", {"led": 1}, "has no 'pin', which"),
        ("${params.pin}", "text", "'text' has no 'pin'"),
        ("${params.2}", [1, 2], "has no '2'"),
        ("${params.x}", [1, 2], "has no 'x'"),
        ("${params}", {"pin": 1}, r"write \$\{params:json\} for JSON"),
        ("${value}", [1], r"\$\{value.x\} for its part"),
        ("${value}", float("nan"), "no number"),
        pytest.param("${value}", 10**5000, "too large", id="large"),
        ("${value:json}", float("inf"), "no JSON"),
        ("${value:json}", object(), "no JSON"),
        ("${value}", "\ud800", "cannot be written in utf-8"),
        pytest.param("${value}" * 9, "x" * 60_000, "too long", id="long"),
    ],
)
def test_what_a_value_cannot_be(text: str, value: object, reason: str) -> None:
    with pytest.raises(EncodingError, match=reason) as caught:
        render(text, value=value, params=value)
    assert len(str(caught.value)) < 300


def test_a_value_too_deep_for_json() -> None:
    value: list[Any] = []
    for _ in range(500_000):
        value = [value]
    with pytest.raises(EncodingError, match="no JSON"):
        render("${value:json}", value=value)
    while value:
        value = value.pop()


def test_the_encoding_is_of_texts_only() -> None:
    """Bytes in the template are sent as they are; UTF-16 has one mark."""
    assert render("°${value}\\xb0\\u00b0", "latin-1", value="ä") == b"\xb0\xe4\xb0\xb0"
    sent = render("a${value}\\x02b", "utf-16", value="c")
    before, _, after = sent.partition(b"\x02")
    assert before == "ac".encode("utf-16")
    assert after == "b".encode("utf-16")[2:]
    with pytest.raises(EncodingError, match="'ä' cannot be written in ascii"):
        render("${value}", "ascii", value="ä")
    with pytest.raises(OptionsError, match="'°' cannot be written in ascii"):
        template("${value}°").check_text("ascii")


def test_hexadecimal() -> None:
    made = template("01 06 00 ${value:04X}")
    made.check_hex()
    values = dict.fromkeys(NAMES, 1)
    assert made.render_hex(values | {"value": 258}) == b"\x01\x06\x00\x01\x02"
    with pytest.raises(EncodingError, match="'-001' is not hexadecimal"):
        made.render_hex(values | {"value": -1})
    with pytest.raises(OptionsError, match="'zz' is not hexadecimal"):
        template("01 zz ${value}").check_hex()
