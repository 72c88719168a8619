"""Commands that were not carried out, as Home Assistant tells of them."""

from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from .connector.model import CommandError, CommandReason
from .const import DOMAIN
from .ocpp_errors import translated_failure

# What the caller can mend, by asking for something else.
_CALLERS = {
    CommandReason.UNKNOWN_KEY,
    CommandReason.INVALID_VALUE,
    CommandReason.NOT_SUPPORTED,
}


def translated(error: CommandError, name: str) -> HomeAssistantError:
    """Return the error of a hub for the caller of an action, in the caller's language."""
    # A charge point says more of it than what became of a command.
    if (failure := translated_failure(error.__cause__, name)) is not None:
        return failure
    kind = ServiceValidationError if error.reason in _CALLERS else HomeAssistantError
    return kind(
        translation_domain=DOMAIN,
        translation_key=f"command_{error.reason}",
        translation_placeholders={"name": name, "detail": str(error)},
    )
