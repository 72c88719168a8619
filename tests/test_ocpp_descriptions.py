"""How the datapoints of an OCPP hub look: every one there can be, and its texts."""

from collections.abc import Iterator
import json
import re
from typing import Any

import pytest

from custom_components.bemcom_connectors import event, update
from custom_components.bemcom_connectors.descriptions import (
    DatapointDescription,
    ValueKind,
    native_value,
)
from custom_components.bemcom_connectors.ocpp import datapoints, incoming
from custom_components.bemcom_connectors.ocpp.connector_state import iso
from custom_components.bemcom_connectors.ocpp.datapoints import state_name
from custom_components.bemcom_connectors.ocpp.enums import (
    AuthorizationStatus,
    SignedFirmwareStatus,
)
from custom_components.bemcom_connectors.ocpp.listener import EventKind
from custom_components.bemcom_connectors.ocpp.measurands import (
    MEASURANDS,
    NAMES,
    datapoint_name,
)
from custom_components.bemcom_connectors.ocpp_descriptions import (
    CHARGE_POINT,
    CONNECTOR,
    describe_ocpp,
)
from custom_components.bemcom_connectors.overrides import CONF_NAME, apply
from custom_components.bemcom_connectors.stored_descriptions import (
    from_dict,
    is_valid,
    to_dict,
)
from homeassistant.const import EntityCategory, Platform
from tests.source import PACKAGE

LANGUAGES = ("en", "de")
TEXTS = {
    it: json.loads((PACKAGE / f"translations/{it}.json").read_text())["entity"]
    for it in LANGUAGES
}
ICONS = json.loads((PACKAGE / "icons.json").read_text())["entity"]
OWN_NAMES = {
    value
    for name, value in vars(datapoints).items()
    if name.isupper() and type(value) is str
}
# The id of a charge point may have in it what separates the parts of a key.
CHARGE_POINT_ID = "a__1__b"


def described(name: str, connector_id: int = 1) -> DatapointDescription:
    """Return how a datapoint looks."""
    device_id = f"{CHARGE_POINT_ID}__{connector_id}"
    looks = describe_ocpp(f"{device_id}__{name}", device_id)
    assert looks is not None
    return looks


def everything() -> Iterator[DatapointDescription]:
    """Yield each description there can be."""
    for connector_id, own in enumerate((CHARGE_POINT, CONNECTOR)):
        for name in (*own, *NAMES.values()):
            yield described(name, connector_id)


def test_every_datapoint_is_described() -> None:
    assert {*CHARGE_POINT} | {*CONNECTOR} == OWN_NAMES
    keys = set()
    for looks in everything():
        assert is_valid(looks), looks
        assert looks.key == f"{looks.device_id}__{looks.key.split('__', 4)[-1]}"
        keys.add(looks.key)
    assert len(keys) == len(CHARGE_POINT) + len(CONNECTOR) + 2 * len(NAMES)


@pytest.mark.parametrize(
    ("key", "device_id"),
    [
        ("CP1__1__unheard_of", "CP1__1"),
        ("CP1__0__plugged_in", "CP1__0"),
        ("CP1__1__connected", "CP1__1"),
        ("CP1__1__Voltage__L9", "CP1__1"),
        ("status", None),
    ],
)
def test_others_are_left_to_guesses(key: str, device_id: str | None) -> None:
    assert describe_ocpp(key, device_id) is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_description_has_its_texts(language: str) -> None:
    used: dict[str, set[str]] = {"sensor": set(), "binary_sensor": set()}
    for looks in everything():
        key = looks.translation_key
        assert key is not None
        text = TEXTS[language][looks.platform][key]
        names = {name for name, _ in looks.translation_placeholders}
        assert set(re.findall(r"{(\w+)}", text["name"])) == names, looks
        assert set(text.get("state", {})) == set(looks.options), looks
        attributes = {name for name, _ in looks.attributes}
        assert set(text.get("state_attributes", {})) == attributes, looks
        used[looks.platform].add(key)
    hubs_own = {"messages", "dropped_frames", "parse_errors", "field_errors"}
    hubs_own |= {"last_message", "connection", "mirror_connection"}
    hubs_own |= {"mirror_dropped", "mirror_waiting"}
    for platform, keys in used.items():
        assert set(TEXTS[language][platform]) - hubs_own == keys


def test_states_are_told_apart() -> None:
    for language in LANGUAGES:
        for looks in everything():
            text = TEXTS[language][looks.platform][looks.translation_key or ""]
            said = list(text.get("state", {}).values())
            if (
                looks.translation_key != "diagnostics_status"
            ):  # the same in two spellings
                assert len(said) == len(set(said)), text


def test_icons() -> None:
    for looks in everything():
        assert looks.translation_key is not None
        icons = ICONS[looks.platform].get(looks.translation_key)
        if icons is None:
            assert looks.device_class == "battery"  # whose icon tells the level
            continue
        states = icons.get("state", {})
        assert icons["default"] not in states.values()
        assert set(states) <= {*looks.options, "on", "off"}


def test_texts_of_events_and_updates() -> None:
    for language in LANGUAGES:
        for item in event.OCPP_EVENTS:
            text = TEXTS[language]["event"][item.key]
            states = text["state_attributes"]["event_type"]["state"]
            assert list(states) == item.event_types
        assert TEXTS[language]["update"][update.FIRMWARE.key]["name"]


def test_events_are_those_of_the_engine() -> None:
    types = {it.key: set(it.event_types or ()) for it in event.OCPP_EVENTS}
    assert set(types) == {*EventKind}
    assert types["security"] == {*incoming.SECURITY_EVENTS, incoming.OTHER_EVENT}
    refused = {*AuthorizationStatus} - {AuthorizationStatus.CONCURRENT_TX}
    assert types["id_tag"] == {state_name(it) for it in refused}


def test_firmware_states_are_those_of_the_engine() -> None:
    assert {state_name(it) for it in SignedFirmwareStatus} >= update.IN_PROGRESS
    assert set(described("firmware_status", 0).options) >= update.IN_PROGRESS


def test_ready_for_the_energy_dashboard() -> None:
    total, session = described("total_energy"), described("session_energy")
    for looks in (total, session, described("Energy.Active.Import.Register", 0)):
        assert looks.device_class == "energy"
        assert looks.native_unit_of_measurement == "kWh"
        assert looks.state_class == "total_increasing"
        assert looks.enabled_default
        assert looks.entity_category is None
    power = described("Power.Active.Import")
    assert (power.device_class, power.native_unit_of_measurement) == ("power", "W")
    assert power.state_class == "measurement"


def enabled(connector_id: int) -> dict[str, EntityCategory | None]:
    """Return what is enabled by default, and under which heading."""
    own = CONNECTOR if connector_id else CHARGE_POINT
    looks = {name: described(name, connector_id) for name in (*own, *NAMES.values())}
    return {
        name: it.entity_category for name, it in looks.items() if it.enabled_default
    }


DIAGNOSTIC = EntityCategory.DIAGNOSTIC
METER = {
    "Current.Import": None,
    "Current.Offered": DIAGNOSTIC,
    "Power.Active.Import": None,
    "SoC": None,
    "Temperature": DIAGNOSTIC,
    "Temperature__Body": DIAGNOSTIC,
    "Temperature__Cable": DIAGNOSTIC,
    "Temperature__EV": DIAGNOSTIC,
    "Temperature__Inlet": DIAGNOSTIC,
    "Voltage": DIAGNOSTIC,
}


def test_what_is_enabled_by_default() -> None:
    assert enabled(0) == METER | {
        "status": None,
        "error_code": DIAGNOSTIC,
        "problem": DIAGNOSTIC,
        "connected": DIAGNOSTIC,
        "last_boot": DIAGNOSTIC,
        "firmware_status": DIAGNOSTIC,
        "Energy.Active.Import.Register": None,
    }
    assert enabled(1) == METER | {
        "status": None,
        "error_code": DIAGNOSTIC,
        "problem": DIAGNOSTIC,
        "plugged_in": None,
        "charging": None,
        "total_energy": None,
        "session_energy": None,
        "session_duration": None,
        "session_start": None,
        "stop_reason": DIAGNOSTIC,
        "id_tag": DIAGNOSTIC,
        "planned_limit": None,
        "next_limit_change": None,
    }


@pytest.mark.parametrize(
    ("phase", "place", "key", "variant"),
    [
        ("", "", "current_import", {}),
        ("L1", "", "current_import_variant", {"variant": "L1"}),
        ("", "Inlet", "current_import_variant", {"variant": "Inlet"}),
        ("L1-N", "Inlet", "current_import_variant", {"variant": "L1-N Inlet"}),
    ],
)
def test_phases_and_places(
    phase: str, place: str, key: str, variant: dict[str, str]
) -> None:
    looks = described(datapoint_name("Current.Import", phase, place))
    assert looks.translation_key == key
    assert dict(looks.translation_placeholders) == variant
    assert looks.enabled_default is (not variant)


def test_every_measurand_says_how_exact_it_is() -> None:
    for measurand in MEASURANDS:
        assert described(measurand).suggested_display_precision is not None


def test_the_vendors_words_are_attributes() -> None:
    for name in ("status", "error_code"):
        for connector_id in (0, 1):
            device_id = f"{CHARGE_POINT_ID}__{connector_id}"
            assert dict(described(name, connector_id).attributes) == {
                "vendor_error_code": f"{device_id}__vendor_error_code",
                "error_info": f"{device_id}__error_info",
                "vendor_id": f"{device_id}__vendor_id",
            }
    assert described("problem").attributes == ()


def test_only_the_connection_is_shown_off_line() -> None:
    always = {it.key for it in everything() if it.is_always_available}
    assert always == {f"{CHARGE_POINT_ID}__0__connected"}


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("status", "suspended_ev", "suspended_ev"),
        ("transaction_id", 186_000_001, "186000001"),
        ("session_duration", 61, 61),
        ("plugged_in", True, True),
        ("error_info", None, None),
    ],
)
def test_values(name: str, value: Any, shown: Any) -> None:
    assert native_value(described(name), value) == shown


def test_times() -> None:
    start = native_value(described("session_start"), iso(1_800_000_000.0))
    assert start.timestamp() == 1_800_000_000.0


def test_what_is_described_by_hand_is_not_stored() -> None:
    for looks in everything():
        stored = to_dict(looks)
        assert not {"translation_key", "attributes", "is_renamed"} & set(stored)
        guess = from_dict(stored)
        assert guess is not None
        assert guess.translation_key is None
        assert (guess.kind, guess.device_class) == (looks.kind, looks.device_class)


def test_the_users_word_comes_on_top() -> None:
    power = described("Power.Active.Import")
    mine = apply(
        power, {CONF_NAME: "Mine", "unit_of_measurement": "kW", "scale": 0.001}
    )
    assert (mine.name, mine.native_unit_of_measurement) == ("Mine", "kW")
    assert mine.kind is ValueKind.NUMBER
    assert mine.platform is Platform.SENSOR
