"""Subentry flow of a datapoint: the user's word on how it looks."""

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigSubentryFlow,
    SubentryFlowResult,
)

from .connector.sensor_flow import MAX_KEY_LENGTH
from .const import (
    CONF_REPORT_PERIOD,
    CONF_REPORT_STRATEGY,
    CONF_REPORT_TOLERANCE,
    SUBENTRY_DATAPOINT,
)
from .datapoint_fields import (
    SECTION_NUMBER,
    SECTION_REPORTING,
    datapoint_fields,
    details_fields,
    key_fields,
)
from .descriptions import DatapointDescription, ValueKind, describe
from .known_datapoints import async_guesses, datapoint_choice, latest_value, plain
from .overrides import (
    CONF_DEVICE_CLASS,
    CONF_HIDDEN,
    CONF_KEY,
    CONF_NAME,
    CONF_OFFSET,
    CONF_OPTIONS,
    CONF_PLATFORM,
    CONF_PRECISION,
    CONF_SCALE,
    CONF_STATE_CLASS,
    CONF_UNIT,
    NONE,
    TEXT,
    apply,
    check,
    differences,
    usable,
)
from .values import to_text

_MAX_KEY = 100

_IDENTITY = (CONF_KEY, CONF_NAME, CONF_PLATFORM, CONF_DEVICE_CLASS, CONF_HIDDEN)
# A form shows errors beside its own fields and sections, not within a section.
_SECTIONS = {
    CONF_SCALE: SECTION_NUMBER,
    CONF_OFFSET: SECTION_NUMBER,
    CONF_PRECISION: SECTION_NUMBER,
    CONF_REPORT_STRATEGY: SECTION_REPORTING,
    CONF_REPORT_PERIOD: SECTION_REPORTING,
    CONF_REPORT_TOLERANCE: SECTION_REPORTING,
}


class DatapointSubentryFlow(ConfigSubentryFlow):
    """Choose a datapoint, say what it is, then the details that suit it."""

    def __init__(self) -> None:
        """Begin with nothing said."""
        # What the user says; a field that is missing is as guessed.
        self._words: dict[str, Any] = {}
        self._guesses: Mapping[str, DatapointDescription] = {}
        # The platform whose device classes the form offered.
        self._offered = ""

    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Choose the datapoint."""
        entry = self._get_entry()
        self._guesses = await async_guesses(self.hass, entry)
        taken = {
            subentry.data[CONF_KEY]
            for subentry in entry.subentries.values()
            if subentry.subentry_type == SUBENTRY_DATAPOINT
        }
        errors: dict[str, str] = {}
        if user_input is not None:
            key = user_input[CONF_KEY]
            if key not in self._guesses:
                key = key.strip()
            if key in taken:
                return self.async_abort(reason="already_configured")
            if len(key) > MAX_KEY_LENGTH:
                errors[CONF_KEY] = "key_too_long"
            elif key:
                self._words = {CONF_KEY: key}
                return await self.async_step_datapoint()
            else:
                errors[CONF_KEY] = "key_needed"
        return self.async_show_form(
            step_id="user",
            data_schema=vol.Schema(
                key_fields(
                    [
                        datapoint_choice(entry, key, guess)
                        for key, guess in self._guesses.items()
                        if key not in taken
                    ]
                )
            ),
            errors=errors,
            last_step=False,
        )

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Change what was said."""
        self._guesses = await async_guesses(self.hass, self._get_entry())
        self._words = dict(self._get_reconfigure_subentry().data)
        return await self.async_step_datapoint()

    async def async_step_datapoint(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Say what the datapoint is."""
        errors: dict[str, str] = {}
        guess = self._guess()
        if user_input is not None:
            said = {name: it for name, it in user_input.items() if it not in {"", None}}
            rest = {k: it for k, it in self._words.items() if k not in _IDENTITY}
            self._words = {CONF_KEY: guess.key, **said, **rest}
            same = said[CONF_PLATFORM] == self._offered
            if not same:  # its device classes are others
                self._words.pop(CONF_DEVICE_CLASS, None)
            if fault := check({CONF_NAME: said.get(CONF_NAME, guess.name)}, guess):
                errors[CONF_NAME] = f"override_{fault.reason}"
            elif same:
                return await self.async_step_details()
        looks = apply(guess, self._words)
        self._offered = looks.platform
        value = latest_value(self._get_entry(), guess.key)
        now = {
            CONF_NAME: self._words.get(CONF_NAME, looks.name),
            CONF_PLATFORM: looks.platform.value,
            CONF_DEVICE_CLASS: self._words.get(CONF_DEVICE_CLASS, _class_of(looks)),
            CONF_HIDDEN: self._words.get(CONF_HIDDEN, False),
        }
        return self.async_show_form(
            step_id="datapoint",
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema(datapoint_fields(self._offered)), now
            ),
            errors=errors,
            description_placeholders={
                "key": plain(guess.key, _MAX_KEY),
                "value": "–" if value is None else plain(to_text(value)),
            },
            last_step=False,
        )

    async def async_step_details(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Say the details that suit what it is."""
        errors: dict[str, str] = {}
        guess = self._guess()
        if user_input is not None:
            known = {k: it for k, it in self._words.items() if k in _IDENTITY}
            self._words = known | _flat(user_input)
            if fault := check(self._words, guess):
                place = _SECTIONS.get(fault.field, fault.field)
                errors[place] = f"override_{fault.reason}"
            else:
                return self._save(guess)
        looks = apply(guess, self._words)
        device_class = self._words.get(CONF_DEVICE_CLASS, _class_of(looks))
        # What the user just entered stays; what no longer fits what it is does not.
        words = self._words if errors else usable(self._words, guess)
        fields = details_fields(
            looks.platform,
            device_class,
            looks.options or guess.options,
            {*errors, *(_SECTIONS.get(it, "") for it in words)},
        )
        now = _details(looks, device_class) | words
        now |= {
            name: {k: it for k, it in now.items() if _SECTIONS.get(k) == name}
            for name in (SECTION_NUMBER, SECTION_REPORTING)
        }
        return self.async_show_form(
            step_id="details",
            data_schema=self.add_suggested_values_to_schema(vol.Schema(fields), now),
            errors=errors,
            description_placeholders={
                "name": plain(looks.name),
                "key": plain(guess.key, _MAX_KEY),
            },
        )

    def _guess(self) -> DatapointDescription:
        """Return how the datapoint looks without the user's word."""
        key = self._words[CONF_KEY]
        return self._guesses.get(key) or describe(key, None)

    def _save(self, guess: DatapointDescription) -> SubentryFlowResult:
        """Keep what differs from the guess."""
        entry, key = self._get_entry(), guess.key
        data = self._words
        if key in self._guesses:  # of one still to come nothing is known to differ from
            data = differences(self._words, guess)
        title = apply(guess, data).name
        others = {
            subentry.title
            for subentry in entry.subentries.values()
            if subentry.unique_id != key
        }
        if title in others:
            title = f"{title} ({key})"
        if self.source == SOURCE_RECONFIGURE:
            return self.async_update_and_abort(
                entry, self._get_reconfigure_subentry(), data=data, title=title
            )
        return self.async_create_entry(title=title, data=data, unique_id=key)


def _class_of(looks: DatapointDescription) -> str:
    """Return the choice that stands for a description's device class."""
    if looks.kind in {ValueKind.TEXT, ValueKind.JSON}:
        return TEXT
    return looks.device_class or NONE


def _flat(user_input: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a form and of its sections that are filled in."""
    said = dict(user_input)
    for name in (SECTION_NUMBER, SECTION_REPORTING):
        said |= said.pop(name, {})
    return {name: it for name, it in said.items() if it not in ("", None, [])}


def _details(looks: DatapointDescription, device_class: str) -> dict[str, Any]:
    """Return what the details are now."""
    now: dict[str, Any] = {}
    if looks.options:
        now[CONF_OPTIONS] = list(looks.options)
    # A device class that needs a unit first does not count yet.
    if looks.kind is ValueKind.NUMBER and device_class == _class_of(looks):
        now[CONF_UNIT] = looks.native_unit_of_measurement or NONE
        now[CONF_STATE_CLASS] = looks.state_class or NONE
        if (precision := looks.suggested_display_precision) is not None:
            now[CONF_PRECISION] = precision
    return now
