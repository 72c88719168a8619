"""Setting what can be set on the serial sensor, and adding more of it, in a browser."""

import json
import re

from playwright.async_api import Locator, expect

from demo.hubs import SENSOR

from .visitor import Visitor
from .waits import entity_with, wait_for_state

THINGSBOARD = {
    "attributeUpdates": [
        {
            "attributeOnThingsBoard": "humidity",
            "stringToDevice": "humidity = ${humidity}\n",
        }
    ],
    "serverSideRpc": [
        {
            "method": "heat",
            "type": "string",
            "withResponse": True,
            "responseType": "string",
        }
    ],
}


def row(visitor: Visitor, name: str, kind: str = "sensor") -> Locator:
    """Return the row of an entity on the page of its device."""
    return visitor.page.locator(f"hui-{kind}-entity-row", has_text=name)


async def set_field(field: Locator, value: str) -> None:
    """Fill in a field of a row, and leave it."""
    await field.fill(value)
    await field.press("Enter")


async def open_device(visitor: Visitor) -> None:
    """Go to the page of the serial sensor, and find everything as it is at the start."""
    await visitor.open_device_of(await entity_with(visitor.demo, SENSOR, "temperature"))
    await expect(row(visitor, "Temperature")).to_contain_text("42")


async def see_reply(visitor: Visitor, name: str, reply: str) -> None:
    """Find the device's reply among all that there is to an entity."""
    page = visitor.page
    dialog = page.locator("ha-more-info-dialog")
    controls = page.locator("ha-device-entities-card").first
    await controls.get_by_text(name, exact=True).click()
    await dialog.get_by_role("button", name="Menu").click()
    await page.get_by_role("menuitem", name="Details").click()
    # (the text is in elements of the elements)
    await expect(dialog).to_match_aria_snapshot(f"- listitem: Reply {reply}")
    await visitor.picture(f"reply-of-{name.lower().replace(' ', '-')}")
    await page.keyboard.press("Escape")
    await expect(dialog.get_by_role("dialog")).not_to_be_visible()


async def test_use_actuators(visitor: Visitor) -> None:
    page, demo = visitor.page, visitor.demo
    await visitor.log_in()
    await open_device(visitor)
    await visitor.picture("device")

    # What is shown is what the device has confirmed.
    target = page.get_by_role("spinbutton", name="Target temperature")
    await set_field(target, "21.5")
    number = await entity_with(demo, SENSOR, "target", "number")
    await wait_for_state(demo, number, "21.5")
    # As long as nobody knows how it is there are two buttons.
    heater = page.get_by_role("switch", name=re.compile("Heater"))
    on = page.get_by_role("button", name=re.compile("Heater on"))
    await heater.or_(on).click(force=True)  # its picture is above it
    await expect(heater).to_be_checked()
    await visitor.picture("set")
    await heater.click(force=True)
    await expect(heater).not_to_be_checked()
    await see_reply(visitor, "Target temperature", "21.5")

    # A reading that somebody changed on the device is what it was after the button.
    await demo.api.ask(
        "bemcom_connectors.send_raw",
        hub=SENSOR, text=r"temperature = 7\n", wait_for_reply=True, reply_prefix="OK",
    )  # fmt: skip
    await expect(row(visitor, "Temperature")).to_contain_text("7.0 °C")
    await row(visitor, "Reset", "button").get_by_role("button", name="Press").click()
    await expect(row(visitor, "Temperature")).to_contain_text("42")
    await see_reply(visitor, "Reset", "OK reset")

    # Home Assistant refuses what is beyond the limits.
    await set_field(target, "31")
    await expect(page.get_by_text("outside valid range").first).to_be_visible()
    await visitor.picture("too-much")

    await visitor.visit("demo-devices")
    await expect(page.get_by_text("Target temperature")).to_be_visible()
    await visitor.picture("dashboard")


async def test_add_actuator(visitor: Visitor) -> None:
    page = visitor.page
    await visitor.log_in()
    await describe_number(visitor)
    await write_template(visitor)
    await expect_reply(visitor)
    await try_values(visitor)

    await open_device(visitor)
    field = page.get_by_role("spinbutton", name="Room temperature")
    await expect(field).to_have_value("42")
    await set_field(field, "33")
    await expect(row(visitor, "Temperature")).to_contain_text("33")
    await visitor.picture("used")
    # The device knows no negative numbers.
    await set_field(field, "-5")
    refused = page.get_by_text(f"{SENSOR} refused: ERROR")
    await expect(refused.first).to_be_visible()
    await visitor.picture("refused")
    await expect(row(visitor, "Temperature")).to_contain_text("33")
    await row(visitor, "Reset", "button").get_by_role("button", name="Press").click()
    await expect(row(visitor, "Temperature")).to_contain_text("42")


async def start_adding(visitor: Visitor, what: str) -> None:
    """Choose something that can be added to the serial hub."""
    hub = await visitor.hub(SENSOR)
    await hub.get_by_role("button", name="Menu").first.click()
    await visitor.page.get_by_role("menuitem", name="Add an actuator").click()
    await expect(visitor.dialog.get_by_text("What can be set?")).to_be_visible()
    await visitor.picture("kinds")
    await visitor.dialog.get_by_text(what, exact=True).click()


async def describe_number(visitor: Visitor) -> None:
    """Say which datapoint the number writes, and that the device replies."""
    dialog = visitor.dialog
    await start_adding(visitor, "A number")
    await visitor.picture("number")
    # Nothing is chosen that the user did not choose.
    await visitor.next()
    await expect(dialog.get_by_text("Not all required fields")).to_be_visible()
    await dialog.get_by_role("button", name="Key").click()
    option = dialog.get_by_role("option", name="Temperature (temperature): 42 °C")
    await expect(option).to_be_visible()
    await visitor.picture("keys")
    await option.click()
    await expect(dialog.get_by_role("button", name="Key")).to_contain_text(
        "temperature"
    )
    await dialog.get_by_role("textbox", name="Name").fill("Room temperature")
    await dialog.get_by_role("spinbutton", name="Minimum").fill("-10")
    await dialog.get_by_role("spinbutton", name="Maximum").fill("60")
    await visitor.select("Reply", "As everything on the link")
    await dialog.get_by_role("button", name="Scale and offset").click()
    await visitor.picture("number-described")
    await visitor.next()


async def write_template(visitor: Visitor) -> None:
    """Say how it is written, after a mistake in it."""
    dialog = visitor.dialog
    template = dialog.get_by_role("textbox", name="Template")
    await expect(template).to_have_value(r"${value}\n")
    await template.fill(r"${attribut} = ${value}\n")
    await dialog.get_by_role("button", name="Encoding and checksum").click()
    await visitor.picture("template")
    await visitor.next()
    await expect(dialog.get_by_text("${attribut} is unknown")).to_be_visible()
    await visitor.picture("unknown-variable")
    await template.fill(r"${attribute} = ${value}\n")
    await visitor.next()


async def expect_reply(visitor: Visitor) -> None:
    """Say what the replies look like."""
    dialog = visitor.dialog
    await dialog.get_by_role("textbox", name="Beginning").fill("OK")
    await dialog.get_by_role("textbox", name="Pattern of a refusal").fill("^ERROR")
    await dialog.get_by_role("button", name="Part of the reply").click()
    await visitor.picture("reply")
    await visitor.next()


async def try_values(visitor: Visitor) -> None:
    """Look at the bytes before it is saved."""
    dialog = visitor.dialog
    await expect(dialog.get_by_role("cell", name=r"temperature = 60\n")).to_be_visible()
    await visitor.picture("preview")
    await visitor.choose("Try another value")
    value = dialog.get_by_role("textbox", name="Value")
    await value.fill("61")
    await visitor.next()
    await expect(dialog.get_by_text("61 is more than 60")).to_be_visible()
    await visitor.picture("cannot-be-sent")
    await value.fill("17")
    await visitor.next()
    for shown in (r"temperature = 17\n", b"temperature = 17\n".hex(" ")):
        await expect(dialog.get_by_role("cell", name=shown)).to_be_visible()
    await visitor.picture("preview-of-17")
    await visitor.choose("Save")
    await expect(dialog.get_by_text("Room temperature")).to_be_visible()
    await visitor.picture("saved")
    await dialog.get_by_role("button", name="Finish").click()


async def test_paste_commands(visitor: Visitor) -> None:
    page, dialog = visitor.page, visitor.dialog
    await visitor.log_in()
    await start_adding(visitor, "Paste from ThingsBoard")
    field = dialog.get_by_role("textbox", name="Configuration")
    pasted = json.dumps(THINGSBOARD, indent=2)
    await field.fill(pasted[:-2])
    await dialog.get_by_role("button", name="Submit").click()
    await expect(dialog.get_by_text("Not valid JSON")).to_be_visible()
    await visitor.picture("cut-off")
    await field.fill(pasted)
    await dialog.get_by_role("button", name="Submit").click()
    await expect(dialog.get_by_text("Added: 2 (Humidity, heat).")).to_be_visible()
    await visitor.picture("added")
    await dialog.get_by_role("button", name="Close").last.click()
    hub = await visitor.hub(SENSOR)
    await expect(hub.get_by_text("heat", exact=True)).to_be_visible()
    await visitor.picture("hub")
    await wait_for_ok(visitor, hub)

    await open_device(visitor)
    await set_field(page.get_by_role("textbox", name="Humidity"), "55")
    await expect(row(visitor, "Humidity")).to_contain_text("55")
    await visitor.picture("device")
    await set_field(page.get_by_role("textbox", name="Humidity"), "24")
    await expect(row(visitor, "Humidity")).to_contain_text("24")


async def wait_for_ok(visitor: Visitor, hub: Locator) -> None:
    """Change an actuator so that it waits for the reply."""
    dialog = visitor.dialog
    humidity = hub.locator("ha-config-sub-entry-row", has_text="Humidity")
    await humidity.get_by_role("button", name="Change the actuator").click()
    await expect(dialog.get_by_role("textbox", name="Name")).to_have_value("Humidity")
    await visitor.select("Reply", "As everything on the link")
    await visitor.next()
    template = dialog.get_by_role("textbox", name="Template")
    await expect(template).to_have_value(r"humidity = ${value}\n")
    await visitor.picture("template")
    await visitor.next()
    await dialog.get_by_role("textbox", name="Beginning").fill("OK")
    await visitor.next()
    await expect(dialog.get_by_role("cell", name=r"humidity = Hello\n")).to_be_visible()
    await visitor.picture("preview")
    await visitor.choose("Save")
    await expect(dialog.get_by_text("successful")).to_be_visible()
    await visitor.picture("changed")
    await dialog.get_by_role("button", name="Close").last.click()
