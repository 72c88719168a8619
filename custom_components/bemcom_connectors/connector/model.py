"""What flows through a connector."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

type JsonValue = (
    bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None
)


class ConnectorError(Exception):
    """Base of the engine's own errors; the text says what to do."""


class ParseError(ConnectorError):
    """A frame could not be turned into a message."""


class OptionsError(ConnectorError):
    """Framing or format options that cannot work.

    `option` names the option at fault, so that a form can show the text beside its field.
    """

    def __init__(self, option: str, reason: str) -> None:
        """Keep the option's name beside the reason."""
        super().__init__(reason)
        self.option = option


class Messages(list[JsonValue]):
    """Several messages that one frame carried, such as a YAML stream of documents.

    A type of its own, because a plain list is one message: an array.
    """


class PartialMessage(dict[str, JsonValue]):
    """A message of which some fields could not be read; `errors` says which and why."""

    def __init__(self, values: Mapping[str, JsonValue], errors: Sequence[str]) -> None:
        """Keep the errors beside the fields that could be read."""
        super().__init__(values)
        self.errors = tuple(errors)


class Chunk(NamedTuple):
    """Bytes as they were read, with the time on the monotonic clock, in seconds."""

    time: float
    data: bytes


# Made for every message, and twice as fast to make as when they were frozen: nobody changes
# what all listeners share.
@dataclass(slots=True)
class RawMessage:
    """One message as the device sent it.

    `timestamp` is when it was received, in milliseconds since the epoch (UTC).
    """

    payload: bytes | JsonValue
    timestamp: int


@dataclass(slots=True)
class Reading:
    """The datapoints of one message: key to value, with one timestamp.

    Keys are nested names joined with `__` (BEMCom); `timestamp` is the raw message's.
    """

    values: Mapping[str, JsonValue]
    timestamp: int


# Like a Reading, the other way round.
@dataclass(slots=True)
class Command:
    """A value for one datapoint; `timestamp` is when it was asked for, in milliseconds.

    That is BEMCom's send_command (spec 2.5). Any JSON value is one, null and false too.
    """

    key: str
    value: JsonValue
    timestamp: int


class CommandReason(StrEnum):
    """Why a command was not carried out."""

    UNKNOWN_KEY = "unknown_key"
    INVALID_VALUE = "invalid_value"
    NOT_SUPPORTED = "not_supported"
    NOT_CONNECTED = "not_connected"
    EXPIRED = "expired"
    BUSY = "busy"
    NOT_TAKEN = "not_taken"
    NO_REPLY = "no_reply"
    INVALID_REPLY = "invalid_reply"
    REFUSED = "refused"
    FAILED = "failed"


class CommandError(ConnectorError):
    """A command was not carried out, for `reason`; the text says what was wrong with it."""

    def __init__(self, reason: CommandReason, text: str = "") -> None:
        """Keep the reason beside the text."""
        super().__init__(text)
        self.reason = reason


class LinkReason(StrEnum):
    """Why a link is down."""

    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    UNKNOWN_HOST = "unknown_host"
    TIMEOUT = "timeout"
    TLS = "tls"
    CERTIFICATE = "certificate"
    CLOSED = "closed"
    RESET = "reset"
    SILENT = "silent"
    FAILED = "failed"
    PORT_MISSING = "port_missing"
    PORT_BUSY = "port_busy"
    PERMISSION = "permission"
    SETTING = "setting"
    ADDRESS_IN_USE = "address_in_use"
    ADDRESS_INVALID = "address_invalid"


class LinkError(ConnectorError):
    """A link could not be opened, or was lost, for `reason`.

    `detail` is what the system or the TLS library said about it, where that helps.
    """

    def __init__(self, reason: LinkReason, text: str, detail: object = "") -> None:
        """Keep the reason beside the text."""
        super().__init__(f"{text}: {detail}" if detail else text)
        self.reason = reason
        self.detail = str(detail)
