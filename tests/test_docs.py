"""The documentation tells the truth: everything is explained, links and names lead somewhere."""

from pathlib import Path
import re

import pytest

from custom_components.bemcom_connectors.connector.baud_rate import COMMON_BAUD_RATES
from custom_components.bemcom_connectors.options_flow import _OF_OCPP_ONLY
from tests.ocpp_looks import keys_of
from tests.pages import ENGLISH, PAGES, STEPS, labels, read
from tests.source import REPOSITORY, modules

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


# The kinds of hubs


@pytest.mark.parametrize("kind", ["tcp", "serial"])
def test_each_field_of_a_hub_is_explained(kind: str) -> None:
    text = read(f"{kind}.md")
    for label in labels(STEPS[kind]):
        assert f"| {label} |" in text


def test_each_field_of_a_request_is_explained() -> None:
    text = read("serial.md")
    for label in labels(STEPS["request"]):
        assert f"| {label} |" in text


def test_each_part_of_the_options_is_named() -> None:
    """Those of an OCPP hub are elsewhere, see test_docs_ocpp.py."""
    text = read("tcp.md")
    for option, label in ENGLISH["options"]["step"]["init"]["menu_options"].items():
        assert (f"**{label}**" in text) != (option in _OF_OCPP_ONLY)


def test_each_option_of_thingsboard_is_explained() -> None:
    text = read("serial.md")
    for name in (
        "port",
        "baudrate",
        "timeout",
        "bytesize",
        "parity",
        "stopbits",
        "xonxoff",
        "rtscts",
        "dsrdtr",
        "writeTimeout",
        "interByteTimeout",
        "exclusive",
        "delimiter",
        "byteorder",
        "telemetry",
        "attributes",
        "attributeUpdates",
        "serverSideRpc",
        "reportStrategy",
    ):
        assert f"| `{name}` |" in text


def test_the_common_baud_rates_are_listed() -> None:
    listed = re.search(r"up to 5\s+seconds: ([\d,\sand]+)\.", read("serial.md"))
    assert listed
    assert re.findall(r"\d+", listed[1]) == [str(rate) for rate in COMMON_BAUD_RATES]


def test_each_variable_of_bemcom_is_explained() -> None:
    text = read("tcp.md")
    for name in (
        "CONNECTOR_NAME",
        "SERVER_IP",
        "SERVER_PORT",
        "RECV_BUFSIZE",
        "RECV_TIMEOUT",
        "PARSE_AS",
    ):
        assert f"| `{name}` |" in text


def test_each_entity_of_a_hub_is_explained() -> None:
    """Those of charge points are elsewhere, see test_docs_ocpp.py."""
    text = read("datapoints.md")
    shown = []
    for platform, entities in ENGLISH["entity"].items():
        for key in {*entities} - keys_of(platform):
            shown.append(key)
            assert f"| {entities[key]['name']} |" in text
    assert {"connection", "message", "dropped_frames"} <= {*shown}


# Troubleshooting


def first_sentence(text: str) -> str:
    """Return the beginning of a message as the tables show it."""
    return re.sub(r"{\w+}", "…", re.split(r"(?<=\.) ", text)[0])


@pytest.mark.parametrize(
    "kind", ["config", "options", *sorted(ENGLISH["config_subentries"])]
)
def test_each_message_of_the_dialog_is_explained(kind: str) -> None:
    text = read("troubleshooting.md")
    flow = ENGLISH[kind] if kind in ENGLISH else ENGLISH["config_subentries"][kind]
    for key, message in {**flow["error"], **flow.get("abort", {})}.items():
        if key.startswith("invalid_") and "{reason}" in message:
            continue  # explained as one
        assert f"| {first_sentence(message)}" in text, key


def test_each_error_of_an_action_is_explained() -> None:
    """And of a hub; that there is no link, the messages of the dialog say."""
    text = read("troubleshooting.md")
    for key, error in ENGLISH["exceptions"].items():
        if key.startswith("link_") or key in {"not_connected", "options_invalid"}:
            continue
        assert f"| {first_sentence(error['message'])} |" in text, key


def test_each_reason_is_one_that_is_given() -> None:
    """Those why an actuator cannot be used are in the engine, word for word."""
    text = read("troubleshooting.md").partition("| Reason | What to do |")[2]
    rows = re.findall(r"^\| (.+?) \|", text.partition("\n\n")[0], re.MULTILINE)[1:]
    engine = "".join(
        it.read_text() for it in modules() if it.parent.name == "connector"
    )
    assert len(rows) > 5
    for part in (it for row in rows for it in re.split(r", … | *… *", row)):
        assert part in engine, part


def test_each_dead_end_of_the_dialog_is_explained() -> None:
    text = read("troubleshooting.md")
    for step in ("no_data", "link_lost", "garbled", "no_baud_rate", "no_datapoints"):
        assert f"**{STEPS[step]['title']}.**" in text


def test_each_repair_issue_is_explained() -> None:
    text = read("troubleshooting.md")
    for issue in ENGLISH["issues"].values():
        assert f"| {first_sentence(issue['title'])} |" in text


def test_all_of_system_health_is_explained() -> None:
    text = read("troubleshooting.md")
    for label in ENGLISH["system_health"]["info"].values():
        assert f"| {label} |" in text


def test_each_action_is_named() -> None:
    """With a link to what test_docs_actions.py, or that of control, looks at."""
    text = PAGES[0].read_text()
    control = read("ocpp_control.md")
    for key, action in ENGLISH["services"].items():
        anchor = action["name"].lower().replace(" ", "-")
        is_control = f"`bemcom_connectors.{key}`" in control
        page = "ocpp_control.md" if is_control else "actions.md"
        assert f"| [{action['name']}](docs/{page}#{anchor}) |" in text


def test_each_kind_of_hub_is_named() -> None:
    text = PAGES[0].read_text().replace("\n   ", " ")
    for label in STEPS["user"]["menu_options"].values():
        assert f"**{label}**" in text


# Architecture


def test_each_module_has_its_line() -> None:
    listed: set[Path] = set()
    folder = REPOSITORY
    for line in read("architecture.md").splitlines():
        if re.fullmatch(r"custom_components/\S+/", line):
            folder = REPOSITORY / line
        elif module := re.match(r"  (\w+\.py) ", line):
            listed.add(folder / module[1])
    assert listed == set(modules())


def test_scripts_exist() -> None:
    for page in PAGES:
        for name in re.findall(r"\bscripts/([\w-]+)", page.read_text()):
            assert (REPOSITORY / "scripts" / name).is_file(), f"{page.name}: {name}"


# Links


def slugs(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    found: set[str] = set()
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for heading in re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        count = 0
        while (numbered := f"{slug}-{count}" if count else slug) in found:
            count += 1
        found.add(numbered)
    return found


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if re.match(r"https?://", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), target
        if anchor:
            assert anchor in slugs(path), target


def test_each_page_is_linked_from_the_readme() -> None:
    text = PAGES[0].read_text()
    for page in PAGES[1:]:
        assert f"(docs/{page.name})" in text


@each_page
def test_pages_are_plain(page: Path) -> None:
    """No emojis, no images from elsewhere."""
    text = page.read_text()
    assert not re.search("[\u2600-\u27bf\U0001f300-\U0001faff]", text)
    assert not re.search(r"!\[[^\]]*\]\(https?:", text)
