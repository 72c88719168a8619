"""Links: everything that came is given before the error, and the peer waits when it must."""

import asyncio
import socket
import ssl
from typing import Self
from unittest.mock import Mock, patch

import pytest
import pytest_socket
import trustme

from custom_components.bemcom_connectors.connector.model import LinkError, LinkReason
from custom_components.bemcom_connectors.connector.transport import (
    MAX_UNSENT,
    Link,
    TcpTransport,
    Transport,
)
from tests.device import HOST, Device

pytestmark = pytest.mark.usefixtures("loopback")


async def test_what_came_is_given_before_the_error(device: Device) -> None:
    """A reset does not hide what was received before it."""
    link = await TcpTransport(HOST, device.port, read_size=4).open()
    await device.send(b"abcdefghij")
    async with asyncio.timeout(5):
        while link._waiting < 10:
            await asyncio.sleep(0)
    device.break_off()
    async with asyncio.timeout(5):
        while link._error is None:
            await asyncio.sleep(0)
    assert [await link.read() for _ in range(3)] == [b"abcd", b"efgh", b"ij"]
    with pytest.raises(LinkError) as caught:
        await link.read()
    assert caught.value.reason is LinkReason.RESET
    await link.close()


async def test_a_device_that_sends_too_fast_waits(device: Device) -> None:
    """What is not read yet stays within a bound, and nothing of it is lost."""
    link = await TcpTransport(HOST, device.port, read_size=65536).open()
    megabytes = 8
    sending = asyncio.create_task(device.send(b"x" * (megabytes << 20)))
    async with asyncio.timeout(5):
        while not link._paused:
            await asyncio.sleep(0)
    assert link._waiting < 1 << 20
    received = 0
    while received < megabytes << 20:
        received += len(await link.read())
    await sending
    assert not link._paused
    await link.close()


async def test_a_link_that_was_never_open_can_be_closed() -> None:
    """Closing is always safe."""
    await Link().close()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (TimeoutError(), LinkReason.TIMEOUT),
        (socket.gaierror(), LinkReason.UNKNOWN_HOST),
        (UnicodeError(), LinkReason.UNKNOWN_HOST),
        (ConnectionRefusedError(), LinkReason.REFUSED),
        (ConnectionResetError(), LinkReason.RESET),
        (OSError(113, "No route to host"), LinkReason.UNREACHABLE),
        (ssl.SSLError("wrong version number"), LinkReason.TLS),
        (
            ExceptionGroup("two addresses", [ConnectionRefusedError(), OSError(101)]),
            LinkReason.REFUSED,
        ),
    ],
)
async def test_why_connecting_failed_is_told(
    error: Exception, reason: LinkReason
) -> None:
    """Each cause has its own word, and a sentence with the address in it."""
    transport = TcpTransport("meter.local", 5020)
    with (
        patch("asyncio.base_events.BaseEventLoop.create_connection", side_effect=error),
        pytest.raises(LinkError, match=r"meter\.local") as caught,
    ):
        await transport.open()
    assert caught.value.reason is reason


async def test_connecting_takes_no_longer_than_allowed() -> None:
    """A device that does not answer is given up in time."""

    async def hang(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    with (
        patch("asyncio.base_events.BaseEventLoop.create_connection", new=hang),
        pytest.raises(LinkError) as caught,
    ):
        await TcpTransport(HOST, 1, connect_timeout=0.01).open()
    assert caught.value.reason is LinkReason.TIMEOUT


async def test_tls_is_spoken_with_a_device_that_is_trusted() -> None:
    """Bytes go through, and keep-alive is on underneath."""
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    async with Device(tls=server) as device:
        link = await TcpTransport(HOST, device.port, tls=client).open()
        await device.send(b"secret")
        assert await link.read() == b"secret"
        assert link._transport is not None
        sock = link._transport.get_extra_info("socket")
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        await link.close()


class Listening:
    """A server that takes what it is sent only when told to."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        """Serve plainly, or with TLS."""
        self._tls = tls
        self.take = asyncio.Event()
        self.came = bytearray()
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._serve, HOST, 0, limit=1024, ssl=self._tls
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close_clients()
        self._server.close()
        self.take.set()
        await self._server.wait_closed()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await self.take.wait()
        while data := await reader.read(1 << 20):
            self.came += data
        writer.close()

    async def until(self, size: int) -> bytes:
        """Wait for so many bytes, and return all that came."""
        async with asyncio.timeout(20):
            while len(self.came) < size:
                await asyncio.sleep(0.001)
        return bytes(self.came)


async def test_what_is_written_arrives_in_order() -> None:
    """Several writers at once do not mix their bytes."""
    async with Listening() as server:
        link = await TcpTransport(HOST, server.port).open()
        server.take.set()
        parts = [bytes([number]) * 1000 for number in range(20)]
        await asyncio.gather(*(link.write(part) for part in parts))
        assert await server.until(20_000) == b"".join(parts)
        await link.close()


@pytest.mark.parametrize("encrypted", [False, True])
async def test_writing_waits_until_the_device_takes_it(encrypted: bool) -> None:
    """A device that takes nothing holds the writer up, not the memory; then all comes."""
    size = 24 << 20
    authority = trustme.CA()
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(serving)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with Listening(serving if encrypted else None) as server:
        transport = TcpTransport(
            HOST,
            server.port,
            tls=trusting if encrypted else None,
            write_timeout=0.2,
        )
        link = await transport.open()
        if encrypted:  # asyncio keeps one write of its own below
            await link.write(b"a" * size)
        with pytest.raises(LinkError, match="does not take") as caught:
            await link.write(b"a" * (10 if encrypted else size))
        assert caught.value.reason is LinkReason.TIMEOUT
        # Nothing is added to what waits already.
        with pytest.raises(LinkError, match="does not take"):
            await link.write(b"never sent")
        assert not link.lost
        link.write_timeout = None
        last = asyncio.create_task(link.write(b"last"))
        server.take.set()
        await last
        size += 10 if encrypted else 0
        assert (await server.until(size + 4))[size:] == b"last"
        await link.close()


async def test_what_waits_to_be_written_is_bounded() -> None:
    """However many write to a device that takes nothing, only so much waits."""
    async with Listening() as server:
        link = await TcpTransport(HOST, server.port).open()
        full = asyncio.create_task(link.write(b"a" * (24 << 20)))
        await asyncio.sleep(0)
        with pytest.raises(LinkError) as caught:
            await link.write(b"b")
        assert caught.value.reason is LinkReason.TIMEOUT
        full.cancel()
        await asyncio.wait({full})
        piece = MAX_UNSENT // 4
        waiting = [asyncio.create_task(link.write(b"c" * piece)) for _ in range(4)]
        await asyncio.sleep(0)
        with pytest.raises(LinkError):
            await link.write(b"d")
        assert not any(task.done() for task in waiting)
        await link.close()
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(outcome, LinkError) for outcome in outcomes)


async def test_a_lost_link_fails_every_writer(device: Device) -> None:
    """Those that wait, and those that come later, with the reason of the loss."""
    link = await TcpTransport(HOST, device.port).open()
    await device.connected()
    writing = asyncio.create_task(link.write(b"x" * (24 << 20)))
    await asyncio.sleep(0)
    silent = LinkError(LinkReason.SILENT, "nothing for an hour")
    link.fail(silent)
    for attempt in (writing, link.write(b"y")):
        with pytest.raises(LinkError) as caught:
            await attempt
        assert caught.value is silent
    link.pause_writing()
    with pytest.raises(LinkError):
        await link.write(b"z")
    await link.close()


async def test_writing_to_a_link_that_is_closing_fails(device: Device) -> None:
    """Nothing is written to a transport that would complain."""
    link = await TcpTransport(HOST, device.port).open()
    link.abort()
    with pytest.raises(LinkError) as caught:
        await link.write(b"x")
    assert caught.value.reason is LinkReason.CLOSED
    await link.close()
    with pytest.raises(LinkError):
        await Link().write(b"x")
    Link().abort()


@pytest.mark.parametrize("error", [OSError(5, "I/O"), RuntimeError("not connected")])
async def test_an_error_of_the_transport_is_a_lost_link(error: Exception) -> None:
    """Whatever a library raises on writing."""
    link = Link()
    transport = Mock(spec=asyncio.Transport)
    transport.is_closing.return_value = False
    transport.write.side_effect = error
    link.connection_made(transport)
    with pytest.raises(LinkError) as caught:
        await link.write(b"x")
    assert caught.value.reason is LinkReason.RESET
    assert str(error) in str(caught.value)


async def test_a_way_that_cannot_be_paused_is_given_up_when_it_floods() -> None:
    """All that came is given, and no more is kept."""
    link = Link(read_size=1 << 20)
    transport = Mock(spec=asyncio.Transport)
    transport.pause_reading.side_effect = NotImplementedError
    link.connection_made(transport)
    for _ in range(100):
        link.data_received(b"x" * 10_000)
    read = 0
    while link.waiting:
        read += len(await link.read())
    assert 256 * 1024 < read < 300_000
    with pytest.raises(LinkError) as caught:
        await link.read()
    assert caught.value.reason is LinkReason.FAILED


async def test_ipv6_works() -> None:
    """A device on IPv6 is as good as any."""
    pytest_socket.socket_allow_hosts([HOST, "::1"], allow_unix_socket=True)

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"six")
        await writer.drain()
        writer.close()

    try:
        server = await asyncio.start_server(greet, "::1", 0)
    except OSError:  # this machine has none
        return
    port = server.sockets[0].getsockname()[1]
    transport: Transport = TcpTransport("::1", port)
    link = await transport.open()
    assert await link.read() == b"six"
    await link.close()
    server.close()
    await server.wait_closed()
