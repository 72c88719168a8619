"""The charge point's end of an OCPP connection: it dials, asks, and answers."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
import json
import logging
import random
from typing import Any
from urllib.parse import quote
import uuid

import aiohttp

_LOGGER = logging.getLogger(__name__)

type Payload = dict[str, Any]

_CALL, _RESULT, _ERROR = 2, 3, 4


class OfflineError(Exception):
    """There is no connection, or no answer came over it."""


class RefusedError(Exception):
    """The central system answered with an error; the text says which."""


class NotImplementedHereError(Exception):
    """This charge point knows no such action."""


class ChargePointLink:
    """A connection that is dialled again for as long as `run` runs."""

    def __init__(
        self,
        url: str,
        charge_point_id: str,
        answer: Callable[[str, Payload], Payload],
        *,
        password: str = "",
        back_off: tuple[float, float] = (1.0, 30.0),
        timeout: float = 30.0,
    ) -> None:
        """Remember where to dial; `answer` is asked whatever the central system asks."""
        self.address = f"{url.rstrip('/')}/{quote(charge_point_id, safe='')}"
        self.back_off = back_off
        self.timeout = timeout
        # Seconds between pings of the websocket; 0: none.
        self.ping_interval = 0.0
        self.online = asyncio.Event()
        # How often it was connected, and who wants to know when it is.
        self.dialled = 0
        self.on_online: Callable[[], None] = lambda: None
        self._answer = answer
        self._auth: aiohttp.BasicAuth | None = None
        if password:
            self._auth = aiohttp.BasicAuth(charge_point_id, password)
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._turn = asyncio.Lock()
        self._waiting: tuple[str, asyncio.Future[Payload]] | None = None
        self._cable = asyncio.Event()
        self._cable.set()

    async def run(self) -> None:
        """Be connected whenever that can be."""
        shortest, longest = self.back_off
        delay = shortest
        async with aiohttp.ClientSession() as session:
            while True:
                await self._cable.wait()
                try:
                    async with session.ws_connect(
                        self.address,
                        protocols=("ocpp1.6",),
                        auth=self._auth,
                        max_msg_size=0,
                    ) as socket:
                        delay = shortest
                        await self._serve(socket)
                except (aiohttp.ClientError, OSError, TimeoutError) as error:
                    _LOGGER.debug("%s: %s", self.address, error)
                await asyncio.sleep(delay * random.uniform(0.8, 1.2))
                delay = min(longest, delay * 2)

    async def hang_up(self) -> None:
        """Close the connection; `run` dials again."""
        if self._socket is not None:
            await self._socket.close()

    async def pull_cable(self) -> None:
        """Close the connection, and stay away until the cable is back."""
        self._cable.clear()
        await self.hang_up()

    def plug_cable(self) -> None:
        """Dial again."""
        self._cable.set()

    async def call(self, action: str, payload: Payload) -> Payload:
        """Return the central system's answer; one question at a time."""
        async with self._turn:
            if self._socket is None:
                raise OfflineError
            message_id = uuid.uuid4().hex
            answer: asyncio.Future[Payload] = asyncio.get_running_loop().create_future()
            self._waiting = (message_id, answer)
            try:
                async with asyncio.timeout(self.timeout):
                    message = json.dumps([_CALL, message_id, action, payload])
                    await self._socket.send_str(message)
                    return await answer
            except (OSError, aiohttp.ClientError, TimeoutError) as error:
                raise OfflineError from error
            finally:
                self._waiting = None

    async def _serve(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Take all that comes until the connection is gone."""
        self._socket = socket
        self.dialled += 1
        self.online.set()
        self.on_online()
        pinger = asyncio.create_task(self._ping_forever(socket))
        try:
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    await self._receive(socket, message.json())
        finally:
            pinger.cancel()
            self._socket = None
            self.online.clear()
            if self._waiting is not None and not self._waiting[1].done():
                self._waiting[1].set_exception(OfflineError())

    async def _ping_forever(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        with suppress(OSError, aiohttp.ClientError):
            while True:
                await asyncio.sleep(self.ping_interval or 1.0)
                if self.ping_interval:
                    await socket.ping()

    async def _receive(
        self, socket: aiohttp.ClientWebSocketResponse, message: list[Any]
    ) -> None:
        """Take an answer, or give one."""
        kind, message_id, *rest = message
        if kind == _CALL:
            await socket.send_str(json.dumps(self._answer_to(message_id, *rest)))
            return
        if self._waiting is None or self._waiting[0] != message_id:
            return
        answer = self._waiting[1]
        if answer.done():
            return
        if kind == _RESULT:
            answer.set_result(rest[0])
        elif kind == _ERROR:
            answer.set_exception(RefusedError(f"{rest[0]} {rest[1]}"))

    def _answer_to(self, message_id: str, action: str, payload: Payload) -> list[Any]:
        try:
            return [_RESULT, message_id, self._answer(action, payload)]
        except NotImplementedHereError:
            return [_ERROR, message_id, "NotImplemented", "", {}]
        except (KeyError, TypeError, ValueError) as error:
            return [_ERROR, message_id, "FormationViolation", str(error), {}]
