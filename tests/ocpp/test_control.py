"""What charge points are told to do, over a real websocket, without Home Assistant."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
import json
from typing import Any

import pytest

from custom_components.bemcom_connectors.ocpp.authorization import IdTag
from custom_components.bemcom_connectors.ocpp.calls import CallFailed, CallReason
from custom_components.bemcom_connectors.ocpp.charge_point import ChargePoint
from custom_components.bemcom_connectors.ocpp.charging_profile import (
    ChargingProfile,
    ChargingSchedule,
    Period,
)
from custom_components.bemcom_connectors.ocpp.connector import OcppConnector
from custom_components.bemcom_connectors.ocpp.enums import (
    ChargingProfileKind,
    ChargingProfilePurpose,
    ChargingRateUnit,
    ResetType,
)
from custom_components.bemcom_connectors.ocpp.model import (
    ChargePointConfig,
    HubOptions,
    TagPolicy,
)
from custom_components.bemcom_connectors.ocpp.profile_rules import ProfileError
from custom_components.bemcom_connectors.ocpp.refusals import (
    Impossible,
    ImpossibleReason,
    NotAccepted,
)
from tests.ocpp.client import SILENT, CallError, RawClient, dial
from tests.ocpp.test_connector import Ear, central_system
from tests.ocpp_hub import ago, boot, meter, result, sampled, start, status, stop

pytestmark = pytest.mark.usefixtures("loopback")

CP = "CP1"
CONFIG = ChargePointConfig(id=CP, configure=False, unknown_tags=TagPolicy.REFUSE)
ACCEPTED = {"status": "Accepted"}
REJECTED = {"status": "Rejected"}
# As it says who it is when it boots.
BOOTED = {"vendor": "Acme", "model": "Wall 11"}
PROFILE = ChargingProfile(
    id=7,
    stack_level=0,
    purpose=ChargingProfilePurpose.TX_PROFILE,
    kind=ChargingProfileKind.RELATIVE,
    schedule=ChargingSchedule(
        unit=ChargingRateUnit.AMPERES, periods=(Period(start=0, limit=10.19),)
    ),
)


@asynccontextmanager
async def wallbox(
    config: ChargePointConfig = CONFIG,
    *,
    stored: object = None,
    connectors: int = 2,
    timeout: float = 30.0,
    **answers: Any,
) -> AsyncGenerator[tuple[ChargePoint, RawClient, OcppConnector, Ear]]:
    """Run a central system and a charge point that is connected, its connectors free."""
    options = HubOptions(call_timeout=timeout)
    async with (
        central_system(config, options=options, stored=stored) as (hub, ear),
        dial(hub.port, config.id, on_call=answers) as client,
    ):
        for connector_id in range(1, connectors + 1):
            await status(client, "Available", connector_id)
        yield hub.charge_points[config.id], client, hub, ear


def sent(client: RawClient, action: str) -> list[Any]:
    """Return what was asked of the charge point."""
    return [payload for name, payload in client.received if name == action]


def drops(client: RawClient, action: str) -> None:
    """Let a charge point hang up as soon as it is asked for something."""

    def drop(_: Any) -> object:
        client.drop()
        return SILENT

    client.on_call[action] = drop


async def authorized(client: RawClient, tag: str) -> str:
    """Return what is said of a tag."""
    answer = await result(client, "Authorize", {"idTag": tag})
    return str(answer["idTagInfo"]["status"])


# Remote start


async def test_a_start_has_a_tag_that_may_charge_whoever_else_may() -> None:
    async with wallbox(RemoteStartTransaction=ACCEPTED) as (cp, client, *_):
        await cp.control.remote_start(1)
        assert sent(client, "RemoteStartTransaction") == [
            {"idTag": "HomeAssistant", "connectorId": 1}
        ]
        assert await authorized(client, "HOMEASSISTANT") == "Accepted"
        begun = await start(client, "HomeAssistant")
        assert begun["idTagInfo"]["status"] == "Accepted"
        assert await authorized(client, "CAFE0001") == "Invalid"


@pytest.mark.parametrize(
    ("config", "keys", "tag"),
    [
        ({"remote_start_tag": "MINE"}, {}, "MINE"),
        ({"quirks": {"plug_and_charge_tag"}}, {}, "HomeAssistant"),
        (
            {"quirks": {"plug_and_charge_tag"}},
            {"PlugAndChargeIdentifier": " ALFEN "},
            "ALFEN",
        ),
        (
            {"quirks": {"plug_and_charge_tag"}},
            {"PlugAndChargeIdentifier": "X" * 21},
            "HomeAssistant",
        ),
        (
            {"quirks": {"plug_and_charge_tag"}, "remote_start_tag": "MINE"},
            {"PlugAndChargeIdentifier": "ALFEN"},
            "MINE",
        ),
        ({}, {"PlugAndChargeIdentifier": "ALFEN"}, "HomeAssistant"),
        ({"quirks": {"short_id_tags"}}, {}, "HomeAssistant"),
    ],
)
async def test_the_tag_of_a_start(
    config: dict[str, Any], keys: dict[str, str], tag: str
) -> None:
    told = {"configurationKey": [{"key": k, "value": v} for k, v in keys.items()]}
    async with wallbox(
        replace(CONFIG, **config),
        GetConfiguration=told,
        RemoteStartTransaction=ACCEPTED,
    ) as (cp, client, *_):
        await cp.control.get_configuration()
        await cp.control.remote_start(0)
        assert sent(client, "RemoteStartTransaction") == [{"idTag": tag}]
        assert await authorized(client, tag) == "Accepted"


async def test_the_tag_of_the_charge_point_itself_is_asked_for_once() -> None:
    key = {"key": "PlugAndChargeIdentifier", "value": "ALFEN", "readonly": False}
    config = replace(CONFIG, quirks=frozenset({"plug_and_charge_tag"}))
    async with wallbox(
        config,
        GetConfiguration={"configurationKey": [key]},
        RemoteStartTransaction=ACCEPTED,
    ) as (cp, client, *_):
        await cp.control.remote_start(1, "GUEST")
        await cp.control.remote_start(1)
        await cp.control.remote_start(1)
        assert sent(client, "GetConfiguration") == [{"key": [key["key"]]}]
        asked = sent(client, "RemoteStartTransaction")
        assert [it["idTag"] for it in asked] == ["GUEST", "ALFEN", "ALFEN"]


@pytest.mark.parametrize(
    ("answer", "tags"),
    [
        (CallError("InternalError"), ["HomeAssistant"] * 2),
        ({"unknownKey": ["PlugAndChargeIdentifier"]}, ["HomeAssistant"] * 2),
        (SILENT, []),
    ],
)
async def test_a_charge_point_that_has_no_tag_for_itself(
    answer: Any, tags: list[str]
) -> None:
    config = replace(CONFIG, quirks=frozenset({"plug_and_charge_tag"}))
    async with wallbox(
        config,
        timeout=0.1,
        GetConfiguration=answer,
        RemoteStartTransaction=ACCEPTED,
    ) as (cp, client, *_):
        for _ in range(2):
            if tags:
                await cp.control.remote_start(1)
            else:
                with pytest.raises(CallFailed):
                    await cp.control.remote_start(1)
        asked = sent(client, "RemoteStartTransaction")
        assert [it["idTag"] for it in asked] == tags
        assert len(sent(client, "GetConfiguration")) == (1 if tags else 2)


async def test_the_tag_of_a_start_is_in_no_repr() -> None:
    assert "SECRET" not in repr(replace(CONFIG, remote_start_tag="SECRET"))


async def test_another_tag_may_charge_while_its_start_is_pending() -> None:
    asked_early = []

    async def on_start(_: Any) -> Any:
        # Some ask before they answer.
        asked_early.append(await authorized(client, "GUEST"))
        return ACCEPTED

    async with wallbox(RemoteStartTransaction=on_start) as (cp, client, hub, _):
        assert await authorized(client, "GUEST") == "Invalid"
        await cp.control.remote_start(1, "guest")
        assert asked_early == ["Accepted"]
        assert await authorized(client, "GUEST") == "Accepted"
        kept = json.loads(json.dumps(hub.snapshot()))
    # It is still waited for after a restart.
    async with wallbox(stored=kept) as (cp, client, *_):
        assert await authorized(client, "GUEST") == "Accepted"
        assert cp.control.policy_of("GUEST", 0.0) is TagPolicy.ACCEPT
        assert cp.control.policy_of("GUEST", 1e12) is TagPolicy.REFUSE


async def test_a_tag_that_the_user_blocked_stays_blocked() -> None:
    async with wallbox(RemoteStartTransaction=ACCEPTED) as (cp, client, hub, _):
        hub.set_id_tags([IdTag(tag="GUEST", blocked=True)])
        await cp.control.remote_start(1, "GUEST")
        assert await authorized(client, "GUEST") == "Blocked"


async def test_a_start_that_is_rejected() -> None:
    async with wallbox(RemoteStartTransaction=REJECTED) as (cp, client, *_):
        with pytest.raises(NotAccepted) as err:
            await cp.control.remote_start(1, "GUEST")
        assert (err.value.action, err.value.status) == (
            "RemoteStartTransaction",
            "Rejected",
        )
        assert await authorized(client, "GUEST") == "Invalid"


async def test_a_start_that_is_rejected_takes_nothing_from_the_one_before() -> None:
    async with wallbox(RemoteStartTransaction=ACCEPTED) as (cp, client, *_):
        await cp.control.remote_start(1, "GUEST")
        client.on_call["RemoteStartTransaction"] = REJECTED
        with pytest.raises(NotAccepted):
            await cp.control.remote_start(2, "GUEST")
        assert await authorized(client, "GUEST") == "Accepted"


async def test_no_more_starts_are_kept_in_mind_than_there_is_room_for() -> None:
    async with wallbox(RemoteStartTransaction=ACCEPTED) as (cp, client, *_):
        for number in range(25):
            await cp.control.remote_start(1, f"GUEST{number}")
        assert await authorized(client, "GUEST4") == "Invalid"
        assert await authorized(client, "GUEST5") == "Accepted"


async def test_a_start_with_a_profile() -> None:
    async with wallbox(RemoteStartTransaction=ACCEPTED) as (cp, client, *_):
        await cp.control.remote_start(1, None, PROFILE)
        [payload] = sent(client, "RemoteStartTransaction")
        profile = payload["chargingProfile"]
        assert profile["chargingSchedule"]["chargingSchedulePeriod"] == [
            {"startPeriod": 0, "limit": 10.1}
        ]
        assert "transactionId" not in profile
        transaction_id = (await start(client, "HomeAssistant"))["transactionId"]
        [installed] = cp.profiles.installed.of(1)
        assert installed.transaction_id == transaction_id


async def test_a_start_with_a_profile_that_is_none_for_it() -> None:
    wrong = replace(PROFILE, purpose=ChargingProfilePurpose.TX_DEFAULT_PROFILE)
    async with wallbox() as (cp, client, *_):
        with pytest.raises(ProfileError):
            await cp.control.remote_start(1, None, wrong)
        assert not sent(client, "RemoteStartTransaction")


# Remote stop


async def test_a_stop_is_of_what_runs_on_the_connector() -> None:
    async with wallbox(RemoteStopTransaction=ACCEPTED) as (cp, client, *_):
        first = (await start(client, connector_id=1))["transactionId"]
        second = (await start(client, connector_id=2))["transactionId"]
        await cp.control.remote_stop(2)
        await cp.control.remote_stop(1)
        await cp.control.remote_stop(1, 4711)
        asked = sent(client, "RemoteStopTransaction")
        assert [it["transactionId"] for it in asked] == [second, first, 4711]
        # Which of the two?
        with pytest.raises(Impossible) as err:
            await cp.control.remote_stop(0)
        assert err.value.reason is ImpossibleReason.NO_TRANSACTION
        await stop(client, second)
        await cp.control.remote_stop(0)
        assert sent(client, "RemoteStopTransaction")[-1] == {"transactionId": first}


async def test_nothing_to_stop() -> None:
    async with wallbox() as (cp, client, *_):
        with pytest.raises(Impossible, match="No transaction"):
            await cp.control.remote_stop(1)
        assert not sent(client, "RemoteStopTransaction")


async def test_a_stop_of_a_transaction_that_was_adopted() -> None:
    async with wallbox(RemoteStopTransaction=ACCEPTED) as (cp, client, *_):
        await status(client, "Charging")
        await meter(client, sampled(1000), transactionId=-77)
        await cp.control.remote_stop(1)
        assert sent(client, "RemoteStopTransaction") == [{"transactionId": -77}]


async def test_a_stop_of_what_is_only_believed_to_be_over() -> None:
    async with wallbox(RemoteStopTransaction=ACCEPTED) as (cp, client, hub, _):
        transaction_id = (await start(client))["transactionId"]
        found = hub.book.open_of(CP, 1)
        assert found is not None
        hub.book.lose(found, found.started)
        with pytest.raises(Impossible):
            await cp.control.remote_stop(2)
        await cp.control.remote_stop(1)
        assert sent(client, "RemoteStopTransaction") == [
            {"transactionId": transaction_id}
        ]


# In session, operative


async def test_whether_a_session_runs() -> None:
    async with wallbox() as (_, client, hub, ear):
        assert ear.values["CP1__1__in_session"] is False
        transaction_id = (await start(client))["transactionId"]
        assert ear.values["CP1__1__in_session"] is True
        assert ear.values["CP1__2__in_session"] is False
        kept = json.loads(json.dumps(hub.snapshot()))
        await stop(client, transaction_id)
        assert ear.values["CP1__1__in_session"] is False
    async with central_system(CONFIG, stored=kept) as (_, ear):
        assert ear.values["CP1__1__in_session"] is True


async def test_whether_a_connector_is_in_service() -> None:
    async with wallbox() as (_, client, _hub, ear):
        assert ear.values["CP1__1__operative"] is True
        # It did not say so, but has connectors that can be used.
        assert ear.values["CP1__0__operative"] is True
        await status(client, "Unavailable", 1)
        assert ear.values["CP1__1__operative"] is False
        assert ear.values["CP1__2__operative"] is True
        await status(client, "Faulted", 1, "GroundFailure")
        assert ear.values["CP1__1__operative"] is False
        await status(client, "Unavailable", 0)
        assert ear.values["CP1__0__operative"] is False


# Availability


async def test_availability_is_shown_when_it_is_confirmed() -> None:
    async with wallbox(ChangeAvailability=ACCEPTED) as (cp, client, _, ear):
        assert await cp.control.change_availability(1, operative=False) == "Accepted"
        assert sent(client, "ChangeAvailability") == [
            {"connectorId": 1, "type": "Inoperative"}
        ]
        assert ear.values["CP1__1__operative"] is False
        assert ear.values["CP1__2__operative"] is True
        client.on_call["ChangeAvailability"] = {"status": "Scheduled"}
        assert await cp.control.change_availability(2, operative=False) == "Scheduled"
        assert ear.values["CP1__2__operative"] is True
        await status(client, "Unavailable", 2)
        assert ear.values["CP1__2__operative"] is False
        client.on_call["ChangeAvailability"] = ACCEPTED
        await cp.control.change_availability(0, operative=True)
        assert [ear.values[f"CP1__{it}__operative"] for it in (0, 1, 2)] == [True] * 3


@pytest.mark.parametrize(
    "refusal", [REJECTED, CallError("PropertyConstraintViolation")]
)
@pytest.mark.parametrize(
    ("of_second", "expected"), [("Accepted", "Accepted"), ("Scheduled", "Scheduled")]
)
async def test_who_knows_it_of_each_connector_only(
    refusal: Any, of_second: str, expected: str
) -> None:
    def answer(payload: Any) -> Any:
        statuses = {1: "Accepted", 2: of_second}
        if payload["connectorId"]:
            return {"status": statuses[payload["connectorId"]]}
        return refusal

    async with wallbox(ChangeAvailability=answer) as (cp, client, _, ear):
        assert await cp.control.change_availability(0, operative=False) == expected
        asked = sent(client, "ChangeAvailability")
        assert [it["connectorId"] for it in asked] == [0, 1, 2]
        assert ear.values["CP1__1__operative"] is False
        assert cp.control.availability.wishes == {0: False}


@pytest.mark.parametrize("of_first", ["Accepted", "Scheduled"])
async def test_a_connector_that_refuses_after_another_accepted(of_first: str) -> None:
    def answer(payload: Any) -> Any:
        return {"status": of_first} if payload["connectorId"] == 1 else REJECTED

    async with wallbox(ChangeAvailability=answer) as (cp, client, _, ear):
        with pytest.raises(NotAccepted, match="ChangeAvailability: Rejected"):
            await cp.control.change_availability(0, operative=False)
        asked = sent(client, "ChangeAvailability")
        assert [it["connectorId"] for it in asked] == [0, 1, 2]
        shown = [ear.values[f"CP1__{it}__operative"] for it in (0, 1, 2)]
        assert shown == [True, of_first == "Scheduled", True]
        # What was accepted is so after a boot as well.
        assert cp.control.availability.wishes == {1: False}
        client.received.clear()
        client.on_call["ChangeAvailability"] = ACCEPTED
        assert await cp.control.reapply_availability() == "1 changed"
        assert sent(client, "ChangeAvailability") == [
            {"connectorId": 1, "type": "Inoperative"}
        ]


async def test_asking_each_again_is_no_wish_for_each() -> None:
    async with wallbox(ChangeAvailability=ACCEPTED) as (cp, client, *_):
        await cp.control.change_availability(0, operative=False)
        await cp.control.change_availability(1, operative=True)
        client.on_call["ChangeAvailability"] = lambda it: (
            ACCEPTED if it["connectorId"] == 1 else REJECTED
        )
        with pytest.raises(NotAccepted):
            await cp.control.reapply_availability()
        assert cp.control.availability.wishes == {0: False, 1: True}


async def test_availability_that_is_rejected() -> None:
    async with wallbox(ChangeAvailability=REJECTED) as (cp, _, _, ear):
        for connector_id in (0, 1):
            with pytest.raises(NotAccepted, match="ChangeAvailability: Rejected"):
                await cp.control.change_availability(connector_id, operative=False)
        assert ear.values["CP1__1__operative"] is True
        assert cp.control.availability.wishes == {}


async def test_what_the_user_took_out_of_service_is_so_after_a_restart() -> None:
    async with wallbox(ChangeAvailability=ACCEPTED) as (cp, client, hub, _):
        await cp.control.change_availability(1, operative=False)
        await cp.control.change_availability(2, operative=True)
        assert await cp.control.reapply_availability() == "1 changed"
        kept = json.loads(json.dumps(hub.snapshot()))
    async with wallbox(stored=kept, ChangeAvailability=ACCEPTED) as (cp, client, *_):
        # Of both it is known how they are: the second is as it should be.
        assert await cp.control.reapply_availability() == "1 changed"
        assert sent(client, "ChangeAvailability") == [
            {"connectorId": 1, "type": "Inoperative"}
        ]
        await status(client, "Unavailable", 1)
        assert await cp.control.reapply_availability() == "as it should be"
        await status(client, "Unavailable", 2)
        assert await cp.control.reapply_availability() == "1 changed"
        assert sent(client, "ChangeAvailability")[-1] == {
            "connectorId": 2,
            "type": "Operative",
        }


async def test_nothing_is_put_into_service_unasked() -> None:
    async with wallbox(ChangeAvailability=ACCEPTED) as (cp, client, *_):
        await status(client, "Unavailable", 1)
        await status(client, "Unavailable", 0)
        assert await cp.control.reapply_availability() == "as it should be"
        assert not sent(client, "ChangeAvailability")


async def test_one_connector_is_in_service_although_the_others_are_not() -> None:
    async with wallbox(ChangeAvailability=ACCEPTED) as (cp, client, *_):
        await cp.control.change_availability(0, operative=False)
        await cp.control.change_availability(1, operative=True)
        client.received.clear()
        assert await cp.control.reapply_availability() == "2 changed"
        asked = sent(client, "ChangeAvailability")
        assert [(it["connectorId"], it["type"]) for it in asked] == [
            (0, "Inoperative"),
            (1, "Operative"),
        ]
        # The whole is out of service when all are of which nothing else was said.
        await status(client, "Unavailable", 2)
        assert await cp.control.reapply_availability() == "as it should be"
        # What is said of all counts for each.
        await cp.control.change_availability(0, operative=True)
        assert cp.control.availability.wishes == {0: True}


async def test_the_whole_says_itself_how_it_is() -> None:
    async with wallbox(ChangeAvailability=ACCEPTED) as (cp, client, *_):
        await cp.control.change_availability(0, operative=False)
        await status(client, "Available", 0)
        assert await cp.control.reapply_availability() == "1 changed"
        await status(client, "Unavailable", 0)
        assert await cp.control.reapply_availability() == "as it should be"


async def test_availability_is_part_of_the_start_up() -> None:
    stored = {
        "charge_points": {
            CP: {"control": {"availability": {"1": False, "99": True, "2": "no"}}}
        }
    }
    config = replace(CONFIG, quirks=frozenset({"no_triggers", "unread_configuration"}))
    async with wallbox(config, stored=stored, ChangeAvailability=ACCEPTED) as (
        cp,
        client,
        *_,
    ):
        assert cp.control.availability.wishes == {1: False}
        cp.introduce(replace(cp.identity, **BOOTED))
        cp.adjustments = replace(cp.adjustments, boot_delay=0.0)
        await boot(client)
        assert await client.wait_for("ChangeAvailability") == {
            "connectorId": 1,
            "type": "Inoperative",
        }


async def test_another_wish_amid_the_asking() -> None:
    async def on_change(payload: Any) -> Any:
        if payload["connectorId"] == 1 and len(sent(client, "ChangeAvailability")) == 3:
            cp.control.availability.wishes[2] = True
        return ACCEPTED

    async with wallbox(ChangeAvailability=on_change) as (cp, client, *_):
        await cp.control.change_availability(1, operative=False)
        await cp.control.change_availability(2, operative=False)
        assert await cp.control.reapply_availability() == "1 changed"


# The others


@pytest.mark.parametrize("kind", list(ResetType))
async def test_reset(kind: ResetType) -> None:
    async with wallbox(Reset=ACCEPTED) as (cp, client, *_):
        await cp.control.reset(kind)
        assert sent(client, "Reset") == [{"type": kind.value}]
        client.on_call["Reset"] = REJECTED
        with pytest.raises(NotAccepted):
            await cp.control.reset(kind)


async def test_unlock() -> None:
    async with wallbox(UnlockConnector={"status": "Unlocked"}) as (cp, client, *_):
        assert await cp.control.unlock(2) == "Unlocked"
        assert sent(client, "UnlockConnector") == [{"connectorId": 2}]
        for said in ("UnlockFailed", "NotSupported"):
            client.on_call["UnlockConnector"] = {"status": said}
            with pytest.raises(NotAccepted) as err:
                await cp.control.unlock(2)
            assert err.value.status == said
        with pytest.raises(Impossible) as none:
            await cp.control.unlock(0)
        assert none.value.reason is ImpossibleReason.NO_SUCH_CONNECTOR
        assert none.value.placeholders == {"connector": "0"}


async def test_trigger_message() -> None:
    async with wallbox(TriggerMessage=ACCEPTED, ExtendedTriggerMessage=ACCEPTED) as (
        cp,
        client,
        *_,
    ):
        client.received.clear()
        assert await cp.control.trigger_message("MeterValues", 2) == "Accepted"
        await cp.control.trigger_message("Heartbeat", None)
        await cp.control.trigger_message("LogStatusNotification", None)
        await cp.control.trigger_message("SignChargePointCertificate", None)
        assert client.received == [
            ("TriggerMessage", {"requestedMessage": "MeterValues", "connectorId": 2}),
            ("TriggerMessage", {"requestedMessage": "Heartbeat"}),
            (
                "ExtendedTriggerMessage",
                {"requestedMessage": "LogStatusNotification"},
            ),
            (
                "ExtendedTriggerMessage",
                {"requestedMessage": "SignChargePointCertificate"},
            ),
        ]
        client.on_call["TriggerMessage"] = {"status": "NotImplemented"}
        with pytest.raises(NotAccepted, match="NotImplemented"):
            await cp.control.trigger_message("Heartbeat", None)
        with pytest.raises(ValueError, match="requestedMessage"):
            await cp.control.trigger_message("Nonsense", None)


async def test_clear_cache() -> None:
    async with wallbox(ClearCache=ACCEPTED) as (cp, client, *_):
        await cp.control.clear_cache()
        assert sent(client, "ClearCache") == [{}]
        client.on_call["ClearCache"] = REJECTED
        with pytest.raises(NotAccepted):
            await cp.control.clear_cache()


async def test_data_transfer() -> None:
    async with wallbox(DataTransfer={"status": "UnknownVendorId"}) as (cp, client, *_):
        assert await cp.control.data_transfer("acme") == {
            "status": "UnknownVendorId",
            "data": None,
        }
        client.on_call["DataTransfer"] = {"status": "Accepted", "data": "42"}
        assert await cp.control.data_transfer("acme", "ask", "why") == {
            "status": "Accepted",
            "data": "42",
        }
        assert sent(client, "DataTransfer") == [
            {"vendorId": "acme"},
            {"vendorId": "acme", "messageId": "ask", "data": "why"},
        ]


async def test_any_call_and_its_answer_as_it_came() -> None:
    answer = {
        "status": "Accepted",
        "scheduleStart": "2026-03-10T12:00:00Z",
        "acme": {"more": [1]},
    }
    async with wallbox(GetCompositeSchedule=answer) as (cp, client, *_):
        payload = {"connectorId": 1, "duration": 60}
        assert await cp.control.call("GetCompositeSchedule", payload) == answer
        for action, wrong in (
            ("GetCompositeSchedule", {"connectorId": "one"}),
            ("Nonsense", {}),
        ):
            with pytest.raises(ValueError, match=action):
                await cp.control.call(action, wrong)
        assert len(sent(client, "GetCompositeSchedule")) == 1


# Settings

KEYS = [
    {"key": "HeartbeatInterval", "value": "300", "readonly": False},
    {"key": "AuthorizationKey", "value": "0123456789abcdef", "readonly": False},
    {"key": "NumberOfConnectors", "value": "2", "readonly": True},
    {"key": "Empty", "readonly": False},
]


async def test_reading_all_settings() -> None:
    answer = {"configurationKey": KEYS, "unknownKey": []}
    async with wallbox(GetConfiguration=answer) as (cp, client, *_):
        read = await cp.control.get_configuration([])
        assert sent(client, "GetConfiguration")[0] == {}
        found = {it["key"]: it for it in read["configuration"]}
        assert found["HeartbeatInterval"] == KEYS[0]
        assert found["AuthorizationKey"]["value"] == "***"
        assert found["NumberOfConnectors"]["readonly"] is True
        assert found["Empty"]["value"] is None
        assert "0123456789abcdef" not in str(read)
        assert cp.configuration.text("HeartbeatInterval") == "300"


async def test_reading_some_settings() -> None:
    def answer(payload: Any) -> Any:
        known = [it for it in KEYS if it["key"] in payload["key"]]
        return {"configurationKey": known, "unknownKey": ["Nonsense"]}

    async with wallbox(GetConfiguration=answer) as (cp, client, *_):
        read = await cp.control.get_configuration(
            ["HeartbeatInterval", "nonsense", "Forgotten"]
        )
        assert [it["key"] for it in read["configuration"]] == ["HeartbeatInterval"]
        assert read["unknown"] == ["Nonsense", "Forgotten"]
        assert sent(client, "GetConfiguration") == [
            {"key": ["HeartbeatInterval", "nonsense", "Forgotten"]}
        ]


async def test_settings_are_read_one_by_one_where_that_is_needed() -> None:
    config = replace(CONFIG, quirks=frozenset({"one_key_at_a_time"}))
    async with wallbox(config, GetConfiguration={}) as (cp, client, *_):
        read = await cp.control.get_configuration(["A", "B"])
        assert read == {"configuration": [], "unknown": ["A", "B"]}
        assert sent(client, "GetConfiguration") == [{"key": ["A"]}, {"key": ["B"]}]


async def test_changing_a_setting() -> None:
    async with wallbox(
        ChangeConfiguration=ACCEPTED, GetConfiguration={"configurationKey": KEYS}
    ) as (cp, client, *_):
        await cp.control.get_configuration()
        # Although it is so already, as far as is known.
        changed = await cp.control.change_configuration("heartbeatinterval", "300")
        assert changed == "Accepted"
        assert sent(client, "ChangeConfiguration") == [
            {"key": "HeartbeatInterval", "value": "300"}
        ]
        client.on_call["ChangeConfiguration"] = {"status": "RebootRequired"}
        changed = await cp.control.change_configuration("HeartbeatInterval", "60")
        assert changed == "RebootRequired"
        assert cp.configuration.text("HeartbeatInterval") == "60"
        for said in ("Rejected", "NotSupported"):
            client.on_call["ChangeConfiguration"] = {"status": said}
            with pytest.raises(NotAccepted, match=said):
                await cp.control.change_configuration("HeartbeatInterval", "-1")
        assert cp.configuration.text("HeartbeatInterval") == "60"


# Refresh


async def test_refresh() -> None:
    async def on_trigger(payload: Any) -> Any:
        if payload["requestedMessage"] == "StatusNotification":
            for connector_id in (1, 2):
                await status(client, "Available", connector_id)
        return ACCEPTED

    async with wallbox(
        GetConfiguration={"configurationKey": KEYS}, TriggerMessage=on_trigger
    ) as (cp, client, *_):
        cp.introduce(replace(cp.identity, **BOOTED))
        await cp.control.refresh()
        assert sent(client, "GetConfiguration")[0] == {}
        asked = [it["requestedMessage"] for it in sent(client, "TriggerMessage")]
        assert asked == ["StatusNotification", "MeterValues"]
        client.received.clear()
        await cp.control.refresh()
        assert sent(client, "GetConfiguration")


async def test_refresh_fails_where_nothing_comes_back() -> None:
    async with wallbox(timeout=0.05, GetConfiguration=SILENT) as (cp, *_):
        cp.introduce(replace(cp.identity, **BOOTED))
        with pytest.raises(CallFailed) as err:
            await cp.control.refresh()
        assert err.value.reason is CallReason.TIMEOUT


async def test_refresh_fails_when_the_connection_goes() -> None:
    async with wallbox() as (cp, client, *_):
        drops(client, "GetConfiguration")
        cp.introduce(replace(cp.identity, **BOOTED))
        with pytest.raises(CallFailed) as err:
            await cp.control.refresh()
        assert err.value.reason is CallReason.CLOSED
        with pytest.raises(CallFailed) as offline:
            await cp.control.refresh()
        assert offline.value.reason is CallReason.NOT_CONNECTED


# What goes wrong on the way


async def test_a_late_answer_is_nobodys() -> None:
    late = asyncio.Event()

    async def slowly(_: Any) -> Any:
        await late.wait()
        return REJECTED

    async with wallbox(timeout=0.1, Reset=slowly, ClearCache=ACCEPTED) as (cp, *_):
        with pytest.raises(CallFailed) as err:
            await cp.control.reset(ResetType.SOFT)
        assert err.value.reason is CallReason.TIMEOUT
        late.set()
        await cp.control.clear_cache()


async def test_a_socket_that_drops_ends_the_wait_at_once() -> None:
    async with wallbox() as (cp, client, hub, _):
        drops(client, "Reset")
        async with asyncio.timeout(5):
            with pytest.raises(CallFailed) as err:
                await cp.control.reset(ResetType.HARD)
            assert err.value.reason is CallReason.CLOSED
        with pytest.raises(CallFailed) as offline:
            await cp.control.unlock(1)
        assert offline.value.reason is CallReason.NOT_CONNECTED
        answers = {"UnlockConnector": {"status": "Unlocked"}}
        async with dial(hub.port, CP, on_call=answers) as again:
            await status(again, "Available")
            assert await cp.control.unlock(1) == "Unlocked"


async def test_a_start_that_was_never_sent_lets_no_tag_charge() -> None:
    async with wallbox() as (cp, client, _, ear):
        await client.close()
        while cp.online:
            await ear.hear("availability")
        with pytest.raises(CallFailed) as err:
            await cp.control.remote_start(1, "GUEST")
        assert err.value.reason is CallReason.NOT_CONNECTED
        assert cp.control.policy_of("GUEST", 0.0) is TagPolicy.REFUSE


async def test_a_start_without_an_answer_may_happen_nevertheless() -> None:
    async with wallbox(timeout=0.05, RemoteStartTransaction=SILENT) as (cp, client, *_):
        with pytest.raises(CallFailed):
            await cp.control.remote_start(1, "GUEST")
        assert await authorized(client, "GUEST") == "Accepted"


@pytest.mark.parametrize(
    ("answer", "reason", "said"),
    [
        (CallError("InternalError", "no power"), CallReason.REFUSED, "no power"),
        ({}, CallReason.INVALID, "status"),
        ({"status": 5}, CallReason.INVALID, "status"),
        ({"status": "Perhaps"}, CallReason.INVALID, "status"),
        ([], CallReason.INVALID, "object"),
    ],
)
async def test_answers_that_are_none(
    answer: Any, reason: CallReason, said: str
) -> None:
    async with wallbox(Reset=answer, ClearCache=ACCEPTED) as (cp, *_):
        with pytest.raises(CallFailed, match=said) as err:
            await cp.control.reset(ResetType.SOFT)
        assert err.value.reason is reason
        await cp.control.clear_cache()


async def test_commands_go_in_order_and_delay_nobody_else() -> None:
    release = asyncio.Event()

    async def slowly(_: Any) -> Any:
        await release.wait()
        return ACCEPTED

    other = ChargePointConfig(id="CP2", configure=False)
    async with (
        central_system(CONFIG, other) as (hub, _),
        dial(hub.port, CP, on_call={"Reset": slowly, "ClearCache": ACCEPTED}) as first,
        dial(hub.port, "CP2", on_call={"Reset": ACCEPTED}) as second,
    ):
        for client in (first, second):
            await status(client, "Available")
        slow = hub.charge_points[CP].control
        waiting = [
            asyncio.create_task(slow.reset(ResetType.SOFT)),
            asyncio.create_task(slow.clear_cache()),
            asyncio.create_task(slow.reset(ResetType.HARD)),
        ]
        await first.wait_for("Reset")
        await hub.charge_points["CP2"].control.reset(ResetType.HARD)
        # What the charge point says is answered meanwhile.
        await status(first, "Preparing", timestamp=ago())
        assert [name for name, _ in first.received] == ["Reset"]
        release.set()
        await asyncio.gather(*waiting)
        assert first.received == [
            ("Reset", {"type": "Soft"}),
            ("ClearCache", {}),
            ("Reset", {"type": "Hard"}),
        ]


@pytest.mark.parametrize("kept", [None, 5, {"availability": 5, "remote_starts": []}])
async def test_what_was_kept_may_be_nonsense(kept: Any) -> None:
    stored = {"charge_points": {CP: {"control": kept}}}
    async with central_system(CONFIG, stored=stored) as (hub, _):
        assert hub.charge_points[CP].control.to_dict() == {
            "availability": {},
            "remote_starts": {},
        }
