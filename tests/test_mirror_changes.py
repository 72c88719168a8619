"""Other options of a mirror while it runs, and what the user is told of it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
import logging
from pathlib import Path
import time

import aiomqtt
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bemcom_connectors.const import DOMAIN
from homeassistant.config_entries import ConfigEntryDisabler, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from tests.bemcom.broker_access import passwords
from tests.bemcom.mosquitto import Mosquitto, needs_mosquitto
from tests.bemcom.relay import Relay
from tests.bemcom_api import bemcom_api
from tests.device import Device
from tests.hub import hub_entry, receive, set_up, state_of
from tests.mirrored_hub import BROKER, LOST, change, look, mirrored

pytestmark = [needs_mosquitto, pytest.mark.usefixtures("loopback")]


async def fault_of(entry: MockConfigEntry, wanted: str | None) -> None:
    """Wait until the mirror knows what is wrong."""
    async with asyncio.timeout(10):
        while entry.runtime_data.mirror.diagnostics()["fault"] != wanted:
            await asyncio.sleep(0.01)


async def test_what_waits_is_not_lost_with_other_options(
    hass: HomeAssistant,
    device: Device,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Who enters the password that the broker has now gets all that waited for it."""
    settings = passwords(tmp_path, hub="right", api="api")
    async with Mosquitto(tmp_path, *settings) as mosquitto:
        own = {"username": "hub", "keep": "all", "raw_messages": True, "max_raw": 4}
        right = mirrored(mosquitto.port, password="right", **own)
        entry = hub_entry(device.port, options=right)
        who = {"username": "api", "password": "api"}
        async with bemcom_api(mosquitto.port, **who) as api:
            connector = await set_up(hass, entry)
            await api.send_map({"power": 1})
            await receive(hass, device, connector, b'{"power": 0}\n')
            await api.until(lambda: api.values(1) == [0])
            await change(hass, entry, **(right["mirror"] | {"password": "wrong"}))
            for number in range(1, 7):
                message = b'{"power": %d}\n' % number
                await receive(hass, device, connector, message)
            mirror = entry.runtime_data.mirror
            assert mirror.dropped == 2  # raw messages
            await change(hass, entry, **right["mirror"])
            await api.until(lambda: len(api.payloads("raw_message_to_db")) == 5)
            await api.until(lambda: api.values(1)[-1:] == [6])
            assert api.values(1) == [0, 1, 2, 3, 4, 5, 6]
            raw = api.payloads("raw_message_to_db")[1:]
            assert [it["payload"]["raw_message"] for it in raw] == [
                str(b'{"power": %d}' % number) for number in (3, 4, 5, 6)
            ]
            # What was lost was lost, whatever the options are.
            assert mirror.dropped == 2
            await look(hass, 1)
            assert (lost := hass.states.get(LOST)) is not None
            assert lost.state == "2"
        assert await hass.config_entries.async_unload(entry.entry_id)
    assert "unique" not in caplog.text
    assert [it for it in caplog.records if it.levelno >= logging.ERROR] == []


async def test_what_comes_meanwhile_is_not_lost_with_other_options(
    hass: HomeAssistant, device: Device, mosquitto: Mosquitto
) -> None:
    """Neither a value nor a raw message, however long the former connection takes to end."""
    async with Relay(mosquitto.port) as relay:
        own = {"keep": "all", "raw_messages": True}
        entry = hub_entry(device.port, options=mirrored(relay.port, **own))
        async with bemcom_api(mosquitto.port) as api:
            connector = await set_up(hass, entry)
            await api.send_map({"power": 1})
            await receive(hass, device, connector, b'{"power": 0}\n')
            await api.until(lambda: api.values(1) == [0])
            relay.silent = True
            changing = hass.async_create_task(
                change(hass, entry, **mirrored(mosquitto.port, **own)["mirror"])
            )
            while entry.runtime_data.mirror.is_on:
                await asyncio.sleep(0)
            for number in range(1, 6):
                handled = connector.statistics.messages
                await device.send(b'{"power": %d}\n' % number)
                while connector.statistics.messages == handled:
                    await asyncio.sleep(0.001)
            assert not entry.runtime_data.mirror.is_on
            await changing
            await api.until(lambda: api.values(1)[-1] == 5)
            assert api.values(1) == [0, 1, 2, 3, 4, 5]
            await api.until(lambda: len(api.payloads("raw_message_to_db")) == 6)
            assert entry.runtime_data.mirror.dropped == 0
        assert await hass.config_entries.async_unload(entry.entry_id)


async def test_options_that_change_quickly(
    hass: HomeAssistant,
    device: Device,
    mosquitto: Mosquitto,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The last ones count, even as the mirror connects; nothing of the others stays."""
    entry = hub_entry(device.port, options={"framing": "line"})
    connector = await set_up(hass, entry)
    await receive(hass, device, connector, b'{"power": 1}\n')
    alone, nobody = len(asyncio.all_tasks()), _sockets(mosquitto)
    for number in range(20):
        mirror = {} if number % 3 == 2 else mirrored(mosquitto.port, qos=number % 2)
        options = {**entry.options, "mirror": mirror and mirror["mirror"]}
        hass.config_entries.async_update_entry(entry, options=options)
        await asyncio.sleep(0.003 * (number % 5))
    await hass.async_block_till_done()
    async with bemcom_api(mosquitto.port) as api:
        await state_of(hass, BROKER, "on")
        await api.until(lambda: api.payloads("available_datapoints"))
        # The API, and one mirror: the other connections were given up.
        async with asyncio.timeout(15):
            while _sockets(mosquitto) != nobody + 2:
                await asyncio.sleep(0.05)
    await change(hass, entry)
    assert hass.states.get(BROKER) is None
    async with asyncio.timeout(15):
        while len(asyncio.all_tasks()) > alone:
            await asyncio.sleep(0.05)
        while _sockets(mosquitto) > nobody:
            await asyncio.sleep(0.05)
    assert device.connections == 1
    assert [it for it in caplog.records if it.levelno >= logging.ERROR] == []


def _sockets(mosquitto: Mosquitto) -> int:
    """Return how many sockets a broker has."""
    found = Path(f"/proc/{mosquitto.pid}/fd").iterdir()
    return sum(str(it.readlink()).startswith("socket:") for it in found)


async def test_the_issue_stays_until_the_broker_lets_us_in(
    hass: HomeAssistant,
    device: Device,
    tmp_path: Path,
    issue_registry: ir.IssueRegistry,
) -> None:
    """A broker that is away has not said yes; and who ignored it is not told again."""
    settings = passwords(tmp_path, hub="right")
    async with Mosquitto(tmp_path, *settings) as mosquitto:
        options = mirrored(mosquitto.port, username="hub", password="wrong")
        entry = hub_entry(device.port, options=options)
        issue_id = f"mirror_credentials_{entry.entry_id}"
        await set_up(hass, entry)
        await fault_of(entry, "credentials")
        await look(hass, 2)
        assert issue_registry.async_get_issue(DOMAIN, issue_id) is not None
        issue_registry.async_ignore(DOMAIN, issue_id, True)
        await mosquitto.stop()
        await fault_of(entry, None)
        await look(hass, 4)
        assert issue_registry.async_get_issue(DOMAIN, issue_id) is not None
        await mosquitto.start()
        await fault_of(entry, "credentials")
        assert await hass.config_entries.async_reload(entry.entry_id)
        await fault_of(entry, "credentials")
        await look(hass, 2)
        issue = issue_registry.async_get_issue(DOMAIN, issue_id)
        assert issue is not None
        assert issue.dismissed_version is not None
        settings = passwords(tmp_path, hub="wrong")
        mosquitto.reload()
        await state_of(hass, BROKER, "on")
        assert issue_registry.async_get_issue(DOMAIN, issue_id) is None
        assert await hass.config_entries.async_unload(entry.entry_id)


async def test_a_map_that_is_wrong_is_so_after_a_restart(
    hass: HomeAssistant,
    device: Device,
    mosquitto: Mosquitto,
    issue_registry: ir.IssueRegistry,
) -> None:
    """It is retained, and refused again; who ignored that is not told again."""
    entry = hub_entry(device.port, options=mirrored(mosquitto.port))
    refused = f"mirror_map_refused_{entry.entry_id}"
    async with bemcom_api(mosquitto.port) as api:
        connector = await set_up(hass, entry)
        await receive(hass, device, connector, b'{"power": 1}\n')
        await api.publish("datapoint_map", b"5", retain=True)
        await api.until(lambda: any("JSON" in it for it in api.logs()))
        issue_registry.async_ignore(DOMAIN, refused, True)
        assert await hass.config_entries.async_unload(entry.entry_id)
        assert await hass.config_entries.async_setup(entry.entry_id)
        connector = entry.runtime_data.connector
        await receive(hass, device, connector, b'{"power": 1, "new": 2}\n')
        await api.until(lambda: len([it for it in api.logs() if "JSON" in it]) == 2)
        issue = issue_registry.async_get_issue(DOMAIN, refused)
        assert issue is not None
        assert issue.dismissed_version is not None
        await hass.config_entries.async_set_disabled_by(
            entry.entry_id, ConfigEntryDisabler.USER
        )
        await hass.async_block_till_done()
        assert issue_registry.async_get_issue(DOMAIN, refused) is None


async def test_a_name_that_no_topic_has_costs_only_the_mirror(
    hass: HomeAssistant, device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    """No form takes one; but an entry may be older, or edited by hand."""
    entry = hub_entry(device.port, options=mirrored(1), name="demo+/#")
    await set_up(hass, entry)
    assert entry.state is ConfigEntryState.LOADED
    assert not entry.runtime_data.mirror.is_on
    assert "cannot be mirrored" in caplog.text
    await change(hass, entry, **mirrored(2)["mirror"])
    assert await hass.config_entries.async_remove(entry.entry_id)


@asynccontextmanager
async def silent_broker() -> AsyncGenerator[int]:
    """Yield the port of what takes connections and says nothing."""
    server = await asyncio.start_server(
        lambda _, writer: writers.add(writer), "127.0.0.1"
    )
    writers: set[asyncio.StreamWriter] = set()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.close()


@pytest.mark.parametrize(
    "how", ["unload", "reload", "remove", "disable", "off", "stop"]
)
async def test_a_broker_that_is_silent_keeps_nobody_waiting(
    hass: HomeAssistant, device: Device, how: str
) -> None:
    """Whatever ends the mirror as it connects does so at once."""
    async with silent_broker() as port:
        entry = hub_entry(device.port, options=mirrored(port, discovery=False))
        connector = await set_up(hass, entry)
        await receive(hass, device, connector, b'{"power": 1}\n')
        entries = hass.config_entries
        began = time.monotonic()
        match how:
            case "unload":
                assert await entries.async_unload(entry.entry_id)
            case "reload":
                assert await entries.async_reload(entry.entry_id)
            case "remove":
                await entries.async_remove(entry.entry_id)
            case "disable":
                await entries.async_set_disabled_by(
                    entry.entry_id, ConfigEntryDisabler.USER
                )
            case "off":
                await change(hass, entry)
            case _:
                await hass.async_stop(force=True)
        assert time.monotonic() - began < 1
        if how in {"reload", "off"}:
            assert await entries.async_unload(entry.entry_id)


async def test_what_was_announced_is_taken_back_when_there_is_a_broker(
    hass: HomeAssistant, device: Device, mosquitto: Mosquitto
) -> None:
    """Though it was away when nobody wanted it any more, and Home Assistant was restarted."""
    announced: dict[str, bytes] = {}

    async def read() -> None:
        announced.clear()
        async with aiomqtt.Client("127.0.0.1", mosquitto.port) as client:
            await client.subscribe("homeassistant/#")
            with suppress(TimeoutError):
                async with asyncio.timeout(0.3):
                    async for message in client.messages:
                        assert isinstance(message.payload, bytes)
                        announced[str(message.topic)] = message.payload

    async with Relay(mosquitto.port) as relay:
        port = relay.port
        entry = hub_entry(device.port, options=mirrored(port, discovery=True))
        connector = await set_up(hass, entry)
        await receive(hass, device, connector, b'{"power": 1}\n')
        await state_of(hass, BROKER, "on")
        async with asyncio.timeout(10):
            while len(announced) < 2:
                await read()
        await relay.cut()
        await state_of(hass, BROKER, "off")
        await change(hass, entry, **mirrored(port)["mirror"])
        assert await hass.config_entries.async_unload(entry.entry_id)
        await read()
        assert len(announced) == 2
        assert await hass.config_entries.async_setup(entry.entry_id)
        relay.port = port
        await relay.open()
        await state_of(hass, BROKER, "on")
        async with asyncio.timeout(10):
            while announced:
                await read()
        assert await hass.config_entries.async_unload(entry.entry_id)
        await relay.cut()


async def test_what_comes_between_two_mirrors_is_published(
    hass: HomeAssistant, device: Device, mosquitto: Mosquitto
) -> None:
    """A broker may take its time with what the former one said, and devices go on."""
    async with Relay(mosquitto.port) as relay, bemcom_api(mosquitto.port) as api:
        entry = hub_entry(device.port, options=mirrored(relay.port))
        connector = await set_up(hass, entry)
        await api.send_map({"power": 1, "mode": 2})
        await receive(hass, device, connector, b'{"power": 1.5, "mode": 7}\n')
        await api.until(lambda: api.values(1) and api.values(2))
        relay.silent = True
        other = mirrored(mosquitto.port)["mirror"]
        options = {**entry.options, "mirror": other}
        hass.config_entries.async_update_entry(entry, options=options)
        while entry.runtime_data.mirror.is_on:
            await asyncio.sleep(0)
        await device.send(b'{"power": 2.5}\n')
        await api.until(lambda: api.values(1)[-1] == 2.5)
        assert set(api.values(2)) == {7}
        assert await hass.config_entries.async_unload(entry.entry_id)
        await relay.cut()
