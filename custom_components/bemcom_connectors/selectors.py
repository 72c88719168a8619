"""What the forms are made of: their fields and selectors."""

from collections.abc import Sequence
import re
from typing import Any, Literal, cast

import voluptuous as vol

from homeassistant.helpers.selector import (
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)

type Fields = dict[vol.Marker, Any]

# A name or an address, and nothing beside it.
HOST = re.compile(r"[^\s/:@\x00-\x1f]+|[0-9A-Fa-f:.]+(%[\w.-]+)?")


def select(
    options: Sequence[str] | Sequence[SelectOptionDict],
    translation_key: str | None = None,
    *,
    custom: bool = False,
    multiple: bool = False,
    sort: bool = False,
) -> SelectSelector:
    """Return a drop-down; with `custom` other values can be typed."""
    config = SelectSelectorConfig(
        # Of one kind or the other; a selector wants a list.
        options=cast("Sequence[str]", list(options)),
        custom_value=custom,
        multiple=multiple,
        sort=sort,
        mode=SelectSelectorMode.DROPDOWN,
    )
    if translation_key is not None:
        config["translation_key"] = translation_key
    return SelectSelector(config)


def number(
    minimum: float | None = None,
    maximum: float | None = None,
    *,
    unit: str | None = None,
    step: float | Literal["any"] = 1,
) -> NumberSelector:
    """Return a box for a number."""
    config = NumberSelectorConfig(mode=NumberSelectorMode.BOX, step=step)
    if minimum is not None:
        config["min"] = minimum
    if maximum is not None:
        config["max"] = maximum
    if unit is not None:
        config["unit_of_measurement"] = unit
    return NumberSelector(config)
