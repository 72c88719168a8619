"""Which topics are listened to, on every connection anew."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from itertools import batched

from ..connector.backoff import Backoff
from .broker import Broker, MessageRefusedError

# So long may the broker take to answer, in seconds.
_TIMEOUT = 30.0
# And so many questions may wait for its answer, as a map may have thousands of topics.
_AT_A_TIME = 50


class Subscriptions:
    """Keeps what is subscribed at the broker the same as what is wanted.

    Nobody waits for it: a broker that refuses is asked again later, ever less often, and
    costs nothing else.
    """

    def __init__(
        self,
        broker: Broker,
        report: Callable[[str], None],
        *,
        on_refused: Callable[[], None] = lambda: None,
    ) -> None:
        """Subscribe at a broker; `report` is told what fails, once for each topic.

        `on_refused` is called when `refused` is something else.
        """
        self._broker = broker
        self._report = report
        self._wanted: dict[str, int] = {}
        self._current: dict[str, int] = {}
        self._on_refused = on_refused
        # By topic: whether the broker said that it never will.
        self._failed: dict[str, bool] = {}
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._backoff = Backoff()

    @property
    def current(self) -> frozenset[str]:
        """Return the topics that are listened to now."""
        return frozenset(self._current)

    @property
    def wanted(self) -> frozenset[str]:
        """Return the topics that are to be listened to."""
        return frozenset(self._wanted)

    @property
    def refused(self) -> tuple[str, ...]:
        """Return the topics that the broker does not let us listen to."""
        return tuple(topic for topic, refused in self._failed.items() if refused)

    def want(self, topics: dict[str, int]) -> None:
        """Listen to these topics with their QoS, and to no others."""
        self._wanted = topics
        for topic in self._failed.keys() - topics.keys():
            self._note(topic, None)
        self._changed.set()

    def connected(self) -> None:
        """Subscribe everything on a connection that knows of nothing."""
        self.lost()
        self._task = asyncio.create_task(self._run(), name="mirror subscriptions")

    def lost(self) -> None:
        """Forget what was subscribed."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._current.clear()
        self._backoff.reset()

    async def _run(self) -> None:
        """Go on making it so until the connection is lost."""
        while True:
            self._changed.clear()
            if await self._make_it_so():
                self._backoff.reset()
                await self._changed.wait()
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(self._backoff.next_delay()):
                    await self._changed.wait()

    async def _make_it_so(self) -> bool:
        """Subscribe and unsubscribe; tell whether all of it was done."""
        former = [it for it in self._current if it not in self._wanted]
        new = [it for it, qos in self._wanted.items() if self._current.get(it) != qos]
        done = True
        for work, topics in ((self._unsubscribe, former), (self._subscribe, new)):
            for some in batched(topics, _AT_A_TIME, strict=False):
                done = all(await asyncio.gather(*map(work, some))) and done
        return done

    async def _subscribe(self, topic: str) -> bool:
        """Listen to a topic, if that is still wanted; tell whether all is as it should be."""
        if (qos := self._wanted.get(topic)) is None:
            return True
        if not await self._try(topic, partial(self._broker.subscribe, topic, qos)):
            return False
        self._current[topic] = qos
        return True

    async def _unsubscribe(self, topic: str) -> bool:
        """Listen to a topic no more, unless that is wanted again."""
        if topic in self._wanted:
            return True
        if not await self._try(topic, partial(self._broker.unsubscribe, topic)):
            return False
        del self._current[topic]
        return True

    async def _try(self, topic: str, what: Callable[[], Awaitable[None]]) -> bool:
        """Ask the broker for something; tell of a failure the first time."""
        try:
            async with asyncio.timeout(_TIMEOUT):
                await what()
        except Exception as err:  # noqa: BLE001 - whatever a client of MQTT raises
            is_new = topic not in self._failed
            self._note(topic, isinstance(err, MessageRefusedError))
            if is_new:
                self._report(f"{topic:.200}: {type(err).__name__}: {err}")
            return False
        self._note(topic, None)
        return True

    def _note(self, topic: str, refused: bool | None) -> None:
        """Keep whether a question failed, and was refused; None: it did not fail."""
        before = self._failed.pop(topic, None)
        if refused is not None and topic in self._wanted:
            self._failed[topic] = refused
        if bool(before) != bool(refused):
            self._on_refused()
