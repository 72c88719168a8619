"""Constants of the BEMCom connectors."""

from typing import Final

from homeassistant.const import Platform

DOMAIN: Final = "bemcom_connectors"

PLATFORMS: Final = [Platform.BINARY_SENSOR, Platform.SENSOR]

# Entry data: where the device is
CONF_HUB_KIND: Final = "hub_kind"
CONF_CONNECTOR_NAME: Final = "connector_name"
CONF_TLS: Final = "tls"

# Entry options: how its messages are read
CONF_CONNECT_TIMEOUT: Final = "connect_timeout"
CONF_RECEIVE_TIMEOUT: Final = "receive_timeout"
CONF_RECV_BUFSIZE: Final = "recv_bufsize"
CONF_MAX_MESSAGE_SIZE: Final = "max_message_size"
CONF_FRAMING: Final = "framing"
CONF_FORMAT: Final = "format"
CONF_LISTS: Final = "lists"
CONF_ENCODING: Final = "encoding"

HUB_TCP: Final = "tcp"
