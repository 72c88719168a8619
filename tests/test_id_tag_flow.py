"""The dialogs of an id tag."""

from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from homeassistant.config_entries import SOURCE_USER, SubentryFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData
from tests.ocpp_flows import ocpp_entry
from tests.subentries import fields, shown, submit


@pytest.fixture
def entry(hass: HomeAssistant) -> MockConfigEntry:
    """Return a hub."""
    hub = ocpp_entry()
    hub.add_to_hass(hass)
    return hub


async def start(hass: HomeAssistant, entry: MockConfigEntry) -> SubentryFlowResult:
    """Open the form of a new tag."""
    return await hass.config_entries.subentries.async_init(
        (entry.entry_id, "id_tag"), context={"source": SOURCE_USER}
    )


async def add(
    hass: HomeAssistant, entry: MockConfigEntry, **said: Any
) -> SubentryFlowResult:
    """Add a tag."""
    return await submit(hass, await start(hass, entry), **said)


async def test_a_tag_is_added(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """Its unique id, which logs may show, does not tell it."""
    result = await add(hass, entry, id_tag=" 04E1A2 ", name=" Anna ")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == "Anna"
    (added,) = entry.subentries.values()
    assert added.data == {"id_tag": "04E1A2", "name": "Anna", "status": "accepted"}
    assert added.unique_id == "eb6003b4f6bb04c1"


async def test_a_tag_has_more_to_say(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """Longer ones than OCPP allows are sent by some readers."""
    said = {
        "id_tag": "x" * 255,
        "name": "Guests",
        "status": "blocked",
        "expiry": "2027-12-31",
        "parent": "HOUSE",
    }
    await add(hass, entry, **said)
    (added,) = entry.subentries.values()
    assert added.data == said


@pytest.mark.parametrize(
    ("said", "errors"),
    [
        ({"id_tag": " "}, {"id_tag": "invalid_tag"}),
        ({"id_tag": "x" * 256}, {"id_tag": "invalid_tag"}),
        ({"id_tag": "a\nb"}, {"id_tag": "invalid_tag"}),
        ({"id_tag": "abc "}, {"id_tag": "tag_taken"}),
        ({"name": " "}, {"name": "invalid_name"}),
        ({"name": "x" * 101}, {"name": "invalid_name"}),
        ({"name": "a\tb"}, {"name": "invalid_name"}),
        ({"parent": "x" * 256}, {"parent": "invalid_tag"}),
    ],
)
async def test_what_cannot_be_is_refused(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    said: dict[str, Any],
    errors: dict[str, str],
) -> None:
    """With the reason; case does not tell two tags apart."""
    await add(hass, entry, id_tag="ABC", name="Anna")
    fine = {"id_tag": "ABD", "name": "Ben"}
    result = await add(hass, entry, **(fine | said))
    assert result["errors"] == errors
    assert shown(result) == {"status": "accepted", **fine, **said}
    result = await submit(hass, result, **fine)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_a_date_is_a_date(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """The form itself refuses any other text."""
    with pytest.raises(InvalidData, match="expiry"):
        await add(hass, entry, id_tag="ABC", name="Anna", expiry="soon")


async def test_a_tag_is_changed(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    """All but the tag itself; what is emptied is gone."""
    said = {"name": "Anna", "status": "accepted", "expiry": "2027-12-31", "parent": "H"}
    await add(hass, entry, id_tag="ABC", **said)
    (tag,) = entry.subentries.values()
    result = await entry.start_subentry_reconfigure_flow(hass, tag.subentry_id)
    assert result["description_placeholders"] == {"name": "Anna"}
    assert set(fields(result)) == set(said)
    assert shown(result) == said
    result = await submit(hass, result, name=" ", status="blocked")
    assert result["errors"] == {"name": "invalid_name"}
    result = await submit(hass, result, name="Anna B.", status="blocked")
    assert result["reason"] == "reconfigure_successful"
    (changed,) = entry.subentries.values()
    assert changed.title == "Anna B."
    assert changed.data == {"id_tag": "ABC", "name": "Anna B.", "status": "blocked"}
    assert changed.unique_id == tag.unique_id
