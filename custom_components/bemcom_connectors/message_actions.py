"""The actions send_message and wait_for_message: SEPL's Message."""

from collections.abc import Mapping
import time
from typing import Any

import voluptuous as vol

from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
)
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv, device_registry as dr
from homeassistant.helpers.json import json_dumps
from homeassistant.util.json import json_loads

from .commands import translated
from .connector.messages import Message
from .connector.model import CommandError, CommandReason, LinkError
from .const import DOMAIN
from .coordinator import BemcomConfigEntry
from .targets import (
    ATTR_DEVICE_ID,
    ATTR_EXPIRES_AFTER,
    ATTR_HUB,
    EXPIRY,
    Action,
    device_on_link,
    hub_entry,
)

ATTR_ENDPOINT = "endpoint"
ATTR_PAYLOAD = "payload"
ATTR_PAYLOAD_HEADER = "payload_header"
ATTR_TIMESTAMP = "timestamp"
ATTR_CONTAINS = "contains"
ATTR_TIMEOUT = "timeout"

MAX_TEXT = 255
MAX_PAYLOAD = 1024 * 1024
MAX_SECONDS = 3600
# Some thousand years from now.
MAX_TIMESTAMP = 99_999_999_999

_TEXT = vol.All(cv.string, vol.Length(max=MAX_TEXT))

SEND_MESSAGE_SCHEMA = vol.Schema(
    {
        vol.Optional(ATTR_HUB): cv.string,
        vol.Optional(ATTR_DEVICE_ID, default=""): cv.string,
        vol.Required(ATTR_ENDPOINT): _TEXT,
        vol.Optional(ATTR_PAYLOAD, default=""): object,
        vol.Optional(ATTR_PAYLOAD_HEADER, default=""): vol.All(
            cv.string, vol.Length(max=MAX_PAYLOAD)
        ),
        vol.Optional(ATTR_TIMESTAMP): vol.All(
            vol.Coerce(int), vol.Range(0, MAX_TIMESTAMP)
        ),
        **EXPIRY,
    }
)
WAIT_FOR_MESSAGE_SCHEMA = vol.Schema(
    {
        vol.Optional(ATTR_HUB): cv.string,
        vol.Optional(ATTR_DEVICE_ID): cv.string,
        vol.Optional(ATTR_ENDPOINT): cv.string,
        vol.Optional(ATTR_CONTAINS, default=""): cv.string,
        vol.Optional(ATTR_TIMEOUT, default=10): vol.All(
            vol.Coerce(float), vol.Range(0, MAX_SECONDS)
        ),
    }
)


async def _async_send_message(call: ServiceCall) -> ServiceResponse:
    """Send a message over the link of a hub; return the time it carries."""
    data = call.data
    entry = hub_entry(call.hass, data)
    device_id = device_on_link(call.hass, entry, data[ATTR_DEVICE_ID])
    timestamp = data.get(ATTR_TIMESTAMP, int(time.time()))
    message = Message(
        device_id=device_id or "",
        endpoint=data[ATTR_ENDPOINT],
        payload=_payload_of(data),
        payload_header=data[ATTR_PAYLOAD_HEADER],
        timestamp=timestamp,
    )
    connector = entry.runtime_data.connector
    try:
        await connector.until_connected(data.get(ATTR_EXPIRES_AFTER))
        await connector.send_message(message)
    except CommandError as err:
        raise translated(err, entry.title) from err
    except LinkError as err:
        not_taken = CommandError(CommandReason.NOT_TAKEN, str(err))
        raise translated(not_taken, entry.title) from err
    return {ATTR_TIMESTAMP: timestamp}


async def _async_wait_for_message(call: ServiceCall) -> ServiceResponse:
    """Wait for a message on the link of a hub, and return it."""
    data = call.data
    entry = hub_entry(call.hass, data)
    device_id = _device_of(call.hass, entry, data)
    endpoint = data.get(ATTR_ENDPOINT)
    contains = data[ATTR_CONTAINS]

    def matches(message: Message) -> bool:
        return (
            (device_id is None or message.device_id == device_id)
            and (endpoint is None or message.endpoint == endpoint)
            and contains in message.payload
        )

    events = entry.runtime_data.link_events
    message = await events.async_wait(matches, data[ATTR_TIMEOUT])
    return {
        ATTR_DEVICE_ID: message.device_id,
        ATTR_ENDPOINT: message.endpoint,
        ATTR_PAYLOAD: message.payload,
        ATTR_PAYLOAD_HEADER: message.payload_header,
        ATTR_TIMESTAMP: message.timestamp,
        "json": _json_of(message.payload),
    }


def _device_of(
    hass: HomeAssistant, entry: BemcomConfigEntry, data: Mapping[str, Any]
) -> str | None:
    """Return the device to wait for, which may be a new one; None: any."""
    if (text := data.get(ATTR_DEVICE_ID)) is None:
        return None
    if dr.async_get(hass).async_get(text) is None:
        return str(text)
    return device_on_link(hass, entry, text) or ""


def _payload_of(data: Mapping[str, Any]) -> str:
    """Return what a message says as text; JSON, if it is none."""
    payload = data[ATTR_PAYLOAD]
    try:
        text = payload if isinstance(payload, str) else json_dumps(payload)
    except (TypeError, ValueError) as err:
        raise _invalid_payload(str(err)) from err
    if len(text) > MAX_PAYLOAD:
        raise _invalid_payload(
            f"it has {len(text)} characters, {MAX_PAYLOAD} are allowed"
        )
    return text


def _invalid_payload(error: str) -> ServiceValidationError:
    """Return the error of a payload that cannot be sent."""
    return ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key="payload_invalid",
        translation_placeholders={"error": error},
    )


def _json_of(payload: str) -> Any:
    """Return what a payload is in JSON; None, if it is none."""
    try:
        return json_loads(payload)
    except ValueError:
        return None


ACTIONS = (
    Action(
        "send_message",
        _async_send_message,
        SEND_MESSAGE_SCHEMA,
        SupportsResponse.OPTIONAL,
    ),
    Action(
        "wait_for_message",
        _async_wait_for_message,
        WAIT_FOR_MESSAGE_SCHEMA,
        SupportsResponse.ONLY,
    ),
)
