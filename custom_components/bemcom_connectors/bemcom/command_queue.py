"""Commands that came over MQTT, carried out one after the other for each actuator."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from ..connector.model import Command, CommandError, CommandReason, JsonValue

# So many wait for one actuator, and for all together.
MAX_WAITING_FOR_ONE = 10
MAX_WAITING = 100

type Outcome = Callable[[CommandError | None], None]


class CommandQueue:
    """Carries out commands, in order for each actuator, without anybody waiting for it."""

    def __init__(self, run: Callable[[Command], Awaitable[JsonValue]]) -> None:
        """Carry out commands with `run`, which raises CommandError where one fails."""
        self._run = run
        self._waiting: dict[str, deque[tuple[Command, Outcome]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._count = 0

    def put(self, command: Command, outcome: Outcome) -> None:
        """Carry out a command when its turn comes, and tell what came of it.

        Where too many wait already it fails at once.
        """
        waiting = self._waiting.get(command.key)
        if self._count >= MAX_WAITING or (
            waiting is not None and len(waiting) >= MAX_WAITING_FOR_ONE
        ):
            text = "Too many commands wait already"
            outcome(CommandError(CommandReason.BUSY, text))
            return
        self._count += 1
        if waiting is not None:
            waiting.append((command, outcome))
            return
        self._waiting[command.key] = deque([(command, outcome)])
        task = asyncio.create_task(self._work(command.key), name="mirror commands")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Let go of all that waits or runs."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._waiting.clear()
        self._count = 0

    async def _work(self, key: str) -> None:
        """Carry out what waits for an actuator."""
        waiting = self._waiting[key]
        while waiting:
            command, outcome = waiting.popleft()
            error: CommandError | None = None
            try:
                await self._run(command)
            except CommandError as err:
                error = err
            finally:
                self._count -= 1
            outcome(error)
        del self._waiting[key]
