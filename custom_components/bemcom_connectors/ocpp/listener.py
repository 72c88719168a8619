"""What an OCPP hub tells beside readings."""

from collections.abc import Mapping
from enum import StrEnum

from ..connector.model import JsonValue
from .model import PendingChargePoint


class EventKind(StrEnum):
    """What happens at a charge point or connector, beside what has a value."""

    # Of a connector: started, ended.
    SESSION = "session"
    # Of a charge point: accepted, blocked, expired, invalid.
    ID_TAG = "id_tag"
    # Of a charge point: a security event in snake case; other: one that nobody knows.
    SECURITY = "security"


class OcppListener:
    """What happens on an OCPP hub; override what you want to hear.

    Called in the event loop; a call must not block.
    """

    def on_pending(self, pending: PendingChargePoint) -> None:
        """Take a charge point that is held until somebody adds it, or more about it."""

    def on_pending_gone(self, charge_point_id: str) -> None:
        """Take that a charge point is held no more: it hung up, or is added now."""

    def on_refused(self, charge_point_id: str) -> None:
        """Take that somebody came as a charge point and could not prove to be it."""

    def on_password(self, charge_point_id: str, password: str) -> None:
        """Take that a charge point took another password, which counts from now on."""

    def on_identity(self, charge_point_id: str) -> None:
        """Take that a charge point said who it is, and it is news."""

    def on_availability(self, charge_point_id: str) -> None:
        """Take that a charge point went on line or off line."""

    def on_connector(self, charge_point_id: str, connector_id: int) -> None:
        """Take a connector that was not heard of before; 0 is the charge point itself."""

    def on_firmware(self, charge_point_id: str) -> None:
        """Take that the state of a firmware update is another one."""

    def on_event(
        self,
        charge_point_id: str,
        connector_id: int,
        kind: EventKind,
        event_type: str,
        attributes: Mapping[str, JsonValue],
    ) -> None:
        """Take what happened."""

    def on_tag(self, charge_point_id: str, id_tag: str) -> None:
        """Take an id tag that was swiped, in full: for those only that must know it."""

    def on_changed(self, *, urgent: bool) -> None:
        """Take that what must survive a restart is another now; `urgent`: save it at once."""
