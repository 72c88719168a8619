"""What a reply looks like, and what it says."""

from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.bemcom_connectors.connector.framing import create_framer
from custom_components.bemcom_connectors.connector.model import (
    CommandError,
    CommandReason,
    JsonValue,
    OptionsError,
)
from custom_components.bemcom_connectors.connector.replies import (
    DEFAULT_REPLY_TIMEOUT,
    Expectation,
    create_reply_rule,
)

NAMES = ("value", "device_id")
HUB = {"reply_framing": "hub"}


def expect(
    options: dict[str, Any], variables: dict[str, object] | None = None
) -> Expectation:
    """Return what a request waits for."""
    rule = create_reply_rule({**HUB, **options}, NAMES)
    assert rule is not None
    return rule.expect(variables or {"value": 21.5, "device_id": "a7"})


@pytest.mark.parametrize("options", [{}, {"reply_framing": "none"}])
def test_mostly_no_reply_is_waited_for(options: dict[str, Any]) -> None:
    assert create_reply_rule(options) is None


def test_the_first_frame_is_the_reply_unless_it_is_marked() -> None:
    plain = expect({})
    assert plain.timeout == DEFAULT_REPLY_TIMEOUT
    assert plain.create_framer is None
    assert not plain.marked
    assert plain.is_reply(b"anything")
    assert not expect({"reply_error_pattern": "^ERR"}).marked
    assert expect({"reply_prefix": "OK", "reply_timeout": 0.5}).timeout == 0.5


@pytest.mark.parametrize(
    ("options", "replies", "others"),
    [
        ({"reply_prefix": "OK "}, [b"OK 1", b"\nOK 1"], [b"ok 1", b" OK", b"OK"]),
        ({"reply_prefix": "\\x06"}, [b"\x06", b"\x06\xff"], [b"\x15"]),
        ({"reply_prefix": "${device_id}:"}, [b"a7:1"], [b"a8:1", b"${device_id}:"]),
        ({"reply_pattern": "^OK [0-9]+$"}, [b"OK 1", b" OK 12\r\n"], [b"OK", b"OK 1a"]),
        ({"reply_pattern": "^OK ${value}$"}, [b"OK 21.5"], [b"OK 2155", b"OK 21x5"]),
        ({"reply_pattern": "^${value:.2f};"}, [b"21.50;x"], [b"21.5;"]),
        ({"reply_pattern": "\\${2}"}, [b"$$"], [b"$"]),
        (
            {"reply_prefix": "A", "reply_pattern": "B", "reply_error_pattern": "C"},
            [b"A", b"-B", b"-C"],
            [b"-A", b"D"],
        ),
    ],
)
def test_a_mark_tells_it_from_others(
    options: dict[str, Any], replies: list[bytes], others: list[bytes]
) -> None:
    expectation = expect(options)
    assert expectation.marked
    assert [frame for frame in replies if not expectation.is_reply(frame)] == []
    assert [frame for frame in others if expectation.is_reply(frame)] == []


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=40))
def test_a_value_stands_for_itself_in_a_pattern(value: str) -> None:
    expectation = expect({"reply_pattern": "^<${value}>$"}, {"value": value})
    assert expectation.is_reply(f"<{value}>".encode())
    assert not expectation.is_reply(f"<{value}x>".encode())
    marked = expect({"reply_prefix": "<${value}>"}, {"value": value})
    assert marked.is_reply(f"<{value}>".encode())


def test_a_prefix_that_is_empty_marks_nothing() -> None:
    assert not expect({"reply_prefix": "${value}"}, {"value": ""}).marked


@pytest.mark.parametrize(
    ("options", "frame", "value"),
    [
        ({}, b" OK \r", "OK"),
        ({}, b" ", ""),
        ({"reply_type": "int"}, b"0\n", 0),
        ({"reply_type": "int", "reply_from_byte": 3}, b"OK -5", -5),
        ({"reply_type": "float", "reply_from_delimiter": ""}, b"-0.5", -0.5),
        ({"reply_type": "bool"}, b"0", False),
        ({"reply_type": "hex"}, b"OK\r\n", "4f4b0d0a"),
        ({"reply_type": "json"}, b'{"a":[1,null]}', {"a": [1, None]}),
        ({"reply_type": "json"}, b"null", None),
        ({"reply_from_byte": 1.0, "reply_to_byte": "3"}, b"ABCDEF\n", "BC"),
        ({"reply_until_delimiter": "\\r"}, b"OK\r\n", "OK"),
        ({"text_encoding": "latin-1"}, b"\xb0C", "\xb0C"),
        (
            {"reply_framing": "delimiter", "reply_from_byte": 1, "reply_to_byte": 2},
            b"\nABC",
            "B",
        ),
    ],
)
def test_it_is_decoded_by_type_and_slice(
    options: dict[str, Any], frame: bytes, value: JsonValue
) -> None:
    found = expect(options).decode(frame)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("options", "frame", "shown"),
    [
        ({"reply_type": "int"}, b"OK", "'OK' is no integer; the reply is 'OK'"),
        ({"reply_type": "int"}, b"  ", "empty"),
        ({"reply_type": "json"}, b"{", "the reply is '{'"),
        ({"reply_type": "int", "reply_from_byte": 9}, b"OK 1", "only 4 bytes"),
        ({}, b"\xff\xfe", "no utf-8"),
    ],
)
def test_one_of_the_wrong_form_is_an_error(
    options: dict[str, Any], frame: bytes, shown: str
) -> None:
    with pytest.raises(CommandError, match=shown) as caught:
        expect(options).decode(frame)
    assert caught.value.reason is CommandReason.INVALID_REPLY


def test_one_that_says_no_is_a_refusal() -> None:
    expectation = expect({"reply_error_pattern": "^ERR ${value}", "reply_type": "int"})
    assert expectation.decode(b"7") == 7
    with pytest.raises(CommandError, match=r"^ERR 21\.5 too hot$") as caught:
        expectation.decode(b"ERR 21.5 too hot\r\n")
    assert caught.value.reason is CommandReason.REFUSED


def test_a_value_that_no_pattern_takes_is_named() -> None:
    """The pattern would be too long to be searched safely; so is a missing part."""
    for value in ("x" * 2000, {"pin": 1}):
        with pytest.raises(CommandError) as caught:
            expect({"reply_pattern": "${value}"}, {"value": value})
        assert caught.value.reason is CommandReason.INVALID_VALUE


def test_parts_of_the_parameters_of_a_method_are_at_hand() -> None:
    options = {"kind": "method", "reply_pattern": "^${value.pin}="}
    assert expect(options, {"value": {"pin": 3}}).is_reply(b"3=1")


def test_it_may_be_framed_in_its_own_way() -> None:
    expectation = expect({"reply_framing": "fixed_size", "reply_size": 2})
    assert expectation.create_framer is not None
    first, second = expectation.create_framer(), expectation.create_framer()
    assert first.feed(b"OKO") == [b"OK"]
    assert second.feed(b"OK") == [b"OK"]


@pytest.mark.parametrize(
    "options",
    [
        {"reply_framing": "chunk"},
        {"reply_framing": "delimiter", "reply_delimiter": "\\q"},
        {"reply_framing": "fixed_size", "reply_size": 0},
        {"reply_framing": "idle", "reply_pause": 0},
        {"reply_framing": "length_prefix", "reply_prefix_size": 3},
        {"reply_prefix": "${nothing}"},
        {"reply_prefix": "\\q"},
        {"reply_pattern": "("},
        {"reply_pattern": "(a+)+$"},
        {"reply_pattern": "${nothing}"},
        {"reply_error_pattern": "(.*)*"},
        {"reply_timeout": 0},
        {"reply_timeout": 1e9},
        {"reply_timeout": "soon"},
        {"reply_type": "date"},
        {"reply_from_byte": "x"},
        {"reply_to_byte": 1.5},
        {"reply_from_delimiter": "\\q"},
        {"reply_until_delimiter": 5},
        {"reply_until_delimiter": "\ud800"},
        {"text_encoding": "klingon"},
    ],
)
def test_options_that_cannot_work_are_named(options: dict[str, Any]) -> None:
    """The option at fault is the last one."""
    with pytest.raises(OptionsError) as caught:
        expect(options)
    assert caught.value.option == list(options)[-1]


@pytest.mark.parametrize(
    ("framing", "options", "wrapped"),
    [
        ("line", {}, b"abc\n"),
        ("auto", {}, b"abc\n"),
        ("json", {}, b"abc\n"),
        ("delimiter", {"delimiter": "\\r;"}, b"abc\r;"),
        ("length_prefix", {"byte_order": "little"}, b"\3\0abc"),
        ("fixed_size", {"size": 3}, b"abc"),
        ("idle", {}, b"abc"),
        ("chunk", {}, b"abc"),
    ],
)
def test_what_is_sent_can_be_framed_too(
    framing: str, options: dict[str, Any], wrapped: bytes
) -> None:
    assert create_framer(framing, options).wrap(b"abc") == wrapped


def test_what_is_too_long_for_its_length_is_not_sent() -> None:
    framer = create_framer("length_prefix", {"prefix_size": 1})
    with pytest.raises(CommandError, match="256 bytes are too long") as caught:
        framer.wrap(bytes(256))
    assert caught.value.reason is CommandReason.INVALID_VALUE
