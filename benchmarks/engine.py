"""Chunks of bytes to readings, by the engine alone."""

from collections.abc import Callable, Iterator
import json
from typing import Any, override

import orjson

from benchmarks.measure import Row, rates
from custom_components.bemcom_connectors.connector.framing import create_framer
from custom_components.bemcom_connectors.connector.listener import Listener
from custom_components.bemcom_connectors.connector.model import Reading
from custom_components.bemcom_connectors.connector.parsing import create_parser
from custom_components.bemcom_connectors.connector.stream import StreamConnector
from custom_components.bemcom_connectors.connector.transport import TcpTransport

MESSAGE = {
    "meter": {
        "serial": "1EMH0012345678",
        "uptime": 86421,
        "online": True,
        "energy": {"import": 12345.678, "export": 1.25, "unit": "kWh"},
        "power": {"total": 1520.5, "l1": 510.2, "l2": 498.7, "l3": 511.6},
        "voltage": {"l1": 230.1, "l2": 231.4, "l3": 229.8},
        "current": {"l1": 2.217, "l2": 2.155, "l3": 2.226},
    },
    "temperature": 21.5,
    "tariff": 2,
    "status": "ok",
    "error": None,
}
READ_SIZE = 4096


class _Counter(Listener):
    """Counts readings and the values in them."""

    def __init__(self) -> None:
        self.readings = 0
        self.values = 0

    @override
    def on_reading(self, reading: Reading) -> None:
        self.readings += 1
        self.values += len(reading.values)


def _engine(chunks: list[bytes], framing: str) -> Callable[[], int]:
    """Return a job that takes the chunks through framer, parser and flatten."""
    framer = create_framer(framing)
    connector = StreamConnector(
        "benchmark", TcpTransport("", 0), framer, create_parser("json")
    )
    counter = _Counter()
    connector.add_listener(counter)
    # The link is up: becoming so is no part of a message's cost.
    connector.online = True

    def job() -> int:
        before = counter.readings
        for chunk in chunks:
            for frame in framer.feed(chunk):
                connector.run_sensor_flow(frame)
        return counter.readings - before

    return job


def _bare(frames: list[bytes]) -> Callable[[], int]:
    """Return a job that parses and flattens frames that are cut already."""

    def flatten(node: Any, prefix: str, out: dict[str, Any]) -> None:
        for key, value in node.items():
            if type(value) is dict:
                flatten(value, f"{prefix}{key}__", out)
            else:
                out[f"{prefix}{key}"] = value

    def job() -> int:
        for frame in frames:
            flatten(orjson.loads(frame), "", {})
        return len(frames)

    return job


def _bemcom(frames: list[bytes]) -> Callable[[], int]:
    """Return a job that does what BEMCom's socket connector does to a message.

    Its raw message is the text of a Python bytes literal, which is evaluated, decoded,
    parsed by the standard library and flattened level by level.
    """

    def flatten(message: dict[str, Any]) -> dict[str, Any]:
        flat: dict[str, Any] = {}
        level: dict[str, Any] = message
        while level:
            deeper: dict[str, Any] = {}
            for key, value in level.items():
                if isinstance(value, dict):
                    for inner, inner_value in value.items():
                        deeper["__".join([key, inner])] = inner_value  # noqa: FLY002 - as upstream does
                else:
                    flat[key] = value
            level = deeper
        return flat

    def job() -> int:
        for frame in frames:
            raw = str(frame)
            flatten(json.loads(eval(raw).decode()))  # noqa: S307 - as upstream does
        return len(frames)

    return job


def rows() -> Iterator[Row]:
    """Measure; budget: DESIGN of the engine in docs/architecture.md."""
    frame = orjson.dumps(MESSAGE)
    frames = [frame] * 200
    stream = b"".join(line + b"\n" for line in frames)
    chunks = [stream[at : at + READ_SIZE] for at in range(0, len(stream), READ_SIZE)]
    measured = rates(
        {
            "auto": _engine(chunks, "auto"),
            "line": _engine(chunks, "line"),
            "bare": _bare(frames),
            "bemcom": _bemcom(frames),
        }
    )
    for framing in ("auto", "line"):
        what = f"bytes → readings, JSON of 20 values, framing {framing}"
        yield Row(
            what,
            "BEMCom's own parse and flatten",
            measured[framing],
            measured["bemcom"],
            3,
        )
        yield Row(
            what,
            "bare orjson.loads + recursive flatten",
            measured[framing],
            measured["bare"],
            0.5,
        )
