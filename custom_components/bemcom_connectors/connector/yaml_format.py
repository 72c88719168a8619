"""YAML to JSON values, built from the parser's events.

PyYAML's own constructors are not used: they make dates, sets and tuples, expand aliases
and merge keys without bound, and recurse as deep as the text nests.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
import math
import re
from typing import Any

import yaml

from .flatten import key_text
from .model import JsonValue, ParseError

MAX_DEPTH = 200
MAX_NODES = 100_000
# A long text counts as several nodes: aliases could repeat it.
_TEXT_PER_NODE = 64
# An integer of more digits could not become a float, which much of Home Assistant needs.
MAX_DIGITS = 300

# Only its parser is used.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MERGE_KEY = object()
_TAG_PREFIX = "tag:yaml.org,2002:"

# YAML 1.1, as PyYAML and so BEMCom read it, with two exceptions: times and dates stay as
# written (12:30 is not 750), and the floats of YAML 1.2 are floats (1e3, -.5).
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null")),
    **dict.fromkeys(("true", "yes", "on"), True),
    **dict.fromkeys(("false", "no", "off"), False),
}
_CONSTANTS = {
    written: value
    for word, value in _WORDS.items()
    for written in (word, word.capitalize(), word.upper())
}
_INTEGER = re.compile(
    r"[-+]?(?:0b(?P<binary>[01_]+)|0x(?P<hex>[0-9a-fA-F_]+)|(?P<octal>0[0-7_]+)"
    r"|(?P<decimal>0|[1-9][0-9_]*))"
)
_BASES = {"binary": 2, "octal": 8, "decimal": 10, "hex": 16}
_FLOAT = re.compile(
    r"[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)"
    r"|\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?)"
)
_NO_NUMBER = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")

# A stream of documents may declare these; libyaml compares each with all before it.
_MAX_TAG_DIRECTIVES = 100


def parse_yaml_documents(text: str) -> list[JsonValue]:
    """Return the documents in `text` that are not empty.

    Dates and times stay text, keys become text, NaN and infinity None. Raises ParseError
    for what is no YAML, for tags and keys without a JSON counterpart, and for documents
    that nest deeper than MAX_DEPTH or together have more than MAX_NODES nodes, aliases
    counted as what they stand for.
    """
    if text.count("%TAG") > _MAX_TAG_DIRECTIVES:
        raise ParseError("The YAML has too many %TAG directives")
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.MarkedYAMLError as err:
        raise _error(err.problem or "syntax error", err.problem_mark) from err
    except yaml.YAMLError as err:
        reason = getattr(err, "reason", None) or "unreadable"
        where = getattr(err, "position", None)
        at = "" if where is None else f" at character {where}"
        raise ParseError(f"Not valid YAML{at}: {reason}") from err
    return [document for document in builder.documents if document is not None]


@dataclass(slots=True)
class _Anchor:
    """A finished node that aliases may name, and what each of them costs."""

    value: JsonValue
    size: int
    height: int


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not come yet."""

    event: Any
    tag: str
    nodes_before: int
    height: int = 0
    items: list[JsonValue] = field(default_factory=list)
    entries: dict[str, JsonValue] = field(default_factory=dict)
    merged: list[dict[str, JsonValue]] = field(default_factory=list)
    # The key whose value comes next; None: a key comes next.
    key: str | object | None = None


class _Builder:
    """Puts documents together from events, one list or mapping at a time."""

    def __init__(self) -> None:
        self.documents: list[JsonValue] = []
        self._open: list[_Open] = []
        # None: the anchored list or mapping is still open.
        self._anchors: dict[str, _Anchor | None] = {}
        self._nodes = 0

    def take(self, event: Any) -> None:
        """Go on with the next event; ParseError if it cannot be had in JSON."""
        match event:
            case yaml.ScalarEvent():
                nodes = 1 + len(event.value) // _TEXT_PER_NODE
                self._count(event, nodes)
                value = _scalar(event, is_key=self._expects_key())
                self._add(value, 0, event, size=nodes)
            case yaml.AliasEvent():
                self._alias(event)
            case yaml.CollectionStartEvent():
                self._begin(event)
            case yaml.CollectionEndEvent():
                self._end()
            case yaml.DocumentStartEvent():
                self._anchors.clear()

    def _expects_key(self) -> bool:
        """Tell whether the next node is a key."""
        if not self._open:
            return False
        last = self._open[-1]
        return isinstance(last.event, yaml.MappingStartEvent) and last.key is None

    def _count(self, event: Any, nodes: int = 1, height: int = 0) -> None:
        """Refuse what is too large, before it is built."""
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise _error("too large once expanded", event.start_mark)
        if len(self._open) + height > MAX_DEPTH:
            raise _error("nested too deeply", event.start_mark)

    def _alias(self, event: Any) -> None:
        """Repeat an anchored node; it is shared, but counted as if it were not."""
        if event.anchor not in self._anchors:
            raise _error("an alias without its anchor", event.start_mark)
        anchor = self._anchors[event.anchor]
        if anchor is None:
            raise _error("an alias inside its own anchor", event.start_mark)
        self._count(event, anchor.size, anchor.height)
        self._add(anchor.value, anchor.height, event, anchored=False)

    def _begin(self, event: Any) -> None:
        """Open a list or mapping."""
        if self._expects_key():
            raise _error("a list or mapping as a key", event.start_mark)
        self._open.append(_Open(event, _tag(event), self._nodes))
        self._count(event)
        if event.anchor:
            self._anchors[event.anchor] = None

    def _end(self) -> None:
        """Close the innermost list or mapping."""
        done = self._open.pop()
        self._add(
            _collection(done),
            done.height + 1,
            done.event,
            size=self._nodes - done.nodes_before,
        )

    def _add(
        self,
        value: Any,
        height: int,
        event: Any,
        *,
        size: int = 1,
        anchored: bool = True,
    ) -> None:
        """Put a finished node where it belongs."""
        if anchored and event.anchor:
            self._anchors[event.anchor] = _Anchor(
                None if value is _MERGE_KEY else value, size, height
            )
        if not self._open:
            self.documents.append(value)
            return
        into = self._open[-1]
        into.height = max(into.height, height)
        if isinstance(into.event, yaml.SequenceStartEvent):
            into.items.append(value)
        elif into.key is None:
            if isinstance(value, dict | list):
                raise _error("a list or mapping as a key", event.start_mark)
            into.key = _MERGE_KEY if value is _MERGE_KEY else key_text(value)
        else:
            key, into.key = into.key, None
            if isinstance(key, str):
                into.entries[key] = value
            else:
                into.merged.extend(_mappings_to_merge(value, event))


def _mappings_to_merge(value: JsonValue, event: Any) -> Iterator[dict[str, JsonValue]]:
    """Return what `<<` names; the first of several mappings wins, so it comes last."""
    for mapping in reversed(value) if isinstance(value, list) else (value,):
        if not isinstance(mapping, dict):
            raise _error("<< without a mapping", event.start_mark)
        yield mapping


def _collection(done: _Open) -> JsonValue:
    """Return the list or mapping that has come to its end."""
    if isinstance(done.event, yaml.MappingStartEvent):
        entries = done.entries
        if done.merged:
            entries = {}
            for mapping in done.merged:
                entries.update(mapping)
            entries.update(done.entries)
        if done.tag == "set":
            return list(entries)
        if done.tag in {"", "map"}:
            return entries
    elif done.tag in {"", "seq", "pairs"}:
        return done.items
    elif done.tag == "omap":
        ordered: dict[str, JsonValue] = {}
        for item in done.items:
            if not isinstance(item, dict):
                raise _error("!!omap without pairs", done.event.start_mark)
            ordered.update(item)
        return ordered
    raise _refused_tag(done.event)


def _tag(event: Any) -> str:
    """Return the tag of a list or mapping without its prefix; empty: it has none."""
    tag: str = event.tag or ""
    return "" if tag == "!" else tag.removeprefix(_TAG_PREFIX)


def _scalar(event: Any, *, is_key: bool) -> Any:
    """Return the value of a scalar, or _MERGE_KEY for the key `<<`."""
    text: str = event.value
    tag: str | None = event.tag
    if tag is None:
        if not event.implicit[0]:  # quoted
            return text
        if is_key and text == "<<":
            return _MERGE_KEY
        return _plain(text, event)
    kind = tag.removeprefix(_TAG_PREFIX)
    if kind in {"!", "str", "timestamp", "binary"}:
        return text
    if kind not in {"null", "bool", "int", "float"}:
        raise _refused_tag(event)
    value = _plain(text, event)
    if kind == "float" and type(value) is int:
        return float(value)
    if kind == "null" or (kind == "float" and value is None):
        return None
    if type(value).__name__ != kind:
        raise _error(f"no {kind}", event.start_mark)
    return value


def _plain(text: str, event: Any) -> JsonValue:
    """Return the value of an unquoted scalar."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in "+-.0123456789":
        return text
    if match := _INTEGER.fullmatch(text):
        base = match.lastgroup or "decimal"
        digits = match[base].replace("_", "")
        if not digits:
            return text
        if len(digits) > MAX_DIGITS:
            raise _error(f"an integer of {len(digits):,} digits", event.start_mark)
        number = int(digits, _BASES[base])
        return -number if text[0] == "-" else number
    if _FLOAT.fullmatch(text):
        value = float(text.replace("_", ""))
        return value if math.isfinite(value) else None
    if _NO_NUMBER.fullmatch(text):
        return None
    return text


def _refused_tag(event: Any) -> ParseError:
    tag: str = event.tag.removeprefix(_TAG_PREFIX)
    return _error(f"the tag {tag[:40]!r} is refused here", event.start_mark)


def _error(problem: str, mark: Any) -> ParseError:
    """Return a ParseError that says where the problem is."""
    where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    return ParseError(f"Not valid YAML{where}: {problem}")
