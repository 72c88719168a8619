"""The connector: lifecycle, sensor flow and listeners.

The vocabulary is that of BEMCom's Python connector template (`receive_raw_msg`,
`parse_raw_msg`, `run_sensor_flow`), made asynchronous.
"""

from abc import ABC, abstractmethod
import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
import logging
import time

from .backoff import Backoff
from .devices import FOREIGN, Devices
from .flatten import Flattener, Lists
from .listener import HistoryEntry, Listener, Statistics
from .model import (
    Chunk,
    JsonValue,
    LinkError,
    LinkReason,
    Messages,
    ParseError,
    PartialMessage,
    RawMessage,
    Reading,
)

_LOGGER = logging.getLogger(__name__)

DEFAULT_MAX_DATAPOINTS = 500
MAX_KEY_LENGTH = 255

# What diagnostics show: so many of the latest messages, and so much of each.
HISTORY_LENGTH = 50
HISTORY_PAYLOAD = 1024
SAMPLE_LENGTH = 32

# Of the fields of a message that could not be read, so many are named.
_SHOWN_ERRORS = 5

# A link that stays open so long without a word counts as up.
SETTLE_TIME = 5.0


class Connector(ABC):
    """A source of device data.

    A connector of your own overrides `receive_raw_msg` and `parse_raw_msg`, and `connect` and
    `disconnect` if there is a link to open. Whatever goes wrong in a message is counted,
    logged once and ends there.
    """

    def __init__(
        self,
        name: str,
        *,
        lists: str = Lists.INDEX,
        max_datapoints: int = DEFAULT_MAX_DATAPOINTS,
        device_id_key: str = "",
    ) -> None:
        """Name the connector (BEMCom's CONNECTOR_NAME) and say how lists are flattened.

        `device_id_key` is the key of the field that tells apart the devices of the link.
        """
        self.name = name
        self.devices = Devices(device_id_key)
        self.max_datapoints = max_datapoints
        self.datapoints: dict[str, JsonValue] = {}
        self.statistics = Statistics()
        self.history: deque[HistoryEntry] = deque(maxlen=HISTORY_LENGTH)
        # The latest pieces of a stream, to try other settings on; other links have none.
        self.sample: deque[Chunk] = deque(maxlen=SAMPLE_LENGTH)
        self.online = False
        self.error: LinkError | None = None
        self._fell_silent = False
        self._flatten = Flattener(lists)
        self._listeners: list[Listener] = []
        self._raw_listeners: list[Listener] = []
        self._task: asyncio.Task[None] | None = None
        self._settling: asyncio.TimerHandle | None = None
        self.backoff = Backoff()
        self._logged: set[str] = set()

    @property
    def dropped_frames(self) -> int:
        """Count what was dropped before it became a message."""
        return 0

    # What a connector is made of

    async def connect(self) -> None:  # noqa: B027 - not every connector has a link
        """Open the link; raise LinkError with the reason where that fails."""

    async def disconnect(self) -> None:  # noqa: B027 - see above
        """Close the link; called after every `connect`, however it ended."""

    @abstractmethod
    async def receive_raw_msg(self) -> bytes | JsonValue:
        """Wait for the next message; None: nothing to handle. Raise LinkError when lost."""

    def parse_raw_msg(self, raw_msg: RawMessage) -> JsonValue | Messages:
        """Return the nested message, `Messages` for several, None for nothing.

        Raises ParseError where there is no sense in it.
        """
        payload = raw_msg.payload
        if isinstance(payload, bytes):
            raise ParseError("This connector cannot parse bytes")
        return payload

    # Lifecycle

    async def start(self) -> None:
        """Connect and go on receiving until `stop`; LinkError if connecting fails now.

        Once it was up the link is opened again by itself, however often it is lost.
        """
        await self._open()
        self._task = asyncio.create_task(self._run(), name=f"connector {self.name}")

    async def stop(self) -> None:
        """Close the link and end all that runs; a connector that never started may stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        self._cancel_settling()
        await self.disconnect()
        self.online = False

    def add_listener(self, listener: Listener) -> Callable[[], None]:
        """Tell `listener` from now on; call what is returned to end that."""
        self._listeners.append(listener)
        # Most have no use for raw messages, and asking them costs on every message.
        if type(listener).on_raw_message is not Listener.on_raw_message:
            self._raw_listeners.append(listener)

        def remove() -> None:
            self._listeners.remove(listener)
            if listener in self._raw_listeners:
                self._raw_listeners.remove(listener)

        return remove

    def forget_datapoint(self, key: str) -> None:
        """Forget a datapoint, so that it is announced when it comes again."""
        self.datapoints.pop(key, None)
        self.devices.forget(key)

    def ignore_datapoint(self, key: str) -> None:
        """Count a datapoint that there is no room for, or no sense in."""
        self.statistics.ignored_datapoints += 1
        self.log_once(
            "ignored datapoint",
            "Ignoring datapoint %.60r and others like it: a hub takes %d, with keys of up "
            "to %d characters",
            key,
            self.max_datapoints,
            MAX_KEY_LENGTH,
        )

    # Sensor flow

    async def receive(self) -> None:
        """Handle messages until the link is lost, which raises LinkError."""
        while True:
            self.run_sensor_flow(await self.receive_raw_msg())

    def run_sensor_flow(self, raw_data: bytes | JsonValue) -> None:
        """Take one message all the way: raw, parsed, flattened, published.

        The time of its reception, now, is the timestamp of all it holds (spec 2.4).
        """
        if raw_data is None:
            return
        timestamp = round(time.time() * 1000)
        message = RawMessage(raw_data, timestamp)
        statistics = self.statistics
        statistics.messages += 1
        statistics.last_message = timestamp
        if not self.online:
            self._set_online()
        for listener in self._raw_listeners:
            try:
                listener.on_raw_message(message)
            except Exception as err:  # noqa: BLE001 - a listener never ends the connector
                self.count_listener_error(type(listener).__name__, err)
        outcome: int | str
        try:
            parsed = self.parse_raw_msg(message)
            if self.devices.id_key or type(parsed) is Messages:
                outcome = self._publish_parts(parsed, message)
            else:
                outcome = self._publish(parsed, timestamp)
            if type(parsed) is PartialMessage:
                outcome = self._count_field_errors(parsed, raw_data)
        except ParseError as err:
            outcome = self._refuse(raw_data, str(err))
        except Exception as err:  # noqa: BLE001 - nor does a parser of the user's own
            outcome = self._refuse(raw_data, f"{type(err).__name__}: {err}")
        if type(raw_data) is bytes:
            size = len(raw_data)
            if size > HISTORY_PAYLOAD:
                raw_data = raw_data[:HISTORY_PAYLOAD]
            self.history.append((timestamp, raw_data, size, outcome))
        else:
            self.history.append((timestamp, raw_data, None, outcome))

    def _publish_parts(
        self, parsed: JsonValue | Messages, message: RawMessage
    ) -> int | str:
        """Publish each of several messages; one without sense does not cost the others."""
        count = 0
        reason = ""
        for part in self.devices.parts_of(parsed):
            try:
                count += self._publish(part, message.timestamp)
            except ParseError as err:
                reason = self._refuse(message.payload, str(err))
        return reason or count

    def _publish(self, parsed: JsonValue, timestamp: int) -> int:
        """Flatten one message and tell the listeners; return the number of datapoints."""
        values = self._flatten(parsed)
        device_id = None
        if self.devices.id_key:
            complete = type(parsed) is not PartialMessage
            device_id, values = self.devices.take(values, complete=complete)
            for key in self.devices.foreign(values, device_id):
                del values[key]
                self.statistics.key_conflicts += 1
                self.log_once("foreign datapoint", FOREIGN, key)
        if not values:
            self.statistics.fruitless += device_id is None
            return 0
        self.statistics.fruitless = 0
        known = self.datapoints
        before = len(known)
        known.update(values)
        if len(known) != before:
            self._announce(values, before, device_id)
        reading = Reading(values, timestamp)
        for listener in self._listeners:
            try:
                listener.on_reading(reading)
            except Exception as err:  # noqa: BLE001 - a listener never ends the connector
                self.count_listener_error(type(listener).__name__, err)
        return len(values)

    def _announce(
        self, values: dict[str, JsonValue], before: int, device_id: str | None
    ) -> None:
        """Tell of the new datapoints in `values`; take out those beyond the bounds.

        A dict keeps its order: the new ones are those after the first `before`.
        """
        added: dict[str, JsonValue] = {}
        for key in list(self.datapoints)[before:]:
            if len(key) > MAX_KEY_LENGTH or before + len(added) >= self.max_datapoints:
                self.ignore_datapoint(key)
                del values[key]
                del self.datapoints[key]
            else:
                added[key] = values[key]
        if self._flatten.collisions:
            self.log_once(
                "collision",
                "Two values of a message have one key once flattened; the deeper one wins",
            )
        if added:
            if self.devices.id_key:
                self.devices.claim(added, device_id)
            self._tell(lambda listener: listener.on_datapoints(added, device_id))

    # Link

    def log_once(self, topic: str, message: str, *args: object) -> None:
        """Log a warning the first time its topic comes up."""
        if topic not in self._logged:
            self._logged.add(topic)
            _LOGGER.warning("%s: " + message, self.name, *args)  # noqa: G003 - the name first in every line

    async def _open(self) -> None:
        """Connect, cleaning up after a failure."""
        try:
            await self.connect()
        except BaseException:
            await self.disconnect()
            raise
        self.statistics.connections += 1
        self._settling = asyncio.get_running_loop().call_later(
            SETTLE_TIME, self._settle
        )

    async def _run(self) -> None:
        """Receive, and open the link again whenever it is lost."""
        while True:
            if await self._try(self.receive):
                # Returning is no way out of receiving, but a connector of the user's own
                # may take it for one.
                self._set_offline(LinkError(LinkReason.CLOSED, "It stopped receiving"))
            await self._try(self.disconnect)
            opened = False
            while not opened:
                await asyncio.sleep(self.backoff.next_delay())
                opened = await self._try(self._open)

    async def _try(self, attempt: Callable[[], Awaitable[None]]) -> bool:
        """Connect or receive; where that fails the link is down for the reason."""
        try:
            await attempt()
        except LinkError as err:
            self._set_offline(err)
        except Exception as err:  # noqa: BLE001 - of a connector of the user's own
            self._set_offline(
                LinkError(LinkReason.FAILED, f"{type(err).__name__}: {err}")
            )
        else:
            return True
        return False

    def _settle(self) -> None:
        """Trust a link that has stayed open for a while.

        Whoever hangs up before, be it after a message, is not called again at once. After
        silence only a message shows that the link is back: opening it proves nothing.
        """
        self._settling = None
        if self.online:
            self.backoff.reset()
        elif not self._fell_silent:
            self._set_online()

    def _set_online(self) -> None:
        """Take the link for up: a message came, or it stayed open for a while."""
        self._fell_silent = False
        if self._settling is None:
            self.backoff.reset()
        if self.error is not None:
            _LOGGER.info("%s: Connection restored", self.name)
        self.online = True
        self.error = None
        self._tell_connection()

    def _set_offline(self, error: LinkError) -> None:
        """Take the link for down; told and logged once until it is up again."""
        self._cancel_settling()
        self._fell_silent |= error.reason is LinkReason.SILENT
        first = self.error is None
        self.error = error
        if first:
            _LOGGER.info("%s: Connection lost: %s", self.name, error)
        if self.online or first:
            self.online = False
            self._tell_connection()

    def _cancel_settling(self) -> None:
        """Forget that an open link may count as up later."""
        if self._settling is not None:
            self._settling.cancel()
            self._settling = None

    def _tell_connection(self) -> None:
        """Tell the listeners how the link is now."""
        self._tell(lambda listener: listener.on_connection(self.online, self.error))

    def _tell(self, what: Callable[[Listener], None]) -> None:
        """Tell all listeners; the two loops of every message spare themselves the calls."""
        for listener in self._listeners:
            try:
                what(listener)
            except Exception as err:  # noqa: BLE001 - a listener never ends the connector
                self.count_listener_error(type(listener).__name__, err)

    # Bookkeeping

    def _refuse(self, raw_data: bytes | JsonValue, reason: str) -> str:
        """Count a message that could not be parsed; return the reason."""
        statistics = self.statistics
        statistics.parse_errors += 1
        statistics.fruitless += 1
        statistics.refusal = reason
        self.log_once(
            "parse",
            "A message could not be parsed, further ones are only counted: %s: %.100r",
            reason,
            raw_data,
        )
        return reason

    def _count_field_errors(
        self, parsed: PartialMessage, raw_data: bytes | JsonValue
    ) -> str:
        """Count the fields of a message that could not be read; return which and why."""
        self.statistics.field_errors += len(parsed.errors)
        reasons = "; ".join(parsed.errors[:_SHOWN_ERRORS])
        self.log_once(
            "fields",
            "Some fields of a message could not be read, further ones are only counted: "
            "%s: %.100r",
            reasons,
            raw_data,
        )
        return reasons

    def count_listener_error(self, who: str, error: Exception) -> None:
        """Count what went wrong in a listener; log the first of each, with its cause."""
        self.statistics.listener_errors += 1
        topic = f"listener {who}"
        if topic not in self._logged:
            self._logged.add(topic)
            _LOGGER.error("%s: Error in %s", self.name, who, exc_info=error)
