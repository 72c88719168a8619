"""Setting a hub up as a person does, in a browser."""

import re

from playwright.async_api import expect

from demo.hubs import METER, WEATHER
from demo.meter import JsonMeter
from tests.ports import free_port

from .visitor import Visitor
from .waits import entity_with, wait_for_change

NAME = "garage-meter"


async def test_add_device(visitor: Visitor) -> None:
    page = visitor.page
    dialog = visitor.dialog
    await visitor.log_in()
    await visitor.visit("demo-devices")
    await expect(page.get_by_role("heading", name=METER)).to_be_visible()
    await visitor.picture("dashboard")

    await visitor.start_adding("TCP socket")

    # A wrong port is said at once, and what was entered is still there.
    await visitor.fill_address(NAME, free_port())
    await expect(dialog.locator("ha-alert")).to_be_visible()
    await visitor.picture("nobody-listens")

    async with JsonMeter(seed=3) as meter:
        meter.pause()
        await visitor.fill_address(NAME, meter.port)
        await expect(dialog.locator("ha-spinner")).to_be_visible()
        await visitor.picture("listening")
        meter.resume()
        await expect(dialog.get_by_text(re.compile("power_w")).first).to_be_visible()
        await visitor.picture("preview")
        await dialog.get_by_text("Create the hub").click()
        await expect(dialog.get_by_text("Device name")).to_be_visible()
        await visitor.picture("created")
        await dialog.get_by_role("button", name=re.compile("inish")).click()

        # The device's page opens by itself; what it shows changes by itself.
        await expect(page).to_have_url(re.compile("/config/devices/device/"))
        row = page.locator(
            "hui-sensor-entity-row", has_text=re.compile("power", re.IGNORECASE)
        )
        await expect(row.first).to_be_visible()
        await visitor.picture("device")
        # (the snapshot has what people see; the text is in elements of the elements)
        shown = await row.first.aria_snapshot()
        await expect(row.first).not_to_match_aria_snapshot(shown)
        await visitor.picture("device-later")

        await visitor.visit("config/integrations/integration/bemcom_connectors")
        await expect(page.get_by_text(NAME).first).to_be_visible()
        await visitor.picture("integration")


async def test_change_options(visitor: Visitor) -> None:
    dialog = visitor.dialog
    await visitor.log_in()
    row = await visitor.hub(WEATHER)
    await row.get_by_role("button", name=re.compile("Configure|Options")).click()
    await expect(dialog.get_by_text("Framing and format").first).to_be_visible()
    await visitor.picture("options")
    await visitor.choose("Framing and format")
    await expect(dialog.get_by_role("button", name="Next")).to_be_visible()
    await visitor.picture("decode")
    await visitor.select("Framing", "A delimiter")
    await dialog.get_by_role("button", name="Next").click()
    await dialog.get_by_role("textbox", name="Delimiter").fill("---\\n")
    await visitor.picture("parameters")
    await dialog.get_by_role("button", name="Next").click()
    await expect(dialog.get_by_text("humidity").first).to_be_visible()
    await visitor.picture("preview")
    await visitor.choose("Save")
    await expect(dialog.get_by_text("successfully saved")).to_be_visible()
    await visitor.picture("saved")

    # The hub goes on with the new framing.
    demo = visitor.demo
    await wait_for_change(demo, await entity_with(demo, WEATHER, "speed"))
