"""The config flow of a TCP hub: connect, listen, preview, create; and what can go wrong."""

import asyncio
import socket
import ssl
from typing import Any
from unittest.mock import patch

import pytest

from custom_components.bemcom_connectors.const import DOMAIN
from homeassistant.config_entries import ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from tests.device import HOST, Device
from tests.flows import choose, heard, start, submit
from tests.hub import NAME, hub_entry

pytestmark = pytest.mark.usefixtures("loopback", "quick", "mock_setup_entry")


async def address(
    hass: HomeAssistant, port: int, name: str = NAME, **more: Any
) -> ConfigFlowResult:
    """Fill in the form of a TCP hub."""
    return await submit(
        hass,
        await start(hass, "tcp"),
        connector_name=name,
        host=HOST,
        port=port,
        **more,
    )


async def test_a_hub_is_created_from_what_the_device_sends(
    hass: HomeAssistant, device: Device
) -> None:
    """The preview shows bytes and datapoints; the entry has what was recognised."""
    result = await address(hass, device.port)
    await device.send(
        b'{"meter":{"power_w":412.5,"phase`|":"a|b"}}\r\n' * 2 + b"\x07\n"
    )
    result = await heard(hass, result)
    assert result["type"] is FlowResultType.MENU
    assert result["step_id"] == "preview"
    shown = result["description_placeholders"]
    assert '{"meter":{"power_w":412.5' in shown["received"]
    assert "\\x07" in shown["received"]
    assert "| Meter power | **412.5 W** | `meter__power_w` |" in shown["datapoints"]
    assert shown["framing"] == "Automatic: JSON values, otherwise lines"
    assert shown["format"] == "JSON"

    result = await choose(hass, result, "create")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == NAME
    assert result["data"] == {
        "hub_kind": "tcp",
        "connector_name": NAME,
        "host": HOST,
        "port": device.port,
        "tls": False,
        "verify_ssl": True,
    }
    assert result["options"]["framing"] == "auto"
    assert result["options"]["format"] == "json"
    assert result["result"].unique_id == NAME


async def test_framing_and_format_can_be_corrected(
    hass: HomeAssistant, device: Device
) -> None:
    """Each choice shows its own result, with the fields it needs, before creating."""
    result = await address(
        hass, device.port, advanced={"receive_timeout": 5, "tls": False}
    )
    await device.send(b"21.5;48\x0322.5;49\x03")
    result = await heard(hass, result)
    result = await choose(hass, result, "decode")
    assert result["step_id"] == "decode"
    result = await submit(
        hass, result, framing="delimiter", format="delimited", lists="index"
    )
    assert result["step_id"] == "parameters"
    assert {str(key) for key in result["data_schema"].schema} == {
        "delimiter",
        "keep_delimiter",
        "separator",
        "columns",
        "encoding",
    }
    fields = {"separator": ";", "columns": "temperature, humidity", "encoding": "utf-8"}
    result = await submit(hass, result, delimiter="", **fields)
    assert result["errors"] == {"delimiter": "invalid_delimiter"}
    assert result["description_placeholders"]["reason"]
    result = await submit(hass, result, delimiter="\\x03", **fields)
    assert result["step_id"] == "preview"
    shown = result["description_placeholders"]
    assert shown["frames"] == "2"
    assert "**22.5" in shown["datapoints"]
    assert "`humidity`" in shown["datapoints"]

    result = await choose(hass, result, "create")
    assert result["options"] == {
        "framing": "delimiter",
        "format": "delimited",
        "lists": "index",
        "delimiter": "\\x03",
        "receive_timeout": 5,
        "connect_timeout": 10,
        "inter_byte_timeout": 0,
        "write_timeout": 10,
        "recv_bufsize": 4096,
        "max_message_size": 65536,
        "keep_delimiter": False,
        **fields,
    }


async def test_what_cannot_be_read_is_shown_with_its_reason(
    hass: HomeAssistant, device: Device
) -> None:
    """A wrong format shows why it is wrong, and can still be changed."""
    result = await address(hass, device.port)
    await device.send(b"hello\nworld\n")
    result = await heard(hass, result)
    result = await choose(hass, result, "decode")
    result = await submit(hass, result, framing="line", format="json", lists="index")
    result = await submit(hass, result, encoding="utf-8")
    assert result["step_id"] == "no_datapoints"
    assert "<ha-alert" in result["description_placeholders"]["errors"]
    assert result["description_placeholders"]["frames"] == "2"


async def test_a_silent_device_can_be_set_up_by_hand(
    hass: HomeAssistant, device: Device
) -> None:
    """No data: the user is told, may listen again, and may go on without."""
    result = await heard(hass, await address(hass, device.port))
    assert result["step_id"] == "no_data"
    result = await heard(hass, await choose(hass, result, "listen"))
    assert result["step_id"] == "no_data"
    assert device.connections == 2
    result = await choose(hass, result, "decode")
    result = await submit(hass, result, framing="line", format="json", lists="whole")
    result = await submit(hass, result, encoding="utf-8")
    assert result["step_id"] == "no_preview"
    result = await choose(hass, result, "create")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["options"]["lists"] == "whole"


async def test_a_device_that_hangs_up_is_told_of(
    hass: HomeAssistant, device: Device
) -> None:
    """A connection lost before anything came is shown, with ways on."""
    result = await address(hass, device.port)
    await device.connected()
    device.close()
    result = await heard(hass, result)
    assert result["step_id"] == "link_lost"
    assert "closed" in result["description_placeholders"]["detail"]
    # Back to the form, with what was entered still there.
    result = await choose(hass, result, "tcp")
    assert result["step_id"] == "tcp"
    port = next(key for key in result["data_schema"].schema if key == "port")
    assert port.description["suggested_value"] == device.port
    result = await submit(
        hass, result, connector_name=NAME, host=HOST, port=device.port
    )
    await device.send(b'{"a":1}\n')
    result = await heard(hass, result)
    assert result["step_id"] == "preview"


@pytest.mark.parametrize(
    ("entered", "errors"),
    [
        (
            {"connector_name": "Demo Meter"},
            {"connector_name": "invalid_connector_name"},
        ),
        ({"connector_name": "a--b"}, {"connector_name": "invalid_connector_name"}),
        ({"connector_name": "x" * 65}, {"connector_name": "invalid_connector_name"}),
        ({"connector_name": "taken"}, {"connector_name": "connector_name_taken"}),
        ({"host": "http://meter"}, {"host": "invalid_host"}),
        ({"host": "meter:5020"}, {"host": "invalid_host"}),
        ({"host": "me ter"}, {"host": "invalid_host"}),
        ({"port": 1}, {"base": "link_refused"}),
        ({"advanced": {"tls": True}}, {"base": "link_tls"}),
    ],
)
async def test_bad_input_is_refused_in_words_and_can_be_mended(
    hass: HomeAssistant, device: Device, entered: dict[str, Any], errors: dict[str, str]
) -> None:
    """Each mistake has its error beside its field; nothing is created until it is mended."""
    hub_entry(1234, name="taken").add_to_hass(hass)
    good = {"connector_name": NAME, "host": HOST, "port": device.port}
    result = await start(hass, "tcp")

    async def answer() -> None:
        if "advanced" in entered:
            await device.send(b'{"not":"TLS"}\n')

    answering = asyncio.create_task(answer())
    result = await submit(hass, result, **good | entered)
    await answering
    assert result["type"] is FlowResultType.FORM
    assert result["errors"] == errors
    assert len(hass.config_entries.async_entries(DOMAIN)) == 1

    device.close()
    result = await submit(hass, result, **good)
    await device.send(b'{"a":1}\n')
    result = await heard(hass, result)
    assert result["step_id"] == "preview"
    result = await choose(hass, result, "create")
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_an_unknown_host_is_refused_in_words(hass: HomeAssistant) -> None:
    """A host name that nobody knows is an error of the form."""
    with patch(
        "asyncio.base_events.BaseEventLoop.getaddrinfo", side_effect=socket.gaierror
    ):
        result = await submit(
            hass,
            await start(hass, "tcp"),
            connector_name=NAME,
            host="meter.invalid",
            port=1,
        )
    assert result["errors"] == {"base": "link_unknown_host"}


async def test_two_hubs_cannot_have_one_address(
    hass: HomeAssistant, device: Device
) -> None:
    """The hub that has the address is named."""
    hub_entry(device.port, name="the-other").add_to_hass(hass)
    result = await address(hass, device.port)
    assert result["errors"] == {"base": "address_in_use"}
    assert result["description_placeholders"]["hub"] == "the-other"


async def test_two_dialogs_cannot_take_one_name(
    hass: HomeAssistant, device: Device
) -> None:
    """Whoever comes second is told."""
    async with Device() as other:
        first = await address(hass, device.port)
        second = await address(hass, other.port)
        await device.send(b'{"a":1}\n')
        await other.send(b'{"a":1}\n')
        first = await heard(hass, first)
        second = await hass.config_entries.flow.async_configure(second["flow_id"])
        first = await choose(hass, first, "create")
        assert first["type"] is FlowResultType.CREATE_ENTRY
        second = await choose(hass, second, "create")
        assert second["type"] is FlowResultType.ABORT
        assert second["reason"] == "already_configured"


async def test_closing_the_dialog_lets_go_of_the_device(
    hass: HomeAssistant, device: Device
) -> None:
    """A dialog that is closed while it listens leaves no connection and no task."""
    result = await address(hass, device.port)
    await device.connected()
    hass.config_entries.flow.async_abort(result["flow_id"])
    await hass.async_block_till_done()
    async with asyncio.timeout(5):
        assert await device.client_gone()


async def test_reconfiguring_moves_a_hub(hass: HomeAssistant, device: Device) -> None:
    """The new address is tried before it is taken."""
    async with Device() as other:
        entry = hub_entry(device.port)
        entry.add_to_hass(hass)
        hub_entry(4321, name="neighbour").add_to_hass(hass)
        result = await entry.start_reconfigure_flow(hass)
        assert result["step_id"] == "reconfigure_tcp"
        result = await submit(hass, result, host=HOST, port=1)
        assert result["errors"] == {"base": "link_refused"}
        result = await submit(hass, result, host=HOST, port=4321)
        assert result["errors"] == {"base": "address_in_use"}
        result = await submit(
            hass, result, host=HOST, port=other.port, advanced={"tls": False}
        )
        assert result["type"] is FlowResultType.ABORT
        assert result["reason"] == "reconfigure_successful"
        assert entry.data["port"] == other.port
        assert entry.data["connector_name"] == NAME
        await hass.async_block_till_done()


async def test_two_dialogs_cannot_take_one_address(
    hass: HomeAssistant, device: Device
) -> None:
    """An address that was free when the dialog began may be taken when it ends."""
    result = await address(hass, device.port)
    await device.send(b'{"a":1}\n')
    result = await heard(hass, result)
    hub_entry(device.port, name="faster").add_to_hass(hass)
    result = await choose(hass, result, "create")
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"


async def test_settings_that_make_nothing_of_the_data_say_so(
    hass: HomeAssistant, device: Device
) -> None:
    """A wrong framing shows that nothing was complete, and what was dropped."""
    result = await address(hass, device.port)
    await device.send(b'{"a":1}\n' * 5)
    result = await heard(hass, result)
    result = await choose(hass, result, "decode")
    result = await submit(
        hass, result, framing="length_prefix", format="json", lists="index"
    )
    result = await submit(
        hass, result, prefix_size="2", byte_order="big", encoding="utf-8"
    )
    assert result["step_id"] == "no_datapoints"
    assert result["description_placeholders"]["frames"] == "0"


async def test_reconfiguring_does_not_take_the_line_from_its_own_hub(
    hass: HomeAssistant, device: Device
) -> None:
    """An unchanged address is not tried: the hub may hold the only connection there is."""
    entry = hub_entry(device.port)
    entry.add_to_hass(hass)
    result = await entry.start_reconfigure_flow(hass)
    result = await submit(hass, result, host=f"[{HOST}]", port=device.port)
    assert result["reason"] == "reconfigure_successful"
    assert device.connections == 0
    await hass.async_block_till_done()


async def test_a_certificate_of_its_own_making_can_be_trusted(
    hass: HomeAssistant, tls_context: ssl.SSLContext
) -> None:
    """The certificate is checked unless the user says otherwise."""
    async with Device(tls=tls_context) as device:
        result = await address(
            hass, device.port, advanced={"tls": True, "verify_ssl": True}
        )
        assert result["errors"] == {"base": "link_certificate"}
        result = await submit(
            hass,
            result,
            connector_name=NAME,
            host=HOST,
            port=device.port,
            advanced={"tls": True, "verify_ssl": False},
        )
        await device.send(b'{"a":1}\n')
        result = await heard(hass, result)
        assert result["step_id"] == "preview"
