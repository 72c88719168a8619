"""How the parts of the central system warn."""

from typing import Protocol


class LogOnce(Protocol):
    """Logs a warning the first time its topic comes up."""

    def __call__(self, topic: str, message: str, *args: object) -> None:
        """Log it, unless that was done before."""
