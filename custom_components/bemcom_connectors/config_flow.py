"""Config flow of the BEMCom connectors."""

import asyncio
from collections.abc import Mapping, Sequence
import re
from typing import Any, override

import voluptuous as vol

from homeassistant.config_entries import (
    ConfigEntry,
    ConfigEntryState,
    ConfigFlow,
    ConfigFlowResult,
)
from homeassistant.const import CONF_HOST, CONF_PORT, CONF_VERIFY_SSL
from homeassistant.core import callback
from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    TextSelector,
)

from .connector.framing import Framing
from .connector.listening import GATHER_TIME, WAIT_TIME, listen
from .connector.model import Chunk, LinkError
from .connector.parsing import Format
from .connector.recognition import recognise
from .connector.transport import Link
from .const import (
    CONF_CONNECTOR_NAME,
    CONF_FORMAT,
    CONF_FRAMING,
    CONF_HUB_KIND,
    CONF_TLS,
    DOMAIN,
    HUB_TCP,
)
from .decoding_flow import DecodingSteps
from .hubs import create_transport
from .options_flow import LINK_FIELDS, BemcomOptionsFlow

ADVANCED = "advanced"

# BEMCom's CONNECTOR_NAME is a topic level, a database collection and an admin's keyword.
_CONNECTOR_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_CONNECTOR_NAME_LENGTH = 64
_HOST = re.compile(r"[^\s/:@]+|[0-9A-Fa-f:.]+(%[\w.-]+)?")

_ADDRESS_FIELDS: dict[vol.Marker, Any] = {
    vol.Required(CONF_HOST): TextSelector(),
    vol.Required(CONF_PORT): NumberSelector(
        NumberSelectorConfig(min=1, max=65535, mode=NumberSelectorMode.BOX)
    ),
}
_TLS_FIELDS: dict[vol.Marker, Any] = {
    vol.Required(CONF_TLS, default=False): BooleanSelector(),
    vol.Required(CONF_VERIFY_SSL, default=True): BooleanSelector(),
}

TCP_SCHEMA = vol.Schema(
    {
        vol.Required(CONF_CONNECTOR_NAME): TextSelector(),
        **_ADDRESS_FIELDS,
        vol.Optional(ADVANCED): section(
            vol.Schema({**_TLS_FIELDS, **LINK_FIELDS}), {"collapsed": True}
        ),
    }
)
RECONFIGURE_SCHEMA = vol.Schema(
    {
        **_ADDRESS_FIELDS,
        vol.Optional(ADVANCED): section(vol.Schema(_TLS_FIELDS), {"collapsed": True}),
    }
)

_TCP_DATA = (CONF_HOST, CONF_PORT, CONF_TLS, CONF_VERIFY_SSL)


class BemcomConfigFlow(DecodingSteps, ConfigFlow, domain=DOMAIN):
    """Set up a hub: connect, listen, show what it says, create."""

    VERSION = 1
    preview_options = ("create", "decode", "listen")

    def __init__(self) -> None:
        """Begin with nothing known."""
        self.sample: Sequence[Chunk] = ()
        self.settings: dict[str, Any] = {
            CONF_FRAMING: Framing.AUTO.value,
            CONF_FORMAT: Format.JSON.value,
        }
        self._input: dict[str, Any] = {}
        self._data: dict[str, Any] = {}
        self._link: Link | None = None
        self._listening: asyncio.Task[list[Chunk]] | None = None
        self._link_error: LinkError | None = None

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: ConfigEntry) -> BemcomOptionsFlow:
        """Create the options flow."""
        return BemcomOptionsFlow()

    @override
    async def async_step_user(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose the kind of hub."""
        return self.async_show_menu(step_id="user", menu_options=[HUB_TCP])

    async def async_step_tcp(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask where the device listens, and connect to it."""
        errors: dict[str, str] = {}
        placeholders = {"hub": "", "detail": ""}
        if user_input is not None:
            self._input = user_input
            self._take(user_input)
            name = self._data[CONF_CONNECTOR_NAME]
            if len(name) > _CONNECTOR_NAME_LENGTH or not _CONNECTOR_NAME.fullmatch(
                name
            ):
                errors[CONF_CONNECTOR_NAME] = "invalid_connector_name"
            elif self._name_is_taken(name):
                errors[CONF_CONNECTOR_NAME] = "connector_name_taken"
            errors |= await self._async_connect(placeholders, skip=bool(errors))
            if not errors:
                return await self.async_step_listen()
        return self.async_show_form(
            step_id="tcp",
            data_schema=self.add_suggested_values_to_schema(TCP_SCHEMA, self._input),
            errors=errors,
            description_placeholders=placeholders,
            last_step=False,
        )

    async def async_step_listen(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Wait for the first messages and recognise what they are."""
        if self._listening is None:
            self._listening = self.hass.async_create_task(self._async_listen())
        if not self._listening.done():
            return self.async_show_progress(
                step_id="listen",
                progress_action="listen",
                progress_task=self._listening,
                description_placeholders={
                    "host": self._data[CONF_HOST],
                    "port": str(self._data[CONF_PORT]),
                    "seconds": f"{WAIT_TIME:g}",
                },
            )
        listening, self._listening = self._listening, None
        try:
            self.sample = listening.result()
        except LinkError as err:
            self._link_error = err
            return self.async_show_progress_done(next_step_id="link_lost")
        if not self.sample:
            return self.async_show_progress_done(next_step_id="no_data")
        self.settings |= await self.hass.async_add_executor_job(recognise, self.sample)
        return self.async_show_progress_done(next_step_id="preview")

    async def async_step_no_data(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Say that nothing came, and offer ways on."""
        return self.async_show_menu(
            step_id="no_data",
            menu_options=["listen", "decode", HUB_TCP],
            description_placeholders={"seconds": f"{WAIT_TIME:g}"},
        )

    async def async_step_link_lost(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Say that the connection was lost, and offer ways on."""
        return self.async_show_menu(
            step_id="link_lost",
            menu_options=["listen", "decode", HUB_TCP],
            description_placeholders={"detail": str(self._link_error)},
        )

    async def async_step_create(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Create the hub."""
        name = self._data[CONF_CONNECTOR_NAME]
        await self.async_set_unique_id(name, raise_on_progress=False)
        self._abort_if_unique_id_configured()
        self._async_abort_entries_match(
            {key: self._data[key] for key in (CONF_HOST, CONF_PORT)}
        )
        return self.async_create_entry(
            title=name, data=self._data, options=self.settings
        )

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Change where the device is."""
        entry = self._get_reconfigure_entry()
        errors: dict[str, str] = {}
        placeholders = {"hub": "", "detail": "", "name": entry.title}
        if user_input is not None:
            self._take(user_input)
            self.settings = dict(entry.options)
            changed = any(self._data[key] != entry.data.get(key) for key in _TCP_DATA)
            # The hub itself may hold the only connection that the device accepts.
            unloaded = changed and await self._async_unload(entry)
            errors = await self._async_connect(placeholders, skip=not changed)
            await self._async_disconnect()
            if errors and unloaded:
                await self.hass.config_entries.async_setup(entry.entry_id)
            if not errors:
                return self.async_update_reload_and_abort(
                    entry, data_updates=self._data
                )
        suggested = user_input or {
            **entry.data,
            ADVANCED: {key: entry.data[key] for key in (CONF_TLS, CONF_VERIFY_SSL)},
        }
        return self.async_show_form(
            step_id="reconfigure",
            data_schema=self.add_suggested_values_to_schema(
                RECONFIGURE_SCHEMA, suggested
            ),
            errors=errors,
            description_placeholders=placeholders,
        )

    @callback
    @override
    def async_remove(self) -> None:
        """Let go of the device when the dialog is closed."""
        if self._listening is not None:
            self._listening.cancel()
        if self._link is not None:
            self.hass.async_create_task(self._async_disconnect())

    def _take(self, user_input: Mapping[str, Any]) -> None:
        """Sort what was entered into data and options."""
        advanced = user_input.get(ADVANCED, {})
        self._data = {
            CONF_HUB_KIND: HUB_TCP,
            CONF_HOST: user_input[CONF_HOST].strip().strip("[]").lower(),
            CONF_PORT: int(user_input[CONF_PORT]),
            CONF_TLS: advanced.get(CONF_TLS, False),
            CONF_VERIFY_SSL: advanced.get(CONF_VERIFY_SSL, True),
        }
        if CONF_CONNECTOR_NAME in user_input:
            self._data[CONF_CONNECTOR_NAME] = user_input[CONF_CONNECTOR_NAME].strip()
        self.settings |= {
            key: value for key, value in advanced.items() if key not in _TCP_DATA
        }

    def _name_is_taken(self, name: str) -> bool:
        """Tell whether another hub has the name."""
        return any(entry.unique_id == name for entry in self._async_current_entries())

    async def _async_connect(
        self, placeholders: dict[str, str], *, skip: bool
    ) -> dict[str, str]:
        """Check the address and connect; return the form's errors."""
        host, port = self._data[CONF_HOST], self._data[CONF_PORT]
        if not _HOST.fullmatch(host):
            return {CONF_HOST: "invalid_host"}
        for entry in self._async_current_entries():
            if (
                (entry.data.get(CONF_HOST), entry.data.get(CONF_PORT)) == (host, port)
                and entry.entry_id != self.context.get("entry_id")
            ):  # fmt: skip
                placeholders["hub"] = entry.title
                return {"base": "address_in_use"}
        if skip:
            return {}
        await self._async_disconnect()
        try:
            self._link = await create_transport(self._data, self.settings).open()
        except LinkError as err:
            placeholders["detail"] = err.detail
            return {"base": f"link_{err.reason}"}
        return {}

    async def _async_unload(self, entry: ConfigEntry) -> bool:
        """Let the hub go if it is loaded; tell whether it was."""
        return (
            entry.state is ConfigEntryState.LOADED
            and await self.hass.config_entries.async_unload(entry.entry_id)
        )

    async def _async_listen(self) -> list[Chunk]:
        """Listen on the open link, or on a new one."""
        try:
            if self._link is None:
                self._link = await create_transport(self._data, self.settings).open()
            return await listen(
                self._link,
                wait=WAIT_TIME,
                gather=GATHER_TIME,
                on_wait=self.async_update_progress,
            )
        finally:
            await self._async_disconnect()

    async def _async_disconnect(self) -> None:
        """Close the link, if it is open."""
        link, self._link = self._link, None
        if link is not None:
            await link.close()
