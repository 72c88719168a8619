"""Measuring two things against each other, in turn, so that a slow moment hits both."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
import time
from typing import override


@dataclass(frozen=True)
class Row:
    """One line of the table: what was measured, against which baseline, and the budget."""

    what: str
    baseline: str
    rate: float
    baseline_rate: float
    budget: float
    unit: str = "messages/s"

    @property
    def ratio(self) -> float:
        """Return how many times the baseline's rate ours is."""
        return self.rate / self.baseline_rate

    @property
    def kept(self) -> bool:
        """Tell whether the budget is kept."""
        return self.ratio >= self.budget

    @override
    def __str__(self) -> str:
        """Return the line."""
        verdict = "kept" if self.kept else "MISSED"
        return (
            f"| {self.what} | {self.rate:,.0f} {self.unit} "
            f"| {self.baseline}: {self.baseline_rate:,.0f} "
            f"| {self.ratio:.2f} | ≥ {self.budget:g} | {verdict} |"
        )


@dataclass(frozen=True)
class Limit:
    """One line of the table: what must not be more than the budget."""

    what: str
    value: float
    budget: float
    unit: str
    baseline: str = ""

    @property
    def kept(self) -> bool:
        """Tell whether the budget is kept."""
        return self.value <= self.budget

    @override
    def __str__(self) -> str:
        """Return the line."""
        verdict = "kept" if self.kept else "MISSED"
        return (
            f"| {self.what} | {self.value:,.1f} {self.unit} | {self.baseline} "
            f"| | ≤ {self.budget:g} {self.unit} | {verdict} |"
        )


HEADER = "| what | rate | baseline | ratio | budget | |\n|---|---|---|---|---|---|"


def rates(
    jobs: dict[str, Callable[[], int]], *, rounds: int = 7, seconds: float = 0.15
) -> dict[str, float]:
    """Return the median rate of each job; a job returns how many units it did.

    Each round runs every job for about `seconds`, one after the other.
    """
    results: dict[str, list[float]] = {name: [] for name in jobs}
    for round_ in range(rounds + 1):
        for name, job in jobs.items():
            done = 0
            began = time.perf_counter()
            while (took := time.perf_counter() - began) < seconds:
                done += job()
            if round_:  # the first one warms up
                results[name].append(done / took)
    return {name: median(values) for name, values in results.items()}
