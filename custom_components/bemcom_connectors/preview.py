"""What a flow shows of a sample: the bytes, and the datapoints they decode to."""

from collections.abc import Mapping, Sequence
from html import escape
from itertools import islice
import json

from .connector.baud_rate import looks_garbled
from .connector.model import Chunk, JsonValue
from .connector.parsing import Format, Parser
from .connector.recognition import Decoded, Settings, decode
from .descriptions import DatapointDescription, describe, is_describable

_MAX_RECEIVED = 600
_MAX_LINES = 10
_ROW = 16
_MAX_DATAPOINTS = 20
_MAX_VALUE = 40
_MAX_KEY = 100
_MARKUP = frozenset("\\|*_`[]<>#~!:@&")


def preview_placeholders(
    sample: Sequence[Chunk],
    settings: Settings,
    framing: str,
    format_: str,
    parse: Parser | None = None,
) -> dict[str, str]:
    """Return the texts that a preview step puts into its description.

    `framing` and `format_` are what the user calls those of `settings`. It takes its time:
    not for the event loop.
    """
    decoded = decode(sample, settings, parse)
    return {
        "bytes": str(sum(len(chunk.data) for chunk in sample)),
        "frames": str(len(decoded.frames)),
        "framing": framing,
        "format": format_,
        "dropped": str(decoded.dropped_frames),
        "received": _received(sample, decoded, settings["format"]),
        "datapoints": _datapoints(decoded.datapoints),
        "count": str(len(decoded.datapoints)),
        "errors": _errors(decoded),
    }


def printable_bytes(data: bytes) -> str:
    """Return bytes as text in lines, with escapes where they are none."""
    text = data.decode("utf-8", "backslashreplace")
    return "".join(
        char if char.isprintable() or char == "\n" else repr(char)[1:-1]
        for char in text.replace("\r\n", "\n")
    )


def _received(sample: Sequence[Chunk], decoded: Decoded, format_: str) -> str:
    """Return the beginning of what was received: text, or bytes with their positions."""
    data = b"".join(chunk.data for chunk in sample)
    if format_ == Format.BINARY or looks_garbled(sample):
        return _dump(decoded.frames or [data])
    shown = printable_bytes(data[:_MAX_RECEIVED])
    # Three backticks would end the block that it is shown in.
    lines = shown.replace("```", "'''").strip("\n").split("\n")
    if len(data) > _MAX_RECEIVED or len(lines) > _MAX_LINES:
        lines = [*lines[:_MAX_LINES], "…"]
    return "\n".join(lines)


def _dump(frames: Sequence[bytes]) -> str:
    """Return messages in rows of bytes, each row with the position of its first."""
    rows = [
        f"{start:4d}  {frame[start : start + _ROW].hex(' ')}"
        for frame in frames
        for start in range(0, min(len(frame), _MAX_RECEIVED), _ROW)
    ]
    return "\n".join([*rows[:_MAX_LINES], *(["…"] if len(rows) > _MAX_LINES else [])])


def _datapoints(datapoints: Mapping[str, JsonValue]) -> str:
    """Return the rows of a table of the datapoints and how they will look."""
    rows = []
    for key, value in islice(datapoints.items(), _MAX_DATAPOINTS):
        description = describe(key, value) if is_describable(value) else None
        name = description.name if description else key
        rows.append(f"| {cell(name)} | {_value(value, description)} | `{code(key)}` |")
    if len(datapoints) > _MAX_DATAPOINTS:
        rows.append(f"| … | +{len(datapoints) - _MAX_DATAPOINTS} | |")
    return "\n".join(rows)


def _value(value: JsonValue, description: DatapointDescription | None) -> str:
    """Return a value with its unit."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(text) > _MAX_VALUE:
        text = text[:_MAX_VALUE] + "…"
    if description and (unit := description.native_unit_of_measurement):
        text = text if text.endswith(unit) else f"{text} {unit}"
    return f"**{cell(text)}**" if text.strip() else ""


def cell(text: str) -> str:
    """Return text that stays within its table cell and is no markup, and no link."""
    plain = "".join(char if char.isprintable() else " " for char in text)
    escaped = "".join(f"\\{char}" if char in _MARKUP else char for char in plain)
    return escaped.replace("www.", "www\\.")


def code(text: str, limit: int = _MAX_KEY) -> str:
    """Return text for a code span, be it in a table cell; no more than `limit` of it."""
    plain = "".join(char if char.isprintable() else " " for char in text[:limit])
    return plain.replace("`", "'").replace("|", "\\|")


def _errors(decoded: Decoded) -> str:
    """Return what went wrong, if anything did; the first error stands for all."""
    if decoded.errors:
        more = f" (+{len(decoded.errors) - 1})" if len(decoded.errors) > 1 else ""
        first = next(iter(decoded.errors.values()))
        return f'<ha-alert alert-type="warning">{escape(cell(first))}{more}</ha-alert>'
    return ""
