"""The actions of the demo's hubs and what they answer, over the API."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
import json

from aiohttp import web
from aiohttp.test_utils import TestServer
import pytest

from demo.flows import SubentryFlow
from demo.home_assistant import HomeAssistantError
from demo.hubs import SENSOR, create_tcp_hub
from tests.device import Device

from .demo_process import DemoProcess
from .waits import devices_of, entity_with, entry_id_of, remove_hub, wait_for_state

NAME = "message-hub"


async def test_send_command(demo: DemoProcess) -> None:
    ask = demo.api.ask
    action = "bemcom_connectors.send_command"
    assert await ask(action, hub=SENSOR, key="target", value=18.5) == {"result": 18.5}
    number = await entity_with(demo, SENSOR, "target", "number")
    await wait_for_state(demo, number, "18.5")
    assert await ask(action, hub=SENSOR, key="heater", value="on") == {"result": 1}
    switch = await entity_with(demo, SENSOR, "heater", "switch")
    await wait_for_state(demo, switch, "on")
    await demo.api.act("switch.turn_off", target=switch)
    await wait_for_state(demo, switch, "off")
    assert await ask(action, hub=SENSOR, key="reset") == {"result": "OK reset"}

    for options, words in (
        ({"key": "target", "value": 31}, "does not take that value: 31 is more than"),
        ({"key": "target", "value": "warm"}, "'warm' is no number"),
        ({"key": "fan", "value": 1}, "fan cannot be set"),
    ):
        with pytest.raises(HomeAssistantError, match=words):
            await ask(action, hub=SENSOR, **options)
    with pytest.raises(HomeAssistantError, match="There is no hub nobody"):
        await ask(action, hub="nobody", key="target", value=20)


async def test_send_raw(demo: DemoProcess) -> None:
    options = {"hub": SENSOR, "wait_for_reply": True, "reply_pattern": "^(OK|ERROR)"}
    action = "bemcom_connectors.send_raw"
    assert await demo.api.ask(action, text=r"heater = 0\n", **options) == {
        "text": "OK heater = 0",
        "hex": b"OK heater = 0".hex(" "),
        "parsed": None,
    }
    reply = await demo.api.ask(action, hex="58 0A", **options)
    assert reply["text"] == "ERROR"
    with pytest.raises(HomeAssistantError, match=f"{SENSOR} did not reply"):
        await demo.api.ask(action, text=r"READ\n", **options | {"reply_timeout": 0.3})


async def test_call_method(demo: DemoProcess) -> None:
    flow = await SubentryFlow.begin(
        demo.api, await entry_id_of(demo, SENSOR), "actuator"
    )
    await flow.choose("method")
    await flow.submit(key="setReading", encoding="template", reply_framing="hub")
    await flow.submit(template=r"${params.name} = ${params.value}\n")
    await flow.submit(reply_prefix="OK", reply_error_pattern="^ERROR")
    await flow.choose("save")
    assert flow.at == "create_entry"

    options = {"hub": SENSOR, "method": "setReading"}
    action = "bemcom_connectors.call_method"
    params = {"name": "battery", "value": 5}
    assert await demo.api.ask(action, **options, params=params) == {"result": "OK"}
    battery = await entity_with(demo, SENSOR, "battery")
    await wait_for_state(demo, battery, "5")
    with pytest.raises(HomeAssistantError, match=f"{SENSOR} refused: ERROR"):
        await demo.api.ask(action, **options, params=params | {"value": -1})
    button = await entity_with(demo, SENSOR, "reset", "button")
    await demo.api.act("button.press", target=button)
    await wait_for_state(demo, battery, "98")


async def test_devices_and_messages(demo: DemoProcess) -> None:
    async with Device() as device:
        link = asyncio.create_task(talk(device))
        try:
            await create_tcp_hub(demo.api, NAME, device.port)
            await register_pump(demo)
            await exchange_messages(demo, device)
            await unregister_pump(demo)
        finally:
            link.cancel()
        await remove_hub(demo, NAME)


async def talk(device: Device) -> None:
    """Let a device say something all the time."""
    while True:
        with suppress(OSError):  # the config flow has left
            await device.send(b'{"power": 1}\n')
        await asyncio.sleep(0.1)


async def register_pump(demo: DemoProcess) -> None:
    """Register a device, which appears."""
    await demo.api.act(
        "bemcom_connectors.register_device",
        hub=NAME, id="pump-1", type="pump", name="Garden pump",
    )  # fmt: skip
    devices = {it["name"]: it for it in await devices_of(demo, NAME)}
    assert set(devices) == {NAME, "Garden pump"}
    assert devices["Garden pump"]["model"] == "pump"
    assert devices["Garden pump"]["via_device_id"] == devices[NAME]["id"]


async def exchange_messages(demo: DemoProcess, device: Device) -> None:
    """Send a message to the device, and receive its answer."""
    waiting = asyncio.create_task(
        demo.api.ask(
            "bemcom_connectors.wait_for_message",
            hub=NAME,
            device_id="pump-1",
            endpoint="state",
            timeout=30,
        )
    )
    assert await demo.api.ask(
        "bemcom_connectors.send_message",
        hub=NAME, device_id="pump-1", endpoint="set", payload={"on": True}, timestamp=1500554317,
    ) == {"timestamp": 1500554317}  # fmt: skip
    sent = b""
    while not sent.endswith(b"\n"):
        sent += await device.received(1)
    assert json.loads(sent) == {
        "device_url": "pump-1",
        "service_url": "set",
        "time": "1500554317",
        "protocol_parts": [{"name": "body", "value": '{"on":true}'}],
    }
    answer = (
        b'{"device_url": "pump-1", "service_url": "state", "time": "1500554318",'
        b' "protocol_parts": [{"name": "body", "value": "[0]"}]}\n'
    )
    while not waiting.done():
        await device.send(answer)
        await asyncio.sleep(0.1)
    assert await waiting == {
        "device_id": "pump-1",
        "endpoint": "state",
        "payload": "[0]",
        "payload_header": "",
        "timestamp": 1500554318,
        "json": [0],
    }
    with pytest.raises(HomeAssistantError, match="No such message came"):
        await demo.api.ask(
            "bemcom_connectors.wait_for_message", hub=NAME, endpoint="x", timeout=0.2
        )


async def unregister_pump(demo: DemoProcess) -> None:
    """Unregister the device, which is gone."""
    await demo.api.act("bemcom_connectors.unregister_device", hub=NAME, id="pump-1")
    assert [it["name"] for it in await devices_of(demo, NAME)] == [NAME]
    with pytest.raises(HomeAssistantError, match="has no device pump-1"):
        await demo.api.act("bemcom_connectors.unregister_device", hub=NAME, id="pump-1")


async def test_http_request(demo: DemoProcess) -> None:
    action = "bemcom_connectors.http_request"
    async with echoing() as url:
        answer = await demo.api.ask(
            action, url=url, method="put", body={"on": 0}, query={"a": 1}
        )
        assert (answer["status"], answer["body"]) == (200, '{"on":0}')
        assert answer["headers"]["X-Method"] == "PUT"
        assert answer["headers"]["X-Query"] == "a=1"
        answer = await demo.api.ask(action, url=url, method="post", body="tea")
        assert answer["status"] == 418
    answer = await demo.api.ask(action, url=url)
    assert answer["status"] is None
    assert answer["error"]


@asynccontextmanager
async def echoing() -> AsyncGenerator[str]:
    """Run a web server that answers what it is asked, and yield its address."""

    async def echo(request: web.Request) -> web.Response:
        text = await request.text()
        headers = {"X-Method": request.method, "X-Query": request.query_string}
        status = 418 if text == "tea" else 200
        return web.Response(text=text, status=status, headers=headers)

    server = TestServer(web.Application())
    server.app.router.add_route("*", "/", echo)
    async with server:
        yield str(server.make_url("/"))
