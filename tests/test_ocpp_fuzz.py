"""Mutated frames thrown at a live connection of a running Home Assistant.

5,000 of them, the same each time; scripts/fuzz-ocpp throws 100,000 others.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
import gc
from itertools import batched
import json
import logging
import os
import time
import tracemalloc
from typing import Any, cast
from unittest.mock import Mock

import aiohttp
import pytest

from custom_components.bemcom_connectors.ocpp import metering, samples
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.storage import Store
from tests.ocpp.client import HOST, RawClient
from tests.ocpp_fuzz import Fuzzer, expected, mismatch
from tests.ocpp_hub import (
    CP,
    boot,
    charge_point_data,
    charge_point_of,
    connector_of,
    dialled_in,
    meter,
    ocpp_entry,
    result,
    sampled,
    set_up,
    settled,
    start,
    state,
    status,
)

FRAMES = int(os.environ.get("FUZZ_FRAMES", "5000"))
SEED = int(os.environ.get("FUZZ_SEED", "16"))
BATCH = 50
# After so many frames, whatever is bounded is full, or nearly.
WARM_UP = 4000 if FRAMES <= 5000 else 20_000
# What may be taken up beyond that: dictionaries grow in steps.
SLACK = 400_000

_LOGGER = logging.getLogger(__name__)


class Thrower:
    """A connection that anything may be thrown at, and that takes what comes back."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Throw into `socket`."""
        self.socket = socket
        self.transactions: list[int] = []

    async def throw(self, frames: tuple[bytes, ...], mark: str) -> list[list[object]]:
        """Send frames, and a heartbeat after them; return all that is answered until then."""
        for number, frame in enumerate(frames):
            # A third as binary frames; text that is no UTF-8 too.
            kind = aiohttp.WSMsgType.TEXT if number % 3 else aiohttp.WSMsgType.BINARY
            await self.socket._writer.send_frame(frame, kind)
        await self.socket.send_json([2, mark, "Heartbeat", {}])
        answers = []
        async with asyncio.timeout(30):
            while (answer := await self._receive())[1] != mark:
                answers.append(answer)
        assert answer[0] == 3
        return answers

    async def _receive(self) -> list[object]:
        """Return an answer; what we are asked is refused."""
        while True:
            message = await self.socket.receive()
            assert message.type is aiohttp.WSMsgType.TEXT, message
            frame: list[object] = json.loads(message.data)
            if frame[0] != 2:
                if isinstance(payload := frame[2], dict) and "transactionId" in payload:
                    self.transactions.append(payload["transactionId"])
                return frame
            await self.socket.send_json([4, frame[1], "NotSupported", "", {}])


@asynccontextmanager
async def charging(client: RawClient) -> AsyncGenerator[list[float]]:
    """Charge meanwhile, as if nothing happened; yields how long each answer takes."""
    transaction = (await start(client, meter_start=0))["transactionId"]
    await status(client, "Charging")
    durations: list[float] = []
    finished = asyncio.Event()

    async def run() -> None:
        while not finished.is_set():
            before = time.perf_counter()
            energy = sampled(len(durations) + 1)
            await meter(client, energy, transactionId=transaction)
            durations.append(time.perf_counter() - before)
            await asyncio.sleep(0.005)

    task = asyncio.create_task(run())
    try:
        yield durations
    finally:
        finished.set()
        await task


def batches(fuzzer: Fuzzer, count: int) -> Iterator[tuple[bytes, ...]]:
    """Yield frames in small heaps."""
    yield from batched(fuzzer.frames(count), BATCH, strict=False)


@pytest.mark.timeout(3600)
async def test_mutated_frames(
    hass: HomeAssistant,
    loopback: str,
    hass_storage: dict[str, object],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    entry = ocpp_entry(charge_point_data(), charge_point_data("CP2"))
    await set_up(hass, entry)
    fuzzer = Fuzzer(SEED)
    url = f"ws://{HOST}:{connector_of(entry).port}/{CP}"
    tracemalloc.start()
    sizes: list[tuple[int, int]] = []
    answered = 0
    async with (
        dialled_in(entry, "CP2") as other,
        aiohttp.ClientSession() as http,
        http.ws_connect(url, protocols=["ocpp1.6"], max_msg_size=0) as socket,
    ):
        await boot(other)
        thrower = Thrower(socket)
        began = time.perf_counter()
        async with charging(other) as delays:
            for number, frames in enumerate(batches(fuzzer, WARM_UP + FRAMES)):
                answers = await thrower.throw(frames, f"mark-{number}")
                answered += len(answers)
                wrong = mismatch(answers, [expected(it) for it in frames])
                assert not wrong, (wrong, frames)
                # Some messages are of transactions that there are.
                fuzzer.transactions[3:] = thrower.transactions[-20:]
                del thrower.transactions[:-20]
                sent = (number + 1) * BATCH - WARM_UP
                if sent >= 0 and sent % (FRAMES // 5) == 0:
                    await settled(hass)
                    sizes.append(_size(hass, hass_storage))
        duration = time.perf_counter() - began
        await settled(hass)

        # The connection is the one it was, and so is that of the other charge point.
        assert charge_point_of(entry).connections == 1
        assert charge_point_of(entry, "CP2").connections == 1
        assert await result(other, "Heartbeat", {})
        energy = state(hass, entry, "session_energy", charge_point_id="CP2")
        assert energy == str(len(delays) / 1000)
        assert state(hass, entry, "status", charge_point_id="CP2") == "charging"
    tracemalloc.stop()
    _LOGGER.warning(
        "%d frames in %.0f s, %d answered; memory %s; the other's slowest answer %.0f ms"
        " of %d; leniencies %d",
        WARM_UP + FRAMES,
        duration,
        answered,
        sizes,
        max(delays) * 1000,
        len(delays),
        len(charge_point_of(entry).leniencies.counts),
    )
    assert answered > FRAMES / 2
    assert max(delays) < 2
    memory = [bytes_ for bytes_, _ in sizes]
    assert max(memory[1:]) < memory[0] + SLACK
    assert not [it for it in caplog.records if it.levelno >= logging.ERROR]


def _size(hass: HomeAssistant, hass_storage: dict[str, object]) -> tuple[int, int]:
    """Return the memory in use, and how many objects there are.

    Without what has a limit that random frames reach too late, and what is not ours.
    """
    caches: tuple[tuple[dict[Any, Any], int], ...] = (
        (samples._shapes, samples._MAX_SHAPES),
        (metering._layouts, metering._MAX_LAYOUTS),
    )
    for cache, limit in caches:
        assert len(cache) <= limit
        cache.clear()
    # The stand-in for the disk keeps all that was ever written.
    cast("Mock", Store._async_write_data).reset_mock()
    hass_storage.clear()
    # Home Assistant keeps what it writes of each entity once it did so.
    for entry in er.async_get(hass).entities.values():
        assert entry.as_storage_fragment
    gc.collect()
    return tracemalloc.get_traced_memory()[0], len(gc.get_objects())


# The oracle itself


@pytest.mark.parametrize(
    ("frame", "answers", "right"),
    [
        (b'[2,"1","Heartbeat",{}]', [[3, "1", {"currentTime": "x"}]], True),
        (b'[2,"1","Heartbeat",{}]', [[3, "1", {}]], False),
        (b'[2,"1","Heartbeat",{}]', [[3, "2", {"currentTime": "x"}]], False),
        (b'[2,"1","Heartbeat",{}]', [[4, "1", "GenericError", "", {}]], False),
        (b'[2,"1","Heartbeat",{}]', [], False),
        (b'[2,"1","Heartbeat",{}]', [[3, "1", {"currentTime": "x"}]] * 2, False),
        (b'[2,"1","Foo",{}]', [[4, "1", "NotImplemented", "", {}]], True),
        (b'[2,"1","Foo",{}]', [[4, "1", "InternalError", "", {}]], False),
        (b'[2,"1","Foo",{}]', [[4, "1", "NotImplemented", "", None]], False),
        (b'[2,"1","Foo",{}]', [[3, "1", {}]], False),
        (b'[2,"1","MeterValues",7]', [[3, "1", {}]], True),
        (b'[2,"1","MeterValues",7]', [[4, "1", "GenericError", "", {}]], False),
        (b'[2,"1","Authorize",{}]', [[3, "1", {}]], False),
        (b'[2,"1"]', [], False),
        (b'[3,"1",{}]', [], True),
        (b'[3,"1",{}]', [[4, "1", "GenericError", "", {}]], False),
        (b"nonsense", [], True),
    ],
)
def test_the_oracle(frame: bytes, answers: list[object], right: bool) -> None:
    assert (not mismatch(answers, [expected(frame)])) is right


def test_frames_are_of_every_sort() -> None:
    kinds = [expected(it) for it in Fuzzer(1).frames(2000)]
    assert sum(it.kind == 3 for it in kinds) > 200
    assert sum(it.kind == 4 for it in kinds) > 200
    assert sum(it.kind is None and it.id is not None for it in kinds) > 100
    assert sum(it.optional for it in kinds) > 50
    assert sum(it.id is None and not it.optional for it in kinds) > 50
