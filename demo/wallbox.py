"""The simulated wallbox as a program, with guests that come and go.

Run it with `python -m demo.wallbox ws://127.0.0.1:9000`.
"""

import argparse
import asyncio
from pathlib import Path

from demo.charge_point import ChargePoint
from demo.meter import on_stop_signal
from demo.visits import Visits


async def main() -> None:
    """Be a wallbox with guests until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m demo.wallbox", description=__doc__)
    parser.add_argument("url", help="of the central system, as ws://127.0.0.1:9000")
    parser.add_argument("--id", default="DEMO-1")
    parser.add_argument("--password", default="")
    parser.add_argument("--memory", type=Path, help="file that keeps its registers")
    options = parser.parse_args()

    stop = asyncio.Event()
    on_stop_signal(stop.set)
    charge_point = ChargePoint(
        options.url, options.id, password=options.password, memory=options.memory
    )
    async with charge_point, Visits(charge_point):
        print(f"Wallbox {charge_point.id}: {charge_point.link.address}", flush=True)
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(main())
