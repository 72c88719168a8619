"""The action http_request: SEPL's http library, through Home Assistant's own session."""

import asyncio
from collections.abc import Mapping
import re
from typing import Any, NamedTuple

import aiohttp
from aiohttp import hdrs
import voluptuous as vol
from yarl import URL

from homeassistant.const import CONF_URL, CONF_VERIFY_SSL
from homeassistant.core import ServiceCall, ServiceResponse, SupportsResponse
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.json import json_dumps
from homeassistant.util.json import JsonValueType

from .connector.text_decoding import ENCODINGS
from .const import DOMAIN
from .targets import Action

ATTR_METHOD = "method"
ATTR_QUERY = "query"
ATTR_HEADERS = "headers"
ATTR_BODY = "body"
ATTR_TIMEOUT = "timeout"
ATTR_RETRIES = "retries"
ATTR_RETRY_DELAY = "retry_delay"

METHODS = ("get", "post", "put", "delete", "head")

MAX_URL = 8192
MAX_PARAMETERS = 100
MAX_HEADERS = 64
MAX_HEADER = 8192
MAX_REQUEST = 1024 * 1024
MAX_RESPONSE = 1024 * 1024
MAX_REDIRECTS = 10

# So much is read of a response at a time.
_PIECE = 65536
# What upstream's library says of a text that nobody said anything about.
_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NO_HEADER_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
# How long a message is follows from the message.
_FRAMING_HEADERS = {"content-length", "transfer-encoding"}

_SCALAR = vol.Any(bool, int, float, str)

HTTP_REQUEST_SCHEMA = vol.Schema(
    {
        vol.Optional(ATTR_METHOD, default="get"): vol.All(
            cv.string, vol.Lower, vol.In(METHODS)
        ),
        vol.Required(CONF_URL): vol.All(cv.string, vol.Length(max=MAX_URL)),
        vol.Optional(ATTR_QUERY, default={}): vol.All(
            {cv.string: vol.Any(_SCALAR, [_SCALAR])}, vol.Length(max=MAX_PARAMETERS)
        ),
        vol.Optional(ATTR_HEADERS, default={}): {cv.string: _SCALAR},
        vol.Optional(ATTR_BODY): object,
        vol.Optional(ATTR_TIMEOUT, default=3): vol.All(
            vol.Coerce(float), vol.Range(0.1, 60)
        ),
        vol.Optional(ATTR_RETRIES, default=0): vol.All(
            vol.Coerce(int), vol.Range(0, 10)
        ),
        vol.Optional(ATTR_RETRY_DELAY, default=0.5): vol.All(
            vol.Coerce(float), vol.Range(0, 60)
        ),
        vol.Optional(CONF_VERIFY_SSL, default=True): cv.boolean,
    }
)


class _Request(NamedTuple):
    """What is asked, and how long to wait for an answer."""

    method: str
    url: URL
    headers: Mapping[str, str]
    body: bytes | None
    timeout: float


async def _async_http_request(call: ServiceCall) -> ServiceResponse:
    """Ask until the answer is a good one, as often as allowed; return the last one."""
    data = call.data
    headers = _headers_of(data)
    body, content_type = _body_of(data)
    if content_type and not any(it.lower() == "content-type" for it in headers):
        headers[hdrs.CONTENT_TYPE] = content_type
    request = _Request(
        data[ATTR_METHOD].upper(), _url_of(data), headers, body, data[ATTR_TIMEOUT]
    )
    session = async_get_clientsession(call.hass, data[CONF_VERIFY_SSL])
    tries_left = data[ATTR_RETRIES]
    while True:
        answer = await _async_try(session, request)
        status = answer["status"]
        if tries_left == 0 or (isinstance(status, int) and status < 400):
            return answer
        tries_left -= 1
        await asyncio.sleep(data[ATTR_RETRY_DELAY])


async def _async_try(
    session: aiohttp.ClientSession, request: _Request
) -> dict[str, JsonValueType]:
    """Ask once; without an answer all is null but `error`, which says why."""
    try:
        async with session.request(
            request.method,
            request.url,
            headers=request.headers,
            data=request.body,
            timeout=aiohttp.ClientTimeout(total=request.timeout),
            max_redirects=MAX_REDIRECTS,
        ) as response:
            text = await _async_text(response)
            if not text and response.status >= 400:
                text = response.reason or ""
            return {
                "status": response.status,
                "headers": _joined(response.headers),
                "body": text,
            }
    except TimeoutError:
        error = f"No answer within {request.timeout:g} seconds"
    except aiohttp.TooManyRedirects:
        error = f"More than {MAX_REDIRECTS} redirects"
    except aiohttp.ClientResponseError as err:
        # Its text has the whole address, with a password in the query perhaps.
        error = err.message or type(err).__name__
    # A host name that cannot be written for the name service is a ValueError.
    except (aiohttp.ClientError, OSError, ValueError) as err:
        error = str(err) or type(err).__name__
    return {"status": None, "headers": None, "body": None, "error": error}


async def _async_text(response: aiohttp.ClientResponse) -> str:
    """Read the text of a response, in pieces and not without end."""
    data = bytearray()
    async for piece in response.content.iter_chunked(_PIECE):
        data += piece
        if len(data) > MAX_RESPONSE:
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="http_response_too_large",
                translation_placeholders={
                    "host": response.url.host or "",
                    "limit": str(MAX_RESPONSE),
                },
            )
    charset = (response.charset or "").lower()
    # Others are rare, and some of them take long to read.
    encoding = {"iso-8859-1": "latin-1", "windows-1252": "cp1252"}.get(charset, charset)
    if encoding not in ENCODINGS:
        encoding = "utf-8"
    return data.decode(encoding, errors="replace")


def _joined(headers: Any) -> dict[str, JsonValueType]:
    """Return headers with each name once; what it says several times is one list."""
    return {name: ", ".join(headers.getall(name)) for name in headers}


def _url_of(data: Mapping[str, Any]) -> URL:
    """Return the address to ask; a query replaces the one that it has."""
    try:
        url = URL(data[CONF_URL])
        if url.scheme in ("http", "https") and url.host:
            query = data[ATTR_QUERY]
            if not query:
                return url
            return url.with_query(
                [
                    (name, _text_of(value))
                    for name, values in query.items()
                    for value in (values if isinstance(values, list) else [values])
                ]
            )
    except ValueError:
        pass  # no address either
    # What it is does not belong into logs: there may be a password in it.
    raise ServiceValidationError(
        translation_domain=DOMAIN, translation_key="http_invalid_url"
    )


def _headers_of(data: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers to send, or say which cannot be sent."""
    headers = {name: _text_of(value) for name, value in data[ATTR_HEADERS].items()}
    if len(headers) > MAX_HEADERS:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="http_too_many_headers",
            translation_placeholders={"limit": str(MAX_HEADERS)},
        )
    for name, value in headers.items():
        if (
            not _HEADER_NAME.fullmatch(name)
            or _NO_HEADER_VALUE.search(value)
            or len(name) + len(value) > MAX_HEADER
            or name.lower() in _FRAMING_HEADERS
        ):
            raise ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="http_invalid_header",
                translation_placeholders={"header": f"{name:.60}"},
            )
    return headers


def _body_of(data: Mapping[str, Any]) -> tuple[bytes | None, str]:
    """Return the body to send and what it is; None: there is none."""
    if (body := data.get(ATTR_BODY)) is None:
        return None, ""
    try:
        if isinstance(body, str):
            content, content_type = body.encode(), _FORM
        else:
            content, content_type = json_dumps(body).encode(), _JSON
    except (TypeError, ValueError) as err:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="http_invalid_body",
            translation_placeholders={"error": str(err)},
        ) from err
    if len(content) > MAX_REQUEST:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="http_request_too_large",
            translation_placeholders={"limit": str(MAX_REQUEST)},
        )
    return content, content_type


def _text_of(value: bool | float | str) -> str:
    """Return a value as it is written in a query or a header."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


ACTIONS = (
    Action(
        "http_request",
        _async_http_request,
        HTTP_REQUEST_SCHEMA,
        SupportsResponse.OPTIONAL,
    ),
)
