"""One attempt to have a limit in effect: way after way, until one is taken and holds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
import time
from typing import Any

from ..connector.model import ConnectorError
from .calls import REFUSALS, CallFailed, CallReason
from .enums import ChargingProfilePurpose, ChargingRateUnit
from .installed_profiles import InstalledProfile
from .limit_check import Report, Verdict, judge, read_report
from .limit_methods import Abilities, Limit, Memory, Method, Place, situation_of
from .limit_places import InEffect, Target
from .refusals import Impossible, ImpossibleReason, NotAccepted
from .smart_charging import composite_schedule

# So many calls an attempt makes at most.
MAX_CALLS = 60
# To be set, checked and cleared; to be cleared and brought back.
_CALLS_A_WAY = 3
_CALLS_OF_FORMER = 4
# So many seconds of what will be are asked for.
_DURATION = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What an attempt is to reach."""

    # 0: for the charge point.
    connector_id: int
    # The connector whose current counts; 0: all together.
    measured: int
    limit: Limit
    places: Sequence[Place]
    abilities: Abilities
    # What is to be sent to a place in a unit.
    amount: Callable[[Place, ChargingRateUnit], float]
    # Our profiles elsewhere that must not stay when another place is used.
    leftovers: Callable[[Place], Sequence[Place]]
    former: InEffect | None

    def situation(self, *, in_session: bool) -> str:
        """Return what it is remembered by."""
        return situation_of(
            self.limit, whole=self.connector_id == 0, in_session=in_session
        )


class Walk:
    """The attempt; it raises what is in the way if there is none."""

    def __init__(self, target: Target, memory: Memory, task: Task) -> None:
        """Do nothing yet."""
        # Whether the former limit is gone although the new one is not in effect.
        self.lost_former = False
        self._target = target
        self._profiles = target.profiles
        self._memory = memory
        self._task = task
        self._transaction = target.profiles.transaction_id(task.measured)
        running = target.profiles.transactions()
        self._in_session = bool(running) and task.measured in {0, *running}
        self._situation = task.situation(in_session=self._in_session)
        # A boot while it goes on makes it uncertain again.
        self._boots = target.boots
        self._calls = 0
        self._disturbed = False
        self._refusal: ConnectorError | None = None
        self._report: Report | None = None
        self._has_no_zero = False
        # Whether what is in a place has no effect, and what had none anywhere.
        self._is_useless_there = False
        self._ignored: set[tuple[Any, ...]] = set()

    async def run(self) -> InEffect:
        """Go from way to way; raises CallFailed where no answer can be hoped for."""
        task = self._task
        ways = list(
            self._memory.order(self._situation, task.places, task.limit, task.abilities)
        )
        budget = MAX_CALLS - (_CALLS_OF_FORMER if task.former else 0)
        untried = []
        for index, (place, methods) in enumerate(ways):
            # Each place has its share of the calls.
            share = (budget - self._calls) // (len(ways) - index)
            found, rest = await self._try_all(place, methods, self._calls + share)
            if found is not None:
                return found
            untried.append((place, rest))
        for place, rest in untried:
            found, _ = await self._try_all(place, rest, budget)
            if found is not None:
                return found
        await self._bring_back()
        raise self._failure()

    async def _try_all(
        self, place: Place, methods: Sequence[Method], budget: int
    ) -> tuple[InEffect | None, Sequence[Method]]:
        """Try one way after the other; return what took effect, and what is left to try."""
        methods = self._without_effect_last(methods)
        rest: Sequence[Method] = ()
        for index, method in enumerate(methods):
            if self._calls > budget - _CALLS_A_WAY:
                rest = methods[index:]
                break
            if (found := await self._try(place, method)) is not None:
                self._memory.worked[self._situation] = method
                return found, ()
        if self._is_useless_there:
            self._is_useless_there = False
            await self._remove(place)
        return None, rest

    def _without_effect_last(self, methods: Sequence[Method]) -> Sequence[Method]:
        """Return the ways with those last that were accepted elsewhere, and ignored."""
        first, rest = methods[:1], methods[1:]
        return [*first, *sorted(rest, key=lambda it: it[2:] in self._ignored)]

    async def check(self, it: InEffect) -> Verdict:
        """Ask whether what was accepted is in effect."""
        if self._situation in self._memory.mute:
            return Verdict.MUTE
        report = await self._ask(it)
        phases = self._profiles.phases(self._task.measured)
        verdict = judge(report, it.amount, it.method.unit, phases)
        if verdict is Verdict.UNLIMITED and not self._in_session:
            # It may only know of limits while somebody charges.
            return Verdict.MUTE
        if verdict is Verdict.MUTE:
            self._memory.mute.add(self._situation)
        elif verdict is not Verdict.EFFECTIVE:
            self._report = self._report or report
        return verdict

    async def _try(self, place: Place, method: Method) -> InEffect | None:
        """Try one way; None: it is none."""
        amount = self._task.amount(place, method.unit)
        if amount == 0 and not self._target.adjustments.allow_zero_limit:
            self._has_no_zero = True
            return None
        profile = method.profile(place, amount, time.time(), self._transaction)
        candidate = InstalledProfile(connector_id=place.connector_id, profile=profile)
        leftovers = self._task.leftovers(place)
        if not self._prevails(candidate, amount, leftovers):
            return None
        self._calls += 1
        try:
            await self._profiles.send(place.connector_id, profile)
        except NotAccepted as err:
            self._refuse(err)
            return None
        except CallFailed as err:
            if err.reason not in REFUSALS:
                raise
            self._refuse(err)
            return None
        self._disturbed = True
        for it in leftovers:
            await self._remove(it)
        found = InEffect(
            limit=self._task.limit,
            place=place,
            method=method,
            amount=amount,
            boots=self._boots,
        )
        verdict = await self.check(found)
        if verdict in {Verdict.EFFECTIVE, Verdict.MUTE}:
            found.verified = verdict is Verdict.EFFECTIVE
            return found
        # The next one here takes its place.
        self._is_useless_there = True
        self._ignored.add(method[2:])
        return None

    def _prevails(
        self, candidate: InstalledProfile, amount: float, leftovers: Sequence[Place]
    ) -> bool:
        """Tell whether a profile limits what it should, beside all that is installed."""
        installed = self._profiles.installed
        replaced = installed.replaced_by(candidate.connector_id, candidate.profile)
        gone = {it.profile.id for it in replaced} | {it.profile_id for it in leftovers}
        others = [it for it in installed if it.profile.id not in gone]
        unit, measured = candidate.profile.schedule.unit, self._task.measured
        planned = composite_schedule(
            [*others, candidate],
            measured,
            time.time(),
            1,
            unit,
            transactions=self._profiles.transactions(),
            phases=self._profiles.phases(measured),
        )
        limit = planned[0].limit
        if limit is not None and limit <= amount:
            return True
        self._report = self._report or Report(limit, unit)
        return False

    async def _ask(self, it: InEffect) -> Report | None:
        """Return what the charge point says that is in effect; None: nothing."""
        self._calls += 1
        unit = it.method.unit
        try:
            answer: Mapping[str, Any] = await self._target.call(
                "GetCompositeSchedule",
                {
                    "connectorId": self._task.measured,
                    "duration": _DURATION,
                    "chargingRateUnit": unit.value,
                },
            )
        except CallFailed as err:
            # Some lose the connection by it, or their tongue.
            self._memory.mute.add(self._situation)
            if err.reason in REFUSALS or err.reason is CallReason.TIMEOUT:
                return None
            raise
        return read_report(answer, unit)

    async def _remove(self, place: Place) -> None:
        """Clear our profile in a place, if the charge point knows how to."""
        self._calls += 1
        try:
            await self._profiles.remove(place.profile_id)
        except CallFailed as err:
            if err.reason not in REFUSALS:
                raise

    async def _bring_back(self) -> None:
        """Have the former limit in effect again, if anything became of it."""
        former = self._task.former
        if former is None or not self._disturbed:
            return
        purpose = former.place.purpose
        is_over = (
            purpose is ChargingProfilePurpose.TX_PROFILE and self._transaction is None
        )
        self.lost_former = True
        if is_over:
            return
        profile = former.method.profile(
            former.place, former.amount, time.time(), self._transaction
        )
        try:
            await self._profiles.send(former.place.connector_id, profile)
        except NotAccepted:
            return
        except CallFailed as err:
            if err.reason not in REFUSALS:
                raise
            return
        self.lost_former = False

    def _refuse(self, refusal: ConnectorError) -> None:
        """Keep why it did not go, above all where that is said in words."""
        if getattr(refusal, "text", "") or not getattr(self._refusal, "text", ""):
            self._refusal = refusal

    def _failure(self) -> ConnectorError:
        """Return why there is no way."""
        limit = {"limit": str(self._task.limit)}
        if self._report is not None:
            return Impossible(
                ImpossibleReason.NOT_EFFECTIVE, {**limit, "reported": str(self._report)}
            )
        if self._refusal is not None:
            return self._refusal
        if self._has_no_zero:
            return Impossible(ImpossibleReason.ZERO_LIMIT, limit)
        return Impossible(ImpossibleReason.NO_WAY, limit)
