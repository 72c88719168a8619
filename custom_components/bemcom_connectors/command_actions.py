"""The actions that send something: an actuator's command, raw bytes, a method's call."""

from typing import Any

import orjson
import voluptuous as vol

from homeassistant.const import CONF_HOST, CONF_PORT
from homeassistant.core import ServiceCall, ServiceResponse, SupportsResponse
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv

from .commands import translated
from .connector import thingsboard_set
from .connector.devices import device_key
from .connector.encoding import EncodingError, parse_hex
from .connector.escapes import EscapeError, unescape
from .connector.framing import Framing
from .connector.model import CommandError, CommandReason, JsonValue, OptionsError
from .connector.replies import MAX_REPLY_TIMEOUT, Expectation, create_reply_rule
from .connector.stream import StreamConnector
from .const import DOMAIN
from .coordinator import BemcomConfigEntry
from .targets import (
    ATTR_DEVICE,
    ATTR_EXPIRES_AFTER,
    ATTR_HUB,
    EXPIRY,
    Action,
    device_on_link,
    hub_entry,
)

ATTR_HEX = "hex"
ATTR_JSON = "json"
ATTR_KEY = "key"
ATTR_METHOD = "method"
ATTR_PARAMS = "params"
ATTR_TEXT = "text"
ATTR_VALUE = "value"
ATTR_WAIT_FOR_REPLY = "wait_for_reply"
ATTR_WHOLE_MESSAGE = "whole_message"

SEND_COMMAND_SCHEMA = vol.Schema(
    {
        vol.Optional(ATTR_HUB): cv.string,
        vol.Required(ATTR_KEY): cv.string,
        vol.Optional(ATTR_VALUE, default=None): object,
        **EXPIRY,
    }
)
SEND_RAW_SCHEMA = vol.Schema(
    {
        vol.Optional(ATTR_HUB): cv.string,
        vol.Optional(ATTR_TEXT): cv.string,
        vol.Optional(ATTR_HEX): cv.string,
        vol.Optional(ATTR_JSON): object,
        vol.Optional(ATTR_WHOLE_MESSAGE): cv.boolean,
        vol.Optional(ATTR_WAIT_FOR_REPLY): cv.boolean,
        vol.Optional("reply_framing"): vol.In(["hub", *Framing]),
        vol.Optional("reply_delimiter"): cv.string,
        vol.Optional("reply_prefix"): cv.string,
        vol.Optional("reply_pattern"): cv.string,
        vol.Optional("reply_timeout"): vol.All(
            vol.Coerce(float), vol.Range(0.05, MAX_REPLY_TIMEOUT)
        ),
    }
)
CALL_METHOD_SCHEMA = vol.Schema(
    {
        vol.Optional(ATTR_HUB): cv.string,
        vol.Optional(ATTR_DEVICE): cv.string,
        vol.Required(ATTR_METHOD): cv.string,
        vol.Optional(ATTR_PARAMS, default=None): object,
        **EXPIRY,
    }
)


async def _async_send_command(call: ServiceCall) -> ServiceResponse:
    """Set an actuator of a hub."""
    entry = hub_entry(call.hass, call.data)
    return await _async_send(entry, call.data[ATTR_KEY], call.data, ATTR_VALUE)


async def _async_call_method(call: ServiceCall) -> ServiceResponse:
    """Call a method of a device, as ThingsBoard's remote calls do."""
    entry = hub_entry(call.hass, call.data)
    method = call.data[ATTR_METHOD]
    device_id = None
    if ATTR_DEVICE in call.data:
        device_id = device_on_link(call.hass, entry, call.data[ATTR_DEVICE])
    key = method if device_id is None else device_key(device_id, method)
    if key not in entry.runtime_data.actuators.actuators:
        if key == thingsboard_set.METHOD and CONF_HOST in entry.data:
            return await _async_set(entry, call.data[ATTR_PARAMS])
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="method_unknown",
            translation_placeholders={"name": entry.title, "method": method},
        )
    return await _async_send(entry, key, call.data, ATTR_PARAMS)


async def _async_set(entry: BemcomConfigEntry, params: JsonValue) -> ServiceResponse:
    """Write to the device of a socket, which every one of ThingsBoard's takes."""
    try:
        request = thingsboard_set.read_set(params)
        if (request.address, request.port) != (
            entry.data[CONF_HOST],
            int(entry.data[CONF_PORT]),
        ):
            where = f"{request.address:.100}:{request.port}"
            raise _invalid(f"{where} is not the address of this hub")
        await _stream_of(entry).send_raw(request.data)
    except CommandError as err:
        raise translated(err, entry.title) from err
    return {"result": "ok"}


def _stream_of(entry: BemcomConfigEntry) -> StreamConnector:
    """Return the connector of a hub whose link takes bytes; CommandError for others."""
    connector = entry.runtime_data.connector
    if not isinstance(connector, StreamConnector):
        raise CommandError(
            CommandReason.NOT_SUPPORTED, "It has no link that takes bytes"
        )
    return connector


def _invalid(text: str) -> CommandError:
    return CommandError(CommandReason.INVALID_VALUE, text)


async def _async_send(
    entry: BemcomConfigEntry, key: str, data: dict[str, Any], field: str
) -> ServiceResponse:
    """Send a value; return that it was done, or what the device answered."""
    actuators = entry.runtime_data.actuators
    reply = await actuators.async_send(key, data[field], data.get(ATTR_EXPIRES_AFTER))
    return {"success": True} if reply is None else {"result": reply}


async def _async_send_raw(call: ServiceCall) -> ServiceResponse:
    """Send bytes as they are, and return the reply if there is to be one."""
    entry = hub_entry(call.hass, call.data)
    try:
        connector = _stream_of(entry)
        data = _bytes_of(call.data)
        if call.data.get(ATTR_WHOLE_MESSAGE, ATTR_JSON in call.data):
            data = connector.framer.wrap(data)
        reply = await connector.send_raw(data, _expectation(call.data))
    except CommandError as err:
        raise translated(err, entry.title) from err
    if reply is None:
        return {"success": True}
    return {
        "text": reply.decode("utf-8", "backslashreplace"),
        "hex": reply.hex(" "),
        "parsed": await connector.parse_frame(reply),
    }


def _bytes_of(data: dict[str, Any]) -> bytes:
    """Return what is to be sent."""
    if len(data.keys() & {ATTR_TEXT, ATTR_HEX, ATTR_JSON}) != 1:
        raise _invalid("Give it one of text, hex and json")
    try:
        if ATTR_TEXT in data:
            return unescape(data[ATTR_TEXT])
        if ATTR_HEX in data:
            return parse_hex(data[ATTR_HEX])
        return orjson.dumps(data[ATTR_JSON])
    except (EncodingError, EscapeError, TypeError) as err:
        raise _invalid(str(err)) from err


def _expectation(data: dict[str, JsonValue]) -> Expectation | None:
    """Return what the reply looks like; None: none is waited for.

    Who says what it looks like wants to wait, unless it is said otherwise.
    """
    described = any(name.startswith("reply_") for name in data)
    if not data.get(ATTR_WAIT_FOR_REPLY, described):
        return None
    try:
        rule = create_reply_rule({"reply_framing": "hub", **data})
        return rule.expect({}) if rule is not None else None
    except OptionsError as err:
        raise _invalid(f"{err.option}: {err}") from err


ACTIONS = (
    Action(
        "send_command",
        _async_send_command,
        SEND_COMMAND_SCHEMA,
        SupportsResponse.OPTIONAL,
    ),
    Action("send_raw", _async_send_raw, SEND_RAW_SCHEMA, SupportsResponse.OPTIONAL),
    Action(
        "call_method", _async_call_method, CALL_METHOD_SCHEMA, SupportsResponse.OPTIONAL
    ),
)
