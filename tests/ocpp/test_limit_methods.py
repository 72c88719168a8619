"""Where and how a limit can be written, in what order, and what is made of a report."""

from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.bemcom_connectors.ocpp.charging_profile import ChargingProfile
from custom_components.bemcom_connectors.ocpp.enums import (
    ChargingProfileKind,
    ChargingProfilePurpose,
    ChargingRateUnit,
)
from custom_components.bemcom_connectors.ocpp.limit_check import (
    Report,
    Verdict,
    judge,
    read_report,
)
from custom_components.bemcom_connectors.ocpp.limit_methods import (
    Abilities,
    Limit,
    Memory,
    Method,
    Place,
    methods,
    places,
    read_method,
    situation_of,
)
from custom_components.bemcom_connectors.ocpp.quirks import Quirk, adjustments

A, W = ChargingRateUnit.AMPERES, ChargingRateUnit.WATTS
MAX = ChargingProfilePurpose.CHARGE_POINT_MAX_PROFILE
DEFAULT = ChargingProfilePurpose.TX_DEFAULT_PROFILE
TX = ChargingProfilePurpose.TX_PROFILE
ABSOLUTE, RELATIVE, RECURRING = (
    ChargingProfileKind.ABSOLUTE,
    ChargingProfileKind.RELATIVE,
    ChargingProfileKind.RECURRING,
)
TEN = Limit(10, A)


def abilities(*quirks: Quirk, **more: Any) -> Abilities:
    """Return what a charge point takes."""
    return Abilities(adjustments=adjustments(quirks), **more)


@pytest.mark.parametrize(
    ("connector_id", "connectors", "in_session", "use_maximum", "expected"),
    [
        (2, [], True, True, [(TX, 2), (DEFAULT, 2)]),
        (2, [1, 2], False, True, [(DEFAULT, 2)]),
        (0, [1, 2], True, True, [(MAX, 0)]),
        (0, [], True, False, []),
        (1, [1], True, True, [(TX, 1), (DEFAULT, 1), (DEFAULT, 0), (MAX, 0)]),
        (1, [1], False, False, [(DEFAULT, 1), (DEFAULT, 0)]),
        (0, [1], True, True, [(MAX, 0), (TX, 1), (DEFAULT, 0), (DEFAULT, 1)]),
        (0, [1], False, False, [(DEFAULT, 0), (DEFAULT, 1)]),
    ],
)
def test_places(
    connector_id: int,
    connectors: list[int],
    in_session: bool,
    use_maximum: bool,
    expected: list[tuple[ChargingProfilePurpose, int]],
) -> None:
    found = places(
        connector_id, connectors, in_session=in_session, use_maximum=use_maximum
    )
    assert found == expected


@given(
    connector_id=st.integers(1, 32),
    others=st.integers(2, 32),
    in_session=st.booleans(),
    use_maximum=st.booleans(),
)
def test_a_limit_of_one_connector_is_never_for_others(
    connector_id: int, others: int, in_session: bool, use_maximum: bool
) -> None:
    for known in ([], list(range(1, others + 1))):
        for place in places(
            connector_id, known, in_session=in_session, use_maximum=use_maximum
        ):
            assert place.connector_id == connector_id


def test_ids_are_told_apart() -> None:
    ids = [Place(it, n).profile_id for it in (DEFAULT, TX) for n in range(33)]
    assert len({*ids, Place(MAX, 0).profile_id}) == 67
    assert Place(MAX, 0).profile_id == 1000
    assert Place(TX, 2).profile_id == 3002


def test_the_order_of_the_ways() -> None:
    found = methods(Place(TX, 1), TEN, abilities(max_level=3))
    assert len(found) == len(set(found)) == 18
    assert found[0] == Method(TX, False, A, ABSOLUTE, 3)
    # Those that differ in one thing come next.
    assert [it[2:] for it in found[1:6]] == [
        (A, ABSOLUTE, 1),
        (A, ABSOLUTE, 0),
        (A, RELATIVE, 3),
        (A, RECURRING, 3),
        (W, ABSOLUTE, 3),
    ]
    assert found[-1] == Method(TX, False, W, RECURRING, 0)


@pytest.mark.parametrize(
    ("it", "levels"),
    [
        (abilities(), {1, 0}),
        (abilities(usual_level=5), {5, 1, 0}),
        (abilities(max_level=0), {0}),
        (abilities(max_level=999), {999, 1, 0}),
        (abilities(Quirk.STACK_LEVEL_ZERO, max_level=3), {0}),
    ],
)
def test_stack_levels(it: Abilities, levels: set[int]) -> None:
    assert {way.stack_level for way in methods(Place(MAX, 0), TEN, it)} == levels


@pytest.mark.parametrize(
    ("it", "limit", "units"),
    [
        (abilities(), TEN, [A, W]),
        (abilities(), Limit(4000, W), [A, W]),
        (abilities(names_units=True), Limit(4000, W), [W, A]),
        (abilities(units=frozenset({W}), names_units=True), TEN, [W, A]),
        (abilities(units=frozenset({A}), names_units=True), Limit(4000, W), [A, W]),
        (abilities(Quirk.WATTS_ONLY), TEN, [W]),
        (abilities(Quirk.AMPERES_ONLY), Limit(4000, W), [A]),
    ],
)
def test_units(it: Abilities, limit: Limit, units: list[ChargingRateUnit]) -> None:
    found = [way.unit for way in methods(Place(DEFAULT, 1), limit, it)]
    assert list(dict.fromkeys(found)) == units
    if it.names_units and len(it.units) == 1:
        # What it does not take by its own word comes last of all.
        assert found == sorted(found, key=units.index)


def test_what_bounds_a_charge_point_is_never_relative() -> None:
    kinds = {it.kind for it in methods(Place(MAX, 0), TEN, abilities())}
    assert kinds == {ABSOLUTE, RECURRING}


@pytest.mark.parametrize("kind", ChargingProfileKind)
def test_profiles(kind: ChargingProfileKind) -> None:
    method = Method(TX, False, A, kind, 2)
    profile = method.profile(Place(TX, 1), 10.5, 1000.7, 42)
    assert profile.schedule.start == (None if kind is RELATIVE else 960.0)
    assert (profile.recurrency is not None) is (kind is RECURRING)
    assert profile.transaction_id == 42
    assert profile.to_payload()["stackLevel"] == 2
    assert Method.of(profile, 1) == method
    default: ChargingProfile = Method(DEFAULT, False, A, kind, 2).profile(
        Place(DEFAULT, 1), 10, 0, 42
    )
    assert default.transaction_id is None


@given(
    value=st.floats(0, 1e6),
    unit=st.sampled_from(ChargingRateUnit),
    sent=st.sampled_from(ChargingRateUnit),
    phases=st.integers(1, 3),
)
def test_never_more_than_asked(
    value: float, unit: ChargingRateUnit, sent: ChargingRateUnit, phases: int
) -> None:
    amount = Limit(value, unit).in_unit(sent, phases)
    factor = 1.0
    if unit is not sent:
        factor = 230 * phases if sent is W else 1 / (230 * phases)
    assert 0 <= amount <= value * factor + 1e-6
    assert amount == round(amount, 1)
    if sent is A:
        assert amount == 0 or amount >= 6


def test_what_worked_comes_first() -> None:
    memory, it = Memory(), abilities(max_level=3)
    all_places = [Place(TX, 1), Place(DEFAULT, 1)]
    situation = situation_of(TEN, whole=False, in_session=True)
    best = Method(DEFAULT, False, W, RELATIVE, 0)
    memory.worked[situation] = best
    order = list(memory.order(situation, all_places, TEN, it))
    assert order[0] == (Place(DEFAULT, 1), [best])
    assert [place for place, _ in order[1:]] == all_places
    assert best not in order[2][1]
    # Its form is the first one elsewhere, though not its unit.
    assert order[1][1][0] == Method(TX, False, A, RELATIVE, 0)
    every = [way for _, ways in order for way in ways]
    assert len(every) == len(set(every)) == 36
    # It is no way here.
    memory.worked[situation] = Method(DEFAULT, True, W, RELATIVE, 0)
    assert len(list(memory.order(situation, all_places, TEN, it))) == 2


def test_another_firmware_is_another_charge_point() -> None:
    memory = Memory()
    memory.worked["x"] = Method(TX, False, A, ABSOLUTE, 1)
    memory.mute.add("x")
    memory.check_firmware("")
    memory.check_firmware("1.0")
    assert memory.worked
    again = Memory()
    again.restore(memory.to_dict())
    assert again.to_dict() == memory.to_dict()
    again.check_firmware("1.0")
    assert again.mute
    again.check_firmware("1.1")
    assert not again.worked
    assert not again.mute


@pytest.mark.parametrize(
    "stored",
    [None, [], ["TxProfile", 1, "A", "Absolute", 1], ["Tx", True, "A", "B", 0]],
)
def test_no_method(stored: object) -> None:
    assert read_method(stored) is None


@pytest.mark.parametrize(
    ("periods", "expected"),
    [
        ([{"startPeriod": 0, "limit": 10}], Report(10, A)),
        ([{"startPeriod": 0, "limit": -1}], Report(None, A)),
        ([{"startPeriod": 5, "limit": 10}], Report(None, A)),
        (
            [
                {"startPeriod": 0, "limit": 10, "numberPhases": 1},
                {"startPeriod": 20, "limit": 16},
            ],
            Report(10, A, 1),
        ),
        ([{"startPeriod": 0, "limit": 10, "numberPhases": 70}], Report(10, A)),
        ([], None),
    ],
)
def test_reports(periods: list[dict[str, Any]], expected: Report | None) -> None:
    schedule = {"chargingRateUnit": A, "chargingSchedulePeriod": periods}
    answer = {"status": "Accepted", "chargingSchedule": schedule}
    assert read_report(answer, A) == expected
    assert read_report({**answer, "status": "Rejected"}, A) is None
    assert read_report({"status": "Accepted"}, A) is None


@pytest.mark.parametrize(
    ("report", "amount", "unit", "verdict"),
    [
        (None, 10, A, Verdict.MUTE),
        (Report(None, A), 10, A, Verdict.UNLIMITED),
        (Report(10.1, A), 10, A, Verdict.EFFECTIVE),
        (Report(10.2, A), 10, A, Verdict.INEFFECTIVE),
        (Report(0, A), 10, A, Verdict.EFFECTIVE),
        (Report(6900, W), 10, A, Verdict.EFFECTIVE),
        (Report(6900, W, 1), 10, A, Verdict.INEFFECTIVE),
        (Report(10, A), 6900, W, Verdict.EFFECTIVE),
        (Report(6960, W), 6900, W, Verdict.EFFECTIVE),
        (Report(6980, W), 6900, W, Verdict.INEFFECTIVE),
        (Report(6, A), 0, A, Verdict.INEFFECTIVE),
        (Report(1, W), 0, W, Verdict.EFFECTIVE),
    ],
)
def test_verdicts(
    report: Report | None, amount: float, unit: ChargingRateUnit, verdict: Verdict
) -> None:
    assert judge(report, amount, unit, 3) is verdict
