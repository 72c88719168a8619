"""Set up and reconfigure a hub with a connector that another integration offers."""

import asyncio
import logging
from typing import Any

import voluptuous as vol

from homeassistant.config_entries import ConfigFlowResult
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
)

from .connector.model import LinkError, OptionsError
from .connector.transport import DEFAULT_CONNECT_TIMEOUT
from .connector_types import ConnectorType, offered_connectors
from .const import (
    CONF_CONNECTOR_NAME,
    CONF_CONNECTOR_TYPE,
    CONF_HUB_KIND,
    CONF_SETTINGS,
    HUB_CUSTOM,
)
from .hub_flow import NAME_FIELD, HubSteps
from .selectors import Fields

_LOGGER = logging.getLogger(__name__)

CUSTOM_FIELDS: Fields = {
    vol.Required(CONF_CONNECTOR_TYPE): SelectSelector(SelectSelectorConfig(options=[]))
}
# Beside the fields of the connector itself.
CUSTOM_SETTINGS_FIELDS = NAME_FIELD
RECONFIGURE_CUSTOM_FIELDS: Fields = {}


class CustomSteps(HubSteps):
    """The steps `custom`, `custom_settings` and `reconfigure_custom`."""

    def _kinds(self, kinds: list[str]) -> list[str]:
        """Return the kinds of hubs that can be added now."""
        offered = offered_connectors(self.hass)
        return [kind for kind in kinds if offered or kind != HUB_CUSTOM]

    async def async_step_custom(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose a connector, if there are several."""
        offered = offered_connectors(self.hass)
        if user_input is None and len(offered) == 1:
            user_input = {CONF_CONNECTOR_TYPE: next(iter(offered))}
        if user_input is not None:
            self._data = {CONF_HUB_KIND: HUB_CUSTOM, **user_input}
            return await self.async_step_custom_settings()
        choices = [
            SelectOptionDict(value=kind, label=connector_type.name)
            for kind, connector_type in offered.items()
        ]
        config = SelectSelectorConfig(options=choices, sort=True)
        return self.async_show_form(
            step_id="custom",
            data_schema=vol.Schema(
                dict.fromkeys(CUSTOM_FIELDS, SelectSelector(config))
            ),
            last_step=False,
        )

    async def async_step_custom_settings(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the settings of the connector, try them and create the hub."""
        if (connector_type := self._connector_type()) is None:
            return self.async_abort(
                reason="connector_type_missing",
                description_placeholders={"kind": self._data[CONF_CONNECTOR_TYPE]},
            )
        errors: dict[str, str] = {}
        placeholders = {
            "connector": connector_type.name,
            "description": connector_type.description,
            "detail": "",
        }
        if user_input is not None:
            settings = dict(user_input)
            name = settings.pop(CONF_CONNECTOR_NAME).strip()
            self._data |= {CONF_CONNECTOR_NAME: name, CONF_SETTINGS: settings}
            errors = self._name_error(name)
            errors = errors or await self._async_try(connector_type, placeholders)
            if not errors:
                return await self._async_create_custom()
        schema = vol.Schema({**CUSTOM_SETTINGS_FIELDS, **connector_type.fields})
        return self.async_show_form(
            step_id="custom_settings",
            data_schema=self.add_suggested_values_to_schema(schema, user_input),
            errors=errors,
            description_placeholders=placeholders,
        )

    async def async_step_reconfigure_custom(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Change the settings of the connector."""
        entry = self._get_reconfigure_entry()
        self._data = dict(entry.data)
        if (connector_type := self._connector_type()) is None:
            return self.async_abort(
                reason="connector_type_missing",
                description_placeholders={"kind": self._data[CONF_CONNECTOR_TYPE]},
            )
        errors: dict[str, str] = {}
        placeholders = {
            "name": entry.title,
            "connector": connector_type.name,
            "description": connector_type.description,
            "detail": "",
        }
        if user_input is not None:
            self._data[CONF_SETTINGS] = user_input
            if self._data != entry.data:
                errors = await self._async_try_changed(
                    entry, lambda: self._async_try(connector_type, placeholders)
                )
            if not errors:
                return self._finish_reconfigure(entry)
        schema = vol.Schema({**RECONFIGURE_CUSTOM_FIELDS, **connector_type.fields})
        return self.async_show_form(
            step_id="reconfigure_custom",
            data_schema=self.add_suggested_values_to_schema(
                schema, self._data[CONF_SETTINGS]
            ),
            errors=errors,
            description_placeholders=placeholders,
        )

    def _connector_type(self) -> ConnectorType | None:
        """Return the connector of the hub; None: it is not offered any more."""
        return offered_connectors(self.hass).get(self._data[CONF_CONNECTOR_TYPE])

    async def _async_try(
        self, connector_type: ConnectorType, placeholders: dict[str, str]
    ) -> dict[str, str]:
        """Open a link with what was entered, and close it; return the form's errors."""
        name, settings = self._data[CONF_CONNECTOR_NAME], self._data[CONF_SETTINGS]
        try:
            connector = connector_type.make(name, settings)
            try:
                async with asyncio.timeout(DEFAULT_CONNECT_TIMEOUT):
                    await connector.connect()
            finally:
                await connector.stop()
        except LinkError as err:
            placeholders["detail"] = err.detail or str(err)
            return {"base": f"link_{err.reason}"}
        except TimeoutError:
            return {"base": "link_timeout"}
        except OptionsError as err:
            placeholders["detail"] = str(err)
            known = err.option in settings
            return {err.option if known else "base": "connector_setting"}
        except Exception as err:
            _LOGGER.exception("The connector %s failed", connector_type.kind)
            placeholders["detail"] = f"{type(err).__name__}: {err}"
            return {"base": "connector_failed"}
        return {}

    async def _async_create_custom(self) -> ConfigFlowResult:
        """Create the hub."""
        name = self._data[CONF_CONNECTOR_NAME]
        await self.async_set_unique_id(name, raise_on_progress=False)
        self._abort_if_unique_id_configured()
        return self.async_create_entry(title=name, data=self._data, options={})
