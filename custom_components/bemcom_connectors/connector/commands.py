"""Commands of a stream hub: an actuator, how its values are written, and the reply."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .actuators import Actuator
from .devices import Device
from .model import JsonValue
from .replies import ReplyRule

# The user's own encoder: key and value to bytes. It takes its time.
type SlowEncoder = Callable[[str, JsonValue], bytes]


@dataclass(frozen=True, kw_only=True, slots=True)
class StreamCommand:
    """How an actuator of a stream hub is set.

    `encode` takes what the actuator accepted and the device it is for, and returns the bytes;
    it raises CommandError for what cannot be written. A `slow` one is called in a thread.
    """

    actuator: Actuator
    encode: Callable[[JsonValue, Device], bytes]
    slow: bool = False
    reply: ReplyRule | None = None


def create_command(
    options: Mapping[str, Any],
    find_encoder: Callable[[str], SlowEncoder] | None = None,
) -> StreamCommand:
    """Return a command by its options; OptionsError where they cannot work.

    `find_encoder` returns the encoder of the converter with a name.
    """
    raise NotImplementedError
