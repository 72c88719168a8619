"""Someone who uses Home Assistant in a browser."""

import asyncio
from pathlib import Path
import re

from playwright.async_api import Locator, Page, expect

from demo.home_assistant import wait_until
from demo.start import PASSWORD, USERNAME

from .demo_process import DemoProcess


class Visitor:
    """Someone in front of the browser, who takes a picture of each page."""

    def __init__(self, page: Page, demo: DemoProcess, album: Path) -> None:
        """Begin with an empty album."""
        self.page = page
        self.demo = demo
        self._album = album
        self._taken = 0

    @property
    def dialog(self) -> Locator:
        """Return the dialog that adds an integration."""
        return self.page.locator("dialog-add-integration, dialog-data-entry-flow")

    async def picture(self, name: str) -> None:
        """Keep how the page looks once it has loaded and stopped moving."""
        self._taken += 1
        await self.page.wait_for_load_state("networkidle")
        await self.page.screenshot(
            path=self._album / f"{self._taken:02}-{name}.png", animations="disabled"
        )

    async def visit(self, path: str) -> None:
        """Go to a page of Home Assistant."""
        await self.page.goto(f"{self.demo.url}/{path}")

    async def choose(self, text: str | re.Pattern[str]) -> None:
        """Choose something in the dialog."""
        await self.dialog.get_by_text(text).first.click()

    async def select(
        self, field: str, option: str, form: Locator | None = None
    ) -> None:
        """Choose from a drop-down list of a form, the dialog's if none is named."""
        form = form or self.dialog
        await form.locator(f'ha-picker-field[aria-label="{field}"]').click()
        await form.get_by_role("menuitem", name=option, exact=True).click()

    async def next(self) -> None:
        """Send the form."""
        await self.dialog.get_by_role("button", name="Next").click()

    async def start_adding(self, kind: str) -> None:
        """Go to the form of a new hub of a kind."""
        await self.visit("config/integrations/dashboard")
        await self.page.get_by_role("button", name="Add integration").click()
        await self.page.get_by_placeholder("Search for a brand name").fill("BEMCom")
        found = self.dialog.get_by_text("BEMCom Connectors")
        await expect(found).to_be_visible()
        await self.picture("search")
        await found.click()
        # Where a wallbox was discovered, that is offered first.
        another = self.dialog.get_by_text("Set up another instance")
        kinds = self.dialog.get_by_text(kind, exact=True)
        await expect(kinds.or_(another)).to_be_visible()
        if await another.is_visible():
            await self.picture("discovered")
            await another.click()
        await expect(kinds).to_be_visible()
        await self.picture("kind")
        await kinds.click()

    async def hub(self, name: str) -> Locator:
        """Go to the page of the integration, and return the hub's part of it."""
        await self.visit("config/integrations/integration/bemcom_connectors")
        row = self.page.locator("ha-config-entry-row", has_text=name)
        await expect(row).to_be_visible()
        return row

    async def open_device_of(self, entity_id: str) -> None:
        """Go to the page of the device of an entity."""
        entity = await self.demo.api.command(
            "config/entity_registry/get", entity_id=entity_id
        )
        await self.visit(f"config/devices/device/{entity['device_id']}")

    async def enter_port_manually(self) -> None:
        """Choose from the list of serial ports that it is none of them."""
        await self.dialog.locator("ha-selector-serial_port ha-picker-field").click()
        option = self.page.get_by_role("option", name="Enter manually")
        await expect(option).to_be_visible()
        await self.picture("ports")
        await option.click()

    async def fill_port(self, path: Path) -> None:
        """Fill in the serial port by hand."""
        selector = self.dialog.locator("ha-selector-serial_port")
        field = selector.get_by_role("textbox")

        async def stays() -> bool:
            # The list that closes empties the field a moment after it has appeared.
            await field.fill(str(path))
            await asyncio.sleep(0.3)
            return bool(await selector.evaluate("selector => selector.value"))

        await wait_until(stays, "the serial port to take a path", within=10)

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
        await self.dialog.get_by_role("button", name="Next").click()
