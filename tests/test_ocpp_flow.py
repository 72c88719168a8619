"""The dialogs of an OCPP hub: where it listens, its options, and pairing what dials in."""

import asyncio
import errno
from pathlib import Path
from types import MappingProxyType
from typing import Any
from unittest.mock import patch

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import trustme

from custom_components.bemcom_connectors import system_health, targets
from custom_components.bemcom_connectors.const import DOMAIN
from custom_components.bemcom_connectors.ocpp.model import Identity, PendingChargePoint
from homeassistant.config_entries import (
    SOURCE_IGNORE,
    SOURCE_INTEGRATION_DISCOVERY,
    ConfigEntryState,
    ConfigFlowResult,
    ConfigSubentry,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError
from tests.flows import start, submit
from tests.ocpp_flows import NAME, NO_FILES, SETTINGS, charge_point, ocpp_entry
from tests.subentries import suggested

pytestmark = pytest.mark.usefixtures("loopback", "mock_setup_entry")

# What the plug-in says the address of the machine is.
URL = "ws://10.10.10.10:{}/"


@pytest.fixture
def port(unused_tcp_port_factory: Any) -> int:
    """Return a port that nobody listens on."""
    free: int = unused_tcp_port_factory()
    return free


@pytest.fixture
def pem(tmp_path: Path) -> dict[str, str]:
    """Return the files of a certificate, and of an authority."""
    authority = trustme.CA()
    certificate = authority.issue_cert("charging.example")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    certificate.private_key_and_cert_chain_pem.write_to_path(tmp_path / "both.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    names = ("cert", "key", "both", "ca")
    return {name: str(tmp_path / f"{name}.pem") for name in names}


async def fill_in(hass: HomeAssistant, **user_input: Any) -> ConfigFlowResult:
    """Choose the kind of hub and fill in its form."""
    result = await start(hass, "ocpp")
    assert result["step_id"] == "ocpp"
    return await submit(hass, result, connector_name=NAME, **user_input)


def shown(result: ConfigFlowResult) -> dict[str, Any]:
    """Return what the form of a result shows."""
    return suggested(result["data_schema"])


def fields(result: ConfigFlowResult) -> dict[str, Any]:
    """Return the fields and sections of a form."""
    schema = result["data_schema"]
    assert schema is not None
    return {str(marker): field for marker, field in schema.schema.items()}


# A new hub


async def test_a_hub_shows_what_to_enter_in_the_wallbox(
    hass: HomeAssistant, port: int
) -> None:
    """Before it is created, ready to copy."""
    result = await fill_in(hass, port=port)
    assert result["step_id"] == "ocpp_ready"
    assert result["description_placeholders"] == {"url": URL.format(port)}
    assert result["last_step"]
    result = await submit(hass, result)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == NAME
    assert result["data"] == {
        "hub_kind": "ocpp",
        "connector_name": NAME,
        "host": "",
        "port": port,
        **NO_FILES,
    }
    assert result["options"] == {
        "unknown_charge_points": "pair",
        "call_timeout": 30,
        "ping_interval": 30,
    }
    assert result["result"].unique_id == NAME


async def test_the_port_is_preset(hass: HomeAssistant) -> None:
    """To the one that most use."""
    result = await start(hass, "ocpp")
    markers = list(result["data_schema"].schema)
    assert [it.default() for it in markers if it == "port"] == [9000]


async def test_a_port_that_is_taken_is_refused(hass: HomeAssistant, port: int) -> None:
    """With the reason beside the field; another one goes on."""
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", port):
        result = await fill_in(hass, port=port)
        assert result["errors"] == {"port": "link_address_in_use"}
        assert "address already in use" in result["description_placeholders"]["detail"]
    result = await submit(hass, result, connector_name=NAME, port=port)
    assert result["step_id"] == "ocpp_ready"


@pytest.mark.parametrize(
    ("number", "error"),
    [(errno.EACCES, "port_denied"), (errno.EADDRNOTAVAIL, "link_address_invalid")],
)
async def test_a_port_that_cannot_be_had_is_refused(
    hass: HomeAssistant, port: int, number: int, error: str
) -> None:
    """A low one needs rights; what else there is, the system says."""
    result = await start(hass, "ocpp")
    with patch.object(
        hass.loop, "create_server", side_effect=OSError(number, "no such luck")
    ):
        result = await submit(hass, result, connector_name=NAME, port=port)
    assert result["errors"] == {"port": error}
    assert result["description_placeholders"]["detail"] == "no such luck"
    result = await submit(hass, result, connector_name=NAME, port=port)
    assert result["step_id"] == "ocpp_ready"


async def test_two_hubs_cannot_share_a_port(hass: HomeAssistant, port: int) -> None:
    """Nor a name; the other hub need not run for it, and one of another kind is no matter."""
    ocpp_entry(port, name="first").add_to_hass(hass)
    MockConfigEntry(
        domain=DOMAIN, data={"hub_kind": "tcp", "host": "device", "port": port + 1}
    ).add_to_hass(hass)
    MockConfigEntry(domain=DOMAIN, source=SOURCE_IGNORE, data={}).add_to_hass(hass)
    result = await start(hass, "ocpp")
    result = await submit(hass, result, connector_name="first", port=port)
    assert result["errors"] == {
        "connector_name": "connector_name_taken",
        "port": "port_taken",
    }
    assert result["description_placeholders"]["hub"] == "first"
    result = await submit(hass, result, connector_name="No Name", port=port + 1)
    assert result["errors"] == {"connector_name": "invalid_connector_name"}
    result = await submit(hass, result, connector_name=NAME, port=port + 1)
    assert result["step_id"] == "ocpp_ready"


async def test_a_hub_that_came_meanwhile_counts(hass: HomeAssistant, port: int) -> None:
    """Two dialogs may be open at a time."""
    result = await fill_in(hass, port=port)
    ocpp_entry(port, name="first").add_to_hass(hass)
    result = await submit(hass, result)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"


async def test_certificates_are_tried(
    hass: HomeAssistant, port: int, pem: dict[str, str]
) -> None:
    """Each fault names its file; the files of the form stay to be seen."""
    result = await start(hass, "ocpp")
    assert fields(result)["tls"].options["collapsed"]
    for files, error, file in (
        ({"certificate": "ssl/no.pem"}, "tls_missing", hass.config.path("ssl/no.pem")),
        ({"certificate": pem["key"]}, "tls_no_certificate", pem["key"]),
        ({"certificate": pem["cert"]}, "tls_no_key", pem["cert"]),
        (
            {"certificate": pem["cert"], "key": pem["ca"]},
            "tls_no_key",
            pem["ca"],
        ),
        (
            {"certificate": pem["ca"], "key": pem["key"]},
            "tls_key_mismatch",
            pem["key"],
        ),
        (
            {"certificate": pem["both"], "client_ca": pem["key"]},
            "tls_ca_invalid",
            pem["key"],
        ),
        ({"key": pem["key"]}, "certificate_needed", ""),
        ({"client_ca": pem["ca"]}, "certificate_needed", ""),
        (
            {"certificate": pem["both"], "second_key": pem["key"]},
            "certificate_needed",
            "",
        ),
    ):
        result = await submit(hass, result, connector_name=NAME, port=port, tls=files)
        assert result["errors"] == {"tls": error}, files
        assert result["description_placeholders"]["file"] == file
        assert not fields(result)["tls"].options["collapsed"]
    result = await submit(
        hass,
        result,
        connector_name=NAME,
        port=port,
        tls={"certificate": f" {pem['cert']}", "key": pem["key"]},
    )
    url = result["description_placeholders"]["url"]
    assert url == f"wss://10.10.10.10:{port}/"
    result = await submit(hass, result)
    files = {"certificate": pem["cert"], "key": pem["key"]}
    assert {**result["data"], **NO_FILES, **files} == result["data"]


async def test_a_machine_without_an_address_has_a_name(
    hass: HomeAssistant, port: int
) -> None:
    """Which most networks know."""
    with patch(
        "custom_components.bemcom_connectors.ocpp_address.async_get_source_ip",
        side_effect=HomeAssistantError,
    ):
        result = await fill_in(hass, port=port)
    url = result["description_placeholders"]["url"]
    assert url == f"ws://homeassistant.local:{port}/"


# Changing a hub


async def test_another_port_is_tried_before_the_hub_leaves_the_old_one(
    hass: HomeAssistant, port: int, unused_tcp_port_factory: Any, pem: dict[str, str]
) -> None:
    """Its charge points stay connected while somebody looks for one that is free."""
    entry = ocpp_entry(port)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    result = await entry.start_reconfigure_flow(hass)
    assert result["step_id"] == "reconfigure_ocpp"
    assert shown(result) == {"port": port, **NO_FILES}
    taken, free = unused_tcp_port_factory(), unused_tcp_port_factory()
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", taken):
        result = await submit(hass, result, port=taken)
        assert result["errors"] == {"port": "link_address_in_use"}
        assert entry.state is ConfigEntryState.LOADED
    tls = {"certificate": pem["cert"], "key": pem["key"]}
    result = await submit(hass, result, port=free, tls=tls)
    assert result["reason"] == "reconfigure_successful"
    assert entry.data == {**ocpp_entry(free).data, **tls}
    await hass.async_block_till_done()


async def test_the_port_that_the_hub_holds_is_fine(
    hass: HomeAssistant, port: int, pem: dict[str, str]
) -> None:
    """It is the hub itself that listens there; files are checked all the same."""
    entry = ocpp_entry(port, files={"certificate": pem["both"]})
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", port):
        result = await entry.start_reconfigure_flow(hass)
        assert not fields(result)["tls"].options["collapsed"]
        result = await submit(hass, result, port=port, tls={"certificate": pem["key"]})
        assert result["errors"] == {"tls": "tls_no_certificate"}
        result = await submit(hass, result, port=port, tls={})
    assert result["reason"] == "reconfigure_successful"
    assert entry.data == ocpp_entry(port).data
    await hass.async_block_till_done()


async def test_a_hub_that_is_down_tries_its_own_port(
    hass: HomeAssistant, port: int
) -> None:
    """That is where the reason is."""
    entry = ocpp_entry(port)
    entry.add_to_hass(hass)
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", port):
        result = await entry.start_reconfigure_flow(hass)
        result = await submit(hass, result, port=port)
        assert result["errors"] == {"port": "link_address_in_use"}
    result = await submit(hass, result, port=port)
    assert result["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()


# Options


async def test_the_options_of_an_ocpp_hub(hass: HomeAssistant, port: int) -> None:
    """How charge points are treated, and once more what to enter in a wallbox."""
    entry = ocpp_entry(port)
    entry.add_to_hass(hass)
    flow = hass.config_entries.options
    result = await flow.async_init(entry.entry_id)
    assert result["menu_options"] == [
        "connect_charger",
        "ocpp_server",
        "reporting",
        "mirror",
    ]
    result = await flow.async_configure(
        result["flow_id"], {"next_step_id": "connect_charger"}
    )
    assert result["description_placeholders"] == {"url": URL.format(port)}
    result = await flow.async_configure(result["flow_id"], {})
    result = await flow.async_configure(
        result["flow_id"], {"next_step_id": "ocpp_server"}
    )
    assert shown(result) == dict(entry.options)
    changed = {
        "unknown_charge_points": "refuse",
        "call_timeout": 60,
        "ping_interval": 45,
    }
    result = await flow.async_configure(result["flow_id"], changed)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert entry.options == changed
    await hass.async_block_till_done()


@pytest.mark.parametrize(
    ("host", "url"),
    [("wallbox.lan", "ws://wallbox.lan:9000/"), ("fd00::1", "ws://[fd00::1]:9000/")],
)
async def test_a_hub_that_listens_on_one_address_shows_it(
    hass: HomeAssistant, host: str, url: str
) -> None:
    """Another one would lead nowhere."""
    entry = ocpp_entry(files={"host": host})
    entry.add_to_hass(hass)
    flow = hass.config_entries.options
    result = await flow.async_init(entry.entry_id)
    result = await flow.async_configure(
        result["flow_id"], {"next_step_id": "connect_charger"}
    )
    assert result["description_placeholders"] == {"url": url}


# Pairing


class HeldBy:
    """What the connector of a hub says of a charge point that it holds."""

    def __init__(self, *pending: PendingChargePoint, password: str = "") -> None:
        """Hold some charge points."""
        self.pending = {it.id: it for it in pending}
        self._password = password

    def presents_password(self, charge_point_id: str, password: str) -> bool:
        """Tell whether the charge point came with this password."""
        assert charge_point_id in self.pending
        return password == self._password


class Running:
    """What runs of a hub."""

    def __init__(self, connector: HeldBy) -> None:
        """Run this connector."""
        self.connector = connector


IDENTITY = Identity(vendor="Acme", model="Box 3", serial_number="SN 7")


async def loaded(hass: HomeAssistant, connector: HeldBy) -> MockConfigEntry:
    """Return a hub that runs."""
    entry = ocpp_entry()
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    entry.runtime_data = Running(connector)
    return entry


async def dialled_in(
    hass: HomeAssistant, entry_id: str, **identity: str
) -> ConfigFlowResult:
    """Tell that a charge point dialled in."""
    return await hass.config_entries.flow.async_init(
        DOMAIN,
        context={"source": SOURCE_INTEGRATION_DISCOVERY},
        data={"entry_id": entry_id, "charge_point_id": "CP1", **identity},
    )


def cards(hass: HomeAssistant) -> list[str]:
    """Return the titles of the cards that are shown."""
    return [
        flow["context"]["title_placeholders"]["name"]
        for flow in hass.config_entries.flow.async_progress()
    ]


async def test_a_charge_point_that_dialled_in_is_added(hass: HomeAssistant) -> None:
    """Its card says who it is; one click adds it to the hub."""
    entry = await loaded(hass, HeldBy(PendingChargePoint(id="CP1", identity=IDENTITY)))
    result = await dialled_in(hass, entry.entry_id, **IDENTITY.to_dict())
    assert result["step_id"] == "discovery_confirm"
    assert cards(hass) == ["Acme Box 3 (CP1, SN 7)"]
    assert shown(result) == {"name": "Acme Box 3"}
    assert set(fields(result)) == {"name"}
    assert result["description_placeholders"] == {
        "id": "CP1",
        "vendor": "Acme",
        "model": "Box 3",
        "serial_number": "SN 7",
        "hub": NAME,
    }
    result = await submit(hass, result, name="Garage")
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "charge_point_added"
    assert result["description_placeholders"] == {"name": "Garage", "hub": NAME}
    (added,) = entry.subentries.values()
    assert added.title == "Garage"
    assert added.unique_id == "CP1"
    assert added.subentry_type == "charge_point"
    assert added.data == {"id": "CP1", **SETTINGS}
    assert cards(hass) == []


@pytest.mark.parametrize(
    ("identity", "title"),
    [
        ({}, "CP1"),
        ({"vendor": "Acme", "model": "ACME One"}, "ACME One (CP1)"),
        ({"vendor": "Acme", "serial_number": "CP1"}, "Acme (CP1)"),
        ({"model": "`One`\n"}, "'One'  (CP1)"),
    ],
)
async def test_the_title_of_a_card(
    hass: HomeAssistant, identity: dict[str, str], title: str
) -> None:
    """Says everything once, in one line."""
    entry = await loaded(hass, HeldBy())
    await dialled_in(hass, entry.entry_id, **identity)
    assert cards(hass) == [title]


async def test_one_card_is_enough_and_learns(hass: HomeAssistant) -> None:
    """A charge point that says who it is later is the same one."""
    entry = await loaded(hass, HeldBy())
    first = await dialled_in(hass, entry.entry_id)
    assert cards(hass) == ["CP1"]
    second = await dialled_in(hass, entry.entry_id, **IDENTITY.to_dict())
    assert second["reason"] == "already_in_progress"
    assert cards(hass) == ["Acme Box 3 (CP1, SN 7)"]
    other = ocpp_entry(9001, name="other")
    other.add_to_hass(hass)
    assert (await dialled_in(hass, other.entry_id))["type"] is FlowResultType.FORM
    assert sorted(cards(hass)) == ["Acme Box 3 (CP1, SN 7)", "CP1"]
    result = await submit(hass, first, name="")
    assert result["description_placeholders"]["name"] == "CP1"


async def test_a_password_is_compared_with_the_one_it_came_with(
    hass: HomeAssistant,
) -> None:
    """A wrong one would lock the charge point out."""
    pending = PendingChargePoint(id="CP1", has_password=True)
    entry = await loaded(hass, HeldBy(pending, password="secret"))
    result = await dialled_in(hass, entry.entry_id)
    assert set(fields(result)) == {"name", "password"}
    for user_input, errors in (
        ({"password": "wrong"}, {"password": "wrong_password"}),
        ({"password": "a\nb"}, {"password": "invalid_password"}),
        ({"name": "x" * 101}, {"name": "invalid_name"}),
    ):
        result = await submit(hass, result, **user_input)
        assert result["errors"] == errors
    await submit(hass, result, password="secret")
    (added,) = entry.subentries.values()
    assert added.data["password"] == "secret"
    assert added.title == "CP1"


@pytest.mark.parametrize(
    ("in_certificate", "kept"),
    [("CP1", ""), ("SN 7", ""), ("box.example", "box.example")],
)
async def test_the_name_in_its_certificate_is_kept(
    hass: HomeAssistant, in_certificate: str, kept: str
) -> None:
    """Unless it is one by which it is known anyway."""
    pending = PendingChargePoint(
        id="CP1", identity=IDENTITY, certificate_name=in_certificate
    )
    entry = await loaded(hass, HeldBy(pending))
    await submit(hass, await dialled_in(hass, entry.entry_id))
    (added,) = entry.subentries.values()
    assert added.data["certificate_name"] == kept


async def test_one_that_hung_up_can_be_added(hass: HomeAssistant) -> None:
    """What it said is shown; nobody can tell whether its password is right."""
    pending = PendingChargePoint(id="CP1", has_password=True)
    connector = HeldBy(pending)
    entry = await loaded(hass, connector)
    result = await dialled_in(hass, entry.entry_id, vendor="Acme")
    connector.pending.clear()
    await submit(hass, result, password="any")
    (added,) = entry.subentries.values()
    assert added.data["password"] == "any"

    down = ocpp_entry(9001, name="down")
    down.add_to_hass(hass)
    result = await dialled_in(hass, down.entry_id, vendor="Acme")
    assert result["description_placeholders"]["vendor"] == "Acme"
    assert result["description_placeholders"]["model"] == "–"
    result = await submit(hass, result, name="Garage")
    assert result["reason"] == "charge_point_added"


async def test_what_is_known_makes_no_card(hass: HomeAssistant) -> None:
    """Added by hand, or meanwhile, or its hub is gone."""
    entry = ocpp_entry(subentries=(charge_point("CP1"),))
    entry.add_to_hass(hass)
    result = await dialled_in(hass, entry.entry_id)
    assert result["reason"] == "charge_point_known"
    result = await dialled_in(hass, "gone")
    assert result["reason"] == "charge_point_known"

    other = ocpp_entry(9001, name="other")
    other.add_to_hass(hass)
    result = await dialled_in(hass, other.entry_id)
    meanwhile = charge_point("CP1")
    hass.config_entries.async_add_subentry(
        other,
        ConfigSubentry(
            data=MappingProxyType(dict(meanwhile["data"])),
            subentry_type=meanwhile["subentry_type"],
            title=meanwhile["title"],
            unique_id=meanwhile["unique_id"],
        ),
    )
    result = await submit(hass, result, name="Garage")
    assert result["reason"] == "charge_point_known"
    assert len(other.subentries) == 1

    last = ocpp_entry(9002, name="last")
    last.add_to_hass(hass)
    result = await dialled_in(hass, last.entry_id)
    await hass.config_entries.async_remove(last.entry_id)
    result = await submit(hass, result, name="Garage")
    assert result["reason"] == "hub_gone"


async def test_one_that_is_ignored_makes_no_card(hass: HomeAssistant) -> None:
    """And an ignored one is no hub."""
    entry = await loaded(hass, HeldBy())
    hass.config_entries.async_update_entry(entry, title="Wallboxes")
    await dialled_in(hass, entry.entry_id)
    unique_id = f"{entry.entry_id}_CP1"
    ignored = await hass.config_entries.flow.async_init(
        DOMAIN,
        context={"source": SOURCE_IGNORE},
        data={"unique_id": unique_id, "title": entry.title},
    )
    assert ignored["type"] is FlowResultType.CREATE_ENTRY
    assert ignored["result"].unique_id == unique_id
    assert cards(hass) == []
    result = await dialled_in(hass, entry.entry_id)
    assert result["reason"] == "already_configured"
    assert len(hass.config_entries.async_entries(DOMAIN)) == 2
    assert targets.hub_entry(hass, {"hub": "Wallboxes"}) is entry
    with patch.object(hass.config_entries, "async_loaded_entries", return_value=[]):
        assert (await system_health.async_info(hass))["hubs"] == 1
