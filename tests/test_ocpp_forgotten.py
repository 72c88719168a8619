"""Connectors that are not there, charge points that are seldom heard of, and raw calls."""

import pytest
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.bemcom_connectors.ocpp import connector as connector_module
from custom_components.bemcom_connectors.ocpp.charge_point import ChargePoint
from custom_components.bemcom_connectors.ocpp.enums import ChargingRateUnit
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
from tests.ocpp_hub import CP, status
from tests.ocpp_wallbox import wallbox

pytestmark = pytest.mark.usefixtures("loopback")

PROFILE = {
    "chargingProfileId": 77,
    "stackLevel": 0,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Absolute",
    "chargingSchedule": {
        "startSchedule": "2026-01-01T00:00:00Z",
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10}],
    },
}


async def test_a_connector_that_is_not_there_can_be_deleted(
    hass: HomeAssistant, hass_ws_client: WebSocketGenerator
) -> None:
    assert await async_setup_component(hass, "config", {})
    async with wallbox(hass) as box:
        connector = box.entry.runtime_data.connector
        cp: ChargePoint = connector.charge_points[CP]
        cp.connectors_reported(2)
        await hass.async_block_till_done()
        ws = await hass_ws_client(hass)
        phantom = box.device(2)
        for kept in (box.device(0), box.device(1)):
            assert not (await ws.remove_device(kept))["success"]
        assert (await ws.remove_device(phantom))["success"]
        await hass.async_block_till_done()
        assert dr.async_get(hass).async_get(phantom) is None
        entities = er.async_entries_for_config_entry(
            er.async_get(hass), box.entry.entry_id
        )
        assert not [it.entity_id for it in entities if "connector_2" in it.entity_id]
        assert list(cp.connector_ids) == [1]
        assert not [it for it in connector.datapoints if it.startswith(f"{CP}__2__")]
        # It is there after all.
        await status(box.client, "Available", 2)
        await hass.async_block_till_done()
        assert hass.states.get("switch.cp1_connector_2_charge_control") is not None
        assert not (await ws.remove_device(box.device(2)))["success"]


async def test_who_says_seldom_that_it_is_there_is_not_hung_up_on(
    hass: HomeAssistant,
) -> None:
    async with wallbox(hass) as box:
        cp: ChargePoint = box.entry.runtime_data.connector.charge_points[CP]
        assert cp.session is not None
        usual = cp.session.silence_limit
        await box.act("change_configuration", key="HeartbeatInterval", value="3600")
        cp.configuration.took("HeartbeatInterval", "3600", "Accepted")
        cp.configuration._add("HeartbeatInterval", "3600", False)
        cp.changed()
        assert usual < 7200 <= cp.session.silence_limit
        cp.configuration._add("HeartbeatInterval", "999999999", False)
        cp.changed()
        assert cp.session.silence_limit == 2 * 86400


async def test_one_charge_point_does_not_end_the_looking_after_others(
    hass: HomeAssistant,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    looked: list[str] = []

    def look(cp: ChargePoint, _now: float) -> None:
        looked.append(cp.id)
        raise RuntimeError("it broke")

    monkeypatch.setattr(connector_module, "_LOOK_INTERVAL", 0.01)
    monkeypatch.setattr(connector_module, "refresh", look)
    async with wallbox(hass) as box:
        while len(looked) < 3:
            await box.client.call("Heartbeat", {})
    assert caplog.text.count("could not be looked after") == 1


async def test_what_is_known_follows_calls_in_ocpps_own_words(
    hass: HomeAssistant,
) -> None:
    async with wallbox(hass) as box:
        cp: ChargePoint = box.entry.runtime_data.connector.charge_points[CP]

        async def call(action: str, **payload: object) -> object:
            return await box.act("call", action=action, payload=payload)

        await cp.limits.set_limit(1, 16, ChargingRateUnit.AMPERES)
        await call("SetChargingProfile", connectorId=1, csChargingProfiles=PROFILE)
        assert cp.profiles.installed.by_id(77) is not None
        await call("ClearChargingProfile")
        assert len(cp.profiles.installed) == 0
        assert cp.limits.limit_of(1) is None
        await call("ChangeAvailability", connectorId=1, type="Inoperative")
        assert cp.control.availability.wishes == {1: False}
        assert box.state("switch.cp1_connector_1_availability").state == "off"
        await call("ChangeConfiguration", key="LightIntensity", value="5")
        assert cp.configuration.has("LightIntensity", "5")
        said = await call("GetConfiguration", key=["AuthorizationKey"])
        assert "0123456789abcdef" not in str(said)
