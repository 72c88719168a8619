"""Entities that are there: taking one away while its platform stays."""

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity_platform import async_get_platforms

from .const import DOMAIN


async def async_take_away(
    hass: HomeAssistant, entry: ConfigEntry, domain: str, unique_id: str
) -> None:
    """Take away an entity, if it is there; the registry goes on knowing it."""
    entity_id = er.async_get(hass).async_get_entity_id(domain, DOMAIN, unique_id)
    for platform in async_get_platforms(hass, DOMAIN):
        if platform.config_entry is entry and entity_id in platform.entities:
            await platform.async_remove_entity(entity_id)
