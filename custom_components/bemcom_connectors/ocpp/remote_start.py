"""Remote starts: with which tag, and what is expected to follow."""

from collections.abc import Mapping
import time
from typing import TYPE_CHECKING, Any

from ..connector.model import JsonValue
from .authorization import OWN_TAG, folded
from .calls import CallFailed, CallReason
from .configuration import ACCEPTED
from .model import TagPolicy
from .profile_rules import check_start_profile, rounded
from .refusals import NotAccepted

if TYPE_CHECKING:
    from .charge_point import ChargePoint
    from .charging_profile import ChargingProfile

_ACTION = "RemoteStartTransaction"
_TAG_KEY = "PlugAndChargeIdentifier"
_TIMEOUT_KEY = "ConnectionTimeOut"
# So long after a remote start its tag may charge, or a while longer than the charge point
# waits for a car.
_PENDING = 900.0
_MARGIN = 300.0
_MAX_PENDING = 20
_MAX_TAG = 20


class RemoteStarts:
    """The remote starts of a charge point, of which it is not known yet what came of them."""

    def __init__(self, cp: ChargePoint) -> None:
        """Wait for nothing."""
        self._cp = cp
        # Until when a tag is expected, by the tag as it is compared.
        self._pending: dict[str, float] = {}

    @property
    def tag(self) -> str:
        """Return the tag of remote starts for which nobody names one."""
        if self._cp.config.remote_start_tag:
            return self._cp.config.remote_start_tag
        adjustments = self._cp.adjustments
        if adjustments.plug_and_charge_tag:
            known = (self._cp.configuration.text(_TAG_KEY) or "").strip()
            if 0 < len(known) <= _MAX_TAG:
                return known
        return OWN_TAG[: adjustments.id_tag_length]

    async def start(
        self, connector_id: int, id_tag: str | None, profile: ChargingProfile | None
    ) -> None:
        """Ask for a start; raises CallFailed, NotAccepted or ProfileError."""
        if not id_tag:
            await self._look_up_tag()
        tag = id_tag or self.tag
        payload: dict[str, JsonValue] = {"idTag": tag}
        if connector_id > 0:
            payload["connectorId"] = connector_id
        if profile is not None:
            check_start_profile(profile, self._cp.profiles.capabilities)
            profile = rounded(profile)
            payload["chargingProfile"] = profile.to_payload()
        compared = folded(tag)
        before = self._pending.get(compared)
        # The tag may be asked for before the answer comes.
        self._expect(compared, time.time())
        try:
            answer = await self._cp.call(_ACTION, payload)
        except CallFailed, ValueError:
            # It may start nevertheless, if it was heard at all.
            if not self._cp.online:
                self._forget(compared, before)
            raise
        if (status := str(answer["status"])) != ACCEPTED:
            self._forget(compared, before)
            raise NotAccepted(_ACTION, status)
        self._expect(compared, time.time())
        if profile is not None:
            self._cp.profiles.expect(connector_id, profile)

    async def _look_up_tag(self) -> None:
        """Read the tag that a charge point has for itself, unless it is known."""
        configuration = self._cp.configuration
        if (
            self._cp.config.remote_start_tag
            or not self._cp.adjustments.plug_and_charge_tag
            or configuration.key(_TAG_KEY) is not None
            or configuration.is_unknown(_TAG_KEY)
        ):
            return
        try:
            await configuration.read(self._cp.call, [_TAG_KEY])
        except CallFailed as err:
            if err.reason is not CallReason.REFUSED:
                raise
        configuration.lacks([_TAG_KEY])

    def policy_of(self, id_tag: str, now: float) -> TagPolicy:
        """Return what becomes of a tag that nobody added."""
        compared = folded(id_tag)
        if compared == folded(self.tag) or now < self._pending.get(compared, 0.0):
            return TagPolicy.ACCEPT
        return self._cp.config.unknown_tags

    def _expect(self, compared: str, now: float) -> None:
        """Let a tag charge for a while."""
        self._pending = {
            it: until for it, until in self._pending.items() if until > now
        }
        self._pending.pop(compared, None)
        if len(self._pending) >= _MAX_PENDING:
            del self._pending[next(iter(self._pending))]
        waits = self._cp.configuration.number(_TIMEOUT_KEY) or 0
        patience = min(max(waits + _MARGIN, _PENDING), 86400.0)
        self._pending[compared] = now + patience
        self._cp.host.changed(urgent=True)

    def _forget(self, compared: str, before: float | None) -> None:
        """Expect a tag no longer than before."""
        self._pending.pop(compared, None)
        if before is not None:
            self._pending[compared] = before

    def to_dict(self, now: float) -> dict[str, Any]:
        """Return what is kept over restarts: the tags that are waited for."""
        return {tag: until for tag, until in self._pending.items() if until > now}

    def restore(self, data: object, now: float) -> None:
        """Take up what was kept, as far as there is sense in it."""
        stored = data if isinstance(data, Mapping) else {}
        for tag, until in list(stored.items())[:_MAX_PENDING]:
            if isinstance(tag, str) and isinstance(until, int | float):
                self._pending[tag] = min(float(until), now + _PENDING)
