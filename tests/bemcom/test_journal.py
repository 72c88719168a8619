"""Lines of the log: some, and a count of the others."""

import asyncio
import json
import logging
from typing import Any

import pytest

from custom_components.bemcom_connectors.bemcom.journal import Journal, JournalHandler


def test_a_few_lines_and_then_some_more() -> None:
    lines: list[Any] = []
    time = [0]
    journal = Journal(lambda it: lines.append(json.loads(it)), lambda: time[0])
    for _ in range(30):
        journal.info("here", "It happened")
    assert len(lines) == 20
    time[0] = 1000
    journal.warning("here", "Again")
    journal.error("here", "Never")
    assert lines[20:] == [
        {
            "timestamp": 1000,
            "msg": "Again (10 lines before this one were left out)",
            "emitter": "here",
            "level": 30,
        }
    ]
    time[0] = -5000  # the clock was set back
    journal.info("here", "Never")
    time[0] = -4000
    journal.info("here", "Once more")
    assert lines[-1]["msg"] == "Once more (2 lines before this one were left out)"


def test_what_is_logged_is_a_line() -> None:
    lines: list[Any] = []
    journal = Journal(lambda it: lines.append(json.loads(it)), lambda: 0)
    handler = JournalHandler(journal, lambda call: call())
    logger = logging.getLogger("tests.journal")
    logger.addHandler(handler)
    try:
        for _ in range(30):
            logger.warning("%d %s", 5, "times")
        logger.debug("not this")
    finally:
        logger.removeHandler(handler)
    assert len(lines) == 20
    assert lines[0]["msg"] == "5 times"
    assert lines[0]["emitter"] == "test_what_is_logged_is_a_line"
    assert lines[0]["level"] == 30


def test_lines_that_were_left_out_are_told_of_with_the_next_record() -> None:
    lines: list[Any] = []
    time = [0]
    journal = Journal(lambda it: lines.append(json.loads(it)), lambda: time[0])
    handler = JournalHandler(journal, lambda call: call())
    for number in range(22):
        handler.handle(logging.LogRecord("a", 20, "", 1, f"{number}", (), None, "f"))
    time[0] = 1000
    handler.handle(logging.LogRecord("a", 20, "", 1, "22", (), None, "f"))
    assert lines[-1]["msg"] == "22 (2 lines before this one were left out)"


def test_a_line_after_the_end_does_no_harm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Threads may log when the event loop is closed already."""
    loop = asyncio.new_event_loop()
    loop.close()
    failed: list[logging.LogRecord] = []
    handler = JournalHandler(Journal(print, lambda: 0), loop.call_soon_threadsafe)
    monkeypatch.setattr(handler, "handleError", failed.append)
    record = logging.LogRecord("a", 20, "", 1, "Too late", (), None, "f")
    handler.handle(record)
    assert failed == [record]
