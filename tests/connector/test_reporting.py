"""Report strategies: ThingsBoard's, by their vectors, and what goes beyond them."""

from collections.abc import Callable
import heapq
import itertools
from typing import Any, cast

import pytest

from custom_components.bemcom_connectors.connector.model import OptionsError
from custom_components.bemcom_connectors.connector.reporting import (
    Clock,
    Reporter,
    ReportRule,
    ReportStrategy,
)
from tests.vectors import Row, area


class _Handle:
    """What cancels a call."""

    cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class _Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self._calls: list[tuple[float, int, Callable[[], None], _Handle]] = []
        self._order = itertools.count()

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], None]) -> _Handle:
        handle = _Handle()
        heapq.heappush(self._calls, (when, next(self._order), callback, handle))
        return handle

    def run_until(self, end: float) -> None:
        """Make all calls that are due until then."""
        while self._calls and self._calls[0][0] <= end:
            self.now, _, callback, handle = heapq.heappop(self._calls)
            if not handle.cancelled:
                callback()
        self.now = end


def _run(rule: ReportRule, inputs: list[Any], until: float) -> list[tuple[float, Any]]:
    """Return when what is reported of the inputs (time, value)."""
    clock = _Clock()
    latest: list[Any] = []
    sent: list[tuple[float, Any]] = []
    reporter = Reporter(
        rule, lambda: sent.append((clock.now, latest[-1])), cast("Clock", clock)
    )
    for when, value in inputs:
        clock.run_until(when)
        latest.append(value)
        reporter.receive(value)
    clock.run_until(until)
    reporter.stop()
    clock.run_until(until + 1000)
    return sent


@area("report-strategy", "thingsboard.json")
def test_vectors(row: Row) -> None:
    """Upstream's reports, except that a period of ours is not 10 ms too short."""
    if "strategy" not in row:
        # The row without a recording says what ThingsBoard takes for unchanged.
        rule = ReportRule(ReportStrategy.ON_CHANGE, tolerance=0.001)
        assert _run(rule, [(0, 1.0), (1, 1.0009), (2, 1.001)], 3) == [
            (0, 1.0),
            (2, 1.001),
        ]
        return
    strategy = row["strategy"]
    rule = ReportRule.of(
        {
            "report_strategy": strategy["type"].lower(),
            "report_period": strategy.get("reportPeriod", 0) / 1000,
        }
    )
    sent = _run(rule, row["inputs_at_s"], 3.05)
    assert [value for _, value in sent] == [value for _, value in row["sent_at_s"]]
    for (when, _), (recorded, _) in zip(sent, row["sent_at_s"], strict=True):
        assert when == pytest.approx(recorded, abs=0.11)


def test_every_message_is_reported_on_received() -> None:
    """Equal values too."""
    rule = ReportRule(ReportStrategy.ON_RECEIVED)
    inputs = [(0, 1), (1, 1), (2, 2)]
    assert _run(rule, inputs, 3) == inputs


def test_a_slow_drift_is_reported() -> None:
    """The tolerance is to what was reported, not to the value before."""
    rule = ReportRule(ReportStrategy.ON_CHANGE, tolerance=0.5)
    inputs = [(second, second * 0.2) for second in range(10)]
    assert [when for when, _ in _run(rule, inputs, 20)] == [0, 3, 6, 9]


def test_after_a_period_the_tolerance_is_to_what_was_reported_then() -> None:
    """A periodic report is a report."""
    rule = ReportRule(
        ReportStrategy.ON_CHANGE_OR_REPORT_PERIOD, period=10, tolerance=1.0
    )
    sent = _run(rule, [(0, 0.0), (5, 0.9), (11, 1.5), (12, 1.9)], 13)
    assert sent == [(0, 0.0), (10, 0.9), (12, 1.9)]


@pytest.mark.parametrize(
    ("before", "after"), [(1, True), (0, False), ("1", 1), (1, None), ([1], [2])]
)
def test_what_is_no_number_has_no_tolerance(before: Any, after: Any) -> None:
    """Another type, or another text or list, is a change."""
    rule = ReportRule(ReportStrategy.ON_CHANGE, tolerance=100)
    assert len(_run(rule, [(0, before), (1, before), (2, after)], 3)) == 2


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"report_strategy": "now and then"}, "report_strategy"),
        (
            {"report_strategy": "on_report_period", "report_period": 0.01},
            "report_period",
        ),
        (
            {"report_strategy": "on_report_period", "report_period": 1e9},
            "report_period",
        ),
        ({"report_strategy": "on_change", "report_tolerance": -1}, "report_tolerance"),
    ],
)
def test_rules_that_cannot_work(options: dict[str, Any], option: str) -> None:
    """The form shows the reason beside the option."""
    with pytest.raises(OptionsError) as caught:
        ReportRule.of(options)
    assert caught.value.option == option


def test_a_rule_without_a_strategy_is_the_default() -> None:
    """A datapoint that says nothing has the rule of its hub."""
    hub = ReportRule.of({"report_strategy": "on_report_period", "report_period": 5})
    assert ReportRule.of({}, hub) is hub
    assert ReportRule.of({"report_strategy": ""}, hub) is hub
    assert not hub.is_plain
    assert ReportRule().is_plain
