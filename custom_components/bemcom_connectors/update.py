"""Updates: the firmware of charge points."""

from collections.abc import Iterator
from typing import Any, override

from homeassistant.components.update import (
    UpdateDeviceClass,
    UpdateEntity,
    UpdateEntityDescription,
    UpdateEntityFeature,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import BemcomConfigEntry, ConnectorCoordinator
from .ocpp_entity import OcppEntity, async_add_ocpp_entities
from .ocpp_hub import OcppHub

# The hub pushes: nothing is ever polled.
PARALLEL_UPDATES = 0

FIRMWARE = UpdateEntityDescription(
    key="firmware",
    translation_key="firmware",
    device_class=UpdateDeviceClass.FIRMWARE,
)
# What a charge point says from the first byte until it runs what was installed.
IN_PROGRESS = {
    "downloading",
    "download_paused",
    "downloaded",
    "signature_verified",
    "installing",
    "install_rebooting",
}


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BemcomConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the firmware of charge points as they appear."""

    @callback
    def make(
        coordinator: ConnectorCoordinator,
        ocpp: OcppHub,
        device_id: str,
        is_connector: bool,
    ) -> Iterator[FirmwareUpdate]:
        if not is_connector:
            yield FirmwareUpdate(coordinator, ocpp, device_id)

    async_add_ocpp_entities(entry, make, async_add_entities)


class FirmwareUpdate(OcppEntity, UpdateEntity):
    """The firmware of a charge point; nobody tells which the latest one is."""

    entity_description = FIRMWARE
    _attr_supported_features = UpdateEntityFeature.PROGRESS

    def __init__(
        self, coordinator: ConnectorCoordinator, ocpp: OcppHub, device_id: str
    ) -> None:
        """Show the firmware that the charge point says it has."""
        super().__init__(coordinator, ocpp, device_id, FIRMWARE.key)
        self._take()

    @override
    async def async_added_to_hass(self) -> None:
        """Show what happened until now."""
        await super().async_added_to_hass()
        self._take()

    @override
    @callback
    def _happened(self, event_type: str, attributes: dict[str, Any]) -> None:
        """Show how an update goes on, or another version."""
        self._take()
        self.async_write_ha_state()

    @callback
    def _take(self) -> None:
        """Take the version and how an update goes on."""
        version = self.ocpp.identity(self.charge_point_id).firmware_version or None
        self._attr_installed_version = self._attr_latest_version = version
        status = self.ocpp.firmware(self.device_id).status
        self._attr_in_progress = status in IN_PROGRESS
