"""What other integrations may use to bring connectors of their own: see docs/sdk.md."""

from .connector.actuators import Actuator, ActuatorKind, StateSource
from .connector.base import Connector
from .connector.devices import Device
from .connector.listener import Listener
from .connector.model import (
    Command,
    CommandError,
    CommandReason,
    JsonValue,
    LinkError,
    LinkReason,
    Messages,
    OptionsError,
    ParseError,
    RawMessage,
    Reading,
)
from .connector_types import ConnectorType, async_register_connector

__all__ = [
    "Actuator",
    "ActuatorKind",
    "Command",
    "CommandError",
    "CommandReason",
    "Connector",
    "ConnectorType",
    "Device",
    "JsonValue",
    "LinkError",
    "LinkReason",
    "Listener",
    "Messages",
    "OptionsError",
    "ParseError",
    "RawMessage",
    "Reading",
    "StateSource",
    "async_register_connector",
]
