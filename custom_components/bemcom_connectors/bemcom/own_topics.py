"""Topics of our own beside BEMCom's, for those who have none: another Home Assistant above all."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from ..connector.model import JsonValue
from .topics import OWN_LEVEL

# Returns what is published for a value; it must not raise.
type Convert = Callable[[JsonValue], JsonValue]


@dataclass(frozen=True, slots=True)
class OwnTopics:
    """The topics of a connector's datapoints; keys may have any characters, topics may not."""

    connector: str

    @property
    def online(self) -> str:
        """Return the topic that tells whether the link of the hub is up."""
        return f"{self.connector}/{OWN_LEVEL}/online"

    def value(self, key: str) -> str:
        """Return the topic of a datapoint's values."""
        return f"{self._of(key)}/value"

    def state(self, key: str) -> str:
        """Return the topic of the state of an actuator."""
        return f"{self._of(key)}/state"

    def set(self, key: str) -> str:
        """Return the topic of the values that an actuator is to have."""
        return f"{self._of(key)}/set"

    def _of(self, key: str) -> str:
        return f"{self.connector}/{OWN_LEVEL}/{quote(key, safe='', errors='surrogatepass')}"


@dataclass(frozen=True, slots=True)
class OwnMap:
    """What is published on such topics and listened to, as a datapoint map says it for BEMCom's."""

    # By the key of a datapoint: topics, with what makes of a value what is published there.
    sensors: Mapping[str, Mapping[str, Convert]] = field(default_factory=dict)
    # The keys of actuators by topic.
    actuators: Mapping[str, str] = field(default_factory=dict)

    @property
    def topics(self) -> frozenset[str]:
        """Return the topics that something is published on."""
        return frozenset(topic for topics in self.sensors.values() for topic in topics)

    def new_sensors(self, former: OwnMap) -> tuple[str, ...]:
        """Return the keys of datapoints that have a topic which they did not have before."""
        return tuple(
            key
            for key, topics in self.sensors.items()
            if topics.keys() - former.sensors.get(key, {}).keys()
        )


NO_OWN_MAP = OwnMap()
