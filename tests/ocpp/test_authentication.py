"""Passwords of charge points, and those who guess them."""

import base64

from hypothesis import given, strategies as st
import pytest

from custom_components.bemcom_connectors.ocpp import authentication
from custom_components.bemcom_connectors.ocpp.authentication import (
    Attempts,
    matches,
    parse_basic,
)
from tests.ocpp.client import basic

KEY = bytes(range(0xA0, 0xB4))


@pytest.mark.parametrize(
    ("header", "password"),
    [
        (basic("CP1", "sesame"), b"sesame"),
        (basic("CP1", "a:b:c"), b"a:b:c"),
        (basic("CP1", ""), b""),
        (basic("CP1", KEY), KEY),
        (basic("CP1", "sesame").replace("Basic", "basic "), b"sesame"),
        (basic("CP1", "sesam").rstrip("="), b"sesam"),
    ],
)
def test_password_of_a_header(header: str, password: bytes) -> None:
    assert parse_basic(header, "CP1") == (password,)


def test_ids_may_have_colons() -> None:
    assert parse_basic(basic("AA:BB:CC", "x:y"), "AA:BB:CC") == (b"x:y",)
    assert parse_basic(basic("Säule 1", "x"), "Säule 1") == (b"x",)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic *",
        "Basic \udcff",
        "Bearer Q1AxOng=",
        basic("CP2", "sesame"),
        basic("cp1", "sesame"),
        "Basic " + base64.b64encode(b"CP1").decode(),
        "Basic Q",
    ],
)
def test_no_password_in_a_header(header: str) -> None:
    assert parse_basic(header, "CP1") == ()


@given(st.text(), st.text())
def test_any_header_can_be_read(header: str, charge_point_id: str) -> None:
    try:
        charge_point_id.encode()
    except UnicodeEncodeError:
        return  # no such id gets here
    assert parse_basic(header, charge_point_id) in {(), (b"",)}


@given(st.text(min_size=1).filter(lambda it: ":" not in it), st.binary())
def test_any_password_is_read(charge_point_id: str, password: bytes) -> None:
    try:
        header = basic(charge_point_id, password)
    except UnicodeEncodeError:
        return
    assert parse_basic(header, charge_point_id) == (password,)


@pytest.mark.parametrize(
    ("expected", "sent"),
    [
        ("sesame", b"sesame"),
        ("Süß", "Süß".encode()),
        ("Süß", "Süß".encode("latin-1")),
        ("Żółw", "Żółw".encode()),
        (KEY.hex(), KEY),
        (KEY.hex(), KEY.hex().encode()),
        (KEY.hex().upper(), KEY.hex().encode()),
        (KEY.hex(), KEY.hex().upper().encode()),
        (KEY[:16].hex(), KEY[:16]),
        ("x" * 32, b"x" * 32),
    ],
)
def test_right_passwords(expected: str, sent: bytes) -> None:
    assert matches(expected, (sent,))
    assert matches(expected, (b"another", sent))


@pytest.mark.parametrize(
    ("expected", "sent"),
    [
        ("sesame", (b"Sesame",)),
        ("sesame", (b"sesame ",)),
        ("sesame", ()),
        ("sesame", (b"",)),
        ("", (b"",)),
        ("", (b"sesame",)),
        ("Żółw", (b"????",)),
        ("Żółw1", (b"1",)),
        (KEY[:15].hex(), (KEY[:15],)),
        (KEY.hex(), (KEY[:-1],)),
        (KEY.hex(), (b"",)),
    ],
)
def test_wrong_passwords(expected: str, sent: tuple[bytes, ...]) -> None:
    assert not matches(expected, sent)


@given(st.text(min_size=1, max_size=40), st.binary(max_size=40))
def test_only_the_password_matches(expected: str, sent: bytes) -> None:
    try:
        right = {expected.encode(), expected.encode("latin-1", "replace")}
    except UnicodeEncodeError:
        return
    if matches(expected, (sent,)):
        assert sent in right or sent.hex() == expected.lower()


class Clock:
    """A clock that is set by hand."""

    now = 1000.0

    def __call__(self) -> float:
        """Return what was set."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_attempts_of_one_are_counted_for_a_minute(clock: Clock) -> None:
    attempts = Attempts(3, clock)
    for _ in range(3):
        assert not attempts.barred("10.0.0.1", "CP1")
        attempts.failed("10.0.0.1", "CP1")
    assert attempts.barred("10.0.0.1", "CP1")
    assert not attempts.barred("10.0.0.1", "CP2")
    assert not attempts.barred("10.0.0.2", "CP1")
    clock.now += 59.9
    assert attempts.barred("10.0.0.1", "CP1")
    clock.now += 0.2
    assert not attempts.barred("10.0.0.1", "CP1")
    attempts.failed("10.0.0.1", "CP1")
    assert not attempts.barred("10.0.0.1", "CP1")


def test_who_was_in_is_not_shut_out_by_others(clock: Clock) -> None:
    attempts = Attempts(3, clock)
    attempts.passed("10.0.0.1", "good")
    for number in range(3):
        attempts.failed("10.0.0.1", f"guess {number}")
    assert attempts.barred("10.0.0.1", "CP1")
    assert not attempts.barred("10.0.0.1", "good")
    assert not attempts.barred("10.0.0.2", "CP1")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("", "", True),
    ],
)
def test_addresses_of_one(clock: Clock, one: str, other: str, same: bool) -> None:
    attempts = Attempts(1, clock)
    attempts.failed(one, "CP1")
    assert attempts.barred(other, "CP2") is same


def test_attempts_are_bounded(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authentication, "MAX_KEPT", 10)
    attempts = Attempts(1, clock)
    for number in range(100):
        attempts.failed(f"10.0.0.{number}", "CP1")
        attempts.passed("10.0.0.1", f"CP{number}")
    assert len(attempts._failures) == len(attempts._passed) == 10
    assert attempts.barred("10.0.0.99", "CP1")
