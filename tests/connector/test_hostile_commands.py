"""Commands that are meant ill, or come at the worst moment: each caller hears of it at once."""

import asyncio
import threading
from typing import Any, override

import pytest

from custom_components.bemcom_connectors.connector.commands import create_command
from custom_components.bemcom_connectors.connector.exchange import MAX_WAITING, Exchange
from custom_components.bemcom_connectors.connector.framing import (
    LineFramer,
    create_framer,
)
from custom_components.bemcom_connectors.connector.model import (
    Command,
    CommandError,
    CommandReason,
    JsonValue,
    LinkError,
    LinkReason,
)
from custom_components.bemcom_connectors.connector.replies import create_reply_rule
from custom_components.bemcom_connectors.connector.reply_framer import ReplyFramer
from custom_components.bemcom_connectors.connector.stream import StreamConnector
from custom_components.bemcom_connectors.connector.transport import MAX_UNSENT
from tests.connector.recorder import started
from tests.connector.test_commands_stream import connector_on
from tests.connector.wire import Wires, run


def nested(depth: int) -> JsonValue:
    """Return lists in one another, deeper than Python writes."""
    value: JsonValue = []
    for _ in range(depth):
        value = [value]
    return value


UNWRITABLE: list[JsonValue] = [10**5000, [10**5000]]
KINDS: dict[str, dict[str, Any]] = {
    "number": {},
    "switch": {},
    "select": {"choices": [{"option": "a"}]},
    "text": {},
}


async def refused(
    connector: StreamConnector, command: Command, expires_after: float | None = None
) -> CommandReason:
    """Return why a command was not carried out."""
    with pytest.raises(CommandError) as caught:
        await connector.run_actuator_flow(command, expires_after=expires_after)
    return caught.value.reason


@pytest.mark.parametrize("kind", KINDS)
async def test_values_that_python_itself_cannot_write(kind: str) -> None:
    """They are refused like any other, and show nothing."""
    wires = Wires()
    connector = connector_on(wires)
    connector.set_commands(
        {"set": create_command({"key": "set", "kind": kind, **KINDS[kind]})}
    )
    async with started(connector):
        for value in UNWRITABLE:
            command = Command("set", value, 0)
            reason = await refused(connector, command)
            assert reason is CommandReason.INVALID_VALUE
            assert connector.actuator_state("set", value) is None
            assert connector.reply_state("set", value) is None
    assert not wires.last.written
    assert connector.statistics.command_errors == len(UNWRITABLE)


def test_a_value_nested_too_deeply() -> None:
    """It is no text; what it is cannot even be shown."""
    text = create_command({"key": "set", "kind": "text"})
    with pytest.raises(CommandError, match="The value is no text"):
        text.actuator.accept(nested(100_000))


async def test_more_than_is_sent_at_once_is_not_begun() -> None:
    """As a text, and as a message."""
    wires = Wires()
    async with started(connector_on(wires)) as (connector, _):
        await connector.send_raw(bytes(MAX_UNSENT))
        with pytest.raises(CommandError, match="at most 65,536") as caught:
            await connector.send_raw(bytes(MAX_UNSENT + 1))
        assert caught.value.reason is CommandReason.INVALID_VALUE
    assert wires.last.written == [bytes(MAX_UNSENT)]


# The hub is closed


def test_who_waits_for_a_link_hears_of_the_end() -> None:
    """Not only when their time is over; a hub that starts again may be waited for."""

    async def story() -> None:
        wires = Wires()
        connector = connector_on(wires)
        command = Command("set", 1, 0)
        loop = asyncio.get_running_loop()
        async with started(connector):
            wires.last.abort()
            wires.open = refuse  # type: ignore[method-assign]
            await asyncio.sleep(1)
            waiting = [
                asyncio.create_task(refused(connector, command, 3600)) for _ in range(3)
            ]
            await asyncio.sleep(0)
        stopped = loop.time()
        reasons = await asyncio.gather(*waiting, refused(connector, command, 3600))
        assert reasons == [CommandReason.NOT_CONNECTED] * 4
        assert loop.time() == stopped
        del wires.open
        async with started(connector):
            await connector.run_actuator_flow(command, expires_after=1)
        assert wires.last.written == [b"set 1\n"]

    async def refuse() -> Any:
        raise LinkError(LinkReason.REFUSED, "No")

    run(story())


def test_a_link_that_is_gone_again_is_waited_for_again() -> None:
    """It was there, but not long enough."""

    async def story() -> None:
        wires = Wires()
        connector = connector_on(wires)
        opens = wires.open
        doomed = 2

        async def open_() -> Any:
            nonlocal doomed
            link = await opens()
            if doomed:
                doomed -= 1
                link.fail(LinkError(LinkReason.RESET, "Gone"))
            return link

        async with started(connector):
            wires.open = open_  # type: ignore[method-assign]
            wires.last.abort()
            await asyncio.sleep(0)
            while connector.error is None:
                await asyncio.sleep(0)
            await connector.run_actuator_flow(Command("set", 1, 0), expires_after=60)
        assert wires.last.written == [b"set 1\n"]

    run(story())


def test_a_request_is_not_written_after_the_end() -> None:
    """Its caller would wait for a reply that nobody reads."""

    async def story() -> None:
        wires = Wires()
        link = await wires.open()
        exchange = Exchange(link, create_framer("line"), lambda _: None)
        rule = create_reply_rule({"reply_framing": "hub", "reply_timeout": 100})
        assert rule is not None
        asking = asyncio.create_task(exchange.ask(b"?", rule.expect({})))
        await asyncio.sleep(0)
        exchange.close()
        with pytest.raises(CommandError) as caught:
            await asking
        assert caught.value.reason is CommandReason.NOT_CONNECTED
        assert not wires.last.written
        assert asyncio.get_running_loop().time() == 0

    run(story())


# Encoders that take their time


class Slow:
    """A converter that is told when it may go on."""

    def __init__(self) -> None:
        """Wait."""
        self.go_on = threading.Event()
        self.at_once = 0
        self.most = 0

    def encode(self, key: str, value: JsonValue) -> bytes:
        """Return the value as a line."""
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        self.go_on.wait(10)
        self.at_once -= 1
        return f"{value}\n".encode()


def slow_connector(wires: Wires, slow: Slow) -> StreamConnector:
    """Return a connector whose commands a converter writes."""
    connector = connector_on(wires)
    options = {"key": "slow", "kind": "text", "encoding": "converter", "converter": "x"}
    connector.set_commands({"slow": create_command(options, lambda _: slow.encode)})
    return connector


async def test_what_was_written_for_one_link_is_not_sent_over_the_next() -> None:
    """However long the encoder took."""
    wires, slow = Wires(), Slow()
    async with started(slow_connector(wires, slow)) as (connector, _):
        sending = asyncio.create_task(refused(connector, Command("slow", "a", 0)))
        async with asyncio.timeout(5):
            while not slow.at_once:
                await asyncio.sleep(0.001)
            wires.last.abort()
            while connector.statistics.connections < 2:
                await asyncio.sleep(0.001)
        slow.go_on.set()
        assert await sending is CommandReason.NOT_CONNECTED
        assert [wire.written for wire in wires.wires] == [[], []]


async def test_slow_encoders_take_one_thread_and_keep_their_order() -> None:
    """The threads are those of all of the program; and so many wait, not more."""
    wires, slow = Wires(), Slow()
    async with started(slow_connector(wires, slow)) as (connector, _):
        sending = [
            asyncio.create_task(
                connector.run_actuator_flow(Command("slow", str(number), 0))
            )
            for number in range(MAX_WAITING)
        ]
        await asyncio.sleep(0)
        reason = await refused(connector, Command("slow", "more", 0))
        assert reason is CommandReason.BUSY
        slow.go_on.set()
        await asyncio.gather(*sending)
    assert slow.most == 1
    assert wires.last.written == [b"%d\n" % number for number in range(MAX_WAITING)]


# Much at once


class Counting(LineFramer):
    """A framer that counts what it has to look at."""

    looked_at = 0

    @override
    def feed(self, data: bytes) -> list[bytes]:
        """Count, and feed."""
        Counting.looked_at += len(data)
        return super().feed(data)


def test_small_frames_cost_little_each() -> None:
    """To find the end of one not all those after it are looked at."""
    rule = create_reply_rule({"reply_framing": "json", "reply_prefix": "never"})
    assert rule is not None
    framer = ReplyFramer(Counting(), rule.expect({}), 0, lambda _: None)
    Counting.looked_at = 0
    assert framer.feed(b"1\n" * 2048) == [b"1"] * 2048
    assert Counting.looked_at < 32 * 2048
