"""Frames as they may be shown: without id tags, passwords and keys."""

import re
from typing import Any

import orjson

# What is kept of a frame; secrets are looked for in more than that, because what makes a
# value a secret may follow it.
SHOWN = 256
_SEARCHED = 4096
# Frames with escaped characters are read and written again, up to this size.
_MAX_REWRITTEN = 65536

# Keys of AuthorizationKey, and of what vendors made up.
_SECRET_KEY = re.compile(
    r"authorization_?key|passw|passphrase|secret|credential|pwd|psk|token|private"
    r"|(pin|puk)(?=$|\W)",
    re.IGNORECASE,
)
_TAG_KEY = re.compile(r"id_?tag|plugandchargeid|defaulttag", re.IGNORECASE)

_HIDDEN = "***"
_STRING = r'"(?:[^"\\]|\\.)*"?'
# JSON within a text has its quotes escaped.
_INNER = r'\\+"(?:(?!\\+").)*'
_VALUE = rf"({_STRING}|{_INNER}|[^\s\"\\][^,}}\]\s]*)"
_SECRETS = ("passw", "authorizationkey", "secret")
# Fields that nobody may read: secrets, id tags, and numbers of one device or SIM card.
_PRIVATE = (
    *_SECRETS,
    "idtag",
    "credential",
    "token",
    "pwd",
    "serialnumber",
    "iccid",
    "imsi",
)
_SECRET_FIELD = re.compile(
    rf'("[^"\\]{{0,40}}(?:{"|".join(_PRIVATE)}|passw(?:or)?d))(\\*"\s*:\s*)' + _VALUE,
    re.IGNORECASE | re.DOTALL,
)
_CONFIGURED = re.compile(r'(value\\*"\s*:\s*)' + _VALUE, re.IGNORECASE | re.DOTALL)
_USER_OF_URL = re.compile(r'(://)[^/\s"\\@]*@')


def is_secret_key(name: str) -> bool:
    """Tell whether the value of a configuration key is a secret."""
    return _SECRET_KEY.search(name) is not None


def shown_setting(key: str, value: Any) -> Any:
    """Return the value of a configuration key, unless it is a secret that is set."""
    return _HIDDEN if value and is_secret_key(key) else value


def is_tag_key(name: str) -> bool:
    """Tell whether the value of a configuration key is an id tag."""
    return _TAG_KEY.search(name) is not None


def names_private_key(text: str) -> bool:
    """Tell whether a configuration key whose value is private stands in a frame."""
    return is_secret_key(text) or is_tag_key(text)


def redact_frame(data: str | bytes) -> str:
    """Return the beginning of a frame, without what nobody may read."""
    text = (
        data[:_SEARCHED].decode(errors="replace")
        if isinstance(data, bytes)
        else data[:_SEARCHED]
    )
    if "\\" in text:
        text = _without_escapes(data, text)
    lower = text.lower()
    # Values of a configuration: which of them is the secret depends on the key beside it.
    has_private_field = any(map(lower.__contains__, _PRIVATE))
    if ("configuration" in lower and names_private_key(lower)) or (
        has_private_field and any(map(lower.__contains__, _SECRETS))
    ):
        text = _CONFIGURED.sub(rf'\1"{_HIDDEN}"', text)
    if has_private_field:
        text = _SECRET_FIELD.sub(rf'\1\2"{_HIDDEN}"', text)
    if "://" in text:
        text = _USER_OF_URL.sub(rf"\1{_HIDDEN}@", text)
    return text[:SHOWN]


def _without_escapes(data: str | bytes, text: str) -> str:
    """Return a frame with its characters written plainly, so that keys can be found."""
    if len(data) <= _MAX_REWRITTEN:
        try:
            return orjson.dumps(orjson.loads(data)).decode()[:_SEARCHED]
        except orjson.JSONDecodeError:
            pass
    # What stands in it cannot be told.
    return "(escaped characters)" if "\\u" in text else text
