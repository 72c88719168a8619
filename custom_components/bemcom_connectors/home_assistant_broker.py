"""A broker for a mirror: the one that Home Assistant's own MQTT integration is connected to."""

from collections.abc import Awaitable, Callable
from enum import StrEnum
import logging

from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    ConfigEntry,
    ConfigEntryChange,
    ConfigEntryState,
)
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect

from .bemcom.broker import BrokerError, BrokerListener, ConnectError
from .home_assistant_client import HomeAssistantClient
from .home_assistant_mqtt import MQTT, mqtt_entry

_LOGGER = logging.getLogger(__name__)

# What is over in a moment, and no reason to say anything.
_ON_THE_WAY = {ConfigEntryState.SETUP_IN_PROGRESS, ConfigEntryState.UNLOAD_IN_PROGRESS}


class MqttReason(StrEnum):
    """Why there is no broker."""

    MISSING = "mqtt_missing"
    NOT_CONNECTED = "mqtt_not_connected"


_TEXTS = {
    MqttReason.MISSING: "Home Assistant's MQTT integration is not set up, or disabled",
    MqttReason.NOT_CONNECTED: "Home Assistant's MQTT integration is not connected",
}


class HomeAssistantBroker:
    """Follows the MQTT integration, which may come, go and connect elsewhere at any time."""

    def __init__(
        self, hass: HomeAssistant, on_changed: Callable[[], None] = lambda: None
    ) -> None:
        """Follow nothing yet; `on_changed` is called when `error` is another one."""
        # Why there is no connection; None: there is one, or it is on its way.
        self.error: ConnectError | None = None
        self._hass = hass
        self._on_changed = on_changed
        self._listener: BrokerListener | None = None
        self._client: HomeAssistantClient | None = None
        self._unfollow_entry: CALLBACK_TYPE | None = None
        self._unfollow_connection: CALLBACK_TYPE | None = None

    @callback
    def start(self, listener: BrokerListener) -> None:
        """Tell a listener what happens; at once that there is a connection, if there is."""
        self._listener = listener
        self._unfollow_entry = async_dispatcher_connect(
            self._hass, SIGNAL_CONFIG_ENTRY_CHANGED, self._async_entry_changed
        )
        self._async_look()

    async def stop(self) -> None:
        """Take back all subscriptions, and let go of what is under way."""
        for unfollow in (self._unfollow_entry, self._unfollow_connection):
            if unfollow is not None:
                unfollow()
        self._unfollow_entry = self._unfollow_connection = None
        if (client := self._client) is not None:
            self._async_lose()
            await client.wait_closed()

    def publish(
        self, topic: str, payload: bytes, qos: int, retain: bool
    ) -> Awaitable[None]:
        """Send a message; done when it arrived, by the rules of its QoS."""
        return self._connection().publish(topic, payload, qos, retain)

    def subscribe(self, topic: str, qos: int) -> Awaitable[None]:
        """Listen to a topic."""
        return self._connection().subscribe(topic, qos)

    def unsubscribe(self, topic: str) -> Awaitable[None]:
        """Listen to a topic no more."""
        return self._connection().unsubscribe(topic)

    def _connection(self) -> HomeAssistantClient:
        if self._client is None:
            raise BrokerError("There is no connection to the broker")
        return self._client

    # What happens to the integration

    @callback
    def _async_entry_changed(
        self, _change: ConfigEntryChange, entry: ConfigEntry
    ) -> None:
        """Look what there is now."""
        if entry.domain == MQTT:
            self._async_look()

    @callback
    def _async_status(self, _connected: bool) -> None:
        """Take a connection for another one each time: the broker may have forgotten us."""
        self._async_lose()
        self._async_look()

    @callback
    def _async_look(self) -> None:
        """See whether there is a connection."""
        if (entry := mqtt_entry(self._hass)) is None:
            self._async_lose()
            self._async_note(MqttReason.MISSING)
        elif entry.state is ConfigEntryState.LOADED:
            self._async_look_at_connection()
        else:
            # Before the integration disconnects: it would keep what is subscribed then, and
            # subscribe it again on its next connection, where nobody could end it.
            self._async_lose()
            if entry.state not in _ON_THE_WAY:
                self._async_note(MqttReason.NOT_CONNECTED)

    @callback
    def _async_look_at_connection(self) -> None:
        """See whether the integration, which is loaded, has a connection."""
        # Which costs nothing: it is loaded. Who has no MQTT does not load it.
        from homeassistant.components.mqtt import (  # noqa: PLC0415
            async_subscribe_connection_status,
            is_connected,
        )

        if self._unfollow_connection is None:
            self._unfollow_connection = async_subscribe_connection_status(
                self._hass, self._async_status
            )
        if not is_connected(self._hass):
            self._async_lose()
            self._async_note(MqttReason.NOT_CONNECTED)
        elif self._client is None and (listener := self._listener) is not None:
            self._client = HomeAssistantClient(self._hass, listener.received)
            self._async_note(None)
            listener.connected()

    @callback
    def _async_lose(self) -> None:
        """End what was on the connection, if there was one."""
        if (client := self._client) is None or (listener := self._listener) is None:
            return
        self._client = None
        client.close()
        listener.lost()

    @callback
    def _async_note(self, reason: MqttReason | None) -> None:
        """Keep why there is no connection, and log it once."""
        if reason == (None if self.error is None else self.error.reason):
            return
        self.error = None if reason is None else ConnectError(reason, _TEXTS[reason])
        if reason is None:
            _LOGGER.info("Connected through Home Assistant's MQTT integration")
        else:
            # What the broker says to the integration, the integration logs.
            _LOGGER.info("No connection to the broker: %s", self.error)
        self._on_changed()
