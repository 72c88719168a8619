"""What the messages of OCPP are made of."""

from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from typing import Final


class Kind(Enum):
    """What a field holds, and what it is read as."""

    TEXT = auto()
    # Text; anything else is kept as the JSON it came as.
    DATA = auto()
    # One of `values`, and read as that member.
    WORD = auto()
    INTEGER = auto()
    # An integer by the book, but some meters send fractions, which are kept.
    REGISTER = auto()
    # A number with one decimal.
    DECIMAL = auto()
    BOOLEAN = auto()
    # Read as seconds since the epoch.
    TIMESTAMP = auto()
    # An object of `fields`, and an array of such objects.
    OBJECT = auto()
    OBJECTS = auto()
    # An array of texts.
    TEXTS = auto()
    # An array that is left as it came, for somebody else to read.
    RAW = auto()


class Absent(Enum):
    """What a field is read as that is left out."""

    ABSENT = auto()


ABSENT: Final = Absent.ABSENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a message.

    A message is refused without its required fields, unless they have a `fallback`, which
    stands for what is missing or wrong; ABSENT: it is left out. `minimum` counts only for
    what we send.
    """

    name: str
    kind: Kind = Kind.TEXT
    required: bool = False
    max_length: int | None = None
    minimum: int | None = None
    values: type[StrEnum] | None = None
    fields: tuple[Field, ...] = ()
    fallback: object = None
    # The word that stands for any that nobody knows, and the one for an empty text.
    other: StrEnum | None = None
    empty: StrEnum | None = None

    @property
    def refuses(self) -> bool:
        """Return whether a message is refused that lacks the field."""
        return self.required and self.fallback is None


def text(
    name: str,
    max_length: int | None = None,
    *,
    required: bool = False,
    kind: Kind = Kind.TEXT,
) -> Field:
    """Return a field of text."""
    return Field(name=name, kind=kind, required=required, max_length=max_length)


def word(name: str, values: type[StrEnum], *, required: bool = False) -> Field:
    """Return a field of one of several words."""
    return Field(name=name, kind=Kind.WORD, required=required, values=values)


def integer(
    name: str,
    *,
    required: bool = False,
    minimum: int | None = None,
    fallback: object = None,
) -> Field:
    """Return a field of a whole number."""
    return Field(
        name=name,
        kind=Kind.INTEGER,
        required=required,
        minimum=minimum,
        fallback=fallback,
    )


def timestamp(name: str, *, required: bool = False, fallback: object = None) -> Field:
    """Return a field of a point in time."""
    return Field(name=name, kind=Kind.TIMESTAMP, required=required, fallback=fallback)


def group(
    name: str,
    *fields: Field,
    required: bool = False,
    kind: Kind = Kind.OBJECT,
) -> Field:
    """Return a field of an object, or of an array of objects."""
    return Field(name=name, kind=kind, required=required, fields=fields)
