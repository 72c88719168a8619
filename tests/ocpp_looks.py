"""All that an OCPP hub shows by names of ours, and how."""

from custom_components.bemcom_connectors import event, ocpp_actuator_looks, update
from custom_components.bemcom_connectors.descriptions import DatapointDescription
from custom_components.bemcom_connectors.ocpp.measurands import NAMES
from custom_components.bemcom_connectors.ocpp_descriptions import (
    CHARGE_POINT,
    CONNECTOR,
    describe_ocpp,
)
from homeassistant.const import Platform


def looks_of(key: str) -> DatapointDescription:
    """Return how a datapoint looks that is known by name."""
    device_id = "__".join(key.split("__")[:2])
    found = describe_ocpp(key, device_id)
    assert found is not None, key
    return found


OF_CHARGE_POINT = [looks_of(f"CP__0__{it}") for it in CHARGE_POINT]
OF_CONNECTOR = [looks_of(f"CP__1__{it}") for it in CONNECTOR]
MEASURED = [looks_of(f"CP__1__{it}") for it in NAMES.values()]
LOOKS = [*OF_CHARGE_POINT, *OF_CONNECTOR, *MEASURED]
ACTUATOR_LOOKS = [
    *ocpp_actuator_looks.CHARGE_POINT.values(),
    *ocpp_actuator_looks.CONNECTOR.values(),
]


def keys_of(platform: str) -> set[str]:
    """Return the translation keys of an OCPP hub's entities."""
    keys = {str(it.translation_key) for it in LOOKS if it.platform == platform}
    keys |= {it.translation_key for it in ACTUATOR_LOOKS if it.kind.value == platform}
    if platform == Platform.EVENT:
        keys |= {it.key for it in event.OCPP_EVENTS}
    if platform == Platform.UPDATE:
        keys.add(update.FIRMWARE.key)
    return keys
