"""The connector: its link, kept open, with the sensor flow and the actuator flow over it.

The vocabulary is that of BEMCom's Python connector template, made asynchronous.
"""

from abc import abstractmethod
import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
import logging
import time
from typing import override

from .actuator_flow import ActuatorFlow
from .backoff import Backoff
from .flatten import Lists
from .model import Chunk, JsonValue, LinkError, LinkReason
from .sensor_flow import DEFAULT_MAX_DATAPOINTS, SensorFlow

_LOGGER = logging.getLogger(__name__)

SAMPLE_LENGTH = 32

# A link that stays open so long without a word counts as up.
SETTLE_TIME = 5.0

# Messages are handled for so long at a stretch, in seconds; then others have their turn.
_STRETCH = 0.005


class Connector(SensorFlow, ActuatorFlow):
    """A source of device data.

    A connector of your own overrides `receive_raw_msg` and `parse_raw_msg`, `connect` and
    `disconnect` if there is a link to open, and `send_command` if there is something to be
    set. Whatever goes wrong in a message is counted, logged once and ends there.
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
        SensorFlow.__init__(self, name, lists, max_datapoints, device_id_key)
        # The latest pieces of a stream, to try other settings on; other links have none.
        self.sample: deque[Chunk] = deque(maxlen=SAMPLE_LENGTH)
        self.error: LinkError | None = None
        self.__fell_silent = False
        self.__task: asyncio.Task[None] | None = None
        self.__settling: asyncio.TimerHandle | None = None
        self.backoff = Backoff()

    @property
    def dropped_frames(self) -> int:
        """Count what was dropped before it became a message."""
        return 0

    # What a connector is made of

    async def connect(self) -> None:
        """Open the link; raise LinkError with the reason where that fails."""

    async def disconnect(self) -> None:
        """Close the link; called after every `connect`, however it ended."""

    @abstractmethod
    async def receive_raw_msg(self) -> bytes | JsonValue:
        """Wait for the next message; None: nothing to handle. Raise LinkError when lost."""

    # Lifecycle

    async def start(self) -> None:
        """Connect and go on receiving until `stop`; LinkError if connecting fails now.

        Once it was up the link is opened again by itself, however often it is lost.
        """
        self._stopped = False
        try:
            await self._open()
        except BaseException as err:
            if (error := _link_error(err)) is err:
                raise
            raise error from err
        self.__task = asyncio.create_task(self._run(), name=f"connector {self.name}")

    async def stop(self) -> None:
        """Close the link and end all that runs; a connector that never started may stop."""
        if self.__task is not None:
            self.__task.cancel()
            await asyncio.gather(self.__task, return_exceptions=True)
            self.__task = None
        self._cancel_settling()
        self._let_go()
        await self._close()
        self.online = False

    async def receive(self) -> None:
        """Handle messages until the link is lost, which raises LinkError."""
        since = time.monotonic()
        while True:
            self.run_sensor_flow(await self.receive_raw_msg())
            # A connector that need not wait for its messages would let nobody else run.
            if time.monotonic() - since > _STRETCH:
                await asyncio.sleep(0)
                since = time.monotonic()

    # Link

    async def _open(self) -> None:
        """Connect, cleaning up after a failure."""
        try:
            await self.connect()
        except BaseException:
            await self._close()
            raise
        self.statistics.connections += 1
        self._connected.set()
        self.__settling = asyncio.get_running_loop().call_later(
            SETTLE_TIME, self._settle
        )

    async def _close(self) -> None:
        """Close the link; what goes wrong in that keeps nothing from ending."""
        try:
            await self.disconnect()
        except Exception as err:  # noqa: BLE001 - of a connector of the user's own
            self.log_once(
                "disconnect", "The link did not close: %s: %s", type(err).__name__, err
            )

    async def _run(self) -> None:
        """Receive, and open the link again whenever it is lost."""
        while True:
            if await self._try(self.receive):
                # Returning is no way out of receiving, but a connector of the user's own
                # may take it for one.
                self._set_offline(LinkError(LinkReason.CLOSED, "It stopped receiving"))
            await self._close()
            opened = False
            while not opened:
                await asyncio.sleep(self.backoff.next_delay())
                opened = await self._try(self._open)

    async def _try(self, attempt: Callable[[], Awaitable[None]]) -> bool:
        """Connect or receive; where that fails the link is down for the reason."""
        try:
            await attempt()
        except BaseException as err:
            error = _link_error(err)
            if error is not err:
                _LOGGER.debug("%s: The connector failed", self.name, exc_info=err)
            self._set_offline(error)
            return False
        return True

    def _settle(self) -> None:
        """Trust a link that has stayed open for a while.

        Whoever hangs up before, be it after a message, is not called again at once. After
        silence only a message shows that the link is back: opening it proves nothing.
        """
        self.__settling = None
        if self.online:
            self.backoff.reset()
        elif not self.__fell_silent:
            self._set_online()

    @override
    def _set_online(self) -> None:
        """Take the link for up: a message came, or it stayed open for a while."""
        self.__fell_silent = False
        if self.__settling is None:
            self.backoff.reset()
        if self.error is not None:
            _LOGGER.info("%s: Connection restored", self.name)
        self.online = True
        self.error = None
        self._tell_connection()

    def _set_offline(self, error: LinkError) -> None:
        """Take the link for down; told and logged once until it is up again."""
        self._connected.clear()
        self._cancel_settling()
        self.__fell_silent |= error.reason is LinkReason.SILENT
        first = self.error is None
        self.error = error
        if first:
            _LOGGER.info("%s: Connection lost: %s", self.name, error)
        if self.online or first:
            self.online = False
            self._tell_connection()

    def _cancel_settling(self) -> None:
        """Forget that an open link may count as up later."""
        if self.__settling is not None:
            self.__settling.cancel()
            self.__settling = None

    def _tell_connection(self) -> None:
        """Tell the listeners how the link is now."""
        self._tell(lambda listener: listener.on_connection(self.online, self.error))


def _link_error(error: BaseException) -> LinkError:
    """Return why there is no link; what is not about the link at all is raised again.

    A cancelled task of the connector's own is no wish that this one ends.
    """
    if isinstance(error, LinkError):
        return error
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        ours = task is not None and not task.cancelling()
    else:
        ours = isinstance(error, Exception)
    if not ours:
        raise error
    text = f"{type(error).__name__}: {error}".removesuffix(": ")
    return LinkError(LinkReason.FAILED, "The connector failed", text)
