"""Meter values, as they are sent and as they are shown."""

import time
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.bemcom_connectors.ocpp import (
    metering as metering_module,
    samples as sample_reader,
)
from custom_components.bemcom_connectors.ocpp.clock import DeviceClock
from custom_components.bemcom_connectors.ocpp.leniencies import Leniencies
from custom_components.bemcom_connectors.ocpp.measurands import (
    CONTEXTS,
    LOCATIONS,
    MEASURANDS,
    PHASES,
    split_name,
)
from custom_components.bemcom_connectors.ocpp.metering import (
    Meter,
    Sample,
    read_meter_values,
    registers,
)
from custom_components.bemcom_connectors.ocpp.timestamps import write_timestamp

NOW = 1773144000.0
REGISTER = "Energy.Active.Import.Register"


def sampled(value: object, measurand: str = "", **words: object) -> dict[str, object]:
    """Return a sampledValue."""
    return {"value": value, **({"measurand": measurand} if measurand else {}), **words}


def meter_value(*samples: object, at: float = NOW) -> dict[str, object]:
    """Return one meterValue."""
    return {"timestamp": write_timestamp(at), "sampledValue": list(samples)}


def read(*samples: object, notes: Leniencies | None = None) -> list[Sample]:
    """Return what is read of one meterValue with these samples."""
    notes = Leniencies() if notes is None else notes
    readings = read_meter_values([meter_value(*samples)], notes)
    return readings[0].samples if readings else []


def shown(meter: Meter, *samples: object, at: float = NOW, now: float = 0) -> Any:
    """Return what a meter shows of samples."""
    readings = read_meter_values([meter_value(*samples, at=at)], Leniencies())
    return meter.take(readings, now or at)


# Reading


def test_a_plain_sample() -> None:
    notes = Leniencies()
    full = sampled(
        "16.5",
        "Current.Import",
        phase="L2",
        unit="A",
        context="Trigger",
        location="Inlet",
        format="Raw",
    )
    (reading,) = read_meter_values([meter_value(full)], notes)
    assert reading.timestamp == NOW
    assert reading.samples == [Sample("Current.Import", "L2", "Inlet", "Trigger", 16.5)]
    assert not notes.counts


def test_what_is_not_said_is_what_ocpp_says() -> None:
    notes = Leniencies()
    assert read({"value": "12345"}, notes=notes) == [
        Sample(REGISTER, "", "", "Sample.Periodic", 12.345)
    ]
    assert not notes.counts


@pytest.mark.parametrize(
    ("measurand", "unit", "value", "expected"),
    [
        (REGISTER, "Wh", "1", 0.001),
        (REGISTER, "kWh", "12.345", 12.345),
        (REGISTER, "KWH", "1", 1.0),
        (REGISTER, "", "12345678", 12345.678),
        ("Energy.Reactive.Import.Register", "kvarh", "2", 2.0),
        ("Energy.Reactive.Import.Register", "varh", "2", 0.002),
        ("Power.Active.Import", "kW", "1.001", 1001.0),
        ("Power.Active.Import", None, "7", 7.0),
        ("Power.Reactive.Import", "kvar", "1", 1000.0),
        ("Frequency", "Hz", "50.01", 50.01),
        ("Frequency", "Hertz", "50", 50.0),
        ("Temperature", "Celcius", "21", 21.0),
        ("Temperature", "Celsius", "21", 21.0),
        ("Temperature", "Fahrenheit", "212", 100.0),
        ("Temperature", "K", "300", 26.85),
        ("SoC", "Percent", "80", 80.0),
        ("SoC", "%", "80", 80.0),
        ("Power.Factor", "Percent", "97", 0.97),
        ("Power.Factor", "", "97", 0.97),
        ("RPM", None, "1200", 1200.0),
        ("Current.Import", "mA", "16000", 16.0),
    ],
)
def test_units(measurand: str, unit: str | None, value: str, expected: float) -> None:
    (sample,) = read(sampled(value, measurand, unit=unit))
    assert sample.value == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1,5", 1.5),
        ("1.5e3", 1500.0),
        ("-4", -4.0),
        (" 12 ", 12.0),
        (12, 12.0),
        (1.25, 1.25),
    ],
)
def test_numbers_of_all_kinds(value: object, expected: float) -> None:
    assert read(sampled(value, "Voltage"))[0].value == expected


@pytest.mark.parametrize(
    "value",
    [
        "",
        "n/a",
        "NaN",
        "Infinity",
        "-inf",
        "1e300",
        "1,234.5",
        "1,2,3",
        "9" * 400,
        10**400,
        float("nan"),
        True,
        None,
        [],
        {},
        "0A1B2C",
    ],
)
def test_what_is_no_number_is_left_out_and_never_0(value: object) -> None:
    notes = Leniencies()
    (sample,) = read(sampled(value, REGISTER), sampled("1", "Voltage"), notes=notes)
    assert sample.measurand == "Voltage"
    assert sum(notes.counts.values()) >= 1


@pytest.mark.parametrize(
    ("words", "note"),
    [
        ({"format": "SignedData"}, "MeterValues.format: SignedData"),
        ({"measurand": "Voltage.L1"}, "MeterValues.measurand: unknown"),
        ({"phase": "L4"}, "MeterValues.phase: unknown"),
        ({"unit": "furlong"}, f"MeterValues.unit: none of {REGISTER}"),
    ],
)
def test_what_nobody_understands_is_left_out(words: dict[str, str], note: str) -> None:
    notes = Leniencies()
    assert read({"value": "12"} | words, notes=notes) == []
    assert notes.counts[note] == 1
    # The same again is known, and counted again.
    assert read({"value": "12"} | words, notes=notes) == []
    assert notes.counts[note] == 2


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"measurand": "VOLTAGE"}, ("Voltage", "", "", "Sample.Periodic")),
        ({"phase": "", "context": "", "location": ""}, None),
        ({"phase": None, "unit": None, "format": None}, None),
        ({"phase": "null", "location": "N/A"}, None),
        ({"phase": [], "context": {}}, None),
        ({"phase": "L1N"}, (REGISTER, "L1-N", "", "Sample.Periodic")),
        ({"phase": "l1-l2"}, (REGISTER, "L1-L2", "", "Sample.Periodic")),
        ({"context": "Sample"}, None),
        ({"context": "transaction.end"}, (REGISTER, "", "", "Transaction.End")),
        ({"location": "Outlet"}, None),
        ({"location": "Garage"}, None),
        ({"measurand": "SoC", "location": "EV"}, ("SoC", "", "", "Sample.Periodic")),
        ({"vendor": {"more": 1}, "measurand": ""}, None),
    ],
)
def test_words_that_are_nearly_right(
    words: dict[str, object], expected: tuple[str, ...] | None
) -> None:
    (sample,) = read({"value": "12"} | words)
    assert sample[:4] == (expected or (REGISTER, "", "", "Sample.Periodic"))


def test_an_object_instead_of_an_array() -> None:
    notes = Leniencies()
    one = {"timestamp": write_timestamp(NOW), "sampledValue": sampled("230", "Voltage")}
    (reading,) = read_meter_values(one, notes)
    assert reading.samples[0].value == 230.0
    assert notes.counts == {
        "MeterValues.meterValue: not an array": 1,
        "MeterValues.sampledValue: not an array": 1,
    }


def test_a_reading_without_a_time() -> None:
    notes = Leniencies()
    (reading,) = read_meter_values([{"sampledValue": [sampled("1")]}], notes)
    assert reading.timestamp is None
    assert notes.counts == {"MeterValues.timestamp: none": 1}


@pytest.mark.parametrize(
    "nonsense", [None, 5, "text", [], [1, None, "x"], [{}], [{"sampledValue": None}]]
)
def test_nonsense_is_no_reading(nonsense: object) -> None:
    assert read_meter_values(nonsense, Leniencies()) == []


def test_too_many_samples_are_not_read() -> None:
    notes = Leniencies()
    flood = [meter_value(*[{"value": "1"}] * 4000) for _ in range(4)]
    readings = read_meter_values(flood, notes)
    assert sum(len(it.samples) for it in readings) == 10_000
    assert notes.counts == {"MeterValues: too many values": 2}


def test_made_up_words_do_not_fill_the_memory() -> None:
    for number in range(2500):
        read(sampled("1", "Voltage", context=f"made up {number}"))
    read(sampled("1", "Voltage", context="x" * 10_000))
    assert len(sample_reader._shapes) <= 2000
    assert all(len(str(it)) < 400 for it in sample_reader._shapes)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["n/a", "1,5", "12", "-1", "1e3", *MEASURANDS, *PHASES, "Wh"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("timestamp", "sampledValue", "value", "measurand", "phase"),
                    *("location", "context", "unit", "format", "other"),
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=25,
)
raw_samples = st.fixed_dictionaries(
    {"value": st.one_of(st.floats(-1e6, 1e6).map(str), json_values)},
    optional={
        "measurand": st.sampled_from(list(MEASURANDS)) | json_values,
        "phase": st.sampled_from(PHASES) | json_values,
        "location": st.sampled_from(LOCATIONS) | json_values,
        "context": st.sampled_from(CONTEXTS) | json_values,
        "unit": st.sampled_from(["Wh", "kWh", "W", "A", "V", "Celcius"]) | json_values,
    },
)
raw_values = st.lists(
    st.fixed_dictionaries(
        {"sampledValue": st.lists(raw_samples, max_size=6) | json_values},
        optional={
            "timestamp": st.floats(NOW - 2000, NOW + 2000).map(write_timestamp)
            | json_values
        },
    ),
    max_size=4,
)


@given(st.lists(raw_values | json_values, max_size=5))
def test_whatever_comes_nothing_breaks(messages: list[object]) -> None:
    meter = Meter()
    notes = Leniencies()
    for now, message in enumerate(messages):
        readings = read_meter_values(message, notes)
        for name, value in meter.take(readings, NOW + now).items():
            assert split_name(name) is not None
            assert isinstance(value, float)
            assert abs(value) <= 1e15
        for _, context, wh in registers(readings):
            assert context in CONTEXTS
            assert abs(wh) <= 4e15
    for name, value in meter.clear_live().items():
        parts = split_name(name)
        assert parts is not None
        assert MEASURANDS[parts[0]].live
        assert value is None
    # What was sent is not in what is counted.
    assert all(len(it) < 70 for it in notes.counts)


# Showing


def test_totals_are_made_of_the_phases() -> None:
    values = shown(
        Meter(),
        *(
            sampled(str(1000 * n), "Power.Active.Import", phase=f"L{n}")
            for n in (1, 2, 3)
        ),
        *(sampled(str(14 + n), "Current.Import", phase=f"L{n}") for n in (1, 2, 3)),
        *(sampled(str(230 + n), "Voltage", phase=f"L{n}-N") for n in (1, 2, 3)),
        sampled("400", "Voltage", phase="L1-L2"),
    )
    assert values["Power.Active.Import"] == 6000.0
    assert values["Power.Active.Import__L3"] == 3000.0
    # What limits and fuses count is the strongest phase.
    assert values["Current.Import"] == 17.0
    assert values["Voltage"] == 232.0
    assert values["Voltage__L1-L2"] == 400.0


def test_a_total_that_is_sent_counts() -> None:
    values = shown(
        Meter(),
        sampled("3000", "Power.Active.Import", phase="L1"),
        sampled("3100", "Power.Active.Import"),
        sampled("3000", "Power.Active.Import", phase="L2"),
    )
    assert values["Power.Active.Import"] == 3100.0


@pytest.mark.parametrize("phase", ["L1", "L1-N"])
def test_one_phase_is_the_total(phase: str) -> None:
    values = shown(
        Meter(),
        sampled("5000", REGISTER, phase=phase),
        sampled("16", "Current.Import", phase=phase),
    )
    assert values[REGISTER] == 5.0
    assert values["Current.Import"] == 16.0


def test_a_phase_with_two_names_counts_once() -> None:
    values = shown(
        Meter(),
        sampled("1000", "Power.Active.Import", phase="L1"),
        sampled("1000", "Power.Active.Import", phase="L1-N"),
    )
    assert values["Power.Active.Import"] == 1000.0


def test_the_neutral_is_no_total() -> None:
    assert shown(Meter(), sampled("3", "Current.Import", phase="N")) == {
        "Current.Import__N": 3.0
    }


def test_phases_that_are_not_connected_are_not_in_the_mean() -> None:
    values = shown(
        Meter(),
        sampled("231", "Voltage", phase="L1"),
        sampled("0.05", "Voltage", phase="L2"),
        sampled("0.06", "Voltage", phase="L3"),
    )
    assert values["Voltage"] == 231.0
    off = [sampled("0", "Voltage", phase=phase) for phase in ("L1", "L2", "L3")]
    assert shown(Meter(), *off)["Voltage"] == 0.0


def test_between_lines_only() -> None:
    pairs = [sampled("230", "Voltage", phase=phase) for phase in ("L1-L2", "L2-L3")]
    assert shown(Meter(), *pairs)["Voltage"] == 230.0


def test_temperatures_have_no_total() -> None:
    assert shown(Meter(), sampled("20", "Temperature", phase="L1")) == {
        "Temperature__L1": 20.0
    }


def test_totals_of_another_location_stay_there() -> None:
    values = shown(
        Meter(),
        sampled("1000", "Power.Active.Import", phase="L1", location="Inlet"),
        sampled("900", "Power.Active.Import", phase="L2", location="Inlet"),
    )
    assert values["Power.Active.Import__Inlet"] == 1900.0
    assert "Power.Active.Import" not in values


def test_an_older_value_does_not_replace_a_newer_one() -> None:
    meter = Meter()
    assert shown(meter, sampled("2", "Voltage"), at=NOW) == {"Voltage": 2.0}
    older = {"at": NOW - 30, "now": NOW}
    assert shown(meter, sampled("1", "Voltage"), sampled("7", "SoC"), **older) == {
        "SoC": 7.0
    }
    assert shown(meter, sampled("3", "Voltage"), at=NOW) == {"Voltage": 3.0}


def test_the_latest_of_a_message_counts_whatever_the_order() -> None:
    message = [
        meter_value(sampled(str(n), "Voltage"), at=NOW - age)
        for n, age in ((1, 60), (3, 0), (2, 30))
    ]
    readings = read_meter_values(message, Leniencies())
    assert Meter().take(readings, NOW) == {"Voltage": 3.0}
    assert Meter().take([], NOW) == {}


def test_a_time_to_come_is_now() -> None:
    meter = Meter()
    future = {"at": NOW + 86_400 * 3650, "now": NOW}
    assert shown(meter, sampled("1", "Voltage"), **future) == {"Voltage": 1.0}
    assert shown(meter, sampled("2", "Voltage"), at=NOW + 1) == {"Voltage": 2.0}


def test_a_clock_of_ours_that_was_ahead_does_not_stop_everything() -> None:
    meter = Meter()
    shown(meter, sampled("1", "Voltage"), at=NOW + 86_400)
    assert shown(meter, sampled("2", "Voltage"), at=NOW) == {"Voltage": 2.0}


def test_what_was_measured_offline_is_no_news() -> None:
    meter = Meter()
    old = {"at": NOW - 601, "now": NOW}
    assert shown(meter, sampled("1", "Voltage"), **old) == {}
    message = [
        meter_value(sampled("1", "SoC"), at=NOW - 3600),
        meter_value(sampled("2", "Voltage"), at=NOW),
    ]
    readings = read_meter_values(message, Leniencies())
    assert meter.take(readings, NOW) == {"Voltage": 2.0}


def test_a_clock_that_is_always_wrong_is_no_replay() -> None:
    meter = Meter(DeviceClock())
    for second in (0, 30):
        late = {"at": NOW + second - 5 * 3600, "now": NOW + second}
        assert shown(meter, sampled("1", "Voltage"), **late) == {}
    late = {"at": NOW + 60 - 5 * 3600, "now": NOW + 60}
    assert shown(meter, sampled("1", "Voltage"), **late) == {"Voltage": 1.0}
    message = [
        meter_value(sampled("2", "SoC"), at=NOW + 80 - 5 * 3600),
        meter_value(sampled("2", "Voltage"), at=NOW + 90 - 5 * 3600),
    ]
    readings = read_meter_values(message, Leniencies())
    assert meter.take(readings, NOW + 90) == {"SoC": 2.0, "Voltage": 2.0}
    # It was set in the meantime.
    assert shown(meter, sampled("3", "Voltage"), at=NOW + 120) == {"Voltage": 3.0}


def test_a_replay_does_not_look_like_a_wrong_clock() -> None:
    meter = Meter()
    for n in range(200):
        replayed = {"at": NOW - 20_000 + 60 * n, "now": NOW + n / 4}
        assert shown(meter, sampled("1", "Voltage"), **replayed) == {}


def test_the_better_context_of_one_time_counts() -> None:
    values = shown(
        Meter(),
        sampled("4", "Voltage", context="Transaction.End"),
        sampled("3", "Voltage"),
        sampled("1", "Voltage", context="Transaction.Begin"),
    )
    assert values == {"Voltage": 4.0}


def test_the_register_of_the_begin_is_not_that_of_now() -> None:
    # As Growatt sends it, each time.
    meter = Meter()
    both = [
        sampled("0", REGISTER, context="Transaction.Begin"),
        sampled("5000", REGISTER),
    ]
    assert shown(meter, *both) == {REGISTER: 5.0}
    begin = {"at": NOW, "now": NOW}
    assert shown(meter, both[0], **begin) == {}
    assert shown(meter, *reversed(both), at=NOW + 30) == {REGISTER: 5.0}


def test_nonsense_of_a_register_is_not_shown() -> None:
    meter = Meter()
    assert shown(meter, sampled("5000000"), at=NOW) == {REGISTER: 5000.0}
    assert shown(meter, sampled("0"), at=NOW + 30) == {}
    assert shown(meter, sampled("4999900"), at=NOW + 60) == {}
    assert shown(meter, sampled("4294967295"), at=NOW + 90) == {}
    assert shown(meter, sampled("5000100"), at=NOW + 120) == {REGISTER: 5000.1}


def test_a_register_that_was_reset_is_shown_when_it_is_sure() -> None:
    meter = Meter()
    shown(meter, sampled("5000000"), at=NOW)
    for n in (1, 2):
        assert shown(meter, sampled(str(n)), at=NOW + 30 * n) == {}
    assert shown(meter, sampled("3"), at=NOW + 90) == {REGISTER: 0.003}


def test_registers_go_on_after_a_restart() -> None:
    meter = Meter()
    meter.restore(
        {REGISTER: 5000.0, "Power.Active.Import": 7.0, "status": "x", "SoC": None}, NOW
    )
    assert shown(meter, sampled("0"), at=NOW + 30) == {}
    assert shown(meter, sampled("5000010"), at=NOW + 60) == {REGISTER: 5000.01}
    assert meter.clear_live() == {"Power.Active.Import": None}


def test_what_flows_is_gone_with_the_session_and_stays_gone() -> None:
    meter = Meter()
    samples = [
        sampled("7000", "Power.Active.Import"),
        sampled("50", "SoC"),
        sampled("5000"),
        sampled("230", "Voltage"),
    ]
    shown(meter, *samples)
    assert meter.clear_live(NOW) == {"Power.Active.Import": None, "SoC": None}
    assert meter.clear_live() == {}
    closing = shown(meter, *samples, at=NOW + 1)
    assert closing == {REGISTER: 5.0, "Voltage": 230.0}
    assert "Power.Active.Import" in shown(meter, *samples, at=NOW + 60)


# Registers


def test_registers_in_order_with_their_contexts() -> None:
    message = [
        meter_value(
            sampled("3000", context="Transaction.End"),
            sampled("1000", context="Transaction.Begin"),
            sampled("16", "Current.Import"),
            at=NOW + 60,
        ),
        {"sampledValue": [sampled("9", unit="kWh")]},
        meter_value(sampled("2000"), at=NOW),
    ]
    readings = read_meter_values(message, Leniencies())
    expected = [
        (NOW, "Sample.Periodic", 2000.0),
        (NOW + 60, "Transaction.Begin", 1000.0),
        (NOW + 60, "Transaction.End", 3000.0),
        (None, "Sample.Periodic", 9000.0),
    ]
    assert registers(readings) == expected
    assert Meter().registers(readings) == expected


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        ([("L1", "", 1), ("L2", "", 2), ("L3", "", 3)], 6.0),
        ([("L1", "", 1), ("", "", 5), ("L2", "", 2)], 5.0),
        ([("L1", "", 1)], 1.0),
        ([("N", "", 1)], None),
        ([("", "Inlet", 9), ("", "Outlet", 5)], 5.0),
        ([("", "Inlet", 9)], 9.0),
        ([("", "Inlet", 9), ("", "Cable", 8), ("", "Body", 7)], 8.0),
    ],
)
def test_which_register_is_the_connectors(
    samples: list[tuple[str, str, int]], expected: float | None
) -> None:
    raw = [
        sampled(str(value), phase=phase, location=location)
        for phase, location, value in samples
    ]
    found = registers(read_meter_values([meter_value(*raw)], Leniencies()))
    assert [wh for _, _, wh in found] == ([] if expected is None else [expected])


def test_it_is_quick() -> None:
    # Many times the budget, so that only what is really slow fails here.
    eight = [sampled("230.1", "Voltage", phase=p, unit="V") for p in PHASES[:8]]
    big = [meter_value(*eight, *eight[:2], at=NOW + n) for n in range(60)]
    meter = Meter()
    best = min(_seconds(meter, big) for _ in range(5))
    assert best < 0.025


def _seconds(meter: Meter, message: object) -> float:
    start = time.perf_counter()
    meter.take(read_meter_values(message, Leniencies()), NOW)
    return time.perf_counter() - start


def test_more_kinds_of_readings_than_are_kept_in_mind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is mixed up, and no more is kept."""
    monkeypatch.setattr(metering_module, "_MAX_LAYOUTS", 3)
    monkeypatch.setattr(metering_module, "_layouts", {})
    monkeypatch.setattr(sample_reader, "_MAX_SHAPES", 3)
    monkeypatch.setattr(sample_reader, "_shapes", {})
    names = [it for it in MEASURANDS if "Interval" not in it][:8]
    for _ in range(3):
        for number, name in enumerate(names):
            (sample,) = read(sampled(number, name))
            assert sample.measurand == name
            at = meter_value(sampled(number, name))
            values = Meter().take(read_meter_values([at], Leniencies()), NOW)
            assert [split_name(it) for it in values] == [(name, "", "")]
            assert len(metering_module._layouts) <= 3
            assert len(sample_reader._shapes) <= 3
