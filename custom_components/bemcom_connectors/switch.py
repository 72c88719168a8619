"""Switches: actuators that are on or off."""

from typing import Any, override

from homeassistant.components.switch import SwitchEntity
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .actuator_entity import (
    ActuatorEntity,
    ActuatorKind,
    JsonValue,
    async_add_actuators,
)
from .coordinator import BemcomConfigEntry

# One command after the other: the link queues them.
PARALLEL_UPDATES = 1


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BemcomConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the switches."""
    async_add_actuators(entry, ActuatorKind.SWITCH, ActuatorSwitch, async_add_entities)


class ActuatorSwitch(ActuatorEntity, SwitchEntity):
    """Something that can be switched."""

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Switch it on."""
        await self.async_send(True)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Switch it off."""
        await self.async_send(False)

    @override
    @callback
    def _show(self, value: JsonValue) -> None:
        """Show on or off."""
        self._attr_is_on = value if isinstance(value, bool) else None
