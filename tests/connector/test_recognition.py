"""Recognition: what a person would see in the bytes at a glance."""

import asyncio
import time
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.bemcom_connectors.connector import recognition
from custom_components.bemcom_connectors.connector.escapes import EscapeError, unescape
from custom_components.bemcom_connectors.connector.listening import ENOUGH, listen
from custom_components.bemcom_connectors.connector.model import (
    Chunk,
    JsonValue,
    LinkError,
    LinkReason,
)
from custom_components.bemcom_connectors.connector.recognition import decode, recognise
from custom_components.bemcom_connectors.connector.transport import TcpTransport
from tests.device import HOST, Device


def sample(*pieces: bytes, pause: float = 1.0) -> list[Chunk]:
    """Return pieces with a pause between them."""
    return [Chunk(number * pause, piece) for number, piece in enumerate(pieces)]


YAML = b"station:\n  temperature: 21.5\n  wind: {speed: 3}\nrain: 0\n"


@pytest.mark.parametrize(
    ("pieces", "settings", "datapoints"),
    [
        ((b'{"a":1}\n', b'{"a":2}\n'), {"framing": "auto", "format": "json"}, {"a": 2}),
        ((b'{"a":1}{"a":2}',), {"framing": "auto", "format": "json"}, {"a": 2}),
        ((b'{\n "a": [1,\n 2]\n}\n',), {"format": "json"}, {"a__0": 1, "a__1": 2}),
        # We began to listen in the middle of a message.
        ((b'3,"b":1}\n{"a":4}\n',), {"framing": "auto", "format": "json"}, {"a": 4}),
        (
            (b"---\n" + YAML, b"---\n" + YAML),
            {"framing": "idle", "format": "yaml"},
            {"station__temperature": 21.5, "station__wind__speed": 3, "rain": 0},
        ),
        (
            (b"power=412.5;on=true\r\n", b"power=413;on=false\r\n"),
            {"framing": "line", "format": "key_value"},
            {"power": 413, "on": False},
        ),
        ((b"T: 21.5 H: 48\n",), {"framing": "line"}, None),
        (
            (b"21.5\n", b"21.6\n"),
            {"framing": "line", "format": "number"},
            {"value": 21.6},
        ),
        (
            (b"+0021.50 kWh\r\n",),
            {"framing": "line", "format": "number"},
            {"value": 21.5},
        ),
        (
            (b"12:00:01;21.5;48\n", b"12:00:02;21.6;49\n"),
            {"framing": "line", "format": "delimited", "separator": ";"},
            {"column_1": "12:00:02", "column_2": 21.6, "column_3": 49},
        ),
        (
            (b"422498\n",),
            {"framing": "line", "format": "number"},
            {"value": 422498},
        ),
        ((b"hello there\n",), {"framing": "line", "format": "text"}, None),
        (
            (b"hello", b"there"),
            {"framing": "idle", "format": "text"},
            {"value": "there"},
        ),
        ((b"\x01\x02\xff",), {"framing": "idle", "format": "text"}, None),
    ],
)
def test_settings_are_recognised(
    pieces: tuple[bytes, ...],
    settings: dict[str, Any],
    datapoints: dict[str, Any] | None,
) -> None:
    """Framing and format are found, and give the datapoints one would expect."""
    recognised = recognise(sample(*pieces))
    assert settings.items() <= recognised.items()
    if datapoints is not None:
        assert decode(sample(*pieces), recognised).datapoints == datapoints


def test_json_with_a_fault_in_it_is_json() -> None:
    """A broken message among good ones does not make it something else."""
    recognised = recognise(sample(b'{"a":1}\n' * 5 + b'{"a":,}\n' + b"what\n"))
    assert recognised["format"] == "json"


@given(pieces=st.lists(st.binary(max_size=200), max_size=6))
def test_anything_is_recognised_as_something(pieces: list[bytes]) -> None:
    """Whatever a device sends, there are settings, and they can be tried."""
    recognised = recognise(sample(*pieces))
    decode(sample(*pieces), recognised)


def test_a_sample_is_decoded_only_so_far() -> None:
    """A preview needs no more than so many messages."""
    decoded = decode(
        sample(b"1\n" * 50), {"framing": "line", "format": "number"}, max_frames=10
    )
    assert len(decoded.frames) == 10


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("\\r\\n", b"\r\n"),
        ("\\x03\\xFF", b"\x03\xff"),
        ("a\\tb\\0", b"a\tb\0"),
        ("\\\\n", b"\\n"),
        ("\\u00b0C°", "°C°".encode()),
        ("", b""),
    ],
)
def test_escapes(text: str, data: bytes) -> None:
    """Escapes stand for bytes, everything else for its UTF-8."""
    assert unescape(text) == data


@pytest.mark.parametrize("text", ["\\", "\\q", "\\x0", "\\xzz", "\\u12", "\\ud800"])
def test_wrong_escapes_are_refused(text: str) -> None:
    """A backslash that starts nothing is a mistake, not a backslash."""
    with pytest.raises(EscapeError):
        unescape(text)


async def heard(device: Device, **times: float) -> list[Chunk]:
    """Listen to a device."""
    link = await TcpTransport(HOST, device.port).open()
    told: list[float] = []
    try:
        return await listen(
            link,
            wait=times.get("wait", 5),
            gather=times.get("gather", 0.05),
            on_wait=told.append,
        )
    finally:
        await link.close()
        assert all(0 <= fraction <= 1 for fraction in told)


async def test_listening_ends_soon_after_the_first_byte(device: Device) -> None:
    """What comes within a moment of the first byte belongs to it."""
    listening = asyncio.create_task(heard(device, gather=0.2))
    await device.send(b"one", b"two")
    assert b"".join(chunk.data for chunk in await listening) == b"onetwo"


async def test_listening_to_silence_ends_in_time(device: Device) -> None:
    """Nothing in time is nothing, and no error."""
    assert await heard(device, wait=0.05) == []


async def test_listening_stops_when_it_has_enough(device: Device) -> None:
    """A flood needs no waiting for its end."""
    listening = asyncio.create_task(heard(device, gather=600))
    await device.send(b"x" * ENOUGH * 2)
    chunks = await listening
    assert ENOUGH <= sum(len(chunk.data) for chunk in chunks) < 2 * ENOUGH


async def test_a_device_that_hangs_up_has_said_what_it_said(device: Device) -> None:
    """A close after data is the end; a close before any is an error."""
    listening = asyncio.create_task(heard(device))
    await device.send(b"bye")
    device.close()
    assert [chunk.data for chunk in await listening] == [b"bye"]

    listening = asyncio.create_task(heard(device))
    await device.connected()
    device.close()
    with pytest.raises(LinkError) as caught:
        await listening
    assert caught.value.reason is LinkReason.CLOSED


def test_devices_are_told_apart() -> None:
    """The preview shows the keys that the hub will have."""
    settings = {"framing": "line", "format": "json", "device_id_key": "id"}
    sample = [Chunk(0, b'{"id":"a","t":1}\n[{"id":"b","t":2},{"id":"c","t":3}]\n')]
    assert decode(sample, settings).datapoints == {"a__t": 1, "b__t": 2, "c__t": 3}


def test_a_preview_takes_no_longer_than_anybody_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What there is until then is shown, and that it is not all."""
    monkeypatch.setattr(recognition, "MAX_DECODE_TIME", 0.05)
    settings = {"framing": "line", "format": "converter"}

    def parse(frame: bytes) -> JsonValue:
        time.sleep(0.03)
        return {"n": int(frame)}

    data = b"".join(b"%d\n" % number for number in range(100))
    decoded = decode([Chunk(0, data)], settings, parse)
    assert 1 <= len(decoded.frames) < 10
    assert decoded.datapoints == {"n": len(decoded.frames) - 1}
    assert "takes too long" in decoded.errors[len(decoded.frames)]
