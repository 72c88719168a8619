"""Repair issues: what only the user can mend."""

from typing import TYPE_CHECKING

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .const import DOMAIN

if TYPE_CHECKING:
    from .coordinator import ConnectorCoordinator


@callback
def create_too_many_datapoints(coordinator: ConnectorCoordinator) -> None:
    """Say that a device has more datapoints than a hub takes, or invents them."""
    ir.async_create_issue(
        coordinator.hass,
        DOMAIN,
        _too_many_datapoints(coordinator.config_entry.entry_id),
        is_fixable=False,
        severity=ir.IssueSeverity.WARNING,
        translation_key="too_many_datapoints",
        translation_placeholders={
            "name": coordinator.name,
            "limit": str(coordinator.connector.max_datapoints),
        },
    )


@callback
def delete_issues(hass: HomeAssistant, entry_id: str) -> None:
    """Take back what was said about a hub that is set up anew, or gone."""
    ir.async_delete_issue(hass, DOMAIN, _too_many_datapoints(entry_id))


def _too_many_datapoints(entry_id: str) -> str:
    """Return the id of the issue."""
    return f"too_many_datapoints_{entry_id}"
