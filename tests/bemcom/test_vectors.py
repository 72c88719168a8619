"""What BEMCom's connectors publish and understand, recorded: read by area.

QoS may be higher than upstream's; payloads are compared as JSON.
"""

import json
import logging
from typing import Any

from custom_components.bemcom_connectors.bemcom.journal import JournalHandler
from custom_components.bemcom_connectors.bemcom.mirror import MapFaults, last_will
from custom_components.bemcom_connectors.bemcom.model import (
    HEARTBEAT_INTERVAL,
    MirrorOptions,
)
from custom_components.bemcom_connectors.bemcom.outbox import Outgoing
from custom_components.bemcom_connectors.bemcom.schedules import read_setpoint
from custom_components.bemcom_connectors.bemcom.topics import Topics, checked_name
from custom_components.bemcom_connectors.connector.actuators import (
    Actuator,
    ActuatorKind,
)
from custom_components.bemcom_connectors.connector.model import (
    JsonValue,
    LinkError,
    LinkReason,
    Reading,
)
from tests.bemcom.stack import NAME, NOW, Play, Stack
from tests.vectors import Row, area, expectation

# What stands for a value that JSON does not have.
_PYTHON: dict[str, Any] = {"NaN": float("nan"), "bytes b'binary'": b"binary"}


def _name_in(given: dict[str, Any]) -> str:
    """Return the connector that the topics of a row are of."""
    datapoint_map = given.get("datapoint_map") or given.get("payload") or {}
    topics = [*(datapoint_map.get("sensor") or {}).values()]
    topics += [*(datapoint_map.get("actuator") or {})]
    topics += [given["topic"]] if "topic" in given else []
    return str(topics[0]).split("/", maxsplit=1)[0] if topics else NAME


@area("topics")
def test_topics(row: Row, play: Play) -> None:
    name = checked_name(row["input"]["CONNECTOR_NAME"])
    expected = dict(row["expected"])
    assert name == expected.pop("connector", name)

    async def story(stack: Stack) -> None:
        stack.connector.run_sensor_flow({"a": 1})
        await stack.wait(60)
        seen = {it.topic for it in stack.broker.arrived}
        seen |= stack.mirror.subscriptions.current
        assert {it.split("/", maxsplit=1)[0] for it in seen} == {name}
        for kind, topic in expected.items():
            assert topic in seen
            assert getattr(Topics(name), kind) == topic

    play(story, connector_name=name, raw_messages=True)


@area("sensor_value")
def test_sensor_value(row: Row, play: Play) -> None:
    given = row["input"]
    name = _name_in(given)
    values = given.get("flattened_message")
    if values is None:
        values = {"a": _PYTHON[given["value_python"]]}

    async def story(stack: Stack) -> None:
        await stack.receive(f"{name}/datapoint_map", given["datapoint_map"])
        stack.mirror.on_reading(Reading(values, given["timestamp"]))
        await stack.settle()
        topics = {*given["datapoint_map"]["sensor"].values()}
        arrived = [it for it in stack.broker.arrived if it.topic in topics]
        wanted = row["expected"]["publish"]
        assert len(arrived) == len(wanted)
        for got, one in zip(arrived, wanted, strict=True):
            message = json.loads(one["payload_text"])
            if row["policy"] == "improve":
                message["value"] = row["recommended"]["publish_value"]
            assert got.topic == one["topic"]
            assert json.loads(got.payload) == message
            assert type(json.loads(got.payload)["value"]) is type(message["value"])
            assert got.retain is one["retain"]
            assert got.qos >= one["qos"]
        warned = any(it["level"] == logging.WARNING for it in _lines(stack, name)[1:])
        assert warned is (row["expected"].get("log_warning", False))

    play(story, connector_name=name)


def _lines(stack: Stack, name: str) -> list[Any]:
    """Return the lines of the log that are not about the map's unknown keys."""
    lines = stack.broker.on(f"{name}/logs")
    return [it for it in lines if not it["msg"].startswith("Not known")]


@area("available_datapoints")
def test_available_datapoints(row: Row, play: Play) -> None:
    given, expected = row["input"], row["expected"]
    stored = given.get("stored") or given.get("initial") or {}
    update = given.get("update")
    if "flattened_message" in given:
        update = {"sensor": given["flattened_message"], "actuator": {}}

    async def story(stack: Stack) -> None:
        available = stack.mirror.available
        available.update(stored.get("sensor", {}), stored.get("actuator", {}))
        topic = f"{NAME}/available_datapoints"
        before = stack.broker.on(topic)
        if update is not None:
            stack.connector.datapoints.update(stored.get("sensor", {}))
            stack.connector.publish(dict(update.get("sensor", {})), NOW)
            is_new = available.update(update["sensor"], update["actuator"])
            if "publish" in expected:
                assert is_new is bool(expected["publish"])
            await stack.wait(60)
        published = stack.broker.on(topic)[len(before) :]
        if "update" in expected:
            assert published == [expected["update"]]
        if "publish" in expected:
            assert len(published) == len(expected["publish"])
            for got, one in zip(published, expected["publish"], strict=True):
                assert got == json.loads(one["payload_text"])
        assert available.as_json() == expected.get("stored", available.as_json())

    play(story)


@area("datapoint_map")
def test_datapoint_map(row: Row, play: Play) -> None:
    given, expected = row["input"], expectation(row)
    old = given["old"]
    payload = given.get("payload")
    name = _name_in(given)

    async def story(stack: Stack) -> None:
        mirror, broker = stack.mirror, stack.broker
        topic = f"{name}/datapoint_map"
        await stack.receive(topic, old)
        before = len(broker.subscriptions)
        logged = len(_lines(stack, name))
        message = payload if payload is not None else given["payload_text"].encode()
        await stack.receive(topic, message)
        assert mirror.inbox.datapoint_map.as_json() == expected["stored"]
        for key, done in (
            ("subscribe", [*map(_subscription, broker.subscriptions[before:])]),
            ("unsubscribe", broker.unsubscribed),
        ):
            if key in expected:
                wanted = [
                    it if isinstance(it, dict) else {"topic": it}
                    for it in expected[key]
                ]
                got = [it if isinstance(it, dict) else {"topic": it} for it in done]
                assert got == wanted
        lines = _lines(stack, name)[logged:]
        level = expected.get("log", {}).get("level", expected.get("log_level"))
        assert [it["level"] for it in lines] == ([] if level is None else [level])
        if "log" in expected:
            assert lines[0]["msg"] == expected["log"]["msg"]
        await stack.receive(topic, old)  # it goes on
        assert mirror.inbox.datapoint_map.as_json() == old

    play(story, connector_name=name)


def _subscription(entry: tuple[str, int]) -> dict[str, Any]:
    return {"topic": entry[0], "qos": entry[1]}


@area("actuator_value")
def test_actuator_value(row: Row, play: Play) -> None:
    given, expected = row["input"], expectation(row)
    topic = given["topic"]
    default = {"sensor": {}, "actuator": {topic: "any"}}
    datapoint_map = given.get("datapoint_map", default)
    name = _name_in(given)

    async def story(stack: Stack) -> None:
        await stack.receive(f"{name}/datapoint_map", datapoint_map)
        text = given.get("payload_text", '{"value": 1, "timestamp": 1}')
        await stack.receive(topic, text.encode())
        errors = [it for it in stack.broker.on(f"{name}/logs") if it["level"] == 40]
        if "handler" in expected:
            assert stack.connector.commands == [("any", 1, 1)]
        elif expected["send_command"] is None:
            assert stack.connector.commands == []
            assert [it["level"] for it in errors] == [expected["log_level"]]
        else:
            command = expected["send_command"]
            assert stack.connector.commands == [
                tuple(
                    command[f"datapoint_{it}"] for it in ("key", "value", "timestamp")
                )
            ]
            assert errors == []
        again = next(iter(datapoint_map["actuator"]))
        await stack.receive(again, {"value": "on", "timestamp": 2})  # it goes on
        assert stack.connector.commands[-1][1:] == ("on", 2)

    play(story, *datapoint_map["actuator"].values(), connector_name=name)


@area("raw_message_to_db")
def test_raw_message(row: Row, play: Play) -> None:
    given = row["input"]
    is_on = given["SEND_RAW_MESSAGE_TO_DB"] == "TRUE"
    raw: JsonValue | bytes = given.get("raw_message", "text")
    if "raw_message_bytes" in given:
        raw = given["raw_message_bytes"].encode()

    async def story(stack: Stack) -> None:
        stack.connector.run_sensor_flow(raw)
        await stack.settle()
        published = stack.broker.on(f"{NAME}/raw_message_to_db")
        if not is_on:
            assert len(published) == row["expected"]["publish_count"]
            return
        # Upstream has no way for bytes, so its connectors write them as Python does.
        (message,) = published
        text = str(raw) if isinstance(raw, bytes) else raw
        assert message["payload"]["raw_message"] == text
        assert set(message) == {"payload", "connector_version"}

    play(story, raw_messages=is_on)


@area("heartbeat")
def test_heartbeat(row: Row, play: Play) -> None:
    interval = row["input"].get("heartbeat_interval_s", HEARTBEAT_INTERVAL)
    name = row["input"].get("connector", NAME)
    expected = row["expected"]
    assert interval == expected.get("heartbeat_interval_s", interval)

    async def story(stack: Stack) -> None:
        await stack.wait(3 * interval)
        topic = expected.get("topic", f"{NAME}/heartbeat")
        beats = stack.broker.on(topic)
        sent = [it for it in stack.broker.arrived if it.topic == topic]
        assert all(it.retain is expected.get("retain", False) for it in sent)
        length = expected.get("next_minus_this", interval * 1000)
        previous = beats[0]["this_heartbeats_timestamp"]
        assert previous - NOW < 1000
        for beat in beats:
            this, following = beat.values()
            assert list(beat) == [
                "this_heartbeats_timestamp",
                "next_heartbeats_timestamp",
            ]
            assert following - this == length
            # With slack: never is one missing.
            assert this <= previous
            previous = following
        assert previous > NOW + 3 * interval * 1000

    play(story, connector_name=name, heartbeat_interval=interval)


@area("logs")
def test_logs(row: Row, play: Play) -> None:
    """What is logged in Python is a line of the connector's log."""
    expected, given = expectation(row), row["input"]
    # Documented, and lost in the API: an emitter that is none.
    message = given["payload"] if row["policy"] == "avoid" else expected["payload"]
    text, args = given.get("msg", message["msg"]), tuple(given.get("args", ()))
    emitter = message.get("emitter", "any")
    record = logging.LogRecord("it", 20, "", 1, text, args, None, emitter)

    async def story(stack: Stack) -> None:
        JournalHandler(stack.mirror.publisher.journal, lambda it: it()).emit(record)
        await stack.settle()
        topic = expected.get("topic", "{connector}/logs").format(connector=NAME)
        line = stack.broker.on(topic)[-1]
        assert set(line) == {"timestamp", "msg", "emitter", "level"}
        assert isinstance(line["timestamp"], int)
        assert line["emitter"] == (emitter or "it")
        assert line["level"] == message.get("level", 20)
        assert line["msg"] == message["msg"]
        sent = [it for it in stack.broker.arrived if it.topic == topic][-1]
        assert sent.retain is expected.get("retain", True)
        assert sent.qos >= expected.get("qos", 0)

    play(story)


@area("lifecycle")
def test_lifecycle(row: Row, play: Play) -> None:
    """A device that is lost is logged, and ends nothing."""

    async def story(stack: Stack) -> None:
        await stack.map({"a": f"{NAME}/messages/1/value"})
        error = LinkError(LinkReason.CLOSED, "It hung up")
        stack.mirror.on_connection(False, error)
        stack.mirror.on_connection(True, None)
        await stack.say(a=1)
        assert stack.errors() == ["Connection to device lost. It hung up"]
        assert [it["value"] for it in stack.broker.on(f"{NAME}/messages/1/value")] == [
            1
        ]

    assert row["recommended"]["reconnect_with_backoff"]
    play(story)


@area("api_out")
def test_what_the_api_sends(row: Row, play: Play) -> None:
    given, expected = row["input"], row["expected"]
    name = given.get("connector", NAME)
    value, setpoint = (f"{name}/messages/1/{it}" for it in ("value", "setpoint"))

    async def story(stack: Stack) -> None:
        await stack.receive(
            f"{name}/datapoint_map", {"sensor": {}, "actuator": {value: "set"}}
        )
        commands = stack.connector.commands
        payload = expected.get("payload")
        if row["policy"] == "avoid":
            # What the API refuses is nothing for us either, if it ever came.
            await stack.receive(value, given["body"])
            assert commands == []
        elif "mqtt_value" in expected:
            wanted = expected["mqtt_value"]
            await stack.receive(value, {"value": wanted, "timestamp": NOW})
            assert commands == [("set", wanted, NOW)]
            assert type(commands[0][1]) is type(wanted)
        elif "setpoint" in payload:
            await stack.receive(setpoint, payload)
            wanted = payload["setpoint"][0]["preferred_value"]
            assert [it[:2] for it in commands] == [("set", wanted)]
        else:
            await stack.receive(f"{name}/datapoint_map", payload, retain=True)
            assert stack.mirror.inbox.datapoint_map.as_json() == payload
            assert stack.mirror.map_faults == MapFaults()

    play(story, "set", connector_name=name, follow_schedules=True)


def test_what_is_acceptable_is_text_and_sensors_are_numbers() -> None:
    """As in the row of the API's setpoints."""
    item = {"preferred_value": 21, "acceptable_values": ["20", "21"]}
    message = {"setpoint": [item], "timestamp": 1}
    (read,) = read_setpoint(json.dumps(message).encode()).items
    assert read.takes(20)
    assert read.takes("21")
    assert not read.takes(20.5)


@area("api_in")
def test_what_the_api_takes(row: Row, play: Play) -> None:
    """We send what it takes, and have a way round what it does not."""
    given, expected = row["input"], row["expected"]

    async def story(stack: Stack) -> None:
        topic = f"{NAME}/messages/1/value"
        await stack.map({"it": topic})
        payload = given.get("payload", {})
        if "this_heartbeats_timestamp" in payload:
            beat = stack.broker.on(f"{NAME}/heartbeat")[-1]
            assert set(beat) == set(payload)
            assert stack.now() <= beat["next_heartbeats_timestamp"]
        elif "sensor" in payload:
            stack.connector.actuators = {
                key: Actuator(key=key, kind=ActuatorKind.SWITCH)
                for key in payload["actuator"]
            }
            await stack.say(**payload["sensor"])
            await stack.wait(60)
            message = stack.broker.on(f"{NAME}/available_datapoints")[-1]
            assert message["sensor"] == payload["sensor"]
            assert set(message["actuator"]) == set(payload["actuator"])
        else:
            messages = given.get("messages", [payload])
            for it in messages:
                stack.mirror.on_reading(Reading({"it": it["value"]}, it["timestamp"]))
            await stack.settle()
            got = stack.broker.on(topic)
            if row["policy"] == "avoid":
                assert all(isinstance(it["value"], str) for it in got)
                assert [json.loads(it["value"]) for it in got] == [
                    it["value"] for it in messages
                ]
            else:
                assert got == messages

    assert expected
    play(story, lists_as_text=row["policy"] == "avoid")


@area("api_poison")
def test_nothing_of_this_is_ever_sent(row: Row, play: Play) -> None:
    """No value makes one of these messages, wherever it comes from."""
    given = row["input"]
    topic, text = given["topic"].replace("{c}", NAME), given["payload_text"]

    async def story(stack: Stack) -> None:
        await stack.map(
            {
                "it": f"{NAME}/messages/1/value",
                "a": f"{NAME}/logs",
                "b": f"{NAME}/heartbeat",
            }
            | {"c": f"{NAME}/available_datapoints"},
        )
        odd: list[Any] = [text, text.encode(), None, "", b"", {}, _loaded(text)]
        for value in odd:
            stack.mirror.on_reading(
                Reading(dict.fromkeys(("it", "a", "b", "c"), value), NOW)
            )
        await stack.settle()
        assert stack.broker.on(topic) or topic.endswith("available_datapoints")
        assert text.encode() not in [it.payload for it in stack.broker.arrived]
        for it in stack.broker.arrived:
            check(it)

    play(story)


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def check(message: Outgoing, name: str = NAME) -> None:
    """Read a message as the API's writer does, which must never raise."""
    content = json.loads(message.payload)
    match message.topic.removeprefix(f"{name}/"):
        case "logs":
            assert isinstance(content["timestamp"], int)
            assert isinstance(content["emitter"], str)
        case "available_datapoints":
            for examples in content.values():
                assert isinstance(examples, dict)
            assert set(content) == {"sensor", "actuator"}
        case "heartbeat":
            assert all(isinstance(it, int) for it in content.values())
        case "raw_message_to_db":
            assert isinstance(content, dict)
        case value:
            assert value.endswith("/value")
            assert set(content) == {"value", "timestamp"}
            assert isinstance(content["timestamp"], int)


@area("ocpp_config")
def test_actuators_of_ocpp(row: Row, play: Play) -> None:
    """What takes anything has upstream's example."""
    expected = row["expected"]["available_datapoints"]

    async def story(stack: Stack) -> None:
        await stack.wait(60)
        assert stack.broker.on(f"{NAME}/available_datapoints")[-1] == expected

    play(story, *expected["actuator"])


def test_the_last_will_is_a_message_too() -> None:
    options = MirrorOptions(connector_name=NAME, version="1")
    will = last_will(options, NOW)
    check(will)
    assert will.topic == f"{NAME}/heartbeat"
