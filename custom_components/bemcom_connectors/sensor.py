"""Sensors: datapoints, and what the hub counts."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.components.sensor.const import DEVICE_CLASS_UNITS
from homeassistant.const import EntityCategory, Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.typing import StateType
from homeassistant.util import dt as dt_util

from .coordinator import BemcomConfigEntry, ConnectorCoordinator
from .descriptions import DatapointDescription, NativeValue, ValueKind
from .entity import DatapointEntity, HubEntity, async_add_datapoints

# The hub pushes: nothing is ever polled.
PARALLEL_UPDATES = 0

# A text with more different values than this, beside those that the user named, is no choice
# among a few.
MAX_OPTIONS = 20


@dataclass(frozen=True, kw_only=True)
class HubSensorDescription(SensorEntityDescription):
    """What the hub counts."""

    value_fn: Callable[[ConnectorCoordinator], StateType | datetime]


def _last_message(coordinator: ConnectorCoordinator) -> datetime | None:
    """Return when the latest message came."""
    if (timestamp := coordinator.connector.statistics.last_message) is None:
        return None
    return dt_util.utc_from_timestamp(timestamp / 1000)


MIRROR_SENSORS = (
    HubSensorDescription(
        key="mirror_dropped",
        state_class=SensorStateClass.TOTAL_INCREASING,
        value_fn=lambda coordinator: coordinator.mirror.dropped,
    ),
    HubSensorDescription(
        key="mirror_waiting",
        state_class=SensorStateClass.MEASUREMENT,
        entity_registry_enabled_default=False,
        value_fn=lambda coordinator: coordinator.mirror.waiting,
    ),
)
HUB_SENSORS = (
    HubSensorDescription(
        key="messages",
        state_class=SensorStateClass.TOTAL_INCREASING,
        entity_registry_enabled_default=False,
        value_fn=lambda coordinator: coordinator.connector.statistics.messages,
    ),
    HubSensorDescription(
        key="dropped_frames",
        state_class=SensorStateClass.TOTAL_INCREASING,
        value_fn=lambda coordinator: coordinator.connector.dropped_frames,
    ),
    HubSensorDescription(
        key="parse_errors",
        state_class=SensorStateClass.TOTAL_INCREASING,
        value_fn=lambda coordinator: coordinator.connector.statistics.parse_errors,
    ),
    HubSensorDescription(
        key="field_errors",
        state_class=SensorStateClass.TOTAL_INCREASING,
        value_fn=lambda coordinator: coordinator.connector.statistics.field_errors,
    ),
    HubSensorDescription(
        key="last_message",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_registry_enabled_default=False,
        value_fn=_last_message,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BemcomConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the hub's own sensors, and those of datapoints as they appear."""
    coordinator = entry.runtime_data
    async_add_entities(HubSensor(coordinator, item) for item in HUB_SENSORS)

    @callback
    def add_mirror() -> None:
        async_add_entities(HubSensor(coordinator, item) for item in MIRROR_SENSORS)

    coordinator.mirror.async_add_platform(add_mirror)
    async_add_datapoints(entry, Platform.SENSOR, DatapointSensor, async_add_entities)


class HubSensor(HubEntity, SensorEntity):
    """One of the hub's counters."""

    entity_description: HubSensorDescription
    _attr_entity_category = EntityCategory.DIAGNOSTIC

    def __init__(
        self, coordinator: ConnectorCoordinator, description: HubSensorDescription
    ) -> None:
        """Show what `description` says."""
        super().__init__(coordinator, description.key)
        self.entity_description = description

    @override
    async def async_added_to_hass(self) -> None:
        """Look at the counter now and then."""
        await super().async_added_to_hass()
        self.async_on_remove(
            self.coordinator.async_subscribe_statistics(self.async_write_ha_state)
        )

    @property
    @override
    def native_value(self) -> StateType | datetime:
        """Return the count."""
        return self.entity_description.value_fn(self.coordinator)


class DatapointSensor(DatapointEntity, SensorEntity):
    """A datapoint that is a number, a text, a time or a choice."""

    def __init__(
        self, coordinator: ConnectorCoordinator, datapoint: DatapointDescription
    ) -> None:
        """Show `datapoint` the way its description says."""
        super().__init__(coordinator, datapoint)
        self._attr_native_unit_of_measurement = datapoint.native_unit_of_measurement
        self._attr_state_class = datapoint.state_class
        self._attr_suggested_display_precision = datapoint.suggested_display_precision
        if isinstance(datapoint.device_class, SensorDeviceClass):
            self._attr_device_class = datapoint.device_class
            # (it does not fit where the user says that it is something else)
            units = DEVICE_CLASS_UNITS.get(datapoint.device_class, ())
            if datapoint.suggested_unit_of_measurement in units:
                self._attr_suggested_unit_of_measurement = (
                    datapoint.suggested_unit_of_measurement
                )
        if datapoint.kind is ValueKind.ENUM:
            self._attr_options = list(datapoint.options)
        self._max_options = coordinator.named_options(datapoint.key) + MAX_OPTIONS
        if datapoint.translation_key is not None:  # all that there are
            self._max_options += len(datapoint.options)

    @override
    @callback
    def _show(self, value: NativeValue) -> None:
        """Show a value, and learn from it what the first one did not tell."""
        if self.datapoint.kind is ValueKind.ENUM and isinstance(value, str):
            self._learn_option(value)
        if (
            self._attr_state_class is SensorStateClass.TOTAL_INCREASING
            and isinstance(value, int | float)
            and value < 0
        ):
            # What falls below zero is no meter that only counts up.
            self._attr_state_class = SensorStateClass.TOTAL
            self.datapoint = replace(self.datapoint, state_class=SensorStateClass.TOTAL)
            self.coordinator.async_replace(self.datapoint)
        self._attr_native_value = value

    def _learn_option(self, value: str) -> None:
        """Add a value to the choices; too many of them are a text after all."""
        options = self.options
        if options is None or value in options:
            return
        if len(options) >= self._max_options:
            self.datapoint = replace(
                self.datapoint, kind=ValueKind.TEXT, device_class=None, options=()
            )
            self._attr_device_class = None
            self._attr_options = None
        else:
            self.datapoint = replace(self.datapoint, options=(*options, value))
            self._attr_options = list(self.datapoint.options)
        self.coordinator.async_replace(self.datapoint)
