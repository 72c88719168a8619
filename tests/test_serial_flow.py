"""The config flow of a serial hub, on real ports."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bemcom_connectors import serial_flow
from custom_components.bemcom_connectors.connector.baud_rate import find_baud_rate
from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from tests.flows import choose, heard, start, submit
from tests.hub import hub_entry, serial_entry, set_up
from tests.serial_device import SerialDevice

pytestmark = pytest.mark.usefixtures("quick", "mock_setup_entry")

NAME = "garage-sensor"
SLICES = [
    {"key": "temperature", "type": "int", "to_byte": 2},
    {"key": "humidity", "type": "int", "from_byte": 2, "to_byte": 4},
    {"key": "battery", "type": "int", "from_byte": 4, "to_byte": 6},
]
THINGSBOARD = """{
  "name": "Sensor", "devices": [{"name": "S1", "port": "/dev/ttyUSB0", "telemetry": [
    {"key": "temperature", "type": "int", "toByte": 2},
    {"key": "humidity", "type": "int", "fromByte": 2, "toByte": 4},
    {"key": "battery", "type": "int", "fromByte": 4, "toByte": 6}]}]
}"""


@pytest.fixture(autouse=True)
def quick_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """Search among a few baud rates, and not for long."""

    async def find(*args: Any, **more: Any) -> Any:
        rates = (9600, 115200, 19200)
        return await find_baud_rate(*args, rates=rates, wait=0.2, gather=0.05, **more)

    monkeypatch.setattr(serial_flow, "find_baud_rate", find)


@asynccontextmanager
async def speaking(sensor: SerialDevice, message: bytes) -> AsyncGenerator[None]:
    """Let a device say the same again and again, whoever opens its port."""

    async def speak() -> None:
        while True:
            await sensor.send(message)
            await asyncio.sleep(0.01)

    task = asyncio.create_task(speak())
    yield
    task.cancel()
    await asyncio.wait({task})


async def port(
    hass: HomeAssistant, path: str, name: str = NAME, **more: Any
) -> ConfigFlowResult:
    """Fill in the form of a serial hub."""
    fields = {"baudrate": "9600", **more}
    return await submit(
        hass, await start(hass, "serial"), connector_name=name, device=path, **fields
    )


async def test_the_sensor_of_the_guide(hass: HomeAssistant, tmp_path: Path) -> None:
    """Lines without a name become three values, by the slices of ThingsBoard's connector."""
    async with SerialDevice(tmp_path) as sensor:
        result = await port(hass, sensor.path)
        await sensor.send(b"422498\n", b"422498\n")
        result = await heard(hass, result)
        assert result["step_id"] == "preview"
        assert "find_baud_rate" in result["menu_options"]
        assert all(it not in result["menu_options"] for it in ("tcp", "serial"))
        result = await choose(hass, result, "decode")
        result = await submit(
            hass, result, framing="line", format="slices", lists="index"
        )
        fields = {"slice_mode": "strict", "encoding": "utf-8"}
        result = await submit(hass, result, **fields)
        assert result["errors"] == {"slices": "invalid_slices"}
        result = await submit(hass, result, **fields, thingsboard="{")
        assert result["errors"] == {"thingsboard": "invalid_thingsboard"}
        result = await submit(hass, result, **fields, thingsboard=THINGSBOARD)
        assert result["step_id"] == "preview"
        shown = result["description_placeholders"]["datapoints"]
        assert [line.split("|")[2].strip() for line in shown.splitlines()] == [
            "**42 °C**",
            "**24 %**",
            "**98 %**",
        ]
        result = await choose(hass, result, "create")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"] == {
        "hub_kind": "serial",
        "connector_name": NAME,
        "device": sensor.path,
        "baudrate": 9600,
        "bytesize": "8",
        "parity": "none",
        "stopbits": "1",
        "xonxoff": False,
        "rtscts": False,
        "dsrdtr": False,
        "exclusive": True,
    }
    assert result["options"]["delimiter"] == "\\n"
    assert result["options"]["keep_delimiter"] is True
    assert "thingsboard" not in result["options"]
    keys = [row["key"] for row in result["options"]["slices"]]
    assert keys == ["temperature", "humidity", "battery"]


@pytest.mark.parametrize(
    ("entered", "errors"),
    [
        ({"device": "/dev/ttyNothing"}, {"base": "link_port_missing"}),
        ({"device": "COM1"}, {"device": "invalid_device"}),
        ({"device": " "}, {"device": "invalid_device"}),
        ({"baudrate": "fast"}, {"baudrate": "invalid_baudrate"}),
        ({"baudrate": "0"}, {"baudrate": "invalid_baudrate"}),
        ({"baudrate": "9" * 5000}, {"baudrate": "invalid_baudrate"}),
        ({"device": "/dev/a\0b"}, {"base": "link_port_missing"}),
        ({"baudrate": "12345"}, {}),
        (
            {"connector_name": "Not A Name"},
            {"connector_name": "invalid_connector_name"},
        ),
        ({"device": "/dev/null"}, {"base": "link_setting"}),
        ({"device": "socket://nohost"}, {"base": "link_setting"}),
    ],
)
async def test_bad_input_is_refused_in_words_and_can_be_mended(
    hass: HomeAssistant, tmp_path: Path, entered: dict[str, str], errors: dict[str, str]
) -> None:
    """Nothing is created, and the form can be sent again."""
    async with SerialDevice(tmp_path) as sensor:
        good = {"connector_name": NAME, "device": sensor.path, "baudrate": "9600"}
        result = await submit(hass, await start(hass, "serial"), **(good | entered))
        if errors:
            assert result["errors"] == errors
            result = await submit(hass, result, **good)
        await sensor.send(b"a=1\n")
        result = await heard(hass, result)
        assert result["step_id"] == "preview"


async def test_a_port_in_use_is_refused(hass: HomeAssistant, tmp_path: Path) -> None:
    """By a hub of ours, by another integration, or by another program."""
    async with SerialDevice(tmp_path) as sensor:
        link = tmp_path / "by-another-name"
        link.symlink_to(sensor.path)
        ours = serial_entry(str(link), name="other-hub")
        ours.add_to_hass(hass)
        result = await port(hass, sensor.path)
        assert result["errors"] == {"device": "address_in_use"}
        assert result["description_placeholders"]["hub"] == "other-hub"
        await hass.config_entries.async_remove(ours.entry_id)

        for data in ({"device": {"path": sensor.path}}, {"serial_port": str(link)}):
            theirs = MockConfigEntry(
                domain="zha", title="Zigbee", data=data, state=ConfigEntryState.LOADED
            )
            theirs.add_to_hass(hass)
            result = await port(hass, sensor.path)
            assert result["errors"] == {"device": "port_in_use"}
            assert result["description_placeholders"]["hub"] == "Zigbee"
            theirs.mock_state(hass, ConfigEntryState.NOT_LOADED)

        listening = await port(hass, sensor.path)
        busy = await port(hass, sensor.path, name="second")
        assert busy["errors"] == {"base": "link_port_busy"}
        hass.config_entries.flow.async_abort(listening["flow_id"])
        await hass.async_block_till_done()


async def test_the_wrong_baud_rate_is_noticed_and_the_right_one_found(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    """What comes at the wrong rate is shown for what it is."""
    async with SerialDevice(tmp_path, baudrate=115200) as sensor:
        result = await port(hass, sensor.path)
        await sensor.send(b"t=21.5\r\n" * 5)
        result = await heard(hass, result)
        assert result["step_id"] == "garbled"
        result = await choose(hass, result, "find_baud_rate")
        async with speaking(sensor, b"t=21.5\r\n"):
            result = await heard(hass, result, "find_baud_rate")
        assert result["step_id"] == "preview"
        assert "**21.5" in result["description_placeholders"]["datapoints"]
        result = await choose(hass, result, "create")
        assert result["data"]["baudrate"] == 115200


async def test_a_silent_device_has_no_baud_rate(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    """The dialog says so, and goes on."""
    async with SerialDevice(tmp_path) as sensor:
        result = await heard(hass, await port(hass, sensor.path))
        assert result["step_id"] == "no_data"
        result = await choose(hass, result, "find_baud_rate")
        result = await heard(hass, result, "find_baud_rate")
        assert result["step_id"] == "no_baud_rate"
        result = await choose(hass, result, "decode")
        assert result["step_id"] == "decode"


async def test_a_device_that_is_unplugged_meanwhile(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    """Listening and searching end in words, and the form is still there."""
    async with SerialDevice(tmp_path) as sensor:
        result = await port(hass, sensor.path)
        sensor.close()
        result = await heard(hass, result)
        assert result["step_id"] == "link_lost"
        result = await choose(hass, result, "serial")
        sensor.plug_in()
        fields = {"connector_name": NAME, "device": sensor.path, "baudrate": "9600"}
        result = await heard(hass, await submit(hass, result, **fields))
        assert result["step_id"] == "no_data"
        sensor.close()
        result = await choose(hass, result, "find_baud_rate")
        result = await heard(hass, result, "find_baud_rate")
        assert result["step_id"] == "link_lost"


async def test_a_device_that_speaks_when_asked(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    """The request is sent while listening, and kept."""
    async with SerialDevice(tmp_path) as sensor:
        result = await heard(hass, await port(hass, sensor.path))
        result = await choose(hass, result, "request")
        fields = {"request_hex": False, "request_interval": 5}
        result = await submit(hass, result, request="\\x", **fields)
        assert result["errors"] == {"request": "invalid_request"}
        result = await submit(hass, result, request="READ\\r", **fields)
        assert await sensor.received(5) == b"READ\r"
        await sensor.send(b"power=5\r")
        result = await heard(hass, result)
        assert result["step_id"] == "preview"
        result = await choose(hass, result, "create")
        assert result["options"]["request"] == "READ\\r"
        assert result["options"]["request_interval"] == 5


async def test_closing_the_dialog_frees_the_port(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    """While it listens, and while it searches."""
    async with SerialDevice(tmp_path) as sensor:
        for searching in (False, True):
            result = await port(hass, sensor.path)
            if searching:
                result = await heard(hass, result)
                result = await choose(hass, result, "find_baud_rate")
            hass.config_entries.flow.async_abort(result["flow_id"])
            await hass.async_block_till_done()
        result = await port(hass, sensor.path)
        async with asyncio.timeout(10):
            # A port that was just being opened is closed a moment later.
            while result["type"] is FlowResultType.FORM:
                fields = {"connector_name": NAME, "device": sensor.path}
                result = await submit(hass, result, **fields, baudrate="9600")
        assert result["type"] is FlowResultType.SHOW_PROGRESS
        hass.config_entries.flow.async_abort(result["flow_id"])
        await hass.async_block_till_done()


async def test_what_was_chosen_by_hand_is_kept(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    """Listening again shows it on new data, and does not recognise anew."""
    async with SerialDevice(tmp_path) as sensor:
        result = await heard(hass, await port(hass, sensor.path))
        result = await choose(hass, result, "decode")
        result = await submit(
            hass, result, framing="line", format="slices", lists="index"
        )
        result = await submit(
            hass, result, slices=SLICES, slice_mode="strict", encoding="utf-8"
        )
        assert result["step_id"] == "no_preview"
        result = await choose(hass, result, "listen")
        async with speaking(sensor, b"422498\n"):
            result = await heard(hass, result)
        assert "**24 %**" in result["description_placeholders"]["datapoints"]


async def test_secrets_of_an_address_are_not_shown(
    hass: HomeAssistant, loopback: str
) -> None:
    """Neither while listening nor in what went wrong."""
    server = await asyncio.start_server(lambda *_: None, loopback, 0)
    address = f"{loopback}:{server.sockets[0].getsockname()[1]}"
    result = await port(hass, f"socket://user:secret@{address}")
    assert result["type"] is FlowResultType.SHOW_PROGRESS
    assert address in result["description_placeholders"]["address"]
    assert "secret" not in str(result["description_placeholders"])
    result = await heard(hass, result)
    assert "find_baud_rate" not in result["menu_options"]
    hass.config_entries.flow.async_abort(result["flow_id"])
    server.close()


class TestReconfigure:
    """Moving a hub that runs."""

    @pytest.fixture(autouse=True)
    def mock_setup_entry(self) -> None:
        """Set the hub up for real."""

    async def test_a_hub_moves_to_another_port(
        self, hass: HomeAssistant, tmp_path: Path
    ) -> None:
        """A wrong port is refused and the hub goes on; the right one is taken."""
        (tmp_path / "other").mkdir()
        async with (
            SerialDevice(tmp_path) as old,
            SerialDevice(tmp_path / "other") as new,
        ):
            entry = serial_entry(old.path)
            await set_up(hass, entry)
            result = await entry.start_reconfigure_flow(hass)
            assert result["step_id"] == "reconfigure_serial"
            result = await submit(hass, result, device="/dev/nothing", baudrate="9600")
            assert result["errors"] == {"base": "link_port_missing"}
            await hass.async_block_till_done()
            assert entry.state is ConfigEntryState.LOADED
            result = await submit(
                hass, result, device=new.path, baudrate="19200", advanced={}
            )
            assert result["reason"] == "reconfigure_successful"
            await hass.async_block_till_done()
            assert entry.state is ConfigEntryState.LOADED
            assert entry.data["device"] == new.path
            assert entry.data["baudrate"] == 19200

            # Saving without a change leaves the link alone.
            connector = entry.runtime_data.connector
            result = await entry.start_reconfigure_flow(hass)
            result = await submit(hass, result, device=new.path, baudrate="19200")
            assert result["reason"] == "reconfigure_successful"
            await hass.async_block_till_done()
            assert entry.runtime_data.connector is connector
            assert await hass.config_entries.async_unload(entry.entry_id)


async def test_a_tcp_hub_has_no_baud_rate(hass: HomeAssistant) -> None:
    """Its dialogs do not offer what makes no sense."""
    entry = hub_entry(1)
    entry.add_to_hass(hass)
    result = await entry.start_reconfigure_flow(hass)
    assert result["step_id"] == "reconfigure_tcp"
