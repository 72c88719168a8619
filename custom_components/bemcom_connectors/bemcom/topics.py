"""BEMCom's topics, and which topics are none of a connector's (spec 1)."""

from dataclasses import dataclass, field
import re

from ..connector.model import OptionsError

# What upstream's connectors are called without a CONNECTOR_NAME.
DEFAULT_CONNECTOR_NAME = "unknown-connector"

MAX_NAME = 255
# MQTT's own limit, in bytes.
_MAX_TOPIC = 65_535

# Control characters, what is no character at all, and what UTF-8 cannot encode.
_NO_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff]")
_WILDCARD = re.compile("[+#]")

_VALUE = "/value"
# Below it are the topics that are no BEMCom stack's (`own_topics`).
OWN_LEVEL = "datapoints"
# What is beside values, and has messages of its own.
OF_PLANS = ("/schedule", "/setpoint")


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one connector, whose name is the root of them all.

    The name was checked (`checked_name`).
    """

    connector: str
    logs: str = field(init=False)
    heartbeat: str = field(init=False)
    available_datapoints: str = field(init=False)
    datapoint_map: str = field(init=False)
    raw_message_to_db: str = field(init=False)
    raw_message_reprocess: str = field(init=False)

    def __post_init__(self) -> None:
        for name in _OWN:
            object.__setattr__(self, name, f"{self.connector}/{name}")

    def is_own(self, topic: str) -> bool:
        """Tell whether a topic is one of those above, or ours, which no map may name."""
        return topic.startswith(f"{self.connector}/{OWN_LEVEL}/") or topic in {
            getattr(self, name) for name in _OWN
        }

    def is_below(self, topic: str) -> bool:
        """Tell whether a topic is the connector's at all."""
        return topic.startswith(f"{self.connector}/")


_OWN = (
    "logs",
    "heartbeat",
    "available_datapoints",
    "datapoint_map",
    "raw_message_to_db",
    "raw_message_reprocess",
)


def checked_name(given: str) -> str:
    """Return the name of a connector, upstream's default for none, or raise OptionsError.

    Others split topics at the slash and take what is before the first for the name.
    """
    name = given.strip() or DEFAULT_CONNECTOR_NAME
    if "/" in name:
        raise OptionsError("connector_name", f"{name:.60} has a / in it")
    if (reason := topic_fault(name)) is not None:
        raise OptionsError("connector_name", f"{name:.60} {reason}")
    if len(name) > MAX_NAME:
        raise OptionsError(
            "connector_name", f"A name has at most {MAX_NAME} characters"
        )
    return name


def topic_fault(topic: str) -> str | None:
    """Return why nothing can be published on a topic; None: it can."""
    if not topic:
        return "is empty"
    if _WILDCARD.search(topic):
        return "has a wildcard in it"
    if topic.startswith("$"):
        return "belongs to the broker"
    if _NO_TEXT.search(topic):
        return "has characters in it that no topic may have"
    if len(topic.encode()) > _MAX_TOPIC:
        return "is too long"
    return None


def sibling(value_topic: str, name: str) -> str | None:
    """Return the topic of schedules or setpoints beside that of values; None: there is none."""
    if not value_topic.endswith(_VALUE):
        return None
    return f"{value_topic.removesuffix(_VALUE)}/{name}"
