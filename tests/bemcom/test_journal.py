"""Lines of the log: some, and a count of the others."""

import json
import logging
from typing import Any

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
