"""The action http_request, asked of a real server."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
import socket
from typing import Any

from aiohttp import web
import pytest
import voluptuous as vol

from custom_components.bemcom_connectors import http_action
from custom_components.bemcom_connectors.const import DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.setup import async_setup_component
from tests.device import HOST

type Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """A web server that remembers what it was asked, and answers as a test says."""

    def __init__(self) -> None:
        """Answer ok."""
        self.url = ""
        self.seen: list[tuple[str, str, str, str | None]] = []
        self.headers: list[dict[str, str]] = []
        self.answer: Handler = self._ok

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Remember a request, and answer it."""
        body = (await request.read()).decode()
        content_type = request.headers.get("Content-Type")
        self.seen.append((request.method, request.path_qs, body, content_type))
        self.headers.append(dict(request.headers))
        return await self.answer(request)

    async def _ok(self, _request: web.Request) -> web.StreamResponse:
        return web.Response(text="ok")


@pytest.fixture
async def server(hass: HomeAssistant, loopback: str) -> AsyncGenerator[Server]:
    """Return a server, with the action there to ask it."""
    assert await async_setup_component(hass, DOMAIN, {})
    serving = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", serving.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, HOST, 0)
    await site.start()
    serving.url = f"http://{HOST}:{runner.addresses[0][1]}"
    yield serving
    await runner.cleanup()


async def ask(hass: HomeAssistant, **data: Any) -> dict[str, Any]:
    """Carry out the action."""
    answer = await hass.services.async_call(
        DOMAIN, "http_request", data, blocking=True, return_response=True
    )
    return dict(answer or {})


def answering(*statuses: int, text: str = "") -> Handler:
    """Return what answers with one status after the other."""
    left = list(statuses)

    async def handle(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=left.pop(0), text=text)

    return handle


async def test_a_request(hass: HomeAssistant, server: Server) -> None:
    """Status, headers and text come back."""
    answer = await ask(hass, url=f"{server.url}/path?a=1")
    assert (answer["status"], answer["body"]) == (200, "ok")
    assert answer["headers"]["Content-Length"] == "2"
    assert "error" not in answer
    assert server.seen == [("GET", "/path?a=1", "", None)]


async def test_nothing_need_come_back(hass: HomeAssistant, server: Server) -> None:
    await hass.services.async_call(
        DOMAIN, "http_request", {"url": server.url, "method": "PUT"}, blocking=True
    )
    assert server.seen[0][0] == "PUT"


@pytest.mark.parametrize("method", http_action.METHODS)
async def test_each_method(hass: HomeAssistant, server: Server, method: str) -> None:
    answer = await ask(hass, url=server.url, method=method)
    assert server.seen[0][0] == method.upper()
    assert answer["status"] == 200
    assert answer["body"] == ("" if method == "head" else "ok")


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ({}, "/?old=1"),
        ({"b": 0, "c": False, "d": ""}, "/?b=0&c=false&d="),
        ({"list": [1, "x y"]}, "/?list=1&list=x+y"),
    ],
)
async def test_a_query_replaces_the_one_there_is(
    hass: HomeAssistant, server: Server, query: dict[str, Any], path: str
) -> None:
    await ask(hass, url=f"{server.url}/?old=1", query=query)
    assert server.seen[0][1] == path


@pytest.mark.parametrize(
    ("data", "body", "content_type"),
    [
        ({"body": "a=1"}, "a=1", "application/x-www-form-urlencoded"),
        ({"body": ""}, "", "application/x-www-form-urlencoded"),
        ({"body": {"on": True}}, '{"on":true}', "application/json"),
        ({"body": [0]}, "[0]", "application/json"),
        ({"body": 0}, "0", "application/json"),
        ({"body": "ä", "headers": {"content-type": "text/plain"}}, "ä", "text/plain"),
        ({"body": {}, "headers": {"Content-Type": "a/b"}}, "{}", "a/b"),
    ],
)
async def test_the_content(
    hass: HomeAssistant,
    server: Server,
    data: dict[str, Any],
    body: str,
    content_type: str,
) -> None:
    await ask(hass, url=server.url, method="post", **data)
    assert server.seen == [("POST", "/", body, content_type)]


async def test_headers(hass: HomeAssistant, server: Server) -> None:
    await ask(hass, url=server.url, headers={"X-Number": 0, "X-On": True})
    assert server.headers[0]["X-Number"] == "0"
    assert server.headers[0]["X-On"] == "true"


async def test_an_error_is_an_answer(hass: HomeAssistant, server: Server) -> None:
    """Its text, or the reason phrase where the server sent none."""
    server.answer = answering(404, 500)
    assert (await ask(hass, url=server.url))["body"] == "Not Found"
    answer = await ask(hass, url=server.url)
    assert (answer["status"], answer["body"]) == (500, "Internal Server Error")
    server.answer = answering(418, text="I am a teapot")
    assert (await ask(hass, url=server.url))["body"] == "I am a teapot"


async def test_an_error_is_tried_again(hass: HomeAssistant, server: Server) -> None:
    """As often as asked for, and no further than the first good answer."""
    server.answer = answering(500, 404, 200, 200)
    answer = await ask(hass, url=server.url, retries=5, retry_delay=0)
    assert answer["status"] == 200
    assert len(server.seen) == 3
    server.answer = answering(500, 501, 502)
    answer = await ask(hass, url=server.url, retries=2, retry_delay=0)
    assert answer["status"] == 502
    assert len(server.seen) == 6


async def test_no_answer(hass: HomeAssistant, server: Server) -> None:
    """Null, and why; each try has its time."""
    done = asyncio.Event()

    async def late(_request: web.Request) -> web.StreamResponse:
        await done.wait()
        return web.Response()

    server.answer = late
    answer = await ask(hass, url=server.url, timeout=0.1, retries=1, retry_delay=0)
    assert answer == {
        "status": None,
        "headers": None,
        "body": None,
        "error": "No answer within 0.1 seconds",
    }
    assert len(server.seen) == 2
    done.set()


async def test_a_server_that_stops_in_the_middle(
    hass: HomeAssistant, server: Server
) -> None:
    async def broken(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport is not None
        request.transport.abort()
        return response

    server.answer = broken
    answer = await ask(hass, url=server.url)
    assert answer["status"] is None
    assert answer["error"]


async def test_refused(hass: HomeAssistant, server: Server) -> None:
    with socket.create_server((HOST, 0)) as closed:
        port = closed.getsockname()[1]
    answer = await ask(hass, url=f"http://{HOST}:{port}")
    assert answer["status"] is None
    assert answer["headers"] is None
    assert str(port) in answer["error"]


@pytest.mark.parametrize(
    ("content_type", "data", "text"),
    [
        ("text/plain; charset=latin-1", b"gr\xfcn", "grün"),
        ("text/plain; charset=iso-8859-1", b"gr\xfcn", "grün"),
        ("text/plain; charset=windows-1252", b"\x80", "€"),
        ("text/plain", b"\xff!", "\ufffd!"),
        ("text/plain; charset=punycode", b"ok", "ok"),
        ("text/plain; charset=nonsense", "ä".encode(), "ä"),
    ],
)
async def test_the_text_of_an_answer(
    hass: HomeAssistant, server: Server, content_type: str, data: bytes, text: str
) -> None:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=data, headers={"Content-Type": content_type})

    server.answer = answer
    assert (await ask(hass, url=server.url))["body"] == text


async def test_a_header_that_comes_twice(hass: HomeAssistant, server: Server) -> None:
    async def answer(_request: web.Request) -> web.StreamResponse:
        response = web.Response()
        response.headers.add("X-Twice", "a")
        response.headers.add("X-Twice", "b")
        return response

    server.answer = answer
    assert (await ask(hass, url=server.url))["headers"]["X-Twice"] == "a, b"


async def test_redirects(hass: HomeAssistant, server: Server) -> None:
    """Followed, but not for ever."""

    async def answer(request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("/there" if request.path == "/" else request.path)

    server.answer = answer
    answer_ = await ask(hass, url=server.url, query={"key": "secret"})
    assert answer_["status"] is None
    # Traces of automations keep it.
    assert answer_["error"] == "More than 10 redirects"
    assert len(server.seen) <= http_action.MAX_REDIRECTS + 1


@pytest.mark.parametrize("size", [0, 1])
async def test_the_size_of_an_answer_is_bounded(
    hass: HomeAssistant, server: Server, size: int
) -> None:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"x" * (http_action.MAX_RESPONSE + size))

    server.answer = answer
    if not size:
        answer_ = await ask(hass, url=server.url)
        assert len(answer_["body"]) == http_action.MAX_RESPONSE
        return
    with pytest.raises(HomeAssistantError) as raised:
        await ask(hass, url=server.url, retries=3)
    assert raised.value.translation_key == "http_response_too_large"
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("data", "key"),
    [
        ({"url": "ftp://example.com"}, "http_invalid_url"),
        ({"url": "example.com"}, "http_invalid_url"),
        ({"url": "http://"}, "http_invalid_url"),
        ({"url": "http://user:secret@[::1"}, "http_invalid_url"),
        ({"url": "http://h:99999"}, "http_invalid_url"),
        ({"headers": {"a b": "c"}}, "http_invalid_header"),
        ({"headers": {"a": "b\r\nc: d"}}, "http_invalid_header"),
        ({"headers": {"Content-Length": "3"}}, "http_invalid_header"),
        ({"headers": {"a": "x" * 9000}}, "http_invalid_header"),
        ({"headers": {f"h{i}": "" for i in range(65)}}, "http_too_many_headers"),
        ({"body": "x" * (http_action.MAX_REQUEST + 1)}, "http_request_too_large"),
        ({"body": {"a": object()}}, "http_invalid_body"),
    ],
)
async def test_what_cannot_be_asked(
    hass: HomeAssistant,
    server: Server,
    data: dict[str, Any],
    key: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Is said before anything is sent, and no secret of it."""
    with pytest.raises(ServiceValidationError) as raised:
        await ask(hass, **({"url": server.url} | data))
    assert raised.value.translation_key == key
    assert "secret" not in str(raised.value.translation_placeholders)
    # Home Assistant itself logs all actions, where somebody wants to debug it.
    ours = [it for it in caplog.records if it.name.startswith("custom_components")]
    assert "secret" not in str([it.getMessage() for it in ours])
    assert not server.seen


async def test_a_redirect_to_nowhere(hass: HomeAssistant, server: Server) -> None:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": "http://[::1"})

    server.answer = answer
    answer_ = await ask(hass, url=server.url)
    assert answer_["status"] is None
    assert answer_["error"]


@pytest.mark.parametrize(
    "data",
    [
        {"method": "header"},
        {"timeout": 0},
        {"timeout": 61},
        {"retries": 11},
        {"retries": -1},
        {"retry_delay": 61},
        {"query": {"a": {}}},
        {"query": {str(i): i for i in range(101)}},
        {"url": "http://" + "a" * 9000},
    ],
)
async def test_bounds(
    hass: HomeAssistant, server: Server, data: dict[str, Any]
) -> None:
    with pytest.raises(vol.Invalid):
        await ask(hass, **({"url": server.url} | data))
