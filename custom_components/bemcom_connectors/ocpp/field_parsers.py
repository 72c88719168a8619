"""Reads single values as charge points write them: numbers as text, text as numbers..."""

from collections.abc import Callable, Mapping
import math
from typing import Any

import orjson

from .fields import ABSENT, Absent, Field, Kind
from .frames import ErrorCode, Refused
from .leniencies import Leniencies
from .timestamps import read_timestamp

# Returns what a value says, ABSENT if that is nothing, and raises Refused if it is wrong.
# The names of the notes and the errors are made once, not for every message.
type Parser = Callable[[Any, Leniencies], object]

MAX_INTEGER = 2**63
# Digits, sign and point of a number that is written as text.
_MAX_DIGITS = 40
# What is longer than allowed is kept, but not all that somebody hostile may send.
_MAX_TEXT = 4096
_UNLIMITED = 2**62
# More than any array of a configuration, a schedule or certificates has.
_MAX_ITEMS = 5000

_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}


def wrong_type(path: str, expected: str) -> Refused:
    """Return the error of a value that is no text, number..."""
    return Refused(ErrorCode.TYPE_CONSTRAINT_VIOLATION, f"{path}: not {expected}")


def _wrong_value(path: str, problem: str) -> Refused:
    return Refused(ErrorCode.PROPERTY_CONSTRAINT_VIOLATION, f"{path}: {problem}")


def _text(path: str, field: Field) -> Parser:
    limit = field.max_length or _UNLIMITED
    kept = max(limit, _MAX_TEXT)
    empty: str | Absent = "" if field.required else ABSENT

    def parse(value: object, notes: Leniencies) -> str | Absent:
        if type(value) is str:
            if len(value) <= limit:
                return value or empty
            notes.note(f"{path}: too long")
            return value[:kept]
        if type(value) is int or type(value) is float:
            notes.note(f"{path}: number instead of text")
            return str(value)
        raise wrong_type(path, "text")

    return parse


def _data(path: str, field: Field) -> Parser:
    limit = field.max_length or _UNLIMITED
    kept = max(limit, _MAX_TEXT)

    def parse(value: object, notes: Leniencies) -> str:
        if not isinstance(value, str):
            if value is None:
                raise wrong_type(path, "text")
            try:
                value = orjson.dumps(value).decode()
            except TypeError as err:
                raise wrong_type(path, "text") from err
            notes.note(f"{path}: not text")
        if len(value) > limit:
            notes.note(f"{path}: too long")
        return value[:kept]

    return parse


def _word(path: str, field: Field) -> Parser:
    words = {member.value: member for member in field.values or ()}
    folded = {value.casefold(): member for value, member in words.items()}
    other, empty = field.other, field.empty
    longest = 2 * max(len(value) for value in words)

    def parse(value: object, notes: Leniencies) -> object:
        if type(value) is str:
            if (member := words.get(value)) is not None:
                return member
            # Blanks around it do not count, unless there are a great many.
            key = value.strip().casefold() if len(value) <= longest else value
            if (member := folded.get(key)) is not None:
                notes.note(f"{path}: not spelled so")
                return member
        elif value is None and empty is not None:
            key = ""
        elif other is None or type(value) not in {int, float}:
            raise wrong_type(path, "text")
        else:
            key = "?"
        if not key and (empty is not None or not field.required):
            notes.note(f"{path}: empty")
            return ABSENT if empty is None else empty
        if other is None:
            raise _wrong_value(path, "unknown word")
        notes.note(f"{path}: unknown word")
        return other

    return parse


def _number(value: object) -> int | float | None:
    """Return a number, also one that is written as text; None if it is none."""
    if type(value) is str:
        return _written_number(value)
    if type(value) is float:
        return value if math.isfinite(value) else None
    return value if type(value) is int else None


def _written_number(text: str) -> int | float | None:
    if len(text) > _MAX_DIGITS or "_" in text:
        return None
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _integer(path: str, _field: Field) -> Parser:
    def parse(value: object, notes: Leniencies) -> int:
        if type(value) is not int:
            number = _number(value)
            if number is None or number != int(number):
                raise wrong_type(path, "a whole number")
            notes.note(f"{path}: not written as a whole number")
            value = int(number)
        if not -MAX_INTEGER <= value < MAX_INTEGER:
            raise _wrong_value(path, "out of range")
        return value

    return parse


def _register(path: str, _field: Field) -> Parser:
    def parse(value: object, notes: Leniencies) -> int | float:
        if type(value) is not int:
            if (number := _number(value)) is None:
                raise wrong_type(path, "a number")
            notes.note(f"{path}: not written as a whole number")
            value = int(number) if number == int(number) else number
        if not -MAX_INTEGER <= value < MAX_INTEGER:
            raise _wrong_value(path, "out of range")
        return value

    return parse


def _decimal(path: str, _field: Field) -> Parser:
    def parse(value: object, notes: Leniencies) -> int | float:
        if (number := _number(value)) is None:
            raise wrong_type(path, "a number")
        if type(value) is str:
            notes.note(f"{path}: text instead of a number")
        if not -MAX_INTEGER <= number < MAX_INTEGER:
            raise _wrong_value(path, "out of range")
        return number

    return parse


def _boolean(path: str, _field: Field) -> Parser:
    def parse(value: object, notes: Leniencies) -> bool:
        if type(value) is bool:
            return value
        if type(value) in {int, str}:
            found = _BOOLEANS.get(str(value)[:_MAX_DIGITS].strip().casefold())
            if found is not None:
                notes.note(f"{path}: not true or false")
                return found
        raise wrong_type(path, "true or false")

    return parse


def _timestamp(path: str, _field: Field) -> Parser:
    def parse(value: object, notes: Leniencies) -> float | Absent:
        if (seconds := read_timestamp(value)) is not None:
            if type(value) is not str:
                notes.note(f"{path}: number instead of text")
            return seconds
        if type(value) in {str, int, float}:
            # Clocks that were never set send anything; the message counts all the same.
            notes.note(f"{path}: no point in time")
            return ABSENT
        raise wrong_type(path, "text")

    return parse


def items(path: str, value: object, notes: Leniencies, single: type) -> list[Any]:
    """Return what is in an array, which a `single` one may stand for."""
    if isinstance(value, single):
        notes.note(f"{path}: not an array")
        return [value]
    if not isinstance(value, list):
        raise wrong_type(path, "an array")
    if len(value) > _MAX_ITEMS:
        notes.note(f"{path}: too many")
        return value[:_MAX_ITEMS]
    return value


def _texts(path: str, field: Field) -> Parser:
    parse_one = _text(path, field)

    def parse(value: object, notes: Leniencies) -> list[object]:
        result: list[object] = []
        for each in items(path, value, notes, str):
            try:
                read = parse_one(each, notes)
            except Refused as refused:
                notes.note(refused.description)
            else:
                if read is not ABSENT:
                    result.append(read)
        return result

    return parse


def _raw(path: str, _field: Field) -> Parser:
    def parse(value: object, _notes: Leniencies) -> object:
        if value is None:
            raise wrong_type(path, "an array")
        return value

    return parse


PARSERS: Mapping[Kind, Callable[[str, Field], Parser]] = {
    Kind.TEXT: _text,
    Kind.DATA: _data,
    Kind.WORD: _word,
    Kind.INTEGER: _integer,
    Kind.REGISTER: _register,
    Kind.DECIMAL: _decimal,
    Kind.BOOLEAN: _boolean,
    Kind.TIMESTAMP: _timestamp,
    Kind.TEXTS: _texts,
    Kind.RAW: _raw,
}
