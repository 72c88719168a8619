"""One connection of Home Assistant's MQTT integration, as long as it lasts."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util.async_ import create_eager_task

from .bemcom.broker import BrokerError, MessageRefusedError
from .bemcom.topics import topic_fault

if TYPE_CHECKING:
    from homeassistant.components.mqtt import ReceiveMessage

# So many messages paho sends at a time; more would wait in it, where nobody can take them back
# when the connection is lost. Those that are in it paho sends again by itself, all at once, on
# the next connection and before anything else. The mirror, which cannot know of that, sends
# them again too: a message may come twice, but never after a newer one of its topic. Only their
# answers, for which nobody waits any more, stay with the integration until it uses their number
# again: one message in 65,535 is then taken for arrived as soon as it is sent.
_UNDER_WAY = 20

# After 10 seconds without an answer the integration says so in the log, and returns as if there
# had been one.
_NO_ANSWER = 9.9

# It waits up to half a second for more to subscribe, and then 10 seconds for the broker.
_SUBSCRIBING = 15.0

# Many brokers hang up because of more. paho would send it again, on everybody's connection.
_MAX_SIZE = 1_000_000

# For each message of QoS 2 that comes, paho sends one more than it may at a time.
_LISTENING = 1
_ANY_QOS = (0, 1, 2)

type Received = Callable[[str, bytes, bool], None]


class HomeAssistantClient:
    """What is subscribed and under way on a connection; for the next one there is another."""

    def __init__(self, hass: HomeAssistant, received: Received) -> None:
        """Use the connection that there is now."""
        # Which is loaded, as there is a connection; who has no MQTT does not load it.
        from homeassistant.components.mqtt import (  # noqa: PLC0415
            async_on_subscribe_done,
            async_publish,
            async_subscribe,
        )

        self._publish = async_publish
        self._subscribe = async_subscribe
        self._on_subscribed = async_on_subscribe_done
        self._hass = hass
        self._received = received
        self._is_closed = False
        self._slots = asyncio.Semaphore(_UNDER_WAY)
        self._under_way: set[asyncio.Future[None]] = set()
        self._subscribing: set[asyncio.Future[None]] = set()
        self._subscriptions: dict[str, CALLBACK_TYPE] = {}

    def publish(
        self, topic: str, payload: bytes, qos: int, retain: bool
    ) -> asyncio.Task[None]:
        """Send a message; done when the broker has it.

        A broker that refuses one says so to the integration, which tells nobody.
        """
        _check(topic)
        if len(payload) > _MAX_SIZE:
            raise MessageRefusedError(f"It has more than {_MAX_SIZE:,} bytes")
        task = create_eager_task(self._send(topic, payload, qos, retain))
        if not task.done():
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        return task

    async def subscribe(self, topic: str, qos: int) -> None:
        """Listen to a topic; done when the broker was told."""
        _check(topic)
        if self._is_closed:
            raise BrokerError("The broker was lost")
        former = self._subscriptions.pop(topic, None)
        try:
            self._subscriptions[topic] = await self._subscribe(
                self._hass, topic, self._take, min(qos, _LISTENING)
            )
        except HomeAssistantError as err:
            raise BrokerError(str(err)) from err
        finally:
            if former is not None:
                former()
        await self._wait_subscribed(topic)

    async def unsubscribe(self, topic: str) -> None:
        """Listen to a topic no more."""
        if (remove := self._subscriptions.pop(topic, None)) is not None:
            remove()

    @callback
    def close(self) -> None:
        """Listen to nothing any more, and let go of what is under way."""
        self._is_closed = True
        for remove in self._subscriptions.values():
            remove()
        self._subscriptions.clear()
        for task in self._under_way:
            task.add_done_callback(_hear)
            task.cancel()
        for future in self._subscribing:
            if not future.done():
                future.set_exception(BrokerError("The broker was lost"))
                future.exception()  # where nobody waits any more that is no fault

    async def wait_closed(self) -> None:
        """Wait until nothing is under way any more, which is at once."""
        if self._under_way:
            await asyncio.wait(set(self._under_way))

    async def _send(self, topic: str, payload: bytes, qos: int, retain: bool) -> None:
        """Send a message in its turn."""
        time = self._hass.loop.time
        try:
            async with self._slots:
                began = time()
                await self._publish(self._hass, topic, payload, qos, retain)
        except HomeAssistantError as err:
            raise BrokerError(str(err)) from err
        except ValueError as err:
            raise MessageRefusedError(str(err)) from err
        except asyncio.CancelledError:
            if not self._is_closed:
                raise
            raise BrokerError("The broker was lost") from None
        if time() - began >= _NO_ANSWER:
            raise BrokerError("The broker does not answer")

    async def _wait_subscribed(self, topic: str) -> None:
        """Wait until the broker was told, with the highest QoS that anybody here asks for."""
        done: asyncio.Future[None] = self._hass.loop.create_future()
        self._subscribing.add(done)

        @callback
        def finish() -> None:
            if not done.done():
                done.set_result(None)

        watching = [
            self._on_subscribed(self._hass, topic, qos, finish) for qos in _ANY_QOS
        ]
        try:
            async with asyncio.timeout(_SUBSCRIBING):
                await done
        except TimeoutError:
            await self.unsubscribe(topic)
            raise BrokerError("The broker does not answer") from None
        finally:
            self._subscribing.discard(done)
            for stop in watching:
                stop()

    @callback
    def _take(self, message: ReceiveMessage) -> None:
        """Pass on what came.

        The integration gives all who listen to a topic what it made for the first of them,
        whatever encoding they asked for. So this asks for the one that others expect, and
        takes what it gets; what is no text at all is in Home Assistant's log only.
        """
        payload = message.payload
        encoded = payload.encode() if isinstance(payload, str) else bytes(payload)
        self._received(message.topic, encoded, message.retain)


def _check(topic: str) -> None:
    """Raise MessageRefusedError for what is no topic.

    A broker hangs up because of it, or paho fails and what others subscribe with it is lost.
    """
    if (fault := topic_fault(topic)) is not None:
        raise MessageRefusedError(f"The topic {fault}")


@callback
def _hear(task: asyncio.Future[None]) -> None:
    """Take an error of which nobody may want to know any more."""
    if not task.cancelled():
        task.exception()
