"""Config flow of the BEMCom connectors: which kind of hub."""

from typing import Any, override

from homeassistant.config_entries import (
    ConfigEntry,
    ConfigFlowResult,
    ConfigSubentryFlow,
)
from homeassistant.core import callback

from .const import CONF_HUB_KIND, DOMAIN, HUB_SERIAL, HUB_TCP, SUBENTRY_DATAPOINT
from .datapoint_flow import DatapointSubentryFlow
from .options_flow import BemcomOptionsFlow
from .serial_flow import SerialSteps
from .tcp_flow import TcpSteps


class BemcomConfigFlow(TcpSteps, SerialSteps, domain=DOMAIN):
    """Set up a hub: connect, listen, show what it says, create."""

    VERSION = 1

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: ConfigEntry) -> BemcomOptionsFlow:
        """Create the options flow."""
        return BemcomOptionsFlow()

    @classmethod
    @callback
    @override
    def async_get_supported_subentry_types(
        cls, config_entry: ConfigEntry
    ) -> dict[str, type[ConfigSubentryFlow]]:
        """Return what can be added to a hub."""
        return {SUBENTRY_DATAPOINT: DatapointSubentryFlow}

    @override
    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose the kind of hub."""
        return self.async_show_menu(step_id="user", menu_options=[HUB_TCP, HUB_SERIAL])

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Change where the device is, each kind of hub in its way."""
        if self._get_reconfigure_entry().data[CONF_HUB_KIND] == HUB_SERIAL:
            return await self.async_step_reconfigure_serial()
        return await self.async_step_reconfigure_tcp()
