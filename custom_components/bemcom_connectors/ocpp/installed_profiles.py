"""The charging profiles that are installed on a charge point, as far as we were told."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..connector.model import JsonValue
from .charging_profile import ChargingProfile
from .enums import ChargingProfilePurpose
from .profile_reading import read_connector_id, read_profile
from .profile_rules import ProfileError, check_form, rounded

# More than any charge point holds; then the oldest is forgotten.
MAX_INSTALLED = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledProfile:
    """A profile and where it is; connector 0 is the charge point as a whole."""

    connector_id: int
    profile: ChargingProfile

    def to_payload(self) -> dict[str, JsonValue]:
        """Return the request that installs it."""
        return {
            "connectorId": self.connector_id,
            "csChargingProfiles": self.profile.to_payload(),
        }


class InstalledProfiles:
    """What the charge point accepted, and was not told to clear since."""

    def __init__(self) -> None:
        # By their ids, the oldest first.
        self._installed: dict[int, InstalledProfile] = {}

    def __iter__(self) -> Iterator[InstalledProfile]:
        return iter(tuple(self._installed.values()))

    def __len__(self) -> int:
        return len(self._installed)

    def of(self, connector_id: int) -> list[ChargingProfile]:
        """Return the profiles of one connector, or of the charge point as a whole."""
        return [it.profile for it in self if it.connector_id == connector_id]

    def by_id(self, profile_id: int) -> InstalledProfile | None:
        """Return the profile with an id."""
        return self._installed.get(profile_id)

    def replaced_by(
        self, connector_id: int, profile: ChargingProfile
    ) -> list[InstalledProfile]:
        """Return what a profile takes the place of: its id, or its purpose and level."""
        place = (connector_id, profile.purpose, profile.stack_level)
        return [
            it
            for it in self
            if it.profile.id == profile.id
            or (it.connector_id, it.profile.purpose, it.profile.stack_level) == place
        ]

    def count_with(self, connector_id: int, profile: ChargingProfile) -> int:
        """Return how many profiles there will be when one was installed."""
        return len(self) + 1 - len(self.replaced_by(connector_id, profile))

    def install(
        self, connector_id: int, profile: ChargingProfile
    ) -> list[InstalledProfile]:
        """Put a profile in its place; return those that were there."""
        replaced = self.replaced_by(connector_id, profile)
        self._remove(replaced)
        self._installed[profile.id] = InstalledProfile(
            connector_id=connector_id, profile=profile
        )
        if len(self) > MAX_INSTALLED:
            del self._installed[next(iter(self._installed))]
        return replaced

    def clear(
        self,
        profile_id: int | None = None,
        connector_id: int | None = None,
        purpose: ChargingProfilePurpose | None = None,
        stack_level: int | None = None,
    ) -> list[InstalledProfile]:
        """Remove what ClearChargingProfile does, and return it.

        With an id nothing else counts; without, everything given has to fit.
        """
        if profile_id is not None:
            found = [it for it in self if it.profile.id == profile_id]
        else:
            found = [
                it
                for it in self
                if connector_id in {None, it.connector_id}
                and purpose in {None, it.profile.purpose}
                and stack_level in {None, it.profile.stack_level}
            ]
        self._remove(found)
        return found

    def transaction_ended(
        self, connector_id: int, transaction_id: int
    ) -> list[InstalledProfile]:
        """Remove what ends with a transaction of a connector, and return it."""
        found = [
            it
            for it in self
            if it.profile.purpose is ChargingProfilePurpose.TX_PROFILE
            and it.connector_id == connector_id
            and it.profile.transaction_id in {None, transaction_id}
        ]
        self._remove(found)
        return found

    def forget(self) -> None:
        """Remove all of them."""
        self._installed.clear()

    def to_dict(self) -> list[JsonValue]:
        """Return what is stored."""
        return [it.to_payload() for it in self]

    def restore(self, data: object) -> None:
        """Take what was stored instead of what is there; what is no profile is left out."""
        self.forget()
        for item in data if isinstance(data, list) else ():
            if not isinstance(item, Mapping):
                continue
            try:
                connector_id = read_connector_id(dict(item))
                profile = rounded(read_profile(dict(item), now=0))
                check_form(profile)
            except ProfileError:
                continue
            if connector_id is not None and connector_id >= 0:
                self.install(connector_id, profile)

    def _remove(self, found: list[InstalledProfile]) -> None:
        for it in found:
            del self._installed[it.profile.id]
