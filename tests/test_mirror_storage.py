"""What is kept for the mirror of a hub, whatever is in the files and whatever the disk does."""

import json
from typing import Any
from unittest.mock import patch

import pytest

from custom_components.bemcom_connectors.const import DOMAIN
from custom_components.bemcom_connectors.mirror_storage import pack, unpack
from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store
from tests.bemcom.mosquitto import Mosquitto, needs_mosquitto
from tests.bemcom_api import bemcom_api
from tests.device import Device
from tests.hub import hub_entry, receive, set_up, state_of
from tests.mirrored_hub import BROKER, change, look, mirrored

pytestmark = [needs_mosquitto, pytest.mark.usefixtures("loopback")]

RAW = {"raw_messages": True, "raw_on_disk": True}


def file_of(entry_id: str, kind: str) -> str:
    """Return the name of a file of a mirror."""
    return f"{DOMAIN}.{entry_id}.{kind}"


NO_DICT: list[Any] = [5, [], "text"]
JUNK: list[Any] = [
    {},
    {"version": 99, "data": {}},
    {"version": 0, "data": {}},
    {"data": {}},
    [],
    *(
        {"version": 1, "data": data}
        for data in (
            *NO_DICT,
            {"available_datapoints": []},
            {"available_datapoints": {"sensor": ["a"], "actuator": 5}},
            {"datapoint_map": ["sensor", "actuator"]},
            {"datapoint_map": 5},
            {"datapoint_map": {"sensor": [], "actuator": {}}},
            {"datapoint_map": {"sensor": {"a": 5, "b": "#"}, "actuator": {"x": []}}},
            {"discovery": ["x"]},
            {"discovery": {"x": 5, "demo-meter/logs": "y", "+/#": "z", "": ""}},
            {"messages": 5},
            {"messages": {}},
            {"messages": [5, None, "no JSON", "[]", "{}x"]},
            {"messages": "no base64"},
            {"messages": "AAAA"},
            {"messages": "ä"},
            {"messages": pack([b"5", b"no JSON", b"[]", b"{}x", b"", b"null"])},
        )
    ),
]


@pytest.mark.parametrize(
    "found", [(it, discovery) for it in JUNK for discovery in (False, True)], ids=str
)
async def test_a_file_that_is_broken_costs_no_hub(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    device: Device,
    mosquitto: Mosquitto,
    found: tuple[Any, bool],
) -> None:
    """What can be used is used, and nothing of the rest is ever published."""
    junk, discovery = found
    options = mirrored(mosquitto.port, discovery=discovery, **RAW)
    entry = hub_entry(device.port, options=options)
    for kind in ("mirror", "raw_messages"):
        hass_storage[file_of(entry.entry_id, kind)] = junk
    async with bemcom_api(mosquitto.port) as api:
        connector = await set_up(hass, entry)
        await state_of(hass, BROKER, "on")
        await receive(hass, device, connector, b'{"power": 1}\n')
        await api.send_map({"power": 1})
        await api.until(lambda: api.values(1) == [1])
        assert await hass.config_entries.async_unload(entry.entry_id)
        assert len(api.payloads("raw_message_to_db")) == 1
    assert await hass.config_entries.async_remove(entry.entry_id)
    assert not [it for it in hass_storage if entry.entry_id in it]


async def test_what_can_be_used_is_used(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    device: Device,
    mosquitto: Mosquitto,
) -> None:
    """A part that is broken does not cost the others."""
    entry = hub_entry(device.port, options=mirrored(mosquitto.port, **RAW))
    kept = {"topic": "demo-meter/messages/1/value"}
    hass_storage[file_of(entry.entry_id, "mirror")] = {
        "version": 1,
        "data": {
            "available_datapoints": {"sensor": {"old": 5}, "actuator": []},
            "datapoint_map": {"sensor": {"power": kept["topic"]}, "actuator": {}},
            "discovery": None,
        },
    }
    raw = json.dumps({"payload": {"raw_message": "kept", "timestamp": 5}})
    hass_storage[file_of(entry.entry_id, "raw_messages")] = {
        "version": 1,
        "data": {"messages": pack([raw.encode(), b"5", b"no JSON"])},
    }
    async with bemcom_api(mosquitto.port) as api:
        connector = await set_up(hass, entry)
        await receive(hass, device, connector, b'{"power": 1}\n')
        await api.until(lambda: api.values(1) == [1])
        await api.until(lambda: len(api.payloads("raw_message_to_db")) == 2)
        assert api.payloads("raw_message_to_db")[0]["payload"]["raw_message"] == "kept"
        assert "old" in api.payloads("available_datapoints")[0]["sensor"]
        assert await hass.config_entries.async_unload(entry.entry_id)


@pytest.mark.parametrize("error", [OSError(28, "No space left"), PermissionError()])
async def test_a_disk_that_takes_nothing_costs_nothing_else(
    hass: HomeAssistant,
    device: Device,
    mosquitto: Mosquitto,
    error: OSError,
) -> None:
    """The hub goes on, is unloaded, comes again and is removed."""

    async def fail(store: Store[Any], *_: object) -> None:
        if entry.entry_id in store.key and not store.key.endswith(entry.entry_id):
            raise error

    entry = hub_entry(device.port, options=mirrored(mosquitto.port, **RAW))
    connector = await set_up(hass, entry)
    await state_of(hass, BROKER, "on")
    with (
        patch.object(Store, "async_save", fail),
        patch.object(Store, "async_remove", fail),
    ):
        await mosquitto.stop()
        await state_of(hass, BROKER, "off")
        await receive(hass, device, connector, b'{"power": 1}\n')
        await look(hass, 10)
        await change(hass, entry, **mirrored(mosquitto.port, qos=0)["mirror"])
        await mosquitto.start()
        await change(hass, entry, **mirrored(mosquitto.port, qos=1)["mirror"])
        await state_of(hass, BROKER, "on")
        assert await hass.config_entries.async_unload(entry.entry_id)
        assert await hass.config_entries.async_setup(entry.entry_id)
        await state_of(hass, BROKER, "on")
        await change(hass, entry)
        assert not entry.runtime_data.mirror.is_on
        assert await hass.config_entries.async_remove(entry.entry_id)


@pytest.mark.parametrize(
    "other", [{"raw_messages": True}, {"raw_on_disk": True}, {}, None], ids=str
)
async def test_who_wants_no_raw_messages_on_disk_has_none(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    device: Device,
    mosquitto: Mosquitto,
    other: dict[str, Any] | None,
) -> None:
    """The file goes with the option, and with the mirror."""
    entry = hub_entry(device.port, options=mirrored(mosquitto.port, **RAW))
    await mosquitto.stop()
    connector = await set_up(hass, entry)
    await receive(hass, device, connector, b'{"power": 1}\n')
    await look(hass, 10)
    name = file_of(entry.entry_id, "raw_messages")
    assert len(unpack(hass_storage[name]["data"]["messages"])[0]) == 1
    if other is None:
        await change(hass, entry)
    else:
        await change(hass, entry, **mirrored(mosquitto.port, **other)["mirror"])
    assert name not in hass_storage
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert name not in hass_storage


async def test_a_power_failure_brings_nothing_twice_for_long(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    device: Device,
    mosquitto: Mosquitto,
) -> None:
    """What the broker has is on the disk until the next look, and no longer."""
    entry = hub_entry(device.port, options=mirrored(mosquitto.port, **RAW))
    await mosquitto.stop()
    connector = await set_up(hass, entry)
    await receive(hass, device, connector, b'{"power": 1}\n')
    await look(hass, 10)
    name = file_of(entry.entry_id, "raw_messages")
    assert name in hass_storage
    await mosquitto.start()
    async with bemcom_api(mosquitto.port) as api:
        await change(hass, entry, **mirrored(mosquitto.port, qos=0, **RAW)["mirror"])
        await api.until(lambda: api.payloads("raw_message_to_db"))
    await state_of(hass, BROKER, "on")
    while entry.runtime_data.mirror.waiting:
        await look(hass, 0)
    await look(hass, 1)
    assert name not in hass_storage
    assert await hass.config_entries.async_unload(entry.entry_id)


async def test_what_did_not_change_is_not_written_again(
    hass: HomeAssistant,
    device: Device,
    mosquitto: Mosquitto,
) -> None:
    """Neither look by look, nor with every attempt to reach a device that is away."""
    written: list[str] = []
    save = Store.async_save

    async def count(store: Store[Any], data: Any) -> None:
        written.append(store.key)
        await save(store, data)

    with patch.object(Store, "async_save", count):
        entry = hub_entry(device.port, options=mirrored(mosquitto.port, **RAW))
        await mosquitto.stop()
        connector = await set_up(hass, entry)
        await receive(hass, device, connector, b'{"power": 1}\n')
        await look(hass, 40)
        raw = file_of(entry.entry_id, "raw_messages")
        assert written.count(raw) == 1
        await device.go_away()
        await hass.config_entries.async_unload(entry.entry_id)
        written.clear()
        for _ in range(3):
            assert not await hass.config_entries.async_setup(entry.entry_id)
            await hass.config_entries.async_unload(entry.entry_id)
        assert [it for it in written if entry.entry_id in it and "mirror" in it] == []
        assert raw not in written
