"""Opening the link of a hub that is set up, unless Home Assistant stops meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import Event, HomeAssistant
from homeassistant.exceptions import ConfigEntryNotReady

from .connector.base import Connector
from .connector.model import LinkError
from .const import DOMAIN
from .issues import HubIssues


async def async_open_link(
    hass: HomeAssistant,
    entry: ConfigEntry,
    connector: Connector,
    *,
    issues: HubIssues,
    shut_down: Callable[[], Awaitable[None]],
) -> None:
    """Connect, or raise ConfigEntryNotReady with the reason.

    As Home Assistant stops, now or later, the hub is shut down.
    """
    opening = asyncio.create_task(connector.start())

    async def stop(_event: Event) -> None:
        """Close the link, or stop opening it."""
        opening.cancel()
        await shut_down()

    entry.async_on_unload(hass.bus.async_listen(EVENT_HOMEASSISTANT_STOP, stop))
    try:
        await opening
    except LinkError as err:
        issues.async_not_connected(err)
        raise ConfigEntryNotReady(
            translation_domain=DOMAIN,
            translation_key=f"link_{err.reason}",
            translation_placeholders={
                "name": entry.title,
                "detail": err.detail or str(err),
            },
        ) from err
    except asyncio.CancelledError:
        if (task := asyncio.current_task()) and task.cancelling():
            raise
    if opening.cancelled() or hass.is_stopping:
        raise ConfigEntryNotReady(
            translation_domain=DOMAIN,
            translation_key="not_connected",
            translation_placeholders={"name": entry.title},
        )
