"""Links: everything that came is given before the error, and the peer waits when it must."""

import asyncio
import socket
import ssl
from unittest.mock import patch

import pytest
import pytest_socket
import trustme

from custom_components.bemcom_connectors.connector.model import LinkError, LinkReason
from custom_components.bemcom_connectors.connector.transport import (
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
