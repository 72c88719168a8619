"""What BEMCom's OCPP connector does, recorded, against the mirror of an OCPP hub."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime
import time
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.bemcom_connectors.bemcom.ocpp_datapoints import ocpp_datapoints
from custom_components.bemcom_connectors.connector.model import ParseError, RawMessage
from custom_components.bemcom_connectors.ocpp.connector import OcppConnector
from tests.bemcom.listening import until
from tests.bemcom.mosquitto import PROGRAM, Mosquitto
from tests.bemcom.real_stack import RealStack
from tests.bemcom.stack import NAME, NOW, Play, Stack
from tests.bemcom.test_messages import JSON
from tests.ocpp.test_ocpp_commands import wallbox
from tests.vectors import Row, area

ACCEPTED = {"status": "Accepted"}


@area("ocpp_inbound")
def test_what_charge_points_send(row: Row, play: Play) -> None:
    """The keys and the values are upstream's, where upstream has any."""
    message = {row["input"]["action"]: row["input"]["payload"]}

    async def story(stack: Stack) -> None:
        sensors = row["expected"]["sensor"]
        topics = {f"{NAME}/messages/{i}/value": it for i, it in enumerate(sensors)}
        await stack.map({key: topic for topic, key in topics.items()})
        stack.connector.run_sensor_flow(message)
        await stack.wait(60)
        if row["policy"] == "match":
            available = stack.broker.on(f"{NAME}/available_datapoints")[-1]["sensor"]
            assert sensors.items() <= available.items()
            for topic, key in topics.items():
                assert stack.broker.on(topic)[-1]["value"] == sensors[key]
        # Where upstream fails, the message is simply taken.
        assert stack.connector.statistics.listener_errors == 0

    play(story, translate=ocpp_datapoints)


@area("ocpp_inbound")
@pytest.mark.usefixtures("loopback")
async def test_what_charge_points_are_answered(row: Row, server: Mosquitto) -> None:
    """A real hub takes the message, and what is in it is on the topics of a real broker."""
    given, expected = row["input"], row["expected"]
    async with wallbox() as (hub, client), mirrored(hub, server) as stack:
        topics = {it: f"{NAME}/messages/{it}/value" for it in expected["sensor"]}
        await stack.map(topics)
        kind, answer = await client.call(given["action"], given["payload"])
        assert kind == 3  # no CALLERROR, where upstream has one
        await stack.settle()
        for key, topic in topics.items():
            assert stack.broker.on(topic)[-1]["value"] == expected["sensor"][key]
        for name, wanted in expected.get("result", {}).items():
            if name == "currentTime":  # with its zone, which upstream's is without
                assert datetime.fromisoformat(answer[name]).tzinfo is not None
            elif name in ("interval", "transactionId"):  # they are ours to choose
                assert type(answer[name]) is type(wanted)
            else:
                assert answer[name] == wanted


@asynccontextmanager
async def mirrored(hub: OcppConnector, server: Mosquitto) -> AsyncGenerator[RealStack]:
    """Yield the mirror of a hub that runs, on a real broker."""
    if PROGRAM is None:
        pytest.skip("mosquitto is not installed")
    if not server.is_running:
        await server.start()
    stack = RealStack(server.port, connector=hub, translate=ocpp_datapoints)
    async with stack.api.connected(server.port):
        await stack.attach()
        try:
            yield stack
        finally:
            await stack.detach()
            await stack.clean()


@area("ocpp_outbound")
@pytest.mark.usefixtures("loopback")
async def test_what_charge_points_are_told(row: Row, server: Mosquitto) -> None:
    """A message on the topic of an actuator is upstream's call, and its answer is heard."""
    topic = f"{NAME}/messages/7/value"
    given, expected = row["input"], row["expected"]
    async with (
        wallbox(SetChargingProfile=ACCEPTED, TriggerMessage=ACCEPTED) as (hub, client),
        mirrored(hub, server) as stack,
    ):
        await stack.map(actuator={topic: given["datapoint_key"]})
        value = {"value": given["value"], "timestamp": stack.now()}
        await stack.receive(topic, value)
        await until(lambda: any("Carried out" in it["msg"] for it in stack.logs))
        [(action, payload)] = client.received
        assert action == expected["action"]
        wanted = expected["payload"]
        if "csChargingProfiles" in wanted:
            profile = payload["csChargingProfiles"]
            assert abs(profile["chargingProfileId"] - time.time()) < 60
            profile = profile | {
                "chargingProfileId": wanted["csChargingProfiles"]["chargingProfileId"]
            }
            payload = payload | {"csChargingProfiles": profile}
        assert payload == wanted
        with pytest.raises(ParseError, match="cannot be processed again"):
            await hub.reprocess_raw_msg(RawMessage({"Heartbeat": {}}, 1))


@pytest.mark.parametrize(
    ("sample", "key"),
    [
        ({"value": "1"}, "Energy.Active.Import.Register__Wh"),
        ({"value": "1", "measurand": "SoC"}, "SoC"),
        (
            {"value": "1", "measurand": "Voltage", "phase": "L1-N", "unit": "V"},
            "Voltage__L1-N__V",
        ),
    ],
)
def test_samples_without_everything(sample: Any, key: str) -> None:
    """With OCPP's defaults; upstream fails there."""
    payload: Any = {"meterValue": [{"sampledValue": []}, {"sampledValue": [sample]}]}
    assert ocpp_datapoints(RawMessage({"MeterValues": payload}, NOW)) == {key: "1"}


@given(
    st.sampled_from(["MeterValues", "StatusNotification", "Heartbeat", "Other"]),
    JSON | JSON.map(lambda it: {"meterValue": [{"sampledValue": [it, {"value": it}]}]}),
)
def test_any_payload_is_taken(action: str, payload: Any) -> None:
    for message in (payload, {action: payload}):
        found = ocpp_datapoints(RawMessage(message, NOW))
        assert all(isinstance(key, str) for key in found)
