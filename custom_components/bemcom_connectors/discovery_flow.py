"""Pair a charge point that dialled in: a card that names it, and one form."""

from types import MappingProxyType
from typing import Any, Self, override

import voluptuous as vol

from homeassistant.config_entries import (
    ConfigEntry,
    ConfigEntryState,
    ConfigFlow,
    ConfigFlowResult,
    ConfigSubentry,
)
from homeassistant.const import CONF_NAME, CONF_PASSWORD
from homeassistant.helpers.typing import DiscoveryInfoType

from .charge_point_fields import confirm_fields, is_name, is_text, new_data
from .const import CONF_CERTIFICATE_NAME, SUBENTRY_CHARGE_POINT
from .known_datapoints import plain
from .ocpp.model import Identity, PendingChargePoint
from .ocpp_config import discovery_unique_id

_NOT_SAID = "–"


class DiscoverySteps(ConfigFlow):
    """The steps `integration_discovery` and `discovery_confirm`."""

    # Which charge point of which hub dialled in, and what it said when the card was made.
    _entry_id: str
    _charge_point_id: str
    _identity: Identity

    @override
    async def async_step_integration_discovery(
        self, discovery_info: DiscoveryInfoType
    ) -> ConfigFlowResult:
        """Show a card for a charge point that nobody added."""
        self._entry_id = discovery_info["entry_id"]
        self._charge_point_id = discovery_info["charge_point_id"]
        self._identity = Identity.from_dict(discovery_info)
        # A card that is shown already tells what is new.
        self.hass.config_entries.flow.async_has_matching_flow(self)
        await self.async_set_unique_id(self._discovered_as)
        self._abort_if_unique_id_configured()
        if self._hub is None or self._is_added(self._hub):
            return self.async_abort(reason="charge_point_known")
        self.context["title_placeholders"] = self._title_placeholders
        return await self.async_step_discovery_confirm()

    async def async_step_discovery_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Say who dialled in, and add it."""
        if (hub := self._hub) is None:
            return self.async_abort(reason="hub_gone")
        if self._is_added(hub):
            return self.async_abort(reason="charge_point_known")
        pending = self._pending(hub)
        identity = self._identity
        if pending is not None and pending.identity != Identity():
            identity = pending.identity
        errors: dict[str, str] = {}
        if user_input is not None:
            errors = self._confirm_error(hub, user_input)
            if not errors:
                return self._add(hub, user_input)
        fields = confirm_fields(
            has_password=pending is not None and pending.has_password
        )
        suggested = user_input or {CONF_NAME: _name(identity)}
        return self.async_show_form(
            step_id="discovery_confirm",
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema(fields), suggested
            ),
            errors=errors,
            description_placeholders={
                "id": plain(self._charge_point_id),
                "vendor": plain(identity.vendor) or _NOT_SAID,
                "model": plain(identity.model) or _NOT_SAID,
                "serial_number": plain(identity.serial_number) or _NOT_SAID,
                "hub": hub.title,
            },
            last_step=True,
        )

    @override
    def is_matching(self, other_flow: Self) -> bool:
        """Tell the card of the same charge point that there is news, if there is one."""
        if other_flow.unique_id != self._discovered_as:
            return False
        other_flow._identity = self._identity
        other_flow.async_update_title_placeholders(self._title_placeholders)
        return True

    @property
    def _discovered_as(self) -> str:
        """Return the unique id of the charge point among those that dialled in."""
        return discovery_unique_id(self._entry_id, self._charge_point_id)

    @property
    def _hub(self) -> ConfigEntry | None:
        """Return the hub that it dialled in to, if it is there still."""
        return self.hass.config_entries.async_get_entry(self._entry_id)

    @property
    def _title_placeholders(self) -> dict[str, str]:
        """Return what the card is called."""
        identity, charge_point_id = self._identity, plain(self._charge_point_id)
        known_by = [charge_point_id]
        if (serial_number := plain(identity.serial_number)) not in {"", *known_by}:
            known_by.append(serial_number)
        named = _name(identity)
        listed = ", ".join(known_by)
        return {"name": f"{named} ({listed})" if named else listed}

    def _is_added(self, hub: ConfigEntry) -> bool:
        """Tell whether somebody added it meanwhile."""
        return any(
            it.unique_id == self._charge_point_id
            for it in hub.subentries.values()
            if it.subentry_type == SUBENTRY_CHARGE_POINT
        )

    def _pending(self, hub: ConfigEntry) -> PendingChargePoint | None:
        """Return what is known of it now; nothing if it hung up."""
        if hub.state is not ConfigEntryState.LOADED:
            return None
        pending: PendingChargePoint | None = hub.runtime_data.connector.pending.get(
            self._charge_point_id
        )
        return pending

    def _confirm_error(
        self, hub: ConfigEntry, user_input: dict[str, Any]
    ) -> dict[str, str]:
        """Check what was entered; return the form's errors."""
        if not is_name(user_input.get(CONF_NAME, "").strip()):
            return {CONF_NAME: "invalid_name"}
        password = user_input.get(CONF_PASSWORD, "")
        if not is_text(password):
            return {CONF_PASSWORD: "invalid_password"}
        # Of one that hung up nobody knows which password it has.
        if (
            password
            and self._pending(hub) is not None
            and not hub.runtime_data.connector.presents_password(
                self._charge_point_id, password
            )
        ):
            return {CONF_PASSWORD: "wrong_password"}
        return {}

    def _add(self, hub: ConfigEntry, user_input: dict[str, Any]) -> ConfigFlowResult:
        """Add the charge point to its hub; that is all, there is no hub to create."""
        pending = self._pending(hub)
        data = new_data(
            self._charge_point_id, password=user_input.get(CONF_PASSWORD, "")
        )
        if pending is not None and pending.certificate_name not in {
            self._charge_point_id,
            pending.identity.serial_number,
        }:
            # It would be refused the next time.
            data[CONF_CERTIFICATE_NAME] = pending.certificate_name
        title = user_input.get(CONF_NAME, "").strip() or self._charge_point_id
        self.hass.config_entries.async_add_subentry(
            hub,
            ConfigSubentry(
                data=MappingProxyType(data),
                subentry_type=SUBENTRY_CHARGE_POINT,
                title=title,
                unique_id=self._charge_point_id,
            ),
        )
        return self.async_abort(
            reason="charge_point_added",
            description_placeholders={"name": plain(title), "hub": hub.title},
        )


def _name(identity: Identity) -> str:
    """Return what a charge point calls itself, its vendor once."""
    vendor, model = plain(identity.vendor), plain(identity.model)
    if model.casefold().startswith(vendor.casefold()):
        return model
    return f"{vendor} {model}".strip()
