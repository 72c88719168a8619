"""The reply to a request: how it is told from everything else, and read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .framer import Framer
from .model import JsonValue

DEFAULT_REPLY_TIMEOUT = 2.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Expectation:
    """The reply that one request waits for."""

    timeout: float
    # None: it is framed as everything on the link is.
    create_framer: Callable[[], Framer] | None
    is_reply: Callable[[bytes], bool]
    # Whether a frame of its own framing, a prefix or a pattern tells it from a reading.
    specific: bool
    # Of a frame that is the reply; raises CommandError, also for a refusal.
    decode: Callable[[bytes], JsonValue]


class ReplyRule:
    """What replies look like; made once, for all requests of an actuator."""

    def expect(self, variables: Mapping[str, object]) -> Expectation:
        """Return what one request waits for; `variables` as in its template."""
        raise NotImplementedError


def create_reply_rule(options: Mapping[str, Any]) -> ReplyRule | None:
    """Return what replies look like by the `reply_` options; None: there are none."""
    raise NotImplementedError
