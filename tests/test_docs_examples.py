"""The examples of the formats and the serial hub are run, and nothing they need is left out."""

import asyncio
from pathlib import Path
import re

import pytest

from custom_components.bemcom_connectors.connector.converters import Converter
from custom_components.bemcom_connectors.connector.model import Chunk
from custom_components.bemcom_connectors.connector.recognition import Decoded, decode
from custom_components.bemcom_connectors.connector.thingsboard import read_thingsboard
from custom_components.bemcom_connectors.parsers import (
    converters_folder,
    create_hub_parser,
    parser_aside,
)
from homeassistant.core import HomeAssistant
from tests.pages import EXAMPLES, SELECTORS, STEPS, TABLES, Example, check, labels, read

ALL = [example for page in EXAMPLES.values() for example in page]
# Formats that are read with the help of Home Assistant.
_ASIDE = {"template", "converter"}


def each(examples: list[Example]) -> pytest.MarkDecorator:
    """Run a test for each of the examples."""
    return pytest.mark.parametrize(
        "example", examples, ids=lambda example: example.place
    )


each_plain = each([it for it in ALL if it.settings["format"] not in _ASIDE])
each_aside = each([it for it in ALL if it.settings["format"] in _ASIDE])


@pytest.mark.parametrize("page", EXAMPLES)
def test_each_table_of_datapoints_belongs_to_an_example(page: str) -> None:
    assert len(EXAMPLES[page]) == read(page).count("| Datapoint | Value |")


@each_plain
def test_example(example: Example) -> None:
    check(decode(example.sample, example.settings), example)


@each_plain
def test_example_in_pieces(example: Example) -> None:
    if example.settings["framing"] == "chunk":
        return
    pieces = [
        Chunk(chunk.time, bytes([byte]))
        for chunk in example.sample
        for byte in chunk.data
    ]
    assert decode(pieces, example.settings).datapoints == example.datapoints


@pytest.fixture
def converters(hass: HomeAssistant, tmp_path: Path) -> None:
    """Put the converters of the page into Home Assistant's folder."""
    hass.config.config_dir = str(tmp_path)
    folder = converters_folder(hass)
    folder.mkdir(parents=True)
    for name, source in re.findall(
        r"file\s+`(\w+)\.py`[^`]*\n\n```python\n(.*?)```",
        read("formats.md"),
        re.DOTALL,
    ):
        (folder / f"{name}.py").write_text(source)


@each_aside
@pytest.mark.usefixtures("converters")
async def test_example_aside(hass: HomeAssistant, example: Example) -> None:
    """In a thread, as the preview does it."""

    def run() -> Decoded:
        with parser_aside(hass, example.settings) as parse:
            return decode(example.sample, example.settings, parse)

    check(await hass.async_add_executor_job(run), example)


@each_aside
@pytest.mark.usefixtures("converters")
async def test_example_of_a_hub(hass: HomeAssistant, example: Example) -> None:
    """In the event loop where the parser is one for it, as a hub does it."""
    parser = create_hub_parser(hass, example.settings)
    if not isinstance(parser, Converter):
        check(decode(example.sample, example.settings, parser), example)
        return
    try:
        decoded = await asyncio.to_thread(
            decode, example.sample, example.settings, parser.parse
        )
    finally:
        await asyncio.to_thread(parser.close)
    check(decoded, example)


def test_each_framing_and_format_has_an_example() -> None:
    for name in ("framing", "format", "lists"):
        shown = {it.settings.get(name) for it in EXAMPLES["formats.md"]} - {None}
        assert shown == set(SELECTORS[name]["options"])


@pytest.mark.parametrize("name", ["framing", "format", "lists", "slice_mode"])
def test_each_choice_is_explained(name: str) -> None:
    text = read("formats.md")
    for choice, label in SELECTORS[name]["options"].items():
        assert f"{label} (`{choice}`)" in text


@pytest.mark.parametrize("name", ["slice_type", "checksum"])
def test_each_choice_has_its_row(name: str) -> None:
    text = read("formats.md")
    for label in SELECTORS[name]["options"].values():
        assert f"| {label} |" in text


def test_each_parameter_is_explained() -> None:
    text = read("formats.md")
    for label in labels(STEPS["parameters"]):
        assert f"| {label} |" in text
    for table in TABLES:
        for column in SELECTORS[table]["fields"].values():
            assert f"| {column['name']} |" in text


def test_the_pasted_configuration_gives_the_datapoints_of_the_example() -> None:
    text = read("serial.md")
    (pasted,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    example = EXAMPLES["serial.md"][-1]
    check(decode(example.sample, read_thingsboard(pasted)), example)
