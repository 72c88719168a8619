"""Steps that the set-up of every stream hub shares: listen, preview, create."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
import re
from typing import Any, override

import voluptuous as vol

from homeassistant.config_entries import (
    ConfigEntry,
    ConfigEntryState,
    ConfigFlow,
    ConfigFlowResult,
)
from homeassistant.const import CONF_DEVICE, CONF_HOST, CONF_PORT
from homeassistant.core import callback
from homeassistant.helpers.selector import TextSelector

from .connector.framing import Framing
from .connector.listening import GATHER_TIME, WAIT_TIME, listen
from .connector.model import Chunk, LinkError
from .connector.parsing import Format
from .connector.recognition import recognise
from .connector.requests import create_request
from .connector.transport import Link
from .const import (
    CONF_BAUDRATE,
    CONF_CONNECTOR_NAME,
    CONF_FORMAT,
    CONF_FRAMING,
    CONF_HUB_KIND,
    HUB_OCPP,
    HUB_SERIAL,
    HUB_TCP,
)
from .hubs import address_of, create_transport
from .request_flow import RequestSteps
from .selectors import Fields

ADVANCED = "advanced"

# BEMCom's CONNECTOR_NAME is a topic level, a database collection and an admin's keyword.
_CONNECTOR_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_CONNECTOR_NAME_LENGTH = 64

# What two hubs of a kind must not share.
_ADDRESS = {
    HUB_TCP: (CONF_HOST, CONF_PORT),
    HUB_SERIAL: (CONF_DEVICE,),
    HUB_OCPP: (CONF_HUB_KIND, CONF_PORT),
}

NAME_FIELD: Fields = {vol.Required(CONF_CONNECTOR_NAME): TextSelector()}


class HubSteps(RequestSteps, ConfigFlow):
    """The steps `listen`, `no_data`, `link_lost` and `create`.

    What a person enters about the link is in `_data`, all about its messages in `settings`.
    """

    preview_options = ("create", "decode", "listen", "find_baud_rate")

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

    @override
    def _offered(self, options: Sequence[str]) -> list[str]:
        """Return the options of a menu that make sense for this kind of hub."""
        kind = self._data.get(CONF_HUB_KIND)
        others = {HUB_TCP, HUB_SERIAL} - {kind}
        if not self.has_baud_rate:
            others.add("find_baud_rate")
        return [option for option in options if option not in others]

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
                    "address": address_of(self._data),
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
        await self._async_recognise()
        return self.async_show_progress_done(next_step_id="preview")

    async def async_step_no_data(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Say that nothing came, and offer ways on."""
        return self.async_show_menu(
            step_id="no_data",
            menu_options=self._offered(
                ["listen", "request", "find_baud_rate", "decode", HUB_TCP, HUB_SERIAL]
            ),
            description_placeholders={"seconds": f"{WAIT_TIME:g}"},
        )

    async def async_step_link_lost(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Say that the connection was lost, and offer ways on."""
        return self.async_show_menu(
            step_id="link_lost",
            menu_options=self._offered(
                ["listen", "request", "decode", HUB_TCP, HUB_SERIAL]
            ),
            description_placeholders={"detail": str(self._link_error)},
        )

    @override
    async def _async_after_request(self) -> ConfigFlowResult:
        """Listen to the answers."""
        return await self.async_step_listen()

    async def async_step_create(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Create the hub."""
        name = self._data[CONF_CONNECTOR_NAME]
        await self.async_set_unique_id(name, raise_on_progress=False)
        self._abort_if_unique_id_configured()
        address = _ADDRESS[self._data[CONF_HUB_KIND]]
        self._async_abort_entries_match({key: self._data[key] for key in address})
        return self.async_create_entry(
            title=name, data=self._data, options=self.settings
        )

    @callback
    @override
    def async_remove(self) -> None:
        """Let go of the device when the dialog is closed."""
        if self._listening is not None:
            self._listening.cancel()
        if self._link is not None:
            self.hass.async_create_task(self._async_disconnect())

    @override
    def _source(self) -> str:
        """Return where the data of the preview is from."""
        address = address_of(self._data)
        if self.has_baud_rate:
            return f"{address}, {self._data[CONF_BAUDRATE]} baud"
        return address

    async def _async_begin(
        self,
        user_input: Mapping[str, Any],
        errors: dict[str, str],
        placeholders: dict[str, str],
    ) -> dict[str, str]:
        """Name a new hub and open its link, unless there are `errors`; return all."""
        name = user_input[CONF_CONNECTOR_NAME].strip()
        self._data[CONF_CONNECTOR_NAME] = name
        errors = self._name_error(name) | errors
        return errors or await self._async_open(placeholders)

    def _name_error(self, name: str) -> dict[str, str]:
        """Check the name of a new hub; return the form's errors."""
        if len(name) > _CONNECTOR_NAME_LENGTH or not _CONNECTOR_NAME.fullmatch(name):
            return {CONF_CONNECTOR_NAME: "invalid_connector_name"}
        if any(entry.unique_id == name for entry in self._async_current_entries()):
            return {CONF_CONNECTOR_NAME: "connector_name_taken"}
        return {}

    async def _async_open(self, placeholders: dict[str, str]) -> dict[str, str]:
        """Open the link; return the form's errors."""
        await self._async_disconnect()
        try:
            self._link = await create_transport(self._data, self.settings).open()
        except LinkError as err:
            placeholders["detail"] = err.detail
            return {"base": f"link_{err.reason}"}
        return {}

    async def _async_try_changed(
        self, entry: ConfigEntry, attempt: Callable[[], Awaitable[dict[str, str]]]
    ) -> dict[str, str]:
        """Try what was changed of a hub; return the form's errors.

        The hub itself may hold the only connection that the device accepts.
        """
        holds = {ConfigEntryState.LOADED, ConfigEntryState.SETUP_RETRY}
        unloaded = entry.state in holds and await self.hass.config_entries.async_unload(
            entry.entry_id
        )
        fine = False
        try:
            errors = await attempt()
            fine = not errors
        finally:
            await self._async_disconnect()
            if unloaded and not fine:
                await self.hass.config_entries.async_setup(entry.entry_id)
        return errors

    def _finish_reconfigure(self, entry: ConfigEntry) -> ConfigFlowResult:
        """Keep the new address, and set the hub up with it."""
        if entry.update_listeners:
            return self.async_update_and_abort(entry, data_updates=self._data)
        # It was unloaded for the trial, or could not be set up: nobody listens.
        return self.async_update_reload_and_abort(entry, data_updates=self._data)

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
                request=create_request(self.settings),
            )
        finally:
            await self._async_disconnect()

    async def _async_recognise(self) -> None:
        """Take the settings that suit the sample best, unless the user chose some."""
        if self.chosen:
            return
        self.settings |= await self.hass.async_add_executor_job(recognise, self.sample)

    async def _async_disconnect(self) -> None:
        """Close the link, if it is open."""
        link, self._link = self._link, None
        if link is not None:
            await link.close()
