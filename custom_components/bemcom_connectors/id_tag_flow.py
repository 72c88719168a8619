"""Subentry flow of an id tag: whose it is, and whether it may charge."""

from collections.abc import Mapping
import hashlib
from typing import Any

import voluptuous as vol

from homeassistant.config_entries import ConfigSubentryFlow, SubentryFlowResult
from homeassistant.const import CONF_NAME
from homeassistant.helpers.selector import DateSelector, TextSelector

from .const import CONF_EXPIRY, CONF_ID_TAG, CONF_PARENT, CONF_STATUS, SUBENTRY_ID_TAG
from .selectors import Fields, select

STATUS_ACCEPTED = "accepted"
STATUS_BLOCKED = "blocked"

# OCPP allows 20; what a reader sends beyond is a tag all the same.
_MAX_TAG = 255
_MAX_NAME = 100

RECONFIGURE_FIELDS: Fields = {
    vol.Required(CONF_NAME): TextSelector(),
    vol.Required(CONF_STATUS, default=STATUS_ACCEPTED): select(
        [STATUS_ACCEPTED, STATUS_BLOCKED], "id_tag_status"
    ),
    vol.Optional(CONF_EXPIRY): DateSelector(),
    vol.Optional(CONF_PARENT): TextSelector(),
}
USER_FIELDS: Fields = {vol.Required(CONF_ID_TAG): TextSelector(), **RECONFIGURE_FIELDS}


class IdTagSubentryFlow(ConfigSubentryFlow):
    """Add an id tag, or change what is said of one."""

    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Add an id tag."""
        errors: dict[str, str] = {}
        if user_input is not None:
            data = _entered(user_input)
            data[CONF_ID_TAG] = tag = user_input[CONF_ID_TAG].strip()
            errors = self._tag_error(tag) | self._error(data)
            if not errors:
                return self.async_create_entry(
                    title=data[CONF_NAME], data=data, unique_id=tag_unique_id(tag)
                )
        return self.async_show_form(
            step_id="user",
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema(USER_FIELDS), user_input
            ),
            errors=errors,
        )

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Change what is said of an id tag."""
        subentry = self._get_reconfigure_subentry()
        errors: dict[str, str] = {}
        if user_input is not None:
            data = _entered(user_input)
            data[CONF_ID_TAG] = subentry.data[CONF_ID_TAG]
            errors = self._error(data)
            if not errors:
                return self.async_update_and_abort(
                    self._get_entry(), subentry, title=data[CONF_NAME], data=data
                )
        return self.async_show_form(
            step_id="reconfigure",
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema(RECONFIGURE_FIELDS), user_input or subentry.data
            ),
            errors=errors,
            description_placeholders={"name": subentry.title},
        )

    def _tag_error(self, tag: str) -> dict[str, str]:
        """Check a new tag; return the form's errors."""
        if not tag or not _is_tag(tag):
            return {CONF_ID_TAG: "invalid_tag"}
        if tag_unique_id(tag) in {
            it.unique_id
            for it in self._get_entry().subentries.values()
            if it.subentry_type == SUBENTRY_ID_TAG
        }:
            return {CONF_ID_TAG: "tag_taken"}
        return {}

    def _error(self, data: Mapping[str, Any]) -> dict[str, str]:
        """Check what is said of a tag; return the form's errors."""
        errors: dict[str, str] = {}
        name = data[CONF_NAME]
        if not name or len(name) > _MAX_NAME or not name.isprintable():
            errors[CONF_NAME] = "invalid_name"
        if not _is_tag(data.get(CONF_PARENT, "")):
            errors[CONF_PARENT] = "invalid_tag"
        return errors


def tag_unique_id(tag: str) -> str:
    """Return the unique id of the subentry of a tag, which tells nothing of the tag."""
    return hashlib.sha256(tag.strip().casefold().encode()).hexdigest()[:16]


def _entered(user_input: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was entered, without what is empty."""
    said = {key: value.strip() for key, value in user_input.items()}
    return {key: value for key, value in said.items() if value or key == CONF_NAME}


def _is_tag(text: str) -> bool:
    """Tell whether this can be a tag."""
    return len(text) <= _MAX_TAG and text.isprintable()
