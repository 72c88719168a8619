"""What a connector of somebody else's may get wrong with its link, and what becomes of it."""

import asyncio
from typing import Any, override

import pytest

from custom_components.bemcom_connectors.connector.actuators import (
    Actuator,
    ActuatorKind,
)
from custom_components.bemcom_connectors.connector.backoff import Backoff
from custom_components.bemcom_connectors.connector.base import Connector
from custom_components.bemcom_connectors.connector.model import (
    Command,
    CommandError,
    CommandReason,
    JsonValue,
    LinkError,
    LinkReason,
)
from tests.connector.recorder import Recorder


async def cancelled() -> None:
    """Wait for a task of one's own that somebody cancelled."""
    task = asyncio.create_task(asyncio.sleep(60))
    task.cancel()
    await task


class Own(Connector):
    """A connector that does what it is told to."""

    def __init__(self) -> None:
        """Begin with a link that opens."""
        super().__init__("own")
        self.backoff = Backoff(0.001, 0.001)
        self.queue: asyncio.Queue[Any] = asyncio.Queue()
        self.fault: BaseException | None = None
        self.disconnects = 0

    @override
    async def connect(self) -> None:
        """Fail once, if there is a fault."""
        fault, self.fault = self.fault, None
        if isinstance(fault, asyncio.CancelledError):
            await cancelled()
        if fault is not None:
            raise fault

    @override
    async def disconnect(self) -> None:
        """Count, and fail."""
        self.disconnects += 1
        raise OSError("cannot close")

    @override
    async def receive_raw_msg(self) -> JsonValue:
        """Return what is in the queue, or fail as it says."""
        item: JsonValue | BaseException = await self.queue.get()
        if isinstance(item, asyncio.CancelledError):
            await cancelled()
        if isinstance(item, BaseException):
            raise item
        return item


@pytest.mark.parametrize(
    ("fault", "detail"),
    [
        (ZeroDivisionError("of its own"), "ZeroDivisionError: of its own"),
        (KeyError("x"), "KeyError: 'x'"),
        (asyncio.CancelledError(), "CancelledError"),
        (TimeoutError(), "TimeoutError"),
    ],
)
async def test_a_link_that_fails_to_open_says_why(
    fault: BaseException, detail: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever was raised; and what goes wrong in closing it hides nothing."""
    connector = Own()
    connector.fault = fault
    with pytest.raises(LinkError) as raised:
        await connector.start()
    assert raised.value.reason is LinkReason.FAILED
    assert raised.value.detail == detail
    assert connector.disconnects == 1
    await connector.stop()
    assert caplog.text.count("The link did not close: OSError: cannot close") == 1


async def test_a_reason_of_its_own_is_kept() -> None:
    connector = Own()
    connector.fault = error = LinkError(LinkReason.REFUSED, "No")
    with pytest.raises(LinkError) as raised:
        await connector.start()
    assert raised.value is error


async def test_opening_can_be_given_up() -> None:
    """Who cancels gets what was asked for, and the link is closed."""

    class Slow(Own):
        @override
        async def connect(self) -> None:
            await asyncio.Event().wait()

    connector = Slow()
    opening = asyncio.create_task(connector.start())
    await asyncio.sleep(0)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert connector.disconnects == 1


@pytest.mark.parametrize(
    "fault",
    [asyncio.CancelledError(), OSError("gone"), LinkError(LinkReason.RESET, "")],
)
async def test_a_lost_link_is_opened_again(fault: BaseException) -> None:
    """A cancelled task of its own does not end it either."""
    connector, heard = Own(), Recorder()
    connector.add_listener(heard)
    await connector.start()
    connector.queue.put_nowait({"a": 1})
    connector.queue.put_nowait(fault)
    await heard.until(lambda: len(heard.connection) == 2)
    reason = "reset" if isinstance(fault, LinkError) else "failed"
    assert heard.connection == [(True, None), (False, reason)]
    connector.queue.put_nowait({"a": 2})
    await heard.until(lambda: len(heard.readings) == 2)
    assert heard.connection[2] == (True, None)
    await connector.stop()
    assert connector.disconnects == 2


async def test_a_connector_that_never_waits_leaves_room_for_others() -> None:
    class Busy(Own):
        @override
        async def receive_raw_msg(self) -> JsonValue:
            return None

    connector = Busy()
    await connector.start()
    async with asyncio.timeout(5):
        await asyncio.sleep(0)
        await connector.stop()


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (ValueError("of its own"), CommandReason.FAILED),
        (LinkError(LinkReason.RESET, "broke"), CommandReason.NOT_TAKEN),
        (CommandError(CommandReason.REFUSED, "no"), CommandReason.REFUSED),
    ],
)
async def test_a_command_that_fails_leaves_the_link_up(
    fault: Exception, reason: CommandReason
) -> None:
    class Refusing(Own):
        @override
        async def send_command(
            self,
            datapoint_key: str,
            datapoint_value: JsonValue,
            datapoint_timestamp: int,
        ) -> JsonValue:
            raise fault

    connector = Refusing()
    connector.actuators = {"a": Actuator(key="a", kind=ActuatorKind.METHOD)}
    heard = Recorder()
    connector.add_listener(heard)
    await connector.start()
    with pytest.raises(CommandError) as raised:
        await connector.run_actuator_flow(Command("a", 1, 0))
    assert raised.value.reason is reason
    connector.queue.put_nowait({"a": 1})
    await heard.until(lambda: heard.readings)
    assert connector.online
    await connector.stop()
