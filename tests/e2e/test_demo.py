"""The demo's hubs in a running Home Assistant, over its API."""

import time

import pytest

from demo.home_assistant import ConfigFlow, HomeAssistantError, wait_until
from demo.hubs import METER, WEATHER, create_tcp_hub
from demo.meter import JsonMeter

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


async def test_hubs_of_demo_are_loaded(demo: DemoProcess) -> None:
    entries = {entry["title"]: entry for entry in await demo.api.config_entries()}
    assert set(entries) == {METER, WEATHER}
    assert {entry["state"] for entry in entries.values()} == {"loaded"}


async def test_states_follow_devices(demo: DemoProcess) -> None:
    await wait_for_change(demo, await entity_with(demo, METER, "power"))
    humidity = await entity_with(demo, WEATHER, "humidity")
    assert 0 <= float(await demo.api.state(humidity)) <= 100
    await wait_for_change(demo, await entity_with(demo, WEATHER, "speed"))


async def test_link_that_breaks_recovers(demo: DemoProcess) -> None:
    async with JsonMeter(seed=7, interval=0.5) as meter:
        await create_tcp_hub(demo.api, "fragile-meter", meter.port)
        entity_id = await entity_with(demo, "fragile-meter", "power")
        await wait_for_change(demo, entity_id)

        meter.drop_connections()
        await wait_for_change(demo, entity_id)

        await meter.stop()
        await wait_for_availability(demo, entity_id, available=False)
        await meter.start()
        await wait_for_availability(demo, entity_id, available=True)

        for entry in await demo.api.config_entries():
            if entry["title"] == "fragile-meter":
                await demo.api.request(
                    "DELETE", f"/api/config/config_entries/entry/{entry['entry_id']}"
                )

        async def left() -> bool:
            return meter.client_count == 0

        await wait_until(left, "the hub to close its connection", within=10)


async def test_flow_says_when_nobody_listens(demo: DemoProcess) -> None:
    async with JsonMeter() as meter:
        closed_port = meter.port
    flow = await ConfigFlow.start(demo.api)
    await flow.choose("tcp")
    began = time.monotonic()
    with pytest.raises(HomeAssistantError, match="link_"):
        await flow.submit(connector_name="nobody", host="127.0.0.1", port=closed_port)
    assert time.monotonic() - began < 30
    assert flow.at == "tcp"
