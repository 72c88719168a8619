"""Texts: actuators that take one."""

from typing import override

from homeassistant.components.text import TextEntity
from homeassistant.const import MAX_LENGTH_STATE_STATE
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .actuator_entity import (
    Actuator,
    ActuatorEntity,
    ActuatorKind,
    JsonValue,
    async_add_actuators,
)
from .coordinator import BemcomConfigEntry, ConnectorCoordinator

# One command after the other: the link queues them.
PARALLEL_UPDATES = 1


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BemcomConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the texts."""
    async_add_actuators(entry, ActuatorKind.TEXT, ActuatorText, async_add_entities)


class ActuatorText(ActuatorEntity, TextEntity):
    """A text that can be set."""

    _attr_native_value: str | None = None

    def __init__(self, coordinator: ConnectorCoordinator, actuator: Actuator) -> None:
        """Set `actuator` within its limits."""
        super().__init__(coordinator, actuator)
        low, high = actuator.minimum or 0, actuator.maximum
        longest = MAX_LENGTH_STATE_STATE if high is None else high
        self._attr_native_min = int(min(low, MAX_LENGTH_STATE_STATE))
        self._attr_native_max = int(min(longest, MAX_LENGTH_STATE_STATE))

    @override
    async def async_set_value(self, value: str) -> None:
        """Send a text."""
        await self.async_send(value)

    @override
    @callback
    def _show(self, value: JsonValue) -> None:
        """Show a text, if it is one that the entity could have sent."""
        fits = isinstance(value, str) and (
            self.native_min <= len(value) <= self.native_max
        )
        self._attr_native_value = str(value) if fits else None
