"""When the latest value of a datapoint is reported, by ThingsBoard's report strategies."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
import math
from typing import Any, Protocol, Self, TypeIs

from .model import OptionsError

DEFAULT_PERIOD = 60.0
MAX_PERIOD = 86_400.0


class ReportStrategy(StrEnum):
    """What makes a value worth a report."""

    ON_RECEIVED = "on_received"
    ON_CHANGE = "on_change"
    ON_REPORT_PERIOD = "on_report_period"
    ON_CHANGE_OR_REPORT_PERIOD = "on_change_or_report_period"


_PERIODIC = {ReportStrategy.ON_REPORT_PERIOD, ReportStrategy.ON_CHANGE_OR_REPORT_PERIOD}
_ON_CHANGE = {ReportStrategy.ON_CHANGE, ReportStrategy.ON_CHANGE_OR_REPORT_PERIOD}


@dataclass(frozen=True, slots=True)
class ReportRule:
    """A strategy with its period in seconds, and how far a number may drift unreported."""

    strategy: ReportStrategy = ReportStrategy.ON_CHANGE
    period: float = DEFAULT_PERIOD
    tolerance: float = 0.0

    @classmethod
    def of(cls, options: Mapping[str, Any], default: Self | None = None) -> Self:
        """Return the rule in the options `report_strategy`, `_period` and `_tolerance`.

        Without a strategy it is `default`; OptionsError for what cannot work.
        """
        default = default or cls()
        if not (name := options.get("report_strategy")):
            return default
        try:
            strategy = ReportStrategy(name)
        except ValueError:
            raise OptionsError(
                "report_strategy", f"There is no report strategy {name!r}"
            ) from None
        period = float(options.get("report_period") or default.period)
        tolerance = float(options.get("report_tolerance") or 0)
        if not 0.1 <= period <= MAX_PERIOD:
            raise OptionsError(
                "report_period", f"The period is between 0.1 and {MAX_PERIOD:g} seconds"
            )
        if not 0 <= tolerance < math.inf:
            raise OptionsError("report_tolerance", "The tolerance is zero or more")
        return cls(strategy, period, tolerance)

    @property
    def is_plain(self) -> bool:
        """Tell whether every change is reported, and nothing else."""
        return self.strategy is ReportStrategy.ON_CHANGE and not self.tolerance


def _is_number(value: object) -> TypeIs[int | float]:
    """Tell a number from true and false, which Python takes for numbers too."""
    return type(value) is int or type(value) is float


class Clock(Protocol):
    """What an event loop knows of time."""

    def time(self) -> float:
        """Return the time in seconds."""

    def call_at(
        self, when: float, callback: Callable[[], None], /
    ) -> asyncio.TimerHandle:
        """Call at a time; return how to cancel that."""


class Reporter:
    """Reports one datapoint by its rule; the first value always, and at once.

    The timer of a period runs on whatever is reported between its ends (vectors, area
    report-strategy).
    """

    __slots__ = (
        "_clock",
        "_fresh",
        "_latest",
        "_report",
        "_reported",
        "_rule",
        "_timer",
    )

    def __init__(
        self, rule: ReportRule, report: Callable[[], None], clock: Clock
    ) -> None:
        """Call `report` whenever the latest value received is to be reported."""
        self._rule = rule
        self._report = report
        self._clock = clock
        self._latest: object = None
        self._reported: object = None
        self._fresh = True
        self._timer: asyncio.TimerHandle | None = None

    def start(self, value: object) -> None:
        """Take the value that has been reported already."""
        self._fresh = False
        self._latest = self._reported = value
        if self._rule.strategy in _PERIODIC:
            self._wait(self._clock.time() + self._rule.period)

    def receive(self, value: object) -> None:
        """Take a value that came, in the event loop."""
        if self._fresh:
            self.start(value)
            self._report()
            return
        strategy = self._rule.strategy
        self._latest = value
        if strategy is ReportStrategy.ON_RECEIVED or (
            strategy in _ON_CHANGE and self._differs(value)
        ):
            self._reported = value
            self._report()

    def stop(self) -> None:
        """Report nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _differs(self, value: object) -> bool:
        """Tell whether a value is another one than what was reported last."""
        before = self._reported
        tolerance = self._rule.tolerance
        if tolerance and _is_number(value) and _is_number(before):
            change = abs(value - before)
            # Nine tenths and a whole tenth make one, whatever binary fractions say.
            return change >= tolerance or math.isclose(change, tolerance)
        # 1 and True are equal, and still two different things to say.
        return value != before or type(value) is not type(before)

    def _wait(self, end: float) -> None:
        """Report at the end of the period, and begin the next one."""

        def report() -> None:
            self._wait(max(end, self._clock.time()) + self._rule.period)
            self._reported = self._latest
            self._report()

        self._timer = self._clock.call_at(end, report)
