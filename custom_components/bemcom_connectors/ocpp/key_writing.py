"""Writing the configuration keys that the options ask for, and no more than that."""

from collections.abc import Sequence
import time
from typing import Protocol

from .calls import CallFailed
from .configuration import REBOOT_REQUIRED, TAKEN, Caller, Configuration, is_refusal
from .measurand_choice import (
    MEASURANDS_KEY,
    covers,
    current_measurands,
    find_accepted,
    wanted_measurands,
)
from .model import ChargePointConfig
from .quirks import Adjustments

_HEARTBEAT_KEY = "HeartbeatInterval"

# A charge point that is written the same so often, each time within so long, does not keep
# it; or it even restarts because of it.
_MAX_REPEATS = 3
_SOON = 600.0

_LEFT_AS_IT_IS = "left as it is"


class _Target(Protocol):
    """The charge point that is written to."""

    config: ChargePointConfig
    adjustments: Adjustments
    configuration: Configuration


class KeyWriter:
    """Writes what differs, what may be written, and what is not refused anyway.

    Each method returns what came of it, in words, and raises CallFailed.
    """

    def __init__(self, target: _Target, call: Caller) -> None:
        """Have written nothing yet."""
        self._target = target
        self._call = call
        # By key: the value, when it was written last, and how often in a row.
        self._latest: dict[str, tuple[str, float, int]] = {}

    async def set_interval(
        self, key: str, seconds: int, *, known_only: bool = False
    ) -> str:
        """Set an interval; 0: leave it as it is."""
        if seconds <= 0:
            return _LEFT_AS_IT_IS
        if (reason := self._why_not(key, known_only)) is not None:
            return reason
        return await self._set(key, str(seconds))

    async def set_heartbeat(self, booted: bool) -> str:
        """Set the heartbeat interval, to another value than before where it needs that."""
        seconds = self._target.config.heartbeat_interval
        if seconds > 0 and self._target.adjustments.reset_heartbeat:
            is_set = self._target.configuration.has(_HEARTBEAT_KEY, str(seconds))
            is_other = self._target.configuration.has(_HEARTBEAT_KEY, str(seconds + 1))
            if (is_set and booted) or (is_other and not booted):
                seconds += 1
        return await self.set_interval(_HEARTBEAT_KEY, seconds)

    async def choose_measurands(self, booted: bool) -> str:
        """Have it send the measurands that are wanted, as far as it accepts them."""
        configuration = self._target.configuration
        chosen = self._target.config.measurands
        if not self._target.adjustments.choose_measurands:
            return _LEFT_AS_IT_IS
        if (reason := self._why_not(MEASURANDS_KEY)) is not None:
            return reason
        wanted = wanted_measurands(chosen, configuration, self._target.adjustments)
        current = current_measurands(configuration)
        if not wanted:
            return "none is possible"
        exact = bool(chosen)
        if covers(current, wanted, exact=exact):
            return "already so"
        is_tried = covers(configuration.asked, wanted, exact=True)
        if is_tried and configuration.accepted:
            if covers(current, configuration.accepted, exact=exact):
                return "already so, as far as it accepts them"
            wanted = configuration.accepted
        if self._is_in_vain(MEASURANDS_KEY, ",".join(wanted)):
            return "left alone, it does not keep it"
        return await self._find_measurands(wanted, current, is_tried, booted)

    async def _find_measurands(
        self,
        wanted: Sequence[str],
        current: Sequence[str],
        is_tried: bool,
        booted: bool,
    ) -> str:
        """Ask for all of the measurands, or else for those that are accepted."""
        configuration = self._target.configuration
        is_hopeless = is_tried and not configuration.accepted
        if is_hopeless and not booted:
            return "refused before"
        if await self._attempt(wanted):
            if not is_tried or is_hopeless:
                configuration.asked = configuration.accepted = tuple(wanted)
            return self._outcome()
        if is_hopeless:
            return "refused again"
        accepted = await find_accepted(self._attempt, wanted, current)
        if not accepted and self._target.config.measurands:
            # It may send more than the user chose.
            sure = {it.lower() for it in current}
            accepted = tuple(it for it in wanted if it.lower() in sure)
            if not accepted or not await self._attempt(accepted):
                accepted = ()
        if not is_tried:
            configuration.asked = tuple(wanted)
        configuration.accepted = accepted
        return f"{len(accepted)} of {len(wanted)} accepted"

    async def _attempt(self, measurands: Sequence[str]) -> bool:
        """Write a list of measurands, and tell whether it was taken."""
        value = ",".join(measurands)
        try:
            status = await self._target.configuration.write(
                self._call, MEASURANDS_KEY, value
            )
        except CallFailed as err:
            if not is_refusal(err):
                raise
            return False
        if status in TAKEN:
            self._note(MEASURANDS_KEY, value)
        return status in TAKEN

    def _outcome(self) -> str:
        """Return in words what the charge point made of the measurands."""
        known = {it.lower() for it in self._target.configuration.reboot_required}
        return "reboot required" if MEASURANDS_KEY.lower() in known else "accepted"

    # One key

    async def _set(self, key: str, value: str) -> str:
        """Write a key that may be written, if that makes sense."""
        configuration = self._target.configuration
        if configuration.has(key, value):
            return "already so"
        if configuration.refused.get(key.lower()) == value:
            return "refused before"
        if self._is_in_vain(key, value):
            return "left alone, it does not keep it"
        status = await configuration.write(self._call, key, value)
        if status in TAKEN:
            self._note(key, value)
        return "reboot required" if status == REBOOT_REQUIRED else status.lower()

    def _why_not(self, key: str, known_only: bool = False) -> str | None:
        """Return why a key is not written; None: it may be."""
        configuration = self._target.configuration
        known = configuration.key(key)
        known_only |= self._target.adjustments.listed_keys_only
        if not self._target.config.configure:
            return "not allowed"
        if configuration.is_unknown(key) or (known_only and known is None):
            return "unknown key"
        return "read only" if known is not None and known.readonly else None

    def _note(self, key: str, value: str) -> None:
        """Note that a value was written."""
        now = time.monotonic()
        former, at, count = self._latest.get(key, ("", 0.0, 0))
        is_again = former == value and now - at < _SOON
        self._latest[key] = (value, now, count + 1 if is_again else 1)

    def _is_in_vain(self, key: str, value: str) -> bool:
        """Tell whether a value was written so often lately that it is no use."""
        former, at, count = self._latest.get(key, ("", 0.0, 0))
        return (
            former == value and count >= _MAX_REPEATS and time.monotonic() - at < _SOON
        )
