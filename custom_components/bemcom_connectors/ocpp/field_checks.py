"""Holds what we send to the letter of OCPP: charge points refuse what is not."""

from collections.abc import Callable, Mapping
from datetime import datetime

from .field_parsers import MAX_INTEGER
from .fields import Field, Kind


def check_fields(path: str, fields: tuple[Field, ...], payload: object) -> None:
    """Raise ValueError that names the field which is missing, wrong or unknown."""
    if not isinstance(payload, Mapping):
        raise ValueError(f"{path}: must be an object")  # noqa: TRY004 - a wrong value
    known = {field.name: field for field in fields}
    for name, value in payload.items():
        if (field := known.get(name)) is None:
            raise ValueError(f"{path}: has no field {name}")
        if problem := _CHECKS[field.kind](f"{path}.{name}", field, value):
            raise ValueError(f"{path}.{name}: {problem}")
    for field in fields:
        if field.required and field.name not in payload:
            raise ValueError(f"{path}.{field.name}: is missing")


def _text(_path: str, field: Field, value: object) -> str:
    if not isinstance(value, str):
        return "must be text"
    if field.max_length is not None and len(value) > field.max_length:
        return f"must not have more than {field.max_length} characters"
    try:
        value.encode()
    except UnicodeEncodeError:
        return "has characters that are none"
    return ""


def _word(_path: str, field: Field, value: object) -> str:
    words = [] if field.values is None else [member.value for member in field.values]
    if isinstance(value, str) and value in words:
        return ""
    return f"must be one of {', '.join(words)}"


def _integer(_path: str, field: Field, value: object) -> str:
    if type(value) is not int or not -MAX_INTEGER <= value < MAX_INTEGER:
        return "must be a whole number"
    if field.minimum is not None and value < field.minimum:
        return f"must not be less than {field.minimum}"
    return ""


def _decimal(_path: str, _field: Field, value: object) -> str:
    if type(value) is not int and type(value) is not float:
        return "must be a number"
    # NaN is not equal to itself, and infinity is larger.
    if not abs(value) < MAX_INTEGER or value != round(value, 1):
        return "must be a number with at most one decimal"
    return ""


def _boolean(_path: str, _field: Field, value: object) -> str:
    return "" if type(value) is bool else "must be true or false"


def _timestamp(_path: str, _field: Field, value: object) -> str:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        return "must be a date and time with its zone, such as 2026-03-10T12:00:00Z"
    return ""


def _object(path: str, field: Field, value: object) -> str:
    check_fields(path, field.fields, value)
    return ""


def _array(path: str, field: Field, value: object) -> str:
    if not isinstance(value, list | tuple):
        return "must be an array"
    for each in value:
        if field.kind is Kind.OBJECTS:
            check_fields(path, field.fields, each)
        elif field.kind is Kind.TEXTS and (problem := _text(path, field, each)):
            return problem
    return ""


_CHECKS: Mapping[Kind, Callable[[str, Field, object], str]] = {
    Kind.TEXT: _text,
    Kind.DATA: _text,
    Kind.WORD: _word,
    Kind.INTEGER: _integer,
    Kind.REGISTER: _integer,
    Kind.DECIMAL: _decimal,
    Kind.BOOLEAN: _boolean,
    Kind.TIMESTAMP: _timestamp,
    Kind.OBJECT: _object,
    Kind.OBJECTS: _array,
    Kind.TEXTS: _array,
    Kind.RAW: _array,
}
