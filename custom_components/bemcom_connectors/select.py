"""Selects: actuators that take one of some choices."""

from typing import override

from homeassistant.components.select import SelectEntity
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
    """Add the selects."""
    async_add_actuators(entry, ActuatorKind.SELECT, ActuatorSelect, async_add_entities)


class ActuatorSelect(ActuatorEntity, SelectEntity):
    """A choice that can be made."""

    def __init__(self, coordinator: ConnectorCoordinator, actuator: Actuator) -> None:
        """Offer the choices of `actuator`."""
        super().__init__(coordinator, actuator)
        self._attr_options = list(actuator.options)

    @override
    async def async_select_option(self, option: str) -> None:
        """Send a choice."""
        await self.async_send(option)

    @override
    @callback
    def _show(self, value: JsonValue) -> None:
        """Show a choice."""
        known = isinstance(value, str) and value in self.options
        self._attr_current_option = str(value) if known else None
