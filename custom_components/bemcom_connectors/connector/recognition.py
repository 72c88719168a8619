"""Looking at what a device sends: what it decodes to, and which settings suit it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
import re
import time
from typing import Any, NamedTuple

from .devices import Devices
from .flatten import Lists, flatten
from .framing import Framing, create_framer
from .model import Chunk, JsonValue, ParseError, PartialMessage
from .parsing import Format, Parser, create_parser

# Pieces that come closer together than this belong to one message of a device that
# separates its messages by pauses only.
PAUSE_MS = 200

# Seconds that anybody wants to wait for a preview.
MAX_DECODE_TIME = 5.0

# More datapoints than that in a sample are not looked at: a hub takes fewer.
MAX_SAMPLE_DATAPOINTS = 2000

type Settings = Mapping[str, Any]


@dataclass(slots=True)
class Decoded:
    """What a sample decodes to with some settings."""

    frames: list[bytes] = field(default_factory=list)
    # The parsed messages, in order, and by number the errors of frames that gave none.
    messages: list[JsonValue] = field(default_factory=list)
    errors: dict[int, str] = field(default_factory=dict)
    # The latest value of each datapoint.
    datapoints: dict[str, JsonValue] = field(default_factory=dict)
    dropped_frames: int = 0

    @property
    def is_complete(self) -> bool:
        """Tell whether everything was understood.

        A first frame may be cut: we may have begun to listen in the middle of it.
        """
        return (
            bool(self.datapoints)
            and self.errors.keys() <= {0}
            and self.dropped_frames <= 1
        )


def decode(
    sample: Sequence[Chunk],
    settings: Settings,
    parse: Parser | None = None,
    *,
    max_frames: int = 1000,
) -> Decoded:
    """Decode a sample with `settings`: framing, format, lists and devices.

    `parse` is for formats that are not the engine's. Raises OptionsError for settings that
    cannot work.
    """
    parse = parse or create_parser(settings["format"], settings)
    lists = settings.get("lists", Lists.INDEX)
    devices = Devices(settings.get("device_id_key", ""))
    decoded = Decoded()
    end = time.monotonic() + MAX_DECODE_TIME
    for frame in _frames(sample, settings, decoded):
        if len(decoded.frames) >= max_frames:
            break
        if time.monotonic() > end:
            decoded.errors[len(decoded.frames)] = (
                "The rest was not looked at: it takes too long"
            )
            break
        decoded.frames.append(frame)
        try:
            parsed = parse(frame)
            for message in devices.parts_of(parsed):
                values = flatten(message, lists)
                if devices.id_key:
                    complete = not isinstance(parsed, PartialMessage)
                    _, values = devices.take(values, complete=complete)
                decoded.datapoints.update(values)
                decoded.messages.append(message)
            if isinstance(parsed, PartialMessage):
                decoded.errors[len(decoded.frames) - 1] = "; ".join(parsed.errors)
            if len(decoded.datapoints) > MAX_SAMPLE_DATAPOINTS:
                break
        except ParseError as err:
            decoded.errors[len(decoded.frames) - 1] = str(err)
    return decoded


def _frames(
    sample: Sequence[Chunk], settings: Settings, decoded: Decoded
) -> Iterator[bytes]:
    """Cut a sample into frames, with the pauses there were."""
    framer = create_framer(settings["framing"], settings)
    last = None
    for chunk in sample:
        pause = framer.idle_timeout
        if last is not None and pause is not None and chunk.time - last >= pause:
            yield from framer.idle()
        yield from framer.feed(chunk.data)
        last = chunk.time
    decoded.dropped_frames = framer.dropped_frames
    if settings["framing"] == Framing.IDLE:
        # The end of the sample is a pause as well; to the other framings it says nothing.
        yield from framer.idle()
        decoded.dropped_frames = framer.dropped_frames


def recognise(sample: Sequence[Chunk]) -> dict[str, Any]:
    """Return the settings that suit a sample best: framing, format and their options."""
    for candidate in _candidates(sample):
        decoded = decode(sample, candidate.settings)
        if decoded.is_complete and candidate.fits(decoded):
            return candidate.settings
    # A stream that is mostly good JSON is JSON with a fault in it.
    decoded = decode(sample, _JSON)
    if decoded.datapoints and len(decoded.messages) > len(decoded.errors):
        return dict(_JSON)
    return {**_framing(sample), "format": Format.TEXT.value}


class _Candidate(NamedTuple):
    """Settings worth trying, and what their result must look like."""

    settings: dict[str, Any]
    fits: Callable[[Decoded], bool]


_JSON = {"framing": Framing.AUTO.value, "format": Format.JSON.value}
_PAUSES = {"framing": Framing.IDLE.value, "pause": PAUSE_MS}
_SEPARATORS = (";", "\\t", "|", ",", " ")
_A_PAIR = re.compile(r"[A-Za-z_]\w*\s*[:=]")
_NAME = re.compile(r"[^\W\d][\w .\-/()%°]{0,63}")
_A_NUMBER = re.compile(rb"\s*[-+]?\d+([.,]\d+)?([eE][-+]?\d+)?\s*[^\d\s]{0,12}\s*")


def _candidates(sample: Sequence[Chunk]) -> Iterator[_Candidate]:
    """Return the settings to try, the surest first."""
    framing = _framing(sample)
    yield _Candidate(dict(_JSON), _are_structures)
    yield _Candidate({**_PAUSES, "format": Format.YAML.value}, _are_documents)
    yield _Candidate({**framing, "format": Format.KEY_VALUE.value}, _are_pairs)
    yield _Candidate({**framing, "format": Format.NUMBER.value}, _are_numbers)
    for separator in _SEPARATORS:
        yield _Candidate(
            {**framing, "format": Format.DELIMITED.value, "separator": separator},
            _are_rows,
        )


def _framing(sample: Sequence[Chunk]) -> dict[str, Any]:
    """Return lines, where there are any, or pauses."""
    data = b"".join(chunk.data for chunk in sample)
    if b"\n" in data or b"\r" in data:
        return {"framing": Framing.LINE.value}
    return dict(_PAUSES)


def _are_structures(decoded: Decoded) -> bool:
    """Tell JSON objects and arrays from lines of numbers, which are JSON too."""
    return all(isinstance(message, dict | list) for message in decoded.messages)


def _are_documents(decoded: Decoded) -> bool:
    """Tell YAML from text with a colon somewhere."""
    return (
        any(b"\n" in frame.strip() for frame in decoded.frames)
        and all(isinstance(message, dict | None) for message in decoded.messages)
        and not any(
            isinstance(value, str) and _A_PAIR.match(value)
            for value in decoded.datapoints.values()
        )
    )


def _are_pairs(decoded: Decoded) -> bool:
    """Tell names from whatever else may stand before an equals sign."""
    return all(_NAME.fullmatch(key) for key in decoded.datapoints)


def _are_numbers(decoded: Decoded) -> bool:
    """Tell lines that are a number, perhaps with its unit."""
    return all(_A_NUMBER.fullmatch(frame) for frame in decoded.frames)


def _are_rows(decoded: Decoded) -> bool:
    """Tell tables: every line with as many columns, two at least, one a number."""
    widths = {len(message) for message in decoded.messages if isinstance(message, dict)}
    numbers = [
        value
        for value in decoded.datapoints.values()
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]
    return len(widths) == 1 and min(widths) > 1 and bool(numbers)
