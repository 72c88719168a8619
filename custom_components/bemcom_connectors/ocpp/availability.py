"""Which connectors are in service: as the user wants it, and as the charge point says."""

from typing import TYPE_CHECKING, Any

from . import datapoints as names
from .calls import CallFailed
from .configuration import ACCEPTED, is_refusal
from .enums import AvailabilityStatus, AvailabilityType, ChargePointStatus
from .model import by_connector
from .refusals import NotAccepted

if TYPE_CHECKING:
    from .charge_point import ChargePoint

_ACTION = "ChangeAvailability"


class Availability:
    """What the user took out of service, or into it, and the asking for that."""

    def __init__(self, cp: ChargePoint) -> None:
        """Know no wish of the user."""
        self._cp = cp
        # By connector; 0: the charge point with all of them.
        self.wishes: dict[int, bool] = {}

    async def change(self, connector_id: int, operative: bool) -> str:
        """Change it, and return whether that is done or waits for the end of a session.

        Raises CallFailed or NotAccepted. What was accepted is remembered.
        """
        status = await self._send(connector_id, operative, is_wish=True)
        self.heard(connector_id, operative)
        return status

    def heard(self, connector_id: int, operative: bool) -> None:
        """Take what somebody wants, and the charge point accepted."""
        if connector_id == 0:
            # It is about all of them.
            self.wishes.clear()
        self.wishes[connector_id] = operative
        self._cp.host.changed(urgent=True)

    async def reapply(self) -> str:
        """Ask again for what the user wants, where it is not so; return what came of it."""
        changed = 0
        all_changed = False
        for connector_id, operative in sorted(self.wishes.items()):
            if self.wishes.get(connector_id) != operative:
                continue  # the user wants something else by now
            differs = all_changed and operative != self.wishes.get(0)
            if differs or self._is_wrong(connector_id, operative):
                await self._send(connector_id, operative)
                all_changed |= connector_id == 0
                changed += 1
        return f"{changed} changed" if changed else "as it should be"

    async def _send(
        self, connector_id: int, operative: bool, *, is_wish: bool = False
    ) -> str:
        """Ask for it, of each connector if need be; raises CallFailed or NotAccepted.

        `is_wish`: the user wants it now, and what some of them accepted is remembered.
        """
        try:
            return await self._ask(connector_id, operative)
        except (CallFailed, NotAccepted) as err:
            is_refused = isinstance(err, NotAccepted) or is_refusal(err)
            if connector_id or not is_refused or not self._cp.connector_ids:
                raise
        # Some know it of each connector only.
        statuses = []
        for it in list(self._cp.connector_ids):
            statuses.append(await self._ask(it, operative))
            if is_wish:
                # The next one may refuse.
                self.heard(it, operative)
        scheduled = AvailabilityStatus.SCHEDULED.value
        if scheduled in statuses:
            return scheduled
        self._cp.show(0, {names.OPERATIVE: operative})
        return ACCEPTED

    async def _ask(self, connector_id: int, operative: bool) -> str:
        """Ask for it once; raises CallFailed or NotAccepted."""
        kind = AvailabilityType.OPERATIVE if operative else AvailabilityType.INOPERATIVE
        answer = await self._cp.call(
            _ACTION, {"connectorId": connector_id, "type": kind.value}
        )
        status = str(answer["status"])
        if status == AvailabilityStatus.REJECTED:
            raise NotAccepted(_ACTION, status)
        if status == ACCEPTED:
            self.show(connector_id, operative)
        return status

    def show(self, connector_id: int, operative: bool) -> None:
        """Show what was accepted."""
        for it in [connector_id] if connector_id else [0, *self._cp.connector_ids]:
            self._cp.show(it, {names.OPERATIVE: operative})

    def _is_wrong(self, connector_id: int, operative: bool) -> bool:
        """Tell whether a connector is not as the user wants it, as far as is known.

        What is in service anyway need not be put into it; what shall be out of it is only
        trusted to be so if the charge point said that since it connected.
        """
        cp = self._cp
        asked: list[int] = [connector_id]
        says_nothing = 0 not in cp.notified or not cp.connectors[0].watches_status
        if connector_id == 0 and says_nothing:
            asked = [
                it
                for it in cp.connector_ids
                if self.wishes.get(it, operative) == operative
            ]
        statuses = [
            cp.connectors[it].status
            for it in asked
            if it in cp.connectors and it in cp.notified
        ]
        out = [it is ChargePointStatus.UNAVAILABLE for it in statuses]
        if operative:
            return any(out)
        return len(out) < len(asked) or not out or not all(out)

    def to_dict(self) -> dict[str, Any]:
        """Return what is kept over restarts."""
        return {str(key): it for key, it in self.wishes.items()}

    def restore(self, data: object) -> None:
        """Take up what was kept, as far as there is sense in it."""
        self.wishes = {
            connector_id: wish
            for connector_id, wish in by_connector(data)
            if isinstance(wish, bool)
        }
