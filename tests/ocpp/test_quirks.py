"""The table of charge points that need adjustments."""

from hypothesis import given, strategies as st
import pytest

from custom_components.bemcom_connectors.ocpp.model import Identity
from custom_components.bemcom_connectors.ocpp.quirks import (
    Adjustments,
    Quirk,
    adjustments,
    quirks_of,
)


def of(vendor: str, model: str = "", firmware: str = "") -> frozenset[Quirk]:
    """Return the quirks of a charge point that says who it is."""
    identity = Identity(vendor=vendor, model=model, firmware_version=firmware)
    return quirks_of(identity)


# As they were seen in BootNotifications, where such were published.
@pytest.mark.parametrize(
    ("identity", "quirk"),
    [
        (
            ("ABB", "CDT_TACW22::NET_WIFI", "TAC3Z9119006710273::V1.8.21"),
            Quirk.SAFE_MEASURANDS,
        ),
        (
            ("Chargedot", "CDT_TACW7::NET_WIFI", "TAC1Z9118606710273::V1.4.2"),
            Quirk.SAFE_MEASURANDS,
        ),
        (("ABB", "TAC-W22-T-0"), Quirk.SAFE_MEASURANDS),
        (("ABB", "CDT_TACW22", "V1.8.32"), Quirk.STACK_LEVEL_ZERO),
        (("Alfen BV", "NG920-52506", "4.14.0-3398"), Quirk.PHASE_MEASURANDS),
        (("Alfen BV", "ICU Eve Mini"), Quirk.IGNORE_FOREIGN_TRANSACTIONS),
        (("ZJBENY", "BCP-AT1N-L"), Quirk.SLOW_ANSWERS),
        (("ZJ BENY", "BCP"), Quirk.GENTLE_START),
        (("BS AC", "BS-EV22"), Quirk.SHORT_ID_TAGS),
        (("EV-BOX", "E3160-A45062"), Quirk.ONE_KEY_AT_A_TIME),
        (("EVBox", "Elvi"), Quirk.ONE_KEY_AT_A_TIME),
        (("EN+", "37"), Quirk.NO_PONG),
        (("EVduty", "Smart"), Quirk.NO_PONG),
        (("go-e GmbH", "HOME+"), Quirk.AMPERES_ONLY),
        (("United Chargers", "GRS-*", "05.43"), Quirk.LISTED_KEYS_ONLY),
        (("United Chargers", "GRS-*", "05.621"), Quirk.LISTED_KEYS_ONLY),
        (("United Chargers", "Grizzl-E", "3.09"), Quirk.NO_MAX_PROFILE),
        (("", "ACChargePoint"), Quirk.WATTS_ONLY),
        (("Huawei", "SCharger-22KT-S0"), Quirk.NO_ZERO_LIMIT),
        (("MOREK", "A0-MEV"), Quirk.POLL_METER_VALUES),
        (("StarCharge", "Aurora"), Quirk.GENTLE_START),
        (("SUNGROW", "AC011E-01"), Quirk.POLL_METER_VALUES),
        (("SyncEV", "Compact"), Quirk.RESET_HEARTBEAT),
        (("Wall Box Chargers", "PLP1-0-2-4", "6.7.38"), Quirk.NO_MAX_PROFILE),
        (("Wall Box Chargers", "CPB1-S-2-4"), Quirk.IGNORE_FOREIGN_TRANSACTIONS),
    ],
)
def test_who_needs_what(identity: tuple[str, ...], quirk: Quirk) -> None:
    assert quirk in of(*identity)


@pytest.mark.parametrize(
    "identity",
    [
        ("Acme", "Box"),
        ("", ""),
        ("Phoenix Contact GmbH & Co. KG", "EV-CC-AC1-M3-CBC-RCM-ETH-3PN-SER"),
        ("Mennekes", "Amtron"),
        ("Schneider Electric", "EVlink"),
        ("Tabby Cabby", "Absolute"),
        ("ABB", "Terra 54 CJG"),
    ],
)
def test_who_needs_nothing(identity: tuple[str, ...]) -> None:
    assert of(*identity) == frozenset()


@pytest.mark.parametrize(
    ("firmware", "is_affected"),
    [
        ("V1.8.21", True),
        ("1.8.3", True),
        ("TAC3Z9119006710273::V1.6.6", True),
        ("V1.8.22", False),
        ("V1.8.33", False),
        ("V1.9.0", False),
        ("V2.1.8", False),
        ("", True),
    ],
)
def test_a_fault_ends_with_a_firmware(firmware: str, is_affected: bool) -> None:
    assert (Quirk.SAFE_MEASURANDS in of("ABB", "TACW22", firmware)) is is_affected


def test_an_id_may_say_it_where_nothing_else_does() -> None:
    nobody = Identity()
    assert Quirk.SAFE_MEASURANDS in quirks_of(nobody, "TACW2242222T6786")
    assert Quirk.ONE_KEY_AT_A_TIME in quirks_of(nobody, "EVB-P1234567")
    assert quirks_of(nobody, "garage") == frozenset()
    # Who says who it is need not be guessed.
    assert quirks_of(Identity(vendor="Acme"), "TACW2242222T6786") == frozenset()


def test_each_quirk_means_something() -> None:
    usual = Adjustments()
    for quirk in Quirk:
        assert adjustments([quirk]) != usual
    assert adjustments([]) == adjustments(["of yesterday"]) == usual
    assert 10 <= len(Quirk) <= 25


def test_safety_comes_first() -> None:
    both = adjustments({Quirk.PHASE_MEASURANDS, Quirk.SAFE_MEASURANDS})
    assert both.measurands == adjustments({Quirk.SAFE_MEASURANDS}).measurands
    assert both.skip_keys == {"MeterValuesSampledData"}


def test_they_add_up() -> None:
    result = adjustments(set(Quirk))
    assert result.one_key_at_a_time
    assert result.listed_keys_only
    assert result.boot_delay > Adjustments().boot_delay
    assert not result.triggers


@given(st.text(), st.text(), st.text(), st.text())
def test_whatever_it_says_is_no_error(
    vendor: str, model: str, firmware: str, charge_point_id: str
) -> None:
    identity = Identity(vendor=vendor, model=model, firmware_version=firmware)
    quirks_of(identity, charge_point_id)
