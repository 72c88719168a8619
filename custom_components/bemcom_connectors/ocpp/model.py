"""What an OCPP hub is told, and what it knows of its charge points."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any, Self

from ..connector.devices import device_key
from ..connector.flatten import SEPARATOR

# Ids of charge points are a segment of a URL; longer ones are nobody's.
MAX_ID_LENGTH = 64
# Higher connector ids are nonsense.
MAX_CONNECTORS = 32
_CONNECTOR_KEYS = frozenset(map(str, range(MAX_CONNECTORS + 1)))


class UnknownPolicy(StrEnum):
    """What becomes of a charge point that nobody added."""

    PAIR = "pair"
    REFUSE = "refuse"


class TagPolicy(StrEnum):
    """What becomes of an id tag that nobody added."""

    ACCEPT = "accept"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True, kw_only=True)
class HubOptions:
    """What counts for all charge points of a hub; times in seconds."""

    unknown: UnknownPolicy = UnknownPolicy.PAIR
    # How long a charge point has to answer.
    call_timeout: float = 30.0
    # What is asked of a half-open connection, so often.
    ping_interval: float = 30.0
    # Charge point ids that the user wants to hear nothing of.
    ignored: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargePointConfig:
    """What the user says of one charge point; times in seconds, 0: leave as it is."""

    id: str
    password: str = field(default="", repr=False)
    # The common name of its client certificate; empty: its id or its serial number.
    certificate_name: str = ""
    unknown_tags: TagPolicy = TagPolicy.ACCEPT
    # Whether its settings may be written at all.
    configure: bool = True
    # OCPP measurands to ask for; empty: whatever it can measure.
    measurands: tuple[str, ...] = ()
    sample_interval: int = 30
    clock_aligned_interval: int = 900
    heartbeat_interval: int = 300
    websocket_ping_interval: int = 0
    # The id tag of what is started from here; empty: one that is made up.
    remote_start_tag: str = field(default="", repr=False)
    # The largest current that a connector can be limited to, in A.
    max_current: float = 32.0
    # Names of quirks; None: those of its vendor, model and firmware.
    quirks: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a charge point says of itself in its BootNotification; empty: not said."""

    vendor: str = ""
    model: str = ""
    serial_number: str = ""
    firmware_version: str = ""
    meter_type: str = ""
    meter_serial_number: str = ""
    iccid: str = ""
    imsi: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return what was said, for storage."""
        return {name: value for name, value in asdict(self).items() if value}

    @classmethod
    def from_dict(cls, data: object) -> Self:
        """Return a stored identity, without whatever is no part of one."""
        stored = data if isinstance(data, Mapping) else {}
        return cls(
            **{
                it.name: stored[it.name]
                for it in fields(cls)
                if isinstance(stored.get(it.name), str)
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingChargePoint:
    """A charge point that nobody added yet, and that is held meanwhile."""

    id: str
    identity: Identity = Identity()
    # Whether it came with a password, and the name in its client certificate.
    has_password: bool = False
    certificate_name: str = ""


def device_id_of(charge_point_id: str, connector_id: int = 0) -> str:
    """Return the id of a connector on the hub; 0 is the charge point itself (OCPP)."""
    return f"{charge_point_id}{SEPARATOR}{connector_id}"


def split_device_id(device_id: str) -> tuple[str, int]:
    """Return the charge point and the connector of an id that `device_id_of` made."""
    charge_point_id, _, connector_id = device_id.rpartition(SEPARATOR)
    return charge_point_id, int(connector_id)


def by_connector(stored: object) -> Iterator[tuple[int, Any]]:
    """Yield what was stored by connectors, 0 among them, without what is of none."""
    for key, value in (stored if isinstance(stored, Mapping) else {}).items():
        if key in _CONNECTOR_KEYS:
            yield int(key), value


class Keys(dict[str, str]):
    """The keys on the hub of one device's datapoints, by their own names.

    Each is made once, because values are shown all the time.
    """

    def __init__(self, device_id: str) -> None:
        """Know no name yet."""
        super().__init__()
        self.device_id = device_id

    def __missing__(self, name: str) -> str:
        """Make a key that is needed for the first time."""
        key = self[name] = device_key(self.device_id, name)
        return key
