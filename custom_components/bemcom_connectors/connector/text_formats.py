"""Formats of plain text: numbers, columns, key-value pairs and patterns.

Each `create_..._parser` takes the options of its format, raises OptionsError for those that
cannot work, and returns a function from the text of a frame to its values.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
import csv
import math
import re
import string
from typing import Any

from .escapes import EscapeError, unescape
from .flatten import MAX_VALUES
from .model import JsonValue, Messages, OptionsError, ParseError
from .regex_guard import compile_pattern

# What is stripped off a frame and its values; C programs send a NUL at the end.
WHITE_SPACE = string.whitespace + "\0"

type Options = Mapping[str, Any]
type TextParser = Callable[[str], JsonValue | Messages]

_MAX_DIGITS = 64
_EXCERPT = 40


def excerpt(text: str, position: int = 0) -> str:
    """Return a bounded part of `text` around a position, quoted."""
    start = max(0, position - _EXCERPT // 2)
    return repr(text[start : start + _EXCERPT])[: _EXCERPT + 20]


# Unlike str.splitlines, which would also split at \x1e and other separators.
_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+")


# Values

_INTEGER = re.compile(r"[+-]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(
    r"[+-]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][+-]?[0-9]+)?"
)
_WORDS: dict[str, JsonValue] = {
    "": None,
    "null": None,
    "none": None,
    "true": True,
    "false": False,
}
_NO_NUMBER = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)


def auto_type(text: str) -> JsonValue:
    """Return the number, truth or None that `text` stands for, otherwise itself, stripped.

    An integer with leading zeros such as 007 is an identifier and stays text, and so does
    one of more than 64 digits; NaN and infinity are None, as in JSON.
    """
    text = text.strip(WHITE_SPACE)
    if _INTEGER.fullmatch(text):
        return int(text) if len(text.lstrip("+-")) <= _MAX_DIGITS else text
    if _FLOAT.fullmatch(text):
        return finite(text)
    word = text.lower() if len(text) <= len("infinity") + 1 else text
    if word in _WORDS:
        return _WORDS[word]
    return None if _NO_NUMBER.fullmatch(word) else text


def finite(text: str) -> float | None:
    """Return the float that `text` stands for, None if it is beyond 64 bits."""
    value = float(text)
    return value if math.isfinite(value) else None


# Number

# A hexadecimal number is matched so that its digits are not taken for a decimal one.
_HEX = r"0[xX][0-9a-fA-F]+"
_SIGN = r"(?P<sign>[-+\u2212](?:[ \t]*+)(?=[.,]?[0-9]))?"
_EXPONENT = r"(?P<exponent>[eE][-+]?[0-9]+)?"
_POINT_NUMBER = re.compile(
    rf"{_HEX}|{_SIGN}(?P<number>[0-9]++(?:\.[0-9]*)?|\.[0-9]+){_EXPONENT}"
)
_COMMA_NUMBER = re.compile(
    rf"{_HEX}|{_SIGN}"
    # 1.234,5 and 1.234 have thousands, 21.5 is taken for what it says.
    r"(?P<number>[0-9]{1,3}(?:\.[0-9]{3})++(?:,[0-9]*)?(?![.0-9])"
    rf"|[0-9]++(?:[.,][0-9]*)?|[.,][0-9]+){_EXPONENT}"
)
_NO_NUMBER_WORD = re.compile(r"(?<![a-z])(?:nan|inf|infinity)(?![a-z])", re.IGNORECASE)


def create_number_parser(options: Options) -> TextParser:
    """Return a parser for frames that hold one number, maybe with a unit.

    The first number is taken, but one that stands alone before digits in a name (the 1 in
    `T1: 21.5`). NaN and infinity are None.
    """
    comma = bool(options.get("decimal_comma"))
    pattern = _COMMA_NUMBER if comma else _POINT_NUMBER

    def parse(text: str) -> JsonValue:
        found = None
        for match in pattern.finditer(text):
            if match["number"] is None:
                continue
            found = found or match
            before = text[match.start() - 1 : match.start()]
            if not (before.isalnum() or before == "_"):
                found = match
                break
        if found is not None:
            return {"value": _number(found, comma=comma)}
        if not text.strip(WHITE_SPACE):
            return None
        if _NO_NUMBER_WORD.search(text):
            return {"value": None}
        raise ParseError(f"No number in {excerpt(text)}")

    return parse


def _number(match: re.Match[str], *, comma: bool) -> int | float | None:
    digits = match["number"]
    if comma and "," in digits:
        digits = digits.replace(".", "").replace(",", ".")
    elif comma and re.fullmatch(r"[0-9]{1,3}(?:\.[0-9]{3})+", digits):
        digits = digits.replace(".", "")
    sign = "-" if (match["sign"] or "+")[0] != "+" else ""
    if "." in digits or match["exponent"]:
        return finite(sign + digits + (match["exponent"] or ""))
    if len(digits.lstrip("0")) > _MAX_DIGITS:
        raise ParseError(f"The number has {len(digits):,} digits")
    return int(sign + (digits.lstrip("0") or "0"))


# Columns


def create_delimited_parser(options: Options) -> TextParser:
    """Return a parser for values in columns, separated as in CSV.

    Each line is a message. A column without a name is left out, values beyond the columns
    are called column_5 for the fifth.
    """
    columns = _columns(options.get("columns"))
    separator = _separator(options, "separator") or ","
    split = _row_splitter(separator)

    def parse(text: str) -> JsonValue | Messages:
        messages = Messages()
        values = 0
        for row in split(text.strip("\0")):
            if len(row) < 2 and not any(map(_is_filled, row)):
                continue
            values += len(row)
            if values > MAX_VALUES:
                raise ParseError(f"More than {MAX_VALUES:,} values in one frame")
            message: dict[str, JsonValue] = {}
            for index, field in enumerate(row):
                name = columns[index] if index < len(columns) else f"column_{index + 1}"
                if name:
                    message[name] = auto_type(field)
            messages.append(message)
        if len(messages) > 1:
            return messages
        return messages[0] if messages else None

    return parse


def _columns(given: object) -> list[str]:
    """Return the names of the columns, empty for those to skip."""
    names = given.split(",") if isinstance(given, str) and given.strip() else given
    if not names or isinstance(names, str):
        return []
    if not isinstance(names, list | tuple) or not all(
        isinstance(name, str) for name in names
    ):
        raise OptionsError("columns", "The columns are no list of names")
    columns = [name.strip() for name in names]
    for index, name in enumerate(columns):
        if name and name in columns[:index]:
            raise OptionsError("columns", f"{name!r} is there twice")
        if re.fullmatch(r"column_[1-9][0-9]*", name) and name != f"column_{index + 1}":
            raise OptionsError("columns", f"{name!r} is the name of another column")
    return columns


def _row_splitter(separator: str) -> Callable[[str], Iterable[list[str]]]:
    """Return what splits a text into lines and these into values."""
    if not separator.strip(" "):
        return lambda text: map(str.split, _LINE.findall(text))
    if "\n" in separator or "\r" in separator:
        return lambda text: [text.strip("\r\n").split(separator)]
    if len(separator) > 1 or separator == '"':
        return lambda text: (line.split(separator) for line in _LINE.findall(text))

    def split_csv(text: str) -> Iterator[list[str]]:
        lines = _LINE.findall(text)
        try:
            yield from csv.reader(lines, delimiter=separator, skipinitialspace=True)
        except csv.Error as err:
            raise ParseError(f"The columns cannot be told apart: {err}") from err

    return split_csv


def _separator(options: Options, name: str) -> str:
    """Return an option that may be written with escapes; empty: not given."""
    given = options.get(name) or ""
    if not isinstance(given, str):
        raise OptionsError(name, f"{given!r} is no text")
    try:
        return unescape(given).decode()
    except EscapeError as err:
        raise OptionsError(name, str(err)) from err
    except UnicodeDecodeError:
        raise OptionsError(name, f"{given!r} is no text") from None


# Key-value pairs

type _Splitter = Callable[[str], list[str]]


def create_key_value_parser(options: Options) -> TextParser:
    """Return a parser for pairs such as `a=1;b=2`.

    Without `pair_separator`, each line is split by that of `;`, `&`, `,` and white space
    which gives the most pairs. Without `key_separator` a key ends at the first `=` or `:`.
    What is no pair is left out; of equal keys the last one counts.
    """
    pair_separator = _separator(options, "pair_separator")
    key_separator = _separator(options, "key_separator")
    if pair_separator and pair_separator == key_separator:
        raise OptionsError("key_separator", "The key separator is that of the pairs")
    key_end = re.compile(re.escape(key_separator) or "[=:]")
    splitters = [
        _pair_splitter(separator, key_end.pattern)
        for separator in ([pair_separator] if pair_separator else [";", "&", ",", " "])
    ]

    def parse(text: str) -> JsonValue:
        if not text.strip(WHITE_SPACE):
            return None
        message: dict[str, JsonValue] = {}
        lines = [text] if pair_separator else _LINE.findall(text)
        if len(lines) > MAX_VALUES:
            raise ParseError(f"More than {MAX_VALUES:,} lines in one frame")
        for line in lines:
            message.update(_most_pairs((split(line) for split in splitters), key_end))
            if len(message) > MAX_VALUES:
                raise ParseError(f"More than {MAX_VALUES:,} values in one frame")
        if not message:
            raise ParseError(f"No key with a value in {excerpt(text)}")
        return message

    return parse


def _most_pairs(
    splits: Iterable[list[str]], key_end: re.Pattern[str]
) -> list[tuple[str, JsonValue]]:
    """Return the pairs of the best split; of equals one that leaves nothing over."""
    best: list[tuple[str, JsonValue]] = []
    best_score = (0, False)
    for parts in splits:
        pairs = list(_pairs(parts, key_end))
        score = (len(pairs), len(pairs) == sum(map(_is_filled, parts)))
        if score > best_score:
            best, best_score = pairs, score
    return best


def _pair_splitter(separator: str, key_end: str) -> _Splitter:
    """Return what splits a line by `separator`, but not within a quoted value."""
    quoted = rf'(?<={key_end})"[^"]*+"'
    if separator.isspace() and separator not in "\t\r\n":
        part = re.compile(rf"(?:{quoted}|\S)++")
        # Of a run of white space only the first character may start a match: it would be
        # looked through again from each of the others.
        around_key_end = re.compile(rf"(?P<kept>{quoted})|(?<!\s)\s*+({key_end})\s*+")

        def split_white_space(line: str) -> list[str]:
            line = around_key_end.sub(lambda match: match["kept"] or match[2], line)
            return part.findall(line)

        return split_white_space

    part = re.compile(rf"(?:{quoted}|(?!{re.escape(separator)}).)++", re.DOTALL)

    def split(line: str) -> list[str]:
        return part.findall(line) if '"' in line else line.split(separator)

    return split


def _pairs(
    parts: list[str], key_end: re.Pattern[str]
) -> Iterator[tuple[str, JsonValue]]:
    """Yield key and value of each part that has both."""
    for part in parts:
        if match := key_end.search(part):
            key = _unquoted(part[: match.start()])
            if key:
                yield key, auto_type(_unquoted(part[match.end() :]))


def _is_filled(text: str) -> bool:
    return bool(text.strip(WHITE_SPACE))


def _unquoted(text: str) -> str:
    text = text.strip(WHITE_SPACE)
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1]
    return text


# Patterns


def create_regex_parser(options: Options) -> TextParser:
    """Return a parser that searches a frame for `pattern` and returns its named groups.

    White space around the frame is not searched, a group that took no part is left out.
    """
    given = options.get("pattern")
    if not isinstance(given, str) or not given:
        raise OptionsError("pattern", "There is no pattern")
    pattern, max_input = compile_pattern(given)
    if not pattern.groupindex:
        raise OptionsError(
            "pattern", "The pattern has no named group, such as (?P<power>[0-9.]+)"
        )

    def parse(text: str) -> JsonValue:
        text = text.strip(WHITE_SPACE)
        if not text:
            return None
        if len(text) > max_input:
            raise ParseError(
                f"The frame has {len(text):,} characters, and this pattern cannot "
                f"safely search more than {max_input:,}"
            )
        match = pattern.search(text)
        if match is None:
            raise ParseError(f"The pattern does not match {excerpt(text)}")
        return {
            name: auto_type(value)
            for name, value in match.groupdict().items()
            if value is not None
        }

    return parse
