"""Id tags: who may charge (OCPP 1.6 section 4.1 and IdTagInfo)."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from .enums import AuthorizationStatus
from .model import TagPolicy
from .timestamps import write_timestamp

# What remote starts are told by where the user says nothing else; it is no secret.
OWN_TAG = "HomeAssistant"
_SHOWN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class IdTag:
    """A tag that the user added; `expiry` is in seconds since the epoch.

    The tag itself is half a secret: whoever knows it can write it on a card.
    """

    tag: str = field(repr=False)
    name: str = ""
    blocked: bool = False
    expiry: float | None = None
    parent: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """Whether a tag may charge, and what is known of it."""

    status: AuthorizationStatus
    tag: IdTag | None = None

    @property
    def info(self) -> dict[str, str]:
        """Return OCPP's IdTagInfo."""
        info: dict[str, str] = {"status": self.status.value}
        if self.tag is not None:
            if self.tag.expiry is not None:
                info["expiryDate"] = write_timestamp(self.tag.expiry)
            if self.tag.parent:
                info["parentIdTag"] = self.tag.parent
        return info


class IdTags:
    """The tags of a hub, found without regard to case (CiString20Type)."""

    def __init__(self, tags: Iterable[IdTag] = ()) -> None:
        """Know these tags."""
        self._tags = {folded(it.tag): it for it in tags}

    def authorize(self, tag: str, policy: TagPolicy, now: float) -> Authorization:
        """Say whether a tag may charge now; the policy decides on those nobody added."""
        if (known := self.find(tag)) is None:
            if policy is TagPolicy.ACCEPT:
                return Authorization(status=AuthorizationStatus.ACCEPTED)
            return Authorization(status=AuthorizationStatus.INVALID)
        status = AuthorizationStatus.ACCEPTED
        if known.blocked:
            status = AuthorizationStatus.BLOCKED
        elif known.expiry is not None and known.expiry <= now:
            status = AuthorizationStatus.EXPIRED
        return Authorization(status=status, tag=known)

    def find(self, tag: str) -> IdTag | None:
        """Return a tag that somebody added."""
        return self._tags.get(folded(tag))

    def knows(self, tag: str) -> bool:
        """Tell whether somebody added a tag."""
        return self.find(tag) is not None

    def label(self, tag: str) -> str:
        """Return what people may read of a tag: its name, else a part of it."""
        known = self.find(tag)
        if known is None and folded(tag) == folded(OWN_TAG):
            return OWN_TAG
        return known.name if known is not None and known.name else mask(tag)


def mask(tag: str) -> str:
    """Return the end of a tag, as card numbers are shown; of a short one nothing."""
    tag = tag.strip()
    return f"…{tag[-_SHOWN:]}" if len(tag) >= 2 * _SHOWN else "…"


def folded(tag: str) -> str:
    """Return a tag as it is compared."""
    return tag.strip().casefold()
