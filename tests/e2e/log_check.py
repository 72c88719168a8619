"""What must not stand in Home Assistant's log."""

import re

EXPECTED = (
    # Home Assistant says this of every custom integration,
    "We found a custom integration bemcom_connectors",
    # and writes down what it has told the caller of an action.
    "] Error during service call to ",
)
RECORD = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+\S* (\w+) \(", re.MULTILINE)

# At the end of a process that did not get rid of everything it had started.
LEFTOVERS = (
    "non-daemonic threads",
    "was destroyed but it is pending",
    "was never awaited",
    "Shutdown stage",
    "still running after",
    "Exception ignored in",
    "Fatal Python error",
)


def records(log: str) -> list[tuple[str, str]]:
    """Split a log into (level, text with its traceback)."""
    starts = [match.start() for match in RECORD.finditer(log)]
    texts = [log[a:b] for a, b in zip(starts, [*starts[1:], len(log)], strict=True)]
    return [(RECORD.match(text)[1], text) for text in texts]


def complaints(log: str) -> list[str]:
    """Return the warnings and errors that name the integration, and what was left over."""
    found = [
        text
        for level, text in records(log)
        if level not in ("DEBUG", "INFO")
        and "bemcom_connectors" in text
        and not any(it in text for it in EXPECTED)
    ]
    return found + [
        line for line in log.splitlines() if any(x in line for x in LEFTOVERS)
    ]
