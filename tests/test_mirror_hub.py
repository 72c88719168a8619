"""A hub that is mirrored to MQTT: a real device, a real broker, and Home Assistant between."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
import json
import logging
from pathlib import Path

import aiomqtt
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    get_system_health_info,
)
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
import trustme

from custom_components.bemcom_connectors.connector import base
from custom_components.bemcom_connectors.const import DOMAIN
from custom_components.bemcom_connectors.mirror_storage import (
    mirror_store,
    raw_store,
    unpack,
)
from demo.serial_device import SerialSensor
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import STATE_OFF, STATE_ON
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from homeassistant.setup import async_setup_component
from tests.actuators import HEATER, sensor_entry
from tests.bemcom.broker_access import files, passwords
from tests.bemcom.mosquitto import Mosquitto, needs_mosquitto
from tests.bemcom_api import bemcom_api
from tests.device import Device
from tests.hub import NAME, hub_entry, receive, set_up, state_of
from tests.mirrored_hub import BROKER, LOST, change, look, mirrored, subscribed

pytestmark = [needs_mosquitto, pytest.mark.usefixtures("loopback")]


async def test_a_hub_is_a_connector_for_a_stack(
    hass: HomeAssistant, device: Device, mosquitto: Mosquitto
) -> None:
    """It announces what it has, publishes what the map names, and says goodbye."""
    entry = hub_entry(device.port, options=mirrored(mosquitto.port))
    async with bemcom_api(mosquitto.port) as api:
        connector = await set_up(hass, entry)
        await state_of(hass, BROKER, STATE_ON)
        await receive(hass, device, connector, b'{"power": 1.5, "mode": "eco"}\n')
        await api.until(lambda: api.payloads("available_datapoints"))
        assert api.payloads("available_datapoints")[-1] == {
            "sensor": {"power": 1.5, "mode": "eco"},
            "actuator": {},
        }
        await api.send_map({"power": 1, "mode": 2})
        # The latest values come at once, and new ones as they are.
        await api.until(lambda: api.values(1) and api.values(2))
        await receive(hass, device, connector, b'{"power": 2.5}\n')
        await api.until(lambda: api.values(1) == [1.5, 2.5])
        assert api.values(2) == ["eco"]
        beats = len(api.payloads("heartbeat"))
        assert await hass.config_entries.async_unload(entry.entry_id)
        await api.until(lambda: len(api.payloads("heartbeat")) > beats)
        last = api.payloads("heartbeat")[-1]
        assert last["next_heartbeats_timestamp"] == last["this_heartbeats_timestamp"]
        await api.until(lambda: "Connector stopped." in api.logs())


async def test_what_was_learned_is_there_after_a_restart(
    hass: HomeAssistant, device: Device, mosquitto: Mosquitto
) -> None:
    """Neither the keys nor the map have to come again."""
    entry = hub_entry(device.port, options=mirrored(mosquitto.port))
    async with bemcom_api(mosquitto.port) as api:
        connector = await set_up(hass, entry)
        await receive(hass, device, connector, b'{"power": 1}\n')
        await api.until(lambda: api.payloads("available_datapoints"))
        await api.send_map({"power": 1})
        await api.until(lambda: api.values(1) == [1])
        assert await hass.config_entries.async_unload(entry.entry_id)
    await mosquitto.stop()  # which forgets the map
    await mosquitto.start()
    async with bemcom_api(mosquitto.port) as api:
        assert await hass.config_entries.async_setup(entry.entry_id)
        await api.until(lambda: api.payloads("available_datapoints"))
        assert "power" in api.payloads("available_datapoints")[0]["sensor"]
        connector = entry.runtime_data.connector
        await receive(hass, device, connector, b'{"power": 2}\n')
        await api.until(lambda: api.values(1) == [2])


async def test_the_mirror_goes_on_and_off_while_the_link_stays_open(
    hass: HomeAssistant, device: Device, mosquitto: Mosquitto
) -> None:
    """What the hub knew before is published too; its entities come and go."""
    entry = hub_entry(device.port, options={"framing": "line"})
    connector = await set_up(hass, entry)
    await receive(hass, device, connector, b'{"power": 1}\n')
    assert hass.states.get(BROKER) is None
    async with bemcom_api(mosquitto.port) as api:
        await api.send_map({"power": 1})
        await change(hass, entry, **mirrored(mosquitto.port)["mirror"])
        await api.until(lambda: api.values(1) == [1])
        await state_of(hass, BROKER, STATE_ON)
        lost = hass.states.get(LOST)
        assert lost is not None
        assert lost.state == "0"
        # Other options are another connection, and nothing of what was learned is gone.
        beats = len(api.payloads("heartbeat"))
        await change(hass, entry, **mirrored(mosquitto.port, qos=0)["mirror"])
        await api.until(lambda: len(api.payloads("heartbeat")) >= beats + 2)
        await receive(hass, device, connector, b'{"power": 2}\n')
        await api.until(lambda: 2 in api.values(1))
        await change(hass, entry)
        assert hass.states.get(BROKER) is None
        assert er.async_get(hass).async_get(LOST) is None
        assert not entry.runtime_data.mirror.is_on
    assert entry.runtime_data.connector is connector
    assert device.connections == 1


async def test_commands_of_the_stack_are_carried_out(
    hass: HomeAssistant, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    """They take the way of those of the entities, and their outcome is in the log."""
    async with SerialSensor(tmp_path / "port", interval=0.02) as sensor:
        options = mirrored(mosquitto.port)
        entry = sensor_entry(sensor.path, [HEATER], options=options)
        async with bemcom_api(mosquitto.port) as api:
            await set_up(hass, entry)
            await api.until(lambda: api.payloads("available_datapoints"))
            assert api.payloads("available_datapoints")[-1]["actuator"] == {
                "heater": False
            }
            await api.send_map({}, {"heater": 5})
            await subscribed(entry, api.topic(5))
            await api.command(5, value=True)
            await api.until(lambda: "heater: Carried out" in api.logs())
            await api.command(5, value="warm")
            await api.until(lambda: any("Not carried out" in it for it in api.logs()))
        assert await hass.config_entries.async_unload(entry.entry_id)


async def test_the_user_hears_of_a_password_that_is_wrong(
    hass: HomeAssistant,
    device: Device,
    tmp_path: Path,
    issue_registry: ir.IssueRegistry,
) -> None:
    """But only if that lasts; nothing is said any more once the broker is there."""
    settings = passwords(tmp_path, hub="right")
    async with Mosquitto(tmp_path, *settings) as mosquitto:
        options = mirrored(mosquitto.port, username="hub", password="wrong")
        entry = hub_entry(device.port, options=options)
        issue_id = f"mirror_credentials_{entry.entry_id}"
        await set_up(hass, entry)
        mirror = entry.runtime_data.mirror
        async with asyncio.timeout(10):
            while (shown := mirror.diagnostics()) and shown["fault"] is None:
                await asyncio.sleep(0.01)
        await look(hass, 1)
        assert issue_registry.async_get_issue(DOMAIN, issue_id) is None
        await look(hass, 1)
        issue = issue_registry.async_get_issue(DOMAIN, issue_id)
        assert issue is not None
        assert issue.translation_placeholders is not None
        where = issue.translation_placeholders["broker"]
        assert where == f"127.0.0.1:{mosquitto.port}"
        assert "wrong" not in str(issue.translation_placeholders)
        assert (found := hass.states.get(BROKER)) is not None
        assert found.state == STATE_OFF
        right = mirrored(mosquitto.port, username="hub", password="right")
        await change(hass, entry, **right["mirror"])
        await state_of(hass, BROKER, STATE_ON)
        assert issue_registry.async_get_issue(DOMAIN, issue_id) is None
        assert await hass.config_entries.async_unload(entry.entry_id)


async def test_the_user_hears_of_a_broker_that_nobody_can_trust(
    hass: HomeAssistant,
    device: Device,
    tmp_path: Path,
    issue_registry: ir.IssueRegistry,
) -> None:
    """Its certificate is another one now, perhaps, or it is somebody else."""
    theirs = files(trustme.CA(), tmp_path, "broker")
    tls = (
        "allow_anonymous true",
        f"certfile {theirs['certificate']}",
        f"keyfile {theirs['key']}",
    )
    async with Mosquitto(tmp_path, *tls) as mosquitto:
        encrypted = mirrored(mosquitto.port, tls=True)
        entry = hub_entry(device.port, options=encrypted)
        issue_id = f"mirror_certificate_{entry.entry_id}"
        await set_up(hass, entry)
        mirror = entry.runtime_data.mirror
        async with asyncio.timeout(10):
            while (shown := mirror.diagnostics()) and shown["fault"] is None:
                await asyncio.sleep(0.01)
        await look(hass, 2)
        issue = issue_registry.async_get_issue(DOMAIN, issue_id)
        assert issue is not None
        assert issue.translation_placeholders is not None
        where = issue.translation_placeholders["broker"]
        assert where == f"127.0.0.1:{mosquitto.port}"
        await change(hass, entry, **encrypted["mirror"], ca=theirs["ca"])
        await state_of(hass, BROKER, STATE_ON)
        assert issue_registry.async_get_issue(DOMAIN, issue_id) is None
        assert await hass.config_entries.async_unload(entry.entry_id)


async def test_the_user_hears_of_a_map_that_is_wrong(
    hass: HomeAssistant,
    device: Device,
    mosquitto: Mosquitto,
    issue_registry: ir.IssueRegistry,
) -> None:
    """The former one stays; the issues go with the next one that is fine."""
    entry = hub_entry(device.port, options=mirrored(mosquitto.port))
    refused = f"mirror_map_refused_{entry.entry_id}"
    left_out = f"mirror_map_left_out_{entry.entry_id}"

    def issues() -> set[str]:
        return {
            issue_id for domain, issue_id in issue_registry.issues if domain == DOMAIN
        }

    async with bemcom_api(mosquitto.port) as api:
        connector = await set_up(hass, entry)
        await receive(hass, device, connector, b'{"power": 1}\n')
        await api.send_map({"power": 1})
        await api.until(lambda: api.values(1) == [1])
        await api.publish("datapoint_map", b"5")
        await api.until(lambda: any("JSON" in it for it in api.logs()))
        assert issues() == {refused}
        await receive(hass, device, connector, b'{"power": 2}\n')
        await api.until(lambda: api.values(1) == [1, 2])
        await api.publish(
            "datapoint_map",
            {"sensor": {"power": api.topic(1), "x": "else/where"}, "actuator": {}},
        )
        await api.until(lambda: any("Left out" in it for it in api.logs()))
        assert issues() == {left_out}
        await api.send_map({"power": 1})
        await receive(hass, device, connector, b'{"power": 3}\n')
        await api.until(lambda: api.values(1)[-1] == 3)
        assert issues() == set()
        await api.publish("datapoint_map", b"5")
        await api.until(lambda: len([it for it in api.logs() if "JSON" in it]) == 2)
        assert issues() == {refused}
        assert await hass.config_entries.async_remove(entry.entry_id)
        assert issues() == set()
        assert await mirror_store(hass, entry.entry_id).async_load() is None


async def test_raw_messages_wait_on_disk(
    hass: HomeAssistant, device: Device, mosquitto: Mosquitto
) -> None:
    """Until there is a broker again, over a restart of Home Assistant."""
    options = mirrored(mosquitto.port, raw_messages=True, raw_on_disk=True)
    entry = hub_entry(device.port, options=options)
    await mosquitto.stop()
    connector = await set_up(hass, entry)
    await receive(hass, device, connector, b'{"power": 1}\n')
    await look(hass, 10)  # it would be there after a power failure, too
    stored = await raw_store(hass, entry.entry_id).async_load()
    assert stored is not None
    assert len(unpack(stored["messages"])[0]) == 1
    await receive(hass, device, connector, b'{"power": 2}\n')
    assert await hass.config_entries.async_unload(entry.entry_id)
    await mosquitto.start()
    async with bemcom_api(mosquitto.port) as api:
        assert await hass.config_entries.async_setup(entry.entry_id)
        await api.until(lambda: len(api.payloads("raw_message_to_db")) == 2)
        raw = [it["payload"]["raw_message"] for it in api.payloads("raw_message_to_db")]
        assert raw == ["""b'{"power": 1}'""", """b'{"power": 2}'"""]
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert await raw_store(hass, entry.entry_id).async_load() is None


async def test_a_hub_without_its_device_is_no_connector(
    hass: HomeAssistant, device: Device, mosquitto: Mosquitto
) -> None:
    """Nothing beats for it, and nothing of the mirror stays behind."""
    entry = hub_entry(device.port, options=mirrored(mosquitto.port))
    await device.go_away()
    entry.add_to_hass(hass)
    async with bemcom_api(mosquitto.port) as api:
        assert not await hass.config_entries.async_setup(entry.entry_id)
        assert entry.state is ConfigEntryState.SETUP_RETRY
        assert api.messages == {}
        await device.listen()
        assert await hass.config_entries.async_reload(entry.entry_id)
        await api.until(lambda: api.payloads("heartbeat"))
        assert await hass.config_entries.async_unload(entry.entry_id)


async def test_home_assistant_says_goodbye_when_it_stops(
    hass: HomeAssistant, device: Device, mosquitto: Mosquitto
) -> None:
    entry = hub_entry(device.port, options=mirrored(mosquitto.port))
    async with bemcom_api(mosquitto.port) as api:
        await set_up(hass, entry)
        await api.until(lambda: api.payloads("heartbeat"))
        await hass.async_stop(force=True)
        last = api.payloads("heartbeat")[-1]
        await api.until(lambda: "Connector stopped." in api.logs())
        last = api.payloads("heartbeat")[-1]
        assert last["next_heartbeats_timestamp"] == last["this_heartbeats_timestamp"]


async def test_the_log_has_what_is_of_the_hub_only(
    hass: HomeAssistant, device: Device, mosquitto: Mosquitto
) -> None:
    """Whatever it is called: `base` is a module of the integration, too."""
    options = mirrored(mosquitto.port)
    entry = hub_entry(device.port, name="base", options=options)
    async with bemcom_api(mosquitto.port, "base") as api:
        connector = await set_up(hass, entry)
        logging.getLogger(base.__name__).warning("of another hub")
        connector.logger.warning("of this one")
        await api.until(lambda: "of this one" in api.logs())
        assert "of another hub" not in api.logs()
        assert await hass.config_entries.async_unload(entry.entry_id)


async def test_diagnostics_and_system_health_tell_of_the_mirror(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    device: Device,
    mosquitto: Mosquitto,
) -> None:
    """Neither says where the broker is, or how to get in."""
    options = mirrored(mosquitto.port, username="somebody", password="open-sesame")
    entry = hub_entry(device.port, options=options)
    assert await async_setup_component(hass, "system_health", {})
    async with bemcom_api(mosquitto.port) as api:
        connector = await set_up(hass, entry)
        await state_of(hass, BROKER, STATE_ON)
        await receive(hass, device, connector, b'{"power": 1}\n')
        await api.until(lambda: api.payloads("available_datapoints"))
        await api.send_map({"power": 1, "other": 2})
        await api.until(lambda: api.values(1))
        told = await get_diagnostics_for_config_entry(hass, hass_client, entry)
        assert isinstance(told, dict)
        text = json.dumps(told)
        for secret in ("somebody", "open-sesame", "127.0.0.1"):
            assert secret not in text
        mirror = told["mirror"]
        assert isinstance(mirror, dict)
        assert mirror["connected"] is True
        assert mirror["fault"] is None
        assert mirror["dropped"] == 0
        assert mirror["available_sensors"] == 1
        assert mirror["map_unknown_keys"] == ["other"]
        assert f"{NAME}/datapoint_map" in mirror["subscribed"]
        info = await get_system_health_info(hass, DOMAIN)
        assert info["mirrors"] == info["mirrors_connected"] == 1
        assert info["mirror_dropped"] == 0
    assert await hass.config_entries.async_unload(entry.entry_id)


async def test_the_mqtt_integration_may_come_and_go(
    hass: HomeAssistant,
    device: Device,
    mosquitto: Mosquitto,
    issue_registry: ir.IssueRegistry,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The user hears that it is missing; what was to be published waits for it."""
    monkeypatch.setattr("homeassistant.config.load_yaml_config_file", lambda *_: {})
    options = {"framing": "line", "mirror": {"connection": "home_assistant"}}
    entry = hub_entry(device.port, options=options)
    issue_id = f"mirror_mqtt_missing_{entry.entry_id}"
    async with bemcom_api(mosquitto.port) as api:
        connector = await set_up(hass, entry)
        await receive(hass, device, connector, b'{"power": 1}\n')
        await look(hass, 2)
        assert issue_registry.async_get_issue(DOMAIN, issue_id) is not None
        mqtt = MockConfigEntry(
            domain="mqtt",
            data={"broker": "127.0.0.1", "port": mosquitto.port, "protocol": "5"},
            options={"discovery": False},
            version=2,
        )
        mqtt.add_to_hass(hass)
        assert await hass.config_entries.async_setup(mqtt.entry_id)
        await state_of(hass, BROKER, STATE_ON)
        assert issue_registry.async_get_issue(DOMAIN, issue_id) is None
        await api.until(lambda: api.payloads("available_datapoints"))
        await api.send_map({"power": 1})
        await api.until(lambda: api.values(1) == [1])
        assert await hass.config_entries.async_remove(mqtt.entry_id)
        await state_of(hass, BROKER, STATE_OFF)
        await receive(hass, device, connector, b'{"power": 2}\n')
        assert entry.runtime_data.mirror.waiting > 0
        assert await hass.config_entries.async_unload(entry.entry_id)
        await hass.async_block_till_done(wait_background_tasks=True)


async def test_another_home_assistant_hears_what_there_is(
    hass: HomeAssistant, device: Device, mosquitto: Mosquitto
) -> None:
    """What is announced comes with the entities, and goes with them, the mirror or the hub."""
    options = mirrored(mosquitto.port, discovery=True)
    entry = hub_entry(device.port, options=options)
    announced: dict[str, bytes] = {}

    async def listen(client: aiomqtt.Client) -> None:
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            announced[str(message.topic).split("/")[-2]] = message.payload
            changed.set()

    async def until(is_so: Callable[[], object]) -> None:
        async with asyncio.timeout(15):
            while not is_so():
                changed.clear()
                await changed.wait()

    def names() -> set[str]:
        return {json.loads(it)["name"] for it in announced.values() if it}

    changed = asyncio.Event()
    async with aiomqtt.Client("127.0.0.1", mosquitto.port) as client:
        await client.subscribe("homeassistant/#")
        listening = asyncio.create_task(listen(client))
        connector = await set_up(hass, entry)
        await receive(hass, device, connector, b'{"power": 1, "voltage": 230}\n')
        await until(lambda: names() == {"Connection", "Power", "Voltage"})
        assert await hass.config_entries.async_reload(entry.entry_id)
        await receive(
            hass, device, entry.runtime_data.connector, b'{"power": 2, "mode": "eco"}\n'
        )
        await until(lambda: names() == {"Connection", "Power", "Voltage", "Mode"})
        await change(hass, entry, **mirrored(mosquitto.port)["mirror"])
        await until(lambda: names() == set())
        await change(hass, entry, **options["mirror"])
        await until(lambda: len(names()) > 1)
        assert await hass.config_entries.async_remove(entry.entry_id)
        await until(lambda: names() == set())
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def test_the_user_hears_of_topics_that_are_forbidden(
    hass: HomeAssistant, device: Device, issue_registry: ir.IssueRegistry
) -> None:
    """Until the broker lets the mirror listen."""
    codes = [0x80]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            while True:
                kind = (await reader.readexactly(1))[0]
                size = shift = 0
                while (part := (await reader.readexactly(1))[0]) & 0x80:
                    size |= (part & 0x7F) << shift
                    shift += 7
                packet = await reader.readexactly(size | part << shift)
                if kind == 0x10:
                    writer.write(bytes((0x20, 2, 0, 0)))
                elif kind == 0x82:
                    writer.write(bytes((0x90, 3, *packet[:2], codes[0])))
                elif kind & 0xF6 == 0x32:  # with QoS 1
                    number = 2 + int.from_bytes(packet[:2])
                    writer.write(bytes((0x40, 2, *packet[number : number + 2])))
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        entry = hub_entry(device.port, options=mirrored(port))
        issue_id = f"mirror_not_allowed_{entry.entry_id}"
        await set_up(hass, entry)
        mirror = entry.runtime_data.mirror
        async with asyncio.timeout(10):
            while (issue := issue_registry.async_get_issue(DOMAIN, issue_id)) is None:
                await asyncio.sleep(0.01)
            told = str(issue.translation_placeholders)
            assert "datapoint" in told
            assert mirror.diagnostics()["not_subscribed"] == [
                f"{NAME}/datapoint_map",
                f"{NAME}/raw_message_reprocess",
            ]
            codes[0] = 1
            while issue_registry.async_get_issue(DOMAIN, issue_id) is not None:
                await asyncio.sleep(0.01)
        assert mirror.diagnostics()["not_subscribed"] == []
        assert await hass.config_entries.async_unload(entry.entry_id)
