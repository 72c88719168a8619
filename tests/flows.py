"""Going through the dialogs of the integration."""

from collections.abc import Generator
from typing import Any
from unittest.mock import patch

import pytest

from custom_components.bemcom_connectors import hub_flow
from custom_components.bemcom_connectors.const import DOMAIN
from homeassistant.config_entries import SOURCE_USER, ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Listen for no longer than a test wants to wait."""
    monkeypatch.setattr(hub_flow, "WAIT_TIME", 0.3)
    monkeypatch.setattr(hub_flow, "GATHER_TIME", 0.05)


@pytest.fixture
def mock_setup_entry() -> Generator[Any]:
    """Create hubs without setting them up."""
    with patch(
        "custom_components.bemcom_connectors.async_setup_entry", return_value=True
    ) as mock:
        yield mock


async def start(hass: HomeAssistant, kind: str) -> ConfigFlowResult:
    """Open the dialog and choose a kind of hub."""
    result = await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_USER}
    )
    assert result["type"] is FlowResultType.MENU
    assert result["menu_options"] == ["tcp", "serial", "ocpp"]
    return await choose(hass, result, kind)


async def choose(
    hass: HomeAssistant, result: ConfigFlowResult, option: str
) -> ConfigFlowResult:
    """Choose from a menu."""
    assert option in result["menu_options"]
    return await hass.config_entries.flow.async_configure(
        result["flow_id"], {"next_step_id": option}
    )


async def submit(
    hass: HomeAssistant, result: ConfigFlowResult, **user_input: Any
) -> ConfigFlowResult:
    """Fill in a form."""
    return await hass.config_entries.flow.async_configure(result["flow_id"], user_input)


async def heard(
    hass: HomeAssistant, result: ConfigFlowResult, action: str = "listen"
) -> ConfigFlowResult:
    """Wait until the flow has listened."""
    assert result["type"] is FlowResultType.SHOW_PROGRESS
    assert result["progress_action"] == action
    await hass.async_block_till_done()
    return await hass.config_entries.flow.async_configure(result["flow_id"])
