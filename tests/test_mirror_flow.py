"""The options that mirror a hub to MQTT, with real brokers."""

from collections.abc import Generator
import logging
from pathlib import Path
import socket
import ssl
from typing import Any
from unittest.mock import patch

from hypothesis import given, strategies as st
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import trustme

from custom_components.bemcom_connectors.bemcom.own_broker import BrokerReason
from custom_components.bemcom_connectors.connector.model import OptionsError
from custom_components.bemcom_connectors.connector.transport import link_error
from custom_components.bemcom_connectors.const import DOMAIN
from custom_components.bemcom_connectors.mirror_flow import FAULTS
from custom_components.bemcom_connectors.mirror_options import (
    DEFAULTS,
    LIMITS,
    HubMirrorOptions,
    known_settings,
    mirror_options,
)
from homeassistant.config_entries import ConfigEntryDisabler, ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData
from tests.bemcom.broker_access import files, passwords
from tests.bemcom.mosquitto import Mosquitto, needs_mosquitto
from tests.hub import NAME, OPTIONS, hub_entry, serial_entry
from tests.ocpp_flows import ocpp_entry
from tests.pages import ENGLISH, labels, read
from tests.ports import free_port
from tests.subentries import suggested

pytestmark = pytest.mark.usefixtures("loopback", "hub_is_down")

HOST = "127.0.0.1"
SECRET = "correct-horse-battery"

# What is saved for the connection of Home Assistant, with nothing changed.
PRESET = {
    "connection": "home_assistant",
    "qos": 1,
    "raw_qos": 2,
    "retain": True,
    "heartbeat_interval": 30.0,
    "lists_as_text": False,
    "raw_messages": False,
    "raw_format": "nested",
    "keep": "newest",
    "max_values": 10000,
    "max_raw": 10000,
    "max_raw_size": 16,
    "raw_on_disk": False,
    "max_command_age": 0.0,
    "follow_schedules": False,
}
BROKER = {
    "connection": "own",
    "host": HOST,
    "port": 1883,
    "username": "",
    "password": "",
    "tls": False,
    "verify_ssl": True,
    "ca": "",
    "certificate": "",
    "key": "",
    "discovery": False,
    "discovery_prefix": "homeassistant",
}


def custom_entry() -> MockConfigEntry:
    """Return the entry of a hub whose connector another integration offers."""
    return MockConfigEntry(
        domain=DOMAIN,
        data={
            "hub_kind": "custom",
            "connector_name": NAME,
            "connector_type": "acme_pump",
            "settings": {},
        },
    )


def mqtt_entry(hass: HomeAssistant, **said: Any) -> MockConfigEntry:
    """Set MQTT up in Home Assistant, as far as an entry does."""
    disabled_by = said.pop("disabled_by", None)
    options = {
        name: said.pop(name)
        for name in ("discovery", "discovery_prefix")
        if name in said
    }
    entry = MockConfigEntry(
        domain="mqtt",
        data={"broker": HOST, **said},
        options=options,
        disabled_by=disabled_by,
    )
    entry.add_to_hass(hass)
    return entry


def shown(result: ConfigFlowResult) -> dict[str, Any]:
    """Return what the form of a result shows."""
    return suggested(result["data_schema"])


def fields(result: ConfigFlowResult) -> dict[str, Any]:
    """Return the fields and sections of a form."""
    schema = result["data_schema"]
    assert schema is not None
    return {str(marker): field for marker, field in schema.schema.items()}


class Dialog:
    """The options of a hub, opened at the mirror."""

    def __init__(self, hass: HomeAssistant, entry: MockConfigEntry) -> None:
        self.entry = entry
        self._hass = hass
        self._flow_id = ""

    async def open(self) -> ConfigFlowResult:
        """Open it, and choose the mirror from the menu."""
        flow = self._hass.config_entries.options
        result = await flow.async_init(self.entry.entry_id)
        self._flow_id = result["flow_id"]
        assert "mirror" in result["menu_options"]
        return await self.submit(next_step_id="mirror")

    async def submit(self, **user_input: Any) -> ConfigFlowResult:
        """Fill in a form."""
        flow = self._hass.config_entries.options
        return await flow.async_configure(self._flow_id, user_input)

    async def broker(self, port: int, **said: Any) -> ConfigFlowResult:
        """Open it, choose a broker of one's own, and enter where it is."""
        await self.open()
        await self.submit(connection="own")
        return await self.submit(**{"host": HOST, "port": port} | said)

    @property
    def saved(self) -> dict[str, Any]:
        """Return what is saved of the mirror."""
        mirror: dict[str, Any] = self.entry.options["mirror"]
        return mirror


@pytest.fixture
def hub_is_down() -> Generator[None]:
    """Let no hub run, as this is about what is saved."""
    with patch(f"custom_components.{DOMAIN}.async_setup_entry", return_value=False):
        yield


@pytest.fixture
def dialog(hass: HomeAssistant) -> Dialog:
    """Return the dialog of a TCP hub."""
    entry = hub_entry(1)
    entry.add_to_hass(hass)
    return Dialog(hass, entry)


# On and off


@pytest.mark.parametrize(
    ("entry", "is_ocpp"),
    [
        (hub_entry(1), False),
        (serial_entry("/dev/null"), False),
        (custom_entry(), False),
        (ocpp_entry(), True),
    ],
    ids=["tcp", "serial", "custom", "ocpp"],
)
async def test_every_kind_of_hub_can_be_mirrored(
    hass: HomeAssistant, entry: MockConfigEntry, is_ocpp: bool
) -> None:
    mqtt_entry(hass)
    entry.add_to_hass(hass)
    before = dict(entry.options)
    dialog = Dialog(hass, entry)
    result = await dialog.open()
    assert shown(result) == {}
    name = entry.data["connector_name"]
    assert result["description_placeholders"]["topic"] == name
    result = await dialog.submit(connection="home_assistant")
    assert (result["step_id"], result["errors"]) == ("mirror_messages", {})
    assert ("legacy_keys" in shown(result)) == is_ocpp
    assert "others" not in fields(result)
    result = await dialog.submit()
    assert result["type"] is FlowResultType.CREATE_ENTRY
    legacy = {"legacy_keys": True} if is_ocpp else {}
    assert dict(entry.options) == before | {"mirror": PRESET | legacy}
    options = mirror_options(entry.data, entry.options, "1.2.3")
    assert options is not None
    assert options.broker is None
    assert options.legacy_keys == is_ocpp
    assert options.mirror.connector_name == name
    assert options.mirror.version == "1.2.3"


async def test_turned_off_it_forgets_everything(
    hass: HomeAssistant, dialog: Dialog
) -> None:
    hass.config_entries.async_update_entry(
        dialog.entry, options=OPTIONS | {"mirror": BROKER | {"password": SECRET}}
    )
    assert shown(await dialog.open()) == {"connection": "own"}
    result = await dialog.submit(connection="off")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert dict(dialog.entry.options) == OPTIONS
    await dialog.open()
    await dialog.submit(connection="off")
    assert dict(dialog.entry.options) == OPTIONS


async def test_mqtt_has_to_be_set_up(hass: HomeAssistant, dialog: Dialog) -> None:
    """Whether its broker can be reached at the moment is another question."""
    await dialog.open()
    result = await dialog.submit(connection="home_assistant")
    assert result["errors"] == {"connection": "mqtt_missing"}
    assert shown(result) == {"connection": "home_assistant"}
    mqtt_entry(hass, disabled_by=ConfigEntryDisabler.USER)
    result = await dialog.submit(connection="home_assistant")
    assert result["errors"] == {"connection": "mqtt_missing"}
    mqtt_entry(hass)
    result = await dialog.submit(connection="home_assistant")
    assert result["step_id"] == "mirror_messages"


async def test_a_name_that_mqtt_cannot_have(hass: HomeAssistant) -> None:
    entry = hub_entry(1, name="a/b")
    entry.add_to_hass(hass)
    dialog = Dialog(hass, entry)
    await dialog.open()
    for connection in ("own", "home_assistant"):
        result = await dialog.submit(connection=connection)
        assert result["errors"] == {"base": "invalid_connector_name"}
        assert "a/b" in result["description_placeholders"]["reason"]
    with pytest.raises(OptionsError):
        mirror_options(entry.data, {"mirror": BROKER}, "1")


# The user's own broker


@needs_mosquitto
async def test_a_broker_of_ones_own(dialog: Dialog, mosquitto: Mosquitto) -> None:
    await dialog.open()
    result = await dialog.submit(connection="own")
    assert (result["step_id"], result["errors"]) == ("mirror_broker", {})
    assert shown(result) == {
        "host": "",
        "port": 1883,
        "username": "",
        "tls": False,
        "verify_ssl": True,
        "ca": "",
        "certificate": "",
        "key": "",
    }
    assert "remove_password" not in fields(result)
    assert fields(result)["encryption"].options["collapsed"] is True
    result = await dialog.submit(host=f" {HOST} ", port=float(mosquitto.port))
    assert (result["step_id"], result["errors"]) == ("mirror_messages", {})
    result = await dialog.submit()
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert dialog.saved == PRESET | BROKER | {"port": mosquitto.port}
    assert type(dialog.saved["port"]) is int


@needs_mosquitto
async def test_all_that_can_be_said(dialog: Dialog, mosquitto: Mosquitto) -> None:
    """And what was saved is shown the next time."""
    said: dict[str, Any] = {
        "qos": 0,
        "raw_qos": 1,
        "retain": False,
        "heartbeat_interval": 60.0,
        "lists_as_text": True,
        "raw_messages": True,
        "raw_format": "flat",
        "keep": "all",
        "max_values": 50000,
        "max_raw": 20,
        "max_raw_size": 1,
        "raw_on_disk": True,
        "max_command_age": 120.0,
        "follow_schedules": True,
        "discovery": True,
        "discovery_prefix": "other/ha",
    }
    levels = {"qos": "0", "raw_qos": "1"}
    entered = said | levels | {"max_raw": 20.0, "discovery_prefix": " other/ha/ "}

    def pick(*names: str) -> dict[str, Any]:
        return {name: entered[name] for name in names}

    await dialog.broker(mosquitto.port, username="me")
    await dialog.submit(
        published=pick(
            "qos",
            "raw_qos",
            "retain",
            "heartbeat_interval",
            "lists_as_text",
            "raw_messages",
            "raw_format",
        ),
        outbox=pick("keep", "max_values", "max_raw", "max_raw_size", "raw_on_disk"),
        commands=pick("max_command_age", "follow_schedules"),
        others=pick("discovery", "discovery_prefix"),
    )
    broker = BROKER | {"port": mosquitto.port, "username": "me"}
    assert dialog.saved == broker | said
    options = mirror_options(dialog.entry.data, dialog.entry.options, "1")
    assert options is not None
    mirror = options.mirror
    assert (mirror.qos, mirror.raw_qos, mirror.retain) == (0, 1, False)
    assert (mirror.heartbeat_interval, mirror.lists_as_text) == (60, True)
    assert (mirror.raw_messages, mirror.raw_flat, mirror.keep_all) == (True,) * 3
    assert (mirror.max_values, mirror.max_raw) == (50000, 20)
    assert (mirror.max_raw_bytes, mirror.max_command_age) == (1024 * 1024, 120)
    assert mirror.follow_schedules
    assert (options.raw_on_disk, options.discovery_prefix) == (True, "other/ha")
    assert (options.broker.user, options.broker.tls) == ("me", None)

    assert shown(await dialog.open()) == {"connection": "own"}
    assert shown(await dialog.submit(connection="own"))["username"] == "me"
    result = await dialog.submit(host=HOST, port=mosquitto.port, username="me")
    assert shown(result) == said | levels
    # A section that was not opened is as it was.
    await dialog.submit(commands={"max_command_age": 5})
    assert dialog.saved == broker | said | {
        "max_command_age": 5.0,
        "follow_schedules": False,
    }


@needs_mosquitto
async def test_the_other_connection_wants_no_password(
    hass: HomeAssistant, dialog: Dialog
) -> None:
    """What only a broker of one's own has is forgotten with it."""
    mqtt_entry(hass)
    own = BROKER | {"password": SECRET, "qos": 2, "discovery": True}
    hass.config_entries.async_update_entry(
        dialog.entry, options=OPTIONS | {"mirror": own}
    )
    await dialog.open()
    result = await dialog.submit(connection="home_assistant")
    assert shown(result)["qos"] == "2"
    await dialog.submit()
    assert dialog.saved == PRESET | {"qos": 2}


@needs_mosquitto
async def test_a_password_is_kept_and_never_shown(
    dialog: Dialog, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with Mosquitto(tmp_path, *passwords(tmp_path, me=SECRET)) as server:
        result = await dialog.broker(server.port)
        assert result["errors"] == {"password": "broker_credentials"}
        result = await dialog.broker(server.port, username="me", password="wrong")
        assert result["errors"] == {"password": "broker_credentials"}
        await dialog.submit(host=HOST, port=server.port, username="me", password=SECRET)
        await dialog.submit()
        assert dialog.saved["password"] == SECRET

        await dialog.open()
        result = await dialog.submit(connection="own")
        assert "password" not in shown(result)
        assert "remove_password" in fields(result)
        assert SECRET not in str(result)
        me = {"host": HOST, "port": server.port, "username": "me"}
        both = {"password": "another", "remove_password": True}
        result = await dialog.submit(**me, **both)
        assert result["errors"] == {"remove_password": "password_entered"}
        result = await dialog.submit(**me, remove_password=True)
        assert result["errors"] == {"password": "broker_credentials"}
        result = await dialog.submit(**me)
        assert result["step_id"] == "mirror_messages"
        await dialog.submit()
        assert dialog.saved["password"] == SECRET
    options = mirror_options(dialog.entry.data, dialog.entry.options, "1")
    assert options.broker.password == SECRET
    assert SECRET not in f"{options!r}{options}{caplog.text}"


@needs_mosquitto
async def test_a_password_can_be_removed(
    hass: HomeAssistant, dialog: Dialog, mosquitto: Mosquitto
) -> None:
    hass.config_entries.async_update_entry(
        dialog.entry, options=OPTIONS | {"mirror": BROKER | {"password": SECRET}}
    )
    await dialog.broker(mosquitto.port, remove_password=True)
    await dialog.submit()
    assert dialog.saved["password"] == ""


@needs_mosquitto
async def test_tls_with_certificates_of_both(
    hass: HomeAssistant, dialog: Dialog, tmp_path: Path
) -> None:
    authority = trustme.CA()
    theirs, ours = (files(authority, tmp_path, name) for name in ("broker", "hub"))
    strange = files(trustme.CA(), tmp_path, "strange")
    settings = (
        "allow_anonymous true",
        f"certfile {theirs['certificate']}",
        f"keyfile {theirs['key']}",
        f"cafile {theirs['ca']}",
        "require_certificate true",
    )
    # Where a path begins that is none from the root.
    hass.config.config_dir = str(tmp_path)
    async with Mosquitto(tmp_path, *settings) as server:
        result = await dialog.broker(server.port)
        assert result["errors"] == {"port": "broker_no_broker"}
        for wrong, error in (
            ({"ca": ""}, "broker_certificate"),
            ({"ca": strange["ca"]}, "broker_certificate"),
            ({"ca": "missing.pem"}, "invalid_ca"),
            ({"certificate": ""}, "invalid_certificate"),
            ({"key": theirs["key"]}, "invalid_key"),
        ):
            encryption = {"tls": True} | ours | wrong
            result = await dialog.broker(server.port, encryption=encryption)
            assert result["errors"] == {"encryption": error}
            assert fields(result)["encryption"].options["collapsed"] is False
            told = result["description_placeholders"]
            assert told["detail"] or told["reason"]
        nobody = {"tls": True, "ca": ours["ca"]}
        result = await dialog.broker(server.port, encryption=nobody)
        assert set(result["errors"].values()) <= {
            "broker_no_broker",
            "broker_reset",
            "broker_tls",
        }
        assert result["errors"]
        careless = {"tls": True} | ours | {"ca": "", "verify_ssl": False}
        result = await dialog.broker(server.port, encryption=careless)
        assert result["step_id"] == "mirror_messages"
        mine = {"tls": True} | ours | {"ca": f" {Path(ours['ca']).name} "}
        result = await dialog.broker(server.port, encryption=mine)
        assert result["step_id"] == "mirror_messages"
        await dialog.submit()
    assert dialog.saved["ca"] == ours["ca"]
    options = mirror_options(dialog.entry.data, dialog.entry.options, "1")
    assert options.broker.tls.certificate == ours["certificate"]
    assert options.broker.tls.verify
    await dialog.open()
    result = await dialog.submit(connection="own")
    assert fields(result)["encryption"].options["collapsed"] is False


@needs_mosquitto
async def test_tls_with_a_broker_that_has_none(
    dialog: Dialog, mosquitto: Mosquitto
) -> None:
    result = await dialog.broker(mosquitto.port, encryption={"tls": True})
    assert set(result["errors"].values()) <= {"broker_tls", "broker_reset"}
    assert result["errors"]
    result = await dialog.submit(
        host=HOST, port=mosquitto.port, encryption={"tls": False}
    )
    assert result["step_id"] == "mirror_messages"


async def test_where_no_broker_is(
    dialog: Dialog, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    result = await dialog.broker(port, password="secret")
    assert result["errors"] == {"port": "broker_refused"}
    assert result["description_placeholders"]["address"] == f"{HOST}:{port}"
    # What was entered is there still.
    assert shown(result) == {"host": HOST, "port": port, "password": "secret"}
    for host in ("", " ", "mqtt://broker", "broker:1883"):
        result = await dialog.submit(host=host, port=1883)
        assert result["errors"] == {"host": "invalid_host"}
    result = await dialog.submit(host=HOST, port=1883, password="\ud800")
    assert result["errors"] == {"password": "invalid_password"}
    with pytest.raises(InvalidData):
        await dialog.submit(host=HOST, port=0)

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    result = await dialog.submit(host="nobody.example", port=1883)
    assert result["errors"] == {"host": "broker_unknown_host"}


def test_each_fault_of_a_broker_is_told() -> None:
    distrust = ssl.SSLCertVerificationError()
    distrust.verify_message = "expired"
    errors = (
        OSError(),
        ssl.SSLError(),
        distrust,
        socket.gaierror(),
        TimeoutError(),
        ConnectionRefusedError(),
        ConnectionResetError(),
    )
    links = {link_error(it, "there", "there").reason for it in errors}
    assert set(FAULTS) == {*BrokerReason, *links}


# For another Home Assistant

ANNOUNCED = {"discovery": True, "discovery_prefix": "homeassistant"}


@pytest.fixture
def others(dialog: Dialog, mosquitto: Mosquitto) -> Any:
    """Return what announces datapoints on the broker; it returns the errors."""

    async def announce(**said: Any) -> Any:
        result = await dialog.broker(mosquitto.port)
        assert result["step_id"] == "mirror_messages"
        result = await dialog.submit(others=ANNOUNCED | said)
        if result["type"] is FlowResultType.CREATE_ENTRY:
            return {}
        assert fields(result)["others"].options["collapsed"] is False
        return result["errors"]

    return announce


SAME = {"others": "discovery_same_broker"}


@needs_mosquitto
async def test_discovery_on_the_broker_of_home_assistant(
    hass: HomeAssistant,
    others: Any,
    mosquitto: Mosquitto,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It would show everything twice."""
    real = socket.getaddrinfo

    def resolve(host: str, *args: Any, **said: Any) -> Any:
        if host == "nobody.invalid":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(host, *args, **said)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert await others() == {}
    mqtt = mqtt_entry(hass, port=mosquitto.port)
    for host, error in (
        (HOST, SAME),
        ("localhost", SAME),
        ("127.0.0.2", SAME),
        ("core-mosquitto", SAME),
        ("192.0.2.1", {}),
        ("nobody.invalid", {}),
    ):
        there = {"broker": host, "port": mosquitto.port}
        hass.config_entries.async_update_entry(mqtt, data=there)
        assert await others() == error, host
    assert await others(discovery=False) == {}
    same: dict[str, Any] = {"broker": HOST, "port": mosquitto.port}
    for data, options, error in (
        (same, {}, SAME),
        ({"broker": HOST, "port": free_port()}, {}, {}),
        ({"broker": HOST}, {}, {}),
        ({}, {}, {}),
        (same, {"discovery": False}, {}),
        (same, {"discovery_prefix": "mine"}, {}),
        (same, {"discovery": True, "discovery_prefix": "homeassistant"}, SAME),
    ):
        hass.config_entries.async_update_entry(mqtt, data=data, options=options)
        assert await others() == error, (data, options)
    assert await others(discovery_prefix="mine") == {}


@needs_mosquitto
async def test_discovery_on_this_machine_by_its_address(
    hass: HomeAssistant,
    others: Any,
    mosquitto: Mosquitto,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    mqtt = mqtt_entry(hass, port=mosquitto.port)
    data = {"broker": "192.0.2.1", "port": mosquitto.port}
    hass.config_entries.async_update_entry(mqtt, data=data)

    async def adapters(_: HomeAssistant) -> Any:
        return [{"ipv4": [{"address": "192.0.2.1"}], "ipv6": [{"address": "fe80::1"}]}]

    monkeypatch.setattr(
        "custom_components.bemcom_connectors.home_assistant_mqtt.async_get_adapters",
        adapters,
    )
    assert await others() == SAME


@pytest.mark.parametrize("prefix", ["a/#", "$SYS", "//", "a\x00"])
@needs_mosquitto
async def test_prefixes_that_no_topic_has(others: Any, prefix: str) -> None:
    error = {"others": "invalid_discovery_prefix"}
    assert await others(discovery_prefix=prefix) == error
    assert await others(discovery_prefix=prefix, discovery=False) == {}


@pytest.mark.parametrize("prefix", [NAME, f"{NAME}/more", f"/{NAME}/"])
@needs_mosquitto
async def test_a_prefix_of_the_topics_of_the_hub(others: Any, prefix: str) -> None:
    """What is taken back there would be an empty message to a BEMCom stack."""
    error = {"others": "discovery_own_topics"}
    assert await others(discovery_prefix=prefix) == error
    assert await others(discovery_prefix=prefix, discovery=False) == {}
    assert await others(discovery_prefix=f"{NAME}-too") == {}


@needs_mosquitto
async def test_an_emptied_prefix_is_the_usual_one(
    dialog: Dialog, mosquitto: Mosquitto
) -> None:
    await dialog.broker(mosquitto.port)
    await dialog.submit(others={"discovery": True})
    assert dialog.saved["discovery_prefix"] == "homeassistant"


# The documentation


def test_each_option_is_explained() -> None:
    steps = ENGLISH["options"]["step"]
    text = read("bemcom.md")
    for name in ("mirror", "mirror_broker", "mirror_messages"):
        for label in labels(steps[name]):
            assert f"| {label} |" in text
    for section in steps["mirror_messages"]["sections"].values():
        assert f"| **{section['name']}** |" in text
    connections = ENGLISH["selector"]["mirror_connection"]["options"]
    assert all(f"**{it}**" in text for it in connections.values())


# What is stored


@pytest.mark.parametrize(
    "stored",
    [None, {}, [], "on", {"connection": "off"}, {"connection": []}, {"qos": 1}],
)
def test_what_is_no_mirror(stored: Any) -> None:
    assert mirror_options({"connector_name": NAME}, {"mirror": stored}, "1") is None
    assert mirror_options({"connector_name": NAME}, {}, "1") is None


def options_of(stored: dict[str, Any], kind: str = "tcp") -> HubMirrorOptions:
    """Return what is made of stored settings."""
    data = {"connector_name": NAME, "hub_kind": kind}
    options = mirror_options(data, {"mirror": stored}, "1")
    assert options is not None
    return options


def test_what_depends_on_something_else() -> None:
    own = {"connection": "own", "host": HOST}
    others = {"discovery": True, "discovery_prefix": "mine"}
    assert options_of(own | others).discovery_prefix == "mine"
    assert options_of(own | others | {"discovery": False}).discovery_prefix == ""
    for prefix in ("#", NAME, f"{NAME}/more"):
        refused = own | others | {"discovery_prefix": prefix}
        assert options_of(refused).discovery_prefix == ""
    shared = {"connection": "home_assistant"}
    assert options_of(shared | others).discovery_prefix == ""
    assert options_of(shared | {"raw_on_disk": True}).raw_on_disk is False
    kept = shared | {"raw_on_disk": True, "raw_messages": True}
    assert options_of(kept).raw_on_disk is True
    assert options_of(shared, "ocpp").legacy_keys is True
    assert options_of(shared | {"legacy_keys": False}, "ocpp").legacy_keys is False
    assert options_of(shared | {"legacy_keys": True}).legacy_keys is False
    assert options_of(shared).mirror.max_command_age is None


def test_numbers_are_as_they_must_be() -> None:
    given = {"port": 8883.0, "qos": "2", "raw_qos": 7, "heartbeat_interval": 0}
    known = known_settings(given | {"max_raw": float("inf"), "max_values": "many"})
    assert known["port"] == 8883
    assert (known["qos"], known["raw_qos"], known["heartbeat_interval"]) == (2, 2, 1)
    assert (known["max_raw"], known["max_values"]) == (1_000_000, 10_000)
    assert known_settings({"port": float("nan"), "max_raw": 10**400}) == DEFAULTS


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(
    st.sampled_from(["own", "home_assistant"]),
    st.dictionaries(st.sampled_from(sorted(DEFAULTS)), json_values),
)
def test_whatever_is_stored_can_be_used(
    connection: str, stored: dict[str, Any]
) -> None:
    options = options_of({**stored, "connection": connection})
    assert (options.broker is not None) == (connection == "own")
    known = known_settings(stored)
    assert {name: type(it) for name, it in known.items()} == {
        name: type(it) for name, it in DEFAULTS.items()
    }
    assert all(low <= known[name] <= high for name, (low, high) in LIMITS.items())
    assert known_settings(known) == known
