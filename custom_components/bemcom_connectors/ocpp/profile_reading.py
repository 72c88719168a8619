"""Charging profiles as people have them: JSON of all kinds, read leniently."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
import re

import orjson

from ..connector.model import JsonValue
from .charging_profile import ChargingProfile, ChargingSchedule, Period
from .enums import (
    ChargingProfileKind,
    ChargingProfilePurpose,
    ChargingRateUnit,
    RecurrencyKind,
)
from .field_parsers import MAX_INTEGER
from .profile_rules import MAX_PERIODS, ProfileError, ProfileRule, finite, read_unit
from .timestamps import read_timestamp

_MAX_TEXT = 200_000
_MAX_DIGITS = 40
# So much of what is wrong is shown.
_SHOWN = 40
# What can stand around a profile: the whole request that sets it, or starts with it.
_WRAPPERS = ("csChargingProfiles", "chargingProfile")


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What counts where a profile does not say; None: it must."""

    id: int = 1
    stack_level: int = 0
    purpose: ChargingProfilePurpose | None = ChargingProfilePurpose.TX_DEFAULT_PROFILE
    unit: ChargingRateUnit | None = None


_DEFAULTS = Defaults()


def read_profile(
    data: JsonValue,
    *,
    now: float,
    zone: tzinfo = UTC,
    defaults: Defaults = _DEFAULTS,
) -> ChargingProfile:
    """Return the profile that JSON holds, also as text; raises ProfileError.

    Names may be written in any case, with underscores or without. What is misspelled is not
    left out: a limit that is not set is worse than an error. `zone` is that of times that
    have none, and "now" is one of them.
    """
    fields = _Fields(_unwrapped(data)[1], "", _Clock(now, zone))
    schedule = _read_schedule(fields, defaults)
    recurrency = fields.word("recurrencyKind", RecurrencyKind)
    kind = fields.word("chargingProfileKind", ChargingProfileKind)
    if kind is None:
        kind = _kind_of(schedule, recurrency)
    purpose = fields.word("chargingProfilePurpose", ChargingProfilePurpose)
    if purpose is None and (purpose := defaults.purpose) is None:
        raise ProfileError(ProfileRule.MISSING_FIELD, field="chargingProfilePurpose")
    profile_id = fields.whole("chargingProfileId")
    stack_level = fields.whole("stackLevel")
    profile = ChargingProfile(
        id=defaults.id if profile_id is None else profile_id,
        stack_level=defaults.stack_level if stack_level is None else stack_level,
        purpose=purpose,
        kind=kind,
        schedule=schedule,
        recurrency=recurrency,
        valid_from=fields.moment("validFrom"),
        valid_to=fields.moment("validTo"),
        transaction_id=fields.whole("transactionId"),
    )
    fields.finish()
    return profile


def read_connector_id(data: JsonValue) -> int | None:
    """Return the connector that stands beside a profile, None if none; or ProfileError."""
    return _unwrapped(data)[0]


@dataclass(frozen=True, slots=True)
class _Clock:
    """What it takes to read a point in time."""

    now: float
    zone: tzinfo

    def read(self, value: JsonValue) -> float | None:
        """Return a point in time; None if it is none."""
        if isinstance(value, str) and value.strip().casefold() == "now":
            return self.now
        if isinstance(value, str):
            try:
                moment = datetime.fromisoformat(value)
                if moment.tzinfo is None:
                    value = moment.replace(tzinfo=self.zone).isoformat()
            except ValueError, OverflowError:
                return read_timestamp(value)  # it takes more than that
        return read_timestamp(value)


class _Fields:
    """The fields of an object, of which one after the other is taken."""

    def __init__(self, data: JsonValue, path: str, clock: _Clock) -> None:
        if not isinstance(data, dict):
            raise _unreadable(path or "profile", data)
        self._path = path
        self.clock = clock
        # What is empty is as good as left out.
        self._values = {
            _fold(str(name)): (str(name), value)
            for name, value in data.items()
            if value is not None and value != ""
        }

    def path(self, name: str) -> str:
        """Return where a field is."""
        return f"{self._path}.{name}" if self._path else name

    def take(self, name: str) -> JsonValue:
        """Return what is in a field, None if it is missing."""
        return self._values.pop(_fold(name), ("", None))[1]

    def required(self, name: str) -> ProfileError:
        """Return the error of a field that is missing."""
        return ProfileError(ProfileRule.MISSING_FIELD, field=self.path(name))

    def number(self, name: str) -> float | None:
        """Return a number, also one that is written as text."""
        if (value := self.take(name)) is None:
            return None
        if (number := _number(value)) is None:
            raise _unreadable(self.path(name), value)
        if abs(finite(number, self.path(name))) >= MAX_INTEGER:
            raise ProfileError(ProfileRule.OUT_OF_RANGE, field=self.path(name))
        return number

    def whole(self, name: str) -> int | None:
        """Return a whole number."""
        if (number := self.number(name)) is None:
            return None
        if number != int(number):
            raise _unreadable(self.path(name), number)
        return int(number)

    def word[T: StrEnum](self, name: str, words: type[T]) -> T | None:
        """Return a word, whatever its case."""
        if (value := self.take(name)) is None:
            return None
        key = _fold(value) if isinstance(value, str) else ""
        for word in words:
            if _fold(word.value) == key:
                return word
        raise _unreadable(self.path(name), value)

    def unit(self, name: str) -> ChargingRateUnit | None:
        """Return a unit, which has several names."""
        if (value := self.take(name)) is None:
            return None
        if isinstance(value, str) and (unit := read_unit(value)) is not None:
            return unit
        raise _unreadable(self.path(name), value)

    def moment(self, name: str) -> float | None:
        """Return a point in time."""
        if (value := self.take(name)) is None:
            return None
        if (seconds := self.clock.read(value)) is None:
            raise _unreadable(self.path(name), value)
        return seconds

    def finish(self) -> None:
        """Raise ProfileError if there is more than was taken."""
        for name, _ in self._values.values():
            raise ProfileError(
                ProfileRule.UNKNOWN_FIELD, field=self.path(name[:_SHOWN])
            )


def _read_schedule(profile: _Fields, defaults: Defaults) -> ChargingSchedule:
    name = "chargingSchedule"
    if (data := profile.take(name)) is None:
        raise profile.required(name)
    fields = _Fields(_single(data), name, profile.clock)
    unit = fields.unit("chargingRateUnit") or defaults.unit
    if unit is None:
        raise fields.required("chargingRateUnit")
    schedule = ChargingSchedule(
        unit=unit,
        periods=_read_periods(fields),
        start=fields.moment("startSchedule"),
        duration=fields.whole("duration"),
        min_rate=fields.number("minChargingRate"),
    )
    fields.finish()
    return schedule


def _read_periods(schedule: _Fields) -> tuple[Period, ...]:
    name = "chargingSchedulePeriod"
    if (data := schedule.take(name)) is None:
        raise schedule.required(name)
    items: list[JsonValue] = [data] if isinstance(data, dict) else []
    if isinstance(data, list):
        items = data
    elif not items:
        raise _unreadable(schedule.path(name), data)
    if len(items) > MAX_PERIODS:
        raise ProfileError(
            ProfileRule.TOO_MANY_PERIODS, number=len(items), maximum=MAX_PERIODS
        )
    periods = []
    for index, item in enumerate(items):
        fields = _Fields(item, f"{schedule.path(name)}[{index}]", schedule.clock)
        start, limit = fields.whole("startPeriod"), fields.number("limit")
        if limit is None:
            raise fields.required("limit")
        if start is None and index:
            raise fields.required("startPeriod")
        phases = fields.whole("numberPhases")
        fields.finish()
        periods.append(Period(start=start or 0, limit=limit, phases=phases))
    return tuple(periods)


def _kind_of(
    schedule: ChargingSchedule, recurrency: RecurrencyKind | None
) -> ChargingProfileKind:
    """Return the kind that a profile must be of which does not say."""
    if recurrency is not None:
        return ChargingProfileKind.RECURRING
    if schedule.start is not None:
        return ChargingProfileKind.ABSOLUTE
    return ChargingProfileKind.RELATIVE


def _unwrapped(data: JsonValue) -> tuple[int | None, JsonValue]:
    """Return the connector, if there is one, and the profile without what is around it."""
    data = _single(_parsed(data) if isinstance(data, str) else data)
    fields = _Fields(data, "", _Clock(0, UTC))
    for name in _WRAPPERS:
        if (profile := fields.take(name)) is not None:
            connector_id = fields.whole("connectorId")
            fields.take("idTag")
            fields.finish()
            return connector_id, _single(profile)
    return None, data


def _parsed(text: str) -> JsonValue:
    """Return what JSON says; many write it with the wrong quotes, as in Python."""
    if len(text) <= _MAX_TEXT:
        for attempt in (text, text.replace("'", '"')):
            try:
                parsed: JsonValue = orjson.loads(attempt)
            except orjson.JSONDecodeError:
                continue
            return parsed
    raise _unreadable("profile", text)


def _single(data: JsonValue) -> JsonValue:
    """Return what is alone in an array."""
    return data[0] if isinstance(data, list) and len(data) == 1 else data


def _fold(name: str) -> str:
    """Return a name or a word as any way to write it comes out."""
    return re.sub(r"[\s_-]+", "", name).casefold()


def _number(value: JsonValue) -> float | None:
    """Return a number, also one that is written as text; None if it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if not isinstance(value, str) or len(value) > _MAX_DIGITS or "_" in value:
        return None
    try:
        return int(value)
    except ValueError:
        pass
    try:
        return float(value.replace(",", "."))
    except ValueError:
        return None


def _unreadable(field: str, value: object) -> ProfileError:
    """Return the error of something that is not what its name says."""
    if isinstance(value, str):
        shown = value[:_SHOWN]
    elif isinstance(value, Mapping):
        shown = "{…}"
    elif isinstance(value, list | tuple):
        shown = "[…]"
    else:
        shown = str(value)[:_SHOWN]
    return ProfileError(ProfileRule.UNREADABLE, field=field, value=shown)
