"""What an actuator is for: its key, with the device's prefix, and what follows from it."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from homeassistant.config_entries import ConfigEntry

from .connector.actuators import ActuatorKind, StateSource
from .connector.devices import device_key, own_key
from .const import (
    CONF_ACTUATOR_UNIT,
    CONF_DEVICE_ID,
    CONF_KIND,
    CONF_STATE_KEY,
    CONF_STATE_SOURCE,
    SUBENTRY_ACTUATOR,
)
from .descriptions import DatapointDescription, describe
from .overrides import CONF_KEY, CONF_NAME

# No key of a datapoint has a space in that place, so that both can be unique ids.
_PREFIX = f"{SUBENTRY_ACTUATOR} "

# Those with a state of their own to show.
WITH_STATE = {
    ActuatorKind.NUMBER,
    ActuatorKind.SWITCH,
    ActuatorKind.SELECT,
    ActuatorKind.TEXT,
}

type Guesses = Mapping[str, DatapointDescription]


class Target(NamedTuple):
    """The key of an actuator on its hub, and the device of the link; None: the hub."""

    key: str
    device_id: str | None


def find_target(
    key: str, device_id: str | None, guesses: Guesses, devices: Collection[str]
) -> Target | None:
    """Return what a key is for, be it with the prefix of its device or without.

    None: it is a datapoint of another device than the one that was chosen.
    """
    guess = guesses.get(key)
    if device_id is None:
        if guess is not None:
            return Target(key, guess.device_id)
        owners = (it for it in devices if key.startswith(device_key(it, "")))
        return Target(key, max(owners, key=len, default=None))
    if key.startswith(device_key(device_id, "")):
        return Target(key, device_id)
    if guess is not None and guess.device_id is not None:
        return None
    return Target(device_key(device_id, key), device_id)


def complete(
    said: Mapping[str, Any], target: Target, guesses: Guesses, *, is_new: bool
) -> dict[str, Any]:
    """Return what the user said of an actuator, with what was left to us.

    `is_new` says that nothing was known of it before, so that its datapoint tells the rest.
    """
    options = {**said, CONF_KEY: target.key}
    options.pop(CONF_DEVICE_ID, None)
    if target.device_id is not None:
        options[CONF_DEVICE_ID] = target.device_id
    guess = guesses.get(target.key)
    if CONF_STATE_KEY in options:
        options[CONF_STATE_KEY] = _state_key(options[CONF_STATE_KEY], target, guesses)
    kind = options[CONF_KIND]
    if kind in WITH_STATE and CONF_STATE_SOURCE not in options:
        shown = guess is not None or CONF_STATE_KEY in options
        source = StateSource.DATAPOINT if shown else StateSource.SENT
        options[CONF_STATE_SOURCE] = source.value
    if kind != ActuatorKind.METHOD:
        options.setdefault(CONF_NAME, name_of(target, guesses))
    unit = guess.native_unit_of_measurement if guess is not None else None
    if is_new and kind == ActuatorKind.NUMBER and unit is not None:
        options.setdefault(CONF_ACTUATOR_UNIT, unit)
    return options


def _state_key(key: str, target: Target, guesses: Guesses) -> str:
    """Return the datapoint that is meant, which may be one of the same device."""
    if target.device_id is None or key in guesses:
        return key
    prefixed = device_key(target.device_id, key)
    return prefixed if prefixed in guesses else key


def name_of(target: Target, guesses: Guesses) -> str:
    """Return what an actuator is called if nobody says so."""
    if (guess := guesses.get(target.key)) is not None:
        return guess.name
    return describe(own_key(target.key, target.device_id), None).name


def subentry_id_of(key: str) -> str:
    """Return the unique id of the subentry of an actuator."""
    return f"{_PREFIX}{key}"


def shown_on(entry: ConfigEntry, device_id: str) -> list[str]:
    """Return the keys of the actuators that have an entity on a device of the link."""
    return [
        subentry.data[CONF_KEY]
        for subentry in entry.subentries.values()
        if subentry.subentry_type == SUBENTRY_ACTUATOR
        and subentry.data.get(CONF_DEVICE_ID) == device_id
        and subentry.data[CONF_KIND] != ActuatorKind.METHOD
    ]


def keys_taken(entry: ConfigEntry, but: str | None = None) -> set[str]:
    """Return the keys that have an actuator; `but` is the id of a subentry that may."""
    return {
        subentry.data[CONF_KEY]
        for subentry in entry.subentries.values()
        if subentry.subentry_type == SUBENTRY_ACTUATOR and subentry.subentry_id != but
    }


def title_of(
    entry: ConfigEntry, options: Mapping[str, Any], but: str | None = None
) -> str:
    """Return a title that no other subentry has; `but` is the id of the actuator's own."""
    key = options[CONF_KEY]
    title: str = options.get(CONF_NAME) or own_key(key, options.get(CONF_DEVICE_ID))
    others = {
        subentry.title
        for subentry in entry.subentries.values()
        if subentry.subentry_id != but
    }
    return f"{title} ({key})" if title in others else title
