"""Options of a hub: how its messages are read, and what else is said to its link."""

from collections.abc import Sequence
from typing import Any, override

import voluptuous as vol

from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult
from homeassistant.const import CONF_DEVICE
from homeassistant.helpers.selector import TextSelector

from .connector.framer import DEFAULT_MAX_MESSAGE_SIZE
from .connector.framing import create_framer
from .connector.model import OptionsError
from .connector.reporting import DEFAULT_PERIOD, MAX_PERIOD, ReportStrategy
from .connector.serial_transport import has_baud_rate
from .connector.stream import DEFAULT_RECEIVE_TIMEOUT
from .connector.transport import (
    DEFAULT_CONNECT_TIMEOUT,
    DEFAULT_READ_SIZE,
    DEFAULT_WRITE_TIMEOUT,
)
from .const import (
    CONF_CALL_TIMEOUT,
    CONF_CONNECT_TIMEOUT,
    CONF_DEVICE_ID_KEY,
    CONF_DEVICE_NAME,
    CONF_FRAMING,
    CONF_HUB_KIND,
    CONF_INTER_BYTE_TIMEOUT,
    CONF_MAX_MESSAGE_SIZE,
    CONF_PING_INTERVAL,
    CONF_RECEIVE_TIMEOUT,
    CONF_RECV_BUFSIZE,
    CONF_REPORT_PERIOD,
    CONF_REPORT_STRATEGY,
    CONF_REPORT_TOLERANCE,
    CONF_UNKNOWN_CHARGE_POINTS,
    CONF_WRITE_TIMEOUT,
    HUB_CUSTOM,
    HUB_OCPP,
    HUB_SERIAL,
)
from .device_info import DEFAULT_DEVICE_NAME
from .hubs import address_of
from .mirror_flow import MirrorSteps
from .ocpp.model import HubOptions, UnknownPolicy
from .ocpp_address import async_url
from .request_flow import RequestSteps
from .selectors import Fields, number, select

LINK_FIELDS: Fields = {
    vol.Required(CONF_CONNECT_TIMEOUT, default=DEFAULT_CONNECT_TIMEOUT): number(
        1, 300, unit="s"
    ),
    vol.Required(CONF_RECEIVE_TIMEOUT, default=DEFAULT_RECEIVE_TIMEOUT): number(
        -1, 86400, unit="s", step=0.1
    ),
    vol.Required(CONF_INTER_BYTE_TIMEOUT, default=0): number(0, 60000, unit="ms"),
    vol.Required(CONF_WRITE_TIMEOUT, default=DEFAULT_WRITE_TIMEOUT): number(
        0, 300, unit="s", step=0.1
    ),
    vol.Required(CONF_RECV_BUFSIZE, default=DEFAULT_READ_SIZE): number(
        16, 262144, unit="B"
    ),
    vol.Required(CONF_MAX_MESSAGE_SIZE, default=DEFAULT_MAX_MESSAGE_SIZE): number(
        16, 1048576, unit="B"
    ),
}
LINK_SCHEMA = vol.Schema(LINK_FIELDS)

DEVICES_SCHEMA = vol.Schema(
    {
        vol.Optional(CONF_DEVICE_ID_KEY): TextSelector(),
        vol.Required(CONF_DEVICE_NAME, default=DEFAULT_DEVICE_NAME): TextSelector(),
    }
)
REPORTING_SCHEMA = vol.Schema(
    {
        vol.Required(
            CONF_REPORT_STRATEGY, default=ReportStrategy.ON_CHANGE.value
        ): select(list(ReportStrategy), "report_strategy"),
        vol.Required(CONF_REPORT_PERIOD, default=DEFAULT_PERIOD): number(
            0.1, MAX_PERIOD, unit="s", step=0.1
        ),
        vol.Required(CONF_REPORT_TOLERANCE, default=0): number(0, 1e9, step=0.001),
    }
)
_PRESET = HubOptions()
OCPP_SERVER_SCHEMA = vol.Schema(
    {
        vol.Required(CONF_UNKNOWN_CHARGE_POINTS, default=_PRESET.unknown.value): select(
            list(UnknownPolicy), "unknown_charge_points"
        ),
        vol.Required(CONF_CALL_TIMEOUT, default=_PRESET.call_timeout): number(
            5, 300, unit="s"
        ),
        vol.Required(CONF_PING_INTERVAL, default=_PRESET.ping_interval): number(
            5, 3600, unit="s"
        ),
    }
)

# Of a kind of hub that reads its messages in a way of its own.
_OFFERED = {
    HUB_CUSTOM: {"devices", "reporting", "mirror"},
    HUB_OCPP: {"connect_charger", "ocpp_server", "reporting", "mirror"},
}
_OF_OCPP_ONLY = {"connect_charger", "ocpp_server"}


class BemcomOptionsFlow(RequestSteps, MirrorSteps):
    """Change how a hub's messages are read, trying it on what came in lately."""

    preview_options = ("save", "decode")

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose what to change."""
        entry = self.config_entry
        self.settings = dict(entry.options)
        self.has_baud_rate = entry.data[CONF_HUB_KIND] == HUB_SERIAL and (
            has_baud_rate(entry.data[CONF_DEVICE])
        )
        self.chosen = True
        self.sample = ()
        if entry.state is ConfigEntryState.LOADED:
            self.sample = tuple(entry.runtime_data.connector.sample)
        return self.async_show_menu(
            step_id="init",
            menu_options=self._offered(
                [
                    "connect_charger",
                    "ocpp_server",
                    "decode",
                    "devices",
                    "reporting",
                    "request",
                    "link",
                    "mirror",
                ]
            ),
        )

    async def async_step_devices(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Say what tells the devices of the link apart."""
        errors: dict[str, str] = {}
        if user_input is not None:
            self.take_fields(DEVICES_SCHEMA, user_input)
            key = self.settings.get(CONF_DEVICE_ID_KEY, "").strip()
            self.settings[CONF_DEVICE_ID_KEY] = key
            if key and "${device_id}" not in self.settings[CONF_DEVICE_NAME]:
                errors[CONF_DEVICE_NAME] = "device_id_needed"
            else:
                return self._save()
        return self.async_show_form(
            step_id="devices",
            data_schema=self.add_suggested_values_to_schema(
                DEVICES_SCHEMA, self.settings
            ),
            errors=errors,
            # Braces in a text would be placeholders themselves.
            description_placeholders={"hub": "${hub}", "device_id": "${device_id}"},
        )

    async def async_step_reporting(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Say when a value is worth a new state."""
        if user_input is not None:
            self.take_fields(REPORTING_SCHEMA, user_input)
            return self._save()
        return self.async_show_form(
            step_id="reporting",
            data_schema=self.add_suggested_values_to_schema(
                REPORTING_SCHEMA, self.settings
            ),
        )

    async def async_step_link(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Change the limits of the link."""
        errors: dict[str, str] = {}
        if user_input is not None:
            self.take_fields(LINK_SCHEMA, user_input)
            try:
                create_framer(self.settings[CONF_FRAMING], self.settings)
            except OptionsError:
                # The framing was fine until now: its fixed size is beyond the new limit.
                errors[CONF_MAX_MESSAGE_SIZE] = "max_message_size_too_small"
            else:
                return self._save()
        return self.async_show_form(
            step_id="link",
            data_schema=self.add_suggested_values_to_schema(LINK_SCHEMA, self.settings),
            errors=errors,
        )

    async def async_step_ocpp_server(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Say how all charge points are treated."""
        if user_input is not None:
            self.take_fields(OCPP_SERVER_SCHEMA, user_input)
            return self._save()
        return self.async_show_form(
            step_id="ocpp_server",
            data_schema=self.add_suggested_values_to_schema(
                OCPP_SERVER_SCHEMA, self.settings
            ),
        )

    async def async_step_connect_charger(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show what to enter in a wallbox."""
        if user_input is not None:
            return await self.async_step_init()
        return self.async_show_form(
            step_id="connect_charger",
            data_schema=vol.Schema({}),
            description_placeholders={
                "url": await async_url(self.hass, self.config_entry.data)
            },
            last_step=False,
        )

    async def async_step_save(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Save framing and format."""
        return self._save()

    @override
    async def _async_after_request(self) -> ConfigFlowResult:
        """Save what is sent to the device."""
        return self._save()

    @override
    def _offered(self, options: Sequence[str]) -> list[str]:
        """Return the options of a menu that make sense for this kind of hub."""
        kind = self.config_entry.data[CONF_HUB_KIND]
        offered = _OFFERED.get(kind, {*options} - _OF_OCPP_ONLY)
        return [it for it in options if it in offered]

    @override
    def _source(self) -> str:
        """Return where the data of the preview is from."""
        return address_of(self.config_entry.data)

    @override
    def _save(self) -> ConfigFlowResult:
        """Save, and let the hub take it up."""
        entry = self.config_entry
        if not entry.update_listeners:
            # It could not be set up, so that nobody listens.
            self.hass.config_entries.async_update_entry(entry, options=self.settings)
            self.hass.config_entries.async_schedule_reload(entry.entry_id)
        return self.async_create_entry(data=self.settings)
