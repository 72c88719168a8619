"""Charge points that nobody added yet: held on their socket until somebody does."""

import asyncio
from collections.abc import Callable

from ..connector.model import JsonValue
from .actions import read_request
from .authentication import matches
from .calls import CallFailed
from .enums import RegistrationStatus
from .frames import Call, ErrorCode, Refused
from .incoming import boot_answer, identity_of
from .leniencies import Leniencies
from .model import Identity, PendingChargePoint
from .session import Session

# So often a held charge point asks whether it is welcome by now, in seconds.
RETRY_INTERVAL = 30
# Who does not boot by itself is asked to, and shown without its name if it does not.
_PATIENCE = 5.0
# All that it may say is who it is, which takes no longer frames.
_MAX_FRAME = 1 << 14
# So many are held at a time.
MAX_PENDING = 20


class HeldChargePoint:
    """A charge point that is answered Pending, so that it does nothing but wait (OCPP 4.2)."""

    def __init__(
        self, session: Session, tell: Callable[[PendingChargePoint], None]
    ) -> None:
        """Hold a connection; `tell` hears who it is, as soon as that is known."""
        self.session = session
        self._tell = tell
        self._leniencies = Leniencies()
        self.known = PendingChargePoint(
            id=session.charge_point_id,
            has_password=bool(session.arrival.passwords),
            certificate_name=next(iter(session.arrival.certificate_names), ""),
        )
        session.handler = self.handle
        session.frame_limit = _MAX_FRAME
        self._asking: asyncio.Task[None] | None = asyncio.create_task(
            self._ask(), name=f"held charge point {session.charge_point_id}"
        )

    def presents(self, password: str) -> bool:
        """Tell whether it came with this password."""
        return matches(password, self.session.arrival.passwords)

    def handle(self, _session: Session, call: Call) -> JsonValue:
        """Answer a BootNotification, and refuse all else; raises Refused."""
        payload = read_request(call.action, call.payload, self._leniencies)
        if call.action != "BootNotification":
            raise Refused(
                ErrorCode.SECURITY_ERROR,
                "Send a BootNotification and wait for Accepted",
            )
        self.close()
        self._show(identity_of(payload))
        return boot_answer(RegistrationStatus.PENDING, RETRY_INTERVAL)

    def close(self) -> None:
        """Ask it nothing any more."""
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None

    def _show(self, identity: Identity) -> None:
        """Tell who it is."""
        self.known = PendingChargePoint(
            id=self.known.id,
            identity=identity,
            has_password=self.known.has_password,
            certificate_name=self.known.certificate_name,
        )
        self._tell(self.known)

    async def _ask(self) -> None:
        """Ask a charge point that does not boot to do so; show it in any case."""
        await asyncio.sleep(_PATIENCE)
        try:
            await self.session.call(
                "TriggerMessage", {"requestedMessage": "BootNotification"}
            )
            await asyncio.sleep(_PATIENCE)
        except CallFailed:
            pass  # it is one of those that cannot be asked
        self._asking = None
        self._show(self.known.identity)
