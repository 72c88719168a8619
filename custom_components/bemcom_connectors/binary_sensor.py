"""Binary sensors: datapoints that are true or false, and the hub's connections."""

from typing import override

from homeassistant.components.binary_sensor import BinarySensorEntity
from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.const import EntityCategory, Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import BemcomConfigEntry, ConnectorCoordinator
from .descriptions import DatapointDescription, NativeValue
from .entity import DatapointEntity, HubEntity, async_add_datapoints

# The hub pushes: nothing is ever polled.
PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BemcomConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the hub's connections, and datapoints as they appear."""
    coordinator = entry.runtime_data
    async_add_entities([HubConnection(coordinator)])

    @callback
    def add_mirror() -> None:
        async_add_entities([MirrorConnection(coordinator)])

    coordinator.mirror.async_add_platform(add_mirror)
    async_add_datapoints(
        entry, Platform.BINARY_SENSOR, DatapointBinarySensor, async_add_entities
    )


class HubConnection(HubEntity, BinarySensorEntity):
    """Whether the hub's link is up."""

    _attr_device_class = BinarySensorDeviceClass.CONNECTIVITY
    _attr_entity_category = EntityCategory.DIAGNOSTIC

    def __init__(self, coordinator: ConnectorCoordinator) -> None:
        """Show the link."""
        super().__init__(coordinator, "connection")

    @property
    @override
    def is_on(self) -> bool:
        """Return whether the link is up."""
        return self.coordinator.connector.online


class MirrorConnection(HubEntity, BinarySensorEntity):
    """Whether the mirror of the hub has its broker."""

    _attr_device_class = BinarySensorDeviceClass.CONNECTIVITY
    _attr_entity_category = EntityCategory.DIAGNOSTIC

    def __init__(self, coordinator: ConnectorCoordinator) -> None:
        """Show the broker."""
        super().__init__(coordinator, "mirror_connection")

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the broker."""
        await super().async_added_to_hass()
        self.async_on_remove(
            self.coordinator.mirror.async_subscribe(self.async_write_ha_state)
        )

    @property
    @override
    def is_on(self) -> bool:
        """Return whether there is a broker."""
        return self.coordinator.mirror.is_connected


class DatapointBinarySensor(DatapointEntity, BinarySensorEntity):
    """A datapoint that is true or false."""

    def __init__(
        self, coordinator: ConnectorCoordinator, datapoint: DatapointDescription
    ) -> None:
        """Show `datapoint` the way its description says."""
        super().__init__(coordinator, datapoint)
        if isinstance(datapoint.device_class, BinarySensorDeviceClass):
            self._attr_device_class = datapoint.device_class

    @override
    @callback
    def _show(self, value: NativeValue) -> None:
        """Show true, false or unknown."""
        self._attr_is_on = value if isinstance(value, bool) else None
