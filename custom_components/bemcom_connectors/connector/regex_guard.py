"""Which patterns `re` can search in bounded time.

`re` tries one way through a pattern after the other and cannot be interrupted, so what a
pattern may cost at worst is worked out beforehand. A choice (go on with a repetition or
leave it, one alternative or another) is free where the next character decides it. Choices
that are not free multiply, and within a repetition without end they do so exponentially.
"""

from collections.abc import Iterable, Iterator, Sequence
import importlib
import math
import re
from typing import Any, NamedTuple

from .model import OptionsError

# Characters of a message that a pattern is ever given.
MAX_INPUT = 2048
# A pattern that can be given only fewer is refused.
_MIN_INPUT = 60
_MAX_PATTERN = 1000
# Steps of a search, which take `re` 10 to 100 ns each.
_MAX_STEPS = 2_100_000
# As many repetitions, or characters in a row, are taken for as many as the message has.
_MANY = 64
_MAX_NESTING = 6

# The parser behind `re.compile`. It is private, but its nodes have kept their names for
# twenty years; a node it does not know makes the guard refuse the pattern.
_parser: Any = importlib.import_module("re._parser")

# A set of characters is an integer: a bit for each character of Latin-1, one for each kind
# of the characters beyond (digits, white space, other word characters, the rest), and one
# that says "the match is complete here, whatever follows".
_SAMPLES = [*map(chr, range(256)), "\u0661", "\u2003", "\u0101", "\u2192"]
_BEYOND = 0b1111 << 256
_REST_BEYOND = 1 << 259
_ANY = (1 << 260) - 1
_DONE = 1 << 260
_ASCII = (1 << 128) - 1
_NEWLINE = 1 << ord("\n")


def _matching(pattern: str) -> int:
    fits = re.compile(pattern).fullmatch
    return sum(1 << bit for bit, sample in enumerate(_SAMPLES) if fits(sample))


_LETTERS = _matching(r"[^\W\d_]")
_CATEGORIES = {
    "DIGIT": _matching(r"\d"),
    "SPACE": _matching(r"\s"),
    "WORD": _matching(r"\w"),
}

type _Nodes = Iterable[tuple[Any, Any]]


class _Item(NamedTuple):
    """One node of a pattern, with the flags in force there."""

    op: str
    arg: Any
    flags: int


class _Cost(NamedTuple):
    """Ways through a part: `ways` times the length of the message to the power `loops`."""

    ways: int = 1
    loops: int = 0


_FREE = _Cost()

# What may come after; the other conditions, such as ^ and \b, leave that open.
_AT = {"AT_END": _NEWLINE, "AT_END_STRING": 0}


def compile_pattern(pattern: str) -> tuple[re.Pattern[str], int]:
    """Return the compiled pattern, and how long a text it may safely search.

    Raises OptionsError for "pattern" if it is no regular expression or could take too long.
    """
    if len(pattern) > _MAX_PATTERN:
        raise _refusal(f"longer than {_MAX_PATTERN:,} characters")
    try:
        compiled = re.compile(pattern)
        limit = _Search(_parser.parse(pattern), compiled.flags).max_input()
    except re.error as err:
        raise _refusal(f"not valid: {err}") from err
    except RecursionError, OverflowError:
        raise _refusal("too deeply nested or too large") from None
    return compiled, limit


def _refusal(reason: str) -> OptionsError:
    return OptionsError("pattern", f"The pattern is {reason}")


def _too_slow() -> OptionsError:
    return _refusal(
        "too slow for some messages: parts such as .* that can end in several places; "
        "say what may not occur there, such as [^;]*"
    )


class _Search:
    """What searching for a pattern may cost."""

    def __init__(self, tree: Any, flags: int) -> None:
        # Whether what a choice leads to may itself run through the whole message.
        self._long: bool = tree.getwidth()[0] > _MANY
        self._items = list(_unwrapped(tree, flags))
        self._costs: list[_Cost] = []
        self._nesting = 0

    def max_input(self) -> int:
        """Return the length that keeps the steps of a search within bounds."""
        follow = _DONE
        for item in reversed(self._items):
            follow, cost = self._item(item, follow)
            self._costs.insert(0, cost)
        ways = math.prod(cost.ways for cost in self._costs)
        loops = sum(cost.loops for cost in self._costs)
        apart = sum(map(self._starts_apart, range(len(self._items))))
        # Positions multiply: where the search starts, where each loop ends, and how far it
        # is to the failure. They are in order, hence the factorial.
        power = loops + self._long - apart
        if apart or not self._is_anchored():
            power += 1
        power = max(power, 1)
        limit = (_MAX_STEPS * math.factorial(power) / ways) ** (1 / power)
        if limit < _MIN_INPUT:
            raise _too_slow()
        return min(MAX_INPUT, int(limit))

    def _is_anchored(self) -> bool:
        """Tell whether a match can only start where the text starts."""
        op, arg, flags = self._items[0] if self._items else _Item("", None, 0)
        return op == "AT" and (
            str(arg) == "AT_BEGINNING_STRING"
            or (str(arg) == "AT_BEGINNING" and not flags & re.MULTILINE)
        )

    def _starts_apart(self, index: int) -> bool:
        """Tell whether a loop's places are, over all searches, no more than the characters.

        So it is in `T=[0-9]+.*` for the digits: whichever `=` the loop starts after, what it
        runs through from there it reaches from no other. That needs a fixed distance to the
        search's start, or to the end of the loop before.
        """
        inside = self._loop_over(index)
        before = _charset(self._items[index - 1]) if index else None
        if inside is None or before is None or before & inside:
            return False
        for earlier in range(index - 1, -1, -1):
            if _charset(self._items[earlier]) is None:
                return self._loop_over(earlier) is not None
        return True

    def _loop_over(self, index: int) -> int | None:
        """Return what a loop that is not free repeats; None: it is no such, or no set."""
        op, arg, flags = self._items[index]
        if self._costs[index] != (1, 1) or op not in {"MAX_REPEAT", "MIN_REPEAT"}:
            return None
        body = list(_unwrapped(arg[2], flags))
        return _charset(body[0]) if len(body) == 1 else None

    def _sequence(self, items: Sequence[_Item], follow: int) -> tuple[int, _Cost]:
        """Return what `items`, with `follow` after them, may start with, and their cost."""
        ways, loops = 1, 0
        for item in reversed(items):
            follow, cost = self._item(item, follow)
            ways *= cost.ways
            loops += cost.loops
        return follow, _Cost(ways, loops)

    def _item(self, item: _Item, follow: int) -> tuple[int, _Cost]:
        """Return the same for one node."""
        if (chars := _charset(item)) is not None:
            return chars, _FREE
        op, arg, flags = item
        match op:
            case "MAX_REPEAT" | "MIN_REPEAT":
                return self._repeat(item, follow)
            case "BRANCH":
                return self._branch(item, follow)
            case "POSSESSIVE_REPEAT" | "ATOMIC_GROUP":
                # Once through, it is never tried again: as if nothing followed.
                self._long = True
                if op == "POSSESSIVE_REPEAT":
                    start, cost = self._repeat(item, _DONE)
                else:
                    start, cost = self._sequence(list(_unwrapped(arg, flags)), _DONE)
                return (start ^ _DONE | follow if start & _DONE else start), cost
            case "ASSERT" | "ASSERT_NOT":
                # It may look far before it fails, so no choice before it is free.
                self._long = True
                _, cost = self._sequence(list(_unwrapped(arg[1], flags)), _DONE)
                if cost.loops:
                    raise _too_slow()
                return _ANY, cost
            case "GROUPREF":
                self._long = True
                return _ANY | follow, _FREE
            case "AT":
                return _AT.get(str(arg), _ANY if follow & _DONE else follow), _FREE
            case "FAILURE":
                return 0, _FREE
            case _:
                raise _refusal(f"of a kind that cannot be checked ({op})")

    def _branch(self, item: _Item, follow: int) -> tuple[int, _Cost]:
        """Alternatives; free if they start with different characters."""
        starts = 0
        overlap = False
        ways, loops = 1, 0
        branches = item.arg[1]
        for branch in branches:
            start, cost = self._sequence(list(_unwrapped(branch, item.flags)), follow)
            overlap = overlap or bool(starts & start & _ANY)
            starts |= start
            ways = max(ways, cost.ways)
            loops = max(loops, cost.loops)
        return starts, _Cost(ways * len(branches) if overlap else ways, loops)

    def _repeat(self, item: _Item, follow: int) -> tuple[int, _Cost]:
        """A repetition; free if what it repeats and what follows start differently."""
        low, high, nodes = item.arg
        body = list(_unwrapped(nodes, item.flags))
        endless = high >= _MANY
        self._nesting += 1
        if self._nesting > _MAX_NESTING:
            raise _refusal("nested too deeply")
        first, _ = self._sequence(body, _DONE)
        if first & _DONE and endless:
            raise _refusal("without end: it repeats a part that can be empty")
        again = follow
        if high > 1:
            again |= first & _ANY
            if low > 1:
                # The first rounds cannot be the last.
                again &= _ANY
        _, cost = self._sequence(body, again)
        self._nesting -= 1

        if cost.ways > _MAX_STEPS or (cost != _FREE and endless):
            raise _too_slow()
        ways, loops = cost.ways ** min(high, _MANY), cost.loops * min(high, _MANY)
        if not follow & _DONE:
            if low == high or not first & follow:
                self._long = self._long or endless
            elif endless:
                loops += 1
            else:
                ways *= high - low + 1
        skippable = low == 0 or first & _DONE
        return first & _ANY | (follow if skippable else 0), _Cost(ways, loops)


def _unwrapped(nodes: _Nodes, flags: int) -> Iterator[_Item]:
    """Return the nodes of a sequence, those in its groups in their place."""
    for op, arg in nodes:
        if str(op) == "SUBPATTERN":
            _, added, removed, inside = arg
            yield from _unwrapped(inside, (flags | added) & ~removed)
        else:
            yield _Item(str(op), arg, flags)


def _charset(item: _Item) -> int | None:
    """Return a set that contains what a node for one character matches; None: no such."""
    op, arg, flags = item
    match op:
        case "ANY":
            return _ANY if flags & re.DOTALL else _ANY ^ _NEWLINE
        case "LITERAL":
            chars = _range(arg, arg)
        case "NOT_LITERAL":
            chars = _ANY ^ _range(arg, arg) & ~_BEYOND
        case "IN":
            chars = _in(arg, flags)
        case _:
            return None
    if flags & re.IGNORECASE and chars & (_LETTERS | _REST_BEYOND):
        chars |= _LETTERS | _REST_BEYOND
    return chars


def _in(members: _Nodes, flags: int) -> int:
    """Return the set in brackets."""
    chars = 0
    listed_beyond = 0
    negated = False
    for op, arg in members:
        match str(op):
            case "NEGATE":
                negated = True
            case "LITERAL":
                chars |= _range(arg, arg)
            case "RANGE":
                chars |= _range(*arg)
            case "CATEGORY":
                category = _category(str(arg), flags)
                chars |= category
                listed_beyond |= category & _BEYOND
            case other:
                raise _refusal(f"of a kind that cannot be checked ({other})")
    if negated:
        # A single character beyond Latin-1 does not stand for all of its kind.
        return _ANY ^ (chars & ~_BEYOND | listed_beyond)
    return chars


def _range(first: int, last: int) -> int:
    latin = ((1 << last + 1) - 1) & ~((1 << first) - 1) if first < 256 else 0
    return latin & _ANY & ~_BEYOND | (_BEYOND if last > 255 else 0)


def _category(name: str, flags: int) -> int:
    _, *negation, kind = name.split("_")
    chars = _CATEGORIES[kind]
    if flags & re.ASCII:
        chars &= _ASCII
    return _ANY ^ chars if negation else chars
