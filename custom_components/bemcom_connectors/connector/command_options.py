"""The options of an actuator, checked: what can be set, and which values it takes."""

from collections.abc import Mapping
from decimal import Decimal
import math
from typing import Any

from .actuators import MAX_TEXT, Actuator, ActuatorKind, StateSource
from .devices import device_key
from .fields import whole_number
from .model import OptionsError

type Options = Mapping[str, Any]

MAX_KEY = 255
MAX_CHOICES = 500
_MAX_FACTOR = 1e15
# Kinds that show nothing, and so have no state.
_STATELESS = {ActuatorKind.BUTTON, ActuatorKind.METHOD}


def text_option(options: Options, name: str, default: str = "") -> str:
    """Return an option that is a text."""
    given = options.get(name)
    if given is None:
        return default
    if not isinstance(given, str):
        raise OptionsError(name, f"{given!r:.60} is no text")
    return given


def number_option(options: Options, name: str) -> float | None:
    """Return an option that is a number, if it is there."""
    given = options.get(name)
    if given is None:
        return None
    try:
        usable = not isinstance(given, bool) and math.isfinite(given)
    except TypeError, OverflowError:
        usable = False
    if not usable:
        raise OptionsError(name, f"{given!r:.60} is no number")
    number: float = given
    return int(number) if number == int(number) else number


def size_option(options: Options, name: str, largest: int) -> int | None:
    """Return an option that is a number of bytes, if it is there."""
    try:
        size = whole_number(options.get(name))
    except ValueError:
        size = 0
    if size is not None and not 1 <= size <= largest:
        raise OptionsError(name, f"Give a whole number from 1 to {largest}")
    return size


def choice_option[T: str](
    options: Options, name: str, choices: Mapping[str, T], default: str
) -> T:
    """Return what one of some words stands for."""
    given = options.get(name) or default
    if not isinstance(given, str) or given not in choices:
        raise OptionsError(name, f"{given!r:.60} is none of {', '.join(choices)}")
    return choices[given]


def read_actuator(options: Options) -> Actuator:
    """Return what can be set by its options; OptionsError where they cannot work."""
    kind = choice_option(options, "kind", {it.value: it for it in ActuatorKind}, "")
    key, device_id = _key_and_device(options)
    minimum = number_option(options, "minimum")
    maximum = number_option(options, "maximum")
    if kind is ActuatorKind.NUMBER:
        _check_range(minimum, maximum)
    elif kind is ActuatorKind.TEXT:
        _check_lengths(minimum, maximum)
    step = number_option(options, "step")
    if step is not None and step <= 0:
        raise OptionsError("step", "The step must be more than 0")
    return Actuator(
        key=key,
        kind=kind,
        name=text_option(options, "name").strip(),
        device_id=device_id,
        minimum=minimum,
        maximum=maximum,
        step=step,
        unit=text_option(options, "unit").strip() or None,
        options=tuple(read_choices(options)) if kind is ActuatorKind.SELECT else (),
        state_source=_state_source(options, kind),
        state_key=text_option(options, "state_key").strip() or key,
    )


def _key_and_device(options: Options) -> tuple[str, str | None]:
    key = text_option(options, "key")
    if not key.strip():
        raise OptionsError("key", "Give the key of the datapoint that it writes")
    if len(key) > MAX_KEY:
        raise OptionsError("key", f"A key has at most {MAX_KEY} characters")
    device_id = text_option(options, "device_id") or None
    prefix = device_key(device_id, "") if device_id else ""
    if not key.startswith(prefix) or key == prefix:
        raise OptionsError(
            "key", f"The key of a device's datapoint begins with its id: {prefix:.60}…"
        )
    return key, device_id


def _check_range(minimum: float | None, maximum: float | None) -> None:
    if minimum is not None and maximum is not None and minimum >= maximum:
        raise OptionsError("maximum", "The maximum must be more than the minimum")


def _check_lengths(minimum: float | None, maximum: float | None) -> None:
    for name, length in (("minimum", minimum), ("maximum", maximum)):
        if length is not None and not (0 <= length <= MAX_TEXT and length % 1 == 0):
            raise OptionsError(name, f"Give a whole number from 0 to {MAX_TEXT}")
    if maximum == 0 or (maximum is not None and maximum < (minimum or 0)):
        raise OptionsError("maximum", "No text is so short; give a larger length")


def _state_source(options: Options, kind: ActuatorKind) -> StateSource:
    source = choice_option(
        options,
        "state_source",
        {it.value: it for it in StateSource},
        StateSource.SENT,
    )
    replies = text_option(options, "reply_framing") or "none"
    if source is StateSource.REPLY and replies == "none" and kind not in _STATELESS:
        raise OptionsError(
            "state_source",
            "No reply is waited for; say how replies are framed, or take another source",
        )
    return source


def read_choices(options: Options) -> dict[str, str]:
    """Return the choices of a select, with what is sent for each."""
    given = options.get("choices")
    if not isinstance(given, list | tuple) or not given:
        raise OptionsError("choices", "There are no choices; add one")
    if len(given) > MAX_CHOICES:
        raise OptionsError("choices", f"There are more than {MAX_CHOICES} choices")
    choices: dict[str, str] = {}
    for number, row in enumerate(given, 1):
        option = row.get("option") if isinstance(row, Mapping) else None
        if not isinstance(option, str) or not option.strip():
            raise OptionsError("choices", f"Choice {number} has no name")
        if option in choices:
            raise OptionsError("choices", f"{option!r:.60} is there twice")
        payload = row.get("payload")
        if not isinstance(payload, str | None):
            raise OptionsError("choices", f"The payload of {option!r:.60} is no text")
        choices[option] = option if payload is None else payload
    return choices


def read_scale(options: Options) -> tuple[Decimal, Decimal]:
    """Return scale and offset of a number: what is sent is (value - offset) / scale."""
    scale = number_option(options, "scale")
    scale = 1 if scale is None else scale
    offset = number_option(options, "offset") or 0
    if scale == 0:
        raise OptionsError(
            "scale", "Nothing can be divided by 0; leave it out, or take 1"
        )
    if not 1 / _MAX_FACTOR <= abs(scale) <= _MAX_FACTOR:
        raise OptionsError("scale", f"Take a scale up to {_MAX_FACTOR:g}")
    if abs(offset) > _MAX_FACTOR:
        raise OptionsError("offset", f"Take an offset up to {_MAX_FACTOR:g}")
    return Decimal(repr(scale)), Decimal(repr(offset))
