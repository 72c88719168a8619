"""The user's own converters: Python files with `parse(frame)` and `encode(key, value)`.

They run in a process of their own, one per hub. A thread in an endless loop could never be
ended, and would hold up everything else; a process can, and takes nothing with it.
"""

from collections import deque
import contextlib
import json
import logging
import os
from pathlib import Path
import re
import select
import signal
import subprocess
import sys
from threading import Lock
from time import monotonic, sleep
from typing import NoReturn

from . import converter_worker as worker
from .json_format import parse_json
from .model import JsonValue, Messages, OptionsError, ParseError

_LOGGER = logging.getLogger(__name__)

DEFAULT_TIME_LIMIT = 2.0
# Importing a large library takes a while on a small computer.
DEFAULT_LOAD_LIMIT = 30.0
OUTPUT_LINES = 50

# The process itself notices first, and says in which line it hangs.
_GRACE = 0.5
# A process may fail so often in a row before it is no longer started again at once.
_FREE_FAILURES = 2
_LONGEST_PAUSE = 60.0

_SIGNALS = {number.value: number.name for number in signal.Signals}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


def converter_names(folder: Path) -> list[str]:
    """Return the names of the converters in `folder`, sorted; a _name is for helpers."""
    names = []
    for file in folder.glob("[!_]*.py"):
        with contextlib.suppress(OptionsError):
            check_name(folder, file.stem)
            names.append(file.stem)
    return sorted(names)


def check_name(folder: Path, name: str) -> Path:
    """Return the file of a converter; OptionsError if there is none inside `folder`."""
    _check_text(name)
    try:
        file = (folder / f"{name}.py").resolve(strict=True)
        inside = file.is_relative_to(folder.resolve(strict=True))
    except OSError as err:
        raise OptionsError(
            "converter", f"there is no readable file {name}.py in {folder}"
        ) from err
    if not inside:
        raise OptionsError("converter", f"{name}.py is a link to outside of {folder}")
    if not file.is_file():
        raise OptionsError("converter", f"{name}.py is no file")
    return file


def _check_text(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise OptionsError(
            "converter",
            f"{name!r:.80} is no name: take letters, digits and underscores, up to 64, "
            "not beginning with a digit, and leave out .py",
        )


class Converter:
    """A converter of the user's, with the process it runs in.

    Every method may block, and may be called from any thread; one call runs at a time. The
    process is started by the first call, and started anew after a failure and when the file
    has changed. What goes wrong is a ParseError that says where in the user's file.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        *,
        time_limit: float = DEFAULT_TIME_LIMIT,
        load_limit: float = DEFAULT_LOAD_LIMIT,
    ) -> None:
        """Start nothing yet, and touch no file; OptionsError for what is no name.

        A call may take `time_limit` seconds, loading the file `load_limit`.
        """
        _check_text(name)
        self.name = name
        self._folder = folder
        self._time_limit = time_limit
        self._load_limit = load_limit
        self._lock = Lock()
        self._output: deque[str] = deque(maxlen=OUTPUT_LINES)
        self._process: _Process | None = None
        self._closed = False
        self._reload = False
        # What tells one version of the file from the next; that of the last start
        self._version: tuple[int, ...] | None = None
        self._failures = 0
        self._not_before = 0.0
        self._last_error = ""

    @property
    def output(self) -> list[str]:
        """Return the latest lines that the converter has printed."""
        return list(self._output)

    def parse(self, frame: bytes) -> JsonValue | Messages:
        """Return the message in a frame, `Messages` if parse gave an iterator of them."""
        kind, answer = self._call(worker.PARSE, frame)
        try:
            value = parse_json(answer)
        except ParseError as err:
            raise ParseError(f"{self.name}.py: {err}") from err
        if kind == worker.MESSAGES and isinstance(value, list):
            return Messages(value) if value else None
        return value

    def encode(self, key: str, value: JsonValue) -> bytes:
        """Return the bytes that set a datapoint to a value."""
        return self._call(worker.ENCODE, json.dumps([key, value]).encode())[1]

    def reload(self) -> None:
        """Load the file anew with the next call, and what it imports from its folder."""
        self._reload = True

    def load(self) -> None:
        """Load the file now; ParseError says what is wrong with it."""
        with self._lock:
            self._ready_process()

    def close(self) -> None:
        """End the process, and a call that is running; there is no other call after it."""
        self._closed = True
        if process := self._process:
            process.kill()
        with self._lock:
            self._end_process()

    def _call(self, kind: bytes, payload: bytes) -> tuple[bytes, bytes]:
        with self._lock:
            process = self._ready_process()
            request = worker.HEADER.pack(kind, len(payload)) + payload
            kind, answer = self._ask(process, request, self._time_limit)
            self._failures = 0
            if kind == worker.ERROR:
                raise ParseError(answer.decode(errors="replace"))
            return kind, answer

    def _ready_process(self) -> _Process:
        """Return the process; start one if there is none, or another file to load."""
        version = self._file_version()
        # A file that is being replaced may be gone for a moment.
        if self._reload or (version is not None and version != self._version):
            self._reload = False
            self._version = version
            self._end_process()
            self._failures = 0
            self._not_before = 0.0
        if self._process is not None:
            return self._process
        if monotonic() < self._not_before:
            raise ParseError(
                f"{self._last_error} (it failed {self._failures} times in a row, and is "
                "tried again after a pause)"
            )
        self._process = process = self._start_process()
        # Loading a file that failed once fails again, until somebody changes it.
        self._ask(process, b"", self._load_limit, free_failures=0)
        return process

    def _file_version(self) -> tuple[int, ...] | None:
        try:
            stat = (self._folder / f"{self.name}.py").stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size, stat.st_ino

    def _start_process(self) -> _Process:
        try:
            file = check_name(self._folder, self.name)
            return _Process(file, self._time_limit, self._load_limit, self._output)
        except OptionsError as err:
            self._fail(str(err), 0)
        except OSError as err:
            self._fail(f"{self.name}.py: no process could be started: {err}", 0)

    def _ask(
        self,
        process: _Process,
        request: bytes,
        seconds: float,
        free_failures: int = _FREE_FAILURES,
    ) -> tuple[bytes, bytes]:
        """Return what the process answers; ParseError if it ends over it."""
        if self._closed:
            process.kill()
        try:
            kind, answer = process.ask(request, seconds + _GRACE)
        except TimeoutError:
            self._fail(
                f"{self.name}.py: still running after {seconds:g} s", free_failures
            )
        except OSError, EOFError:
            self._fail(f"{self.name}.py: {process.end(_GRACE)}", free_failures)
        if kind == worker.FATAL:
            self._fail(answer.decode(errors="replace"), free_failures)
        return kind, answer

    def _fail(self, text: str, free_failures: int) -> NoReturn:
        """End the process, set the pause after it and raise ParseError."""
        self._end_process()
        if self._closed:
            raise ParseError(f"{self.name}.py: the hub was closed")
        self._failures += 1
        self._last_error = text
        if self._failures > free_failures:
            pause = 2.0 ** min(self._failures - free_failures - 1, 10)
            self._not_before = monotonic() + min(pause, _LONGEST_PAUSE)
        raise ParseError(text)

    def _end_process(self) -> None:
        if self._process is not None:
            self._process.end()
            self._process = None


class _Process:
    """A running worker, and the pipes to it."""

    def __init__(
        self, file: Path, time_limit: float, load_limit: float, output: deque[str]
    ) -> None:
        """Start it; OSError if the system has no room for it.

        Isolated, so that nothing in the surroundings changes what is imported; it imports
        from where Home Assistant does.
        """
        command = [sys.executable, "-I", "-B", "-X", "utf8", worker.__file__]
        self._process = subprocess.Popen(  # noqa: S603 - a file that the user chose
            [*command, file, str(time_limit), str(load_limit), *filter(None, sys.path)],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=file.parent,
            start_new_session=True,
        )
        self._name = file.name
        self._output = output
        self._received = bytearray()
        self._ended: str | None = None
        self._ending = Lock()
        self._requests = self._process.stdin.fileno()  # type: ignore[union-attr]
        self._answers = self._process.stdout.fileno()  # type: ignore[union-attr]
        os.set_blocking(self._requests, False)
        os.set_blocking(self._answers, False)
        self._poll = select.poll()
        self._poll.register(self._answers, select.POLLIN)

    def ask(self, request: bytes, seconds: float) -> tuple[bytes, bytes]:
        """Send a request and return the answer: its kind and the rest.

        TimeoutError when there is none in time; EOFError or another OSError when there will
        be none.
        """
        deadline = monotonic() + seconds
        request = self._send(request)
        if request:
            self._poll.register(self._requests, select.POLLOUT)
        while True:
            left = deadline - monotonic()
            if left <= 0:
                raise TimeoutError
            ready = {fd for fd, _ in self._poll.poll(left * 1000)}
            if self._requests in ready:
                request = self._send(request)
                if not request:
                    self._poll.unregister(self._requests)
            if self._answers in ready and (answer := self._receive()):
                return answer

    def _send(self, data: bytes) -> bytes:
        """Return what there was no room for."""
        return data[os.write(self._requests, data) :] if data else data

    def _receive(self) -> tuple[bytes, bytes] | None:
        """Take what has come; return the answer once it is complete."""
        received = self._received
        data = os.read(self._answers, 65_536)
        if not data:
            raise EOFError
        received += data
        header = worker.HEADER
        while len(received) >= header.size:
            kind, length = header.unpack_from(received)
            if length > worker.MAX_ANSWER:
                raise OSError("it sent no answer")
            end = header.size + length
            if len(received) < end:
                return None
            answer = bytes(received[header.size : end])
            del received[:end]
            if kind != worker.OUTPUT:
                return kind, answer
            for line in answer.decode(errors="replace").splitlines():
                self._output.append(line)
                _LOGGER.debug("%s prints: %s", self._name, line)
        return None

    def kill(self) -> None:
        """Kill the process and those it has started; any thread may, at any time."""
        with self._ending:
            # Once it was waited for, the number may be that of another process.
            if self._ended is None:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._process.pid, signal.SIGKILL)

    def end(self, patience: float = 0.0) -> str:
        """Kill the process if it does not end by itself, and return how it ended."""
        if self._ended is not None:
            return self._ended
        alone = self._ends_alone(patience)
        # Even then: it may have left others behind.
        self.kill()
        with self._ending:
            with self._process:  # closes the pipes and waits
                pass
            code = self._process.returncode
            if not alone:
                self._ended = "its process was killed: it does not answer"
            elif code >= 0:
                self._ended = f"its process ended by itself, with code {code}"
            else:
                name = _SIGNALS.get(-code, f"signal {-code}")
                self._ended = f"its process was ended by the system ({name})"
        return self._ended

    def _ends_alone(self, patience: float) -> bool:
        """Tell whether the process has ended, or does in time; its number stays taken."""
        deadline = monotonic() + patience
        options = os.WEXITED | os.WNOWAIT | os.WNOHANG
        while os.waitid(os.P_PID, self._process.pid, options) is None:
            if monotonic() >= deadline:
                return False
            sleep(0.001)
        return True
