"""Values -> JSON that every reader of a BEMCom stack can live with.

Upstream's API loses a thread for good when it cannot read a message (spec 1.10). So what is
written here is always JSON: without NaN, without text that is none, neither too deep nor with
more digits than Python's own parser takes.
"""

from collections.abc import Mapping
from enum import Enum
import json
import math
import re

import orjson

from ..connector.flatten import key_text
from ..connector.model import JsonValue
from ..connector.text_decoding import REPLACEMENT

# Deeper ones become null. The parsers of hubs allow no more than that either.
_MAX_DEPTH = 200
_MAX_BITS = 4096
# What MongoDB can hold.
_INT64 = range(-(2**63), 2**63)
_SMALL_INT = range(-(2**53), 2**53 + 1)

# Texts with them are no text to some databases, and surrogates are none to UTF-8.
_UNFIT = re.compile("[\x00\ud800-\udfff]")
_ESCAPED_NUL = b"\\u0000"

# What parsers of JSON make; a value of any other type becomes what it is as text.
JSON_TYPES = frozenset({bool, int, float, str, list, dict, type(None)})


def write_json(value: object) -> bytes:
    """Return JSON for any value: NaN is null, and what JSON does not know is its text."""
    try:
        written = orjson.dumps(value)
    except TypeError:  # all that orjson refuses, long integers among it
        return _dumps(fit(value))
    if _ESCAPED_NUL in written:
        return _dumps(fit(value))
    return written


def write_json_for_archive(value: object) -> bytes:
    """Do so, with integers that need more than 64 bits as text: MongoDB has none."""
    try:
        written = orjson.dumps(value, option=orjson.OPT_STRICT_INTEGER)
    except TypeError:
        return _dumps(fit(value, integers=_INT64))
    if _ESCAPED_NUL in written:
        return _dumps(fit(value, integers=_INT64))
    return written


def is_fit(text: str) -> bool:
    """Tell whether a text can be written as it is."""
    return _UNFIT.search(text) is None


def fit(value: object, depth: int = 0, integers: range | None = None) -> JsonValue:
    """Return what of a value JSON can say."""
    match value:
        case None | bool():
            return value
        case Enum():
            return fit(value.value, depth + 1, integers)
        case str():
            return _UNFIT.sub(REPLACEMENT, value)
        case int():
            return _integer(value, integers)
        case float():
            return float(value) if math.isfinite(value) else None
        case list() | tuple() | Mapping() if depth >= _MAX_DEPTH:
            return None
        case list() | tuple():
            return [fit(item, depth + 1, integers) for item in value]
        case Mapping():
            return {
                _UNFIT.sub(REPLACEMENT, key_text(key)): fit(item, depth + 1, integers)
                for key, item in value.items()
            }
    # As upstream does, with bytes above all.
    return _UNFIT.sub(REPLACEMENT, str(value))


def _integer(value: int, integers: range | None) -> JsonValue:
    """Return an integer, as text or null where it is too long."""
    if value in _SMALL_INT:
        return int(value)
    if value.bit_length() > _MAX_BITS:
        return None
    if integers is not None and value not in integers:
        return str(int(value))
    return int(value)


def _dumps(value: JsonValue) -> bytes:
    return json.dumps(value, allow_nan=False, separators=(",", ":")).encode()
