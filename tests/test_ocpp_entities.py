"""An OCPP hub in Home Assistant: its devices and entities, over real websockets."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
import json
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bemcom_connectors.connector.base import Connector
from custom_components.bemcom_connectors.const import DOMAIN
from custom_components.bemcom_connectors.sensor import MAX_OPTIONS
from homeassistant.config_entries import ConfigSubentryData
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant, State
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from tests.hub import set_up, state_of
from tests.ocpp.client import HOST, RawClient, dial
from tests.ocpp_hub import connector_of
from tests.source import PACKAGE

NAME = "garage"
BOOT = {
    "chargePointVendor": "Vendor",
    "chargePointModel": "Model X",
    "chargePointSerialNumber": "SN-1",
    "firmwareVersion": "1.0.0",
}
POWER = "sensor.wallbox_connector_1_power"
STATUS = "sensor.wallbox_connector_1_status"
CONNECTED = "binary_sensor.wallbox_connection"

ENGLISH = json.loads((PACKAGE / "translations/en.json").read_text())
SHOWN_BY_HOME_ASSISTANT = {"event_types", "friendly_name"}

pytestmark = pytest.mark.usefixtures("loopback")


def ocpp_entry(
    *charge_points: str, overrides: Sequence[dict[str, Any]] = ()
) -> MockConfigEntry:
    """Return the entry of an OCPP hub with charge points, and the user's word on datapoints."""
    return MockConfigEntry(
        domain=DOMAIN,
        title=NAME,
        unique_id=NAME,
        data={"hub_kind": "ocpp", "connector_name": NAME, "host": HOST, "port": 0},
        subentries_data=[
            *(
                ConfigSubentryData(
                    data={"id": it},
                    subentry_type="charge_point",
                    title="Wallbox" if it == "CP1" else it,
                    unique_id=it,
                )
                for it in charge_points
            ),
            *(
                ConfigSubentryData(
                    data=it,
                    subentry_type="datapoint",
                    title=it["key"],
                    unique_id=it["key"],
                )
                for it in overrides
            ),
        ],
    )


@pytest.fixture
def entry() -> MockConfigEntry:
    """Return the entry of a hub with one charge point."""
    return ocpp_entry("CP1")


@asynccontextmanager
async def connected(
    connector: Connector, charge_point_id: str = "CP1", **said: Any
) -> AsyncGenerator[RawClient]:
    """Connect and boot as a charge point."""
    async with dial(connector.port, charge_point_id) as client:  # type: ignore[attr-defined]
        answer = await client.call("BootNotification", BOOT | said)
        assert answer[0] == 3, answer
        yield client


async def send(hass: HomeAssistant, client: RawClient, action: str, **said: Any) -> Any:
    """Let a charge point send something, and wait until Home Assistant shows it."""
    kind, *answer = await client.call(action, said)
    assert kind == 3, answer
    await hass.async_block_till_done()
    return answer[0]


async def say_status(
    hass: HomeAssistant, client: RawClient, status: str, **more: Any
) -> None:
    """Let a charge point tell the status of a connector, by default the first."""
    said = {"connectorId": 1, "status": status, "errorCode": "NoError"} | more
    await send(hass, client, "StatusNotification", **said)


async def say_meter(
    hass: HomeAssistant, client: RawClient, *samples: dict[str, str], **more: Any
) -> None:
    """Let a charge point tell what its meter says."""
    now = dt_util.utcnow().isoformat()
    said = {
        "connectorId": 1,
        "meterValue": [{"timestamp": now, "sampledValue": list(samples)}],
    }
    await send(hass, client, "MeterValues", **said | more)


def shown(hass: HomeAssistant, entity_id: str) -> State:
    """Return the state of an entity, which must be there."""
    state = hass.states.get(entity_id)
    assert state is not None, (entity_id, hass.states.async_entity_ids())
    return state


# Devices


async def test_devices(
    hass: HomeAssistant, entry: MockConfigEntry, device_registry: dr.DeviceRegistry
) -> None:
    connector = await set_up(hass, entry)
    (subentry_id,) = entry.subentries
    hub = device_registry.async_get_device_by_identifier(
        (DOMAIN, entry.entry_id), entry.entry_id
    )
    identifier = (DOMAIN, f"{entry.entry_id}_CP1__0")
    device = device_registry.async_get_device_by_identifier(identifier, entry.entry_id)
    assert hub.model == "OCPP central system"
    assert (device.name, device.manufacturer, device.model) == ("Wallbox", None, None)

    async with connected(connector) as client:
        await say_status(hass, client, "Available", connectorId=2)
    device = device_registry.async_get_device_by_identifier(identifier, entry.entry_id)
    assert device.via_device_id == hub.id
    assert device.config_subentry_id == subentry_id
    assert (device.manufacturer, device.model) == ("Vendor", "Model X")
    assert (device.serial_number, device.sw_version) == ("SN-1", "1.0.0")
    part = device_registry.async_get_child_device_by_identifier(
        (DOMAIN, f"{entry.entry_id}_CP1__2"), entry.entry_id
    )
    assert part.parent_device_id == device.id
    assert part.config_subentry_id == subentry_id
    assert part.name == "Connector 2"


async def test_another_identity(
    hass: HomeAssistant, entry: MockConfigEntry, device_registry: dr.DeviceRegistry
) -> None:
    connector = await set_up(hass, entry)
    async with connected(connector):
        pass
    async with connected(
        connector, firmwareVersion="2.0.0", chargePointSerialNumber="\0 "
    ):
        await hass.async_block_till_done()
    device = device_registry.async_get_device_by_identifier(
        (DOMAIN, f"{entry.entry_id}_CP1__0"), entry.entry_id
    )
    assert (device.sw_version, device.serial_number) == ("2.0.0", None)
    await state_of(hass, "update.wallbox_firmware", STATE_UNAVAILABLE)


# Datapoints


async def test_entities_of_a_connector(
    hass: HomeAssistant, entry: MockConfigEntry, entity_registry: er.EntityRegistry
) -> None:
    connector = await set_up(hass, entry)
    (subentry_id,) = entry.subentries
    async with connected(connector) as client:
        await say_status(hass, client, "Available")
        assert shown(hass, STATUS).state == "available"
        # Described although they have no value yet.
        assert shown(hass, "sensor.wallbox_connector_1_session_energy").state == (
            STATE_UNKNOWN
        )
        await say_status(hass, client, "SuspendedEV")
        assert shown(hass, STATUS).state == "suspended_ev"
        plugged = shown(hass, "binary_sensor.wallbox_connector_1_plugged_in")
        assert (plugged.state, plugged.attributes["device_class"]) == ("on", "plug")
        assert shown(hass, "binary_sensor.wallbox_connector_1_charging").state == "off"

        await say_meter(
            hass,
            client,
            {"value": "7.4", "measurand": "Power.Active.Import", "unit": "kW"},
            {"value": "16.1", "measurand": "Current.Import", "phase": "L1"},
        )
        power = shown(hass, POWER)
        assert float(power.state) == 7400
        assert power.attributes["friendly_name"] == "Connector 1 Power"
        assert power.attributes["unit_of_measurement"] == "W"
        of_phase = entity_registry.async_get("sensor.wallbox_connector_1_current_l1")
        assert of_phase.disabled_by is er.RegistryEntryDisabler.INTEGRATION
        assert of_phase.original_name == "Current L1"
        entities = er.async_entries_for_config_entry(entity_registry, entry.entry_id)
        of_charge_point = [it for it in entities if "_CP1__" in it.unique_id]
        of_hub = [it for it in entities if it not in of_charge_point]
        assert all(it.translation_key for it in of_charge_point)
        assert {it.config_subentry_id for it in of_charge_point} == {subentry_id}
        assert {it.config_subentry_id for it in of_hub} == {None}


async def test_durations_are_for_people(
    hass: HomeAssistant, entry: MockConfigEntry, entity_registry: er.EntityRegistry
) -> None:
    connector = await set_up(hass, entry)
    async with connected(connector) as client:
        await send(
            hass,
            client,
            "StartTransaction",
            connectorId=1,
            idTag="TAG",
            meterStart=0,
            timestamp=(dt_util.utcnow() - timedelta(minutes=90)).isoformat(),
        )
        duration = shown(hass, "sensor.wallbox_connector_1_session_duration")
        # Frontends show 1h 30m, as the digits are kept that minutes are made of.
        looks = entity_registry.async_get(duration.entity_id).options["sensor"]
        assert looks["suggested_display_precision"] == 3
        assert float(duration.state) == pytest.approx(1.5, abs=0.01)
        assert duration.attributes["unit_of_measurement"] == "h"


async def test_what_the_vendor_says(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    connector = await set_up(hass, entry)
    async with connected(connector) as client:
        said = {"errorCode": "HighTemperature", "vendorErrorCode": "E1", "info": "hot"}
        await say_status(hass, client, "Faulted", vendorId="ACME", **said)
        for name in ("status", "error_code"):
            state = shown(hass, f"sensor.wallbox_connector_1_{name}")
            assert state.attributes["vendor_error_code"] == "E1"
            assert state.attributes["error_info"] == "hot"
            assert state.attributes["vendor_id"] == "ACME"
        error = shown(hass, "sensor.wallbox_connector_1_error_code")
        assert error.state == "high_temperature"
        problem = shown(hass, "binary_sensor.wallbox_connector_1_problem")
        assert (problem.state, problem.attributes["device_class"]) == ("on", "problem")

        # Nothing but the vendor's own word is another one.
        said["vendorErrorCode"] = "E2"
        await say_status(hass, client, "Faulted", vendorId="ACME", **said)
        assert shown(hass, STATUS).attributes["vendor_error_code"] == "E2"

        before = shown(hass, STATUS).last_reported
        await say_status(hass, client, "Faulted", vendorId="ACME", **said)
        assert shown(hass, STATUS).last_reported == before
        await say_status(hass, client, "Available")
        assert shown(hass, STATUS).attributes["vendor_error_code"] is None


async def test_a_charge_point_goes_and_comes_back(hass: HomeAssistant) -> None:
    connector = await set_up(hass, ocpp_entry("CP1", "CP2"))
    other = "sensor.cp2_connector_1_status"
    async with connected(connector, "CP2") as second:
        await say_status(hass, second, "Charging")
        async with connected(connector) as client:
            await say_status(hass, client, "Preparing")
            assert shown(hass, CONNECTED).state == "on"
            assert shown(hass, STATUS).state == "preparing"
            before = shown(hass, other).last_reported
            client.drop()
            await state_of(hass, STATUS, STATE_UNAVAILABLE)
        assert shown(hass, CONNECTED).state == "off"
        assert shown(hass, "event.wallbox_security").state == STATE_UNAVAILABLE
        assert shown(hass, other).state == "charging"
        assert shown(hass, other).last_reported == before  # not even looked at
        async with connected(connector):
            await state_of(hass, STATUS, "preparing")
            assert shown(hass, CONNECTED).state == "on"


async def test_the_hub_itself_stays(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    await set_up(hass, entry)
    assert shown(hass, CONNECTED).state == "off"
    assert shown(hass, "binary_sensor.garage_connection").state == "on"


async def test_in_german(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    hass.config.language = "de"
    connector = await set_up(hass, entry)
    async with connected(connector) as client:
        await say_meter(hass, client, {"value": "230", "measurand": "Voltage"})
        names = {
            state.attributes["friendly_name"]
            for state in hass.states.async_all("sensor")
        }
    assert {"Anschluss 1 Spannung", "Wallbox Letzter Start"} <= names


async def test_what_nobody_described_is_guessed(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    connector = await set_up(hass, entry)
    async with connected(connector):
        connector.show("CP1", 0, {"grid_frequency": 50.01})  # type: ignore[attr-defined]
        await hass.async_block_till_done()
        state = shown(hass, "sensor.wallbox_grid_frequency")
    assert state.attributes["unit_of_measurement"] == "Hz"


async def test_overrides(
    hass: HomeAssistant, entity_registry: er.EntityRegistry
) -> None:
    overrides = [
        {"key": "CP1__1__status", "name": "Mood"},
        {"key": "CP1__1__Power.Active.Import", "unit_of_measurement": "VA"},
        {"key": "CP1__1__plugged_in", "platform": "sensor", "device_class": "text"},
    ]
    connector = await set_up(hass, ocpp_entry("CP1", overrides=overrides))
    async with connected(connector) as client:
        await say_status(hass, client, "Charging")
        await say_meter(
            hass, client, {"value": "100", "measurand": "Power.Active.Import"}
        )
        mood = entity_registry.async_get("sensor.wallbox_connector_1_mood")
        # Its states are named as before.
        assert (mood.original_name, mood.translation_key) == ("Mood", "status")
        assert shown(hass, mood.entity_id).state == "charging"
        power = shown(hass, POWER)
        assert power.attributes["unit_of_measurement"] == "VA"
        assert "device_class" not in power.attributes
        plugged = entity_registry.async_get("sensor.wallbox_connector_1_plugged_in")
        assert (plugged.original_name, plugged.translation_key) == ("Plugged in", None)


async def test_the_dialog_knows_what_is_described_by_hand(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    connector = await set_up(hass, entry)
    async with connected(connector) as client:
        await say_status(hass, client, "Charging")
        guesses = entry.runtime_data.guesses
        assert guesses["CP1__1__status"].options[0] == "available"


async def test_nothing_of_it_is_stored(
    hass: HomeAssistant, entry: MockConfigEntry, hass_storage: dict[str, Any]
) -> None:
    connector = await set_up(hass, entry)
    async with connected(connector) as client:
        await say_status(hass, client, "Charging")
        connector.show("CP1", 0, {"grid_frequency": 50.01})  # type: ignore[attr-defined]
        # A word that OCPP does not have, and a meter that falls below zero.
        for number in range(MAX_OPTIONS + 5):
            connector.show("CP1", 1, {"status": f"word_{number}"})  # type: ignore[attr-defined]
        connector.show("CP1", 1, {"total_energy": -1.0})  # type: ignore[attr-defined]
        await hass.async_block_till_done()
    assert await hass.config_entries.async_unload(entry.entry_id)
    stored = hass_storage[f"{DOMAIN}.{entry.entry_id}.datapoints"]["data"]
    assert set(stored) == {"CP1__0__grid_frequency"}


async def test_no_room_for_more(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    connector = await set_up(hass, entry)
    # What can be set on a connector is taken up, with all else that the entry says.
    connector_of(entry).charge_points["CP1"].connector(1)
    await hass.async_block_till_done()
    connector.max_datapoints = len(connector.datapoints)
    async with connected(connector) as client:
        await say_status(hass, client, "Charging")
        assert hass.states.get(STATUS) is None
        connector.max_datapoints = 100
        await say_status(hass, client, "Charging")
        assert shown(hass, STATUS).state == "charging"


async def test_a_deleted_entity_comes_again(
    hass: HomeAssistant, entry: MockConfigEntry, entity_registry: er.EntityRegistry
) -> None:
    connector = await set_up(hass, entry)
    async with connected(connector) as client:
        await say_status(hass, client, "Charging")
        entity_registry.async_remove(STATUS)
        await hass.async_block_till_done()
        assert hass.states.get(STATUS) is None
        assert "CP1__1__status" not in entry.runtime_data.guesses
        await say_status(hass, client, "Finishing")
        assert shown(hass, STATUS).state == "finishing"


# Events and updates


async def test_events(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    assert await async_setup_component(hass, "tag", {})
    connector = await set_up(hass, entry)
    async with connected(connector) as client:
        await say_status(hass, client, "Preparing")
        assert shown(hass, "event.wallbox_connector_1_charging_session").state == (
            STATE_UNKNOWN
        )
        started = await send(
            hass,
            client,
            "StartTransaction",
            connectorId=1,
            idTag="04A1B2C3",
            meterStart=0,
            timestamp=dt_util.utcnow().isoformat(),
        )
        session = shown(hass, "event.wallbox_connector_1_charging_session")
        assert session.attributes["event_type"] == "started"
        swiped = shown(hass, "event.wallbox_id_tag")
        assert swiped.attributes["event_type"] == "accepted"
        ours = hass.states.async_all(["sensor", "event", "binary_sensor"])
        assert "04A1B2C3" not in str(ours)

        await send(
            hass,
            client,
            "StopTransaction",
            transactionId=started["transactionId"],
            meterStop=1000,
            timestamp=dt_util.utcnow().isoformat(),
            reason="EVDisconnected",
        )
        session = shown(hass, "event.wallbox_connector_1_charging_session")
        assert session.attributes["event_type"] == "ended"
        assert session.attributes["stop_reason"] == "ev_disconnected"
        for name, state in (("session", session), ("id_tag", swiped)):
            texts = ENGLISH["entity"]["event"][name]["state_attributes"]
            assert set(texts) <= set(state.attributes)
            assert set(state.attributes) - SHOWN_BY_HOME_ASSISTANT <= set(texts)
        reason = shown(hass, "sensor.wallbox_connector_1_stop_reason")
        assert reason.state == "ev_disconnected"


@pytest.mark.parametrize(
    ("said", "told"),
    [("InvalidTLSVersion", "invalid_tls_version"), ("SomethingNew", "other")],
)
async def test_security_events(
    hass: HomeAssistant, entry: MockConfigEntry, said: str, told: str
) -> None:
    connector = await set_up(hass, entry)
    async with connected(connector) as client:
        await send(
            hass,
            client,
            "SecurityEventNotification",
            type=said,
            timestamp="2026-11-21T12:00:00Z",
        )
        state = shown(hass, "event.wallbox_security")
    assert state.attributes["event_type"] == told


async def test_events_are_of_their_device(
    hass: HomeAssistant, entry: MockConfigEntry, entity_registry: er.EntityRegistry
) -> None:
    connector = await set_up(hass, entry)
    async with connected(connector) as client:
        await say_status(hass, client, "Available")
        await say_status(hass, client, "Available", connectorId=2)
    ids = {
        it.entity_id
        for it in er.async_entries_for_config_entry(entity_registry, entry.entry_id)
        if it.domain in {"event", "update"}
    }
    assert ids == {
        "event.garage_connection",
        "event.wallbox_id_tag",
        "event.wallbox_security",
        "event.wallbox_connector_1_charging_session",
        "event.wallbox_connector_2_charging_session",
        "update.wallbox_firmware",
    }


async def test_firmware(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    connector = await set_up(hass, entry)
    async with connected(connector) as client:
        await hass.async_block_till_done()
        state = shown(hass, "update.wallbox_firmware")
        assert (state.state, state.attributes["installed_version"]) == ("off", "1.0.0")
        progress = {}
        for status in ("Downloading", "Downloaded", "Installing", "Installed", "Idle"):
            await send(hass, client, "FirmwareStatusNotification", status=status)
            state = shown(hass, "update.wallbox_firmware")
            progress[status] = state.attributes["in_progress"]
        assert progress == {
            "Downloading": True,
            "Downloaded": True,
            "Installing": True,
            "Installed": False,
            "Idle": False,
        }
        assert shown(hass, "sensor.wallbox_firmware_status").state == "idle"


async def test_another_firmware_is_an_update_that_is_over(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """Many never say so: they restart with it, and that is all."""
    connector = await set_up(hass, entry)
    async with connected(connector) as client:
        for version, in_progress in (("1.0.0", True), ("1.1.0", False)):
            await send(hass, client, "FirmwareStatusNotification", status="Installing")
            await send(
                hass, client, "BootNotification", **BOOT | {"firmwareVersion": version}
            )
            attributes = shown(hass, "update.wallbox_firmware").attributes
            assert attributes["installed_version"] == version
            assert attributes["in_progress"] is in_progress


# Charge points come and go by the user's word


async def test_a_charge_point_is_added_and_removed(hass: HomeAssistant) -> None:
    entry = ocpp_entry()
    connector = await set_up(hass, entry)
    assert hass.states.get(CONNECTED) is None
    added = next(iter(ocpp_entry("CP1").subentries.values()))
    hass.config_entries.async_add_subentry(entry, added)
    await hass.async_block_till_done()
    assert shown(hass, CONNECTED).state == "off"
    async with connected(connector) as client:
        await say_status(hass, client, "Available")
        assert shown(hass, STATUS).state == "available"
        hass.config_entries.async_remove_subentry(entry, added.subentry_id)
        await hass.async_block_till_done()
        assert hass.states.get(STATUS) is None
        assert hass.states.get("update.wallbox_firmware") is None
        assert hass.states.get("event.wallbox_security") is None


async def test_nothing_of_a_charge_point_that_is_no_more(
    hass: HomeAssistant, entry: MockConfigEntry, entity_registry: er.EntityRegistry
) -> None:
    connector = await set_up(hass, entry)
    # What was under way as the user removed it.
    connector.publish({"CP9__1__status": "available"}, 0, "CP9__1")
    entry.runtime_data.ocpp.on_connector("CP9", 1)
    await hass.async_block_till_done()
    entities = er.async_entries_for_config_entry(entity_registry, entry.entry_id)
    assert not [it for it in entities if "CP9" in it.unique_id]


@pytest.mark.parametrize("action", ["register_device", "unregister_device"])
async def test_devices_are_not_registered(
    hass: HomeAssistant, entry: MockConfigEntry, action: str
) -> None:
    connector = await set_up(hass, entry)
    async with connected(connector) as client:
        await say_status(hass, client, "Available")
        with pytest.raises(ServiceValidationError) as raised:
            await hass.services.async_call(
                DOMAIN, action, {"hub": NAME, "id": "CP1__1"}, blocking=True
            )
    assert raised.value.translation_key == "device_registration_unsupported"
    assert hass.states.get(STATUS) is not None


async def test_it_shows_what_was_last_known(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    connector = await set_up(hass, entry)
    async with connected(connector) as client:
        await say_status(hass, client, "Charging")
    assert await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert shown(hass, STATUS).state == STATE_UNAVAILABLE
    async with connected(entry.runtime_data.connector):
        await state_of(hass, STATUS, "charging")
