"""A dashboard of the demo's hubs, made of what the entity registry holds."""

from typing import Any

from demo.home_assistant import HomeAssistantApi, wait_until

DASHBOARD_PATH = "demo-devices"


async def save_dashboard(api: HomeAssistantApi) -> None:
    """Create the dashboard at the first start; later it belongs to the user."""
    dashboards = await api.command("lovelace/dashboards/list")
    if any(dashboard["url_path"] == DASHBOARD_PATH for dashboard in dashboards):
        return
    sections = [
        await _section(api, entry["entry_id"], entry["title"])
        for entry in await api.config_entries()
    ]
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
        config={
            "views": [
                {"title": "Demo devices", "type": "sections", "sections": sections}
            ]
        },
    )


async def _section(api: HomeAssistantApi, entry_id: str, title: str) -> dict[str, Any]:
    """Return a section with a tile for each of a hub's values."""

    async def measured() -> list[dict[str, Any]]:
        # What the device measures appears with its first message.
        entities = await api.entities(entry_id)
        return [
            entity
            for entity in entities
            if entity["entity_category"] is None
            and entity["disabled_by"] is None
            and entity["hidden_by"] is None
        ]

    found = await wait_until(measured, f"entities of {title}", within=30)
    tiles = [
        {
            "type": "tile",
            "entity": entity["entity_id"],
            "name": {"type": "entity"},  # the heading names the device
            "grid_options": {"columns": 6},
        }
        for entity in found
    ]
    heading = {"type": "heading", "heading": title}
    return {"type": "grid", "cards": [heading, *tiles]}
