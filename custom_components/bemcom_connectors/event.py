"""Events: of the link of a hub, of devices that send messages, and of charge points."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .coordinator import BemcomConfigEntry, ConnectorCoordinator
from .entity import HubEntity
from .ocpp_entity import OcppEntity, async_add_ocpp_entities
from .ocpp_hub import OcppHub

# The hub pushes: nothing is ever polled.
PARALLEL_UPDATES = 0

MESSAGE = EventEntityDescription(
    key="message", translation_key="message", event_types=["received"]
)


@dataclass(frozen=True, kw_only=True)
class OcppEventDescription(EventEntityDescription):
    """What happens at a charge point, or at one of its connectors."""

    of_connector: bool = False


OCPP_EVENTS = (
    OcppEventDescription(
        key="session", event_types=["started", "ended"], of_connector=True
    ),
    OcppEventDescription(
        key="id_tag", event_types=["accepted", "blocked", "expired", "invalid"]
    ),
    OcppEventDescription(
        key="security",
        event_types=[
            "firmware_updated",
            "failed_to_authenticate_at_central_system",
            "central_system_failed_to_authenticate",
            "setting_system_time",
            "startup_of_the_device",
            "reset_or_reboot",
            "security_log_was_cleared",
            "reconfiguration_of_security_parameters",
            "memory_exhaustion",
            "invalid_messages",
            "attempted_replay_attacks",
            "tamper_detection_activated",
            "invalid_firmware_signature",
            "invalid_firmware_signing_certificate",
            "invalid_central_system_certificate",
            "invalid_charge_point_certificate",
            "invalid_tls_version",
            "invalid_tls_cipher_suite",
            "other",
        ],
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: BemcomConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the events of the link, and of devices as they appear."""
    coordinator = entry.runtime_data
    async_add_entities([ConnectionEvent(coordinator)])

    @callback
    def add(devices: Iterable[str | None]) -> None:
        async_add_entities([MessageEvent(coordinator, it) for it in devices])

    coordinator.link_devices.async_add_platform(add)
    async_add_ocpp_entities(entry, _of_ocpp_device, async_add_entities)


@callback
def _of_ocpp_device(
    coordinator: ConnectorCoordinator, ocpp: OcppHub, device_id: str, is_connector: bool
) -> Iterator[OcppEvent]:
    """Yield what tells of the events of a charge point or a connector."""
    for description in OCPP_EVENTS:
        if description.of_connector == is_connector:
            yield OcppEvent(coordinator, ocpp, device_id, description)


class ConnectionEvent(HubEntity, EventEntity):
    """The link of the hub comes up or goes down."""

    _attr_event_types = ["connected", "disconnected"]  # noqa: RUF012 - as the base has it

    def __init__(self, coordinator: ConnectorCoordinator) -> None:
        """Tell of the link."""
        super().__init__(coordinator, "connection")

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the link."""
        await super().async_added_to_hass()
        self.async_on_remove(
            self.coordinator.link_events.async_subscribe_connection(self._happened)
        )

    @callback
    def _happened(self, event_type: str, attributes: dict[str, Any]) -> None:
        """Tell what happened."""
        self._trigger_event(event_type, attributes)
        self.async_write_ha_state()


class MessageEvent(CoordinatorEntity[ConnectorCoordinator], EventEntity):
    """A device sends a message."""

    _attr_has_entity_name = True
    # They may be longer than the recorder takes.
    _unrecorded_attributes = frozenset({"payload", "payload_header"})
    entity_description = MESSAGE

    def __init__(
        self, coordinator: ConnectorCoordinator, device_id: str | None
    ) -> None:
        """Tell of the messages of a device; None: of the hub itself."""
        super().__init__(coordinator)
        devices = coordinator.link_devices
        self._device_id = device_id
        self._attr_unique_id = devices.message_unique_id(device_id)
        self._attr_device_info = devices.device_info(device_id)
        # The others tell of every message, and what is in it has entities of its own.
        self._attr_entity_registry_enabled_default = devices.is_registered(device_id)

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the messages."""
        await super().async_added_to_hass()
        self.async_on_remove(
            self.coordinator.link_events.async_subscribe_messages(
                self._device_id, self._happened
            )
        )

    @callback
    def _happened(self, event_type: str, attributes: dict[str, Any]) -> None:
        """Tell what happened."""
        self._trigger_event(event_type, attributes)
        self.async_write_ha_state()


class OcppEvent(OcppEntity, EventEntity):
    """Something happens at a charge point or a connector."""

    def __init__(
        self,
        coordinator: ConnectorCoordinator,
        ocpp: OcppHub,
        device_id: str,
        description: OcppEventDescription,
    ) -> None:
        """Tell of the events that `description` names."""
        super().__init__(coordinator, ocpp, device_id, description.key)
        self.entity_description = description

    @override
    @callback
    def _happened(self, event_type: str, attributes: dict[str, Any]) -> None:
        """Tell what happened."""
        self._trigger_event(event_type, attributes)
        self.async_write_ha_state()
