"""A wallbox in a test that lets itself be controlled, connected to a hub of Home Assistant's."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bemcom_connectors.const import DOMAIN
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers import device_registry as dr
from tests.ocpp.client import CallError, RawClient
from tests.ocpp_hub import (
    CP,
    NAME,
    boot,
    charge_point_data,
    dialled_in,
    ocpp_entry,
    set_up,
    start,
    status,
)

ACCEPTED = {"status": "Accepted"}
KEYS = {
    "SupportedFeatureProfiles": "Core,SmartCharging,RemoteTrigger",
    "ChargingScheduleAllowedChargingRateUnit": "Current",
    "ChargingScheduleMaxPeriods": "24",
    "ChargeProfileMaxStackLevel": "8",
    "MaxChargingProfilesInstalled": "5",
    "LightIntensity": "100",
    "AuthorizationKey": "0123456789abcdef",
}


@dataclass
class Wallbox:
    """A wallbox and its hub."""

    hass: HomeAssistant
    entry: MockConfigEntry
    client: RawClient

    def asked(self, action: str) -> list[Any]:
        """Return what it was asked, the payloads of one action."""
        return [payload for name, payload in self.client.received if name == action]

    def profiles(self) -> list[dict[str, Any]]:
        """Return the charging profiles that it was sent."""
        return [it["csChargingProfiles"] for it in self.asked("SetChargingProfile")]

    def answer(self, action: str, answer: Any) -> None:
        """Answer so from now on."""
        self.client.on_call[action] = answer

    def state(self, entity_id: str) -> State:
        """Return the state of an entity, which must be there."""
        found = self.hass.states.get(entity_id)
        assert found is not None, (entity_id, self.hass.states.async_entity_ids())
        return found

    def device(self, connector_id: int = 0) -> str:
        """Return the id in the registry of the wallbox, or of a connector."""
        registry = dr.async_get(self.hass)
        entry_id = self.entry.entry_id
        identifier = (DOMAIN, f"{entry_id}_{CP}__{connector_id}")
        found: dr.AnyDeviceEntry | None
        if connector_id:
            found = registry.async_get_child_device_by_identifier(identifier, entry_id)
        else:
            found = registry.async_get_device_by_identifier(identifier, entry_id)
        assert found is not None
        return found.id

    async def act(self, name: str, device: str = CP, /, **data: Any) -> Any:
        """Call one of the actions, and return its response."""
        return await self.hass.services.async_call(
            DOMAIN,
            name,
            {"device_id": device, **data},
            blocking=True,
            return_response=True,
        )

    async def charge(self, tag: str = "CAFE0001", connector_id: int = 1) -> int:
        """Begin to charge; return the number of the transaction."""
        await status(self.client, "Preparing", connector_id)
        begun = await start(self.client, tag, connector_id)
        await status(self.client, "Charging", connector_id)
        await self.hass.async_block_till_done()
        return int(begun["transactionId"])


def configuration(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Answer GetConfiguration."""
    asked = payload.get("key") or list(KEYS)
    return {
        "configurationKey": [
            {"key": it, "readonly": it != "LightIntensity", "value": KEYS[it]}
            for it in asked
            if it in KEYS
        ],
        "unknownKey": [it for it in asked if it not in KEYS],
    }


ANSWERS: dict[str, Any] = {
    "CancelReservation": ACCEPTED,
    "ChangeAvailability": ACCEPTED,
    "ChangeConfiguration": ACCEPTED,
    "ClearCache": ACCEPTED,
    "ClearChargingProfile": ACCEPTED,
    "DataTransfer": ACCEPTED,
    "GetCompositeSchedule": CallError("NotImplemented"),
    "GetConfiguration": configuration,
    "RemoteStartTransaction": ACCEPTED,
    "RemoteStopTransaction": ACCEPTED,
    "Reset": ACCEPTED,
    "SetChargingProfile": ACCEPTED,
    "TriggerMessage": ACCEPTED,
    "UnlockConnector": {"status": "Unlocked"},
}


@asynccontextmanager
async def wallbox(
    hass: HomeAssistant,
    *,
    connectors: int = 1,
    name: str = NAME,
    charge_point_id: str = CP,
    **config: Any,
) -> AsyncGenerator[Wallbox]:
    """Connect a wallbox, and wait until Home Assistant knows its connectors."""
    entry = ocpp_entry(
        charge_point_data(charge_point_id, **config), data={"connector_name": name}
    )
    await set_up(hass, entry)
    async with dialled_in(entry, charge_point_id, on_call=dict(ANSWERS)) as client:
        await boot(client)
        for connector_id in range(1, connectors + 1):
            await status(client, "Available", connector_id)
        await hass.async_block_till_done()
        yield Wallbox(hass, entry, client)
    await hass.config_entries.async_unload(entry.entry_id)
