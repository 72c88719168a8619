"""What waits to be published: bounded, in order for each topic, and nothing sent is lost."""

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass

# Messages of a kilobyte or so, one for each datapoint and actuator, and for those that went.
_MAX_DISCOVERY = 20_000


@dataclass(slots=True, eq=False)
class Outgoing:
    """A message to publish."""

    topic: str
    payload: bytes
    qos: int
    retain: bool


@dataclass(slots=True)
class Counters:
    """What became of the messages of a lane."""

    sent: int = 0
    # There was no room for them, or the broker would not have them.
    dropped: int = 0
    # A newer one for the same topic took their place while nobody could take them.
    replaced: int = 0


class Lane:
    """Messages of one kind, those of each topic in order, one of them at a time under way.

    A message that was under way when the broker was lost may have arrived or not. It is sent
    again before the next of its topic is: twice at worst, but never after a newer one.
    With `newest_only` a topic has no more than one that waits.
    """

    def __init__(
        self, max_count: int, max_bytes: int | None = None, *, newest_only: bool = False
    ) -> None:
        """Hold so many messages, and so many bytes of payload."""
        self.counters = Counters()
        self.size = 0
        self._max_count = max_count
        self._max_bytes = max_bytes
        self._newest_only = newest_only
        # In the order in which they came; a number for each, and the numbers by topic.
        self._waiting: OrderedDict[int, Outgoing] = OrderedDict()
        self._topics: dict[str, deque[int]] = {}
        # Topics that have something to send and nothing under way, in their order.
        self._ready: OrderedDict[str, None] = OrderedDict()
        self._sent: dict[str, tuple[int, Outgoing]] = {}
        self._number = 0

    def __len__(self) -> int:
        """Count those that wait or are under way."""
        return len(self._waiting) + len(self._sent)

    def holds(self, topic: str) -> bool:
        """Tell whether there is a message for a topic."""
        return topic in self._topics or topic in self._sent

    def add(self, message: Outgoing) -> None:
        """Take a message; where there is no room the oldest ones go."""
        size = len(message.payload)
        if self._max_bytes is not None and size > self._max_bytes:
            self.counters.dropped += 1
            return
        self._number += 1
        number, topic = self._number, message.topic
        numbers = self._topics.get(topic)
        if numbers is None:
            numbers = self._topics[topic] = deque()
            if topic not in self._sent:
                self._ready[topic] = None
        elif self._newest_only:
            self._replace(numbers)
        numbers.append(number)
        self._waiting[number] = message
        self.size += size
        self._make_room()

    def take(self) -> Outgoing | None:
        """Return what to send next, None for nothing; topics have their turns."""
        if not self._ready:
            return None
        topic, _ = self._ready.popitem(last=False)
        number = self._topics[topic][0]
        message = self._remove(number)
        self._sent[topic] = number, message
        return message

    def done(self, message: Outgoing) -> None:
        """Forget a message that arrived."""
        if self._end(message):
            self.counters.sent += 1

    def refused(self, message: Outgoing) -> None:
        """Forget a message that the broker would never take."""
        if self._end(message):
            self.counters.dropped += 1

    def forget(self, message: Outgoing) -> None:
        """Forget a message that is the same as one that was counted already."""
        self._end(message)

    def failed(self, message: Outgoing) -> None:
        """Take back a message of which nobody knows whether it arrived."""
        topic = message.topic
        if (sent := self._sent.get(topic)) is None or sent[1] is not message:
            return
        del self._sent[topic]
        number = sent[0]
        numbers = self._topics.setdefault(topic, deque())
        numbers.appendleft(number)
        self._waiting[number] = message
        self._waiting.move_to_end(number, last=False)
        self.size += len(message.payload)
        self._ready[topic] = None
        self._ready.move_to_end(topic, last=False)
        if self._newest_only and len(numbers) > 1:
            numbers.popleft()
            self._replaced(number)
        self._make_room()

    def take_back(self) -> None:
        """Take back all that was under way when the broker was lost, in order."""
        for _, message in sorted(self._sent.values(), key=_number, reverse=True):
            self.failed(message)

    def discard(self, topics: Set[str]) -> None:
        """Drop what waits for topics on which nothing may be published any more."""
        for topic in self._topics.keys() & topics:
            for number in self._topics.pop(topic):
                self.size -= len(self._waiting.pop(number).payload)
                self.counters.dropped += 1
            self._ready.pop(topic, None)

    def keep_newest(self, newest_only: bool) -> None:
        """Say whether a topic has no more than one message that waits from now on."""
        self._newest_only = newest_only
        if newest_only:
            for numbers in self._topics.values():
                while len(numbers) > 1:
                    self._replaced(numbers.popleft())

    def messages(self) -> Iterator[Outgoing]:
        """Yield all, the oldest first."""
        everything = [*self._sent.values(), *self._waiting.items()]
        return (message for _, message in sorted(everything, key=_number))

    def restore(self, messages: Iterable[Outgoing]) -> None:
        """Take what was kept over a restart; what there is already comes after it."""
        newer = list(self._waiting.values())
        while self._waiting:
            self._drop_oldest()
        for message in (*messages, *newer):
            self.add(message)

    def _replace(self, numbers: deque[int]) -> None:
        while numbers:
            self._replaced(numbers.popleft())

    def _replaced(self, number: int) -> None:
        self.size -= len(self._waiting.pop(number).payload)
        self.counters.replaced += 1

    def _make_room(self) -> None:
        """Drop the oldest ones until the rest has room."""
        while self._waiting and (
            len(self) > self._max_count
            or (self._max_bytes is not None and self.size > self._max_bytes)
        ):
            self._drop_oldest()
            self.counters.dropped += 1

    def _drop_oldest(self) -> None:
        number = next(iter(self._waiting))
        topic = self._waiting[number].topic
        self._remove(number)
        if topic not in self._topics:
            self._ready.pop(topic, None)

    def _remove(self, number: int) -> Outgoing:
        """Take out the oldest message of its topic."""
        message = self._waiting.pop(number)
        self.size -= len(message.payload)
        numbers = self._topics[message.topic]
        numbers.popleft()
        if not numbers:
            del self._topics[message.topic]
        return message

    def _end(self, message: Outgoing) -> bool:
        """Let the next of a topic be sent; tell whether this one was under way."""
        topic = message.topic
        if (sent := self._sent.get(topic)) is None or sent[1] is not message:
            return False
        del self._sent[topic]
        if topic in self._topics:
            self._ready[topic] = None
        return True


def _number(entry: tuple[int, Outgoing]) -> int:
    return entry[0]


class Outbox:
    """The lanes of a mirror, which have their turns so that none waits for another.

    - `state`: heartbeats and what is available; only the newest counts
    - `discovery`: what other systems are told of the datapoints; only the newest counts
    - `logs`: lines of the log
    - `values`: the values of datapoints
    - `replays`: values of the past, which must not take the place of newer ones
    - `raw`: raw messages
    """

    def __init__(
        self, *, max_values: int, max_raw: int, max_raw_bytes: int, keep_all: bool
    ) -> None:
        """Hold so much; without `keep_all` only the newest values wait for the broker."""
        self.state = Lane(10, newest_only=True)
        self.discovery = Lane(_MAX_DISCOVERY, newest_only=True)
        self.logs = Lane(100)
        self.values = Lane(max_values, newest_only=not keep_all)
        self.replays = Lane(max_values)
        self.raw = Lane(max_raw, max_raw_bytes)
        self._keep_all = keep_all
        self._lanes = deque(
            [
                self.state,
                self.discovery,
                self.logs,
                self.values,
                self.replays,
                self.raw,
            ]
        )

    def __len__(self) -> int:
        return sum(map(len, self._lanes))

    @property
    def dropped(self) -> int:
        """Count what was lost."""
        return sum(lane.counters.dropped for lane in self._lanes)

    @property
    def sent(self) -> int:
        """Count what arrived."""
        return sum(lane.counters.sent for lane in self._lanes)

    def take(self) -> tuple[Lane, Outgoing] | None:
        """Return what to send next and the lane that wants to know what becomes of it."""
        lanes = self._lanes
        for _ in range(len(lanes)):
            lane = lanes[0]
            lanes.rotate(-1)
            if (message := lane.take()) is not None:
                return lane, message
        return None

    def discard(self, topics: Set[str]) -> None:
        """Drop values for topics that are those of actuators now: they would be commands."""
        self.values.discard(topics)
        self.replays.discard(topics)

    def connected(self) -> None:
        """Keep all from now on: whoever listens gets each value, one after the other."""
        self.values.keep_newest(False)

    def lost(self) -> None:
        """Take back what was under way, and keep what is asked for."""
        for lane in self._lanes:
            lane.take_back()
        self.values.keep_newest(not self._keep_all)
