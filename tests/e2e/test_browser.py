"""Setting a hub up as a person does, in a browser."""

from pathlib import Path
import re

from playwright.async_api import Locator, Page, expect

from demo.hubs import METER
from demo.meter import JsonMeter
from demo.start import PASSWORD, USERNAME

from .demo_process import DemoProcess, free_port

NAME = "garage-meter"


class Visitor:
    """Someone in front of the browser, who takes a picture of each page."""

    def __init__(self, page: Page, demo: DemoProcess, screenshots: Path) -> None:
        """Begin with an empty album."""
        self.page = page
        self.demo = demo
        self._folder = screenshots
        self._taken = 0

    @property
    def dialog(self) -> Locator:
        """Return the dialog that adds an integration."""
        return self.page.locator("dialog-add-integration, dialog-data-entry-flow")

    async def picture(self, name: str) -> None:
        """Keep how the page looks once it has stopped moving."""
        self._taken += 1
        await self.page.screenshot(
            path=self._folder / f"{self._taken:02}-{name}.png", animations="disabled"
        )

    async def visit(self, path: str) -> None:
        """Go to a page of Home Assistant."""
        await self.page.goto(f"{self.demo.url}/{path}")

    async def log_in(self) -> None:
        """Log in on the first page."""
        await self.visit("")
        await self.page.get_by_label("Username").fill(USERNAME)
        await self.page.get_by_label("Password", exact=True).fill(PASSWORD)
        await self.picture("login")
        await self.page.get_by_role("button", name="Log in").click()
        await expect(self.page.get_by_role("link", name="Settings")).to_be_visible()

    async def fill_address(self, name: str, port: int) -> None:
        """Fill in the form for a TCP hub and send it."""
        await self.dialog.get_by_role("textbox", name="Connector name").fill(name)
        await self.dialog.get_by_role("textbox", name="Host").fill("127.0.0.1")
        await self.dialog.get_by_role("spinbutton", name="Port").fill(str(port))
        await self.picture("address")
        await self.dialog.get_by_role("button", name="Submit").click()


async def test_add_device_in_browser(
    demo: DemoProcess, page: Page, screenshots: Path
) -> None:
    visitor = Visitor(page, demo, screenshots)
    dialog = visitor.dialog
    await visitor.log_in()
    await visitor.visit("demo-devices")
    await expect(page.get_by_role("heading", name=METER)).to_be_visible()
    await visitor.picture("dashboard")

    await visitor.visit("config/integrations/dashboard")
    await page.get_by_role("button", name="Add integration").click()
    await page.get_by_placeholder("Search for a brand name").fill("BEMCom")
    await expect(dialog.get_by_text("BEMCom Connectors")).to_be_visible()
    await visitor.picture("search")
    await dialog.get_by_text("BEMCom Connectors").click()
    await expect(dialog.get_by_text("TCP socket")).to_be_visible()
    await visitor.picture("kind")
    await dialog.get_by_text("TCP socket").click()

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
        shown = await row.first.inner_text()
        await expect(row.first).not_to_have_text(shown, use_inner_text=True)
        await visitor.picture("device-later")

        await visitor.visit("config/integrations/integration/bemcom_connectors")
        await expect(page.get_by_text(NAME).first).to_be_visible()
        await visitor.picture("integration")
