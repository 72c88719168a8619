"""Registers that lie, and the counter that does not."""

from hypothesis import given, strategies as st
import pytest

from custom_components.bemcom_connectors.ocpp.energy import EnergyCounter

START = 1773144000.0
# What 400 kW make of a second, in Wh.
PER_SECOND = 400_000 / 3600


def count(*readings: float, counter: EnergyCounter | None = None) -> list[float]:
    """Return the totals after readings, one every 30 s."""
    counter = EnergyCounter() if counter is None else counter
    return [counter.take(wh, START + 30 * n) for n, wh in enumerate(readings)]


def test_it_counts_what_the_register_grows() -> None:
    assert count(5000, 5100, 5100, 5300.5) == [0, 100, 100, 300.5]


def test_a_first_reading_is_no_energy() -> None:
    counter = EnergyCounter()
    assert not counter.started
    assert counter.register is None
    assert counter.take(1_234_567, START) == 0
    assert counter.started
    assert counter.register == 1_234_567


@pytest.mark.parametrize("nonsense", [0, 1, 4_294_967_295, 900_000, 1_200_000])
def test_nonsense_changes_nothing(nonsense: float) -> None:
    assert count(1_000_000, nonsense, 1_000_100, nonsense, 1_000_200) == [
        *(0, 0, 100, 100, 200)
    ]


@pytest.mark.parametrize(
    "nonsense", [-1, float("nan"), float("inf"), float("-inf"), 1e12, True, None, "5"]
)
def test_what_is_no_energy_changes_nothing(nonsense: float) -> None:
    assert count(nonsense, 1000, nonsense, nonsense, nonsense, 1100)[-1] == 100


def test_a_small_dip_is_waited_for() -> None:
    # ABB: 4.427 to 4.297 kWh in the middle of a session.
    assert count(4000, 4427, 4297, 4350, 4400, 4427, 4500) == [
        *(0, 427, 427, 427, 427, 427, 500)
    ]


def test_a_reset_is_believed_the_third_time() -> None:
    assert count(5_000_000, 0, 100, 200, 300) == [0, 0, 0, 200, 300]


def test_a_register_that_jumped_goes_on_from_there() -> None:
    assert count(5000, 9_000_000, 9_000_100, 9_000_200, 9_000_300) == [
        *(0, 0, 0, 200, 300)
    ]


def test_suspects_that_do_not_agree_are_not_believed() -> None:
    assert count(5000, 900_000, 20, 700_000, 30, 5100)[-1] == 100


def test_a_dip_among_suspects_does_not_count_twice() -> None:
    assert count(5, 900_000, 899_900, 900_100, 900_200) == [0, 0, 0, 100, 200]


def test_what_is_told_late_changes_nothing() -> None:
    counter = EnergyCounter()
    counter.take(9000, START + 100)
    for n in range(5):
        assert counter.take(1000 + n, START + n) == 0
    assert counter.take(9100, START + 130) == 100


def test_a_long_time_allows_much() -> None:
    counter = EnergyCounter()
    counter.take(5000, START)
    assert counter.take(305_000, START + 14 * 86_400) == 300_000


def test_a_new_session_may_start_anew() -> None:
    counter = EnergyCounter()
    counter.take(0, START)
    counter.take(500, START + 30)
    assert counter.take(0, START + 60, reset=True) == 500
    assert counter.take(100, START + 90) == 600
    # What grew until it started counts.
    assert counter.take(150, START + 95, reset=True) == 650
    assert counter.take(0, START, reset=True) == 650
    assert counter.take(200, START + 100) == 700


def test_a_session_knows_better() -> None:
    counter = EnergyCounter()
    assert counter.add(50, 50, START) == 50
    assert counter.add(100, 150, START + 30) == 150
    # Another register altogether.
    assert counter.add(10, 5_000_160, START + 60) == 160
    assert counter.take(5_000_200, START + 90) == 200


def test_a_session_that_is_told_late_is_not_counted_twice() -> None:
    counter = EnergyCounter()
    counter.take(1000, START)
    counter.take(6000, START + 3600)
    assert counter.add(5000, 6000, START + 1800) == 5000
    assert counter.add(6000, 6500, START + 1800) == 5500
    assert counter.add(-5, 7000, START + 7200) == 5500
    assert counter.add(5, -7000, START + 7200) == 5500
    assert counter.add(float("nan"), 7000, START + 7200) == 5500


def test_it_goes_on_after_a_restart() -> None:
    counter = EnergyCounter()
    count(1000, 1500, counter=counter)
    counter = EnergyCounter.from_dict(counter.to_dict())
    assert counter.total == 500
    assert counter.take(1600, START + 60) == 600


@pytest.mark.parametrize(
    "stored",
    [
        None,
        [],
        {},
        {"total": "x", "register": 5},
        {"total": -5, "register": -1, "at": START},
        {"total": float("nan"), "register": 5, "at": float("nan")},
        {"total": True, "register": 5, "at": "now"},
    ],
)
def test_a_store_without_sense_is_a_new_counter(stored: object) -> None:
    counter = EnergyCounter.from_dict(stored)
    assert counter.to_dict() == EnergyCounter().to_dict()


registers = st.floats() | st.floats(0, 2e5) | st.integers(-10, 10**12)


@given(
    st.lists(
        st.tuples(registers, st.floats(-600, 4000), st.booleans(), st.booleans()),
        max_size=30,
    )
)
def test_it_never_falls_and_never_jumps(
    readings: list[tuple[float, float, bool, bool]],
) -> None:
    counter = EnergyCounter()
    at, earliest, total = START, START, 0.0
    for wh, seconds, reset, restart in readings:
        at += seconds
        now = counter.take(wh, at, reset=reset)
        assert now >= total
        # So much at most went by since the earliest reading.
        earliest = min(at, earliest)
        assert now - total <= 1000 + PER_SECOND * (at - earliest) + 2e3
        total = now
        if restart:
            counter = EnergyCounter.from_dict(counter.to_dict())
            assert counter.total == total


@given(st.lists(st.integers(0, 3000), min_size=1, max_size=40), st.data())
def test_honest_energy_is_counted_whatever_nonsense_is_between(
    steps: list[int], data: st.DataObject
) -> None:
    counter = EnergyCounter()
    register = 1_000_000
    counter.take(register, START)
    for n, step in enumerate(steps, 1):
        if data.draw(st.booleans()):
            counter.take(data.draw(st.sampled_from([0, 7, 4e9])), START + 30 * n - 15)
        register += step
        counter.take(register, START + 30 * n)
    assert counter.total == register - 1_000_000


def test_a_start_may_be_of_another_register_than_the_readings_before() -> None:
    # Grizzl-E: a life's register at start and end, the session's in between.
    counter = EnergyCounter()
    assert counter.take(100_000, START, reset=True) == 0
    for n in range(1, 4):
        counter.add(1000, 1000 * n, START + 300 * n)
    assert counter.add(50, 103_050, START + 1200) == 3050
    for n in range(2, 40):
        assert counter.take(3050, START + 900 * n) == 3050
    assert counter.take(103_050, START + 900 * 40, reset=True) == 3050
    assert counter.add(100, 100, START + 900 * 41) == 3150


def test_what_was_charged_while_nobody_listened_counts() -> None:
    counter = EnergyCounter()
    counter.take(100_000, START)
    assert counter.take(160_000, START + 5 * 86_400, reset=True) == 60_000


def test_nonsense_in_a_session_does_not_move_the_register() -> None:
    counter = EnergyCounter()
    counter.add(0, 700_000, START)
    counter.add(100, 700_100, START + 30)
    assert counter.add(0, 0, START + 60) == 100
    assert counter.register == 700_100
    assert counter.take(700_200, START + 90) == 200
