"""Nested message to keys and values, by BEMCom's rules.

The rules are those of `_flatten_parsed_msg` in BEMCom's Python connector template. Its
Node-RED template descends into lists as well, which is what `Lists.INDEX` does.
"""

from collections.abc import Iterable
from enum import StrEnum

from .model import JsonValue, OptionsError, ParseError

SEPARATOR = "__"
MAX_VALUES = 10_000

# One message may need so many names, containers included, and so many characters in its
# keys: a long name near the top is repeated in each of them, which could ask for gigabytes.
_MAX_NAMES = 5 * MAX_VALUES
_MAX_TEXT = 8_000_000
# Keys kept from message to message; a device that never repeats a name must not fill them.
_MAX_KEPT_NAMES = MAX_VALUES
_MAX_KEPT_TEXT = 1_000_000

type _Container = dict[str, JsonValue] | list[JsonValue]


# What is no container, and names that need no change. A message with so few entries is done
# before it is found to be flat.
_LEAVES = frozenset({int, float, str, bool, type(None)})
_TEXTS = frozenset({str})
_WORTH_A_LOOK = 8


class Lists(StrEnum):
    """What becomes of a list."""

    INDEX = "index"  # each element is a value of its own: a__l__0
    WHOLE = "whole"  # the list is one value, as in BEMCom's Python template


def flatten(message: JsonValue, lists: str = Lists.INDEX) -> dict[str, JsonValue]:
    """Return the values in `message` by key, nested names joined with `__`.

    Shallow values come first, then the order of the message; empty containers vanish; of
    two values with one key the deeper one stays. A message that is a single value has the
    key "value", None has none. Raises ParseError for more than MAX_VALUES values and, with
    `Lists.WHOLE`, for a message that is no object; OptionsError for other `lists`.
    """
    flattener = _FLATTENERS.get(lists)
    return (flattener or Flattener(lists))(message)


def key_text(key: object) -> str:
    """Return the text for a key, as JSON would write one that is none: True is "true"."""
    match key:
        case str():
            return key
        case None:
            return "null"
        case bool():
            return "true" if key else "false"
        case bytes():
            return key.decode(errors="replace")
        case _:
            return str(key)


class Flattener:
    """`flatten` for the messages of one connector, telling when values shared a key.

    Messages of a device have the same names over and over, so their keys are kept.
    """

    def __init__(self, lists: str = Lists.INDEX) -> None:
        """Raise OptionsError if `lists` is none of `Lists`."""
        if lists not in tuple(Lists):
            raise OptionsError("lists", f"{lists!r} is neither index nor whole")
        # The second type to descend into, beside dict.
        self._descend: type = list if lists == Lists.INDEX else dict
        self._room = _Room()
        self._top = _Keys("", self._room)
        # Values of the last message that were lost to a deeper one with the same key.
        self.collisions = 0

    def __call__(self, message: JsonValue) -> dict[str, JsonValue]:
        """Return what `flatten` does, and count in `collisions`."""
        if not isinstance(message, dict):
            self.collisions = 0
            if message is None:
                return {}
            if self._descend is dict:
                raise ParseError(
                    "The message is a list or a single value, not an object; "
                    'choose the list option "index"'
                )
            if not isinstance(message, list):
                return {"value": message}

        if (
            _WORTH_A_LOOK <= len(message) <= MAX_VALUES
            and type(message) is dict
            and _LEAVES.issuperset(map(type, message.values()))
            and _TEXTS.issuperset(map(type, message))
        ):
            # It is flat already, as those of many a device are.
            self.collisions = 0
            return dict(message)

        # Every message passes here. Breadth first, by a list that grows while it is read;
        # exact types and the kept keys are what makes it quick.
        descend = self._descend
        result: dict[str, JsonValue] = {}
        containers: list[tuple[_Keys, _Container]] = [(self._top, message)]
        entries = 1
        try:
            for keys, container in containers:
                entries += len(container)
                for name, value in (
                    container.items() if type(container) is dict else _items(container)
                ):
                    kind = type(value)
                    if kind is dict or kind is descend:
                        containers.append((keys.below[name], value))  # type: ignore[arg-type]
                    else:
                        result[keys[name]] = value
        finally:
            if self._room.names > _MAX_KEPT_NAMES or self._room.text > _MAX_KEPT_TEXT:
                self._room = _Room()
                self._top = _Keys("", self._room)
        # An entry that was no container was a value.
        self.collisions = entries - len(containers) - len(result)
        if entries > MAX_VALUES and entries - len(containers) > MAX_VALUES:
            raise ParseError(f"The message has more than {MAX_VALUES:,} values")
        return result


class _Room:
    """How much is kept: names and the characters of their keys."""

    __slots__ = ("names", "text")

    def __init__(self) -> None:
        self.names = 0
        self.text = 0

    def take(self, key: str) -> str:
        """Return `key`, or raise ParseError if there is no room for it."""
        self.names += 1
        self.text += len(key)
        if self.names > _MAX_NAMES:
            raise ParseError("The message has too many names")
        if self.text > _MAX_TEXT:
            raise ParseError("The message is nested too deeply under too long names")
        return key


class _Keys(dict[str, str]):
    """The key of each name in one container, made when first asked for."""

    __slots__ = ("below", "prefix", "room")

    def __init__(self, prefix: str, room: _Room) -> None:
        super().__init__()
        self.prefix = prefix
        self.room = room
        self.below = _Below(self)

    def __missing__(self, name: object) -> str:
        key = self.room.take(self.prefix + key_text(name))
        # Others are not kept: 1 and True are the same key to a dict, but not as text.
        if isinstance(name, str):
            self[name] = key
        return key


class _Below(dict[str, _Keys]):
    """The keys inside each container that one container holds."""

    __slots__ = ("above",)

    def __init__(self, above: _Keys) -> None:
        super().__init__()
        self.above = above

    def __missing__(self, name: object) -> _Keys:
        room = self.above.room
        prefix = room.take(self.above.prefix + key_text(name) + SEPARATOR)
        keys = _Keys(prefix, room)
        if isinstance(name, str):
            self[name] = keys
        return keys


def _items(container: _Container) -> Iterable[tuple[str, JsonValue]]:
    """Return the entries of any container, indices as text."""
    if isinstance(container, dict):
        return container.items()
    return zip(map(str, range(len(container))), container, strict=True)


_FLATTENERS: dict[str, Flattener] = {lists: Flattener(lists) for lists in Lists}
