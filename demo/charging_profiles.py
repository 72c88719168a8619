"""The charging profiles of the simulated wallbox, and the limit they make together."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

type Profile = dict[str, Any]

_VOLTAGE = 230.0
_PURPOSES = ("ChargePointMaxProfile", "TxDefaultProfile", "TxProfile")
_RECURRENCE = {"Daily": 86_400.0, "Weekly": 604_800.0}
_MAX_PROFILES = 20
_MAX_STACK_LEVEL = 5


def seconds_of(text: str) -> float:
    """Return a moment of OCPP as seconds since the epoch."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()


def moment_of(seconds: float) -> str:
    """Return a moment as OCPP writes it."""
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
    return text.replace("+00:00", "Z")


class ChargingProfiles:
    """Profiles by connector; 0 is the whole wallbox."""

    def __init__(self, rated_current: float) -> None:
        """Hold none; the rated current is the limit where no profile says another."""
        self.rated_current = rated_current
        self.installed: list[tuple[int, Profile]] = []

    def set(self, connector_id: int, profile: Profile, transaction: int | None) -> str:
        """Install a profile if its place is right; return what SetChargingProfile says."""
        purpose = profile["chargingProfilePurpose"]
        at_charge_point = connector_id == 0
        if (
            purpose not in _PURPOSES
            or not 0 <= profile["stackLevel"] <= _MAX_STACK_LEVEL
            or not profile["chargingSchedule"]["chargingSchedulePeriod"]
            or (purpose == "ChargePointMaxProfile" and not at_charge_point)
            or (purpose == "TxProfile" and (at_charge_point or transaction is None))
            or profile.get("transactionId", transaction) != transaction
        ):
            return "Rejected"
        self.installed = [
            (where, other)
            for where, other in self.installed
            if other["chargingProfileId"] != profile["chargingProfileId"]
            and (where, other["stackLevel"], other["chargingProfilePurpose"])
            != (connector_id, profile["stackLevel"], purpose)
        ]
        if len(self.installed) >= _MAX_PROFILES:
            return "Rejected"
        self.installed.append((connector_id, profile))
        return "Accepted"

    def clear(self, request: dict[str, Any]) -> str:
        """Remove what the request names; return what ClearChargingProfile says."""

        def meant(where: int, profile: Profile) -> bool:
            if "id" in request:
                return bool(profile["chargingProfileId"] == request["id"])
            found = {
                "connectorId": where,
                "chargingProfilePurpose": profile["chargingProfilePurpose"],
                "stackLevel": profile["stackLevel"],
            }
            return all(request.get(key, it) == it for key, it in found.items())

        left = [pair for pair in self.installed if not meant(*pair)]
        cleared = len(left) < len(self.installed)
        self.installed = left
        return "Accepted" if cleared else "Unknown"

    def end_transaction(self, connector_id: int) -> None:
        """Forget what counted for a session only."""
        self.clear({"connectorId": connector_id, "chargingProfilePurpose": "TxProfile"})

    def limit_at(self, connector_id: int, now: float, started: float) -> float:
        """Return the amperes per phase that are allowed at a moment."""
        limits = [self.rated_current]
        for purposes in (("ChargePointMaxProfile",), ("TxProfile", "TxDefaultProfile")):
            for purpose in purposes:
                limit = self._limit_of(purpose, connector_id, now, started)
                if limit is not None:
                    limits.append(limit)
                    break
        return min(limits)

    def composite(
        self, connector_id: int, now: float, duration: int, started: float
    ) -> list[dict[str, Any]]:
        """Return the periods of GetCompositeSchedule, in amperes."""
        moments = {now}
        for _, profile in self.installed:
            moments |= {
                it for it in _changes(profile, now, started) if it < now + duration
            }
        periods: list[dict[str, Any]] = []
        for moment in sorted(it for it in moments if it >= now):
            # Rounded down: nobody gets more than the profiles allow.
            limit = int(10 * self.limit_at(connector_id, moment, started) + 1e-6) / 10
            if not periods or periods[-1]["limit"] != limit:
                periods.append({"startPeriod": int(moment - now), "limit": limit})
        return periods

    def _limit_of(
        self, purpose: str, connector_id: int, now: float, started: float
    ) -> float | None:
        """Return the limit of the highest profile of a purpose that counts now."""
        best: tuple[tuple[int, int], float] | None = None
        for where, profile in self.installed:
            if profile["chargingProfilePurpose"] != purpose or (
                where not in (0, connector_id)
            ):
                continue
            limit = _limit(profile, now, started)
            # One for the connector goes before one for all.
            rank = (1 if where else 0, profile["stackLevel"])
            if limit is not None and (best is None or rank > best[0]):
                best = (rank, limit)
        return None if best is None else best[1]


def _start(profile: Profile, now: float, started: float) -> float:
    """Return when its schedule began, or will."""
    if profile["chargingProfileKind"] == "Relative":
        return started
    schedule = profile["chargingSchedule"]
    start = seconds_of(schedule.get("startSchedule", moment_of(started)))
    if profile["chargingProfileKind"] == "Recurring" and now > start:
        every = _RECURRENCE[profile["recurrencyKind"]]
        start += (now - start) // every * every
    return start


def _limit(profile: Profile, now: float, started: float) -> float | None:
    """Return the amperes a profile allows at a moment; None where it does not count."""
    schedule = profile["chargingSchedule"]
    since = now - _start(profile, now, started)
    if (
        since < 0
        or since >= schedule.get("duration", float("inf"))
        or ("validFrom" in profile and now < seconds_of(profile["validFrom"]))
        or ("validTo" in profile and now >= seconds_of(profile["validTo"]))
    ):
        return None
    limit = None
    for period in schedule["chargingSchedulePeriod"]:
        if period["startPeriod"] <= since:
            limit = float(period["limit"])
            if schedule["chargingRateUnit"] == "W":
                limit /= _VOLTAGE * period.get("numberPhases", 3)
    return limit


def _changes(profile: Profile, now: float, started: float) -> Iterator[float]:
    """Return the moments at which a profile may allow something else."""
    schedule = profile["chargingSchedule"]
    first = _start(profile, now, started)
    starts = [first]
    if profile["chargingProfileKind"] == "Recurring":
        starts.append(first + _RECURRENCE[profile["recurrencyKind"]])
    for start in starts:
        for period in schedule["chargingSchedulePeriod"]:
            yield start + period["startPeriod"]
        if "duration" in schedule:
            yield start + schedule["duration"]
    for key in ("validFrom", "validTo"):
        if key in profile:
            yield seconds_of(profile[key])
