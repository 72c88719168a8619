"""Recorded inputs and outputs of the upstream systems, read by area.

The project's shared folder holds all of them; the copy beside this file holds the rows of the
areas that tests here run, for where there is no such folder.
"""

from functools import cache
import json
from pathlib import Path
from typing import Any

import pytest

_HERE = Path(__file__).parent
_SHARED = _HERE.parents[2] / "shared" / "vectors"

type Row = dict[str, Any]


@cache
def _load(name: str) -> list[Row]:
    """Return the rows of a file."""
    for folder in (_SHARED, _HERE):
        if (file := folder / name).exists():
            rows: list[Row] = json.loads(file.read_text())["vectors"]
            return rows
    raise FileNotFoundError(name)


def area(name: str, file: str = "bemcom.json") -> pytest.MarkDecorator:
    """Run a test with every row of an area."""
    rows = rows_of(name, file)
    return pytest.mark.parametrize("row", rows, ids=[row["id"] for row in rows])


def rows_of(area: str, file: str) -> list[Row]:
    """Return the rows of an area."""
    return [row for row in _load(file) if row["area"] == area]


def areas(file: str) -> set[str]:
    """Return the areas that a file has."""
    return {row["area"] for row in _load(file)}


def row_of(id: str, file: str) -> Row:
    """Return one row; files without areas have only names."""
    return next(row for row in _load(file) if row["id"] == id)


def expectation(row: Row) -> dict[str, Any]:
    """Return what a row asks for: what upstream does, or better where that is a fault."""
    if row["policy"] == "improve":
        return dict(row["recommended"])
    return dict(row["expected"])
