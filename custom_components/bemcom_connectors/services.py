"""Service actions."""

from homeassistant.core import HomeAssistant, ServiceCall, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.service import async_register_admin_service

from . import (
    command_actions,
    device_actions,
    http_action,
    message_actions,
    ocpp_actions,
    ocpp_control_actions,
    ocpp_limit_actions,
    ocpp_profile_actions,
)
from .connector.model import ParseError
from .const import DOMAIN

SERVICE_RELOAD_CONVERTERS = "reload_converters"


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions, which are there before there is a hub."""
    for module in (
        command_actions,
        device_actions,
        http_action,
        message_actions,
        ocpp_actions,
        ocpp_control_actions,
        ocpp_limit_actions,
        ocpp_profile_actions,
    ):
        for name, handler, schema, supports_response in module.ACTIONS:
            hass.services.async_register(
                DOMAIN, name, handler, schema, supports_response=supports_response
            )
    async_register_admin_service(
        hass, DOMAIN, SERVICE_RELOAD_CONVERTERS, _async_reload_converters
    )


async def _async_reload_converters(call: ServiceCall) -> None:
    """Load the user's converters anew; the links of their hubs stay open."""
    errors: dict[str, str] = {}
    for entry in call.hass.config_entries.async_loaded_entries(DOMAIN):
        for converter in entry.runtime_data.converters:
            converter.reload()
            try:
                await call.hass.async_add_executor_job(converter.load)
            except ParseError as err:
                errors[entry.title] = str(err)
    if errors:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="converters_failed",
            translation_placeholders={
                "errors": "; ".join(
                    f"{name}: {error}" for name, error in errors.items()
                )
            },
        )
