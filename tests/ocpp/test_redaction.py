"""No secret in what is shown of frames."""

import json
import time
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.bemcom_connectors.ocpp.redaction import SHOWN, redact_frame

SECRET = "S3CRET"


@pytest.mark.parametrize(
    "payload",
    [
        {"idTag": SECRET},
        {"idTagInfo": {"status": "Accepted", "parentIdTag": SECRET}},
        {"localAuthorizationList": [{"idTag": SECRET}, {"idTag": f"{SECRET},2"}]},
        {"IDTAG": SECRET},
        {"userIdTag": SECRET},
        {"idTag": f'{SECRET}"}}quoted{SECRET}'},
        {"data": json.dumps({"idTag": SECRET, "x": 1})},
        {"data": json.dumps({"data": json.dumps({"idTag": SECRET})})},
        {"key": "AuthorizationKey", "value": SECRET},
        {"value": SECRET, "key": "AuthorizationKey"},
        {"value": "{" + SECRET, "key": "authorizationkey"},
        {
            "configurationKey": [
                {"key": "HeartbeatInterval", "readonly": False, "value": "300"},
                {"value": SECRET, "readonly": False, "key": "AuthorizationKey"},
            ]
        },
        {"data": json.dumps({"key": "AuthorizationKey", "value": SECRET})},
        {"AuthorizationKey": SECRET},
        {"key": "WifiPassword", "value": SECRET},
        {"password": SECRET},
        {"location": f"ftp://user:{SECRET}@host/file"},
    ],
)
@pytest.mark.parametrize("separators", [(",", ":"), (", ", " : ")])
def test_secrets_are_hidden(payload: Any, separators: tuple[str, str]) -> None:
    frame = [2, "1", "Action", payload]
    text = json.dumps(frame, separators=separators)
    for shown in redact_frame(text), redact_frame(text.encode()):
        assert SECRET not in shown
        assert "***" in shown
        assert shown.startswith("[2")


@pytest.mark.parametrize(
    "text",
    [
        r'[2,"1","Authorize",{"\u0069dTag":"S3CRET"}]',
        r'[2,"1","Authorize",{"idTag":"\u00533CRET"}]',
        r'[2,"1","ChangeConfiguration",{"value":"S3CRET","key":"\u0041uthorizationKey"}]',
        r'[2,"1","Authorize",{"\u0069dTag":"S3CRET"',
        r'[2,"1","Authorize",{"\u0069dTag":"S3CRET","x":"' + "x" * 70_000 + '"}]',
        '[2,"1","Authorize",{"idTag":"S3CRET',
        '[2,"1","Authorize",{"idTag":S3CRET',
        '{"idTag" \n:\t"S3CRET"}',
        '[2,"1","X",{"idTag":"' + "x" * 5000 + 'S3CRET"}]',
    ],
)
def test_secrets_are_hidden_in_what_is_not_quite_json(text: str) -> None:
    assert SECRET not in redact_frame(text)


@pytest.mark.parametrize(
    "text",
    [
        '[2,"1","Heartbeat",{}]',
        '[3,"1",{"idTagInfo":{"status":"Accepted"}}]',
        '[2,"1","ChangeConfiguration",{"key":"HeartbeatInterval","value":"30"}]',
        '[2,"1","X",{"url":"https://host/path?a=b"}]',
        "no frame at all",
        r"\broken",
        "",
    ],
)
def test_all_else_is_shown(text: str) -> None:
    assert redact_frame(text) == text


def test_only_the_beginning_is_shown() -> None:
    frame = json.dumps([2, "1", "DataTransfer", {"data": "x" * 100_000}])
    assert redact_frame(frame) == frame.replace(" ", " ")[:SHOWN]
    assert redact_frame(b"\xff" * 10_000) == "\ufffd" * SHOWN


TAGS = st.text("ABCDEF0123456789", min_size=8, max_size=20)


@given(
    TAGS,
    st.dictionaries(st.text(max_size=5), st.text(max_size=30), max_size=3),
    st.booleans(),
)
def test_no_tag_is_shown_whatever_is_around(
    tag: str, around: dict[str, str], ascii: bool
) -> None:
    if tag in json.dumps(around):
        return
    payload = {**around, "idTag": tag, "list": [{"parentIdTag": tag}]}
    try:
        text = json.dumps([2, "1", "X", payload], ensure_ascii=ascii)
        data = text.encode()
    except UnicodeEncodeError:
        return
    assert tag not in redact_frame(text)
    assert tag not in redact_frame(data)


@given(st.text())
def test_anything_can_be_redacted(text: str) -> None:
    assert len(redact_frame(text)) <= SHOWN + 32
    assert len(redact_frame(text.encode(errors="replace"))) <= SHOWN + 32


@pytest.mark.parametrize(
    "text",
    [
        '"idTag":' * 5000,
        '"' * 10_000 + "idtag",
        '\\"' * 5000 + "idtag",
        '"idtag\\' + "\\" * 10_000,
        "://" + "a" * 10_000,
        '"value":"' * 3000 + "authorizationkey",
    ],
)
def test_nothing_takes_long(text: str) -> None:
    began = time.perf_counter()
    redact_frame(text)
    assert time.perf_counter() - began < 0.1
