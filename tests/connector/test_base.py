"""The connector's own flows: what a third party's connector may do, and get wrong."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
import logging
from typing import Any, override

import pytest

from custom_components.bemcom_connectors.connector import base
from custom_components.bemcom_connectors.connector.backoff import Backoff
from custom_components.bemcom_connectors.connector.base import Connector
from custom_components.bemcom_connectors.connector.listener import Listener
from custom_components.bemcom_connectors.connector.model import (
    JsonValue,
    LinkError,
    LinkReason,
    Messages,
    ParseError,
    RawMessage,
    Reading,
)
from custom_components.bemcom_connectors.connector.sensor_flow import (
    HISTORY_LENGTH,
    HISTORY_PAYLOAD,
)
from tests.connector.recorder import Recorder


class Pulled(Connector):
    """A connector whose messages, and failures, come from a queue."""

    def __init__(self, **options: Any) -> None:
        """Begin with nothing to say."""
        super().__init__("pulled", **options)
        self.queue: asyncio.Queue[Any] = asyncio.Queue()
        self.connect_errors: list[Exception] = []
        self.connects = 0
        self.backoff = Backoff(0.001, 0.001)

    @override
    async def connect(self) -> None:
        """Connect, or fail as the test wants."""
        self.connects += 1
        if self.connect_errors:
            raise self.connect_errors.pop(0)

    @override
    async def receive_raw_msg(self) -> bytes | JsonValue:
        """Return or raise what comes next."""
        item = await self.queue.get()
        if isinstance(item, Exception):
            raise item
        message: JsonValue = item
        return message


@asynccontextmanager
async def running(
    **options: Any,
) -> AsyncGenerator[tuple[Pulled, Recorder]]:
    """Run a connector."""
    connector = Pulled(**options)
    heard = Recorder()
    connector.add_listener(heard)
    await connector.start()
    try:
        yield connector, heard
    finally:
        await connector.stop()


async def test_a_connector_of_ones_own_needs_one_method() -> None:
    """What `receive_raw_msg` returns becomes readings."""
    async with running() as (connector, heard):
        connector.queue.put_nowait({"a": {"b": 1}})
        connector.queue.put_nowait(None)
        connector.queue.put_nowait({"a": {"b": 2}})
        await heard.until(lambda: len(heard.readings) == 2)
        assert heard.values == [{"a__b": 1}, {"a__b": 2}]
        assert connector.statistics.messages == 2
        assert connector.history[0][1:] == ({"a": {"b": 1}}, None, 1)
        assert connector.dropped_frames == 0


async def test_bytes_need_a_parser(caplog: pytest.LogCaptureFixture) -> None:
    """A connector that does not parse says so, once."""
    async with running() as (connector, heard):
        connector.queue.put_nowait(b"bytes")
        connector.queue.put_nowait(b"bytes")
        await heard.until(lambda: len(heard.raw) == 2)
        assert connector.statistics.parse_errors == 2
    assert caplog.text.count("cannot parse bytes") == 1


@pytest.mark.parametrize(
    "error", [ParseError("no sense"), ZeroDivisionError("of the user's own")]
)
async def test_a_parser_may_fail(error: Exception) -> None:
    """Whatever a parser raises, the next message is handled."""

    class Failing(Pulled):
        @override
        def parse_raw_msg(self, raw_msg: RawMessage) -> JsonValue | Messages:
            if raw_msg.payload == {"bad": 1}:
                raise error
            return Messages([{"good": 1}, {"second": 2}])

    connector = Failing()
    heard = Recorder()
    connector.add_listener(heard)
    await connector.start()
    connector.queue.put_nowait({"bad": 1})
    connector.queue.put_nowait({"good": 1})
    await heard.until(lambda: len(heard.readings) == 2)
    await connector.stop()
    assert heard.values == [{"good": 1}, {"second": 2}]
    assert str(error) in str(connector.history[0][3])
    assert connector.history[1][3] == 2


class Failing(Listener):
    """A listener that fails at everything."""

    @override
    def on_reading(self, reading: Reading) -> None:
        """Fail."""
        raise ValueError("reading")

    @override
    def on_raw_message(self, message: RawMessage) -> None:
        """Fail."""
        raise ValueError("raw")

    @override
    def on_connection(self, online: bool, error: LinkError | None) -> None:
        """Fail."""
        raise ValueError("connection")

    @override
    def on_datapoints(
        self, added: Mapping[str, JsonValue], device_id: str | None
    ) -> None:
        """Fail."""
        raise ValueError("datapoints")


async def test_a_listener_may_fail(caplog: pytest.LogCaptureFixture) -> None:
    """The others hear everything; the failure is logged once, with its cause."""
    connector = Pulled()
    heard = Recorder()
    connector.add_listener(Failing())
    remove = connector.add_listener(heard)
    await connector.start()
    connector.queue.put_nowait({"a": 1})
    connector.queue.put_nowait({"a": 2})
    await heard.until(lambda: len(heard.readings) == 2)
    remove()
    connector.queue.put_nowait({"a": 3})
    async with asyncio.timeout(5):
        while connector.statistics.messages < 3:
            await asyncio.sleep(0)
    await connector.stop()
    assert len(heard.readings) == len(heard.raw) == 2
    assert heard.connection == [(True, None)]
    # Three readings, three raw messages, the connection and one new datapoint.
    assert connector.statistics.listener_errors == 8
    logged = [r for r in caplog.records if r.levelno >= logging.ERROR]
    assert len(logged) == 1
    assert logged[0].exc_info


async def test_a_listener_that_wants_nothing_costs_nothing() -> None:
    """The methods of a listener are there to be overridden, or not."""
    async with running() as (connector, heard):
        connector.add_listener(Listener())
        connector.queue.put_nowait({"a": 1})
        connector.queue.put_nowait(LinkError(LinkReason.CLOSED, "gone"))
        await heard.until(lambda: len(heard.connection) == 2)
        assert connector.statistics.listener_errors == 0


async def test_unforeseen_failures_are_a_lost_link() -> None:
    """A connector that raises whatever it likes is down, and connected again."""
    async with running() as (connector, heard):
        connector.queue.put_nowait({"a": 1})
        await heard.until(lambda: heard.readings)
        connector.connect_errors = [
            KeyError("one"),
            LinkError(LinkReason.REFUSED, "two"),
        ]
        connector.queue.put_nowait(RuntimeError("boom"))
        connector.queue.put_nowait({"a": 2})
        await heard.until(lambda: len(heard.readings) == 2)
        assert heard.connection == [(True, None), (False, "failed"), (True, None)]
        assert connector.connects == 4


async def test_a_connector_that_stops_receiving_is_a_lost_link() -> None:
    """Returning from `receive`, or failing to disconnect, does not end a connector."""

    class Tired(Pulled):
        @override
        async def receive(self) -> None:
            self.run_sensor_flow(await self.receive_raw_msg())

        @override
        async def disconnect(self) -> None:
            if self.connects < 3:
                raise OSError("it does not let go")

    connector = Tired()
    heard = Recorder()
    connector.add_listener(heard)
    await connector.start()
    for number in range(3):
        connector.queue.put_nowait({"a": number})
    await heard.until(lambda: len(heard.readings) == 3)
    await connector.stop()
    assert connector.connects >= 3
    assert heard.connection[1] == (False, "closed")


class Noted(Backoff):
    """Delays that are noted, and not waited for."""

    def __init__(self) -> None:
        """Begin with none."""
        super().__init__()
        self.delays: list[float] = []

    @override
    def next_delay(self) -> float:
        """Note the delay."""
        self.delays.append(round(super().next_delay()))
        return 0


async def test_who_hangs_up_after_each_message_is_called_less_and_less() -> None:
    """The delays grow until a link has stayed open for a while."""
    async with running() as (connector, heard):
        connector.backoff = noted = Noted()
        for number in range(4):
            connector.queue.put_nowait({"a": number})
            connector.queue.put_nowait(LinkError(LinkReason.CLOSED, "bye"))
        await heard.until(lambda: len(heard.connection) == 8)
        async with asyncio.timeout(5):
            while len(noted.delays) < 4:
                await asyncio.sleep(0)
        assert noted.delays == sorted(noted.delays)
        assert noted.delays[-1] > 4


async def test_after_silence_only_a_message_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nor does a failed attempt in between make an open connection prove anything."""
    monkeypatch.setattr(base, "SETTLE_TIME", 0.001)
    async with running() as (connector, heard):
        await heard.until(lambda: heard.connection)
        connector.connect_errors = [LinkError(LinkReason.REFUSED, "busy")]
        connector.queue.put_nowait(LinkError(LinkReason.SILENT, "nothing came"))
        async with asyncio.timeout(5):
            while connector.statistics.connections < 2:
                await asyncio.sleep(0.001)
        await asyncio.sleep(0.02)  # twenty times what would be enough
        assert heard.connection == [(True, None), (False, "silent")]
        connector.queue.put_nowait({"a": 1})
        await heard.until(lambda: len(heard.connection) == 3)


async def test_datapoints_have_a_bound(caplog: pytest.LogCaptureFixture) -> None:
    """Beyond the bound new keys are left out; known ones go on. So it is with long keys."""
    async with running(max_datapoints=2) as (connector, heard):
        connector.queue.put_nowait({"x" * 256: 0, "a": 1, "b": 2, "c": 3})
        connector.queue.put_nowait({"d": 4, "b": 5})
        await heard.until(lambda: len(heard.readings) == 2)
        assert heard.values == [{"a": 1, "b": 2}, {"b": 5}]
        assert connector.datapoints == {"a": 1, "b": 5}
        assert connector.statistics.ignored_datapoints == 3
        connector.forget_datapoint("a")
        connector.queue.put_nowait({"d": 6})
        await heard.until(lambda: len(heard.readings) == 3)
        assert heard.added == [{"a": 1, "b": 2}, {"d": 6}]
    assert caplog.text.count("Ignoring datapoint") == 1


async def test_colliding_keys_are_told_of(caplog: pytest.LogCaptureFixture) -> None:
    """The deeper value wins, as in BEMCom, but not in silence."""
    async with running() as (connector, heard):
        connector.queue.put_nowait({"a__b": 1, "a": {"b": 2}})
        await heard.until(lambda: heard.readings)
        assert heard.values == [{"a__b": 2}]
    assert "the deeper one wins" in caplog.text


async def test_the_history_is_bounded() -> None:
    """The latest messages are kept, and of a long one its beginning."""

    class Bytes(Pulled):
        @override
        def parse_raw_msg(self, raw_msg: RawMessage) -> JsonValue | Messages:
            assert isinstance(raw_msg.payload, bytes)
            return {"size": len(raw_msg.payload)}

    connector = Bytes()
    heard = Recorder()
    connector.add_listener(heard)
    await connector.start()
    for size in range(HISTORY_LENGTH + 10):
        connector.queue.put_nowait(b"x" * (2000 + size))
    await heard.until(lambda: len(heard.readings) == HISTORY_LENGTH + 10)
    await connector.stop()
    assert len(connector.history) == HISTORY_LENGTH
    _, payload, length, _ = connector.history[-1]
    assert payload == b"x" * HISTORY_PAYLOAD
    assert length == 2000 + HISTORY_LENGTH + 9


async def test_a_connector_that_never_started_can_be_stopped() -> None:
    """Stopping is always safe."""
    connector = Pulled()
    connector.connect_errors = [LinkError(LinkReason.REFUSED, "no")]
    with pytest.raises(LinkError):
        await connector.start()
    await connector.stop()
    await connector.stop()


def test_delays_double_up_to_a_minute() -> None:
    """From 1 s to 60 s, each up to a fifth shorter or longer."""
    backoff = Backoff()
    delays = [backoff.next_delay() for _ in range(9)]
    for delay, middle in zip(delays, [1, 2, 4, 8, 16, 32, 60, 60, 60], strict=True):
        assert 0.8 * middle <= delay <= 1.2 * middle
    backoff.reset()
    assert backoff.next_delay() <= 1.2
