"""The parser of a hub: one of the engine's, a template, or the user's own code."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from homeassistant.core import HomeAssistant

from .connector.converters import Converter, check_name
from .connector.parsing import Format, Parser, create_parser
from .const import CONF_CONVERTER, CONF_FORMAT, DOMAIN
from .template_format import create_template_parser


def converters_folder(hass: HomeAssistant) -> Path:
    """Return where the user's converters are."""
    return Path(hass.config.path(DOMAIN, "converters"))


def create_hub_parser(
    hass: HomeAssistant, options: Mapping[str, Any], *, aside: bool = False
) -> Parser | Converter:
    """Return the parser for the options of a hub; OptionsError where they cannot work.

    With `aside` it is one to be called in a thread, otherwise in the event loop; a Converter
    is always one for a thread.
    """
    match options[CONF_FORMAT]:
        case Format.TEMPLATE:
            return create_template_parser(hass, options, aside=aside)
        case Format.CONVERTER:
            return Converter(converters_folder(hass), options.get(CONF_CONVERTER, ""))
        case name:
            return create_parser(name, options)


@contextmanager
def parser_aside(hass: HomeAssistant, options: Mapping[str, Any]) -> Iterator[Parser]:
    """Lend a parser to a thread; OptionsError for options that cannot work.

    The file of a converter is looked for here, and not by a hub, which goes on without.
    """
    if options[CONF_FORMAT] == Format.CONVERTER:
        check_name(converters_folder(hass), options.get(CONF_CONVERTER, ""))
    parser = create_hub_parser(hass, options, aside=True)
    if not isinstance(parser, Converter):
        yield parser
        return
    try:
        yield parser.parse
    finally:
        parser.close()
