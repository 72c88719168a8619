"""The datapoint map: which datapoint has which topic (spec 1.5)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..connector.model import JsonValue
from .messages import MessageError, decode_object
from .topics import OF_PLANS, Topics, topic_fault

MAX_ENTRIES = 10_000
# Of the entries that cannot be used, so many are named.
_NAMED = 5


@dataclass(frozen=True, slots=True)
class DatapointMap:
    """Topics by key of what is published, keys by topic of what can be set."""

    sensors: Mapping[str, str] = field(default_factory=dict)
    actuators: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the map as BEMCom writes it."""
        return {"sensor": dict(self.sensors), "actuator": dict(self.actuators)}

    def unknown(
        self, sensors: Collection[str], actuators: Collection[str]
    ) -> tuple[str, ...]:
        """Return the keys that nothing is known of."""
        return (
            *(key for key in self.sensors if key not in sensors),
            *(key for key in self.actuators.values() if key not in actuators),
        )


@dataclass(frozen=True, slots=True)
class ReadMap:
    """A map that came, with the entries that were left out, and why."""

    datapoint_map: DatapointMap
    left_out: tuple[str, ...] = ()


def read_map(payload: bytes, topics: Topics) -> ReadMap:
    """Return the map in a message, or raise MessageError: the old one stays.

    An entry that cannot be used does not cost the others.
    """
    return map_of(decode_object(payload), topics)


def map_of(message: Mapping[str, JsonValue], topics: Topics) -> ReadMap:
    """Return the map in what was read, or kept, or raise MessageError."""
    sensors, actuators = _section(message, "sensor"), _section(message, "actuator")
    if len(sensors) + len(actuators) > MAX_ENTRIES:
        raise MessageError(f"A datapoint map has at most {MAX_ENTRIES:,} entries")
    left_out: list[str] = []
    settable: dict[str, str] = {}
    for topic, key in actuators.items():
        if (fault := _fault(topic, key, topics)) is not None:
            left_out.append(fault)
        else:
            settable[topic] = str(key)
    # What is published there would come back as a command.
    taken = set(settable)
    published: dict[str, str] = {}
    for key, given in sensors.items():
        if (fault := _fault(given, key, topics)) is not None:
            left_out.append(fault)
        elif (topic := str(given)) in taken:
            left_out.append(f"{topic!r:.100} is the topic of something else too")
        else:
            published[key] = topic
            taken.add(topic)
    return ReadMap(DatapointMap(published, settable), tuple(left_out))


def newly_published(old: DatapointMap, new: DatapointMap) -> tuple[str, ...]:
    """Return the keys that get a topic, or another one, when a map takes the place of another."""
    former = old.sensors
    return tuple(key for key, it in new.sensors.items() if former.get(key) != it)


def summary(faults: Collection[str]) -> str:
    """Return a text with the first of what is wrong."""
    shown = "; ".join(list(faults)[:_NAMED])
    more = len(faults) - _NAMED
    return f"{shown}; and {more} more" if more > 0 else shown


def _section(message: Mapping[str, JsonValue], name: str) -> dict[str, JsonValue]:
    """Return a part of the map; the errors are upstream's, word for word."""
    if name not in message:
        raise MessageError(f"No {name} key in datapoint_map. Cancel update.")
    section = message[name]
    if not isinstance(section, dict):
        raise MessageError(
            f"{name.capitalize()} entry in datapoint_map contains contains no dict."
            "Cancel update."
        )
    return section


def _fault(topic: JsonValue, key: JsonValue, topics: Topics) -> str | None:
    """Return what is wrong with an entry; None: nothing."""
    if not isinstance(topic, str) or not isinstance(key, str):
        return f"{topic!r:.100} or {key!r:.100} is no text"
    if (fault := topic_fault(topic)) is not None:
        return f"{topic!r:.100} {fault}"
    if not topics.is_below(topic):
        return f"{topic!r:.100} is not below {topics.connector!r:.100}"
    if topics.is_own(topic) or topic.endswith(OF_PLANS):
        return f"{topic!r:.100} is no topic of a datapoint's values"
    return None
