"""What charge points of some vendors need, as adjustments that have names."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
import re
from typing import Any, NamedTuple

from .model import Identity


class Quirk(StrEnum):
    """An adjustment that a user can choose, and that some charge points need."""

    # Ask for the few measurands that are known to be safe, and never read them back.
    SAFE_MEASURANDS = "safe_measurands"
    # Ask for measurands phase by phase, and for nine at most.
    PHASE_MEASURANDS = "phase_measurands"
    # Leave the list of measurands as the charge point has it.
    KEEP_MEASURANDS = "keep_measurands"
    # Never name a configuration key that the charge point did not list itself.
    LISTED_KEYS_ONLY = "listed_keys_only"
    # Read one configuration key at a time.
    ONE_KEY_AT_A_TIME = "one_key_at_a_time"
    # Never read the configuration.
    UNREAD_CONFIGURATION = "unread_configuration"
    # Leave it in peace after it started, and pause between calls.
    GENTLE_START = "gentle_start"
    # Give it twice as long to answer.
    SLOW_ANSWERS = "slow_answers"
    # Set the heartbeat interval to another value after each start.
    RESET_HEARTBEAT = "reset_heartbeat"
    # Never ask it to send a message.
    NO_TRIGGERS = "no_triggers"
    # Ask for meter values when it sends none by itself.
    POLL_METER_VALUES = "poll_meter_values"
    # Serve it although it offers no subprotocol.
    NO_SUBPROTOCOL = "no_subprotocol"
    # Ignore the status of the charge point as a whole, it says nothing of the connectors.
    IGNORE_CHARGE_POINT_STATUS = "ignore_charge_point_status"
    # It answers no pings: only long silence means that the connection is lost.
    NO_PONG = "no_pong"
    # Ignore transactions that were not started here, their ids are made up.
    IGNORE_FOREIGN_TRANSACTIONS = "ignore_foreign_transactions"
    # It spoils id tags of more than 16 characters.
    SHORT_ID_TAGS = "short_id_tags"
    # Codes such as 0x0000 mean that there is no error.
    BLANK_ERROR_CODES = "blank_error_codes"
    # Ignore that it tells of each change of its clock.
    MUTE_TIME_EVENTS = "mute_time_events"
    # Its power is limited in watts only.
    WATTS_ONLY = "watts_only"
    # Its power is limited in amperes only.
    AMPERES_ONLY = "amperes_only"
    # It takes limits at stack level 0 only.
    STACK_LEVEL_ZERO = "stack_level_zero"
    # It ignores or refuses a limit for the whole charge point.
    NO_MAX_PROFILE = "no_max_profile"
    # It ends the session at a limit below the smallest current.
    NO_ZERO_LIMIT = "no_zero_limit"
    # It can be limited although it does not say so.
    ASSUME_SMART_CHARGING = "assume_smart_charging"
    # A remote start needs the id tag of its plug and charge setting.
    PLUG_AND_CHARGE_TAG = "plug_and_charge_tag"


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustments:
    """What is done differently for a charge point; times in seconds, 0: as usual."""

    # What may be asked for, the most important first; None: anything.
    measurands: tuple[str, ...] | None = None
    # So many at most; 0: as many as it takes.
    max_measurands: int = 0
    choose_measurands: bool = True
    # Keys that are never read.
    skip_keys: frozenset[str] = frozenset()
    listed_keys_only: bool = False
    one_key_at_a_time: bool = False
    read_configuration: bool = True
    # Time in peace after a start, and between calls of the start-up sequence.
    boot_delay: float = 2.0
    call_pause: float = 0.0
    # How many times as long as usual it has to answer.
    patience: float = 1.0
    reset_heartbeat: bool = False
    triggers: bool = True
    # Meter values are asked for when none came for so long.
    poll_meter_values: float = 0.0
    serve_without_subprotocol: bool = False
    ignore_status_of_charge_point: bool = False
    # The connection is lost after so much silence.
    silence_limit: float = 0.0
    adopt_transactions: bool = True
    id_tag_length: int = 20
    # Texts in vendorErrorCode and info, in lower case, that say nothing.
    blank_texts: frozenset[str] = frozenset()
    # Types of security events nobody wants to hear of.
    muted_events: frozenset[str] = frozenset()
    watts_only: bool = False
    amperes_only: bool = False
    max_stack_level_zero: bool = False
    use_max_profile: bool = True
    allow_zero_limit: bool = True
    assume_smart_charging: bool = False
    plug_and_charge_tag: bool = False


_SAFE_MEASURANDS = (
    "Energy.Active.Import.Register",
    "Power.Active.Import",
    "Current.Import",
    "Voltage",
    "Current.Offered",
)
_PHASE_MEASURANDS = (
    "Energy.Active.Import.Register",
    "Power.Active.Import",
    *(f"Current.Import.L{phase}" for phase in (1, 2, 3)),
    *(f"Voltage.L{phase}-N" for phase in (1, 2, 3)),
    "Current.Offered",
)

# What each means; of those that contradict each other, the last counts.
_MEANINGS: Mapping[Quirk, Mapping[str, Any]] = {
    Quirk.PHASE_MEASURANDS: {"measurands": _PHASE_MEASURANDS, "max_measurands": 9},
    Quirk.SAFE_MEASURANDS: {
        "measurands": _SAFE_MEASURANDS,
        "max_measurands": 0,
        "skip_keys": frozenset({"MeterValuesSampledData"}),
    },
    Quirk.KEEP_MEASURANDS: {"choose_measurands": False},
    Quirk.LISTED_KEYS_ONLY: {"listed_keys_only": True},
    Quirk.ONE_KEY_AT_A_TIME: {"one_key_at_a_time": True},
    Quirk.UNREAD_CONFIGURATION: {"read_configuration": False},
    Quirk.GENTLE_START: {"boot_delay": 15.0, "call_pause": 2.0},
    Quirk.SLOW_ANSWERS: {"patience": 2.0},
    Quirk.RESET_HEARTBEAT: {"reset_heartbeat": True},
    Quirk.NO_TRIGGERS: {"triggers": False},
    Quirk.POLL_METER_VALUES: {"poll_meter_values": 60.0},
    Quirk.NO_SUBPROTOCOL: {"serve_without_subprotocol": True},
    Quirk.IGNORE_CHARGE_POINT_STATUS: {"ignore_status_of_charge_point": True},
    Quirk.NO_PONG: {"silence_limit": 1800.0},
    Quirk.IGNORE_FOREIGN_TRANSACTIONS: {"adopt_transactions": False},
    Quirk.SHORT_ID_TAGS: {"id_tag_length": 16},
    Quirk.BLANK_ERROR_CODES: {
        "blank_texts": frozenset({"0", "0x0", "0x00", "0x0000", "null"})
    },
    Quirk.MUTE_TIME_EVENTS: {"muted_events": frozenset({"SettingSystemTime"})},
    Quirk.WATTS_ONLY: {"watts_only": True},
    Quirk.AMPERES_ONLY: {"amperes_only": True},
    Quirk.STACK_LEVEL_ZERO: {"max_stack_level_zero": True},
    Quirk.NO_MAX_PROFILE: {"use_max_profile": False},
    Quirk.NO_ZERO_LIMIT: {"allow_zero_limit": False},
    Quirk.ASSUME_SMART_CHARGING: {"assume_smart_charging": True},
    Quirk.PLUG_AND_CHARGE_TAG: {"plug_and_charge_tag": True},
}


class _Row(NamedTuple):
    """Which charge points need what; a pattern is searched for, without regard to case."""

    vendor: str
    quirks: frozenset[Quirk]
    model: str = ""
    firmware: str = ""
    # Of charge points that say nothing of themselves, as their ids are serial numbers.
    known_id: str = ""


def _row(
    vendor: str, *quirks: Quirk, model: str = "", firmware: str = "", known_id: str = ""
) -> _Row:
    """Return a row of the table."""
    return _Row(vendor, frozenset(quirks), model, firmware, known_id)


# A model may stand where the vendor belongs, and the other way round: `vendor` is searched
# for in both. A firmware that is not said counts as one that needs it.
_TABLE = (
    # Its maker calls itself Chargedot in older firmware.
    _row(
        r"^abb\b|^chargedot",
        Quirk.SAFE_MEASURANDS,
        model=r"tac|terra ?ac|^$",
        firmware=r"^$|(^|v)(0\.\d+|1\.[0-7](\.\d+)?|1\.8(\.1?\d|\.2[01])?)\b(?!\.)",
        known_id=r"^tacw?\d",
    ),
    _row(
        r"^abb\b|^chargedot",
        Quirk.STACK_LEVEL_ZERO,
        Quirk.BLANK_ERROR_CODES,
        Quirk.MUTE_TIME_EVENTS,
        model=r"tac|terra ?ac|^$",
        known_id=r"^tacw?\d",
    ),
    _row(
        r"\balfen\b",
        Quirk.PHASE_MEASURANDS,
        Quirk.IGNORE_CHARGE_POINT_STATUS,
        Quirk.IGNORE_FOREIGN_TRANSACTIONS,
        Quirk.PLUG_AND_CHARGE_TAG,
        known_id=r"^(ace|alf)[_-]?\d",
    ),
    _row(r"\bbeny\b|\bzj-?beny\b", Quirk.GENTLE_START, Quirk.SLOW_ANSWERS),
    _row(r"\bbs ?ac\b|\bbs-ev\d|^ocular", Quirk.SHORT_ID_TAGS),
    _row(
        r"\bev-?box\b", Quirk.ONE_KEY_AT_A_TIME, Quirk.NO_MAX_PROFILE, known_id=r"^evb-"
    ),
    _row(r"^en\+|\ben\+|^enplus", Quirk.NO_PONG, Quirk.NO_ZERO_LIMIT),
    _row(r"\bev ?duty\b|^elmec", Quirk.NO_PONG),
    _row(r"\be-?penguin\b", Quirk.IGNORE_CHARGE_POINT_STATUS),
    _row(r"\bgo-?e\b", Quirk.AMPERES_ONLY),
    _row(
        r"united ?chargers|grizzl-?e",
        Quirk.LISTED_KEYS_ONLY,
        firmware=r"^$|^v?0?5\b",
    ),
    _row(
        r"united ?chargers|grizzl-?e",
        Quirk.NO_MAX_PROFILE,
        Quirk.IGNORE_CHARGE_POINT_STATUS,
        firmware=r"^v?0?3\b",
    ),
    # Says no vendor, but only this.
    _row(
        r"huawei|scharger|fusioncharge|^acchargepoint$",
        Quirk.WATTS_ONLY,
        Quirk.NO_ZERO_LIMIT,
    ),
    _row(r"\bne-?charge\b", Quirk.NO_ZERO_LIMIT),
    _row(r"\bmorek\b", Quirk.POLL_METER_VALUES),
    _row(r"star ?charge|wanbang|\baurora\b", Quirk.GENTLE_START),
    _row(r"\bsungrow\b", Quirk.POLL_METER_VALUES),
    _row(
        r"\bsync ?ev\b|\bbcht\b",
        Quirk.GENTLE_START,
        Quirk.RESET_HEARTBEAT,
        Quirk.POLL_METER_VALUES,
        Quirk.ASSUME_SMART_CHARGING,
    ),
    _row(
        r"\bwall ?box\b",
        Quirk.IGNORE_FOREIGN_TRANSACTIONS,
        Quirk.NO_MAX_PROFILE,
        Quirk.STACK_LEVEL_ZERO,
        model=r"pulsar|copper|^(pl|cp|pub|cmx)|^$",
    ),
)


def quirks_of(identity: Identity, charge_point_id: str = "") -> frozenset[Quirk]:
    """Return what a charge point needs, by what it says of itself, or else by its id."""
    return frozenset().union(
        *(row.quirks for row in _TABLE if _concerns(row, identity, charge_point_id))
    )


def _concerns(row: _Row, identity: Identity, charge_point_id: str) -> bool:
    """Tell whether a row of the table is about a charge point."""
    if not identity.vendor and not identity.model:
        return bool(row.known_id) and _finds(row.known_id, charge_point_id)
    return (
        (_finds(row.vendor, identity.vendor) or _finds(row.vendor, identity.model))
        and _finds(row.model, identity.model)
        and _finds(row.firmware, identity.firmware_version)
    )


def _finds(pattern: str, text: str) -> bool:
    """Tell whether a pattern is somewhere in a text, which may be hostile and long."""
    return re.search(pattern, text[:100].strip(), re.IGNORECASE) is not None


def adjustments(quirks: Iterable[str]) -> Adjustments:
    """Return what quirks mean together; names of none are left out."""
    names = set(quirks)
    result = Adjustments()
    for quirk, meaning in _MEANINGS.items():
        if quirk in names:
            result = replace(result, **meaning)
    return result
