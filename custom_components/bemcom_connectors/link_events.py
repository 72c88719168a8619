"""What happens on the link of a hub: its connection, and the messages on it."""

import asyncio
from collections.abc import Callable
from typing import Any, override

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.exceptions import HomeAssistantError

from .connector.base import Connector
from .connector.listener import Listener
from .connector.messages import Message
from .connector.model import LinkError
from .const import DOMAIN
from .link_devices import LinkDevices

CONNECTED = "connected"
DISCONNECTED = "disconnected"
RECEIVED = "received"

# So much of a message is shown.
MAX_SHOWN = 4096
# So many may wait for a message of one hub at a time.
MAX_WAITERS = 100

# Takes what happened, and more about it.
type EventUpdate = Callable[[str, dict[str, Any]], None]


class LinkEvents(Listener):
    """Tell the event entities, and those who wait for a message."""

    def __init__(self, name: str, connector: Connector, devices: LinkDevices) -> None:
        """Listen to the connector of the hub `name`."""
        self._name = name
        self._connector = connector
        self._devices = devices
        self._connection: EventUpdate | None = None
        # What happened before anybody could be told.
        self._untold: tuple[bool, LinkError | None] | None = None
        self._messages: dict[str, EventUpdate] = {}
        self._waiters: dict[asyncio.Future[Message], Callable[[Message], bool]] = {}
        connector.add_listener(self)

    @callback
    def async_close(self) -> None:
        """Let those who wait know that there will be nothing to wait for."""
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_exception(
                    HomeAssistantError(
                        translation_domain=DOMAIN,
                        translation_key="hub_unloaded",
                        translation_placeholders={"name": self._name},
                    )
                )

    @callback
    def async_subscribe_connection(self, update: EventUpdate) -> CALLBACK_TYPE:
        """Call `update` when the link comes up or goes down; return how to end it.

        It may have come up already, as an entity is added later than the link is opened.
        """
        self._connection = update
        untold, self._untold = self._untold, None
        if untold is not None:
            self.on_connection(*untold)

        @callback
        def unsubscribe() -> None:
            if self._connection is update:
                self._connection = None

        return unsubscribe

    @callback
    def async_subscribe_messages(
        self, device_id: str | None, update: EventUpdate
    ) -> CALLBACK_TYPE:
        """Call `update` with the messages of a device; return how to end it.

        The hub itself, None, has those of devices that it does not know, too.
        """
        key = device_id or ""
        self._messages[key] = update
        want_no_more = self._connector.want_frames()

        @callback
        def unsubscribe() -> None:
            want_no_more()
            if self._messages.get(key) is update:
                del self._messages[key]

        return unsubscribe

    async def async_wait(
        self, matches: Callable[[Message], bool], seconds: float
    ) -> Message:
        """Wait for a message; raises a translated error where none comes in time."""
        if len(self._waiters) >= MAX_WAITERS:
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="too_many_waiters",
                translation_placeholders={
                    "name": self._name,
                    "limit": str(MAX_WAITERS),
                },
            )
        waiter: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._waiters[waiter] = matches
        want_no_more = self._connector.want_frames()
        try:
            async with asyncio.timeout(seconds):
                return await waiter
        except TimeoutError as err:
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="no_message",
                translation_placeholders={
                    "name": self._name,
                    "seconds": f"{seconds:g}",
                },
            ) from err
        finally:
            want_no_more()
            del self._waiters[waiter]

    # The connector's listener

    @override
    @callback
    def on_connection(self, online: bool, error: LinkError | None) -> None:
        """Tell of the link: up, or down and why."""
        if self._connection is None:
            self._untold = (online, error)
        elif online:
            self._connection(CONNECTED, {})
        else:
            reason = {} if error is None else {"reason": error.reason.value}
            self._connection(DISCONNECTED, reason | {"detail": str(error or "")})

    @override
    @callback
    def on_message(self, message: Message) -> None:
        """Give a message to all who wait for one like it, and to the entity of its device."""
        for waiter, matches in self._waiters.items():
            if not waiter.done() and matches(message):
                waiter.set_result(message)
        key = message.device_id
        if key and not self._devices.has_entity(key):
            key = ""
        if (update := self._messages.get(key)) is not None:
            update(
                RECEIVED,
                {
                    "device_id": message.device_id,
                    "endpoint": message.endpoint,
                    "payload": message.payload[:MAX_SHOWN],
                    "payload_header": message.payload_header[:MAX_SHOWN],
                    "timestamp": message.timestamp,
                },
            )
