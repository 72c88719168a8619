"""Opening a link, reading its bytes and writing to it."""

from abc import ABC, abstractmethod
import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
import socket
import ssl
from typing import cast, override

from .model import LinkError, LinkReason

DEFAULT_CONNECT_TIMEOUT = 10.0
DEFAULT_READ_SIZE = 4096
DEFAULT_WRITE_TIMEOUT = 10.0

# So much may wait to be handled before the peer is told to wait (TCP's own flow control).
_HIGH_WATER = 256 * 1024

# So much may wait to be sent to a device that takes it slowly, or not at all.
MAX_UNSENT = 64 * 1024

# A dead peer is noticed within about 2 minutes even where silence is allowed.
_KEEPALIVE = {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}


class Link(asyncio.Protocol):
    """An open link: its bytes in the order and, as far as possible, the pieces they came in.

    Unlike asyncio's StreamReader it gives all that came before it tells of an error.
    """

    def __init__(
        self, read_size: int = DEFAULT_READ_SIZE, write_timeout: float | None = None
    ) -> None:
        """Give at most `read_size` bytes at once (upstream's RECV_BUFSIZE).

        A write may take `write_timeout` seconds; None: as long as the link is there.
        """
        self.write_timeout = write_timeout
        self._read_size = read_size
        self._chunks: deque[bytes] = deque()
        # So much of the first chunk has been read.
        self._offset = 0
        self._waiting = 0
        self._paused = False
        self._error: LinkError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._closed = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None
        # One write after the other; each waits until nothing of the one before is left.
        self._write_lock = asyncio.Lock()
        self._writable = asyncio.Event()
        self._writable.set()
        self._unsent = 0

    @property
    def lost(self) -> bool:
        """Tell whether the link is of no use any more."""
        return self._error is not None

    @property
    def waiting(self) -> bool:
        """Tell whether there are bytes that can be read at once."""
        return bool(self._chunks)

    @property
    def unread(self) -> int:
        """Return how many bytes came that were not read; no read goes beyond them."""
        return self._waiting

    @property
    def unsent(self) -> bool:
        """Tell whether the peer has not taken all that was written."""
        return not self._writable.is_set()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for the type
        self._transport = transport
        # Written is what has left our own buffer. Where there is none, nothing waits in it;
        # and with TLS asyncio would take an empty one for full at a limit of 0.
        with suppress(NotImplementedError):
            encrypted = transport.get_extra_info("ssl_object") is not None
            transport.set_write_buffer_limits(high=1 if encrypted else 0)

    @override
    def data_received(self, data: bytes) -> None:
        """Keep what came until it is read; ask the peer to wait when it is much."""
        if self._error is not None:
            return
        self._chunks.append(data)
        self._waiting += len(data)
        if self._waiting > _HIGH_WATER and self._transport and not self._paused:
            self._pause_reading(self._transport)
        self._wake()

    def _pause_reading(self, transport: asyncio.Transport) -> None:
        """Ask the peer to wait; one that cannot is given up once what came is read."""
        try:
            transport.pause_reading()
        except NotImplementedError:
            self.fail(
                LinkError(LinkReason.FAILED, "The device sends faster than can be read")
            )
        else:
            self._paused = True

    @override
    def pause_writing(self) -> None:
        """Let writers wait: the peer takes nothing more for now."""
        if self._error is None:
            self._writable.clear()

    @override
    def resume_writing(self) -> None:
        """Let writers go on: the peer took all there was."""
        self._writable.set()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the reader, once it has read what came before."""
        if exc is None:
            self.fail(LinkError(LinkReason.CLOSED, "The device closed the connection"))
        else:
            self.fail(LinkError(LinkReason.RESET, "The connection broke", exc))
        self._transport = None
        if not self._closed.done():
            self._closed.set_result(None)

    def fail(self, error: LinkError) -> None:
        """Let reader and writers fail with `error`; the first one counts."""
        if self._error is None:
            self._error = error
        self._wake()
        self._writable.set()

    async def read(self) -> bytes:
        """Wait for bytes and return them; LinkError when lost and all is read."""
        # Silence is not what came before it, but that no message was in all of it.
        if self._error is not None and self._error.reason is LinkReason.SILENT:
            raise self._error
        while not self._chunks:
            if self._error is not None:
                raise self._error
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        chunk = self._chunks[0]
        end = self._offset + self._read_size
        data = chunk[self._offset : end] if len(chunk) > self._read_size else chunk
        if end >= len(chunk):
            self._chunks.popleft()
            self._offset = 0
        else:
            self._offset = end
        self._waiting -= len(data)
        if self._paused and self._waiting <= _HIGH_WATER // 2 and self._transport:
            self._transport.resume_reading()
            self._paused = False
        return data

    async def write(
        self, data: bytes, on_write: Callable[[], None] | None = None
    ) -> None:
        """Send `data`, and wait until the peer took it; `on_write` is called just before.

        Raises LinkError when the link is lost, or for TIMEOUT when the peer takes nothing;
        then the link goes on, and what was left of `data` may still be sent.
        """
        if self._unsent and self._unsent + len(data) > MAX_UNSENT:
            raise self._stuck()
        self._unsent += len(data)
        try:
            async with asyncio.timeout(self.write_timeout), self._write_lock:
                transport = await self._until_writable()
                if on_write is not None:
                    on_write()
                transport.write(data)
                await self._until_writable()
        except LinkError:
            raise
        except TimeoutError:
            raise self._stuck() from None
        except Exception as err:  # each kind of link has errors of its own
            raise LinkError(LinkReason.RESET, "The connection broke", err) from err
        finally:
            self._unsent -= len(data)

    async def _until_writable(self) -> asyncio.Transport:
        """Wait until nothing is left to be sent; LinkError when the link is lost."""
        await self._writable.wait()
        if self._error is not None:
            raise self._error
        if self._transport is None or self._transport.is_closing():
            raise LinkError(LinkReason.CLOSED, "The link is not open")
        return self._transport

    def _stuck(self) -> LinkError:
        """Say that the peer takes nothing."""
        return LinkError(LinkReason.TIMEOUT, "The device does not take what is sent")

    def abort(self) -> None:
        """Begin to close, without waiting for anything."""
        if self._transport is not None:
            self._transport.abort()

    async def close(self) -> None:
        """Close at once, without waiting for the peer."""
        if self._transport is None:
            return
        self.abort()
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                await asyncio.shield(self._closed)

    def _wake(self) -> None:
        """Wake the reader."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Transport(ABC):
    """A way to a device."""

    @abstractmethod
    async def open(self) -> Link:
        """Open a link; LinkError with the reason where that fails."""


class TcpTransport(Transport):
    """A TCP connection to a device that listens, over IPv4 or IPv6, with TLS if given."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        tls: ssl.SSLContext | None = None,
        connect_timeout: float = DEFAULT_CONNECT_TIMEOUT,
        read_size: int = DEFAULT_READ_SIZE,
        write_timeout: float | None = None,
    ) -> None:
        """Connect to `host` and `port` within `connect_timeout` seconds."""
        self.host = host
        self.port = port
        self._tls = tls
        self._connect_timeout = connect_timeout
        self._read_size = read_size
        self._write_timeout = write_timeout

    @override
    async def open(self) -> Link:
        """Open a connection with keep-alive."""
        try:
            async with asyncio.timeout(self._connect_timeout):
                # Typed more narrowly than what it is: only this one has all_errors.
                loop = cast("asyncio.BaseEventLoop", asyncio.get_running_loop())
                transport, link = await loop.create_connection(
                    lambda: Link(self._read_size, self._write_timeout),
                    self.host,
                    self.port,
                    ssl=self._tls,
                    happy_eyeballs_delay=0.25,
                    all_errors=True,
                )
        except ExceptionGroup as group:
            # One error per address of the host; the first is as good as any.
            raise self._link_error(group.exceptions[0]) from group
        except (OSError, ValueError) as err:
            raise self._link_error(err) from err
        _keep_alive(transport.get_extra_info("socket"))
        return link

    def _link_error(self, error: Exception) -> LinkError:
        """Say why the connection could not be opened."""
        return link_error(error, f"{self.host}:{self.port}", self.host)


def link_error(
    error: Exception, where: str, host: str, detail: object = ""
) -> LinkError:
    """Say why there is no connection to `where`, which is on `host`.

    `detail` is shown for what the error says, where that has something to hide.
    """
    detail = detail or error
    match error:
        case ssl.SSLCertVerificationError():
            return LinkError(
                LinkReason.CERTIFICATE,
                f"The certificate of {where} is not valid",
                error.verify_message,
            )
        case ssl.SSLError():
            return LinkError(LinkReason.TLS, f"{where} does not speak TLS", detail)
        case socket.gaierror() | UnicodeError():
            return LinkError(
                LinkReason.UNKNOWN_HOST, f"The host name {host} is not known"
            )
        case TimeoutError():
            return LinkError(LinkReason.TIMEOUT, f"{where} does not answer")
        case ConnectionRefusedError():
            return LinkError(LinkReason.REFUSED, f"{where} refuses connections")
        case ConnectionError():
            return LinkError(LinkReason.RESET, f"{where} broke off", detail)
        case _:
            return LinkError(
                LinkReason.UNREACHABLE, f"{where} cannot be reached", detail
            )


def _keep_alive(sock: socket.socket | None) -> None:
    """Let the kernel probe a silent peer; where it cannot, the default times are kept."""
    if sock is None:
        return
    with suppress(
        OSError
    ):  # a connection that is gone already tells so when it is read
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _KEEPALIVE.items():
            if (option := getattr(socket, name, None)) is not None:
                sock.setsockopt(socket.IPPROTO_TCP, option, value)
