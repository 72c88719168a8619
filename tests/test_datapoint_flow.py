"""The subentry flow of a datapoint: choose it, say what it is, then the details."""

from collections.abc import Mapping
import json
from types import MappingProxyType
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)

from custom_components.bemcom_connectors.connector.base import Connector
from custom_components.bemcom_connectors.connector.reporting import ReportStrategy
from custom_components.bemcom_connectors.const import DOMAIN, SUBENTRY_DATAPOINT
from custom_components.bemcom_connectors.datapoint_catalog import (
    STORAGE_VERSION,
    datapoint_store,
)
from custom_components.bemcom_connectors.datapoint_fields import (
    datapoint_fields,
    details_fields,
    key_fields,
)
from custom_components.bemcom_connectors.descriptions import describe
from custom_components.bemcom_connectors.overrides import (
    NONE,
    SENSOR_CLASSES,
    TEXT,
    OverrideReason,
)
from custom_components.bemcom_connectors.stored_descriptions import to_dict
from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.components.sensor import SensorStateClass
from homeassistant.config_entries import (
    SOURCE_USER,
    ConfigEntryState,
    ConfigSubentry,
    ConfigSubentryData,
    SubentryFlowResult,
)
from homeassistant.const import EVENT_STATE_CHANGED, Platform
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, section
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.selector import SelectSelector
from tests.device import Device
from tests.hub import hub_entry, receive, set_up
from tests.source import PACKAGE
from tests.subentries import choices, fields, shown, submit

POWER = b'{"power_W":412.5,"relay":true,"label":"hello","empty":null}\n'


async def hub(
    hass: HomeAssistant, device: Device, *messages: bytes
) -> tuple[MockConfigEntry, Connector]:
    """Return a hub that has received messages."""
    entry = hub_entry(device.port)
    connector = await set_up(hass, entry)
    await receive(hass, device, connector, *(messages or (POWER,)))
    return entry, connector


async def start(hass: HomeAssistant, entry: MockConfigEntry) -> SubentryFlowResult:
    """Open the dialog that adds a datapoint."""
    await hass.async_block_till_done()  # an override before sets the hub up anew
    result = await hass.config_entries.subentries.async_init(
        (entry.entry_id, SUBENTRY_DATAPOINT), context={"source": SOURCE_USER}
    )
    assert (result["type"], result["step_id"]) == (FlowResultType.FORM, "user")
    return result


async def change(
    hass: HomeAssistant, entry: MockConfigEntry, key: str
) -> SubentryFlowResult:
    """Open the dialog that changes a datapoint."""
    await hass.async_block_till_done()
    subentry_id = next(
        it.subentry_id for it in entry.subentries.values() if it.unique_id == key
    )
    result: SubentryFlowResult = await entry.start_subentry_reconfigure_flow(
        hass, subentry_id
    )
    assert (result["type"], result["step_id"]) == (FlowResultType.FORM, "datapoint")
    return result


def saved(entry: MockConfigEntry, key: str) -> tuple[str, dict[str, Any]]:
    """Return title and data of the subentry of a datapoint."""
    found = [it for it in entry.subentries.values() if it.unique_id == key]
    assert len(found) == 1
    assert found[0].subentry_type == SUBENTRY_DATAPOINT
    return found[0].title, dict(found[0].data)


pytestmark = pytest.mark.usefixtures("loopback")


async def test_a_datapoint_gets_another_unit(
    hass: HomeAssistant, device: Device
) -> None:
    """Each form shows what is now; only what differs is kept."""
    entry, _ = await hub(hass, device)
    result = await start(hass, entry)
    assert fields(result)["key"].config["options"] == [
        {"value": "power_W", "label": "Power (power_W): 412.5 W"},
        {"value": "relay", "label": "Relay (relay): true"},
        {"value": "label", "label": "Label (label): hello"},
    ]
    result = await submit(hass, result, key="power_W")
    assert result["step_id"] == "datapoint"
    assert shown(result) == {
        "name": "Power",
        "platform": "sensor",
        "device_class": "power",
        "hidden": False,
    }
    assert result["description_placeholders"] == {"key": "power_W", "value": "412.5"}
    assert choices(result, "device_class") == [NONE, TEXT, *SENSOR_CLASSES]

    result = await submit(hass, result, **shown(result))
    assert result["step_id"] == "details"
    assert shown(result) == {"unit_of_measurement": "W", "state_class": "measurement"}
    assert "kW" in choices(result, "unit_of_measurement")
    assert "V" not in choices(result, "unit_of_measurement")
    assert choices(result, "state_class") == [NONE, "measurement"]
    assert list(fields(result)) == [
        "unit_of_measurement",
        "state_class",
        "number",
        "reporting",
    ]
    assert result["description_placeholders"] == {"name": "Power", "key": "power_W"}

    result = await submit(
        hass,
        result,
        unit_of_measurement="kW",
        state_class="measurement",
        number={"scale": 0.001},
        reporting={},
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert saved(entry, "power_W") == (
        "Power",
        {"key": "power_W", "unit_of_measurement": "kW", "scale": 0.001},
    )


async def test_what_was_said_can_be_changed(
    hass: HomeAssistant, device: Device
) -> None:
    """The forms show it, and a field that is emptied is as guessed again."""
    entry, _ = await hub(hass, device)
    result = await submit(hass, await start(hass, entry), key="power_W")
    result = await submit(
        hass, result, name="Roof", platform="sensor", hidden=True, device_class="power"
    )
    result = await submit(
        hass,
        result,
        unit_of_measurement="W",
        number={"offset": 0, "suggested_display_precision": 1},
        reporting={
            "report_strategy": "on_report_period",
            "report_period": 60,
            "report_tolerance": 0.5,
        },
    )
    assert saved(entry, "power_W") == (
        "Roof",
        {
            "key": "power_W",
            "name": "Roof",
            "hidden": True,
            "offset": 0,
            "suggested_display_precision": 1,
            "report_strategy": "on_report_period",
            "report_period": 60,
            "report_tolerance": 0.5,
        },
    )
    result = await change(hass, entry, "power_W")
    assert shown(result)["name"] == "Roof"
    assert shown(result)["hidden"] is True
    result = await submit(
        hass, result, **{**shown(result), "name": "", "hidden": False}
    )
    assert shown(result) == {
        "unit_of_measurement": "W",
        "state_class": "measurement",
        "offset": 0,
        "suggested_display_precision": 1,
        "report_strategy": "on_report_period",
        "report_period": 60,
        "report_tolerance": 0.5,
    }
    # What is filled in is not folded away.
    assert not fields(result)["number"].options["collapsed"]
    assert not fields(result)["reporting"].options["collapsed"]
    result = await submit(hass, result, unit_of_measurement="W", state_class=NONE)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "reconfigure_successful"
    assert saved(entry, "power_W") == (
        "Power",
        {"key": "power_W", "state_class": NONE},
    )


async def test_another_platform_has_other_device_classes(
    hass: HomeAssistant, device: Device
) -> None:
    """The form comes again to choose among them; what is no number has no unit."""
    entry, _ = await hub(hass, device)
    result = await submit(hass, await start(hass, entry), key="power_W")
    result = await submit(
        hass, result, name="On", platform="binary_sensor", device_class="power"
    )
    assert result["step_id"] == "datapoint"
    assert not result["errors"]
    assert shown(result)["name"] == "On"
    assert shown(result)["platform"] == "binary_sensor"
    assert shown(result)["device_class"] == NONE
    assert choices(result, "device_class") == [NONE, *BinarySensorDeviceClass]
    result = await submit(
        hass, result, name="On", platform="binary_sensor", device_class="running"
    )
    assert list(fields(result)) == ["reporting"]
    result = await submit(hass, result)
    assert saved(entry, "power_W") == (
        "On",
        {
            "key": "power_W",
            "name": "On",
            "platform": "binary_sensor",
            "device_class": "running",
        },
    )


async def test_a_switch_can_be_a_number(hass: HomeAssistant, device: Device) -> None:
    """Without a device class it is a text, until it gets what only a number has."""
    entry, _ = await hub(hass, device)
    result = await submit(hass, await start(hass, entry), key="relay")
    assert shown(result)["platform"] == "binary_sensor"
    result = await submit(hass, result, platform="sensor")
    assert shown(result)["device_class"] == TEXT
    result = await submit(hass, result, platform="sensor", device_class=NONE)
    assert list(fields(result)) == [
        "unit_of_measurement",
        "state_class",
        "options",
        "number",
        "reporting",
    ]
    assert shown(result) == {}
    assert {"W", "°C", NONE} <= set(choices(result, "unit_of_measurement"))
    result = await submit(hass, result, unit_of_measurement="relays")
    assert saved(entry, "relay")[1] == {
        "key": "relay",
        "platform": "sensor",
        "unit_of_measurement": "relays",
    }


@pytest.mark.parametrize(
    ("device_class", "expected"),
    [
        (TEXT, {"reporting"}),
        ("timestamp", {"reporting"}),
        ("uptime", {"reporting"}),
        ("enum", {"options", "reporting"}),
        ("energy", {"unit_of_measurement", "state_class", "number", "reporting"}),
        (None, {"reporting"}),
    ],
)
async def test_the_details_suit_the_device_class(
    hass: HomeAssistant, device: Device, device_class: str | None, expected: set[str]
) -> None:
    entry, _ = await hub(hass, device)
    result = await submit(hass, await start(hass, entry), key="label")
    said = {"device_class": device_class} if device_class else {}
    result = await submit(hass, result, platform="sensor", **said)
    assert set(fields(result)) == expected


async def test_choices_of_texts(hass: HomeAssistant, device: Device) -> None:
    entry, _ = await hub(hass, device, b'{"status":"idle"}\n', b'{"status":"busy"}\n')
    result = await submit(hass, await start(hass, entry), key="status")
    assert shown(result)["device_class"] == "enum"
    result = await submit(hass, result, **shown(result))
    assert shown(result) == {"options": ["idle", "busy"]}
    assert choices(result, "options") == ["idle", "busy"]
    result = await submit(hass, result, options=["idle", "busy", "off"])
    assert saved(entry, "status")[1] == {
        "key": "status",
        "options": ["idle", "busy", "off"],
    }


@pytest.mark.parametrize(
    ("device_class", "details", "errors"),
    [
        (
            "power",
            {"unit_of_measurement": "V"},
            {"unit_of_measurement": "override_invalid_unit"},
        ),
        (
            NONE,
            {"unit_of_measurement": "W", "state_class": "measurement_angle"},
            {"state_class": "override_invalid_state_class"},
        ),
        (
            NONE,
            {"unit_of_measurement": NONE, "number": {"scale": 0}},
            {"number": "override_invalid_number"},
        ),
        (
            NONE,
            {"options": ["a"], "unit_of_measurement": NONE, "number": {"offset": 1}},
            {"number": "override_needs_number"},
        ),
        ("enum", {"options": [" "]}, {"options": "override_invalid_options"}),
        (
            TEXT,
            {"reporting": {"report_period": 5}},
            {"reporting": "override_report_needs_strategy"},
        ),
    ],
)
async def test_what_home_assistant_refuses_is_an_error_beside_the_field(
    hass: HomeAssistant,
    device: Device,
    device_class: str,
    details: dict[str, Any],
    errors: dict[str, str],
) -> None:
    """What was entered is still there, and can be corrected."""
    entry, _ = await hub(hass, device)
    result = await submit(hass, await start(hass, entry), key="power_W")
    result = await submit(hass, result, platform="sensor", device_class=device_class)
    result = await submit(hass, result, **details)
    assert result["errors"] == errors
    entered = {
        name: it for name, it in details.items() if name not in {"number", "reporting"}
    }
    entered |= details.get("number", {}) | details.get("reporting", {})
    assert entered.items() <= shown(result).items()
    for name in {"number", "reporting"} & set(errors):
        assert not fields(result)[name].options["collapsed"]
    good = {"unit_of_measurement": "W"} if "unit_of_measurement" in details else {}
    result = await submit(hass, result, **good)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_a_device_class_may_need_a_unit(
    hass: HomeAssistant, device: Device
) -> None:
    """It is not shown as none, and the form does not go on without one."""
    entry, _ = await hub(hass, device)
    result = await submit(hass, await start(hass, entry), key="label")
    result = await submit(hass, result, platform="sensor", device_class="voltage")
    assert shown(result) == {}
    assert NONE not in choices(result, "unit_of_measurement")
    result = await submit(hass, result)
    assert result["errors"] == {"unit_of_measurement": "override_invalid_unit"}
    result = await submit(hass, result, unit_of_measurement="V")
    assert saved(entry, "label")[1] == {
        "key": "label",
        "platform": "sensor",
        "device_class": "voltage",
        "unit_of_measurement": "V",
    }
    # Another device class: the old unit is not offered any more.
    result = await change(hass, entry, "label")
    result = await submit(hass, result, platform="sensor", device_class="current")
    assert shown(result) == {}


async def test_a_name_must_be_one(hass: HomeAssistant, device: Device) -> None:
    entry, _ = await hub(hass, device)
    result = await submit(hass, await start(hass, entry), key="power_W")
    result = await submit(hass, result, name="  ", platform="binary_sensor")
    assert result["errors"] == {"name": "override_invalid_name"}
    assert shown(result)["platform"] == "binary_sensor"
    assert choices(result, "device_class") == [NONE, *BinarySensorDeviceClass]
    result = await submit(hass, result, name="x" * 101, platform="binary_sensor")
    assert result["errors"] == {"name": "override_invalid_name"}
    result = await submit(hass, result, name="Fine", platform="binary_sensor")
    assert result["step_id"] == "details"


async def test_a_datapoint_that_is_still_to_come(
    hass: HomeAssistant, device: Device
) -> None:
    entry, _ = await hub(hass, device)
    result = await start(hass, entry)
    result = await submit(hass, result, key=" ")
    assert result["errors"] == {"key": "key_needed"}
    result = await submit(hass, result, key="tank__level`|\n" + "x" * 200)
    assert shown(result)["device_class"] == TEXT
    placeholders = result["description_placeholders"]
    assert placeholders is not None
    assert placeholders["value"] == "–"
    assert placeholders["key"].startswith("tank__level'| x")
    assert len(placeholders["key"]) == 101
    result = await submit(hass, result, name="Tank", platform="sensor")
    result = await submit(hass, result)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == "Tank"


async def test_a_datapoint_is_overridden_once(
    hass: HomeAssistant, device: Device
) -> None:
    """It is not offered again; the same name gets its key beside it."""
    entry, _ = await hub(hass, device)
    for key in ("power_W", "label"):
        result = await submit(hass, await start(hass, entry), key=key)
        result = await submit(hass, result, name="Roof", platform="sensor")
        result = await submit(hass, result)
    assert saved(entry, "power_W")[0] == "Roof"
    assert saved(entry, "label")[0] == "Roof (label)"
    result = await start(hass, entry)
    offered = [it["value"] for it in fields(result)["key"].config["options"]]
    assert offered == ["relay"]
    result = await submit(hass, result, key="label")
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"


async def test_a_long_value_is_cut(hass: HomeAssistant, device: Device) -> None:
    entry, _ = await hub(hass, device, b'{"list":"%s"}\n' % (b"y" * 300))
    labels = fields(await start(hass, entry))["key"].config["options"]
    assert labels == [{"value": "list", "label": f"List (list): {'y' * 40}…"}]


async def test_a_hub_that_is_not_loaded(
    hass: HomeAssistant, hass_storage: dict[str, Any]
) -> None:
    """What it has seen before is known; values are not."""
    entry = MockConfigEntry(
        domain=DOMAIN,
        subentries_data=[
            ConfigSubentryData(
                data={"key": "power_W", "state_class": NONE},
                subentry_type=SUBENTRY_DATAPOINT,
                title="Power",
                unique_id="power_W",
            ),
            ConfigSubentryData(
                data={}, subentry_type="other", title="Other", unique_id=None
            ),
        ],
    )
    entry.add_to_hass(hass)
    hass_storage[datapoint_store(hass, entry.entry_id).key] = {
        "version": STORAGE_VERSION,
        "data": {
            "power_W": to_dict(describe("power_W", 412.5)),
            "temperature_C": to_dict(describe("temperature_C", 21.5)),
            "broken": {"kind": "hologram"},
        },
    }
    assert entry.state is ConfigEntryState.NOT_LOADED
    result = await start(hass, entry)
    assert fields(result)["key"].config["options"] == [
        {"value": "temperature_C", "label": "Temperature (temperature_C)"}
    ]
    result = await submit(hass, result, key="temperature_C")
    assert shown(result)["device_class"] == "temperature"
    result = await submit(hass, result, **shown(result))
    result = await submit(hass, result, unit_of_measurement="°F")
    assert saved(entry, "temperature_C")[1] == {
        "key": "temperature_C",
        "unit_of_measurement": "°F",
    }
    result = await change(hass, entry, "power_W")
    result = await submit(hass, result, **shown(result))
    assert shown(result) == {"unit_of_measurement": "W", "state_class": NONE}
    result = await submit(hass, result, **shown(result))
    assert saved(entry, "power_W")[1] == {"key": "power_W", "state_class": NONE}


async def test_a_key_that_can_never_come_is_refused(hass: HomeAssistant) -> None:
    entry = MockConfigEntry(domain=DOMAIN)
    entry.add_to_hass(hass)
    result = await submit(hass, await start(hass, entry), key="k" * 256)
    assert result["errors"] == {"key": "key_too_long"}
    result = await submit(hass, result, key="k" * 255)
    assert result["step_id"] == "datapoint"


async def test_a_hub_that_has_seen_nothing(hass: HomeAssistant) -> None:
    entry = MockConfigEntry(domain=DOMAIN)
    entry.add_to_hass(hass)
    result = await start(hass, entry)
    assert fields(result)["key"].config["options"] == []
    result = await submit(hass, result, key="power_W")
    assert result["step_id"] == "datapoint"


# What becomes of it


async def test_the_entities_follow_the_users_word(
    hass: HomeAssistant, device: Device
) -> None:
    """Scaled, on another platform and out of sight; and all of it back again."""
    entry, _ = await hub(hass, device)
    registry = er.async_get(hass)
    power, relay = "sensor.demo_meter_power", "binary_sensor.demo_meter_relay"
    assert hass.states.get(power) is not None

    result = await submit(hass, await start(hass, entry), key="power_W")
    result = await submit(hass, result, platform="sensor", hidden=True)
    result = await submit(hass, result, number={"scale": 2})
    result = await submit(hass, await start(hass, entry), key="relay")
    result = await submit(hass, result, platform="sensor")
    result = await submit(hass, result, platform="sensor", device_class=TEXT)
    result = await submit(hass, result)
    await hass.async_block_till_done()
    await receive(hass, device, entry.runtime_data.connector, POWER)
    state = hass.states.get(power)
    assert state is not None
    assert (state.state, state.attributes["unit_of_measurement"]) == ("825.0", "W")
    assert registry.entities[power].hidden_by is er.RegistryEntryHider.INTEGRATION
    assert hass.states.get(relay) is None
    assert relay not in registry.entities
    state = hass.states.get("sensor.demo_meter_relay")
    assert state is not None
    assert state.state == "true"

    for subentry_id in list(entry.subentries):
        hass.config_entries.async_remove_subentry(entry, subentry_id)
    await hass.async_block_till_done()
    await receive(hass, device, entry.runtime_data.connector, POWER)
    state = hass.states.get(power)
    assert state is not None
    assert (state.state, state.attributes["unit_of_measurement"]) == ("412.5", "W")
    assert registry.entities[power].hidden_by is None
    state = hass.states.get(relay)
    assert state is not None
    assert state.state == "on"
    assert hass.states.get("sensor.demo_meter_relay") is None


async def test_a_unit_comes_and_goes_with_the_users_word(
    hass: HomeAssistant, device: Device
) -> None:
    """Also on an entity that Home Assistant has shown in another one before."""
    power = "sensor.demo_meter_power"
    entry, _ = await hub(hass, device)
    for unit, state in (("kW", "412.5"), ("mW", "412.5"), (None, "412.5")):
        if unit is None:
            hass.config_entries.async_remove_subentry(
                entry, next(iter(entry.subentries))
            )
        elif not entry.subentries:
            result = await submit(hass, await start(hass, entry), key="power_W")
            result = await submit(hass, result, platform="sensor")
            await submit(hass, result, unit_of_measurement=unit)
        else:
            result = await change(hass, entry, "power_W")
            result = await submit(hass, result, **shown(result))
            await submit(hass, result, unit_of_measurement=unit)
        await hass.async_block_till_done()
        await receive(hass, device, entry.runtime_data.connector, POWER)
        found = hass.states.get(power)
        assert found is not None
        assert found.attributes["unit_of_measurement"] == (unit or "W")
        assert found.state == state


async def test_the_link_stays_open(hass: HomeAssistant, device: Device) -> None:
    """Some devices start anew whenever somebody connects; two changes at once as well."""
    entry, connector = await hub(hass, device)
    for key in ("power_W", "relay"):
        override = ConfigSubentry(
            data=MappingProxyType({"key": key, "name": f"My {key}"}),
            subentry_type=SUBENTRY_DATAPOINT,
            title=key,
            unique_id=key,
        )
        hass.config_entries.async_add_subentry(entry, override)
    await hass.async_block_till_done()
    await receive(hass, device, connector, b'{"power_W":7,"new":1}\n')
    assert entry.runtime_data.connector is connector
    assert connector.statistics.connections == 1
    state = hass.states.get("sensor.demo_meter_power")
    assert state is not None
    assert (state.state, state.name) == ("7", "demo-meter My power_W")
    assert hass.states.get("sensor.demo_meter_new") is not None


async def test_the_word_on_what_is_still_to_come_counts(
    hass: HomeAssistant, device: Device
) -> None:
    """Whatever it turns out to be."""
    entry, _ = await hub(hass, device)
    result = await submit(hass, await start(hass, entry), key=" door_open ")
    result = await submit(hass, result, platform="sensor", device_class=TEXT)
    await submit(hass, result)
    await hass.async_block_till_done()
    await receive(hass, device, entry.runtime_data.connector, b'{"door_open":true}\n')
    state = hass.states.get("sensor.demo_meter_door_open")
    assert state is not None
    assert state.state == "true"


async def test_what_is_set_on_the_entity_afterwards_stays(
    hass: HomeAssistant, device: Device
) -> None:
    """Who shows a hidden entity again finds it shown after a restart."""
    power = "sensor.demo_meter_power"
    entry = hub_entry(device.port, overrides=[{"key": "power_W", "hidden": True}])
    connector = await set_up(hass, entry)
    await receive(hass, device, connector, POWER)
    registry = er.async_get(hass)
    integration = er.RegistryEntryHider.INTEGRATION
    for hidden_by in (integration, None, None):
        assert registry.entities[power].hidden_by is hidden_by
        assert await hass.config_entries.async_reload(entry.entry_id)
        await hass.async_block_till_done()
        await device.connected()
        await receive(hass, device, entry.runtime_data.connector, POWER)
        registry.async_update_entity(power, hidden_by=None)


async def test_what_changes_nothing_leaves_the_entities_alone(
    hass: HomeAssistant, device: Device
) -> None:
    """Such as another title of a subentry."""
    override = {"key": "power_W", "name": "Load"}
    entry = hub_entry(device.port, overrides=[override])
    connector = await set_up(hass, entry)
    await receive(hass, device, connector, POWER)
    changes = async_capture_events(hass, EVENT_STATE_CHANGED)
    subentry = next(iter(entry.subentries.values()))
    hass.config_entries.async_update_subentry(entry, subentry, title="Other")
    await hass.async_block_till_done()
    assert not changes
    hass.config_entries.async_update_subentry(
        entry, subentry, data=override | {"name": "Power"}
    )
    await hass.async_block_till_done()
    assert changes


async def test_a_word_that_does_not_suit_is_left_out(
    hass: HomeAssistant, device: Device, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged, and the rest counts."""
    override = {"key": "power_W", "name": "Load", "unit_of_measurement": "°C"}
    entry = hub_entry(
        device.port,
        overrides=[override | {"device_class": "power", "platform": "sensor"}],
    )
    connector = await set_up(hass, entry)
    await receive(hass, device, connector, POWER)
    state = hass.states.get("sensor.demo_meter_load")
    assert state is not None
    assert "datapoint power_W does not suit it" in caplog.text


# Texts


def texts(language: str) -> Any:
    """Read a translation."""
    return json.loads((PACKAGE / f"translations/{language}.json").read_text())


languages = pytest.mark.parametrize("language", ["en", "de"])


def check_texts(schema: Mapping[Any, Any], text: Mapping[str, Any]) -> None:
    """Hold the fields of a form, or of a section, against their texts."""
    sections = {str(key): it for key, it in schema.items() if isinstance(it, section)}
    names = {str(key) for key in schema} - set(sections)
    assert set(text["data"]) == names
    assert set(text["data_description"]) == names
    assert set(text.get("sections", {})) == set(sections)
    for name, inner in sections.items():
        assert text["sections"][name]["name"]
        check_texts(inner.schema.schema, text["sections"][name])


@languages
def test_each_field_has_its_texts(language: str) -> None:
    steps = texts(language)["config_subentries"]["datapoint"]["step"]
    assert set(steps) == {"user", "datapoint", "details"}
    check_texts(key_fields([]), steps["user"])
    check_texts(datapoint_fields(Platform.SENSOR), steps["datapoint"])
    check_texts(details_fields(Platform.SENSOR, NONE), steps["details"])


@languages
def test_each_error_and_end_has_its_text(language: str) -> None:
    text = texts(language)["config_subentries"]["datapoint"]
    reasons = {f"override_{reason}" for reason in OverrideReason}
    assert set(text["error"]) == {"key_needed", "key_too_long", *reasons}
    assert set(text["abort"]) == {"already_configured"}
    assert set(text["initiate_flow"]) == {"user", "reconfigure"}
    assert text["entry_type"]


@languages
def test_each_choice_has_its_text(language: str) -> None:
    selectors = texts(language)["selector"]
    expected: dict[str, list[str]] = {
        "platform": ["binary_sensor", "sensor"],
        "sensor_device_class": [NONE, TEXT, *SENSOR_CLASSES],
        "binary_sensor_device_class": [NONE, *BinarySensorDeviceClass],
        "unit_of_measurement": [NONE],
        "state_class": [NONE, *SensorStateClass],
        "report_strategy": list(ReportStrategy),
    }
    for name, options in expected.items():
        assert list(selectors[name]["options"]) == options
        # Two that read the same could not be told apart.
        labels = selectors[name]["options"].values()
        assert len(set(labels)) == len(labels)


def test_each_drop_down_is_translated() -> None:
    """But for what the user or the device names."""
    details = details_fields(Platform.SENSOR, NONE)
    inner = [
        field
        for it in details.values()
        if isinstance(it, section)
        for field in it.schema.schema.values()
    ]
    found = {
        it.config.get("translation_key")
        for it in [
            *datapoint_fields(Platform.SENSOR).values(),
            *datapoint_fields(Platform.BINARY_SENSOR).values(),
            *details.values(),
            *inner,
        ]
        if isinstance(it, SelectSelector)
    }
    assert found == {
        "platform",
        "sensor_device_class",
        "binary_sensor_device_class",
        "unit_of_measurement",
        "state_class",
        "report_strategy",
        None,
    }
