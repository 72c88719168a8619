"""The connectors that other integrations offer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
import logging
import re
from typing import Any, override

import voluptuous as vol

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.singleton import singleton
from homeassistant.loader import Integration, async_get_custom_components
from homeassistant.requirements import async_get_integration_with_requirements
from homeassistant.util.hass_dict import HassKey

from .connector.base import Connector
from .connector.model import JsonValue
from .const import CONF_CONNECTOR_NAME, CONF_CONNECTOR_TYPE, DOMAIN

_LOGGER = logging.getLogger(__name__)

_KIND = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")

# The package whose own classes may do what those of others must not.
_ENGINE = Connector.__module__.rpartition(".")[0]

_OFFERED: HassKey[dict[str, ConnectorType]] = HassKey(f"{DOMAIN}_connector_types")
_ASKED: HassKey[bool] = HassKey(f"{DOMAIN}_asked_integrations")


@dataclass(frozen=True, kw_only=True)
class ConnectorType:
    """A connector that hubs can be made of.

    `kind` is stored with each hub and must stay the same: the domain of your integration, or
    one that begins with it if there are several. `name` is what people read. `create` gets
    the connector name and the settings, the fields of `schema` that were filled in; it
    raises OptionsError for a setting that cannot work. `description` is shown above them.
    """

    kind: str
    name: str
    create: Callable[[str, Mapping[str, Any]], Connector]
    schema: vol.Schema | None = None
    description: str = ""
    manufacturer: str = ""

    def __post_init__(self) -> None:
        """Refuse what could not be shown or stored."""
        if not _KIND.fullmatch(self.kind):
            raise ValueError(f"The kind {self.kind!r} is not written like a domain")
        if not self.name:
            raise ValueError(f"The connector {self.kind} needs a name")
        if CONF_CONNECTOR_NAME in self.fields:
            raise ValueError(f"A hub has a {CONF_CONNECTOR_NAME} of its own")

    @property
    def fields(self) -> dict[Any, Any]:
        """Return the fields of the settings."""
        if self.schema is None:
            return {}
        if not isinstance(self.schema.schema, dict):
            raise TypeError("A schema of settings is a dictionary of fields")
        return self.schema.schema

    def make(self, name: str, settings: Mapping[str, Any]) -> Connector:
        """Return a connector; a field that is newer than the settings has its default."""
        defaults = {
            str(field): field.default()
            for field in self.fields
            if isinstance(field, vol.Marker)
            and callable(getattr(field, "default", None))
        }
        connector: object = self.create(name, {**defaults, **settings})
        if not isinstance(connector, Connector):
            raise TypeError(f"create returned no Connector: {connector!r:.100}")
        _check(connector)
        return connector


class _Plain(Connector):
    """A connector with no attributes but the engine's."""

    @override
    async def receive_raw_msg(self) -> JsonValue:
        """Have nothing to say."""
        raise NotImplementedError


def _check(connector: Connector) -> None:
    """Refuse a connector that took one of the engine's names for something else."""
    own = vars(connector)
    for name, value in vars(_Plain("")).items():
        if name not in own:
            raise TypeError("Its __init__ must call super().__init__(name)")
        if name != "actuators" and not isinstance(own[name], type(value)):
            raise _name_taken(name)
    for cls in type(connector).__mro__:
        if cls.__module__.startswith(_ENGINE):
            continue
        for name, member in vars(cls).items():
            private = name.startswith("_") and not name.startswith("__")
            if private and callable(member) and hasattr(Connector, name):
                raise _name_taken(name)


def _name_taken(name: str) -> TypeError:
    return TypeError(
        f"The name {name} is the engine's; choose another one in your connector"
    )


@callback
def async_register_connector(
    hass: HomeAssistant, connector_type: ConnectorType
) -> CALLBACK_TYPE:
    """Offer a connector for hubs; call what is returned to end that.

    May be called at any time. Hubs that waited for it are set up at once; when it ends, they
    wait again.
    """
    hass.verify_event_loop_thread("async_register_connector")
    kind = connector_type.kind
    offered = hass.data.setdefault(_OFFERED, {})
    if kind in offered:
        raise ValueError(f"The connector {kind} is offered already")
    offered[kind] = connector_type
    _reload_hubs(hass, kind, ConfigEntryState.SETUP_RETRY)

    @callback
    def end() -> None:
        """End the offer; a second call changes nothing."""
        if offered.get(kind) is connector_type:
            del offered[kind]
            _reload_hubs(hass, kind, ConfigEntryState.LOADED)

    return end


@callback
def offered_connectors(hass: HomeAssistant) -> Mapping[str, ConnectorType]:
    """Return the connectors that are offered now, by their kind."""
    return hass.data.get(_OFFERED, {})


@singleton(_ASKED, async_=True)
async def async_ask_integrations(hass: HomeAssistant) -> bool:
    """Let custom integrations offer their connectors, once.

    An integration that does so has a module with our name, as with other platforms, and need
    not be set up for it. Were it to wait until it is, our hubs would be set up before.
    """
    for integration in (await async_get_custom_components(hass)).values():
        if integration.domain != DOMAIN and integration.platforms_exists((DOMAIN,)):
            await _async_ask(hass, integration)
    return True


async def _async_ask(hass: HomeAssistant, integration: Integration) -> None:
    """Let an integration offer its connectors; what it gets wrong is no matter of others."""
    try:
        await async_get_integration_with_requirements(hass, integration.domain)
        platform = await integration.async_get_platform(DOMAIN)
        platform.async_offer_connectors(hass)
    except Exception:
        _LOGGER.exception("%s cannot offer its connectors", integration.domain)


@callback
def _reload_hubs(hass: HomeAssistant, kind: str, state: ConfigEntryState) -> None:
    """Set up anew the hubs of a kind that are in a state."""
    if hass.is_stopping:
        return
    for entry in hass.config_entries.async_entries(DOMAIN):
        if entry.data.get(CONF_CONNECTOR_TYPE) == kind and entry.state is state:
            hass.config_entries.async_schedule_reload(entry.entry_id)
