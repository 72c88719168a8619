"""What BEMCom's connectors did with commands and with time, against what we do."""

import asyncio
from itertools import pairwise
import json
from typing import Any, override

import pytest

from custom_components.bemcom_connectors.connector.actuators import (
    Actuator,
    ActuatorKind,
)
from custom_components.bemcom_connectors.connector.base import Connector
from custom_components.bemcom_connectors.connector.model import (
    Command,
    CommandError,
    CommandReason,
    JsonValue,
)
from custom_components.bemcom_connectors.connector.requests import Request, asking
from custom_components.bemcom_connectors.connector.transport import Link
from tests.connector.wire import Wire, run
from tests.vectors import Row, area, expectation


class Actuators(Connector):
    """A connector that remembers what it was told to set."""

    def __init__(self, keys: list[str]) -> None:
        """Take anything for some keys."""
        super().__init__("example-connector")
        self.actuators = {
            key: Actuator(key=key, kind=ActuatorKind.METHOD) for key in keys
        }
        self.commands: list[dict[str, Any]] = []

    @override
    async def receive_raw_msg(self) -> JsonValue:
        """Say nothing."""
        await asyncio.Event().wait()
        return None

    @override
    async def send_command(
        self, datapoint_key: str, datapoint_value: JsonValue, datapoint_timestamp: int
    ) -> JsonValue:
        """Remember a command."""
        self.commands.append(
            {
                "datapoint_key": datapoint_key,
                "datapoint_value": datapoint_value,
                "datapoint_timestamp": datapoint_timestamp,
            }
        )
        return None


@area("actuator_value")
async def test_actuator_value(row: Row) -> None:
    """A value is passed on as it is; what has no actuator costs nobody else anything."""
    given, expected = row["input"], expectation(row)
    if "send_command" not in expected or not given["payload_text"]:
        pytest.skip("what is a command, and whose: the mirror's business")
    topics = given["datapoint_map"]["actuator"]
    message = json.loads(given["payload_text"])
    key = topics.get(given["topic"], "no such key")
    command = Command(key, message["value"], message["timestamp"])
    connector = Actuators(list(topics.values()))
    await connector.start()
    try:
        if expected["send_command"] is not None:
            await connector.run_actuator_flow(command)
            assert connector.commands == [expected["send_command"]]
        else:
            with pytest.raises(CommandError) as error:
                await connector.run_actuator_flow(command)
            assert error.value.reason is CommandReason.UNKNOWN_KEY
            assert connector.commands == []
        again = Command(next(iter(topics.values())), False, 2)
        await connector.run_actuator_flow(again)  # it goes on
        assert connector.commands[-1]["datapoint_value"] is False
    finally:
        await connector.stop()


@area("dispatcher")
def test_dispatcher(row: Row) -> None:
    """What is asked again and again is asked at once, and then in step."""
    given, expected = row["input"], row["expected"]

    async def story() -> list[float]:
        loop = asyncio.get_running_loop()
        link = Link()
        times: list[float] = []
        Wire(link, lambda _: times.append(loop.time()))
        request = Request(b"?", given["call_interval_s"])
        async with asking(link, request, lambda: None):
            await asyncio.sleep(given["run_for_s"])
        return times

    times = run(story())
    assert len(times) == expected["calls"]
    spaces = [after - before for before, after in pairwise(times)]
    assert spaces == [
        pytest.approx(expected["spacing_s"], abs=expected["tolerance"])
    ] * len(spaces)
