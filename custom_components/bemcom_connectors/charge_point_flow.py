"""Subentry flow of a charge point: who it is, and how it is treated."""

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from homeassistant.config_entries import (
    ConfigEntryState,
    ConfigSubentryFlow,
    SubentryFlowResult,
)
from homeassistant.const import CONF_ID, CONF_NAME, CONF_PASSWORD

from .charge_point_fields import (
    CONF_REMOVAL,
    SECTION_CONNECTION,
    SECTION_CONTROL,
    entered,
    is_id,
    is_name,
    is_tag,
    is_text,
    new_data,
    reconfigure_fields,
    shown,
    user_fields,
)
from .const import (
    CONF_CERTIFICATE_NAME,
    CONF_QUIRKS,
    CONF_QUIRKS_MODE,
    CONF_REMOTE_START_TAG,
    QUIRKS_AUTOMATIC,
    SUBENTRY_CHARGE_POINT,
)
from .known_datapoints import plain
from .ocpp_address import async_url


class ChargePointSubentryFlow(ConfigSubentryFlow):
    """Add a charge point before it dials in, or change what is said of one."""

    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Add a charge point."""
        entry = self._get_entry()
        errors: dict[str, str] = {}
        if user_input is not None:
            charge_point_id = user_input[CONF_ID].strip()
            password = user_input.get(CONF_PASSWORD, "")
            data = entered(user_input, new_data(charge_point_id, password=password))
            name = user_input.get(CONF_NAME, "").strip()
            errors = self._id_error(charge_point_id) | self._error(name, data)
            if not errors:
                return self.async_create_entry(
                    title=name or charge_point_id, data=data, unique_id=charge_point_id
                )
        return self.async_show_form(
            step_id="user",
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema(user_fields(errors)), user_input
            ),
            errors=errors,
            description_placeholders={"url": await async_url(self.hass, entry.data)},
        )

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Change what is said of a charge point; it keeps its id."""
        subentry = self._get_reconfigure_subentry()
        data = new_data(subentry.data[CONF_ID], **subentry.data)
        secured = bool(data[CONF_PASSWORD])
        suggested = shown(data | {CONF_QUIRKS: self._quirks(data)}, name=subentry.title)
        errors: dict[str, str] = {}
        if user_input is not None:
            suggested = user_input
            data = entered(user_input, data)
            name = user_input.get(CONF_NAME, "").strip()
            if password := user_input.get(CONF_PASSWORD, ""):
                data[CONF_PASSWORD] = password
            errors = self._error(name, data)
            if user_input.get(CONF_REMOVAL):
                data[CONF_PASSWORD] = ""
                if password:
                    errors[CONF_REMOVAL] = "password_entered"
            if not errors:
                return self.async_update_and_abort(
                    self._get_entry(), subentry, title=name or data[CONF_ID], data=data
                )
        return self.async_show_form(
            step_id="reconfigure",
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema(reconfigure_fields(errors, secured=secured)), suggested
            ),
            errors=errors,
            description_placeholders={"id": plain(data[CONF_ID])},
        )

    def _quirks(self, data: Mapping[str, Any]) -> list[str]:
        """Return the quirks in use, so that who chooses them begins with these."""
        entry = self._get_entry()
        if data[CONF_QUIRKS_MODE] == QUIRKS_AUTOMATIC and (
            entry.state is ConfigEntryState.LOADED
        ):
            charge_points = entry.runtime_data.connector.charge_points
            if (charge_point := charge_points.get(data[CONF_ID])) is not None:
                return sorted(charge_point.quirks)
        return list(data[CONF_QUIRKS])

    def _id_error(self, charge_point_id: str) -> dict[str, str]:
        """Check the id of a new charge point; return the form's errors."""
        if not is_id(charge_point_id):
            return {CONF_ID: "invalid_id"}
        if charge_point_id in {
            it.unique_id
            for it in self._get_entry().subentries.values()
            if it.subentry_type == SUBENTRY_CHARGE_POINT
        }:
            return {CONF_ID: "id_taken"}
        return {}

    def _error(self, name: str, data: Mapping[str, Any]) -> dict[str, str]:
        """Check what is not chosen from something; return the form's errors."""
        errors: dict[str, str] = {}
        if not is_name(name):
            errors[CONF_NAME] = "invalid_name"
        if not is_text(data[CONF_PASSWORD]):
            errors[CONF_PASSWORD] = "invalid_password"
        if not is_text(data[CONF_CERTIFICATE_NAME]):
            errors[SECTION_CONNECTION] = "invalid_certificate_name"
        if not is_tag(data[CONF_REMOTE_START_TAG]):
            errors[SECTION_CONTROL] = "invalid_remote_start_tag"
        return errors
