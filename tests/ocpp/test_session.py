"""A connection of a charge point, over a real websocket."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from contextlib import asynccontextmanager
import json
import logging
import socket
from typing import Any, cast

import pytest

from custom_components.bemcom_connectors.connector.model import JsonValue
from custom_components.bemcom_connectors.ocpp import session as session_module
from custom_components.bemcom_connectors.ocpp.calls import CallFailed, CallReason
from custom_components.bemcom_connectors.ocpp.frames import Call, ErrorCode, Refused
from custom_components.bemcom_connectors.ocpp.server import Server
from custom_components.bemcom_connectors.ocpp.session import (
    MAX_HISTORY,
    MAX_WAITING_CALLS,
    Session,
)
from tests.ocpp.client import HOST, SILENT, CallError, RawClient, dial
from tests.ocpp.directory import Directory, serving
from tests.ocpp.test_server import upgrade

GET: dict[str, Any] = {"key": ["HeartbeatInterval"]}
ANSWER: dict[str, Any] = {
    "configurationKey": [
        {"key": "HeartbeatInterval", "readonly": False, "value": "300"}
    ]
}


@pytest.fixture
def directory(loopback: str) -> Directory:
    return Directory()


@pytest.fixture
async def server(directory: Directory) -> AsyncGenerator[Server]:
    async with serving(directory) as running:
        yield running


@asynccontextmanager
async def connected(
    directory: Directory, server: Server, **how: Any
) -> AsyncGenerator[tuple[RawClient, Session]]:
    """Connect a charge point; what it is here beside it."""
    number = len(directory.sessions)
    async with dial(server.port, **how) as cp:
        yield cp, await directory.session(number)


async def failure(call: Awaitable[Any]) -> CallFailed:
    with pytest.raises(CallFailed) as caught:
        await call
    return caught.value


# What charge points send


async def test_calls_are_answered_in_order(
    directory: Directory, server: Server
) -> None:
    directory.answer = lambda _, call: {"of": call.payload}
    async with dial(server.port) as cp:
        for number in range(100):
            await cp.send_text(
                json.dumps([2, str(number), "MeterValues", {"n": number}])
            )
        answers = [await cp.receive() for _ in range(100)]
    assert answers == [[3, str(number), {"of": {"n": number}}] for number in range(100)]


async def test_a_refusal(directory: Directory, server: Server) -> None:
    def refuse(_session: Session, call: Call) -> JsonValue:
        raise Refused(ErrorCode.NOT_IMPLEMENTED, call.action)

    directory.answer = refuse
    async with dial(server.port) as cp:
        assert await cp.call("Foo", {}) == (4, "NotImplemented", "Foo", {})


async def test_an_accident_is_an_internal_error(
    directory: Directory, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_session: Session, call: Call) -> JsonValue:
        raise KeyError("nonsense")

    caplog.set_level(logging.DEBUG, "custom_components.bemcom_connectors")
    directory.answer = fail
    async with dial(server.port) as cp:
        assert await cp.call("Heartbeat", {}) == (4, "InternalError", "", {})
        directory.answer = cast("Any", lambda *_: object())
        assert await cp.call("Heartbeat", {}) == (4, "InternalError", "", {})
        directory.answer = lambda _session, _call: {}
        assert await cp.call("Heartbeat", {}) == (3, {})
    topics = [topic for topic, _ in directory.logged]
    assert len(topics) == 2
    assert topics[0] == "handler KeyError"
    assert "nonsense" in caplog.text


async def test_a_session_nobody_takes_care_of_refuses(
    directory: Directory, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory, "opened", directory.sessions.append)
    async with dial(server.port) as cp:
        assert (await cp.call("Heartbeat", {}))[:2] == (4, "InternalError")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        "{}",
        "[]",
        "[2]",
        '[2,null,"Heartbeat",{}]',
        "null",
        '[9,"1","x"]',
        "[" * 100_000,
        '[3,"nobody asked",{}]',
        '[4,"nobody asked","GenericError","",{}]',
    ],
)
async def test_what_cannot_be_answered_is_ignored(
    directory: Directory, server: Server, text: str
) -> None:
    async with connected(directory, server) as (cp, session):
        await cp.send_text(text)
        await cp.send_bytes(text.encode() + b"\xff\x00")
        assert await cp.call("Heartbeat", {}) == (3, {})
        assert cp.nothing_received
        assert session.notes.counts.total() >= 1


@pytest.mark.parametrize(
    "frame",
    [
        [2, "id", "Heartbeat"],
        [2, "id", "Heartbeat", {}, {}],
        [2, "id", 5, {}],
        [2, "i" * 300, "Heartbeat", {}],
    ],
)
async def test_broken_calls_with_an_id_are_answered(
    server: Server, frame: list[Any]
) -> None:
    async with dial(server.port) as cp:
        await cp.send_text(json.dumps(frame))
        answer = await cp.receive()
        assert answer[:3] == [4, frame[1], "FormationViolation"]
        assert answer[4] == {}


async def test_binary_frames_and_wrong_utf8_are_read(
    directory: Directory, server: Server
) -> None:
    async with dial(server.port) as cp:
        await cp.send_bytes(b'[2,"1","Heartbeat",{}]')
        assert await cp.receive() == [3, "1", {}]
        await cp.send_bytes(b'[2,"2","DataTransfer",{"data":"S\xe4ule"}]')
        assert await cp.receive() == [3, "2", {}]


async def test_null_as_payload(directory: Directory, server: Server) -> None:
    async with dial(server.port) as cp:
        assert await cp.call("Heartbeat", None) == (3, {})
    assert directory.calls[0].payload is None


async def test_the_same_id_again_is_answered_again(server: Server) -> None:
    async with dial(server.port) as cp:
        assert await cp.call("Heartbeat", {}, id="1") == (3, {})
        assert await cp.call("Heartbeat", {}, id="1") == (3, {})


async def test_pings_are_answered(directory: Directory, server: Server) -> None:
    async with connected(directory, server, autoping=False) as (cp, session):
        await cp.socket.ping(b"hello")
        await cp.socket.ping(b"again")
        assert await cp.call("Heartbeat", {}) == (3, {})
        assert not session.ponged
        await cp.socket.pong(b"hello")
        assert await cp.call("Heartbeat", {}) == (3, {})
        assert session.ponged


@pytest.mark.parametrize("compress", [0, 9, 15])
async def test_compression(directory: Directory, server: Server, compress: int) -> None:
    directory.answer = lambda _, call: call.payload
    async with dial(server.port, compress=compress) as cp:
        assert bool(cp.socket.compress) is bool(compress)
        for size in 10, 1000, 100_000:
            payload = {"data": "0123456789" * (size // 10)}
            assert await cp.call("DataTransfer", payload) == (3, payload)


async def test_large_messages_are_read(directory: Directory, server: Server) -> None:
    async with dial(server.port) as cp:
        frame = json.dumps([2, "1", "StopTransaction", {"x": ""}])
        await cp.send_text(frame.replace('""', f'"{"x" * (4 * 2**20 - len(frame))}"'))
        assert await cp.receive() == [3, "1", {}]


async def test_too_large_messages_close(directory: Directory, server: Server) -> None:
    reader, writer = await asyncio.open_connection(HOST, server.port)
    writer.write(upgrade("/CP1", "Sec-WebSocket-Protocol: ocpp1.6").encode())
    await reader.readuntil(b"\r\n\r\n")
    # It is not even read.
    writer.write(b"\x81\xff" + (4 * 2**20 + 1).to_bytes(8) + bytes(4))
    close = await reader.readexactly(4)
    assert (close[0], int.from_bytes(close[2:])) == (0x88, 1009)
    await directory.until(lambda: directory.gone)
    writer.close()


async def test_too_large_compressed_messages_close(
    directory: Directory, server: Server
) -> None:
    async with dial(server.port, compress=15) as cp:
        await cp.send_text(json.dumps([2, "1", "StopTransaction", "x" * 4 * 2**20]))
        assert await cp.closed() == 1009
    await directory.until(lambda: directory.gone)


async def test_other_limits_of_size(directory: Directory, loopback: str) -> None:
    async with (
        serving(directory, max_message_size=1000) as server,
        dial(server.port) as cp,
    ):
        await cp.send_text("x" * 1000)
        assert await cp.call("Heartbeat", {}) == (3, {})
        await cp.send_text("x" * 1001)
        assert await cp.closed() == 1009


async def test_a_flood_leaves_others_their_turn(
    directory: Directory, server: Server
) -> None:
    """Nobody waits for all that one charge point sends in one go."""
    order: list[str] = []

    def note(session: Session, _call: Call) -> JsonValue:
        order.append(session.charge_point_id)
        return {}

    directory.answer = note
    async with dial(server.port, "B") as calm, dial(server.port, "A") as noisy:
        for number in range(3000):
            await noisy.send_text(json.dumps([2, str(number), "Heartbeat", {}]))
        assert (await calm.call("Heartbeat", {}))[0] == 3
        for _ in range(3000):
            await noisy.receive()
    assert order.index("B") < 2900


# What is asked of charge points


async def test_a_call_is_answered(directory: Directory, server: Server) -> None:
    async with connected(directory, server) as (cp, session):
        cp.on_call["GetConfiguration"] = ANSWER
        answer = await session.call("GetConfiguration", GET)
        assert answer["configurationKey"][0]["value"] == "300"
        assert cp.received == [("GetConfiguration", GET)]


async def test_nothing_wrong_is_sent(directory: Directory, server: Server) -> None:
    async with connected(directory, server) as (cp, session):
        with pytest.raises(ValueError, match="type"):
            await session.call("Reset", {"type": "Maybe"})
        assert await cp.call("Heartbeat", {}) == (3, {})
        assert not cp.received


async def test_a_call_that_is_refused(directory: Directory, server: Server) -> None:
    async with connected(directory, server) as (cp, session):
        cp.on_call["ClearCache"] = CallError("NotSupported", "d" * 1000)
        error = await failure(session.call("ClearCache", {}))
        assert (error.reason, error.code) == (CallReason.REFUSED, "NotSupported")
        assert error.action == "ClearCache"
        assert error.text == "d" * 255
        assert "NotSupported" in str(error)


@pytest.mark.parametrize("answer", [{"status": "Maybe"}, {}, [], None, "Accepted"])
async def test_an_answer_that_is_none(
    directory: Directory, server: Server, answer: Any
) -> None:
    async with connected(directory, server) as (cp, session):
        cp.on_call["Reset"] = answer
        error = await failure(session.call("Reset", {"type": "Soft"}))
        assert error.reason is CallReason.INVALID


async def test_a_late_answer_is_not_taken_for_another(
    directory: Directory, server: Server
) -> None:
    """Sequence edge 4: the answer comes after the timeout."""
    async with connected(directory, server) as (cp, session):
        late = asyncio.Event()

        async def answer(_: Any) -> Any:
            await late.wait()
            return {"status": "Rejected"}

        cp.on_call["Reset"] = answer
        error = await failure(session.call("Reset", {"type": "Soft"}, 0.05))
        assert error.reason is CallReason.TIMEOUT
        cp.on_call["Reset"] = SILENT
        second = asyncio.create_task(session.call("Reset", {"type": "Hard"}))
        await cp.wait_for("Reset", 2)
        late.set()
        await asyncio.sleep(0.05)
        assert not second.done()
        cp.on_call["ClearCache"] = {"status": "Accepted"}
        second.cancel()
        assert await session.call("ClearCache", {}) == {"status": "Accepted"}
        assert session.notes.counts["answer: nobody waits for it"] == 1


async def test_calls_fail_at_once_when_the_socket_goes(
    directory: Directory, server: Server
) -> None:
    """Sequence edge 5: those that wait for their turn, too."""
    async with connected(directory, server) as (cp, session):
        cp.on_call["Reset"] = SILENT
        calls = [
            asyncio.create_task(session.call("Reset", {"type": "Soft"}))
            for _ in range(3)
        ]
        await cp.wait_for("Reset")
        cp.drop()
        async with asyncio.timeout(2):
            errors = await asyncio.gather(*(failure(call) for call in calls))
    assert {it.reason for it in errors} == {CallReason.CLOSED}
    assert session.closed
    assert (await failure(session.call("Reset", {"type": "Soft"}))).reason is (
        CallReason.CLOSED
    )


async def test_what_is_sent_when_the_socket_just_went(
    directory: Directory, server: Server
) -> None:
    async with connected(directory, server) as (cp, session):
        session._transport.abort()
        error = await failure(session.call("ClearCache", {}))
        assert error.reason is CallReason.CLOSED
        await directory.until(lambda: session in directory.gone)

    def hang_up(session: Session, _call: Call) -> JsonValue:
        session._transport.abort()
        return {}

    directory.answer = hang_up
    async with connected(directory, server) as (cp, session):
        await cp.send_text('[2,"1","Heartbeat",{}]')
        await directory.until(lambda: session in directory.gone)
    assert not directory.logged


async def test_calls_fail_at_once_when_we_close(
    directory: Directory, server: Server
) -> None:
    async with connected(directory, server) as (cp, session):
        cp.on_call["Reset"] = SILENT
        call = asyncio.create_task(session.call("Reset", {"type": "Soft"}))
        await cp.wait_for("Reset")
        await session.close(1000, "Reason " + "ü" * 200)
        assert (await failure(call)).reason is CallReason.CLOSED
        assert await cp.closed() == 1000
        await session.close()


async def test_calls_of_both_sides_may_cross(
    directory: Directory, server: Server
) -> None:
    """Sequence edge 6: a CALL between our CALL and its answer."""
    async with connected(directory, server) as (cp, session):

        async def answer(_: Any) -> Any:
            assert await cp.call("StatusNotification", {}) == (3, {})
            return {"status": "Accepted"}

        cp.on_call["ClearCache"] = answer
        assert await session.call("ClearCache", {}) == {"status": "Accepted"}
        assert [call.action for call in directory.calls] == ["StatusNotification"]


async def test_one_call_at_a_time_in_order(
    directory: Directory, server: Server
) -> None:
    async with connected(directory, server) as (cp, session):
        at_once = most = 0

        async def answer(_: Any) -> Any:
            nonlocal at_once, most
            at_once += 1
            most = max(most, at_once)
            await asyncio.sleep(0.002)
            at_once -= 1
            return {"status": "Accepted"}

        cp.on_call["UnlockConnector"] = lambda _: {"status": "Unlocked"}
        cp.on_call["ChangeConfiguration"] = answer
        await asyncio.gather(
            *(
                session.call("ChangeConfiguration", {"key": str(it), "value": "1"})
                for it in range(20)
            )
        )
        assert [payload["key"] for _, payload in cp.received] == [
            str(it) for it in range(20)
        ]
        assert most == 1


async def test_the_queue_is_bounded(directory: Directory, server: Server) -> None:
    async with connected(directory, server) as (cp, session):
        cp.on_call["ClearCache"] = SILENT
        calls = [
            asyncio.create_task(session.call("ClearCache", {}))
            for _ in range(MAX_WAITING_CALLS)
        ]
        await cp.wait_for("ClearCache")
        error = await failure(session.call("ClearCache", {}))
        assert error.reason is CallReason.BUSY
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)
        cp.on_call["ClearCache"] = {"status": "Accepted"}
        assert await session.call("ClearCache", {}) == {"status": "Accepted"}


async def test_the_timeout_counts_from_sending(
    directory: Directory, server: Server
) -> None:
    async with connected(directory, server) as (cp, session):
        session.call_timeout = 0.4

        async def answer(_: Any) -> Any:
            await asyncio.sleep(0.15)
            return {"status": "Accepted"}

        cp.on_call["ClearCache"] = answer
        answers = await asyncio.gather(
            *(session.call("ClearCache", {}) for _ in range(5))
        )
        assert answers == [{"status": "Accepted"}] * 5


# Who is gone


async def test_a_half_open_connection_is_closed(
    directory: Directory, server: Server
) -> None:
    server.tune(ping_interval=0.1, call_timeout=30)
    async with connected(directory, server) as (cp, session):
        await asyncio.sleep(0.5)
        assert session.ponged
        assert await cp.call("Heartbeat", {}) == (3, {})
        # From here on it neither reads nor writes.
        assert cp.socket._response.connection is not None
        cp.socket._response.connection.transport.pause_reading()
        await directory.until(lambda: session in directory.gone)
        assert session.closed


async def test_who_never_answers_pings_is_given_more_time(
    directory: Directory, server: Server
) -> None:
    server.tune(ping_interval=0.05, call_timeout=30)
    async with connected(directory, server, autoping=False) as (cp, session):
        await asyncio.sleep(0.3)
        assert not session.ponged
        assert await cp.call("Heartbeat", {}) == (3, {})
        session.silence_limit = 0.2
        await directory.until(lambda: session in directory.gone)
        assert await cp.closed() == 1006


async def test_without_pings_only_silence_counts(
    directory: Directory, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.tune(ping_interval=0, call_timeout=30)

    monkeypatch.setattr(session_module, "_LONGEST_SLEEP", 0.1)

    def prepare(session: Session) -> None:
        session.silence_limit = 0.3

    directory.prepare = prepare
    async with connected(directory, server) as (cp, session):
        for _ in range(5):
            await asyncio.sleep(0.1)
            assert await cp.call("Heartbeat", {}) == (3, {})
        assert not session.ponged
        await directory.until(lambda: session in directory.gone)


async def stubborn(port: int) -> socket.socket:
    """Return a connection whose other end will never read what it is sent."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(sock, (HOST, port))
    request = upgrade("/CP1", "Sec-WebSocket-Protocol: ocpp1.6")
    await loop.sock_sendall(sock, request.encode())
    return sock


def masked(text: str) -> bytes:
    data = text.encode()
    return bytes((0x81, 0x80 | 126)) + len(data).to_bytes(2) + bytes(4) + data


@pytest.mark.parametrize(
    "frame",
    [
        masked(json.dumps([2, "1", "DataTransfer", {"data": "x" * 200}])),
        b"\x89\xfd" + bytes(4 + 125),  # a ping
    ],
    ids=["calls", "pings"],
)
async def test_who_takes_nothing_is_closed(
    directory: Directory, server: Server, frame: bytes
) -> None:
    def prepare(session: Session) -> None:
        session.write_timeout = 0.2

    directory.prepare = prepare
    directory.answer = lambda _, __: {"data": "x" * 100_000}
    sock = await stubborn(server.port)
    session = await directory.session()

    async def flood() -> None:
        try:
            while True:
                await asyncio.get_running_loop().sock_sendall(sock, frame)
        except ConnectionError:
            return

    flooding = asyncio.create_task(flood())
    # Others are served meanwhile.
    async with dial(server.port, "CP2") as cp:
        assert (await cp.call("Heartbeat", {}))[0] == 3
    await directory.until(lambda: session in directory.gone)
    async with asyncio.timeout(10):
        await flooding
    sock.close()
    # Not everything that was asked was answered: that would be memory without end.
    assert len(directory.calls) < 1000


async def test_who_takes_nothing_is_closed_by_us(
    directory: Directory, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "CLOSE_TIMEOUT", 0.1)
    directory.answer = lambda _, __: {"data": "x" * 8_000_000}
    sock = await stubborn(server.port)
    session = await directory.session()
    frame = masked(json.dumps([2, "1", "DataTransfer", {"data": "x" * 200}]))
    await asyncio.get_running_loop().sock_sendall(sock, frame)
    await directory.until(lambda: directory.calls)
    error = await failure(session.call("ClearCache", {}, 0.1))
    assert error.reason is CallReason.TIMEOUT
    assert not await session.is_alive(0.05)
    await session.close()
    await directory.until(lambda: session in directory.gone)
    sock.close()


async def test_is_alive(directory: Directory, server: Server) -> None:
    async with connected(directory, server, autoping=False) as (cp, session):
        assert not await session.is_alive(0.1)
        assert await cp.call("Heartbeat", {}) == (3, {})
    await directory.until(lambda: directory.gone)
    assert not await session.is_alive(1)
    async with connected(directory, server) as (_, session):
        assert await session.is_alive(5)


# What is kept


async def test_frames_are_kept_without_secrets(
    directory: Directory, server: Server
) -> None:
    async with connected(directory, server) as (cp, session):
        cp.on_call["ChangeConfiguration"] = {"status": "Accepted"}
        payload = {
            "key": "AuthorizationKey",
            "value": "00112233445566778899aabbccddeeff",
        }
        await session.call("ChangeConfiguration", payload)
        await cp.call("Authorize", {"idTag": "04AABBCC"})
        assert session.history is not None
        kept = [(direction, text) for _, direction, text in session.history]
        assert [direction for direction, _ in kept] == ["out", "in", "in", "out"]
        assert "00112233" not in str(kept)
        assert "04AABBCC" not in str(kept)
        assert "AuthorizationKey" in kept[0][1]
        for _ in range(MAX_HISTORY):
            await cp.call("Heartbeat", {})
        assert len(session.history) == MAX_HISTORY


async def test_no_frames_are_kept_of_strangers(
    directory: Directory, server: Server
) -> None:
    def forget(session: Session) -> None:
        session.history = None

    directory.prepare = forget
    async with connected(directory, server) as (cp, session):
        assert await cp.call("Heartbeat", {}) == (3, {})
        assert session.history is None
        assert session.opened <= session.last_received


@pytest.mark.parametrize("code", [1000, 1001, 3000])
async def test_goodbye_of_a_charge_point(
    directory: Directory, server: Server, code: int
) -> None:
    async with connected(directory, server) as (cp, session):
        await cp.socket.close(code=code)
        await directory.until(lambda: session in directory.gone)
    assert not server.sessions
    assert not directory.logged
