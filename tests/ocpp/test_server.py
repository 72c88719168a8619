"""The handshake, and the server around it, over real sockets."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
import contextlib
import socket
from typing import Any
from urllib.parse import quote

import aiohttp
from hypothesis import example, given, strategies as st
import pytest

from custom_components.bemcom_connectors.connector.model import LinkError, LinkReason
from custom_components.bemcom_connectors.ocpp import server as server_module
from custom_components.bemcom_connectors.ocpp.handshake import id_of
from custom_components.bemcom_connectors.ocpp.server import (
    Arrival,
    Server,
    ServerOptions,
    Verdict,
)
from tests.ocpp.client import HOST, dial
from tests.ocpp.directory import Directory, serving


@pytest.fixture
def directory(loopback: str) -> Directory:
    return Directory()


@pytest.fixture
async def server(directory: Directory) -> AsyncGenerator[Server]:
    async with serving(directory) as running:
        yield running


async def refused(
    port: int, charge_point_id: str = "CP1", **how: object
) -> aiohttp.WSServerHandshakeError:
    """Return how a charge point is refused."""
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        async with dial(port, charge_point_id, **how):  # type: ignore[arg-type]
            pass
    return caught.value


async def raw_answer(port: int, request: str) -> str:
    """Return the head of what is answered to a request, byte by byte as it is given."""
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(request.encode())
    async with asyncio.timeout(10):
        head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    return head.decode()


def upgrade(path: str, *headers: str) -> str:
    """Return a request to open a websocket."""
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {HOST}",
        "Upgrade: websocket",
        "Connection: keep-alive, Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        *headers,
    ]
    return "\r\n".join(lines) + "\r\n\r\n"


# The URL


@pytest.mark.parametrize(
    ("path", "charge_point_id"),
    [
        ("/CP1", "CP1"),
        ("/RDAM%20123", "RDAM 123"),
        ("/any/prefix/of/it/CP1", "CP1"),
        ("///charger", "charger"),
        ("/CP1?token=1&x=/y", "CP1"),
        ("/ocpp/?=AE0022", "AE0022"),
        ("/ocpp/CP1/", "CP1"),
        ("/a%2Fb", "a/b"),
        ("/S%C3%A4ule", "Säule"),
        ("/CP%231", "CP#1"),
        ("/" + "x" * 64, "x" * 64),
        ("http://host:9000/ocpp/CP1", "CP1"),
    ],
)
async def test_id_is_the_last_segment(
    directory: Directory, server: Server, path: str, charge_point_id: str
) -> None:
    head = await raw_answer(
        server.port, upgrade(path, "Sec-WebSocket-Protocol: ocpp1.6")
    )
    assert head.startswith("HTTP/1.1 101")
    session = await directory.session()
    assert session.charge_point_id == charge_point_id
    assert charge_point_id in repr(session)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "//",
        "/?=",
        "/?x",
        "/" + "x" * 65,
        "/%00",
        "/%FF",
        "/a%0Ab",
        "/%20",
        "/?=%80",
    ],
)
async def test_no_id_is_not_found(server: Server, path: str) -> None:
    head = await raw_answer(
        server.port, upgrade(path, "Sec-WebSocket-Protocol: ocpp1.6")
    )
    assert head.startswith("HTTP/1.1 404")


@example("")
@example("/%")
@given(st.text())
def test_any_path_can_be_read(path: str) -> None:
    found = id_of(path)
    assert found is None or (found.isprintable() and 0 < len(found) <= 64)


@given(st.text(min_size=1, max_size=64), st.text(alphabet="abc/%2", max_size=10))
def test_any_printable_id_is_found(charge_point_id: str, prefix: str) -> None:
    if charge_point_id.isprintable() and charge_point_id.strip():
        path = f"/{prefix}/{quote(charge_point_id, safe='')}?x=/y"
        assert id_of(path) == charge_point_id


async def test_an_unknown_id_is_not_found(directory: Directory, server: Server) -> None:
    directory.verdict = lambda _: Verdict.UNKNOWN
    assert (await refused(server.port)).status == 404
    assert not directory.sessions


# What is no websocket


async def test_a_browser_is_told_what_this_is(server: Server) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://{HOST}:{server.port}/CP1") as response,
    ):
        assert response.status == 426
        assert response.headers["Upgrade"] == "websocket"
        assert "OCPP 1.6" in await response.text()


@pytest.mark.parametrize("method", ["POST", "HEAD", "PUT", "OPTIONS"])
async def test_other_methods_open_nothing(server: Server, method: str) -> None:
    request = upgrade("/CP1").replace("GET", method)
    assert (await raw_answer(server.port, request)).startswith("HTTP/1.1 426")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Version: 13", "Version: 1"),
        ("Connection: keep-alive, Upgrade", "Connection: close"),
        ("Key: dGhlIHNhbXBsZSBub25jZQ==", "Key: x"),
    ],
)
async def test_a_broken_handshake_is_refused(
    directory: Directory, server: Server, old: str, new: str
) -> None:
    request = upgrade("/CP1", "Sec-WebSocket-Protocol: ocpp1.6").replace(old, new)
    assert (await raw_answer(server.port, request)).startswith("HTTP/1.1 400")
    assert not directory.sessions


async def test_garbage_is_refused_in_silence(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    head = await raw_answer(server.port, "\x16\x03\x01 no HTTP at all\r\n\r\n")
    assert head.startswith("HTTP/1.0 400")
    head = await raw_answer(server.port, "GET /CP1 HTTP/1.1\r\nno header\r\n\r\n")
    assert "400" in head
    async with dial(server.port) as cp:
        assert await cp.call("Heartbeat", {}) == (3, {})
    assert not [it for it in caplog.records if it.levelname in {"WARNING", "ERROR"}]


# The subprotocol (TC_088)


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (["ocpp1.6"], "ocpp1.6"),
        (["ocpp0.1", "ocpp1.6"], "ocpp1.6"),
        (["ocpp2.0.1", "ocpp1.6", "ocpp1.5"], "ocpp1.6"),
        (["OCPP1.6"], "OCPP1.6"),
    ],
)
async def test_subprotocol_is_chosen(
    directory: Directory, server: Server, offered: list[str], chosen: str
) -> None:
    async with dial(server.port, subprotocols=offered) as cp:
        assert cp.subprotocol == chosen
        assert (await directory.session()).subprotocol == chosen
    assert directory.arrivals[0].subprotocols == tuple(offered)


@pytest.mark.parametrize("offered", [[], ["ocpp0.1"], ["ocpp2.0.1", "ocpp1.5"]])
async def test_no_common_subprotocol_is_refused(
    directory: Directory, server: Server, offered: list[str]
) -> None:
    assert (await refused(server.port, subprotocols=offered)).status == 400
    assert not directory.sessions
    assert [topic for topic, _ in directory.logged] == ["subprotocol"]


async def test_one_without_subprotocol_is_served_where_that_is_known(
    directory: Directory, server: Server
) -> None:
    directory.without_subprotocol = True
    async with dial(server.port, subprotocols=()) as cp:
        assert cp.subprotocol is None
        assert await cp.call("Heartbeat", {}) == (3, {})
    assert (await refused(server.port, subprotocols=["ocpp1.5"])).status == 400


async def test_subprotocols_on_several_lines(
    directory: Directory, server: Server
) -> None:
    lines = "Sec-WebSocket-Protocol: ocpp1.6", "Sec-WebSocket-Protocol: ocpp1.5, x"
    head = await raw_answer(server.port, upgrade("/CP1", *lines))
    assert "\r\nSec-WebSocket-Protocol: ocpp1.6\r\n" in head
    assert directory.arrivals[0].subprotocols == ("ocpp1.6", "ocpp1.5", "x")


# Who may come in


@pytest.mark.parametrize(
    ("verdict", "status"),
    [
        (Verdict.UNAUTHORIZED, 401),
        (Verdict.FORBIDDEN, 403),
        (Verdict.UNKNOWN, 404),
        (Verdict.BUSY, 503),
    ],
)
async def test_who_is_not_welcome(
    directory: Directory, server: Server, verdict: Verdict, status: int
) -> None:
    directory.verdict = lambda _: verdict
    error = await refused(server.port)
    assert error.status == status
    headers: Mapping[str, str] = error.headers or {}
    assert ("WWW-Authenticate" in headers) is (status == 401)
    assert not directory.sessions


async def test_credentials_arrive(directory: Directory, server: Server) -> None:
    async with dial(server.port, "CP:1", password="open:sesame"):
        pass
    (arrival,) = directory.arrivals
    assert arrival == Arrival(
        charge_point_id="CP:1",
        remote=HOST,
        passwords=(b"open:sesame",),
        has_credentials=True,
        subprotocols=("ocpp1.6",),
    )
    assert "sesame" not in repr(arrival)


async def test_another_ones_credentials_are_none(
    directory: Directory, server: Server
) -> None:
    async with dial(
        server.port, "CP1", headers={"Authorization": "Basic Q1AyOnNlc2FtZQ=="}
    ):
        pass
    assert directory.arrivals[0].passwords == ()
    assert directory.arrivals[0].has_credentials


async def test_a_directory_that_fails(directory: Directory, server: Server) -> None:
    def fail(_: object) -> Any:
        raise RuntimeError("nonsense")

    directory.verdict = fail
    assert (await refused(server.port)).status == 500
    directory.verdict = lambda _: Verdict.ACCEPTED
    directory.prepare = fail
    async with dial(server.port) as cp:
        assert await cp.closed() == 1011
    assert {topic for topic, _ in directory.logged} == {"connection RuntimeError"}
    directory.prepare = lambda _: None

    def fail_late(_: object) -> None:
        raise KeyError

    directory.leave = fail_late
    async with dial(server.port) as cp:
        assert await cp.call("Heartbeat", {}) == (3, {})
    await directory.until(lambda: len(directory.logged) == 3)
    assert directory.logged[-1][0] == "connection KeyError"
    assert not server.sessions
    async with dial(server.port) as cp:
        assert await cp.call("Heartbeat", {}) == (3, {})


async def test_who_hangs_up_while_decided_about(
    directory: Directory, server: Server
) -> None:
    decide = asyncio.Event()
    asked = asyncio.Event()

    async def later() -> Verdict:
        asked.set()
        await decide.wait()
        return Verdict.ACCEPTED

    directory.verdict = lambda _: later()
    _, writer = await asyncio.open_connection(HOST, server.port)
    writer.write(upgrade("/CP1", "Sec-WebSocket-Protocol: ocpp1.6").encode())
    await asked.wait()
    writer.transport.abort()
    await asyncio.sleep(0.05)
    decide.set()
    directory.verdict = lambda _: Verdict.ACCEPTED
    async with dial(server.port, "CP2") as cp:
        assert await cp.call("Heartbeat", {}) == (3, {})
    assert [it.charge_point_id for it in directory.sessions] == ["CP2"]
    assert not directory.logged


# Limits


async def test_a_flood_of_wrong_passwords(directory: Directory, server: Server) -> None:
    def check(arrival: Arrival) -> Verdict:
        right = b"right" in arrival.passwords
        return Verdict.ACCEPTED if right else Verdict.UNAUTHORIZED

    directory.verdict = check
    async with dial(server.port, "CP2", password="right"):
        pass
    states = [
        (await refused(server.port, password=f"guess {i}")).status for i in range(15)
    ]
    assert states == [401] * 10 + [429] * 5
    assert len(directory.arrivals) == 11
    # Not even with the right one now; but others behind the same address.
    error = await refused(server.port, password="right")
    assert error.status == 429
    assert (error.headers or {})["Retry-After"] == "60"
    async with dial(server.port, "CP2", password="right"):
        pass


async def test_a_flood_of_ids(directory: Directory, server: Server) -> None:
    directory.verdict = lambda _: Verdict.UNKNOWN
    states = [(await refused(server.port, f"CP{i}")).status for i in range(13)]
    assert states == [404] * 10 + [429] * 3


async def test_connections_are_limited(directory: Directory, loopback: str) -> None:
    async with (
        serving(directory, max_connections=2) as server,
        dial(server.port, "A") as first,
        dial(server.port, "B"),
    ):
        assert (await refused(server.port, "C")).status == 503
        await first.close()
        await directory.until(lambda: directory.gone)
        async with dial(server.port, "C") as cp:
            assert await cp.call("Heartbeat", {}) == (3, {})


async def test_those_who_say_nothing_are_limited(
    directory: Directory, loopback: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "_SPARE_CONNECTIONS", 2)
    async with serving(directory, max_connections=1) as server:
        silent = [await asyncio.open_connection(HOST, server.port) for _ in range(4)]
        async with asyncio.timeout(10):
            # The one too many.
            with contextlib.suppress(ConnectionError):
                assert await silent[-1][0].read() == b""
        silent[0][1].close()
        await asyncio.sleep(0.05)
        async with dial(server.port):
            pass
        for _, writer in silent:
            writer.close()


async def test_who_says_nothing_is_let_go(
    directory: Directory, loopback: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "HANDSHAKE_TIMEOUT", 0.2)
    async with serving(directory) as server:
        reader, writer = await asyncio.open_connection(HOST, server.port)
        writer.write(b"GET /CP1 HTTP/1.1\r\nHost:")
        async with asyncio.timeout(10):
            assert await reader.read() == b""
        # One that did say who it is stays.
        async with dial(server.port) as cp:
            await asyncio.sleep(0.5)
            assert await cp.call("Heartbeat", {}) == (3, {})


# The port


async def test_a_busy_port(directory: Directory, server: Server) -> None:
    other = Server(
        ServerOptions(port=server.port, host=HOST), directory, directory.log_once
    )
    with pytest.raises(LinkError) as caught:
        await other.start()
    assert caught.value.reason is LinkReason.ADDRESS_IN_USE
    await other.stop()
    async with dial(server.port) as cp:
        assert await cp.call("Heartbeat", {}) == (3, {})


async def test_an_address_that_is_not_ours(
    directory: Directory, socket_enabled: None
) -> None:
    options = ServerOptions(port=0, host="192.0.2.1")
    server = Server(options, directory, directory.log_once)
    with pytest.raises(LinkError) as caught:
        await server.start()
    assert caught.value.reason is LinkReason.ADDRESS_INVALID
    assert "192.0.2.1" in str(caught.value)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (PermissionError(13, "Permission denied"), LinkReason.PERMISSION),
        (socket.gaierror(-2, "Name not known"), LinkReason.ADDRESS_INVALID),
        (UnicodeError("label too long"), LinkReason.ADDRESS_INVALID),
        (OSError(24, "Too many open files"), LinkReason.FAILED),
    ],
)
async def test_why_it_cannot_listen(
    directory: Directory,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    reason: LinkReason,
) -> None:
    async def create_server(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(asyncio.get_running_loop(), "create_server", create_server)
    server = Server(ServerOptions(port=80, host="x"), directory, directory.log_once)
    with pytest.raises(LinkError) as caught:
        await server.start()
    assert caught.value.reason is reason
    await server.stop()


async def test_a_port_that_is_none(directory: Directory) -> None:
    server = Server(ServerOptions(port=70000, host=HOST), directory, directory.log_once)
    with pytest.raises(LinkError) as caught:
        await server.start()
    assert caught.value.reason is LinkReason.ADDRESS_INVALID
    assert server.port == 70000


async def test_all_addresses(directory: Directory, loopback: str) -> None:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    async with serving(directory, host="", port=port) as server:
        assert server.port == port
        async with dial(port) as cp:
            assert await cp.call("Heartbeat", {}) == (3, {})
        assert server._listening is not None
        families = {it.family for it in server._listening.sockets}
        assert socket.AF_INET in families


async def test_stop_and_start_again_on_the_same_port(
    directory: Directory, loopback: str
) -> None:
    async with serving(directory) as first:
        port = first.port
        async with dial(port, "A") as one, dial(port, "B") as two:
            # A third one has not said yet what it wants, and a fourth one never will.
            idle, idle_writer = await asyncio.open_connection(HOST, port)
            await first.stop()
            assert (await one.closed(), await two.closed()) == (1001, 1001)
            async with asyncio.timeout(10):
                assert await idle.read() == b""
            idle_writer.close()
            assert not first.sessions
            assert {it.charge_point_id for it in directory.gone} == {"A", "B"}
            async with serving(directory, port=port), dial(port, "A") as again:
                assert await again.call("Heartbeat", {}) == (3, {})
    async with serving(directory, port=port):
        pass


async def test_one_server_starts_again(directory: Directory, loopback: str) -> None:
    async with serving(directory) as server:
        await server.stop()
        await server.start()
        async with dial(server.port) as cp:
            assert await cp.call("Heartbeat", {}) == (3, {})


async def test_stop_does_not_wait_for_who_does_not_answer(
    directory: Directory, loopback: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "custom_components.bemcom_connectors.ocpp.session.CLOSE_TIMEOUT", 0.1
    )
    async with serving(directory) as server:
        _, writer = await asyncio.open_connection(HOST, server.port)
        writer.write(upgrade("/CP1", "Sec-WebSocket-Protocol: ocpp1.6").encode())
        await directory.session()
        async with asyncio.timeout(2):
            await server.stop()
        assert directory.gone == directory.sessions
        writer.close()


async def test_stop_while_somebody_is_decided_about(
    directory: Directory, loopback: str
) -> None:
    decide = asyncio.Event()

    async def later() -> Verdict:
        await decide.wait()
        return Verdict.ACCEPTED

    directory.verdict = lambda _: later()
    async with serving(directory) as server:
        waiting = asyncio.create_task(refused(server.port))
        while not directory.arrivals:
            await asyncio.sleep(0)
        stopping = asyncio.create_task(server.stop())
        await asyncio.sleep(0)
        decide.set()
        assert (await waiting).status == 503
        await stopping
    assert not directory.sessions


async def test_times_are_tuned_for_those_who_are_in(
    directory: Directory, server: Server
) -> None:
    async with dial(server.port, "A"), dial(server.port, "B"):
        sessions = [await directory.session(0), await directory.session(1)]
        server.tune(ping_interval=7, call_timeout=8)
        assert [(it.ping_interval, it.call_timeout) for it in sessions] == [(7, 8)] * 2
        async with dial(server.port, "C"):
            newest = await directory.session(2)
            assert (newest.ping_interval, newest.call_timeout) == (7, 8)


async def test_two_sockets_of_one_charge_point(
    directory: Directory, server: Server
) -> None:
    """The directory closes the old one; that is told apart from the new one."""
    async with dial(server.port) as old, dial(server.port) as new:
        first, second = await directory.session(0), await directory.session(1)
        await first.close(1000, "Replaced")
        assert await old.closed() == 1000
        await directory.until(lambda: directory.gone)
        assert directory.gone == [first]
        assert server.sessions == {second}
        assert await new.call("Heartbeat", {}) == (3, {})


async def busy(port: int, number: int) -> list[tuple[Any, ...]]:
    async with dial(port, f"CP{number}") as cp:
        return [await cp.call("Heartbeat", {}) for _ in range(20)]


async def test_charge_points_are_independent(
    directory: Directory, server: Server
) -> None:
    answers = await asyncio.gather(*(busy(server.port, it) for it in range(20)))
    assert answers == [[(3, {})] * 20] * 20
