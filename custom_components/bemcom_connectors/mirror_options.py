"""The settings of a hub's mirror: from its entry to what the mirror and its broker are told."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
import math
from typing import Any, Final

from homeassistant.const import (
    CONF_DISCOVERY,
    CONF_HOST,
    CONF_PASSWORD,
    CONF_PORT,
    CONF_USERNAME,
    CONF_VERIFY_SSL,
)

from .bemcom.broker_options import DEFAULT_PORT, BrokerOptions, BrokerTls
from .bemcom.model import HEARTBEAT_INTERVAL, MirrorOptions
from .bemcom.topics import Topics, checked_name, topic_fault
from .const import (
    CONF_CERTIFICATE,
    CONF_CONNECTOR_NAME,
    CONF_HUB_KIND,
    CONF_KEY_FILE,
    CONF_MIRROR,
    CONF_TLS,
    HUB_OCPP,
)

CONF_CONNECTION: Final = "connection"
CONF_CA: Final = "ca"

# What is published
CONF_QOS: Final = "qos"
CONF_RAW_QOS: Final = "raw_qos"
CONF_RETAIN: Final = "retain"
CONF_HEARTBEAT: Final = "heartbeat_interval"
CONF_LISTS_AS_TEXT: Final = "lists_as_text"
CONF_RAW_MESSAGES: Final = "raw_messages"
CONF_RAW_FORMAT: Final = "raw_format"
CONF_LEGACY_KEYS: Final = "legacy_keys"

# While the broker is away
CONF_KEEP: Final = "keep"
CONF_MAX_VALUES: Final = "max_values"
CONF_MAX_RAW: Final = "max_raw"
CONF_MAX_RAW_SIZE: Final = "max_raw_size"
CONF_RAW_ON_DISK: Final = "raw_on_disk"

# Commands
CONF_MAX_COMMAND_AGE: Final = "max_command_age"
CONF_FOLLOW_SCHEDULES: Final = "follow_schedules"

# For another Home Assistant
CONF_DISCOVERY_PREFIX: Final = "discovery_prefix"
DEFAULT_DISCOVERY_PREFIX: Final = "homeassistant"

MIB: Final = 1024 * 1024

MAX_PORT: Final = 65_535
# What forms and stored settings can have: numbers, by name, from and to.
LIMITS: Final = {
    CONF_PORT: (1, MAX_PORT),
    CONF_QOS: (0, 2),
    CONF_RAW_QOS: (0, 2),
    CONF_HEARTBEAT: (1, 3600),
    CONF_MAX_VALUES: (1, 1_000_000),
    CONF_MAX_RAW: (1, 1_000_000),
    CONF_MAX_RAW_SIZE: (1, 256),
    CONF_MAX_COMMAND_AGE: (0, 86_400),
}


class MirrorConnection(StrEnum):
    """Whose broker it is."""

    HOME_ASSISTANT = "home_assistant"
    OWN = "own"


class RawFormat(StrEnum):
    """How raw messages are written: by BEMCom's Python connectors, or by Node-RED ones."""

    NESTED = "nested"
    FLAT = "flat"


class Keep(StrEnum):
    """Which values wait for the broker."""

    NEWEST = "newest"
    ALL = "all"


_PRESET = MirrorOptions(connector_name="", version="")

DEFAULTS: Final[Mapping[str, Any]] = {
    CONF_HOST: "",
    CONF_PORT: DEFAULT_PORT,
    CONF_USERNAME: "",
    CONF_PASSWORD: "",
    CONF_TLS: False,
    CONF_VERIFY_SSL: True,
    CONF_CA: "",
    CONF_CERTIFICATE: "",
    CONF_KEY_FILE: "",
    CONF_QOS: _PRESET.qos,
    CONF_RAW_QOS: _PRESET.raw_qos,
    CONF_RETAIN: _PRESET.retain,
    CONF_HEARTBEAT: HEARTBEAT_INTERVAL,
    CONF_LISTS_AS_TEXT: _PRESET.lists_as_text,
    CONF_RAW_MESSAGES: _PRESET.raw_messages,
    CONF_RAW_FORMAT: RawFormat.NESTED.value,
    CONF_LEGACY_KEYS: True,
    CONF_KEEP: Keep.NEWEST.value,
    CONF_MAX_VALUES: _PRESET.max_values,
    CONF_MAX_RAW: _PRESET.max_raw,
    CONF_MAX_RAW_SIZE: _PRESET.max_raw_bytes // MIB,
    CONF_RAW_ON_DISK: False,
    CONF_MAX_COMMAND_AGE: 0.0,
    CONF_FOLLOW_SCHEDULES: _PRESET.follow_schedules,
    CONF_DISCOVERY: False,
    CONF_DISCOVERY_PREFIX: DEFAULT_DISCOVERY_PREFIX,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class HubMirrorOptions:
    """All that the mirror of a hub is told."""

    mirror: MirrorOptions
    # None: the connection that Home Assistant's MQTT integration has.
    broker: BrokerOptions | None
    # Raw messages wait for the broker over a restart too.
    raw_on_disk: bool = False
    # An OCPP hub has the keys of BEMCom's OCPP connector too.
    legacy_keys: bool = False
    # Empty: nothing is published for another Home Assistant.
    discovery_prefix: str = ""


def mirror_options(
    entry_data: Mapping[str, Any], entry_options: Mapping[str, Any], version: str
) -> HubMirrorOptions | None:
    """Return what an entry says of its mirror; None: there is none.

    What is missing or cannot be is as by default; a connector name that MQTT cannot have
    is an OptionsError.
    """
    given = entry_options.get(CONF_MIRROR)
    stored: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    connection = stored.get(CONF_CONNECTION)
    if connection not in tuple(MirrorConnection):
        return None
    settings = known_settings(stored)
    name = checked_name(entry_data[CONF_CONNECTOR_NAME])
    is_own = connection == MirrorConnection.OWN
    prefix = settings[CONF_DISCOVERY_PREFIX]
    announces = is_own and settings[CONF_DISCOVERY]
    if topic_fault(prefix) is not None or is_among_topics(prefix, name):
        announces = False
    is_ocpp = entry_data.get(CONF_HUB_KIND) == HUB_OCPP
    return HubMirrorOptions(
        mirror=_mirror(settings, name, version),
        broker=broker_options(settings) if is_own else None,
        raw_on_disk=settings[CONF_RAW_MESSAGES] and settings[CONF_RAW_ON_DISK],
        legacy_keys=is_ocpp and settings[CONF_LEGACY_KEYS],
        discovery_prefix=prefix if announces else "",
    )


def known_settings(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return all settings but the connection, each of its type and within its limits."""
    return {
        name: _converted(name, stored.get(name), default)
        for name, default in DEFAULTS.items()
    }


def is_among_topics(prefix: str, connector_name: str) -> bool:
    """Tell whether what is announced would be among the topics of the connector.

    An announcement is taken back by an empty message, which breaks a BEMCom stack there.
    """
    return Topics(connector_name).is_below(f"{prefix}/")


def broker_options(settings: Mapping[str, Any]) -> BrokerOptions:
    """Return the user's own broker; `settings` are known ones."""
    tls = None
    if settings[CONF_TLS]:
        tls = BrokerTls(
            ca=settings[CONF_CA],
            certificate=settings[CONF_CERTIFICATE],
            key=settings[CONF_KEY_FILE],
            verify=settings[CONF_VERIFY_SSL],
        )
    return BrokerOptions(
        host=settings[CONF_HOST],
        port=settings[CONF_PORT],
        user=settings[CONF_USERNAME],
        password=settings[CONF_PASSWORD],
        tls=tls,
    )


def _mirror(settings: Mapping[str, Any], name: str, version: str) -> MirrorOptions:
    """Return what the mirror itself is told."""
    return MirrorOptions(
        connector_name=name,
        version=version,
        heartbeat_interval=settings[CONF_HEARTBEAT],
        qos=settings[CONF_QOS],
        raw_qos=settings[CONF_RAW_QOS],
        retain=settings[CONF_RETAIN],
        raw_messages=settings[CONF_RAW_MESSAGES],
        raw_flat=settings[CONF_RAW_FORMAT] == RawFormat.FLAT,
        lists_as_text=settings[CONF_LISTS_AS_TEXT],
        keep_all=settings[CONF_KEEP] == Keep.ALL,
        max_values=settings[CONF_MAX_VALUES],
        max_raw=settings[CONF_MAX_RAW],
        max_raw_bytes=settings[CONF_MAX_RAW_SIZE] * MIB,
        max_command_age=settings[CONF_MAX_COMMAND_AGE] or None,
        follow_schedules=settings[CONF_FOLLOW_SCHEDULES],
    )


def _converted(name: str, value: Any, default: Any) -> Any:
    """Return a setting as it must be: forms give floats for numbers, and texts for choices."""
    if isinstance(default, bool):
        return value if isinstance(value, bool) else default
    if isinstance(default, str):
        return value if isinstance(value, str) else default
    try:
        number = float(value)
    except TypeError, ValueError, OverflowError:
        return default
    if math.isnan(number):
        return default
    low, high = LIMITS[name]
    return type(default)(min(max(number, low), high))
