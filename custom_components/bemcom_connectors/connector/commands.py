"""Commands of a stream hub: an actuator, how its values are written, and the reply."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
import math

from .actuators import Actuator, ActuatorKind
from .command_encoding import (
    VALUE,
    Encoder,
    create_binary_encoder,
    create_checksum,
    create_hex_encoder,
    create_template_encoder,
)
from .command_options import (
    Options,
    choice_option,
    read_actuator,
    read_choices,
    read_scale,
    text_option,
)
from .devices import Device, own_key
from .model import CommandError, CommandReason, ConnectorError, JsonValue, OptionsError
from .parsing import auto_type
from .replies import ReplyRule, create_reply_rule
from .transport import MAX_UNSENT

# The user's own encoder: key and value to bytes. It takes its time.
type SlowEncoder = Callable[[str, JsonValue], bytes]
type _ToWire = Callable[[JsonValue], JsonValue]

ENCODINGS = ("template", "hex", "binary", "converter")

# Every digit of a number that has a float beside it, and those a quotient is rounded to.
_EXACT = Context(prec=400)
_DIGITS = Context(prec=15)


def _unchanged(value: JsonValue) -> JsonValue:
    return value


@dataclass(frozen=True, kw_only=True, slots=True)
class StreamCommand:
    """How an actuator of a stream hub is set.

    `encode` takes what the actuator accepted and the device it is for, and returns the bytes;
    it raises CommandError for what cannot be written. A `slow` one is called in a thread.
    """

    actuator: Actuator
    encode: Callable[[JsonValue, Device], bytes]
    slow: bool = False
    reply: ReplyRule | None = None
    # What is sent for a value: the number without its scale, or the payload.
    to_wire: Callable[[JsonValue], JsonValue] = _unchanged
    # The values that payloads stand for.
    payloads: Mapping[str, JsonValue] | None = None
    # Of a number: what the device's is multiplied with, and what is added then.
    scale: tuple[Decimal, Decimal] | None = None

    def variables(self, value: JsonValue, device: Device) -> Mapping[str, object]:
        """Return what the placeholders of a template stand for; CommandError as `encode`."""
        return variables_of(self.actuator, self.to_wire(value), device)

    def state_of(self, raw: JsonValue) -> JsonValue:
        """Return the value that a datapoint or a reply shows; None: none it can have."""
        if self.payloads:
            try:
                text = str(_whole_or_float(raw) if isinstance(raw, float) else raw)
            except ValueError, RecursionError:  # too many digits, or too deep
                return None
            if (text := text.strip()) in self.payloads:
                return self.payloads[text]
        return self.actuator.read(raw)

    def state_of_reply(self, reply: JsonValue) -> JsonValue:
        """Return the value that a reply shows: a number as the device has it."""
        value = self.state_of(reply)
        if self.scale is None or isinstance(value, bool):
            return value
        if not isinstance(value, int | float):
            return None
        scale, offset = self.scale
        scaled = float(_DIGITS.fma(Decimal(repr(value)), scale, offset))
        return _whole_or_float(scaled) if math.isfinite(scaled) else None


def create_command(
    options: Options,
    find_encoder: Callable[[str], SlowEncoder] | None = None,
) -> StreamCommand:
    """Return a command by its options; OptionsError where they cannot work.

    `find_encoder` returns the encoder of the converter with a name.
    """
    actuator = read_actuator(options)
    to_wire, payloads = _create_to_wire(options, actuator)
    encoding = choice_option(
        options, "encoding", {it: it for it in ENCODINGS}, "template"
    )
    example = variables_of(actuator, VALUE, Device(actuator.device_id or ""))
    if encoding == "converter":
        write = _create_converter_encoder(options, actuator, find_encoder)
    else:
        write = _create_encoder(options, actuator, encoding, example)
    command = StreamCommand(
        actuator=actuator,
        encode=_create_encode(options, actuator, to_wire, write),
        slow=encoding == "converter",
        reply=create_reply_rule(options, list(example)),
        to_wire=to_wire,
        payloads=payloads,
        scale=read_scale(options) if actuator.kind is ActuatorKind.NUMBER else None,
    )
    if not command.slow:
        _try_out(command, encoding)
    return command


def variables_of(
    actuator: Actuator, value: object, device: Device
) -> dict[str, object]:
    """Return what the placeholders of a template stand for; `value` is what is sent.

    ThingsBoard's names are among them: the attribute itself, deviceName, deviceType, params.
    """
    attribute = own_key(actuator.key, actuator.device_id)
    return {
        actuator.key: value,
        attribute: value,
        "value": value,
        "params": value,
        "attribute": attribute,
        "device_name": device.name,
        "device_type": device.type,
        "device_id": device.id,
        "deviceName": device.name,
        "deviceType": device.type,
    }


# What is sent for a value


def _create_to_wire(
    options: Options, actuator: Actuator
) -> tuple[_ToWire, Mapping[str, JsonValue] | None]:
    """Return what makes of a value what is sent, and which values payloads stand for."""
    match actuator.kind:
        case ActuatorKind.NUMBER:
            return _create_scaling(options), None
        case ActuatorKind.SWITCH:
            on = text_option(options, "payload_on", "1")
            off = text_option(options, "payload_off", "0")
            if on == off:
                raise OptionsError("payload_off", "The payload for on is the same")
            return lambda value: on if value else off, {on: True, off: False}
        case ActuatorKind.SELECT:
            choices = read_choices(options)
            return lambda value: _chosen(choices, value), _by_payload(choices)
        case ActuatorKind.BUTTON:
            payload = text_option(options, "payload")
            return lambda _: payload, None
    return _unchanged, None


def _by_payload(choices: Mapping[str, str]) -> dict[str, JsonValue]:
    """Return the choices by what is sent for them; of several the first counts."""
    return {payload: option for option, payload in reversed(list(choices.items()))}


def _chosen(choices: Mapping[str, str], value: JsonValue) -> str:
    if not isinstance(value, str) or value not in choices:
        raise _invalid(f"{value!r:.60} is no choice")
    return choices[value]


def _create_scaling(options: Options) -> _ToWire:
    """Return what takes offset and scale from a number."""
    scale, offset = read_scale(options)
    scaled = scale != 1 or offset != 0

    def unscale(value: JsonValue) -> JsonValue:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _invalid(f"{value!r:.60} is no number")
        if isinstance(value, float) and not math.isfinite(value):
            raise _invalid(f"{value} is no number that can be sent")
        if not scaled:
            return _whole_or_float(value)
        try:
            return _quotient(Decimal(repr(value)), offset, scale)
        except OverflowError, ValueError:
            raise _invalid("The number is too large") from None

    return unscale


def _whole_or_float(value: float) -> float:
    """Return a number as an integer where it is one."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _quotient(value: Decimal, offset: Decimal, scale: Decimal) -> float:
    """Return what is sent for a value, without the dust of binary floats."""
    exact = _EXACT.divide(_EXACT.subtract(value, offset), scale)
    if exact == exact.to_integral_value():
        return int(exact)
    rounded = float(_DIGITS.plus(exact))
    if not math.isfinite(rounded):
        raise OverflowError
    return _whole_or_float(rounded)


# Writing it


def _create_encode(
    options: Options, actuator: Actuator, to_wire: _ToWire, write: Encoder
) -> Callable[[JsonValue, Device], bytes]:
    """Return what writes a value completely, or raises CommandError."""
    add_checksum = create_checksum(options)

    def encode(value: JsonValue, device: Device) -> bytes:
        wire = to_wire(value)
        try:
            data = add_checksum(write(wire, variables_of(actuator, wire, device)))
        except ConnectorError as err:
            raise _invalid(str(err)) from err
        if len(data) > MAX_UNSENT:
            raise _invalid(
                f"It would be {len(data):,} bytes; at most {MAX_UNSENT:,} are sent at once"
            )
        return data

    return encode


def _create_encoder(
    options: Options, actuator: Actuator, encoding: str, example: Mapping[str, object]
) -> Encoder:
    """Return what writes a value in an encoding of ours."""
    if encoding == "binary":
        return create_binary_encoder(options)
    if encoding == "hex":
        return create_hex_encoder(options, actuator.kind, example)
    return create_template_encoder(options, actuator.kind, example)


def _create_converter_encoder(
    options: Options,
    actuator: Actuator,
    find_encoder: Callable[[str], SlowEncoder] | None,
) -> Encoder:
    """Return what lets the user's converter write a value."""
    name = text_option(options, "converter").strip()
    if not name:
        raise OptionsError("converter", "Choose the converter that writes it")
    if find_encoder is None:
        raise OptionsError("converter", "There are no converters here")
    encode = find_encoder(name)
    has_payload = actuator.kind in {
        ActuatorKind.SWITCH,
        ActuatorKind.SELECT,
        ActuatorKind.BUTTON,
    }

    def write(value: JsonValue, _: Mapping[str, object]) -> bytes:
        if has_payload and isinstance(value, str):
            value = auto_type(value)
        return encode(actuator.key, value)

    return write


# Trying it out


def _try_out(command: StreamCommand, encoding: str) -> None:
    """Raise OptionsError where a value that can be set cannot be sent."""
    general = "binary_type" if encoding == "binary" else "template"
    device = Device(command.actuator.device_id or "")
    for option, value in _samples(command.actuator):
        try:
            data = command.encode(value, device)
        except CommandError as err:
            text = "It" if value is None else f"{value!r:.40}"
            raise OptionsError(
                option or general, f"{text} cannot be sent: {err}"
            ) from err
        if not data:
            raise OptionsError(
                option or general, "There is nothing to send; give it some text"
            )


def _samples(actuator: Actuator) -> list[tuple[str, JsonValue]]:
    """Return values that it must be able to send, each with the option that it is from."""
    match actuator.kind:
        case ActuatorKind.NUMBER:
            limits = {"minimum": actuator.minimum, "maximum": actuator.maximum}
            given = [(name, it) for name, it in limits.items() if it is not None]
            return [*given] or [("", 1)]
        case ActuatorKind.SWITCH:
            return [("payload_on", True), ("payload_off", False)]
        case ActuatorKind.SELECT:
            return [("choices", choice) for choice in actuator.options]
        case ActuatorKind.BUTTON:
            return [("payload", None)]
    return []


def _invalid(text: str) -> CommandError:
    return CommandError(CommandReason.INVALID_VALUE, text)
