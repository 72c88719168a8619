"""An OCPP hub in a Home Assistant process of its own, under the load of many charge points."""

import argparse
import asyncio
import json
from pathlib import Path
import socket
import sys
from tempfile import TemporaryDirectory
from typing import Any, override

from demo.flows import SubentryFlow
from demo.home_assistant import REPOSITORY, HomeAssistantApi, HomeAssistantProcess
from demo.hubs import create_ocpp_hub

_WATCH = "loop_watch"
_PAUSES = "loop_watch.pauses"
# The event loop is never to be busy for longer at a stretch.
_LONGEST_MS = 100.0


# What brings the recorder along. Its commits make Python collect the garbage of the whole
# process, which halts the event loop for as long as that takes, whoever wrote the states.
_RECORDED = ("history:", "logbook:", "energy:")


class LoadedHomeAssistant(HomeAssistantProcess):
    """A Home Assistant that watches its event loop."""

    recorder = False

    @override
    def prepare(self) -> None:
        """Write the configuration."""
        super().prepare()
        link = self.config_dir / "custom_components" / _WATCH
        link.symlink_to(REPOSITORY / "benchmarks" / _WATCH)
        configuration = self.config_dir / "configuration.yaml"
        lines = configuration.read_text().splitlines()
        if not self.recorder:
            lines = [line for line in lines if line not in _RECORDED]
        configuration.write_text("\n".join([*lines, f"{_WATCH}:", ""]))

    def resident_mib(self) -> float:
        """Return the memory it takes."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1_024


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _add_charge_points(api: HomeAssistantApi, count: int) -> None:
    """Add charge points by hand, before they dial in."""
    entry_id = (await api.config_entries())[0]["entry_id"]
    for number in range(count):
        flow = await SubentryFlow.begin(api, entry_id, "charge_point")
        await flow.submit(id=f"LOAD-{number}")
        assert flow.at == "create_entry", flow.step


async def _watched(api: HomeAssistantApi) -> dict[str, Any]:
    """Return what the watch saw since it was asked last."""
    await api.act("loop_watch.report")
    attributes: dict[str, Any] = (await api.states())[_PAUSES]["attributes"]
    return attributes


async def _dial(port: int, count: int, seconds: float) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "benchmarks.ocpp_client", "--port", f"{port}", "--count", f"{count}"),
        *("--interval", "1", "--seconds", f"{seconds}", "--settle", "20"),
        stdout=asyncio.subprocess.PIPE,
        cwd=REPOSITORY,
    )


async def _measure(
    home_assistant: LoadedHomeAssistant, count: int, seconds: float
) -> bool:
    """Load it, print what was seen, and return whether all is well."""
    port = _free_port()
    async with HomeAssistantApi(home_assistant.url) as api:
        await api.sign_in("load", "load")
        await api.wait_running()
        await create_ocpp_hub(api, "load", port)
        await _add_charge_points(api, count)
        memory_before = home_assistant.resident_mib()
        await _watched(api)
        process = await _dial(port, count, seconds)
        assert process.stdout is not None
        assert await process.stdout.readline() == b"dialled\n"
        dialling = await _watched(api)
        # Every connection has its entities now, and what is asked of it was answered.
        assert await process.stdout.readline() == b"settled\n"
        before = await _watched(api)
        result = json.loads(await process.stdout.readline())
        after = await _watched(api)
        memory_after = home_assistant.resident_mib()
        await process.wait()
        states = await api.states()
    cpu = 100 * (after["cpu_seconds"] - before["cpu_seconds"]) / seconds
    print(f"""
charge points            {count}, for {seconds:.0f} s
states of Home Assistant {len(states)}
sent, answered           {result["sent"]}, {result["answered"]}
refused                  {result["refused"]}
connections dropped      {result["closed"]}
slowest answer           {result["longest_ms"]:.0f} ms
longest pauses           {after["longest_ms"]} ms
  while they dialled in  {dialling["longest_ms"]} ms
  while they settled     {before["longest_ms"]} ms
CPU                      {cpu:.0f} % of a core
memory                   {memory_after:.0f} MiB, {memory_before:.0f} before they dialled in
""")
    return (
        result["sent"] == result["answered"]
        and not result["refused"]
        and not result["closed"]
        and after["longest_ms"][0] <= _LONGEST_MS
    )


async def run(options: argparse.Namespace) -> int:
    """Run it from begin to end."""
    with TemporaryDirectory() as folder:
        home_assistant = LoadedHomeAssistant(Path(folder) / "config", _free_port())
        home_assistant.recorder = options.recorder
        home_assistant.prepare()
        try:
            await home_assistant.start()
            kept = await _measure(home_assistant, options.count, options.seconds)
        finally:
            await home_assistant.stop()
        for line in home_assistant.read_output().splitlines():
            if options.log or "ERROR" in line or "WARNING" in line:
                print(line)
    return 0 if kept else 1


def main() -> int:
    """Read the options and run."""
    parser = argparse.ArgumentParser(prog="scripts/load-ocpp", description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="charge points (200)")
    parser.add_argument("--seconds", type=float, default=300, help="how long (300)")
    parser.add_argument(
        "--recorder", action="store_true", help="with a database, and its pauses"
    )
    parser.add_argument("--log", action="store_true", help="print all of the log")
    return asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
