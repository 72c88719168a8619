"""What BEMCom's connectors do, recorded: the rows of the areas flatten, sensorflow, socket.

A row says in `policy` whether to do the same (`match`) or what is recommended (`improve`).
Rows are told apart by what they hold, not by their names, so that new ones are simply run.
"""

import ast
import asyncio
from collections.abc import Mapping
import logging
import time
from typing import Any, override

import pytest

from custom_components.bemcom_connectors.connector import base
from custom_components.bemcom_connectors.connector.backoff import Backoff
from custom_components.bemcom_connectors.connector.base import Connector
from custom_components.bemcom_connectors.connector.flatten import Lists, flatten
from custom_components.bemcom_connectors.connector.framing import create_framer
from custom_components.bemcom_connectors.connector.model import (
    JsonValue,
    Messages,
    ParseError,
    RawMessage,
)
from custom_components.bemcom_connectors.connector.parsing import create_parser
from custom_components.bemcom_connectors.connector.stream import (
    DEFAULT_RECEIVE_TIMEOUT,
    StreamConnector,
)
from custom_components.bemcom_connectors.connector.transport import (
    DEFAULT_READ_SIZE,
    Link,
    TcpTransport,
)
from tests.connector.recorder import Recorder
from tests.device import HOST, Device
from tests.vectors import Row, area, expectation

# No row is left out. What a row recommends in words that nothing here knows is not compared;
# that the connector goes on after it is shown for every row.
# The two rules of upstream that are options of ours, and the defaults here are others:
# lists are one value (`whole`), and PARSE_AS is YAML for exactly that word, otherwise JSON.


def _message(payload: Mapping[str, Any]) -> Any:
    """Return the parsed message of a row, written as JSON or as Python."""
    for name, value in payload.items():
        if name.endswith("python"):
            return ast.literal_eval(value)
    return payload["parsed_message"]


@area("flatten")
def test_flatten(row: Row) -> None:
    """Keys, values and their order are upstream's."""
    payload = row["input"].get("payload", row["input"])
    flat = flatten(_message(payload), Lists.WHOLE)
    wanted = expectation(row)
    if row["policy"] == "match":
        message = wanted["payload"]["flattened_message"]
        assert flat == message
        assert list(flat) == list(message)
    else:
        assert flat in [v for v in wanted.values() if isinstance(v, dict)] or all(
            not isinstance(v, dict) for v in wanted.values()
        )


class _Scripted(Connector):
    """A connector whose methods return what a row says, and tell that they were called."""

    def __init__(self, returns: Mapping[str, Any]) -> None:
        """Return what the row gives, or something sensible."""
        super().__init__("scripted", lists=Lists.WHOLE)
        self.returns = returns
        self.calls: list[str] = []
        self.raw: RawMessage | None = None

    @override
    async def receive_raw_msg(self) -> JsonValue:
        """Return the raw message once."""
        if "receive_raw_msg" in self.calls:
            await asyncio.Event().wait()
        self.calls.append("receive_raw_msg")
        default = {"payload": {"raw_message": '{"dp_1": 2.1, "dp_2": "ok"}'}}
        payload = self.returns.get("receive_raw_msg_returns", default)["payload"]
        message: JsonValue = payload and payload["raw_message"]
        return message

    @override
    def parse_raw_msg(self, raw_msg: RawMessage) -> JsonValue | Messages:
        """Return the parsed message."""
        self.calls.append("parse_raw_msg")
        self.raw = raw_msg
        default = {"payload": {"parsed_message": {"dp_1": 2.1, "dp_2": "ok"}}}
        payload = self.returns.get("parse_raw_msg_returns", default)["payload"]
        message: JsonValue = payload and payload["parsed_message"]
        return message


@area("sensorflow")
async def test_sensor_flow(row: Row) -> None:
    """A message goes from step to step, stops where there is nothing, and has its time."""
    connector = _Scripted(row["input"])
    heard = Recorder()
    connector.add_listener(heard)
    before = round(time.time() * 1000)
    await connector.start()
    async with asyncio.timeout(5):
        while not connector.calls:
            await asyncio.sleep(0)
    await asyncio.sleep(0)
    await connector.stop()
    # Upstream's steps by what shows here that they were taken.
    taken = {
        "receive": "receive_raw_msg" in connector.calls,
        "parse": "parse_raw_msg" in connector.calls,
        "flatten": bool(heard.readings),
        "available": bool(heard.added),
        "publish": bool(heard.readings),
    }
    for name, wanted in expectation(row).items():
        if name == "publish_count":
            assert sum(len(values) for values in heard.values) == wanted
        elif name == "timestamp":
            assert connector.raw is not None
            assert isinstance(connector.raw.timestamp, int)
            assert before <= connector.raw.timestamp <= before + 10_000
            assert heard.readings[0].timestamp == connector.raw.timestamp
        elif "available_datapoints" in name and isinstance(wanted, dict):
            assert heard.added == [wanted.get("sensor", wanted)]
        elif name.endswith("_called"):
            step = next(step for step in taken if step in name)
            assert taken[step] == wanted
        else:  # in words that only a person can compare: the flow has run at least
            assert taken["receive"]


def _format(row: Row) -> str:
    """Return the format that PARSE_AS stands for."""
    return "yaml" if row["input"].get("PARSE_AS") == "YAML" else "json"


async def _check_settings(row: Row) -> None:
    """Compare what an environment variable means with what our option means."""
    wanted = expectation(row)
    if "RECV_BUFSIZE" in row["input"]:
        value = row["input"]["RECV_BUFSIZE"]
        link = Link(int(value) if value else DEFAULT_READ_SIZE)
        link.data_received(b"x" * 100_000)
        assert len(await link.read()) == wanted["recv_bufsize"]
        return
    value = row["input"]["RECV_TIMEOUT"]
    connector = StreamConnector(
        "test",
        TcpTransport(HOST, 0),
        create_framer("auto"),
        create_parser("json"),
        receive_timeout=float(value) if value else DEFAULT_RECEIVE_TIMEOUT,
    )
    if "settimeout" in wanted and wanted["settimeout"] != 0:
        assert connector.receive_timeout == wanted["settimeout"]
    else:  # 0 is non-blocking upstream, which ends at once; ours waits for ever
        assert connector.receive_timeout is None


def _check_parser(row: Row) -> None:
    """Compare the parsed message."""
    payload = row["input"]["payload"]
    raw = ast.literal_eval(payload["raw_message"])
    parse = create_parser(_format(row))
    wanted = expectation(row)
    if "payload" in wanted:
        assert parse(raw) == wanted["payload"]["parsed_message"]
    else:
        with pytest.raises(ParseError):
            parse(raw)


def _closers(text: str) -> bytes:
    """Return what a fragment of JSON needs to be whole."""
    opened = [char for char in text if char in "{["]
    closed = sum(char in "}]" for char in text)
    return "".join(
        "}" if char == "{" else "]" for char in reversed(opened[: len(opened) - closed])
    ).encode()


async def _check_stream(row: Row, caplog: pytest.LogCaptureFixture) -> None:
    """Send the bytes of a row over a socket; look at what comes out, and goes on."""
    text = row["input"].get("bytes_latin1", row["input"].get("server_sends", ""))
    is_json = _format(row) == "json"
    async with Device() as device:
        connector = StreamConnector(
            "test",
            TcpTransport(HOST, device.port),
            create_framer("auto" if is_json else "idle", {"pause": 20}),
            create_parser(_format(row)),
            lists=Lists.WHOLE,
            receive_timeout=float(row["input"].get("RECV_TIMEOUT", 60)),
        )
        connector.backoff = Backoff(0.001, 0.01)
        heard = Recorder()
        connector.add_listener(heard)
        await connector.start()
        wanted = expectation(row)
        await device.send(text.encode("latin-1"))
        if row["input"].get("then") == "closes":
            device.close()
        if "reconnect" in wanted:
            async with asyncio.timeout(10):
                while device.connections < 2:
                    await asyncio.sleep(0.001)
        if "buffer_until_complete" in wanted:
            await device.send(_closers(text))
            await heard.until(lambda: heard.readings)
        if not is_json:
            await heard.until(lambda: heard.raw)
        # Whatever came, a good message after it is understood.
        await device.send(b'\n{"probe":1}\n' if is_json else b"probe: 1\n")
        await heard.until(lambda: {"probe": 1} in heard.values)
        await connector.stop()
    _compare(heard, wanted, row, caplog)


def _compare(
    heard: Recorder, wanted: dict[str, Any], row: Row, caplog: pytest.LogCaptureFixture
) -> None:
    """Compare what came out with what the row wants."""
    values = [dict(v) for v in heard.values if v != {"probe": 1}]
    union: dict[str, Any] = {}
    for message in values:
        union |= message
    if "messages" in wanted:
        assert values == wanted["messages"]
    if "sensor" in wanted:
        assert union == wanted["sensor"]
    if "datapoints" in wanted:
        assert union in (wanted["datapoints"], wanted.get("or"))
    if "log_level" in wanted:
        assert any(record.levelno >= logging.WARNING for record in caplog.records)
    if "server_sends" in row["input"]:
        assert heard.raw[0].payload == row["input"]["server_sends"].encode()


@area("socket")
@pytest.mark.usefixtures("loopback")
async def test_socket(
    row: Row, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The socket connector's parser, settings and behaviour on a real socket."""
    monkeypatch.setattr(base, "SETTLE_TIME", 0.01)
    if "payload" in row["input"]:
        _check_parser(row)
    elif any(key in row["input"] for key in ("bytes_latin1", "server_sends", "server")):
        await _check_stream(row, caplog)
    else:
        await _check_settings(row)
