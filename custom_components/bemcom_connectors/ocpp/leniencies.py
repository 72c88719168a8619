"""What was accepted although OCPP does not allow it."""

from collections import Counter


class Leniencies:
    """How often each leniency was needed, for the diagnostics.

    The names come from our own tables and never from what a charge point sent: they are
    few, and they give nothing away.
    """

    __slots__ = ("counts",)

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def note(self, what: str) -> None:
        """Count that something was accepted."""
        self.counts[what] += 1
