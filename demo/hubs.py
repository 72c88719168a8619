"""The hubs of the demo, set up through the config flow as a person would."""

from demo.home_assistant import ConfigFlow, HomeAssistantApi, HomeAssistantError

METER = "demo-meter"
WEATHER = "demo-weather-station"


async def create_missing_hubs(
    api: HomeAssistantApi, ports: dict[str, int]
) -> list[str]:
    """Set up the hubs that do not exist yet, and return their names."""
    present = {entry["title"] for entry in await api.config_entries()}
    created = []
    for name, port in ((METER, ports["json"]), (WEATHER, ports["yaml"])):
        if name not in present:
            await create_tcp_hub(api, name, port)
            created.append(name)
    return created


async def create_tcp_hub(api: HomeAssistantApi, name: str, port: int) -> None:
    """Go through the flow for a device whose messages are recognised."""
    flow = await ConfigFlow.start(api)
    await flow.choose("tcp")
    await flow.submit(connector_name=name, host="127.0.0.1", port=port)
    if flow.at != "preview":
        raise HomeAssistantError(f"{name}: the flow stopped at {flow.at}: {flow.step}")
    await flow.choose("create")
    if flow.at != "create_entry":
        raise HomeAssistantError(f"{name}: the flow stopped at {flow.at}: {flow.step}")
