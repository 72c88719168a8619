"""The dashboard's view of the wallbox: each connector, and what the wallbox says of itself."""

import re
from typing import Any

from demo.home_assistant import HomeAssistantApi, wait_until

_DATAPOINT = re.compile(r"_datapoint_.+__(\d+)__(.+?)$")
_ACTUATOR = re.compile(r"_actuator_.+__(\d+)__(.+?)$")
_POWER = "Power.Active.Import"
_CHARGE = "SoC"
# Watts that the gauge ends at: a bit more than 16 A on three phases.
_MAX_POWER = 12_000
_HALF = {"columns": 6}
_WHOLE = {"columns": 12}

# By connector (0: the wallbox), then by the name of the datapoint.
type _Entities = dict[int, dict[str, str]]


async def wallbox_view(api: HomeAssistantApi, entry_id: str) -> dict[str, Any]:
    """Return the view, once a car at each connector was measured."""

    async def found() -> _Entities:
        entities: _Entities = {}
        for entity in await api.entities(entry_id):
            if entity["disabled_by"] is not None:
                continue
            if match := _DATAPOINT.search(entity["unique_id"]):
                of_connector = entities.setdefault(int(match[1]), {})
                # Where it was measured does not matter here.
                of_connector[match[2].partition("__")[0]] = entity["entity_id"]
            elif match := _ACTUATOR.search(entity["unique_id"]):
                entities.setdefault(int(match[1]), {})[match[2]] = entity["entity_id"]
        at_connectors = [of for number, of in entities.items() if number]
        complete = at_connectors and all(_CHARGE in of for of in at_connectors)
        return entities if complete else {}

    entities = await wait_until(found, "cars to charge at the wallbox", within=90)
    states = await api.states()
    in_watts = states[entities[1][_POWER]]["attributes"]["unit_of_measurement"] == "W"
    most = _MAX_POWER if in_watts else _MAX_POWER / 1_000
    connectors = sorted(number for number in entities if number)
    powers = [entities[number][_POWER] for number in connectors]
    return {
        "title": "Wallbox",
        "path": "wallbox",
        "type": "sections",
        "max_columns": 3,
        "sections": [
            *(_connector(number, entities[number], most) for number in connectors),
            _wallbox(entities.get(0, {}), powers),
        ],
    }


def _connector(number: int, entities: dict[str, str], most: float) -> dict[str, Any]:
    """Return the section of a connector."""
    gauge = {
        "type": "gauge",
        "entity": entities[_POWER],
        "name": "Power",
        "min": 0,
        "max": most,
        "grid_options": _WHOLE,
    }
    shown = (
        ("session_energy", "Session", "mdi:car-electric"),
        ("total_energy", "Total", "mdi:counter"),
        ("session_duration", "Duration", "mdi:timer-outline"),
        ("Current.Import", "Current", "mdi:current-ac"),
        (_CHARGE, "Battery", "mdi:car-battery"),
        ("Temperature", "Housing", "mdi:thermometer"),
    )
    return {
        "type": "grid",
        "cards": [
            {
                "type": "heading",
                "heading": f"Connector {number}",
                "icon": "mdi:ev-plug-type2",
                "badges": [
                    {"type": "entity", "entity": entities["plugged_in"]},
                ],
            },
            _tile(entities["status"], "Status", "mdi:ev-station")
            | {"grid_options": _WHOLE},
            gauge,
            _control(entities["charge_control"], "Charge control", {"type": "toggle"}),
            _control(
                entities["charging_limit"],
                "Charging limit",
                {"type": "numeric-input", "style": "slider"},
            ),
            *(
                _tile(entities[name], title, icon)
                for name, title, icon in shown
                if name in entities
            ),
        ],
    }


def _wallbox(entities: dict[str, str], powers: list[str]) -> dict[str, Any]:
    """Return the section of the wallbox as a whole."""
    shown = (
        ("status", "Status", "mdi:ev-station"),
        ("connected", "Connection", "mdi:lan-connect"),
        ("problem", "Problem", "mdi:alert-circle-outline"),
        ("last_boot", "Last boot", "mdi:restart"),
    )
    return {
        "type": "grid",
        "cards": [
            {
                "type": "heading",
                "heading": "Wallbox",
                "icon": "mdi:home-lightning-bolt",
            },
            *(
                _tile(entities[name], title, icon)
                for name, title, icon in shown
                if name in entities
            ),
            {
                "type": "history-graph",
                "title": "Power",
                "hours_to_show": 1,
                "entities": [
                    {"entity": power, "name": f"Connector {number}"}
                    for number, power in enumerate(powers, 1)
                ],
                "grid_options": _WHOLE,
            },
        ],
    }


def _control(entity_id: str, name: str, feature: dict[str, Any]) -> dict[str, Any]:
    """Return a tile as wide as its section, which sets what it shows."""
    return {
        "type": "tile",
        "entity": entity_id,
        "name": name,
        "features": [feature],
        "features_position": "inline",
        "grid_options": _WHOLE,
    }


def _tile(entity_id: str, name: str, icon: str) -> dict[str, Any]:
    return {
        "type": "tile",
        "entity": entity_id,
        "name": name,
        "icon": icon,
        "grid_options": _HALF,
    }
