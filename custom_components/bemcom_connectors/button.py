"""Buttons: actuators that do something when they are pressed."""

from typing import override

from homeassistant.components.button import ButtonEntity
from homeassistant.components.button.const import ButtonDeviceClass
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
    """Add the buttons."""
    async_add_actuators(entry, ActuatorKind.BUTTON, ActuatorButton, async_add_entities)


class ActuatorButton(ActuatorEntity, ButtonEntity):
    """Something that can be done."""

    def __init__(self, coordinator: ConnectorCoordinator, actuator: Actuator) -> None:
        """Do what `actuator` does."""
        super().__init__(coordinator, actuator)
        if self.looks is not None and isinstance(
            self.looks.device_class, ButtonDeviceClass
        ):
            self._attr_device_class = self.looks.device_class

    @override
    async def async_press(self) -> None:
        """Do it."""
        await self.async_send(None)

    @override
    @callback
    def _show(self, value: JsonValue) -> None:
        """Show nothing: a button has no state but when it was pressed."""
