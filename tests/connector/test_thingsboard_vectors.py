"""What ThingsBoard's connectors did with bytes, or were meant to, against what we do."""

from collections.abc import Callable
import json
from typing import Any

import pytest

from custom_components.bemcom_connectors.connector.commands import (
    StreamCommand,
    create_command,
)
from custom_components.bemcom_connectors.connector.devices import Device
from custom_components.bemcom_connectors.connector.model import (
    CommandError,
    JsonValue,
    ParseError,
    PartialMessage,
)
from custom_components.bemcom_connectors.connector.parsing import create_parser
from custom_components.bemcom_connectors.connector.replies import Expectation
from custom_components.bemcom_connectors.connector.thingsboard import read_thingsboard
from custom_components.bemcom_connectors.connector.thingsboard_commands import (
    read_thingsboard_commands,
)
from tests.vectors import Row, area

FILE = "thingsboard.json"


def _config(row: Row) -> dict[str, Any]:
    return dict(row.get("config", {}))


def _is_swapped(row: Row) -> bool:
    """Tell whether upstream swapped the ends of a slice, and nobody said what is meant."""
    point = row.get("response_config", {})
    length = len(bytes.fromhex(row.get("input_hex", "")))
    ends = 0 < point.get("fromByte", 0) < point.get("toByte", 0) < length
    return ends and "intended" not in row


def _is_no_byte(row: Row) -> bool:
    """Tell whether upstream sent nothing for a zero; another row says it is a byte."""
    return row.get("params") == 0 and row["upstream_actual"] == {"bytes_hex": ""}


# Which rows are not run here, told by what they hold, and why.
LEFT_OUT: dict[Callable[[Row], bool], str] = {
    _is_swapped: "the same slice is half-open by the intention of other rows",
    _is_no_byte: "the intention of another row is one zero byte",
    lambda row: (
        row["area"] == "socket"
        and "method" in str(row.get("platform_message", {}).get("data"))
    ): "the transport of the gateway's remote calls, or a fault of its default",
    lambda row: "bufferSize" in _config(row): "the transport's size of a read",
    lambda row: "addressFilter" in _config(row): "a filter of a listening server",
    lambda row: "attributeRequests" in _config(row): "requests of a device",
}


def _oracle(row: Row) -> dict[str, Any]:
    """Return what a row asks for; leave the row out if it is not for here."""
    for is_left_out, reason in LEFT_OUT.items():
        if is_left_out(row):
            pytest.skip(reason)
    expected: dict[str, Any] = row.get("intended") or row["upstream_actual"]
    return expected


def _read(device: dict[str, Any], frame: str, **settings: str) -> tuple[Any, int]:
    """Return what a device's frame is read as, and how many of its fields were not."""
    options = {**read_thingsboard(json.dumps(device)), **settings}
    parse = create_parser(options["format"], options)
    try:
        message = parse(bytes.fromhex(frame))
    except ParseError:
        return {}, len(options["slices"])
    errors = len(message.errors) if isinstance(message, PartialMessage) else 0
    return {} if message is None else message, errors


def _values(expected: Any) -> dict[str, JsonValue]:
    """Return datapoints of either generation: an object, or a list of such."""
    parts = expected if isinstance(expected, list) else [expected or {}]
    values = {key: value for part in parts for key, value in part.items()}
    return {
        # JSON has no NaN, so that it means nothing.
        key: None if value == "NaN (float)" else value
        for key, value in values.items()
    }


def _check_uplink(row: Row, expected: dict[str, Any], **settings: str) -> None:
    read, errors = _read(row["config"], row["input_hex"], **settings)
    if "error" in expected:
        assert (read, errors) == ({}, 1)
        return
    datapoints = _values(expected.get("telemetry")) | _values(
        expected.get("attributes")
    )
    assert read == datapoints
    assert {key: type(value) for key, value in read.items()} == {
        key: type(value) for key, value in datapoints.items()
    }
    assert errors == expected.get("datapoint_errors", 0)


def _commands(device: dict[str, Any]) -> list[StreamCommand]:
    """Return the commands of a device's configuration, as if it were pasted."""
    return [
        create_command(options)
        for options in read_thingsboard_commands(json.dumps(device))
    ]


def _sent(row: Row) -> bytes:
    """Return what a change of attributes sends."""
    config, message = row["config"], row["platform_message"]
    given = {"encoding": config.get("device_encoding"), **config}
    if row["area"] == "socket":
        given["address"] = "*"
    device = Device("", config.get("type", "default"), message["device"])
    return b"".join(
        command.encode(message["data"][command.actuator.key], device)
        for command in _commands(given)
        if command.actuator.key in message["data"]
    )


def _call(row: Row) -> StreamCommand:
    """Return the remote call of a row."""
    call = {"method": "call", **row.get("rpc_config", {})}
    if response := row.get("response_config"):
        call["withResponse"] = True
        for theirs in ("type", "fromByte", "toByte"):
            if theirs in response:
                call[f"response{theirs[0].upper()}{theirs[1:]}"] = response[theirs]
    device = {**row.get("device_config", {}), "serverSideRpc": [call]}
    return _commands(device)[0]


def _send(command: StreamCommand, params: JsonValue) -> bytes:
    return command.encode(command.actuator.accept(params), Device(""))


def _reply(command: StreamCommand, params: JsonValue = None) -> Expectation:
    assert command.reply is not None
    return command.reply.expect(command.variables(params, Device("")))


def _check_call(row: Row, expected: dict[str, Any]) -> None:
    """Check what a call sends, and what it makes of the reply."""
    command = _call(row)
    params = row["platform_message"]["data"]["params"]
    sent = _send(command, params)
    if "bytes_hex" in expected:
        assert sent.hex() == expected["bytes_hex"]
    reply = _reply(command, params)
    if replies := row.get("device_replies"):
        assert reply.create_framer is not None
        frames = reply.create_framer().feed(replies.encode())
        result = {"result": reply.decode(frames[0])}
        assert result == expected["reply_content"]
    elif "seconds" in expected:
        assert reply.timeout == expected["seconds"]
    assert {"bytes_hex", "reply_content", "seconds"} & set(expected)


def _check_sent(sent: bytes, expected: dict[str, Any]) -> None:
    if "bytes_hex" in expected:
        assert sent.hex() == expected["bytes_hex"]
    if "text" in expected:
        assert sent.decode() == expected["text"]
    assert {"bytes_hex", "text"} & set(expected)


@area("serial", FILE)
def test_serial(row: Row) -> None:
    expected = _oracle(row)
    if "response_config" in row:
        frame = bytes.fromhex(row["input_hex"])
        assert {"result": _reply(_call(row)).decode(frame)} == expected
    elif "params" in row and "error" in expected:
        with pytest.raises(CommandError):
            _send(_call(row), row["params"])
    elif "params" in row:
        _check_sent(_send(_call(row), row["params"]), expected)
    elif "rpc_config" in row:
        _check_call(row, expected)
    elif "platform_message" in row:
        _check_sent(_sent(row), expected)
    else:
        _check_uplink(row, expected)


@area("serial-legacy", FILE)
def test_serial_legacy(row: Row) -> None:
    """These rows do not name the converter that would tell their generation."""
    _check_uplink(row, _oracle(row), slice_mode="legacy")


@area("socket", FILE)
def test_socket(row: Row) -> None:
    expected = _oracle(row)
    if "platform_message" in row:
        _check_sent(_sent(row), expected)
    else:
        _check_uplink({**row, "config": {"address": "*", **row["config"]}}, expected)
