"""Charge points, networks and neighbours that mean no good, without Home Assistant."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
import json
from typing import Any, override

import aiohttp
import pytest

from custom_components.bemcom_connectors.ocpp.leniencies import Leniencies
from custom_components.bemcom_connectors.ocpp.listener import OcppListener
from custom_components.bemcom_connectors.ocpp.metering import read_meter_values
from custom_components.bemcom_connectors.ocpp.model import HubOptions, UnknownPolicy
from custom_components.bemcom_connectors.ocpp.redaction import redact_frame
from tests.ocpp.client import RawClient, dial
from tests.ocpp.test_connector import CP, QUIET, central_system
from tests.ocpp_hub import boot, meter, result, sampled, start, status

pytestmark = pytest.mark.usefixtures("loopback")

ELSEWHERE = "127.0.0.2"


@asynccontextmanager
async def dial_from_elsewhere(port: int) -> AsyncGenerator[RawClient]:
    """Connect as the same charge point, without a password, from another address."""
    connector = aiohttp.TCPConnector(local_addr=(ELSEWHERE, 0))
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.ws_connect(
            f"http://127.0.0.1:{port}/{CP}", protocols=("ocpp1.6",)
        ) as socket,
        RawClient(socket) as client,
    ):
        yield client


async def status_from_elsewhere(port: int) -> int:
    """Connect from another address; return the status of the answer."""
    try:
        async with dial_from_elsewhere(port):
            return 101
    except aiohttp.WSServerHandshakeError as err:
        return err.status


@asynccontextmanager
async def mute(port: int) -> AsyncGenerator[aiohttp.ClientWebSocketResponse]:
    """Connect as a charge point whose connection is dead: it answers no ping."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(
            f"http://127.0.0.1:{port}/{CP}", protocols=("ocpp1.6",), autoping=False
        ) as socket,
    ):
        yield socket


async def pinged(socket: aiohttp.ClientWebSocketResponse) -> None:
    """Wait until somebody asks whether it is alive."""
    async with asyncio.timeout(5):
        while (await socket.receive()).type is not aiohttp.WSMsgType.PING:
            pass


# Who may be who


async def test_removing_one_leaves_those_alone_whose_ids_look_like_its_keys() -> None:
    other = f"{CP}__1"
    configs = {it: replace(QUIET, id=it) for it in (CP, other)}
    async with (
        central_system(*configs.values()) as (connector, _),
        dial(connector.port, CP) as wallbox,
        dial(connector.port, other) as neighbour,
    ):
        await status(wallbox, "Available")
        await status(neighbour, "Charging", connector_id=0)
        await status(neighbour, "Charging")
        connector.set_charge_points({other: configs[other]})
        await wallbox.closed()
        assert connector.datapoints[f"{other}__0__status"] == "charging"
        assert connector.datapoints[f"{other}__1__status"] == "charging"
        assert f"{CP}__1__status" not in connector.datapoints


async def test_a_newcomer_does_not_push_off_who_came_back_meanwhile() -> None:
    """It was asked of the dead connection, and the charge point has a new one by then."""
    async with central_system(QUIET) as (connector, _), mute(connector.port) as dead:
        newcomer = asyncio.create_task(status_from_elsewhere(connector.port))
        await pinged(dead)
        async with dial(connector.port, CP) as wallbox:
            await boot(wallbox)
            assert await newcomer == 403
            assert (await boot(wallbox))["status"] == "Accepted"


async def test_a_password_that_is_set_meanwhile_counts() -> None:
    """A handshake may take seconds, in which the user has every right to change things."""
    async with central_system(QUIET) as (connector, _), mute(connector.port) as dead:
        newcomer = asyncio.create_task(status_from_elsewhere(connector.port))
        await pinged(dead)
        connector.set_charge_points({CP: replace(QUIET, password="secret")})
        assert await newcomer == 401
        assert not connector.is_online(CP)


async def test_one_that_is_removed_meanwhile_is_not_held_against_the_user() -> None:
    options = HubOptions(unknown=UnknownPolicy.REFUSE)
    async with (
        central_system(QUIET, options=options) as (connector, _),
        mute(connector.port) as dead,
    ):
        newcomer = asyncio.create_task(status_from_elsewhere(connector.port))
        await pinged(dead)
        connector.set_charge_points({})
        assert await newcomer == 404
        assert not connector.pending


async def test_what_a_removed_one_still_says_is_not_heard() -> None:
    async with (
        central_system(QUIET) as (connector, _),
        dial(connector.port, CP) as wallbox,
    ):
        await boot(wallbox)
        session = connector.charge_points[CP].session
        assert session is not None
        connector.set_charge_points({})
        # It is in the air while the connection is being closed.
        call = json.dumps(
            [
                2,
                "1",
                "StartTransaction",
                {
                    "connectorId": 1,
                    "idTag": "CAFE0001",
                    "meterStart": 1,
                    "timestamp": "2026-01-01T00:00:00Z",
                },
            ]
        )
        answer = session._take(call.encode())
        assert answer is not None
        assert json.loads(answer)[0] == 4
        await wallbox.closed()
        assert not connector.datapoints
        assert not connector.snapshot()["book"]["transactions"]


@pytest.mark.parametrize("how", ["replaced", "password"])
async def test_what_a_former_connection_still_says_is_not_heard(how: str) -> None:
    async with (
        central_system(QUIET) as (connector, _),
        dial(connector.port, CP) as wallbox,
    ):
        await boot(wallbox)
        former = connector.charge_points[CP].session
        assert former is not None
        if how == "replaced":
            async with dial(connector.port, CP) as again:
                await boot(again)
        else:
            connector.set_charge_points({CP: replace(QUIET, password="new")})
        call = [2, "1", "StatusNotification"]
        payload = {"connectorId": 7, "status": "Available", "errorCode": "NoError"}
        answer = former._take(json.dumps([*call, payload]).encode())
        assert answer is not None
        assert json.loads(answer)[0] == 4
        assert f"{CP}__7__status" not in connector.datapoints


async def test_a_certificate_of_somebody_else_is_no_ticket_once_it_is_added() -> None:
    async with (
        central_system() as (connector, ear),
        dial(connector.port, CP) as wallbox,
    ):
        await boot(wallbox)
        await ear.hear("pending")
        held = connector.held[CP]
        held.session.arrival = replace(
            held.session.arrival, has_certificate=True, certificate_names=("other",)
        )
        connector.set_charge_points({CP: replace(QUIET, certificate_name="mine")})
        await wallbox.closed()
        assert not connector.is_online(CP)


async def test_those_that_do_not_say_goodbye_do_not_hold_up_the_end() -> None:
    configs = [replace(QUIET, id=f"CP{it}") for it in range(4)]
    tasks = []
    async with central_system(*configs) as (connector, _):
        for config in configs:
            # Nobody reads these, so that the close frame is never answered.
            reader, writer = await asyncio.open_connection("127.0.0.1", connector.port)
            writer.write(
                f"GET /{config.id} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                "Sec-WebSocket-Protocol: ocpp1.6\r\n\r\n".encode()
            )
            await reader.readuntil(b"\r\n\r\n")
            tasks.append(writer)
        while not all(connector.is_online(it.id) for it in configs):
            await asyncio.sleep(0.01)
        async with asyncio.timeout(6):
            await connector.stop()
    for writer in tasks:
        writer.close()


# What is sent


@pytest.mark.parametrize(
    "value",
    [
        [{}] * 200_000,
        [{"sampledValue": [{}]}] * 100_000,
        [{"sampledValue": [{}] * 200_000}],
        [{"sampledValue": ["x"] * 200_000}],
        [None] * 200_000,
    ],
)
def test_a_message_of_nothings_is_not_read_to_its_end(value: Any) -> None:
    notes = Leniencies()
    assert read_meter_values(value, notes) == []
    assert sum(notes.counts.values()) < 50_000


@pytest.mark.parametrize(
    ("key", "secret"),
    [
        ("WifiPwd", "hunter2hunter2"),
        ("PSK", "hunter2hunter2"),
        ("ApiToken", "hunter2hunter2"),
        ("ftp_credential", "hunter2hunter2"),
        ("SimPIN", "0815"),
        ("PlugAndChargeIdentifier", "CAFE0001"),
        ("FreevendIdTag", "CAFE0001"),
        ("defaultTag", "CAFE0001"),
        ("wifi.passphrase", "hunter2hunter2"),
        ("PrivateKey", "hunter2hunter2"),
    ],
)
def test_what_configurations_hide_frames_hide_too(key: str, secret: str) -> None:
    entry = {"key": key, "readonly": False, "value": secret}
    answer = [3, "1", {"configurationKey": [entry]}]
    assert secret not in redact_frame(json.dumps(answer))
    assert secret not in redact_frame(json.dumps(answer).encode())
    change = [2, "1", "ChangeConfiguration", {"key": key, "value": secret}]
    assert secret not in redact_frame(json.dumps(change))


def test_numbers_of_a_sim_card_are_hidden_as_they_are_elsewhere() -> None:
    frame = json.dumps(
        [
            2,
            "1",
            "BootNotification",
            {
                "iccid": "8949012345",
                "imsi": "262011234",
                "chargePointSerialNumber": "SN-4711",
                "chargeBoxSerialNumber": "SN-4712",
                "meterSerialNumber": "SN-4713",
                "chargePointVendor": "Acme",
            },
        ]
    )
    shown = redact_frame(frame)
    for private in ("8949012345", "262011234", "SN-4711", "SN-4712", "SN-4713"):
        assert private not in shown
    assert "Acme" in shown


async def test_one_that_nobody_added_is_not_read_at_length() -> None:
    """Parsing millions of nothings would let nobody else run."""
    async with (
        central_system() as (connector, ear),
        dial(connector.port, CP) as wallbox,
    ):
        await boot(wallbox)
        await wallbox.send_text('[2,"1","Heartbeat",[' + "{}," * 500_000 + "{}]]")
        assert await wallbox.closed() == 1009
        assert await ear.hear("gone") == (CP,)
        assert not connector.pending


async def test_an_id_tag_of_a_novel_is_no_tag() -> None:
    told: list[str] = []

    class Tags(OcppListener):
        @override
        def on_tag(self, charge_point_id: str, id_tag: str) -> None:
            told.append(id_tag)

    async with (
        central_system(QUIET) as (connector, _),
        dial(connector.port, CP) as wallbox,
    ):
        connector.add_ocpp_listener(Tags())
        await result(wallbox, "Authorize", {"idTag": "x" * 100_000})
        await result(wallbox, "Authorize", {"idTag": "x" * 20})
        assert told == ["x" * 20]


# Restart


@pytest.mark.parametrize(
    "stored",
    [
        {"charge_points": {CP: {"connectors": {"9" * 5000: {}}}}},
        {"charge_points": {CP: {"connectors": {"1": {"status": []}}}}},
        {"charge_points": {CP: {"connectors": {"1": {"status": {}}}}}},
        {"charge_points": {CP: {"connectors": {"1": {"values": {"Voltage": "x"}}}}}},
        {"charge_points": {CP: {"configuration": {"losses": {"x": [1, 10**400]}}}}},
        {"charge_points": {CP: {"configuration": {"keys": [], "unknown": [[]]}}}},
        {"book": {"transactions": [{"id": 1}, 5, None, {"id": "x"}], "next_id": -1}},
        {"book": {"next_id": 2**31 - 1}},
    ],
)
async def test_rubbish_in_the_store_is_left_out(stored: object) -> None:
    async with (
        central_system(QUIET, stored=stored) as (connector, _),
        dial(connector.port, CP) as wallbox,
    ):
        assert (await boot(wallbox))["status"] == "Accepted"
        first = await start(wallbox)
        second = await start(wallbox, "OTHER", connector_id=2)
        ids = {it["transactionId"] for it in (first, second)}
        assert len(ids) == 2
        assert all(0 < it < 2**31 for it in ids)
        await meter(wallbox, sampled(230, "Voltage"))
        json.dumps(connector.snapshot(), allow_nan=False)
