"""What is to be done about a limit, and what came of it."""

from typing import NamedTuple

from ..connector.model import JsonValue
from .enums import ChargingRateUnit
from .limit_methods import Limit


class LimitResult(NamedTuple):
    """A limit as it is in effect; `verified`: the charge point reports it."""

    limit: float
    unit: ChargingRateUnit
    verified: bool
    method: str

    def to_dict(self) -> dict[str, JsonValue]:
        """Return it as actions and commands answer."""
        return {
            "limit": self.limit,
            "unit": str(self.unit),
            "verified": self.verified,
            "method": self.method,
        }


class Job(NamedTuple):
    """What is to be done: have this limit, or none; `keep`: the one that there is."""

    limit: Limit | None = None
    keep: bool = False
    # Even if it seems to be in effect.
    force: bool = False
    # If the charge point does not report it.
    check: bool = False


AGAIN = Job(keep=True, force=True)


def merged(before: Job, job: Job) -> Job:
    """Return one job for two; what users want comes before all else."""
    wish = before if job.keep else job
    force, check = before.force or job.force, before.check or job.check
    return Job(wish.limit, wish.keep, force, check)
