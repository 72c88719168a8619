"""The hubs of the demo, set up through the config flow as a person would."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.flows import ConfigFlow, OptionsFlow, SubentryFlow
from demo.home_assistant import HomeAssistantApi, HomeAssistantError, wait_until

METER = "demo-meter"
WEATHER = "demo-weather-station"
SENSOR = "demo-serial-sensor"
OCPP = "demo-ocpp"

# Where the values are in a line of the serial sensor.
SLICES = [
    {"key": "temperature", "type": "int", "from_byte": 0, "to_byte": 2},
    {"key": "humidity", "type": "int", "from_byte": 2, "to_byte": 4},
    {"key": "battery", "type": "int", "from_byte": 4, "to_byte": 6},
]


# What can be set on the serial sensor: kind, what it is, how it is written, its reply.
ACTUATORS: tuple[tuple[str, dict[str, Any], str, dict[str, Any]], ...] = (
    (
        "number",
        {
            "key": "target",
            "name": "Target temperature",
            "minimum": 5,
            "maximum": 30,
            "step": 0.5,
            "unit": "°C",
            "state_source": "reply",
        },
        r"target = ${value}\n",
        {
            "reply_pattern": "^OK target",
            "reply_error_pattern": "^ERROR",
            "reply_type": "float",
            "part": {"reply_from_byte": 12},
        },
    ),
    (
        "switch",
        {
            "key": "heater",
            "name": "Heater",
            "payload_on": "1",
            "payload_off": "0",
            "state_source": "reply",
        },
        r"heater = ${value}\n",
        {
            "reply_pattern": "^OK heater",
            "reply_error_pattern": "^ERROR",
            "reply_type": "int",
            "part": {"reply_from_byte": 12},
        },
    ),
    (
        "button",
        {"key": "reset", "name": "Reset"},
        r"RESET\n",
        {"reply_prefix": "OK reset", "reply_error_pattern": "^ERROR"},
    ),
)


@dataclass(frozen=True)
class DevicesAt:
    """Where the simulated devices are."""

    json_port: int
    yaml_port: int
    serial_port: Path
    # The port that the hub listens on, and who dials it.
    ocpp_port: int
    wallbox_id: str
    # The broker that a hub is mirrored to.
    mqtt_port: int


async def create_missing_hubs(api: HomeAssistantApi, devices: DevicesAt) -> list[str]:
    """Set up the hubs that do not exist yet, and return their names."""
    present = {entry["title"] for entry in await api.config_entries()}
    created = []
    for name, port in ((METER, devices.json_port), (WEATHER, devices.yaml_port)):
        if name not in present:
            await create_tcp_hub(api, name, port)
            created.append(name)
    if SENSOR not in present:
        await create_serial_hub(api, SENSOR, devices.serial_port)
        await create_actuators(api, SENSOR)
        created.append(SENSOR)
    if OCPP not in present:
        await create_ocpp_hub(api, OCPP, devices.ocpp_port)
        created.append(OCPP)
    return created


async def create_tcp_hub(api: HomeAssistantApi, name: str, port: int) -> None:
    """Go through the flow for a device whose messages are recognised."""
    flow = await ConfigFlow.start(api)
    await flow.choose("tcp")
    await flow.submit(connector_name=name, host="127.0.0.1", port=port)
    await _create(flow, name)


async def create_serial_hub(api: HomeAssistantApi, name: str, port: Path) -> None:
    """Go through the flow for a serial sensor, and say where its values are in a line."""
    flow = await ConfigFlow.start(api)
    await flow.choose("serial")
    await flow.submit(connector_name=name, device=str(port), baudrate="9600")
    _expect(flow, "preview", name)
    await flow.choose("decode")
    await flow.submit(framing="line", format="slices", lists="index")
    await flow.submit(slices=SLICES, slice_mode="strict", encoding="utf-8")
    await _create(flow, name)


async def create_ocpp_hub(api: HomeAssistantApi, name: str, port: int) -> None:
    """Go through the flow for a central system that wallboxes dial in to."""
    flow = await ConfigFlow.start(api)
    await flow.choose("ocpp")
    await flow.submit(connector_name=name, port=port)
    _expect(flow, "ocpp_ready", name)
    await flow.submit()
    _expect(flow, "create_entry", name)


async def mirror_hub(api: HomeAssistantApi, name: str, mqtt_port: int) -> bool:
    """Mirror a hub to the demo's broker, unless it is mirrored; return whether it was not."""
    entries = {
        entry["title"]: entry["entry_id"] for entry in await api.config_entries()
    }
    flow = await OptionsFlow.open(api, entries[name])
    await flow.choose("mirror")
    if flow.suggested("connection") is not None:
        await flow.abort()
        return False
    await flow.submit(connection="own")
    _expect(flow, "mirror_broker", name)
    await flow.submit(host="127.0.0.1", port=mqtt_port)
    _expect(flow, "mirror_messages", name)
    await flow.submit()
    _expect(flow, "create_entry", name)
    return True


async def pair_wallbox(api: HomeAssistantApi, charge_point_id: str) -> bool:
    """Confirm the card of a wallbox that dials in; return whether there was one to come."""
    entries = await api.config_entries()
    hub = next(entry["entry_id"] for entry in entries if entry["title"] == OCPP)
    if await api.command("config_entries/subentries/list", entry_id=hub):
        return False

    async def card() -> str:
        for flow in await api.command("config_entries/flow/progress"):
            if charge_point_id in str(flow["context"].get("unique_id")):
                return str(flow["flow_id"])
        return ""

    flow_id = await wait_until(card, f"{charge_point_id} to be discovered", within=60)
    found = await api.request("GET", f"{ConfigFlow.path}/{flow_id}")
    flow = ConfigFlow(api, found)
    await flow.submit(name="Wallbox")
    if flow.step["type"] not in ("abort", "create_entry"):
        raise HomeAssistantError(f"{charge_point_id}: not paired: {flow.step}")
    return True


async def create_actuators(api: HomeAssistantApi, name: str) -> None:
    """Go through the flow of each thing that can be set on the serial sensor."""
    entries = {
        entry["title"]: entry["entry_id"] for entry in await api.config_entries()
    }
    for kind, what, template, reply in ACTUATORS:
        flow = await SubentryFlow.begin(api, entries[name], "actuator")
        await flow.choose(kind)
        await flow.submit(**what, encoding="template", reply_framing="hub")
        await flow.submit(template=template)
        await flow.submit(**reply)
        _expect(flow, "preview", name)
        await flow.choose("save")
        _expect(flow, "create_entry", name)


async def _create(flow: ConfigFlow, name: str) -> None:
    """Create what the preview shows."""
    _expect(flow, "preview", name)
    await flow.choose("create")
    _expect(flow, "create_entry", name)


def _expect(flow: ConfigFlow, step: str, name: str) -> None:
    """Fail where the flow is not at this step."""
    if flow.at != step:
        raise HomeAssistantError(f"{name}: the flow stopped at {flow.at}: {flow.step}")
