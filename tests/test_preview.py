"""The preview: what a device sends is shown, and stays text."""

import json

import pytest

from custom_components.bemcom_connectors.connector.model import Chunk, JsonValue
from custom_components.bemcom_connectors.preview import preview_placeholders

JSON = {"framing": "auto", "format": "json"}


def shown(data: bytes, **settings: str) -> dict[str, str]:
    """Return the placeholders for some bytes."""
    return preview_placeholders([Chunk(0, data)], JSON | settings, "Automatic", "JSON")


def row(key: str, value: JsonValue) -> str:
    """Return the row of a datapoint."""
    return shown(json.dumps({key: value}).encode())["datapoints"]


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("power_w", 1.5, "| Power | **1.5 W** | `power_w` |"),
        ("temperature", "21.5 °C", "| Temperature | **21.5 °C** | `temperature` |"),
        ("late", None, "| late | **null** | `late` |"),
        ("empty", "", "| Empty |  | `empty` |"),
        ("text", "x" * 100, f"| Text | **{'x' * 40}…** | `text` |"),
        ("a|b`c", "d|e", "| A B C | **d\\|e** | `a\\|b'c` |"),
        ("x", "<img src=y>", "| X | **\\<img src=y\\>** | `x` |"),
        ("x", "[a](http://b)", "| X | **\\[a\\](http\\://b)** | `x` |"),
        ("x", "www.b.example", "| X | **www\\.b.example** | `x` |"),
        ("x", "two\nlines", "| X | **two lines** | `x` |"),
    ],
)
def test_a_row_is_text(key: str, value: JsonValue, text: str) -> None:
    """A device cannot break out of its cell, nor put a link or a picture there."""
    assert row(key, value) == text


def test_a_long_table_is_cut() -> None:
    """Twenty rows say enough; the rest is counted."""
    rows = shown(b"{" + b",".join(b'"k%d":1' % n for n in range(25)) + b"}")
    assert rows["datapoints"].endswith("| … | +5 | |")
    assert rows["count"] == "25"


def test_received_bytes_are_shown_as_text() -> None:
    """Ten lines at most, with escapes for what is no text, and no end of the block."""
    text = shown(b"```\x07\xff\r\n" + b"line\n" * 20)["received"]
    assert text.startswith("'''\\x07\\xff\nline\n")
    assert len(text.split("\n")) == 11
    assert text.endswith("\n…")
    assert shown(b"x" * 1000)["received"].endswith("\n…")


def test_errors_are_shown_once() -> None:
    """The first one, and how many more there are; as text."""
    errors = shown(b"<b>\n<b>\n", framing="line")["errors"]
    assert "(+1)" in errors
    assert "<b>" not in errors
    link = shown(b"![x](//example) [y](//example)\n", framing="line")["errors"]
    assert "![x]" not in link
    assert "[y](" not in link
