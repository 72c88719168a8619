"""What BEMCom's OCPP connector does, recorded, against the mirror of an OCPP hub."""

import asyncio
import json
import time
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.bemcom_connectors.bemcom.mirror import Mirror, wall_clock
from custom_components.bemcom_connectors.bemcom.model import MirrorOptions
from custom_components.bemcom_connectors.bemcom.ocpp_datapoints import ocpp_datapoints
from custom_components.bemcom_connectors.connector.model import ParseError, RawMessage
from tests.bemcom.stack import NAME, NOW, FakeBroker, Stack, play
from tests.bemcom.test_messages import JSON
from tests.ocpp.test_ocpp_commands import wallbox
from tests.vectors import Row, area

ACCEPTED = {"status": "Accepted"}


@area("ocpp_inbound")
def test_what_charge_points_send(row: Row) -> None:
    """The keys and the values are upstream's, where upstream has any."""
    message = {row["input"]["action"]: row["input"]["payload"]}

    async def story(stack: Stack) -> None:
        sensors = row["expected"]["sensor"]
        topics = {f"{NAME}/messages/{i}/value": it for i, it in enumerate(sensors)}
        await stack.map({key: topic for topic, key in topics.items()})
        stack.connector.run_sensor_flow(message)
        await asyncio.sleep(60)
        if row["policy"] == "match":
            available = stack.broker.on(f"{NAME}/available_datapoints")[-1]["sensor"]
            assert sensors.items() <= available.items()
            for topic, key in topics.items():
                assert stack.broker.on(topic)[-1]["value"] == sensors[key]
        # Where upstream fails, the message is simply taken.
        assert stack.connector.statistics.listener_errors == 0

    play(story, translate=ocpp_datapoints)


@area("ocpp_outbound")
@pytest.mark.usefixtures("loopback")
async def test_what_charge_points_are_told(row: Row) -> None:
    """A message on the topic of an actuator is upstream's call, and its answer is heard."""
    broker = FakeBroker()
    topic = f"{NAME}/messages/7/value"
    given, expected = row["input"], row["expected"]
    async with wallbox(SetChargingProfile=ACCEPTED, TriggerMessage=ACCEPTED) as (
        hub,
        client,
    ):
        mirror = Mirror(hub, broker, MirrorOptions(connector_name=NAME, version="1"))
        mirror.start()
        mirror.connected()
        key = given["datapoint_key"]
        mirror.inbox.received(f"{NAME}/datapoint_map", _map(topic, key), True)
        mirror.received(
            topic, _json(value=given["value"], timestamp=wall_clock()), False
        )
        async with asyncio.timeout(10):
            while not any(
                "Carried out" in it["msg"] for it in broker.on(f"{NAME}/logs")
            ):
                await asyncio.sleep(0.01)
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
        await mirror.stop()
        with pytest.raises(ParseError, match="cannot be processed again"):
            await hub.reprocess_raw_msg(RawMessage({"Heartbeat": {}}, 1))


def _map(topic: str, key: str) -> bytes:
    return _json(sensor={}, actuator={topic: key})


def _json(**message: Any) -> bytes:
    return json.dumps(message).encode()


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
