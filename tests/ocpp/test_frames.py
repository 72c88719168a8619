"""The frames of OCPP-J."""

import json
from typing import Any

from hypothesis import given, strategies as st
import orjson
import pytest

from custom_components.bemcom_connectors.ocpp.frames import (
    BrokenFrame,
    Call,
    ErrorCode,
    Failure,
    Refused,
    Result,
    read_frame,
    write_call,
    write_error,
    write_result,
)
from custom_components.bemcom_connectors.ocpp.leniencies import Leniencies

# All that read_frame can note; what charge points send is never in it.
NOTES = {
    "message type: text",
    "message id: not text",
    "message id: empty",
    "message id: too long",
    "result: not three elements",
    "error: not five elements",
    "frame: not quite JSON",
}

texts = st.text(st.characters(exclude_categories=["Cs"]))
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
    max_leaves=8,
)
payloads = st.dictionaries(texts, json_values, max_size=4)
short_ids = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=36)
# Nearly frames: of the right length and types now and then.
frames = st.lists(
    st.sampled_from([2, 3, 4, 2.0, "2", 7, "Heartbeat", "id", None, {}]) | json_values,
    max_size=6,
)


@pytest.fixture
def notes() -> Leniencies:
    return Leniencies()


def broken(data: str | bytes) -> BrokenFrame:
    """Return how a frame is broken."""
    with pytest.raises(BrokenFrame) as caught:
        read_frame(data, Leniencies())
    return caught.value


def test_a_call(notes: Leniencies) -> None:
    assert read_frame('[2,"1","Heartbeat",{}]', notes) == Call("1", "Heartbeat", {})
    assert read_frame(b' [2, "1", "Boot", {"a": [1]}] ', notes) == Call(
        "1", "Boot", {"a": [1]}
    )
    assert not notes.counts


def test_a_result(notes: Leniencies) -> None:
    assert read_frame('[3,"1",{"a":1}]', notes) == Result("1", {"a": 1})
    assert not notes.counts


def test_a_failure(notes: Leniencies) -> None:
    frame = read_frame('[4,"1","NotImplemented","why",{"a":1}]', notes)
    assert frame == Failure("1", "NotImplemented", "why", {"a": 1})
    assert not notes.counts


def test_null_is_left_for_the_reader_of_the_action(notes: Leniencies) -> None:
    assert read_frame('[2,"1","Heartbeat",null]', notes) == Call("1", "Heartbeat", None)


@pytest.mark.parametrize("kind", ["0", "1", "5", "-2", "2.5", "99999999999999999999"])
def test_an_unknown_message_type_is_ignored(kind: str, notes: Leniencies) -> None:
    assert read_frame(f'[{kind},"1","Heartbeat",{{}}]', notes) is None


@pytest.mark.parametrize("kind", ["2.0", '"2"'])
def test_a_message_type_that_is_written_oddly(kind: str, notes: Leniencies) -> None:
    assert read_frame(f'[{kind},"1","A",{{}}]', notes) == Call("1", "A", {})


@pytest.mark.parametrize(
    "data",
    [
        "",
        "hello",
        "{}",
        "[]",
        "2",
        "null",
        '"[2]"',
        "[2",
        '[2,"1","A",{"a":1\x00}]',
        b"\xff\xfe\x00",
        "[true]",
        "[null]",
        "[{}]",
        '["x","1","Heartbeat",{}]',
        "[2]",
        "[3]",
        "[4]",
        "[2,null]",
        "[2,{},[],{}]",
        '[2,["1"],"Heartbeat",{}]',
        '[2,true,"Heartbeat",{}]',
        '[2,1.5,"Heartbeat",{}]',
        f'[2,{"1" * 5000},"Heartbeat",{{}}]',
        "[" * 100_000,
        "[" * 100_000 + "]" * 100_000,
        '[2,"1","A",' + '{"a":' * 5000 + "1" + "}" * 5001 + "]",
        '[2,"1","A",{"a":]',
    ],
)
def test_what_cannot_be_answered(data: str | bytes) -> None:
    assert broken(data).id is None


@pytest.mark.parametrize(
    ("data", "message_id"),
    [
        ('[2,"1"]', "1"),
        ('[2,"1","Heartbeat"]', "1"),
        ('[2,"1","Heartbeat",{},{}]', "1"),
        ('[2,7,"Heartbeat"]', 7),
        ('[2,"1",{},{}]', "1"),
        ('[2,"1",["Heartbeat"],{}]', "1"),
        ('[2,"1",null,{}]', "1"),
        (f'[2,"{"x" * 256}","Heartbeat",{{}}]', "x" * 256),
    ],
)
def test_a_broken_call_with_a_readable_id(data: str, message_id: str | int) -> None:
    error = broken(data)
    assert error.id == message_id
    assert error.code == ErrorCode.FORMATION_VIOLATION
    assert error.text


@pytest.mark.parametrize(
    ("message_id", "note"),
    [
        ("x" * 37, "message id: too long"),
        ("x" * 255, "message id: too long"),
        ("", "message id: empty"),
        (12, "message id: not text"),
        (-(2**63), "message id: not text"),
    ],
)
def test_an_id_that_is_not_as_it_should_be(
    message_id: str | int, note: str, notes: Leniencies
) -> None:
    frame = read_frame(write_call(message_id, "Heartbeat", {}), notes)
    assert frame == Call(message_id, "Heartbeat", {})
    assert notes.counts == {note: 1}
    assert json.loads(write_result(message_id, {})) == [3, message_id, {}]


@pytest.mark.parametrize(
    ("data", "frame"),
    [
        ('[3,"1"]', Result("1", {})),
        ('[3,"1",{},{}]', Result("1", {})),
        ('[3,"1",[]]', Result("1", [])),
        ('[4,"1"]', Failure("1", "", "", {})),
        ('[4,"1","Foo"]', Failure("1", "Foo", "", {})),
        ('[4,"1","Foo","why"]', Failure("1", "Foo", "why", {})),
        ('[4,"1","Foo",null,null]', Failure("1", "Foo", "", {})),
        ('[4,"1",{},[],"x"]', Failure("1", "", "", {})),
        ('[4,"1","Foo","why",{},1]', Failure("1", "Foo", "why", {})),
    ],
)
def test_answers_with_parts_missing(
    data: str, frame: object, notes: Leniencies
) -> None:
    assert read_frame(data, notes) == frame


def test_a_failure_that_says_too_much_is_cut(notes: Leniencies) -> None:
    frame = read_frame(write_frame(4, "1", "c" * 5000, "d" * 5000, {}), notes)
    assert frame == Failure("1", "c" * 100, "d" * 1000, {})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NaN", None),
        ("-Infinity", None),
        ("1e999", None),
        ("1" * 5000, None),
        ("1" * 30, float("1" * 30)),
        ("[9223372036854775807,NaN]", [2**63 - 1, None]),
        ("[-9223372036854775809,NaN]", [-(2.0**63), None]),
        ('"a\tb\x01"', "a\tb\x01"),
        ('"\\ud800"', "?"),
        ('"\\udc00\\ud83d\\ude00"', "?😀"),
        ('"\\uDC00"', "?"),
        ('"\\\\ud800\\ud800"', "\\ud800?"),
    ],
)
def test_nearly_json(text: str, value: Any, notes: Leniencies) -> None:
    data = f'[2,"1","A",{{"a":{text}}}]'
    assert read_frame(data, notes) == Call("1", "A", {"a": value})


def test_a_frame_too_large_to_be_read_leniently(notes: Leniencies) -> None:
    text = "x" * 256 * 1024
    assert broken(f'[2,"1","A",{{"a":"{text}\x01"}}]').id is None
    assert read_frame(f'[2,"1","A",{{"a":"{text}"}}]', notes) == Call(
        "1", "A", {"a": text}
    )


@pytest.mark.parametrize("data", ["\ufeff[3,1,{}]", "[3,1,{}]\x00\x00"])
def test_what_surrounds_a_frame(data: str, notes: Leniencies) -> None:
    assert read_frame(data, notes) == Result(1, {})
    assert read_frame(data.encode(), notes) == Result(1, {})
    assert notes.counts["frame: not quite JSON"] == 2


def test_bytes_that_are_no_text(notes: Leniencies) -> None:
    assert read_frame(b'[2,"1","A",{"a":"\xff"}]', notes) == Call("1", "A", {"a": "�"})
    assert read_frame('[2,"1","A",{"a":"\ud800"}]', notes) == Call("1", "A", {"a": "?"})


def write_frame(*elements: Any) -> str:
    """Return any array as JSON, also what is none by the book."""
    return json.dumps(elements)


def readable_id(frame: list[Any]) -> str | int | None:
    """Return the id that an answer can have."""
    found = frame[1] if len(frame) > 1 else None
    return found if isinstance(found, str | int) and found is not True else None


@given(frames)
def test_whatever_the_elements(frame: list[Any]) -> None:
    notes = Leniencies()
    try:
        read = read_frame(json.dumps(frame), notes)
    except BrokenFrame as error:
        if error.id is not None:
            assert int(frame[0]) == 2
            assert error.id == readable_id(frame)
    else:
        if read is not None:
            assert read.id == readable_id(frame)
            orjson.dumps(list(read))
    assert notes.counts.keys() <= NOTES


@given(
    st.binary()
    | st.text(st.characters())
    | st.text('[]{},:"\\2ud8c0-eNaI\x00 ', max_size=60)
)
def test_whatever_the_bytes(data: bytes | str) -> None:
    notes = Leniencies()
    try:
        orjson.dumps(read_frame(data, notes), default=list)
    except BrokenFrame as error:
        assert error.text
    assert notes.counts.keys() <= NOTES


@given(short_ids, st.binary(max_size=8), st.data())
def test_a_call_with_bytes_changed(
    message_id: str, noise: bytes, data: st.DataObject
) -> None:
    frame = bytearray(
        write_call(message_id, "Heartbeat", {"a": [1, "x", None]}).encode()
    )
    at = data.draw(st.integers(0, len(frame)))
    frame[at : at + len(noise)] = noise
    try:
        orjson.dumps(read_frame(bytes(frame), Leniencies()), default=list)
    except BrokenFrame as error:
        assert error.code in ErrorCode


@given(short_ids, texts, payloads)
def test_what_is_written_is_read_again(
    message_id: str, text: str, payload: dict[str, Any]
) -> None:
    notes = Leniencies()
    assert read_frame(write_call(message_id, text, payload), notes) == Call(
        message_id, text, payload
    )
    assert read_frame(write_result(message_id, payload), notes) == Result(
        message_id, payload
    )
    error = write_error(message_id, ErrorCode.GENERIC_ERROR, text[:255], payload)
    assert read_frame(error, notes) == Failure(
        message_id, "GenericError", text[:255], payload
    )
    assert not notes.counts


def test_an_error_always_has_five_elements() -> None:
    error = write_error("1", ErrorCode.NOT_IMPLEMENTED)
    assert json.loads(error) == [4, "1", "NotImplemented", "", {}]
    long = json.loads(write_error("1", ErrorCode.NOT_IMPLEMENTED, "x" * 300))
    assert long[3] == "x" * 255


def test_the_codes_of_ocpp_1_6() -> None:
    assert {code.value for code in ErrorCode} == {
        "NotImplemented",
        "NotSupported",
        "InternalError",
        "ProtocolError",
        "SecurityError",
        "FormationViolation",
        "PropertyConstraintViolation",
        "OccurenceConstraintViolation",
        "TypeConstraintViolation",
        "GenericError",
    }


def test_a_refusal_says_why() -> None:
    refused = Refused(ErrorCode.SECURITY_ERROR, "not yet")
    assert str(refused) == "SecurityError: not yet"
