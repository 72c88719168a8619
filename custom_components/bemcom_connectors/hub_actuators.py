"""What can be set on a hub: from the entry to its connector, and its state back."""

from collections.abc import Callable, Coroutine, Iterable, Mapping
import time
from typing import Any, override

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import MAX_LENGTH_STATE_STATE
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er

from .commands import translated
from .connector.actuators import Actuator, ActuatorKind, StateSource
from .connector.base import Connector
from .connector.listener import Listener
from .connector.model import Command, CommandError, JsonValue, LinkError, Reading
from .connector.stream import StreamConnector
from .hub_commands import HubCommands
from .live_entities import async_take_away
from .ocpp.model import split_device_id

type AddActuators = Callable[[Iterable[Actuator]], None]


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
        show_anew: Callable[[], Coroutine[Any, Any, None]],
    ) -> None:
        """Give the connector what the entry says can be set.

        `value_of` returns the value that a datapoint is shown with; `show_anew` has
        `async_show` called, one call at a time, as the actuators are others.
        """
        self._hass = hass
        self._entry = entry
        self._connector = connector
        self._value_of = value_of
        self._show_anew = show_anew
        self.commands = HubCommands(hass, entry)
        # What there are entities of, and the actuators it was taken from.
        self._shown: dict[str, Actuator] = {}
        self._seen: Mapping[str, Actuator] = {}
        self._platforms: dict[ActuatorKind, AddActuators] = {}
        # Of the actuators whose state is what was last sent or answered.
        self._states: dict[str, JsonValue] = {}
        self._replies: dict[str, JsonValue] = {}
        self._updates: dict[str, CALLBACK_TYPE] = {}
        # The actuators that a datapoint shows the state of.
        self._followers: dict[str, list[str]] = {}
        self._async_take()

    @property
    def actuators(self) -> Mapping[str, Actuator]:
        """Return the actuators by their keys."""
        return self._connector.actuators

    @callback
    def async_listen(self) -> None:
        """Follow the connector, once it is connected; the coordinator listens already."""
        self._note_shown()
        self._entry.async_on_unload(self._connector.add_listener(self))

    @callback
    def _async_take(self) -> None:
        """Take what the entry says now; connectors of others have what they have."""
        if (
            isinstance(self._connector, StreamConnector)
            and (commands := self.commands.async_take()) is not None
        ):
            self._connector.set_commands(commands)

    # Its entities

    @callback
    def async_add_platform(self, kind: ActuatorKind, add: AddActuators) -> None:
        """Give `add` the actuators of a kind: those there are, and new ones."""
        self._platforms[kind] = add
        add(it for it in self._shown.values() if it.kind is kind)

    async def async_show(self) -> None:
        """Show what can be set now; the entities of what did not change stay as they are."""
        self._async_take()
        before = self._shown
        self._note_shown()
        for key, actuator in before.items():
            if (now := self._shown.get(key)) == actuator:
                continue
            if now is None or now.kind is not actuator.kind:
                self._states.pop(key, None)
                self._replies.pop(key, None)
            await async_take_away(
                self._hass,
                self._entry,
                actuator.kind,
                actuator_unique_id(self._entry, key),
            )
        self.async_clear_registry()
        new = [it for key, it in self._shown.items() if before.get(key) != it]
        for kind, add in self._platforms.items():
            add(it for it in new if it.kind is kind)
        # What the others show may mean something else now.
        for key in list(self._updates):
            self._wake(key)
        await self.commands.async_close_former()

    @callback
    def async_clear_registry(self) -> None:
        """Remove the entities of actuators that are gone, or are of another kind now."""
        if not isinstance(self._connector, StreamConnector):
            return  # it may have more to set later
        kinds = self.commands.kinds
        registry = er.async_get(self._hass)
        prefix = actuator_unique_id(self._entry, "")
        for entity in er.async_entries_for_config_entry(registry, self._entry.entry_id):
            if not entity.unique_id.startswith(prefix):
                continue
            if kinds.get(entity.unique_id.removeprefix(prefix)) != entity.domain:
                registry.async_remove(entity.entity_id)

    def _note_shown(self) -> None:
        """Note which actuators there are entities of."""
        self._seen = self._connector.actuators
        self._shown = dict(self._seen)

    @callback
    def _async_look(self) -> None:
        """Show the actuators anew once the connector has others."""
        if self._entry.state is ConfigEntryState.LOADED:
            self._seen = self._connector.actuators
            self._entry.async_create_task(self._hass, self._show_anew())

    def _wake(self, key: str) -> None:
        """Let an entity look at its state; what goes wrong in it ends there."""
        if (update := self._updates.get(key)) is None:
            return
        try:
            update()
        except Exception as err:  # noqa: BLE001 - the others have theirs to show
            self._connector.count_listener_error(key, err)

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
            raise translated(err, self._name_of(key)) from err

    def _name_of(self, key: str) -> str:
        """Return what the user calls the device of an actuator, or its hub."""
        actuator, ocpp = self.actuators.get(key), self._entry.runtime_data.ocpp
        if ocpp is None or actuator is None or actuator.device_id is None:
            return self._entry.title
        name: str = ocpp.title_of(split_device_id(actuator.device_id)[0])
        return name

    # Up

    @callback
    def async_subscribe(
        self, actuator: Actuator, update: CALLBACK_TYPE
    ) -> CALLBACK_TYPE:
        """Call `update` whenever the state of an actuator may be another one."""
        key = actuator.key
        state_key = actuator.state_key or key
        follows = actuator.state_source is StateSource.DATAPOINT
        if follows:
            self._followers.setdefault(state_key, []).append(key)
        self._updates[key] = update

        @callback
        def unsubscribe() -> None:
            if self._updates.get(key) is update:
                del self._updates[key]
            if follows:
                self._followers[state_key].remove(key)
                if not self._followers[state_key]:
                    del self._followers[state_key]

        return unsubscribe

    def state_of(self, actuator: Actuator) -> JsonValue:
        """Return the state of an actuator; None: unknown."""
        key = actuator.key
        if actuator.state_source is StateSource.DATAPOINT:
            value = self._value_of(actuator.state_key or key)
            return self._connector.actuator_state(key, value)
        return self._states.get(key)

    def reply_of(self, actuator: Actuator) -> JsonValue:
        """Return the latest reply to an actuator's command; None: there was none."""
        return self._replies.get(actuator.key)

    @callback
    def async_restore(self, actuator: Actuator, value: JsonValue) -> None:
        """Take what an earlier run kept for the state, unless there is a newer one."""
        if value is not None:
            self._states.setdefault(actuator.key, actuator.read(value))

    @override
    @callback
    def on_connection(self, online: bool, error: LinkError | None) -> None:
        """Look what can be set: a connector may find out as it connects."""
        if online and self._connector.actuators != self._shown:
            self._async_look()

    @override
    @callback
    def on_reading(self, reading: Reading) -> None:
        """Wake the entities that show the state of a datapoint."""
        if self._connector.actuators is not self._seen:
            self._async_look()
        # Of a message and the followed datapoints only the shorter one is gone through.
        for state_key in self._followers.keys() & reading.values.keys():
            for key in self._followers[state_key]:
                self._wake(key)

    @override
    @callback
    def on_command(self, command: Command, reply: JsonValue) -> None:
        """Keep what was sent, or answered, and wake the entity that shows it."""
        key = command.key
        if (actuator := self.actuators.get(key)) is None:
            return  # it went meanwhile
        match actuator.state_source:
            case StateSource.SENT:
                self._states[key] = command.value
            case StateSource.REPLY:
                self._states[key] = self._connector.reply_state(key, reply)
        if reply is not None:
            # As much of it as people look at.
            is_long = len(str(reply)) > MAX_LENGTH_STATE_STATE
            self._replies[key] = f"{reply!s:.254}…" if is_long else reply
        self._wake(key)


def actuator_unique_id(entry: ConfigEntry, key: str) -> str:
    """Return the unique id of an actuator's entity."""
    return f"{entry.entry_id}_actuator_{key}"
