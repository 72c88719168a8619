"""Integrations with connectors are found and used: the example, and the page about them."""

import asyncio
from collections.abc import Callable, Generator
from dataclasses import dataclass
import json
from pathlib import Path
import re
import socket
import sys
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

import custom_components
from custom_components.bemcom_connectors import sdk
from custom_components.bemcom_connectors.connector.model import (
    Command,
    CommandError,
    CommandReason,
)
from custom_components.bemcom_connectors.const import DOMAIN
from homeassistant.config_entries import SOURCE_USER, ConfigEntryState, ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from tests.device import HOST
from tests.flows import choose, submit
from tests.hub import state_of
from tests.pages import read
from tests.source import REPOSITORY

EXAMPLE = "bemcom_example_udp"
PAGE = read("sdk.md")
BLOCKS = re.findall(r"```(json|python)\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Generator[Callable[[str, dict[str, str]], None]]:
    """Put custom integrations beside this one."""
    folders = [str(tmp_path), str(REPOSITORY / "examples/custom_components")]
    path = [*custom_components.__path__, *folders]
    monkeypatch.setattr(custom_components, "__path__", path)
    before = set(sys.modules)

    def write(domain: str, files: dict[str, str]) -> None:
        (tmp_path / domain).mkdir()
        manifest = {"domain": domain, "name": domain, "version": "1.0.0"}
        files = {"manifest.json": json.dumps(manifest), "__init__.py": "", **files}
        for name, text in files.items():
            (tmp_path / domain / name).write_text(text)

    yield write
    for name in set(sys.modules) - before:
        if name.startswith("custom_components.") and DOMAIN not in name.split(".")[1]:
            del sys.modules[name]
            monkeypatch.delattr(custom_components, name.split(".")[1], raising=False)


async def start(hass: HomeAssistant, kind: str) -> ConfigFlowResult:
    """Open the dialog and choose a connector."""
    result = await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_USER}
    )
    result = await choose(hass, result, "custom")
    if result["step_id"] == "custom":
        result = await submit(hass, result, connector_type=kind)
    return result


# The example


@dataclass
class UdpDevice:
    """A device that speaks UDP to a hub."""

    socket: socket.socket
    port: int

    def send(self, data: bytes) -> None:
        """Send a datagram."""
        self.socket.sendto(data, (HOST, self.port))

    async def receive(self) -> bytes:
        """Wait for a datagram."""
        async with asyncio.timeout(5):
            return await asyncio.get_running_loop().sock_recv(self.socket, 4096)


@pytest.fixture
def udp(loopback: str) -> Generator[UdpDevice]:
    """Return a device, and a port for the hub."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free,
    ):
        own.bind((loopback, 0))
        own.setblocking(False)
        free.bind((loopback, 0))
        port = free.getsockname()[1]
        free.close()
        yield UdpDevice(own, port)


def example_entry(port: int) -> MockConfigEntry:
    """Return the entry of a hub with the example's connector."""
    return MockConfigEntry(
        domain=DOMAIN,
        title="garden",
        unique_id="garden",
        data={
            "hub_kind": "custom",
            "connector_name": "garden",
            "connector_type": EXAMPLE,
            "settings": {"port": port},
        },
    )


@pytest.mark.usefixtures("install")
async def test_the_example_is_found_and_makes_a_hub(
    hass: HomeAssistant, udp: UdpDevice
) -> None:
    """From the dialog to real datagrams, up and down."""
    result = await start(hass, EXAMPLE)
    result = await submit(hass, result, connector_name="garden", port=udp.port)
    await hass.async_block_till_done()
    entry = result["result"]
    assert entry.state is ConfigEntryState.LOADED

    udp.send(b'{"temperature_c": 21.5, "interval": 10}')
    await state_of(hass, "sensor.garden_temperature", "21.5")
    await state_of(hass, "number.garden_interval", "10")
    await hass.services.async_call(
        "number",
        "set_value",
        {"entity_id": "number.garden_interval", "value": 60},
        blocking=True,
    )
    assert json.loads(await udp.receive()) == {"interval": 60}
    udp.send(b'{"interval": 60}')
    await state_of(hass, "number.garden_interval", "60")

    # What is no JSON is counted, and the next datagram is handled.
    connector = entry.runtime_data.connector
    udp.send(b"{broken")
    udp.send(b'{"temperature_c": 22.5}')
    await state_of(hass, "sensor.garden_temperature", "22.5")
    assert connector.statistics.parse_errors == 1
    assert "This is no JSON" in connector.history[-2][3]


@pytest.mark.usefixtures("install")
async def test_the_example_opens_its_port_again(
    hass: HomeAssistant, udp: UdpDevice, caplog: pytest.LogCaptureFixture
) -> None:
    """After a restart it is there before its hubs are, and a reload leaves no port open."""
    entry = example_entry(udp.port)
    entry.add_to_hass(hass)
    assert await async_setup_component(hass, DOMAIN, {})
    assert entry.state is ConfigEntryState.LOADED
    assert "not ready yet" not in caplog.text
    assert await hass.config_entries.async_reload(entry.entry_id)
    udp.send(b'{"temperature_c": 21.5}')
    await state_of(hass, "sensor.garden_temperature", "21.5")
    assert await hass.config_entries.async_unload(entry.entry_id)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("0.0.0.0", udp.port))


@pytest.mark.usefixtures("install")
async def test_the_example_says_that_its_port_is_taken(
    hass: HomeAssistant, udp: UdpDevice
) -> None:
    """In the dialog, and when a hub is set up."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("0.0.0.0", udp.port))
        result = await start(hass, EXAMPLE)
        result = await submit(hass, result, connector_name="garden", port=udp.port)
        assert result["errors"] == {"base": "link_failed"}
        assert "already in use" in result["description_placeholders"]["detail"]
        entry = example_entry(udp.port)
        entry.add_to_hass(hass)
        await hass.config_entries.async_setup(entry.entry_id)
        assert entry.state is ConfigEntryState.SETUP_RETRY
        assert entry.error_reason_translation_key == "link_failed"


@pytest.mark.usefixtures("install")
async def test_the_example_refuses_what_it_cannot_send(
    hass: HomeAssistant, udp: UdpDevice
) -> None:
    entry = example_entry(udp.port)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    connector = entry.runtime_data.connector
    for command, reason in (
        (Command("interval", 60, 0), CommandReason.NOT_CONNECTED),
        (Command("interval", 0, 0), CommandReason.INVALID_VALUE),
        (Command("colour", 1, 0), CommandReason.UNKNOWN_KEY),
    ):
        with pytest.raises(CommandError) as raised:
            await connector.run_actuator_flow(command)
        assert raised.value.reason is reason


@pytest.mark.usefixtures("install")
async def test_the_example_keeps_no_more_than_it_should(
    hass: HomeAssistant, udp: UdpDevice
) -> None:
    """A flood of datagrams takes bounded memory, and the latest ones count."""
    entry = example_entry(udp.port)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    connector = entry.runtime_data.connector
    for number in range(3000):
        connector.datagram_received(b'{"n": %d}' % number, (HOST, 1))
    await state_of(hass, "sensor.garden_n", "2999")
    assert connector.statistics.messages == 1000


@pytest.mark.usefixtures("install")
async def test_the_example_says_that_its_port_failed(
    hass: HomeAssistant, udp: UdpDevice
) -> None:
    entry = example_entry(udp.port)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    udp.send(b'{"temperature_c": 21.5}')
    await state_of(hass, "sensor.garden_temperature", "21.5")
    connector = entry.runtime_data.connector
    connector.connection_lost(OSError("no buffers"))
    await state_of(hass, "sensor.garden_temperature", "unavailable")
    assert str(connector.error) == "The port failed: no buffers"


# Finding integrations


async def test_one_that_fails_is_no_matter_of_others(
    hass: HomeAssistant,
    install: Callable[[str, dict[str, str]], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    install("acme_broken", {"bemcom_connectors.py": "raise ValueError('of its own')"})
    install("acme_empty", {"bemcom_connectors.py": ""})
    install("acme_other", {"sensor.py": ""})
    result = await start(hass, EXAMPLE)
    assert result["description_placeholders"]["connector"] == "JSON over UDP"
    assert "acme_broken cannot offer its connectors" in caplog.text
    assert "ValueError: of its own" in caplog.text
    assert "acme_empty cannot offer its connectors" in caplog.text
    assert "acme_other" not in caplog.text.partition("cannot offer")[2]


async def test_an_integration_may_offer_when_it_is_set_up(
    hass: HomeAssistant, install: Callable[[str, dict[str, str]], None]
) -> None:
    """One with a set-up of its own; the hub waits until then."""
    manifest = {
        "domain": "acme_pump",
        "name": "ACME pump",
        "version": "1.0.0",
        "dependencies": [DOMAIN],
    }
    (source,) = (text for _, text in BLOCKS if "async_offer_connectors" in text)
    install(
        "acme_pump",
        {
            "manifest.json": json.dumps(manifest),
            "__init__.py": source.replace("load_average", "acme_pump")
            + "\nasync def async_setup(hass, config):\n"
            "    async_offer_connectors(hass)\n"
            "    return True\n",
        },
    )
    entry = load_entry("acme_pump")
    entry.add_to_hass(hass)
    assert await async_setup_component(hass, "acme_pump", {"acme_pump": {}})
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED


# The page


def load_entry(kind: str) -> MockConfigEntry:
    """Return the entry of a hub with the connector of the page."""
    return MockConfigEntry(
        domain=DOMAIN,
        title="box",
        unique_id="box",
        data={
            "hub_kind": "custom",
            "connector_name": "box",
            "connector_type": kind,
            "settings": {"interval": 0.01},
        },
    )


async def test_the_integration_of_the_page_works(
    hass: HomeAssistant,
    install: Callable[[str, dict[str, str]], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its two files, as they are written there."""
    monkeypatch.setattr("os.getloadavg", lambda: (0.25, 0.5, 0.75))
    (kind, manifest), (_, source) = BLOCKS[:2]
    assert kind == "json"
    install(
        json.loads(manifest)["domain"],
        {"manifest.json": manifest, "bemcom_connectors.py": source},
    )
    result = await start(hass, "load_average")
    assert result["step_id"] == "custom_settings"
    result = await submit(hass, result, connector_name="box", interval=0.01)
    await hass.async_block_till_done()
    for minutes, value in ((1, "0.25"), (5, "0.5"), (15, "0.75")):
        await state_of(hass, f"sensor.box_load_{minutes}_min", value)


async def test_the_test_of_the_page_passes() -> None:
    (source,) = (text for _, text in BLOCKS if "async def test_" in text)
    names: dict[str, Any] = {}
    exec(source, names)
    async with asyncio.timeout(5):
        await names["test_counts_down"]()


def test_the_actuator_of_the_page_works() -> None:
    (source,) = (text for _, text in BLOCKS if text.startswith("self.actuators"))
    connector = type("Any", (), {})()
    exec(source, {**vars(sdk), "self": connector})
    actuator = connector.actuators["setpoint"]
    assert actuator.accept("21.5") == 21.5
    with pytest.raises(CommandError):
        actuator.accept(31)


def test_the_stable_names_are_those_that_can_be_imported() -> None:
    table = PAGE.partition("## What is stable")[2]
    rows = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    listed = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(listed) == sorted(sdk.__all__)
    assert len(set(listed)) == len(listed)
    assert all(hasattr(sdk, name) for name in listed)


def test_each_argument_of_a_type_is_explained() -> None:
    table = PAGE.partition("A `ConnectorType` has:")[2].partition("\n\nBefore")[0]
    listed = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    assert set(listed) == set(sdk.ConnectorType.__dataclass_fields__)


def test_each_method_to_override_is_explained() -> None:
    table = PAGE.partition("## What to override")[2].partition("\n\nIf")[0]
    listed = re.findall(r"^\| `(?:async )?(\w+)\(", table, re.MULTILINE)
    assert listed
    assert all(callable(getattr(sdk.Connector, name)) for name in listed)
