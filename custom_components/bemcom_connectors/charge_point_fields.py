"""The fields of a charge point, and what they are until somebody says otherwise."""

from collections.abc import Collection, Mapping
from typing import Any

import voluptuous as vol

from homeassistant.const import CONF_ID, CONF_NAME, CONF_PASSWORD
from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    BooleanSelector,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)

from .const import (
    CONF_CERTIFICATE_NAME,
    CONF_CLOCK_ALIGNED_INTERVAL,
    CONF_CONFIGURE,
    CONF_HEARTBEAT_INTERVAL,
    CONF_MAX_CURRENT,
    CONF_MEASURANDS,
    CONF_QUIRKS,
    CONF_QUIRKS_MODE,
    CONF_REMOTE_START_TAG,
    CONF_SAMPLE_INTERVAL,
    CONF_UNKNOWN_TAGS,
    CONF_WEBSOCKET_PING_INTERVAL,
    QUIRKS_AUTOMATIC,
    QUIRKS_CHOSEN,
)
from .ocpp.measurands import MEASURANDS
from .ocpp.model import MAX_ID_LENGTH, ChargePointConfig, TagPolicy
from .ocpp.quirks import Quirk
from .selectors import Fields, number, select

CONF_REMOVAL = "remove_password"

SECTION_CONTROL = "control"
SECTION_METERING = "metering"
SECTION_CONNECTION = "connection"
SECTION_AUTHORIZATION = "authorization"
SECTION_QUIRKS = "quirks_used"

_MAX_INTERVAL = 86_400
_MAX_TEXT = 255
_MAX_NAME = 100
# As OCPP has it.
_MAX_TAG = 20
_MAX_CURRENT = 1000

PASSWORD_SELECTOR = TextSelector(
    # Or a browser fills in that of Home Assistant.
    TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="new-password")
)

_PRESET = ChargePointConfig(id="")

_SECTIONS: Mapping[str, Fields] = {
    SECTION_CONTROL: {
        vol.Optional(CONF_REMOTE_START_TAG): TextSelector(),
        vol.Required(CONF_MAX_CURRENT, default=_PRESET.max_current): number(
            1, _MAX_CURRENT, unit="A"
        ),
    },
    SECTION_METERING: {
        vol.Optional(CONF_MEASURANDS): select(list(MEASURANDS), multiple=True),
        vol.Required(CONF_SAMPLE_INTERVAL, default=_PRESET.sample_interval): number(
            0, _MAX_INTERVAL, unit="s"
        ),
        vol.Required(
            CONF_CLOCK_ALIGNED_INTERVAL, default=_PRESET.clock_aligned_interval
        ): number(0, _MAX_INTERVAL, unit="s"),
    },
    SECTION_CONNECTION: {
        vol.Required(CONF_CONFIGURE, default=_PRESET.configure): BooleanSelector(),
        vol.Required(
            CONF_HEARTBEAT_INTERVAL, default=_PRESET.heartbeat_interval
        ): number(0, _MAX_INTERVAL, unit="s"),
        vol.Required(
            CONF_WEBSOCKET_PING_INTERVAL, default=_PRESET.websocket_ping_interval
        ): number(0, _MAX_INTERVAL, unit="s"),
        vol.Optional(CONF_CERTIFICATE_NAME): TextSelector(),
    },
    SECTION_AUTHORIZATION: {
        vol.Required(CONF_UNKNOWN_TAGS, default=_PRESET.unknown_tags.value): select(
            list(TagPolicy), "unknown_tags"
        ),
    },
    SECTION_QUIRKS: {
        vol.Required(CONF_QUIRKS_MODE, default=QUIRKS_AUTOMATIC): select(
            [QUIRKS_AUTOMATIC, QUIRKS_CHOSEN], "quirks_mode"
        ),
        vol.Optional(CONF_QUIRKS): select(
            sorted(Quirk), "quirks", multiple=True, sort=True
        ),
    },
}

# What a charge point is that somebody just added.
_DEFAULTS: Mapping[str, Any] = {
    CONF_PASSWORD: "",
    CONF_CERTIFICATE_NAME: "",
    CONF_UNKNOWN_TAGS: _PRESET.unknown_tags.value,
    CONF_CONFIGURE: _PRESET.configure,
    CONF_MEASURANDS: [],
    CONF_SAMPLE_INTERVAL: _PRESET.sample_interval,
    CONF_CLOCK_ALIGNED_INTERVAL: _PRESET.clock_aligned_interval,
    CONF_HEARTBEAT_INTERVAL: _PRESET.heartbeat_interval,
    CONF_WEBSOCKET_PING_INTERVAL: _PRESET.websocket_ping_interval,
    CONF_REMOTE_START_TAG: "",
    CONF_MAX_CURRENT: _PRESET.max_current,
    CONF_QUIRKS_MODE: QUIRKS_AUTOMATIC,
    CONF_QUIRKS: [],
}


def user_fields(opened: Collection[str] = ()) -> Fields:
    """Return the fields of a new charge point; `opened` are sections to be seen."""
    return {
        vol.Required(CONF_ID): TextSelector(),
        vol.Optional(CONF_NAME): TextSelector(),
        vol.Optional(CONF_PASSWORD): PASSWORD_SELECTOR,
        **_sections(opened),
    }


def reconfigure_fields(opened: Collection[str] = (), *, secured: bool = True) -> Fields:
    """Return the fields of a charge point; `secured`: it has a password to be removed."""
    removing: Fields = {vol.Required(CONF_REMOVAL, default=False): BooleanSelector()}
    return {
        vol.Optional(CONF_NAME): TextSelector(),
        vol.Optional(CONF_PASSWORD): PASSWORD_SELECTOR,
        **(removing if secured else {}),
        **_sections(opened),
    }


def confirm_fields(*, has_password: bool = True) -> Fields:
    """Return the fields of a charge point that dialled in, maybe with a password."""
    fields: Fields = {vol.Optional(CONF_NAME): TextSelector()}
    if has_password:
        fields[vol.Optional(CONF_PASSWORD)] = PASSWORD_SELECTOR
    return fields


def _sections(opened: Collection[str]) -> Fields:
    """Return the sections of a form."""
    return {
        vol.Optional(name): section(
            vol.Schema(fields), {"collapsed": name not in opened}
        )
        for name, fields in _SECTIONS.items()
    }


def new_data(charge_point_id: str, **said: Any) -> dict[str, Any]:
    """Return the data of a new charge point."""
    return {CONF_ID: charge_point_id, **_DEFAULTS, **said}


def entered(user_input: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data with what was entered in the sections of a form."""
    data = dict(before)
    for name, fields in _SECTIONS.items():
        if (said := user_input.get(name)) is None:
            continue
        # An optional field that was emptied is missing.
        data |= {str(it): _DEFAULTS[str(it)] for it in fields} | said
    for key in (CONF_CERTIFICATE_NAME, CONF_REMOTE_START_TAG):
        data[key] = data[key].strip()
    if data[CONF_QUIRKS_MODE] == QUIRKS_AUTOMATIC:
        data[CONF_QUIRKS] = []
    for key, preset in _DEFAULTS.items():
        if type(preset) is int:
            data[key] = int(data[key])
    return data


def shown(data: Mapping[str, Any], **beside: Any) -> dict[str, Any]:
    """Return what a form shows of a charge point, in its sections."""
    values = {**_DEFAULTS, **data}
    inside = {
        name: {str(it): values[str(it)] for it in fields}
        for name, fields in _SECTIONS.items()
    }
    return {**inside, **beside}


def is_id(text: str) -> bool:
    """Tell whether a charge point can have this id, the end of its URL."""
    return 0 < len(text) <= MAX_ID_LENGTH and text.isprintable() and "/" not in text


def is_name(text: str) -> bool:
    """Tell whether this can be a name."""
    return len(text) <= _MAX_NAME and text.isprintable()


def is_text(text: str) -> bool:
    """Tell whether a charge point could send this as a password or a name."""
    return len(text) <= _MAX_TEXT and text.isprintable()


def is_tag(text: str) -> bool:
    """Tell whether this can be sent as an id tag; empty: there is none."""
    return len(text) <= _MAX_TAG and text.isprintable()
