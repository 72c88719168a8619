"""Connecting a wallbox and charging at it as a person does, in a browser."""

import re
import socket

from playwright.async_api import Locator, expect

from demo.hubs import OCPP
from tests.ports import free_port

from .demo_process import DemoProcess
from .log_check import complaints
from .visitor import Visitor
from .waits import (
    entity_with,
    remove_hub,
    wait_for_availability,
    wait_for_change,
    wait_for_state,
)

NAME = "Driveway"
SECOND_HUB = "garage-wallboxes"


def row(visitor: Visitor, name: str) -> Locator:
    """Return the row of an entity on the page of its device."""
    return visitor.page.locator("hui-generic-entity-row", has_text=name)


def connector(word: str) -> str:
    """Return what is in the id of an entity of the first connector."""
    return f"connector_1_{word}"


async def test_charge(visitor: Visitor) -> None:
    await visitor.log_in()
    await pair(visitor)
    await look_at_hub(visitor)
    await measure_often(visitor)
    await look_at_wallbox(visitor)
    await watch_session(visitor)
    await restart_in_session(visitor)
    assert complaints(visitor.demo.log()) == []


async def pair(visitor: Visitor) -> None:
    """Find the wallbox that dialled in, and add it."""
    page, dialog = visitor.page, visitor.dialog
    await visitor.visit("config/integrations/dashboard")
    card = page.locator("ha-config-flow-card", has_text="Demo wallbox")
    await expect(
        card.get_by_text("BEMCom Demo wallbox (DEMO-1, DEMO-0001)")
    ).to_be_visible()
    await visitor.picture("discovered")
    await card.get_by_role("button", name="Add").click()
    await expect(dialog.get_by_text(f"connected to the hub {OCPP}")).to_be_visible()
    for said in ("BEMCom", "Demo wallbox", "DEMO-0001", "DEMO-1"):
        await expect(
            dialog.get_by_role("code").get_by_text(said, exact=True)
        ).to_be_visible()
    name = dialog.get_by_role("textbox", name="Name")
    await expect(name).to_have_value("BEMCom Demo wallbox")
    await visitor.picture("confirm")
    await name.fill(NAME)
    await dialog.get_by_role("button", name="Submit").click()
    await expect(dialog.get_by_text("now belongs to the hub")).to_be_visible()
    await visitor.picture("added")
    await dialog.get_by_role("button", name="Close").last.click()
    await expect(card).not_to_be_visible()


async def look_at_hub(visitor: Visitor) -> None:
    """Find the wallbox and its connectors at their hub."""
    hub = await visitor.hub(OCPP)
    wallbox = hub.locator("ha-config-sub-entry-row", has_text=NAME)
    for device in ("Connector 1", "Connector 2"):
        await expect(wallbox.get_by_text(device)).to_be_visible()
    await wallbox.scroll_into_view_if_needed()
    await visitor.picture("hub")


async def measure_often(visitor: Visitor) -> None:
    """Ask the wallbox for values every five seconds; it goes on charging meanwhile."""
    dialog = visitor.dialog
    hub = await visitor.hub(OCPP)
    wallbox = hub.locator("ha-config-sub-entry-row", has_text=NAME)
    await wallbox.get_by_role("button", name="Change the charge point").click()
    await expect(dialog.get_by_text("Charge point id: DEMO-1")).to_be_visible()
    await visitor.picture("change")
    await dialog.get_by_role("button", name="Metering").click()
    interval = dialog.get_by_role("spinbutton", name="Interval while charging")
    await expect(interval).to_have_value("30")
    await interval.fill("5")
    await visitor.picture("metering")
    await dialog.get_by_role("button", name="Submit").click()
    await expect(dialog.get_by_text("successful")).to_be_visible()
    await visitor.picture("changed")
    await dialog.get_by_role("button", name="Close").last.click()


async def look_at_wallbox(visitor: Visitor) -> None:
    """Get from the wallbox's page to that of its first connector."""
    page = visitor.page
    await visitor.open_device_of(await entity_with(visitor.demo, OCPP, "last_boot"))
    await expect(page.get_by_text("by BEMCom", exact=True)).to_be_visible()
    await expect(page.get_by_text("Serial number: DEMO-0001")).to_be_visible()
    await expect(row(visitor, "Status")).to_contain_text("Available")
    await expect(row(visitor, "Connection")).to_contain_text("Connected")
    await expect(page.get_by_text("Connector 2")).to_be_visible()
    await visitor.picture("wallbox")
    await page.get_by_text("Connector 1").click()
    await expect(page.get_by_text(f"Part of {NAME}")).to_be_visible()


async def watch_session(visitor: Visitor) -> None:
    """See a car being charged."""
    await expect(row(visitor, "Status")).to_contain_text("Charging")
    await expect(row(visitor, "Session start")).to_be_visible()
    await visitor.picture("session")
    for name in ("Power", "Session energy"):
        await see_change(visitor, name)
    await visitor.picture("session-later")


async def see_change(visitor: Visitor, name: str) -> None:
    """See a value change by itself."""
    # (the snapshot has what people see; the text is in elements of the elements)
    shown = await row(visitor, name).aria_snapshot()
    await expect(row(visitor, name)).not_to_match_aria_snapshot(shown)


async def restart_in_session(visitor: Visitor) -> None:
    """Restart Home Assistant, and find the session as it was."""
    demo = visitor.demo
    start, energy, power, session = [
        await entity_with(demo, OCPP, connector(word), domain)
        for word, domain in (
            ("session_start", "sensor"),
            ("session_energy", "sensor"),
            ("power", "sensor"),
            ("charging_session", "event"),
        )
    ]
    # Few want to see this one: from the next start on it is there.
    number = await entity_with(demo, OCPP, connector("transaction_id"))
    await demo.api.command(
        "config/entity_registry/update", entity_id=number, disabled_by=None
    )
    before = await demo.api.states()
    assert before[session]["attributes"]["event_type"] == "started"

    log = await demo.restart_home_assistant()
    assert complaints(log) == []
    await wait_for_availability(demo, energy, available=True)
    after = await demo.api.states()
    assert after[start]["state"] == before[start]["state"]
    # What was measured meanwhile is counted as well, and nothing twice.
    assert float(before[energy]["state"]) <= float(after[energy]["state"]) < 2
    await visitor.picture("session-after-restart")

    # The page that was open all the time shows what goes on.
    await expect(row(visitor, "Status")).to_contain_text("Charging")
    for entity_id in (power, energy):
        await wait_for_change(demo, entity_id)
    for name in ("Power", "Session energy"):
        await see_change(visitor, name)
    await visitor.picture("session-goes-on")
    transaction = before[session]["attributes"]["transaction_id"]
    await wait_for_state(demo, number, str(transaction))
    assert await is_only_session(demo, session, transaction)
    assert await demo.api.state(start) == before[start]["state"]


async def is_only_session(demo: DemoProcess, event: str, transaction: int) -> bool:
    """Tell whether no session ended at the connector, and no other one began."""
    latest = (await demo.api.states())[event]["attributes"]
    answer = await demo.api.ask(
        "bemcom_connectors.get_sessions", hub=OCPP, device_id="DEMO-1"
    )
    over = {it["connector_id"] for it in answer["sessions"]}
    return 1 not in over and latest["transaction_id"] == transaction


async def test_add_ocpp_hub(visitor: Visitor) -> None:
    await visitor.log_in()
    port = await choose_port(visitor)
    await create_hub(visitor, port)
    await add_charge_point(visitor, port)
    await add_tag(visitor)
    await look_at_options(visitor, port)
    await remove_hub(visitor.demo, SECOND_HUB)


async def choose_port(visitor: Visitor) -> int:
    """Get to a port that is free, after two that are not."""
    dialog = visitor.dialog
    await visitor.start_adding("OCPP wallboxes")
    await dialog.get_by_role("textbox", name="Connector name").fill(SECOND_HUB)
    await expect(dialog.get_by_text("One hub is enough")).to_be_visible()
    await visitor.picture("form")
    port = dialog.get_by_role("spinbutton", name="Port")
    await port.fill(str(visitor.demo.ocpp_port))
    await visitor.next()
    await expect(dialog.get_by_text(f"The hub {OCPP} listens")).to_be_visible()
    await visitor.picture("port-of-other-hub")
    with socket.create_server(("127.0.0.1", 0)) as other:
        await port.fill(str(other.getsockname()[1]))
        await visitor.next()
        error = dialog.get_by_text("Another program uses this port")
        await expect(error).to_be_visible()
        await visitor.picture("port-in-use")
    free = free_port()
    await port.fill(str(free))
    await dialog.get_by_role("button", name="Encryption").click()
    await visitor.picture("encryption")
    await visitor.next()
    return free


async def create_hub(visitor: Visitor, port: int) -> None:
    """See what to enter in the wallbox, and create the hub."""
    dialog = visitor.dialog
    await expect(address(visitor, port)).to_be_visible()
    await visitor.picture("address")
    await dialog.get_by_role("button", name="Submit").click()
    await expect(dialog.get_by_text("Device name")).to_be_visible()
    await visitor.picture("created")
    await dialog.get_by_role("button", name=re.compile("inish")).click()


def address(visitor: Visitor, port: int) -> Locator:
    """Return what is to be entered in a wallbox."""
    shown = re.compile(rf"^ws://[^/]+:{port}/\s*$")
    return visitor.dialog.get_by_role("code").filter(has_text=shown)


async def start_adding(visitor: Visitor, what: str) -> None:
    """Choose something that can be added to the hub."""
    hub = await visitor.hub(SECOND_HUB)
    await hub.get_by_role("button", name="Menu").first.click()
    option = visitor.page.get_by_role("menuitem", name=what)
    await expect(option).to_be_visible()
    await visitor.picture("menu")
    await option.click()


async def add_charge_point(visitor: Visitor, port: int) -> None:
    """Add a charge point that never dialled in, after a mistake in its id."""
    dialog = visitor.dialog
    await start_adding(visitor, "Add a charge point")
    await expect(address(visitor, port)).to_be_visible()
    for part in ("Metering", "Connection", "Authorization", "Quirks"):
        section = dialog.get_by_role("button", name=part)
        await section.click()
        await section.evaluate("section => section.scrollIntoView()")
        await visitor.picture(f"charge-point-{part.lower()}")
        await section.click()
    identifier = dialog.get_by_role("textbox", name="Charge point id")
    await identifier.fill("central/GARAGE-1")
    await dialog.get_by_role("button", name="Submit").click()
    await expect(dialog.get_by_text("after the last slash")).to_be_visible()
    await visitor.picture("charge-point-wrong")
    await identifier.fill("GARAGE-1")
    await dialog.get_by_role("textbox", name="Name").fill("Garage")
    await dialog.get_by_role("button", name="Submit").click()
    await finish(visitor, "Garage")


async def add_tag(visitor: Visitor) -> None:
    """Add an id tag."""
    dialog = visitor.dialog
    await start_adding(visitor, "Add an id tag")
    await dialog.get_by_role("textbox", name="Tag").fill("04a1b2c3d4")
    await dialog.get_by_role("textbox", name="Name").fill("Ada's card")
    await expect(dialog.get_by_text("can copy the card")).to_be_visible()
    await visitor.picture("tag")
    await dialog.get_by_role("button", name="Submit").click()
    await finish(visitor, "Ada's card")


async def finish(visitor: Visitor, name: str) -> None:
    """Close the dialog, and find at the hub what was added."""
    dialog = visitor.dialog
    await expect(
        dialog.get_by_text(f"Created configuration for {name}")
    ).to_be_visible()
    await dialog.get_by_role("button", name="Finish").click()
    hub = await visitor.hub(SECOND_HUB)
    added = hub.locator("ha-config-sub-entry-row", has_text=name)
    await expect(added).to_be_visible()
    await added.scroll_into_view_if_needed()
    await visitor.picture("hub")


async def look_at_options(visitor: Visitor, port: int) -> None:
    """Find the address for the wallbox again, and what else can be set."""
    dialog = visitor.dialog
    hub = await visitor.hub(SECOND_HUB)
    await hub.get_by_role("button", name="Configure").first.click()
    await expect(dialog.get_by_text("Connect a wallbox")).to_be_visible()
    await visitor.picture("options")
    await visitor.choose("Connect a wallbox")
    await expect(address(visitor, port)).to_be_visible()
    await visitor.picture("options-address")
    await visitor.next()
    await visitor.choose("Charge points and timeouts")
    policy = dialog.get_by_role("button", name="Discover them, and wait for my consent")
    await expect(policy).to_be_visible()
    await visitor.picture("options-charge-points")
