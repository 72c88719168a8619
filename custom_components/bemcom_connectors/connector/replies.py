"""The reply to a request: how it is told from everything else, and read."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
import re
from typing import Any

from .command_options import choice_option, number_option, text_option
from .command_template import CommandTemplate
from .encoding import EncodingError
from .escapes import EscapeError, unescape
from .fields import whole_number
from .framer import Framer
from .framing import create_framer
from .model import CommandError, CommandReason, JsonValue, OptionsError, ParseError
from .regex_guard import compile_pattern
from .slices import SliceType, create_slices_parser
from .text_decoding import ENCODINGS, create_decoder
from .text_formats import WHITE_SPACE, excerpt

DEFAULT_REPLY_TIMEOUT = 2.0
MAX_REPLY_TIMEOUT = 300.0

_MARK = "reply_"
_KEY = "reply"
_LINE_ENDS = b"\r\n"
_SHOWN_REFUSAL = 200

# A placeholder in a pattern; \${ is the text itself.
_PLACEHOLDER = re.compile(r"(?<!\\)\$\{[^{}]*\}")


class ReplyFraming(StrEnum):
    """How the reply is framed: not at all, as everything on the link, or in its own way."""

    NONE = "none"
    HUB = "hub"
    LINE = "line"
    DELIMITER = "delimiter"
    JSON = "json"
    LENGTH_PREFIX = "length_prefix"
    FIXED_SIZE = "fixed_size"
    IDLE = "idle"


type _Search = Callable[[str], bool]
type _Read = Callable[[bytes], JsonValue]
type Variables = Mapping[str, object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Expectation:
    """The reply that one request waits for."""

    timeout: float
    # None: it is framed as everything on the link is.
    create_framer: Callable[[], Framer] | None
    # Whether a prefix or a pattern tells it from a reading.
    marked: bool
    # Of any frame; without a mark every frame is one.
    is_reply: Callable[[bytes], bool]
    # Of a frame that is the reply; raises CommandError, also for a refusal.
    decode: Callable[[bytes], JsonValue]


class ReplyRule:
    """What replies look like; made once, for all requests of an actuator."""

    def __init__(
        self, options: Mapping[str, Any], framing: ReplyFraming, names: Collection[str]
    ) -> None:
        """Take the options; `names` are those of the variables that a request has."""
        self._framing = framing
        self._timeout = _timeout(options)
        encodings = {encoding: encoding for encoding in ENCODINGS}
        self._encoding = choice_option(options, "text_encoding", encodings, "utf-8")
        self._create_framer = _create_framer(options, framing)
        self._read = _create_read(options, self._encoding)
        self._decode_text = create_decoder(self._encoding)
        parted = names if options.get("kind") == "method" else ()
        prefix = text_option(options, "reply_prefix")
        self._prefix = CommandTemplate("reply_prefix", prefix, names, parted)
        self._prefix.check_text(self._encoding)
        self._pattern = _Pattern(options, "reply_pattern", names, parted)
        self._error_pattern = _Pattern(options, "reply_error_pattern", names, parted)

    def expect(self, variables: Variables) -> Expectation:
        """Return what one request waits for; `variables` as in its template.

        Raises CommandError for values that a prefix or a pattern cannot be made with.
        """
        try:
            prefix = self._prefix.render(variables, self._encoding)
            search = self._pattern.create_search(variables)
            refuses = self._error_pattern.create_search(variables)
        except (EncodingError, OptionsError) as err:
            raise CommandError(CommandReason.INVALID_VALUE, str(err)) from err
        marked = bool(prefix) or search is not None

        def is_reply(frame: bytes) -> bool:
            if not marked:
                return True
            if prefix and _begins_with(frame, prefix):
                return True
            text = self._text_of(frame)
            return any(it(text) for it in (search, refuses) if it is not None)

        def decode(frame: bytes) -> JsonValue:
            text = self._text_of(frame)
            if refuses is not None and refuses(text):
                raise CommandError(CommandReason.REFUSED, text[:_SHOWN_REFUSAL])
            return self._decode(frame, text)

        return Expectation(
            timeout=self._timeout,
            create_framer=self._create_framer,
            marked=marked,
            is_reply=is_reply,
            decode=decode,
        )

    def _text_of(self, frame: bytes) -> str:
        """Return a frame as text, without white space around it."""
        return self._decode_text(frame).strip(WHITE_SPACE)

    def _decode(self, frame: bytes, text: str) -> JsonValue:
        """Return what a reply says."""
        # What ended the message before it may be left over at its beginning.
        if self._framing is ReplyFraming.DELIMITER:
            frame = frame.lstrip(_LINE_ENDS)
        try:
            return self._read(frame)
        except ParseError as err:
            reason = str(err).removeprefix(f"{_KEY}: ")
            raise CommandError(
                CommandReason.INVALID_REPLY, f"{reason}; the reply is {excerpt(text)}"
            ) from err


def create_reply_rule(
    options: Mapping[str, Any], names: Collection[str] = ()
) -> ReplyRule | None:
    r"""Return what replies look like; None: there are none.

    `options`: `reply_framing` (one of ReplyFraming) and the options of that framing with
    `reply_` before their names; `reply_prefix` (text with escapes), `reply_pattern` and
    `reply_error_pattern` (regular expressions), which may have `${placeholders}` of `names`;
    `reply_timeout` (seconds); `reply_type`, `reply_from_byte`, `reply_to_byte`,
    `reply_from_delimiter` and `reply_until_delimiter` as slices have them; `text_encoding`.
    Raises OptionsError for one that cannot work.
    """
    framings = {framing.value: framing for framing in ReplyFraming}
    framing = choice_option(options, "reply_framing", framings, ReplyFraming.NONE)
    if framing is ReplyFraming.NONE:
        return None
    return ReplyRule(options, framing, names)


def _timeout(options: Mapping[str, Any]) -> float:
    """Return the seconds that a reply may take."""
    timeout = number_option(options, "reply_timeout")
    if timeout is None:
        return DEFAULT_REPLY_TIMEOUT
    if not 0 < timeout <= MAX_REPLY_TIMEOUT:
        raise OptionsError(
            "reply_timeout",
            f"The time for a reply must be more than 0 and at most {MAX_REPLY_TIMEOUT:g} "
            "seconds",
        )
    return timeout


def _create_framer(
    options: Mapping[str, Any], framing: ReplyFraming
) -> Callable[[], Framer] | None:
    """Return what makes the framer of one reply; None: it is the hub's."""
    if framing is ReplyFraming.HUB:
        return None
    own = {
        name.removeprefix(_MARK): value
        for name, value in options.items()
        if name.startswith(_MARK)
    }
    try:
        create_framer(framing.value, own)
    except OptionsError as err:
        raise OptionsError(_MARK + err.option, str(err)) from err
    return lambda: create_framer(framing.value, own)


# Telling it


def _begins_with(frame: bytes, prefix: bytes) -> bool:
    r"""Tell whether a frame has a prefix, be it after the \n that is left of \r\n."""
    return frame.startswith(prefix) or frame.lstrip(_LINE_ENDS).startswith(prefix)


class _Pattern:
    """A regular expression with placeholders, whose values stand for themselves in it."""

    def __init__(
        self,
        options: Mapping[str, Any],
        option: str,
        names: Collection[str],
        parted: Collection[str],
    ) -> None:
        """Take the pattern of an option, empty for none; OptionsError if it cannot work."""
        self._option = option
        self._written = text_option(options, option)
        self._placeholders = [
            CommandTemplate(option, match[0], names, parted)
            for match in _PLACEHOLDER.finditer(self._written)
        ]
        search = self._compile("0" for _ in self._placeholders)
        self._search = None if self._placeholders else search

    def create_search(self, variables: Variables) -> _Search | None:
        """Return what tells whether a text matches; None: there is no pattern.

        Raises EncodingError or OptionsError for values that it cannot have.
        """
        if not self._placeholders:
            return self._search
        return self._compile(it.render(variables).decode() for it in self._placeholders)

    def _compile(self, texts: Iterable[str]) -> _Search | None:
        if not self._written:
            return None
        rendered = iter(texts)
        written = _PLACEHOLDER.sub(lambda _: re.escape(next(rendered)), self._written)
        try:
            pattern, longest = compile_pattern(written)
        except OptionsError as err:
            raise OptionsError(self._option, str(err)) from err
        return lambda text: pattern.search(text[:longest]) is not None


# Reading it


def _create_read(options: Mapping[str, Any], encoding: str) -> _Read:
    """Return what makes a value of a reply, or raises ParseError."""
    types = {type_.value: type_ for type_ in SliceType}
    type_ = choice_option(options, "reply_type", types, SliceType.STRING)
    row: dict[str, Any] = {"key": _KEY, "type": type_.value}
    for name in ("from_byte", "to_byte"):
        row[name] = _position(options, _MARK + name)
    for name in ("from_delimiter", "until_delimiter"):
        row[name] = _delimiter(options, _MARK + name)
    parse = create_slices_parser({"slices": [row], "encoding": encoding})

    def read(frame: bytes) -> JsonValue:
        parsed = parse(frame)
        if isinstance(parsed, dict):
            return parsed[_KEY]
        if type_ is SliceType.STRING:
            return ""
        raise ParseError("It is empty")

    return read


def _position(options: Mapping[str, Any], option: str) -> int | None:
    try:
        return whole_number(options.get(option))
    except ValueError:
        raise OptionsError(
            option, f"{options[option]!r:.60} is no whole number"
        ) from None


def _delimiter(options: Mapping[str, Any], option: str) -> str:
    text = text_option(options, option)
    try:
        unescape(text)
    except EscapeError as err:
        raise OptionsError(option, str(err)) from err
    except UnicodeEncodeError:
        raise OptionsError(option, f"{text!r:.60} is no text") from None
    return text
