"""The options of a hub that runs, or does not."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from custom_components.bemcom_connectors.const import DOMAIN
from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData
from tests.device import HOST, Device
from tests.flows import submit
from tests.hub import heard, hub_entry, receive, serial_entry, set_up, state_of
from tests.serial_device import SerialDevice

pytestmark = pytest.mark.usefixtures("loopback")


async def test_format_is_tried_on_what_came_in(
    hass: HomeAssistant, device: Device
) -> None:
    """The preview uses the latest data; saving reloads the hub with the new format."""
    entry = hub_entry(device.port, options={"framing": "line", "format": "json"})
    connector = await set_up(hass, entry)
    await receive(hass, device, connector, b"t=21.5\n", b"t=22\n")
    result = await hass.config_entries.options.async_init(entry.entry_id)
    assert result["menu_options"] == [
        "decode",
        "devices",
        "reporting",
        "request",
        "link",
        "mirror",
    ]
    flow = hass.config_entries.options

    async def step(**user_input: Any) -> ConfigFlowResult:
        return await flow.async_configure(result["flow_id"], user_input)

    result = await step(next_step_id="decode")
    result = await step(framing="line", format="regex", lists="index")
    result = await step(pattern="t=(?P<t>[0-9.]+", encoding="utf-8")
    assert result["errors"] == {"pattern": "invalid_pattern"}
    result = await step(pattern="t=(?P<t>[0-9.]+)", encoding="utf-8")
    assert result["step_id"] == "preview"
    assert "**22**" in result["description_placeholders"]["datapoints"]
    result = await step(next_step_id="save")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert entry.options["pattern"] == "t=(?P<t>[0-9.]+)"
    assert entry.options["receive_timeout"] == 60
    await hass.async_block_till_done()
    await device.connected()
    await receive(hass, device, entry.runtime_data.connector, b"t=23\n")
    assert hass.states.get("sensor.demo_meter_t").state == "23"


async def test_the_limits_of_the_link_can_be_changed(
    hass: HomeAssistant, device: Device
) -> None:
    """Time-outs are changed without touching the format."""
    entry = hub_entry(device.port)
    await set_up(hass, entry)
    flow = hass.config_entries.options
    result = await flow.async_init(entry.entry_id)
    result = await flow.async_configure(result["flow_id"], {"next_step_id": "link"})
    limits = {
        "connect_timeout": 3,
        "receive_timeout": -1,
        "recv_bufsize": 1024,
        "max_message_size": 1000,
    }
    result = await flow.async_configure(result["flow_id"], limits)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert limits.items() <= entry.options.items()
    assert entry.options["framing"] == "auto"
    await hass.async_block_till_done()


async def test_a_limit_below_the_fixed_size_is_refused(
    hass: HomeAssistant, device: Device
) -> None:
    """The limit and the framing have to fit together, whichever comes last."""
    entry = hub_entry(
        device.port,
        options={"framing": "fixed_size", "size": 200, "format": "text"},
    )
    await set_up(hass, entry)
    flow = hass.config_entries.options
    result = await flow.async_init(entry.entry_id)
    result = await flow.async_configure(result["flow_id"], {"next_step_id": "link"})
    limits = {"connect_timeout": 3, "receive_timeout": 9, "recv_bufsize": 1024}
    result = await flow.async_configure(
        result["flow_id"], limits | {"max_message_size": 100}
    )
    assert result["errors"] == {"max_message_size": "max_message_size_too_small"}
    result = await flow.async_configure(
        result["flow_id"], limits | {"max_message_size": 300}
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()

    result = await flow.async_init(entry.entry_id)
    for user_input in (
        {"next_step_id": "decode"},
        {"framing": "fixed_size", "format": "text", "lists": "index"},
        {"size": 400, "encoding": "utf-8"},
    ):
        result = await flow.async_configure(result["flow_id"], user_input)
    assert result["errors"] == {"size": "invalid_size"}


async def test_reconfiguring_tls_lets_the_hub_go_first(
    hass: HomeAssistant, device: Device
) -> None:
    """A device that takes one connection only is tried with it; else the hub goes on."""
    entry = hub_entry(device.port)
    connector = await set_up(hass, entry)
    await receive(hass, device, connector, b'{"a":1}\n')
    result = await entry.start_reconfigure_flow(hass)

    async def answer() -> None:
        await device.client_gone()
        await device.send(b'{"not":"TLS"}\n')

    answering = asyncio.create_task(answer())
    result = await submit(
        hass, result, host=HOST, port=device.port, advanced={"tls": True}
    )
    await answering
    assert result["errors"] == {"base": "link_tls"}
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED
    assert entry.data["tls"] is False


async def test_a_hub_that_is_down_has_options_too(hass: HomeAssistant) -> None:
    """Without data there is no preview, but the options can be changed."""
    entry = hub_entry(1)
    entry.add_to_hass(hass)
    flow = hass.config_entries.options
    result = await flow.async_init(entry.entry_id)
    result = await flow.async_configure(result["flow_id"], {"next_step_id": "decode"})
    result = await flow.async_configure(
        result["flow_id"], {"framing": "auto", "format": "yaml", "lists": "index"}
    )
    result = await flow.async_configure(result["flow_id"], {"encoding": "utf-8"})
    assert result["step_id"] == "no_preview"
    result = await flow.async_configure(result["flow_id"], {"next_step_id": "save"})
    assert entry.options["format"] == "yaml"
    await hass.async_block_till_done()


async def test_the_preview_runs_templates_and_converters(
    hass: HomeAssistant, device: Device, tmp_path: Path
) -> None:
    """On what came in lately; a converter is chosen from those that are there."""
    hass.config.config_dir = str(tmp_path)
    folder = tmp_path / "bemcom_connectors" / "converters"
    folder.mkdir(parents=True)
    (folder / "double.py").write_text("def parse(frame):\n    return int(frame) * 2\n")
    entry = hub_entry(device.port, options={"framing": "line", "format": "text"})
    connector = await set_up(hass, entry)
    await receive(hass, device, connector, b"21\n")
    flow = hass.config_entries.options
    result = await flow.async_init(entry.entry_id)

    async def step(**user_input: Any) -> ConfigFlowResult:
        return await flow.async_configure(result["flow_id"], user_input)

    result = await step(next_step_id="decode")
    result = await step(framing="line", format="template", lists="index")
    with pytest.raises(InvalidData, match="template"):
        await step(template="{{ value", encoding="utf-8")
    result = await step(template=" ", encoding="utf-8")
    assert result["errors"] == {"template": "invalid_template"}
    result = await step(template="{{ value | int + 1 }}", encoding="utf-8")
    assert "**22**" in result["description_placeholders"]["datapoints"]
    result = await step(next_step_id="decode")
    result = await step(framing="line", format="converter", lists="index")
    selector = result["data_schema"].schema["converter"]
    assert selector.config["options"] == ["double"]
    for wrong in ("nothing", "../escape", ""):
        result = await step(converter=wrong)
        assert result["errors"] == {"converter": "invalid_converter"}
    result = await step(converter="double")
    assert "**42**" in result["description_placeholders"]["datapoints"]
    result = await step(next_step_id="save")
    assert entry.options["converter"] == "double"
    assert "template" not in entry.options
    await hass.async_block_till_done()
    assert await hass.config_entries.async_unload(entry.entry_id)


async def test_a_request_is_sent_from_the_options(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    """Hexadecimal too; the answers are messages like any other."""
    async with SerialDevice(tmp_path) as sensor:
        options = {"framing": "fixed_size", "size": 3, "format": "text"}
        entry = serial_entry(sensor.path, options=options)
        await set_up(hass, entry)
        flow = hass.config_entries.options
        result = await flow.async_init(entry.entry_id)
        result = await flow.async_configure(
            result["flow_id"], {"next_step_id": "request"}
        )
        fields = {"request_hex": True, "request_interval": 60}
        result = await flow.async_configure(
            result["flow_id"], {"request": "0G", **fields}
        )
        assert result["errors"] == {"request": "invalid_request"}
        result = await flow.async_configure(
            result["flow_id"], {"request": "01 03 FF", **fields}
        )
        assert result["type"] is FlowResultType.CREATE_ENTRY
        await hass.async_block_till_done()
        assert await sensor.received(3) == b"\x01\x03\xff"
        await sensor.send(b"eco")
        await state_of(hass, "sensor.demo_meter_value", "eco")
        assert await hass.config_entries.async_unload(entry.entry_id)


async def test_options_mend_a_hub_that_cannot_be_set_up(
    hass: HomeAssistant, device: Device
) -> None:
    """It is set up with them at once."""
    entry = hub_entry(device.port, options={"format": "regex", "pattern": "("})
    entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_ERROR
    flow = hass.config_entries.options
    result = await flow.async_init(entry.entry_id)
    for user_input in (
        {"next_step_id": "decode"},
        {"framing": "line", "format": "json", "lists": "index"},
        {"encoding": "utf-8"},
        {"next_step_id": "save"},
    ):
        result = await flow.async_configure(result["flow_id"], user_input)
    await hass.async_block_till_done()
    assert hass.config_entries.async_loaded_entries(DOMAIN) == [entry]
    assert "pattern" not in entry.options


@pytest.mark.parametrize(
    ("scheme", "step"), [("", "garbled"), ("socket://", "preview")]
)
async def test_only_a_port_with_a_speed_can_have_a_wrong_one(
    hass: HomeAssistant, device: Device, tmp_path: Path, scheme: str, step: str
) -> None:
    """Bytes over plain TCP are what they are."""
    async with SerialDevice(tmp_path) as sensor:
        path = f"{scheme}{HOST}:{device.port}" if scheme else sensor.path
        options = {"framing": "line", "format": "text"}
        entry = serial_entry(path, options=options)
        connector = await set_up(hass, entry)
        garbage = b"\xf5\xe0\xff\x80\xfc\n" * 3
        await (device.send(garbage) if scheme else sensor.send(garbage))
        await heard(hass, connector, 3)
        flow = hass.config_entries.options
        result = await flow.async_init(entry.entry_id)
        for user_input in (
            {"next_step_id": "decode"},
            {"framing": "line", "format": "text", "lists": "index"},
            {"encoding": "latin-1"},
        ):
            result = await flow.async_configure(result["flow_id"], user_input)
        assert result["step_id"] == step
        assert await hass.config_entries.async_unload(entry.entry_id)
