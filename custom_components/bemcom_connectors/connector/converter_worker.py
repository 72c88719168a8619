"""The process in which a converter of the user's own runs; `converters` is the other end.

Started by the path of this file, with nothing but the standard library. It answers one
request after the other and ends when nobody can ask any more.
"""

from collections.abc import Iterator, Mapping
from datetime import date, time
from decimal import Decimal
import io
import json
import os
from pathlib import Path
import resource
import signal
import struct
import sys
from types import FrameType, ModuleType, TracebackType
from typing import Any, NoReturn, override

# Requests and answers: what it is, the length of the rest, the rest.
HEADER = struct.Struct("!cI")
# Requests: a frame; the JSON of [key, value]
PARSE = b"p"
ENCODE = b"e"
# Answers: loaded; the JSON of a value or of a list of messages; bytes; what was printed (and
# the answer follows); a text that says what went wrong, of a process that goes on or ends
READY = b"r"
VALUE = b"v"
MESSAGES = b"m"
DATA = b"d"
OUTPUT = b"o"
ERROR = b"e"
FATAL = b"f"

MAX_ANSWER = 256 * 1024
MAX_MESSAGES = 1_000
# Of what was printed the end is kept, in bytes, and so many characters of an error.
MAX_OUTPUT = 4096
MAX_ERROR = 300
MAX_MEMORY = 512 * 1024 * 1024

# The system ends a process which nobody is left to end, and which takes no signals.
_LAST_RESORT = 5.0


class RefusedError(Exception):
    """What the converter has or gave cannot be used; the text says why."""


def to_json(value: object) -> str:
    """Return the JSON of a value; dates become text, decimals and the like numbers."""
    try:
        return _dumps(value)
    except TypeError:
        return _dumps(_with_text_keys(value))


def _dumps(value: object) -> str:
    # What is no JSON, as NaN, is for the reader, who has to mend it for devices anyway.
    return json.dumps(value, default=_plain, separators=(",", ":"))


def _plain(value: object) -> object:
    """Return what stands for a value that JSON does not know."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    # Numbers and arrays of numpy and its like
    if callable(to_list := getattr(value, "tolist", None)):
        return to_list()
    kind = type(value).__name__
    if isinstance(value, bytes | bytearray | memoryview):
        raise RefusedError(f"{kind} is no value: decode it to text, or give its hex()")
    raise RefusedError(
        f"{kind} is no value: give numbers, texts, True, False, None, lists and dicts"
    )


def _with_text_keys(value: object) -> object:
    """Return a value in which the keys that JSON does not know are text."""
    match value:
        case Mapping():
            return {_key(key): _with_text_keys(item) for key, item in value.items()}
        case list() | tuple():
            return [_with_text_keys(item) for item in value]
        case _:
            return value


def _key(key: object) -> object:
    if key is None or isinstance(key, str | int | float):
        return key
    return key.decode(errors="replace") if isinstance(key, bytes) else str(key)


class UserCode:
    """The converter's file: loads it, calls its functions, says where they went wrong."""

    def __init__(self, file: Path) -> None:
        """Do nothing yet."""
        self._file = file
        self._module = ModuleType(f"converter_{file.stem}")
        self._module.__file__ = str(file)

    def load(self) -> None:
        """Run the file; whatever it raises is raised."""
        sys.modules[self._module.__name__] = self._module
        code = compile(self._file.read_bytes(), self._file, "exec", dont_inherit=True)
        exec(code, vars(self._module))  # noqa: S102 - that is what the user asks for

    def answer(self, kind: bytes, payload: bytes) -> tuple[bytes, bytes]:
        """Return the answer to a request."""
        try:
            if kind == PARSE:
                return self._parse(payload)
            return DATA, self._encode(*json.loads(payload))
        except BaseException as err:  # noqa: BLE001 - sys.exit() is no reason to end either
            return ERROR, self.describe(err).encode(errors="replace")

    def describe(self, err: BaseException) -> str:
        """Return what went wrong and where in the user's files, bounded."""
        if isinstance(err, RefusedError):
            return f"{self._file.name}: {err}"
        try:
            reason = str(err)
        except Exception:  # noqa: BLE001 - an exception of the user's own may have no text
            reason = ""
        if isinstance(err, SyntaxError) and self._owns(err.filename):
            place, reason = f"{Path(str(err.filename)).name} line {err.lineno}", err.msg
        else:
            place = self._place(_frames(err.__traceback__))
        kind = type(err).__name__
        return _bounded(f"{place}: {kind}: {reason}" if reason else f"{place}: {kind}")

    def describe_late(self, frame: FrameType | None, seconds: float) -> str:
        """Return where in the user's files `frame` is, that runs for too long."""
        frames = []
        while frame is not None:
            frames.append((frame.f_code.co_filename, frame.f_lineno))
            frame = frame.f_back
        return f"{self._place(frames[::-1])}: still running after {seconds:g} s"

    def _place(self, frames: list[tuple[str, int | None]]) -> str:
        """Return the innermost of the user's own lines."""
        for filename, line in reversed(frames):
            if self._owns(filename):
                return f"{Path(filename).name} line {line}"
        return self._file.name

    def _owns(self, filename: str | None) -> bool:
        return filename is not None and Path(filename).is_relative_to(self._file.parent)

    def _call(self, name: str, *arguments: object) -> object:
        function = vars(self._module).get(name)
        if not callable(function):
            raise RefusedError(f"there is no function {name}")
        return function(*arguments)

    def _parse(self, frame: bytes) -> tuple[bytes, bytes]:
        result = self._call("parse", frame)
        if not isinstance(result, Iterator):
            return VALUE, _checked(to_json(result).encode())
        texts = []
        size = 0
        for message in result:
            if message is None:
                continue
            texts.append(to_json(message))
            size += len(texts[-1]) + 1
            if len(texts) > MAX_MESSAGES:
                raise RefusedError(f"parse gave more than {MAX_MESSAGES:,} messages")
            if size > MAX_ANSWER:
                break
        return MESSAGES, _checked(f"[{','.join(texts)}]".encode())

    def _encode(self, key: str, value: Any) -> bytes:
        data = self._call("encode", key, value)
        if isinstance(data, str):
            data = data.encode()
        elif not isinstance(data, bytes | bytearray | memoryview):
            raise RefusedError(f"encode gave {type(data).__name__}, not bytes or text")
        data = bytes(data)
        if not data:
            raise RefusedError("encode gave nothing to send")
        return _checked(data)


def _checked(data: bytes) -> bytes:
    if len(data) > MAX_ANSWER:
        raise RefusedError(f"it gave {len(data):,} bytes; {MAX_ANSWER:,} is the most")
    return data


def _bounded(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= MAX_ERROR else text[: MAX_ERROR - 1] + "…"


def _frames(traceback: TracebackType | None) -> list[tuple[str, int | None]]:
    frames: list[tuple[str, int | None]] = []
    while traceback is not None:
        frames.append((traceback.tb_frame.f_code.co_filename, traceback.tb_lineno))
        traceback = traceback.tb_next
    return frames


class Printed(io.RawIOBase):
    """Where print() goes: the end of it is kept until it is taken."""

    def __init__(self) -> None:
        """Begin empty."""
        super().__init__()
        self._kept = b""

    @override
    def writable(self) -> bool:
        """Return True."""
        return True

    @override
    def write(self, data: Any, /) -> int:
        """Keep the end of `data`, and what fits of the text before it."""
        view = memoryview(data).cast("B")
        self._kept = (self._kept + bytes(view[-MAX_OUTPUT:]))[-MAX_OUTPUT:]
        return view.nbytes

    def take(self) -> bytes:
        """Return what was kept, and forget it."""
        kept, self._kept = self._kept, b""
        return kept


# From here on it is the process itself, which tests start for real.


class Session:  # pragma: no cover
    """The pipes to the hub, and the time that an answer may take."""

    def __init__(self, file: Path, time_limit: float, load_limit: float) -> None:
        """Take the pipes away from the user's code, before there is any."""
        self._requests = os.fdopen(os.dup(0), "rb")
        self._answers = os.dup(1)
        null = os.open(os.devnull, os.O_RDWR)
        for standard in range(3):
            os.dup2(null, standard)
        os.close(null)
        self._printed = Printed()
        sys.stdout = sys.stderr = io.TextIOWrapper(
            self._printed,
            encoding="utf-8",
            errors="backslashreplace",
            write_through=True,
        )
        self._code = UserCode(file)
        self._time_limit = time_limit
        self._load_limit = load_limit
        # The seconds that what is running may take; None: nothing is.
        self._running: float | None = None

    def run(self) -> None:
        """Load the user's code, then answer until nobody asks."""
        signal.signal(signal.SIGALRM, self._end_late)
        self._start(self._load_limit)
        try:
            self._code.load()
        except BaseException as err:  # noqa: BLE001 - it is told
            text = self._code.describe(err).encode(errors="replace")
            self._stop()
            self._send(FATAL, text)
            return
        self._stop()
        self._send(READY, b"")
        while len(header := self._requests.read(HEADER.size)) == HEADER.size:
            kind, length = HEADER.unpack(header)
            payload = self._requests.read(length)
            if len(payload) < length:
                return
            self._start(self._time_limit)
            answer = self._code.answer(kind, payload)
            self._stop()
            self._send(*answer)

    def _start(self, seconds: float) -> None:
        self._running = seconds
        signal.setitimer(signal.ITIMER_REAL, seconds)
        # No handler: the system ends the process, even inside a library that never returns.
        signal.setitimer(signal.ITIMER_PROF, seconds + _LAST_RESORT)

    def _stop(self) -> None:
        # First of all: the alarm may come until it is off, and be handled a little later.
        self._running = None
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.setitimer(signal.ITIMER_PROF, 0)

    def _end_late(self, _: int, frame: FrameType | None) -> None:
        """Say where the user's code hangs, and end with it: it may be in any state."""
        if self._running is None:
            return
        try:
            text = self._code.describe_late(frame, self._running)
            self._send(FATAL, text.encode(errors="replace"))
        finally:
            os._exit(1)

    def _send(self, kind: bytes, payload: bytes) -> None:
        data = HEADER.pack(kind, len(payload)) + payload
        if printed := self._printed.take():
            data = HEADER.pack(OUTPUT, len(printed)) + printed + data
        while data:
            data = data[os.write(self._answers, data) :]


def _stay_small() -> None:  # pragma: no cover
    """Let what takes too much memory fail here, and not in Home Assistant."""
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    limit = MAX_MEMORY if most == resource.RLIM_INFINITY else min(MAX_MEMORY, most)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main(
    file: str, time_limit: str, load_limit: str, *paths: str
) -> NoReturn:  # pragma: no cover
    """Serve the converter in `file`, which can import from `paths` and its own folder.

    The folder comes last: a converter called like a library must not take its place.
    """
    try:
        _stay_small()
        sys.path += [path for path in paths if path not in sys.path]
        sys.path.append(str(Path(file).parent))
        sys.argv = [file]
        Session(Path(file), float(time_limit), float(load_limit)).run()
    finally:
        # Threads of the user's code have no say in this.
        os._exit(0)


if __name__ == "__main__":  # pragma: no cover
    main(*sys.argv[1:])
