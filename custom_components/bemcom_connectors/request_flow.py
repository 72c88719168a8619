"""The step that a hub's config flow and its options share: what is sent to the device."""

from typing import Any

import voluptuous as vol

from homeassistant.config_entries import ConfigFlowResult
from homeassistant.helpers.selector import BooleanSelector, TextSelector

from .connector.model import OptionsError
from .connector.requests import (
    DEFAULT_REQUEST_INTERVAL,
    MAX_REQUEST_INTERVAL,
    create_request,
)
from .const import CONF_REQUEST, CONF_REQUEST_HEX, CONF_REQUEST_INTERVAL
from .decoding_flow import DecodingSteps, reason_of
from .selectors import number

REQUEST_SCHEMA = vol.Schema(
    {
        vol.Optional(CONF_REQUEST): TextSelector(),
        vol.Required(CONF_REQUEST_HEX, default=False): BooleanSelector(),
        vol.Required(CONF_REQUEST_INTERVAL, default=DEFAULT_REQUEST_INTERVAL): number(
            0, MAX_REQUEST_INTERVAL, unit="s", step=0.01
        ),
    }
)


class RequestSteps(DecodingSteps):
    """The step `request`; a flow that takes it in says what comes after it."""

    async def async_step_request(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask what to send to a device that answers only when asked."""
        errors: dict[str, str] = {}
        placeholders = {"reason": ""}
        if user_input is not None:
            self.take_fields(REQUEST_SCHEMA, user_input)
            try:
                create_request(self.settings)
            except OptionsError as err:
                errors[err.option] = f"invalid_{err.option}"
                placeholders["reason"] = reason_of(err)
            else:
                return await self._async_after_request()
        return self.async_show_form(
            step_id="request",
            data_schema=self.add_suggested_values_to_schema(
                REQUEST_SCHEMA, self.settings
            ),
            errors=errors,
            description_placeholders=placeholders,
        )

    async def _async_after_request(self) -> ConfigFlowResult:
        """Go on with what was entered."""
        raise NotImplementedError
