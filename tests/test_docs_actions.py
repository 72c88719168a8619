"""The page about actions tells the truth: its examples are run in a real Home Assistant."""

import asyncio
from collections.abc import AsyncGenerator
import json
from pathlib import Path
import re
import time
from typing import Any

from aiohttp import web
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import yaml

from custom_components.bemcom_connectors.connector.model import LinkReason
from custom_components.bemcom_connectors.const import DOMAIN
from demo.hubs import ACTUATORS, METER, OCPP, SENSOR, SLICES
from demo.serial_device import SerialSensor
from demo.start import WALLBOX
from homeassistant.config_entries import ConfigSubentryData
from homeassistant.core import Context, HomeAssistant, ServiceCall, callback
from homeassistant.helpers import config_validation as cv, device_registry as dr
from homeassistant.helpers.script import Script, async_validate_actions_config
from homeassistant.helpers.template import Template
from homeassistant.setup import async_setup_component
from tests.device import HOST
from tests.hub import OPTIONS, hub_entry, serial_entry, set_up, state_of
from tests.ocpp.client import RawClient
from tests.ocpp_hub import (
    boot,
    charge_point_data,
    dialled_in,
    id_tag_data,
    ocpp_entry,
    start,
    status,
    stop,
)
from tests.pages import ENGLISH, read
from tests.source import PACKAGE, REPOSITORY

PAGE = read("actions.md")
# Those that control wallboxes are elsewhere, see test_docs_ocpp_control.py.
SERVICES = {
    name: texts
    for name, texts in ENGLISH["services"].items()
    if f"`bemcom_connectors.{name}`" not in read("ocpp_control.md")
}
FIELDS: dict[str, Any] = yaml.safe_load((PACKAGE / "services.yaml").read_text())
BLUEPRINTS = sorted(
    path
    for path in (REPOSITORY / "blueprints").rglob("*.yaml")
    if not path.stem.endswith("_charging")  # with the control of wallboxes
)
# In the example; the server of a test is elsewhere.
SERVER = "http://192.168.1.20"

_BLOCK = re.compile(r"^```(yaml|json)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def section(heading: str) -> str:
    """Return what is below a heading of the page."""
    return PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def blocks(heading: str) -> list[Any]:
    """Return the blocks below a heading: the example, and what comes of it."""
    return [yaml.safe_load(text) for _, text in _BLOCK.findall(section(heading))]


# The devices of the demo


class Meter:
    """A device behind a TCP hub: it pushes, and keeps the lines that it is sent."""

    def __init__(self) -> None:
        """Have none yet."""
        self.port = 0
        self.lines: asyncio.Queue[bytes] = asyncio.Queue()
        self.writer: asyncio.StreamWriter | None = None

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Push a reading, and read to the end."""
        self.writer = writer
        self.send({"power_w": 412.5})
        while line := await reader.readline():
            self.lines.put_nowait(line)
        writer.close()

    def send(self, message: Any) -> None:
        """Push a message."""
        assert self.writer is not None
        self.writer.write(json.dumps(message).encode() + b"\n")


@pytest.fixture
async def meter(hass: HomeAssistant, loopback: str) -> AsyncGenerator[Meter]:
    """Return a meter with its hub."""
    device = Meter()
    server = await asyncio.start_server(device.serve, HOST, 0)
    device.port = server.sockets[0].getsockname()[1]
    await set_up(hass, hub_entry(device.port, name=METER))
    await state_of(hass, "binary_sensor.demo_meter_connection", "on")
    yield device
    server.close()
    server.close_clients()
    await server.wait_closed()


def actuator(
    kind: str, what: dict[str, Any], template: str, reply: dict[str, Any]
) -> ConfigSubentryData:
    """Return one of the demo's actuators, as its dialog keeps it."""
    data = {**what, **reply, **reply.get("part", {}), "kind": kind}
    data |= {"encoding": "template", "reply_framing": "hub", "template": template}
    data.pop("part", None)
    return ConfigSubentryData(
        data=data,
        subentry_type="actuator",
        title=what["name"],
        unique_id=f"actuator {what['key']}",
    )


@pytest.fixture
async def sensor(hass: HomeAssistant, tmp_path: Path) -> AsyncGenerator[SerialSensor]:
    """Return the serial sensor with its hub and its actuators."""
    async with SerialSensor(tmp_path / "port", interval=0.05) as device:
        options = {"framing": "line", "format": "slices", "slices": SLICES}
        entry = serial_entry(str(device.path), name=SENSOR)
        entry = MockConfigEntry(
            domain=DOMAIN,
            title=SENSOR,
            unique_id=SENSOR,
            data=dict(entry.data),
            options=OPTIONS | options,
            subentries_data=[actuator(*it) for it in ACTUATORS],
        )
        await set_up(hass, entry)
        await state_of(hass, "binary_sensor.demo_serial_sensor_connection", "on")
        yield device


@pytest.fixture
async def wallbox(hass: HomeAssistant, loopback: str) -> AsyncGenerator[RawClient]:
    """Return a wallbox that is connected to the demo's hub, with a tag that has a name."""
    entry = ocpp_entry(
        charge_point_data(WALLBOX, name="Wallbox"),
        id_tag_data("ANNAS-TAG", "Anna"),
        data={"connector_name": OCPP},
    )
    await set_up(hass, entry)
    async with dialled_in(entry, WALLBOX) as client:
        await boot(client)
        yield client
    await hass.config_entries.async_unload(entry.entry_id)


async def run(hass: HomeAssistant, script: dict[str, Any]) -> dict[str, Any]:
    """Run a script as it is on the page, and return its response."""
    config = await async_validate_actions_config(
        hass, cv.SCRIPT_SCHEMA(script["sequence"])
    )
    runner = Script(hass, config, script["alias"], "script")
    result = await runner.async_run(context=Context())
    await hass.async_block_till_done()
    return dict((result and result.service_response) or {})


def notifications(hass: HomeAssistant) -> asyncio.Queue[ServiceCall]:
    """Return the notifications that are sent from now on."""
    sent: asyncio.Queue[ServiceCall] = asyncio.Queue()

    @callback
    def create(call: ServiceCall) -> None:
        sent.put_nowait(call)

    hass.services.async_register("persistent_notification", "create", create)
    return sent


# The examples of actions


@pytest.mark.usefixtures("sensor", "meter")
@pytest.mark.parametrize(
    "heading", ["Send a command", "Call a method", "Send raw data"]
)
async def test_example_of_a_command(hass: HomeAssistant, heading: str) -> None:
    script, answer = blocks(heading)
    assert await run(hass, script) == answer


@pytest.mark.usefixtures("meter")
async def test_the_example_of_a_command_reaches_the_sensor(
    hass: HomeAssistant, sensor: SerialSensor
) -> None:
    script, _ = blocks("Send a command")
    await run(hass, script)
    assert sensor.target == 21.5
    await state_of(hass, "number.demo_serial_sensor_target_temperature", "21.5")


@pytest.mark.usefixtures("sensor", "meter")
async def test_the_examples_of_devices(
    hass: HomeAssistant, device_registry: dr.DeviceRegistry
) -> None:
    """The pump appears, and is gone again."""
    (register,) = blocks("Register device")
    (unregister,) = blocks("Unregister device")
    assert await run(hass, register) == {}
    (found,) = [it for it in device_registry.devices if it.name == "Garden pump"]
    assert found.model == "pump"
    assert hass.states.get("event.garden_pump_message") is not None
    assert await run(hass, unregister) == {}
    assert not [it for it in device_registry.devices if it.name == "Garden pump"]


@pytest.mark.usefixtures("sensor")
async def test_the_example_of_a_message(hass: HomeAssistant, meter: Meter) -> None:
    """It is sent as the page shows it."""
    await run(hass, blocks("Register device")[0])
    script, answer, message = blocks("Send message")
    assert await run(hass, script) == answer
    assert json.loads(await meter.lines.get()) == message


@pytest.mark.usefixtures("sensor", "meter")
async def test_the_example_of_waiting(hass: HomeAssistant) -> None:
    script, answer = blocks("Wait for message")
    message = await run(hass, script)
    assert abs(message.pop("timestamp") - time.time()) < 60
    assert answer.pop("timestamp") > 1_000_000_000
    assert message == answer


async def test_the_example_of_http(hass: HomeAssistant, loopback: str) -> None:
    """Against a server that has trouble at first."""
    seen: list[tuple[str, str, Any]] = []

    async def handle(request: web.Request) -> web.Response:
        seen.append((request.method, request.path_qs, await request.json()))
        assert request.headers["Accept"] == "application/json"
        return web.json_response(
            {"power_w": 412.5}, status=503 if not seen[1:] else 200
        )

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0).start()
    assert await async_setup_component(hass, DOMAIN, {})
    script, answer = blocks("HTTP request")
    data = script["sequence"][0]["data"]
    assert data["url"].startswith(SERVER)
    data["url"] = data["url"].replace(SERVER, f"http://{HOST}:{runner.addresses[0][1]}")
    data["retry_delay"] = 0
    found = await run(hass, script)
    await runner.cleanup()
    assert seen == [("POST", "/api/state?room=kitchen", {"on": True})] * 2
    assert answer.pop("headers").items() <= found.pop("headers").items()
    assert found == answer
    (template,) = re.findall(r"In a template, `(.*)` is then", section("HTTP request"))
    assert Template(template, hass).async_render({"answer": answer}) == 412.5


async def test_the_example_of_sessions(hass: HomeAssistant, wallbox: RawClient) -> None:
    """In the answer of the page, the latest first."""
    script, answer = blocks("Get charging sessions")
    for session in reversed(answer["sessions"]):
        tag = session["id_tag"].replace("Anna", "annas-tag").replace("…", "CARD-")
        begun = await start(
            wallbox,
            tag,
            session["connector_id"],
            meter_start=1000,
            timestamp=session["start"],
        )
        reason = {"ev_disconnected": "EVDisconnected", "local": "Local"}
        await stop(
            wallbox,
            begun["transactionId"],
            meter_stop=1000 + round(session["energy"] * 1000),
            timestamp=session["end"],
            reason=reason[session["stop_reason"]],
        )
    found = await run(hass, script)
    (template,) = re.findall(
        r"In a template, `(.*)` is then", section("Get charging sessions")
    )
    assert Template(template, hass).async_render({"answer": found}) == 21.5
    given = [it.pop("transaction_id") for it in found["sessions"]]
    told = [it.pop("transaction_id") for it in answer["sessions"]]
    assert given[0] - given[1] == told[0] - told[1] == 1
    assert found == answer


@pytest.mark.usefixtures("sensor")
async def test_the_example_of_converters(hass: HomeAssistant) -> None:
    (script,) = blocks("Reload converters")
    assert await run(hass, script) == {}


# The examples of events


async def test_the_example_of_the_connection(
    hass: HomeAssistant, sensor: SerialSensor
) -> None:
    """Nothing for a sensor that is there, one notification when it is unplugged."""
    (automation,) = blocks("The connection as an event")
    told = notifications(hass)
    config = {"automation": automation}
    assert await async_setup_component(hass, "automation", config)
    await hass.async_block_till_done()
    assert told.empty()
    await sensor.stop()
    async with asyncio.timeout(5):
        call = await told.get()
    await hass.async_block_till_done()
    assert told.empty()
    assert call.data["title"] == "The sensor is gone"
    reason, _, detail = call.data["message"].partition(": ")
    assert reason in set(LinkReason)
    assert detail


async def test_the_example_of_messages(hass: HomeAssistant, meter: Meter) -> None:
    """An alarm is told, anything else is not."""
    await run(hass, blocks("Register device")[0])
    (automation,) = blocks("Messages as events")
    told = notifications(hass)
    config = {"automation": automation}
    assert await async_setup_component(hass, "automation", config)
    for endpoint, text in (("state", "fine"), ("alarm", "dry")):
        body = [{"name": "body", "value": text}]
        meter.send(
            {"device_url": "pump-1", "service_url": endpoint, "time": "0"}
            | {"protocol_parts": body}
        )
    async with asyncio.timeout(5):
        call = await told.get()
    assert call.data["message"] == "dry"


async def test_the_example_of_a_session(
    hass: HomeAssistant, wallbox: RawClient
) -> None:
    """Its end is told, its start is not."""
    await status(wallbox, "Available")
    await hass.async_block_till_done()
    (automation,) = blocks("Charging sessions, id tags and security events")
    told = notifications(hass)
    assert await async_setup_component(hass, "automation", {"automation": automation})
    begun = await start(wallbox, "ANNAS-TAG", meter_start=0)
    await hass.async_block_till_done()
    assert told.empty()
    await stop(wallbox, begun["transactionId"], meter_stop=750)
    async with asyncio.timeout(5):
        call = await told.get()
    assert call.data["message"] == "Anna: 0.75 kWh"


# Nothing is left out


@pytest.mark.parametrize("name", SERVICES)
def test_each_action_is_explained(name: str) -> None:
    """With an example, and each of its fields with its default."""
    action = SERVICES[name]
    head = f"**{action['name']}** (`bemcom_connectors.{name}`)"
    (text,) = [it for it in re.split(r"^## ", PAGE, flags=re.MULTILINE) if head in it]
    examples = [
        yaml.safe_load(it) for kind, it in _BLOCK.findall(text) if kind == "yaml"
    ]
    assert examples[0]["sequence"][0]["action"] == f"bemcom_connectors.{name}"
    listed = re.findall(r"^\| ([^|]+) \| `(\w+)` \| ([^|]*)\|", text, re.MULTILINE)
    fields = action.get("fields", {})
    assert [(label, key) for label, key, _ in listed] == [
        (field["name"], key) for key, field in fields.items()
    ]
    for _, key, default in listed:
        told = FIELDS[name]["fields"][key]
        assert ("needed" in default) == told.get("required", False)
        if "default" in told:
            assert default.strip().strip("`") == str(told["default"]).replace(
                "True", "true"
            ).replace("False", "false")


def test_each_reason_is_explained() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \|", section("The connection as an event"), re.MULTILINE
    )
    assert sorted(rows) == sorted(LinkReason)


def test_each_event_is_explained() -> None:
    for event in ENGLISH["entity"]["event"].values():
        assert f"event entity **{event['name']}**" in " ".join(PAGE.split())
        for name in event["state_attributes"]:
            assert name == "event_type" or f"`{name}`" in PAGE


@pytest.mark.parametrize("path", BLUEPRINTS, ids=lambda path: path.stem)
def test_each_blueprint_is_explained(path: Path) -> None:
    source = path.read_text()
    name = re.search(r"^  name: (.+)$", source, re.MULTILINE)
    address = re.search(r"^  source_url: (.+)$", source, re.MULTILINE)
    assert name
    assert f"\n**{name[1]}** " in PAGE
    assert address
    assert f"\n{address[1]}\n" in PAGE
    assert address[1].endswith(str(path.relative_to(REPOSITORY)))
