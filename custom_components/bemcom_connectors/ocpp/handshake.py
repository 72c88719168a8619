"""Who dials in: what the request that opens a websocket says."""

from dataclasses import dataclass
from enum import StrEnum
from ssl import SSLObject
from typing import override
from urllib.parse import unquote

from aiohttp import hdrs, web

from .authentication import matches, parse_basic
from .model import MAX_ID_LENGTH, ChargePointConfig
from .tls import names_of

SUBPROTOCOL = "ocpp1.6"
ABOUT = (
    "This is an OCPP 1.6 central system. Charge points connect here with a websocket, to"
    " this address followed by their id.\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A charge point that wants in."""

    charge_point_id: str
    remote: str
    # All that its password may be; none: it said none, or not as who it is.
    passwords: tuple[bytes, ...] = ()
    has_credentials: bool = False
    # Of a client certificate that was checked: common name and DNS names, if it has any.
    has_certificate: bool = False
    certificate_names: tuple[str, ...] = ()
    tls: bool = False
    subprotocols: tuple[str, ...] = ()

    @override
    def __repr__(self) -> str:
        return f"<Arrival {self.charge_point_id!r} of {self.remote}>"


class Verdict(StrEnum):
    """What becomes of a charge point that wants in."""

    ACCEPTED = "accepted"
    UNAUTHORIZED = "unauthorized"
    UNKNOWN = "unknown"
    FORBIDDEN = "forbidden"
    BUSY = "busy"


def wants_websocket(request: web.BaseRequest) -> bool:
    """Return whether a request is one to open a websocket."""
    return (
        request.method == hdrs.METH_GET
        and request.headers.get(hdrs.UPGRADE, "").strip().lower() == "websocket"
    )


def read_arrival(request: web.BaseRequest) -> Arrival | None:
    """Return who wants in; None: it has no id that could be one."""
    charge_point_id = id_of(request.raw_path)
    if charge_point_id is None:
        return None
    header = request.headers.get(hdrs.AUTHORIZATION, "")
    tls = request.get_extra_info("ssl_object")
    certificate = tls.getpeercert() if isinstance(tls, SSLObject) else None
    return Arrival(
        charge_point_id=charge_point_id,
        remote=request.remote or "",
        passwords=parse_basic(header, charge_point_id),
        has_credentials=bool(header),
        has_certificate=bool(certificate),
        certificate_names=names_of(certificate),
        tls=tls is not None,
        subprotocols=tuple(
            name.strip()
            for line in request.headers.getall(hdrs.SEC_WEBSOCKET_PROTOCOL, ())
            for name in line.split(",")
            if name.strip()
        ),
    )


def id_of(path: str) -> str | None:
    """Return the charge point id at the end of a request's path; None: there is none.

    Some put it into the query, behind a path that ends with a slash.
    """
    path, _, query = path.partition("?")
    segment = path.rpartition("/")[2]
    if not segment:
        segment = query[1:] if query.startswith("=") else _last_segment(path)
    try:
        charge_point_id = unquote(segment, errors="strict")
    except UnicodeDecodeError:
        return None
    if not 0 < len(charge_point_id) <= MAX_ID_LENGTH:
        return None
    return charge_point_id if _is_readable(charge_point_id) else None


def subprotocol_of(arrival: Arrival) -> str:
    """Return which of the offered subprotocols is spoken here, as it was offered."""
    for name in arrival.subprotocols:
        if name.lower() == SUBPROTOCOL:
            return name
    return ""


def _last_segment(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


def _is_readable(text: str) -> bool:
    return text.isprintable() and bool(text.strip())


def proves(arrival: Arrival, config: ChargePointConfig, serial_number: str) -> bool:
    """Tell whether who comes proves to be a charge point, as far as that is asked for."""
    if config.password and not matches(config.password, arrival.passwords):
        return False
    if not arrival.has_certificate:
        return not config.certificate_name
    allowed = {config.certificate_name} if config.certificate_name else {config.id}
    if not config.certificate_name and serial_number:
        allowed.add(serial_number)
    return bool(
        {it.casefold() for it in allowed}
        & {it.casefold() for it in arrival.certificate_names}
    )
