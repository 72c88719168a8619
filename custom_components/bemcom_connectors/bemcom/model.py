"""What a mirror is told."""

from dataclasses import dataclass

HEARTBEAT_INTERVAL = 30.0


@dataclass(frozen=True, kw_only=True, slots=True)
class MirrorOptions:
    """How a hub is mirrored; the name was checked (`topics.checked_name`)."""

    connector_name: str
    # What archived messages say sent them.
    version: str
    heartbeat_interval: float = HEARTBEAT_INTERVAL
    qos: int = 1
    raw_qos: int = 2
    # Values are retained, as a BEMCom stack expects it.
    retain: bool = True
    raw_messages: bool = False
    # As BEMCom's Node-RED connectors write raw messages.
    raw_flat: bool = False
    # Lists and objects as text, for an API that keeps a history: it loses them otherwise.
    lists_as_text: bool = False
    # While the broker is away: all values, or the newest of each topic.
    keep_all: bool = False
    max_values: int = 10_000
    max_raw: int = 10_000
    max_raw_bytes: int = 16 * 1024 * 1024
    max_payload: int = 1024 * 1024
    # Seconds; older commands are refused. None: however old.
    max_command_age: float | None = None
    follow_schedules: bool = False
