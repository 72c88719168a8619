"""ThingsBoard's attribute updates and remote calls, pasted -> the options of actuators."""

from collections.abc import Iterable
import re
from typing import Any

from .actuators import ActuatorKind
from .commands import create_command
from .escapes import escape
from .model import OptionsError
from .slices import SliceType
from .thingsboard_config import (
    Config,
    config_error,
    encoding_of,
    free_key,
    is_socket_device,
    load_config,
)

_UPDATES = "attributeUpdates"
_CALLS = "serverSideRpc"
_ATTRIBUTES = ("attributeOnPlatform", "attributeOnThingsBoard")
_METHODS = ("method", "methodRPC")
_SOCKET_ONLY = {"methodRPC", "methodProcessing"}
_REPLY_TIMEOUT = 5.0
_REPLY_BYTES = {
    "responseFromByte": "reply_from_byte",
    "responseToByte": "reply_to_byte",
}


def read_thingsboard_commands(
    text: str, taken: Iterable[str] = ()
) -> list[dict[str, Any]]:
    """Return the options of the actuators that do what the pasted connector would.

    That is a whole connector, of which one device may have commands, one device, its sections
    `attributeUpdates` and `serverSideRpc`, or the entries of one. Keys in `taken` are given to
    none. Raises OptionsError, always for `thingsboard`, if it is none of these.
    """
    config = load_config(text)
    outer = config if isinstance(config, dict) else {}
    device = _find_device(config)
    socket = _is_socket(outer, device)
    shared = _socket_options(device) if socket else {"encoding": "template"}
    keys = set(taken)
    found: list[dict[str, Any]] = []
    for number, entry in _entries(device, _UPDATES):
        found.append(_read_update(number, entry, shared, keys))
        keys.add(found[-1]["key"])
    for number, entry in _entries(device, _CALLS):
        options = _read_call(number, entry, device, shared, keys)
        if entry.get("withResponse") is True:
            options |= _socket_reply(shared) if socket else _serial_reply(entry)
        found.append(options)
        keys.add(options["key"])
    for options in found:
        try:
            create_command(options)
        except OptionsError as err:
            raise config_error(f"{options['key']:.60} cannot be used: {err}") from err
    return found


# What was pasted


def _find_device(config: Any) -> Config:
    """Return the device with commands, or what was pasted of it as one."""
    if isinstance(config, dict):
        devices = config.get("devices", [_as_device([config]) or config])
    else:
        devices = [_as_device(config)] if _as_device(config) else config
    if not isinstance(devices, list):
        raise config_error("The devices are no list")
    found: list[Config] = [device for device in devices if _has_commands(device)]
    if not found:
        raise config_error(
            f"There is no command in it; paste a device with {_UPDATES} or {_CALLS}"
        )
    if len(found) > 1:
        raise config_error(f"There are {len(found)} devices in it; paste one of them")
    return found[0]


def _as_device(entries: list[Any]) -> Config | None:
    """Return bare entries as the sections they are from, if they are any."""
    updates = [it for it in entries if _name_of(it, _ATTRIBUTES) is not None]
    calls = [it for it in entries if _name_of(it, _METHODS) is not None]
    return {_UPDATES: updates, _CALLS: calls} if updates or calls else None


def _has_commands(device: object) -> bool:
    return isinstance(device, dict) and bool(device.get(_UPDATES) or device.get(_CALLS))


def _name_of(entry: object, spellings: Iterable[str]) -> str | None:
    """Return what an entry is for, in the spelling of either generation."""
    if not isinstance(entry, dict):
        return None
    for spelling in spellings:
        given = entry.get(spelling)
        if isinstance(given, str) and given.strip():
            return given
    return None


def _entries(device: Config, section: str) -> Iterable[tuple[int, Config]]:
    """Yield the entries of a section with their numbers."""
    entries = device.get(section) or []
    if not isinstance(entries, list):
        raise config_error(f"{section} is no list")
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, dict):
            raise config_error(f"Entry {number} of {section} is no set of settings")
        yield number, entry


def _socket_options(device: Config) -> dict[str, Any]:
    """Return the options of all texts on a socket: they have the encoding of the device."""
    encoding = str(device.get("encoding") or "utf-8")
    if encoding.lower() == "hex":
        return {"encoding": "hex"}
    return {"encoding": "template", "text_encoding": encoding_of(encoding)}


def _is_socket(outer: Config, device: Config) -> bool:
    calls = [entry for _, entry in _entries(device, _CALLS)]
    return is_socket_device(outer, device) or any(
        _SOCKET_ONLY & set(it) for it in calls
    )


# Attribute updates


def _read_update(
    number: int, entry: Config, shared: Config, taken: set[str]
) -> dict[str, Any]:
    """Return the options of the text that an attribute is sent as."""
    attribute = _name_of(entry, _ATTRIBUTES)
    if attribute is None:
        raise config_error(f"Entry {number} of {_UPDATES} names no attribute")
    written = entry.get("stringToDevice")
    if not isinstance(written, str | None):
        raise config_error(f"The stringToDevice of {attribute!r:.60} is no text")
    return {
        "key": free_key(attribute, taken),
        "kind": ActuatorKind.TEXT.value,
        **shared,
        "template": "${value}" if written is None else _template(written, attribute),
    }


def _template(written: str, attribute: str) -> str:
    """Return a text of theirs as a template of ours; what they do not know stays as it is."""
    known = {name: f"${{{name}}}" for name in ("deviceName", "deviceType")}
    known[attribute] = "${value}"
    names = "|".join(map(re.escape, known))
    parts = re.split(rf"\$\{{({names})\}}", written)
    last = len(parts) - 1
    return "".join(
        known[part] if place % 2 else _literal(part, before_value=place < last)
        for place, part in enumerate(parts)
    )


def _literal(text: str, *, before_value: bool) -> str:
    """Return a template of ours that is this text and nothing else."""
    text = escape(text).replace("${", "$${")
    # A dollar right before a value would make a text of its placeholder.
    return f"{text[:-1]}\\x24" if before_value and text.endswith("$") else text


# Remote calls


def _read_call(
    number: int, entry: Config, device: Config, shared: Config, taken: set[str]
) -> dict[str, Any]:
    """Return the options of a method: what its params are sent as."""
    method = _name_of(entry, _METHODS)
    if method is None:
        raise config_error(f"Entry {number} of {_CALLS} names no method")
    options = {"key": free_key(method, taken), "kind": ActuatorKind.METHOD.value}
    match entry.get("type"):
        case "int":
            options |= {"encoding": "binary", "binary_type": "int"}
            options |= {"byte_order": _byte_order(device)}
        case "float" | "double":
            options |= {"encoding": "binary", "binary_type": "float"}
            options |= {"byte_order": _byte_order(device)}
        case _:
            options |= {**shared, "template": "${value}"}
    return options


def _byte_order(device: Config) -> str:
    given = device.get("byteorder") or "big"
    order = given.lower() if isinstance(given, str) else ""
    if order not in {"big", "little"}:
        raise config_error(f"The byteorder {given!r:.40} is neither big nor little")
    return order


def _socket_reply(shared: Config) -> dict[str, Any]:
    """Return the options of a reply that is whatever comes next, as a text."""
    type_ = SliceType.HEX if shared["encoding"] == "hex" else SliceType.STRING
    return {"reply_framing": "hub", "reply_type": type_.value}


def _serial_reply(entry: Config) -> dict[str, Any]:
    """Return the options of a reply; it ends with its delimiter, or as every message does.

    Upstream waits for the device's own delimiter, although another one is asked for, until the
    time is up.
    """
    type_ = entry.get("responseType")
    known = type_ in tuple(SliceType)
    options: dict[str, Any] = {
        "reply_framing": "hub",
        "reply_type": str(type_) if known else SliceType.HEX.value,
        "reply_timeout": _timeout(entry),
    }
    for theirs, ours in _REPLY_BYTES.items():
        if entry.get(theirs) is not None:
            options[ours] = entry[theirs]
    if start := _delimiter(entry, "responseFromDelimiter"):
        options["reply_from_delimiter"] = start
    if end := _delimiter(entry, "responseUntilDelimiter"):
        options |= {
            "reply_framing": "delimiter",
            "reply_delimiter": end,
            # Positions count from the end of the frame, the delimiter being part of it.
            "reply_keep_delimiter": True,
            "reply_until_delimiter": end,
        }
    return options


def _timeout(entry: Config) -> float:
    given = entry.get("responseTimeoutSec")
    if given is None:
        return _REPLY_TIMEOUT
    if isinstance(given, bool) or not isinstance(given, int | float) or given <= 0:
        raise config_error(f"The responseTimeoutSec {given!r:.40} is no time")
    return float(given)


def _delimiter(entry: Config, name: str) -> str:
    given = entry.get(name)
    if not isinstance(given, str | None):
        raise config_error(f"The {name} {given!r:.40} is no text")
    return escape(given or "")
