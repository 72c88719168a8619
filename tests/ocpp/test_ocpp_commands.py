"""Commands as datapoints: what can be set on charge points, and what is sent then."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
import time
from typing import Any

import pytest

from custom_components.bemcom_connectors.connector.actuators import (
    ActuatorKind,
    StateSource,
)
from custom_components.bemcom_connectors.connector.model import (
    Command,
    CommandError,
    CommandReason,
)
from custom_components.bemcom_connectors.ocpp.connector import OcppConnector
from custom_components.bemcom_connectors.ocpp.enums import ChargingRateUnit
from custom_components.bemcom_connectors.ocpp.limits import LimitResult
from custom_components.bemcom_connectors.ocpp.model import ChargePointConfig, HubOptions
from custom_components.bemcom_connectors.ocpp.refusals import (
    Impossible,
    ImpossibleReason,
    NotAccepted,
)
from tests.ocpp.client import SILENT, CallError, RawClient, dial
from tests.ocpp.test_connector import central_system
from tests.ocpp_hub import start, status, stop

pytestmark = pytest.mark.usefixtures("loopback")

CP = "CP1"
CONFIG = ChargePointConfig(id=CP, configure=False)
ACCEPTED = {"status": "Accepted"}
REJECTED = {"status": "Rejected"}
PROFILE = {
    "chargingProfileId": 5,
    "stackLevel": 1,
    "chargingProfilePurpose": "TxDefaultProfile",
    "chargingProfileKind": "Relative",
    "chargingSchedule": {
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10}],
    },
}


@asynccontextmanager
async def wallbox(
    *, timeout: float = 30.0, **answers: Any
) -> AsyncGenerator[tuple[OcppConnector, RawClient]]:
    """Run a central system and a charge point with one connector."""
    options = HubOptions(call_timeout=timeout)
    async with (
        central_system(CONFIG, options=options) as (hub, _),
        dial(hub.port, CP, on_call=answers) as client,
    ):
        await status(client, "Available")
        yield hub, client


async def send(hub: OcppConnector, key: str, value: Any = None) -> Any:
    """Set something, and return the reply."""
    return await hub.run_actuator_flow(Command(key, value, round(time.time() * 1000)))


async def failure(hub: OcppConnector, key: str, value: Any = None) -> CommandError:
    """Set something, which must fail; return the error."""
    with pytest.raises(CommandError) as err:
        await send(hub, key, value)
    return err.value


# What can be set


async def test_what_can_be_set_follows_charge_points_and_connectors() -> None:
    async with central_system(CONFIG) as (hub, _):
        of_charge_point = set(hub.actuators)
        assert of_charge_point == {
            "CP1__0__availability",
            "CP1__0__charging_limit",
            "CP1__0__reset_soft",
            "CP1__0__reset_hard",
            "CP1__0__refresh",
            "CP1__0__call",
            "CP1__0__clear_charging_limit",
            "CP1__0__execute_send_charging_profile__",
            "CP1__0__execute_trigger_message__",
            "execute_send_charging_profile__",
            "execute_trigger_message__",
        }
        before = hub.actuators
        async with dial(hub.port, CP) as client:
            await status(client, "Available", 2)
            # Those who keep the former ones see that there are others.
            assert hub.actuators is not before
            assert set(hub.actuators) - of_charge_point == {
                "CP1__2__charge_control",
                "CP1__2__availability",
                "CP1__2__charging_limit",
                "CP1__2__unlock",
                "CP1__2__remote_start",
                "CP1__2__remote_stop",
                "CP1__2__set_charging_profile",
                "CP1__2__clear_charging_limit",
            }
            same = hub.actuators
            await status(client, "Preparing", 2)
            assert hub.actuators is same
        hub.set_charge_points({CP: replace(CONFIG, max_current=16.0)})
        assert hub.actuators["CP1__2__charging_limit"].maximum == 16.0
        hub.set_charge_points({})
        assert hub.actuators == {}


async def test_states_come_from_datapoints() -> None:
    async with wallbox() as (hub, _):
        switch = hub.actuators["CP1__1__charge_control"]
        assert switch.kind is ActuatorKind.SWITCH
        assert switch.device_id == "CP1__1"
        assert switch.state_source is StateSource.DATAPOINT
        assert switch.state_key == "CP1__1__in_session"
        assert hub.actuators["CP1__0__availability"].state_key == "CP1__0__operative"
        number = hub.actuators["CP1__1__charging_limit"]
        assert (number.minimum, number.maximum, number.unit) == (0, 32.0, "A")
        assert hub.actuators["execute_trigger_message__"].device_id is None


# Sessions


async def test_the_switch_starts_and_stops() -> None:
    async with wallbox(
        RemoteStartTransaction=ACCEPTED, RemoteStopTransaction=ACCEPTED
    ) as (hub, client):
        await send(hub, "CP1__1__charge_control", "off")
        await send(hub, "CP1__1__charge_control", "on")
        transaction_id = (await start(client, "HomeAssistant"))["transactionId"]
        await send(hub, "CP1__1__charge_control", True)
        await send(hub, "CP1__1__charge_control", False)
        assert client.received == [
            ("RemoteStartTransaction", {"idTag": "HomeAssistant", "connectorId": 1}),
            ("RemoteStopTransaction", {"transactionId": transaction_id}),
        ]


async def test_a_car_that_charges_without_a_transaction_cannot_be_stopped() -> None:
    async with wallbox() as (hub, client):
        await status(client, "Charging")
        err = await failure(hub, "CP1__1__charge_control", value=False)
        assert err.reason is CommandReason.NOT_TAKEN
        assert "No transaction" in str(err)


async def test_start_and_stop_as_methods() -> None:
    async with wallbox(
        RemoteStartTransaction=ACCEPTED, RemoteStopTransaction=ACCEPTED
    ) as (hub, client):
        await send(hub, "CP1__1__remote_start", "GUEST")
        await send(hub, "CP1__1__remote_start", None)
        tags = [it["idTag"] for _, it in client.received]
        assert tags == ["GUEST", "HomeAssistant"]
        for wrong in ("", 5, "X" * 21):
            err = await failure(hub, "CP1__1__remote_start", wrong)
            assert err.reason is CommandReason.INVALID_VALUE
        transaction_id = (await start(client))["transactionId"]
        await send(hub, "CP1__1__remote_stop")
        assert client.received[-1] == (
            "RemoteStopTransaction",
            {"transactionId": transaction_id},
        )
        await stop(client, transaction_id)


# The rest of control


async def test_buttons_and_availability() -> None:
    async with wallbox(
        Reset=ACCEPTED,
        ChangeAvailability={"status": "Scheduled"},
        UnlockConnector={"status": "Unlocked"},
    ) as (hub, client):
        assert await send(hub, "CP1__0__availability", value=False) == "Scheduled"
        assert await send(hub, "CP1__1__availability", "on") == "Scheduled"
        assert await send(hub, "CP1__1__unlock") == "Unlocked"
        await send(hub, "CP1__0__reset_soft")
        await send(hub, "CP1__0__reset_hard")
        assert client.received == [
            ("ChangeAvailability", {"connectorId": 0, "type": "Inoperative"}),
            ("ChangeAvailability", {"connectorId": 1, "type": "Operative"}),
            ("UnlockConnector", {"connectorId": 1}),
            ("Reset", {"type": "Soft"}),
            ("Reset", {"type": "Hard"}),
        ]


async def test_refresh() -> None:
    async with wallbox(GetConfiguration={}, TriggerMessage=REJECTED) as (hub, client):
        cp = hub.charge_points[CP]
        cp.introduce(replace(cp.identity, vendor="Acme"))
        await send(hub, "CP1__0__refresh")
        assert {name for name, _ in client.received} == {
            "GetConfiguration",
            "TriggerMessage",
        }


async def test_any_call() -> None:
    async with wallbox(ClearCache=ACCEPTED | {"acme": 1}) as (hub, client):
        assert await send(hub, "CP1__0__call", {"action": "ClearCache"}) == {
            "status": "Accepted",
            "acme": 1,
        }
        asked = {"action": "ClearCache", "payload": None}
        await send(hub, "CP1__0__call", asked)
        assert client.received == [("ClearCache", {})] * 2
        nonsense: tuple[Any, ...] = (
            None,
            {"payload": {}},
            {"action": "ClearCache", "payload": [1]},
            {"action": "ClearCache", "more": 1},
            {"action": "Nonsense"},
            {"action": "Reset", "payload": {"type": "Medium"}},
        )
        for wrong in nonsense:
            err = await failure(hub, "CP1__0__call", wrong)
            assert err.reason is CommandReason.INVALID_VALUE
        assert len(client.received) == 2


# Limits and profiles


async def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    async with wallbox() as (hub, _):
        limits = hub.charge_points[CP].limits
        asked: list[Any] = []

        async def set_limit(*wished: Any) -> LimitResult:
            asked.append(wished)
            return LimitResult(
                limit=10, unit=ChargingRateUnit.AMPERES, verified=True, method="m"
            )

        async def clear_limit(*wished: Any) -> None:
            asked.append(wished)

        monkeypatch.setattr(limits, "set_limit", set_limit)
        monkeypatch.setattr(limits, "clear_limit", clear_limit)
        assert await send(hub, "CP1__1__charging_limit", "10") == {
            "limit": 10,
            "unit": "A",
            "verified": True,
            "method": "m",
        }
        await send(hub, "CP1__0__charging_limit", 20.5)
        await send(hub, "CP1__1__clear_charging_limit")
        assert asked == [
            (1, 10, ChargingRateUnit.AMPERES),
            (0, 20.5, ChargingRateUnit.AMPERES),
            (1,),
        ]
        err = await failure(hub, "CP1__1__charging_limit", 33)
        assert err.reason is CommandReason.INVALID_VALUE


async def test_a_profile_as_json() -> None:
    async with wallbox(SetChargingProfile=ACCEPTED) as (hub, client):
        assert await send(hub, "CP1__1__set_charging_profile", PROFILE) == PROFILE
        assert client.received == [
            ("SetChargingProfile", {"connectorId": 1, "csChargingProfiles": PROFILE})
        ]
        for wrong in (None, "{", {**PROFILE, "chargingProfilePurpose": "TxProfile"}):
            err = await failure(hub, "CP1__1__set_charging_profile", wrong)
            assert err.reason is CommandReason.INVALID_VALUE
        assert len(client.received) == 1


@pytest.mark.parametrize("prefix", ["", "CP1__0__"])
@pytest.mark.parametrize(
    ("value", "limit"),
    [("5000", 5000), (6000.0, 6000), (7000, 7000), ("5000.19", 5000.1)],
)
async def test_the_charging_profile_of_bemcom(
    prefix: str, value: Any, limit: float
) -> None:
    async with wallbox(SetChargingProfile=ACCEPTED) as (hub, client):
        now = int(time.time())
        await send(hub, f"{prefix}execute_send_charging_profile__", value)
        [(action, payload)] = client.received
        assert action == "SetChargingProfile"
        profile = payload["csChargingProfiles"]
        assert now <= profile.pop("chargingProfileId") <= now + 5
        assert payload == {
            "connectorId": 1,
            "csChargingProfiles": {
                "stackLevel": 0,
                "chargingProfilePurpose": "TxDefaultProfile",
                "chargingProfileKind": "Relative",
                "chargingSchedule": {
                    "chargingRateUnit": "W",
                    "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}],
                },
            },
        }


async def test_the_charging_profile_of_bemcom_as_json_and_none() -> None:
    key = "execute_send_charging_profile__"
    async with wallbox(
        SetChargingProfile=ACCEPTED, ClearChargingProfile={"status": "Unknown"}
    ) as (hub, client):
        await send(hub, key, PROFILE)
        await send(hub, key, {"connectorId": 0, "csChargingProfiles": PROFILE})
        assert await send(hub, key, None) == "Unknown"
        assert client.received == [
            ("SetChargingProfile", {"connectorId": 1, "csChargingProfiles": PROFILE}),
            ("SetChargingProfile", {"connectorId": 0, "csChargingProfiles": PROFILE}),
            (
                "ClearChargingProfile",
                {
                    "connectorId": 1,
                    "chargingProfilePurpose": "TxDefaultProfile",
                    "stackLevel": 0,
                },
            ),
        ]
        for wrong in (True, "nan", "many", -5, 10**400):
            err = await failure(hub, key, wrong)
            assert err.reason is CommandReason.INVALID_VALUE


@pytest.mark.parametrize(
    ("value", "asked"),
    [
        (0, {"requestedMessage": "BootNotification"}),
        (1, {"requestedMessage": "DiagnosticsStatusNotification"}),
        (2, {"requestedMessage": "FirmwareStatusNotification"}),
        (3, {"requestedMessage": "Heartbeat"}),
        (4, {"requestedMessage": "MeterValues", "connectorId": 1}),
        ("5", {"requestedMessage": "StatusNotification", "connectorId": 1}),
        ("MeterValues", {"requestedMessage": "MeterValues", "connectorId": 1}),
    ],
)
async def test_the_trigger_of_bemcom(value: Any, asked: dict[str, Any]) -> None:
    async with wallbox(TriggerMessage=ACCEPTED) as (hub, client):
        assert await send(hub, "execute_trigger_message__", value) == "Accepted"
        assert client.received == [("TriggerMessage", asked)]


@pytest.mark.parametrize("value", [9, -1, 1.5, None, True, "Nonsense", [], "nan"])
async def test_what_is_no_trigger_of_bemcom(value: Any) -> None:
    async with wallbox() as (hub, client):
        err = await failure(hub, "execute_trigger_message__", value)
        assert err.reason is CommandReason.INVALID_VALUE
        assert not client.received


async def test_the_hub_has_no_commands_of_its_own_for_several_charge_points() -> None:
    other = ChargePointConfig(id="CP2")
    async with central_system(CONFIG, other) as (hub, _):
        err = await failure(hub, "execute_trigger_message__", 4)
        assert err.reason is CommandReason.NOT_SUPPORTED
        assert "CP1__0__execute_trigger_message__" in str(err)
        assert "CP2__0__execute_trigger_message__" in str(err)


# What goes wrong


@pytest.mark.parametrize(
    ("answer", "reason", "said"),
    [
        (REJECTED, CommandReason.REFUSED, "Reset: Rejected"),
        (CallError("InternalError", "hot"), CommandReason.REFUSED, "hot"),
        ({}, CommandReason.INVALID_REPLY, "status"),
        (SILENT, CommandReason.NO_REPLY, "timeout"),
    ],
)
async def test_refusals(answer: Any, reason: CommandReason, said: str) -> None:
    async with wallbox(timeout=0.1, Reset=answer) as (hub, _):
        err = await failure(hub, "CP1__0__reset_soft")
        assert err.reason is reason
        assert said in str(err)


async def test_a_charge_point_that_is_offline() -> None:
    async with central_system(CONFIG) as (hub, _):
        err = await failure(hub, "CP1__0__reset_soft")
        assert err.reason is CommandReason.NOT_CONNECTED


async def test_what_nobody_can_set() -> None:
    async with central_system(CONFIG) as (hub, _):
        err = await failure(hub, "CP1__1__unlock")
        assert err.reason is CommandReason.UNKNOWN_KEY


def test_refusals_say_what_they_are_about() -> None:
    assert str(NotAccepted("Reset", "Rejected", "too hot")) == (
        "Reset: Rejected: too hot"
    )
    assert len(NotAccepted("Reset", "X" * 1000, "Y" * 1000).status) == 255
    err = Impossible(ImpossibleReason.NO_TRANSACTION, {"connector": "1"})
    assert str(err) == "No transaction (connector 1)"
    assert str(Impossible(ImpossibleReason.NO_WAY)) == "No way"
