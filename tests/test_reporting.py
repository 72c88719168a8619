"""When a received value becomes a state: per hub, and per datapoint."""

import json

import pytest

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from tests.device import Device
from tests.hub import hub_entry, receive, set_up, state_of

pytestmark = pytest.mark.usefixtures("loopback")


async def test_every_message_is_reported(hass: HomeAssistant, device: Device) -> None:
    """On received, equal values too; without, they are not."""
    for strategy, reported in (("on_received", True), ("on_change", False)):
        entry = hub_entry(
            device.port, options={"report_strategy": strategy}, name=strategy
        )
        connector = await set_up(hass, entry)
        await receive(hass, device, connector, b'{"a":1}\n')
        entity_id = f"sensor.{strategy}_a"
        before = hass.states.get(entity_id).last_updated
        await receive(hass, device, connector, b'{"a":1}\n')
        assert (hass.states.get(entity_id).last_updated > before) is reported
        await receive(hass, device, connector, b'{"a":2}\n')
        assert hass.states.get(entity_id).state == "2"
        assert await hass.config_entries.async_unload(entry.entry_id)
        await device.client_gone()


async def test_small_changes_are_not(hass: HomeAssistant, device: Device) -> None:
    """The tolerance is to what is shown."""
    options = {"report_strategy": "on_change", "report_tolerance": 0.5}
    entry = hub_entry(device.port, options=options)
    connector = await set_up(hass, entry)
    await receive(hass, device, connector, *(b'{"a":1.%d}\n' % n for n in range(5)))
    assert hass.states.get("sensor.demo_meter_a").state == "1.0"
    await receive(hass, device, connector, b'{"a":1.5}\n')
    assert hass.states.get("sensor.demo_meter_a").state == "1.5"


async def test_the_tolerance_is_to_what_is_shown(
    hass: HomeAssistant, device: Device
) -> None:
    """A number in a text, or one that is scaled, too."""
    options = {"report_strategy": "on_change", "report_tolerance": 0.5}
    entry = hub_entry(
        device.port, options=options, overrides=[{"key": "raw", "scale": 0.1}]
    )
    connector = await set_up(hass, entry)
    for temperature, raw in (("21.0 °C", 10), ("21.1 °C", 11), ("21.4 °C", 14)):
        line = json.dumps({"temperature": temperature, "raw": raw}).encode()
        await receive(hass, device, connector, line + b"\n")
        assert hass.states.get("sensor.demo_meter_temperature").state == "21.0"
        assert hass.states.get("sensor.demo_meter_raw").state == "1.0"
    line = b'{"temperature": "21.5 \xc2\xb0C", "raw": 15}\n'
    await receive(hass, device, connector, line)
    assert hass.states.get("sensor.demo_meter_temperature").state == "21.5"
    assert hass.states.get("sensor.demo_meter_raw").state == "1.5"


async def test_a_datapoint_has_its_own_rule(
    hass: HomeAssistant, device: Device
) -> None:
    """The others follow the hub."""
    rule = {"report_strategy": "on_report_period", "report_period": 0.2}
    entry = hub_entry(device.port, overrides=[{"key": "fast", **rule}])
    connector = await set_up(hass, entry)
    await receive(hass, device, connector, b'{"fast":1,"slow":1}\n')
    await receive(hass, device, connector, b'{"fast":2,"slow":2}\n')
    assert hass.states.get("sensor.demo_meter_fast").state == "1"
    assert hass.states.get("sensor.demo_meter_slow").state == "2"
    await state_of(hass, "sensor.demo_meter_fast", "2")
    assert await hass.config_entries.async_unload(entry.entry_id)


async def test_the_options_say_when(hass: HomeAssistant, device: Device) -> None:
    """The hub follows them at once."""
    entry = hub_entry(device.port)
    await set_up(hass, entry)
    flow = hass.config_entries.options
    result = await flow.async_init(entry.entry_id)
    result = await flow.async_configure(
        result["flow_id"], {"next_step_id": "reporting"}
    )
    rule = {"report_strategy": "on_change", "report_tolerance": 2, "report_period": 5}
    result = await flow.async_configure(result["flow_id"], rule)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert rule.items() <= entry.options.items()
    await hass.async_block_till_done()
