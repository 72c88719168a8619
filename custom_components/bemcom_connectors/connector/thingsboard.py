"""A pasted configuration of ThingsBoard's serial or socket connector -> settings."""

from collections.abc import Iterable
import re
from typing import Any

from .escapes import escape
from .model import OptionsError
from .reporting import ReportRule
from .slices import SliceMode, SliceType, create_slices_parser
from .thingsboard_config import (
    Config,
    config_error,
    converter_of,
    encoding_of,
    free_key,
    is_socket_device,
    load_config,
)

_TABLES = ("telemetry", "timeseries", "attributes")
# What the serial connector called by other names before 3.6.3.
_OLD_SETTINGS = {"write_timeout", "inter_byte_timeout"}
_SETTINGS = {
    "fromByte": "from_byte",
    "toByte": "to_byte",
    "byteFrom": "from_byte",
    "byteTo": "to_byte",
}
_DELIMITERS = {"fromDelimiter": "from_delimiter", "untilDelimiter": "until_delimiter"}


def read_thingsboard(text: str) -> dict[str, Any]:
    """Return the settings of a hub that reads what the pasted connector would.

    That is a whole connector, of which the first device with datapoints counts, one device,
    or the datapoints alone. Raises OptionsError, always for `thingsboard`, if it is none.
    """
    config = load_config(text)
    device = _find_device(config)
    points = _datapoints(device)
    outer = config if isinstance(config, dict) else {}
    if _is_socket(outer, device, points):
        settings = _socket_settings(device, points)
    else:
        settings = _serial_settings(outer, device, points)
    settings |= _report_rule(
        device.get("reportStrategy") or outer.get("reportStrategy")
    )
    try:
        create_slices_parser(settings)
    except OptionsError as err:
        raise config_error(f"A datapoint cannot be used. {err}") from err
    return settings


def _report_rule(strategy: object) -> dict[str, Any]:
    """Return the options for a report strategy, if it is one of ours; its period is in ms."""
    given = strategy if isinstance(strategy, dict) else {}
    options: dict[str, Any] = {"report_strategy": str(given.get("type")).lower()}
    period = given.get("reportPeriod")
    try:
        if isinstance(period, int | float) and not isinstance(period, bool):
            options["report_period"] = period / 1000
        ReportRule.of(options)
    except OptionsError:
        return {}
    return options


def _find_device(config: Any) -> Config:
    """Return the device with datapoints; each has a port, and so a hub, of its own."""
    if isinstance(config, dict):
        devices = config.get("devices", [config])
    elif any(_has_datapoints(device) for device in config):
        devices = config
    else:
        devices = [{"telemetry": config}]
    if not isinstance(devices, list):
        raise config_error("The devices are no list")
    found: list[Config] = [device for device in devices if _has_datapoints(device)]
    if not found:
        raise config_error(
            "There is no datapoint in it; paste a device with telemetry or attributes"
        )
    if len(found) > 1:
        raise config_error(f"There are {len(found)} devices in it; paste one of them")
    return found[0]


def _has_datapoints(device: object) -> bool:
    return isinstance(device, dict) and any(device.get(table) for table in _TABLES)


def _datapoints(device: Config) -> list[tuple[str, Config]]:
    """Return the datapoints with their keys: telemetry, then attributes.

    A key of the one that is in the other as well is told apart, unless both are the same;
    within one the last counts.
    """
    telemetry = _table(device, "timeseries" if "timeseries" in device else "telemetry")
    points = dict(telemetry)
    for key, point in dict(_table(device, "attributes")).items():
        if points.get(key, point) != point:
            key = free_key(f"{key}_attribute", points)
        points[key] = point
    return list(points.items())


# The guide's example says 4 for the serial number in `48\r2430947595\n`, which begins at 3.
_GUIDE_HUMIDITY = {"key": "humidity", "type": "float", "untilDelimiter": "\r"}
_GUIDE_SERIAL = {"key": "SerialNumber", "type": "string", "fromByte": 4, "toByte": -1}


def _corrected(points: list[tuple[str, Config]]) -> list[tuple[str, Config]]:
    """Return the datapoints of the guide's example with the position that it means."""
    if _is_like(points, _GUIDE_HUMIDITY) and _is_like(points, _GUIDE_SERIAL):
        return [
            (key, {**point, "fromByte": 3} if key == _GUIDE_SERIAL["key"] else point)
            for key, point in points
        ]
    return points


def _is_like(points: list[tuple[str, Config]], example: Config) -> bool:
    """Tell whether a datapoint of the example is there."""
    return any(example.items() <= point.items() for _, point in points)


def _table(device: Config, name: str) -> Iterable[tuple[str, Config]]:
    """Yield the datapoints of a table with their keys."""
    table = device.get(name) or []
    if not isinstance(table, list):
        raise config_error(f"{name} is no list of datapoints")
    for number, point in enumerate(table, 1):
        key = point.get("key") if isinstance(point, dict) else None
        if key is None or key == "" or isinstance(key, dict | list):
            raise config_error(f"Datapoint {number} of {name} has no key; give it one")
        yield str(key), point


def _is_socket(outer: Config, device: Config, points: list[tuple[str, Config]]) -> bool:
    """Tell the socket connector from the serial one."""
    return is_socket_device(outer, device) or any(
        {"byteFrom", "byteTo"} & set(point) for _, point in points
    )


def _is_legacy(outer: Config, device: Config) -> bool:
    """Tell the serial connector before 3.6.3 from the current one."""
    for name in (converter_of(device), str(outer.get("class", ""))):
        if re.search("Serial(Uplink)?Con(verter|nector)", name):
            return name.startswith("Custom")
    updates = device.get("attributeUpdates")
    if not isinstance(updates, list):
        updates = []
    return bool(_OLD_SETTINGS & set(device)) or any(
        isinstance(update, dict) and "attributeOnThingsBoard" in update
        for update in updates
    )


def _serial_settings(
    outer: Config, device: Config, points: list[tuple[str, Config]]
) -> dict[str, Any]:
    legacy = _is_legacy(outer, device)
    if not legacy:
        points = _corrected(points)
    delimiter = "" if legacy else device.get("delimiter")
    if not isinstance(delimiter, str | None):
        raise config_error("The delimiter is no text")
    return {
        "format": "slices",
        "slice_mode": (SliceMode.LEGACY if legacy else SliceMode.STRICT).value,
        "slices": [
            _slice(key, point, SliceType.STRING if legacy else _type(point))
            for key, point in points
        ],
        "framing": "delimiter",
        "delimiter": escape(delimiter or "\n"),
        # Upstream's frames end with the delimiter, and toByte -1 takes it off.
        "keep_delimiter": True,
    }


def _socket_settings(
    device: Config, points: list[tuple[str, Config]]
) -> dict[str, Any]:
    encoding = str(device.get("encoding") or "utf-8")
    hexadecimal = encoding.lower() == "hex"
    type_ = SliceType.HEX if hexadecimal else SliceType.STRING
    settings: dict[str, Any] = {
        "format": "slices",
        "slice_mode": SliceMode.SOCKET.value,
        "slices": [_slice(key, point, type_) for key, point in points],
        "framing": "chunk",
    }
    if not hexadecimal:
        settings["encoding"] = encoding_of(encoding)
    return settings


def _type(point: Config) -> SliceType:
    """Return the type of a datapoint; what upstream does not know is hexadecimal."""
    given = point.get("type")
    return SliceType(given) if given in tuple(SliceType) else SliceType.HEX


def _slice(key: str, point: Config, type_: SliceType) -> dict[str, Any]:
    """Return a row of our table."""
    row: dict[str, Any] = {"key": key, "type": type_.value}
    for theirs, ours in _SETTINGS.items():
        if point.get(theirs) is not None:
            row[ours] = point[theirs]
    for theirs, ours in _DELIMITERS.items():
        if delimiter := point.get(theirs):
            if not isinstance(delimiter, str):
                raise config_error(f"The {theirs} of {key!r:.60} is no text")
            row[ours] = escape(delimiter)
    return row
