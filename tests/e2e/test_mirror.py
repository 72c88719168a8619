"""The demo's OCPP hub from the side of an existing BEMCom stack, over the demo's broker."""

from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest

from demo.bemcom import BemcomApi
from demo.hubs import OCPP, pair_wallbox
from demo.start import WALLBOX

from .demo_process import DemoProcess
from .log_check import complaints
from .waits import entity_with, wait_for_state

STATION = f"{WALLBOX}__0"
CONNECTOR = f"{WALLBOX}__1"
STATUS = f"{CONNECTOR}__status"
CONTROL = f"{CONNECTOR}__charge_control"
LIMIT = f"{CONNECTOR}__charging_limit"
POWER = f"{CONNECTOR}__Power.Active.Import"
CURRENT = f"{CONNECTOR}__Current.Import"
OFFERED = f"{CONNECTOR}__Power.Offered"
PROFILE = "execute_send_charging_profile__"
TRIGGER = "execute_trigger_message__"

SENSORS = {STATUS, POWER, CURRENT, f"{STATION}__connected"} | {
    # as BEMCom's own OCPP connector calls them
    "BootNotification__charge_point_vendor",
    "StatusNotification__status",
    "Energy.Active.Import.Register__Wh",
}
ACTUATORS = {CONTROL, LIMIT, PROFILE, TRIGGER, f"{CONNECTOR}__clear_charging_limit"}


@pytest.fixture
async def stack(demo: DemoProcess) -> AsyncGenerator[BemcomApi]:
    """Return what knows what the demo's API knows, with a wallbox that tells its values."""
    await pair_wallbox(demo.api, WALLBOX)
    async with BemcomApi(OCPP, port=demo.mqtt_port, serves=False) as stack:
        await stack.wait(
            lambda: {*stack.map["actuator"].values()} >= ACTUATORS, within=60
        )
        interval = {"key": "MeterValueSampleInterval", "value": "2"}
        call = {"action": "ChangeConfiguration", "payload": interval}
        # The hub listens a moment after the map came.
        await stack.command(f"{STATION}__call", call, repeat_after=5)
        await stack.wait(lambda: stack.map["sensor"].keys() >= SENSORS, within=90)
        yield stack


async def done(stack: BemcomApi, key: str, value: Any) -> None:
    """Give a command that is carried out."""
    line = await stack.command(key, value)
    assert (line["msg"], line["level"]) == (f"{key}: Carried out", 20)


async def see(
    stack: BemcomApi, key: str, is_so: Callable[[Any], bool], within: float = 60
) -> None:
    """Return once a value is as it should be."""
    try:
        await stack.wait(
            lambda: key in stack.values and is_so(stack.values[key]["value"]), within
        )
    except TimeoutError:
        pytest.fail(f"{key} is {stack.values.get(key)}")


async def test_connector_is_as_bemcom_knows_it(
    demo: DemoProcess, stack: BemcomApi
) -> None:
    assert stack.available["sensor"].keys() >= SENSORS
    assert stack.available["actuator"].keys() >= ACTUATORS
    await stack.wait(lambda: stack.is_alive)
    span = "next_heartbeats_timestamp", "this_heartbeats_timestamp"
    assert stack.heartbeat[span[0]] - stack.heartbeat[span[1]] == 30_000
    await see(stack, f"{STATION}__connected", lambda it: it is True)
    vendor = "BootNotification__charge_point_vendor"
    await see(stack, vendor, lambda it: it == "BEMCom")
    # Both say the same of the wallbox, and Home Assistant too.
    await see(stack, "StatusNotification__status", lambda it: isinstance(it, str))
    status = await entity_with(demo, OCPP, "connector_1_status")
    await wait_for_state(demo, status, stack.values[STATUS]["value"])


async def test_charging_is_controlled_from_bemcom(
    demo: DemoProcess, stack: BemcomApi
) -> None:
    # Whoever charges with a card makes room.
    await done(stack, CONTROL, False)
    await see(stack, STATUS, lambda it: it == "available")

    await done(stack, CONTROL, True)
    await see(stack, STATUS, lambda it: it == "charging")
    await see(stack, CURRENT, lambda it: it > 8)
    before = stack.values[POWER]["value"]

    await done(stack, LIMIT, 6)
    await see(stack, CURRENT, lambda it: 5 < it < 6.5)
    await see(stack, POWER, lambda it: 0 < it < 0.8 * before)
    number = await entity_with(demo, OCPP, "connector_1_charging_limit", "number")
    await wait_for_state(demo, number, "6")

    await done(stack, f"{CONNECTOR}__clear_charging_limit", None)
    await see(stack, CURRENT, lambda it: it > 8)

    # What stacks with BEMCom's own OCPP connector send: watts, also as text.
    await done(stack, PROFILE, "3000")
    await see(stack, OFFERED, lambda it: 0 < it <= 3000)
    await done(stack, PROFILE, None)
    await see(stack, OFFERED, lambda it: it > 3000)

    await done(stack, CONTROL, False)
    await see(stack, STATUS, lambda it: it in {"finishing", "available"})
    assert complaints(demo.log()) == []


async def test_messages_are_triggered_from_bemcom(stack: BemcomApi) -> None:
    before = stack.values.get("Heartbeat", {}).get("timestamp", 0)
    await done(stack, TRIGGER, 3)
    await stack.wait(
        lambda: stack.values.get("Heartbeat", {}).get("timestamp", 0) > before
    )
    assert stack.values["Heartbeat"]["value"] == "alive"


async def test_command_that_makes_no_sense(stack: BemcomApi) -> None:
    line = await stack.command(TRIGGER, 9)
    assert line["level"] == 40
    assert line["msg"].startswith(f"{TRIGGER}: Not carried out: invalid_value")
    # It costs nothing else.
    await done(stack, TRIGGER, 5)


async def test_home_assistant_restarts(demo: DemoProcess, stack: BemcomApi) -> None:
    """The stack sees it go and come back, and needs to do nothing."""
    await stack.wait(lambda: stack.is_alive)
    known = dict(stack.map["actuator"])
    log = await demo.restart_home_assistant()
    assert complaints(log) == []
    await stack.wait(lambda: stack.is_alive)
    assert [line["msg"] for line in stack.logs if line["emitter"] == "run"] == [
        "Connector stopped.",
        "Connector online. Entering main loop.",
    ]
    assert known.items() <= stack.map["actuator"].items()
    await see(stack, f"{STATION}__connected", lambda it: it is True)
    await done(stack, TRIGGER, 3)
