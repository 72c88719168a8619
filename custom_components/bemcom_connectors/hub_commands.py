"""What the user added to a hub that can be set: from the entry to commands and converters."""

from collections.abc import Callable, Iterable, Mapping
import logging
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback

from .connector.commands import StreamCommand, create_command
from .connector.converters import Converter
from .connector.model import JsonValue, OptionsError
from .const import CONF_KIND, SUBENTRY_ACTUATOR
from .overrides import CONF_KEY
from .parsers import converters_folder

_LOGGER = logging.getLogger(__name__)


class HubCommands:
    """The commands of a hub, as its entry says them."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Know of none yet."""
        self._hass = hass
        self._entry = entry
        self._options: list[Mapping[str, Any]] = []
        # Those that cannot be used, by their keys, and why.
        self.unusable: dict[str, str] = {}
        # The converters that write commands, by their name, and those that did before.
        self._converters: dict[str, Converter] = {}
        self._former: dict[str, Converter] = {}

    @property
    def kinds(self) -> Mapping[str, str]:
        """Return of which kind each one is, be it usable or not."""
        return {data[CONF_KEY]: data[CONF_KIND] for data in self._options}

    @property
    def converters(self) -> list[Converter]:
        """Return the converters that write commands."""
        return list(self._converters.values())

    @callback
    def async_take(self) -> dict[str, StreamCommand] | None:
        """Return the commands that the entry has now, by their keys; None: as before."""
        options: list[Mapping[str, Any]] = [
            subentry.data
            for subentry in self._entry.subentries.values()
            if subentry.subentry_type == SUBENTRY_ACTUATOR
        ]
        if options == self._options:
            return None
        self._options = options
        self.unusable = {}
        self._former |= self._converters
        self._converters = {}
        commands = map(self._create, options)
        return {it.actuator.key: it for it in commands if it is not None}

    async def async_close_former(self) -> None:
        """Let go of the converters that write nothing any more."""
        former, self._former = self._former, {}
        await self._async_close(former.values())

    async def async_close(self) -> None:
        """Let go of all converters."""
        await self.async_close_former()
        await self._async_close(self._converters.values())

    async def _async_close(self, converters: Iterable[Converter]) -> None:
        """End the processes of converters, which takes its time."""
        for converter in converters:
            await self._hass.async_add_executor_job(converter.close)

    def _create(self, options: Mapping[str, Any]) -> StreamCommand | None:
        """Return a command; one that cannot work costs only itself."""
        try:
            return create_command(options, self._find_encoder)
        except OptionsError as err:
            key = options[CONF_KEY]
            self.unusable[key] = str(err)
            _LOGGER.warning(
                "%s: The actuator %.60s cannot be used; edit it in the hub: %s",
                self._entry.title,
                key,
                err,
            )
        return None

    def _find_encoder(self, name: str) -> Callable[[str, JsonValue], bytes]:
        """Return the encoder of the converter with a name; all its actuators share it."""
        if (converter := self._converters.get(name)) is None:
            converter = self._former.pop(name, None) or Converter(
                converters_folder(self._hass), name
            )
            self._converters[name] = converter
        return converter.encode
