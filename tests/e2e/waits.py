"""Waiting for what Home Assistant shows."""

from demo.home_assistant import wait_until

from .demo_process import DemoProcess


async def entity_with(demo: DemoProcess, title: str, word: str) -> str:
    """Return the id of a hub's entity whose id has the word."""

    async def find() -> str | None:
        for entry in await demo.api.config_entries():
            if entry["title"] == title:
                for entity in await demo.api.entities(entry["entry_id"]):
                    if word in entity["entity_id"]:
                        return str(entity["entity_id"])
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
