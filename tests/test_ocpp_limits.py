"""Limits over real websockets: they hold, or the action says why not."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bemcom_connectors.const import DOMAIN
from custom_components.bemcom_connectors.diagnostics import (
    async_get_config_entry_diagnostics,
)
from custom_components.bemcom_connectors.ocpp import limits as limits_module
from custom_components.bemcom_connectors.ocpp.calls import CallFailed
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr
from tests.ocpp.client import CallError, RawClient
from tests.ocpp.limited_charger import DEFAULT, MAX, TX, Charger, error
from tests.ocpp_hub import (
    CP,
    boot,
    charge_point_data,
    charge_point_of,
    dialled_in,
    ocpp_entry,
    result,
    set_up,
    settled,
    start,
    state,
    status,
    stop,
    value,
)

pytestmark = pytest.mark.usefixtures("loopback", "hass_storage")


@pytest.fixture(autouse=True)
def _no_gaps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for nothing."""
    monkeypatch.setattr(limits_module, "GAP", 0.0)
    monkeypatch.setattr(limits_module, "SETTLING", 0.0)


async def hub_of(hass: HomeAssistant) -> MockConfigEntry:
    """Return a hub that runs."""
    entry = ocpp_entry(charge_point_data())
    await set_up(hass, entry)
    return entry


@asynccontextmanager
async def wallbox(
    entry: MockConfigEntry, charger: Charger
) -> AsyncGenerator[RawClient]:
    """Dial in as a charge point that tells of its connectors, without booting."""

    def answering(action: str) -> Any:
        def answer(payload: dict[str, Any]) -> Any:
            try:
                return charger.answer(action, payload)
            except CallFailed as err:
                return CallError(err.code, err.text)

        return answer

    names = "SetChargingProfile", "ClearChargingProfile", "GetCompositeSchedule"
    on_call = {action: answering(action) for action in names}
    async with dialled_in(entry, on_call=on_call) as client:
        for connector_id in range(1, charger.connectors + 1):
            await status(client, "Available", connector_id)
        yield client


async def begin(client: RawClient, charger: Charger, connector_id: int = 1) -> int:
    """Begin a session."""
    transaction_id = (await start(client, connector_id=connector_id))["transactionId"]
    charger.running[connector_id] = transaction_id
    await status(client, "Charging", connector_id)
    return int(transaction_id)


async def limit(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    amperes: float,
    connector_id: int = 1,
) -> dict[str, Any]:
    """Limit a connector, 0: the charge point, as an automation does."""
    answer = await hass.services.async_call(
        DOMAIN,
        "set_charging_limit",
        {
            "hub": entry.title,
            "device_id": CP,
            "connector_id": connector_id,
            "limit": amperes,
        },
        blocking=True,
        return_response=True,
    )
    assert isinstance(answer, dict)
    return answer


def none_of(**disliked: Any) -> Any:
    """Return a rule that refuses what has one of the values."""
    names = {
        "purpose": lambda it: it["chargingProfilePurpose"],
        "unit": lambda it: it["chargingSchedule"]["chargingRateUnit"],
        "kind": lambda it: it["chargingProfileKind"],
        "level": lambda it: it["stackLevel"],
    }

    def meets(_: int, profile: Any) -> bool:
        return any(names[key](profile) in values for key, values in disliked.items())

    return meets


type Case = tuple[int, bool, dict[str, Any], bool]

# Connectors, whether there is a session, what it dislikes, and whether there is a way.
SAMPLE: list[Case] = [
    (1, False, {}, True),
    (1, True, {"purpose": {MAX}}, True),
    (1, False, {"purpose": {DEFAULT}}, True),
    (1, True, {"purpose": {TX, DEFAULT}}, True),
    (1, True, {"purpose": {TX, DEFAULT, MAX}}, False),
    (1, False, {"unit": {"A"}}, True),
    (1, True, {"unit": {"A"}, "kind": {"Absolute"}}, True),
    (1, False, {"level": {1}, "kind": {"Absolute", "Relative"}}, True),
    (1, False, {"level": {0, 1}}, False),
    (2, False, {}, True),
    (2, True, {"purpose": {TX}}, True),
    (2, True, {"purpose": {DEFAULT}}, True),
    (2, False, {"purpose": {DEFAULT}}, False),
    (2, False, {"unit": {"A"}, "level": {1}}, True),
    (2, True, {"unit": {"A", "W"}}, False),
    (2, True, {"kind": {"Absolute", "Recurring"}}, True),
]


@pytest.mark.parametrize("case", SAMPLE)
@pytest.mark.parametrize("ignores", [False, True], ids=["refuses", "ignores"])
async def test_it_takes_effect_or_raises(
    hass: HomeAssistant, case: Case, ignores: bool
) -> None:
    connectors, session, disliked, possible = case
    entry = await hub_of(hass)
    charger = Charger(connectors)
    meets = none_of(**disliked)
    if ignores:
        charger.ignores = meets
    else:
        charger.refuses = lambda *it: error(text="No way") if meets(*it) else None
    async with wallbox(entry, charger) as client:
        if session:
            await begin(client, charger)
        try:
            result = await limit(hass, entry, 10)
        except HomeAssistantError as err:
            assert not possible
            assert ignores or "No way" in str(err.translation_placeholders)
            assert value(entry, "charging_limit") is None
        else:
            # What nobody reports before a session is not claimed, nor can it be known.
            if possible and (result["verified"] or session or not ignores):
                assert charger.current(1) == pytest.approx(10)
                assert value(entry, "charging_limit") == 10
            assert charger.current(1) is not None or not result["verified"]
        assert charger.current(2) is None or connectors == 1


# What users of OCPP hubs suffer from elsewhere, by the numbers of our acceptance checks


async def test_1_a_limit_outlives_a_restart_in_the_middle_of_a_session(
    hass: HomeAssistant,
) -> None:
    entry = await hub_of(hass)
    charger = Charger(1)
    async with wallbox(entry, charger) as client:
        transaction_id = await begin(client, charger)
        await limit(hass, entry, 10)
    await hass.config_entries.async_reload(entry.entry_id)
    await settled(hass)
    assert value(entry, "charging_limit") == 10
    async with wallbox(entry, charger) as client:
        await status(client, "Charging")
        heard = len(charger.heard)
        await limit(hass, entry, 10)
        assert len(charger.heard) == heard
        # Before the first meter values.
        assert (await limit(hass, entry, 12))["verified"]
        sent = charger.sent()[-1]
        assert sent["chargingProfilePurpose"] == TX
        assert sent["transactionId"] == transaction_id
        assert charger.current(1) == 12
        charger.ended(1)
        await stop(client, transaction_id)
        async with asyncio.timeout(5):
            while charger.current(1) != 12:
                await asyncio.sleep(0.01)


async def test_2_limits_and_profiles_are_back_after_a_power_failure(
    hass: HomeAssistant,
) -> None:
    entry = await hub_of(hass)
    charger = Charger(2)
    async with wallbox(entry, charger) as client:
        await boot(client)
        await limit(hass, entry, 10)
        await limit(hass, entry, 20, 0)
    # It forgets all that it had.
    charger.held.clear()
    charge_point = charge_point_of(entry)
    charge_point.adjustments = replace(charge_point.adjustments, boot_delay=0.0)
    async with wallbox(entry, charger) as client:
        await boot(client)
        async with asyncio.timeout(5):
            while (charger.current(1), charger.current(2)) != (10, 20):
                await asyncio.sleep(0.01)
            while "limits" not in charge_point.start_up.report:
                await asyncio.sleep(0.01)
        assert charge_point.start_up.report["limits"] == "2 in effect"
        assert value(entry, "charging_limit") == 10
        assert value(entry, "charging_limit", 0) == 20


async def test_4_connectors_do_not_get_in_each_others_way(hass: HomeAssistant) -> None:
    entry = await hub_of(hass)
    charger = Charger(2)
    async with wallbox(entry, charger) as client:
        await begin(client, charger, 1)
        await begin(client, charger, 2)
        await limit(hass, entry, 13, 2)
        cp = charge_point_of(entry)

        async def reported() -> Any:
            answer = await cp.profiles.get_composite_schedule(2, 600)
            return answer["chargingSchedule"]["chargingSchedulePeriod"]

        before = await reported()
        for amperes in (16, 0, 8):
            await limit(hass, entry, amperes, 1)
            assert charger.current(1) == amperes
            assert await reported() == before == [{"startPeriod": 0, "limit": 13.0}]
        await status(client, "Faulted", 2, "GroundFailure", vendorErrorCode="E12")
        await limit(hass, entry, 10, 1)
        await settled(hass)
        assert state(hass, entry, "status", 2) == "faulted"
        assert state(hass, entry, "problem", 2, platform=Platform.BINARY_SENSOR) == "on"
        assert value(entry, "vendor_error_code", 2) == "E12"
        assert state(hass, entry, "status", 1) == "charging"


async def test_6_what_becomes_of_a_maximum_that_is_rejected(
    hass: HomeAssistant,
) -> None:
    """Where there is one connector it is limited otherwise; else the reason is told."""
    entry = await hub_of(hass)
    charger = Charger(1)
    charger.refuses = lambda _, it: (
        error(text="Load balancer is disabled")
        if it["chargingProfilePurpose"] == MAX
        else None
    )
    async with wallbox(entry, charger) as client:
        assert (await limit(hass, entry, 10, 0))["verified"]
        assert charger.current(1) == 10
        charger.connectors = 2
        await status(client, "Available", 2)
        with pytest.raises(HomeAssistantError) as caught:
            await limit(hass, entry, 12, 0)
        assert "Load balancer is disabled" in str(caught.value.translation_placeholders)
        assert charger.current(1) == 10


async def test_7_two_hubs_with_a_wallbox_of_the_same_name(hass: HomeAssistant) -> None:
    entries = [
        ocpp_entry(charge_point_data(), data={"connector_name": name})
        for name in ("house", "garage")
    ]
    chargers = [Charger(1), Charger(1)]
    for entry in entries:
        await set_up(hass, entry)
    async with wallbox(entries[0], chargers[0]), wallbox(entries[1], chargers[1]):
        device = dr.async_get(hass).async_get_child_device_by_identifier(
            (DOMAIN, f"{entries[1].entry_id}_{CP}__1"), entries[1].entry_id
        )
        assert device is not None
        await hass.services.async_call(
            DOMAIN,
            "set_charging_limit",
            {"device_id": device.id, "limit": 9},
            blocking=True,
        )
        assert chargers[1].current(1) == 9
        assert not chargers[0].heard


async def test_10_diagnostics_tell_what_became_of_limits(hass: HomeAssistant) -> None:
    entry = await hub_of(hass)
    charger = Charger(1)
    charger.refuses = lambda _, it: (
        error(text="Load balancer is disabled")
        if it["chargingProfilePurpose"] == MAX
        else None
    )
    async with wallbox(entry, charger) as client:
        client.on_call["GetConfiguration"] = {
            "configurationKey": [
                {"key": "AuthorizationKey", "readonly": False, "value": "c0ffee11"},
                {"key": "LightIntensity", "readonly": False, "value": "80"},
            ]
        }
        await charge_point_of(entry).control.refresh()
        await limit(hass, entry, 10, 0)
        for _ in range(250):
            await result(client, "Heartbeat", {})
        told = await async_get_config_entry_diagnostics(hass, entry)
    assert "c0ffee11" not in str(told)
    (found,) = told["ocpp"]["charge_points"].values()
    assert "LightIntensity" in str(found["configuration"])
    assert len(found["frames"]) == 200
    first, *_, last = found["attempted_profiles"]
    assert first["purpose"] == MAX
    assert "Load balancer is disabled" in first["outcome"]
    assert (last["purpose"], last["limit"], last["outcome"]) == (
        DEFAULT,
        10,
        "Accepted",
    )
