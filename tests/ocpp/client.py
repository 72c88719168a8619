"""A charge point for tests: it speaks OCPP-J over a real websocket, and nothing by itself."""

import asyncio
import base64
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
import itertools
import json
import ssl as ssl_module
from typing import Any, Self
from urllib.parse import quote

import aiohttp
from yarl import URL

HOST = "127.0.0.1"
PATIENCE = 10.0

# As an answer to a CALL: none.
SILENT = object()


class CallError(Exception):
    """As an answer to a CALL: this CALLERROR."""

    def __init__(self, code: str, description: str = "") -> None:
        """Keep the code beside the description."""
        super().__init__(description)
        self.code = code
        self.description = description


class RawClient:
    """One connection of a charge point; a background task reads it.

    CALLs of the central system are kept in `received` and answered from `on_call`: a payload,
    a CallError, SILENT, or a (coroutine) function of the CALL's payload that returns or raises
    one of them. Others are answered NotImplemented. What is neither a CALL nor an answer that
    `call` waits for comes out of `receive`.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Read `socket` from now on."""
        self.socket = socket
        self.on_call: dict[str, Any] = {}
        self.received: list[tuple[str, Any]] = []
        self._ids = itertools.count(1)
        self._answers: dict[str, asyncio.Future[list[Any]]] = {}
        self._others: asyncio.Queue[str] = asyncio.Queue()
        self._changed = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()
        self._reader = asyncio.create_task(self._read())

    @property
    def subprotocol(self) -> str | None:
        """Return what the server chose."""
        return self.socket.protocol

    async def __aenter__(self) -> Self:
        """Return itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connection."""
        await self.close()

    async def call(
        self, action: str, payload: Any, *, id: str | None = None
    ) -> tuple[Any, ...]:
        """Send a CALL; return (3, payload) or (4, code, description, details)."""
        id = id or f"{id_prefix()}{next(self._ids)}"
        answer = self._answers[id] = asyncio.get_running_loop().create_future()
        try:
            await self.send_text(json.dumps([2, id, action, payload]))
            async with asyncio.timeout(PATIENCE):
                frame = await answer
        finally:
            del self._answers[id]
        return (frame[0], *frame[2:])

    async def send_text(self, text: str) -> None:
        """Send a text frame as it is."""
        await self.socket.send_str(text)

    async def send_bytes(self, data: bytes) -> None:
        """Send a binary frame as it is."""
        await self.socket.send_bytes(data)

    async def receive(self) -> Any:
        """Return the next frame, read as JSON, that nobody else waits for."""
        async with asyncio.timeout(PATIENCE):
            return json.loads(await self._others.get())

    @property
    def nothing_received(self) -> bool:
        """Whether no frame came that nobody waits for."""
        return self._others.empty()

    async def wait_for(self, action: str, count: int = 1) -> Any:
        """Wait for the `count`th CALL of this action; return its payload."""

        def payloads() -> list[Any]:
            return [payload for name, payload in self.received if name == action]

        async with asyncio.timeout(PATIENCE), self._changed:
            await self._changed.wait_for(lambda: len(payloads()) >= count)
        return payloads()[count - 1]

    async def closed(self) -> int | None:
        """Wait until the connection is gone; return the close code."""
        async with asyncio.timeout(PATIENCE):
            await asyncio.wait([self._reader])
        return self.socket.close_code

    async def close(self) -> None:
        """Hang up properly."""
        for task in self._tasks:
            task.cancel()
        self._reader.cancel()
        await asyncio.wait([self._reader, *self._tasks])
        await self.socket.close()

    def drop(self) -> None:
        """Hang up without a word: the socket is gone."""
        response = self.socket._response
        assert response.connection is not None
        assert response.connection.transport is not None
        response.connection.transport.abort()

    async def _read(self) -> None:
        async for message in self.socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            frame = json.loads(message.data)
            if frame[0] == 2:
                self._take_call(frame)
            elif (answer := self._answers.get(frame[1])) and not answer.done():
                answer.set_result(frame)
            else:
                self._others.put_nowait(message.data)

    def _take_call(self, frame: list[Any]) -> None:
        task = asyncio.create_task(self._answer(frame))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, frame: list[Any]) -> None:
        _, id, action, payload = frame
        async with self._changed:
            self.received.append((action, payload))
            self._changed.notify_all()
        try:
            answer = self.on_call.get(action, CallError("NotImplemented"))
            if callable(answer):
                answer = answer(payload)
                if asyncio.iscoroutine(answer):
                    answer = await answer
        except CallError as err:
            answer = err
        if isinstance(answer, CallError):
            await self.send_text(
                json.dumps([4, id, answer.code, answer.description, {}])
            )
        elif answer is not SILENT:
            await self.send_text(json.dumps([3, id, answer]))


_prefixes = itertools.count(1)


def id_prefix() -> str:
    """Return what makes message ids unique over connections."""
    return f"{next(_prefixes)}-"


def basic(user: str, password: str | bytes) -> str:
    """Return the Authorization header of a charge point."""
    secret = password.encode() if isinstance(password, str) else password
    return "Basic " + base64.b64encode(user.encode() + b":" + secret).decode()


@asynccontextmanager
async def dial(
    port: int,
    charge_point_id: str = "CP1",
    *,
    password: str | bytes | None = None,
    subprotocols: Iterable[str] = ("ocpp1.6",),
    ssl: ssl_module.SSLContext | None = None,
    path: str = "/",
    headers: Mapping[str, str] | None = None,
    compress: int = 0,
    host: str = HOST,
    autoping: bool = True,
    on_call: Mapping[str, Any | Callable[[Any], Any]] | None = None,
) -> AsyncGenerator[RawClient]:
    """Connect as a charge point; aiohttp.WSServerHandshakeError where it is refused."""
    all_headers = dict(headers or {})
    if password is not None:
        all_headers["Authorization"] = basic(charge_point_id, password)
    scheme = "wss" if ssl else "ws"
    url = f"{scheme}://{host}:{port}{path}{quote(charge_point_id, safe='')}"
    async with aiohttp.ClientSession() as session:
        socket = await session.ws_connect(
            URL(url, encoded=True),
            protocols=tuple(subprotocols),
            headers=all_headers,
            ssl=ssl or True,
            compress=compress,
            max_msg_size=0,
            autoping=autoping,
        )
        async with RawClient(socket) as client:
            client.on_call.update(on_call or {})
            yield client
