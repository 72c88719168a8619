"""Repair issues: what only the user can mend."""

from collections.abc import Collection, Mapping
from enum import StrEnum
from itertools import islice

from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    ConfigEntry,
    ConfigEntryChange,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.dispatcher import async_dispatcher_connect

from .connector.base import Connector
from .connector.model import LinkError, LinkReason
from .const import DOMAIN
from .hubs import address_of
from .preview import code, printable_bytes

_TOO_MANY_DATAPOINTS = "too_many_datapoints"
_NOTHING_PARSED = "nothing_parsed"
_PORT_MISSING = "port_missing"
_ACTUATOR_UNUSABLE = "actuator_unusable"
_CHARGE_POINT_REFUSED = "charge_point_refused"
_MAP_REFUSED = "mirror_map_refused"
_MAP_LEFT_OUT = "mirror_map_left_out"
_NOT_ALLOWED = "mirror_not_allowed"


class MirrorFault(StrEnum):
    """Why a mirror has no broker, where only the user can mend that."""

    CREDENTIALS = "credentials"
    REFUSED = "refused_by_broker"
    CERTIFICATE = "certificate"
    FILES = "files"
    MQTT_MISSING = "mqtt_missing"

    @classmethod
    def of(cls, reason: str) -> MirrorFault | None:
        """Return the fault there is for a reason; None: it passes by itself, perhaps."""
        return cls(reason) if reason in {*cls} else None

    @property
    def issue(self) -> str:
        """Return the kind of its issue."""
        return f"mirror_{self}"


# What is wrong before there is an attempt to reach a broker.
OF_HOME_ASSISTANT = (MirrorFault.FILES, MirrorFault.MQTT_MISSING)

_KINDS = (
    _TOO_MANY_DATAPOINTS,
    _NOTHING_PARSED,
    _PORT_MISSING,
    _ACTUATOR_UNUSABLE,
    _MAP_REFUSED,
    _MAP_LEFT_OUT,
    _NOT_ALLOWED,
    *(it.issue for it in MirrorFault),
)

# So many messages without a datapoint, and so many looks in a row at as many of them, are no
# accident. A look is taken every half minute.
_FRUITLESS_MESSAGES = 5
_FRUITLESS_LOOKS = 4
# After an hour of looks at messages that all had room, none is likely to lack it.
LOOKS_WITH_ROOM = 120
# A plug that is moved to another socket is not worth a word.
_MISSING_LOOKS = 2
# As many as people read.
_NAMED = 5


class HubIssues:
    """Looks at a hub now and then, raises its issues, and takes back what is over.

    What a user chose to ignore stays ignored for as long as its cause lasts.
    """

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Begin to count."""
        self._hass = hass
        self._entry = entry
        self._ignored = self._messages = 0
        self._looks_with_room = 0
        self._fruitless_looks = 0
        self._missing_looks = 0

    @callback
    def async_look_at(self, connector: Connector) -> None:
        """Raise and take back what can be seen at a glance."""
        statistics = connector.statistics
        if statistics.ignored_datapoints > self._ignored:
            self._ignored = statistics.ignored_datapoints
            self._looks_with_room = 0
            limit = str(connector.max_datapoints)
            self._create(_TOO_MANY_DATAPOINTS, limit=limit)
        elif statistics.messages > self._messages:
            self._messages = statistics.messages
            self._looks_with_room += 1
            if self._looks_with_room == LOOKS_WITH_ROOM:
                self._delete(_TOO_MANY_DATAPOINTS)
        if statistics.fruitless >= _FRUITLESS_MESSAGES:
            self._fruitless_looks += 1
            if self._fruitless_looks == _FRUITLESS_LOOKS:
                self._nothing_parsed(connector)
        elif statistics.messages > statistics.fruitless:
            self._fruitless_looks = 0
            self._delete(_NOTHING_PARSED)
        if connector.online or connector.error is None:
            self._missing_looks = 0
        elif connector.error.reason is LinkReason.PORT_MISSING:
            self._missing_looks += 1
            if self._missing_looks == _MISSING_LOOKS:
                self._port_missing()
        else:
            self.async_connected()

    @callback
    def async_not_connected(self, error: LinkError) -> None:
        """Take note of why a hub could not be set up."""
        if error.reason is not LinkReason.PORT_MISSING:
            self.async_connected()
        elif (
            self._hass.is_running
        ):  # some ports come up more slowly than Home Assistant
            self._port_missing()

    @callback
    def async_connected(self) -> None:
        """Take back that the port is missing."""
        self._missing_looks = 0
        self._delete(_PORT_MISSING)

    @callback
    def async_actuators(self, unusable: Mapping[str, str]) -> None:
        """Say which actuators cannot be used, and why the first of them cannot."""
        if not unusable:
            self._delete(_ACTUATOR_UNUSABLE)
            return
        self._create(
            _ACTUATOR_UNUSABLE,
            actuator=_named(unusable),
            reason=code(next(iter(unusable.values()))),
        )

    @callback
    def async_charge_point_refused(self, charge_point_id: str) -> None:
        """Say that a charge point cannot prove to be itself."""
        self._create(_CHARGE_POINT_REFUSED, charge_point_id, id=code(charge_point_id))

    @callback
    def async_charge_point_connected(self, charge_point_id: str) -> None:
        """Take back that a charge point was refused."""
        self._delete(_CHARGE_POINT_REFUSED, charge_point_id)

    @callback
    def async_mirror_broker(self, fault: MirrorFault, **words: str) -> None:
        """Say why the mirror has no broker."""
        self.async_mirror_mended(*(it for it in MirrorFault if it is not fault))
        placeholders = {key: code(word) for key, word in words.items()}
        self._create(fault.issue, severity=ir.IssueSeverity.ERROR, **placeholders)

    @callback
    def async_mirror_mended(self, *faults: MirrorFault) -> None:
        """Take back that the mirror has no broker because of this."""
        for fault in faults:
            self._delete(fault.issue)

    @callback
    def async_mirror_map(self, refused: str, left_out: Collection[str]) -> None:
        """Say what is wrong with the datapoint map that came last."""
        self._follow(_MAP_REFUSED, refused, reason=code(refused))
        self._follow(_MAP_LEFT_OUT, left_out, entries=_named(left_out))

    @callback
    def async_mirror_topics(self, refused: Collection[str]) -> None:
        """Say which topics the broker does not let the mirror listen to."""
        self._follow(_NOT_ALLOWED, refused, topics=_named(refused))

    @callback
    def async_mirror_off(self) -> None:
        """Take back all that was said of a mirror."""
        self.async_mirror_topics(())
        self.async_mirror_mended(*MirrorFault)
        self.async_mirror_map("", ())

    def _port_missing(self) -> None:
        """Say that a serial port went away."""
        port = code(address_of(self._entry.data))
        self._create(_PORT_MISSING, severity=ir.IssueSeverity.ERROR, port=port)

    def _nothing_parsed(self, connector: Connector) -> None:
        """Say that the settings do not suit what comes in, and show it."""
        _, payload, _, outcome = connector.history[-1]
        data = payload if isinstance(payload, bytes) else repr(payload).encode()
        self._create(
            _NOTHING_PARSED,
            count=str(connector.statistics.fruitless),
            received=code(printable_bytes(data)),
            reason=code(outcome if isinstance(outcome, str) else "-"),
        )

    def _follow(self, kind: str, wrong: object, **placeholders: str) -> None:
        """Raise an issue where something is wrong, and take it back where nothing is."""
        if wrong:
            warning = ir.IssueSeverity.WARNING
            self._create(kind, severity=warning, **placeholders)
        else:
            self._delete(kind)

    def _create(
        self,
        kind: str,
        part: str = "",
        *,
        severity: ir.IssueSeverity = ir.IssueSeverity.WARNING,
        **placeholders: str,
    ) -> None:
        """Raise an issue, of a part of the hub perhaps."""
        ir.async_create_issue(
            self._hass,
            DOMAIN,
            _issue_id(kind, self._entry.entry_id, part),
            is_fixable=False,
            severity=severity,
            translation_key=kind,
            translation_placeholders={
                "name": self._entry.title,
                "hub_link": f"/config/integrations/integration/{DOMAIN}"
                f"#config_entry={self._entry.entry_id}",
                **placeholders,
            },
        )

    def _delete(self, kind: str, part: str = "") -> None:
        """Take an issue back, if it was raised."""
        issue_id = _issue_id(kind, self._entry.entry_id, part)
        ir.async_delete_issue(self._hass, DOMAIN, issue_id)


@callback
def async_setup_issues(hass: HomeAssistant) -> None:
    """Take back what was said about a hub as soon as it is disabled."""

    @callback
    def changed(_change: ConfigEntryChange, entry: ConfigEntry) -> None:
        if entry.domain == DOMAIN and entry.disabled_by is not None:
            delete_issues(hass, entry)

    async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, changed)


@callback
def delete_issues(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Take back all that was said about a hub that is gone."""
    for kind in _KINDS:
        ir.async_delete_issue(hass, DOMAIN, _issue_id(kind, entry.entry_id))
    of_parts = _issue_id(_CHARGE_POINT_REFUSED, entry.entry_id, "")
    for domain, issue_id in list(ir.async_get(hass).issues):
        if domain == DOMAIN and issue_id.startswith(of_parts):
            ir.async_delete_issue(hass, DOMAIN, issue_id)


def _named(things: Collection[str]) -> str:
    """Return the first ones, as many as people read."""
    names = [code(it) for it in islice(things, _NAMED)]
    return ", ".join([*names, "…"] if len(things) > _NAMED else names)


def _issue_id(kind: str, entry_id: str, part: str = "") -> str:
    """Return the id of an issue."""
    return f"{kind}_{entry_id}" + (f"_{part}" if part else "")
