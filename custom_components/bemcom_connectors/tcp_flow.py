"""Set up and reconfigure a TCP hub."""

from collections.abc import Mapping
from typing import Any

import voluptuous as vol

from homeassistant.config_entries import ConfigFlowResult
from homeassistant.const import CONF_HOST, CONF_PORT, CONF_VERIFY_SSL
from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import BooleanSelector, TextSelector

from .const import CONF_HUB_KIND, CONF_TLS, HUB_TCP
from .hub_flow import ADVANCED, NAME_FIELD, HubSteps
from .options_flow import LINK_FIELDS
from .selectors import HOST, Fields, number

_ADDRESS_FIELDS: Fields = {
    vol.Required(CONF_HOST): TextSelector(),
    vol.Required(CONF_PORT): number(1, 65535),
}
_TLS_FIELDS: Fields = {
    vol.Required(CONF_TLS, default=False): BooleanSelector(),
    vol.Required(CONF_VERIFY_SSL, default=True): BooleanSelector(),
}

TCP_SCHEMA = vol.Schema(
    {
        **NAME_FIELD,
        **_ADDRESS_FIELDS,
        vol.Optional(ADVANCED): section(
            vol.Schema({**_TLS_FIELDS, **LINK_FIELDS}), {"collapsed": True}
        ),
    }
)
RECONFIGURE_TCP_SCHEMA = vol.Schema(
    {
        **_ADDRESS_FIELDS,
        vol.Optional(ADVANCED): section(vol.Schema(_TLS_FIELDS), {"collapsed": True}),
    }
)

_TCP_DATA = (CONF_HOST, CONF_PORT, CONF_TLS, CONF_VERIFY_SSL)


class TcpSteps(HubSteps):
    """The steps `tcp` and `reconfigure_tcp`."""

    async def async_step_tcp(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask where the device listens, and connect to it."""
        self.has_baud_rate = False
        errors: dict[str, str] = {}
        placeholders = {"hub": "", "detail": ""}
        if user_input is not None:
            self._input = user_input
            self._take_tcp(user_input)
            errors = self._tcp_error(placeholders)
            errors = await self._async_begin(user_input, errors, placeholders)
            if not errors:
                return await self.async_step_listen()
        return self.async_show_form(
            step_id="tcp",
            data_schema=self.add_suggested_values_to_schema(TCP_SCHEMA, self._input),
            errors=errors,
            description_placeholders=placeholders,
            last_step=False,
        )

    async def async_step_reconfigure_tcp(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Change where the device is."""
        entry = self._get_reconfigure_entry()
        errors: dict[str, str] = {}
        placeholders = {"hub": "", "detail": "", "name": entry.title}
        if user_input is not None:
            self._take_tcp(user_input)
            self.settings = dict(entry.options)
            changed = any(self._data[key] != entry.data.get(key) for key in _TCP_DATA)
            errors = self._tcp_error(placeholders)
            if changed and not errors:
                errors = await self._async_try_changed(
                    entry, lambda: self._async_open(placeholders)
                )
            if not errors:
                return self._finish_reconfigure(entry)
        suggested = user_input or {
            **entry.data,
            ADVANCED: {key: entry.data[key] for key in (CONF_TLS, CONF_VERIFY_SSL)},
        }
        return self.async_show_form(
            step_id="reconfigure_tcp",
            data_schema=self.add_suggested_values_to_schema(
                RECONFIGURE_TCP_SCHEMA, suggested
            ),
            errors=errors,
            description_placeholders=placeholders,
        )

    def _take_tcp(self, user_input: Mapping[str, Any]) -> None:
        """Sort what was entered into data and options."""
        advanced = user_input.get(ADVANCED, {})
        self._data = {
            CONF_HUB_KIND: HUB_TCP,
            CONF_HOST: user_input[CONF_HOST].strip().strip("[]").lower(),
            CONF_PORT: int(user_input[CONF_PORT]),
            CONF_TLS: advanced.get(CONF_TLS, False),
            CONF_VERIFY_SSL: advanced.get(CONF_VERIFY_SSL, True),
        }
        self.settings |= {
            key: value for key, value in advanced.items() if key not in _TCP_DATA
        }

    def _tcp_error(self, placeholders: dict[str, str]) -> dict[str, str]:
        """Check the address; return the form's errors."""
        host, port = self._data[CONF_HOST], self._data[CONF_PORT]
        if not HOST.fullmatch(host):
            return {CONF_HOST: "invalid_host"}
        for entry in self._async_current_entries():
            if (
                (entry.data.get(CONF_HOST), entry.data.get(CONF_PORT)) == (host, port)
                and entry.entry_id != self.context.get("entry_id")
            ):  # fmt: skip
                placeholders["hub"] = entry.title
                return {"base": "address_in_use"}
        return {}
