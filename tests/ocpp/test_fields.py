"""Single fields: what the tables of the actions leave open."""

from collections.abc import Callable
from enum import StrEnum
import timeit
from typing import Any

import pytest

from custom_components.bemcom_connectors.ocpp.actions import read_request
from custom_components.bemcom_connectors.ocpp.field_checks import check_fields
from custom_components.bemcom_connectors.ocpp.field_reader import FieldReader
from custom_components.bemcom_connectors.ocpp.fields import (
    ABSENT,
    Field,
    Kind,
    group,
    integer,
    text,
    timestamp,
    word,
)
from custom_components.bemcom_connectors.ocpp.frames import Refused, read_frame
from custom_components.bemcom_connectors.ocpp.leniencies import Leniencies


class Colour(StrEnum):
    """Words to choose from."""

    RED = "Red"
    GREEN = "Green"


def read(field: Field, payload: Any) -> dict[str, Any]:
    """Return what an object with one field is read as."""
    return FieldReader("A", (field,)).read(payload, Leniencies())


def test_words_are_read_as_members() -> None:
    assert read(word("a", Colour), {"a": "Red"})["a"] is Colour.RED


@pytest.mark.parametrize(
    ("value", "expected"), [(True, True), ("FALSE", False), (1, True)]
)
def test_truth(value: object, expected: bool) -> None:
    assert read(Field(name="a", kind=Kind.BOOLEAN), {"a": value}) == {"a": expected}


@pytest.mark.parametrize("value", ["x", 2, 1.0, {}, "true" * 100])
def test_what_is_neither_true_nor_false(value: object) -> None:
    field = Field(name="a", kind=Kind.BOOLEAN, required=True)
    with pytest.raises(Refused, match=r"A\.a: not true or false"):
        read(field, {"a": value})


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (text("a"), {}),
        (text("a", required=True), None),
        (integer("a", required=True, fallback=7), {"a": 7}),
        (timestamp("a", required=True, fallback=ABSENT), {}),
        (group("a", text("b")), {}),
        (group("a", text("b"), required=True), None),
    ],
)
@pytest.mark.parametrize("payload", [{}, {"a": None}, {"a": []}])
def test_what_stands_for_what_is_not_there(
    field: Field, expected: dict[str, Any] | None, payload: dict[str, Any]
) -> None:
    if expected is None:
        assert field.refuses
        with pytest.raises(Refused, match=r"A\.a"):
            read(field, payload)
    else:
        assert not field.refuses
        assert read(field, payload) == expected


def test_the_object_around_a_missing_field_is_missing_too() -> None:
    inner = group("b", text("c", required=True), required=True)
    with pytest.raises(Refused, match=r"A\.a\.b\.c: missing"):
        read(group("a", inner, required=True), {"a": {"b": {}}})
    assert read(group("a", inner), {"a": {"b": {}}}) == {}


def test_an_array_that_is_left_as_it_is() -> None:
    field = Field(name="a", kind=Kind.RAW)
    assert read(field, {"a": {"x": [1]}}) == {"a": {"x": [1]}}
    check_fields("A", (field,), {"a": [object()]})
    with pytest.raises(ValueError, match=r"A\.a: must be an array"):
        check_fields("A", (field,), {"a": {}})


def test_truth_that_we_send() -> None:
    field = Field(name="a", kind=Kind.BOOLEAN)
    check_fields("A", (field,), {"a": False})
    with pytest.raises(ValueError, match="must be true or false"):
        check_fields("A", (field,), {"a": 1})


def test_what_we_send_can_be_a_member() -> None:
    check_fields("A", (word("a", Colour),), {"a": Colour.GREEN})


def test_numbers_in_text_are_read_the_plain_way() -> None:
    field = Field(name="a", kind=Kind.DECIMAL, required=True)
    assert read(field, {"a": "1,5"}) == {"a": 1.5}
    assert read(field, {"a": 1.5}) == {"a": 1.5}
    for value in ("nan", "inf", "1e999", "1_0", "", "x", True, float("inf")):
        with pytest.raises(Refused):
            read(field, {"a": value})


def best(call: Callable[[], object]) -> float:
    """Return how long a call takes if nothing comes between, in seconds."""
    return min(timeit.repeat(call, number=2000, repeat=20)) / 2000


def test_reading_is_cheap() -> None:
    """The limits are several times what is measured: the machine may be busy."""
    data = (
        '[2,"19223201","StatusNotification",{"connectorId":1,"errorCode":"NoError",'
        '"status":"Charging","timestamp":"2026-03-10T12:00:00Z","info":"x"}]'
    )
    notes = Leniencies()
    frame: Any = read_frame(data, notes)
    assert best(lambda: read_frame(data, notes)) < 6e-6
    assert best(lambda: read_request(frame.action, frame.payload, notes)) < 12e-6
