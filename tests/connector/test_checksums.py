"""Checksums, against a second way to compute them and against the standard library."""

import binascii
import zlib

from hypothesis import given, strategies as st
import pytest

from custom_components.bemcom_connectors.connector.checksums import (
    CHECKSUMS,
    Checksum,
    Crc,
)

# Of "123456789": what every description of a check gives, so that they can be told apart.
CHECK_VALUES = {
    "sum8": 0xDD,
    "xor8": 0x31,
    "crc8": 0xF4,
    "crc8_maxim": 0xA1,
    "crc16_modbus": 0x4B37,
    "crc16_ccitt_false": 0x29B1,
    "crc16_xmodem": 0x31C3,
    "crc16_kermit": 0x2189,
    "crc16_x25": 0x906E,
    "crc32": 0xCBF43926,
}
# Width, polynomial, first value, whether bits are reflected, and what is added at the end.
CRCS = {
    "crc8": (8, 0x07, 0, False, 0),
    "crc8_maxim": (8, 0x31, 0, True, 0),
    "crc16_modbus": (16, 0x8005, 0xFFFF, True, 0),
    "crc16_ccitt_false": (16, 0x1021, 0xFFFF, False, 0),
    "crc16_xmodem": (16, 0x1021, 0, False, 0),
    "crc16_kermit": (16, 0x1021, 0, True, 0),
    "crc16_x25": (16, 0x1021, 0xFFFF, True, 0xFFFF),
    "crc32": (32, 0x04C11DB7, 0xFFFFFFFF, True, 0xFFFFFFFF),
}


def division(data: bytes, crc: tuple[int, int, int, bool, int]) -> int:
    """Return a CRC the way it is defined: the rest of a division, a bit at a time."""
    width, poly, init, reflected, xorout = crc
    bits = [
        byte >> place & 1
        for byte in data
        for place in (range(8) if reflected else range(7, -1, -1))
    ]
    register = init
    for bit in bits:
        feedback = register >> width - 1 ^ bit
        register = (register << 1) % (1 << width)
        if feedback:
            register ^= poly
    if reflected:
        register = sum(
            (register >> place & 1) << width - 1 - place for place in range(width)
        )
    return register ^ xorout


def test_all_are_checked() -> None:
    assert set(CHECKSUMS) == set(CHECK_VALUES) == {*CRCS, "sum8", "xor8"}


@pytest.mark.parametrize(("name", "value"), CHECK_VALUES.items())
def test_check_value(name: str, value: int) -> None:
    assert CHECKSUMS[name].compute(b"123456789") == value


@pytest.mark.parametrize("checksum", CHECKSUMS.values(), ids=CHECKSUMS)
@given(data=st.binary())
def test_it_fits(checksum: Checksum, data: bytes) -> None:
    assert 0 <= checksum.compute(data) < 1 << 8 * checksum.size


@pytest.mark.parametrize("name", CRCS)
@given(data=st.binary(max_size=200))
def test_crc_is_the_rest_of_a_division(name: str, data: bytes) -> None:
    assert CHECKSUMS[name].compute(data) == division(data, CRCS[name])
    assert 8 * CHECKSUMS[name].size == CRCS[name][0]


def test_a_crc_that_is_reflected_at_the_end_only() -> None:
    """CRC-12/UMTS, whose width is no whole number of bytes either."""
    assert Crc(12, 0x80F, 0, False, True, 0)(b"123456789") == 0xDAF


@given(data=st.binary())
def test_standard_library(data: bytes) -> None:
    assert CHECKSUMS["crc32"].compute(data) == zlib.crc32(data)
    assert CHECKSUMS["crc16_xmodem"].compute(data) == binascii.crc_hqx(data, 0)
    assert CHECKSUMS["crc16_ccitt_false"].compute(data) == binascii.crc_hqx(
        data, 0xFFFF
    )


@given(data=st.binary(), more=st.binary(min_size=1))
def test_sum_and_xor(data: bytes, more: bytes) -> None:
    sum8, xor8 = CHECKSUMS["sum8"].compute, CHECKSUMS["xor8"].compute
    assert sum8(data + more) == (sum8(data) + sum8(more)) % 256
    assert xor8(data + more) == xor8(data) ^ xor8(more)
    assert xor8(data + data) == 0
    assert sum8(bytes([255, 2])) == 1
