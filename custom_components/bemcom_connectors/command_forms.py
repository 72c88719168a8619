"""Forms with sections: their fields by name, what was entered, and what they show."""

from collections.abc import Collection, Mapping
from typing import Any

import voluptuous as vol

from homeassistant.data_entry_flow import section

from .selectors import Fields


def names_of(fields: Fields) -> set[str]:
    """Return the names of the fields of a form, those in its sections too."""
    return {str(marker) for marker, _ in _all(fields)}


def place_of(fields: Fields, name: str) -> str | None:
    """Return where an error about a field is shown; None: it is not in the form.

    A form shows errors beside its own fields and sections, not within a section.
    """
    places = {str(marker): place or str(marker) for marker, place in _all(fields)}
    return places.get(name)


def flat(
    fields: Fields, user_input: Mapping[str, Any], texts: Collection[str] = ()
) -> dict[str, Any]:
    """Return what was entered in a form and in its sections, without what is empty.

    In a section nothing is said where it is as it was. Of `texts` the empty one is one, too.
    """
    said: dict[str, Any] = {}
    for marker, place in _all(fields):
        name = str(marker)
        entered = user_input.get(place, {}) if place else user_input
        value = entered.get(name)
        empty = value in ("", None, []) and not (value == "" and name in texts)
        if empty or (place and value == _default(marker)):
            continue
        said[name] = value
    return said


def nested(fields: Fields, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as a form shows them, in the sections that they are in."""
    shown = dict(values)
    for marker, place in _all(fields):
        if place:
            inner = shown.setdefault(place, {})
            if str(marker) in values:
                inner[str(marker)] = values[str(marker)]
    return shown


def opened(
    fields: Fields, values: Mapping[str, Any], errors: Collection[str] = ()
) -> set[str]:
    """Return the sections that have something to see: a value, or an error."""
    filled = {
        place for marker, place in _all(fields) if place and str(marker) in values
    }
    return {*filled, *errors}


def _all(fields: Fields) -> list[tuple[vol.Marker, str]]:
    """Return the fields of a form, each with its section, if it is in one."""
    found: list[tuple[vol.Marker, str]] = []
    for marker, field in fields.items():
        if isinstance(field, section):
            found += [(inner, str(marker)) for inner in field.schema.schema]
        else:
            found.append((marker, ""))
    return found


def _default(marker: vol.Marker) -> Any:
    """Return what a field is if nothing is entered; None: nothing."""
    if isinstance(marker.default, vol.Undefined):
        return None
    return marker.default()
