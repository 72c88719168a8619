"""Which charge points may open a socket, and which socket may take the place of another."""

from typing import TYPE_CHECKING

from .handshake import Arrival, Verdict
from .model import UnknownPolicy
from .pairing import MAX_PENDING
from .session import Session

if TYPE_CHECKING:
    from .connector import OcppConnector

# A charge point that still is there answers a ping within this time.
_ALIVE = 3.0


async def admit(hub: OcppConnector, arrival: Arrival) -> Verdict:
    """Decide whether a charge point may open its socket."""
    verdict = _judge(hub, arrival)
    if verdict is Verdict.ACCEPTED and await _is_taken(hub, arrival):
        hub.log_once(
            f"{arrival.charge_point_id} taken",
            "Refusing a connection from %s as charge point %s, which is connected from "
            "elsewhere; give each charge point an id of its own, and a password",
            arrival.remote,
            arrival.charge_point_id,
        )
        return Verdict.FORBIDDEN
    # The user may have changed anything meanwhile.
    verdict = _judge(hub, arrival)
    if verdict is Verdict.UNAUTHORIZED:
        hub.tell(lambda it: it.on_refused(arrival.charge_point_id))
    return verdict


def may_wait(hub: OcppConnector, charge_point_id: str) -> bool:
    """Tell whether a charge point that nobody added may wait for that."""
    return (
        hub.options.unknown is UnknownPolicy.PAIR
        and charge_point_id not in hub.options.ignored
    )


def _judge(hub: OcppConnector, arrival: Arrival) -> Verdict:
    """Decide about a charge point by what it shows of itself."""
    charge_point = hub.charge_points.get(arrival.charge_point_id)
    if charge_point is None:
        return _admit_unknown(hub, arrival)
    if not charge_point.is_shown_by(arrival):
        return Verdict.UNAUTHORIZED
    return Verdict.ACCEPTED


def _admit_unknown(hub: OcppConnector, arrival: Arrival) -> Verdict:
    """Decide about a charge point that nobody added."""
    charge_point_id = arrival.charge_point_id
    if not may_wait(hub, charge_point_id):
        return Verdict.UNKNOWN
    if (held := hub.held.get(charge_point_id)) is not None:
        same = held.session.remote == arrival.remote
        return Verdict.ACCEPTED if same else Verdict.FORBIDDEN
    if len(hub.held) >= MAX_PENDING:
        return Verdict.BUSY
    return Verdict.ACCEPTED


async def _is_taken(hub: OcppConnector, arrival: Arrival) -> bool:
    """Tell whether another socket is this charge point, and alive."""
    asked = None
    # It may have come back by itself while a dead socket was asked.
    while (session := _rival_of(hub, arrival)) not in {None, asked}:
        if await session.is_alive(_ALIVE):
            return True
        asked = session
    return False


def _rival_of(hub: OcppConnector, arrival: Arrival) -> Session | None:
    """Return the socket of a charge point that must not be pushed off by who comes.

    Who proves to be the charge point may always come back, and who comes from where it was
    has most likely lost its connection.
    """
    charge_point = hub.charge_points.get(arrival.charge_point_id)
    session = None if charge_point is None else charge_point.session
    if session is None or charge_point is None or session.remote == arrival.remote:
        return None
    if charge_point.config.password or arrival.certificate_names:
        return None
    return session
