"""A directory of charge points for tests of the transport."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from custom_components.bemcom_connectors.connector.model import JsonValue
from custom_components.bemcom_connectors.ocpp.frames import Call
from custom_components.bemcom_connectors.ocpp.server import (
    Arrival,
    Server,
    ServerOptions,
    Verdict,
)
from custom_components.bemcom_connectors.ocpp.session import Session, new_history

HOST = "127.0.0.1"


class Directory:
    """Lets everybody in, and answers everything with {}, unless told otherwise."""

    def __init__(self) -> None:
        self.verdict: Callable[[Arrival], Verdict | Awaitable[Verdict]] = lambda _: (
            Verdict.ACCEPTED
        )
        self.answer: Callable[[Session, Call], JsonValue] = lambda _session, _call: {}
        self.without_subprotocol = False
        self.prepare: Callable[[Session], None] = lambda _: None
        self.leave: Callable[[Session], None] = lambda _: None
        self.arrivals: list[Arrival] = []
        self.sessions: list[Session] = []
        self.calls: list[Call] = []
        self.gone: list[Session] = []
        self.logged: list[tuple[str, str]] = []
        self.changed = asyncio.Condition()

    async def admit(self, arrival: Arrival) -> Verdict:
        """Let in whom `verdict` lets in."""
        self.arrivals.append(arrival)
        verdict = self.verdict(arrival)
        return verdict if isinstance(verdict, Verdict) else await verdict

    def serves_without_subprotocol(self, charge_point_id: str) -> bool:
        """Return what was set."""
        return self.without_subprotocol

    def opened(self, session: Session) -> None:
        """Take care of a session."""
        session.handler = self.handle
        session.history = new_history()
        self.prepare(session)
        self.sessions.append(session)
        self._tell()

    def closed(self, session: Session) -> None:
        """Keep in mind who went."""
        self.gone.append(session)
        self._tell()
        self.leave(session)

    def handle(self, session: Session, call: Call) -> JsonValue:
        """Answer as `answer` does."""
        self.calls.append(call)
        self._tell()
        return self.answer(session, call)

    def log_once(self, topic: str, message: str, *args: object) -> None:
        """Keep every warning."""
        self.logged.append((topic, message % args))
        self._tell()

    async def until(self, true: Callable[[], Any]) -> None:
        """Wait until something is true; looked at whenever something happens."""
        async with asyncio.timeout(10), self.changed:
            await self.changed.wait_for(true)

    async def session(self, number: int = 0) -> Session:
        """Wait for the session that was opened as this one, and return it."""
        await self.until(lambda: len(self.sessions) > number)
        return self.sessions[number]

    def _tell(self) -> None:
        async def notify() -> None:
            async with self.changed:
                self.changed.notify_all()

        self._notifying = asyncio.create_task(notify())


@asynccontextmanager
async def serving(directory: Directory, **options: Any) -> AsyncGenerator[Server]:
    """Serve charge points on a port that is free."""
    all_options: dict[str, Any] = {"port": 0, "host": HOST} | options
    server = Server(ServerOptions(**all_options), directory, directory.log_once)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
