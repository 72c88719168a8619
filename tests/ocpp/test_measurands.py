"""The table of measurands, held against OCPP's own lists and Home Assistant's."""

from importlib.resources import files
import json
from typing import Any

import pytest

from custom_components.bemcom_connectors.ocpp import measurands
from custom_components.bemcom_connectors.ocpp.measurands import (
    CONTEXTS,
    FORMATS,
    LOCATIONS,
    MEASURANDS,
    NAMES,
    PHASES,
    STANDARD_UNITS,
    Measurand,
    datapoint_name,
    split_name,
)
from homeassistant.components.sensor import (
    DEVICE_CLASS_STATE_CLASSES,
    SensorDeviceClass,
    SensorStateClass,
)
from homeassistant.components.sensor.const import DEVICE_CLASS_UNITS

each = pytest.mark.parametrize("measurand", MEASURANDS.values(), ids=list(MEASURANDS))


def official(field: str) -> set[str]:
    """Return the values that the official schema allows in a sample."""
    path = files("ocpp") / "v16" / "schemas" / "MeterValues.json"
    schema: dict[str, Any] = json.loads(path.read_text("utf-8-sig"))
    meter_value = schema["properties"]["meterValue"]["items"]["properties"]
    sample = meter_value["sampledValue"]["items"]["properties"]
    return set(sample[field]["enum"])


def test_all_words_of_ocpp_are_there() -> None:
    assert set(MEASURANDS) == official("measurand")
    assert set(PHASES) == official("phase")
    assert set(LOCATIONS) == official("location")
    assert set(CONTEXTS) == official("context")
    assert set(FORMATS) == official("format")
    assert {it.lower() for it in official("unit")} <= STANDARD_UNITS


def test_every_unit_of_ocpp_can_be_read_for_some_measurand() -> None:
    known = {unit for it in MEASURANDS.values() for unit in it.units}
    assert known >= STANDARD_UNITS


@each
def test_home_assistant_takes_unit_and_classes(measurand: Measurand) -> None:
    state_class = measurand.state_class
    assert state_class is None or state_class in set(SensorStateClass)
    if measurand.device_class is None:
        return
    device_class = SensorDeviceClass(measurand.device_class)
    assert measurand.unit in {
        None if unit is None else str(unit) for unit in DEVICE_CLASS_UNITS[device_class]
    }
    if state_class is not None:
        assert state_class in DEVICE_CLASS_STATE_CLASSES[device_class]


@each
def test_a_value_without_unit_can_be_read(measurand: Measurand) -> None:
    assert "" in measurand.units
    assert all(unit == unit.lower() for unit in measurand.units)


def test_only_what_flows_is_gone_with_a_session() -> None:
    stays = {name for name, it in MEASURANDS.items() if not it.live}
    assert stays == {"Frequency", "Temperature", "Voltage"} | {
        name for name in MEASURANDS if name.startswith("Energy.")
    }


def test_energy_of_an_interval_is_not_added_up() -> None:
    assert {
        name: it.state_class
        for name, it in MEASURANDS.items()
        if name.startswith("Energy.")
    } == {
        f"Energy.{kind}.{way}.{what}": state_class
        for kind in ("Active", "Reactive")
        for way in ("Import", "Export")
        for what, state_class in (("Register", "total_increasing"), ("Interval", None))
    }


@pytest.mark.parametrize(
    ("measurand", "unit", "sent", "expected"),
    [
        ("Temperature", "fahrenheit", 212.0, 100.0),
        ("Temperature", "k", 273.15, 0.0),
        ("Power.Factor", "", 0.97, 0.97),
        ("Power.Factor", "", 97.0, 0.97),
        ("Power.Factor", "", -97.0, -0.97),
    ],
)
def test_what_is_more_than_a_factor(
    measurand: str, unit: str, sent: float, expected: float
) -> None:
    conversion = MEASURANDS[measurand].units[unit]
    assert not isinstance(conversion, float)
    assert conversion(sent) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (("Voltage", "", ""), "Voltage"),
        (("Voltage", "L1-N", ""), "Voltage__L1-N"),
        (
            ("Energy.Active.Import.Register", "L1", "Inlet"),
            "Energy.Active.Import.Register__L1__Inlet",
        ),
        (("Temperature", "", "Body"), "Temperature__Body"),
    ],
)
def test_names(parts: tuple[str, str, str], name: str) -> None:
    assert datapoint_name(*parts) == name
    assert split_name(name) == parts


def test_what_goes_without_saying_is_not_in_a_name() -> None:
    assert datapoint_name("Voltage", location="Outlet") == "Voltage"
    assert datapoint_name("SoC", location="EV") == "SoC"
    assert datapoint_name("SoC", location="Body") == "SoC__Body"


def test_all_names_can_be_split() -> None:
    assert len(NAMES) == len(set(NAMES.values()))
    for parts, name in NAMES.items():
        assert split_name(name) == parts
        assert datapoint_name(*parts) == name


@pytest.mark.parametrize(
    "name",
    ["", "status", "Voltage__L4", "Voltage__Outlet", "Voltage__L1__L2", "voltage"],
)
def test_other_names_are_none_of_a_measurand(name: str) -> None:
    assert split_name(name) is None


def test_the_defaults_are_those_of_ocpp() -> None:
    assert measurands.DEFAULT_MEASURAND == "Energy.Active.Import.Register"
    assert measurands.DEFAULT_CONTEXT == "Sample.Periodic"
    assert MEASURANDS[measurands.DEFAULT_MEASURAND].units[""] == 0.001
