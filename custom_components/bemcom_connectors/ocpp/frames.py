"""The frames of OCPP-J: calls, results and errors as JSON arrays."""

from collections.abc import Callable, Mapping
from enum import StrEnum
import json
import math
from typing import NamedTuple

import orjson

from ..connector.model import JsonValue
from .leniencies import Leniencies

type MessageId = str | int

_CALL = 2
_RESULT = 3
_FAILURE = 4

_ID_LENGTH = 36
# Longer ids are answered, but with an error: nobody has to carry them around.
_MAX_ID_LENGTH = 255
_MAX_INTEGER = 2**63
# What a CALLERROR may hold (OCPP-J 4.2.3), and what we keep of one.
_DESCRIPTION_LENGTH = 255
_MAX_DESCRIPTION_LENGTH = 1000
_MAX_CODE_LENGTH = 100

_loads = orjson.loads

# Only frames up to so many characters are read leniently, because that takes its time.
_MAX_LENIENT = 256 * 1024


class ErrorCode(StrEnum):
    """Why a call is not answered with a result, spelled as OCPP 1.6 does."""

    NOT_IMPLEMENTED = "NotImplemented"
    NOT_SUPPORTED = "NotSupported"
    INTERNAL_ERROR = "InternalError"
    PROTOCOL_ERROR = "ProtocolError"
    SECURITY_ERROR = "SecurityError"
    FORMATION_VIOLATION = "FormationViolation"
    PROPERTY_CONSTRAINT_VIOLATION = "PropertyConstraintViolation"
    OCCURENCE_CONSTRAINT_VIOLATION = "OccurenceConstraintViolation"
    TYPE_CONSTRAINT_VIOLATION = "TypeConstraintViolation"
    GENERIC_ERROR = "GenericError"


class Refused(Exception):  # noqa: N818 - it is an answer, not an accident
    """A call that is answered with an error; the description says what is wrong."""

    def __init__(self, code: ErrorCode, description: str) -> None:
        super().__init__(f"{code}: {description}")
        self.code = code
        self.description = description


class BrokenFrame(Exception):  # noqa: N818 - what it is about
    """What is no frame of OCPP-J; without a readable id it cannot be answered."""

    def __init__(
        self, message_id: MessageId | None, code: ErrorCode, text: str
    ) -> None:
        super().__init__(text)
        self.id = message_id
        self.code = code
        self.text = text


class Call(NamedTuple):
    """What the other side wants to have done or to tell."""

    id: MessageId
    action: str
    payload: JsonValue


class Result(NamedTuple):
    """The answer to a call."""

    id: MessageId
    payload: JsonValue


class Failure(NamedTuple):
    """The answer to a call that was refused."""

    id: MessageId
    code: str
    description: str
    details: dict[str, JsonValue]


type Frame = Call | Result | Failure


def read_frame(data: str | bytes, notes: Leniencies) -> Frame | None:
    """Return what a frame says; None for a message type that nobody knows.

    Raises BrokenFrame, and nothing else, whatever the bytes.
    """
    try:
        frame = _loads(data)
    except orjson.JSONDecodeError:
        frame = _load_leniently(data, notes)
    if type(frame) is not list or not frame:
        raise _broken(None, "not an array")
    kind = frame[0]
    if kind == _CALL and len(frame) == 4:
        # What nearly all frames are.
        _, id_, action, payload = frame
        if type(id_) is str and 0 < len(id_) <= _ID_LENGTH and type(action) is str:
            return Call(id_, action, payload)
    if type(kind) is str and kind in {"2", "3", "4"}:
        notes.note("message type: text")
        kind = int(kind)
    if type(kind) not in {int, float}:
        raise _broken(None, "no message type")
    reader = _READERS.get(kind)
    return None if reader is None else reader(frame, notes)


def write_call(
    message_id: MessageId, action: str, payload: Mapping[str, object]
) -> str:
    """Return the frame of a call."""
    return orjson.dumps((_CALL, message_id, action, payload)).decode()


def write_result(message_id: MessageId, payload: JsonValue) -> str:
    """Return the frame of an answer."""
    return orjson.dumps((_RESULT, message_id, payload)).decode()


def write_error(
    message_id: MessageId,
    code: ErrorCode,
    description: str = "",
    details: Mapping[str, JsonValue] | None = None,
) -> str:
    """Return the frame of a refusal."""
    description = description[:_DESCRIPTION_LENGTH]
    return orjson.dumps(
        (_FAILURE, message_id, code, description, details or {})
    ).decode()


def _broken(
    message_id: MessageId | None,
    text: str,
    code: ErrorCode = ErrorCode.FORMATION_VIOLATION,
) -> BrokenFrame:
    return BrokenFrame(message_id, code, text)


def _read_id(frame: list[JsonValue], notes: Leniencies) -> MessageId:
    """Return the id of a message, which is text, though some send numbers."""
    value = frame[1] if len(frame) > 1 else None
    if type(value) is int and -_MAX_INTEGER <= value < _MAX_INTEGER:
        notes.note("message id: not text")
        return value
    if not isinstance(value, str):
        raise _broken(None, "no message id")
    if not value:
        notes.note("message id: empty")
    elif len(value) > _ID_LENGTH:
        notes.note("message id: too long")
    return value


def _read_call(frame: list[JsonValue], notes: Leniencies) -> Call:
    message_id = _read_id(frame, notes)
    if isinstance(message_id, str) and len(message_id) > _MAX_ID_LENGTH:
        raise _broken(message_id, "message id too long")
    if len(frame) != 4:
        raise _broken(message_id, "a call has four elements")
    _, _, action, payload = frame
    if not isinstance(action, str):
        raise _broken(message_id, "the action is not text")
    return Call(message_id, action, payload)


def _read_result(frame: list[JsonValue], notes: Leniencies) -> Result:
    message_id = _read_id(frame, notes)
    if len(frame) != 3:
        notes.note("result: not three elements")
    return Result(message_id, frame[2] if len(frame) > 2 else {})


def _read_failure(frame: list[JsonValue], notes: Leniencies) -> Failure:
    message_id = _read_id(frame, notes)
    if len(frame) != 5:
        notes.note("error: not five elements")
    code, description, details = [*frame[2:5], None, None, None][:3]
    return Failure(
        message_id,
        code[:_MAX_CODE_LENGTH] if isinstance(code, str) else "",
        description[:_MAX_DESCRIPTION_LENGTH] if isinstance(description, str) else "",
        details if isinstance(details, dict) else {},
    )


_READERS: Mapping[object, Callable[[list[JsonValue], Leniencies], Frame]] = {
    _CALL: _read_call,
    _RESULT: _read_result,
    _FAILURE: _read_failure,
}


def _load_leniently(data: str | bytes, notes: Leniencies) -> JsonValue:
    """Return what is nearly JSON: with control characters, NaN, halves of characters.

    Whatever comes out can be written as JSON.
    """
    if len(data) > _MAX_LENIENT:
        raise _broken(None, "not JSON")
    raw = data.encode(errors="replace") if isinstance(data, str) else bytes(data)
    text = raw.decode(errors="replace").strip("\ufeff\0 \t\r\n")
    try:
        value: JsonValue = json.loads(
            text,
            strict=False,
            parse_int=_integer,
            parse_float=_finite,
            parse_constant=_nothing,
        )
        # Puts a question mark for each half of a character, which only escapes can have.
        if "\\ud" in text.lower():
            text = json.dumps(value, ensure_ascii=False)
            value = _loads(text.encode(errors="replace"))
        # orjson is the stricter one: what is nested too deep ends here.
        orjson.dumps(value)
    except (ValueError, TypeError, RecursionError) as err:
        raise _broken(None, "not JSON") from err
    notes.note("frame: not quite JSON")
    return value


def _integer(digits: str) -> int | float | None:
    """Return an integer if 64 bits hold it, as orjson does."""
    if len(digits) <= 20 and -_MAX_INTEGER <= (number := int(digits)) < _MAX_INTEGER:
        return number
    return _finite(digits)


def _finite(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


def _nothing(_name: str) -> None:
    """Stand in for NaN and Infinity."""
