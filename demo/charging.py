"""A socket of the simulated wallbox, the car at it, and what its meter shows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
import math
import random
from typing import Any

PHASES = ("L1", "L2", "L3")

# Seconds a car takes to the current it may draw.
_RAMP = 15.0
# A car takes less and less from this state of charge on.
_TAPER_FROM = 80.0


@dataclass
class Car:
    """What a car can take, and how full it is."""

    phases: int = 3
    max_current: float = 16.0
    capacity_wh: float = 58_000.0
    soc: float = 42.0
    # It takes nothing beyond.
    target: float = 90.0

    @property
    def full(self) -> bool:
        """Tell whether it wants no more."""
        return self.soc >= self.target

    @property
    def wanted_current(self) -> float:
        """Return the amperes per phase that it would take now."""
        if self.full:
            return 0.0
        left = (100.0 - self.soc) / (100.0 - _TAPER_FROM)
        return self.max_current * min(1.0, max(0.35, left))


@dataclass
class Transaction:
    """A session as the charge point knows it; times in seconds since the epoch."""

    id_tag: str
    started: float
    meter_start: int
    # What the central system called it, once it answered.
    id: int | None = None
    profile: dict[str, Any] | None = None

    @property
    def known_as(self) -> int:
        """Return the id to send: -1 where the central system never gave one."""
        return -1 if self.id is None else self.id


class Socket:
    """A connector: where a car is plugged in, charges, and is measured."""

    def __init__(self, number: int, *, rated_current: float = 16.0) -> None:
        """Be free; the number is the connector's id."""
        self.number = number
        self.rated_current = rated_current
        self.register_wh = 0.0
        self.car: Car | None = None
        self.transaction: Transaction | None = None
        self.operative = True
        self.error = "NoError"
        # A session has ended, and its car is still here.
        self.finishing = False
        # Somebody was let in, and the car is awaited.
        self.awaited = False
        self.limit = rated_current
        self.current = 0.0
        self.voltage = 230.0
        self.temperature = 24.0
        self._random = random.Random(number)
        self._seconds = 0.0

    @property
    def status(self) -> str:
        """Return its status as OCPP calls it."""
        if self.error != "NoError":
            return "Faulted"
        if self.transaction is not None and self.car is not None:
            if self.limit < 6.0:
                return "SuspendedEVSE"
            return "SuspendedEV" if self.car.full else "Charging"
        if not self.operative:
            return "Unavailable"
        if self.finishing and self.car is not None:
            return "Finishing"
        return "Preparing" if self.car is not None or self.awaited else "Available"

    @property
    def phase_count(self) -> int:
        """Return how many phases are in use."""
        return 3 if self.car is None else self.car.phases

    @property
    def power(self) -> float:
        """Return the watts that flow."""
        return self.current * self.voltage * self.phase_count

    def advance(self, seconds: float, limit: float) -> None:
        """Let time pass; the limit is in amperes per phase."""
        self._seconds += seconds
        self.limit = min(limit, self.rated_current)
        self.voltage = 230 + 2 * math.sin(self._seconds / 60) + self._noise(0.25)
        wanted = self._wanted_current()
        step = self.rated_current * seconds / _RAMP
        self.current = max(0.0, min(wanted, self.current + step))
        energy = self.power * seconds / 3600
        self.register_wh += energy
        if self.car is not None:
            self.car.soc = min(
                100.0, self.car.soc + 100 * energy / self.car.capacity_wh
            )
        warm = 22 + self.power / 800
        self.temperature += (warm - self.temperature) * min(1.0, seconds / 120)

    def _wanted_current(self) -> float:
        if self.status != "Charging" or self.car is None:
            return 0.0
        # Cars do not draw evenly: a slow swell, and some noise.
        swell = 1 - 0.04 * (1 + math.sin(self._seconds / 25)) + self._noise(0.004)
        return min(self.limit, self.car.wanted_current * swell)

    def _noise(self, width: float) -> float:
        return self._random.gauss(0, width)

    def samples(self, measurands: Iterable[str], context: str) -> list[dict[str, Any]]:
        """Return what the meter shows, as `sampledValue` of OCPP."""
        return [
            {**sample, "measurand": measurand, "context": context}
            for measurand in measurands
            for sample in self._measure(measurand)
        ]

    def _measure(self, measurand: str) -> list[dict[str, Any]]:
        """Return the samples of one measurand; none where it cannot be measured."""
        match measurand:
            case "Energy.Active.Import.Register":
                return [{"value": f"{self.register_wh:.1f}", "unit": "Wh"}]
            case "Power.Active.Import":
                total = {"value": f"{self.power:.0f}", "unit": "W"}
                return [total, *self._by_phase(self.current * self.voltage, "W", 0)]
            case "Current.Import":
                return self._by_phase(self.current, "A", 2)
            case "Voltage":
                return [
                    {
                        "value": f"{self.voltage + self._noise(0.3):.1f}",
                        "unit": "V",
                        "phase": f"{phase}-N",
                    }
                    for phase in PHASES
                ]
            case "Current.Offered":
                return [{"value": f"{self.limit:.1f}", "unit": "A"}]
            case "Power.Offered":
                watts = self.limit * 230 * self.phase_count
                return [{"value": f"{watts:.0f}", "unit": "W"}]
            case "SoC" if self.car is not None:
                soc = f"{self.car.soc:.0f}"
                return [{"value": soc, "unit": "Percent", "location": "EV"}]
            case "Temperature":
                body = f"{self.temperature:.1f}"
                return [{"value": body, "unit": "Celsius", "location": "Body"}]
            case "Frequency":
                return [{"value": f"{50 + self._noise(0.01):.2f}"}]
        return []

    def _by_phase(self, value: float, unit: str, digits: int) -> list[dict[str, Any]]:
        return [
            {
                "value": f"{value if number < self.phase_count else 0:.{digits}f}",
                "unit": unit,
                "phase": phase,
            }
            for number, phase in enumerate(PHASES)
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return what a wallbox keeps while it has no power."""
        kept: dict[str, Any] = {"register_wh": self.register_wh}
        if self.transaction is not None and self.transaction.id is not None:
            kept["transaction"] = {
                "id": self.transaction.id,
                "id_tag": self.transaction.id_tag,
                "started": self.transaction.started,
                "meter_start": self.transaction.meter_start,
            }
        return kept

    def restore(self, kept: Mapping[str, Any]) -> Transaction | None:
        """Take what was kept; return the session that the power cut ended."""
        self.register_wh = float(kept.get("register_wh", 0.0))
        if (transaction := kept.get("transaction")) is None:
            return None
        return Transaction(**transaction)
