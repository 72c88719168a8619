"""How datapoints look: what a user with meters, inverters and boards would expect."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
import json
from math import inf, nan
from time import perf_counter
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

from hypothesis import HealthCheck, given, settings, strategies as st
import pytest

from custom_components.bemcom_connectors import vocabulary
from custom_components.bemcom_connectors.connector.model import JsonValue
from custom_components.bemcom_connectors.descriptions import (
    DatapointDescription,
    ValueKind,
    describe,
    is_describable,
    native_value,
)
from custom_components.bemcom_connectors.stored_descriptions import (
    from_dict,
    is_valid,
    to_dict,
)
from homeassistant.components.binary_sensor.const import (
    BinarySensorDeviceClass as Binary,
)
from homeassistant.components.sensor import (
    SensorDeviceClass as Class,
    SensorEntity,
    SensorStateClass as State,
)
from homeassistant.components.sensor.const import (
    DEVICE_CLASS_STATE_CLASSES,
    DEVICE_CLASS_UNITS,
    NON_NUMERIC_DEVICE_CLASSES,
    STATE_CLASS_UNITS,
)
from homeassistant.const import EntityCategory, Platform
from homeassistant.util.unit_system import METRIC_SYSTEM, US_CUSTOMARY_SYSTEM

MAX_NAME = 100
M = State.MEASUREMENT
GROWS = State.TOTAL_INCREASING
TOTAL = State.TOTAL
ANGLE = State.MEASUREMENT_ANGLE

# Key, value, device class, unit, state class, name (None: whatever it is).
NUMBERS: list[
    tuple[str, JsonValue, Class | None, str | None, State | None, str | None]
] = [
    # Meters
    ("meter__power", 1234, Class.POWER, "W", M, "Meter power"),
    ("power_w", 12.5, Class.POWER, "W", M, "Power"),
    ("power_W", 12.5, Class.POWER, "W", M, "Power"),
    ("power_kw", 1.2, Class.POWER, "kW", M, "Power"),
    ("power_mw", 812, Class.POWER, "mW", M, "Power"),  # TP-Link
    ("power_mW", 812, Class.POWER, "mW", M, "Power"),
    ("plant_power_MW", 3.4, Class.POWER, "MW", M, "Plant power"),
    ("POWER_MW", 3.4, Class.POWER, "W", M, None),
    ("activePowerW", 812, Class.POWER, "W", M, "Active power"),
    ("total_act_power", 300.1, Class.POWER, "W", M, None),
    ("power_l1", 300.1, Class.POWER, "W", M, "Power L1"),
    ("power_a", 300.1, Class.POWER, "W", M, "Power A"),
    ("Power.Active.Import__W", 7200, Class.POWER, "W", M, "Power active import"),
    ("apparent_power_VA", 500, Class.APPARENT_POWER, "VA", M, "Apparent power"),
    ("StatusSNS__ENERGY__ApparentPower", 9, Class.APPARENT_POWER, "VA", M, None),
    ("power_kva", 2.5, Class.APPARENT_POWER, "kVA", M, "Power"),
    ("reactive_power_var", -5, Class.REACTIVE_POWER, "var", M, "Reactive power"),
    ("ENERGY__ReactivePower", 7, Class.REACTIVE_POWER, "var", M, None),
    ("power_var", 7, Class.REACTIVE_POWER, "var", M, "Power"),
    ("power_factor", 0.98, Class.POWER_FACTOR, None, M, "Power factor"),
    ("pf", -0.5, Class.POWER_FACTOR, None, M, "PF"),
    ("power_factor_percent", 98, Class.POWER_FACTOR, "%", M, "Power factor"),
    ("power_factor", 98, None, None, M, "Power factor"),
    ("voltage", 230.4, Class.VOLTAGE, "V", M, "Voltage"),
    ("voltage_mV", 3312, Class.VOLTAGE, "mV", M, "Voltage"),
    ("VBAT_MV", 3312, Class.VOLTAGE, "mV", M, "Vbat"),
    ("voltage", 3312, None, None, M, "Voltage"),  # Zigbee batteries: millivolts
    ("voltage_a", 230.4, Class.VOLTAGE, "V", M, "Voltage A"),  # the phase
    ("phases__l1__voltage_V", 230.1, Class.VOLTAGE, "V", M, "Phases L1 voltage"),
    ("voltage_V_L1", 230.1, Class.VOLTAGE, "V", M, "Voltage L1"),
    ("l2_V", 230.1, Class.VOLTAGE, "V", M, "L2 voltage"),
    ("current__A", 5.1, Class.CURRENT, "A", M, "Current"),
    ("current", 5.1, Class.CURRENT, "A", M, "Current"),
    ("current_ma", 350, Class.CURRENT, "mA", M, "Current"),
    ("current_l1", 5.1, Class.CURRENT, "A", M, "Current L1"),
    ("current_phase_1", 5.1, Class.CURRENT, "A", M, "Current phase 1"),
    ("Current.Import__L1__A", 10.1, Class.CURRENT, "A", M, "Current import L1"),
    ("charging_current_limit", 16, Class.CURRENT, "A", M, "Charging current limit"),
    ("current_µA", 3, Class.CURRENT, "μA", M, "Current"),
    ("freq_hz", 50.01, Class.FREQUENCY, "Hz", M, "Freq"),
    ("grid__frequency", 49.98, Class.FREQUENCY, "Hz", M, "Grid frequency"),
    ("lora__frequency", 868.1, None, None, M, "Lora frequency"),
    ("cpu_freq_mhz", 240, Class.FREQUENCY, "MHz", M, "CPU freq"),
    ("energy_kWh", 5.5, Class.ENERGY, "kWh", GROWS, "Energy"),
    ("energyKWh", 5.5, Class.ENERGY, "kWh", GROWS, "Energy"),
    ("energy_wh", 5500, Class.ENERGY, "Wh", GROWS, "Energy"),
    ("energy_total_kwh", 5500, Class.ENERGY, "kWh", GROWS, "Energy total"),
    ("total_imported_kwh", 55, Class.ENERGY, "kWh", GROWS, "Total imported energy"),
    ("energy_kWh_today", 5, Class.ENERGY, "kWh", GROWS, "Energy today"),
    ("energy_kwh_l1", 5, Class.ENERGY, "kWh", GROWS, "Energy L1"),
    ("Energy.Active.Import.Register__Wh", 5, Class.ENERGY, "Wh", GROWS, None),
    ("meter__kWh", 12.1, Class.ENERGY, "kWh", GROWS, "Meter energy"),
    ("consumption_kwh", 12.1, Class.ENERGY, "kWh", GROWS, "Consumption"),
    ("consumption_w", 121, Class.POWER, "W", M, "Consumption power"),
    ("heatpump_energy_kWh", 3, Class.ENERGY, "kWh", TOTAL, "Heatpump energy"),
    ("net_energy_kWh", -3, Class.ENERGY, "kWh", TOTAL, "Net energy"),
    ("energy_yesterday_kwh", 3, Class.ENERGY, "kWh", None, "Energy yesterday"),
    ("energy_limit_kwh", 30, Class.ENERGY, "kWh", None, "Energy limit"),
    ("energy_MWh", 3, Class.ENERGY, "MWh", GROWS, "Energy"),
    ("energy_mwh", 3, None, None, None, "Energy mwh"),  # milli or mega?
    ("ENERGY__Total", 12.3, None, None, None, "Energy total"),
    ("energy", 12.3, None, None, None, "Energy"),
    ("reactive_energy_kvarh", 2, Class.REACTIVE_ENERGY, "kvarh", GROWS, None),
    ("power_kWh", 3, Class.ENERGY, "kWh", GROWS, "Power kWh"),  # the unit decides
    ("pulse__counter", 712, None, None, GROWS, "Pulse counter"),
    ("ct_per_kWh", 31.2, None, None, M, None),
    ("price_eur_kwh", 0.312, None, None, M, None),
    ("co2_g_kwh", 312, None, None, M, None),
    ("energy_price", 0.3, None, None, M, "Energy price"),
    # Inverters and batteries
    ("grid_export_W", 800, Class.POWER, "W", M, "Grid export power"),
    ("house_w", 800, Class.POWER, "W", M, "House power"),
    ("mppt1_W", 800, Class.POWER, "W", M, "MPPT 1 power"),
    ("soc_percent", 55, Class.BATTERY, "%", M, "SOC"),
    ("soc", 55.5, Class.BATTERY, "%", M, "SOC"),
    ("soc", 0.55, None, None, M, "SOC"),  # a fraction
    ("state_of_charge", 55, Class.BATTERY, "%", M, "State of charge"),
    ("soh", 99, None, "%", M, "SOH"),
    ("battery", 87, Class.BATTERY, "%", M, "Battery"),
    ("battery_level", 87, Class.BATTERY, "%", M, "Battery level"),
    ("battery__percent", 87, Class.BATTERY, "%", M, "Battery"),
    ("battery", 3.72, None, None, M, "Battery"),  # volts
    ("battery", 2900, None, None, M, "Battery"),  # millivolts
    ("battery__V", 12.6, Class.VOLTAGE, "V", M, "Battery voltage"),
    ("battery_temperature", 24, Class.TEMPERATURE, "°C", M, "Battery temperature"),
    ("temperature_battery", 24, Class.TEMPERATURE, "°C", M, "Temperature battery"),
    ("temperature_sensor_battery", 90, Class.BATTERY, "%", M, None),
    ("temperature__battery", 90, None, None, M, None),
    ("battery_power", -250, Class.POWER, "W", M, "Battery power"),
    ("battery_charging", 1, None, None, M, "Battery charging"),
    ("battery_low", 0, None, None, None, "Battery low"),
    ("battery_capacity_kwh", 10, Class.ENERGY_STORAGE, "kWh", M, None),
    ("battery_charged_kwh", 10, Class.ENERGY, "kWh", GROWS, None),
    ("remaining_energy_wh", 10, Class.ENERGY_STORAGE, "Wh", M, "Remaining energy"),
    # Heating
    ("temperature", 21.5, Class.TEMPERATURE, "°C", M, "Temperature"),
    ("dev__temperature", 21.5, Class.TEMPERATURE, "°C", M, "Dev temperature"),
    ("temp1", 21.5, Class.TEMPERATURE, "°C", M, "Temp 1"),
    ("hum1", 45, Class.HUMIDITY, "%", M, "Hum 1"),
    ("airCo2", 600, Class.CO2, "ppm", M, "Air CO2"),
    ("color_temp", 153, None, None, M, "Color temp"),
    ("meter__volume_m3", 12.1, Class.VOLUME, "m³", GROWS, "Meter volume"),
    ("temperature [\N{DEGREE CELSIUS}]", 21, Class.TEMPERATURE, "°C", M, None),
    ("room", "21 \N{DEGREE CELSIUS}", Class.TEMPERATURE, "°C", M, "Room temperature"),
    ("temp1", 1234, None, None, M, "Temp 1"),
    ("temperature_C", 1.0, Class.TEMPERATURE, "°C", M, "Temperature"),
    ("temp_degC", 1.0, Class.TEMPERATURE, "°C", M, "Temp"),
    ("temp_c_min", 1.0, Class.TEMPERATURE, "°C", M, "Temp min"),
    ("temperature_f", 71.2, Class.TEMPERATURE, "°F", M, "Temperature"),
    ("temperature__tF", 71.2, Class.TEMPERATURE, "°F", M, None),
    ("temperature_K", 290.1, Class.TEMPERATURE, "K", M, "Temperature"),
    ("Temperature (°C)", 21.0, Class.TEMPERATURE, "°C", M, "Temperature"),
    ("Küche__°C", 21.5, Class.TEMPERATURE, "°C", M, "Küche temperature"),
    ("°C", 21.5, Class.TEMPERATURE, "°C", M, "Temperature"),
    ("current_temperature", 21.5, Class.TEMPERATURE, "°C", M, "Current temperature"),
    ("AM2301-1__Temperature", 21.5, Class.TEMPERATURE, "°C", M, None),
    ("DS18B20__Temperature", 21.5, Class.TEMPERATURE, "°C", M, "DS18B20 temperature"),
    ("temperature_offset", 0.5, Class.TEMPERATURE_DELTA, "°C", M, None),
    ("delta_temp_K", 5.5, Class.TEMPERATURE_DELTA, "K", M, "Delta temp"),
    ("flow_temperature", 35.1, Class.TEMPERATURE, "°C", M, "Flow temperature"),
    ("flow_C", 35.1, Class.TEMPERATURE, "°C", M, "Flow temperature"),
    ("outdoor_C", 3.5, Class.TEMPERATURE, "°C", M, "Outdoor temperature"),
    ("dew_point", 3.5, Class.TEMPERATURE, "°C", M, "Dew point"),
    ("vorlauf__temperatur", 35, Class.TEMPERATURE, "°C", M, "Vorlauf temperatur"),
    ("flow_l_min", 8.2, Class.VOLUME_FLOW_RATE, "L/min", M, "Flow"),
    ("flow_l_per_min", 8.2, Class.VOLUME_FLOW_RATE, "L/min", M, "Flow"),
    ("water_flow_m3_h", 0.2, Class.VOLUME_FLOW_RATE, "m³/h", M, "Water flow"),
    ("flow m³/h", 0.2, Class.VOLUME_FLOW_RATE, "m³/h", M, "Flow"),
    ("water_l_min", 3, Class.VOLUME_FLOW_RATE, "L/min", M, "Water flow"),
    ("pressure_bar", 1.6, Class.PRESSURE, "bar", M, "Pressure"),
    ("pressure", 1.6, None, None, M, "Pressure"),
    ("compressor_rpm", 3000, None, "rpm", M, "Compressor RPM"),
    ("fan_speed_rpm", 3000, None, "rpm", M, "Fan speed"),
    ("fan_speed", 2, None, None, M, "Fan speed"),
    ("valve_percent", 33, None, "%", M, "Valve percent"),
    ("Max curr %", 1000, None, "%", M, None),
    ("compressor__operating_hours", 412, Class.DURATION, "h", GROWS, None),
    # Water and gas
    ("gas_m3", 3.1, Class.GAS, "m³", GROWS, "Gas"),
    ("gas_volume_m3", 3.1, Class.GAS, "m³", GROWS, "Gas volume"),
    ("water_liters", 120, Class.WATER, "L", GROWS, "Water"),
    ("water_m³", 120, Class.WATER, "m³", GROWS, "Water"),
    ("water_kitchen_l", 120, Class.WATER, "L", TOTAL, "Water kitchen"),
    ("water_temperature", 50, Class.TEMPERATURE, "°C", M, "Water temperature"),
    ("volume_l", 120, Class.VOLUME, "L", None, "Volume"),
    ("volume_total_l", 120, Class.VOLUME, "L", GROWS, "Volume total"),
    ("tank_liters", 120, Class.VOLUME_STORAGE, "L", M, "Tank volume"),
    ("volume", 30, None, None, None, "Volume"),  # of a loudspeaker?
    # Air and weather
    ("humidity", 45, Class.HUMIDITY, "%", M, "Humidity"),
    ("humidity_pct", 45.5, Class.HUMIDITY, "%", M, "Humidity"),
    ("humidity", 0.45, None, None, M, "Humidity"),
    ("soil_moisture", 31, Class.MOISTURE, "%", M, "Soil moisture"),
    ("pressure_hPa", 1013.2, Class.ATMOSPHERIC_PRESSURE, "hPa", M, "Pressure"),
    ("BME280__Pressure", 1013.2, Class.ATMOSPHERIC_PRESSURE, "hPa", M, None),
    ("barometric_pressure_pa", 101320, Class.ATMOSPHERIC_PRESSURE, "Pa", M, None),
    ("vacuum_pressure_hPa", 12, Class.PRESSURE, "hPa", M, "Vacuum pressure"),
    ("co2_ppm", 612, Class.CO2, "ppm", M, "CO2"),
    ("co2", 612, Class.CO2, "ppm", M, "CO2"),
    ("eCO2", 612, Class.CO2, "ppm", M, "eCO2"),
    ("co2_saved_kg", 612, Class.WEIGHT, "kg", M, None),
    ("tvoc_ppb", 61, Class.VOLATILE_ORGANIC_COMPOUNDS_PARTS, "ppb", M, "TVOC"),
    ("voc_ug_m3", 61, Class.VOLATILE_ORGANIC_COMPOUNDS, "μg/m³", M, "VOC"),
    ("pm2_5", 12, Class.PM25, "μg/m³", M, "PM2.5"),
    ("PM2.5", 12, Class.PM25, "μg/m³", M, "PM2.5"),
    ("sds__pm10", 12, Class.PM10, "μg/m³", M, "Sds PM10"),
    ("pm1_0_ugm3", 12, Class.PM1, "μg/m³", M, "PM1"),
    ("aqi", 42, Class.AQI, None, M, "AQI"),
    ("pool__ph", 7.2, Class.PH, None, M, "Pool pH"),
    ("illuminance_lux", 320, Class.ILLUMINANCE, "lx", M, "Illuminance"),
    ("lux", 320, Class.ILLUMINANCE, "lx", M, "Illuminance"),
    ("solar_radiation", 812, Class.IRRADIANCE, "W/m²", M, "Solar radiation"),
    ("roof_w_m2", 812, Class.IRRADIANCE, "W/m²", M, "Roof irradiance"),
    ("uv_index", 3, None, None, M, "UV index"),
    ("noise_db", 43, Class.SOUND_PRESSURE, "dB", M, "Noise"),
    ("wind_speed", 5, None, None, M, "Wind speed"),
    ("wind_speed_kmh", 5, Class.WIND_SPEED, "km/h", M, "Wind speed"),
    ("wind_ms", 5, Class.WIND_SPEED, "m/s", M, "Wind"),
    ("wind__avg_speed_m_s", 5, Class.WIND_SPEED, "m/s", M, "Wind avg speed"),
    ("wind_direction", 270, Class.WIND_DIRECTION, "°", ANGLE, "Wind direction"),
    ("wind_deg", 270, Class.WIND_DIRECTION, "°", ANGLE, "Wind direction"),
    ("azimuth", 180, None, "°", ANGLE, "Azimuth"),
    ("azimuth_deg", 180, None, "°", ANGLE, "Azimuth"),
    ("azimuth_percent", 50, None, "%", M, "Azimuth"),
    ("azimuth", 999, None, None, M, "Azimuth"),
    ("tilt_angle", -3, None, "°", M, "Tilt angle"),
    ("rain_mm", 0.2, Class.PRECIPITATION, "mm", M, "Rain"),
    ("rain_today_mm", 0.2, Class.PRECIPITATION, "mm", GROWS, "Rain today"),
    ("rain_rate_mm_h", 1.2, Class.PRECIPITATION_INTENSITY, "mm/h", M, None),
    ("rain", 0.2, None, None, M, "Rain"),
    # Motion, distance, weight
    ("speed_m_s", 3.2, Class.SPEED, "m/s", M, "Speed"),
    ("speed_kmh", 50, Class.SPEED, "km/h", M, "Speed"),
    ("speed", 50, None, None, M, "Speed"),
    ("distance_mm", 512, Class.DISTANCE, "mm", M, "Distance"),
    ("level_cm", 51, Class.DISTANCE, "cm", M, None),
    ("odometer_km", 51234, Class.DISTANCE, "km", GROWS, "Odometer"),
    ("weight_g", 512, Class.WEIGHT, "g", M, "Weight"),
    # Devices themselves
    ("WiFi__RSSI", -67, Class.SIGNAL_STRENGTH, "dBm", M, "WiFi RSSI"),
    ("rssi_dbm", -67, Class.SIGNAL_STRENGTH, "dBm", M, "RSSI"),
    ("Wifi__RSSI", 80, None, None, M, "WiFi RSSI"),  # Tasmota's is a percentage
    ("Wifi__Signal", -60, Class.SIGNAL_STRENGTH, "dBm", M, "WiFi signal"),
    ("snr_db", 9, Class.SIGNAL_STRENGTH, "dB", M, "SNR"),
    ("uptime_seconds", 812, Class.DURATION, "s", GROWS, "Uptime"),
    ("UptimeSec", 812, Class.DURATION, "s", GROWS, "Uptime"),
    ("uptime", 812, None, None, GROWS, "Uptime"),  # seconds or milliseconds
    ("duration_s", 12, Class.DURATION, "s", M, "Duration"),
    ("duration_min", 12, Class.DURATION, "min", M, "Duration"),
    ("response_time_ms", 12, Class.DURATION, "ms", M, "Response time"),
    ("ram_bytes", 40960, Class.DATA_SIZE, "B", M, "RAM"),
    ("net_rx_kbps", 12, Class.DATA_RATE, "kbit/s", M, "Net rx data rate"),
    ("timestamp", 123456, None, None, None, "Timestamp"),  # since boot
    ("power_port_1", 12, Class.POWER, "W", M, "Power port 1"),
    ("port_1_power", 12, Class.POWER, "W", M, "Port 1 power"),
    # No amounts
    ("power_state", 1, None, None, None, "Power state"),
    ("power_mode", 2, None, None, None, "Power mode"),
    ("error_code", 17, None, None, None, "Error code"),
    ("current_mode", 2, None, None, None, "Current mode"),
    ("current_phase", 2, None, None, M, None),
    ("current_version", 2, None, None, None, "Current version"),
    ("meter_id", 4711, None, None, None, "Meter ID"),
    ("connectorId", 1, None, None, None, "Connector ID"),
    ("serial_number", 430947595, None, None, None, "Serial number"),
    ("modbus__address", 3, None, None, None, "Modbus address"),
    ("firmware", 3.1, None, None, None, "Firmware"),
    ("seq", 17, None, None, None, "Seq"),
    # Nobody knows
    ("Channel__P__value__0", 0.122, None, None, M, "Channel P value 0"),
    ("Channel__P__setpoint__0", 0.4, None, None, M, "Channel P setpoint 0"),
    ("phase_a", 3, None, None, M, "Phase A"),
    ("room_c", 3, None, None, M, "Room C"),
    ("x", 1, None, None, M, "X"),
    ("", 1, None, None, M, "Value"),
    ("__", 1, None, None, M, "__"),
    ("value", 1, None, None, M, "Value"),
    ("power_value", 1, Class.POWER, "W", M, "Power"),
    # Numbers as text
    ("temperature", "22.5", Class.TEMPERATURE, "°C", M, "Temperature"),
    ("temperature", "21,5 °C", Class.TEMPERATURE, "°C", M, "Temperature"),
    ("temperature", "71 F", Class.TEMPERATURE, "°F", M, "Temperature"),
    ("mains", "230 V", Class.VOLTAGE, "V", M, "Mains voltage"),
    ("meter", "1.43kW", Class.POWER, "kW", M, "Meter power"),
    ("humidity", "45%", Class.HUMIDITY, "%", M, "Humidity"),
    ("flow", "8.2 l/min", Class.VOLUME_FLOW_RATE, "L/min", M, "Flow"),
    ("interval", "12 s", Class.DURATION, "s", M, "Interval"),
    ("energy_kWh", "5.5", Class.ENERGY, "kWh", GROWS, "Energy"),
    ("power_kWh", "5.5 W", Class.POWER, "W", M, None),
    ("speed", "12", None, None, M, "Speed"),
]


@pytest.mark.parametrize(
    ("key", "value", "device_class", "unit", "state_class", "name"), NUMBERS
)
def test_numbers(
    *,
    key: str,
    value: JsonValue,
    device_class: Class | None,
    unit: str | None,
    state_class: State | None,
    name: str | None,
) -> None:
    description = describe(key, value)
    assert description.key == key
    assert (description.platform, description.kind) == (
        Platform.SENSOR,
        ValueKind.NUMBER,
    )
    assert description.device_class == device_class
    assert description.native_unit_of_measurement == unit
    assert description.state_class == state_class
    assert name in (None, description.name)
    assert isinstance(native_value(description, value), int | float)


@pytest.mark.parametrize(
    ("key", "value", "device_class"),
    [
        ("front__door", True, Binary.DOOR),
        ("door_open", False, Binary.DOOR),
        ("garage_door", True, Binary.GARAGE_DOOR),
        ("window", "open", Binary.WINDOW),
        ("hatch", "Closed", Binary.OPENING),
        ("motion", True, Binary.MOTION),
        ("motion_detected", 1, Binary.MOTION),
        ("occupancy", False, Binary.OCCUPANCY),
        ("presence", False, Binary.PRESENCE),
        ("smoke", False, Binary.SMOKE),
        ("water_leak", False, Binary.MOISTURE),
        ("battery_low", False, Binary.BATTERY),
        ("wifi__connected", True, Binary.CONNECTIVITY),
        ("online", 1, Binary.CONNECTIVITY),
        ("vehicle_connected", True, Binary.PLUG),
        ("charging", True, Binary.BATTERY_CHARGING),
        ("is_charging", 0, Binary.BATTERY_CHARGING),
        ("plugged_in", True, Binary.PLUG),
        ("error", False, Binary.PROBLEM),
        ("alarm", 1, Binary.PROBLEM),
        ("alarm_1", 0, Binary.PROBLEM),
        ("pumpRunning", True, Binary.RUNNING),
        ("light", True, Binary.LIGHT),
        ("POWER", "ON", Binary.POWER),
        ("tamper", False, Binary.TAMPER),
        ("update_available", False, Binary.UPDATE),
        ("frost", False, Binary.COLD),
        ("relay", 1, None),
        ("relay_2", 0, None),
        ("boost_enabled", 1, None),
        ("charging_enabled", True, None),
        ("alarm_enabled", True, None),
        ("has_display", 1, None),
        ("heating", "off", None),
        ("answer", "yes", None),
        ("flag", " True ", None),
        ("door_locked", True, None),
        ("lock", True, None),
        ("door_closed", True, None),  # on would read "open"
        ("door_contact", True, None),  # a reed contact is on when closed
        ("no_error", True, None),
        ("Input 1", True, None),
        ("", True, None),
    ],
)
def test_on_or_off(key: str, value: JsonValue, device_class: Binary | None) -> None:
    description = describe(key, value)
    assert description.platform is Platform.BINARY_SENSOR
    assert description.kind is ValueKind.BOOLEAN
    assert description.device_class == device_class
    assert description.native_unit_of_measurement is None
    assert description.state_class is None
    assert isinstance(native_value(description, value), bool)


@pytest.mark.parametrize(
    ("key", "value", "kind"),
    [
        ("status", "charging", ValueKind.ENUM),
        ("StatusNotification__status", "Available", ValueKind.ENUM),
        ("operation_mode", "heat", ValueKind.ENUM),
        ("fan_mode", "off", ValueKind.ENUM),  # a choice among several
        ("valve_state", "open", ValueKind.ENUM),
        ("trend", "rising", ValueKind.ENUM),
        ("power_state", "1", ValueKind.ENUM),
        ("tariff", "T1", ValueKind.ENUM),
        ("status", "Nothing to worry about, the pump runs", ValueKind.TEXT),
        ("status", "a\nb", ValueKind.TEXT),
        ("Channel__P__unit__0", "kW", ValueKind.TEXT),
        ("firmware_version", "1.2.3", ValueKind.TEXT),
        ("firmware_version", "1.2", ValueKind.TEXT),
        ("serial", "0012345", ValueKind.TEXT),
        ("ip", "192.168.1.7", ValueKind.TEXT),
        ("device_1__sensor_1", "2.12", ValueKind.TEXT),
        ("foo", "12 s", ValueKind.TEXT),  # seconds? a series?
        ("foo", "3 in", ValueKind.TEXT),
        ("foo", "5 apples", ValueKind.TEXT),
        ("time", "1230", ValueKind.TEXT),
        ("time", "12:30", ValueKind.TEXT),
        ("temperature", "n/a", ValueKind.TEXT),
        ("temperature", "1,234", ValueKind.TEXT),  # 1.234 or 1234?
        ("temperature", "nan", ValueKind.TEXT),
        ("temperature", "", ValueKind.TEXT),
        ("door", "ajar", ValueKind.TEXT),
        ("name", "open", ValueKind.TEXT),
        ("phone", "+49 123", ValueKind.TEXT),
        ("last_seen", "2026-10-01T12:00:00Z", ValueKind.TIMESTAMP),
        ("x", "2026-10-01 12:00:00+02:00", ValueKind.TIMESTAMP),
        ("x", "20261001T120000.5Z", ValueKind.TIMESTAMP),
        ("last_seen", "2026-10-01T12:00:00", ValueKind.TEXT),  # no time zone
        ("date", "2026-10-01", ValueKind.TEXT),
        ("last_seen", "2026-13-01T12:00:00Z", ValueKind.TEXT),
        ("timestamp", 1_790_000_000, ValueKind.TIMESTAMP),
        ("timestamp", "1790000000", ValueKind.TIMESTAMP),
        ("timestamp_ms", 1_790_000_000_000, ValueKind.TIMESTAMP),
        ("boot_time", 1_790_000_000.5, ValueKind.TIMESTAMP),
        ("last_seen", 1_790_000_000, ValueKind.TIMESTAMP),
        ("timestamp", 0, ValueKind.TIMESTAMP),  # the clock is not set yet
        ("time", 0, ValueKind.NUMBER),
        ("serial", 1_790_000_000, ValueKind.NUMBER),
        ("energy_total", 1_790_000_000, ValueKind.NUMBER),
        ("relay", 2, ValueKind.NUMBER),
        ("power", 1, ValueKind.NUMBER),
        ("window", 1, ValueKind.NUMBER),
        ("alarm_code", 1, ValueKind.NUMBER),
        ("cells", [3.1, 3.2], ValueKind.JSON),
        ("nothing", [], ValueKind.JSON),
        ("config", {"a": 1}, ValueKind.JSON),
    ],
)
def test_kinds(key: str, value: JsonValue, kind: ValueKind) -> None:
    description = describe(key, value)
    assert description.platform is Platform.SENSOR
    assert description.kind is kind
    if kind is not ValueKind.NUMBER:
        assert description.state_class is None
        assert description.native_unit_of_measurement is None


@pytest.mark.parametrize("word", ["a_", "c_", "kWh_", "aB", "current_", "9", "°"])
def test_an_endless_key_is_read_in_time(word: str) -> None:
    key = word * 20_000 + "_power"
    started = perf_counter()
    description = describe(key, 5)
    assert perf_counter() - started < 1
    assert description.device_class is Class.POWER
    describe(word * 20_000, 5)
    assert perf_counter() - started < 2


def test_null_has_to_wait() -> None:
    assert not is_describable(None)
    values: list[JsonValue] = [0, "", False, [], {}]
    assert all(is_describable(value) for value in values)


@pytest.mark.parametrize(
    ("key", "value", "diagnostic", "enabled"),
    [
        ("power", 1, False, True),
        ("rssi", -60, True, True),
        ("signal_strength", -60, True, True),
        ("uptime_s", 5, True, True),
        ("firmware", "1.2", True, True),
        ("mac", "aa:bb", True, True),
        ("device_id", 7, True, True),
        ("seq", 7, True, False),
        ("sequence", "warm up", True, True),  # text: not the noisy kind
        ("heap__free", 41000, True, False),
        ("message_count", 41000, True, False),
        ("rx_packets", 41000, True, False),
        ("message", "hello", False, True),
        ("online", True, True, True),
        ("door", True, False, True),
    ],
)
def test_category(key: str, value: JsonValue, diagnostic: bool, enabled: bool) -> None:
    description = describe(key, value)
    assert (description.entity_category is EntityCategory.DIAGNOSTIC) == diagnostic
    assert description.enabled_default == enabled


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("meter__power", "Meter power"),
        ("wifiRssi", "WiFi RSSI"),
        ("Wi-Fi__SSId", "WiFi SSID"),
        ("IPv4", "IPv4"),
        ("battery__battery_level", "Battery level"),
        ("a__a__b", "A A B"),
        ("TEMPERATURE_SENSOR_DC", "Temperature sensor DC"),
        ("Room__ABC__x", "Room ABC X"),
        ("ESP32-2__uptime", "ESP32 2 uptime"),
        ("sensor/topic/1", "Sensor topic 1"),
        ("???", "???"),
        ("\0", "Value"),
        ("naïve", "Naïve"),
        ("x" * 300, "X" + "x" * (MAX_NAME - 1)),
    ],
)
def test_names(key: str, name: str) -> None:
    assert describe(key, "text").name == name


@pytest.mark.parametrize(
    ("key", "value", "precision"),
    [
        ("temperature", 21.53, 1),
        ("voltage", 230.13, 1),
        ("cell_voltage", 3.287, 3),
        ("voltage_mv", 3.287, None),
        ("frequency", 50.02, 2),
        ("power", 50.02, None),
    ],
)
def test_precision(key: str, value: JsonValue, precision: int | None) -> None:
    assert describe(key, value).suggested_display_precision == precision


def described(kind: ValueKind, **looks: Any) -> DatapointDescription:
    """Return a description of a kind."""
    binary = kind is ValueKind.BOOLEAN
    platform = Platform.BINARY_SENSOR if binary else Platform.SENSOR
    return DatapointDescription(
        key="k", platform=platform, name="n", kind=kind, **looks
    )


WATTS = {"device_class": Class.POWER, "native_unit_of_measurement": "W"}


@pytest.mark.parametrize(
    ("looks", "value", "expected"),
    [
        ({}, 5, 5),
        ({}, 0, 0),
        ({}, -1.5, -1.5),
        ({}, 2**80, 2**80),
        ({}, 10**400, None),
        ({}, nan, None),
        ({}, inf, None),
        ({}, True, None),
        ({}, [1], None),
        ({}, None, None),
        ({}, "5", 5),
        ({}, " -1.5e3 ", -1500.0),
        ({}, "\N{MINUS SIGN}2", -2),
        ({}, "0,25", 0.25),
        ({}, "1,234", None),
        ({}, "1_000", None),
        ({}, "1e999", None),
        ({}, "9" * 100, None),
        ({}, "infinity", None),
        ({}, "five", None),
        ({}, "5 W", None),
        (WATTS, "5 W", 5),
        (WATTS, "0.5kW", 500.0),
        (WATTS, "5 V", None),
        (WATTS, "5 apples", None),
        ({"native_unit_of_measurement": "°"}, "5 V", None),
        (
            {
                "device_class": Class.ENERGY_DISTANCE,
                "native_unit_of_measurement": "km/kWh",
            },
            "0 kWh/100km",
            None,
        ),
    ],
)
def test_values_of_numbers(
    looks: dict[str, Any], value: JsonValue, expected: float | None
) -> None:
    native = native_value(described(ValueKind.NUMBER, **looks), value)
    assert native == expected
    assert type(native) is type(expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, True),
        (False, False),
        (1, True),
        (0, False),
        (2, None),
        (nan, None),
        ("ON", True),
        (" closed", False),
        ("1", True),
        ("opening", None),
        ([], None),
        (None, None),
    ],
)
def test_values_of_booleans(value: JsonValue, expected: bool | None) -> None:
    assert native_value(described(ValueKind.BOOLEAN), value) is expected


NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-10-01T12:00:00Z", NOON),
        (" 2026-10-01 14:00:00+02:00 ", NOON),
        ("2026-10-01T12:00:00", None),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+12:00", None),
        ("9999-12-31T23:59:59-12:00", None),
        ("soon", None),
        (1_790_856_000, NOON),
        (1_790_856_000_000, NOON),
        ("1790856000", NOON),
        ("1790856000 s", None),
        (0, None),
        (-5, None),
        (10**400, None),
        (nan, None),
        (True, None),
        ([], None),
        (None, None),
    ],
)
def test_values_of_timestamps(value: JsonValue, expected: datetime | None) -> None:
    native = native_value(described(ValueKind.TIMESTAMP), value)
    assert native == expected
    assert native is None or cast("datetime", native).tzinfo is UTC


def nested(depth: int) -> JsonValue:
    """Return a list in a list in a list."""
    value: JsonValue = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (ValueKind.TEXT, "hello", "hello"),
        (ValueKind.TEXT, "", ""),
        (ValueKind.TEXT, 5, "5"),
        (ValueKind.TEXT, True, "true"),
        (ValueKind.TEXT, ["a", 1], '["a",1]'),
        (ValueKind.TEXT, "x" * 300, "x" * 255),
        (ValueKind.TEXT, "a\ud800b\0", "a?b"),
        pytest.param(ValueKind.TEXT, 10**5000, None, id="huge"),
        (ValueKind.TEXT, None, None),
        (ValueKind.ENUM, " charging ", "charging"),
        (ValueKind.ENUM, 3, "3"),
        (ValueKind.ENUM, "", None),
        (ValueKind.ENUM, ["a"], None),
        (ValueKind.JSON, {"ä": [1, None]}, '{"ä":[1,null]}'),
        (ValueKind.JSON, list(range(500)), json.dumps([*range(500)])[:1]),
        pytest.param(ValueKind.JSON, nested(100_000), None, id="deep"),
        (ValueKind.JSON, {"a": b""}, None),
    ],
)
def test_values_of_texts(
    kind: ValueKind, value: JsonValue, expected: str | None
) -> None:
    native = native_value(described(kind), value)
    if kind is ValueKind.JSON and expected == "[":
        assert isinstance(native, str)
        assert len(native) == 255
    else:
        assert native == expected


# Storage


@pytest.mark.parametrize("value", [21.5, "on", "charging", [1], None])
@pytest.mark.parametrize("key", ["temperature", "status", "seq"])
def test_storage(key: str, value: JsonValue) -> None:
    description = replace(describe(key, value), options=("a", "b"))
    stored = json.loads(json.dumps(to_dict(description)))
    assert from_dict(stored) == description
    assert from_dict({**stored, "something": "of a later version"}) == description


STORED: dict[str, object] = to_dict(describe("temperature", 21.5))


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "hologram"},
        {"kind": None},
        {"key": None},
        {"key": 5},
        {"platform": "siren"},
        {"platform": []},
        {"platform": "binary_sensor"},
        {"device_class": "phlogiston"},
        {"device_class": "enum"},
        {"native_unit_of_measurement": "W"},
        {"native_unit_of_measurement": None},
        {"state_class": "total"},
        {"enabled_default": 1},
        {"options": "ab"},
        {"options": [1]},
        {"kind": "text"},
        {"kind": "boolean"},
        {"device_class": None, "state_class": "measurement_angle"},
        {"platform": "binary_sensor", "device_class": "door"},
    ],
)
def test_what_cannot_be_used_is_not_restored(changes: dict[str, object]) -> None:
    assert from_dict({**STORED, **changes}) is None


def test_only_objects_are_restored() -> None:
    assert from_dict(STORED) is not None
    unusable: list[object] = [None, 5, "x", [], {}]
    for data in unusable:
        assert from_dict(data) is None


def test_a_users_unit_without_class_is_valid() -> None:
    plain = replace(
        describe("x", 1), native_unit_of_measurement="apples", state_class=M
    )
    assert is_valid(plain)
    assert is_valid(replace(plain, device_class=Class.MONETARY, state_class=None))


# Tables


def spellings() -> Iterator[vocabulary.Spelling]:
    """Return all spellings of units."""
    for table in (vocabulary.UNITS_EXACT, vocabulary.UNITS_CASELESS):
        for units in table.values():
            yield from units


def test_units_are_those_of_home_assistant() -> None:
    without_class = {"%", "ppm", "ppb", "rpm", "°", "dB", "Ω", "mAh", "Ah"}
    for unit in spellings():
        if unit.device_class is None:
            in_use = any(unit.unit in units for units in DEVICE_CLASS_UNITS.values())
            assert in_use or unit.unit in without_class
        else:
            assert unit.unit in DEVICE_CLASS_UNITS[unit.device_class], unit


@pytest.mark.parametrize(
    "meaning", vocabulary.MEANINGS.values(), ids=map(" ".join, vocabulary.MEANINGS)
)
def test_assumed_units_fit(meaning: vocabulary.Meaning) -> None:
    if meaning.unit and meaning.device_class:
        assert meaning.unit in DEVICE_CLASS_UNITS[meaning.device_class]
    for device_class in meaning.classes:
        assert DEVICE_CLASS_UNITS[device_class]


# Properties: whatever a device sends


class Probe(NamedTuple):
    """What a device may send."""

    key: str
    value: JsonValue


VOCABULARY = sorted(
    {word for phrase in vocabulary.MEANINGS for word in phrase}
    | {unit.unit for unit in spellings()}
    | vocabulary.UNITS_CASELESS.keys()
    | vocabulary.GROWING
    | vocabulary.UNCOUNTED
    | vocabulary.QUALIFIERS
    | vocabulary.NUMERATORS
    | vocabulary.DEVICES
    | {word for phrase in vocabulary.BINARY for word in phrase}
    | {word for words, _ in sum(vocabulary.REFINED.values(), ()) for word in words}
)
CASES: list[Callable[[str], str]] = [str, str, str.title, str.upper]
word_keys = st.lists(
    st.tuples(
        st.sampled_from(VOCABULARY),
        st.sampled_from(CASES),
        st.sampled_from(["__", "_", "", " ", "/", "-"]),
    ).map(lambda parts: parts[1](parts[0]) + parts[2]),
    min_size=1,
    max_size=5,
).map("".join)
keys = word_keys | st.text(max_size=30)
numbers = (
    st.integers()
    | st.floats()
    | st.floats(-100, 1100)
    | st.sampled_from([0, 1, 10**400, 1_790_000_000, 1_790_000_000_000])
)
number_texts = st.builds(
    "{}{}{}".format,
    st.integers(-999, 9999) | st.floats(-99, 999),
    st.sampled_from(["", " "]),
    st.sampled_from(["", *VOCABULARY]),
)
texts = (
    st.text()
    | st.sampled_from(["on", "off", "open", "closed", "yes", "True", "nan", "1e999"])
    | number_texts
    | st.datetimes().map(datetime.isoformat)
    | st.datetimes(timezones=st.timezones()).map(datetime.isoformat)
)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
quick = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def check_combination(description: DatapointDescription) -> None:
    """Hold a description against Home Assistant's own tables."""
    device_class = description.device_class
    unit, state_class = (
        description.native_unit_of_measurement,
        description.state_class,
    )
    assert 0 < len(description.name) <= MAX_NAME
    assert description.name == description.name.strip()
    if description.platform is Platform.BINARY_SENSOR:
        assert description.kind is ValueKind.BOOLEAN
        assert device_class is None or isinstance(device_class, Binary)
        assert (unit, state_class) == (None, None)
        return
    assert device_class is None or isinstance(device_class, Class)
    if state_class or unit or description.suggested_display_precision is not None:
        assert description.kind is ValueKind.NUMBER
        assert device_class not in NON_NUMERIC_DEVICE_CLASSES
    if device_class in DEVICE_CLASS_UNITS:
        assert unit in DEVICE_CLASS_UNITS[device_class]
    if state_class and device_class:
        assert state_class in DEVICE_CLASS_STATE_CLASSES[device_class]
    if state_class in STATE_CLASS_UNITS:
        assert unit in STATE_CLASS_UNITS[state_class]


class Shown(SensorEntity):
    """A sensor as Home Assistant would show it."""

    entity_id = "sensor.shown"

    def __init__(
        self, description: DatapointDescription, value: JsonValue, units: object
    ) -> None:
        """Show a value."""
        self.hass = cast("Any", SimpleNamespace(config=SimpleNamespace(units=units)))
        assert description.device_class is None or isinstance(
            description.device_class, Class
        )
        self._attr_device_class = description.device_class
        self._attr_native_unit_of_measurement = description.native_unit_of_measurement
        self._attr_state_class = description.state_class
        self._attr_suggested_display_precision = description.suggested_display_precision
        self._attr_native_value = native_value(description, value)

    @property
    def complained(self) -> bool:
        """Tell whether Home Assistant logged that something does not fit."""
        return (
            self._invalid_state_class_reported
            or self._invalid_unit_of_measurement_reported
        )


@given(keys, json_values)
@quick
def test_combinations_are_always_valid(key: str, value: JsonValue) -> None:
    description = describe(key, value)
    assert description.key == key
    assert is_valid(description)
    check_combination(description)


@given(keys, json_values)
@quick
def test_storage_is_faithful(key: str, value: JsonValue) -> None:
    description = describe(key, value)
    assert from_dict(json.loads(json.dumps(to_dict(description)))) == description


@given(keys, json_values, json_values, st.sampled_from(["metric", "us"]))
@quick
def test_any_value_can_be_shown(
    key: str, first: JsonValue, value: JsonValue, system: str
) -> None:
    description = describe(key, first)
    native = native_value(description, value)
    if description.platform is Platform.BINARY_SENSOR:
        assert native is None or isinstance(native, bool)
        return
    assert not isinstance(native, bool)
    if isinstance(native, str):
        native.encode()
    units = METRIC_SYSTEM if system == "metric" else US_CUSTOMARY_SYSTEM
    shown = Shown(description, value, units)
    state = shown.state
    assert state is None or len(str(state)) <= 255
    assert not shown.complained


@given(st.from_type(object) | st.dictionaries(st.sampled_from([*STORED]), json_values))
@quick
def test_restoring_never_raises(data: object) -> None:
    restored = from_dict(data)
    assert restored is None or is_valid(restored)
