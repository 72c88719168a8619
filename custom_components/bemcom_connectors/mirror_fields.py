"""What the forms of a mirror ask: their fields, and what was entered in them."""

from collections.abc import Collection, Mapping
from typing import Any

import voluptuous as vol

from homeassistant.const import (
    CONF_DISCOVERY,
    CONF_HOST,
    CONF_PASSWORD,
    CONF_PORT,
    CONF_USERNAME,
    CONF_VERIFY_SSL,
)
from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    BooleanSelector,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)

from .command_forms import nested
from .const import CONF_CERTIFICATE, CONF_KEY_FILE, CONF_TLS
from .mirror_options import (
    CONF_CA,
    CONF_CONNECTION,
    CONF_DISCOVERY_PREFIX,
    CONF_FOLLOW_SCHEDULES,
    CONF_HEARTBEAT,
    CONF_KEEP,
    CONF_LEGACY_KEYS,
    CONF_LISTS_AS_TEXT,
    CONF_MAX_COMMAND_AGE,
    CONF_MAX_RAW,
    CONF_MAX_RAW_SIZE,
    CONF_MAX_VALUES,
    CONF_QOS,
    CONF_RAW_FORMAT,
    CONF_RAW_MESSAGES,
    CONF_RAW_ON_DISK,
    CONF_RAW_QOS,
    CONF_RETAIN,
    DEFAULTS,
    LIMITS,
    Keep,
    MirrorConnection,
    RawFormat,
    known_settings,
)
from .selectors import Fields, number, select

CONF_REMOVAL = "remove_password"
OFF = "off"

SECTION_TLS = "encryption"
SECTION_PUBLISHED = "published"
SECTION_OUTBOX = "outbox"
SECTION_COMMANDS = "commands"
SECTION_OTHERS = "others"

FILES = (CONF_CA, CONF_CERTIFICATE, CONF_KEY_FILE)

CONNECTION_FIELDS: Fields = {
    vol.Required(CONF_CONNECTION, default=OFF): select(
        [OFF, *MirrorConnection], "mirror_connection"
    )
}

_QOS = [str(level) for level in range(3)]
# Those whose choices are texts in a form.
_LEVELS = (CONF_QOS, CONF_RAW_QOS)

_PASSWORD = TextSelector(
    # Or a browser fills in that of Home Assistant.
    TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="new-password")
)


def broker_fields(opened: Collection[str] = (), *, secured: bool = True) -> Fields:
    """Return the fields of the user's own broker; `opened` are sections to be seen.

    `secured`: there is a password to be removed.
    """
    removing: Fields = {vol.Required(CONF_REMOVAL, default=False): BooleanSelector()}
    encryption: Fields = {
        **_switch(CONF_TLS),
        **_switch(CONF_VERIFY_SSL),
        **{vol.Optional(name): TextSelector() for name in FILES},
    }
    return {
        vol.Required(CONF_HOST): TextSelector(),
        **_number(CONF_PORT),
        vol.Optional(CONF_USERNAME): TextSelector(),
        vol.Optional(CONF_PASSWORD): _PASSWORD,
        **(removing if secured else {}),
        **_section(SECTION_TLS, encryption, opened),
    }


def message_fields(
    opened: Collection[str] = (), *, is_ocpp: bool = True, is_own: bool = True
) -> Fields:
    """Return the fields of what is said over the broker; `opened` are sections to be seen."""
    published: Fields = {
        **_choice(CONF_QOS, _QOS, "mirror_qos"),
        **_switch(CONF_RETAIN),
        **_number(CONF_HEARTBEAT, unit="s"),
        **_switch(CONF_LISTS_AS_TEXT),
        **(_switch(CONF_LEGACY_KEYS) if is_ocpp else {}),
        **_switch(CONF_RAW_MESSAGES),
        **_choice(CONF_RAW_FORMAT, list(RawFormat), "mirror_raw_format"),
        **_choice(CONF_RAW_QOS, _QOS, "mirror_qos"),
    }
    outbox: Fields = {
        **_choice(CONF_KEEP, list(Keep), "mirror_keep"),
        **_number(CONF_MAX_VALUES),
        **_number(CONF_MAX_RAW),
        **_number(CONF_MAX_RAW_SIZE, unit="MiB"),
        **_switch(CONF_RAW_ON_DISK),
    }
    commands: Fields = {
        **_number(CONF_MAX_COMMAND_AGE, unit="s"),
        **_switch(CONF_FOLLOW_SCHEDULES),
    }
    others: Fields = {
        **_switch(CONF_DISCOVERY),
        vol.Optional(CONF_DISCOVERY_PREFIX): TextSelector(),
    }
    return {
        **_section(SECTION_PUBLISHED, published, {SECTION_PUBLISHED}),
        **_section(SECTION_OUTBOX, outbox, opened),
        **_section(SECTION_COMMANDS, commands, opened),
        **(_section(SECTION_OTHERS, others, opened) if is_own else {}),
    }


def entered(
    fields: Fields, user_input: Mapping[str, Any], before: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the settings with what was entered in a form and in its sections."""
    said = dict(before)
    for marker, field in fields.items():
        name = str(marker)
        if isinstance(field, section):
            if name in user_input:
                said = entered(field.schema.schema, user_input[name], said)
        elif name in user_input:
            said[name] = user_input[name]
        else:
            # An optional field that was emptied is missing.
            said[name] = DEFAULTS.get(name)
    return said


def shown(fields: Fields, stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a form shows of the settings; never the password."""
    values = known_settings(stored)
    del values[CONF_PASSWORD]
    levels = {name: str(values[name]) for name in _LEVELS}
    return nested(fields, values | levels)


def _section(name: str, fields: Fields, opened: Collection[str]) -> Fields:
    schema = vol.Schema(fields)
    return {vol.Optional(name): section(schema, {"collapsed": name not in opened})}


def _switch(name: str) -> Fields:
    return {vol.Required(name, default=DEFAULTS[name]): BooleanSelector()}


def _choice(name: str, options: list[str], translation_key: str) -> Fields:
    default = str(DEFAULTS[name])
    return {vol.Required(name, default=default): select(options, translation_key)}


def _number(name: str, *, unit: str | None = None) -> Fields:
    low, high = LIMITS[name]
    return {vol.Required(name, default=DEFAULTS[name]): number(low, high, unit=unit)}
