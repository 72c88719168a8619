"""Pasted configurations of ThingsBoard's connectors."""

import json
from typing import Any

from hypothesis import example, given, strategies as st
import pytest

from custom_components.bemcom_connectors.connector.escapes import unescape
from custom_components.bemcom_connectors.connector.model import OptionsError
from custom_components.bemcom_connectors.connector.parsing import create_parser
from custom_components.bemcom_connectors.connector.slices import create_slices_parser
from custom_components.bemcom_connectors.connector.thingsboard import read_thingsboard

POINT = {"key": "v", "type": "string"}
SERIAL = {
    "name": "SerialDevice1",
    "type": "default",
    "port": "/dev/ttyUSB0",
    "baudrate": 9600,
    "converter": "SerialUplinkConverter",
    "telemetry": [
        {"key": "temperature", "type": "int", "toByte": 2},
        {"key": "humidity", "type": "int", "fromByte": 2, "toByte": 4},
    ],
    "attributes": [{"key": "battery", "type": "string", "fromByte": 4}],
}
SOCKET = {
    "name": "Socket Connector",
    "socket": {"type": "TCP", "address": "127.0.0.1", "port": 50000},
    "devices": [
        {
            "address": "*:*",
            "deviceName": "Device Example",
            "encoding": "UTF8",
            "telemetry": [{"key": "temp", "byteFrom": 0, "byteTo": -1}],
            "attributes": [],
        }
    ],
}


def paste(config: Any) -> dict[str, Any]:
    """Return the settings for a configuration."""
    return read_thingsboard(json.dumps(config))


def keys(config: Any) -> list[str]:
    """Return the keys of the slices."""
    return [row["key"] for row in paste(config)["slices"]]


# Serial


def test_a_serial_connector() -> None:
    settings = paste({"name": "Serial", "devices": [SERIAL]})
    assert settings == {
        "format": "slices",
        "slice_mode": "strict",
        "slices": [
            {"key": "temperature", "type": "int", "to_byte": 2},
            {"key": "humidity", "type": "int", "from_byte": 2, "to_byte": 4},
            {"key": "battery", "type": "string", "from_byte": 4},
        ],
        "framing": "delimiter",
        "delimiter": "\\n",
        "keep_delimiter": True,
    }
    parse = create_parser(settings["format"], settings)
    assert parse(b"422498\n") == {"temperature": 42, "humidity": 24, "battery": "98"}


def test_any_part_of_a_connector() -> None:
    """The whole, its devices, one of them, or only its datapoints."""
    points = {name: SERIAL[name] for name in ("telemetry", "attributes")}
    whole = paste({"devices": [SERIAL]})
    assert paste([SERIAL]) == paste(SERIAL) == paste(points) == whole
    assert paste([*SERIAL["telemetry"], *SERIAL["attributes"]]) == whole  # type: ignore[misc]
    cut_out = json.dumps(points).strip("{}")
    assert read_thingsboard(f"  {cut_out},\n") == whole


def test_the_device_with_datapoints() -> None:
    others: list[Any] = [{"name": "empty"}, None, {"telemetry": []}]
    assert paste({"devices": [*others, SERIAL]}) == paste(SERIAL)


def test_several_devices_are_several_hubs() -> None:
    """Taking one of them in silence would lose the others."""
    with pytest.raises(OptionsError, match="2 devices in it; paste one"):
        paste({"devices": [SERIAL, {"telemetry": [POINT]}]})


@pytest.mark.parametrize(
    ("strategy", "options"),
    [
        ({"type": "ON_CHANGE"}, {"report_strategy": "on_change"}),
        (
            {"type": "ON_REPORT_PERIOD", "reportPeriod": 5000},
            {"report_strategy": "on_report_period", "report_period": 5.0},
        ),
        ({"type": "DISABLED"}, {}),
        ({"type": "ON_REPORT_PERIOD", "reportPeriod": 1}, {}),
        ({"type": "ON_REPORT_PERIOD", "reportPeriod": 10**200}, {}),
        ("ON_CHANGE", {}),
        (None, {}),
    ],
)
def test_a_report_strategy_is_taken_over(
    strategy: object, options: dict[str, Any]
) -> None:
    """The device's, otherwise the connector's; one that ours does not know is left out."""
    device = {"telemetry": [POINT], "reportStrategy": strategy}
    given = paste(device)
    assert {k: v for k, v in given.items() if k.startswith("report")} == options
    outer = {"devices": [{"telemetry": [POINT]}], "reportStrategy": strategy}
    assert paste(outer) == given


def test_timeseries_is_another_word_for_telemetry() -> None:
    other = {"key": "other"}
    assert keys({"timeseries": [POINT]}) == ["v"]
    assert keys({"timeseries": [POINT], "telemetry": [other]}) == ["v"]


@pytest.mark.parametrize(
    ("device", "delimiter"),
    [
        ({}, "\n"),
        ({"delimiter": None}, "\n"),
        ({"delimiter": ""}, "\n"),
        ({"delimiter": "\r\n"}, "\r\n"),
        ({"delimiter": "\x03"}, "\x03"),
        ({"delimiter": "\\n"}, "\\n"),
        # The old connector had no choice.
        ({"delimiter": "\r", "converter": "CustomSerialUplinkConverter"}, "\n"),
    ],
)
def test_the_end_of_a_frame(device: dict[str, Any], delimiter: str) -> None:
    settings = paste({"telemetry": [POINT], **device})
    assert unescape(settings["delimiter"]) == delimiter.encode()


@given(delimiter=st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
@example("\\\n\r\t\0\x1b\x7f\x85\u2028\U000e0001°")
def test_delimiters_are_given_back(delimiter: str) -> None:
    point = {**POINT, "fromDelimiter": delimiter, "untilDelimiter": delimiter}
    settings = paste({"telemetry": [point], "delimiter": delimiter})
    row = settings["slices"][0]
    for escaped in (
        settings["delimiter"],
        row["from_delimiter"],
        row["until_delimiter"],
    ):
        assert unescape(escaped) == delimiter.encode()
        assert escaped.isprintable() or any(ord(char) > 0xFFFF for char in escaped)


@pytest.mark.parametrize(
    ("config", "mode"),
    [
        (SERIAL, "strict"),
        ({**SERIAL, "converter": "CustomSerialUplinkConverter"}, "legacy"),
        ({"class": "CustomSerialConnector", "telemetry": [POINT]}, "legacy"),
        ({"class": "SerialConnector", "telemetry": [POINT]}, "strict"),
        (
            {
                "telemetry": [POINT],
                "attributeUpdates": [{"attributeOnThingsBoard": "attr1"}],
            },
            "legacy",
        ),
        (
            {
                "telemetry": [POINT],
                "attributeUpdates": [{"attributeOnPlatform": "attr1"}],
            },
            "strict",
        ),
        # Guides mix the spellings; what converts decides.
        (
            {**SERIAL, "attributeUpdates": [{"attributeOnThingsBoard": "attr1"}]},
            "strict",
        ),
        ({"telemetry": [POINT], "inter_byte_timeout": 1}, "legacy"),
        ({"telemetry": [POINT], "converter": "MyOwnConverter"}, "strict"),
    ],
)
def test_generations(config: dict[str, Any], mode: str) -> None:
    assert paste(config)["slice_mode"] == mode


def test_types() -> None:
    """What upstream does not know is hexadecimal; its old converter has only texts."""
    types = [
        "string",
        "json",
        "int",
        "float",
        "double",
        "bool",
        "hex",
        None,
        "number",
        5,
    ]
    config = {
        "telemetry": [
            {"key": f"k{number}", "type": type} for number, type in enumerate(types)
        ]
    }
    read = [row["type"] for row in paste(config)["slices"]]
    assert read == [*types[:7], "hex", "hex", "hex"]
    config["converter"] = "CustomSerialUplinkConverter"  # type: ignore[assignment]
    assert {row["type"] for row in paste(config)["slices"]} == {"string"}


def test_equal_keys() -> None:
    other = {**POINT, "type": "int"}
    assert keys({"telemetry": [POINT], "attributes": [POINT]}) == ["v"]
    both = paste({"telemetry": [other, POINT], "attributes": [other]})
    assert [(row["key"], row["type"]) for row in both["slices"]] == [
        ("v", "string"),
        ("v_attribute", "int"),
    ]
    taken = {"key": "v_attribute"}
    assert keys({"telemetry": [POINT, taken], "attributes": [other]}) == [
        "v",
        "v_attribute",
        "v_attribute_",
    ]
    assert keys({"telemetry": [{"key": 5}]}) == ["5"]


def test_the_example_of_the_guide() -> None:
    """It means the whole number after the line break, wherever it says it begins."""
    humidity = {"key": "humidity", "type": "float", "untilDelimiter": "\r"}
    serial = {"key": "SerialNumber", "type": "string", "fromByte": 4, "toByte": -1}
    frame = b"48\r2430947595\n"

    def read(*points: dict[str, Any]) -> Any:
        return create_slices_parser(paste({"telemetry": points}))(frame)

    assert read(humidity, serial) == {"humidity": 48.0, "SerialNumber": "2430947595"}
    assert read(serial) == {"SerialNumber": "430947595"}
    assert read(humidity, {**serial, "fromByte": 5})["SerialNumber"] == "30947595"


# Socket


def test_a_socket_connector() -> None:
    settings = paste(SOCKET)
    assert settings == {
        "format": "slices",
        "slice_mode": "socket",
        "slices": [{"key": "temp", "type": "string", "from_byte": 0, "to_byte": -1}],
        "framing": "chunk",
        "encoding": "utf-8",
    }
    assert create_parser(settings["format"], settings)(b"21\n") == {"temp": "21\n"}


@pytest.mark.parametrize(
    "config",
    [
        {"addressFilter": "*", "telemetry": [POINT]},
        {"telemetry": [{"key": "v", "byteTo": 1}]},
        {"converter": "BytesSocketUplinkConverter", "telemetry": [POINT]},
        {"socket": {}, "devices": [{"telemetry": [POINT]}]},
    ],
)
def test_what_is_of_the_socket_connector(config: dict[str, Any]) -> None:
    assert paste(config)["slice_mode"] == "socket"


@pytest.mark.parametrize(
    ("given", "encoding"),
    [
        (None, "utf-8"),
        ("utf8", "utf-8"),
        ("UTF-16", "utf-16"),
        ("us-ascii", "ascii"),
        ("iso-8859-1", "latin-1"),
        ("windows-1252", "cp1252"),
    ],
)
def test_encodings(given: str | None, encoding: str) -> None:
    config = {"address": "*", "encoding": given, "telemetry": [POINT]}
    assert paste(config)["encoding"] == encoding


def test_the_encoding_hex() -> None:
    settings = paste({"address": "*", "encoding": "hex", "telemetry": [POINT]})
    assert "encoding" not in settings
    assert settings["slices"] == [{"key": "v", "type": "hex"}]


# What is none


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Paste the configuration"),
        ("hello", "Not valid JSON"),
        ('{"devices": [', "Paste the whole configuration"),
        ("5", "Paste the configuration"),
        ("{} {}", "Paste the configuration"),
        pytest.param("[" * 500 + "]" * 500, "nested too deeply", id="deep"),
        ("{}", "no datapoint"),
        ("[]", "no datapoint"),
        ('{"devices": []}', "no datapoint"),
        ('{"devices": {}}', "no list"),
        ('{"devices": [{"telemetry": []}]}', "no datapoint"),
        ('{"telemetry": {"key": "v"}}', "no list of datapoints"),
        ('{"telemetry": [{"type": "int"}]}', "Datapoint 1 of telemetry has no key"),
        ('{"telemetry": ["v"]}', "has no key"),
        ('{"attributes": [{"key": ["v"]}]}', "has no key"),
        ('{"telemetry": [{"key": "v"}], "delimiter": 10}', "delimiter is no text"),
        ('{"telemetry": [{"key": "v", "fromDelimiter": 1}]}', "'v' is no text"),
        ('{"telemetry": [{"key": "v", "fromByte": "x"}]}', "cannot be used.*from_byte"),
        (
            '{"telemetry": [{"key": "v"}], "address": "*", "encoding": "x"}',
            "use hex or",
        ),
        (
            '{"telemetry": [{"key": "v", "byteTo": 1}], "encoding": "\\u0000"}',
            "use hex",
        ),
        pytest.param(" x" * 150_000, "too long", id="long"),
    ],
)
def test_no_configuration(text: str, reason: str) -> None:
    with pytest.raises(OptionsError, match=reason) as caught:
        read_thingsboard(text)
    assert caught.value.option == "thingsboard"
    assert len(str(caught.value)) < 300


words = st.sampled_from(
    [
        *(
            "devices",
            "telemetry",
            "attributes",
            "timeseries",
            "key",
            "type",
            "fromByte",
        ),
        *("byteTo", "untilDelimiter", "delimiter", "encoding", "hex", "converter"),
        *("attributeUpdates", "class", "socket", "CustomSerialUplinkConverter"),
    ]
)
trees = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=4)
    ),
)


@given(text=st.text() | trees.map(json.dumps))
@example('{"telemetry": [{"key": "v"}], "converter": {}, "attributeUpdates": [[]]}')
@example('{"telemetry": [{"key": "v"}], "type": {"a": []}, "class": []}')
@example('{"telemetry": [{"key": "v", "type": {}, "fromByte": {}}]}')
def test_any_text(text: str) -> None:
    try:
        settings = read_thingsboard(text)
    except OptionsError as err:
        assert err.option == "thingsboard"
    else:
        create_parser(settings["format"], settings)
