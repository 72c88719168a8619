"""Names of the datapoints of an OCPP hub, beside those of measurands.

A key on the hub is `<charge point>__<connector>__<name>`; connector 0 is the charge point
itself, as in OCPP.
"""

from functools import lru_cache
import re
from typing import Final

# Of both
STATUS: Final = "status"
ERROR_CODE: Final = "error_code"
VENDOR_ERROR_CODE: Final = "vendor_error_code"
ERROR_INFO: Final = "error_info"
VENDOR_ID: Final = "vendor_id"
PROBLEM: Final = "problem"
ID_TAG: Final = "id_tag"
# Whether it is in service.
OPERATIVE: Final = "operative"
# In A.
CHARGING_LIMIT: Final = "charging_limit"

# Of a charge point
CONNECTED: Final = "connected"
LAST_SEEN: Final = "last_seen"
LAST_BOOT: Final = "last_boot"
FIRMWARE_STATUS: Final = "firmware_status"
DIAGNOSTICS_STATUS: Final = "diagnostics_status"

# Of a connector
PLUGGED_IN: Final = "plugged_in"
CHARGING: Final = "charging"
# Whether a transaction runs, be there a current or not.
IN_SESSION: Final = "in_session"
# The limit of the charging profiles now, in A, and when there will be another one.
PLANNED_LIMIT: Final = "planned_limit"
NEXT_LIMIT_CHANGE: Final = "next_limit_change"
SESSION_ENERGY: Final = "session_energy"
SESSION_DURATION: Final = "session_duration"
SESSION_START: Final = "session_start"
STOP_REASON: Final = "stop_reason"
TRANSACTION_ID: Final = "transaction_id"
TOTAL_ENERGY: Final = "total_energy"

_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@lru_cache(maxsize=256)
def state_name(value: str) -> str:
    """Return one of OCPP's words as Home Assistant writes states: SuspendedEVSE, suspended_evse."""
    return _WORDS.sub("_", value).lower()
