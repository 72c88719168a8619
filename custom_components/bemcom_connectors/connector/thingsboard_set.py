"""ThingsBoard's own method of sockets: `set` writes a value to one of the clients."""

import re
from typing import NamedTuple

from .encoding import EncodingError, encode_text, parse_hex
from .model import CommandError, CommandReason, JsonValue

METHOD = "set"

# As in address=127.0.0.1;port=50001;encoding=utf-8;value=80; (the encoding may be missing).
_PARAMS = re.compile(
    r"address=(?P<address>[^;]*);\s*port=(?P<port>\d{1,5});\s*"
    r"(?:encoding=(?P<encoding>[^;]*);\s*)?value=(?P<value>.*?);?",
    re.DOTALL,
)


class SetRequest(NamedTuple):
    """What is to be written, and to whom."""

    address: str
    port: int
    data: bytes


def read_set(params: JsonValue) -> SetRequest:
    """Return what the parameters of `set` say (vector socket-rpc-set).

    Raises CommandError for what they cannot say.
    """
    match = _PARAMS.fullmatch(params.strip()) if isinstance(params, str) else None
    if match is None:
        raise _invalid(
            f"{params!r:.100} is not of the form address=...;port=...;value=...;"
        )
    encoding = (match["encoding"] or "utf-8").strip()
    try:
        if encoding.lower() == "hex":
            data = parse_hex(match["value"])
        else:
            data = encode_text(match["value"], encoding)
    except EncodingError as err:
        raise _invalid(str(err)) from err
    except LookupError:
        raise _invalid(f"{encoding!r:.40} is no encoding") from None
    return SetRequest(match["address"].strip(), int(match["port"]), data)


def _invalid(text: str) -> CommandError:
    return CommandError(CommandReason.INVALID_VALUE, text)
