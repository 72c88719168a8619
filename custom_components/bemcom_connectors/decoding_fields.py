"""The fields in which framing and format are chosen and filled in: tables, and nothing else."""

from collections.abc import Mapping, Sequence
from typing import Any

import voluptuous as vol

from homeassistant.helpers.selector import (
    BooleanSelector,
    ObjectSelector,
    ObjectSelectorConfig,
    ObjectSelectorField,
    SelectOptionDict,
    Selector,
    SelectSelector,
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
    DOMAIN,
)
from .selectors import Fields, number, select

# A pasted configuration is read once and not kept.
CONF_THINGSBOARD = "thingsboard"


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
        "type": select(list(SliceType), "slice_type"),
        "from_byte": number(),
        "to_byte": number(),
        "from_delimiter": TextSelector(),
        "until_delimiter": TextSelector(),
    },
    {"key"},
)
FIELDS_TABLE = _table(
    "fields",
    {
        "key": TextSelector(),
        "position": number(),
        # The first is what a new row has.
        "type": select(sorted(TYPES, key="u".__gt__), "binary_type"),
        "byte_order": select(BYTE_ORDERS, "byte_order"),
        "length": number(1),
        "bits": TextSelector(),
        "scale": number(step="any"),
        "offset": number(step="any"),
    },
    {"key", "position", "type"},
)

DECODE_SCHEMA = vol.Schema(
    {
        vol.Required(CONF_FRAMING): select(list(Framing), "framing"),
        vol.Required(CONF_FORMAT): select(list(Format), "format"),
        vol.Required(CONF_LISTS, default=Lists.INDEX.value): select(
            list(Lists), "lists"
        ),
    }
)

_ENCODING: Fields = {vol.Required(CONF_ENCODING, default="utf-8"): select(ENCODINGS)}

# What each framing and each format wants to know besides.
FRAMING_PARAMETERS: dict[str, Fields] = {
    Framing.DELIMITER: {
        vol.Required("delimiter", default="\\n"): TextSelector(),
        vol.Required("keep_delimiter", default=False): BooleanSelector(),
    },
    Framing.LENGTH_PREFIX: {
        vol.Required("prefix_size", default="2"): select(
            ["1", "2", "4"], "prefix_size"
        ),
        vol.Required("byte_order", default="big"): select(BYTE_ORDERS, "byte_order"),
    },
    Framing.FIXED_SIZE: {vol.Required("size"): number(1, 1048576)},
    Framing.IDLE: {
        vol.Required("pause", default=PAUSE_MS): number(1, 60000, unit="ms")
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
        vol.Required("slice_mode", default=SliceMode.STRICT.value): select(
            list(SliceMode), "slice_mode"
        ),
        **_ENCODING,
        vol.Optional(CONF_THINGSBOARD): TextSelector(
            TextSelectorConfig(multiline=True)
        ),
    },
    Format.BINARY: {
        vol.Optional("fields"): FIELDS_TABLE,
        vol.Required("checksum", default="none"): select(
            ["none", *CHECKSUMS], "checksum"
        ),
        vol.Optional("checksum_position"): number(),
        vol.Required("checksum_byte_order", default="big"): select(
            BYTE_ORDERS, "byte_order"
        ),
        vol.Optional("checksum_start"): number(),
        vol.Optional("checksum_end"): number(),
        **_ENCODING,
    },
    Format.TEMPLATE: {vol.Required(CONF_TEMPLATE): TemplateSelector(), **_ENCODING},
    Format.CONVERTER: {vol.Required(CONF_CONVERTER): select([], custom=True)},
}

ALL_PARAMETERS = {
    str(marker)
    for table in (FRAMING_PARAMETERS, FORMAT_PARAMETERS)
    for fields in table.values()
    for marker in fields
}


def _labelled(table: ObjectSelector, texts: Mapping[str, str]) -> ObjectSelector:
    """Return a table whose drop-downs say what they offer.

    Home Assistant's dialog for a row translates the names of its fields, but no options.
    """
    fields = {}
    for name, column in table.config["fields"].items():
        selector = column["selector"]
        if isinstance(selector, SelectSelector):
            key = selector.config["translation_key"]
            path = f"component.{DOMAIN}.selector.{key}.options"
            options = [
                SelectOptionDict(value=value, label=texts.get(f"{path}.{value}", value))
                for value in map(str, selector.config["options"])
            ]
            column = ObjectSelectorField(**{**column, "selector": select(options)})
        fields[name] = column
    config = ObjectSelectorConfig(**{**table.config, "fields": fields})
    return ObjectSelector(config)


def parameters_schema(
    settings: Mapping[str, Any],
    converters: Sequence[str] = (),
    texts: Mapping[str, str] | None = None,
) -> vol.Schema:
    """Return the fields that the chosen framing and format want filled in.

    `converters` are the ones that can be chosen, `texts` the translations of options.
    """
    fields = {
        **FRAMING_PARAMETERS.get(settings[CONF_FRAMING], {}),
        **FORMAT_PARAMETERS.get(settings[CONF_FORMAT], {}),
    }
    if settings[CONF_FORMAT] == Format.CONVERTER:
        fields[vol.Required(CONF_CONVERTER)] = select(converters, custom=True)
    for marker, selector in fields.items():
        if texts is not None and isinstance(selector, ObjectSelector):
            fields[marker] = _labelled(selector, texts)
    return vol.Schema(fields)
