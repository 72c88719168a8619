"""Remote calls of ThingsBoard's serial connector that wait for a reply, over a real port."""

import asyncio
from pathlib import Path

import pytest

from custom_components.bemcom_connectors.connector.encoding import encode_typed
from custom_components.bemcom_connectors.connector.framing import create_framer
from custom_components.bemcom_connectors.connector.model import (
    CommandError,
    CommandReason,
)
from custom_components.bemcom_connectors.connector.parsing import create_parser
from custom_components.bemcom_connectors.connector.replies import create_reply_rule
from custom_components.bemcom_connectors.connector.serial_transport import (
    SerialTransport,
)
from custom_components.bemcom_connectors.connector.stream import StreamConnector
from tests.connector.recorder import started
from tests.serial_device import SerialDevice
from tests.vectors import Row, area

pytestmark = pytest.mark.usefixtures("loopback")


@area("serial", "thingsboard.json")
async def test_remote_call(row: Row, tmp_path: Path) -> None:
    """What is sent, what comes back as soon as it came, and what does not come."""
    if "rpc_config" not in row or "platform_message" not in row:
        pytest.skip("no call over a whole link")
    config, call = row["rpc_config"], row["platform_message"]["data"]
    expected = row.get("intended") or row["upstream_actual"]
    async with SerialDevice(tmp_path) as port:
        connector = StreamConnector(
            "test",
            SerialTransport(port.path),
            create_framer("delimiter", {"delimiter": "\\n"}),
            create_parser("text"),
        )
        rule = create_reply_rule(
            {
                "reply_framing": "delimiter",
                "reply_delimiter": config["responseUntilDelimiter"].replace(
                    "\r", "\\r"
                ),
                "reply_type": config["responseType"],
                "reply_timeout": config["responseTimeoutSec"],
            }
        )
        assert rule is not None
        expectation = rule.expect({})
        data = encode_typed(call["params"], config["type"])
        async with started(connector) as (_, heard):
            loop = asyncio.get_running_loop()
            began = loop.time()
            asking = asyncio.create_task(connector.send_raw(data, expectation))
            sent = await port.received(1)
            if "bytes_hex" in expected:
                assert sent.hex() == expected["bytes_hex"]
            if replies := row.get("device_replies", "OK\r"):
                await port.send(replies.encode())
                reply = await asking
                assert reply is not None
                wanted = expected.get("reply_content", {"result": "OK"})
                assert {"result": expectation.decode(reply)} == wanted
                assert loop.time() - began < config["responseTimeoutSec"]
            else:
                with pytest.raises(CommandError) as caught:
                    await asking
                assert caught.value.reason is CommandReason.NO_REPLY
                assert expected["reply_content"]["success"] is False
                assert loop.time() - began >= expected["seconds"]
            assert not heard.readings
