"""The demo's broker and its stand-in for BEMCom's API, with a mirror between them."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
import json
from pathlib import Path
import socket
import sys

import pytest

from custom_components.bemcom_connectors.bemcom.broker_options import BrokerOptions
from custom_components.bemcom_connectors.bemcom.mirror import (
    Mirror,
    last_will,
    wall_clock,
)
from custom_components.bemcom_connectors.bemcom.model import MirrorOptions
from custom_components.bemcom_connectors.bemcom.own_broker import OwnBroker
from custom_components.bemcom_connectors.connector.backoff import Backoff
from custom_components.bemcom_connectors.connector.model import CommandReason
from demo.bemcom import BemcomApi, map_of
from demo.bemcom_api import value_of
from demo.broker import BrokerStartError, DemoBroker, find_amqtt, find_mosquitto
from tests.bemcom.stack import NAME, FakeConnector
from tests.ports import free_port

pytestmark = pytest.mark.usefixtures("loopback")

PROGRAMS = {"mosquitto": find_mosquitto, "amqtt": find_amqtt}
REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(params=PROGRAMS)
def program(request: pytest.FixtureRequest) -> Path:
    """Return each broker that this machine has."""
    found = PROGRAMS[request.param]()
    if found is None:
        pytest.skip(f"{request.param} is not installed")
    return found


@pytest.fixture
async def broker(program: Path, tmp_path: Path) -> AsyncGenerator[DemoBroker]:
    """Return a broker that runs."""
    async with DemoBroker(tmp_path, port=free_port(), program=program) as running:
        yield running


@asynccontextmanager
async def mirrored(connector: FakeConnector, port: int) -> AsyncGenerator[Mirror]:
    """Mirror a connector through a broker."""
    options = MirrorOptions(connector_name=NAME, version="1.0", heartbeat_interval=1)
    own = OwnBroker(
        BrokerOptions(host="127.0.0.1", port=port),
        will=lambda: last_will(options, wall_clock()),
        backoff=Backoff(0.05, 0.2),
    )
    mirror = Mirror(connector, own, options)
    mirror.start()
    await connector.start()
    own.start(mirror)
    try:
        yield mirror
    finally:
        await mirror.stop()
        await own.stop()
        await connector.stop()


async def tool(port: int, *arguments: str) -> tuple[int | None, str]:
    """Run the program that people use, and return how it ended and what it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "demo.bemcom_api", "--port", str(port), "--connector", NAME),
        *arguments,
        cwd=REPOSITORY,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode()


def sensor(api: BemcomApi, key: str, value: object) -> Callable[[], bool]:
    """Return what tells whether the API has a value."""
    return lambda: api.values.get(key, {}).get("value") == value


async def test_mirror_meets_an_existing_stack(broker: DemoBroker) -> None:
    connector = FakeConnector("setpoint")
    async with BemcomApi(NAME, port=broker.port) as api, mirrored(connector, api.port):
        connector.publish({"a": 1, "b": [1, 2]}, 1_573_680_749_000)
        await api.wait(lambda: len(api.map["sensor"]) == 2 and api.map["actuator"])
        await api.wait(lambda: api.is_alive)
        await api.wait(lambda: len(api.values) == 2)
        assert api.values["b"] == {"value": [1, 2], "timestamp": 1_573_680_749_000}

        line = await api.command("setpoint", 21.5)
        assert (line["msg"], line["level"]) == ("setpoint: Carried out", 20)
        connector.refuse = CommandReason.REFUSED
        line = await api.command("setpoint", None)
        assert line["level"] == 40
        assert [it[:2] for it in connector.commands] == [
            ("setpoint", 21.5),
            ("setpoint", None),
        ]
        with pytest.raises(KeyError):
            await api.send("nothing", 1)


async def test_retained_messages_reach_who_comes_late(broker: DemoBroker) -> None:
    connector = FakeConnector("setpoint")
    async with mirrored(connector, broker.port):
        connector.publish({"a": 1}, wall_clock())
        async with BemcomApi(NAME, port=broker.port) as api:
            await api.wait(sensor(api, "a", 1))
        # It only looks on, and finds the map, the datapoints and the value.
        async with BemcomApi(NAME, port=broker.port, serves=False) as late:
            await late.wait(sensor(late, "a", 1))
            assert late.map == api.map
            assert late.available["actuator"] == {"setpoint": "0"}
    # The next start of the connector finds its map too.
    async with mirrored(FakeConnector("setpoint"), broker.port) as mirror:
        async with asyncio.timeout(10):
            while not mirror.inbox.datapoint_map.sensors:
                await asyncio.sleep(0.01)


async def test_broker_that_is_restarted(broker: DemoBroker) -> None:
    """It forgets everything, and everybody says it again."""
    connector = FakeConnector("setpoint")
    async with BemcomApi(NAME, port=broker.port) as api, mirrored(connector, api.port):
        connector.publish({"a": 1}, wall_clock())
        await api.wait(sensor(api, "a", 1))
        await broker.stop()
        connector.publish({"a": 2, "b": 3}, wall_clock())
        await broker.start()
        await api.wait(sensor(api, "a", 2))
        await api.wait(sensor(api, "b", 3))
        line = await api.command("setpoint", 7)
        assert line["msg"] == "setpoint: Carried out"


async def test_program_shows_and_commands(broker: DemoBroker) -> None:
    code, said = await tool(broker.port, "list")
    assert (code, said.split()[:3]) == (1, ["Nobody", "has", "published"])
    connector = FakeConnector("setpoint")
    async with BemcomApi(NAME, port=broker.port) as api, mirrored(connector, api.port):
        connector.publish({"a": 1}, wall_clock())
        await api.wait(lambda: api.map["sensor"] and api.map["actuator"])
        code, said = await tool(broker.port, "list")
        assert code == 0
        assert f"sensor    {api.map['sensor']['a']}  a\n" in said
        assert f"actuator  {api.topic_of('setpoint')}  setpoint\n" in said
        code, said = await tool(broker.port, "send", "setpoint", '{"limit": 5}')
        assert (code, said) == (0, "setpoint: Carried out\n")
        assert connector.commands[0][1] == {"limit": 5}
        code, said = await tool(broker.port, "send", "no-such-thing", "1")
        assert (code, said) == (1, "no-such-thing is no actuator of the map\n")


async def test_program_watches(broker: DemoBroker) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "demo.bemcom_api", "--port", str(broker.port)),
        *("--connector", NAME, "watch"),
        cwd=REPOSITORY,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    connector = FakeConnector()
    async with BemcomApi(NAME, port=broker.port) as api, mirrored(connector, api.port):
        connector.publish({"a": 1}, wall_clock())
        await api.wait(sensor(api, "a", 1))
        shown = f"{api.map['sensor']['a']}  a: "
        async with asyncio.timeout(20):
            while not (line := (await process.stdout.readline()).decode()).startswith(
                shown
            ):
                assert line
        assert json.loads(line.removeprefix(shown))["value"] == 1
    process.terminate()
    await process.communicate()
    assert process.returncode == 0


async def test_port_that_is_taken(program: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        broker = DemoBroker(tmp_path, port=taken.getsockname()[1], program=program)
        with pytest.raises(BrokerStartError, match="--mqtt-port"):
            await broker.start()


async def test_broker_that_ends_at_once(tmp_path: Path) -> None:
    program = tmp_path / "mosquitto"
    program.write_text("#!/bin/sh\necho out of order\nexit 1\n")
    program.chmod(0o755)
    with pytest.raises(BrokerStartError, match="out of order"):
        await DemoBroker(tmp_path, port=free_port(), program=program).start()


async def test_machine_without_a_broker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("find_mosquitto", "find_amqtt"):
        monkeypatch.setattr(f"demo.broker.{name}", lambda: None)
    with pytest.raises(BrokerStartError, match="install mosquitto"):
        await DemoBroker(tmp_path).start()


def test_map_is_written_as_bemcom_does() -> None:
    ids = {("sensor", "dev__t"): 1, ("actuator", "dev__sp"): 5, ("actuator", "x"): 6}
    assert map_of("ha-test", ids) == {
        "sensor": {"dev__t": "ha-test/messages/1/value"},
        "actuator": {
            "ha-test/messages/5/value": "dev__sp",
            "ha-test/messages/6/value": "x",
        },
    }


@pytest.mark.parametrize(
    ("typed", "value"),
    [("21.5", 21.5), ("true", True), ("null", None), ('"4"', "4"), ("eco", "eco")],
)
def test_what_is_typed(typed: str, value: object) -> None:
    assert value_of(typed) == value
