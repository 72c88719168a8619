"""A connection to a broker of the user's own, which is opened again when it is lost."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from enum import StrEnum
import logging
import secrets
import ssl

import aiomqtt

from ..connector.backoff import Backoff
from ..connector.model import LinkReason, OptionsError
from ..connector.transport import link_error
from .broker import BrokerError, BrokerListener, ConnectError
from .broker_client import Client, ClosedError
from .broker_options import BrokerOptions, create_tls
from .outbox import Outgoing

_LOGGER = logging.getLogger(__name__)

# After so many seconds a connection is a success, and the next attempt comes soon again.
_LASTING = 10.0

# What brokers answer, in either version of MQTT, as paho has it.
_CREDENTIALS = {134, 135, 138}  # wrong name or password, not authorized, banned
_PROTOCOL = 132
_FULL = {136, 137, 151, 159}  # unavailable, busy, quota, rate

# What aiomqtt says after a timeout.
_NO_ANSWER = "Operation timed out"

# BEMCom's own first. The newer one says why it refuses a message, but common brokers break
# off the connection after they did; so it is for those that take nothing else.
_PROTOCOLS = (aiomqtt.ProtocolVersion.V311, aiomqtt.ProtocolVersion.V5)


class BrokerReason(StrEnum):
    """Why a broker that can be reached is of no use."""

    CREDENTIALS = "credentials"
    UNAVAILABLE = "unavailable"
    NO_BROKER = "no_broker"
    REFUSED = "refused_by_broker"


class OwnBroker:
    """A broker for a mirror (`broker.Broker`)."""

    def __init__(
        self,
        options: BrokerOptions,
        *,
        will: Callable[[], Outgoing] | None = None,
        on_changed: Callable[[], None] = lambda: None,
        backoff: Backoff | None = None,
    ) -> None:
        """Connect nowhere yet; `on_changed` is called when `error` is another one.

        `will` returns what the broker is to publish when it loses the connection.
        """
        # Why there is no connection; None: there is one, or was no attempt yet.
        self.error: ConnectError | OptionsError | None = None
        self._options = options
        self._will = will
        self._on_changed = on_changed
        self._backoff = backoff or Backoff()
        # The same on every connection, so that the broker ends a former one at once, and
        # publishes its last will before what comes on the new one.
        self._identifier = _identifier()
        self._client: Client | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self, listener: BrokerListener) -> None:
        """Connect, and tell a listener what happens."""
        self._task = asyncio.create_task(self._run(listener), name="mirror broker")

    async def stop(self) -> None:
        """Close the connection, without a last will."""
        if (task := self._task) is None:
            return
        self._task = None
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    def publish(
        self, topic: str, payload: bytes, qos: int, retain: bool
    ) -> Awaitable[None]:
        """Send a message; done when it arrived, by the rules of its QoS."""
        return self._connection().send(topic, payload, qos, retain)

    def subscribe(self, topic: str, qos: int) -> Awaitable[None]:
        """Listen to a topic."""
        return self._connection().listen(topic, qos)

    def unsubscribe(self, topic: str) -> Awaitable[None]:
        """Listen to a topic no more."""
        return self._connection().ignore(topic)

    def _connection(self) -> Client:
        if self._client is None:
            raise BrokerError("There is no connection to the broker")
        return self._client

    async def _run(self, listener: BrokerListener) -> None:
        """Be connected, again and again."""
        while True:
            try:
                await self._serve(listener)
            except (ConnectError, OptionsError) as err:
                self._note(err)
            except Exception:
                # Whatever a library raises, a mirror is not without a broker for good.
                _LOGGER.exception("The connection to %s failed", self._options.where)
            await asyncio.sleep(self._backoff.next_delay())

    async def _serve(self, listener: BrokerListener) -> None:
        """Connect and take messages until the connection is lost, or raise why there is none."""
        will = None if self._will is None else self._will()
        client = await _connect(self._options, self._identifier, will)
        loop = asyncio.get_running_loop()
        since = loop.time()
        self._client = client
        flooded = False
        self._note(None)
        try:
            listener.connected()
            async for message in client.messages:
                _give(listener, message)
                if client.dropped and not flooded:
                    flooded = True
                    _LOGGER.warning(
                        "%s sends more than can be taken: some of it is left out",
                        self._options.where,
                    )
        except aiomqtt.MqttError as err:
            text = f"{self._options.where} broke off: {err.__cause__ or err}"
            raise ConnectError(LinkReason.CLOSED, text) from err
        finally:
            self._client = None
            if loop.time() - since >= _LASTING:
                self._backoff.reset()
            listener.lost()
            client.close()

    def _note(self, error: ConnectError | OptionsError | None) -> None:
        """Keep why there is no connection, and log it once."""
        if _kind(error) == _kind(self.error):
            return
        self.error = error
        if error is not None:
            _LOGGER.warning("No connection to the broker: %s", error)
        else:
            _LOGGER.info("Connected to the broker %s", self._options.where)
        self._on_changed()


def _give(listener: BrokerListener, message: aiomqtt.Message) -> None:
    """Let a listener have a message; what it makes of it does not cost the connection."""
    topic, payload = message.topic.value, bytes(message.payload)
    try:
        listener.received(topic, payload, message.retain)
    except Exception:
        _LOGGER.exception("A message on %.200s could not be taken", topic)


async def test(options: BrokerOptions) -> None:
    """Connect once; ConnectError or OptionsError says why that is not possible."""
    client = await _connect(options, _identifier(), None)
    client.close()


def _identifier() -> str:
    """Return a name that no other connection has."""
    return f"bemcom-{secrets.token_hex(8)}"


def _kind(error: ConnectError | OptionsError | None) -> object:
    """Return what is the same for errors that need not be told twice."""
    return error.reason if isinstance(error, ConnectError) else error and str(error)


async def _connect(
    options: BrokerOptions, identifier: str, will: Outgoing | None
) -> Client:
    """Return a connection, or raise why there is none."""
    tls: ssl.SSLContext | None = None
    if options.tls is not None:
        # Read each time: certificates are renewed.
        loop = asyncio.get_running_loop()
        tls = await loop.run_in_executor(None, create_tls, options.tls)
    *others, last = _PROTOCOLS
    for protocol in others:
        try:
            return await _open(options, protocol, identifier, tls, will)
        except aiomqtt.MqttError as err:
            if not _is_another(err):
                raise _reason(err, options) from err
    try:
        return await _open(options, last, identifier, tls, will)
    except aiomqtt.MqttError as err:
        raise _reason(err, options) from err


async def _open(
    options: BrokerOptions,
    protocol: aiomqtt.ProtocolVersion,
    identifier: str,
    tls: ssl.SSLContext | None,
    will: Outgoing | None,
) -> Client:
    """Return a connection with a version of MQTT."""
    try:
        client = Client(options, protocol, identifier=identifier, tls=tls, will=will)
    except ValueError:
        # Its text, and that of what caused it, may have the password in it.
        text = "User or password have characters in them that MQTT has not"
        raise OptionsError("password", text) from None
    # It connects in a thread, where nothing can stop it.
    opening = asyncio.create_task(client.__aenter__())
    try:
        # A shield would tell the event loop of what becomes of it when nobody waits any more.
        await asyncio.wait([opening])
    except asyncio.CancelledError:
        opening.add_done_callback(lambda task: _abandon(task, client))
        raise
    try:
        opening.result()
    except aiomqtt.MqttError:
        client.close()
        raise
    except ValueError as err:
        error = link_error(err, options.where, options.host)
        raise ConnectError(error.reason, str(error)) from err
    return client


def _abandon(task: asyncio.Task[Client], client: Client) -> None:
    """Close what nobody wants any more."""
    if not task.cancelled():
        task.exception()
    client.close()


def _is_another(error: aiomqtt.MqttError) -> bool:
    """Tell whether a broker may take another version of MQTT."""
    return isinstance(error, ClosedError) or _code(error) == _PROTOCOL


def _code(error: aiomqtt.MqttError) -> int | None:
    """Return what the broker answered, if it did."""
    if not isinstance(error, aiomqtt.MqttCodeError):
        return None
    code = error.rc
    return code if code is None or isinstance(code, int) else code.value


def _reason(error: aiomqtt.MqttError, options: BrokerOptions) -> ConnectError:
    """Return why there is no connection."""
    where = options.where
    if (code := _code(error)) is not None:
        if code in _CREDENTIALS:
            text = f"{where} does not take the user or the password"
            return ConnectError(BrokerReason.CREDENTIALS, text)
        if code in _FULL:
            return ConnectError(BrokerReason.UNAVAILABLE, f"{where} is busy: {error}")
        return ConnectError(BrokerReason.REFUSED, f"{where} refuses: {error}")
    # aiomqtt shows but the text of what the system said; a timeout of its own is none.
    cause = error.__context__
    if isinstance(cause, OSError) and str(error) != _NO_ANSWER:
        link = link_error(cause, where, options.host)
        return ConnectError(link.reason, str(link))
    text = f"{where} does not answer as a broker does"
    return ConnectError(BrokerReason.NO_BROKER, text)
