"""Readings to a real broker through a mirror, over both kinds of connections."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
import json
from pathlib import Path
from statistics import median
import tempfile
import time

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_test_home_assistant,
)

from benchmarks.measure import Row
from custom_components.bemcom_connectors.bemcom.broker_options import BrokerOptions
from custom_components.bemcom_connectors.bemcom.messages import encode_value
from custom_components.bemcom_connectors.bemcom.mirror import Mirror, wall_clock
from custom_components.bemcom_connectors.bemcom.model import MirrorOptions
from custom_components.bemcom_connectors.bemcom.own_broker import OwnBroker
from custom_components.bemcom_connectors.connector.model import JsonValue
from custom_components.bemcom_connectors.home_assistant_broker import (
    HomeAssistantBroker,
)
from homeassistant.core import HomeAssistant
from tests.bemcom.mosquitto import PROGRAM, Mosquitto
from tests.bemcom.stack import FakeConnector

VALUES = 20
MESSAGES = 250
ROUNDS = 7
NAME = "benchmark"

TOPICS = {f"value_{i}": f"{NAME}/messages/{i}/value" for i in range(VALUES)}


def _values(number: int) -> dict[str, JsonValue]:
    """Return the values of a message, which are all new."""
    return {key: number + i / 100 for i, key in enumerate(TOPICS)}


class _Plain:
    """paho-mqtt with its thread, and nothing else."""

    def __init__(self, port: int) -> None:
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._messages = [
            (TOPICS[key], encode_value(value, wall_clock()))
            for number in range(MESSAGES)
            for key, value in _values(number).items()
        ]

    def run(self) -> float:
        """Publish; return values per second."""
        publish = self._client.publish
        began = time.perf_counter()
        under_way = [publish(topic, it, 1, True) for topic, it in self._messages]
        for info in under_way:
            info.wait_for_publish()
        return len(under_way) / (time.perf_counter() - began)

    def close(self) -> None:
        """End it."""
        self._client.disconnect()
        self._client.loop_stop()


class _Mirrored:
    """A hub that is mirrored."""

    def __init__(self, broker: OwnBroker | HomeAssistantBroker) -> None:
        self._connector = FakeConnector()
        options = MirrorOptions(connector_name=NAME, version="1", keep_all=True)
        self._broker = broker
        self._mirror = Mirror(self._connector, broker, options)

    async def start(self) -> None:
        """Connect, and have a map."""
        self._mirror.start()
        self._broker.start(self._mirror)
        while not self._mirror.is_connected:
            await asyncio.sleep(0.01)
        payload = json.dumps({"sensor": TOPICS, "actuator": {}}).encode()
        self._mirror.received(f"{NAME}/datapoint_map", payload, True)

    async def run(self) -> float:
        """Publish; return values per second."""
        outbox = self._mirror.publisher.outbox
        before, sent = time.perf_counter(), outbox.values.counters.sent
        for number in range(MESSAGES):
            self._connector.publish(_values(number), wall_clock())
            if number % 50 == 0:
                await asyncio.sleep(0)  # as messages of a device come one by one
        assert await self._mirror.publisher.sender.drain(60)
        took = time.perf_counter() - before
        assert outbox.values.counters.sent - sent == MESSAGES * VALUES
        return MESSAGES * VALUES / took

    async def stop(self) -> None:
        """End it."""
        await self._mirror.stop()
        await self._broker.stop()


@asynccontextmanager
async def _home_assistant(folder: Path, port: int) -> AsyncGenerator[HomeAssistant]:
    """Yield a Home Assistant that is connected to the broker."""
    (folder / "configuration.yaml").touch()
    async with async_test_home_assistant(config_dir=str(folder)) as hass:
        hass.config.components |= {"http", "file_upload"}  # which would listen
        entry = MockConfigEntry(
            domain="mqtt",
            version=2,
            data={"broker": "127.0.0.1", "port": port, "protocol": "5"},
            options={"discovery": False},
        )
        entry.add_to_hass(hass)
        assert await hass.config_entries.async_setup(entry.entry_id)
        yield hass
        await hass.config_entries.async_unload(entry.entry_id)
        await hass.async_stop(force=True)


async def _measure() -> tuple[float, float, float]:
    """Return values per second: of paho, of both connections."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with (
            Mosquitto(folder) as mosquitto,
            _home_assistant(folder, mosquitto.port) as hass,
        ):
            plain = _Plain(mosquitto.port)
            at = BrokerOptions(host="127.0.0.1", port=mosquitto.port)
            mirrors = _Mirrored(OwnBroker(at)), _Mirrored(HomeAssistantBroker(hass))
            for mirror in mirrors:
                await mirror.start()
            rates: list[list[float]] = []
            for round_ in range(ROUNDS + 1):
                rate = [await asyncio.to_thread(plain.run)]
                rate += [await mirror.run() for mirror in mirrors]
                if round_:  # the first one warms up
                    rates.append(rate)
            for mirror in mirrors:
                await mirror.stop()
            await asyncio.to_thread(plain.close)
    baseline, own, through = (median(column) for column in zip(*rates, strict=True))
    return baseline, own, through


def rows() -> Iterator[Row | str]:
    """Measure, where there is a broker."""
    what = f"readings of {VALUES} values → a broker, QoS 1"
    if PROGRAM is None:
        yield f"| {what} | skipped: mosquitto is not installed | | | ≥ 0.5 | |"
        return
    baseline, *ours = asyncio.run(_measure())
    for rate, how in zip(ours, ("its own connection", "Home Assistant's"), strict=True):
        yield Row(f"{what}, {how}", "paho-mqtt alone", rate, baseline, 0.5, "values/s")
