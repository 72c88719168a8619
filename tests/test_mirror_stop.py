"""The end of a mirror: what is queued arrives, and nobody waits for longer than that takes."""

import asyncio
import gc
import logging
import time
from typing import Any
from unittest.mock import patch

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bemcom_connectors import hub_mirror
from custom_components.bemcom_connectors.bemcom.mirror import Mirror
from custom_components.bemcom_connectors.hub_mirror import HubMirror
from custom_components.bemcom_connectors.mirror_run import MirrorRun
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import CoreState, Event, HomeAssistant
from tests.bemcom.mosquitto import Mosquitto, needs_mosquitto
from tests.bemcom.relay import Relay
from tests.bemcom_api import StackApi, bemcom_api
from tests.device import Device
from tests.hub import hub_entry, receive, set_up, state_of
from tests.mirrored_hub import BROKER, change, mirrored
from tests.test_home_assistant_broker import mqtt_entry

pytestmark = [needs_mosquitto, pytest.mark.usefixtures("loopback")]

HOME_ASSISTANT = {"framing": "line", "mirror": {"connection": "home_assistant"}}


@pytest.fixture(autouse=True)
def _no_yaml(monkeypatch: pytest.MonkeyPatch) -> None:
    """MQTT looks into it for entities."""
    monkeypatch.setattr("homeassistant.config.load_yaml_config_file", lambda *_: {})


async def set_up_mqtt(hass: HomeAssistant, port: int) -> MockConfigEntry:
    """Return Home Assistant's own connection to a broker."""
    entry = mqtt_entry(hass, port)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    return entry


def said_goodbye(api: StackApi) -> bool:
    """Tell whether the last heartbeat ends at once, and the last line is the last one."""
    beats = api.payloads("heartbeat")
    return bool(
        beats
        and beats[-1]["next_heartbeats_timestamp"]
        == beats[-1]["this_heartbeats_timestamp"]
        and api.logs()[-1] == "Connector stopped."
    )


@pytest.mark.parametrize("connection", ["own", "home_assistant", "mqtt_later"])
async def test_what_is_queued_arrives_as_home_assistant_stops(
    hass: HomeAssistant, device: Device, mosquitto: Mosquitto, connection: str
) -> None:
    """Though its own connection to the broker ends then, too."""
    own = connection == "own"
    options = mirrored(mosquitto.port) if own else HOME_ASSISTANT
    entry = hub_entry(device.port, options=options)
    async with bemcom_api(mosquitto.port) as api:
        if connection == "home_assistant":
            await set_up_mqtt(hass, mosquitto.port)
        if connection == "mqtt_later":
            # As when Home Assistant starts, and something holds up MQTT.
            hass.set_state(CoreState.starting)
        connector = await set_up(hass, entry)
        if connection == "mqtt_later":
            await set_up_mqtt(hass, mosquitto.port)
            hass.set_state(CoreState.running)
        await state_of(hass, BROKER, "on")
        await api.send_map({"power": 1})
        await receive(hass, device, connector, b'{"power": 0}\n')
        await api.until(lambda: api.values(1) == [0])
        for number in range(1, 200):
            await device.send(b'{"power": %d}\n' % number)
        async with asyncio.timeout(10):
            while connector.statistics.messages < 200:
                await asyncio.sleep(0)
        began = time.monotonic()
        await hass.async_stop(force=True)
        assert time.monotonic() - began < 4
        await api.until(lambda: said_goodbye(api))
        assert api.values(1) == list(range(200))


@pytest.mark.parametrize("connection", ["own", "home_assistant"])
@pytest.mark.parametrize("how", ["unload", "off", "stop"])
async def test_a_broker_that_confirms_nothing_holds_nobody_up_for_long(
    hass: HomeAssistant,
    device: Device,
    mosquitto: Mosquitto,
    *,
    connection: str,
    how: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After some seconds, of which this test waits for one, the rest is given up."""
    monkeypatch.setattr(hub_mirror, "_PATIENCE", 1.0)
    # Home Assistant's own, which comes after that.
    monkeypatch.setattr("homeassistant.components.mqtt.client.TIMEOUT_ACK", 1)
    async with Relay(mosquitto.port) as relay:
        own = connection == "own"
        options = mirrored(relay.port) if own else HOME_ASSISTANT
        entry = hub_entry(device.port, options=options)
        mqtt = None if own else await set_up_mqtt(hass, relay.port)
        connector = await set_up(hass, entry)
        await state_of(hass, BROKER, "on")
        mirror = entry.runtime_data.mirror
        async with asyncio.timeout(10):
            while mirror.waiting:
                await asyncio.sleep(0.01)
        relay.silent = True
        await receive(hass, device, connector, b'{"power": 1}\n')
        ends: list[Event] = []
        stopping: asyncio.Task[None] | None = None
        began = time.monotonic()
        if how == "unload":
            assert await hass.config_entries.async_unload(entry.entry_id)
        elif how == "off":
            await change(hass, entry)
        else:
            # What comes after it is the end of Home Assistant's own connection.
            hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, ends.append)
            stopping = asyncio.create_task(hass.async_stop(force=True))
            async with asyncio.timeout(10):
                while not ends:
                    await asyncio.sleep(0.01)
        took = time.monotonic() - began
        assert 0.9 < took < 3
        if how == "off":
            await hass.config_entries.async_unload(entry.entry_id)
        await relay.cut()
        if stopping is not None:
            await stopping
        if mqtt is not None and how != "stop":
            await hass.config_entries.async_unload(mqtt.entry_id)


async def test_nothing_begins_when_all_is_over(
    hass: HomeAssistant, device: Device, mosquitto: Mosquitto
) -> None:
    """Other options may come at the very end; what waits on the disk is not lost by that."""
    raw = {"raw_messages": True, "raw_on_disk": True}
    async with Relay(mosquitto.port) as relay:
        entry = hub_entry(device.port, options=mirrored(relay.port, **raw))
        connector = await set_up(hass, entry)
        await state_of(hass, BROKER, "on")
        relay.silent = True
        await receive(hass, device, connector, b'{"power": 1}\n')
        began: list[object] = []
        listen = MirrorRun.async_listen

        def note(run: MirrorRun, *args: Any) -> None:
            began.append(run)
            listen(run, *args)

        with patch.object(MirrorRun, "async_listen", note):
            other = mirrored(relay.port, qos=0, **raw)["mirror"]
            options = {**entry.options, "mirror": other}
            hass.config_entries.async_update_entry(entry, options=options)
            await asyncio.sleep(0.1)
            assert await hass.config_entries.async_unload(entry.entry_id)
        assert began == []
        await relay.cut()
    options = {**entry.options, **mirrored(mosquitto.port, **raw)}
    hass.config_entries.async_update_entry(entry, options=options)
    async with bemcom_api(mosquitto.port) as api:
        assert await hass.config_entries.async_setup(entry.entry_id)
        await api.until(lambda: api.payloads("raw_message_to_db"))
        assert await hass.config_entries.async_unload(entry.entry_id)


async def test_attempts_leave_nothing_behind(
    hass: HomeAssistant,
    device: Device,
    mosquitto: Mosquitto,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A device may be away for weeks."""
    # Whose tracebacks would hold everything, in the records of the log.
    caplog.set_level(logging.CRITICAL, "custom_components.bemcom_connectors")
    entry = hub_entry(device.port, options=mirrored(mosquitto.port, discovery=True))
    entry.add_to_hass(hass)
    await device.go_away()

    async def attempt() -> tuple[int, ...]:
        await hass.config_entries.async_reload(entry.entry_id)
        assert entry.state is ConfigEntryState.SETUP_RETRY
        gc.collect()
        kinds = (HubMirror, MirrorRun, Mirror)
        mine = [it for it in gc.get_objects() if isinstance(it, kinds)]
        listeners = sum(hass.bus.async_listeners().values())
        jobs = len(hass._shutdown_jobs)
        return len(mine), listeners, jobs, len(asyncio.all_tasks())

    first = [await attempt() for _ in range(3)][-1]
    last = [await attempt() for _ in range(20)][-1]
    # Home Assistant itself may have ended something meanwhile.
    assert all(now <= before for now, before in zip(last, first, strict=True))
    assert await hass.config_entries.async_unload(entry.entry_id)
    await device.listen()
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert await hass.config_entries.async_unload(entry.entry_id)


async def test_no_log_has_the_password_in_it(
    hass: HomeAssistant,
    device: Device,
    mosquitto: Mosquitto,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Not even when everybody tells all they can."""
    caplog.set_level(logging.DEBUG)
    for name in list(logging.root.manager.loggerDict):
        caplog.set_level(logging.DEBUG, name)  # which is undone afterwards
    secret = {"username": "hub-user", "password": "open-sesame"}
    entry = hub_entry(device.port, options=mirrored(mosquitto.port, **secret))
    connector = await set_up(hass, entry)
    await state_of(hass, BROKER, "on")
    await receive(hass, device, connector, b'{"power": 1}\n')
    mirror = entry.runtime_data.mirror
    await mosquitto.stop()
    await state_of(hass, BROKER, "off")
    await mosquitto.start()
    await state_of(hass, BROKER, "on")
    mosquitto.configure("allow_anonymous false")
    await mosquitto.stop()
    await mosquitto.start()
    async with asyncio.timeout(15):
        while mirror.diagnostics()["fault"] is None:
            await asyncio.sleep(0.02)
    await change(hass, entry, **mirrored(mosquitto.port, **secret, qos=0)["mirror"])
    logging.getLogger(__name__).debug("%r %r", mirror._options, mirror._run)
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert "open-sesame" not in caplog.text
    assert "open-sesame" not in repr(entry)


async def test_two_hubs_at_one_broker(
    hass: HomeAssistant, device: Device, mosquitto: Mosquitto
) -> None:
    """One through Home Assistant's connection, one through its own; each has its topics."""
    await set_up_mqtt(hass, mosquitto.port)
    async with Device() as other:
        entries = [
            hub_entry(device.port, options=HOME_ASSISTANT),
            hub_entry(other.port, options=mirrored(mosquitto.port), name="other"),
        ]
        async with (
            bemcom_api(mosquitto.port) as api,
            bemcom_api(mosquitto.port, "other") as other_api,
        ):
            connectors = [await set_up(hass, it) for it in entries[:2]]
            await state_of(hass, BROKER, "on")
            await state_of(hass, "binary_sensor.other_mqtt_broker", "on")
            await api.send_map({"power": 1})
            await other_api.send_map({"power": 1})
            await receive(hass, device, connectors[0], b'{"power": 1}\n')
            await receive(hass, other, connectors[1], b'{"power": 2}\n')
            await api.until(lambda: api.values(1) == [1])
            await other_api.until(lambda: other_api.values(1) == [2])
            assert await hass.config_entries.async_remove(entries[0].entry_id)
            await api.until(lambda: said_goodbye(api))
            await receive(hass, other, connectors[1], b'{"power": 3}\n')
            await other_api.until(lambda: other_api.values(1) == [2, 3])
            assert not said_goodbye(other_api)
            await hass.async_stop(force=True)
            await other_api.until(lambda: said_goodbye(other_api))
