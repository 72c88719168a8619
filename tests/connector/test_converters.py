"""The user's own converters, in the real process."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
import json
import logging
import math
import os
from pathlib import Path
import shutil
import signal
import subprocess
import sys
from textwrap import dedent
from threading import Barrier, Thread
import time
from types import MappingProxyType
from typing import Any

from hypothesis import HealthCheck, given, settings, strategies as st
import pytest

from custom_components.bemcom_connectors.connector import (
    converter_worker as worker,
    converters,
)
from custom_components.bemcom_connectors.connector.converters import (
    Converter,
    check_name,
    converter_names,
)
from custom_components.bemcom_connectors.connector.json_format import parse_json
from custom_components.bemcom_connectors.connector.model import (
    Messages,
    OptionsError,
    ParseError,
)
from tests.source import REPOSITORY

EXAMPLES = REPOSITORY / "examples/converters"


class Folder:
    """A folder of converters, and those that were made of it."""

    def __init__(self, path: Path) -> None:
        """Begin empty."""
        self.path = path
        self.made: list[Converter] = []

    def write(self, source: str, name: str = "meter") -> None:
        """Write a converter's file."""
        (self.path / f"{name}.py").write_text(dedent(source).lstrip())

    def converter(self, source: str = "", **options: float) -> Converter:
        """Return the converter with this source, if any."""
        if source:
            self.write(source)
        self.made.append(Converter(self.path, "meter", **options))
        return self.made[-1]

    def returning(self, value: str) -> Converter:
        """Return a converter whose parse returns an expression of `frame`."""
        return self.converter(f"def parse(frame):\n    return {value}\n")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    """Lend a folder, and close what was made of it."""
    folder = Folder(tmp_path / "converters")
    folder.path.mkdir()
    yield folder
    for converter in folder.made:
        converter.close()


def pid_of(converter: Converter) -> int:
    """Return the number of the process that runs."""
    pid = converter.parse(b"pid")
    assert isinstance(pid, int)
    return pid


def is_there(pid: int) -> bool:
    """Tell whether there is a process, be it a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def open_files() -> set[str]:
    """Return the open files of this process that are pipes."""
    found = set()
    for link in Path("/proc/self/fd").iterdir():
        try:
            target = str(link.readlink())
        except FileNotFoundError:  # that of the listing
            continue
        if target.startswith("pipe:"):
            found.add(target)
    return found


# What a converter gives


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("{'power': 412.5, 'on': True, 'name': 'Küche'}",) * 2,
        ("None", "None"),
        *(("0", "0"), ("False", "False"), ("''", "''"), ("[]", "[]"), ("{}", "{}")),
        ("[1, 2]", "[1, 2]"),
        ("{'a': (1, (2.5,))}", "{'a': [1, [2.5]]}"),
        ("[float('nan'), float('inf'), -float('inf')]", "[None, None, None]"),
        (
            "{2: 'a', None: 'b', True: 'c', 1.5: 'd'}",
            "{'2': 'a', 'null': 'b', 'true': 'c', '1.5': 'd'}",
        ),
        ("{b'a\\xff': 1, (1, 2): 2}", "{'a\ufffd': 1, '(1, 2)': 2}"),
        ("{b'a': [{b'b': (1,)}]}", "{'a': [{'b': [1]}]}"),
        ("'\\ud800'", "'\ufffd'"),
        ("10**30", "10**30"),
        ("frame.hex()", "'00ff'"),
        ("type(frame).__name__", "'bytes'"),
    ],
)
def test_values(folder: Folder, value: str, expected: str) -> None:
    result = folder.returning(value).parse(b"\x00\xff")
    assert repr(result) == repr(eval(expected))


def test_values_of_other_types() -> None:
    class Array:
        def tolist(self) -> list[float]:
            return [1.5, math.nan]

    when = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
    value = {
        "decimal": Decimal("21.50"),
        "time": when,
        "day": when.date(),
        "array": Array(),
        "view": MappingProxyType({"a": 1}),
    }
    assert parse_json(worker.to_json(value).encode()) == {
        "decimal": 21.5,
        "time": "2026-11-21T03:00:00+00:00",
        "day": "2026-11-21",
        "array": [1.5, None],
        "view": {"a": 1},
    }


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**60), 10**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(value=_JSON)
def test_values_arrive_as_they_were(value: Any) -> None:
    assert parse_json(worker.to_json(value).encode()) == value


@given(value=_JSON)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_value_makes_the_round_trip(folder: Folder, value: Any) -> None:
    if not folder.made:
        folder.converter("""
            import json
            def parse(frame):
                return json.loads(frame)
            def encode(key, value):
                return json.dumps([key, value])
            """)
    converter = folder.made[0]
    assert converter.parse(json.dumps(value).encode()) == value
    assert json.loads(converter.encode("key", value)) == ["key", value]


@given(frame=st.binary(max_size=300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_frame_arrives(folder: Folder, frame: bytes) -> None:
    if not folder.made:
        folder.returning("frame.hex()")
    assert folder.made[0].parse(frame) == frame.hex()


def test_a_frame_larger_than_a_pipe_arrives(folder: Folder) -> None:
    converter = folder.converter("""
        import time
        def parse(frame):
            time.sleep(0.05)
            return [len(frame), frame[-1], "x" * 200_000]
        """)
    for last in (1, 2):
        frame = bytes(3_000_000) + bytes([last])
        assert converter.parse(frame) == [3_000_001, last, "x" * 200_000]


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ("[{'a': 1}, None, [2], 3]", Messages([{"a": 1}, [2], 3])),
        ("[{'a': 1}]", Messages([{"a": 1}])),
        ("[]", None),
        ("[None]", None),
    ],
)
def test_several_messages(
    folder: Folder, items: str, expected: Messages | None
) -> None:
    result = folder.converter(f"""
        def parse(frame):
            yield from {items}
        """).parse(b"")
    assert type(result) is type(expected)
    assert result == expected


def test_many_frames_in_order_with_a_state(folder: Folder) -> None:
    converter = folder.converter("""
        count = 0
        def parse(frame):
            global count
            count += 1
            return [count, int(frame)]
        """)
    for number in range(1, 501):
        assert converter.parse(str(number).encode()) == [number, number]


def test_calls_from_several_threads(folder: Folder) -> None:
    converter = folder.returning("frame.decode() * 2")
    with ThreadPoolExecutor(8) as pool:
        frames = [f"<{number}>" for number in range(200)]
        results = pool.map(converter.parse, map(str.encode, frames))
        assert list(results) == [frame * 2 for frame in frames]


# Sending


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("f'{key}={value}\\n'", b"level=7\n"),
        ("'°'", "°".encode()),
        ("bytes([2, value, 3])", b"\x02\x07\x03"),
        ("bytearray([value])", b"\x07"),
        ("memoryview(b'ab')", b"ab"),
    ],
)
def test_encode(folder: Folder, value: str, expected: bytes) -> None:
    converter = folder.converter(f"def encode(key, value):\n    return {value}\n")
    assert converter.encode("level", 7) == expected


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        *(("None", "encode gave NoneType"), ("7", "encode gave int")),
        *(("''", "nothing to send"), ("b''", "nothing to send")),
        ("b'x' * 300_000", "300,000 bytes; 262,144 is the most"),
        ("key.missing", r"line 2: AttributeError: 'str' object has no attribute"),
        ("'\\ud800'", "UnicodeEncodeError"),
    ],
)
def test_encode_refuses(folder: Folder, value: str, reason: str) -> None:
    converter = folder.converter(f"def encode(key, value):\n    return {value}\n")
    with pytest.raises(ParseError, match=r"^meter\.py.*" + reason):
        converter.encode("level", 7)


def test_a_function_that_is_not_there(folder: Folder) -> None:
    converter = folder.converter("parse = 5\n")
    with pytest.raises(ParseError, match=r"^meter\.py: there is no function parse$"):
        converter.parse(b"")
    with pytest.raises(ParseError, match=r"^meter\.py: there is no function encode$"):
        converter.encode("level", 1)


# What the user's code can use


def test_it_imports_what_home_assistant_does_and_its_neighbours(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deps").mkdir()
    (tmp_path / "deps/only_in_deps.py").write_text("NAME = 'deps'\n")
    monkeypatch.syspath_prepend(tmp_path / "deps")
    folder.write("NAME = 'neighbour'\n", "_helpers")
    # Called like a library, it does not take that library's place.
    folder.write("raise RuntimeError\n", "struct")
    (folder.path / "table.txt").write_text("ü", encoding="utf-8")
    converter = folder.converter("""
        from dataclasses import dataclass
        import struct

        import _helpers
        import only_in_deps
        import orjson

        @dataclass
        class Value:
            name: str

        def parse(frame):
            names = [_helpers.NAME, only_in_deps.NAME, Value("own").name]
            return [*names, orjson.loads(frame), struct.calcsize("H"), open("table.txt").read()]
        """)
    assert converter.parse(b"1") == ["neighbour", "deps", "own", 1, 2, "ü"]
    assert not list(folder.path.rglob("__pycache__"))


# What goes wrong

FAULTY = """
import json, os, sys
def helper():
    raise KeyError("deep")
def parse(frame):
    if frame == b"pid": return os.getpid()
    LINE
class Silent(Exception):
    def __str__(self): raise RuntimeError
def nested(depth):
    return [nested(depth - 1)] if depth else 1
async def later(): pass
"""


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1 / 0", "line 6: ZeroDivisionError: division by zero"),
        ("assert not frame", "line 6: AssertionError"),
        ("int('x' + str(frame))", "line 6: ValueError: invalid literal"),
        ("json.loads('{')", "line 6: JSONDecodeError: Expecting property"),
        ("helper()", "line 3: KeyError: 'deep'"),
        ("sys.exit(3)", "line 6: SystemExit: 3"),
        ("raise KeyboardInterrupt", "line 6: KeyboardInterrupt"),
        (
            "compile('(', 'other', 'eval')",
            "line 6: SyntaxError: '\\(' was never closed",
        ),
        ("parse(frame)", "line 6: RecursionError: maximum recursion depth"),
        ("bytearray(2**31)", "line 6: MemoryError"),
        ("raise ValueError('x' * 5000)", "line 6: ValueError: x+…$"),
        ("raise ValueError('two\\nlines \\ud800')", "line 6: ValueError: two lines ?"),
        ("raise Silent", "line 6: Silent$"),
        ("return b'x'", ": bytes is no value: decode it to text, or give its hex"),
        ("return {'a': {1, 2}}", ": set is no value: give numbers, texts,"),
        ("return parse", ": function is no value"),
        ("return 10**1500", ": The JSON has an integer of 1,501 digits"),
        ("return 10**5000", ": ValueError: Exceeds the limit"),
        ("x = []; x.append(x); return x", ": ValueError: Circular reference"),
        ("x = {b'a': 1}; x['x'] = x; return x", ": RecursionError"),
        ("return nested(300)", ": The JSON is nested too deeply"),
        ("return 'x' * 300_000", ": it gave 300,002 bytes; 262,144 is the most"),
        ("return iter(['x' * 200_000] * 9)", "bytes; 262,144 is the most"),
        ("return iter(range(1001))", ": parse gave more than 1,000 messages"),
        ("return iter([1, b''])", ": bytes is no value"),
        ("return later()", ": coroutine is no value"),
        ("return (1 / n for n in (1, 0))", "line 6: ZeroDivisionError"),
    ],
)
def test_what_goes_wrong_is_told_and_the_process_goes_on(
    folder: Folder, line: str, reason: str
) -> None:
    converter = folder.converter(FAULTY.replace("LINE", line))
    pid = pid_of(converter)
    for _ in range(2):
        with pytest.raises(ParseError, match=r"(?s)^meter\.py.*" + reason) as caught:
            converter.parse(b"x")
        assert len(str(caught.value)) < 320
    assert pid_of(converter) == pid


def test_an_error_in_a_neighbour_names_the_neighbour(folder: Folder) -> None:
    folder.write("def convert(frame):\n    return frame[0]\n", "_helpers")
    converter = folder.converter("from _helpers import convert as parse\n")
    with pytest.raises(
        ParseError, match=r"^_helpers\.py line 2: IndexError: index out"
    ):
        converter.parse(b"")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("x = 1\ndef parse(frame:\n", r"line 2: SyntaxError: '\(' was never closed"),
        ("x = 1\n\nimport not_there\n", "line 3: ModuleNotFoundError: No module named"),
        ("x = 1\n1 / 0\n", "line 2: ZeroDivisionError: division by zero"),
        ("import sys\nsys.exit()\n", "line 2: SystemExit"),
        ("x = '\0'\n", "SyntaxError: source code string cannot contain null bytes"),
        ("import _broken\n", "SyntaxError: invalid syntax"),
    ],
)
def test_a_file_that_cannot_be_loaded(folder: Folder, source: str, reason: str) -> None:
    folder.write("x =\n", "_broken")
    converter = folder.converter(source)
    with pytest.raises(ParseError, match=reason) as caught:
        converter.parse(b"")
    assert str(caught.value).startswith("_broken.py" if "_b" in source else "meter.py")
    # It is not loaded again for each frame.
    with pytest.raises(ParseError, match=r"\(it failed 1 times in a row, and is tried"):
        converter.parse(b"")
    folder.write("def parse(frame):\n    return 'mended'\n")
    assert converter.parse(b"") == "mended"


def test_a_file_that_is_not_there_yet(folder: Folder) -> None:
    converter = folder.converter()
    with pytest.raises(ParseError, match=r"no readable file meter\.py in"):
        converter.parse(b"")
    folder.write("def parse(frame):\n    return 1\n")
    assert converter.parse(b"") == 1
    (folder.path / "meter.py").unlink()
    assert converter.parse(b"") == 1, "what is loaded goes on"
    shutil.rmtree(folder.path)
    converter.reload()
    with pytest.raises(ParseError, match=r"no readable file meter\.py in"):
        converter.parse(b"")


def test_no_process_can_be_started(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    converter = folder.returning("1")
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", "/not/there")
        with pytest.raises(
            ParseError, match=r"^meter\.py: no process could be started"
        ):
            converter.parse(b"")
    converter.reload()
    assert converter.parse(b"") == 1


# What never ends, or ends too soon


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("while True: pass", r"meter\.py line 4: still running after 0.3 s"),
        ("time.sleep(60)", r"meter\.py line 4: still running after 0.3 s"),
        ("return itertools.count()", r"more than 1,000 messages|still running"),
        (
            "return iter(lambda: None, 1)",
            r"meter\.py.*: still running after 0.3 s",
        ),
        (
            "while True:\n        try: time.sleep(60)\n        except: pass",
            "line 5: still",
        ),
        # Inside a library that takes no signals
        ("sum(itertools.repeat(0))", r"^meter\.py: still running after 0.3 s$"),
    ],
)
def test_time_limit(folder: Folder, line: str, reason: str) -> None:
    converter = folder.converter(
        "import itertools, os, time\n"
        "def parse(frame):\n"
        "    if frame == b'pid': return os.getpid()\n"
        f"    {line}\n",
        time_limit=0.3,
    )
    pid = pid_of(converter)
    began = time.monotonic()
    with pytest.raises(ParseError, match=reason):
        converter.parse(b"x")
    assert time.monotonic() - began < 3
    again = pid_of(converter)
    if "messages" not in reason:
        assert again != pid
        assert not is_there(pid)


def test_load_limit(folder: Folder) -> None:
    converter = folder.converter("x = 1\nwhile x: pass\n", load_limit=0.3)
    with pytest.raises(
        ParseError, match=r"meter\.py line 2: still running after 0.3 s"
    ):
        converter.parse(b"")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("os._exit(0)", "its process ended by itself, with code 0"),
        ("os._exit(9)", "its process ended by itself, with code 9"),
        ("os.abort()", r"its process was ended by the system \(SIGABRT\)"),
        ("os.kill(os.getpid(), 9)", r"was ended by the system \(SIGKILL\)"),
        ("os.kill(os.getpid(), 35)", r"was ended by the system \(signal 35\)"),
        ("os.closerange(3, 99); time.sleep(60)", "was killed: it does not answer"),
        ("disturb(); time.sleep(60)", "was killed: it does not answer"),
    ],
)
def test_a_process_that_ends(folder: Folder, line: str, reason: str) -> None:
    converter = folder.converter(f"""
        import os, time
        def parse(frame):
            if frame == b"pid": return os.getpid()
            {line}
        def disturb():
            for fd in range(3, 9):
                try: os.write(fd, b"x" * 99)
                except OSError: pass
        """)
    pid = pid_of(converter)
    with pytest.raises(ParseError, match=r"^meter\.py: .*" + reason):
        converter.parse(b"x")
    assert not is_there(pid)
    assert pid_of(converter) != pid


def test_a_pause_after_failures_in_a_row(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0

    def later() -> float:
        return time.monotonic() + now

    monkeypatch.setattr(converters, "monotonic", later)
    converter = folder.converter("""
        import os
        log = open("starts", "a")
        log.write("x")
        log.close()
        def parse(frame):
            return frame.decode() or os._exit(1)
        """)

    def starts() -> int:
        return len((folder.path / "starts").read_text())

    def fail(reason: str = "code 1$") -> None:
        with pytest.raises(ParseError, match=reason):
            converter.parse(b"")

    for _ in range(3):
        fail()
    assert starts() == 3
    # Now it takes a pause, which grows to a minute and is over at last.
    for pause in (1, 2, 4, 8, 16, 32, 60, 60):
        count = starts()
        now += pause - 0.9
        fail(
            r"code 1 \(it failed \d+ times in a row, and is tried again after a pause\)"
        )
        assert starts() == count
        now += 1
        fail()
        assert starts() == count + 1
    now += 61
    assert converter.parse(b"good") == "good"
    for _ in range(3):
        fail()
    fail("after a pause")
    converter.reload()
    assert converter.parse(b"good") == "good"


# What is printed


def test_output_is_kept(folder: Folder, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    converter = folder.converter("""
        import os, sys
        print("loading")
        def parse(frame):
            print("got", frame)
            print("oops", file=sys.stderr)
            sys.stdout.buffer.write(b"bytes\\n")
            os.write(1, b"not caught")
            os.write(2, b"not caught")
            input_ = sys.stdin.read()
            return input_
        """)
    assert converter.parse(b"x") == ""
    assert converter.output == ["loading", "got b'x'", "oops", "bytes"]
    assert "meter.py prints: oops" in caplog.text


def test_output_is_told_when_it_hangs(folder: Folder) -> None:
    converter = folder.converter(
        "def parse(frame):\n    print('here')\n    while True: pass\n", time_limit=0.2
    )
    with pytest.raises(ParseError, match="line 3: still running"):
        converter.parse(b"x")
    assert converter.output == ["here"]


def test_a_flood_of_output_does_no_harm(folder: Folder) -> None:
    converter = folder.converter("""
        import os, sys
        def parse(frame):
            for number in range(20_000):
                print("a line of text", number)
                print("an error", file=sys.stderr)
            print("x" * 3_000_000)
            os.write(1, bytes(3_000_000))
            os.write(2, bytes(3_000_000))
            for number in range(1_000): print(number)
            return "done"
        """)
    for _ in range(2):
        assert converter.parse(b"x") == "done"
    assert converter.output == [str(number) for number in range(950, 1000)]


# Loading anew


def test_a_changed_file_is_loaded_by_itself(folder: Folder) -> None:
    converter = folder.returning("'old'")
    assert converter.parse(b"") == "old"
    folder.write("def parse(frame):\n    return 'newer'\n")
    assert converter.parse(b"") == "newer"


def test_reload_loads_what_it_imports_too(folder: Folder) -> None:
    folder.write("NAME = 'old'\n", "_helpers")
    converter = folder.converter("""
        import _helpers
        def parse(frame):
            return _helpers.NAME
        """)
    assert converter.parse(b"") == "old"
    folder.write("NAME = 'new'\n", "_helpers")
    assert converter.parse(b"") == "old"
    converter.reload()
    assert converter.parse(b"") == "new"


def test_load(folder: Folder) -> None:
    converter = folder.converter("print('loaded')\n")
    for _ in range(2):
        converter.load()
        assert converter.output == ["loaded"]
    folder.write("1 / 0\n")
    with pytest.raises(ParseError, match=r"meter\.py line 1: ZeroDivisionError"):
        converter.load()


# The worker's parts, without its process


@pytest.fixture
def code(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> worker.UserCode:
    """Lend the user's code, loaded into this process."""
    folder.write("""
        import sys
        class Silent(Exception):
            def __str__(self): raise RuntimeError
        def late():
            return sys._getframe()
        def parse(frame):
            return eval(frame)
        def raises(error):
            raise error
        def encode(key, value):
            return eval(key)
        """)
    monkeypatch.setitem(sys.modules, "converter_meter", None)
    code = worker.UserCode(folder.path / "meter.py")
    code.load()
    return code


@pytest.mark.parametrize(
    ("kind", "call", "answer"),
    [
        ("parse", "'ä'", (worker.VALUE, r'"\u00e4"')),
        ("parse", "iter([1, None, {b'a': [2], 3: 4}])", None),
        ("parse", "iter('x' * 999)", (worker.MESSAGES, "[" + '"x",' * 998 + '"x"]')),
        ("parse", "iter('x' * 1001)", "meter.py: parse gave more than 1,000 messages"),
        ("parse", "iter(['x' * 200_000] * 9)", "meter.py: it gave 400,007 bytes"),
        ("parse", "b'x'", "meter.py: bytes is no value: decode it to text"),
        ("parse", "late", "meter.py: function is no value"),
        ("parse", "raises(Silent)", "meter.py line 9: Silent"),
        ("parse", "raises(ValueError('x' * 999))", "meter.py line 9: ValueError: xxx"),
        ("encode", "'ä'", (worker.DATA, "ä")),
        ("encode", "b'b'", (worker.DATA, "b")),
        ("encode", "None", "meter.py: encode gave NoneType"),
        ("encode", "''", "meter.py: encode gave nothing to send"),
        ("encode", "b'x' * 300_000", "meter.py: it gave 300,000 bytes"),
    ],
)
def test_user_code(
    code: worker.UserCode, kind: str, call: str, answer: tuple[bytes, str] | str | None
) -> None:
    if kind == "parse":
        found, data = code.answer(worker.PARSE, call.encode())
    else:
        found, data = code.answer(worker.ENCODE, json.dumps([call, 1]).encode())
    if isinstance(answer, str):
        assert found == worker.ERROR
        assert data.decode().startswith(answer)
        assert len(data.decode()) <= worker.MAX_ERROR
    else:
        expected = answer or (worker.MESSAGES, '[1,{"a":[2],"3":4}]')
        assert (found, data.decode()) == expected


def test_where_user_code_hangs(code: worker.UserCode) -> None:
    late = sys.modules["converter_meter"].late()
    assert code.describe_late(late, 2.5) == "meter.py line 5: still running after 2.5 s"
    assert code.describe_late(None, 2.0) == "meter.py: still running after 2 s"


def test_user_code_that_cannot_be_loaded(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "converter_meter", None)
    folder.write("x = 1\ny = (\n")
    code = worker.UserCode(folder.path / "meter.py")
    with pytest.raises(SyntaxError) as caught:
        code.load()
    text = code.describe(caught.value)
    assert text == "meter.py line 2: SyntaxError: '(' was never closed"
    assert code.answer(worker.PARSE, b"") == (
        worker.ERROR,
        b"meter.py: there is no function parse",
    )


@given(texts=st.lists(st.binary(max_size=3 * worker.MAX_OUTPUT)))
def test_printed_keeps_the_end(texts: list[bytes]) -> None:
    printed = worker.Printed()
    assert printed.writable()
    for text in texts:
        assert printed.write(memoryview(text)) == len(text)
    assert printed.take() == b"".join(texts)[-worker.MAX_OUTPUT :]
    assert printed.take() == b""


# Closing


def test_close(folder: Folder) -> None:
    converter = folder.returning("__import__('os').getpid()")
    pid = pid_of(converter)
    assert is_there(pid)
    for _ in range(2):
        converter.close()
        assert not is_there(pid)
    with pytest.raises(ParseError, match=r"meter\.py: the hub was closed"):
        converter.parse(b"")
    folder.converter().close()


@pytest.mark.parametrize("line", ["time.sleep(60)", "sum(itertools.repeat(0))"])
def test_close_ends_a_call_and_those_that_wait(folder: Folder, line: str) -> None:
    os.mkfifo(folder.path / "begun")
    converter = folder.converter(
        f"""
        import itertools, time
        def parse(frame):
            open("begun", "w").close()
            {line}
        """,
        time_limit=60,
    )
    with ThreadPoolExecutor(3) as pool:
        calls = [pool.submit(converter.parse, b"x") for _ in range(3)]
        (folder.path / "begun").read_text()  # until a call runs
        began = time.monotonic()
        converter.close()
        for call in calls:
            with pytest.raises(ParseError, match="the hub was closed"):
                call.result(10)
    assert time.monotonic() - began < 5


def test_close_while_it_starts(folder: Folder) -> None:
    before = open_files()
    for _ in range(10):
        converter = folder.returning("1")
        barrier = Barrier(2)

        def close(converter: Converter = converter, barrier: Barrier = barrier) -> None:
            barrier.wait()
            converter.close()

        thread = Thread(target=close)
        thread.start()
        barrier.wait()
        try:
            assert converter.parse(b"") == 1
        except ParseError as err:
            assert "the hub was closed" in str(err)
        thread.join()
    assert open_files() == before


def test_nothing_is_left_of_those_that_were_killed(folder: Folder) -> None:
    converter = folder.converter(
        """
        import os, subprocess, time
        def parse(frame):
            if frame == b"pid": return os.getpid()
            if frame == b"child":
                return subprocess.Popen(["sleep", "600"]).pid
            if frame == b"exit": os._exit(1)
            time.sleep(60)
        """,
        time_limit=0.1,
    )
    before = open_files()
    for number in range(20):
        converter.reload()
        pid = pid_of(converter)
        child = converter.parse(b"child") if number % 5 == 0 else None
        with pytest.raises(ParseError):
            converter.parse(b"exit" if number % 2 else b"hang")
        assert not is_there(pid)
        if isinstance(child, int):
            check_ended(child)
    converter.close()
    assert open_files() == before


def check_ended(pid: int) -> None:
    """Assert that a process which is no child of this one has ended, or soon does."""
    stat = Path(f"/proc/{pid}/stat")
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            if stat.read_text().rpartition(")")[2].split()[0] == "Z":
                return
        except FileNotFoundError, ProcessLookupError:
            return
        time.sleep(0.01)
    pytest.fail("It is still running")


PARENT = """
import sys
sys.path.insert(0, {repository!r})
from pathlib import Path
from custom_components.bemcom_connectors.connector.converters import Converter
converter = Converter(Path({folder!r}), "meter", time_limit=0.5)
print(converter.parse(b"pid"), flush=True)
converter.parse(b"x")
"""


@pytest.mark.parametrize(
    "line",
    [
        "return sys.stdin.read()",  # idle
        "while True: pass",
        "threading.Thread(target=time.sleep, args=[600]).start()",
    ],
)
def test_the_process_ends_with_its_parent(folder: Folder, line: str) -> None:
    folder.write(f"""
        import os, sys, threading, time
        def parse(frame):
            if frame == b"pid": return os.getpid()
            {line}
        """)
    source = PARENT.format(repository=str(REPOSITORY), folder=str(folder.path))
    idle = source.replace('converter.parse(b"x")\n', "import time; time.sleep(60)\n")
    with subprocess.Popen(
        [sys.executable, "-c", idle if "stdin" in line else source],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as parent:
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    check_ended(pid)


# Names


def test_converter_names(folder: Folder, tmp_path: Path) -> None:
    assert converter_names(tmp_path / "not there") == []
    assert converter_names(folder.path) == []
    (tmp_path / "outside.py").touch()
    for name in ("meter", "Boiler", "a1_b", "_helpers", "__init__", "1st", "a-b", "ü"):
        folder.write("", name)
    (folder.path / "notes.txt").touch()
    (folder.path / "folder.py").mkdir()
    (folder.path / "escape.py").symlink_to(tmp_path / "outside.py")
    (folder.path / "dangling.py").symlink_to(tmp_path / "nowhere.py")
    (folder.path / "loop.py").symlink_to("loop.py")
    (folder.path / "alias.py").symlink_to("meter.py")
    assert converter_names(folder.path) == ["Boiler", "a1_b", "alias", "meter"]
    assert check_name(folder.path, "alias") == folder.path / "meter.py"
    assert check_name(folder.path, "_helpers") == folder.path / "_helpers.py"


def test_a_folder_that_is_a_link(folder: Folder, tmp_path: Path) -> None:
    folder.write("def parse(frame):\n    return 1\n")
    (tmp_path / "link").symlink_to(folder.path)
    assert converter_names(tmp_path / "link") == ["meter"]
    converter = Converter(tmp_path / "link", "meter")
    assert converter.parse(b"") == 1
    converter.close()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        *(("", "is no name"), ("../outside", "is no name"), ("a.py", "is no name")),
        *(("a\n", "is no name"), ("a" * 65, "is no name"), ("ä", "is no name")),
        ("missing", r"there is no readable file missing\.py in"),
        ("escape", r"escape\.py is a link to outside of"),
        ("folder", r"folder\.py is no file"),
    ],
)
def test_check_name(folder: Folder, tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "outside.py").write_text("def parse(frame):\n    return 1\n")
    (folder.path / "escape.py").symlink_to(tmp_path / "outside.py")
    (folder.path / "folder.py").mkdir()
    with pytest.raises(OptionsError, match=reason) as caught:
        check_name(folder.path, name)
    assert caught.value.option == "converter"
    if reason == "is no name":
        with pytest.raises(OptionsError, match=reason):
            Converter(folder.path, name)
    else:
        converter = Converter(folder.path, name)
        with pytest.raises(ParseError, match=reason):
            converter.parse(b"")


@given(name=st.text() | st.text(alphabet="./\\~\0a_", max_size=12))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_name_leads_out_of_the_folder(folder: Folder, name: str) -> None:
    (folder.path.parent / "a.py").touch()
    folder.write("", "a")
    try:
        file = check_name(folder.path, name)
    except OptionsError as err:
        assert err.option == "converter"
        assert name != "a"
    else:
        assert file == folder.path / f"{name}.py"


# The example

TELEGRAM = (
    b"/ISK5\\2M550T-1012\r\n\r\n"
    b"1-3:0.2.8(50)\r\n"
    b"1-0:1.8.1(001284.250*kWh)\r\n"
    b"0-0:96.14.0(0002)\r\n"
    b"1-0:1.7.0(00.412*kW)\r\n"
    b"1-0:32.7.0(230.1*V)\r\n"
    b"0-0:96.13.0()\r\n"
    b"0-1:24.1.0(003)\r\n"
    b"0-1:96.1.0(4730303339)\r\n"
    b"0-1:24.2.1(261121030000W)(00412.570*m3)\r\n"
    b"!"
)


@pytest.fixture
def p1_telegram() -> Iterator[Converter]:
    """Lend the example."""
    converter = Converter(EXAMPLES, "p1_telegram")
    yield converter
    converter.close()


@pytest.mark.parametrize("check_sum", [b"", b"3699"])
def test_example(p1_telegram: Converter, check_sum: bytes) -> None:
    assert p1_telegram.parse(b"noise" + TELEGRAM + check_sum + b"\r\n") == {
        "energy_import_tariff_1_kwh": 1284.25,
        "tariff": 2,
        "power_import_kw": 0.412,
        "l1_voltage_v": 230.1,
        "gas_m3": 412.57,
    }


def test_example_without_sense(p1_telegram: Converter) -> None:
    assert p1_telegram.parse(b"0-1:24.2.1(00412.570*m3)\r\n!1234\r\n") is None
    with pytest.raises(
        ParseError, match=r"p1_telegram\.py line \d+: ValueError: the ch"
    ):
        p1_telegram.parse(TELEGRAM + b"0000\r\n")
    with pytest.raises(ParseError, match=r"could not convert string to float: 'x'"):
        p1_telegram.parse(b"/X\r\n1-0:1.7.0(x*kW)\r\n!\r\n")
