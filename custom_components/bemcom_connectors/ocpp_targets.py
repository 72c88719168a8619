"""Which charge point or connector an action is for."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ServiceValidationError

from .const import DOMAIN
from .coordinator import BemcomConfigEntry
from .ocpp.charge_point import ChargePoint
from .ocpp.model import device_id_of, split_device_id
from .ocpp_hub import OcppHub
from .targets import ATTR_DEVICE_ID, device_on_link, hub_entry

ATTR_CONNECTOR_ID = "connector_id"


class ChargePointTarget(NamedTuple):
    """A charge point of a hub, or one of its connectors; connector 0: the whole of it."""

    entry: BemcomConfigEntry
    hub: OcppHub
    charge_point_id: str
    connector_id: int

    @property
    def charge_point(self) -> ChargePoint:
        """Return the charge point as the central system knows it."""
        return self.hub.charge_point(self.charge_point_id)

    @property
    def name(self) -> str:
        """Return what the user calls the charge point."""
        return self.hub.title_of(self.charge_point_id)

    @property
    def one_connector(self) -> int:
        """Return the connector that is meant: the only one, if none was named.

        Raises a translated error where there are several.
        """
        if self.connector_id:
            return self.connector_id
        if len(known := self.charge_point.connector_ids) != 1:
            raise ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="connector_needed",
                translation_placeholders={
                    "name": self.name,
                    "connectors": ", ".join(map(str, known)) or "-",
                },
            )
        return known[0]


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
    connector_id: int | None = data.get(ATTR_CONNECTOR_ID)
    if hub.subentry_id(device_id_of(said)) is not None:
        return ChargePointTarget(entry, hub, said, connector_id or 0)
    device_id = device_on_link(hass, entry, said)
    if device_id is None or hub.subentry_id(device_id) is None:
        raise _not_a_charge_point(said)
    target = ChargePointTarget(entry, hub, *split_device_id(device_id))
    if connector_id is None:
        return target
    if target.connector_id not in {0, connector_id}:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="connector_twice",
            translation_placeholders={
                "device": str(target.connector_id),
                "connector": str(connector_id),
            },
        )
    return target._replace(connector_id=connector_id)


def _not_a_charge_point(said: str) -> ServiceValidationError:
    """Return the error of a device that is something else."""
    return ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key="not_a_charge_point",
        translation_placeholders={"device": f"{said:.100}"},
    )
