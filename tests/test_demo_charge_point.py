"""The simulated wallbox, held against an independent central system."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
import signal
import sys
from typing import Any

from ocpp.v16 import call
import pytest

from demo.charge_point import ChargePoint
from demo.charging import Car
from demo.visits import Visits

from .stock_central import Central, stock_central

TICK = 0.02


def wallbox(central: Central, **options: Any) -> ChargePoint:
    """Return a quick one."""
    return ChargePoint(
        central.url,
        "BOX 1",
        tick=TICK,
        reboot_time=0.1,
        back_off=(0.05, 0.1),
        **options,
    )


@pytest.fixture
async def central(loopback: str) -> AsyncGenerator[Central]:
    """Return a central system that validates."""
    async with stock_central() as running:
        yield running
    assert running.errors == []


@pytest.fixture
async def box(central: Central) -> AsyncGenerator[ChargePoint]:
    """Return a wallbox that is registered."""
    async with wallbox(central) as running:
        await central.wait_for("BootNotification")
        await status(central, 0, "Available")
        await status(central, 2, "Available")
        yield running


async def status(central: Central, connector: int, expected: str) -> None:
    """Wait until a connector's status is told."""
    await central.wait_for(
        "StatusNotification",
        lambda it: (it["connector_id"], it["status"]) == (connector, expected),
    )


async def configure(central: Central, **values: str) -> list[str]:
    """Write settings, and return what the wallbox says to each."""
    return [
        (await central.call(call.ChangeConfiguration(key=key, value=value))).status
        for key, value in values.items()
    ]


def values_of(payload: dict[str, Any]) -> dict[str, float]:
    """Return the values of a message, by measurand and phase."""
    return {
        f"{it['measurand']} {it.get('phase', '')}".strip(): float(it["value"])
        for it in payload["meter_value"][0]["sampled_value"]
    }


async def test_a_session_from_plug_to_plug(central: Central, box: ChargePoint) -> None:
    assert await configure(
        central,
        MeterValueSampleInterval="1",
        MeterValuesSampledData="Energy.Active.Import.Register,Power.Active.Import,"
        "Current.Import,Voltage,SoC,Temperature,Frequency,Current.Offered,Power.Offered",
    ) == ["Accepted", "Accepted"]
    box.plug_in(1, Car(soc=50))
    await status(central, 1, "Preparing")
    assert await box.swipe(1, "TAG")
    assert (await central.wait_for("Authorize"))["id_tag"] == "TAG"
    start = await central.wait_for("StartTransaction")
    assert (start["connector_id"], start["meter_start"]) == (1, 0)
    await status(central, 1, "Charging")

    first = await central.wait_for("MeterValues")
    second = await central.wait_for("MeterValues")
    assert first["transaction_id"] == second["transaction_id"]
    before, after = values_of(first), values_of(second)
    assert 0 < before["Power.Active.Import"] < after["Power.Active.Import"]
    assert before["Power.Active.Import"] == pytest.approx(
        sum(before[f"Power.Active.Import L{phase}"] for phase in (1, 2, 3)), abs=3
    )
    key = "Energy.Active.Import.Register"
    assert 0 < before[key] < after[key]
    assert after["SoC"] == 50
    assert after["Voltage L1-N"] == pytest.approx(230, abs=5)
    assert after["Power.Offered"] == 16 * 230 * 3

    assert not await box.swipe(1, "OTHER")
    assert not await box.swipe(1, "tag")
    stop = await central.wait_for("StopTransaction")
    assert stop["transaction_id"] == first["transaction_id"]
    assert stop["meter_stop"] >= after[key] - 1
    assert stop["reason"] == "Local"
    assert [it["sampled_value"][0]["context"] for it in stop["transaction_data"]] == [
        "Transaction.Begin",
        "Transaction.End",
    ]
    await status(central, 1, "Finishing")
    box.unplug(1)
    await status(central, 1, "Available")


async def test_a_refused_tag_ends_its_session(
    central: Central, box: ChargePoint
) -> None:
    central.tag_status = "Blocked"
    box.plug_in(1)
    assert not await box.swipe(1, "TAG")
    box.begin_transaction(1, "TAG")
    assert (await central.wait_for("StopTransaction"))["reason"] == "DeAuthorized"


async def test_it_waits_until_it_is_accepted(central: Central) -> None:
    central.status, central.interval = "Pending", 1
    async with wallbox(central) as box:
        await central.wait_for("BootNotification")
        await central.wait_for("BootNotification")
        central.interval = 3_600
        await central.wait_for("BootNotification")
        # Held, it answers already; and a trigger is not waited out.
        assert (await central.call(call.GetConfiguration())).configuration_key
        central.status = "Accepted"
        box.plug_in(2)
        answer = await central.call(call.TriggerMessage("BootNotification"))
        assert answer.status == "Accepted"
        await central.wait_for("BootNotification")
        await status(central, 2, "Preparing")
        assert box.settings.number("HeartbeatInterval") == 3_600


async def test_it_has_a_heart(central: Central) -> None:
    central.interval = 1
    async with wallbox(central):
        await central.wait_for("Heartbeat")
        await central.wait_for("Heartbeat")


async def test_a_session_survives_a_central_system_that_is_away(
    loopback: str, box: ChargePoint, central: Central
) -> None:
    box.plug_in(1)
    await box.swipe(1, "TAG")
    await central.wait_for("StartTransaction")
    await configure(central, MeterValueSampleInterval="1")
    mine = (await central.wait_for("MeterValues"))["transaction_id"]

    await box.link.pull_cable()
    central.heard.clear()
    box.plug_in(2)
    assert await box.swipe(2, "OTHER")
    await asyncio.sleep(1.1)
    box.stop_transaction(2, "Local")
    box.link.plug_cable()
    # No word of a boot: it was none. What happened meanwhile comes in its order.
    await status(central, 2, "Preparing")
    await central.wait_for("StartTransaction", lambda it: it["connector_id"] == 2)
    await central.wait_for("StopTransaction", lambda it: it["id_tag"] == "OTHER")
    later = await central.wait_for("MeterValues", lambda it: it["connector_id"] == 1)
    assert later["transaction_id"] == mine
    assert box.link.dialled == 2


async def test_power_that_fails_ends_a_session(
    central: Central, tmp_path: Path
) -> None:
    memory = tmp_path / "folder" / "box.json"
    async with wallbox(central, memory=memory) as box:
        box.sockets[1].register_wh = 5_000
        box.plug_in(1)
        await central.wait_for("BootNotification")
        await box.swipe(1, "TAG")
        await central.wait_for("StartTransaction")
        await box.talk.all_said.wait()
        transaction = box.sockets[1].transaction
        assert transaction is not None
        number = transaction.id
    async with wallbox(central, memory=memory) as box:
        await central.wait_for("BootNotification")
        stop = await central.wait_for("StopTransaction")
        assert stop["transaction_id"] == number
        assert stop["reason"] == "PowerLoss"
        assert stop["meter_stop"] >= 5_000
        assert box.sockets[1].status == "Available"


async def test_it_can_be_started_and_stopped_from_afar(
    central: Central, box: ChargePoint
) -> None:
    request = call.RemoteStartTransaction(id_tag="APP", connector_id=2)
    assert (await central.call(request)).status == "Accepted"
    await status(central, 2, "Preparing")
    box.plug_in(2)
    await central.wait_for("StartTransaction")
    await status(central, 2, "Charging")
    assert (await central.call(request)).status == "Rejected"
    transaction = box.sockets[2].transaction
    assert transaction is not None
    assert transaction.id is not None
    answer = await central.call(call.RemoteStopTransaction(transaction_id=1))
    assert answer.status == "Rejected"
    answer = await central.call(call.RemoteStopTransaction(transaction.id))
    assert answer.status == "Accepted"
    assert (await central.wait_for("StopTransaction"))["reason"] == "Remote"

    await configure(central, ConnectionTimeOut="0", AuthorizeRemoteTxRequests="true")
    assert (
        await central.call(call.RemoteStartTransaction("APP", 1))
    ).status == "Accepted"
    await central.wait_for("Authorize")
    await status(central, 1, "Preparing")
    await status(central, 1, "Available")


@pytest.mark.parametrize(
    ("kind", "reason"), [("Soft", "SoftReset"), ("Hard", "HardReset")]
)
async def test_a_reset_boots_it(
    central: Central, box: ChargePoint, kind: str, reason: str
) -> None:
    box.plug_in(1)
    await box.swipe(1, "TAG")
    await central.wait_for("StartTransaction")
    assert (await central.call(call.Reset(type=kind))).status == "Accepted"
    if kind == "Soft":
        assert (await central.wait_for("StopTransaction"))["reason"] == reason
        await central.wait_for("BootNotification")
    else:
        await central.wait_for("BootNotification")
        assert (await central.wait_for("StopTransaction"))["reason"] == reason
    await status(central, 1, "Finishing")


async def test_it_goes_out_of_service(central: Central, box: ChargePoint) -> None:
    box.plug_in(1)
    await box.swipe(1, "TAG")
    await status(central, 1, "Charging")
    answer = await central.call(call.ChangeAvailability(1, "Inoperative"))
    assert answer.status == "Scheduled"
    answer = await central.call(call.ChangeAvailability(7, "Inoperative"))
    assert answer.status == "Rejected"
    answer = await central.call(call.UnlockConnector(1))
    assert answer.status == "Unlocked"
    assert (await central.wait_for("StopTransaction"))["reason"] == "UnlockCommand"
    await status(central, 1, "Unavailable")
    assert (await central.call(call.UnlockConnector(9))).status == "NotSupported"
    answer = await central.call(call.RemoteStartTransaction("APP", 1))
    assert answer.status == "Rejected"
    assert (
        await central.call(call.ChangeAvailability(0, "Operative"))
    ).status == "Accepted"
    await status(central, 1, "Finishing")


async def test_its_settings(central: Central, box: ChargePoint) -> None:
    assert await configure(
        central,
        MeterValueSampleInterval="-1",
        HeartbeatInterval="soon",
        NumberOfConnectors="4",
        Unheard="of",
        MeterValuesSampledData="Power.Active.Import,Power.Factor",
        LocalAuthorizeOffline="false",
        WebSocketPingInterval="1",
    ) == ["Rejected"] * 3 + ["NotSupported", "Rejected", "Accepted", "Accepted"]
    answer = await central.call(
        call.GetConfiguration(key=["NumberOfConnectors", "Unheard"])
    )
    assert answer.configuration_key == [
        {"key": "NumberOfConnectors", "readonly": True, "value": "2"}
    ]
    assert answer.unknown_key == ["Unheard"]


async def test_triggers(central: Central, box: ChargePoint) -> None:
    async def trigger(what: str, connector: int | None = None) -> str:
        request = call.TriggerMessage(what, connector_id=connector)
        return str((await central.call(request)).status)

    assert await trigger("MeterValues", 2) == "Accepted"
    values = await central.wait_for("MeterValues")
    assert values["connector_id"] == 2
    assert "transaction_id" not in values
    assert await trigger("StatusNotification") == "Accepted"
    for number in (0, 1, 2):
        await status(central, number, "Available")
    assert await trigger("Heartbeat") == "Accepted"
    await central.wait_for("Heartbeat")
    assert await trigger("StatusNotification", 3) == "Rejected"
    assert await trigger("FirmwareStatusNotification") == "NotImplemented"


async def test_clock_aligned_values(central: Central, box: ChargePoint) -> None:
    await configure(central, ClockAlignedDataInterval="1")
    came = await central.wait_for("MeterValues")
    assert came["meter_value"][0]["sampled_value"][0]["context"] == "Sample.Clock"


async def test_other_answers(central: Central, box: ChargePoint) -> None:
    assert (await central.call(call.ClearCache())).status == "Accepted"
    assert (await central.call(call.CancelReservation(1))).status == "Rejected"
    for vendor, message, expected in (
        ("acme", None, "UnknownVendorId"),
        ("bemcom", "dance", "UnknownMessageId"),
        ("bemcom", "echo", "Accepted"),
    ):
        answer = await central.call(call.DataTransfer(vendor, message, "hello"))
        assert answer.status == expected
    with pytest.raises(Exception, match="NotImplemented"):
        await central.call(call.GetLocalListVersion())


def profile(purpose: str, limit: float, **more: Any) -> dict[str, Any]:
    """Return a charging profile."""
    schedule: dict[str, Any] = {
        "charging_rate_unit": more.pop("unit", "A"),
        "charging_schedule_period": more.pop(
            "periods", [{"start_period": 0, "limit": limit}]
        ),
        **{key: more.pop(key) for key in ("duration", "start_schedule") if key in more},
    }
    return {
        "charging_profile_id": more.pop("number", 1),
        "stack_level": more.pop("stack", 0),
        "charging_profile_purpose": purpose,
        "charging_profile_kind": more.pop("kind", "Relative"),
        "charging_schedule": schedule,
        **more,
    }


async def test_charging_profiles_limit_it(central: Central, box: ChargePoint) -> None:
    async def limit(connector: int, **what: Any) -> str:
        request = call.SetChargingProfile(connector, profile(**what))
        return str((await central.call(request)).status)

    async def schedule(connector: int, unit: str = "A") -> list[tuple[int, float]]:
        request = call.GetCompositeSchedule(connector, 3_600, unit)
        periods = (await central.call(request)).charging_schedule[
            "charging_schedule_period"
        ]
        return [(int(it["start_period"]), float(it["limit"])) for it in periods]

    assert await limit(1, purpose="TxProfile", limit=8.0) == "Rejected"
    assert await limit(1, purpose="ChargePointMaxProfile", limit=8.0) == "Rejected"
    assert await limit(0, purpose="TxDefaultProfile", limit=10.0) == "Accepted"
    assert (
        await limit(
            1, purpose="TxDefaultProfile", limit=0, number=2, stack=1, duration=1_000,
            periods=[{"start_period": 0, "limit": 7.0}, {"start_period": 500, "limit": 9.0}],
        )
        == "Accepted"
    )  # fmt: skip
    assert await schedule(1) == [(0, 7.0), (500, 9.0), (1_000, 10.0)]
    assert await schedule(2) == [(0, 10.0)]
    assert await schedule(2, "W") == [(0, 6_900.0)]
    maximum = profile(
        "ChargePointMaxProfile", 5_520.0, number=3, unit="W", kind="Absolute",
        start_schedule="2026-01-01T00:00:00Z", valid_from="2026-01-01T00:00:00Z",
        valid_to="2099-01-01T00:00:00Z",
    )  # fmt: skip
    assert (
        await central.call(call.SetChargingProfile(0, maximum))
    ).status == "Accepted"
    assert await schedule(2) == [(0, 8.0)]

    box.plug_in(1)
    await box.swipe(1, "TAG")
    await status(central, 1, "Charging")
    assert await limit(1, purpose="TxProfile", limit=0.0, number=4) == "Accepted"
    await status(central, 1, "SuspendedEVSE")
    clear = call.ClearChargingProfile(id=4)
    assert (await central.call(clear)).status == "Accepted"
    assert (await central.call(clear)).status == "Unknown"
    await status(central, 1, "Charging")
    assert (await central.call(call.ClearChargingProfile())).status == "Accepted"
    assert await schedule(1) == [(0, 16.0)]


async def test_a_full_car_takes_no_more(central: Central, box: ChargePoint) -> None:
    box.plug_in(1, Car(soc=90, target=90))
    await box.swipe(1, "TAG")
    await status(central, 1, "SuspendedEV")
    assert box.sockets[1].power == 0


async def test_it_runs_alone_with_guests(central: Central) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "demo.wallbox", central.url, "--id", "ALONE"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(30):
        assert b"ALONE" in await process.stdout.readline()
        assert (await central.wait_for("StartTransaction"))["connector_id"] == 1
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0


async def test_guests_come_and_go(central: Central, box: ChargePoint) -> None:
    async with Visits(box, slowness=0.001):
        for _ in range(3):
            await central.wait_for("StartTransaction")
            await central.wait_for("StopTransaction")


async def test_guests_let_in_from_afar(central: Central, box: ChargePoint) -> None:
    async def stop() -> None:
        transaction = box.sockets[1].transaction
        assert transaction is not None
        await central.call(call.RemoteStopTransaction(transaction.id))

    async def start() -> None:
        await central.call(call.RemoteStartTransaction("APP", 1))
        # Nobody would come by themselves so soon.
        async with asyncio.timeout(2):
            await central.wait_for("StartTransaction", lambda it: it["id_tag"] == "APP")
            await status(central, 1, "Charging")

    async with Visits(box, slowness=0.05):
        await status(central, 1, "Charging")
        await stop()
        await status(central, 1, "Finishing")
        # The car is still there, and stays;
        await start()
        await stop()
        # another one comes.
        await status(central, 1, "Available")
        await start()
