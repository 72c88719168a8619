"""Turning the mirror of a hub on and off in a browser."""

from playwright.async_api import expect

from demo.bemcom import BemcomApi
from demo.hubs import METER
from tests.ports import free_port

from .demo_process import DemoProcess
from .visitor import Visitor
from .waits import entity_with

POWER = "meter__power_w"


async def open_mirror(visitor: Visitor) -> None:
    """Go to the first form of the mirror of the meter's hub."""
    hub = await visitor.hub(METER)
    await hub.get_by_label("Configure").first.click()
    await visitor.choose("Mirror to MQTT")
    await expect(visitor.dialog.get_by_text("All topics begin with")).to_be_visible()


async def fill_broker(visitor: Visitor, port: int) -> None:
    """Say where the broker is, and have it tried."""
    dialog = visitor.dialog
    await dialog.get_by_role("textbox", name="Host").fill("127.0.0.1")
    await dialog.get_by_role("spinbutton", name="Port").fill(str(port))
    await visitor.next()


async def finish(visitor: Visitor) -> None:
    """Close the dialog that says that all is saved."""
    await expect(
        visitor.dialog.get_by_text("Options successfully saved")
    ).to_be_visible()
    await visitor.dialog.get_by_role("button", name="Finish").click()


async def test_mirror_a_hub(visitor: Visitor, demo: DemoProcess) -> None:
    page, dialog = visitor.page, visitor.dialog
    await visitor.log_in()
    await open_mirror(visitor)
    await visitor.picture("mirror")
    await visitor.select("Mirror", "A broker of your own")
    await visitor.next()
    await expect(dialog.get_by_text("Encryption (TLS)")).to_be_visible()
    await visitor.picture("broker")
    await fill_broker(visitor, free_port())
    await expect(dialog.get_by_text("Nothing listens at")).to_be_visible()
    await visitor.picture("no-broker")
    await fill_broker(visitor, demo.mqtt_port)
    await expect(dialog.get_by_text("Keep values on the broker")).to_be_visible()
    await visitor.picture("messages")

    async with BemcomApi(METER, port=demo.mqtt_port) as stack:
        await dialog.get_by_role("button", name="Submit").click()
        await finish(visitor)
        # It ticks what is announced to it, as an admin of BEMCom would.
        await stack.wait(lambda: isinstance(stack.values.get(POWER), dict), within=60)
        assert isinstance(stack.values[POWER]["value"], int | float)
        assert stack.is_alive
        await visitor.open_device_of(await entity_with(demo, METER, "meter_power"))
        broker = page.locator("hui-sensor-entity-row, hui-simple-entity-row")
        await expect(broker.filter(has_text="MQTT broker")).to_contain_text("Connected")
        await visitor.picture("mirrored")

        await open_mirror(visitor)
        await visitor.select("Mirror", "Off")
        await visitor.next()
        await finish(visitor)
        await stack.wait(lambda: not stack.is_alive or is_over(stack), within=60)
    await visitor.open_device_of(await entity_with(demo, METER, "meter_power"))
    await expect(page.get_by_text("Parse errors")).to_be_visible()
    await expect(page.get_by_text("MQTT broker")).not_to_be_visible()
    await visitor.picture("off")


def is_over(stack: BemcomApi) -> bool:
    """Tell whether the last heartbeat ended at once, as that of the end does."""
    beat = stack.heartbeat
    return beat["next_heartbeats_timestamp"] == beat["this_heartbeats_timestamp"]
