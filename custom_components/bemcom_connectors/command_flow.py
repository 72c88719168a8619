"""Subentry flow of an actuator: what can be set, and how."""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigSubentry,
    SubentryFlowResult,
)

from .command_fields import (
    ENCODE_NAMES,
    NO_REPLY,
    REPLY_NAMES,
    THINGSBOARD_SCHEMA,
    describe_fields,
    reply_fields,
)
from .command_forms import flat, names_of, opened, place_of
from .command_preview import reason_of
from .command_steps import WritingSteps, with_any_reply
from .command_target import (
    Guesses,
    Target,
    complete,
    find_target,
    keys_taken,
    subentry_id_of,
    title_of,
)
from .connector.actuators import ActuatorKind
from .connector.devices import own_key
from .connector.model import OptionsError
from .connector.sensor_flow import MAX_KEY_LENGTH
from .connector.thingsboard_commands import read_thingsboard_commands
from .const import (
    CONF_COMMAND_ENCODING,
    CONF_DEVICE_ID,
    CONF_DEVICE_ID_KEY,
    CONF_KIND,
    CONF_REPLY_FRAMING,
    CONF_TEMPLATE,
    SUBENTRY_ACTUATOR,
)
from .decoding_fields import CONF_THINGSBOARD
from .known_datapoints import (
    async_guesses,
    datapoint_choice,
    device_choice,
    known_devices,
    plain,
)
from .overrides import CONF_KEY
from .selectors import Fields

_MAX_NAMES = 10

_UNSAID = {CONF_COMMAND_ENCODING: "template", CONF_REPLY_FRAMING: NO_REPLY}
# What any value can be written with.
_ANY_WAY = {CONF_COMMAND_ENCODING: "template", CONF_TEMPLATE: "value ${value}"}
# An empty text is one, too.
_TEXTS = {"payload_on", "payload_off"}


class ActuatorSubentryFlow(WritingSteps):
    """Say what can be set and how, and see the bytes of it before it is saved."""

    def __init__(self) -> None:
        """Begin with nothing said."""
        super().__init__()
        self._guesses: Guesses = {}

    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Choose what kind of actuator it is."""
        return self.async_show_menu(
            step_id="user",
            menu_options=[
                "number",
                "switch",
                "select",
                "text",
                "button",
                "method",
                "thingsboard",
            ],
        )

    async def async_step_number(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Add a number."""
        return await self._async_begin({CONF_KIND: ActuatorKind.NUMBER.value})

    async def async_step_switch(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Add a switch."""
        return await self._async_begin({CONF_KIND: ActuatorKind.SWITCH.value})

    async def async_step_select(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Add a choice."""
        return await self._async_begin({CONF_KIND: ActuatorKind.SELECT.value})

    async def async_step_text(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Add a text."""
        return await self._async_begin({CONF_KIND: ActuatorKind.TEXT.value})

    async def async_step_button(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Add a button."""
        return await self._async_begin({CONF_KIND: ActuatorKind.BUTTON.value})

    async def async_step_method(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Add a method."""
        return await self._async_begin({CONF_KIND: ActuatorKind.METHOD.value})

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Change an actuator."""
        return await self._async_begin(self._get_reconfigure_subentry().data)

    async def _async_begin(self, options: Mapping[str, Any]) -> SubentryFlowResult:
        """Go on with what is known of the actuator."""
        self._options = {**_UNSAID, **options}
        self._guesses = await async_guesses(self.hass, self._get_entry())
        return await self.async_step_describe()

    async def async_step_describe(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Say what the actuator is."""
        kind, shown = self._options[CONF_KIND], self._options
        errors: dict[str, str] = {}
        placeholders = {"reason": ""}
        fields = self._describe_fields()
        if user_input is not None:
            said = shown = flat(fields, user_input, _TEXTS)
            target = self._target(said)
            errors = self._target_errors(target)
            if target is not None and not errors:
                options = self._described(fields, said, target)
                fault = await self._async_fault(_while_unwritten(options))
                if fault is None:
                    self._options = options
                    return await self.async_step_encode()
                errors[place_of(fields, fault.option) or "base"] = "option_invalid"
                placeholders["reason"] = reason_of(fault)
        fields = self._describe_fields(opened(fields, shown, errors))
        return self.async_show_form(
            step_id=f"describe_{kind}",
            data_schema=self._filled(fields, shown),
            errors=errors,
            description_placeholders=placeholders,
            last_step=False,
        )

    # Each kind has words of its own.
    async_step_describe_number = async_step_describe
    async_step_describe_switch = async_step_describe
    async_step_describe_select = async_step_describe
    async_step_describe_text = async_step_describe
    async_step_describe_button = async_step_describe
    async_step_describe_method = async_step_describe

    async def async_step_save(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Keep the actuator."""
        entry, data = self._get_entry(), self._options
        if data[CONF_KEY] in keys_taken(entry, self._own_id):  # meanwhile
            return self.async_abort(reason="already_configured")
        title = title_of(entry, data, self._own_id)
        unique_id = subentry_id_of(data[CONF_KEY])
        if self.source == SOURCE_RECONFIGURE:
            return self.async_update_and_abort(
                entry,
                self._get_reconfigure_subentry(),
                unique_id=unique_id,
                title=title,
                data=data,
            )
        return self.async_create_entry(title=title, data=data, unique_id=unique_id)

    async def async_step_thingsboard(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Add what a ThingsBoard configuration says can be set."""
        errors: dict[str, str] = {}
        placeholders = {"reason": ""}
        if user_input is not None:
            try:
                found = await self._async_pasted(user_input[CONF_THINGSBOARD])
            except OptionsError as err:
                errors[CONF_THINGSBOARD] = "option_invalid"
                placeholders["reason"] = reason_of(err)
            else:
                if found:
                    return self._add_all(found)
                errors[CONF_THINGSBOARD] = "nothing_new"
        return self.async_show_form(
            step_id="thingsboard",
            data_schema=self.add_suggested_values_to_schema(
                THINGSBOARD_SCHEMA, user_input
            ),
            errors=errors,
            description_placeholders=placeholders,
        )

    async def _async_pasted(self, text: str) -> list[dict[str, Any]]:
        """Return the actuators of a configuration whose keys have none yet."""
        entry = self._get_entry()
        guesses = await async_guesses(self.hass, entry)
        devices, taken = known_devices(entry, guesses), keys_taken(entry)
        return [
            complete(options, target, guesses, is_new=True)
            for options in read_thingsboard_commands(text)
            if (target := find_target(options[CONF_KEY], None, guesses, devices))
            and target.key not in taken
        ]

    def _add_all(self, found: Sequence[Mapping[str, Any]]) -> SubentryFlowResult:
        """Add several actuators, and say which."""
        entry = self._get_entry()
        titles = []
        for options in found:
            titles.append(title_of(entry, options))
            subentry = ConfigSubentry(
                data=MappingProxyType(dict(options)),
                subentry_type=SUBENTRY_ACTUATOR,
                title=titles[-1],
                unique_id=subentry_id_of(options[CONF_KEY]),
            )
            self.hass.config_entries.async_add_subentry(entry, subentry)
        names = ", ".join(map(plain, titles[:_MAX_NAMES]))
        more = ", …" if len(titles) > _MAX_NAMES else ""
        return self.async_abort(
            reason="thingsboard_added",
            description_placeholders={
                "count": str(len(titles)),
                "names": names + more,
            },
        )

    # What the forms show

    def _describe_fields(self, opened: Collection[str] = ()) -> Fields:
        """Return the fields that say what the actuator is."""
        entry, device_id = self._get_entry(), self._options.get(CONF_DEVICE_ID)
        devices = known_devices(entry, self._guesses)
        several = devices or device_id or entry.options.get(CONF_DEVICE_ID_KEY)
        return describe_fields(
            self._options[CONF_KIND],
            [datapoint_choice(entry, *it) for it in self._guesses.items()],
            [device_choice(it) for it in devices.values()] if several else None,
            opened,
        )

    # What was entered

    def _target(self, said: Mapping[str, Any]) -> Target | None:
        """Return what the key that was entered is for; None: another device's datapoint."""
        key = said.get(CONF_KEY, "")
        if key not in self._guesses:
            key = key.strip()
        devices = known_devices(self._get_entry(), self._guesses)
        return find_target(key, said.get(CONF_DEVICE_ID), self._guesses, devices)

    def _target_errors(self, target: Target | None) -> dict[str, str]:
        """Return what is wrong with a key."""
        if target is None:
            return {CONF_DEVICE_ID: "other_device"}
        if not own_key(target.key, target.device_id):
            return {CONF_KEY: "key_needed"}
        if len(target.key) > MAX_KEY_LENGTH:
            return {CONF_KEY: "key_too_long"}
        if target.key in keys_taken(self._get_entry(), self._own_id):
            return {CONF_KEY: "key_taken"}
        return {}

    def _described(
        self, fields: Fields, said: Mapping[str, Any], target: Target
    ) -> dict[str, Any]:
        """Return the options with what the actuator is, and without what it outdates."""
        before = self._options
        is_new = target.key != before.get(CONF_KEY)
        said = complete(
            {CONF_KIND: before[CONF_KIND], **said}, target, self._guesses, is_new=is_new
        )
        outdated = {*names_of(fields), CONF_DEVICE_ID}
        if said[CONF_COMMAND_ENCODING] != before[CONF_COMMAND_ENCODING]:
            outdated |= ENCODE_NAMES
        if (framing := said[CONF_REPLY_FRAMING]) != before[CONF_REPLY_FRAMING]:
            wanted = set() if framing == NO_REPLY else names_of(reply_fields(framing))
            outdated |= REPLY_NAMES - wanted
        return {k: it for k, it in before.items() if k not in outdated} | said


def _while_unwritten(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options that can be checked before it is said how the value is written."""
    found = {name: it for name, it in options.items() if name not in ENCODE_NAMES}
    return with_any_reply(found) | _ANY_WAY
