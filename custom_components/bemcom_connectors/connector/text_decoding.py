"""Bytes -> text, in the encoding of the device."""

import codecs
from collections.abc import Callable

from .model import OptionsError

# What stands for bytes that are no text in the encoding of the device.
REPLACEMENT = "\ufffd"
ENCODINGS = ("utf-8", "ascii", "latin-1", "cp1252", "utf-16")


def checked_encoding(given: object) -> str:
    """Return the encoding that is asked for, UTF-8 for none, or raise OptionsError."""
    if given is None or given == "":
        return "utf-8"
    if not isinstance(given, str) or given not in ENCODINGS:
        raise OptionsError("encoding", f"{given!r} is none of {', '.join(ENCODINGS)}")
    return given


def decode_utf8(frame: bytes) -> str:
    """Return the text of a frame in UTF-8, without a byte order mark."""
    return frame.removeprefix(codecs.BOM_UTF8).decode(errors="replace")


def create_decoder(given: object) -> Callable[[bytes], str]:
    """Return what makes text of any bytes; what cannot be read becomes REPLACEMENT."""
    encoding = checked_encoding(given)
    if encoding == "utf-8":
        return decode_utf8

    def decode(frame: bytes) -> str:
        if encoding != "utf-16":
            frame = frame.removeprefix(codecs.BOM_UTF8)
        return frame.decode(encoding, errors="replace")

    return decode
