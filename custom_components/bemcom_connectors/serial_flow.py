"""Set up and reconfigure a serial hub, and find its baud rate."""

import asyncio
from collections.abc import Mapping
import re
from typing import Any, override

import voluptuous as vol

from homeassistant.config_entries import ConfigFlowResult
from homeassistant.const import CONF_DEVICE
from homeassistant.core import callback
from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import BooleanSelector, SerialPortSelector

from .connector.baud_rate import COMMON_BAUD_RATES, find_baud_rate
from .connector.model import Chunk, LinkError
from .connector.requests import create_request
from .connector.serial_transport import DEFAULT_BAUDRATE, has_baud_rate
from .connector.transport import Link
from .const import (
    CONF_BAUDRATE,
    CONF_BYTESIZE,
    CONF_CONNECTOR_NAME,
    CONF_DSRDTR,
    CONF_EXCLUSIVE,
    CONF_HUB_KIND,
    CONF_PARITY,
    CONF_RTSCTS,
    CONF_STOPBITS,
    CONF_XONXOFF,
    DOMAIN,
    HUB_SERIAL,
)
from .hub_flow import ADVANCED, NAME_FIELD, HubSteps
from .hubs import address_of, create_transport
from .options_flow import LINK_FIELDS
from .selectors import Fields, select
from .serial_ports import async_find_owner, async_lasting_path, is_url

_BAUDRATE = re.compile(r"[1-9][0-9]{0,7}")


_PORT_FIELDS: Fields = {
    vol.Required(CONF_DEVICE): SerialPortSelector(),
    vol.Required(CONF_BAUDRATE, default=str(DEFAULT_BAUDRATE)): select(
        [str(rate) for rate in sorted(COMMON_BAUD_RATES)], custom=True
    ),
}
_LINE_FIELDS: Fields = {
    vol.Required(CONF_BYTESIZE, default="8"): select(["5", "6", "7", "8"]),
    vol.Required(CONF_PARITY, default="none"): select(
        ["none", "even", "odd", "mark", "space"], "parity"
    ),
    vol.Required(CONF_STOPBITS, default="1"): select(["1", "1.5", "2"]),
    vol.Required(CONF_XONXOFF, default=False): BooleanSelector(),
    vol.Required(CONF_RTSCTS, default=False): BooleanSelector(),
    vol.Required(CONF_DSRDTR, default=False): BooleanSelector(),
    vol.Required(CONF_EXCLUSIVE, default=True): BooleanSelector(),
}
_LINE_DATA = tuple(str(marker) for marker in _LINE_FIELDS)

SERIAL_SCHEMA = vol.Schema(
    {
        **NAME_FIELD,
        **_PORT_FIELDS,
        vol.Optional(ADVANCED): section(
            vol.Schema({**_LINE_FIELDS, **LINK_FIELDS}), {"collapsed": True}
        ),
    }
)
RECONFIGURE_SERIAL_SCHEMA = vol.Schema(
    {
        **_PORT_FIELDS,
        vol.Optional(ADVANCED): section(vol.Schema(_LINE_FIELDS), {"collapsed": True}),
    }
)


class SerialSteps(HubSteps):
    """The steps `serial`, `find_baud_rate`, `no_baud_rate` and `reconfigure_serial`."""

    def __init__(self) -> None:
        """Begin with nothing known."""
        super().__init__()
        self._searching: asyncio.Task[tuple[int, list[Chunk]] | None] | None = None

    async def async_step_serial(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the port, and open it."""
        errors: dict[str, str] = {}
        placeholders = {"hub": "", "detail": ""}
        if user_input is not None:
            self._input = user_input
            errors = await self._async_take_serial(user_input, placeholders)
            errors = await self._async_begin(user_input, errors, placeholders)
            if not errors:
                return await self.async_step_listen()
        return self.async_show_form(
            step_id="serial",
            data_schema=self.add_suggested_values_to_schema(SERIAL_SCHEMA, self._input),
            errors=errors,
            description_placeholders=placeholders,
            last_step=False,
        )

    async def async_step_find_baud_rate(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Listen at one baud rate after the other until there is text."""
        if self._searching is None:
            await self._async_disconnect()
            self._searching = self.hass.async_create_task(
                find_baud_rate(
                    self._async_open_at,
                    self.async_update_progress,
                    request=create_request(self.settings),
                )
            )
        if not self._searching.done():
            return self.async_show_progress(
                step_id="find_baud_rate",
                progress_action="find_baud_rate",
                progress_task=self._searching,
                description_placeholders={"address": address_of(self._data)},
            )
        searching, self._searching = self._searching, None
        try:
            found = searching.result()
        except LinkError as err:
            self._link_error = err
            return self.async_show_progress_done(next_step_id="link_lost")
        if found is None:
            return self.async_show_progress_done(next_step_id="no_baud_rate")
        self._data[CONF_BAUDRATE], self.sample = found
        self._input = {**self._input, CONF_BAUDRATE: str(found[0])}
        await self._async_recognise()
        return self.async_show_progress_done(next_step_id="preview")

    async def async_step_no_baud_rate(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Say that no baud rate gave text, and offer ways on."""
        return self.async_show_menu(
            step_id="no_baud_rate",
            menu_options=["listen", "request", "decode", HUB_SERIAL],
        )

    async def async_step_reconfigure_serial(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Change the port or its settings."""
        entry = self._get_reconfigure_entry()
        errors: dict[str, str] = {}
        placeholders = {"hub": "", "detail": "", "name": entry.title}
        if user_input is not None:
            self.settings = dict(entry.options)
            errors = await self._async_take_serial(
                user_input, placeholders, entry.entry_id
            )
            changed = any(value != entry.data.get(k) for k, value in self._data.items())
            if changed and not errors:
                errors = await self._async_try_changed(
                    entry, lambda: self._async_open(placeholders)
                )
            if not errors:
                return self._finish_reconfigure(entry)
        suggested = user_input or {
            CONF_DEVICE: entry.data[CONF_DEVICE],
            CONF_BAUDRATE: str(entry.data[CONF_BAUDRATE]),
            ADVANCED: {key: entry.data[key] for key in _LINE_DATA},
        }
        return self.async_show_form(
            step_id="reconfigure_serial",
            data_schema=self.add_suggested_values_to_schema(
                RECONFIGURE_SERIAL_SCHEMA, suggested
            ),
            errors=errors,
            description_placeholders=placeholders,
        )

    @callback
    @override
    def async_remove(self) -> None:
        """Let go of the port when the dialog is closed."""
        if self._searching is not None:
            self._searching.cancel()
        super().async_remove()

    async def _async_open_at(self, rate: int) -> Link:
        """Open the port at a baud rate."""
        data = {**self._data, CONF_BAUDRATE: rate}
        return await create_transport(data, self.settings).open()

    async def _async_take_serial(
        self,
        user_input: Mapping[str, Any],
        placeholders: dict[str, str],
        entry_id: str | None = None,
    ) -> dict[str, str]:
        """Sort what was entered into data and options; return the form's errors."""
        advanced = SERIAL_SCHEMA({**_ANY_HUB, **user_input})[ADVANCED]
        # A path cannot have a NUL in it, and asking for one is an error of its own.
        device = user_input[CONF_DEVICE].strip().replace("\0", " ")
        self.has_baud_rate = has_baud_rate(device)
        self._data = {
            CONF_HUB_KIND: HUB_SERIAL,
            CONF_DEVICE: await async_lasting_path(self.hass, device),
            CONF_BAUDRATE: 0,
            **{key: advanced[key] for key in _LINE_DATA},
        }
        self.settings |= {
            key: value
            for key, value in user_input.get(ADVANCED, {}).items()
            if key not in _LINE_DATA
        }
        if not device.startswith("/") and not is_url(device):
            return {CONF_DEVICE: "invalid_device"}
        rate = user_input[CONF_BAUDRATE].strip()
        if not _BAUDRATE.fullmatch(rate):
            return {CONF_BAUDRATE: "invalid_baudrate"}
        self._data[CONF_BAUDRATE] = int(rate)
        owner = await async_find_owner(self.hass, self._data[CONF_DEVICE], entry_id)
        if owner is not None:
            placeholders["hub"] = owner.title
            ours = owner.domain == DOMAIN
            return {CONF_DEVICE: "address_in_use" if ours else "port_in_use"}
        return {}


# Enough of a form to get the defaults of its advanced section.
_ANY_HUB = {CONF_CONNECTOR_NAME: "", CONF_DEVICE: "", ADVANCED: {}}
