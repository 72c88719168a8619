"""Run all benchmarks and print the table; exit with 1 where a budget is missed."""

import sys

from benchmarks import engine, imports, mirror, ocpp, states
from benchmarks.measure import HEADER


def main() -> int:
    """Run, print, judge."""
    kept = True
    print(HEADER, flush=True)
    for module in (engine, states, ocpp, mirror):
        for row in module.rows():
            print(row, flush=True)
            kept &= isinstance(row, str) or row.kept
    text, import_kept = imports.line()
    print(text)
    return 0 if kept and import_kept else 1


if __name__ == "__main__":
    sys.exit(main())
