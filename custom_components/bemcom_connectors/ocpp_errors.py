"""What went wrong at a charge point, as Home Assistant tells of it: the one place for that."""

from collections.abc import Iterator
from contextlib import contextmanager

from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from .const import DOMAIN
from .ocpp.calls import CallFailed
from .ocpp.profile_rules import ProfileError
from .ocpp.refusals import Impossible, NotAccepted

type _Failure = CallFailed | NotAccepted | Impossible | ProfileError

# What is told of an answer is no longer than this.
_MAX_TEXT = 200


@contextmanager
def translating(name: str) -> Iterator[None]:
    """Raise what a charge point called `name` cannot or will not do as translated errors."""
    try:
        yield
    except (CallFailed, NotAccepted, Impossible, ProfileError) as err:
        raise _translated(err, name) from err


def translated_failure(error: object, name: str) -> HomeAssistantError | None:
    """Return the error of a charge point called `name`; None: it is another kind of error."""
    if isinstance(error, CallFailed | NotAccepted | Impossible | ProfileError):
        return _translated(error, name)
    return None


def _translated(error: _Failure, name: str) -> HomeAssistantError:
    """Return the error of what a charge point called `name` cannot or will not do."""
    match error:
        case CallFailed():
            return _call_failed(error, name)
        case NotAccepted():
            return HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="not_accepted",
                translation_placeholders={
                    "name": name,
                    "action": error.action,
                    "answer": _said(error.status, error.text),
                },
            )
        case Impossible():
            return ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key=f"impossible_{error.reason}",
                translation_placeholders={"name": name, **error.placeholders},
            )
        case ProfileError():
            return ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key=f"profile_{error.rule}",
                translation_placeholders={"name": name, **error.placeholders},
            )


def invalid_payload(action: str, error: ValueError) -> ServiceValidationError:
    """Return the error of a payload that OCPP does not allow."""
    return ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key="payload_invalid",
        translation_placeholders={
            "action": f"{action:.60}",
            "detail": f"{error!s:.{_MAX_TEXT}}",
        },
    )


def _call_failed(error: CallFailed, name: str) -> HomeAssistantError:
    """Return the error of a question that got no answer, or an error for one."""
    return HomeAssistantError(
        translation_domain=DOMAIN,
        translation_key=f"call_{error.reason}",
        translation_placeholders={
            "name": name,
            "action": error.action,
            "answer": _said(error.code, error.text),
        },
    )


def _said(word: str, text: str) -> str:
    """Return what a charge point said: its word, and what it says about it."""
    words = ", ".join(filter(None, (word, text)))
    return f"{words:.{_MAX_TEXT}}" or "-"
