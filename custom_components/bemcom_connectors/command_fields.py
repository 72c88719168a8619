"""The fields in which an actuator is described: tables, and nothing else."""

from collections.abc import Collection, Container, Sequence

import voluptuous as vol

from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    ObjectSelector,
    ObjectSelectorConfig,
    ObjectSelectorField,
    SelectOptionDict,
    TextSelector,
    TextSelectorConfig,
)

from .command_forms import names_of
from .command_target import WITH_STATE
from .connector.actuators import ActuatorKind, StateSource
from .connector.binary_fields import TYPES
from .connector.checksums import CHECKSUMS
from .connector.commands import ENCODINGS
from .connector.replies import DEFAULT_REPLY_TIMEOUT, MAX_REPLY_TIMEOUT, ReplyFraming
from .connector.slices import SliceType
from .connector.text_decoding import ENCODINGS as TEXT_ENCODINGS
from .const import (
    CONF_ACTUATOR_UNIT,
    CONF_CHOICES,
    CONF_COMMAND_ENCODING,
    CONF_CONVERTER,
    CONF_DEVICE_ID,
    CONF_REPLY_FRAMING,
    CONF_STATE_KEY,
    CONF_STATE_SOURCE,
    CONF_TEMPLATE,
)
from .decoding_fields import BYTE_ORDERS, CONF_THINGSBOARD, FRAMING_PARAMETERS
from .overrides import CONF_KEY, CONF_NAME, CONF_OFFSET, CONF_SCALE
from .selectors import Fields, number, select

NO_REPLY = ReplyFraming.NONE.value
CONVERTER = "converter"
# Those of ThingsBoard, whose size depends on the value.
OPEN_TYPES = ("int", "float")

SECTION_SCALING = "scaling"
SECTION_ADVANCED = "advanced"
SECTION_PART = "part"


def _section(name: str, fields: Fields, opened: Container[str]) -> Fields:
    """Return a section that is collapsed, unless there is something in it to see."""
    collapsed = name not in opened
    return {vol.Optional(name): section(vol.Schema(fields), {"collapsed": collapsed})}


_CHOICES_TABLE = ObjectSelector(
    ObjectSelectorConfig(
        fields={
            "option": ObjectSelectorField(selector=TextSelector(), required=True),
            "payload": ObjectSelectorField(selector=TextSelector(), required=False),
        },
        multiple=True,
        translation_key=CONF_CHOICES,
    )
)

_OF_KIND: dict[ActuatorKind, Fields] = {
    ActuatorKind.NUMBER: {
        vol.Required("minimum", default=0): number(step="any"),
        vol.Required("maximum", default=100): number(step="any"),
        vol.Required("step", default=1): number(0, step="any"),
        vol.Optional(CONF_ACTUATOR_UNIT): TextSelector(),
    },
    ActuatorKind.SWITCH: {
        vol.Required("payload_on", default="1"): TextSelector(),
        vol.Required("payload_off", default="0"): TextSelector(),
    },
    ActuatorKind.SELECT: {vol.Required(CONF_CHOICES): _CHOICES_TABLE},
    ActuatorKind.TEXT: {
        vol.Optional("minimum"): number(0),
        vol.Optional("maximum"): number(0),
    },
    ActuatorKind.BUTTON: {vol.Optional("payload"): TextSelector()},
    ActuatorKind.METHOD: {},
}
_SCALING: Fields = {
    vol.Optional(CONF_SCALE): number(step="any"),
    vol.Optional(CONF_OFFSET): number(step="any"),
}


def describe_fields(
    kind: str,
    datapoints: Sequence[SelectOptionDict] = (),
    devices: Sequence[SelectOptionDict] | None = (),
    opened: Container[str] = (),
) -> Fields:
    """Return the fields that say what an actuator of a kind is.

    `datapoints` and `devices` can be chosen, without devices there is but the hub; `opened`
    are sections that are not collapsed.
    """
    kind = ActuatorKind(kind)
    fields: Fields = {}
    if kind is ActuatorKind.METHOD:
        fields[vol.Required(CONF_KEY)] = TextSelector()
    else:
        # Without anything suggested the form would begin with the first datapoint.
        nothing = {"suggested_value": ""}
        fields[vol.Required(CONF_KEY, description=nothing)] = select(
            datapoints, custom=True
        )
        fields[vol.Optional(CONF_NAME)] = TextSelector()
    if devices is not None:
        fields[vol.Optional(CONF_DEVICE_ID)] = select(devices, custom=True)
    fields |= _OF_KIND[kind]
    if kind in WITH_STATE:
        sources = select(list(StateSource), "state_source")
        fields[vol.Optional(CONF_STATE_SOURCE)] = sources
        fields[vol.Optional(CONF_STATE_KEY)] = select(datapoints, custom=True)
    fields[vol.Required(CONF_COMMAND_ENCODING, default="template")] = select(
        ENCODINGS, "command_encoding"
    )
    fields[vol.Required(CONF_REPLY_FRAMING, default=NO_REPLY)] = select(
        list(ReplyFraming), "reply_framing"
    )
    if kind is ActuatorKind.NUMBER:
        fields |= _section(SECTION_SCALING, _SCALING, opened)
    return fields


_TEMPLATE: Fields = {vol.Required(CONF_TEMPLATE, default="${value}"): TextSelector()}
_OF_ENCODING: dict[str, Fields] = {
    "template": _TEMPLATE,
    "hex": _TEMPLATE,
    "binary": {
        vol.Required("binary_type", default="int16"): select(
            [*OPEN_TYPES, *sorted(TYPES, key="u".__gt__)], "value_type"
        ),
        vol.Required("byte_order", default="big"): select(BYTE_ORDERS, "byte_order"),
        vol.Optional("prefix"): TextSelector(),
        vol.Optional("suffix"): TextSelector(),
    },
    CONVERTER: {vol.Required(CONF_CONVERTER): select([], custom=True)},
}
_ADVANCED: Fields = {
    vol.Optional("text_encoding", default="utf-8"): select(TEXT_ENCODINGS),
    vol.Optional("checksum", default="none"): select(["none", *CHECKSUMS], "checksum"),
    vol.Optional("checksum_byte_order", default="big"): select(
        BYTE_ORDERS, "byte_order"
    ),
}
_BINARY_ADVANCED: Fields = {vol.Optional("binary_size"): number(1), **_ADVANCED}


def encode_fields(
    encoding: str, converters: Sequence[str] = (), opened: Container[str] = ()
) -> Fields:
    """Return the fields that say how a value is written in an encoding."""
    fields = dict(_OF_ENCODING[encoding])
    if encoding == CONVERTER:
        fields[vol.Required(CONF_CONVERTER)] = select(converters, custom=True)
    advanced = _BINARY_ADVANCED if encoding == "binary" else _ADVANCED
    return fields | _section(SECTION_ADVANCED, advanced, opened)


def _of_reply(fields: Fields) -> Fields:
    """Return the fields of a framing, as those of a reply are called."""
    return {
        type(marker)(f"reply_{marker}", default=marker.default): selector
        for marker, selector in fields.items()
    }


_REPLY: Fields = {
    vol.Optional("reply_prefix"): TextSelector(),
    vol.Optional("reply_pattern"): TextSelector(),
    vol.Optional("reply_error_pattern"): TextSelector(),
    vol.Required("reply_type", default=SliceType.STRING.value): select(
        list(SliceType), "slice_type"
    ),
    vol.Required("reply_timeout", default=DEFAULT_REPLY_TIMEOUT): number(
        0.1, MAX_REPLY_TIMEOUT, unit="s", step="any"
    ),
}
_PART: Fields = {
    vol.Optional("reply_from_byte"): number(),
    vol.Optional("reply_to_byte"): number(),
    vol.Optional("reply_from_delimiter"): TextSelector(),
    vol.Optional("reply_until_delimiter"): TextSelector(),
}


def reply_fields(framing: str, opened: Container[str] = ()) -> Fields:
    """Return the fields that say what a reply in a framing looks like."""
    fields = _of_reply(FRAMING_PARAMETERS.get(framing, {})) | _REPLY
    return fields | _section(SECTION_PART, _PART, opened)


SAMPLE_SCHEMA = vol.Schema({vol.Optional("value"): TextSelector()})
THINGSBOARD_SCHEMA = vol.Schema(
    {vol.Required(CONF_THINGSBOARD): TextSelector(TextSelectorConfig(multiline=True))}
)


def _names_of_all(forms: Collection[Fields]) -> set[str]:
    return {name for form in forms for name in names_of(form)}


ENCODE_NAMES = _names_of_all([encode_fields(it) for it in ENCODINGS])
REPLY_NAMES = _names_of_all([reply_fields(it) for it in ReplyFraming])
