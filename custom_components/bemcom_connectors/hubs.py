"""From a config entry to its connector."""

from collections.abc import Mapping
from typing import Any

from homeassistant.const import CONF_HOST, CONF_PORT, CONF_VERIFY_SSL
from homeassistant.util.ssl import client_context, client_context_no_verify

from .connector.base import Connector
from .connector.flatten import Lists
from .connector.framing import Framing, create_framer
from .connector.parsing import create_parser
from .connector.stream import DEFAULT_RECEIVE_TIMEOUT, StreamConnector
from .connector.transport import (
    DEFAULT_CONNECT_TIMEOUT,
    DEFAULT_READ_SIZE,
    TcpTransport,
    Transport,
)
from .const import (
    CONF_CONNECT_TIMEOUT,
    CONF_CONNECTOR_NAME,
    CONF_ENCODING,
    CONF_FORMAT,
    CONF_FRAMING,
    CONF_LISTS,
    CONF_RECEIVE_TIMEOUT,
    CONF_RECV_BUFSIZE,
    CONF_TLS,
)


def create_transport(data: Mapping[str, Any], options: Mapping[str, Any]) -> Transport:
    """Return the way to the device of an entry, or of a flow that makes one."""
    tls = None
    if data.get(CONF_TLS):
        verify = data.get(CONF_VERIFY_SSL, True)
        tls = client_context() if verify else client_context_no_verify()
    read_size = int(options.get(CONF_RECV_BUFSIZE, DEFAULT_READ_SIZE))
    if options.get(CONF_FRAMING) != Framing.CHUNK:
        # Only there does it matter to the messages; small bites keep the event loop free.
        read_size = min(read_size, DEFAULT_READ_SIZE)
    return TcpTransport(
        data[CONF_HOST],
        int(data[CONF_PORT]),
        tls=tls,
        connect_timeout=options.get(CONF_CONNECT_TIMEOUT, DEFAULT_CONNECT_TIMEOUT),
        read_size=read_size,
    )


def create_connector(data: Mapping[str, Any], options: Mapping[str, Any]) -> Connector:
    """Return the connector of an entry; OptionsError where its options cannot work."""
    return StreamConnector(
        data[CONF_CONNECTOR_NAME],
        create_transport(data, options),
        create_framer(options[CONF_FRAMING], options),
        create_parser(options[CONF_FORMAT], options),
        encoding=options.get(CONF_ENCODING, "utf-8"),
        lists=options.get(CONF_LISTS, Lists.INDEX),
        receive_timeout=options.get(CONF_RECEIVE_TIMEOUT, DEFAULT_RECEIVE_TIMEOUT),
    )
