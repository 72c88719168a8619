"""The end of the demo, and its second start (named to run after the other tests)."""

from demo.hubs import METER, SENSOR, WEATHER

from .demo_process import DemoProcess
from .log_check import complaints
from .waits import devices_of, entity_with, wait_for_state


async def test_stop_in_traffic_and_second_start(demo: DemoProcess) -> None:
    before = {entry["entry_id"] for entry in await demo.api.config_entries()}
    for key, value in (("target", 23.5), ("heater", True)):
        await demo.api.ask(
            "bemcom_connectors.send_command", hub=SENSOR, key=key, value=value
        )
    await demo.api.act(
        "bemcom_connectors.register_device", hub=WEATHER, id="mast-2", name="Mast"
    )
    entities = {
        entity["entity_id"]
        for entry_id in before
        for entity in await demo.api.entities(entry_id)
    }

    # The devices push until the very end.
    seconds = await demo.stop()
    assert seconds < 30
    assert complaints(demo.log()) == []
    assert not demo.serial_port.is_symlink()

    await demo.start()
    assert f"{demo.serial_port}" in "".join(demo.said)
    entries = await demo.api.config_entries()
    assert {entry["entry_id"] for entry in entries} == before
    assert {METER, WEATHER, SENSOR} <= {entry["title"] for entry in entries}
    # (the wallbox may have more: why it ended the session that lost its power)
    assert entities <= {
        entity["entity_id"]
        for entry_id in before
        for entity in await demo.api.entities(entry_id)
    }
    await wait_for_state(demo, await entity_with(demo, SENSOR, "humidity"), "24")
    # What the device was set to is known, and what is registered is there.
    number = await entity_with(demo, SENSOR, "target", "number")
    assert await demo.api.state(number) == "23.5"
    switch = await entity_with(demo, SENSOR, "heater", "switch")
    assert await demo.api.state(switch) == "on"
    devices = {device["name"] for device in await devices_of(demo, WEATHER)}
    assert devices == {WEATHER, "Mast"}
    assert await demo.stop() < 30
    assert complaints(demo.log()) == []
