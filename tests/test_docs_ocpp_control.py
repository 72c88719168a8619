"""The page about control tells the truth: its examples are run with a simulated wallbox."""

import re
from typing import Any

import pytest
import yaml

from custom_components.bemcom_connectors import (
    ocpp_actuator_looks,
    ocpp_control_actions,
    ocpp_limit_actions,
    ocpp_profile_actions,
)
from demo.hubs import OCPP
from demo.start import WALLBOX
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.script import Script, async_validate_actions_config
from tests.ocpp.client import RawClient
from tests.ocpp_hub import start
from tests.ocpp_wallbox import wallbox
from tests.pages import ENGLISH, read
from tests.source import PACKAGE, REPOSITORY

PAGE = read("ocpp_control.md")
FIELDS: dict[str, Any] = yaml.safe_load((PACKAGE / "services.yaml").read_text())
ACTIONS = [
    action.name
    for module in (ocpp_control_actions, ocpp_limit_actions, ocpp_profile_actions)
    for action in module.ACTIONS
]
BLUEPRINTS = ("solar_surplus_charging", "cheapest_hours_charging")


def part(name: str) -> str:
    """Return what is said of an action."""
    head = f"(`bemcom_connectors.{name}`)"
    parts = re.split(r"^### ", PAGE, flags=re.MULTILINE)
    (text,) = [it for it in parts if head in it]
    return text.partition("\n## ")[0]


def blocks(name: str) -> list[Any]:
    """Return the example of an action, and what comes back if that is told."""
    found = re.findall(
        r"^```yaml\n(.*?)^```$", part(name), flags=re.MULTILINE | re.DOTALL
    )
    return [yaml.safe_load(it) for it in found]


async def prepare(client: RawClient, name: str) -> None:
    """Have what an example needs."""
    if name == "remote_stop_transaction":
        await start(client)


@pytest.mark.usefixtures("loopback")
@pytest.mark.parametrize("name", ACTIONS)
async def test_each_example_works(hass: HomeAssistant, name: str) -> None:
    """With the wallbox of the demo; what comes back is what the page says."""
    script, *answers = blocks(name)
    assert [it["action"] for it in script["sequence"][:1]] == [
        f"bemcom_connectors.{name}"
    ]
    config = await async_validate_actions_config(
        hass, cv.SCRIPT_SCHEMA(script["sequence"])
    )
    async with wallbox(hass, connectors=2, name=OCPP, charge_point_id=WALLBOX) as box:
        await prepare(box.client, name)
        runner = Script(hass, config, script["alias"], "script")
        result = await runner.async_run(context=Context())
        assert result is not None
        response = dict(result.service_response or {})
        assert response
        for answer in answers:
            assert response == answer


@pytest.mark.parametrize("name", ACTIONS)
def test_each_field_is_explained(name: str) -> None:
    action = ENGLISH["services"][name]
    listed = re.findall(
        r"^\| ([^|]+) \| `(\w+)` \| ([^|]*)\|", part(name), re.MULTILINE
    )
    assert [(label, key) for label, key, _ in listed] == [
        (field["name"], key) for key, field in action["fields"].items()
    ]
    for _, key, default in listed:
        told = FIELDS[name]["fields"][key]
        assert ("needed" in default) == told.get("required", False)
        assert default.strip().strip("`") == str(
            told.get("default", "needed" if told.get("required") else "")
        )


@pytest.mark.parametrize("where", ["charge point", "connector"])
def test_each_entity_has_its_row(where: str) -> None:
    looks = {
        "charge point": ocpp_actuator_looks.CHARGE_POINT,
        "connector": ocpp_actuator_looks.CONNECTOR,
    }[where]
    text = PAGE.partition(f"### What can be set on a {where}\n")[2].partition("\n#")[0]
    rows = re.findall(r"^\| ([^|]+) \| (switch|number|button) \|", text, re.MULTILINE)
    assert sorted(rows) == sorted(
        (
            ENGLISH["entity"][it.kind.value][it.translation_key]["name"],
            it.kind.value,
        )
        for it in looks.values()
    )


@pytest.mark.parametrize("name", BLUEPRINTS)
def test_each_blueprint_is_explained(name: str) -> None:
    path = REPOSITORY / f"blueprints/automation/bemcom_connectors/{name}.yaml"
    source = path.read_text()
    title = re.search(r"^  name: (.+)$", source, re.MULTILINE)
    address = re.search(r"^  source_url: (.+)$", source, re.MULTILINE)
    assert title
    assert f"\n**{title[1]}** " in PAGE
    assert address
    assert f"\n{address[1]}\n" in PAGE
