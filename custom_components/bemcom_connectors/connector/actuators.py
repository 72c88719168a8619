"""What can be set on a device, and which values it takes."""

from dataclasses import dataclass, replace
from enum import StrEnum
import math

from .command_template import shown
from .model import CommandError, CommandReason, JsonValue

MAX_TEXT = 4096

_SWITCHED: dict[str, bool] = {
    "on": True,
    "true": True,
    "1": True,
    "off": False,
    "false": False,
    "0": False,
}


class ActuatorKind(StrEnum):
    """How an actuator is shown; a method is not, and is called with any value."""

    NUMBER = "number"
    SWITCH = "switch"
    SELECT = "select"
    TEXT = "text"
    BUTTON = "button"
    METHOD = "method"


class StateSource(StrEnum):
    """Where the state of an actuator comes from."""

    DATAPOINT = "datapoint"
    SENT = "sent"
    REPLY = "reply"


@dataclass(frozen=True, kw_only=True, slots=True)
class Actuator:
    """Something that can be set; `key` is that of the datapoint it writes.

    `minimum`, `maximum`, `step` and `unit` are those of a number; the first two bound the
    length of a text. `options` are the choices of a select.
    """

    key: str
    kind: ActuatorKind
    name: str = ""
    # The device of the link that it belongs to; None: the hub itself.
    device_id: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    unit: str | None = None
    options: tuple[str, ...] = ()
    state_source: StateSource = StateSource.SENT
    # The datapoint that shows its state, for StateSource.DATAPOINT.
    state_key: str = ""

    def accept(self, value: JsonValue) -> JsonValue:
        """Return a value as it is sent: of the type of the kind, and within its limits.

        Raises CommandError that says what is wrong with it.
        """
        match self.kind:
            case ActuatorKind.NUMBER:
                return self._number(value)
            case ActuatorKind.SWITCH:
                return _switched(value)
            case ActuatorKind.SELECT:
                return self._option(value)
            case ActuatorKind.TEXT:
                return self._text(value)
            case ActuatorKind.BUTTON:
                return None
        return value

    def read(self, value: JsonValue) -> JsonValue:
        """Return the value that a device reports, which may be beyond the limits.

        None: it is nothing that the kind can show.
        """
        try:
            if self.kind is ActuatorKind.NUMBER:
                return replace(self, minimum=None, maximum=None).accept(value)
            return self.accept(value)
        except CommandError:
            return None

    def _number(self, value: JsonValue) -> float:
        """Return a number within the limits; a text that is one is taken for one."""
        number: float | None = None
        if isinstance(value, str):
            try:
                number = float(value)
            except ValueError:
                number = None
        elif isinstance(value, int | float) and not isinstance(value, bool):
            number = value
        if number is None or not _is_finite(number):
            raise _invalid(f"{shown(value)} is no number")
        if isinstance(number, float) and number.is_integer():
            number = int(number)
        if self.minimum is not None and number < self.minimum:
            raise _invalid(f"{number} is less than {self.minimum:g}")
        if self.maximum is not None and number > self.maximum:
            raise _invalid(f"{number} is more than {self.maximum:g}")
        return number

    def _option(self, value: JsonValue) -> str:
        """Return one of the choices."""
        text = _plain_text(value)
        if text is None or text not in self.options:
            choices = ", ".join(self.options)
            raise _invalid(f"{shown(value)} is none of {choices:.200}")
        return text

    def _text(self, value: JsonValue) -> str:
        """Return a text within the limits."""
        # As ThingsBoard writes true: True (vector serial-attr-2).
        text = str(value) if isinstance(value, bool) else _plain_text(value)
        if text is None:
            raise _invalid(f"{shown(value)} is no text")
        shortest = int(self.minimum or 0)
        longest = MAX_TEXT if self.maximum is None else int(self.maximum)
        if not shortest <= len(text) <= longest:
            raise _invalid(
                f"{shown(value)} has {len(text)} characters; between {shortest} and "
                f"{longest} are allowed"
            )
        return text


def _is_finite(number: float) -> bool:
    """Tell whether a number can be reckoned with; an integer may be too large to."""
    try:
        return math.isfinite(number)
    except OverflowError:
        return False


def _switched(value: JsonValue) -> bool:
    """Return whether a value means on."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float) and value in (0, 1):
        return bool(value)
    found = _SWITCHED.get(value.strip().lower()) if isinstance(value, str) else None
    if found is None:
        raise _invalid(f"{shown(value)} is neither on nor off")
    return found


def _plain_text(value: JsonValue) -> str | None:
    """Return a value as people write it; None for what is no single text or number."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int | float):
        return None
    try:
        return str(value)
    except ValueError:  # more digits than Python writes
        return None


def _invalid(text: str) -> CommandError:
    return CommandError(CommandReason.INVALID_VALUE, text)
