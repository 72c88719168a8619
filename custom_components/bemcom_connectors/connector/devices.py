"""Telling apart the devices that share a link."""

from collections.abc import Iterator, Mapping

from .flatten import SEPARATOR
from .model import JsonValue, Messages


def parts_of(parsed: JsonValue | Messages, id_key: str) -> Iterator[JsonValue]:
    """Yield the messages in what was parsed; a list of devices is one for each of them."""
    if isinstance(parsed, Messages):
        for part in parsed:
            yield from parts_of(part, id_key)
    elif (
        id_key
        and isinstance(parsed, list)
        and all(_may_have(part, id_key) for part in parsed)
    ):
        yield from parsed
    else:
        yield parsed


def _may_have(part: JsonValue, id_key: str) -> bool:
    """Tell whether an element of a list is a device's: it has the id, or what it is in."""
    names = {id_key, id_key.partition(SEPARATOR)[0]}
    return isinstance(part, dict) and not names.isdisjoint(part)


def device_of(values: Mapping[str, JsonValue], id_key: str) -> str | None:
    """Return the id of the device that a message is from; None: the hub itself.

    `id_key` is the flattened key of the field that tells devices apart, be it a field of
    the message, a slice or a group of a pattern.
    """
    value = values.get(id_key)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = "".join(char for char in str(value) if char.isprintable()).strip()
    return text or None


def with_device(
    values: Mapping[str, JsonValue], id_key: str, device_id: str
) -> dict[str, JsonValue]:
    """Return the values of a device with its id before their keys, the id itself left out."""
    return {
        device_key(device_id, key): value
        for key, value in values.items()
        if key != id_key
    }


def device_key(device_id: str, key: str) -> str:
    """Return the key of a device's datapoint: unique on the hub, nested as BEMCom's are."""
    return f"{device_id}{SEPARATOR}{key}"


def own_key(key: str, device_id: str | None) -> str:
    """Return the key that a device itself gave a datapoint."""
    return key if device_id is None else key[len(device_id) + len(SEPARATOR) :]
