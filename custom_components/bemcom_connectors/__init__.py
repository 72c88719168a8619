"""BEMCom connectors: TCP sockets, serial ports and EV chargers as hubs of datapoints."""

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ConfigEntryError
from homeassistant.helpers import config_validation as cv, device_registry as dr
from homeassistant.helpers.typing import ConfigType

from .command_target import shown_on
from .connector.model import OptionsError
from .connector_types import async_ask_integrations
from .const import DOMAIN, PLATFORMS
from .coordinator import BemcomConfigEntry, ConnectorCoordinator
from .datapoint_catalog import datapoint_store
from .device_info import device_id_of, register_hub
from .hub_mirror import async_forget_mirror
from .hubs import create_connector
from .issues import async_setup_issues, delete_issues
from .link_devices import async_forget_device, device_store
from .ocpp_config import ignored_entries
from .ocpp_devices import ocpp_store
from .services import async_setup_services

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Set up what all hubs share."""
    async_setup_services(hass)
    async_setup_issues(hass)
    await async_ask_integrations(hass)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: BemcomConfigEntry) -> bool:
    """Set up a hub."""
    # What is changed while the link is opened counts too.
    entry.async_on_unload(entry.add_update_listener(_async_updated))
    try:
        connector = create_connector(hass, entry.data, entry.options)
        coordinator = ConnectorCoordinator(hass, entry, connector)
    except OptionsError as err:
        raise ConfigEntryError(
            translation_domain=DOMAIN,
            translation_key="options_invalid",
            translation_placeholders={"name": entry.title, "error": str(err)},
        ) from err
    await coordinator.async_start()
    register_hub(hass, entry)
    entry.runtime_data = coordinator
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    return True


async def _async_updated(hass: HomeAssistant, entry: BemcomConfigEntry) -> None:
    """Set a hub up anew with other options; other overrides leave its link open."""
    if entry.state is ConfigEntryState.LOADED and entry.runtime_data.is_up_to_date:
        await entry.runtime_data.async_show_anew()
    else:
        await hass.config_entries.async_reload(entry.entry_id)


async def async_unload_entry(hass: HomeAssistant, entry: BemcomConfigEntry) -> bool:
    """Unload a hub; first its link, which might bring new entities meanwhile."""
    await entry.runtime_data.async_shutdown()
    return await hass.config_entries.async_unload_platforms(entry, PLATFORMS)


async def async_remove_entry(hass: HomeAssistant, entry: BemcomConfigEntry) -> None:
    """Remove what was stored about a hub."""
    delete_issues(hass, entry)
    await datapoint_store(hass, entry.entry_id).async_remove()
    await device_store(hass, entry.entry_id).async_remove()
    await ocpp_store(hass, entry.entry_id).async_remove()
    await async_forget_mirror(hass, entry)
    for ignored in ignored_entries(hass, entry):
        await hass.config_entries.async_remove(ignored.entry_id)


async def async_remove_config_entry_device(
    hass: HomeAssistant, entry: BemcomConfigEntry, device_entry: dr.AnyDeviceEntry
) -> bool:
    """Allow to delete what is no longer there; the hub itself always is.

    A device with actuators would come back with them, and a charge point goes with what the
    user added it by.
    """
    if (DOMAIN, entry.entry_id) in device_entry.identifiers:
        return False
    device_id = device_id_of(entry, device_entry)
    if device_entry.config_subentry_id is not None:
        # Of those a connector that is not there can be deleted.
        if (
            device_id is None
            or entry.state is not ConfigEntryState.LOADED
            or (ocpp := entry.runtime_data.ocpp) is None
            or not ocpp.async_forget_connector(device_id)
        ):
            return False
        # It may come again, with new entities.
        await entry.runtime_data.async_show_anew()
        return True
    if device_id is not None and shown_on(entry, device_id):
        return False
    if entry.state is not ConfigEntryState.LOADED:
        await async_forget_device(hass, entry, device_entry)
    return True
