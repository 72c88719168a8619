"""What can be set on a hub, as entities."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, override

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    mock_restore_cache_with_extra_data,
)

from custom_components.bemcom_connectors.const import DOMAIN
from custom_components.bemcom_connectors.sdk import (
    Actuator,
    ActuatorKind,
    Connector,
    ConnectorType,
    JsonValue,
    async_register_connector,
)
from demo.serial_device import SerialSensor
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant, State
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import entity_registry as er
from tests.actuators import (
    COMMAND,
    HEATER,
    LEVEL,
    READ,
    RESET,
    TARGET,
    TEMPERATURE,
    actuator,
    sensor_entry,
)
from tests.hub import NAME, set_up, state_of

ALL = (TARGET, HEATER, RESET, LEVEL, COMMAND, READ)
NUMBER = "number.demo_meter_target"
SWITCH = "switch.demo_meter_heater"
BUTTON = "button.demo_meter_reset"
SELECT = "select.demo_meter_humidity"
TEXT = "text.demo_meter_command"


@pytest.fixture
async def sensor(tmp_path: Path) -> AsyncGenerator[SerialSensor]:
    """Return a sensor that pushes often."""
    async with SerialSensor(tmp_path / "port", interval=0.02) as running:
        yield running


async def act(hass: HomeAssistant, entity_id: str, action: str, **data: Any) -> None:
    """Do something with an entity, which Home Assistant does only where it is available."""
    assert state(hass, entity_id).state != STATE_UNAVAILABLE
    await hass.services.async_call(
        entity_id.partition(".")[0],
        action,
        {"entity_id": entity_id, **data},
        blocking=True,
    )
    await hass.async_block_till_done()


def state(hass: HomeAssistant, entity_id: str) -> State:
    """Return an entity's state."""
    found = hass.states.get(entity_id)
    assert found is not None
    return found


async def test_each_kind_has_its_entity(
    hass: HomeAssistant, sensor: SerialSensor, entity_registry: er.EntityRegistry
) -> None:
    """But a method has none."""
    entry = sensor_entry(sensor.path, ALL)
    await set_up(hass, entry)
    mine = {
        entity.entity_id: entity.unique_id
        for entity in er.async_entries_for_config_entry(entity_registry, entry.entry_id)
        if "_actuator_" in entity.unique_id
    }
    assert mine == {
        entity_id: f"{entry.entry_id}_actuator_{key}"
        for entity_id, key in (
            (NUMBER, "target"),
            (SWITCH, "heater"),
            (BUTTON, "reset"),
            (SELECT, "humidity"),
            (TEXT, "command"),
        )
    }
    number = state(hass, NUMBER).attributes
    assert (number["min"], number["max"], number["step"]) == (0, 100, 0.5)
    assert number["unit_of_measurement"] == "°C"
    assert number["device_class"] == "temperature"
    assert state(hass, SELECT).attributes["options"] == ["Dry", "Wet"]
    # Only where nobody knows better is the state what was sent last.
    assert state(hass, SWITCH).attributes["assumed_state"] is True
    assert "assumed_state" not in number


async def test_a_number_shows_what_the_device_replied(
    hass: HomeAssistant, sensor: SerialSensor
) -> None:
    await set_up(hass, sensor_entry(sensor.path, [TARGET]))
    await state_of(hass, NUMBER, STATE_UNKNOWN)
    await act(hass, NUMBER, "set_value", value=21.5)
    assert sensor.target == 21.5
    assert state(hass, NUMBER).state == "21.5"
    assert state(hass, NUMBER).attributes["reply"] == 21.5
    await act(hass, NUMBER, "set_value", value=20)
    assert state(hass, NUMBER).state == "20"


async def test_a_refusal_is_raised_and_changes_nothing(
    hass: HomeAssistant, sensor: SerialSensor
) -> None:
    await set_up(hass, sensor_entry(sensor.path, [TARGET]))
    await state_of(hass, NUMBER, STATE_UNKNOWN)
    await act(hass, NUMBER, "set_value", value=21.5)
    with pytest.raises(HomeAssistantError, match=r"demo-meter refused: .*ERROR"):
        await act(hass, NUMBER, "set_value", value=99)
    assert state(hass, NUMBER).state == "21.5"
    await act(hass, NUMBER, "set_value", value=22)
    assert state(hass, NUMBER).state == "22"


async def test_a_switch_shows_what_was_sent(
    hass: HomeAssistant, sensor: SerialSensor
) -> None:
    await set_up(hass, sensor_entry(sensor.path, [HEATER]))
    await state_of(hass, SWITCH, STATE_UNKNOWN)
    await act(hass, SWITCH, "turn_on")
    assert sensor.heater
    assert state(hass, SWITCH).state == "on"
    await act(hass, SWITCH, "turn_off")
    assert not sensor.heater
    assert state(hass, SWITCH).state == "off"
    assert state(hass, SWITCH).attributes["reply"] == "OK heater = 0"


async def test_a_button_does_something(
    hass: HomeAssistant, sensor: SerialSensor
) -> None:
    await set_up(hass, sensor_entry(sensor.path, [RESET]))
    await state_of(hass, BUTTON, STATE_UNKNOWN)
    sensor.values["temperature"] = 7
    await state_of(hass, "sensor.demo_meter_temperature", "7")
    await act(hass, BUTTON, "press")
    assert state(hass, BUTTON).attributes["reply"] == "OK reset"
    assert state(hass, BUTTON).state != STATE_UNKNOWN
    await state_of(hass, "sensor.demo_meter_temperature", "42")


async def test_a_select_follows_its_datapoint(
    hass: HomeAssistant, sensor: SerialSensor
) -> None:
    await set_up(hass, sensor_entry(sensor.path, [LEVEL]))
    await state_of(hass, SELECT, STATE_UNKNOWN)
    await act(hass, SELECT, "select_option", option="Wet")
    assert sensor.values["humidity"] == 90
    await state_of(hass, SELECT, "Wet")
    sensor.values["humidity"] = 20
    await state_of(hass, SELECT, "Dry")
    sensor.values["humidity"] = 33  # no choice of ours
    await state_of(hass, SELECT, STATE_UNKNOWN)


async def test_a_number_follows_its_datapoint_as_the_user_scaled_it(
    hass: HomeAssistant, sensor: SerialSensor
) -> None:
    entry = sensor_entry(
        sensor.path, [{**TEMPERATURE, "scale": 0.1, "minimum": 0, "maximum": 9.9}]
    )
    await set_up(hass, entry)
    number = "number.demo_meter_temperature"
    await state_of(hass, number, "42")
    await act(hass, number, "set_value", value=2.5)
    assert sensor.values["temperature"] == 25


async def test_a_text_is_sent_as_it_is(
    hass: HomeAssistant, sensor: SerialSensor
) -> None:
    await set_up(hass, sensor_entry(sensor.path, [COMMAND]))
    await state_of(hass, TEXT, STATE_UNKNOWN)
    await act(hass, TEXT, "set_value", value="heater = 1")
    assert state(hass, TEXT).state == "heater = 1"
    await act(hass, TEXT, "set_value", value="")
    assert state(hass, TEXT).state == ""


async def test_what_was_last_sent_is_known_after_a_restart(
    hass: HomeAssistant, sensor: SerialSensor
) -> None:
    mock_restore_cache_with_extra_data(
        hass,
        [
            (State(NUMBER, "70.7"), {"value": 21.5}),
            (State(SWITCH, "on"), {"value": True}),
            (State(TEXT, "gone"), {"value": None}),
            (State(SELECT, "Dry"), {"value": "Dry"}),
            (State(BUTTON, "2026-01-01T00:00:00+00:00"), {"value": None}),
        ],
    )
    await set_up(hass, sensor_entry(sensor.path, ALL))
    await state_of(hass, NUMBER, "21.5")  # in the unit of the device
    await state_of(hass, SWITCH, "on")
    await state_of(hass, TEXT, STATE_UNKNOWN)
    await state_of(hass, BUTTON, "2026-01-01T00:00:00+00:00")
    await state_of(hass, SELECT, STATE_UNKNOWN)  # as its datapoint says


async def test_actuators_come_change_and_go_while_the_link_is_open(
    hass: HomeAssistant, sensor: SerialSensor, entity_registry: er.EntityRegistry
) -> None:
    entry = sensor_entry(sensor.path, [TARGET, HEATER])
    connector = await set_up(hass, entry)
    await state_of(hass, NUMBER, STATE_UNKNOWN)
    await act(hass, NUMBER, "set_value", value=21.5)
    entries = hass.config_entries

    entries.async_add_subentry(entry, actuator(RESET))
    await hass.async_block_till_done()
    await state_of(hass, BUTTON, STATE_UNKNOWN)
    assert state(hass, NUMBER).state == "21.5"  # the others lost nothing

    target, heater = list(entry.subentries.values())[:2]
    entries.async_update_subentry(entry, target, data={**TARGET, "maximum": 25})
    await hass.async_block_till_done()
    assert state(hass, NUMBER).attributes["max"] == 25

    entries.async_update_subentry(entry, target, data={**COMMAND, "key": "target"})
    entries.async_remove_subentry(entry, heater.subentry_id)
    await hass.async_block_till_done()
    assert entity_registry.async_get(NUMBER) is None
    assert entity_registry.async_get(SWITCH) is None
    assert hass.states.get(SWITCH) is None
    assert hass.states.get(TEXT) is not None
    assert connector.statistics.connections == 1
    with pytest.raises(ServiceValidationError, match="heater cannot be set"):
        await entry.runtime_data.actuators.async_send("heater", True)


async def test_entities_of_actuators_that_went_while_away_go(
    hass: HomeAssistant, sensor: SerialSensor, entity_registry: er.EntityRegistry
) -> None:
    entry = sensor_entry(sensor.path, [TARGET])
    await set_up(hass, entry)
    assert await hass.config_entries.async_unload(entry.entry_id)
    hass.config_entries.async_remove_subentry(entry, next(iter(entry.subentries)))
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert entity_registry.async_get(NUMBER) is None


async def test_one_actuator_that_cannot_work_costs_only_itself(
    hass: HomeAssistant, sensor: SerialSensor, caplog: pytest.LogCaptureFixture
) -> None:
    broken = {**COMMAND, "template": "${nonsense}"}
    await set_up(hass, sensor_entry(sensor.path, [broken, TARGET]))
    assert hass.states.get(NUMBER) is not None
    assert hass.states.get(TEXT) is None
    assert caplog.text.count("The actuator command cannot be used") == 1
    assert "nonsense" in caplog.text


async def test_without_a_link_a_command_fails_at_once(
    hass: HomeAssistant, sensor: SerialSensor
) -> None:
    entry = sensor_entry(sensor.path, [TARGET])
    connector = await set_up(hass, entry)
    await state_of(hass, "binary_sensor.demo_meter_connection", "on")
    await sensor.stop()
    await state_of(hass, NUMBER, STATE_UNAVAILABLE)
    with pytest.raises(HomeAssistantError, match="is not connected") as error:
        await entry.runtime_data.actuators.async_send("target", 20)
    assert error.value.translation_domain == DOMAIN
    assert error.value.translation_key == "command_not_connected"
    assert connector.statistics.command_errors == 1
    assert entry.state is ConfigEntryState.LOADED


class Blinds(Connector):
    """A connector of somebody's own that has something to set, and nothing to say."""

    def __init__(self, name: str) -> None:
        """Have no limits, and a text that may be longer than a state."""
        super().__init__(name)
        self.sent: list[JsonValue] = []
        self.actuators = {
            it.key: it
            for it in (
                Actuator(key="height", kind=ActuatorKind.NUMBER),
                Actuator(key="label", kind=ActuatorKind.TEXT, maximum=9999),
                Actuator(key="stop", kind=ActuatorKind.BUTTON),
            )
        }

    @override
    async def receive_raw_msg(self) -> JsonValue:
        """Say nothing."""
        await asyncio.Event().wait()
        return None

    @override
    async def send_command(
        self, datapoint_key: str, datapoint_value: JsonValue, datapoint_timestamp: int
    ) -> JsonValue:
        """Take it, unless it is too much."""
        if datapoint_value == 13:
            raise ZeroDivisionError("unlucky")
        self.sent.append(datapoint_value)
        return None


async def test_actuators_of_a_connector_of_ones_own(hass: HomeAssistant) -> None:
    """They need no more than a key and a kind."""
    async_register_connector(
        hass,
        ConnectorType(kind="blinds", name="Blinds", create=lambda it, _: Blinds(it)),
    )
    entry = MockConfigEntry(
        domain=DOMAIN,
        title=NAME,
        data={
            "hub_kind": "custom",
            "connector_name": NAME,
            "connector_type": "blinds",
            "settings": {},
        },
    )
    connector = await set_up(hass, entry)
    assert isinstance(connector, Blinds)
    number = "number.demo_meter_height"
    connector._set_online()
    await hass.async_block_till_done()
    assert state(hass, number).attributes["max"] == 1e9
    assert state(hass, "text.demo_meter_label").attributes["max"] == 255
    await act(hass, number, "set_value", value=-0.5)
    assert state(hass, number).state == "-0.5"
    await act(hass, "button.demo_meter_stop", "press")
    assert connector.sent == [-0.5, None]
    with pytest.raises(HomeAssistantError, match="ZeroDivisionError: unlucky"):
        await act(hass, number, "set_value", value=13)
    assert state(hass, number).state == "-0.5"
    with pytest.raises(ServiceValidationError, match="has no link that takes bytes"):
        await hass.services.async_call(DOMAIN, "send_raw", {"text": "x"}, blocking=True)
