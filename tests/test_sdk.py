"""Connectors of other integrations: offered, chosen, set up; and what they may get wrong."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, override

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import voluptuous as vol

from custom_components.bemcom_connectors import custom_flow
from custom_components.bemcom_connectors.const import DOMAIN
from custom_components.bemcom_connectors.diagnostics import (
    async_get_config_entry_diagnostics,
)
from custom_components.bemcom_connectors.sdk import (
    Connector,
    ConnectorType,
    JsonValue,
    LinkError,
    LinkReason,
    OptionsError,
    async_register_connector,
)
from homeassistant.config_entries import SOURCE_USER, ConfigEntryState, ConfigFlowResult
from homeassistant.core import CALLBACK_TYPE, CoreState, HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
from tests.flows import choose, submit
from tests.hub import state_of

NAME = "garden"
SCHEMA = vol.Schema(
    {vol.Required("host"): str, vol.Optional("pause", default=0.5): vol.Coerce(float)}
)


class Pump(Connector):
    """A connector that says what is put into its queue."""

    def __init__(self, name: str, settings: Mapping[str, Any]) -> None:
        """Keep the settings."""
        super().__init__(name)
        self.settings = settings
        self.queue: asyncio.Queue[JsonValue] = asyncio.Queue()
        self.links = 0

    @override
    async def connect(self) -> None:
        """Reach every host but some."""
        self.links += 1
        match self.settings["host"]:
            case "refuses":
                raise LinkError(LinkReason.REFUSED, "It refuses")
            case "tells":
                raise LinkError(LinkReason.UNREACHABLE, "No way there", "no route")
            case "hangs":
                await asyncio.Event().wait()
            case "breaks":
                raise ZeroDivisionError("in connect")

    @override
    async def disconnect(self) -> None:
        """Let go of the link, if it was open."""
        self.links = 0

    @override
    async def receive_raw_msg(self) -> JsonValue:
        """Wait for the queue."""
        return await self.queue.get()


def create(name: str, settings: Mapping[str, Any]) -> Connector:
    """Return a pump, unless its settings cannot work."""
    match settings["host"]:
        case "misspelt":
            raise OptionsError("host", "It is misspelt")
        case "elsewhere":
            raise OptionsError("other", "It is elsewhere")
        case "bug":
            raise KeyError("in create")
    return Pump(name, settings)


def pump(**changes: Any) -> ConnectorType:
    """Return what the integration of the pump offers."""
    return ConnectorType(
        **{
            "kind": "acme_pump",
            "name": "ACME pump",
            "create": create,
            "schema": SCHEMA,
            "description": "Enter where the pump is.",
            "manufacturer": "ACME",
            **changes,
        }
    )


def pump_entry(host: str = "here", **options: Any) -> MockConfigEntry:
    """Return the entry of a hub with a pump."""
    return MockConfigEntry(
        domain=DOMAIN,
        title=NAME,
        unique_id=NAME,
        data={
            "hub_kind": "custom",
            "connector_name": NAME,
            "connector_type": "acme_pump",
            "settings": {"host": host},
        },
        options=options,
    )


@pytest.fixture
async def offer(hass: HomeAssistant) -> CALLBACK_TYPE:
    """Offer the pump, and return how to end that."""
    return async_register_connector(hass, pump())


async def set_up(hass: HomeAssistant, entry: MockConfigEntry) -> Pump:
    """Set a hub up, and return its connector."""
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED
    return running(entry)


def running(entry: MockConfigEntry) -> Pump:
    """Return the connector of a hub."""
    connector = entry.runtime_data.connector
    assert isinstance(connector, Pump)
    return connector


def state(entry: MockConfigEntry) -> ConfigEntryState:
    """Return the state of a hub, which may be another one each time."""
    now: ConfigEntryState = entry.state
    return now


async def start(hass: HomeAssistant) -> ConfigFlowResult:
    """Open the dialog and choose a connector of another integration."""
    result = await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_USER}
    )
    assert result["menu_options"] == ["tcp", "serial", "ocpp", "custom"]
    return await choose(hass, result, "custom")


# The dialog


@pytest.mark.usefixtures("offer")
async def test_a_hub_is_made_of_what_is_offered(hass: HomeAssistant) -> None:
    """The only connector need not be chosen; it gets its settings and has its entities."""
    result = await start(hass)
    assert result["step_id"] == "custom_settings"
    assert result["description_placeholders"]["connector"] == "ACME pump"
    assert result["description_placeholders"]["description"] == (
        "Enter where the pump is."
    )
    assert [str(it) for it in result["data_schema"].schema] == [
        "connector_name",
        "host",
        "pause",
    ]
    result = await submit(hass, result, connector_name=NAME, host="here", pause=2)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == NAME
    assert result["data"] == {
        "hub_kind": "custom",
        "connector_name": NAME,
        "connector_type": "acme_pump",
        "settings": {"host": "here", "pause": 2.0},
    }
    assert result["options"] == {}
    await hass.async_block_till_done()

    entry = result["result"]
    connector = running(entry)
    assert connector.name == NAME
    assert connector.settings == {"host": "here", "pause": 2.0}
    connector.queue.put_nowait({"temperature_c": 21.5})
    await state_of(hass, "sensor.garden_temperature", "21.5")
    device = dr.async_get(hass).async_get_device_by_identifier(
        (DOMAIN, entry.entry_id), config_entry_id=entry.entry_id
    )
    assert device is not None
    assert (device.manufacturer, device.model) == ("ACME", "ACME pump")
    assert await hass.config_entries.async_unload(entry.entry_id)
    assert connector.links == 0


@pytest.mark.usefixtures("offer", "mock_setup_entry")
async def test_one_of_several_is_chosen(hass: HomeAssistant) -> None:
    """A connector without settings asks for the name only."""
    plain = pump(
        kind="acme_well",
        name="ACME well",
        schema=None,
        create=lambda name, _: Well(name),
    )
    async_register_connector(hass, plain)
    result = await start(hass)
    assert result["step_id"] == "custom"
    (selector,) = result["data_schema"].schema.values()
    assert selector.config["options"] == [
        {"value": "acme_pump", "label": "ACME pump"},
        {"value": "acme_well", "label": "ACME well"},
    ]
    result = await submit(hass, result, connector_type="acme_well")
    result = await submit(hass, result, connector_name=NAME)
    assert result["data"]["connector_type"] == "acme_well"
    assert result["data"]["settings"] == {}


class Well(Connector):
    """A connector of one method."""

    @override
    async def receive_raw_msg(self) -> JsonValue:
        """Wait for ever."""
        never: asyncio.Future[JsonValue] = asyncio.get_running_loop().create_future()
        return await never


@pytest.mark.usefixtures("offer", "mock_setup_entry")
@pytest.mark.parametrize(
    ("entered", "errors", "detail"),
    [
        ({"host": "refuses"}, {"base": "link_refused"}, "It refuses"),
        ({"host": "tells"}, {"base": "link_unreachable"}, "no route"),
        ({"host": "hangs"}, {"base": "link_timeout"}, ""),
        (
            {"host": "breaks"},
            {"base": "connector_failed"},
            "ZeroDivisionError: in connect",
        ),
        ({"host": "misspelt"}, {"host": "connector_setting"}, "It is misspelt"),
        ({"host": "elsewhere"}, {"base": "connector_setting"}, "It is elsewhere"),
        ({"host": "bug"}, {"base": "connector_failed"}, "KeyError: 'in create'"),
        ({"connector_name": "A b"}, {"connector_name": "invalid_connector_name"}, ""),
        ({"connector_name": "taken"}, {"connector_name": "connector_name_taken"}, ""),
    ],
)
async def test_what_cannot_work_is_told_and_can_be_mended(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    entered: dict[str, Any],
    errors: dict[str, str],
    detail: str,
) -> None:
    """Nothing is created until the connector could connect."""
    monkeypatch.setattr(custom_flow, "DEFAULT_CONNECT_TIMEOUT", 0.05)
    MockConfigEntry(domain=DOMAIN, unique_id="taken").add_to_hass(hass)
    good = {"connector_name": NAME, "host": "here"}
    result = await submit(hass, await start(hass), **good | entered)
    assert result["errors"] == errors
    assert result["description_placeholders"]["detail"] == detail
    shown = {str(it): it.description for it in result["data_schema"].schema}
    assert shown["host"] == {"suggested_value": (good | entered)["host"]}
    assert len(hass.config_entries.async_entries(DOMAIN)) == 1
    result = await submit(hass, result, **good)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_an_offer_may_end_while_it_is_looked_at(
    hass: HomeAssistant, offer: CALLBACK_TYPE
) -> None:
    result = await start(hass)
    offer()
    result = await submit(hass, result, connector_name=NAME, host="here")
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "connector_type_missing"
    assert result["description_placeholders"] == {"kind": "acme_pump"}


@pytest.mark.usefixtures("offer", "mock_setup_entry")
async def test_two_dialogs_cannot_take_one_name(hass: HomeAssistant) -> None:
    """The second one is told, though it was there first when both were tried."""
    result = await start(hass)

    def taken(name: str, settings: Mapping[str, Any]) -> Connector:
        pump_entry().add_to_hass(hass)
        return Pump(name, settings)

    offered = pump(kind="acme_slow", create=taken)
    async_register_connector(hass, offered)
    result = await submit(hass, await start(hass), connector_type="acme_slow")
    result = await submit(hass, result, connector_name=NAME, host="here")
    assert result["reason"] == "already_configured"


@pytest.mark.usefixtures("offer")
async def test_reconfiguring_tries_the_new_settings(hass: HomeAssistant) -> None:
    """The hub lets go of the device for the trial, and goes on if that fails."""
    entry = pump_entry()
    before = await set_up(hass, entry)
    result = await entry.start_reconfigure_flow(hass)
    assert result["step_id"] == "reconfigure_custom"
    (host, _) = result["data_schema"].schema
    assert host.description == {"suggested_value": "here"}
    result = await submit(hass, result, host="refuses")
    assert result["errors"] == {"base": "link_refused"}
    assert before.links == 0
    assert running(entry) is not before
    assert running(entry).settings["host"] == "here"
    result = await submit(hass, result, host="there", pause=1)
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()
    assert entry.data["settings"] == {"host": "there", "pause": 1.0}
    assert entry.data["connector_name"] == NAME
    assert running(entry).settings["host"] == "there"

    # Nothing changed: its link stays open.
    connector = running(entry)
    result = await entry.start_reconfigure_flow(hass)
    result = await submit(hass, result, host="there", pause=1)
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()
    assert running(entry) is connector
    assert connector.links == 1


async def test_a_hub_that_nobody_offers_cannot_be_reconfigured(
    hass: HomeAssistant,
) -> None:
    entry = pump_entry()
    entry.add_to_hass(hass)
    result = await entry.start_reconfigure_flow(hass)
    assert result["reason"] == "connector_type_missing"


@pytest.mark.usefixtures("offer")
async def test_options_are_those_of_every_hub(hass: HomeAssistant) -> None:
    """How messages are read is the connector's matter; which device is meant need not be."""
    entry = pump_entry()
    await set_up(hass, entry)
    assert set(entry.supported_subentry_types) == {"datapoint"}
    result = await hass.config_entries.options.async_init(entry.entry_id)
    assert result["menu_options"] == ["devices", "reporting", "mirror"]
    result = await hass.config_entries.options.async_configure(
        result["flow_id"], {"next_step_id": "devices"}
    )
    await hass.config_entries.options.async_configure(
        result["flow_id"], {"device_id_key": "id", "device_name": "Pump ${device_id}"}
    )
    await hass.async_block_till_done()
    running(entry).queue.put_nowait({"id": 7, "temperature_c": 21.5})
    await state_of(hass, "sensor.pump_7_temperature", "21.5")


# Offers and hubs


async def test_a_hub_waits_for_its_integration(
    hass: HomeAssistant, caplog: pytest.LogCaptureFixture
) -> None:
    """It is set up as soon as the connector is offered, and waits again when that ends."""
    entry = pump_entry()
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    assert state(entry) is ConfigEntryState.SETUP_RETRY
    assert entry.error_reason_translation_key == "connector_type_missing"
    assert "garden needs the connector acme_pump" in caplog.text

    end = async_register_connector(hass, pump())
    await hass.async_block_till_done()
    assert state(entry) is ConfigEntryState.LOADED
    connector = running(entry)

    end()
    end()
    await hass.async_block_till_done()
    assert state(entry) is ConfigEntryState.SETUP_RETRY
    assert connector.links == 0

    async_register_connector(hass, pump())
    await hass.async_block_till_done()
    assert state(entry) is ConfigEntryState.LOADED
    # An offer that ended has no say in the next one.
    end()
    await hass.async_block_till_done()
    assert state(entry) is ConfigEntryState.LOADED


async def test_an_integration_may_be_reloaded_at_once(hass: HomeAssistant) -> None:
    """An offer that ends and begins anew leaves its hub with the new connector."""
    end = async_register_connector(hass, pump())
    entry = pump_entry()
    before = await set_up(hass, entry)
    end()
    async_register_connector(hass, pump())
    await hass.async_block_till_done()
    assert state(entry) is ConfigEntryState.LOADED
    assert running(entry) is not before


async def test_hubs_are_left_alone_when_home_assistant_stops(
    hass: HomeAssistant, offer: CALLBACK_TYPE
) -> None:
    entry = pump_entry()
    await set_up(hass, entry)
    hass.set_state(CoreState.stopping)
    offer()
    await hass.async_block_till_done()
    hass.set_state(CoreState.running)
    assert entry.state is ConfigEntryState.LOADED


@pytest.mark.usefixtures("offer")
@pytest.mark.parametrize(
    ("host", "state", "reason"),
    [
        ("bug", ConfigEntryState.SETUP_ERROR, "connector_failed"),
        ("misspelt", ConfigEntryState.SETUP_ERROR, "options_invalid"),
        ("refuses", ConfigEntryState.SETUP_RETRY, "link_refused"),
        ("breaks", ConfigEntryState.SETUP_RETRY, "link_failed"),
    ],
)
async def test_a_hub_that_cannot_be_set_up_says_why(
    hass: HomeAssistant, host: str, state: ConfigEntryState, reason: str
) -> None:
    entry = pump_entry(host)
    entry.add_to_hass(hass)
    await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is state
    assert entry.error_reason_translation_key == reason


@pytest.mark.usefixtures("offer")
async def test_a_field_of_a_later_version_has_its_default(hass: HomeAssistant) -> None:
    connector = await set_up(hass, pump_entry())
    assert connector.settings == {"host": "here", "pause": 0.5}


@pytest.mark.usefixtures("offer")
async def test_the_settings_are_kept_out_of_diagnostics(hass: HomeAssistant) -> None:
    """Nobody but its author knows which of them is a password."""
    entry = pump_entry("secret-host")
    connector = await set_up(hass, entry)
    connector.queue.put_nowait({"a": 1})
    await state_of(hass, "sensor.garden_a", "1")
    shown = await async_get_config_entry_diagnostics(hass, entry)
    assert "secret-host" not in str(shown)
    assert shown["messages"][0]["payload"] == {"a": 1}


# What cannot be offered


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "Acme pump"},
        {"kind": ""},
        {"name": ""},
        {"schema": vol.Schema({vol.Required("connector_name"): str})},
        {"schema": vol.Schema(str)},
    ],
)
def test_a_type_that_cannot_be_shown_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        pump(**changes)


@pytest.mark.usefixtures("offer")
async def test_a_kind_is_offered_once(hass: HomeAssistant) -> None:
    with pytest.raises(ValueError, match="acme_pump is offered already"):
        async_register_connector(hass, pump())


async def test_offers_are_made_in_the_event_loop(hass: HomeAssistant) -> None:
    with pytest.raises(RuntimeError):
        await hass.async_add_executor_job(async_register_connector, hass, pump())


class Forgetful(Well):
    """A connector that does not call its base."""

    def __init__(self) -> None:
        """Do nothing."""


class Crossing(Well):
    """A connector that takes an attribute for something else."""

    def __init__(self) -> None:
        """Take a name."""
        super().__init__("crossing")
        self.history: Any = 3


class Overriding(Well):
    """A connector that takes the name of a method."""

    def _publish(self, *_: object) -> int:
        return 0


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (lambda: "no connector", "create returned no Connector: 'no connector'"),
        (Forgetful, r"must call super\(\).__init__\(name\)"),
        (Crossing, "The name history is the engine's"),
        (lambda: Overriding("x"), "The name _publish is the engine's"),
    ],
)
def test_a_connector_that_cannot_work_is_refused(
    made: Callable[[], Any], reason: str
) -> None:
    """Before it fails somewhere else, for a reason that is hard to find."""
    offered = pump(create=lambda _name, _settings: made())
    with pytest.raises(TypeError, match=reason):
        offered.make("x", {})


async def test_the_menu_is_short_without_offers(hass: HomeAssistant) -> None:
    assert await async_setup_component(hass, DOMAIN, {})
    result = await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_USER}
    )
    assert result["menu_options"] == ["tcp", "serial", "ocpp"]
