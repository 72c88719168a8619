"""Options of a hub: how its messages are read, and the limits of its link."""

from typing import Any

import voluptuous as vol

from homeassistant.config_entries import (
    ConfigEntryState,
    ConfigFlowResult,
    OptionsFlowWithReload,
)
from homeassistant.helpers.selector import (
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
)

from .connector.framer import DEFAULT_MAX_MESSAGE_SIZE
from .connector.framing import create_framer
from .connector.model import OptionsError
from .connector.stream import DEFAULT_RECEIVE_TIMEOUT
from .connector.transport import DEFAULT_CONNECT_TIMEOUT, DEFAULT_READ_SIZE
from .const import (
    CONF_CONNECT_TIMEOUT,
    CONF_FRAMING,
    CONF_MAX_MESSAGE_SIZE,
    CONF_RECEIVE_TIMEOUT,
    CONF_RECV_BUFSIZE,
)
from .decoding_flow import DecodingSteps


def _number(
    minimum: float, maximum: float, unit: str, step: float = 1
) -> NumberSelector:
    """Return a box for a number."""
    return NumberSelector(
        NumberSelectorConfig(
            min=minimum,
            max=maximum,
            step=step,
            unit_of_measurement=unit,
            mode=NumberSelectorMode.BOX,
        )
    )


LINK_FIELDS: dict[vol.Marker, Any] = {
    vol.Required(CONF_CONNECT_TIMEOUT, default=DEFAULT_CONNECT_TIMEOUT): _number(
        1, 300, "s"
    ),
    vol.Required(CONF_RECEIVE_TIMEOUT, default=DEFAULT_RECEIVE_TIMEOUT): _number(
        -1, 86400, "s", 0.1
    ),
    vol.Required(CONF_RECV_BUFSIZE, default=DEFAULT_READ_SIZE): _number(
        16, 262144, "B"
    ),
    vol.Required(CONF_MAX_MESSAGE_SIZE, default=DEFAULT_MAX_MESSAGE_SIZE): _number(
        16, 1048576, "B"
    ),
}
LINK_SCHEMA = vol.Schema(LINK_FIELDS)


class BemcomOptionsFlow(DecodingSteps, OptionsFlowWithReload):
    """Change how a hub's messages are read, trying it on what came in lately."""

    preview_options = ("save", "decode")

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose what to change."""
        entry = self.config_entry
        self.settings = dict(entry.options)
        self.sample = ()
        if entry.state is ConfigEntryState.LOADED:
            self.sample = tuple(entry.runtime_data.connector.sample)
        return self.async_show_menu(step_id="init", menu_options=["decode", "link"])

    async def async_step_link(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Change the limits of the link."""
        errors: dict[str, str] = {}
        if user_input is not None:
            self.settings |= user_input
            try:
                create_framer(self.settings[CONF_FRAMING], self.settings)
            except OptionsError:
                # The framing was fine until now: its fixed size is beyond the new limit.
                errors[CONF_MAX_MESSAGE_SIZE] = "max_message_size_too_small"
            else:
                return self.async_create_entry(data=self.settings)
        return self.async_show_form(
            step_id="link",
            data_schema=self.add_suggested_values_to_schema(LINK_SCHEMA, self.settings),
            errors=errors,
        )

    async def async_step_save(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Save framing and format."""
        return self.async_create_entry(data=self.settings)
