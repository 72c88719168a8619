"""A dashboard of the demo's hubs, made of what the entity registry holds."""

from typing import Any

from demo.home_assistant import HomeAssistantApi, wait_until
from demo.hubs import OCPP
from demo.wallbox_view import wallbox_view

DASHBOARD_PATH = "demo-devices"

# How a thing that can be set is set right on its tile.
_FEATURES: dict[str, dict[str, Any]] = {
    "number": {"type": "numeric-input", "style": "buttons"},
    "switch": {"type": "toggle"},
    "button": {"type": "button", "action_name": "Press"},
}


async def save_dashboard(api: HomeAssistantApi, *, paired: bool = True) -> None:
    """Create the dashboard at the first start; later it belongs to the user.

    A wallbox that is not paired has nothing to show.
    """
    dashboards = await api.command("lovelace/dashboards/list")
    if any(dashboard["url_path"] == DASHBOARD_PATH for dashboard in dashboards):
        return
    entries = {
        entry["title"]: entry["entry_id"] for entry in await api.config_entries()
    }
    wallbox = entries.pop(OCPP, "")
    sections = [
        await _section(api, entry_id, title) for title, entry_id in entries.items()
    ]
    views = [{"title": "Demo devices", "type": "sections", "sections": sections}]
    if wallbox and paired:
        views.append(await wallbox_view(api, wallbox))
    await api.command(
        "lovelace/dashboards/create",
        url_path=DASHBOARD_PATH,
        title="Demo devices",
        icon="mdi:connection",
        require_admin=False,
        show_in_sidebar=True,
    )
    await api.command(
        "lovelace/config/save",
        url_path=DASHBOARD_PATH,
        config={"views": views},
    )


async def _section(api: HomeAssistantApi, entry_id: str, title: str) -> dict[str, Any]:
    """Return a section with a tile for each value of a hub, and each of its controls."""

    async def measured() -> list[str]:
        # What the device measures appears with its first message.
        shown = [
            entity["entity_id"]
            for entity in await api.entities(entry_id)
            if entity["entity_category"] is None
            and entity["disabled_by"] is None
            and entity["hidden_by"] is None
            and not entity["entity_id"].startswith("event.")
        ]
        return shown if any(map(_is_reading, shown)) else []

    found = await wait_until(measured, f"entities of {title}", within=30)
    cards = [
        {"type": "heading", "heading": title},
        *(_tile(entity_id) for entity_id in found if _is_reading(entity_id)),
    ]
    if controls := [entity_id for entity_id in found if not _is_reading(entity_id)]:
        cards += [
            {"type": "heading", "heading": "Controls", "heading_style": "subtitle"},
            *map(_control, controls),
        ]
    return {"type": "grid", "cards": cards}


def _is_reading(entity_id: str) -> bool:
    return entity_id.partition(".")[0] not in _FEATURES


def _tile(entity_id: str) -> dict[str, Any]:
    return {
        "type": "tile",
        "entity": entity_id,
        "name": {"type": "entity"},  # the heading names the device
        "grid_options": {"columns": 6},
    }


def _control(entity_id: str) -> dict[str, Any]:
    """Return a tile as wide as its section, which sets what it shows."""
    return _tile(entity_id) | {
        "features": [_FEATURES[entity_id.partition(".")[0]]],
        "features_position": "inline",
        "grid_options": {"columns": 12},
    }
