"""Frames as messages."""

import json

from hypothesis import given, strategies as st

from custom_components.bemcom_connectors.connector.frame_messages import frame_message
from custom_components.bemcom_connectors.connector.model import RawMessage

TIME = 1_500_554_317_999

_numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
_texts = st.text(st.characters(exclude_categories=["Cs"]))
_json = st.recursive(
    st.none() | st.booleans() | _numbers | _texts,
    lambda inner: st.lists(inner) | st.dictionaries(_texts, inner),
    max_leaves=10,
)


@given(st.binary())
def test_any_frame_has_a_text(frame: bytes) -> None:
    """Its own, or its bytes in hex; nothing in it breaks a line of a log or a card."""
    message = frame_message(RawMessage(frame, TIME), None)
    assert message.payload.encode() in {frame, frame.hex().encode()}
    assert all(it >= " " or it in "\t\n\r" for it in message.payload)
    assert (message.device_id, message.endpoint, message.timestamp) == (
        "",
        "",
        1_500_554_317,
    )


@given(_json)
def test_a_value_is_written_as_json(value: object) -> None:
    raw = RawMessage(value, TIME)  # type: ignore[arg-type]
    message = frame_message(raw, "a")
    assert json.loads(message.payload) == value
    assert message.device_id == "a"
