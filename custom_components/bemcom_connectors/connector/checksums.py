"""Checksums that devices put into their frames."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class Checksum:
    """A checksum: how many bytes it has, and how it is computed."""

    size: int
    compute: Callable[[bytes], int]


@dataclass(frozen=True, slots=True)
class Crc:
    """A cyclic redundancy check by its usual parameters; `poly` without its highest bit."""

    width: int
    poly: int
    init: int
    refin: bool
    refout: bool
    xorout: int

    def __call__(self, data: bytes) -> int:
        """Return the check of `data`, a byte at a time."""
        table = _table(self.width, self.poly, self.refin)
        if self.refin:
            crc = _reflected(self.init, self.width)
            for byte in data:
                crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
        else:
            crc = self.init
            shift = self.width - 8
            mask = (1 << self.width) - 1
            for byte in data:
                crc = (crc << 8 & mask) ^ table[crc >> shift ^ byte]
        if self.refin != self.refout:
            crc = _reflected(crc, self.width)
        return crc ^ self.xorout


def _reflected(value: int, width: int) -> int:
    """Return the bits of `value` in the other order."""
    return int(f"{value:0{width}b}"[::-1], 2)


@cache
def _table(width: int, poly: int, reflected: bool) -> tuple[int, ...]:
    """Return what each byte does to a check; made when it is first needed."""
    return tuple(_table_entry(byte, width, poly, reflected) for byte in range(256))


def _table_entry(byte: int, width: int, poly: int, reflected: bool) -> int:
    if reflected:
        reversed_poly = _reflected(poly, width)
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (reversed_poly if crc & 1 else 0)
        return crc
    crc = byte << width - 8
    for _ in range(8):
        crc = crc << 1 ^ (poly if crc >> width - 1 & 1 else 0)
    return crc & (1 << width) - 1


def _sum8(data: bytes) -> int:
    return sum(data) & 0xFF


def _xor8(data: bytes) -> int:
    result = 0
    for byte in data:
        result ^= byte
    return result


def _crc(
    width: int, poly: int, init: int, *, reflected: bool = False, xorout: int = 0
) -> Checksum:
    """Return a check whose input and output are both reflected or both not."""
    return Checksum(width // 8, Crc(width, poly, init, reflected, reflected, xorout))


CHECKSUMS: dict[str, Checksum] = {
    "sum8": Checksum(1, _sum8),
    "xor8": Checksum(1, _xor8),
    "crc8": _crc(8, 0x07, 0),
    "crc8_maxim": _crc(8, 0x31, 0, reflected=True),
    "crc16_modbus": _crc(16, 0x8005, 0xFFFF, reflected=True),
    "crc16_ccitt_false": _crc(16, 0x1021, 0xFFFF),
    "crc16_xmodem": _crc(16, 0x1021, 0),
    "crc16_kermit": _crc(16, 0x1021, 0, reflected=True),
    "crc16_x25": _crc(16, 0x1021, 0xFFFF, reflected=True, xorout=0xFFFF),
    "crc32": _crc(32, 0x04C11DB7, 0xFFFFFFFF, reflected=True, xorout=0xFFFFFFFF),
}
