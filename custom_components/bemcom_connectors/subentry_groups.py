"""What belongs to which charge point: entities are grouped by its subentry."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from .coordinator import ConnectorCoordinator


class _OfDevice(Protocol):
    """Something of a device; None: of the hub itself."""

    @property
    def device_id(self) -> str | None: ...


def by_subentry[T: _OfDevice](
    coordinator: ConnectorCoordinator, items: Iterable[T]
) -> Mapping[str | None, list[T]]:
    """Return things by the subentry of the charge point that they are of, if any."""
    if (ocpp := coordinator.ocpp) is None:
        return {None: list(items)}
    found: dict[str | None, list[T]] = {}
    subentries: dict[str | None, str | None] = {None: None}
    for item in items:
        device_id = item.device_id
        if device_id not in subentries:
            subentries[device_id] = ocpp.subentry_id(device_id)
        # Otherwise the charge point was removed meanwhile.
        if (subentry_id := subentries[device_id]) is not None or device_id is None:
            found.setdefault(subentry_id, []).append(item)
    return found
