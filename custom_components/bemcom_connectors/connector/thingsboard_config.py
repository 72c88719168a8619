"""What a pasted ThingsBoard configuration is: told apart, whatever is read from it."""

import codecs
from collections.abc import Container, Mapping
from typing import Any

from .json_format import parse_json
from .model import Messages, OptionsError, ParseError
from .text_decoding import ENCODINGS

type Config = Mapping[str, Any]

_MAX_LENGTH = 256 * 1024


def config_error(reason: str) -> OptionsError:
    """Return the error for what cannot be read."""
    return OptionsError("thingsboard", reason)


def load_config(text: str) -> Any:
    """Return the value of the text, which may be a part cut out of an object."""
    text = text.strip()
    if len(text) > _MAX_LENGTH:
        raise config_error("This is too long; paste one device")
    if text.startswith('"'):
        text = "{" + text.rstrip(",") + "}"
    try:
        config = parse_json(text.encode(errors="replace"))
    except ParseError as err:
        raise config_error(f"{err}. Paste the whole configuration") from err
    if isinstance(config, Messages) or not isinstance(config, dict | list):
        raise config_error("Paste the configuration of one connector, as JSON")
    return config


def free_key(key: str, taken: Container[str]) -> str:
    """Return a key that is not taken yet."""
    while key in taken:
        key += "_"
    return key


def converter_of(device: Config) -> str:
    """Return the name of the converter that a device's frames go through."""
    return str(device.get("converter") or device.get("uplink_converter") or "")


def is_socket_device(outer: Config, device: Config) -> bool:
    """Tell a device of the socket connector from one of the serial connector."""
    return (
        "socket" in outer
        or bool({"address", "addressFilter"} & set(device))
        or "Socket" in converter_of(device)
    )


def encoding_of(given: str) -> str:
    """Return the encoding of ours that goes by this name."""
    try:
        codec = codecs.lookup(given).name
    except LookupError, ValueError:
        codec = ""
    for encoding in ENCODINGS:
        if codecs.lookup(encoding).name == codec:
            return encoding
    raise config_error(
        f"The encoding {given!r:.40} is not supported; use hex or one of "
        f"{', '.join(ENCODINGS)}"
    )
