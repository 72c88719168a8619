"""Config flow of the BEMCom connectors: which kind of hub."""

from typing import Any, override

from homeassistant.config_entries import (
    ConfigEntry,
    ConfigFlowResult,
    ConfigSubentryFlow,
)
from homeassistant.core import callback

from .charge_point_flow import ChargePointSubentryFlow
from .command_flow import ActuatorSubentryFlow
from .connector_types import async_ask_integrations
from .const import (
    CONF_HUB_KIND,
    DOMAIN,
    HUB_CUSTOM,
    HUB_OCPP,
    HUB_SERIAL,
    HUB_TCP,
    SUBENTRY_ACTUATOR,
    SUBENTRY_CHARGE_POINT,
    SUBENTRY_DATAPOINT,
    SUBENTRY_ID_TAG,
)
from .custom_flow import CustomSteps
from .datapoint_flow import DatapointSubentryFlow
from .discovery_flow import DiscoverySteps
from .id_tag_flow import IdTagSubentryFlow
from .ocpp_flow import OcppSteps
from .options_flow import BemcomOptionsFlow
from .serial_flow import SerialSteps
from .tcp_flow import TcpSteps


class BemcomConfigFlow(
    TcpSteps, SerialSteps, CustomSteps, OcppSteps, DiscoverySteps, domain=DOMAIN
):
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
        kind = config_entry.data.get(CONF_HUB_KIND)
        if kind == HUB_OCPP:
            return {
                SUBENTRY_CHARGE_POINT: ChargePointSubentryFlow,
                SUBENTRY_ID_TAG: IdTagSubentryFlow,
                SUBENTRY_DATAPOINT: DatapointSubentryFlow,
            }
        if kind not in {HUB_TCP, HUB_SERIAL}:
            return {SUBENTRY_DATAPOINT: DatapointSubentryFlow}
        return {
            SUBENTRY_DATAPOINT: DatapointSubentryFlow,
            SUBENTRY_ACTUATOR: ActuatorSubentryFlow,
        }

    @override
    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose the kind of hub."""
        # With the first hub, nobody has asked yet.
        await async_ask_integrations(self.hass)
        return self.async_show_menu(
            step_id="user",
            menu_options=self._kinds([HUB_TCP, HUB_SERIAL, HUB_OCPP, HUB_CUSTOM]),
        )

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Change where the device is, each kind of hub in its way."""
        kind = self._get_reconfigure_entry().data[CONF_HUB_KIND]
        if kind == HUB_SERIAL:
            return await self.async_step_reconfigure_serial()
        if kind == HUB_CUSTOM:
            return await self.async_step_reconfigure_custom()
        if kind == HUB_OCPP:
            return await self.async_step_reconfigure_ocpp()
        return await self.async_step_reconfigure_tcp()
