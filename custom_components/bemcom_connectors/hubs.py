"""From a config entry to its connector."""

from collections.abc import Mapping
from typing import Any

from homeassistant.const import CONF_DEVICE, CONF_HOST, CONF_PORT, CONF_VERIFY_SSL
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ConfigEntryError, ConfigEntryNotReady
from homeassistant.util.ssl import client_context, client_context_no_verify

from .connector.base import Connector
from .connector.flatten import Lists
from .connector.framing import Framing, create_framer
from .connector.model import OptionsError
from .connector.parsing import TEXT_FORMATS
from .connector.requests import create_request
from .connector.serial_transport import SerialTransport
from .connector.stream import DEFAULT_RECEIVE_TIMEOUT, StreamConnector
from .connector.transport import (
    DEFAULT_CONNECT_TIMEOUT,
    DEFAULT_READ_SIZE,
    DEFAULT_WRITE_TIMEOUT,
    TcpTransport,
    Transport,
)
from .connector_types import offered_connectors
from .const import (
    CONF_BAUDRATE,
    CONF_BYTESIZE,
    CONF_CONNECT_TIMEOUT,
    CONF_CONNECTOR_NAME,
    CONF_CONNECTOR_TYPE,
    CONF_DEVICE_ID_KEY,
    CONF_DSRDTR,
    CONF_ENCODING,
    CONF_EXCLUSIVE,
    CONF_FORMAT,
    CONF_FRAMING,
    CONF_HUB_KIND,
    CONF_LISTS,
    CONF_PARITY,
    CONF_RECEIVE_TIMEOUT,
    CONF_RECV_BUFSIZE,
    CONF_RTSCTS,
    CONF_SETTINGS,
    CONF_STOPBITS,
    CONF_TLS,
    CONF_WRITE_TIMEOUT,
    CONF_XONXOFF,
    DOMAIN,
    HUB_CUSTOM,
    HUB_OCPP,
    HUB_SERIAL,
)
from .ocpp_config import create_ocpp_connector
from .parsers import create_hub_parser


def address_of(data: Mapping[str, Any]) -> str:
    """Return where the device of an entry is, in short and without what is secret in it."""
    if data[CONF_HUB_KIND] == HUB_CUSTOM:
        return str(data[CONF_CONNECTOR_TYPE])
    if data[CONF_HUB_KIND] == HUB_OCPP:
        return f"port {data[CONF_PORT]}"
    if data[CONF_HUB_KIND] == HUB_SERIAL:
        return SerialTransport(data[CONF_DEVICE]).where
    return f"{data[CONF_HOST]}:{data[CONF_PORT]}"


def create_transport(data: Mapping[str, Any], options: Mapping[str, Any]) -> Transport:
    """Return the way to the device of an entry, or of a flow that makes one."""
    read_size = int(options.get(CONF_RECV_BUFSIZE, DEFAULT_READ_SIZE))
    if options.get(CONF_FRAMING) != Framing.CHUNK:
        # Only there does it matter to the messages; small bites keep the event loop free.
        read_size = min(read_size, DEFAULT_READ_SIZE)
    connect_timeout = options.get(CONF_CONNECT_TIMEOUT, DEFAULT_CONNECT_TIMEOUT)
    write_timeout = options.get(CONF_WRITE_TIMEOUT, DEFAULT_WRITE_TIMEOUT) or None
    if data[CONF_HUB_KIND] == HUB_SERIAL:
        return SerialTransport(
            data[CONF_DEVICE],
            baudrate=data[CONF_BAUDRATE],
            bytesize=int(data[CONF_BYTESIZE]),
            parity=data[CONF_PARITY][0].upper(),
            stopbits=float(data[CONF_STOPBITS]),
            xonxoff=data[CONF_XONXOFF],
            rtscts=data[CONF_RTSCTS],
            dsrdtr=data[CONF_DSRDTR],
            exclusive=data[CONF_EXCLUSIVE],
            write_timeout=write_timeout,
            connect_timeout=connect_timeout,
            read_size=read_size,
        )
    tls = None
    if data.get(CONF_TLS):
        verify = data.get(CONF_VERIFY_SSL, True)
        tls = client_context() if verify else client_context_no_verify()
    return TcpTransport(
        data[CONF_HOST],
        int(data[CONF_PORT]),
        tls=tls,
        write_timeout=write_timeout,
        connect_timeout=connect_timeout,
        read_size=read_size,
    )


def create_connector(
    hass: HomeAssistant, data: Mapping[str, Any], options: Mapping[str, Any]
) -> Connector:
    """Return the connector of an entry; OptionsError where its options cannot work."""
    if data[CONF_HUB_KIND] == HUB_CUSTOM:
        return _create_offered(hass, data, options)
    if data[CONF_HUB_KIND] == HUB_OCPP:
        return create_ocpp_connector(data, options)
    is_text = options[CONF_FORMAT] in TEXT_FORMATS
    return StreamConnector(
        data[CONF_CONNECTOR_NAME],
        create_transport(data, options),
        create_framer(options[CONF_FRAMING], options),
        create_hub_parser(hass, options),
        encoding=options.get(CONF_ENCODING, "utf-8") if is_text else None,
        lists=options.get(CONF_LISTS, Lists.INDEX),
        receive_timeout=options.get(CONF_RECEIVE_TIMEOUT, DEFAULT_RECEIVE_TIMEOUT),
        device_id_key=options.get(CONF_DEVICE_ID_KEY, ""),
        request=create_request(options),
    )


def _create_offered(
    hass: HomeAssistant, data: Mapping[str, Any], options: Mapping[str, Any]
) -> Connector:
    """Return a connector that another integration offers; raise where there is none."""
    name, kind = data[CONF_CONNECTOR_NAME], data[CONF_CONNECTOR_TYPE]
    if (connector_type := offered_connectors(hass).get(kind)) is None:
        raise ConfigEntryNotReady(
            translation_domain=DOMAIN,
            translation_key="connector_type_missing",
            translation_placeholders={"name": name, "kind": kind},
        )
    try:
        connector = connector_type.make(name, data[CONF_SETTINGS])
    except OptionsError:
        raise
    except Exception as err:  # of a connector of somebody else's
        raise ConfigEntryError(
            translation_domain=DOMAIN,
            translation_key="connector_failed",
            translation_placeholders={
                "name": name,
                "error": f"{type(err).__name__}: {err}",
            },
        ) from err
    # The user's word; without one, the connector's own counts.
    if id_key := options.get(CONF_DEVICE_ID_KEY):
        connector.devices.id_key = id_key
    return connector
