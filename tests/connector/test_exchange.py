"""Requests and replies over one link, with a device that makes it hard."""

import asyncio
from collections.abc import Awaitable, Mapping
import time
from typing import Any, NamedTuple

from hypothesis import example, given, settings, strategies as st
import pytest

from custom_components.bemcom_connectors.connector.exchange import MAX_WAITING
from custom_components.bemcom_connectors.connector.framing import create_framer
from custom_components.bemcom_connectors.connector.model import (
    CommandError,
    CommandReason,
)
from custom_components.bemcom_connectors.connector.parsing import create_parser
from custom_components.bemcom_connectors.connector.replies import (
    Expectation,
    create_reply_rule,
)
from custom_components.bemcom_connectors.connector.requests import Request
from custom_components.bemcom_connectors.connector.stream import StreamConnector
from tests.connector.recorder import Recorder, started
from tests.connector.wire import Wires, run

TIMEOUT = 1.0


class Manner(NamedTuple):
    """How a hub and a device speak: what a reading and a reply look like on the wire."""

    hub: str
    hub_options: Mapping[str, Any]
    reply: Mapping[str, Any]
    reading: str = "{}\n"
    answer: str = "OK{}\n"
    # A late reply is known for one; otherwise it becomes a reading.
    drops_late: bool = True
    # A reading is known for one while a reply is waited for.
    tells_apart: bool = True
    # So long the device is silent after each message.
    rest: float = 0.0


MANNERS = {
    "pattern": Manner(
        "line", {}, {"reply_framing": "hub", "reply_pattern": "^OK[0-9]+$"}
    ),
    "prefix": Manner("auto", {}, {"reply_framing": "hub", "reply_prefix": "OK"}),
    "windows_lines": Manner(
        "line",
        {},
        {"reply_framing": "hub", "reply_prefix": "OK"},
        reading="{}\r\n",
        answer="OK{}\r\n",
    ),
    "carriage_return": Manner(
        "delimiter",
        {"delimiter": "\\n"},
        {"reply_framing": "delimiter", "reply_delimiter": "\\r"},
        answer="OK{}\r",
    ),
    "carriage_return_among_lines": Manner(
        "line",
        {},
        {"reply_framing": "delimiter", "reply_delimiter": "\\r"},
        answer="OK{}\r",
        drops_late=False,
    ),
    "marked_carriage_return": Manner(
        "auto",
        {},
        {
            "reply_framing": "delimiter",
            "reply_delimiter": "\\r",
            "reply_prefix": "OK",
        },
        reading='{{"n":{}}}\n',
        answer="OK{}\r",
    ),
    "json_among_lines": Manner(
        "line",
        {},
        {"reply_framing": "json", "reply_pattern": "OK"},
        answer='{{"OK":{}}}',
    ),
    "length": Manner(
        "delimiter",
        {"delimiter": ";"},
        {
            "reply_framing": "length_prefix",
            "reply_prefix_size": 1,
            "reply_prefix": "OK",
        },
        reading="{:03};",
        answer="\5OK{:03}",
    ),
    "pauses": Manner(
        "idle",
        {"pause": 20},
        {"reply_framing": "hub", "reply_prefix": "OK"},
        reading="{}",
        answer="OK{}",
        rest=0.03,
    ),
    "pause_after_the_reply": Manner(
        "line",
        {},
        {"reply_framing": "idle", "reply_pause": 20, "reply_prefix": "OK"},
        answer="OK{}",
        rest=0.03,
    ),
    "first_line": Manner(
        "line", {}, {"reply_framing": "hub"}, drops_late=False, tells_apart=False
    ),
    "first_line_end": Manner(
        "auto",
        {},
        {"reply_framing": "delimiter", "reply_delimiter": "\\r\\n"},
        reading="{}\r\n",
        answer="OK{}\r\n",
        drops_late=False,
        tells_apart=False,
    ),
    "alike": Manner(
        "delimiter",
        {"delimiter": ";"},
        {"reply_framing": "delimiter", "reply_delimiter": ";"},
        reading="{};",
        answer="OK{};",
        drops_late=False,
        tells_apart=False,
    ),
}


class Ask(NamedTuple):
    """Somebody asks: when, when the reply comes, and when the caller loses patience."""

    at: float
    delay: float | None
    cancelled: float | None
    cuts: list[int]


class Say(NamedTuple):
    """The device says something by itself."""

    at: float
    cuts: list[int]


TIMES = st.sampled_from([0.0, 0.01, 0.1, 0.3, 0.9, 1.0, 1.3, 2.0, 2.5, 3.0])
CUTS = st.lists(st.integers(1, 12), max_size=3)
ASKS = st.builds(
    Ask,
    TIMES,
    st.sampled_from([0.0, 0.0, 0.05, 0.3, 1.2, 1.4, None]),
    st.sampled_from([None, None, None, 0.02, 0.2]),
    CUTS,
)
SAYS = st.builds(Say, TIMES, CUTS)


class HardDevice:
    """A device that answers late, in pieces or not at all, and speaks in between."""

    def __init__(self, manner: Manner, wires: Wires, asks: list[Ask]) -> None:
        """Answer as `asks` say."""
        self.manner = manner
        self.wires = wires
        self.asks = asks
        self.said: list[str] = []
        self.asked: list[int] = []
        self._speaking = asyncio.Lock()
        self._silent_until = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._count = 0
        wires.on_write = self._hear

    def _hear(self, data: bytes) -> None:
        if data == b"?":
            self._do(self.say([3]))
            return
        number = int(data)
        self.asked.append(number)
        ask = self.asks[number]
        now = asyncio.get_running_loop().time()
        if not self.manner.tells_apart:
            # Such a device may not speak before it has answered.
            self._silent_until = max(self._silent_until, now + TIMEOUT + 0.1)
        if ask.delay is not None:
            self._do(self._answer(number, ask))

    def _do(self, what: Any) -> None:
        task = asyncio.create_task(what)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, number: int, ask: Ask) -> None:
        await asyncio.sleep(ask.delay or 0)
        data = self.manner.answer.format(number).encode()
        async with self._speaking:
            await self._send(data, ask.cuts)

    async def say(self, cuts: list[int]) -> None:
        """Say something by itself."""
        loop = asyncio.get_running_loop()
        while True:
            async with self._speaking:
                rest = self._silent_until - loop.time()
                if rest < 1e-6:
                    self._count += 1
                    self.said.append(str(self._count))
                    data = self.manner.reading.format(self._count).encode()
                    await self._send(data, cuts)
                    return
            await asyncio.sleep(rest)

    async def _send(self, data: bytes, cuts: list[int]) -> None:
        """Send a message in pieces."""
        for cut in cuts:
            if data[cut:]:
                self.wires.last.send(data[:cut])
                data = data[cut:]
                await asyncio.sleep(0.004)
        self.wires.last.send(data)
        await asyncio.sleep(self.manner.rest)


def value_of(reading: Mapping[str, Any]) -> str:
    """Return the number that a reading has, as the device said it."""
    (value,) = reading.values()
    text = str(value)
    return str(int(text)) if text.isdecimal() else text


async def ask_hard(
    manner: Manner, asks: list[Ask], says: list[Say], cyclic: bool
) -> None:
    """Let callers ask a hard device, and hold what they got against what it said."""
    wires = Wires()
    connector = StreamConnector(
        "test",
        wires,
        create_framer(manner.hub, manner.hub_options),
        create_parser("json" if manner.reading.startswith("{{") else "text"),
        request=Request(b"?", 0.7) if cyclic else None,
    )
    rule = create_reply_rule({**manner.reply, "reply_timeout": TIMEOUT})
    assert rule is not None
    device = HardDevice(manner, wires, asks)
    results: list[str | None] = [None] * len(asks)

    async def ask(number: int, what: Ask) -> None:
        await asyncio.sleep(what.at)
        try:
            async with asyncio.timeout(what.cancelled):
                reply = await connector.send_raw(b"%d" % number, rule.expect({}))
            assert reply is not None
            results[number] = reply.decode()
        except CommandError as err:
            results[number] = err.reason
        except TimeoutError:
            results[number] = "cancelled"

    async def say(what: Say) -> None:
        await asyncio.sleep(what.at)
        await device.say(what.cuts)

    async with started(connector) as (_, heard):
        async with asyncio.TaskGroup() as tasks:
            for number, what in enumerate(asks):
                tasks.create_task(ask(number, what))
            for saying in says:
                tasks.create_task(say(saying))
        await asyncio.sleep(2 * TIMEOUT + 1)
    check(manner, device, results, heard)
    late = connector.statistics.late_replies
    assert late == 0 or manner.drops_late


def check(
    manner: Manner, device: HardDevice, results: list[str | None], heard: Recorder
) -> None:
    """Say whether everybody got what was theirs, and nothing else."""
    missed = []
    for number, (ask, result) in enumerate(zip(device.asks, results, strict=True)):
        answer = manner.answer.format(number)
        content = answer.strip("\r\n;").removeprefix("\5")
        if result == "cancelled":
            assert ask.cancelled is not None
        elif ask.delay is None or ask.delay > TIMEOUT:
            assert result == CommandReason.NO_REPLY
        else:
            assert result is not None
            assert result.strip("\r\n") == content
        got = result is not None and result.startswith(("OK", "{"))
        if number in device.asked and not got and ask.delay is not None:
            missed.append(content)
    readings = [value_of(values) for values in heard.values]
    others = [it for it in readings if not it.startswith("OK")]
    # It may be speaking at the very end.
    assert others == device.said[: len(others)]
    assert len(device.said) - len(others) <= 1
    # What nobody got of a reply is dropped, or a reading like any other.
    replies = [it for it in readings if it.startswith("OK")]
    assert sorted(replies) == ([] if manner.drops_late else sorted(missed))


@pytest.mark.usefixtures("loopback")
class TestHardDevice:
    """Whatever the device does."""

    @pytest.mark.parametrize("manner", MANNERS.values(), ids=MANNERS)
    # A story takes long; the long form tells 500 of each manner.
    @settings(max_examples=max(60, settings.default.max_examples // 40))
    @given(
        asks=st.lists(ASKS, min_size=1, max_size=4),
        says=st.lists(SAYS, max_size=6),
        cyclic=st.booleans(),
    )
    @example(
        asks=[Ask(0, 0.3, None, []), Ask(0, 0, None, [])],
        says=[Say(0, []), Say(0.1, [3])],
        cyclic=False,
    )
    @example(asks=[Ask(0, 1.2, None, []), Ask(0, 0, None, [1])], says=[], cyclic=True)
    def test_replies_and_readings_are_told_apart(
        self, manner: Manner, asks: list[Ask], says: list[Say], cyclic: bool
    ) -> None:
        """No reply goes to the wrong caller; no reading is lost or invented."""
        run(ask_hard(manner, asks, says, cyclic))


# One by one

HUB = {"reply_framing": "hub", "reply_timeout": TIMEOUT}
OK = {**HUB, "reply_pattern": "^OK"}


def expect(options: Mapping[str, Any] | None = None) -> Expectation:
    """Return what a request waits for."""
    rule = create_reply_rule(HUB if options is None else options)
    assert rule is not None
    return rule.expect({})


def line_connector(wires: Wires, **options: Any) -> StreamConnector:
    """Return a connector for lines of text."""
    parser = options.pop("parser", None) or create_parser("text")
    return StreamConnector("test", wires, create_framer("line"), parser, **options)


async def refused(attempt: Awaitable[Any]) -> CommandReason:
    """Return why a command was not carried out."""
    with pytest.raises(CommandError) as caught:
        await attempt
    return caught.value.reason


async def test_the_reply_is_no_reading_and_a_sign_of_life() -> None:
    """A hub whose device only answers is online."""
    wires = Wires()
    wires.on_write = lambda _: wires.last.send(b"OK\n42\n")
    async with started(line_connector(wires)) as (connector, heard):
        assert await connector.send_raw(b"?", expect()) == b"OK"
        await heard.until(lambda: heard.readings)
        assert heard.values == [{"value": "42"}]
        assert heard.connection == [(True, None)]


async def test_the_device_may_end_its_reply_by_closing() -> None:
    """What the close completes is a reply like any other."""
    wires = Wires()

    def answer(_: bytes) -> None:
        wires.last.send(b"OK")
        asyncio.get_running_loop().call_soon(wires.last.abort)

    wires.on_write = answer
    async with started(line_connector(wires)) as (connector, heard):
        assert await connector.send_raw(b"?", expect()) == b"OK"
        assert not heard.readings


async def test_what_came_before_the_request_is_no_reply() -> None:
    """Be it read by then, unread, or half there."""
    wires = Wires()
    wires.on_write = lambda _: wires.last.send(b"98\nOK\n")
    async with started(line_connector(wires)) as (connector, heard):
        wires.last.send(b"1\n")
        wires.last.send(b"2\n4224")
        assert await connector.send_raw(b"?", expect()) == b"OK"
        assert heard.values == [{"value": "1"}, {"value": "2"}, {"value": "422498"}]


async def test_without_a_link_it_fails_at_once() -> None:
    """Before, after, and with nothing to send."""
    wires = Wires()
    connector = line_connector(wires)
    assert await refused(connector.send_raw(b"?")) is CommandReason.NOT_CONNECTED
    async with started(connector):
        assert await refused(connector.send_raw(b"")) is CommandReason.INVALID_VALUE
    assert await refused(connector.send_raw(b"?")) is CommandReason.NOT_CONNECTED
    assert not wires.last.written


@pytest.mark.parametrize("how", ["lost", "stopped"])
async def test_a_lost_link_ends_all_that_wait(how: str) -> None:
    """At once; nothing of them is sent over the next link."""
    wires = Wires()
    async with started(line_connector(wires)) as (connector, heard):
        asks = [
            asyncio.create_task(refused(connector.send_raw(b"%d" % it, expect())))
            for it in range(3)
        ]
        async with asyncio.timeout(5):
            while not wires.last.written:
                await asyncio.sleep(0)
            if how == "lost":
                wires.last.abort()
            else:
                await connector.stop()
            reasons = await asyncio.gather(*asks)
        # The first was sent, and may have been carried out.
        assert reasons == [CommandReason.NO_REPLY, *[CommandReason.NOT_CONNECTED] * 2]
        if how == "lost":
            await heard.until(lambda: heard.connection)
            async with asyncio.timeout(5):
                while len(wires.wires) < 2:
                    await asyncio.sleep(0.001)
            wires.last.send(b"1\n")
            await heard.until(lambda: heard.readings)
            assert not wires.last.written


async def test_so_many_may_wait_and_no_more() -> None:
    """The next one is told at once."""
    wires = Wires()
    async with started(line_connector(wires)) as (connector, _):
        asks = [
            asyncio.create_task(refused(connector.send_raw(b"?", expect())))
            for _ in range(MAX_WAITING)
        ]
        async with asyncio.timeout(5):
            while not wires.last.written:
                await asyncio.sleep(0)
        assert await refused(connector.send_raw(b"!")) is CommandReason.BUSY
        for ask in asks[1:]:
            ask.cancel()
        await asyncio.gather(*asks[1:], return_exceptions=True)
        wires.last.send(b"OK\n")
        with pytest.raises(pytest.fail.Exception):
            await asks[0]
        await connector.send_raw(b"!")
        assert wires.last.written == [b"?", b"!"]


@pytest.mark.parametrize("cancelled", [False, True])
async def test_what_the_device_does_not_take_is_never_sent_later(
    cancelled: bool,
) -> None:
    """The link is given up, and with it what is left."""
    wires = Wires(write_timeout=60 if cancelled else 0.02)
    async with started(line_connector(wires)) as (connector, heard):
        wires.last.takes = False
        attempt = asyncio.create_task(connector.send_raw(b"?", expect()))
        if cancelled:
            async with asyncio.timeout(5):
                while not wires.last.written:
                    await asyncio.sleep(0)
            attempt.cancel()
            await asyncio.wait({attempt})
        else:
            assert await refused(attempt) is CommandReason.NOT_TAKEN
        assert wires.last.aborted
        await heard.until(lambda: heard.connection)
        assert heard.connection == [(False, "timeout")]


async def test_a_command_behind_a_stuck_request_is_not_sent() -> None:
    """The link is left alone, as nothing of the command is on its way."""
    wires = Wires(write_timeout=0.02)
    connector = line_connector(wires, request=Request(b"x", 10))
    wires.on_write = lambda _: wires.last.link.pause_writing()
    async with started(connector):
        async with asyncio.timeout(5):
            while not wires.last.written:
                await asyncio.sleep(0)
        assert await refused(connector.send_raw(b"?")) is CommandReason.NOT_TAKEN
        assert wires.last.written == [b"x"]
        assert not wires.last.aborted


@pytest.mark.usefixtures("loopback")
def test_a_request_that_waits_for_its_turn_is_not_stuck(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Only a device that takes nothing is."""

    async def story() -> list[bytes]:
        wires = Wires()
        connector = line_connector(wires, request=Request(b"x", 0.1))
        async with started(connector):
            await asyncio.sleep(0.05)
            reason = await refused(connector.send_raw(b"?", expect()))
            assert reason is CommandReason.NO_REPLY
            assert wires.last.written == [b"x", b"?"]
            # As long again, in which the reply may come.
            await asyncio.sleep(TIMEOUT + 0.2)
            return wires.last.written

    written = run(story())
    assert len(written) > 2
    assert set(written[2:]) == {b"x"}
    assert "take the request" not in caplog.text


class Sleepy:
    """A parser that takes its time."""

    def parse(self, frame: bytes) -> str:
        """Sleep over it."""
        time.sleep(0.2)
        return frame.decode()

    def close(self) -> None:
        """Hold nothing."""


@pytest.mark.parametrize("framing", ["hub", "fixed_size"])
async def test_what_came_in_time_came_in_time(framing: str) -> None:
    """However long the reader is busy with what came before."""
    wires = Wires()
    wires.on_write = lambda _: wires.last.send(b"OK\n")
    options = {"reply_framing": framing, "reply_size": 2, "reply_timeout": 0.05}
    async with started(line_connector(wires, parser=Sleepy())) as (connector, heard):
        wires.last.send(b"1\n")
        assert await connector.send_raw(b"?", expect(options)) == b"OK"
        assert heard.values == [{"value": "1"}]
        # What is no reply in all that came does not hold it up any longer.
        wires.on_write = lambda _: wires.last.send(b"x")
        wires.last.send(b"2\n")
        options["reply_prefix"] = "OK"
        again = connector.send_raw(b"?", expect(options))
        assert await refused(again) is CommandReason.NO_REPLY


async def test_a_late_reply_is_dropped_and_counted() -> None:
    """It ends the waiting for it, so that the next request need not wait on."""
    wires = Wires()
    async with started(line_connector(wires)) as (connector, heard):
        slow = expect({**OK, "reply_timeout": 0.05})
        assert await refused(connector.send_raw(b"1", slow)) is CommandReason.NO_REPLY
        second = asyncio.create_task(connector.send_raw(b"2", expect(OK)))
        await asyncio.sleep(0)
        wires.last.send(b"7\nOK late\n")
        async with asyncio.timeout(5):
            while len(wires.last.written) < 2:
                await asyncio.sleep(0)
        wires.last.send(b"OK\n")
        assert await second == b"OK"
        assert heard.values == [{"value": "7"}]
        assert connector.statistics.late_replies == 1


@pytest.mark.parametrize("framing", ["line", "auto", "delimiter"])
async def test_a_reply_that_ends_otherwise_is_known_at_once(framing: str) -> None:
    """Two readings, and the reply between them."""
    wires = Wires()
    connector = StreamConnector(
        "test", wires, create_framer(framing), create_parser("text")
    )
    own = {"reply_framing": "delimiter", "reply_delimiter": "\\r"}
    async with started(connector) as (_, heard):
        asking = asyncio.create_task(connector.send_raw(b"?", expect(own)))
        async with asyncio.timeout(5):
            while not wires.last.written:
                await asyncio.sleep(0)
        for part in (b"422498\n", b"O", b"K\r", b"422498\n"):
            wires.last.send(part)
        assert await asking == b"OK"
        await heard.until(lambda: len(heard.readings) == 2)
        assert heard.values == [{"value": "422498"}] * 2


@pytest.mark.parametrize(
    "own",
    [
        {"reply_framing": "delimiter", "reply_delimiter": "\\x03"},
        {"reply_framing": "json", "reply_prefix": "{"},
        OK,
    ],
)
async def test_a_flood_while_a_reply_is_waited_for_stops_nothing(
    own: dict[str, Any],
) -> None:
    """Others have their turn, no reading is lost, and the reply is found."""
    wires = Wires()
    lines = b"".join(b"%d 498 422498\n" % it for it in range(20_000))
    answer = b"OK\n" if own is OK else b'{"ok":1}\x03'

    def flood(_: bytes) -> None:
        for at in range(0, len(lines), 1000):
            wires.last.send(lines[at : at + 1000])
        wires.last.send(answer)

    wires.on_write = flood
    turns = 0
    async with started(line_connector(wires)) as (connector, heard):
        # Enough is there to be asked to wait, which this device cannot.
        wires.last.pause_reading = lambda: None  # type: ignore[method-assign]
        wires.last.resume_reading = lambda: None  # type: ignore[method-assign]

        async def others() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        other = asyncio.create_task(others())
        reply = await connector.send_raw(b"?", expect({**own, "reply_timeout": 20}))
        other.cancel()
        assert reply == answer.rstrip(b"\n\x03")
        assert len(heard.readings) == 20_000
        assert turns > 20


@pytest.mark.parametrize(
    ("hub", "options", "own", "sent", "reply", "readings"),
    [
        # One read is one reading, whatever is in it; a reply is taken out of it.
        (
            "chunk",
            {},
            {"reply_framing": "line", "reply_prefix": "OK"},
            [b"a\nb", b"c\nOK\nd\ne"],
            b"OK",
            ["a\nb", "c\n", "d\ne"],
        ),
        # Values of JSON, the reply ended only by the next.
        (
            "json",
            {},
            {"reply_framing": "json"},
            [b"42", b'{"a":1}'],
            b"42",
            ['{"a":1}'],
        ),
        (
            "delimiter",
            {"delimiter": ";"},
            {"reply_framing": "json", "reply_pattern": "^42$"},
            [b"41 42", b"{};"],
            b"42",
            ["41 {}"],
        ),
        # A reply of the wrong form is the hub's, and the next one may begin in it.
        (
            "delimiter",
            {"delimiter": ";"},
            {
                "reply_framing": "delimiter",
                "reply_delimiter": "!",
                "reply_prefix": "OK",
            },
            [b"4!O", b"K!2;OK!"],
            b"OK",
            ["4!2", "OK!"],
        ),
        # The hub's framing has it, too.
        (
            "delimiter",
            {"delimiter": ";"},
            {
                "reply_framing": "delimiter",
                "reply_delimiter": "!",
                "reply_prefix": "OK",
            },
            [b"4;OK;5;"],
            b"OK",
            ["4", "5"],
        ),
    ],
)
async def test_a_reply_is_taken_out_of_what_is_around_it(
    hub: str,
    options: dict[str, Any],
    own: dict[str, Any],
    *,
    sent: list[bytes],
    reply: bytes,
    readings: list[str],
) -> None:
    wires = Wires()
    connector = StreamConnector(
        "test", wires, create_framer(hub, options), create_parser("text")
    )

    def answer(_: bytes) -> None:
        for part in sent:
            wires.last.send(part)

    wires.on_write = answer
    async with started(connector) as (_, heard):
        assert await connector.send_raw(b"?", expect(own)) == reply
        wires.last.send(b";")
        await heard.until(lambda: len(heard.readings) >= len(readings))
        raw = [bytes(it.payload).decode() for it in heard.raw]  # type: ignore[arg-type]
        assert raw[: len(readings)] == readings


async def test_a_message_that_is_dropped_holds_no_reply_up() -> None:
    """It began before the request, and ended as none; the next one is the reply."""
    wires = Wires()
    connector = StreamConnector(
        "test", wires, create_framer("line", max_size=10), create_parser("text")
    )
    wires.on_write = lambda _: wires.last.send(b"456789abcdef\nOK\n")
    async with started(connector):
        wires.last.send(b"123")
        assert await connector.send_raw(b"?", expect()) == b"OK"
