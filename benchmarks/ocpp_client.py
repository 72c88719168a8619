"""Charge points that cost next to nothing: the load of the benchmarks, as a process.

    python -m benchmarks.ocpp_client --port 9000 --count 50 --seconds 2

Each one boots, begins a session and sends meter values: the next as soon as the last is
answered, or so many per second. Frames are put together by hand, and masked with zeros.
With `--pid` it reports the CPU time too that this process took meanwhile, which serves it.
"""

import argparse
import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
import json
import os
from pathlib import Path
import time
from typing import Any, override

HOST = "127.0.0.1"

_KEYS = {
    "NumberOfConnectors": "1",
    "SupportedFeatureProfiles": "Core,RemoteTrigger,SmartCharging",
    **{f"Vendor.Setting.{number:02}": "x" * 20 for number in range(40)},
}
_ANSWERS: dict[str, Any] = {
    "GetConfiguration": {
        "configurationKey": [
            {"key": key, "readonly": True, "value": value}
            for key, value in _KEYS.items()
        ]
    },
    "ChangeConfiguration": {"status": "Accepted"},
    "TriggerMessage": {"status": "Rejected"},
}


def frame(text: str, opcode: int = 1) -> bytes:
    """Return a websocket frame of a client."""
    data = text.encode()
    size = len(data)
    head = bytes([0x80 | opcode])
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 65_536:
        head += b"\xfe" + size.to_bytes(2)
    else:
        head += b"\xff" + size.to_bytes(8)
    return head + b"\0\0\0\0" + data


def sampled_values() -> list[dict[str, str]]:
    """Return 8 samples as wallboxes send them, with places for their values."""
    return [
        {
            "value": "1%(number)06d",
            "measurand": "Energy.Active.Import.Register",
            "unit": "Wh",
            "context": "Sample.Periodic",
        },
        {
            "value": "10%(small)03d",
            "measurand": "Power.Active.Import",
            "unit": "W",
            "context": "Sample.Periodic",
        },
        *(
            {
                "value": f"{base}.%(small)03d",
                "measurand": measurand,
                "unit": unit,
                "phase": phase,
                "context": "Sample.Periodic",
            }
            for measurand, unit, base in (
                ("Current.Import", "A", 15),
                ("Voltage", "V", 229),
            )
            for phase in ("L1", "L2", "L3")
        ),
    ]


def meter_values(transaction_id: int) -> bytes:
    """Return the frame of a MeterValues with 8 samples, with places for what changes."""
    payload = {
        "connectorId": 1,
        "transactionId": transaction_id,
        "meterValue": [{"timestamp": "%(now)s", "sampledValue": sampled_values()}],
    }
    template = json.dumps([2, "m%(number)09d", "MeterValues", payload])
    filled = template % _places(0)
    head = frame(filled)[: -len(filled)].replace(b"%", b"%%")
    return head + template.encode()


def _places(number: int) -> dict[str, Any]:
    return {"number": number % 1_000_000, "small": number % 1_000, "now": now()}


def stop_transaction(transaction_id: int) -> str:
    """Return the CALL of a StopTransaction with 60 times 10 samples: 88 kB."""
    began = datetime.now(UTC) - timedelta(hours=1)
    data = [
        {
            "timestamp": f"{began + timedelta(minutes=minute):%Y-%m-%dT%H:%M:%SZ}",
            "sampledValue": [
                {
                    "value": f"{1_000 * number + minute}.5",
                    "context": "Sample.Periodic",
                    "format": "Raw",
                    "measurand": "Energy.Active.Import.Register",
                    "phase": f"L{number % 3 + 1}",
                    "location": "Outlet",
                    "unit": "Wh",
                }
                for number in range(10)
            ],
        }
        for minute in range(60)
    ]
    payload = {
        "transactionId": transaction_id,
        "meterStop": 200_000,
        "timestamp": now(),
        "reason": "Local",
        "transactionData": data,
    }
    return json.dumps([2, f"s{transaction_id}", "StopTransaction", payload])


def now() -> str:
    """Return the time as charge points write it."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"


class LoadCharger(asyncio.Protocol):
    """One charge point."""

    def __init__(self, charge_point_id: str) -> None:
        """Dial as this one."""
        self.id = charge_point_id
        self.sent = 0
        self.answered = 0
        self.refused = 0
        self.closed = False
        self.longest = 0.0
        self.transaction_id = 0
        self.asked: set[str] = set()
        self._numbers = count(1)
        self._template = b""
        self._buffer = bytearray()
        self._upgraded = False
        self._sent_at = 0.0
        self._answer: asyncio.Future[Any] | None = None
        # Makes the next frame to send when the last was answered.
        self.next: Callable[[], bytes] | None = None
        self._transport: asyncio.Transport | None = None

    async def dial(self, port: int) -> None:
        """Connect, boot, and begin a session."""
        loop = asyncio.get_running_loop()
        self._answer = loop.create_future()
        await loop.create_connection(lambda: self, HOST, port)
        await self._answer
        await self.call(
            "BootNotification",
            {"chargePointVendor": "Load", "chargePointModel": "Benchmark"},
        )
        await self.report("Available")
        await self.begin()
        # What is made of its first values is made before anything is measured.
        await self.exchange(self.meter_values())

    async def report(self, status: str) -> None:
        """Send the connector's status."""
        await self.call(
            "StatusNotification",
            {"connectorId": 1, "errorCode": "NoError", "status": status},
        )

    async def begin(self) -> None:
        """Begin a session."""
        answer = await self.call(
            "StartTransaction",
            {
                "connectorId": 1,
                "idTag": "LOAD",
                "meterStart": 100_000,
                "timestamp": now(),
            },
        )
        self.transaction_id = answer["transactionId"]
        self._template = meter_values(self.transaction_id)
        await self.report("Charging")

    async def call(self, action: str, payload: Any) -> Any:
        """Return the answer to a CALL."""
        text = json.dumps([2, f"c{next(self._numbers)}", action, payload])
        return await self.exchange(frame(text))

    async def exchange(self, data: bytes) -> Any:
        """Return the answer to a CALL that is a frame already."""
        self._answer = asyncio.get_running_loop().create_future()
        self.send(data)
        return await self._answer

    def send(self, data: bytes) -> None:
        """Send a frame that will be answered."""
        assert self._transport is not None
        self.sent += 1
        self._sent_at = time.perf_counter()
        self._transport.write(data)

    def meter_values(self) -> bytes:
        """Return a frame of new meter values."""
        places = _places(next(self._numbers))
        places["now"] = places["now"].encode()
        return self._template % {key.encode(): it for key, it in places.items()}

    def hang_up(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.abort()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(
            f"GET /ocpp/{self.id} HTTP/1.1\r\nHost: {HOST}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: ocpp1.6\r\n"
            "\r\n".encode()
        )

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError(f"{self.id}: closed"))

    @override
    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._upgraded:
            head, separator, rest = self._buffer.partition(b"\r\n\r\n")
            if not separator:
                return
            assert head.startswith(b"HTTP/1.1 101"), head
            self._upgraded = True
            self._buffer = rest
            assert self._answer is not None
            self._answer.set_result(None)
        for opcode, payload in self._frames():
            if opcode == 1:
                self._take(payload)
            elif opcode == 9:
                assert self._transport is not None
                self._transport.write(frame(payload.decode("latin-1"), 10))

    def _frames(self) -> Iterator[tuple[int, bytes]]:
        """Return the frames that are complete."""
        buffer = self._buffer
        while len(buffer) >= 2:
            size, start = buffer[1], 2
            if size == 126:
                size, start = int.from_bytes(buffer[2:4]), 4
            elif size == 127:
                size, start = int.from_bytes(buffer[2:10]), 10
            if len(buffer) < start + size:
                return
            opcode, payload = buffer[0] & 15, bytes(buffer[start : start + size])
            del buffer[: start + size]
            yield opcode, payload

    def _take(self, payload: bytes) -> None:
        """Take an answer, or give one."""
        if payload.startswith((b"[2,", b"[2 ,")):
            _, message_id, action, *_ = json.loads(payload)
            self.asked.add(action)
            if action in _ANSWERS:
                answer = [3, message_id, _ANSWERS[action]]
            else:
                answer = [4, message_id, "NotImplemented", "", {}]
            assert self._transport is not None
            self._transport.write(frame(json.dumps(answer)))
            return
        self.answered += 1
        self.longest = max(self.longest, time.perf_counter() - self._sent_at)
        if not payload.startswith(b"[3"):
            self.refused += 1
        if self.next is not None:
            self.send(self.next())
        elif self._answer is not None and not self._answer.done():
            answer = json.loads(payload)
            if answer[0] == 3:
                self._answer.set_result(answer[2])
            else:
                self._answer.set_exception(ValueError(f"{self.id}: {payload!r}"))


async def dial_all(port: int, number: int, prefix: str = "LOAD") -> list[LoadCharger]:
    """Return charge points in the middle of a session."""
    chargers = [LoadCharger(f"{prefix}-{it}") for it in range(number)]
    for charger in chargers:
        await charger.dial(port)
    return chargers


def _cpu_seconds(pid: int) -> float:
    """Return how long the threads of a process had a processor, the kernel's work with it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def as_fast_as_answered(
    chargers: list[LoadCharger], seconds: float, pid: int = 0
) -> tuple[float, float]:
    """Return how many messages per second were answered, and per second of CPU time.

    Of the process that serves them, if its `pid` is given.
    """
    # What the central system asks after a boot comes first.
    await asyncio.sleep(1.0)
    for charger in chargers:
        charger.next = charger.meter_values
        charger.send(charger.meter_values())
    await asyncio.sleep(0.3)
    before, began = sum(it.answered for it in chargers), time.perf_counter()
    cpu_before = _cpu_seconds(pid) if pid else 0.0
    await asyncio.sleep(seconds)
    answered = sum(it.answered for it in chargers) - before
    took = time.perf_counter() - began
    cpu_took = _cpu_seconds(pid) - cpu_before if pid else 0.0
    for charger in chargers:
        charger.next = None
    return answered / took, answered / cpu_took if pid else 0.0


async def at_pace(chargers: list[LoadCharger], seconds: float, interval: float) -> None:
    """Send meter values so often, spread evenly."""
    deadline = time.monotonic() + seconds

    async def one(charger: LoadCharger, first_after: float) -> None:
        await asyncio.sleep(first_after)
        due = time.monotonic()
        while due < deadline and not charger.closed:
            await charger.exchange(charger.meter_values())
            due += interval
            await asyncio.sleep(due - time.monotonic())

    waits = [
        one(charger, interval * number / len(chargers))
        for number, charger in enumerate(chargers)
    ]
    await asyncio.gather(*waits, return_exceptions=True)


def _report(chargers: list[LoadCharger], rate: float, cpu_rate: float) -> None:
    result = {
        "rate": rate,
        "cpu_rate": cpu_rate,
        "sent": sum(it.sent for it in chargers),
        "answered": sum(it.answered for it in chargers),
        "refused": sum(it.refused for it in chargers),
        "closed": sum(it.closed for it in chargers),
        "longest_ms": 1_000 * max(it.longest for it in chargers),
        "asked": sorted(set().union(*(it.asked for it in chargers))),
    }
    print(json.dumps(result), flush=True)


async def run(options: argparse.Namespace) -> None:
    """Dial, load, report; with `--hold`, stay until the standard input is closed."""
    chargers = await dial_all(options.port, options.count)
    if options.settle:
        print("dialled", flush=True)
        await asyncio.sleep(options.settle)
        print("settled", flush=True)
    rate = cpu_rate = 0.0
    for charger in chargers:
        charger.longest = 0.0
    if options.interval:
        await at_pace(chargers, options.seconds, options.interval)
    elif options.seconds:
        rate, cpu_rate = await as_fast_as_answered(
            chargers, options.seconds, options.pid
        )
    for _ in range(options.messages):
        await asyncio.gather(*(it.exchange(it.meter_values()) for it in chargers))
    _report(chargers, rate, cpu_rate)
    if options.hold:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, input)
    for charger in chargers:
        charger.hang_up()


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--interval", type=float, default=0.0)
    parser.add_argument("--messages", type=int, default=0, help="of each, at the end")
    parser.add_argument("--settle", type=float, default=0.0, help="seconds, at first")
    parser.add_argument("--pid", type=int, default=0, help="of what serves them")
    parser.add_argument("--hold", action="store_true")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
