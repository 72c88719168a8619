"""What charge points measure: the one table of OCPP's measurands and their units."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import NamedTuple

from ..connector.flatten import SEPARATOR

IMPORT_REGISTER = "Energy.Active.Import.Register"
# What a sample without these words means; the location is that of the outlet.
DEFAULT_MEASURAND = IMPORT_REGISTER
DEFAULT_CONTEXT = "Sample.Periodic"

TRANSACTION_BEGIN = "Transaction.Begin"
TRANSACTION_END = "Transaction.End"
# Contexts, the one that is worth most first.
CONTEXTS = (
    TRANSACTION_END,
    "Sample.Periodic",
    "Sample.Clock",
    "Trigger",
    "Other",
    "Interruption.End",
    "Interruption.Begin",
    TRANSACTION_BEGIN,
)
LINES = ("L1", "L2", "L3")
LINES_TO_NEUTRAL = ("L1-N", "L2-N", "L3-N")
LINES_TO_LINES = ("L1-L2", "L2-L3", "L3-L1")
PHASES = (*LINES, "N", *LINES_TO_NEUTRAL, *LINES_TO_LINES)
LOCATIONS = ("Body", "Cable", "EV", "Inlet", "Outlet")
FORMATS = ("Raw", "SignedData")

# Units as OCPP 1.6 spells them, its famous misprint included, in lower case.
STANDARD_UNITS = frozenset(
    {
        *("wh", "kwh", "varh", "kvarh"),
        *("w", "kw", "va", "kva", "var", "kvar"),
        *("a", "v", "celsius", "celcius", "fahrenheit", "k", "percent", "hertz"),
    }
)

# What makes a value in the table's unit of one as it was sent: a factor, or how to.
type Conversion = float | Callable[[float], float]


class Combine(StrEnum):
    """How a total is made of the phases."""

    SUM = "sum"
    MEAN = "mean"
    # The strongest phase: what limits and fuses count.
    MAX = "max"
    NONE = "none"


class Measurand(NamedTuple):
    """One measurand: how it is read, and what Home Assistant makes of it."""

    name: str
    # Of our datapoints.
    unit: str | None
    # By the unit as it was sent, in lower case; "" is none at all.
    units: Mapping[str, Conversion]
    device_class: str | None
    state_class: str | None
    combine: Combine
    # Whether it is gone when a session is over.
    live: bool = False
    # Locations that go without saying.
    implied: tuple[str, ...] = ("Outlet",)
    # A phase that has less is not connected: it is not part of a mean.
    least: float = 0.0


def datapoint_name(measurand: str, phase: str = "", location: str = "") -> str:
    """Return the name of a datapoint: "Voltage__L1-N", "Power.Active.Import__Inlet"."""
    parts = [measurand]
    if phase:
        parts.append(phase)
    if location and location not in MEASURANDS[measurand].implied:
        parts.append(location)
    return SEPARATOR.join(parts)


def split_name(name: str) -> tuple[str, str, str] | None:
    """Return measurand, phase and location of what `datapoint_name` made, if it did."""
    return _NAMES.get(name)


def _power_factor(value: float) -> float:
    """Return a power factor that may be one in percent without saying so."""
    return value / 100 if abs(value) > 1 else value


def _fahrenheit(value: float) -> float:
    return (value - 32) / 1.8


def _kelvin(value: float) -> float:
    return value - 273.15


_AMPERES: Mapping[str, Conversion] = {
    "": 1.0,
    "a": 1.0,
    "amp": 1.0,
    "amps": 1.0,
    "ampere": 1.0,
    "amperes": 1.0,
    "ma": 0.001,
}
_VOLTS: Mapping[str, Conversion] = {
    "": 1.0,
    "v": 1.0,
    "volt": 1.0,
    "volts": 1.0,
    "mv": 0.001,
    "kv": 1000.0,
}
_WATTS: Mapping[str, Conversion] = {
    "": 1.0,
    "w": 1.0,
    "watt": 1.0,
    "watts": 1.0,
    "va": 1.0,
    "kw": 1000.0,
    "kva": 1000.0,
}
_VARS: Mapping[str, Conversion] = {
    "": 1.0,
    "var": 1.0,
    "va": 1.0,
    "w": 1.0,
    "kvar": 1000.0,
    "kva": 1000.0,
    "kw": 1000.0,
}
_WATT_HOURS: Mapping[str, Conversion] = {
    "": 0.001,
    "wh": 0.001,
    "w.h": 0.001,
    "kwh": 1.0,
    "kw.h": 1.0,
    "mwh": 1000.0,
}
_VAR_HOURS: Mapping[str, Conversion] = {
    "": 0.001,
    "varh": 0.001,
    "wh": 0.001,
    "kvarh": 1.0,
    "kwh": 1.0,
}
_PERCENT: Mapping[str, Conversion] = {"": 1.0, "percent": 1.0, "%": 1.0}
_HERTZ: Mapping[str, Conversion] = {"": 1.0, "hz": 1.0, "hertz": 1.0}
_DEGREES: Mapping[str, Conversion] = {
    "": 1.0,
    "celsius": 1.0,
    "celcius": 1.0,
    "°c": 1.0,
    "c": 1.0,
    "fahrenheit": _fahrenheit,
    "°f": _fahrenheit,
    "f": _fahrenheit,
    "k": _kelvin,
    "kelvin": _kelvin,
}
_FACTOR: Mapping[str, Conversion] = {
    "": _power_factor,
    "percent": 0.01,
    "%": 0.01,
}
_TURNS: Mapping[str, Conversion] = {"": 1.0, "rpm": 1.0, "1/min": 1.0}


def _current(name: str) -> Measurand:
    return Measurand(
        name, "A", _AMPERES, "current", "measurement", Combine.MAX, live=True
    )


def _power(name: str) -> Measurand:
    return Measurand(name, "W", _WATTS, "power", "measurement", Combine.SUM, live=True)


def _reactive_power(name: str) -> Measurand:
    return Measurand(
        name, "var", _VARS, "reactive_power", "measurement", Combine.SUM, live=True
    )


def _energy(direction: str, state_class: str | None) -> Measurand:
    return Measurand(
        f"Energy.Active.{direction}",
        "kWh",
        _WATT_HOURS,
        "energy",
        state_class,
        Combine.SUM,
    )


def _reactive_energy(direction: str, state_class: str | None) -> Measurand:
    return Measurand(
        f"Energy.Reactive.{direction}",
        "kvarh",
        _VAR_HOURS,
        "reactive_energy",
        state_class,
        Combine.SUM,
    )


MEASURANDS: Mapping[str, Measurand] = {
    it.name: it
    for it in (
        _current("Current.Export"),
        _current("Current.Import"),
        _current("Current.Offered"),
        _energy("Export.Register", "total_increasing"),
        _energy("Import.Register", "total_increasing"),
        _reactive_energy("Export.Register", "total_increasing"),
        _reactive_energy("Import.Register", "total_increasing"),
        # Each value is of its own interval: Home Assistant has no state class that adds
        # such values up, and would make nonsense of them with any that it has.
        _energy("Export.Interval", None),
        _energy("Import.Interval", None),
        _reactive_energy("Export.Interval", None),
        _reactive_energy("Import.Interval", None),
        Measurand("Frequency", "Hz", _HERTZ, "frequency", "measurement", Combine.MEAN),
        _power("Power.Active.Export"),
        _power("Power.Active.Import"),
        Measurand(
            "Power.Factor",
            None,
            _FACTOR,
            "power_factor",
            "measurement",
            Combine.MEAN,
            live=True,
        ),
        _power("Power.Offered"),
        _reactive_power("Power.Reactive.Export"),
        _reactive_power("Power.Reactive.Import"),
        Measurand("RPM", "rpm", _TURNS, None, "measurement", Combine.NONE, live=True),
        # It is the vehicle's, whether the charge point says so or not.
        Measurand(
            "SoC",
            "%",
            _PERCENT,
            "battery",
            "measurement",
            Combine.NONE,
            live=True,
            implied=("Outlet", "EV"),
        ),
        Measurand(
            "Temperature", "°C", _DEGREES, "temperature", "measurement", Combine.NONE
        ),
        Measurand(
            "Voltage",
            "V",
            _VOLTS,
            "voltage",
            "measurement",
            Combine.MEAN,
            least=50.0,
        ),
    )
}

# Every name there can be, so that none is made while samples are read.
_NAMES: Mapping[str, tuple[str, str, str]] = {
    datapoint_name(measurand, phase, location): (measurand, phase, location)
    for measurand, it in MEASURANDS.items()
    for phase in ("", *PHASES)
    for location in ("", *(at for at in LOCATIONS if at not in it.implied))
}
NAMES: Mapping[tuple[str, str, str], str] = {
    parts: name for name, parts in _NAMES.items()
}
