"""The test cases of the OCPP Compliance Testing Tool in which the central system asks first.

Those of the profiles Core and RemoteTrigger, named by their numbers. What is asked for is
asked for with the actions of Home Assistant; the charge point is one of the `ocpp` package,
which validates all that it hears.
"""

from typing import Any

from ocpp import messages
from ocpp.v16 import call, call_result
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bemcom_connectors.const import DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from tests.ocpp_hub import (
    CP,
    charge_point_data,
    connector_of,
    ocpp_entry,
    set_up,
    settled,
    state,
)
from tests.stock_charge_point import StockWallbox, stock_wallbox

# The tag of what is started from here, which nobody added.
OWN_TAG = "HomeAssistant"

ACCEPTED = "Accepted"

pytestmark = pytest.mark.usefixtures("loopback", "hass_storage")


@pytest.fixture(autouse=True)
def _no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the package validate where it is."""
    monkeypatch.setattr(messages, "ASYNC_VALIDATION", False)


@pytest.fixture
async def hub(hass: HomeAssistant) -> MockConfigEntry:
    """Return a hub that runs, with one charge point that takes known tags only."""
    entry = ocpp_entry(charge_point_data(unknown_tags="refuse"))
    await set_up(hass, entry)
    return entry


def dialled(entry: MockConfigEntry, **answers: Any) -> Any:
    """Dial in."""
    return stock_wallbox(connector_of(entry).port, CP, **answers)


async def act(
    hass: HomeAssistant, action: str, connector_id: int = 0, **more: Any
) -> Any:
    """Carry out an action for the charge point or a connector; return its response."""
    named = {"connector_id": connector_id} if connector_id else {}
    return await hass.services.async_call(
        DOMAIN,
        action,
        {"device_id": CP, **named, **more},
        blocking=True,
        return_response=True,
    )


async def refusal(
    hass: HomeAssistant, action: str, connector_id: int = 0, **more: Any
) -> str:
    """Carry out an action that the charge point refuses; return what it answered."""
    with pytest.raises(HomeAssistantError) as err:
        await act(hass, action, connector_id, **more)
    assert err.value.translation_key == "not_accepted"
    assert err.value.translation_placeholders is not None
    return err.value.translation_placeholders["answer"]


def asked(wallbox: StockWallbox, action: str) -> list[dict[str, Any]]:
    """Return what was asked of the charge point, the latest last."""
    return [payload for name, payload in wallbox.heard if name == action]


async def own_session(wallbox: StockWallbox) -> int:
    """Have the tag of the remote start authorized, and start; return the transaction."""
    assert (await wallbox.authorize(OWN_TAG))["status"] == ACCEPTED
    answer = await wallbox.start_charging(OWN_TAG)
    assert answer.id_tag_info["status"] == ACCEPTED
    await wallbox.status("Charging")
    return int(answer.transaction_id)


# Remote start and stop


async def test_tc_010_csms_remote_start_cable_first(
    hass: HomeAssistant, hub: MockConfigEntry
) -> None:
    answers = {"RemoteStartTransaction": call_result.RemoteStartTransaction(ACCEPTED)}
    async with dialled(hub, **answers) as wallbox:
        await wallbox.boot()
        await wallbox.status("Preparing")
        await act(hass, "remote_start_transaction", 1)
        assert asked(wallbox, "RemoteStartTransaction") == [
            {"id_tag": OWN_TAG, "connector_id": 1}
        ]
        await own_session(wallbox)
        await settled(hass)
        assert state(hass, hub, "status") == "charging"


async def test_tc_011_1_csms_remote_start_first(
    hass: HomeAssistant, hub: MockConfigEntry
) -> None:
    answers = {"RemoteStartTransaction": call_result.RemoteStartTransaction(ACCEPTED)}
    async with dialled(hub, **answers) as wallbox:
        await wallbox.boot()
        await wallbox.status("Available")
        await act(hass, "remote_start_transaction", 1)
        assert (await wallbox.authorize(OWN_TAG))["status"] == ACCEPTED
        await wallbox.status("Preparing")
        answer = await wallbox.start_charging(OWN_TAG)
        assert answer.id_tag_info["status"] == ACCEPTED
        await wallbox.status("Charging")
        await settled(hass)
        assert state(hass, hub, "status") == "charging"


async def test_tc_011_2_csms_remote_start_time_out(
    hass: HomeAssistant, hub: MockConfigEntry
) -> None:
    answers = {"RemoteStartTransaction": call_result.RemoteStartTransaction(ACCEPTED)}
    async with dialled(hub, **answers) as wallbox:
        await wallbox.boot()
        await wallbox.status("Available")
        await act(hass, "remote_start_transaction", 1)
        assert (await wallbox.authorize(OWN_TAG))["status"] == ACCEPTED
        await wallbox.status("Preparing", "Available")
        await settled(hass)
        assert state(hass, hub, "status") == "available"
        assert connector_of(hub).book.open_of(CP, 1) is None


async def test_tc_012_csms_remote_stop(
    hass: HomeAssistant, hub: MockConfigEntry
) -> None:
    answers = {
        "RemoteStartTransaction": call_result.RemoteStartTransaction(ACCEPTED),
        "RemoteStopTransaction": call_result.RemoteStopTransaction(ACCEPTED),
    }
    async with dialled(hub, **answers) as wallbox:
        await wallbox.boot()
        await wallbox.status("Preparing")
        await act(hass, "remote_start_transaction", 1)
        transaction_id = await own_session(wallbox)
        await act(hass, "remote_stop_transaction", 1)
        assert asked(wallbox, "RemoteStopTransaction") == [
            {"transaction_id": transaction_id}
        ]
        await wallbox.stop_charging(transaction_id, "Remote")
        await wallbox.status("Finishing", "Available")
        await settled(hass)
        assert state(hass, hub, "status") == "available"
        assert state(hass, hub, "stop_reason") == "remote"


async def test_tc_026_csms_remote_start_rejected(
    hass: HomeAssistant, hub: MockConfigEntry
) -> None:
    answers = {"RemoteStartTransaction": call_result.RemoteStartTransaction("Rejected")}
    async with dialled(hub, **answers) as wallbox:
        await wallbox.boot()
        await wallbox.status("Faulted")
        assert await refusal(hass, "remote_start_transaction", 1) == "Rejected"
        assert len(asked(wallbox, "RemoteStartTransaction")) == 1


async def test_tc_028_csms_remote_stop_rejected(
    hass: HomeAssistant, hub: MockConfigEntry
) -> None:
    answers = {
        "RemoteStartTransaction": call_result.RemoteStartTransaction(ACCEPTED),
        "RemoteStopTransaction": call_result.RemoteStopTransaction("Rejected"),
    }
    async with dialled(hub, **answers) as wallbox:
        await wallbox.boot()
        await wallbox.status("Preparing")
        await act(hass, "remote_start_transaction", 1)
        unknown = await own_session(wallbox) + 1
        said = await refusal(hass, "remote_stop_transaction", 1, transaction_id=unknown)
        assert said == "Rejected"
        assert asked(wallbox, "RemoteStopTransaction") == [{"transaction_id": unknown}]
        assert connector_of(hub).book.open_of(CP, 1) is not None


# Reset


async def reset(hass: HomeAssistant, hub: MockConfigEntry, kind: str) -> None:
    """Reset a charge point that charges, and have it come back."""
    answers = {"Reset": call_result.Reset(ACCEPTED)}
    async with dialled(hub, **answers) as wallbox:
        await wallbox.boot()
        transaction_id = int((await wallbox.start_charging("CAFE")).transaction_id)
        await act(hass, "reset", type=kind)
        assert asked(wallbox, "Reset") == [{"type": kind}]
        await wallbox.stop_charging(transaction_id, f"{kind}Reset")
    async with dialled(hub) as wallbox:
        assert (await wallbox.boot()).status == ACCEPTED
        await wallbox.status("Available")
        await settled(hass)
        assert state(hass, hub, "status") == "available"


async def test_tc_013_csms_hard_reset(
    hass: HomeAssistant, hub: MockConfigEntry
) -> None:
    await reset(hass, hub, "Hard")


async def test_tc_014_csms_soft_reset(
    hass: HomeAssistant, hub: MockConfigEntry
) -> None:
    await reset(hass, hub, "Soft")


# Unlocking


async def test_tc_017_1_csms_unlock(hass: HomeAssistant, hub: MockConfigEntry) -> None:
    answers = {"UnlockConnector": call_result.UnlockConnector("Unlocked")}
    async with dialled(hub, **answers) as wallbox:
        await wallbox.boot()
        await wallbox.status("Available")
        assert await act(hass, "unlock_connector", 1) == {"status": "Unlocked"}
        assert asked(wallbox, "UnlockConnector") == [{"connector_id": 1}]


async def test_tc_017_2_csms_unlock_a_fixed_cable(
    hass: HomeAssistant, hub: MockConfigEntry
) -> None:
    answers = {"UnlockConnector": call_result.UnlockConnector("NotSupported")}
    async with dialled(hub, **answers) as wallbox:
        await wallbox.boot()
        await wallbox.status("Available")
        assert await refusal(hass, "unlock_connector", 1) == "NotSupported"


async def test_tc_018_1_csms_unlock_with_a_session(
    hass: HomeAssistant, hub: MockConfigEntry
) -> None:
    answers = {
        "RemoteStartTransaction": call_result.RemoteStartTransaction(ACCEPTED),
        "UnlockConnector": call_result.UnlockConnector("Unlocked"),
    }
    async with dialled(hub, **answers) as wallbox:
        await wallbox.boot()
        await wallbox.status("Preparing")
        await act(hass, "remote_start_transaction", 1)
        transaction_id = await own_session(wallbox)
        assert await act(hass, "unlock_connector", 1) == {"status": "Unlocked"}
        await wallbox.stop_charging(transaction_id, "UnlockCommand")
        await wallbox.status("Finishing", "Available")
        await settled(hass)
        assert state(hass, hub, "stop_reason") == "unlock_command"
        assert connector_of(hub).book.open_of(CP, 1) is None


async def test_tc_030_csms_unlock_failure(
    hass: HomeAssistant, hub: MockConfigEntry
) -> None:
    answers = {"UnlockConnector": call_result.UnlockConnector("UnlockFailed")}
    async with dialled(hub, **answers) as wallbox:
        await wallbox.boot()
        await wallbox.status("Available")
        assert await refusal(hass, "unlock_connector", 1) == "UnlockFailed"


async def test_tc_031_csms_unlock_an_unknown_connector(
    hass: HomeAssistant, hub: MockConfigEntry
) -> None:
    answers = {"UnlockConnector": call_result.UnlockConnector("NotSupported")}
    async with dialled(hub, **answers) as wallbox:
        await wallbox.boot()
        await wallbox.status("Available")
        assert await refusal(hass, "unlock_connector", 7) == "NotSupported"
        assert asked(wallbox, "UnlockConnector") == [{"connector_id": 7}]


# Configuration


async def test_tc_019_1_csms_all_configuration_keys(
    hass: HomeAssistant, hub: MockConfigEntry
) -> None:
    keys = [
        {"key": "SupportedFeatureProfiles", "readonly": True, "value": "Core"},
        {"key": "HeartbeatInterval", "readonly": False, "value": "300"},
    ]
    answers = {"GetConfiguration": call_result.GetConfiguration(keys)}
    async with dialled(hub, **answers) as wallbox:
        response = await act(hass, "get_configuration")
        assert asked(wallbox, "GetConfiguration")[0] == {}
        assert response["configuration"] == [
            {"key": "SupportedFeatureProfiles", "value": "Core", "readonly": True},
            {"key": "HeartbeatInterval", "value": "300", "readonly": False},
        ]


async def test_tc_019_2_csms_one_configuration_key(
    hass: HomeAssistant, hub: MockConfigEntry
) -> None:
    found = {"key": "SupportedFeatureProfiles", "readonly": True, "value": "Core"}
    answers = {"GetConfiguration": call_result.GetConfiguration([found])}
    async with dialled(hub, **answers) as wallbox:
        response = await act(hass, "get_configuration", keys=[found["key"]])
        assert asked(wallbox, "GetConfiguration") == [
            {"key": ["SupportedFeatureProfiles"]}
        ]
        assert response == {"configuration": [found], "unknown": []}


async def test_tc_021_csms_change_configuration(
    hass: HomeAssistant, hub: MockConfigEntry
) -> None:
    answers = {"ChangeConfiguration": call_result.ChangeConfiguration(ACCEPTED)}
    async with dialled(hub, **answers) as wallbox:
        response = await act(
            hass, "change_configuration", key="MeterValueSampleInterval", value="60"
        )
        assert response == {"status": ACCEPTED}
        assert asked(wallbox, "ChangeConfiguration") == [
            {"key": "MeterValueSampleInterval", "value": "60"}
        ]


async def test_tc_040_1_csms_configuration_key_not_supported(
    hass: HomeAssistant, hub: MockConfigEntry
) -> None:
    answers = {"ChangeConfiguration": call_result.ChangeConfiguration("NotSupported")}
    async with dialled(hub, **answers):
        said = await refusal(
            hass, "change_configuration", key="NoSuchKey", value="anything"
        )
        assert said == "NotSupported"


async def test_tc_040_2_csms_configuration_value_rejected(
    hass: HomeAssistant, hub: MockConfigEntry
) -> None:
    answers = {"ChangeConfiguration": call_result.ChangeConfiguration("Rejected")}
    async with dialled(hub, **answers) as wallbox:
        said = await refusal(
            hass, "change_configuration", key="MeterValueSampleInterval", value="-1"
        )
        assert said == "Rejected"
        assert asked(wallbox, "ChangeConfiguration") == [
            {"key": "MeterValueSampleInterval", "value": "-1"}
        ]


async def test_tc_061_csms_clear_cache(
    hass: HomeAssistant, hub: MockConfigEntry
) -> None:
    answers = {"ClearCache": call_result.ClearCache(ACCEPTED)}
    async with dialled(hub, **answers) as wallbox:
        await wallbox.boot()
        await act(hass, "clear_cache")
        assert asked(wallbox, "ClearCache") == [{}]
        # What it knew by heart it asks for again.
        assert (await wallbox.authorize("CAFE0001"))["status"] == "Invalid"


# Remote trigger


async def test_tc_054_csms_trigger_message(
    hass: HomeAssistant, hub: MockConfigEntry
) -> None:
    answers = {"TriggerMessage": call_result.TriggerMessage(ACCEPTED)}
    async with dialled(hub, **answers) as wallbox:
        await wallbox.boot()
        await wallbox.status("Available")
        triggered = {
            "MeterValues": call.MeterValues(
                connector_id=1,
                meter_value=[
                    {
                        "timestamp": "2026-03-10T12:00:00Z",
                        "sampledValue": [{"value": "0", "context": "Trigger"}],
                    }
                ],
            ),
            "Heartbeat": call.Heartbeat(),
            "StatusNotification": call.StatusNotification(
                connector_id=1, error_code="NoError", status="Available"
            ),
            "DiagnosticsStatusNotification": call.DiagnosticsStatusNotification("Idle"),
            "FirmwareStatusNotification": call.FirmwareStatusNotification("Idle"),
        }
        for message, comes in triggered.items():
            named = 1 if message in {"MeterValues", "StatusNotification"} else 0
            response = await act(hass, "trigger_message", named, message=message)
            assert response == {"status": ACCEPTED}
            expected = {"requested_message": message}
            assert asked(wallbox, "TriggerMessage")[-1] == (
                expected | {"connector_id": 1} if named else expected
            )
            await wallbox.say(comes)
        await settled(hass)
        assert state(hass, hub, "status") == "available"


async def test_tc_055_csms_trigger_message_rejected(
    hass: HomeAssistant, hub: MockConfigEntry
) -> None:
    answers = {"TriggerMessage": call_result.TriggerMessage("Rejected")}
    async with dialled(hub, **answers) as wallbox:
        await wallbox.boot()
        await wallbox.status("Available")
        said = await refusal(hass, "trigger_message", 2, message="MeterValues")
        assert said == "Rejected"
        assert asked(wallbox, "TriggerMessage")[-1] == {
            "requested_message": "MeterValues",
            "connector_id": 2,
        }
