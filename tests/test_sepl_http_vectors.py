"""The recorded requests of SEPL's http library, asked with the action."""

from typing import Any

import pytest

from homeassistant.core import HomeAssistant
from tests.device import HOST
from tests.test_http_action import (
    Server,
    answering,
    ask,
    server,  # noqa: F401 - a fixture
)
from tests.vectors import row_of

# What upstream's library was called with; the recording has only what came of it.
CALLS: dict[str, dict[str, Any]] = {
    "http2017-post": {
        "method": "post",
        "body": "{'a':1}",
        "headers": {"Content-Type": "application/json"},
    },
    "http2017-put-default-ct": {"method": "put", "body": "x"},
    "http2017-delete": {"method": "delete"},
    "http2017-http500-no-retry": {"method": "get"},
    "http2017-refused": {"method": "get"},
}


@pytest.mark.parametrize("name", CALLS)
async def test_http_vectors(
    hass: HomeAssistant,
    server: Server,  # noqa: F811
    name: str,
) -> None:
    """What is sent, and what comes back, is what was recorded."""
    row = row_of(name, "sepl.json")
    wanted = row["response"]
    path = row["requests_seen"][0][1] if row["requests_seen"] else ""
    url = f"{server.url}{path}" if path else f"http://{HOST}:1/"
    if wanted["status"] == 500:
        server.answer = answering(500)
    answer = await ask(hass, url=url, **CALLS[name])
    assert [list(it) for it in server.seen] == row["requests_seen"]
    assert answer["status"] == wanted["status"]
    assert answer["body"] == wanted["body"]
    assert (answer["headers"] is not None) is wanted["has_header"]
