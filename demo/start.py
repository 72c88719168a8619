"""Start Home Assistant with simulated devices, set up and ready to look at.

It listens on this machine only. What it stores stays in .demo/config, so that the next start
finds everything as it was left; `--reset` begins again.
"""

import argparse
import asyncio
from pathlib import Path
import shutil
import sys

from demo.bemcom import DEFAULT_PORT, BemcomApi
from demo.broker import BrokerStartError, DemoBroker
from demo.charge_point import ChargePoint
from demo.dashboard import DASHBOARD_PATH, save_dashboard
from demo.home_assistant import (
    REPOSITORY,
    RESTART_EXIT_CODE,
    HomeAssistantApi,
    HomeAssistantError,
    HomeAssistantProcess,
)
from demo.hubs import OCPP, DevicesAt, create_missing_hubs, mirror_hub, pair_wallbox
from demo.meter import JsonMeter, YamlMeter, on_stop_signal
from demo.serial_device import SerialSensor
from demo.visits import Visits

USERNAME = "demo"
PASSWORD = "demo"  # noqa: S105 (it is printed on every start, and works on this machine only)

WALLBOX = "DEMO-1"


def say(text: str) -> None:
    """Tell the user what happens."""
    print(text, flush=True)


async def set_up(
    home_assistant: HomeAssistantProcess, devices: DevicesAt, *, paired: bool
) -> None:
    """Bring a Home Assistant that answers to the state a visitor should find."""
    async with HomeAssistantApi(home_assistant.url) as api:
        await api.sign_in(USERNAME, PASSWORD)
        await api.wait_running()
        await api.command(
            "config/core/update",
            location_name="Demo",
            country="DE",
            currency="EUR",
            time_zone="Europe/Berlin",
            unit_system="metric",
        )
        for title in await create_missing_hubs(api, devices):
            say(f"    set up {title}")
        if await mirror_hub(api, OCPP, devices.mqtt_port):
            say(f"    mirrored {OCPP}")
        if paired and await pair_wallbox(api, devices.wallbox_id):
            say(f"    paired {devices.wallbox_id}")
        await save_dashboard(api, paired=paired)


async def run(options: argparse.Namespace, stop: asyncio.Event) -> None:
    """Run devices and Home Assistant until told to stop, or until Home Assistant ends."""
    if options.reset:
        shutil.rmtree(options.config, ignore_errors=True)
        beside(options.config, "wallbox.json").unlink(missing_ok=True)
    first_time = not (options.config / ".storage").exists()
    home_assistant = HomeAssistantProcess(options.config, options.port)
    home_assistant.prepare()

    say("==> Starting the simulated devices")
    wallbox = ChargePoint(
        f"ws://127.0.0.1:{options.ocpp_port}",
        WALLBOX,
        memory=beside(options.config, "wallbox.json"),
        back_off=(1.0, 5.0),
    )
    broker = DemoBroker(beside(options.config, "broker"), port=options.mqtt_port)
    async with (
        broker,
        BemcomApi(OCPP, port=broker.port),
        JsonMeter(port=options.json_port) as json_meter,
        YamlMeter(port=options.yaml_port) as yaml_meter,
        SerialSensor(serial_port_beside(options.config)) as sensor,
        wallbox,
        Visits(wallbox),
    ):
        devices = DevicesAt(
            json_meter.port,
            yaml_meter.port,
            sensor.path,
            options.ocpp_port,
            wallbox.id,
            broker.port,
        )
        while not stop.is_set():
            say(
                "==> Starting Home Assistant"
                + (" (a minute or two the first time)" if first_time else "")
            )
            try:
                await home_assistant.start()
                say("==> Setting it up")
                await set_up(home_assistant, devices, paired=not options.unpaired)
                announce(home_assistant, devices, broker)
                code = await home_assistant.wait()
            finally:
                say("==> Stopping Home Assistant")
                await home_assistant.stop()
            if code != RESTART_EXIT_CODE:
                raise HomeAssistantError(
                    f"Home Assistant ended with code {code}; its output is in "
                    f"{home_assistant.output_path}"
                )


def serial_port_beside(config: Path) -> Path:
    """Return where the sensor's port is: the same at each start, another for each folder."""
    return beside(config, "serial-port")


def beside(config: Path, what: str) -> Path:
    """Return where something is kept beside a folder of configuration."""
    name = what if config.name == "config" else f"{config.name}-{what}"
    return config.absolute().with_name(name)


def announce(
    home_assistant: HomeAssistantProcess, devices: DevicesAt, broker: DemoBroker
) -> None:
    """Say where to look."""
    watch = f".venv-ha/bin/python -m demo.bemcom_api --port {broker.port} watch"
    say(f"""
    Home Assistant         {home_assistant.url}/{DASHBOARD_PATH}
    user / password        {USERNAME} / {PASSWORD}

    JSON meter             127.0.0.1:{devices.json_port}
    YAML weather station   127.0.0.1:{devices.yaml_port}
    serial sensor          {devices.serial_port}
    wallbox {devices.wallbox_id:<14} dials in to port {devices.ocpp_port}
    MQTT broker            127.0.0.1:{broker.port} ({broker.name}): {OCPP} is mirrored there
    look at it             {watch}
    log                    {home_assistant.output_path}

Ready. Press Ctrl-C to stop.""")


async def main() -> int:
    """Read the options and run until a signal comes."""
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__)
    parser.add_argument(
        "--config",
        type=Path,
        default=REPOSITORY / ".demo/config",
        help="configuration folder of Home Assistant (.demo/config)",
    )
    parser.add_argument(
        "--port", type=int, default=8123, help="of Home Assistant (8123)"
    )
    parser.add_argument(
        "--json-port", type=int, default=5020, help="of the meter (5020)"
    )
    parser.add_argument(
        "--yaml-port", type=int, default=5021, help="of the weather station (5021)"
    )
    parser.add_argument(
        "--ocpp-port", type=int, default=9000, help="that the wallbox dials (9000)"
    )
    parser.add_argument(
        "--mqtt-port",
        type=int,
        default=DEFAULT_PORT,
        help=f"of the broker ({DEFAULT_PORT})",
    )
    parser.add_argument(
        "--unpaired", action="store_true", help="leave the wallbox to be discovered"
    )
    parser.add_argument("--reset", action="store_true", help="forget earlier starts")
    options = parser.parse_args()

    stop = asyncio.Event()
    task = asyncio.create_task(run(options, stop))

    def end() -> None:
        # Once: an impatient second Ctrl-C must not leave Home Assistant behind.
        if not stop.is_set():
            stop.set()
            task.cancel()

    on_stop_signal(end)
    try:
        await task
    except asyncio.CancelledError:
        return 0
    except (BrokerStartError, HomeAssistantError, OSError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
