r"""Converter for the P1 port of smart meters (DSMR and eSMR, as in NL, BE, LU, SE, FI).

Copy this file to bemcom_connectors/converters/ in Home Assistant's configuration folder.
Serial: 115200 baud, 8N1 (meters before DSMR 4: 9600 baud, 7E1).
Framing: a pause between messages, of 300 ms.
Format: Converter (your own Python), p1_telegram.

A telegram is the meter's name, a line for each value, and a check sum:

    /ISK5\2M550T-1012

    1-0:1.8.1(001284.250*kWh)
    0-1:24.2.1(261121030000W)(00412.570*m3)
    !A1B2
"""

import re

# The codes of the values (OBIS) and the names of their datapoints. The unit is part of the
# name, so that Home Assistant knows it: kW is a power, kWh an energy, and so on.
# Add the codes of your meter here; what is not listed is left out.
NAMES = {
    "1-0:1.8.0": "energy_import_kwh",
    "1-0:2.8.0": "energy_export_kwh",
    "1-0:1.8.1": "energy_import_tariff_1_kwh",
    "1-0:1.8.2": "energy_import_tariff_2_kwh",
    "1-0:2.8.1": "energy_export_tariff_1_kwh",
    "1-0:2.8.2": "energy_export_tariff_2_kwh",
    "0-0:96.14.0": "tariff",
    "1-0:1.7.0": "power_import_kw",
    "1-0:2.7.0": "power_export_kw",
    "1-0:32.7.0": "l1_voltage_v",
    "1-0:52.7.0": "l2_voltage_v",
    "1-0:72.7.0": "l3_voltage_v",
    "1-0:31.7.0": "l1_current_a",
    "1-0:51.7.0": "l2_current_a",
    "1-0:71.7.0": "l3_current_a",
    "1-0:21.7.0": "l1_power_import_kw",
    "1-0:41.7.0": "l2_power_import_kw",
    "1-0:61.7.0": "l3_power_import_kw",
    "1-0:22.7.0": "l1_power_export_kw",
    "1-0:42.7.0": "l2_power_export_kw",
    "1-0:62.7.0": "l3_power_export_kw",
    "0-0:96.7.21": "power_failures",
    "0-0:96.7.9": "long_power_failures",
}

# A gas or water meter is behind the electricity meter, on channel 1 to 4. Which of them is
# what, the telegram says in 0-n:24.1.0; the reading is the last value of 0-n:24.2.1.
SUB_METERS = {"003": "gas_m3", "007": "water_m3"}

LINE = re.compile(r"^(\d-\d:\d+\.\d+\.\d+)((?:\([^)]*\))+)\s*$", re.MULTILINE)


def parse(frame: bytes) -> dict | None:
    """Return the values of one telegram."""
    start = frame.find(b"/")
    end = frame.find(b"!", start)
    if start < 0 or end < 0:
        # The hub has joined in the middle of a telegram: wait for the next one.
        return None
    check(frame[start : end + 1], frame[end + 1 :].strip())

    lines = dict(LINE.findall(frame[start:end].decode("ascii", errors="replace")))
    values = {
        name: number(last_value(lines[code]))
        for code, name in NAMES.items()
        if code in lines
    }
    for channel in "1234":
        kind = last_value(lines.get(f"0-{channel}:24.1.0", "()"))
        reading = lines.get(f"0-{channel}:24.2.1")
        if kind in SUB_METERS and reading:
            values[SUB_METERS[kind]] = number(last_value(reading))
    return values


def last_value(text: str) -> str:
    """Return the last value in brackets: "(261121030000W)(00412.570*m3)" has two."""
    return text.rpartition("(")[2].removesuffix(")")


def number(text: str) -> float:
    """Return the number of a value such as 001284.250*kWh."""
    return float(text.partition("*")[0])


def check(telegram: bytes, expected: bytes) -> None:
    """Raise ValueError if the check sum is wrong, as after a disturbance on the line.

    It is a CRC-16 (polynomial 0xA001, reflected) of all from / to !. Old meters send none.
    """
    if not expected:
        return
    crc = 0
    for byte in telegram:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    if crc != int(expected, 16):
        raise ValueError(f"the check sum is {crc:04X}, not {expected.decode()}")
