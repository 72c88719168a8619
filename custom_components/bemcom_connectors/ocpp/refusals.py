"""How a charge point refuses what it was asked, and what cannot be asked of it."""

from collections.abc import Mapping
from enum import StrEnum

from ..connector.model import ConnectorError

_MAX_TEXT = 255


class NotAccepted(ConnectorError):  # noqa: N818 - what it is about
    """The charge point answered with a status that is no success; `text`: what else it said."""

    def __init__(self, action: str, status: str, text: str = "") -> None:
        """Keep what it said beside the text."""
        status, text = status[:_MAX_TEXT], text[:_MAX_TEXT]
        super().__init__(f"{action}: {': '.join(filter(None, (status, text)))}")
        self.action = action
        self.status = status
        self.text = text


class ImpossibleReason(StrEnum):
    """Why something cannot be asked of a charge point, or has no effect."""

    # Nothing runs that could be stopped or limited.
    NO_TRANSACTION = "no_transaction"
    NO_SUCH_CONNECTOR = "no_such_connector"
    # It accepts a limit, and reports another one.
    NOT_EFFECTIVE = "not_effective"
    # It ends the session at a limit of 0.
    ZERO_LIMIT = "zero_limit"
    # It takes none of the ways to limit it.
    NO_WAY = "no_way"
    NO_SMART_CHARGING = "no_smart_charging"


class Impossible(ConnectorError):  # noqa: N818 - what it is about
    """Something is not possible for `reason`; the placeholders are those of its text."""

    def __init__(
        self, reason: ImpossibleReason, placeholders: Mapping[str, str] | None = None
    ) -> None:
        """Keep the reason beside the text."""
        self.reason = reason
        self.placeholders: dict[str, str] = dict(placeholders or {})
        said = ", ".join(f"{key} {value}" for key, value in self.placeholders.items())
        words = reason.replace("_", " ").capitalize()
        super().__init__(f"{words} ({said})" if said else words)
