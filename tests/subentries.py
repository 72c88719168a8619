"""Going through the dialogs that add something to a hub."""

from typing import Any

from homeassistant.config_entries import SubentryFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import section


async def submit(
    hass: HomeAssistant, result: SubentryFlowResult, **user_input: Any
) -> SubentryFlowResult:
    """Fill in a form."""
    return await hass.config_entries.subentries.async_configure(
        result["flow_id"], user_input
    )


async def choose(
    hass: HomeAssistant, result: SubentryFlowResult, option: str
) -> SubentryFlowResult:
    """Choose from a menu."""
    assert option in result["menu_options"]
    return await submit(hass, result, next_step_id=option)


def suggested(schema: Any) -> dict[str, Any]:
    """Return what a form shows, sections too."""
    shown: dict[str, Any] = {}
    for marker, field in schema.schema.items():
        if isinstance(field, section):
            shown |= suggested(field.schema)
        elif (description := marker.description) is not None:
            shown[str(marker)] = description["suggested_value"]
    return shown


def shown(result: SubentryFlowResult) -> dict[str, Any]:
    """Return what the form of a result shows."""
    return suggested(result["data_schema"])


def fields(result: SubentryFlowResult) -> dict[str, Any]:
    """Return the fields and sections of a form."""
    schema = result["data_schema"]
    assert schema is not None
    return {str(marker): field for marker, field in schema.schema.items()}


def choices(result: SubentryFlowResult, name: str) -> list[str]:
    """Return what can be chosen in a field."""
    options: list[str] = fields(result)[name].config["options"]
    return options
