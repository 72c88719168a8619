"""Base entity of the actuators."""

from collections.abc import Callable, Iterable
from typing import override

from homeassistant.core import callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.restore_state import (
    ExtraStoredData,
    RestoredExtraData,
    RestoreEntity,
)

from .connector.actuators import Actuator, ActuatorKind, StateSource
from .connector.devices import own_key
from .connector.model import JsonValue
from .coordinator import BemcomConfigEntry, ConnectorCoordinator
from .entity import DeviceEntity
from .hub_actuators import actuator_unique_id
from .keys import name_of, read
from .ocpp_actuator_looks import ActuatorLooks, ocpp_actuator_looks
from .subentry_groups import by_subentry

ATTR_REPLY = "reply"
_VALUE = "value"

__all__ = [
    "Actuator",
    "ActuatorEntity",
    "ActuatorKind",
    "JsonValue",
    "async_add_actuators",
]


class ActuatorEntity(DeviceEntity, RestoreEntity):
    """Something that can be set on a device."""

    _unrecorded_attributes = frozenset({ATTR_REPLY})

    def __init__(self, coordinator: ConnectorCoordinator, actuator: Actuator) -> None:
        """Set and show `actuator`."""
        super().__init__(coordinator, actuator.device_id)
        self.actuator = actuator
        self._own_key = own_key(actuator.key, actuator.device_id)
        self.looks: ActuatorLooks | None = None
        if coordinator.ocpp is not None:
            self.looks = ocpp_actuator_looks(actuator)
        if self.looks is None:
            self._attr_name = actuator.name or name_of(read(self._own_key))
        else:
            self._attr_translation_key = self.looks.translation_key
            self._attr_entity_category = self.looks.entity_category
            self._attr_entity_registry_enabled_default = self.looks.enabled_default
        self._attr_unique_id = actuator_unique_id(
            coordinator.config_entry, actuator.key
        )
        self._attr_assumed_state = (
            actuator.state_source is StateSource.SENT
            and actuator.kind is not ActuatorKind.BUTTON
        )
        self._value: JsonValue = None
        self._reply: JsonValue = None

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the state of the actuator."""
        await super().async_added_to_hass()
        actuators, actuator = self.coordinator.actuators, self.actuator
        if (kept := await self.async_get_last_extra_data()) is not None:
            actuators.async_restore(actuator, kept.as_dict().get(_VALUE))
        self.async_on_remove(actuators.async_subscribe(actuator, self._handle_state))
        self._take_state()

    @property
    @override
    def extra_restore_state_data(self) -> ExtraStoredData:
        """Keep the state over a restart, in the unit of the device."""
        return RestoredExtraData({_VALUE: self._value})

    async def async_send(self, value: JsonValue) -> None:
        """Set the actuator; raises translated errors."""
        await self.coordinator.actuators.async_send(self.actuator.key, value)

    @callback
    def _handle_state(self) -> None:
        """Show the state, if it is another one than before."""
        if self._take_state():
            self.async_write_ha_state()

    @callback
    def _take_state(self) -> bool:
        """Take the state and the reply; return whether either is another one."""
        actuators, actuator = self.coordinator.actuators, self.actuator
        reply, value = actuators.reply_of(actuator), actuators.state_of(actuator)
        if _is_same(value, self._value) and _is_same(reply, self._reply):
            return False
        self._value, self._reply = value, reply
        if reply is not None:
            self._attr_extra_state_attributes = {ATTR_REPLY: reply}
        self._show(value)
        return True

    @callback
    def _show(self, value: JsonValue) -> None:
        """Show a value as this platform does; None: unknown."""
        raise NotImplementedError


def _is_same(value: JsonValue, other: JsonValue) -> bool:
    """Tell whether two values are shown alike; 1 and true are not."""
    return value == other and type(value) is type(other)


@callback
def async_add_actuators(
    entry: BemcomConfigEntry,
    kind: ActuatorKind,
    entity_class: Callable[[ConnectorCoordinator, Actuator], ActuatorEntity],
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add an entity for each actuator of a kind: those there are, and new ones."""
    coordinator = entry.runtime_data

    @callback
    def add(actuators: Iterable[Actuator]) -> None:
        for subentry_id, group in by_subentry(coordinator, actuators).items():
            async_add_entities(
                (entity_class(coordinator, it) for it in group),
                config_subentry_id=subentry_id,
            )

    coordinator.actuators.async_add_platform(kind, add)
