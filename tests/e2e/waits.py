"""Waiting for what Home Assistant shows."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from demo.home_assistant import wait_until

from .demo_process import DemoProcess


async def entry_id_of(demo: DemoProcess, title: str) -> str:
    """Return the id of a hub's config entry."""
    entries = {entry["title"]: entry for entry in await demo.api.config_entries()}
    return str(entries[title]["entry_id"])


async def devices_of(demo: DemoProcess, title: str) -> list[dict[str, Any]]:
    """Return the registry's devices of a hub."""
    entry_id = await entry_id_of(demo, title)
    devices = await demo.api.command("config/device_registry/list")
    # (a part of a device belongs to one entry only)
    return [
        device
        for device in devices
        if entry_id in device.get("config_entries", (device.get("config_entry_id"),))
    ]


async def entity_with(
    demo: DemoProcess, title: str, word: str, domain: str = "sensor"
) -> str:
    """Return the id of a hub's entity of a domain whose id has the word."""

    async def find() -> str | None:
        for entry in await demo.api.config_entries():
            if entry["title"] == title:
                for entity in await demo.api.entities(entry["entry_id"]):
                    entity_id = str(entity["entity_id"])
                    if entity_id.startswith(f"{domain}.") and word in entity_id:
                        return entity_id
        return None

    found = await wait_until(find, f"an entity of {title} with {word}", within=30)
    assert found is not None
    return found


async def wait_for_change(demo: DemoProcess, entity_id: str) -> None:
    """Return once an entity has another state."""
    before = await demo.api.state(entity_id)

    async def changed() -> bool:
        return await demo.api.state(entity_id) != before

    await wait_until(changed, f"{entity_id} to change from {before}", within=30)


async def wait_for_availability(
    demo: DemoProcess, entity_id: str, *, available: bool
) -> None:
    """Return once an entity is, or is not, available."""

    async def reached() -> bool:
        return (await demo.api.state(entity_id) != "unavailable") is available

    what = f"{entity_id} to be {'available' if available else 'unavailable'}"
    await wait_until(reached, what, within=60)


async def wait_for_state(demo: DemoProcess, entity_id: str, state: str) -> None:
    """Return once an entity has a state."""

    async def reached() -> bool:
        return await demo.api.state(entity_id) == state

    await wait_until(reached, f"{entity_id} to be {state}", within=60)


@asynccontextmanager
async def availabilities(
    demo: DemoProcess, entity_id: str
) -> AsyncGenerator[list[bool]]:
    """Yield a list that tells each time whether the entity has become available or not."""
    seen: list[bool] = []
    async with demo.api.websocket() as socket:
        await socket.send_json(
            {"id": 1, "type": "subscribe_events", "event_type": "state_changed"}
        )
        await socket.receive_json()
        listener = asyncio.create_task(_listen(socket, entity_id, seen))
        try:
            yield seen
        finally:
            listener.cancel()


async def _listen(
    socket: aiohttp.ClientWebSocketResponse, entity_id: str, seen: list[bool]
) -> None:
    async for message in socket:
        change = message.json()["event"]["data"]
        if change["entity_id"] == entity_id:
            available = change["new_state"]["state"] != "unavailable"
            if available != (change["old_state"]["state"] != "unavailable"):
                seen.append(available)


async def remove_hub(demo: DemoProcess, title: str) -> None:
    """Delete a hub."""
    for entry in await demo.api.config_entries():
        if entry["title"] == title:
            await demo.api.request(
                "DELETE", f"/api/config/config_entries/entry/{entry['entry_id']}"
            )
