"""The dialogs of a charge point: adding one by hand, and changing it."""

from types import SimpleNamespace
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bemcom_connectors.ocpp.quirks import Quirk
from homeassistant.config_entries import SOURCE_USER, SubentryFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData
from tests.ocpp_flows import SETTINGS, charge_point, ocpp_entry
from tests.subentries import fields, shown, submit, suggested

pytestmark = pytest.mark.usefixtures("mock_setup_entry")

SECTIONS = ["control", "metering", "connection", "authorization", "quirks_used"]


@pytest.fixture
def entry(hass: HomeAssistant) -> MockConfigEntry:
    """Return a hub with a charge point."""
    hub = ocpp_entry(subentries=(charge_point("CP1", password="secret"),))
    hub.add_to_hass(hass)
    return hub


async def start(hass: HomeAssistant, entry: MockConfigEntry) -> SubentryFlowResult:
    """Open the form of a new charge point."""
    return await hass.config_entries.subentries.async_init(
        (entry.entry_id, "charge_point"), context={"source": SOURCE_USER}
    )


async def change(hass: HomeAssistant, entry: MockConfigEntry) -> SubentryFlowResult:
    """Open the form of the charge point that is there."""
    (subentry,) = entry.subentries.values()
    result: SubentryFlowResult = await entry.start_subentry_reconfigure_flow(
        hass, subentry.subentry_id
    )
    return result


def data_of(entry: MockConfigEntry, charge_point_id: str = "CP1") -> dict[str, Any]:
    """Return what is kept of a charge point."""
    (data,) = (
        dict(it.data)
        for it in entry.subentries.values()
        if it.unique_id == charge_point_id
    )
    return data


async def test_an_id_is_enough(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """The rest is as for most; the form says once more where to connect."""
    result = await start(hass, entry)
    assert result["description_placeholders"] == {"url": "ws://10.10.10.10:9000/"}
    assert list(fields(result)) == ["id", "name", "password", *SECTIONS]
    assert all(fields(result)[it].options["collapsed"] for it in SECTIONS)
    result = await submit(hass, result, id=" RDAM 123 ")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == "RDAM 123"
    assert result["unique_id"] == "RDAM 123"
    assert data_of(entry, "RDAM 123") == {"id": "RDAM 123", **SETTINGS}


async def test_everything_can_be_said(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """Numbers become whole ones; quirks count only where they are chosen."""
    said: dict[str, Any] = {
        "control": {"remote_start_tag": " HOME ", "max_current": 16.0},
        "metering": {
            "measurands": ["Power.Active.Import", "SoC"],
            "sample_interval": 10.0,
            "clock_aligned_interval": 0.0,
        },
        "connection": {
            "configure": False,
            "heartbeat_interval": 60.0,
            "websocket_ping_interval": 20.0,
            "certificate_name": " box.example ",
        },
        "authorization": {"unknown_tags": "refuse"},
        "quirks_used": {
            "quirks_mode": "chosen",
            "quirks": [Quirk.SAFE_MEASURANDS.value],
        },
    }
    await submit(
        hass, await start(hass, entry), id="CP2", name=" Garage ", password="s", **said
    )
    data = data_of(entry, "CP2")
    assert data == {
        "id": "CP2",
        "password": "s",
        **said["control"],
        **said["metering"],
        **said["connection"],
        **said["authorization"],
        **said["quirks_used"],
        "certificate_name": "box.example",
        "remote_start_tag": "HOME",
    }
    assert all(type(data[it]) is int for it in data if it.endswith("_interval"))
    assert [it.title for it in entry.subentries.values()] == ["Garage", "Garage"]

    said["quirks_used"]["quirks_mode"] = "automatic"
    await submit(hass, await start(hass, entry), id="CP3", **said)
    assert data_of(entry, "CP3")["quirks"] == []


async def test_what_can_be_chosen(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """All measurands of OCPP 1.6, and every quirk."""
    sections = fields(await start(hass, entry))
    measurands = sections["metering"].schema.schema["measurands"].config["options"]
    assert len(measurands) == len(set(measurands)) == 22
    quirks = sections["quirks_used"].schema.schema["quirks"].config["options"]
    assert set(quirks) == set(Quirk)


@pytest.mark.parametrize(
    ("said", "errors"),
    [
        ({"id": " "}, {"id": "invalid_id"}),
        ({"id": "x" * 65}, {"id": "invalid_id"}),
        ({"id": "ocpp/CP2"}, {"id": "invalid_id"}),
        ({"id": "CP\x00"}, {"id": "invalid_id"}),
        ({"id": " CP1"}, {"id": "id_taken"}),
        ({"id": "CP2", "name": "x" * 101}, {"name": "invalid_name"}),
        ({"id": "CP2", "password": "a\nb"}, {"password": "invalid_password"}),
        (
            {"id": "CP2", "connection": {"certificate_name": "x" * 256}},
            {"connection": "invalid_certificate_name"},
        ),
        (
            {
                "id": "CP2",
                "control": {"remote_start_tag": "x" * 21, "max_current": 32},
            },
            {"control": "invalid_remote_start_tag"},
        ),
    ],
)
async def test_what_cannot_be_is_refused(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    said: dict[str, Any],
    errors: dict[str, str],
) -> None:
    """With the reason; what was entered stays, and can be mended."""
    result = await submit(hass, await start(hass, entry), **said)
    assert result["errors"] == errors
    for name in SECTIONS:
        assert fields(result)[name].options["collapsed"] is (name not in errors)
    assert shown(result)["id"] == said["id"]
    result = await submit(hass, result, id="x" * 64)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_an_interval_has_limits(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """The form itself refuses what is beyond them."""
    result = await start(hass, entry)
    with pytest.raises(InvalidData, match="sample_interval"):
        await submit(hass, result, id="CP2", metering={"sample_interval": -1})


async def test_a_charge_point_is_changed(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """It shows what is kept, but never the password, which stays."""
    result = await change(hass, entry)
    assert result["step_id"] == "reconfigure"
    assert result["description_placeholders"] == {"id": "CP1"}
    assert list(fields(result)) == ["name", "password", "remove_password", *SECTIONS]
    kept = {key: it for key, it in SETTINGS.items() if key != "password"}
    assert shown(result) == {"name": "Garage", **kept}
    assert "secret" not in str(suggested(result["data_schema"]))
    result = await submit(
        hass, result, name="Carport", authorization={"unknown_tags": "refuse"}
    )
    assert result["reason"] == "reconfigure_successful"
    (subentry,) = entry.subentries.values()
    assert subentry.title == "Carport"
    changed = {"password": "secret", "unknown_tags": "refuse"}
    assert data_of(entry) == {"id": "CP1", **SETTINGS, **changed}


async def test_an_emptied_field_is_empty(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """Also one in a section; a section that was not sent is as it was."""
    hass.config_entries.async_update_subentry(
        entry,
        *entry.subentries.values(),
        data=charge_point(
            "CP1",
            certificate_name="box.example",
            measurands=["SoC"],
            sample_interval=5,
            unknown_tags="refuse",
        )["data"],
    )
    result = await change(hass, entry)
    await submit(hass, result, connection={}, metering={"sample_interval": 5})
    kept = {"sample_interval": 5, "unknown_tags": "refuse"}
    assert data_of(entry) == {"id": "CP1", **SETTINGS, **kept}
    (subentry,) = entry.subentries.values()
    assert subentry.title == "CP1"


async def test_a_password_is_changed_and_removed(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """One of both at a time; without one there is none to remove."""
    await submit(hass, await change(hass, entry), password="other")
    assert data_of(entry)["password"] == "other"
    result = await submit(
        hass, await change(hass, entry), password="third", remove_password=True
    )
    assert result["errors"] == {"remove_password": "password_entered"}
    assert data_of(entry)["password"] == "other"
    result = await submit(hass, result, password="a\x00b")
    assert result["errors"] == {"password": "invalid_password"}
    await submit(hass, result, remove_password=True)
    assert data_of(entry)["password"] == ""
    assert "remove_password" not in fields(await change(hass, entry))


async def test_quirks_begin_with_those_in_use(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """Who chooses them should know what is applied so far."""
    assert await hass.config_entries.async_setup(entry.entry_id)
    one = SimpleNamespace(quirks=frozenset({Quirk.SAFE_MEASURANDS}))
    connector = SimpleNamespace(charge_points={"CP1": one})
    entry.runtime_data = SimpleNamespace(connector=connector)
    result = await change(hass, entry)
    assert shown(result)["quirks"] == ["safe_measurands"]
    await submit(hass, result, quirks_used={"quirks_mode": "chosen", "quirks": []})
    assert data_of(entry)["quirks"] == []
    assert shown(await change(hass, entry))["quirks"] == []
    connector.charge_points.clear()
    result = await change(hass, entry)
    await submit(hass, result, quirks_used={"quirks_mode": "automatic"})
    assert shown(await change(hass, entry))["quirks"] == []


async def test_an_older_entry_lacks_what_is_new(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """Then the defaults count."""
    (subentry,) = entry.subentries.values()
    hass.config_entries.async_update_subentry(entry, subentry, data={"id": "CP1"})
    await submit(hass, await change(hass, entry), name="Garage")
    assert data_of(entry) == {"id": "CP1", **SETTINGS}


async def test_what_an_ocpp_hub_can_have(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """Charge points, id tags, and the user's word on datapoints."""
    types = entry.supported_subentry_types
    assert list(types) == ["charge_point", "id_tag", "datapoint"]
