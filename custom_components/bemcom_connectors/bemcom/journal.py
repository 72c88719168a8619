"""The mirror's own lines on the topic of logs: few, whatever floods in."""

from collections.abc import Callable
import logging
from typing import override

from .messages import encode_log, text_of

# So many lines at once, and one more with each such time in milliseconds.
_BURST = 20
_INTERVAL = 1000
# Characters of a line of the mirror's own.
_LONGEST = 500


class Journal:
    """Lines about what happens, for those who look at the log in BEMCom.

    No more than a few at a time are written; how many were not is told with the next one.
    """

    def __init__(
        self,
        publish: Callable[[bytes], None],
        now: Callable[[], int],
    ) -> None:
        """Publish payloads; `now` is the time in milliseconds."""
        self._publish = publish
        self._now = now
        self._room = float(_BURST)
        self._counted_at = now()
        self._left_out = 0

    def info(self, emitter: str, text: str) -> None:
        """Tell what happened."""
        self._tell(logging.INFO, emitter, text)

    def warning(self, emitter: str, text: str) -> None:
        """Tell what somebody may want to look at."""
        self._tell(logging.WARNING, emitter, text)

    def error(self, emitter: str, text: str) -> None:
        """Tell what went wrong."""
        self._tell(logging.ERROR, emitter, text)

    def record(self, record: logging.LogRecord) -> None:
        """Tell what was logged."""
        self._write(record.levelno, record.funcName or record.name, text_of(record))

    def _tell(self, level: int, emitter: str, text: str) -> None:
        """Write a line of the mirror's own; what others sent may be in it, and long."""
        self._write(level, emitter, text[:_LONGEST])

    def _write(self, level: int, emitter: str, text: str) -> None:
        if not self._has_room():
            return
        if self._left_out:
            text = f"{text} ({self._left_out} lines before this one were left out)"
            self._left_out = 0
        self._publish(encode_log(text, emitter, level, self._now()))

    def _has_room(self) -> bool:
        """Tell whether one more line may be written."""
        now = self._now()
        # A clock may be set, also back.
        passed = max(0, now - self._counted_at)
        self._room = min(_BURST, self._room + passed / _INTERVAL)
        self._counted_at = now
        if self._room < 1:
            self._left_out += 1
            return False
        self._room -= 1
        return True


class JournalHandler(logging.Handler):
    """Python's logging on the topic of logs, as upstream's MQTTHandler does it."""

    def __init__(
        self, journal: Journal, call: Callable[[Callable[[], None]], object]
    ) -> None:
        """Write to a journal; `call` brings that into the event loop, from any thread."""
        super().__init__(logging.INFO)
        self._journal = journal
        self._call = call

    @override
    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._call(lambda: self._journal.record(record))
        except RuntimeError:  # the event loop is closed already
            self.handleError(record)
