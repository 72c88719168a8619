"""The entry of an OCPP hub as its dialogs make it."""

from collections.abc import Mapping
from typing import Any

from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.bemcom_connectors.const import DOMAIN
from homeassistant.config_entries import ConfigSubentryData

NAME = "charging"

NO_FILES = {
    "certificate": "",
    "key": "",
    "second_certificate": "",
    "second_key": "",
    "client_ca": "",
}
SETTINGS: dict[str, Any] = {
    "password": "",
    "certificate_name": "",
    "unknown_tags": "accept",
    "configure": True,
    "measurands": [],
    "sample_interval": 30,
    "clock_aligned_interval": 900,
    "heartbeat_interval": 300,
    "websocket_ping_interval": 0,
    "remote_start_tag": "",
    "max_current": 32.0,
    "quirks_mode": "automatic",
    "quirks": [],
}


def ocpp_entry(
    port: int = 9000,
    *,
    name: str = NAME,
    files: Mapping[str, str] | None = None,
    subentries: tuple[ConfigSubentryData, ...] = (),
) -> MockConfigEntry:
    """Return the entry of an OCPP hub."""
    return MockConfigEntry(
        domain=DOMAIN,
        title=name,
        unique_id=name,
        data={
            "hub_kind": "ocpp",
            "connector_name": name,
            "host": "",
            "port": port,
            **NO_FILES,
            **(files or {}),
        },
        options={
            "unknown_charge_points": "pair",
            "call_timeout": 30.0,
            "ping_interval": 30.0,
        },
        subentries_data=subentries,
    )


def charge_point(charge_point_id: str = "CP1", **said: Any) -> ConfigSubentryData:
    """Return a charge point of a hub."""
    return ConfigSubentryData(
        data={"id": charge_point_id, **SETTINGS, **said},
        subentry_type="charge_point",
        title="Garage",
        unique_id=charge_point_id,
    )
