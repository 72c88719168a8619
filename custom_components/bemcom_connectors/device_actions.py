"""The actions register_device and unregister_device: SEPL's Device."""

import voluptuous as vol

from homeassistant.const import CONF_ID, CONF_NAME, CONF_TYPE
from homeassistant.core import ServiceCall
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv

from .command_target import shown_on
from .connector.devices import Device
from .const import DOMAIN
from .targets import ATTR_DEVICE_ID, ATTR_HUB, Action, device_on_link, hub_entry

MAX_LENGTH = 255

_TEXT = vol.All(cv.string, vol.Length(max=MAX_LENGTH))

REGISTER_DEVICE_SCHEMA = vol.Schema(
    {
        vol.Optional(ATTR_HUB): cv.string,
        vol.Required(CONF_ID): cv.string,
        vol.Optional(CONF_TYPE, default="default"): _TEXT,
        vol.Optional(CONF_NAME, default=""): _TEXT,
    }
)
UNREGISTER_DEVICE_SCHEMA = vol.Schema(
    {vol.Optional(ATTR_HUB): cv.string, vol.Required(CONF_ID): cv.string}
)


async def _async_register(call: ServiceCall) -> None:
    """Have a device on the link of a hub from now on, or change its type and name."""
    entry = hub_entry(call.hass, call.data)
    device_id = call.data[CONF_ID].strip()
    # As the ids that devices send: those have no white space around them either.
    if (
        not device_id
        or len(device_id) > MAX_LENGTH
        or not device_id.isprintable()
        or device_id == entry.runtime_data.connector.name
    ):
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="device_id_invalid",
            translation_placeholders={
                "device": f"{device_id!r:.60}",
                "limit": str(MAX_LENGTH),
            },
        )
    device = Device(device_id, call.data[CONF_TYPE], call.data[CONF_NAME].strip())
    await entry.runtime_data.link_devices.async_register(device)


async def _async_unregister(call: ServiceCall) -> None:
    """Remove a device, be it registered or only seen, with all its entities."""
    entry = hub_entry(call.hass, {**call.data, ATTR_DEVICE_ID: call.data[CONF_ID]})
    device_id = device_on_link(call.hass, entry, call.data[CONF_ID].strip())
    if device_id is None:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="device_is_hub",
            translation_placeholders={"name": entry.title},
        )
    if keys := shown_on(entry, device_id):
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="device_has_actuators",
            translation_placeholders={
                "device": f"{device_id:.60}",
                "actuators": f"{', '.join(keys):.200}",
            },
        )
    await entry.runtime_data.link_devices.async_unregister(device_id)


ACTIONS = (
    Action("register_device", _async_register, REGISTER_DEVICE_SCHEMA),
    Action("unregister_device", _async_unregister, UNREGISTER_DEVICE_SCHEMA),
)
