"""The page about the mirror tells the truth: its examples are what is published and taken."""

import json
import re
import shlex
from typing import Any

import pytest

from custom_components.bemcom_connectors.bemcom import (
    available,
    datapoint_map,
    inbox,
    journal,
    messages,
    schedules,
)
from custom_components.bemcom_connectors.bemcom.broker_options import DEFAULT_PORT
from custom_components.bemcom_connectors.bemcom.model import MirrorOptions
from custom_components.bemcom_connectors.bemcom.own_topics import OwnTopics
from custom_components.bemcom_connectors.bemcom.topics import Topics
from custom_components.bemcom_connectors.connector.model import RawMessage
from custom_components.bemcom_connectors.ocpp import actuators
from custom_components.bemcom_connectors.ocpp.commands import _COMMANDS
from custom_components.bemcom_connectors.ocpp.profile_reading import (
    read_connector_id,
    read_profile,
)
from demo.bemcom import DEFAULT_PORT as DEMO_PORT
from demo.bemcom_api import parse_arguments
from demo.start import WALLBOX
from tests.bemcom.stack import Stack, play
from tests.pages import ENGLISH, code, plain, read
from tests.source import PACKAGE
from tests.test_consistency import leaves
from tests.test_docs_ocpp import part, rows

PAGE = read("bemcom.md")
TEXT = " ".join(PAGE.split())
NAME = "heat-pump"
TIME = 1795225053239
TOPICS = Topics(NAME)
PRESET = MirrorOptions(connector_name=NAME, version="0.1.0")

# What is bold and a word of BEMCom's or of Home Assistant's own.
ELSEWHERE = {
    "configure",
    "Connector name",
    "Enable debug logging",
    "Is active",
    "Settings > Devices & services > BEMCom Connectors",
}
VARIABLES = {
    "all": {
        "CONNECTOR_NAME",
        "MQTT_BROKER_HOST",
        "MQTT_BROKER_PORT",
        "SEND_RAW_MESSAGE_TO_DB",
        "DEBUG",
    },
    "socket": {
        "SERVER_IP",
        "SERVER_PORT",
        "RECV_BUFSIZE",
        "RECV_TIMEOUT",
        "PARSE_AS",
        "CUSTOM_ENV_VARR",
    },
    "ocpp": {"OCPP_PORT", "OCPP_CONFIG"},
    "ocpp, before 2022": {"OCPP_PROFILE"},
}


def blocks(heading: str, language: str) -> list[str]:
    """Return the examples below a heading."""
    found = re.findall(
        rf"^```{language}\n(.*?)^```$", part(PAGE, heading), re.MULTILINE | re.DOTALL
    )
    assert found, heading
    return found


def examples(heading: str) -> list[Any]:
    """Return the examples in JSON below a heading."""
    return [json.loads(it) for it in blocks(heading, "json")]


# Words


def test_what_is_bold_is_a_text_of_the_dialogs() -> None:
    known = {plain(text).lower() for _, text in leaves(ENGLISH)} | ELSEWHERE
    page = PAGE.replace(part(PAGE, "Options"), "")
    for match in re.finditer(r"\*\*([^*]+)\*\*", page):
        # What begins a line or a step says what that is about.
        if re.search(r"\n(\d\. )?$", page[: match.start()]):
            continue
        words = " ".join(match[1].split())
        for label in words.split(" > "):
            assert words in ELSEWHERE or label.lower() in known, words


def test_each_variable_of_bemcom_is_explained() -> None:
    told: dict[str, set[str]] = {}
    for name, of, _ in rows(PAGE, "Variables"):
        told.setdefault(of, set()).add(code(name))
    assert told == VARIABLES


def test_settings_that_replace_variables_exist() -> None:
    steps = ENGLISH["config"]["step"], ENGLISH["options"]["step"]
    labels = {text.partition(":")[0] for it in steps for _, text in leaves(it)}
    for name, _, here in rows(PAGE, "Variables"):
        bold = set(re.findall(r"\*\*(.+?)\*\*", here)) - {"Enable debug logging"}
        assert bold <= labels, name
        assert bold or "Nothing" in here or "No setting" in here, name


def test_numbers_are_those_of_the_code() -> None:
    assert f"up to {available.MAX_KEYS:,} datapoints" in TEXT
    assert f"up to {datapoint_map.MAX_ENTRIES:,} entries" in TEXT
    assert f"Up to {inbox._MAX_REPLAYS} messages wait" in TEXT
    assert f"At most {journal._BURST} lines come at once" in TEXT
    assert PRESET.max_payload == 1024 * 1024
    assert "more than 1 MiB" in TEXT
    assert f"here it is {DEFAULT_PORT}" in TEXT


def test_lines_of_the_log_are_those_of_the_code() -> None:
    source = "".join(it.read_text() for it in sorted((PACKAGE / "bemcom").glob("*.py")))
    lines = [code(line) for line, _ in rows(PAGE, "Troubleshooting") if "`" in line]
    assert len(lines) > 10
    for line in lines:
        assert line in source, line


# Topics


def test_topics_are_those_of_the_code() -> None:
    told = {
        topic.strip("`"): (int(qos), retained == "yes")
        for topic, _, qos, retained in rows(PAGE, "Topics")
        if topic.startswith(f"`{NAME}/")
    }
    assert told == {
        TOPICS.logs: (PRESET.qos, True),
        TOPICS.heartbeat: (PRESET.qos, False),
        TOPICS.available_datapoints: (PRESET.qos, True),
        TOPICS.datapoint_map: (2, True),
        TOPICS.raw_message_to_db: (PRESET.raw_qos, False),
        TOPICS.raw_message_reprocess: (1, False),
    }


def test_messages_are_what_is_published() -> None:
    datapoints, map_, value, heartbeat, line, nested, flat = examples("Topics")
    raw = RawMessage(b'{"dev":{"t":21.5}}', TIME)
    sent = [
        messages.encode_available_datapoints(
            {"dev__t": 21.5, "dev__mode": "eco"}, {"setpoint": 0}
        ),
        messages.encode_value(21.5, TIME),
        messages.encode_heartbeat(TIME, PRESET.heartbeat_interval),
        messages.encode_log("setpoint: Carried out", "run_actuator_flow", 20, TIME),
        messages.encode_raw_message(raw, "0.1.0", flat=False),
        messages.encode_raw_message(raw, "0.1.0", flat=True),
    ]
    assert list(map(json.loads, sent)) == [
        datapoints,
        value,
        heartbeat,
        line,
        nested,
        flat,
    ]
    taken = datapoint_map.read_map(json.dumps(map_).encode(), TOPICS)
    assert not taken.left_out
    assert taken.datapoint_map.as_json() == map_
    assert not taken.datapoint_map.unknown(datapoints["sensor"], datapoints["actuator"])


def test_topics_for_another_home_assistant() -> None:
    own = OwnTopics(NAME)
    told = [code(topic) for topic, _ in rows(PAGE, "For another Home Assistant")]
    assert told == [own.value("dev__t"), own.set("setpoint"), own.online]
    assert f"`{own.value('dev/t').split('/')[2]}` for `dev/t`" in TEXT
    kept = "abyzABYZ0189_.-~"
    assert own.value(kept) == f"{NAME}/datapoints/{kept}/value"


# What comes in


def test_commands_are_taken() -> None:
    command, profile = examples("Commands")
    payload = messages.decode_actuator_value(json.dumps(command).encode())
    assert (payload.value, payload.timestamp) == (22, TIME)
    assert read_connector_id(profile["value"]) == 1
    assert read_profile(profile["value"], now=TIME / 1000).id == 7


def test_commands_of_a_wallbox_exist() -> None:
    for key, value, _ in rows(PAGE, "Commands"):
        json.loads(code(value))
        name = code(key)
        if name not in actuators.OF_BEMCOM:
            device, _, name = name.partition(f"{WALLBOX}__")[2].partition("__")
            assert device in {"0", "1"}
        assert name in _COMMANDS


def test_schedules_are_followed() -> None:
    schedule, setpoint = (
        json.dumps(it).encode() for it in examples("Schedules and setpoints")
    )
    plan = schedules.read_schedule(schedule)
    change = 1795226400000
    assert plan.next_change(TIME) == change
    assert [plan.active(it).value for it in (TIME, change)] == [20, 22]
    limits = schedules.read_setpoint(setpoint)
    # 24 is too much: what is preferred is set; 20 is fine.
    for sensor, wanted in ((24, 21), (20, 20)):
        assert (
            schedules.wanted(plan.active(TIME), limits.active(TIME), sensor) == wanted
        )


@pytest.mark.parametrize("form", [0, 1])
def test_archived_messages_are_processed(form: int) -> None:
    """The program gets them as the shell gives them."""
    line, _, rest = blocks("Processing archived messages again", "sh")[form].partition(
        "\n"
    )
    arguments = shlex.split(line.removesuffix(" <<'END'"))
    assert arguments[0] == "mosquitto_pub"
    assert "-r" not in arguments
    topic = arguments[arguments.index("-t") + 1]
    sent = rest.removesuffix("END\n").encode()

    async def story(stack: Stack) -> None:
        topics = {"dev__t": f"{NAME}/messages/1/value"}
        await stack.receive(
            f"{NAME}/datapoint_map", {"sensor": topics, "actuator": {}}, retain=True
        )
        assert topic == stack.mirror.publisher.topics.raw_message_reprocess
        await stack.receive(topic, sent)
        assert stack.broker.on(f"{NAME}/messages/1/value") == [
            {"value": 21.5, "timestamp": TIME}
        ]
        (message,) = [it for it in stack.broker.arrived if b"21.5" in it.payload][-1:]
        assert not message.retain

    play(story, connector_name=NAME)


# The demo


def test_program_of_the_demo_takes_its_arguments(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (block,) = blocks("Trying it", "sh")
    *programs, watching = block.splitlines()
    assert f"-p {DEMO_PORT} " in watching
    assert len(programs) > 3
    for line in programs:
        _, flag, name, *arguments = shlex.split(line)
        assert (flag, name) == ("-m", "demo.bemcom_api")
        monkeypatch.setattr("sys.argv", [name, *arguments])
        given = parse_arguments()
        assert given.action
        if arguments[0] == "send":
            assert given.key.startswith(f"{WALLBOX}__1__")
            assert given.key.rpartition("__")[2] in _COMMANDS
