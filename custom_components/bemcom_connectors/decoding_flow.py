"""Steps that a hub's config flow and its options share: framing, format and their preview."""

from collections.abc import Mapping, Sequence
from typing import Any

import voluptuous as vol

from homeassistant.config_entries import ConfigFlowContext, ConfigFlowResult
from homeassistant.data_entry_flow import FlowHandler
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
)
from homeassistant.helpers.translation import async_get_translations

from .connector.flatten import Lists
from .connector.framing import Framing, create_framer
from .connector.model import Chunk, OptionsError
from .connector.parsing import ENCODINGS, Format, create_parser
from .connector.recognition import PAUSE_MS
from .const import CONF_ENCODING, CONF_FORMAT, CONF_FRAMING, CONF_LISTS, DOMAIN
from .preview import preview_placeholders

_NUMBER = NumberSelectorMode.BOX


def _select(options: Sequence[str], translation_key: str) -> SelectSelector:
    """Return a selector of translated options."""
    return SelectSelector(
        SelectSelectorConfig(
            options=list(options),
            translation_key=translation_key,
            mode=SelectSelectorMode.DROPDOWN,
        )
    )


DECODE_SCHEMA = vol.Schema(
    {
        vol.Required(CONF_FRAMING): _select(list(Framing), "framing"),
        vol.Required(CONF_FORMAT): _select(list(Format), "format"),
        vol.Required(CONF_LISTS, default=Lists.INDEX.value): _select(
            list(Lists), "lists"
        ),
    }
)

_ENCODING: dict[vol.Marker, Any] = {
    vol.Required(CONF_ENCODING, default="utf-8"): SelectSelector(
        SelectSelectorConfig(options=list(ENCODINGS), mode=SelectSelectorMode.DROPDOWN)
    )
}

# What each framing and each format wants to know besides.
FRAMING_PARAMETERS: dict[str, dict[vol.Marker, Any]] = {
    Framing.DELIMITER: {vol.Required("delimiter", default="\\n"): TextSelector()},
    Framing.LENGTH_PREFIX: {
        vol.Required("prefix_size", default="2"): _select(
            ["1", "2", "4"], "prefix_size"
        ),
        vol.Required("byte_order", default="big"): _select(
            ["big", "little"], "byte_order"
        ),
    },
    Framing.FIXED_SIZE: {
        vol.Required("size"): NumberSelector(
            NumberSelectorConfig(min=1, max=1048576, mode=_NUMBER)
        )
    },
    Framing.IDLE: {
        vol.Required("pause", default=PAUSE_MS): NumberSelector(
            NumberSelectorConfig(
                min=1, max=60000, mode=_NUMBER, unit_of_measurement="ms"
            )
        )
    },
}
FORMAT_PARAMETERS: dict[str, dict[vol.Marker, Any]] = {
    Format.JSON: {**_ENCODING},
    Format.YAML: {**_ENCODING},
    Format.TEXT: {**_ENCODING},
    Format.NUMBER: {
        vol.Required("decimal_comma", default=False): BooleanSelector(),
        **_ENCODING,
    },
    Format.DELIMITED: {
        vol.Required("separator", default=","): TextSelector(),
        vol.Optional("columns"): TextSelector(),
        **_ENCODING,
    },
    Format.KEY_VALUE: {
        vol.Optional("pair_separator"): TextSelector(),
        vol.Optional("key_separator"): TextSelector(),
        **_ENCODING,
    },
    Format.REGEX: {vol.Required("pattern"): TextSelector(), **_ENCODING},
}


ALL_PARAMETERS = {
    str(marker)
    for table in (FRAMING_PARAMETERS, FORMAT_PARAMETERS)
    for fields in table.values()
    for marker in fields
}


def parameters_schema(settings: Mapping[str, Any]) -> vol.Schema:
    """Return the fields that the chosen framing and format want filled in."""
    return vol.Schema(
        {
            **FRAMING_PARAMETERS.get(settings[CONF_FRAMING], {}),
            **FORMAT_PARAMETERS.get(settings[CONF_FORMAT], {}),
        }
    )


class DecodingSteps(FlowHandler[ConfigFlowContext, ConfigFlowResult]):
    """The steps `decode`, `parameters` and `preview`.

    A flow that takes them in gives `settings` and `sample`, and has the steps that its
    `preview_options` name.
    """

    settings: dict[str, Any]
    sample: Sequence[Chunk]
    preview_options: Sequence[str]

    async def async_step_decode(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose framing, format and lists."""
        if user_input is not None:
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
        schema = parameters_schema(self.settings)
        errors: dict[str, str] = {}
        placeholders = {"reason": ""}
        if user_input is not None:
            # An optional field that was emptied is gone, not what it was.
            fields = {str(marker) for marker in schema.schema}
            settings = {k: v for k, v in self.settings.items() if k not in fields}
            self.settings = settings | user_input
            try:
                create_framer(self.settings[CONF_FRAMING], self.settings)
                create_parser(self.settings[CONF_FORMAT], self.settings)
            except OptionsError as err:
                errors[err.option] = f"invalid_{err.option}"
                placeholders["reason"] = str(err)
            else:
                return await self.async_step_preview()
        return self.async_show_form(
            step_id="parameters",
            data_schema=self.add_suggested_values_to_schema(schema, self.settings),
            errors=errors,
            description_placeholders=placeholders,
            last_step=False,
        )

    async def async_step_preview(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show what came in, and what the settings make of it."""
        framing = await self._async_label("framing", self.settings[CONF_FRAMING])
        format_ = await self._async_label("format", self.settings[CONF_FORMAT])
        placeholders = await self.hass.async_add_executor_job(
            preview_placeholders, self.sample, self.settings, framing, format_
        )
        return self.async_show_menu(
            step_id="no_preview"
            if not self.sample
            else ("preview" if placeholders["datapoints"] else "no_datapoints"),
            menu_options=list(self.preview_options),
            description_placeholders=placeholders,
        )

    # The same menu where nothing came of the data, or where there is none: other words.
    async_step_no_datapoints = async_step_preview
    async_step_no_preview = async_step_preview

    async def _async_label(self, selector: str, option: str) -> str:
        """Return what an option is called in its drop-down."""
        texts = await async_get_translations(
            self.hass, self.hass.config.language, "selector", {DOMAIN}
        )
        return texts.get(
            f"component.{DOMAIN}.selector.{selector}.options.{option}", option
        )
