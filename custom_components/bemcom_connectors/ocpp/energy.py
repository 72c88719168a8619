"""Energy registers that lie now and then, and a counter on top of them that does not.

Energies in Wh, times in seconds since the epoch.
"""

from collections.abc import Mapping
from math import isfinite
from typing import Any, Self

# No charge point takes more: what grows faster is a mistake.
MAX_POWER = 400_000
# What most never take: where there is a doubt, no more is believed.
USUAL_POWER = 50_000
# What a register may be ahead of its clock, or fall back for rounding and restarts.
SLACK = 1000.0
# A register that falls by less, seen from what it was, was corrected and not reset.
_DIP = 0.1
# So many readings that agree with one another are believed.
_ENOUGH = 3
# Above is no energy: 1 TWh.
_MAX_ENERGY = 1e12


def is_energy(wh: object) -> bool:
    """Return whether it can be what a register shows."""
    return (
        isinstance(wh, int | float)
        and not isinstance(wh, bool)
        and 0 <= wh < _MAX_ENERGY
    )


def is_growth(
    wh: float, seconds: float, power: float = MAX_POWER, slack: float = SLACK
) -> bool:
    """Return whether a register can grow by so much in so long, but for `slack`."""
    return 0 <= wh <= slack + power * max(seconds, 0.0) / 3600


def is_dip(wh: float, before: float) -> bool:
    """Return whether a register that fell to `wh` was only corrected a little."""
    return 0 < before - wh <= min(SLACK, _DIP * before)


class Suspects:
    """Readings in a row that do not go with what was before them."""

    __slots__ = ("_at", "_count", "_first", "_first_at", "_last")

    def __init__(self) -> None:
        self._count = 0
        self._first = self._first_at = 0.0
        self._last = self._at = 0.0

    def clear(self) -> None:
        """Forget them: a reading came that is as it should be."""
        self._count = 0

    def take(self, wh: float, at: float) -> tuple[float, float] | None:
        """Take another one; return the first and its time once enough of them agree."""
        if self._count and (
            is_growth(wh - self._last, at - self._at) or is_dip(wh, self._last)
        ):
            self._count += 1
            wh = max(wh, self._last)
        else:
            self._count = 1
            self._first = wh
            self._first_at = at
        self._last = wh
        self._at = at
        if self._count < _ENOUGH:
            return None
        self._count = 0
        return self._first, self._first_at


class Register:
    """An energy register as far as it is believed: what it showed last, and when."""

    __slots__ = ("_suspects", "at", "value")

    def __init__(self, value: float | None = None, at: float = 0.0) -> None:
        self.value = value
        self.at = at
        self._suspects = Suspects()

    def take(self, wh: float, at: float, power: float = MAX_POWER) -> float | None:
        """Take a reading; return by how much it grew, None if it is not believed.

        A reading that cannot be is believed when others confirm it. The register goes on
        from there: what it lost or won in between is nobody's energy.
        """
        if not is_energy(wh):
            return None
        if (value := self.value) is None:
            self.move(wh, at)
            return 0.0
        if is_growth(wh - value, at - self.at, power):
            self.move(wh, at)
            return wh - value
        if at < self.at or is_dip(wh, value):
            # An older one, or it will soon be what it was.
            return None
        if (believed := self._suspects.take(wh, at)) is None:
            return None
        first, _ = believed
        self.move(max(wh, first), at)
        return max(wh - first, 0.0)

    def move(self, wh: float, at: float) -> None:
        """Go on from a reading that is believed, whatever was before."""
        self.value = wh
        self.at = at
        self._suspects.clear()


class EnergyCounter:
    """All the energy that went through a connector: it never falls and never jumps."""

    __slots__ = ("_register", "total")

    def __init__(self) -> None:
        self.total = 0.0
        self._register = Register()

    @property
    def started(self) -> bool:
        """Return whether there was anything to count from."""
        return self._register.value is not None

    @property
    def register(self) -> float | None:
        """Return what the register showed last, as far as it is believed."""
        return self._register.value

    def take(self, register_wh: float, at: float, *, reset: bool = False) -> float:
        """Take what the register shows; return the total.

        `reset`: a session starts with it, so that it may start anew, or be another one than
        that of the readings before. A reading that cannot be changes nothing, unless others
        confirm it: the counter then goes on from there.
        """
        power = USUAL_POWER if reset else MAX_POWER
        growth = self._register.take(register_wh, at, power)
        if growth is not None:
            self.total += growth
        elif reset and is_energy(register_wh) and at >= self._register.at:
            self._register.move(register_wh, at)
        return self.total

    def add(self, growth: float, register_wh: float, at: float) -> float:
        """Take what a session got, and the register that says so; return the total.

        A session knows better than the register alone what its readings mean. One that is
        told late, by a charge point that was offline, may have been counted already.
        """
        if not is_energy(register_wh) or not 0 <= growth < _MAX_ENERGY:
            return self.total
        register = self._register
        if register.value is not None and at < register.at:
            growth = min(growth, max(register_wh - register.value, 0.0))
        elif growth or register.value is None:
            # What brought nothing may be nonsense.
            register.move(register_wh, at)
        self.total += growth
        return self.total

    def to_dict(self) -> dict[str, Any]:
        """Return what is kept over restarts."""
        register = self._register
        return {"total": self.total, "register": register.value, "at": register.at}

    @classmethod
    def from_dict(cls, data: object) -> Self:
        """Return the counter that was kept, or a new one if there is no sense in it."""
        counter = cls()
        if not isinstance(data, Mapping):
            return counter
        total = data.get("total")
        if isinstance(total, int | float) and is_energy(total):
            counter.total = float(total)
        value, at = data.get("register"), data.get("at")
        if (
            isinstance(value, int | float)
            and is_energy(value)
            and isinstance(at, int | float)
            and isfinite(at)
        ):
            counter._register.move(float(value), float(at))
        return counter
