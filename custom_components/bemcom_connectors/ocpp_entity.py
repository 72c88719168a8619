"""Base entity of what a charge point has beside datapoints."""

from collections.abc import Callable, Iterable
from typing import Any, override

from homeassistant.core import callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import BemcomConfigEntry, ConnectorCoordinator
from .entity import DeviceEntity
from .ocpp.model import split_device_id
from .ocpp_hub import OcppHub


class OcppEntity(DeviceEntity):
    """Something of a charge point or connector that tells what happens."""

    device_id: str

    def __init__(
        self,
        coordinator: ConnectorCoordinator,
        ocpp: OcppHub,
        device_id: str,
        kind: str,
    ) -> None:
        """Follow what happens of a kind at a device; the kind names the entity too."""
        super().__init__(coordinator, device_id)
        self.ocpp = ocpp
        self.charge_point_id, _ = split_device_id(device_id)
        self._kind = kind
        entry_id = coordinator.config_entry.entry_id
        self._attr_translation_key = kind
        self._attr_unique_id = f"{entry_id}_ocpp_{device_id}_{kind}"

    @override
    async def async_added_to_hass(self) -> None:
        """Follow what happens."""
        await super().async_added_to_hass()
        self.async_on_remove(
            self.ocpp.async_subscribe(self.device_id, self._kind, self._happened)
        )

    @callback
    def _happened(self, event_type: str, attributes: dict[str, Any]) -> None:
        """Show what happened."""
        raise NotImplementedError


@callback
def async_add_ocpp_entities(
    entry: BemcomConfigEntry,
    make: Callable[[ConnectorCoordinator, OcppHub, str, bool], Iterable[OcppEntity]],
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add what `make` returns for each device of an OCPP hub: those there are, and new ones.

    It is told whether the device is a connector.
    """
    coordinator = entry.runtime_data
    if (ocpp := coordinator.ocpp) is None:
        return

    @callback
    def add(device_ids: list[str]) -> None:
        for device_id in device_ids:
            if (subentry_id := ocpp.subentry_id(device_id)) is None:
                continue  # its charge point was removed meanwhile
            is_connector = split_device_id(device_id)[1] != 0
            async_add_entities(
                make(coordinator, ocpp, device_id, is_connector),
                config_subentry_id=subentry_id,
            )

    ocpp.async_add_devices(add)
