"""A serial port: of this machine, or of another one on the network."""

import asyncio
import errno
from types import ModuleType
from typing import cast, override
from urllib.parse import unquote_plus, urlsplit

from .model import LinkError, LinkReason
from .transport import (
    DEFAULT_CONNECT_TIMEOUT,
    DEFAULT_READ_SIZE,
    Link,
    TcpTransport,
    Transport,
    link_error,
)

DEFAULT_BAUDRATE = 9600
DEFAULT_BYTESIZE = 8
DEFAULT_PARITY = "N"
DEFAULT_STOPBITS = 1.0

# These are bytes over TCP and nothing else; their serial settings are those of the device
# server.
_PLAIN_TCP = ("socket", "tcp")
_NETWORK = (*_PLAIN_TCP, "rfc2217", "esphome", "esphome-hass")
_SECRET_PARAMETERS = {"key", "password", "noise_psk"}

# An attempt that was given up may take so long to end before it is left to itself.
_GRACE = 1.0

_REASONS = {
    errno.ENOENT: LinkReason.PORT_MISSING,
    errno.ENOTDIR: LinkReason.PORT_MISSING,
    errno.ENXIO: LinkReason.PORT_MISSING,
    errno.ENODEV: LinkReason.PORT_MISSING,
    # Some systems have names for more ports than there are.
    errno.EIO: LinkReason.PORT_MISSING,
    errno.EBUSY: LinkReason.PORT_BUSY,
    errno.EAGAIN: LinkReason.PORT_BUSY,
    errno.EACCES: LinkReason.PERMISSION,
    errno.EPERM: LinkReason.PERMISSION,
    errno.EROFS: LinkReason.PERMISSION,
    errno.ENOTTY: LinkReason.SETTING,
    errno.EISDIR: LinkReason.SETTING,
    errno.EINVAL: LinkReason.SETTING,
}
_TEXTS = {
    LinkReason.PORT_MISSING: "There is no serial port {}; check that it is plugged in",
    LinkReason.PORT_BUSY: "{} is in use by another program or hub; close that one",
    LinkReason.PERMISSION: "{} may not be used; give Home Assistant access to it",
    LinkReason.SETTING: "{} is no serial port, or does not take these settings",
    LinkReason.FAILED: "{} could not be opened",
}


class SerialTransport(Transport):
    """A serial port, by its path or as socket://, tcp://, rfc2217:// or esphome://."""

    def __init__(
        self,
        port: str,
        *,
        baudrate: int = DEFAULT_BAUDRATE,
        bytesize: int = DEFAULT_BYTESIZE,
        parity: str = DEFAULT_PARITY,
        stopbits: float = DEFAULT_STOPBITS,
        xonxoff: bool = False,
        rtscts: bool = False,
        dsrdtr: bool = False,
        exclusive: bool = True,
        write_timeout: float | None = None,
        connect_timeout: float = DEFAULT_CONNECT_TIMEOUT,
        read_size: int = DEFAULT_READ_SIZE,
    ) -> None:
        """Open `port` with these settings within `connect_timeout` seconds."""
        self.port = port
        # The port as it may be shown: without what is secret in it.
        self.where = _without_secrets(port)
        self._baudrate = baudrate
        self._bytesize = bytesize
        self._parity = parity
        self._stopbits = stopbits
        self._flow_control = {"xonxoff": xonxoff, "rtscts": rtscts, "dsrdtr": dsrdtr}
        self._exclusive = exclusive
        self._write_timeout = write_timeout
        self._connect_timeout = connect_timeout
        self._read_size = read_size
        self._scheme = _scheme(port)
        # An attempt that was given up and has not ended yet.
        self._left: asyncio.Task[Link] | None = None

    @override
    async def open(self) -> Link:
        """Open the port."""
        if self._scheme in _PLAIN_TCP:
            return await self._tcp().open()
        if self._left is not None and not self._left.done():
            raise self._timeout()
        attempt = asyncio.create_task(self._connect())
        try:
            await asyncio.wait({attempt}, timeout=self._connect_timeout)
            if attempt.done():
                return attempt.result()
        except asyncio.CancelledError:
            await self._leave(attempt)
            raise
        except Exception as err:  # each kind of port has errors of its own
            if _secrets(self.port):  # a traceback would show what the text does not
                raise self._link_error(err) from None
            raise self._link_error(err) from err
        await self._leave(attempt)
        raise self._timeout()

    def _tcp(self) -> TcpTransport:
        """Return the way to a device server that passes the bytes on as they are."""
        try:
            url = urlsplit(self.port)
            host, port = url.hostname, url.port
        except ValueError:
            host = port = None
        if not host or not port:
            raise LinkError(
                LinkReason.SETTING,
                f"{self.where} lacks a host or a port; write {self._scheme}://host:port",
            )
        return TcpTransport(
            host,
            port,
            connect_timeout=self._connect_timeout,
            read_size=self._read_size,
            write_timeout=self._write_timeout,
        )

    async def _connect(self) -> Link:
        """Let the library open the port; what may block it does in threads."""
        if not 0 < self._baudrate < 2**31:
            raise ValueError(f"The baud rate {self._baudrate} is not possible")
        loop = asyncio.get_running_loop()
        serialx = await loop.run_in_executor(None, _library)
        _, protocol = await serialx.create_serial_connection(
            loop,
            lambda: Link(self._read_size, self._write_timeout),
            self.port,
            baudrate=self._baudrate,
            byte_size=self._bytesize,
            parity=serialx.Parity(self._parity),
            stopbits=serialx.StopBits(self._stopbits),
            **self._flow_control,
            exclusive=self._exclusive,
            connect_timeout=self._connect_timeout,
        )
        return cast("Link", protocol)

    async def _leave(self, attempt: asyncio.Task[Link]) -> None:
        """Give an attempt up; a system call cannot be cancelled, and ends by itself."""
        self._left = attempt
        attempt.add_done_callback(_discard)
        if self._scheme in _NETWORK:
            attempt.cancel()
        await asyncio.wait({attempt}, timeout=_GRACE)

    def _timeout(self) -> LinkError:
        """Say that opening takes too long."""
        return LinkError(LinkReason.TIMEOUT, f"{self.where} does not answer")

    def _link_error(self, error: Exception) -> LinkError:
        """Say why the port could not be opened."""
        reason = LinkReason.FAILED
        if self._scheme in _NETWORK and isinstance(error, OSError | UnicodeError):
            host = urlsplit(self.port).hostname or ""
            return link_error(error, self.where, host, self._harmless(error))
        if isinstance(error, OSError):
            reason = _REASONS.get(error.errno or 0, reason)
        elif isinstance(error, ValueError) or _is_about_settings(error):
            reason = LinkReason.SETTING
        text = _TEXTS[reason].format(self.where)
        return LinkError(reason, text, self._harmless(error))

    def _harmless(self, error: Exception) -> str:
        """Return what an error says, without the secrets of a URL."""
        text = (str(error) or type(error).__name__).replace(self.port, self.where)
        for secret in sorted(_secrets(self.port), key=len, reverse=True):
            text = text.replace(secret, "***")
        return text


def has_baud_rate(port: str) -> bool:
    """Tell whether a port has a speed to set; bytes over plain TCP have none."""
    return _scheme(port) not in _PLAIN_TCP


def _scheme(port: str) -> str:
    """Return the scheme of an address; a path has none."""
    return port.partition("://")[0].lower() if "://" in port else ""


def _library() -> ModuleType:
    """Import the library for serial ports; slow, so only where one is used, in a thread."""
    import serialx  # noqa: PLC0415

    return serialx


def _is_about_settings(error: Exception) -> bool:
    """Tell whether the library says that it does not support what was asked for.

    By name: its modules are imported only where needed, and not all are everywhere.
    """
    names = {"UnsupportedSetting", "UnknownUriScheme", "InvalidSettingsError"}
    return any(kind.__name__ in names for kind in type(error).__mro__)


def _discard(attempt: asyncio.Task[Link]) -> None:
    """Close what an attempt that was given up has opened after all."""
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().abort()


def _split(url: str) -> tuple[str, str, str, str]:
    """Return a URL's scheme, user, address with path, and query; any text is one."""
    scheme, mark, rest = url.partition("://")
    # A password may have any of the marks in it.
    user, _, rest = rest.rpartition("@")
    address, _, query = rest.partition("?")
    address, _, fragment = address.partition("#")
    return scheme + mark, user, address, query or fragment.rpartition("?")[2]


def _without_secrets(url: str) -> str:
    """Return a URL without user and query; a path as it is."""
    if "://" not in url:
        return url
    scheme, _, address, _ = _split(url)
    return scheme + address


def _secrets(url: str) -> set[str]:
    """Return what nobody may read in a URL, as it stands there and decoded."""
    _, user, _, query = _split(url)
    secrets = {user, user.partition(":")[2]}
    for parameter in query.split("&"):
        name, _, value = parameter.partition("=")
        if unquote_plus(name) in _SECRET_PARAMETERS:
            secrets.add(value)
    return {
        text for secret in secrets for text in (secret, unquote_plus(secret)) if text
    }
