"""The configuration keys of the simulated wallbox."""

from collections.abc import Iterable
from typing import Any

MEASURANDS = (
    "Energy.Active.Import.Register",
    "Power.Active.Import",
    "Current.Import",
    "Voltage",
    "Current.Offered",
    "Power.Offered",
    "SoC",
    "Temperature",
    "Frequency",
)

_SAMPLED = ",".join(MEASURANDS[:3])
_LISTS = {
    "MeterValuesSampledData",
    "MeterValuesAlignedData",
    "StopTxnSampledData",
    "StopTxnAlignedData",
}

# What can be written.
_DEFAULTS = {
    "AllowOfflineTxForUnknownId": "false",
    "AuthorizationCacheEnabled": "false",
    "AuthorizeRemoteTxRequests": "false",
    "ClockAlignedDataInterval": "0",
    "ConnectionTimeOut": "60",
    "HeartbeatInterval": "300",
    "LocalAuthorizeOffline": "true",
    "LocalPreAuthorize": "false",
    "MeterValuesAlignedData": MEASURANDS[0],
    "MeterValueSampleInterval": "60",
    "MeterValuesSampledData": _SAMPLED,
    "ResetRetries": "3",
    "StopTransactionOnEVSideDisconnect": "true",
    "StopTransactionOnInvalidId": "true",
    "StopTxnAlignedData": "",
    "StopTxnSampledData": MEASURANDS[0],
    "TransactionMessageAttempts": "3",
    "TransactionMessageRetryInterval": "10",
    "UnlockConnectorOnEVSideDisconnect": "true",
    "WebSocketPingInterval": "0",
}
# What can be read only.
_FIXED = {
    "ChargeProfileMaxStackLevel": "5",
    "ChargingScheduleAllowedChargingRateUnit": "Current,Power",
    "ChargingScheduleMaxPeriods": "24",
    "GetConfigurationMaxKeys": "60",
    "MaxChargingProfilesInstalled": "20",
    "MeterValuesSampledDataMaxLength": str(len(MEASURANDS)),
    "SupportedFeatureProfiles": "Core,SmartCharging,RemoteTrigger",
}


class Settings:
    """What the central system can read and write."""

    def __init__(self, connectors: int) -> None:
        """Hold what the factory set."""
        self.values = dict(_DEFAULTS)
        self.fixed = {**_FIXED, "NumberOfConnectors": str(connectors)}

    def number(self, key: str) -> int:
        """Return a number."""
        return int(self.values[key])

    def flag(self, key: str) -> bool:
        """Tell whether something is switched on."""
        return self.values[key] == "true"

    def items(self, key: str) -> list[str]:
        """Return a list."""
        return [item.strip() for item in self.values[key].split(",") if item.strip()]

    def read(self, keys: Iterable[str] | None) -> dict[str, Any]:
        """Return the answer to GetConfiguration; no keys: all of them."""
        known = {
            **{key: (value, False) for key, value in self.values.items()},
            **{key: (value, True) for key, value in self.fixed.items()},
        }
        asked = list(keys or ()) or sorted(known)
        answer: dict[str, Any] = {
            "configurationKey": [
                {"key": key, "readonly": known[key][1], "value": known[key][0]}
                for key in asked
                if key in known
            ]
        }
        if unknown := [key for key in asked if key not in known]:
            answer["unknownKey"] = unknown
        return answer

    def write(self, key: str, value: str) -> str:
        """Write a value if it makes sense, and return what ChangeConfiguration says."""
        if key in self.fixed:
            return "Rejected"
        if key not in self.values:
            return "NotSupported"
        if not self._takes(key, value):
            return "Rejected"
        self.values[key] = value
        return "Accepted"

    def _takes(self, key: str, value: str) -> bool:
        """Tell whether it is a value of the key's kind."""
        if key in _LISTS:
            return all(
                item.strip() in MEASURANDS for item in value.split(",") if item.strip()
            )
        if self.values[key] in ("true", "false"):
            return value in ("true", "false")
        return value.isascii() and value.isdigit() and int(value) <= 86_400
