"""Messages of charge points under the keys of BEMCom's OCPP connector (spec 4).

For stacks that know these keys already. They name neither the charge point nor, mostly, its
connector, so several of them overwrite each other, as they do there.
"""

from collections.abc import Mapping
import re

from ..connector.flatten import SEPARATOR
from ..connector.model import JsonValue, RawMessage

# OCPP's defaults.
_MEASURAND = "Energy.Active.Import.Register"
_UNITS = {"Energy": "Wh"}

_FIELDS = {
    "BootNotification": ("chargePointVendor", "chargePointModel"),
    "StatusNotification": ("connectorId", "errorCode", "status"),
}
_CAPITAL = re.compile("(?=[A-Z])")


def ocpp_datapoints(message: RawMessage) -> dict[str, JsonValue]:
    """Return the datapoints in a message as the OCPP hub tells it: action to payload."""
    if not isinstance(message.payload, dict):
        return {}
    found: dict[str, JsonValue] = {}
    for action, payload in message.payload.items():
        if action == "Heartbeat":
            found[action] = "alive"
        elif not isinstance(payload, dict):
            continue
        elif action == "MeterValues":
            found |= _meter_values(payload)
        else:
            found |= {
                f"{action}{SEPARATOR}{_CAPITAL.sub('_', name).lower()}": payload[name]
                for name in _FIELDS.get(action, ())
                if name in payload
            }
    return found


def _meter_values(payload: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return the samples of the last element, their values as the texts that they are."""
    elements = payload.get("meterValue")
    last = elements[-1] if isinstance(elements, list) and elements else None
    samples = last.get("sampledValue") if isinstance(last, dict) else None
    found: dict[str, JsonValue] = {}
    for sample in samples if isinstance(samples, list) else ():
        if isinstance(sample, dict) and "value" in sample:
            found[_key(sample)] = sample["value"]
    return found


def _key(sample: Mapping[str, JsonValue]) -> str:
    """Return measurand, phase and unit."""
    measurand = str(sample.get("measurand") or _MEASURAND)
    unit = sample.get("unit") or _UNITS.get(measurand.partition(".")[0])
    parts = (measurand, sample.get("phase"), unit)
    return SEPARATOR.join(str(it) for it in parts if it)
