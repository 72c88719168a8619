"""Constants of the BEMCom connectors."""

from typing import Final

from homeassistant.const import Platform

DOMAIN: Final = "bemcom_connectors"

PLATFORMS: Final = [
    Platform.BINARY_SENSOR,
    Platform.BUTTON,
    Platform.EVENT,
    Platform.NUMBER,
    Platform.SELECT,
    Platform.SENSOR,
    Platform.SWITCH,
    Platform.TEXT,
    Platform.UPDATE,
]
# Those that show what a device sends.
DATAPOINT_PLATFORMS: Final = [Platform.BINARY_SENSOR, Platform.SENSOR]

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

CONF_DEVICE_ID_KEY: Final = "device_id_key"
CONF_DEVICE_NAME: Final = "device_name"
CONF_REQUEST: Final = "request"
CONF_REQUEST_HEX: Final = "request_hex"
CONF_REQUEST_INTERVAL: Final = "request_interval"
CONF_REPORT_STRATEGY: Final = "report_strategy"
CONF_REPORT_PERIOD: Final = "report_period"
CONF_REPORT_TOLERANCE: Final = "report_tolerance"
CONF_CONVERTER: Final = "converter"
CONF_TEMPLATE: Final = "template"
# How it is mirrored to MQTT; the keys in it are in mirror_options.py
CONF_MIRROR: Final = "mirror"

# Entry data of a serial hub, beside the device (the port); ThingsBoard's options
CONF_BAUDRATE: Final = "baudrate"
CONF_BYTESIZE: Final = "bytesize"
CONF_PARITY: Final = "parity"
CONF_STOPBITS: Final = "stopbits"
CONF_XONXOFF: Final = "xonxoff"
CONF_RTSCTS: Final = "rtscts"
CONF_DSRDTR: Final = "dsrdtr"
CONF_EXCLUSIVE: Final = "exclusive"
CONF_INTER_BYTE_TIMEOUT: Final = "inter_byte_timeout"
CONF_WRITE_TIMEOUT: Final = "write_timeout"

HUB_TCP: Final = "tcp"
HUB_SERIAL: Final = "serial"
HUB_CUSTOM: Final = "custom"

# Entry data of a hub with a connector that another integration offers
CONF_CONNECTOR_TYPE: Final = "connector_type"
CONF_SETTINGS: Final = "settings"

SUBENTRY_ACTUATOR: Final = "actuator"
SUBENTRY_DATAPOINT: Final = "datapoint"

# Data of an actuator, beside its key and name
CONF_KIND: Final = "kind"
CONF_DEVICE_ID: Final = "device_id"
CONF_ACTUATOR_UNIT: Final = "unit"
CONF_CHOICES: Final = "choices"
CONF_STATE_SOURCE: Final = "state_source"
CONF_STATE_KEY: Final = "state_key"
CONF_COMMAND_ENCODING: Final = "encoding"
CONF_REPLY_FRAMING: Final = "reply_framing"

# Entry data of an OCPP hub: where it listens
HUB_OCPP: Final = "ocpp"
CONF_CERTIFICATE: Final = "certificate"
CONF_KEY_FILE: Final = "key"
CONF_SECOND_CERTIFICATE: Final = "second_certificate"
CONF_SECOND_KEY: Final = "second_key"
CONF_CLIENT_CA: Final = "client_ca"

# Entry options of an OCPP hub
CONF_UNKNOWN_CHARGE_POINTS: Final = "unknown_charge_points"
CONF_CALL_TIMEOUT: Final = "call_timeout"
CONF_PING_INTERVAL: Final = "ping_interval"

SUBENTRY_CHARGE_POINT: Final = "charge_point"
SUBENTRY_ID_TAG: Final = "id_tag"

# Data of a charge point, beside its id and password
CONF_CERTIFICATE_NAME: Final = "certificate_name"
CONF_UNKNOWN_TAGS: Final = "unknown_tags"
CONF_CONFIGURE: Final = "configure"
CONF_MEASURANDS: Final = "measurands"
CONF_SAMPLE_INTERVAL: Final = "sample_interval"
CONF_CLOCK_ALIGNED_INTERVAL: Final = "clock_aligned_interval"
CONF_HEARTBEAT_INTERVAL: Final = "heartbeat_interval"
CONF_WEBSOCKET_PING_INTERVAL: Final = "websocket_ping_interval"
CONF_REMOTE_START_TAG: Final = "remote_start_tag"
CONF_MAX_CURRENT: Final = "max_current"
CONF_QUIRKS_MODE: Final = "quirks_mode"
CONF_QUIRKS: Final = "quirks"
QUIRKS_AUTOMATIC: Final = "automatic"
QUIRKS_CHOSEN: Final = "chosen"

# Data of an id tag, beside its name
CONF_ID_TAG: Final = "id_tag"
CONF_STATUS: Final = "status"
CONF_EXPIRY: Final = "expiry"
CONF_PARENT: Final = "parent"
