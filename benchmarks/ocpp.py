"""The OCPP hub's engine under load, without Home Assistant, against a stock central system.

The load is a process of its own, and each of its charge points waits for an answer before it
goes on. What is answered per second has its time in it, and that of the sockets: the same for
both systems, so it hides most of the faster one. With one charge point all of that comes after
one another; with 50 it costs nothing on two idle cores, and takes from the server what others
leave of them. So the CPU time of the server is measured too, which depends on neither much: of
all its threads, as the stock system validates in others, and the work of the kernel in it.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
import gc
import json
import os
from pathlib import Path
from statistics import median
import subprocess
import sys
import time
from typing import Any, override

from benchmarks.measure import Limit, Row
from benchmarks.ocpp_client import LoadCharger, frame, stop_transaction
from benchmarks.stock_central import stock
from custom_components.bemcom_connectors.connector.listener import Listener
from custom_components.bemcom_connectors.connector.model import Reading
from custom_components.bemcom_connectors.ocpp.connector import OcppConnector
from custom_components.bemcom_connectors.ocpp.model import ChargePointConfig, HubOptions
from custom_components.bemcom_connectors.ocpp.server import ServerOptions

ROUNDS = 5
SECONDS = 2.0
MEMORY_COUNT = 150
# More than the history of frames holds.
MEMORY_MESSAGES = 250


class _Values(Listener):
    """Counts the values that come out."""

    def __init__(self) -> None:
        self.values = 0

    @override
    def on_reading(self, reading: Reading) -> None:
        self.values += len(reading.values)


@asynccontextmanager
async def ours(count: int) -> AsyncGenerator[int]:
    """Serve so many charge points on a free port, which is returned."""
    connector = OcppConnector(
        "benchmark", ServerOptions(port=0, host="127.0.0.1", tls=None), HubOptions()
    )
    values = _Values()
    connector.add_listener(values)
    connector.set_charge_points(
        {f"LOAD-{it}": ChargePointConfig(id=f"LOAD-{it}") for it in range(count)}
    )
    await connector.start()
    yield connector.port
    await connector.stop()
    assert values.values or not count


async def load(*arguments: str) -> dict[str, Any]:
    """Run the load as a process of its own, and return what it reports."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "benchmarks.ocpp_client", *arguments),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parent.parent,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    result: dict[str, Any] = json.loads(output)
    assert not result["refused"], result
    assert not result["closed"], result
    return result


type _Rates = tuple[float, float]


async def _rates(count: int) -> tuple[_Rates, _Rates]:
    """Return the messages that we and the stock system answer: per second, and of CPU time."""
    measured: tuple[list[_Rates], list[_Rates]] = [], []
    async with ours(count) as our_port, stock() as stock_port:
        for _ in range(ROUNDS):
            for port, rates in zip((our_port, stock_port), measured, strict=True):
                result = await load(
                    *("--port", f"{port}", "--count", f"{count}"),
                    *("--seconds", f"{SECONDS}", "--pid", f"{os.getpid()}"),
                )
                rates.append((result["rate"], result["cpu_rate"]))
    ours_, stock_ = (tuple(map(median, zip(*it, strict=True))) for it in measured)
    return (ours_[0], stock_[0]), (ours_[1], stock_[1])


async def _longest_pause(until: asyncio.Future[Any]) -> float:
    """Return the longest time the event loop was busy at a stretch, in milliseconds."""
    longest, before = 0.0, time.perf_counter()
    while not until.done():
        await asyncio.sleep(0)
        now = time.perf_counter()
        longest, before = max(longest, now - before), now
    return 1_000 * longest


async def _pause(port: int) -> float:
    """Return the pause that a long StopTransaction makes: the median of many."""
    charger = LoadCharger("LOAD-0")
    await charger.dial(port)
    await asyncio.sleep(1)
    pauses = []
    for number in range(25):
        data = frame(stop_transaction(charger.transaction_id))
        answer = asyncio.ensure_future(charger.exchange(data))
        longest = await _longest_pause(answer)
        await answer
        if number >= 5:  # the first ones warm up
            pauses.append(longest)
        await charger.begin()
    charger.hang_up()
    return median(pauses)


async def _pauses() -> tuple[float, float]:
    async with ours(1) as port:
        our_pause = await _pause(port)
    async with stock() as port:
        return our_pause, await _pause(port)


def _resident_kib() -> int:
    """Return the memory that this process takes."""
    gc.collect()
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


async def _memory() -> float:
    """Return the KiB that each connected charge point takes, after a while of traffic."""
    async with ours(MEMORY_COUNT) as port:
        await load("--port", f"{port}", "--count", "1", "--messages", "100")
        before = _resident_kib()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "benchmarks.ocpp_client", "--port", f"{port}", "--hold"),
            *("--count", f"{MEMORY_COUNT}", "--messages", f"{MEMORY_MESSAGES}"),
            stdout=asyncio.subprocess.PIPE,
            stdin=asyncio.subprocess.PIPE,
            cwd=Path(__file__).parent.parent,
        )
        assert process.stdout is not None
        result = json.loads(await process.stdout.readline())
        assert not result["closed"], result
        after = _resident_kib()
        await process.communicate(b"\n")
    return (after - before) / MEMORY_COUNT


def rows() -> Iterator[Row | Limit]:
    """Measure."""
    for count in (1, 50):
        plural = "s" if count > 1 else ""
        units = "messages/s", "messages/s of CPU time"
        measured = zip(asyncio.run(_rates(count)), units, strict=True)
        for (our_rate, stock_rate), unit in measured:
            yield Row(
                f"OCPP MeterValues of 8 samples, {count} charge point{plural}",
                "stock `ocpp` central system, validating",
                our_rate,
                stock_rate,
                6,
                unit,
            )
    pause, stock_pause = asyncio.run(_pauses())
    yield Limit(
        "longest pause, StopTransaction of 60 x 10 samples",
        pause,
        5,
        "ms",
        f"stock `ocpp` central system: {stock_pause:.1f} ms",
    )
    # In a process of its own: memory that others gave back would hide what is taken.
    taken = subprocess.run(
        [sys.executable, "-m", "benchmarks.ocpp"],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parent.parent,
    ).stdout
    yield Limit("memory of a connected charge point", float(taken), 150, "KiB")


if __name__ == "__main__":
    print(asyncio.run(_memory()))
