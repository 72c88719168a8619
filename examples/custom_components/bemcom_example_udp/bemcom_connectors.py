"""What this integration offers to BEMCom Connectors, which looks for this file."""

import voluptuous as vol

from custom_components.bemcom_connectors.sdk import (
    ConnectorType,
    async_register_connector,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.selector import (
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
)

from .connector import UdpConnector

SCHEMA = vol.Schema(
    {
        vol.Required("port", default=5005): NumberSelector(
            NumberSelectorConfig(min=1024, max=65535, mode=NumberSelectorMode.BOX)
        )
    }
)


@callback
def async_offer_connectors(hass: HomeAssistant) -> None:
    """Offer the connector."""
    async_register_connector(
        hass,
        ConnectorType(
            kind="bemcom_example_udp",
            name="JSON over UDP",
            description="Let the device send JSON to this port of Home Assistant.",
            schema=SCHEMA,
            create=UdpConnector,
        ),
    )
