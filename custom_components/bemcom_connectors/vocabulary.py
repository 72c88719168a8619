"""The words devices use in their keys, and what they mean to Home Assistant.

Only data: adding a word, a spelling or a language is adding to a table here. How the
tables are read is in `keys.py` and `guessing.py`. Units are written as Home Assistant writes them;
a test holds each of them, and each default, against what its device class accepts.
"""

from dataclasses import dataclass
from math import inf
from typing import NamedTuple

from homeassistant.components.binary_sensor.const import (
    BinarySensorDeviceClass as Binary,
)
from homeassistant.components.sensor import (
    SensorDeviceClass as Class,
    SensorStateClass as State,
)


class Spelling(NamedTuple):
    """A unit that a word can stand for."""

    unit: str
    device_class: Class | None  # what the unit tells with no quantity beside it
    strong: bool  # means the unit wherever it stands; the others need a quantity


# Per device class its units, separated by "|": the unit, then its other spellings, words
# joined with "_" ("l_min"). "~" marks a weak spelling, "=" one that counts only in exactly
# this case. Of several units with one spelling the first fitting one is taken: "wind_ms"
# is a speed, "latency_ms" a duration.
_UNITS: tuple[tuple[Class | None, str], ...] = (
    (
        Class.TEMPERATURE,
        "°C degc deg_c celsius ~c|°F degf deg_f fahrenheit ~f|~K kelvin",
    ),
    (None, "% percent pct percentage perc|ppm|ppb|rpm|~° ~deg ~degree ~degrees"),
    # "mw" is milliwatt, as TP-Link and INA219 boards write it; "mwh" is just as often
    # megawatt hours, so nothing is guessed.
    (Class.POWER, "=mW =mw milliwatt|~W watt watts|kW kilowatt kilowatts|=MW|=GW"),
    (Class.ENERGY, "=mWh|Wh watthours watt_hours|kWh kilowatthours|=MWh|=GWh"),
    (Class.ENERGY, "~J joule joules|kJ|=MJ|=GJ|kcal"),
    (Class.APPARENT_POWER, "=mVA|VA|kVA"),
    (Class.REACTIVE_POWER, "~var|kvar"),
    (Class.REACTIVE_ENERGY, "varh|kvarh"),
    (Class.VOLTAGE, "mV millivolt millivolts|~V volt volts|kV"),
    (Class.CURRENT, "=μA|mA milliamp milliamps|~A amp amps ampere amperes"),
    (Class.FREQUENCY, "=mHz|Hz hertz|kHz|MHz|GHz"),
    (Class.PRESSURE, "~Pa pascal|hPa|kPa|mbar ~mb|~bar|psi|inHg|mmHg"),
    (Class.ILLUMINANCE, "lx lux"),
    (Class.IRRADIANCE, "W/m² wm2 w_qm"),
    (Class.ABSOLUTE_HUMIDITY, "g/m³ gm3"),
    (None, "μg/m³ ugm3|mg/m³ mgm3"),
    (Class.CONDUCTIVITY, "μS/cm|=mS/cm"),
    (Class.SIGNAL_STRENGTH, "dBm"),
    (Class.SOUND_PRESSURE, "dBA"),
    (None, "~dB"),
    (Class.SPEED, "m/s mps ~ms|km/h kmh kph|mph|mm/s|~kn ~kt kts knot knots|ft/s"),
    (Class.VOLUME_FLOW_RATE, "L/s|L/min lpm liters_minute|L/h lph|m³/h m3h|gal/min"),
    (Class.PRECIPITATION_INTENSITY, "mm/h mm_hr|in/h in_hr"),
    (Class.ENERGY_DISTANCE, "kWh/100km|Wh/km|km/kWh"),
    (Class.DURATION, "~μs|~ms msec milliseconds|~s ~sec secs ~second seconds"),
    (Class.DURATION, "~min mins ~minute minutes|~h ~hr hrs ~hour hours|~d ~day days"),
    (Class.DISTANCE, "~mm|cm|~m ~meter meters metres|km|~mi miles|~ft feet|~in inches"),
    (Class.WEIGHT, "~mg|~g ~gram grams|kg kilograms|~lb lbs|~oz"),
    (Class.VOLUME, "mL|~L ~liter ~litre liters litres|m³ cbm|gal gallons|ft³|CCF"),
    (Class.DATA_SIZE, "~B ~byte bytes|kB|~MB|GB|KiB|MiB"),
    (Class.DATA_RATE, "bit/s bps|kbit/s kbps|Mbit/s mbps"),
    (None, "Ω ohm ohms|mAh|Ah"),
)
_PLAIN = str.maketrans(
    {"µ": "u", "μ": "u", "³": "3", "²": "2", "/": "_", "℃": "°C", "℉": "°F"}
)


def spelling(text: str) -> str:
    """Write a unit the way the tables do: "m³/h" and "m3_h" are one."""
    return text.translate(_PLAIN)


def _spellings() -> tuple[dict[str, list[Spelling]], dict[str, list[Spelling]]]:
    """Give the spellings that count in exactly their case, and those in any case."""
    exact: dict[str, list[Spelling]] = {}
    caseless: dict[str, list[Spelling]] = {}
    for device_class, units in _UNITS:
        for row in map(str.split, units.split("|")):
            unit = row[0].strip("~=")
            for mark, text in ((word[0], word.strip("~=")) for word in row):
                meant = Spelling(unit, device_class, mark != "~")
                table, key = (exact, text) if mark == "=" else (caseless, text.lower())
                table.setdefault(spelling(key), []).append(meant)
    return exact, caseless


UNITS_EXACT, UNITS_CASELESS = _spellings()


@dataclass(frozen=True, slots=True, eq=False)
class Meaning:
    """What a word or phrase of a key says about a number.

    The unit is taken when neither key nor value names one and the number lies within
    `low` and `high`; beyond them the device means another unit, and nobody knows which.
    A fraction below `whole_below` is no percentage: a battery's 3.72 is volts.
    """

    device_class: Class | None = None
    unit: str | None = None
    low: float = -inf
    high: float = inf
    whole_below: float = 0
    also: tuple[Class, ...] = ()  # device classes that only a unit can bring about
    state: State | None = State.MEASUREMENT
    weak: bool = False  # yields to a quantity before it: "temperature_battery"

    @property
    def classes(self) -> tuple[Class, ...]:
        """The device classes a unit can choose from."""
        return (self.device_class, *self.also) if self.device_class else ()


UNKNOWN = Meaning()
AMOUNT = Meaning()  # no device class, but numbers worth a curve
CODE = Meaning(state=None)  # no amount at all: a state, a type
IDENTIFIER = Meaning(state=None)
TIME = Meaning(Class.DURATION, state=None)
CURRENT = Meaning(Class.CURRENT, "A", -1000, 1000)
PH = Meaning(Class.PH, None, 0, 14)
_ANGLE = State.MEASUREMENT_ANGLE
_OTHER_POWER = (Class.APPARENT_POWER, Class.REACTIVE_POWER)
_OF_BATTERY = (Class.VOLTAGE, Class.CURRENT, Class.TEMPERATURE)
_OF_FLUID = (Class.VOLUME_FLOW_RATE, Class.VOLUME)
_VOC_PARTS = Class.VOLATILE_ORGANIC_COMPOUNDS_PARTS

# Phrases and their meanings. A unit stands where nearly every device that has the word and
# a number in the range means it: who pushes JSON reports Celsius, W, V, A and Hz. Energy,
# speed, rain, distance and duration have no such unit, so none is guessed for them.
_MEANINGS: dict[str, Meaning] = {
    "temperature, temp, tmp, dew point, dewpoint, wind chill, windchill, heat index, "
    "feels like, temperatur": Meaning(Class.TEMPERATURE, "°C", -60, 200),
    "humidity, hum, rh, feuchte, luftfeuchte, luftfeuchtigkeit": Meaning(
        Class.HUMIDITY, "%", 0, 100, 1
    ),
    "absolute humidity": Meaning(Class.ABSOLUTE_HUMIDITY),
    "moisture, soil humidity": Meaning(Class.MOISTURE, "%", 0, 100, 1),
    "power, pwr, apower, leistung": Meaning(Class.POWER, "W", also=_OTHER_POWER),
    "apparent power, aprtpower": Meaning(Class.APPARENT_POWER, "VA"),
    "reactive power": Meaning(Class.REACTIVE_POWER, "var"),
    "power factor, pf, cos phi, cosphi": Meaning(Class.POWER_FACTOR, None, -1, 1),
    "energy, aenergy, energie": Meaning(
        Class.ENERGY, also=(Class.REACTIVE_ENERGY,), state=None
    ),
    "reactive energy": Meaning(Class.REACTIVE_ENERGY, state=None),
    "consumption, production, generation, yield, import, export, verbrauch": Meaning(
        Class.ENERGY, also=(Class.POWER,), state=None, weak=True
    ),
    "voltage, spannung, vbat, vbatt, vcc, vdd": Meaning(
        Class.VOLTAGE, "V", -1500, 1500
    ),
    "current": CURRENT,
    # Beyond 400 Hz it is a radio's megahertz.
    "frequency, freq, frequenz": Meaning(Class.FREQUENCY, "Hz", 0, 400),
    # The air's; water and refrigerants come in bar, kPa or psi.
    "pressure, druck, luftdruck, barometer": Meaning(Class.PRESSURE, "hPa", 870, 1085),
    "battery, bat, batt, batterie, akku, battery level, battery percentage": Meaning(
        Class.BATTERY, "%", 0, 100, 60, also=_OF_BATTERY, weak=True
    ),
    "soc, state of charge, charge level": Meaning(Class.BATTERY, "%", 0, 100, 1),
    "soh, state of health, battery health": Meaning(None, "%", 0, 100, 1),
    "co2, eco2, carbon dioxide": Meaning(Class.CO2, "ppm", 250, 20000),
    "co, carbon monoxide": Meaning(Class.CO),
    "voc, tvoc": Meaning(_VOC_PARTS, also=(Class.VOLATILE_ORGANIC_COMPOUNDS,)),
    "no2": Meaning(Class.NITROGEN_DIOXIDE),
    "o3, ozone": Meaning(Class.OZONE),
    "so2": Meaning(Class.SULPHUR_DIOXIDE),
    "pm1": Meaning(Class.PM1, "μg/m³", 0, 2000),
    "pm25": Meaning(Class.PM25, "μg/m³", 0, 2000),
    "pm4": Meaning(Class.PM4, "μg/m³", 0, 2000),
    "pm10": Meaning(Class.PM10, "μg/m³", 0, 2000),
    "aqi, air quality index": Meaning(Class.AQI, None, 0, 500),
    "ph": PH,
    "illuminance, illumination": Meaning(Class.ILLUMINANCE, "lx", 0),
    "irradiance, solar radiation, solar irradiance": Meaning(
        Class.IRRADIANCE, "W/m²", 0, 2000
    ),
    # Some firmwares call a quality in percent RSSI: only a negative number is dBm.
    "rssi, signal strength, rsrp": Meaning(Class.SIGNAL_STRENGTH, "dBm", -130, -10),
    "signal": Meaning(Class.SIGNAL_STRENGTH, "dBm", -130, -10, weak=True),
    "snr, sinr, rsrq": Meaning(Class.SIGNAL_STRENGTH),
    "noise, sound, noise level, sound level": Meaning(Class.SOUND_PRESSURE),
    "speed, velocity, geschwindigkeit": Meaning(Class.SPEED),
    "wind speed, windspeed, wind gust, windgust, gust": Meaning(Class.WIND_SPEED),
    "wind": Meaning(Class.WIND_SPEED, also=(Class.WIND_DIRECTION,), weak=True),
    "wind direction, wind dir, wind bearing, winddirection, winddir": Meaning(
        Class.WIND_DIRECTION, "°", 0, 360, state=_ANGLE
    ),
    "azimuth, heading, bearing": Meaning(None, "°", 0, 360, state=_ANGLE),
    "angle, tilt, inclination": Meaning(None, "°", -360, 360),
    "rain, rainfall, precipitation, precip, snow, rain rate, regen": Meaning(
        Class.PRECIPITATION, also=(Class.PRECIPITATION_INTENSITY,), weak=True
    ),
    "distance, dist, height, depth, length, width, altitude, range, visibility": Meaning(
        Class.DISTANCE
    ),
    "odometer, mileage": Meaning(Class.DISTANCE, state=State.TOTAL_INCREASING),
    "weight, mass, gewicht": Meaning(Class.WEIGHT),
    "volume, volumen": Meaning(Class.VOLUME, state=None, weak=True),
    "water, wasser": Meaning(Class.WATER, also=_OF_FLUID, state=None, weak=True),
    "gas": Meaning(Class.GAS, also=_OF_FLUID, state=None, weak=True),
    # A heating engineer's "flow" is also the pipe whose temperature is measured.
    "flow, flow rate, flowrate, volume flow, durchfluss": Meaning(
        Class.VOLUME_FLOW_RATE, also=(Class.TEMPERATURE,), weak=True
    ),
    "duration, elapsed, interval, period, timeout, delay, latency, ping, age, dauer, "
    "response time, remaining time": Meaning(Class.DURATION),
    "uptime, runtime, run time, operating time, operating, on time": Meaning(
        Class.DURATION, state=State.TOTAL_INCREASING
    ),
    "time, timestamp, date, datetime, epoch, ts, last seen, updated, created": TIME,
    "memory, mem, ram, flash, disk, storage, heap, size": Meaning(
        Class.DATA_SIZE, weak=True
    ),
    "bitrate, throughput, bandwidth, data rate": Meaning(Class.DATA_RATE),
    "conductivity": Meaning(Class.CONDUCTIVITY),
    "count, number of, level, ratio, factor, efficiency, price, cost, gain, uv index, "
    "uvi, cycles, capacity, cop, lqi, linkquality, link quality, sensors, color temp, "
    "color temperature": AMOUNT,
    "counter, pulses, impulses": Meaning(state=State.TOTAL_INCREASING),
    "state, status, mode, type, kind, enabled, enable, error, fault, alarm, warning, "
    "code, valid, ok, trend, scale, raw, adc, supply, source, button, led, switch, "
    "outage, good, fail, cut, saving, battery low, low battery, class, flag, flags, "
    "bit, bits, pin, program, stage, position, tariff, save, unit, label, quality, "
    "calibration, resolution, ack": CODE,
    "id, ids, uid, uuid, serial, sn, number, nr, version, ver, index, idx, address, "
    "addr, mac, ip, ipv4, ipv6, port, firmware, fw, hw, build, seq, sequence, model, "
    "vendor, manufacturer, hostname, ssid, bssid, imei, iccid, hash, crc": IDENTIFIER,
}
MEANINGS: dict[tuple[str, ...], Meaning] = {
    tuple(phrase.split()): meaning
    for phrases, meaning in _MEANINGS.items()
    for phrase in phrases.split(", ")
}


def _set(text: str) -> frozenset[str]:
    """Make a set of the words of a text."""
    return frozenset(text.split())


# What may stand behind a unit or a quantity without changing it.
QUALIFIERS = _set(
    "value val l1 l2 l3 n a b c r s t v x y z neutral phase channel ch total sum avg "
    "average mean min max minimum maximum peak now today yesterday daily day week month "
    "year in out input output import export ac dc rms limit setpoint target offered "
    "actual nominal rated measured reading register current last session lifetime"
)
# "current" is also "now", as in "current_mode": electrical only before these.
CURRENT_TAIL = QUALIFIERS - _set("current day week month year reading last")
# A battery behind one of these is the battery of the device.
DEVICES = _set("sensor probe meter thermostat detector valve remote")
# A unit behind one of these is the lower half of another: "eur_per_kwh", "g_kwh".
NUMERATORS = _set(
    "per eur euro euros ct cent cents usd gbp chf sek nok dkk pln g kg mg €"
)
# With a weak unit these stand in for the quantity: "l1_V", "outdoor_C".
_CIRCUITS = _set("l1 l2 l3 pv pv1 pv2 solar mppt battery batt bat dc")
_PIPES = _set(
    "outdoor indoor outside inside ambient flow return supply inlet outlet dhw air water"
)
CONTEXTS: dict[str, frozenset[str]] = {
    "W": _CIRCUITS | _set("grid mains ac load house home output input total heater"),
    "V": _CIRCUITS | _set("grid mains ac"),
    "A": _CIRCUITS,  # "grid_a" is a phase
    "°C": _PIPES,
    "°F": _PIPES,
}

# Words that make another device class of one, the first that is there.
_AIR = _set("barometric atmospheric barometer luftdruck sealevel")
_APART = _set("delta diff difference offset hysteresis spread deviation")
_STORED = _set("stored remaining available capacity content tank")
REFINED: dict[Class, tuple[tuple[frozenset[str], Class], ...]] = {
    Class.SPEED: ((_set("wind gust"), Class.WIND_SPEED),),
    Class.VOLUME: (
        (_STORED, Class.VOLUME_STORAGE),
        (_set("water wasser"), Class.WATER),
        (_set("gas"), Class.GAS),
    ),
    Class.WATER: ((_STORED, Class.VOLUME_STORAGE),),
    Class.ENERGY: ((_STORED, Class.ENERGY_STORAGE),),
    Class.TEMPERATURE: ((_APART, Class.TEMPERATURE_DELTA),),
    Class.PRESSURE: ((_AIR, Class.ATMOSPHERIC_PRESSURE),),
}
# Amounts that are counted: words of a count that only grows or starts again at zero, of one
# that also shrinks, of a number that is no count, and words that say nothing about it.
COUNTED = frozenset(
    {Class.ENERGY, Class.REACTIVE_ENERGY, Class.WATER, Class.GAS, Class.VOLUME}
)
GROWING = _set(
    "import imported export exported total consumed consumption produced production "
    "generated generation yield counter delivered received used usage lifetime sum "
    "cumulative forward reverse charged discharged feed fed feedin today daily session "
    "hourly weekly monthly yearly meter bezug lieferung verbrauch zaehlerstand"
)
SHRINKING = _set("net balance saldo netto")
UNCOUNTED = _set(
    "limit target setpoint threshold max min maximum minimum forecast estimated expected "
    "predicted yesterday last previous"
)
NEUTRAL = _set(
    "smart l1 l2 l3 a b c phase phases active reactive real electricity value val reading register "
    "energy aenergy volume water gas wasser power sensor channel"
)
# What a unit measures, where the device class's own name reads badly in a name.
NOUNS = {
    Class.VOLUME_FLOW_RATE: "flow",
    Class.VOLUME_STORAGE: "volume",
    Class.ENERGY_STORAGE: "energy",
    Class.ATMOSPHERIC_PRESSURE: "pressure",
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

# Device classes of what is on or off, by the last words of the key...
BINARY: dict[tuple[str, ...], Binary] = {
    tuple(phrase.split()): device_class
    for device_class, phrases in {
        Binary.DOOR: "door, door open",
        Binary.GARAGE_DOOR: "garage door, garage door open",
        Binary.WINDOW: "window, window open",
        Binary.OPENING: "open",
        Binary.MOTION: "motion, pir",
        Binary.OCCUPANCY: "occupancy, occupied",
        Binary.PRESENCE: "presence",
        Binary.SMOKE: "smoke, smoke alarm",
        Binary.MOISTURE: "leak, leakage, moisture, flood, wet, rain, leak alarm",
        Binary.BATTERY: "battery low, low battery, batt low",
        Binary.CONNECTIVITY: "connected, online, connectivity, connection, reachable",
        Binary.BATTERY_CHARGING: "charging",
        Binary.PLUG: "plug, plugged, plugged in, vehicle connected, car connected, "
        "ev connected, cable connected",
        Binary.PROBLEM: "problem, error, fault, alarm, failure",
        Binary.RUNNING: "running",
        Binary.HEAT: "heat, overheat",
        Binary.COLD: "cold, frost",
        Binary.LIGHT: "light, light on",
        Binary.POWER: "power, power on",
        Binary.VIBRATION: "vibration",
        Binary.TAMPER: "tamper, tampered",
        Binary.UPDATE: "update, update available",
        Binary.GAS: "gas, gas alarm",
        Binary.MOVING: "moving",
    }.items()
    for phrase in phrases.split(", ")
}
# ... whatever of these follows. A word that turns the meaning round forbids a guess.
BINARY_TAIL = _set("state status detected active sensor alert value now")
INVERTED = _set("no not non without free closed ok off disabled inverted disconnected")
FLAGS = _set(
    "enabled active online connected relay alarm motion smoke leak tamper reachable"
)
DOORS = _set("door window gate garage contact hatch lid")

VALUES = _set("value val")
SECONDS = _set("s ms sec utc local")
CLOCKS = _set("timestamp epoch ts")
# Text: a state with few values, a choice that is no switch even when it says "on".
STATES = _set(
    "state status mode phase stage step program preset level quality direction trend "
    "position condition reason season operation activity severity tariff error fault alarm"
)
MODES = _set("status mode preset program operation stage")

DIAGNOSTIC = _set(
    "signal rssi snr sinr lqi linkquality uptime heap version firmware fw seq sequence ssid "
    "bssid mac hostname imei iccid"
)
NOISY = _set("seq sequence heap ticks millis")
TRAFFIC = _set("msg msgs message messages packet packets frame frames telegrams")
# Words whose spelling in a name is not lower case.
ABBREVIATIONS: dict[str, str] = {
    text.lower(): text
    for text in _set(
        "AC AQI BSSID CO CO2 COP CPU CRC DC DHW eCO2 EV FW GPIO GPS HW IAQ ID IDs IMEI IP "
        "IPv4 IPv6 LED LQI LTE MAC MPPT MQTT NTP PF pH PM1 PM4 PM10 PV PWM RAM RH RPM "
        "RSSI SNR SOC SOH SSID TVOC UID URL USB UUID UV UVI VOC VPN WiFi kWh Wh kW ppm ppb"
    )
} | {"pm25": "PM2.5", "m3": "m³"}
