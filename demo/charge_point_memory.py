"""What the simulated wallbox keeps while it has no power."""

from collections.abc import Mapping
import json
from pathlib import Path

from demo.charging import Socket


class Memory:
    """A file with the registers and the sessions of the connectors; without one, nothing."""

    def __init__(self, path: Path | None) -> None:
        """Remember where the file is."""
        self._path = path

    def keep(self, sockets: Mapping[int, Socket]) -> None:
        """Write down how they are."""
        if self._path is not None:
            kept = {number: socket.to_dict() for number, socket in sockets.items()}
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_text(json.dumps(kept))

    def recall(self, sockets: Mapping[int, Socket]) -> list[int]:
        """Restore them; return where a session ran when the power went."""
        if self._path is None or not self._path.exists():
            return []
        kept = json.loads(self._path.read_text())
        interrupted = []
        for number, socket in sockets.items():
            socket.transaction = socket.restore(kept.get(str(number), {}))
            if socket.transaction is not None:
                interrupted.append(number)
        return interrupted
