"""The house in order: files that must agree with each other, and the rules for imports.

Nothing here runs Home Assistant: files are read, and the source is looked at.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
import json
from pathlib import Path
import re
import struct
import sys
import tomllib
from typing import Any

import pytest
import yaml

from custom_components.bemcom_connectors import (
    charge_point_fields,
    command_fields,
    command_forms,
    const,
    custom_flow,
    datapoint_fields,
    decoding_fields,
    event,
    id_tag_flow,
    mirror_fields,
    mirror_flow,
    ocpp_flow,
    options_flow,
    request_flow,
    serial_flow,
    tcp_flow,
    update,
)
from custom_components.bemcom_connectors.connector.actuators import ActuatorKind
from custom_components.bemcom_connectors.connector.commands import ENCODINGS
from custom_components.bemcom_connectors.connector.flatten import Lists
from custom_components.bemcom_connectors.connector.framing import Framing
from custom_components.bemcom_connectors.connector.model import (
    CommandReason,
    LinkReason,
)
from custom_components.bemcom_connectors.connector.parsing import Format
from custom_components.bemcom_connectors.connector.replies import ReplyFraming
from custom_components.bemcom_connectors.ocpp.calls import CallReason
from custom_components.bemcom_connectors.ocpp.datapoints import state_name
from custom_components.bemcom_connectors.ocpp.enums import (
    AuthorizationStatus,
    FirmwareStatus,
    SignedFirmwareStatus,
    StopReason,
)
from custom_components.bemcom_connectors.ocpp.incoming import (
    OTHER_EVENT,
    SECURITY_EVENTS,
)
from custom_components.bemcom_connectors.ocpp.listener import EventKind
from custom_components.bemcom_connectors.ocpp.profile_rules import ProfileRule
from custom_components.bemcom_connectors.ocpp.refusals import ImpossibleReason
from custom_components.bemcom_connectors.ocpp.tls import TlsFileReason
from custom_components.bemcom_connectors.overrides import OverrideReason
from homeassistant.const import Platform
from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    BooleanSelector,
    ObjectSelector,
    SelectSelector,
)
from tests.ocpp_looks import ACTUATOR_LOOKS, LOOKS
from tests.source import (
    PACKAGE,
    REPOSITORY,
    Flow,
    calls,
    dict_keys,
    imports,
    keyword,
    modules,
    texts,
    tree,
)

MAX_LINES = 420

# Per room of the house what it may import of the house: its top-level names.
ROOMS = {
    "bemcom": {"bemcom", "connector"},
    "connector": {"connector"},
    "ocpp": {"connector", "ocpp"},
}
PLATFORM_IMPORTS = {
    "actuator_entity",
    "const",
    "coordinator",
    "descriptions",
    "entity",
    "ocpp_entity",
    "ocpp_hub",
}
# What comes with Home Assistant, or with its integration usb that the manifest depends on;
# everything else would be a requirement.
WITH_HOME_ASSISTANT = {
    "aiohttp",
    "homeassistant",
    "orjson",
    "serialx",
    "voluptuous",
    "yaml",
    "yarl",
}
# Components that Home Assistant always has, or that only load this integration's platform.
ALWAYS_THERE = {*Platform, "diagnostics", "system_health"}

QUALITY_RULES = re.findall(
    r"\S+",
    """
    action-setup appropriate-polling brands common-modules config-flow
    config-flow-test-coverage dependency-transparency docs-actions docs-conditions
    docs-high-level-description docs-installation-instructions docs-removal-instructions
    docs-triggers entity-event-setup entity-unique-id has-entity-name runtime-data
    test-before-configure test-before-setup unique-config-entry

    action-exceptions config-entry-unloading docs-configuration-parameters
    docs-installation-parameters entity-unavailable integration-owner log-when-unavailable
    parallel-updates reauthentication-flow test-coverage

    devices diagnostics discovery discovery-update-info docs-data-update docs-examples
    docs-known-limitations docs-supported-devices docs-supported-functions
    docs-troubleshooting docs-use-cases dynamic-devices entity-category
    entity-device-class entity-disabled-by-default entity-translations
    exception-translations icon-translations reconfiguration-flow repair-issues
    stale-devices

    async-dependency inject-websession strict-typing
    """,
)

FIRMWARE_WORDS = (FirmwareStatus, SignedFirmwareStatus)

# Home Assistant's own rules for texts.
_HTML = re.compile(r"<[a-z].*?>", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"{(\w+)}")
_QUOTED_PLACEHOLDER = re.compile(r"'[^']*{\w+}[^']*'")
_URL = re.compile(r"https?://|www\.", re.IGNORECASE)


def load(name: str) -> Any:
    """Read a JSON file of the integration."""
    return json.loads((PACKAGE / name).read_text())


ENGLISH = load("translations/en.json")
LANGUAGES = sorted(path.stem for path in (PACKAGE / "translations").glob("*.json"))


def leaves(node: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the texts of a translation with the path to each."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from leaves(value, f"{path}.{key}" if path else key)
    else:
        yield path, node


def placeholders(node: Any) -> set[str]:
    """Return the placeholders in the texts below a node."""
    return {name for _, text in leaves(node) for name in _PLACEHOLDER.findall(text)}


# Manifest, HACS and the project's own file


def test_manifest() -> None:
    manifest = load("manifest.json")
    keys = list(manifest)
    assert keys == ["domain", "name", *sorted(keys[2:])]
    assert {
        "codeowners",
        "config_flow",
        "documentation",
        "integration_type",
        "iot_class",
        "issue_tracker",
        "requirements",
        "version",
    } <= set(keys)
    assert manifest["domain"] == const.DOMAIN == PACKAGE.name
    assert manifest["config_flow"] is True
    assert manifest["iot_class"] == "local_push"
    assert manifest["codeowners"]
    assert all(owner.startswith("@") for owner in manifest["codeowners"])
    assert manifest["documentation"].startswith("https://")
    assert manifest["issue_tracker"].startswith("https://")


def test_one_version() -> None:
    version = load("manifest.json")["version"]
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert project["version"] == version


def test_hacs() -> None:
    hacs = json.loads((REPOSITORY / "hacs.json").read_text())
    assert set(hacs) == {"name", "homeassistant"}
    assert hacs["name"] == load("manifest.json")["name"]
    assert re.fullmatch(r"20\d\d\.\d+\.\d+", hacs["homeassistant"])


# Translations


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_are_plain(language: str) -> None:
    for path, text in leaves(load(f"translations/{language}.json")):
        assert text, path
        assert text == text.strip(), path
        assert not _HTML.search(text), path
        assert not _URL.search(text), path
        assert not _QUOTED_PLACEHOLDER.search(text), path
        # Home Assistant's formatter takes every other brace for the start of something.
        assert not re.search(r"[{}]", _PLACEHOLDER.sub("", text)), path


@pytest.mark.parametrize("language", sorted({*LANGUAGES} - {"en"}))
def test_translations_are_complete(language: str) -> None:
    translated = dict(leaves(load(f"translations/{language}.json")))
    english = dict(leaves(ENGLISH))
    assert list(translated) == list(english)
    for path, text in english.items():
        assert placeholders(translated[path]) == placeholders(text), path


def test_german_is_there() -> None:
    assert LANGUAGES == ["de", "en"]


# Flows and their texts

PARAMETERS = [
    *decoding_fields.FRAMING_PARAMETERS.values(),
    *decoding_fields.FORMAT_PARAMETERS.values(),
]
PARAMETER_FIELDS = {
    str(marker): selector
    for fields in PARAMETERS
    for marker, selector in fields.items()
}
REQUEST_FIELDS = request_flow.REQUEST_SCHEMA.schema
REPORTING_FIELDS = options_flow.REPORTING_SCHEMA.schema


def fallible(*forms: Mapping[Any, Any]) -> list[str]:
    """Return the fields that can be wrong; what is chosen from a switch cannot."""
    return [
        str(name)
        for form in forms
        for name, selector in form.items()
        if not isinstance(selector, BooleanSelector)
    ]


EXPAND = {
    "link_": [reason.value for reason in LinkReason],
    "command_": [reason.value for reason in CommandReason],
    "tls_": [reason.value for reason in TlsFileReason],
    "call_": [reason.value for reason in CallReason],
    "impossible_": [reason.value for reason in ImpossibleReason],
    "profile_": [rule.value for rule in ProfileRule],
}
_DECODING = {
    "decode": decoding_fields.DECODE_SCHEMA.schema,
    "parameters": PARAMETER_FIELDS,
    "request": REQUEST_FIELDS,
}
# What any reply can have, whatever its framing.
REPLY_FIELDS = {
    str(marker): field
    for framing in ReplyFraming
    for marker, field in command_fields.reply_fields(framing).items()
}
FORMS: dict[str, dict[str, Mapping[Any, Any]]] = {
    "config": {
        "tcp": tcp_flow.TCP_SCHEMA.schema,
        "serial": serial_flow.SERIAL_SCHEMA.schema,
        "reconfigure_tcp": tcp_flow.RECONFIGURE_TCP_SCHEMA.schema,
        "reconfigure_serial": serial_flow.RECONFIGURE_SERIAL_SCHEMA.schema,
        "custom": custom_flow.CUSTOM_FIELDS,
        "custom_settings": custom_flow.CUSTOM_SETTINGS_FIELDS,
        "reconfigure_custom": custom_flow.RECONFIGURE_CUSTOM_FIELDS,
        "ocpp": ocpp_flow.ocpp_fields(),
        "ocpp_ready": {},
        "reconfigure_ocpp": ocpp_flow.reconfigure_fields(),
        "discovery_confirm": charge_point_fields.confirm_fields(),
        **_DECODING,
    },
    "options": {
        "link": options_flow.LINK_SCHEMA.schema,
        "devices": options_flow.DEVICES_SCHEMA.schema,
        "reporting": REPORTING_FIELDS,
        "ocpp_server": options_flow.OCPP_SERVER_SCHEMA.schema,
        "connect_charger": {},
        "mirror": mirror_fields.CONNECTION_FIELDS,
        "mirror_broker": mirror_fields.broker_fields(),
        "mirror_messages": mirror_fields.message_fields(),
        **_DECODING,
    },
    "config_subentries.datapoint": {
        "user": datapoint_fields.key_fields([]),
        "datapoint": datapoint_fields.datapoint_fields("sensor"),
        "details": datapoint_fields.details_fields("sensor", "none"),
    },
    "config_subentries.charge_point": {
        "user": charge_point_fields.user_fields(),
        "reconfigure": charge_point_fields.reconfigure_fields(),
    },
    "config_subentries.id_tag": {
        "user": id_tag_flow.USER_FIELDS,
        "reconfigure": id_tag_flow.RECONFIGURE_FIELDS,
    },
    "config_subentries.actuator": {
        **{f"describe_{it}": command_fields.describe_fields(it) for it in ActuatorKind},
        **{f"encode_{it}": command_fields.encode_fields(it) for it in ENCODINGS},
        "reply": REPLY_FIELDS,
        "sample": command_fields.SAMPLE_SCHEMA.schema,
        "thingsboard": command_fields.THINGSBOARD_SCHEMA.schema,
    },
}
_SHARED = [PACKAGE / f"{name}_flow.py" for name in ("decoding", "request")]
FLOWS = {
    "config": Flow(
        "BemcomConfigFlow",
        [
            PACKAGE / f"{name}_flow.py"
            for name in (
                "config",
                "hub",
                "tcp",
                "serial",
                "custom",
                "ocpp",
                "discovery",
            )
        ]
        + _SHARED,
        {**EXPAND, "invalid_": fallible(PARAMETER_FIELDS, REQUEST_FIELDS)},
    ),
    "options": Flow(
        "BemcomOptionsFlow",
        [PACKAGE / "options_flow.py", PACKAGE / "mirror_flow.py", *_SHARED],
        {
            **EXPAND,
            "broker_": list(mirror_flow.FAULTS),
            "invalid_": [
                *fallible(PARAMETER_FIELDS, REQUEST_FIELDS),
                *("password", *mirror_fields.FILES),
            ],
        },
    ),
    "config_subentries.datapoint": Flow(
        "DatapointSubentryFlow",
        [PACKAGE / "datapoint_flow.py"],
        {"override_": list(OverrideReason)},
    ),
    "config_subentries.charge_point": Flow(
        "ChargePointSubentryFlow", [PACKAGE / "charge_point_flow.py"], {}
    ),
    "config_subentries.id_tag": Flow(
        "IdTagSubentryFlow", [PACKAGE / "id_tag_flow.py"], {}
    ),
    "config_subentries.actuator": Flow(
        "ActuatorSubentryFlow",
        [PACKAGE / f"command_{name}.py" for name in ("flow", "steps")],
        {"describe_": list(ActuatorKind), "encode_": list(ENCODINGS)},
    ),
}


def flow_texts(kind: str) -> dict[str, Any]:
    """Return the texts of a flow."""
    texts: dict[str, Any] = ENGLISH
    for key in kind.split("."):
        texts = texts[key]
    return texts


each_flow = pytest.mark.parametrize("kind", FLOWS)


@each_flow
def test_each_step_has_its_method_and_texts(kind: str) -> None:
    flow = FLOWS[kind]
    shown = {name for name, step in flow.steps.items() if step.kind != "progress"}
    progress = set(flow.steps) - shown
    assert set(flow_texts(kind)["step"]) == shown | progress
    for name in flow.steps:
        assert f"async_step_{name}" in flow.methods
    for name in shown:
        assert flow_texts(kind)["step"][name]["title"]


@each_flow
def test_each_menu_option_has_its_step_and_text(kind: str) -> None:
    flow = FLOWS[kind]
    for name, step in flow.steps.items():
        if step.kind == "progress":
            continue
        text = flow_texts(kind)["step"][name]
        assert set(text.get("menu_options", {})) == step.options
        assert set(text.get("menu_option_descriptions", {})) <= step.options
        for option in step.options:
            assert f"async_step_{option}" in flow.methods


@each_flow
def test_each_field_is_named_and_described(kind: str) -> None:
    forms = {name for name, step in FLOWS[kind].steps.items() if step.kind == "form"}
    assert set(FORMS[kind]) == forms
    for name, schema in FORMS[kind].items():
        check_fields(schema, flow_texts(kind)["step"][name])


def check_fields(schema: Mapping[Any, Any], text: Mapping[str, Any]) -> None:
    """Compare the fields of a form, or of a section, with their texts."""
    sections = {
        str(key): value for key, value in schema.items() if isinstance(value, section)
    }
    fields = {str(key) for key in schema} - set(sections)
    assert set(text.get("data", {})) == fields
    assert set(text.get("data_description", {})) == fields
    assert set(text.get("sections", {})) == set(sections)
    for key, inner in sections.items():
        assert text["sections"][key]["name"]
        check_fields(inner.schema.schema, text["sections"][key])


@each_flow
def test_each_error_has_its_text(kind: str) -> None:
    flow = FLOWS[kind]
    given = set().union(*(step.errors for step in flow.steps.values()))
    assert set(flow_texts(kind).get("error", {})) == given


@each_flow
def test_each_end_and_wait_has_its_text(kind: str) -> None:
    flow = FLOWS[kind]
    assert set(flow_texts(kind).get("abort", {})) == flow.aborts
    assert set(flow_texts(kind).get("progress", {})) == flow.progress_actions


@each_flow
def test_each_placeholder_is_filled_in(kind: str) -> None:
    flow, text = FLOWS[kind], flow_texts(kind)
    for name, step in flow.steps.items():
        shown = [text["step"].get(name, {}), *(text["error"][it] for it in step.errors)]
        if step.kind == "progress":
            shown.extend(text["progress"][action] for action in step.options)
        assert placeholders(dict(enumerate(map(str, shown)))) <= step.placeholders, name


def test_each_fault_of_options_has_its_field() -> None:
    """A form shows the reason beside the field that is named."""
    named = {
        option
        for module in (
            "binary",
            "framing",
            "parsing",
            "regex_guard",
            "slices",
            "text_decoding",
            "text_formats",
            "thingsboard",
        )
        for name, call in calls(tree(PACKAGE / f"connector/{module}.py"))
        if name == "OptionsError" and isinstance(call.args[0], ast.Constant)
        for option in texts(call.args[0], {})
    }
    known = fallible(PARAMETER_FIELDS, options_flow.LINK_FIELDS)
    assert named - {"framing", "format"} <= set(known)


def test_each_fault_of_an_actuator_has_its_field() -> None:
    """Or nobody could mend it; the kind is chosen from a menu."""
    places = {"OptionsError": 0, "choice_option": 1, "size_option": 1, "text_option": 1}
    named = {
        option
        for module in ("command_encoding", "command_options", "commands", "replies")
        for name, call in calls(tree(PACKAGE / f"connector/{module}.py"))
        if name in places and isinstance(call.args[places[name]], ast.Constant)
        for option in texts(call.args[places[name]], {})
    }
    forms = FORMS["config_subentries.actuator"].values()
    known = {"kind"}.union(*(command_forms.names_of(dict(form)) for form in forms))
    assert "template" in named
    assert named <= known


def all_selectors(schema: Mapping[Any, Any]) -> Iterator[Any]:
    """Yield the selectors of a form, of its sections and of its tables."""
    for item in schema.values():
        if isinstance(item, section):
            yield from all_selectors(item.schema.schema)
            continue
        yield item
        if isinstance(item, ObjectSelector):
            columns = item.config["fields"].values()
            yield from (column["selector"] for column in columns)


def test_each_choice_has_its_text() -> None:
    forms = [form for forms in FORMS.values() for form in forms.values()]
    # What a form of another platform offers besides.
    forms.append(datapoint_fields.datapoint_fields("binary_sensor"))
    selectors: dict[str, Sequence[Any]] = {}
    tables: dict[str, list[str]] = {}
    for selector in (it for form in forms for it in all_selectors(form)):
        key = selector.config.get("translation_key")
        if isinstance(selector, ObjectSelector):
            tables[key] = list(selector.config["fields"])
        elif isinstance(selector, SelectSelector) and key == "unit_of_measurement":
            selectors[key] = ["none"]  # units are the same in every language
        elif isinstance(selector, SelectSelector) and key:
            selectors[key] = selector.config["options"]
    assert set(ENGLISH["selector"]) == {*selectors, *tables}
    for key, options in selectors.items():
        assert set(ENGLISH["selector"][key]["options"]) == set(options), key
    for key, columns in tables.items():
        texts = ENGLISH["selector"][key]["fields"]
        assert list(texts) == columns
        assert all(set(text) == {"name", "description"} for text in texts.values())
    for key, enum in {"framing": Framing, "format": Format, "lists": Lists}.items():
        assert selectors[key] == [item.value for item in enum]


def test_each_exception_has_its_text() -> None:
    raised: dict[str, set[str]] = {}
    for path in modules():
        for _, call in calls(tree(path)):
            if keyword(call, "translation_domain") is not None:
                given = dict_keys(keyword(call, "translation_placeholders"))
                for key in texts(keyword(call, "translation_key"), EXPAND):
                    raised[key] = given
    assert set(ENGLISH["exceptions"]) == set(raised)
    for rule, given in told_of_rules().items():
        raised[f"profile_{rule}"] |= given
    for key, given in raised.items():
        assert placeholders(ENGLISH["exceptions"][key]) <= given, key


def told_of_rules() -> dict[str, set[str]]:
    """Return what is told of each rule of charging profiles that is broken, wherever it is."""
    found: dict[str, set[str]] = {}
    for path in (PACKAGE / "ocpp").glob("*.py"):
        for name, call in calls(tree(path)):
            if name != "ProfileError" or not isinstance(call.args[0], ast.Attribute):
                continue
            rule = ProfileRule[call.args[0].attr].value
            told = {str(it.arg) for it in call.keywords}
            found[rule] = found.get(rule, told) & told
    return found


def test_each_rule_of_charging_profiles_is_broken_somewhere() -> None:
    assert set(told_of_rules()) == {*ProfileRule}


# Entities, icons and platforms

PLATFORM_FILES = [PACKAGE / f"{platform}.py" for platform in const.PLATFORMS]


def entity_keys(path: Path) -> dict[str, bool]:
    """Return a platform's translation keys, and whether each has a device class."""
    found: dict[str, bool] = {}
    for name, call in calls(tree(path)):
        if name.endswith("Description") and (key := keyword(call, "key")) is not None:
            has_class = keyword(call, "device_class") is not None
            found |= dict.fromkeys(texts(key, {}), has_class)
        elif name == "__init__" and isinstance(call.args[-1], ast.Constant):
            found |= dict.fromkeys(texts(call.args[-1], {}), True)
    return found


def curated_keys(platform: str) -> dict[str, bool]:
    """Return the keys of datapoints described by hand, and whether each has a class."""
    return {
        str(it.translation_key): it.device_class is not None
        for it in LOOKS
        if it.platform == platform
    } | {
        it.translation_key: it.device_class is not None
        for it in ACTUATOR_LOOKS
        if it.kind.value == platform
    }


def test_each_entity_has_its_name_and_icon() -> None:
    keys = {
        path.stem: entity_keys(path) | curated_keys(path.stem)
        for path in PLATFORM_FILES
    }
    assert {platform: set(texts) for platform, texts in ENGLISH["entity"].items()} == {
        platform: set(found) for platform, found in keys.items() if found
    }
    icons = load("icons.json").get("entity", {})
    for platform, found in keys.items():
        named = set(icons.get(platform, {}))
        without_class = {key for key, has_class in found.items() if not has_class}
        assert without_class <= named <= set(found)


def test_each_look_of_a_charge_point_has_its_texts() -> None:
    """Its states, its attributes, and what is put into its name."""
    for looks in LOOKS:
        texts = ENGLISH["entity"][looks.platform][looks.translation_key]
        filled_in = {*dict(looks.translation_placeholders)}
        assert placeholders(texts["name"]) == filled_in, looks.key
        assert set(texts.get("state", {})) == {*looks.options}, looks.key
        attributes = {name for name, _ in looks.attributes}
        assert set(texts.get("state_attributes", {})) == attributes, looks.key


@pytest.mark.parametrize("events", event.OCPP_EVENTS, ids=lambda events: events.key)
def test_each_event_of_a_charge_point_has_its_texts(
    events: event.OcppEventDescription,
) -> None:
    texts = ENGLISH["entity"]["event"][events.key]["state_attributes"]
    assert set(texts["event_type"]["state"]) == {*(events.event_types or ())}
    for name, attribute in texts.items():
        if name == "stop_reason":
            assert set(attribute["state"]) == {state_name(it) for it in StopReason}


def test_the_engine_and_the_entities_know_the_same_events() -> None:
    told = {
        EventKind.SECURITY: {*SECURITY_EVENTS, OTHER_EVENT},
        EventKind.ID_TAG: {state_name(it) for it in AuthorizationStatus}
        - {"concurrent_tx"},  # nobody is refused for that
    }
    types = {it.key: set(it.event_types or ()) for it in event.OCPP_EVENTS}
    assert set(types) == {*EventKind}
    assert {kind: types[kind] for kind in told} == told


def test_an_update_in_progress_is_a_state_of_firmware() -> None:
    words = {state_name(it) for enum in FIRMWARE_WORDS for it in enum}
    assert words > update.IN_PROGRESS


def test_each_menu_option_is_of_some_kind_of_hub() -> None:
    """And no kind of hub is offered what there is not."""
    options = FLOWS["options"].steps["init"].options
    offered = set().union(*options_flow._OFFERED.values())
    assert offered <= options
    assert options_flow._OFFERED[const.HUB_OCPP] >= options_flow._OF_OCPP_ONLY


def test_icons_are_material_design() -> None:
    icons = dict(leaves(load("icons.json")))
    assert icons
    assert all(icon.startswith("mdi:") for icon in icons.values())


def test_platforms() -> None:
    assert sorted(const.PLATFORMS) == const.PLATFORMS
    files = {path.stem for path in PACKAGE.glob("*.py")} & {*Platform}
    assert files == {*const.PLATFORMS}


@pytest.mark.parametrize("path", PLATFORM_FILES, ids=lambda path: path.stem)
def test_each_platform_says_how_it_updates(path: Path) -> None:
    assigned = {
        node.targets[0].id
        for node in tree(path).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    assert "PARALLEL_UPDATES" in assigned


# Quality scale and brand


def test_quality_scale() -> None:
    rules = yaml.safe_load((PACKAGE / "quality_scale.yaml").read_text())["rules"]
    assert len(QUALITY_RULES) == 54
    assert sorted(rules) == sorted(QUALITY_RULES)
    for name, rule in rules.items():
        if isinstance(rule, dict):
            assert rule["status"] in {"done", "exempt"}, name
            assert re.fullmatch(r"[A-Z].*\.\s*", rule["comment"], re.DOTALL), name
        else:
            assert rule == "done", name


def png_size(path: Path) -> tuple[int, int]:
    """Return width and height of a PNG image that has transparency."""
    head = path.read_bytes()[:26]
    assert head.startswith(b"\x89PNG\r\n\x1a\n")
    width, height, _, color_type = struct.unpack(">IIBB", head[16:26])
    assert color_type in {3, 4, 6}
    return width, height


@pytest.mark.parametrize("theme", ["", "dark_"])
def test_brand(theme: str) -> None:
    brand = PACKAGE / "brand"
    assert png_size(brand / f"{theme}icon.png") == (256, 256)
    assert png_size(brand / f"{theme}icon@2x.png") == (512, 512)
    width, height = png_size(brand / f"{theme}logo.png")
    assert 128 <= min(width, height) <= 256
    assert png_size(brand / f"{theme}logo@2x.png") == (2 * width, 2 * height)


# The rules of the house


def room(path: Path) -> str:
    """Return the room that a module is in; "" is the hall."""
    return ".".join(path.relative_to(PACKAGE).parent.parts)


def own(path: Path) -> set[str]:
    """Return the rooms and modules of the house that a module imports."""
    return {name.split(".")[1] for name in imports(path) if name.startswith(".")}


def test_rooms_keep_to_themselves() -> None:
    assert {room(path) for path in modules()} == {"", *ROOMS}
    for path in modules():
        if room(path):
            assert own(path) <= ROOMS[room(path)], path
            assert "" not in imports(path), path  # the package itself is the hall


def test_the_engines_know_no_home_assistant() -> None:
    """Nor libraries that they do without, such as the package ocpp."""
    libraries = {
        "bemcom": {"aiomqtt", "orjson"},
        "connector": {"orjson", "serialx", "yaml"},
        "ocpp": {"aiohttp", "orjson"},
    }
    assert set(libraries) == set(ROOMS)
    for path in modules():
        if room(path):
            others = {name for name in imports(path) if not name.startswith(".")}
            allowed = sys.stdlib_module_names | libraries[room(path)]
            assert {name.split(".")[0] for name in others} <= allowed, path


def test_platforms_know_no_protocol() -> None:
    for path in PLATFORM_FILES:
        assert own(path) <= PLATFORM_IMPORTS, path


def test_nothing_is_imported_that_may_be_missing() -> None:
    manifest = load("manifest.json")
    requirements = {re.split(r"[^\w-]", it)[0] for it in manifest["requirements"]}
    components = ALWAYS_THERE | {
        *manifest.get("dependencies", []),
        *manifest.get("after_dependencies", []),
    }
    for path in modules():
        for name in imports(path):
            parts = name.split(".")
            assert (
                not parts[0]
                or parts[0] in sys.stdlib_module_names
                or parts[0] in WITH_HOME_ASSISTANT | requirements
            ), f"{path}: {name}"
            if parts[:2] == ["homeassistant", "components"]:
                assert parts[2] in components, f"{path}: {name}"


def test_each_dependency_is_needed() -> None:
    """And each integration that is imported is loaded, or always there."""
    used = {
        parts[2]
        for path in modules()
        for parts in (name.split(".") for name in imports(path))
        if parts[:2] == ["homeassistant", "components"]
    }
    manifest = load("manifest.json")
    assert {*manifest["dependencies"], *manifest["after_dependencies"]} == (
        used - ALWAYS_THERE
    )


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.name)
def test_modules_are_short_and_finished(path: Path) -> None:
    text = path.read_text()
    lines = text.count("\n")
    assert lines <= MAX_LINES
    assert "from __future__" not in text
    assert not re.search(r"\b(TODO|FIXME|XXX)\b", text)
