"""Raw values as Home Assistant takes them; nothing here ever raises."""

from datetime import UTC, datetime
import json
import re

from homeassistant.const import MAX_LENGTH_STATE_STATE

from .connector.model import JsonValue

# Instants that are plausible, 2001 to 2100, in seconds since the epoch.
_EPOCH = (978_307_200, 4_102_444_800)
ON = {"on": True, "off": False, "true": True, "false": False, "yes": True, "no": False}
OPEN = {"open": True, "opened": True, "closed": False, "close": False}
_TRUTH = ON | OPEN | {"1": True, "0": False}

_NUMBER = re.compile(
    r"\s*([+\-\u2212]?(?:[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)(?:[eE][+-]?[0-9]{1,3})?)\s*(.*?)\s*"
)
_THOUSANDS = re.compile(r"[+\-\u2212]?[1-9][0-9]{0,2},[0-9]{3}")
_ISO = re.compile(r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}[Tt ][0-9]")


def parse_number(text: str) -> tuple[float, str] | None:
    """Split a text into a number and what follows it, without spaces."""
    match = _NUMBER.fullmatch(text) if len(text) <= 64 else None
    if match is None:
        return None
    digits, rest = match.groups()
    if _THOUSANDS.fullmatch(digits):
        return None  # "1,234" is one in Berlin and a thousand in London
    digits = digits.replace(",", ".").replace("\N{MINUS SIGN}", "-")
    whole = digits.lstrip("+-").isdecimal()
    return (int(digits) if whole else float(digits)), "".join(rest.split())


def to_text(value: JsonValue) -> str | None:
    """Turn any value into text that fits a state."""
    return printable(value) if isinstance(value, str) else _json(value)


def _json(value: JsonValue) -> str | None:
    """Write compact JSON that fits a state."""
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except TypeError, ValueError, RecursionError:
        return None
    return printable(text)


def printable(text: str) -> str:
    """Cut text to a state's length, without what a database cannot store."""
    text = text[:MAX_LENGTH_STATE_STATE]
    if not text.isascii():  # a lone surrogate is no character
        text = text.encode("utf-8", "replace").decode()
    return text.replace("\0", "")


def to_enum(value: JsonValue) -> str | None:
    """Return a state's text; nothing, a list or an object is none."""
    text = None if isinstance(value, list | dict) else to_text(value)
    return (text and text.strip()) or None


def to_boolean(value: JsonValue) -> bool | None:
    """Understand true and false, as a word or a number too."""
    if isinstance(value, str):
        return _TRUTH.get(value.strip().lower())
    if isinstance(value, int | float) and value in (0, 1):
        return bool(value)
    return None


def to_timestamp(value: JsonValue) -> datetime | None:
    """Return an instant in UTC from ISO 8601 text, or from seconds since the epoch."""
    if isinstance(value, str):
        if (parsed := parse_number(value)) and not parsed[1]:
            return instant(parsed[0])
        moment = iso_instant(value.strip())
        return moment and instant(moment.timestamp())
    if isinstance(value, int | float) and not isinstance(value, bool):
        return instant(value)
    return None


def instant(number: float) -> datetime | None:
    """Return the instant of seconds or milliseconds since the epoch, if plausible."""
    seconds = number / 1000 if _EPOCH[1] < number <= _EPOCH[1] * 1000 else number
    if not _EPOCH[0] <= seconds <= _EPOCH[1]:
        return None
    return datetime.fromtimestamp(seconds, UTC)


def iso_instant(text: str) -> datetime | None:
    """Parse a date and time that says its time zone; without one it is no instant."""
    if not _ISO.match(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None
