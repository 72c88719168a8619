"""The user's word on a datapoint: it comes before the guess, and Home Assistant accepts it."""

from dataclasses import replace
from datetime import UTC, datetime
import json
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.bemcom_connectors.connector.model import JsonValue
from custom_components.bemcom_connectors.connector.reporting import ReportStrategy
from custom_components.bemcom_connectors.descriptions import (
    DatapointDescription,
    NativeValue,
    ValueKind,
    describe,
    native_value,
)
from custom_components.bemcom_connectors.overrides import (
    NONE,
    SENSOR_CLASSES,
    TEXT,
    apply,
    check,
    differences,
    usable,
)
from custom_components.bemcom_connectors.stored_descriptions import (
    is_valid,
    learned,
    to_dict,
)
from homeassistant.components.binary_sensor.const import (
    BinarySensorDeviceClass as Binary,
)
from homeassistant.components.sensor import (
    SensorDeviceClass as Class,
    SensorStateClass as State,
)
from homeassistant.components.sensor.const import (
    DEVICE_CLASS_STATE_CLASSES,
    DEVICE_CLASS_UNITS,
)
from homeassistant.const import Platform
from homeassistant.util.unit_system import METRIC_SYSTEM
from tests.test_descriptions import Shown, check_combination, json_values, keys, quick

POWER = describe("power_W", 412.5)
ENERGY = describe("energy_kWh", 5)
PLAIN = describe("x", 5)
LABEL = describe("label", "hello")
STATUS = replace(describe("status", "charging"), options=("charging", "idle"))
SINCE = describe("since_timestamp", "2026-11-21T10:00:00+00:00")
SWITCH = describe("relay", True)
LIST = describe("list", [1])

UNIT, STATE, CLASS = "unit_of_measurement", "state_class", "device_class"


def test_the_guesses_are_what_they_should_be() -> None:
    assert POWER.device_class is Class.POWER
    assert ENERGY.state_class is State.TOTAL_INCREASING
    assert [it.kind for it in (PLAIN, LABEL, STATUS, SINCE, SWITCH, LIST)] == [
        ValueKind.NUMBER,
        ValueKind.TEXT,
        ValueKind.ENUM,
        ValueKind.TIMESTAMP,
        ValueKind.BOOLEAN,
        ValueKind.JSON,
    ]


@pytest.mark.parametrize(
    "guess", [POWER, ENERGY, PLAIN, LABEL, STATUS, SINCE, SWITCH, LIST]
)
def test_nothing_said_is_as_guessed(guess: DatapointDescription) -> None:
    assert apply(guess, {"key": guess.key, "hidden": True}) == guess


U, N = "native_unit_of_measurement", ValueKind.NUMBER


@pytest.mark.parametrize(
    ("guess", "said", "expected"),
    [
        (POWER, {"name": " Roof "}, {"name": "Roof"}),
        (POWER, {UNIT: "kW"}, {U: "kW", CLASS: Class.POWER, STATE: State.MEASUREMENT}),
        (POWER, {STATE: NONE}, {STATE: None, U: "W"}),
        (POWER, {CLASS: NONE}, {CLASS: None, U: "W", "kind": N}),
        (POWER, {UNIT: NONE}, {CLASS: None, U: None, "kind": N}),
        (POWER, {UNIT: "apples"}, {CLASS: None, U: "apples"}),
        (POWER, {STATE: "total"}, {CLASS: None, STATE: State.TOTAL, U: "W"}),
        (POWER, {CLASS: TEXT}, {"kind": ValueKind.TEXT, U: None, STATE: None}),
        (POWER, {CLASS: "battery"}, {U: "%", STATE: State.MEASUREMENT}),
        (POWER, {CLASS: "power_factor"}, {U: None, STATE: State.MEASUREMENT}),
        (POWER, {CLASS: "energy", UNIT: "Wh"}, {U: "Wh", STATE: None}),
        (ENERGY, {CLASS: "power", UNIT: "W"}, {STATE: State.MEASUREMENT}),
        (ENERGY, {CLASS: "energy"}, {STATE: State.TOTAL_INCREASING, U: "kWh"}),
        (PLAIN, {UNIT: "\N{MICRO SIGN}g"}, {U: "\N{GREEK SMALL LETTER MU}g"}),
        (PLAIN, {CLASS: "monetary", UNIT: "EUR"}, {U: "EUR", STATE: State.TOTAL}),
        (PLAIN, {STATE: "measurement_angle", UNIT: "°"}, {U: "°"}),
        (PLAIN, {"options": ["5", "6"]}, {"kind": ValueKind.ENUM, CLASS: Class.ENUM}),
        (PLAIN, {CLASS: "uptime"}, {"kind": ValueKind.TIMESTAMP, CLASS: Class.UPTIME}),
        (PLAIN, {"platform": "binary_sensor"}, {"kind": ValueKind.BOOLEAN}),
        (LABEL, {UNIT: "pulses"}, {"kind": N, U: "pulses", "scale": None}),
        (LABEL, {CLASS: "humidity"}, {"kind": N, U: "%", STATE: State.MEASUREMENT}),
        (LABEL, {CLASS: "timestamp"}, {"kind": ValueKind.TIMESTAMP}),
        (LABEL, {CLASS: NONE}, {"kind": ValueKind.TEXT}),
        (LABEL, {"scale": 2.0}, {"kind": N, "scale": 2, "offset": 0}),
        (STATUS, {"options": ["idle", " on "]}, {"options": ("idle", "on")}),
        (STATUS, {CLASS: NONE}, {"kind": ValueKind.TEXT, "options": ()}),
        (STATUS, {UNIT: "W"}, {"kind": N, "options": (), CLASS: None}),
        (SINCE, {CLASS: TEXT}, {"kind": ValueKind.TEXT, CLASS: None}),
        (SWITCH, {CLASS: "door"}, {CLASS: Binary.DOOR}),
        (SWITCH, {CLASS: NONE}, {CLASS: None}),
        (SWITCH, {"platform": "sensor"}, {"kind": ValueKind.TEXT, CLASS: None}),
        (SWITCH, {"platform": "sensor", UNIT: "x"}, {"kind": N, "scale": 1}),
        (LIST, {CLASS: TEXT}, {"kind": ValueKind.JSON}),
    ],
)
def test_the_users_word_comes_first(
    guess: DatapointDescription, said: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert check(said, guess) is None
    looks = apply(guess, said)
    assert {name: getattr(looks, name) for name in expected} == expected
    assert is_valid(looks)
    assert apply(guess, differences(said, guess)) == looks


@pytest.mark.parametrize(
    ("guess", "said", "fault"),
    [
        (POWER, {"name": " "}, ("name", "invalid_name")),
        (POWER, {"name": "x" * 101}, ("name", "invalid_name")),
        (POWER, {"platform": "siren"}, ("platform", "invalid_platform")),
        (POWER, {CLASS: "door"}, (CLASS, "invalid_device_class")),
        (POWER, {CLASS: "date"}, (CLASS, "invalid_device_class")),
        (SWITCH, {CLASS: "energy"}, (CLASS, "invalid_device_class")),
        (SWITCH, {CLASS: TEXT}, (CLASS, "invalid_device_class")),
        (POWER, {CLASS: "power", UNIT: "V"}, (UNIT, "invalid_unit")),
        (POWER, {CLASS: "power", UNIT: NONE}, (UNIT, "invalid_unit")),
        (POWER, {CLASS: "voltage"}, (UNIT, "invalid_unit")),
        (POWER, {UNIT: "x" * 41}, (UNIT, "invalid_unit")),
        (POWER, {UNIT: " "}, (UNIT, "invalid_unit")),
        (POWER, {CLASS: "power", STATE: "total"}, (STATE, "invalid_state_class")),
        (PLAIN, {STATE: "measurement_angle"}, (STATE, "invalid_state_class")),
        (PLAIN, {STATE: "rising"}, (STATE, "invalid_state_class")),
        (PLAIN, {"scale": 0.0}, ("scale", "invalid_number")),
        (PLAIN, {"scale": 1e300}, ("scale", "invalid_number")),
        (PLAIN, {"scale": float("nan")}, ("scale", "invalid_number")),
        (PLAIN, {"offset": float("inf")}, ("offset", "invalid_number")),
        (
            PLAIN,
            {"suggested_display_precision": 1.5},
            ("suggested_display_precision", "invalid_precision"),
        ),
        (SWITCH, {"scale": 2}, ("scale", "needs_number")),
        (SWITCH, {UNIT: "W"}, (UNIT, "needs_number")),
        (PLAIN, {CLASS: TEXT, "offset": 1}, ("offset", "needs_number")),
        (PLAIN, {CLASS: "enum", "scale": 2}, ("scale", "needs_number")),
        (PLAIN, {"options": ["a"], UNIT: "W"}, (UNIT, "needs_number")),
        (SINCE, {CLASS: "timestamp", UNIT: "s"}, (UNIT, "needs_number")),
        (SWITCH, {"options": ["a"]}, ("options", "options_need_sensor")),
        (
            POWER,
            {CLASS: "power", "options": ["a"]},
            ("options", "options_need_enum"),
        ),
        (POWER, {"options": []}, ("options", "invalid_options")),
        (POWER, {"options": [" "]}, ("options", "invalid_options")),
        (POWER, {"options": ["x" * 256]}, ("options", "invalid_options")),
        (POWER, {"options": map(str, range(101))}, ("options", "invalid_options")),
        (POWER, {"report_strategy": "never"}, ("report_strategy", "invalid_report")),
        (
            POWER,
            {"report_strategy": "on_report_period", "report_period": 1e9},
            ("report_period", "invalid_report"),
        ),
        (POWER, {"report_period": 5}, ("report_period", "report_needs_strategy")),
        (
            POWER,
            {"report_tolerance": 5},
            ("report_tolerance", "report_needs_strategy"),
        ),
    ],
)
def test_what_home_assistant_refuses_is_named(
    guess: DatapointDescription, said: dict[str, Any], fault: tuple[str, str]
) -> None:
    said = {name: list(it) if isinstance(it, map) else it for name, it in said.items()}
    assert check(said, guess) == fault
    # In use it is left out, and the rest counts.
    looks = apply(guess, {"suggested_display_precision": 2, **said})
    assert is_valid(looks)


def test_a_fault_leaves_the_rest_as_it_was_said() -> None:
    """The guess may have changed since."""
    said = {"key": "x", "name": "Roof", CLASS: "voltage", "scale": 2}
    assert usable(said, POWER) == {"key": "x", "name": "Roof", "scale": 2}
    assert apply(POWER, said).name == "Roof"
    assert apply(POWER, said).device_class is Class.POWER


@pytest.mark.parametrize(
    ("guess", "said", "kept"),
    [
        (POWER, {CLASS: "power", UNIT: "W", STATE: "measurement"}, {}),
        (POWER, {"name": "Power", "platform": "sensor", "hidden": False}, {}),
        (POWER, {"hidden": True}, {"hidden": True}),
        (
            POWER,
            {CLASS: "battery", UNIT: "%", STATE: "measurement"},
            {CLASS: "battery", "platform": "sensor"},
        ),
        (POWER, {CLASS: "power", UNIT: "kW"}, {UNIT: "kW"}),
        (PLAIN, {CLASS: NONE, UNIT: NONE, STATE: NONE}, {STATE: NONE}),
        (STATUS, {CLASS: "enum", "options": ["charging", "idle"]}, {}),
        (LABEL, {CLASS: TEXT}, {}),
        (SWITCH, {CLASS: "door"}, {CLASS: "door", "platform": "binary_sensor"}),
        (
            POWER,
            {"report_strategy": "on_received"},
            {"report_strategy": "on_received"},
        ),
    ],
)
def test_only_differences_are_kept(
    guess: DatapointDescription, said: dict[str, Any], kept: dict[str, Any]
) -> None:
    guess = replace(guess, state_class=guess.state_class or State.MEASUREMENT)
    if guess.kind is not ValueKind.NUMBER:
        guess = replace(guess, state_class=None)
    assert differences({"key": "k", **said}, guess) == {"key": "k", **kept}


def test_the_decimals_of_a_guess_go_with_its_unit() -> None:
    guess = describe("voltage_V", 3.3)
    assert guess.suggested_display_precision == 3
    assert apply(guess, {"name": "Cell"}).suggested_display_precision == 3
    assert apply(guess, {UNIT: "mV"}).suggested_display_precision is None
    assert apply(guess, {"scale": 0.001}).suggested_display_precision is None
    said = {"suggested_display_precision": 0.0}
    assert apply(guess, said).suggested_display_precision == 0


# What entities learn

MORE = ("charging", "idle", "off")
NET = replace(ENERGY, state_class=State.TOTAL)
WORDY = replace(STATUS, kind=ValueKind.TEXT, device_class=None, options=())


@pytest.mark.parametrize(
    ("guess", "said", "change", "expected"),
    [
        (STATUS, {}, {"options": MORE}, replace(STATUS, options=MORE)),
        (STATUS, {"name": "S"}, {"options": MORE}, replace(STATUS, options=MORE)),
        (STATUS, {"options": ["on"]}, {"options": ("on", "off")}, STATUS),
        (LABEL, {CLASS: "enum"}, {"options": ("hello",)}, LABEL),
        (ENERGY, {}, {STATE: State.TOTAL}, NET),
        (ENERGY, {"name": "E"}, {STATE: State.TOTAL}, NET),
        (ENERGY, {UNIT: "Wh"}, {STATE: State.TOTAL}, NET),
        (ENERGY, {"scale": -1}, {STATE: State.TOTAL}, ENERGY),
        (PLAIN, {STATE: "total_increasing"}, {STATE: State.TOTAL}, PLAIN),
        (
            POWER,
            {CLASS: "energy", UNIT: "Wh", STATE: "total_increasing"},
            {STATE: State.TOTAL},
            POWER,
        ),
        (
            STATUS,
            {"name": "S"},
            {"kind": ValueKind.TEXT, CLASS: None, "options": ()},
            WORDY,
        ),
        (
            STATUS,
            {"options": ["on"]},
            {"kind": ValueKind.TEXT, CLASS: None, "options": ()},
            STATUS,
        ),
    ],
)
def test_what_is_learned_is_not_the_users_word(
    guess: DatapointDescription,
    said: dict[str, Any],
    change: dict[str, Any],
    expected: DatapointDescription,
) -> None:
    shown = replace(apply(guess, said), **change)
    assert learned(guess, shown, said) == expected
    assert apply(expected, {}) == expected


# Values


@pytest.mark.parametrize(
    ("guess", "said", "value", "expected"),
    [
        (PLAIN, {"scale": 0.1}, 3, 0.3),
        (PLAIN, {"scale": 0.1}, 0, 0.0),
        (PLAIN, {"scale": 10.0}, 5, 50),
        (PLAIN, {"scale": -1.0}, 0.0, 0.0),
        (PLAIN, {"scale": 10.0}, 2**80, 10 * 2**80),
        (PLAIN, {"offset": -273.15}, 300, 26.85),
        (PLAIN, {"scale": 1.8, "offset": 32.0}, 21.5, 70.7),
        (PLAIN, {"scale": 0.001}, "21,5", 0.0215),
        (PLAIN, {"scale": 0.5}, "0", 0.0),
        (PLAIN, {"scale": 0.5}, "12 pulses", 6.0),
        (PLAIN, {"scale": 2.0}, True, 2),
        (PLAIN, {"scale": 2.0}, False, 0),
        (PLAIN, {"scale": 2.0}, "on", 2),
        (PLAIN, {"scale": 2.0}, "hello", None),
        (PLAIN, {"scale": 2.0}, None, None),
        (PLAIN, {"scale": 2.0}, [1], None),
        (PLAIN, {"scale": 2.0}, float("nan"), None),
        (PLAIN, {"scale": 2.0}, 10**400, None),
        (PLAIN, {"scale": 1e15}, 1e99, None),
        (PLAIN, {"scale": 1e15}, 10**99, None),
        (PLAIN, {UNIT: "pulses"}, "12 pulses", 12),
        (POWER, {"scale": 2.0}, "0.5 kW", 1000.0),
        (POWER, {"scale": 230.0}, "2 A", 460),
        (POWER, {CLASS: TEXT}, "007", "007"),
        (SWITCH, {"platform": "sensor", UNIT: "x"}, True, 1),
        (SWITCH, {"platform": "sensor", UNIT: "x"}, "off", 0),
        (SWITCH, {"platform": "sensor"}, True, "true"),
        (SWITCH, {"platform": "sensor", CLASS: "enum"}, False, "false"),
        (POWER, {"platform": "binary_sensor"}, 1, True),
        (POWER, {"platform": "binary_sensor"}, 5, None),
        (LABEL, {"platform": "binary_sensor"}, "Closed", False),
        (
            PLAIN,
            {CLASS: "timestamp"},
            1_790_000_000,
            datetime.fromtimestamp(1_790_000_000, UTC),
        ),
    ],
)
def test_values(
    guess: DatapointDescription,
    said: dict[str, Any],
    value: JsonValue,
    expected: NativeValue,
) -> None:
    assert check(said, guess) is None
    native = native_value(apply(guess, said), value)
    assert native == expected
    assert type(native) is type(expected)
    assert str(native) != "-0.0"


# Properties: whatever a device sends, and whatever the user says of it

said_numbers = st.floats(-1e16, 1e16) | st.sampled_from([0, 1, 0.001, -1.0])
units = st.sampled_from(
    [NONE, "W", "°", "%", "apples", *sorted(map(str, DEVICE_CLASS_UNITS[Class.ENERGY]))]
)
overrides = st.fixed_dictionaries(
    {"key": st.just("k")},
    optional={
        "name": st.text(max_size=5),
        "platform": st.sampled_from(["sensor", "binary_sensor", "siren"]),
        CLASS: st.sampled_from([NONE, TEXT, *SENSOR_CLASSES, *Binary]).map(str),
        UNIT: units,
        STATE: st.sampled_from([NONE, *State]).map(str),
        "scale": said_numbers,
        "offset": said_numbers,
        "suggested_display_precision": st.integers(-1, 12),
        "options": st.lists(st.text(max_size=3), max_size=3),
        "hidden": st.booleans(),
        "report_strategy": st.sampled_from(list(map(str, ReportStrategy))),
        "report_period": st.floats(0, 1e5),
        "report_tolerance": st.floats(),
    },
)


@given(keys, json_values, overrides, json_values)
@quick
def test_any_override_can_be_shown(
    key: str, first: JsonValue, said: dict[str, Any], value: JsonValue
) -> None:
    guess = describe(key, first)
    looks = apply(guess, said)
    assert is_valid(looks)
    check_combination(looks)
    json.dumps(to_dict(looks))
    native = native_value(looks, value)
    if looks.platform is Platform.BINARY_SENSOR:
        assert native is None or isinstance(native, bool)
        return
    assert not isinstance(native, bool)
    if looks.device_class is Class.ENUM:
        assert native is None or isinstance(native, str)
        return
    if looks.device_class is Class.UPTIME:
        assert native is None or isinstance(native, datetime)
        return
    shown = Shown(replace(looks, scale=None, offset=None), None, METRIC_SYSTEM)
    shown._attr_native_value = native
    assert shown.state is None or len(str(shown.state)) <= 255
    assert not shown.complained


@given(keys, json_values, overrides)
@quick
def test_what_is_kept_says_the_same(
    key: str, first: JsonValue, said: dict[str, Any]
) -> None:
    guess = describe(key, first)
    said = usable(said, guess)
    assert check(said, guess) is None
    kept = differences(said, guess)
    assert check(kept, guess) is None
    assert apply(guess, kept) == apply(guess, said)
    assert differences(kept, guess) == kept
    said.pop("hidden", None)
    kept.pop("hidden", None)
    assert kept.items() <= {**said, "platform": apply(guess, said).platform}.items()


@pytest.mark.parametrize("device_class", SENSOR_CLASSES)
def test_each_sensor_class_can_be_chosen(device_class: Class) -> None:
    said: dict[str, Any] = {CLASS: device_class.value}
    if (fault := check(said, LABEL)) is not None:
        assert fault == (UNIT, "invalid_unit")
        said[UNIT] = str(next(iter(DEVICE_CLASS_UNITS[device_class])))
    looks = apply(LABEL, said)
    assert looks.device_class is device_class
    allowed = DEVICE_CLASS_STATE_CLASSES[device_class]
    assert (looks.state_class in allowed) == (len(allowed) == 1)


@pytest.mark.parametrize(
    "text", ["12:30", "2026-11-21", "192.168.1.1", "0x10", "3 of 5", "1/2"]
)
def test_what_only_begins_with_digits_is_not_scaled(text: str) -> None:
    """A time or an address is no number with an odd unit."""
    override = {"key": "x", "scale": 2}
    description = apply(describe("x", 1), override)
    assert native_value(description, text) is None
    assert native_value(description, "5 apples") == 10
