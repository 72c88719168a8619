"""The actuator flow: a command is checked, sent, and told to the listeners.

The vocabulary is that of BEMCom's Python connector template (`send_command`,
`run_actuator_flow`); spec 2.5.
"""

import asyncio
from collections.abc import Mapping

from .actuators import Actuator
from .messages import Message
from .model import Command, CommandError, CommandReason, JsonValue, LinkError
from .notifier import Notifier

# So many commands may wait for the link to come back, in all.
MAX_WAITING = 100


class ActuatorFlow(Notifier):
    """From a command to the device."""

    def __init__(self, name: str) -> None:
        """Have nothing that can be set yet."""
        super().__init__(name)
        # By key; what can be set may change while the link is open.
        self.actuators: Mapping[str, Actuator] = {}
        self._connected = asyncio.Event()
        # Nobody opens the link any more.
        self._stopped = False
        self._waiting = 0

    async def send_command(
        self, datapoint_key: str, datapoint_value: JsonValue, datapoint_timestamp: int
    ) -> JsonValue:
        """Set a datapoint on the device; return its reply, None if it gives none.

        The value was accepted by the actuator of the key. Raises CommandError or LinkError.
        """
        raise CommandError(
            CommandReason.NOT_SUPPORTED, "This connector sends no commands"
        )

    async def send_message(self, message: Message) -> None:
        """Send a message of SEPL's form; raise CommandError or LinkError."""
        raise CommandError(
            CommandReason.NOT_SUPPORTED, "This connector sends no messages"
        )

    def actuator_state(self, key: str, value: JsonValue) -> JsonValue:
        """Return what the value of a datapoint means for an actuator; None: nothing."""
        actuator = self.actuators.get(key)
        return None if actuator is None else actuator.read(value)

    def reply_state(self, key: str, reply: JsonValue) -> JsonValue:
        """Return what a reply means for an actuator; None: nothing."""
        return self.actuator_state(key, reply)

    async def run_actuator_flow(
        self, command: Command, *, expires_after: float | None = None
    ) -> JsonValue:
        """Carry out a command and return the device's reply, None if it gives none.

        Without a link it fails at once, unless it may wait for one for `expires_after`
        seconds. Raises CommandError, whatever goes wrong.
        """
        try:
            return await self._carry_out(command, expires_after)
        except CommandError:
            self.statistics.command_errors += 1
            raise

    async def _carry_out(
        self, command: Command, expires_after: float | None
    ) -> JsonValue:
        """Check, send and tell."""
        if (actuator := self.actuators.get(command.key)) is None:
            raise CommandError(
                CommandReason.UNKNOWN_KEY, f"{command.key:.100} cannot be set"
            )
        value = actuator.accept(command.value)
        await self.until_connected(expires_after)
        try:
            reply = await self.send_command(command.key, value, command.timestamp)
        except CommandError:
            raise
        except LinkError as err:
            raise CommandError(CommandReason.NOT_TAKEN, str(err)) from err
        except asyncio.CancelledError as err:
            if (task := asyncio.current_task()) and task.cancelling():
                raise
            # Something of a connector's own was cancelled, and not its caller.
            raise CommandError(CommandReason.FAILED, "It was cancelled") from err
        except Exception as err:  # of a connector of the user's own
            raise CommandError(
                CommandReason.FAILED, f"{type(err).__name__}: {err}"
            ) from err
        self.statistics.commands += 1
        done = Command(command.key, value, command.timestamp)
        self._tell(lambda listener: listener.on_command(done, reply))
        return reply

    async def until_connected(self, expires_after: float | None) -> None:
        """Wait for the link for so many seconds; None: it must be there.

        Raises CommandError where it is not.
        """
        if self._connected.is_set():
            return
        if not expires_after:
            raise CommandError(CommandReason.NOT_CONNECTED)
        if self._waiting >= MAX_WAITING:
            raise CommandError(
                CommandReason.BUSY, f"{MAX_WAITING} commands wait for the link already"
            )
        self._waiting += 1
        try:
            async with asyncio.timeout(expires_after):
                # It may be gone again by the time that one hears of it.
                while not self._connected.is_set():
                    if self._stopped:
                        raise CommandError(
                            CommandReason.NOT_CONNECTED, "The hub was closed"
                        )
                    await self._connected.wait()
        except TimeoutError:
            raise CommandError(
                CommandReason.EXPIRED, f"No link within {expires_after:g} seconds"
            ) from None
        finally:
            self._waiting -= 1

    def _let_go(self) -> None:
        """Let those who wait for the link know that it does not come any more."""
        self._stopped = True
        self._connected.set()
        self._connected.clear()
