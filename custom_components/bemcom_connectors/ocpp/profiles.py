"""The charging profiles of one charge point: sent, asked for, planned, and sent again."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
import time
from typing import Any, Protocol

from ..connector.model import JsonValue
from . import datapoints as names
from .calls import CallFailed, CallReason
from .charging_profile import ChargingProfile
from .configuration import ACCEPTED, Configuration
from .connector_state import ConnectorState, iso
from .enums import ChargingProfilePurpose, ChargingRateUnit
from .host import Host
from .installed_profiles import InstalledProfile, InstalledProfiles
from .measurands import LINES, datapoint_name
from .planned_limit import planned_limit
from .profile_rules import Capabilities, check_number, check_profile, rounded
from .refusals import NotAccepted
from .reinstalling import Reinstalling, read_ids
from .reporting import attempt
from .smart_charging import Planned, RunningTransaction, composite_schedule

# What a car takes at least on a phase that it uses.
_LEAST_CURRENT = 1.0
USUAL_PHASES = 3
_MAX_UNSURE = 50
# So long a transaction may take to begin after it was asked for.
_PATIENCE = 900.0

_MAX_ATTEMPTS = 50

# It may have heard it, or not.
_UNSURE = frozenset({CallReason.TIMEOUT, CallReason.CLOSED, CallReason.INVALID})

_CURRENTS = tuple(datapoint_name("Current.Import", line) for line in LINES)


class Target(Protocol):
    """The charge point, as its charging profiles see it."""

    configuration: Configuration
    connectors: dict[int, ConnectorState]
    host: Host

    @property
    def id(self) -> str:
        """Return its id."""

    @property
    def online(self) -> bool:
        """Tell whether it is connected."""

    @property
    def connector_ids(self) -> Sequence[int]:
        """Return its connectors as far as they are known, without 0."""

    async def call(self, action: str, payload: dict[str, JsonValue]) -> dict[str, Any]:
        """Ask something of the charge point; raises CallFailed."""

    def show(self, connector_id: int, values: Mapping[str, JsonValue]) -> None:
        """Publish values of a connector; 0: of the charge point."""

    def spawn(self, work: Any) -> asyncio.Task[None]:
        """Run something beside, until the charge point is closed."""


class Profiles:
    """What is installed on a charge point, as far as it went through here."""

    def __init__(self, target: Target) -> None:
        """Know no profile yet."""
        self.installed = InstalledProfiles()
        # Whether it ever took one.
        self.ever_taken = False
        # What became of those that were sent lately.
        self.attempts: deque[Mapping[str, JsonValue]] = deque(maxlen=_MAX_ATTEMPTS)
        # Whom to tell that somebody set or removed profiles.
        self.listeners: list[Callable[[], None]] = []
        self._target = target
        # The ids of those that it may have taken, although there was no answer.
        self._unsure: set[int] = set()
        self._again = Reinstalling(self, target)
        # What transactions will begin with, by their connectors, and until when.
        self._expected: dict[int, tuple[ChargingProfile, float]] = {}
        self._phases: dict[int, int] = {}

    @property
    def capabilities(self) -> Capabilities:
        """Return what the charge point takes, as far as it says so."""
        keys = self._target.configuration.keys
        return Capabilities.of({key: it.value or "" for key, it in keys.items()})

    def transaction_id(self, connector_id: int) -> int | None:
        """Return the transaction that runs on a connector; None: there is none."""
        found = self._target.host.book.open_of(self._target.id, connector_id)
        return None if found is None else found.id

    # What users ask for

    async def set_profile(
        self, connector_id: int, profile: ChargingProfile
    ) -> ChargingProfile:
        """Install a profile, and return it as it was sent.

        Raises ProfileError before anything is sent, NotAccepted or CallFailed after.
        """
        running = self.transaction_id(connector_id)
        profile = rounded(profile)
        is_tx = profile.purpose is ChargingProfilePurpose.TX_PROFILE
        if is_tx and profile.transaction_id is None:
            profile = replace(profile, transaction_id=running)
        capabilities = self.capabilities
        check_profile(profile, connector_id, capabilities, transaction_id=running)
        check_number(self.installed.count_with(connector_id, profile), capabilities)
        await self.send(connector_id, profile)
        self.keep(profile.id)
        return profile

    def keep(self, profile_id: int) -> None:
        """Install a profile again after a boot, as somebody wants it."""
        self._again.kept.add(profile_id)
        self._tell()

    async def clear(
        self,
        profile_id: int | None = None,
        connector_id: int | None = None,
        purpose: ChargingProfilePurpose | None = None,
        stack_level: int | None = None,
    ) -> str:
        """Remove profiles; return "Accepted", or "Unknown" if there were none."""
        status = await self.remove(profile_id, connector_id, purpose, stack_level)
        self._tell()
        return status

    async def get_composite_schedule(
        self, connector_id: int, duration: int, unit: ChargingRateUnit | None = None
    ) -> dict[str, Any]:
        """Return what the charge point says it is going to do, times as text."""
        payload: dict[str, JsonValue] = {
            "connectorId": connector_id,
            "duration": duration,
        }
        if unit is not None:
            payload["chargingRateUnit"] = unit.value
        answer = dict(await self._target.call("GetCompositeSchedule", payload))
        _write_time(answer, "scheduleStart")
        if schedule := answer.get("chargingSchedule"):
            answer["chargingSchedule"] = schedule = dict(schedule)
            _write_time(schedule, "startSchedule")
        return answer

    def planned(
        self, connector_id: int, start: float, duration: int, unit: ChargingRateUnit
    ) -> list[Planned]:
        """Return what is going to be in effect by what is installed."""
        return composite_schedule(
            self._there(),
            connector_id,
            start,
            duration,
            unit,
            transactions=self.transactions(),
            phases=self.phases(connector_id),
        )

    # What limits need as well

    async def send(self, connector_id: int, profile: ChargingProfile) -> None:
        """Install a profile as it is; raises NotAccepted and CallFailed."""
        action = "SetChargingProfile"
        payload: dict[str, JsonValue] = {
            "connectorId": connector_id,
            "csChargingProfiles": profile.to_payload(),
        }
        try:
            answer = await self._target.call(action, payload)
        except CallFailed as err:
            if err.reason in _UNSURE and len(self._unsure) < _MAX_UNSURE:
                self._unsure.add(profile.id)
                self._target.host.changed(urgent=True)
            self.attempts.append(attempt(connector_id, profile, str(err)))
            raise
        status = str(answer.get("status", ""))
        self.attempts.append(attempt(connector_id, profile, status))
        if status != ACCEPTED:
            raise NotAccepted(action, status)
        self.take(connector_id, profile)

    def take(self, connector_id: int, profile: ChargingProfile) -> None:
        """Know that a profile is installed."""
        self.ever_taken = True
        self._unsure.discard(profile.id)
        self._again.found(profile.id)
        self._again.forget(self.installed.install(connector_id, profile))
        self.changed()

    async def remove(
        self,
        profile_id: int | None = None,
        connector_id: int | None = None,
        purpose: ChargingProfilePurpose | None = None,
        stack_level: int | None = None,
    ) -> str:
        """Remove profiles, and return whether there were any; raises CallFailed."""
        given: dict[str, JsonValue] = {
            "id": profile_id,
            "connectorId": connector_id,
            "chargingProfilePurpose": purpose and purpose.value,
            "stackLevel": stack_level,
        }
        payload: dict[str, JsonValue] = {
            key: value for key, value in given.items() if value is not None
        }
        answer = await self._target.call("ClearChargingProfile", payload)
        self._unsure.discard(profile_id or -1)
        # What it does not know is not there either.
        self.drop(profile_id, connector_id, purpose, stack_level)
        return str(answer.get("status", ""))

    def drop(self, *given: Any) -> None:
        """Know that profiles are removed: those that were given to `clear`."""
        self._again.forget(self.installed.clear(*given))
        self.changed()

    def may_be_installed(self, profile_id: int) -> bool:
        """Tell whether a profile is there, or may be, as there was no answer."""
        return profile_id in self._unsure or bool(self.installed.by_id(profile_id))

    def phases(self, connector_id: int) -> int:
        """Return how many phases a car uses, as far as that was measured."""
        ids = self._target.connector_ids
        if connector_id == 0 and len(ids) == 1:
            connector_id = ids[0]
        if (connector := self._target.connectors.get(connector_id)) is not None:
            currents = (connector.values.get(it) for it in _CURRENTS)
            used = sum(
                isinstance(it, int | float) and it >= _LEAST_CURRENT for it in currents
            )
            if used and self.transaction_id(connector_id) is not None:
                self._phases[connector_id] = used
        return self._phases.get(connector_id, USUAL_PHASES)

    # As time goes on

    def expect(self, connector_id: int, profile: ChargingProfile) -> None:
        """Take that a transaction was asked for with a profile; 0: on any connector."""
        self._expected[connector_id] = (rounded(profile), time.monotonic() + _PATIENCE)

    def transaction_started(self, connector_id: int) -> None:
        """Take that a transaction began, perhaps with a profile."""
        self._phases.pop(connector_id, None)
        expected = self._expected.pop(connector_id, None)
        if expected is None:
            expected = self._expected.pop(0, None)
        if expected is not None and time.monotonic() < expected[1]:
            profile = replace(
                expected[0], transaction_id=self.transaction_id(connector_id)
            )
            self.installed.install(connector_id, profile)
            self._again.found(profile.id)
            self._again.kept.add(profile.id)
        self.changed()

    def transaction_ended(self, connector_id: int) -> None:
        """Take that a transaction is over, and its profiles with it."""
        self._phases.pop(connector_id, None)
        running = self.transaction_id(connector_id)
        for profile in self.installed.of(connector_id):
            if profile.purpose is ChargingProfilePurpose.TX_PROFILE and (
                running is None or profile.transaction_id != running
            ):
                self._again.forget(self.installed.clear(profile.id))
        self.changed()

    def booted(self) -> None:
        """Take that the charge point may have forgotten what is installed."""
        self._again.booted()

    async def reapply(self) -> str:
        """Install again after a boot what users set and is valid; return what came of it."""
        return await self._again.reapply()

    def refresh(self, now: float) -> None:
        """Publish what is planned, and try again what is missing."""
        self._publish(now)
        self._again.refresh()

    def _publish(self, now: float) -> None:
        """Publish what is planned, as it changes."""
        transactions = self.transactions()
        there = self._there()
        for connector_id in self._target.connector_ids:
            # The phases are remembered beyond the moment in which they can be measured.
            phases = self.phases(connector_id)
            shown = self._target.connectors[connector_id].values
            if not len(self.installed) and names.PLANNED_LIMIT not in shown:
                continue
            values = planned_limit(there, connector_id, now, transactions, phases)
            news = {key: it for key, it in values.items() if shown.get(key, "") != it}
            if news:
                self._target.show(connector_id, news)

    def _there(self) -> list[InstalledProfile]:
        """Return what is installed, without what is to be sent again."""
        missing = self._again.missing
        return [it for it in self.installed if it.profile.id not in missing]

    def transactions(self) -> dict[int, RunningTransaction]:
        """Return the transactions that run, by their connectors."""
        book = self._target.host.book
        found = (book.open_of(self._target.id, it) for it in self._target.connector_ids)
        return {
            it.connector_id: RunningTransaction(it.id, it.started)
            for it in found
            if it is not None
        }

    def changed(self) -> None:
        """Keep what is installed now, and show what comes of it."""
        self._target.host.changed(urgent=True)
        self._publish(time.time())

    def _tell(self) -> None:
        """Tell that somebody set or removed profiles."""
        for listener in self.listeners:
            listener()

    # What is kept

    def to_dict(self) -> dict[str, Any]:
        """Return what is kept over restarts."""
        return {
            "installed": self.installed.to_dict(),
            "unsure": sorted(self._unsure),
            "taken": self.ever_taken,
            **self._again.to_dict(),
        }

    def restore(self, data: object) -> None:
        """Take up what was kept, as far as there is sense in it."""
        if not isinstance(data, Mapping):
            return
        self.installed.restore(data.get("installed"))
        self.ever_taken = data.get("taken") is True
        self._unsure = set(sorted(read_ids(data.get("unsure")))[:_MAX_UNSURE])
        self._again.restore(data)


def _write_time(answer: dict[str, Any], name: str) -> None:
    """Write a time of an answer as text."""
    if name in answer:
        answer[name] = iso(answer[name])
