"""An OCPP hub in a test's Home Assistant, and charge points that dial in to it."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, cast

from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bemcom_connectors.const import DOMAIN
from custom_components.bemcom_connectors.coordinator import ConnectorCoordinator
from custom_components.bemcom_connectors.ocpp.charge_point import ChargePoint
from custom_components.bemcom_connectors.ocpp.connector import OcppConnector
from homeassistant.config_entries import ConfigSubentry, ConfigSubentryData
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN, Platform
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.event import (
    EventStateChangedData,
    async_track_state_change_event,
)
from tests.ocpp.client import RawClient, dial
from tests.ports import free_port

NAME = "wallboxes"
CP = "CP1"

BOOT = {"chargePointVendor": "Acme", "chargePointModel": "Wall 11"}


def charge_point_data(charge_point_id: str = CP, **more: Any) -> ConfigSubentryData:
    """Return the subentry of a charge point; its settings are left alone by default."""
    return ConfigSubentryData(
        data={"id": charge_point_id, "configure": False, **more},
        subentry_type="charge_point",
        title=more.get("name", charge_point_id),
        unique_id=charge_point_id,
    )


def id_tag_data(tag: str, name: str = "", **more: Any) -> ConfigSubentryData:
    """Return the subentry of an id tag."""
    return ConfigSubentryData(
        data={"id_tag": tag, "name": name or tag, "status": "accepted", **more},
        subentry_type="id_tag",
        title=name or tag,
        unique_id=tag.lower(),
    )


def subentry(data: ConfigSubentryData) -> ConfigSubentry:
    """Return a subentry to add to a hub that is there."""
    return ConfigSubentry(
        data=MappingProxyType(dict(data["data"])),
        subentry_type=data["subentry_type"],
        title=data["title"],
        unique_id=data["unique_id"],
    )


def ocpp_entry(
    *subentries: ConfigSubentryData,
    port: int | None = None,
    data: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> MockConfigEntry:
    """Return the entry of an OCPP hub."""
    return MockConfigEntry(
        domain=DOMAIN,
        title=NAME,
        unique_id=NAME,
        data={
            "hub_kind": "ocpp",
            "connector_name": NAME,
            "port": port or free_port(),
            **(data or {}),
        },
        options=dict(options or {}),
        subentries_data=list(subentries),
    )


async def set_up(hass: HomeAssistant, entry: MockConfigEntry) -> ConnectorCoordinator:
    """Set a hub up and return its coordinator."""
    if hass.config_entries.async_get_entry(entry.entry_id) is None:
        entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    coordinator: ConnectorCoordinator = entry.runtime_data
    return coordinator


def connector_of(entry: MockConfigEntry) -> OcppConnector:
    """Return the central system of a hub."""
    connector = entry.runtime_data.connector
    assert isinstance(connector, OcppConnector)
    return connector


def charge_point_of(entry: MockConfigEntry, charge_point_id: str = CP) -> ChargePoint:
    """Return a charge point as the central system knows it."""
    return connector_of(entry).charge_points[charge_point_id]


@asynccontextmanager
async def dialled_in(
    entry: MockConfigEntry, charge_point_id: str = CP, **how: Any
) -> AsyncGenerator[RawClient]:
    """Dial in to a hub, and hang up in the end."""
    async with dial(connector_of(entry).port, charge_point_id, **how) as client:
        yield client


async def boot(client: RawClient, **more: Any) -> Any:
    """Boot, and return the answer."""
    kind, *answer = await client.call("BootNotification", {**BOOT, **more})
    assert kind == 3, answer
    return answer[0]


async def result(client: RawClient, action: str, payload: Any) -> Any:
    """Call and return the payload of the answer, which must be no error."""
    kind, *answer = await client.call(action, payload)
    assert kind == 3, answer
    return answer[0]


async def error(client: RawClient, action: str, payload: Any) -> str:
    """Call and return the code of the error that is the answer."""
    kind, *answer = await client.call(action, payload)
    assert kind == 4, answer
    return str(answer[0])


async def status(
    client: RawClient,
    status: str,
    connector_id: int = 1,
    error_code: str = "NoError",
    **more: Any,
) -> None:
    """Notify of a status."""
    payload = {"connectorId": connector_id, "status": status, "errorCode": error_code}
    assert await result(client, "StatusNotification", payload | more) == {}


async def start(
    client: RawClient,
    tag: str = "CAFE0001",
    connector_id: int = 1,
    meter_start: int = 1000,
    **more: Any,
) -> Any:
    """Start a transaction and return the answer."""
    payload = {
        "connectorId": connector_id,
        "idTag": tag,
        "meterStart": meter_start,
        "timestamp": ago(),
    }
    return await result(client, "StartTransaction", payload | more)


async def stop(
    client: RawClient, transaction_id: int, meter_stop: int = 2000, **more: Any
) -> Any:
    """End a transaction and return the answer."""
    payload = {
        "transactionId": transaction_id,
        "meterStop": meter_stop,
        "timestamp": ago(),
    }
    return await result(client, "StopTransaction", payload | more)


def ago(seconds: float = 0.0) -> str:
    """Return a time in the past as charge points write it."""
    moment = datetime.now(UTC) - timedelta(seconds=seconds)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def sampled(value: float | str, measurand: str = "", **more: Any) -> dict[str, Any]:
    """Return one sampled value."""
    named = {"measurand": measurand} if measurand else {}
    return {"value": str(value), **named, **more}


async def meter(
    client: RawClient,
    *values: dict[str, Any],
    connector_id: int = 1,
    timestamp: str | None = None,
    **more: Any,
) -> Any:
    """Send meter values and return the answer."""
    reading = {"timestamp": timestamp or ago(), "sampledValue": list(values)}
    payload = {"connectorId": connector_id, "meterValue": [reading], **more}
    return await result(client, "MeterValues", payload)


def entity_id(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    name: str,
    connector_id: int = 1,
    charge_point_id: str = CP,
    *,
    platform: str = Platform.SENSOR,
) -> str | None:
    """Return the entity of a datapoint."""
    key = f"{charge_point_id}__{connector_id}__{name}"
    return er.async_get(hass).async_get_entity_id(
        platform, DOMAIN, f"{entry.entry_id}_datapoint_{key}"
    )


def state(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    name: str,
    connector_id: int = 1,
    charge_point_id: str = CP,
    *,
    platform: str = Platform.SENSOR,
) -> str | None:
    """Return the state of a datapoint's entity; None: there is none."""
    found = entity_id(
        hass, entry, name, connector_id, charge_point_id, platform=platform
    )
    current = hass.states.get(found) if found else None
    return None if current is None else current.state


def value(
    entry: MockConfigEntry, name: str, connector_id: int = 1, charge_point_id: str = CP
) -> Any:
    """Return the latest value of a datapoint, be there an entity or not."""
    key = f"{charge_point_id}__{connector_id}__{name}"
    return connector_of(entry).datapoints.get(key)


async def sessions(
    hass: HomeAssistant, entry: MockConfigEntry, device: str = CP, **more: Any
) -> list[dict[str, Any]]:
    """Return the sessions that are over, as the action tells them: the latest first."""
    answer = await hass.services.async_call(
        DOMAIN,
        "get_sessions",
        {"hub": entry.title, "device_id": device, **more},
        blocking=True,
        return_response=True,
    )
    assert answer is not None
    found = answer["sessions"]
    assert isinstance(found, list)
    return cast("list[dict[str, Any]]", found)


def listen(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    kind: str,
    connector_id: int = 0,
    charge_point_id: str = CP,
) -> list[tuple[str, dict[str, Any]]]:
    """Return a list that gets what an event entity tells from now on."""
    unique_id = f"{entry.entry_id}_ocpp_{charge_point_id}__{connector_id}_{kind}"
    found = er.async_get(hass).async_get_entity_id(Platform.EVENT, DOMAIN, unique_id)
    assert found is not None
    told: list[tuple[str, dict[str, Any]]] = []

    @callback
    def take(event: Event[EventStateChangedData]) -> None:
        new = event.data["new_state"]
        if new is not None and new.state not in {STATE_UNAVAILABLE, STATE_UNKNOWN}:
            told.append((new.attributes["event_type"], dict(new.attributes)))

    async_track_state_change_event(hass, [found], take)
    return told


async def settled(hass: HomeAssistant, *waits: Sequence[Any]) -> None:
    """Wait until what was received is shown."""
    await asyncio.sleep(0)
    await hass.async_block_till_done()
