"""The datapoints and devices of a hub that its dialogs offer, loaded or not."""

from collections.abc import Mapping

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers.selector import SelectOptionDict

from .connector.devices import Device
from .connector.model import JsonValue
from .datapoint_catalog import datapoint_store
from .descriptions import DatapointDescription
from .stored_descriptions import from_dict
from .values import to_text

_MAX_SHOWN = 40


async def async_guesses(
    hass: HomeAssistant, entry: ConfigEntry
) -> Mapping[str, DatapointDescription]:
    """Return how the datapoints seen so far look without the user's word."""
    if entry.state is ConfigEntryState.LOADED:
        return dict(entry.runtime_data.guesses)
    stored = await datapoint_store(hass, entry.entry_id).async_load() or {}
    guesses = ((key, from_dict(data)) for key, data in stored.items())
    return {key: guess for key, guess in guesses if guess is not None}


def latest_value(entry: ConfigEntry, key: str) -> JsonValue:
    """Return the latest value of a datapoint; none of a hub that is not loaded."""
    if entry.state is not ConfigEntryState.LOADED:
        return None
    value: JsonValue = entry.runtime_data.data.get(key)
    return value


def datapoint_choice(
    entry: ConfigEntry, key: str, guess: DatapointDescription
) -> SelectOptionDict:
    """Return a datapoint as a drop-down offers it."""
    return SelectOptionDict(value=key, label=_label(guess, latest_value(entry, key)))


def device_choice(device: Device) -> SelectOptionDict:
    """Return a device of the link as a drop-down offers it."""
    named = device.name not in {"", device.id}
    label = f"{plain(device.name)} ({plain(device.id)})" if named else plain(device.id)
    return SelectOptionDict(value=device.id, label=label)


def known_devices(
    entry: ConfigEntry, guesses: Mapping[str, DatapointDescription]
) -> dict[str, Device]:
    """Return the devices that share the link of a hub, by their ids."""
    ids = [guess.device_id for guess in guesses.values()]
    if entry.state is ConfigEntryState.LOADED:
        ids.extend(entry.runtime_data.connector.devices.named)
    return {it: device_of(entry, it) for it in dict.fromkeys(ids) if it is not None}


def device_of(entry: ConfigEntry, device_id: str | None) -> Device:
    """Return a device of the link, None being the hub itself."""
    if entry.state is ConfigEntryState.LOADED:
        device: Device = entry.runtime_data.connector.devices.get(device_id)
        return device
    return Device(device_id or "", name=device_id or entry.title)


def plain(text: str | None, limit: int = _MAX_SHOWN) -> str:
    """Return text for one line, or a code span, of a form."""
    clean = "".join(it if it.isprintable() else " " for it in text or "")
    clean = clean.replace("`", "'")
    return clean if len(clean) <= limit else f"{clean[:limit]}…"


def _label(guess: DatapointDescription, value: JsonValue) -> str:
    """Return what a datapoint is called in a drop-down."""
    label = f"{guess.name} ({guess.key})"
    if value is None:
        return label
    text, unit = plain(to_text(value)), guess.native_unit_of_measurement or ""
    return f"{label}: {text if text.endswith(unit) else f'{text} {unit}'}"
