"""The actions that control charge points, over real websockets."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any

import aiohttp
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bemcom_connectors.const import DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from tests.ocpp.client import SILENT, CallError
from tests.ocpp_hub import (
    CP,
    boot,
    charge_point_data,
    dialled_in,
    ocpp_entry,
    set_up,
    settled,
    status,
)
from tests.ocpp_wallbox import ACCEPTED, Wallbox, wallbox

pytestmark = pytest.mark.usefixtures("loopback")


@pytest.fixture
async def box(hass: HomeAssistant) -> AsyncGenerator[Wallbox]:
    """Return a wallbox with one connector."""
    async with wallbox(hass, remote_start_tag="HOME") as found:
        yield found


@pytest.fixture
async def twin(hass: HomeAssistant) -> AsyncGenerator[Wallbox]:
    """Return a wallbox with two connectors."""
    async with wallbox(hass, connectors=2) as found:
        yield found


def key_of(caught: pytest.ExceptionInfo[HomeAssistantError]) -> str | None:
    """Return which text tells of an error."""
    return caught.value.translation_key


# Starting and stopping


async def test_start(box: Wallbox) -> None:
    """With the tag of the charge point, or one that is given; wherever it likes, or here."""
    assert await box.act("remote_start_transaction") == ACCEPTED
    device = box.device(1)
    await box.act("remote_start_transaction", device, id_tag="ANNA")
    assert box.asked("RemoteStartTransaction") == [
        {"idTag": "HOME"},
        {"idTag": "ANNA", "connectorId": 1},
    ]


async def test_stop(twin: Wallbox) -> None:
    first, second = await twin.charge(), await twin.charge("BEEF", 2)
    device = twin.device(2)
    assert await twin.act("remote_stop_transaction", device) == ACCEPTED
    await twin.act("remote_stop_transaction", connector_id=1)
    await twin.act("remote_stop_transaction", transaction_id=-7)
    assert twin.asked("RemoteStopTransaction") == [
        {"transactionId": it} for it in (second, first, -7)
    ]


async def test_which_connector_is_to_stop_must_be_clear(twin: Wallbox) -> None:
    with pytest.raises(ServiceValidationError) as caught:
        await twin.act("remote_stop_transaction")
    assert key_of(caught) == "connector_needed"
    assert caught.value.translation_placeholders == {"name": CP, "connectors": "1, 2"}
    with pytest.raises(ServiceValidationError) as caught:
        await twin.act("remote_stop_transaction", twin.device(1), connector_id=2)
    assert key_of(caught) == "connector_twice"
    await twin.charge()
    same = await twin.act("remote_stop_transaction", twin.device(1), connector_id=1)
    assert same == ACCEPTED


async def test_nothing_to_stop(box: Wallbox) -> None:
    with pytest.raises(ServiceValidationError) as caught:
        await box.act("remote_stop_transaction")
    assert key_of(caught) == "impossible_no_transaction"


# Availability, reset, cable


async def test_availability(twin: Wallbox) -> None:
    twin.answer("ChangeAvailability", {"status": "Scheduled"})
    answer = await twin.act("change_availability", available=False, connector_id=2)
    assert answer == {"status": "Scheduled"}
    twin.answer("ChangeAvailability", ACCEPTED)
    assert await twin.act("change_availability", available=True) == ACCEPTED
    assert twin.asked("ChangeAvailability")[-2:] == [
        {"connectorId": 2, "type": "Inoperative"},
        {"connectorId": 0, "type": "Operative"},
    ]


async def test_reset(box: Wallbox) -> None:
    assert await box.act("reset") == ACCEPTED
    await box.act("reset", box.device(1), type="Hard")
    assert box.asked("Reset") == [{"type": "Soft"}, {"type": "Hard"}]


async def test_unlock(box: Wallbox) -> None:
    """The only connector, if none is named."""
    assert await box.act("unlock_connector") == {"status": "Unlocked"}
    assert box.asked("UnlockConnector") == [{"connectorId": 1}]
    box.answer("UnlockConnector", {"status": "UnlockFailed"})
    with pytest.raises(HomeAssistantError) as caught:
        await box.act("unlock_connector")
    assert key_of(caught) == "not_accepted"
    assert caught.value.translation_placeholders == {
        "name": CP,
        "action": "UnlockConnector",
        "answer": "UnlockFailed",
    }


# Messages and settings


async def test_trigger_message(box: Wallbox) -> None:
    """A connector goes with the messages that are about one, or where it is named."""
    before = len(box.asked("TriggerMessage"))
    device = box.device(1)
    assert await box.act("trigger_message", message="Heartbeat") == ACCEPTED
    await box.act("trigger_message", device, message="Heartbeat")
    await box.act("trigger_message", device, message="MeterValues")
    await box.act("trigger_message", message="StatusNotification", connector_id=1)
    assert box.asked("TriggerMessage")[before:] == [
        {"requestedMessage": "Heartbeat"},
        {"requestedMessage": "Heartbeat"},
        {"requestedMessage": "MeterValues", "connectorId": 1},
        {"requestedMessage": "StatusNotification", "connectorId": 1},
    ]
    box.answer("ExtendedTriggerMessage", ACCEPTED)
    await box.act("trigger_message", message="LogStatusNotification")
    assert box.asked("ExtendedTriggerMessage") == [
        {"requestedMessage": "LogStatusNotification"}
    ]


async def test_configuration(box: Wallbox) -> None:
    """Passwords are nobody's business."""
    answer = await box.act("get_configuration", keys=["LightIntensity", "Nonsense"])
    assert answer == {
        "configuration": [{"key": "LightIntensity", "value": "100", "readonly": False}],
        "unknown": ["Nonsense"],
    }
    everything = await box.act("get_configuration")
    assert "0123456789abcdef" not in str(everything)
    assert "LightIntensity" in str(everything)
    box.answer("ChangeConfiguration", {"status": "RebootRequired"})
    answer = await box.act("change_configuration", key="LightIntensity", value=50)
    assert answer == {"status": "RebootRequired"}
    assert box.asked("ChangeConfiguration")[-1] == {
        "key": "LightIntensity",
        "value": "50",
    }
    box.answer("ChangeConfiguration", {"status": "Rejected"})
    with pytest.raises(HomeAssistantError, match="Rejected") as caught:
        await box.act("change_configuration", key="LightIntensity", value="")
    assert key_of(caught) == "not_accepted"


async def test_clear_cache(box: Wallbox) -> None:
    assert await box.act("clear_cache") == ACCEPTED
    assert box.asked("ClearCache") == [{}]


async def test_data_transfer(box: Wallbox) -> None:
    """Any answer is one."""
    box.answer("DataTransfer", {"status": "UnknownVendorId"})
    assert (await box.act("data_transfer", vendor_id="a"))["status"] == (
        "UnknownVendorId"
    )
    box.answer("DataTransfer", {"status": "Accepted", "data": "42"})
    said = {"vendor_id": "a", "message_id": "b", "data": "c"}
    assert await box.act("data_transfer", **said) == {
        "status": "Accepted",
        "data": "42",
    }
    assert box.asked("DataTransfer") == [
        {"vendorId": "a"},
        {"vendorId": "a", "messageId": "b", "data": "c"},
    ]


async def test_call(box: Wallbox) -> None:
    """The answer as it came; what OCPP does not allow is not sent."""
    box.answer("GetLocalListVersion", {"listVersion": 3})
    answer = await box.act("call", action="GetLocalListVersion")
    assert answer == {"listVersion": 3}
    payload = {"reservationId": 4}
    assert await box.act("call", action="CancelReservation", payload=payload) == (
        ACCEPTED
    )
    for action in ("CancelReservation", "Nonsense"):
        with pytest.raises(ServiceValidationError, match=action) as caught:
            await box.act("call", action=action, payload={"reservationId": "x"})
        assert key_of(caught) == "payload_invalid"
    assert box.asked("CancelReservation") == [payload]


# Limits


async def test_limit(twin: Wallbox) -> None:
    """The answer says what is in effect."""
    answer = await twin.act("set_charging_limit", twin.device(2), limit=10.07)
    assert answer["limit"] == 10
    assert answer["unit"] == "A"
    assert answer["verified"] is False
    assert answer["method"]
    request = twin.asked("SetChargingProfile")[-1]
    assert request["connectorId"] == 2
    cleared = await twin.act("clear_charging_limit", twin.device(2))
    assert cleared == {"success": True}
    assert twin.asked("ClearChargingProfile")


async def test_a_limit_that_nobody_takes(box: Wallbox) -> None:
    box.answer("SetChargingProfile", {"status": "Rejected"})
    with pytest.raises(HomeAssistantError) as caught:
        await box.act("set_charging_limit", limit=10)
    assert key_of(caught) in {"not_accepted", "impossible_no_way"}
    assert caught.value.translation_placeholders
    assert caught.value.translation_placeholders["name"] == CP


async def test_no_such_connector(box: Wallbox) -> None:
    with pytest.raises(ServiceValidationError) as caught:
        await box.act("set_charging_limit", limit=10, connector_id=5)
    assert key_of(caught) == "impossible_no_such_connector"


# What goes wrong


@pytest.mark.parametrize(
    ("answer", "key"),
    [
        (CallError("NotSupported", "not here"), "call_refused"),
        ({"status": "Nonsense"}, "call_invalid"),
        ({"status": "Rejected"}, "not_accepted"),
    ],
)
async def test_the_answer_is_told(box: Wallbox, answer: Any, key: str) -> None:
    """And the next command works."""
    box.answer("ClearCache", answer)
    with pytest.raises(HomeAssistantError) as caught:
        await box.act("clear_cache")
    assert not isinstance(caught.value, ServiceValidationError)
    assert key_of(caught) == key
    if key == "call_refused":
        assert caught.value.translation_placeholders == {
            "name": CP,
            "action": "ClearCache",
            "answer": "NotSupported, not here",
        }
    box.answer("ClearCache", ACCEPTED)
    assert await box.act("clear_cache") == ACCEPTED


async def test_no_answer(hass: HomeAssistant) -> None:
    async with wallbox(hass) as box:
        session = box.entry.runtime_data.connector.charge_points[CP].session
        assert session is not None
        session.call_timeout = 0.1
        box.answer("ClearCache", SILENT)
        with pytest.raises(HomeAssistantError) as caught:
            await box.act("clear_cache")
        assert key_of(caught) == "call_timeout"
        assert await box.act("unlock_connector") == {"status": "Unlocked"}


async def test_offline(box: Wallbox) -> None:
    """Who hangs up in the middle, and who is not there."""
    box.answer("ClearCache", SILENT)
    asking = asyncio.create_task(box.act("clear_cache"))
    await box.client.wait_for("ClearCache")
    box.client.drop()
    with pytest.raises(HomeAssistantError) as caught:
        await asking
    assert key_of(caught) == "call_closed"
    with pytest.raises(HomeAssistantError) as caught:
        await box.act("clear_cache")
    assert key_of(caught) == "call_not_connected"


async def test_a_response_is_not_needed(box: Wallbox) -> None:
    await box.hass.services.async_call(
        DOMAIN, "reset", {"device_id": CP}, blocking=True
    )
    assert box.asked("Reset") == [{"type": "Soft"}]


async def test_an_error_is_told_of_entities_too(box: Wallbox) -> None:
    """In the same words, with the name of the charge point."""
    box.answer("UnlockConnector", {"status": "NotSupported"})
    await status(box.client, "Available")
    with pytest.raises(HomeAssistantError) as caught:
        await box.hass.services.async_call(
            "button",
            "press",
            {"entity_id": "button.cp1_connector_1_unlock_connector"},
            blocking=True,
        )
    assert key_of(caught) == "not_accepted"
    assert caught.value.translation_placeholders is not None
    assert caught.value.translation_placeholders["name"] == CP


def _password(entry: MockConfigEntry) -> str:
    """Return the password that is kept for the charge point."""
    (kept,) = entry.subentries.values()
    return str(kept.data["password"])


@pytest.mark.parametrize("raw", [False, True])
async def test_tc_073_another_password(hass: HomeAssistant, raw: bool) -> None:
    """What it took counts at its next connection, and the former one no more."""
    former, new = "0123456789abcdef0123456789abcdef", "fedcba9876543210" * 2
    entry = ocpp_entry(charge_point_data(password=former))
    await set_up(hass, entry)
    answer: dict[str, Any] = {"status": "NotSupported"}
    change = {"key": "AuthorizationKey", "value": new}
    name = "change_configuration"
    data: dict[str, Any] = dict(change)
    if raw:
        name = "call"
        data = {"action": "ChangeConfiguration", "payload": change}

    async def ask() -> None:
        await hass.services.async_call(
            DOMAIN,
            name,
            {"device_id": CP, **data},
            blocking=True,
            return_response=raw,
        )

    on_call = {"ChangeConfiguration": lambda _: answer}
    async with dialled_in(entry, password=former, on_call=on_call) as client:
        with suppress(HomeAssistantError):
            await ask()
        await settled(hass)
        assert _password(entry) == former
        answer = {"status": "Accepted"}
        await ask()
        await client.closed()
    with pytest.raises(aiohttp.WSServerHandshakeError):
        async with dialled_in(entry, password=former):
            pass
    async with dialled_in(entry, password=bytes.fromhex(new)) as client:
        await boot(client)
    assert _password(entry) == new
