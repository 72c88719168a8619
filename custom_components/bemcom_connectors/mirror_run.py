"""A mirror that runs: between the connector of a hub and its broker."""

from collections.abc import Callable, Mapping
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback

from .bemcom.mirror import Mirror, last_will, wall_clock
from .bemcom.ocpp_datapoints import ocpp_datapoints
from .bemcom.own_broker import OwnBroker
from .connector.base import Connector
from .connector.model import JsonValue, RawMessage, Reading
from .discovery_announcer import Describe
from .home_assistant_broker import HomeAssistantBroker
from .mirror_discovery import MirrorDiscovery
from .mirror_options import HubMirrorOptions
from .mirror_storage import DISCOVERY
from .ocpp.connector import OcppConnector


class MirrorRun:
    """One mirror, its broker, and what was kept for it; other options are another one."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        connector: Connector,
        options: HubMirrorOptions,
        *,
        describe: Describe,
        on_changed: Callable[[], None],
        on_learned: Callable[[], None],
    ) -> None:
        """Connect nothing yet.

        `on_changed` is called when the broker may be there or gone, `on_learned` when there
        is something to keep.
        """
        self._on_changed = on_changed
        self._connector = connector
        self.broker: OwnBroker | HomeAssistantBroker
        if options.broker is None:
            self.broker = HomeAssistantBroker(hass, on_changed)
        else:
            self.broker = OwnBroker(
                options.broker,
                will=lambda: last_will(options.mirror, wall_clock()),
                on_changed=on_changed,
            )
        self.options = options
        translate = None
        if options.legacy_keys and isinstance(connector, OcppConnector):
            translate = _legacy_keys(connector)
        self.mirror = Mirror(
            connector,
            self.broker,
            options.mirror,
            translate=translate,
            on_changed=on_learned,
        )
        # What earlier runs announced and this one does not, until there is a broker.
        self._gone: dict[str, str] = {}
        self.discovery: MirrorDiscovery | None = None
        if options.discovery_prefix:
            self.discovery = MirrorDiscovery(
                hass,
                entry,
                connector,
                self.mirror,
                prefix=options.discovery_prefix,
                describe=describe,
                on_changed=on_learned,
            )

    @callback
    def async_listen(
        self, kept: Mapping[str, Any], raw: list[str], former: MirrorRun | None = None
    ) -> None:
        """Take what was kept, and hear the connector from now on.

        What a `former` run could not publish any more, this one does.
        """
        if former is not None:
            former.mirror.detach()
            self.mirror.publisher.latest = former.mirror.publisher.latest
        self.mirror.restore(kept)
        self.mirror.publisher.restore_raw(raw)
        if former is not None:
            self._take_over(former)
        self.mirror.start()
        # What it had before there was a mirror, or got while one took the place of another.
        known = self.mirror.publisher.latest
        values = {
            key: value
            for key, value in self._connector.datapoints.items()
            if key not in known or known[key].values[key] is not value
        }
        if values:
            last = self._connector.statistics.last_message
            self.mirror.on_reading(Reading(values, last or wall_clock()))
        announced = kept.get(DISCOVERY) or {}
        if self.discovery is not None:
            self.discovery.async_start(announced)
            return
        # There was no broker when it was to be taken back.
        self._gone = dict(announced)
        for topic in announced:
            self.mirror.publish_discovery(topic, b"")

    def _take_over(self, former: MirrorRun) -> None:
        """Let wait what waited in a former run, of which nothing was lost by that."""
        topics = self.mirror.publisher.topics
        its, mine = former.mirror.publisher.outbox, self.mirror.publisher.outbox
        is_same_broker = _where(former.options) == _where(self.options)
        mine.values.restore(
            it
            for it in its.values.messages()
            # Of what is for others than a BEMCom stack, another broker knows nothing.
            if is_same_broker or not topics.is_own(it.topic)
        )
        mine.replays.restore(its.replays.messages())
        if is_same_broker:
            mine.discovery.restore(its.discovery.messages())
        if self.options.mirror.raw_messages:
            mine.raw.restore(its.raw.messages())

    @callback
    def async_connect(self) -> None:
        """Connect to the broker."""
        self.broker.start(self)

    @callback
    def as_json(self) -> dict[str, Any]:
        """Return what is to be kept."""
        kept = self.mirror.as_json()
        if self.discovery is not None:
            kept[DISCOVERY] = self.discovery.as_json()
        elif self._gone:
            kept[DISCOVERY] = self._gone
        return kept

    async def async_stop(
        self, other: HubMirrorOptions | None, patience: float, *, listens: bool
    ) -> None:
        """Publish what is queued, for so many seconds if there is a broker, and end.

        The connector is heard until another run takes over, where one follows with `other`
        options. Where they announce nothing or elsewhere, what was announced is taken back.
        """
        if self.discovery is not None:
            self.discovery.async_stop(remove=_place(self.options) != _place(other))
        try:
            await self.mirror.stop(patience, listens=listens)
        finally:
            await self.broker.stop()

    # What the broker tells

    def connected(self) -> None:
        """Begin to mirror."""
        self.mirror.connected()
        self._gone = {}
        if self.discovery is not None:
            self.discovery.async_connected()
        self._on_changed()

    def lost(self) -> None:
        """Keep what is to be published."""
        self.mirror.lost()
        self._on_changed()

    def received(self, topic: str, payload: bytes, retain: bool) -> None:
        """Take a message that came."""
        self.mirror.received(topic, payload, retain)


def _place(options: HubMirrorOptions | None) -> object:
    """Return where things are announced."""
    if options is None or options.broker is None:
        return None
    return _where(options), options.discovery_prefix


def _where(options: HubMirrorOptions) -> str | None:
    """Return where the broker is; None: where Home Assistant's own is."""
    return None if options.broker is None else options.broker.where


def _legacy_keys(
    connector: OcppConnector,
) -> Callable[[RawMessage], dict[str, JsonValue]]:
    """Return what gives the keys of BEMCom's OCPP connector to the only charge point.

    They do not tell charge points apart, so that the values of several would be mixed.
    """

    def translate(message: RawMessage) -> dict[str, JsonValue]:
        return ocpp_datapoints(message) if len(connector.charge_points) == 1 else {}

    return translate
