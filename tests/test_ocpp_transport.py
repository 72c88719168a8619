"""OCPP-J's own rules: connections and frames of charge points at a running Home Assistant.

One test for each rule of how a charge point connects, and for each CALLERROR.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
import itertools
import json
import logging
import ssl
from types import MappingProxyType
from typing import Any

import aiohttp
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import trustme

from custom_components.bemcom_connectors.ocpp import (
    charge_point as charge_point_module,
    incoming,
)
from custom_components.bemcom_connectors.ocpp.calls import CallFailed, CallReason
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
from tests.ocpp.client import HOST, SILENT, RawClient, basic
from tests.ocpp.official import ERROR_CODES, check_answer
from tests.ocpp_hub import (
    BOOT,
    CP,
    ago,
    boot,
    charge_point_data,
    charge_point_of,
    connector_of,
    dialled_in,
    error,
    ocpp_entry,
    result,
    sampled,
    set_up,
    settled,
    start,
    state,
    status,
)
from tests.ocpp_tls import SUITES, hub_certificates, trusting

pytestmark = pytest.mark.usefixtures("loopback", "hass_storage")

KEY = bytes(range(0xF0, 0x100)) + b":\x00\x0a\x80"
TRIGGERS = {"TriggerMessage": {"status": "Accepted"}}


@pytest.fixture
async def hub(hass: HomeAssistant) -> MockConfigEntry:
    """Return a hub that runs, with one charge point."""
    entry = ocpp_entry(charge_point_data())
    await set_up(hass, entry)
    return entry


@pytest.fixture
async def wallbox(hub: MockConfigEntry) -> AsyncGenerator[RawClient]:
    """Return the charge point, connected."""
    async with dialled_in(hub) as client:
        yield client


async def refusal(
    entry: MockConfigEntry, charge_point_id: str = CP, **how: Any
) -> aiohttp.WSServerHandshakeError:
    """Return how a connection is refused before it is upgraded."""
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        async with dialled_in(entry, charge_point_id, **how):
            pass
    assert not connector_of(entry).is_online(charge_point_id)
    return caught.value


async def until_online(
    entry: MockConfigEntry, charge_point_id: str = CP, *, online: bool = True
) -> None:
    """Wait until a charge point is connected, or is not."""
    async with asyncio.timeout(10):
        while connector_of(entry).is_online(charge_point_id) is not online:
            await asyncio.sleep(0.005)


# URL: endpoint, slash, percent-encoded id


@pytest.mark.parametrize(
    ("charge_point_id", "prefix"),
    [
        ("CP1", "/"),
        ("RDAM 123", "/"),
        ("CP1", "/any/prefix/"),
        ("a/b#c?d", "/ocpp/"),
        ("Säule", "/webServices/ocpp/v16j/"),
        ("100%25", "/"),
        ("CP1", "///"),
        ("AE0022", "/ocpp/?="),
    ],
)
async def test_url_names_the_charge_point_at_its_end(
    hass: HomeAssistant, charge_point_id: str, prefix: str
) -> None:
    entry = ocpp_entry(charge_point_data(charge_point_id))
    await set_up(hass, entry)
    async with dialled_in(entry, charge_point_id, path=prefix) as client:
        assert connector_of(entry).is_online(charge_point_id)
        assert (await boot(client))["status"] == "Accepted"


# Unknown id


async def test_unknown_id_is_not_found_where_unknown_ones_are_refused(
    hass: HomeAssistant,
) -> None:
    entry = ocpp_entry(charge_point_data(), options={"unknown_charge_points": "refuse"})
    await set_up(hass, entry)
    assert (await refusal(entry, "CP2")).status == 404
    assert not connector_of(entry).pending
    added: dict[str, Any] = {**charge_point_data("CP2")}
    added["data"] = MappingProxyType(added["data"])
    hass.config_entries.async_add_subentry(entry, ConfigSubentry(**added))
    await hass.async_block_till_done()
    async with dialled_in(entry, "CP2") as client:
        assert (await boot(client))["status"] == "Accepted"


async def test_unknown_id_is_held_where_unknown_ones_are_paired(
    hub: MockConfigEntry,
) -> None:
    async with dialled_in(hub, "CP2") as client:
        answer = await boot(client)
        assert answer["status"] == "Pending"
        assert type(answer["interval"]) is int
        assert answer["interval"] > 0
        assert list(connector_of(hub).pending) == ["CP2"]
        assert not connector_of(hub).is_online("CP2")


@pytest.mark.parametrize("path", ["/", "/?x=1", "/%00"])
async def test_no_id_is_not_found(hub: MockConfigEntry, path: str) -> None:
    assert (await refusal(hub, "", path=path)).status == 404


async def test_a_browser_is_told_what_this_is(hub: MockConfigEntry) -> None:
    url = f"http://{HOST}:{connector_of(hub).port}/{CP}"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert response.status == 426
        assert "OCPP 1.6" in await response.text()


# Subprotocol


@pytest.mark.parametrize(
    "offered", [["ocpp1.6"], ["ocpp1.6", "ocpp1.5"], ["ocpp2.0.1", "ocpp1.6"]]
)
async def test_subprotocol_is_the_one_that_is_spoken(
    hub: MockConfigEntry, offered: list[str]
) -> None:
    async with dialled_in(hub, subprotocols=offered) as client:
        assert client.subprotocol == "ocpp1.6"


@pytest.mark.parametrize("offered", [[], ["ocpp1.5"], ["ocpp2.0.1", "ocpp1.2"]])
async def test_subprotocol_that_is_not_spoken_is_refused(
    hub: MockConfigEntry, offered: list[str]
) -> None:
    assert (await refusal(hub, subprotocols=offered)).status == 400


async def test_subprotocol_may_be_missing_where_the_user_says_so(
    hass: HomeAssistant,
) -> None:
    quirks: dict[str, Any] = {"quirks_mode": "chosen", "quirks": ["no_subprotocol"]}
    entry = ocpp_entry(charge_point_data(**quirks), charge_point_data("CP2"))
    await set_up(hass, entry)
    async with dialled_in(entry, subprotocols=()) as client:
        assert client.subprotocol is None
        assert (await boot(client))["status"] == "Accepted"
    assert (await refusal(entry, "CP2", subprotocols=())).status == 400
    assert (await refusal(entry, subprotocols=["ocpp1.5"])).status == 400


# Security profiles 1 and 2: a password


@pytest.mark.parametrize(
    ("expected", "sent"),
    [
        pytest.param("s3cret:with:colons", b"s3cret:with:colons", id="text"),
        pytest.param(KEY.hex(), KEY, id="raw bytes of the key"),
        pytest.param(KEY.hex(), KEY.hex().encode(), id="hex text of the key"),
        pytest.param(KEY.hex(), KEY.hex().upper().encode(), id="other case"),
        pytest.param("Schlüssel", "Schlüssel".encode(), id="UTF-8"),
        pytest.param("Schlüssel", "Schlüssel".encode("latin-1"), id="Latin-1"),
    ],
)
async def test_basic_password_is_accepted(
    hass: HomeAssistant, expected: str, sent: bytes
) -> None:
    entry = ocpp_entry(charge_point_data(password=expected))
    await set_up(hass, entry)
    async with dialled_in(entry, password=sent) as client:
        assert (await boot(client))["status"] == "Accepted"


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="missing"),
        pytest.param({"Authorization": basic(CP, "wrong")}, id="wrong"),
        pytest.param({"Authorization": basic(CP, "")}, id="empty"),
        pytest.param({"Authorization": basic("CP2", "secret")}, id="other user"),
        pytest.param({"Authorization": basic("cp1", "secret")}, id="user's case"),
        pytest.param({"Authorization": "Bearer secret"}, id="no Basic"),
        pytest.param({"Authorization": "Basic \xff~~"}, id="no Base64"),
    ],
)
async def test_basic_password_is_checked_before_the_upgrade(
    hass: HomeAssistant, headers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    entry = ocpp_entry(charge_point_data(password="secret"))
    await set_up(hass, entry)
    refused = await refusal(entry, headers=headers)
    assert refused.status == 401
    assert refused.headers is not None
    assert refused.headers["WWW-Authenticate"].startswith("Basic ")
    assert "secret" not in caplog.text
    assert "wrong" not in caplog.text
    async with dialled_in(entry, password="secret") as client:
        assert (await boot(client))["status"] == "Accepted"


@pytest.mark.parametrize("charge_point_id", ["DE*ICE:E1", "a:b:c", "RDAM 123"])
async def test_basic_password_begins_after_the_id(
    hass: HomeAssistant, charge_point_id: str
) -> None:
    """Both may have colons."""
    entry = ocpp_entry(charge_point_data(charge_point_id, password="x:y"))
    await set_up(hass, entry)
    for wrong in ("y", "c:x:y", "E1:x:y"):
        refused = await refusal(entry, charge_point_id, password=wrong)
        assert refused.status == 401
    async with dialled_in(entry, charge_point_id, password="x:y") as client:
        assert (await boot(client))["status"] == "Accepted"


async def test_basic_password_protects_a_live_charge_point(
    hass: HomeAssistant,
) -> None:
    entry = ocpp_entry(charge_point_data(password="secret"))
    await set_up(hass, entry)
    async with dialled_in(entry, password="secret") as client:
        with pytest.raises(aiohttp.WSServerHandshakeError):
            async with dialled_in(entry, password="guess"):
                pass
        assert await result(client, "Heartbeat", {})
        assert charge_point_of(entry).connections == 1


# Security profiles 2 and 3: TLS


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Return who vouches for both sides."""
    return trustme.CA()


@pytest.fixture(scope="module")
def certificates(
    authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, str]:
    """Return the files of a hub."""
    return hub_certificates(authority, tmp_path_factory.mktemp("tls"))


@pytest.fixture
async def _no_debug() -> None:
    """Let asyncio keep quiet about failed handshakes, as it does outside of tests."""
    asyncio.get_running_loop().set_debug(enabled=False)


def tls_hub(
    certificates: Mapping[str, str], *without: str, **charge_point: Any
) -> MockConfigEntry:
    """Return a hub with TLS and one charge point."""
    files = {key: it for key, it in certificates.items() if key not in without}
    return ocpp_entry(charge_point_data(**charge_point), data=files)


@pytest.mark.parametrize("suite", SUITES)
async def test_tls_with_each_suite_of_the_specification(
    hass: HomeAssistant,
    authority: trustme.CA,
    certificates: Mapping[str, str],
    suite: str,
) -> None:
    entry = tls_hub(certificates, "client_ca", password="secret")
    await set_up(hass, entry)
    context = trusting(authority)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(suite)
    async with dialled_in(entry, password="secret", ssl=context) as client:
        used = client.socket.get_extra_info("ssl_object")
        assert used.version() == "TLSv1.2"
        assert used.cipher()[0] == suite
        assert (await boot(client))["status"] == "Accepted"


async def test_tls_1_3_is_used_where_both_know_it(
    hass: HomeAssistant, authority: trustme.CA, certificates: Mapping[str, str]
) -> None:
    entry = tls_hub(certificates, "client_ca")
    await set_up(hass, entry)
    async with dialled_in(entry, ssl=trusting(authority)) as client:
        assert client.socket.get_extra_info("ssl_object").version() == "TLSv1.3"


@pytest.mark.usefixtures("_no_debug")
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1:DeprecationWarning")
async def test_tls_1_1_is_refused(
    hass: HomeAssistant, authority: trustme.CA, certificates: Mapping[str, str]
) -> None:
    entry = tls_hub(certificates, "client_ca")
    await set_up(hass, entry)
    context = trusting(authority)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(aiohttp.ClientConnectorError):
        async with dialled_in(entry, ssl=context):
            pass


@pytest.mark.usefixtures("_no_debug")
async def test_tls_hub_serves_nobody_without_it(
    hass: HomeAssistant, certificates: Mapping[str, str]
) -> None:
    entry = tls_hub(certificates, "client_ca")
    await set_up(hass, entry)
    with pytest.raises(aiohttp.ClientError):
        async with dialled_in(entry):
            pass
    assert not connector_of(entry).is_online(CP)


@pytest.mark.parametrize(
    ("name", "common_name"),
    [
        pytest.param("", CP, id="the id"),
        pytest.param("", CP.lower(), id="the id in another case"),
        pytest.param("SN-77", "SN-77", id="the name the user gave"),
    ],
)
async def test_client_certificate_is_accepted(
    hass: HomeAssistant,
    authority: trustme.CA,
    certificates: Mapping[str, str],
    name: str,
    common_name: str,
) -> None:
    entry = tls_hub(certificates, certificate_name=name)
    await set_up(hass, entry)
    context = trusting(authority, common_name)
    async with dialled_in(entry, ssl=context) as client:
        assert (await boot(client))["status"] == "Accepted"


async def test_client_certificate_with_the_serial_number(
    hass: HomeAssistant, authority: trustme.CA, certificates: Mapping[str, str]
) -> None:
    entry = tls_hub(certificates)
    await set_up(hass, entry)
    context = trusting(authority, CP)
    async with dialled_in(entry, ssl=context) as client:
        await boot(client, chargePointSerialNumber="SN-12")
    await until_online(entry, online=False)
    context = trusting(authority, "SN-12")
    async with dialled_in(entry, ssl=context) as client:
        assert await result(client, "Heartbeat", {})


@pytest.mark.usefixtures("_no_debug")
@pytest.mark.parametrize("why", ["none", "untrusted"])
async def test_client_without_a_proper_certificate_is_no_client(
    hass: HomeAssistant,
    authority: trustme.CA,
    certificates: Mapping[str, str],
    why: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    entry = tls_hub(certificates)
    await set_up(hass, entry)
    context = trusting(authority)
    if why == "untrusted":
        trustme.CA().issue_cert(common_name=CP).configure_cert(context)
    with pytest.raises((aiohttp.ClientError, ssl.SSLError)):
        async with dialled_in(entry, ssl=context):
            pass
    assert not connector_of(entry).is_online(CP)
    assert "A client was refused before it could say who it is" in caplog.text


async def test_client_certificate_of_another_is_refused(
    hass: HomeAssistant, authority: trustme.CA, certificates: Mapping[str, str]
) -> None:
    entry = tls_hub(certificates)
    await set_up(hass, entry)
    context = trusting(authority, "CP2")
    assert (await refusal(entry, ssl=context)).status == 401


async def test_client_certificate_without_a_name_is_nobodys(
    hass: HomeAssistant, authority: trustme.CA, certificates: Mapping[str, str]
) -> None:
    """It is of the right authority, but says nothing of who it is."""
    entry = tls_hub(certificates)
    await set_up(hass, entry)
    context = trusting(authority)
    authority.issue_cert("somebody@example.org").configure_cert(context)
    assert (await refusal(entry, ssl=context)).status == 401


async def test_client_certificate_is_asked_for_where_the_user_named_it(
    hass: HomeAssistant, authority: trustme.CA, certificates: Mapping[str, str]
) -> None:
    """One that has a certificate does not come down to a lower security profile."""
    entry = tls_hub(certificates, "client_ca", certificate_name="SN-77")
    await set_up(hass, entry)
    assert (await refusal(entry, ssl=trusting(authority))).status == 401


async def test_client_certificate_and_password_are_both_asked_for(
    hass: HomeAssistant, authority: trustme.CA, certificates: Mapping[str, str]
) -> None:
    """Where there is a password, a certificate is no way around it."""
    entry = tls_hub(certificates, password="secret")
    await set_up(hass, entry)
    context = trusting(authority, CP)
    assert (await refusal(entry, ssl=context)).status == 401
    assert (await refusal(entry, ssl=context, password="guess")).status == 401
    async with dialled_in(entry, ssl=context, password="secret") as client:
        assert (await boot(client))["status"] == "Accepted"


# Frames


@pytest.mark.parametrize(
    ("more", "code", "text"),
    [
        (["NotSupported", "Never", {}], "NotSupported", "Never"),
        (["GenericError", "", {"why": [1]}], "GenericError", ""),
        # Which are wrong, and say no.
        (["InternalError"], "InternalError", ""),
        (["InternalError", None, None], "InternalError", ""),
        (["OfOurOwn", "x" * 5000, "none", 5], "OfOurOwn", "x" * 255),
        ([7, 8, 9], "", ""),
    ],
)
async def test_frames_of_errors_are_answers(
    hub: MockConfigEntry, wallbox: RawClient, more: list[Any], code: str, text: str
) -> None:
    wallbox.on_call["ClearCache"] = SILENT
    calling = asyncio.create_task(charge_point_of(hub).call("ClearCache", {}))
    await wallbox.wait_for("ClearCache")
    (_, _, sent), *_ = reversed(charge_point_of(hub).history)
    await wallbox.send_text(json.dumps([4, json.loads(sent)[1], *more]))
    with pytest.raises(CallFailed) as failed:
        await calling
    assert failed.value.reason is CallReason.REFUSED
    assert (failed.value.code, failed.value.text) == (code, text)
    assert await result(wallbox, "Heartbeat", {})


async def test_frames_are_arrays_of_the_right_lengths(wallbox: RawClient) -> None:
    await wallbox.send_text('[2,"one","Heartbeat",{}]')
    kind, id_, payload = await wallbox.receive()
    assert (kind, id_) == (3, "one")
    check_answer("Heartbeat", payload)
    await wallbox.send_text('[2,"two","Foo",{}]')
    kind, id_, code, description, details = await wallbox.receive()
    assert (kind, id_, code) == (4, "two", "NotImplemented")
    assert isinstance(description, str)
    assert details == {}


async def test_frames_may_come_as_binary(wallbox: RawClient) -> None:
    await wallbox.send_bytes('[2,"ünö","Heartbeat",{}]'.encode())
    assert (await wallbox.receive())[:2] == [3, "ünö"]


# Message ids


@pytest.mark.parametrize("id_", ["1", "x" * 36, "0b2f-{}[],", "ünïcödé", " "])
async def test_message_id_comes_back_as_it_was(wallbox: RawClient, id_: str) -> None:
    await wallbox.send_text(json.dumps([2, id_, "Heartbeat", {}]))
    assert (await wallbox.receive())[:2] == [3, id_]


async def test_message_ids_begin_anew_with_each_connection(
    hub: MockConfigEntry,
) -> None:
    for _ in range(2):
        async with dialled_in(hub) as client:
            await client.call("Heartbeat", {}, id="1")
            answer = await client.call("StatusNotification", STATUS, id="2")
            assert answer == (3, {})


async def test_message_ids_of_ours_are_never_used_twice(hub: MockConfigEntry) -> None:
    for _ in range(3):
        async with dialled_in(hub, on_call={"ClearCache": SILENT}) as client:
            calling = asyncio.create_task(charge_point_of(hub).call("ClearCache", {}))
            await client.wait_for("ClearCache")
        with pytest.raises(CallFailed):
            await calling
        await until_online(hub, online=False)
    ids = [json.loads(frame)[1] for _, _, frame in charge_point_of(hub).history]
    assert len(ids) == len(set(ids)) == 3
    assert all(isinstance(it, str) and len(it) <= 36 for it in ids)


@pytest.mark.parametrize("ids", [("same", "same"), ("one", "other")])
async def test_retry_is_known_by_its_content(
    hub: MockConfigEntry, wallbox: RawClient, ids: tuple[str, str]
) -> None:
    payload = {
        "connectorId": 1,
        "idTag": "CAFE0001",
        "meterStart": 100,
        "timestamp": ago(5),
    }
    first, again = [
        await wallbox.call("StartTransaction", payload, id=it) for it in ids
    ]
    assert first == again
    assert first[1]["idTagInfo"]["status"] == "Accepted"


# Payload


async def test_payload_may_be_null_where_it_may_be_empty(wallbox: RawClient) -> None:
    check_answer("Heartbeat", await result(wallbox, "Heartbeat", None))


async def test_payload_of_an_answer_may_be_null(
    hub: MockConfigEntry, wallbox: RawClient
) -> None:
    """Where it may be empty; elsewhere it is no answer."""
    wallbox.on_call |= {"UpdateFirmware": None, "ClearCache": None}
    request: dict[str, Any] = {"location": "ftp://x/", "retrieveDate": ago()}
    assert await charge_point_of(hub).call("UpdateFirmware", request, 5) == {}
    with pytest.raises(CallFailed) as failed:
        await charge_point_of(hub).call("ClearCache", {}, 5)
    assert failed.value.reason is CallReason.INVALID


@pytest.mark.parametrize("action", ["heartbeat", "HEARTBEAT", "HeartBeat"])
async def test_actions_are_known_by_their_case(wallbox: RawClient, action: str) -> None:
    assert await error(wallbox, action, {}) == "NotImplemented"


# One call at a time, each way


async def test_calls_of_both_sides_may_cross(
    hub: MockConfigEntry, wallbox: RawClient
) -> None:
    """Some notify of a new status before they answer what led to it."""

    async def notify_first(_: Any) -> Any:
        await status(wallbox, "Reserved")
        return {"status": "Accepted"}

    wallbox.on_call["ReserveNow"] = notify_first
    payload: dict[str, Any] = {
        "connectorId": 1,
        "expiryDate": ago(-600),
        "idTag": "CAFE0001",
        "reservationId": 7,
    }
    answer = await charge_point_of(hub).call("ReserveNow", payload, 5)
    assert answer["status"] == "Accepted"
    assert charge_point_of(hub).connectors[1].status == "Reserved"


async def test_calls_of_ours_wait_for_the_answer_before(
    hub: MockConfigEntry, wallbox: RawClient
) -> None:
    may_answer = asyncio.Event()

    async def later(_: Any) -> Any:
        await may_answer.wait()
        return {"status": "Accepted"}

    wallbox.on_call["ClearCache"] = later
    cp = charge_point_of(hub)
    first = asyncio.create_task(cp.call("ClearCache", {}))
    second = asyncio.create_task(cp.call("ClearCache", {}))
    await wallbox.wait_for("ClearCache")
    # What is asked meanwhile is answered; so the second could have come by now.
    await result(wallbox, "Heartbeat", {})
    assert len(wallbox.received) == 1
    may_answer.set()
    assert await first == await second == {"status": "Accepted"}
    assert len(wallbox.received) == 2


async def test_calls_of_different_charge_points_are_independent(
    hass: HomeAssistant,
) -> None:
    entry = ocpp_entry(charge_point_data(), charge_point_data("CP2"))
    await set_up(hass, entry)
    silent = dialled_in(entry, on_call={"ClearCache": SILENT})
    prompt = dialled_in(entry, "CP2", on_call={"ClearCache": {"status": "Rejected"}})
    async with silent as one, prompt:
        waiting = asyncio.create_task(charge_point_of(entry).call("ClearCache", {}))
        await one.wait_for("ClearCache")
        answer = await charge_point_of(entry, "CP2").call("ClearCache", {}, 5)
        assert answer == {"status": "Rejected"}
        assert not waiting.done()
    with pytest.raises(CallFailed) as failed:
        await waiting
    assert failed.value.reason is CallReason.CLOSED


# Unknown message type


@pytest.mark.parametrize("kind", ["0", "1", "5", "6", "99", "-2"])
async def test_unknown_message_type_is_ignored(
    hub: MockConfigEntry, wallbox: RawClient, kind: str
) -> None:
    await wallbox.send_text(f'[{kind},"x","Heartbeat",{{}}]')
    assert await result(wallbox, "Heartbeat", {})
    assert wallbox.nothing_received
    assert charge_point_of(hub).leniencies.counts["frame: unknown message type"] == 1


# Ping and pong


@asynccontextmanager
async def plain_socket(
    entry: MockConfigEntry,
) -> AsyncGenerator[aiohttp.ClientWebSocketResponse]:
    """Connect, and do nothing at all by itself."""
    url = f"ws://{HOST}:{connector_of(entry).port}/{CP}"
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(
            url, protocols=["ocpp1.6"], autoping=False, autoclose=False
        ) as socket,
    ):
        yield socket


async def test_ping_is_answered(hub: MockConfigEntry) -> None:
    async with plain_socket(hub) as socket:
        await socket.ping(b"are you there")
        message = await socket.receive(timeout=10)
        assert message.type is aiohttp.WSMsgType.PONG
        assert message.data == b"are you there"


async def test_ping_of_ours_finds_a_half_open_connection(hass: HomeAssistant) -> None:
    entry = ocpp_entry(charge_point_data(), options={"ping_interval": 0.1})
    await set_up(hass, entry)
    async with dialled_in(entry, autoping=False) as client:
        await boot(client)
        await client.socket.pong()
        await until_online(entry, online=False)
        await settled(hass)
        assert state(hass, entry, "connected", 0, platform="binary_sensor") == "off"


async def test_ping_of_ours_keeps_a_quiet_connection(hass: HomeAssistant) -> None:
    entry = ocpp_entry(charge_point_data(), options={"ping_interval": 0.05})
    await set_up(hass, entry)
    async with plain_socket(entry) as socket:
        for _ in range(8):
            message = await socket.receive(timeout=10)
            assert message.type is aiohttp.WSMsgType.PING
            await socket.pong(message.data)
        # It takes no message of OCPP's.
        assert connector_of(entry).is_online(CP)
        assert charge_point_of(entry).connections == 1


# Reconnect


async def test_reconnect_needs_no_boot(
    hass: HomeAssistant, hub: MockConfigEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(charge_point_module, "BOOT_GRACE", 0.05)
    async with dialled_in(hub) as client:
        await boot(client)
        await status(client, "Available")
    await until_online(hub, online=False)
    async with dialled_in(hub, on_call=TRIGGERS) as client:
        triggered = await client.wait_for("TriggerMessage")
        assert triggered["requestedMessage"] == "StatusNotification"
        await status(client, "Preparing")
        answer = await start(client)
        assert answer["idTagInfo"]["status"] == "Accepted"
        await settled(hass)
        assert state(hass, hub, "status") == "preparing"
        assert charge_point_of(hub).boots == 1


async def test_reconnect_replaces_the_former_connection(
    hass: HomeAssistant, hub: MockConfigEntry
) -> None:
    async with dialled_in(hub) as former:
        await boot(former)
        await status(former, "Available")
        async with dialled_in(hub) as client:
            await former.closed()
            assert connector_of(hub).is_online(CP)
            await status(client, "Preparing")
            await settled(hass)
            assert state(hass, hub, "status") == "preparing"
            connected = state(hass, hub, "connected", 0, platform="binary_sensor")
            assert connected == "on"
            wallbox = charge_point_of(hub)
            assert wallbox.connections == 2
            client.on_call["ClearCache"] = {"status": "Accepted"}
            assert await wallbox.call("ClearCache", {}, 5) == {"status": "Accepted"}


async def test_reconnect_before_the_former_socket_is_known_to_be_lost(
    hass: HomeAssistant, hub: MockConfigEntry
) -> None:
    """Its end comes late, and changes nothing."""
    async with plain_socket(hub) as former:
        async with dialled_in(hub) as client:
            await status(client, "Available")
            # It took no goodbye.
            assert not former.closed
            await former.close()
            await result(client, "Heartbeat", {})
            await settled(hass)
            assert connector_of(hub).is_online(CP)
            assert state(hass, hub, "status") == "available"
        await until_online(hub, online=False)


# Sizes


async def test_large_transaction_data_is_read(wallbox: RawClient) -> None:
    transaction = (await start(wallbox, meter_start=0))["transactionId"]
    data = [
        {
            "timestamp": ago(3600 - it),
            "sampledValue": [
                sampled(it * 10 + phase, "Voltage", phase=f"L{phase}", unit="V")
                for phase in (1, 2, 3)
            ]
            + [sampled(it, "Energy.Active.Import.Register", unit="Wh")],
        }
        for it in range(1500)
    ]
    assert len(json.dumps(data)) > 400_000
    payload = {
        "transactionId": transaction,
        "meterStop": 1500,
        "timestamp": ago(),
        "transactionData": data,
    }
    assert await result(wallbox, "StopTransaction", payload) == {}


async def test_large_configuration_is_read(
    hub: MockConfigEntry, wallbox: RawClient
) -> None:
    keys = [
        {"key": f"Key{it}", "readonly": True, "value": "x" * 400} for it in range(300)
    ]
    wallbox.on_call["GetConfiguration"] = {"configurationKey": keys}
    answer = await charge_point_of(hub).call("GetConfiguration", {}, 5)
    assert len(answer["configurationKey"]) == 300


async def test_large_certificate_chain_is_sent_whole(
    hub: MockConfigEntry, wallbox: RawClient
) -> None:
    wallbox.on_call["CertificateSigned"] = {"status": "Accepted"}
    chain = "-----BEGIN CERTIFICATE-----".ljust(10_000, "x")
    request: dict[str, Any] = {"certificateChain": chain}
    answer = await charge_point_of(hub).call("CertificateSigned", request, 5)
    assert answer == {"status": "Accepted"}
    assert await wallbox.wait_for("CertificateSigned") == request


async def test_large_message_is_read_up_to_a_limit(
    hub: MockConfigEntry, wallbox: RawClient
) -> None:
    payload = {"vendorId": "Acme", "data": "x" * (4 * 2**20 - 100)}
    answer = await result(wallbox, "DataTransfer", payload)
    check_answer("DataTransfer", answer)
    await wallbox.send_text(json.dumps([2, "1", "DataTransfer", "x" * 4 * 2**20]))
    assert await wallbox.closed() == aiohttp.WSCloseCode.MESSAGE_TOO_BIG
    await until_online(hub, online=False)


# Compression


@pytest.mark.parametrize("window", [0, 15], ids=["without", "with"])
async def test_compression(hub: MockConfigEntry, window: int) -> None:
    async with dialled_in(hub, compress=window) as client:
        assert client.socket.compress == window
        assert (await boot(client))["status"] == "Accepted"
        payload = {"vendorId": "Acme", "data": "x" * 100_000}
        check_answer("DataTransfer", await result(client, "DataTransfer", payload))


# CALLERRORs

STATUS: dict[str, Any] = {
    "connectorId": 1,
    "errorCode": "NoError",
    "status": "Available",
}
FORMED = {"FormationViolation", "ProtocolError"}

ROWS: dict[str, list[tuple[str, Any, set[str]]]] = {
    "unknown action": [("Foo", {}, {"NotImplemented"})],
    "wrong-case action": [
        ("bootNotification", BOOT, {"NotImplemented"}),
        ("METERVALUES", {}, {"NotImplemented"}),
    ],
    "action of the central system": [
        ("Reset", {"type": "Soft"}, {"NotSupported"}),
        ("RemoteStartTransaction", {"idTag": "1"}, {"NotSupported"}),
        ("GetLog", {}, {"NotSupported"}),
    ],
    "missing required field": [
        ("Authorize", {}, {"OccurenceConstraintViolation"}),
        ("BootNotification", {}, {"OccurenceConstraintViolation"}),
        ("BootNotification", None, {"OccurenceConstraintViolation"}),
        (
            "StatusNotification",
            {"connectorId": 1, "errorCode": "NoError"},
            {"OccurenceConstraintViolation"},
        ),
        ("StartTransaction", {"connectorId": 1}, {"OccurenceConstraintViolation"}),
        ("SecurityEventNotification", {}, {"OccurenceConstraintViolation"}),
    ],
    "wrong JSON type": [
        ("Authorize", {"idTag": {}}, {"TypeConstraintViolation"}),
        ("Authorize", {"idTag": [1]}, {"TypeConstraintViolation"}),
        ("DataTransfer", {"vendorId": False}, {"TypeConstraintViolation"}),
        (
            "StatusNotification",
            STATUS | {"connectorId": "one"},
            {"TypeConstraintViolation"},
        ),
        (
            "StatusNotification",
            STATUS | {"connectorId": 1.5},
            {"TypeConstraintViolation"},
        ),
        ("StatusNotification", STATUS | {"status": {}}, {"TypeConstraintViolation"}),
    ],
    "value outside enum": [
        (
            "StatusNotification",
            STATUS | {"status": "Occupied"},
            {"PropertyConstraintViolation"},
        ),
        (
            "FirmwareStatusNotification",
            {"status": "Thinking"},
            {"PropertyConstraintViolation"},
        ),
        (
            "DiagnosticsStatusNotification",
            {"status": ""},
            {"PropertyConstraintViolation"},
        ),
    ],
    "payload not an object": [
        (action, payload, {"FormationViolation", "TypeConstraintViolation"})
        for action, payload in itertools.product(
            ("Heartbeat", "BootNotification"), ([], [{}], "{}", 1, True)
        )
    ],
}


@pytest.mark.parametrize(
    ("action", "payload", "codes"),
    [
        pytest.param(*case, id=f"{row}: {case[0]} {json.dumps(case[1])}")
        for row, cases in ROWS.items()
        for case in cases
    ],
)
async def test_callerror(
    wallbox: RawClient, action: str, payload: Any, codes: set[str]
) -> None:
    kind, code, description, details = await wallbox.call(action, payload)
    assert kind == 4
    assert code in codes
    assert code in ERROR_CODES
    assert 0 < len(description) <= 255
    assert details == {}
    assert await result(wallbox, "Heartbeat", {})


async def test_callerror_of_ours_is_an_internal_error(
    hub: MockConfigEntry,
    wallbox: RawClient,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A fault in here is told without saying more, once to the user; and life goes on."""

    def fail(*_: Any) -> Any:
        raise ZeroDivisionError("idTag 4711")

    handlers = {**incoming.HANDLERS, "Authorize": fail}
    monkeypatch.setattr(charge_point_module, "HANDLERS", handlers)
    for _ in range(3):
        kind, code, text, details = await wallbox.call("Authorize", {"idTag": "T"})
        assert (kind, code, details) == (4, "InternalError", {})
        assert "4711" not in text
    assert await result(wallbox, "Heartbeat", {})
    assert charge_point_of(hub).connections == 1
    told = [it for it in caplog.records if it.levelno >= logging.WARNING]
    assert len([it for it in told if "ZeroDivisionError" in it.getMessage()]) == 1


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("Authorize", {"idTag": "T" * 30}),
        ("Authorize", {"idTag": "T", "vendorField": {"a": [1]}}),
        ("BootNotification", BOOT | {"chargePointSerialNumber": "S" * 26}),
        ("BootNotification", BOOT | {"chargePointVendor": "V" * 300}),
        ("BootNotification", BOOT | {"iccid": None, "imsi": "", "extra": 1}),
        ("StatusNotification", STATUS | {"info": "i" * 200, "vendorId": None}),
        ("StatusNotification", STATUS | {"vendorErrorCode": "e" * 200}),
        ("StatusNotification", STATUS | {"connectorId": "1", "status": "available"}),
        ("StatusNotification", STATUS | {"errorCode": "ErrorOfOurs"}),
        ("SecurityEventNotification", {"type": "t" * 90, "timestamp": "2026-03-10"}),
    ],
)
async def test_too_long_or_extra_is_accepted(
    hub: MockConfigEntry, wallbox: RawClient, action: str, payload: Any
) -> None:
    check_answer(action, await result(wallbox, action, payload))
    assert charge_point_of(hub).leniencies.counts


@pytest.mark.parametrize(
    ("frame", "id_"),
    [
        ('[2,"i"]', "i"),
        ('[2,"i","Heartbeat"]', "i"),
        ('[2,"i","Heartbeat",{},{}]', "i"),
        ('[2,"i","Heartbeat",{},null,1]', "i"),
        ('[2,"i",null,{}]', "i"),
        ('[2,"i",{"a":1},{}]', "i"),
        ('[2,"i",["Heartbeat"],{}]', "i"),
        ('[2,"i",{},"Heartbeat"]', "i"),
    ],
)
async def test_call_of_the_wrong_shape_is_answered_with_its_id(
    wallbox: RawClient, frame: str, id_: str
) -> None:
    await wallbox.send_text(frame)
    kind, answered, code, _, details = await wallbox.receive()
    assert (kind, answered, details) == (4, id_, {})
    assert code in FORMED
    assert await result(wallbox, "Heartbeat", {})


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param("", id="nothing"),
        pytest.param("hello", id="text"),
        pytest.param('{"a":1}', id="object"),
        pytest.param("[]", id="empty"),
        pytest.param("[2]", id="no id"),
        pytest.param('[2,null,"Heartbeat",{}]', id="null id"),
        pytest.param('[2,{},"Heartbeat",{}]', id="object id"),
        pytest.param('[2,["x"],"Heartbeat",{}]', id="array id"),
        pytest.param('["Heartbeat","x",{}]', id="no type"),
        pytest.param('[2,"x","Heartbeat",{', id="cut"),
        pytest.param("[" * 100_000, id="deep"),
        pytest.param("[2," + "1" * 5000 + ',"Heartbeat",{}]', id="huge number"),
        pytest.param(b"\xff\xfe\x00\x80", id="no UTF-8"),
    ],
)
async def test_what_has_no_readable_id_is_not_answered(
    hub: MockConfigEntry,
    wallbox: RawClient,
    frame: str | bytes,
    caplog: pytest.LogCaptureFixture,
) -> None:
    if isinstance(frame, bytes):
        await wallbox.send_bytes(frame)
    else:
        await wallbox.send_text(frame)
    assert await result(wallbox, "Heartbeat", {})
    assert wallbox.nothing_received
    assert charge_point_of(hub).connections == 1
    assert f"{CP} sends what is no OCPP message" in caplog.text


@pytest.mark.parametrize("length", [37, 255, 256, 10_000])
async def test_id_that_is_too_long_is_answered(wallbox: RawClient, length: int) -> None:
    id_ = "x" * length
    await wallbox.send_text(json.dumps([2, id_, "Heartbeat", {}]))
    answer = await wallbox.receive()
    assert answer[1] == id_
    if answer[0] == 4:
        assert answer[2] in {"FormationViolation", "TypeConstraintViolation"}
    else:
        check_answer("Heartbeat", answer[2])


@pytest.mark.parametrize("frame", ['[3,"{}",{{}}]', '[4,"{}","GenericError","",{{}}]'])
async def test_answer_that_nobody_waits_for_is_ignored(
    hub: MockConfigEntry, wallbox: RawClient, frame: str
) -> None:
    for number in range(2000):
        await wallbox.send_text(frame.format(number))
    assert await result(wallbox, "Heartbeat", {})
    assert wallbox.nothing_received
    counts = charge_point_of(hub).leniencies.counts
    assert counts == {"answer: nobody waits for it": 2000}
    wallbox.on_call["ClearCache"] = {"status": "Accepted"}
    answer = await charge_point_of(hub).call("ClearCache", {}, 5)
    assert answer == {"status": "Accepted"}


async def test_same_id_again_at_once_is_answered_alike(
    hub: MockConfigEntry, wallbox: RawClient
) -> None:
    payload = {"connectorId": 1, "idTag": "T", "meterStart": 0, "timestamp": ago()}
    frame = json.dumps([2, "same", "StartTransaction", payload])
    await asyncio.gather(*(wallbox.send_text(frame) for _ in range(3)))
    answers = [await wallbox.receive() for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    assert answers[0][:2] == [3, "same"]
    assert wallbox.nothing_received


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("Heartbeat", {}),
        ("StatusNotification", STATUS),
        ("Authorize", {"idTag": "T"}),
        ("MeterValues", {"connectorId": 1, "meterValue": []}),
    ],
)
async def test_call_before_boot_of_a_stranger_is_a_security_error(
    hub: MockConfigEntry, action: str, payload: Any
) -> None:
    async with dialled_in(hub, "Stranger") as client:
        assert await error(client, action, payload) == "SecurityError"
        assert (await boot(client))["status"] == "Pending"
        assert await error(client, action, payload) == "SecurityError"


async def test_call_before_boot_of_a_known_one_is_normal(wallbox: RawClient) -> None:
    for action, payload in (
        ("Heartbeat", {}),
        ("StatusNotification", STATUS),
        ("Authorize", {"idTag": "T"}),
    ):
        check_answer(action, await result(wallbox, action, payload))
