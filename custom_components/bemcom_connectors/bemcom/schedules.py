"""Schedules and setpoints, by the rules of BEMCom's controller and without its faults.

Nothing here knows a clock: what is to be set is a function of messages and time (spec 5.4).
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
import math
from typing import Final, override

from ..connector.json_format import parse_json
from ..connector.model import JsonValue, ParseError
from .json_writing import write_json
from .messages import MessageError, checked_timestamp, decode_object, timestamp_of

MAX_ITEMS = 5_000

# What was not set is tried again after so long, in milliseconds.
RETRY_AFTER = 60_000


class Nothing:
    """No value at all, which null is not."""

    @override
    def __repr__(self) -> str:
        return "NOTHING"


NOTHING: Final = Nothing()

type Known = JsonValue | Nothing


@dataclass(frozen=True, slots=True)
class Item:
    """A value for a while; None: since ever, or for ever."""

    start: int | None
    end: int | None
    value: JsonValue

    def is_active(self, now: int) -> bool:
        """Tell whether it counts now; its end is no part of it."""
        return (self.start is None or self.start <= now) and (
            self.end is None or now < self.end
        )


@dataclass(frozen=True, slots=True)
class Setpoint(Item):
    """A value that is preferred, and what else is good enough.

    None of the three says anything where it is not there; `is_flexible` tells whether one was
    named at all. A setpoint that names them and sets no bounds takes anything.
    """

    acceptable: tuple[str, ...] | None = None
    minimum: float | None = None
    maximum: float | None = None
    is_flexible: bool = False

    def takes(self, value: JsonValue) -> bool:
        """Tell whether the value of a sensor is good enough."""
        if self.acceptable is not None and not any(
            _is_same(value, it) for it in self.acceptable
        ):
            return False
        if self.minimum is None and self.maximum is None:
            return True
        number = _number(value)
        if number is None:
            return False
        return (self.minimum is None or self.minimum <= number) and (
            self.maximum is None or number <= self.maximum
        )


@dataclass(frozen=True, slots=True)
class Plan[T: Item]:
    """The items of a message; there may be thousands, and many ask."""

    items: tuple[T, ...] = ()
    # When something may change.
    times: tuple[int, ...] = field(init=False, compare=False, repr=False)
    # What was found last, by the number of times that have passed.
    _found: dict[int, T | None] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        times = (time for it in self.items for time in (it.start, it.end))
        ordered = sorted({it for it in times if it is not None})
        object.__setattr__(self, "times", tuple(ordered))
        object.__setattr__(self, "_found", {})

    def active(self, now: int) -> T | None:
        """Return the item that counts now: the one that began last, or stands last."""
        passed = bisect_right(self.times, now)
        if passed not in self._found:
            self._found.clear()
            self._found[passed] = self._find(now)
        return self._found[passed]

    def next_change(self, now: int) -> int | None:
        """Return when another item may count; None: never."""
        passed = bisect_right(self.times, now)
        return self.times[passed] if passed < len(self.times) else None

    def _find(self, now: int) -> T | None:
        found: T | None = None
        for item in self.items:
            if item.is_active(now) and (found is None or _began(item) >= _began(found)):
                found = item
        return found


def wanted(schedule: Item | None, setpoint: Setpoint | None, sensor: Known) -> Known:
    """Return the value that an actuator is to have, NOTHING where nobody says.

    `schedule` and `setpoint` are the items that count now, `sensor` is the latest value of
    the datapoint that they are about.
    """
    if setpoint is None:
        return NOTHING if schedule is None else schedule.value
    if schedule is None or not setpoint.is_flexible:
        return setpoint.value
    if isinstance(sensor, Nothing) or setpoint.takes(sensor):
        return schedule.value
    return setpoint.value


class Follower:
    """What one actuator is told by its schedule and its setpoint.

    A value is sent when another one is wanted than before, and again where that failed. What
    somebody sets by hand meanwhile stays until then, or until a new message comes.
    """

    def __init__(self) -> None:
        """Have no messages yet."""
        self.sensor: Known = NOTHING
        self._schedule: Plan[Item] = Plan()
        self._setpoint: Plan[Setpoint] = Plan()
        self._told: Known = NOTHING
        self._retry_at: int | None = None

    def take_schedule(self, payload: bytes) -> None:
        """Take a message in the place of the last one, or raise MessageError."""
        if (plan := read_schedule(payload)) != self._schedule:
            self._schedule = plan
            self._begin_anew()

    def take_setpoint(self, payload: bytes) -> None:
        """Take a message in the place of the last one, or raise MessageError."""
        if (plan := read_setpoint(payload)) != self._setpoint:
            self._setpoint = plan
            self._begin_anew()

    def due(self, now: int) -> Known:
        """Return the value to set now, NOTHING if there is none; then tell how that went."""
        value = wanted(
            self._schedule.active(now), self._setpoint.active(now), self.sensor
        )
        if isinstance(value, Nothing):
            # So that the same value, wanted again later, is set again.
            self._begin_anew()
            return NOTHING
        if not _differs(value, self._told):
            return NOTHING
        if self._retry_at is not None and now < self._retry_at:
            return NOTHING
        return value

    def told(self, value: JsonValue, now: int, *, done: bool) -> None:
        """Note what came of setting a value."""
        self._told = value if done else NOTHING
        self._retry_at = None if done else now + RETRY_AFTER

    def next_change(self, now: int) -> int | None:
        """Return when to look again; None: when there is a message or a value."""
        times = [self._schedule.next_change(now), self._setpoint.next_change(now)]
        if self._retry_at is not None and self._retry_at > now:
            times.append(self._retry_at)
        return min((it for it in times if it is not None), default=None)

    def _begin_anew(self) -> None:
        self._told = NOTHING
        self._retry_at = None


def read_schedule(payload: bytes) -> Plan[Item]:
    """Return the plan in a message, or raise MessageError."""
    return Plan(tuple(_item(it, "value") for it in _items(payload, "schedule")))


def read_setpoint(payload: bytes) -> Plan[Setpoint]:
    """Return the plan in a message, or raise MessageError."""
    return Plan(tuple(map(_setpoint, _items(payload, "setpoint"))))


def _items(payload: bytes, name: str) -> Sequence[Mapping[str, JsonValue]]:
    """Return the items of a message; null is none, as the API allows for setpoints."""
    message = decode_object(payload)
    timestamp_of(message)
    if name not in message:
        raise MessageError(f"The message has no {name}")
    items = message[name]
    if items is None:
        return []
    if not isinstance(items, list):
        raise MessageError(f"The {name} is no list")
    if len(items) > MAX_ITEMS:
        raise MessageError(f"A {name} has at most {MAX_ITEMS:,} items")
    return [_object(it, name) for it in items]


def _object(item: JsonValue, name: str) -> Mapping[str, JsonValue]:
    if not isinstance(item, dict):
        raise MessageError(f"An item of the {name} is no object")
    return item


def _item(item: Mapping[str, JsonValue], key: str) -> Item:
    """Return an item with its value under `key`."""
    if key not in item:
        raise MessageError(f"An item has no {key}")
    start, end = (
        None if (time := item.get(name)) is None else checked_timestamp(time)
        for name in ("from_timestamp", "to_timestamp")
    )
    if start is not None and end is not None and start >= end:
        raise MessageError("An item ends before it begins")
    return Item(start, end, item[key])


def _setpoint(item: Mapping[str, JsonValue]) -> Setpoint:
    base = _item(item, "preferred_value")
    acceptable = item.get("acceptable_values")
    if acceptable is not None and not isinstance(acceptable, list):
        raise MessageError("The acceptable_values are no list")
    return Setpoint(
        base.start,
        base.end,
        base.value,
        # Texts from the API, values from others; both are compared as what they mean.
        acceptable=None
        if acceptable is None
        else tuple(it if isinstance(it, str) else _text(it) for it in acceptable),
        minimum=_bound(item, "min_value"),
        maximum=_bound(item, "max_value"),
        is_flexible=any(
            name in item for name in ("acceptable_values", "min_value", "max_value")
        ),
    )


def _bound(item: Mapping[str, JsonValue], name: str) -> float | None:
    """Return a bound; None: there is none."""
    value = item.get(name)
    if value is not None and (value := _number(value)) is None:
        raise MessageError(f"The {name} is no number")
    return value


def _began(item: Item) -> float:
    return -math.inf if item.start is None else item.start


def _number(value: JsonValue) -> float | None:
    """Return the number that a value is, be it as text; None: it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError, OverflowError:
        return None
    return number if math.isfinite(number) else None


def _is_same(value: JsonValue, acceptable: str) -> bool:
    """Tell whether a value is what a text of the API says: "20" is 20 as well as "20"."""
    if value == acceptable:
        return True
    meant = _decoded(acceptable)
    if isinstance(value, str) and not isinstance(meant, str):
        value = _decoded(value)
    return not _differs(value, meant)


def _decoded(text: str) -> JsonValue:
    try:
        value = parse_json(text.encode(errors="replace"))
    except ParseError:
        return text
    return value if text.strip() else text


def _text(value: JsonValue) -> str:
    return write_json(value).decode()


def _differs(value: JsonValue, before: Known) -> bool:
    """Tell whether two values are different; true and 1 are, 1 and 1.0 are not."""
    if isinstance(value, bool) != isinstance(before, bool):
        return True
    return bool(value != before)
