"""The configuration keys of a charge point."""

from typing import Any

from hypothesis import given, strategies as st
import orjson
import pytest

from custom_components.bemcom_connectors.ocpp.calls import CallFailed, CallReason
from custom_components.bemcom_connectors.ocpp.configuration import (
    MAX_KEYS,
    MAX_LIST_LENGTH,
    MAX_VALUE_LENGTH,
    Configuration,
    ConfigurationKey,
)
from tests.ocpp.scripted import DEFAULTS, ScriptedChargePoint, failed, refused

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | st.text(),
    lambda it: (
        st.lists(it, max_size=4)
        | st.dictionaries(
            st.sampled_from(["key", "value", "readonly", "configurationKey"])
            | st.text(),
            it,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@pytest.fixture
def charge_point() -> ScriptedChargePoint:
    """Return a charge point that does what OCPP says."""
    return ScriptedChargePoint()


@pytest.fixture
def configuration() -> Configuration:
    """Return a configuration of which nothing is known."""
    return Configuration()


def answering(answer: Any) -> ScriptedChargePoint:
    """Return a charge point that always answers the same."""
    charge_point = ScriptedChargePoint()
    charge_point.intercept = lambda action, payload: answer
    return charge_point


async def test_all_keys_are_read_at_once(
    charge_point: ScriptedChargePoint, configuration: Configuration
) -> None:
    await configuration.read(charge_point.call)
    assert charge_point.calls == [("GetConfiguration", {})]
    assert configuration.text("HeartbeatInterval") == "3600"
    assert configuration.text("heartbeatinterval") == "3600"
    assert configuration.number("HEARTBEATINTERVAL") == 3600
    assert configuration.keys["NumberOfConnectors"] == ConfigurationKey("2", True)
    assert configuration.profiles == {"core", "remotetrigger", "smartcharging"}
    assert configuration.items("SupportedFeatureProfiles")[1] == "RemoteTrigger"
    assert configuration.text("nothing") is None
    assert configuration.number("nothing") is None


async def test_all_keys_replace_what_was_known(
    charge_point: ScriptedChargePoint, configuration: Configuration
) -> None:
    await configuration.read(charge_point.call)
    charge_point.values = {"heartbeatInterval": "10"}
    await configuration.read(charge_point.call)
    assert list(configuration.keys) == ["heartbeatInterval"]
    charge_point.values = {}
    await configuration.read(charge_point.call)
    assert list(configuration.keys) == ["heartbeatInterval"]  # that was no answer


@pytest.mark.parametrize(
    ("max_keys", "sizes"), [(None, [7]), ("1", [1] * 7), ("3", [3, 3, 1]), ("0", [7])]
)
async def test_as_many_keys_at_once_as_it_takes(
    charge_point: ScriptedChargePoint,
    configuration: Configuration,
    max_keys: str | None,
    sizes: list[int],
) -> None:
    if max_keys is not None:
        charge_point.values["GetConfigurationMaxKeys"] = max_keys
        charge_point.max_keys = int(max_keys)
        await configuration.read(charge_point.call, ["GetConfigurationMaxKeys"])
        charge_point.calls.clear()
    await configuration.read(charge_point.call, [*DEFAULTS, "Unheard"])
    assert [len(it or ()) for it in charge_point.reads()] == sizes
    assert set(DEFAULTS) <= set(configuration.keys)
    assert configuration.is_unknown("unheard")


async def test_one_key_at_a_time_an_error_is_about_that_key(
    charge_point: ScriptedChargePoint, configuration: Configuration
) -> None:
    def intercept(action: str, payload: dict[str, Any]) -> None:
        if payload["key"] == ["Bad"]:
            raise refused(action)

    charge_point.intercept = intercept
    keys = ["Bad", "HeartbeatInterval"]
    await configuration.read(charge_point.call, keys, one_at_a_time=True)
    assert configuration.is_unknown("Bad")
    assert configuration.number("HeartbeatInterval") == 3600


@pytest.mark.parametrize(
    "error",
    [failed(CallReason.TIMEOUT), refused("GetConfiguration", "NotImplemented")],
)
async def test_what_was_read_before_a_failure_is_kept(
    charge_point: ScriptedChargePoint, configuration: Configuration, error: CallFailed
) -> None:
    def intercept(action: str, payload: dict[str, Any]) -> None:
        if payload["key"] == ["NumberOfConnectors"]:
            raise error

    charge_point.intercept = intercept
    keys = ["HeartbeatInterval", "NumberOfConnectors", "Other"]
    with pytest.raises(CallFailed):
        await configuration.read(charge_point.call, keys, one_at_a_time=True)
    assert list(configuration.keys) == ["HeartbeatInterval"]
    assert not configuration.unknown


@pytest.mark.parametrize(
    ("answer", "keys"),
    [
        ({}, {}),
        ({"configurationKey": None, "unknownKey": None}, {}),
        ({"configurationKey": []}, {}),
        ({"configurationKey": {"key": "A", "value": "1"}}, {"A": "1"}),
        ({"configurationKey": [{"key": "A"}, 7, {"value": "x"}]}, {"A": None}),
        ({"configurationKey": [{"key": "A", "value": 30}]}, {"A": "30"}),
        ({"configurationKey": [{"key": "A", "value": True}]}, {"A": "true"}),
        ({"configurationKey": [{"key": "A", "value": ["x"]}]}, {"A": None}),
        (
            {"configurationKey": [{"key": "A", "value": "1"}, {"key": "a"}]},
            {"a": None},
        ),
        ({"configurationKey": [{"key": "", "value": "1"}, {"key": "x" * 65}]}, {}),
    ],
)
async def test_odd_answers(
    configuration: Configuration, answer: Any, keys: dict[str, str | None]
) -> None:
    await configuration.read(answering(answer).call)
    assert {name: it.value for name, it in configuration.keys.items()} == keys


@pytest.mark.parametrize("readonly", [True, "true", "TRUE"])
async def test_read_only(configuration: Configuration, readonly: object) -> None:
    entry = {"key": "A", "value": "1", "readonly": readonly}
    await configuration.read(answering({"configurationKey": [entry]}).call)
    assert configuration.keys["A"].readonly


async def test_bounds(configuration: Configuration) -> None:
    entries = [
        {"key": f"K{number}", "value": "x" * 10_000} for number in range(MAX_KEYS * 2)
    ]
    unknown = [f"U{number}" for number in range(MAX_KEYS * 2)]
    answer = {"configurationKey": entries, "unknownKey": unknown}
    await configuration.read(answering(answer).call)
    assert len(configuration.keys) == len(configuration.unknown) == MAX_KEYS
    assert len(configuration.text("K0") or "") == MAX_VALUE_LENGTH
    value = {"key": "K1", "value": "x," * 10_000}
    await configuration.read(answering({"configurationKey": [value]}).call, ["K1"])
    assert len(configuration.text("K1") or "") == MAX_LIST_LENGTH


@pytest.mark.parametrize(
    "name",
    ["AuthorizationKey", "authorizationkey", "StationPassword", "WifiPSK", "SimPin"],
)
async def test_secrets_are_never_kept(configuration: Configuration, name: str) -> None:
    charge_point = ScriptedChargePoint({name: "0123456789abcdef"})
    await configuration.read(charge_point.call)
    await configuration.write(charge_point.call, name, "fedcba9876543210")
    charge_point.write_status[name] = "Rejected"
    await configuration.write(charge_point.call, name, "fedcba9876543210")
    assert len(charge_point.writes()) == 2
    assert configuration.text(name) is None
    for shown in (configuration.to_dict(), configuration.diagnostics()):
        text = orjson.dumps(shown).decode()
        assert "0123456789abcdef" not in text
        assert "fedcba9876543210" not in text


async def test_id_tags_are_not_shown(configuration: Configuration) -> None:
    values = {"PlugAndChargeIdentifier": "04A1B2C3", "FreevendIdTag": "04A1B2C3"}
    charge_point = ScriptedChargePoint(values)
    await configuration.read(charge_point.call)
    await configuration.write(charge_point.call, "FreevendIdTag", "04FFFFFF")
    shown = repr(configuration.diagnostics()) + repr(configuration.keys)
    assert "04A1B2C3" not in shown
    assert "04FFFFFF" not in shown
    assert configuration.text("PlugAndChargeIdentifier") == "04A1B2C3"


async def test_writing(
    charge_point: ScriptedChargePoint, configuration: Configuration
) -> None:
    await configuration.read(charge_point.call)
    call = charge_point.call
    assert await configuration.write(call, "heartbeatinterval", "300") == "Accepted"
    assert charge_point.writes() == [("HeartbeatInterval", "300")]
    assert configuration.number("HeartbeatInterval") == 300


@pytest.mark.parametrize("reported", ["300", " 300", "300.0", "0300"])
async def test_what_is_so_already_is_not_written(
    configuration: Configuration, reported: str
) -> None:
    charge_point = ScriptedChargePoint({"HeartbeatInterval": reported})
    await configuration.read(charge_point.call)
    await configuration.write(charge_point.call, "HeartbeatInterval", "300")
    assert not charge_point.writes()


async def test_a_key_that_was_not_read_is_written_once(
    charge_point: ScriptedChargePoint, configuration: Configuration
) -> None:
    for value in ("300", "300", "400", "400"):
        await configuration.write(charge_point.call, "HeartbeatInterval", value)
    assert [value for _, value in charge_point.writes()] == ["300", "400"]


async def test_reboot_required_is_taken(
    charge_point: ScriptedChargePoint, configuration: Configuration
) -> None:
    await configuration.read(charge_point.call)
    charge_point.write_status["HeartbeatInterval"] = "RebootRequired"
    status = await configuration.write(charge_point.call, "HeartbeatInterval", "300")
    assert status == "RebootRequired"
    assert configuration.has("HeartbeatInterval", "300")
    assert configuration.reboot_required == {"HeartbeatInterval"}


async def test_refusals_are_remembered(
    charge_point: ScriptedChargePoint, configuration: Configuration
) -> None:
    charge_point.write_status["HeartbeatInterval"] = "Rejected"
    await configuration.read(charge_point.call)
    status = await configuration.write(charge_point.call, "HeartbeatInterval", "300")
    assert status == "Rejected"
    assert configuration.refused == {"heartbeatinterval": "300"}
    assert configuration.number("HeartbeatInterval") == 3600

    def intercept(action: str, payload: dict[str, Any]) -> None:
        raise refused(action) if payload["key"] == "A" else failed(CallReason.CLOSED)

    charge_point.intercept = intercept
    for key in ("A", "B"):
        with pytest.raises(CallFailed):
            await configuration.write(charge_point.call, key, "1")
    assert set(configuration.refused) == {"heartbeatinterval", "a"}
    del charge_point.write_status["HeartbeatInterval"]
    charge_point.intercept = lambda action, payload: None
    await configuration.write(charge_point.call, "HeartbeatInterval", "300")
    assert set(configuration.refused) == {"a"}


async def test_it_is_kept(
    charge_point: ScriptedChargePoint, configuration: Configuration
) -> None:
    await configuration.read(charge_point.call)
    await configuration.read(charge_point.call, ["Unheard"])
    await configuration.write(charge_point.call, "HeartbeatInterval", "300")
    await configuration.write(charge_point.call, "NumberOfConnectors", "3")
    configuration.read_with = "1.0"
    configuration.asked, configuration.accepted = ("SoC", "Voltage"), ("Voltage",)
    configuration.losses["configuration"] = (2, 1e9)
    stored = orjson.loads(orjson.dumps(configuration.to_dict()))
    restored = Configuration.from_dict(stored)
    assert restored.to_dict() == configuration.to_dict()
    assert restored.number("heartbeatinterval") == 300
    configuration.forget()
    assert not configuration.is_unknown("Unheard")
    assert configuration.read_with is None
    assert configuration.number("NumberOfConnectors") == 2


@given(JSON)
async def test_whatever_it_answers_is_taken(answer: Any) -> None:
    configuration = Configuration()
    await configuration.read(answering({"configurationKey": answer}).call)
    await configuration.read(answering({"unknownKey": answer}).call, ["A"])
    for name in configuration.keys:
        configuration.number(name)
        configuration.items(name)
    kept = Configuration.from_dict(orjson.loads(orjson.dumps(configuration.to_dict())))
    assert kept.to_dict() == configuration.to_dict()


@given(
    st.dictionaries(
        st.sampled_from(list(Configuration().to_dict())),
        JSON
        | st.dictionaries(
            st.text(max_size=5), st.lists(st.integers() | st.text(max_size=5))
        ),
    )
)
def test_whatever_was_kept_is_no_error(stored: Any) -> None:
    result = Configuration.from_dict(stored)
    assert Configuration.from_dict(result.to_dict()).to_dict() == result.to_dict()
