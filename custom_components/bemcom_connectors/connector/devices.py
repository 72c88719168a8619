"""Telling apart the devices that share a link."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from .flatten import SEPARATOR
from .model import JsonValue, Messages, ParseError

FOREIGN = (
    "Ignoring values for %.60r: two devices give it one key; let the ids of devices have no "
    "__ in them"
)


class Device(NamedTuple):
    """A device as SEPL knows it: its id on the link, what kind it is, and its name."""

    id: str
    type: str = "default"
    name: str = ""


class Devices:
    """The devices of a link: which message is from which, and which datapoint is whose.

    `id_key` is the flattened key of the field that tells them apart, be it a field of the
    message, a slice or a group of a pattern; empty: there is one device, the hub itself.
    """

    def __init__(self, id_key: str = "") -> None:
        """Know none yet."""
        self.id_key = id_key
        self._owners: dict[str, str | None] = {}
        # Those that somebody named, by their id; None is the hub itself.
        self.named: dict[str | None, Device] = {}

    def get(self, device_id: str | None) -> Device:
        """Return a device; of one that nobody named only its id is known."""
        return self.named.get(device_id) or Device(
            device_id or "", name=device_id or ""
        )

    def parts_of(self, parsed: JsonValue | Messages) -> Iterator[JsonValue]:
        """Yield the messages in what was parsed; a list of devices is one for each."""
        if isinstance(parsed, Messages):
            for part in parsed:
                yield from self.parts_of(part)
        elif isinstance(parsed, list) and any(map(self._has_id, parsed)):
            yield from parsed
        else:
            yield parsed

    def take(
        self, values: dict[str, JsonValue], *, complete: bool = True
    ) -> tuple[str | None, dict[str, JsonValue]]:
        """Return whose the values of a message are, None being the hub, and under which keys.

        Raises ParseError where the id cannot be used, or may be among what could not be read
        of an incomplete message.
        """
        device_id = device_of(values, self.id_key)
        if device_id is not None:
            return device_id, with_device(values, self.id_key, device_id)
        if self.id_key in values or not complete:
            raise ParseError("The id of the device could not be read")
        return None, values

    def foreign(self, keys: Iterable[str], device_id: str | None) -> list[str]:
        """Return the keys that are another device's: ids and names may add up to the same."""
        owners = self._owners
        return [key for key in keys if owners.get(key, device_id) != device_id]

    def claim(self, keys: Iterable[str], device_id: str | None) -> None:
        """Note that new datapoints are a device's."""
        self._owners.update(dict.fromkeys(keys, device_id))

    def forget(self, key: str) -> None:
        """Let a datapoint be anybody's again."""
        self._owners.pop(key, None)

    def _has_id(self, part: JsonValue) -> bool:
        """Tell whether an element of a list is a device's: it has the id, or what it is in."""
        if not self.id_key or not isinstance(part, dict):
            return False
        return self.id_key in part or self.id_key.partition(SEPARATOR)[0] in part


def device_of(values: Mapping[str, JsonValue], id_key: str) -> str | None:
    """Return the id of the device that a message is from; None: there is no usable one."""
    value = values.get(id_key)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    # A raw byte is an id too, and must not be taken for another one.
    text = str(value).strip()
    return "".join(it if it.isprintable() else repr(it)[1:-1] for it in text) or None


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
