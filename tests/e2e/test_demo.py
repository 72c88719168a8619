"""The demo's hubs in a running Home Assistant, over its API."""

import time

import pytest

from demo.home_assistant import ConfigFlow, HomeAssistantError, wait_until
from demo.hubs import METER, WEATHER, create_tcp_hub
from demo.meter import JsonMeter

from .demo_process import DemoProcess
from .waits import entity_with, wait_for_availability, wait_for_change


async def test_hubs_of_demo_are_loaded(demo: DemoProcess) -> None:
    entries = {entry["title"]: entry for entry in await demo.api.config_entries()}
    assert entries[METER]["state"] == entries[WEATHER]["state"] == "loaded"


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
