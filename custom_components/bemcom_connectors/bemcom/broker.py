"""What a mirror needs of a broker, whichever connection it is."""

from collections.abc import Awaitable
from enum import StrEnum
from typing import Protocol

from ..connector.model import ConnectorError


class BrokerError(ConnectorError):
    """The broker was lost, or said nothing in time: to be tried again."""


class MessageRefusedError(BrokerError):
    """The broker will never take this message or subscription."""


class ConnectError(BrokerError):
    """There is no connection, for `reason`; the text is one for the log."""

    def __init__(self, reason: StrEnum, text: str) -> None:
        """Keep the reason beside the text."""
        super().__init__(text)
        self.reason = reason


class Broker(Protocol):
    """A connection to a broker.

    Whoever has it tells the mirror what happens on it: `connected`, `lost` and `received`.
    What is returned here is awaited by the mirror in a task of its own. A future is cheaper
    than a coroutine, which becomes a task.
    """

    def publish(
        self, topic: str, payload: bytes, qos: int, retain: bool
    ) -> Awaitable[None]:
        """Send a message; done when it arrived, by the rules of its QoS.

        Raises BrokerError where that is unknown, MessageRefusedError where it never will.
        """

    def subscribe(self, topic: str, qos: int) -> Awaitable[None]:
        """Listen to a topic, or raise BrokerError."""

    def unsubscribe(self, topic: str) -> Awaitable[None]:
        """Listen to a topic no more, or raise BrokerError."""


class BrokerListener(Protocol):
    """Who is told what happens on the connection; a mirror is one."""

    def connected(self) -> None:
        """Hear that there is a connection, on which nothing is subscribed."""

    def lost(self) -> None:
        """Hear that there is none any more."""

    def received(self, topic: str, payload: bytes, retain: bool) -> None:
        """Take a message."""
