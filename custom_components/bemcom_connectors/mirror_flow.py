"""The steps of a hub's options that turn its mirror on and off."""

from collections.abc import Collection, Mapping
from typing import Any

import voluptuous as vol

from homeassistant.config_entries import ConfigFlowResult, OptionsFlow
from homeassistant.const import CONF_DISCOVERY, CONF_HOST, CONF_PASSWORD, CONF_PORT
from homeassistant.helpers.importlib import async_import_module

from .bemcom.broker import ConnectError
from .bemcom.broker_options import BrokerOptions
from .bemcom.topics import checked_name, topic_fault
from .command_forms import names_of
from .connector.model import LinkReason, OptionsError
from .const import CONF_CONNECTOR_NAME, CONF_HUB_KIND, CONF_MIRROR, CONF_TLS, HUB_OCPP
from .decoding_flow import reason_of
from .home_assistant_mqtt import async_discovers, mqtt_entry
from .mirror_fields import (
    CONF_REMOVAL,
    CONNECTION_FIELDS,
    FILES,
    OFF,
    SECTION_OTHERS,
    SECTION_TLS,
    broker_fields,
    entered,
    message_fields,
    shown,
)
from .mirror_options import (
    CONF_CONNECTION,
    CONF_DISCOVERY_PREFIX,
    MirrorConnection,
    broker_options,
    is_among_topics,
    known_settings,
)
from .selectors import HOST, Fields

# Why a broker cannot be used, and where a form shows it.
FAULTS: Mapping[str, str] = {
    "credentials": CONF_PASSWORD,
    "no_broker": CONF_PORT,
    "refused_by_broker": "base",
    "unavailable": "base",
    LinkReason.CERTIFICATE.value: SECTION_TLS,
    LinkReason.REFUSED.value: CONF_PORT,
    LinkReason.RESET.value: "base",
    LinkReason.TIMEOUT.value: CONF_HOST,
    LinkReason.TLS.value: SECTION_TLS,
    LinkReason.UNKNOWN_HOST.value: CONF_HOST,
    LinkReason.UNREACHABLE.value: CONF_HOST,
}


class MirrorSteps(OptionsFlow):
    """The steps `mirror`, `mirror_broker` and `mirror_messages`.

    A flow that takes them in gives `settings`.
    """

    settings: dict[str, Any]
    # What is said of the mirror so far.
    _mirror: dict[str, Any]

    async def async_step_mirror(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Turn the mirror on or off, and choose the broker."""
        name = self.config_entry.data[CONF_CONNECTOR_NAME]
        errors: dict[str, str] = {}
        placeholders = {"topic": name, "reason": ""}
        self._mirror = dict(self.settings.get(CONF_MIRROR, {}))
        if user_input is not None:
            connection = user_input[CONF_CONNECTION]
            if connection == OFF:
                self.settings.pop(CONF_MIRROR, None)
                return self._save()
            self._mirror[CONF_CONNECTION] = connection
            try:
                checked_name(name)
            except OptionsError as err:
                errors["base"] = "invalid_connector_name"
                placeholders["reason"] = reason_of(err)
            else:
                if connection == MirrorConnection.OWN:
                    return await self.async_step_mirror_broker()
                if mqtt_entry(self.hass) is not None:
                    return await self.async_step_mirror_messages()
                errors[CONF_CONNECTION] = "mqtt_missing"
        return self.async_show_form(
            step_id="mirror",
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema(CONNECTION_FIELDS), self._mirror
            ),
            errors=errors,
            description_placeholders=placeholders,
            last_step=False,
        )

    async def async_step_mirror_broker(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask where the user's own broker is, and connect to it."""
        secured = bool(self._mirror.get(CONF_PASSWORD))
        fields = broker_fields(secured=secured)
        errors: dict[str, str] = {}
        placeholders = {"address": "", "detail": "", "reason": ""}
        if user_input is not None:
            settings = self._entered_broker(fields, user_input)
            if user_input.get(CONF_REMOVAL) and user_input.get(CONF_PASSWORD):
                errors[CONF_REMOVAL] = "password_entered"
            elif not HOST.fullmatch(settings[CONF_HOST]):
                errors[CONF_HOST] = "invalid_host"
            else:
                options = broker_options(settings)
                errors = await self._async_broker_error(options, placeholders)
            if not errors:
                self._mirror |= settings
                return await self.async_step_mirror_messages()
        has_tls = known_settings(self._mirror)[CONF_TLS]
        opened = {*errors, *([SECTION_TLS] if has_tls else [])}
        return self.async_show_form(
            step_id="mirror_broker",
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema(broker_fields(opened, secured=secured)),
                user_input or shown(fields, self._mirror),
            ),
            errors=errors,
            description_placeholders=placeholders,
            last_step=False,
        )

    async def async_step_mirror_messages(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Say what is published and kept, and which commands are taken."""
        fields = self._message_fields()
        errors: dict[str, str] = {}
        name = self.config_entry.data[CONF_CONNECTOR_NAME]
        placeholders = {"topic": name, "address": "", "reason": ""}
        if user_input is not None:
            said = entered(fields, user_input, self._mirror)
            settings = known_settings(said)
            prefix = settings[CONF_DISCOVERY_PREFIX].strip().strip("/")
            settings[CONF_DISCOVERY_PREFIX] = prefix
            errors = await self._async_discovery_error(settings, placeholders)
            if not errors:
                return self._save_mirror(settings)
        return self.async_show_form(
            step_id="mirror_messages",
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema(self._message_fields(errors)),
                user_input or shown(fields, self._mirror),
            ),
            errors=errors,
            description_placeholders=placeholders,
            last_step=True,
        )

    def _save(self) -> ConfigFlowResult:
        """Save the settings."""
        raise NotImplementedError

    def _save_mirror(self, settings: Mapping[str, Any]) -> ConfigFlowResult:
        """Save what was asked, without what means nothing to this connection."""
        names = names_of(self._message_fields())
        if self._is_own:
            names |= names_of(broker_fields())
        self.settings[CONF_MIRROR] = {
            CONF_CONNECTION: self._mirror[CONF_CONNECTION],
            **{name: value for name, value in settings.items() if name in names},
        }
        return self._save()

    @property
    def _is_own(self) -> bool:
        connection: str = self._mirror[CONF_CONNECTION]
        return connection == MirrorConnection.OWN

    def _message_fields(self, opened: Collection[str] = ()) -> Fields:
        """Return the fields that this hub and this connection have."""
        is_ocpp = self.config_entry.data[CONF_HUB_KIND] == HUB_OCPP
        return message_fields(opened, is_ocpp=is_ocpp, is_own=self._is_own)

    def _entered_broker(
        self, fields: Fields, user_input: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return all settings with what was entered; a path begins in the configuration."""
        settings = known_settings(entered(fields, user_input, self._mirror))
        if CONF_PASSWORD not in user_input and not user_input.get(CONF_REMOVAL):
            settings[CONF_PASSWORD] = self._mirror.get(CONF_PASSWORD, "")
        settings[CONF_HOST] = settings[CONF_HOST].strip().strip("[]").lower()
        for name in FILES:
            path = settings[name].strip()
            settings[name] = path and self.hass.config.path(path)
        return settings

    async def _async_broker_error(
        self, options: BrokerOptions, placeholders: dict[str, str]
    ) -> dict[str, str]:
        """Connect to a broker; return the form's errors."""
        # Who has no mirror needs no client.
        await async_import_module(self.hass, f"{__package__}.bemcom.own_broker")
        from .bemcom.own_broker import test  # noqa: PLC0415

        placeholders["address"] = options.where
        try:
            await test(options)
        except ConnectError as err:
            placeholders["detail"] = str(err)
            return {FAULTS[err.reason]: f"broker_{err.reason}"}
        except OptionsError as err:
            placeholders["reason"] = reason_of(err)
            place = SECTION_TLS if err.option in FILES else err.option
            return {place: f"invalid_{err.option}"}
        return {}

    async def _async_discovery_error(
        self, settings: Mapping[str, Any], placeholders: dict[str, str]
    ) -> dict[str, str]:
        """Check what another Home Assistant is told; return the form's errors."""
        if not self._is_own or not settings[CONF_DISCOVERY]:
            return {}
        prefix = settings[CONF_DISCOVERY_PREFIX]
        if topic_fault(prefix) is not None:
            return {SECTION_OTHERS: "invalid_discovery_prefix"}
        if is_among_topics(prefix, self.config_entry.data[CONF_CONNECTOR_NAME]):
            return {SECTION_OTHERS: "discovery_own_topics"}
        host, port = settings[CONF_HOST], settings[CONF_PORT]
        if await async_discovers(self.hass, host, port, prefix):
            placeholders["address"] = f"{host}:{port}"
            return {SECTION_OTHERS: "discovery_same_broker"}
        return {}
