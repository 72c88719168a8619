"""What there is to announce by MQTT discovery: datapoints and actuators as their entities are."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_UNIT_OF_MEASUREMENT, EntityCategory, Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.loader import async_get_loaded_integration

from .bemcom.own_topics import Convert, OwnTopics
from .bemcom.topics import Topics
from .connector.actuators import Actuator, StateSource
from .connector.base import Connector
from .connector.flatten import SEPARATOR
from .connector.model import JsonValue
from .const import DOMAIN
from .datapoint_catalog import datapoint_unique_id
from .descriptions import DatapointDescription
from .discovery_payloads import (
    ALIVE,
    ONLINE,
    actuator_config,
    component_of,
    datapoint_config,
    encode,
    object_id,
    safe_id,
    shown_state,
    shown_unit,
    shown_value,
    slug,
)
from .hub_actuators import actuator_unique_id
from .ocpp.connector import OcppConnector
from .ocpp.datapoints import CONNECTED
from .ocpp.model import device_id_of, split_device_id
from .values import to_boolean

# Returns how a datapoint looks; None: nobody knows yet.
type Describe = Callable[[str], DatapointDescription | None]


@dataclass(frozen=True, slots=True)
class Announcement:
    """An entity that others are to have."""

    topic: str
    payload: bytes
    entity_id: str
    # As in an OwnMap: what is published for it.
    sensors: Mapping[str, Mapping[str, Convert]] = field(compare=False)
    # The topic of its commands; empty: it takes none.
    command_topic: str = ""
    # What the values that are published were made by, so that other ones are noticed.
    made_by: tuple[object, ...] = ()


class Announcer:
    """Describes the entities of a hub for another Home Assistant, from the registries."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        connector: Connector,
        *,
        topics: Topics,
        prefix: str,
        describe: Describe,
    ) -> None:
        """Announce below the prefix what `describe` knows of the connector's datapoints."""
        self.own = OwnTopics(topics.connector)
        self._hass = hass
        self._entry = entry
        self._connector = connector
        self._topics = topics
        self._prefix = prefix
        self._describe = describe
        self._entities = er.async_get(hass)
        integration = async_get_loaded_integration(hass, DOMAIN)
        self._origin = {
            "name": integration.name,
            "sw_version": str(integration.version),
            "support_url": integration.documentation,
        }

    def entity(self, component: str, unique_id: str) -> er.RegistryEntry | None:
        """Return an entity of the hub, unless it is hidden or disabled."""
        entity_id = self._entities.async_get_entity_id(component, DOMAIN, unique_id)
        found = self._entities.async_get(entity_id) if entity_id else None
        return None if found is None or found.disabled or found.hidden else found

    def topic(self, component: str, unique_id: str) -> str:
        """Return where an entity is announced."""
        node = slug(self._topics.connector)
        name = object_id(self._entry.entry_id, unique_id)
        return f"{self._prefix}/{component}/{node}/{name}/config"

    def of_hub(self, unique_id: str) -> Announcement | None:
        """Announce the link of the hub, and the hub's device with it."""
        component = Platform.BINARY_SENSOR
        if (entity := self.entity(component, unique_id)) is None:
            return None
        config = {
            "state_topic": self.own.online,
            "value_template": "{{ 'ON' if value_json.value else 'OFF' }}",
            "device_class": entity.original_device_class,
            "availability": [self._alive()],
        }
        return self._announcement(entity, config, {})

    def of_datapoint(self, key: str) -> Announcement | None:
        """Announce a datapoint; None: it is not to be seen."""
        if (looks := self._describe(key)) is None:
            return None
        unique_id = datapoint_unique_id(self._entry, key)
        if (entity := self.entity(looks.platform, unique_id)) is None:
            return None
        unit = shown_unit(looks, _chosen_unit(entity))
        topic = self.own.value(key)
        config = datapoint_config(looks, topic, unit)
        if entity.device_class is not None:  # the user's word
            config["device_class"] = entity.device_class
        sensors: dict[str, dict[str, Convert]] = {
            key: {topic: partial(shown_value, looks, unit)}
        }
        if looks.is_always_available:
            config["availability"] = [self._alive()]
        else:
            config["availability"] = self._available(looks.device_id, sensors)
        return self._announcement(entity, config, sensors, made_by=(looks, unit))

    def of_actuator(self, key: str) -> Announcement | None:
        """Announce something that can be set; None: it is not to be seen."""
        actuator = self._connector.actuators.get(key)
        component = None if actuator is None else component_of(actuator.kind)
        if actuator is None or component is None:
            return None
        unique_id = actuator_unique_id(self._entry, key)
        if (entity := self.entity(component, unique_id)) is None:
            return None
        sensors: dict[str, dict[str, Convert]] = {}
        state_topic: str | None = None
        made_by: tuple[object, ...] = (actuator,)
        if (
            actuator.state_source is StateSource.DATAPOINT
            and component is not Platform.BUTTON
        ):
            state_key, state_topic = actuator.state_key or key, self.own.state(key)
            looks = self._describe(state_key)
            sensors[state_key] = {state_topic: partial(self._state, actuator, looks)}
            made_by += (looks,)
        device_class = entity.device_class or entity.original_device_class
        command_topic = self.own.set(key)
        config = actuator_config(actuator, device_class, command_topic, state_topic)
        config["availability"] = self._available(actuator.device_id, sensors)
        return self._announcement(entity, config, sensors, command_topic, made_by)

    def _state(
        self,
        actuator: Actuator,
        looks: DatapointDescription | None,
        value: JsonValue,
    ) -> JsonValue:
        """Return what the value of a datapoint means for an actuator."""
        if looks is not None and looks.scale is not None:
            value = shown_value(looks, looks.native_unit_of_measurement, value)
        try:
            state = self._connector.actuator_state(actuator.key, value)
        except Exception as err:  # noqa: BLE001 - of a connector of the user's own
            self._connector.count_listener_error(actuator.key, err)
            return None
        return shown_state(actuator, state)

    def _announcement(
        self,
        entity: er.RegistryEntry,
        config: dict[str, Any],
        sensors: Mapping[str, Mapping[str, Convert]],
        command_topic: str = "",
        made_by: tuple[object, ...] = (),
    ) -> Announcement:
        """Return an announcement with what they all have."""
        # Nobody can set the category of something that can only be read.
        is_config = entity.entity_category is EntityCategory.CONFIG
        config |= {
            "unique_id": object_id(self._entry.entry_id, entity.unique_id),
            "name": er.async_get_unprefixed_name(self._hass, entity) or None,
            "icon": entity.icon,
            "entity_category": (
                None if is_config and not command_topic else entity.entity_category
            ),
            "availability_mode": "all",
            "device": self._device(entity),
            "origin": self._origin,
        }
        return Announcement(
            topic=self.topic(entity.domain, entity.unique_id),
            payload=encode(config),
            entity_id=entity.entity_id,
            sensors=sensors,
            command_topic=command_topic,
            made_by=made_by,
        )

    # Whether it can be reached

    def _alive(self) -> dict[str, str]:
        """Say that nothing is known once the hub is gone."""
        return {"topic": self._topics.heartbeat, "value_template": ALIVE}

    def _available(
        self, device_id: str | None, sensors: dict[str, dict[str, Convert]]
    ) -> list[dict[str, str]]:
        """Say on what it depends whether a device can be reached."""
        topics = [self.own.online]
        if device_id is not None and isinstance(self._connector, OcppConnector):
            charge_point = device_id_of(split_device_id(device_id)[0])
            key = f"{charge_point}{SEPARATOR}{CONNECTED}"
            sensors.setdefault(key, {})[self.own.value(key)] = to_boolean
            topics.append(self.own.value(key))
        return [
            self._alive(),
            *({"topic": it, "value_template": ONLINE} for it in topics),
        ]

    # Devices

    def _device(self, entity: er.RegistryEntry) -> dict[str, Any]:
        """Describe the device of an entity."""
        registry = dr.async_get(self._hass)
        device = registry.async_get(entity.device_id) if entity.device_id else None
        if device is None:
            return {"identifiers": [safe_id(self._entry.entry_id)]}
        named: dict[str, Any] = {
            "identifiers": [self._identifier(device)],
            "name": device.name_by_user or device.name,
        }
        if isinstance(device, dr.ChildDeviceEntry):
            parent = registry.async_get(device.parent_device_id)
            if parent is not None:  # MQTT has no parts of devices
                name = parent.name_by_user or parent.name
                named["name"] = f"{name} {named['name']}"
                named["via_device"] = self._identifier(parent)
            return named
        via = registry.async_get(device.via_device_id) if device.via_device_id else None
        more = {
            "manufacturer": device.manufacturer,
            "model": device.model,
            "sw_version": device.sw_version,
            "serial_number": device.serial_number,
            "via_device": via and self._identifier(via),
        }
        return named | {key: it for key, it in more.items() if it is not None}

    def _identifier(self, device: dr.AnyDeviceEntry) -> str:
        """Return what a device is known by to others."""
        known = [it for domain, it in device.identifiers if domain == DOMAIN]
        return safe_id(min(known, default=device.id))


def _chosen_unit(entity: er.RegistryEntry) -> str | None:
    """Return the unit that the user, or whoever described a sensor, wants it shown in."""
    for options, name in (
        (entity.domain, CONF_UNIT_OF_MEASUREMENT),
        (f"{entity.domain}.private", "suggested_unit_of_measurement"),
    ):
        said: Mapping[str, Any] = entity.options.get(options) or {}
        if said.get(name):
            return str(said[name])
    return None
