"""The OCPP hub as a connector: charge points to readings, and what they are told."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
import time
from typing import Any, override

from ..connector.actuators import Actuator
from ..connector.base import Connector
from ..connector.flatten import SEPARATOR
from ..connector.model import JsonValue, Messages, ParseError, RawMessage
from .actuators import OF_HUB, actuators_of
from .admission import admit, may_wait
from .authorization import IdTag, IdTags
from .charge_point import MAX_DATAPOINTS, ChargePoint
from .charging import refresh, session_record
from .commands import carry_out
from .handshake import Arrival, Verdict
from .listener import OcppListener
from .model import ChargePointConfig, HubOptions, Keys, PendingChargePoint, device_id_of
from .pairing import HeldChargePoint
from .reporting import diagnostics
from .server import Server, ServerOptions
from .session import Session
from .transactions import TransactionBook

# Running sessions get older with each look.
_LOOK_INTERVAL = 30.0


class OcppConnector(Connector):
    """An OCPP 1.6 central system and the charge points that dial in to it."""

    def __init__(
        self, name: str, server_options: ServerOptions, options: HubOptions
    ) -> None:
        """Name the connector, and say where it listens."""
        super().__init__(name)
        # What tells its devices apart; nobody sends such a field.
        self.devices.id_key = "charge_point"
        self.options = options
        self.tags = IdTags()
        self.book = TransactionBook()
        self.charge_points: dict[str, ChargePoint] = {}
        # Those that nobody added yet.
        self.held: dict[str, HeldChargePoint] = {}
        # What can be set on each charge point.
        self._own_actuators: dict[str, dict[str, Actuator]] = {}
        self._keys: dict[tuple[str, int], Keys] = {}
        self._server_options = server_options
        self._server: Server | None = None
        self._ocpp_listeners: list[OcppListener] = []
        # What was kept of charge points that are not set yet.
        self._kept: dict[str, Any] = {}
        self._closing: set[asyncio.Task[None]] = set()

    # What others ask

    @property
    def port(self) -> int:
        """Return the port that it listens on."""
        return self._server_options.port if self._server is None else self._server.port

    @property
    def pending(self) -> Mapping[str, PendingChargePoint]:
        """Return the charge points that are held until somebody adds them."""
        return {key: it.known for key, it in self.held.items()}

    def presents_password(self, charge_point_id: str, password: str) -> bool:
        """Tell whether a held charge point came with this password."""
        held = self.held.get(charge_point_id)
        return held is not None and held.presents(password)

    def is_online(self, charge_point_id: str) -> bool:
        """Tell whether a charge point is connected."""
        found = self.charge_points.get(charge_point_id)
        return found is not None and found.online

    def sessions_of(self, charge_point_id: str) -> list[dict[str, JsonValue]]:
        """Return the sessions of a charge point that are over, the latest first."""
        charge_point = self.charge_points[charge_point_id]
        return [
            session_record(charge_point, it)
            for it in self.book.finished(charge_point_id)
        ]

    def add_ocpp_listener(self, listener: OcppListener) -> Callable[[], None]:
        """Tell `listener` from now on; call what is returned to end that."""
        self._ocpp_listeners.append(listener)
        return lambda: self._ocpp_listeners.remove(listener)

    # What the user says

    def set_options(self, options: HubOptions) -> None:
        """Take up what counts for all charge points; who is unwelcome now is let go."""
        self.options = options
        self._tune()
        for charge_point_id in list(self.held):
            if not may_wait(self, charge_point_id):
                self._let_go_of(charge_point_id, "Not welcome here")

    def set_id_tags(self, tags: Iterable[IdTag]) -> None:
        """Know these tags, and no others."""
        self.tags = IdTags(tags)

    def set_charge_points(self, configs: Mapping[str, ChargePointConfig]) -> None:
        """Have these charge points; one that is held meanwhile goes live on its socket."""
        for charge_point_id in self.charge_points.keys() - configs.keys():
            self._remove(charge_point_id)
        self.book.keep(configs)
        self.max_datapoints = MAX_DATAPOINTS * max(1, len(configs))
        for charge_point_id, config in configs.items():
            if (known := self.charge_points.get(charge_point_id)) is not None:
                if known.config != config:
                    known.set_config(config)
                    self.connectors_changed(charge_point_id)
                continue
            charge_point = ChargePoint(config, self)
            self.charge_points[charge_point_id] = charge_point
            charge_point.restore(self._kept.pop(charge_point_id, None))
            self.connectors_changed(charge_point_id)
            self._show_kept(charge_point)
            if (held := self.held.pop(charge_point_id, None)) is not None:
                held.close()
                self.tell(
                    lambda it, gone=charge_point_id: it.on_pending_gone(gone)  # type: ignore[misc]
                )
                charge_point.introduce(held.known.identity)
                if charge_point.is_shown_by(held.session.arrival):
                    charge_point.attach(held.session, invite=True)
                else:
                    self._close_soon(held.session)
        self._kept.clear()

    def _remove(self, charge_point_id: str) -> None:
        """Have a charge point no more, nor anything of it."""
        charge_point = self.charge_points.pop(charge_point_id)
        session, charge_point.session = charge_point.session, None
        if session is not None:
            self._close_soon(session, "Removed")
        self._beside(charge_point.close())
        self.book.drop(charge_point_id)
        for connector_id, connector in charge_point.connectors.items():
            self._forget_values(charge_point_id, connector_id, connector.values)
        self.connectors_changed(charge_point_id)
        self.changed(urgent=True)

    def forget_connector(self, charge_point_id: str, connector_id: int) -> bool:
        """Forget a connector that is not there; return whether that was done."""
        if (charge_point := self.charge_points.get(charge_point_id)) is None:
            return False
        in_use = self.book.open_of(charge_point_id, connector_id) is not None
        if connector_id < 1 or in_use or connector_id in charge_point.notified:
            return False
        gone = charge_point.connectors.pop(connector_id, None)
        if gone is not None:
            self._forget_values(charge_point_id, connector_id, gone.values)
        charge_point.limits.forget(connector_id)
        charge_point.profiles.drop(None, connector_id)
        charge_point.control.availability.wishes.pop(connector_id, None)
        self.connectors_changed(charge_point_id)
        self.changed(urgent=True)
        return True

    def _forget_values(
        self, charge_point_id: str, connector_id: int, names: Iterable[str]
    ) -> None:
        """Forget the datapoints of a connector; 0: of the charge point."""
        # Not by the prefix alone: the id of another charge point may begin with it.
        self._keys.pop((charge_point_id, connector_id), None)
        prefix = device_id_of(charge_point_id, connector_id) + SEPARATOR
        for name in names:
            self.forget_datapoint(prefix + name)

    # What is kept

    def snapshot(self) -> dict[str, Any]:
        """Return what must survive a restart, for being kept now."""
        self.book.needs_saving = False
        return {
            "book": self.book.to_dict(),
            "charge_points": {
                key: it.to_dict() for key, it in self.charge_points.items()
            },
        }

    def restore(self, data: object) -> None:
        """Take up what was kept; call it before anything else is said."""
        stored = data if isinstance(data, Mapping) else {}
        self.book = TransactionBook.from_dict(stored.get("book"))
        kept = stored.get("charge_points")
        self._kept = dict(kept) if isinstance(kept, Mapping) else {}

    def _show_kept(self, charge_point: ChargePoint) -> None:
        """Show what was last known of a charge point."""
        charge_point.show(0, {"connected": False})
        for connector_id, connector in list(charge_point.connectors.items()):
            values = {
                key: it for key, it in connector.values.items() if key != "connected"
            }
            charge_point.show(connector_id, values)

    def diagnostics(self) -> dict[str, Any]:
        """Return what helps to find out what goes wrong."""
        return {
            "port": self.port,
            "pending": [
                {"id": it.id, "identity": it.identity.to_dict()}
                for it in self.pending.values()
            ],
            "charge_points": {
                key: diagnostics(it) for key, it in self.charge_points.items()
            },
        }

    # The connector's life

    @override
    async def connect(self) -> None:
        """Listen; raises LinkError where that fails."""
        self._server = Server(self._server_options, self, self.log_once)
        self._tune()
        await self._server.start()

    @override
    async def disconnect(self) -> None:
        """Hang up on all, and listen no more."""
        server, self._server = self._server, None
        for held in self.held.values():
            held.close()
        self.held.clear()
        reason = "The central system stops"
        await asyncio.gather(*(it.close(reason) for it in self.charge_points.values()))
        if server is not None:
            await server.stop()
        await asyncio.gather(*self._closing, return_exceptions=True)

    @override
    async def receive(self) -> None:
        """Look after running sessions now and then: messages come by themselves."""
        self._set_online()
        while True:
            await asyncio.sleep(_LOOK_INTERVAL)
            now = time.time()
            for charge_point in list(self.charge_points.values()):
                try:
                    refresh(charge_point, now)
                except Exception as err:  # noqa: BLE001 - the others go on
                    self.log_once(
                        f"{charge_point.id} look",
                        "Charge point %s could not be looked after: %s: %s",
                        charge_point.id,
                        type(err).__name__,
                        err,
                    )

    @override
    async def receive_raw_msg(self) -> bytes | JsonValue:
        """Have no messages but those that sessions bring."""
        raise NotImplementedError

    @override
    async def parse_archived(self, raw_msg: RawMessage) -> JsonValue | Messages:
        """Refuse: what a message meant depends on those before it."""
        raise ParseError("Messages of charge points cannot be processed again")

    # What is set

    @override
    async def send_command(
        self, datapoint_key: str, datapoint_value: JsonValue, datapoint_timestamp: int
    ) -> JsonValue:
        """Tell a charge point, and return what it made of it; raises CommandError."""
        actuator = self.actuators[datapoint_key]
        return await carry_out(self.charge_points, actuator, datapoint_value)

    # The server's directory

    async def admit(self, arrival: Arrival) -> Verdict:
        """Decide whether a charge point may open its socket."""
        return await admit(self, arrival)

    def serves_without_subprotocol(self, charge_point_id: str) -> bool:
        """Tell whether the user, or its quirk, allows a charge point to name no protocol."""
        found = self.charge_points.get(charge_point_id)
        return found is not None and found.adjustments.serve_without_subprotocol

    def opened(self, session: Session) -> None:
        """Take a socket that was let in."""
        charge_point = self.charge_points.get(session.charge_point_id)
        if charge_point is not None:
            charge_point.attach(session)
            return
        former = self.held.pop(session.charge_point_id, None)
        self.held[session.charge_point_id] = HeldChargePoint(
            session, self._tell_pending
        )
        if former is not None:
            former.close()
            self._close_soon(former.session)

    def closed(self, session: Session) -> None:
        """Let go of a socket that is closed."""
        charge_point = self.charge_points.get(session.charge_point_id)
        if charge_point is not None:
            charge_point.detach(session)
        held = self.held.get(session.charge_point_id)
        if held is not None and held.session is session:
            self._drop_held(session.charge_point_id)

    # The charge points' host

    def received(self, charge_point_id: str, action: str, payload: JsonValue) -> None:
        """Count a message, and tell those who want to know it as it came."""
        statistics = self.statistics
        statistics.messages += 1
        statistics.last_message = timestamp = round(time.time() * 1000)
        if self._raw_listeners or self._frames_wanted:
            message = RawMessage({action: payload}, timestamp)
            self._tell(lambda listener: listener.on_raw_message(message))
            if self._frames_wanted:
                self._tell_frame(message, device_id_of(charge_point_id))

    def show(
        self, charge_point_id: str, connector_id: int, values: Mapping[str, JsonValue]
    ) -> None:
        """Publish datapoints of a connector, by their own names; 0: the charge point."""
        device = charge_point_id, connector_id
        if (keys := self._keys.get(device)) is None:
            keys = self._keys[device] = Keys(device_id_of(*device))
        published = {keys[name]: value for name, value in values.items()}
        self.publish(published, round(time.time() * 1000), keys.device_id)

    def tell(self, what: Callable[[OcppListener], None]) -> None:
        """Tell the listeners of something."""
        for listener in self._ocpp_listeners:
            try:
                what(listener)
            except Exception as err:  # noqa: BLE001 - a listener never ends the connector
                self.count_listener_error(type(listener).__name__, err)

    def connectors_changed(self, charge_point_id: str) -> None:
        """Have actuators of the connectors that a charge point has now."""
        found = self.charge_points.get(charge_point_id)
        own = {} if found is None else actuators_of(found)
        if own == self._own_actuators.get(charge_point_id, {}):
            return
        if own:
            self._own_actuators[charge_point_id] = own
        else:
            del self._own_actuators[charge_point_id]
        # Another one each time, so that everybody sees that it changed.
        actuators = dict(OF_HUB) if self._own_actuators else {}
        for it in self._own_actuators.values():
            actuators |= it
        self.actuators = actuators

    def changed(self, *, urgent: bool = False) -> None:
        """Note that something is worth keeping; `urgent`: at once."""
        urgent = urgent or self.book.needs_saving
        self.tell(lambda it: it.on_changed(urgent=urgent))

    # Little helpers

    def _tune(self) -> None:
        """Let the server know how patient to be."""
        if self._server is not None:
            self._server.tune(
                ping_interval=self.options.ping_interval,
                call_timeout=self.options.call_timeout,
            )

    def _tell_pending(self, pending: PendingChargePoint) -> None:
        """Tell of a charge point that is held."""
        self.tell(lambda it: it.on_pending(pending))

    def _let_go_of(self, charge_point_id: str, reason: str) -> None:
        """Hang up on a charge point that was held."""
        held = self.held[charge_point_id]
        self._drop_held(charge_point_id)
        self._close_soon(held.session, reason)

    def _drop_held(self, charge_point_id: str) -> None:
        """Hold a charge point no more."""
        self.held.pop(charge_point_id).close()
        self.tell(lambda it: it.on_pending_gone(charge_point_id))

    def _close_soon(self, session: Session, reason: str = "") -> None:
        """Close a session beside."""
        self._beside(session.close(reason=reason))

    def _beside(self, work: Any) -> None:
        """Run something to its end."""
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
