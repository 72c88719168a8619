"""SEPL's messages and devices on the wire of 2017, as they were recorded."""

import json
from typing import Any

import pytest

from custom_components.bemcom_connectors.connector.devices import Device
from custom_components.bemcom_connectors.connector.messages import (
    Message,
    is_message,
    pack_device,
    unpack_device,
)
from tests.vectors import row_of

FILE = "sepl.json"


@pytest.mark.parametrize(
    "id", ["sepl2017-receive-command", "sepl2017-unpack-missing-time"]
)
def test_unpack(id: str) -> None:
    row = row_of(id, FILE)
    frame = row["input_ws_text_frame"]
    expected = {key: it for key, it in row["expected"].items() if key != "note"}
    for given in (frame, frame.encode(), json.loads(frame)):
        fields = Message.unpack(given).fields
        assert fields == {
            "endpoint": "",
            "payload_header": "",
            **expected,
        }


def test_pack() -> None:
    """What was received can be sent back as it came, with what the platform added."""
    row = row_of("sepl2017-receive-command", FILE)
    packed: dict[str, Any] = json.loads(row["input_ws_text_frame"])
    assert is_message(packed)
    assert Message.unpack(packed).pack() == packed


def test_timestamp_is_written_once() -> None:
    kind, _, text = row_of("sepl2017-timestamp-write-once", FILE)[
        "expected_error"
    ].partition(": ")
    assert kind == "TypeError"
    message = Message("d")
    message.timestamp = 5
    with pytest.raises(TypeError, match=f"^{text}$"):
        message.timestamp = 6
    assert message.timestamp == 5


def test_register() -> None:
    row = row_of("sepl2017-register", FILE)
    assert row["api"] == "Connector.register(Device('id1','type1','name1'))"
    device = Device("id1", "type1", "name1")
    (packed,) = row["expected_http"]["json"]["devices"]
    assert pack_device(device) == packed
    assert unpack_device(packed) == device
