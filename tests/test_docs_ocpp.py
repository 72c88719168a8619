"""The pages about OCPP hubs and wallboxes tell the truth, and leave nothing out."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from http import HTTPStatus
import re
from typing import Any
from unittest.mock import Mock

import pytest
import voluptuous as vol

from custom_components.bemcom_connectors import (
    charge_point_fields,
    event,
    id_tag_flow,
    ocpp_descriptions,
    ocpp_flow,
    options_flow,
    update,
)
from custom_components.bemcom_connectors.ocpp import (
    calls,
    charge_point,
    configuration,
    datapoints,
    model,
    pairing,
    quirks,
    samples,
    server,
    session,
    startup,
    transactions,
)
from custom_components.bemcom_connectors.ocpp.handshake import id_of
from custom_components.bemcom_connectors.ocpp.incoming import SECURITY_EVENTS
from custom_components.bemcom_connectors.ocpp.measurands import (
    MEASURANDS,
    NAMES,
    Combine,
    split_name,
)
from homeassistant.data_entry_flow import section
from tests.pages import ENGLISH, SELECTORS, STEPS, code, labels, read
from tests.source import PACKAGE

PAGE = read("ocpp.md")
TEXT = " ".join(PAGE.split())
WALLBOXES = read("wallboxes.md")
CHARGE_POINT = ENGLISH["config_subentries"]["charge_point"]
ID_TAG = ENGLISH["config_subentries"]["id_tag"]
OPTIONS = ENGLISH["options"]["step"]
NAMES_OF = {key: it["name"] for key, it in ENGLISH["entity"]["sensor"].items()} | {
    key: it["name"] for key, it in ENGLISH["entity"]["binary_sensor"].items()
}
LABELS = SELECTORS["quirks"]["options"]

# The forms with their texts.
FORMS: list[tuple[Mapping[Any, Any], Mapping[str, Any]]] = [
    (ocpp_flow.ocpp_fields(), STEPS["ocpp"]),
    (ocpp_flow.reconfigure_fields(), STEPS["reconfigure_ocpp"]),
    (charge_point_fields.confirm_fields(), STEPS["discovery_confirm"]),
    (options_flow.OCPP_SERVER_SCHEMA.schema, OPTIONS["ocpp_server"]),
    (charge_point_fields.user_fields(), CHARGE_POINT["step"]["user"]),
    (charge_point_fields.reconfigure_fields(), CHARGE_POINT["step"]["reconfigure"]),
    (id_tag_flow.USER_FIELDS, ID_TAG["step"]["user"]),
    (id_tag_flow.RECONFIGURE_FIELDS, ID_TAG["step"]["reconfigure"]),
]


def part(page: str, heading: str) -> str:
    """Return what is below a heading of a page, up to the next of its level."""
    level = "#" * (3 if f"\n### {heading}\n" in page else 2)
    text = page.partition(f"\n{level} {heading}\n")[2]
    assert text, heading
    return re.split(rf"\n#{{2,{len(level)}}} ", text)[0]


def rows(page: str, heading: str) -> list[list[str]]:
    """Return the cells of the tables below a heading, without their heads."""
    text = part(page, heading)
    tables = re.findall(r"^\|.*\n\|-.*\n((?:\|.*\n)+)", text + "\n", re.MULTILINE)
    assert tables, heading
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for table in tables
        for line in table.splitlines()
    ]


# Fields


def fields() -> Iterator[tuple[str, Any, Any]]:
    """Yield the fields of all forms: label, marker and selector."""
    for form, text in FORMS:
        yield from _fields(form, text)


def _fields(
    form: Mapping[Any, Any], text: Mapping[str, Any]
) -> Iterator[tuple[str, Any, Any]]:
    for marker, field in form.items():
        if isinstance(field, section):
            yield from _fields(field.schema.schema, text["sections"][str(marker)])
        else:
            yield text["data"][str(marker)], marker, field


def told_default(marker: Any, field: Any) -> str | None:
    """Return how the page tells the default of a field; None: there is none."""
    if isinstance(marker.default, vol.Undefined):
        return None
    default = marker.default()
    if isinstance(default, bool):
        return "on" if default else "off"
    if choices := field.config.get("translation_key"):
        return str(SELECTORS[choices]["options"][default])
    unit = field.config.get("unit_of_measurement", "")
    return f"{default:g} {unit}".strip()


@pytest.mark.parametrize(
    ("label", "marker", "field"), fields(), ids=lambda it: str(it)[:30]
)
def test_each_field_is_explained(label: str, marker: Any, field: Any) -> None:
    """With its default, and its choices."""
    found = re.findall(rf"^\| {re.escape(label)} \| (.*?) ?\|", PAGE, re.MULTILINE)
    assert found
    if (default := told_default(marker, field)) is not None:
        assert default in found
    choices = field.config.get("translation_key")
    if choices and choices != "quirks":
        for choice in SELECTORS[choices]["options"].values():
            assert choice in found or f"**{choice}**" in TEXT


def test_each_step_is_named() -> None:
    titles = [
        it["name"] for _, text in FORMS for it in text.get("sections", {}).values()
    ]
    titles += [STEPS[it]["title"] for it in ("ocpp", "ocpp_ready", "discovery_confirm")]
    titles += CHARGE_POINT["initiate_flow"].values()
    titles += ID_TAG["initiate_flow"].values()
    titles.append(STEPS["user"]["menu_options"]["ocpp"])
    for title in titles:
        assert f"**{title}**" in TEXT


def test_each_part_of_the_options_is_named() -> None:
    texts = OPTIONS["init"]["menu_options"]
    for option in options_flow._OFFERED["ocpp"]:
        assert f"**Configure > {texts[option]}**" in TEXT


def test_no_field_is_made_up() -> None:
    """Each row of the tables of fields is one."""
    known = {it for _, text in FORMS for it in labels(text)}
    told = rows(PAGE, "Fields") + rows(PAGE, "Id tags")
    assert {it[0] for it in told} <= known


# Entities

TABLES: list[tuple[str, str]] = [
    ("Of a charge point", "CP__0"),
    ("Of a connector", "CP__1"),
]


@pytest.mark.parametrize(("heading", "device_id"), TABLES)
def test_each_entity_has_its_row(heading: str, device_id: str) -> None:
    """With whether it is enabled, and no other has one."""
    own = (
        ocpp_descriptions.CONNECTOR
        if device_id.endswith("1")
        else ocpp_descriptions.CHARGE_POINT
    )
    looks = (
        ocpp_descriptions.describe_ocpp(f"{device_id}__{it}", device_id) for it in own
    )
    expected = {
        NAMES_OF[str(it.translation_key)]: "yes" if it.enabled_default else "no"
        for it in looks
        if it is not None
    }
    if not device_id.endswith("1"):
        expected[ENGLISH["entity"]["update"][update.FIRMWARE.key]["name"]] = "yes"
    assert {name: enabled for name, enabled, _ in rows(PAGE, heading)} == expected


_TOTALS = {
    Combine.SUM: "sum",
    Combine.MEAN: "mean",
    Combine.MAX: "the largest",
    Combine.NONE: "none",
}


def test_each_measurand_has_its_row() -> None:
    expected = []
    for name, it in MEASURANDS.items():
        looks = ocpp_descriptions.describe_ocpp(f"CP__1__{name}", "CP__1")
        assert looks is not None
        enabled = "yes" if looks.enabled_default else "no"
        entity = NAMES_OF[str(looks.translation_key)]
        expected.append(
            [f"`{name}`", entity, it.unit or "", _TOTALS[it.combine], enabled]
        )
    assert rows(PAGE, "Measurands") == sorted(expected)


def test_each_place_with_a_name_is_told() -> None:
    """And how the others are named."""
    text = part(PAGE, "Measurands").replace("\n", " ")
    for name in NAMES.values():
        looks = ocpp_descriptions.describe_ocpp(f"CP__1__{name}", "CP__1")
        assert looks is not None
        if name in MEASURANDS:
            continue
        if looks.translation_placeholders:
            assert not looks.enabled_default
        else:
            assert f"**{NAMES_OF[str(looks.translation_key)]}**" in text
    current = ocpp_descriptions.describe_ocpp("CP__1__Current.Import__L1", "CP__1")
    assert current is not None
    shown = NAMES_OF[str(current.translation_key)].format(
        **dict(current.translation_placeholders)
    )
    assert f"**{shown}**" in text


def test_each_event_has_its_row() -> None:
    text = part(PAGE, "Events")
    shown = {name: of for name, _, of in rows(PAGE, "Events")}
    entities = ENGLISH["entity"]["event"]
    assert set(shown) == {entities[it.key]["name"] for it in event.OCPP_EVENTS}
    for it in event.OCPP_EVENTS:
        of = shown[entities[it.key]["name"]]
        assert of.startswith("Of a connector" if it.of_connector else "Of a charge po")
        for event_type in it.event_types or ():
            assert f"`{event_type}`" in text
    assert {*SECURITY_EVENTS, "other"} <= set(re.findall(r"`(\w+)`", text))


# The quirks


def test_each_quirk_has_its_row() -> None:
    shown = dict(rows(PAGE, "Quirks"))
    assert sorted(shown) == sorted(LABELS.values())
    assert not any(it.endswith("No effect yet.") for it in shown.values())


def test_numbers_of_quirks() -> None:
    shown = dict(rows(PAGE, "Quirks"))
    gentle = quirks.adjustments([quirks.Quirk.GENTLE_START])
    told = re.findall(r"\d+", shown[LABELS["gentle_start"]])
    assert told == [f"{gentle.boot_delay:g}", f"{gentle.call_pause:g}"]
    patient = quirks.adjustments([quirks.Quirk.NO_PONG]).silence_limit
    assert f"{patient / 60:g} minutes" in shown[LABELS["no_pong"]]
    short = quirks.adjustments([quirks.Quirk.SHORT_ID_TAGS]).id_tag_length
    assert str(short) in LABELS["short_id_tags"]
    assert f"waits {quirks.adjustments([]).boot_delay:g} seconds" in TEXT
    assert f"{charge_point.BOOT_GRACE:g} seconds later" in TEXT


MAKES = rows(WALLBOXES, "What is adapted automatically")


@pytest.mark.parametrize("row", MAKES, ids=lambda row: row[0])
def test_what_is_adapted(row: list[str]) -> None:
    vendor, model_name, firmware = re.findall(r"`(.*?)`", row[1])
    identity = model.Identity(
        vendor=vendor, model=model_name, firmware_version=firmware
    )
    assert set(row[2].split("; ")) == {LABELS[it] for it in quirks.quirks_of(identity)}


def test_each_make_has_its_row() -> None:
    """Each line of the engine's table is about one of them."""
    identities = [
        model.Identity(vendor=vendor, model=model_name, firmware_version=firmware)
        for vendor, model_name, firmware in (
            re.findall(r"`(.*?)`", it[1]) for it in MAKES
        )
    ]
    for line in quirks._TABLE:
        assert any(quirks._concerns(line, it, "") for it in identities), line.vendor


def test_ids_that_tell_the_make() -> None:
    text = part(WALLBOXES, "What is adapted automatically").rpartition("|\n")[2]
    found = re.findall(r"`(\S+)` for\s(\w+)", text)
    known = [it for it in quirks._TABLE if it.known_id]
    assert found
    for charge_point_id, make in found:
        vendor = next(it[1].split("`")[1] for it in MAKES if it[0].startswith(make))
        ours = [it for it in known if re.search(it.vendor, vendor, re.IGNORECASE)]
        assert quirks.quirks_of(model.Identity(), charge_point_id) == frozenset().union(
            *(it.quirks for it in ours)
        )
        known = [it for it in known if it not in ours]
    assert not known


@pytest.mark.parametrize(
    "row",
    [it for it in rows(WALLBOXES, "What to enter in any wallbox") if it[0][0] == "`"],
)
def test_what_wallboxes_make_of_the_address(row: list[str]) -> None:
    assert id_of(code(row[0])) == code(row[1])


# What happens


async def test_each_step_of_the_start_has_its_row() -> None:
    """And each setting that is written."""

    class Gone:
        """A charge point that hung up."""

        config = model.ChargePointConfig(id="CP")
        adjustments = quirks.Adjustments(boot_delay=0)
        configuration = configuration.Configuration()
        identity = model.Identity()
        connector_ids = ()
        has_statuses = False
        asked = 0

        def wishes(self, booted: bool) -> Mapping[str, Callable[[], Awaitable[str]]]:
            """Want what the user wants of every charge point."""
            config = model.ChargePointConfig(id="CP")
            return charge_point.ChargePoint(config, Mock()).wishes(booted)

        async def call(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
            """Have no connection."""
            raise calls.CallFailed(calls.CallReason.NOT_CONNECTED, action)

        def connectors_reported(self, count: int) -> None:
            """Have none."""

        def changed(self) -> None:
            """Keep nothing."""

    sequence = startup.StartUp(Gone(), boot_wait=0, status_wait=0)
    await sequence.run(booted=True)
    shown = {
        code(step): what for step, what in rows(PAGE, "What happens after a start")
    }
    assert list(shown) == list(sequence.report)
    source = "".join(
        (PACKAGE / f"ocpp/{name}.py").read_text()
        for name in ("startup", "key_writing", "measurand_choice")
    )
    written = set(re.findall(r'"((?:\w+Interval)|MeterValuesSampledData)"', source))
    told = {it for what in shown.values() for it in re.findall(r"`(\w+)` is wri", what)}
    assert told == written


def test_each_datapoint_is_named() -> None:
    text = part(PAGE, "Datapoints")
    own = {
        value
        for name, value in vars(datapoints).items()
        if name.isupper() and isinstance(value, str)
    }
    assert own == {*ocpp_descriptions.CHARGE_POINT, *ocpp_descriptions.CONNECTOR}
    assert own <= set(re.findall(r"`(\w+)`", text))
    for key, _ in rows(PAGE, "Datapoints"):
        _, connector_id, name = code(key).split("__", 2)
        device_id = model.device_id_of("GARAGE", int(connector_id))
        looks = ocpp_descriptions.describe_ocpp(code(key), device_id)
        assert looks is not None
        assert name in own or split_name(name) is not None


_OPTIONS = server.ServerOptions(port=0)
LIMITS: dict[str, Callable[[], object]] = {
    "Connections of a hub": lambda: _OPTIONS.max_connections,
    "Failures per minute, of an id at an address, and of ids at an address": lambda: (
        _OPTIONS.max_failures
    ),
    "Charge points that wait to be added": lambda: pairing.MAX_PENDING,
    "Size of a message": lambda: f"{_OPTIONS.max_message_size >> 20} MiB",
    "Time to take what is sent": lambda: f"{session.WRITE_TIMEOUT:g} s",
    "Connectors of a charge point": lambda: model.MAX_CONNECTORS,
    "Datapoints of a charge point": lambda: charge_point.MAX_DATAPOINTS,
    "Values in a message": lambda: samples._MAX_SAMPLES,
    "Configuration keys of a charge point": lambda: configuration.MAX_KEYS,
    "Questions that wait for a charge point": lambda: session.MAX_WAITING_CALLS,
    "Finished sessions of a charge point": lambda: transactions.MAX_FINISHED,
    "Characters of a charge point id": lambda: model.MAX_ID_LENGTH,
    "Messages of a charge point in the diagnostics": lambda: session.MAX_HISTORY,
}


def test_limits() -> None:
    assert dict(rows(PAGE, "Limits")) == {it: str(of()) for it, of in LIMITS.items()}


# What goes wrong


def test_each_refusal_is_explained() -> None:
    """Each status that the server answers has its row, and no other one."""
    source = (PACKAGE / "ocpp/server.py").read_text()
    given = {
        str(HTTPStatus[it].value) for it in re.findall(r"HTTPStatus\.([A-Z_]+)", source)
    }
    told = rows(read("troubleshooting.md"), "When a wallbox does not connect")
    assert {it[0] for it in told if it[0].isdigit()} == given
