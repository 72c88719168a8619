"""ThingsBoard's method `set` of sockets."""

from hypothesis import given, strategies as st
import pytest

from custom_components.bemcom_connectors.connector.model import (
    CommandError,
    CommandReason,
    JsonValue,
)
from custom_components.bemcom_connectors.connector.thingsboard_set import (
    SetRequest,
    read_set,
)


@pytest.mark.parametrize(
    ("params", "data"),
    [
        ("address=10.0.0.1;port=50;value=80;", b"80"),
        ("address=10.0.0.1;port=50;value=80", b"80"),
        (" address=10.0.0.1; port=50; encoding=utf-8; value=\u00b0;\n", b"\xc2\xb0"),
        ("address=10.0.0.1;port=50;encoding=latin-1;value=\u00b0;", b"\xb0"),
        ("address=10.0.0.1;port=50;encoding=hex;value=01 0A;", b"\x01\n"),
        ("address=10.0.0.1;port=50;value=a=1;b=2;", b"a=1;b=2"),
        ("address=10.0.0.1;port=50;value=;", b""),
    ],
)
def test_what_is_written_to_whom(params: str, data: bytes) -> None:
    assert read_set(params) == SetRequest("10.0.0.1", 50, data)


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        (None, "not of the form"),
        ({"address": "x"}, "not of the form"),
        ("port=50;value=1;", "not of the form"),
        ("address=x;port=fifty;value=1;", "not of the form"),
        ("address=x;port=50;encoding=klingon;value=1;", "is no encoding"),
        ("address=x;port=50;encoding=ascii;value=\u00b0;", "cannot be written"),
        ("address=x;port=50;encoding=hex;value=zz;", "not hexadecimal"),
    ],
)
def test_what_cannot_be_understood(params: JsonValue, reason: str) -> None:
    with pytest.raises(CommandError, match=reason) as error:
        read_set(params)
    assert error.value.reason is CommandReason.INVALID_VALUE


@given(st.text(max_size=40))
def test_any_value_arrives(value: str) -> None:
    """But for the semicolon and the white space that may end the parameters."""
    text = value.encode(errors="replace").decode()
    request = read_set(f"address=a;port=1;value={text};;")
    assert request.data == f"{text};".encode()


@given(st.text(max_size=60))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    try:
        assert isinstance(read_set(text), SetRequest)
    except CommandError as err:
        assert err.reason is CommandReason.INVALID_VALUE
