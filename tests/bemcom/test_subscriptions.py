"""What is listened to follows what is wanted, however fast that changes."""

import asyncio
from typing import override

import pytest

from custom_components.bemcom_connectors.bemcom.broker import (
    BrokerError,
    MessageRefusedError,
)
from custom_components.bemcom_connectors.bemcom.subscriptions import Subscriptions
from tests.bemcom.stack import FakeBroker
from tests.ocpp.virtual_time import run_virtually

MANY = {f"topic/{it}": 1 for it in range(120)}


class SlowBroker(FakeBroker):
    """A broker that answers when a test lets it."""

    def __init__(self) -> None:
        """Answer nothing yet."""
        super().__init__()
        self.go_on = asyncio.Event()
        self.asked = 0
        self.unsubscribe_error: Exception | None = None

    @override
    async def subscribe(self, topic: str, qos: int) -> None:
        self.asked += 1
        await self.go_on.wait()
        await super().subscribe(topic, qos)

    @override
    async def unsubscribe(self, topic: str) -> None:
        self.asked += 1
        await self.go_on.wait()
        if self.unsubscribe_error is not None:
            raise self.unsubscribe_error
        await super().unsubscribe(topic)


async def settle() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


def test_many_topics_do_not_wait_for_each_other() -> None:
    async def story() -> None:
        broker = SlowBroker()
        topics = Subscriptions(broker, lambda _: None)
        topics.want(MANY)
        topics.connected()
        await settle()
        assert broker.asked == 50  # and no more than that at a time
        broker.go_on.set()
        await settle()
        assert topics.current == topics.wanted == MANY.keys()
        assert [topic for topic, _ in broker.subscriptions] == [*MANY]
        topics.lost()
        assert not topics.current

    run_virtually(story())


@pytest.mark.parametrize("fails", [False, True])
def test_what_is_wanted_changes_on_the_way(fails: bool) -> None:
    async def story() -> None:
        broker = SlowBroker()
        reports: list[str] = []
        topics = Subscriptions(broker, reports.append)
        topics.want(MANY)
        topics.connected()
        await settle()
        topics.want({"other": 2})
        broker.go_on.set()
        await settle()
        # The first were under way already, and are taken back; the others never were.
        assert len(broker.subscriptions) == 51
        assert len(broker.unsubscribed) == 50
        assert topics.current == {"other"}
        topics.want(MANY)
        await settle()
        broker.go_on.clear()
        topics.want({})
        await settle()
        topics.want(MANY)
        if fails:
            broker.unsubscribe_error = BrokerError("Not now")
        broker.go_on.set()
        await asyncio.sleep(200)
        assert topics.current == MANY.keys()
        assert len(reports) == (50 if fails else 0)
        topics.lost()

    run_virtually(story())


def test_what_a_broker_refuses_is_known_until_it_takes_it() -> None:
    """Or until nobody wants it any more; a broker that is lost refuses nothing."""

    async def story() -> None:
        broker = FakeBroker()
        reports: list[str] = []
        changes: list[tuple[str, ...]] = []
        topics = Subscriptions(
            broker, reports.append, on_refused=lambda: changes.append(topics.refused)
        )
        broker.subscribe_error = BrokerError("Lost")
        topics.want({"a": 1, "b": 1})
        topics.connected()
        await settle()
        assert list(topics.refused) == [*()]
        broker.subscribe_error = MessageRefusedError("Not authorized")
        await asyncio.sleep(300)
        assert list(topics.refused) == [*("a", "b")]
        topics.want({"a": 1})
        assert list(topics.refused) == [*("a",)]
        broker.subscribe_error = None
        await asyncio.sleep(300)
        assert list(topics.refused) == [*()]
        assert changes == [("a",), ("a", "b"), ("a",), ()]
        assert len(reports) == 2
        topics.lost()

    run_virtually(story())
