"""Reading the configuration of a charge point as gently as it needs."""

from collections.abc import Sequence

from .calls import CallFailed, CallReason
from .configuration import MAX_KEYS_KEY, Caller, Configuration, is_refusal
from .quirks import Adjustments

# What must be known; a charge point that does not list it is asked for it by name.
_NEEDED = (
    "SupportedFeatureProfiles",
    "NumberOfConnectors",
    "MeterValuesSampledData",
    "MeterValueSampleInterval",
)
# What is asked for by name where not all keys can be read at once.
_NAMED = (
    MAX_KEYS_KEY,
    *_NEEDED,
    "MeterValuesSampledDataMaxLength",
    "ClockAlignedDataInterval",
    "HeartbeatInterval",
    "WebSocketPingInterval",
    "ChargeProfileMaxStackLevel",
    "ChargingScheduleAllowedChargingRateUnit",
    "ChargingScheduleMaxPeriods",
    "MaxChargingProfilesInstalled",
    "ConnectorSwitch3to1PhaseSupported",
    "AuthorizeRemoteTxRequests",
)


async def read_configuration(
    call: Caller,
    configuration: Configuration,
    adjustments: Adjustments,
    *,
    one_at_a_time: bool = False,
) -> None:
    """Read all keys, or those that matter by their names; raises CallFailed."""
    one_at_a_time |= adjustments.one_key_at_a_time
    if adjustments.skip_keys or one_at_a_time:
        await _read_named(call, configuration, adjustments, one_at_a_time)
        return
    try:
        await configuration.read(call)
    except CallFailed as err:
        if adjustments.listed_keys_only or not (
            is_refusal(err) or err.reason is CallReason.INVALID
        ):
            raise
        await _read_named(call, configuration, adjustments, one_at_a_time=False)
        return
    if adjustments.listed_keys_only:
        return
    if not configuration.keys:
        await _read_named(call, configuration, adjustments, one_at_a_time=False)
    elif missing := _not_known(_NEEDED, configuration):
        await _read_missing(call, configuration, missing)


async def _read_missing(
    call: Caller, configuration: Configuration, missing: Sequence[str]
) -> None:
    """Ask for keys that the charge point did not list, as some do not list all."""
    try:
        await configuration.read(call, missing)
    except CallFailed as err:
        if not (is_refusal(err) or err.reason is CallReason.INVALID):
            raise
    configuration.lacks(missing)


async def _read_named(
    call: Caller,
    configuration: Configuration,
    adjustments: Adjustments,
    one_at_a_time: bool,
) -> None:
    """Read the keys that matter by their names."""
    skipped = {key.lower() for key in adjustments.skip_keys}
    keys = [
        key
        for key in _NAMED
        if key.lower() not in skipped and not configuration.is_unknown(key)
    ]
    if not one_at_a_time:
        if MAX_KEYS_KEY in keys:
            # How many may be asked for at once must be known before.
            keys.remove(MAX_KEYS_KEY)
            await configuration.read(call, [MAX_KEYS_KEY])
        try:
            await configuration.read(call, keys)
        except CallFailed as err:
            if not is_refusal(err):
                raise
            one_at_a_time = True
            keys = _not_known(keys, configuration)
    if one_at_a_time:
        await configuration.read(call, keys, one_at_a_time=True)
    if configuration.keys:
        configuration.lacks([MAX_KEYS_KEY, *keys])


def _not_known(keys: Sequence[str], configuration: Configuration) -> list[str]:
    """Return the keys of which the charge point did not yet say anything."""
    return [
        key
        for key in keys
        if not configuration.key(key) and not configuration.is_unknown(key)
    ]
