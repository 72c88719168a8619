"""Telling listeners, and counting what happens."""

from collections.abc import Callable
import logging

from .listener import Listener, Statistics

_LOGGER = logging.getLogger(__name__)


class Notifier:
    """Something with a name that tells its listeners what happens.

    A listener never ends it: what goes wrong in one is counted, and logged once.
    """

    def __init__(self, name: str) -> None:
        """Tell nobody yet."""
        self.name = name
        # Of this connector alone, below a name that no module has: a mirror has its lines on
        # BEMCom's topic of logs, too.
        self.logger = logging.getLogger(f"{__package__}.of.{name}")
        self.statistics = Statistics()
        self._listeners: list[Listener] = []
        self._raw_listeners: list[Listener] = []
        self._logged: set[str] = set()

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

    def log_once(self, topic: str, message: str, *args: object) -> None:
        """Log a warning the first time its topic comes up."""
        if topic not in self._logged:
            self._logged.add(topic)
            self.logger.warning("%s: " + message, self.name, *args)  # noqa: G003 - the name first in every line

    def _tell(self, what: Callable[[Listener], None]) -> None:
        """Tell all listeners; the two loops of every message spare themselves the calls."""
        for listener in self._listeners:
            try:
                what(listener)
            except Exception as err:  # noqa: BLE001 - a listener never ends the connector
                self.count_listener_error(type(listener).__name__, err)

    def count_listener_error(self, who: str, error: Exception) -> None:
        """Count what went wrong in a listener; log the first of each, with its cause."""
        self.statistics.listener_errors += 1
        topic = f"listener {who}"
        if topic not in self._logged:
            self._logged.add(topic)
            _LOGGER.error("%s: Error in %s", self.name, who, exc_info=error)
