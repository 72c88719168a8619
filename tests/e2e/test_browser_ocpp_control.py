"""Controlling a wallbox as a person does, in a browser."""

import re

from playwright.async_api import Locator, expect

from demo.hubs import OCPP, pair_wallbox
from demo.start import WALLBOX

from .log_check import complaints
from .visitor import Visitor
from .waits import entity_with, wait_for_state

STATUS = "connector_1_status"
# The wallbox measures every half minute where nobody changed that.
MEASURED = 60_000
PLAN = """\
action: bemcom_connectors.set_charging_profile
data:
  device_id: {device_id}
  schedule:
    - start: 0
      limit: 9
    - start: 1500
      limit: 6
"""
CLEAR = """\
action: bemcom_connectors.clear_charging_limit
data:
  device_id: {device_id}
"""


def row(visitor: Visitor, name: str) -> Locator:
    """Return the row of a value on the page of its device."""
    label = visitor.page.get_by_text(name, exact=True)
    return visitor.page.locator("hui-generic-entity-row", has=label)


def charge_control(visitor: Visitor) -> Locator:
    """Return the switch that starts and ends charging."""
    return visitor.page.get_by_role("switch", name=re.compile("Charge control"))


async def test_control_charging(visitor: Visitor) -> None:
    await visitor.log_in()
    await pair_wallbox(visitor.demo.api, WALLBOX)
    device_id = await open_connector(visitor)
    await end_session_of_guest(visitor)
    await start(visitor)
    await limit(visitor)
    await clear_limit(visitor, device_id)
    await send_plan(visitor, device_id)
    await see_plan(visitor)
    await stop(visitor)
    await look_at_wallbox(visitor)
    answer = await visitor.demo.api.ask(
        "bemcom_connectors.clear_charging_profile", device_id=device_id
    )
    assert answer == {"status": "Accepted"}
    assert complaints(visitor.demo.log()) == []


async def open_connector(visitor: Visitor) -> str:
    """Go to the page of the first connector, and return the id of the device."""
    entity_id = await entity_with(visitor.demo, OCPP, "connector_1_charge", "switch")
    await visitor.open_device_of(entity_id)
    await expect(charge_control(visitor)).to_be_visible()
    return str(visitor.page.url).rpartition("/")[2]


async def end_session_of_guest(visitor: Visitor) -> None:
    """Make room: whoever charges with a card can be stopped as well."""
    status = await entity_with(visitor.demo, OCPP, STATUS)
    if await visitor.demo.api.state(status) == "preparing":
        await wait_for_state(visitor.demo, status, "charging")
    if await visitor.demo.api.state(status) != "available":
        await expect(charge_control(visitor)).to_be_checked()
        await visitor.picture("guest")
        await charge_control(visitor).click(force=True)  # its picture is above it
        await expect(charge_control(visitor)).not_to_be_checked()
    await expect(row(visitor, "Status")).to_contain_text("Available")
    await visitor.picture("free")


async def start(visitor: Visitor) -> None:
    """Let a car charge."""
    await charge_control(visitor).click(force=True)
    await expect(row(visitor, "Status")).to_contain_text("Charging")
    await expect(charge_control(visitor)).to_be_checked()
    await expect(row(visitor, "ID tag")).to_contain_text("HomeAssistant")
    await visitor.picture("started")
    # It takes a while to what it wants.
    power = row(visitor, "Power")
    await expect(power).to_match_aria_snapshot(r"- text: /\d,\d+ W/", timeout=MEASURED)
    await visitor.picture("charging")


async def limit(visitor: Visitor) -> None:
    """Let it take less."""
    field = visitor.page.get_by_role("spinbutton", name="Charging limit")
    await expect(field).to_have_value("")
    await field.fill("8")
    await field.press("Enter")
    await expect(row(visitor, "Planned limit")).to_contain_text("8.0 A")
    await expect(field).to_have_value("8")
    await expect(row(visitor, "Current")).to_contain_text("8.0 A", timeout=MEASURED)
    await expect(row(visitor, "Status")).to_contain_text("Charging")
    await visitor.picture("limited")
    # Home Assistant refuses what is beyond the limits.
    await field.fill("33")
    await field.press("Enter")
    refused = visitor.page.get_by_text("outside valid range")
    await expect(refused.first).to_be_visible()
    await visitor.picture("too-much")


async def perform(visitor: Visitor, action: str) -> Locator:
    """Perform an action in the developer tools, and return where its response is."""
    page = visitor.page
    await visitor.visit("config/tools/action")
    await page.get_by_role("button", name="YAML mode").click()
    await page.locator("ha-code-editor .cm-content").first.click()
    await page.keyboard.press("ControlOrMeta+a")
    await page.keyboard.insert_text(action)
    await visitor.picture("yaml")
    await page.get_by_role("button", name="Perform action").click()
    return page.locator("ha-card", has_text="Response")


async def clear_limit(visitor: Visitor, device_id: str) -> None:
    """Make way for a plan: limits come first."""
    response = await perform(visitor, CLEAR.format(device_id=device_id))
    await expect(response).to_be_visible()
    await visitor.picture("cleared")


async def send_plan(visitor: Visitor, device_id: str) -> None:
    """Send a plan, and look at the form that it could have been entered in."""
    page = visitor.page
    response = await perform(visitor, PLAN.format(device_id=device_id))
    for said in ("chargingProfilePurpose: TxDefaultProfile", "startPeriod: 1500"):
        await expect(response.get_by_text(said)).to_be_visible()
    await response.scroll_into_view_if_needed()
    await visitor.picture("sent")
    await page.get_by_role("button", name="UI mode").click()
    await expect(page.get_by_text("Sends a plan of limits")).to_be_visible()
    await expect(page.get_by_text("Unknown device")).not_to_be_visible()
    await visitor.picture("form")


async def see_plan(visitor: Visitor) -> None:
    """Find the plan on the connector's page, and a car that keeps to it."""
    await open_connector(visitor)
    await expect(row(visitor, "Planned limit")).to_contain_text("9.0 A")
    await expect(row(visitor, "Next limit change")).to_contain_text("minutes")
    offered = row(visitor, "Offered current")
    await expect(offered).to_contain_text("9.0 A", timeout=MEASURED)
    await visitor.picture("planned")


async def stop(visitor: Visitor) -> None:
    """End the session."""
    await charge_control(visitor).click(force=True)
    await expect(charge_control(visitor)).not_to_be_checked()
    await expect(row(visitor, "Charging session")).to_contain_text("Ended")
    await expect(row(visitor, "Stop reason")).to_contain_text("Stopped remotely")
    await visitor.picture("stopped")
    await expect(row(visitor, "Status")).to_contain_text("Available")


async def look_at_wallbox(visitor: Visitor) -> None:
    """Look at the wallbox itself as well."""
    page = visitor.page
    await visitor.open_device_of(await entity_with(visitor.demo, OCPP, "last_boot"))
    await expect(page.get_by_role("spinbutton", name="Station limit")).to_have_value("")
    for name in ("Soft reset", "Hard reset", "Refresh"):
        await expect(row(visitor, name)).to_be_visible()
    await visitor.picture("wallbox")
