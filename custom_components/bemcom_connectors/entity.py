"""Base entities of the BEMCom connectors."""

from collections.abc import Callable
from typing import Any, override

from homeassistant.const import Platform
from homeassistant.core import callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .coordinator import BemcomConfigEntry, ConnectorCoordinator
from .datapoint_catalog import datapoint_unique_id
from .descriptions import DatapointDescription, NativeValue, native_value
from .device_info import device_info
from .ocpp_hub import AVAILABILITY
from .subentry_groups import by_subentry


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


class DeviceEntity(CoordinatorEntity[ConnectorCoordinator]):
    """Something of a device on the link; charge points come and go while the link is up."""

    _attr_has_entity_name = True

    def __init__(
        self, coordinator: ConnectorCoordinator, device_id: str | None
    ) -> None:
        """Belong to a device; None: the hub itself."""
        super().__init__(coordinator)
        self.device_id = device_id
        self._attr_device_info = device_info(
            coordinator.hass, coordinator.config_entry, device_id
        )

    @property
    @override
    def available(self) -> bool:
        """Return whether the device can be reached."""
        ocpp, device_id = self.coordinator.ocpp, self.device_id
        return super().available and (
            ocpp is None or device_id is None or ocpp.is_available(device_id)
        )

    @override
    async def async_added_to_hass(self) -> None:
        """Follow whether the device can be reached."""
        await super().async_added_to_hass()
        ocpp, device_id = self.coordinator.ocpp, self.device_id
        if ocpp is not None and device_id is not None:
            self.async_on_remove(
                ocpp.async_subscribe(device_id, AVAILABILITY, self._handle_availability)
            )

    @callback
    def _handle_availability(self, _event_type: str, _more: dict[str, Any]) -> None:
        """Show whether the device can be reached."""
        self.async_write_ha_state()


class DatapointEntity(DeviceEntity):
    """A datapoint of a device."""

    # Known the moment it is added, as a message brought it.
    datapoint: DatapointDescription

    def __init__(
        self, coordinator: ConnectorCoordinator, datapoint: DatapointDescription
    ) -> None:
        """Show `datapoint` the way its description says."""
        super().__init__(coordinator, datapoint.device_id)
        self.datapoint = datapoint
        self._take_name(datapoint)
        self._attr_unique_id = datapoint_unique_id(
            coordinator.config_entry, datapoint.key
        )
        self._attr_entity_category = datapoint.entity_category
        self._attr_entity_registry_enabled_default = datapoint.enabled_default
        self._attr_force_update = coordinator.reports_all(datapoint.key)
        self._attr_entity_registry_visible_default = not coordinator.is_hidden(
            datapoint.key
        )

    def _take_name(self, datapoint: DatapointDescription) -> None:
        """Take the name: the user's, that of the translation, or the guessed one."""
        if datapoint.translation_key is None or datapoint.is_renamed:
            self._attr_name = datapoint.name
        if datapoint.translation_key is not None:
            self._attr_translation_key = datapoint.translation_key
            placeholders = dict(datapoint.translation_placeholders)
            self._attr_translation_placeholders = placeholders

    @property
    @override
    def available(self) -> bool:
        """Return whether the device can be reached, unless that is what is shown."""
        return self.datapoint.is_always_available or super().available

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the datapoint, and what else is shown with it."""
        await super().async_added_to_hass()
        coordinator, datapoint = self.coordinator, self.datapoint
        self.async_on_remove(
            coordinator.async_subscribe(datapoint.key, self._handle_value)
        )
        for _, key in datapoint.attributes:
            self.async_on_remove(
                coordinator.followers.async_follow(key, self._handle_attributes)
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
    def _handle_attributes(self) -> None:
        """Show what else there is to say, if it is news."""
        if self._take_attributes():
            self.async_write_ha_state()

    @callback
    def _take_attributes(self) -> bool:
        """Take over what is shown with the value; return whether it is news."""
        if not (attributes := self.datapoint.attributes):
            return False
        data = self.coordinator.data
        before = getattr(self, "_attr_extra_state_attributes", None)
        now = {name: data.get(key) for name, key in attributes}
        self._attr_extra_state_attributes = now
        return now != before

    @callback
    def _update_value(self) -> None:
        """Take over the datapoint's latest value."""
        self._take_attributes()
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
        for subentry_id, group in by_subentry(coordinator, datapoints).items():
            async_add_entities(
                (entity_class(coordinator, datapoint) for datapoint in group),
                config_subentry_id=subentry_id,
            )

    coordinator.async_add_platform(platform, add)
