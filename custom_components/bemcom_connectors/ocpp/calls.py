"""How a CALL to a charge point fails."""

from enum import StrEnum

from ..connector.model import ConnectorError


class CallReason(StrEnum):
    """Why a CALL was not answered as it should be."""

    NOT_CONNECTED = "not_connected"
    # Too many CALLs wait for their turn.
    BUSY = "busy"
    TIMEOUT = "timeout"
    # The connection went while the answer was waited for.
    CLOSED = "closed"
    # The answer is a CALLERROR.
    REFUSED = "refused"
    # The answer is none that OCPP knows.
    INVALID = "invalid"


# What a charge point has against something, and not against being asked.
REFUSALS = frozenset({CallReason.REFUSED, CallReason.INVALID})


class CallFailed(ConnectorError):  # noqa: N818 - what it is about
    """A CALL failed for `reason`; `code` is that of a CALLERROR, `text` what it says."""

    def __init__(
        self, reason: CallReason, action: str, text: str = "", code: str = ""
    ) -> None:
        """Keep what failed beside the text."""
        super().__init__(f"{action}: {': '.join(filter(None, (reason, code, text)))}")
        self.reason = reason
        self.action = action
        self.text = text
        self.code = code
