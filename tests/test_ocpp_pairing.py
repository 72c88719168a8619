"""Pairing over a real connection: from the card to a charge point that is on line."""

import asyncio

import aiohttp
import pytest

from custom_components.bemcom_connectors.const import DOMAIN
from homeassistant.config_entries import SOURCE_IGNORE
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from tests.flows import submit
from tests.ocpp.client import dial
from tests.ocpp_flows import ocpp_entry
from tests.ocpp_hub import BOOT, CP
from tests.ports import free_port

pytestmark = pytest.mark.usefixtures("loopback")


async def card(hass: HomeAssistant) -> str:
    """Wait for the card of a charge point; return the flow behind it."""
    async with asyncio.timeout(10):
        while not (flows := hass.config_entries.flow.async_progress()):
            await asyncio.sleep(0.01)
    (flow,) = flows
    return flow["flow_id"]


@pytest.mark.parametrize(("password", "kept"), [(None, None), ("secret", "secret")])
async def test_a_charge_point_is_paired_on_its_socket(
    hass: HomeAssistant, password: str | None, kept: str | None
) -> None:
    """The dialog ends with a friendly word, and the next BootNotification is accepted."""
    entry = ocpp_entry(free_port())
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    async with dial(entry.data["port"], CP, password=password) as charger:
        _, boot = await charger.call("BootNotification", BOOT)
        assert boot["status"] == "Pending"
        flow_id = await card(hass)
        result = await hass.config_entries.flow.async_configure(flow_id)
        assert result["description_placeholders"]["vendor"] == "Acme"
        if password:
            result = await submit(hass, result, name="Garage", password="wrong")
            assert result["errors"] == {"password": "wrong_password"}
            result = await submit(hass, result, name="Garage", password=password)
        else:
            result = await submit(hass, result, name="Garage")
        assert result["type"] is FlowResultType.ABORT
        assert result["reason"] == "charge_point_added"
        await hass.async_block_till_done()
        assert not hass.config_entries.flow.async_progress()
        _, boot = await charger.call("BootNotification", BOOT)
        assert boot["status"] == "Accepted"
        (added,) = entry.subentries.values()
        assert added.data["password"] == (kept or "")
    assert await hass.config_entries.async_unload(entry.entry_id)


async def test_an_ignored_charge_point_is_refused(hass: HomeAssistant) -> None:
    """At once, and it gets no card again."""
    entry = ocpp_entry(free_port())
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    async with dial(entry.data["port"], CP) as charger:
        await charger.call("BootNotification", BOOT)
        await card(hass)
        await hass.config_entries.flow.async_init(
            DOMAIN,
            context={"source": SOURCE_IGNORE},
            data={"unique_id": f"{entry.entry_id}_{CP}", "title": "Acme"},
        )
        await hass.async_block_till_done()
        assert not hass.config_entries.flow.async_progress()
    with pytest.raises(aiohttp.WSServerHandshakeError):
        async with dial(entry.data["port"], CP):
            pass
    assert not hass.config_entries.flow.async_progress()
    assert await hass.config_entries.async_unload(entry.entry_id)


async def test_a_card_keeps_the_name_of_one_that_does_not_boot_again(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It lost its connection, after which it need not."""
    monkeypatch.setattr(
        "custom_components.bemcom_connectors.ocpp.pairing._PATIENCE", 0.05
    )
    entry = ocpp_entry(free_port())
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    async with dial(entry.data["port"], CP) as charger:
        await charger.call("BootNotification", BOOT)
        flow_id = await card(hass)
    async with dial(entry.data["port"], CP) as charger:
        await charger.wait_for("TriggerMessage")
        await asyncio.sleep(0.2)
        (flow,) = hass.config_entries.flow.async_progress()
        assert flow["flow_id"] == flow_id
        assert flow["context"]["title_placeholders"] == {"name": f"Acme Wall 11 ({CP})"}
        result = await hass.config_entries.flow.async_configure(flow_id)
        assert result["description_placeholders"]["vendor"] == "Acme"
    assert await hass.config_entries.async_unload(entry.entry_id)
