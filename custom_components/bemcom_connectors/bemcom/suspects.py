"""Which message it is that makes a broker hang up.

MQTT 3.1.1 has no word for a message that is too large, or on a topic that is not for us: some
brokers break off the connection then. Sent again on the next one it would do so for ever. So
what was under way when a connection broke twice is sent alone, and given up in the end. But a
broker that breaks off by itself, again and again, makes them look guilty that are not: so each
has another chance after a while.
"""

from collections.abc import Iterable
from typing import NamedTuple

from .outbox import Outgoing

# After so many lost connections a message is sent alone, and after so many more given up.
_SUSPECT = 2
_ATTEMPTS = 3
# A broker that hangs up because of a message does so soon, in seconds; others just went away.
AT_ONCE = 10.0

_MAX_KNOWN = 1_000

# So long nothing of a topic is sent that may cost the connection, in seconds: longer each time.
_FIRST_PAUSE = 600.0
_LONGEST_PAUSE = 86_400.0


class _GivenUp(NamedTuple):
    """A message that was given up: its mark, until when, and for how long."""

    size: int
    content: int
    until: float
    pause: float


class Suspects:
    """Topics of which the messages may be at fault; most of them just were there."""

    def __init__(self) -> None:
        """Suspect nothing."""
        self._lost: dict[str, int] = {}
        # By topic; anything shorter may still be taken.
        self._given_up: dict[str, _GivenUp] = {}

    def __contains__(self, topic: str) -> bool:
        """Tell whether messages of a topic are to be sent alone."""
        return self._lost.get(topic, 0) >= _SUSPECT

    def is_given_up(self, message: Outgoing, now: float) -> bool:
        """Tell whether a message would only cost the connection."""
        given_up = self._given_up.get(message.topic)
        return (
            given_up is not None
            and now < given_up.until
            and len(message.payload) >= given_up.size
        )

    def is_counted(self, message: Outgoing, now: float) -> bool:
        """Tell whether it is the very message that was given up, published once more."""
        return self.is_given_up(message, now) and (
            self._given_up[message.topic].content == hash(message.payload)
        )

    def arrived(self, message: Outgoing) -> None:
        """Take one off the list."""
        topic = message.topic
        self._lost.pop(topic, None)
        given_up = self._given_up.get(topic)
        if given_up is not None and len(message.payload) >= given_up.size:
            del self._given_up[topic]

    def lost_with(self, messages: Iterable[Outgoing]) -> None:
        """Note what was under way, all of it together, when the connection broke."""
        for message in messages:
            count = self._lost.get(message.topic, 0) + 1
            self._lost[message.topic] = min(count, _SUSPECT)
        if len(self._lost) > _MAX_KNOWN:
            self._lost.clear()

    def lost_alone_with(self, message: Outgoing, now: float) -> bool:
        """Note that the connection broke at once after a message; tell if it is given up."""
        topic = message.topic
        self._lost[topic] = count = self._lost.get(topic, _SUSPECT) + 1
        if count < _SUSPECT + _ATTEMPTS:
            return False
        del self._lost[topic]
        if len(self._given_up) >= _MAX_KNOWN:
            self._given_up.clear()
        before = self._given_up.get(topic)
        pause = min(2 * before.pause, _LONGEST_PAUSE) if before else _FIRST_PAUSE
        payload = message.payload
        self._given_up[topic] = _GivenUp(
            len(payload), hash(payload), now + pause, pause
        )
        return True
