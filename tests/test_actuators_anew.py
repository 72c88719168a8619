"""What can be set changes while the hub runs: only what changed is shown anew."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any, override

import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
    mock_restore_cache_with_extra_data,
)

from custom_components.bemcom_connectors.connector.converters import Converter
from custom_components.bemcom_connectors.const import DOMAIN
from custom_components.bemcom_connectors.sdk import (
    Actuator,
    ActuatorKind,
    Connector,
    ConnectorType,
    JsonValue,
    StateSource,
    async_register_connector,
)
from demo.serial_device import SerialSensor
from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.const import EVENT_STATE_CHANGED, STATE_UNKNOWN
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from tests.actuators import (
    COMMAND,
    HEATER,
    LEVEL,
    RESET,
    TARGET,
    TEMPERATURE,
    actuator,
    sensor_entry,
)
from tests.device import Device
from tests.hub import NAME, hub_entry, receive, set_up, state_of

NUMBER = "number.demo_meter_target"
SWITCH = "switch.demo_meter_heater"
BUTTON = "button.demo_meter_reset"
SELECT = "select.demo_meter_humidity"
TEXT = "text.demo_meter_command"


@pytest.fixture
async def sensor(tmp_path: Path) -> AsyncGenerator[SerialSensor]:
    """Return a sensor that says what it says, and then the same."""
    async with SerialSensor(tmp_path / "port", interval=0.02) as running:
        yield running


def subentry_of(entry: ConfigEntry, key: str) -> ConfigSubentry:
    """Return the actuator with a key."""
    return next(it for it in entry.subentries.values() if it.data["key"] == key)


async def change(
    hass: HomeAssistant, entry: ConfigEntry, key: str, data: Mapping[str, Any]
) -> None:
    """Change an actuator."""
    hass.config_entries.async_update_subentry(
        entry, subentry_of(entry, key), data=dict(data)
    )
    await hass.async_block_till_done()


async def test_the_other_entities_notice_nothing(
    hass: HomeAssistant, sensor: SerialSensor
) -> None:
    entry = sensor_entry(sensor.path, [TARGET, HEATER, LEVEL])
    await set_up(hass, entry)
    await state_of(hass, NUMBER, STATE_UNKNOWN)
    await hass.async_block_till_done()
    changes = async_capture_events(hass, EVENT_STATE_CHANGED)
    hass.config_entries.async_add_subentry(entry, actuator(RESET))
    await hass.async_block_till_done()
    assert {it.data["entity_id"] for it in changes} == {BUTTON}
    changes.clear()
    # How it is written is no matter of any entity.
    await change(hass, entry, "target", {**TARGET, "template": "t = ${value}"})
    assert not changes
    await change(hass, entry, "target", {**TARGET, "maximum": 50})
    assert {it.data["entity_id"] for it in changes} == {NUMBER}
    state = hass.states.get(NUMBER)
    assert state is not None
    assert state.attributes["max"] == 50


async def test_an_override_is_no_matter_of_other_entities(
    hass: HomeAssistant, device: Device
) -> None:
    entry = hub_entry(device.port)
    connector = await set_up(hass, entry)
    await receive(hass, device, connector, b'{"a":1,"b":2}\n')
    changes = async_capture_events(hass, EVENT_STATE_CHANGED)
    override = ConfigSubentry(
        data={"key": "a", "name": "Renamed"},  # type: ignore[arg-type]
        subentry_type="datapoint",
        title="a",
        unique_id="a",
    )
    hass.config_entries.async_add_subentry(entry, override)
    await hass.async_block_till_done()
    assert {it.data["entity_id"] for it in changes} == {"sensor.demo_meter_a"}


async def test_what_a_datapoint_means_now_is_shown(
    hass: HomeAssistant, sensor: SerialSensor
) -> None:
    """Though it says the same as before."""
    sensor.values["humidity"] = 20
    entry = sensor_entry(sensor.path, [LEVEL])
    await set_up(hass, entry)
    await state_of(hass, SELECT, "Dry")
    choices = [
        {"option": "Dry", "payload": "90"},
        {"option": "Wet", "payload": "20"},
    ]
    await change(hass, entry, "humidity", {**LEVEL, "choices": choices})
    assert hass.states.get(SELECT).state == "Wet"


async def test_another_kind_begins_with_nothing(
    hass: HomeAssistant, sensor: SerialSensor
) -> None:
    """What was sent as a switch is no number."""
    entry = sensor_entry(sensor.path, [HEATER])
    await set_up(hass, entry)
    await state_of(hass, SWITCH, STATE_UNKNOWN)
    await entry.runtime_data.actuators.async_send("heater", True)
    assert hass.states.get(SWITCH).state == "on"
    number = {**TARGET, "key": "heater", "name": "Heater", "state_source": "sent"}
    await change(hass, entry, "heater", number)
    state = hass.states.get("number.demo_meter_heater")
    assert state is not None
    assert state.state == STATE_UNKNOWN
    assert "reply" not in state.attributes


async def test_a_choice_that_is_sent_for_another_one_is_restored_as_itself(
    hass: HomeAssistant, sensor: SerialSensor
) -> None:
    choices = [{"option": "1", "payload": "2"}, {"option": "2", "payload": "1"}]
    level = {**LEVEL, "state_source": "sent", "choices": choices}
    mock_restore_cache_with_extra_data(hass, [(State(SELECT, "1"), {"value": "1"})])
    await set_up(hass, sensor_entry(sensor.path, [level]))
    await state_of(hass, SELECT, "1")


async def test_one_that_cannot_be_used_is_told_and_keeps_its_place(
    hass: HomeAssistant,
    sensor: SerialSensor,
    entity_registry: er.EntityRegistry,
    issue_registry: ir.IssueRegistry,
) -> None:
    """Its entity comes back as it was once it works again."""
    entry = sensor_entry(sensor.path, [COMMAND, TARGET])
    await set_up(hass, entry)
    issue_id = f"actuator_unusable_{entry.entry_id}"
    assert issue_registry.async_get_issue(DOMAIN, issue_id) is None
    entity_registry.async_update_entity(TEXT, name="My own name")
    await change(hass, entry, "command", {**COMMAND, "template": "${nonsense}"})
    issue = issue_registry.async_get_issue(DOMAIN, issue_id)
    assert issue is not None
    assert issue.translation_placeholders["actuator"] == "command"
    assert "nonsense" in issue.translation_placeholders["reason"]
    assert await hass.config_entries.async_reload(entry.entry_id)
    assert entity_registry.async_get(TEXT).name == "My own name"
    assert issue_registry.async_get_issue(DOMAIN, issue_id) is not None
    await change(hass, entry, "command", COMMAND)
    assert issue_registry.async_get_issue(DOMAIN, issue_id) is None
    assert hass.states.get(TEXT).name == "My own name"


async def test_of_many_that_cannot_be_used_some_are_named(
    hass: HomeAssistant, sensor: SerialSensor, issue_registry: ir.IssueRegistry
) -> None:
    broken = [
        {**COMMAND, "key": f"c{number}", "template": "${nonsense}"}
        for number in range(6)
    ]
    entry = sensor_entry(sensor.path, broken)
    await set_up(hass, entry)
    issue = issue_registry.async_get_issue(
        DOMAIN, f"actuator_unusable_{entry.entry_id}"
    )
    assert issue is not None
    assert issue.translation_placeholders["actuator"] == "c0, c1, c2, c3, c4, …"


async def test_nothing_is_shown_once_the_hub_is_unloaded(
    hass: HomeAssistant, sensor: SerialSensor
) -> None:
    """What was asked for before comes too late."""
    entry = sensor_entry(sensor.path, [TARGET])
    await set_up(hass, entry)
    coordinator = entry.runtime_data
    assert await hass.config_entries.async_unload(entry.entry_id)
    hass.config_entries.async_add_subentry(entry, actuator(RESET))
    await coordinator.async_show_anew()
    assert hass.states.get(BUTTON) is None
    assert "reset" not in coordinator.actuators.actuators


async def test_a_converter_that_writes_nothing_any_more_ends(
    hass: HomeAssistant, sensor: SerialSensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that goes on writing does not."""
    closed: list[Converter] = []

    def close(converter: Converter) -> None:
        closed.append(converter)

    monkeypatch.setattr(Converter, "close", close)
    written = {**COMMAND, "encoding": "converter", "converter": "mine"}
    other = {**RESET, "encoding": "converter", "converter": "other"}
    entry = sensor_entry(sensor.path, [written, other])
    await set_up(hass, entry)
    mine, others = entry.runtime_data.actuators.commands.converters
    await change(hass, entry, "command", COMMAND)
    assert closed == [mine]
    assert entry.runtime_data.actuators.commands.converters == [others]


async def test_a_number_follows_the_first_value_as_it_is_scaled(
    hass: HomeAssistant, device: Device
) -> None:
    """Also where the datapoint said nothing at first."""
    number = {**TEMPERATURE, "reply_framing": "none"}
    entry = hub_entry(device.port, overrides=[{"key": "temperature", "scale": 0.1}])
    connector = await set_up(hass, entry)
    hass.config_entries.async_add_subentry(entry, actuator(number))
    await hass.async_block_till_done()
    await receive(hass, device, connector, b'{"temperature":null}\n')
    await receive(hass, device, connector, b'{"temperature":50}\n')
    assert hass.states.get("number.demo_meter_temperature").state == "5"


# Of a connector of somebody else's


class Scene(Connector):
    """A connector whose actuators come and go."""

    def __init__(self, name: str) -> None:
        """Have one, and messages that are put into its queue."""
        super().__init__(name)
        self.queue: asyncio.Queue[JsonValue] = asyncio.Queue()
        self.taken = asyncio.Event()
        self.may_end = asyncio.Event()
        self.have(self.of("a"))

    def of(self, key: str, **more: Any) -> Actuator:
        """Return a number."""
        return Actuator(key=key, kind=ActuatorKind.NUMBER, **more)

    def have(self, *actuators: Actuator) -> None:
        """Have other actuators from now on."""
        self.actuators = {it.key: it for it in actuators}

    @override
    async def receive_raw_msg(self) -> JsonValue:
        """Wait for the queue."""
        return await self.queue.get()

    @override
    async def send_command(
        self, datapoint_key: str, datapoint_value: JsonValue, datapoint_timestamp: int
    ) -> JsonValue:
        """Take it in one's own time."""
        self.taken.set()
        await self.may_end.wait()
        return None


@pytest.fixture
async def entry(hass: HomeAssistant) -> MockConfigEntry:
    """Return a hub with such a connector, which is connected."""
    async_register_connector(
        hass,
        ConnectorType(kind="scene", name="Scene", create=lambda it, _: Scene(it)),
    )
    entry = MockConfigEntry(
        domain=DOMAIN,
        title=NAME,
        data={
            "hub_kind": "custom",
            "connector_name": NAME,
            "connector_type": "scene",
            "settings": {},
        },
    )
    connector = await set_up(hass, entry)
    assert isinstance(connector, Scene)
    await hear(hass, connector, {"x": 1})
    return entry


async def hear(hass: HomeAssistant, connector: Scene, message: JsonValue) -> None:
    """Let the device say something."""
    await connector.queue.put(message)
    await hass.async_block_till_done()


async def test_actuators_of_a_connector_come_and_go(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """They are noticed with the next message."""
    connector = entry.runtime_data.connector
    follower = connector.of("b", state_source=StateSource.DATAPOINT, state_key="x")
    connector.have(follower)
    await hear(hass, connector, {"x": 2})
    assert hass.states.get("number.demo_meter_a").state == "unavailable"
    assert hass.states.get("number.demo_meter_b").state == "2"
    connector.have()
    await hear(hass, connector, {"x": 3})
    assert hass.states.get("number.demo_meter_b").state == "unavailable"
    connector.have(follower)
    await hear(hass, connector, {"x": 4})
    assert hass.states.get("number.demo_meter_b").state == "4"
    assert connector.statistics.listener_errors == 0


async def test_actuators_that_are_found_while_connecting(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """They are there as soon as the link is up again."""
    connector = entry.runtime_data.connector
    connector.actuators["c"] = connector.of("c")
    connector._set_online()
    await hass.async_block_till_done()
    assert hass.states.get("number.demo_meter_c") is not None


async def test_an_actuator_that_went_while_it_was_set(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """The command was carried out all the same."""
    connector = entry.runtime_data.connector
    sending = hass.async_create_task(entry.runtime_data.actuators.async_send("a", 1))
    await connector.taken.wait()
    connector.have()
    connector.may_end.set()
    assert await sending is None
    assert connector.statistics.commands == 1
    assert connector.statistics.listener_errors == 0


async def test_an_entity_that_cannot_be_shown_costs_only_itself(
    hass: HomeAssistant, entry: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other actuators of the datapoint show it."""
    connector = entry.runtime_data.connector
    source = {"state_source": StateSource.DATAPOINT, "state_key": "x"}
    connector.have(connector.of("bad", **source), connector.of("good", **source))
    await hear(hass, connector, {"x": 2})
    read = Actuator.read

    def fail(actuator: Actuator, value: JsonValue) -> JsonValue:
        if actuator.key == "bad":
            raise ZeroDivisionError
        return read(actuator, value)

    monkeypatch.setattr(Actuator, "read", fail)
    await hear(hass, connector, {"x": 3})
    assert hass.states.get("number.demo_meter_good").state == "3"
    assert connector.statistics.listener_errors == 1
