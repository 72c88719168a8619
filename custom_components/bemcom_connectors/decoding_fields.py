"""The fields in which framing and format are chosen and filled in: tables, and nothing else."""

from collections.abc import Mapping, Sequence
from typing import Any

import voluptuous as vol

from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    ObjectSelector,
    ObjectSelectorConfig,
    ObjectSelectorField,
    Selector,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TemplateSelector,
    TextSelector,
    TextSelectorConfig,
)

from .connector.binary_fields import TYPES
from .connector.checksums import CHECKSUMS
from .connector.flatten import Lists
from .connector.framing import Framing
from .connector.parsing import ENCODINGS, Format
from .connector.recognition import PAUSE_MS
from .connector.slices import SliceMode, SliceType
from .const import (
    CONF_CONVERTER,
    CONF_ENCODING,
    CONF_FORMAT,
    CONF_FRAMING,
    CONF_LISTS,
    CONF_TEMPLATE,
)

# A pasted configuration is read once and not kept.
CONF_THINGSBOARD = "thingsboard"

type Fields = dict[vol.Marker, Any]


def _select(options: Sequence[str], translation_key: str) -> SelectSelector:
    """Return a selector of translated options."""
    return SelectSelector(
        SelectSelectorConfig(
            options=list(options),
            translation_key=translation_key,
            mode=SelectSelectorMode.DROPDOWN,
        )
    )


def _number(
    minimum: float | None = None,
    maximum: float | None = None,
    *,
    unit: str | None = None,
    step: float | None = 1,
) -> NumberSelector:
    """Return a box for a number; a `step` of None takes any."""
    config = NumberSelectorConfig(mode=NumberSelectorMode.BOX, step=step or "any")
    if minimum is not None:
        config["min"] = minimum
    if maximum is not None:
        config["max"] = maximum
    if unit is not None:
        config["unit_of_measurement"] = unit
    return NumberSelector(config)


def _choice_of(names: Sequence[str]) -> SelectSelector:
    """Return a selector of names, in which others can be typed."""
    return SelectSelector(
        SelectSelectorConfig(
            options=list(names), custom_value=True, mode=SelectSelectorMode.DROPDOWN
        )
    )


def _table(
    name: str, columns: Mapping[str, Selector[Any]], required: set[str]
) -> ObjectSelector:
    """Return a table of rows, each with its `required` columns filled in."""
    fields = {
        column: ObjectSelectorField(selector=selector, required=column in required)
        for column, selector in columns.items()
    }
    return ObjectSelector(
        ObjectSelectorConfig(
            fields=fields,
            multiple=True,
            translation_key=name,
        )
    )


BYTE_ORDERS = ("big", "little")

SLICES_TABLE = _table(
    "slices",
    {
        "key": TextSelector(),
        "type": _select(list(SliceType), "slice_type"),
        "from_byte": _number(),
        "to_byte": _number(),
        "from_delimiter": TextSelector(),
        "until_delimiter": TextSelector(),
    },
    {"key"},
)
FIELDS_TABLE = _table(
    "fields",
    {
        "key": TextSelector(),
        "position": _number(),
        "type": _select(TYPES, "binary_type"),
        "byte_order": _select(BYTE_ORDERS, "byte_order"),
        "length": _number(1),
        "bits": TextSelector(),
        "scale": _number(step=None),
        "offset": _number(step=None),
    },
    {"key", "position", "type"},
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

_ENCODING: Fields = {
    vol.Required(CONF_ENCODING, default="utf-8"): SelectSelector(
        SelectSelectorConfig(options=list(ENCODINGS), mode=SelectSelectorMode.DROPDOWN)
    )
}

# What each framing and each format wants to know besides.
FRAMING_PARAMETERS: dict[str, Fields] = {
    Framing.DELIMITER: {
        vol.Required("delimiter", default="\\n"): TextSelector(),
        vol.Required("keep_delimiter", default=False): BooleanSelector(),
    },
    Framing.LENGTH_PREFIX: {
        vol.Required("prefix_size", default="2"): _select(
            ["1", "2", "4"], "prefix_size"
        ),
        vol.Required("byte_order", default="big"): _select(BYTE_ORDERS, "byte_order"),
    },
    Framing.FIXED_SIZE: {vol.Required("size"): _number(1, 1048576)},
    Framing.IDLE: {
        vol.Required("pause", default=PAUSE_MS): _number(1, 60000, unit="ms")
    },
}
FORMAT_PARAMETERS: dict[str, Fields] = {
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
    Format.SLICES: {
        vol.Optional("slices"): SLICES_TABLE,
        vol.Required("slice_mode", default=SliceMode.STRICT.value): _select(
            list(SliceMode), "slice_mode"
        ),
        **_ENCODING,
        vol.Optional(CONF_THINGSBOARD): TextSelector(
            TextSelectorConfig(multiline=True)
        ),
    },
    Format.BINARY: {
        vol.Optional("fields"): FIELDS_TABLE,
        vol.Required("checksum", default="none"): _select(
            ["none", *CHECKSUMS], "checksum"
        ),
        vol.Optional("checksum_position"): _number(),
        vol.Required("checksum_byte_order", default="big"): _select(
            BYTE_ORDERS, "byte_order"
        ),
        vol.Optional("checksum_start"): _number(),
        vol.Optional("checksum_end"): _number(),
        **_ENCODING,
    },
    Format.TEMPLATE: {vol.Required(CONF_TEMPLATE): TemplateSelector(), **_ENCODING},
    Format.CONVERTER: {vol.Required(CONF_CONVERTER): _choice_of([])},
}

ALL_PARAMETERS = {
    str(marker)
    for table in (FRAMING_PARAMETERS, FORMAT_PARAMETERS)
    for fields in table.values()
    for marker in fields
}


def parameters_schema(
    settings: Mapping[str, Any], converters: Sequence[str] = ()
) -> vol.Schema:
    """Return the fields that the chosen framing and format want filled in.

    `converters` are the ones that can be chosen.
    """
    fields = {
        **FRAMING_PARAMETERS.get(settings[CONF_FRAMING], {}),
        **FORMAT_PARAMETERS.get(settings[CONF_FORMAT], {}),
    }
    if settings[CONF_FORMAT] == Format.CONVERTER:
        fields[vol.Required(CONF_CONVERTER)] = _choice_of(converters)
    return vol.Schema(fields)
