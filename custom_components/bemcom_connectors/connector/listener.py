"""What a connector tells, and what it counts."""

from collections.abc import Mapping
from dataclasses import dataclass

from .messages import Message
from .model import Command, JsonValue, LinkError, RawMessage, Reading


class Listener:
    """What a connector tells; override what you want to hear.

    Called in the event loop, in the order of the messages; a call must not block.
    """

    def on_reading(self, reading: Reading) -> None:
        """Take the datapoints of one message."""

    def on_raw_message(self, message: RawMessage) -> None:
        """Take a message as the device sent it, before it is parsed."""

    def on_connection(self, online: bool, error: LinkError | None) -> None:
        """Take a change of the link: up, or down for the reason in `error`."""

    def on_datapoints(
        self, added: Mapping[str, JsonValue], device_id: str | None
    ) -> None:
        """Take datapoints never seen before, with their first values.

        With a `device_id` they are those of one of several devices on the link, and their
        keys begin with it.
        """

    def on_message(self, message: Message) -> None:
        """Take a message in SEPL's envelope, which is no reading.

        While somebody wants them (`want_frames`) it is every other message too: as its text,
        without an endpoint.
        """

    def on_command(self, command: Command, reply: JsonValue) -> None:
        """Take a command that was carried out, its value as it was sent.

        `reply` is what the device answered; None: it was not asked to answer.
        """


@dataclass(slots=True)
class Statistics:
    """What a connector has counted since it was made."""

    messages: int = 0
    parse_errors: int = 0
    field_errors: int = 0
    undecodable: int = 0
    listener_errors: int = 0
    ignored_datapoints: int = 0
    # Values of one device under the key of another's.
    key_conflicts: int = 0
    connections: int = 0
    # Commands that were carried out, and those that were not.
    commands: int = 0
    command_errors: int = 0
    # Replies that came after nobody waited for them any more.
    late_replies: int = 0
    # Milliseconds since the epoch, as in a Reading.
    last_message: int | None = None
    # How many messages came since the last one that had datapoints, and why the latest of
    # them had none.
    fruitless: int = 0
    refusal: str = ""


# One of the latest messages and what became of it: timestamp, payload (its beginning, if it
# is long), size in bytes, and the number of datapoints it gave or why it gave none.
type HistoryEntry = tuple[int, bytes | JsonValue, int | None, int | str]
