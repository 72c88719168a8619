"""From an OCPP hub's entry to what its central system is told."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from homeassistant.config_entries import SOURCE_IGNORE, ConfigEntry, ConfigSubentry
from homeassistant.const import CONF_HOST, CONF_ID, CONF_NAME, CONF_PASSWORD, CONF_PORT
from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util

from .const import (
    CONF_CALL_TIMEOUT,
    CONF_CERTIFICATE,
    CONF_CERTIFICATE_NAME,
    CONF_CLIENT_CA,
    CONF_CLOCK_ALIGNED_INTERVAL,
    CONF_CONFIGURE,
    CONF_CONNECTOR_NAME,
    CONF_EXPIRY,
    CONF_HEARTBEAT_INTERVAL,
    CONF_ID_TAG,
    CONF_KEY_FILE,
    CONF_MAX_CURRENT,
    CONF_MEASURANDS,
    CONF_PARENT,
    CONF_PING_INTERVAL,
    CONF_QUIRKS,
    CONF_QUIRKS_MODE,
    CONF_REMOTE_START_TAG,
    CONF_SAMPLE_INTERVAL,
    CONF_SECOND_CERTIFICATE,
    CONF_SECOND_KEY,
    CONF_STATUS,
    CONF_UNKNOWN_CHARGE_POINTS,
    CONF_UNKNOWN_TAGS,
    CONF_WEBSOCKET_PING_INTERVAL,
    DOMAIN,
    QUIRKS_CHOSEN,
    SUBENTRY_CHARGE_POINT,
    SUBENTRY_ID_TAG,
)
from .ocpp.authorization import IdTag
from .ocpp.connector import OcppConnector
from .ocpp.model import ChargePointConfig, HubOptions, TagPolicy, UnknownPolicy
from .ocpp.server import ServerOptions
from .ocpp.tls import TlsFiles

BLOCKED = "blocked"
# The last day that has one after it.
_LAST_DAY = date.max - timedelta(days=1)

# Options that a hub takes up while its charge points stay connected.
LIVE_OPTIONS = {CONF_UNKNOWN_CHARGE_POINTS, CONF_CALL_TIMEOUT, CONF_PING_INTERVAL}

# Of a charge point: numbers that have a default.
_NUMBERS: Mapping[str, tuple[str, type[float]]] = {
    CONF_SAMPLE_INTERVAL: ("sample_interval", int),
    CONF_CLOCK_ALIGNED_INTERVAL: ("clock_aligned_interval", int),
    CONF_HEARTBEAT_INTERVAL: ("heartbeat_interval", int),
    CONF_WEBSOCKET_PING_INTERVAL: ("websocket_ping_interval", int),
    CONF_MAX_CURRENT: ("max_current", float),
}


def create_ocpp_connector(
    data: Mapping[str, Any], options: Mapping[str, Any]
) -> OcppConnector:
    """Return the connector of an OCPP hub; its charge points are said later."""
    return OcppConnector(
        data[CONF_CONNECTOR_NAME], server_options(data, options), HubOptions()
    )


def server_options(
    data: Mapping[str, Any], options: Mapping[str, Any]
) -> ServerOptions:
    """Return where and how an OCPP hub listens."""
    defaults = HubOptions()
    return ServerOptions(
        port=int(data[CONF_PORT]),
        host=data.get(CONF_HOST, ""),
        tls=tls_files(data),
        ping_interval=float(options.get(CONF_PING_INTERVAL, defaults.ping_interval)),
        call_timeout=float(options.get(CONF_CALL_TIMEOUT, defaults.call_timeout)),
    )


def tls_files(data: Mapping[str, Any]) -> TlsFiles | None:
    """Return the files of an encrypted hub; None: it is not encrypted."""
    if not data.get(CONF_CERTIFICATE):
        return None
    return TlsFiles(
        certificate=data[CONF_CERTIFICATE],
        key=data.get(CONF_KEY_FILE, ""),
        second_certificate=data.get(CONF_SECOND_CERTIFICATE, ""),
        second_key=data.get(CONF_SECOND_KEY, ""),
        client_ca=data.get(CONF_CLIENT_CA, ""),
    )


def hub_options(options: Mapping[str, Any], ignored: Iterable[str] = ()) -> HubOptions:
    """Return what counts for all charge points of a hub."""
    defaults = HubOptions()
    return HubOptions(
        unknown=UnknownPolicy(
            options.get(CONF_UNKNOWN_CHARGE_POINTS, UnknownPolicy.PAIR)
        ),
        ping_interval=float(options.get(CONF_PING_INTERVAL, defaults.ping_interval)),
        call_timeout=float(options.get(CONF_CALL_TIMEOUT, defaults.call_timeout)),
        ignored=frozenset(ignored),
    )


def discovery_unique_id(entry_id: str, charge_point_id: str) -> str:
    """Return what the discovery of a charge point is known by, if it is ignored too."""
    return f"{entry_id}_{charge_point_id}"


@callback
def ignored_entries(hass: HomeAssistant, entry: ConfigEntry) -> list[ConfigEntry]:
    """Return the entries that say which charge points of a hub are ignored."""
    prefix = discovery_unique_id(entry.entry_id, "")
    return [
        it
        for it in hass.config_entries.async_entries(DOMAIN)
        if it.source == SOURCE_IGNORE and (it.unique_id or "").startswith(prefix)
    ]


def ignored_ids(hass: HomeAssistant, entry: ConfigEntry) -> Iterator[str]:
    """Yield the charge points that the user wants to hear nothing of."""
    prefix = discovery_unique_id(entry.entry_id, "")
    for it in ignored_entries(hass, entry):
        yield (it.unique_id or "").removeprefix(prefix)


def charge_point_subentries(entry: ConfigEntry) -> dict[str, ConfigSubentry]:
    """Return what the user added as charge points, by their ids."""
    return {
        it.data[CONF_ID]: it
        for it in entry.subentries.values()
        if it.subentry_type == SUBENTRY_CHARGE_POINT
    }


def charge_point_config(data: Mapping[str, Any]) -> ChargePointConfig:
    """Return what the user says of a charge point."""
    chosen = data.get(CONF_QUIRKS_MODE) == QUIRKS_CHOSEN
    numbers: dict[str, Any] = {
        name: kind(data[field])
        for field, (name, kind) in _NUMBERS.items()
        if field in data
    }
    return ChargePointConfig(
        id=data[CONF_ID],
        password=data.get(CONF_PASSWORD, ""),
        certificate_name=data.get(CONF_CERTIFICATE_NAME, ""),
        unknown_tags=TagPolicy(data.get(CONF_UNKNOWN_TAGS, TagPolicy.ACCEPT)),
        configure=data.get(CONF_CONFIGURE, True),
        measurands=tuple(data.get(CONF_MEASURANDS, ())),
        remote_start_tag=data.get(CONF_REMOTE_START_TAG, ""),
        quirks=frozenset(data.get(CONF_QUIRKS, ())) if chosen else None,
        **numbers,
    )


def id_tags(entry: ConfigEntry) -> Iterable[IdTag]:
    """Return the id tags that the user added."""
    return [
        _id_tag(it)
        for it in entry.subentries.values()
        if it.subentry_type == SUBENTRY_ID_TAG
    ]


def _id_tag(subentry: ConfigSubentry) -> IdTag:
    """Return an id tag; it is valid until the end of its last day, here."""
    data = subentry.data
    expiry = None
    if (day := dt_util.parse_date(data.get(CONF_EXPIRY) or "")) is not None:
        ends = min(day, _LAST_DAY) + timedelta(days=1)
        expiry = dt_util.start_of_local_day(ends).timestamp()
    return IdTag(
        tag=data[CONF_ID_TAG],
        name=data.get(CONF_NAME) or subentry.title,
        blocked=data.get(CONF_STATUS) == BLOCKED,
        expiry=expiry,
        parent=data.get(CONF_PARENT, ""),
    )
