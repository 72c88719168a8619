"""The demo's hubs in a running Home Assistant, over its API."""

from pathlib import Path
import time

import pytest

from demo.flows import ConfigFlow
from demo.home_assistant import HomeAssistantError, wait_until
from demo.hubs import METER, SENSOR, WEATHER, create_serial_hub, create_tcp_hub
from demo.meter import JsonMeter
from demo.serial_device import SerialSensor

from .demo_process import DemoProcess
from .waits import (
    availabilities,
    entity_with,
    remove_hub,
    wait_for_availability,
    wait_for_change,
    wait_for_state,
)


async def test_hubs_of_demo_are_loaded(demo: DemoProcess) -> None:
    entries = {entry["title"]: entry for entry in await demo.api.config_entries()}
    assert {entries[name]["state"] for name in (METER, WEATHER, SENSOR)} == {"loaded"}


async def test_serial_hub_of_demo_has_its_values(demo: DemoProcess) -> None:
    for word, value in (("temperature", 42), ("humidity", 24), ("battery", 98)):
        await wait_for_state(demo, await entity_with(demo, SENSOR, word), f"{value}")


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

        await remove_hub(demo, "fragile-meter")

        async def left() -> bool:
            return meter.client_count == 0

        await wait_until(left, "the hub to close its connection", within=10)


async def test_serial_device_is_replugged(demo: DemoProcess, tmp_path: Path) -> None:
    async with SerialSensor(tmp_path / "port", interval=0.2) as sensor:
        await create_serial_hub(demo.api, "loose-sensor", sensor.path)
        entity_id = await entity_with(demo, "loose-sensor", "temperature")
        await wait_for_state(demo, entity_id, "42")

        async with availabilities(demo, entity_id) as seen:
            await sensor.stop()
            await wait_for_availability(demo, entity_id, available=False)
            sensor.values["temperature"] = 17
            await sensor.start()
            await wait_for_state(demo, entity_id, "17")
            sensor.values["temperature"] = 18
            await wait_for_state(demo, entity_id, "18")

            # It went once and came once, and nobody had to do anything.
            async def told() -> bool:
                return len(seen) > 1

            await wait_until(told, "the event of its return", within=10)
            assert seen == [False, True]

        await remove_hub(demo, "loose-sensor")


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
