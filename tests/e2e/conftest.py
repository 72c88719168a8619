"""The demo and a browser, started once for all end-to-end tests."""

from collections.abc import AsyncGenerator
import os
from pathlib import Path
import shutil

from playwright.async_api import Browser, Page, async_playwright, expect
import pytest

from demo.home_assistant import REPOSITORY

from .demo_process import DemoProcess
from .visitor import Visitor

ARTIFACTS = REPOSITORY / "artifacts"

# Chromium as root in a container without a graphics card, keeping quiet.
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything here."""
    for item in items:
        item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[DemoProcess]:
    """Start the demo; tests may stop and start it again."""
    demo = DemoProcess(tmp_path_factory.mktemp("demo"))
    try:
        await demo.start()
        yield demo
    finally:
        try:
            await demo.stop()
        finally:
            ARTIFACTS.mkdir(exist_ok=True)
            if (demo.config_dir / "output.log").exists():
                shutil.copy(demo.config_dir / "output.log", ARTIFACTS)


@pytest.fixture(scope="session")
async def browser() -> AsyncGenerator[Browser]:
    """Start the machine's Chromium."""
    path = os.environ.get("BROWSER_PATH")
    assert path, "BROWSER_PATH is not set: use scripts/test --e2e"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=path, args=CHROMIUM_FLAGS
        )
        yield browser
        await browser.close()


@pytest.fixture
async def page(
    browser: Browser, request: pytest.FixtureRequest
) -> AsyncGenerator[Page]:
    """Open a fresh window; when the test fails, keep how it looked."""
    context = await browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(30_000)
    expect.set_options(
        timeout=30_000
    )  # the first page takes its time on a busy machine
    page = await context.new_page()
    failed_before = request.session.testsfailed
    yield page
    if request.session.testsfailed > failed_before:
        await page.screenshot(path=ARTIFACTS / f"failed-{request.node.name}.png")
    await context.close()


@pytest.fixture(scope="session")
def screenshots() -> Path:
    """Return the folder for screenshots, emptied of those of earlier runs."""
    folder = ARTIFACTS / "screenshots"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
async def visitor(
    demo: DemoProcess, page: Page, screenshots: Path, request: pytest.FixtureRequest
) -> Visitor:
    """Return a visitor with an album named like the test."""
    album = screenshots / request.node.name.removeprefix("test_")
    album.mkdir()
    return Visitor(page, demo, album)
