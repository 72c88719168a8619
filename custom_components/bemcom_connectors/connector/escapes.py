"""Bytes written as text with escapes, the way people type a delimiter or a command."""

import re

from .model import ConnectorError

_SIMPLE = {
    "n": b"\n",
    "r": b"\r",
    "t": b"\t",
    "0": b"\0",
    "\\": b"\\",
}
_ESCAPE = re.compile(r"\\(x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|.|$)", re.DOTALL)


class EscapeError(ConnectorError):
    r"""A backslash that starts none of \n \r \t \0 \\ \xHH \uHHHH."""


def unescape(text: str) -> bytes:
    r"""Return the bytes that `text` stands for: UTF-8, with \n \r \t \0 \\ \xHH \uHHHH.

    Raises EscapeError for any other use of a backslash.
    """
    parts: list[bytes] = []
    end = 0
    for match in _ESCAPE.finditer(text):
        parts.append(text[end : match.start()].encode())
        end = match.end()
        code = match[1]
        if code in _SIMPLE:
            parts.append(_SIMPLE[code])
        elif len(code) == 3:
            parts.append(bytes([int(code[1:], 16)]))
        elif len(code) == 5 and not 0xD800 <= int(code[1:], 16) <= 0xDFFF:
            parts.append(chr(int(code[1:], 16)).encode())
        else:
            raise EscapeError(
                f"{match[0]!r} is no escape; use \\n, \\r, \\t, \\0, \\\\ or \\x03"
            )
    parts.append(text[end:].encode())
    return b"".join(parts)


_WRITTEN = {char.decode(): f"\\{code}" for code, char in _SIMPLE.items()}


def escape(text: str) -> str:
    """Return what `unescape` makes the text of."""
    return "".join(_WRITTEN.get(char) or _escape_one(char) for char in text)


def _escape_one(char: str) -> str:
    """Return a character that is no simple escape, with one where it cannot be seen."""
    if char.isprintable() or ord(char) > 0xFFFF:
        return char
    return f"\\x{ord(char):02x}" if ord(char) < 0x80 else f"\\u{ord(char):04x}"
