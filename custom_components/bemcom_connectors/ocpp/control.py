"""What a charge point is told to do: start, stop, and whatever else OCPP knows."""

import asyncio
from collections.abc import Mapping, Sequence
import time
from typing import TYPE_CHECKING, Any

from ..connector.model import JsonValue
from . import settings
from .availability import Availability
from .calls import CallFailed, CallReason
from .configuration import ACCEPTED
from .enums import ExtendedMessageTrigger, MessageTrigger, ResetType, UnlockStatus
from .raw_calls import follow, without_secrets
from .refusals import Impossible, ImpossibleReason, NotAccepted
from .remote_start import RemoteStarts
from .transactions import Transaction

if TYPE_CHECKING:
    from .charge_point import ChargePoint
    from .charging_profile import ChargingProfile
    from .model import TagPolicy

# What is sent of a connector, if it is asked for at one.
OF_CONNECTORS = frozenset(
    {MessageTrigger.METER_VALUES, MessageTrigger.STATUS_NOTIFICATION}
)
_EXTENDED = frozenset(ExtendedMessageTrigger) - frozenset(MessageTrigger)


class Control:
    """What one charge point can be told to do.

    Each method returns what the charge point made of it. Raises CallFailed where there is no
    answer, NotAccepted where it is a refusal, and Impossible where it makes no sense to ask.
    """

    def __init__(self, cp: ChargePoint) -> None:
        """Have told it nothing yet."""
        self._cp = cp
        self.availability = Availability(cp)
        self._starts = RemoteStarts(cp)

    # Sessions

    async def remote_start(
        self,
        connector_id: int,
        id_tag: str | None = None,
        profile: ChargingProfile | None = None,
    ) -> None:
        """Have a session begin as soon as a car is there; connector 0: any.

        Without a tag it is that of the charge point. Raises ProfileError as well.
        """
        await self._starts.start(connector_id, id_tag, profile)

    async def remote_stop(
        self, connector_id: int, transaction_id: int | None = None
    ) -> None:
        """Have a session end: that of a connector (0: of the only one), or by its number."""
        if transaction_id is None:
            transaction_id = self._running(connector_id).id
        await self._accepted("RemoteStopTransaction", {"transactionId": transaction_id})

    def policy_of(self, id_tag: str, now: float) -> TagPolicy:
        """Return what becomes of a tag that nobody added: our own ones may charge."""
        return self._starts.policy_of(id_tag, now)

    def _running(self, connector_id: int) -> Transaction:
        """Return the transaction to stop, also one that is only believed to be over."""
        book, charge_point_id = self._cp.host.book, self._cp.id
        connector_ids = [connector_id] if connector_id else self._cp.connector_ids
        running = [
            found
            for it in connector_ids
            if (found := book.open_of(charge_point_id, it)) is not None
        ]
        running = running or [
            it
            for it in book.finished(charge_point_id)[:1]
            if it.lost and it.connector_id in connector_ids
        ]
        if len(running) != 1:
            raise Impossible(
                ImpossibleReason.NO_TRANSACTION, {"connector": str(connector_id)}
            )
        return running[0]

    # The charge point and its connectors

    async def change_availability(self, connector_id: int, operative: bool) -> str:
        """Take a connector, or all of them, out of service or into it; return the status."""
        return await self.availability.change(connector_id, operative)

    async def reapply_availability(self) -> str:
        """Have what the user took out of service so again; return what came of it."""
        return await self.availability.reapply()

    async def reset(self, kind: ResetType) -> None:
        """Have it start anew."""
        await self._accepted("Reset", {"type": kind.value})

    async def unlock(self, connector_id: int) -> str:
        """Have it release the cable."""
        if connector_id < 1:
            raise Impossible(
                ImpossibleReason.NO_SUCH_CONNECTOR, {"connector": str(connector_id)}
            )
        action = "UnlockConnector"
        status = await self._status(action, {"connectorId": connector_id})
        if status != UnlockStatus.UNLOCKED:
            raise NotAccepted(action, status)
        return status

    async def refresh(self) -> None:
        """Have it tell again how it is, what it measures, and its configuration."""
        cp = self._cp
        if not cp.online:
            raise CallFailed(CallReason.NOT_CONNECTED, "TriggerMessage")
        cp.configuration.read_with = None
        cp.notified.clear()
        # A task of its own, because it is cancelled when the connection is lost.
        work = cp.spawn(cp.start_up.run(booted=False))
        await asyncio.wait([work])
        if work.cancelled() or not cp.online:
            raise CallFailed(CallReason.CLOSED, "TriggerMessage")
        if set(cp.start_up.report.values()) & {CallReason.TIMEOUT}:
            raise CallFailed(CallReason.TIMEOUT, "TriggerMessage")

    async def trigger_message(self, message: str, connector_id: int | None) -> str:
        """Have it send a message."""
        action = "TriggerMessage"
        if message in _EXTENDED:
            action = "ExtendedTriggerMessage"
        payload: dict[str, JsonValue] = {"requestedMessage": message}
        if connector_id:
            payload["connectorId"] = connector_id
        return await self._accepted(action, payload)

    async def clear_cache(self) -> None:
        """Have it forget which tags it once let charge."""
        await self._accepted("ClearCache", {})

    async def data_transfer(
        self, vendor_id: str, message_id: str | None = None, data: JsonValue = None
    ) -> dict[str, Any]:
        """Send something of a vendor's own, and return the answer, whatever it is."""
        payload: dict[str, JsonValue] = {"vendorId": vendor_id}
        if message_id:
            payload["messageId"] = message_id
        if data is not None:
            payload["data"] = data
        answer = await self._cp.call("DataTransfer", payload)
        return {"status": str(answer["status"]), "data": answer.get("data")}

    async def call(
        self, action: str, payload: Mapping[str, JsonValue]
    ) -> dict[str, Any]:
        """Ask anything that OCPP knows, and return the answer as it came.

        Raises ValueError for a payload that OCPP does not allow.
        """
        answer = await self._cp.call(action, dict(payload), raw=True)
        follow(self._cp, action, payload, answer)
        return without_secrets(answer)

    # Its settings

    async def get_configuration(self, keys: Sequence[str] = ()) -> dict[str, Any]:
        """Read some settings, or all of them; passwords are hidden."""
        return await settings.read(self._cp, keys)

    async def change_configuration(self, key: str, value: str) -> str:
        """Change a setting, and return whether that counts at once or after a restart."""
        return await settings.write(self._cp, key, value)

    # Asking

    async def _accepted(self, action: str, payload: dict[str, JsonValue]) -> str:
        """Ask, and raise NotAccepted unless it was accepted."""
        status = await self._status(action, payload)
        if status != ACCEPTED:
            raise NotAccepted(action, status)
        return status

    async def _status(self, action: str, payload: dict[str, JsonValue]) -> str:
        """Ask, and return the status in the answer."""
        return str((await self._cp.call(action, payload))["status"])

    # What is kept

    def to_dict(self) -> dict[str, Any]:
        """Return what is kept over restarts."""
        return {
            "availability": self.availability.to_dict(),
            "remote_starts": self._starts.to_dict(time.time()),
        }

    def restore(self, data: object) -> None:
        """Take up what was kept, as far as there is sense in it."""
        stored = data if isinstance(data, Mapping) else {}
        self.availability.restore(stored.get("availability"))
        self._starts.restore(stored.get("remote_starts"), time.time())
