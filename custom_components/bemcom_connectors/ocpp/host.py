"""What a charge point needs of the hub it belongs to."""

from collections.abc import Callable, Mapping
from typing import Protocol

from ..connector.model import JsonValue
from .authorization import IdTags
from .listener import OcppListener
from .model import HubOptions
from .transactions import TransactionBook


class Host(Protocol):
    """The hub, as its charge points see it."""

    options: HubOptions
    tags: IdTags
    book: TransactionBook

    def received(self, charge_point_id: str, action: str, payload: JsonValue) -> None:
        """Count a message, and tell those who want to know it as it came."""

    def show(
        self, charge_point_id: str, connector_id: int, values: Mapping[str, JsonValue]
    ) -> None:
        """Publish datapoints of a connector, by their own names; 0: the charge point."""

    def tell(self, what: Callable[[OcppListener], None]) -> None:
        """Tell the listeners of something."""

    def connectors_changed(self, charge_point_id: str) -> None:
        """Take that a charge point has other connectors now."""

    def changed(self, *, urgent: bool = False) -> None:
        """Note that something is worth keeping; `urgent`: at once."""

    def log_once(self, topic: str, message: str, *args: object) -> None:
        """Log a warning the first time its topic comes up."""
