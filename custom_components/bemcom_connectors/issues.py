"""Repair issues: what only the user can mend."""

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .const import DOMAIN


@callback
def create_too_many_datapoints(
    hass: HomeAssistant, entry: ConfigEntry, limit: int
) -> None:
    """Say that a device has more datapoints than a hub takes, or invents them."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        _too_many_datapoints(entry),
        is_fixable=False,
        severity=ir.IssueSeverity.WARNING,
        translation_key="too_many_datapoints",
        translation_placeholders={"name": entry.title, "limit": str(limit)},
    )


@callback
def delete_issues(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Take back what was said about a hub that is set up anew, or gone."""
    ir.async_delete_issue(hass, DOMAIN, _too_many_datapoints(entry))


def _too_many_datapoints(entry: ConfigEntry) -> str:
    """Return the id of the issue."""
    return f"too_many_datapoints_{entry.entry_id}"
