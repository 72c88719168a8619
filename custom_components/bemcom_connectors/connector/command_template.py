"""The template of a command: text with escapes and `${placeholders}`."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
import json
import math
import re

from .encoding import EncodingError, encode_parts, parse_hex
from .escapes import EscapeError, unescape
from .model import OptionsError
from .transport import MAX_UNSENT

MAX_TEMPLATE = 4096

# What `$${` stands for, so that `$${x}` is the text ${x}.
_ESCAPED = "$${"
_TOKEN = re.compile(
    r"\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|.|$)|\$\$\{|\$\{(?P<name>[^{}]*)\}|\$\{",
    re.DOTALL,
)
# Python's own, without what depends on the machine, and bounded: width and precision are
# how much is sent.
_SPECIFICATION = re.compile(
    r"(?:[^{}]?[<>=^])?[-+ ]?z?#?0?[0-9]{0,3}[,_]?(?:\.[0-9]{1,2})?[bdeEfFgGosxX%]?"
)
_JSON = "json"
# What a specification is tried with where any value may come.
_SAMPLES = (1, 1.5, "a")

# A float has no more digits than that which mean something; the rest is binary dust.
_DIGITS = Context(prec=15)
# Python writes no larger integers.
_MAX_BITS = 4096


@dataclass(frozen=True, slots=True)
class _Placeholder:
    """What stands for a value: a variable, the way into it, and how it is written."""

    written: str
    name: str
    path: tuple[str, ...]
    specification: str

    def render(self, variables: Mapping[str, object]) -> str:
        """Return the text of the value; raises EncodingError if it has none."""
        value = variables[self.name]
        for step in self.path:
            value = _part_of(value, step, self.written)
        return self.text_of(value)

    def text_of(self, value: object) -> str:
        """Return the text of a value, as it is asked for."""
        if self.specification == _JSON:
            return _json_of(value)
        if self.specification:
            return _formatted(value, self.specification)
        if isinstance(value, dict | list):
            name = self.written[2:-1]
            raise EncodingError(
                f"{shown(value)} is no single value; write ${{{name}:json}} for JSON, or "
                f"${{{name}.x}} for its part x"
            )
        return plain_text(value)


class CommandTemplate:
    """A text of which parts are filled in for each command.

    Escapes are resolved in the template itself. What a value brings in is not looked at again.
    """

    def __init__(
        self, option: str, text: str, names: Collection[str], parted: Collection[str]
    ) -> None:
        """Take a template that has no variables but `names`; `parted` may be objects.

        Raises OptionsError for `option`.
        """
        if len(text) > MAX_TEMPLATE:
            raise OptionsError(
                option, f"It has more than {MAX_TEMPLATE} characters, which is too long"
            )
        self._option = option
        self._names = sorted(names, key=len, reverse=True)
        self._shown_names = ", ".join(f"${{{name:.40}}}" for name in names)
        self._parted = parted
        self._parts: list[str | bytes | _Placeholder] = []
        end = 0
        for match in _TOKEN.finditer(text):
            self._parts += [text[end : match.start()], self._part(match)]
            end = match.end()
        self._parts.append(text[end:])

    def render(
        self,
        variables: Mapping[str, object],
        encoding: str = "utf-8",
        limit: int = MAX_UNSENT,
    ) -> bytes:
        """Return the bytes for some values; raises EncodingError if there are none."""
        parts = (
            part.render(variables) if isinstance(part, _Placeholder) else part
            for part in self._parts
        )
        return encode_parts(parts, encoding, limit)

    def render_hex(self, variables: Mapping[str, object]) -> bytes:
        """Return the bytes that the text stands for, being hexadecimal."""
        # A byte has two digits, perhaps 0x before it, and something after it.
        text = self.render(variables, limit=6 * MAX_UNSENT)
        return parse_hex(text.decode(errors="replace"))

    def check_text(self, encoding: str) -> None:
        """Raise OptionsError where its own text cannot be written in an encoding."""
        self._with("", encoding)

    def check_hex(self) -> None:
        """Raise OptionsError where its own text is not hexadecimal."""
        data = self._with("00", "utf-8")
        try:
            parse_hex(data.decode(errors="replace"))
        except EncodingError as err:
            raise OptionsError(self._option, str(err)) from err

    def _with(self, sample: str, encoding: str) -> bytes:
        """Return what it is with a text in the places of all values."""
        parts = (it if isinstance(it, str | bytes) else sample for it in self._parts)
        try:
            return encode_parts(parts, encoding)
        except EncodingError as err:
            raise OptionsError(self._option, str(err)) from err

    def _part(self, match: re.Match[str]) -> str | bytes | _Placeholder:
        """Return what a token stands for; raises OptionsError if nothing."""
        token = match[0]
        if token == _ESCAPED:
            return "${"
        if token == "${":  # noqa: S105 - no password
            raise OptionsError(
                self._option,
                "A ${ has no } after it; write $${ for the text ${ itself",
            )
        if token.startswith("${"):
            return self._placeholder(token, match["name"])
        try:
            data = unescape(token)
        except EscapeError as err:
            raise OptionsError(self._option, str(err)) from err
        # A byte is sent as it is, a character in the device's encoding.
        return data if token.startswith("\\x") else data.decode()

    def _placeholder(self, written: str, asked: str) -> _Placeholder:
        """Return a placeholder by what is asked for, such as value.pin:04X."""
        for name in self._names:
            rest = asked.removeprefix(name)
            if len(rest) == len(asked) or (rest and rest[0] not in ".:"):
                continue
            way, _, specification = rest.partition(":")
            if way and name not in self._parted:
                raise OptionsError(
                    self._option, f"{written:.60}: {name:.40} has no parts"
                )
            found = _Placeholder(
                written, name, tuple(way.split(".")[1:]), specification
            )
            self._check_specification(found)
            return found
        raise OptionsError(
            self._option,
            f"{written:.60} is unknown; take one of {self._shown_names}, or write "
            f"${written:.60} for the text itself",
        )

    def _check_specification(self, placeholder: _Placeholder) -> None:
        """Raise OptionsError for one that suits no value."""
        specification = placeholder.specification
        if specification in ("", _JSON):
            return
        if not _SPECIFICATION.fullmatch(specification) or not any(
            _suits(specification, sample) for sample in _SAMPLES
        ):
            raise OptionsError(
                self._option,
                f"{placeholder.written:.60}: {specification!r:.40} is no format; write "
                ".1f for one decimal, 04X for four hexadecimal digits, or json",
            )


def plain_text(value: object) -> str:
    """Return Python's text of a value, but a float without exponent and binary dust.

    Devices do not read 1e-07. Raises EncodingError for what has no text.
    """
    if isinstance(value, float):
        if not math.isfinite(value):
            raise EncodingError(f"{value} is no number that can be sent")
        return _plain_float(value)
    if isinstance(value, int) and value.bit_length() > _MAX_BITS:
        raise EncodingError("The number is too large")
    return str(value)


def _plain_float(value: float) -> str:
    exact = Decimal(repr(value))
    if len(exact.as_tuple().digits) > _DIGITS.prec:
        exact = _DIGITS.normalize(exact)
    text = f"{exact:f}"
    return text.removeprefix("-") if value == 0 else text


def _part_of(value: object, step: str, written: str) -> object:
    """Return the part of an object, or the element of a list, that a step leads to."""
    if isinstance(value, dict) and step in value:
        return value[step]
    if isinstance(value, list) and step.isdecimal() and int(step[:9]) < len(value):
        return value[int(step[:9])]
    raise EncodingError(
        f"{shown(value)} has no {step!r:.40}, which {written:.60} asks for"
    )


def _json_of(value: object) -> str:
    try:
        return json.dumps(
            value, ensure_ascii=False, allow_nan=False, separators=(",", ":")
        )
    except (ValueError, TypeError, RecursionError) as err:
        raise EncodingError(f"{shown(value)} is no JSON: {err!s:.60}") from err


def _formatted(value: object, specification: str) -> str:
    try:
        return format(value, specification)
    except ValueError, TypeError, OverflowError:
        raise EncodingError(
            f"{shown(value)} cannot be written as {specification!r}"
        ) from None


def _suits(specification: str, sample: object) -> bool:
    try:
        _formatted(sample, specification)
    except EncodingError:
        return False
    return True


def shown(value: object) -> str:
    """Return a value as it is quoted in an error."""
    try:
        return f"{value!r:.60}"
    except ValueError, RecursionError:  # too many digits, or too deep
        return "The value"
