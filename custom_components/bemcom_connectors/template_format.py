"""Frames read with a template of Home Assistant's."""

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import orjson

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import TemplateError
from homeassistant.helpers.template import Template
from homeassistant.util.async_ import run_callback_threadsafe

from .connector.json_format import parse_json
from .connector.model import JsonValue, OptionsError, ParseError
from .connector.parsing import Parser
from .connector.text_decoding import create_decoder
from .const import CONF_ENCODING, CONF_TEMPLATE

# More than any device says in one message; what is built from it is bounded elsewhere.
_MAX_RESULT = 1_000_000


def create_template_parser(
    hass: HomeAssistant, options: Mapping[str, Any], *, aside: bool = False
) -> Parser:
    """Return a parser that renders `template` with the variables of a frame.

    They are `frame` (bytes), `value` (its text) and `value_json` (its JSON, if it is any).
    With `aside` the parser is for a thread, otherwise for the event loop. OptionsError for a
    template that is none.
    """
    text = options.get(CONF_TEMPLATE)
    if not isinstance(text, str) or not text.strip():
        raise OptionsError(CONF_TEMPLATE, "There is no template")
    template = Template(text.strip(), hass)
    decode = create_decoder(options.get(CONF_ENCODING))
    try:
        template.ensure_valid()
    except TemplateError as err:
        raise OptionsError(CONF_TEMPLATE, str(err)) from err

    def render(variables: dict[str, Any]) -> Any:
        """Render, in whichever thread; what is not defined is an error, not a log line."""
        job = partial(template.async_render, variables, strict=True)
        return run_callback_threadsafe(hass.loop, job).result() if aside else job()

    def parse(frame: bytes) -> JsonValue:
        variables: dict[str, Any] = {"frame": frame, "value": decode(frame)}
        with suppress(ParseError):
            variables["value_json"] = parse_json(frame)
        try:
            return _to_json(render(variables))
        except TemplateError as err:
            raise ParseError(str(err)) from err

    return parse


def _to_json(result: Any) -> JsonValue:
    """Return what a template gave as JSON knows it: tuples are lists, NaN is null."""
    if isinstance(result, str):
        return result.strip() or None
    try:
        data = orjson.dumps(result, default=_plain, option=orjson.OPT_NON_STR_KEYS)
    except orjson.JSONEncodeError as err:
        raise ParseError(f"The template gives what is no JSON: {err}") from err
    if len(data) > _MAX_RESULT:
        raise ParseError("The template gives more than a megabyte")
    value: JsonValue = orjson.loads(data)
    return value


def _plain(value: Any) -> Any:
    """Return what a template made of a tuple, which JSON does not have, as a list."""
    if isinstance(value, tuple):
        return list(value)
    raise TypeError(f"{type(value).__name__} is none of JSON's types")
