"""Points in time, as charge points write them and as we do."""

from datetime import UTC, datetime

from hypothesis import given, strategies as st
import pytest

from custom_components.bemcom_connectors.ocpp.timestamps import (
    read_timestamp,
    write_timestamp,
)

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC).timestamp()
LATEST = 253402300799

anything = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.text("0123456789-:TZ+., /\x00W\ud800", max_size=40)
    | st.binary()
    | st.lists(st.integers())
)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-10T12:00:00Z",
        "2026-03-10T12:00:00.000Z",
        "2026-03-10T12:00:00,000000000Z",
        "2026-03-10T13:00:00+01:00",
        "2026-03-10T13:00:00+0100",
        "2026-03-10T13:00:00 +01:00",
        "2026-03-10T06:30:00-05:30",
        "2026-03-10T6:30:00-5:30",
        "2026-03-10T12:00:00",
        "2026-03-10 12:00:00",
        "2026-03-10t12:00:00z",
        " 2026-03-10T12:00:00Z\x00",
        "2026-3-10T12:0:0Z",
        "2026/03/10 12:00:00 UTC",
        "2026-03-10T12:00:00:000Z",
        "2026-03-10T12:00Z",
        "20260310T120000Z",
        "2026-03-10T11:59:60Z",
        "1773144000",
        "1773144000000",
    ],
)
def test_each_way_to_write_noon(text: str) -> None:
    assert read_timestamp(text) == NOON


@pytest.mark.parametrize("value", [1773144000, 1773144000.0, 1773144000000])
def test_noon_as_a_number(value: float) -> None:
    assert read_timestamp(value) == NOON


def test_the_end_of_a_day_is_the_start_of_the_next() -> None:
    assert read_timestamp("2026-03-10T24:00:00Z") == NOON + 12 * 3600
    assert read_timestamp("2026/3/10 24:00:00") == NOON + 12 * 3600


def test_fractions_are_kept() -> None:
    assert read_timestamp("2026-03-10T12:00:00.25Z") == NOON + 0.25
    assert read_timestamp("2026-03-10T12:00:00:25Z") == NOON + 0.25


def test_a_clock_that_was_never_set() -> None:
    assert read_timestamp("1970-01-01T00:00:12Z") == 12
    assert read_timestamp("0001-01-01T00:00:00Z") is None


@pytest.mark.parametrize(
    "value",
    [
        "",
        "yesterday",
        "9999-12-31T23:59:59-14:00",
        "9999-12-31T24:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "2026-02-30T00:00:00Z",
        "2026/02/30 00:00:00",
        "2026-03-10T25:00:00Z",
        "2026-03-10T12:60:00Z",
        "2026-03-10T12:00:61Z",
        "T12:00:00Z",
        "2026-03-10T12:00:00Z and more " + "x" * 64,
        -1,
        10**400,
        float("nan"),
        float("inf"),
        True,
        None,
        {},
        [],
    ],
)
def test_what_is_no_point_in_time(value: object) -> None:
    assert read_timestamp(value) is None


@given(anything)
def test_whatever_comes_is_read_or_not(value: object) -> None:
    seconds = read_timestamp(value)
    assert seconds is None or 0 <= seconds <= LATEST


@given(st.integers(0, LATEST))
def test_what_is_written_is_read_again(seconds: int) -> None:
    text = write_timestamp(seconds)
    assert read_timestamp(text) == seconds
    assert text == f"{datetime.fromtimestamp(seconds, UTC):%FT%T}Z".rjust(20, "0")


def test_whole_seconds_are_written() -> None:
    assert write_timestamp(NOON + 0.999) == "2026-03-10T12:00:00Z"


def test_what_no_date_can_be_is_written_as_the_nearest() -> None:
    assert write_timestamp(-1) == "1970-01-01T00:00:00Z"
    assert write_timestamp(1e300) == "9999-12-31T23:59:59Z"
