"""The simulated meters, which other tests rely on."""

import asyncio
import json

import pytest
import yaml

from demo.meter import JsonMeter, PushMeter, YamlMeter


async def connect(
    meter: PushMeter,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect, and return once the meter knows."""
    before = meter.client_count
    streams = await asyncio.open_connection(meter.host, meter.port)
    while meter.client_count == before:
        await asyncio.sleep(0)
    return streams


async def test_json_meter_says_what_push_now_returns(loopback: str) -> None:
    async with JsonMeter(interval=3600) as meter:
        one, two = await connect(meter), await connect(meter)
        readings = meter.push_now()
        for reader, writer in (one, two):
            assert json.loads(await reader.readline()) == readings
            writer.close()


async def test_yaml_meter_ends_documents(loopback: str) -> None:
    async with YamlMeter(interval=3600) as meter:
        reader, writer = await connect(meter)
        readings = meter.push_now()
        text = (await reader.readuntil(b"---\n")).decode()
        assert yaml.safe_load(text.removesuffix("---\n")) == readings
        assert text.count("\n") > 5
        writer.close()


@pytest.mark.parametrize("kind", [JsonMeter, YamlMeter])
def test_readings_depend_on_seed(kind: type[PushMeter]) -> None:
    def readings(seed: int) -> list[object]:
        meter = kind(seed=seed)
        return [meter.measure() for _ in range(50)]

    assert readings(1) == readings(1) != readings(2)
    assert len({str(reading) for reading in readings(1)}) > 40


async def test_drop_and_restart_on_same_port(loopback: str) -> None:
    async with JsonMeter(interval=0.01) as meter:
        port = meter.port
        reader, writer = await connect(meter)
        meter.pause()
        meter.drop_connections()
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(100_000)
        writer.close()

        await meter.stop()
        with pytest.raises(ConnectionError):
            await asyncio.open_connection(loopback, port)
        await meter.start()
        assert meter.port == port
        reader, writer = await connect(meter)
        meter.resume()
        assert await reader.readline()
        writer.close()
