"""The entities that control charge points, over real websockets."""

from collections.abc import AsyncGenerator
from datetime import timedelta

import pytest

from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
from tests.hub import state_of
from tests.ocpp_hub import status, stop
from tests.ocpp_wallbox import Wallbox, wallbox

pytestmark = pytest.mark.usefixtures("loopback")

CHARGE = "switch.cp1_connector_1_charge_control"
AVAILABLE = "switch.cp1_connector_1_availability"
LIMIT = "number.cp1_connector_1_charging_limit"
STATION_LIMIT = "number.cp1_station_limit"
PLANNED = "sensor.cp1_connector_1_planned_limit"
NEXT = "sensor.cp1_connector_1_next_limit_change"


@pytest.fixture
async def box(hass: HomeAssistant) -> AsyncGenerator[Wallbox]:
    """Return a wallbox with one connector, for up to 20 A."""
    async with wallbox(hass, max_current=20) as found:
        yield found


async def switch(box: Wallbox, entity_id: str, to: str) -> None:
    """Turn a switch on or off."""
    await box.hass.services.async_call(
        "switch", f"turn_{to}", {"entity_id": entity_id}, blocking=True
    )


async def press(box: Wallbox, entity_id: str) -> None:
    """Press a button."""
    await box.hass.services.async_call(
        "button", "press", {"entity_id": entity_id}, blocking=True
    )


async def slide(box: Wallbox, entity_id: str, value: float) -> None:
    """Set a limit."""
    data = {"entity_id": entity_id, "value": value}
    await box.hass.services.async_call("number", "set_value", data, blocking=True)


async def test_looks(box: Wallbox, entity_registry: er.EntityRegistry) -> None:
    """Limits as high as the wallbox goes, and what is seldom needed out of the way."""
    limit = box.state(LIMIT).attributes
    assert (limit["min"], limit["max"], limit["step"]) == (0, 20, 1)
    assert (limit["mode"], limit["device_class"]) == ("box", "current")
    assert limit["unit_of_measurement"] == "A"
    assert box.state("button.cp1_soft_reset").attributes["device_class"] == "restart"
    categories = {
        CHARGE: None,
        LIMIT: None,
        AVAILABLE: EntityCategory.CONFIG,
        STATION_LIMIT: EntityCategory.CONFIG,
        "switch.cp1_availability": EntityCategory.CONFIG,
        "button.cp1_hard_reset": EntityCategory.CONFIG,
        "button.cp1_refresh": EntityCategory.DIAGNOSTIC,
        "button.cp1_connector_1_unlock_connector": EntityCategory.CONFIG,
    }
    for entity_id, category in categories.items():
        entity = entity_registry.async_get(entity_id)
        assert entity is not None, entity_id
        assert entity.entity_category is category
        assert entity.translation_key
        (subentry_id,) = box.entry.subentries
        assert entity.config_subentry_id == subentry_id


async def test_charging(box: Wallbox) -> None:
    """It shows what is, not what is wished."""
    await status(box.client, "Preparing")
    await state_of(box.hass, CHARGE, "off")
    await switch(box, CHARGE, "on")
    assert box.asked("RemoteStartTransaction") == [
        {"idTag": "HomeAssistant", "connectorId": 1}
    ]
    await state_of(box.hass, CHARGE, "off")
    transaction_id = await box.charge("HomeAssistant")
    await state_of(box.hass, CHARGE, "on")
    await switch(box, CHARGE, "off")
    assert box.asked("RemoteStopTransaction") == [{"transactionId": transaction_id}]
    await state_of(box.hass, CHARGE, "on")
    await stop(box.client, transaction_id)
    await state_of(box.hass, CHARGE, "off")


async def test_availability(box: Wallbox) -> None:
    await state_of(box.hass, AVAILABLE, "on")
    await switch(box, AVAILABLE, "off")
    await state_of(box.hass, AVAILABLE, "off")
    box.answer("ChangeAvailability", {"status": "Rejected"})
    with pytest.raises(HomeAssistantError, match="Rejected"):
        await switch(box, AVAILABLE, "on")
    await state_of(box.hass, AVAILABLE, "off")


async def test_limits(box: Wallbox) -> None:
    await slide(box, LIMIT, 10)
    await state_of(box.hass, LIMIT, "10")
    box.answer("SetChargingProfile", {"status": "Rejected"})
    with pytest.raises(HomeAssistantError):
        await slide(box, LIMIT, 12)
    assert box.hass.states.is_state(LIMIT, "10")


async def test_buttons(box: Wallbox) -> None:
    await press(box, "button.cp1_soft_reset")
    await press(box, "button.cp1_hard_reset")
    assert box.asked("Reset") == [{"type": "Soft"}, {"type": "Hard"}]
    await press(box, "button.cp1_connector_1_unlock_connector")
    assert box.asked("UnlockConnector") == [{"connectorId": 1}]


async def test_the_plan(box: Wallbox) -> None:
    """What is in effect now, and when there will be something else."""
    now = dt_util.now().replace(second=0, microsecond=0)
    later = now + timedelta(hours=2)
    await box.act(
        "set_charging_profile",
        box.device(1),
        schedule=[
            {"start": now.isoformat(), "limit": 13},
            {"start": later.isoformat(), "limit": 6},
        ],
    )
    await state_of(box.hass, PLANNED, "13")
    expected = dt_util.as_utc(later).isoformat()
    await state_of(box.hass, NEXT, expected)


async def test_a_wallbox_that_is_away(box: Wallbox) -> None:
    """There is nothing to be set on it, and nothing pretends there is."""
    box.client.drop()
    for entity_id in (CHARGE, AVAILABLE, LIMIT, STATION_LIMIT, "button.cp1_refresh"):
        await state_of(box.hass, entity_id, "unavailable")


async def test_another_largest_current(box: Wallbox) -> None:
    """The limit follows, and stays the same entity."""
    (subentry,) = box.entry.subentries.values()
    box.hass.config_entries.async_update_subentry(
        box.entry, subentry, data={**subentry.data, "max_current": 32.0}
    )
    await box.hass.async_block_till_done()
    assert box.state(LIMIT).attributes["max"] == 32
