"""Plans that repeat by the clock on the wall: sent again when that clock is changed.

A charge point repeats them in UTC, so that they would be an hour off for half of the year.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
import logging
from typing import Any

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_track_utc_time_change
from homeassistant.util import dt as dt_util

from .connector.model import ConnectorError
from .ocpp.charging_profile import ChargingProfile
from .ocpp.connector import OcppConnector
from .ocpp.enums import ChargingProfileKind

_LOGGER = logging.getLogger(__name__)

# Clocks are changed at one of these minutes of an hour, wherever it is.
_MINUTES = (0, 15, 30, 45)
_SECOND = 5


class LocalPlans:
    """The profiles of a hub whose times are those of the clock on the wall."""

    def __init__(self, hass: HomeAssistant, connector: OcppConnector) -> None:
        """Know of none yet."""
        self._hass = hass
        self._connector = connector
        # By charge points and profile ids: how far the clock was from UTC, in seconds.
        self._offsets: dict[str, dict[int, int]] = {}

    @callback
    def async_start(self) -> CALLBACK_TYPE:
        """Look at the clock from now on; return how to end that."""
        return async_track_utc_time_change(
            self._hass, self.async_look, minute=_MINUTES, second=_SECOND
        )

    @callback
    def async_note(self, charge_point_id: str, profile: ChargingProfile) -> None:
        """Know that a profile was sent whose times are local ones."""
        begin = profile.schedule.start
        if profile.kind is not ChargingProfileKind.RECURRING or begin is None:
            self.async_forget(charge_point_id, profile.id)
            return
        offsets = self._offsets.setdefault(charge_point_id, {})
        offsets[profile.id] = _offset(dt_util.utc_from_timestamp(begin))
        # It may have begun on the other side of a change.
        self._hass.async_create_task(self.async_look(dt_util.utcnow()))

    @callback
    def async_forget(self, charge_point_id: str, profile_id: int) -> None:
        """Know that the times of a profile are none of ours."""
        self._offsets.get(charge_point_id, {}).pop(profile_id, None)

    async def async_look(self, now: datetime) -> None:
        """Send what the clock on the wall has changed for."""
        offset = _offset(now)
        for charge_point_id, offsets in list(self._offsets.items()):
            for profile_id, known in list(offsets.items()):
                if known != offset and await self._async_send(
                    charge_point_id, profile_id, known - offset
                ):
                    offsets[profile_id] = offset
        self._clean()

    async def _async_send(
        self, charge_point_id: str, profile_id: int, seconds: int
    ) -> bool:
        """Send a profile so many seconds later; return whether that is done."""
        charge_point = self._connector.charge_points.get(charge_point_id)
        installed = charge_point and charge_point.profiles.installed.by_id(profile_id)
        if not charge_point or not installed:
            return False
        profile, connector_id = installed.profile, installed.connector_id
        begin = profile.schedule.start
        if profile.kind is not ChargingProfileKind.RECURRING or begin is None:
            return True  # it is another one by now
        schedule = replace(profile.schedule, start=begin + seconds)
        try:
            await charge_point.profiles.set_profile(
                connector_id, replace(profile, schedule=schedule)
            )
        except ConnectorError as err:
            # It is tried again with the next look.
            _LOGGER.debug("%s: %s", charge_point_id, err)
            return False
        return True

    def _clean(self) -> None:
        """Forget the profiles that are there no more."""
        for charge_point_id, offsets in list(self._offsets.items()):
            charge_point = self._connector.charge_points.get(charge_point_id)
            for profile_id in list(offsets):
                if charge_point is None or (
                    charge_point.profiles.installed.by_id(profile_id) is None
                ):
                    del offsets[profile_id]
            if not offsets:
                del self._offsets[charge_point_id]

    # What is kept

    def to_dict(self) -> dict[str, Any]:
        """Return what is kept over restarts."""
        return {
            key: {str(profile_id): it for profile_id, it in offsets.items()}
            for key, offsets in self._offsets.items()
        }

    def restore(self, data: object) -> None:
        """Take up what was kept, as far as there is sense in it."""
        for key, offsets in (data if isinstance(data, Mapping) else {}).items():
            if isinstance(key, str) and isinstance(offsets, Mapping):
                self._offsets[key] = {
                    int(profile_id): it
                    for profile_id, it in offsets.items()
                    if isinstance(it, int) and str(profile_id).isdecimal()
                }


def _offset(moment: datetime) -> int:
    """Return how far the clock on the wall is from UTC then, in seconds."""
    offset = dt_util.as_local(moment).utcoffset() or timedelta()
    return round(offset.total_seconds())
