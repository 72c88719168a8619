"""Charging sessions: authorized, started, metered, stopped (OCPP 1.6 section 4)."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..connector.model import JsonValue
from . import datapoints as names
from .authorization import Authorization, mask
from .clock import REPLAY_AGE
from .connector_state import IN_SESSION, ConnectorState, iso
from .datapoints import state_name
from .enums import AuthorizationStatus, StopReason
from .listener import EventKind
from .metering import MeterReading, read_meter_values, registers
from .model import MAX_CONNECTORS
from .transactions import Transaction

if TYPE_CHECKING:
    from .charge_point import ChargePoint

type Payload = Mapping[str, Any]
type Answer = dict[str, JsonValue]

# What StartTransaction and StopTransaction say before they are known, or never were.
NO_TRANSACTION = frozenset({0, -1})

# What is longer is no tag of anybody.
_MAX_TAG = 255
# A start so shortly after a swipe is of the same card.
_SWIPE = 300.0
# Meter values without a transaction are of the one that runs, if they are not older.
_SLACK = 60.0
# After so many messages in a row about another transaction, that is the one that runs.
_FOREIGN_MESSAGES = 3
# What is nothing, and not unknown, while nobody charges.
_FLOWS = (
    "Current.Export",
    "Current.Import",
    "Power.Active.Export",
    "Power.Active.Import",
    "Power.Reactive",
)
# A transaction whose connector has been free for so long is over, although nobody said so.
LOST_AFTER = 300.0


def authorize(cp: ChargePoint, payload: Payload, now: float) -> Answer:
    """Say whether a tag may charge."""
    id_tag: str = payload["idTag"]
    authorization = _authorize(cp, id_tag, now)
    _swiped(cp, id_tag, authorization.status, now)
    return {"idTagInfo": dict(authorization.info)}


def start_transaction(cp: ChargePoint, payload: Payload, now: float) -> Answer:
    """Give a transaction its id, the same again for a retry, whether allowed or not."""
    id_tag: str = payload["idTag"]
    connector_id = _started_on(cp, payload["connectorId"])
    authorization = _authorize(cp, id_tag, now)
    connector = _connector_of(cp, connector_id)
    former = cp.host.book.open_of(cp.id, connector_id)
    transaction, is_new = cp.host.book.start(
        cp.id,
        connector_id,
        id_tag,
        payload.get("timestamp"),
        payload.get("meterStart"),
        now,
        before=None if connector is None else connector.total.register,
    )
    if is_new:
        is_told = now - cp.last_swipe[1] <= _SWIPE and (
            cp.last_swipe[0] == id_tag.casefold()
        )
        # What was swiped long ago must not open a door now.
        if not is_told and now - transaction.started <= REPLAY_AGE:
            _swiped(cp, id_tag, authorization.status, now)
        if former is not None:
            _tell(cp, former, "ended")
            cp.transaction_ended(connector_id)
        _tell(cp, transaction, "started")
        if connector is not None:
            _begin(cp, connector, transaction, now)
        cp.host.changed(urgent=True)
    return {"transactionId": transaction.id, "idTagInfo": dict(authorization.info)}


def stop_transaction(cp: ChargePoint, payload: Payload, now: float) -> Answer:
    """End a transaction; the charge point is always answered, whatever it says."""
    book = cp.host.book
    transaction_id: int = payload["transactionId"]
    known = book.by_id(cp.id, transaction_id)
    if known is None:
        cp.leniencies.note("StopTransaction of an unknown transaction")
    elif known.ended is None or known.lost:
        readings = read_meter_values(payload.get("transactionData"), cp.leniencies)
        before = known.energy_wh
        book.stop(
            cp.id,
            transaction_id,
            payload.get("timestamp"),
            payload.get("meterStop"),
            payload.get("reason") or StopReason.LOCAL,
            now=now,
            registers=registers(readings),
        )
        session_ended(cp, known, now, max(known.energy_wh - before, 0.0))
    id_tag = payload.get("idTag")
    if not id_tag:
        return {}
    authorization = _authorize(cp, id_tag, now)
    return {"idTagInfo": dict(authorization.info)}


def meter_values(cp: ChargePoint, payload: Payload, now: float) -> Answer:
    """Take up what a meter says; always answered, or it would be sent for ever (spec 4.7)."""
    connector_id: int = payload["connectorId"]
    if (connector := cp.connector(connector_id)) is None:
        return {}
    cp.metered = now
    readings = read_meter_values(payload.get("meterValue"), cp.leniencies)
    if not readings:
        return {}
    transaction_id = payload.get("transactionId")
    transaction = _transaction_of(cp, connector, transaction_id, readings, now)
    values = connector.meter.take(readings, now)
    if transaction is not None and transaction.ended is None:
        its_own = cp.connector(transaction.connector_id) or connector
        _take_registers(transaction, its_own, readings, now)
        shown = _total(its_own)
        if its_own.connector_id:
            tag = _tag_of(cp, transaction)
            shown |= its_own.session_values(transaction, tag, now)
        if its_own is connector:
            values |= shown
        else:
            cp.show(its_own.connector_id, shown)
    elif cp.host.book.open_of(cp.id, connector_id) is None:
        if transaction is not None:
            # What comes after the end must not look as if it went on.
            for name in connector.meter.clear_live(now):
                values.pop(name, None)
        _take_registers(None, connector, readings, now)
        values |= _total(connector)
    cp.show(connector_id, values)
    cp.host.changed()
    return {}


def status_changed(cp: ChargePoint, connector: ConnectorState, now: float) -> None:
    """Show no session any more when a car has gone."""
    if connector.free_since == now and connector.connector_id:
        transaction = cp.host.book.open_of(cp.id, connector.connector_id)
        if transaction is None:
            show_session(cp, connector, None, now)
            cp.show(connector.connector_id, _nothing_flows(connector, now))


def show_in_service(cp: ChargePoint) -> None:
    """Show a charge point in service as soon as one of its connectors is: many say no more."""
    whole = cp.connectors.get(0)
    if whole is None or names.OPERATIVE not in whole.values:
        cp.show(0, {names.OPERATIVE: True})


def refresh(cp: ChargePoint, now: float) -> None:
    """Let time go on: of sessions, whose end may be lost, of plans, and since it was seen."""
    cp.profiles.refresh(now)
    cp.limits.refresh(now)
    if cp.last_seen is not None:
        cp.show(0, {names.LAST_SEEN: iso(cp.last_seen)})
    poll = cp.adjustments.poll_meter_values
    for connector_id in cp.connector_ids:
        connector = cp.connectors[connector_id]
        transaction = cp.host.book.open_of(cp.id, connector_id)
        if transaction is None:
            continue
        if cp.online and _is_lost(connector, transaction, now):
            cp.host.book.lose(transaction, connector.free_since or now)
            session_ended(cp, transaction, now)
        else:
            duration = round(transaction.duration(now))
            cp.show(connector_id, {names.SESSION_DURATION: duration})
            if poll and cp.online and now - cp.metered > poll:
                cp.metered = now
                cp.spawn(cp.trigger("MeterValues", connector_id))


def _is_lost(connector: ConnectorState, transaction: Transaction, now: float) -> bool:
    """Tell whether a transaction runs nowhere: its connector is free, its meter silent."""
    since = connector.free_since
    return since is not None and now - max(since, transaction.heard_at) > LOST_AFTER


def session_ended(
    cp: ChargePoint, transaction: Transaction, now: float, growth: float = 0.0
) -> None:
    """Show and tell that a session is over; its end told of `growth` Wh more."""
    if (connector := _connector_of(cp, transaction.connector_id)) is not None:
        running = cp.host.book.open_of(cp.id, connector.connector_id)
        ended = now if transaction.ended is None else transaction.ended
        register = transaction.meter_stop
        if register is None:
            register = connector.total.register
        if register is not None:
            connector.total.add(growth, register, ended)
        if running is None:
            reason = transaction.reason
            cp.show(
                connector.connector_id,
                {names.STOP_REASON: state_name(reason) if reason else None}
                | _total(connector)
                | _nothing_flows(connector, ended),
            )
            show_session(cp, connector, transaction, now)
    _tell(cp, transaction, "ended")
    cp.host.changed(urgent=True)


def show_session(
    cp: ChargePoint,
    connector: ConnectorState,
    transaction: Transaction | None,
    now: float,
) -> None:
    """Show a session as far as it got."""
    tag = "" if transaction is None else _tag_of(cp, transaction)
    cp.show(connector.connector_id, connector.session_values(transaction, tag, now))


def session_record(cp: ChargePoint, transaction: Transaction) -> dict[str, JsonValue]:
    """Return a session as people may read it: its tag by name, or in part."""
    return {
        "transaction_id": transaction.id,
        "connector_id": transaction.connector_id,
        "id_tag": _tag_of(cp, transaction),
        "start": iso(transaction.started),
        "end": None if transaction.ended is None else iso(transaction.ended),
        "duration": round(transaction.duration(transaction.ended or 0.0)),
        "energy": round(transaction.energy_wh / 1000, 3),
        "stop_reason": state_name(transaction.reason) if transaction.reason else None,
    }


def _started_on(cp: ChargePoint, connector_id: int) -> int:
    """Return the connector of a start; 0: nobody knows which, as there are several."""
    if connector_id > MAX_CONNECTORS or connector_id < 0:
        # Such connectors are all the same one, or there would be no end of transactions.
        return MAX_CONNECTORS + 1
    if not connector_id and len(cp.connector_ids) == 1:
        # There is no choice where there is one only.
        return cp.connector_ids[0]
    return connector_id


def _connector_of(cp: ChargePoint, connector_id: int) -> ConnectorState | None:
    """Return the connector that shows a session; None: it is of none that there is."""
    return cp.connector(connector_id) if connector_id else None


def _transaction_of(
    cp: ChargePoint,
    connector: ConnectorState,
    transaction_id: int | None,
    readings: Sequence[MeterReading],
    now: float,
) -> Transaction | None:
    """Return the transaction that meter values are of, be it over; None: they are of none."""
    book = cp.host.book
    running = book.open_of(cp.id, connector.connector_id)
    if transaction_id is None or transaction_id in NO_TRANSACTION:
        if running is None:
            return None
        times = [it.timestamp for it in readings if it.timestamp is not None]
        in_time = not times or min(max(times), now) >= running.started - _SLACK
        return running if in_time else None
    if (known := book.by_id(cp.id, transaction_id)) is not None:
        connector.foreign = (0, 0)
        return known
    may_run = connector.connector_id and connector.status in {None, *IN_SESSION}
    if not may_run or not cp.adjustments.adopt_transactions:
        # Some send ids made of nothing while nobody charges.
        cp.leniencies.note("MeterValues of an unknown transaction")
        return running
    if running is not None:
        same = connector.foreign[0] == transaction_id
        connector.foreign = (transaction_id, connector.foreign[1] + 1 if same else 1)
        if connector.foreign[1] < _FOREIGN_MESSAGES:
            return running
        book.lose(running, now)
        session_ended(cp, running, now)
    connector.foreign = (0, 0)
    cp.leniencies.note("transaction adopted")
    adopted = book.adopt(cp.id, connector.connector_id, transaction_id, now)
    if adopted is not None:
        _tell(cp, adopted, "started")
        cp.host.changed(urgent=True)
    return adopted


def _begin(
    cp: ChargePoint, connector: ConnectorState, transaction: Transaction, now: float
) -> None:
    """Show a session that began, and let the total go on from its start."""
    connector.foreign = (0, 0)
    if transaction.meter_start is not None:
        connector.total.take(transaction.meter_start, transaction.started, reset=True)
    show_session(cp, connector, transaction, now)


def _take_registers(
    transaction: Transaction | None,
    connector: ConnectorState,
    readings: Sequence[MeterReading],
    now: float,
) -> None:
    """Let session and total follow the meter's register."""
    for timestamp, context, register in registers(readings):
        at = now if timestamp is None else min(timestamp, now)
        if transaction is not None:
            growth = transaction.take_register(register, at, context)
            connector.total.add(growth, register, at)
        elif connector.connector_id:
            connector.total.take(register, at)


def _total(connector: ConnectorState) -> dict[str, JsonValue]:
    """Return all the energy that went through a connector, as far as it was measured."""
    if not connector.connector_id or not connector.total.started:
        return {}
    return {names.TOTAL_ENERGY: round(connector.total.total / 1000, 3)}


def _nothing_flows(connector: ConnectorState, at: float) -> dict[str, JsonValue]:
    """Return what is measured where no session is, since `at`."""
    return {
        name: 0.0 if name.startswith(_FLOWS) else None
        for name in connector.meter.clear_live(at)
        if name in connector.values
    }


def _authorize(cp: ChargePoint, id_tag: str, now: float) -> Authorization:
    """Say whether a tag may charge, which what is started from here may."""
    return cp.host.tags.authorize(id_tag, cp.control.policy_of(id_tag, now), now)


def _swiped(
    cp: ChargePoint, id_tag: str, status: AuthorizationStatus, now: float
) -> None:
    """Tell of a tag: in part to all, in full only to those that must know it."""
    cp.last_swipe = (id_tag.casefold(), now)
    label = cp.host.tags.label(id_tag)
    cp.show(0, {names.ID_TAG: label})
    attributes: dict[str, JsonValue] = {
        "id_tag": mask(id_tag),
        "name": label if cp.host.tags.knows(id_tag) else None,
        "known": cp.host.tags.knows(id_tag),
    }
    event_type = state_name(status)
    cp.host.tell(
        lambda it: it.on_event(cp.id, 0, EventKind.ID_TAG, event_type, attributes)
    )
    if len(id_tag) <= _MAX_TAG:
        cp.host.tell(lambda it: it.on_tag(cp.id, id_tag))


def _tell(cp: ChargePoint, transaction: Transaction, event_type: str) -> None:
    """Tell that a session began, or is over."""
    if event_type == "started":
        cp.transaction_started(transaction.connector_id)
    elif cp.host.book.open_of(cp.id, transaction.connector_id) is None:
        cp.transaction_ended(transaction.connector_id)
    record = session_record(cp, transaction)
    connector_id = transaction.connector_id
    cp.host.tell(
        lambda it: it.on_event(
            cp.id, connector_id, EventKind.SESSION, event_type, record
        )
    )


def _tag_of(cp: ChargePoint, transaction: Transaction) -> str:
    """Return what people may read of the tag of a transaction."""
    return cp.host.tags.label(transaction.id_tag) if transaction.id_tag else ""
