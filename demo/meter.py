"""Meters that push their readings over TCP, to anyone who connects.

Run them with `python -m demo.meter`, or start them from a test:

    async with JsonMeter(port=0) as meter:
        connect to ("127.0.0.1", meter.port)

What a meter says depends on its seed and on how often it has spoken, not on the clock.
"""

import argparse
import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date, timedelta
import json
import logging
import math
import random
import signal
from typing import Any, Self, override

import yaml

_LOGGER = logging.getLogger(__name__)

# A client that reads nothing is dropped before it costs this many bytes.
MAX_UNSENT = 1_000_000


class PushMeter:
    """A TCP server that pushes a document to all its clients, again and again."""

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        interval: float = 1.0,
        seed: int = 1,
    ) -> None:
        """Remember how to serve; port 0 takes any free one."""
        self.host = host
        self.port = port
        self.interval = interval
        self.documents_sent = 0
        self._random = random.Random(seed)
        self._server: asyncio.Server | None = None
        self._pusher: asyncio.Task[None] | None = None
        self._clients: set[asyncio.StreamWriter] = set()
        self._running = asyncio.Event()
        self._running.set()

    def measure(self) -> Mapping[str, Any]:
        """Return the next readings."""
        raise NotImplementedError

    def encode(self, readings: Mapping[str, Any]) -> bytes:
        """Return the readings as they go over the wire."""
        raise NotImplementedError

    @property
    def client_count(self) -> int:
        """Return how many clients are connected."""
        return len(self._clients)

    async def start(self) -> None:
        """Listen and push; on the port of before, if it was started before."""
        self._server = await asyncio.start_server(self._serve, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        self._pusher = asyncio.create_task(self._push_forever())

    async def stop(self) -> None:
        """Close all connections and the port."""
        if self._pusher is not None:
            self._pusher.cancel()
            with suppress(asyncio.CancelledError):
                await self._pusher
            self._pusher = None
        if self._server is not None:
            self._server.close()
            self.drop_connections()
            await self._server.wait_closed()
            self._server = None

    async def restart(self, pause: float = 0.0) -> None:
        """Be away for a moment, as a device that reboots is."""
        await self.stop()
        await asyncio.sleep(pause)
        await self.start()

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop()

    def pause(self) -> None:
        """Say nothing until `resume`, but stay connected."""
        self._running.clear()

    def resume(self) -> None:
        """Speak again."""
        self._running.set()

    def drop_connections(self) -> None:
        """Break all connections off at once."""
        for writer in self._clients:
            writer.transport.abort()
        self._clients.clear()

    def push_now(self) -> Mapping[str, Any]:
        """Push the next readings to everyone now, and return them."""
        readings = self.measure()
        self.send(self.encode(readings))
        return readings

    def send(self, data: bytes) -> None:
        """Send bytes to everyone as they are."""
        self.documents_sent += 1
        for writer in tuple(self._clients):
            if writer.transport.get_write_buffer_size() > MAX_UNSENT:
                _LOGGER.warning("Dropping a client that does not read")
                writer.transport.abort()
            else:
                writer.write(data)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Keep a client until it leaves; what it says does not matter."""
        self._clients.add(writer)
        try:
            while await reader.read(4096):
                pass
        except OSError:
            pass
        finally:
            self._clients.discard(writer)
            writer.close()

    async def _push_forever(self) -> None:
        while True:
            await self._running.wait()
            self.push_now()
            await asyncio.sleep(self.interval)


class JsonMeter(PushMeter):
    """An electricity meter: one nested JSON object per line."""

    _energy_kwh = 1_284.25
    _load_w = 740.0
    _steps = 0

    @override
    def measure(self) -> dict[str, Any]:
        noise = self._random.gauss
        self._steps += 1
        # A kettle goes on and off now and then; everything else wanders.
        if self._random.random() < 0.03:
            self._load_w = self._random.choice((420.0, 740.0, 2_740.0))
        shares = (0.5, 0.3, 0.2)
        voltage = 230 + 2 * math.sin(self._steps / 60) + noise(0, 0.3)
        power = max(60.0, self._load_w + noise(0, 15))
        self._energy_kwh += power * self.interval / 3_600_000
        phases = {
            f"l{number}": {
                "current_a": round(power * share / voltage, 2),
                "power_w": round(power * share, 1),
            }
            for number, share in enumerate(shares, 1)
        }
        return {
            "meter": {
                "power_w": round(power, 1),
                "energy_kwh": round(self._energy_kwh, 3),
                "voltage_v": round(voltage, 1),
                "frequency_hz": round(50 + noise(0, 0.01), 2),
                **phases,
            },
            "online": True,
            "status": "running" if power > 300 else "idle",
            "temperature_c": round(31 + power / 1_000 + noise(0, 0.1), 1),
        }

    @override
    def encode(self, readings: Mapping[str, Any]) -> bytes:
        return json.dumps(readings).encode() + b"\n"


class YamlMeter(PushMeter):
    """A weather station: YAML documents of several lines, each ended by `---`."""

    _steps = 0
    _rain_mm = 3.2
    _battery = 93.0

    @override
    def measure(self) -> dict[str, Any]:
        noise = self._random.gauss
        self._steps += 1
        daily = math.sin(self._steps / 300)
        if self._random.random() < 0.05:
            self._rain_mm += 0.2
        self._battery = max(5.0, self._battery - 0.002)
        return {
            "station": {
                "temperature_c": round(14 + 6 * daily + noise(0, 0.1), 1),
                "humidity_percent": round(65 - 15 * daily + noise(0, 0.5)),
                "pressure_hpa": round(1_013 + 4 * math.sin(self._steps / 900), 1),
            },
            "wind": {
                "speed_m_s": round(abs(3.5 + noise(0, 1)), 1),
                "direction_deg": round(210 + noise(0, 12)) % 360,
            },
            "rain_mm": round(self._rain_mm, 1),
            "battery_percent": round(self._battery),
            "last_reboot": date(2026, 11, 1) + timedelta(days=self._steps // 86_400),
        }

    @override
    def encode(self, readings: Mapping[str, Any]) -> bytes:
        return yaml.safe_dump(dict(readings), sort_keys=False).encode() + b"---\n"


def on_stop_signal(action: Callable[[], object]) -> None:
    """Call `action` when this program is asked to end."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, action)


async def main() -> None:
    """Serve both meters until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m demo.meter", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--json-port", type=int, default=5020)
    parser.add_argument("--yaml-port", type=int, default=5021)
    parser.add_argument("--interval", type=float, default=1.0, help="seconds")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    common = {
        "host": options.host,
        "interval": options.interval,
        "seed": options.seed,
    }

    stop = asyncio.Event()
    on_stop_signal(stop.set)
    async with (
        JsonMeter(port=options.json_port, **common) as json_meter,
        YamlMeter(port=options.yaml_port, **common) as yaml_meter,
    ):
        print(f"JSON meter:           {json_meter.host}:{json_meter.port}")
        print(f"YAML weather station: {yaml_meter.host}:{yaml_meter.port}", flush=True)
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(main())
