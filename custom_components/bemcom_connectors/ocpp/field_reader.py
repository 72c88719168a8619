"""Reads what charge points send, leniently: most of them break one rule or another."""

from typing import Any

from ..connector.model import JsonValue
from .field_parsers import PARSERS, Parser, items, wrong_type
from .fields import ABSENT, Field, Kind
from .frames import ErrorCode, Refused
from .leniencies import Leniencies


class FieldReader:
    """Reads the fields of an object; the work that can be done once is done once."""

    def __init__(self, path: str, fields: tuple[Field, ...]) -> None:
        """Take the name that it has in notes and errors, and its fields."""
        self._path = path
        self._fields = {field.name: field for field in fields}
        self._parsers = {field.name: _parser(path, field) for field in fields}
        self._required = frozenset(field.name for field in fields if field.required)
        self._extra = f"{path}: extra field"

    def read(self, payload: JsonValue, notes: Leniencies) -> dict[str, Any]:
        """Return the fields of an object that could be read.

        Raises Refused if it makes no sense without one of those that could not.
        """
        if type(payload) is not dict:
            raise wrong_type(self._path, "an object")
        result: dict[str, Any] = {}
        parsers = self._parsers
        extra = False
        for name, value in payload.items():
            if (parse := parsers.get(name)) is None:
                extra = True
                continue
            try:
                read = parse(value, notes)
            except Refused as refused:
                read = self._instead(self._fields[name], value, refused, notes)
            if read is not ABSENT:
                result[name] = read
        if extra:
            notes.note(self._extra)
        if not self._required <= payload.keys():
            self._add_missing(payload, result, notes)
        return result

    def _instead(
        self, field: Field, value: JsonValue, refused: Refused, notes: Leniencies
    ) -> object:
        """Return what stands for a value that could not be read; or raise."""
        if field.refuses:
            raise self._missing(field) if value is None else refused
        if value is None:
            notes.note(f"{self._path}.{field.name}: null")
        else:
            notes.note(refused.description)
        return field.fallback if field.required else ABSENT

    def _add_missing(
        self, payload: dict[str, JsonValue], result: dict[str, Any], notes: Leniencies
    ) -> None:
        """Put in what stands for required fields that are not there; or raise."""
        for field in self._fields.values():
            if not field.required or field.name in payload:
                continue
            missing = self._missing(field)
            if field.refuses:
                raise missing
            notes.note(missing.description)
            if field.fallback is not ABSENT:
                result[field.name] = field.fallback

    def _missing(self, field: Field) -> Refused:
        return Refused(
            ErrorCode.OCCURENCE_CONSTRAINT_VIOLATION,
            f"{self._path}.{field.name}: missing",
        )


def _parser(path: str, field: Field) -> Parser:
    path = f"{path}.{field.name}"
    match field.kind:
        case Kind.OBJECT:
            return FieldReader(path, field.fields).read
        case Kind.OBJECTS:
            return _objects(path, field)
    return PARSERS[field.kind](path, field)


def _objects(path: str, field: Field) -> Parser:
    read = FieldReader(path, field.fields).read

    def parse(value: JsonValue, notes: Leniencies) -> list[dict[str, Any]]:
        result = []
        for each in items(path, value, notes, dict):
            try:
                result.append(read(each, notes))
            except Refused as refused:
                notes.note(refused.description)
        return result

    return parse
