"""Steps that a hub's config flow and its options share: framing, format and their preview."""

from collections.abc import Mapping, Sequence
from typing import Any

import voluptuous as vol

from homeassistant.config_entries import ConfigFlowContext, ConfigFlowResult
from homeassistant.data_entry_flow import FlowHandler
from homeassistant.helpers.selector import ObjectSelector
from homeassistant.helpers.translation import async_get_translations

from .connector.baud_rate import looks_garbled
from .connector.converters import converter_names
from .connector.framing import create_framer
from .connector.model import Chunk, OptionsError
from .connector.parsing import TEXT_FORMATS, Format
from .connector.thingsboard import read_thingsboard
from .const import CONF_FORMAT, CONF_FRAMING, DOMAIN
from .decoding_fields import (
    ALL_PARAMETERS,
    CONF_THINGSBOARD,
    DECODE_SCHEMA,
    parameters_schema,
)
from .parsers import converters_folder, parser_aside
from .preview import preview_placeholders


def reason_of(error: OptionsError) -> str:
    """Return why an option cannot work, for the middle of a sentence."""
    return str(error).rstrip(".")


class DecodingSteps(FlowHandler[ConfigFlowContext, ConfigFlowResult]):
    """The steps `decode`, `parameters` and `preview`.

    A flow that takes them in gives `settings` and `sample`, and has the steps that its
    `preview_options` name.
    """

    settings: dict[str, Any]
    sample: Sequence[Chunk]
    preview_options: Sequence[str]
    # Whether the link has a baud rate, which may be a wrong one.
    has_baud_rate = False
    # Whether the user chose framing and format, which are not to be recognised any more.
    chosen = False

    async def async_step_decode(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose framing, format and lists."""
        if user_input is not None:
            self.chosen = True
            wanted = parameters_schema(user_input).schema
            # What an earlier choice wanted to know means nothing to this one.
            self.settings = {
                key: value
                for key, value in self.settings.items()
                if key in wanted or key not in ALL_PARAMETERS
            } | user_input
            return await self.async_step_parameters()
        return self.async_show_form(
            step_id="decode",
            data_schema=self.add_suggested_values_to_schema(
                DECODE_SCHEMA, self.settings
            ),
            last_step=False,
        )

    async def async_step_parameters(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Fill in what the chosen framing and format want to know."""
        folder = converters_folder(self.hass)
        names: list[str] = []
        if self.settings[CONF_FORMAT] == Format.CONVERTER:
            names = await self.hass.async_add_executor_job(converter_names, folder)
        texts = await self._async_texts()
        schema = parameters_schema(self.settings, names, texts)
        errors: dict[str, str] = {}
        placeholders = {
            "reason": "",
            "folder": str(folder),
            "hint": await self._async_hint(schema),
        }
        if user_input is not None:
            self.take_fields(schema, user_input)
            try:
                await self.hass.async_add_executor_job(self._check_decoding)
            except OptionsError as err:
                errors[err.option] = f"invalid_{err.option}"
                placeholders["reason"] = reason_of(err)
            else:
                return await self.async_step_preview()
        return self.async_show_form(
            step_id="parameters",
            data_schema=self.add_suggested_values_to_schema(
                schema, self.settings | (user_input or {})
            ),
            errors=errors,
            description_placeholders=placeholders,
            last_step=False,
        )

    def take_fields(self, schema: vol.Schema, user_input: Mapping[str, Any]) -> None:
        """Take over what was entered; an optional field that was emptied is gone."""
        fields = {str(marker) for marker in schema.schema}
        kept = {key: value for key, value in self.settings.items() if key not in fields}
        self.settings = kept | dict(user_input)

    def _check_decoding(self) -> None:
        """Raise OptionsError for settings that cannot work; takes in what was pasted."""
        if text := self.settings.pop(CONF_THINGSBOARD, ""):
            self.settings |= read_thingsboard(text)
        create_framer(self.settings[CONF_FRAMING], self.settings)
        with parser_aside(self.hass, self.settings):
            pass

    async def async_step_preview(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show what came in, and what the settings make of it."""
        framing = await self._async_label("framing", self.settings[CONF_FRAMING])
        format_ = await self._async_label("format", self.settings[CONF_FORMAT])
        placeholders, garbled = await self.hass.async_add_executor_job(
            self._preview, framing, format_
        )
        return self.async_show_menu(
            step_id="no_preview"
            if not self.sample
            else "garbled"
            if garbled
            else ("preview" if placeholders["datapoints"] else "no_datapoints"),
            menu_options=sorted(
                self._offered(self.preview_options),
                key=lambda option: garbled and option != "find_baud_rate",
            ),
            description_placeholders=placeholders,
        )

    # The same menu where nothing came of the data, or where there is none: other words.
    async_step_no_datapoints = async_step_preview
    async_step_no_preview = async_step_preview
    async_step_garbled = async_step_preview

    def _preview(self, framing: str, format_: str) -> tuple[dict[str, str], bool]:
        """Return the texts of the preview, and whether the baud rate seems to be wrong.

        Not for the event loop.
        """
        with parser_aside(self.hass, self.settings) as parse:
            placeholders = preview_placeholders(
                self.sample, self.settings, framing, format_, parse
            )
        garbled = (
            self.has_baud_rate
            and self.settings[CONF_FORMAT] in TEXT_FORMATS
            and looks_garbled(self.sample)
        )
        return placeholders | {"address": self._source()}, garbled

    def _source(self) -> str:
        """Return where the data of the preview is from."""
        raise NotImplementedError

    def _offered(self, options: Sequence[str]) -> list[str]:
        """Return the options of a menu that make sense here."""
        raise NotImplementedError

    async def _async_label(self, selector: str, option: str) -> str:
        """Return what an option is called in its drop-down."""
        texts = await self._async_texts()
        return texts.get(
            f"component.{DOMAIN}.selector.{selector}.options.{option}", option
        )

    async def _async_hint(self, schema: vol.Schema) -> str:
        """Return what a table is for: the frontend shows it nowhere else."""
        texts = await self._async_texts("config")
        path = f"component.{DOMAIN}.config.step.parameters.data_description"
        return " ".join(
            texts.get(f"{path}.{marker}", "")
            for marker, selector in schema.schema.items()
            if isinstance(selector, ObjectSelector)
        )

    async def _async_texts(self, category: str = "selector") -> Mapping[str, str]:
        """Return translated texts, by default the options of all drop-downs."""
        return await async_get_translations(
            self.hass, self.hass.config.language, category, {DOMAIN}
        )
