"""What can be set on a hub: from the entry to its connector, and its state back."""

from collections.abc import Callable, Mapping
import logging
import time
from typing import Any, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import MAX_LENGTH_STATE_STATE
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er

from .commands import translated
from .connector.actuators import Actuator, StateSource
from .connector.base import Connector
from .connector.commands import StreamCommand, create_command
from .connector.converters import Converter
from .connector.listener import Listener
from .connector.model import Command, CommandError, JsonValue, OptionsError, Reading
from .connector.stream import StreamConnector
from .const import SUBENTRY_ACTUATOR
from .overrides import CONF_KEY
from .parsers import converters_folder

_LOGGER = logging.getLogger(__name__)


class HubActuators(Listener):
    """The actuators of a hub: those the user added, or those the connector brings.

    A change of the value that an actuator's entity shows wakes that entity.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        connector: Connector,
        value_of: Callable[[str], Any],
    ) -> None:
        """Give the connector what the entry says can be set.

        `value_of` returns the value that a datapoint is shown with.
        """
        self._hass = hass
        self._entry = entry
        self._connector = connector
        self._value_of = value_of
        self._options: list[Mapping[str, Any]] = []
        # The converters that write commands, by their name.
        self._converters: dict[str, Converter] = {}
        # Of the actuators whose state is what was last sent or answered.
        self._states: dict[str, JsonValue] = {}
        self._replies: dict[str, JsonValue] = {}
        self._updates: dict[str, CALLBACK_TYPE] = {}
        # The actuators that a datapoint shows the state of.
        self._followers: dict[str, list[str]] = {}
        connector.add_listener(self)
        self.async_take()

    @property
    def actuators(self) -> Mapping[str, Actuator]:
        """Return the actuators by their keys."""
        return self._connector.actuators

    @callback
    def async_take(self) -> bool:
        """Take what the entry says now; return whether it is anything new."""
        options: list[Mapping[str, Any]] = [
            subentry.data
            for subentry in self._entry.subentries.values()
            if subentry.subentry_type == SUBENTRY_ACTUATOR
        ]
        if options == self._options:
            return False
        self._options = options
        if isinstance(self._connector, StreamConnector):
            self._connector.set_commands(self._create_commands(options))
        return True

    @callback
    def async_clear_registry(self) -> None:
        """Remove the entities of actuators that are gone, or are of another kind now."""
        if not isinstance(self._connector, StreamConnector):
            return  # it may have more to set later
        registry = er.async_get(self._hass)
        prefix = actuator_unique_id(self._entry, "")
        for entity in er.async_entries_for_config_entry(registry, self._entry.entry_id):
            if not entity.unique_id.startswith(prefix):
                continue
            actuator = self.actuators.get(entity.unique_id.removeprefix(prefix))
            if actuator is None or actuator.kind != entity.domain:
                registry.async_remove(entity.entity_id)

    async def async_close(self) -> None:
        """Let go of the converters."""
        for converter in self._converters.values():
            await self._hass.async_add_executor_job(converter.close)

    @property
    def converters(self) -> list[Converter]:
        """Return the converters that write commands."""
        return list(self._converters.values())

    def _create_commands(
        self, options: list[Mapping[str, Any]]
    ) -> dict[str, StreamCommand]:
        """Return the commands by their keys; one that cannot work costs only itself."""
        commands = {}
        for data in options:
            try:
                command = create_command(data, self._find_encoder)
            except OptionsError as err:
                _LOGGER.warning(
                    "%s: The actuator %.60s cannot be used; edit it in the hub: %s",
                    self._entry.title,
                    data.get(CONF_KEY),
                    err,
                )
            else:
                commands[command.actuator.key] = command
        return commands

    def _find_encoder(self, name: str) -> Callable[[str, JsonValue], bytes]:
        """Return the encoder of the converter with a name; all its actuators share it."""
        if (converter := self._converters.get(name)) is None:
            converter = Converter(converters_folder(self._hass), name)
            self._converters[name] = converter
        return converter.encode

    # Down

    async def async_send(
        self, key: str, value: JsonValue, expires_after: float | None = None
    ) -> JsonValue:
        """Set an actuator and return the reply; raises translated errors.

        It fails at once without a link, unless it may wait `expires_after` seconds for one.
        """
        command = Command(key, value, round(time.time() * 1000))
        try:
            return await self._connector.run_actuator_flow(
                command, expires_after=expires_after
            )
        except CommandError as err:
            raise translated(err, self._entry.title) from err

    # Up

    @callback
    def async_subscribe(self, key: str, update: CALLBACK_TYPE) -> CALLBACK_TYPE:
        """Call `update` whenever the state of an actuator may be another one."""
        actuator = self.actuators[key]
        followers: list[str] = []
        if actuator.state_source is StateSource.DATAPOINT:
            state_key = actuator.state_key or key
            followers = self._followers.setdefault(state_key, [])
            followers.append(key)
        self._updates[key] = update

        @callback
        def unsubscribe() -> None:
            self._updates.pop(key, None)
            if key in followers:
                followers.remove(key)

        return unsubscribe

    def state_of(self, key: str) -> JsonValue:
        """Return the state of an actuator; None: unknown."""
        actuator = self.actuators[key]
        if actuator.state_source is StateSource.DATAPOINT:
            value = self._value_of(actuator.state_key or key)
            return self._connector.actuator_state(key, value)
        return self._states.get(key)

    def reply_of(self, key: str) -> JsonValue:
        """Return the latest reply to an actuator's command; None: there was none."""
        return self._replies.get(key)

    @callback
    def async_restore(self, key: str, value: JsonValue) -> None:
        """Take what an earlier run kept for the state, unless there is a newer one."""
        if value is not None:
            self._states.setdefault(key, self._connector.actuator_state(key, value))

    @override
    @callback
    def on_reading(self, reading: Reading) -> None:
        """Wake the entities that show the state of a datapoint."""
        for state_key, followers in self._followers.items():
            if state_key in reading.values:
                for key in followers:
                    self._updates[key]()

    @override
    @callback
    def on_command(self, command: Command, reply: JsonValue) -> None:
        """Keep what was sent, or answered, and wake the entity that shows it."""
        key = command.key
        match self.actuators[key].state_source:
            case StateSource.SENT:
                self._states[key] = command.value
            case StateSource.REPLY:
                self._states[key] = self._connector.reply_state(key, reply)
        if reply is not None:
            # As much of it as people look at.
            is_long = len(str(reply)) > MAX_LENGTH_STATE_STATE
            self._replies[key] = f"{reply!s:.254}…" if is_long else reply
        if (update := self._updates.get(key)) is not None:
            update()


def actuator_unique_id(entry: ConfigEntry, key: str) -> str:
    """Return the unique id of an actuator's entity."""
    return f"{entry.entry_id}_actuator_{key}"
