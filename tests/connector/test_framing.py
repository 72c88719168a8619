"""Framers: any split of the bytes gives the same frames, whatever the bytes are."""

from collections.abc import Callable
from itertools import pairwise
import json
import time
from typing import Literal

from hypothesis import example, given, strategies as st
import pytest

from custom_components.bemcom_connectors.connector.escapes import unescape
from custom_components.bemcom_connectors.connector.framer import Framer
from custom_components.bemcom_connectors.connector.framing import Framing, create_framer
from custom_components.bemcom_connectors.connector.model import OptionsError

MAX = 48

# Every framer whose frames do not depend on the reads; a small limit, so that random data
# meets it.
SPLITTABLE: dict[str, Callable[[], Framer]] = {
    "auto": lambda: create_framer("auto", max_size=MAX),
    "json": lambda: create_framer("json", max_size=MAX),
    "line": lambda: create_framer("line", max_size=MAX),
    "delimiter_one_byte": lambda: create_framer(
        "delimiter", {"delimiter": "\\x03"}, MAX
    ),
    "delimiter_overlapping": lambda: create_framer(
        "delimiter", {"delimiter": "aba"}, MAX
    ),
    "delimiter_kept": lambda: create_framer(
        "delimiter", {"delimiter": "ab", "keep_delimiter": True}, MAX - 2
    ),
    "length_1": lambda: create_framer("length_prefix", {"prefix_size": 1}, MAX),
    "length_2_little": lambda: create_framer(
        "length_prefix", {"prefix_size": 2, "byte_order": "little"}, MAX
    ),
    "length_4": lambda: create_framer("length_prefix", {"prefix_size": 4}, MAX),
    "fixed": lambda: create_framer("fixed_size", {"size": 7}, MAX),
    "idle": lambda: create_framer("idle", {"pause": 100}, MAX),
}

# Bytes that mean something to one of the framers, often enough to build whole frames.
STREAMS = st.one_of(
    st.binary(max_size=400),
    st.lists(
        st.sampled_from(
            [
                b"{", b"}", b"[", b"]", b'"', b"\\", b'\\"', b":", b",", b"\n", b"\r",
                b"\r\n", b" ", b"\0", b"a", b"b", b"1", b'"k":', b'{"a":1}', b"[1,2]",
                b"\xef\xbb\xbf", b"\xef", b"\x03", b"aba", b"ab", b"\0\x03abc", b"\x1e",
                b'{"s":"}"}', b"x" * 30, b'"' + b"y" * 40 + b'"', b"-1.5e3", b"null",
            ]
        ),
        max_size=60,
    ).map(b"".join),
)  # fmt: skip


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    """Return `data` cut at the given places."""
    places = [0, *sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]
    return [data[a:b] for a, b in pairwise(places)]


def frames_of(
    framer: Framer, chunks: list[bytes], *, end: bool = True
) -> tuple[list[bytes], int]:
    """Return the frames that come out, and how many were dropped."""
    frames = [frame for chunk in chunks if chunk for frame in framer.feed(chunk)]
    if end:
        frames += framer.end()
    return frames, framer.dropped_frames


@pytest.mark.parametrize("name", SPLITTABLE)
@given(data=STREAMS, cuts=st.lists(st.integers(0, 10_000), max_size=30))
@example(data=b'{"a":"}","b":{"c":{}', cuts=[3, 9])
@example(data=b'[[[[[[[[[[[[1]]]]]]]]]]]]\n{"a":1}', cuts=[5])
@example(data=b'{"a" "}{"}\n{"b":[{}"]"{}]}\n{"c":1}\n', cuts=[4, 20])
@example(data=b'{"a":"' + b"x" * 60 + b'",\n "b":{}}\n{"ok":1}\n', cuts=[50, 64, 70])
def test_any_split_gives_the_same_frames(
    name: str, data: bytes, cuts: list[int]
) -> None:
    """The cuts of the network are nowhere to be seen, and frames keep their bounds."""
    whole = frames_of(SPLITTABLE[name](), [data])
    assert frames_of(SPLITTABLE[name](), split(data, cuts)) == whole
    assert frames_of(SPLITTABLE[name](), [bytes([b]) for b in data]) == whole
    assert all(0 < len(frame) <= MAX for frame in whole[0])


@given(
    data=STREAMS,
    cuts=st.lists(st.integers(0, 10_000), max_size=30),
    delimiter=st.sampled_from(["\\x03", "aba", "\\r\\n", "}"]),
)
def test_a_delimiter_can_stay_in_the_frame(
    data: bytes, cuts: list[int], delimiter: str
) -> None:
    """The frames are the same but for their ends, and so is what is dropped."""
    chunks = split(data, cuts)
    options = {"delimiter": delimiter}
    bare = frames_of(create_framer("delimiter", options, MAX), chunks)
    options["keep_delimiter"] = True  # type: ignore[assignment]
    frames, dropped = frames_of(create_framer("delimiter", options, MAX), chunks)
    end = unescape(delimiter)
    assert ([frame.removesuffix(end) for frame in frames], dropped) == bare
    assert all(frame.endswith(end) for frame in frames)


# Framings in which a pause can drop a half-received frame.
PAUSED: dict[str, dict[str, object]] = {
    "auto": {},
    "json": {},
    "line": {},
    "delimiter": {"delimiter": "\\x03"},
    "length_prefix": {"prefix_size": 1},
    "fixed_size": {"size": 7},
}
GOOD = {
    "auto": (b'{"good":1}\n', b'{"good":1}'),
    "json": (b'{"good":1}\n', b'{"good":1}'),
    "line": (b"good\r\n", b"good"),
    "delimiter": (b"good\x03", b"good"),
    "length_prefix": (b"\x04good", b"good"),
    "fixed_size": (b"good123", b"good123"),
}


@pytest.mark.parametrize("name", PAUSED)
@given(data=STREAMS, cuts=st.lists(st.integers(0, 10_000), max_size=30))
@example(data=b"\xff" + b"x" * 20, cuts=[])
@example(data=b"\x04goo", cuts=[2])
@example(data=b"x" * 200, cuts=[70])
def test_after_a_pause_everything_begins_anew(
    name: str, data: bytes, cuts: list[int]
) -> None:
    """Whatever came before it, a pause costs at most the frame that was begun."""
    framer = create_framer(name, {**PAUSED[name], "inter_byte_timeout": 20}, MAX)
    assert framer.idle_timeout == 0.02
    before = frames_of(framer, split(data, cuts), end=False)
    same = create_framer(name, PAUSED[name], MAX)
    assert frames_of(same, split(data, cuts), end=False) == before
    was_pending = framer.pending
    assert framer.idle() == []
    assert not framer.pending
    assert framer.dropped_frames - before[1] in ({0, 1} if was_pending else {0})
    dropped = framer.dropped_frames
    wire, frame = GOOD[name]
    assert framer.feed(wire) == [frame]
    assert framer.idle() == []
    assert framer.dropped_frames == dropped


@pytest.mark.parametrize("name", PAUSED)
def test_without_the_option_a_pause_means_nothing(name: str) -> None:
    """A frame may come in two halves with an hour between them."""
    for never in ({}, {"inter_byte_timeout": None}, {"inter_byte_timeout": 0}):
        framer = create_framer(name, {**PAUSED[name], **never}, MAX)
        assert framer.idle_timeout is None
        wire, frame = GOOD[name]
        assert framer.feed(wire[:3]) == []
        assert framer.idle() == []
        assert framer.feed(wire[3:]) == [frame]
        assert framer.dropped_frames == 0


def test_a_pause_within_a_frame_is_counted_once() -> None:
    """Fixed sizes and lengths find their step again, which they never would otherwise."""
    framer = create_framer("fixed_size", {"size": 4, "inter_byte_timeout": 5})
    assert framer.feed(b"abcdef") == [b"abcd"]
    framer.idle()
    assert framer.feed(b"wxyz") == [b"wxyz"]
    assert framer.dropped_frames == 1
    framer = create_framer("length_prefix", {"inter_byte_timeout": 5}, MAX)
    framer.feed(b"\x00\xff" + b"x" * 20)
    assert framer.dropped_frames == 1
    assert framer.pending
    framer.idle()
    assert framer.feed(b"\x00\x02ok") == [b"ok"]
    assert framer.dropped_frames == 1


@pytest.mark.parametrize("framing", ["idle", "chunk"])
def test_framings_by_time_have_pauses_of_their_own(framing: str) -> None:
    """For these the option means nothing."""
    plain = create_framer(framing).idle_timeout
    assert create_framer(framing, {"inter_byte_timeout": 5}).idle_timeout == plain


@pytest.mark.parametrize("name", [*SPLITTABLE, "chunk"])
@given(chunks=st.lists(STREAMS, max_size=20))
def test_no_bytes_make_a_framer_keep_more_than_its_bound(
    name: str, chunks: list[bytes]
) -> None:
    """Whatever comes, the buffer stays within the limit once a chunk is handled."""
    framer = (SPLITTABLE.get(name) or (lambda: create_framer("chunk", None, MAX)))()
    for chunk in chunks:
        framer.feed(chunk)
        assert len(framer._buffer) <= 2 * MAX


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=15,
)
CONTAINERS = st.lists(JSON_VALUES) | st.dictionaries(st.text(), JSON_VALUES)


@given(
    values=st.lists(JSON_VALUES, max_size=8),
    indent=st.sampled_from([None, 0, 2, "\t"]),
    ascii_only=st.booleans(),
    gap=st.sampled_from([" ", "\n", "\r\n", "\n\n  \t"]),
    cuts=st.lists(st.integers(0, 10_000), max_size=20),
)
def test_json_cuts_concatenated_values(
    values: list[object],
    indent: int | str | None,
    ascii_only: bool,
    gap: str,
    cuts: list[int],
) -> None:
    """Each value comes out whole, in order, with no value dropped."""
    text = gap.join(
        json.dumps(value, indent=indent, ensure_ascii=ascii_only) for value in values
    )
    frames, dropped = frames_of(
        create_framer("json"), split((text + gap).encode(), cuts)
    )
    assert [json.loads(frame) for frame in frames] == values
    assert dropped == 0


@pytest.mark.parametrize("framing", ["json", "auto"])
@given(values=st.lists(CONTAINERS, max_size=8))
def test_objects_need_nothing_between_them(framing: str, values: list[object]) -> None:
    """Objects and arrays are cut without any white space too."""
    text = "".join(json.dumps(value) for value in values)
    frames, dropped = frames_of(create_framer(framing), [text.encode()])
    assert [json.loads(frame) for frame in frames] == values
    assert dropped == 0


@given(
    lines=st.lists(st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), min_size=1)),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    cuts=st.lists(st.integers(0, 10_000), max_size=20),
)  # fmt: skip
def test_lines_end_with_any_newline(
    lines: list[str], end: str, cuts: list[int]
) -> None:
    """What stands between two line ends is a frame."""
    data = "".join(line + end for line in lines).encode()
    frames, dropped = frames_of(create_framer("line"), split(data, cuts))
    assert [frame.decode() for frame in frames] == lines
    assert dropped == 0


@given(frames=st.lists(st.binary(min_size=1, max_size=40)), little=st.booleans())
def test_length_prefix_gives_back_the_frames(frames: list[bytes], little: bool) -> None:
    """What was sent with its length comes out."""
    order: Literal["little", "big"] = "little" if little else "big"
    framer = create_framer("length_prefix", {"prefix_size": 2, "byte_order": order})
    data = b"".join(len(frame).to_bytes(2, order) + frame for frame in frames)
    assert frames_of(framer, [data]) == (frames, 0)


@pytest.mark.parametrize(
    ("framing", "options", "stream"),
    [
        ("line", {}, b"x" * 100 + b"\ngood\n"),
        ("auto", {}, b"x" * 100 + b"\ngood\n"),
        ("delimiter", {"delimiter": "\\x03"}, b"x" * 100 + b"\x03good\x03"),
        ("length_prefix", {"prefix_size": 1}, b"\x64" + b"x" * 100 + b"\x04good"),
        (
            "length_prefix",
            {"prefix_size": 4},
            b"\xff\xff\xff\xff\xff\0\0\0\x04good",
        ),
    ],
)
def test_a_frame_too_long_costs_nothing_but_itself(
    framing: str, options: dict[str, object], stream: bytes
) -> None:
    """The next good frame is found, and the loss is counted once."""
    framer = create_framer(framing, options, MAX)
    assert frames_of(framer, [stream], end=False) == ([b"good"], 1)


@pytest.mark.parametrize(
    "broken",
    [
        b'{"a":{"b":1}\n',
        b'{"a":1\n',
        b'{"a": "no end}\n',
        b'{"a": "ends in a backslash\\\n',
        b'{"a":[1,2}\n',
        b'{"a":1}}\n',
        b"]\n",
        b'{"a":"' + b"x" * 100 + b'","b":[{},{"c":"}"}]}\n',
        b'{"a":[{"b":{} {',
        b"[" * 100 + b"]" * 100 + b"\n",
    ],
    ids=lambda broken: broken[:16].decode(),
)
@pytest.mark.parametrize("step", [1, 5, 1000])
def test_a_broken_value_does_not_hide_the_next(broken: bytes, step: int) -> None:
    """The first good value after a broken one is found."""
    framer = create_framer("json", max_size=MAX)
    data = broken + b'{"ok":1}\n{"ok":2}\n'
    chunks = [data[at : at + step] for at in range(0, len(data), step)]
    frames, dropped = frames_of(framer, chunks, end=False)
    assert frames[-2:] == [b'{"ok":1}', b'{"ok":2}']
    assert dropped >= 1


def test_auto_takes_text_and_json_from_one_stream() -> None:
    """A device that greets in words and then speaks JSON is understood."""
    data = b'Meter v1.2\r\n{"a":\n 1}{"b":2}\ntemp=21.5\r\n'
    frames, dropped = frames_of(create_framer("auto"), [data])
    assert frames == [b"Meter v1.2", b'{"a":\n 1}', b'{"b":2}', b"temp=21.5"]
    assert dropped == 0


@pytest.mark.parametrize(
    ("framing", "data", "last"),
    [
        ("line", b"one\ntwo", [b"two"]),
        ("auto", b"one\ntwo", [b"two"]),
        ("json", b"1 25", [b"25"]),
        ("idle", b"two", [b"two"]),
        ("json", b'1 {"a":', []),
        ("fixed_size", b"1234567", []),
    ],
)
def test_an_orderly_close_ends_a_line(
    framing: str, data: bytes, last: list[bytes]
) -> None:
    """A last line needs no newline; half a message stays half a message."""
    framer = create_framer(framing, {"size": 5})
    framer.feed(data)
    assert framer.end() == last
    assert not framer.pending
    assert framer.dropped_frames == (0 if last else 1)


def test_a_lost_connection_drops_the_half_frame() -> None:
    """Half a number must not be taken for a number."""
    framer = create_framer("line")
    framer.feed(b"temperature=21")
    framer.reset()
    assert framer.feed(b"temperature=22.5\n") == [b"temperature=22.5"]
    assert framer.dropped_frames == 1


def test_idle_frames_end_with_a_pause() -> None:
    """A pause gives what came since the last one; what is over-long is skipped whole."""
    framer = create_framer("idle", {"pause": 50}, MAX)
    assert framer.idle_timeout == 0.05
    assert framer.feed(b"ab") == framer.feed(b"c") == []
    assert framer.idle() == [b"abc"]
    framer.feed(b"x" * 60)
    assert framer.pending
    framer.feed(b"y")
    assert framer.idle() == []
    assert framer.dropped_frames == 1
    framer.feed(b"d")
    assert framer.idle() == [b"d"]


@pytest.mark.parametrize(
    ("framing", "options", "option"),
    [
        ("morse", {}, "framing"),
        ("delimiter", {"delimiter": ""}, "delimiter"),
        ("delimiter", {"delimiter": "\\q"}, "delimiter"),
        ("delimiter", {"delimiter": "\\x0"}, "delimiter"),
        ("length_prefix", {"prefix_size": 3}, "prefix_size"),
        ("length_prefix", {"prefix_size": "two"}, "prefix_size"),
        ("length_prefix", {"byte_order": "middle"}, "byte_order"),
        ("fixed_size", {}, "size"),
        ("fixed_size", {"size": 100_000}, "size"),
        ("idle", {"pause": 0}, "pause"),
        ("idle", {"pause": None}, "pause"),
        ("line", {"inter_byte_timeout": -1}, "inter_byte_timeout"),
        ("auto", {"inter_byte_timeout": 60_001}, "inter_byte_timeout"),
        ("fixed_size", {"size": 4, "inter_byte_timeout": "x"}, "inter_byte_timeout"),
    ],
)
def test_options_that_cannot_work_are_named(
    framing: str, options: dict[str, object], option: str
) -> None:
    """The error names the option, so that a form can show it beside the field."""
    with pytest.raises(OptionsError) as caught:
        create_framer(framing, options)
    assert caught.value.option == option


def test_every_framing_can_be_made() -> None:
    """The defaults of each framing work, apart from the size nobody can guess."""
    for framing in Framing:
        assert create_framer(framing, {"size": 4}).feed(b"") == []


HOSTILE = {
    "brackets": b"[" * 1_000_000,
    "keys": b'{"' * 500_000,
    "nested": b'{"a":' * 200_000,
    "spaced_brackets": b"{ " * 500_000,
    "quotes": b'"' * 1_000_000,
    "backslashes": b"\\" * 1_000_000,
    "backslashes_in_string": b'{"' + b"\\" * 1_000_000,
    "white_space": b"{" + b" " * 1_000_000,
    "half_values": b'{"a":1}{' * 100_000,
    "half_boms": b"\xef" * 1_000_000,
    "deep_lines": (b"[" * 30_000 + b"]" * 30_000 + b"\n") * 10,
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("step", [1 << 20, 4096, 64])
@pytest.mark.parametrize("framing", ["json", "auto", "line"])
def test_hostile_streams_cost_no_more_than_their_length(
    framing: str, step: int, name: str
) -> None:
    """A megabyte made to be slow is done in seconds even on a slow machine."""
    data = HOSTILE[name]
    framer = create_framer(framing)
    began = time.process_time()
    for at in range(0, len(data), step):
        framer.feed(data[at : at + step])
    assert time.process_time() - began < 20
