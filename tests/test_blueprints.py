"""The blueprints, run as automations on a real hub."""

import asyncio
from datetime import timedelta
from pathlib import Path
import shutil
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import (
    async_fire_time_changed,
    async_mock_service,
)
import yaml

from custom_components.bemcom_connectors.connector.backoff import Backoff
from custom_components.bemcom_connectors.connector.base import Connector
from custom_components.bemcom_connectors.const import DOMAIN
from homeassistant.components.blueprint.models import Blueprint
from homeassistant.components.blueprint.schemas import BLUEPRINT_SCHEMA
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from tests.actuators import TARGET, actuator
from tests.device import Device
from tests.hub import hub_entry, receive, set_up, state_of
from tests.source import REPOSITORY

FOLDER = REPOSITORY / "blueprints" / "automation" / "bemcom_connectors"
NAMES = sorted(file.stem for file in FOLDER.glob("*.yaml"))

CONNECTION = "binary_sensor.demo_meter_connection"
EVENTS = "event.demo_meter_connection"
NUMBER = "number.demo_meter_target"
SOURCE = "sensor.surplus"
PAUSE = timedelta(seconds=11)
# The device takes it without an answer.
PLAIN = {
    **{key: it for key, it in TARGET.items() if not key.startswith("reply")},
    "state_source": "sent",
}


@pytest.fixture
async def connector(hass: HomeAssistant, device: Device, tmp_path: Path) -> Connector:
    """Return the connector of a hub with a number, whose device speaks."""
    hass.config.config_dir = str(tmp_path)
    shutil.copytree(FOLDER, tmp_path / "blueprints" / "automation" / FOLDER.name)
    entry = hub_entry(device.port)
    connector = await set_up(hass, entry)
    connector.backoff = Backoff(0.001, 0.01)
    hass.config_entries.async_add_subentry(entry, actuator(PLAIN))
    await hass.async_block_till_done()
    await receive(hass, device, connector, b'{"a":1}\n')
    await state_of(hass, CONNECTION, "on")
    return connector


async def automate(hass: HomeAssistant, name: str, **inputs: Any) -> None:
    """Set an automation up from a blueprint, as it is saved by the dialog."""
    blueprint = {"path": f"bemcom_connectors/{name}.yaml", "input": inputs}
    assert await async_setup_component(
        hass, "automation", {"automation": {"id": "1", "use_blueprint": blueprint}}
    )
    await hass.async_block_till_done()
    states = hass.states.async_all("automation")
    assert [state.state for state in states] == ["on"]


@pytest.mark.parametrize("name", NAMES)
def test_a_blueprint_is_one(name: str) -> None:
    """Home Assistant takes it, it says what each input is, and uses all of them."""
    text = (FOLDER / f"{name}.yaml").read_text()

    class Loader(yaml.SafeLoader):
        """Know inputs."""

    Loader.add_constructor("!input", lambda _, node: f"!input {node.value}")
    data = yaml.load(text, Loader)
    inputs = BLUEPRINT_SCHEMA(data)["blueprint"]["input"]
    for key, given in inputs.items():
        assert given["name"]
        assert given["description"].endswith(".")
        assert given["selector"] is not None
        assert f"!input {key}\n" in text
    assert (
        Blueprint(data, expected_domain="automation", schema=BLUEPRINT_SCHEMA)
        .metadata["source_url"]
        .endswith(f"/{name}.yaml")
    )


async def lost(hass: HomeAssistant, device: Device) -> None:
    """Let the device go, and the hub notice."""
    await device.go_away()
    await state_of(hass, CONNECTION, "off")
    await hass.async_block_till_done()


async def back(hass: HomeAssistant, device: Device, connector: Connector) -> None:
    """Let the device come back, and the hub notice."""
    await device.listen()
    await receive(hass, device, connector, b'{"a":2}\n')
    await state_of(hass, CONNECTION, "on")
    await hass.async_block_till_done()


def say(text: str) -> list[dict[str, Any]]:
    """Return the actions that tell somebody."""
    return [{"action": "test.notify", "data": {"message": text}}]


def heard(calls: list[ServiceCall]) -> list[str]:
    """Return what somebody was told."""
    return [call.data["message"] for call in calls]


async def test_who_wants_to_know_is_told_of_a_lost_device(
    hass: HomeAssistant,
    device: Device,
    connector: Connector,
) -> None:
    calls = async_mock_service(hass, "test", "notify")
    await automate(
        hass,
        "connection_alert",
        connection=CONNECTION,
        events=EVENTS,
        patience={"minutes": 5},
        when_lost=say("{{ hub }} is away: {{ reason }}"),
        when_back=say("{{ hub }} is back"),
    )
    # A short break is nobody's business.
    await lost(hass, device)
    await back(hass, device, connector)
    assert heard(calls) == []

    await lost(hass, device)
    assert heard(calls) == []
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=6))
    await settle()  # the automation waits for the device now
    assert len(calls) == 1
    assert heard(calls)[0].startswith("demo-meter is away: The connection broke")
    await back(hass, device, connector)
    assert heard(calls)[1:] == ["demo-meter is back"]


async def follow(hass: HomeAssistant, **inputs: Any) -> None:
    """Let the number follow the sensor."""
    await automate(hass, "follow_a_sensor", source=SOURCE, target=NUMBER, **inputs)


async def show(hass: HomeAssistant, value: str) -> None:
    """Let the sensor show something, and the automation take it.

    That goes on until the pause is over, which nobody waits for here.
    """
    hass.states.async_set(SOURCE, value)
    await settle()


async def settle() -> None:
    """Let everybody do what can be done at once."""
    for _ in range(50):
        await asyncio.sleep(0)


async def pass_pause(hass: HomeAssistant) -> None:
    """Let a pause pass."""
    async_fire_time_changed(hass, dt_util.utcnow() + PAUSE)
    await settle()


async def nothing_more(hass: HomeAssistant, device: Device) -> None:
    """Check that the device got nothing more than it was asked about."""
    await hass.services.async_call(DOMAIN, "send_raw", {"text": "end"}, blocking=True)
    assert await device.received(3) == b"end"


@pytest.mark.usefixtures("connector")
async def test_a_number_follows_a_sensor(hass: HomeAssistant, device: Device) -> None:
    """Scaled, within its limits and steps, and not at every breath."""
    hass.states.async_set(SOURCE, "unknown")
    await follow(hass, factor=10, offset=1, tolerance=2, pause={"seconds": 10})
    for value, sent in (
        ("unavailable", None),
        ("2.01", "21"),  # 21.1, to the step of 0.5
        ("2.2", None),  # within the tolerance
        ("2.4", "25"),
        ("50", "100"),  # the most it takes
        ("-3", "0"),
        ("nonsense", None),
    ):
        await show(hass, value)
        if sent is not None:
            line = f"target = {sent}\n".encode()
            assert await device.received(len(line)) == line
        await pass_pause(hass)
    await nothing_more(hass, device)


@pytest.mark.usefixtures("connector")
async def test_the_latest_value_is_sent_after_the_pause(
    hass: HomeAssistant, device: Device
) -> None:
    hass.states.async_set(SOURCE, "unknown")
    await follow(hass, pause={"seconds": 10})
    await show(hass, "1")
    assert await device.received(11) == b"target = 1\n"
    for value in ("2", "3", "4"):
        await show(hass, value)
    await nothing_more(hass, device)
    await pass_pause(hass)
    assert await device.received(11) == b"target = 4\n"
    await pass_pause(hass)


async def test_a_device_that_was_away_gets_the_value(
    hass: HomeAssistant, device: Device, connector: Connector
) -> None:
    hass.states.async_set(SOURCE, "7")
    await follow(hass, pause={"seconds": 0})
    await lost(hass, device)
    await back(hass, device, connector)
    assert await device.received(11) == b"target = 7\n"
