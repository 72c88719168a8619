"""What is kept for the mirror of a hub over a restart; no file costs the hub anything."""

import asyncio
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable
import logging
from typing import TYPE_CHECKING, Any
import zlib

import orjson

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.storage import Store

from .const import CONF_CONNECTOR_NAME, DOMAIN

if TYPE_CHECKING:
    from .bemcom.publisher import Publisher

_LOGGER = logging.getLogger(__name__)

STORAGE_VERSION = 1

# What was learned is saved so much later, in seconds.
_SAVE_DELAY = 5

# Under which it is kept what was announced to others.
DISCOVERY = "discovery"

type Mark = tuple[int, ...]


class MirrorStorage:
    """Loads what can be used, and saves what can be saved."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Load nothing yet."""
        self._hass = hass
        self._connector = entry.data[CONF_CONNECTOR_NAME]
        self._store = mirror_store(hass, entry.entry_id)
        self._raw_store = raw_store(hass, entry.entry_id)
        # What the file has; None: something else may be on its way into it.
        self._saved: dict[str, Any] | None = None
        # One after the other, or a file that is removed could be written once more.
        self._raw_lock = asyncio.Lock()
        # Which raw messages the file has; empty: there is none, None: nobody knows.
        self._raw_mark: Mark | None = None

    async def async_load(self) -> dict[str, Any]:
        """Return what was kept."""
        found = _dict(await _async_load(self._store))
        available = _dict(found.get("available_datapoints"))
        kept: dict[str, Any] = {
            "available_datapoints": {
                kind: _dict(available.get(kind)) for kind in ("sensor", "actuator")
            },
            "datapoint_map": _dict(found.get("datapoint_map")),
        }
        announced = {
            topic: unique_id
            for topic, unique_id in _dict(found.get(DISCOVERY)).items()
            # Nothing is taken back from a BEMCom stack.
            if isinstance(unique_id, str)
            and not topic.startswith(f"{self._connector}/")
        }
        if announced:
            kept[DISCOVERY] = announced
        self._saved = kept
        return kept

    async def async_save(self, kept: dict[str, Any]) -> None:
        """Keep it."""
        if kept != self._saved:
            self._saved = kept
            await _async_try(self._store, self._store.async_save(kept))

    @callback
    def async_save_soon(self, as_json: Callable[[], dict[str, Any]]) -> None:
        """Keep what `as_json` returns, in a moment in which there may be more."""
        self._saved = None
        self._store.async_delay_save(as_json, _SAVE_DELAY)

    async def async_load_raw(self) -> list[str]:
        """Return the raw messages that wait."""
        packed = _dict(await _async_load(self._raw_store)).get("messages")
        messages, size = await self._hass.async_add_executor_job(unpack, packed)
        self._raw_mark = None if packed and not messages else _mark(len(messages), size)
        return messages

    @callback
    def async_note_other_run(self) -> None:
        """Take note that another mirror counts its messages anew."""
        if self._raw_mark:
            self._raw_mark = None

    async def async_save_raw(self, publisher: Publisher) -> None:
        """Keep the raw messages that wait; none: there is no file."""
        async with self._raw_lock:
            lane = publisher.outbox.raw
            counters = lane.counters
            lost = counters.sent + counters.dropped
            mark = _mark(len(lane), lane.size, lost)
            if mark == self._raw_mark:
                return
            self._raw_mark = mark
            store = self._raw_store
            if mark:
                payloads = [it.payload for it in lane.messages()]
                packed = await self._hass.async_add_executor_job(pack, payloads)
                await _async_try(store, store.async_save({"messages": packed}))
            else:
                await _async_try(store, store.async_remove())

    async def async_remove_raw(self) -> None:
        """Keep no raw messages."""
        async with self._raw_lock:
            if self._raw_mark != ():
                self._raw_mark = ()
                await _async_try(self._raw_store, self._raw_store.async_remove())

    async def async_remove(self) -> None:
        """Keep nothing of a hub that is gone."""
        await _async_try(self._store, self._store.async_remove())
        await self.async_remove_raw()


def mirror_store(hass: HomeAssistant, entry_id: str) -> Store[dict[str, Any]]:
    """Return where announced datapoints and the datapoint map of an entry are kept."""
    return Store(hass, STORAGE_VERSION, f"{DOMAIN}.{entry_id}.mirror")


def raw_store(hass: HomeAssistant, entry_id: str) -> Store[dict[str, str]]:
    """Return where the raw messages of an entry wait, which may be private."""
    return Store(
        hass, STORAGE_VERSION, f"{DOMAIN}.{entry_id}.raw_messages", private=True
    )


def pack(payloads: list[bytes]) -> str:
    """Return messages as they are stored; blocks, but lets the event loop go on.

    What writes JSON does not, and disks of small machines last longer with less.
    """
    packer = zlib.compressobj(1)
    packed = [packer.compress(piece) for it in payloads for piece in (it, b"\n")]
    return b64encode(b"".join([*packed, packer.flush()])).decode()


def unpack(packed: object) -> tuple[list[str], int]:
    """Return those that a BEMCom stack can take, and their size; blocks."""
    if not isinstance(packed, str):
        return [], 0
    try:
        data = zlib.decompress(b64decode(packed))
    except ValueError, zlib.error:
        _LOGGER.warning("The raw messages that were kept cannot be read")
        return [], 0
    lines = [it for it in data.split(b"\n") if _is_object(it)]
    return [it.decode() for it in lines], sum(map(len, lines))


async def _async_load(store: Store[Any]) -> object:
    """Return what is in a file; nothing, if it is one that nobody can read."""
    try:
        return await store.async_load()
    except Exception:
        # A newer version's, or anything else that is no file of Home Assistant's.
        _LOGGER.exception("What is in the file %s cannot be used", store.key)
    return None


async def _async_try(store: Store[Any], doing: Awaitable[None]) -> None:
    """Do something to a file; what the disk has against it is in the log."""
    try:
        await doing
    except OSError, HomeAssistantError:
        _LOGGER.exception("The file %s cannot be written", store.key)


def _mark(count: int, size: int, gone: int = 0) -> Mark:
    """Return what is another one when other messages wait."""
    return (count, size, gone) if count else ()


def _is_object(line: bytes) -> bool:
    """Tell whether a line is an object in JSON."""
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False


def _dict(found: object) -> dict[str, Any]:
    """Return what is a dict, and an empty one for anything else."""
    return found if isinstance(found, dict) else {}
