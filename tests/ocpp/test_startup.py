"""The start-up sequence, against charge points with rules of their own."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
import time
from typing import Any

from hypothesis import example, given, settings, strategies as st
import pytest

from custom_components.bemcom_connectors.ocpp.calls import CallFailed, CallReason
from custom_components.bemcom_connectors.ocpp.configuration import Configuration
from custom_components.bemcom_connectors.ocpp.measurand_choice import AUTOMATIC
from custom_components.bemcom_connectors.ocpp.model import Identity
from custom_components.bemcom_connectors.ocpp.quirks import Quirk, adjustments
from custom_components.bemcom_connectors.ocpp.refusals import NotAccepted
from custom_components.bemcom_connectors.ocpp.startup import MAX_TIMEOUTS, StartUp
from tests.ocpp.scripted import (
    DEFAULTS,
    MEASURANDS,
    ScriptedChargePoint,
    failed,
    refused,
)

STEPS = (
    "identity",
    "configuration",
    "connectors",
    "measurands",
    "sample_interval",
    "clock_aligned_interval",
    "heartbeat_interval",
    "websocket_ping_interval",
    "statuses",
    "meter_values",
)
# More calls than that no run makes, whatever the charge point answers.
MAX_CALLS = 60


@pytest.fixture
def charge_point() -> ScriptedChargePoint:
    """Return a charge point that does what OCPP says."""
    return ScriptedChargePoint()


def start_up_of(charge_point: ScriptedChargePoint) -> StartUp:
    """Return the sequence of a charge point, in a hurry."""
    return StartUp(charge_point, boot_wait=0.01, status_wait=0.0)


async def boot(
    charge_point: ScriptedChargePoint, *quirks: Quirk, booted: bool = True
) -> dict[str, str]:
    """Start a charge point up, and return what came of it."""
    charge_point.adjustments = replace(
        adjustments(quirks), boot_delay=0.0, call_pause=0.0
    )
    charge_point.calls.clear()
    start_up = start_up_of(charge_point)
    async with asyncio.timeout(5):
        await start_up.run(booted=booted)
    return start_up.report


def measurands_of(charge_point: ScriptedChargePoint) -> list[str]:
    """Return the measurands that a charge point is set to."""
    return charge_point.values[MEASURANDS].split(",")


def fails(
    charge_point: ScriptedChargePoint, error: CallFailed, *actions_or_keys: str
) -> None:
    """Let some calls fail: those of an action, or about a key."""

    def intercept(action: str, payload: dict[str, Any]) -> None:
        names = action, payload.get("key"), payload.get("requestedMessage")
        if any(name in actions_or_keys for name in names):
            raise error

    charge_point.intercept = intercept


# As it should be


async def test_the_first_start(charge_point: ScriptedChargePoint) -> None:
    report = await boot(charge_point)
    assert charge_point.reads() == [None]
    assert charge_point.writes() == [
        (MEASURANDS, ",".join(AUTOMATIC)),
        ("MeterValueSampleInterval", "30"),
        ("ClockAlignedDataInterval", "900"),
        ("HeartbeatInterval", "300"),
    ]
    assert charge_point.triggers() == [("StatusNotification", 0), ("MeterValues", 0)]
    assert charge_point.connector_ids == [1, 2]
    assert tuple(report) == STEPS
    assert report["configuration"] == "6 keys"
    assert report["connectors"] == "2"
    assert report["websocket_ping_interval"] == "left as it is"
    assert charge_point.changes


async def test_the_next_start_writes_nothing(
    charge_point: ScriptedChargePoint,
) -> None:
    await boot(charge_point)
    report = await boot(charge_point)
    assert charge_point.reads() == [None]
    assert charge_point.writes() == []
    assert report["measurands"] == report["sample_interval"] == "already so"


async def test_a_mere_reconnect_asks_for_statuses_only(
    charge_point: ScriptedChargePoint,
) -> None:
    await boot(charge_point)
    charge_point.has_statuses = False
    changes = charge_point.changes
    report = await boot(charge_point, booted=False)
    assert [action for action, _ in charge_point.calls] == ["TriggerMessage"] * 2
    assert report["configuration"] == "known"
    assert charge_point.changes == changes
    await boot(charge_point, booted=False)
    assert charge_point.triggers() == [("MeterValues", 0)]


async def test_what_is_known_outlives_a_restart(
    charge_point: ScriptedChargePoint,
) -> None:
    charge_point.accepts = lambda measurands: "SoC" not in measurands
    await boot(charge_point)
    stored = charge_point.configuration.to_dict()
    charge_point.configuration = Configuration.from_dict(stored)
    await boot(charge_point, booted=False)
    assert not charge_point.reads()
    assert not charge_point.writes()
    await boot(charge_point)
    assert not charge_point.writes()


async def test_a_charge_point_that_lost_its_settings_gets_them_again(
    charge_point: ScriptedChargePoint,
) -> None:
    await boot(charge_point)
    charge_point.values = dict(DEFAULTS)
    await boot(charge_point)
    assert len(charge_point.writes()) == 4


async def test_another_firmware_is_another_charge_point(
    charge_point: ScriptedChargePoint,
) -> None:
    charge_point.accepts = lambda measurands: "SoC" not in measurands
    await boot(charge_point)
    charge_point.accepts = lambda measurands: True
    await boot(charge_point)
    assert "SoC" not in measurands_of(charge_point)
    charge_point.identity = replace(charge_point.identity, firmware_version="2.0")
    await boot(charge_point, booted=False)
    assert charge_point.reads() == [None]
    assert "SoC" in measurands_of(charge_point)


async def test_nothing_is_written_if_that_is_not_wanted(
    charge_point: ScriptedChargePoint,
) -> None:
    charge_point.config = replace(charge_point.config, configure=False)
    report = await boot(charge_point)
    assert not charge_point.writes()
    assert report["measurands"] == report["heartbeat_interval"] == "not allowed"
    assert charge_point.triggers()


async def test_zero_leaves_it_as_it_is(charge_point: ScriptedChargePoint) -> None:
    charge_point.config = replace(
        charge_point.config,
        sample_interval=0,
        clock_aligned_interval=0,
        heartbeat_interval=0,
    )
    await boot(charge_point)
    assert [key for key, _ in charge_point.writes()] == [MEASURANDS]


@pytest.mark.parametrize("is_known", [True, False])
async def test_the_ping_interval_only_if_there_is_one(
    charge_point: ScriptedChargePoint, is_known: bool
) -> None:
    charge_point.config = replace(charge_point.config, websocket_ping_interval=60)
    if is_known:
        charge_point.values["WebSocketPingInterval"] = "0"
    report = await boot(charge_point)
    is_written = ("WebSocketPingInterval", "60") in charge_point.writes()
    assert is_written is is_known
    assert (report["websocket_ping_interval"] == "unknown key") is not is_known


async def test_read_only_and_unknown_keys_are_not_written(
    charge_point: ScriptedChargePoint,
) -> None:
    charge_point.read_only |= {"ClockAlignedDataInterval", MEASURANDS}
    del charge_point.values["MeterValueSampleInterval"]
    report = await boot(charge_point)
    assert charge_point.reads() == [None, ["MeterValueSampleInterval"]]
    assert [key for key, _ in charge_point.writes()] == ["HeartbeatInterval"]
    assert report["measurands"] == report["clock_aligned_interval"] == "read only"
    assert report["sample_interval"] == "unknown key"
    await boot(charge_point)
    assert charge_point.reads() == [None]


async def test_a_refusal_is_not_tried_again_before_the_next_start(
    charge_point: ScriptedChargePoint,
) -> None:
    charge_point.write_status["HeartbeatInterval"] = "Rejected"
    report = await boot(charge_point)
    assert report["heartbeat_interval"] == "rejected"
    report = await boot(charge_point, booted=False)
    assert not charge_point.writes()
    assert report["heartbeat_interval"] == "refused before"
    await boot(charge_point)
    assert charge_point.writes() == [("HeartbeatInterval", "300")]


async def test_reboot_required_is_enough(charge_point: ScriptedChargePoint) -> None:
    charge_point.write_status = dict.fromkeys(DEFAULTS, "RebootRequired")
    report = await boot(charge_point)
    assert report["measurands"] == report["sample_interval"] == "reboot required"
    assert len(charge_point.writes()) == 4
    await boot(charge_point)
    assert not charge_point.writes()


# Reading


async def test_keys_by_name_where_not_all_can_be_read(
    charge_point: ScriptedChargePoint,
) -> None:
    charge_point.values["GetConfigurationMaxKeys"] = "4"
    charge_point.max_keys = 4

    def intercept(action: str, payload: dict[str, Any]) -> None:
        if action == "GetConfiguration" and "key" not in payload:
            raise refused(action)

    charge_point.intercept = intercept
    await boot(charge_point)
    reads = charge_point.reads()
    assert reads[:2] == [None, ["GetConfigurationMaxKeys"]]
    assert max(len(it) for it in reads[2:] if it) == 4
    assert len(charge_point.writes()) == 4


async def test_keys_one_by_one_where_several_are_refused(
    charge_point: ScriptedChargePoint,
) -> None:
    def intercept(action: str, payload: dict[str, Any]) -> None:
        if action == "GetConfiguration" and len(payload.get("key", ())) != 1:
            raise refused(action)

    charge_point.intercept = intercept
    await boot(charge_point)
    assert len(charge_point.writes()) == 4
    assert len(charge_point.calls) < MAX_CALLS / 2


@pytest.mark.parametrize("answer", [{}, {"configurationKey": None}])
async def test_a_charge_point_that_lists_nothing(
    charge_point: ScriptedChargePoint, answer: dict[str, Any]
) -> None:
    def intercept(action: str, payload: dict[str, Any]) -> Any:
        return answer if action == "GetConfiguration" else None

    charge_point.intercept = intercept
    report = await boot(charge_point)
    # Then they are written blindly.
    assert len(charge_point.writes()) == 4
    assert report["connectors"] == "unknown"
    assert charge_point.triggers() == [("StatusNotification", 0), ("MeterValues", 0)]


async def test_a_charge_point_that_cannot_be_read(
    charge_point: ScriptedChargePoint,
) -> None:
    fails(charge_point, refused("GetConfiguration"), "GetConfiguration")
    report = await boot(charge_point)
    assert len(charge_point.reads()) < 8
    assert report["configuration"] == "refused PropertyConstraintViolation"
    assert not charge_point.configuration.unknown
    assert len(charge_point.writes()) == 4


async def test_quirk_one_key_at_a_time(charge_point: ScriptedChargePoint) -> None:
    await boot(charge_point, Quirk.ONE_KEY_AT_A_TIME)
    assert all(it is not None and len(it) == 1 for it in charge_point.reads())
    assert len(charge_point.writes()) == 4
    await boot(charge_point, Quirk.ONE_KEY_AT_A_TIME)
    # What it does not know need not be asked for again.
    assert {key for it in charge_point.reads() for key in it or ()} == set(DEFAULTS)


async def test_quirk_listed_keys_only(charge_point: ScriptedChargePoint) -> None:
    del charge_point.values[MEASURANDS]
    await boot(charge_point, Quirk.LISTED_KEYS_ONLY)
    assert charge_point.reads() == [None]
    assert MEASURANDS not in dict(charge_point.writes())
    fails(charge_point, refused("GetConfiguration"), "GetConfiguration")
    report = await boot(charge_point, Quirk.LISTED_KEYS_ONLY)
    assert charge_point.reads() == [None]
    assert report["configuration"] == "refused PropertyConstraintViolation"


async def test_quirk_unread_configuration(charge_point: ScriptedChargePoint) -> None:
    await boot(charge_point, Quirk.UNREAD_CONFIGURATION)
    assert not charge_point.reads()
    assert len(charge_point.writes()) == 4
    await boot(charge_point, Quirk.UNREAD_CONFIGURATION)
    assert not charge_point.writes()


async def test_quirk_safe_measurands_are_never_read_back(
    charge_point: ScriptedChargePoint,
) -> None:
    for _ in range(2):
        await boot(charge_point, Quirk.SAFE_MEASURANDS)
        for keys in charge_point.reads():
            assert keys is not None
            assert MEASURANDS not in keys
    assert not charge_point.writes()
    safe = adjustments([Quirk.SAFE_MEASURANDS]).measurands
    assert tuple(measurands_of(charge_point)) == safe
    charge_point.config = replace(charge_point.config, measurands=("Voltage", "SoC"))
    await boot(charge_point, Quirk.SAFE_MEASURANDS, booted=False)
    assert measurands_of(charge_point) == ["Voltage"]
    charge_point.config = replace(charge_point.config, measurands=("SoC",))
    report = await boot(charge_point, Quirk.SAFE_MEASURANDS, booted=False)
    assert report["measurands"] == "none is possible"


async def test_quirk_reset_heartbeat(charge_point: ScriptedChargePoint) -> None:
    values = []
    for booted in (True, True, False, True, False):
        await boot(charge_point, Quirk.RESET_HEARTBEAT, booted=booted)
        values.append(dict(charge_point.writes()).get("HeartbeatInterval"))
    assert values == ["300", "301", None, "300", None]


async def test_quirk_no_triggers(charge_point: ScriptedChargePoint) -> None:
    charge_point.identity = Identity()
    report = await boot(charge_point, Quirk.NO_TRIGGERS)
    assert not charge_point.triggers()
    assert report["identity"] == report["statuses"] == "left out"


async def test_quirk_gentle_start(
    charge_point: ScriptedChargePoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    real = asyncio.sleep

    async def sleep(delay: float) -> None:
        slept.append(delay)
        await real(0)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    charge_point.adjustments = adjustments([Quirk.GENTLE_START])
    await start_up_of(charge_point).run(booted=True)
    assert slept[0] == charge_point.adjustments.boot_delay > 5
    pauses = slept.count(charge_point.adjustments.call_pause)
    assert pauses == len(charge_point.calls) - 1


# Measurands


async def test_what_it_sends_already_is_kept(
    charge_point: ScriptedChargePoint,
) -> None:
    charge_point.values[MEASURANDS] = "Frequency,Current.Import.L1,Current.Import.L2"
    await boot(charge_point)
    measurands = measurands_of(charge_point)
    assert {"Frequency", "Current.Import.L1", "Current.Import.L2"} < set(measurands)
    assert "Current.Import" not in measurands
    await boot(charge_point)
    assert not charge_point.writes()


async def test_more_than_enough_is_left_alone(
    charge_point: ScriptedChargePoint,
) -> None:
    charge_point.values[MEASURANDS] = ", ".join([*AUTOMATIC[::-1], "Frequency"]).lower()
    await boot(charge_point)
    assert MEASURANDS not in dict(charge_point.writes())


async def test_the_user_gets_what_was_chosen(
    charge_point: ScriptedChargePoint,
) -> None:
    charge_point.values[MEASURANDS] = ",".join(AUTOMATIC)
    chosen = ("Voltage", "Frequency")
    charge_point.config = replace(charge_point.config, measurands=chosen)
    await boot(charge_point)
    assert measurands_of(charge_point) == ["Voltage", "Frequency"]
    # And less than it sent, if that is all it accepts.
    charge_point.values[MEASURANDS] = "SoC,Voltage"
    charge_point.accepts = lambda measurands: "Frequency" not in measurands
    charge_point.configuration = Configuration()
    report = await boot(charge_point)
    assert measurands_of(charge_point) == ["Voltage"]
    assert report["measurands"] == "1 of 2 accepted"


async def test_as_many_as_it_says(charge_point: ScriptedChargePoint) -> None:
    charge_point.values["MeterValuesSampledDataMaxLength"] = "3"
    charge_point.accepts = lambda measurands: len(measurands) <= 3
    await boot(charge_point)
    assert tuple(measurands_of(charge_point)) == AUTOMATIC[:3]
    assert [key for key, _ in charge_point.writes()].count(MEASURANDS) == 1


async def test_as_many_as_it_takes(charge_point: ScriptedChargePoint) -> None:
    charge_point.accepts = lambda measurands: len(measurands) <= 3
    report = await boot(charge_point)
    assert tuple(measurands_of(charge_point)) == AUTOMATIC[:3]
    assert report["measurands"] == "3 of 8 accepted"
    charge_point.values[MEASURANDS] = AUTOMATIC[0]
    await boot(charge_point)
    assert charge_point.writes() == [(MEASURANDS, ",".join(AUTOMATIC[:3]))]


async def test_those_it_says_it_supports(charge_point: ScriptedChargePoint) -> None:
    supported = ["Current.Import.L1", "Current.Import.L2", "Voltage.L1-N", "RPM"]
    charge_point.values["evb_SupportedMeasurands"] = ",".join(supported)
    await boot(charge_point)
    assert measurands_of(charge_point) == supported[:3]
    charge_point.config = replace(charge_point.config, measurands=("RPM", "SoC"))
    await boot(charge_point, booted=False)
    assert measurands_of(charge_point) == ["RPM"]


async def test_phase_by_phase(charge_point: ScriptedChargePoint) -> None:
    await boot(charge_point, Quirk.PHASE_MEASURANDS)
    measurands = measurands_of(charge_point)
    assert len(measurands) == 9
    assert {"Current.Import.L1", "Voltage.L3-N"} < set(measurands)
    charge_point.config = replace(charge_point.config, measurands=("Current.Import",))
    await boot(charge_point, Quirk.PHASE_MEASURANDS, booted=False)
    assert measurands_of(charge_point) == [f"Current.Import.L{it}" for it in (1, 2, 3)]


async def test_all_refused(charge_point: ScriptedChargePoint) -> None:
    charge_point.accepts = lambda measurands: False
    charge_point.values[MEASURANDS] = "RPM"
    report = await boot(charge_point)
    assert report["measurands"] == "0 of 9 accepted"
    assert measurands_of(charge_point) == ["RPM"]
    charge_point.values[MEASURANDS] = ""
    charge_point.configuration = Configuration()
    report = await boot(charge_point)
    assert report["measurands"] == "0 of 8 accepted"
    attempts = [key for key, _ in charge_point.writes()].count(MEASURANDS)
    assert attempts < 9
    # Once more after each start, as it may have been busy; not after a reconnect.
    report = await boot(charge_point)
    assert [key for key, _ in charge_point.writes()] == [MEASURANDS]
    assert report["measurands"] == "refused again"
    report = await boot(charge_point, booted=False)
    assert not charge_point.writes()
    assert report["measurands"] == "refused before"
    charge_point.accepts = lambda measurands: True
    await boot(charge_point)
    assert tuple(measurands_of(charge_point)) == AUTOMATIC


async def test_quirk_keep_measurands(charge_point: ScriptedChargePoint) -> None:
    await boot(charge_point, Quirk.KEEP_MEASURANDS)
    assert MEASURANDS not in dict(charge_point.writes())


async def test_a_list_it_does_not_keep_is_left_alone_after_a_while(
    charge_point: ScriptedChargePoint,
) -> None:
    start_up = start_up_of(charge_point)
    for _ in range(3):
        await start_up.run(booted=True)
        charge_point.values = dict(DEFAULTS)
        charge_point.configuration.read_with = None
    writes = len(charge_point.writes())
    assert writes == 12
    await start_up.run(booted=True)
    assert len(charge_point.writes()) == writes
    assert start_up.report["measurands"] == "left alone, it does not keep it"
    assert start_up.report["sample_interval"] == "left alone, it does not keep it"


# Triggers


async def test_no_triggers_without_the_profile(
    charge_point: ScriptedChargePoint,
) -> None:
    charge_point.values["SupportedFeatureProfiles"] = "Core,FirmwareManagement"
    report = await boot(charge_point)
    assert not charge_point.triggers()
    assert report["statuses"] == report["meter_values"] == "not supported"


@pytest.mark.parametrize("error", [None, refused("TriggerMessage")])
async def test_statuses_of_each_connector_where_need_be(
    charge_point: ScriptedChargePoint, error: CallFailed | None
) -> None:
    def intercept(action: str, payload: dict[str, Any]) -> Any:
        if action != "TriggerMessage" or "connectorId" in payload:
            return None
        if error:
            raise error
        return {"status": "Rejected"}

    charge_point.intercept = intercept
    charge_point.statuses_come = False
    await boot(charge_point)
    assert charge_point.triggers() == [
        *(("StatusNotification", connector) for connector in (0, 1, 2)),
        *(("MeterValues", connector) for connector in (0, 1, 2)),
    ]


async def test_statuses_that_were_promised_and_do_not_come(
    charge_point: ScriptedChargePoint,
) -> None:
    charge_point.statuses_come = False
    await boot(charge_point)
    assert charge_point.triggers() == [
        *(("StatusNotification", connector) for connector in (0, 1, 2)),
        ("MeterValues", 0),
    ]


@pytest.mark.parametrize("status", ["Rejected", "NotImplemented"])
async def test_who_refuses_triggers_is_not_asked_often(
    charge_point: ScriptedChargePoint, status: str
) -> None:
    charge_point.values["NumberOfConnectors"] = "30"
    charge_point.trigger_status = status
    charge_point.statuses_come = False
    report = await boot(charge_point)
    assert len(charge_point.triggers()) <= 6
    assert report["statuses"] == report["meter_values"] == status.lower()


async def test_triggers_that_are_not_there(charge_point: ScriptedChargePoint) -> None:
    fails(charge_point, refused("TriggerMessage", "NotSupported"), "TriggerMessage")
    report = await boot(charge_point)
    assert len(charge_point.triggers()) == 2
    assert report["statuses"] == "notimplemented"


@pytest.mark.parametrize("count", ["0", "-1", "33", "999999999999", "two", ""])
async def test_nonsense_connectors(
    charge_point: ScriptedChargePoint, count: str
) -> None:
    charge_point.values["NumberOfConnectors"] = count
    report = await boot(charge_point)
    assert report["connectors"] == "unknown"
    assert charge_point.connector_ids == []


# Who it is


async def test_who_it_is_comes_before_all_else(
    charge_point: ScriptedChargePoint,
) -> None:
    identity, charge_point.identity = charge_point.identity, Identity()
    start_up = start_up_of(charge_point)

    async def reboot(action: str, payload: dict[str, Any]) -> None:
        if payload.get("requestedMessage") == "BootNotification":
            charge_point.identity = identity
            await start_up.run(booted=True)

    charge_point.intercept = reboot
    await start_up.run(booted=False)
    assert charge_point.calls[0][1] == {"requestedMessage": "BootNotification"}
    assert charge_point.triggers().count(("BootNotification", 0)) == 1
    assert charge_point.reads() == [None]
    assert start_up.report["identity"] == "known"


@pytest.mark.parametrize("says", [True, False])
async def test_one_that_never_says_who_it_is(
    charge_point: ScriptedChargePoint, says: bool
) -> None:
    charge_point.identity = Identity()
    start_up = start_up_of(charge_point)

    async def reboot(action: str, payload: dict[str, Any]) -> None:
        if says and payload.get("requestedMessage") == "BootNotification":
            await start_up.run(booted=True)

    charge_point.intercept = reboot
    async with asyncio.timeout(5):
        await start_up.run(booted=False)
    assert charge_point.triggers().count(("BootNotification", 0)) == 1
    assert charge_point.reads() == [None]
    assert len(charge_point.writes()) == 4


# Failures


@pytest.mark.parametrize(
    "error",
    [
        failed(CallReason.TIMEOUT),
        failed(CallReason.INVALID),
        failed(CallReason.BUSY),
        refused("x"),
        refused("x", "InternalError"),
    ],
)
@pytest.mark.parametrize(
    ("what", "step"),
    [
        ("GetConfiguration", "configuration"),
        (MEASURANDS, "measurands"),
        ("MeterValueSampleInterval", "sample_interval"),
        ("ClockAlignedDataInterval", "clock_aligned_interval"),
        ("HeartbeatInterval", "heartbeat_interval"),
        ("StatusNotification", "statuses"),
        ("MeterValues", "meter_values"),
    ],
)
async def test_each_step_fails_alone(
    charge_point: ScriptedChargePoint, error: CallFailed, what: str, step: str
) -> None:
    well = await boot(ScriptedChargePoint())
    fails(charge_point, error, what)
    report = await boot(charge_point)
    assert report[step] != well[step]
    touched = {step, "connectors"} if step == "configuration" else {step}
    assert {name for name in STEPS if report[name] != well[name]} <= touched
    # And it is tried again, after the next start at the latest.
    charge_point.intercept = lambda action, payload: None
    await boot(charge_point)
    assert charge_point.values[MEASURANDS] == ",".join(AUTOMATIC)
    assert charge_point.values["HeartbeatInterval"] == "300"
    assert charge_point.values["MeterValueSampleInterval"] == "30"
    assert charge_point.values["ClockAlignedDataInterval"] == "900"


@pytest.mark.parametrize("reason", [CallReason.CLOSED, CallReason.NOT_CONNECTED])
async def test_it_ends_with_the_connection(
    charge_point: ScriptedChargePoint, reason: CallReason
) -> None:
    fails(charge_point, failed(reason), "MeterValueSampleInterval")
    report = await boot(charge_point)
    assert report["sample_interval"] == reason
    assert charge_point.writes()[-1][0] == "MeterValueSampleInterval"
    assert report["meter_values"] == "left out"


async def test_who_answers_nothing_is_left_in_peace(
    charge_point: ScriptedChargePoint,
) -> None:
    def intercept(action: str, payload: dict[str, Any]) -> None:
        raise failed(CallReason.TIMEOUT)

    charge_point.intercept = intercept
    report = await boot(charge_point)
    assert len(charge_point.calls) == MAX_TIMEOUTS
    assert report["meter_values"] == "left out"


async def test_a_fault_of_ours_is_no_secret_and_no_end(
    charge_point: ScriptedChargePoint,
) -> None:
    def intercept(action: str, payload: dict[str, Any]) -> None:
        raise ZeroDivisionError

    charge_point.intercept = intercept
    start_up = start_up_of(charge_point)
    with pytest.raises(ZeroDivisionError):
        await start_up.run(booted=True)
    assert not start_up.running
    charge_point.intercept = lambda action, payload: None
    await start_up.run(booted=True)
    assert start_up.report["configuration"] == "6 keys"


# Charge points that do not survive a question


async def crash_loop(
    charge_point: ScriptedChargePoint,
    is_fatal: Callable[[str, dict[str, Any]], bool],
    reason: CallReason,
) -> int:
    """Start a charge point up as often as it restarts; return how often that was."""
    start_up = start_up_of(charge_point)
    for boots in range(1, 20):
        crashed = False

        def intercept(action: str, payload: dict[str, Any]) -> None:
            nonlocal crashed
            if crashed or is_fatal(action, payload):
                crashed = True
                raise failed(reason, action)

        charge_point.intercept = intercept
        await start_up.run(booted=True)
        if not crashed:
            return boots
        # As it would be after a restart of Home Assistant meanwhile.
        stored = charge_point.configuration.to_dict()
        charge_point.configuration = Configuration.from_dict(stored)
    raise AssertionError("it restarts for ever")


@pytest.mark.parametrize("reason", [CallReason.CLOSED, CallReason.TIMEOUT])
async def test_a_question_that_makes_it_restart_is_not_asked_for_ever(
    charge_point: ScriptedChargePoint, reason: CallReason
) -> None:
    boots = await crash_loop(
        charge_point, lambda action, it: action == "GetConfiguration", reason
    )
    assert boots <= 3
    assert len(charge_point.writes()) >= 4


@pytest.mark.parametrize("reason", [CallReason.CLOSED, CallReason.TIMEOUT])
async def test_reading_is_done_gently_when_it_went_wrong(
    charge_point: ScriptedChargePoint, reason: CallReason
) -> None:
    boots = await crash_loop(
        charge_point,
        lambda action, it: action == "GetConfiguration" and len(it.get("key", ())) != 1,
        reason,
    )
    assert boots == 2
    assert charge_point.configuration.text("HeartbeatInterval") == "300"
    # And it stays so.
    report = await boot(charge_point)
    assert None not in charge_point.reads()
    assert report["configuration"] == "6 keys"


@pytest.mark.parametrize("reason", [CallReason.CLOSED, CallReason.TIMEOUT])
@pytest.mark.parametrize("key", [MEASURANDS, "ClockAlignedDataInterval"])
async def test_a_write_that_makes_it_restart_is_left_out(
    charge_point: ScriptedChargePoint, key: str, reason: CallReason
) -> None:
    boots = await crash_loop(
        charge_point, lambda action, it: it.get("key") == key, reason
    )
    assert boots <= 3
    assert charge_point.values["HeartbeatInterval"] == "300"


async def test_a_day_later_it_is_tried_again(
    charge_point: ScriptedChargePoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    await crash_loop(
        charge_point, lambda action, it: it.get("key") == MEASURANDS, CallReason.CLOSED
    )
    charge_point.intercept = lambda action, payload: None
    report = await boot(charge_point)
    assert report["measurands"] == "left out, the connection was lost in it"
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 90_000)
    await boot(charge_point)
    assert tuple(measurands_of(charge_point)) == AUTOMATIC
    assert not charge_point.configuration.losses


async def test_one_that_restarts_after_it_was_read_is_read_no_more(
    charge_point: ScriptedChargePoint,
) -> None:
    start_up = start_up_of(charge_point)
    for _ in range(6):
        await start_up.run(booted=True)
    assert len(charge_point.reads()) == 3


async def test_a_loss_that_is_told_by_who_ends_it(
    charge_point: ScriptedChargePoint,
) -> None:
    hangs = asyncio.Event()

    async def hang(action: str, payload: dict[str, Any]) -> None:
        if payload.get("key") == MEASURANDS:
            hangs.set()
            await asyncio.Event().wait()

    charge_point.intercept = hang
    start_up = start_up_of(charge_point)
    for _ in range(2):
        hangs.clear()
        run = asyncio.create_task(start_up.run(booted=True))
        await hangs.wait()
        start_up.cancel(lost=True)
        assert not start_up.running
        with pytest.raises(asyncio.CancelledError):
            await run
    assert charge_point.configuration.losses["measurands"][0] == 2
    await start_up.run(booted=True)
    assert start_up.report["measurands"].startswith("left out")
    start_up.cancel(lost=True)
    assert charge_point.configuration.losses["measurands"][0] == 2


# What the user left


async def test_it_is_as_the_user_left_it_once_its_statuses_are_known(
    charge_point: ScriptedChargePoint,
) -> None:
    async def step() -> str:
        assert ("StatusNotification", 0) in charge_point.triggers()
        await charge_point.call(
            "ChangeAvailability", {"connectorId": 1, "type": "Inoperative"}
        )
        return "1 changed"

    charge_point.intercept = lambda action, _: (
        {"status": "Accepted"} if action == "ChangeAvailability" else None
    )
    charge_point.further["availability"] = step
    report = await boot(charge_point)
    assert report["availability"] == "1 changed"
    names = list(report)
    assert names.index("statuses") + 1 == names.index("availability")
    assert names[-1] == "meter_values"


async def test_what_the_user_left_may_be_impossible_now(
    charge_point: ScriptedChargePoint,
) -> None:
    async def step() -> str:
        raise NotAccepted("SetChargingProfile", "Rejected", "X" * 500)

    charge_point.further["limits"] = step
    report = await boot(charge_point)
    assert report["limits"].startswith("SetChargingProfile: Rejected")
    assert len(report["limits"]) <= 100
    assert report["meter_values"] == "accepted"
    assert not charge_point.configuration.losses


@pytest.mark.parametrize("reason", [CallReason.CLOSED, CallReason.TIMEOUT])
async def test_what_the_user_left_costs_the_connection(
    charge_point: ScriptedChargePoint, reason: CallReason
) -> None:
    async def step() -> str:
        charge_point.asked += 1
        raise failed(reason, "SetChargingProfile")

    charge_point.further["limits"] = step
    for _ in range(2):
        start_up = start_up_of(charge_point)
        await start_up.run(booted=True)
        assert start_up.report["limits"] == reason
        if reason is CallReason.TIMEOUT:
            # What comes after it had an answer.
            assert not charge_point.configuration.losses
            return
    report = await boot(charge_point)
    assert report["limits"].startswith("left out")


async def test_a_step_without_a_question_says_nothing_of_the_connection(
    charge_point: ScriptedChargePoint,
) -> None:
    async def step() -> str:
        return "none"

    fails(charge_point, failed(CallReason.TIMEOUT), "TriggerMessage")
    charge_point.further["limits"] = step
    start_up = start_up_of(charge_point)
    await start_up.run(booted=True)
    start_up.cancel(lost=True)
    assert set(charge_point.configuration.losses) == {"statuses"}


# Never twice at once


async def test_requests_meanwhile_are_one_more_run(
    charge_point: ScriptedChargePoint,
) -> None:
    start_up = start_up_of(charge_point)
    asked = 0

    async def again(action: str, payload: dict[str, Any]) -> None:
        nonlocal asked
        if payload.get("requestedMessage") == "MeterValues" and asked < 3:
            for _ in range(3):
                asked += 1
                await start_up.run(booted=True)

    charge_point.intercept = again
    await asyncio.gather(*(start_up.run(booted=True) for _ in range(4)))
    assert asked == 3
    assert charge_point.most_concurrent == 1
    assert charge_point.reads() == [None, None]
    assert not start_up.running


async def test_a_start_amid_the_sequence_begins_it_anew(
    charge_point: ScriptedChargePoint,
) -> None:
    start_up = start_up_of(charge_point)
    booted = False

    async def reboot(action: str, payload: dict[str, Any]) -> None:
        nonlocal booted
        if action == "ChangeConfiguration" and not booted:
            booted = True
            await start_up.run(booted=True)

    charge_point.intercept = reboot
    await start_up.run(booted=False)
    assert charge_point.reads() == [None, None]
    assert charge_point.triggers() == [("StatusNotification", 0), ("MeterValues", 0)]


async def test_one_that_starts_all_the_time_is_set_up_nevertheless(
    charge_point: ScriptedChargePoint,
) -> None:
    start_up = start_up_of(charge_point)

    async def reboot(action: str, payload: dict[str, Any]) -> None:
        if len(charge_point.calls) < 100:
            await start_up.run(booted=True)

    charge_point.intercept = reboot
    async with asyncio.timeout(5):
        await start_up.run(booted=True)
    assert charge_point.values["HeartbeatInterval"] == "300"
    assert charge_point.triggers()
    assert len(charge_point.calls) < 100 + MAX_CALLS


async def test_other_options_amid_the_sequence_are_one_more_run(
    charge_point: ScriptedChargePoint,
) -> None:
    start_up = start_up_of(charge_point)

    async def change(action: str, payload: dict[str, Any]) -> None:
        if payload.get("key") == "HeartbeatInterval":
            charge_point.config = replace(charge_point.config, sample_interval=5)
            await start_up.run(booted=False)

    charge_point.intercept = change
    await start_up.run(booted=True)
    assert charge_point.values["MeterValueSampleInterval"] == "5"
    assert charge_point.reads() == [None]
    assert [message for message, _ in charge_point.triggers()] == [
        "StatusNotification",
        "MeterValues",
        "MeterValues",
    ]


async def test_one_that_is_cancelled_is_followed_by_a_new_one(
    charge_point: ScriptedChargePoint,
) -> None:
    hangs = asyncio.Event()

    async def hang(action: str, payload: dict[str, Any]) -> None:
        if not hangs.is_set():
            hangs.set()
            await asyncio.Event().wait()

    charge_point.intercept = hang
    start_up = start_up_of(charge_point)
    first = asyncio.create_task(start_up.run(booted=True))
    await hangs.wait()
    await start_up.run(booted=True)
    start_up.cancel()
    await start_up.run(booted=True)
    assert start_up.report["meter_values"] == "accepted"
    with pytest.raises(asyncio.CancelledError):
        await first
    assert not charge_point.configuration.losses
    assert not start_up.running
    start_up.cancel()


# Whatever it does


ACTIONS = ("GetConfiguration", "ChangeConfiguration", "TriggerMessage")
OUTCOMES = st.sampled_from(
    [None, None, None, *(reason.value for reason in CallReason), "{}", "Rejected"]
)
VALUES = st.fixed_dictionaries(
    {},
    optional={
        key: st.sampled_from(["", "0", "1", "3", "300", value, "nonsense", "-1"])
        for key, value in {
            **DEFAULTS,
            "GetConfigurationMaxKeys": "1",
            "MeterValuesSampledDataMaxLength": "2",
            "WebSocketPingInterval": "10",
        }.items()
    },
)


@settings(max_examples=150, deadline=None)
@given(
    values=VALUES,
    read_only=st.sets(st.sampled_from(list(DEFAULTS))),
    refused_measurands=st.sets(st.sampled_from([*AUTOMATIC, "Frequency"])),
    most=st.integers(0, 10),
    chosen=st.lists(st.sampled_from([*AUTOMATIC, "Frequency", "RPM"]), unique=True),
    outcomes=st.lists(OUTCOMES, max_size=40),
    quirks=st.sets(st.sampled_from(list(Quirk)), max_size=4),
    identified=st.booleans(),
)
@example(
    values={**DEFAULTS},
    read_only=set(),
    refused_measurands=set(AUTOMATIC[::2]),
    most=10,
    chosen=[],
    outcomes=[],
    quirks=set(),
    identified=True,
)
async def test_it_always_ends_well(
    *,
    values: dict[str, str],
    read_only: set[str],
    refused_measurands: set[str],
    most: int,
    chosen: list[str],
    outcomes: list[str | None],
    quirks: set[Quirk],
    identified: bool,
) -> None:
    charge_point = ScriptedChargePoint(values)
    charge_point.read_only = read_only
    charge_point.config = replace(
        charge_point.config, measurands=tuple(chosen), websocket_ping_interval=20
    )
    if not identified:
        charge_point.identity = Identity()
    accepted: list[list[str]] = []

    def accepts(measurands: list[str]) -> bool:
        result = len(measurands) <= most and not refused_measurands & set(measurands)
        if result:
            accepted.append(measurands)
        return result

    charge_point.accepts = accepts
    script = iter(outcomes)

    def intercept(action: str, payload: dict[str, Any]) -> Any:
        match next(script, None):
            case None:
                return None
            case "{}":
                return {"status": ""} if action != "GetConfiguration" else {}
            case "Rejected":
                return {"status": "Rejected"}
            case "refused":
                raise refused(action)
            case reason:
                raise failed(CallReason(reason), action)

    charge_point.intercept = intercept
    for booted in (True, False, True):
        report = await boot(charge_point, *quirks, booted=booted)
        assert tuple(report) == STEPS
        assert len(charge_point.calls) <= MAX_CALLS
        assert charge_point.most_concurrent == 1
        assert not {key for key, _ in charge_point.writes()} & {
            "SupportedFeatureProfiles",
            "NumberOfConnectors",
        }
    if accepted:
        assert charge_point.values[MEASURANDS].split(",") == accepted[-1]
    # Once nothing goes wrong any more, it comes to rest.
    charge_point.intercept = lambda action, payload: None
    charge_point.configuration.losses.clear()
    await boot(charge_point, *quirks)
    before = dict(charge_point.values)
    await boot(charge_point, *quirks, booted=False)
    assert not charge_point.writes()
    assert charge_point.values == before
    assert not charge_point.needless


@settings(max_examples=200, deadline=None)
@given(
    refused_measurands=st.sets(st.sampled_from(AUTOMATIC)),
    most=st.integers(0, 8),
    current=st.sets(st.sampled_from(AUTOMATIC)),
)
async def test_what_is_accepted_is_found(
    refused_measurands: set[str], most: int, current: set[str]
) -> None:
    charge_point = ScriptedChargePoint()
    current = set(sorted(current - refused_measurands)[:most])
    charge_point.values[MEASURANDS] = ",".join(sorted(current))
    charge_point.accepts = lambda measurands: (
        len(measurands) <= most and not refused_measurands & set(measurands)
    )
    await boot(charge_point)
    result = set(charge_point.values[MEASURANDS].split(",")) - {""}
    possible = len(set(AUTOMATIC) - refused_measurands)
    assert not result & refused_measurands
    assert result >= current
    # All there is, unless the first few are all refused.
    others = [it for it in AUTOMATIC if it not in current]
    is_hopeless = set(others[:3]) <= refused_measurands
    assert len(result) == min(most, possible) or is_hopeless
    attempts = [key for key, _ in charge_point.writes()].count(MEASURANDS)
    assert attempts <= 16
    await boot(charge_point)
    attempts = [key for key, _ in charge_point.writes()].count(MEASURANDS)
    assert attempts <= (0 if result > current else 1)
