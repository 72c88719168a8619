"""Commands over real links: what is written, what comes back, and what goes on meanwhile."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from custom_components.bemcom_connectors.connector.commands import (
    StreamCommand,
    create_command,
)
from custom_components.bemcom_connectors.connector.framing import create_framer
from custom_components.bemcom_connectors.connector.model import (
    Command,
    CommandError,
    CommandReason,
    JsonValue,
    ParseError,
)
from custom_components.bemcom_connectors.connector.parsing import create_parser
from custom_components.bemcom_connectors.connector.replies import create_reply_rule
from custom_components.bemcom_connectors.connector.serial_transport import (
    SerialTransport,
)
from custom_components.bemcom_connectors.connector.stream import StreamConnector
from tests.connector.recorder import started
from tests.connector.wire import Wires
from tests.device import HOST
from tests.serial_device import SerialDevice

pytestmark = pytest.mark.usefixtures("loopback")

SET = {"key": "set", "kind": "number", "template": "set ${value}\\n"}
ASK = {**SET, "key": "ask", "reply_framing": "hub", "reply_prefix": "OK"}


def commands_of(*options: Mapping[str, Any]) -> dict[str, StreamCommand]:
    """Return commands by their keys."""
    made = [create_command(it) for it in options]
    return {it.actuator.key: it for it in made}


def connector_on(transport: Any, parser: Any = None) -> StreamConnector:
    """Return a connector for lines, with something to set."""
    connector = StreamConnector(
        "test",
        transport,
        create_framer("line"),
        parser or create_parser("text"),
    )
    connector.set_commands(commands_of(SET, ASK))
    return connector


async def set_to(connector: StreamConnector, key: str, value: JsonValue) -> JsonValue:
    """Carry out a command."""
    return await connector.run_actuator_flow(Command(key, value, 0))


async def test_over_a_serial_port(tmp_path: Path) -> None:
    """Readings go on around a request, and the reply is decoded."""
    async with SerialDevice(tmp_path) as port:
        connector = connector_on(SerialTransport(port.path))
        async with started(connector) as (_, heard):
            assert await set_to(connector, "set", 0) is None
            assert await port.received(6) == b"set 0\n"
            asking = asyncio.create_task(set_to(connector, "ask", -2.5))
            assert await port.received(9) == b"set -2.5\n"
            await port.send(b"422498\n", b"OK -2", b".5\n", b"422499\n")
            assert await asking == "OK -2.5"
            await heard.until(lambda: len(heard.readings) == 2)
            assert heard.values == [{"value": "422498"}, {"value": "422499"}]
            assert connector.statistics.commands == 2


async def test_over_tcp_each_caller_gets_the_reply_that_is_theirs() -> None:
    """A device that answers in turn, with a reading before each reply."""

    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        async for line in reader:
            number = line.split()[1]
            writer.write(b"reading %s\nOK %s\n" % (number, number))
        writer.close()

    server = await asyncio.start_server(answer, HOST, 0)
    port = server.sockets[0].getsockname()[1]
    connector = connector_on(SerialTransport(f"socket://{HOST}:{port}"))
    async with server, started(connector) as (_, heard):
        replies = await asyncio.gather(
            *(set_to(connector, "ask", number) for number in range(50))
        )
        assert replies == [f"OK {number}" for number in range(50)]
        await heard.until(lambda: len(heard.readings) == 50)
        said = [values["value"] for values in heard.values]
        assert said == [f"reading {number}" for number in range(50)]


async def test_a_slow_encoder_holds_nothing_up() -> None:
    """The user's own code writes in a thread."""
    wires = Wires()
    connector = connector_on(wires)
    slow = {"key": "slow", "kind": "text", "encoding": "converter", "converter": "x"}
    threads: set[bool] = set()

    def encode(key: str, value: JsonValue) -> bytes:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            threads.add(True)
        return f"{key}={value}".encode()

    command = create_command(slow, lambda _: encode)
    connector.set_commands({"slow": command})
    async with started(connector):
        await set_to(connector, "slow", "a")
    assert wires.last.written == [b"slow=a"]
    assert threads == {True}


async def test_a_pattern_has_the_value_of_its_request() -> None:
    """The reply to another value is none."""
    wires = Wires()
    wires.on_write = lambda _: wires.last.send(b"OK 1\nOK 2\n")
    connector = connector_on(wires)
    command = create_command(SET)
    rule = create_reply_rule(
        {"reply_framing": "hub", "reply_pattern": "^OK ${value}$"}, ["value"]
    )
    connector.set_commands(
        {
            "set": StreamCommand(
                actuator=command.actuator, encode=command.encode, reply=rule
            )
        }
    )
    async with started(connector) as (_, heard):
        assert await set_to(connector, "set", 2) == "OK 2"
        await heard.until(lambda: heard.readings)
        assert heard.values == [{"value": "OK 1"}]


async def test_what_can_be_set_may_change_while_the_link_is_open() -> None:
    wires = Wires()
    connector = connector_on(wires)
    async with started(connector):
        connector.set_commands({})
        assert connector.actuators == {}
        with pytest.raises(CommandError) as caught:
            await connector.send_command("set", 1, 0)
        assert caught.value.reason is CommandReason.UNKNOWN_KEY
        connector.set_commands(commands_of(SET))
        await set_to(connector, "set", 1)
        assert wires.last.written == [b"set 1\n"]
        assert connector.actuator_state("set", "2") == 2
        assert connector.actuator_state("gone", 1) is None


class Aside:
    """A parser that takes its time."""

    def parse(self, frame: bytes) -> str:
        """Return the text, if it is one."""
        if frame == b"bad":
            raise ParseError("bad")
        return frame.decode()

    def close(self) -> None:
        """Hold nothing."""


@pytest.mark.parametrize("slow", [False, True])
async def test_a_frame_can_be_parsed_without_becoming_a_reading(slow: bool) -> None:
    def parse(frame: bytes) -> str:
        return Aside().parse(frame)

    connector = connector_on(Wires(), Aside() if slow else parse)
    async with started(connector) as (_, heard):
        assert await connector.parse_frame(b"good") == "good"
        assert await connector.parse_frame(b"bad") is None
        assert await connector.parse_frame(b"\xff") is None
        assert not heard.raw
