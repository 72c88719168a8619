"""BEMCom connectors: TCP sockets as hubs of datapoints."""

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ConfigEntryError
from homeassistant.helpers import device_registry as dr

from .connector.model import OptionsError
from .const import DOMAIN, PLATFORMS
from .coordinator import BemcomConfigEntry, ConnectorCoordinator, datapoint_store
from .hubs import create_connector
from .issues import delete_issues


async def async_setup_entry(hass: HomeAssistant, entry: BemcomConfigEntry) -> bool:
    """Set up a hub."""
    try:
        connector = create_connector(entry.data, entry.options)
    except OptionsError as err:
        raise ConfigEntryError(
            translation_domain=DOMAIN,
            translation_key="options_invalid",
            translation_placeholders={"name": entry.title, "error": str(err)},
        ) from err
    coordinator = ConnectorCoordinator(hass, entry, connector)
    await coordinator.async_start()
    entry.runtime_data = coordinator
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    return True


async def async_unload_entry(hass: HomeAssistant, entry: BemcomConfigEntry) -> bool:
    """Unload a hub; first its link, which might bring new entities meanwhile."""
    await entry.runtime_data.async_shutdown()
    return await hass.config_entries.async_unload_platforms(entry, PLATFORMS)


async def async_remove_entry(hass: HomeAssistant, entry: BemcomConfigEntry) -> None:
    """Remove what was stored about a hub."""
    delete_issues(hass, entry)
    await datapoint_store(hass, entry.entry_id).async_remove()


async def async_remove_config_entry_device(
    hass: HomeAssistant, entry: BemcomConfigEntry, device_entry: dr.DeviceEntry
) -> bool:
    """Allow to delete what is no longer there; the hub itself always is."""
    return (DOMAIN, entry.entry_id) not in device_entry.identifiers
