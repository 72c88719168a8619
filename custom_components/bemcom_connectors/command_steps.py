"""Steps of an actuator's flow: how it is written, what answers, and a preview of the bytes."""

from collections.abc import Mapping, Sequence
from typing import Any

import voluptuous as vol

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    ConfigSubentryFlow,
    SubentryFlowResult,
)
from homeassistant.helpers.translation import async_get_translations

from .command_fields import (
    CONVERTER,
    NO_REPLY,
    REPLY_NAMES,
    SAMPLE_SCHEMA,
    encode_fields,
    reply_fields,
)
from .command_forms import flat, names_of, nested, opened, place_of
from .command_preview import (
    check_command,
    preview_rows,
    read_sample,
    reason_of,
    try_sample,
)
from .command_target import title_of
from .connector.actuators import ActuatorKind
from .connector.converters import converter_names
from .connector.model import ConnectorError, JsonValue, OptionsError
from .connector.replies import ReplyFraming
from .const import (
    CONF_COMMAND_ENCODING,
    CONF_DEVICE_ID,
    CONF_KIND,
    CONF_REPLY_FRAMING,
    CONF_STATE_KEY,
    CONF_TEMPLATE,
    DOMAIN,
)
from .known_datapoints import device_of, latest_value, plain
from .overrides import CONF_KEY
from .parsers import converters_folder
from .preview import cell
from .selectors import Fields

_MAX_TRIED = 3
_MAX_KEY = 100

# What most devices take.
_SUGGESTED_TEXT = "${value}\\n"
_SUGGESTED_HEX = "${value:02X}"


class WritingSteps(ConfigSubentryFlow):
    """The steps `encode`, `reply`, `preview` and `sample`.

    A flow that takes them in has the steps `describe` and `save`.
    """

    preview_options = ("save", "sample", "encode", "reply", "describe")
    mending_options = ("encode", "reply", "describe")

    def __init__(self) -> None:
        """Begin with nothing said."""
        self._options: dict[str, Any] = {}
        # The values that the user had shown, the latest first.
        self._tried: list[JsonValue] = []
        # Why the options do not go together, without markup.
        self._reason = ""
        # Whether any of the values in the preview can be.
        self._sendable = True

    async def async_step_encode(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Say how a value is written."""
        encoding = self._options[CONF_COMMAND_ENCODING]
        errors: dict[str, str] = {}
        folder = converters_folder(self.hass)
        # Braces in a text would be placeholders themselves.
        placeholders = {
            "reason": "",
            "folder": str(folder),
            "value": "${value}",
            "attribute": "${attribute}",
            "device_name": "${device_name}",
            "device_type": "${device_type}",
            "device_id": "${device_id}",
            "decimals": "${value:.1f}",
            "word": "${value:04X}",
            "json": "${value:json}",
            "pin": "${params.pin}",
            "brace": "${",
            "literal": "$${",
        }
        names: list[str] = []
        if encoding == CONVERTER:
            names = await self.hass.async_add_executor_job(converter_names, folder)
        fields = encode_fields(encoding, names)
        if user_input is not None:
            self._take(fields, user_input)
            if self._options.get(CONF_TEMPLATE) == "":
                errors[CONF_TEMPLATE] = "template_needed"
            elif (fault := await self._async_written_fault()) is None:
                if self._reply_is_unsaid():
                    return await self.async_step_reply()
                return await self.async_step_preview()
            elif (place := place_of(fields, fault.option)) is None:
                return await self._async_mend(fault)
            else:
                errors[place] = "option_invalid"
                placeholders["reason"] = reason_of(fault)
        shown = self._suggested() | self._options
        fields = encode_fields(encoding, names, opened(fields, shown, errors))
        return self.async_show_form(
            step_id=f"encode_{encoding}",
            data_schema=self._filled(fields, shown),
            errors=errors,
            description_placeholders=placeholders,
            last_step=False,
        )

    async_step_encode_template = async_step_encode
    async_step_encode_hex = async_step_encode
    async_step_encode_binary = async_step_encode
    async_step_encode_converter = async_step_encode

    async def async_step_reply(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Say what the reply looks like."""
        framing = self._options[CONF_REPLY_FRAMING]
        errors: dict[str, str] = {}
        placeholders = {
            "reason": "",
            "value": "${value}",
            "attribute": "${attribute}",
            "brace": "${",
            "literal": "$${",
        }
        fields = reply_fields(framing)
        if user_input is not None:
            self._take(fields, user_input)
            if (fault := await self._async_fault(self._options)) is None:
                return await self.async_step_preview()
            if (place := place_of(fields, fault.option)) is None:
                return await self._async_mend(fault)
            errors[place] = "option_invalid"
            placeholders["reason"] = reason_of(fault)
        fields = reply_fields(framing, opened(fields, self._options, errors))
        return self.async_show_form(
            step_id="reply",
            data_schema=self._filled(fields, self._options),
            errors=errors,
            description_placeholders=placeholders,
            last_step=False,
        )

    async def async_step_preview(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Show the bytes of some values."""
        entry, options = self._get_entry(), self._options
        key = options[CONF_KEY]
        texts = await async_get_translations(
            self.hass, self.hass.config.language, "selector", {DOMAIN}
        )
        path = f"component.{DOMAIN}.selector.reply_framing.options"
        framing = options[CONF_REPLY_FRAMING]
        rows, self._sendable = await self.hass.async_add_executor_job(
            preview_rows,
            self.hass,
            options,
            device_of(entry, options.get(CONF_DEVICE_ID)),
            latest_value(entry, options.get(CONF_STATE_KEY, key)),
            self._tried,
        )
        return self.async_show_menu(
            step_id="preview",
            menu_options=self._offered(self.preview_options),
            description_placeholders={
                "name": plain(title_of(entry, options, self._own_id)),
                "key": plain(key, _MAX_KEY),
                "samples": rows,
                "reply": texts.get(f"{path}.{framing}", framing),
            },
        )

    async def async_step_unusable(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Say what does not go together, and where it can be changed."""
        return self.async_show_menu(
            step_id="unusable",
            menu_options=self._offered(self.mending_options),
            description_placeholders={"reason": self._reason},
        )

    async def async_step_sample(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Show the bytes of another value."""
        errors: dict[str, str] = {}
        placeholders = {"reason": ""}
        if user_input is not None:
            text = user_input.get("value", "")
            value = read_sample(self._options[CONF_KIND], text)
            try:
                value = await self.hass.async_add_executor_job(
                    try_sample,
                    self.hass,
                    self._options,
                    device_of(self._get_entry(), self._options.get(CONF_DEVICE_ID)),
                    value,
                )
            except ConnectorError as err:
                errors["value"] = "cannot_be_sent"
                placeholders["reason"] = reason_of(err)
            else:
                self._tried = [value, *self._tried][:_MAX_TRIED]
                return await self.async_step_preview()
        return self.async_show_form(
            step_id="sample",
            data_schema=self.add_suggested_values_to_schema(SAMPLE_SCHEMA, user_input),
            errors=errors,
            description_placeholders=placeholders,
            last_step=False,
        )

    # What the forms show

    def _filled(self, fields: Fields, values: Mapping[str, Any]) -> vol.Schema:
        """Return a form with values in its fields."""
        return self.add_suggested_values_to_schema(
            vol.Schema(fields), nested(fields, values)
        )

    def _suggested(self) -> dict[str, Any]:
        """Return what the user may begin with; what is there already is not touched."""
        encoding = self._options[CONF_COMMAND_ENCODING]
        if self._own_id is not None:
            before = self._get_reconfigure_subentry().data
            if before.get(CONF_COMMAND_ENCODING, "template") == encoding:
                return {}
        match encoding:
            case "template":
                return {CONF_TEMPLATE: _SUGGESTED_TEXT}
            case "hex" if self._options[CONF_KIND] == ActuatorKind.NUMBER:
                return {CONF_TEMPLATE: _SUGGESTED_HEX}
        return {}

    def _offered(self, options: Sequence[str]) -> list[str]:
        """Return the options of a menu that make sense here."""
        without = set()
        if self._options[CONF_KIND] == ActuatorKind.BUTTON:
            without.add("sample")
        if self._options[CONF_REPLY_FRAMING] == NO_REPLY:
            without.add("reply")
        # Of texts and params the preview has but examples.
        free = {ActuatorKind.TEXT, ActuatorKind.METHOD}
        if not self._sendable and self._options[CONF_KIND] not in free:
            without.add("save")
        return [it for it in options if it not in without]

    # What was entered

    def _take(self, fields: Fields, user_input: Mapping[str, Any]) -> None:
        """Take over a form; what was emptied is gone."""
        names = names_of(fields)
        kept = {name: it for name, it in self._options.items() if name not in names}
        self._options = kept | flat(fields, user_input, {CONF_TEMPLATE})

    def _reply_is_unsaid(self) -> bool:
        """Tell whether there is a reply of which the user has not said all that is needed."""
        framing = self._options[CONF_REPLY_FRAMING]
        return framing != NO_REPLY and any(
            isinstance(marker, vol.Required) and str(marker) not in self._options
            for marker in reply_fields(framing)
        )

    async def _async_fault(self, options: Mapping[str, Any]) -> OptionsError | None:
        """Return why options of an actuator cannot work; None: they can."""
        try:
            await self.hass.async_add_executor_job(check_command, self.hass, options)
        except OptionsError as err:
            return err
        return None

    async def _async_written_fault(self) -> OptionsError | None:
        """Return why it cannot be written; the reply may be still to come."""
        options = self._options
        if self._reply_is_unsaid():
            options = with_any_reply(options)
        return await self._async_fault(options)

    async def _async_mend(self, fault: OptionsError) -> SubentryFlowResult:
        """Let the user choose where to change what does not go together."""
        self._reason = cell(reason_of(fault))
        return await self.async_step_unusable()

    @property
    def _own_id(self) -> str | None:
        """Return the id of the subentry that is changed; None: a new one is added."""
        if self.source != SOURCE_RECONFIGURE:
            return None
        return self._get_reconfigure_subentry().subentry_id


def with_any_reply(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options that can be checked before it is said what the reply looks like."""
    found = {name: it for name, it in options.items() if name not in REPLY_NAMES}
    if found[CONF_REPLY_FRAMING] != NO_REPLY:
        found[CONF_REPLY_FRAMING] = ReplyFraming.LINE.value
    return found
