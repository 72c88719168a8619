"""The way in: messages of others to commands, schedules, maps and replays."""

import asyncio
from collections import deque
from collections.abc import Callable

from ..connector.base import Connector
from ..connector.model import Command, CommandError, ParseError, RawMessage
from .command_queue import CommandQueue
from .datapoint_map import DatapointMap
from .following import Following
from .journal import Journal
from .messages import MessageError, decode_actuator_value, decode_raw_message
from .model import MirrorOptions
from .own_topics import NO_OWN_MAP
from .publisher import Publisher
from .schedules import NOTHING, Known

# So many archived messages wait for their turn, with so many bytes.
_MAX_REPLAYS = 1000
_MAX_REPLAY_BYTES = 16 * 1024 * 1024

_FLOW = "run_actuator_flow"
UPDATE_MAP = "update_datapoint_map"
_REPLAY = "reprocess_raw_message"


class Inbox:
    """Takes what comes on the topics that the mirror listens to."""

    def __init__(
        self,
        connector: Connector,
        options: MirrorOptions,
        publisher: Publisher,
        take_map: Callable[[bytes], None],
        now: Callable[[], int],
    ) -> None:
        """Give commands to a connector, and maps to `take_map`."""
        self.commands = CommandQueue(connector.run_actuator_flow)
        self.following = Following(self._send, self._latest, now)
        self.datapoint_map = DatapointMap()
        self.own = NO_OWN_MAP
        self._connector = connector
        self._options = options
        self._publisher = publisher
        self._take_map = take_map
        self._now = now
        # What came last on each topic of an actuator.
        self._last: dict[str, int] = {}
        self._replays: deque[tuple[RawMessage, int]] = deque()
        self._replay_bytes = 0
        self._replaying: asyncio.Task[None] | None = None

    @property
    def journal(self) -> Journal:
        """Return where lines of the log go."""
        return self._publisher.journal

    def received(self, topic: str, payload: bytes, retain: bool) -> None:
        """Take a message; whatever is wrong with it is logged, and costs nothing else."""
        topics = self._publisher.topics
        emitter = _FLOW
        try:
            if topic == topics.datapoint_map:
                emitter = UPDATE_MAP
                self._take_map(payload)
            elif topic == topics.raw_message_reprocess:
                emitter = _REPLAY
                self._reprocess(payload, retain)
            elif not self.following.take(topic, payload):
                self._take_value(topic, payload, retain)
        except MessageError as err:
            text = f"{err}" if emitter == UPDATE_MAP else f"{topic:.200}: {err}"
            self.journal.error(emitter, text)

    async def stop(self) -> None:
        """Let go of all that waits."""
        self.following.stop()
        self._replays.clear()
        if self._replaying is not None:
            self._replaying.cancel()
            await asyncio.gather(self._replaying, return_exceptions=True)
        await self.commands.stop()

    def _take_value(self, topic: str, payload: bytes, retain: bool) -> None:
        """Make a command of a value for an actuator."""
        if (key := self._key_of(topic)) is None:
            raise MessageError("No actuator has this topic")
        message = decode_actuator_value(payload)
        if retain:
            raise MessageError(
                "It is retained and may be of any time, so it is not carried out"
            )
        age = (self._now() - message.timestamp) / 1000
        limit = self._options.max_command_age
        if limit is not None and age > limit:
            raise MessageError(
                f"It is {age:.1f} seconds old, and refused after {limit:g}"
            )
        # QoS 1 may bring a message twice, and with its timestamp none is sent twice.
        mark = hash(payload)
        if self._last.get(topic) == mark:
            self.journal.warning(_FLOW, f"{key:.200}: The same message came twice")
            return
        self._last[topic] = mark
        self._send(Command(key, message.value, message.timestamp), lambda _: None)

    def _send(
        self, command: Command, outcome: Callable[[CommandError | None], None]
    ) -> None:
        """Carry out a command, and log what came of it."""

        def done(error: CommandError | None) -> None:
            key = f"{command.key:.200}"
            if error is None:
                self.journal.info(_FLOW, f"{key}: Carried out")
            else:
                reason = f"{error.reason.value}: {error}".removesuffix(": ")
                text = f"{key}: Not carried out: {reason}"
                self.journal.error(_FLOW, text)
            outcome(error)

        self.commands.put(command, done)

    def _latest(self, key: str) -> Known:
        """Return the latest value of a datapoint."""
        reading = self._publisher.latest.get(key)
        return NOTHING if reading is None else reading.values[key]

    def forget_topics(self) -> None:
        """Let go of what came on topics that are none any more."""
        self._last = {
            topic: it
            for topic, it in self._last.items()
            if self._key_of(topic) is not None
        }

    def _key_of(self, topic: str) -> str | None:
        """Return the actuator that has a topic; the maps have no topic in common."""
        key = self.datapoint_map.actuators.get(topic)
        return self.own.actuators.get(topic) if key is None else key

    def _reprocess(self, payload: bytes, retain: bool) -> None:
        """Let an archived message wait for its turn."""
        if retain:
            raise MessageError("It is retained, so it is not processed again")
        message = decode_raw_message(payload)
        size = len(payload)
        if (
            len(self._replays) >= _MAX_REPLAYS
            or self._replay_bytes + size > _MAX_REPLAY_BYTES
        ):
            raise MessageError("Too many archived messages wait already")
        self._replays.append((message, size))
        self._replay_bytes += size
        if self._replaying is None:
            self._replaying = asyncio.create_task(self._replay(), name="mirror replay")

    async def _replay(self) -> None:
        """Publish what is in archived messages, one after the other."""
        try:
            while self._replays:
                message, size = self._replays.popleft()
                self._replay_bytes -= size
                try:
                    readings = await self._connector.reprocess_raw_msg(message)
                except ParseError as err:
                    self.journal.error(_REPLAY, f"{err}")
                    continue
                for reading in readings:
                    self._publisher.publish_archived(reading, self.datapoint_map)
                # Parsing takes time, and others want their turn.
                await asyncio.sleep(0)
        finally:
            self._replaying = None
