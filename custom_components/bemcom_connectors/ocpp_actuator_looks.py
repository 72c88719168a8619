"""How what can be set on charge points looks in Home Assistant: the one table of it."""

from dataclasses import dataclass

from homeassistant.components.button.const import ButtonDeviceClass
from homeassistant.components.number.const import NumberDeviceClass
from homeassistant.const import EntityCategory

from .connector.actuators import Actuator, ActuatorKind
from .connector.devices import own_key
from .ocpp.model import split_device_id

_CONFIG = EntityCategory.CONFIG


@dataclass(frozen=True, slots=True, kw_only=True)
class ActuatorLooks:
    """How an actuator looks; its name is that of its translation."""

    key: str
    kind: ActuatorKind
    translation_key: str
    device_class: NumberDeviceClass | ButtonDeviceClass | None = None
    entity_category: EntityCategory | None = None
    enabled_default: bool = True


_AVAILABILITY = ActuatorLooks(
    key="availability",
    kind=ActuatorKind.SWITCH,
    translation_key="availability",
    entity_category=_CONFIG,
)
_LIMIT = ActuatorLooks(
    key="charging_limit",
    kind=ActuatorKind.NUMBER,
    translation_key="charging_limit",
    device_class=NumberDeviceClass.CURRENT,
)
CHARGE_POINT = {
    it.key: it
    for it in (
        _AVAILABILITY,
        ActuatorLooks(
            key="charging_limit",
            kind=ActuatorKind.NUMBER,
            translation_key="station_limit",
            device_class=NumberDeviceClass.CURRENT,
            entity_category=_CONFIG,
        ),
        ActuatorLooks(
            key="reset_soft",
            kind=ActuatorKind.BUTTON,
            translation_key="reset_soft",
            device_class=ButtonDeviceClass.RESTART,
            entity_category=_CONFIG,
        ),
        ActuatorLooks(
            key="reset_hard",
            kind=ActuatorKind.BUTTON,
            translation_key="reset_hard",
            device_class=ButtonDeviceClass.RESTART,
            entity_category=_CONFIG,
        ),
        ActuatorLooks(
            key="refresh",
            kind=ActuatorKind.BUTTON,
            translation_key="refresh",
            entity_category=EntityCategory.DIAGNOSTIC,
        ),
    )
}
CONNECTOR = {
    it.key: it
    for it in (
        ActuatorLooks(
            key="charge_control",
            kind=ActuatorKind.SWITCH,
            translation_key="charge_control",
        ),
        _LIMIT,
        _AVAILABILITY,
        ActuatorLooks(
            key="unlock",
            kind=ActuatorKind.BUTTON,
            translation_key="unlock",
            entity_category=_CONFIG,
        ),
    )
}


def ocpp_actuator_looks(actuator: Actuator) -> ActuatorLooks | None:
    """Return how something that can be set on a charge point looks, if we know it."""
    if (device_id := actuator.device_id) is None:
        return None
    own = CONNECTOR if split_device_id(device_id)[1] else CHARGE_POINT
    looks = own.get(own_key(actuator.key, device_id))
    return looks if looks is not None and looks.kind is actuator.kind else None
