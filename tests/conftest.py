"""What all tests share.

The engine's tests use no Home Assistant; only a test that asks for `hass` gets one.
"""

from collections.abc import AsyncGenerator, Generator
import os
from pathlib import Path
import ssl

from hypothesis import settings
import pytest
import trustme

# Before Home Assistant puts the plug-in's own custom_components in its place.
import custom_components.bemcom_connectors  # noqa: F401
from tests.bemcom.mosquitto import Mosquitto
from tests.device import Device
from tests.flows import mock_setup_entry, quick  # noqa: F401 - fixtures

# Property tests: the same examples every time, so that a failure is about the change; new
# ones, and many of them, with scripts/fuzz. No deadline: a slow machine is no failure.
settings.register_profile("short", derandomize=True, deadline=None)
settings.register_profile("long", max_examples=20_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "short"))

DEPRECATIONS = ("deprecated", "will stop working", "will be removed")


@pytest.fixture(autouse=True)
def _integration_can_be_loaded(request: pytest.FixtureRequest) -> None:
    """Let Home Assistant find this integration."""
    if "hass" in request.fixturenames:
        request.getfixturevalue("enable_custom_integrations")


@pytest.fixture(autouse=True)
def _no_deprecated_use(
    request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> Generator[None]:
    """Fail when Home Assistant logs that this integration uses something deprecated."""
    yield
    if "hass" not in request.fixturenames:
        return
    complaints = [
        record.getMessage()
        for when in ("setup", "call")
        for record in caplog.get_records(when)
        if "bemcom_connectors" in record.getMessage()
        and any(word in record.getMessage() for word in DEPRECATIONS)
    ]
    assert not complaints


@pytest.fixture
def loopback(socket_enabled: None) -> str:
    """Allow real connections within this machine, and return its address."""
    return "127.0.0.1"


@pytest.fixture
async def device(loopback: str) -> AsyncGenerator[Device]:
    """Return a device that listens."""
    async with Device() as listening:
        yield listening


@pytest.fixture
def tls_context() -> ssl.SSLContext:
    """Return a server's TLS with a certificate that nobody trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
async def mosquitto(loopback: str, tmp_path: Path) -> AsyncGenerator[Mosquitto]:
    """Return a broker that takes everybody."""
    async with Mosquitto(tmp_path) as running:
        yield running
