"""Numbers: actuators that take one."""

from typing import override

from homeassistant.components.number import NumberDeviceClass, NumberEntity, NumberMode
from homeassistant.components.number.const import DEVICE_CLASS_UNITS
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
from .descriptions import describe

# One command after the other: the link queues them.
PARALLEL_UPDATES = 1

# For a number without limits; the dialogs ask for some.
_LIMIT = 1e9


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BemcomConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the numbers."""
    async_add_actuators(entry, ActuatorKind.NUMBER, ActuatorNumber, async_add_entities)


class ActuatorNumber(ActuatorEntity, NumberEntity):
    """A number that can be set."""

    # A slider stands at its minimum where nothing is known: as if that were set.
    _attr_mode = NumberMode.BOX

    def __init__(self, coordinator: ConnectorCoordinator, actuator: Actuator) -> None:
        """Set `actuator` within its limits."""
        super().__init__(coordinator, actuator)
        low, high = actuator.minimum, actuator.maximum
        self._attr_native_min_value = -_LIMIT if low is None else low
        self._attr_native_max_value = _LIMIT if high is None else high
        self._attr_native_step = 1 if actuator.step is None else actuator.step
        self._attr_native_unit_of_measurement = actuator.unit
        self._attr_device_class = _device_class(self._own_key, actuator.unit)
        if self.looks is not None and isinstance(
            self.looks.device_class, NumberDeviceClass
        ):
            self._attr_device_class = self.looks.device_class

    @override
    async def async_set_native_value(self, value: float) -> None:
        """Send a number."""
        await self.async_send(value)

    @override
    @callback
    def _show(self, value: JsonValue) -> None:
        """Show a number."""
        self._attr_native_value = value if isinstance(value, int | float) else None


def _device_class(key: str, unit: str | None) -> NumberDeviceClass | None:
    """Guess what a number is from its key and unit, as for a sensor; both must agree."""
    guessed = str(describe(f"{key}_{unit}" if unit else key, 1.5).device_class)
    if guessed not in set(NumberDeviceClass):
        return None
    device_class = NumberDeviceClass(guessed)
    return device_class if unit in DEVICE_CLASS_UNITS.get(device_class, set()) else None
