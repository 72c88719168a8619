"""Limits that hold: what each charge point accepts, verified, and again after it booted."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
import math
from typing import Any, Protocol

from ..connector.model import ConnectorError
from . import datapoints as names
from .calls import REFUSALS, CallFailed, CallReason
from .charging_profile import tenths
from .enums import ChargingRateUnit
from .latest_only import LatestOnly
from .limit_check import Verdict
from .limit_jobs import AGAIN, Job, LimitResult, merged
from .limit_methods import VOLTS, Limit, Memory
from .limit_places import InEffect, Layout, Target as LayoutTarget, read_in_effect
from .limit_walk import Task, Walk
from .model import Identity, by_connector
from .refusals import Impossible, ImpossibleReason, NotAccepted
from .retries import Retries

__all__ = ["LimitResult", "Limits"]

# Between two attempts for one connector, as a slider is moved by people.
GAP = 2.0
# A transaction that just began is known to the charge point by then.
SETTLING = 5.0


class Target(LayoutTarget, Protocol):
    """The charge point, as its limits see it."""

    identity: Identity


class Limits:
    """The limits of a charge point, 0, and of its connectors."""

    def __init__(self, target: Target) -> None:
        """Know no limit yet."""
        self._target = target
        self._memory = Memory()
        self._in_effect: dict[int, InEffect] = {}
        self._layout = Layout(target, self._in_effect)
        self._queues: dict[int, LatestOnly[Job, LimitResult | None]] = {}
        self._turn = asyncio.Lock()
        self._retries = Retries()
        target.profiles.listeners.append(self.review)

    # What users ask for

    async def set_limit(
        self, connector_id: int, limit: float, unit: ChargingRateUnit
    ) -> LimitResult:
        """Limit a connector, 0: the charge point; return what is in effect.

        Raises CallFailed, NotAccepted or Impossible.
        """
        if not math.isfinite(limit) or limit < 0:
            raise ValueError("A limit is a number that is not negative")
        wish = Limit(limit, unit).normal()
        self._check(connector_id, wish)
        result = await self._do(connector_id, Job(wish))
        if result is None:
            # Somebody else had it cleared meanwhile.
            raise Impossible(
                ImpossibleReason.NOT_EFFECTIVE, {"limit": str(wish), "reported": "-"}
            )
        return result

    async def clear_limit(self, connector_id: int) -> None:
        """Have no limit any more; raises CallFailed."""
        self._check_connector(connector_id)
        await self._do(connector_id, Job())

    def limit_of(self, connector_id: int) -> tuple[float, ChargingRateUnit] | None:
        """Return the limit that is in effect, as the charge point confirmed it."""
        found = self._in_effect.get(connector_id)
        return found.limit if found is not None and self._is_certain(found) else None

    def _check_connector(self, connector_id: int) -> None:
        """Raise Impossible if there is no such connector."""
        if connector_id and connector_id not in self._target.connector_ids:
            raise Impossible(
                ImpossibleReason.NO_SUCH_CONNECTOR, {"connector": str(connector_id)}
            )

    def _check_online(self, action: str) -> None:
        """Raise CallFailed before anything is done that would be in vain."""
        if not self._target.online:
            raise CallFailed(CallReason.NOT_CONNECTED, action)

    def _check(self, connector_id: int, limit: Limit) -> None:
        """Raise Impossible if there is no use in trying."""
        self._check_connector(connector_id)
        target = self._target
        profiles = target.configuration.profiles
        if (
            profiles
            and "smartcharging" not in profiles
            and not target.adjustments.assume_smart_charging
            and not target.profiles.ever_taken
        ):
            raise Impossible(ImpossibleReason.NO_SMART_CHARGING)
        if limit.value == 0 and not target.adjustments.allow_zero_limit:
            raise Impossible(ImpossibleReason.ZERO_LIMIT, {"limit": str(limit)})

    # As time goes on

    async def reapply(self) -> str:
        """Have the limits in effect again after a boot; return what came of it."""
        installed = self._target.profiles.installed
        for connector_id in self._in_effect:
            # It may have forgotten them.
            for place in self._layout.mine(connector_id):
                installed.clear(place.profile_id)
        done, failed = 0, 0
        for connector_id in sorted(self._in_effect):
            try:
                await self._do(connector_id, AGAIN)
            except (NotAccepted, Impossible, CallFailed) as err:
                self._retries.put_off(connector_id)
                if isinstance(err, CallFailed) and err.reason not in REFUSALS:
                    raise
                failed += 1
            else:
                done += 1
        if not done and not failed:
            return "none"
        return f"{done} in effect" + (f", {failed} refused" if failed else "")

    def transaction_started(self, connector_id: int) -> None:
        """Take that a transaction began: see whether the limit holds in it."""
        for it in (connector_id, 0):
            if it in self._in_effect:
                self._target.spawn(self._look_after(it, SETTLING))

    def transaction_ended(self, connector_id: int) -> None:
        """Take that a transaction is over, and its profiles with it."""
        for it in (connector_id, 0):
            if it in self._in_effect:
                self._target.spawn(self._look_after(it, 0.0))

    def refresh(self, now: float) -> None:
        """Look after limits that are not what they should be."""
        if not self._target.online:
            return
        for connector_id, found in self._in_effect.items():
            queue = self._queues.get(connector_id)
            if queue is not None and queue.busy:
                continue
            if not self._is_certain(found):
                if self._retries.is_due(connector_id):
                    self._target.spawn(self._again(connector_id, AGAIN))
            elif not self._is_right(
                connector_id, found
            ) and not self._retries.is_waiting(connector_id):
                # The car uses another number of phases than was thought, for instance.
                self._target.spawn(self._again(connector_id, Job(keep=True)))

    def _is_right(self, connector_id: int, found: InEffect) -> bool:
        """Tell whether what is installed is what should be."""
        is_installed = found.is_installed(self._target.profiles)
        return is_installed and found.amount == self._layout.amount(connector_id, found)

    async def _look_after(self, connector_id: int, delay: float) -> None:
        """See after a while whether a limit is in effect, and have it so."""
        await asyncio.sleep(delay)
        if connector_id in self._in_effect and self._target.online:
            await self._again(connector_id, Job(keep=True, check=True))

    async def _again(self, connector_id: int, job: Job) -> None:
        """Have a limit in effect that nobody asked for just now."""
        try:
            await self._do(connector_id, job)
        except CallFailed:
            # It is tried again, as it is not certain now.
            self._retries.put_off(connector_id)
        except (NotAccepted, Impossible) as err:
            self._retries.put_off(connector_id)
            self._target.host.log_once(
                f"{self._target.id} limit",
                "The limit of charge point %s is not in effect any more: %s",
                self._target.id,
                err,
            )

    def review(self) -> None:
        """Forget limits whose profiles somebody removed or replaced."""
        profiles = self._target.profiles
        for connector_id, found in list(self._in_effect.items()):
            queue = self._queues.get(connector_id)
            is_busy = queue is not None and queue.busy
            if (
                not is_busy
                and self._is_certain(found)
                and not found.is_installed(profiles)
            ):
                self._set(connector_id, None)

    # Doing it

    async def _do(self, connector_id: int, job: Job) -> LimitResult | None:
        """Do a job, after what is under way for the connector."""
        if (queue := self._queues.get(connector_id)) is None:
            queue = self._queues[connector_id] = LatestOnly(
                lambda it: self._work(connector_id, it),
                merged,
                self._target.spawn,
                GAP,
            )
        return await queue.do(job)

    async def _work(self, connector_id: int, job: Job) -> LimitResult | None:
        """Do a job; one at a time, as connectors may share what limits them."""
        async with self._turn:
            identity = self._target.identity
            self._memory.check_firmware(identity.firmware_version)
            found = self._in_effect.get(connector_id)
            limit = found.limit if job.keep and found is not None else job.limit
            if limit is None:
                if not job.keep:
                    await self._clear(connector_id)
                return None
            if job.force or not await self._holds(connector_id, limit, job):
                await self._walk(connector_id, limit)
            found = self._in_effect[connector_id]
            self._set(connector_id, found)
        return LimitResult(*found.limit, found.verified, str(found.method))

    async def _holds(self, connector_id: int, limit: Limit, job: Job) -> bool:
        """Tell whether a limit is in effect, so that nothing is to be sent."""
        found = self._in_effect.get(connector_id)
        if found is None or not self._is_certain(found) or found.limit != limit:
            return False
        if not found.is_installed(self._target.profiles):
            found = self._layout.default(connector_id, found)
            if found is None:
                return False
            self._in_effect[connector_id] = found
        if found.amount != self._layout.amount(connector_id, found):
            return False
        if not job.check or found.verified:
            return True
        found.certain = False
        verdict = await self._new_walk(connector_id, limit).check(found)
        found.certain = True
        found.verified = verdict is Verdict.EFFECTIVE
        return verdict in {Verdict.EFFECTIVE, Verdict.MUTE}

    async def _walk(self, connector_id: int, limit: Limit) -> None:
        """Have a limit in effect; raises what is in the way."""
        self._check_online("SetChargingProfile")
        former = self._in_effect.get(connector_id)
        was_certain = former is not None and self._is_certain(former)
        if former is not None:
            former.certain = False
        walk = self._new_walk(connector_id, limit)
        try:
            found = await walk.run()
        except CallFailed as err:
            if err.reason not in REFUSALS:
                # It may have heard it, or not.
                self._show(connector_id, None)
                raise
            self._failed(connector_id, was_certain and not walk.lost_former)
            raise
        except ConnectorError:
            self._failed(connector_id, was_certain and not walk.lost_former)
            raise
        self._set(connector_id, found)
        self._look_at_other(connector_id)

    def _failed(self, connector_id: int, is_as_before: bool) -> None:
        """Know whether the former limit is in effect after another one was refused."""
        if (former := self._in_effect.get(connector_id)) is not None:
            former.certain = is_as_before
        if not is_as_before:
            self._show(connector_id, None)

    async def _clear(self, connector_id: int) -> None:
        """Remove our profiles."""
        self._check_online("ClearChargingProfile")
        profiles = self._target.profiles
        former = self._in_effect.get(connector_id)
        if former is not None:
            former.certain = False
        mine = self._layout.mine(connector_id)
        there = [it for it in mine if profiles.may_be_installed(it.profile_id)]
        for place in there or mine[:1]:
            await profiles.remove(place.profile_id)
        self._set(connector_id, None)
        self._look_at_other(connector_id)

    def _look_at_other(self, connector_id: int) -> None:
        """Have the other limit as it should be beside the one that changed."""
        other = self._layout.other(connector_id)
        found = None if other is None else self._in_effect.get(other)
        if other is None or found is None or self._is_right(other, found):
            return
        own = self._in_effect.get(connector_id)
        if own is not None and own.place == found.place:
            # What is there counts for both, in whichever unit; each would undo the other.
            self._set(other, replace(own, limit=found.limit))
            return
        self._target.spawn(self._again(other, AGAIN))

    def _new_walk(self, connector_id: int, limit: Limit) -> Walk:
        """Return an attempt to have a limit in effect."""
        layout = self._layout
        task = Task(
            connector_id=connector_id,
            measured=layout.measured(connector_id),
            limit=limit,
            places=layout.now(connector_id),
            abilities=layout.abilities(),
            amount=lambda place, unit: layout.amount_at(
                connector_id, limit, place, unit
            ),
            leftovers=lambda place: layout.leftovers(connector_id, place),
            former=self._in_effect.get(connector_id),
        )
        return Walk(self._target, self._memory, task)

    def _is_certain(self, found: InEffect) -> bool:
        """Tell whether nothing may have ended a limit since it was accepted."""
        return found.certain and found.boots == self._target.boots

    def _set(self, connector_id: int, found: InEffect | None) -> None:
        """Know what is in effect, keep and show it."""
        if found is None:
            self._in_effect.pop(connector_id, None)
        else:
            self._in_effect[connector_id] = found
            self._retries.done(connector_id)
        self._target.host.changed(urgent=True)
        self._show(connector_id, found)

    def _show(self, connector_id: int, found: InEffect | None) -> None:
        """Show a limit in amperes."""
        value = None
        if found is not None:
            value = found.limit.value
            if found.limit.unit is ChargingRateUnit.WATTS:
                phases = self._target.profiles.phases(connector_id)
                value = tenths(value / (VOLTS * phases))
        self._target.show(connector_id, {names.CHARGING_LIMIT: value})

    def forget(self, connector_id: int) -> None:
        """Have no limit of a connector that is not there."""
        self._in_effect.pop(connector_id, None)
        self._retries.done(connector_id)

    # What is kept

    def to_dict(self) -> dict[str, Any]:
        """Return what is kept over restarts."""
        return {
            "memory": self._memory.to_dict(),
            "in_effect": {
                str(connector_id): it.to_dict()
                for connector_id, it in self._in_effect.items()
            },
        }

    def restore(self, data: object) -> None:
        """Take up what was kept, as far as there is sense in it."""
        if not isinstance(data, Mapping):
            return
        self._memory.restore(data.get("memory"))
        for connector_id, value in by_connector(data.get("in_effect")):
            if (found := read_in_effect(value)) is not None:
                found.boots = self._target.boots
                self._in_effect[connector_id] = found
