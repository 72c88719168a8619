"""What importing the integration costs, beyond Home Assistant itself."""

import os
from pathlib import Path
from statistics import median
import subprocess
import sys
from tempfile import TemporaryDirectory

BUDGET_MS = 150

_SCRIPT = """
import importlib, sys, time
import homeassistant.bootstrap, homeassistant.config_entries
from homeassistant.components import binary_sensor, diagnostics, sensor, system_health
from homeassistant.components import button, event, number, select, switch, text
from homeassistant.components import usb  # which every default configuration has
from homeassistant.helpers import selector, storage, update_coordinator
from homeassistant.util import ssl
began = time.perf_counter()
for name in (
    "config_flow", "diagnostics", "system_health",
    "binary_sensor", "button", "event", "number", "select", "sensor", "switch", "text",
):
    importlib.import_module(f"custom_components.bemcom_connectors.{name}")
print((time.perf_counter() - began) * 1000)
"""


def import_time() -> float:
    """Return the median over fresh processes, in milliseconds.

    The first one compiles the modules, as Home Assistant does once after an update.
    """
    with TemporaryDirectory() as folder:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": folder}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        times = [
            float(
                subprocess.run(
                    [sys.executable, "-c", _SCRIPT],
                    check=True,
                    capture_output=True,
                    text=True,
                    cwd=Path(__file__).parent.parent,
                    env=environment,
                ).stdout
            )
            for _ in range(6)
        ]
    return median(times[1:])


def line() -> tuple[str, bool]:
    """Return the table's line, and whether the budget is kept."""
    took = import_time()
    kept = took <= BUDGET_MS
    verdict = "kept" if kept else "MISSED"
    return (
        f"| importing the integration | {took:.0f} ms | Home Assistant already imported "
        f"| | ≤ {BUDGET_MS} ms | {verdict} |"
    ), kept
