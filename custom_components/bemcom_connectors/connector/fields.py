"""What the formats with a table of fields share: reading the table, and giving the result."""

from collections.abc import Iterator, Mapping
from typing import Any

from .model import JsonValue, OptionsError, ParseError, PartialMessage

MAX_FIELDS = 500
_MAX_KEY = 255
_SHOWN_ERRORS = 3


class Row:
    """One row of a table of fields, as a form or a pasted configuration gives it."""

    def __init__(self, option: str, number: int, given: object) -> None:
        """Take row `number` of the table that `option` holds; it must have a key."""
        self._option = option
        self._name = f"Row {number}"
        if not isinstance(given, Mapping):
            raise self.error("is no set of settings")
        self._given: Mapping[str, Any] = given
        self.key = self.text("key")
        if not self.key.strip():
            raise self.error("has no key")
        if len(self.key) > _MAX_KEY:
            raise self.error(f"has a key of more than {_MAX_KEY} characters")
        self._name += f" ({self.key})"

    def error(self, reason: str) -> OptionsError:
        """Return an error that names the row."""
        return OptionsError(self._option, f"{self._name} {reason}")

    def text(self, name: str) -> str:
        """Return a setting that is a text; empty if it is missing."""
        given = self._given.get(name)
        if given is None:
            return ""
        if not isinstance(given, str):
            raise self.error(f"has {given!r:.60} as {name}, which is no text")
        return given

    def whole(self, name: str) -> int | None:
        """Return a setting that is a whole number, if it is there."""
        given = self._given.get(name)
        try:
            return whole_number(given)
        except ValueError:
            raise self.error(
                f"has {given!r:.60} as {name}, which is no whole number"
            ) from None

    def number(self, name: str) -> str:
        """Return a setting that is a number, as text; empty if it is missing."""
        given = self._given.get(name)
        if given is None or given == "":
            return ""
        if isinstance(given, bool) or not isinstance(given, int | float | str):
            raise self.error(f"has {given!r:.60} as {name}, which is no number")
        return str(given).strip()


def whole_number(given: object) -> int | None:
    """Return the whole number that a form gave, perhaps as 2.0 or text; None if missing.

    Raises ValueError for anything else.
    """
    if given is None or given == "":
        return None
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        raise ValueError  # noqa: TRY004 - one error for all that is no whole number
    if isinstance(given, str):
        given = given.strip().removesuffix(".0")
    try:
        value = int(given)
    except OverflowError:
        raise ValueError from None
    if isinstance(given, float) and value != given:
        raise ValueError
    return value


def read_rows(options: Mapping[str, Any], option: str) -> Iterator[Row]:
    """Yield the rows of a table; raises OptionsError for none, too many, and equal keys."""
    table = options.get(option)
    if not table or not isinstance(table, list | tuple):
        raise OptionsError(option, f"There are no {option}; add one")
    if len(table) > MAX_FIELDS:
        raise OptionsError(option, f"There are more than {MAX_FIELDS} fields")
    keys: set[str] = set()
    for number, given in enumerate(table, 1):
        row = Row(option, number, given)
        if row.key in keys:
            raise row.error("has the key of another row; give each its own")
        keys.add(row.key)
        yield row


def message_of(values: Mapping[str, JsonValue], errors: list[str]) -> JsonValue:
    """Return the fields that could be read; raises ParseError where none could."""
    if not errors:
        return dict(values)
    if values:
        return PartialMessage(values, errors)
    more = len(errors) - _SHOWN_ERRORS
    shown = "; ".join(error[:55] for error in errors[:_SHOWN_ERRORS])
    raise ParseError(shown + (f"; and {more} more" if more > 0 else ""))
