"""Base entities of the BEMCom connectors."""

from collections.abc import Callable
from typing import override

from homeassistant.const import Platform
from homeassistant.core import callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .coordinator import BemcomConfigEntry, ConnectorCoordinator
from .datapoint_catalog import datapoint_unique_id
from .descriptions import DatapointDescription, NativeValue, native_value
from .device_info import device_info


class HubEntity(CoordinatorEntity[ConnectorCoordinator]):
    """Something of the hub itself."""

    _attr_has_entity_name = True

    def __init__(self, coordinator: ConnectorCoordinator, key: str) -> None:
        """Name the entity by its translation."""
        super().__init__(coordinator)
        entry = coordinator.config_entry
        self._attr_translation_key = key
        self._attr_unique_id = f"{entry.entry_id}_hub_{key}"
        self._attr_device_info = device_info(coordinator.hass, entry, None)

    @property
    @override
    def available(self) -> bool:
        """Stay available while the link is down: that is when it is needed."""
        return True


class DatapointEntity(CoordinatorEntity[ConnectorCoordinator]):
    """A datapoint of a device."""

    _attr_has_entity_name = True
    # Known the moment it is added, as a message brought it.
    datapoint: DatapointDescription

    def __init__(
        self, coordinator: ConnectorCoordinator, datapoint: DatapointDescription
    ) -> None:
        """Show `datapoint` the way its description says."""
        super().__init__(coordinator)
        entry = coordinator.config_entry
        self.datapoint = datapoint
        self._attr_name = datapoint.name
        self._attr_unique_id = datapoint_unique_id(entry, datapoint.key)
        self._attr_device_info = device_info(
            coordinator.hass, entry, datapoint.device_id
        )
        self._attr_entity_category = datapoint.entity_category
        self._attr_entity_registry_enabled_default = datapoint.enabled_default
        self._attr_force_update = coordinator.reports_all(datapoint.key)
        self._attr_entity_registry_visible_default = not coordinator.is_hidden(
            datapoint.key
        )

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the datapoint."""
        await super().async_added_to_hass()
        self.async_on_remove(
            self.coordinator.async_subscribe(self.datapoint.key, self._handle_value)
        )
        self._update_value()

    @callback
    def _handle_value(self) -> None:
        """Show a new value; unknown, if Home Assistant cannot show it."""
        self._update_value()
        try:
            self.async_write_ha_state()
        except Exception:
            # Such as zero in a unit that the user chose and that divides by it. What was
            # shown before is no longer true.
            self._show(None)
            self.async_write_ha_state()
            raise

    @callback
    def _update_value(self) -> None:
        """Take over the datapoint's latest value."""
        value = self.coordinator.data.get(self.datapoint.key)
        self._show(native_value(self.datapoint, value))

    @callback
    def _show(self, value: NativeValue) -> None:
        """Show a value as this platform does; None: unknown."""
        raise NotImplementedError


@callback
def async_add_datapoints(
    entry: BemcomConfigEntry,
    platform: Platform,
    entity_class: Callable[
        [ConnectorCoordinator, DatapointDescription], DatapointEntity
    ],
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add an entity for each datapoint of a platform: those there are, and new ones."""
    coordinator = entry.runtime_data

    @callback
    def add(datapoints: list[DatapointDescription]) -> None:
        async_add_entities(
            entity_class(coordinator, datapoint) for datapoint in datapoints
        )

    coordinator.async_add_platform(platform, add)
