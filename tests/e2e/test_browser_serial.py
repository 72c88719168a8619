"""Setting serial hubs up and changing them as a person does, in a browser."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
import json
from pathlib import Path
import re

from playwright.async_api import Locator, expect

from demo.serial_device import SerialSensor
from tests.serial_device import SerialDevice

from .visitor import Visitor

NAME = "cellar-sensor"

THINGSBOARD = {
    "name": "Serial",
    "devices": [
        {
            "name": "Cellar",
            "type": "default",
            "port": "/dev/ttyUSB0",
            "baudrate": 9600,
            "converter": "SerialUplinkConverter",
            "telemetry": [
                {"key": "temperature", "type": "int", "toByte": 2},
                {"key": "humidity", "type": "int", "fromByte": 2, "toByte": 4},
            ],
            "attributes": [{"key": "battery", "type": "int", "fromByte": 4}],
        }
    ],
}


async def test_add_serial_sensor(visitor: Visitor, tmp_path: Path) -> None:
    async with SerialSensor(tmp_path / "port", interval=0.5) as sensor:
        await visitor.log_in()
        await open_port(visitor, sensor.path)
        await fill_slices(visitor)
        await paste_thingsboard(visitor)
        await create(visitor)

        sensor.values["temperature"] = 17
        await expect(row_with(visitor, "Temperature")).to_contain_text("17")
        await visitor.picture("changed")

        await override_temperature(visitor)
        await look_at_options(visitor)


async def open_port(visitor: Visitor, path: Path) -> None:
    """Get to what the device sends, after a mistake in the path."""
    dialog = visitor.dialog
    await visitor.start_adding("Serial port")
    await dialog.get_by_role("textbox", name="Connector name").fill(NAME)
    await visitor.picture("port")
    await visitor.enter_port_manually()
    await visitor.fill_port(path.with_name("nothing"))
    await dialog.get_by_role("button", name="Advanced").click()
    await visitor.picture("advanced")
    await dialog.get_by_role("button", name="Advanced").click()
    await visitor.next()
    await expect(dialog.get_by_text("There is no such port")).to_be_visible()
    await visitor.picture("no-such-port")

    # The form is a new one, with a list again.
    await visitor.enter_port_manually()
    await visitor.fill_port(path)
    await visitor.next()
    await expect(dialog.get_by_text("422498").first).to_be_visible()
    await visitor.picture("raw-preview")


async def fill_slices(visitor: Visitor) -> None:
    """Add rows to the table of slices by hand, two of them with the same key."""
    await visitor.choose("Change framing and format")
    await visitor.select("Framing", "Lines")
    await visitor.select("Format", "Slices (ThingsBoard)")
    await visitor.picture("decode")
    await visitor.next()
    await visitor.picture("slices")
    form = await add_row(visitor, {"Key": "first", "From byte": "0", "To byte": "2"})
    await visitor.picture("slice-form")
    await form.get_by_role("button", name="Add").click()
    form = await add_row(visitor, {"Key": "first", "From byte": "4", "To byte": "6"})
    await form.get_by_role("button", name="Add").click()
    await expect(visitor.dialog.locator("ha-list-item-base")).to_have_count(2)
    await visitor.picture("slices-filled")
    await visitor.next()
    await expect(
        visitor.dialog.get_by_text("has the key of another row")
    ).to_be_visible()
    await visitor.picture("slices-wrong")


async def add_row(visitor: Visitor, fields: dict[str, str]) -> Locator:
    """Fill in the form of a new row of a table, and return the form."""
    await visitor.dialog.get_by_role("button", name="Add", exact=True).click()
    form = visitor.page.locator("dialog-form")
    for name, value in fields.items():
        text = form.get_by_role("textbox", name=name)
        number = form.get_by_role("spinbutton", name=name)
        await text.or_(number).fill(value)
    return form


async def paste_thingsboard(visitor: Visitor) -> None:
    """Paste a configuration, which replaces the table, and see what comes of it."""
    dialog = visitor.dialog
    field = dialog.get_by_role("textbox", name="Paste a ThingsBoard configuration")
    await field.fill(json.dumps(THINGSBOARD, indent=2))
    await visitor.picture("pasted")
    await visitor.next()
    for value in ("42 °C", "24 %", "98 %"):
        await expect(dialog.get_by_role("cell", name=value)).to_be_visible()
    await visitor.picture("preview")


async def create(visitor: Visitor) -> None:
    """Create the hub, and find its values on the page of its device."""
    await visitor.choose("Create the hub")
    await expect(visitor.dialog.get_by_text("Device name")).to_be_visible()
    await visitor.picture("created")
    await visitor.dialog.get_by_role("button", name=re.compile("inish")).click()
    await expect(visitor.page).to_have_url(re.compile("/config/devices/device/"))
    for name, value in (("Temperature", "42"), ("Humidity", "24"), ("Battery", "98")):
        await expect(row_with(visitor, name)).to_contain_text(value)
    await visitor.picture("device")


def row_with(visitor: Visitor, name: str) -> Locator:
    """Return the row of an entity on the page of its device."""
    return visitor.page.locator("hui-generic-entity-row", has_text=name)


async def override_temperature(visitor: Visitor) -> None:
    """Say what a datapoint of the hub is called and in which unit it comes."""
    page, dialog = visitor.page, visitor.dialog
    row = await visitor.hub(NAME)
    await row.get_by_role("button", name="Menu").first.click()
    await page.get_by_role("menuitem", name="Adjust a datapoint").click()
    await dialog.get_by_role("button", name="Datapoint").click()
    await expect(dialog.get_by_role("option", name="Temperature")).to_be_visible()
    await visitor.picture("datapoints")
    await dialog.get_by_role("option", name="Temperature").click()
    await visitor.next()
    await dialog.get_by_role("textbox", name="Name").fill("Room temperature")
    await visitor.select("Device class", "Temperature")
    await visitor.picture("datapoint")
    await visitor.next()
    await dialog.get_by_role("button", name="Unit").click()
    await dialog.get_by_role("option", name="°F").click()
    await dialog.get_by_role("button", name="Number").click()
    await visitor.picture("datapoint-number")
    await dialog.get_by_role("button", name="Number").click()
    await dialog.get_by_role("button", name="Reporting").click()
    await visitor.picture("datapoint-reporting")
    await dialog.get_by_role("button", name="Submit").click()
    await expect(dialog.get_by_text("Room temperature")).to_be_visible()
    await visitor.picture("datapoint-created")
    await dialog.get_by_role("button", name="Finish").click()

    row = await visitor.hub(NAME)
    await expect(row.get_by_text("Room temperature")).to_be_visible()
    await visitor.picture("hub-with-datapoint")
    await row.get_by_role("button", name=NAME).click()
    await expect(row_with(visitor, "Room temperature")).to_contain_text("17.0 °F")
    await visitor.picture("device-with-datapoint")


async def look_at_options(visitor: Visitor) -> None:
    """Open each step of the hub's options."""
    dialog = visitor.dialog
    for step in (
        "Framing and format",
        "Several devices on the link",
        "When values are reported",
        "Cyclic request",
        "Timeouts and limits",
    ):
        row = await visitor.hub(NAME)
        # (its devices, shown below it once there are subentries, have such a button too)
        await row.get_by_role("button", name="Configure").first.click()
        await expect(dialog.get_by_text(step)).to_be_visible()
        if step == "Framing and format":
            await visitor.picture("options")
        await visitor.choose(step)
        await expect(
            dialog.get_by_role("button", name=re.compile("Next|Submit"))
        ).to_be_visible()
        await visitor.picture("options-" + step.lower().replace(" ", "-"))


@asynccontextmanager
async def chatting(device: SerialDevice) -> AsyncGenerator[None]:
    """Let a device speak all the time."""

    async def chat() -> None:
        while True:
            await device.send(b"422498\n")
            await asyncio.sleep(0.1)

    task = asyncio.create_task(chat())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_find_baud_rate(visitor: Visitor, tmp_path: Path) -> None:
    dialog = visitor.dialog
    await visitor.log_in()
    async with SerialDevice(tmp_path, baudrate=115200) as device, chatting(device):
        await visitor.start_adding("Serial port")
        await dialog.get_by_role("textbox", name="Connector name").fill("attic-sensor")
        await visitor.enter_port_manually()
        await visitor.fill_port(Path(device.path))
        await visitor.next()
        await expect(dialog.get_by_text("wrong baud rate")).to_be_visible()
        await visitor.picture("wrong-baud-rate")
        await visitor.choose("Find the baud rate")
        await expect(
            dialog.get_by_text("one baud rate after the other")
        ).to_be_visible()
        await visitor.picture("searching")
        await expect(dialog.get_by_role("cell", name="422498")).to_be_visible()
        await visitor.picture("found")
        await fill_binary_fields(visitor)


async def fill_binary_fields(visitor: Visitor) -> None:
    """Read a byte of the message as a number."""
    dialog = visitor.dialog
    await visitor.choose("Change framing and format")
    await visitor.select("Framing", "Lines")
    await visitor.select("Format", "Binary fields")
    await visitor.next()
    await visitor.picture("binary")
    form = await add_row(visitor, {"Key": "first", "Position": "0"})
    await form.locator('ha-picker-field[aria-label="Type"]').click()
    await visitor.picture("binary-types")
    await form.get_by_role("menuitem", name="Whole number, 8 bits, unsigned").click()
    await visitor.picture("binary-form")
    await form.get_by_role("button", name="Add").click()
    await expect(dialog.locator("ha-list-item-base")).to_contain_text("first")
    await visitor.picture("binary-filled")
    await visitor.next()
    await expect(dialog.get_by_role("cell", name="52", exact=True)).to_be_visible()
    await visitor.picture("binary-preview")
