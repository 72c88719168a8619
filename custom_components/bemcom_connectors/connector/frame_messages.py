"""Frames as messages: what a device sent, for those who wait for it."""

import json

from .messages import Message
from .model import RawMessage


def frame_message(message: RawMessage, device_id: str | None) -> Message:
    """Return what a device sent as a message of its own, without an endpoint.

    What is no text is written in hex.
    """
    payload = message.payload
    if isinstance(payload, bytes):
        text = _text_of(payload)
    else:
        # A number may be larger than orjson takes.
        text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    return Message(device_id or "", "", text, "", message.timestamp // 1000)


def _text_of(payload: bytes) -> str:
    """Return the text of a frame, or its bytes in hex."""
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return payload.hex()
    if any(it < " " and it not in "\t\n\r" for it in text):
        return payload.hex()
    return text
