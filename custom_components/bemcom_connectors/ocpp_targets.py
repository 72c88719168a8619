"""Which charge point or connector an action is for."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ServiceValidationError

from .const import DOMAIN
from .coordinator import BemcomConfigEntry
from .ocpp.model import device_id_of, split_device_id
from .ocpp_hub import OcppHub
from .targets import ATTR_DEVICE_ID, device_on_link, hub_entry


class ChargePointTarget(NamedTuple):
    """A charge point of a hub, or one of its connectors; connector 0: the whole of it."""

    entry: BemcomConfigEntry
    hub: OcppHub
    charge_point_id: str
    connector_id: int


@callback
def charge_point_target(
    hass: HomeAssistant, data: Mapping[str, Any]
) -> ChargePointTarget:
    """Return what an action is for: a device of Home Assistant's, or an id as OCPP has it."""
    said: str = data[ATTR_DEVICE_ID]
    entry = hub_entry(hass, data)
    hub = entry.runtime_data.ocpp
    if hub is None:
        raise _not_a_charge_point(said)
    if hub.subentry_id(device_id_of(said)) is not None:
        return ChargePointTarget(entry, hub, said, 0)
    device_id = device_on_link(hass, entry, said)
    if device_id is None or hub.subentry_id(device_id) is None:
        raise _not_a_charge_point(said)
    return ChargePointTarget(entry, hub, *split_device_id(device_id))


def _not_a_charge_point(said: str) -> ServiceValidationError:
    """Return the error of a device that is something else."""
    return ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key="not_a_charge_point",
        translation_placeholders={"device": f"{said:.100}"},
    )
