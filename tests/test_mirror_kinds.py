"""Hubs of every kind that are mirrored, and what of them changes at run time."""

from pathlib import Path
from types import MappingProxyType

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bemcom_connectors.const import DOMAIN
from custom_components.bemcom_connectors.sdk import (
    ConnectorType,
    async_register_connector,
)
from demo.serial_device import SerialSensor
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from tests.actuators import HEATER, sensor_entry
from tests.bemcom.mosquitto import Mosquitto, needs_mosquitto
from tests.bemcom_api import StackApi, bemcom_api
from tests.device import Device
from tests.hub import NAME, hub_entry, receive, set_up, state_of
from tests.mirrored_hub import look, mirrored, subscribed
from tests.test_actuators_anew import Scene

pytestmark = [needs_mosquitto, pytest.mark.usefixtures("loopback")]


def actuators(api: StackApi) -> set[str]:
    """Return what was announced last."""
    found = api.payloads("available_datapoints")
    return set(found[-1]["actuator"]) if found else set()


def sensors(api: StackApi) -> set[str]:
    """Return what was announced last."""
    found = api.payloads("available_datapoints")
    return set(found[-1]["sensor"]) if found else set()


async def test_a_connector_of_another_integration(
    hass: HomeAssistant, mosquitto: Mosquitto
) -> None:
    """Its actuators come and go at run time; a command for one that is gone is told of."""
    async_register_connector(
        hass,
        ConnectorType(kind="scene", name="Scene", create=lambda it, _: Scene(it)),
    )
    entry = MockConfigEntry(
        domain=DOMAIN,
        title=NAME,
        data={
            "hub_kind": "custom",
            "connector_type": "scene",
            "connector_name": NAME,
            "settings": {},
        },
        options=mirrored(mosquitto.port, heartbeat_interval=1),
    )
    async with bemcom_api(mosquitto.port) as api:
        scene = await set_up(hass, entry)
        assert isinstance(scene, Scene)
        scene.may_end.set()
        await api.until(lambda: actuators(api) == {"a"})
        scene.have(scene.of("b"))
        await api.until(lambda: actuators(api) == {"a", "b"})
        await api.send_map({"power": 3}, {"a": 1, "b": 2})
        await subscribed(entry, api.topic(2))
        await api.command(2, 5)
        await api.until(lambda: "b: Carried out" in api.logs())
        await api.command(1, 5)
        await api.until(lambda: any("a: Not carried out" in it for it in api.logs()))
        scene.queue.put_nowait({"power": 1})
        await api.until(lambda: api.values(3) == [1])
        assert await hass.config_entries.async_unload(entry.entry_id)


async def test_an_actuator_that_the_user_adds(
    hass: HomeAssistant, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    """It is announced at once, while the link and the broker stay."""
    async with SerialSensor(tmp_path / "port", interval=0.02) as sensor:
        # No heartbeat looks at what there is.
        options = mirrored(mosquitto.port, heartbeat_interval=3600)
        entry = sensor_entry(sensor.path, [], options=options)
        async with bemcom_api(mosquitto.port) as api:
            await set_up(hass, entry)
            await api.until(lambda: sensors(api) and api.payloads("heartbeat"))
            beats = len(api.payloads("heartbeat"))
            subentry = ConfigSubentry(
                data=MappingProxyType(HEATER),
                subentry_type="actuator",
                title="heater",
                unique_id="heater",
            )
            hass.config_entries.async_add_subentry(entry, subentry)
            await hass.async_block_till_done()
            await api.until(lambda: actuators(api) == {"heater"})
            await api.send_map({}, {"heater": 5})
            await subscribed(entry, api.topic(5))
            await api.command(5, value=True)
            await api.until(lambda: "heater: Carried out" in api.logs())
            assert len(api.payloads("heartbeat")) == beats
        assert await hass.config_entries.async_unload(entry.entry_id)


async def test_several_devices_on_one_link(
    hass: HomeAssistant, device: Device, mosquitto: Mosquitto
) -> None:
    """Each has datapoints of its own; those there is no room for are in nobody's way."""
    options = mirrored(mosquitto.port, discovery=True) | {"device_id_key": "id"}
    entry = hub_entry(device.port, options=options)
    async with bemcom_api(mosquitto.port) as api:
        connector = await set_up(hass, entry)
        connector.max_datapoints = 3
        messages = [b'{"id": "%c", "power": %d}\n' % (65 + i, i) for i in range(5)]
        await receive(hass, device, connector, *messages)
        known = list(connector.datapoints)
        await api.until(lambda: set(known) <= sensors(api))
        await api.send_map({key: number for number, key in enumerate(known)})
        await api.until(lambda: api.values(1))
        await receive(hass, device, connector, *messages)
        await api.until(lambda: len(api.values(1)) >= 2)
        await look(hass, 2)
        assert ir.async_get(hass).async_get_issue(
            DOMAIN, f"too_many_datapoints_{entry.entry_id}"
        )
        assert await hass.config_entries.async_unload(entry.entry_id)


async def test_a_datapoint_that_the_user_deletes(
    hass: HomeAssistant,
    device: Device,
    mosquitto: Mosquitto,
    entity_registry: er.EntityRegistry,
) -> None:
    """To the stack it is the same datapoint when it comes again."""
    entry = hub_entry(device.port, options=mirrored(mosquitto.port))
    async with bemcom_api(mosquitto.port) as api:
        connector = await set_up(hass, entry)
        await receive(hass, device, connector, b'{"power": 1, "other": 1}\n')
        await api.send_map({"power": 1})
        await api.until(lambda: api.values(1) == [1])
        entity_registry.async_remove("sensor.demo_meter_power")
        await hass.async_block_till_done()
        assert "power" not in connector.datapoints
        await receive(hass, device, connector, b'{"power": 2}\n')
        await api.until(lambda: api.values(1) == [1, 2])
        await state_of(hass, "sensor.demo_meter_power", "2")
        assert await hass.config_entries.async_unload(entry.entry_id)
