"""What a flow shows of an actuator: the bytes that some values become."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
import json
import re
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.util.json import JSON_DECODE_EXCEPTIONS, json_loads

from .connector.actuators import MAX_TEXT, Actuator, ActuatorKind
from .connector.commands import SlowEncoder, StreamCommand, create_command
from .connector.converters import Converter, check_name
from .connector.devices import Device
from .connector.escapes import escape
from .connector.model import CommandError, ConnectorError, JsonValue
from .const import CONF_TEMPLATE
from .parsers import converters_folder
from .preview import cell, code

_MAX_CHOICES = 5
_MAX_SHOWN = 90
# As exact as a table can be.
_MAX_BYTES = 1024
_MAX_REASON = 300
# What goes into an object, such as ${params.pin}.
_INTO = re.compile(r"\$\{(?:params|value)\.([^{}$:]+)")


@contextmanager
def command_aside(
    hass: HomeAssistant, options: Mapping[str, Any]
) -> Iterator[StreamCommand]:
    """Lend a command to a thread; OptionsError for options that cannot work.

    The file of a converter is looked for here, and not by a hub, which goes on without.
    """
    converters: list[Converter] = []

    def find_encoder(name: str) -> SlowEncoder:
        folder = converters_folder(hass)
        check_name(folder, name)
        converters.append(Converter(folder, name))
        return converters[-1].encode

    try:
        yield create_command(options, find_encoder)
    finally:
        for converter in converters:
            converter.close()


def check_command(hass: HomeAssistant, options: Mapping[str, Any]) -> None:
    """Raise OptionsError for options that cannot work. Not for the event loop."""
    with command_aside(hass, options):
        pass


def try_sample(
    hass: HomeAssistant, options: Mapping[str, Any], device: Device, value: JsonValue
) -> JsonValue:
    """Return a value as it is sent; CommandError where it cannot be.

    Not for the event loop.
    """
    with command_aside(hass, options) as command:
        _encode(command, device, value)
        return command.actuator.accept(value)


def _encode(command: StreamCommand, device: Device, value: JsonValue) -> bytes:
    """Return the bytes that a value becomes; CommandError for one that cannot be sent."""
    return command.encode(command.actuator.accept(value), device)


def sample_values(
    options: Mapping[str, Any], actuator: Actuator, now: JsonValue
) -> list[JsonValue]:
    """Return values to show the bytes of; `now` is the present one, if there is any."""
    match actuator.kind:
        case ActuatorKind.NUMBER:
            low = 0 if actuator.minimum is None else actuator.minimum
            high = low + 1 if actuator.maximum is None else actuator.maximum
            return [*_accepted(actuator, now), low, high]
        case ActuatorKind.SWITCH:
            return [True, False]
        case ActuatorKind.SELECT:
            return list(actuator.options[:_MAX_CHOICES])
        case ActuatorKind.TEXT:
            longest = MAX_TEXT if actuator.maximum is None else int(actuator.maximum)
            some = "Hello".ljust(int(actuator.minimum or 0), "o")[:longest]
            return [*_accepted(actuator, now), some]
        case ActuatorKind.BUTTON:
            return [None]
    return [_some_params(str(options.get(CONF_TEMPLATE) or ""))]


def _accepted(actuator: Actuator, value: JsonValue) -> list[JsonValue]:
    """Return the present value where it could be sent as it is; of texts only texts."""
    if value is None or isinstance(value, str) != (actuator.kind is ActuatorKind.TEXT):
        return []
    try:
        return [actuator.accept(value)]
    except CommandError:  # the device may say more than it takes
        return []


def _some_params(template: str) -> JsonValue:
    """Return params that have all that a template asks for."""
    params: dict[str, JsonValue] = {}
    for match in _INTO.finditer(template):
        *outer, last = match[1].split(".")
        place = params
        for name in outer:
            inner = place.setdefault(name, {})
            if not isinstance(inner, dict):
                place[name] = inner = {}
            place = inner
        place.setdefault(last, 1)
    return params or 1


def read_sample(kind: str, text: str) -> JsonValue:
    """Return the value that was typed to be tried: for a method JSON, or else a text."""
    if kind != ActuatorKind.METHOD:
        return text
    try:
        value: JsonValue = json_loads(text)
    except JSON_DECODE_EXCEPTIONS:
        return text
    return value


def preview_rows(
    hass: HomeAssistant,
    options: Mapping[str, Any],
    device: Device,
    now: JsonValue,
    tried: Sequence[JsonValue],
) -> tuple[str, bool]:
    """Return the rows of a table: values, and the bytes they become as text and as hex.

    Beside them: whether any of the values can be sent. What was `tried` comes first. It takes
    its time: not for the event loop.
    """
    rows: dict[str, str] = {}
    sendable = False
    with command_aside(hass, options) as command:
        for value in [*tried, *sample_values(options, command.actuator, now)]:
            shown = _shown(command.actuator, value)
            if shown in rows:
                continue
            try:
                data = _encode(command, device, value)
            except CommandError as err:
                rows[shown] = f"⚠️ {cell(reason_of(err)[:_MAX_REASON])} | "
            else:
                text, hexadecimal = bytes_as_text(data), data.hex(" ")
                rows[shown] = (
                    f"{_code(text, _MAX_BYTES)} | {_code(hexadecimal, 3 * _MAX_BYTES)}"
                )
                sendable = True
    return "\n".join(f"| {shown} | {row} |" for shown, row in rows.items()), sendable


def reason_of(error: ConnectorError) -> str:
    """Return why something cannot work, for the middle of a sentence."""
    return str(error).rstrip(".")


def _shown(actuator: Actuator, value: JsonValue) -> str:
    """Return a value as it is shown; a button has none."""
    if actuator.kind is ActuatorKind.BUTTON:
        return "–"
    return _code(value if isinstance(value, str) else json.dumps(value))


def _code(text: str, limit: int = _MAX_SHOWN) -> str:
    """Return text in a code span, cut where it is long; none for no text."""
    cut = text if len(text) <= limit else f"{text[:limit]}…"
    return f"`{code(cut, limit + 1)}`" if cut else "–"


def bytes_as_text(data: bytes) -> str:
    """Return bytes as text with escapes, from which they could be read again."""
    try:
        return escape(data.decode())
    except UnicodeDecodeError:
        return "".join(
            escape(chr(byte)) if byte < 0x80 else f"\\x{byte:02x}" for byte in data
        )
