"""Profiles that users want: installed again after a boot, and again until that worked."""

import asyncio
from collections.abc import Iterable, Mapping
import time
from typing import TYPE_CHECKING, Any

from .calls import CallFailed
from .configuration import is_refusal
from .enums import ChargingProfilePurpose
from .installed_profiles import InstalledProfile
from .refusals import NotAccepted
from .retries import Retries

if TYPE_CHECKING:
    from .profiles import Profiles, Target

# What the start-up calls it.
_STEP = "profiles"
# All are tried again together.
_ALL = 0


class Reinstalling:
    """The ids of the profiles that somebody wants, and of those that are not there."""

    def __init__(self, profiles: Profiles, target: Target) -> None:
        """Know of none."""
        self.kept: set[int] = set()
        # Those that the charge point did not take when they were sent again.
        self.missing: set[int] = set()
        self._profiles = profiles
        self._target = target
        # Whether it booted, and they were not sent since.
        self._is_untried = False
        self._retries = Retries()
        self._turn = asyncio.Lock()

    def booted(self) -> None:
        """Take that the charge point may have forgotten them."""
        self._is_untried = bool(self.kept)
        # The start-up comes first, which may leave that out.
        self._wait()

    async def reapply(self) -> str:
        """Install again after a boot what is valid; return what came of it."""
        self._is_untried = True
        return await self._try()

    def refresh(self) -> None:
        """Try again what did not work, ever less often."""
        if not self._target.online or self._turn.locked():
            return
        losses, _ = self._target.configuration.losses.get(_STEP, (0, 0.0))
        if losses > 1:
            return  # it does not survive that, so the start-up leaves it out as well
        if (self._is_untried or self.missing) and self._retries.is_due(_ALL):
            # Before it is tried, as that may be what the charge point does not survive.
            self._retries.put_off(_ALL)
            self._target.spawn(self._again())

    def found(self, profile_id: int) -> None:
        """Take that a profile is there."""
        self.missing.discard(profile_id)

    def forget(self, gone: Iterable[InstalledProfile]) -> None:
        """Take that nobody wants these any more."""
        ids = {it.profile.id for it in gone}
        self.kept -= ids
        self.missing -= ids

    async def _again(self) -> None:
        """Try again what nobody asked for just now."""
        try:
            await self._try()
        except CallFailed:
            # It is tried again later; what became of it is told in diagnostics.
            return

    async def _try(self) -> str:
        """Send what is to be sent; raises CallFailed if there is no use in going on."""
        async with self._turn:
            try:
                return await self._install(self._to_send())
            except CallFailed:
                self._tried()
                raise

    def _to_send(self) -> list[InstalledProfile]:
        """Return what is to be sent, without what is over, which is forgotten."""
        now = time.time()
        installed = self._profiles.installed
        wanted = self.kept if self._is_untried else self.missing
        found = []
        for it in installed:
            if self._is_over(it, now):
                self.forget(installed.clear(it.profile.id))
            elif it.profile.id in wanted:
                found.append(it)
        return found

    async def _install(self, items: list[InstalledProfile]) -> str:
        """Send profiles, and return what came of it."""
        done, refused = 0, 0
        for index, it in enumerate(items):
            if not self._is_there(it):
                continue  # it was removed or replaced meanwhile
            try:
                await self._profiles.send(it.connector_id, it.profile)
            except (NotAccepted, CallFailed) as err:
                if isinstance(err, CallFailed) and not is_refusal(err):
                    self._miss(items[index:])
                    raise
                self._miss([it])
                refused += 1
            else:
                self.kept.add(it.profile.id)
                done += 1
        self._tried()
        if not done and not refused:
            return "none"
        return f"{done} installed" + (f", {refused} refused" if refused else "")

    def _miss(self, items: Iterable[InstalledProfile]) -> None:
        """Know that profiles are not there, unless they are wanted no more."""
        self.missing.update(it.profile.id for it in items if self._is_there(it))

    def _tried(self) -> None:
        """Know what is missing now, and when to try it again."""
        self._is_untried = False
        self.missing = {
            it for it in self.missing if self._profiles.installed.by_id(it) is not None
        }
        if self.missing:
            self._wait()
        else:
            self._retries.done(_ALL)
        self._profiles.changed()

    def _wait(self) -> None:
        """Leave it in peace for a while, if it is not."""
        if not self._retries.is_waiting(_ALL):
            self._retries.put_off(_ALL)

    def _is_there(self, it: InstalledProfile) -> bool:
        """Tell whether a profile is still that with its id."""
        return self._profiles.installed.by_id(it.profile.id) is it

    def _is_over(self, it: InstalledProfile, now: float) -> bool:
        """Tell whether a profile will never be in force again."""
        profile = it.profile
        if profile.valid_to is not None and profile.valid_to <= now:
            return True
        return profile.purpose is ChargingProfilePurpose.TX_PROFILE and (
            profile.transaction_id != self._profiles.transaction_id(it.connector_id)
        )

    # What is kept

    def to_dict(self) -> dict[str, Any]:
        """Return what is kept over restarts."""
        return {
            "kept": sorted(self.kept),
            "missing": sorted(self.missing),
            "untried": self._is_untried,
        }

    def restore(self, data: Mapping[str, object]) -> None:
        """Take up what was kept of the profiles that are installed."""
        installed = self._profiles.installed
        there = {it.profile.id for it in installed}
        self.kept = there & read_ids(data.get("kept"))
        self.missing = there & read_ids(data.get("missing"))
        self._is_untried = data.get("untried") is True


def read_ids(stored: object) -> set[int]:
    """Return ids as they were stored, without what is none."""
    items = stored if isinstance(stored, list) else []
    return {it for it in items if type(it) is int}
