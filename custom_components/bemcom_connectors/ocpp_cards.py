"""The cards of charge points that dialled in to a hub, and that nobody added."""

from collections import Counter, deque

from homeassistant.config_entries import SOURCE_INTEGRATION_DISCOVERY, ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import discovery_flow

from .const import DOMAIN
from .ocpp.connector import OcppConnector
from .ocpp.model import Identity, PendingChargePoint
from .ocpp.pairing import MAX_PENDING
from .ocpp_config import discovery_unique_id

# So many at a time: as many as are held.
MAX_CARDS = MAX_PENDING
# So many cards, and news on them, in so many seconds: whoever comes under a new id each time
# must keep nobody busy.
MAX_NEWS = 60
_WHILE = 60.0
# Nobody has more names than that; the dialog shows the latest one anyway.
_MAX_CHANGES = 10

_NOBODY = Identity()


class ChargePointCards:
    """Shows a card for each charge point that is held, and knows which there are."""

    def __init__(
        self, hass: HomeAssistant, entry: ConfigEntry, connector: OcppConnector
    ) -> None:
        """Show none yet."""
        self._hass = hass
        self._entry = entry
        self._connector = connector
        self._shown: dict[str, Identity] = {}
        self._news: deque[float] = deque(maxlen=MAX_NEWS)
        self._changes: Counter[str] = Counter()

    @callback
    def async_show(self, pending: PendingChargePoint) -> None:
        """Show a card, or what is new on one."""
        before = self._shown.get(pending.id)
        # Who lost its connection need not say again who it is.
        if pending.identity in {before, _NOBODY} and self._flows_of(pending.id):
            return
        if before is not None and self._changes[pending.id] >= _MAX_CHANGES:
            return
        if self._is_too_much():
            return  # who is no such one boots again, and is shown then
        if before is None:
            self._async_make_room()
        self._changes[pending.id] += 1
        self._shown[pending.id] = pending.identity
        discovery_flow.async_create_flow(
            self._hass,
            DOMAIN,
            context={"source": SOURCE_INTEGRATION_DISCOVERY},
            data={
                "entry_id": self._entry.entry_id,
                "charge_point_id": pending.id,
                "vendor": pending.identity.vendor,
                "model": pending.identity.model,
                "serial_number": pending.identity.serial_number,
            },
        )

    @callback
    def async_take_back(self, charge_point_id: str) -> None:
        """Close the card of a charge point, if it has one."""
        self._shown.pop(charge_point_id, None)
        self._changes.pop(charge_point_id, None)
        for flow_id in self._flows_of(charge_point_id):
            self._hass.config_entries.flow.async_abort(flow_id)

    @callback
    def async_take_all_back(self) -> None:
        """Close all cards."""
        for charge_point_id in list(self._shown):
            self.async_take_back(charge_point_id)

    @callback
    def _async_make_room(self) -> None:
        """Close the oldest card of one that hung up, where there are as many as may be."""
        if len(self._shown) >= MAX_CARDS:
            held = self._connector.pending
            for gone in [it for it in self._shown if it not in held][:1]:
                self.async_take_back(gone)

    def _is_too_much(self) -> bool:
        """Tell whether there was too much news lately for one more."""
        now = self._hass.loop.time()
        if len(self._news) == MAX_NEWS and now - self._news[0] < _WHILE:
            return True
        self._news.append(now)
        return False

    def _flows_of(self, charge_point_id: str) -> list[str]:
        """Return the flow behind the card of a charge point, if it has one."""
        unique_id = discovery_unique_id(self._entry.entry_id, charge_point_id)
        flows = self._hass.config_entries.flow.async_progress_by_handler(
            DOMAIN, match_context={"unique_id": unique_id}
        )
        return [flow["flow_id"] for flow in flows]
