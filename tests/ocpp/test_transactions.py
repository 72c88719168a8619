"""Transactions: who, when, and how much energy, whatever the meter says."""

from collections.abc import Iterable
from itertools import pairwise
import json

from hypothesis import given, strategies as st
import pytest

from custom_components.bemcom_connectors.ocpp.transactions import (
    Transaction,
    TransactionBook,
)

START = 1773144000.0
FIRST_DAY = 1577836800
NOW = START + 12 * 3600
TAG = "04A1B2C3D4"


def started(
    book: TransactionBook,
    meter_start: float | None = 0,
    *,
    connector_id: int = 1,
    cp: str = "CP1",
    at: float | None = START,
    now: float | None = None,
    before: float | None = None,
) -> Transaction:
    """Return a transaction that just started."""
    transaction, is_new = book.start(
        cp, connector_id, TAG, at, meter_start, now or at or START, before=before
    )
    assert is_new
    return transaction


def feed(
    transaction: Transaction, readings: Iterable[float], *, every: float = 60.0
) -> list[float]:
    """Return the energy after each of the readings."""
    energies = []
    for n, wh in enumerate(readings, 1):
        before = transaction.energy_wh
        growth = transaction.take_register(wh, START + every * n)
        assert growth == transaction.energy_wh - before
        energies.append(transaction.energy_wh)
    return energies


def finished(
    meter_start: float | None,
    readings: Iterable[float],
    meter_stop: float | None,
    *,
    every: float = 60.0,
    before: float | None = None,
) -> float:
    """Return the energy of a whole session of an hour."""
    book = TransactionBook()
    transaction = started(book, meter_start, before=before)
    feed(transaction, readings, every=every)
    book.stop("CP1", transaction.id, START + 3600, meter_stop, "Local", now=NOW)
    return transaction.energy_wh


# Energy


def test_a_register_of_a_life() -> None:
    transaction = started(TransactionBook(), 1_000_000)
    assert feed(transaction, [1_000_000, 1_000_100, 1_000_100, 1_000_350]) == [
        *(0, 100, 100, 350)
    ]


def test_a_register_of_the_session() -> None:
    # Vestel: each session starts at 0.
    assert feed(started(TransactionBook(), 0), [0, 100, 250]) == [0, 100, 250]


def test_start_and_stop_of_a_life_readings_of_the_session() -> None:
    # Grizzl-E.
    transaction = started(TransactionBook(), 100_000)
    assert feed(transaction, [0, 100, 250]) == [0, 100, 250]
    assert finished(100_000, [0, 100, 250], 100_260) == 260


def test_start_of_0_readings_of_a_life() -> None:
    transaction = started(TransactionBook(), 0)
    # What went by before it was sure is lost, unless something was known before.
    assert feed(transaction, [5_000_000, 5_000_100, 5_000_200, 5_000_300]) == [
        *(0, 0, 200, 300)
    ]
    known = started(TransactionBook(), 0, before=4_999_950)
    assert feed(known, [5_000_000, 5_000_100]) == [50, 150]
    # A first reading after a quarter of an hour, in which 80 kWh cannot be.
    slow = started(TransactionBook(), 0)
    assert feed(slow, [80_000, 82_000, 84_000, 86_000], every=900) == [0, 0, 4000, 6000]


def test_the_end_goes_with_the_readings_if_the_start_does_not() -> None:
    readings = [5_000_000, 5_000_100, 5_000_200]
    assert finished(0, readings, 5_000_250) == 250
    # And with the start if it does.
    assert finished(0, readings, 230) == 230


@pytest.mark.parametrize("start", [0, 700_000])
def test_readings_of_0_all_the_time(start: float) -> None:
    # Growatt; only the end knows.
    assert finished(start, [0] * 20, start + 7000) == 7000


def test_the_begin_tells_from_where_readings_count() -> None:
    # Growatt sends it in each message; here both are of the session.
    transaction = started(TransactionBook(), 0)
    for n, wh in enumerate([80_000, 80_050, 80_100]):
        at = START + 900 * (n + 1)
        transaction.take_register(80_000, at, "Transaction.Begin")
        transaction.take_register(wh, at)
    assert transaction.energy_wh == 100


def test_a_begin_of_nonsense_does_no_harm() -> None:
    transaction = started(TransactionBook(), 700_000)
    transaction.take_register(0, START, "Transaction.Begin")
    assert feed(transaction, [700_100, 700_200]) == [100, 200]
    agrees = started(TransactionBook(), 700_000)
    agrees.take_register(700_010, START, "Transaction.Begin")
    assert feed(agrees, [700_100]) == [100]


def test_nonsense_between_good_readings() -> None:
    transaction = started(TransactionBook(), 700_000)
    readings = [700_100, 0, 700_200, 0, 4_294_967_295, 700_300, 0, 0, 0, 700_400]
    assert feed(transaction, readings) == [
        *(100, 100, 200, 200, 200, 300, 300, 300, 300, 400)
    ]


def test_a_first_reading_of_nonsense() -> None:
    transaction = started(TransactionBook(), 700_000)
    assert feed(transaction, [0, 0, 0, 700_100]) == [0, 0, 0, 100]
    jumped = started(TransactionBook(), 700_000)
    assert feed(jumped, [4e9, 700_100]) == [0, 100]


def test_a_dip_is_waited_for() -> None:
    # ABB, in the middle of a session.
    transaction = started(TransactionBook(), 0)
    readings = [4000, 4427, 4297, 4350, 4400, 4427, 4500]
    assert feed(transaction, readings, every=600) == [
        *(4000, 4427, 4427, 4427, 4427, 4427, 4500)
    ]
    off_by_one = started(TransactionBook(), 1_000_000)
    assert feed(off_by_one, [999_999, 999_999, 999_999, 1_000_100]) == [0, 0, 0, 100]


def test_a_meter_that_is_reset_in_a_session() -> None:
    transaction = started(TransactionBook(), 700_000)
    readings = [705_000, 10, 110, 210, 310]
    assert feed(transaction, readings, every=600) == [5000, 5000, 5000, 5200, 5300]


def test_readings_come_in_any_order() -> None:
    transaction = started(TransactionBook(), 1000)
    transaction.take_register(1500, START + 60)
    for n in range(5):
        assert transaction.take_register(1100 + n, START + 10 + n) == 0
    assert transaction.take_register(1600, START + 90) == 100


@pytest.mark.parametrize("wh", [-1, float("nan"), float("inf"), 1e13])
def test_what_is_no_energy_is_no_reading(wh: float) -> None:
    transaction = started(TransactionBook(), 0)
    assert feed(transaction, [wh, wh, wh, 100]) == [0, 0, 0, 100]


@pytest.mark.parametrize(
    ("meter_start", "readings", "meter_stop", "energy"),
    [
        (1000, [], 8000, 7000),
        (1000, [1500, 2000], 2100, 1100),
        (1000, [1500, 2000], None, 1000),
        (1000, [1500, 2000], 0, 1000),
        (1000, [1500, 2000], 999, 1000),
        (1000, [1500, 2000], 1999, 1000),
        (1000, [1500, 2000], 4_294_967_295, 1000),
        (1000, [1500, 2000], float("nan"), 1000),
        # Off by one, and nothing else.
        (50_000, [], 49_999, 0),
        (50_000, [], 0, 0),
        # Not told at the start at all.
        (None, [5000, 5100], 5200, 200),
        (None, [], 5200, 0),
        (-1, [5000, 5100], 5200, 200),
        # The start of a life, the end of the session.
        (900_000, [], 5000, 5000),
        (900_000, [100, 200], 5000, 5000),
    ],
)
def test_the_end(
    meter_start: float | None,
    readings: list[float],
    meter_stop: float | None,
    energy: float,
) -> None:
    assert finished(meter_start, readings, meter_stop) == energy


def test_the_end_of_a_life_without_readings_if_the_register_was_known() -> None:
    assert finished(0, [], 805_000, before=800_000) == 5000
    # That of a session that started at 0 as well.
    assert finished(0, [], 6000, before=5000) == 6000


def test_the_data_of_a_transaction_counts() -> None:
    book = TransactionBook()
    transaction = started(book, 1000)
    registers = [
        (START, "Transaction.Begin", 1000.0),
        (START + 1800, "Sample.Periodic", 3000.0),
        (None, "Transaction.End", 6000.0),
    ]
    book.stop(
        "CP1", transaction.id, START + 3600, None, None, now=NOW, registers=registers
    )
    assert transaction.energy_wh == 5000


readings_of_anything = st.floats() | st.floats(0, 2e5) | st.integers(-10, 10**12)


@given(
    st.none() | readings_of_anything,
    st.lists(
        st.tuples(
            readings_of_anything,
            st.floats(-600, 4000),
            st.sampled_from(["", "", "", "Transaction.Begin", "Transaction.End"]),
            st.booleans(),
        ),
        max_size=25,
    ),
    st.none() | readings_of_anything,
    st.none() | readings_of_anything,
    st.booleans(),
)
def test_energy_and_duration_never_fall_and_never_jump(
    meter_start: float | None,
    readings: list[tuple[float, float, str, bool]],
    meter_stop: float | None,
    before: float | None,
    adopted: bool,
) -> None:
    book = TransactionBook()
    transaction: Transaction | None
    if adopted:
        transaction = book.adopt("CP1", 1, 77, START)
        assert transaction is not None
    else:
        transaction = started(book, meter_start, before=before)
    at = now = START
    last = START
    for wh, seconds, context, restart in readings:
        energy, duration = transaction.energy_wh, transaction.duration(now)
        at += seconds
        now = max(now, at)
        transaction.take_register(wh, at, context)
        last = max(last, at)
        assert transaction.energy_wh >= energy
        # What a charge point says of its own start is believed a little sooner.
        possible = 20_000 + 400 / 3.6 * (now - transaction.started)
        assert transaction.energy_wh - energy <= possible + 1000
        assert transaction.duration(now) >= duration
        if restart:
            stored = json.loads(json.dumps(book.to_dict()))
            book = TransactionBook.from_dict(stored)
            transaction = book.open_of("CP1", 1)
            assert transaction is not None
    energy, duration = transaction.energy_wh, transaction.duration(now)
    book.stop("CP1", transaction.id, now + 60, meter_stop, "Local", now=now + 60)
    assert transaction.energy_wh >= energy
    # No battery takes more at once than a charge point may bill.
    possible = 200_000 + 400 / 3.6 * transaction.duration(0)
    assert transaction.energy_wh - energy <= possible + 1000
    assert transaction.duration(0) >= duration


@given(
    st.sampled_from([0, 300, 700_000]),
    st.lists(st.integers(0, 400), min_size=4, max_size=30),
    st.data(),
)
def test_honest_energy_is_right_in_the_end_whatever_is_between(
    start: int, steps: list[int], data: st.DataObject
) -> None:
    transaction = started(book := TransactionBook(), start)
    register = start
    for n, step in enumerate(steps, 1):
        if data.draw(st.booleans()):
            nonsense = data.draw(st.sampled_from([0, 4e9, 1e11]))
            transaction.take_register(nonsense, START + 60 * n - 30)
        register += step
        transaction.take_register(register, START + 60 * n)
        assert transaction.energy_wh <= register - start
    end = START + 60 * len(steps)
    book.stop("CP1", transaction.id, end, register, None, now=end)
    assert transaction.energy_wh == register - start


# Times


def test_the_time_runs_from_its_own_start_to_its_own_end() -> None:
    book = TransactionBook()
    transaction = started(book, now=START + 20)
    assert transaction.started == START
    assert transaction.duration(START + 50) == 50
    assert transaction.duration(START - 50) == 0
    book.stop("CP1", transaction.id, START + 100, 5, "Remote", now=START + 200)
    assert transaction.ended == START + 100
    assert transaction.duration(START + 900) == 100
    assert (transaction.reason, transaction.meter_stop) == ("Remote", 5)


@pytest.mark.parametrize("said", [None, 5.0, START + 86_400, float("nan"), 2e11])
def test_a_start_that_cannot_be_is_now(said: float | None) -> None:
    assert started(TransactionBook(), at=said, now=START).started == START


@pytest.mark.parametrize("said", [None, 5.0, NOW + 86_400, float("nan")])
def test_an_end_that_cannot_be_is_now(said: float | None) -> None:
    book = TransactionBook()
    transaction = started(book)
    book.stop("CP1", transaction.id, said, None, None, now=NOW)
    assert transaction.ended == NOW


def test_an_end_before_the_start_is_the_start() -> None:
    book = TransactionBook()
    transaction = started(book)
    book.stop("CP1", transaction.id, START - 500, None, None, now=NOW)
    assert transaction.duration(NOW) == 0
    assert book.stop("CP1", started(book, at=NOW).id, None, None, None) is not None


def test_a_clock_that_was_never_set_still_tells_how_long() -> None:
    book = TransactionBook()
    transaction = started(book, at=100.0, now=NOW)
    book.stop("CP1", transaction.id, 3700.0, None, None, now=NOW + 2)
    assert transaction.duration(0) == 3600
    assert transaction.ended == NOW + 2
    live = started(book, at=100.0, now=NOW)
    book.stop("CP1", live.id, 3700.0, None, None, now=NOW + 3700)
    assert (live.started, live.duration(0)) == (NOW, 3600)


# The book


def test_two_that_start_at_once_are_two() -> None:
    book = TransactionBook()
    one = started(book, connector_id=1)
    two = started(book, connector_id=2)
    other = started(book, cp="CP2")
    assert len({one.id, two.id, other.id}) == 3
    book.stop("CP1", one.id, NOW, 5, None, now=NOW)
    assert book.open_of("CP1", 1) is None
    assert book.open_of("CP1", 2) is two
    assert book.open_of("CP2", 1) is other
    assert book.open_of("CP3", 1) is None


def test_a_retry_is_the_same_again() -> None:
    book = TransactionBook()
    transaction = started(book, 100)
    transaction.remembered_status = "Accepted"
    book.needs_saving = False
    retry = book.start("CP1", 1, TAG.lower(), START, 100, NOW)
    assert retry == (transaction, False)
    assert not book.needs_saving
    book.stop("CP1", transaction.id, NOW, 200, None, now=NOW)
    # Also when it is over, and after a restart.
    book = TransactionBook.from_dict(book.to_dict())
    again, is_new = book.start("CP1", 1, TAG, START, 100, NOW)
    assert not is_new
    assert (again.id, again.energy_wh) == (transaction.id, 100)
    assert again.remembered_status == "Accepted"
    assert book.open_of("CP1", 1) is None


@pytest.mark.parametrize(
    "other",
    [
        ("CP1", 2, TAG, START, 100),
        ("CP1", 1, "other", START, 100),
        ("CP1", 1, TAG, START + 1, 100),
        ("CP1", 1, TAG, START, 101),
        ("CP2", 1, TAG, START, 100),
    ],
)
def test_what_differs_is_another_one(other: tuple[str, int, str, float, float]) -> None:
    book = TransactionBook()
    transaction = started(book, 100)
    another, is_new = book.start(*other, NOW)
    assert is_new
    assert another.id != transaction.id


@pytest.mark.parametrize("said", [None, 7.0])
def test_without_a_clock_only_what_runs_can_be_retried(said: float | None) -> None:
    book = TransactionBook()
    transaction = started(book, 0, at=said, now=START)
    assert book.start("CP1", 1, TAG, said, 0, START + 9) == (transaction, False)
    book.stop("CP1", transaction.id, None, None, None, now=START + 60)
    assert book.start("CP1", 1, TAG, said, 0, START + 90)[1]


def test_a_new_one_ends_the_one_before() -> None:
    book = TransactionBook()
    lost = started(book, 0)
    lost.take_register(100, START + 60)
    new = started(book, 200, at=START + 600)
    assert book.open_of("CP1", 1) is new
    assert (lost.ended, lost.lost, lost.reason) == (START + 60, True, None)
    assert lost.take_register(200, START + 700) == 0
    unheard = started(book, 300, at=START + 900)
    assert new.ended == START + 900
    # Its own end comes after all.
    stopped = book.stop("CP1", lost.id, START + 500, 150, "PowerLoss", now=NOW)
    assert stopped is lost
    assert (lost.ended, lost.energy_wh, lost.lost) == (START + 500, 150, False)
    assert book.open_of("CP1", 1) is unheard


def test_an_end_is_told_once() -> None:
    book = TransactionBook()
    transaction = started(book, 0)
    book.stop("CP1", transaction.id, START + 60, 100, "Local", now=NOW)
    before = transaction.to_dict()
    book.needs_saving = False
    again = book.stop("CP1", transaction.id, START + 90, 900, "Remote", now=NOW)
    assert again is transaction
    assert transaction.to_dict() == before
    assert not book.needs_saving
    # And readings that come late do not bring it back.
    assert transaction.take_register(500, START + 95) == 0
    assert book.adopt("CP1", 1, transaction.id, NOW) is None
    assert book.open_of("CP1", 1) is None


@pytest.mark.parametrize("transaction_id", [0, -1, 5, 2**63])
def test_nobody_knows_it(transaction_id: int) -> None:
    book = TransactionBook()
    transaction = started(book)
    assert book.stop("CP1", transaction_id, NOW, 5, None, now=NOW) is None
    assert book.stop("CP2", transaction.id, NOW, 5, None, now=NOW) is None
    assert transaction.ended is None


@pytest.mark.parametrize("transaction_id", [-5, 1, 1936029036, 2**63 - 1])
def test_one_that_somebody_else_began_is_adopted(transaction_id: int) -> None:
    book = TransactionBook()
    transaction = book.adopt("CP1", 1, transaction_id, START)
    assert transaction is not None
    assert transaction.foreign
    assert book.needs_saving
    assert book.open_of("CP1", 1) is transaction
    assert feed(transaction, [5_000_000, 5_000_100]) == [0, 100]
    assert book.adopt("CP1", 1, transaction_id, START) is None
    assert book.adopt("CP1", 1, 99, START) is None
    book.stop("CP1", transaction_id, START + 300, 5_000_200, "Local", now=NOW)
    assert transaction.energy_wh == 200
    assert transaction.duration(0) == 300


@pytest.mark.parametrize("transaction_id", [0, -1])
def test_what_is_no_id_is_not_adopted(transaction_id: int) -> None:
    assert TransactionBook().adopt("CP1", 1, transaction_id, START) is None


def test_one_that_was_adopted_counts_from_its_begin() -> None:
    transaction = TransactionBook().adopt("CP1", 1, 99, START)
    assert transaction is not None
    transaction.take_register(5000, START - 3600, "Transaction.Begin")
    assert transaction.started == START - 3600
    assert transaction.take_register(12_000, START) == 7000
    old = TransactionBook().adopt("CP1", 1, 99, START)
    assert old is not None
    old.take_register(5000, START - 30 * 86_400, "Transaction.Begin")
    assert old.started == START


def test_ids_are_positive_and_never_given_again() -> None:
    book = TransactionBook()
    ids = [started(book, at=START + n).id for n in range(250)]
    assert ids[0] == START - FIRST_DAY
    assert all(after == before + 1 for before, after in pairwise(ids))
    # After a restart, with a clock that runs and with one that does not.
    for now in (START, START + 86_400, 0.0):
        restored = TransactionBook.from_dict(book.to_dict())
        new = started(restored, at=now or 1.0, now=now or 1.0)
        assert max(ids) < new.id < 2**31
    # A store that is older than the last ids.
    old = TransactionBook.from_dict({"next_id": ids[0], "transactions": []})
    assert started(old, at=START + 300).id == ids[0] + 300


def test_a_block_of_ids_is_stored_before_it_is_used() -> None:
    book = TransactionBook()
    for n in range(300):
        book.needs_saving = False
        transaction = started(book, at=START + n)
        assert book.needs_saving
        assert transaction.id < book.to_dict()["next_id"]


def test_an_id_that_somebody_has_is_not_given() -> None:
    book = TransactionBook()
    next_id = int(START - FIRST_DAY)
    assert book.adopt("CP9", 1, next_id, START) is not None
    assert book.adopt("CP9", 2, next_id + 1, START) is not None
    assert started(book).id == next_id + 2


def test_ids_start_again_when_there_are_no_more() -> None:
    book = TransactionBook.from_dict({"next_id": 2**31 - 1})
    assert [started(book, at=START + n).id for n in range(3)] == [2**31 - 1, 1, 2]


def test_the_last_hundred_are_kept_the_latest_first() -> None:
    book = TransactionBook()
    for n in range(120):
        transaction = started(book, at=START + 60 * n)
        end = START + 60 * n + 30
        book.stop("CP1", transaction.id, end, None, None, now=end)
    starts = [it.started for it in book.finished("CP1")]
    assert starts == [START + 60 * n for n in reversed(range(20, 120))]
    assert book.finished("CP2") == []
    book.drop("CP1")
    book.drop("CP1")
    assert book.finished("CP1") == []


def test_a_charge_point_that_only_starts_does_not_fill_the_memory() -> None:
    book = TransactionBook()
    for n in range(500):
        book.start("CP1", 1, "x" * 10_000, START + n, n, START + n)
    stored = book.to_dict()["transactions"]
    assert len(stored) == 101
    assert max(len(it["id_tag"]) for it in stored) == 255


def test_a_restart_in_the_middle_changes_nothing() -> None:
    book = TransactionBook()
    transaction = started(book, 100_000)
    feed(transaction, [0, 100, 250])
    stored = json.loads(json.dumps(book.to_dict()))
    book = TransactionBook.from_dict(stored)
    restored = book.open_of("CP1", 1)
    assert restored == transaction
    assert restored.take_register(300, START + 240) == 50
    book.stop("CP1", transaction.id, START + 300, 100_350, "Local", now=NOW)
    assert restored.energy_wh == 350
    assert book.finished("CP1") == [restored]


def test_a_tag_is_not_shown() -> None:
    transaction = started(TransactionBook())
    assert TAG not in repr(transaction)
    assert transaction.id_tag == TAG


stored_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(
    st.dictionaries(
        st.sampled_from(
            list(
                Transaction(
                    id=1, charge_point_id="CP1", connector_id=1, started=START
                ).to_dict()
            )
        ),
        stored_values,
    ),
    stored_values,
)
def test_a_store_without_sense_does_no_harm(
    broken: dict[str, object], other: object
) -> None:
    sound = Transaction(
        id=5, charge_point_id="CP1", connector_id=1, started=START
    ).to_dict()
    book = TransactionBook.from_dict(
        {"next_id": other, "transactions": [other, sound | broken, sound]}
    )
    assert started(book, cp="CP5").id > 0
    transaction = book.open_of("CP1", 1)
    if transaction is not None:
        transaction.take_register(5, START + 60)
        book.stop("CP1", transaction.id, NOW, 5, None, now=NOW)
    assert TransactionBook.from_dict(other).finished("CP1") == []
    assert TransactionBook.from_dict({"transactions": other}).finished("CP1") == []


def test_of_two_stored_for_one_connector_the_first_counts() -> None:
    one, two = (
        Transaction(id=n, charge_point_id="CP1", connector_id=1, started=START)
        for n in (1, 2)
    )
    stored = {"transactions": [one.to_dict(), two.to_dict()]}
    book = TransactionBook.from_dict(stored)
    assert book.open_of("CP1", 1) == one
    assert book.by_id("CP1", 2) is None


def test_one_that_nobody_ended_is_over_all_the_same() -> None:
    book = TransactionBook()
    transaction = started(book, 0)
    transaction.take_register(100, START + 60)
    book.needs_saving = False
    book.lose(transaction, START + 600)
    assert book.needs_saving
    assert book.open_of("CP1", 1) is None
    assert book.finished("CP1") == [transaction]
    assert (transaction.ended, transaction.energy_wh) == (START + 60, 100)


def test_a_fast_session_of_a_slow_charge_point_is_believed_when_it_goes_on() -> None:
    # 150 kW, a reading every quarter of an hour.
    transaction = started(TransactionBook(), 1_000_000)
    readings = [1_037_500, 1_075_000, 1_112_500, 1_150_000]
    assert feed(transaction, readings, every=900) == [0, 0, 112_500, 150_000]


@pytest.mark.parametrize("broken", [{"started": 1e300}, {"started": -1}, {"id": True}])
def test_a_stored_one_that_cannot_be_is_left_out(broken: dict[str, object]) -> None:
    sound = Transaction(
        id=5, charge_point_id="CP1", connector_id=1, started=START
    ).to_dict()
    book = TransactionBook.from_dict({"transactions": [sound | broken]})
    assert book.by_id("CP1", 5) is None


def test_a_quick_session_counts_all_that_is_billed() -> None:
    book = TransactionBook()
    transaction = started(book, 1000)
    transaction.take_register(3500, START + 0.1)
    assert transaction.energy_wh == 2500
    book.stop("CP1", transaction.id, START + 0.2, 42_000, "Local", now=NOW)
    assert transaction.energy_wh == 41_000
