"""Someone who uses Home Assistant in a browser."""

from pathlib import Path
import re

from playwright.async_api import Locator, Page, expect

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

    async def select(self, field: str, option: str) -> None:
        """Choose from a drop-down list of the form."""
        selector = self.dialog.locator("ha-selector-select", has_text=field)
        await selector.locator("ha-picker-field").click()
        await selector.locator("ha-dropdown-item", has_text=option).click()

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
