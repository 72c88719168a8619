"""The websocket server that charge points dial in to."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
import errno
from http import HTTPStatus
import logging
import socket
import sys
from typing import Literal, Protocol, override

from aiohttp import WSCloseCode, web
from aiohttp.web_protocol import RequestHandler

from ..connector.model import LinkError, LinkReason
from .authentication import WINDOW, Attempts
from .handshake import (
    ABOUT,
    Arrival,
    Verdict,
    read_arrival,
    subprotocol_of,
    wants_websocket,
)
from .log import LogOnce
from .session import Session
from .tls import (
    CertificateWatch,
    LiveContext,
    TlsFileError,
    TlsFiles,
    create_context,
    fingerprint,
)

__all__ = ["Arrival", "Directory", "Server", "ServerOptions", "Verdict"]

_LOGGER = logging.getLogger(__name__)
# What aiohttp says of requests that are none; anybody on the network can make it speak.
_HTTP_LOGGER = logging.getLogger(f"{__name__}.http")
_HTTP_LOGGER.setLevel(logging.CRITICAL)

# Seconds for TLS, and for the request, of somebody who connects.
HANDSHAKE_TIMEOUT = 15.0
# The files of certificates are looked at so often, in seconds.
CERTIFICATE_INTERVAL = 60.0
# Connections beside those that are served: of who is turned away, or says nothing.
_SPARE_CONNECTIONS = 100
_STOP_TIMEOUT = 5.0

_STATUS = {
    Verdict.UNAUTHORIZED: HTTPStatus.UNAUTHORIZED,
    Verdict.UNKNOWN: HTTPStatus.NOT_FOUND,
    Verdict.FORBIDDEN: HTTPStatus.FORBIDDEN,
    Verdict.BUSY: HTTPStatus.SERVICE_UNAVAILABLE,
}
_BIND_ERRORS = {
    errno.EADDRINUSE: LinkReason.ADDRESS_IN_USE,
    errno.EADDRNOTAVAIL: LinkReason.ADDRESS_INVALID,
    errno.EACCES: LinkReason.PERMISSION,
    errno.EPERM: LinkReason.PERMISSION,
    # Of all addresses that it could be, none is of this machine.
    None: LinkReason.ADDRESS_INVALID,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """Where and how charge points are served; times in seconds, sizes in bytes."""

    port: int
    # Empty: all addresses of this machine.
    host: str = ""
    tls: TlsFiles | None = None
    # 0: no pings.
    ping_interval: float = 30.0
    call_timeout: float = 30.0
    max_message_size: int = 4 * 2**20
    max_connections: int = 500
    # Per address and minute.
    max_failures: int = 10


class Directory(Protocol):
    """Knows the charge points."""

    async def admit(self, arrival: Arrival) -> Verdict:
        """Return what becomes of a charge point that wants in."""

    def serves_without_subprotocol(self, charge_point_id: str) -> bool:
        """Return whether one is served that does not say what it speaks."""

    def opened(self, session: Session) -> None:
        """Take a charge point that is in: nothing of it is read before this returns."""

    def closed(self, session: Session) -> None:
        """Take that it is gone."""


class _Web(web.Server):
    """Bounds how many may be connected, whatever they want."""

    max_connections = 0
    _count = 0

    @override
    def connection_made(
        self, handler: RequestHandler, transport: asyncio.Transport
    ) -> None:
        self._count += 1
        super().connection_made(handler, transport)
        if self._count > self.max_connections:
            transport.abort()

    @override
    def connection_lost(
        self, handler: RequestHandler, exc: BaseException | None = None
    ) -> None:
        self._count -= 1
        super().connection_lost(handler, exc)


class Server:
    """Serves charge points; it may be started again after it was stopped."""

    def __init__(
        self, options: ServerOptions, directory: Directory, log_once: LogOnce
    ) -> None:
        """Ask `directory` who may come in."""
        self.options = options
        self.sessions: set[Session] = set()
        self.ping_interval = options.ping_interval
        self.call_timeout = options.call_timeout
        self._directory = directory
        self._log_once = log_once
        self._attempts = Attempts(options.max_failures)
        self._served = 0
        self._web: _Web | None = None
        self._listening: asyncio.Server | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """Return the port that is listened to, which the system chose for port 0."""
        if self._listening is None or not self._listening.sockets:
            return self.options.port
        port: int = self._listening.sockets[0].getsockname()[1]
        return port

    def tune(self, *, ping_interval: float, call_timeout: float) -> None:
        """Take other times, for those who are in as well."""
        self.ping_interval = ping_interval
        self.call_timeout = call_timeout
        for session in self.sessions:
            session.ping_interval = ping_interval
            session.call_timeout = call_timeout

    async def start(self) -> None:
        """Listen; LinkError with the reason where that fails."""
        tls = self.options.tls
        known = () if tls is None else await asyncio.to_thread(fingerprint, tls)
        context = None if tls is None else await self._tls(tls)
        self._web = _Web(
            self._handle,
            access_log=None,
            logger=_HTTP_LOGGER,
            keepalive_timeout=HANDSHAKE_TIMEOUT,
        )
        self._web.max_connections = self.options.max_connections + _SPARE_CONNECTIONS
        try:
            self._listening = await asyncio.get_running_loop().create_server(
                self._web,
                self.options.host or None,
                self.options.port,
                ssl=context,
                ssl_handshake_timeout=HANDSHAKE_TIMEOUT if context else None,
                ssl_shutdown_timeout=_STOP_TIMEOUT if context else None,
            )
        except (OSError, OverflowError, UnicodeError) as err:
            raise self._link_error(err) from err
        if tls and context:
            watch = CertificateWatch(
                tls, context, known, self._log_once, CERTIFICATE_INTERVAL
            )
            self._watch = asyncio.create_task(watch.run())

    async def stop(self) -> None:
        """Free the port at once, then say goodbye to everybody."""
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        if self._listening is not None:
            self._listening.close()
            self._listening = None
        if self.sessions:
            await asyncio.gather(
                *(session.close(WSCloseCode.GOING_AWAY) for session in self.sessions)
            )
        if self._web is not None:
            self._web.pre_shutdown()
            await self._web.shutdown(_STOP_TIMEOUT)
            self._web = None

    async def _tls(self, files: TlsFiles) -> LiveContext:
        try:
            current = await asyncio.to_thread(create_context, files)
        except TlsFileError as err:
            raise LinkError(
                LinkReason.CERTIFICATE, "The certificate cannot be used", err
            ) from err
        return LiveContext(current, self._refused_by_tls)

    def _refused_by_tls(self, why: str) -> None:
        self._log_once(
            f"tls {why}", "A client was refused before it could say who it is: %s", why
        )

    def _link_error(self, error: Exception) -> LinkError:
        where = f"{self.options.host or '*'}:{self.options.port}"
        if isinstance(error, OSError) and not isinstance(error, socket.gaierror):
            reason = _BIND_ERRORS.get(error.errno, LinkReason.FAILED)
        else:
            reason = LinkReason.ADDRESS_INVALID
        return LinkError(reason, f"{where} cannot be listened to", error)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Serve one connection until it closes."""
        if not wants_websocket(request):
            headers = {"Upgrade": "websocket", "Connection": "Upgrade"}
            return _refuse(HTTPStatus.UPGRADE_REQUIRED, ABOUT, headers)
        if self._listening is None or self._served >= self.options.max_connections:
            return _refuse(HTTPStatus.SERVICE_UNAVAILABLE)
        self._served += 1
        try:
            return await self._serve(request)
        finally:
            self._served -= 1

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        arrival = read_arrival(request)
        remote = request.remote or ""
        name = "" if arrival is None else arrival.charge_point_id
        if self._attempts.barred(remote, name):
            headers = {"Retry-After": str(round(WINDOW))}
            return _refuse(HTTPStatus.TOO_MANY_REQUESTS, headers=headers)
        if arrival is None:
            self._attempts.failed(remote, name)
            return _refuse(HTTPStatus.NOT_FOUND, ABOUT)
        subprotocol = subprotocol_of(arrival)
        if not subprotocol and not self._serves_without(arrival):
            self._log_once(
                "subprotocol",
                "A charge point does not offer to speak OCPP 1.6: %s",
                arrival,
            )
            return _refuse(HTTPStatus.BAD_REQUEST, "Only ocpp1.6 is spoken here\n")
        try:
            verdict = await self._directory.admit(arrival)
        except Exception as err:  # noqa: BLE001 - one charge point never ends the server
            self._log_failure(err)
            return _refuse(HTTPStatus.INTERNAL_SERVER_ERROR)
        if verdict is not Verdict.ACCEPTED:
            return self._turn_away(arrival, verdict)
        if self._listening is None:
            # Stopped meanwhile.
            return _refuse(HTTPStatus.SERVICE_UNAVAILABLE)
        self._attempts.passed(remote, name)
        return await self._run(request, arrival, subprotocol)

    def _serves_without(self, arrival: Arrival) -> bool:
        """Return whether a charge point may leave open what it speaks."""
        return not arrival.subprotocols and self._directory.serves_without_subprotocol(
            arrival.charge_point_id
        )

    def _turn_away(self, arrival: Arrival, verdict: Verdict) -> web.Response:
        _LOGGER.debug("%s: %s", arrival, verdict)
        if verdict is not Verdict.BUSY:
            self._attempts.failed(arrival.remote, arrival.charge_point_id)
        headers = {}
        if verdict is Verdict.UNAUTHORIZED:
            headers["WWW-Authenticate"] = 'Basic realm="OCPP", charset="UTF-8"'
        return _refuse(_STATUS[verdict], headers=headers)

    async def _run(
        self, request: web.BaseRequest, arrival: Arrival, subprotocol: str
    ) -> web.StreamResponse:
        """Open the websocket and serve it."""
        websocket: web.WebSocketResponse[Literal[False]] = web.WebSocketResponse(
            protocols=(subprotocol,) if subprotocol else (),
            autoping=False,
            # Sessions look after that themselves.
            writer_limit=sys.maxsize,
            # aiohttp refuses what is as large as the limit.
            max_msg_size=self.options.max_message_size + 1,
            decode_text=False,
        )
        await websocket.prepare(request)
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("Gone before it was served")
        session = Session(
            arrival,
            websocket,
            transport,
            log=self._log_once,
            subprotocol=subprotocol,
            ping_interval=self.ping_interval,
            call_timeout=self.call_timeout,
        )
        self.sessions.add(session)
        try:
            self._directory.opened(session)
            await session.run()
        except Exception as err:  # noqa: BLE001 - one charge point never ends the server
            self._log_failure(err)
            await session.close(WSCloseCode.INTERNAL_ERROR)
        finally:
            self._leave(session)
        return websocket

    def _leave(self, session: Session) -> None:
        self.sessions.discard(session)
        try:
            self._directory.closed(session)
        except Exception as err:  # noqa: BLE001 - one charge point never ends the server
            self._log_failure(err)

    def _log_failure(self, error: Exception) -> None:
        kind = type(error).__name__
        _LOGGER.debug("A connection failed", exc_info=error)
        self._log_once(
            f"connection {kind}",
            "A connection failed in here: %s; log at debug level for more",
            kind,
        )


def _refuse(
    status: HTTPStatus, text: str = "", headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return an answer after which the connection is closed."""
    response = web.Response(
        status=status, text=text or f"{status.phrase}\n", headers=headers
    )
    response.force_close()
    return response
