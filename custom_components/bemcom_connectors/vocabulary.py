"""The words devices use in their keys, and what they mean to Home Assistant.

Only data: adding a word, a spelling or a language is adding to a table here. How the
tables are read is in `descriptions.py`. Units are written as Home Assistant writes them;
a test holds each of them, and each default, against what its device class accepts.
"""

from dataclasses import dataclass
from math import inf
from typing import NamedTuple

from homeassistant.components.binary_sensor import BinarySensorDeviceClass as Binary
from homeassistant.components.sensor import (
    SensorDeviceClass as Class,
    SensorStateClass as State,
)


class Spelling(NamedTuple):
    """A unit that a word can stand for."""

    unit: str
    device_class: Class | None  # what the unit tells with no quantity beside it
    strong: bool  # means the unit wherever it stands; the others need a fitting quantity


# Per device class its units, separated by "|": the unit and its spellings, words joined
# with "_" ("l_min"). A leading "~" marks a weak spelling, "=" one that counts only in
# exactly this case. Where a spelling has several units, the first fitting one is taken:
# "wind_ms" is a speed, "latency_ms" a duration.
_UNITS: tuple[tuple[Class | None, str], ...] = (
    (
        Class.TEMPERATURE,
        "°C degc deg_c celsius ~c|°F degf deg_f fahrenheit ~f|~K kelvin",
    ),
    (None, "% percent pct percentage perc prozent|ppm|ppb|rpm|~° ~deg ~degree ~degrees"),
    # "mw" is milliwatt, as TP-Link and INA219 boards write it; "mwh" is just as often
    # megawatt hours, so nothing is guessed.
    (Class.POWER, "=mW =mw milliwatt|~W watt watts|kW kilowatt kilowatts|=MW|=GW"),
    (
        Class.ENERGY,
        "=mWh|Wh watthour watthours watt_hours|kWh kilowatthour kilowatthours|=MWh|=GWh|"
        "~J joule joules|kJ|=MJ|=GJ|kcal",
    ),
    (Class.APPARENT_POWER, "=mVA|VA|kVA"),
    (Class.REACTIVE_POWER, "~var|kvar"),
    (Class.REACTIVE_ENERGY, "varh|kvarh"),
    (Class.VOLTAGE, "mV millivolt millivolts|~V volt volts|kV"),
    (Class.CURRENT, "=μA|mA milliamp milliamps|~A amp amps ampere amperes"),
    (Class.FREQUENCY, "=mHz|Hz hertz|kHz|MHz|GHz"),
    (
        Class.PRESSURE,
        "~Pa pascal|hPa|kPa|mbar ~mb|~bar|psi|inHg|mmHg",
    ),
    (Class.ILLUMINANCE, "lx lux"),
    (Class.IRRADIANCE, "W/m² wm2 w_qm"),
    (Class.ABSOLUTE_HUMIDITY, "g/m³ gm3"),
    (None, "μg/m³ ugm3|mg/m³ mgm3"),
    (Class.RADON, "Bq/m³ bqm3"),
    (Class.CONDUCTIVITY, "μS/cm|=mS/cm"),
    (Class.SIGNAL_STRENGTH, "dBm"),
    (Class.SOUND_PRESSURE, "dBA"),
    (None, "~dB"),
    (
        Class.SPEED,
        "m/s mps ~ms|km/h kmh kph kmph|mph mi_h|mm/s|~kn ~kt kts knot knots|ft/s",
    ),
    (
        Class.VOLUME_FLOW_RATE,
        "L/s l_sec|L/min lpm liters_min liters_minute litres_minute|"
        "L/h l_hr lph liters_hour litres_hour|m³/h m3h|gal/min gpm",
    ),
    (Class.PRECIPITATION_INTENSITY, "mm/h mm_hr|in/h in_hr"),
    (Class.ENERGY_DISTANCE, "kWh/100km|Wh/km|km/kWh"),
    (
        Class.DURATION,
        "~μs microseconds|~ms msec milliseconds millis|~s ~sec secs ~second seconds|"
        "~min mins ~minute minutes|~h ~hr hrs ~hour hours|~d ~day days",
    ),
    (
        Class.DISTANCE,
        "~mm|cm|~m ~meter meters metres|km|~mi miles|~ft feet|~in inch inches",
    ),
    (Class.WEIGHT, "~mg|~g ~gram grams|kg kilograms|~lb lbs|~oz"),
    (
        Class.VOLUME,
        "mL|~L ~liter ~litre liters litres ltr|m³ cbm|gal gallons|ft³|CCF",
    ),
    (Class.DATA_SIZE, "~B ~byte bytes|kB|~MB|GB|KiB|MiB"),
    (Class.DATA_RATE, "bit/s bps|kbit/s kbps|Mbit/s mbps"),
    (None, "Ω ohm ohms|mAh|Ah"),
)
_PLAIN = str.maketrans({"µ": "u", "μ": "u", "³": "3", "²": "2", "/": "_"})


def spelling(text: str) -> str:
    """Write a unit the way the tables do: "m³/h" and "m3_h" are one."""
    return text.translate(_PLAIN)


def _spellings() -> tuple[dict[str, list[Spelling]], dict[str, list[Spelling]]]:
    """Give the spellings that count in exactly their case, and those in any case."""
    exact: dict[str, list[Spelling]] = {}
    caseless: dict[str, list[Spelling]] = {}
    for device_class, units in _UNITS:
        for words in (row.split() for row in units.split("|")):
            for word in words:
                key = spelling(word.strip("~="))
                row = Spelling(words[0].strip("~="), device_class, word[0] != "~")
                table = exact if word[0] == "=" else caseless
                table.setdefault(key if word[0] == "=" else key.lower(), []).append(row)
    return exact, caseless


UNITS_EXACT, UNITS_CASELESS = _spellings()


@dataclass(frozen=True, slots=True, eq=False)
class Meaning:
    """What a word or phrase of a key says about a number.

    The unit is taken when neither key nor value names one and the number lies within
    `low` and `high`; beyond them the device means another unit, and nobody knows which.
    A fraction below `whole_below` is no percentage: a battery's 3.72 is volts.
    """

    classes: tuple[Class, ...] = ()
    unit: str | None = None
    low: float = -inf
    high: float = inf
    whole_below: float = 0
    state: State | None = State.MEASUREMENT
    weak: bool = False  # yields to a quantity before it: "temperature_battery"


UNKNOWN = Meaning()
CODE = Meaning(state=None)  # a number that is no amount: a state, a type
IDENTIFIER = Meaning(state=None)
TIME = Meaning((Class.DURATION,), state=None)
CURRENT = Meaning((Class.CURRENT,), "A", -1000, 1000)
_WATT = (Class.POWER, Class.APPARENT_POWER, Class.REACTIVE_POWER)
_BATTERY = (Class.BATTERY, Class.VOLTAGE, Class.CURRENT, Class.TEMPERATURE)
_FLUID = (Class.VOLUME_FLOW_RATE, Class.VOLUME)
_VOC = (Class.VOLATILE_ORGANIC_COMPOUNDS_PARTS, Class.VOLATILE_ORGANIC_COMPOUNDS)
_UG = "μg/m³"

# Meanings and their phrases. A unit stands where nearly every device that has the word and
# a number in the range means it: who pushes JSON reports Celsius, W, V, A and Hz. Energy,
# speed, rain, distance and duration have no such unit, so none is guessed for them.
_MEANINGS: tuple[tuple[Meaning, str], ...] = (
    (
        Meaning((Class.TEMPERATURE,), "°C", -60, 200),
        "temperature, temp, tmp, dew point, dewpoint, wind chill, windchill, heat index, "
        "feels like, temperatur",
    ),
    (
        Meaning((Class.HUMIDITY,), "%", 0, 100, 1),
        "humidity, hum, rh, feuchte, luftfeuchte, luftfeuchtigkeit",
    ),
    (Meaning((Class.ABSOLUTE_HUMIDITY,)), "absolute humidity"),
    (Meaning((Class.MOISTURE,), "%", 0, 100, 1), "moisture, soil humidity"),
    (Meaning(_WATT, "W"), "power, pwr, apower, leistung"),
    (Meaning((Class.APPARENT_POWER,), "VA"), "apparent power, aprtpower"),
    (Meaning((Class.REACTIVE_POWER,), "var"), "reactive power"),
    (
        Meaning((Class.POWER_FACTOR,), None, -1, 1),
        "power factor, powerfactor, pf, cos phi, cosphi",
    ),
    (
        Meaning((Class.ENERGY, Class.REACTIVE_ENERGY), state=None),
        "energy, aenergy, energie",
    ),
    (Meaning((Class.REACTIVE_ENERGY,), state=None), "reactive energy"),
    (
        Meaning((Class.ENERGY, Class.POWER), state=None, weak=True),
        "consumption, production, generation, yield, import, export, verbrauch",
    ),
    (
        Meaning((Class.VOLTAGE,), "V", -1500, 1500),
        "voltage, spannung, vbat, vbatt, vcc, vdd",
    ),
    (CURRENT, "current"),
    # Beyond 400 Hz it is a radio's megahertz.
    (Meaning((Class.FREQUENCY,), "Hz", 0, 400), "frequency, freq, frequenz"),
    # The air's; water and refrigerants come in bar, kPa or psi.
    (
        Meaning((Class.PRESSURE,), "hPa", 870, 1085),
        "pressure, druck, luftdruck, barometer",
    ),
    (
        Meaning(_BATTERY, "%", 0, 100, 60, weak=True),
        "battery, bat, batt, batterie, akku, battery level, battery percentage",
    ),
    (
        Meaning((Class.BATTERY,), "%", 0, 100, 1),
        "soc, state of charge, battery soc, charge level",
    ),
    (Meaning((), "%", 0, 100, 1), "soh, state of health, battery health"),
    (Meaning((Class.CO2,), "ppm", 250, 20000), "co2, eco2, carbon dioxide"),
    (Meaning((Class.CO,)), "co, carbon monoxide"),
    (Meaning(_VOC), "voc, tvoc"),
    (Meaning((Class.NITROGEN_DIOXIDE,)), "no2"),
    (Meaning((Class.OZONE,)), "o3, ozone"),
    (Meaning((Class.SULPHUR_DIOXIDE,)), "so2"),
    (Meaning((Class.PM1,), _UG, 0, 2000), "pm1"),
    (Meaning((Class.PM25,), _UG, 0, 2000), "pm25"),
    (Meaning((Class.PM4,), _UG, 0, 2000), "pm4"),
    (Meaning((Class.PM10,), _UG, 0, 2000), "pm10"),
    (Meaning((Class.AQI,), None, 0, 500), "aqi, air quality index"),
    (Meaning((Class.PH,), None, 0, 14), "ph"),
    (Meaning((Class.ILLUMINANCE,), "lx", 0), "illuminance, illumination"),
    (
        Meaning((Class.IRRADIANCE,), "W/m²", 0, 2000),
        "irradiance, solar radiation, solar irradiance, global radiation",
    ),
    # Some firmwares call a quality in percent RSSI: only a negative number is dBm.
    (
        Meaning((Class.SIGNAL_STRENGTH,), "dBm", -130, -10),
        "rssi, signal strength, rsrp, wifi signal",
    ),
    (Meaning((Class.SIGNAL_STRENGTH,), "dBm", -130, -10, weak=True), "signal"),
    (Meaning((Class.SIGNAL_STRENGTH,)), "snr, sinr, rsrq"),
    (Meaning((Class.SOUND_PRESSURE,)), "noise, sound, noise level, sound level"),
    (Meaning((Class.SPEED,)), "speed, velocity, geschwindigkeit"),
    (
        Meaning((Class.WIND_SPEED,)),
        "wind speed, windspeed, wind gust, windgust, gust, windgeschwindigkeit",
    ),
    (Meaning((Class.WIND_SPEED, Class.WIND_DIRECTION), weak=True), "wind"),
    (
        Meaning((Class.WIND_DIRECTION,), "°", 0, 360, state=State.MEASUREMENT_ANGLE),
        "wind direction, wind dir, wind bearing, winddirection, winddir, windrichtung",
    ),
    (
        Meaning((), "°", 0, 360, state=State.MEASUREMENT_ANGLE),
        "azimuth, heading, bearing",
    ),
    (Meaning((), "°", -360, 360), "angle, tilt, inclination"),
    (
        Meaning((Class.PRECIPITATION, Class.PRECIPITATION_INTENSITY), weak=True),
        "rain, rainfall, precipitation, precip, snow, rain rate, precipitation rate, "
        "regen, niederschlag",
    ),
    (
        Meaning((Class.DISTANCE,)),
        "distance, dist, height, depth, length, width, altitude, range, visibility",
    ),
    (Meaning((Class.DISTANCE,), state=State.TOTAL_INCREASING), "odometer, mileage"),
    (Meaning((Class.WEIGHT,)), "weight, mass, gewicht"),
    (Meaning((Class.VOLUME,), state=None, weak=True), "volume, volumen"),
    (Meaning((Class.WATER, *_FLUID), state=None, weak=True), "water, wasser"),
    (Meaning((Class.GAS, *_FLUID), state=None, weak=True), "gas"),
    # A heating engineer's "flow" is also the pipe whose temperature is measured.
    (
        Meaning((Class.VOLUME_FLOW_RATE, Class.TEMPERATURE), weak=True),
        "flow, flow rate, flowrate, volume flow, durchfluss",
    ),
    (
        Meaning((Class.DURATION,)),
        "duration, elapsed, interval, period, timeout, delay, latency, ping, age, dauer, "
        "response time, remaining time",
    ),
    (
        Meaning((Class.DURATION,), state=State.TOTAL_INCREASING),
        "uptime, runtime, run time, operating time, operating, on time",
    ),
    (TIME, "time, timestamp, date, datetime, epoch, ts, last seen, updated, created"),
    (
        Meaning((Class.DATA_SIZE,), weak=True),
        "memory, mem, ram, flash, disk, storage, heap, size",
    ),
    (Meaning((Class.DATA_RATE,)), "bitrate, throughput, bandwidth, data rate"),
    (Meaning((Class.CONDUCTIVITY,)), "conductivity"),
    (Meaning((Class.RADON,)), "radon"),
    (
        Meaning(),  # amounts without a device class
        "count, number of, level, ratio, factor, efficiency, price, cost, gain, uv index, "
        "uvi, cycles, capacity, cop, lqi, linkquality, link quality, sensors, devices",
    ),
    (Meaning(state=State.TOTAL_INCREASING), "counter, pulses, impulses"),
    (
        CODE,
        "state, status, mode, type, kind, enabled, enable, error, fault, alarm, warning, "
        "code, valid, ok, trend, scale, raw, adc, supply, source, button, led, switch, "
        "outage, class, flag, flags, bit, bits, register, pin, program, stage, position, "
        "tariff, save, unit, label, quality, calibration, resolution, ack",
    ),
    (
        IDENTIFIER,
        "id, ids, uid, uuid, serial, sn, number, nr, version, ver, index, idx, address, "
        "addr, mac, ip, ipv4, ipv6, port, firmware, fw, hw, build, seq, sequence, model, "
        "vendor, manufacturer, hostname, ssid, bssid, imei, imsi, iccid, eui, hash, crc",
    ),
)
MEANINGS: dict[tuple[str, ...], Meaning] = {
    tuple(phrase.split()): meaning
    for meaning, phrases in _MEANINGS
    for phrase in phrases.split(", ")
}


def _words(text: str) -> frozenset[str]:
    """Make a set of the words of a text."""
    return frozenset(text.split())


# What may stand behind a unit or a quantity without changing it.
QUALIFIERS = _words(
    "value val l1 l2 l3 n a b c r s t v x y z neutral phase channel ch total sum avg average "
    "mean min max minimum maximum peak now today yesterday daily day week month year "
    "in out input output import export ac dc rms limit setpoint target offered actual "
    "nominal rated measured reading register current last session lifetime"
)
# "current" is also "now": "current_mode". Electrical only before these.
CURRENT_TAIL = QUALIFIERS - _words("current day week month year reading last")
# With a weak unit these stand in for the quantity: "l1_V", "outdoor_C".
CONTEXTS: dict[str, frozenset[str]] = {
    "W": (
        _ELECTRIC := _words(
            "l1 l2 l3 grid mains pv pv1 pv2 solar mppt battery batt bat ac dc charger"
        )
    )
    | _words("load house home output input import export consumption production total"),
    "V": _ELECTRIC,
    "A": _ELECTRIC,
    "°C": (
        _THERMAL := _words(
            "outdoor indoor outside inside room ambient flow return supply inlet outlet "
            "boiler tank dhw air water cpu"
        )
    ),
    "°F": _THERMAL,
}
# A unit after one of these is the lower half of another: "eur_per_kwh", "g_kwh".
NUMERATORS = _words("per eur euro euros ct cent cents usd gbp chf sek nok dkk pln g kg mg €")

# Key words that make another device class of one.
REFINED: dict[Class, tuple[tuple[frozenset[str], Class], ...]] = {
    Class.SPEED: ((_words("wind gust"), Class.WIND_SPEED),),
    Class.VOLUME: (
        (
            _STORED := _words("stored remaining available capacity content tank"),
            Class.VOLUME_STORAGE,
        ),
        (_words("water wasser"), Class.WATER),
        (_words("gas"), Class.GAS),
    ),
    Class.WATER: ((_STORED, Class.VOLUME_STORAGE),),
    Class.ENERGY: ((_STORED, Class.ENERGY_STORAGE),),
    Class.TEMPERATURE: (
        (
            _words("delta diff difference offset hysteresis spread deviation"),
            Class.TEMPERATURE_DELTA,
        ),
    ),
    Class.PRESSURE: (
        (
            _words("barometric atmospheric barometer luftdruck sealevel"),
            Class.ATMOSPHERIC_PRESSURE,
        ),
    ),
}
COUNTED = frozenset(
    {Class.ENERGY, Class.REACTIVE_ENERGY, Class.WATER, Class.GAS, Class.VOLUME}
)
# Words of a count that only grows (or starts again at zero), of one that also shrinks, of
# an amount that is no count, and those that say nothing about it.
GROWING = _words(
    "import imported export exported total consumed consumption produced production "
    "generated generation yield counter delivered received used usage lifetime sum "
    "cumulative forward reverse charged discharged feed fed feedin today daily session "
    "hourly weekly monthly yearly bezug lieferung zaehlerstand zählerstand verbrauch"
)
SHRINKING = _words("net balance saldo netto")
UNCOUNTED = _words(
    "limit target setpoint threshold max min maximum minimum forecast estimated expected "
    "predicted yesterday last previous"
)
NEUTRAL = _words(
    "meter l1 l2 l3 a b c phase phases active real electricity value val reading register "
    "energy aenergy volume water gas wasser power sensor channel"
)

# Names of what a unit measures, where the device class's own name reads badly.
NOUNS = {
    Class.VOLUME_FLOW_RATE: "flow",
    Class.VOLUME_STORAGE: "volume",
    Class.ENERGY_STORAGE: "energy",
    Class.ATMOSPHERIC_PRESSURE: "pressure",
    Class.TEMPERATURE_DELTA: "difference",
    Class.WIND_DIRECTION: "direction",
}
# Decimals to show where Home Assistant's own choice hides or invents some.
PRECISIONS: dict[tuple[Class | None, str | None], int] = {
    (Class.TEMPERATURE, "°C"): 1,
    (Class.HUMIDITY, "%"): 1,
    (Class.VOLTAGE, "V"): 1,
    (Class.CURRENT, "A"): 2,
    (Class.FREQUENCY, "Hz"): 2,
    (Class.ENERGY, "kWh"): 2,
    (Class.POWER_FACTOR, None): 2,
    (Class.PRESSURE, "bar"): 2,
    (Class.ATMOSPHERIC_PRESSURE, "hPa"): 1,
}

DIAGNOSTIC = _words(
    "rssi snr sinr lqi linkquality uptime heap version firmware fw seq sequence ssid bssid "
    "mac hostname imei iccid"
)
NOISY = _words("seq sequence heap ticks tick millis")
TRAFFIC = _words("msg msgs message messages packet packets frame frames telegram telegrams")
