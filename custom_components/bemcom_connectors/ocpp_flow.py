"""Set up and reconfigure an OCPP hub, to which charge points dial in."""

import asyncio
from collections.abc import Mapping
import errno
from typing import Any

import voluptuous as vol

from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult
from homeassistant.const import CONF_HOST, CONF_PORT
from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import TextSelector

from .const import (
    CONF_CALL_TIMEOUT,
    CONF_CERTIFICATE,
    CONF_CLIENT_CA,
    CONF_CONNECTOR_NAME,
    CONF_HUB_KIND,
    CONF_KEY_FILE,
    CONF_PING_INTERVAL,
    CONF_SECOND_CERTIFICATE,
    CONF_SECOND_KEY,
    CONF_TLS,
    CONF_UNKNOWN_CHARGE_POINTS,
    HUB_OCPP,
)
from .hub_flow import NAME_FIELD, HubSteps
from .ocpp.model import HubOptions
from .ocpp.tls import TlsFileError, TlsFiles, check_files
from .ocpp_address import async_url
from .selectors import Fields, number

# What most central systems listen on.
DEFAULT_PORT = 9000

_FILES = (
    CONF_CERTIFICATE,
    CONF_KEY_FILE,
    CONF_SECOND_CERTIFICATE,
    CONF_SECOND_KEY,
    CONF_CLIENT_CA,
)
_PRESET = HubOptions()


def reconfigure_fields(*, opened: bool = False) -> Fields:
    """Return the fields of a hub; `opened`: the files are to be seen."""
    files = {vol.Optional(name): TextSelector() for name in _FILES}
    return {
        vol.Required(CONF_PORT, default=DEFAULT_PORT): number(1, 65535),
        vol.Optional(CONF_TLS): section(vol.Schema(files), {"collapsed": not opened}),
    }


def ocpp_fields(*, opened: bool = False) -> Fields:
    """Return the fields of a new hub; `opened`: the files are to be seen."""
    return {**NAME_FIELD, **reconfigure_fields(opened=opened)}


class OcppSteps(HubSteps):
    """The steps `ocpp`, `ocpp_ready` and `reconfigure_ocpp`."""

    async def async_step_ocpp(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask where to listen, and try it."""
        errors: dict[str, str] = {}
        placeholders = {"hub": "", "detail": "", "file": ""}
        if user_input is not None:
            self._take_ocpp(user_input)
            name = user_input[CONF_CONNECTOR_NAME].strip()
            self._data[CONF_CONNECTOR_NAME] = name
            errors = self._name_error(name)
            errors |= await self._async_listen_error(placeholders)
            if not errors:
                return await self.async_step_ocpp_ready()
        return self.async_show_form(
            step_id="ocpp",
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema(ocpp_fields(opened=CONF_TLS in errors)), user_input
            ),
            errors=errors,
            description_placeholders=placeholders,
            last_step=False,
        )

    async def async_step_ocpp_ready(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show what to enter in the wallbox, then create the hub."""
        if user_input is not None:
            self.settings = {
                CONF_UNKNOWN_CHARGE_POINTS: _PRESET.unknown.value,
                CONF_CALL_TIMEOUT: _PRESET.call_timeout,
                CONF_PING_INTERVAL: _PRESET.ping_interval,
            }
            return await self.async_step_create()
        return self.async_show_form(
            step_id="ocpp_ready",
            data_schema=vol.Schema({}),
            description_placeholders={"url": await async_url(self.hass, self._data)},
            last_step=True,
        )

    async def async_step_reconfigure_ocpp(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Change where to listen."""
        entry = self._get_reconfigure_entry()
        errors: dict[str, str] = {}
        placeholders = {"hub": "", "detail": "", "file": "", "name": entry.title}
        if user_input is not None:
            self._take_ocpp(user_input)
            errors = await self._async_listen_error(placeholders)
            if not errors:
                return self._finish_reconfigure(entry)
        suggested = user_input or {
            CONF_PORT: entry.data[CONF_PORT],
            CONF_TLS: {name: entry.data.get(name, "") for name in _FILES},
        }
        secured = bool(entry.data.get(CONF_CERTIFICATE))
        return self.async_show_form(
            step_id="reconfigure_ocpp",
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema(reconfigure_fields(opened=secured or CONF_TLS in errors)),
                suggested,
            ),
            errors=errors,
            description_placeholders=placeholders,
        )

    def _take_ocpp(self, user_input: Mapping[str, Any]) -> None:
        """Take over what was entered; a path begins in the folder of the configuration."""
        files = user_input.get(CONF_TLS, {})
        paths = {name: files.get(name, "").strip() for name in _FILES}
        self._data = {
            CONF_HUB_KIND: HUB_OCPP,
            CONF_HOST: "",
            CONF_PORT: int(user_input[CONF_PORT]),
            **{it: path and self.hass.config.path(path) for it, path in paths.items()},
        }

    async def _async_listen_error(self, placeholders: dict[str, str]) -> dict[str, str]:
        """Check whether the hub can listen; return the form's errors."""
        tls_error = await self._async_tls_error(placeholders)
        return tls_error | await self._async_port_error(placeholders)

    async def _async_tls_error(self, placeholders: dict[str, str]) -> dict[str, str]:
        """Check the files; return the form's errors, beside the section that they are in."""
        files = TlsFiles(**{name: self._data[name] for name in _FILES})
        if files.second_key and not files.second_certificate:
            return {CONF_TLS: "certificate_needed"}
        if not files.certificate:
            others = any(self._data[name] for name in _FILES)
            return {CONF_TLS: "certificate_needed"} if others else {}
        try:
            await self.hass.async_add_executor_job(check_files, files)
        except TlsFileError as err:
            # An empty key is in the file of its certificate.
            beside = {key: certificate for certificate, key in files.pairs()}
            name = err.field if self._data[err.field] else beside[err.field]
            placeholders |= {"file": self._data[name], "detail": err.detail}
            return {CONF_TLS: f"tls_{err.reason}"}
        return {}

    async def _async_port_error(self, placeholders: dict[str, str]) -> dict[str, str]:
        """Listen for a moment, unless the hub does so; return the form's errors."""
        port = self._data[CONF_PORT]
        for entry in self._async_current_entries(include_ignore=False):
            if entry.data[CONF_HUB_KIND] != HUB_OCPP or entry.data[CONF_PORT] != port:
                continue
            if entry.entry_id != self.context.get("entry_id"):
                placeholders["hub"] = entry.title
                return {CONF_PORT: "port_taken"}
            if entry.state is ConfigEntryState.LOADED:
                return {}
        try:
            loop = asyncio.get_running_loop()
            server = await loop.create_server(asyncio.Protocol, None, port)
        except OSError as err:
            placeholders["detail"] = err.strerror or str(err)
            if err.errno == errno.EADDRINUSE:
                return {CONF_PORT: "link_address_in_use"}
            denied = err.errno == errno.EACCES
            return {CONF_PORT: "port_denied" if denied else "link_address_invalid"}
        server.close()
        await server.wait_closed()
        return {}
