"""A pasted configuration of ThingsBoard's serial or socket connector -> settings."""

import codecs
from collections.abc import Iterable, Mapping
import re
from typing import Any

from .escapes import escape
from .json_format import parse_json
from .model import Messages, OptionsError, ParseError
from .reporting import ReportRule
from .slices import SliceMode, SliceType, create_slices_parser
from .text_decoding import ENCODINGS

type _Config = Mapping[str, Any]

_MAX_LENGTH = 256 * 1024
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
    config = _load(text)
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
        raise _error(f"A datapoint cannot be used. {err}") from err
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


def _error(reason: str) -> OptionsError:
    return OptionsError("thingsboard", reason)


def _load(text: str) -> Any:
    """Return the value of the text, which may be a part cut out of an object."""
    text = text.strip()
    if len(text) > _MAX_LENGTH:
        raise _error("This is too long; paste one device")
    if text.startswith('"'):
        text = "{" + text.rstrip(",") + "}"
    try:
        config = parse_json(text.encode(errors="replace"))
    except ParseError as err:
        raise _error(f"{err}. Paste the whole configuration") from err
    if isinstance(config, Messages) or not isinstance(config, dict | list):
        raise _error("Paste the configuration of one connector, as JSON")
    return config


def _find_device(config: Any) -> _Config:
    """Return the device with datapoints; each has a port, and so a hub, of its own."""
    if isinstance(config, dict):
        devices = config.get("devices", [config])
    elif any(_has_datapoints(device) for device in config):
        devices = config
    else:
        devices = [{"telemetry": config}]
    if not isinstance(devices, list):
        raise _error("The devices are no list")
    found: list[_Config] = [device for device in devices if _has_datapoints(device)]
    if not found:
        raise _error(
            "There is no datapoint in it; paste a device with telemetry or attributes"
        )
    if len(found) > 1:
        raise _error(f"There are {len(found)} devices in it; paste one of them")
    return found[0]


def _has_datapoints(device: object) -> bool:
    return isinstance(device, dict) and any(device.get(table) for table in _TABLES)


def _datapoints(device: _Config) -> list[tuple[str, _Config]]:
    """Return the datapoints with their keys: telemetry, then attributes.

    A key of the one that is in the other as well is told apart, unless both are the same;
    within one the last counts.
    """
    telemetry = _table(device, "timeseries" if "timeseries" in device else "telemetry")
    points = dict(telemetry)
    for key, point in dict(_table(device, "attributes")).items():
        if points.get(key, point) != point:
            key = _free(f"{key}_attribute", points)
        points[key] = point
    return list(points.items())


# The guide's example says 4 for the serial number in `48\r2430947595\n`, which begins at 3.
_GUIDE_HUMIDITY = {"key": "humidity", "type": "float", "untilDelimiter": "\r"}
_GUIDE_SERIAL = {"key": "SerialNumber", "type": "string", "fromByte": 4, "toByte": -1}


def _corrected(points: list[tuple[str, _Config]]) -> list[tuple[str, _Config]]:
    """Return the datapoints of the guide's example with the position that it means."""
    if _is_like(points, _GUIDE_HUMIDITY) and _is_like(points, _GUIDE_SERIAL):
        return [
            (key, {**point, "fromByte": 3} if key == _GUIDE_SERIAL["key"] else point)
            for key, point in points
        ]
    return points


def _is_like(points: list[tuple[str, _Config]], example: _Config) -> bool:
    """Tell whether a datapoint of the example is there."""
    return any(example.items() <= point.items() for _, point in points)


def _free(key: str, taken: Mapping[str, object]) -> str:
    while key in taken:
        key += "_"
    return key


def _table(device: _Config, name: str) -> Iterable[tuple[str, _Config]]:
    """Yield the datapoints of a table with their keys."""
    table = device.get(name) or []
    if not isinstance(table, list):
        raise _error(f"{name} is no list of datapoints")
    for number, point in enumerate(table, 1):
        key = point.get("key") if isinstance(point, dict) else None
        if key is None or key == "" or isinstance(key, dict | list):
            raise _error(f"Datapoint {number} of {name} has no key; give it one")
        yield str(key), point


def _is_socket(
    outer: _Config, device: _Config, points: list[tuple[str, _Config]]
) -> bool:
    """Tell the socket connector from the serial one."""
    return (
        "socket" in outer
        or bool({"address", "addressFilter"} & set(device))
        or "Socket" in _converter(device)
        or any({"byteFrom", "byteTo"} & set(point) for _, point in points)
    )


def _is_legacy(outer: _Config, device: _Config) -> bool:
    """Tell the serial connector before 3.6.3 from the current one."""
    for name in (_converter(device), str(outer.get("class", ""))):
        if re.search("Serial(Uplink)?Con(verter|nector)", name):
            return name.startswith("Custom")
    updates = device.get("attributeUpdates")
    if not isinstance(updates, list):
        updates = []
    return bool(_OLD_SETTINGS & set(device)) or any(
        isinstance(update, dict) and "attributeOnThingsBoard" in update
        for update in updates
    )


def _converter(device: _Config) -> str:
    return str(device.get("converter") or device.get("uplink_converter") or "")


def _serial_settings(
    outer: _Config, device: _Config, points: list[tuple[str, _Config]]
) -> dict[str, Any]:
    legacy = _is_legacy(outer, device)
    if not legacy:
        points = _corrected(points)
    delimiter = "" if legacy else device.get("delimiter")
    if not isinstance(delimiter, str | None):
        raise _error("The delimiter is no text")
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
    device: _Config, points: list[tuple[str, _Config]]
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
        settings["encoding"] = _encoding(encoding)
    return settings


def _encoding(given: str) -> str:
    """Return the encoding of ours that goes by this name."""
    try:
        codec = codecs.lookup(given).name
    except LookupError, ValueError:
        codec = ""
    for encoding in ENCODINGS:
        if codecs.lookup(encoding).name == codec:
            return encoding
    raise _error(
        f"The encoding {given!r:.40} is not supported; use hex or one of "
        f"{', '.join(ENCODINGS)}"
    )


def _type(point: _Config) -> SliceType:
    """Return the type of a datapoint; what upstream does not know is hexadecimal."""
    given = point.get("type")
    return SliceType(given) if given in tuple(SliceType) else SliceType.HEX


def _slice(key: str, point: _Config, type_: SliceType) -> dict[str, Any]:
    """Return a row of our table."""
    row: dict[str, Any] = {"key": key, "type": type_.value}
    for theirs, ours in _SETTINGS.items():
        if point.get(theirs) is not None:
            row[ours] = point[theirs]
    for theirs, ours in _DELIMITERS.items():
        if delimiter := point.get(theirs):
            if not isinstance(delimiter, str):
                raise _error(f"The {theirs} of {key!r:.60} is no text")
            row[ours] = escape(delimiter)
    return row
