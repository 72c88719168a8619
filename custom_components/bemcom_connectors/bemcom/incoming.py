"""What came from a broker and waits to be taken: bounded, whatever floods in."""

import asyncio
from collections import Counter
from typing import override

import aiomqtt

MAX_WAITING = 10_000
MAX_WAITING_FOR_ONE = 1_000
MAX_BYTES = 16 * 1024 * 1024


class IncomingQueue(asyncio.Queue[aiomqtt.Message]):
    """aiomqtt's queue, which drops messages of a flood and only counts them.

    No topic may take all the room, so that a flood of commands costs nobody a map.
    """

    def __init__(self, maxsize: int = 0) -> None:
        """Hold nothing yet; the bounds are our own."""
        super().__init__()
        self.dropped = 0
        self._size = 0
        self._topics: Counter[str] = Counter()

    @override
    def put_nowait(self, item: aiomqtt.Message) -> None:
        if (
            self.qsize() >= MAX_WAITING
            or self._topics[item.topic.value] >= MAX_WAITING_FOR_ONE
            # However large it is: one at a time.
            or (self._size and self._size + _size(item) > MAX_BYTES)
        ):
            self.dropped += 1
        else:
            super().put_nowait(item)

    @override
    def _put(self, item: aiomqtt.Message) -> None:
        self._size += _size(item)
        self._topics[item.topic.value] += 1
        super()._put(item)

    @override
    def _get(self) -> aiomqtt.Message:
        item = super()._get()
        self._size -= _size(item)
        topic = item.topic.value
        self._topics[topic] -= 1
        if not self._topics[topic]:
            del self._topics[topic]
        return item


def _size(message: aiomqtt.Message) -> int:
    return len(message.topic.value) + len(message.payload)
